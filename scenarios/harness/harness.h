/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * harness.h - between the runners (host side) and the tests (kernel side): built-in types only, so
 * that a file with Criterion's headers can include it too.
 */
#ifndef LAB_HARNESS_H
#define LAB_HARNESS_H

struct lab_test;

enum lab_test_result { LAB_TEST_PASSED, LAB_TEST_FAILED, LAB_TEST_SKIPPED };

/**
 * struct lab_harness_opts - how tests are run
 * @thr, @det: on these engines, where the build has them
 * @one_engine: not both of them in turn: threads, or det where a test does not run on threads
 * @verbose: print what tests say at once; else only what a failed one has said, and what is said while
 *	the process dies
 * @few_rounds: lab_test_slow() says yes
 * @handoff: 1 inline, 2 worker: tests of designs use this one alone, as far as a design has it; 0: what they want
 * @seed: what lab_test_base_seed() returns, and the seed of every run
 * @stopped: a test failed in a way that leaves threads behind: report and leave, do not return.
 *	NULL: exit with 1
 */
struct lab_harness_opts {
	int thr, det;
	int one_engine;
	int verbose;
	int few_rounds;
	int handoff;
	unsigned long long seed;
	void (*stopped)(void);
};

/* Once, before the first test, early in main: it reserves the user window. 0 or -errno. */
int lab_harness_setup(const struct lab_harness_opts *opts);

unsigned int lab_test_count(void);		/* tests in this program */
const struct lab_test *lab_test_at(unsigned int i);
/* Its name, SUITE.NAME, cut to @bytes. Return: @name. */
const char *lab_test_name(const struct lab_test *test, char *name, unsigned int bytes);
enum lab_test_result lab_test_run(const struct lab_test *test);
const char *lab_test_skip_why(void);		/* after LAB_TEST_SKIPPED: the reason; until the next test */
/* By name; a test that does not exist has failed. Sets the harness up with the defaults if nobody has. */
enum lab_test_result lab_test_run_named(const char *suite, const char *name);

#endif
