// SPDX-License-Identifier: GPL-2.0-only
/*
 * io.c - completions of the running task's IO.
 *
 * A kc_io is on its task's ring or on its list of deferred ones; either way only that task touches
 * it. thr completes what is ready in batches; det completes one at a time, drawn from all that are
 * in flight, so that every order of completion is some seed's. done() runs in hard-irq context and
 * in scope LAB_LOWER: what it completes is a transfer of the lower device.
 */
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <kc/facility.h>
#include <kc/io.h>
#include "host.h"

#define KC_IO_BATCH	32		/* completions fetched from the ring at once */

/**
 * kc_io_defer - let a simulated transfer complete at the task's next wait
 * @io: done is set; not in flight
 * @res: what done() gets
 *
 * Context: task or irq.
 */
void kc_io_defer(struct kc_io *io, int res)
{
	io->res = res;
	list_add_tail(&io->node, &current->kc_deferred);
	current->kc_nr_deferred++;
}

/** kc_io_ring_rw - start a read or write on the task's ring: host_ring_rw() with @io as its completion */
int kc_io_ring_rw(struct kc_io *io, struct host_disk *disk, int op, unsigned int flags,
		  const struct host_iovec *iov, unsigned int nr, u64 off_bytes)
{
	return host_ring_rw(disk, (enum host_op)op, flags, iov, nr, off_bytes, io);
}

/**
 * kc_io_ring_ctl - start a flush, punch or zero on the task's ring: host_ring_ctl() with @io as its
 * completion
 */
int kc_io_ring_ctl(struct kc_io *io, struct host_disk *disk, int op, u64 off_bytes, u64 len_bytes)
{
	return host_ring_ctl(disk, (enum host_op)op, off_bytes, len_bytes, io);
}

static void kc_io_end_deferred(struct task_struct *me, struct kc_io *io)
{
	list_del(&io->node);
	me->kc_nr_deferred--;
	io->done(io, io->res);
}

/*
 * Those that are deferred now, not those that their completions defer: a chain of IOs must not keep
 * the task from its state.
 */
static unsigned int kc_io_run_deferred(struct task_struct *me, unsigned int budget)
{
	unsigned int todo = min(me->kc_nr_deferred, budget), n;

	for (n = 0; n < todo; n++)
		kc_io_end_deferred(me, list_first_entry(&me->kc_deferred, struct kc_io, node));
	return todo;
}

static unsigned int kc_io_run_ring(unsigned int budget)
{
	struct host_cqe cqe[KC_IO_BATCH];
	unsigned int done = 0, want, got, i;

	do {
		want = min(budget - done, (unsigned int)KC_IO_BATCH);
		got = host_ring_reap(cqe, want);
		for (i = 0; i < got; i++) {
			struct kc_io *io = cqe[i].cookie;

			io->done(io, cqe[i].res);
		}
		done += got;
	} while (got == KC_IO_BATCH && done < budget);
	return done;
}

/* One of all in flight, drawn by the seed. */
static unsigned int kc_io_run_drawn(struct task_struct *me)
{
	unsigned int total = me->kc_nr_deferred + host_ring_inflight();
	struct kc_io *io;
	u64 drawn;

	if (!total)
		return 0;
	drawn = host_rand(total);
	if (drawn >= me->kc_nr_deferred)
		return kc_io_run_ring(1);
	list_for_each_entry(io, &me->kc_deferred, node) {
		if (!drawn--)
			break;
	}
	kc_io_end_deferred(me, io);
	return 1;
}

/**
 * kc_io_run_ready - complete what is ready, without submitting or waiting
 * @budget: at most so many; det: one
 *
 * Return: how many. Context: task, not atomic.
 */
unsigned int kc_io_run_ready(unsigned int budget)
{
	struct task_struct *me = current;
	enum lab_scope old;
	unsigned int n = 0;

	KC_BUG_ON(me->kc_irq_depth || preempt_count(), "IO completions polled in atomic context");
	old = lab_scope_enter(LAB_LOWER);
	me->kc_irq_depth++;
	if (kc_det_on) {
		n = kc_io_run_drawn(me);
	} else {
		n = kc_io_run_deferred(me, budget);
		if (n < budget && host_ring_inflight())
			n += kc_io_run_ring(budget - n);
	}
	me->kc_irq_depth--;
	lab_scope_leave(old);
	return n;
}

/**
 * kc_io_poll - complete what is ready, without waiting
 * @budget: at most so many; det: one
 *
 * What is queued on the ring is submitted if nothing was ready, so a loop of polls gets somewhere.
 *
 * Return: how many completed. Context: task, not under a spinlock, not irq.
 */
unsigned int kc_io_poll(unsigned int budget)
{
	unsigned int n = kc_io_run_ready(budget);

	if (!n && host_ring_inflight())
		host_ring_kick();
	kc_io_count_enters();
	return n;
}

/** kc_io_inflight - transfers of current that have not completed */
unsigned int kc_io_inflight(void)
{
	return current->kc_nr_deferred + host_ring_inflight();
}

/** kc_io_want - wake current for no less than @ios completions, if the host can (>= 1; 0 counts as 1) */
void kc_io_want(unsigned int ios)
{
	current->kc_want_ios = ios ? ios : 1;
}

/** kc_io_drain - wait until nothing of current is in flight */
void kc_io_drain(void)
{
	while (kc_io_inflight()) {
		if (!kc_io_run_ready(-1U))
			host_park(current->kc_nr_deferred, 1);
	}
	kc_io_count_enters();
}

/** kc_io_count_enters - bring the probe RING_ENTERS of current up to date; it is the lower device's */
void kc_io_count_enters(void)
{
	u64 enters = host_ring_enters();
	enum lab_scope old = lab_scope_enter(LAB_LOWER);

	lab_probe_add(RING_ENTERS, enters - current->kc_ring_enters);
	current->kc_ring_enters = enters;
	lab_scope_leave(old);
}
