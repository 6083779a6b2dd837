// SPDX-License-Identifier: GPL-2.0-only
/*
 * io.c - tests of simulated transfers: where, when and in which context they complete.
 */
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/completion.h>
#include <linux/sched.h>
#include <kc/io.h>
#include <kc/probe.h>
#include <kc/world.h>
#include "lab_test.h"

#define IOS	10

struct one {
	struct kc_io io;
	struct task_struct *by;
	bool irq;
	enum lab_scope scope;
	unsigned int calls, again;
	int res;
};

static void end_one(struct kc_io *io, int res)
{
	struct one *o = container_of(io, struct one, io);

	o->by = current;
	o->irq = in_hardirq() && in_atomic();
	o->scope = lab_scope();
	o->calls++;
	o->res = res;
	if (o->again) {
		o->again--;
		kc_io_defer(io, res);
	}
}

LAB_TEST(io, completes_in_its_task_in_irq_context_in_scope_lower)
{
	struct one o[IOS];
	unsigned int i, n = 0;

	for (i = 0; i < IOS; i++) {
		o[i] = (struct one){ .io.done = end_one, .res = -1 };
		kc_io_defer(&o[i].io, (int)(100 + i));
		lab_expect_eq(o[i].calls, 0);
	}
	lab_expect_eq(kc_io_inflight(), IOS);
	while (kc_io_inflight())
		n += kc_io_poll(-1U);
	lab_expect_eq(n, IOS);
	for (i = 0; i < IOS; i++) {
		lab_expect_eq(o[i].calls, 1);
		lab_expect_eq(o[i].res, 100 + i);
		lab_expect(o[i].by == current);
		lab_expect(o[i].irq);
		lab_expect_eq(o[i].scope, LAB_LOWER);
	}
	lab_expect(!in_hardirq());
	lab_expect_eq(lab_scope(), LAB_UPPER);
	lab_expect_eq(kc_io_poll(1), 0);
}

LAB_TEST(io, budget_is_kept)
{
	struct one o[3];
	unsigned int i;

	for (i = 0; i < 3; i++) {
		o[i] = (struct one){ .io.done = end_one };
		kc_io_defer(&o[i].io, 0);
	}
	for (i = 0; i < 3; i++) {
		lab_expect_eq(kc_io_inflight(), 3 - i);
		lab_expect_eq(kc_io_poll(1), 1);
	}
	lab_expect_eq(kc_io_inflight(), 0);
}

/*
 * A transfer that starts itself again from done() must not keep schedule() from seeing that the
 * task was woken.
 */
static void end_and_wake(struct kc_io *io, int res)
{
	struct one *o = container_of(io, struct one, io);

	o->calls++;
	if (o->again--)
		kc_io_defer(io, 0);
	wake_up_process(o->by);
}

LAB_TEST(io, chain_of_transfers_does_not_hold_the_task)
{
	struct one o = { .io.done = end_and_wake, .by = current, .again = 5 };
	unsigned int waits = 0;

	kc_io_defer(&o.io, 0);
	while (kc_io_inflight()) {
		set_current_state(TASK_UNINTERRUPTIBLE);
		schedule();
		waits++;
	}
	lab_expect_eq(o.calls, 6);
	lab_expect_eq(waits, 6);
}

static int ends_with_io(void *data)
{
	struct one *o = data;

	kc_io_defer(&o->io, 7);
	return 0;
}

LAB_TEST(io, task_does_not_end_before_its_transfers)
{
	struct one o = { .io.done = end_one };
	struct task_struct *task = kthread_create(ends_with_io, &o, "ender");

	wake_up_process(task);
	while (task_state(task) != TASK_DEAD)
		yield();
	lab_expect_eq(kthread_stop(task), 0);
	lab_expect_eq(o.calls, 1);
	lab_expect_eq(o.res, 7);
	lab_expect(o.by == task);
}

#ifdef KC_DET
struct two {
	struct kc_io io;
	unsigned int *order;
	unsigned int id;
};

static void end_two(struct kc_io *io, int res)
{
	struct two *t = container_of(io, struct two, io);

	*t->order = *t->order * 10 + t->id;
}

static void two_ios(void *arg)
{
	struct two t[2];
	unsigned int i;

	for (i = 0; i < 2; i++) {
		t[i] = (struct two){ .io.done = end_two, .order = arg, .id = i + 1 };
		kc_io_defer(&t[i].io, 0);
	}
	while (kc_io_inflight())
		kc_io_poll(2);
}

static unsigned int order_of_two(u64 seed)
{
	unsigned int order = 0;
	int bad;

	lab_expect_eq(kc_run(true, seed, NULL, two_ios, &order, &bad), KC_RUN_DONE);
	return order;
}

LAB_TEST_BARE(io, det_completes_in_either_order)
{
	bool forward = false, backward = false;
	unsigned int seed;

	for (seed = 0; seed < 64 && !(forward && backward); seed++) {
		unsigned int order = order_of_two(seed);

		lab_expect(order == 12 || order == 21);
		forward |= order == 12;
		backward |= order == 21;
	}
	lab_expect(forward);
	lab_expect(backward);
}
#endif
