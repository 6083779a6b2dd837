// SPDX-License-Identifier: GPL-2.0-only
/*
 * The two rules on bios. Old: bio_add_page() refuses exactly what would need a cut, so every bio is one request;
 * new: it takes everything, and the bio is cut. Under both every byte arrives.
 */
#include "testdev.h"

#define BUF_ORDER	5
#define BUF_BYTES	(PAGE_SIZE << BUF_ORDER)
#define MAX_PIECES	(BIO_MAX_VECS < 24 ? BIO_MAX_VECS : 24)	/* that one bio takes under the new rule */

static struct page *page_at(u8 *buf, unsigned int at)
{
	return virt_to_page(buf + at);
}

static int add(struct bio *bio, u8 *buf, unsigned int at, unsigned int len)
{
	return bio_add_page(bio, page_at(buf, at), len, offset_in_page(at));
}

static u8 *buf_get(struct trand *r)
{
	u8 *buf = (u8 *)__get_free_pages(GFP_KERNEL, BUF_ORDER);
	unsigned int i;

	lab_expect(buf);
	for (i = 0; i < BUF_BYTES; i++)
		buf[i] = trand(r);
	return buf;
}

static void buf_put(u8 *buf)
{
	free_pages((unsigned long)buf, BUF_ORDER);
}

static struct bio *empty_bio(struct tdev *dev, sector_t sector)
{
	struct bio *bio = bio_alloc(dev->bdev, bio_max_segs(64), REQ_OP_WRITE, GFP_KERNEL);

	bio->bi_iter.bi_sector = sector;
	return bio;
}

/* Submit, expect so many requests, and put. */
static void expect_requests(struct tdev *dev, struct bio *bio, unsigned int nr)
{
	tdev_reset_log(dev);
	lab_expect_eq(submit_bio_wait(bio), 0);
	lab_expect_eq(dev->nr_events, nr);
	bio_put(bio);
}

LAB_TEST(bio_rule, a_world_begins_with_the_new_one)
{
	lab_expect(!lab_bio_old_rule);
	lab_set_bio_rule(true);
}

/* ---- one limit at a time: N - 1, N, N + 1 --------------------------------------------------- */

LAB_TEST(bio_rule, length)
{
	struct tdev *dev = tdev_create(8);
	struct trand r = { 1 };
	u8 *buf = buf_get(&r);
	struct bio *bio;
	unsigned int i;

	blk_queue_max_hw_sectors(dev->disk->queue, 16);
	lab_set_bio_rule(true);
	bio = empty_bio(dev, 0);
	for (i = 0; i < 15; i++)
		lab_expect_eq(add(bio, buf, i * 512, 512), 512);
	lab_expect_eq(add(bio, buf, 15 * 512, 1024), 0);
	lab_expect_eq(bio->bi_iter.bi_size, 15 * 512);
	lab_expect_eq(add(bio, buf, 15 * 512, 512), 512);
	lab_expect_eq(add(bio, buf, 16 * 512, 512), 0);
	lab_expect_eq(bio->bi_iter.bi_size, 16 * 512);
	expect_requests(dev, bio, 1);

	lab_set_bio_rule(false);
	bio = empty_bio(dev, 0);
	for (i = 0; i < 17; i++)
		lab_expect_eq(add(bio, buf, i * 512, 512), 512);
	expect_requests(dev, bio, 2);
	buf_put(buf);
	tdev_destroy(dev);
}

LAB_TEST(bio_rule, segments)
{
	struct tdev *dev = tdev_create(8);
	struct trand r = { 2 };
	u8 *buf = buf_get(&r);
	struct bio *bio;
	unsigned int i;

	blk_queue_max_segments(dev->disk->queue, 3);
	lab_set_bio_rule(true);
	bio = empty_bio(dev, 0);
	for (i = 0; i < 3; i++)
		lab_expect_eq(add(bio, buf, 2 * i * PAGE_SIZE, PAGE_SIZE), PAGE_SIZE);
	lab_expect_eq(add(bio, buf, 6 * PAGE_SIZE, PAGE_SIZE), 0);
	lab_expect_eq(add(bio, buf, 5 * PAGE_SIZE, PAGE_SIZE), PAGE_SIZE);	/* goes on in memory */
	lab_expect_eq(bio->bi_vcnt, 3);
	expect_requests(dev, bio, 1);

	lab_set_bio_rule(false);
	bio = empty_bio(dev, 0);
	for (i = 0; i < 4; i++)
		lab_expect_eq(add(bio, buf, 2 * i * PAGE_SIZE, PAGE_SIZE), PAGE_SIZE);
	expect_requests(dev, bio, bio->bi_vcnt == 4 ? 2 : 0);
	buf_put(buf);
	tdev_destroy(dev);
}

LAB_TEST(bio_rule, segment_size)
{
	struct tdev *dev = tdev_create(8);
	struct trand r = { 3 };
	u8 *buf = buf_get(&r);
	struct bio *bio;

	blk_queue_max_segments(dev->disk->queue, 2);
	blk_queue_max_segment_size(dev->disk->queue, PAGE_SIZE + 512);
	lab_set_bio_rule(true);
	bio = empty_bio(dev, 0);
	lab_expect_eq(add(bio, buf, 0, PAGE_SIZE), PAGE_SIZE);
	lab_expect_eq(add(bio, buf, PAGE_SIZE, 512), 512);			/* one segment, full */
	lab_expect_eq(add(bio, buf, PAGE_SIZE + 512, PAGE_SIZE - 512), PAGE_SIZE - 512);
	lab_expect_eq(add(bio, buf, 2 * PAGE_SIZE, 1024), 1024);		/* two, full */
	lab_expect_eq(add(bio, buf, 2 * PAGE_SIZE + 1024, 512), 0);
	lab_expect_eq(bio->bi_vcnt, 1);
	expect_requests(dev, bio, 1);
	/* a piece of several pages counts for what it is; all or nothing */
	bio = empty_bio(dev, 0);
	lab_expect_eq(add(bio, buf, 0, 2 * PAGE_SIZE + 1536), 0);
	lab_expect_eq(add(bio, buf, 0, 2 * PAGE_SIZE + 1024), 2 * PAGE_SIZE + 1024);
	expect_requests(dev, bio, 1);
	buf_put(buf);
	tdev_destroy(dev);
}

LAB_TEST(bio_rule, gaps)
{
	struct tdev *dev = tdev_create(8);
	struct trand r = { 4 };
	u8 *buf = buf_get(&r);
	struct bio *bio;

	blk_queue_virt_boundary(dev->disk->queue, PAGE_SIZE - 1);
	lab_set_bio_rule(true);
	bio = empty_bio(dev, 0);
	lab_expect_eq(add(bio, buf, 512, PAGE_SIZE - 512), PAGE_SIZE - 512);
	lab_expect_eq(add(bio, buf, 2 * PAGE_SIZE + 512, 512), 0);	/* begins off the boundary */
	lab_expect_eq(add(bio, buf, 2 * PAGE_SIZE, 512), 512);
	lab_expect_eq(add(bio, buf, 4 * PAGE_SIZE, 512), 0);		/* what is there ends off it */
	lab_expect_eq(add(bio, buf, 2 * PAGE_SIZE + 512, 512), 512);	/* no gap: goes on in memory */
	expect_requests(dev, bio, 1);
	buf_put(buf);
	tdev_destroy(dev);
}

LAB_TEST(bio_rule, the_array)
{
	struct tdev *dev = tdev_create(8);
	struct bio_vec vecs[2];
	struct trand r = { 5 };
	u8 *buf = buf_get(&r);
	struct bio bio;

	lab_set_bio_rule(true);
	bio_init(&bio, dev->bdev, vecs, 2, REQ_OP_WRITE);
	lab_expect_eq(add(&bio, buf, 0, 512), 512);
	lab_expect_eq(add(&bio, buf, PAGE_SIZE, 512), 512);
	lab_expect_eq(add(&bio, buf, 2 * PAGE_SIZE, 512), 0);
	lab_expect_eq(add(&bio, buf, PAGE_SIZE + 512, 512), 512);
	lab_expect_eq(submit_bio_wait(&bio), 0);
	/* and again, empty */
	bio_reset(&bio, dev->bdev, REQ_OP_WRITE);
	lab_expect_eq(bio.bi_lab_segments, 0);
	lab_expect_eq(add(&bio, buf, 0, 512), 512);
	lab_expect_eq(bio.bi_lab_segments, 1);
	bio_uninit(&bio);
	buf_put(buf);
	tdev_destroy(dev);
}

LAB_TEST(bio_rule, the_old_one_must_know_the_device)
{
	struct tdev *dev = tdev_create(8);
	struct trand r = { 6 };
	u8 *buf = buf_get(&r);
	struct bio *bio = empty_bio(dev, 0);

	lab_set_bio_rule(true);
	bio_set_dev(bio, NULL);
	kc_expect_warn("WARN_ON", 1);
	lab_expect_eq(add(bio, buf, 0, 512), 0);
	lab_set_bio_rule(false);
	lab_expect_eq(add(bio, buf, 0, 512), 512);
	bio_put(bio);
	buf_put(buf);
	tdev_destroy(dev);
}

LAB_TEST(bio_rule, nr_vecs)
{
	static const struct { unsigned int segments, sectors, want; } t[] = {
		{ 1, 8, 1 }, { 2, 8, 2 }, { 3, 8, 2 }, { 128, 64, 9 }, { 8, 64, 8 }, { 9, 64, 9 }, { 10, 64, 9 },
		{ 4096, 2048, BIO_MAX_VECS }, { BIO_MAX_VECS - 1, 2560, BIO_MAX_VECS - 1 },
	};
	struct tdev *dev = tdev_create(8);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(t); i++) {
		blk_queue_max_hw_sectors(dev->disk->queue, t[i].sectors);
		blk_queue_max_segments(dev->disk->queue, t[i].segments);
		lab_expect_eq(bio_get_nr_vecs(dev->bdev),
			      min3(bio_max_segs(t[i].segments), t[i].want,
				   queue_max_sectors(dev->disk->queue) / 8 + 1));
	}
	tdev_destroy(dev);
}

/* ---- bios that nobody asked about --------------------------------------------------------------- */

static int submit_raw(struct tdev *dev, blk_opf_t opf, u8 *buf, unsigned int nr, unsigned int bytes, unsigned int step)
{
	struct bio *bio = bio_alloc(dev->bdev, nr, opf, GFP_KERNEL);
	unsigned int i;
	int err;

	for (i = 0; i < nr; i++)
		__bio_add_page(bio, page_at(buf, i * step), bytes, 0);
	tdev_reset_log(dev);
	err = submit_bio_wait(bio);
	bio_put(bio);
	return err;
}

LAB_TEST(bio_rule, too_big_is_an_error)
{
	struct tdev *dev = tdev_create(8);
	struct request_queue *q = dev->disk->queue;
	struct trand r = { 7 };
	u8 *buf = buf_get(&r);
	unsigned int i;

	blk_queue_max_hw_sectors(q, 16);
	blk_queue_max_segments(q, 2);
	for (i = 0; i < 2; i++) {
		bool old = i;
		int err = old ? -EIO : 0;

		lab_set_bio_rule(old);
		lab_expect_eq(submit_raw(dev, REQ_OP_WRITE, buf, 1, 15 * 512, 0), 0);
		lab_expect_eq(submit_raw(dev, REQ_OP_WRITE, buf, 1, 16 * 512, 0), 0);
		lab_expect_eq(dev->nr_events, 1);
		lab_expect_eq(submit_raw(dev, REQ_OP_WRITE, buf, 1, 17 * 512, 0), err);
		lab_expect_eq(dev->nr_events, old ? 0 : 2);
		lab_expect_eq(submit_raw(dev, REQ_OP_READ, buf, 1, 17 * 512, 0), err);
		lab_expect_eq(submit_raw(dev, REQ_OP_WRITE | REQ_NOWAIT, buf, 1, 17 * 512, 0), old ? -EIO : -EAGAIN);
		lab_expect_eq(submit_raw(dev, REQ_OP_WRITE, buf, 2, 512, 2 * PAGE_SIZE), 0);
		lab_expect_eq(dev->nr_events, 1);
		lab_expect_eq(submit_raw(dev, REQ_OP_WRITE, buf, 3, 512, 2 * PAGE_SIZE), err);
		lab_expect_eq(dev->nr_events, old ? 0 : 2);
	}
	buf_put(buf);
	tdev_destroy(dev);
}

/* Who makes bios of its own in sim/block asks too. */
LAB_TEST(bio_rule, whole_jobs_keep_to_it)
{
	struct tdev *dev = tdev_create(8);
	struct request_queue *q = dev->disk->queue;
	unsigned int i;

	blk_queue_max_hw_sectors(q, 16);
	blk_queue_max_discard_sectors(q, 40);
	lab_set_bio_rule(true);
	lab_expect_eq(blkdev_issue_discard(dev->bdev, 8, 100, GFP_KERNEL), 0);
	lab_expect_eq(dev->nr_events, 3);
	lab_expect_eq(dev->event[2].sector, 88);
	memset(dev->data, 0xff, TDEV_BYTES);
	tdev_reset_log(dev);
	lab_expect_eq(blkdev_issue_zeroout(dev->bdev, 1, 1030, GFP_KERNEL, 0), 0);
	for (i = 0; i < dev->nr_events; i++)
		lab_expect_le(dev->event[i].bytes, 16 * 512);
	lab_expect_eq(dev->data[511], 0xff);
	lab_expect(!memchr_inv(dev->data + 512, 0, 1030 * 512));
	lab_expect_eq(dev->data[1031 * 512], 0xff);
	blk_queue_max_write_zeroes_sectors(q, 64);
	tdev_reset_log(dev);
	lab_expect_eq(blkdev_issue_zeroout(dev->bdev, 8, 129, GFP_KERNEL, 0), 0);
	lab_expect_eq(dev->nr_events, 3);
	tdev_destroy(dev);
}

/* ---- both rules side by side -------------------------------------------------------------------- */

struct piece {
	unsigned int at, len;
};

struct asked {
	unsigned int chunk_bytes, nr;
};

static struct asked asked;	/* of chunk_merge(); one device a test */

/* A device of chunks. A page as the first piece is not always taken: who uses it keeps pieces off the edges. */
static int chunk_merge(struct request_queue *q, struct bvec_merge_data *bvm, struct bio_vec *bvec)
{
	u64 first_bytes = (bvm->bi_sector << SECTOR_SHIFT) % asked.chunk_bytes;

	asked.nr++;
	lab_expect(bvm->bi_bdev == q->disk->part0);
	lab_expect_eq(bvm->bi_rw, REQ_OP_WRITE);
	return min_t(u64, bvec->bv_len, asked.chunk_bytes - first_bytes - bvm->bi_size);
}

static unsigned int random_pieces(struct trand *r, struct piece *p, unsigned int lbs)
{
	unsigned int nr = 1 + trand_below(r, MAX_PIECES), style = trand_below(r, 3), i, in_page, at = 0;

	for (i = 0; i < nr; i++) {
		in_page = style ? trand_below(r, PAGE_SIZE / lbs) * lbs : 0;
		if (style == 2 && i)	/* often goes on where the last one ended */
			at = p[i - 1].at + p[i - 1].len;
		if (style < 2 || at >= BUF_BYTES || !trand_below(r, 3))
			at = trand_below(r, 1 << BUF_ORDER) * PAGE_SIZE + in_page;
		p[i].at = at;
		p[i].len = style ? lbs * (1 + trand_below(r, (PAGE_SIZE - at % PAGE_SIZE) / lbs)) : PAGE_SIZE;
	}
	return nr;
}

static void expect_data(struct tdev *dev, u8 *buf, const struct piece *p, unsigned int nr, sector_t sector)
{
	const u8 *at = dev->data + (sector << SECTOR_SHIFT);

	for (; nr--; at += p++->len)
		lab_expect_mem(at, buf + p->at, p->len);
}

/* What was refused would have been cut: the same bio under the new rule, with the piece, is several requests. */
static void expect_needless_not_refused(struct tdev *dev, u8 *buf, const struct piece *p, unsigned int nr,
					sector_t sector)
{
	struct bio *bio;

	lab_set_bio_rule(false);
	bio = empty_bio(dev, sector);
	while (nr--) {
		lab_expect_eq(add(bio, buf, p->at, p->len), p->len);
		p++;
	}
	tdev_reset_log(dev);
	lab_expect_eq(submit_bio_wait(bio), 0);
	lab_expect_ge(dev->nr_events, 2);
	bio_put(bio);
	lab_set_bio_rule(true);
}

/* Under the old rule: as many bios as it takes, each one request. Returns how many. */
static unsigned int old_rule(struct tdev *dev, u8 *buf, const struct piece *p, unsigned int nr, sector_t sector)
{
	unsigned int first = 0, i = 0, bios = 0;
	struct bio *bio;

	lab_set_bio_rule(true);
	for (; i < nr; first = i, bios++) {
		bio = empty_bio(dev, sector);
		while (i < nr && add(bio, buf, p[i].at, p[i].len))
			i++;
		lab_expect_gt(i, first);	/* a piece always fits */
		if (i < nr && !asked.chunk_bytes)
			expect_needless_not_refused(dev, buf, p + first, i + 1 - first, sector);
		sector += bio_sectors(bio);
		expect_requests(dev, bio, 1);
		if (asked.chunk_bytes)
			lab_expect_le((dev->event[0].sector * 512) % asked.chunk_bytes + dev->event[0].bytes,
				      asked.chunk_bytes);
	}
	return bios;
}

static void both_rules(unsigned int kinds, bool chunks)
{
	u64 seed = lab_test_base_seed();
	unsigned int rounds = lab_test_slow() ? 6 : 60, round, nr, old_bios = 0, kind;
	struct tdev *dev = tdev_create(64);
	struct piece p[MAX_PIECES];
	struct trand r = { seed };
	u8 *buf = buf_get(&r);
	struct bio *bio;

	lab_test_seed(seed);
	asked = (struct asked) { .chunk_bytes = chunks ? 4 * PAGE_SIZE : 0 };
	if (chunks)
		blk_queue_merge_bvec(dev->disk->queue, chunk_merge);
	for (round = 0; round < rounds; round++) {
		struct trand rr = { seed + round };
		sector_t sector;

		kind = kinds == 31 ? trand_below(&rr, 32) : kinds;
		tdev_random_limits(dev, &rr, kind);
		nr = random_pieces(&rr, p, chunks ? PAGE_SIZE : bdev_logical_block_size(dev->bdev));
		sector = trand_below(&rr, 32) * 8;
		memset(dev->data, 0, TDEV_BYTES);
		old_bios += old_rule(dev, buf, p, nr, sector);
		expect_data(dev, buf, p, nr, sector);

		lab_set_bio_rule(false);
		memset(dev->data, 0, TDEV_BYTES);
		asked.nr = 0;
		bio = empty_bio(dev, sector);
		tdev_reset_log(dev);
		for (kind = 0; kind < nr; kind++)
			lab_expect_eq(add(bio, buf, p[kind].at, p[kind].len), p[kind].len);
		lab_expect_eq(submit_bio_wait(bio), 0);
		bio_put(bio);
		expect_data(dev, buf, p, nr, sector);
		lab_expect_eq(asked.nr, 0);
	}
	lab_expect_gt(old_bios, rounds);	/* it did refuse now and then */
	buf_put(buf);
	tdev_destroy(dev);
}

LAB_TEST(bio_rule, both_with_max_sectors) { both_rules(2, false); }
LAB_TEST(bio_rule, both_with_max_segments) { both_rules(4, false); }
LAB_TEST(bio_rule, both_with_segment_size) { both_rules(4 | 8, false); }
LAB_TEST(bio_rule, both_with_gaps) { both_rules(16, false); }
LAB_TEST(bio_rule, both_with_all_limits) { both_rules(31, false); }
LAB_TEST(bio_rule, both_with_chunks) { both_rules(2 | 4, true); }
