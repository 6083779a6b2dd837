/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * compiler.h - attributes, and single accesses to shared words.
 *
 * READ_ONCE() and WRITE_ONCE() are relaxed C11 atomics rather than volatile accesses: the same instruction,
 * and TSan knows that it is meant.
 */
#ifndef _LINUX_COMPILER_H
#define _LINUX_COMPILER_H

#ifdef __CHECKER__
#define __user		__attribute__((noderef, address_space(__user)))
#define __kernel	__attribute__((address_space(0)))
#define __iomem		__attribute__((noderef, address_space(__iomem)))
#define __force		__attribute__((force))
#define __must_hold(x)	__attribute__((context(x, 1, 1)))
#define __acquires(x)	__attribute__((context(x, 0, 1)))
#define __releases(x)	__attribute__((context(x, 1, 0)))
#else
#define __user
#define __kernel
#define __iomem
#define __force
#define __must_hold(x)
#define __acquires(x)
#define __releases(x)
#endif

#define likely(x)		__builtin_expect(!!(x), 1)
#define unlikely(x)		__builtin_expect(!!(x), 0)
#define unreachable()		__builtin_unreachable()

#define __always_inline		inline __attribute__((__always_inline__))
#define noinline		__attribute__((__noinline__))
#define __must_check		__attribute__((__warn_unused_result__))
#define __maybe_unused		__attribute__((__unused__))
#define __used			__attribute__((__used__))
#define __packed		__attribute__((__packed__))
#define __aligned(x)		__attribute__((__aligned__(x)))
#define __printf(a, b)		__attribute__((__format__(printf, a, b)))
#define __pure			__attribute__((__pure__))
#define __weak			__attribute__((__weak__))
#define __cold			__attribute__((__cold__))
#define __noreturn		__attribute__((__noreturn__))
#define __malloc		__attribute__((__malloc__))
#define __section(s)		__attribute__((__section__(s)))
#define fallthrough		__attribute__((__fallthrough__))

#define __same_type(a, b)	__builtin_types_compatible_p(typeof(a), typeof(b))

#define barrier()		__asm__ __volatile__("" ::: "memory")
#define OPTIMIZER_HIDE_VAR(v)	__asm__ ("" : "=r" (v) : "0" (v))

#define READ_ONCE(x)		__atomic_load_n(&(x), __ATOMIC_RELAXED)
#define WRITE_ONCE(x, v)	__atomic_store_n(&(x), (v), __ATOMIC_RELAXED)
#define data_race(x)		(x)

#define __stringify_1(x...)	#x
#define __stringify(x...)	__stringify_1(x)

#define __CONCAT_1(a, b)	a##b
#define __PASTE(a, b)		__CONCAT_1(a, b)
#define __UNIQUE_ID(prefix)	__PASTE(__PASTE(__UNIQUE_ID_, prefix), __COUNTER__)

/* Where a lock was taken, a page allocated …: readable without symbols. NULL in release. */
#ifdef KC_DEBUG
#define KC_SITE			(__FILE__ ":" __stringify(__LINE__))
#else
#define KC_SITE			((const char *)0)
#endif

#include <asm/barrier.h>

#endif
