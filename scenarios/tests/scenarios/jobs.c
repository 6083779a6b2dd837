// SPDX-License-Identifier: GPL-2.0-only
/*
 * jobs.c - jobs that must come out right through every design, on RAM and on a real O_DIRECT file,
 * on threads and under the seeded scheduler. Every byte is checked when it is read, read back, and
 * audited on the disk.
 */
#include "matrix.h"

static void write_seq(struct scen *s)
{
	s->job[0].rw = LAB_JOB_WRITE;
	s->job[0].random = 0;
}

LAB_TEST_BARE(jobs, sequential_writes)
{
	scen_matrix(write_seq, NULL);
}

static void randrw(struct scen *s)
{
	s->job[0].iodepth = 16;
}

LAB_TEST_BARE(jobs, random_reads_and_writes)
{
	scen_matrix(randrw, NULL);
}

static void calls_that_wait(struct scen *s)
{
	s->job[0].iodepth = 16;
	s->job[0].sync_calls = 1;
}

LAB_TEST_BARE(jobs, system_calls_that_wait)
{
	scen_matrix(calls_that_wait, NULL);
}

static void randrw_file(struct scen *s)
{
	s->spec.path = LAB_PATH_FILE;
}

static void judge_file(const struct scen *s)
{
	unsigned int id;

	lab_expect_eq(scen_result.job[0].errors, 0);
	lab_expect_eq(scen_result.job[0].ios, s->job[0].number_ios);
	for (id = 0; id < LAB_NR_PROBES; id++)
		/* There is no upper half. A worker that was just made may still be counting its way to sleep. */
		if (scen_counter(0, LAB_UPPER, id) && id != LAB_PARKS)
			lab_test_fail(__FILE__, __LINE__, "%s, engine %d: upper.%s is %llu", s->spec.design,
				      s->spec.engine, lab_probe_name(id), scen_counter(0, LAB_UPPER, id));
#if LAB_WITH_PROBES
	lab_expect_ge(scen_counter(0, LAB_LOOP, LAB_MAP_CALLS), s->job[0].number_ios);
#endif
}

LAB_TEST_BARE(jobs, straight_to_the_file)
{
	scen_matrix(randrw_file, judge_file);
}

static void bssplit(struct scen *s)
{
	struct lab_job *job = &s->job[0];
	int d;

	for (d = 0; d < 2; d++) {
		job->nr_bssplit[d] = 3;
		job->bssplit[d][0] = (struct lab_bssplit) { 4096, 50 };
		job->bssplit[d][1] = (struct lab_bssplit) { 12288, 30 };
		job->bssplit[d][2] = (struct lab_bssplit) { 65536, 20 };
	}
}

LAB_TEST_BARE(jobs, mixed_block_sizes)
{
	scen_matrix(bssplit, NULL);
}

static void small_blocks(struct scen *s)
{
	scen_bs(&s->job[0], 512);
	s->job[0].iomem_align_bytes = 512;
	s->job[0].size_bytes = 128u << 10;
}

LAB_TEST_BARE(jobs, sectors_from_unaligned_pages)
{
	scen_matrix_here(small_blocks, NULL);
}

static void large_blocks(struct scen *s)
{
	scen_bs(&s->job[0], 1u << 20);
	s->job[0].number_ios = scen_rounds(24);
	s->job[0].size_bytes = 3u << 20;
	s->job[0].iodepth = 3;
	s->job[0].iomem_align_bytes = 512;
}

LAB_TEST_BARE(jobs, blocks_beyond_every_limit)
{
	scen_matrix(large_blocks, NULL);
}

static void tiny_limits(struct scen *s)
{
	scen_bs(&s->job[0], 64u << 10);
	s->job[0].number_ios = scen_rounds(60);
	s->spec.target.max_sectors = 16;
	s->spec.target.max_segments = 2;
	s->spec.target.frames_permuted = 1;
}

LAB_TEST_BARE(jobs, a_device_with_tiny_limits)
{
	scen_matrix(tiny_limits, NULL);
}

static void fsync_often(struct scen *s)
{
	s->job[0].rw = LAB_JOB_WRITE;
	s->job[0].fsync_every = 8;
}

static void judge_flushes(const struct scen *s)
{
	lab_expect_eq(scen_result.job[0].errors, 0);
#if LAB_WITH_PROBES
	/* An fsync that finds no write completed since the last one has nothing to flush. */
	lab_expect_le(scen_counter(0, LAB_LOWER, LAB_FLUSHES), s->job[0].number_ios / 8);
	lab_expect_ge(scen_counter(0, LAB_LOWER, LAB_FLUSHES), s->job[0].number_ios / 16);
#endif
}

LAB_TEST_BARE(jobs, fsync_reaches_the_disk)
{
	scen_matrix(fsync_often, judge_flushes);
}

static void holes(struct scen *s)
{
	s->spec.target.layout = LAB_LAYOUT_SPARSE;
}

LAB_TEST_BARE(jobs, holes)
{
	scen_matrix(holes, NULL);
}

static void unwritten(struct scen *s)
{
	s->spec.target.layout = LAB_LAYOUT_UNWRITTEN;
	scen_bs(&s->job[0], 512);
	s->job[0].size_bytes = 256u << 10;
}

static void unwritten_pages(struct scen *s)
{
	s->spec.target.layout = LAB_LAYOUT_UNWRITTEN;
	s->spec.path = LAB_PATH_FILE;
}

/* Parts of blocks: the edges must become zeros, not what the disk held. */
LAB_TEST_BARE(jobs, unwritten_parts_of_blocks)
{
	scen_matrix_here(unwritten, NULL);
}

LAB_TEST_BARE(jobs, unwritten_whole_blocks)
{
	scen_matrix(unwritten_pages, NULL);
}

static void fragmented(struct scen *s)
{
	s->spec.target.layout = LAB_LAYOUT_FRAGMENTED;
	s->spec.target.fragment_bytes = 8192;
	scen_bs(&s->job[0], 32u << 10);
}

LAB_TEST_BARE(jobs, fragments)
{
	scen_matrix(fragmented, NULL);
}

static void exclusive(struct scen *s)
{
	s->spec.target.lock_exclusive = 1;
}

LAB_TEST_BARE(jobs, exclusive_lock)
{
	scen_matrix_here(exclusive, NULL);
}

static void permuted(struct scen *s)
{
	s->spec.target.frames_permuted = 1;
	scen_bs(&s->job[0], 32u << 10);
}

LAB_TEST_BARE(jobs, permuted_frames)
{
	scen_matrix(permuted, NULL);
}

static void clones(struct scen *s)
{
	s->job[0].numjobs = 4;
	s->job[0].number_ios = scen_rounds(120);
	s->job[0].size_bytes = 256u << 10;	/* small: clones meet */
}

static void judge_clones(const struct scen *s)
{
	lab_expect_eq(scen_result.job[0].errors, 0);
	lab_expect_eq(scen_result.job[0].ios, 4 * s->job[0].number_ios);
}

LAB_TEST_BARE(jobs, clones_on_the_same_blocks)
{
	scen_matrix(clones, judge_clones);
}

static void most_clones(struct scen *s)
{
	s->job[0].numjobs = LAB_MAX_NUMJOBS;
	s->job[0].number_ios = scen_rounds(32);
	s->job[0].iodepth = 4;
}

static void judge_most_clones(const struct scen *s)
{
	lab_expect_eq(scen_result.job[0].errors, 0);
	lab_expect_eq(scen_result.job[0].ios, LAB_MAX_NUMJOBS * s->job[0].number_ios);
}

LAB_TEST_BARE(jobs, as_many_clones_as_there_may_be)
{
	scen_matrix_here(most_clones, judge_most_clones);
}

static void groups(struct scen *s)
{
	s->spec.nr_jobs = 3;
	s->job[0].rw = LAB_JOB_WRITE;
	s->job[1].rw = LAB_JOB_READ;
	s->job[1].offset_bytes = 1u << 20;
	s->job[2].random = 0;
	s->job[2].stonewall = 1;
}

LAB_TEST_BARE(jobs, two_jobs_at_once_then_one)
{
	scen_matrix(groups, NULL);
}

static void part_verified(struct scen *s)
{
	s->spec.verify = 0;
	s->spec.nr_jobs = 3;
	s->job[0].verify = 1;
	s->job[1].stonewall = 1;	/* writes over it, unchecked */
	s->job[2].stonewall = 1;
	s->job[2].verify = 1;
}

LAB_TEST_BARE(jobs, a_job_that_is_not_verified_between_two_that_are)
{
	scen_matrix_here(part_verified, NULL);
}

static void pinned(struct scen *s)
{
	s->spec.source = LAB_SOURCE_PINNED;
	scen_bs(&s->job[0], 16u << 10);
}

static void judge_pinned(const struct scen *s)
{
	lab_expect_eq(scen_result.job[0].errors, 0);
	lab_expect_eq(scen_counter_all(0, LAB_PIN_PAGES), 0);
	if (scen_is_dull(s))
		return;
	if (!scen_has(s, LAB_F3) && !scen_cached(s))
		lab_expect_eq(scen_counter_all(0, LAB_PAGE_REF), 0);
	if (!scen_cached(s))
		lab_expect_eq(scen_counter(0, LAB_LOOP, LAB_COPY_BYTES), 0);
}

LAB_TEST_BARE(jobs, pinned_source)
{
	scen_matrix(pinned, judge_pinned);
}

static void pinned_permuted(struct scen *s)
{
	pinned(s);
	s->spec.target.frames_permuted = 1;
	s->spec.target.layout = LAB_LAYOUT_FRAGMENTED;
	s->spec.target.fragment_bytes = 4096;
	s->job[0].fsync_every = 16;
}

LAB_TEST_BARE(jobs, pinned_source_permuted_and_fragmented)
{
	scen_matrix(pinned_permuted, judge_pinned);
}
