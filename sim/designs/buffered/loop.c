// SPDX-License-Identifier: GPL-2.0-only
/*
 * loop.c - a block device on a file, as Linux 3.12 had it: a list of bios and one thread.
 *
 * Who submits puts the bio on the list and wakes the thread; from LOOP_CONGESTION_ON bios on it waits, in
 * ->submit_bio, until the thread has brought them down to LOOP_CONGESTION_OFF. The thread takes one bio, does all of
 * it, ends it, and takes the next. So the file never has more than one IO of the device, and nothing is allocated
 * for a bio.
 *
 * A write is one ->write of the file for each piece of a page, from kernel memory into the file's page cache; a read
 * takes the pages of the cache by ->splice_read and copies them out. Data is in the cache, not on the disk, when the
 * bio ends: REQ_PREFLUSH makes the thread fsync before, REQ_FUA after it. The thread writes back itself when it has
 * dirtied too much.
 *
 * A read that the file ends within is all zeros, also what came before the end: so 3.12, and 6.1 where it reads
 * through the page cache.
 *
 * The device itself is at the end; designs whose loop.c is longer have it in loop-ctl.c.
 *
 * Source: drivers/block/loop.c, Linux 3.12: do_bio_filebacked(), lo_send(), lo_receive(). Without encryption.
 */
#include <linux/blkdev.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/highmem.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <kc/world.h>
#include "loop.h"

/* In the file, bytes. */
static inline loff_t loop_pos(const struct loop_device *lo, const struct bio *bio)
{
	return lo->dev.offset_bytes + ((loff_t)bio->bi_iter.bi_sector << SECTOR_SHIFT);
}

/* ---- write ---------------------------------------------------------------------------------- */

/* One piece. 0; what the file says; -EIO if it did not take all of it. */
static int do_lo_send(struct file *file, const struct bio_vec *bv, loff_t pos)
{
	ssize_t bw;

	file_start_write(file);
	bw = file->f_op->write(file, page_address(bv->bv_page) + bv->bv_offset, bv->bv_len, &pos);
	file_end_write(file);
	if (likely(bw == bv->bv_len))
		return 0;
	return bw < 0 ? bw : -EIO;
}

static int lo_send(struct loop_device *lo, struct bio *bio, loff_t pos)
{
	struct bvec_iter iter;
	struct bio_vec bv;
	int ret = 0;

	bio_for_each_segment(bv, bio, iter) {
		ret = do_lo_send(lo->lo_backing_file, &bv, pos);
		if (ret)
			break;
		pos += bv.bv_len;
	}
	return ret;
}

/* ---- read ----------------------------------------------------------------------------------- */

/* @arg: the rest of a piece of a bio. */
static ssize_t lo_splice_actor(void *arg, struct page *page, unsigned int offset, unsigned int bytes)
{
	struct bio_vec *to = arg;

	memcpy(page_address(to->bv_page) + to->bv_offset, page_address(page) + offset, bytes);
	lab_probe_add(COPY_BYTES, bytes);
	to->bv_offset += bytes;
	to->bv_len -= bytes;
	return bytes;
}

static int lo_receive(struct loop_device *lo, struct bio *bio, loff_t pos)
{
	struct file *file = lo->lo_backing_file;
	struct bvec_iter iter;
	struct bio_vec bv;
	ssize_t ret;

	bio_for_each_segment(bv, bio, iter) {
		struct bio_vec to = bv;

		ret = file->f_op->splice_read(file, &pos, bv.bv_len, lo_splice_actor, &to);
		if (ret < 0)
			return ret;
		if (ret != bv.bv_len) {
			zero_fill_bio(bio);
			break;
		}
	}
	return 0;
}

/* ---- flush, discard ------------------------------------------------------------------------- */

static int lo_flush(struct loop_device *lo)
{
	int err = vfs_fsync(lo->lo_backing_file, 0);

	return err && err != -EINVAL ? -EIO : 0;
}

/* Discarded blocks become a hole. */
static int lo_discard(struct loop_device *lo, struct bio *bio, loff_t pos)
{
	struct file *file = lo->lo_backing_file;
	int err;

	if (!file->f_op->fallocate)
		return -EOPNOTSUPP;
	err = file->f_op->fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, pos, bio->bi_iter.bi_size);
	return err && err != -EINVAL && err != -EOPNOTSUPP ? -EIO : err;
}

/* ---- the thread ----------------------------------------------------------------------------- */

static int do_bio_filebacked(struct loop_device *lo, struct bio *bio)
{
	loff_t pos = loop_pos(lo, bio);
	int ret = 0;

	if (!op_is_write(bio->bi_opf))
		return lo_receive(lo, bio, pos);
	if (bio->bi_opf & REQ_PREFLUSH)
		ret = lo_flush(lo);
	if (ret)
		return ret;
	if (bio_op(bio) == REQ_OP_WRITE_ZEROES)
		return -EOPNOTSUPP;
	if (bio_op(bio) == REQ_OP_DISCARD)
		return lo_discard(lo, bio, pos);
	ret = lo_send(lo, bio, pos);
	if (!ret && (bio->bi_opf & REQ_FUA))
		ret = lo_flush(lo);
	return ret;
}

static void loop_handle_bio(struct loop_device *lo, struct bio *bio)
{
	int err = do_bio_filebacked(lo, bio);

	if (err)
		bio->bi_status = errno_to_blk_status(err);	/* as parent of a chain it may have an error already */
	bio_endio(bio);
	lab_loopdev_put(&lo->dev, 0);
}

/* The next bio; NULL: none. Lets submitters go on. */
static struct bio *loop_get_bio(struct loop_device *lo)
{
	struct bio *bio;

	spin_lock_irq(&lo->lo_lock);
	bio = bio_list_pop(&lo->lo_bio_list);
	if (bio) {
		WRITE_ONCE(lo->lo_bio_count, lo->lo_bio_count - 1);	/* is looked at without the lock */
		if (lo->lo_bio_count < LOOP_CONGESTION_OFF)
			wake_up_all(&lo->lo_req_wait);
	}
	spin_unlock_irq(&lo->lo_lock);
	return bio;
}

/* Its memory comes without IO, since IO may wait for it; PF_LOCAL_THROTTLE is what PF_LESS_THROTTLE was. */
static int loop_thread(void *data)
{
	struct loop_device *lo = data;
	unsigned int noio = memalloc_noio_save();
	enum lab_scope scope = lab_scope_enter(LAB_LOOP);
	struct bio *bio;

	BUG_ON(!uaccess_kernel());
	current->flags |= PF_LOCAL_THROTTLE;
	for (;;) {
		wait_event(lo->lo_event, READ_ONCE(lo->lo_bio_count) || kthread_should_stop());
		bio = loop_get_bio(lo);
		if (bio)
			loop_handle_bio(lo, bio);
		else if (kthread_should_stop())
			break;
	}
	lab_scope_leave(scope);
	memalloc_noio_restore(noio);
	return 0;
}

/* ---- a disk without a request queue --------------------------------------------------------- */

static void loop_add_bio(struct loop_device *lo, struct bio *bio)
{
	spin_lock_irq(&lo->lo_lock);
	if (lo->lo_bio_count >= LOOP_CONGESTION_ON)
		wait_event_lock_irq(lo->lo_req_wait, lo->lo_bio_count < LOOP_CONGESTION_OFF, lo->lo_lock);
	bio_list_add(&lo->lo_bio_list, bio);
	WRITE_ONCE(lo->lo_bio_count, lo->lo_bio_count + 1);
	spin_unlock_irq(&lo->lo_lock);
	wake_up(&lo->lo_event);
}

/*
 * 3.12's loop_make_request(). It waits for the thread, which needs nothing of the caller's: so it may, though it is
 * called for a device that submits below.
 */
static void loop_submit_bio(struct bio *bio)
{
	struct loop_device *lo = bio->bi_bdev->bd_disk->private_data;

	if (bio->bi_opf & REQ_NOWAIT) {		/* not before 4.13 */
		bio->bi_status = BLK_STS_NOTSUPP;
		bio_endio(bio);
		return;
	}
	bio = bio_split_to_limits(bio);
	if (!bio)
		return;
	kc_trace("loop", bio_op(bio), loop_pos(lo, bio) >> SECTOR_SHIFT, bio->bi_iter.bi_size, 0);
	/* A bare flush is a write, which 3.12 refused here too; it changes nothing. */
	if (op_is_write(bio->bi_opf) && bio->bi_iter.bi_size && lo->dev.read_only) {
		bio_io_error(bio);
		return;
	}
	lab_loopdev_get(&lo->dev, 0);
	lab_probe(PUNTS);
	loop_add_bio(lo, bio);
}

static const struct block_device_operations loop_fops = {
	.submit_bio	= loop_submit_bio,
};

/* ---- devices -------------------------------------------------------------------------------- */

static const struct lab_loopdev_ops loop_dev_ops = { .fops = &loop_fops };

static void loop_init_device(struct loop_device *lo, struct file *file)
{
	lo->lo_backing_file = file;
	spin_lock_init(&lo->lo_lock);
	bio_list_init(&lo->lo_bio_list);
	init_waitqueue_head(&lo->lo_event);
	init_waitqueue_head(&lo->lo_req_wait);
}

/**
 * loop_add - a block device on @lf
 * @lf: an open file, until loop_del()
 * @opts: see struct lab_loop_opts; always buffered
 *
 * Context: task, may sleep. Return: the device; ERR_PTR(-EINVAL): not a file, or as lab_loopdev_add();
 * ERR_PTR(-ENOMEM).
 */
struct lab_loop *loop_add(struct lab_file *lf, const struct lab_loop_opts *opts)
{
	struct file *file = &lf->buffered;
	struct loop_device *lo;
	struct lab_loop *loop;
	int err;

	if (file->f_is_bdev)
		return ERR_PTR(-EINVAL);
	loop = kzalloc(sizeof(*loop), GFP_KERNEL);
	if (!loop)
		return ERR_PTR(-ENOMEM);
	lo = &loop->lo;
	loop_init_device(lo, file);
	lo->lo_thread = kthread_run(loop_thread, lo, "loop");
	err = PTR_ERR_OR_ZERO(lo->lo_thread);
	if (err)
		goto free_loop;
	err = lab_loopdev_add(&lo->dev, &loop_dev_ops, opts, file->f_bdev, i_size_read(file->f_inode), lo);
	if (err)
		goto stop_thread;
	lo->dev.disk->lab_stacking = false;
	/* It flushes; of FUA 3.12 says nothing, and writing zeroes came later. */
	blk_queue_write_cache(lo->dev.disk->queue, true, false);
	blk_queue_max_write_zeroes_sectors(lo->dev.disk->queue, 0);
	return loop;

stop_thread:
	kthread_stop(lo->lo_thread);
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

/**
 * loop_change_file - another file below, of the same size, under a read-only device
 * @loop: what is in flight is waited for
 * @lf: until loop_del() or the next change; the file before is the caller's again
 *
 * 3.12 sent a bio without a device down the list, to find the thread between two bios: loop_switch(). Context: task,
 * sleeps. Return: 0; -EINVAL: no file, or as lab_loopdev_set_lower(). Source: LOOP_CHANGE_FD.
 */
int loop_change_file(struct lab_loop *loop, struct lab_file *lf)
{
	struct loop_device *lo = &loop->lo;
	struct file *file = &lf->buffered;
	int err;

	if (file->f_is_bdev)
		return -EINVAL;
	lab_loopdev_freeze(&lo->dev);
	err = lab_loopdev_set_lower(&lo->dev, file->f_bdev, i_size_read(file->f_inode));
	if (!err)
		lo->lo_backing_file = file;
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
	return lab_loopdev_set_capacity(&loop->lo.dev, i_size_read(loop->lo.lo_backing_file->f_inode));
}

/**
 * loop_set_direct - direct IO on or off
 * @loop: any
 * @on: 3.12 has none
 *
 * Context: any. Return: 0; -EINVAL (@on).
 */
int loop_set_direct(struct lab_loop *loop, bool on)
{
	return on ? -EINVAL : 0;
}

/**
 * loop_del - take a device apart
 * @loop: gone afterwards. Nobody submits to it any more; what is in flight is waited for
 *
 * Context: task, sleeps.
 */
void loop_del(struct lab_loop *loop)
{
	lab_loopdev_del(&loop->lo.dev);
	kthread_stop(loop->lo.lo_thread);
	kfree(loop);
}
