// SPDX-License-Identifier: GPL-2.0-only
/*
 * lockdep.c - tests of the lock order checker. Each misuse runs in a process of its own and must stop it.
 */
#include <linux/kernel.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <kc/world.h>
#include "lab_test.h"

#ifdef KC_DEBUG
static DEFINE_MUTEX(lock_a);
static DEFINE_MUTEX(lock_b);
static DECLARE_RWSEM(lock_c);

static void in_world(void *arg)
{
	int bad = -1;

	kc_run(false, 1, NULL, (void (*)(void *))arg, NULL, &bad);
}

static int run_and_die(void (*fn)(void *arg))
{
	return lab_test_fork(in_world, (void *)fn);
}

static void two_orders(void *arg)
{
	mutex_lock(&lock_a);
	mutex_lock(&lock_b);
	mutex_unlock(&lock_b);
	mutex_unlock(&lock_a);
	mutex_lock(&lock_b);
	mutex_lock(&lock_a);
}

LAB_TEST_BARE(lockdep, two_orders_are_caught_with_both_sites)
{
	lab_expect_eq(run_and_die(two_orders), LAB_DIED);
	lab_expect(lab_test_fork_said("lock order cycle: now lock_a"));
	lab_expect(lab_test_fork_said("lock_b (depth 0) taken at"));
	lab_expect(lab_test_fork_said("with lock_a (depth 0) held since"));
}

static void three_orders(void *arg)
{
	mutex_lock(&lock_a);
	mutex_lock(&lock_b);
	mutex_unlock(&lock_a);
	mutex_unlock(&lock_b);
	mutex_lock(&lock_b);
	down_read(&lock_c);
	up_read(&lock_c);
	mutex_unlock(&lock_b);
	down_write(&lock_c);
	mutex_lock(&lock_a);
}

LAB_TEST_BARE(lockdep, a_cycle_of_three_is_caught)
{
	lab_expect_eq(run_and_die(three_orders), LAB_DIED);
	lab_expect(lab_test_fork_said("lock order cycle: now lock_a"));
	lab_expect(lab_test_fork_said("lock_c (depth 0) taken at"));
	lab_expect(lab_test_fork_said("lock_b (depth 0) taken at"));
}

static void same_class_nested(void *arg)
{
	struct mutex m[2];
	unsigned int i;

	for (i = 0; i < 2; i++)
		mutex_init(&m[i]);
	mutex_lock(&m[0]);
	mutex_lock(&m[1]);
}

LAB_TEST_BARE(lockdep, two_locks_of_one_class_are_caught)
{
	lab_expect_eq(run_and_die(same_class_nested), LAB_DIED);
	lab_expect(lab_test_fork_said("another lock of that class is held since"));
}

static void shared_twice(void *arg)
{
	down_read(&lock_c);
	down_read(&lock_c);
}

LAB_TEST_BARE(lockdep, shared_recursion_is_caught)
{
	lab_expect_eq(run_and_die(shared_twice), LAB_DIED);
	lab_expect(lab_test_fork_said("recursive locking: lock_c"));
}

static void wrong_depth_order(void *arg)
{
	struct mutex m[2];
	unsigned int i;

	for (i = 0; i < 2; i++)
		mutex_init(&m[i]);
	kc_lock_set_depth(&m[1], 1);
	mutex_lock(&m[1]);
	mutex_lock(&m[0]);
	mutex_unlock(&m[0]);
	mutex_unlock(&m[1]);
	mutex_lock(&m[0]);
	mutex_lock(&m[1]);
}

LAB_TEST_BARE(lockdep, depths_have_an_order_too)
{
	lab_expect_eq(run_and_die(wrong_depth_order), LAB_DIED);
	lab_expect(lab_test_fork_said("(depth 1)"));
	lab_expect(lab_test_fork_said("lock order cycle"));
}

LAB_TEST(lockdep, one_class_at_two_depths_nests)
{
	struct rw_semaphore s[2];
	unsigned int i;

	for (i = 0; i < 2; i++)
		init_rwsem(&s[i]);
	kc_lock_set_depth(&s[1], 1);
	down_write(&s[1]);
	down_write(&s[0]);
	lockdep_assert_held_write(&s[0]);
	up_write(&s[0]);
	lockdep_assert_not_held(&s[0]);
	up_write(&s[1]);
	lab_expect_eq(kc_warn_count(), 0);
}

LAB_TEST(lockdep, nested_annotation_and_trylock_are_no_order)
{
	struct mutex m[2];
	unsigned int i;

	for (i = 0; i < 2; i++)
		mutex_init(&m[i]);
	mutex_lock(&m[0]);
	mutex_lock_nested(&m[1], 1);
	mutex_unlock(&m[0]);		/* in any order */
	mutex_unlock(&m[1]);
	mutex_lock(&m[1]);
	lab_expect(mutex_trylock(&m[0]));
	mutex_unlock(&m[0]);
	mutex_unlock(&m[1]);
}

LAB_TEST(lockdep, assert_held_warns_when_not)
{
	struct rw_semaphore sem;

	init_rwsem(&sem);
	down_read(&sem);
	lockdep_assert_held(&sem);
	kc_expect_warn("kc_lock_is_held", 2);
	lockdep_assert_held_write(&sem);
	up_read(&sem);
	lockdep_assert_held(&sem);
}

static void many_classes(void *arg)
{
	static struct lock_class_key keys[KC_LOCK_MAX_CLASSES + 1];
	unsigned int i;

	for (i = 0; i <= KC_LOCK_MAX_CLASSES; i++) {
		spinlock_t lock;

		kc_spin_lock_init(&lock, "one of many", &keys[i]);
		spin_lock(&lock);
		spin_unlock(&lock);
	}
}

LAB_TEST_BARE(lockdep, number_of_classes_is_enforced)
{
	lab_expect_eq(run_and_die(many_classes), LAB_DIED);
	lab_expect(lab_test_fork_said("more than 256 lock classes"));
}

static void held_at_end(void *arg)
{
	int bad = -1;

	lab_expect_eq(kc_run(false, 1, NULL, (void (*)(void *))arg, NULL, &bad), KC_RUN_DONE);
	lab_expect_gt(bad, 0);
}

static void leave_locked(void *arg)
{
	mutex_lock(&lock_a);
}

LAB_TEST_BARE(lockdep, lock_held_at_the_end_fails_the_audit)
{
	lab_expect_eq(lab_test_fork(held_at_end, (void *)leave_locked), 0);
	lab_expect(lab_test_fork_said("leaves 1 lock(s) held"));
	lab_expect(lab_test_fork_said("lock_a since"));
}
#endif
