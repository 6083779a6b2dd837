// SPDX-License-Identifier: GPL-2.0-only
/*
 * task-cache.c - what a task keeps for itself, and its pages.
 *
 * A task's stock of free pages and objects (struct kc_task_cache) is made when it first frees or runs
 * dry, lives in one page of RAM, and goes back at the task's end. It is reached by a thread-local
 * pointer; tasks without one, all tasks of check builds among them, point to kc_no_cache.
 */
#include <linux/kernel.h>
#include <linux/bug.h>
#include <linux/build_bug.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/spinlock.h>
#include "mm-internal.h"

struct kc_task_cache kc_no_cache;
__thread struct kc_task_cache *kc_task_cache = &kc_no_cache;
LIST_HEAD(kc_task_caches);
DEFINE_SPINLOCK(kc_task_caches_lock);

static const unsigned long avoid_none[2];

/**
 * kc_task_cache_attach() - give the running task a stock of its own
 *
 * It lives in one page of RAM, so that a new task costs the host nothing. Release builds only.
 *
 * Context: any. Return: false if there is no page, or it has one already.
 */
bool kc_task_cache_attach(void)
{
	struct kc_task_cache *tc;
	unsigned long flags;
	struct page *page;
	unsigned int i;

	BUILD_BUG_ON(sizeof(struct kc_task_cache) > PAGE_SIZE);
	if (kc_task_cache != &kc_no_cache)
		return false;
	page = kc_buddy_take(0, avoid_none);
	if (!page)
		return false;
	WRITE_ONCE(page->flags, 1UL << PG_reserved);
	tc = page_address(page);
	tc->nr_pages = 0;
	tc->page_room = KC_PAGE_MAG;
	for (i = 0; i < KC_MAX_CACHES; i++)
		tc->obj[i] = (struct kc_obj_mag){ .head = NULL };
	spin_lock_irqsave(&kc_task_caches_lock, flags);
	list_add(&tc->node, &kc_task_caches);
	spin_unlock_irqrestore(&kc_task_caches_lock, flags);
	kc_task_cache = tc;
	return true;
}

/**
 * kc_task_cache_detach() - give back the stock's pages, then the stock
 *
 * Context: the task's end; its objects were given back before.
 */
void kc_task_cache_detach(void)
{
	struct kc_task_cache *tc = kc_task_cache;
	unsigned long flags;

	if (tc == &kc_no_cache)
		return;
	kc_task_cache = &kc_no_cache;
	spin_lock_irqsave(&kc_task_caches_lock, flags);
	list_del(&tc->node);
	spin_unlock_irqrestore(&kc_task_caches_lock, flags);
	kc_buddy_put_singles(tc->page, tc->nr_pages);
	kc_buddy_put(virt_to_page(tc), 0);
}

#ifndef KC_DEBUG
static struct page *stock_pick(struct kc_task_cache *tc, const unsigned long avoid[2])
{
	unsigned int i = tc->nr_pages;

	while (i--) {
		struct page *page = tc->page[i];
		unsigned long pfn = page_to_pfn(page);

		if (likely(pfn != avoid[0] && pfn != avoid[1])) {
			tc->page[i] = tc->page[--tc->nr_pages];
			tc->page_room++;
			return page;
		}
	}
	return NULL;
}

/**
 * kc_stock_take() - a single page
 * @avoid: frame numbers not wanted; 0: no wish
 *
 * Context: any. Return: the page, not prepared, or NULL.
 */
struct page *kc_stock_take(const unsigned long avoid[2])
{
	struct kc_task_cache *tc = kc_task_cache;
	struct page *page = stock_pick(tc, avoid);
	unsigned int got;

	if (likely(page))
		return page;
	if (tc == &kc_no_cache) {
		if (!kc_task_cache_attach())
			return kc_buddy_take(0, avoid);
		tc = kc_task_cache;
	}
	got = kc_buddy_take_singles(tc->page + tc->nr_pages, min(tc->page_room, KC_PAGE_MAG / 2u));
	tc->nr_pages += got;
	tc->page_room -= got;
	page = stock_pick(tc, avoid);
	/* Only unwanted ones are left: better those than none. */
	return page ? page : stock_pick(tc, avoid_none);
}

/**
 * kc_stock_put() - give a single page back
 * @page: nobody refers to it
 *
 * Context: any.
 */
void kc_stock_put(struct page *page)
{
	struct kc_task_cache *tc = kc_task_cache;

	WRITE_ONCE(page->flags, 1UL << PG_free);
	if (unlikely(!tc->page_room)) {
		if (tc == &kc_no_cache) {
			kc_buddy_put(page, 0);
			return;
		}
		tc->nr_pages -= KC_PAGE_MAG / 2;
		tc->page_room += KC_PAGE_MAG / 2;
		kc_buddy_put_singles(tc->page + tc->nr_pages, KC_PAGE_MAG / 2);
	}
	tc->page[tc->nr_pages++] = page;
	tc->page_room--;
}
#endif
