// SPDX-License-Identifier: GPL-2.0-only
/*
 * main.c - the verbs.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static const struct verb {
	const char *name;
	int (*fn)(int argc, char **argv);
	const char *what;
} verbs[] = {
	{ "list", cmd_list, "what there is: designs, counters, knobs, filters, devices" },
	{ "run", cmd_run, "one design, one or more fio job files" },
	{ "compare", cmd_compare, "the same stream of IO through several designs, side by side" },
	{ "trace", cmd_trace, "what happens at each block device, for blkparse and btt, or as text" },
	{ "ops", cmd_ops, "single operations, one result line each; also by real system calls" },
};
#define NR_VERBS (sizeof(verbs) / sizeof(verbs[0]))

static void help(void)
{
	printf("diolab - how should direct IO reach a file when the memory is already pinned?\n\n");
	for (size_t i = 0; i < NR_VERBS; i++)
		printf("  diolab %-8s  %s\n", verbs[i].name, verbs[i].what);
	printf("\n'diolab VERB --help' explains each. First answer:\n"
	       "  diolab compare scenarios/first-light.fio\n");
}

int main(int argc, char **argv)
{
	static char help_option[] = "--help";
	const char *names[NR_VERBS + 1], *nearest;
	int rc = host_user_reserve();	/* before anything else can take those addresses */

	cli_begin();
	if (rc)
		usage("the user window at %#lx is taken (error %d); run without address space limits or preloaded libraries",
		      HOST_USER_BASE, -rc);
	if (argc < 2)
		usage("a verb is missing: list, run, compare, trace or ops; 'diolab --help' says what they do");
	if (!strcmp(argv[1], "help") && argc > 2) {	/* the same as VERB --help */
		argv[1] = argv[2];
		argv[2] = help_option;
		argc = 3;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		help();
		return EXIT_OK;
	}
	for (size_t i = 0; i < NR_VERBS; i++) {
		names[i] = verbs[i].name;
		if (!strcmp(argv[1], verbs[i].name)) {
			cli_argv = argv;
			return verbs[i].fn(argc - 1, argv + 1);
		}
	}
	nearest = did_you_mean(argv[1], names, NR_VERBS);
	usage("no verb '%s'%s", argv[1], *nearest ? nearest : "; 'diolab --help' lists them");
}
