// SPDX-License-Identifier: GPL-2.0-only
/*
 * user.c - user memory: copies, faults, and references to its pages.
 *
 * All of it is the laboratory's: its page table says who may do what, down to the byte. access_ok() is the kernel's
 * own, with task_size at the end of the laboratory's user window. One page of user addresses that the window does
 * not have, UP_ARG_VA, holds the arguments of ioctls that this side makes itself.
 *
 * A page reference taken by GUP is a pin in the laboratory (mm.c).
 */
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/uaccess.h>
#include "k.h"
#include "arg.h"

unsigned char up_arg[UP_ARG_BYTES];

static bool is_arg(unsigned long uaddr, unsigned long n)
{
	return uaddr >= UP_ARG_VA && n <= UP_ARG_BYTES && uaddr - UP_ARG_VA <= UP_ARG_BYTES - n;
}

static unsigned long user_copy(enum up_copy how, unsigned long uaddr, void *kernel, unsigned long n)
{
	if (!current->mm)
		up_bug("user memory is accessed by a task that has none");
	return n - upl_user_copy(how, uaddr, kernel, n, !pagefault_disabled() && !in_atomic());
}

unsigned long raw_copy_from_user(void *to, const void __user *from, unsigned long n)
{
	unsigned long uaddr = (__force unsigned long)from;

	if (is_arg(uaddr, n)) {
		memcpy(to, up_arg + (uaddr - UP_ARG_VA), n);
		return 0;
	}
	return user_copy(UP_COPY_FROM, uaddr, to, n);
}

unsigned long raw_copy_to_user(void __user *to, const void *from, unsigned long n)
{
	unsigned long uaddr = (__force unsigned long)to;

	if (is_arg(uaddr, n)) {
		memcpy(up_arg + (uaddr - UP_ARG_VA), from, n);
		return 0;
	}
	return user_copy(UP_COPY_TO, uaddr, (void *)from, n);
}

unsigned long __clear_user(void __user *to, unsigned long n)
{
	return user_copy(UP_COPY_ZERO, (__force unsigned long)to, NULL, n);
}

size_t fault_in_readable(const char __user *uaddr, size_t size)
{
	if (size && !access_ok(uaddr, size))
		return size;
	return size ? user_copy(UP_TOUCH_READ, (__force unsigned long)uaddr, NULL, size) : 0;
}

size_t fault_in_writeable(char __user *uaddr, size_t size)
{
	if (size && !access_ok(uaddr, size))
		return size;
	return size ? user_copy(UP_TOUCH_WRITE, (__force unsigned long)uaddr, NULL, size) : 0;
}

size_t fault_in_safe_writeable(const char __user *uaddr, size_t size)
{
	return fault_in_writeable((char __user *)uaddr, size);
}

#define GUP_BATCH	64
#if UP_SINCE(6, 12)
#define FOLL_FAST_ONLY	0		/* no longer a caller's to ask for */
#endif

/* Take references to @nr pages from @start on; as the kernel's, what was had before an error counts. */
static int gup(unsigned long start, int nr, unsigned int flags, struct page **pages)
{
	unsigned long pfns[GUP_BATCH];
	int got, i, done = 0;

	if (flags & ~(FOLL_WRITE | FOLL_NOFAULT | FOLL_GET | FOLL_FAST_ONLY))
		up_bug("get_user_pages: flags %#x are not known here", flags);
	if (!current->mm)
		up_bug("get_user_pages by a task without user memory");
	start = untagged_addr(start) & PAGE_MASK;
	if (!access_ok((void __user *)start, (unsigned long)nr << PAGE_SHIFT))
		return -EFAULT;
	while (done < nr) {
		got = upl_pin(start + ((unsigned long)done << PAGE_SHIFT), min(nr - done, GUP_BATCH),
			      flags & FOLL_WRITE, !(flags & (FOLL_NOFAULT | FOLL_FAST_ONLY)), pfns);
		for (i = 0; i < got; i++) {
			pages[done + i] = pfn_to_page(pfns[i]);
			up_pin_note(pages[done + i]);
		}
		if (got <= 0)
			return done ?: got ?: -EFAULT;
		done += got;
		if (got < min(nr - done + got, GUP_BATCH))
			break;
	}
	return done;
}

int get_user_pages_fast(unsigned long start, int nr_pages, unsigned int gup_flags, struct page **pages)
{
	return gup(start, nr_pages, gup_flags, pages);
}

/*
 * What takes pins in later kernels: the same, and unpin_user_page*() drops the reference. The page of zeros, with which
 * fs/direct-io.c fills blocks up, is never pinned.
 */
int pin_user_pages_fast(unsigned long start, int nr_pages, unsigned int gup_flags, struct page **pages)
{
	return gup(start, nr_pages, gup_flags, pages);
}

void unpin_user_page(struct page *page)
{
	if (page != ZERO_PAGE(0))
		put_page(page);
}

void unpin_user_page_range_dirty_lock(struct page *page, unsigned long npages, bool make_dirty)
{
	unsigned long i;

	for (i = 0; i < npages; i++) {
		if (make_dirty && !PageDirty(page + i))
			set_page_dirty_lock(page + i);
		unpin_user_page(page + i);
	}
}

#if UP_SINCE(6, 12)
void unpin_user_pages(struct page **pages, unsigned long npages)
{
	while (npages--)
		unpin_user_page(*pages++);
}

/* One pin more of a page that has one: a reference, and no pin of the laboratory's. */
void folio_add_pin(struct folio *folio)
{
	if (&folio->page != ZERO_PAGE(0))
		folio_get(folio);
}

void unpin_user_folio(struct folio *folio, unsigned long npages)
{
	while (npages--)
		unpin_user_page(&folio->page);
}
#endif
