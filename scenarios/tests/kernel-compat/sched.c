// SPDX-License-Identifier: GPL-2.0-only
/*
 * sched.c - tests of waiting, of who may wait, and of the det engine as seen from above: deadlocks
 * found, order reproducible.
 */
#include <linux/completion.h>
#include <linux/irqflags.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <kc/io.h>
#include <kc/world.h>
#include "host.h"
#include "lab_test.h"

LAB_TEST(sched, schedule_returns_at_once_when_running)
{
	__set_current_state(TASK_RUNNING);
	schedule();
	set_current_state(TASK_UNINTERRUPTIBLE);
	lab_expect_eq(wake_up_process(current), 1);
	lab_expect_eq(wake_up_process(current), 0);
	schedule();
	lab_expect_eq(task_state(current), TASK_RUNNING);
}

LAB_TEST(sched, contexts_nest)
{
	unsigned long flags, inner;

	lab_expect(!in_atomic());
	lab_expect(!in_hardirq());
	lab_expect(!irqs_disabled());
	local_irq_save(flags);
#ifdef KC_PREEMPT_COUNT
	lab_expect(irqs_disabled());
	local_irq_save(inner);
	local_irq_restore(inner);
	lab_expect(irqs_disabled());
	preempt_disable();
	lab_expect(in_atomic());
	preempt_enable();
#else
	(void)inner;
#endif
	local_irq_restore(flags);
	lab_expect(!irqs_disabled());
	lab_expect(!in_atomic());
}

LAB_TEST(sched, memalloc_scopes_nest)
{
	unsigned int outer = memalloc_noio_save(), inner = memalloc_noio_save(), fs = memalloc_nofs_save();

	lab_expect(current->flags & PF_MEMALLOC_NOIO);
	memalloc_noio_restore(inner);
	lab_expect(current->flags & PF_MEMALLOC_NOIO);
	memalloc_noio_restore(outer);
	lab_expect(!(current->flags & PF_MEMALLOC_NOIO));
	lab_expect(current->flags & PF_MEMALLOC_NOFS);
	memalloc_nofs_restore(fs);
	lab_expect(!(current->flags & PF_MEMALLOC_NOFS));
}

/* --- who may not wait ------------------------------------------------------------------------------ */

static void in_world(void *arg)
{
	int bad = -1;

	kc_run(false, 1, NULL, (void (*)(void *))arg, NULL, &bad);
}

static int run_and_die(void (*fn)(void *arg))
{
	return lab_test_fork(in_world, (void *)fn);
}

static void sleep_in_completion(struct kc_io *io, int res)
{
	set_current_state(TASK_UNINTERRUPTIBLE);
	schedule();
}

static void wait_in_irq(void *arg)
{
	struct kc_io io = { .done = sleep_in_completion };

	kc_io_defer(&io, 0);
	kc_io_poll(1);
}

LAB_TEST_BARE(sched, waiting_in_a_completion_is_caught)
{
	lab_expect_eq(run_and_die(wait_in_irq), LAB_DIED);
	lab_expect(lab_test_fork_said("scheduling while atomic"));
}

#ifdef KC_DEBUG
static DEFINE_MUTEX(lock);

static void lock_in_completion(struct kc_io *io, int res)
{
	mutex_lock(&lock);
}

static void sleeping_lock_in_irq(void *arg)
{
	struct kc_io io = { .done = lock_in_completion };

	kc_io_defer(&io, 0);
	kc_io_poll(1);
}

LAB_TEST_BARE(sched, sleeping_lock_in_a_completion_is_caught)
{
	lab_expect_eq(run_and_die(sleeping_lock_in_irq), LAB_DIED);
	lab_expect(lab_test_fork_said("sleeping function called in atomic context"));
	lab_expect(lab_test_fork_said("irq depth 1"));
}

static void wait_under_submit(void *arg)
{
	DECLARE_COMPLETION_ONSTACK(never);

	kc_nowait_begin();
	wait_for_completion(&never);
}

LAB_TEST_BARE(sched, waiting_under_submission_is_caught_with_both_sites)
{
	lab_expect_eq(run_and_die(wait_under_submit), LAB_DIED);
	lab_expect(lab_test_fork_said("waiting under a stacking driver's submission, which began at "
				      "scenarios/tests/kernel-compat/sched.c:"));
	lab_expect(lab_test_fork_said("sched.c:"));
}

static int hold_lock(void *data)
{
	mutex_lock(&lock);
	complete(data);
	while (!kthread_should_stop())
		yield();
	mutex_unlock(&lock);
	return 0;
}

static void contend_under_submit(void *arg)
{
	DECLARE_COMPLETION_ONSTACK(held);

	kthread_run(hold_lock, &held, "holder");
	wait_for_completion(&held);
	kc_nowait_begin();
	mutex_lock(&lock);
}

LAB_TEST_BARE(sched, contended_mutex_under_submission_is_caught)
{
	lab_expect_eq(run_and_die(contend_under_submit), LAB_DIED);
	lab_expect(lab_test_fork_said("waiting under a stacking driver's submission"));
}

LAB_TEST(sched, free_mutex_under_submission_is_fine)
{
	kc_nowait_begin();
	kc_nowait_begin();
	mutex_lock(&lock);
	mutex_unlock(&lock);
	kc_nowait_end();
	kc_nowait_end();
	lab_expect_eq(current->kc_nowait_depth, 0);
}
#endif

/* --- the det engine ---------------------------------------------------------------------------------- */

#ifdef KC_DET
/* A wake-up between the look at the condition and the setting of the state is lost: the textbook mistake. */
struct sleeper {
	bool condition, careful;
	struct completion done;
};

static void linger(void)
{
	unsigned int i;

	for (i = 0; i < 5; i++)
		cond_resched();
}

static int sleep_once(void *data)
{
	struct sleeper *s = data;

	if (s->careful)
		set_current_state(TASK_UNINTERRUPTIBLE);
	while (!READ_ONCE(s->condition)) {
		linger();
		set_current_state(TASK_UNINTERRUPTIBLE);
		if (!s->careful || !READ_ONCE(s->condition))
			schedule();
	}
	__set_current_state(TASK_RUNNING);
	complete(&s->done);
	return 0;
}

static void wake_once(void *arg)
{
	struct sleeper s = { .careful = *(bool *)arg };
	struct task_struct *task;

	init_completion(&s.done);
	task = kthread_run(sleep_once, &s, "sleeper");
	linger();
	WRITE_ONCE(s.condition, true);
	wake_up_process(task);
	wait_for_completion(&s.done);
	kthread_stop(task);
}

static unsigned int deadlocks_of(bool careful, unsigned int seeds)
{
	unsigned int seed, deadlocks = 0;
	enum kc_run_status status;
	int bad;

	for (seed = 0; seed < seeds; seed++) {
		lab_test_seed(seed);
		status = kc_run(true, seed, NULL, wake_once, &careful, &bad);
		lab_expect(status == KC_RUN_DONE || status == KC_RUN_DEADLOCK);
		lab_expect_eq(bad, status == KC_RUN_DEADLOCK ? 1 : 0);
		deadlocks += status == KC_RUN_DEADLOCK;
	}
	return deadlocks;
}

LAB_TEST_BARE(det, lost_wakeup_is_a_deadlock_that_seeds_find)
{
	unsigned int seeds = lab_test_slow() ? 30 : 200, careless, careful;

	host_det_limits(0, 0);
	careless = deadlocks_of(false, seeds);
	careful = deadlocks_of(true, seeds);
	host_det_limits(0, 1);
	lab_expect_gt(careless, 0);
	lab_expect_lt(careless, seeds);
	lab_expect_eq(careful, 0);
}
#endif
