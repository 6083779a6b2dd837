// SPDX-License-Identifier: GPL-2.0-only
/*
 * gup.c - from user addresses to frames: the lock-free walk, pins, and giving them back.
 *
 * The walk reads a page table entry, references the frame it names unless that has no reference (then
 * it is free, or on its way), and reads the entry again. munmap clears the entry before it drops the
 * page table's reference, so an entry that has not changed means that the reference was taken in time;
 * one that has means that the frame may be somebody else's by now: it is let go and the walk starts
 * over. struct page is never freed, so touching the count of a frame that was lost is harmless. This is
 * the rule of Linux's gup_fast (mm/gup.c), with the page table, which never moves here, in place of
 * disabled interrupts.
 *
 * A pin is a reference and a pin in one word (linux/mm_types.h): one locked instruction each way.
 */
#include <linux/kernel.h>
#include <linux/bug.h>
#include <linux/errno.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/uaccess.h>
#include "mm-internal.h"

/* Reference the frame unless it has none. Pins count as atomics; a copy's reference is the walk's own. */
static __always_inline bool grab(struct page *page, s64 what)
{
	s64 old = atomic64_read(&page->_refpin);

	if (what == KC_PIN_ONE) {
		do {
			if (unlikely(!(u32)old))
				return false;
		} while (unlikely(!atomic64_try_cmpxchg(&page->_refpin, &old, old + what)));
		return true;
	}
	do {
		if (unlikely(!(u32)old))
			return false;
	} while (unlikely(!__atomic_compare_exchange_n(&page->_refpin.counter, &old, old + what, false,
						       __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)));
	return true;
}

/**
 * kc_user_drop() - give back what kc_user_grab() took
 * @page: the frame
 * @what: KC_REF_ONE or KC_PIN_ONE
 *
 * Context: any.
 */
void kc_user_drop(struct page *page, s64 what)
{
	if ((u32)__atomic_sub_fetch(&page->_refpin.counter, what, __ATOMIC_ACQ_REL) == 0)
		__put_page(page);
}

/* Is the entry still what it was? For a write that is not a pin, also mark it dirty. */
static __always_inline bool confirm(unsigned long *ptep, unsigned long pte, bool dirty)
{
	if (dirty && !(pte & KC_PTE_DIRTY))
		return __atomic_compare_exchange_n(ptep, &pte, pte | KC_PTE_DIRTY, false, __ATOMIC_ACQ_REL,
						   __ATOMIC_RELAXED);
	return !((kc_pte_get(ptep) ^ pte) & ~KC_PTE_DIRTY);
}

/* The entry changed under the walk: let the frame go. Rare, and out of the way. */
static noinline __cold void walk_lost(struct page *page, s64 what)
{
	kc_user_drop(page, what);
}

/* One try: the frame, if it may be used so and is not being unmapped. READ and WRITE imply PRESENT. */
static __always_inline struct page *walk_once(struct mm_struct *mm, unsigned long addr, bool write, s64 what)
{
	unsigned long *ptep = kc_pte_of(mm, addr), pte;
	struct page *page;

	if (unlikely(!ptep))
		return NULL;
	pte = kc_pte_get(ptep);
	if (unlikely(!(pte & (write ? KC_PTE_WRITE : KC_PTE_READ))))
		return NULL;
	page = pfn_to_page(pte >> PAGE_SHIFT);
	if (unlikely(!grab(page, what)))
		return NULL;
	if (likely(confirm(ptep, pte, write && what == KC_REF_ONE)))
		return page;
	walk_lost(page, what);
	return NULL;
}

/* When one try was not enough: again, with the fault handler where allowed. */
static noinline struct page *walk_slow(struct mm_struct *mm, unsigned long addr, bool write, s64 what,
				       bool may_fault, int *err)
{
	unsigned long need = write ? KC_PTE_WRITE : KC_PTE_READ;
	unsigned long *ptep = kc_pte_of(mm, addr), pte;
	struct page *page;

	*err = -EFAULT;
	if (!ptep)
		return NULL;
	for (;;) {
		page = walk_once(mm, addr, write, what);
		if (page)
			return page;
		pte = kc_pte_get(ptep);
		if (pte & need)
			continue;
		if (pte & KC_PTE_PRESENT || !may_fault)
			return NULL;
		*err = kc_handle_mm_fault(mm, addr, write);
		if (*err)
			return NULL;
		*err = -EFAULT;
	}
}

/**
 * kc_user_grab() - hold the frame behind a user address
 * @mm: the address space
 * @addr: user address, any
 * @write: is it to be written? With KC_REF_ONE the entry is then marked dirty, as the hardware would
 * @what: KC_REF_ONE for the time of a copy, KC_PIN_ONE for a pin
 * @may_fault: may an absent page be populated (and the caller sleep)?
 * @err: -EFAULT or -ENOMEM, if NULL is returned
 *
 * Return: the frame, to be given back with kc_user_drop(); NULL: no access.
 */
struct page *kc_user_grab(struct mm_struct *mm, unsigned long addr, bool write, s64 what, bool may_fault,
			  int *err)
{
	struct page *page = walk_once(mm, addr, write, what);

	return likely(page) ? page : walk_slow(mm, addr, write, what, may_fault, err);
}

#define PIN_FLAGS	(FOLL_WRITE | FOLL_LONGTERM | FOLL_NOFAULT | FOLL_FAST_ONLY)

static int pin_pages(unsigned long start, int nr_pages, unsigned int gup_flags, struct page **pages)
{
	bool may_fault = !(gup_flags & (FOLL_NOFAULT | FOLL_FAST_ONLY));
	struct mm_struct *mm = current->mm;
	int i, err = 0;

	if (may_fault)
		might_sleep();
	for (i = 0; i < nr_pages; i++, start += PAGE_SIZE) {
		if (unlikely(kc_fault_is_armed(KC_FAULT_PIN)) && kc_fault(KC_FAULT_PIN)) {
			err = -EFAULT;
			break;
		}
		pages[i] = kc_user_grab(mm, start, gup_flags & FOLL_WRITE, KC_PIN_ONE, may_fault, &err);
		if (unlikely(!pages[i]))
			break;
	}
	return i || !nr_pages ? i : err;
}

/**
 * kc_pin_user_pages_at() - pin_user_pages_fast() for @site
 * @start: user address of current; its page is the first
 * @nr_pages: how many pages
 * @gup_flags: FOLL_WRITE: they will be written; FOLL_LONGTERM; FOLL_NOFAULT or FOLL_FAST_ONLY: only
 *	what is present
 * @pages: filled with the frames
 * @site: the call, for the audit; not used in release builds
 *
 * Source: internal_get_user_pages_fast(), Linux 6.1.
 *
 * Context: task with a user address space; may sleep unless FOLL_NOFAULT or FOLL_FAST_ONLY.
 * Return: pages pinned, which may be fewer than asked for; -EFAULT or -ENOMEM if that is none; -EINVAL:
 * flags.
 */
int kc_pin_user_pages_at(unsigned long start, int nr_pages, unsigned int gup_flags, struct page **pages,
			 const char *site)
{
	unsigned long bytes = (unsigned long)nr_pages << PAGE_SHIFT;
	int got, i;

	if (WARN_ON(!pages || nr_pages < 0 || gup_flags & ~PIN_FLAGS))
		return -EINVAL;
	BUG_ON(!current->mm);
	start &= PAGE_MASK;
	if (unlikely(!access_ok((void __user *)start, bytes)))
		return -EFAULT;
	got = pin_pages(start, nr_pages, gup_flags, pages);
	if (got > 0)
		lab_probe_add(PIN_PAGES, got);
	if (site)
		for (i = 0; i < got; i++)
			kc_page_note_pin(pages[i], site);
	return got;
}

/**
 * pin_user_pages_fast() - see kc_pin_user_pages_at()
 * @start: user address
 * @nr_pages: how many
 * @gup_flags: FOLL_*
 * @pages: filled
 *
 * Return: pages pinned or -errno.
 */
int (pin_user_pages_fast)(unsigned long start, int nr_pages, unsigned int gup_flags, struct page **pages)
{
#ifndef KC_DEBUG
	/* The common case of small IO: one page, there already. What is odd about it takes the long way. */
	if (likely(nr_pages == 1 && !(gup_flags & ~FOLL_WRITE) && current->mm &&
		   !kc_fault_is_armed(KC_FAULT_PIN))) {
		struct page *page = walk_once(current->mm, start, gup_flags & FOLL_WRITE, KC_PIN_ONE);

		if (likely(page)) {
			pages[0] = page;
			lab_probe(PIN_PAGES);
			return 1;
		}
	}
#endif
	return kc_pin_user_pages_at(start, nr_pages, gup_flags, pages, NULL);
}

/**
 * get_user_pages_fast() - reference user pages
 * @start: user address of current; its page is the first
 * @nr_pages: how many pages
 * @gup_flags: FOLL_WRITE, FOLL_NOFAULT, FOLL_FAST_ONLY
 * @pages: filled with the frames
 *
 * For code that has not been taught FOLL_PIN. Each is taken as a pin, which leaves the page table's dirty bit
 * alone (a short copy's reference does not), and is turned into a reference at once; it counts as one
 * (LAB_PAGE_REF).
 *
 * Context: task with a user address space; may sleep unless FOLL_NOFAULT or FOLL_FAST_ONLY.
 * Return: pages referenced, which may be fewer than asked for; -EFAULT or -ENOMEM if that is none; -EINVAL:
 * flags.
 */
int get_user_pages_fast(unsigned long start, int nr_pages, unsigned int gup_flags, struct page **pages)
{
	unsigned long bytes = (unsigned long)nr_pages << PAGE_SHIFT;
	int got, i;

	if (WARN_ON(!pages || nr_pages < 0 || gup_flags & ~(FOLL_WRITE | FOLL_NOFAULT | FOLL_FAST_ONLY)))
		return -EINVAL;
	BUG_ON(!current->mm);
	start &= PAGE_MASK;
	if (unlikely(!access_ok((void __user *)start, bytes)))
		return -EFAULT;
	got = pin_pages(start, nr_pages, gup_flags, pages);
	for (i = 0; i < got; i++)
		atomic64_sub(KC_PIN_ONE - KC_REF_ONE, &pages[i]->_refpin);
	if (got > 0)
		lab_probe_add(PAGE_REF, got);
	return got;
}

/**
 * unpin_user_pages() - give pins back
 * @pages: pinned each
 * @npages: how many
 *
 * Context: any.
 */
void unpin_user_pages(struct page **pages, unsigned long npages)
{
	unsigned long i;

	for (i = 0; i < npages; i++)
		kc_unpin(pages[i]);
	lab_probe_add(UNPIN_PAGES, npages);
}

/**
 * unpin_user_pages_dirty_lock() - give pins back of pages that were perhaps written
 * @pages: pinned each
 * @npages: how many
 * @make_dirty: were they?
 *
 * Context: any, except that dirtying a clean page may sleep.
 */
void unpin_user_pages_dirty_lock(struct page **pages, unsigned long npages, bool make_dirty)
{
	unsigned long i;

	for (i = 0; make_dirty && i < npages; i++)
		if (!PageDirty(pages[i]))
			set_page_dirty_lock(pages[i]);
	unpin_user_pages(pages, npages);
}

/**
 * unpin_user_page_range_dirty_lock() - the same for pages contiguous in RAM
 * @page: the first
 * @npages: how many
 * @make_dirty: were they written?
 *
 * Context: any, except that dirtying a clean page may sleep.
 */
void unpin_user_page_range_dirty_lock(struct page *page, unsigned long npages, bool make_dirty)
{
	unsigned long i;

	for (i = 0; i < npages; i++) {
		if (make_dirty && !PageDirty(page + i))
			set_page_dirty_lock(page + i);
		kc_unpin(page + i);
	}
	lab_probe_add(UNPIN_PAGES, npages);
}
