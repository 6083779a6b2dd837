/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * page-flags.h - bits of page->flags. Those with an owner at the time they change (buddy, slab, head)
 * are plain stores; DIRTY may be set by anyone who holds the page and is an atomic. Pages of the page cache
 * are never a user's: all their bits change under the cache's lock, and are plain stores.
 */
#ifndef _LINUX_PAGE_FLAGS_H
#define _LINUX_PAGE_FLAGS_H

#include <linux/mm_types.h>
#include <linux/compiler.h>
#include <linux/bitops.h>

enum pageflags {
	PG_dirty,
	PG_slab,
	PG_head,		/* first page of a compound page */
	PG_reserved,		/* the zero page */
	PG_buddy,		/* first page of a free block */
	PG_free,		/* in no one's hands: within a free block or a magazine (check builds) */
	PG_locked,		/* page cache: one task has its contents */
	PG_uptodate,		/* page cache: its contents are the file's */
	PG_owner_priv_1,	/* page cache: the filesystem's own */
	__NR_PAGEFLAGS,
};

#define KC_PAGEFLAG(uname, lname)						\
static inline bool Page##uname(const struct page *page)				\
{										\
	return READ_ONCE(page->flags) & (1UL << PG_##lname);			\
}
#define KC_PAGEFLAG_OWNED(uname, lname)						\
static inline void __SetPage##uname(struct page *page)				\
{										\
	WRITE_ONCE(page->flags, page->flags | (1UL << PG_##lname));		\
}										\
static inline void __ClearPage##uname(struct page *page)			\
{										\
	WRITE_ONCE(page->flags, page->flags & ~(1UL << PG_##lname));		\
}

KC_PAGEFLAG(Dirty, dirty)
KC_PAGEFLAG(Slab, slab) KC_PAGEFLAG_OWNED(Slab, slab)
KC_PAGEFLAG(Head, head) KC_PAGEFLAG_OWNED(Head, head)
KC_PAGEFLAG(Reserved, reserved) KC_PAGEFLAG_OWNED(Reserved, reserved)
KC_PAGEFLAG(Buddy, buddy) KC_PAGEFLAG_OWNED(Buddy, buddy)
KC_PAGEFLAG(Free, free) KC_PAGEFLAG_OWNED(Free, free)
KC_PAGEFLAG(Locked, locked) KC_PAGEFLAG_OWNED(Locked, locked)
KC_PAGEFLAG(Uptodate, uptodate) KC_PAGEFLAG_OWNED(Uptodate, uptodate)
KC_PAGEFLAG(OwnerPriv1, owner_priv_1) KC_PAGEFLAG_OWNED(OwnerPriv1, owner_priv_1)
KC_PAGEFLAG_OWNED(Dirty, dirty)

static inline void SetPageDirty(struct page *page)
{
	set_bit(PG_dirty, &page->flags);
}

static inline void ClearPageDirty(struct page *page)
{
	clear_bit(PG_dirty, &page->flags);
}

/* Every frame is in the linear map. */
static inline bool PageHighMem(const struct page *page)
{
	return false;
}

/* There are no huge pages. */
static inline bool folio_test_hugetlb(const struct folio *folio)
{
	return false;
}

static inline bool PageTail(const struct page *page)
{
	return READ_ONCE(page->compound_head) & 1;
}

static inline bool PageCompound(const struct page *page)
{
	return PageHead(page) || PageTail(page);
}

static inline struct page *kc_compound_head(const struct page *page)
{
	unsigned long head = READ_ONCE(page->compound_head);

	return (struct page *)((head & 1) ? head - 1 : (unsigned long)page);
}
#define compound_head(page)	kc_compound_head(page)

#endif
