// SPDX-License-Identifier: GPL-2.0-only
/*
 * kthread.c - tests of kernel threads.
 */
#include <linux/completion.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <kc/world.h>
#include "lab_test.h"

struct life {
	struct completion began;
	bool ran;
	int pid;
	char comm[TASK_COMM_LEN];
};

static int until_stopped(void *data)
{
	struct life *l = data;

	l->ran = true;
	l->pid = current->pid;
	strscpy(l->comm, current->comm, sizeof(l->comm));
	complete(&l->began);
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (kthread_should_stop())
			break;
		schedule();
	}
	__set_current_state(TASK_RUNNING);
	return -42;
}

LAB_TEST(kthread, runs_until_stopped_and_returns_its_value)
{
	struct life l = { .ran = false };
	struct task_struct *task;

	init_completion(&l.began);
	task = kthread_run(until_stopped, &l, "a name of %d letters, cut", 27);
	wait_for_completion(&l.began);
	lab_expect(l.ran);
	lab_expect_eq(l.pid, task->pid);
	lab_expect_ne(l.pid, current->pid);
	lab_expect_eq(strcmp(l.comm, "a name of 27 le"), 0);
	lab_expect(task->flags & PF_KTHREAD);
	lab_expect_eq(kthread_stop(task), -42);
}

LAB_TEST(kthread, one_that_was_never_woken_does_not_run)
{
	struct life l = { .ran = false };
	struct task_struct *task;

	init_completion(&l.began);
	task = kthread_create(until_stopped, &l, "asleep");
	lab_expect(!IS_ERR(task));
	yield();
	lab_expect(!l.ran);
	lab_expect_eq(kthread_stop(task), -EINTR);
	lab_expect(!l.ran);
}

static int at_once(void *data)
{
	complete(data);
	return 3;
}

LAB_TEST(kthread, one_that_ended_by_itself_is_stopped_all_the_same)
{
	DECLARE_COMPLETION_ONSTACK(began);
	struct task_struct *task = kthread_run(at_once, &began, "short");

	wait_for_completion(&began);
	lab_expect_eq(kthread_stop(task), 3);
}

LAB_TEST(kthread, waking_an_ended_one_does_nothing)
{
	DECLARE_COMPLETION_ONSTACK(began);
	struct task_struct *task = kthread_run(at_once, &began, "short");

	wait_for_completion(&began);
	kthread_stop(task);
	lab_expect_eq(task_state(task), TASK_DEAD);
	lab_expect_eq(wake_up_process(task), 0);
	lab_expect_eq(task_state(task), TASK_DEAD);
}

static void forget_one(void *arg)
{
	static struct life l;

	init_completion(&l.began);
	kthread_run(until_stopped, &l, "forgotten");
	wait_for_completion(&l.began);
}

static void forget_in_run(void *arg)
{
	int bad = -1;

	lab_expect_eq(kc_run(*(bool *)arg, 1, NULL, forget_one, NULL, &bad), KC_RUN_ABORTED);
	lab_expect_eq(bad, 1);
}

LAB_TEST_BARE(kthread, one_that_was_not_stopped_is_found)
{
	bool det = false;

	lab_expect_eq(lab_test_fork(forget_in_run, &det), 0);
	lab_expect(lab_test_fork_said("audit: task forgotten/"));
#ifdef KC_DET
	det = true;
	lab_expect_eq(lab_test_fork(forget_in_run, &det), 0);
	lab_expect(lab_test_fork_said("audit: task forgotten/"));
#endif
}

#ifdef KC_DEBUG
static int leave_a_mess(void *data)
{
	preempt_disable();
	complete(data);
	return 0;
}

LAB_TEST(kthread, atomic_context_at_its_end_is_reported)
{
	DECLARE_COMPLETION_ONSTACK(began);
	struct task_struct *task;

	kc_expect_warn("messy leaves atomic context behind", 1);
	/* complete() with preemption off is fine; ending so is not. */
	task = kthread_run(leave_a_mess, &began, "messy");
	wait_for_completion(&began);
	lab_expect_eq(kthread_stop(task), 0);
}
#endif
