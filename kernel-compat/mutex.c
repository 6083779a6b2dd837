// SPDX-License-Identifier: GPL-2.0-only
/*
 * mutex.c - contended mutexes.
 *
 * kc_owner is the owner's task pointer, with KC_MUTEX_WAITERS once somebody queued. With that bit
 * set neither fast path matches, so lock and unlock meet under kc_wait_lock: unlock makes the first
 * waiter the owner and then tells it. Handing over costs a switch that stealing would save, but
 * nobody starves, and in det every order of arrival is an order of ownership.
 *
 * Once kc_wait_lock is released after a hand-over the unlocker no longer touches the mutex: its new
 * owner may free it.
 */
#include <linux/kernel.h>
#include <linux/mutex.h>
#include <linux/processor.h>
#include <linux/spinlock.h>
#include <kc/facility.h>

struct kc_mutex_waiter {
	struct list_head node;
	struct task_struct *task;
	bool granted;
};

/** kc_mutex_init - mutex_init() with the name and class key of its place */
void kc_mutex_init(struct mutex *lock, const char *name, const void *key)
{
	lock->kc_owner = 0;
	lock->kc_wait_lock = 0;
	INIT_LIST_HEAD(&lock->kc_waiters);
	__kc_dep_init(lock, name, key);
}

/** mutex_destroy - it must be free */
void mutex_destroy(struct mutex *lock)
{
	KC_BUG_ON(READ_ONCE(lock->kc_owner), "mutex_destroy() of a mutex that is held");
}

/* A short critical section on another processor is over before a task could be put to sleep. */
static bool kc_mutex_spin(struct mutex *lock)
{
	unsigned int i;

	for (i = 0; i < KC_SPIN_MAX && !kc_det_on; i++) {
		unsigned long owner = READ_ONCE(lock->kc_owner);

		if (owner & KC_MUTEX_WAITERS)
			return false;
		if (!owner && kc_mutex_take(lock))
			return true;
		cpu_relax();
	}
	return false;
}

/* Under kc_wait_lock: take the mutex (true), or make sure that its owner will look at the queue (false). */
static bool kc_mutex_take_or_mark(struct mutex *lock)
{
	unsigned long owner = READ_ONCE(lock->kc_owner);

	while (!(owner & KC_MUTEX_WAITERS)) {
		unsigned long new = owner ? owner | KC_MUTEX_WAITERS : (unsigned long)current;

		if (__atomic_compare_exchange_n(&lock->kc_owner, &owner, new, false, __ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED))
			return !owner;
	}
	return false;
}

/**
 * kc_mutex_lock_slow - wait for the mutex
 * @lock: not free when last looked at
 * @site: of the caller
 *
 * Context: task, may sleep. BUGs when the caller owns it, and under kc_nowait_begin().
 */
void kc_mutex_lock_slow(struct mutex *lock, const char *site)
{
	struct kc_mutex_waiter w = { .task = current };
	bool taken;

	KC_BUG_ON((READ_ONCE(lock->kc_owner) & ~KC_MUTEX_WAITERS) == (unsigned long)current,
		  "mutex_lock at %s: the caller has it already", site ? site : "(release build: no site)");
	if (kc_mutex_spin(lock))
		return;
	kc_assert_may_wait();
	kc_word_lock(&lock->kc_wait_lock, site);
	taken = kc_mutex_take_or_mark(lock);
	if (!taken)
		list_add_tail(&w.node, &lock->kc_waiters);
	kc_word_unlock(&lock->kc_wait_lock);
	if (taken)
		return;
	for (;;) {
		set_current_state(TASK_UNINTERRUPTIBLE);
		if (smp_load_acquire(&w.granted))
			break;
		schedule();
	}
	__set_current_state(TASK_RUNNING);
}

/**
 * kc_mutex_unlock_slow - hand the mutex to the first waiter
 * @lock: the caller's, BUGs else
 * @site: of the caller
 */
void kc_mutex_unlock_slow(struct mutex *lock, const char *site)
{
	struct kc_mutex_waiter *w;
	struct task_struct *task;

	KC_BUG_ON((READ_ONCE(lock->kc_owner) & ~KC_MUTEX_WAITERS) != (unsigned long)current,
		  "mutex_unlock at %s: the caller does not have it",
		  site ? site : "(release build: no site)");
	kc_word_lock(&lock->kc_wait_lock, site);
	w = list_first_entry(&lock->kc_waiters, struct kc_mutex_waiter, node);
	list_del(&w->node);
	task = w->task;
	smp_store_release(&lock->kc_owner, (unsigned long)task |
			  (list_empty(&lock->kc_waiters) ? 0 : KC_MUTEX_WAITERS));
	kc_word_unlock(&lock->kc_wait_lock);
	smp_store_release(&w->granted, true);
	kc_wake_task(task);
}
