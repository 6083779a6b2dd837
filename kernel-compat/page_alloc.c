// SPDX-License-Identifier: GPL-2.0-only
/*
 * page_alloc.c - pages: taking, referencing, giving back, and the audit at the end.
 *
 * Free frames are on the lists of buddy.c. Release builds put a stock of single pages before them, one
 * a task: allocating and freeing touch nothing shared, and half a stock moves under the lock at once.
 * Check builds go to the lists each time, fill what is freed with a pattern and forbid it to the
 * checkers.
 *
 * A frame can be referenced by a lock-free walk (gup.c) until that walk notices that its page table entry
 * is gone. So the last put frees, whoever it is, and a compound page is freed by its own order.
 */
#include <linux/kernel.h>
#include <linux/errno.h>
#include <linux/bug.h>
#include <linux/list.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <kc/leak.h>
#include "host.h"
#include "mm-internal.h"

#define POISON_FREE	0x5a	/* byte that fills free pages, check builds */

static bool complained;		/* about RAM being used up, once a world */
static __thread unsigned long last_pfn;	/* the single frame this task got last */

#ifdef KC_DEBUG
static struct page_note {
	const char *alloc_site, *pin_site;
} *page_notes;
#endif

/* --- what a check build does to pages that change hands -------------------------------- */

#ifdef KC_DEBUG
static void check_new(struct page *page, unsigned int order, const char *site)
{
	unsigned long i, at, bytes = PAGE_SIZE << order;
	unsigned char *mem = page_address(page);

	host_mem_defined(mem, bytes);
	for (i = 0; i < 1UL << order; i++) {
		if (page[i].kc_poisoned) {
			at = kc_first_other(mem + (i << PAGE_SHIFT), POISON_FREE, PAGE_SIZE);
			WARN(at < PAGE_SIZE,
			     "page %lu: byte %lu was written after it was freed; had been taken at %s\n",
			     page_to_pfn(page + i), at, page_notes[page_to_pfn(page + i)].alloc_site);
		}
		page[i].kc_poisoned = 0;
		page_notes[page_to_pfn(page + i)] = (struct page_note){ .alloc_site = site };
	}
	host_mem_undefined(mem, bytes);
}

static void check_free(struct page *page, unsigned int order)
{
	unsigned long i, bytes = PAGE_SIZE << order;

	host_mem_defined(page_address(page), bytes);
	memset(page_address(page), POISON_FREE, bytes);
	host_mem_noaccess(page_address(page), bytes);
	for (i = 0; i < 1UL << order; i++)
		page[i].kc_poisoned = 1;
}
#else
static void check_new(struct page *page, unsigned int order, const char *site) { }
static void check_free(struct page *page, unsigned int order) { }
#endif

/**
 * kc_page_note_pin() - remember who pinned @page last, for the audit (check builds)
 * @page: the page
 * @site: "file:line" of the call
 */
void kc_page_note_pin(struct page *page, const char *site)
{
#ifdef KC_DEBUG
	WRITE_ONCE(page_notes[page_to_pfn(page)].pin_site, site);
#endif
}

/* --- allocating and freeing ---------------------------------------------------------------- */

static void page_prepare(struct page *page, gfp_t gfp, unsigned int order, const char *site)
{
	unsigned long i;

	check_new(page, order, site);
	page->mapping = NULL;
	page->index = 0;
	page->private = 0;
	page->order = order;
	page->compound_head = 0;
	WRITE_ONCE(page->flags, order && gfp & __GFP_COMP ? 1UL << PG_head : 0);
	for (i = 1; i < 1UL << order; i++) {
		WRITE_ONCE(page[i].flags, 0);
		page[i].order = 0;
		page[i].compound_head = gfp & __GFP_COMP ? (unsigned long)page + 1 : 0;
	}
	if (gfp & __GFP_ZERO)
		memset(page_address(page), 0, PAGE_SIZE << order);
	atomic64_set(&page->_refpin, KC_REF_ONE);
}

static struct page *page_take(unsigned int order, const unsigned long avoid[2])
{
#ifndef KC_DEBUG
	if (likely(!order))
		return kc_stock_take(avoid);
#endif
	return kc_buddy_take(order, avoid);
}

static struct page *page_alloc(gfp_t gfp, unsigned int order, const unsigned long avoid[2], const char *site)
{
	struct page *page;

	if (WARN_ON(order >= MAX_ORDER))
		return NULL;
	if (gfp & __GFP_DIRECT_RECLAIM)
		might_sleep();
	if (unlikely(kc_fault_is_armed(KC_FAULT_PAGE)) && !(gfp & __GFP_NOFAIL) && kc_fault(KC_FAULT_PAGE))
		return NULL;
	page = page_take(order, avoid);
	if (unlikely(!page)) {
		/* No one reclaims here, so waiting would not help: the world was made too small. */
		BUG_ON(gfp & __GFP_NOFAIL);
		if (!(gfp & __GFP_NOWARN) && !__atomic_exchange_n(&complained, true, __ATOMIC_RELAXED))
			pr_warn("RAM is used up: no block of order %u, %lu of %lu pages free\n", order,
				kc_ram_free_pages(), kc_nr_frames);
		return NULL;
	}
	page_prepare(page, gfp, order, site);
	return page;
}

/**
 * kc_alloc_frame() - one page, with a wish about where
 * @gfp: as for alloc_page()
 * @avoid: frame numbers that will not do, 0 for none; only an empty arena overrides it
 * @site: the call, for the leak table
 *
 * Context: as @gfp says. Return: the page or NULL.
 */
struct page *kc_alloc_frame(gfp_t gfp, const unsigned long avoid[2], const char *site)
{
	return page_alloc(gfp, 0, avoid, site);
}

/**
 * kc_alloc_pages_at() - allocate 2^order frames in a row
 * @gfp: may it sleep, must it be zeroed (__GFP_ZERO), is it one compound page (__GFP_COMP)
 * @order: 0 to MAX_ORDER - 1
 * @site: the call, for the leak table; NULL in release builds
 *
 * In a permuted world two single pages that a task gets one after the other are never neighbours.
 *
 * Context: task context with __GFP_DIRECT_RECLAIM; else any.
 * Return: the first page, with one reference, or NULL.
 */
struct page *kc_alloc_pages_at(gfp_t gfp, unsigned int order, const char *site)
{
	unsigned long avoid[2] = { 0 };
	struct page *page;

	if (!kc_frames_permuted || order)
		return page_alloc(gfp, order, avoid, site);
	avoid[0] = last_pfn + 1;
	avoid[1] = last_pfn - 1;
	page = page_alloc(gfp, 0, avoid, site);
	if (page)
		last_pfn = page_to_pfn(page);
	return page;
}

/**
 * alloc_pages() - see kc_alloc_pages_at()
 * @gfp: flags
 * @order: log2 of the number of pages
 *
 * Return: the first page or NULL.
 */
struct page *(alloc_pages)(gfp_t gfp, unsigned int order)
{
	return kc_alloc_pages_at(gfp, order, NULL);
}

/**
 * kc_get_free_pages_at() - the same by address (__get_free_pages())
 * @gfp: flags
 * @order: log2 of the number of pages
 * @site: the call
 *
 * Return: address in the linear map, or 0.
 */
unsigned long kc_get_free_pages_at(gfp_t gfp, unsigned int order, const char *site)
{
	struct page *page = kc_alloc_pages_at(gfp, order, site);

	return page ? (unsigned long)page_address(page) : 0;
}

static void page_free(struct page *page, unsigned int order)
{
	unsigned long i;

	VM_BUG_ON(kc_page_pins(page));
	BUG_ON(PageFree(page) || PageReserved(page));
	for (i = 1; i < 1UL << order; i++)
		page[i].compound_head = 0;
	check_free(page, order);
#ifndef KC_DEBUG
	if (likely(!order)) {
		kc_stock_put(page);
		return;
	}
#endif
	kc_buddy_put(page, order);
}

/**
 * __put_page() - the last reference to @page is gone
 * @page: single page or head of a compound page
 *
 * Context: any.
 */
void __put_page(struct page *page)
{
	page_free(page, compound_order(page));
}

/**
 * __free_pages() - give back what alloc_pages() gave
 * @page: its first page
 * @order: as allocated
 *
 * Somebody else may hold a reference; then the last put frees. Of a block that is not compound, all but the
 * first page are freed at once even so, since no one can hold the others.
 *
 * Context: any.
 */
void __free_pages(struct page *page, unsigned int order)
{
	BUG_ON(page_count(page) <= 0);
	if ((u32)atomic64_sub_return(KC_REF_ONE, &page->_refpin) == 0)
		page_free(page, order);
	else if (!PageHead(page))
		while (order--)
			page_free(page + (1UL << order), order);
}

/**
 * free_pages() - the same by address
 * @addr: what __get_free_pages() returned; 0 is nothing
 * @order: as allocated
 */
void free_pages(unsigned long addr, unsigned int order)
{
	if (addr)
		__free_pages(virt_to_page((void *)addr), order);
}

/**
 * split_page() - make single pages of a block that is not compound
 * @page: its first page
 * @order: as allocated
 */
void split_page(struct page *page, unsigned int order)
{
	unsigned long i;

	BUG_ON(PageCompound(page));
	for (i = 1; i < 1UL << order; i++)
		atomic64_set(&page[i]._refpin, KC_REF_ONE);
	page->order = 0;
}

/**
 * kc_alloc_contig() - any number of frames in a row, each a page of its own
 * @nr_pages: how many, >= 1
 * @gfp: flags
 * @site: the call, for the leak table
 *
 * Context: task, set-up: it looks through the whole memmap.
 * Return: the first page; NULL: no such run. Each is freed by itself.
 */
struct page *kc_alloc_contig(unsigned long nr_pages, gfp_t gfp, const char *site)
{
	struct page *page;
	unsigned long i;

	if (kc_fault(KC_FAULT_PAGE))
		return NULL;
	page = kc_buddy_take_run(nr_pages);
	for (i = 0; page && i < nr_pages; i++)
		page_prepare(page + i, gfp & ~__GFP_COMP, 0, site);
	return page;
}

/* --- begin, end, audit -------------------------------------------------------------------------- */

/**
 * kc_page_alloc_init() - all frames but the zero page are free
 *
 * Return: 0 or -ENOMEM.
 */
int kc_page_alloc_init(void)
{
#ifdef KC_DEBUG
	page_notes = host_alloc(kc_nr_frames * sizeof(*page_notes));
	if (!page_notes)
		return -ENOMEM;
#endif
	spin_lock_init(&kc_task_caches_lock);
	INIT_LIST_HEAD(&kc_task_caches);
	kc_task_cache = &kc_no_cache;
	complained = false;
	last_pfn = 0;
	/* The memmap came zeroed from the host. */
	__SetPageReserved(pfn_to_page(0));
	atomic64_set(&pfn_to_page(0)->_refpin, KC_REF_ONE);
	kc_buddy_init(1);
#ifdef KC_DEBUG
	host_mem_noaccess(kc_ram_base + PAGE_SIZE, (kc_nr_frames - 1) << PAGE_SHIFT);
#endif
	return 0;
}

/**
 * kc_page_alloc_exit() - forget the lists
 */
void kc_page_alloc_exit(void)
{
	kc_task_cache = &kc_no_cache;
	INIT_LIST_HEAD(&kc_task_caches);
#ifdef KC_DEBUG
	page_notes = NULL;
#endif
}

/**
 * kc_ram_free_pages() - frames that are free
 *
 * Return: those on the lists and in the caller's stock; other tasks' stocks are not looked at.
 */
unsigned long kc_ram_free_pages(void)
{
	return kc_buddy_free_pages() + kc_task_cache->nr_pages;
}

static void audit_page(struct page *page)
{
	const char *alloc_site = NULL, *pin_site = NULL;
	int pins = kc_page_pins(page);

#ifdef KC_DEBUG
	alloc_site = page_notes[page_to_pfn(page)].alloc_site;
	pin_site = page_notes[page_to_pfn(page)].pin_site;
#endif
	if (pins)
		kc_leak_add("pinned user page", pin_site, page_size(page));
	else if (page_count(page) > 0)
		kc_leak_add("page", alloc_site, page_size(page));
}

/**
 * kc_ram_audit() - who still holds pages?
 *
 * Context: end of a world, after the audits of mm and slab; no other task.
 * Return: number of pages held or pinned, +1 if the zero page is not zero; each was printed.
 */
int kc_ram_audit(void)
{
	unsigned long pfn, at;
	int bad = 0;

	at = kc_first_other(kc_ram_base, 0, PAGE_SIZE);
	if (at < PAGE_SIZE) {
		pr_err("the zero page was written, first at byte %lu\n", at);
		bad++;
	}
	kc_leak_begin();
	for (pfn = 1; pfn < kc_nr_frames; ) {
		struct page *page = pfn_to_page(pfn);

		if (!PageFree(page) && !PageReserved(page) && !PageSlab(page) && !PageTail(page))
			audit_page(page);
		pfn += PageBuddy(page) ? 1UL << page->order : 1;
	}
	return bad + kc_leak_print();
}
