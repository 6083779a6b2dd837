/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * alloc.h - allocators by the names that the linker knows. For the files that define them, after the kernel's headers.
 *
 * Since Linux 6.10 what callers write is a macro, which can account for the allocation, around a function with
 * another name. Here the macros are taken away, and the plain names mean those functions.
 */
#ifndef KC_UPSTREAM_ALLOC_H
#define KC_UPSTREAM_ALLOC_H

#if UP_SINCE(6, 12)
#undef kmem_cache_create
#undef kmem_cache_alloc
#undef kmem_cache_alloc_node
#undef kmem_cache_alloc_lru
#undef __kmalloc
#undef kmemdup
#undef __get_free_pages
#undef get_zeroed_page
#undef __alloc_pages
#define kmem_cache_create	up_cache_create
#define kmem_cache_alloc	kmem_cache_alloc_noprof
#define kmem_cache_alloc_node	kmem_cache_alloc_node_noprof
#define kmem_cache_alloc_lru	kmem_cache_alloc_lru_noprof
#define __kmalloc		__kmalloc_noprof
#define kmalloc_trace		__kmalloc_cache_noprof
#define kmalloc_large		__kmalloc_large_noprof
#define kmalloc_large_node	__kmalloc_large_node_noprof
#define kmemdup			kmemdup_noprof
#define __get_free_pages	get_free_pages_noprof
#define get_zeroed_page		get_zeroed_page_noprof
#define __alloc_pages		__alloc_pages_noprof
/* and by the names of `redirect` */
#define kmalloc_for_dio		kmalloc_noprof_for_dio
#define kmalloc_trace_for_dio	kmalloc_cache_noprof_for_dio
#define kmalloc_for_cmd		kmalloc_noprof_for_cmd
#endif

#endif
