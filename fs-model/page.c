// SPDX-License-Identifier: GPL-2.0-only
/*
 * page.c - the pages of the page cache: their states, their locks, how many there may be.
 *
 * One spinlock a cache guards the tree of its pages (page-tree.c) and their state bits: dirty, locked,
 * uptodate. One more bit, stale, is set on a page that somebody has locked when it should be forgotten: it is
 * then forgotten when it is unlocked. So a direct write can invalidate where it ends, in any context, and need
 * not wait for a reader that is filling a page with what was on disk before: the reader finds its page gone
 * and reads again.
 *
 * The cache holds one reference on each page, and so does who was handed one; a page that was forgotten lives
 * until its last reader is through.
 *
 * No more than LAB_CACHE_MAX_PAGES: who wants another one drops clean pages, going round by index, or writes
 * dirty ones back, or waits until somebody unlocks one. The same when there is no memory; and then a page and
 * the nodes above it are in reserve, so that a cache from which all has been dropped can have one page. So
 * write-back from above, through a loop device, gets on without memory, if slowly, and needs nobody's help.
 */
#include <linux/bug.h>
#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <kc/probe.h>
#include "fs-internal.h"

#define DROP_BATCH	32u		/* clean pages dropped at once when there is no room */

/* PG_stale: see above. */
#define PageStale(page)		PageOwnerPriv1(page)
#define __SetPageStale(page)	__SetPageOwnerPriv1(page)
#define __ClearPageStale(page)	__ClearPageOwnerPriv1(page)

static struct lab_page_cache *cache_of(const struct page *page)
{
	return &lab_i(page->mapping->host)->cache;
}

/**
 * lab_cache_init - no page
 * @cache: zeroed, of an inode that is being made
 *
 * Context: task, may sleep. Return: 0; -ENOMEM: lab_cache_exit() is still due.
 */
int lab_cache_init(struct lab_page_cache *cache)
{
	BUILD_BUG_ON(LAB_BLOCK_BYTES != PAGE_SIZE);
	BUILD_BUG_ON(LAB_MAX_FILE_BYTES >> PAGE_SHIFT > 1ull << (LAB_NODE_SHIFT * LAB_NODE_LEVELS));
	spin_lock_init(&cache->lock);
	cache->root = NULL;
	cache->nr_dirty = 0;
	cache->hand = 0;
	cache->unlocks = 0;
	cache->nr_errors = 0;
	init_waitqueue_head(&cache->wait);
	cache->reserve = alloc_page(GFP_NOFS);
	if (!cache->reserve)
		return -ENOMEM;
	while (cache->nr_spare < LAB_NODE_LEVELS) {
		struct lab_page_node *node = lab_cache_node_alloc(GFP_NOFS);

		if (!node)
			return -ENOMEM;
		cache->spare[cache->nr_spare++] = node;
	}
	return 0;
}

/**
 * lab_cache_exit - the end of a cache
 * @cache: no page in it
 */
void lab_cache_exit(struct lab_page_cache *cache)
{
	if (cache->reserve)
		put_page(cache->reserve);
	while (cache->nr_spare)
		kfree(cache->spare[--cache->nr_spare]);
}

/* @page is in no cache any more: drop the reference, or keep the page in reserve. @cache locked. */
static void give_back(struct lab_page_cache *cache, struct page *page)
{
	if (!cache->reserve && page_count(page) == 1) {
		__ClearPageUptodate(page);
		cache->reserve = page;
	} else {
		put_page(page);
	}
}

/**
 * lab_cache_del - forget a page
 * @cache: locked
 * @page: in it, not locked by anybody but the caller; dirty or not. The cache's reference is dropped
 *
 * Context: any.
 */
void lab_cache_del(struct lab_page_cache *cache, struct page *page)
{
	lab_cache_remove(cache, page->index, page);
	if (PageDirty(page)) {
		__ClearPageDirty(page);
		WRITE_ONCE(cache->nr_dirty, cache->nr_dirty - 1);
	}
	__ClearPageStale(page);
	WRITE_ONCE(page->mapping->nrpages, page->mapping->nrpages - 1);
	WRITE_ONCE(page->mapping, NULL);
	give_back(cache, page);
}

/* ---- room ----------------------------------------------------------------------------------- */

/* Drop up to DROP_BATCH pages that are neither dirty nor locked, from the hand on. How many. */
static unsigned int drop_clean(struct lab_page_cache *cache)
{
	pgoff_t start = cache->hand, index = start;
	unsigned int dropped = 0;
	bool wrapped = false;
	struct page *page;

	while (dropped < DROP_BATCH) {
		page = lab_cache_next(cache, index, wrapped ? start : ~0ul);
		if (!page && wrapped)
			break;
		if (!page) {
			wrapped = true;
			index = 0;
			continue;
		}
		index = page->index + 1;
		if (!PageDirty(page) && !PageLocked(page)) {
			lab_cache_del(cache, page);
			dropped++;
		}
	}
	cache->hand = index;
	return dropped;
}

/*
 * Let there be room for one page more. No page is locked by the caller. @shrink: also let there be fewer pages
 * than there are, or one in reserve. Sleeps. False: @shrink, and there is none at all.
 */
static bool make_room(struct inode *inode, bool shrink)
{
	unsigned long max = shrink ? 0 : LAB_CACHE_MAX_PAGES - 1;
	struct lab_page_cache *cache = &lab_i(inode)->cache;
	unsigned long flags, nr;
	bool done, dirty, some;
	u64 unlocks;

	for (;;) {
		spin_lock_irqsave(&cache->lock, flags);
		nr = inode->i_mapping->nrpages;
		some = nr || cache->reserve;
		done = nr <= max || drop_clean(cache);
		dirty = cache->nr_dirty;
		unlocks = cache->unlocks;
		spin_unlock_irqrestore(&cache->lock, flags);
		if (done)
			return !shrink || some;
		if (dirty)
			lab_cache_write(inode, 0, LAB_MAX_FILE_BYTES);
		else
			lab_cache_wait_unlock(cache, unlocks);
	}
}

/* ---- pages ----------------------------------------------------------------------------------- */

static struct page *take_reserve(struct lab_page_cache *cache)
{
	struct page *page;
	unsigned long flags;

	spin_lock_irqsave(&cache->lock, flags);
	page = cache->reserve;
	cache->reserve = NULL;
	spin_unlock_irqrestore(&cache->lock, flags);
	return page;
}

/*
 * A new page at @index, locked, with a second reference for the caller; the one in reserve if @must and there
 * is no other. 0, -EEXIST, -ENOMEM.
 */
static int add_page(struct inode *inode, pgoff_t index, bool must, struct page **out)
{
	struct lab_page_cache *cache = &lab_i(inode)->cache;
	struct page *page = alloc_page(GFP_NOFS | __GFP_NOWARN);
	unsigned long flags;
	int err;

	if (!page && must)
		page = take_reserve(cache);
	if (!page)
		return -ENOMEM;
	page->mapping = inode->i_mapping;
	page->index = index;
	__SetPageLocked(page);
	spin_lock_irqsave(&cache->lock, flags);
	err = lab_cache_insert(cache, index, page);
	if (!err) {
		get_page(page);
		WRITE_ONCE(inode->i_mapping->nrpages, inode->i_mapping->nrpages + 1);
	}
	if (err) {
		page->mapping = NULL;
		__ClearPageLocked(page);
		give_back(cache, page);
	}
	spin_unlock_irqrestore(&cache->lock, flags);
	if (err)
		return err;
	lab_probe(CACHE_ADDS);
	*out = page;
	return 0;
}

/**
 * lab_page_try_add - a new page, if that needs no waiting for room or for another page
 * @inode: i_rwsem held
 * @index: where
 *
 * For who has pages locked already. Context: task, may sleep for memory. Return: the page, locked and
 * referenced, not uptodate; NULL: there is one already, or no room, or no memory.
 */
struct page *lab_page_try_add(struct inode *inode, pgoff_t index)
{
	struct page *page;

	if (READ_ONCE(inode->i_mapping->nrpages) >= LAB_CACHE_MAX_PAGES)
		return NULL;
	return add_page(inode, index, false, &page) ? NULL : page;
}

/**
 * lab_page_find - the page at @index, if there is one and its contents are the file's
 * @inode: any
 * @index: where
 *
 * Context: any. Return: the page, referenced, uptodate, locked by somebody or not; or NULL.
 */
struct page *lab_page_find(struct inode *inode, pgoff_t index)
{
	struct lab_page_cache *cache = &lab_i(inode)->cache;
	struct page *page;
	unsigned long flags;

	spin_lock_irqsave(&cache->lock, flags);
	page = lab_cache_next(cache, index, index);
	if (page && !PageUptodate(page))
		page = NULL;
	if (page)
		get_page(page);
	spin_unlock_irqrestore(&cache->lock, flags);
	return page;
}

/* 1: @out is the page, locked and referenced; 0: there is none; -EAGAIN: it is locked. */
static int try_lock_page(struct lab_page_cache *cache, pgoff_t index, struct page **out, u64 *unlocks)
{
	struct page *page;
	unsigned long flags;
	int ret = 0;

	spin_lock_irqsave(&cache->lock, flags);
	*unlocks = cache->unlocks;
	page = lab_cache_next(cache, index, index);
	if (page && PageLocked(page)) {
		ret = -EAGAIN;
	} else if (page) {
		__SetPageLocked(page);
		get_page(page);
		ret = 1;
	}
	spin_unlock_irqrestore(&cache->lock, flags);
	*out = page;
	return ret;
}

/**
 * lab_page_get - the page at @index, locked; a new one if there is none
 * @inode: i_rwsem held, exclusively if the page is to be changed
 * @index: where, below LAB_MAX_FILE_BYTES
 * @out: the page, referenced; a new one is not uptodate
 *
 * Context: task, sleeps: waits for who has it locked, and for room; the caller has no page locked.
 * Return: 0; -ENOMEM: not even one page, since others still hold the one that was in reserve.
 */
int lab_page_get(struct inode *inode, pgoff_t index, struct page **out)
{
	struct lab_page_cache *cache = &lab_i(inode)->cache;
	u64 unlocks;
	int ret;

	might_sleep();
	for (;;) {
		ret = try_lock_page(cache, index, out, &unlocks);
		if (ret > 0)
			return 0;
		if (ret < 0) {
			lab_cache_wait_unlock(cache, unlocks);
			continue;
		}
		make_room(inode, false);
		ret = add_page(inode, index, true, out);
		if (!ret || (ret == -ENOMEM && !make_room(inode, true)))
			return ret;
	}
}

/**
 * lab_cache_wait_unlock - until a page of the cache is unlocked
 * @cache: not locked
 * @unlocks: cache->unlocks when the page that one wants was seen locked
 *
 * Context: task, sleeps.
 */
void lab_cache_wait_unlock(struct lab_page_cache *cache, u64 unlocks)
{
	io_wait_event(cache->wait, READ_ONCE(cache->unlocks) != unlocks);
}

/**
 * lab_page_unlock - let others have the page; if it is stale, forget it
 * @page: locked by the caller, who keeps the reference
 *
 * Context: any.
 */
void lab_page_unlock(struct page *page)
{
	struct lab_page_cache *cache = cache_of(page);
	unsigned long flags;

	spin_lock_irqsave(&cache->lock, flags);
	BUG_ON(!PageLocked(page));
	__ClearPageLocked(page);
	WRITE_ONCE(cache->unlocks, cache->unlocks + 1);
	if (PageStale(page))
		lab_cache_del(cache, page);
	spin_unlock_irqrestore(&cache->lock, flags);
	if (wq_has_sleeper(&cache->wait))
		wake_up_all(&cache->wait);
}

/**
 * lab_page_set_uptodate - the page's contents are the file's
 * @page: locked by the caller
 *
 * Context: any. A stale page stays what it is: nobody finds it any more once it is unlocked.
 */
void lab_page_set_uptodate(struct page *page)
{
	struct lab_page_cache *cache = cache_of(page);
	unsigned long flags;

	spin_lock_irqsave(&cache->lock, flags);
	BUG_ON(!PageLocked(page));
	if (!PageStale(page))
		__SetPageUptodate(page);
	spin_unlock_irqrestore(&cache->lock, flags);
}

/**
 * lab_page_set_dirty - the disk does not have the page's contents
 * @page: uptodate, locked by the caller, who holds i_rwsem exclusively with no direct IO in flight
 *
 * Context: task.
 */
void lab_page_set_dirty(struct page *page)
{
	struct lab_page_cache *cache = cache_of(page);
	unsigned long flags;

	lockdep_assert_held_write(&page->mapping->host->i_rwsem);
	spin_lock_irqsave(&cache->lock, flags);
	BUG_ON(!PageLocked(page) || PageStale(page));
	WARN_ON(!PageUptodate(page));
	if (!PageDirty(page)) {
		__SetPageDirty(page);
		WRITE_ONCE(cache->nr_dirty, cache->nr_dirty + 1);
	}
	spin_unlock_irqrestore(&cache->lock, flags);
}

/* ---- ranges ------------------------------------------------------------------------------------ */

static pgoff_t last_index(loff_t pos, u64 len_bytes)
{
	return (pos + len_bytes - 1) >> PAGE_SHIFT;
}

/**
 * lab_cache_is_dirty - has the range a page that the disk does not have?
 * @inode: any
 * @pos: bytes
 * @len_bytes: >= 1
 *
 * Pages whose write-back is under way count. Context: any.
 */
bool lab_cache_is_dirty(struct inode *inode, loff_t pos, u64 len_bytes)
{
	struct lab_page_cache *cache = &lab_i(inode)->cache;
	pgoff_t last = last_index(pos, len_bytes);
	struct page *page = NULL;
	unsigned long flags;

	spin_lock_irqsave(&cache->lock, flags);
	if (cache->nr_dirty)
		page = lab_cache_next(cache, pos >> PAGE_SHIFT, last);
	while (page && !PageDirty(page))
		page = lab_cache_next(cache, page->index + 1, last);
	spin_unlock_irqrestore(&cache->lock, flags);
	return page;
}

/**
 * lab_cache_invalidate - forget the clean pages of a range
 * @inode: i_rwsem held, or a count of lab_inode_dio_begin(): so that who has a page locked only reads
 * @pos: bytes
 * @len_bytes: >= 1
 *
 * Does not wait: a page that is locked is forgotten when it is unlocked. Dirty ones stay. Context: any.
 * Return: 0: no page of the range is left; -EBUSY: one was locked or dirty.
 */
int lab_cache_invalidate(struct inode *inode, loff_t pos, u64 len_bytes)
{
	struct lab_page_cache *cache = &lab_i(inode)->cache;
	pgoff_t index = pos >> PAGE_SHIFT, last = last_index(pos, len_bytes);
	struct page *page;
	unsigned long flags;
	int ret = 0;

	spin_lock_irqsave(&cache->lock, flags);
	while ((page = lab_cache_next(cache, index, last))) {
		index = page->index + 1;
		if (PageDirty(page)) {
			ret = -EBUSY;
		} else if (PageLocked(page)) {
			__SetPageStale(page);
			__ClearPageUptodate(page);
			ret = -EBUSY;
		} else {
			lab_cache_del(cache, page);
		}
	}
	spin_unlock_irqrestore(&cache->lock, flags);
	return ret;
}

/**
 * lab_cache_drop - forget all pages of a range, dirty ones too
 * @inode: i_rwsem held exclusively, no direct IO in flight; or nobody else has it any more
 * @pos: bytes
 * @len_bytes: >= 1
 *
 * Context: task, sleeps: waits for pages that are locked, in truth for their write-back.
 */
void lab_cache_drop(struct inode *inode, loff_t pos, u64 len_bytes)
{
	struct lab_page_cache *cache = &lab_i(inode)->cache;
	pgoff_t index = pos >> PAGE_SHIFT, last = last_index(pos, len_bytes);
	struct page *page;
	unsigned long flags;
	u64 unlocks;
	bool locked;

	while (READ_ONCE(inode->i_mapping->nrpages)) {
		spin_lock_irqsave(&cache->lock, flags);
		page = lab_cache_next(cache, index, last);
		locked = page && PageLocked(page);
		unlocks = cache->unlocks;
		if (page && !locked) {
			index = page->index + 1;
			lab_cache_del(cache, page);
		}
		spin_unlock_irqrestore(&cache->lock, flags);
		if (!page)
			return;
		if (locked)
			lab_cache_wait_unlock(cache, unlocks);
	}
}
