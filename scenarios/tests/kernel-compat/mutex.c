// SPDX-License-Identifier: GPL-2.0-only
/*
 * mutex.c - tests of mutexes and spinlocks: exclusion, hand-over, misuse.
 */
#include <linux/completion.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <kc/probe.h>
#include <kc/world.h>
#include "lab_test.h"

#define TASKS	4

struct shared {
	struct mutex mutex;
	spinlock_t spin;
	bool use_spin;
	struct completion done;
	unsigned int rounds, inside, counter, worst;
};

/* A counter that is only right if nobody else is between its read and its write. */
static void count_once(struct shared *s)
{
	unsigned int seen = s->counter, inside = ++s->inside;

	if (s->worst < inside)
		s->worst = inside;
	if (!s->use_spin)
		cond_resched();
	s->counter = seen + 1;
	s->inside--;
}

static int count(void *data)
{
	struct shared *s = data;
	unsigned long flags;
	unsigned int i;

	for (i = 0; i < s->rounds; i++) {
		if (s->use_spin) {
			spin_lock_irqsave(&s->spin, flags);
			count_once(s);
			spin_unlock_irqrestore(&s->spin, flags);
		} else {
			mutex_lock(&s->mutex);
			count_once(s);
			mutex_unlock(&s->mutex);
		}
	}
	complete(&s->done);
	return 0;
}

static void count_in_tasks(bool use_spin)
{
	struct shared s = { .use_spin = use_spin, .rounds = lab_test_slow() ? 100 : 1000 };
	struct task_struct *task[TASKS];
	unsigned int i;

	mutex_init(&s.mutex);
	spin_lock_init(&s.spin);
	init_completion(&s.done);
	for (i = 0; i < TASKS; i++)
		task[i] = kthread_run(count, &s, "count/%u", i);
	for (i = 0; i < TASKS; i++)
		wait_for_completion(&s.done);
	for (i = 0; i < TASKS; i++)
		lab_expect_eq(kthread_stop(task[i]), 0);
	lab_expect_eq(s.worst, 1);
	lab_expect_eq(s.counter, TASKS * s.rounds);
	lab_expect(!mutex_is_locked(&s.mutex));
	lab_expect(!spin_is_locked(&s.spin));
	mutex_destroy(&s.mutex);
}

LAB_TEST(mutex, excludes)
{
	count_in_tasks(false);
}

LAB_TEST(spinlock, excludes)
{
	count_in_tasks(true);
}

LAB_TEST(mutex, trylock_says_no_and_yes)
{
	struct mutex m;

	mutex_init(&m);
	lab_expect(mutex_trylock(&m));
	lab_expect(mutex_is_locked(&m));
	lab_expect(!mutex_trylock(&m));
	mutex_unlock(&m);
	lab_expect(!mutex_is_locked(&m));
	lab_expect(mutex_trylock(&m));
	mutex_unlock(&m);
}

LAB_TEST(spinlock, trylock_says_no_and_yes)
{
	spinlock_t lock;

	spin_lock_init(&lock);
	lab_expect(spin_trylock(&lock));
	lab_expect(!spin_trylock(&lock));
	spin_unlock(&lock);
	lab_expect(!spin_is_locked(&lock));
	lab_expect(!in_atomic());
}

LAB_TEST(mutex, probe_counts_acquisitions)
{
	struct kc_probes before, after;
	struct mutex m;
	spinlock_t lock;

	mutex_init(&m);
	spin_lock_init(&lock);
	kc_probes_read(&before);
	mutex_lock(&m);
	mutex_unlock(&m);
	spin_lock(&lock);
	spin_unlock(&lock);
	lab_expect(spin_trylock(&lock));
	spin_unlock(&lock);
	kc_probes_read(&after);
	lab_expect_eq(after.n[LAB_UPPER][LAB_LOCKS] - before.n[LAB_UPPER][LAB_LOCKS], 3);
	lab_expect_eq(after.n[LAB_UPPER][LAB_ATOMICS], before.n[LAB_UPPER][LAB_ATOMICS]);
}

/* --- first come, first served ---------------------------------------------------------------- */

struct line {
	struct mutex m;
	struct completion queued;
	unsigned int served;
	unsigned int order[TASKS];
	unsigned int next;
};

static int stand_in_line(void *data)
{
	struct line *l = data;
	unsigned int me = l->next++;

	complete(&l->queued);
	mutex_lock(&l->m);
	l->order[l->served++] = me;
	mutex_unlock(&l->m);
	return 0;
}

static bool waits_for_mutex(struct task_struct *task)
{
	return task_state(task) != TASK_RUNNING;
}

LAB_TEST(mutex, waiters_get_it_in_order)
{
	struct line l = { .served = 0 };
	struct task_struct *task[TASKS];
	unsigned int i;

	mutex_init(&l.m);
	init_completion(&l.queued);
	mutex_lock(&l.m);
	for (i = 0; i < TASKS; i++) {
		task[i] = kthread_run(stand_in_line, &l, "line/%u", i);
		wait_for_completion(&l.queued);
		while (!waits_for_mutex(task[i]))
			yield();
	}
	mutex_unlock(&l.m);
	for (i = 0; i < TASKS; i++)
		kthread_stop(task[i]);
	lab_expect_eq(l.served, TASKS);
	for (i = 0; i < TASKS; i++)
		lab_expect_eq(l.order[i], i);
}

/* --- misuse stops, and says why -------------------------------------------------------------- */

static void in_world(void *arg)
{
	int bad = -1;

	kc_run(false, 1, NULL, (void (*)(void *))arg, NULL, &bad);
}

static int run_and_die(void (*fn)(void *arg))
{
	return lab_test_fork(in_world, (void *)fn);
}

static DEFINE_MUTEX(static_mutex);

static void lock_twice(void *arg)
{
	mutex_lock(&static_mutex);
	mutex_lock(&static_mutex);
}

LAB_TEST_BARE(mutex, recursion_is_caught)
{
	lab_expect_eq(run_and_die(lock_twice), LAB_DIED);
#ifdef KC_DEBUG
	lab_expect(lab_test_fork_said("recursive locking: static_mutex"));
	lab_expect(lab_test_fork_said("this very lock is held since"));
#else
	lab_expect(lab_test_fork_said("the caller has it already"));
#endif
}

static void unlock_free(void *arg)
{
	mutex_unlock(&static_mutex);
}

LAB_TEST_BARE(mutex, unlock_by_another_is_caught)
{
	lab_expect_eq(run_and_die(unlock_free), LAB_DIED);
}

static void destroy_held(void *arg)
{
	mutex_lock(&static_mutex);
	mutex_destroy(&static_mutex);
}

LAB_TEST_BARE(mutex, destroy_held_is_caught)
{
	lab_expect_eq(run_and_die(destroy_held), LAB_DIED);
	lab_expect(lab_test_fork_said("mutex_destroy() of a mutex that is held"));
}

#ifdef KC_DEBUG
static void sleep_under_spinlock(void *arg)
{
	static DEFINE_SPINLOCK(outer_spinlock);

	spin_lock(&outer_spinlock);
	mutex_lock(&static_mutex);
}

LAB_TEST_BARE(mutex, sleeping_in_atomic_is_caught_with_both_sites)
{
	lab_expect_eq(run_and_die(sleep_under_spinlock), LAB_DIED);
	lab_expect(lab_test_fork_said("sleeping function called in atomic context"));
	lab_expect(lab_test_fork_said("outer_spinlock since"));
	lab_expect(lab_test_fork_said("kernel-compat/mutex.c:"));
}

static void sleep_with_irqs_off(void *arg)
{
	local_irq_disable();
	mutex_lock(&static_mutex);
}

LAB_TEST_BARE(mutex, sleeping_with_irqs_off_is_caught)
{
	lab_expect_eq(run_and_die(sleep_with_irqs_off), LAB_DIED);
	lab_expect(lab_test_fork_said("irqs off"));
}
#endif
