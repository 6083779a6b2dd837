/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * slab-internal.h - between slab.c (objects and slabs), slab-cache.c (caches), kmalloc.c and
 * slab-debug.c (what check builds add).
 */
#ifndef _KC_SLAB_INTERNAL_H
#define _KC_SLAB_INTERNAL_H

#include <linux/list.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include "mm-internal.h"

#define KC_RED_ZONE	16	/* bytes before an object, and at least as many after it (check builds) */

extern struct kmem_cache kc_caches[KC_MAX_CACHES];

static inline unsigned int kc_slab_objects(const struct kmem_cache *cache, const struct page *slab)
{
	return (PAGE_SIZE << slab->order) / cache->stride;
}

static inline void *kc_slab_object(const struct kmem_cache *cache, const struct page *slab, unsigned int i)
{
	return (char *)page_address(slab) + (size_t)i * cache->stride + cache->obj_off;
}

/* Return objects, chained through kc_obj_link(), to their slabs. */
void kc_slab_return(struct kmem_cache *cache, void *chain);
void kc_slab_free_all(struct list_head *slabs);
void kc_kmalloc_init(void);
u64 kc_kmalloc_large_bytes(void);

#ifdef KC_DEBUG
/* Room for a header and red zones; sets obj_off, stride and link_off. */
void kc_slab_debug_layout(struct kmem_cache *cache);
void kc_slab_debug_new(struct kmem_cache *cache, void *p);
void kc_slab_debug_alloc(struct kmem_cache *cache, void *p, size_t size_bytes, const char *site);
/* Checks, and takes the object into quarantine; returns the one that leaves it, or NULL. */
void *kc_slab_debug_free(struct kmem_cache *cache, void *p, const void *caller);
/* Check and release everything in quarantine. */
void *kc_slab_debug_empty(struct kmem_cache *cache);
void kc_slab_debug_audit(struct kmem_cache *cache);
size_t kc_slab_debug_size(void *p);
#endif

#endif
