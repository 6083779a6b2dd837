/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kunit/test.h - what lib/kunit_iov_iter.c of Linux needs of KUnit; a test that needs more does not compile.
 *
 * An expectation that fails is reported and fails its case; an assertion ends the case too. Values are compared as the
 * C operator compares them, and reported as signed numbers. What a case allocates through KUnit, and the actions it
 * leaves, go in the reverse order at its end.
 */
#ifndef KC_UPSTREAM_KUNIT_TEST_H
#define KC_UPSTREAM_KUNIT_TEST_H

#include <linux/err.h>
#include <linux/slab.h>

enum kunit_status { KUNIT_SUCCESS, KUNIT_FAILURE };

struct kunit_undo;

/**
 * struct kunit - a case that runs
 * @status: KUNIT_FAILURE from the first expectation on that fails
 * @undo: what is to be done at its end, the last first
 */
struct kunit {
	const char *name;
	enum kunit_status status;
	unsigned long checks;		/* expectations and assertions that were looked at */
	struct kunit_undo *undo;
	void *end[5];			/* where an assertion goes: __builtin_setjmp()'s */
};

struct kunit_case {
	void (*run_case)(struct kunit *test);
	const char *name;
};

struct kunit_suite {
	const char *name;
	struct kunit_case *test_cases;
};

#define KUNIT_CASE(fn)		{ .run_case = fn, .name = #fn }
#define kunit_test_suites(...)	struct kunit_suite *const kunit_suites[] = { __VA_ARGS__, NULL }
extern struct kunit_suite *const kunit_suites[];

void *kunit_kcalloc(struct kunit *test, size_t n, size_t bytes, gfp_t gfp);
int kunit_add_action_or_reset(struct kunit *test, void (*action)(void *arg), void *arg);

/* Where, and what, in words of the source. */
struct kunit_check {
	const char *file;
	int line;
	bool assert;
	const char *left, *op, *right;
};
void kunit_failed(struct kunit *test, const struct kunit_check *check, long long left, long long right);
__printf(2, 3) void kunit_say(struct kunit *test, const char *fmt, ...);
_Noreturn void kunit_end_case(struct kunit *test);

#define KUNIT_CHECK(test, is_assert, l, operator, r, ...) do {						\
	static const struct kunit_check __check = { __FILE__, __LINE__, is_assert, #l, #operator, #r };	\
	typeof(l) __l = (l);										\
	typeof(r) __r = (r);										\
													\
	(test)->checks++;										\
	if (!(__l operator __r)) {									\
		kunit_failed(test, &__check, (long long)__l, (long long)__r);				\
		__VA_ARGS__;										\
		if (is_assert)										\
			kunit_end_case(test);								\
	}												\
} while (0)

#define KUNIT_EXPECT_EQ(test, l, r)	KUNIT_CHECK(test, false, l, ==, r)
#define KUNIT_EXPECT_LT(test, l, r)	KUNIT_CHECK(test, false, l, <, r)
#define KUNIT_EXPECT_LE(test, l, r)	KUNIT_CHECK(test, false, l, <=, r)
#define KUNIT_EXPECT_GE(test, l, r)	KUNIT_CHECK(test, false, l, >=, r)
#define KUNIT_EXPECT_PTR_EQ(test, l, r)	KUNIT_CHECK(test, false, l, ==, r)
#define KUNIT_EXPECT_EQ_MSG(test, l, r, ...)	KUNIT_CHECK(test, false, l, ==, r, kunit_say(test, __VA_ARGS__))
#define KUNIT_ASSERT_EQ(test, l, r)	KUNIT_CHECK(test, true, l, ==, r)
#define KUNIT_ASSERT_LT(test, l, r)	KUNIT_CHECK(test, true, l, <, r)
#define KUNIT_ASSERT_LE(test, l, r)	KUNIT_CHECK(test, true, l, <=, r)
#define KUNIT_ASSERT_GE(test, l, r)	KUNIT_CHECK(test, true, l, >=, r)
#define KUNIT_ASSERT_FALSE(test, cond)	KUNIT_CHECK(test, true, !!(cond), ==, false)
#define KUNIT_ASSERT_NOT_ERR_OR_NULL(test, p)	KUNIT_CHECK(test, true, IS_ERR_OR_NULL(p), ==, false)
#define KUNIT_SUCCEED(test)		((void)(test))

#endif
