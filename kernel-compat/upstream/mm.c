// SPDX-License-Identifier: GPL-2.0-only
/*
 * mm.c - the kernel's pages: a mem_map over the laboratory's arena, and what happens to the counts in it.
 *
 * mem_map has one struct page a frame of the arena, and uml_physmem is the arena's address; every conversion between
 * page, frame number and address is then the kernel's own arithmetic. Pages are allocated by the laboratory, which
 * knows what is free. A frame's count here begins at 1, for whoever the laboratory gave it to.
 *
 * A page of user memory is pinned in the laboratory and referenced here, at the same time (user.c). When the kernel
 * drops that reference the pin must go too: so every change of a count is looked at, at the kernel's own
 * tracepoints for it (CONFIG_DEBUG_PAGE_REF). Of a page with n pins, the last n references are the pins'; all other
 * changes are counted, as page references beyond pins.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/page_ref.h>
#include <linux/pagemap.h>
#include <linux/pagevec.h>
#include <linux/tracepoint-defs.h>
#include "k.h"
#include "alloc.h"

struct page *mem_map;
unsigned long uml_physmem;
unsigned long task_size = HOST_USER_BASE + HOST_USER_BYTES;
unsigned long *empty_zero_page;
unsigned long max_mapnr, high_physmem;

static unsigned int *pins;		/* of each frame, through the kernel */
static unsigned long nr_pinned;
static long pages_out;			/* allocated and not freed */

struct tracepoint __tracepoint_page_ref_set, __tracepoint_page_ref_mod, __tracepoint_page_ref_mod_and_test,
		  __tracepoint_page_ref_mod_and_return, __tracepoint_page_ref_mod_unless,
		  __tracepoint_page_ref_freeze, __tracepoint_page_ref_unfreeze;

int up_mm_init(const struct up_ram *ram)
{
	unsigned long i;

	mem_map = host_alloc(ram->frames * sizeof(*mem_map));
	pins = host_alloc(ram->frames * sizeof(*pins));
	if (!mem_map || !pins)
		return -ENOMEM;
	uml_physmem = (unsigned long)ram->base;
	max_mapnr = ram->frames;
	high_physmem = uml_physmem + (ram->frames << PAGE_SHIFT);
	empty_zero_page = (unsigned long *)ram->base;
	for (i = 0; i < ram->frames; i++) {
		atomic_set(&mem_map[i]._refcount, 1);
		atomic_set(&mem_map[i]._mapcount, -1);
	}
	static_key_enable(&__tracepoint_page_ref_mod.key);
	static_key_enable(&__tracepoint_page_ref_mod_and_test.key);
	static_key_enable(&__tracepoint_page_ref_mod_and_return.key);
	static_key_enable(&__tracepoint_page_ref_mod_unless.key);
	return 0;
}

/* Return: things left behind. */
int up_mm_exit(void)
{
	char line[96];
	int bad = 0;

	if (pages_out) {
		snprintf(line, sizeof(line), "upstream: %ld pages were not freed", pages_out);
		upl_print(line);
		bad++;
	}
	if (nr_pinned) {
		snprintf(line, sizeof(line), "upstream: %lu pins of user pages were not dropped", nr_pinned);
		upl_print(line);
		bad++;
	}
	host_free(pins);
	host_free(mem_map);
	return bad;
}

/* ---- references ------------------------------------------------------------------------------------------ */

/* The laboratory has pinned @page; the kernel's reference for it has not yet been taken. */
void up_pin_note(struct page *page)
{
	pins[page_to_pfn(page)]++;
	nr_pinned++;
	atomic_inc(&page->_refcount);		/* the pin's: not counted again */
}

/* @page's count went down by @nr, to what it is now. */
static void ref_dropped(struct page *page, int nr)
{
	unsigned long pfn = page_to_pfn(page);

	while (nr && pins[pfn] && page_ref_count(page) - 1 < (int)pins[pfn]) {
		pins[pfn]--;
		nr_pinned--;
		nr--;
		upl_unpin(pfn);
	}
	if (nr)
		upl_count(UP_N_PAGE_REF, nr);
}

void __page_ref_mod(struct page *page, int v)
{
	if (v < 0)
		ref_dropped(page, -v);
	else
		upl_count(UP_N_PAGE_REF, v);
}

void __page_ref_mod_and_test(struct page *page, int v, int ret)
{
	__page_ref_mod(page, v);
}

void __page_ref_mod_and_return(struct page *page, int v, int ret)
{
	__page_ref_mod(page, v);
}

void __page_ref_mod_unless(struct page *page, int v, int u)
{
	__page_ref_mod(page, v);
}

/* ---- pages --------------------------------------------------------------------------------------------------- */

struct page *__alloc_pages(gfp_t gfp, unsigned int order, int preferred_nid, nodemask_t *nodemask)
{
	void *p = upl_pages(order);
	struct page *page;

	if (!p)
		return NULL;
	page = virt_to_page(p);
	atomic_set(&page->_refcount, 1);
	page->flags = 0;
	if (gfp & __GFP_ZERO)
		memset(p, 0, PAGE_SIZE << order);
	if ((gfp & __GFP_COMP) && order)
		up_bug("compound pages are not made here");
	pages_out += 1 << order;
	return page;
}

unsigned long __get_free_pages(gfp_t gfp, unsigned int order)
{
	struct page *page = __alloc_pages(gfp, order, 0, NULL);

	return page ? (unsigned long)page_address(page) : 0;
}

unsigned long get_zeroed_page(gfp_t gfp)
{
	return __get_free_pages(gfp | __GFP_ZERO, 0);
}

static void pages_give(struct page *page, unsigned int order)
{
	pages_out -= 1 << order;
	page->flags = 0;
	atomic_set(&page->_refcount, 1);	/* the laboratory's again */
	upl_pages_free(page_address(page), order);
}

void __free_pages(struct page *page, unsigned int order)
{
	if (atomic_dec_and_test(&page->_refcount))
		pages_give(page, order);
}

void free_pages(unsigned long addr, unsigned int order)
{
	if (addr)
		__free_pages(virt_to_page((void *)addr), order);
}

/* The last reference: of a page allocated here, since the laboratory keeps one of every other. */
void __folio_put(struct folio *folio)
{
	pages_give(&folio->page, 0);
}

bool set_page_dirty(struct page *page)
{
	SetPageDirty(page);
	upl_set_dirty(page_to_pfn(page));
	return true;
}

bool folio_mark_dirty(struct folio *folio)
{
	return set_page_dirty(&folio->page);
}

/* User memory has no mapping that could go away meanwhile: no page lock is needed. */
int set_page_dirty_lock(struct page *page)
{
	return set_page_dirty(page);
}
