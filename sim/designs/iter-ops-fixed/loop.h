/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * loop.h - private to loop.c (what becomes of a bio) and loop-ctl.c (devices): a loop device and its commands.
 */
#ifndef LOOP_H
#define LOOP_H

#include <linux/fs.h>
#include <linux/bio.h>
#include <linux/mempool.h>
#include <linux/workqueue.h>
#include <lab/loopdev.h>

/**
 * struct loop_device - a loop device
 * @dev: all that has nothing to do with its file
 * @lab_file: what loop_add() was given, or loop_change_file()
 * @file: the descriptor of it that is in use
 * @buffered: it is the one through the page cache
 * @cmds: of struct loop_cmd (loopq=bio, alloc=pool)
 * @tables: of arrays for requests of several bios (loopq=mq)
 */
struct loop_device {
	struct lab_loopdev dev;
	struct lab_file *lab_file;
	struct file *file;
	bool buffered;
	mempool_t cmds, tables;
};

/* The opaque handle of design.h. */
struct lab_loop {
	struct loop_device lo;
};

/**
 * struct loop_cmd - one bio or request on its way: from a mempool, or in the request's own driver data
 * @iocb: while the file has it
 * @work: while the worker is to have it
 * @bio: what holds the memory: the bio to end, or of @rq the first
 * @rq: the request to end; NULL: @bio
 * @table: of a request of several bios: all their elements
 * @done_bytes: by kiocbs that ended
 * @shard: of the device's @inflight
 * @flushed: REQ_PREFLUSH is behind
 * @status: where the worker is to end it
 * @counted: the file's filesystem counts it as a write, until its end
 *
 * Position and length are the bio's or request's own: neither moves before it ends.
 */
struct loop_cmd {
	union {
		struct kiocb iocb;
		struct work_struct work;
	};
	struct loop_device *lo;
	struct bio *bio;
	struct request *rq;
	struct bio_vec *table;
	u32 done_bytes;
	u16 shard;
	bool flushed, counted;
	blk_status_t status;
};

/* ---- what a command is about ---------------------------------------------------------------- */

static inline blk_opf_t loop_cmd_opf(const struct loop_cmd *cmd)
{
	return cmd->rq ? cmd->rq->cmd_flags : cmd->bio->bi_opf;
}

static inline u32 loop_cmd_bytes(const struct loop_cmd *cmd)
{
	return cmd->rq ? blk_rq_bytes(cmd->rq) : cmd->bio->bi_iter.bi_size;
}

/* In the file, bytes. */
static inline loff_t loop_cmd_pos(const struct loop_cmd *cmd)
{
	sector_t sector = cmd->rq ? blk_rq_pos(cmd->rq) : cmd->bio->bi_iter.bi_sector;

	return cmd->lo->dev.offset_bytes + ((loff_t)sector << SECTOR_SHIFT);
}

/* Does it have memory of several bios, so that an array of all their elements is needed? */
static inline bool loop_cmd_needs_table(const struct loop_cmd *cmd)
{
	return cmd->rq && cmd->rq->bio != cmd->rq->biotail && !lab_op_no_data(cmd->rq->cmd_flags);
}

/* ---- loop.c --------------------------------------------------------------------------------- */

const struct lab_loopdev_ops *loop_dev_ops(void);
int loop_alloc_pools(struct loop_device *lo);
void loop_free_pools(struct loop_device *lo);

#endif
