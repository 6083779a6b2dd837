// SPDX-License-Identifier: GPL-2.0-only
/*
 * defects.c - the defects that a design of the past keeps on purpose, and what of a run's results shows one.
 *
 * A job with "#@ expect.defect = D2" must show D2 in a design that has it, and must not in any other, so that
 * neither the defect nor its absence can go without anybody seeing it. What shows is measured, not asked of the design:
 *
 *   D1  a verified job: every IO ended well, and yet the data is not there. Needs a target on which an IO ends short,
 *       such as a sparse file on a disk with less room
 *   D2  a job of durable writes of ready bios (sync=dsync, --source pinned) over a trace filter, which saw fewer bios
 *       with PREFLUSH or FUA than the job has IOs
 *   D4  the first error is EIO, where expect.errno says which one it should have been
 *   F1  no call through the operations table in scope loop. Elsewhere it is not looked for: a design without a table
 *       makes none either
 *   F2  as many questions to the map as the IOs have pages, at least
 *   F3  six reference operations for each page of the IOs, at least
 *
 * D3 and D5 are seen from inside the design only, by its own tests. All are defects of loop devices.
 */
#include <linux/types.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/string.h>
#include "runner.h"

static const struct { const char *name, *what; } defects[] = {
#define X(id, what) [LAB_##id] = { #id, what },
	LAB_DEFECTS(X)
#undef X
};

/** lab_defect_name - of defect @defect; NULL: there is none of that number */
const char *lab_defect_name(unsigned int defect)
{
	return defect < ARRAY_SIZE(defects) ? defects[defect].name : NULL;
}

/** lab_defect_what - one line about defect @defect */
const char *lab_defect_what(unsigned int defect)
{
	return defects[defect].what;
}

/** lab_defect - the number of the defect called @name; -1: none is */
int lab_defect(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(defects); i++)
		if (!strcmp(defects[i].name, name))
			return i;
	return -1;
}

/** lab_design_has_defect - does @design, which exists, keep @defect? */
int lab_design_has_defect(const char *design, unsigned int defect)
{
	return (lab_design_find(design)->defects & 1u << defect) != 0;
}

static u64 loop_count(const struct lab_job_result *res, enum lab_probe_id id)
{
	return res->counters[LAB_LOOP][id];
}

/* Of all IOs of @job, which has one block size. */
static u64 pages_of(const struct lab_job *job, const struct lab_job_result *res)
{
	return res->ios * DIV_ROUND_UP(job->bssplit[job->rw == LAB_JOB_WRITE][0].bytes, PAGE_SIZE);
}

static bool has_trace(const struct lab_target *t)
{
	u32 i;

	for (i = 0; i < t->nr_stack; i++)
		if (!strcmp(t->stack[i].name, "trace"))
			return true;
	return false;
}

/**
 * lab_defect_lacks - could a run show this defect?
 * @defect: its number
 * @spec: of the run
 * @job: of @spec
 *
 * Return: NULL, or what is missing, for the user.
 */
const char *lab_defect_lacks(unsigned int defect, const struct lab_run_spec *spec, const struct lab_job *job)
{
	if (spec->path != LAB_PATH_LOOP)
		return "it is one of loop devices: want --path loop";
	switch (defect) {
	case LAB_D1:
		return spec->verify || job->verify ? NULL : "want --verify";
	case LAB_D2:
		if (job->rw != LAB_JOB_WRITE || !job->dsync || spec->source != LAB_SOURCE_PINNED)
			return "want rw=write, sync=dsync and --source pinned";
		return has_trace(&spec->target) ? NULL : "want a trace filter in the stack";
	case LAB_D4:
		return job->expect_errno && job->expect_errno != EIO ? NULL :
		       "want expect.errno: the error that is not to become EIO";
	case LAB_F1:
	case LAB_F2:
	case LAB_F3:
		if (!LAB_WITH_PROBES)
			return "this build counts nothing";
		if (job->rw == LAB_JOB_RW || job->nr_bssplit[job->rw == LAB_JOB_WRITE] != 1)
			return "want one direction and one block size";
		return NULL;
	default:
		return "no job shows it: the design's own tests do";
	}
}

/**
 * lab_defect_shown - did a run show a defect?
 * @defect: its number
 * @spec: of the run, which lacks nothing
 * @job: of @spec
 * @run: what came of the run
 * @res: what came of the job
 *
 * Context: no world. Return: 1 or 0.
 */
int lab_defect_shown(unsigned int defect, const struct lab_run_spec *spec, const struct lab_job *job,
		     const struct lab_run_result *run, const struct lab_job_result *res)
{
	switch (defect) {
	case LAB_D1:
		return res->first_errno == EILSEQ;
	case LAB_D2:
		return run->traced_durable < res->ios;
	case LAB_D4:
		return res->first_errno == EIO;
	case LAB_F1:
		return lab_design_has_defect(spec->design, defect) && !loop_count(res, LAB_ITER_OPS);
	case LAB_F2:
		return loop_count(res, LAB_MAP_CALLS) >= pages_of(job, res);
	default:
		return loop_count(res, LAB_PAGE_REF) >= 6 * pages_of(job, res);
	}
}
