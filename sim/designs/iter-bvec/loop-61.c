// SPDX-License-Identifier: GPL-2.0-only
/*
 * loop-61.c - a block device on a file as Linux 6.1 spends on it: the commands of the variant @6.1. The device is
 * made, and taken apart, in loop-ctl.c.
 *
 * Every request goes on the device's list, which one work item empties; nothing is tried before. The command is
 * the request's own driver data. Read and write are one kiocb with an iov_iter over the bio's array, or, of a
 * request of several bios, over a flat array that is allocated for it. Two references are on the command while
 * the kiocb is submitted, so that a completion that is faster than the submission frees nothing under its hands;
 * who drops the second ends the request.
 *
 * Two things are wrong here on purpose, as they are wrong there past the page cache: a write that the file takes in part
 * ends well, and a read of which the file has nothing is an error, though its pages are zeroed (NOTES.md). Through the page
 * cache neither is (loop_61_simple()).
 *
 * Source: lo_rw_aio(), lo_complete_rq() and loop_process_work() of Linux 6.1's drivers/block/loop.c.
 */
#include <linux/fs.h>
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/blk-mq.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <kc/world.h>
#include "loop.h"

/* What blk_mq_alloc_disk() and loop.c set in 6.1. */
#define LOOP_61_MAX_SECTORS		2560	/* 512-byte units */
#define LOOP_61_MAX_SEGMENTS		128
#define LOOP_61_MAX_SEGMENT_BYTES	65536

/* ---- completion ----------------------------------------------------------------------------- */

static void loop_61_queue(struct loop_device *lo, struct loop_61_cmd *cmd)
{
	lab_probe(PUNTS);
	spin_lock_irq(&lo->lock_61);
	list_add_tail(&cmd->node, &lo->cmds_61);
	queue_work(lo->dev.wq, &lo->work_61);
	spin_unlock_irq(&lo->lock_61);
}

/* The file has ended: zeros, in every bio, from where it is. */
static void loop_61_zero(struct request *rq)
{
	struct bio *bio;

	__rq_for_each_bio(bio, rq)
		zero_fill_bio(bio);
}

/* ->complete: the command's result is known. Any context. */
static void loop_61_complete(struct request *rq)
{
	struct loop_61_cmd *cmd = blk_mq_rq_to_pdu(rq);

	if (cmd->ret < 0) {
		blk_mq_end_request(rq, errno_to_blk_status(cmd->ret));
	} else if (!cmd->is_rw || cmd->ret == blk_rq_bytes(rq) || req_op(rq) != REQ_OP_READ) {
		blk_mq_end_request(rq, BLK_STS_OK);	/* a short write, too */
	} else if (cmd->ret) {
		blk_update_request(rq, BLK_STS_OK, cmd->ret);
		loop_61_queue(cmd->lo, cmd);		/* there it is requeued, and comes back here */
	} else {
		loop_61_zero(rq);
		blk_mq_end_request(rq, BLK_STS_IOERR);
	}
}

/* One reference less. Any context; the command may be gone. */
static void loop_61_put(struct loop_61_cmd *cmd)
{
	if (!atomic_dec_and_test(&cmd->ref))
		return;
	kfree(cmd->table);
	cmd->table = NULL;
	blk_mq_complete_request(blk_mq_rq_from_pdu(cmd));
}

static void loop_61_end_io(struct kiocb *iocb, long ret)
{
	struct loop_61_cmd *cmd = container_of(iocb, struct loop_61_cmd, iocb);

	cmd->ret = ret;
	loop_61_put(cmd);
}

/* ---- read, write ---------------------------------------------------------------------------- */

/* An array of all elements of a request of several bios: one kiocb has one array. NULL: no memory. */
static struct bio_vec *loop_61_table(struct request *rq)
{
	struct bio_vec bv, *table, *to;
	struct req_iterator iter;
	unsigned int nr = 0;

	rq_for_each_bvec(bv, rq, iter)
		nr++;
	table = kmalloc_array(nr, sizeof(*table), GFP_NOIO);
	if (!table)
		return NULL;
	to = table;
	rq_for_each_bvec(bv, rq, iter)
		*to++ = bv;
	return table;
}

/* What became of an IO through the page cache, as lo_write_simple() and lo_read_simple() have it: all, or -EIO. */
static ssize_t loop_61_simple(struct request *rq, ssize_t ret)
{
	if (ret < 0 || (req_op(rq) == REQ_OP_WRITE && ret != blk_rq_bytes(rq)))
		return -EIO;
	if (ret != blk_rq_bytes(rq))
		loop_61_zero(rq);	/* the file has ended: all of it, with what was read before */
	return blk_rq_bytes(rq);
}

/* 0: loop_61_complete() hears of it; -EIO: not begun. */
static int loop_61_rw(struct loop_61_cmd *cmd, loff_t pos)
{
	struct request *rq = blk_mq_rq_from_pdu(cmd);
	struct file *file = cmd->lo->file;
	struct kiocb *iocb = &cmd->iocb;
	bool buffered = cmd->lo->buffered;
	struct bio *bio = rq->bio;
	struct iov_iter iter;
	ssize_t ret;

	if (rq->bio != rq->biotail) {
		cmd->table = loop_61_table(rq);
		if (!cmd->table)
			return -EIO;
		iov_iter_bvec(&iter, cmd->table, 0, blk_rq_bytes(rq));
	} else {
		iov_iter_bvec(&iter, __bvec_iter_bvec(bio->bi_io_vec, bio->bi_iter), bio->bi_iter.bi_bvec_done,
			      blk_rq_bytes(rq));
	}
	atomic_set(&cmd->ref, 2);
	iocb->ki_filp = file;
	iocb->ki_pos = pos;
	iocb->ki_complete = loop_61_end_io;
	iocb->ki_flags = 0;
	iocb->ki_ioprio = req_get_ioprio(rq);
	if (req_op(rq) == REQ_OP_WRITE) {
		iocb->ki_flags = IOCB_WRITE;
		ret = file->f_op->write_iter(iocb, &iter);
	} else {
		ret = file->f_op->read_iter(iocb, &iter);
	}
	loop_61_put(cmd);
	if (ret != -EIOCBQUEUED)
		loop_61_end_io(iocb, buffered ? loop_61_simple(rq, ret) : ret);
	return 0;
}

/* ---- flush, discard, zeroes ----------------------------------------------------------------- */

static int loop_61_flush(struct loop_device *lo)
{
	int err = vfs_fsync(lo->file, 0);

	return err && err != -EINVAL ? -EIO : err;
}

static int loop_61_fallocate(struct loop_61_cmd *cmd, loff_t pos, int mode)
{
	struct request *rq = blk_mq_rq_from_pdu(cmd);
	struct file *file = cmd->lo->file;
	long err = file->f_op->fallocate(file, mode | FALLOC_FL_KEEP_SIZE, pos, blk_rq_bytes(rq));

	return err && err != -EINVAL && err != -EOPNOTSUPP ? -EIO : err;
}

/* ---- worker --------------------------------------------------------------------------------- */

static int loop_61_do(struct loop_61_cmd *cmd)
{
	struct request *rq = blk_mq_rq_from_pdu(cmd);
	loff_t pos = cmd->lo->dev.offset_bytes + ((loff_t)blk_rq_pos(rq) << SECTOR_SHIFT);

	switch (req_op(rq)) {
	case REQ_OP_FLUSH:
		return loop_61_flush(cmd->lo);
	case REQ_OP_WRITE_ZEROES:
		return loop_61_fallocate(cmd, pos, rq->cmd_flags & REQ_NOUNMAP ? FALLOC_FL_ZERO_RANGE :
										 FALLOC_FL_PUNCH_HOLE);
	case REQ_OP_DISCARD:
		return loop_61_fallocate(cmd, pos, FALLOC_FL_PUNCH_HOLE);
	case REQ_OP_READ:
	case REQ_OP_WRITE:
		return loop_61_rw(cmd, pos);
	default:
		return -EIO;
	}
}

static void loop_61_handle(struct loop_61_cmd *cmd)
{
	struct request *rq = blk_mq_rq_from_pdu(cmd);
	bool is_rw = cmd->is_rw;	/* the command may be gone once it was begun */
	int ret = -EIO;

	if (!op_is_write(rq->cmd_flags) || !cmd->lo->dev.read_only)
		ret = loop_61_do(cmd);
	if (is_rw && !ret)
		return;
	cmd->ret = ret && ret != -EOPNOTSUPP ? -EIO : ret;
	blk_mq_complete_request(rq);
}

/* The device's commands, one after the other. */
static void loop_61_work(struct work_struct *work)
{
	struct loop_device *lo = container_of(work, struct loop_device, work_61);
	unsigned int noio = memalloc_noio_save();
	struct loop_61_cmd *cmd;

	spin_lock_irq(&lo->lock_61);
	while (!list_empty(&lo->cmds_61)) {
		cmd = list_first_entry(&lo->cmds_61, struct loop_61_cmd, node);
		list_del(&cmd->node);
		spin_unlock_irq(&lo->lock_61);
		loop_61_handle(cmd);
		spin_lock_irq(&lo->lock_61);
	}
	spin_unlock_irq(&lo->lock_61);
	memalloc_noio_restore(noio);
}

/* ---- a disk with a request queue ------------------------------------------------------------ */

static blk_status_t loop_61_queue_rq(struct blk_mq_hw_ctx *hctx, const struct blk_mq_queue_data *bd)
{
	struct request *rq = bd->rq;
	struct loop_61_cmd *cmd = blk_mq_rq_to_pdu(rq);

	blk_mq_start_request(rq);
	lab_probe_stack(STACK_SUBMIT);
	cmd->lo = rq->q->queuedata;
	cmd->table = NULL;
	cmd->is_rw = !lab_op_no_data(rq->cmd_flags) && req_op(rq) != REQ_OP_FLUSH;
	kc_trace("loop", req_op(rq), blk_rq_pos(rq) + (cmd->lo->dev.offset_bytes >> SECTOR_SHIFT),
		 blk_rq_bytes(rq), 0);
	loop_61_queue(cmd->lo, cmd);
	return BLK_STS_OK;
}

static const struct blk_mq_ops loop_61_mq_ops = {
	.queue_rq	= loop_61_queue_rq,
	.complete	= loop_61_complete,
};

/* ---- devices -------------------------------------------------------------------------------- */

const struct lab_loopdev_ops loop_61_dev_ops = {
	.mq_ops		= &loop_61_mq_ops,
	.cmd_bytes	= sizeof(struct loop_61_cmd),
	.max_segments	= LOOP_61_MAX_SEGMENTS,
};

/**
 * loop_61_init_device - the list of commands and who empties it
 * @lo: not yet a disk
 *
 * Context: any.
 */
void loop_61_init_device(struct loop_device *lo)
{
	spin_lock_init(&lo->lock_61);
	INIT_LIST_HEAD(&lo->cmds_61);
	INIT_WORK(&lo->work_61, loop_61_work);
}

/**
 * loop_61_set_limits - those of a queue of that time: requests are small and FUA is a flush (blk-flush.c)
 * @lo: a disk that nobody has seen yet
 * @opts: with which it was made
 *
 * Context: task.
 */
void loop_61_set_limits(struct loop_device *lo, const struct lab_loop_opts *opts)
{
	struct request_queue *q = lo->dev.disk->queue;

	/* What is smaller already is the old rule's on bios: the limits of the disk below, which stand. */
	if (!queue_virt_boundary(q))
		blk_queue_max_segment_size(q, min_t(unsigned int, queue_max_segment_size(q), LOOP_61_MAX_SEGMENT_BYTES));
	if (!opts->max_sectors)
		blk_queue_max_hw_sectors(q, min_t(unsigned int, queue_max_hw_sectors(q), LOOP_61_MAX_SECTORS));
	blk_queue_write_cache(q, true, false);
}
