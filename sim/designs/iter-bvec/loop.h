/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * loop.h - private to loop.c (commands), loop-61.c (those of the variant @6.1) and loop-ctl.c (devices: make, count,
 * take apart).
 */
#ifndef LOOP_H
#define LOOP_H

#include <linux/fs.h>
#include <linux/atomic.h>
#include <linux/bio.h>
#include <linux/blk-mq.h>
#include <linux/cache.h>
#include <linux/completion.h>
#include <linux/mempool.h>
#include <linux/sched.h>
#include <linux/workqueue.h>

#define LOOP_SHARDS	8	/* counters of what is in flight: tasks seldom share a line */

/* Starts at 1, which loop_del() takes away; who makes it 0 says so. */
struct loop_shard {
	atomic_t count;
} ____cacheline_aligned;

/**
 * struct loop_device - a loop device
 * @offset_bytes: of the device in the file
 * @wq: for all commands that may wait
 * @cmds: of struct loop_cmd (loopq=bio, alloc=pool)
 * @tables: of arrays for requests of several bios (loopq=mq)
 * @starved: bios that found no command, under @starved_lock
 * @cmds_queued: of struct loop_61_cmd, for @cmds_work, under @cmds_lock
 * @inflight: bios taken and not ended (loopq=bio; a request queue counts by its tags)
 * @drained: completed once for each of @inflight that becomes 0
 */
struct loop_device {
	struct file *file;
	struct gendisk *disk;
	u64 offset_bytes;
	bool read_only;
	struct workqueue_struct *wq;
	mempool_t cmds, tables;
	struct blk_mq_tag_set tag_set;
	spinlock_t starved_lock;
	struct bio_list starved;
	struct work_struct starved_work;
	spinlock_t cmds_lock;
	struct list_head cmds_queued;
	struct work_struct cmds_work;
	struct completion drained;
	struct loop_shard inflight[LOOP_SHARDS];
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
	bool flushed;
};

/**
 * struct loop_61_cmd - one request on its way, in its own driver data
 * @node: in the device's @cmds_queued
 * @table: of a request of several bios: all their elements
 * @ref: the submission and the kiocb
 * @ret: of the kiocb: bytes or -errno; of other commands 0 or -errno
 * @is_rw: it is a kiocb
 */
struct loop_61_cmd {
	struct list_head node;
	struct kiocb iocb;
	struct loop_device *lo;
	struct bio_vec *table;
	atomic_t ref;
	long ret;
	bool is_rw;
};

extern struct lab_knobs loop_knobs;
extern bool loop_is_61;
extern struct kmem_cache *loop_cmd_cache;
extern const struct block_device_operations loop_bio_fops;
extern const struct blk_mq_ops loop_mq_ops, loop_61_mq_ops;

void loop_starved_work(struct work_struct *work);
void loop_61_work(struct work_struct *work);

static inline void loop_get(struct loop_device *lo, unsigned int shard)
{
	atomic_inc(&lo->inflight[shard].count);
}

/* Any context. @lo may be gone afterwards. */
static inline void loop_put(struct loop_device *lo, unsigned int shard)
{
	if (atomic_dec_and_test(&lo->inflight[shard].count))
		complete(&lo->drained);
}

#endif
