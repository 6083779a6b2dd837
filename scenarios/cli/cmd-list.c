// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmd-list.c - diolab list [designs|jobs|devices|counters|knobs|faults].
 */
#include <glob.h>
#include <string.h>

#include "cli.h"

static void list_designs(void)
{
	for (unsigned int i = 0; i < lab_nr_designs(); i++) {
		printf("%-16s %s", lab_design_name(i), lab_design_summary(i));
		for (unsigned int v = 1; lab_design_variant_name(i, v); v++)
			printf("%s%s@%s", v == 1 ? "; also " : ", ", lab_design_name(i), lab_design_variant_name(i, v));
		putchar('\n');
	}
}

static void list_jobs(void)
{
	glob_t g;

	if (glob("scenarios/*.fio", 0, NULL, &g)) {
		printf("no scenarios/*.fio below this folder\n");
		return;
	}
	for (size_t i = 0; i < g.gl_pathc; i++) {
		FILE *f = fopen(g.gl_pathv[i], "re");
		char line[160] = "";

		/* the first comment that is neither licence nor pragma says what the file is */
		while (f && fgets(line, sizeof(line), f))
			if (line[0] == '#' && line[1] == ' ' && !strstr(line, "SPDX"))
				break;
		line[strcspn(line, "\n")] = 0;
		printf("%-32s %s\n", g.gl_pathv[i], line[0] == '#' ? line + 2 : "");
		if (f)
			fclose(f);
	}
	globfree(&g);
}

static void list_devices(void)
{
	puts("disk             --disk FILE[:SIZE]: a real file or block device, opened O_DIRECT, on io_uring\n"
	     "ram              --ram SIZE: a disk in memory\n"
	     "null             --null SIZE: completes in batches, keeps nothing");
	for (unsigned int i = 0; i < lab_nr_filters(); i++)
		printf("%-16s filter (--stack): %s\n", lab_filter_name(i), lab_filter_what(i));
}

static void list_counters(void)
{
	for (unsigned int i = 0; i < lab_nr_counters(); i++)
		printf("%-16s %s\n", lab_counter_name(i), lab_counter_what(i));
}

static void list_knobs(void)
{
	static const char *const what[] = {
		"how loop reaches the file: in the submitter's context, or from a worker",
		"per-IO state from mempools and bio_sets, or from kmalloc, which may fail",
		"end_io work where the IO completes, or always from a work item",
		"the loop device's queue: ->submit_bio, or blk-mq with tags and merging",
		"who respects the limits of a device: the layer that splits below (new)",
		"user memory: physically contiguous, or no two neighbours contiguous",
	};

	for (unsigned int i = 0; setup_knob_names[i]; i++)
		printf("%-12s %-22s %s\n", setup_knob_names[i], setup_knob_values[i], what[i]);
}

static void list_faults(void)
{
	puts("fault=flip@OFF          one byte of what is read at byte OFF of the disk is changed\n"
	     "fault=eio@OFF[+LEN]     transfers that touch [OFF, OFF+LEN) of the disk fail with EIO; LEN: 1\n"
	     "fault=enospc@OFF[+LEN]  the same, with ENOSPC\n"
	     "fault=eio@flush         whatever asks for a flush of the disk's cache fails with EIO");
}

int cmd_list(int argc, char **argv)
{
	static const struct { const char *name; void (*fn)(void); } parts[] = {
		{ "designs", list_designs }, { "jobs", list_jobs }, { "devices", list_devices },
		{ "counters", list_counters }, { "knobs", list_knobs }, { "faults", list_faults },
	};
	const char *names[sizeof(parts) / sizeof(parts[0])], *nearest;
	size_t n = sizeof(parts) / sizeof(parts[0]);

	if (argc > 2)
		usage("list takes one word: designs, jobs, devices, counters, knobs or faults");
	for (size_t i = 0; i < n; i++) {
		names[i] = parts[i].name;
		if (argc == 1)
			printf("%s%s:\n", i ? "\n" : "", parts[i].name);
		if (argc == 1 || !strcmp(argv[1], parts[i].name)) {
			parts[i].fn();
			if (argc == 2)
				return EXIT_OK;
		}
	}
	if (argc == 1)
		return EXIT_OK;
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		puts("Usage: diolab list [designs|jobs|devices|counters|knobs|faults]\n"
		     "What the other verbs can be told; without a word all of it.\n\n"
		     "  designs   for -d, with their variants (NAME@VARIANT)\n"
		     "  jobs      the job files below this folder, and what each is for\n"
		     "  devices   for --disk, --ram and --null; filters for --stack\n"
		     "  counters  what reports count, and '#@ expect.COUNTER = N' of a job file asks for\n"
		     "  knobs     for -d NAME+knob=value\n"
		     "  faults    for --stack fault=…");
		return EXIT_OK;
	}
	nearest = did_you_mean(argv[1], names, n);
	usage("list: no part '%s'%s", argv[1], *nearest ? nearest :
	      "; there are designs, jobs, devices, counters, knobs and faults");
}
