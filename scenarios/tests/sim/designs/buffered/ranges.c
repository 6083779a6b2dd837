// SPDX-License-Identifier: GPL-2.0-only
/*
 * This design's iterator through the table of ranges that upstream's iov_iter.c goes through as well
 * (tests/iter-ranges/ranges.h). It is over user memory alone, is copied from alone, a page at a time, and does not
 * move by itself. Its fault_in looks at two bytes, so it is no question for the table.
 */
#include <linux/mm.h>
#include <linux/uio.h>
#include "lab_test.h"
#include "tests/iter-ranges/ranges.h"

struct range_iter {
	struct iov_iter it;
	struct iovec iov[IR_MAX_SEGS + 1];
};

static void to_iov(struct range_iter *r, const struct ir_seg *segs, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		r->iov[i] = (struct iovec){ (void __user *)segs[i].addr, segs[i].len };
}

/* Unchecked, so that also what rw_copy_check_uvector() refuses gets in. */
static void range_init(void *p, enum ir_kind kind, bool to_memory, const struct ir_seg *segs, unsigned int nr,
		       size_t count)
{
	struct range_iter *r = p;

	to_iov(r, segs, nr);
	iov_iter_init(&r->it, r->iov, nr, count, 0);
}

static int range_import(void *p, const struct ir_seg *segs, unsigned int nr)
{
	struct range_iter *r = p;
	ssize_t ret;

	to_iov(r, segs, nr);
	ret = rw_copy_check_uvector(r->iov, nr);
	if (ret < 0)
		return ret;
	iov_iter_init(&r->it, r->iov, nr, ret, 0);
	return 0;
}

static size_t range_count(void *p)
{
	return iov_iter_count(p);
}

static size_t copy_by_page(struct iov_iter *it, void *to, size_t bytes,
			   size_t (*copy)(struct page *, const struct iov_iter *, unsigned long, size_t))
{
	size_t done = 0;

	while (done < bytes && iov_iter_count(it)) {
		void *at = to + done;
		size_t len = min(bytes - done, PAGE_SIZE - offset_in_page(at)), copied;

		copied = copy(virt_to_page(at), it, offset_in_page(at), len);
		iov_iter_advance(it, copied);
		done += copied;
		if (copied < len)
			break;
	}
	return done;
}

static size_t range_copy_from(void *p, void *to, size_t bytes)
{
	return copy_by_page(p, to, bytes, iov_iter_copy_from_user);
}

static size_t range_copy_from_nofault(void *p, void *to, size_t bytes)
{
	return copy_by_page(p, to, bytes, iov_iter_copy_from_user_atomic);
}

static void range_advance(void *p, size_t bytes)
{
	iov_iter_advance(p, bytes);
}

static size_t range_single_seg_count(void *p)
{
	return iov_iter_single_seg_count(p);
}

static const struct iter_range_ops ops = {
	.name = "buffered",
	.kinds = 1u << IR_IOVEC,
	.traits = IR_CLAMPS,
	.state_bytes = sizeof(struct range_iter),
	.init = range_init,
	.import = range_import,
	.count = range_count,
	.copy_from = range_copy_from,
	.copy_from_nofault = range_copy_from_nofault,
	.advance = range_advance,
	.single_seg_count = range_single_seg_count,
};

LAB_TEST(buffered_ranges, copy_from)
{
	iter_range_check_copy_from(&ops);
}

LAB_TEST(buffered_ranges, copy_from_nofault)
{
	iter_range_check_nofault(&ops);
}

LAB_TEST(buffered_ranges, faults_within_pages)
{
	iter_range_check_injected(&ops);
}

LAB_TEST(buffered_ranges, walk)
{
	iter_range_check_walk(&ops);
}

LAB_TEST(buffered_ranges, import)
{
	iter_range_check_import(&ops);
}
