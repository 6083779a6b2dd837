/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * atomic.h - atomic_t and atomic64_t over C11 atomics, with the kernel's names and orders: what returns a
 * value is fully ordered, unless it ends in _relaxed, _acquire or _release; what returns nothing is relaxed.
 * Every read-modify-write is counted and is a scheduling point.
 */
#ifndef _LINUX_ATOMIC_H
#define _LINUX_ATOMIC_H

#include <linux/compiler.h>
#include <linux/types.h>
#include <kc/det.h>
#include <kc/probe.h>

#define ATOMIC_INIT(i)		{ (i) }
#define ATOMIC64_INIT(i)	{ (i) }

#define __kc_rmw()							\
	do {								\
		kc_sched_point();					\
		lab_probe(ATOMICS);					\
	} while (0)

#define __KC_ATOMIC(atomic, T, I)							\
static inline I atomic##_read(const T *v)						\
{											\
	return __atomic_load_n(&v->counter, __ATOMIC_RELAXED);				\
}											\
static inline I atomic##_read_acquire(const T *v)					\
{											\
	return __atomic_load_n(&v->counter, __ATOMIC_ACQUIRE);				\
}											\
static inline void atomic##_set(T *v, I i)						\
{											\
	__atomic_store_n(&v->counter, i, __ATOMIC_RELAXED);				\
}											\
static inline void atomic##_set_release(T *v, I i)					\
{											\
	__atomic_store_n(&v->counter, i, __ATOMIC_RELEASE);				\
}											\
static inline void atomic##_add(I i, T *v)						\
{											\
	__kc_rmw();									\
	__atomic_fetch_add(&v->counter, i, __ATOMIC_RELAXED);				\
}											\
static inline void atomic##_sub(I i, T *v)						\
{											\
	__kc_rmw();									\
	__atomic_fetch_sub(&v->counter, i, __ATOMIC_RELAXED);				\
}											\
static inline void atomic##_or(I i, T *v)						\
{											\
	__kc_rmw();									\
	__atomic_fetch_or(&v->counter, i, __ATOMIC_RELAXED);				\
}											\
static inline void atomic##_and(I i, T *v)						\
{											\
	__kc_rmw();									\
	__atomic_fetch_and(&v->counter, i, __ATOMIC_RELAXED);				\
}											\
static inline I atomic##_fetch_add(I i, T *v)						\
{											\
	__kc_rmw();									\
	return __atomic_fetch_add(&v->counter, i, __ATOMIC_SEQ_CST);			\
}											\
static inline I atomic##_fetch_sub(I i, T *v)						\
{											\
	__kc_rmw();									\
	return __atomic_fetch_sub(&v->counter, i, __ATOMIC_SEQ_CST);			\
}											\
static inline I atomic##_fetch_or(I i, T *v)						\
{											\
	__kc_rmw();									\
	return __atomic_fetch_or(&v->counter, i, __ATOMIC_SEQ_CST);			\
}											\
static inline I atomic##_fetch_and(I i, T *v)						\
{											\
	__kc_rmw();									\
	return __atomic_fetch_and(&v->counter, i, __ATOMIC_SEQ_CST);			\
}											\
static inline I atomic##_xchg(T *v, I i)						\
{											\
	__kc_rmw();									\
	return __atomic_exchange_n(&v->counter, i, __ATOMIC_SEQ_CST);			\
}											\
static inline I atomic##_cmpxchg(T *v, I old, I new)					\
{											\
	__kc_rmw();									\
	__atomic_compare_exchange_n(&v->counter, &old, new, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED); \
	return old;									\
}											\
static inline bool atomic##_try_cmpxchg(T *v, I *old, I new)				\
{											\
	__kc_rmw();									\
	return __atomic_compare_exchange_n(&v->counter, old, new, false,		\
					   __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);		\
}											\
static inline bool atomic##_try_cmpxchg_acquire(T *v, I *old, I new)			\
{											\
	__kc_rmw();									\
	return __atomic_compare_exchange_n(&v->counter, old, new, false,		\
					   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);		\
}											\
static inline bool atomic##_try_cmpxchg_relaxed(T *v, I *old, I new)			\
{											\
	__kc_rmw();									\
	return __atomic_compare_exchange_n(&v->counter, old, new, false,		\
					   __ATOMIC_RELAXED, __ATOMIC_RELAXED);		\
}											\
static inline void atomic##_inc(T *v)			{ atomic##_add(1, v); }		\
static inline void atomic##_dec(T *v)			{ atomic##_sub(1, v); }		\
static inline I atomic##_add_return(I i, T *v)		{ return atomic##_fetch_add(i, v) + i; } \
static inline I atomic##_sub_return(I i, T *v)		{ return atomic##_fetch_sub(i, v) - i; } \
static inline I atomic##_inc_return(T *v)		{ return atomic##_add_return(1, v); } \
static inline I atomic##_dec_return(T *v)		{ return atomic##_sub_return(1, v); } \
static inline I atomic##_fetch_inc(T *v)		{ return atomic##_fetch_add(1, v); } \
static inline I atomic##_fetch_dec(T *v)		{ return atomic##_fetch_sub(1, v); } \
static inline bool atomic##_sub_and_test(I i, T *v)	{ return atomic##_sub_return(i, v) == 0; } \
static inline bool atomic##_dec_and_test(T *v)		{ return atomic##_dec_return(v) == 0; } \
static inline bool atomic##_inc_and_test(T *v)		{ return atomic##_inc_return(v) == 0; } \
static inline bool atomic##_add_negative(I i, T *v)	{ return atomic##_add_return(i, v) < 0; } \
/* Add unless it is @u; what it was. */							\
static inline I atomic##_fetch_add_unless(T *v, I a, I u)				\
{											\
	I c = atomic##_read(v);								\
											\
	do {										\
		if (c == u)								\
			break;								\
	} while (!atomic##_try_cmpxchg(v, &c, c + a));					\
	return c;									\
}											\
static inline bool atomic##_add_unless(T *v, I a, I u)					\
{											\
	return atomic##_fetch_add_unless(v, a, u) != u;					\
}											\
static inline bool atomic##_inc_not_zero(T *v)		{ return atomic##_add_unless(v, 1, 0); }

__KC_ATOMIC(atomic, atomic_t, int)
__KC_ATOMIC(atomic64, atomic64_t, s64)
#undef __KC_ATOMIC

/* long is 64 bit here */
typedef atomic64_t atomic_long_t;
#define ATOMIC_LONG_INIT(i)		ATOMIC64_INIT(i)
#define atomic_long_read(v)		((long)atomic64_read(v))
#define atomic_long_set(v, i)		atomic64_set(v, i)
#define atomic_long_inc(v)		atomic64_inc(v)
#define atomic_long_dec(v)		atomic64_dec(v)
#define atomic_long_add(i, v)		atomic64_add(i, v)
#define atomic_long_sub(i, v)		atomic64_sub(i, v)
#define atomic_long_add_return(i, v)	((long)atomic64_add_return(i, v))
#define atomic_long_inc_return(v)	((long)atomic64_inc_return(v))
#define atomic_long_dec_and_test(v)	atomic64_dec_and_test(v)
#define atomic_long_fetch_add(i, v)	((long)atomic64_fetch_add(i, v))

/* On plain words of 1, 2, 4 or 8 bytes. */
#define xchg(ptr, v) ({									\
	__kc_rmw();									\
	__atomic_exchange_n((ptr), (v), __ATOMIC_SEQ_CST); })
#define __kc_cmpxchg(ptr, o, n, order) ({						\
	typeof(*(ptr)) __old = (o);							\
	__kc_rmw();									\
	__atomic_compare_exchange_n((ptr), &__old, (n), false, order, __ATOMIC_RELAXED); \
	__old; })
#define cmpxchg(ptr, o, n)		__kc_cmpxchg(ptr, o, n, __ATOMIC_SEQ_CST)
#define cmpxchg_acquire(ptr, o, n)	__kc_cmpxchg(ptr, o, n, __ATOMIC_ACQUIRE)
#define cmpxchg_release(ptr, o, n)	__kc_cmpxchg(ptr, o, n, __ATOMIC_RELEASE)
#define cmpxchg_relaxed(ptr, o, n)	__kc_cmpxchg(ptr, o, n, __ATOMIC_RELAXED)
#define try_cmpxchg(ptr, oldp, n) ({							\
	__kc_rmw();									\
	__atomic_compare_exchange_n((ptr), (oldp), (n), false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED); })

#endif
