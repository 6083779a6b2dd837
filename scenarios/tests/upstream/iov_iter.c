// SPDX-License-Identifier: GPL-2.0-only
/*
 * Upstream's own lib/iov_iter.c over kernel-compat: through the table of ranges, and what the table does not
 * know. Compiled against upstream's uio.h and bvec.h, by make upstream-iov alone.
 */
#include <linux/kernel.h>
#include <linux/bvec.h>
#include <linux/compat.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/pagemap.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/uio.h>
#include <kc/umem.h>
#include <kc/world.h>
#include "tests/iter-ranges/ranges.h"
#include "lab_test.h"

struct up_iter {
	struct iov_iter it;
	union {
		struct iovec iov[IR_MAX_SEGS];
		struct kvec kvec[IR_MAX_SEGS];
		struct bio_vec bvec[IR_MAX_SEGS];
	};
};

static void up_init(void *p, enum ir_kind kind, bool to_memory, const struct ir_seg *segs, unsigned int nr,
		    size_t count)
{
	unsigned int rw = to_memory ? READ : WRITE, i;
	struct up_iter *u = p;

	for (i = 0; i < nr; i++) {
		if (kind == IR_BVEC)
			bvec_set_page(&u->bvec[i], segs[i].page, segs[i].len, segs[i].offset);
		else if (kind == IR_KVEC)
			u->kvec[i] = (struct kvec){ (void *)segs[i].addr, segs[i].len };
		else
			u->iov[i] = (struct iovec){ (void __user *)segs[i].addr, segs[i].len };
	}
	if (kind == IR_BVEC)
		iov_iter_bvec(&u->it, rw, u->bvec, nr, count);
	else if (kind == IR_KVEC)
		iov_iter_kvec(&u->it, rw, u->kvec, nr, count);
	else if (kind == IR_UBUF)
		iov_iter_ubuf(&u->it, rw, (void __user *)segs[0].addr, count);
	else
		iov_iter_init(&u->it, rw, u->iov, nr, count);
}

/* The segments go through user memory of their own, as in a system call. */
static int up_import(void *p, const struct ir_seg *segs, unsigned int nr)
{
	size_t bytes = PAGE_ALIGN((IR_MAX_SEGS + 1) * sizeof(struct iovec));
	unsigned long uvec = kc_mmap(current->mm, bytes, KC_PROT_READ | KC_PROT_WRITE, 0);
	struct iovec fast[UIO_FASTIOV], *iov = fast;
	struct up_iter *u = p;
	unsigned int i;
	ssize_t ret;

	lab_expect(uvec);
	for (i = 0; i < nr; i++) {
		struct iovec one = { (void __user *)segs[i].addr, segs[i].len };

		lab_expect_eq(copy_to_user((struct iovec __user *)uvec + i, &one, sizeof(one)), 0);
	}
	ret = import_iovec(READ, (struct iovec __user *)uvec, nr, ARRAY_SIZE(fast), &iov, &u->it);
	lab_expect_eq(kc_munmap(current->mm, uvec, bytes), 0);
	if (ret >= 0)
		lab_expect_eq(ret, iov_iter_count(&u->it));
	kfree(iov);
	return ret < 0 ? ret : 0;
}

static size_t up_count(void *p)
{
	return iov_iter_count(p);
}

static size_t up_copy_to(void *p, const void *from, size_t bytes)
{
	return copy_to_iter(from, bytes, p);
}

static size_t up_copy_from(void *p, void *to, size_t bytes)
{
	return copy_from_iter(to, bytes, p);
}

static size_t up_copy_from_nocache(void *p, void *to, size_t bytes)
{
	return copy_from_iter_nocache(to, bytes, p);
}

/* The destination is a compound page. */
static size_t up_copy_from_nofault(void *p, void *to, size_t bytes)
{
	return copy_page_from_iter_atomic(virt_to_page(to), offset_in_page(to), bytes, p);
}

static size_t up_copy_page_to(void *p, const void *from, size_t bytes)
{
	return copy_page_to_iter(virt_to_page(from), offset_in_page(from), bytes, p);
}

static size_t up_copy_page_from(void *p, void *to, size_t bytes)
{
	return copy_page_from_iter(virt_to_page(to), offset_in_page(to), bytes, p);
}

static size_t up_zero(void *p, size_t bytes)
{
	return iov_iter_zero(bytes, p);
}

static void up_advance(void *p, size_t bytes)
{
	iov_iter_advance(p, bytes);
}

static void up_revert(void *p, size_t bytes)
{
	iov_iter_revert(p, bytes);
}

static size_t up_single_seg_count(void *p)
{
	return iov_iter_single_seg_count(p);
}

static size_t up_fault_in_readable(void *p, size_t bytes)
{
	return fault_in_iov_iter_readable(p, bytes);
}

static size_t up_fault_in_writeable(void *p, size_t bytes)
{
	return fault_in_iov_iter_writeable(p, bytes);
}

static unsigned int up_npages(void *p, unsigned int max)
{
	return iov_iter_npages(p, max);
}

static unsigned long up_alignment(void *p)
{
	return iov_iter_alignment(p);
}

static bool up_is_aligned(void *p, unsigned int addr_mask, unsigned int len_mask)
{
	return iov_iter_is_aligned(p, addr_mask, len_mask);
}

static void to_pieces(struct page **pages, size_t start, size_t bytes, struct ir_piece *pieces,
		      unsigned int *nr)
{
	size_t done = 0;

	for (*nr = 0; done < bytes; (*nr)++) {
		size_t off = *nr ? 0 : start, len = min(PAGE_SIZE - off, bytes - done);

		lab_expect_ge(page_count(pages[*nr]), 2);	/* the arena's and ours */
		pieces[*nr] = (struct ir_piece){ pages[*nr], off, len };
		done += len;
	}
}

static ssize_t up_pages(void *p, bool to_memory, size_t bytes, struct ir_piece *pieces, unsigned int *nr)
{
	unsigned int max = min_t(unsigned int, *nr, IR_MAX_PIECES), i;
	struct page *pages[IR_MAX_PIECES];
	size_t start;
	ssize_t got;

	got = iov_iter_get_pages2(p, pages, bytes, max, &start);
	if (got <= 0)
		return got;
	to_pieces(pages, start, got, pieces, nr);
	lab_expect_le(*nr, max);
	for (i = 0; i < *nr; i++)
		put_page(pages[i]);
	return got;
}

static ssize_t up_pages_alloc(void *p, bool to_memory, size_t bytes, struct ir_piece *pieces,
			      unsigned int *nr)
{
	struct page **pages;
	unsigned int i;
	size_t start;
	ssize_t got;

	got = iov_iter_get_pages_alloc2(p, &pages, bytes, &start);
	if (got <= 0) {
		lab_expect(!pages);
		return got;
	}
	to_pieces(pages, start, got, pieces, nr);
	for (i = 0; i < *nr; i++)
		put_page(pages[i]);
	kvfree(pages);
	return got;
}

#define UP_KINDS	IR_ALL_KINDS
#define UP_PAGES_KINDS	(IR_USER_KINDS | 1u << IR_BVEC)		/* 6.1: not of a kvec */

#define UP_OPS									\
	.kinds = UP_KINDS,							\
	.traits = IR_CLAMPS | IR_EMPTY_ADDR,					\
	.pages_kinds = UP_PAGES_KINDS,						\
	.shape_kinds = UP_KINDS,						\
	.state_bytes = sizeof(struct up_iter),					\
	.init = up_init,							\
	.import = up_import,							\
	.count = up_count,							\
	.copy_from_nofault = up_copy_from_nofault,				\
	.zero = up_zero,							\
	.advance = up_advance,							\
	.revert = up_revert,							\
	.single_seg_count = up_single_seg_count,				\
	.fault_in_readable = up_fault_in_readable,				\
	.fault_in_writeable = up_fault_in_writeable,				\
	.npages = up_npages,							\
	.alignment = up_alignment,						\
	.is_aligned = up_is_aligned

static const struct iter_range_ops up_ops = {
	UP_OPS,
	.name = "upstream",
	.copy_to = up_copy_to,
	.copy_from = up_copy_from,
	.pages = up_pages,
};

/* The same file's other ways to the same end. */
static const struct iter_range_ops up_page_ops = {
	UP_OPS,
	.name = "upstream, page by page",
	.copy_to = up_copy_page_to,
	.copy_from = up_copy_page_from,
	.pages = up_pages_alloc,
};

static const struct iter_range_ops up_nocache_ops = {
	UP_OPS,
	.name = "upstream, past the cache",
	.copy_to = up_copy_to,
	.copy_from = up_copy_from_nocache,
	.pages = up_pages,
};

LAB_TEST(upstream_iov, copy_to)
{
	iter_range_check_copy_to(&up_ops);
}

LAB_TEST(upstream_iov, copy_from)
{
	iter_range_check_copy_from(&up_ops);
}

LAB_TEST(upstream_iov, copy_from_nocache)
{
	iter_range_check_copy_from(&up_nocache_ops);
}

LAB_TEST(upstream_iov, copy_page_to)
{
	iter_range_check_copy_to(&up_page_ops);
}

LAB_TEST(upstream_iov, copy_page_from)
{
	iter_range_check_copy_from(&up_page_ops);
}

LAB_TEST(upstream_iov, copy_page_from_atomic)
{
	iter_range_check_nofault(&up_ops);
}

LAB_TEST(upstream_iov, zero)
{
	iter_range_check_zero(&up_ops);
}

LAB_TEST(upstream_iov, faults_within_pages)
{
	iter_range_check_injected(&up_ops);
}

LAB_TEST(upstream_iov, shape)
{
	iter_range_check_shape(&up_ops);
}

LAB_TEST(upstream_iov, fault_in)
{
	iter_range_check_fault_in(&up_ops);
}

LAB_TEST(upstream_iov, pages)
{
	iter_range_check_pages(&up_ops);
}

LAB_TEST_FLAGS(upstream_iov, pages_permuted, LAB_TEST_F_PERMUTED)
{
	iter_range_check_pages(&up_ops);
}

LAB_TEST(upstream_iov, pages_alloc)
{
	iter_range_check_pages(&up_page_ops);
}

LAB_TEST(upstream_iov, walk)
{
	iter_range_check_walk(&up_ops);
}

LAB_TEST(upstream_iov, import)
{
	iter_range_check_import(&up_ops);
}
