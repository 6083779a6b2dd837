/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lab_test.h - kernel-side tests.
 *
 *	LAB_TEST(bio, split_keeps_every_byte)
 *	{
 *		...
 *		lab_expect_eq(bio->bi_iter.bi_size, 4096);
 *	}
 *
 * A test runs as the first task of a fresh world, once on each engine that the build has; the
 * world's audit (leaks, pins, WARNs) is part of the test. A failed expectation is printed with
 * both values and ends that test at once (its world is abandoned). Tests that need a world of their
 * own making (a deadlock, another RAM size) use LAB_TEST_BARE: no world, run once, call kc_run() yourself.
 *
 * Both runners (in-process and Criterion) fail when the number of tests run differs from the number of
 * lab_test__* symbols in the binary.
 */
#ifndef LAB_TEST_H
#define LAB_TEST_H

#ifdef LAB_HOST_SIDE		/* a test of host code: sees libc; LAB_TEST_BARE only */
#include <stdbool.h>
#include <stddef.h>
#else
#include <linux/types.h>
#endif

/* @design: what the name of the suite begins with, for tests that are linked once for each design; else NULL */
struct lab_test {
	const char *design, *suite, *name, *file;
	int line;
	unsigned int flags;
	void (*fn)(void);
};

#define LAB_TEST_F_BARE		1
#define LAB_TEST_F_THR_ONLY	2
#define LAB_TEST_F_DET_ONLY	4
#define LAB_TEST_F_PERMUTED	8	/* world with permuted frames */

/* @symbol_: the suite as it is in names of symbols */
#define LAB_TEST_OF(design_, symbol_, suite_, name_, flags_)				\
	static void lab_test_fn__##symbol_##__##name_(void);				\
	extern const struct lab_test lab_test__##symbol_##__##name_;			\
	const struct lab_test lab_test__##symbol_##__##name_ = {			\
		design_, #suite_, #name_, __FILE__, __LINE__, flags_,			\
		lab_test_fn__##symbol_##__##name_,					\
	};										\
	static const struct lab_test *const lab_test_ptr__##symbol_##__##name_		\
		__attribute__((used, section("lab_tests"))) =				\
		&lab_test__##symbol_##__##name_;					\
	static void lab_test_fn__##symbol_##__##name_(void)

#define LAB_TEST_FLAGS(suite, name, flags)	LAB_TEST_OF(NULL, suite, suite, name, flags)

#define LAB_TEST_BARE(suite, name)	LAB_TEST_FLAGS(suite, name, LAB_TEST_F_BARE)
#ifndef LAB_HOST_SIDE
#define LAB_TEST(suite, name)		LAB_TEST_FLAGS(suite, name, 0)
#define LAB_TEST_DET(suite, name)	LAB_TEST_FLAGS(suite, name, LAB_TEST_F_DET_ONLY)
#define LAB_TEST_THR(suite, name)	LAB_TEST_FLAGS(suite, name, LAB_TEST_F_THR_ONLY)
#endif

_Noreturn void lab_test_fail(const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
_Noreturn void lab_test_skip(const char *why);		/* listed with @why; as lab_test_fail() if threads run on */
void lab_test_seed(unsigned long long seed);		/* printed when the test fails */
bool lab_test_slow(void);		/* valgrind, TSan, Criterion: use fewer rounds */
int lab_test_handoff(void);		/* --handoff: 1 inline, 2 worker; 0: as the test wants */
unsigned long long lab_test_base_seed(void);	/* --seed, or a fresh one that is printed on failure */

#define lab_expect(cond)									\
	do {											\
		if (!(cond))									\
			lab_test_fail(__FILE__, __LINE__, "expected: %s", #cond);		\
	} while (0)

#define lab_expect_op(a, op, b)									\
	do {											\
		long long __a = (long long)(a), __b = (long long)(b);				\
		if (!(__a op __b))								\
			lab_test_fail(__FILE__, __LINE__, "expected: %s %s %s; have %lld and %lld", \
				      #a, #op, #b, __a, __b);					\
	} while (0)

#define lab_expect_eq(a, b)	lab_expect_op(a, ==, b)
#define lab_expect_ne(a, b)	lab_expect_op(a, !=, b)
#define lab_expect_lt(a, b)	lab_expect_op(a, <, b)
#define lab_expect_le(a, b)	lab_expect_op(a, <=, b)
#define lab_expect_ge(a, b)	lab_expect_op(a, >=, b)
#define lab_expect_gt(a, b)	lab_expect_op(a, >, b)

/* Bytes equal; the first difference is named by offset. */
void lab_expect_mem_at(const char *file, int line, const void *have, const void *want, size_t len_bytes);
#define lab_expect_mem(have, want, len)	lab_expect_mem_at(__FILE__, __LINE__, have, want, len)

/*
 * Bare tests only. Run fn(arg) in a forked process and return its exit status (128 + signal when
 * killed; 86 is what host_die() leaves with). For what must stop the process: traps, BUGs.
 */
int lab_test_fork(void (*fn)(void *arg), void *arg);
#define LAB_DIED	86
/* 1 if @text was on the child's stderr in the last lab_test_fork(). */
bool lab_test_fork_said(const char *text);

#endif
