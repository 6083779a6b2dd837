// SPDX-License-Identifier: GPL-2.0-only
/*
 * probe.c - the counters' names, and their sum over tasks. Counting itself is inline (kc/probe.h).
 */
#include <linux/kernel.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <kc/facility.h>
#include <kc/probe.h>
#include "host.h"

static u64 kc_probe_sink[LAB_NR_PROBES];	/* what runs outside a task counts here; never read */
__thread u64 *kc_probe_row = kc_probe_sink;
__thread u64 *kc_probe_rows[LAB_NR_SCOPES] = { kc_probe_sink, kc_probe_sink, kc_probe_sink };
__thread enum lab_scope kc_scope;

static const struct {
	const char *name, *what;
} kc_probe_names[LAB_NR_PROBES] = {
#define X(id, name, what) [LAB_##id] = { name, what },
	LAB_PROBES(X)
#undef X
};

/** lab_probe_name - name of a counter in reports */
const char *lab_probe_name(enum lab_probe_id id)
{
	BUG_ON(id >= LAB_NR_PROBES);
	return kc_probe_names[id].name;
}

/** lab_probe_what - what one count of it means */
const char *lab_probe_what(enum lab_probe_id id)
{
	BUG_ON(id >= LAB_NR_PROBES);
	return kc_probe_names[id].what;
}

/** lab_probe_is_gauge - a maximum, not a sum */
bool lab_probe_is_gauge(enum lab_probe_id id)
{
	return id == LAB_STACK_SUBMIT || id == LAB_STACK_END;
}

static void kc_probes_merge(struct kc_probes *into, const struct kc_probes *from)
{
	unsigned int scope, id;

	for (scope = 0; scope < LAB_NR_SCOPES; scope++) {
		for (id = 0; id < LAB_NR_PROBES; id++) {
			u64 v = READ_ONCE(from->n[scope][id]);

			if (!lab_probe_is_gauge(id))
				into->n[scope][id] += v;
			else if (into->n[scope][id] < v)
				into->n[scope][id] = v;
		}
	}
}

static void kc_probes_merge_task(struct task_struct *task, void *arg)
{
	kc_probes_merge(arg, task->kc_probes);
}

static void kc_probes_clear_task(struct task_struct *task, void *arg)
{
	unsigned int scope, id;

	for (scope = 0; scope < LAB_NR_SCOPES; scope++) {
		for (id = 0; id < LAB_NR_PROBES; id++)
			WRITE_ONCE(task->kc_probes->n[scope][id], 0);
	}
}

/**
 * kc_probes_read - sum over all tasks of the world, ended ones included
 * @out: overwritten
 *
 * Exact while the other tasks are idle; what they count meanwhile may or may not be in it.
 */
void kc_probes_read(struct kc_probes *out)
{
	kc_io_count_enters();
	memset(out, 0, sizeof(*out));
	kc_tasks_each(kc_probes_merge_task, out);
}

struct kc_probes_pick {
	struct kc_probes *sum;
	bool (*want)(const struct task_struct *task, void *arg);
	void *arg;
};

static void kc_probes_merge_wanted(struct task_struct *task, void *arg)
{
	struct kc_probes_pick *pick = arg;

	if (pick->want(task, pick->arg))
		kc_probes_merge(pick->sum, task->kc_probes);
}

/**
 * kc_probes_read_of - sum over some tasks of the world, and over all that have ended
 * @out: overwritten
 * @want: is it one of them?
 * @arg: for @want
 *
 * Exact while the wanted ones are idle.
 */
void kc_probes_read_of(struct kc_probes *out, bool (*want)(const struct task_struct *task, void *arg), void *arg)
{
	struct kc_probes_pick pick = { out, want, arg };

	memset(out, 0, sizeof(*out));
	kc_tasks_each(kc_probes_merge_wanted, &pick);
}

/**
 * kc_probes_own - what the running task has counted
 * @out: overwritten
 *
 * Context: task. Exact: nobody else writes to its rows.
 */
void kc_probes_own(struct kc_probes *out)
{
	kc_io_count_enters();
	*out = *current->kc_probes;
}

/** kc_probes_reset - all counters to 0, while the other tasks are idle */
void kc_probes_reset(void)
{
	kc_io_count_enters();
	kc_tasks_each(kc_probes_clear_task, NULL);
}

/**
 * kc_stack_used_bytes - bytes of the running task's stack between its function and the caller; 0
 * outside a task
 */
u64 kc_stack_used_bytes(void)
{
	const char *here = __builtin_frame_address(0);
	void *lo, *hi;

	if (!current)
		return 0;
	if (!current->kc_stack_hi) {
		host_task_stack(&lo, &hi);
		current->kc_stack_hi = hi;
	}
	return here < current->kc_stack_hi ? (u64)(current->kc_stack_hi - here) : 0;
}
