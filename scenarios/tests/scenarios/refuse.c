// SPDX-License-Identifier: GPL-2.0-only
/*
 * refuse.c - what cannot run is refused with one line that says why, before anything is written.
 */
#include "matrix.h"

struct refusal {
	const char *name;
	void (*spoil)(struct scen *s);
	const char *why;		/* part of the line */
};

static void verify_null(struct scen *s)
{
	s->spec.target.kind = LAB_DISK_NULL;
}

static void pinned_file(struct scen *s)
{
	s->spec.source = LAB_SOURCE_PINNED;
	s->spec.path = LAB_PATH_FILE;
}

static void no_design(struct scen *s)
{
	s->spec.design = "no-such-design";
}

static void no_filter(struct scen *s)
{
	s->spec.target.nr_stack = 1;
	strscpy(s->spec.target.stack[0].name, "nothing", sizeof(s->spec.target.stack[0].name));
}

static void bad_filter_arg(struct scen *s)
{
	s->spec.target.nr_stack = 1;
	strscpy(s->spec.target.stack[0].name, "fault", sizeof(s->spec.target.stack[0].name));
	strscpy(s->spec.target.stack[0].arg, "flop@1", sizeof(s->spec.target.stack[0].arg));
}

static void too_small(struct scen *s)
{
	s->spec.target.size_bytes = (1u << 20) - 4096;
}

static void bs_beyond_size(struct scen *s)
{
	scen_bs(&s->job[0], 2u << 20);
}

static void odd_bs(struct scen *s)
{
	scen_bs(&s->job[0], 1000);
}

static void below_logical(struct scen *s)
{
	s->spec.target.logical_block_bytes = 4096;
	scen_bs(&s->job[0], 512);
}

static void no_depth(struct scen *s)
{
	s->job[0].iodepth = 0;
}

static void deep(struct scen *s)
{
	s->job[0].iodepth = LAB_MAX_IODEPTH + 1;
}

static void too_many_clones(struct scen *s)
{
	s->job[0].numjobs = LAB_MAX_NUMJOBS + 1;
}

static void too_much_memory(struct scen *s)
{
	s->spec.target.size_bytes = 64u << 20;
	s->job[0].size_bytes = 32u << 20;
	s->job[0].iodepth = 64;
	scen_bs(&s->job[0], 32u << 20);
}

static void odd_align(struct scen *s)
{
	s->job[0].iomem_align_bytes = 3000;
}

static void split_of_90_percent(struct scen *s)
{
	s->job[0].bssplit[1][0].percent = 90;
}

static void no_jobs(struct scen *s)
{
	s->spec.nr_jobs = 0;
}

static void bad_limits(struct scen *s)
{
	s->spec.target.virt_boundary_bytes = 3;
}

static void no_directory(struct scen *s)
{
	s->spec.target.kind = LAB_DISK_FILE;
	strscpy(s->spec.target.path, "./no/such/directory/disk", sizeof(s->spec.target.path));
}

static const struct refusal refusals[] = {
	{ "verify on null", verify_null, "--verify" },
	{ "pinned straight to the file", pinned_file, "--path loop" },
	{ "unknown design", no_design, "no-such-design" },
	{ "unknown filter", no_filter, "nothing" },
	{ "filter argument", bad_filter_arg, "fault" },
	{ "target too small", too_small, "larger" },
	{ "bs beyond size", bs_beyond_size, "block sizes" },
	{ "odd bs", odd_bs, "block sizes" },
	{ "bs below the logical block", below_logical, "4096" },
	{ "iodepth 0", no_depth, "iodepth" },
	{ "iodepth too large", deep, "iodepth" },
	{ "numjobs too large", too_many_clones, "numjobs" },
	{ "buffers too large", too_much_memory, "buffers" },
	{ "odd alignment", odd_align, "iomem_align" },
	{ "bssplit below 100", split_of_90_percent, "100 %" },
	{ "no jobs", no_jobs, "0 jobs" },
	{ "limits", bad_limits, "--limits" },
	{ "directory missing", no_directory, "no/such/directory" },
};

LAB_TEST_BARE(refuse, one_line_says_why)
{
	static struct scen s;
	unsigned int i;

	for (i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		enum lab_run_status status;

		scen_default(&s);
		s.spec.design = lab_designs[0]->name;
		lab_design_defaults(&s.spec);
		refusals[i].spoil(&s);
		status = scen_run(&s);
		if (status != LAB_RUN_USAGE || !kc_strstr(scen_result.why, refusals[i].why) ||
		    kc_strstr(scen_result.why, "\n"))
			lab_test_fail(__FILE__, __LINE__, "%s: status %d, '%s'", refusals[i].name, status,
				      scen_result.why);
		lab_expect_eq(scen_nr_complaints, 0);
	}
}

static void expects_errors(struct scen *s)
{
	below_logical(s);
	s->spec.verify = 0;
	s->job[0].expect_errors = 1;
}

static void judge_invalid(const struct scen *s)
{
	lab_expect_eq(scen_result.job[0].errors, scen_result.job[0].ios);
	lab_expect_eq(scen_result.job[0].first_errno, 22);
}

/* A job that says it wants errors gets them: from the design, for every IO. */
LAB_TEST_BARE(refuse, a_job_that_expects_errors_runs)
{
	scen_matrix_here(expects_errors, judge_invalid);
}

LAB_TEST_BARE(refuse, an_engine_that_is_not_built)
{
	static struct scen s;

	if (host_engine_built(HOST_DET))
		lab_test_skip("both engines are built");
	scen_default(&s);
	s.spec.design = lab_designs[0]->name;
	lab_design_defaults(&s.spec);
	s.spec.engine = HOST_DET;
	lab_expect_eq(scen_run(&s), LAB_RUN_USAGE);
	lab_expect(kc_strstr(scen_result.why, "det"));
}
