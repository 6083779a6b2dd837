// SPDX-License-Identifier: GPL-2.0-only
/*
 * mm.c - address spaces: page table, fault handler, host aliases.
 *
 * An address space owns a part of the user window, and the same part of the window's page table, which is
 * flat, one word a page, and never moves. Writers of the table hold mmap_lock; readers (gup.c) take no
 * lock. Three things say what is at a user address and are changed together: the VMA (what the program
 * was promised), the page table (what the kernel's soft walk finds) and the host's mapping of the arena
 * at that address (what a load instruction finds). The differential test in
 * scenarios/tests/kernel-compat/uaccess.c holds the last two against each other.
 *
 * A page of a VMA may be absent until the soft walk's fault handler puts a zeroed frame there. The
 * program's own loads do not come here: the generator populates what it touches itself.
 *
 * The host's mappings are a scarce resource: frames that are contiguous in RAM and address, with equal
 * access, are one, so they are mapped with one call, and counted as runs against KC_MM_MAX_RUNS.
 */
#include <linux/kernel.h>
#include <linux/bug.h>
#include <linux/errno.h>
#include <linux/list.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <kc/leak.h>
#include "host.h"
#include "mm-internal.h"

/* Parts of the window, in bytes: the first address space is the one with the big job. */
static const unsigned long mm_bytes[KC_MM_MAX] = { 256UL << 20, 128UL << 20, 64UL << 20, 64UL << 20 };

static struct mm_struct mms[KC_MM_MAX + KC_MM_MAX_SIZED];	/* those of kc_mm_create_sized() last */
static bool mm_used[KC_MM_MAX + KC_MM_MAX_SIZED];
static DEFINE_SPINLOCK(mms_lock);
static bool window_touched;		/* the host has mappings of this world */

/* All zero where no address space is: a new one costs nothing, however large, and touches what it uses. */
static unsigned long window_ptes[HOST_USER_BYTES >> PAGE_SHIFT];

/**
 * kc_host_prot() - access as the host names it
 * @prot: KC_PROT_*
 *
 * Return: HOST_PROT_*.
 */
int kc_host_prot(int prot)
{
	/* As on x86, what can be written can be read. */
	return prot & KC_PROT_WRITE ? HOST_PROT_READ | HOST_PROT_WRITE :
	       prot & KC_PROT_READ ? HOST_PROT_READ : HOST_PROT_NONE;
}

/**
 * kc_find_vma() - the VMA at or above an address
 * @mm: mmap_lock held
 * @addr: user address
 *
 * Return: the first VMA that ends above @addr, or NULL.
 */
struct vm_area_struct *kc_find_vma(struct mm_struct *mm, unsigned long addr)
{
	struct vm_area_struct *vma;

	list_for_each_entry(vma, &mm->kc_vmas, kc_node)
		if (vma->vm_end > addr)
			return vma;
	return NULL;
}

#define PTE_ACCESS	(KC_PTE_READ | KC_PTE_WRITE)

/* Does page @i continue the host mapping of page @i - 1? */
static bool run_continues(const struct mm_struct *mm, unsigned long i)
{
	unsigned long a, b;

	if (!i)
		return false;
	a = kc_pte_get(&mm->kc_pte[i - 1]);
	b = kc_pte_get(&mm->kc_pte[i]);
	return a & KC_PTE_PRESENT && b & KC_PTE_PRESENT && (a & PTE_ACCESS) == (b & PTE_ACCESS) &&
	       (a >> PAGE_SHIFT) + 1 == b >> PAGE_SHIFT;
}

/**
 * kc_mm_count_runs() - host mappings of a range, counted by their first pages
 * @mm: mmap_lock held
 * @first: first page, relative to the address space
 * @last: behind the last page; that page is looked at too, since its run may begin or end to begin there
 *
 * Return: their number. The difference of two calls is what a change in [first, last) cost.
 */
unsigned int kc_mm_count_runs(struct mm_struct *mm, unsigned long first, unsigned long last)
{
	unsigned long nr_pages = mm->kc_bytes >> PAGE_SHIFT, i;
	unsigned int runs = 0;

	for (i = first; i <= last && i < nr_pages; i++)
		if (kc_pte_get(&mm->kc_pte[i]) & KC_PTE_PRESENT && !run_continues(mm, i))
			runs++;
	return runs;
}

/**
 * kc_mm_map_host() - make present pages appear at their user addresses
 * @mm: mmap_lock held
 * @first: first page, relative to the address space
 * @last: behind the last page
 * @prot: KC_PROT_*
 *
 * Return: 0, or -ENOMEM with an unknown part of it mapped: the caller unmaps the range.
 */
int kc_mm_map_host(struct mm_struct *mm, unsigned long first, unsigned long last, int prot)
{
	unsigned long i, end;
	int err;

	if (!READ_ONCE(window_touched))		/* other tasks map theirs meanwhile */
		WRITE_ONCE(window_touched, true);
	for (i = first; i < last; i = end) {
		unsigned long pte = kc_pte_get(&mm->kc_pte[i]);

		end = i + 1;
		if (!(pte & KC_PTE_PRESENT))
			continue;
		while (end < last && run_continues(mm, end))
			end++;
		err = host_user_map(mm->kc_start + (i << PAGE_SHIFT), pte & PAGE_MASK,
				    (end - i) << PAGE_SHIFT, kc_host_prot(prot));
		if (err)
			return err;
	}
	return 0;
}

/* A zeroed frame at page @i, which is absent; in a permuted world not next to its neighbours' frames. */
static int populate_one(struct mm_struct *mm, unsigned long i, int prot)
{
	unsigned long nr_pages = mm->kc_bytes >> PAGE_SHIFT;
	unsigned int before = kc_mm_count_runs(mm, i, i + 1);
	unsigned long avoid[2] = { 0 };
	struct page *page;
	int err;

	if (kc_frames_permuted && i && kc_pte_get(&mm->kc_pte[i - 1]))
		avoid[0] = (kc_pte_get(&mm->kc_pte[i - 1]) >> PAGE_SHIFT) + 1;
	if (kc_frames_permuted && i + 1 < nr_pages && kc_pte_get(&mm->kc_pte[i + 1]))
		avoid[1] = (kc_pte_get(&mm->kc_pte[i + 1]) >> PAGE_SHIFT) - 1;
	page = kc_alloc_frame(GFP_USER | __GFP_ZERO, avoid, KC_SITE);
	if (!page)
		return -ENOMEM;
	err = host_user_map(mm->kc_start + (i << PAGE_SHIFT), page_to_pfn(page) << PAGE_SHIFT, PAGE_SIZE,
			    kc_host_prot(prot));
	if (err) {
		kc_user_drop(page, KC_REF_ONE);
		return err;
	}
	window_touched = true;
	/* Readers may come without a lock: the frame is zeroed before it can be found. */
	__atomic_store_n(&mm->kc_pte[i], page_to_pfn(page) << PAGE_SHIFT | KC_PTE_PRESENT | kc_pte_prot(prot),
			 __ATOMIC_RELEASE);
	mm->kc_nr_runs += kc_mm_count_runs(mm, i, i + 1) - before;
	return 0;
}

/**
 * kc_handle_mm_fault() - a user address is about to be used and is not ready for it
 * @mm: its address space
 * @addr: the address
 * @write: how it is to be used
 *
 * Context: task, may sleep (mmap_lock, memory).
 * Return: 0: look again. -EFAULT: the program would get a signal. -ENOMEM: no frame or host mapping left.
 */
int kc_handle_mm_fault(struct mm_struct *mm, unsigned long addr, bool write)
{
	unsigned long need = write ? KC_PTE_WRITE : KC_PTE_READ;
	unsigned long *pte = kc_pte_of(mm, addr);
	struct vm_area_struct *vma;
	int err = -EFAULT;

	if (!pte)
		return -EFAULT;
	mutex_lock(&mm->mmap_lock);
	vma = kc_find_vma(mm, addr);
	if (vma && vma->vm_start <= addr && kc_pte_prot(vma->kc_prot) & need) {
		if (kc_pte_get(pte) & KC_PTE_PRESENT)
			err = 0;	/* somebody was faster */
		else if (mm->kc_nr_runs >= KC_MM_MAX_RUNS)
			err = -ENOMEM;
		else
			err = populate_one(mm, pte - mm->kc_pte, vma->kc_prot);
	}
	mutex_unlock(&mm->mmap_lock);
	return err;
}

/* An address space in the window that overlaps [start, start + bytes); NULL: none. mms_lock held. */
static struct mm_struct *mm_overlaps(unsigned long start, unsigned long bytes)
{
	unsigned int slot;

	for (slot = 0; slot < ARRAY_SIZE(mms); slot++)
		if (mm_used[slot] && start < mms[slot].kc_end && mms[slot].kc_start < start + bytes)
			return &mms[slot];
	return NULL;
}

/* Take a fixed part of the window: half of it, a quarter, … Returns the slot, or -1. mms_lock held. */
static int mm_take_fixed(void)
{
	unsigned long start = HOST_USER_BASE;
	int slot;

	for (slot = 0; slot < KC_MM_MAX; slot++) {
		if (!mm_overlaps(start, mm_bytes[slot])) {
			mms[slot].kc_start = start;
			mms[slot].kc_end = start + mm_bytes[slot];
			return slot;
		}
		start += mm_bytes[slot];
	}
	return -1;
}

/* Take the highest part of the window that is free and large enough: the slot, or -1. mms_lock held. */
static int mm_take_sized(unsigned long bytes)
{
	unsigned long start = HOST_USER_BASE + HOST_USER_BYTES - bytes;
	struct mm_struct *other;
	int slot = KC_MM_MAX;

	while (slot < ARRAY_SIZE(mms) && mm_used[slot])
		slot++;
	if (slot == ARRAY_SIZE(mms))
		return -1;
	while ((other = mm_overlaps(start, bytes))) {
		if (other->kc_start < HOST_USER_BASE + bytes)
			return -1;
		start = other->kc_start - bytes;
	}
	mms[slot].kc_start = start;
	mms[slot].kc_end = start + bytes;
	return slot;
}

static struct mm_struct *mm_create(unsigned long bytes, const char *site)
{
	struct mm_struct *mm = NULL;
	unsigned long flags;
	int slot;

	BUILD_BUG_ON((512UL << 20) != HOST_USER_BYTES);
	spin_lock_irqsave(&mms_lock, flags);
	slot = bytes ? mm_take_sized(bytes) : mm_take_fixed();
	if (slot >= 0) {
		mm = &mms[slot];
		mm_used[slot] = true;
		*mm = (struct mm_struct){ .kc_start = mm->kc_start, .kc_bytes = mm->kc_end - mm->kc_start,
					  .kc_pte = &window_ptes[(mm->kc_start - HOST_USER_BASE) >> PAGE_SHIFT],
					  .kc_end = mm->kc_end, .kc_slot = slot, .kc_site = site };
	}
	spin_unlock_irqrestore(&mms_lock, flags);
	if (!mm)
		return NULL;
	mutex_init(&mm->mmap_lock);
	INIT_LIST_HEAD(&mm->kc_vmas);
	return mm;
}

/**
 * kc_mm_create_at() - an address space (kc_mm_create())
 * @site: the call, for the leak table
 *
 * Context: task, set-up.
 * Return: the address space, empty; NULL: KC_MM_MAX there already, or the window is taken.
 */
struct mm_struct *kc_mm_create_at(const char *site)
{
	return mm_create(0, site);
}

/**
 * kc_mm_create_sized_at() - an address space of a given size (kc_mm_create_sized())
 * @bytes: at least so much of the window, guard pages of its mappings included; above 0
 * @site: the call, for the leak table
 *
 * Context: task, set-up.
 * Return: the address space, empty; NULL: KC_MM_MAX_SIZED there already, or the window is taken.
 */
struct mm_struct *kc_mm_create_sized_at(unsigned long bytes, const char *site)
{
	if (!bytes || bytes > HOST_USER_BYTES)
		return NULL;
	return mm_create(PAGE_ALIGN(bytes), site);
}

static unsigned int count_pinned(struct mm_struct *mm, const struct vm_area_struct *vma)
{
	unsigned int pinned = 0;
	unsigned long addr;

	for (addr = vma->vm_start; addr < vma->vm_end; addr += PAGE_SIZE) {
		unsigned long pte = kc_pte_get(kc_pte_of(mm, addr));

		if (pte && kc_page_pins(pfn_to_page(pte >> PAGE_SHIFT)))
			pinned++;
	}
	return pinned;
}

/**
 * kc_mm_destroy() - unmap everything and give the part of the window back
 * @mm: no task uses it any more; current->mm is cleared if it is this one
 *
 * WARNs when pages of it are still pinned; those frames live until they are unpinned.
 *
 * Context: task, may sleep.
 */
void kc_mm_destroy(struct mm_struct *mm)
{
	unsigned int pinned = 0;
	unsigned long flags;

	while (!list_empty(&mm->kc_vmas)) {
		struct vm_area_struct *vma = list_first_entry(&mm->kc_vmas, struct vm_area_struct, kc_node);

		pinned += count_pinned(mm, vma);
		BUG_ON(kc_munmap(mm, vma->vm_start, vma->vm_end - vma->vm_start));
	}
	WARN(pinned, "address space destroyed with %u pages pinned\n", pinned);
	BUG_ON(mm->kc_nr_vmas || mm->kc_nr_runs);
	if (current->mm == mm)
		current->mm = NULL;
	mm->kc_pte = NULL;	/* kc_munmap() has cleared all of it */
	spin_lock_irqsave(&mms_lock, flags);
	mm_used[mm->kc_slot] = false;
	spin_unlock_irqrestore(&mms_lock, flags);
}

/**
 * kc_mm_init() - no address spaces
 *
 * Return: 0.
 */
int kc_mm_init(void)
{
	spin_lock_init(&mms_lock);
	memset(mms, 0, sizeof(mms));
	memset(mm_used, 0, sizeof(mm_used));
	window_touched = false;
	return kc_umem_init();
}

/**
 * kc_mm_exit() - forget all address spaces; nothing of this world stays in the window
 */
void kc_mm_exit(void)
{
	unsigned int i;

	if (window_touched)
		BUG_ON(host_user_unmap(HOST_USER_BASE, HOST_USER_BYTES));
	for (i = 0; i < ARRAY_SIZE(mms); i++)
		if (mm_used[i])
			memset(mms[i].kc_pte, 0, (mms[i].kc_bytes >> PAGE_SHIFT) * sizeof(*mms[i].kc_pte));
	window_touched = false;
	memset(mm_used, 0, sizeof(mm_used));
}

/**
 * kc_mm_audit() - which address spaces were not destroyed?
 *
 * Destroys them, so that the page audit counts only what is held beyond them.
 *
 * Context: end of a world, before the audits of slab and pages. Return: their number, each printed.
 */
int kc_mm_audit(void)
{
	unsigned int i;
	int left;

	kc_leak_begin();
	for (i = 0; i < ARRAY_SIZE(mms); i++) {
		if (!mm_used[i])
			continue;
		kc_leak_add("address space", mms[i].kc_site, mms[i].kc_end - mms[i].kc_start);
		kc_mm_destroy(&mms[i]);
	}
	left = kc_leak_print();
	kc_umem_exit();
	return left;
}
