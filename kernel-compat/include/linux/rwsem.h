/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rwsem.h - many readers or one writer, first come first served: a waiting writer holds off later
 * readers. One word counts holders and says whether somebody waits; taking and releasing without
 * contention is one atomic each way.
 */
#ifndef _LINUX_RWSEM_H
#define _LINUX_RWSEM_H

#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/sched.h>
#include <kc/det.h>
#include <kc/probe.h>

struct rw_semaphore {
	long kc_count;
	int kc_wait_lock;
	struct list_head kc_waiters;
#ifdef KC_DEBUG
	struct lockdep_map dep_map;
#endif
};

#define KC_RWSEM_WRITER		1L
#define KC_RWSEM_WAITERS	2L
#define KC_RWSEM_READER		256L		/* one; their number is what lies above the low byte */

#define __RWSEM_INITIALIZER(name)						\
	{ .kc_waiters = LIST_HEAD_INIT(name.kc_waiters), __KC_DEP_MAP_INIT(name) }
#define DECLARE_RWSEM(name)		struct rw_semaphore name = __RWSEM_INITIALIZER(name)

void kc_rwsem_init(struct rw_semaphore *sem, const char *name, const void *key);
void kc_rwsem_down_slow(struct rw_semaphore *sem, bool write, const char *site);
void kc_rwsem_wake(struct rw_semaphore *sem);
void kc_rwsem_downgrade(struct rw_semaphore *sem, const char *site);

static inline bool kc_rwsem_take_read(struct rw_semaphore *sem)
{
	long c = __atomic_load_n(&sem->kc_count, __ATOMIC_RELAXED);

	do {
		if (c & (KC_RWSEM_WRITER | KC_RWSEM_WAITERS))
			return false;
	} while (!__atomic_compare_exchange_n(&sem->kc_count, &c, c + KC_RWSEM_READER, false,
					      __ATOMIC_ACQUIRE, __ATOMIC_RELAXED));
	return true;
}

static inline bool kc_rwsem_take_write(struct rw_semaphore *sem)
{
	long c = 0;

	return __atomic_compare_exchange_n(&sem->kc_count, &c, KC_RWSEM_WRITER, false,
					   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static inline void kc_down_read(struct rw_semaphore *sem, unsigned int subclass, const char *site)
{
	might_sleep();
	kc_sched_point();
	__kc_dep_acquire(sem, subclass, KC_LOCK_SLEEPS | KC_LOCK_READ, site);
	if (unlikely(!kc_rwsem_take_read(sem)))
		kc_rwsem_down_slow(sem, false, site);
	lab_probe(LOCKS);
}

static inline bool kc_down_read_trylock(struct rw_semaphore *sem, const char *site)
{
	kc_sched_point();
	if (!kc_rwsem_take_read(sem))
		return false;
	__kc_dep_acquire(sem, 0, KC_LOCK_SLEEPS | KC_LOCK_READ | KC_LOCK_TRY, site);
	lab_probe(LOCKS);
	return true;
}

static inline void kc_up_read(struct rw_semaphore *sem, const char *site)
{
	long c;

	__kc_dep_release(sem, site);
	c = __atomic_sub_fetch(&sem->kc_count, KC_RWSEM_READER, __ATOMIC_RELEASE);
	KC_BUG_ON(c < 0, "up_read of a semaphore that no one reads");
	if (unlikely(c == KC_RWSEM_WAITERS))
		kc_rwsem_wake(sem);
	kc_sched_point();
}

static inline void kc_down_write(struct rw_semaphore *sem, unsigned int subclass, const char *site)
{
	might_sleep();
	kc_sched_point();
	__kc_dep_acquire(sem, subclass, KC_LOCK_SLEEPS, site);
	if (unlikely(!kc_rwsem_take_write(sem)))
		kc_rwsem_down_slow(sem, true, site);
	lab_probe(LOCKS);
}

static inline bool kc_down_write_trylock(struct rw_semaphore *sem, const char *site)
{
	kc_sched_point();
	if (!kc_rwsem_take_write(sem))
		return false;
	__kc_dep_acquire(sem, 0, KC_LOCK_SLEEPS | KC_LOCK_TRY, site);
	lab_probe(LOCKS);
	return true;
}

static inline void kc_up_write(struct rw_semaphore *sem, const char *site)
{
	long c;

	__kc_dep_release(sem, site);
	c = __atomic_fetch_sub(&sem->kc_count, KC_RWSEM_WRITER, __ATOMIC_RELEASE);
	KC_BUG_ON(!(c & KC_RWSEM_WRITER), "up_write of a semaphore that no one writes");
	if (unlikely(c & KC_RWSEM_WAITERS))
		kc_rwsem_wake(sem);
	kc_sched_point();
}

static inline bool rwsem_is_locked(struct rw_semaphore *sem)
{
	return READ_ONCE(sem->kc_count) & ~KC_RWSEM_WAITERS;
}

static inline bool rwsem_is_contended(struct rw_semaphore *sem)
{
	return READ_ONCE(sem->kc_count) & KC_RWSEM_WAITERS;
}

#define init_rwsem(sem)									\
	do {										\
		static struct lock_class_key __key;					\
		kc_rwsem_init(sem, #sem, &__key);					\
	} while (0)
#define down_read(sem)			kc_down_read(sem, 0, KC_SITE)
#define down_read_nested(sem, sub)	kc_down_read(sem, sub, KC_SITE)
#define down_read_trylock(sem)		kc_down_read_trylock(sem, KC_SITE)
#define up_read(sem)			kc_up_read(sem, KC_SITE)
#define down_write(sem)			kc_down_write(sem, 0, KC_SITE)
#define down_write_nested(sem, sub)	kc_down_write(sem, sub, KC_SITE)
#define down_write_trylock(sem)		kc_down_write_trylock(sem, KC_SITE)
#define up_write(sem)			kc_up_write(sem, KC_SITE)
#define downgrade_write(sem)		kc_rwsem_downgrade(sem, KC_SITE)

#endif
