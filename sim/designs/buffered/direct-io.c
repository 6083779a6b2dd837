// SPDX-License-Identifier: GPL-2.0-only
/*
 * direct-io.c - O_DIRECT as Linux 3.12 had it: page by page, a block mapping a segment.
 *
 * The walk takes segment after segment, pins DIO_PAGES of its pages at a time, and goes through each page in sections:
 * asks the filesystem for blocks when it has none left (never beyond the segment), and passes the section on. One
 * waits for the next, which may continue it; then it goes to the bio under construction, if it continues that on the
 * device and in the file, else that is sent and a new one begun.
 *
 * What is aligned to the device's blocks only, not to the filesystem's, is walked in the device's; a fresh block of
 * the filesystem that is then written in part gets zeros before and after, from ZERO_PAGE.
 *
 * A fault ends the walk; but blocks that the filesystem has handed out already are overwritten with zeros, up to the
 * end of the segment, and the whole call is -EFAULT. 3.12 did that to keep what was in fresh blocks from being seen,
 * and did it to old ones too.
 *
 * Bios are made here too; iter-ops, which does more in this file, has direct-io-bio.c for them.
 *
 * Source: the shape of fs/direct-io.c, Linux 3.12. Left out: boundary blocks, submit_io, DIO_SKIP_HOLES,
 * unmap_underlying_metadata (there is no other user of the device's blocks).
 */
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/highmem.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include "direct-io.h"

/* ---- the queue of pages --------------------------------------------------------------------- */

static inline unsigned int dio_pages_present(const struct dio_submit *sdio)
{
	return sdio->tail - sdio->head;
}

/* Pin more of the segment. Of a write that has blocks left to fill, a fault gives ZERO_PAGE and is kept. */
static int dio_refill_pages(struct dio *dio, struct dio_submit *sdio)
{
	unsigned int nr_pages = min(sdio->total_pages - sdio->curr_page, (unsigned int)DIO_PAGES);
	int ret;

	ret = pin_user_pages_fast(sdio->curr_user_address, nr_pages, dio->rw == READ ? FOLL_WRITE : 0, dio->pages);
	if (ret < 0 && sdio->blocks_available && dio->rw == WRITE) {
		if (!dio->page_errors)
			dio->page_errors = ret;
		dio->pages[0] = ZERO_PAGE(0);
		dio_hold(dio->pages[0]);
		sdio->head = 0;
		sdio->tail = 1;
		return 0;
	}
	if (ret < 0)
		return ret;
	sdio->curr_user_address += ret * PAGE_SIZE;
	sdio->curr_page += ret;
	sdio->head = 0;
	sdio->tail = ret;
	return 0;
}

static struct page *dio_get_page(struct dio *dio, struct dio_submit *sdio)
{
	if (!dio_pages_present(sdio)) {
		int ret = dio_refill_pages(dio, sdio);

		if (ret)
			return ERR_PTR(ret);
		BUG_ON(!dio_pages_present(sdio));
	}
	return dio->pages[sdio->head++];
}

/* The queue's hold of a page ends. @used: a section of it has gone on, and with it the pin. */
static void dio_put_page(struct page *page, bool used)
{
	if (used)
		dio_unhold(page);
	else
		unpin_user_page(page);
}

static void dio_cleanup(struct dio *dio, struct dio_submit *sdio)
{
	while (dio_pages_present(sdio))
		dio_put_page(dio->pages[sdio->head++], false);
}

/* ---- bios ----------------------------------------------------------------------------------- */

static void dio_new_bio(struct dio *dio, struct dio_submit *sdio, sector_t first_block)
{
	blk_opf_t opf = dio->rw == WRITE ? REQ_OP_WRITE | REQ_SYNC | REQ_IDLE : REQ_OP_READ;
	struct block_device *bdev = dio->iocb->ki_filp->f_bdev;

	dio_bio_reap(dio, sdio);
	sdio->bio = bio_alloc(bdev, clamp(sdio->pages_in_io, 1u, lab_bio_max_vecs(bdev)), opf, GFP_KERNEL);
	bio_set_flag(sdio->bio, BIO_PAGE_PINNED);
	sdio->bio->bi_iter.bi_sector = first_block << (sdio->blkbits - SECTOR_SHIFT);
	sdio->logical_offset_in_bio = sdio->cur_page_fs_offset;
}

/* The bio under construction goes down: @sdio has none afterwards. */
static void dio_bio_submit(struct dio *dio, struct dio_submit *sdio)
{
	struct bio *bio = sdio->bio;
	unsigned long flags;

	bio->bi_private = dio;
	bio->bi_end_io = dio->is_async ? dio_bio_end_aio : dio_bio_end_io;
	spin_lock_irqsave(&dio->bio_lock, flags);
	dio->refcount++;
	spin_unlock_irqrestore(&dio->bio_lock, flags);
	if (dio->is_async && dio->rw == READ)
		bio_set_pages_dirty(bio);
	sdio->bio = NULL;
	submit_bio(bio);
}

/*
 * The section that waits into the bio. False: it is full. Sections of one page that continue each other in memory and
 * on the device are one by then, so an element ends in no page that this one begins in: one hold an element and page.
 */
static bool dio_bio_add_page(struct dio_submit *sdio)
{
	if (!bio_add_page(sdio->bio, sdio->cur_page, sdio->cur_page_len, sdio->cur_page_offset))
		return false;
	if (sdio->cur_page_offset + sdio->cur_page_len == PAGE_SIZE && sdio->pages_in_io)
		sdio->pages_in_io--;
	dio_hold(sdio->cur_page);
	sdio->final_block_in_bio = sdio->cur_page_block + (sdio->cur_page_len >> sdio->blkbits);
	return true;
}

/* The section that waits goes on. */
static void dio_send_cur_page(struct dio *dio, struct dio_submit *sdio)
{
	struct page *page = sdio->cur_page;

	if (!page)
		return;
	if (sdio->bio && (sdio->final_block_in_bio != sdio->cur_page_block ||
			  sdio->cur_page_fs_offset != sdio->logical_offset_in_bio + sdio->bio->bi_iter.bi_size))
		dio_bio_submit(dio, sdio);
	if (!sdio->bio)
		dio_new_bio(dio, sdio, sdio->cur_page_block);
	if (!dio_bio_add_page(sdio)) {
		dio_bio_submit(dio, sdio);
		dio_new_bio(dio, sdio, sdio->cur_page_block);
		BUG_ON(!dio_bio_add_page(sdio));
	}
	sdio->cur_page = NULL;
	dio_unhold(page);
}

/* Bytes of a page, for @block of the device. They wait for what follows. */
static void submit_page_section(struct dio *dio, struct dio_submit *sdio, struct page *page, unsigned int offset,
				unsigned int len, sector_t block)
{
	if (sdio->cur_page == page && sdio->cur_page_offset + sdio->cur_page_len == offset &&
	    sdio->cur_page_block + (sdio->cur_page_len >> sdio->blkbits) == block) {
		sdio->cur_page_len += len;
		return;
	}
	dio_send_cur_page(dio, sdio);
	dio_hold(page);
	sdio->cur_page = page;
	sdio->cur_page_offset = offset;
	sdio->cur_page_len = len;
	sdio->cur_page_block = block;
	sdio->cur_page_fs_offset = (loff_t)sdio->block_in_file << sdio->blkbits;
}

/* ---- the filesystem's blocks ---------------------------------------------------------------- */

/* Ask for blocks from block_in_file to the end of the segment. */
static int get_more_blocks(struct dio *dio, struct dio_submit *sdio, struct buffer_head *map_bh)
{
	sector_t first = sdio->block_in_file >> sdio->blkfactor;
	sector_t last = (sdio->final_block_in_request - 1) >> sdio->blkfactor;
	unsigned int i_blkbits = sdio->blkbits + sdio->blkfactor;
	int ret;

	if (dio->page_errors)
		return dio->page_errors;
	*map_bh = (struct buffer_head){ .b_size = (last - first + 1) << i_blkbits };
	ret = sdio->get_block(dio->inode, first, map_bh, dio->rw == WRITE);
	if (ret)
		return ret;
	if (map_bh->b_private) {
		dio->private = map_bh->b_private;
		dio->defer_completion = true;
	}
	if (buffer_mapped(map_bh)) {
		unsigned int behind = sdio->block_in_file & ((1u << sdio->blkfactor) - 1);

		sdio->blocks_available = (map_bh->b_size >> sdio->blkbits) - behind;
		sdio->next_block_for_io = map_bh->b_blocknr << sdio->blkfactor;
		if (!buffer_new(map_bh))
			sdio->next_block_for_io += behind;
	}
	return 0;
}

/* Zeros for the part of a fresh block before what is written, or (@end) after it. */
static void dio_zero_block(struct dio *dio, struct dio_submit *sdio, bool end, const struct buffer_head *map_bh)
{
	unsigned int per_fs_block = 1u << sdio->blkfactor, blocks;

	sdio->start_zero_done = true;
	blocks = sdio->block_in_file & (per_fs_block - 1);
	if (!sdio->blkfactor || !buffer_new(map_bh) || !blocks)
		return;
	if (end)
		blocks = per_fs_block - blocks;
	submit_page_section(dio, sdio, ZERO_PAGE(0), 0, blocks << sdio->blkbits, sdio->next_block_for_io);
	sdio->next_block_for_io += blocks;
}

/* ---- one segment ---------------------------------------------------------------------------- */

#define DIO_EOF		1	/* of dio_page_section(): nothing is behind the end of the file */

/* One dio block of @page where the file has none. 0; DIO_EOF; -ENOTBLK: a write, which others must make. */
static int dio_hole(struct dio *dio, struct dio_submit *sdio, struct page *page, unsigned int *block_in_page)
{
	loff_t size = round_up(i_size_read(dio->inode), 1 << sdio->blkbits);

	if (dio->rw == WRITE)
		return -ENOTBLK;
	if (sdio->block_in_file >= size >> sdio->blkbits)
		return DIO_EOF;
	memzero_page(page, *block_in_page << sdio->blkbits, 1u << sdio->blkbits);
	sdio->block_in_file++;
	(*block_in_page)++;
	return 0;
}

/* As much of @page as one mapping has. 0; DIO_EOF; -errno. */
static int dio_page_section(struct dio *dio, struct dio_submit *sdio, struct page *page, unsigned int *block_in_page,
			  bool *used, struct buffer_head *map_bh)
{
	unsigned int blkbits = sdio->blkbits, blocks;
	int ret;

	if (!sdio->blocks_available) {
		ret = get_more_blocks(dio, sdio, map_bh);
		if (ret)
			return ret;
		if (!buffer_mapped(map_bh))
			return dio_hole(dio, sdio, page, block_in_page);
	}
	if (sdio->blkfactor && !sdio->start_zero_done)
		dio_zero_block(dio, sdio, false, map_bh);
	blocks = min_t(sector_t, (PAGE_SIZE >> blkbits) - *block_in_page,
		       min_t(sector_t, sdio->blocks_available, sdio->final_block_in_request - sdio->block_in_file));
	submit_page_section(dio, sdio, page, *block_in_page << blkbits, blocks << blkbits, sdio->next_block_for_io);
	*used = true;
	sdio->next_block_for_io += blocks;
	sdio->block_in_file += blocks;
	*block_in_page += blocks;
	sdio->blocks_available -= blocks;
	return 0;
}

/* One segment. 0, at the end of the file too; -errno. */
static int do_direct_IO(struct dio *dio, struct dio_submit *sdio, struct buffer_head *map_bh)
{
	unsigned int block_in_page = sdio->first_block_in_page;
	int ret = 0;

	while (!ret && sdio->block_in_file < sdio->final_block_in_request) {
		struct page *page = dio_get_page(dio, sdio);
		bool used = false;

		if (IS_ERR(page))
			return PTR_ERR(page);
		while (!ret && block_in_page < PAGE_SIZE >> sdio->blkbits &&
		       sdio->block_in_file < sdio->final_block_in_request)
			ret = dio_page_section(dio, sdio, page, &block_in_page, &used, map_bh);
		dio_put_page(page, used);
		block_in_page = 0;
	}
	return min(ret, 0);
}

/* ---- all segments --------------------------------------------------------------------------- */

static unsigned int seg_pages(const struct iovec *iov, size_t len)
{
	return DIV_ROUND_UP(offset_in_page(iov->iov_base) + len, PAGE_SIZE);
}

/* All segments. 0 or the error that ended the walk. */
static int dio_walk_segments(struct dio *dio, struct dio_submit *sdio, const struct iovec *iov, unsigned long nr_segs)
{
	size_t left = dio->iocb->ki_nbytes;
	struct buffer_head map_bh = { };
	struct blk_plug plug;
	int ret = 0;

	blk_start_plug(&plug);
	for (; nr_segs && left && !ret; nr_segs--, iov++) {
		size_t len = min(iov->iov_len, left);

		sdio->first_block_in_page = offset_in_page(iov->iov_base) >> sdio->blkbits;
		sdio->final_block_in_request = sdio->block_in_file + (len >> sdio->blkbits);
		sdio->head = sdio->tail = 0;
		sdio->curr_page = 0;
		sdio->total_pages = seg_pages(iov, len);
		sdio->curr_user_address = (unsigned long)iov->iov_base;
		ret = do_direct_IO(dio, sdio, &map_bh);
		dio->result += len - ((sdio->final_block_in_request - sdio->block_in_file) << sdio->blkbits);
		dio_cleanup(dio, sdio);
		left -= len;
		if (sdio->block_in_file < sdio->final_block_in_request)
			break;		/* the end of the file */
	}
	if (ret == -ENOTBLK)
		ret = 0;		/* the rest is the caller's, through the page cache */
	dio_zero_block(dio, sdio, true, &map_bh);
	dio_send_cur_page(dio, sdio);
	if (sdio->bio)
		dio_bio_submit(dio, sdio);
	blk_finish_plug(&plug);
	return ret;
}

/* ---- alignment ------------------------------------------------------------------------------ */

/*
 * The bits of a dio block: the filesystem's, or the device's if position, addresses and lengths want that. -EINVAL:
 * not even that. A segment of no bytes has no address to be aligned, as in 6.18.
 */
static int dio_blkbits(const struct kiocb *iocb, unsigned int blkbits, const struct iovec *iov, loff_t pos,
		       unsigned long nr_segs)
{
	unsigned int bdev_bits = ilog2(bdev_logical_block_size(iocb->ki_filp->f_bdev));
	unsigned long all = pos | iocb->ki_nbytes;

	for (; nr_segs--; iov++)
		if (iov->iov_len)
			all |= (unsigned long)iov->iov_base | iov->iov_len;
	if (all & ((1ul << blkbits) - 1))
		blkbits = min(blkbits, bdev_bits);
	return all & ((1ul << blkbits) - 1) ? -EINVAL : blkbits;
}

/* ---- entry point ---------------------------------------------------------------------------- */

static void dio_setup(struct dio *dio, int rw, struct kiocb *iocb, loff_t pos, dio_iodone_t *end_io)
{
	struct inode *inode = iocb->ki_filp->f_inode;

	dio->iocb = iocb;
	dio->inode = inode;
	dio->pos = pos;
	dio->rw = rw;
	dio->end_io = end_io;
	dio->private = NULL;
	dio->i_size = i_size_read(inode);
	dio->page_errors = dio->io_error = 0;
	dio->refcount = 1;
	dio->bio_list = NULL;
	dio->waiter = NULL;
	dio->result = 0;
	spin_lock_init(&dio->bio_lock);
	/* The size follows the data, so who extends the file waits. */
	dio->is_async = !is_sync_kiocb(iocb) && !iocb->ki_wait &&
			!(rw == WRITE && pos + iocb->ki_nbytes > dio->i_size);
	dio->defer_completion = dio_must_defer(dio);
}

/**
 * __blockdev_direct_IO - read or write a file around its pages
 * @rw: READ or WRITE
 * @iocb: ki_nbytes; not moved
 * @blkbits: of the filesystem's block
 * @iov: user memory
 * @pos: file position, bytes
 * @nr_segs: of @iov
 * @get_block: where the file's blocks are; with create it makes them
 * @end_io: see there, or NULL
 * @flags: DIO_LOCKING
 *
 * i_rwsem is held for a write, exclusively if it extends the file. Context: task, sleeps. Return: bytes; -EIOCBQUEUED;
 * -EINVAL (alignment), -ENOMEM, -EFAULT, or the error of @get_block or the device: the whole call then failed.
 */
ssize_t __blockdev_direct_IO(int rw, struct kiocb *iocb, unsigned int blkbits, const struct iovec *iov, loff_t pos,
			     unsigned long nr_segs, get_block_t *get_block, dio_iodone_t *end_io, unsigned int flags)
{
	struct inode *inode = iocb->ki_filp->f_inode;
	struct dio_submit sdio = { .get_block = get_block };
	enum lab_lock lock = LAB_LOCK_NONE;
	unsigned long seg;
	struct dio *dio;
	ssize_t ret;

	ret = dio_blkbits(iocb, blkbits, iov, pos, nr_segs);
	if (ret < 0)
		return ret;
	sdio.blkbits = ret;
	sdio.blkfactor = blkbits - sdio.blkbits;
	dio = dio_alloc();
	if (!dio)
		return -ENOMEM;
	if (rw == READ && (flags & DIO_LOCKING)) {
		lab_lock_for_read(inode, false, &lock);
		ret = filemap_write_and_wait_range(inode, pos, iocb->ki_nbytes);
		if (ret < 0) {
			lab_unlock(inode, lock);
			dio_free(dio);
			return ret;
		}
	}
	lab_inode_dio_begin(inode);
	dio_setup(dio, rw, iocb, pos, end_io);
	sdio.block_in_file = pos >> sdio.blkbits;
	sdio.pages_in_io = sdio.blkfactor ? 2 : 0;
	for (seg = 0; seg < nr_segs; seg++)
		sdio.pages_in_io += seg_pages(&iov[seg], iov[seg].iov_len);

	ret = dio_walk_segments(dio, &sdio, iov, nr_segs);
	lab_unlock(inode, lock);
	if (!ret && dio->is_async && dio->result && (rw == READ || dio->result == iocb->ki_nbytes))
		ret = -EIOCBQUEUED;
	else
		dio_await_completion(dio);
	if (drop_refcount(dio))
		ret = dio_complete(dio, ret, false);
	return ret;
}
