// SPDX-License-Identifier: GPL-2.0-only
/*
 * task.c - task_structs: the list of a world's tasks, and their beginning and end.
 *
 * The memory of a task_struct comes from the host and stays a task_struct until the run ends. So a
 * waker that still has a pointer to a task that has gone on, or has ended, may look at its state
 * without a lock. What it must not do is call the host for a task that is gone: kc_wake_pins holds
 * the end of a task back while a waker is at work (sched.c).
 */
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/processor.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <kc/facility.h>
#include <kc/io.h>
#include <kc/world.h>
#include "host.h"

struct kc_task_mem {
	struct task_struct task;
	struct kc_probes probes;
};

static struct kc_tasks {
	int word;			/* guards the rest */
	struct list_head all;		/* oldest first, ended ones too */
	int last_pid;
} tasks;

static struct kc_task_mem kc_first;		/* the task that host_run() starts */
static struct kc_task_mem kc_nobody;		/* current while an abandoned world is cleared away */

__thread struct task_struct *kc_current;

/**
 * kc_task_bind - @data is the task that runs on this thread from now on
 *
 * The host's switch hook; also called with NULL when a run is over.
 */
void kc_task_bind(void *data)
{
	struct task_struct *task = data;
	struct kc_probes *probes = task ? task->kc_probes : &kc_nobody.probes;
	unsigned int scope;

	if (kc_current)
		kc_current->kc_scope = kc_scope;
	kc_current = task;
	for (scope = 0; scope < LAB_NR_SCOPES; scope++)
		kc_probe_rows[scope] = probes->n[scope];
	kc_scope = task ? task->kc_scope : LAB_UPPER;
	kc_probe_row = kc_probe_rows[kc_scope];
}

static void kc_task_setup(struct kc_task_mem *mem, const char *comm, unsigned int flags)
{
	struct task_struct *task = &mem->task;

	memset(mem, 0, sizeof(*mem));
	strscpy(task->comm, comm, sizeof(task->comm));
	task->flags = flags;
	task->kc_probes = &mem->probes;
	task->kc_want_ios = 1;
	INIT_LIST_HEAD(&task->kc_deferred);
}

static void kc_task_enlist(struct task_struct *task)
{
	kc_word_lock(&tasks.word, NULL);
	task->pid = ++tasks.last_pid;
	list_add_tail(&task->kc_node, &tasks.all);
	kc_word_unlock(&tasks.word);
}

/**
 * kc_tasks_begin - before host_run(): no tasks but the first
 *
 * Return: its task_struct, which host_run() gets as data.
 */
struct task_struct *kc_tasks_begin(void)
{
	memset(&tasks, 0, sizeof(tasks));
	INIT_LIST_HEAD(&tasks.all);
	kc_task_setup(&kc_nobody, "nobody", 0);
	kc_task_setup(&kc_first, "first", 0);
	kc_task_enlist(&kc_first.task);
	return &kc_first.task;
}

/** kc_tasks_nobody - a stand-in for current outside a run, for kc_world_abandon() */
struct task_struct *kc_tasks_nobody(void)
{
	return &kc_nobody.task;
}

/**
 * kc_task_new - a task_struct for a task about to be started
 * @comm: its name, cut to TASK_COMM_LEN - 1
 * @flags: PF_*
 *
 * Return: the task, counted alive, in TASK_UNINTERRUPTIBLE. Without memory the process stops. Context: task.
 */
struct task_struct *kc_task_new(const char *comm, unsigned int flags)
{
	struct kc_task_mem *mem = host_alloc(sizeof(*mem));

	KC_BUG_ON(!mem, "no memory for a task_struct");
	lab_probe(ALLOC_HOST);
	kc_task_setup(mem, comm, flags);
	mem->task.__state = TASK_UNINTERRUPTIBLE;
	kc_task_enlist(&mem->task);
	return &mem->task;
}

/**
 * kc_tasks_each - fn(task, @arg) for every task of the world, ended ones included. They may run
 * meanwhile.
 */
void kc_tasks_each(void (*fn)(struct task_struct *task, void *arg), void *arg)
{
	struct task_struct *task;

	kc_word_lock(&tasks.word, NULL);
	list_for_each_entry(task, &tasks.all, kc_node)
		fn(task, arg);
	kc_word_unlock(&tasks.word);
}

static void kc_task_count_awake(struct task_struct *task, void *arg)
{
	unsigned int *n = arg;

	/* Acquire: what a task did before it slept is seen by who settled. */
	if (task != current && smp_load_acquire(&task->__state) == TASK_RUNNING)
		++*n;
}

/**
 * kc_tasks_settle - return when no other task of the world runs
 *
 * Workers that were just made, or have just finished something, take locks on their way to sleep;
 * counters that are reset or read before that differ from run to run. Context: task; nobody keeps
 * the others awake.
 */
void kc_tasks_settle(void)
{
	unsigned int awake;

	do {
		awake = 0;
		kc_tasks_each(kc_task_count_awake, &awake);
		if (awake)
			host_sched_point();
	} while (awake);
}

static void kc_task_count_alive(struct task_struct *task, void *arg)
{
	unsigned int *n = arg;

	if (task == current || READ_ONCE(task->__state) == TASK_DEAD)
		return;
	printk("audit: task %s/%d was not stopped", task->comm, task->pid);
	++*n;
}

/** kc_tasks_audit - tasks beside the caller that have not ended; each is printed */
unsigned int kc_tasks_audit(void)
{
	unsigned int n = 0;

	kc_tasks_each(kc_task_count_alive, &n);
	return n;
}

/**
 * kc_task_leftovers - what a task must not have at its end, or a worker between two items
 * @who: what ended, for the message
 *
 * Return: number of WARNs given.
 */
unsigned int kc_task_leftovers(const char *who)
{
	struct task_struct *me = current;
	unsigned int n = 0;

	n += WARN(me->kc_preempt_depth || me->kc_irqs_off, "%s leaves atomic context behind", who);
	n += WARN(me->kc_nowait_depth, "%s leaves a kc_nowait_begin() behind", who);
	n += WARN(me->pagefault_disabled, "%s leaves page faults disabled", who);
	n += WARN(me->plug || me->bio_list, "%s leaves a plug or a bio_list behind", who);
	if (WARN(me->kc_nr_held, "%s leaves %u lock(s) held", who, me->kc_nr_held)) {
		kc_lockdep_print_held(me);
		n++;
	}
	return n;
}

/**
 * kc_task_finish - the last thing a task does
 *
 * Its IO is complete, it holds nothing (WARNs else), gives its magazines back, and waits for the
 * last waker to let go of it. From here on it is dead; only host_task_join() may follow.
 */
void kc_task_finish(void)
{
	struct task_struct *me = current;
	int pins;

	kc_io_drain();
	kc_task_leftovers(me->comm);
	kc_slab_task_exit(me);
	smp_store_mb(me->__state, TASK_DEAD);
	pins = __atomic_load_n(&me->kc_wake_pins, __ATOMIC_ACQUIRE);
	if (!pins)
		return;
	/* Usually the waker is still in the system call that woke this task, and may not be running. */
	pins = __atomic_or_fetch(&me->kc_wake_pins, KC_WAKE_PINS_WAITED, __ATOMIC_ACQUIRE);
	while (pins != KC_WAKE_PINS_WAITED) {
		host_spin_wait(&me->kc_wake_pins, pins);
		pins = __atomic_load_n(&me->kc_wake_pins, __ATOMIC_ACQUIRE);
	}
}
