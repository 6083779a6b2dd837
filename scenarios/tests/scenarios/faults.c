// SPDX-License-Identifier: GPL-2.0-only
/*
 * faults.c - what goes wrong below must be seen above: a flipped byte is found and named, an IO
 * error is counted and named, and neither is seen where there is none.
 */
#include "matrix.h"

#define BAD_BYTE	"524289"	/* 512 KiB + 1: the contiguous file begins at the disk's first byte */

static void stack(struct scen *s, const char *arg)
{
	s->spec.target.nr_stack = 2;
	strscpy(s->spec.target.stack[0].name, "trace", sizeof(s->spec.target.stack[0].name));
	strscpy(s->spec.target.stack[1].name, "fault", sizeof(s->spec.target.stack[1].name));
	strscpy(s->spec.target.stack[1].arg, arg, sizeof(s->spec.target.stack[1].arg));
}

static void flipped(struct scen *s)
{
	stack(s, "flip@" BAD_BYTE);
	s->job[0].rw = LAB_JOB_READ;
}

static void judge_flipped(const struct scen *s)
{
	const struct lab_job_result *res = &scen_result.job[0];

	lab_expect_ge(res->errors, 1);
	lab_expect_eq(res->first_errno, 84);	/* EILSEQ */
	lab_expect_ge(scen_nr_complaints, 1);
	lab_expect(scen_said(BAD_BYTE));
}

LAB_TEST_BARE(faults, a_flipped_byte_is_found_and_named)
{
	scen_matrix(flipped, judge_flipped);
}

static void flipped_written(struct scen *s)
{
	flipped(s);
	s->job[0].rw = LAB_JOB_WRITE;
}

/* Never read by the job: the read-back finds it, the audit of the disk, which is whole, does not. */
static void judge_read_back(const struct scen *s)
{
	judge_flipped(s);
	lab_expect_eq(scen_result.job[0].errors, 1);
	lab_expect(scen_said("read back"));
	lab_expect(!scen_said("on the disk"));
}

LAB_TEST_BARE(faults, a_flipped_byte_is_found_by_reading_back)
{
	scen_matrix(flipped_written, judge_read_back);
}

static void flipped_pinned(struct scen *s)
{
	flipped(s);
	s->spec.source = LAB_SOURCE_PINNED;
}

LAB_TEST_BARE(faults, a_flipped_byte_is_found_in_ready_bios)
{
	scen_matrix_here(flipped_pinned, judge_flipped);
}

static void unverified(struct scen *s)
{
	flipped(s);
	s->spec.verify = 0;
}

static void judge_clean(const struct scen *s)
{
	lab_expect_eq(scen_result.job[0].errors, 0);
	lab_expect_eq(scen_nr_complaints, 0);
}

LAB_TEST_BARE(faults, without_verify_nobody_looks)
{
	scen_matrix_here(unverified, judge_clean);
}

static void elsewhere(struct scen *s)
{
	stack(s, "flip@2m");	/* beyond the file */
}

LAB_TEST_BARE(faults, a_byte_outside_the_file_is_nobodys)
{
	scen_matrix_here(elsewhere, judge_clean);
}

static void failing(struct scen *s)
{
	stack(s, "eio@64k+4k");
	s->spec.verify = 0;
	s->job[0].rw = LAB_JOB_WRITE;
	s->job[0].random = 0;
	s->job[0].number_ios = 256;	/* the whole region once */
	s->job[0].end_fsync = 1;
}

/*
 * Through the page cache the write is done before the disk says no, and the fsync hears of it. The template's write
 * waits for its page, and says so: then its fsync has been told.
 */
static void judge_failing(const struct scen *s)
{
	const struct lab_job_result *res = &scen_result.job[0];

	lab_expect_eq(res->ios, 256);
	lab_expect_eq(res->errors, 1);
	lab_expect_eq(res->first_errno, 5);
	lab_expect_eq(scen_nr_complaints, 1);
	lab_expect(scen_said("EIO"));
	lab_expect(scen_said(scen_cached(s) ? "fsync" : "65536"));
	lab_expect_eq(res->bytes, (scen_cached(s) ? 256 : 255) * 4096);
}

LAB_TEST_BARE(faults, an_io_error_is_counted_and_named)
{
	scen_matrix(failing, judge_failing);
}

static void failing_clones(struct scen *s)
{
	failing(s);
	s->job[0].numjobs = 8;
	strscpy(s->spec.target.stack[1].arg, "eio@0+1m", sizeof(s->spec.target.stack[1].arg));
}

static void judge_failing_clones(const struct scen *s)
{
	if (scen_cached(s)) {		/* an fsync each; who comes first hears of what failed */
		lab_expect_ge(scen_result.job[0].errors, 1);
		lab_expect_le(scen_result.job[0].errors, 8);
		lab_expect_eq(scen_result.job[0].bytes, 8 << 20);
		lab_expect_eq(scen_nr_complaints, scen_result.job[0].errors);
		return;
	}
	/* The template's writes all say so themselves; an fsync does if it asks before the write that has met the error. */
	lab_expect_ge(scen_result.job[0].errors, 8 * 256);
	lab_expect_le(scen_result.job[0].errors, 8 * (256 + scen_is_dull(s)));
	lab_expect_eq(scen_result.job[0].bytes, 0);
	lab_expect_eq(scen_nr_complaints, LAB_MAX_COMPLAINTS);
}

LAB_TEST_BARE(faults, clones_that_all_fail_complain_only_so_often)
{
	scen_matrix_here(failing_clones, judge_failing_clones);
}

static void failing_verified(struct scen *s)
{
	failing(s);
	s->spec.verify = 1;
}

/*
 * The job's own write, or its fsync, then the read back over it; the sector's content is nobody's business, and is
 * right: the filter says EIO of what it has passed on.
 */
static void judge_failing_verified(const struct scen *s)
{
	lab_expect_eq(scen_result.job[0].errors, 2);
	lab_expect_eq(scen_result.job[0].first_errno, 5);
}

LAB_TEST_BARE(faults, an_io_error_while_verifying)
{
	scen_matrix(failing_verified, judge_failing_verified);
}
