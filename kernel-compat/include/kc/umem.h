/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * User memory, as a program sees it: what mmap, mprotect and munmap are to a process. A user page is a
 * frame of the arena, aliased at its user address on the host, so that touching the address and walking
 * the soft page table meet the same bytes.
 */
#ifndef _KC_UMEM_H
#define _KC_UMEM_H

#include <linux/types.h>
#include <linux/mm_types.h>

#define KC_PROT_READ	1
#define KC_PROT_WRITE	2

#define KC_MAP_POPULATE	1	/* frames and aliases now; else by the fault handler of the soft walk */
#define KC_MAP_CONTIG	2	/* contiguous frames (implies POPULATE), whatever the world's rule */

/* A part of the window of its own; NULL: none left. */
struct mm_struct *kc_mm_create_at(const char *site);
#define kc_mm_create()	kc_mm_create_at(KC_SITE)
/* One of at least @bytes, for many at a time; guard pages of its mappings count. */
struct mm_struct *kc_mm_create_sized_at(unsigned long bytes, const char *site);
#define kc_mm_create_sized(bytes)	kc_mm_create_sized_at(bytes, KC_SITE)
void kc_mm_destroy(struct mm_struct *mm);	/* WARNs about pages still pinned; they live until unpinned */

/*
 * kc_mmap - map @len_bytes (multiple of PAGE_SIZE); returns the address or 0 when memory or window is
 * used up. A guard page with no access lies on each side.
 */
unsigned long kc_mmap(struct mm_struct *mm, size_t len_bytes, int prot, unsigned int flags);
int kc_munmap(struct mm_struct *mm, unsigned long addr, size_t len_bytes);	/* pinned frames outlive it */
int kc_mprotect(struct mm_struct *mm, unsigned long addr, size_t len_bytes, int prot);

/* Kernel alias of a user address, no fault handling: for tests and the generator's checks. NULL: absent. */
void *kc_user_alias(struct mm_struct *mm, unsigned long addr);
/* Was the page written through a copy, or a pin given back dirty? */
bool kc_user_dirty(struct mm_struct *mm, unsigned long addr);

#endif
