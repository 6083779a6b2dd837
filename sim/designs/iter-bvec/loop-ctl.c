// SPDX-License-Identifier: GPL-2.0-only
/*
 * loop-ctl.c - loop devices, from the one who configures them: make, change what is below, take apart.
 *
 * What is below is one of a file's two descriptors: the O_DIRECT one, or the one through the page cache
 * (direct IO off). Whatever changes it, a new file or the other descriptor, freezes the device: nobody is
 * inside the driver then, and nothing is in flight, so the driver itself (loop.c) reads lo->file and
 * lo->buffered without a lock.
 *
 * Source: loop_configure(), loop_change_fd(), loop_set_capacity() and __loop_update_dio(), Linux 6.1.
 */
#include <linux/fs.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/slab.h>
#include "loop.h"

/* ---- which descriptor ----------------------------------------------------------------------- */

/* @lo is frozen, or nobody knows it yet. */
static void loop_set_file(struct loop_device *lo, struct lab_file *lf, bool buffered)
{
	lo->lab_file = lf;
	lo->buffered = buffered;
	lo->file = buffered ? &lf->buffered : &lf->file;
}

/* ---- make ----------------------------------------------------------------------------------- */

/**
 * loop_add - a block device on @lf
 * @lf: an open file, until loop_del()
 * @opts: see struct lab_loop_opts
 *
 * Context: task, may sleep. Return: the device; ERR_PTR(-EINVAL): not a file, or as lab_loopdev_add();
 * ERR_PTR(-ENOMEM).
 */
struct lab_loop *loop_add(struct lab_file *lf, const struct lab_loop_opts *opts)
{
	struct inode *inode = lf->file.f_inode;
	struct loop_device *lo;
	struct lab_loop *loop;
	int err;

	if (!inode)
		return ERR_PTR(-EINVAL);
	loop = kzalloc(sizeof(*loop), GFP_KERNEL);
	if (!loop)
		return ERR_PTR(-ENOMEM);
	lo = &loop->lo;
	loop_set_file(lo, lf, opts->buffered);
	err = loop_alloc_pools(lo);
	if (err)
		goto free_loop;
	loop_61_init_device(lo);
	err = lab_loopdev_add(&lo->dev, loop_dev_ops(), opts, lo->file->f_bdev, i_size_read(inode), lo);
	if (err)
		goto free_pools;
	if (loop_dev_ops() == &loop_61_dev_ops)
		loop_61_set_limits(lo, opts);
	return loop;

free_pools:
	loop_free_pools(lo);
free_loop:
	kfree(loop);
	return ERR_PTR(err);
}

/**
 * loop_bdev - the device to submit bios to
 * @loop: from loop_add()
 *
 * Context: any. Return: valid until loop_del().
 */
struct block_device *loop_bdev(struct lab_loop *loop)
{
	return loop->lo.dev.disk->part0;
}

/* ---- change --------------------------------------------------------------------------------- */

/**
 * loop_change_file - another file below, of the same size, under a read-only device
 * @loop: what is in flight is waited for
 * @lf: until loop_del() or the next change; the file before is the caller's again
 *
 * Context: task, sleeps. Return: 0; -EINVAL: no file, or as lab_loopdev_set_lower(). Source: LOOP_CHANGE_FD.
 */
int loop_change_file(struct lab_loop *loop, struct lab_file *lf)
{
	struct loop_device *lo = &loop->lo;
	struct inode *inode = lf->file.f_inode;
	int err;

	if (!inode)
		return -EINVAL;
	lab_loopdev_freeze(&lo->dev);
	err = lab_loopdev_set_lower(&lo->dev, lf->file.f_bdev, i_size_read(inode));
	if (!err)
		loop_set_file(lo, lf, lo->buffered);
	lab_loopdev_thaw(&lo->dev);
	return err;
}

/**
 * loop_set_capacity - the file has another size now
 * @loop: IO may be in flight
 *
 * Context: task. Return: 0; -EINVAL: nothing is left of it. Source: LOOP_SET_CAPACITY.
 */
int loop_set_capacity(struct lab_loop *loop)
{
	return lab_loopdev_set_capacity(&loop->lo.dev, i_size_read(loop->lo.file->f_inode));
}

/**
 * loop_set_direct - past the file's page cache, or through it
 * @loop: what is in flight is waited for
 * @on: past it
 *
 * Dirty pages are on the disk before the first IO goes the other way. Context: task, sleeps. Return: 0; or the
 * error of write-back: the device goes on as before. Source: LOOP_SET_DIRECT_IO.
 */
int loop_set_direct(struct lab_loop *loop, bool on)
{
	struct loop_device *lo = &loop->lo;
	int err;

	lab_loopdev_freeze(&lo->dev);
	err = lab_cache_write(lo->file->f_inode, 0, LAB_MAX_FILE_BYTES);
	if (!err)
		loop_set_file(lo, lo->lab_file, !on);
	lab_loopdev_thaw(&lo->dev);
	return err;
}

/* ---- take apart ----------------------------------------------------------------------------- */

/**
 * loop_del - take a device apart
 * @loop: gone afterwards. Nobody submits to it any more; what is in flight is waited for
 *
 * Context: task, sleeps.
 */
void loop_del(struct lab_loop *loop)
{
	lab_loopdev_del(&loop->lo.dev);
	loop_free_pools(&loop->lo);
	kfree(loop);
}
