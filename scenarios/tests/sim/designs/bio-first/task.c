// SPDX-License-Identifier: GPL-2.0-only
/*
 * H2, seen from the file's own operations: what the filesystem above keeps in its task does not reach them,
 * and what they allocate does no IO. What the task has afterwards is looked at in ../punt.c too.
 */
#include <linux/fs.h>
#include "burst.h"

static const struct file_operations *real_fops;
static void *seen_journal;
static unsigned int seen_flags;

static int spy_dio_submit(struct file *file, struct bio *bio, unsigned int flags)
{
	seen_journal = current->journal_info;
	seen_flags = current->flags;
	return real_fops->dio_submit(file, bio, flags);
}

LAB_TEST(bio_first_task, clean_for_the_file)
{
	struct rig_opts o = { .file_bytes = 1 << 20, .loop = true };
	unsigned int flags = current->flags;
	struct file_operations spy;
	int transaction;
	struct rig r;

	rig_up(&r, &o);
	real_fops = r.file->file.f_op;
	spy = *real_fops;
	spy.dio_submit = spy_dio_submit;
	r.file->file.f_op = &spy;
	seen_journal = current->journal_info = &transaction;
	seen_flags = 0;
	burst_run(burst_make(rig_design->loop_bdev(r.loop), REQ_OP_WRITE | REQ_NOWAIT, 1, 1), false);
	lab_expect(!seen_journal);
	lab_expect(seen_flags & PF_MEMALLOC_NOIO);
	lab_expect(current->journal_info == &transaction);
	lab_expect_eq(current->flags, flags);
	current->journal_info = NULL;
	rig_down(&r);
}
