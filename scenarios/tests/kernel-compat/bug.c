// SPDX-License-Identifier: GPL-2.0-only
/*
 * bug.c - tests of BUG, WARN, traps, and of the book of WARNs.
 */
#include <linux/bug.h>
#include <linux/kernel.h>
#include <linux/refcount.h>
#include <kc/world.h>
#include "lab_test.h"

static void warn_once(void *arg)
{
	lab_expect(WARN(1, "the answer is %d", 42));
	lab_expect(!WARN(0, "never"));
}

/* In a child, since the WARN is printed. Exit 0: the audit counted exactly one. */
static void count_failures(void *arg)
{
	int bad = -1;

	lab_expect_eq(kc_run(false, 1, NULL, (void (*)(void *))arg, NULL, &bad), KC_RUN_DONE);
	lab_expect_eq(bad, 1);
}

LAB_TEST_BARE(bug, unexpected_warn_fails_the_audit)
{
	lab_expect_eq(lab_test_fork(count_failures, (void *)warn_once), 0);
	lab_expect(lab_test_fork_said("WARNING: scenarios/tests/kernel-compat/bug.c:"));
	lab_expect(lab_test_fork_said("the answer is 42"));
	lab_expect(!lab_test_fork_said("never"));
	lab_expect(lab_test_fork_said("audit: 1 unexpected warning(s)"));
}

static void expect_in_vain(void *arg)
{
	kc_expect_warn("that does not come", 1);
}

LAB_TEST_BARE(bug, expected_warn_that_does_not_come_fails_the_audit)
{
	lab_expect_eq(lab_test_fork(count_failures, (void *)expect_in_vain), 0);
	lab_expect(lab_test_fork_said("that does not come"));
}

static void warn_more_than_expected(void *arg)
{
	kc_expect_warn("once", 1);
	WARN(1, "once");
	WARN(1, "once");
}

LAB_TEST_BARE(bug, one_warn_more_than_expected_fails_the_audit)
{
	lab_expect_eq(lab_test_fork(count_failures, (void *)warn_more_than_expected), 0);
}

LAB_TEST(bug, expected_warn_is_no_failure)
{
	kc_expect_warn("announced", 2);
	WARN(1, "announced %d", 1);
	WARN(1, "announced %d", 2);
	lab_expect_eq(kc_warn_count(), 0);
}

LAB_TEST(bug, warn_once_warns_once_a_process)
{
	static bool seen_before;
	unsigned int i;

	/* The test runs once an engine; the process has only one first time. */
	kc_expect_warn("for the first time", seen_before ? 0 : 1);
	for (i = 0; i < 3; i++)
		lab_expect(WARN_ONCE(1, "for the first time"));
	seen_before = true;
}

static void bug_on(void *arg)
{
	BUG_ON(arg == NULL);
}

static void trap(void *arg)
{
	kc_trap("blk_mq_freeze_queue");
}

LAB_TEST_BARE(bug, bug_and_trap_stop_with_their_words)
{
	lab_expect_eq(lab_test_fork(bug_on, NULL), LAB_DIED);
	lab_expect(lab_test_fork_said("BUG_ON(arg == "));
	lab_expect_eq(lab_test_fork(trap, NULL), LAB_DIED);
	lab_expect(lab_test_fork_said("kernel call not implemented here: blk_mq_freeze_queue"));
}

static refcount_t refs;

static void put_too_often(void *arg)
{
	refcount_set(&refs, 1);
	if (!refcount_dec_and_test(&refs))
		return;
	if (refcount_dec_and_test(&refs))
		return;
}

static void get_after_free(void *arg)
{
	refcount_set(&refs, 0);
	refcount_inc(&refs);
}

static void get_too_many(void *arg)
{
	refcount_set(&refs, REFCOUNT_MAX);
	refcount_inc(&refs);
}

static void drop_last_unseen(void *arg)
{
	refcount_set(&refs, 1);
	refcount_dec(&refs);
}

LAB_TEST_BARE(refcount, misuse_is_caught)
{
	lab_expect_eq(lab_test_fork(put_too_often, NULL), LAB_DIED);
	lab_expect_eq(lab_test_fork(get_after_free, NULL), LAB_DIED);
	lab_expect_eq(lab_test_fork(get_too_many, NULL), LAB_DIED);
	lab_expect_eq(lab_test_fork(drop_last_unseen, NULL), LAB_DIED);
}

LAB_TEST(refcount, counts)
{
	refcount_t r = REFCOUNT_INIT(1);

	refcount_inc(&r);
	lab_expect_eq(refcount_read(&r), 2);
	lab_expect(refcount_inc_not_zero(&r));
	lab_expect(!refcount_sub_and_test(2, &r));
	lab_expect(refcount_dec_and_test(&r));
	lab_expect(!refcount_inc_not_zero(&r));
	lab_expect_eq(refcount_read(&r), 0);
}
