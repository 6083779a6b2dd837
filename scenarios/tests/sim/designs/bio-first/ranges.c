// SPDX-License-Identifier: GPL-2.0-only
/*
 * This design's iterator through the table of ranges that upstream's iov_iter.c goes through as well
 * (tests/iter-ranges/ranges.h). It is over user memory alone, and is never copied through: the way on from it
 * is a bio.
 */
#include <linux/bio.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include "design.h"
#include "lab_test.h"
#include "tests/iter-ranges/ranges.h"

struct range_iter {
	struct iov_iter it;
	struct lab_iovec iov[IR_MAX_SEGS + 1];
};

/* By hand, so that also what import_iovec() refuses gets in. */
static void range_init(void *p, enum ir_kind kind, bool to_memory, const struct ir_seg *segs, unsigned int nr,
		       size_t count)
{
	struct range_iter *r = p;
	unsigned int i;

	for (i = 0; i < nr; i++)
		r->iov[i] = (struct lab_iovec){ segs[i].addr, segs[i].len };
	r->it = (struct iov_iter){ .iov = (const struct iovec *)r->iov, .nr_segs = nr, .count = count };
	if (nr && !r->iov[0].len_bytes)
		iov_iter_advance(&r->it, 0);
}

static int range_import(void *p, const struct ir_seg *segs, unsigned int nr)
{
	struct range_iter *r = p;
	unsigned int i;

	for (i = 0; i < nr; i++)
		r->iov[i] = (struct lab_iovec){ segs[i].addr, segs[i].len };
	return import_iovec(r->iov, nr, &r->it);
}

static size_t range_count(void *p)
{
	return iov_iter_count(p);
}

static size_t range_zero(void *p, size_t bytes)
{
	return iov_iter_zero(bytes, p);
}

static void range_advance(void *p, size_t bytes)
{
	iov_iter_advance(p, bytes);
}

static void range_revert(void *p, size_t bytes)
{
	iov_iter_revert(p, bytes);
}

static size_t range_single_seg_count(void *p)
{
	return iov_iter_single_seg_count(p);
}

static unsigned int range_npages(void *p, unsigned int max)
{
	return iov_iter_npages(p, max);
}

static bool range_is_aligned(void *p, unsigned int addr_mask, unsigned int len_mask)
{
	return iov_iter_is_aligned(p, addr_mask, len_mask);
}

/* A bio takes what it is given, so it is given @bytes. */
static ssize_t range_pages(void *p, bool to_memory, size_t bytes, struct ir_piece *pieces, unsigned int *nr)
{
	struct bio *bio = bio_alloc(NULL, bio_max_segs(*nr), to_memory ? REQ_OP_READ : REQ_OP_WRITE,
				    GFP_KERNEL);
	size_t beyond = iov_iter_count(p) - bytes;
	struct iov_iter *it = p;
	struct bvec_iter at;
	struct bio_vec bv;
	ssize_t ret;

	iov_iter_truncate(it, bytes);
	ret = bio_iov_iter_get_pages(bio, it, 0);
	it->count += beyond;
	iov_iter_advance(it, 0);		/* the end it had come to was not the end */
	*nr = 0;
	if (!ret) {
		ret = bio->bi_iter.bi_size;
		bio_for_each_bvec(bv, bio, at)
			pieces[(*nr)++] = (struct ir_piece){ bv.bv_page, bv.bv_offset, bv.bv_len };
		bio_release_pages(bio, false);
	}
	bio_put(bio);
	return ret;
}

static const struct iter_range_ops ops = {
	.name = "bio-first",
	.kinds = 1u << IR_IOVEC,
	.pages_kinds = 1u << IR_IOVEC,
	.shape_kinds = 1u << IR_IOVEC,
	.state_bytes = sizeof(struct range_iter),
	.init = range_init,
	.import = range_import,
	.count = range_count,
	.zero = range_zero,
	.advance = range_advance,
	.revert = range_revert,
	.single_seg_count = range_single_seg_count,
	.npages = range_npages,
	.is_aligned = range_is_aligned,
	.pages = range_pages,
};

LAB_TEST(bio_first_ranges, zero)
{
	iter_range_check_zero(&ops);
}

LAB_TEST(bio_first_ranges, faults_within_pages)
{
	iter_range_check_injected(&ops);
}

LAB_TEST(bio_first_ranges, shape)
{
	iter_range_check_shape(&ops);
}

LAB_TEST(bio_first_ranges, pages)
{
	iter_range_check_pages(&ops);
}

LAB_TEST_FLAGS(bio_first_ranges, pages_permuted, LAB_TEST_F_PERMUTED)
{
	iter_range_check_pages(&ops);
}

LAB_TEST(bio_first_ranges, walk)
{
	iter_range_check_walk(&ops);
}

LAB_TEST(bio_first_ranges, import)
{
	iter_range_check_import(&ops);
}
