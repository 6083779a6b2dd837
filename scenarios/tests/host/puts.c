// SPDX-License-Identifier: GPL-2.0-only
/*
 * puts.c - tests of lines that are held back: printed, forgotten, or printed because the process stops.
 */
#include <sys/mman.h>
#include <unistd.h>
#include "host_test.h"

#define KEPT_BYTES	(1 << 20)	/* at most */
#define LINE_BYTES	1000
#define TOO_MANY	2000		/* lines */

static void forget(void *arg)
{
	host_puts_hold();
	host_puts("forgotten");
	host_puts_release(0);
	host_puts_hold();
	host_puts("remembered");
	host_puts_release(1);
	host_puts("at once");
	host_puts_release(1);
}

LAB_TEST_BARE(host_puts, held_lines_are_printed_or_forgotten)
{
	lab_expect_eq(lab_test_fork(forget, NULL), 0);
	lab_expect(!lab_test_fork_said("forgotten"));
	lab_expect(lab_test_fork_said("remembered\nat once\n"));
}

static void die_holding(void *arg)
{
	host_puts_hold();
	host_puts("held");
	host_die("dead");
}

LAB_TEST_BARE(host_puts, who_dies_says_what_was_held_first)
{
	lab_expect_eq(lab_test_fork(die_holding, NULL), LAB_DIED);
	lab_expect(lab_test_fork_said("held\n"));
	lab_expect(lab_test_fork_said("dead\n"));
}

static void say(unsigned int lines)
{
	char line[LINE_BYTES];

	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = 0;
	while (lines--)
		host_puts(line);
}

/* Exit status 0: stderr, here a file, has about what fits and then the remark. */
static void hold_too_much(void *arg)
{
	static const char more[] = "\n(more was said than is kept)\n";
	char end[sizeof(more)] = "";
	int file = memfd_create("stderr", 0);
	off_t bytes;

	if (file < 0 || dup2(file, 2) < 0)
		host_exit(2);
	host_puts_hold();
	say(TOO_MANY);
	host_puts_release(1);
	bytes = lseek(2, 0, SEEK_END);
	if (bytes <= KEPT_BYTES - LINE_BYTES || bytes > KEPT_BYTES + (off_t)sizeof(more))
		host_exit(3);
	if (pread(2, end, sizeof(more) - 1, bytes - (off_t)sizeof(more) + 1) < 0)
		host_exit(4);
	host_exit(strcmp(end, more) ? 5 : 0);
}

static void hold_too_much_and_forget(void *arg)
{
	host_puts_hold();
	say(TOO_MANY);
	host_puts_release(0);
	host_puts_hold();
	host_puts("fits again");
	host_puts_release(1);
}

LAB_TEST_BARE(host_puts, more_than_fits_is_dropped_and_remarked)
{
	lab_expect_eq(lab_test_fork(hold_too_much, NULL), 0);
	lab_expect_eq(lab_test_fork(hold_too_much_and_forget, NULL), 0);
	lab_expect(lab_test_fork_said("fits again\n"));
	lab_expect(!lab_test_fork_said("xxx"));
	lab_expect(!lab_test_fork_said("more was said than is kept"));
}
