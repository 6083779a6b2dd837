// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pages behind a bio: pins, the dirty protocol, zeroing, copying.
 */
#include <kc/umem.h>
#include "testdev.h"

#define USER_PAGES	5

/* Set up @nr user pages, pinned into one bio, one element a page; the first and last are partial. */
static struct bio *pinned_bio(struct mm_struct **mm, unsigned long *addr)
{
	struct bio *bio = bio_alloc(NULL, bio_max_segs(USER_PAGES), REQ_OP_READ, GFP_KERNEL);
	struct page *pages[USER_PAGES];
	unsigned int i, nr = bio->bi_max_vecs < USER_PAGES ? bio->bi_max_vecs : USER_PAGES;

	*mm = kc_mm_create();
	lab_expect(*mm);
	current->mm = *mm;
	*addr = kc_mmap(*mm, USER_PAGES * PAGE_SIZE, KC_PROT_READ | KC_PROT_WRITE, KC_MAP_POPULATE);
	lab_expect(*addr);
	lab_expect_eq(pin_user_pages_fast(*addr, nr, FOLL_WRITE, pages), nr);
	for (i = 0; i < nr; i++)
		__bio_add_page(bio, pages[i], i ? PAGE_SIZE : 512, i ? 0 : PAGE_SIZE - 512);
	bio_set_flag(bio, BIO_PAGE_PINNED);
	return bio;
}

static void unmap(struct mm_struct *mm)
{
	current->mm = NULL;
	kc_mm_destroy(mm);
}

LAB_TEST(bio_pages, release_unpins_once_wherever_the_bio_is)
{
	struct mm_struct *mm;
	unsigned long addr;
	struct bio *bio = pinned_bio(&mm, &addr);
	struct page *first = bio->bi_io_vec[0].bv_page;

	lab_expect_eq(kc_page_pins(first), 1);
	bio_advance(bio, 512 + PAGE_SIZE);
	bio_release_pages(bio, false);
	lab_expect_eq(kc_page_pins(first), 0);
	lab_expect(!PageDirty(first));
	bio_put(bio);
	unmap(mm);
}

LAB_TEST(bio_pages, release_of_borrowed_pages_does_nothing)
{
	struct mm_struct *mm;
	unsigned long addr;
	struct bio *bio = pinned_bio(&mm, &addr);
	struct page *first = bio->bi_io_vec[0].bv_page;

	bio_clear_flag(bio, BIO_PAGE_PINNED);
	bio_release_pages(bio, true);
	lab_expect_eq(kc_page_pins(first), 1);
	bio_set_flag(bio, BIO_PAGE_PINNED);
	bio_release_pages(bio, true);
	lab_expect_eq(kc_page_pins(first), 0);
	lab_expect(PageDirty(first));
	bio_put(bio);
	unmap(mm);
}

LAB_TEST(bio_pages, multipage_element_unpins_every_page)
{
	struct mm_struct *mm = kc_mm_create();
	struct page *pages[3];
	unsigned long addr;
	struct bio *bio = bio_alloc(NULL, 1, REQ_OP_READ, GFP_KERNEL);
	unsigned int i;

	current->mm = mm;
	addr = kc_mmap(mm, 3 * PAGE_SIZE, KC_PROT_READ | KC_PROT_WRITE, KC_MAP_CONTIG);
	lab_expect(addr);
	lab_expect_eq(pin_user_pages_fast(addr, 3, FOLL_WRITE, pages), 3);
	lab_expect_eq(bio_add_page(bio, pages[0], 1, PAGE_SIZE - 1), 1);
	lab_expect_eq(bio_add_page(bio, pages[1], PAGE_SIZE, 0), PAGE_SIZE);
	lab_expect_eq(bio_add_page(bio, pages[2], 1, 0), 1);
	lab_expect_eq(bio->bi_vcnt, 1);
	bio_set_flag(bio, BIO_PAGE_PINNED);
	bio_release_pages(bio, true);
	for (i = 0; i < 3; i++) {
		lab_expect_eq(kc_page_pins(pages[i]), 0);
		lab_expect(PageDirty(pages[i]));
	}
	bio_put(bio);
	unmap(mm);
}

/* Fill a bio as user memory is pinned, in pieces of @step bytes from @skip on; a pin for each piece. */
static struct bio *filled_bio(unsigned long addr, unsigned int skip, unsigned int step)
{
	struct bio *bio = bio_alloc(NULL, BIO_MAX_VECS, REQ_OP_READ, GFP_KERNEL);
	unsigned long at, end = addr + 3 * PAGE_SIZE;
	struct page *page;

	bio_set_flag(bio, BIO_PAGE_PINNED);
	for (at = addr + skip; at < end; at += step) {
		lab_expect_eq(pin_user_pages_fast(at, 1, FOLL_WRITE, &page), 1);
		bio_add_pinned(bio, page, step, offset_in_page(at));
	}
	return bio;
}

/* Whatever is cut off, a page is pinned as long as the bio has a byte of it, once; frames in order and not. */
static void trim_every_length(void)
{
	struct mm_struct *mm = kc_mm_create();
	struct page *pages[3];
	unsigned long addr;
	unsigned int left, i;

	current->mm = mm;
	addr = kc_mmap(mm, 3 * PAGE_SIZE, KC_PROT_READ | KC_PROT_WRITE, KC_MAP_POPULATE);
	lab_expect_eq(pin_user_pages_fast(addr, 3, FOLL_WRITE, pages), 3);
	unpin_user_pages(pages, 3);
	for (left = 0; left <= 3 * PAGE_SIZE - 1024; left += 512) {
		struct bio *bio = filled_bio(addr, 1024, 1024);
		unsigned int size = bio->bi_iter.bi_size, sum = 0;

		lab_expect_eq(size, 3 * PAGE_SIZE - 1024);
		bio_trim_pinned(bio, size - left);
		lab_expect_eq(bio->bi_iter.bi_size, left);
		for (i = 0; i < 3; i++)
			lab_expect_eq(kc_page_pins(pages[i]), left > (i ? i * PAGE_SIZE - 1024 : 0));
		for (i = 0; i < bio->bi_vcnt; i++)
			sum += bio->bi_io_vec[i].bv_len;
		lab_expect_eq(sum, left);
		bio_release_pages(bio, false);
		for (i = 0; i < 3; i++)
			lab_expect_eq(kc_page_pins(pages[i]), 0);
		bio_put(bio);
	}
	unmap(mm);
}

LAB_TEST(bio_pages, trim_unpins_what_is_gone)
{
	trim_every_length();
}

LAB_TEST_FLAGS(bio_pages, trim_unpins_what_is_gone_permuted, LAB_TEST_F_PERMUTED)
{
	trim_every_length();
}

LAB_TEST(bio_pages, check_pages_dirty_at_once)
{
	unsigned long live = kc_cache_live(fs_bio_set.bio_slab);
	struct mm_struct *mm;
	unsigned long addr;
	struct bio *bio = pinned_bio(&mm, &addr);
	struct page *first = bio->bi_io_vec[0].bv_page;

	bio_set_pages_dirty(bio);
	lab_expect(PageDirty(first));
	bio_check_pages_dirty(bio);
	lab_expect_eq(kc_page_pins(first), 0);
	lab_expect_eq(kc_cache_live(fs_bio_set.bio_slab), live);
	unmap(mm);
}

LAB_TEST(bio_pages, cleaned_pages_are_dirtied_by_the_worker)
{
	struct mm_struct *mm;
	unsigned long addr;
	struct bio *bio = pinned_bio(&mm, &addr);
	struct page *last = bio->bi_io_vec[bio->bi_vcnt - 1].bv_page;

	bio_set_pages_dirty(bio);
	ClearPageDirty(last);
	bio_check_pages_dirty(bio);
	while (kc_page_pins(last)) {
		yield();
		kc_io_poll(1);
	}
	lab_expect(PageDirty(last));
	unmap(mm);
}

LAB_TEST(bio_pages, zero_fill_from_where_the_bio_is)
{
	u8 *buf = (u8 *)__get_free_pages(GFP_KERNEL, 1), want[2 * PAGE_SIZE];
	struct bio *bio = bio_alloc(NULL, 2, REQ_OP_READ, GFP_KERNEL);

	memset(buf, 0x5a, 2 * PAGE_SIZE);
	memset(want, 0x5a, sizeof(want));
	memset(want + 512 + 100, 0, PAGE_SIZE - 100);
	memset(want + 6144, 0, 512);
	__bio_add_page(bio, virt_to_page(buf), PAGE_SIZE, 512);
	__bio_add_page(bio, virt_to_page(buf + PAGE_SIZE), 512, 2048);
	bio_advance(bio, 100);
	zero_fill_bio(bio);
	lab_expect_mem(buf, want, sizeof(want));
	lab_expect_eq(bio->bi_iter.bi_size, PAGE_SIZE + 512 - 100);
	bio_put(bio);
	free_pages((unsigned long)buf, 1);
}

LAB_TEST(bio_pages, copy_between_differently_cut_bios)
{
	u8 *a = (u8 *)__get_free_pages(GFP_KERNEL, 1);
	u8 *b = (u8 *)__get_free_pages(GFP_KERNEL | __GFP_ZERO, 1);
	struct bio *src = bio_alloc(NULL, 2, REQ_OP_WRITE, GFP_KERNEL);
	struct bio *dst = bio_alloc(NULL, 3, REQ_OP_READ, GFP_KERNEL);
	unsigned int i;

	for (i = 0; i < 2 * PAGE_SIZE; i++)
		a[i] = i * 7 + i / 256;
	__bio_add_page(src, virt_to_page(a), 700, 4);
	__bio_add_page(src, virt_to_page(a + PAGE_SIZE), 1300, 0);
	__bio_add_page(dst, virt_to_page(b), 100, 0);
	__bio_add_page(dst, virt_to_page(b), 1500, 200);
	__bio_add_page(dst, virt_to_page(b + PAGE_SIZE), 300, 8);
	bio_copy_data(dst, src);
	lab_expect_mem(b, a + 4, 100);
	lab_expect_mem(b + 200, a + 104, 600);
	lab_expect_mem(b + 800, a + PAGE_SIZE, 900);
	lab_expect_mem(b + PAGE_SIZE + 8, a + PAGE_SIZE + 900, 300);
	/* The shorter one, the destination, is full, and nothing beyond it was touched. */
	lab_expect_eq(b[1700], 0);
	lab_expect_eq(b[PAGE_SIZE + 308], 0);
	lab_expect_eq(b[150], 0);
	bio_put(src);
	bio_put(dst);
	free_pages((unsigned long)a, 1);
	free_pages((unsigned long)b, 1);
}
