// SPDX-License-Identifier: GPL-2.0-only
/* H2: see ../task.c. */
#include <linux/fs.h>
#include "task.h"

static const struct file_operations *real_fops;

static int spy_dio_submit(struct file *file, struct bio *bio, unsigned int flags)
{
	task_look();
	return real_fops->dio_submit(file, bio, flags);
}

LAB_TEST(bio_first_task, clean_for_the_file)
{
	struct rig_opts o = { .file_bytes = 1 << 20, .loop = true };
	struct file_operations spy;
	struct rig r;

	rig_up(&r, &o);
	real_fops = r.file->file.f_op;
	spy = *real_fops;
	spy.dio_submit = spy_dio_submit;
	r.file->file.f_op = &spy;
	task_clean_for_the_file(&r);
	r.file->file.f_op = real_fops;
	rig_down(&r);
}
