/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * refcount.h - reference counts that do not wrap: going up from zero, below zero or beyond REFCOUNT_MAX
 * is a BUG here, where the kernel saturates and warns.
 */
#ifndef _LINUX_REFCOUNT_H
#define _LINUX_REFCOUNT_H

#include <linux/atomic.h>
#include <linux/bug.h>
#include <linux/limits.h>

typedef struct refcount_struct {
	atomic_t refs;
} refcount_t;

#define REFCOUNT_INIT(n)	{ .refs = ATOMIC_INIT(n) }
#define REFCOUNT_MAX		INT_MAX

static inline void refcount_set(refcount_t *r, int n)
{
	atomic_set(&r->refs, n);
}

static inline unsigned int refcount_read(const refcount_t *r)
{
	return atomic_read(&r->refs);
}

static inline void refcount_add(int i, refcount_t *r)
{
	int old = atomic_fetch_add(i, &r->refs);

	KC_BUG_ON(old <= 0 || old > REFCOUNT_MAX - i,
		  "refcount_add: from %d: use after free or overflow", old);
}

static inline void refcount_inc(refcount_t *r)
{
	refcount_add(1, r);
}

static inline __must_check bool refcount_inc_not_zero(refcount_t *r)
{
	int old = atomic_fetch_add_unless(&r->refs, 1, 0);

	KC_BUG_ON(old < 0 || old == REFCOUNT_MAX, "refcount_inc_not_zero: from %d", old);
	return old;
}

static inline __must_check bool refcount_sub_and_test(int i, refcount_t *r)
{
	int old = atomic_fetch_sub(i, &r->refs);

	KC_BUG_ON(old < i, "refcount_sub_and_test: %d from %d: one put too many", i, old);
	return old == i;
}

static inline __must_check bool refcount_dec_and_test(refcount_t *r)
{
	return refcount_sub_and_test(1, r);
}

static inline void refcount_dec(refcount_t *r)
{
	int old = atomic_fetch_sub(1, &r->refs);

	KC_BUG_ON(old <= 1, "refcount_dec: from %d: leaked or one put too many", old);
}

#endif
