// SPDX-License-Identifier: GPL-2.0-only
/*
 * This design's iterators through the table of ranges that upstream's iov_iter.c goes through as well
 * (tests/iter-ranges/ranges.h).
 */
#include <linux/bio.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include "lab_test.h"
#include "tests/iter-ranges/ranges.h"

struct range_iter {
	struct iov_iter it;
	union {
		struct lab_iovec iov[IR_MAX_SEGS + 1];
		struct kvec kvec[IR_MAX_SEGS];
		struct bio_vec bvec[IR_MAX_SEGS];
	};
};

static void to_iov(struct range_iter *r, const struct ir_seg *segs, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		r->iov[i] = (struct lab_iovec){ segs[i].addr, segs[i].len };
}

/* By hand, so that also what iov_iter_init() refuses gets in. */
static void range_init(void *p, enum ir_kind kind, bool to_memory, const struct ir_seg *segs, unsigned int nr,
		       size_t count)
{
	struct range_iter *r = p;
	unsigned int i;

	if (kind == IR_IOVEC) {
		to_iov(r, segs, nr);
		r->it = (struct iov_iter){ .iter_type = ITER_IOVEC, .iov = r->iov, .count = count };
		return;
	}
	if (kind == IR_KVEC) {
		for (i = 0; i < nr; i++)
			r->kvec[i] = (struct kvec){ (void *)segs[i].addr, segs[i].len };
		iov_iter_kvec(&r->it, r->kvec, count);
		return;
	}
	for (i = 0; i < nr; i++)
		bvec_set_page(&r->bvec[i], segs[i].page, segs[i].len, segs[i].offset);
	iov_iter_bvec(&r->it, r->bvec, 0, count);
}

static int range_import(void *p, const struct ir_seg *segs, unsigned int nr)
{
	struct range_iter *r = p;

	to_iov(r, segs, nr);
	return iov_iter_init(&r->it, r->iov, nr);
}

static size_t range_count(void *p)
{
	return iov_iter_count(p);
}

static size_t range_copy_to(void *p, const void *from, size_t bytes)
{
	return copy_to_iter(p, from, bytes);
}

static size_t range_copy_from(void *p, void *to, size_t bytes)
{
	return copy_from_iter(p, to, bytes);
}

static size_t range_copy_from_nofault(void *p, void *to, size_t bytes)
{
	return copy_from_iter_nofault(p, to, bytes);
}

static size_t range_zero(void *p, size_t bytes)
{
	return iov_iter_zero(p, bytes);
}

static void range_advance(void *p, size_t bytes)
{
	iov_iter_advance(p, bytes);
}

static size_t range_fault_in_readable(void *p, size_t bytes)
{
	return fault_in_iov_iter_readable(p, bytes);
}

static unsigned int range_npages(void *p, unsigned int max)
{
	return iov_iter_npages(p, iov_iter_count(p), max);
}

static bool range_is_aligned(void *p, unsigned int addr_mask, unsigned int len_mask)
{
	return iov_iter_is_aligned(p, addr_mask, len_mask);
}

static ssize_t range_pages(void *p, bool to_memory, size_t bytes, struct ir_piece *pieces, unsigned int *nr)
{
	enum req_op op = to_memory ? REQ_OP_READ : REQ_OP_WRITE;
	bool lent = iov_iter_is_bvec(p);
	struct bio *bio = bio_alloc(NULL, lent ? 0 : bio_max_segs(*nr), op, GFP_KERNEL);
	struct bvec_iter at;
	struct bio_vec bv;
	ssize_t ret;

	ret = iov_iter_fill_bio(p, bio, bytes, 1);
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

/* fault_in is for reading alone; of pages that are lent, npages and is_aligned are the lender's business. */
static const struct iter_range_ops ops = {
	.name = "iter-bvec",
	.kinds = 1u << IR_IOVEC | 1u << IR_KVEC | 1u << IR_BVEC,
	.traits = IR_PADS | IR_PINS_ALL | IR_CLAMPS,
	.pages_kinds = 1u << IR_IOVEC | 1u << IR_KVEC | 1u << IR_BVEC,
	.shape_kinds = 1u << IR_IOVEC | 1u << IR_KVEC,
	.state_bytes = sizeof(struct range_iter),
	.init = range_init,
	.import = range_import,
	.count = range_count,
	.copy_to = range_copy_to,
	.copy_from = range_copy_from,
	.copy_from_nofault = range_copy_from_nofault,
	.zero = range_zero,
	.advance = range_advance,
	.fault_in_readable = range_fault_in_readable,
	.npages = range_npages,
	.is_aligned = range_is_aligned,
	.pages = range_pages,
};

LAB_TEST(iter_bvec_ranges, copy_to)
{
	iter_range_check_copy_to(&ops);
}

LAB_TEST(iter_bvec_ranges, copy_from)
{
	iter_range_check_copy_from(&ops);
}

LAB_TEST(iter_bvec_ranges, copy_from_nofault)
{
	iter_range_check_nofault(&ops);
}

LAB_TEST(iter_bvec_ranges, zero)
{
	iter_range_check_zero(&ops);
}

LAB_TEST(iter_bvec_ranges, faults_within_pages)
{
	iter_range_check_injected(&ops);
}

LAB_TEST(iter_bvec_ranges, shape)
{
	iter_range_check_shape(&ops);
}

LAB_TEST(iter_bvec_ranges, fault_in)
{
	iter_range_check_fault_in(&ops);
}

LAB_TEST(iter_bvec_ranges, pages)
{
	iter_range_check_pages(&ops);
}

LAB_TEST_FLAGS(iter_bvec_ranges, pages_permuted, LAB_TEST_F_PERMUTED)
{
	iter_range_check_pages(&ops);
}

LAB_TEST(iter_bvec_ranges, walk)
{
	iter_range_check_walk(&ops);
}

LAB_TEST(iter_bvec_ranges, import)
{
	iter_range_check_import(&ops);
}
