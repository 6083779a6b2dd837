// SPDX-License-Identifier: GPL-2.0-only
/*
 * The operations tables: P1 (each copy checks its range), exact stops, the two kinds agree, what fill_bio
 * pins and lends.
 */
#include <linux/fs.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include "rig.h"

#define BUF	(3 * PAGE_SIZE)

struct iter_rig {
	struct mm_struct *mm;
	unsigned long mem;
	u8 *kbuf;
};

static void iter_rig_up(struct iter_rig *r)
{
	r->mm = kc_mm_create();
	current->mm = r->mm;
	r->mem = kc_mmap(r->mm, 8 * PAGE_SIZE, KC_PROT_READ | KC_PROT_WRITE, 0);
	r->kbuf = kmalloc(BUF, GFP_KERNEL);
	lab_expect(r->mem && r->kbuf);
}

static void iter_rig_down(struct iter_rig *r)
{
	kfree(r->kbuf);
	current->mm = NULL;
	kc_mm_destroy(r->mm);
}

LAB_TEST(iter_ops_fixed_iter, init_checks_every_segment)
{
	struct lab_iovec iov[UIO_MAXIOV + 1];
	struct iov_iter iter;
	struct iter_rig r;
	unsigned int i;

	iter_rig_up(&r);
	for (i = 0; i < ARRAY_SIZE(iov); i++)
		iov[i] = (struct lab_iovec){ r.mem, 1 };
	lab_expect_eq(iov_iter_init(&iter, iov, UIO_MAXIOV), 0);
	lab_expect_eq(iov_iter_count(&iter), UIO_MAXIOV);
	lab_expect_eq(iov_iter_init(&iter, iov, UIO_MAXIOV + 1), -EINVAL);
	lab_expect_eq(iov_iter_init(&iter, iov, 0), 0);
	lab_expect_eq(iov_iter_count(&iter), 0);
	iov[1].len_bytes = (size_t)-1;
	lab_expect_eq(iov_iter_init(&iter, iov, 2), -EINVAL);
	iov[1] = (struct lab_iovec){ (unsigned long)r.kbuf, 0 };
	lab_expect_eq(iov_iter_init(&iter, iov, 2), -EFAULT);
	iov[1] = (struct lab_iovec){ TASK_SIZE_MAX - 1, 2 };
	lab_expect_eq(iov_iter_init(&iter, iov, 2), -EFAULT);
	iov[1] = (struct lab_iovec){ TASK_SIZE_MAX - 1, 1 };
	lab_expect_eq(iov_iter_init(&iter, iov, 2), 0);
	iter_rig_down(&r);
}

/* P1: an iterator that got past iov_iter_init() by hand still reaches no kernel memory. */
LAB_TEST(iter_ops_fixed_iter, copies_check_their_range)
{
	struct lab_iovec iov;
	struct iov_iter iter;
	struct iter_rig r;
	u8 *secret;

	iter_rig_up(&r);
	secret = kmalloc(64, GFP_KERNEL);
	memset(secret, 0x77, 64);
	iov = (struct lab_iovec){ (unsigned long)secret, 64 };
	iter = (struct iov_iter){ .ops = &iovec_iter_ops, .iov = &iov, .count = 64 };
	memset(r.kbuf, 0x22, 64);
	lab_expect_eq(copy_to_iter(&iter, r.kbuf, 64), 0);
	lab_expect_eq(copy_from_iter_nofault(&iter, r.kbuf, 64), 0);
	lab_expect_eq(r.kbuf[0], 0x22);
	lab_expect_eq(copy_from_iter(&iter, r.kbuf, 64), 0);
	lab_expect_ne(r.kbuf[0], 0x77);
	lab_expect_eq(iov_iter_zero(&iter, 64), 0);
	lab_expect_eq(fault_in_iov_iter_readable(&iter, 64), 64);
	lab_expect_eq(iov_iter_count(&iter), 64);
	lab_expect_eq(secret[0], 0x77);
	lab_expect_eq(secret[63], 0x77);
	kfree(secret);
	iter_rig_down(&r);
}

/*
 * A copy over three segments, one of them empty, stops at the very byte where the third is read-only or
 * absent.
 */
LAB_TEST(iter_ops_fixed_iter, copy_stops_at_the_byte)
{
	struct lab_iovec iov[3];
	struct iov_iter iter;
	struct iter_rig r;

	iter_rig_up(&r);
	lab_expect_eq(kc_mprotect(r.mm, r.mem + 2 * PAGE_SIZE, PAGE_SIZE, KC_PROT_READ), 0);
	lab_expect_eq(kc_munmap(r.mm, r.mem + 3 * PAGE_SIZE, PAGE_SIZE), 0);
	iov[0] = (struct lab_iovec){ r.mem + 100, 50 };
	iov[1] = (struct lab_iovec){ r.mem, 0 };
	iov[2] = (struct lab_iovec){ r.mem + 2 * PAGE_SIZE - 30, PAGE_SIZE + 100 };
	memset(r.kbuf, 0x5c, BUF);
	lab_expect_eq(iov_iter_init(&iter, iov, 3), 0);
	lab_expect_eq(copy_to_iter(&iter, r.kbuf, 500), 80);
	lab_expect_eq(iov_iter_count(&iter), PAGE_SIZE + 70);
	lab_expect_eq(rig_find_other(r.mem + 100, 0x5c, 50), -1);
	lab_expect_eq(rig_find_other(r.mem + 2 * PAGE_SIZE - 30, 0x5c, 30), -1);
	lab_expect_eq(rig_find_other(r.mem + 2 * PAGE_SIZE, 0, PAGE_SIZE), -1);

	lab_expect_eq(iov_iter_init(&iter, iov, 3), 0);
	lab_expect_eq(fault_in_iov_iter_readable(&iter, iov_iter_count(&iter)), 70);
	lab_expect_eq(copy_from_iter(&iter, r.kbuf, BUF), 80 + PAGE_SIZE);
	lab_expect_eq(iov_iter_count(&iter), 70);
	iter_rig_down(&r);
}

/* P3: a copy is one call through the table, however many segments or pages it covers. */
LAB_TEST(iter_ops_fixed_iter, one_dispatch_per_copy)
{
	struct lab_iovec iov[3];
	struct bio_vec bvec[2];
	struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	struct iov_iter iter;
	struct iter_rig r;
	int i;

	iter_rig_up(&r);
	for (i = 0; i < 3; i++)
		iov[i] = (struct lab_iovec){ r.mem + i * 5000, 3000 };
	lab_expect_eq(iov_iter_init(&iter, iov, 3), 0);
	kc_probes_reset();
	lab_expect_eq(copy_to_iter(&iter, r.kbuf, 9000), 9000);
	lab_expect_eq(rig_count(lab_scope(), LAB_ITER_OPS), 1);
	bvec_set_page(&bvec[0], page, 1000, 0);
	bvec_set_page(&bvec[1], page, 1000, 2000);
	iov_iter_bvec(&iter, bvec, 0, 2000);
	lab_expect_eq(copy_from_iter(&iter, r.kbuf, 2000), 2000);
	lab_expect_eq(rig_count(lab_scope(), LAB_ITER_OPS), 2);
	__free_page(page);
	iter_rig_down(&r);
}

LAB_TEST(iter_ops_fixed_iter, nofault_populates_nothing)
{
	struct lab_iovec iov;
	struct iov_iter iter, saved;
	struct iter_rig r;

	iter_rig_up(&r);
	iov = (struct lab_iovec){ r.mem, PAGE_SIZE };
	lab_expect_eq(iov_iter_init(&iter, &iov, 1), 0);
	saved = iter;
	lab_expect_eq(copy_from_iter_nofault(&iter, r.kbuf, PAGE_SIZE), 0);
	lab_expect(!kc_user_alias(r.mm, r.mem));
	lab_expect_eq(fault_in_iov_iter_readable(&iter, PAGE_SIZE), 0);
	lab_expect_eq(copy_from_iter_nofault(&iter, r.kbuf, PAGE_SIZE), PAGE_SIZE);
	iter = saved;
	lab_expect_eq(iov_iter_count(&iter), PAGE_SIZE);
	iter_rig_down(&r);
}

/* The same bytes through both kinds, cut at random places. */
LAB_TEST(iter_ops_fixed_iter, kinds_agree)
{
	struct lab_iovec iov[4];
	struct bio_vec bvec[4];
	struct iov_iter user, pages;
	struct iter_rig r;
	struct page *page[4];
	struct rig rand = { .rng = lab_test_base_seed() };
	size_t total, got;
	u8 *copy;
	int round, i;

	lab_test_seed(rand.rng);
	iter_rig_up(&r);
	copy = kmalloc(BUF, GFP_KERNEL);
	for (i = 0; i < 4; i++)
		page[i] = alloc_page(GFP_KERNEL | __GFP_ZERO);
	for (round = 0; round < (lab_test_slow() ? 20 : 200); round++) {
		total = 0;
		for (i = 0; i < 4; i++) {
			unsigned int off = rig_rand(&rand, PAGE_SIZE - 1), len = 1 + rig_rand(&rand, 700);

			len = min_t(unsigned int, len, PAGE_SIZE - off);
			iov[i] = (struct lab_iovec){ r.mem + i * PAGE_SIZE + off, len };
			bvec_set_page(&bvec[i], page[i], len, off);
			total += len;
		}
		for (i = 0; i < total; i++)
			r.kbuf[i] = rig_rand(&rand, 256);
		lab_expect_eq(iov_iter_init(&user, iov, 4), 0);
		iov_iter_bvec(&pages, bvec, 0, total);
		lab_expect_eq(copy_to_iter(&user, r.kbuf, BUF), total);
		lab_expect_eq(copy_to_iter(&pages, r.kbuf, BUF), total);

		lab_expect_eq(iov_iter_init(&user, iov, 4), 0);
		iov_iter_bvec(&pages, bvec, 0, total);
		got = rig_rand(&rand, total + 1);
		iov_iter_advance(&user, got);
		iov_iter_advance(&pages, got);
		lab_expect_eq(copy_from_iter(&user, copy, BUF), total - got);
		lab_expect_mem(copy, r.kbuf + got, total - got);
		memset(copy, 0, total);
		lab_expect_eq(copy_from_iter_nofault(&pages, copy, BUF), total - got);
		lab_expect_mem(copy, r.kbuf + got, total - got);
	}
	for (i = 0; i < 4; i++)
		__free_page(page[i]);
	kfree(copy);
	iter_rig_down(&r);
}

LAB_TEST(iter_ops_fixed_iter, alignment)
{
	struct lab_iovec iov[3];
	struct iov_iter iter;
	struct iter_rig r;

	iter_rig_up(&r);
	iov[0] = (struct lab_iovec){ r.mem, 512 };
	iov[1] = (struct lab_iovec){ r.mem + 1, 0 };
	iov[2] = (struct lab_iovec){ r.mem + 1024, 1024 };
	lab_expect_eq(iov_iter_init(&iter, iov, 3), 0);
	lab_expect(iov_iter_is_aligned(&iter, 511, 511));
	lab_expect(!iov_iter_is_aligned(&iter, 511, 1023));
	iov[2].base++;
	lab_expect(!iov_iter_is_aligned(&iter, 511, 511));
	iov[2].base--;
	iov_iter_advance(&iter, 512);
	lab_expect(iov_iter_is_aligned(&iter, 511, 1023));
	iov_iter_truncate(&iter, 1000);
	lab_expect(!iov_iter_is_aligned(&iter, 511, 511));
	iter_rig_down(&r);
}

/* A full bio gives back what does not make a whole block; every pin is returned, merged or not. */
LAB_TEST_FLAGS(iter_ops_fixed_iter, fill_bio_trims_to_blocks, LAB_TEST_F_PERMUTED)
{
	struct rig_opts o = { .limits = { .logical_block_bytes = 512 } };
	struct iov_iter iter;
	struct lab_iovec iov;
	struct bio *bio;
	struct rig r;
	u64 pinned, unpinned;

	rig_up(&r, &o);
	iov = (struct lab_iovec){ r.mem + 512, 1 << 20 };
	lab_expect_eq(iov_iter_init(&iter, &iov, 1), 0);
	pinned = rig_count(LAB_UPPER, LAB_PIN_PAGES) + rig_count(LAB_LOOP, LAB_PIN_PAGES);
	bio = bio_alloc(r.disk, 2, REQ_OP_READ, GFP_KERNEL);
	bio->bi_max_vecs = 2;
	lab_expect_eq(iov_iter_fill_bio(&iter, bio, 1 << 20, 4096), 0);
	lab_expect_eq(bio->bi_iter.bi_size & 4095, 0);
	lab_expect_ge(bio->bi_iter.bi_size, 4096);
	lab_expect_eq(iov_iter_count(&iter), (1 << 20) - bio->bi_iter.bi_size);
	bio_release_pages(bio, false);
	bio->bi_max_vecs = BIO_INLINE_VECS;
	bio_put(bio);
	pinned = rig_count(LAB_UPPER, LAB_PIN_PAGES) + rig_count(LAB_LOOP, LAB_PIN_PAGES) - pinned;
	unpinned = rig_count(LAB_UPPER, LAB_UNPIN_PAGES) + rig_count(LAB_LOOP, LAB_UNPIN_PAGES);
	lab_expect_eq(pinned, unpinned);
	rig_down(&r);
}

/* Two segments in one page: one element, one pin. */
LAB_TEST(iter_ops_fixed_iter, fill_bio_merges_neighbours)
{
	struct rig_opts o = { 0 };
	struct lab_iovec iov[3];
	struct iov_iter iter;
	struct bio *bio;
	struct rig r;

	rig_up(&r, &o);
	iov[0] = (struct lab_iovec){ r.mem, 512 };
	iov[1] = (struct lab_iovec){ r.mem + 512, 1024 };
	iov[2] = (struct lab_iovec){ r.mem + 2048, 512 };
	lab_expect_eq(iov_iter_init(&iter, iov, 3), 0);
	lab_expect_eq(iov_iter_npages(&iter, 2048, 256), 3);
	bio = bio_alloc(r.disk, 3, REQ_OP_WRITE, GFP_KERNEL);
	lab_expect_eq(iov_iter_fill_bio(&iter, bio, 2048, 512), 0);
	lab_expect_eq(bio->bi_vcnt, 2);
	lab_expect_eq(bio->bi_io_vec[0].bv_len, 1536);
	lab_expect_eq(bio->bi_io_vec[1].bv_offset, 2048);
	lab_expect_eq(kc_page_pins(bio->bi_io_vec[0].bv_page), 2);
	bio_release_pages(bio, false);
	bio_put(bio);
	rig_down(&r);
}

/* A fault anywhere: nothing stays pinned, the iterator has not moved. */
LAB_TEST(iter_ops_fixed_iter, fill_bio_fault_takes_nothing)
{
	struct rig_opts o = { 0 };
	struct iov_iter iter, saved;
	struct lab_iovec iov;
	struct bio *bio;
	struct rig r;

	rig_up(&r, &o);
	lab_expect_eq(kc_munmap(r.mm, r.mem + 40 * PAGE_SIZE, PAGE_SIZE), 0);
	iov = (struct lab_iovec){ r.mem, 64 * PAGE_SIZE };
	lab_expect_eq(iov_iter_init(&iter, &iov, 1), 0);
	saved = iter;
	bio = bio_alloc(r.disk, bio_max_segs(64), REQ_OP_WRITE, GFP_KERNEL);
	if (bio->bi_max_vecs >= 41) {
		lab_expect_eq(iov_iter_fill_bio(&iter, bio, 64 * PAGE_SIZE, 512), -EFAULT);
		lab_expect_eq(bio->bi_vcnt, 0);
		lab_expect_eq(bio->bi_iter.bi_size, 0);
		lab_expect(iter.ops == saved.ops && iter.iov == saved.iov);
		lab_expect_eq(iter.iov_offset, saved.iov_offset);
		lab_expect_eq(iter.count, saved.count);
	}
	bio_put(bio);
	rig_down(&r);
}

/* Lending: the bio stands on the caller's array, at an offset, and owns nothing. */
LAB_TEST(iter_ops_fixed_iter, fill_bio_lends_the_array)
{
	struct rig_opts o = { 0 };
	struct bio_vec bvec[3], bv;
	struct bvec_iter at;
	struct iov_iter iter;
	struct page *page = alloc_page(GFP_KERNEL);
	struct bio *bio;
	struct rig r;
	u64 refs;
	int i;

	rig_up(&r, &o);
	for (i = 0; i < 3; i++)
		bvec_set_page(&bvec[i], page, 1024, i * 1024);
	refs = rig_count(LAB_LOOP, LAB_PAGE_REF) + rig_count(LAB_UPPER, LAB_PAGE_REF);
	iov_iter_bvec(&iter, bvec, 512, 2048);
	lab_expect_eq(iov_iter_npages(&iter, 2048, 256), 0);
	bio = bio_alloc(r.disk, 0, REQ_OP_WRITE, GFP_KERNEL);
	lab_expect_eq(iov_iter_fill_bio(&iter, bio, 1536, 512), 0);
	lab_expect(bio->bi_io_vec == bvec);
	lab_expect(bio_flagged(bio, BIO_CLONED));
	lab_expect(!bio_flagged(bio, BIO_PAGE_PINNED));
	i = 0;
	bio_for_each_bvec(bv, bio, at) {
		lab_expect_eq(bv.bv_offset, i ? 1024 : 512);
		lab_expect_eq(bv.bv_len, i ? 1024 : 512);
		i++;
	}
	lab_expect_eq(i, 2);
	lab_expect_eq(iov_iter_count(&iter), 512);
	bio_put(bio);
	bio = bio_alloc(r.disk, 0, REQ_OP_WRITE, GFP_KERNEL);
	lab_expect_eq(iov_iter_fill_bio(&iter, bio, 512, 512), 0);
	lab_expect_eq(bio_iter_iovec(bio, bio->bi_iter).bv_offset, 2048);
	bio_put(bio);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_PAGE_REF) + rig_count(LAB_UPPER, LAB_PAGE_REF), refs);
	__free_page(page);
	rig_down(&r);
}
