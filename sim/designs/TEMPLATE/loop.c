// SPDX-License-Identifier: GPL-2.0-only
/*
 * loop.c - a block device on a file: a worker reads or writes the file for each bio, and then ends the bio.
 *
 * ->submit_bio may not wait, so all it does is to hand the bio over. What that needs is one command, from a pool:
 * a block device must get on without memory, since it may be what memory is waiting for.
 *
 * The device itself is at the end; designs whose loop.c is longer have it in loop-ctl.c.
 */
#include <linux/fs.h>
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/highmem.h>
#include <linux/kernel.h>
#include <linux/mempool.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <lab/loopdev.h>

#define LOOP_POOL_SIZE	4	/* commands kept back: progress without memory */

struct lab_loop {
	struct lab_loopdev dev;
	struct file *file;
	mempool_t cmds;
};

struct loop_cmd {
	struct work_struct work;
	struct lab_loop *loop;
	struct bio *bio;
	unsigned int shard;
};

static struct kmem_cache *loop_cmd_cache;

/* ---- to the worker -------------------------------------------------------------------------- */

static void loop_work(struct work_struct *work);

static void loop_punt(struct lab_loop *loop, struct loop_cmd *cmd, struct bio *bio, unsigned int shard)
{
	cmd->loop = loop;
	cmd->bio = bio;
	cmd->shard = shard;
	lab_probe(PUNTS);
	INIT_WORK(&cmd->work, loop_work);
	queue_work(loop->dev.wq, &cmd->work);
}

/* ---- read, write ---------------------------------------------------------------------------- */

/* One piece of its memory, at most a page. A read beyond the file gives zeros. 0 or -errno. */
static int loop_rw_bvec(struct file *file, bool write, loff_t pos, const struct bio_vec *bv)
{
	void *kaddr = page_address(bv->bv_page) + bv->bv_offset;
	struct iov_iter iter;
	ssize_t ret;

	iov_iter_kernel(&iter, kaddr, bv->bv_len);
	if (write)
		ret = fs_write(file, pos, &iter, 0);
	else
		ret = fs_read(file, pos, &iter, 0);
	if (ret < 0)
		return ret;
	if (ret < bv->bv_len) {
		if (write)
			return -EIO;
		memset(kaddr + ret, 0, bv->bv_len - ret);
	}
	return 0;
}

static int loop_rw(struct file *file, struct bio *bio, loff_t pos)
{
	struct bvec_iter iter;
	struct bio_vec bv;

	bio_for_each_segment(bv, bio, iter) {
		int err = loop_rw_bvec(file, op_is_write(bio->bi_opf), pos, &bv);

		if (err)
			return err;
		pos += bv.bv_len;
	}
	return 0;
}

static int do_bio_filebacked(struct lab_loop *loop, struct bio *bio)
{
	loff_t pos = loop->dev.offset_bytes + ((loff_t)bio->bi_iter.bi_sector << SECTOR_SHIFT);
	struct file *file = loop->file;
	int err = 0;

	if (bio->bi_opf & REQ_PREFLUSH)
		err = vfs_fsync(file, true);
	if (err || !bio->bi_iter.bi_size)
		return err;
	if (bio_op(bio) == REQ_OP_DISCARD ||
	    (bio_op(bio) == REQ_OP_WRITE_ZEROES && !(bio->bi_opf & REQ_NOUNMAP)))
		err = lab_punch(file->f_inode, pos, bio->bi_iter.bi_size);
	else if (bio_op(bio) == REQ_OP_WRITE_ZEROES)
		err = lab_zero(file->f_inode, pos, bio->bi_iter.bi_size, true);
	else
		err = loop_rw(file, bio, pos);
	if (!err && (bio->bi_opf & REQ_FUA))
		err = vfs_fsync(file, true);
	return err;
}

/* ---- worker --------------------------------------------------------------------------------- */

static void loop_work(struct work_struct *work)
{
	struct loop_cmd *cmd = container_of(work, struct loop_cmd, work);
	struct lab_loop *loop = cmd->loop;
	unsigned int noio = memalloc_noio_save(), shard = cmd->shard;
	struct bio *bio = cmd->bio;
	int err = do_bio_filebacked(loop, bio);

	memalloc_noio_restore(noio);
	mempool_free(cmd, &loop->cmds);
	if (err)
		bio->bi_status = errno_to_blk_status(err);
	bio_endio(bio);
	lab_loopdev_put(&loop->dev, shard);
}

/* ---- a disk without a request queue --------------------------------------------------------- */

/* A bio that found no command: wait for one. Worker. */
static void loop_starved(struct lab_loopdev *dev, struct bio *bio)
{
	struct lab_loop *loop = container_of(dev, struct lab_loop, dev);

	loop_punt(loop, mempool_alloc(&loop->cmds, GFP_NOIO), bio, 0);
}

static void loop_submit_bio(struct bio *bio)
{
	struct lab_loop *loop = bio->bi_bdev->bd_disk->private_data;
	struct loop_cmd *cmd;

	bio = lab_loopdev_fit(&loop->dev, bio);
	if (!bio)
		return;
	if (bio->bi_opf & REQ_NOWAIT) {		/* to hand over is not to wait, but the worker would */
		bio_wouldblock_error(bio);
		return;
	}
	cmd = mempool_alloc(&loop->cmds, GFP_NOWAIT);
	if (cmd) {
		unsigned int shard = lab_loopdev_shard();

		lab_loopdev_get(&loop->dev, shard);
		loop_punt(loop, cmd, bio, shard);
	} else {
		lab_loopdev_starve(&loop->dev, bio);
	}
}

static const struct block_device_operations loop_fops = {
	.submit_bio	= loop_submit_bio,
};

static const struct lab_loopdev_ops loop_dev_ops = {
	.fops		= &loop_fops,
	.starved	= loop_starved,
};

/* ---- devices -------------------------------------------------------------------------------- */

/**
 * loop_add - a block device on @lf
 * @lf: an open file, until loop_del()
 * @opts: see struct lab_loop_opts
 *
 * Context: task, may sleep. Return: the device, or ERR_PTR() of -ENOMEM or what lab_loopdev_add() says.
 */
struct lab_loop *loop_add(struct lab_file *lf, const struct lab_loop_opts *opts)
{
	struct lab_loop *loop;
	int err;

	if (!lf->file.f_inode)
		return ERR_PTR(-EINVAL);
	loop = kzalloc(sizeof(*loop), GFP_KERNEL);
	if (!loop)
		return ERR_PTR(-ENOMEM);
	loop->file = &lf->file;
	err = mempool_init_slab_pool(&loop->cmds, LOOP_POOL_SIZE, loop_cmd_cache);
	if (err)
		goto free_loop;
	err = lab_loopdev_add(&loop->dev, &loop_dev_ops, opts, lf->file.f_bdev, i_size_read(lf->file.f_inode), loop);
	if (err)
		goto free_pool;
	return loop;

free_pool:
	mempool_exit(&loop->cmds);
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
	return loop->dev.disk->part0;
}

/**
 * loop_del - take a device apart
 * @loop: gone afterwards. Nobody submits to it any more; what is in flight is waited for
 *
 * Context: task, sleeps.
 */
void loop_del(struct lab_loop *loop)
{
	lab_loopdev_del(&loop->dev);
	mempool_exit(&loop->cmds);
	kfree(loop);
}

/**
 * loop_init - the cache of commands, once
 *
 * Context: task, may sleep. Return: 0 or -ENOMEM.
 */
int loop_init(void)
{
	loop_cmd_cache = KMEM_CACHE(loop_cmd, 0);
	if (!loop_cmd_cache)
		return -ENOMEM;
	kmem_cache_set_probe(loop_cmd_cache, LAB_ALLOC_CMD);
	return 0;
}

/**
 * loop_exit - undo loop_init(); no device is left
 *
 * Context: task, may sleep.
 */
void loop_exit(void)
{
	kmem_cache_destroy(loop_cmd_cache);
	loop_cmd_cache = NULL;
}
