// SPDX-License-Identifier: GPL-2.0-only
/*
 * check.c - can these jobs run? Every refusal is one line that names the job, the limit and the remedy, and
 * comes before anything has been written.
 */
#include <linux/types.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include "runner.h"

static bool check_split(struct room *r, const struct lab_job *job, int dir)
{
	u32 i, percent = 0;

	if (!job->nr_bssplit[dir] || job->nr_bssplit[dir] > LAB_MAX_BSSPLIT)
		return false;
	for (i = 0; i < job->nr_bssplit[dir]; i++) {
		u32 bytes = job->bssplit[dir][i].bytes;

		percent += job->bssplit[dir][i].percent;
		if (!bytes || bytes > LAB_MAX_BS_BYTES || bytes > job->size_bytes ||
		    bytes % VMAP_SECTOR_BYTES)
			return false;
	}
	return percent == 100;
}

static bool check_job(struct room *r, const struct lab_job *job)
{
	u64 align = job->iomem_align_bytes;
	const char *bad = NULL;

	if (!job->size_bytes)
		bad = "needs a size";
	else if (job->size_bytes % VMAP_SECTOR_BYTES || job->offset_bytes % VMAP_SECTOR_BYTES)
		bad = "size and offset must be multiples of 512";
	else if (job->size_bytes > LAB_MAX_FILE_BYTES ||
		 job->offset_bytes > LAB_MAX_FILE_BYTES - job->size_bytes)
		bad = "ends beyond the largest file, 1 TiB";
	else if ((job->rw != LAB_JOB_WRITE && !check_split(r, job, LAB_READ)) ||
		 (job->rw != LAB_JOB_READ && !check_split(r, job, LAB_WRITE)))
		bad = "block sizes: multiples of 512, at most 64 MiB and the size, 100 % together";
	else if (!job->iodepth || job->iodepth > LAB_MAX_IODEPTH)
		bad = "iodepth must be 1 … 1024";
	else if (!job->numjobs || job->numjobs > LAB_MAX_NUMJOBS)
		bad = "numjobs must be 1 … 64";
	else if (job->rwmixread > 100)
		bad = "rwmixread must be 0 … 100";
	else if (align && (!is_power_of_2(align) || align > RUN_MAX_ALIGN_BYTES))
		bad = "iomem_align must be a power of two, at most 1 MiB";
	else if (!job->direct && r->spec->source == LAB_SOURCE_PINNED)
		bad = "direct=0 with --source pinned: ready bios pass by every page cache above the loop device";
	else if (!source_fits(r, job))
		bad = "one bio cannot carry its largest block; make it smaller";
	if (bad)
		room_usage(r, "%s:%d: job %s: %s", job->file, job->line, job->name, bad);
	return !bad;
}

/* One buffer, its alignment and guard pages. */
static u64 job_one_buffer_bytes(const struct lab_job *job)
{
	return PAGE_ALIGN(stream_max_bytes(job) + job->iomem_align_bytes) + 2 * PAGE_SIZE;
}

static u64 job_buffer_bytes(const struct lab_job *job)
{
	return job_one_buffer_bytes(job) * job->iodepth * job->numjobs;
}

/**
 * check_jobs - is every job one that can run?
 * @r: spec and out are set
 * @ram_bytes: set to what the world needs
 *
 * Context: no world. Return: size of the file they need, bytes; 0 after room_fail().
 */
u64 check_jobs(struct room *r, u64 *ram_bytes)
{
	const struct lab_run_spec *s = r->spec;
	u64 file_bytes = 0, buffers, most = 0, largest = 0;
	u32 i, j, n, clones;

	if (!s->nr_jobs || s->nr_jobs > LAB_MAX_JOBS) {
		room_usage(r, "%u jobs; 1 … %d can run at once", s->nr_jobs, LAB_MAX_JOBS);
		return 0;
	}
	for (i = 0; i < s->nr_jobs; i++) {
		if (!check_job(r, &s->jobs[i]))
			return 0;
		file_bytes = max_t(u64, file_bytes, s->jobs[i].offset_bytes + s->jobs[i].size_bytes);
		largest = max(largest, job_one_buffer_bytes(&s->jobs[i]));
	}
	for (i = 0; i < s->nr_jobs; i += n) {
		n = group_size(s, i);
		buffers = clones = 0;
		for (j = i; j < i + n; j++) {
			buffers += job_buffer_bytes(&s->jobs[j]);
			clones += s->jobs[j].numjobs;
		}
		most = max(most, buffers);
		if (clones > RUN_MAX_CLONES || buffers > RUN_MAX_BUFFER_BYTES) {
			room_usage(r, "%s:%d: job %s and those beside it: %u tasks with %llu bytes of "
				   "buffers; at most %u and %llu: lower numjobs, iodepth or bs",
				   s->jobs[i].file, s->jobs[i].line, s->jobs[i].name, clones, buffers,
				   RUN_MAX_CLONES,
				   RUN_MAX_BUFFER_BYTES);
			return 0;
		}
	}
	/* One more of the largest: a buffer is in one piece, and slabs lie somewhere in the middle of RAM. */
	*ram_bytes = RUN_WORLD_BASE_BYTES + most + largest;
	return round_up(file_bytes, LAB_BLOCK_BYTES);
}

/**
 * check_spec - combinations that cannot be, known without touching the target
 * @r: spec and out are set
 * @file_bytes: of check_jobs()
 *
 * Context: no world. Return: false after room_fail().
 */
bool check_spec(struct room *r, u64 file_bytes)
{
	const struct lab_run_spec *s = r->spec;
	bool verified = any_verified(s);

	if (verified && s->target.kind == LAB_DISK_NULL)
		room_usage(r, "a null device forgets what is written: drop --verify (verify=), or use --ram");
	else if (s->source == LAB_SOURCE_PINNED && s->path != LAB_PATH_LOOP)
		room_usage(r, "--source pinned submits bios to the loop device: use --path loop");
	else if (verified && file_bytes > RUN_VERIFY_MAX_BYTES)
		room_usage(r, "at most %llu bytes of file can be verified; the jobs need %llu",
			   RUN_VERIFY_MAX_BYTES, file_bytes);
	return r->status == LAB_RUN_OK;
}

/* May the file be larger than its disk? A sparse one, of jobs that want to see what happens when that is full. */
static bool overcommits(const struct lab_run_spec *s)
{
	u32 i;

	for (i = 0; i < s->nr_jobs; i++)
		if (s->jobs[i].expect_errors <= 0)
			return false;
	return s->target.layout == LAB_LAYOUT_SPARSE;
}

/**
 * check_target - does it fit the target?
 * @r: prepared: the target is open, nothing has been written to it
 * @file_bytes: of check_jobs()
 *
 * Refuses a target that is too small, unless the file is sparse, and a block that the device cannot transfer, unless
 * the job says that it expects errors. Context: no world. Return: false after room_fail().
 */
bool check_target(struct room *r, u64 file_bytes)
{
	const struct lab_run_spec *s = r->spec;
	u64 target_bytes = r->host_disk ? r->info.size_bytes : s->target.size_bytes;
	u32 i, j, lbs = max_t(u32, s->target.logical_block_bytes, r->info.logical_block_bytes);
	struct lab_limits limits = room_limits(&s->target);
	const char *why = lab_limits_why(&limits);
	int d;

	if (!why && s->target.logical_block_bytes && s->target.logical_block_bytes < lbs)
		why = "logical_block_size is below the disk's own";
	if (why) {
		room_usage(r, "--limits: %s", why);
		return false;
	}
	if (file_bytes > target_bytes && !overcommits(s)) {
		room_usage(r, "the jobs need a file of %llu bytes, the target has %llu: make it larger",
			   file_bytes, target_bytes);
		return false;
	}
	for (i = 0; lbs && i < s->nr_jobs; i++) {
		const struct lab_job *job = &s->jobs[i];
		bool bad = job->offset_bytes % lbs || job->size_bytes % lbs;

		for (d = 0; d < 2; d++)
			for (j = 0; j < job->nr_bssplit[d]; j++)
				bad = bad || job->bssplit[d][j].bytes % lbs;
		if (bad && job->expect_errors <= 0) {
			room_usage(r, "%s:%d: job %s: offset, size and bs must be multiples of the "
				   "target's logical block, %u bytes", job->file, job->line, job->name, lbs);
			return false;
		}
	}
	return true;
}
