// SPDX-License-Identifier: GPL-2.0-only
/*
 * inproc.c - the in-process runner: all tests in one process, which is what sanitizers and memcheck
 * can judge.
 *
 * It counts three ways: the tests that nm found in the objects (--expect, from mk/build.mk), those
 * that the linker put into the program's table, and those that ran. Any difference is a failure: a
 * test that silently does not run is a test that passes whatever it tests. A test that kills the
 * process is named on the way out, and the process' status says the rest.
 */
#include <errno.h>
#include <fnmatch.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "harness/harness.h"
#include "host.h"
#define LAB_HOST_SIDE
#include "lab_test.h"

#define EXIT_USAGE	2
#define EXIT_SKIPPED	77
#define NAME_BYTES	128

static struct {
	unsigned int selected;
	unsigned int passed, failed, skipped;
	unsigned int wrong;		/* with the program itself; each counts as a failure */
	long expect;			/* -1: not given */
	const char *filter;
	unsigned int shard, shards;	/* of the selected tests in their order, every @shards'th, from the @shard'th on */
	int verbose, list;
	char running[NAME_BYTES];	/* name of the running test; for handlers */
} run = { .expect = -1, .shard = 1, .shards = 1 };

static struct lab_harness_opts harness = { .thr = 1, .det = 1 };

static double clock_s(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int usage(const char *why)
{
	fprintf(stderr,
		"%s\n"
		"usage: [--list] [--filter GLOB] [--seed N] [--engine thr|det|both] [--few-rounds]\n"
		"       [--handoff inline|worker] [--expect N] [--shard K/N] [-v]\n"
		"GLOB matches SUITE.NAME (or SUITE/NAME); --expect says how many tests there should be;\n"
		"--shard: the Kth of N parts of them, which N processes can run at a time;\n"
		"--handoff: all loop devices of designs' tests have this one, if the design has it;\n"
		"-v lists every test and prints what it says; else only failed tests are heard\n",
		why);
	return EXIT_USAGE;
}

/* --- summary and ways out -------------------------------------------------------------------- */

static int summary(void)
{
	unsigned int ran = run.passed + run.failed + run.skipped;

	if (ran != run.selected) {
		printf("%u tests did not run\n", run.selected - ran);
		run.failed += run.selected - ran;
	}
	run.failed += run.wrong;
	if (run.failed)
		printf("seed: %llu\n", harness.seed);
	printf("%u passed, %u failed, %u skipped\n", run.passed, run.failed, run.skipped);
	fflush(stdout);
	if (run.failed)
		return 1;
	return run.skipped && !run.passed ? EXIT_SKIPPED : 0;
}

/* A failed test has left threads behind: nothing can be trusted to run after it. */
static void stopped(void)
{
	printf("stopped at %s: its threads are still running\n", run.running);
	run.failed++;
	host_exit(summary());
}

static void say_running(void)
{
	static const char before[] = "\nthe process died in test ";

	if (!run.running[0])
		return;
	host_puts_release(1);
	if (write(2, before, sizeof(before) - 1) < 0 || write(2, run.running, strlen(run.running)) < 0 ||
	    write(2, "\n", 1) < 0)
		_exit(1);
}

static void on_signal(int sig)
{
	say_running();
	signal(sig, SIG_DFL);
	raise(sig);
}

/* A test that hangs is ended from outside (timeout, ^C); one that crashes, by itself or by a sanitizer. */
static void name_the_dead(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	static const int fatal[] = { SIGTERM, SIGINT };
	void __sanitizer_set_death_callback(void (*callback)(void));

	__sanitizer_set_death_callback(say_running);
#else
	static const int fatal[] = { SIGTERM, SIGINT, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT };
#endif
	size_t i;

	for (i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
		signal(fatal[i], on_signal);
}

/* --- the tests ---------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
	char x[NAME_BYTES], y[NAME_BYTES];

	return strcmp(lab_test_name(*(const struct lab_test *const *)a, x, sizeof(x)),
		      lab_test_name(*(const struct lab_test *const *)b, y, sizeof(y)));
}

/*
 * All tests of the program, sorted. That they can be told apart and are as many as they should be
 * is checked here.
 */
static const struct lab_test **collect(unsigned int *nr)
{
	static const struct lab_test **tests;	/* until the process ends */
	unsigned int i, n = lab_test_count();
	char name[NAME_BYTES];

	tests = calloc(n + 1, sizeof(*tests));
	if (!tests) {
		perror("calloc");
		exit(1);
	}
	for (i = 0; i < n; i++)
		tests[i] = lab_test_at(i);
	qsort(tests, n, sizeof(*tests), by_name);
	*nr = n;
	for (i = 1; i < n; i++) {
		if (!by_name(&tests[i - 1], &tests[i])) {
			printf("two tests are called %s\n", lab_test_name(tests[i], name, sizeof(name)));
			run.wrong++;
		}
	}
	if (run.expect >= 0 && run.expect != (long)n) {
		printf("%ld tests were compiled, %u are in this program\n", run.expect, n);
		run.wrong++;
	}
	if (!n) {
		printf("no tests in this program\n");
		run.wrong++;
	}
	return tests;
}

static int matches(const struct lab_test *test, char *name)
{
	char slashed[NAME_BYTES];

	strcpy(slashed, lab_test_name(test, name, NAME_BYTES));
	slashed[strcspn(slashed, ".")] = '/';
	return !run.filter || !fnmatch(run.filter, name, 0) || !fnmatch(run.filter, slashed, 0);
}

/* Those that are wanted to the front of @tests. Return: how many; run.selected: how many of them are this shard's. */
static unsigned int select_tests(const struct lab_test **tests, unsigned int n)
{
	unsigned int i, kept = 0;
	char name[NAME_BYTES];

	for (i = 0; i < n; i++)
		if (matches(tests[i], name))
			tests[kept++] = tests[i];
	if (!run.list)
		for (i = run.shard - 1; i < kept; i += run.shards)
			run.selected++;
	return kept;
}

static void run_one(const struct lab_test *test)
{
	static const char *const words[] = { "ok", "FAILED", "skipped" };
	double start = clock_s(CLOCK_MONOTONIC), cpu = clock_s(CLOCK_PROCESS_CPUTIME_ID);
	enum lab_test_result result = lab_test_run(test);

	if (result == LAB_TEST_PASSED)
		run.passed++;
	else if (result == LAB_TEST_SKIPPED)
		run.skipped++;
	else
		run.failed++;
	if (result == LAB_TEST_SKIPPED)
		printf("SKIP %s: %s\n", run.running, lab_test_skip_why());
	if (run.verbose || result == LAB_TEST_FAILED)
		printf("%-8s %-60s %8.3f s %8.3f s of CPU\n", words[result], run.running,
		       clock_s(CLOCK_MONOTONIC) - start, clock_s(CLOCK_PROCESS_CPUTIME_ID) - cpu);
	/* The next one may take the process down. */
	fflush(stdout);
}

/* "2/3", @s; 0 if it is none */
static int parse_shard(const char *s)
{
	char end;

	return sscanf(s, "%u/%u%c", &run.shard, &run.shards, &end) == 2 && run.shard && run.shard <= run.shards;
}

static int parse(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "list", no_argument, NULL, 'l' }, { "filter", required_argument, NULL, 'f' },
		{ "seed", required_argument, NULL, 's' }, { "engine", required_argument, NULL, 'e' },
		{ "expect", required_argument, NULL, 'n' }, { "few-rounds", no_argument, NULL, 'r' },
		{ "handoff", required_argument, NULL, 'h' }, { "shard", required_argument, NULL, 'p' },
		{ "verbose", no_argument, NULL, 'v' }, { 0 },
	};
	char *end = "";
	int c;

	harness.seed = (unsigned long long)time(NULL) * 1000003u ^ (unsigned long long)getpid();
	while ((c = getopt_long(argc, argv, "v", longs, NULL)) != -1) {
		switch (c) {
		case 'l':
			run.list = 1;
			break;
		case 'f':
			run.filter = optarg;
			break;
		case 's':
			harness.seed = strtoull(optarg, &end, 0);
			break;
		case 'e':
			harness.thr = strcmp(optarg, "det") != 0;
			harness.det = strcmp(optarg, "thr") != 0;
			if (harness.thr && harness.det && strcmp(optarg, "both"))
				return usage("--engine: thr, det or both");
			break;
		case 'n':
			run.expect = strtol(optarg, &end, 10);
			break;
		case 'h':
			harness.handoff = !strcmp(optarg, "inline") ? 1 : !strcmp(optarg, "worker") ? 2 : 0;
			if (!harness.handoff)
				return usage("--handoff: inline or worker");
			break;
		case 'p':
			if (!parse_shard(optarg))
				return usage("--shard: K/N, K from 1 to N");
			break;
		case 'r':
			harness.few_rounds = 1;
			break;
		case 'v':
			run.verbose = 1;
			break;
		default:
			return usage("unknown option");
		}
		if (*end)
			return usage("not a number");
	}
	if (optind < argc)
		return usage("no arguments but options");
	if (!harness.thr && !host_engine_built(HOST_DET))
		return usage("--engine det: this build has no det engine");
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_test **tests;
	unsigned int i, n, n_selected;
	int status = parse(argc, argv);
	char name[NAME_BYTES];

	if (status)
		return status;
	harness.verbose = run.verbose;
	harness.stopped = stopped;
	if (lab_harness_setup(&harness)) {
		fprintf(stderr, "the user window (host.h, HOST_USER_BASE) is taken in this process\n");
		return 1;
	}
	tests = collect(&n);
	n_selected = select_tests(tests, n);
	if (!run.list && n && !n_selected)
		return usage("--filter: no test has such a name");
	name_the_dead();
	for (i = run.shard - 1; i < n_selected; i += run.shards) {
		lab_test_name(tests[i], name, sizeof(name));
		if (run.list) {
			printf("%s\n", name);
			continue;
		}
		snprintf(run.running, sizeof(run.running), "%s", name);
		run_one(tests[i]);
	}
	run.running[0] = 0;
	if (run.list)
		return run.wrong ? 1 : 0;
	return summary();
}
