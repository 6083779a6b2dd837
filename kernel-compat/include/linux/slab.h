/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * slab.h - kmalloc and object caches.
 */
#ifndef _LINUX_SLAB_H
#define _LINUX_SLAB_H

#include <linux/types.h>
#include <linux/gfp.h>
#include <linux/slub_def.h>

#define SLAB_HWCACHE_ALIGN	0x00002000u
#define SLAB_PANIC		0x00040000u	/* creation cannot fail quietly: it stops the process */
#define SLAB_RECLAIM_ACCOUNT	0x00020000u	/* accepted, no meaning without reclaim */
#define SLAB_MEM_SPREAD		0x00100000u	/* accepted, no meaning without NUMA */

#define ARCH_KMALLOC_MINALIGN	8
#define KMALLOC_MAX_CACHE_SIZE	(64UL << 10)	/* beyond: whole pages */
#define KMALLOC_MAX_SIZE	(PAGE_SIZE << (MAX_ORDER - 1))

#define ZERO_SIZE_PTR		((void *)16)
#define ZERO_OR_NULL_PTR(x)	((unsigned long)(x) <= (unsigned long)ZERO_SIZE_PTR)

struct kmem_cache *kmem_cache_create(const char *name, unsigned int size, unsigned int align,
				     unsigned int flags, void (*ctor)(void *));
void kmem_cache_destroy(struct kmem_cache *cache);
unsigned int kmem_cache_size(struct kmem_cache *cache);
/* Count its allocations under @id (LAB_ALLOC_BIO …) rather than LAB_ALLOC_OTHER. Before first use. */
void kmem_cache_set_probe(struct kmem_cache *cache, enum lab_probe_id id);

void *kc_cache_alloc_at(struct kmem_cache *cache, gfp_t gfp, const char *site);
void kc_cache_free(struct kmem_cache *cache, void *p);

/*
 * kmem_cache_alloc - an object. @gfp: may it sleep (__GFP_DIRECT_RECLAIM), must it be zeroed. NULL: no
 * memory, or a fault was ordered. Context: as @gfp says.
 * kmem_cache_free - give it back. Context: any. Check builds stop on what is not a live object of this cache
 * or has damaged red zones.
 */
#ifdef KC_DEBUG
#define kmem_cache_alloc(cache, gfp)	kc_cache_alloc_at(cache, gfp, KC_SITE)
#define kmem_cache_free(cache, p)	kc_cache_free(cache, p)
#else
static __always_inline void *kmem_cache_alloc(struct kmem_cache *cache, gfp_t gfp)
{
	void *p = gfp & __GFP_ZERO ? NULL : kc_mag_pop(cache);

	return likely(p) ? p : kc_cache_alloc_at(cache, gfp, NULL);
}

static __always_inline void kmem_cache_free(struct kmem_cache *cache, void *p)
{
	if (unlikely(!kc_mag_push(cache, p)))
		kc_cache_free(cache, p);
}
#endif
void *__kmalloc(size_t size, gfp_t gfp);
void kfree(const void *p);
size_t ksize(const void *p);		/* bytes usable; check builds: exactly what was asked for */

/* Objects handed out and not freed. Exact while no other task allocates. */
unsigned long kc_cache_live(struct kmem_cache *cache);
/* Slab bytes handed out and not freed, all caches, large kmallocs included; as above. */
u64 kc_slab_live_bytes(void);

void *kc_kmalloc_at(size_t size, gfp_t gfp, const char *site);

#define KC_KMALLOC_CLASSES	16
extern struct kmem_cache *kc_kmalloc_caches[KC_KMALLOC_CLASSES];

/* Class of a size from 1 to KMALLOC_MAX_CACHE_SIZE: 8 16 32 64 96 128 192 256 512 … */
static __always_inline unsigned int kc_kmalloc_index(size_t size)
{
	if (size <= 64)
		return size <= 8 ? 0 : 64 - __builtin_clzl(size - 1) - 3;
	if (size <= 128)
		return size <= 96 ? 4 : 5;
	if (size <= 256)
		return size <= 192 ? 6 : 7;
	return 64 - __builtin_clzl(size - 1) - 1;
}

#ifdef KC_DEBUG
#define __kmalloc(size, gfp)		kc_kmalloc_at(size, gfp, KC_SITE)
#endif

/* n * size, or a size that no allocation satisfies. */
static inline size_t kc_array_bytes(size_t n, size_t size)
{
	size_t bytes;

	return __builtin_mul_overflow(n, size, &bytes) ? (size_t)-1 : bytes;
}

/* A size known to the compiler needs no look-up of its class. */
static __always_inline void *kc_kmalloc(size_t size, gfp_t gfp, const char *site)
{
#ifndef KC_DEBUG
	if (__builtin_constant_p(size) && size && size <= KMALLOC_MAX_CACHE_SIZE)
		return kmem_cache_alloc(kc_kmalloc_caches[kc_kmalloc_index(size)], gfp);
#endif
	return kc_kmalloc_at(size, gfp, site);
}

#define kmalloc(size, gfp)		kc_kmalloc(size, gfp, KC_SITE)
#define kzalloc(size, gfp)		kmalloc(size, (gfp) | __GFP_ZERO)
#define kmem_cache_zalloc(cache, gfp)	kmem_cache_alloc(cache, (gfp) | __GFP_ZERO)
#define kmalloc_array(n, size, gfp)	kmalloc(kc_array_bytes(n, size), gfp)
#define kcalloc(n, size, gfp)		kmalloc(kc_array_bytes(n, size), (gfp) | __GFP_ZERO)
/* No vmalloc: what is beyond KMALLOC_MAX_SIZE cannot be had. */
#define kvmalloc(size, gfp)		kmalloc(size, gfp)
#define kvmalloc_array(n, size, gfp)	kmalloc_array(n, size, gfp)
#define kvfree(p)			kfree(p)
#define KMEM_CACHE(type, flags)		\
	kmem_cache_create(#type, sizeof(struct type), __alignof__(struct type), (flags), NULL)

#endif
