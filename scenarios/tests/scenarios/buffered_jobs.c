// SPDX-License-Identifier: GPL-2.0-only
/*
 * buffered_jobs.c - direct=0 and end_fsync=1 in a job: it goes through a page cache, what it wrote is right on the
 * disk in the end, and only the fsync makes it durable. A design that has no such cache says so before it runs.
 */
#include "matrix.h"

static void buffered(struct scen *s)
{
	s->spec.path = LAB_PATH_FILE;
	s->job[0].direct = 0;
	s->job[0].number_ios = scen_rounds(200);
}

static void judge_buffered(const struct scen *s)
{
	lab_expect_eq(scen_result.job[0].errors, 0);
	lab_expect_eq(scen_nr_complaints, 0);
#if LAB_WITH_PROBES
	lab_expect_eq(scen_counter_all(0, LAB_PIN_PAGES), 0);
	lab_expect_ge(scen_counter_all(0, LAB_CACHE_ADDS), 1);
	lab_expect_ge(scen_counter_all(0, LAB_COPY_BYTES), scen_result.job[0].bytes);
#endif
}

LAB_TEST_BARE(buffered_jobs, the_file_of_every_design)
{
	scen_matrix(buffered, judge_buffered);
}

static int over_loop_pass, over_loop_refused;

static void over_loop(struct scen *s)
{
	buffered(s);
	s->spec.path = LAB_PATH_LOOP;
}

/* Every design, by hand: most cannot, and the matrix would call that a failure. */
LAB_TEST_BARE(buffered_jobs, over_a_loop_device_or_a_reason)
{
	static struct scen s;
	unsigned int i;

	over_loop_pass = over_loop_refused = 0;
	for (i = 0; lab_designs[i]; i++) {
		enum lab_run_status status;

		scen_default(&s);
		s.spec.design = lab_designs[i]->name;
		lab_design_defaults(&s.spec);
		over_loop(&s);
		status = scen_run(&s);
		if (status == LAB_RUN_USAGE) {
			lab_expect(kc_strstr(scen_result.why, "scenario:0: job job: direct=0: "));
			lab_expect(kc_strstr(scen_result.why, lab_designs[i]->name));
			over_loop_refused++;
			continue;
		}
		lab_expect_eq(status, LAB_RUN_OK);
		judge_buffered(&s);
		over_loop_pass++;
	}
	lab_expect_ge(over_loop_pass, 1);	/* buffered */
	lab_expect_eq(over_loop_pass + over_loop_refused, i);
}

/* Once a clone, and no more than that. */
static void synced(struct scen *s)
{
	buffered(s);
	s->job[0].rw = LAB_JOB_WRITE;
	s->job[0].size_bytes = 256 << 10;
	s->job[0].end_fsync = 1;
}

static void not_synced(struct scen *s)
{
	synced(s);
	s->job[0].end_fsync = 0;
}

static void judge_synced(const struct scen *s)
{
	judge_buffered(s);
#if LAB_WITH_PROBES
	lab_expect_eq(scen_counter_all(0, LAB_FLUSHES), s->job[0].end_fsync);
	if (!s->job[0].end_fsync)
		lab_expect_eq(scen_counter_all(0, LAB_WRITEBACKS), 0);
	else
		lab_expect_ge(scen_counter_all(0, LAB_WRITEBACKS), 1);
#endif
}

LAB_TEST_BARE(buffered_jobs, end_fsync_reaches_the_disk)
{
	scen_matrix(synced, judge_synced);
}

LAB_TEST_BARE(buffered_jobs, without_it_nothing_does)
{
	scen_matrix(not_synced, judge_synced);
}

static void pinned(struct scen *s)
{
	over_loop(s);
	s->spec.source = LAB_SOURCE_PINNED;
}

LAB_TEST_BARE(buffered_jobs, ready_bios_pass_by_a_page_cache)
{
	static struct scen s;

	scen_default(&s);
	s.spec.design = "buffered";
	lab_design_defaults(&s.spec);
	pinned(&s);
	lab_expect_eq(scen_run(&s), LAB_RUN_USAGE);
	lab_expect(kc_strstr(scen_result.why, "--source pinned"));
}
