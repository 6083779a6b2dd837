// SPDX-License-Identifier: GPL-2.0-only
/* H2: see ../task.c. */
#include <linux/fs.h>
#include "task.h"

static const struct file_operations *real_fops;

static ssize_t spy_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	task_look();
	return real_fops->read_iter(iocb, to);
}

static ssize_t spy_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	task_look();
	return real_fops->write_iter(iocb, from);
}

LAB_TEST(iter_ops_fixed_task, clean_for_the_file)
{
	struct rig_opts o = { .file_bytes = 1 << 20, .loop = true };
	struct file_operations spy;
	struct rig r;

	rig_up(&r, &o);
	real_fops = r.file->file.f_op;
	spy = *real_fops;
	spy.read_iter = spy_read_iter;
	spy.write_iter = spy_write_iter;
	r.file->file.f_op = &spy;
	task_clean_for_the_file(&r);
	r.file->file.f_op = real_fops;
	rig_down(&r);
}
