// SPDX-License-Identifier: GPL-2.0-only
/*
 * umem.c - mmap, munmap and mprotect, as the program of an address space calls them.
 *
 * New mappings go above the highest one, with a guard page of no access between, and only when the
 * window's part is used up into the first gap: an address is reused late, so a stale one faults. munmap
 * takes the page table entries away first, then the host's mapping, then the frames' references: a
 * lock-free walk that found an entry before holds a reference of its own or notices (gup.c). Pinned
 * frames live on until they are unpinned.
 */
#include <linux/kernel.h>
#include <linux/bug.h>
#include <linux/errno.h>
#include <linux/list.h>
#include <linux/sched.h>
#include <linux/string.h>
#include "host.h"
#include "mm-internal.h"

static struct kmem_cache *vma_cache;

/**
 * kc_umem_init() - the cache of VMAs
 *
 * Return: 0 or -ENOMEM.
 */
int kc_umem_init(void)
{
	vma_cache = kmem_cache_create("vm_area_struct", sizeof(struct vm_area_struct), 0, 0, NULL);
	return vma_cache ? 0 : -ENOMEM;
}

/**
 * kc_umem_exit() - the same, gone; all VMAs are
 */
void kc_umem_exit(void)
{
	kmem_cache_destroy(vma_cache);
	vma_cache = NULL;
}

static unsigned long page_of(const struct mm_struct *mm, unsigned long addr)
{
	return (addr - mm->kc_start) >> PAGE_SHIFT;
}

static bool range_ok(const struct mm_struct *mm, unsigned long addr, size_t len_bytes)
{
	return len_bytes && PAGE_ALIGNED(addr) && PAGE_ALIGNED(len_bytes) && addr >= mm->kc_start &&
	       addr < mm->kc_end && len_bytes <= mm->kc_end - addr;
}

/* --- VMAs; mmap_lock held --------------------------------------------------------------- */

/* Where @len_bytes fit with a guard page on each side; *@before: the VMA's place in the list. 0: nowhere. */
static unsigned long find_gap(struct mm_struct *mm, size_t len_bytes, struct list_head **before)
{
	unsigned long start = mm->kc_start + PAGE_SIZE;
	struct vm_area_struct *vma;

	*before = &mm->kc_vmas;
	if (!list_empty(&mm->kc_vmas))
		start = list_last_entry(&mm->kc_vmas, struct vm_area_struct, kc_node)->vm_end + PAGE_SIZE;
	if (start < mm->kc_end && len_bytes < mm->kc_end - start)
		return start;
	start = mm->kc_start + PAGE_SIZE;
	list_for_each_entry(vma, &mm->kc_vmas, kc_node) {
		if (vma->vm_start > start && len_bytes < vma->vm_start - start) {
			*before = &vma->kc_node;
			return start;
		}
		start = vma->vm_end + PAGE_SIZE;
	}
	return 0;
}

static struct vm_area_struct *vma_add(struct mm_struct *mm, unsigned long start, unsigned long end, int prot,
				      struct list_head *before)
{
	struct vm_area_struct *vma;

	if (mm->kc_nr_vmas >= KC_MM_MAX_VMAS)
		return NULL;
	vma = kmem_cache_alloc(vma_cache, GFP_KERNEL);
	if (!vma)
		return NULL;
	*vma = (struct vm_area_struct){ .vm_start = start, .vm_end = end, .kc_prot = prot, .vm_mm = mm };
	list_add_tail(&vma->kc_node, before);
	mm->kc_nr_vmas++;
	return vma;
}

static void vma_del(struct mm_struct *mm, struct vm_area_struct *vma)
{
	list_del(&vma->kc_node);
	mm->kc_nr_vmas--;
	kmem_cache_free(vma_cache, vma);
}

/* Make @addr a boundary between VMAs. 0 or -ENOMEM. */
static int vma_split(struct mm_struct *mm, unsigned long addr)
{
	struct vm_area_struct *vma = kc_find_vma(mm, addr);

	if (!vma || vma->vm_start >= addr)
		return 0;
	if (!vma_add(mm, vma->vm_start, addr, vma->kc_prot, &vma->kc_node))
		return -ENOMEM;
	vma->vm_start = addr;
	return 0;
}

/* --- frames --------------------------------------------------------------------------------- */

static void pte_fill(struct mm_struct *mm, unsigned long first, struct page *page, unsigned long nr, int prot)
{
	unsigned long i, bits = KC_PTE_PRESENT | kc_pte_prot(prot);

	for (i = 0; i < nr; i++)
		__atomic_store_n(&mm->kc_pte[first + i], (page_to_pfn(page) + i) << PAGE_SHIFT | bits,
				 __ATOMIC_RELEASE);
}

/*
 * In as few blocks as there are: one, cut to size, if it can be; smaller ones where RAM is in pieces. 0
 * or -ENOMEM with part of it filled.
 */
static int fill_blocks(struct mm_struct *mm, unsigned long first, unsigned long nr, int prot)
{
	unsigned int order = MAX_ORDER - 1;

	while (nr) {
		unsigned long used, i;
		struct page *page;

		while (order && 1UL << (order - 1) >= nr)
			order--;
		page = kc_alloc_pages_at(GFP_USER | __GFP_ZERO | (order ? __GFP_NOWARN : 0), order, KC_SITE);
		if (!page && !order)
			return -ENOMEM;
		if (!page) {
			order--;
			continue;
		}
		split_page(page, order);
		used = min(nr, 1UL << order);
		for (i = used; i < 1UL << order; i++)
			__free_page(page + i);
		pte_fill(mm, first, page, used, prot);
		first += used;
		nr -= used;
	}
	return 0;
}

static int fill_permuted(struct mm_struct *mm, unsigned long first, unsigned long nr, int prot)
{
	unsigned long avoid[2] = { 0 };

	for (; nr; first++, nr--) {
		struct page *page = kc_alloc_frame(GFP_USER | __GFP_ZERO, avoid, KC_SITE);

		if (!page)
			return -ENOMEM;
		pte_fill(mm, first, page, 1, prot);
		avoid[0] = page_to_pfn(page) + 1;
		avoid[1] = page_to_pfn(page) - 1;
	}
	return 0;
}

static int fill(struct mm_struct *mm, unsigned long first, unsigned long nr, int prot, unsigned int flags)
{
	struct page *page;

	if (flags & KC_MAP_CONTIG) {
		page = kc_alloc_contig(nr, GFP_USER | __GFP_ZERO, KC_SITE);
		if (page)
			pte_fill(mm, first, page, nr, prot);
		return page ? 0 : -ENOMEM;
	}
	return kc_frames_permuted ? fill_permuted(mm, first, nr, prot) : fill_blocks(mm, first, nr, prot);
}

/* Take [first, last) out of page table, host and, unless pinned, existence. */
static void unmap_pages(struct mm_struct *mm, unsigned long first, unsigned long last)
{
	unsigned int before = kc_mm_count_runs(mm, first, last);
	unsigned long i, lo = last, hi = first;

	for (i = first; i < last; i++) {
		unsigned long pte = kc_pte_get(&mm->kc_pte[i]);

		if (!pte)
			continue;
		lo = min(lo, i);
		hi = i + 1;
	}
	if (lo >= hi)
		return;
	BUG_ON(host_user_unmap(mm->kc_start + (lo << PAGE_SHIFT), (hi - lo) << PAGE_SHIFT));
	for (i = lo; i < hi; i++) {
		unsigned long pte = __atomic_exchange_n(&mm->kc_pte[i], 0, __ATOMIC_ACQ_REL);

		if (!pte)
			continue;
		if (pte & KC_PTE_DIRTY)
			set_page_dirty(pfn_to_page(pte >> PAGE_SHIFT));
		kc_user_drop(pfn_to_page(pte >> PAGE_SHIFT), KC_REF_ONE);
	}
	mm->kc_nr_runs -= before - kc_mm_count_runs(mm, first, last);
}

/* --- the calls --------------------------------------------------------------------------------- */

static int map_now(struct mm_struct *mm, unsigned long start, size_t len_bytes, int prot, unsigned int flags)
{
	unsigned long first = page_of(mm, start), nr = len_bytes >> PAGE_SHIFT;
	unsigned int before = kc_mm_count_runs(mm, first, first + nr);
	int err;

	err = fill(mm, first, nr, prot, flags);
	mm->kc_nr_runs += kc_mm_count_runs(mm, first, first + nr) - before;
	if (!err && mm->kc_nr_runs > KC_MM_MAX_RUNS)
		err = -ENOMEM;
	if (!err)
		err = kc_mm_map_host(mm, first, first + nr, prot);
	if (err)
		unmap_pages(mm, first, first + nr);
	return err;
}

/**
 * kc_mmap() - new memory for the program
 * @mm: its address space
 * @len_bytes: multiple of PAGE_SIZE
 * @prot: KC_PROT_*; 0: no access, but frames if populated
 * @flags: KC_MAP_*
 *
 * Context: task, may sleep. Return: the address; 0: no room, memory, or host mappings, or a bad length.
 */
unsigned long kc_mmap(struct mm_struct *mm, size_t len_bytes, int prot, unsigned int flags)
{
	struct vm_area_struct *vma = NULL;
	struct list_head *before;
	unsigned long start;

	if (!len_bytes || !PAGE_ALIGNED(len_bytes))
		return 0;
	mutex_lock(&mm->mmap_lock);
	start = find_gap(mm, len_bytes, &before);
	if (start)
		vma = vma_add(mm, start, start + len_bytes, prot, before);
	if (vma && flags & (KC_MAP_POPULATE | KC_MAP_CONTIG) && map_now(mm, start, len_bytes, prot, flags)) {
		vma_del(mm, vma);
		vma = NULL;
	}
	mutex_unlock(&mm->mmap_lock);
	return vma ? start : 0;
}

/**
 * kc_munmap() - take memory away from the program
 * @mm: its address space
 * @addr: page aligned
 * @len_bytes: multiple of PAGE_SIZE; what is not mapped within is no error
 *
 * Context: task, may sleep. Return: 0, -EINVAL (range), -ENOMEM (a VMA had to be split).
 */
int kc_munmap(struct mm_struct *mm, unsigned long addr, size_t len_bytes)
{
	struct vm_area_struct *vma, *next;
	int err;

	if (!range_ok(mm, addr, len_bytes))
		return -EINVAL;
	mutex_lock(&mm->mmap_lock);
	err = vma_split(mm, addr);
	if (!err)
		err = vma_split(mm, addr + len_bytes);
	if (!err) {
		unmap_pages(mm, page_of(mm, addr), page_of(mm, addr + len_bytes - 1) + 1);
		list_for_each_entry_safe(vma, next, &mm->kc_vmas, kc_node)
			if (vma->vm_start >= addr && vma->vm_end <= addr + len_bytes)
				vma_del(mm, vma);
	}
	mutex_unlock(&mm->mmap_lock);
	return err;
}

/* Are all of [addr, end) in VMAs? */
static bool all_mapped(struct mm_struct *mm, unsigned long addr, unsigned long end)
{
	while (addr < end) {
		struct vm_area_struct *vma = kc_find_vma(mm, addr);

		if (!vma || vma->vm_start > addr)
			return false;
		addr = vma->vm_end;
	}
	return true;
}

static void pte_protect(unsigned long *pte, int prot)
{
	unsigned long old = kc_pte_get(pte), new;

	/* A writer without the lock may set DIRTY meanwhile. */
	do {
		new = (old & ~(KC_PTE_READ | KC_PTE_WRITE)) | kc_pte_prot(prot);
	} while (!__atomic_compare_exchange_n(pte, &old, new, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
}

/* New access for the present pages of [first, last), on the host too. */
static int protect_pages(struct mm_struct *mm, unsigned long first, unsigned long last, int prot)
{
	unsigned int before = kc_mm_count_runs(mm, first, last);
	unsigned long i, end;
	int err = 0;

	for (i = first; i < last && !err; i = end) {
		for (end = i; end < last && kc_pte_get(&mm->kc_pte[end]); end++)
			pte_protect(&mm->kc_pte[end], prot);
		if (end > i)
			err = host_user_protect(mm->kc_start + (i << PAGE_SHIFT), (end - i) << PAGE_SHIFT,
						kc_host_prot(prot));
		else
			end = i + 1;
	}
	mm->kc_nr_runs += kc_mm_count_runs(mm, first, last) - before;
	return err;
}

/**
 * kc_mprotect() - change what the program may do with its memory
 * @mm: its address space
 * @addr: page aligned
 * @len_bytes: multiple of PAGE_SIZE
 * @prot: KC_PROT_*
 *
 * Pins taken before stay valid, as in Linux.
 *
 * Context: task, may sleep.
 * Return: 0, -EINVAL (range), -ENOMEM (not all of it is mapped, or no VMA or host mapping left; after the
 * last, the host may lag behind).
 */
int kc_mprotect(struct mm_struct *mm, unsigned long addr, size_t len_bytes, int prot)
{
	unsigned long end = addr + len_bytes;
	struct vm_area_struct *vma;
	int err = -ENOMEM;

	if (!range_ok(mm, addr, len_bytes))
		return -EINVAL;
	mutex_lock(&mm->mmap_lock);
	/* A change within a run makes up to three of it. */
	if (mm->kc_nr_runs + 2 <= KC_MM_MAX_RUNS && all_mapped(mm, addr, end) && !vma_split(mm, addr) &&
	    !vma_split(mm, end)) {
		list_for_each_entry(vma, &mm->kc_vmas, kc_node)
			if (vma->vm_start >= addr && vma->vm_end <= end)
				vma->kc_prot = prot;
		err = protect_pages(mm, page_of(mm, addr), page_of(mm, end - 1) + 1, prot);
	}
	mutex_unlock(&mm->mmap_lock);
	return err;
}

/**
 * kc_user_alias() - where the kernel sees a user address
 * @mm: the address space
 * @addr: user address
 *
 * No access is checked, nothing is populated, no reference is taken: for tests and checks that own the
 * mapping.
 *
 * Return: address in the linear map; NULL: absent.
 */
void *kc_user_alias(struct mm_struct *mm, unsigned long addr)
{
	unsigned long *pte = kc_pte_of(mm, addr);
	unsigned long val = pte ? kc_pte_get(pte) : 0;

	return val ? kc_ram_base + (val & PAGE_MASK) + offset_in_page(addr) : NULL;
}

/**
 * kc_user_dirty() - was the page written by the kernel, through a copy or a pin given back dirty?
 * @mm: the address space
 * @addr: user address
 *
 * Return: false if it is absent.
 */
bool kc_user_dirty(struct mm_struct *mm, unsigned long addr)
{
	unsigned long *pte = kc_pte_of(mm, addr);
	unsigned long val = pte ? kc_pte_get(pte) : 0;

	return val && (val & KC_PTE_DIRTY || PageDirty(pfn_to_page(val >> PAGE_SHIFT)));
}
