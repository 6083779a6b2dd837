// SPDX-License-Identifier: GPL-2.0-only
/*
 * H2, seen from the file's own operations: what the filesystem above keeps in its task does not reach them,
 * and what they allocate does no IO. What the task has afterwards is looked at in ../punt.c too.
 */
#include <linux/fs.h>
#include "rig.h"

static const struct file_operations *real_fops;
static void *seen_journal;
static unsigned int seen_flags;

static ssize_t spy_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	seen_journal = current->journal_info;
	seen_flags = current->flags;
	return real_fops->write_iter(iocb, from);
}

LAB_TEST(iter_bvec_task, clean_for_the_file)
{
	struct rig_opts o = { .file_bytes = 1 << 20, .loop = true };
	struct file_operations spy;
	int transaction;
	struct rig r;

	rig_up(&r, &o);
	real_fops = r.file->file.f_op;
	spy = *real_fops;
	spy.write_iter = spy_write_iter;
	r.file->file.f_op = &spy;
	seen_journal = current->journal_info = &transaction;
	seen_flags = 0;
	lab_expect_eq(rig_io(r.bdev, LAB_WRITE, 0, r.mem, 4096, 0), 4096);
	lab_expect(!seen_journal);
	lab_expect(seen_flags & PF_MEMALLOC_NOIO);
	lab_expect(current->journal_info == &transaction);
	current->journal_info = NULL;
	lab_expect_eq(current->flags & PF_MEMALLOC_NOIO, 0);
	rig_down(&r);
}
