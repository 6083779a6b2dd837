/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mm.h - pages: arithmetic, references, pins.
 */
#ifndef _LINUX_MM_H
#define _LINUX_MM_H

#include <linux/types.h>
#include <linux/bug.h>
#include <linux/kernel.h>
#include <linux/gfp.h>
#include <linux/mm_types.h>
#include <linux/page-flags.h>
#include <kc/ram.h>
#include <kc/probe.h>

#define PAGE_ALIGN(addr)	(((unsigned long)(addr) + PAGE_SIZE - 1) & PAGE_MASK)
#define PAGE_ALIGNED(addr)	(((unsigned long)(addr) & ~PAGE_MASK) == 0)
#define offset_in_page(p)	((unsigned long)(p) & ~PAGE_MASK)
#define PFN_UP(x)		(((unsigned long)(x) + PAGE_SIZE - 1) >> PAGE_SHIFT)
#define PFN_DOWN(x)		((unsigned long)(x) >> PAGE_SHIFT)

static inline unsigned long page_to_pfn(const struct page *page)
{
	return page - kc_mem_map;
}

static inline struct page *pfn_to_page(unsigned long pfn)
{
	return kc_mem_map + pfn;
}

static inline bool pfn_valid(unsigned long pfn)
{
	return pfn < kc_nr_frames;
}

static inline void *page_address(const struct page *page)
{
	return kc_ram_base + (page_to_pfn(page) << PAGE_SHIFT);
}
#define page_to_virt(page)	page_address(page)
/* "Physical" addresses are offsets into RAM. */
#define page_to_phys(page)	((phys_addr_t)page_to_pfn(page) << PAGE_SHIFT)

static inline bool virt_addr_valid(const void *p)
{
	return (unsigned long)p - (unsigned long)kc_ram_base < kc_nr_frames << PAGE_SHIFT;
}

/* Only for addresses of the linear map: slab and page memory, never a stack or a static variable. */
static inline struct page *virt_to_page(const void *p)
{
	VM_BUG_ON(!virt_addr_valid(p));
	return pfn_to_page(((unsigned long)p - (unsigned long)kc_ram_base) >> PAGE_SHIFT);
}

static inline struct page *virt_to_head_page(const void *p)
{
	return compound_head(virt_to_page(p));
}

static inline unsigned int compound_order(const struct page *page)
{
	return PageHead(page) ? page->order : 0;
}

static inline unsigned long page_size(const struct page *page)
{
	return PAGE_SIZE << compound_order(page);
}

static inline size_t folio_size(const struct folio *folio)
{
	return page_size(&folio->page);
}
#define offset_in_folio(folio, p)	((unsigned long)(p) & (folio_size(folio) - 1))

/* Frame 0, all zeros; written by nobody (kc_ram_audit() looks). */
#define ZERO_PAGE(vaddr)	((void)(vaddr), pfn_to_page(0))

static inline int page_count(const struct page *page)
{
	return (int)(u32)atomic64_read(&compound_head(page)->_refpin);
}

static inline int kc_page_pins(const struct page *page)
{
	return (int)(atomic64_read(&compound_head(page)->_refpin) >> 32);
}

/* Exact here; Linux says "maybe". */
static inline bool page_maybe_dma_pinned(const struct page *page)
{
	return kc_page_pins(page) > 0;
}

/* The last reference is gone (page_alloc.c). */
void __put_page(struct page *page);

static inline void get_page(struct page *page)
{
	page = compound_head(page);
	VM_BUG_ON(page_count(page) <= 0);
	lab_probe(PAGE_REF);
	atomic64_add(KC_REF_ONE, &page->_refpin);
}

static inline void put_page(struct page *page)
{
	page = compound_head(page);
	VM_BUG_ON(page_count(page) <= 0);
	lab_probe(PAGE_REF);
	if ((u32)atomic64_sub_return(KC_REF_ONE, &page->_refpin) == 0)
		__put_page(page);
}

void split_page(struct page *page, unsigned int order);

/* The page, held by the caller, has newer contents than what lies behind it. Was it clean? Context: any. */
static inline bool set_page_dirty(struct page *page)
{
	if (PageDirty(page))
		return false;
	SetPageDirty(page);
	return true;
}

/*
 * The same for a page that could lose its mapping meanwhile. Linux takes the page lock around it, which
 * sleeps; user memory here has no mapping to lose, so there is no lock, but the rule for callers holds: task
 * context, not in an IO completion.
 */
static inline int set_page_dirty_lock(struct page *page)
{
	might_sleep();
	return set_page_dirty(page);
}

#define FOLL_WRITE	0x01
#define FOLL_TOUCH	0x02
#define FOLL_GET	0x04
#define FOLL_FORCE	0x10
#define FOLL_NOFAULT	0x80
#define FOLL_LONGTERM	0x10000
#define FOLL_PIN	0x40000
#define FOLL_FAST_ONLY	0x80000

int pin_user_pages_fast(unsigned long start, int nr_pages, unsigned int gup_flags, struct page **pages);
int kc_pin_user_pages_at(unsigned long start, int nr_pages, unsigned int gup_flags, struct page **pages,
			 const char *site);
#ifdef KC_DEBUG
#define pin_user_pages_fast(start, nr, flags, pages)	kc_pin_user_pages_at(start, nr, flags, pages, KC_SITE)
#endif
/* The same with references in place of pins, to be given back with put_page(). */
int get_user_pages_fast(unsigned long start, int nr_pages, unsigned int gup_flags, struct page **pages);

static inline void kc_unpin(struct page *page)
{
	VM_BUG_ON(!kc_page_pins(page));
	if (unlikely((u32)atomic64_sub_return(KC_PIN_ONE, &page->_refpin) == 0))
		__put_page(page);
}

/* Give one pin back. Context: any. */
static inline void unpin_user_page(struct page *page)
{
	lab_probe(UNPIN_PAGES);
	kc_unpin(page);
}

void unpin_user_pages(struct page **pages, unsigned long npages);
void unpin_user_pages_dirty_lock(struct page **pages, unsigned long npages, bool make_dirty);
void unpin_user_page_range_dirty_lock(struct page *page, unsigned long npages, bool make_dirty);

#endif
