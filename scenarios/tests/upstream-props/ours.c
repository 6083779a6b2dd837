// SPDX-License-Identifier: GPL-2.0-only
/*
 * ours.c - operations of props.h by sim/block. Line by line the twin of kernel-compat/upstream/props/props.c.
 *
 * Limits that sim/block does not have and a driver can nevertheless keep, as the most bytes of what bio_split_rw() cuts
 * off: chunk_sectors and the physical block. With neither, bios are cut as they are where they arrive, by
 * lab_split_fast().
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include "blk.h"
#include "props/props.h"

static struct gendisk *disk;
static struct bio_set set;
static struct bio *slots[PROP_SLOTS];
static unsigned int ended;
static blk_status_t ended_with;
static unsigned long long extra[PROP_LIMITS];	/* from PROP_COMPARED on */

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
	if (!disk) {
		disk = blk_alloc_disk(NUMA_NO_NODE);
		BUG_ON(!disk || bioset_init(&set, 4, 0, 0));
	}
	if (op->a)
		blk_set_stacking_limits(&disk->queue->limits);
	else
		blk_set_default_limits(&disk->queue->limits);
	extra[PROP_PHYSICAL_BYTES] = SECTOR_SIZE;
	extra[PROP_CHUNK_SECTORS] = 0;
}

static void prop_end(struct prop_op *op)
{
	unsigned int i;

	for (i = PROP_SLOTS; i; i--)
		slot_empty(i - 1);
	bioset_exit(&set);
	put_disk(disk);
	disk = NULL;
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
	BUG_ON(!bio);
	bio_init(bio, disk->part0, bio->bi_inline_vecs, op->a, ops[op->c]);
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

/* The most that a driver with a physical block and chunks takes at @sector: up to a boundary of them. */
static unsigned int our_max_bytes(const struct queue_limits *lim, sector_t sector)
{
	unsigned int block = extra[PROP_PHYSICAL_BYTES] >> SECTOR_SHIFT, chunk = extra[PROP_CHUNK_SECTORS];
	unsigned int max = lim->max_sectors, into = sector & (block - 1), end;

	if (chunk)
		max = min(max, chunk - (unsigned int)(sector % chunk));
	end = (into + max) & ~(block - 1);
	return (end > into ? end - into : round_down(max, lim->logical_block_size >> SECTOR_SHIFT)) << SECTOR_SHIFT;
}

static struct bio *cut_one(struct bio *bio, unsigned int *nr_segs)
{
	const struct queue_limits *lim = &disk->queue->limits;
	struct bio *front;

	if (lab_op_no_data(bio->bi_opf) ||
	    (!extra[PROP_CHUNK_SECTORS] && extra[PROP_PHYSICAL_BYTES] <= lim->logical_block_size))
		return lab_split_fast(bio, lim, nr_segs);
	front = bio_split_rw(bio, lim, nr_segs, &disk->bio_split, our_max_bytes(lim, bio->bi_iter.bi_sector));
	if (!front)
		return bio;
	if (IS_ERR(front)) {
		bio->bi_status = PTR_ERR(front) == -EAGAIN ? BLK_STS_AGAIN : BLK_STS_IOERR;
		bio_endio(bio);
		return NULL;
	}
	front->bi_opf |= REQ_NOMERGE;
	bio_chain(front, bio);
	lab_submit_remainder(bio);
	return front;
}

static void prop_cut(struct prop_op *op, struct bio *bio)
{
	struct bio *front, *rest = bio_alloc_clone(disk->part0, bio, GFP_KERNEL, &set);
	unsigned int nr_segs, pieces = 0;
	struct bio_list lists[2];

	bio_list_init(&lists[0]);
	bio_list_init(&lists[1]);
	rest->bi_end_io = cut_end_io;
	rest->bi_opf |= op->a ? REQ_NOWAIT : 0;
	ended = 0;
	current->bio_list = lists;
	while (pieces++ < op->b) {
		front = cut_one(rest, &nr_segs);
		if (!front)
			break;
		out_iter(op, &front->bi_iter);
		prop_out(op, nr_segs);
		prop_out(op, !!(front->bi_opf & REQ_NOMERGE));
		if (front == rest)
			break;
		BUG_ON(bio_list_pop(&lists[0]) != rest);
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

static void limits_set(struct request_queue *q, const unsigned long long *v)
{
	struct queue_limits *l = &q->limits;

	l->max_hw_sectors = v[PROP_MAX_HW_SECTORS];
	l->max_sectors = v[PROP_MAX_SECTORS];
	l->max_segments = v[PROP_MAX_SEGMENTS];
	l->max_segment_size = v[PROP_MAX_SEGMENT_BYTES];
	l->logical_block_size = v[PROP_BLOCK_BYTES];
	l->dma_alignment = v[PROP_DMA_MASK];
	l->max_discard_sectors = v[PROP_DISCARD_SECTORS];
	l->max_write_zeroes_sectors = v[PROP_ZEROES_SECTORS];
	blk_queue_virt_boundary(q, 0);		/* derives what is derived; a boundary by it would change the size of segments */
	l->virt_boundary_mask = v[PROP_VIRT_BOUNDARY];
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

static void prop_setter(struct request_queue *q, unsigned int limit, unsigned long long v)
{
	switch (limit) {
	case PROP_MAX_HW_SECTORS:
		blk_queue_max_hw_sectors(q, v);
		break;
	case PROP_MAX_SEGMENTS:
		blk_queue_max_segments(q, v);
		break;
	case PROP_MAX_SEGMENT_BYTES:
		blk_queue_max_segment_size(q, v);
		break;
	case PROP_VIRT_BOUNDARY:
		blk_queue_virt_boundary(q, v);
		break;
	case PROP_BLOCK_BYTES:
		blk_queue_logical_block_size(q, v);
		break;
	case PROP_DMA_MASK:
		blk_queue_dma_alignment(q, v);
		break;
	case PROP_DISCARD_SECTORS:
		blk_queue_max_discard_sectors(q, v);
		break;
	case PROP_ZEROES_SECTORS:
		blk_queue_max_write_zeroes_sectors(q, v);
		break;
	default:
		BUG();
	}
}

static void prop_stack(struct prop_op *op)
{
	struct request_queue below = { };

	limits_set(&below, op->limits);
	prop_out(op, blk_stack_limits(&disk->queue->limits, &below.limits, op->a));
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
		slots[op->to] = bio_alloc_clone(disk->part0, bio, GFP_KERNEL, &set);
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

void our_prop(struct prop_op *op)
{
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
		limits_set(disk->queue, op->limits);
		extra[PROP_PHYSICAL_BYTES] = op->limits[PROP_PHYSICAL_BYTES];
		extra[PROP_CHUNK_SECTORS] = op->limits[PROP_CHUNK_SECTORS];
		break;
	case PROP_LIMITS_GET:
		limits_get(op, &disk->queue->limits);
		break;
	case PROP_SETTER:
		prop_setter(disk->queue, op->a, op->b);
		break;
	case PROP_STACK:
		prop_stack(op);
		break;
	default:
		prop_bio(op, slots[op->slot]);
	}
}
