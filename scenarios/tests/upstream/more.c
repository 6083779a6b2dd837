// SPDX-License-Identifier: GPL-2.0-only
/*
 * What upstream's iov_iter.c does beyond the table of ranges: positions kept and copied, 32-bit segments,
 * limits, and the kinds of memory that stop because kernel-compat does not have them.
 */
#include <linux/kernel.h>
#include <linux/bvec.h>
#include <linux/compat.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/pagemap.h>
#include <linux/pipe_fs_i.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/uio.h>
#include <kc/fault.h>
#include <kc/umem.h>
#include <kc/world.h>
#include "lab_test.h"

#define RW	(KC_PROT_READ | KC_PROT_WRITE)

static unsigned long user_up(struct mm_struct **mm, size_t bytes)
{
	unsigned long mem;

	*mm = current->mm = kc_mm_create();
	lab_expect(*mm);
	mem = kc_mmap(*mm, bytes, RW, KC_MAP_POPULATE);
	lab_expect(mem);
	return mem;
}

static void user_down(struct mm_struct *mm)
{
	current->mm = NULL;
	kc_mm_destroy(mm);
}

LAB_TEST(upstream_iov_more, save_restore_and_dup)
{
	struct page *page = alloc_page(GFP_KERNEL);
	struct iov_iter_state state;
	struct iov_iter it, dup;
	struct bio_vec bvec[3];
	const void *vec;
	u8 copy[64], *mem;
	unsigned int i;

	lab_expect(page);
	mem = page_address(page);
	for (i = 0; i < 64; i++)
		mem[i] = i;
	bvec_set_page(&bvec[0], page, 20, 0);
	bvec_set_page(&bvec[1], page, 1, 20);
	bvec_set_page(&bvec[2], page, 43, 21);
	iov_iter_bvec(&it, WRITE, bvec, 3, 64);
	iov_iter_advance(&it, 5);
	iov_iter_save_state(&it, &state);
	vec = dup_iter(&dup, &it, GFP_KERNEL);
	lab_expect(vec);
	memset(copy, 0xa5, sizeof(copy));
	lab_expect_eq(copy_from_iter(copy, 40, &it), 40);
	iov_iter_restore(&it, &state);
	lab_expect_eq(iov_iter_count(&it), 59);
	bvec[0].bv_offset = 999;		/* the copy has segments of its own */
	memset(copy, 0xa5, sizeof(copy));
	lab_expect(copy_from_iter_full(copy, 59, &dup));
	lab_expect_mem(copy, mem + 5, 59);
	lab_expect_eq(copy[59], 0xa5);
	kfree(vec);
	kc_fault_nth(KC_FAULT_SLAB, 1, 1);
	vec = dup_iter(&dup, &it, GFP_KERNEL | __GFP_NOWARN);
	lab_expect(!vec);
	__free_page(page);
}

LAB_TEST(upstream_iov_more, full_copies_go_back_when_short)
{
	struct mm_struct *mm;
	unsigned long mem = user_up(&mm, 2 * PAGE_SIZE);
	struct iovec iov[2] = { { (void __user *)mem, 10 }, { (void __user *)(mem + PAGE_SIZE - 5), 10 } };
	struct iov_iter it;
	u8 buf[20];

	lab_expect_eq(kc_munmap(mm, mem + PAGE_SIZE, PAGE_SIZE), 0);
	iov_iter_init(&it, WRITE, iov, 2, 20);
	lab_expect(!copy_from_iter_full(buf, 20, &it));
	lab_expect_eq(iov_iter_count(&it), 20);
	lab_expect(copy_from_iter_full(buf, 15, &it));
	lab_expect_eq(iov_iter_count(&it), 5);
	iov_iter_revert(&it, 15);
	lab_expect_eq(iov_iter_npages_cap(&it, 100, 10), 1);
	lab_expect_eq(iov_iter_npages_cap(&it, 100, 16), 3);
	lab_expect_eq(iov_iter_count(&it), 20);
	lab_expect_eq(iov_iter_gap_alignment(&it) % PAGE_SIZE, (10 | (PAGE_SIZE - 5)) % PAGE_SIZE);
	user_down(mm);
}

LAB_TEST(upstream_iov_more, segments_of_32_bit_programs)
{
	struct mm_struct *mm;
	unsigned long mem = user_up(&mm, PAGE_SIZE);
	struct compat_iovec seg[2] = { { mem + 100, 7 }, { mem + 200, 9 } };
	struct iovec fast[UIO_FASTIOV], *iov = fast;
	struct iovec __user *uvec = (struct iovec __user *)mem;
	struct iov_iter it;

	lab_expect_eq(copy_to_user(uvec, seg, sizeof(seg)), 0);
	lab_expect_eq(__import_iovec(WRITE, uvec, 2, UIO_FASTIOV, &iov, &it, true), 16);
	lab_expect(!iov);
	lab_expect_eq((unsigned long)fast[1].iov_base, mem + 200);
	lab_expect_eq(fast[1].iov_len, 9);
	seg[1].iov_len = 0x80000000u;
	lab_expect_eq(copy_to_user(uvec, seg, sizeof(seg)), 0);
	iov = fast;
	lab_expect_eq(__import_iovec(WRITE, uvec, 2, UIO_FASTIOV, &iov, &it, true), -EINVAL);
	iov = fast;
	uvec = (struct iovec __user *)(mem + PAGE_SIZE - sizeof(seg[0]));
	lab_expect_eq(__import_iovec(WRITE, uvec, 2, UIO_FASTIOV, &iov, &it, true), -EFAULT);
	user_down(mm);
}

LAB_TEST(upstream_iov_more, one_range)
{
	struct mm_struct *mm;
	unsigned long mem = user_up(&mm, PAGE_SIZE);
	struct iov_iter it;
	struct iovec iov;

	lab_expect_eq(import_single_range(READ, (void __user *)mem, 33, &iov, &it), 0);
	lab_expect_eq(iov_iter_count(&it), 33);
	lab_expect_eq(import_single_range(READ, kc_ram_base, 1, &iov, &it), -EFAULT);
	lab_expect_eq(import_single_range(READ, NULL, -1ul, &iov, &it), -EFAULT);
	user_down(mm);
}

/* 6.1 gives no pages of a kvec, and none of nothing. */
LAB_TEST(upstream_iov_more, pages_that_are_not_given)
{
	struct mm_struct *mm;
	unsigned long mem = user_up(&mm, PAGE_SIZE);
	struct kvec kvec = { (void *)kc_ram_base, 100 };
	struct page *page[2], **array;
	struct iov_iter it;
	size_t start;

	iov_iter_kvec(&it, READ, &kvec, 1, 100);
	lab_expect_eq(iov_iter_get_pages2(&it, page, 100, 2, &start), -EFAULT);
	iov_iter_ubuf(&it, READ, (void __user *)mem, 100);
	lab_expect_eq(iov_iter_get_pages2(&it, page, 0, 2, &start), 0);
	lab_expect_eq(iov_iter_get_pages2(&it, page, 100, 0, &start), 0);
	kc_fault_nth(KC_FAULT_SLAB, 1, 1);
	lab_expect_eq(iov_iter_get_pages_alloc2(&it, &array, 100, &start), -ENOMEM);
	lab_expect_eq(iov_iter_count(&it), 100);
	it.nofault = true;
	lab_expect_eq(kc_munmap(mm, mem, PAGE_SIZE), 0);
	lab_expect_eq(iov_iter_get_pages2(&it, page, 100, 2, &start), -EFAULT);
	user_down(mm);
}

/* What is copied to it is gone; the count is right. */
LAB_TEST(upstream_iov_more, discard)
{
	struct iov_iter it;

	iov_iter_discard(&it, READ, 100);
	iov_iter_advance(&it, 30);
	lab_expect_eq(iov_iter_count(&it), 70);
	iov_iter_revert(&it, 20);
	lab_expect_eq(iov_iter_count(&it), 90);
	lab_expect_eq(iov_iter_npages(&it, 9), 0);
	kc_expect_warn("unroll", 1);
	iov_iter_revert(&it, MAX_RW_COUNT + 1);
	lab_expect_eq(iov_iter_count(&it), 90);
	iov_iter_advance(&it, 91);
	lab_expect_eq(iov_iter_count(&it), 0);
}

/* Once a process, so on one engine. */
LAB_TEST_THR(upstream_iov_more, sizes_that_cannot_be_right)
{
	u8 mem[16], *hidden = mem;
	struct kvec kvec = { mem, 16 };
	struct page *page = alloc_page(GFP_KERNEL);
	struct iov_iter it;

	iov_iter_kvec(&it, READ, &kvec, 1, 16);
	OPTIMIZER_HIDE_VAR(hidden);
	kc_expect_warn("INT_MAX", 1);
	lab_expect_eq(copy_to_iter(hidden, 1ul << 31, &it), 0);
	kc_expect_warn("WARN_ON(1)", 2);
	lab_expect_eq(copy_page_to_iter(page, PAGE_SIZE - 1, 2, &it), 0);
	lab_expect_eq(copy_page_from_iter(page, 1, -1ul, &it), 0);
	lab_expect_eq(iov_iter_count(&it), 16);
	__free_page(page);
}

static void in_a_world(void *fn)
{
	int bad;

	kc_run(false, 1, NULL, (void (*)(void *))fn, NULL, &bad);
}

static void make_pipe_iter(void *arg)
{
	struct pipe_inode_info pipe = { .ring_size = 16 };
	struct iov_iter it;

	iov_iter_pipe(&it, READ, &pipe, 100);
}

static void copy_to_xarray(void *arg)
{
	struct iov_iter it;

	iov_iter_xarray(&it, READ, NULL, 0, 100);
	lab_expect_eq(copy_to_iter("x", 1, &it), 1);
}

static void pages_of_xarray(void *arg)
{
	struct page *page[1];
	struct iov_iter it;
	size_t start;

	iov_iter_xarray(&it, READ, NULL, 0, 100);
	iov_iter_get_pages2(&it, page, 100, 1, &start);
}

static void checksum(void *arg)
{
	struct csum_state state = { 0 };
	struct kvec kvec = { &state, 1 };
	struct iov_iter it;

	iov_iter_kvec(&it, READ, &kvec, 1, 1);
	csum_and_copy_to_iter("x", 1, &state, &it);
}

LAB_TEST_BARE(upstream_iov_more, what_is_not_here_stops_by_name)
{
	lab_expect_eq(lab_test_fork(in_a_world, (void *)make_pipe_iter), LAB_DIED);
	lab_expect(lab_test_fork_said("not implemented here: pipe_full"));
	lab_expect_eq(lab_test_fork(in_a_world, (void *)copy_to_xarray), LAB_DIED);
	lab_expect(lab_test_fork_said("not implemented here: xas_find"));
	lab_expect_eq(lab_test_fork(in_a_world, (void *)pages_of_xarray), LAB_DIED);
	lab_expect(lab_test_fork_said("not implemented here: xas_load"));
	lab_expect_eq(lab_test_fork(in_a_world, (void *)checksum), LAB_DIED);
	lab_expect(lab_test_fork_said("not implemented here: csum_shift"));
}
