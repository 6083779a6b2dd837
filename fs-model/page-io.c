// SPDX-License-Identifier: GPL-2.0-only
/*
 * page-io.c - the page cache and the disk: reading pages in, and one page of a buffered write. Writing back is
 * writeback.c's.
 *
 * A page is one fs block, so a page lies in one extent, and is HOLE, UNWRITTEN or MAPPED as a whole; only the
 * last one of a block device may be MAPPED up to the device's end. Reading takes the page that is wanted and
 * those after it that are missing too, asks the map once an extent, and waits for each bio. The bio and its
 * elements are on the stack.
 *
 * A buffered write allocates its block, unwritten, before it copies: so it is the writer who hears of a full
 * disk. Write-back converts what it wrote. A page is locked during its write-back and stays dirty until its
 * end, also when that fails: the contents are then lost, as in Linux, and the error is kept for fsync.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/bug.h>
#include <linux/errno.h>
#include <linux/highmem.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <kc/probe.h>
#include "fs-internal.h"

static loff_t pos_of(const struct page *page)
{
	return (loff_t)page->index << PAGE_SHIFT;
}

/* Read the pages of @ext, which ends with them, or in the last; waits for each bio. The first error. */
static int read_extent(const struct lab_extent *ext, struct page **pages)
{
	struct bio_vec vecs[LAB_PAGE_BATCH];
	u64 done_bytes = 0;
	struct bio bio;
	int err = 0;

	while (done_bytes < ext->len_bytes && !err) {
		unsigned int in_bio = min_t(u64, PFN_UP(ext->len_bytes - done_bytes),
					    min(LAB_PAGE_BATCH, (unsigned int)BIO_MAX_VECS));

		bio_init(&bio, ext->bdev, vecs, in_bio, REQ_OP_READ | REQ_SYNC);
		bio.bi_iter.bi_sector = ext->sector + (done_bytes >> SECTOR_SHIFT);
		for (; in_bio; in_bio--) {
			unsigned int bytes = min_t(u64, PAGE_SIZE, ext->len_bytes - done_bytes);

			if (!bio_add_page(&bio, *pages, bytes, 0))
				break;		/* the old rule on bios: another one goes on */
			pages++;
			done_bytes += bytes;
		}
		err = submit_bio_wait(&bio);
		bio_uninit(&bio);
	}
	return err;
}

/* ---- reading --------------------------------------------------------------------------------- */

/* Give @nr locked pages, of indices that follow each other, the file's contents. */
static int fill_pages(struct inode *inode, struct page **pages, unsigned int nr)
{
	unsigned int i, of_ext, tail_bytes;
	struct lab_extent ext;
	int err = 0;

	for (i = 0; i < nr && !err; i += of_ext) {
		err = lab_map(inode, pos_of(pages[i]), (u64)(nr - i) << PAGE_SHIFT, 0, &ext);
		if (err)
			break;
		of_ext = PFN_UP(ext.len_bytes);
		if (ext.type == LAB_MAPPED) {
			tail_bytes = offset_in_page(ext.len_bytes);
			if (tail_bytes)
				memzero_page(pages[i + of_ext - 1], tail_bytes, PAGE_SIZE - tail_bytes);
			err = read_extent(&ext, pages + i);
		} else {
			unsigned int at;

			for (at = i; at < i + of_ext; at++)
				clear_highpage(pages[at]);
		}
	}
	for (i = 0; i < nr && !err; i++)
		lab_page_set_uptodate(pages[i]);
	return err;
}

/**
 * lab_cache_read - have a page, and missing ones after it, read in
 * @inode: i_rwsem held
 * @index: of the page that is wanted
 * @nr: pages that will be wanted, @index included, >= 1; at most LAB_PAGE_BATCH are read
 *
 * The page may be gone again when this returns: forgotten for want of room, or since a direct write has
 * overtaken the read. Look, and read again. Context: task, sleeps; no page locked. Return: 0; -ENOMEM, or
 * the error of the read: the pages are then in the cache, not uptodate.
 */
int lab_cache_read(struct inode *inode, pgoff_t index, unsigned int nr)
{
	struct page *pages[LAB_PAGE_BATCH];
	unsigned int got = 1;
	int err = lab_page_get(inode, index, &pages[0]);

	if (err)
		return err;
	nr = min(nr, LAB_PAGE_BATCH);
	if (!PageUptodate(pages[0])) {
		while (got < nr) {
			pages[got] = lab_page_try_add(inode, index + got);
			if (!pages[got])
				break;
			got++;
		}
		err = fill_pages(inode, pages, got);
	}
	while (got--) {
		lab_page_unlock(pages[got]);
		put_page(pages[got]);
	}
	return err;
}

/* ---- a page of a buffered write -------------------------------------------------------------- */

/**
 * lab_write_begin - have the page of [pos, pos + len) ready to be copied to
 * @inode: i_rwsem held exclusively, no direct IO in flight
 * @pos: bytes
 * @len_bytes: >= 1, within one page
 * @out: the page, locked and referenced. Bytes outside the range are the file's; its block is allocated
 *
 * Context: task, sleeps; no page locked. Return: 0; -ENOMEM, -ENOSPC, -EFBIG, or the error of reading the rest
 * of the page, or of lab_settle_eof() if the write extends the file. A block beyond i_size that was allocated for a
 * write that fails is lab_trim_eof()'s.
 */
int lab_write_begin(struct inode *inode, loff_t pos, unsigned int len_bytes, struct page **out)
{
	struct lab_extent ext;
	struct page *page;
	int err = 0;

	lockdep_assert_held_write(&inode->i_rwsem);
	BUG_ON(!len_bytes || offset_in_page(pos) + len_bytes > PAGE_SIZE);
	if (pos + len_bytes > i_size_read(inode))
		err = lab_settle_eof(inode);
	if (!err)
		err = lab_page_get(inode, pos >> PAGE_SHIFT, &page);
	if (err)
		return err;
	if (!PageUptodate(page) && len_bytes < PAGE_SIZE)
		err = fill_pages(inode, &page, 1);
	if (!err)
		err = lab_map(inode, pos, len_bytes, LAB_MAP_CREATE, &ext);
	if (!err && ext.len_bytes < len_bytes)
		err = -ENOSPC;			/* over the end of a block device */
	if (err) {
		lab_page_unlock(page);
		put_page(page);
		return err;
	}
	*out = page;
	return 0;
}

/**
 * lab_write_end - what was to be copied has been, or part of it
 * @inode: as lab_write_begin()
 * @page: from there; unlocked, and its reference dropped
 * @pos: as there
 * @len_bytes: as there
 * @copied_bytes: <= @len_bytes; the rest of the range is as it was
 *
 * The page is dirty, and i_size reaches to the end of what was copied. Context: task.
 * Return: @copied_bytes; 0 if the page was to be written whole and was not: then nothing of it counts.
 */
unsigned int lab_write_end(struct inode *inode, struct page *page, loff_t pos, unsigned int len_bytes,
			   unsigned int copied_bytes)
{
	if (!PageUptodate(page) && copied_bytes < PAGE_SIZE)
		copied_bytes = 0;
	if (copied_bytes) {
		lab_page_set_uptodate(page);
		lab_page_set_dirty(page);
		if (pos + copied_bytes > i_size_read(inode))
			i_size_write(inode, pos + copied_bytes);
	}
	lab_page_unlock(page);
	put_page(page);
	return copied_bytes;
}
