// SPDX-License-Identifier: GPL-2.0-only
/*
 * workqueue.c - tests of workqueues.
 */
#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/kernel.h>
#include <linux/sched.h>
#include <linux/workqueue.h>
#include <kc/fault.h>
#include <kc/probe.h>
#include <kc/world.h>
#include "host.h"
#include "lab_test.h"

#define ITEMS	16

struct item {
	struct work_struct work;
	struct completion *gate;	/* waits for it, if there is one */
	struct workqueue_struct *again;	/* queues itself there */
	unsigned int again_left;
	atomic_t runs, inside, worst;
	unsigned int *log, *log_n, id;
	enum lab_scope scope;
};

static void run_item(struct work_struct *work)
{
	struct item *it = container_of(work, struct item, work);
	int inside = atomic_inc_return(&it->inside);

	if (inside > atomic_read(&it->worst))
		atomic_set(&it->worst, inside);
	it->scope = lab_scope();
	if (it->again && it->again_left) {
		it->again_left--;
		queue_work(it->again, work);
	}
	if (it->log)
		it->log[(*it->log_n)++] = it->id;
	if (it->gate)
		wait_for_completion(it->gate);
	cond_resched();
	atomic_dec(&it->inside);
	atomic_inc(&it->runs);
}

static void init_items(struct item *it, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		it[i] = (struct item){ .id = i };
		INIT_WORK(&it[i].work, run_item);
	}
}

LAB_TEST(workqueue, everything_queued_runs_once)
{
	struct workqueue_struct *wq = alloc_workqueue("test", WQ_MEM_RECLAIM, 3);
	struct item it[ITEMS];
	unsigned int i;

	lab_expect(wq != NULL);
	init_items(it, ITEMS);
	for (i = 0; i < ITEMS; i++)
		lab_expect(queue_work(wq, &it[i].work));
	flush_workqueue(wq);
	for (i = 0; i < ITEMS; i++) {
		lab_expect_eq(atomic_read(&it[i].runs), 1);
		lab_expect(!work_pending(&it[i].work));
		lab_expect(!flush_work(&it[i].work));
	}
	destroy_workqueue(wq);
	lab_expect(!flush_work(&it[0].work));
}

LAB_TEST(workqueue, ordered_queue_keeps_order)
{
	struct workqueue_struct *wq = alloc_ordered_workqueue("ordered", 0);
	unsigned int log[ITEMS], n = 0, i;
	struct item it[ITEMS];

	init_items(it, ITEMS);
	for (i = 0; i < ITEMS; i++) {
		it[i].log = log;
		it[i].log_n = &n;
		queue_work(wq, &it[i].work);
	}
	destroy_workqueue(wq);
	lab_expect_eq(n, ITEMS);
	for (i = 0; i < ITEMS; i++)
		lab_expect_eq(log[i], i);
}

LAB_TEST(workqueue, pending_item_is_queued_once)
{
	struct workqueue_struct *wq = alloc_workqueue("test", 0, 1);
	DECLARE_COMPLETION_ONSTACK(gate);
	struct item it[2];

	init_items(it, 2);
	it[0].gate = &gate;
	lab_expect(queue_work(wq, &it[0].work));
	lab_expect(queue_work(wq, &it[1].work));	/* the only worker is busy */
	lab_expect(!queue_work(wq, &it[1].work));
	lab_expect(work_pending(&it[1].work));
	complete(&gate);
	flush_workqueue(wq);
	lab_expect_eq(atomic_read(&it[1].runs), 1);
	destroy_workqueue(wq);
}

/* Queued again while it runs: it runs again, but not beside itself. */
LAB_TEST(workqueue, item_never_runs_beside_itself)
{
	struct workqueue_struct *wq = alloc_workqueue("test", 0, 4);
	DECLARE_COMPLETION_ONSTACK(gate);
	struct item it[2];
	unsigned int i;

	init_items(it, 2);
	it[0].gate = &gate;
	lab_expect(queue_work(wq, &it[0].work));
	while (!atomic_read(&it[0].inside))
		yield();
	lab_expect(queue_work(wq, &it[0].work));
	for (i = 0; i < 50; i++) {
		queue_work(wq, &it[1].work);		/* others get past it */
		flush_work(&it[1].work);
		lab_expect_eq(atomic_read(&it[0].inside), 1);
	}
	complete(&gate);
	complete(&gate);
	flush_workqueue(wq);
	lab_expect_eq(atomic_read(&it[0].runs), 2);
	lab_expect_eq(atomic_read(&it[0].worst), 1);
	destroy_workqueue(wq);
}

LAB_TEST(workqueue, max_active_items_run_at_once)
{
	struct workqueue_struct *wq = alloc_workqueue("test", 0, 3);
	DECLARE_COMPLETION_ONSTACK(gate);
	struct item it[4];
	unsigned int i, inside;

	init_items(it, 4);
	for (i = 0; i < 4; i++) {
		it[i].gate = &gate;
		queue_work(wq, &it[i].work);
	}
	do {
		yield();
		for (i = 0, inside = 0; i < 4; i++)
			inside += (unsigned int)atomic_read(&it[i].inside);
	} while (inside < 3);
	lab_expect_eq(inside, 3);
	lab_expect(work_pending(&it[3].work));
	complete_all(&gate);
	flush_workqueue(wq);
	for (i = 0; i < 4; i++)
		lab_expect_eq(atomic_read(&it[i].runs), 1);
	destroy_workqueue(wq);
}

LAB_TEST(workqueue, flush_work_waits_for_that_item_only)
{
	struct workqueue_struct *wq = alloc_workqueue("test", 0, 2);
	DECLARE_COMPLETION_ONSTACK(gate);
	struct item it[2];

	init_items(it, 2);
	it[0].gate = &gate;
	queue_work(wq, &it[0].work);
	queue_work(wq, &it[1].work);
	flush_work(&it[1].work);
	lab_expect_eq(atomic_read(&it[1].runs), 1);
	lab_expect_eq(atomic_read(&it[0].runs), 0);
	complete(&gate);
	flush_work(&it[0].work);
	lab_expect_eq(atomic_read(&it[0].runs), 1);
	destroy_workqueue(wq);
}

LAB_TEST(workqueue, flush_workqueue_does_not_wait_for_later_items)
{
	struct workqueue_struct *wq = alloc_workqueue("test", 0, 2);
	struct item it[1];

	init_items(it, 1);
	it[0].again = wq;
	it[0].again_left = 1000000;		/* without end, as far as this test goes */
	queue_work(wq, &it[0].work);
	flush_workqueue(wq);
	lab_expect_ge(atomic_read(&it[0].runs), 1);
	cancel_work_sync(&it[0].work);
	lab_expect(!work_pending(&it[0].work));
	lab_expect_eq(atomic_read(&it[0].inside), 0);
	lab_expect_gt(it[0].again_left, 0);
	destroy_workqueue(wq);
}

LAB_TEST(workqueue, drain_waits_for_items_that_queue_themselves)
{
	struct workqueue_struct *wq = alloc_workqueue("test", 0, 2);
	struct item it[1];

	init_items(it, 1);
	it[0].again = wq;
	it[0].again_left = 20;
	queue_work(wq, &it[0].work);
	drain_workqueue(wq);
	lab_expect_eq(atomic_read(&it[0].runs), 21);
	destroy_workqueue(wq);
}

LAB_TEST(workqueue, cancel_takes_a_pending_item_out)
{
	struct workqueue_struct *wq = alloc_workqueue("test", 0, 1);
	DECLARE_COMPLETION_ONSTACK(gate);
	struct item it[2];

	init_items(it, 2);
	lab_expect(!cancel_work_sync(&it[1].work));	/* never queued */
	it[0].gate = &gate;
	queue_work(wq, &it[0].work);
	queue_work(wq, &it[1].work);
	lab_expect(cancel_work_sync(&it[1].work));
	lab_expect(!work_pending(&it[1].work));
	complete(&gate);
	flush_workqueue(wq);
	lab_expect_eq(atomic_read(&it[1].runs), 0);
	lab_expect(!cancel_work_sync(&it[0].work));	/* idle */
	lab_expect(queue_work(wq, &it[1].work));	/* can be queued again */
	flush_workqueue(wq);
	lab_expect_eq(atomic_read(&it[1].runs), 1);
	destroy_workqueue(wq);
}

LAB_TEST(workqueue, queueing_allocates_nothing_from_the_host)
{
	struct workqueue_struct *wq = alloc_workqueue("test", 0, 2);
	struct item it[ITEMS];
	unsigned int i, round;
	u64 before;

	init_items(it, ITEMS);
	before = host_alloc_count();
	for (round = 0; round < 10; round++) {
		for (i = 0; i < ITEMS; i++)
			queue_work(wq, &it[i].work);
		flush_workqueue(wq);
	}
	lab_expect_eq(host_alloc_count() - before, 0);
	destroy_workqueue(wq);
}

LAB_TEST(workqueue, item_runs_in_the_scope_that_queued_it)
{
	struct workqueue_struct *wq = alloc_workqueue("test", 0, 1);
	enum lab_scope old = lab_scope_enter(LAB_LOOP);
	struct item it[1];

	init_items(it, 1);
	it[0].scope = LAB_NR_SCOPES;
	queue_work(wq, &it[0].work);
	lab_scope_leave(old);
	flush_work(&it[0].work);
	lab_expect_eq(it[0].scope, LAB_LOOP);
	lab_expect_eq(lab_scope(), LAB_UPPER);
	destroy_workqueue(wq);
}

#define VAIN_ROUNDS	1000
#define VAIN_ENOUGH	8

static bool is_other(const struct task_struct *task, void *arg)
{
	return task != current;
}

/*
 * What a worker does that was woken for an item it does not find any more is on the account of who woke it, also if
 * it has never run an item. The item is taken back here; in a design a busy worker takes it first.
 */
LAB_TEST(workqueue, worker_woken_in_vain_counts_for_who_woke_it)
{
	unsigned int round, vain = 0;

	for (round = 0; round < VAIN_ROUNDS && vain < VAIN_ENOUGH; round++) {
		struct workqueue_struct *wq = alloc_workqueue("test", 0, 2);
		struct kc_probes others;
		enum lab_scope old;
		struct item it[1];

		init_items(it, 1);
		kc_tasks_settle();
		kc_probes_reset();
		old = lab_scope_enter(LAB_LOOP);
		queue_work(wq, &it[0].work);
		cancel_work_sync(&it[0].work);
		lab_scope_leave(old);
		kc_tasks_settle();
		kc_probes_read_of(&others, is_other, NULL);
		vain += !atomic_read(&it[0].runs);
		lab_expect_eq(others.n[LAB_UPPER][LAB_LOCKS], 0);
#if LAB_WITH_PROBES
		lab_expect_ge(others.n[LAB_LOOP][LAB_LOCKS], 1);
#endif
		destroy_workqueue(wq);
	}
	lab_expect_gt(vain, 0);
}

/* The n-th worker cannot be made: there is no queue, and those that were are gone (the world's audit). */
LAB_TEST(workqueue, without_threads)
{
	struct workqueue_struct *wq;
	unsigned int n;

	for (n = 1; n <= 4; n++) {
		kc_fault_nth(KC_FAULT_KTHREAD, n, 1);
		wq = alloc_workqueue("few", 0, 3);
		kc_fault_nth(KC_FAULT_KTHREAD, 0, 0);
		lab_expect_eq(!wq, n <= 3);
		if (wq)
			destroy_workqueue(wq);
	}
}
