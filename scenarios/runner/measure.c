// SPDX-License-Identifier: GPL-2.0-only
/*
 * measure.c - what a job cost.
 *
 * Counters. Each task counts into its own row. A generator copies its row when its stream begins
 * and when its last IO is reaped; the difference is what was done in its context. What workers did
 * is the sum over all tasks less the generators and the run's first task, which only waits. With
 * several jobs at once nobody can say for which of them a worker worked: that share is put to the
 * group's first job (lab_run.h).
 *
 * CPU time. The same split: thread clocks of the generators, and the process's clock for the rest.
 *
 * Latency. A log-linear histogram: one group for each power of two, 16 steps in each, so a value is
 * known to 6 %.
 */
#include <linux/types.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include "host.h"
#include "runner.h"

static unsigned int hist_index(u64 ns)
{
	unsigned int shift;

	if (ns < 1u << HIST_SUB_BITS)
		return ns;
	shift = ilog2(ns) - HIST_SUB_BITS;
	return ((shift + 1) << HIST_SUB_BITS) + ((ns >> shift) & ((1u << HIST_SUB_BITS) - 1));
}

/* The largest value that falls into @index. */
static u64 hist_value(unsigned int index)
{
	unsigned int group = index >> HIST_SUB_BITS, step = index & ((1u << HIST_SUB_BITS) - 1);

	if (!group)
		return step;
	return (((1ull << HIST_SUB_BITS) + step + 1) << (group - 1)) - 1;
}

/**
 * hist_add - count one latency
 * @h: the histogram
 * @ns: nanoseconds
 */
void hist_add(struct hist *h, u64 ns)
{
	h->n[hist_index(ns)]++;
	h->count++;
	h->max = max(h->max, ns);
}

/**
 * hist_merge - add one histogram to another
 * @into: the sum
 * @from: unchanged
 */
void hist_merge(struct hist *into, const struct hist *from)
{
	unsigned int i;

	for (i = 0; i < HIST_GROUPS << HIST_SUB_BITS; i++)
		into->n[i] += from->n[i];
	into->count += from->count;
	into->max = max(into->max, from->max);
}

static u64 hist_percentile(const struct hist *h, u64 per_mille)
{
	u64 rank = (h->count * per_mille + 999) / 1000, seen = 0;
	unsigned int i;

	for (i = 0; i < HIST_GROUPS << HIST_SUB_BITS; i++) {
		seen += h->n[i];
		if (seen >= rank)
			return min(hist_value(i), h->max);
	}
	return h->max;
}

/**
 * hist_read - percentiles, each the upper end of its step
 * @h: the histogram
 * @out: ns; all 0 when nothing was counted
 */
void hist_read(const struct hist *h, struct lab_lat *out)
{
	memset(out, 0, sizeof(*out));
	if (!h->count)
		return;
	out->p50 = hist_percentile(h, 500);
	out->p99 = hist_percentile(h, 990);
	out->p999 = hist_percentile(h, 999);
	out->max = h->max;
	out->count = h->count;
}

/**
 * measure_begin - the stream begins now
 * @g: runs in its task
 */
void measure_begin(struct gen *g)
{
	kc_probes_own(&g->before);
	g->cpu_ns = host_thread_cpu_ns();
	g->wall_begin_ns = g->batch_ns = host_clock_ns();
}

/**
 * measure_in_flight - the queue is full for the first time: what does one IO hold?
 * @g: runs in its task, nothing reaped yet
 *
 * Slab bytes that this task allocated and did not free. With hand-off to workers part of an IO's
 * memory is in their rows, which cannot be read while they run: nothing is reported then. Context:
 * task.
 */
void measure_in_flight(struct gen *g)
{
	u64 held = 0;
	int s;

	g->sampled = true;
	if (g->room->knobs.handoff == LAB_HANDOFF_WORKER)
		return;
	for (s = 0; s < LAB_NR_SCOPES; s++) {
		const u64 *now = current->kc_probes->n[s], *then = g->before.n[s];

		held += now[LAB_ALLOC_BYTES] - then[LAB_ALLOC_BYTES];
		held -= now[LAB_FREE_BYTES] - then[LAB_FREE_BYTES];
	}
	g->in_flight_bytes = held / g->depth;
}

/**
 * measure_end - the last IO has been reaped
 * @g: runs in its task
 */
void measure_end(struct gen *g)
{
	g->wall_end_ns = host_clock_ns();
	g->cpu_ns = host_thread_cpu_ns() - g->cpu_ns;
	kc_probes_own(&g->after);
}

static void measure_add(host_u64 *into, enum lab_probe_id id, u64 before, u64 after)
{
	if (lab_probe_is_gauge(id))
		*into = max_t(u64, *into, after);
	else
		*into += after - before;
}

/**
 * measure_job - add up what the clones of a job saw in their own tasks
 * @res: zeroed
 * @gens: the clones, all finished
 * @nr: how many, at least 1
 */
void measure_job(struct lab_job_result *res, const struct gen *gens, unsigned int nr)
{
	u64 begin = ~0ull, end = 0;
	unsigned int i;
	int s, p;

	for (i = 0; i < nr; i++) {
		const struct gen *g = &gens[i];

		res->ios += g->ios;
		res->bytes += g->bytes;
		res->errors += g->errors;
		res->first_errno = res->first_errno ? res->first_errno : g->first_errno;
		res->cpu_ns += g->cpu_ns;
		res->bytes_in_flight = max_t(u64, res->bytes_in_flight, g->in_flight_bytes);
		begin = min(begin, g->wall_begin_ns);
		end = max(end, g->wall_end_ns);
		for (s = 0; s < LAB_NR_SCOPES; s++)
			for (p = 0; p < LAB_NR_PROBES; p++)
				measure_add(&res->counters[s][p], p, g->before.n[s][p], g->after.n[s][p]);
	}
	res->wall_ns = end - begin;
}

struct measure_group {
	const struct gen *gens;
	unsigned int nr;
};

static bool measure_is_other(const struct task_struct *task, void *arg)
{
	const struct measure_group *grp = arg;
	unsigned int i;

	for (i = 0; i < grp->nr; i++)
		if (grp->gens[i].task == task)
			return false;
	return task != current;
}

/**
 * measure_others - add what tasks other than the generators did
 * @res: of the group's first job, after measure_job()
 * @gens: all generators of the group, stopped and waiting
 * @nr: how many
 * @process_cpu_ns: of the whole process while the group ran
 *
 * Context: the run's first task (it may be the only generator itself), after
 * kc_tasks_settle().
 */
void measure_others(struct lab_job_result *res, const struct gen *gens, unsigned int nr, u64 process_cpu_ns)
{
	struct measure_group grp = { gens, nr };
	struct kc_probes others;
	u64 own_cpu_ns = 0;
	unsigned int i;
	int s, p;

	kc_probes_read_of(&others, measure_is_other, &grp);
	for (s = 0; s < LAB_NR_SCOPES; s++)
		for (p = 0; p < LAB_NR_PROBES; p++)
			measure_add(&res->counters[s][p], p, 0, others.n[s][p]);
	for (i = 0; i < nr; i++)
		own_cpu_ns += gens[i].cpu_ns;
	if (process_cpu_ns > own_cpu_ns)
		res->cpu_ns += process_cpu_ns - own_cpu_ns;
}
