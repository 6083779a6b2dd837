// SPDX-License-Identifier: GPL-2.0-only
/*
 * loop.c - a block device on a file: one list, one thread, one kiocb a bio.
 *
 * Submitters put bios on the list; the thread takes them off and makes of each read or write a kiocb over the
 * bio's own array, which the file answers when it likes: lo_rw_aio_complete() ends the bio. Flushes and discards
 * are waited for by the thread, and so is everything that the file must do through its page cache: then all
 * bios behind wait too. A file whose methods do not take pages is read and written through its page cache by
 * the thread, a bio_vec at a time, as in 3.12.
 *
 * What was wrong in 2013 is left wrong (NOTES.md, D1-D5): a kiocb that ends short ends its bio well; FUA is not
 * looked at where there is a kiocb; the marker with which a change of file waits overtakes the kiocbs; every
 * error is -EIO; nothing bounds the kiocbs, and no reserve has one when memory is short. Mended: D6, the array
 * is entered where the bio is, as bios may begin anywhere now.
 *
 * The device itself is at the end; designs whose loop.c is longer have it in loop-ctl.c.
 *
 * Source: drivers/block/loop.c of 3.12 with "loop: Issue O_DIRECT aio using bio_vec" (Brown, Kleikamp), by their
 * rules.
 */
#include <linux/fs.h>
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <kc/world.h>
#include "loop.h"

/* In the file, bytes. */
static loff_t loop_pos(const struct loop_device *lo, const struct bio *bio)
{
	return ((loff_t)bio->bi_iter.bi_sector << SECTOR_SHIFT) + lo->dev.offset_bytes;
}

/* ---- completion ----------------------------------------------------------------------------- */

/* The end of a bio that was counted in. Any context. @lo may be gone afterwards. */
static void loop_endio(struct loop_device *lo, struct bio *bio, int err)
{
	if (err)
		bio->bi_status = errno_to_blk_status(err);	/* as parent of a chain it may have an error already */
	bio_endio(bio);
	lab_loopdev_put(&lo->dev, 0);
}

/*
 * A kiocb has ended, with bytes or an error: D1, however few bytes; D4, whatever error. @data: the bio, which
 * its submitter may free at once. Any context.
 */
static void lo_rw_aio_complete(u64 data, long res)
{
	struct bio *bio = (struct bio *)(unsigned long)data;
	struct loop_device *lo = bio->bi_bdev->bd_disk->private_data;

	loop_endio(lo, bio, res < 0 ? -EIO : 0);
}

/* ---- read, write: a kiocb ------------------------------------------------------------------- */

/* 0: lo_rw_aio_complete() will end @bio. */
static int lo_rw_aio(struct loop_device *lo, struct bio *bio)
{
	loff_t pos = loop_pos(lo, bio);
	unsigned int op = op_is_write(bio->bi_opf) ? IOCB_CMD_WRITE_ITER : IOCB_CMD_READ_ITER;
	struct iov_iter iter;
	struct kiocb *iocb;

	iocb = aio_kernel_alloc(GFP_NOIO);
	if (!iocb)
		return -ENOMEM;
	iov_iter_init_bvec(&iter, __bvec_iter_bvec(bio->bi_io_vec, bio->bi_iter), bio_segments(bio),
			   bio->bi_iter.bi_bvec_done, bio->bi_iter.bi_size, 0);
	aio_kernel_init_rw(iocb, lo->lo_backing_file, iov_iter_count(&iter), pos);
	aio_kernel_init_callback(iocb, lo_rw_aio_complete, (unsigned long)bio);
	return aio_kernel_submit(iocb, op, &iter);
}

/* ---- read, write: the page cache ------------------------------------------------------------ */

/*
 * One element, there or back; bytes or -errno. 3.12 called ->write with a kernel address, and ->splice_read:
 * here the same descriptor's methods take an iterator of one element.
 */
static ssize_t lo_rw_bvec(struct file *file, struct bio_vec *bv, loff_t pos, bool write)
{
	struct iov_iter iter;
	struct kiocb iocb;
	ssize_t ret;

	init_sync_kiocb(&iocb, file);
	iocb.ki_pos = pos;
	iocb.ki_nbytes = bv->bv_len;
	iov_iter_init_bvec(&iter, bv, 1, 0, bv->bv_len, 0);
	if (!write)
		return file->f_op->read_iter(&iocb, &iter, pos);
	file_start_write(&iocb);
	ret = file->f_op->write_iter(&iocb, &iter, pos);
	file_end_write(&iocb);
	return ret;
}

/* Each element must be written whole. */
static int lo_send(struct loop_device *lo, struct bio *bio, loff_t pos)
{
	struct bvec_iter at;
	struct bio_vec bv;

	bio_for_each_segment(bv, bio, at) {
		ssize_t ret = lo_rw_bvec(lo->lo_backing_file, &bv, pos, true);

		if (ret != bv.bv_len)
			return ret < 0 ? ret : -EIO;
		pos += ret;
	}
	return 0;
}

/* A short one: the file ends here, all of the bio is zeros. */
static int lo_receive(struct loop_device *lo, struct bio *bio, loff_t pos)
{
	struct bvec_iter at;
	struct bio_vec bv;

	bio_for_each_segment(bv, bio, at) {
		ssize_t ret = lo_rw_bvec(lo->lo_backing_file, &bv, pos, false);

		if (ret < 0)
			return ret;
		if (ret != bv.bv_len) {
			zero_fill_bio(bio);
			break;
		}
		pos += ret;
	}
	return 0;
}

/* ---- flush, discard ------------------------------------------------------------------------- */

/* -EINVAL: a file that cannot; its data is as safe as it will ever be. */
static int lo_flush(struct loop_device *lo)
{
	int ret = vfs_fsync(lo->lo_backing_file, 1);

	return ret == -EINVAL ? 0 : ret;
}

/* Whatever went wrong, the bio is told -EIO, except that there is no such thing. */
static int lo_discard(struct loop_device *lo, struct bio *bio)
{
	struct file *file = lo->lo_backing_file;
	loff_t pos = loop_pos(lo, bio);
	long ret;

	if (!file->f_op->fallocate)
		return -EOPNOTSUPP;
	ret = file->f_op->fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, pos, bio->bi_iter.bi_size);
	return ret && ret != -EINVAL && ret != -EOPNOTSUPP ? -EIO : ret;
}

/* ---- another file --------------------------------------------------------------------------- */

static void do_loop_switch(struct loop_device *lo, struct switch_request *p)
{
	if (p->file)
		lo->lo_backing_file = p->file;
	complete(&p->wait);
}

static void loop_add_bio(struct loop_device *lo, struct bio *bio);

/*
 * Let the thread go on with @file; NULL: stay with this one. All bios that were on the list before have been
 * taken off it when this returns, which in 3.12 meant that they had ended. With kiocbs it does not (D3). Sleeps.
 * 0 or -ENOMEM.
 */
static int loop_switch(struct loop_device *lo, struct file *file)
{
	struct switch_request w = { .file = file };
	struct bio *bio = bio_alloc(NULL, 0, REQ_OP_WRITE, GFP_KERNEL);

	if (!bio)
		return -ENOMEM;
	init_completion(&w.wait);
	bio->bi_private = &w;
	loop_add_bio(lo, bio);
	wait_for_completion(&w.wait);
	return 0;
}

/* ---- the thread ----------------------------------------------------------------------------- */

static int do_bio_filebacked(struct loop_device *lo, struct bio *bio)
{
	loff_t pos = loop_pos(lo, bio);

	return op_is_write(bio->bi_opf) ? lo_send(lo, bio, pos) : lo_receive(lo, bio, pos);
}

static void loop_handle_bio(struct loop_device *lo, struct bio *bio)
{
	blk_opf_t opf = bio->bi_opf;
	int ret = 0;

	if (unlikely(!bio->bi_bdev)) {
		do_loop_switch(lo, bio->bi_private);
		bio_put(bio);
		return;
	}
	if (opf & REQ_PREFLUSH)
		ret = lo_flush(lo);
	if (ret || !bio->bi_iter.bi_size)
		goto end;
	if (bio_op(bio) == REQ_OP_DISCARD) {
		ret = lo_discard(lo, bio);
		goto end;
	}
	if (lo->lo_flags & LO_FLAGS_USE_AIO) {
		ret = lo_rw_aio(lo, bio);
		if (!ret)
			return;		/* D2: REQ_FUA with it */
		goto end;
	}
	ret = do_bio_filebacked(lo, bio);
	if (!ret && (opf & REQ_FUA))
		ret = vfs_fsync(lo->lo_backing_file, 0);
end:
	loop_endio(lo, bio, ret);
}

static struct bio *loop_get_bio(struct loop_device *lo)
{
	struct bio *bio;

	spin_lock_irq(&lo->lo_lock);
	bio = bio_list_pop(&lo->lo_bio_list);
	if (bio && --lo->lo_bio_count < LOOP_CONGESTION_OFF)
		wake_up(&lo->lo_req_wait);
	spin_unlock_irq(&lo->lo_lock);
	return bio;
}

static bool loop_has_bio(struct loop_device *lo)
{
	bool has;

	spin_lock_irq(&lo->lo_lock);
	has = !bio_list_empty(&lo->lo_bio_list);
	spin_unlock_irq(&lo->lo_lock);
	return has;
}

/*
 * Take bios off the list until there are none and the device goes. What it allocates does no IO: in 2013 the
 * backing file's mapping said so.
 */
static int loop_thread(void *data)
{
	struct loop_device *lo = data;
	struct bio *bio;

	current->flags |= PF_LOCAL_THROTTLE;
	lab_scope_enter(LAB_LOOP);
	memalloc_noio_save();
	for (;;) {
		bio = loop_get_bio(lo);
		if (bio) {
			loop_handle_bio(lo, bio);
			continue;
		}
		if (kthread_should_stop())
			return 0;
		wait_event(lo->lo_event, loop_has_bio(lo) || kthread_should_stop());
	}
}

/* ---- a disk without a request queue --------------------------------------------------------- */

static void loop_add_bio(struct loop_device *lo, struct bio *bio)
{
	spin_lock_irq(&lo->lo_lock);
	if (lo->lo_bio_count >= LOOP_CONGESTION_ON)
		wait_event_lock_irq(lo->lo_req_wait, lo->lo_bio_count < LOOP_CONGESTION_OFF, lo->lo_lock);
	bio_list_add(&lo->lo_bio_list, bio);
	lo->lo_bio_count++;
	spin_unlock_irq(&lo->lo_lock);
	wake_up(&lo->lo_event);
}

/*
 * 3.12's loop_make_request(). It may wait for the list to get shorter, as what it waits for is another task that never
 * waits for it.
 */
static void loop_submit_bio(struct bio *bio)
{
	struct loop_device *lo = bio->bi_bdev->bd_disk->private_data;

	bio = bio_split_to_limits(bio);
	if (!bio)
		return;
	lab_loopdev_get(&lo->dev, 0);
	lab_probe_stack(STACK_SUBMIT);
	kc_trace("loop", bio->bi_opf & REQ_OP_MASK, loop_pos(lo, bio) >> SECTOR_SHIFT, bio->bi_iter.bi_size, 0);
	/* A bare flush is a write, which 3.12 refused here too; it changes nothing. */
	if (op_is_write(bio->bi_opf) && bio->bi_iter.bi_size && (lo->lo_flags & LO_FLAGS_READ_ONLY)) {
		loop_endio(lo, bio, -EIO);
		return;
	}
	if (bio->bi_opf & REQ_NOWAIT) {		/* nobody had asked for that yet */
		loop_endio(lo, bio, -EOPNOTSUPP);
		return;
	}
	lab_probe(PUNTS);
	loop_add_bio(lo, bio);
}

static const struct block_device_operations loop_fops = {
	.submit_bio	= loop_submit_bio,
};

/* ---- devices -------------------------------------------------------------------------------- */

static const struct lab_loopdev_ops loop_dev_ops = { .fops = &loop_fops };

/* Bytes of @file that the device would show. */
static loff_t loop_size_bytes(const struct loop_device *lo, const struct file *file)
{
	loff_t size = i_size_read(file->f_inode) - lo->dev.offset_bytes;

	return lo->dev.size_bytes && lo->dev.size_bytes < size ? lo->dev.size_bytes : size;
}

/*
 * The descriptor to use. Whether a device does direct IO is settled here: a file that can is made to, by putting
 * O_DIRECT into the flags of the very descriptor that was given, for good. @buffered: as if its methods were not
 * there.
 */
static void loop_bind_file(struct loop_device *lo, struct lab_file *lf, bool buffered)
{
	struct file *file = &lf->fd[buffered ? 0 : O_DIRECT];

	if (!buffered && file->f_op->read_iter && file->f_op->write_iter && file->f_aops->direct_IO) {
		file->f_flags |= O_DIRECT;
		lo->lo_flags |= LO_FLAGS_USE_AIO;
	}
	lo->lo_backing_file = get_file(file);
}

/*
 * Where the device of 2013 is not the one that lab_loopdev_add() makes: it flushes and knows nothing of FUA (a
 * bio with it arrives all the same), it cannot write zeroes, and its submitters may wait, since none of them is
 * waited for by the thread.
 */
static void loop_set_limits(struct loop_device *lo)
{
	struct request_queue *q = lo->dev.disk->queue;

	lab_loopdev_freeze(&lo->dev);
	blk_queue_write_cache(q, true, false);
	blk_queue_max_write_zeroes_sectors(q, 0);
	lo->dev.disk->lab_stacking = false;
	lab_loopdev_thaw(&lo->dev);
}

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
	struct lab_loop *loop;
	struct loop_device *lo;
	int err;

	if (!lf->fd[O_DIRECT].f_inode)
		return ERR_PTR(-EINVAL);
	loop = kzalloc(sizeof(*loop), GFP_KERNEL);
	if (!loop)
		return ERR_PTR(-ENOMEM);
	lo = &loop->lo;
	lo->lo_flags = opts->read_only ? LO_FLAGS_READ_ONLY : 0;
	loop_bind_file(lo, lf, opts->buffered);
	spin_lock_init(&lo->lo_lock);
	bio_list_init(&lo->lo_bio_list);
	init_waitqueue_head(&lo->lo_event);
	init_waitqueue_head(&lo->lo_req_wait);
	lo->lo_thread = kthread_run(loop_thread, lo, "loop");
	err = PTR_ERR_OR_ZERO(lo->lo_thread);
	if (err)
		goto put_file;
	err = lab_loopdev_add(&lo->dev, &loop_dev_ops, opts, lo->lo_backing_file->f_bdev,
			      i_size_read(lo->lo_backing_file->f_inode), lo);
	if (err)
		goto stop_thread;
	loop_set_limits(lo);
	return loop;

stop_thread:
	kthread_stop(lo->lo_thread);
put_file:
	fput(lo->lo_backing_file);
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
 * @loop: D3: its kiocbs may still be on their way through the file before, which nobody holds for them, when this
 *	returns. The contract says that they are waited for
 * @lf: until loop_del() or the next change
 *
 * Context: task, sleeps. Return: 0; -EINVAL (not read-only, no file, another size), -ENOMEM. Source:
 * LOOP_CHANGE_FD.
 */
int loop_change_file(struct lab_loop *loop, struct lab_file *lf)
{
	struct loop_device *lo = &loop->lo;
	struct file *old = lo->lo_backing_file, *file = &lf->fd[old->f_flags];
	int err;

	if (!(lo->lo_flags & LO_FLAGS_READ_ONLY) || !file->f_inode ||
	    loop_size_bytes(lo, file) != loop_size_bytes(lo, old) ||
	    bdev_logical_block_size(file->f_bdev) > lo->dev.block_bytes)
		return -EINVAL;
	err = loop_switch(lo, get_file(file));
	fput(err ? file : old);
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
 * loop_del - take a device apart
 * @loop: gone afterwards. Nobody submits to it any more; what is in flight is waited for
 *
 * Context: task, sleeps.
 */
void loop_del(struct lab_loop *loop)
{
	lab_loopdev_del(&loop->lo.dev);
	kthread_stop(loop->lo.lo_thread);
	fput(loop->lo.lo_backing_file);
	kfree(loop);
}
