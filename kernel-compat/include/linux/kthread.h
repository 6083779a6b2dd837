/* SPDX-License-Identifier: GPL-2.0-only */
/* kthread.h - kernel threads. Each must be stopped with kthread_stop() before its world ends. */
#ifndef _LINUX_KTHREAD_H
#define _LINUX_KTHREAD_H

#include <linux/err.h>
#include <linux/sched.h>

struct task_struct *kthread_create(int (*fn)(void *data), void *data, const char *fmt, ...) __printf(3, 4);
int kthread_stop(struct task_struct *k);
bool kthread_should_stop(void);

#define kthread_run(fn, data, fmt, ...) ({						\
	struct task_struct *__k = kthread_create(fn, data, fmt, ##__VA_ARGS__);		\
	if (!IS_ERR(__k))								\
		wake_up_process(__k);							\
	__k; })

#endif
