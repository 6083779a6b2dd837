/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * highmem.h - every frame is in the linear map, as on any 64-bit kernel: kmap_local_page() is arithmetic.
 * What copies or clears here is payload and counts as LAB_COPY_BYTES; callers do not count it again.
 */
#ifndef _LINUX_HIGHMEM_H
#define _LINUX_HIGHMEM_H

#include <linux/mm.h>
#include <linux/string.h>
#include <linux/uaccess.h>

static inline void *kmap_local_page(struct page *page)
{
	return page_address(page);
}

static inline void *kmap_local_folio(struct folio *folio, size_t offset_bytes)
{
	return (char *)page_address(&folio->page) + offset_bytes;
}

static inline void kunmap_local(const void *addr)
{
	VM_BUG_ON(!virt_addr_valid(addr));
}

/* kmap_atomic() also turned page faults off; so does this one. */
static inline void *kmap_atomic(struct page *page)
{
	pagefault_disable();
	return page_address(page);
}

static inline void kunmap_atomic(const void *addr)
{
	VM_BUG_ON(!virt_addr_valid(addr));
	pagefault_enable();
}

static inline void memcpy_from_page(char *to, struct page *page, size_t offset, size_t len)
{
	VM_BUG_ON(offset + len > PAGE_SIZE);
	lab_probe_add(COPY_BYTES, len);
	memcpy(to, (char *)page_address(page) + offset, len);
}

static inline void memcpy_to_page(struct page *page, size_t offset, const char *from, size_t len)
{
	VM_BUG_ON(offset + len > PAGE_SIZE);
	lab_probe_add(COPY_BYTES, len);
	memcpy((char *)page_address(page) + offset, from, len);
}

static inline void memzero_page(struct page *page, size_t offset, size_t len)
{
	VM_BUG_ON(offset + len > PAGE_SIZE);
	lab_probe_add(COPY_BYTES, len);
	memset((char *)page_address(page) + offset, 0, len);
}

static inline void clear_highpage(struct page *page)
{
	memzero_page(page, 0, PAGE_SIZE);
}

#endif
