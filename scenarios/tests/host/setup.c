// SPDX-License-Identifier: GPL-2.0-only
/* setup.c - tests of the words for designs, knobs, targets, limits and filters. */
#define LAB_HOST_SIDE
#include <string.h>

#include "cli/cli.h"
#include "lab_test.h"

static char why[CLI_WHY_BYTES];

LAB_TEST_BARE(setup, designs_with_knobs)
{
	struct setup s;

	setup_defaults(&s);
	lab_expect_eq(setup_designs(&s, "bio-first+handoff=worker+loopq=mq,iter-ops-fixed", why, sizeof(why)), 0);
	lab_expect_eq(s.nr_designs, 2);
	lab_expect(!strcmp(s.designs[0].name, "bio-first"));
	lab_expect(!strcmp(s.designs[0].label, "bio-first+handoff=worker+loopq=mq"));
	lab_expect_eq(s.designs[0].knobs.handoff, 1);
	lab_expect_eq(s.designs[0].knobs.loopq, 1);
	lab_expect_eq(s.designs[1].knobs.handoff, SETUP_KNOB_UNSAID);
	lab_expect_eq(setup_designs(&s, "bio-last", why, sizeof(why)), -1);
	lab_expect(strstr(why, "did you mean 'bio-first'"));
	lab_expect_eq(setup_designs(&s, "bio-first@6.1", why, sizeof(why)), -1);
	lab_expect_eq(setup_designs(&s, "bio-first+alloc", why, sizeof(why)), -1);
}

LAB_TEST_BARE(setup, disks)
{
	struct lab_target t;

	memset(&t, 0, sizeof(t));
	lab_expect_eq(setup_disk(&t, "a/b:c:64m", why, sizeof(why)), 0);
	lab_expect(!strcmp(t.path, "a/b:c"));
	lab_expect_eq(t.size_bytes, 64 << 20);
	lab_expect_eq(setup_disk(&t, "a:b", why, sizeof(why)), 0);
	lab_expect(!strcmp(t.path, "a:b"));
	lab_expect_eq(t.size_bytes, 0);
	lab_expect_eq(setup_disk(&t, ":64m", why, sizeof(why)), -1);
	lab_expect_eq(setup_disk(&t, "x:1000", why, sizeof(why)), -1);
}

LAB_TEST_BARE(setup, filesystem_limits_and_filters)
{
	struct lab_target t;

	memset(&t, 0, sizeof(t));
	lab_expect_eq(setup_fs(&t, "extent:layout=fragmented=8k,lock=exclusive", why, sizeof(why)), 0);
	lab_expect_eq(t.layout, 1);
	lab_expect_eq(t.fragment_bytes, 8192);
	lab_expect_eq(t.lock_exclusive, 1);
	lab_expect_eq(t.cold_map + t.flusher, 0);
	lab_expect_eq(setup_fs(&t, "extent:map=cold,flusher=on", why, sizeof(why)), 0);
	lab_expect_eq(t.cold_map, 1);
	lab_expect_eq(t.flusher, 1);
	lab_expect_eq(setup_fs(&t, "extent:map=warm,flusher=off", why, sizeof(why)), 0);
	lab_expect_eq(t.cold_map + t.flusher, 0);
	lab_expect_eq(setup_fs(&t, "extent:map=hot", why, sizeof(why)), -1);
	lab_expect_eq(setup_fs(&t, "extent:layout=sparse=4k", why, sizeof(why)), -1);
	lab_expect_eq(setup_fs(&t, "ext4", why, sizeof(why)), -1);
	lab_expect_eq(setup_limits(&t, "max_sectors=8,virt_boundary=4k", why, sizeof(why)), 0);
	lab_expect_eq(t.max_sectors, 8);
	lab_expect_eq(t.virt_boundary_bytes, 4096);
	lab_expect_eq(setup_limits(&t, "max_sectors=0", why, sizeof(why)), -1);
	lab_expect_eq(setup_limits(&t, "logical_block_size=8192", why, sizeof(why)), -1);
	lab_expect_eq(setup_stack(&t, "trace/fault=flip@1m", why, sizeof(why)), 0);
	lab_expect_eq(t.nr_stack, 2);
	lab_expect(!strcmp(t.stack[1].arg, "flip@1m"));
	lab_expect_eq(setup_stack(&t, "trase", why, sizeof(why)), -1);
}
