// SPDX-License-Identifier: GPL-2.0-only
/*
 * dev.c - the frame around the three drivers at the bottom: limits, tags, disk, and their end.
 *
 * Every device says that it has a volatile cache and takes FUA, so that flushes go the same way whatever is
 * at the bottom. Every one can be polled: its completions wait, on the submitting task's ring or list, until
 * that task looks. A device that only simulates looks at each request with lab_rq_fits(): there a request that
 * breaks the limits is a bug of the code above, while on a real disk what the host says is what counts.
 */
#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/bug.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/printk.h>
#include "dev.h"

#define NO_DATA_MAX_SECTORS	(1u << 22)	/* of one discard or write-zeroes: 2 GiB */

const char *lab_limits_why(const struct lab_limits *l)
{
	u32 block_bytes = l->logical_block_bytes ?: SECTOR_SIZE;

	if (block_bytes < SECTOR_SIZE || block_bytes > PAGE_SIZE || !is_power_of_2(block_bytes))
		return "logical_block_size is 512, 1024, 2048 or 4096";
	if (l->max_sectors && (l->max_sectors < PAGE_SECTORS || l->max_sectors > LAB_DISK_MAX_SECTORS))
		return "max_sectors is 8 to 2560 (units of 512 bytes)";
	if ((l->max_sectors << SECTOR_SHIFT) % block_bytes)
		return "max_sectors is a multiple of the logical block size";
	if (l->max_segments > LAB_DISK_MAX_SEGMENTS)
		return "max_segments is 1 to 256";
	if (l->max_segment_bytes && (l->max_segment_bytes < PAGE_SIZE ||
				     l->max_segment_bytes > LAB_DISK_MAX_SEGMENT_BYTES))
		return "max_segment_size is 4k to 4m";
	if (l->max_segment_bytes % block_bytes)
		return "max_segment_size is a multiple of the logical block size";
	if (l->virt_boundary_bytes && (l->virt_boundary_bytes < PAGE_SIZE ||
				       !is_power_of_2(l->virt_boundary_bytes)))
		return "virt_boundary is a power of two from 4k on";
	if (l->queue_depth > LAB_DISK_QUEUE_DEPTH)
		return "queue_depth is 1 to 256";
	return NULL;
}

static void set_limits(struct request_queue *q, u32 own_block_bytes, const struct lab_limits *l)
{
	u32 block_bytes = l->logical_block_bytes ?: own_block_bytes;

	blk_queue_logical_block_size(q, block_bytes);
	blk_queue_dma_alignment(q, SECTOR_SIZE - 1);
	blk_queue_max_hw_sectors(q, l->max_sectors ?: LAB_DISK_MAX_SECTORS);
	blk_queue_max_segments(q, l->max_segments ?: LAB_DISK_MAX_SEGMENTS);
	blk_queue_max_segment_size(q, l->max_segment_bytes ?: LAB_DISK_MAX_SEGMENT_BYTES);
	if (l->virt_boundary_bytes)
		blk_queue_virt_boundary(q, l->virt_boundary_bytes - 1);
	blk_queue_max_discard_sectors(q, NO_DATA_MAX_SECTORS);
	blk_queue_max_write_zeroes_sectors(q, NO_DATA_MAX_SECTORS);
	blk_queue_write_cache(q, true, true);
	blk_queue_flag_set(QUEUE_FLAG_POLL, q);
}

/**
 * lab_mq_dev_add - make the queue and the disk of a driver, ready for IO
 * @d: @d->dev.name and @d->dev.destroy are set
 * @ops: the driver
 * @cmd_bytes: of driver data in each request
 * @bytes: capacity; rounded down to whole logical blocks
 * @own_block_bytes: logical block when @limits name none; the least that @limits may name
 * @limits: NULL: the driver's own
 *
 * Context: task, may sleep. Return: 0; -EINVAL (limits; less than one page), -ENOMEM.
 */
int lab_mq_dev_add(struct lab_mq_dev *d, const struct blk_mq_ops *ops, unsigned int cmd_bytes, u64 bytes,
		   unsigned int own_block_bytes, const struct lab_limits *limits)
{
	static const struct lab_limits none;
	const struct lab_limits *l = limits ?: &none;
	const char *why = lab_limits_why(l);
	struct gendisk *disk;
	int err;

	if (!why && l->logical_block_bytes && l->logical_block_bytes < own_block_bytes)
		why = "logical_block_size is below the disk's own";
	if (why)
		pr_err("%s: %s\n", d->dev.name, why);
	if (why || bytes < LAB_DISK_MIN_BYTES)
		return -EINVAL;
	d->set.ops = ops;
	d->set.nr_hw_queues = 1;
	d->set.queue_depth = l->queue_depth ? l->queue_depth : LAB_DISK_QUEUE_DEPTH;
	d->set.cmd_size = cmd_bytes;
	d->set.numa_node = NUMA_NO_NODE;
	d->set.flags = BLK_MQ_F_SHOULD_MERGE;
	d->set.driver_data = d;
	err = blk_mq_alloc_tag_set(&d->set);
	if (err)
		return err;
	disk = blk_mq_alloc_disk(&d->set, d);
	if (IS_ERR(disk)) {
		blk_mq_free_tag_set(&d->set);
		return PTR_ERR(disk);
	}
	d->dev.disk = disk;
	disk->private_data = &d->dev;
	disk->lab_scope = LAB_LOWER;
	scnprintf(disk->disk_name, sizeof(disk->disk_name), "%s", d->dev.name);
	set_limits(disk->queue, own_block_bytes, l);
	set_capacity(disk, round_down(bytes, (u64)queue_logical_block_size(disk->queue)) >> SECTOR_SHIFT);
	err = add_disk(disk);
	if (err) {
		put_disk(disk);
		blk_mq_free_tag_set(&d->set);
	}
	return err;
}

/**
 * lab_mq_dev_del - undo lab_mq_dev_add()
 * @d: no IO in flight
 *
 * Context: task, may sleep.
 */
void lab_mq_dev_del(struct lab_mq_dev *d)
{
	del_gendisk(d->dev.disk);
	put_disk(d->dev.disk);
	blk_mq_free_tag_set(&d->set);
}

void lab_bdev_destroy(struct block_device *bdev)
{
	struct lab_device *dev = bdev->bd_disk->private_data;

	dev->destroy(dev);
}

/**
 * lab_sim_size_ok - can a simulated device be of this size?
 * @bytes: the size
 * @limits: for its logical block; NULL: none
 *
 * LAB_DISK_MIN_BYTES .. LAB_SIM_MAX_BYTES, whole logical blocks. Context: any.
 */
bool lab_sim_size_ok(u64 bytes, const struct lab_limits *limits)
{
	u32 block_bytes = limits && limits->logical_block_bytes ? limits->logical_block_bytes : SECTOR_SIZE;

	return bytes >= LAB_DISK_MIN_BYTES && bytes <= LAB_SIM_MAX_BYTES && bytes % block_bytes == 0;
}

static bool segments_fit(struct request *rq)
{
	struct queue_limits *lim = &rq->q->limits;
	unsigned int nr = 0, seg_bytes = 0, total_bytes = 0;
	unsigned long end = 0;
	struct req_iterator iter;
	struct bio_vec bv;

	rq_for_each_bvec(bv, rq, iter) {
		unsigned long at = (unsigned long)bvec_virt(&bv);
		unsigned int len = bv.bv_len;

		if ((at | len) & lim->dma_alignment)
			return false;
		if (end && end != at && ((end | at) & lim->virt_boundary_mask))
			return false;
		if (end != at)
			seg_bytes = 0;
		total_bytes += len;
		end = at + len;
		if (!seg_bytes)
			nr++;
		for (seg_bytes += len; seg_bytes > lim->max_segment_size; seg_bytes -= lim->max_segment_size)
			nr++;
	}
	return nr <= lim->max_segments && total_bytes == blk_rq_bytes(rq);
}

/**
 * lab_rq_fits - does a request keep to the limits of its queue?
 * @rq: at the driver
 *
 * Position and length in logical blocks, inside the disk, not too long; memory aligned, not in too many
 * segments, no gap off the virt boundary. WARNs when not: the code above has a bug. Context: any.
 */
bool lab_rq_fits(struct request *rq)
{
	struct queue_limits *lim = &rq->q->limits;
	u64 pos_bytes = blk_rq_pos(rq) << SECTOR_SHIFT;
	unsigned int len_bytes = blk_rq_bytes(rq);
	bool fits = !((pos_bytes | len_bytes) & (lim->logical_block_size - 1));

	if (req_op(rq) == REQ_OP_FLUSH)
		return true;
	fits = fits && blk_rq_pos(rq) + blk_rq_sectors(rq) <= get_capacity(rq->q->disk);
	if (fits && !lab_op_no_data(rq->cmd_flags))
		fits = blk_rq_sectors(rq) <= lim->max_sectors && segments_fit(rq);
	return !WARN(!fits, "%s: request of %u bytes at sector %llu breaks the device's limits",
		     rq->q->disk->disk_name, len_bytes, (unsigned long long)blk_rq_pos(rq));
}
