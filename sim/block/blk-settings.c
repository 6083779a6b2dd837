// SPDX-License-Identifier: GPL-2.0-only
/*
 * blk-settings.c - what a queue can take.
 *
 * Setters check and, where a driver asks for the impossible, say so and take the nearest value, as in the
 * kernel. They are called before add_disk(), or with the queue frozen: submission reads limits without a
 * lock.
 *
 * Source: the rules of block/blk-settings.c of Linux 6.1.
 */
#include "blk.h"

/* What is derived: a bio no longer than this that lies in one element needs no look at its elements. */
static void limits_changed(struct queue_limits *lim)
{
	unsigned int max_bytes = lab_max_sectors(lim);

	max_bytes = min(max_bytes, UINT_MAX >> SECTOR_SHIFT) << SECTOR_SHIFT;
	lim->lab_one_segment_bytes = min(max_bytes, lim->max_segment_size);
}

/**
 * blk_set_default_limits - what a queue says before its driver says more
 */
void blk_set_default_limits(struct queue_limits *lim)
{
	*lim = (struct queue_limits) {
		.max_hw_sectors = BLK_SAFE_MAX_SECTORS,
		.max_sectors = BLK_SAFE_MAX_SECTORS,
		.max_segment_size = BLK_MAX_SEGMENT_SIZE,
		.logical_block_size = SECTOR_SIZE,
		.dma_alignment = SECTOR_SIZE - 1,
		.max_segments = BLK_MAX_SEGMENTS,
	};
	limits_changed(lim);
}

/**
 * blk_set_stacking_limits - no limits: a stacking driver leaves cutting to the devices below
 *
 * max_sectors is that of the largest bio. Discard stays off until said or stacked otherwise; write-zeroes
 * is what every device below takes.
 */
void blk_set_stacking_limits(struct queue_limits *lim)
{
	blk_set_default_limits(lim);
	lim->max_hw_sectors = lim->max_sectors = BIO_MAX_SIZE_BYTES >> SECTOR_SHIFT;
	lim->max_segment_size = UINT_MAX;
	lim->max_segments = USHRT_MAX;
	lim->max_write_zeroes_sectors = UINT_MAX;
	limits_changed(lim);
}

/* Whole logical blocks, and at least a page. */
static unsigned int stacked_sectors(unsigned int sectors, unsigned int block_bytes)
{
	return max(round_down(sectors, block_bytes >> SECTOR_SHIFT), (unsigned int)PAGE_SECTORS);
}

/**
 * blk_stack_limits - tighten @t, of a device on top, to what @b, of one below it, can take
 * @start: first sector used of the one below, 512-byte units
 *
 * Returns 0, or -1 when @start is not a multiple of the lower one's logical block. Unlike Linux, which then says so at
 * every later call too, this does not remember it.
 */
int blk_stack_limits(struct queue_limits *t, struct queue_limits *b, sector_t start)
{
	t->max_sectors = min(t->max_sectors, b->max_sectors);
	t->max_hw_sectors = min(t->max_hw_sectors, b->max_hw_sectors);
	t->max_segments = min(t->max_segments, b->max_segments);
	t->max_segment_size = min(t->max_segment_size, b->max_segment_size);
	t->virt_boundary_mask = t->virt_boundary_mask && b->virt_boundary_mask ?
				min(t->virt_boundary_mask, b->virt_boundary_mask) :
				max(t->virt_boundary_mask, b->virt_boundary_mask);
	t->logical_block_size = max(t->logical_block_size, b->logical_block_size);
	t->dma_alignment = max(t->dma_alignment, b->dma_alignment);
	t->max_discard_sectors = min_not_zero(t->max_discard_sectors, b->max_discard_sectors);
	t->max_write_zeroes_sectors = min(t->max_write_zeroes_sectors, b->max_write_zeroes_sectors);
	t->max_sectors = stacked_sectors(t->max_sectors, t->logical_block_size);
	t->max_hw_sectors = stacked_sectors(t->max_hw_sectors, t->logical_block_size);
	limits_changed(t);
	return (start << SECTOR_SHIFT) % b->logical_block_size ? -1 : 0;
}

/**
 * disk_stack_limits - blk_stack_limits() for a disk on top of @bdev, beginning at @offset_bytes of it
 *
 * WARNs when that is misaligned.
 */
void disk_stack_limits(struct gendisk *disk, struct block_device *bdev, sector_t offset_bytes)
{
	WARN_ON(blk_stack_limits(&disk->queue->limits, &bdev_get_queue(bdev)->limits,
				 offset_bytes >> SECTOR_SHIFT));
}

/**
 * blk_queue_max_hw_sectors - largest request, 512-byte units
 *
 * At least a page. What is used of it is at most BLK_DEF_MAX_SECTORS, in whole logical blocks.
 */
void blk_queue_max_hw_sectors(struct request_queue *q, unsigned int sectors)
{
	struct queue_limits *lim = &q->limits;

	if (WARN_ON(sectors < PAGE_SECTORS))
		sectors = PAGE_SECTORS;
	lim->max_hw_sectors = round_down(sectors, lim->logical_block_size >> SECTOR_SHIFT);
	lim->max_sectors = min(lim->max_hw_sectors, (unsigned int)BLK_DEF_MAX_SECTORS);
	limits_changed(lim);
}

/** blk_queue_max_segments - segments of one request, at least 1 */
void blk_queue_max_segments(struct request_queue *q, unsigned short segments)
{
	if (WARN_ON(!segments))
		segments = 1;
	q->limits.max_segments = segments;
}

/** blk_queue_max_segment_size - bytes of a segment, at least a page; not together with a virt boundary */
void blk_queue_max_segment_size(struct request_queue *q, unsigned int bytes)
{
	if (WARN_ON(bytes < PAGE_SIZE))
		bytes = PAGE_SIZE;
	WARN_ON(q->limits.virt_boundary_mask);
	q->limits.max_segment_size = bytes;
	limits_changed(&q->limits);
}

/** blk_queue_logical_block_size - bytes; a power of two from 512 to a page */
void blk_queue_logical_block_size(struct request_queue *q, unsigned int bytes)
{
	struct queue_limits *lim = &q->limits;

	if (WARN_ON(bytes < SECTOR_SIZE || bytes > PAGE_SIZE || !is_power_of_2(bytes)))
		return;
	lim->logical_block_size = bytes;
	lim->max_hw_sectors = round_down(lim->max_hw_sectors, bytes >> SECTOR_SHIFT);
	lim->max_sectors = round_down(lim->max_sectors, bytes >> SECTOR_SHIFT);
	limits_changed(lim);
}

/**
 * blk_queue_virt_boundary - segments meet only on multiples of @mask + 1
 *
 * With one, segments have no size limit of their own: the device's units are its pages.
 */
void blk_queue_virt_boundary(struct request_queue *q, unsigned long mask)
{
	if (WARN_ON(mask & (mask + 1)))
		return;
	q->limits.virt_boundary_mask = mask;
	if (mask)
		q->limits.max_segment_size = UINT_MAX;
	limits_changed(&q->limits);
}

/** blk_queue_dma_alignment - mask that memory addresses must satisfy */
void blk_queue_dma_alignment(struct request_queue *q, int mask)
{
	WARN_ON(mask & (mask + 1));
	q->limits.dma_alignment = mask;
}

/** blk_queue_max_discard_sectors - 512-byte units; 0: the device does not discard */
void blk_queue_max_discard_sectors(struct request_queue *q, unsigned int sectors)
{
	WRITE_ONCE(q->limits.max_discard_sectors, sectors);
}

/** blk_queue_max_write_zeroes_sectors - 512-byte units; 0: the device does not write zeroes */
void blk_queue_max_write_zeroes_sectors(struct request_queue *q, unsigned int sectors)
{
	WRITE_ONCE(q->limits.max_write_zeroes_sectors, sectors);
}

/** blk_queue_merge_bvec - what bio_add_page() asks under the old rule on bios besides the limits; NULL: nothing */
void blk_queue_merge_bvec(struct request_queue *q, merge_bvec_fn *fn)
{
	q->merge_bvec_fn = fn;
}

/** blk_queue_write_cache - is there a volatile write cache, and does the driver take REQ_FUA? */
void blk_queue_write_cache(struct request_queue *q, bool wc, bool fua)
{
	if (wc)
		blk_queue_flag_set(QUEUE_FLAG_WC, q);
	else
		blk_queue_flag_clear(QUEUE_FLAG_WC, q);
	if (wc && fua)
		blk_queue_flag_set(QUEUE_FLAG_FUA, q);
	else
		blk_queue_flag_clear(QUEUE_FLAG_FUA, q);
}

/** blk_queue_flag_set - set QUEUE_FLAG_* @flag; others may be set and cleared meanwhile. Context: any */
void blk_queue_flag_set(unsigned int flag, struct request_queue *q)
{
	set_bit(flag, &q->queue_flags);
}

/** blk_queue_flag_clear - clear QUEUE_FLAG_* @flag; as blk_queue_flag_set() */
void blk_queue_flag_clear(unsigned int flag, struct request_queue *q)
{
	clear_bit(flag, &q->queue_flags);
}
