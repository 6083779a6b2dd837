/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mm-internal.h - what the memory files (ram, page_alloc, slab, mm, gup, uaccess, umem) share.
 */
#ifndef _KC_MM_INTERNAL_H
#define _KC_MM_INTERNAL_H

#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <kc/umem.h>
#include <kc/fault.h>
#include <kc/facility.h>

/* --- a task's own stock of free pages and objects (release builds) ------------------ */

/* kmem_cache_alloc() of an object of which only the first @size_bytes are the caller's (slab.c). */
void *kc_cache_alloc_sized(struct kmem_cache *cache, size_t size_bytes, gfp_t gfp, const char *site);

bool kc_task_cache_attach(void);	/* false: no page for it */
void kc_task_cache_detach(void);	/* gives its pages back; objects must be gone */
extern struct list_head kc_task_caches;
extern spinlock_t kc_task_caches_lock;

/* --- pages --------------------------------------------------------------------------- */

int kc_page_alloc_init(void);
void kc_page_alloc_exit(void);
/* One frame whose number is none of @avoid (0: no wish); for permuted user memory. */
struct page *kc_alloc_frame(gfp_t gfp, const unsigned long avoid[2], const char *site);
struct page *kc_buddy_take(unsigned int order, const unsigned long avoid[2]);
unsigned int kc_buddy_take_singles(struct page **pages, unsigned int nr);
struct page *kc_buddy_take_run(unsigned long nr);
void kc_buddy_put(struct page *page, unsigned int order);
void kc_buddy_put_singles(struct page **pages, unsigned int nr);
unsigned long kc_buddy_free_pages(void);
void kc_buddy_init(unsigned long first);
struct page *kc_stock_take(const unsigned long avoid[2]);
void kc_stock_put(struct page *page);
/* Check builds: remember who pinned the page last. */
void kc_page_note_pin(struct page *page, const char *site);

/* Offset of the first byte of [p, p + bytes) that is not @want; @bytes: none. */
static inline size_t kc_first_other(const unsigned char *p, unsigned char want, size_t bytes)
{
	size_t i;

	/* All equal to the first one, and that is right: the usual case, at the speed of memcmp(). */
	if (bytes && p[0] == want && !memcmp(p, p + 1, bytes - 1))
		return bytes;
	for (i = 0; i < bytes && p[i] == want; i++)
		;
	return i;
}

/* --- user pages ---------------------------------------------------------------------- */

static inline unsigned long kc_pte_get(const unsigned long *pte)
{
	return __atomic_load_n(pte, __ATOMIC_ACQUIRE);
}

static inline unsigned long *kc_pte_of(struct mm_struct *mm, unsigned long addr)
{
	unsigned long off_bytes = addr - mm->kc_start;

	return off_bytes < mm->kc_bytes ? &mm->kc_pte[off_bytes >> PAGE_SHIFT] : NULL;
}

static inline unsigned long kc_pte_prot(int prot)
{
	/* As on x86, what can be written can be read. */
	return prot & KC_PROT_WRITE ? KC_PTE_READ | KC_PTE_WRITE : prot & KC_PROT_READ ? KC_PTE_READ : 0;
}

/*
 * kc_handle_mm_fault - make the page at @addr present with the access its VMA grants. 0: it can be
 * accessed as asked. -EFAULT: it must not. -ENOMEM: no frame, or no host mapping left. May sleep.
 */
int kc_handle_mm_fault(struct mm_struct *mm, unsigned long addr, bool write);

/* Host mappings that the pages [first, last) of @mm and their neighbours take. mmap_lock held. */
unsigned int kc_mm_count_runs(struct mm_struct *mm, unsigned long first, unsigned long last);
/* Map present pages [first, last) of @mm at their user addresses on the host. 0, -ENOMEM. mmap_lock held. */
int kc_mm_map_host(struct mm_struct *mm, unsigned long first, unsigned long last, int prot);
/* The VMA that contains @addr or the first one above it; NULL: none. mmap_lock held. */
struct vm_area_struct *kc_find_vma(struct mm_struct *mm, unsigned long addr);
int kc_host_prot(int prot);
int kc_umem_init(void);
void kc_umem_exit(void);

/*
 * kc_user_grab - reference the frame behind user address @addr, without a lock.
 * @what: KC_REF_ONE for the time of a copy, KC_PIN_ONE for a pin
 * @err: -EFAULT or -ENOMEM when NULL is returned
 */
struct page *kc_user_grab(struct mm_struct *mm, unsigned long addr, bool write, s64 what, bool may_fault,
			  int *err);
void kc_user_drop(struct page *page, s64 what);

#endif
