// SPDX-License-Identifier: GPL-2.0-only
/*
 * props.c - operations of props.h by Linux's block/bio.c, blk-merge.c and blk-settings.c.
 *
 * Nothing is submitted: a disk that is only a name, and current->bio_list, on which the rest of a bio that was cut lands.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/slab.h>
#include "block/blk.h"
#include "../k.h"
#include "props.h"

static struct request_queue queue;
static struct gendisk disk;
static struct block_device bdev;
static struct bio_set set;
static struct bio *slots[PROP_SLOTS];
static unsigned int ended;
static blk_status_t ended_with;

/* ---- slots --------------------------------------------------------------------------------------------------- */

static void slot_empty(unsigned int i)
{
	struct bio *bio = slots[i];

	slots[i] = NULL;
	if (!bio)
		return;
	if (i >= PROP_OWNERS) {
		bio_put(bio);
		return;
	}
	bio_uninit(bio);
	kfree(bio);
}

static void prop_begin(struct prop_op *op)
{
	memset(&queue, 0, sizeof(queue));
	if (op->a)
		blk_set_stacking_limits(&queue.limits);
	else
		blk_set_default_limits(&queue.limits);
	if (set.bio_slab)
		return;
	if (bioset_init(&set, 4, 0, 0) || bioset_init(&disk.bio_split, 4, 0, 0))
		up_bug("no memory for two sets of bios");
	disk.queue = &queue;
	disk.part0 = &bdev;
	strcpy(disk.disk_name, "props");
	bdev.bd_disk = &disk;
	bdev.bd_queue = &queue;
	bdev.bd_nr_sectors = ~0ull >> 10;
}

static void prop_end(struct prop_op *op)
{
	unsigned int i;

	for (i = PROP_SLOTS; i; i--)
		slot_empty(i - 1);
	bioset_exit(&set);
	bioset_exit(&disk.bio_split);
}

static void prop_init(struct prop_op *op)
{
	static const blk_opf_t ops[] = { REQ_OP_READ, REQ_OP_WRITE, REQ_OP_DISCARD, REQ_OP_WRITE_ZEROES };
	struct bio *bio;
	unsigned int i;

	for (i = PROP_SLOTS; i; i--)
		if (i > PROP_OWNERS || i - 1 == op->slot)
			slot_empty(i - 1);
	bio = bio_kmalloc(op->a, GFP_KERNEL);
	if (!bio)
		up_bug("no memory for a bio of %llu elements", op->a);
	bio_init(bio, &bdev, bio->bi_inline_vecs, op->a, ops[op->c]);
	bio->bi_iter.bi_sector = op->b;
	slots[op->slot] = bio;
}

/* ---- what comes out --------------------------------------------------------------------------------------------- */

static void out_iter(struct prop_op *op, const struct bvec_iter *it)
{
	prop_out(op, it->bi_sector);
	prop_out(op, it->bi_size);
	prop_out(op, it->bi_idx);
	prop_out(op, it->bi_bvec_done);
}

static void out_bvec(struct prop_op *op, const struct bio_vec *bv)
{
	prop_out(op, page_to_pfn(bv->bv_page));
	prop_out(op, bv->bv_len);
	prop_out(op, bv->bv_offset);
}

static void prop_state(struct prop_op *op, struct bio *bio)
{
	unsigned int i;

	out_iter(op, &bio->bi_iter);
	prop_out(op, bio->bi_vcnt);
	prop_out(op, bio->bi_max_vecs);
	prop_out(op, bio_flagged(bio, BIO_CLONED));
	prop_out(op, bio->bi_opf & REQ_OP_MASK);
	prop_out(op, atomic_read(&bio->__bi_remaining));
	prop_out(op, bio_sectors(bio));
	for (i = 0; i < bio->bi_vcnt; i++)
		out_bvec(op, &bio->bi_io_vec[i]);
}

static void prop_walk(struct prop_op *op, struct bio *bio)
{
	struct bvec_iter iter;
	struct bio_vec bv;

	prop_out(op, bio_segments(bio));
	if (!bio_has_data(bio))
		return;
	bio_for_each_bvec(bv, bio, iter)
		out_bvec(op, &bv);
	bio_for_each_segment(bv, bio, iter)
		out_bvec(op, &bv);
}

/* ---- cutting by the limits ------------------------------------------------------------------------------------------ */

static void cut_end_io(struct bio *bio)
{
	ended++;
	ended_with = bio->bi_status;
	bio_put(bio);
}

static void prop_cut(struct prop_op *op, struct bio *bio)
{
	struct bio_list lists[2] = { BIO_EMPTY_LIST, BIO_EMPTY_LIST };
	struct bio *front, *rest = bio_alloc_clone(&bdev, bio, GFP_KERNEL, &set);
	unsigned int nr_segs, pieces = 0;

	rest->bi_end_io = cut_end_io;
	rest->bi_opf |= op->a ? REQ_NOWAIT : 0;
	ended = 0;
	current->bio_list = lists;
	while (pieces++ < op->b) {
		front = __bio_split_to_limits(rest, &queue.limits, &nr_segs);
		if (!front)
			break;
		out_iter(op, &front->bi_iter);
		prop_out(op, nr_segs);
		prop_out(op, !!(front->bi_opf & REQ_NOMERGE));
		if (front == rest)
			break;
		if (bio_list_pop(&lists[0]) != rest)
			up_bug("what is left of a bio was not submitted");
		prop_out(op, atomic_read(&rest->__bi_remaining));
		bio_endio(front);
	}
	current->bio_list = NULL;
	if (!ended)
		bio_endio(rest);
	prop_out(op, ended);
	prop_out(op, !ended_with ? PROP_ENDED_OK : ended_with == BLK_STS_AGAIN ? PROP_ENDED_AGAIN : PROP_ENDED_ERROR);
}

/* ---- limits ------------------------------------------------------------------------------------------------------------ */

static void limits_set(struct queue_limits *l, const unsigned long long *v)
{
	l->max_hw_sectors = v[PROP_MAX_HW_SECTORS];
	l->max_dev_sectors = 0;
	l->max_sectors = v[PROP_MAX_SECTORS];
	l->max_segments = v[PROP_MAX_SEGMENTS];
	l->max_segment_size = v[PROP_MAX_SEGMENT_BYTES];
	l->virt_boundary_mask = v[PROP_VIRT_BOUNDARY];
	l->logical_block_size = v[PROP_BLOCK_BYTES];
	l->physical_block_size = v[PROP_PHYSICAL_BYTES];
	l->io_min = v[PROP_PHYSICAL_BYTES];
	l->alignment_offset = 0;
	l->dma_alignment = v[PROP_DMA_MASK];
	l->chunk_sectors = v[PROP_CHUNK_SECTORS];
	l->max_discard_sectors = l->max_hw_discard_sectors = v[PROP_DISCARD_SECTORS];
	l->discard_granularity = v[PROP_DISCARD_SECTORS] ? v[PROP_BLOCK_BYTES] : 0;
	l->max_write_zeroes_sectors = v[PROP_ZEROES_SECTORS];
}

static void limits_get(struct prop_op *op, const struct queue_limits *l)
{
	prop_out(op, l->max_hw_sectors);
	prop_out(op, l->max_sectors);
	prop_out(op, l->max_segments);
	prop_out(op, l->max_segment_size);
	prop_out(op, l->virt_boundary_mask);
	prop_out(op, l->logical_block_size);
	prop_out(op, l->dma_alignment);
	prop_out(op, l->max_discard_sectors);
	prop_out(op, l->max_write_zeroes_sectors);
}

static void prop_setter(unsigned int limit, unsigned long long v)
{
	switch (limit) {
	case PROP_MAX_HW_SECTORS:
		blk_queue_max_hw_sectors(&queue, v);
		break;
	case PROP_MAX_SEGMENTS:
		blk_queue_max_segments(&queue, v);
		break;
	case PROP_MAX_SEGMENT_BYTES:
		blk_queue_max_segment_size(&queue, v);
		break;
	case PROP_VIRT_BOUNDARY:
		blk_queue_virt_boundary(&queue, v);
		break;
	case PROP_BLOCK_BYTES:
		blk_queue_logical_block_size(&queue, v);
		break;
	case PROP_DMA_MASK:
		blk_queue_dma_alignment(&queue, v);
		break;
	case PROP_DISCARD_SECTORS:
		blk_queue_max_discard_sectors(&queue, v);
		break;
	case PROP_ZEROES_SECTORS:
		blk_queue_max_write_zeroes_sectors(&queue, v);
		break;
	default:
		up_bug("limit %u has no setter", limit);
	}
}

static void prop_stack(struct prop_op *op)
{
	struct queue_limits below = queue.limits;

	limits_set(&below, op->limits);
	prop_out(op, blk_stack_limits(&queue.limits, &below, op->a));
}

/* ---- one operation ------------------------------------------------------------------------------------------------------- */

static void prop_bio(struct prop_op *op, struct bio *bio)
{
	switch (op->code) {
	case PROP_ADD:
		prop_out(op, bio_add_page(bio, pfn_to_page(op->c), op->a, op->b));
		break;
	case PROP_CLONE:
		slot_empty(op->to);
		slots[op->to] = bio_alloc_clone(&bdev, bio, GFP_KERNEL, &set);
		break;
	case PROP_SPLIT:
		slot_empty(op->to);
		slots[op->to] = bio_split(bio, op->a, GFP_KERNEL, &set);
		break;
	case PROP_ADVANCE:
		if (op->c)			/* an operation without data is as long as it says */
			bio->bi_iter.bi_size = op->c;
		bio_advance(bio, op->a);
		break;
	case PROP_TRIM:
		bio_trim(bio, op->b, op->a);
		break;
	case PROP_WALK:
		prop_walk(op, bio);
		break;
	case PROP_STATE:
		prop_state(op, bio);
		break;
	default:
		prop_cut(op, bio);
	}
}

static void prop_task(void *arg)
{
	struct prop_op *op = arg;

	switch (op->code) {
	case PROP_BEGIN:
		prop_begin(op);
		break;
	case PROP_END:
		prop_end(op);
		break;
	case PROP_INIT:
		prop_init(op);
		break;
	case PROP_LIMITS_SET:
		limits_set(&queue.limits, op->limits);
		break;
	case PROP_LIMITS_GET:
		limits_get(op, &queue.limits);
		break;
	case PROP_SETTER:
		prop_setter(op->a, op->b);
		break;
	case PROP_STACK:
		prop_stack(op);
		break;
	default:
		prop_bio(op, slots[op->slot]);
	}
}

void upk_prop(struct prop_op *op)
{
	up_task_call(prop_task, op, false);
}
