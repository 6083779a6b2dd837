// SPDX-License-Identifier: GPL-2.0-only
/*
 * This design's iterators through the table of ranges that upstream's iov_iter.c goes through as well
 * (tests/iter-ranges/ranges.h).
 *
 * The methods copy between the iterator and one page, and do not move: here they are called as the page cache calls
 * them, a page at a time, and the iterator is advanced. ii_copy_from_user is left out: it never looks at addresses
 * (P1), and the table has some that it must not be given.
 */
#include <linux/fs.h>
#include <linux/slab.h>
#include "lab_test.h"
#include "tests/iter-ranges/ranges.h"

struct range_iter {
	struct iov_iter it;
	union {
		struct lab_iovec iov[IR_MAX_SEGS + 1];
		struct bio_vec bvec[IR_MAX_SEGS];
	};
};

/* A bio has no empty elements, and the methods stop at one. */
static void range_init(void *p, enum ir_kind kind, bool to_memory, const struct ir_seg *segs, unsigned int nr,
		       size_t count)
{
	struct range_iter *r = p;
	unsigned int i, n = 0;

	if (kind == IR_IOVEC) {
		for (i = 0; i < nr; i++)
			r->iov[i] = (struct lab_iovec){ segs[i].addr, segs[i].len };
		iov_iter_init(&r->it, r->iov, nr, count, 0);
		return;
	}
	for (i = 0; i < nr; i++)
		if (segs[i].len)
			bvec_set_page(&r->bvec[n++], segs[i].page, segs[i].len, segs[i].offset);
	iov_iter_init_bvec(&r->it, r->bvec, n, 0, count, 0);
}

static int range_import(void *p, const struct ir_seg *segs, unsigned int nr)
{
	struct lab_iovec *from = kmalloc(nr * sizeof(*from) + 1, GFP_KERNEL);
	struct range_iter *r = p;
	ssize_t ret = -EINVAL;
	unsigned int i;

	for (i = 0; i < nr; i++)
		from[i] = (struct lab_iovec){ segs[i].addr, segs[i].len };
	if (nr <= UIO_MAXIOV)
		ret = iov_copy_check(r->iov, from, nr);
	kfree(from);
	if (ret < 0)
		return ret;
	iov_iter_init(&r->it, r->iov, nr, ret, 0);
	return 0;
}

static size_t range_count(void *p)
{
	return iov_iter_count(&((struct range_iter *)p)->it);
}

static void range_advance(void *p, size_t bytes)
{
	iov_iter_advance(&((struct range_iter *)p)->it, bytes);
}

static size_t range_single_seg_count(void *p)
{
	return iov_iter_single_seg_count(&((struct range_iter *)p)->it);
}

/* Segments that are empty are passed by an advance of nothing, as generic_perform_write() does. */
static size_t range_copy_to(void *p, const void *from, size_t bytes)
{
	struct iov_iter *it = &((struct range_iter *)p)->it;
	struct page *page = alloc_page(GFP_KERNEL);
	size_t done = 0, part, copied;

	bytes = min(bytes, iov_iter_count(it));
	do {
		iov_iter_advance(it, 0);
		part = min(bytes - done, PAGE_SIZE);
		memcpy(page_address(page), from + done, part);
		copied = part ? iov_iter_copy_to_user(page, it, 0, part) : 0;
		iov_iter_advance(it, copied);
		done += copied;
	} while (done < bytes && copied == part);
	__free_page(page);
	return done;
}

static size_t range_copy_from_nofault(void *p, void *to, size_t bytes)
{
	struct iov_iter *it = &((struct range_iter *)p)->it;
	struct page *page = alloc_page(GFP_KERNEL);
	size_t done = 0, part, copied;

	bytes = min(bytes, iov_iter_count(it));
	do {
		iov_iter_advance(it, 0);
		part = min(bytes - done, PAGE_SIZE);
		pagefault_disable();
		copied = part ? iov_iter_copy_from_user_atomic(page, it, 0, part) : 0;
		pagefault_enable();
		memcpy(to + done, page_address(page), copied);
		iov_iter_advance(it, copied);
		done += copied;
	} while (done < bytes && copied == part);
	__free_page(page);
	return done;
}

static const struct iter_range_ops ops = {
	.name = "iter-ops",
	.kinds = 1u << IR_IOVEC | 1u << IR_BVEC,
	.traits = IR_CLAMPS,
	.state_bytes = sizeof(struct range_iter),
	.init = range_init,
	.import = range_import,
	.count = range_count,
	.copy_to = range_copy_to,
	.copy_from_nofault = range_copy_from_nofault,
	.advance = range_advance,
	.single_seg_count = range_single_seg_count,
};

LAB_TEST(iter_ops_ranges, copy_to)
{
	iter_range_check_copy_to(&ops);
}

LAB_TEST(iter_ops_ranges, copy_from_nofault)
{
	iter_range_check_nofault(&ops);
}

LAB_TEST(iter_ops_ranges, walk)
{
	iter_range_check_walk(&ops);
}

LAB_TEST(iter_ops_ranges, import)
{
	iter_range_check_import(&ops);
}
