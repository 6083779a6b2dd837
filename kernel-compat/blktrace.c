// SPDX-License-Identifier: GPL-2.0-only
/*
 * blktrace.c - keeping block events.
 *
 * A slot is taken by one atomic add, then filled by its owner alone: no lock, and events of one task are in its order.
 * When the room is full events are only counted, so that whoever reads knows what is missing. The clock is looked at
 * without moving it: a det run goes on as it would unseen. There many things happen at one instant; tools sort by
 * time, so an event that is not later than the one before is put one nanosecond behind it.
 */
#include <linux/atomic.h>
#include <linux/bug.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <kc/blktrace.h>
#include <kc/facility.h>

struct lab_blktrace *kc_blktrace_into;
static u64 kc_blktrace_last_ns;		/* det only: one task runs */

/**
 * kc_blktrace_start - keep events from now on
 * @into: room for them, behind those it has; outlives kc_blktrace_stop()
 *
 * Context: task, while no other is at a block device.
 */
void kc_blktrace_start(struct lab_blktrace *into)
{
	BUG_ON(kc_blktrace_into);
	BUILD_BUG_ON(sizeof(current->comm) < LAB_BE_COMM);
	WRITE_ONCE(kc_blktrace_into, into);
}

/** kc_blktrace_stop - no more. Nothing to do if nobody listens. Context: as kc_blktrace_start(). */
void kc_blktrace_stop(void)
{
	WRITE_ONCE(kc_blktrace_into, NULL);
}

/** kc_blktrace_reset - a new world: the one before may have been abandoned while somebody listened */
void kc_blktrace_reset(void)
{
	kc_blktrace_into = NULL;
	kc_blktrace_last_ns = 0;
}

static u64 kc_blktrace_now_ns(void)
{
	u64 now = host_clock_peek_ns();

	if (!kc_det_on)
		return now;
	if (now <= kc_blktrace_last_ns)
		now = kc_blktrace_last_ns + 1;
	kc_blktrace_last_ns = now;
	return now;
}

/**
 * kc_blktrace_add - keep one event
 * @ev: everything but time and task, which are filled in here
 *
 * Context: any.
 */
void kc_blktrace_add(struct lab_blkevent *ev)
{
	struct lab_blktrace *into = READ_ONCE(kc_blktrace_into);
	u64 slot;

	if (!into)
		return;
	slot = __atomic_fetch_add(&into->nr, 1, __ATOMIC_RELAXED);
	if (slot >= into->max)
		return;
	ev->at_ns = kc_blktrace_now_ns();
	ev->pid = current ? current->pid : 0;
	memset(ev->comm, 0, sizeof(ev->comm));
	if (current)
		strscpy(ev->comm, current->comm, sizeof(ev->comm));
	into->events[slot] = *ev;
}
