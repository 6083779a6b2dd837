/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * spinlock.h - one word: 0 free, 1 held, 2 held and waited for. Free to held and back is one atomic
 * each way. Contended, thr spins KC_SPIN_MAX times and then sleeps in the host (two cores: a pure
 * spin can burn a time slice); in det contention cannot happen (one processor, no preemption while
 * held), so it is a BUG.
 */
#ifndef _LINUX_SPINLOCK_H
#define _LINUX_SPINLOCK_H

#include <linux/irqflags.h>
#include <linux/lockdep.h>
#include <linux/preempt.h>
#include <kc/det.h>
#include <kc/probe.h>

#define KC_SPIN_MAX	100

typedef struct spinlock {
	int kc_word;
#ifdef KC_DEBUG
	struct lockdep_map dep_map;
#endif
} spinlock_t;

typedef spinlock_t raw_spinlock_t;

#define __SPIN_LOCK_UNLOCKED(name)	{ .kc_word = 0, __KC_DEP_MAP_INIT(name) }
#define DEFINE_SPINLOCK(name)		spinlock_t name = __SPIN_LOCK_UNLOCKED(name)
#define DEFINE_RAW_SPINLOCK(name)	raw_spinlock_t name = __SPIN_LOCK_UNLOCKED(name)

void kc_spin_lock_slow(int *word, const char *site);
void kc_spin_wake(int *word);

/* The bare word: no probe, no context, no order. For the insides of other primitives, never across a wait. */
static inline void kc_word_lock(int *word, const char *site)
{
	int free = 0;

	if (unlikely(!__atomic_compare_exchange_n(word, &free, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)))
		kc_spin_lock_slow(word, site);
}

static inline bool kc_word_trylock(int *word)
{
	int free = 0;

	return __atomic_compare_exchange_n(word, &free, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static inline void kc_word_unlock(int *word)
{
	if (unlikely(__atomic_exchange_n(word, 0, __ATOMIC_RELEASE) == 2))
		kc_spin_wake(word);
}

static inline void kc_spin_lock_init(spinlock_t *lock, const char *name, const void *key)
{
	lock->kc_word = 0;
	__kc_dep_init(lock, name, key);
}

static inline void kc_spin_lock(spinlock_t *lock, unsigned int subclass, const char *site)
{
	kc_sched_point();
	preempt_disable();
	__kc_dep_acquire(lock, subclass, 0, site);
	kc_word_lock(&lock->kc_word, site);
	lab_probe(LOCKS);
}

static inline bool kc_spin_trylock(spinlock_t *lock, const char *site)
{
	kc_sched_point();
	preempt_disable();
	if (!kc_word_trylock(&lock->kc_word)) {
		preempt_enable();
		return false;
	}
	__kc_dep_acquire(lock, 0, KC_LOCK_TRY, site);
	lab_probe(LOCKS);
	return true;
}

static inline void kc_spin_unlock(spinlock_t *lock, const char *site)
{
	__kc_dep_release(lock, site);
	kc_word_unlock(&lock->kc_word);
	preempt_enable();
	kc_sched_point();
}

static inline bool spin_is_locked(const spinlock_t *lock)
{
	return READ_ONCE(lock->kc_word) != 0;
}

#define spin_lock_init(lock)								\
	do {										\
		static struct lock_class_key __key;					\
		kc_spin_lock_init(lock, #lock, &__key);					\
	} while (0)
#define spin_lock(lock)			kc_spin_lock(lock, 0, KC_SITE)
#define spin_lock_nested(lock, sub)	kc_spin_lock(lock, sub, KC_SITE)
#define spin_trylock(lock)		kc_spin_trylock(lock, KC_SITE)
#define spin_unlock(lock)		kc_spin_unlock(lock, KC_SITE)
#define assert_spin_locked(lock)	BUG_ON(!spin_is_locked(lock))

/* Interrupts go off before the lock is taken and on after it is released, as in the kernel. */
#define spin_lock_irqsave(lock, flags)							\
	do {										\
		kc_sched_point();							\
		local_irq_save(flags);							\
		spin_lock(lock);							\
	} while (0)
#define spin_unlock_irqrestore(lock, flags)						\
	do {										\
		spin_unlock(lock);							\
		local_irq_restore(flags);						\
		kc_sched_point();							\
	} while (0)
#define spin_lock_irq(lock)								\
	do {										\
		kc_sched_point();							\
		local_irq_disable();							\
		spin_lock(lock);							\
	} while (0)
#define spin_unlock_irq(lock)								\
	do {										\
		spin_unlock(lock);							\
		local_irq_enable();							\
		kc_sched_point();							\
	} while (0)
/* There are no softirqs: completions are hard irqs. */
#define spin_lock_bh(lock)		spin_lock(lock)
#define spin_unlock_bh(lock)		spin_unlock(lock)

#define raw_spin_lock_init(lock)		spin_lock_init(lock)
#define raw_spin_lock(lock)			spin_lock(lock)
#define raw_spin_unlock(lock)			spin_unlock(lock)
#define raw_spin_lock_irqsave(lock, flags)	spin_lock_irqsave(lock, flags)
#define raw_spin_unlock_irqrestore(lock, flags)	spin_unlock_irqrestore(lock, flags)

#endif
