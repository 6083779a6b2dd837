// SPDX-License-Identifier: GPL-2.0-only
/*
 * Building, sharing and ending bios.
 */
#include "testdev.h"

static void note_end(struct bio *bio)
{
	unsigned int *ended = bio->bi_private;

	(*ended)++;
}

/* ---- building ------------------------------------------------------------------------- */

LAB_TEST(bio, init_sets_every_field)
{
	struct bio_vec table[2];
	struct bio bio;

	memset(&bio, 0xa5, sizeof(bio));
	bio_init(&bio, NULL, table, 2, REQ_OP_WRITE | REQ_SYNC);
	lab_expect(!bio.bi_next && !bio.bi_bdev && !bio.bi_end_io && !bio.bi_private && !bio.bi_pool);
	lab_expect_eq(bio.bi_opf, REQ_OP_WRITE | REQ_SYNC);
	lab_expect_eq(bio.bi_flags, 0);
	lab_expect_eq(bio.bi_status, BLK_STS_OK);
	lab_expect_eq(bio.bi_lab_scope, lab_scope());
	lab_expect_eq(atomic_read(&bio.__bi_remaining), 1);
	lab_expect_eq(atomic_read(&bio.__bi_cnt), 1);
	lab_expect_eq(bio.bi_iter.bi_size, 0);
	lab_expect_eq(bio.bi_iter.bi_sector, 0);
	lab_expect_eq(bio.bi_iter.bi_idx, 0);
	lab_expect_eq(bio.bi_iter.bi_bvec_done, 0);
	lab_expect_eq(bio.bi_vcnt, 0);
	lab_expect_eq(bio.bi_max_vecs, 2);
	lab_expect(bio.bi_io_vec == table);
	bio_uninit(&bio);
}

LAB_TEST(bio, add_page_merges_what_is_next_in_memory)
{
	struct page *pages = alloc_pages(GFP_KERNEL, 2);
	struct bio *bio = bio_alloc(NULL, 4, REQ_OP_READ, GFP_KERNEL);

	lab_expect_eq(bio_add_page(bio, pages, 512, 3584), 512);
	lab_expect_eq(bio_add_page(bio, pages + 1, PAGE_SIZE, 0), PAGE_SIZE);
	lab_expect_eq(bio->bi_vcnt, 1);
	lab_expect_eq(bio->bi_io_vec[0].bv_len, 512 + PAGE_SIZE);
	/* The same page again, a hole of one byte, a step back: none of these is next. */
	lab_expect_eq(bio_add_page(bio, pages + 1, 512, 0), 512);
	lab_expect_eq(bio_add_page(bio, pages + 1, 512, 513), 512);
	lab_expect_eq(bio_add_page(bio, pages, 512, 0), 512);
	lab_expect_eq(bio->bi_vcnt, 4);
	lab_expect_eq(bio_add_page(bio, pages + 3, 512, 0), 0);
	lab_expect_eq(bio_add_page(bio, pages, 512, 512), 512);
	lab_expect_eq(bio->bi_vcnt, 4);
	lab_expect_eq(bio->bi_iter.bi_size, 5 * 512 + PAGE_SIZE);
	bio_put(bio);
	__free_pages(pages, 2);
}

LAB_TEST(bio, size_does_not_overflow)
{
	struct page *page = alloc_page(GFP_KERNEL);
	struct bio *bio = bio_alloc(NULL, 4, REQ_OP_READ, GFP_KERNEL);

	bio->bi_iter.bi_size = BIO_MAX_SIZE_BYTES - 511;
	lab_expect_eq(bio_add_page(bio, page, 1024, 0), 0);
	lab_expect_eq(bio->bi_vcnt, 0);
	bio->bi_iter.bi_size = BIO_MAX_SIZE_BYTES - 1024;
	lab_expect_eq(bio_add_page(bio, page, 1024, 0), 1024);
	lab_expect_eq(bio_add_page(bio, page, 512, 1024), 0);
	bio_put(bio);
	__free_page(page);
}

LAB_TEST(bio, advance_to_the_end_and_segments)
{
	struct page *pages = alloc_pages(GFP_KERNEL, 1);
	struct bio *bio = bio_alloc(NULL, 1, REQ_OP_WRITE, GFP_KERNEL);

	__bio_add_page(bio, pages, 2 * PAGE_SIZE - 512, 512);
	lab_expect_eq(bio_segments(bio), 2);
	bio_advance(bio, PAGE_SIZE - 512);
	lab_expect_eq(bio_segments(bio), 1);
	lab_expect_eq(bio->bi_iter.bi_sector, 7);
	lab_expect(bio_page(bio) == pages + 1);
	lab_expect_eq(bio_offset(bio), 0);
	bio_advance(bio, PAGE_SIZE);
	lab_expect_eq(bio_segments(bio), 0);
	lab_expect_eq(bio_sectors(bio), 0);
	lab_expect(!bio_has_data(bio));
	bio_put(bio);
	__free_pages(pages, 1);
}

/* ---- sharing, against the bytes ----------------------------------------------------------- */

#define SHARE_PAGES	8
#define SHARE_BYTES	(SHARE_PAGES * PAGE_SIZE)

/*
 * A bio over a shuffled selection of the 512-byte sectors of @pages; its sector i is sector @where[i] of
 * them.
 */
static struct bio *shuffled_bio(struct trand *r, struct page *pages, unsigned int *where,
				unsigned int *sectors)
{
	struct bio *bio = bio_alloc(NULL, bio_max_segs(16), REQ_OP_WRITE, GFP_KERNEL);
	unsigned int n = 0, i;

	bio->bi_iter.bi_sector = 1000;
	while (bio->bi_vcnt < bio->bi_max_vecs && n < 64) {
		unsigned int start = trand_below(r, SHARE_BYTES / 512 - 12), len = 1 + trand_below(r, 12);

		__bio_add_page(bio, pages + start / 8, len * 512, start % 8 * 512);
		for (i = 0; i < len; i++)
			where[n++] = start + i;
	}
	*sectors = n;
	return bio;
}

static void expect_bio_shows(struct bio *bio, struct page *pages, const unsigned int *where,
			     unsigned int sectors)
{
	struct bvec_iter iter;
	struct bio_vec bv;
	unsigned int i = 0, at;

	lab_expect_eq(bio_sectors(bio), sectors);
	bio_for_each_segment(bv, bio, iter)
		for (at = 0; at < bv.bv_len; at += 512, i++)
			lab_expect_eq((bv.bv_page - pages) * 8 + (bv.bv_offset + at) / 512, where[i]);
	lab_expect_eq(i, sectors);
}

LAB_TEST(bio, clone_split_trim_show_the_right_bytes)
{
	u64 seed = lab_test_base_seed();
	struct page *pages = alloc_pages(GFP_KERNEL, 3);
	unsigned int where[96], n, round, rounds = lab_test_slow() ? 10 : 200;

	lab_test_seed(seed);
	for (round = 0; round < rounds; round++) {
		struct trand r = { seed + round };
		struct bio *bio = shuffled_bio(&r, pages, where, &n), *clone, *front;
		unsigned int skip = trand_below(&r, n - 2), cut, off, len;

		bio_advance(bio, skip * 512);
		expect_bio_shows(bio, pages, where + skip, n - skip);
		clone = bio_alloc_clone(NULL, bio, GFP_KERNEL, &fs_bio_set);
		cut = 1 + trand_below(&r, n - skip - 1);
		front = bio_split(clone, cut, GFP_KERNEL, &fs_bio_set);
		lab_expect_eq(front->bi_iter.bi_sector, 1000 + skip);
		lab_expect_eq(clone->bi_iter.bi_sector, 1000 + skip + cut);
		expect_bio_shows(front, pages, where + skip, cut);
		expect_bio_shows(clone, pages, where + skip + cut, n - skip - cut);
		/* The source has not moved. */
		expect_bio_shows(bio, pages, where + skip, n - skip);
		off = trand_below(&r, n - skip);
		len = trand_below(&r, n - skip - off + 1);
		bio_trim(bio, off, len);
		expect_bio_shows(bio, pages, where + skip + off, len);
		lab_expect_eq(bio->bi_iter.bi_sector, 1000 + skip + off);
		bio_put(front);
		bio_put(clone);
		bio_put(bio);
	}
	__free_pages(pages, 3);
}

LAB_TEST(bio, next_split_ends_with_the_bio_itself)
{
	struct page *pages = alloc_pages(GFP_KERNEL, 1);
	struct bio *bio = bio_alloc(NULL, 1, REQ_OP_WRITE, GFP_KERNEL), *piece;
	unsigned int nr = 0, sectors = 0;

	__bio_add_page(bio, pages, 10 * 512, 0);
	do {
		piece = bio_next_split(bio, 3, GFP_KERNEL, &fs_bio_set);
		lab_expect_eq(piece->bi_iter.bi_sector, sectors);
		sectors += bio_sectors(piece);
		nr++;
		if (piece != bio)
			bio_put(piece);
	} while (piece != bio);
	lab_expect_eq(nr, 4);
	lab_expect_eq(sectors, 10);
	/* Exactly what is left is the bio itself too. */
	lab_expect(bio_next_split(bio, 1, GFP_KERNEL, &fs_bio_set) == bio);
	bio_put(bio);
	__free_pages(pages, 1);
}

static void split_nothing(void *arg)
{
	struct bio bio;

	bio_init(&bio, NULL, NULL, 0, REQ_OP_DISCARD);
	bio.bi_iter.bi_size = 4096;
	bio_split(&bio, *(int *)arg, GFP_KERNEL, &fs_bio_set);
}

LAB_TEST_BARE(bio, split_of_nothing_or_all_stops)
{
	int none = 0, all = 8;

	lab_expect_eq(tfork(split_nothing, &none), LAB_DIED);
	lab_expect_eq(tfork(split_nothing, &all), LAB_DIED);
}

LAB_TEST(bio, trim_beyond_the_bio_changes_nothing)
{
	struct bio *bio = bio_alloc(NULL, 0, REQ_OP_DISCARD, GFP_KERNEL);

	bio->bi_iter.bi_size = 4096;
	kc_expect_warn("WARN_ON", 2);
	bio_trim(bio, 9, 0);
	bio_trim(bio, 8, 1);
	lab_expect_eq(bio->bi_iter.bi_size, 4096);
	lab_expect_eq(bio->bi_iter.bi_sector, 0);
	bio_trim(bio, 0, 8);
	lab_expect_eq(bio->bi_iter.bi_size, 4096);
	bio_trim(bio, 7, 1);
	lab_expect_eq(bio->bi_iter.bi_sector, 7);
	lab_expect_eq(bio->bi_iter.bi_size, 512);
	bio_put(bio);
}

LAB_TEST(bio, range_ops_advance_without_an_array)
{
	struct bio *bio = bio_alloc(NULL, 0, REQ_OP_WRITE_ZEROES, GFP_KERNEL), *front;

	bio->bi_iter.bi_size = 64 << 20;
	front = bio_split(bio, 5, GFP_KERNEL, &fs_bio_set);
	lab_expect_eq(front->bi_iter.bi_size, 2560);
	lab_expect_eq(bio->bi_iter.bi_size, (64 << 20) - 2560);
	lab_expect_eq(bio->bi_iter.bi_sector, 5);
	lab_expect_eq(bio->bi_iter.bi_idx, 0);
	lab_expect_eq(bio_segments(bio), 0);
	bio_put(front);
	bio_put(bio);
}

/* ---- ending -------------------------------------------------------------------------------- */

LAB_TEST(bio, endio_runs_in_the_scope_of_init)
{
	unsigned int ended = 0;
	enum lab_scope old;
	struct bio bio;

	old = lab_scope_enter(LAB_LOOP);
	bio_init(&bio, NULL, NULL, 0, REQ_OP_READ);
	lab_scope_leave(old);
	bio.bi_private = &ended;
	bio.bi_end_io = note_end;
	lab_expect_eq(bio.bi_lab_scope, LAB_LOOP);
	bio_endio(&bio);
	lab_expect_eq(ended, 1);
	lab_expect_eq(lab_scope(), old);
}

LAB_TEST(bio, parent_ends_after_the_last_child)
{
	struct bio *child[3];
	unsigned int ended = 0, i;
	struct bio parent;

	bio_init(&parent, NULL, NULL, 0, REQ_OP_READ);
	parent.bi_private = &ended;
	parent.bi_end_io = note_end;
	for (i = 0; i < 3; i++) {
		child[i] = bio_alloc(NULL, 0, REQ_OP_READ, GFP_KERNEL);
		bio_chain(child[i], &parent);
	}
	bio_endio(child[1]);
	bio_endio(&parent);
	bio_endio(child[0]);
	lab_expect_eq(ended, 0);
	bio_endio(child[2]);
	lab_expect_eq(ended, 1);
	lab_expect_eq(parent.bi_status, BLK_STS_OK);
}

LAB_TEST(bio, first_error_of_a_chain_wins)
{
	struct bio *a = bio_alloc(NULL, 0, REQ_OP_READ, GFP_KERNEL);
	struct bio *b = bio_alloc(NULL, 0, REQ_OP_READ, GFP_KERNEL);
	struct bio *c = bio_alloc(NULL, 0, REQ_OP_READ, GFP_KERNEL);
	unsigned int ended = 0;
	struct bio parent;

	bio_init(&parent, NULL, NULL, 0, REQ_OP_READ);
	parent.bi_private = &ended;
	parent.bi_end_io = note_end;
	bio_chain(a, &parent);
	bio_chain(b, &parent);
	bio_chain(c, &parent);
	a->bi_status = BLK_STS_NOSPC;
	bio_endio(a);
	bio_io_error(b);
	bio_endio(c);
	bio_endio(&parent);
	lab_expect_eq(ended, 1);
	lab_expect_eq(parent.bi_status, BLK_STS_NOSPC);
	lab_expect_eq(blk_status_to_errno(parent.bi_status), -ENOSPC);
}

static u64 stack_at_end;

static void note_stack(struct bio *bio)
{
	stack_at_end = kc_stack_used_bytes();
}

/* Each bio is the child of the next: ending the first ends them all, from one frame. */
static u64 stack_of_chain(unsigned int length)
{
	struct bio *bio, *first = bio_alloc(NULL, 0, REQ_OP_READ, GFP_KERNEL), *last = first;
	struct bio parent;
	unsigned int i;

	for (i = 1; i < length; i++) {
		bio = bio_alloc(NULL, 0, REQ_OP_READ, GFP_KERNEL);
		bio_chain(last, bio);
		bio_endio(bio);
		last = bio;
	}
	bio_init(&parent, NULL, NULL, 0, REQ_OP_READ);
	parent.bi_end_io = note_stack;
	bio_chain(last, &parent);
	bio_endio(&parent);
	stack_at_end = 0;
	bio_endio(first);
	lab_expect_gt(stack_at_end, 0);
	return stack_at_end;
}

LAB_TEST(bio, chain_of_10000_costs_no_stack)
{
	u64 one = stack_of_chain(1);

	lab_expect_eq(stack_of_chain(lab_test_slow() ? 1000 : 10000), one);
}

static void end_twice(void *arg)
{
	struct bio bio;

	bio_init(&bio, NULL, NULL, 0, REQ_OP_READ);
	bio_endio(&bio);
	bio_endio(&bio);
}

LAB_TEST_BARE(bio, ending_twice_stops)
{
#ifdef KC_DEBUG
	lab_expect_eq(tfork(end_twice, NULL), LAB_DIED);
	lab_expect(lab_test_fork_said("BIO_LAB_ENDED"));
#else
	(void)end_twice;
	lab_test_skip("only check builds notice");
#endif
}

LAB_TEST(bio, references_and_reset)
{
	unsigned long live = kc_cache_live(fs_bio_set.bio_slab);
	struct bio *bio = bio_alloc(NULL, 2, REQ_OP_READ, GFP_KERNEL);
	struct bio_vec *table = bio->bi_io_vec;

	bio_get(bio);
	bio->bi_iter.bi_sector = 77;
	bio->bi_status = BLK_STS_IOERR;
	bio->bi_vcnt = 1;
	bio_reset(bio, NULL, REQ_OP_WRITE);
	lab_expect_eq(bio->bi_iter.bi_sector, 0);
	lab_expect_eq(bio->bi_status, BLK_STS_OK);
	lab_expect_eq(bio->bi_vcnt, 0);
	lab_expect_eq(bio->bi_opf, REQ_OP_WRITE);
	lab_expect(bio->bi_io_vec == table && bio->bi_pool == &fs_bio_set);
	bio_put(bio);
	lab_expect_eq(kc_cache_live(fs_bio_set.bio_slab), live + 1);
	bio_put(bio);
	lab_expect_eq(kc_cache_live(fs_bio_set.bio_slab), live);
}

LAB_TEST(bio, status_and_errno)
{
	static const int errnos[] = {
		0, -EOPNOTSUPP, -ETIMEDOUT, -ENOSPC, -EILSEQ, -ENOMEM, -EAGAIN, -EINVAL, -EIO,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(errnos); i++)
		lab_expect_eq(blk_status_to_errno(errno_to_blk_status(errnos[i])), errnos[i]);
	lab_expect_eq(errno_to_blk_status(-EFAULT), BLK_STS_IOERR);
}

LAB_TEST(bio, kmalloc_bounds)
{
	struct bio *bio = bio_kmalloc(BIO_MAX_VECS, GFP_KERNEL);

	lab_expect(bio);
	bio_init(bio, NULL, bio->bi_inline_vecs, BIO_MAX_VECS, REQ_OP_READ);
	lab_expect_eq(bio->bi_max_vecs, BIO_MAX_VECS);
	bio_uninit(bio);
	kfree(bio);
	lab_expect(!bio_kmalloc(BIO_MAX_VECS + 1, GFP_KERNEL));
}
