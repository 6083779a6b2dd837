// SPDX-License-Identifier: GPL-2.0-only
/*
 * Linux's code and the page cache, which is the filesystem model's, where the tests of filemap.c want a second task that
 * does IO: here that task only keeps a page locked, as a reader would, and Linux's one task has to get by.
 */
#include <linux/completion.h>
#include <linux/kthread.h>
#include "rig.h"

#define FILE_BYTES	(1u << 20)
#define LONG_ENOUGH	64	/* times that another task may run */

struct locker {
	struct page *page;
	struct inode *inode;
	struct completion locked;
};

/* Page 2, until the write has its first page in the cache, and some time more. */
static int keep_locked(void *arg)
{
	struct locker *l = arg;
	unsigned int i;

	lab_expect_eq(lab_page_get(l->inode, 2, &l->page), 0);
	complete(&l->locked);
	while (READ_ONCE(l->inode->i_mapping->nrpages) < 2)
		yield();
	for (i = 0; i < LONG_ENOUGH; i++)
		yield();
	lab_page_unlock(l->page);
	put_page(l->page);
	while (!kthread_should_stop())
		yield();
	return 0;
}

static void falls_back(bool loop, unsigned int flags, const char *fault)
{
	struct rig_opts o = { .file_bytes = FILE_BYTES, .fill = fault ? 0 : 0xee, .loop = loop, .fault = fault };
	struct lab_trace_counts before, after;
	struct task_struct *task;
	struct locker l;
	struct rig r;
	ssize_t ret;

	rig_up(&r, &o);
	rig_set(r.mem, 0x42, 2 * PAGE_SIZE);
	l = (struct locker){ .inode = r.inode };
	init_completion(&l.locked);
	task = kthread_run(keep_locked, &l, "locker");
	wait_for_completion(&l.locked);
	before = rig_seen(&r);
	kc_probes_reset();
	ret = rig_io(loop ? r.bdev : r.file, LAB_WRITE, PAGE_SIZE, r.mem, 2 * PAGE_SIZE, flags);
	kthread_stop(task);
	if (fault) {
		lab_expect_eq(ret, -EIO);
		rig_down(&r);
		return;
	}
	lab_expect_eq(ret, 2 * PAGE_SIZE);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_WRITEBACKS) + rig_count(LAB_UPPER, LAB_WRITEBACKS), 2);
	after = rig_seen(&r);
	lab_expect_eq(after.preflush - before.preflush, !!(flags & LAB_IO_DSYNC));
	lab_expect_eq(READ_ONCE(r.inode->i_mapping->nrpages), 0);	/* as if it had been direct */
	rig_expect_written(&r, r.file, PAGE_SIZE, 0x42, 2 * PAGE_SIZE);
	rig_expect_written(&r, r.file, 3 * PAGE_SIZE, 0xee, PAGE_SIZE);
	rig_down(&r);
}

DESIGN_TEST(cached, direct_write_that_cannot_forget_a_page)
{
	falls_back(false, 0, NULL);
	falls_back(false, LAB_IO_DSYNC, NULL);
	falls_back(true, 0, NULL);
	falls_back(true, LAB_IO_DSYNC, NULL);
	falls_back(false, 0, "eio@4k+4k");
	falls_back(false, LAB_IO_DSYNC, "eio@8k+4k");
	falls_back(true, 0, "eio@4k+4k");
	falls_back(true, LAB_IO_DSYNC, "eio@8k+4k");
}

/* Who may not wait does not: for a locked page, for the lock of the file, for a page that is not there. */
DESIGN_TEST(cached, who_may_not_wait)
{
	struct rig_opts o = { .file_bytes = FILE_BYTES };
	struct page *page;
	struct rig r;

	rig_up(&r, &o);
	lab_expect_eq(lab_page_get(r.inode, 2, &page), 0);
	lab_expect_eq(rig_io(r.file, LAB_WRITE, PAGE_SIZE, r.mem, 2 * PAGE_SIZE, LAB_IO_NOWAIT), -EAGAIN);
	lab_page_unlock(page);
	put_page(page);
	lab_expect_eq(rig_io(r.file, LAB_READ, 0, r.mem, 100, LAB_IO_BUFFERED | LAB_IO_NOWAIT), -EAGAIN);
	down_write(&r.inode->i_rwsem);
	lab_expect_eq(rig_io(r.file, LAB_READ, 0, r.mem, PAGE_SIZE, LAB_IO_NOWAIT), -EAGAIN);
	lab_expect_eq(rig_io(r.file, LAB_WRITE, 0, r.mem, PAGE_SIZE, LAB_IO_NOWAIT), -EAGAIN);
	up_write(&r.inode->i_rwsem);
	lab_expect_eq(rig_io(r.file, LAB_WRITE, 0, r.mem, PAGE_SIZE, LAB_IO_NOWAIT), PAGE_SIZE);
	rig_down(&r);
}
