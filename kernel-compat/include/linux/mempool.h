/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mempool.h - a reserve of elements that lets IO go on when the allocator cannot.
 */
#ifndef _LINUX_MEMPOOL_H
#define _LINUX_MEMPOOL_H

#include <linux/types.h>
#include <linux/gfp.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

typedef void *(mempool_alloc_t)(gfp_t gfp, void *pool_data);
typedef void (mempool_free_t)(void *element, void *pool_data);

typedef struct mempool_s {
	struct kmem_cache *kc_cache;	/* of a pool of slab objects, else NULL: spares the indirect calls */
	int min_nr;			/* elements of the reserve */
	int curr_nr;			/* of them, here now */
	spinlock_t lock;
	void **elements;
	void *pool_data;
	mempool_alloc_t *alloc;
	mempool_free_t *free;
	wait_queue_head_t wait;
} mempool_t;

static inline bool mempool_initialized(mempool_t *pool)
{
	return pool->elements != NULL;
}

int mempool_init(mempool_t *pool, int min_nr, mempool_alloc_t *alloc_fn, mempool_free_t *free_fn,
		 void *pool_data);
void mempool_exit(mempool_t *pool);
mempool_t *mempool_create(int min_nr, mempool_alloc_t *alloc_fn, mempool_free_t *free_fn, void *pool_data);
void mempool_destroy(mempool_t *pool);

void *kc_mempool_alloc(mempool_t *pool, gfp_t gfp);
void *kc_mempool_reserve(mempool_t *pool, gfp_t gfp);
void kc_mempool_free(void *element, mempool_t *pool);

/* The allocator is asked first, and then without permission to sleep or to do IO. */
static inline gfp_t kc_mempool_first_gfp(gfp_t gfp)
{
	return (gfp | __GFP_NOMEMALLOC | __GFP_NORETRY | __GFP_NOWARN) & ~(__GFP_DIRECT_RECLAIM | __GFP_IO);
}

/*
 * Never NULL with __GFP_DIRECT_RECLAIM: waits for an element to come back; else may be NULL. No __GFP_ZERO.
 */
static inline void *mempool_alloc(mempool_t *pool, gfp_t gfp)
{
#ifndef KC_DEBUG
	if (likely(pool->kc_cache)) {
		void *element = kmem_cache_alloc(pool->kc_cache, kc_mempool_first_gfp(gfp));

		return likely(element) ? element : kc_mempool_reserve(pool, gfp);
	}
#endif
	return kc_mempool_alloc(pool, gfp);
}

/*
 * Context: any. The element may come from the reserve; whoever took it decremented curr_nr before the
 * element reached us, so a look without the lock sees that. A stale look the other way costs the lock only.
 */
static inline void mempool_free(void *element, mempool_t *pool)
{
	if (likely(pool->kc_cache && element && READ_ONCE(pool->curr_nr) >= pool->min_nr))
		kmem_cache_free(pool->kc_cache, element);
	else
		kc_mempool_free(element, pool);
}

void *mempool_alloc_slab(gfp_t gfp, void *pool_data);		/* pool_data: the kmem_cache */
void mempool_free_slab(void *element, void *pool_data);
void *mempool_kmalloc(gfp_t gfp, void *pool_data);		/* pool_data: (void *)size */
void mempool_kfree(void *element, void *pool_data);
void *mempool_alloc_pages(gfp_t gfp, void *pool_data);		/* pool_data: (void *)order */
void mempool_free_pages(void *element, void *pool_data);

static inline int mempool_init_slab_pool(mempool_t *pool, int min_nr, struct kmem_cache *cache)
{
	return mempool_init(pool, min_nr, mempool_alloc_slab, mempool_free_slab, cache);
}

static inline int mempool_init_kmalloc_pool(mempool_t *pool, int min_nr, size_t size)
{
	return mempool_init(pool, min_nr, mempool_kmalloc, mempool_kfree, (void *)size);
}

static inline int mempool_init_page_pool(mempool_t *pool, int min_nr, int order)
{
	return mempool_init(pool, min_nr, mempool_alloc_pages, mempool_free_pages, (void *)(long)order);
}

static inline mempool_t *mempool_create_slab_pool(int min_nr, struct kmem_cache *cache)
{
	return mempool_create(min_nr, mempool_alloc_slab, mempool_free_slab, cache);
}

static inline mempool_t *mempool_create_kmalloc_pool(int min_nr, size_t size)
{
	return mempool_create(min_nr, mempool_kmalloc, mempool_kfree, (void *)size);
}

#endif
