// SPDX-License-Identifier: GPL-2.0-only
/*
 * loop.c - the kernel's loop driver from the outside: devices made, bound and removed by its own ioctls.
 *
 * The driver registers /dev/loop-control as a misc device; its ioctls are called as a program would call them, with
 * arguments in the page UP_ARG_VA (user.c). LOOP_CONFIGURE takes the backing file from
 * fget(), which here gives the one that up_fd_install() named.
 */
#include <linux/blkdev.h>
#include <linux/file.h>
#include <linux/loop.h>
#include <linux/miscdevice.h>
#include <linux/slab.h>
#include <linux/statfs.h>
#include <linux/uaccess.h>
#include "arg.h"
#include "k.h"

#define UP_FD	3			/* the one file descriptor there is */

static const struct file_operations *loop_ctl;
static struct file *fd_file;
static struct gendisk *loop_found;	/* the last one that was added */

int misc_register(struct miscdevice *misc)
{
	if (misc->minor == LOOP_CTRL_MINOR)
		loop_ctl = misc->fops;
	return 0;
}

void misc_deregister(struct miscdevice *misc)
{
}

struct file *fget(unsigned int fd)
{
	if (fd != UP_FD || !fd_file)
		return NULL;
	atomic_long_inc(&fd_file->f_count);
	return fd_file;
}

/* The last reference is who opened it. */
void fput(struct file *file)
{
	if (atomic_long_dec_return(&file->f_count) < 1)
		up_bug("the last reference of a file is dropped by who did not open it");
}

/* Ours, called from device_add_disk() of the driver's disks. */
void up_loop_seen(struct gendisk *disk)
{
	loop_found = disk;
}

/* The last close; since 6.11 it is here that the driver lets go of its file. */
static void loop_close(struct gendisk *disk)
{
	atomic_set(&disk->part0->bd_openers, 0);
#if UP_SINCE(6, 12)
	mutex_lock(&disk->open_mutex);
	disk->fops->release(disk);
	mutex_unlock(&disk->open_mutex);
#endif
}

/* ---- add ------------------------------------------------------------------------------------------------------ */

struct add_args {
	struct upk_file *file;
	const struct up_loop_opts *opts;
	struct upk_disk *out;
	int err;
};

static int loop_ioctl(struct gendisk *disk, unsigned int cmd, unsigned long arg)
{
#if UP_SINCE(6, 12)
	return disk->fops->ioctl(disk->part0, BLK_OPEN_READ | BLK_OPEN_WRITE | BLK_OPEN_EXCL, cmd, arg);
#else
	return disk->fops->ioctl(disk->part0, FMODE_READ | FMODE_WRITE | FMODE_EXCL, cmd, arg);
#endif
}

static int loop_max_sectors(struct gendisk *disk, unsigned int max_sectors)
{
#if UP_SINCE(6, 12)
	struct queue_limits lim = queue_limits_start_update(disk->queue);

	lim.max_hw_sectors = max_sectors;
	return queue_limits_commit_update(disk->queue, &lim);
#else
	blk_queue_max_hw_sectors(disk->queue, max_sectors);
	return 0;
#endif
}

/* A file's size here is a copy, as old as its last IO: the driver looks at it now. */
static void file_size_now(struct upk_file *file)
{
	if (file->lab)
		i_size_write(file->file.f_inode, upl_i_size(file->lab));
}

static int loop_bind(struct gendisk *disk, struct upk_file *file, const struct up_loop_opts *o)
{
	struct loop_config *c = (struct loop_config *)up_arg;
	int err;

	file_size_now(file);
	memset(c, 0, sizeof(*c));
	c->fd = UP_FD;
	/* Without O_DIRECT the driver takes 512 where nobody says otherwise, which larger blocks of the disk could not be. */
	c->block_size = o->block_bytes ?: bdev_logical_block_size(file->sb.s_bdev);
	c->info.lo_offset = o->offset_bytes;
	c->info.lo_sizelimit = o->size_bytes;
	c->info.lo_flags = (o->buffered ? 0 : LO_FLAGS_DIRECT_IO) | (o->read_only ? LO_FLAGS_READ_ONLY : 0);
	fd_file = &file->file;
	err = loop_ioctl(disk, LOOP_CONFIGURE, UP_ARG_VA);
	fd_file = NULL;
	if (!err && o->max_sectors)
		err = loop_max_sectors(disk, o->max_sectors);
	return err;
}

/* Does the driver do direct IO, as it was asked to? It may decide otherwise, and say so only here. */
static bool loop_is_direct(struct gendisk *disk)
{
	struct loop_info64 *info = (struct loop_info64 *)up_arg;

	return !loop_ioctl(disk, LOOP_GET_STATUS64, UP_ARG_VA) && (info->lo_flags & LO_FLAGS_DIRECT_IO);
}

static void loop_add_task(void *arg)
{
	static unsigned int nr;		/* never the same twice: the driver remembers them */
	struct add_args *a = arg;
	struct upk_disk *d = kzalloc(sizeof(*d), GFP_KERNEL);
	long ret;

	a->err = -ENOMEM;
	if (!d)
		return;
	ret = loop_ctl->unlocked_ioctl(NULL, LOOP_CTL_ADD, nr);
	a->err = ret < 0 ? ret : 0;
	if (a->err)
		goto out_free;
	d->disk = loop_found;
	d->lab = (void *)(unsigned long)nr++;
	a->err = loop_bind(d->disk, a->file, a->opts);
	if (a->err)
		goto out_remove;
	if (!a->opts->buffered && !loop_is_direct(d->disk)) {
		upl_print("upstream: the loop driver refuses direct IO on this file");
		a->err = -EINVAL;
		loop_ioctl(d->disk, LOOP_CLR_FD, 0);
		goto out_remove;
	}
	d->backing = a->file;
	a->out = d;
	return;

out_remove:
	loop_close(d->disk);
	loop_ctl->unlocked_ioctl(NULL, LOOP_CTL_REMOVE, (unsigned long)d->lab);
out_free:
	kfree(d);
}

int upk_loop_add(struct upk_file *file, const struct up_loop_opts *opts, struct upk_disk **out)
{
	struct add_args a = { file, opts, NULL, 0 };

	up_task_call(loop_add_task, &a, true);
	*out = a.out;
	return a.err;
}

/* ---- another file, another size ------------------------------------------------------------------------- */

struct ctl_args {
	struct upk_disk *d;
	struct upk_file *file;
	int err;
};

/* The driver may go on without direct IO, if the disk of the other file has larger blocks. */
static int loop_change(struct upk_disk *d, struct upk_file *file)
{
	int err;

	fd_file = &file->file;
	err = loop_ioctl(d->disk, LOOP_CHANGE_FD, UP_FD);
	fd_file = NULL;
	return err;
}

static void loop_change_task(void *arg)
{
	struct ctl_args *a = arg;

	file_size_now(a->d->backing);
	file_size_now(a->file);
	a->err = loop_change(a->d, a->file);
	if (!a->err)
		a->d->backing = a->file;
}

int upk_loop_change_file(struct upk_disk *loop, struct upk_file *file)
{
	struct ctl_args a = { loop, file, 0 };

	up_task_call(loop_change_task, &a, true);
	return a.err;
}

static void loop_capacity_task(void *arg)
{
	struct ctl_args *a = arg;

	file_size_now(a->d->backing);
	a->err = loop_ioctl(a->d->disk, LOOP_SET_CAPACITY, 0);
}

int upk_loop_set_capacity(struct upk_disk *loop)
{
	struct ctl_args a = { loop, NULL, 0 };

	up_task_call(loop_capacity_task, &a, true);
	return a.err;
}

/* ---- past the page cache, or through it ------------------------------------------------------------------------ */

struct direct_args {
	struct upk_disk *d;
	int on, err;
};

static void loop_direct_task(void *arg)
{
	struct direct_args *a = arg;

	a->err = loop_ioctl(a->d->disk, LOOP_SET_DIRECT_IO, a->on);
}

int upk_loop_set_direct(struct upk_disk *loop, int on)
{
	struct direct_args a = { loop, on, 0 };

	up_task_call(loop_direct_task, &a, true);
	return a.err;
}

/* ---- remove ------------------------------------------------------------------------------------------------------ */

struct del_args {
	struct upk_disk *d;
	int err;
};

static void loop_del_task(void *arg)
{
	struct del_args *a = arg;
	struct upk_disk *d = a->d;

	a->err = loop_ioctl(d->disk, LOOP_CLR_FD, 0);
	loop_close(d->disk);
	if (!a->err)
		a->err = loop_ctl->unlocked_ioctl(NULL, LOOP_CTL_REMOVE, (unsigned long)d->lab);
	kfree(d);
}

int upk_loop_del(struct upk_disk *loop)
{
	struct del_args a = { loop, 0 };

	up_task_call(loop_del_task, &a, true);
	return a.err;
}

/* ---- what the driver asks of a file's path: it has none, and no number ---------------------------------------- */

void path_get(const struct path *path)
{
}

void path_put(const struct path *path)
{
}

int vfs_getattr(const struct path *path, struct kstat *stat, u32 request_mask, unsigned int query_flags)
{
	memset(stat, 0, sizeof(*stat));
	return 0;
}

int vfs_statfs(const struct path *path, struct kstatfs *buf)
{
	memset(buf, 0, sizeof(*buf));
	buf->f_bsize = PAGE_SIZE;
	return 0;
}
