// SPDX-License-Identifier: GPL-2.0-only
/*
 * bio-rule.c - the old rule on bios, of Linux up to 4.2: who builds a bio minds the device's limits.
 *
 * Under the new rule, which is the default, bio_add_page() fills the array and knows no device; where the bio
 * arrives it is cut to what the device takes. Under the old one bio_add_page() asks first: the limits of the
 * queue, and the queue's merge_bvec_fn, where it has one, for what limits cannot say (a chunk of a stripe, the
 * limits of the devices below). What would be too much is not added. So no bio needs a cut, and one that is
 * too large all the same, because it was built by other means, is an error: nobody cuts it. The price: a bio
 * must know its device and sector before its first page, a stacking device must know the limits of all
 * those below, and every page costs the questions.
 *
 * The rule is one of a world, set before its devices are made. struct bio is the same under both; elements
 * that follow each other in memory become one under both. 3.12 joined them only when it counted segments,
 * and kept an element for each page: its arrays were full sooner.
 *
 * Segments are counted as bio-split.c counts them, incrementally: a bio remembers how many it has. An array that
 * is lent to a bio as a whole is asked about page by page too, and the bio takes as much of its front as it may.
 *
 * Source: the contract of fs/bio.c and the check in generic_make_request() of Linux 3.12; both went with
 * commit 8ae126660fdd (4.3).
 */
#include <linux/mm.h>
#include <linux/printk.h>
#include "blk.h"

bool lab_bio_old_rule;

/**
 * lab_set_bio_rule - which rule on bios holds from now on
 * @old: that of Linux up to 4.2; a world begins with the new one
 *
 * Before devices are made. Context: task, nothing in flight.
 */
void lab_set_bio_rule(bool old)
{
	lab_bio_old_rule = old;
}

/**
 * bio_get_nr_vecs - how many elements a bio for @bdev should have
 *
 * An estimate, as it always was: bio_add_page() may take fewer pages. At least 1. Context: any.
 */
int bio_get_nr_vecs(struct block_device *bdev)
{
	struct request_queue *q = bdev_get_queue(bdev);

	return bio_max_segs(min_t(unsigned int, queue_max_segments(q),
				  queue_max_sectors(q) / PAGE_SECTORS + 1));
}

/* Segments of one element by the rules of @lim. */
static unsigned int bvec_segments(const struct queue_limits *lim, unsigned int len_bytes)
{
	return DIV_ROUND_UP_ULL(len_bytes, lim->max_segment_size);
}

/* @bio as the driver is shown it. */
static struct bvec_merge_data asked_about(const struct bio *bio)
{
	return (struct bvec_merge_data){
		.bi_bdev = bio->bi_bdev,
		.bi_sector = bio->bi_iter.bi_sector,
		.bi_size = bio->bi_iter.bi_size,
		.bi_rw = (__force unsigned long)bio->bi_opf,
	};
}

/* What the driver says about a piece behind @bio. */
static bool driver_takes(struct request_queue *q, const struct bio *bio, struct bio_vec *piece)
{
	struct bvec_merge_data bvm = asked_about(bio);

	return !q->merge_bvec_fn || q->merge_bvec_fn(q, &bvm, piece) >= (int)piece->bv_len;
}

/**
 * lab_old_add_page - bio_add_page() under the old rule: same contract
 * @bio: for a device and a sector, and no clone; else it WARNs and refuses
 * @page: where the piece begins, at @offset_bytes
 * @len_bytes: of the piece
 * @offset_bytes: in @page
 *
 * All of the piece or nothing. A piece within one page always fits into an empty bio that has an array; a
 * larger one need not, and must then be given in parts. Context: any. Return: @len_bytes, or 0: refused.
 */
int lab_old_add_page(struct bio *bio, struct page *page, unsigned int len_bytes, unsigned int offset_bytes)
{
	struct bio_vec piece = { .bv_page = page, .bv_len = len_bytes, .bv_offset = offset_bytes };
	struct bio_vec *prev = bio->bi_vcnt ? &bio->bi_io_vec[bio->bi_vcnt - 1] : NULL;
	unsigned int size_bytes = bio->bi_iter.bi_size, segments = bio->bi_lab_segments;
	const struct queue_limits *lim;
	struct request_queue *q;
	bool joins;

	if (WARN_ON(!bio->bi_bdev || bio_flagged(bio, BIO_CLONED)))
		return 0;
	q = bdev_get_queue(bio->bi_bdev);
	lim = &q->limits;
	if ((u64)size_bytes + len_bytes > (u64)lab_max_sectors(lim) << SECTOR_SHIFT)
		return 0;
	joins = prev && lab_bvec_continues(prev, size_bytes, page, len_bytes, offset_bytes);
	if (joins)
		segments += bvec_segments(lim, prev->bv_len + len_bytes) - bvec_segments(lim, prev->bv_len);
	else
		segments += bvec_segments(lim, len_bytes);
	if (segments > lim->max_segments)
		return 0;
	if (!joins && (bio_full(bio, len_bytes) || (prev && lab_bvec_gap(lim, prev, offset_bytes))))
		return 0;
	if (!driver_takes(q, bio, &piece))
		return 0;
	if (joins) {
		prev->bv_len += len_bytes;
		bio->bi_iter.bi_size += len_bytes;
	} else {
		__bio_add_page(bio, page, len_bytes, offset_bytes);
	}
	bio->bi_lab_segments = segments;
	return len_bytes;
}

/**
 * lab_old_room_pages - how many pages are worth pinning for @bio
 * @offset_bytes: of @len_bytes, all that is to come, in the first page
 *
 * What neither the length of one IO nor the driver leaves room for is refused wherever it lies; whether a page is one
 * segment more is seen when it is there. So this is an estimate, and too many only by segments, by one a bio. As under the
 * new rule, each page may be an element. 0: none. Context: any.
 */
unsigned int lab_old_room_pages(const struct bio *bio, unsigned int offset_bytes, size_t len_bytes)
{
	struct request_queue *q = bdev_get_queue(bio->bi_bdev);
	unsigned int max_bytes = lab_max_sectors(&q->limits) << SECTOR_SHIFT;
	unsigned int room_bytes = max_bytes - bio->bi_iter.bi_size, nr;
	struct bio_vec next = { .bv_len = min_t(size_t, len_bytes, max_bytes), .bv_offset = offset_bytes };

	if (q->merge_bvec_fn) {
		struct bvec_merge_data bvm = asked_about(bio);
		int most = q->merge_bvec_fn(q, &bvm, &next);

		room_bytes = min_t(unsigned int, room_bytes, max(most, 0));
	}
	if (room_bytes < min_t(size_t, len_bytes, PAGE_SIZE - offset_bytes))
		return 0;
	nr = clamp_t(unsigned int, (offset_bytes + room_bytes) >> PAGE_SHIFT, 1,
		     max(q->limits.max_segments - bio->bi_lab_segments, 1));
	return min_t(unsigned int, nr, bio->bi_max_vecs - bio->bi_vcnt);
}

/**
 * lab_old_add_pinned - bio_add_page() under the old rule of a page with a pin of its own
 *
 * Pins are counted per element and page: a second one on the page that the last element ends in is given back.
 * False: refused, and @page keeps its pin. Context: as bio_add_page().
 */
bool lab_old_add_pinned(struct bio *bio, struct page *page, unsigned int len_bytes, unsigned int offset_bytes)
{
	unsigned short vcnt = bio->bi_vcnt;

	if (!lab_old_add_page(bio, page, len_bytes, offset_bytes))
		return false;
	if (offset_bytes && bio->bi_vcnt == vcnt)
		unpin_user_page(page);
	return true;
}

/**
 * lab_old_lent_bytes - how much of an array that @bio has been lent its device takes in one bio
 * @bio: for a device and a sector; bi_iter is all that is wanted
 *
 * The old rule for who adds no page: the limits and the driver are asked about each of them all the same, and the
 * elements count as they are, since nobody may join them. Returns whole logical blocks; 0: not one of them is
 * taken. Context: any.
 */
unsigned int lab_old_lent_bytes(const struct bio *bio)
{
	struct request_queue *q = bdev_get_queue(bio->bi_bdev);
	struct bio asked = { .bi_bdev = bio->bi_bdev, .bi_opf = bio->bi_opf };
	struct bvec_iter all = bio->bi_iter, at;
	struct bio_vec piece;

	all.bi_size = lab_limits_take(bio, &q->limits);
	asked.bi_iter.bi_sector = all.bi_sector;
	__bio_for_each_segment(piece, bio, at, all) {
		if (!driver_takes(q, &asked, &piece))
			break;
		asked.bi_iter.bi_size += piece.bv_len;
	}
	return round_down(asked.bi_iter.bi_size, q->limits.logical_block_size);
}

/** lab_old_too_big - say that @bio will be ended because its device cannot take it; ends nothing. Context: task. */
void lab_old_too_big(struct bio *bio)
{
	const struct gendisk *disk = bio->bi_bdev->bd_disk;

	pr_err("%s: bio too big: %u sectors at %llu; one of its queue's takes %u sectors and %u segments\n",
	       disk->disk_name, bio_sectors(bio), (unsigned long long)bio->bi_iter.bi_sector,
	       queue_max_sectors(disk->queue), queue_max_segments(disk->queue));
}
