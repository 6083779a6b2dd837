// SPDX-License-Identifier: GPL-2.0-only
/*
 * loop-ctl.c - loop devices: make one on a file, give it the limits of what is below, take it apart.
 *
 * The device advertises what direct IO on the file needs (logical block, memory alignment), so that a bio
 * it is given fits the file; it has no size limit of its own, since the file's extents cut the bio anyway.
 * It has a volatile cache, which fsync of the file flushes, and takes FUA.
 */
#include <linux/blkdev.h>
#include <linux/build_bug.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/slab.h>
#include "loop.h"

#define LOOP_QUEUE_DEPTH	128	/* tags with loopq=mq, as in Linux 6.1 */
#define LOOP_POOL_SIZE		4	/* commands and arrays kept back: progress without memory */
#define LOOP_MAX_ACTIVE		4	/* commands that wait at once */
#define LOOP_MAX_SECTORS	(UINT_MAX >> SECTOR_SHIFT)

/* @6.1: requests of 1280 KiB, and what blk_mq_alloc_disk() says: 128 elements of at most 64 KiB. */
#define LOOP_61_MAX_SECTORS	2560

struct lab_knobs loop_knobs;
bool loop_is_61;
struct kmem_cache *loop_cmd_cache;
static struct kmem_cache *loop_table_cache;

/* Bytes of the file that the device shows; 0: none. */
static u64 loop_size_bytes(struct file *file, const struct lab_loop_opts *opts)
{
	u64 size = i_size_read(file->f_inode);

	if (size <= opts->offset_bytes)
		return 0;
	size -= opts->offset_bytes;
	return opts->size_bytes && opts->size_bytes < size ? opts->size_bytes : size;
}

static int loop_check_opts(struct file *file, const struct lab_loop_opts *opts, unsigned int block_bytes)
{
	unsigned int lower = bdev_logical_block_size(file->f_bdev);

	if (!is_power_of_2(block_bytes) || block_bytes < lower || block_bytes > PAGE_SIZE)
		return -EINVAL;
	if (opts->offset_bytes & (lower - 1))
		return -EINVAL;
	return loop_size_bytes(file, opts) >= block_bytes ? 0 : -EINVAL;
}

static void loop_set_limits(struct loop_device *lo, const struct lab_loop_opts *opts,
			    unsigned int block_bytes)
{
	struct request_queue *q = lo->disk->queue;
	struct block_device *lower = lo->file->f_bdev;
	unsigned int max_sectors;

	if (loop_knobs.loopq == LAB_LOOPQ_BIO)
		blk_set_stacking_limits(&q->limits);
	else if (!loop_is_61)
		blk_queue_max_segments(q, BIO_MAX_VECS);
	if (!loop_is_61)
		blk_queue_max_segment_size(q, UINT_MAX);
	max_sectors = loop_is_61 ? LOOP_61_MAX_SECTORS : LOOP_MAX_SECTORS;
	blk_queue_max_hw_sectors(q, opts->max_sectors ? opts->max_sectors : max_sectors);
	blk_queue_logical_block_size(q, block_bytes);
	blk_queue_dma_alignment(q, bdev_dma_alignment(lower));
	blk_queue_write_cache(q, true, !loop_is_61);	/* @6.1: FUA becomes a flush (blk-flush.c) */
	if (!lo->read_only) {
		blk_queue_max_discard_sectors(q, LOOP_MAX_SECTORS);
		blk_queue_max_write_zeroes_sectors(q, LOOP_MAX_SECTORS);
	}
}

static int loop_alloc_disk(struct loop_device *lo)
{
	struct gendisk *disk;

	if (loop_knobs.loopq == LAB_LOOPQ_BIO) {
		disk = blk_alloc_disk(NUMA_NO_NODE);
		if (!disk)
			return -ENOMEM;
		disk->fops = &loop_bio_fops;
	} else {
		int err;

		lo->tag_set.ops = loop_is_61 ? &loop_61_mq_ops : &loop_mq_ops;
		lo->tag_set.nr_hw_queues = 1;
		lo->tag_set.queue_depth = LOOP_QUEUE_DEPTH;
		lo->tag_set.numa_node = NUMA_NO_NODE;
		lo->tag_set.cmd_size = loop_is_61 ? sizeof(struct loop_61_cmd) : sizeof(struct loop_cmd);
		/* The file may want locks: not from a completion. */
		lo->tag_set.flags = BLK_MQ_F_SHOULD_MERGE | BLK_MQ_F_BLOCKING;
		err = blk_mq_alloc_tag_set(&lo->tag_set);
		if (err)
			return err;
		disk = blk_mq_alloc_disk(&lo->tag_set, lo);
		if (IS_ERR(disk)) {
			blk_mq_free_tag_set(&lo->tag_set);
			return PTR_ERR(disk);
		}
	}
	disk->private_data = lo;
	disk->lab_scope = LAB_LOOP;
	disk->lab_stacking = true;
	lo->disk = disk;
	return 0;
}

static void loop_free_disk(struct loop_device *lo)
{
	put_disk(lo->disk);
	if (loop_knobs.loopq == LAB_LOOPQ_MQ)
		blk_mq_free_tag_set(&lo->tag_set);
}

static int loop_alloc_pools(struct loop_device *lo)
{
	int err = mempool_init_slab_pool(&lo->cmds, LOOP_POOL_SIZE, loop_cmd_cache);

	if (err)
		return err;
	err = mempool_init_slab_pool(&lo->tables, LOOP_POOL_SIZE, loop_table_cache);
	if (err)
		mempool_exit(&lo->cmds);
	return err;
}

static void loop_free_pools(struct loop_device *lo)
{
	mempool_exit(&lo->tables);
	mempool_exit(&lo->cmds);
}

static void loop_init_device(struct loop_device *lo, struct file *file, const struct lab_loop_opts *opts)
{
	unsigned int i;

	lo->file = file;
	lo->offset_bytes = opts->offset_bytes;
	lo->read_only = opts->read_only;
	spin_lock_init(&lo->starved_lock);
	bio_list_init(&lo->starved);
	INIT_WORK(&lo->starved_work, loop_starved_work);
	spin_lock_init(&lo->cmds_lock);
	INIT_LIST_HEAD(&lo->cmds_queued);
	INIT_WORK(&lo->cmds_work, loop_61_work);
	init_completion(&lo->drained);
	for (i = 0; i < LOOP_SHARDS; i++)
		atomic_set(&lo->inflight[i].count, 1);
}

/**
 * loop_add - a block device on @lf
 * @lf: an open file, until loop_del()
 * @opts: see struct lab_loop_opts
 *
 * Context: task, may sleep. Return: the device, or ERR_PTR(-EINVAL): not a file, no room after the offset,
 * blocks smaller than those of the device below, or an offset that is no multiple of them;
 * ERR_PTR(-ENOMEM).
 */
struct lab_loop *loop_add(struct lab_file *lf, const struct lab_loop_opts *opts)
{
	struct file *file = &lf->file;
	unsigned int block_bytes;
	struct loop_device *lo;
	struct lab_loop *loop;
	int err;

	BUILD_BUG_ON(LOOP_MAX_ACTIVE < 2);	/* starved_work waits for what commands behind it free */
	if (!file->f_inode)
		return ERR_PTR(-EINVAL);
	block_bytes = opts->logical_block_bytes;
	if (!block_bytes)
		block_bytes = bdev_logical_block_size(file->f_bdev);
	err = loop_check_opts(file, opts, block_bytes);
	if (err)
		return ERR_PTR(err);
	loop = kzalloc(sizeof(*loop), GFP_KERNEL);
	if (!loop)
		return ERR_PTR(-ENOMEM);
	lo = &loop->lo;
	loop_init_device(lo, file, opts);
	err = loop_alloc_pools(lo);
	if (err)
		goto free_loop;
	err = -ENOMEM;
	lo->wq = alloc_workqueue("loop", WQ_MEM_RECLAIM | WQ_UNBOUND, LOOP_MAX_ACTIVE);
	if (!lo->wq)
		goto free_pools;
	err = loop_alloc_disk(lo);
	if (err)
		goto free_wq;
	loop_set_limits(lo, opts, block_bytes);
	set_capacity(lo->disk, round_down(loop_size_bytes(file, opts), block_bytes) >> SECTOR_SHIFT);
	set_disk_ro(lo->disk, lo->read_only);
	err = add_disk(lo->disk);
	if (err)
		goto free_disk;
	return loop;

free_disk:
	loop_free_disk(lo);
free_wq:
	destroy_workqueue(lo->wq);
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
	return loop->lo.disk->part0;
}

/**
 * loop_del - take a device apart
 * @loop: gone afterwards. Nobody submits to it any more; what is in flight is waited for
 *
 * Context: task, sleeps.
 */
void loop_del(struct lab_loop *loop)
{
	struct loop_device *lo = &loop->lo;
	unsigned int i;

	del_gendisk(lo->disk);
	for (i = 0; i < LOOP_SHARDS; i++)
		if (!atomic_dec_and_test(&lo->inflight[i].count))
			wait_for_completion(&lo->drained);
	destroy_workqueue(lo->wq);
	loop_free_disk(lo);
	loop_free_pools(lo);
	kfree(loop);
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
	loop_is_61 = knobs->variant == VARIANT_61;
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
