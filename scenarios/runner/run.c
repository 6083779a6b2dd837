// SPDX-License-Identifier: GPL-2.0-only
/*
 * run.c - lab_run(): jobs through one design on one target.
 *
 * Jobs run in groups: a job joins the group before it unless it says stonewall. Each clone of a job
 * is a task with an address space of its own; a group of one clone runs in the run's first task, so
 * that no other task exists whose wakeups the host must watch for. All clones set up, then the
 * counters are reset, then the gate opens: what is counted is the stream alone.
 *
 * A verified group is checked twice when it has ended and no page is left in a cache: read back through the design, and
 * audited on the disk. With spec->latency the same streams run once more, with a clock, without checks and
 * counters.
 */
#include <linux/types.h>
#include <linux/bug.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/kthread.h>
#include <linux/string.h>
#include <kc/blktrace.h>
#include <kc/world.h>
#include "host.h"
#include "runner.h"

static bool job_writes(const struct lab_job *job)
{
	return job->rw != LAB_JOB_READ;
}

/* ---- a group of jobs ---------------------------------------------------------------- */

/**
 * struct group - jobs that run together
 * @start: the gate; @abort: behind it there is nothing to do
 */
struct group {
	struct room *room;
	u32 first, nr_jobs;
	struct gen *gens;
	unsigned int nr_gens;
	struct completion start;
	bool abort;
};

static void group_wait_stop(void)
{
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (kthread_should_stop())
			break;
		schedule();
	}
	__set_current_state(TASK_RUNNING);
}

static int group_thread(void *arg)
{
	struct gen *g = arg;

	g->setup_err = gen_setup(g);
	complete(&g->ready);
	wait_for_completion(g->start);
	if (!*g->abort)
		gen_run(g);
	complete(&g->finished);
	group_wait_stop();
	gen_teardown(g);
	return 0;
}

static bool group_create(struct group *grp, struct room *r, u32 first, bool timed)
{
	u32 j, c;

	memset(grp, 0, sizeof(*grp));
	grp->room = r;
	grp->first = first;
	grp->nr_jobs = group_size(r->spec, first);
	init_completion(&grp->start);
	for (j = 0; j < grp->nr_jobs; j++)
		grp->nr_gens += r->spec->jobs[first + j].numjobs;
	grp->gens = host_alloc(grp->nr_gens * sizeof(*grp->gens));
	if (!grp->gens) {
		room_broken(r, "no memory for %u generators", grp->nr_gens);
		return false;
	}
	grp->nr_gens = 0;
	for (j = 0; j < grp->nr_jobs; j++) {
		const struct lab_job *job = &r->spec->jobs[first + j];

		for (c = 0; c < job->numjobs; c++) {
			struct gen *g = &grp->gens[grp->nr_gens++];

			g->room = r;
			g->job = job;
			g->clone = c;
			g->timed = timed;
			g->pinned = r->spec->source == LAB_SOURCE_PINNED;
			g->map = !timed && job_verified(r->spec, job) ? r->map : NULL;
			g->start = &grp->start;
			g->abort = &grp->abort;
			init_completion(&g->ready);
			init_completion(&g->finished);
		}
	}
	return true;
}

static void group_destroy(struct group *grp)
{
	unsigned int i, d;

	for (i = 0; i < grp->nr_gens; i++)
		for (d = 0; d < 2; d++)
			if (grp->gens[i].lat[d])
				host_free(grp->gens[i].lat[d]);
	if (grp->gens)
		host_free(grp->gens);
}

/* Results of the counted pass. All generators have stopped; @cpu_ns: of the process, meanwhile. */
static void group_count(struct group *grp, u64 cpu_ns)
{
	struct lab_job_result *res = &grp->room->out->job[grp->first];
	unsigned int i = 0;
	u32 j;

	for (j = 0; j < grp->nr_jobs; j++) {
		u32 clones = grp->room->spec->jobs[grp->first + j].numjobs;

		measure_job(&res[j], &grp->gens[i], clones);
		res[j].trace_hash = kc_trace_hash();
		i += clones;
	}
	measure_others(&res[0], grp->gens, grp->nr_gens, cpu_ns);
}

/* Results of the timed pass: latencies, and errors that only it met. */
static void group_time(struct group *grp)
{
	struct lab_job_result *res = &grp->room->out->job[grp->first];
	unsigned int i = 0, c;
	u32 j;
	int d;

	for (j = 0; j < grp->nr_jobs; j++) {
		struct gen *g = &grp->gens[i];
		u32 clones = g->job->numjobs;

		for (c = 1; c < clones; c++) {
			for (d = 0; d < 2; d++)
				hist_merge(g->lat[d], g[c].lat[d]);
			g->errors += g[c].errors;
			g->first_errno = g->first_errno ? g->first_errno : g[c].first_errno;
		}
		for (d = 0; d < 2; d++)
			hist_read(g->lat[d], &res[j].lat[d]);
		if (!res[j].errors && g->errors) {
			res[j].errors = g->errors;
			res[j].first_errno = g->first_errno;
		}
		i += clones;
	}
}

/* All clones are ready, nothing runs: from here on it counts. Returns CPU time so far. */
static u64 group_begin(const struct group *grp)
{
	struct lab_blktrace *trace = grp->gens[0].timed ? NULL : grp->room->spec->trace;
	u32 j;

	kc_tasks_settle();
	kc_probes_reset();
	if (trace)
		kc_blktrace_start(trace);
	for (j = 0; trace && j < grp->nr_jobs; j++) {
		struct lab_blkevent job = { .action = 'm', .other = grp->first + j };

		kc_blktrace_add(&job);
	}
	return host_process_cpu_ns();
}

/* Workers count on their way to sleep, and may still be waking a generator: wait for that. Returns CPU time. */
static u64 group_end(u64 began_ns)
{
	u64 cpu_ns = host_process_cpu_ns() - began_ns;

	kc_tasks_settle();
	kc_blktrace_stop();
	return cpu_ns;
}

/* One clone: in the task that is here already. */
static void group_run_inline(struct group *grp)
{
	struct gen *g = &grp->gens[0];
	u64 cpu_ns;

	g->setup_err = gen_setup(g);
	if (!g->setup_err) {
		cpu_ns = group_begin(grp);
		gen_run(g);
		cpu_ns = group_end(cpu_ns);
		if (g->timed)
			group_time(grp);
		else
			group_count(grp, cpu_ns);
	}
	gen_teardown(g);
}

static void group_run_threads(struct group *grp)
{
	struct task_struct *task[RUN_MAX_CLONES];
	unsigned int i, n;
	u64 cpu_ns;

	for (n = 0; n < grp->nr_gens; n++) {
		task[n] = kthread_run(group_thread, &grp->gens[n], "gen/%u", n);
		if (IS_ERR(task[n])) {
			grp->gens[n].setup_err = PTR_ERR(task[n]);
			break;
		}
	}
	grp->abort = n < grp->nr_gens;
	for (i = 0; i < n; i++) {
		wait_for_completion(&grp->gens[i].ready);
		grp->abort = grp->abort || grp->gens[i].setup_err;
	}
	cpu_ns = group_begin(grp);
	complete_all(&grp->start);
	for (i = 0; i < n; i++)
		wait_for_completion(&grp->gens[i].finished);
	cpu_ns = group_end(cpu_ns);
	if (!grp->abort && grp->gens[0].timed)
		group_time(grp);
	else if (!grp->abort)
		group_count(grp, cpu_ns);
	for (i = 0; i < n; i++)
		kthread_stop(task[i]);
}

static bool group_pass(struct room *r, u32 first, bool timed)
{
	struct group grp;
	unsigned int i;

	if (group_create(&grp, r, first, timed)) {
		if (grp.nr_gens == 1)
			group_run_inline(&grp);
		else
			group_run_threads(&grp);
		for (i = 0; i < grp.nr_gens; i++)
			if (grp.gens[i].setup_err)
				room_usage(r, "job %s: buffers do not fit (%s): lower iodepth, bs or numjobs",
					   grp.gens[i].job->name, run_errname(grp.gens[i].setup_err));
	}
	group_destroy(&grp);
	return r->status == LAB_RUN_OK;
}

/* What jobs will write without checks, or have just written: the map knows nothing of it any more. */
static void group_forget(struct room *r, u32 first, bool also_verified)
{
	u32 i;

	for (i = first; r->map && i < first + group_size(r->spec, first); i++) {
		const struct lab_job *job = &r->spec->jobs[i];

		if (job_writes(job) && (also_verified || !job_verified(r->spec, job)))
			vmap_set(r->map, job->offset_bytes, job->size_bytes, VMAP_UNKNOWN);
	}
}

/* How many errors a job left to be told by write-back: one or none. */
static u64 group_settle(struct room *r, const struct lab_job *job)
{
	int err = room_settle(r);

	if (err)
		room_complain(r, "%s: write-back failed: %s (%d)", job->name, run_errname(err), -err);
	return err != 0;
}

static void group_verify(struct room *r, u32 first)
{
	u32 i;

	for (i = first; i < first + group_size(r->spec, first); i++) {
		const struct lab_job *job = &r->spec->jobs[i];
		struct lab_job_result *res = &r->out->job[i];
		u64 wrong;

		if (!job_verified(r->spec, job))
			continue;
		wrong = group_settle(r, job);
		if (r->status != LAB_RUN_OK)
			return;
		wrong += straight_read_back(r, job->name, job->offset_bytes, job->size_bytes);
		wrong += straight_audit(r, job->name, job->offset_bytes, job->size_bytes);
		res->errors += wrong;
		if (wrong && !res->first_errno)
			res->first_errno = EILSEQ;
	}
}

static bool group_lay_out(struct room *r, u32 first)
{
	u32 i;

	for (i = first; r->map && i < first + group_size(r->spec, first); i++)
		if (!straight_lay_out(r, r->spec->jobs[i].offset_bytes, r->spec->jobs[i].size_bytes))
			return false;
	return true;
}

/* What a group before has left in a page cache: it was its own affair, and is no part of what follows. */
static bool group_run(struct room *r, u32 first)
{
	room_settle(r);
	if (r->status != LAB_RUN_OK || !group_lay_out(r, first))
		return false;
	group_forget(r, first, false);
	if (!group_pass(r, first, false))
		return false;
	group_verify(r, first);
	if (r->status == LAB_RUN_OK && r->spec->latency) {
		room_settle(r);
		if (r->status == LAB_RUN_OK)
			group_pass(r, first, true);
		group_forget(r, first, true);
	}
	return r->status == LAB_RUN_OK;
}

/* ---- the run ------------------------------------------------------------------------ */

/* Mapped blocks hold what the disk held; the rest reads as zeros from the start. */
static bool run_make_map(struct room *r)
{
	struct lab_extent ext;
	u64 pos;

	r->map = vmap_create(r->file_bytes, r->spec->seed);
	if (!r->map) {
		room_usage(r, "no memory to verify %llu bytes", r->file_bytes);
		return false;
	}
	for (pos = 0; pos < r->file_bytes; pos += ext.len_bytes) {
		if (lab_map(r->inode, pos, r->file_bytes - pos, 0, &ext)) {
			room_broken(r, "a new file has no map at %llu", pos);
			return false;
		}
		if (ext.type == LAB_MAPPED)
			vmap_set(r->map, pos, ext.len_bytes, VMAP_UNKNOWN);
	}
	return true;
}

static void run_in_world(void *arg)
{
	struct room *r = arg;
	const struct lab_run_spec *s = r->spec;
	bool verified = any_verified(s);
	u32 i;

	if (!room_open(r, r->file_bytes, verified && s->target.layout >= LAB_LAYOUT_SPARSE) || !room_check_buffered(r))
		goto out;
	if (verified && !run_make_map(r))
		goto out;
	if ((verified || s->target.kind == LAB_DISK_FILE) && !straight_lay_out(r, 0, r->file_bytes))
		goto out;
	for (i = 0; i < s->nr_jobs; i += group_size(s, i))
		if (!group_run(r, i))
			break;
out:
	room_close(r);
}

/**
 * lab_run - run jobs through one design
 * @spec: what to run; outlives the call
 * @out: what came of it; job[i] for spec->jobs[i]
 *
 * Nothing is written anywhere before everything that can be checked has been. Context: no world,
 * not reentrant. Return: LAB_RUN_OK: it ran, errors of IO and data are in the jobs; else out->why
 * says what is wrong.
 */
enum lab_run_status lab_run(const struct lab_run_spec *spec, struct lab_run_result *out)
{
	struct room room;
	u64 ram_bytes = 0, file_bytes;

	memset(&room, 0, sizeof(room));
	memset(out, 0, sizeof(*out));
	room.spec = spec;
	room.out = out;
	file_bytes = room.file_bytes = check_jobs(&room, &ram_bytes);
	if (file_bytes && check_spec(&room, file_bytes) && room_prepare(&room) &&
	    check_target(&room, file_bytes)) {
		room_run(&room, ram_bytes, run_in_world);
	}
	room_finish(&room);
	return room.status;
}
