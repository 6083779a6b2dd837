// SPDX-License-Identifier: GPL-2.0-only
/*
 * mem.c - memory for the kernel's side: pages, objects, user memory.
 *
 * All of it is the laboratory's own, counted and audited as every design's. An allocation counts as what the
 * kernel's side says that it is for.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "lab.h"

static const enum lab_probe_id kind_probe[] = {
	[UP_KIND_OTHER] = LAB_ALLOC_OTHER, [UP_KIND_BIO] = LAB_ALLOC_BIO, [UP_KIND_BVEC] = LAB_ALLOC_BVEC,
	[UP_KIND_DIO] = LAB_ALLOC_DIO, [UP_KIND_CMD] = LAB_ALLOC_CMD,
};

void *upl_pages(unsigned int order)
{
	struct page *page = alloc_pages(GFP_KERNEL, order);

	if (!page)
		return NULL;
	if (order)
		split_page(page, order);
	return page_address(page);
}

void upl_pages_free(void *p, unsigned int order)
{
	struct page *page = virt_to_page(p);
	unsigned int i;

	for (i = 0; i < 1u << order; i++)
		__free_page(page + i);
}

void *upl_cache_create(const char *name, unsigned int bytes, unsigned int align, enum up_kind kind)
{
	struct kmem_cache *cache = kmem_cache_create(name, bytes, align, 0, NULL);

	if (cache)
		kmem_cache_set_probe(cache, kind_probe[kind]);
	return cache;
}

void upl_cache_destroy(void *cache)
{
	kmem_cache_destroy(cache);
}

void *upl_cache_alloc(void *cache)
{
	return kmem_cache_alloc(cache, GFP_KERNEL);
}

void upl_cache_free(void *cache, void *p)
{
	kmem_cache_free(cache, p);
}

void *upl_kmalloc(host_size bytes, enum up_kind kind)
{
	void *p = kmalloc(bytes, GFP_KERNEL);

	if (p && kind != UP_KIND_OTHER) {
		kc_probe_add(LAB_ALLOC_OTHER, -1);	/* kmalloc() has counted it as that */
		kc_probe_add(kind_probe[kind], 1);
	}
	return p;
}

void upl_kfree(void *p)
{
	kfree(p);
}

host_size upl_ksize(const void *p)
{
	return ksize(p);
}

/* ---- user memory ----------------------------------------------------------------------------------------- */

static host_size copy(enum up_copy how, unsigned long uaddr, void *kernel, host_size bytes)
{
	void __user *u = (void __user *)uaddr;

	switch (how) {
	case UP_COPY_FROM:
		return bytes - raw_copy_from_user(kernel, u, bytes);
	case UP_COPY_TO:
		return bytes - raw_copy_to_user(u, kernel, bytes);
	case UP_COPY_ZERO:
		return bytes - clear_user(u, bytes);
	case UP_TOUCH_READ:
		return bytes - fault_in_readable(u, bytes);
	case UP_TOUCH_WRITE:
		return bytes - fault_in_writeable(u, bytes);
	}
	BUG();
}

host_size upl_user_copy(enum up_copy how, unsigned long uaddr, void *kernel, host_size bytes, int may_fault)
{
	host_size done;

	if (may_fault)
		return copy(how, uaddr, kernel, bytes);
	pagefault_disable();
	done = copy(how, uaddr, kernel, bytes);
	pagefault_enable();
	return done;
}

int upl_pin(unsigned long uaddr, int nr, int write, int may_fault, unsigned long *pfns)
{
	struct page **pages = (struct page **)pfns;
	int got, i;

	BUILD_BUG_ON(sizeof(*pages) != sizeof(*pfns));
	got = pin_user_pages_fast(uaddr, nr, (write ? FOLL_WRITE : 0) | (may_fault ? 0 : FOLL_NOFAULT), pages);
	for (i = 0; i < got; i++)
		pfns[i] = page_to_pfn(pages[i]);
	return got;
}

void upl_unpin(unsigned long pfn)
{
	struct page *page = pfn_to_page(pfn);

	unpin_user_pages(&page, 1);
}

void upl_set_dirty(unsigned long pfn)
{
	set_page_dirty(pfn_to_page(pfn));
}
