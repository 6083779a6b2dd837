// SPDX-License-Identifier: GPL-2.0-only
/*
 * harness.c - tests that fail in every way a test can. scenarios/tests/harness.sh runs them one by
 * one and looks at what the runner makes of each.
 */
#include <linux/bug.h>
#include <linux/completion.h>
#include <linux/kthread.h>
#include <linux/mutex.h>
#include <linux/printk.h>
#include <linux/sched.h>

#include "lab_test.h"

LAB_TEST(broken, a_expectation)
{
	int have = 4;

	lab_expect_eq(have, 5);
}

LAB_TEST_BARE(broken, b_bare_expectation)
{
	lab_expect(!"this");
}

/* Between two that fail: they must not take it down with them. */
LAB_TEST(broken, c_sound)
{
	lab_expect(current != NULL);
}

LAB_TEST(broken, d_warns)
{
	WARN(1, "nobody expects this");
}

LAB_TEST(broken, e_memory_differs)
{
	lab_expect_mem("abcdef", "abcxef", 6);
}

static DEFINE_MUTEX(lock);

LAB_TEST(broken, f_keeps_a_lock)
{
	mutex_lock(&lock);
}

LAB_TEST(broken, skips)
{
	lab_test_skip("it always does");
}

LAB_TEST(broken, i_talks)
{
	printk("said in a sound test");
}

LAB_TEST(broken, j_talks_and_fails)
{
	printk("said before it failed");
	lab_expect(!"this");
}

LAB_TEST_BARE(broken, bug)
{
	printk("said before the BUG");
	BUG();
}

LAB_TEST_BARE(broken, crash)
{
	int *volatile nowhere = (int *)8;

	printk("said before the crash");
	*nowhere = 1;
}

static int until_stopped(void *data)
{
	complete(data);
	while (!kthread_should_stop())
		yield();
	return 0;
}

/*
 * In thr a thread that does not wait cannot be taken back: the runner must stop, and count what it
 * has not run.
 */
LAB_TEST(broken, leaves_a_thread)
{
	DECLARE_COMPLETION_ONSTACK(runs);
	struct task_struct *task = kthread_run(until_stopped, &runs, "left over");

	wait_for_completion(&runs);
	lab_expect(task == NULL);
}

static int until_woken(void *data)
{
	set_current_state(TASK_UNINTERRUPTIBLE);
	schedule();
	return 0;
}

/* One that waits can. */
LAB_TEST(broken, g_leaves_a_waiting_thread)
{
	struct task_struct *task = kthread_run(until_woken, NULL, "left over");

	lab_expect(task == NULL);
}

LAB_TEST(broken, h_skips_beside_a_waiting_thread)
{
	lab_expect(kthread_run(until_woken, NULL, "left over") != NULL);
	lab_test_skip("it need not run");
}

LAB_TEST(broken, hangs)
{
	for (;;)
		yield();
}

LAB_TEST(broken, leaves_a_thread_then_this)
{
	lab_expect(current != NULL);
}

LAB_TEST(broken, waits_for_ever)
{
	DECLARE_COMPLETION_ONSTACK(never);

	wait_for_completion(&never);
}
