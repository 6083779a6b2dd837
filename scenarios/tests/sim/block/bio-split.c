// SPDX-License-Identifier: GPL-2.0-only
/*
 * Cutting bios to limits, against a reference that walks memory in small steps and asks of each step
 * whether it may still be in the same request. What reached the device must be cut exactly there, and
 * every byte must have arrived.
 */
#include "testdev.h"

#define STEP_BYTES	64
#define BUF_ORDER	5
#define BUF_BYTES	(PAGE_SIZE << BUF_ORDER)
#define MAX_CUTS	256

struct want {
	unsigned int nr;
	unsigned int bytes[MAX_CUTS];
	bool impossible;	/* the rest fits no request */
};

/* Length of the first request from byte @from of @bio on; all of the rest if nothing stops it. */
static unsigned int ref_first(const struct bio *bio, unsigned int from, const struct queue_limits *lim)
{
	unsigned int max_bytes = lim->max_sectors / (lim->logical_block_size / 512) * lim->logical_block_size;
	unsigned int bytes = 0, segs = 0, seg_bytes = 0, i, at, pos = 0;
	const struct bio_vec *prev = NULL;

	for (i = 0; i < bio->bi_vcnt; i++) {
		const struct bio_vec *bv = &bio->bi_io_vec[i];
		bool fresh = true;

		for (at = 0; at < bv->bv_len; at += STEP_BYTES, pos += STEP_BYTES) {
			if (pos < from)
				continue;
			if (fresh && prev && lim->virt_boundary_mask &&
			    (((prev->bv_offset + prev->bv_len) & lim->virt_boundary_mask) ||
			     ((bv->bv_offset + at) & lim->virt_boundary_mask)))
				goto out;
			if (fresh || seg_bytes + STEP_BYTES > lim->max_segment_size) {
				if (++segs > lim->max_segments)
					goto out;
				seg_bytes = 0;
			}
			if (bytes + STEP_BYTES > max_bytes)
				goto out;
			seg_bytes += STEP_BYTES;
			bytes += STEP_BYTES;
			fresh = false;
		}
		if (!fresh)
			prev = bv;
	}
	return bytes;
out:
	/* The last segment need not have been filled by whole steps. */
	return bytes / lim->logical_block_size * lim->logical_block_size;
}

static void ref_cuts(const struct bio *bio, const struct queue_limits *lim, struct want *want)
{
	unsigned int from = bio->bi_iter.bi_bvec_done, total = from + bio->bi_iter.bi_size, i, len;

	for (i = 0; i < bio->bi_iter.bi_idx; i++) {
		from += bio->bi_io_vec[i].bv_len;
		total += bio->bi_io_vec[i].bv_len;
	}
	want->nr = 0;
	want->impossible = false;
	while (from < total) {
		len = ref_first(bio, from, lim);
		if (!len) {
			want->impossible = true;
			return;
		}
		lab_expect_lt(want->nr, MAX_CUTS);
		want->bytes[want->nr++] = len;
		from += len;
	}
}

/* A write of random pieces of @buf whose total is a multiple of the logical block. */
static struct bio *random_bio(struct tdev *dev, struct trand *r, u8 *buf, blk_opf_t opf)
{
	unsigned int lbs = bdev_logical_block_size(dev->bdev), max = bio_max_segs(24);
	struct bio *bio = bio_alloc(dev->bdev, max, opf, GFP_KERNEL);
	unsigned int nr = 1 + trand_below(r, max), style = trand_below(r, 3), i, len, start, rest;

	for (i = 0; i < nr; i++) {
		if (style == 0) {
			start = trand_below(r, BUF_BYTES / PAGE_SIZE - 3) * PAGE_SIZE;
			len = PAGE_SIZE * (1 + trand_below(r, 3));
		} else {
			start = trand_below(r, (BUF_BYTES - 5 * PAGE_SIZE) / STEP_BYTES) * STEP_BYTES;
			len = STEP_BYTES * (1 + trand_below(r, style == 1 ? 200 : 16));
		}
		rest = (bio->bi_iter.bi_size + len) % lbs;
		if (i == nr - 1 && rest)
			len += lbs - rest;
		__bio_add_page(bio, virt_to_page(buf + start), len, offset_in_page(buf + start));
	}
	bio->bi_iter.bi_sector = trand_below(r, 64) * (lbs / 512);
	if (trand_below(r, 3) == 0 && bio->bi_iter.bi_size > lbs)
		bio_advance(bio, lbs * (1 + trand_below(r, bio->bi_iter.bi_size / lbs - 1)));
	return bio;
}

static void expect_arrived(struct tdev *dev, struct bio *bio, sector_t sector, unsigned int bytes)
{
	const u8 *at = dev->data + (sector << SECTOR_SHIFT);
	struct bvec_iter iter;
	struct bio_vec bv;

	bio_for_each_bvec(bv, bio, iter) {
		unsigned int len = min(bv.bv_len, bytes);

		lab_expect_mem(at, bvec_virt(&bv), len);
		at += len;
		bytes -= len;
	}
	lab_expect_eq(bytes, 0);
}

/* Under det completions come in any order, but requests are issued front to back. */
static void expect_requests(struct tdev *dev, const struct want *want, sector_t sector)
{
	unsigned int i;

	lab_expect_eq(dev->nr_events, want->nr);
	for (i = 0; i < want->nr; i++) {
		lab_expect_eq(dev->event[i].sector, sector);
		lab_expect_eq(dev->event[i].bytes, want->bytes[i]);
		sector += want->bytes[i] >> SECTOR_SHIFT;
	}
}

static void one_round(struct tdev *dev, struct trand *r, u8 *buf, unsigned int kind)
{
	struct bio *bio, *clone;
	struct tbatch batch;
	struct want want;
	unsigned int i, done = 0;

	tdev_random_limits(dev, r, kind);
	bio = random_bio(dev, r, buf, REQ_OP_WRITE);
	ref_cuts(bio, &dev->disk->queue->limits, &want);
	memset(dev->data, 0, TDEV_BYTES);
	tdev_reset_log(dev);
	tbatch_init(&batch);
	clone = bio_alloc_clone(dev->bdev, bio, GFP_KERNEL, &fs_bio_set);
	tbatch_submit(&batch, clone);
	tbatch_wait(&batch);
	lab_expect_eq(batch.status, want.impossible ? BLK_STS_IOERR : BLK_STS_OK);
	lab_expect_eq(batch.nr_ended, 1);
	expect_requests(dev, &want, bio->bi_iter.bi_sector);
	for (i = 0; i < want.nr; i++)
		done += want.bytes[i];
	expect_arrived(dev, bio, bio->bi_iter.bi_sector, done);

	/* The same with NOWAIT: whole, or not at all. */
	tdev_reset_log(dev);
	tbatch_init(&batch);
	clone = bio_alloc_clone(dev->bdev, bio, GFP_KERNEL, &fs_bio_set);
	clone->bi_opf |= REQ_NOWAIT;
	tbatch_submit(&batch, clone);
	tbatch_wait(&batch);
	if (want.nr == 1 && !want.impossible) {
		lab_expect_eq(batch.status, BLK_STS_OK);
		lab_expect_eq(dev->nr_events, 1);
	} else {
		lab_expect_eq(batch.status, BLK_STS_AGAIN);
		lab_expect_eq(dev->nr_events, 0);
	}
	bio_put(bio);
}

static void split_property(unsigned int kinds)
{
	u64 seed = lab_test_base_seed();
	unsigned int rounds = lab_test_slow() ? 4 : 60, round;
	struct tdev *dev = tdev_create(64);
	u8 *buf = (u8 *)__get_free_pages(GFP_KERNEL, BUF_ORDER);
	struct trand r = { seed };

	lab_test_seed(seed);
	for (round = 0; round < BUF_BYTES; round++)
		buf[round] = trand(&r);
	for (round = 0; round < rounds; round++) {
		struct trand rr = { seed + round };

		one_round(dev, &rr, buf, kinds == 31 ? trand_below(&rr, 32) : kinds);
	}
	free_pages((unsigned long)buf, BUF_ORDER);
	tdev_destroy(dev);
}

LAB_TEST(bio_split, no_limit_but_length) { split_property(0); }
LAB_TEST(bio_split, logical_block) { split_property(1); }
LAB_TEST(bio_split, max_sectors) { split_property(2); }
LAB_TEST(bio_split, max_segments) { split_property(4); }
LAB_TEST(bio_split, max_segment_size) { split_property(8); }
LAB_TEST(bio_split, virt_boundary) { split_property(16); }
LAB_TEST(bio_split, all_limits_together) { split_property(31); }

LAB_TEST(bio_split, boundary_of_max_sectors)
{
	struct tdev *dev = tdev_create(8);
	u8 *buf = (u8 *)__get_free_pages(GFP_KERNEL, BUF_ORDER);
	static const unsigned int sectors[] = { 15, 16, 17, 31, 32, 33 }, cuts[] = { 1, 1, 2, 2, 2, 3 };
	unsigned int i;

	blk_mq_freeze_queue(dev->disk->queue);
	blk_queue_max_hw_sectors(dev->disk->queue, 16);
	blk_mq_unfreeze_queue(dev->disk->queue);
	for (i = 0; i < ARRAY_SIZE(sectors); i++) {
		struct bio *bio = tbio(dev->bdev, REQ_OP_WRITE, 0, buf, sectors[i] * 512);

		tdev_reset_log(dev);
		lab_expect_eq(submit_bio_wait(bio), 0);
		lab_expect_eq(dev->nr_events, cuts[i]);
		bio_put(bio);
	}
	free_pages((unsigned long)buf, BUF_ORDER);
	tdev_destroy(dev);
}

LAB_TEST(bio_split, range_ops_have_their_own_limits)
{
	struct tdev *dev = tdev_create(8);
	struct request_queue *q = dev->disk->queue;

	lab_expect_eq(blkdev_issue_discard(dev->bdev, 0, 100, GFP_KERNEL), -EOPNOTSUPP);
	blk_mq_freeze_queue(q);
	blk_queue_max_discard_sectors(q, 40);
	blk_queue_max_write_zeroes_sectors(q, 64);
	blk_mq_unfreeze_queue(q);
	lab_expect_eq(blkdev_issue_discard(dev->bdev, 8, 100, GFP_KERNEL), 0);
	lab_expect_eq(dev->nr_events, 3);
	lab_expect_eq(dev->event[2].sector, 88);
	lab_expect_eq(dev->event[2].bytes, 20 * 512);
	tdev_reset_log(dev);
	memset(dev->data, 0xff, TDEV_BYTES);
	lab_expect_eq(blkdev_issue_zeroout(dev->bdev, 8, 100, GFP_KERNEL, BLKDEV_ZERO_NOUNMAP), 0);
	lab_expect_eq(dev->nr_events, 2);
	lab_expect(dev->event[0].opf & REQ_NOUNMAP);
	lab_expect_eq(dev->data[8 * 512 - 1], 0xff);
	lab_expect_eq(dev->data[8 * 512], 0);
	lab_expect_eq(dev->data[108 * 512 - 1], 0);
	lab_expect_eq(dev->data[108 * 512], 0xff);
	tdev_destroy(dev);
}

LAB_TEST(bio_split, zeroout_without_write_zeroes_writes)
{
	struct tdev *dev = tdev_create(8);

	memset(dev->data, 0xff, TDEV_BYTES);
	lab_expect_eq(blkdev_issue_zeroout(dev->bdev, 1, 1030, GFP_KERNEL, BLKDEV_ZERO_NOFALLBACK),
		      -EOPNOTSUPP);
	lab_expect_eq(dev->nr_events, 0);
	lab_expect_eq(blkdev_issue_zeroout(dev->bdev, 1, 1030, GFP_KERNEL, 0), 0);
	lab_expect_eq(dev->event[0].what, TDEV_WRITE);
	lab_expect_eq(dev->data[511], 0xff);
	lab_expect_eq(dev->data[512], 0);
	lab_expect_eq(dev->data[1031 * 512 - 1], 0);
	lab_expect_eq(dev->data[1031 * 512], 0xff);
	tdev_destroy(dev);
}

LAB_TEST(bio_split, setters_refuse_the_impossible)
{
	struct tdev *dev = tdev_create(8);
	struct request_queue *q = dev->disk->queue;

	kc_expect_warn("WARN_ON", 5);
	blk_mq_freeze_queue(q);
	blk_queue_max_hw_sectors(q, 7);
	lab_expect_eq(queue_max_sectors(q), 8);
	blk_queue_max_segments(q, 0);
	lab_expect_eq(queue_max_segments(q), 1);
	blk_queue_max_segment_size(q, 4095);
	lab_expect_eq(queue_max_segment_size(q), 4096);
	blk_queue_logical_block_size(q, 8192);
	lab_expect_eq(queue_logical_block_size(q), 512);
	blk_queue_virt_boundary(q, 4096);
	lab_expect_eq(queue_virt_boundary(q), 0);
	blk_queue_max_hw_sectors(q, 100000);
	lab_expect_eq(queue_max_sectors(q), BLK_DEF_MAX_SECTORS);
	lab_expect_eq(queue_max_hw_sectors(q), 100000);
	blk_mq_unfreeze_queue(q);
	tdev_destroy(dev);
}
