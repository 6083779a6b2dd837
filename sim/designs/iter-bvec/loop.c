// SPDX-License-Identifier: GPL-2.0-only
/*
 * loop.c - a block device on a file: each bio or request becomes one kiocb.
 *
 * A struct loop_cmd holds the kiocb and an iov_iter over the bio's own array, which the file borrows. With
 * handoff=inline the kiocb is tried in the submitter's context, with IOCB_LAB_NOBLOCK: nothing waits. If
 * going on would mean waiting the kiocb ends short, or does not start (-EAGAIN), and the command hands what
 * is left to its worker, which issues it again from there and may wait; no lock and no i_dio_count is held
 * in between. With handoff=worker every command goes that way. Flushes, discards and zeroing always do, and with
 * direct IO off every command: its kiocb goes to the file's other descriptor, with the same iterator.
 *
 * The file sees a clean task: what the filesystem above keeps in current (journal_info) is put aside during
 * the attempt, and allocations are GFP_NOIO.
 *
 * When even a command cannot be had without waiting, the bio itself goes on a list, and the worker waits.
 *
 * Source: the command with an embedded kiocb is lo_rw_aio() of Linux 4.4-6.1; the attempt is commit
 * 0ba93a906dda (2025, reverted by 96f03c8cb29f), with the rules its review asked for.
 */
#include <linux/fs.h>
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/blk-mq.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mempool.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <kc/world.h>
#include "loop.h"

#define LOOP_POOL_SIZE		4	/* commands and arrays kept back: progress without memory */

static struct lab_knobs loop_knobs;
static struct kmem_cache *loop_cmd_cache, *loop_table_cache;

/* ---- command: memory ------------------------------------------------------------------------ */

static struct loop_cmd *loop_cmd_alloc(struct loop_device *lo, gfp_t gfp)
{
	if (loop_knobs.alloc == LAB_ALLOC_KMALLOC)
		return kmem_cache_alloc(loop_cmd_cache, gfp);
	return mempool_alloc(&lo->cmds, gfp);
}

static void loop_cmd_free(struct loop_cmd *cmd)
{
	if (loop_knobs.alloc == LAB_ALLOC_KMALLOC)
		kmem_cache_free(loop_cmd_cache, cmd);
	else
		mempool_free(cmd, &cmd->lo->cmds);
}

/* ---- command: what it is about -------------------------------------------------------------- */

/* What is left of its memory. */
static inline void loop_cmd_iter(const struct loop_cmd *cmd, struct iov_iter *iter)
{
	const struct bio *bio = cmd->bio;

	if (cmd->table)
		iov_iter_bvec(iter, cmd->table, 0, loop_cmd_bytes(cmd));
	else
		iov_iter_bvec(iter, __bvec_iter_bvec(bio->bi_io_vec, bio->bi_iter), bio->bi_iter.bi_bvec_done,
			      loop_cmd_bytes(cmd));
	if (cmd->done_bytes)
		iov_iter_advance(iter, cmd->done_bytes);
}

static void loop_cmd_init(struct loop_cmd *cmd, struct loop_device *lo, struct bio *bio, struct request *rq)
{
	cmd->lo = lo;
	cmd->bio = bio;
	cmd->rq = rq;
	cmd->table = NULL;
	cmd->done_bytes = 0;
	cmd->flushed = cmd->counted = false;
}

/* ---- completion ----------------------------------------------------------------------------- */

/* End the bio or request above. The command of a bio is gone afterwards. Any context. */
static void loop_complete(struct loop_cmd *cmd, blk_status_t status)
{
	struct loop_device *lo = cmd->lo;
	struct request *rq = cmd->rq;
	struct bio *bio = cmd->bio;
	unsigned int shard = cmd->shard;

	if (cmd->counted)
		lab_sb_end_write(lo->file->f_inode);
	if (rq) {
		if (cmd->table)
			mempool_free(cmd->table, &lo->tables);
		blk_mq_end_request(rq, status);
		return;
	}
	loop_cmd_free(cmd);
	if (status)
		bio->bi_status = status;	/* as parent of a chain it may have an error already */
	bio_endio(bio);
	lab_loopdev_put(&lo->dev, shard);
}

static void loop_end_work(struct work_struct *work)
{
	struct loop_cmd *cmd = container_of(work, struct loop_cmd, work);

	loop_complete(cmd, cmd->status);
}

/* The same, here or, where ends have nested too deep (H1), in the worker. Any context. */
static void loop_end(struct loop_cmd *cmd, blk_status_t status)
{
	if (unlikely(lab_loopdev_end_is_deep())) {
		cmd->status = status;
		INIT_WORK(&cmd->work, loop_end_work);
		queue_work(cmd->lo->dev.wq, &cmd->work);
		return;
	}
	loop_complete(cmd, status);
	lab_loopdev_end_done();
}

static void loop_work(struct work_struct *work);

/* To a worker: of the device's, or of those for whom an array of elements has to be waited for. */
static void loop_queue_work(struct loop_cmd *cmd)
{
	struct lab_loopdev *dev = &cmd->lo->dev;

	loop_plant_handed_over(cmd);
	INIT_WORK(&cmd->work, loop_work);
	queue_work(loop_cmd_needs_table(cmd) && !cmd->table ? dev->starved_wq : dev->wq, &cmd->work);
}

static void loop_punt(struct loop_cmd *cmd)
{
	lab_probe(PUNTS);
	loop_queue_work(cmd);
}

/* Zeros for what a read has not got: the file ends before the device does. */
static void loop_zero_rest(struct loop_cmd *cmd)
{
	struct iov_iter iter;

	loop_cmd_iter(cmd, &iter);
	iov_iter_zero(&iter, iov_iter_count(&iter));
}

/* ki_complete, and the end of a kiocb that ended at once: @ret bytes or -errno. Any context. */
static void loop_end_io(struct kiocb *iocb, long ret)
{
	struct loop_cmd *cmd = container_of(iocb, struct loop_cmd, iocb);
	blk_opf_t opf = loop_cmd_opf(cmd);

	if (ret == -EAGAIN && !(opf & REQ_NOWAIT)) {
		loop_punt(cmd);
		return;
	}
	if (ret < 0) {
		loop_end(cmd, errno_to_blk_status(ret));
		return;
	}
	cmd->done_bytes += ret;
	if (likely(cmd->done_bytes == loop_cmd_bytes(cmd))) {
		loop_end(cmd, BLK_STS_OK);
	} else if (!op_is_write(opf) &&
		   loop_cmd_pos(cmd) + cmd->done_bytes >= i_size_read(cmd->lo->file->f_inode)) {
		loop_zero_rest(cmd);
		loop_end(cmd, BLK_STS_OK);
	} else if (!ret || (opf & REQ_NOWAIT)) {
		loop_end(cmd, BLK_STS_IOERR);	/* no progress: the file cannot take it */
	} else {
		loop_punt(cmd);
	}
}

/* ---- freeze --------------------------------------------------------------------------------- */

/* Begin after the thaw. */
static void loop_thaw_work(struct work_struct *work)
{
	struct loop_cmd *cmd = container_of(work, struct loop_cmd, work);

	lab_sb_start_write(cmd->lo->file->f_inode, false);
	cmd->counted = true;
	loop_queue_work(cmd);
}

/*
 * What changes the file is counted by its filesystem, which can be frozen: here, before the first attempt, and
 * once, however often it is tried (H6). False: it is frozen, and the command begins after the thaw, or never.
 */
static bool loop_start_write(struct loop_cmd *cmd, blk_opf_t opf)
{
	if (likely(!lab_sb_start_write(cmd->lo->file->f_inode, true))) {
		cmd->counted = true;
		return true;
	}
	if (opf & REQ_NOWAIT) {
		loop_complete(cmd, BLK_STS_AGAIN);
	} else {
		lab_probe(PUNTS);
		INIT_WORK(&cmd->work, loop_thaw_work);
		queue_work(cmd->lo->dev.thaw_wq, &cmd->work);
	}
	return false;
}

/* ---- read, write ---------------------------------------------------------------------------- */

/* Issue what is left of @cmd; loop_end_io() hears of it. @flags: IOCB_LAB_NOBLOCK under ->submit_bio. */
static void loop_rw(struct loop_cmd *cmd, int flags)
{
	const struct file_operations *f_op = cmd->lo->file->f_op;
	blk_opf_t opf = loop_cmd_opf(cmd);
	struct kiocb *iocb = &cmd->iocb;
	struct iov_iter iter;
	ssize_t ret;

	loop_cmd_iter(cmd, &iter);
	iocb->ki_filp = cmd->lo->file;
	iocb->ki_pos = loop_cmd_pos(cmd) + cmd->done_bytes;
	iocb->ki_complete = loop_end_io;
	iocb->ki_flags = flags;
	if (opf & REQ_NOWAIT)
		iocb->ki_flags = IOCB_NOWAIT;
	if (opf & REQ_FUA)
		iocb->ki_flags |= IOCB_DSYNC;
	if (opf & REQ_POLLED)
		iocb->ki_flags |= IOCB_HIPRI;
	iocb->ki_ioprio = bio_prio(cmd->bio);	/* all bios of a request have the same */
	if (op_is_write(opf)) {
		iocb->ki_flags |= IOCB_WRITE;
		ret = f_op->write_iter(iocb, &iter);
	} else {
		ret = f_op->read_iter(iocb, &iter);
	}
	if (ret != -EIOCBQUEUED)
		loop_end_io(iocb, ret);
}

/* ---- flush, discard, zeroes ----------------------------------------------------------------- */

static int loop_flush(struct loop_device *lo)
{
	return vfs_fsync(lo->file, 1);
}

/* Discarded blocks become a hole; zeroed ones too unless they must stay allocated. */
static int loop_discard(struct loop_cmd *cmd)
{
	struct file *file = cmd->lo->file;
	blk_opf_t opf = loop_cmd_opf(cmd);
	int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;

	if ((opf & REQ_OP_MASK) == REQ_OP_WRITE_ZEROES && (opf & REQ_NOUNMAP))
		mode = FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE;
	return file->f_op->fallocate(file, mode, loop_cmd_pos(cmd), loop_cmd_bytes(cmd));
}

/* ---- worker --------------------------------------------------------------------------------- */

/*
 * An array of all elements of a request of several bios: one kiocb has one array. NULL stays without
 * memory.
 */
static void loop_rq_table(struct loop_cmd *cmd, gfp_t gfp)
{
	struct req_iterator iter;
	struct bio_vec bv, *to;

	cmd->table = mempool_alloc(&cmd->lo->tables, gfp);
	if (!cmd->table)
		return;
	to = cmd->table;
	rq_for_each_bvec(bv, cmd->rq, iter) {
		BUG_ON(to == cmd->table + BIO_MAX_VECS);
		*to++ = bv;
	}
}

/* Process context of its own: everything that may wait. */
static void loop_work(struct work_struct *work)
{
	struct loop_cmd *cmd = container_of(work, struct loop_cmd, work);
	unsigned int noio = memalloc_noio_save();
	blk_opf_t opf = loop_cmd_opf(cmd);
	bool no_data = lab_op_no_data(opf);
	struct inode *counts = loop_plant_goes_on(cmd);
	int err = 0;

	if (((opf & REQ_PREFLUSH) || (opf & REQ_OP_MASK) == REQ_OP_FLUSH) && !cmd->flushed) {
		err = loop_flush(cmd->lo);
		cmd->flushed = true;	/* once, though the rest may come this way again */
	}
	if (!err && no_data)
		err = loop_discard(cmd);
	if (err || no_data || !loop_cmd_bytes(cmd)) {
		loop_complete(cmd, errno_to_blk_status(err));
	} else {
		if (loop_cmd_needs_table(cmd) && !cmd->table)
			loop_rq_table(cmd, GFP_NOIO);
		loop_rw(cmd, 0);
	}
	loop_plant_end(counts);
	memalloc_noio_restore(noio);
}

/* ---- dispatch: inline or worker ------------------------------------------------------------- */

static inline bool loop_needs_worker(const struct loop_cmd *cmd, blk_opf_t opf)
{
	return loop_knobs.handoff == LAB_HANDOFF_WORKER || lab_op_no_data(opf) || (opf & REQ_PREFLUSH) ||
	       cmd->lo->buffered || !loop_cmd_bytes(cmd) || (loop_cmd_needs_table(cmd) && !cmd->table);
}

/* Context: the driver's ->submit_bio or ->queue_rq: nothing here may wait. */
static void loop_handle(struct loop_cmd *cmd)
{
	void *journal_info = current->journal_info;
	blk_opf_t opf = loop_cmd_opf(cmd);
	unsigned int noio;

	lab_probe_stack(STACK_SUBMIT);
	kc_trace("loop", opf & REQ_OP_MASK, loop_cmd_pos(cmd) >> SECTOR_SHIFT, loop_cmd_bytes(cmd), 0);
	if ((opf & REQ_NOWAIT) && (cmd->lo->buffered || (loop_cmd_needs_table(cmd) && !cmd->table))) {
		loop_complete(cmd, BLK_STS_AGAIN);	/* the page cache waits; so does who has no array */
		return;
	}
	if (op_is_write(opf) && loop_cmd_bytes(cmd) && !loop_start_write(cmd, opf))
		return;
	if (loop_needs_worker(cmd, opf)) {
		loop_punt(cmd);
		return;
	}
	current->journal_info = lab_planted(H2) ? journal_info : NULL;
	noio = memalloc_noio_save();
	loop_rw(cmd, IOCB_LAB_NOBLOCK);
	memalloc_noio_restore(noio);
	current->journal_info = journal_info;
}

/* ---- a disk without a request queue --------------------------------------------------------- */

static void loop_handle_bio(struct loop_device *lo, struct loop_cmd *cmd, struct bio *bio,
			    unsigned int shard)
{
	loop_cmd_init(cmd, lo, bio, NULL);
	cmd->shard = shard;
	loop_handle(cmd);
}

/* A bio that found no command: wait for one. Worker. */
static void loop_starved(struct lab_loopdev *dev, struct bio *bio)
{
	struct loop_device *lo = container_of(dev, struct loop_device, dev);
	struct loop_cmd *cmd = loop_cmd_alloc(lo, GFP_NOIO);

	if (!cmd) {				/* alloc=kmalloc */
		bio->bi_status = BLK_STS_RESOURCE;
		bio_endio(bio);
		lab_loopdev_put(dev, 0);
		return;
	}
	loop_handle_bio(lo, cmd, bio, 0);
}

static void loop_submit_bio(struct bio *bio)
{
	struct loop_device *lo = bio->bi_bdev->bd_disk->private_data;
	struct loop_cmd *cmd;

	bio = lab_loopdev_fit(&lo->dev, bio);
	if (!bio)
		return;
	cmd = loop_cmd_alloc(lo, GFP_NOWAIT);
	if (likely(cmd)) {
		unsigned int shard = lab_loopdev_shard();

		lab_loopdev_get(&lo->dev, shard);
		loop_handle_bio(lo, cmd, bio, shard);
	} else if (bio->bi_opf & REQ_NOWAIT) {
		bio_wouldblock_error(bio);
	} else {
		lab_loopdev_starve(&lo->dev, bio);
	}
}

static const struct block_device_operations loop_bio_fops = {
	.submit_bio	= loop_submit_bio,
};

/* ---- a disk with one ------------------------------------------------------------------------ */

static blk_status_t loop_queue_rq(struct blk_mq_hw_ctx *hctx, const struct blk_mq_queue_data *bd)
{
	struct request *rq = bd->rq;
	struct loop_cmd *cmd = blk_mq_rq_to_pdu(rq);

	blk_mq_start_request(rq);
	loop_cmd_init(cmd, rq->q->queuedata, rq->bio, rq);
	if (loop_cmd_needs_table(cmd))
		loop_rq_table(cmd, GFP_NOWAIT);
	loop_handle(cmd);
	return BLK_STS_OK;
}

static const struct blk_mq_ops loop_mq_ops = {
	.queue_rq	= loop_queue_rq,
};

/* ---- what devices are made of --------------------------------------------------------------- */

static const struct lab_loopdev_ops loop_ops[] = {
	[LAB_LOOPQ_BIO]	= { .fops = &loop_bio_fops, .starved = loop_starved },
	[LAB_LOOPQ_MQ]	= { .mq_ops = &loop_mq_ops, .cmd_bytes = sizeof(struct loop_cmd),
			    .max_segments = BIO_MAX_VECS },
};

/**
 * loop_dev_ops - how the knobs have a device
 *
 * Context: any.
 */
const struct lab_loopdev_ops *loop_dev_ops(void)
{
	if (loop_knobs.variant == VARIANT_61)
		return &loop_61_dev_ops;
	return &loop_ops[loop_knobs.loopq];
}

/**
 * loop_alloc_pools - a device's reserves
 * @lo: of which the pools are set
 *
 * Context: task, may sleep. Return: 0 or -ENOMEM, with nothing left behind.
 */
int loop_alloc_pools(struct loop_device *lo)
{
	int err = mempool_init_slab_pool(&lo->cmds, LOOP_POOL_SIZE, loop_cmd_cache);

	if (err)
		return err;
	err = mempool_init_slab_pool(&lo->tables, LOOP_POOL_SIZE, loop_table_cache);
	if (err)
		mempool_exit(&lo->cmds);
	return err;
}

/**
 * loop_free_pools - undo loop_alloc_pools(); nothing is in flight
 * @lo: the device
 *
 * Context: task, may sleep.
 */
void loop_free_pools(struct loop_device *lo)
{
	mempool_exit(&lo->tables);
	mempool_exit(&lo->cmds);
}

/**
 * loop_init - caches, once
 * @knobs: all but completion are looked at
 *
 * Context: task, may sleep. Return: 0 or -ENOMEM, with nothing left behind.
 */
int loop_init(const struct lab_knobs *knobs)
{
	loop_knobs = *knobs;
	loop_cmd_cache = KMEM_CACHE(loop_cmd, 0);
	loop_table_cache = kmem_cache_create("loop_table", BIO_MAX_VECS * sizeof(struct bio_vec),
					     __alignof__(struct bio_vec), 0, NULL);
	if (!loop_cmd_cache || !loop_table_cache) {
		loop_exit();
		return -ENOMEM;
	}
	kmem_cache_set_probe(loop_cmd_cache, LAB_ALLOC_CMD);
	kmem_cache_set_probe(loop_table_cache, LAB_ALLOC_BVEC);
	return 0;
}

/**
 * loop_exit - undo loop_init(); no device is left
 *
 * Context: task, may sleep.
 */
void loop_exit(void)
{
	kmem_cache_destroy(loop_table_cache);
	kmem_cache_destroy(loop_cmd_cache);
	loop_table_cache = loop_cmd_cache = NULL;
}
