// SPDX-License-Identifier: GPL-2.0-only
/*
 * ops_limits.c - streams of operations that are refused as a whole, in words, and the empty one.
 */
#include "host.h"
#include "matrix.h"

static struct lab_op ops[1];
static struct lab_seg segs[1];
static struct lab_op_result have[1];

/* Any design, on a file on a ram disk. */
static void ops_spec(struct scen *s)
{
	scen_default(s);
	s->spec.design = lab_designs[0]->name;
	lab_design_defaults(&s->spec);
	s->spec.engine = HOST_THR;
	s->spec.path = LAB_PATH_FILE;
	s->spec.target.logical_block_bytes = 512;
	s->spec.target.size_bytes = 8u << 20;
}

LAB_TEST_BARE(ops, limits_are_refused)
{
	static struct scen s;

	ops_spec(&s);
	ops[0] = (struct lab_op) { .kind = LAB_OP_PREAD, .line = 7, .segs = segs, .nr_segs = 1 };
	segs[0] = (struct lab_seg) { .len_bytes = LAB_OP_MAX_BYTES + 1 };
	lab_expect_eq(lab_ops_run(&s.spec, ops, 1, have, &scen_result), LAB_RUN_USAGE);
	lab_expect(kc_strstr(scen_result.why, "line 7"));
	segs[0] = (struct lab_seg) { .len_bytes = 512, .misalign_bytes = LAB_OP_MAX_MISALIGN + 1 };
	lab_expect_eq(lab_ops_run(&s.spec, ops, 1, have, &scen_result), LAB_RUN_USAGE);
	segs[0].misalign_bytes = LAB_OP_MAX_MISALIGN;
	lab_expect_eq(lab_ops_run(&s.spec, ops, 1, have, &scen_result), LAB_RUN_OK);
	lab_expect_eq(have[0].ret, 0);
	s.spec.target.kind = LAB_DISK_NULL;
	lab_expect_eq(lab_ops_run(&s.spec, ops, 1, have, &scen_result), LAB_RUN_USAGE);
}

LAB_TEST_BARE(ops, the_reference_refuses_what_it_cannot_hold)
{
	struct lab_run_spec spec = { .path = LAB_PATH_FILE };
	char why[LAB_WHY_BYTES] = "";

	ops[0] = (struct lab_op) { .kind = LAB_OP_SIZE, .line = 7, .off_bytes = LAB_OPS_REFERENCE_BYTES };
	lab_expect_eq(lab_ops_reference(&spec, ops, 1, have, why, sizeof(why)), LAB_RUN_OK);
	ops[0].off_bytes++;
	lab_expect_eq(lab_ops_reference(&spec, ops, 1, have, why, sizeof(why)), LAB_RUN_USAGE);
	lab_expect(kc_strstr(why, "line 7"));
	spec.path = LAB_PATH_LOOP;
	ops[0].kind = LAB_OP_FSYNC;
	lab_expect_eq(lab_ops_reference(&spec, ops, 1, have, why, sizeof(why)), LAB_RUN_USAGE);
}

LAB_TEST_BARE(ops, an_empty_stream)
{
	static struct scen s;

	ops_spec(&s);
	lab_expect_eq(lab_ops_run(&s.spec, ops, 0, have, &scen_result), LAB_RUN_OK);
}
