// SPDX-License-Identifier: GPL-2.0-only
/*
 * task.c - the table of tasks, and the calls of the contract that only choose an engine.
 *
 * Tasks live in a static table: creating one allocates nothing but its stack, a pointer to a task
 * of a run stays valid until it is joined, and an abandoned run leaves nothing behind that the next
 * one has not cleared. The choice of engine is a constant in builds without det, so a release call
 * is direct.
 */
#include <stdio.h>
#include <string.h>
#include "host-impl.h"

static struct host_task task_table[HOST_MAX_TASKS];
static pthread_mutex_t task_lock = PTHREAD_MUTEX_INITIALIZER;	/* the table's slots and task_index */
static unsigned int task_index;
_Atomic unsigned int task_alive;

/**
 * task_new - take a slot; the engine has yet to start the task
 * @name: for reports, cut to HOST_NAME_LEN - 1
 * @fn: its function
 * @arg: its argument
 * @data: for the switch hook
 *
 * Return: the task, counted in task_alive. Stops the process beyond HOST_MAX_TASKS.
 */
struct host_task *task_new(const char *name, void (*fn)(void *arg), void *arg, void *data)
{
	struct host_task *t = NULL;
	unsigned int i;

	pthread_mutex_lock(&task_lock);
	for (i = 0; i < HOST_MAX_TASKS && !t; i++) {
		if (!task_table[i].in_use)
			t = &task_table[i];
	}
	if (!t)
		host_die("host_task_create: HOST_MAX_TASKS tasks are alive");
	memset(t, 0, sizeof(*t));
	t->in_use = true;
	t->index = task_index++;
	pthread_mutex_unlock(&task_lock);

	snprintf(t->name, sizeof(t->name), "%s", name);
	t->fn = fn;
	t->arg = arg;
	t->data = data;
	t->efd = -1;
	t->rand = host_cur.seed + t->index * 0xd1342543de82ef95ull;
	atomic_fetch_add(&task_alive, 1);
	return t;
}

/** task_free - give the slot of an ended task back; the engine has freed what was its own */
void task_free(struct host_task *t)
{
	pthread_mutex_lock(&task_lock);
	t->in_use = false;
	pthread_mutex_unlock(&task_lock);
}

/** task_free_all - the run is over: every slot is free, tasks count from 0 again */
void task_free_all(void)
{
	unsigned int i;

	for (i = 0; i < HOST_MAX_TASKS; i++)
		task_table[i].in_use = false;
	task_index = 0;
	atomic_store(&task_alive, 0);
}

/** task_at - the task in @slot < HOST_MAX_TASKS, or NULL. Only while no task can be created or joined. */
struct host_task *task_at(unsigned int slot)
{
	return task_table[slot].in_use ? &task_table[slot] : NULL;
}

/**
 * task_run - what every task does on its own stack
 * @t: the calling task
 *
 * A task that ends with transfers in flight would leave their buffers to the disk: it stops the process.
 */
void task_run(struct host_task *t)
{
	char line[128];

	t->stack_hi = __builtin_frame_address(0);
	if (host_cur.switch_hook)
		host_cur.switch_hook(t->data);
	t->fn(t->arg);
	if (ring_inflight(t->ring)) {
		snprintf(line, sizeof(line), "task %s ended with %u transfers in flight", t->name,
			 ring_inflight(t->ring));
		host_die(line);
	}
	ring_free(t->ring);
	t->ring = NULL;
}

/* --- the contract ----------------------------------------------------------------------------- */

/**
 * host_task_create - start fn(arg) as a task of the run
 * @name: for reports
 * @fn: function
 * @arg: its argument
 * @data: given to the switch hook
 *
 * Return: the task, to be joined exactly once. Context: a task of the run.
 */
struct host_task *host_task_create(const char *name, void (*fn)(void *arg), void *arg, void *data)
{
	struct host_task *t = task_new(name, fn, arg, data);

#ifdef KC_DET
	if (run_is_det())
		det_create(t);
	else
#endif
		thr_create(t);
	return t;
}

/** host_task_join - wait for the end of @t and free it. The caller's queued transfers are submitted first. */
void host_task_join(struct host_task *t)
{
	ring_submit(host_self->ring);
#ifdef KC_DET
	if (run_is_det())
		det_join(t);
	else
#endif
		thr_join(t);
	task_free(t);
}

/** host_task_self - the running task; NULL outside a run */
struct host_task *host_task_self(void)
{
	return host_self;
}

/** host_task_stack - bounds of the running task's stack: [*lo, *hi); *hi is where its function began */
void host_task_stack(void **lo, void **hi)
{
	*lo = host_self->stack_lo;
	*hi = host_self->stack_hi;
}

/** host_nr_tasks - tasks created and not yet ended, the caller included */
unsigned int host_nr_tasks(void)
{
	return atomic_load_explicit(&task_alive, memory_order_relaxed);
}

/**
 * host_park - wait for the wake token or a completion; see host.h
 * @sim_inflight: simulated IOs that the caller can complete now
 * @want_ios: completions worth waking for, >= 1
 *
 * Return: HOST_WAKE_TOKEN: the token was taken; HOST_WAKE_IO: complete something.
 */
enum host_wake host_park(unsigned int sim_inflight, unsigned int want_ios)
{
#ifdef KC_DET
	if (run_is_det())
		return det_park(host_self, sim_inflight);
#endif
	return thr_park(host_self, sim_inflight, want_ios);
}

/** host_unpark - give @t its wake token; nothing happens if it has one. Context: any task. */
void host_unpark(struct host_task *t)
{
#ifdef KC_DET
	if (run_is_det()) {
		det_unpark(t);
		return;
	}
#endif
	thr_unpark(t);
}

/** host_sched_point - det: another runnable task may run here */
void host_sched_point(void)
{
#ifdef KC_DET
	if (run_is_det())
		det_sched_point();
#endif
}

/**
 * host_spin_wait - wait a moment while *word == val; may return early
 * @word: changed by another task, which then calls host_spin_wake()
 * @val: the value waited out
 */
void host_spin_wait(const int *word, int val)
{
#ifdef KC_DET
	if (run_is_det()) {
		det_spin_wait(word, val);
		return;
	}
#endif
	thr_spin_wait(word, val);
}

/** host_spin_wake - wake one waiter of host_spin_wait(); a system call in thr, so only if there may be one */
void host_spin_wake(int *word)
{
	if (!run_is_det())
		thr_spin_wake(word);
}

/**
 * host_det_limits - for tests of hangs: how long a det run may take, and whether it dumps its tasks
 * @max_steps: scheduling steps before HOST_RUN_STUCK; 0: HOST_MAX_STEPS
 * @dump: 0: a deadlock that is expected says nothing
 *
 * Holds until called again.
 */
void host_det_limits(host_u64 max_steps, int dump)
{
#ifdef KC_DET
	det_set_limits(max_steps, dump);
#endif
}
