// SPDX-License-Identifier: GPL-2.0-only
/*
 * spinlock.c - contended spinlocks. The word is 0 free, 1 held, 2 held with sleepers: a sleeper
 * sets 2, and takes the lock with 2, since it cannot know whether it was the only one; unlock wakes
 * one when it finds 2. (Method: U. Drepper, "Futexes are tricky", mutex 2.)
 */
#include <linux/kernel.h>
#include <linux/processor.h>
#include <linux/spinlock.h>
#include <kc/facility.h>
#include "host.h"

/**
 * kc_spin_lock_slow - wait for the lock
 * @word: of the lock
 * @site: of the caller; NULL in release
 *
 * det: contention is a bug: somebody waited with the lock held, or takes it twice.
 */
void kc_spin_lock_slow(int *word, const char *site)
{
	unsigned int i;
	int free;

	KC_BUG_ON(kc_det_on, "spinlock wanted at %s is held: taken twice, or its holder waits",
		  site ? site : "(inside a primitive)");
	for (i = 0; i < KC_SPIN_MAX; i++) {
		cpu_relax();
		free = 0;
		if (!READ_ONCE(*word) && __atomic_compare_exchange_n(word, &free, 1, false, __ATOMIC_ACQUIRE,
								     __ATOMIC_RELAXED))
			return;
	}
	while (__atomic_exchange_n(word, 2, __ATOMIC_ACQUIRE))
		host_spin_wait(word, 2);
}

/** kc_spin_wake - wake one sleeper of a word that was just released */
void kc_spin_wake(int *word)
{
	host_spin_wake(word);
}
