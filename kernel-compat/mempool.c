// SPDX-License-Identifier: GPL-2.0-only
/*
 * mempool.c - a reserve behind an allocator.
 *
 * Allocation asks the allocator first, without permission to sleep, so the reserve is touched only when
 * there is nothing else; then the reserve; then the allocator once more with the caller's own flags;
 * and at last, if the caller may sleep, waits for somebody to free an element. Freed elements refill
 * the reserve before they go back to the allocator, so whoever waits is served by the next free.
 * Semantics of mm/mempool.c.
 *
 * Linux also wakes up every five seconds, in case memory came free by another way. Nothing reclaims
 * here, so that would hide a missing free: a wait that no free ends is reported as the deadlock it is.
 */
#include <linux/kernel.h>
#include <linux/bug.h>
#include <linux/errno.h>
#include <linux/mempool.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>

/**
 * mempool_init() - fill a reserve
 * @pool: the pool, uninitialised
 * @min_nr: elements, >= 1
 * @alloc_fn: the allocator; must not sleep without __GFP_DIRECT_RECLAIM
 * @free_fn: its opposite
 * @pool_data: for both
 *
 * Context: task, may sleep. Return: 0 or -ENOMEM.
 */
int mempool_init(mempool_t *pool, int min_nr, mempool_alloc_t *alloc_fn, mempool_free_t *free_fn,
		 void *pool_data)
{
	BUG_ON(min_nr < 1);
	*pool = (mempool_t){ .min_nr = min_nr, .pool_data = pool_data, .alloc = alloc_fn, .free = free_fn };
	if (alloc_fn == mempool_alloc_slab && free_fn == mempool_free_slab)
		pool->kc_cache = pool_data;
	spin_lock_init(&pool->lock);
	init_waitqueue_head(&pool->wait);
	pool->elements = kmalloc_array(min_nr, sizeof(void *), GFP_KERNEL);
	if (!pool->elements)
		return -ENOMEM;
	while (pool->curr_nr < min_nr) {
		void *element = alloc_fn(GFP_KERNEL, pool_data);

		if (!element) {
			mempool_exit(pool);
			return -ENOMEM;
		}
		pool->elements[pool->curr_nr++] = element;
	}
	return 0;
}

/**
 * mempool_exit() - empty a reserve
 * @pool: every element is back; one that was never initialised, but zeroed, is fine
 */
void mempool_exit(mempool_t *pool)
{
	while (pool->curr_nr)
		pool->free(pool->elements[--pool->curr_nr], pool->pool_data);
	kfree(pool->elements);
	pool->elements = NULL;
}

/**
 * mempool_create() - mempool_init() of an allocated pool
 * @min_nr: elements
 * @alloc_fn: the allocator
 * @free_fn: its opposite
 * @pool_data: for both
 *
 * Context: task, may sleep. Return: the pool or NULL.
 */
mempool_t *mempool_create(int min_nr, mempool_alloc_t *alloc_fn, mempool_free_t *free_fn, void *pool_data)
{
	mempool_t *pool = kzalloc(sizeof(*pool), GFP_KERNEL);

	if (pool && mempool_init(pool, min_nr, alloc_fn, free_fn, pool_data)) {
		kfree(pool);
		pool = NULL;
	}
	return pool;
}

/**
 * mempool_destroy() - mempool_exit() and free
 * @pool: from mempool_create(), or NULL
 */
void mempool_destroy(mempool_t *pool)
{
	if (!pool)
		return;
	mempool_exit(pool);
	kfree(pool);
}

static void *reserve_take(mempool_t *pool)
{
	unsigned long flags;
	void *element = NULL;

	spin_lock_irqsave(&pool->lock, flags);
	if (pool->curr_nr) {
		WRITE_ONCE(pool->curr_nr, pool->curr_nr - 1);
		element = pool->elements[pool->curr_nr];
	}
	spin_unlock_irqrestore(&pool->lock, flags);
	return element;
}

/* The same, or asleep until one came back; NULL then, for another round. */
static void *reserve_take_or_wait(mempool_t *pool)
{
	DEFINE_WAIT(wait);
	void *element;

	/* On the queue before the look at the reserve, so that no free is missed between the two. */
	prepare_to_wait(&pool->wait, &wait, TASK_UNINTERRUPTIBLE);
	element = reserve_take(pool);
	if (!element)
		io_schedule();
	finish_wait(&pool->wait, &wait);
	return element;
}

/**
 * kc_mempool_reserve() - mempool_alloc() when the allocator has refused
 * @pool: the pool
 * @gfp: the caller's
 *
 * Context: as @gfp says. Return: an element; NULL without __GFP_DIRECT_RECLAIM only.
 */
void *kc_mempool_reserve(mempool_t *pool, gfp_t gfp)
{
	void *element = reserve_take(pool);

	if (element || !(gfp & __GFP_DIRECT_RECLAIM))
		return element;
	might_sleep();
	for (;;) {
		element = pool->alloc(gfp | __GFP_NOMEMALLOC | __GFP_NORETRY | __GFP_NOWARN, pool->pool_data);
		if (element)
			return element;
		element = reserve_take_or_wait(pool);
		if (element)
			return element;
	}
}

/**
 * kc_mempool_alloc() - mempool_alloc() by way of the pool's allocator
 * @pool: the pool
 * @gfp: __GFP_DIRECT_RECLAIM: never fails, may sleep; else may be NULL. No __GFP_ZERO: reserve elements
 *	are as they were freed
 *
 * Context: as @gfp says. Return: the element.
 */
void *kc_mempool_alloc(mempool_t *pool, gfp_t gfp)
{
	void *element;

	VM_WARN_ON(gfp & __GFP_ZERO);
	if (gfp & __GFP_DIRECT_RECLAIM)
		might_sleep();
	element = pool->alloc(kc_mempool_first_gfp(gfp), pool->pool_data);
	return likely(element) ? element : kc_mempool_reserve(pool, gfp);
}

/**
 * kc_mempool_free() - mempool_free() by way of reserve and allocator
 * @element: the element, or NULL
 * @pool: its pool
 *
 * Context: any.
 */
void kc_mempool_free(void *element, mempool_t *pool)
{
	unsigned long flags;

	if (unlikely(!element))
		return;
	if (unlikely(READ_ONCE(pool->curr_nr) < pool->min_nr)) {
		spin_lock_irqsave(&pool->lock, flags);
		if (likely(pool->curr_nr < pool->min_nr)) {
			pool->elements[pool->curr_nr] = element;
			WRITE_ONCE(pool->curr_nr, pool->curr_nr + 1);
			spin_unlock_irqrestore(&pool->lock, flags);
			wake_up(&pool->wait);
			return;
		}
		spin_unlock_irqrestore(&pool->lock, flags);
	}
	pool->free(element, pool->pool_data);
}

/** mempool_alloc_slab() - allocator of a pool of cache objects; @pool_data is the cache */
void *mempool_alloc_slab(gfp_t gfp, void *pool_data)
{
	return kmem_cache_alloc(pool_data, gfp);
}

/** mempool_free_slab() - its opposite */
void mempool_free_slab(void *element, void *pool_data)
{
	kmem_cache_free(pool_data, element);
}

/** mempool_kmalloc() - allocator of a pool of kmalloc memory; @pool_data is the size */
void *mempool_kmalloc(gfp_t gfp, void *pool_data)
{
	return kmalloc((size_t)pool_data, gfp);
}

/** mempool_kfree() - its opposite */
void mempool_kfree(void *element, void *pool_data)
{
	kfree(element);
}

/** mempool_alloc_pages() - allocator of a pool of pages; @pool_data is the order */
void *mempool_alloc_pages(gfp_t gfp, void *pool_data)
{
	return alloc_pages(gfp, (unsigned int)(unsigned long)pool_data);
}

/** mempool_free_pages() - its opposite */
void mempool_free_pages(void *element, void *pool_data)
{
	__free_pages(element, (unsigned int)(unsigned long)pool_data);
}
