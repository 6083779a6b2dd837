// SPDX-License-Identifier: GPL-2.0-only
/*
 * loop.c - a block device on a file: each bio is cloned, and the clone is given to the file.
 *
 * That is the design's claim: there is nothing between the two block devices but a clone and ->dio_submit,
 * which finds the blocks and splits. With handoff=inline this happens in the submitter's context, with
 * DIO_NOBLOCK: nothing waits. If going on would mean waiting, the file hands back the clone, advanced past
 * what is on its way, and a worker submits the rest of it from where waiting is allowed; no lock and no
 * i_dio_count is held in between. With handoff=worker every command goes that way. Flushes, discards and
 * zeroing always do, and with direct IO off every command: the clone goes to the file's other descriptor.
 *
 * Why a clone and not the bio itself, remapped: the bio may be the parent of a chain (the rest of a split
 * by this very queue), and then its end, and with it what hangs on the end of a piece of the file, would
 * wait for its children.
 *
 * The file sees a clean task: what the filesystem above keeps in current (journal_info) is put aside during
 * the attempt, and allocations are GFP_NOIO.
 *
 * When even a clone cannot be had without waiting, the bio itself goes on a list, and the worker waits.
 *
 * Source: the sketch in Kent Overstreet's mail of 2013-11-20, under the rules that the review of commit
 * 0ba93a906dda (2025, reverted by 96f03c8cb29f) asked for.
 */
#include <linux/fs.h>
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/blk-mq.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <kc/plant.h>
#include <kc/world.h>
#include "loop.h"

#define LOOP_POOL_SIZE		4	/* clones kept back: progress without memory */

static struct lab_knobs loop_knobs;
static struct kmem_cache *loop_cmd_cache;

/* ---- command: memory ------------------------------------------------------------------------ */

/* A command with a clone of @bio, at its place in the file. NULL: no memory. */
static struct loop_cmd *loop_cmd_alloc(struct loop_device *lo, struct bio *bio, gfp_t gfp)
{
	struct loop_cmd *cmd;
	struct bio *clone;

	if (loop_knobs.alloc == LAB_ALLOC_KMALLOC) {
		cmd = kmem_cache_alloc(loop_cmd_cache, gfp);
		if (!cmd)
			return NULL;
		clone = &cmd->dio.tail.bio;
		bio_init_clone(NULL, clone, bio, gfp);
	} else {
		clone = bio_alloc_clone(NULL, bio, gfp, &lo->clones);
		if (!clone)
			return NULL;
		cmd = container_of(clone, struct loop_cmd, dio.tail.bio);
	}
	clone->bi_iter.bi_sector += lo->dev.offset_bytes >> SECTOR_SHIFT;
	cmd->lo = lo;
	cmd->bio = bio;
	cmd->rq = NULL;
	cmd->counted = false;
	return cmd;
}

static void loop_cmd_free(struct loop_cmd *cmd)
{
	struct bio *clone = &cmd->dio.tail.bio;

	if (clone->bi_pool) {
		bio_put(clone);
		return;
	}
	bio_uninit(clone);
	kmem_cache_free(loop_cmd_cache, cmd);
}

/* ---- completion ----------------------------------------------------------------------------- */

/* A clone, or who clones, is done with @rq; the last one ends it. Any context. */
static void loop_rq_put(struct request *rq, blk_status_t status)
{
	struct loop_rq *lr = blk_mq_rq_to_pdu(rq);

	if (status)
		cmpxchg(&lr->status, BLK_STS_OK, status);
	if (atomic_dec_and_test(&lr->left))
		blk_mq_end_request(rq, READ_ONCE(lr->status));
}

/* End the bio above, or its part in the request above; the command is gone afterwards. Any context. */
static void loop_complete(struct loop_cmd *cmd, blk_status_t status)
{
	struct loop_device *lo = cmd->lo;
	struct request *rq = cmd->rq;
	struct bio *bio = cmd->bio;
	unsigned int shard = cmd->shard;

	if (cmd->counted)
		lab_sb_end_write(lo->file->f_inode);
	loop_cmd_free(cmd);
	if (rq) {
		loop_rq_put(rq, status);
		return;
	}
	if (status)
		bio->bi_status = status;
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

static void loop_punt(struct loop_cmd *cmd)
{
	lab_probe(PUNTS);
	INIT_WORK(&cmd->work, loop_work);
	queue_work(cmd->lo->dev.wq, &cmd->work);
}

static void loop_end_io(struct bio *clone)
{
	loop_end(container_of(clone, struct loop_cmd, dio.tail.bio), clone->bi_status);
}

/* ---- freeze --------------------------------------------------------------------------------- */

/* Begin after the thaw. */
static void loop_thaw_work(struct work_struct *work)
{
	struct loop_cmd *cmd = container_of(work, struct loop_cmd, work);

	lab_sb_start_write(cmd->lo->file->f_inode, false);
	cmd->counted = true;
	INIT_WORK(&cmd->work, loop_work);
	queue_work(cmd->lo->dev.wq, &cmd->work);
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

/* Give the clone, or what is left of it, to the file. @flags: DIO_NOBLOCK from the submitter's context. */
static void loop_rw(struct loop_cmd *cmd, unsigned int flags)
{
	struct file *file = cmd->lo->file;

	if (file->f_op->dio_submit(file, &cmd->dio.tail.bio, flags) == -EAGAIN)
		loop_punt(cmd);
}

/* ---- flush, discard, zeroes ----------------------------------------------------------------- */

static int loop_flush(struct loop_device *lo)
{
	return vfs_fsync(lo->file, 1);
}

/* Discarded blocks become a hole; zeroed ones too unless they must stay allocated. */
static int loop_discard(struct loop_cmd *cmd)
{
	struct bio *clone = &cmd->dio.tail.bio;
	struct file *file = cmd->lo->file;
	int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;

	if (bio_op(clone) == REQ_OP_WRITE_ZEROES && (clone->bi_opf & REQ_NOUNMAP))
		mode = FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE;
	return file->f_op->fallocate(file, mode, (loff_t)clone->bi_iter.bi_sector << SECTOR_SHIFT,
				     clone->bi_iter.bi_size);
}

/* ---- worker --------------------------------------------------------------------------------- */

/* Process context of its own: everything that may wait. */
static void loop_work(struct work_struct *work)
{
	struct loop_cmd *cmd = container_of(work, struct loop_cmd, work);
	struct bio *clone = &cmd->dio.tail.bio;
	unsigned int noio = memalloc_noio_save();
	bool no_data = lab_op_no_data(clone->bi_opf);
	int err = 0;

	if (lab_planted(H6) && cmd->counted) {
		lab_sb_start_write(cmd->lo->file->f_inode, false);
		lab_sb_end_write(cmd->lo->file->f_inode);
	}
	if (clone->bi_opf & REQ_PREFLUSH) {
		err = loop_flush(cmd->lo);
		clone->bi_opf &= ~REQ_PREFLUSH;	/* done: not of the disk as well */
	}
	if (!err && no_data)
		err = loop_discard(cmd);
	if (err || no_data || !clone->bi_iter.bi_size)
		loop_complete(cmd, errno_to_blk_status(err));
	else
		loop_rw(cmd, 0);
	memalloc_noio_restore(noio);
}

/* ---- dispatch: inline or worker ------------------------------------------------------------- */

static inline bool loop_needs_worker(const struct loop_cmd *cmd, blk_opf_t opf)
{
	return loop_knobs.handoff == LAB_HANDOFF_WORKER || lab_op_no_data(opf) || (opf & REQ_PREFLUSH) ||
	       cmd->lo->buffered;
}

/* Context: the driver's ->submit_bio or ->queue_rq: nothing here may wait. */
static void loop_handle(struct loop_cmd *cmd)
{
	struct bio *clone = &cmd->dio.tail.bio;
	void *journal_info = current->journal_info;
	unsigned int noio;

	lab_probe_stack(STACK_SUBMIT);
	kc_trace("loop", bio_op(clone), clone->bi_iter.bi_sector, clone->bi_iter.bi_size, 0);
	dio_init(&cmd->dio, cmd->lo->file, loop_end_io);
	if (cmd->lo->buffered && (clone->bi_opf & REQ_NOWAIT)) {
		loop_complete(cmd, BLK_STS_AGAIN);	/* the page cache waits */
		return;
	}
	if (op_is_write(clone->bi_opf) && clone->bi_iter.bi_size && !loop_start_write(cmd, clone->bi_opf))
		return;
	if (loop_needs_worker(cmd, clone->bi_opf)) {
		loop_punt(cmd);
		return;
	}
	if (!lab_planted(H2))
		current->journal_info = NULL;
	noio = memalloc_noio_save();
	loop_rw(cmd, DIO_NOBLOCK);
	memalloc_noio_restore(noio);
	current->journal_info = journal_info;
}

/* ---- a disk without a request queue --------------------------------------------------------- */

/* A bio that found no clone: wait for one. Worker. */
static void loop_starved(struct lab_loopdev *dev, struct bio *bio)
{
	struct loop_device *lo = container_of(dev, struct loop_device, dev);
	struct loop_cmd *cmd = loop_cmd_alloc(lo, bio, GFP_NOIO);

	if (!cmd) {				/* alloc=kmalloc */
		bio->bi_status = BLK_STS_RESOURCE;
		bio_endio(bio);
		lab_loopdev_put(dev, 0);
		return;
	}
	cmd->shard = 0;
	loop_handle(cmd);
}

static void loop_submit_bio(struct bio *bio)
{
	struct loop_device *lo = bio->bi_bdev->bd_disk->private_data;
	struct loop_cmd *cmd;

	bio = lab_loopdev_fit(&lo->dev, bio);
	if (!bio)
		return;
	cmd = loop_cmd_alloc(lo, bio, GFP_NOWAIT);
	if (likely(cmd)) {
		cmd->shard = lab_loopdev_shard();
		lab_loopdev_get(&lo->dev, cmd->shard);
		loop_handle(cmd);
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

/* Clone the bios of @rq from where it stands. False: no memory, and @gfp may not wait for some. */
static bool loop_clone_rq(struct request *rq, gfp_t gfp)
{
	struct loop_device *lo = rq->q->queuedata;
	struct loop_rq *lr = blk_mq_rq_to_pdu(rq);
	blk_status_t status = BLK_STS_OK;

	for (; lr->next; lr->next = lr->next->bi_next) {
		struct loop_cmd *cmd = loop_cmd_alloc(lo, lr->next, gfp);

		if (!cmd && !gfpflags_allow_blocking(gfp))
			return false;
		if (!cmd) {				/* alloc=kmalloc */
			status = BLK_STS_RESOURCE;
			break;
		}
		cmd->rq = rq;
		/* The request may have been given flags that its bios have not, and the other way round. */
		cmd->dio.tail.bio.bi_opf = rq->cmd_flags;
		atomic_inc(&lr->left);
		loop_handle(cmd);
	}
	loop_rq_put(rq, status);
	return true;
}

/* What a request may have to wait for: a flush, or memory for a clone. */
static void loop_rq_work(struct work_struct *work)
{
	struct loop_rq *lr = container_of(work, struct loop_rq, work);
	struct request *rq = blk_mq_rq_from_pdu(lr);
	unsigned int noio = memalloc_noio_save();

	if (req_op(rq) == REQ_OP_FLUSH)
		loop_rq_put(rq, errno_to_blk_status(loop_flush(rq->q->queuedata)));
	else
		loop_clone_rq(rq, GFP_NOIO);
	memalloc_noio_restore(noio);
}

static blk_status_t loop_queue_rq(struct blk_mq_hw_ctx *hctx, const struct blk_mq_queue_data *bd)
{
	struct request *rq = bd->rq;
	struct loop_device *lo = rq->q->queuedata;
	struct loop_rq *lr = blk_mq_rq_to_pdu(rq);

	blk_mq_start_request(rq);
	lr->next = rq->bio;
	lr->status = BLK_STS_OK;
	atomic_set(&lr->left, 1);
	if (req_op(rq) == REQ_OP_FLUSH || !loop_clone_rq(rq, GFP_NOWAIT)) {
		if ((rq->cmd_flags & REQ_NOWAIT) && lr->next == rq->bio) {
			loop_rq_put(rq, BLK_STS_AGAIN);	/* not a bio of it has been cloned: nothing has happened */
			return BLK_STS_OK;
		}
		lab_probe(PUNTS);
		INIT_WORK(&lr->work, loop_rq_work);
		queue_work(req_op(rq) == REQ_OP_FLUSH ? lo->dev.wq : lo->dev.starved_wq, &lr->work);
	}
	return BLK_STS_OK;
}

static const struct blk_mq_ops loop_mq_ops = {
	.queue_rq	= loop_queue_rq,
};

/* ---- what devices are made of --------------------------------------------------------------- */

static const struct lab_loopdev_ops loop_ops[] = {
	[LAB_LOOPQ_BIO]	= { .fops = &loop_bio_fops, .starved = loop_starved },
	[LAB_LOOPQ_MQ]	= { .mq_ops = &loop_mq_ops, .cmd_bytes = sizeof(struct loop_rq) },
};

/**
 * loop_dev_ops - how the knobs have a device
 *
 * Context: any.
 */
const struct lab_loopdev_ops *loop_dev_ops(void)
{
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
	return bioset_init(&lo->clones, LOOP_POOL_SIZE, offsetof(struct loop_cmd, dio.tail.bio), 0);
}

/**
 * loop_free_pools - undo loop_alloc_pools(); nothing is in flight
 * @lo: the device
 *
 * Context: task, may sleep.
 */
void loop_free_pools(struct loop_device *lo)
{
	bioset_exit(&lo->clones);
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
