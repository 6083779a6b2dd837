// SPDX-License-Identifier: GPL-2.0-only
/*
 * kunit-mem.c - memory that the tests ask for and the design does not: pages in bulk, and areas that map them.
 *
 * An area is really mapped: the frames appear a second time, in the window that user memory has elsewhere, in the
 * order of the array and with a page without access behind the last. So an iterator that goes from one page to the next
 * goes where the area says, and one that runs over its end stops.
 *
 * vunmap() does what Linux's does: it takes the mapping away and leaves the pages, also those that VM_MAP_PUT_PAGES
 * gave to the area (vfree() would free them). Such pages are freed at the end of the case, and counted.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/vmalloc.h>
#include "../k.h"
#include "../alloc.h"
#include "kunit-bridge.h"
#include "kunit-mem.h"

#define MAX_AREAS	8		/* mapped at once */
#define MAX_AREA_PAGES	256
#define MAX_PAGES	1024		/* that one case allocates in bulk */

struct area {
	unsigned long addr;
	unsigned int nr;
	struct page *pages[MAX_AREA_PAGES];
};

static struct area areas[MAX_AREAS];
static struct page *bulk[MAX_PAGES];	/* each with PG_checked until it is freed */
static unsigned int nr_bulk;

unsigned long alloc_pages_bulk_noprof(gfp_t gfp, int preferred_nid, nodemask_t *nodemask, int nr_pages,
				      struct list_head *page_list, struct page **page_array)
{
	int i;

	if (page_list)
		up_bug("alloc_pages_bulk: lists are not made here");
	for (i = 0; i < nr_pages; i++) {
		if (page_array[i])
			continue;
		page_array[i] = nr_bulk < MAX_PAGES ? __alloc_pages(gfp, 0, 0, NULL) : NULL;
		if (!page_array[i])
			break;
		SetPageChecked(page_array[i]);
		bulk[nr_bulk++] = page_array[i];
	}
	return i;
}

void release_pages(release_pages_arg arg, int nr)
{
	int i;

	for (i = 0; i < nr; i++)
		folio_put(arg.folios[i]);
}

static struct area *area_at(unsigned long addr)
{
	unsigned int i;

	for (i = 0; i < MAX_AREAS; i++)
		if (areas[i].nr && addr - areas[i].addr < (unsigned long)areas[i].nr << PAGE_SHIFT)
			return &areas[i];
	return NULL;
}

void *vmap(struct page **pages, unsigned int count, unsigned long flags, pgprot_t prot)
{
	unsigned long pfns[MAX_AREA_PAGES];
	struct area *a = areas;
	unsigned int i;

	while (a < areas + MAX_AREAS && a->nr)
		a++;
	if (a == areas + MAX_AREAS || !count || count > MAX_AREA_PAGES)
		up_bug("vmap: %u pages, beside %d areas: more than there is room for here", count, MAX_AREAS);
	for (i = 0; i < count; i++) {
		a->pages[i] = pages[i];
		pfns[i] = page_to_pfn(pages[i]);
	}
	a->addr = upl_vmap(pfns, count);
	if (!a->addr)
		return NULL;
	a->nr = count;
	return (void *)a->addr;
}

void vunmap(const void *addr)
{
	struct area *a = area_at((unsigned long)addr);

	if (!a || a->addr != (unsigned long)addr)
		up_bug("vunmap: no area begins at %p", addr);
	upl_vunmap(a->addr, a->nr);
	a->nr = 0;
}

bool is_vmalloc_addr(const void *p)
{
	return area_at((unsigned long)p);
}

int is_vmalloc_or_module_addr(const void *p)
{
	return is_vmalloc_addr(p);
}

struct page *vmalloc_to_page(const void *p)
{
	struct area *a = area_at((unsigned long)p);

	return a ? a->pages[((unsigned long)p - a->addr) >> PAGE_SHIFT] : NULL;
}

unsigned int kunit_mem_end_case(void)
{
	unsigned int left = 0, i;

	for (i = 0; i < MAX_AREAS; i++)
		if (areas[i].nr)
			up_bug("a case ends with an area of %u pages mapped", areas[i].nr);
	for (i = 0; i < nr_bulk; i++) {
		if (!PageChecked(bulk[i]))
			continue;
		left++;
		if (page_count(bulk[i]) != 1)
			up_bug("a case ends with %d references of a page", page_count(bulk[i]));
		__free_page(bulk[i]);
	}
	nr_bulk = 0;
	return left;
}
