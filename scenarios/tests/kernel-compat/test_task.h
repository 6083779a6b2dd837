/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_task.h - a kthread that certainly runs: one stopped before its first instruction never does (-EINTR).
 */
#ifndef TEST_TASK_H
#define TEST_TASK_H

#include <linux/completion.h>
#include <linux/kthread.h>
#include "lab_test.h"

struct test_task {
	int (*fn)(void *data);
	void *data;
	struct completion begun;
	struct task_struct *task;
};

static inline int test_task_fn(void *data)
{
	struct test_task *t = data;

	complete(&t->begun);
	return t->fn(t->data);
}

static inline void test_task_run(struct test_task *t, int (*fn)(void *data), void *data, const char *name)
{
	t->fn = fn;
	t->data = data;
	init_completion(&t->begun);
	t->task = kthread_run(test_task_fn, t, "%s", name);
	lab_expect(!IS_ERR(t->task));
}

/* What fn() returned. */
static inline int test_task_join(struct test_task *t)
{
	wait_for_completion(&t->begun);
	return kthread_stop(t->task);
}

#endif
