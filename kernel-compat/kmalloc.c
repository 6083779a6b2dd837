// SPDX-License-Identifier: GPL-2.0-only
/*
 * kmalloc.c - memory by size: a cache for each size class up to KMALLOC_MAX_CACHE_SIZE, whole pages beyond.
 *
 * Classes are the powers of two from 8, and 96 and 192. A class that is a power of two aligns to its
 * size (at most a page), as Linux promises.
 */
#include <linux/kernel.h>
#include <linux/bug.h>
#include <linux/log2.h>
#include <linux/string.h>
#include "slab-internal.h"

/* Class sizes in the order of kc_kmalloc_index(). */
static const unsigned int class_bytes[KC_KMALLOC_CLASSES] = {
	8, 16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536,
};

static const char *const class_name[KC_KMALLOC_CLASSES] = {
	"kmalloc-8", "kmalloc-16", "kmalloc-32", "kmalloc-64", "kmalloc-96", "kmalloc-128", "kmalloc-192",
	"kmalloc-256", "kmalloc-512", "kmalloc-1k", "kmalloc-2k", "kmalloc-4k", "kmalloc-8k", "kmalloc-16k",
	"kmalloc-32k", "kmalloc-64k",
};

struct kmem_cache *kc_kmalloc_caches[KC_KMALLOC_CLASSES];
static u64 large_bytes;

/**
 * kc_kmalloc_init() - make the size classes
 */
void kc_kmalloc_init(void)
{
	unsigned int i;

	BUG_ON(class_bytes[KC_KMALLOC_CLASSES - 1] != KMALLOC_MAX_CACHE_SIZE);
	for (i = 0; i < KC_KMALLOC_CLASSES; i++) {
		unsigned int align = min_t(unsigned int, class_bytes[i] & -class_bytes[i], PAGE_SIZE);

		kc_kmalloc_caches[i] = kmem_cache_create(class_name[i], class_bytes[i], align, SLAB_PANIC,
							 NULL);
	}
	__atomic_store_n(&large_bytes, 0, __ATOMIC_RELAXED);
}

/**
 * kc_kmalloc_large_bytes() - bytes in allocations beyond the largest class
 *
 * Return: their sum, in whole pages.
 */
u64 kc_kmalloc_large_bytes(void)
{
	return __atomic_load_n(&large_bytes, __ATOMIC_RELAXED);
}

static unsigned int order_of(size_t bytes)
{
	return bytes <= PAGE_SIZE ? 0 : ilog2((bytes - 1) >> PAGE_SHIFT) + 1;
}

static void *kmalloc_large(size_t size, gfp_t gfp, const char *site)
{
	unsigned int order;
	struct page *page;

	if (size > KMALLOC_MAX_SIZE)
		return NULL;
	if (!(gfp & __GFP_NOFAIL) && kc_fault(KC_FAULT_SLAB))
		return NULL;
	order = order_of(size);
	page = kc_alloc_pages_at(gfp | __GFP_COMP, order, site);
	if (!page)
		return NULL;
	lab_probe(ALLOC_OTHER);
	lab_probe_add(ALLOC_BYTES, PAGE_SIZE << order);
	__atomic_fetch_add(&large_bytes, PAGE_SIZE << order, __ATOMIC_RELAXED);
	return page_address(page);
}

/**
 * kc_kmalloc_at() - kmalloc() for @site
 * @size: bytes; 0 gives ZERO_SIZE_PTR
 * @gfp: may it sleep, must it be zeroed
 * @site: the call, for the leak table
 *
 * Context: task with __GFP_DIRECT_RECLAIM; else any.
 * Return: memory aligned to 8, and to @size if that is a power of two (at most a page); NULL: none, or
 * @size is beyond KMALLOC_MAX_SIZE.
 */
void *kc_kmalloc_at(size_t size, gfp_t gfp, const char *site)
{
	if (unlikely(!size))
		return ZERO_SIZE_PTR;
	if (unlikely(size > KMALLOC_MAX_CACHE_SIZE))
		return kmalloc_large(size, gfp, site);
	return kc_cache_alloc_sized(kc_kmalloc_caches[kc_kmalloc_index(size)], size, gfp, site);
}

/**
 * __kmalloc() - see kc_kmalloc_at()
 * @size: bytes
 * @gfp: flags
 *
 * Return: memory or NULL.
 */
void *(__kmalloc)(size_t size, gfp_t gfp)
{
	return kc_kmalloc_at(size, gfp, NULL);
}

/**
 * kc_kmemdup_at() - kmemdup() for @site
 * @src: memory
 * @len_bytes: how much of it
 * @gfp: as for kmalloc()
 * @site: the call, for the leak table
 *
 * Context: as kmalloc(). Return: a copy, to be kfree()d; NULL: no memory.
 */
void *kc_kmemdup_at(const void *src, size_t len_bytes, gfp_t gfp, const char *site)
{
	void *p = kc_kmalloc_at(len_bytes, gfp, site);

	if (p)
		memcpy(p, src, len_bytes);
	return p;
}

/**
 * kmemdup() - see kc_kmemdup_at()
 * @src: memory
 * @len_bytes: bytes
 * @gfp: flags
 *
 * Return: memory or NULL.
 */
void *(kmemdup)(const void *src, size_t len_bytes, gfp_t gfp)
{
	return kc_kmemdup_at(src, len_bytes, gfp, NULL);
}

/**
 * kfree() - give back what kmalloc() or kmem_cache_alloc() gave
 * @p: it; NULL and ZERO_SIZE_PTR are nothing
 *
 * Context: any.
 */
void kfree(const void *p)
{
	struct page *page;

	if (unlikely(ZERO_OR_NULL_PTR(p)))
		return;
	BUG_ON(!kc_ram_has(p));
	page = virt_to_head_page(p);
	if (likely(PageSlab(page))) {
		kmem_cache_free(page->slab_cache, (void *)p);
		return;
	}
	BUG_ON(!PageHead(page) || page_address(page) != p);
	lab_probe_add(FREE_BYTES, page_size(page));
	__atomic_fetch_sub(&large_bytes, page_size(page), __ATOMIC_RELAXED);
	__free_pages(page, page->order);
}

/**
 * ksize() - bytes that may be used at @p
 * @p: from kmalloc(), or NULL
 *
 * Return: what was asked for (check builds), or the size class.
 */
size_t ksize(const void *p)
{
	struct page *page;

	if (ZERO_OR_NULL_PTR(p))
		return 0;
	page = virt_to_head_page(p);
	if (!PageSlab(page))
		return page_size(page);
#ifdef KC_DEBUG
	return kc_slab_debug_size((void *)p);
#else
	return page->slab_cache->object_size;
#endif
}
