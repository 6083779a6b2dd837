// SPDX-License-Identifier: GPL-2.0-only
/*
 * buddy.c - the lists of free frames.
 *
 * A buddy allocator, orders 0 to MAX_ORDER - 1, under one lock. Its state is in struct page alone: a
 * free block is its first page, PG_buddy and order; nothing is written into free memory, so a check
 * build can forbid it. Check builds queue what is freed at the far end of the lists: a frame stays out
 * of use as long as possible.
 *
 * Permuted worlds (one page per bvec). List 0 is then a queue: freed single pages are not merged, and
 * when it runs short a larger block is cut up, even frames first, odd ones after. The taker names the
 * frame numbers it does not want (neighbours of its neighbours); among any three frames at most two are
 * unwanted. When a larger block is asked for and there is none, list 0 is merged after all.
 */
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include "host.h"
#include "mm-internal.h"

#define PERMUTE_ORDER	6	/* a permuted queue is filled with this much at once */

static struct {
	spinlock_t lock;		/* what is below; held by callers of all before kc_buddy_take() */
	struct list_head free[MAX_ORDER];
	unsigned long nr_single;	/* on free[0] */
	unsigned long nr_free;		/* pages, all lists */
} zone;

static void block_add(struct page *page, unsigned int order, bool tail)
{
	page->order = order;
	WRITE_ONCE(page->flags, 1UL << PG_buddy | 1UL << PG_free);
	if (tail)
		list_add_tail(&page->lru, &zone.free[order]);
	else
		list_add(&page->lru, &zone.free[order]);
	zone.nr_free += 1UL << order;
	zone.nr_single += !order;
}

static void block_del(struct page *page)
{
	__ClearPageBuddy(page);
	list_del(&page->lru);
	zone.nr_free -= 1UL << page->order;
	zone.nr_single -= !page->order;
}

static void block_merge(struct page *page, unsigned int order, bool tail)
{
	unsigned long pfn = page_to_pfn(page);

	for (; order < MAX_ORDER - 1; order++) {
		unsigned long other = pfn ^ (1UL << order);
		struct page *buddy = pfn_to_page(other);

		if (!pfn_valid(other) || !PageBuddy(buddy) || buddy->order != order)
			break;
		block_del(buddy);
		pfn &= ~(1UL << order);
	}
	block_add(pfn_to_page(pfn), order, tail);
}

/* Cut a larger block down to @order; the upper halves go back. */
static struct page *block_take(unsigned int order)
{
	unsigned int have = order;
	struct page *page;

	while (have < MAX_ORDER && list_empty(&zone.free[have]))
		have++;
	if (have == MAX_ORDER)
		return NULL;
	page = list_first_entry(&zone.free[have], struct page, lru);
	block_del(page);
	while (have > order) {
		have--;
		block_add(page + (1UL << have), have, false);
	}
	return page;
}

static void permuted_fill(void)
{
	unsigned int order = PERMUTE_ORDER, i;
	struct page *page = NULL;

	/* 0: only single pages are left, and those are on the queue already. */
	while (order && !(page = block_take(order)))
		order--;
	for (i = 0; page && i < 1u << order; i += 2)
		block_add(page + i, 0, true);
	for (i = 1; page && i < 1u << order; i += 2)
		block_add(page + i, 0, true);
}

static bool unwanted(const struct page *page, const unsigned long avoid[2])
{
	unsigned long pfn = page_to_pfn(page);

	return pfn == avoid[0] || pfn == avoid[1];
}

static struct page *permuted_take(const unsigned long avoid[2])
{
	struct page *page;

	if (zone.nr_single < 3)
		permuted_fill();
	list_for_each_entry(page, &zone.free[0], lru) {
		if (!unwanted(page, avoid)) {
			block_del(page);
			return page;
		}
	}
	/* Nothing else is left: contiguous memory rather than none. */
	return block_take(0);
}

static void permuted_merge(void)
{
	LIST_HEAD(singles);
	struct page *page, *next;

	list_splice_init(&zone.free[0], &singles);
	list_for_each_entry(page, &singles, lru)
		__ClearPageBuddy(page);
	zone.nr_free -= zone.nr_single;
	zone.nr_single = 0;
	list_for_each_entry_safe(page, next, &singles, lru)
		block_merge(page, 0, true);
}

static struct page *zone_take(unsigned int order, const unsigned long avoid[2])
{
	struct page *page;

	if (kc_frames_permuted && !order)
		return permuted_take(avoid);
	page = block_take(order);
	if (!page && kc_frames_permuted) {
		permuted_merge();
		page = block_take(order);
	}
	return page;
}

static void zone_put(struct page *page, unsigned int order)
{
#ifdef KC_DEBUG
	const bool tail = true;
#else
	const bool tail = false;
#endif

	if (kc_frames_permuted && !order)
		block_add(page, 0, true);
	else
		block_merge(page, order, tail);
}

/* First frame of a run of whole free blocks with at least @nr frames; 0: none. */
static unsigned long contig_find(unsigned long nr)
{
	unsigned long pfn = 1, start = 1;

	while (pfn < kc_nr_frames && pfn - start < nr) {
		struct page *page = pfn_to_page(pfn);

		if (PageBuddy(page)) {
			pfn += 1UL << page->order;
		} else {
			pfn++;
			start = pfn;
		}
	}
	return pfn - start >= nr ? start : 0;
}

/* Put [pfn, end) on the lists in the largest blocks that alignment allows. */
static void range_put(unsigned long pfn, unsigned long end)
{
	while (pfn < end) {
		unsigned int order = 0;

		while (order < MAX_ORDER - 1 && !(pfn & ((2UL << order) - 1)) && pfn + (2UL << order) <= end)
			order++;
		block_merge(pfn_to_page(pfn), order, true);
		pfn += 1UL << order;
	}
}

/**
 * kc_buddy_take() - a free block
 * @order: log2 of its pages
 * @avoid: frame numbers not wanted, permuted worlds and order 0 only; 0: no wish
 *
 * Context: any. Return: its first page, flags not yet set, or NULL.
 */
struct page *kc_buddy_take(unsigned int order, const unsigned long avoid[2])
{
	unsigned long flags;
	struct page *page;

	spin_lock_irqsave(&zone.lock, flags);
	page = zone_take(order, avoid);
	spin_unlock_irqrestore(&zone.lock, flags);
	return page;
}

/**
 * kc_buddy_take_singles() - several single pages at once
 * @pages: where they go
 * @nr: how many are wanted
 *
 * Context: any. Return: how many there were; in a permuted world none follows its predecessor in RAM.
 */
unsigned int kc_buddy_take_singles(struct page **pages, unsigned int nr)
{
	unsigned long flags, avoid[2] = { 0 };
	unsigned int i;

	spin_lock_irqsave(&zone.lock, flags);
	for (i = 0; i < nr; i++) {
		pages[i] = zone_take(0, avoid);
		if (!pages[i])
			break;
		avoid[0] = page_to_pfn(pages[i]) + 1;
		avoid[1] = page_to_pfn(pages[i]) - 1;
	}
	spin_unlock_irqrestore(&zone.lock, flags);
	return i;
}

/**
 * kc_buddy_put() - give back a block
 * @page: its first page; nobody refers to any of them
 * @order: log2 of its pages
 *
 * Context: any.
 */
void kc_buddy_put(struct page *page, unsigned int order)
{
	unsigned long flags;

	spin_lock_irqsave(&zone.lock, flags);
	zone_put(page, order);
	spin_unlock_irqrestore(&zone.lock, flags);
}

/**
 * kc_buddy_put_singles() - give back several single pages at once
 * @pages: the pages
 * @nr: how many
 *
 * Context: any.
 */
void kc_buddy_put_singles(struct page **pages, unsigned int nr)
{
	unsigned long flags;

	spin_lock_irqsave(&zone.lock, flags);
	while (nr)
		zone_put(pages[--nr], 0);
	spin_unlock_irqrestore(&zone.lock, flags);
}

/**
 * kc_buddy_take_run() - frames in a row, as many as wanted
 * @nr: how many, >= 1
 *
 * Context: any, but it looks through the whole memmap.
 * Return: the first, or NULL if no such run is free.
 */
struct page *kc_buddy_take_run(unsigned long nr)
{
	unsigned long flags, start, pfn;

	spin_lock_irqsave(&zone.lock, flags);
	if (kc_frames_permuted)
		permuted_merge();
	start = contig_find(nr);
	for (pfn = start; start && pfn < start + nr; pfn += 1UL << pfn_to_page(pfn)->order)
		block_del(pfn_to_page(pfn));
	if (start)
		range_put(start + nr, pfn);
	spin_unlock_irqrestore(&zone.lock, flags);
	return start ? pfn_to_page(start) : NULL;
}

/**
 * kc_buddy_free_pages() - frames on the lists
 *
 * Return: their number.
 */
unsigned long kc_buddy_free_pages(void)
{
	unsigned long flags, nr;

	spin_lock_irqsave(&zone.lock, flags);
	nr = zone.nr_free;
	spin_unlock_irqrestore(&zone.lock, flags);
	return nr;
}

/**
 * kc_buddy_init() - all frames from @first on are free
 * @first: frame number
 */
void kc_buddy_init(unsigned long first)
{
	unsigned long flags;
	unsigned int i;

	spin_lock_init(&zone.lock);
	for (i = 0; i < MAX_ORDER; i++)
		INIT_LIST_HEAD(&zone.free[i]);
	zone.nr_single = zone.nr_free = 0;
	spin_lock_irqsave(&zone.lock, flags);
	range_put(first, kc_nr_frames);
	spin_unlock_irqrestore(&zone.lock, flags);
}
