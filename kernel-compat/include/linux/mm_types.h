/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mm_types.h - struct page, and a user address space.
 *
 * References and pins of a page share one 64-bit word, so that a pin, which is both a reference (the
 * frame stays) and a claim on its contents (FOLL_PIN), costs one locked instruction. Linux gets the
 * same from GUP_PIN_COUNTING_BIAS, at the price of a count that is only "maybe pinned"; here both are
 * exact.
 */
#ifndef _LINUX_MM_TYPES_H
#define _LINUX_MM_TYPES_H

#include <linux/types.h>
#include <linux/list.h>
#include <linux/atomic.h>
#include <linux/mutex.h>
#include <asm/page.h>

struct address_space;
struct kmem_cache;

/* Of page->_refpin: one reference, one pin (which is also a reference). */
#define KC_REF_ONE	1LL
#define KC_PIN_ONE	((1LL << 32) + 1)

struct page {
	unsigned long flags;			/* PG_*, linux/page-flags.h */
	atomic64_t _refpin;			/* low half references, high half pins (head's) */
	union {
		struct address_space *mapping;
		struct kmem_cache *slab_cache;	/* PG_slab */
	};
	union {
		pgoff_t index;
		void *freelist;			/* PG_slab: free objects */
	};
	unsigned long private;			/* PG_slab: objects in use */
	unsigned int order;			/* PG_buddy, PG_head, PG_slab */
	unsigned int kc_poisoned;		/* free page, check builds: it holds the poison pattern */
	union {
		struct list_head lru;		/* buddy lists, slab lists, its owner's otherwise */
		unsigned long compound_head;	/* tail pages: head | 1 */
	};
};

/* A page that is not a tail; as large as its compound page. */
struct folio {
	struct page page;
};

/* One line of a VMA list, sorted by address. */
struct vm_area_struct {
	unsigned long vm_start, vm_end;		/* [start, end), multiples of PAGE_SIZE */
	int kc_prot;				/* KC_PROT_* */
	struct mm_struct *vm_mm;
	struct list_head kc_node;
};

/*
 * A page table entry: 0, or pfn << PAGE_SHIFT and the bits below. PROT_NONE keeps the frame, without READ.
 */
#define KC_PTE_PRESENT	1UL
#define KC_PTE_READ	2UL
#define KC_PTE_WRITE	4UL
#define KC_PTE_DIRTY	8UL

#define KC_MM_MAX		4		/* of kc_mm_create(); the first gets half of the window */
#define KC_MM_MAX_SIZED		128		/* of kc_mm_create_sized(), in the same window */
#define KC_MM_MAX_VMAS		32768		/* of one address space */
#define KC_MM_MAX_RUNS		15360		/* host mappings of one; a process has some 65,500 */

struct mm_struct {
	unsigned long kc_start, kc_bytes;	/* its part of the user window */
	unsigned long kc_end;			/* start + bytes */
	unsigned long *kc_pte;			/* flat, one word a page; readers take no lock (gup.c) */
	struct mutex mmap_lock;			/* VMAs, page table writers, host aliases */
	struct list_head kc_vmas;
	unsigned int kc_nr_vmas;
	unsigned int kc_nr_runs;		/* host mappings: runs contiguous in RAM and in address */
	unsigned int kc_slot;
	const char *kc_site;			/* who made it, for the leak table */
};

#endif
