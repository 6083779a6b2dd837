/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gfp.h - allocation flags and the page allocator's calls.
 *
 * There is no reclaim here: RAM is an arena of fixed size, and what is used up stays used up until
 * somebody frees. So the flags mean: may the caller sleep (__GFP_DIRECT_RECLAIM: checked against the
 * context in check builds, and what makes a mempool wait), must it be zeroed, may it fail. __GFP_IO and
 * __GFP_FS are carried so that a design's GFP_NOIO is visible; nothing here would start IO.
 */
#ifndef _LINUX_GFP_H
#define _LINUX_GFP_H

#include <linux/types.h>
#include <linux/compiler.h>
#include <asm/page.h>

struct page;

#define __GFP_HIGH		((__force gfp_t)0x20u)
#define __GFP_IO		((__force gfp_t)0x40u)
#define __GFP_FS		((__force gfp_t)0x80u)
#define __GFP_ZERO		((__force gfp_t)0x100u)
#define __GFP_ATOMIC		((__force gfp_t)0x200u)
#define __GFP_DIRECT_RECLAIM	((__force gfp_t)0x400u)
#define __GFP_KSWAPD_RECLAIM	((__force gfp_t)0x800u)
#define __GFP_NOWARN		((__force gfp_t)0x2000u)
#define __GFP_RETRY_MAYFAIL	((__force gfp_t)0x4000u)
#define __GFP_NOFAIL		((__force gfp_t)0x8000u)	/* an empty arena stops the process */
#define __GFP_NORETRY		((__force gfp_t)0x10000u)
#define __GFP_COMP		((__force gfp_t)0x40000u)
#define __GFP_NOMEMALLOC	((__force gfp_t)0x80000u)

#define __GFP_RECLAIM		(__GFP_DIRECT_RECLAIM | __GFP_KSWAPD_RECLAIM)
#define GFP_ATOMIC		(__GFP_HIGH | __GFP_ATOMIC | __GFP_KSWAPD_RECLAIM)
#define GFP_KERNEL		(__GFP_RECLAIM | __GFP_IO | __GFP_FS)
#define GFP_NOWAIT		(__GFP_KSWAPD_RECLAIM)
#define GFP_NOIO		(__GFP_RECLAIM)
#define GFP_NOFS		(__GFP_RECLAIM | __GFP_IO)
#define GFP_USER		GFP_KERNEL

#define MAX_ORDER		11	/* orders 0 … 10: up to 4 MiB in one block */

static inline bool gfpflags_allow_blocking(gfp_t gfp)
{
	return (gfp & __GFP_DIRECT_RECLAIM) != 0;
}

/*
 * Check builds pass the place of the call (KC_SITE) for the leak table, which is why the allocating
 * calls are macros there (as in kernels with memory allocation profiling).
 */
struct page *alloc_pages(gfp_t gfp, unsigned int order);
struct page *kc_alloc_pages_at(gfp_t gfp, unsigned int order, const char *site);
unsigned long kc_get_free_pages_at(gfp_t gfp, unsigned int order, const char *site);
void __free_pages(struct page *page, unsigned int order);
void free_pages(unsigned long addr, unsigned int order);

#ifdef KC_DEBUG
#define alloc_pages(gfp, order)		kc_alloc_pages_at(gfp, order, KC_SITE)
#define __get_free_pages(gfp, order)	kc_get_free_pages_at(gfp, order, KC_SITE)
#else
#define __get_free_pages(gfp, order)	kc_get_free_pages_at(gfp, order, NULL)
#endif
#define alloc_page(gfp)			alloc_pages(gfp, 0)
#define __get_free_page(gfp)		__get_free_pages(gfp, 0)
#define get_zeroed_page(gfp)		__get_free_pages((gfp) | __GFP_ZERO, 0)
#define __free_page(page)		__free_pages(page, 0)
#define free_page(addr)			free_pages(addr, 0)

/*
 * kc_alloc_contig - @nr_pages frames in a row, each an order-0 page of its own (as after split_page()).
 * NULL: no such run is free. Freed page by page. Set-up only: it searches. May sleep.
 */
struct page *kc_alloc_contig(unsigned long nr_pages, gfp_t gfp, const char *site);

#endif
