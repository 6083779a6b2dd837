// SPDX-License-Identifier: GPL-2.0-only
/*
 * kthread.c - kernel threads: host tasks that begin stopped and are joined by kthread_stop().
 *
 * The stopper waits for a completion, not in host_task_join(): while it waits so, its own IO still
 * completes. The join that follows only covers the thread's last instructions.
 */
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/sched.h>
#include <kc/facility.h>
#include <kc/fault.h>
#include "host.h"

struct kc_kthread {
	int (*fn)(void *data);
	void *data;
	int result;
	bool should_stop;
	struct completion exited;
};

static void kc_kthread_main(void *arg)
{
	struct task_struct *me = arg;
	struct kc_kthread *k = me->kc_kthread;

	WRITE_ONCE(me->kc_host, host_task_self());
	schedule();
	k->result = -EINTR;
	if (!READ_ONCE(k->should_stop))
		k->result = k->fn(k->data);
	__set_current_state(TASK_RUNNING);
	complete(&k->exited);
	kc_task_finish();
}

/**
 * kthread_create - make a kernel thread; it runs when it is first woken
 * @fn: its function. Its value is what kthread_stop() returns. It may end by itself; kthread_stop()
 *	must be called all the same
 * @data: its argument
 * @fmt: its name, cut to TASK_COMM_LEN - 1
 *
 * Return: the task; ERR_PTR(-ENOMEM) on order only (KC_FAULT_KTHREAD): without memory or beyond HOST_MAX_TASKS the
 * process stops. Context: task.
 */
struct task_struct *kthread_create(int (*fn)(void *data), void *data, const char *fmt, ...)
{
	struct task_struct *task;
	char comm[TASK_COMM_LEN];
	struct kc_kthread *k;
	va_list args;

	if (kc_fault(KC_FAULT_KTHREAD))
		return ERR_PTR(-ENOMEM);
	k = host_alloc(sizeof(*k));
	KC_BUG_ON(!k, "no memory for a kthread");
	lab_probe(ALLOC_HOST);
	va_start(args, fmt);
	vsnprintf(comm, sizeof(comm), fmt, args);
	va_end(args);
	k->fn = fn;
	k->data = data;
	init_completion(&k->exited);
	task = kc_task_new(comm, PF_KTHREAD);
	task->kc_kthread = k;
	WRITE_ONCE(task->kc_host, host_task_create(comm, kc_kthread_main, task, task));
	return task;
}

/** kthread_should_stop - has kthread_stop() been called for current, a kernel thread? */
bool kthread_should_stop(void)
{
	struct kc_kthread *k = current->kc_kthread;

	return READ_ONCE(k->should_stop);
}

/**
 * kthread_stop - ask a kernel thread to end, and wait for it
 * @task: from kthread_create(); stopped once
 *
 * Return: what its function returned; -EINTR if it was never woken. Context: task, may sleep.
 */
int kthread_stop(struct task_struct *task)
{
	struct kc_kthread *k = task->kc_kthread;

	KC_BUG_ON(!k || READ_ONCE(k->should_stop),
		  "kthread_stop() of %s/%d: not a kthread, or stopped before", task->comm, task->pid);
	WRITE_ONCE(k->should_stop, true);
	wake_up_process(task);
	wait_for_completion(&k->exited);
	host_task_join(READ_ONCE(task->kc_host));
	return k->result;
}
