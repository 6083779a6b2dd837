// SPDX-License-Identifier: GPL-2.0-only
/*
 * bio-split.c - cutting bios: where the caller says, and where a queue's limits do.
 *
 * Whoever builds a bio knows nothing of the device. Where it arrives it is measured: its elements are
 * walked, counted as segments by the queue's rules, and where a limit is passed the front is split off on
 * a logical-block boundary, chained to the rest, and the rest is submitted again. It lands on
 * current->bio_list and is measured in its turn, so at most one piece of a bio at a time waits for memory
 * of the disk's own bio_set.
 *
 * Limits: bytes of one IO (max_sectors), segments, bytes of a segment, gaps between segments
 * (virt_boundary). Under the old rule on bios (bio-rule.c) nothing is cut for them: a bio that is too large is
 * an error. A REQ_NOWAIT bio that would need a cut ends with BLK_STS_AGAIN, since its rest could
 * not promise not to wait. A bio no front of which satisfies the limits ends with BLK_STS_IOERR.
 *
 * Source: the rules of block/blk-merge.c of Linux 6.1.
 */
#include <trace/events/block.h>
#include "blk.h"

/**
 * bio_split - cut the first @sectors off @bio
 * @sectors: 0 < sectors < bio_sectors(bio), 512-byte units
 *
 * Returns a new bio that shows the front and shares the array; @bio is advanced over it. Not chained.
 * NULL only if @gfp may not block and there is no memory: @bio is unchanged then. Context: as @gfp says.
 */
struct bio *bio_split(struct bio *bio, int sectors, gfp_t gfp, struct bio_set *bs)
{
	struct bio *front;

	BUG_ON(sectors <= 0);
	BUG_ON(sectors >= bio_sectors(bio));
	front = bio_alloc_bioset(bio->bi_bdev, 0, bio->bi_opf, gfp, bs);
	if (!front)
		return NULL;
	lab_probe(SPLITS);
	lab_bio_share(front, bio);
	front->bi_lab_traced = bio->bi_lab_traced;
	front->bi_iter.bi_size = (unsigned int)sectors << SECTOR_SHIFT;
	bio_advance(bio, front->bi_iter.bi_size);
	return front;
}

/**
 * bio_trim - keep of @bio only [@offset, @offset + @size)
 * @offset, @size: 512-byte units, relative to where the bio is; must lie within it, else nothing is
 *	changed and it WARNs
 *
 * For clones and bios not yet submitted. Context: any.
 */
void bio_trim(struct bio *bio, sector_t offset, sector_t size)
{
	if (WARN_ON(offset > bio_sectors(bio) || size > bio_sectors(bio) - offset))
		return;
	bio_advance(bio, offset << SECTOR_SHIFT);
	bio->bi_iter.bi_size = size << SECTOR_SHIFT;
}

/*
 * Take of an element as much as still fits. Adds to @nsegs and @bytes; false: not all of it fitted. Limits that come
 * from several devices below may bound segments and have a boundary: then a segment that ends inside an element must
 * end on that.
 */
static __always_inline bool bvec_take(const struct queue_limits *lim, const struct bio_vec *bv,
				      unsigned int max_bytes, unsigned int *nsegs, unsigned int *bytes)
{
	unsigned int left_bytes = bv->bv_len, end = bv->bv_offset;

	while (left_bytes) {
		unsigned int seg = min(left_bytes, lim->max_segment_size);

		seg = min(seg, max_bytes - *bytes);
		if (!seg || *nsegs == lim->max_segments)
			return false;
		(*nsegs)++;
		*bytes += seg;
		end += seg;
		left_bytes -= seg;
		if (left_bytes && (end & lim->virt_boundary_mask))
			return false;
	}
	return true;
}

/* Walk @bio up to where @lim, or @max_bytes, is passed: false. Segments and bytes up to there, or of all of it. */
static __always_inline bool bio_take(const struct bio *bio, const struct queue_limits *lim, unsigned int max_bytes,
				     unsigned int *nsegs, unsigned int *bytes)
{
	struct bio_vec bv, prev = { };
	struct bvec_iter iter;

	bio_for_each_bvec(bv, bio, iter) {
		if (*nsegs && lab_bvec_gap(lim, &prev, bv.bv_offset))
			return false;
		if (!bvec_take(lim, &bv, max_bytes, nsegs, bytes))
			return false;
		prev = bv;
	}
	return true;
}

/**
 * lab_limits_take - how many bytes of the front of @bio, a read or write, @lim allows in one IO
 *
 * Context: any. Return: 0 to all that is left of @bio; not rounded to logical blocks.
 */
unsigned int lab_limits_take(const struct bio *bio, const struct queue_limits *lim)
{
	unsigned int nsegs = 0, bytes = 0;

	bio_take(bio, lim, lab_max_sectors(lim) << SECTOR_SHIFT, &nsegs, &bytes);
	return bytes;
}

/* bio_split_rw() with memory as @gfp says. ERR_PTR(-ENOMEM): it may not wait, and nothing has changed but REQ_POLLED. */
static struct bio *split_rw(struct bio *bio, const struct queue_limits *lim, unsigned int *nr_segs, struct bio_set *bs,
			    unsigned int max_bytes, gfp_t gfp)
{
	unsigned int nsegs = 0, bytes = 0;
	bool all = bio_take(bio, lim, max_bytes, &nsegs, &bytes);

	*nr_segs = nsegs;
	if (all)
		return NULL;
	if (unlikely(lab_bio_old_rule))
		return ERR_PTR(-EFBIG);
	if (bio->bi_opf & REQ_NOWAIT)
		return ERR_PTR(-EAGAIN);
	bytes -= bytes % lim->logical_block_size;
	if (!bytes)
		return ERR_PTR(-EINVAL);
	bio->bi_opf &= ~REQ_POLLED;
	return bio_split(bio, bytes >> SECTOR_SHIFT, gfp, bs) ?: ERR_PTR(-ENOMEM);
}

/**
 * bio_split_rw - split off the front of a read or write that @lim allows
 * @nr_segs: out: segments of what is returned, or of @bio when nothing is cut; an upper bound after a cut
 * @max_bytes: of the front; a multiple of the logical block
 *
 * Returns NULL: no cut needed; the front, @bio being advanced over it; ERR_PTR(-EAGAIN): REQ_NOWAIT and a
 * cut is needed; ERR_PTR(-EINVAL): not one logical block fits; ERR_PTR(-EFBIG): a cut is needed and the rule is
 * the old one. Context: task, may sleep.
 */
struct bio *bio_split_rw(struct bio *bio, const struct queue_limits *lim, unsigned int *nr_segs,
			 struct bio_set *bs, unsigned int max_bytes)
{
	return split_rw(bio, lim, nr_segs, bs, max_bytes, GFP_NOIO);
}

/* Operations without data are bounded in length only. Same answers as split_rw(). */
static struct bio *split_no_data(struct bio *bio, const struct queue_limits *lim, unsigned int *nr_segs,
				 struct bio_set *bs, gfp_t gfp)
{
	unsigned int max_sectors = bio_op(bio) == REQ_OP_DISCARD ? lim->max_discard_sectors :
								   lim->max_write_zeroes_sectors;

	*nr_segs = bio_op(bio) == REQ_OP_DISCARD;
	max_sectors -= max_sectors % (lim->logical_block_size >> SECTOR_SHIFT);
	if (bio_sectors(bio) <= max_sectors)
		return NULL;
	if (!max_sectors)
		return ERR_PTR(-EINVAL);
	if (unlikely(lab_bio_old_rule))
		return ERR_PTR(-EFBIG);
	if (bio->bi_opf & REQ_NOWAIT)
		return ERR_PTR(-EAGAIN);
	bio->bi_opf &= ~REQ_POLLED;
	return bio_split(bio, max_sectors, gfp, bs) ?: ERR_PTR(-ENOMEM);
}

/* @front has been cut off @bio: send the rest, which ends when both have. */
static void submit_rest(struct bio *front, struct bio *bio)
{
	front->bi_opf |= REQ_NOMERGE;
	bio_chain(front, bio);
	trace_block_split(front, bio->bi_iter.bi_sector);
	lab_submit_remainder(bio);
}

/**
 * lab_split_submit - the first @sectors of @bio, for a driver that must cut there itself
 * @sectors: 0 < sectors < bio_sectors(bio), 512-byte units
 * @bs: the driver's own, with a rescuer
 *
 * The rest is submitted again, to the same device. Returns the front, or NULL: the bio, which has REQ_NOWAIT,
 * has been ended. Under both rules on bios: who cuts here has been asked before, or has no limit to ask.
 * Context: task, under ->submit_bio.
 */
struct bio *lab_split_submit(struct bio *bio, unsigned int sectors, struct bio_set *bs)
{
	struct bio *front;

	if (bio->bi_opf & REQ_NOWAIT) {
		bio_wouldblock_error(bio);
		return NULL;
	}
	bio->bi_opf &= ~REQ_POLLED;
	front = bio_split(bio, sectors, GFP_NOIO, bs);
	submit_rest(front, bio);
	return front;
}

/**
 * lab_split_slow - the part of lab_split_fast() that looks: same contract
 * @bio: the caller's
 * @lim: of its queue, which is held open
 * @nr_segs: out: segments of what is returned
 * @gfp: for the front; GFP_NOIO, or what may not wait
 *
 * Context: task, as @gfp says. Return: @bio, if it needs no cut, or its front, the rest being submitted; NULL: it has
 * been ended, with BLK_STS_AGAIN (REQ_NOWAIT and a cut is needed) or BLK_STS_IOERR (it cannot be cut, or, under the old
 * rule, may not be); ERR_PTR(-ENOMEM): @gfp may not wait, and @bio is the caller's, uncut.
 */
struct bio *lab_split_slow(struct bio *bio, const struct queue_limits *lim, unsigned int *nr_segs, gfp_t gfp)
{
	struct bio_set *bs = &bio->bi_bdev->bd_disk->bio_split;
	struct bio *front;

	if (lab_op_no_data(bio->bi_opf))
		front = split_no_data(bio, lim, nr_segs, bs, gfp);
	else
		front = split_rw(bio, lim, nr_segs, bs, lab_max_sectors(lim) << SECTOR_SHIFT, gfp);
	if (likely(!front))
		return bio;
	if (unlikely(front == ERR_PTR(-ENOMEM)))
		return front;
	if (IS_ERR(front)) {
		if (PTR_ERR(front) == -EFBIG)
			lab_old_too_big(bio);
		WRITE_ONCE(bio->bi_status, PTR_ERR(front) == -EAGAIN ? BLK_STS_AGAIN : BLK_STS_IOERR);
		bio_endio(bio);
		return NULL;
	}
	submit_rest(front, bio);
	return front;
}

/**
 * lab_split_to_limits - bio_split_to_limits() of what is not one segment
 * @bio: as there
 * @gfp: must not wait under ->submit_bio of a stacking driver
 *
 * Context: task. Return: as there; ERR_PTR(-ENOMEM): @gfp may not wait, and @bio is uncut.
 */
struct bio *lab_split_to_limits(struct bio *bio, gfp_t gfp)
{
	unsigned int nr_segs;

	return lab_split_slow(bio, &bdev_get_queue(bio->bi_bdev)->limits, &nr_segs, gfp);
}
