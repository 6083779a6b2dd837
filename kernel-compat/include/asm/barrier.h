/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * barrier.h - memory barriers as C11 fences. TSan does not model fences, so there they are
 * read-modify-writes of one word, which order at least as much.
 */
#ifndef _ASM_BARRIER_H
#define _ASM_BARRIER_H

#ifdef __SANITIZE_THREAD__
extern int kc_fence_word;
#define __kc_fence(order)	((void)__atomic_fetch_add(&kc_fence_word, 0, __ATOMIC_SEQ_CST))
#else
#define __kc_fence(order)	__atomic_thread_fence(order)
#endif

#define smp_mb()		__kc_fence(__ATOMIC_SEQ_CST)
#define smp_rmb()		__kc_fence(__ATOMIC_ACQUIRE)
#define smp_wmb()		__kc_fence(__ATOMIC_RELEASE)
#define smp_mb__before_atomic()	smp_mb()
#define smp_mb__after_atomic()	smp_mb()
#define smp_load_acquire(p)	__atomic_load_n((p), __ATOMIC_ACQUIRE)
#define smp_store_release(p, v)	__atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define smp_store_mb(var, v)	((void)__atomic_exchange_n(&(var), (v), __ATOMIC_SEQ_CST))

#endif
