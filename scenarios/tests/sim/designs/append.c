// SPDX-License-Identifier: GPL-2.0-only
/*
 * Several tasks that append to one file, directly and through the page cache: each record is somewhere in it, whole and
 * once, and the file is as long as they are together. The end of the file is known only to who holds its lock.
 */
#include <linux/completion.h>
#include <linux/kthread.h>
#include "rig.h"

#define NR_TASKS	4u
#define NR_RECORDS	6u
#define RECORD_BYTES	4096u

struct appender {
	struct rig *r;
	unsigned int id, flags;
	bool async;
	struct completion done;
};

static int append(void *arg)
{
	struct appender *a = arg;
	unsigned long mem = a->r->mem + a->id * RECORD_BYTES;
	struct lab_iovec iov = { mem, RECORD_BYTES };
	unsigned int i;
	ssize_t ret;

	current->mm = a->r->mm;
	for (i = 0; i < NR_RECORDS; i++) {
		rig_set(mem, 1 + a->id * NR_RECORDS + i, RECORD_BYTES);
		ret = a->async ? rig_aio(a->r->file, LAB_WRITE, 0, &iov, 1, LAB_IO_APPEND | a->flags) :
				 rig_iov(a->r->file, LAB_WRITE, 0, &iov, 1, LAB_IO_APPEND | a->flags);
		lab_expect_eq(ret, RECORD_BYTES);
	}
	current->mm = NULL;
	complete(&a->done);
	return 0;
}

/* Every record once. */
static void expect_records(struct rig *r)
{
	unsigned long at = r->mem + RIG_MEM_BYTES / 2;
	bool seen[NR_TASKS * NR_RECORDS] = { };
	unsigned int i;
	u8 byte;

	lab_expect_eq(i_size_read(r->inode), NR_TASKS * NR_RECORDS * RECORD_BYTES);
	lab_expect_eq(rig_io(r->file, LAB_READ, 0, at, NR_TASKS * NR_RECORDS * RECORD_BYTES, 0),
		      NR_TASKS * NR_RECORDS * RECORD_BYTES);
	for (i = 0; i < NR_TASKS * NR_RECORDS; i++, at += RECORD_BYTES) {
		rig_peek(at, &byte, 1);
		lab_expect(byte >= 1 && byte <= NR_TASKS * NR_RECORDS && !seen[byte - 1]);
		seen[byte - 1] = true;
		lab_expect_eq(rig_find_other(at, byte, RECORD_BYTES), -1);
	}
}

/* @buffered: which of the tasks go through the page cache, as bits. */
static void appenders(unsigned int buffered)
{
	struct appender a[NR_TASKS];
	struct task_struct *task[NR_TASKS];
	struct rig_opts o = { };
	unsigned int i;
	struct rig r;

	rig_up(&r, &o);
	for (i = 0; i < NR_TASKS; i++) {
		a[i] = (struct appender){
			.r = &r, .id = i, .flags = buffered & 1u << i ? LAB_IO_BUFFERED : 0, .async = i & 1,
		};
		init_completion(&a[i].done);
		task[i] = kthread_run(append, &a[i], "appender");
	}
	for (i = 0; i < NR_TASKS; i++) {
		wait_for_completion(&a[i].done);
		lab_expect_eq(kthread_stop(task[i]), 0);
	}
	expect_records(&r);
	rig_down(&r);
}

DESIGN_TEST(append, each_record_once)
{
	rig_needs_what(RIG_APART, RIG_ONE_TASK);
	appenders(0);
	appenders((1u << NR_TASKS) - 1);
	appenders(5);
}
