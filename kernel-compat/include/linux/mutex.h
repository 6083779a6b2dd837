/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mutex.h - the owner's task pointer with bit 0 for "somebody waits". Free to owned and back is one
 * atomic each way; waiters queue, and unlock hands the mutex to the first of them.
 */
#ifndef _LINUX_MUTEX_H
#define _LINUX_MUTEX_H

#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/sched.h>
#include <kc/det.h>
#include <kc/probe.h>

struct mutex {
	unsigned long kc_owner;
	int kc_wait_lock;
	struct list_head kc_waiters;
#ifdef KC_DEBUG
	struct lockdep_map dep_map;
#endif
};

#define KC_MUTEX_WAITERS	1ul

#define __MUTEX_INITIALIZER(name)						\
	{ .kc_waiters = LIST_HEAD_INIT(name.kc_waiters), __KC_DEP_MAP_INIT(name) }
#define DEFINE_MUTEX(name)		struct mutex name = __MUTEX_INITIALIZER(name)

void kc_mutex_init(struct mutex *lock, const char *name, const void *key);
void kc_mutex_lock_slow(struct mutex *lock, const char *site);
void kc_mutex_unlock_slow(struct mutex *lock, const char *site);
void mutex_destroy(struct mutex *lock);

static inline bool kc_mutex_take(struct mutex *lock)
{
	unsigned long free = 0;

	return __atomic_compare_exchange_n(&lock->kc_owner, &free, (unsigned long)current, false,
					   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static inline void kc_mutex_lock(struct mutex *lock, unsigned int subclass, const char *site)
{
	might_sleep();
	kc_sched_point();
	__kc_dep_acquire(lock, subclass, KC_LOCK_SLEEPS, site);
	if (unlikely(!kc_mutex_take(lock)))
		kc_mutex_lock_slow(lock, site);
	lab_probe(LOCKS);
}

static inline bool kc_mutex_trylock(struct mutex *lock, const char *site)
{
	kc_sched_point();
	if (!kc_mutex_take(lock))
		return false;
	__kc_dep_acquire(lock, 0, KC_LOCK_SLEEPS | KC_LOCK_TRY, site);
	lab_probe(LOCKS);
	return true;
}

static inline void kc_mutex_unlock(struct mutex *lock, const char *site)
{
	unsigned long mine = (unsigned long)current;

	__kc_dep_release(lock, site);
	if (unlikely(!__atomic_compare_exchange_n(&lock->kc_owner, &mine, 0, false,
						  __ATOMIC_RELEASE, __ATOMIC_RELAXED)))
		kc_mutex_unlock_slow(lock, site);
	kc_sched_point();
}

static inline bool mutex_is_locked(struct mutex *lock)
{
	return READ_ONCE(lock->kc_owner) & ~KC_MUTEX_WAITERS;
}

#define mutex_init(lock)								\
	do {										\
		static struct lock_class_key __key;					\
		kc_mutex_init(lock, #lock, &__key);					\
	} while (0)
#define mutex_lock(lock)		kc_mutex_lock(lock, 0, KC_SITE)
#define mutex_lock_nested(lock, sub)	kc_mutex_lock(lock, sub, KC_SITE)
#define mutex_trylock(lock)		kc_mutex_trylock(lock, KC_SITE)
#define mutex_unlock(lock)		kc_mutex_unlock(lock, KC_SITE)

#endif
