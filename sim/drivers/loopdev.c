// SPDX-License-Identifier: GPL-2.0-only
/*
 * loopdev.c - loop devices, the neutral part: make the disk, give it the limits of what is below, freeze it,
 * take it apart.
 *
 * The device advertises what direct IO on the file needs (logical block, memory alignment), so that a bio
 * it is given fits the file; of the length of a bio it says no more than every queue does (BLK_DEF_MAX_SECTORS,
 * 1280 KiB), since the file's extents cut it anyway.
 * It has a volatile cache, which fsync of the file flushes, and takes FUA.
 *
 * Under the old rule on bios it has the limits of the device below besides, as every stacking device then: a bio
 * that fits here fits there. It has no merge_bvec_fn: where in the file a bio lies is known when the file's own bios
 * are filled, and they ask those below.
 *
 * Freezing has two halves. The block layer's keeps tasks out of ->submit_bio and waits for those inside; what
 * they left behind is counted in shards, each of which starts at one: the freezer takes that one away, and
 * whoever brings a shard to zero completes. So the common path never looks whether somebody waits.
 *
 * Source: the limits and the order of steps of loop_configure() and loop_change_fd(), Linux 6.1.
 */
#include <linux/build_bug.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/log2.h>
#include <lab/loopdev.h>

#define LOOPDEV_MAX_SECTORS	(UINT_MAX >> SECTOR_SHIFT)

/* Bytes of a file of @file_bytes that the device shows; 0: none. */
static u64 loopdev_bytes(const struct lab_loopdev *dev, u64 file_bytes)
{
	u64 bytes;

	if (file_bytes <= dev->offset_bytes)
		return 0;
	bytes = file_bytes - dev->offset_bytes;
	if (dev->size_bytes && dev->size_bytes < bytes)
		bytes = dev->size_bytes;
	return round_down(bytes, dev->block_bytes);
}

static int loopdev_check(const struct lab_loopdev *dev, struct block_device *lower, u64 file_bytes)
{
	unsigned int lower_block = bdev_logical_block_size(lower);

	if (!is_power_of_2(dev->block_bytes) || dev->block_bytes < lower_block || dev->block_bytes > PAGE_SIZE)
		return -EINVAL;
	if (dev->offset_bytes & (lower_block - 1))
		return -EINVAL;
	return loopdev_bytes(dev, file_bytes) ? 0 : -EINVAL;
}

/* The old rule: what is built for this device is not cut below either. */
static void loopdev_stack_limits(struct request_queue *q, const struct request_queue *below)
{
	blk_queue_max_hw_sectors(q, min(queue_max_sectors(q), queue_max_sectors(below)));
	blk_queue_max_segments(q, min(queue_max_segments(q), queue_max_segments(below)));
	if (queue_virt_boundary(below))
		blk_queue_virt_boundary(q, queue_virt_boundary(below));
	else
		blk_queue_max_segment_size(q, queue_max_segment_size(below));
}

static void loopdev_set_limits(struct lab_loopdev *dev, const struct lab_loop_opts *opts, struct block_device *lower)
{
	struct request_queue *q = dev->disk->queue;

	if (dev->ops->fops)
		blk_set_stacking_limits(&q->limits);
	else
		blk_queue_max_segments(q, dev->ops->max_segments ? dev->ops->max_segments : USHRT_MAX);
	blk_queue_max_segment_size(q, UINT_MAX);
	blk_queue_max_hw_sectors(q, opts->max_sectors ? opts->max_sectors : LOOPDEV_MAX_SECTORS);
	blk_queue_logical_block_size(q, dev->block_bytes);
	if (lab_bio_old_rule)
		loopdev_stack_limits(q, bdev_get_queue(lower));
	blk_queue_dma_alignment(q, bdev_dma_alignment(lower));
	blk_queue_write_cache(q, true, true);
	if (blk_queue_poll(bdev_get_queue(lower)))
		blk_queue_flag_set(QUEUE_FLAG_POLL, q);	/* a poll looks below: it finds what no worker started */
	if (!dev->read_only) {
		blk_queue_max_discard_sectors(q, LOOPDEV_MAX_SECTORS);
		blk_queue_max_write_zeroes_sectors(q, LOOPDEV_MAX_SECTORS);
	}
}

static void loopdev_free_queues(struct lab_loopdev *dev)
{
	if (dev->starved_wq)
		destroy_workqueue(dev->starved_wq);
	if (dev->thaw_wq)
		destroy_workqueue(dev->thaw_wq);
	if (dev->wq)
		destroy_workqueue(dev->wq);
}

static int loopdev_alloc_queues(struct lab_loopdev *dev)
{
	dev->wq = alloc_workqueue("loop", WQ_MEM_RECLAIM | WQ_UNBOUND, LAB_LOOP_MAX_ACTIVE);
	dev->thaw_wq = alloc_ordered_workqueue("loop-thaw", WQ_MEM_RECLAIM);
	if (dev->ops->mq_ops)
		dev->starved_wq = alloc_ordered_workqueue("loop-starved", WQ_MEM_RECLAIM);
	if (dev->wq && dev->thaw_wq && (dev->starved_wq || !dev->ops->mq_ops))
		return 0;
	loopdev_free_queues(dev);
	return -ENOMEM;
}

static int loopdev_alloc_disk(struct lab_loopdev *dev, const struct lab_loop_opts *opts, void *driver_data)
{
	struct gendisk *disk;

	if (dev->ops->fops) {
		disk = blk_alloc_disk(NUMA_NO_NODE);
		if (!disk)
			return -ENOMEM;
		disk->fops = dev->ops->fops;
	} else {
		int err;

		dev->tag_set.ops = dev->ops->mq_ops;
		dev->tag_set.nr_hw_queues = 1;
		dev->tag_set.queue_depth = opts->queue_depth ? opts->queue_depth : LAB_LOOP_QUEUE_DEPTH;
		dev->tag_set.numa_node = NUMA_NO_NODE;
		dev->tag_set.cmd_size = dev->ops->cmd_bytes;
		/* The file may want locks: not from a completion. */
		dev->tag_set.flags = BLK_MQ_F_SHOULD_MERGE | BLK_MQ_F_BLOCKING;
		err = blk_mq_alloc_tag_set(&dev->tag_set);
		if (err)
			return err;
		disk = blk_mq_alloc_disk(&dev->tag_set, driver_data);
		if (IS_ERR(disk)) {
			blk_mq_free_tag_set(&dev->tag_set);
			return PTR_ERR(disk);
		}
	}
	disk->major = LOOP_MAJOR;
	disk->private_data = driver_data;
	disk->lab_scope = LAB_LOOP;
	disk->lab_stacking = true;
	dev->disk = disk;
	return 0;
}

static void loopdev_free_disk(struct lab_loopdev *dev)
{
	put_disk(dev->disk);
	blk_mq_free_tag_set(&dev->tag_set);
}

/* Wait, in the worker, for what each starved bio lacks: memory to cut it is the first. */
static void loopdev_starved_work(struct work_struct *work)
{
	struct lab_loopdev *dev = container_of(work, struct lab_loopdev, starved_work);
	struct bio *bio;

	for (;;) {
		spin_lock(&dev->starved_lock);
		bio = bio_list_pop(&dev->starved);
		spin_unlock(&dev->starved_lock);
		if (!bio)
			return;
		bio = bio_split_to_limits(bio);
		if (bio)
			dev->ops->starved(dev, bio);
		else
			lab_loopdev_put(dev, 0);	/* ended */
	}
}

/**
 * lab_loopdev_starve - a bio that must wait for memory, and whose submitter may not
 * @dev: the bio counts in its shard 0, which ops->starved() answers for
 * @bio: goes to ops->starved()
 *
 * Context: ->submit_bio.
 */
void lab_loopdev_starve(struct lab_loopdev *dev, struct bio *bio)
{
	lab_probe(PUNTS);
	lab_loopdev_get(dev, 0);
	spin_lock(&dev->starved_lock);
	bio_list_add(&dev->starved, bio);
	spin_unlock(&dev->starved_lock);
	queue_work(dev->wq, &dev->starved_work);
}

/**
 * lab_loopdev_cut - lab_loopdev_fit() of what is not one segment
 * @dev: the device
 * @bio: what it was given
 *
 * Context: ->submit_bio. Return: as there.
 */
struct bio *lab_loopdev_cut(struct lab_loopdev *dev, struct bio *bio)
{
	struct bio *front = lab_split_to_limits(bio, GFP_NOWAIT | __GFP_NOWARN);

	if (likely(!IS_ERR(front)))
		return front;
	lab_loopdev_starve(dev, bio);
	return NULL;
}

/**
 * lab_loopdev_add - make the disk and let bios come
 * @dev: zeroed memory of the driver's
 * @ops: the driver's side: fops or mq_ops
 * @opts: looked at; @opts->buffered is the driver's affair
 * @lower: the device that holds the file's data
 * @file_bytes: size of the file
 * @driver_data: disk->private_data, and queuedata of a request queue
 *
 * Context: task, may sleep. Return: 0; -EINVAL (no room after the offset, blocks smaller than those below, an offset
 * that is no multiple of them), -ENOMEM; nothing is left behind on error.
 */
int lab_loopdev_add(struct lab_loopdev *dev, const struct lab_loopdev_ops *ops, const struct lab_loop_opts *opts,
		    struct block_device *lower, u64 file_bytes, void *driver_data)
{
	unsigned int i;
	int err;

	BUILD_BUG_ON(LAB_LOOP_MAX_ACTIVE < 2);	/* starved_work waits for what works behind it free */
	dev->ops = ops;
	dev->offset_bytes = opts->offset_bytes;
	dev->size_bytes = opts->size_bytes;
	dev->block_bytes = opts->logical_block_bytes ? opts->logical_block_bytes : bdev_logical_block_size(lower);
	dev->read_only = opts->read_only;
	spin_lock_init(&dev->starved_lock);
	bio_list_init(&dev->starved);
	INIT_WORK(&dev->starved_work, loopdev_starved_work);
	init_completion(&dev->drained);
	for (i = 0; i < LAB_LOOP_SHARDS; i++)
		atomic_set(&dev->inflight[i].count, 1);
	err = loopdev_check(dev, lower, file_bytes);
	if (err)
		return err;
	err = loopdev_alloc_queues(dev);
	if (err)
		return err;
	err = loopdev_alloc_disk(dev, opts, driver_data);
	if (err)
		goto free_queues;
	loopdev_set_limits(dev, opts, lower);
	set_capacity(dev->disk, loopdev_bytes(dev, file_bytes) >> SECTOR_SHIFT);
	set_disk_ro(dev->disk, dev->read_only);
	err = add_disk(dev->disk);
	if (err)
		goto free_disk;
	return 0;

free_disk:
	loopdev_free_disk(dev);
free_queues:
	loopdev_free_queues(dev);
	return err;
}

/* Nobody enters any more: wait for the bios that are below. */
static void loopdev_drain(struct lab_loopdev *dev)
{
	unsigned int i;

	for (i = 0; i < LAB_LOOP_SHARDS; i++)
		if (!atomic_dec_and_test(&dev->inflight[i].count))
			wait_for_completion(&dev->drained);
}

/**
 * lab_loopdev_freeze - keep bios out, and wait for all that came
 * @dev: not frozen. Who submits now waits, or gets -EAGAIN with REQ_NOWAIT
 *
 * Context: task, sleeps; not from the device's own worker.
 */
void lab_loopdev_freeze(struct lab_loopdev *dev)
{
	BUG_ON(dev->frozen);
	blk_mq_freeze_queue(dev->disk->queue);
	loopdev_drain(dev);
	dev->frozen = true;
}

/**
 * lab_loopdev_thaw - undo lab_loopdev_freeze()
 * @dev: frozen
 *
 * Context: task, may sleep.
 */
void lab_loopdev_thaw(struct lab_loopdev *dev)
{
	unsigned int i;

	BUG_ON(!dev->frozen);
	dev->frozen = false;
	for (i = 0; i < LAB_LOOP_SHARDS; i++)
		atomic_set(&dev->inflight[i].count, 1);
	blk_mq_unfreeze_queue(dev->disk->queue);
}

/**
 * lab_loopdev_set_lower - another file is below (LOOP_CHANGE_FD)
 * @dev: frozen
 * @lower: the device that holds its data
 * @file_bytes: its size
 *
 * Context: task. Return: 0; -EINVAL (writable, another size, blocks that do not fit), with nothing changed.
 */
int lab_loopdev_set_lower(struct lab_loopdev *dev, struct block_device *lower, u64 file_bytes)
{
	BUG_ON(!dev->frozen);
	if (!dev->read_only || loopdev_check(dev, lower, file_bytes) ||
	    loopdev_bytes(dev, file_bytes) >> SECTOR_SHIFT != bdev_nr_sectors(dev->disk->part0))
		return -EINVAL;
	blk_queue_dma_alignment(dev->disk->queue, bdev_dma_alignment(lower));
	if (lab_bio_old_rule)
		loopdev_stack_limits(dev->disk->queue, bdev_get_queue(lower));
	return 0;
}

/**
 * lab_loopdev_set_capacity - the file has another size (LOOP_SET_CAPACITY)
 * @dev: IO may be in flight: what lies beyond a new end is the file's to refuse, or to fill with zeros
 * @file_bytes: its size now
 *
 * Context: task. Return: 0; -EINVAL: not a block of it is left, the capacity is as before.
 */
int lab_loopdev_set_capacity(struct lab_loopdev *dev, u64 file_bytes)
{
	u64 bytes = loopdev_bytes(dev, file_bytes);

	if (!bytes)
		return -EINVAL;
	set_capacity(dev->disk, bytes >> SECTOR_SHIFT);
	return 0;
}

/**
 * lab_loopdev_del - take the disk apart
 * @dev: its memory stays the driver's. Nobody submits to it any more; what is in flight is waited for
 *
 * Context: task, sleeps.
 */
void lab_loopdev_del(struct lab_loopdev *dev)
{
	BUG_ON(dev->frozen);
	del_gendisk(dev->disk);
	loopdev_drain(dev);
	loopdev_free_queues(dev);
	loopdev_free_disk(dev);
}
