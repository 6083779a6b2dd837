// SPDX-License-Identifier: GPL-2.0-only
/*
 * lab_test.c - runs one test: on each engine, in a world of its own, audit included.
 *
 * A failed expectation does not return. It gives up the run (host_run_abort()) or, in a bare test,
 * the test's function (host_try()), and the next test goes on. A thr test that fails while a thread
 * of it runs and does not wait cannot be left: the thread would run into the next test's world.
 * Then the runner is told to report and leave; what it has not run counts as failed.
 *
 * What a test says is held back (host_puts_hold()) until the test has failed or the process dies.
 */
#include <linux/kernel.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <kc/world.h>
#include "harness/harness.h"
#include "host.h"
#include "lab_test.h"

#define LAB_TEST_MSG_BYTES	1024
#define LAB_TEST_FORK_BYTES	(64u << 10)	/* of a child's stderr */
#define LAB_TEST_NAME_BYTES	128
#define LAB_TEST_WHY_BYTES	256

extern const struct lab_test *const __start_lab_tests[] __weak, *const __stop_lab_tests[] __weak;

static struct lab_harness_opts opts = { .thr = 1, .det = 1, .seed = 1 };
static bool is_set_up;

static struct {
	const struct lab_test *test;
	const char *engine;		/* NULL: bare */
	char name[LAB_TEST_NAME_BYTES];
	unsigned long long seed;
	bool has_seed;
	int failed, skipped;		/* set once, by whichever task comes first */
	char why[LAB_TEST_WHY_BYTES];	/* it was skipped */
	char fork_said[LAB_TEST_FORK_BYTES];
} cur;

/**
 * lab_harness_setup - see harness.h
 * @o: copied
 *
 * Return: 0; -ENOMEM if the user window is taken.
 */
int lab_harness_setup(const struct lab_harness_opts *o)
{
	opts = *o;
	opts.det = opts.det && host_engine_built(HOST_DET);
	if (is_set_up)
		return 0;
	is_set_up = true;
	return host_user_reserve();
}

/** lab_test_count - tests linked into this program */
unsigned int lab_test_count(void)
{
	return (unsigned int)(__stop_lab_tests - __start_lab_tests);
}

/** lab_test_at - test @i < lab_test_count() */
const struct lab_test *lab_test_at(unsigned int i)
{
	BUG_ON(i >= lab_test_count());
	return __start_lab_tests[i];
}

/**
 * lab_test_name - what a test is called
 * @test: from lab_test_at()
 * @name: filled with SUITE.NAME, cut to @bytes
 * @bytes: room in @name
 *
 * Return: @name.
 */
const char *lab_test_name(const struct lab_test *test, char *name, unsigned int bytes)
{
	const char *design = test->design;

	scnprintf(name, bytes, "%s%s%s.%s", design ? design : "", design ? "_" : "", test->suite, test->name);
	return name;
}

/** lab_test_slow - valgrind, TSan, or the runner asked for it: a tenth of the rounds will do */
bool lab_test_slow(void)
{
#if defined(__SANITIZE_THREAD__) || defined(KC_VALGRIND)
	return true;
#else
	return opts.few_rounds;
#endif
}

/** lab_test_handoff - the only hand-off that loop devices of tests may have: 1 inline, 2 worker; 0: any */
int lab_test_handoff(void)
{
	return opts.handoff;
}

/** lab_test_base_seed - the seed of the whole run of tests */
unsigned long long lab_test_base_seed(void)
{
	return opts.seed;
}

/** lab_test_seed - the running test works with @seed: printed if it fails */
void lab_test_seed(unsigned long long seed)
{
	cur.seed = seed;
	cur.has_seed = true;
}

static _Noreturn void lab_test_leave(void)
{
	if (!host_task_self())
		host_throw();
	host_run_abort();
	/* A thread of the test does not stop. */
	host_puts_release(1);
	if (opts.stopped)
		opts.stopped();
	host_exit(1);
}

static void lab_test_complain(const char *file, int line, const char *what)
{
	char msg[LAB_TEST_MSG_BYTES];
	int len;

	host_puts_release(1);
	len = scnprintf(msg, sizeof(msg), "FAIL %s", cur.name);
	if (cur.engine)
		len += scnprintf(msg + len, sizeof(msg) - len, " [%s, --seed %llu]", cur.engine, opts.seed);
	if (cur.has_seed)
		len += scnprintf(msg + len, sizeof(msg) - len, " (test's seed %llu)", cur.seed);
	scnprintf(msg + len, sizeof(msg) - len, ": %s:%d: %s", file, line, what);
	host_puts(msg);
	if (cur.fork_said[0]) {
		host_puts("the last forked child said:");
		host_puts(cur.fork_said);
	}
}

/**
 * lab_test_fail - the running test has failed; does not return
 * @file: place
 * @line: place
 * @fmt: what was expected, and what was there
 *
 * Context: any task of the test.
 */
void lab_test_fail(const char *file, int line, const char *fmt, ...)
{
	char what[LAB_TEST_MSG_BYTES];
	va_list args;

	if (!__atomic_exchange_n(&cur.failed, 1, __ATOMIC_SEQ_CST)) {
		va_start(args, fmt);
		vscnprintf(what, sizeof(what), fmt, args);
		va_end(args);
		lab_test_complain(file, line, what);
	}
	lab_test_leave();
}

/** lab_test_skip - the running test cannot run here, because of @why; does not return */
void lab_test_skip(const char *why)
{
	if (!__atomic_exchange_n(&cur.skipped, 1, __ATOMIC_SEQ_CST))
		strscpy(cur.why, why, sizeof(cur.why));
	lab_test_leave();
}

/** lab_test_skip_why - why the last test was skipped; see harness.h */
const char *lab_test_skip_why(void)
{
	return cur.why;
}

/**
 * lab_expect_mem_at - @len_bytes bytes are equal
 * @file: place
 * @line: place
 * @have: what is there
 * @want: what should be
 * @len_bytes: length
 */
void lab_expect_mem_at(const char *file, int line, const void *have, const void *want, size_t len_bytes)
{
	const u8 *h = have, *w = want;
	size_t i, differ = 0, first = 0;

	if (!memcmp(have, want, len_bytes))
		return;
	for (i = 0; i < len_bytes; i++) {
		if (h[i] == w[i])
			continue;
		if (!differ++)
			first = i;
	}
	if (differ)
		lab_test_fail(file, line, "memory differs in %zu of %zu bytes, first at offset %zu: "
			      "have 0x%02x, want 0x%02x", differ, len_bytes, first, h[first], w[first]);
}

/**
 * lab_test_fork - run fn(arg) in a forked process
 * @fn: may call kc_run()
 * @arg: its argument
 *
 * Return: its exit status; LAB_DIED after a BUG; 128 + signal. Context: bare test (a world's RAM
 * and threads cannot be forked).
 */
int lab_test_fork(void (*fn)(void *arg), void *arg)
{
	return host_fork_run(fn, arg, cur.fork_said, sizeof(cur.fork_said));
}

/**
 * lab_test_fork_said - was @text on the stderr of the last lab_test_fork()? Looks at the first
 * LAB_TEST_FORK_BYTES.
 */
bool lab_test_fork_said(const char *text)
{
	return kc_strstr(cur.fork_said, text) != NULL;
}

/* --- one test ------------------------------------------------------------------------------- */

static void lab_test_call(void *arg)
{
	const struct lab_test *test = arg;

	test->fn();
}

static const char *lab_test_ended(enum kc_run_status status)
{
	switch (status) {
	case KC_RUN_DONE:
		return "done";
	case KC_RUN_DEADLOCK:
		return "the run ended in a deadlock";
	case KC_RUN_STUCK:
		return "the run did not end";
	default:
		return "the run was given up";
	}
}

static void lab_test_on_engine(const struct lab_test *test, bool det)
{
	struct kc_world_opts world = { .frames_permuted = test->flags & LAB_TEST_F_PERMUTED };
	enum kc_run_status status;
	int bad = 0;

	cur.engine = det ? "det" : "thr";
	status = kc_run(det, opts.seed, &world, lab_test_call, (void *)test, &bad);
	if (cur.failed || cur.skipped)
		return;
	if (status != KC_RUN_DONE) {
		cur.failed = 1;
		lab_test_complain(test->file, test->line, lab_test_ended(status));
	} else if (bad) {
		cur.failed = 1;
		lab_test_complain(test->file, test->line, "the world's audit found something");
	}
}

/**
 * lab_test_run - run a test on all engines that it and the options allow
 * @test: from lab_test_at()
 *
 * Return: enum lab_test_result. Failures are on stderr. Context: outside a run.
 */
enum lab_test_result lab_test_run(const struct lab_test *test)
{
	bool thr = opts.thr && !(test->flags & LAB_TEST_F_DET_ONLY);
	bool det = opts.det && !(test->flags & LAB_TEST_F_THR_ONLY) && !(thr && opts.one_engine);

	cur.test = test;
	cur.engine = NULL;
	cur.has_seed = false;
	cur.failed = cur.skipped = 0;
	cur.fork_said[0] = cur.why[0] = 0;
	lab_test_name(test, cur.name, sizeof(cur.name));
	host_set_context(cur.name);
	if (!opts.verbose)
		host_puts_hold();
	if (test->flags & LAB_TEST_F_BARE) {
		host_try(lab_test_call, (void *)test);
	} else if (!thr && !det) {
		strscpy(cur.why, "needs an engine that is not built in or was not asked for", sizeof(cur.why));
		cur.skipped = 1;
	} else {
		if (thr)
			lab_test_on_engine(test, false);
		if (det && !cur.failed && !cur.skipped)
			lab_test_on_engine(test, true);
	}
	host_puts_release(cur.failed);
	host_set_context(NULL);
	if (cur.failed)
		return LAB_TEST_FAILED;
	return cur.skipped ? LAB_TEST_SKIPPED : LAB_TEST_PASSED;
}

/**
 * lab_test_run_named - run one test, found by its name
 * @suite: of the test
 * @name: of the test
 *
 * Return: enum lab_test_result; FAILED if there is not exactly one such test.
 */
enum lab_test_result lab_test_run_named(const char *suite, const char *name)
{
	const struct lab_test *found = NULL;
	char wanted[LAB_TEST_NAME_BYTES], have[LAB_TEST_NAME_BYTES];
	unsigned int i, n = 0;

	if (!is_set_up && lab_harness_setup(&opts)) {
		printk("FAIL %s.%s: the user window is taken", suite, name);
		return LAB_TEST_FAILED;
	}
	scnprintf(wanted, sizeof(wanted), "%s.%s", suite, name);
	for (i = 0; i < lab_test_count(); i++) {
		const struct lab_test *test = lab_test_at(i);

		if (strcmp(lab_test_name(test, have, sizeof(have)), wanted))
			continue;
		found = test;
		n++;
	}
	if (n != 1) {
		printk("FAIL %s.%s: %u tests of that name in this program", suite, name, n);
		return LAB_TEST_FAILED;
	}
	return lab_test_run(found);
}
