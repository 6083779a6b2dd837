// SPDX-License-Identifier: GPL-2.0-only
/* H2: see ../task.c. */
#include <linux/fs.h>
#include "task.h"

static const struct file_operations *real_fops;

static ssize_t spy_write(struct file *file, const void *buf, size_t len, loff_t *ppos)
{
	task_look();
	return real_fops->write(file, buf, len, ppos);
}

static ssize_t spy_splice_read(struct file *file, loff_t *ppos, size_t len, read_actor_t *actor, void *arg)
{
	task_look();
	return real_fops->splice_read(file, ppos, len, actor, arg);
}

LAB_TEST(buffered_task, clean_for_the_file)
{
	struct rig_opts o = { .file_bytes = 1 << 20, .loop = true };
	struct file_operations spy;
	struct rig r;

	rig_up(&r, &o);
	real_fops = r.file->buffered.f_op;
	spy = *real_fops;
	spy.write = spy_write;
	spy.splice_read = spy_splice_read;
	r.file->buffered.f_op = &spy;
	task_clean_for_the_file(&r);
	r.file->buffered.f_op = real_fops;
	rig_down(&r);
}
