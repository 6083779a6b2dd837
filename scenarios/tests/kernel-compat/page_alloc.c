// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of ram.c, buddy.c, task-cache.c and page_alloc.c.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <kc/fault.h>
#include <kc/ram.h>
#include <kc/world.h>
#include "host.h"
#include "lab_test.h"
#include "test_task.h"

LAB_TEST(page_alloc, page_frame_and_address_agree)
{
	struct page *page = alloc_page(GFP_KERNEL);
	char *p;

	lab_expect(page != NULL);
	p = page_address(page);
	lab_expect_eq(sizeof(struct page), 64);
	lab_expect(pfn_to_page(page_to_pfn(page)) == page);
	lab_expect(virt_to_page(p) == page && virt_to_page(p + PAGE_SIZE - 1) == page);
	lab_expect(virt_to_page(p + PAGE_SIZE - 1) + 1 == pfn_to_page(page_to_pfn(page) + 1));
	lab_expect_eq(page_to_phys(page), p - (char *)kc_ram_base);
	lab_expect(virt_addr_valid(kc_ram_base) && !virt_addr_valid(kc_ram_base - 1));
	lab_expect(virt_addr_valid(kc_ram_base + (kc_nr_frames << PAGE_SHIFT) - 1));
	lab_expect(!virt_addr_valid(kc_ram_base + (kc_nr_frames << PAGE_SHIFT)));
	lab_expect(!kc_ram_has(&page));
	__free_page(page);
}

LAB_TEST(page_alloc, every_order)
{
	unsigned long before = kc_ram_free_pages();
	unsigned int order;

	for (order = 0; order < MAX_ORDER; order++) {
		struct page *page = alloc_pages(GFP_KERNEL, order);
		unsigned long bytes = PAGE_SIZE << order;
		unsigned char *p;

		lab_expect(page != NULL);
		lab_expect_eq(page_to_pfn(page) & ((1UL << order) - 1), 0);
		lab_expect_eq(page_count(page), 1);
		p = page_address(page);
		p[0] = p[bytes - 1] = order;
		lab_expect_eq(p[0] + p[bytes - 1], 2 * order);
		__free_pages(page, order);
	}
	/* A task's stock counts as free; its own page does not. */
	lab_expect_le(before - kc_ram_free_pages(), 1);
	kc_expect_warn("order >= MAX_ORDER", 1);
	lab_expect(alloc_pages(GFP_KERNEL, MAX_ORDER) == NULL);
}

LAB_TEST(page_alloc, zeroed_after_use)
{
	unsigned int round, at;

	for (round = 0; round < 100; round++) {
		unsigned char *p = (unsigned char *)get_zeroed_page(GFP_KERNEL);

		lab_expect(p != NULL);
		for (at = 0; at < PAGE_SIZE; at += 63)
			lab_expect_eq(p[at], 0);
		memset(p, 0xff, PAGE_SIZE);
		free_page((unsigned long)p);
	}
	free_page(0);
}

LAB_TEST(page_alloc, compound_pages_are_held_by_their_head)
{
	struct page *page = alloc_pages(GFP_KERNEL | __GFP_COMP, 3);

	lab_expect(page != NULL);
	lab_expect(PageHead(page) && PageTail(page + 1) && PageTail(page + 7) && PageCompound(page + 7));
	lab_expect(compound_head(page + 7) == page && compound_head(page) == page);
	lab_expect_eq(compound_order(page), 3);
	lab_expect_eq(page_size(page), 8 * PAGE_SIZE);
	get_page(page + 5);
	lab_expect_eq(page_count(page), 2);
	lab_expect_eq(page_count(page + 2), 2);
	__free_pages(page, 3);
	lab_expect_eq(page_count(page + 1), 1);
	/* The last put frees, from wherever it comes; the world's audit would count it. */
	put_page(page + 7);
}

LAB_TEST(page_alloc, held_first_page_outlives_its_block)
{
	struct page *page = alloc_pages(GFP_KERNEL, 2);
	unsigned long before;

	lab_expect(page != NULL);
	before = kc_ram_free_pages();
	get_page(page);
	__free_pages(page, 2);
	lab_expect_eq(kc_ram_free_pages() - before, 3);
	memset(page_address(page), 1, PAGE_SIZE);
	put_page(page);
	lab_expect_eq(kc_ram_free_pages() - before, 4);
}

LAB_TEST(page_alloc, split_pages_are_freed_one_by_one)
{
	struct page *page = alloc_pages(GFP_KERNEL, 3);
	unsigned int i;

	lab_expect(page != NULL);
	split_page(page, 3);
	for (i = 0; i < 8; i++)
		lab_expect_eq(page_count(page + i), 1);
	for (i = 0; i < 8; i++)
		__free_page(page + (i * 5) % 8);
}

#if LAB_WITH_PROBES
LAB_TEST(page_alloc, references_are_counted)
{
	struct page *page = alloc_page(GFP_KERNEL);
	struct kc_probes before, after;

	lab_expect(page != NULL);
	kc_probes_read(&before);
	get_page(page);
	put_page(page);
	kc_probes_read(&after);
	lab_expect_eq(after.n[LAB_UPPER][LAB_PAGE_REF] - before.n[LAB_UPPER][LAB_PAGE_REF], 2);
	__free_page(page);
}
#endif

LAB_TEST(page_alloc, nth_allocation_fails)
{
	unsigned int i;

	kc_fault_nth(KC_FAULT_PAGE, 3, 2);
	for (i = 1; i <= 6; i++) {
		struct page *page = alloc_page(GFP_KERNEL);

		lab_expect_eq(page == NULL, i == 3 || i == 4);
		if (page)
			__free_page(page);
	}
	lab_expect_eq(kc_fault_hits(KC_FAULT_PAGE), 2);
}

LAB_TEST(page_alloc, contiguous_runs_of_any_length)
{
	static const unsigned long nr[] = { 1, 2, 1023, 1024, 1025, 3000 };
	unsigned int i;

	for (i = 0; i < 6; i++) {
		struct page *page = kc_alloc_contig(nr[i], GFP_KERNEL, KC_SITE);
		unsigned long k, before = kc_ram_free_pages();

		lab_expect(page != NULL);
		for (k = 0; k < nr[i]; k++) {
			lab_expect_eq(page_count(page + k), 1);
			lab_expect(!PageCompound(page + k));
		}
		memset(page_address(page), 1, nr[i] << PAGE_SHIFT);
		for (k = 0; k < nr[i]; k++)
			__free_page(page + k);
		lab_expect_eq(kc_ram_free_pages() - before, nr[i]);
	}
	lab_expect(kc_alloc_contig(kc_nr_frames, GFP_KERNEL, KC_SITE) == NULL);
}

/* --- a small world, to its last page ----------------------------------------------------------- */

#define SMALL_FRAMES 2048

static unsigned long free_at_start;	/* what initcalls have left */

static void use_up(void *arg)
{
	static struct page *page[SMALL_FRAMES + 1];
	unsigned int nr = 0, first, blocks = 0;
	struct page *block[4];

	free_at_start = kc_ram_free_pages();
	while ((page[nr] = alloc_page(GFP_KERNEL | __GFP_NOWARN)))
		nr++;
	first = nr;
	lab_expect(alloc_pages(GFP_KERNEL | __GFP_NOWARN, 1) == NULL);
	while (nr)
		__free_page(page[--nr]);
	/* A task's stock holds single pages back from the larger blocks. */
	while ((page[nr] = alloc_page(GFP_KERNEL | __GFP_NOWARN)))
		nr++;
	lab_expect_eq(nr, first);
	while (nr)
		__free_page(page[--nr]);
	while (blocks < 4 && (block[blocks] = alloc_pages(GFP_KERNEL | __GFP_NOWARN, 8)))
		blocks++;
	lab_expect_eq(blocks, 4);
	while (blocks)
		__free_pages(block[--blocks], 8);
	*(unsigned int *)arg = first;
}

LAB_TEST_BARE(page_alloc, every_frame_can_be_had)
{
	struct kc_world_opts opts = { .ram_bytes = SMALL_FRAMES * PAGE_SIZE };
	unsigned int permuted;

	for (permuted = 0; permuted < 2; permuted++) {
		unsigned int got = 0;
		int bad = -1;

		opts.frames_permuted = permuted;
		lab_expect_eq(kc_run(false, 1, &opts, use_up, &got, &bad), KC_RUN_DONE);
		lab_expect_eq(bad, 0);
		/* All but the zero page, what initcalls took and, in release, the page of the stock. */
		lab_expect_ge(free_at_start, SMALL_FRAMES - 64);
		lab_expect_lt(free_at_start, SMALL_FRAMES);
		lab_expect_ge(got, free_at_start - 1);
		lab_expect_le(got, free_at_start + 1);
	}
}

static void begin_with_bad_sizes(void *arg)
{
	static const size_t bytes[] = { PAGE_SIZE - 1, 64 * PAGE_SIZE - 1, 63 * PAGE_SIZE,
					KC_RAM_MAX_BYTES + PAGE_SIZE };
	unsigned int i, refused = 0;

	for (i = 0; i < 4; i++) {
		struct kc_world_opts opts = { .ram_bytes = bytes[i] };
		unsigned int got = 0;
		int bad = 0;

		kc_run(false, 1, &opts, use_up, &got, &bad);
		refused += !got && bad;
	}
	host_exit(refused);
}

LAB_TEST_BARE(page_alloc, impossible_sizes_are_refused)
{
	lab_expect_eq(lab_test_fork(begin_with_bad_sizes, NULL), 4);
	lab_expect(lab_test_fork_said("error -22"));
}

/* --- permuted frames ----------------------------------------------------------------------------- */

#define PERMUTED_PAGES 3000

LAB_TEST_FLAGS(page_alloc, permuted_neighbours_are_never_contiguous, LAB_TEST_F_PERMUTED)
{
	static struct page *page[PERMUTED_PAGES];
	u64 rnd = lab_test_base_seed();
	unsigned long last = 0;
	unsigned int i, round, nr = 0;

	lab_test_seed(rnd);
	for (round = 0; round < (lab_test_slow() ? 3000 : 20000); round++) {
		rnd = rnd * 6364136223846793005ull + 1442695040888963407ull;
		if (nr < PERMUTED_PAGES && (!nr || (rnd >> 40) % 5 < 3)) {
			unsigned long pfn;

			page[nr] = alloc_page(GFP_KERNEL);
			lab_expect(page[nr] != NULL);
			pfn = page_to_pfn(page[nr++]);
			lab_expect_ne(pfn, last + 1);
			lab_expect_ne(pfn + 1, last);
			last = pfn;
		} else {
			i = (rnd >> 33) % nr;
			__free_page(page[i]);
			page[i] = page[--nr];
		}
	}
	/* Larger blocks are still to be had: single pages are merged when they are needed. */
	for (i = 0; i < nr; i++)
		__free_page(page[i]);
	page[0] = alloc_pages(GFP_KERNEL, MAX_ORDER - 1);
	lab_expect(page[0] != NULL);
	__free_pages(page[0], MAX_ORDER - 1);
}

/* --- tasks ------------------------------------------------------------------------------------------ */

static int churn(void *data)
{
	struct page *page[100];
	unsigned int round, i;

	for (round = 0; round < (lab_test_slow() ? 10u : 100u); round++) {
		for (i = 0; i < 100; i++) {
			page[i] = alloc_pages(GFP_KERNEL, i % 10 ? 0 : 2);
			lab_expect(page[i] != NULL);
			memset(page_address(page[i]), i, 64);
		}
		for (i = 0; i < 100; i++) {
			lab_expect_eq(*(unsigned char *)page_address(page[i]), i);
			__free_pages(page[i], i % 10 ? 0 : 2);
		}
	}
	return 0;
}

LAB_TEST(page_alloc, tasks_give_back_what_they_keep)
{
	unsigned long before = kc_ram_free_pages();
	static struct test_task k[3];
	unsigned int i;

	for (i = 0; i < 3; i++)
		test_task_run(&k[i], churn, NULL, "churn");
	for (i = 0; i < 3; i++)
		lab_expect_eq(test_task_join(&k[i]), 0);
	lab_expect_eq(kc_ram_free_pages(), before);
}

/* --- what a world's end finds, and what stops it ------------------------------------------------------ */

static void leak_three(void *arg)
{
	alloc_page(GFP_KERNEL);
	alloc_pages(GFP_KERNEL, 3);
	alloc_pages(GFP_KERNEL | __GFP_COMP, 2);
}

static void write_the_zero_page(void *arg)
{
	*(unsigned char *)page_address(ZERO_PAGE(0)) = 1;
}

static void free_twice(void *arg)
{
	struct page *page = alloc_page(GFP_KERNEL);

	__free_page(page);
	__free_page(page);
}

static void run_in_a_world(void *fn)
{
	int bad = 0;

	kc_run(false, 1, NULL, fn, NULL, &bad);
	host_exit(bad);
}

LAB_TEST_BARE(page_alloc, leaks_and_a_damaged_zero_page_are_counted)
{
	lab_expect_eq(lab_test_fork(run_in_a_world, leak_three), 3);
#ifndef KC_DEBUG
	lab_expect(lab_test_fork_said("3 x page, 24576 bytes"));
#else
	lab_expect(lab_test_fork_said("1 x page, 16384 bytes"));
	lab_expect(lab_test_fork_said("tests/kernel-compat/page_alloc.c:"));
#endif
	lab_expect_eq(lab_test_fork(run_in_a_world, write_the_zero_page), 1);
	lab_expect(lab_test_fork_said("zero page was written, first at byte 0"));
}

LAB_TEST_BARE(page_alloc, freeing_twice_stops)
{
	lab_expect_eq(lab_test_fork(run_in_a_world, free_twice), LAB_DIED);
}

#ifdef KC_DEBUG
static void write_after_free(void *arg)
{
	struct page *page = alloc_page(GFP_KERNEL), *other[64];
	unsigned char *volatile p = page_address(page);
	unsigned int i;

	__free_page(page);
#ifdef KC_VALGRIND
	host_mem_defined(p + 100, 1);	/* memcheck would print it and go on */
#endif
	p[100] = 1;
	/* Without ASan it shows when the frame is used again. */
	for (i = 0; i < 64; i++)
		other[i] = alloc_page(GFP_KERNEL);
	for (i = 0; i < 64; i++)
		__free_page(other[i]);
	while ((other[0] = alloc_page(GFP_KERNEL | __GFP_NOWARN)) && other[0] != page)
		;
}

LAB_TEST_BARE(page_alloc, write_after_free_is_found_by_a_check_build)
{
	lab_expect_ne(lab_test_fork(run_in_a_world, write_after_free), 0);
#ifndef __SANITIZE_ADDRESS__
	lab_expect(lab_test_fork_said("was written after it was freed"));
#endif
}
#endif
