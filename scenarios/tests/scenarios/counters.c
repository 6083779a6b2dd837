// SPDX-License-Identifier: GPL-2.0-only
/*
 * counters.c - what a run reports beside its data: counters that must be exact, streams that must
 * be the same for every design, limits that must hold, runs that must repeat.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/minmax.h>
#include "matrix.h"

#define E_MAX		256u
#define PINNED_IOS	8u

static unsigned int extents_now;

/* One 1 MiB bio of 256 pages, no two contiguous, over E extents. */
static void pinned_extents(struct scen *s)
{
	s->spec.source = LAB_SOURCE_PINNED;
	s->spec.verify = 0;
	s->spec.target.frames_permuted = 1;
	s->spec.target.layout = extents_now == 1 ? LAB_LAYOUT_CONTIGUOUS : LAB_LAYOUT_FRAGMENTED;
	s->spec.target.fragment_bytes = (1u << 20) / extents_now;
	s->job[0].rw = LAB_JOB_READ;
	s->job[0].iodepth = 1;
	s->job[0].number_ios = PINNED_IOS;
	scen_bs(&s->job[0], 1u << 20);
}

/* Requests that the loop device's queue makes of the bio: that of Linux 6.1 takes 128 elements in one. */
static unsigned int requests_of_bio(const struct scen *s)
{
	return !strcmp(s->spec.design, "iter-bvec") && s->spec.variant == 1 ? 2 : 1;
}

static void judge_extents(const struct scen *s)
{
	unsigned int pieces = max(extents_now, requests_of_bio(s));

	lab_expect_eq(scen_result.job[0].errors, 0);
	lab_expect_eq(scen_result.job[0].ios, PINNED_IOS);
	if (scen_is_dull(s))
		return;
#if LAB_WITH_PROBES
	if (scen_cached(s)) {		/* from the disk once, to the reader each time */
		lab_expect_eq(scen_counter(0, LAB_LOOP, LAB_COPY_BYTES), (u64)PINNED_IOS << 20);
		lab_expect_eq(scen_counter(0, LAB_LOOP, LAB_MAP_CALLS), max(extents_now, 8u));
		lab_expect_eq(scen_counter(0, LAB_LOOP, LAB_CACHE_ADDS), E_MAX);
		return;
	}
	lab_expect_eq(scen_counter(0, LAB_LOOP, LAB_MAP_CALLS), PINNED_IOS * (scen_has(s, LAB_F2) ? E_MAX : pieces));
	lab_expect_eq(scen_counter(0, LAB_LOOP, LAB_PAGE_REF), scen_has(s, LAB_F3) ? PINNED_IOS * 6 * E_MAX : 0);
	lab_expect_eq(scen_counter(0, LAB_LOOP, LAB_PIN_PAGES), 0);
	lab_expect_eq(scen_counter(0, LAB_LOOP, LAB_COPY_BYTES), 0);
	if (!strcmp(s->spec.design, "bio-first"))
		lab_expect_eq(scen_counter(0, LAB_LOOP, LAB_SPLITS), PINNED_IOS * (extents_now - 1));
	else if (!scen_has(s, LAB_F3) || BIO_MAX_VECS >= 256)	/* else its bios are full before extents end */
		lab_expect_eq(scen_counter(0, LAB_LOOP, LAB_BIOS), PINNED_IOS * pieces);
#endif
}

LAB_TEST_BARE(counters, one_map_call_an_extent_and_no_page_reference)
{
	for (extents_now = 1; extents_now <= E_MAX; extents_now *= 2)
		scen_matrix_here(pinned_extents, judge_extents);
}

static void steady(struct scen *s)
{
	s->spec.verify = 0;
	s->spec.target.kind = LAB_DISK_NULL;
	s->job[0].number_ios = scen_rounds(2000);
}

static void judge_steady(const struct scen *s)
{
	lab_expect_eq(scen_result.job[0].errors, 0);
#if LAB_WITH_PROBES
	lab_expect_eq(scen_counter_all(0, LAB_ALLOC_HOST), 0);
	if (scen_is_dull(s))
		return;
	lab_expect_eq(scen_counter_all(0, LAB_PIN_PAGES), scen_result.job[0].ios);
	lab_expect_eq(scen_counter_all(0, LAB_UNPIN_PAGES), scen_result.job[0].ios);
	lab_expect_eq(scen_counter(0, LAB_UPPER, LAB_COPY_BYTES), 0);
	/* where workers hold part of it nobody can say how much there is */
	lab_expect_eq(scen_result.job[0].bytes_in_flight > 0, s->spec.handoff == LAB_HANDOFF_INLINE);
	lab_expect_lt(scen_result.job[0].bytes_in_flight, 8192);
#endif
}

LAB_TEST_BARE(counters, nothing_from_the_host_while_it_runs)
{
	scen_matrix_here(steady, judge_steady);
}

/* What each design was given: a hash over its stream cannot be had from outside, but bytes and counts can. */
static u64 bytes_of_first;

static void mixed(struct scen *s)
{
	s->spec.verify = 0;
	s->job[0].nr_bssplit[0] = s->job[0].nr_bssplit[1] = 2;
	s->job[0].bssplit[0][0] = (struct lab_bssplit) { 4096, 70 };
	s->job[0].bssplit[0][1] = (struct lab_bssplit) { 20480, 30 };
	s->job[0].bssplit[1][0] = (struct lab_bssplit) { 8192, 50 };
	s->job[0].bssplit[1][1] = (struct lab_bssplit) { 512, 50 };
}

static void judge_same(const struct scen *s)
{
	lab_expect_eq(scen_result.job[0].errors, 0);
	if (!bytes_of_first)
		bytes_of_first = scen_result.job[0].bytes;
	lab_expect_eq(scen_result.job[0].bytes, bytes_of_first);
}

LAB_TEST_BARE(counters, every_design_is_given_the_same_stream)
{
	bytes_of_first = 0;
	scen_matrix_here(mixed, judge_same);
	lab_expect_ne(bytes_of_first, 0);
}

static void timed(struct scen *s)
{
	s->spec.latency = 1;
	s->job[0].numjobs = 2;
}

static void judge_latency(const struct scen *s)
{
	const struct lab_job_result *res = &scen_result.job[0];
	int d;

	lab_expect_eq(res->errors, 0);
	lab_expect_eq(res->lat[0].count + res->lat[1].count, res->ios);
	for (d = 0; d < 2; d++) {
		lab_expect_ge(res->lat[d].count, 1);
		lab_expect_le(res->lat[d].p50, res->lat[d].p99);
		lab_expect_le(res->lat[d].p99, res->lat[d].p999);
		lab_expect_le(res->lat[d].p999, res->lat[d].max);
	}
}

LAB_TEST_BARE(counters, a_timed_pass_counts_every_io)
{
	scen_matrix(timed, judge_latency);
}

static void untimed(struct scen *s)
{
	s->job[0].number_ios = scen_rounds(100);
}

static void judge_untimed(const struct scen *s)
{
	lab_expect_eq(scen_result.job[0].lat[0].count + scen_result.job[0].lat[1].count, 0);
}

LAB_TEST_BARE(counters, no_latency_unless_asked)
{
	scen_matrix_here(untimed, judge_untimed);
}

static void short_of_time(struct scen *s)
{
	s->spec.verify = 0;
	s->spec.target.kind = LAB_DISK_NULL;
	s->spec.max_runtime_ns = 20000000;
	s->job[0].number_ios = 0;
	s->job[0].io_size_bytes = 1ull << 40;
}

static void judge_time(const struct scen *s)
{
	lab_expect_ge(scen_result.job[0].ios, 1);
	lab_expect_lt(scen_result.job[0].bytes, 1ull << 40);
	lab_expect_ge(scen_result.job[0].wall_ns, 20000000);
}

LAB_TEST_BARE(counters, runtime_ends_a_job)
{
	scen_matrix_here(short_of_time, judge_time);
}

static unsigned int progress_calls;
static u64 progress_last;

static void on_progress(const char *job, host_u64 done, host_u64 total)
{
	lab_expect(!strcmp(job, "job"));
	lab_expect_le(done, total);
	lab_expect_le(progress_last, done);
	progress_last = done;
	progress_calls++;
}

static void watched(struct scen *s)
{
	short_of_time(s);
	s->spec.max_runtime_ns = 120000000;
	s->job[0].number_ios = 1ull << 40;
	s->spec.progress = on_progress;
	progress_calls = progress_last = 0;
}

/* At most ten a second; det's clock is virtual and may show any number up to that. */
static void judge_progress(const struct scen *s)
{
	lab_expect_le(progress_calls, scen_result.job[0].wall_ns / 100000000 + 1);
	lab_expect_ge(progress_calls, 1);
}

LAB_TEST_BARE(counters, progress_is_told_but_not_often)
{
	scen_matrix_here(watched, judge_progress);
}

/* A slow disk: progress that waits for a thousand IOs is none. */
static void few(struct scen *s)
{
	s->spec.progress = on_progress;
	s->job[0].number_ios = 3;
	progress_calls = progress_last = 0;
}

static void judge_told(const struct scen *s)
{
	lab_expect_ge(progress_calls, 1);
}

LAB_TEST_BARE(counters, progress_of_few_ios_is_told)
{
	scen_matrix_here(few, judge_told);
}

static u64 trace_of(const char *design, u64 seed, enum lab_disk_kind kind)
{
	static struct scen s;

	scen_default(&s);
	s.spec.design = design;
	s.spec.engine = HOST_DET;
	s.spec.seed = seed;
	s.spec.target.kind = kind;
	s.spec.target.temp = kind == LAB_DISK_FILE;
	strscpy(s.spec.target.path, ".", sizeof(s.spec.target.path));
	lab_design_defaults(&s.spec);
	s.spec.handoff = LAB_HANDOFF_WORKER;
	s.job[0].numjobs = 2;
	s.job[0].number_ios = scen_rounds(100);
	switch (scen_run(&s)) {
	case LAB_RUN_OK:
		break;
	case LAB_RUN_SKIP:
		lab_test_skip(scen_result.why);
	default:
		lab_test_fail(__FILE__, __LINE__, "%s: %s", design, scen_result.why);
	}
	lab_expect_eq(scen_result.job[0].errors, 0);
	lab_expect_ne(scen_result.job[0].trace_hash, 0);
	return scen_result.job[0].trace_hash;
}

static void same_seed_same_run(enum lab_disk_kind kind)
{
	unsigned int i;

	if (!host_engine_built(HOST_DET))
		lab_test_skip("this build has no det engine");
	for (i = 0; lab_designs[i]; i++) {
		u64 first = trace_of(lab_designs[i]->name, 11, kind);

		lab_expect_eq(trace_of(lab_designs[i]->name, 11, kind), first);
		lab_expect_ne(trace_of(lab_designs[i]->name, 12, kind), first);
	}
}

LAB_TEST_BARE(counters, same_seed_same_run_on_ram)
{
	same_seed_same_run(LAB_DISK_RAM);
}

LAB_TEST_BARE(counters, same_seed_same_run_on_a_real_disk)
{
	same_seed_same_run(LAB_DISK_FILE);
}

/* ---- a trace --------------------------------------------------------------------------------- */

#define TRACE_ROOM	20000

static struct lab_blkevent traced[TRACE_ROOM];
static struct lab_blktrace trace;

/* How many of what is kept are @action at major number @major, and, if @bytes is not NULL, how much data they are. */
static u64 traced_of(char action, unsigned int major, u64 *bytes)
{
	u64 n = 0, i;

	for (i = 0; i < trace.nr; i++) {
		if (traced[i].action != action || traced[i].dev >> 20 != major)
			continue;
		n++;
		if (bytes)
			*bytes += traced[i].len_bytes;
	}
	return n;
}

static void traced_run(struct scen *s, bool listen, struct lab_run_result *out)
{
	trace = (struct lab_blktrace) { .events = traced, .max = TRACE_ROOM };
	s->spec.trace = listen ? &trace : NULL;
	if (scen_run(s) != LAB_RUN_OK)
		lab_test_fail(__FILE__, __LINE__, "%s: %s", s->spec.design, scen_result.why);
	lab_expect_eq(scen_result.job[0].errors, 0);
	*out = scen_result;
}

/* The same run, whether or not somebody listens: same order of things, same cost. And what is told adds up. */
LAB_TEST_BARE(counters, a_trace_changes_nothing)
{
	static struct lab_run_result plain, heard;
	static struct scen s;
	unsigned int i;
	u64 queued_bytes, issued_bytes, done_bytes;

	if (!host_engine_built(HOST_DET))
		lab_test_skip("this build has no det engine");
	for (i = 0; lab_designs[i]; i++) {
		scen_default(&s);
		s.spec.design = lab_designs[i]->name;
		s.spec.engine = HOST_DET;
		s.spec.seed = 5;
		lab_design_defaults(&s.spec);
		s.job[0].numjobs = 2;
		s.job[0].number_ios = 100;
		traced_run(&s, false, &plain);
		lab_expect_eq(trace.nr, 0);
		traced_run(&s, true, &heard);
		lab_expect_eq(heard.job[0].trace_hash, plain.job[0].trace_hash);
		lab_expect_eq(memcmp(heard.job[0].counters, plain.job[0].counters, sizeof(plain.job[0].counters)), 0);
		lab_expect_gt(trace.nr, 0);
		lab_expect_le(trace.nr, TRACE_ROOM);
		queued_bytes = issued_bytes = done_bytes = 0;
		lab_expect_eq(traced_of('C', LOOP_MAJOR, NULL), traced_of('Q', LOOP_MAJOR, &queued_bytes));
		lab_expect_eq(queued_bytes, heard.job[0].bytes);
		lab_expect_eq(traced_of('D', BLOCK_EXT_MAJOR, &issued_bytes), traced_of('C', BLOCK_EXT_MAJOR, &done_bytes));
		lab_expect_eq(issued_bytes, done_bytes);
		lab_expect_eq(traced_of('D', BLOCK_EXT_MAJOR, NULL),
			      scen_counter_all(0, LAB_REQUESTS) - traced_of('D', LOOP_MAJOR, NULL));
		lab_expect_eq(traced_of('Q', BLOCK_EXT_MAJOR, NULL) + traced_of('Q', LOOP_MAJOR, NULL),
			      scen_counter_all(0, LAB_BIOS));
		lab_expect_eq(traced_of('X', BLOCK_EXT_MAJOR, NULL) + traced_of('X', LOOP_MAJOR, NULL),
			      scen_counter_all(0, LAB_SPLITS));
	}
}
