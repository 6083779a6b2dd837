// SPDX-License-Identifier: GPL-2.0-only
/*
 * wait.c - tests of wait queues and completions.
 */
#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/sched.h>
#include <linux/wait.h>
#include <kc/world.h>
#include "lab_test.h"

#define TASKS	5

struct room {
	struct wait_queue_head wq;
	struct completion asleep;
	bool open;
	atomic_t through;
};

static int wait_for_open(void *data)
{
	struct room *r = data;

	complete(&r->asleep);
	wait_event(r->wq, READ_ONCE(r->open));
	atomic_inc(&r->through);
	return 7;
}

LAB_TEST(wait, wake_up_all_wakes_all)
{
	struct room r = { .open = false };
	struct task_struct *task[TASKS];
	unsigned int i;

	init_waitqueue_head(&r.wq);
	init_completion(&r.asleep);
	for (i = 0; i < TASKS; i++)
		task[i] = kthread_run(wait_for_open, &r, "room/%u", i);
	for (i = 0; i < TASKS; i++)
		wait_for_completion(&r.asleep);
	lab_expect_eq(atomic_read(&r.through), 0);
	wake_up_all(&r.wq);		/* the condition does not hold: all wait on */
	WRITE_ONCE(r.open, true);
	wake_up_all(&r.wq);
	for (i = 0; i < TASKS; i++)
		lab_expect_eq(kthread_stop(task[i]), 7);
	lab_expect_eq(atomic_read(&r.through), TASKS);
	lab_expect(!waitqueue_active(&r.wq));
}

/* --- exclusive waiters: one a wake-up, in order --------------------------------------------------- */

struct tickets {
	struct wait_queue_head wq;
	struct completion asleep, served;
	atomic_t left;
	unsigned int order[TASKS], nr;
	unsigned int next;
};

static int take_ticket(void *data)
{
	struct tickets *t = data;
	unsigned int me = t->next++;
	DEFINE_WAIT(wait);

	prepare_to_wait_exclusive(&t->wq, &wait, TASK_UNINTERRUPTIBLE);
	complete(&t->asleep);
	schedule();
	finish_wait(&t->wq, &wait);
	t->order[t->nr++] = me;
	complete(&t->served);
	return 0;
}

LAB_TEST(wait, exclusive_waiters_are_woken_one_by_one_in_order)
{
	struct tickets t = { .nr = 0 };
	struct task_struct *task[TASKS];
	unsigned int i;

	init_waitqueue_head(&t.wq);
	init_completion(&t.asleep);
	init_completion(&t.served);
	for (i = 0; i < TASKS; i++) {
		task[i] = kthread_run(take_ticket, &t, "ticket/%u", i);
		wait_for_completion(&t.asleep);
	}
	for (i = 0; i < TASKS; i++) {
		wake_up(&t.wq);
		wait_for_completion(&t.served);
		lab_expect_eq(t.nr, i + 1);
		lab_expect_eq(t.order[i], i);
	}
	for (i = 0; i < TASKS; i++)
		kthread_stop(task[i]);
}

static int woken(struct wait_queue_entry *entry, unsigned int mode, int flags, void *key)
{
	++*(unsigned int *)entry->private;
	return entry->flags & WQ_FLAG_EXCLUSIVE ? 1 : 0;
}

LAB_TEST(wait, wake_up_counts_exclusive_entries_only)
{
	unsigned int calls[6] = { 0 }, i;
	struct wait_queue_entry entry[6];
	struct wait_queue_head wq;

	init_waitqueue_head(&wq);
	for (i = 0; i < 6; i++) {
		init_waitqueue_entry(&entry[i], NULL);
		entry[i].func = woken;
		entry[i].private = &calls[i];
		if (i < 3)
			add_wait_queue(&wq, &entry[i]);
		else
			add_wait_queue_exclusive(&wq, &entry[i]);
	}
	wake_up_nr(&wq, 2);
	for (i = 0; i < 6; i++)
		lab_expect_eq(calls[i], i < 5 ? 1 : 0);
	wake_up_all(&wq);
	for (i = 0; i < 6; i++)
		lab_expect_eq(calls[i], i < 5 ? 2 : 1);
	for (i = 0; i < 6; i++)
		remove_wait_queue(&wq, &entry[i]);
	lab_expect(!waitqueue_active(&wq));
}

LAB_TEST(wait, finished_wait_is_queued_no_more)
{
	struct wait_queue_head wq;
	DEFINE_WAIT(wait);

	init_waitqueue_head(&wq);
	prepare_to_wait(&wq, &wait, TASK_UNINTERRUPTIBLE);
	lab_expect_eq(task_state(current), TASK_UNINTERRUPTIBLE);
	lab_expect(waitqueue_active(&wq));
	prepare_to_wait(&wq, &wait, TASK_UNINTERRUPTIBLE);	/* queued once */
	finish_wait(&wq, &wait);
	lab_expect_eq(task_state(current), TASK_RUNNING);
	lab_expect(!waitqueue_active(&wq));
}

/* --- completions -------------------------------------------------------------------------------------- */

LAB_TEST(completion, counts)
{
	DECLARE_COMPLETION_ONSTACK(done);

	lab_expect(!try_wait_for_completion(&done));
	complete(&done);
	complete(&done);
	lab_expect(completion_done(&done));
	wait_for_completion(&done);
	lab_expect(try_wait_for_completion(&done));
	lab_expect(!completion_done(&done));
	complete_all(&done);
	wait_for_completion(&done);
	wait_for_completion(&done);
	lab_expect(completion_done(&done));
	reinit_completion(&done);
	lab_expect(!try_wait_for_completion(&done));
}

struct pingpong {
	struct completion ping, pong;
	unsigned int rounds, n;
};

static int pong(void *data)
{
	struct pingpong *p = data;
	unsigned int i;

	for (i = 0; i < p->rounds; i++) {
		wait_for_completion(&p->ping);
		p->n++;
		complete(&p->pong);
	}
	return 0;
}

LAB_TEST(completion, ping_pong_loses_nothing)
{
	struct pingpong p = { .rounds = lab_test_slow() ? 200 : 2000 };
	struct task_struct *task;
	unsigned int i;

	init_completion(&p.ping);
	init_completion(&p.pong);
	task = kthread_run(pong, &p, "pong");
	for (i = 0; i < p.rounds; i++) {
		complete(&p.ping);
		wait_for_completion(&p.pong);
		lab_expect_eq(p.n, i + 1);
	}
	lab_expect_eq(kthread_stop(task), 0);
}

static int complete_it(void *data)
{
	complete(data);
	return 0;
}

/* The completion is gone as soon as the waiter returns: under ASan a late touch by complete() is seen. */
LAB_TEST(completion, may_live_on_the_waiters_stack)
{
	unsigned int i;

	for (i = 0; i < (lab_test_slow() ? 20 : 100); i++) {
		struct completion *x = NULL;
		struct task_struct *task;

		{
			DECLARE_COMPLETION_ONSTACK(here);

			x = &here;
			task = kthread_run(complete_it, x, "late");
			wait_for_completion(&here);
		}
		lab_expect_eq(kthread_stop(task), 0);
	}
}
