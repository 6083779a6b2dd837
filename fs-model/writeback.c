// SPDX-License-Identifier: GPL-2.0-only
/*
 * writeback.c - dirty pages to the disk: who asks for it, in which bios, and when it is over.
 *
 * Dirty pages that follow each other in the file, and whose blocks do on disk, go out in one bio of up to
 * BIO_MAX_VECS pages; the map is asked once a bio. Several bios are under way at once. A page is locked from
 * then until its bio has ended, what was unwritten of it is converted, and it is clean; all this is done by the
 * task that wrote, since converting sleeps.
 *
 * No hang. Pages are locked in the order of their index, so those that write back one file wait for each other
 * in one direction only. Who waits for a page that somebody else has locked, or for a bio from the pool, has
 * no bio: it sees all of its own to their end before. So whoever has a bio waits for nothing but the disk, and a
 * pool of a few, which the filesystem keeps for this alone, is enough without any other memory. What a bio
 * waits for below, on a loop device, are locks, pages and bios of another filesystem.
 *
 * Who writes back: fsync and the like; who dirties the page that is one too many, and waits; and before it comes
 * to that, if the filesystem has a flusher, a work item, at half as many.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/bug.h>
#include <linux/completion.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/workqueue.h>
#include <kc/probe.h>
#include "fs-internal.h"

#define WB_POOL_SIZE	2	/* bios kept back */
#define WB_MAX_BIOS	16u	/* that one task has under way */

/**
 * struct wb - one task writing back
 * @inode: what
 * @bio: being filled, its pages locked; NULL: none
 * @next: the index that continues @bio
 * @left_bytes: of its extent after what is in it
 * @in_flight: bios submitted and not seen to their end
 * @ended: those of them that the disk is through with, under @lock
 * @end: completed once for each
 * @err: the first error
 */
struct wb {
	struct inode *inode;
	struct wb_bio *bio;
	pgoff_t next;
	u64 left_bytes;
	unsigned int in_flight;
	spinlock_t lock;
	struct bio_list ended;
	struct completion end;
	int err;
};

/* @bio: of the filesystem's set; the rest stands before it. */
struct wb_bio {
	struct wb *wb;
	bool unwritten;
	struct bio bio;
};

static loff_t pos_of(pgoff_t index)
{
	return (loff_t)index << PAGE_SHIFT;
}

/**
 * lab_writeback_init - what write-back needs of a filesystem
 * @fs: being made; its options are there
 *
 * Context: task, may sleep. Return: 0 or -ENOMEM, with nothing left behind.
 */
int lab_writeback_init(struct lab_fs *fs)
{
	int err = bioset_init(&fs->wb_bios, WB_POOL_SIZE, offsetof(struct wb_bio, bio), BIOSET_NEED_BVECS);

	if (err || !fs->opts.flusher)
		return err;
	fs->flusher = alloc_workqueue("flush", WQ_MEM_RECLAIM | WQ_UNBOUND, 1);
	if (fs->flusher)
		return 0;
	bioset_exit(&fs->wb_bios);
	return -ENOMEM;
}

/**
 * lab_writeback_exit - undo lab_writeback_init()
 * @fs: without inodes
 *
 * Context: task, may sleep.
 */
void lab_writeback_exit(struct lab_fs *fs)
{
	if (fs->flusher)
		destroy_workqueue(fs->flusher);
	bioset_exit(&fs->wb_bios);
}

/* ---- pages ------------------------------------------------------------------------------------- */

static void note_error(struct wb *wb, int err)
{
	lab_wb_note(wb->inode, err);
	wb->err = wb->err ?: err;
}

/* @page was written, or is lost. */
static void end_page(struct wb *wb, struct page *page)
{
	struct lab_page_cache *cache = &lab_i(wb->inode)->cache;
	unsigned long flags;

	spin_lock_irqsave(&cache->lock, flags);
	BUG_ON(!PageLocked(page) || !PageDirty(page));
	__ClearPageDirty(page);
	WRITE_ONCE(cache->nr_dirty, cache->nr_dirty - 1);
	spin_unlock_irqrestore(&cache->lock, flags);
	lab_page_unlock(page);
	put_page(page);
}

/* The same for all pages of an element: one, or, under the old rule on bios, those that follow each other in memory. */
static void end_element(struct wb *wb, const struct bio_vec *bv)
{
	unsigned int page;

	for (page = 0; page < PFN_UP(bv->bv_len); page++)
		end_page(wb, bv->bv_page + page);
}

/*
 * Lock the first dirty page of [index, last] and the dirty ones that follow it without a gap, as far as
 * nobody has them locked. Returns how many; 0: none is dirty; -EAGAIN: the first is locked, and not @wait.
 */
static int lock_dirty(struct lab_page_cache *cache, pgoff_t index, pgoff_t last, struct page **pages, bool wait)
{
	int nr = 0;

	for (;;) {
		struct page *page = NULL;
		unsigned long flags;
		u64 unlocks;

		spin_lock_irqsave(&cache->lock, flags);
		if (cache->nr_dirty)
			page = lab_cache_next(cache, index, last);
		while (page && !PageDirty(page))
			page = lab_cache_next(cache, page->index + 1, last);
		while (page && PageDirty(page) && !PageLocked(page) && nr < LAB_PAGE_BATCH) {
			__SetPageLocked(page);
			get_page(page);
			pages[nr++] = page;
			page = lab_cache_next(cache, page->index + 1, min(last, page->index + 1));
		}
		unlocks = cache->unlocks;
		spin_unlock_irqrestore(&cache->lock, flags);
		if (nr || !page)
			return nr;
		if (!wait)
			return -EAGAIN;
		lab_cache_wait_unlock(cache, unlocks);
	}
}

/* ---- bios -------------------------------------------------------------------------------------- */

static void wb_end_io(struct bio *bio)
{
	struct wb *wb = container_of(bio, struct wb_bio, bio)->wb;
	unsigned long flags;

	spin_lock_irqsave(&wb->lock, flags);
	bio_list_add(&wb->ended, bio);
	spin_unlock_irqrestore(&wb->lock, flags);
	complete(&wb->end);		/* @wb may be gone afterwards */
}

/* Wait for a bio of one's own, and see it to its end. */
static void wb_finish_one(struct wb *wb)
{
	unsigned int i, bytes = 0;
	struct wb_bio *w;
	struct bio *bio;
	int err;

	wait_for_completion_io(&wb->end);
	spin_lock_irq(&wb->lock);
	bio = bio_list_pop(&wb->ended);
	spin_unlock_irq(&wb->lock);
	w = container_of(bio, struct wb_bio, bio);
	err = blk_status_to_errno(bio->bi_status);
	lab_fs_wrote(wb->inode);
	for (i = 0; i < bio->bi_vcnt; i++)
		bytes += bio->bi_io_vec[i].bv_len;
	lab_probe_add(WRITEBACKS, PFN_UP(bytes));
	if (!err && w->unwritten)
		err = lab_convert(wb->inode, pos_of(bio->bi_io_vec[0].bv_page->index), bytes);
	if (err)
		note_error(wb, err);
	for (i = 0; i < bio->bi_vcnt; i++)
		end_element(wb, &bio->bi_io_vec[i]);
	bio_put(bio);
	wb->in_flight--;
}

static void wb_submit(struct wb *wb)
{
	struct wb_bio *w = wb->bio;

	if (!w)
		return;
	wb->bio = NULL;
	wb->in_flight++;
	submit_bio(&w->bio);
	if (wb->in_flight == WB_MAX_BIOS)
		wb_finish_one(wb);
}

/* All of one's own to their end: no page is locked afterwards. */
static void wb_drain(struct wb *wb)
{
	wb_submit(wb);
	while (wb->in_flight)
		wb_finish_one(wb);
}

/* A bio for @page, which is not in it yet, and those that follow. */
static int wb_open(struct wb *wb, struct page *page)
{
	unsigned int room = clamp_t(unsigned long, READ_ONCE(lab_i(wb->inode)->cache.nr_dirty), 1, BIO_MAX_VECS);
	struct bio_set *set = &wb->inode->i_lab_fs->wb_bios;
	loff_t pos = pos_of(page->index);
	struct lab_extent ext;
	struct bio *bio;
	int err;

	err = lab_map(wb->inode, pos, min_t(u64, (u64)room << PAGE_SHIFT, LAB_MAX_FILE_BYTES - pos), 0, &ext);
	if (err)
		return err;
	if (WARN(ext.type == LAB_HOLE, "a dirty page lies over a hole\n"))
		return -EIO;
	room = min(room, lab_bio_max_vecs(ext.bdev));
	bio = bio_alloc_bioset(ext.bdev, room, REQ_OP_WRITE | REQ_SYNC, GFP_NOWAIT, set);
	if (!bio) {
		wb_drain(wb);
		bio = bio_alloc_bioset(ext.bdev, room, REQ_OP_WRITE | REQ_SYNC, GFP_NOIO, set);
	}
	bio->bi_iter.bi_sector = ext.sector;
	bio->bi_end_io = wb_end_io;
	wb->bio = container_of(bio, struct wb_bio, bio);
	wb->bio->wb = wb;
	wb->bio->unwritten = ext.type == LAB_UNWRITTEN;
	wb->left_bytes = ext.len_bytes;
	return 0;
}

/* @page into the bio, an element of its own unless the old rule asks the device. False: no room. */
static bool wb_add(struct wb *wb, struct page *page)
{
	unsigned int bytes = min_t(u64, PAGE_SIZE, wb->left_bytes);
	struct bio *bio = &wb->bio->bio;

	if (unlikely(lab_bio_old_rule)) {
		if (!bio_add_page(bio, page, bytes, 0))
			return false;
	} else {
		if (bio_full(bio, PAGE_SIZE))
			return false;
		__bio_add_page(bio, page, bytes, 0);
	}
	wb->left_bytes -= bytes;
	wb->next = page->index + 1;
	return true;
}

/* Have @page, which is dirty, locked and referenced, written. */
static void wb_page(struct wb *wb, struct page *page)
{
	int err;

	if (wb->bio && page->index == wb->next && wb->left_bytes && wb_add(wb, page))
		return;
	wb_submit(wb);
	err = wb_open(wb, page);
	if (err) {
		note_error(wb, err);
		end_page(wb, page);
		return;
	}
	BUG_ON(!wb_add(wb, page));
}

/* ---- who asks for it ------------------------------------------------------------------------------ */

/**
 * lab_cache_write - write the dirty pages of a range back, and wait
 * @inode: i_rwsem held or not: a locked page keeps its block from being freed
 * @pos: bytes
 * @len_bytes: >= 1
 *
 * Pages that are dirty when it is called are clean, or were dirtied again, when it returns; write-back that
 * others have begun is waited for. Context: task, sleeps; no page locked.
 * Return: 0 or the first error of what was written here. Pages that failed are clean: their contents are lost.
 */
int lab_cache_write(struct inode *inode, loff_t pos, u64 len_bytes)
{
	struct lab_page_cache *cache = &lab_i(inode)->cache;
	pgoff_t index = pos >> PAGE_SHIFT, last = (pos + len_bytes - 1) >> PAGE_SHIFT;
	struct page *pages[LAB_PAGE_BATCH];
	struct wb wb = { .inode = inode };
	int nr, i;

	might_sleep();
	spin_lock_init(&wb.lock);
	init_completion(&wb.end);
	while (index <= last) {
		nr = lock_dirty(cache, index, last, pages, !wb.bio && !wb.in_flight);
		if (!nr)
			break;
		if (nr < 0) {
			wb_drain(&wb);
			continue;
		}
		index = pages[nr - 1]->index + 1;
		for (i = 0; i < nr; i++)
			wb_page(&wb, pages[i]);
	}
	wb_drain(&wb);
	return wb.err;
}

/**
 * lab_cache_write_since - the same for a write that was to reach the disk
 * @inode: written to
 * @pos: where, bytes
 * @len_bytes: how much, >= 1
 * @errors: lab_wb_count() from before the first page was dirtied
 * @seen: the sample of who writes; moves on if there is an error, which is told by this
 *
 * Somebody else may have written a page of the range back, and lost it. That is not known by page: an error of any page of
 * the inode counts. Context: task, sleeps; no page locked. Return: 0 or an error of write-back since.
 */
int lab_cache_write_since(struct inode *inode, loff_t pos, u64 len_bytes, u32 errors, errseq_t *seen)
{
	int err = lab_cache_write(inode, pos, len_bytes);

	if (!err && unlikely(lab_wb_count(inode) != errors))
		err = errseq_check(&inode->i_mapping->wb_err, 0);
	if (err)
		lab_wb_check(inode, seen);
	return err;
}

/**
 * lab_cache_sync - write all dirty pages back, and tell of write-back that failed
 * @inode: any
 * @seen: the sample of who asks
 *
 * Context: task, sleeps; no page locked. Return: 0 or the last error of write-back that @seen does not know, whoever met
 * it; it is told once.
 */
int lab_cache_sync(struct inode *inode, errseq_t *seen)
{
	lab_cache_write(inode, 0, LAB_MAX_FILE_BYTES);
	return lab_wb_check(inode, seen);
}

/**
 * lab_flush_work - the flusher: write back what is dirty of one inode
 * @work: the inode's
 */
void lab_flush_work(struct work_struct *work)
{
	struct lab_inode *li = container_of(work, struct lab_inode, flush_work);

	lab_cache_write(&li->inode, 0, LAB_MAX_FILE_BYTES);
}

/**
 * lab_cache_start_writeback - have the flusher write back what is dirty, and do not wait
 * @inode: any
 *
 * An error is for who asks lab_wb_check(). Context: any. Return: false: there is no flusher, or it is about to
 * anyway.
 */
bool lab_cache_start_writeback(struct inode *inode)
{
	struct workqueue_struct *flusher = inode->i_lab_fs->flusher;

	return flusher && queue_work(flusher, &lab_i(inode)->flush_work);
}

/**
 * lab_cache_balance - much is dirty: have it written back; too much: write it back
 * @inode: the caller has dirtied pages of it, and has none locked
 *
 * An error is for who asks lab_wb_check(). Context: task, sleeps.
 */
void lab_cache_balance(struct inode *inode)
{
	unsigned long nr_dirty = READ_ONCE(lab_i(inode)->cache.nr_dirty);

	if (nr_dirty > LAB_CACHE_MAX_DIRTY)
		lab_cache_write(inode, 0, LAB_MAX_FILE_BYTES);
	else if (nr_dirty > LAB_CACHE_BACKGROUND_DIRTY)
		lab_cache_start_writeback(inode);
}
