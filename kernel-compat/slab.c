// SPDX-License-Identifier: GPL-2.0-only
/*
 * slab.c - caches of objects of one size.
 *
 * A cache's objects lie in slabs: compound pages whose struct page holds the list of free objects and
 * the count of those in use. That is under the cache's lock. Before it, in release builds, every task
 * has a magazine for each cache (struct kc_task_cache): a chain of free objects that only it touches,
 * so that allocating and freeing are a load, a store and a count. A magazine that runs dry or over
 * moves a batch under the lock, which is also how an object allocated by one task and freed by another
 * finds its way back.
 *
 * Check builds have no magazines: each object goes through the lock, a header, red zones and a queue of freed
 * objects (slab-debug.c).
 *
 * A slab with nothing in use is given back once its cache has KC_EMPTY_SLABS others.
 */
#include <linux/kernel.h>
#include <linux/bug.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <kc/leak.h>
#include "host.h"
#include "slab-internal.h"

#define KC_EMPTY_SLABS		2		/* a cache keeps, beyond what is in use */

/* --- slabs ------------------------------------------------------------------------------ */

static struct page *slab_new(struct kmem_cache *cache, gfp_t gfp)
{
	struct page *slab;
	unsigned int i;

	gfp = (gfp & ~__GFP_ZERO) | __GFP_COMP;
	slab = kc_alloc_pages_at(gfp | __GFP_NOWARN, cache->order, KC_SITE);
	if (!slab)
		slab = kc_alloc_pages_at(gfp, cache->min_order, KC_SITE);
	if (!slab)
		return NULL;
	slab->slab_cache = cache;
	slab->private = 0;
	slab->freelist = NULL;
	__SetPageSlab(slab);
	for (i = kc_slab_objects(cache, slab); i--; ) {
		void *p = kc_slab_object(cache, slab, i);

		if (cache->ctor)
			cache->ctor(p);
#ifdef KC_DEBUG
		kc_slab_debug_new(cache, p);
#endif
		*kc_obj_link(cache, p) = slab->freelist;
		slab->freelist = p;
	}
	return slab;
}

/**
 * kc_slab_free_all() - give slabs back to the page allocator
 * @slabs: nothing in use, on no other list
 *
 * Context: any.
 */
void kc_slab_free_all(struct list_head *slabs)
{
	struct page *slab, *next;

	list_for_each_entry_safe(slab, next, slabs, lru) {
		list_del(&slab->lru);
		slab->compound_head = 0;
		__ClearPageSlab(slab);
		slab->slab_cache = NULL;
		__free_pages(slab, slab->order);
	}
}

/* Objects for the caller from the slabs there are: up to @want, chained. cache->lock held. */
static void *slab_take(struct kmem_cache *cache, unsigned int want, unsigned int *got)
{
	void *chain = NULL;

	*got = 0;
	while (*got < want && !list_empty(&cache->partial)) {
		struct page *slab = list_first_entry(&cache->partial, struct page, lru);
		void *p = slab->freelist;

		cache->nr_empty -= !slab->private;
		slab->freelist = *kc_obj_link(cache, p);
		slab->private++;
		if (!slab->freelist)
			list_move(&slab->lru, &cache->full);
		*kc_obj_link(cache, p) = chain;
		chain = p;
		(*got)++;
	}
	cache->nr_inuse += *got;
	return chain;
}

/* The same, with a new slab if need be. */
static void *slab_take_new(struct kmem_cache *cache, gfp_t gfp, unsigned int want, unsigned int *got)
{
	unsigned long flags;
	struct page *slab;
	void *chain;

	spin_lock_irqsave(&cache->lock, flags);
	chain = slab_take(cache, want, got);
	spin_unlock_irqrestore(&cache->lock, flags);
	if (likely(chain))
		return chain;
	slab = slab_new(cache, gfp);
	if (!slab)
		return NULL;
	spin_lock_irqsave(&cache->lock, flags);
	list_add(&slab->lru, &cache->partial);
	cache->nr_empty++;
	chain = slab_take(cache, want, got);
	spin_unlock_irqrestore(&cache->lock, flags);
	return chain;
}

/**
 * kc_slab_return() - give objects back to their slabs
 * @cache: theirs
 * @chain: chained through kc_obj_link(), NULL at its end
 *
 * Context: any.
 */
void kc_slab_return(struct kmem_cache *cache, void *chain)
{
	LIST_HEAD(empty);
	unsigned long flags;

	spin_lock_irqsave(&cache->lock, flags);
	while (chain) {
		void *p = chain;
		struct page *slab = virt_to_head_page(p);

		chain = *kc_obj_link(cache, p);
		VM_BUG_ON(!PageSlab(slab) || slab->slab_cache != cache);
		if (!slab->freelist)
			list_move(&slab->lru, &cache->partial);
		*kc_obj_link(cache, p) = slab->freelist;
		slab->freelist = p;
		cache->nr_inuse--;
		if (--slab->private)
			continue;
		if (cache->nr_empty < KC_EMPTY_SLABS) {
			cache->nr_empty++;
			list_move_tail(&slab->lru, &cache->partial);
		} else {
			list_move(&slab->lru, &empty);
		}
	}
	spin_unlock_irqrestore(&cache->lock, flags);
	kc_slab_free_all(&empty);
}

/* --- magazines (release) ------------------------------------------------------------------ */

#ifdef KC_DEBUG
static void *mag_refill(struct kmem_cache *cache, gfp_t gfp)
{
	unsigned int got;

	return slab_take_new(cache, gfp, 1, &got);
}
#else
/* The magazine, with its room set; NULL: this task cannot have any. */
static struct kc_obj_mag *mag_open(struct kmem_cache *cache)
{
	struct kc_obj_mag *mag;

	if (kc_task_cache == &kc_no_cache && !kc_task_cache_attach())
		return NULL;
	mag = kc_mag_of(cache);
	if (!mag->cap)
		mag->cap = mag->room = cache->mag_room;
	return mag;
}

static noinline void *mag_refill(struct kmem_cache *cache, gfp_t gfp)
{
	struct kc_obj_mag *mag = mag_open(cache);
	unsigned int got;
	void *p;

	p = slab_take_new(cache, gfp, mag ? cache->batch : 1, &got);
	if (p && mag) {
		mag->head = *kc_obj_link(cache, p);
		mag->room -= got - 1;
	}
	return p;
}

/* No room for @p: it goes back to its slab, and a batch with it. */
static noinline void mag_spill(struct kmem_cache *cache, void *p)
{
	struct kc_obj_mag *mag = mag_open(cache);
	void *chain = p, *last = p;
	unsigned int i;

	if (mag && mag->room) {
		*kc_obj_link(cache, p) = mag->head;
		mag->head = p;
		mag->room--;
		return;
	}
	for (i = 0; mag && i < cache->batch; i++) {
		*kc_obj_link(cache, last) = mag->head;
		last = mag->head;
		mag->head = *kc_obj_link(cache, last);
		mag->room++;
	}
	*kc_obj_link(cache, last) = NULL;
	kc_slab_return(cache, chain);
}
#endif

/* --- objects --------------------------------------------------------------------------------- */

static noinline bool slab_fault(gfp_t gfp)
{
	return !(gfp & __GFP_NOFAIL) && kc_fault(KC_FAULT_SLAB);
}

static __always_inline void *cache_alloc(struct kmem_cache *cache, gfp_t gfp)
{
	struct kc_obj_mag *mag = kc_mag_of(cache);
	void *p;

	if (gfp & __GFP_DIRECT_RECLAIM)
		might_sleep();
	if (unlikely(kc_fault_is_armed(KC_FAULT_SLAB)) && slab_fault(gfp))
		return NULL;
	p = mag->head;
	if (likely(p)) {
		mag->head = *kc_obj_link(cache, p);
		mag->room++;
	} else {
		p = mag_refill(cache, gfp);
		if (!p)
			return NULL;
	}
	kc_count_alloc(cache);
	return p;
}

static __always_inline void *alloc_sized(struct kmem_cache *cache, size_t size_bytes, gfp_t gfp,
					 const char *site)
{
	void *p = cache_alloc(cache, gfp);

	if (unlikely(!p))
		return NULL;
#ifdef KC_DEBUG
	kc_slab_debug_alloc(cache, p, size_bytes, site);
#endif
	if (unlikely(gfp & __GFP_ZERO))
		memset(p, 0, size_bytes);
	return p;
}

/**
 * kc_cache_alloc_at() - kmem_cache_alloc() for @site
 * @cache: the cache
 * @gfp: may it sleep, must it be zeroed
 * @site: the call, for the leak table; not used in release builds
 *
 * Context: task with __GFP_DIRECT_RECLAIM; else any. Return: the object, or NULL.
 */
void *kc_cache_alloc_at(struct kmem_cache *cache, gfp_t gfp, const char *site)
{
	return alloc_sized(cache, cache->object_size, gfp, site);
}

/**
 * kc_cache_alloc_sized() - the same of an object of which only the first @size_bytes are the caller's
 * @cache: the cache
 * @size_bytes: at most the cache's object size; check builds put the red zone right behind
 * @gfp: flags
 * @site: the call
 *
 * Return: the object, or NULL.
 */
void *kc_cache_alloc_sized(struct kmem_cache *cache, size_t size_bytes, gfp_t gfp, const char *site)
{
	return alloc_sized(cache, size_bytes, gfp, site);
}

/**
 * kc_cache_free() - kmem_cache_free() when the task's stock is full; in check builds always
 * @cache: its cache
 * @p: the object
 *
 * Context: any.
 */
void kc_cache_free(struct kmem_cache *cache, void *p)
{
	lab_probe_add(FREE_BYTES, cache->object_size);
#ifdef KC_DEBUG
	p = kc_slab_debug_free(cache, p, __builtin_return_address(0));
	if (p)
		kc_slab_return(cache, p);
#else
	mag_spill(cache, p);
#endif
}
