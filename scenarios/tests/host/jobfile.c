// SPDX-License-Identifier: GPL-2.0-only
/* jobfile.c - tests of the job file reader: what is accepted, and the exact line for what is not. */
#define LAB_HOST_SIDE
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "lab_test.h"

static struct jobset set;
static char why[CLI_WHY_BYTES];

static int parse(const char *text)
{
	memset(&set, 0, sizeof(set));
	memset(why, 0xaa, sizeof(why));
	why[0] = 0;
	return jobfile_parse("t.fio", text, &set, why, sizeof(why));
}

LAB_TEST_BARE(jobfile, globals_are_defaults_of_later_sections)
{
	lab_expect_eq(parse("[global]\nbs=8k\nsize=1m\n[a]\nrw=randwrite\n[global]\niodepth=7\n[b]\nbs=4k\n"), 0);
	lab_expect_eq(set.nr_jobs, 2);
	lab_expect(!strcmp(set.jobs[0].name, "a"));
	lab_expect_eq(set.jobs[0].rw, LAB_JOB_WRITE);
	lab_expect_eq(set.jobs[0].random, 1);
	lab_expect_eq(set.jobs[0].bssplit[1][0].bytes, 8192);
	lab_expect_eq(set.jobs[0].iodepth, 1);
	lab_expect_eq(set.jobs[1].iodepth, 7);
	lab_expect_eq(set.jobs[1].bssplit[0][0].bytes, 4096);
	lab_expect_eq(set.jobs[1].rw, LAB_JOB_READ);
	lab_expect_eq(set.jobs[1].size_bytes, 1 << 20);
}

LAB_TEST_BARE(jobfile, sizes_per_direction_and_splits)
{
	lab_expect_eq(parse("[a]\nsize=8m\nbs=4k,16k\n"), 0);
	lab_expect_eq(set.jobs[0].bssplit[0][0].bytes, 4096);
	lab_expect_eq(set.jobs[0].bssplit[1][0].bytes, 16384);
	lab_expect_eq(parse("[a]\nsize=8m\nbssplit=4k/50:8k/:16k/,64k/100\n"), 0);
	lab_expect_eq(set.jobs[0].nr_bssplit[0], 3);
	lab_expect_eq(set.jobs[0].bssplit[0][0].percent, 50);
	lab_expect_eq(set.jobs[0].bssplit[0][1].percent, 25);
	lab_expect_eq(set.jobs[0].bssplit[0][2].percent, 25);
	lab_expect_eq(set.jobs[0].bssplit[1][0].bytes, 65536);
}

LAB_TEST_BARE(jobfile, comments_blanks_and_bare_keys)
{
	lab_expect_eq(parse("# one\n; two\n\n  [a]  \n\tsize = 1m \nstonewall\nthread\nioengine=libaio\n"), 0);
	lab_expect_eq(set.jobs[0].stonewall, 1);
	lab_expect(!strcmp(set.ignored, "thread ioengine"));
}

LAB_TEST_BARE(jobfile, engines_that_wait)
{
	lab_expect_eq(parse("[global]\nioengine=psync\nsize=1m\n[a]\n[b]\nioengine=io_uring\n"), 0);
	lab_expect_eq(set.jobs[0].sync_calls, 1);
	lab_expect_eq(set.jobs[1].sync_calls, 0);
	lab_expect(!strcmp(set.ignored, "ioengine"));
	lab_expect_eq(parse("[a]\nioengine=pvsync2\nsize=1m\n"), 0);
	lab_expect_eq(set.jobs[0].sync_calls, 1);
	lab_expect(!*set.ignored);
}

LAB_TEST_BARE(jobfile, variables_from_the_environment)
{
	lab_expect_eq(setenv("DIOLAB_TEST_SIZE", "3m", 1), 0);
	lab_expect_eq(parse("[a]\nsize=${DIOLAB_TEST_SIZE}\n"), 0);
	lab_expect_eq(set.jobs[0].size_bytes, 3 << 20);
	lab_expect_eq(unsetenv("DIOLAB_TEST_SIZE"), 0);
	lab_expect_eq(parse("[a]\nsize=${DIOLAB_TEST_SIZE}\n"), -1);
	lab_expect(!strcmp(why, "t.fio:2: ${DIOLAB_TEST_SIZE} is not set; set it in the environment"));
}

LAB_TEST_BARE(jobfile, pragmas)
{
	lab_expect_eq(parse("#@ design = bio-first\n#@ knob.handoff = worker\n#@ expect.errors = 2\n[a]\nsize=1m\n"
			    "#@ expect.errno = EIO\n#@ expect.loop.map_calls = 1\n"), 0);
	lab_expect_eq(set.nr_pragmas, 2);
	lab_expect(!strcmp(set.pragmas[1].name, "knob.handoff") && !strcmp(set.pragmas[1].value, "worker"));
	lab_expect_eq(set.jobs[0].expect_errors, 2);
	lab_expect_gt(set.jobs[0].expect_errno, 0);
	lab_expect_eq(set.jobs[0].nr_expect, 1);
	lab_expect_eq(parse("[a]\nsize=1m\n#@ fs = extent\n"), -1);
	lab_expect(strstr(why, "t.fio:3:") && strstr(why, "whole run"));
	lab_expect_eq(parse("#@ fs = extent\n#@ fs = extent:layout=sparse\n[a]\nsize=1m\n"), -1);
	lab_expect(strstr(why, "contradicts t.fio:1"));
}

LAB_TEST_BARE(jobfile, mistakes_are_named_with_file_and_line)
{
	static const struct { const char *text, *want; } bad[] = {
		{ "[a]\nsize=1m\niodpeth=4\n", "t.fio:3: unknown key 'iodpeth'; did you mean 'iodepth'?" },
		{ "[a]\nsize=1m\niodepth=1025\n", "t.fio:3: iodepth=1025: must be 1 to 1024" },
		{ "[a]\nsize=1m\nrwmixread=101\n", "t.fio:3: rwmixread=101: must be 0 to 100" },
		{ "[a]\nsize=1m\nbs=4095\n", "t.fio:3: bs=4095: want a multiple of 512 up to 67108864" },
		{ "[a]\nsize=2k\nbs=4k\n", "t.fio:3: job 'a' (line 1): a block of 4096 bytes does not fit size=2048" },
		{ "[a\nsize=1m\n", "t.fio:1: a section is one [name] on a line of its own" },
		{ "", "t.fio:0: no job in this file; a job is a [name] section" },
		{ "[a]\nsize=1m\niomem_align=3000\n", "t.fio:3: job 'a' (line 1): iomem_align must be a power of two" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		lab_expect_eq(parse(bad[i].text), -1);
		lab_expect(!strcmp(why, bad[i].want));
	}
}

LAB_TEST_BARE(jobfile, limits_on_jobs_n_and_n_plus_1)
{
	char text[LAB_MAX_JOBS * 16 + 64] = "[global]\nsize=1m\n";
	size_t n = strlen(text);

	for (int i = 0; i < LAB_MAX_JOBS; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "[j%d]\n", i);
	lab_expect_eq(parse(text), 0);
	lab_expect_eq(set.nr_jobs, LAB_MAX_JOBS);
	snprintf(text + n, sizeof(text) - n, "[over]\n");
	lab_expect_eq(parse(text), -1);
	lab_expect(strstr(why, "too many jobs") != NULL);
}
