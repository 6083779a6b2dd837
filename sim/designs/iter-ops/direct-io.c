// SPDX-License-Identifier: GPL-2.0-only
/*
 * direct-io.c - direct IO of a file with get_block, segment by segment, page by page.
 *
 * A segment is one element of the iterator: of user memory an iovec, whose pages are pinned 64 at a time, of
 * pages that somebody holds one page of a bio_vec, which goes through the same loop as if it had been a
 * user segment of one page. So the filesystem is asked about each such page anew (F2).
 *
 * do_direct_IO() takes page after page, asks get_block when it has no block left, and gives each run of
 * blocks within a page to submit_page_section() (direct-io-bio.c), which holds one such section back, lets the next one
 * continue it, and puts it into the bio when it does not. A page is referenced by its source, by the section
 * that is held back, and by the bio (F3). The bio goes down when the next section is not next to it on disk or
 * in the file, or when it is full.
 *
 *	get_block --> section (one page at most) --> bio --> submit_bio		completion: bio --> dio
 *
 * The iterator's table is not asked anything on this way, only which of the two it is (F1).
 *
 * Source: fs/direct-io.c of Linux 3.12 with the series' "dio: add bio_vec support to __blockdev_direct_IO()", by
 * their rules. Ours: elements longer than a page are cut, the walk begins at the iterator's offset (D6) and ends
 * with its count, and DIO_FORCE_WAIT.
 */
#include <linux/errno.h>
#include <linux/highmem.h>
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/sched.h>
#include "direct-io.h"

/* ---- the queue of pages --------------------------------------------------------------------- */

static inline unsigned int dio_pages_present(const struct dio_submit *sdio)
{
	return sdio->tail - sdio->head;
}

/*
 * Pin the next pages of the segment. Memory that faults while the filesystem has given blocks to a write:
 * they must be written, or what they held before could be read, so zeros are; the error is kept.
 */
static int dio_refill_pages(struct dio *dio, struct dio_submit *sdio)
{
	int nr_pages = min(sdio->total_pages - sdio->curr_page, DIO_PAGES), ret;

	ret = pin_user_pages_fast(sdio->curr_user_address & PAGE_MASK, nr_pages,
				  dio->rw == RW_READ ? FOLL_WRITE : 0, dio->pages);
	if (!ret)
		ret = -EFAULT;
	if (ret < 0 && sdio->blocks_available && dio->rw == RW_WRITE) {
		if (!dio->page_errors)
			dio->page_errors = ret;
		dio->pages[0] = ZERO_PAGE(0);
		get_page(dio->pages[0]);
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
	}
	return dio->pages[sdio->head++];
}

/* The source's hold on @page ends: a pin of user memory; else, as also for the page of zeros, a reference. */
static void dio_put_page(const struct dio *dio, struct page *page)
{
	if (dio->pinned && page != ZERO_PAGE(0))
		unpin_user_page(page);
	else
		put_page(page);
}

/* Sources that were taken and not used. */
static void dio_cleanup(struct dio *dio, struct dio_submit *sdio)
{
	while (dio_pages_present(sdio))
		dio_put_page(dio, dio->pages[sdio->head++]);
}

/* ---- the filesystem's blocks ---------------------------------------------------------------- */

static unsigned int dio_fs_blkbits(const struct dio *dio)
{
	return dio->inode ? dio->inode->i_blkbits : ilog2(bdev_logical_block_size(dio->bdev));
}

static loff_t dio_i_size(const struct dio *dio)
{
	return dio->inode ? i_size_read(dio->inode) : bdev_nr_bytes(dio->bdev);
}

/* Ask about what is left of the segment, which is all that is known of the IO here (F2). 0 or -errno. */
static int get_more_blocks(struct dio *dio, struct dio_submit *sdio, struct buffer_head *map_bh)
{
	sector_t first = sdio->block_in_file >> sdio->blkfactor;
	sector_t last = (sdio->final_block_in_request - 1) >> sdio->blkfactor;
	int create = dio->rw == RW_WRITE, ret;

	if (dio->page_errors)
		return dio->page_errors;
	BUG_ON(sdio->block_in_file >= sdio->final_block_in_request);
	map_bh->b_state = 0;
	map_bh->b_size = (size_t)(last - first + 1) << (sdio->blkbits + sdio->blkfactor);
	if ((dio->flags & DIO_SKIP_HOLES) && sdio->block_in_file < dio_i_size(dio) >> sdio->blkbits)
		create = 0;
	ret = sdio->get_block(dio->inode, first, map_bh, create);
	dio->private = map_bh->b_private;
	if (!ret && buffer_defer_completion(map_bh))
		dio->defer_completion = true;
	return ret;
}

/* The same, when it has none left: how many dio blocks lie where on disk. */
static int dio_map(struct dio *dio, struct dio_submit *sdio, struct buffer_head *map_bh)
{
	unsigned int remainder = sdio->block_in_file & ((1u << sdio->blkfactor) - 1);
	int ret = get_more_blocks(dio, sdio, map_bh);

	if (ret || !buffer_mapped(map_bh))
		return ret;
	sdio->blocks_available = (map_bh->b_size >> sdio->blkbits) - remainder;
	sdio->next_block_for_io = map_bh->b_blocknr << sdio->blkfactor;
	/* In a block that is new the head is written too (dio_zero_block). */
	if (!buffer_new(map_bh))
		sdio->next_block_for_io += remainder;
	return 0;
}

/* Zeros for what the IO leaves out of a new fs block: before its first dio block, or after its last (@end). */
static int dio_zero_block(struct dio *dio, struct dio_submit *sdio, int end, struct buffer_head *map_bh)
{
	unsigned int per_fs_block = 1u << sdio->blkfactor;
	unsigned int blocks = sdio->block_in_file & (per_fs_block - 1);
	int ret;

	sdio->start_zero_done = 1;
	if (!sdio->blkfactor || !buffer_new(map_bh) || !blocks)
		return 0;
	if (end)
		blocks = per_fs_block - blocks;
	ret = submit_page_section(dio, sdio, ZERO_PAGE(0), 0, blocks << sdio->blkbits, sdio->next_block_for_io,
				  map_bh);
	if (!ret)
		sdio->next_block_for_io += blocks;
	return ret;
}

/* ---- one segment ---------------------------------------------------------------------------- */

#define DIO_EOF		1	/* of dio_page_section(): nothing is behind the end of the file */

/* One dio block of @page where the file has none. 0; DIO_EOF; -ENOTBLK: a write, which others must make. */
static int dio_hole(struct dio *dio, struct dio_submit *sdio, struct page *page, unsigned int *block_in_page)
{
	loff_t aligned;

	if (dio->rw == RW_WRITE)
		return -ENOTBLK;
	aligned = round_up(dio_i_size(dio), 1ull << sdio->blkbits);
	if (sdio->block_in_file >= aligned >> sdio->blkbits)
		return DIO_EOF;
	memzero_page(page, *block_in_page << sdio->blkbits, 1u << sdio->blkbits);
	sdio->block_in_file++;
	(*block_in_page)++;
	return 0;
}

/* As much of @page as one mapping has, from *@block_in_page on. 0; DIO_EOF; -errno. */
static int dio_page_section(struct dio *dio, struct dio_submit *sdio, struct page *page, unsigned int *block_in_page,
			    struct buffer_head *map_bh)
{
	unsigned int blocks;
	int ret;

	if (!sdio->blocks_available) {
		ret = dio_map(dio, sdio, map_bh);
		if (ret)
			return ret;
	}
	if (!buffer_mapped(map_bh))
		return dio_hole(dio, sdio, page, block_in_page);
	if (sdio->blkfactor && !sdio->start_zero_done) {
		ret = dio_zero_block(dio, sdio, 0, map_bh);
		if (ret)
			return ret;
	}
	blocks = min(sdio->blocks_available, ((unsigned int)PAGE_SIZE >> sdio->blkbits) - *block_in_page);
	blocks = min_t(sector_t, blocks, sdio->final_block_in_request - sdio->block_in_file);
	sdio->boundary = blocks == sdio->blocks_available && buffer_boundary(map_bh);
	ret = submit_page_section(dio, sdio, page, *block_in_page << sdio->blkbits, blocks << sdio->blkbits,
				  sdio->next_block_for_io, map_bh);
	if (ret)
		return ret;
	sdio->next_block_for_io += blocks;
	sdio->block_in_file += blocks;
	sdio->blocks_available -= blocks;
	*block_in_page += blocks;
	return 0;
}

/* From block_in_file to final_block_in_request. 0 also at the end of the file; -errno. */
static int do_direct_IO(struct dio *dio, struct dio_submit *sdio, struct buffer_head *map_bh)
{
	unsigned int per_page = PAGE_SIZE >> sdio->blkbits, block_in_page = sdio->first_block_in_page;
	int ret = 0;

	while (!ret && sdio->block_in_file < sdio->final_block_in_request) {
		struct page *page = dio_get_page(dio, sdio);

		if (IS_ERR(page))
			return PTR_ERR(page);
		while (!ret && block_in_page < per_page && sdio->block_in_file < sdio->final_block_in_request)
			ret = dio_page_section(dio, sdio, page, &block_in_page, map_bh);
		dio_put_page(dio, page);
		block_in_page = 0;
	}
	return ret == DIO_EOF ? 0 : ret;
}

/* ---- all segments --------------------------------------------------------------------------- */

/* Set up for a segment of @len bytes. */
static void dio_segment(struct dio_submit *sdio, unsigned int offset_in_page, size_t len)
{
	sdio->first_block_in_page = offset_in_page >> sdio->blkbits;
	sdio->final_block_in_request = sdio->block_in_file + (len >> sdio->blkbits);
	sdio->curr_page = 0;
	sdio->head = sdio->tail = 0;
}

/* What the segment of @len bytes got, and that is all: what is behind block_in_file. */
static size_t dio_segment_done(const struct dio_submit *sdio, size_t len)
{
	return len - ((size_t)(sdio->final_block_in_request - sdio->block_in_file) << sdio->blkbits);
}

static int direct_IO_iovec(struct dio *dio, struct dio_submit *sdio, struct iov_iter *iter,
			   struct buffer_head *map_bh)
{
	const struct lab_iovec *iov = iov_iter_iovec(iter);
	size_t left = iter->count, base = iter->iov_offset;
	int ret = 0;

	for (; left && !ret; iov++, base = 0) {
		size_t len = min(iov->len_bytes - base, left);
		unsigned long addr = iov->base + base;

		dio_segment(sdio, offset_in_page(addr), len);
		sdio->curr_user_address = addr;
		sdio->total_pages = DIV_ROUND_UP(offset_in_page(addr) + len, PAGE_SIZE);
		ret = do_direct_IO(dio, sdio, map_bh);
		dio->result += dio_segment_done(sdio, len);
		left -= len;
		if (ret || sdio->block_in_file < sdio->final_block_in_request) {
			dio_cleanup(dio, sdio);
			break;
		}
	}
	return ret;
}

/*
 * Each page of the array as a segment of its own: put into the queue as if it had just been pinned. So the
 * queue is never empty where do_direct_IO() looks, and nothing is pinned.
 */
static int direct_IO_bvec(struct dio *dio, struct dio_submit *sdio, struct iov_iter *iter,
			  struct buffer_head *map_bh)
{
	const struct bio_vec *bvec = iov_iter_bvec(iter);
	size_t left = iter->count, base = iter->iov_offset;
	int ret = 0;

	while (left && !ret) {
		size_t at = bvec->bv_offset + base, off = at % PAGE_SIZE;
		size_t len = min(left, min((size_t)bvec->bv_len - base, PAGE_SIZE - off));

		dio_segment(sdio, off, len);
		dio->pages[0] = bvec->bv_page + at / PAGE_SIZE;
		get_page(dio->pages[0]);
		sdio->tail = 1;
		sdio->curr_page = sdio->total_pages = 1;
		sdio->curr_user_address = 0;
		ret = do_direct_IO(dio, sdio, map_bh);
		dio->result += dio_segment_done(sdio, len);
		left -= len;
		base += len;
		if (base == bvec->bv_len) {
			bvec++;
			base = 0;
		}
		if (sdio->block_in_file < sdio->final_block_in_request)
			break;
	}
	return ret;
}

/* ---- alignment ------------------------------------------------------------------------------ */

/* The OR of everything that must be aligned, and in *@pages how many there are, at most. */
static unsigned long dio_iovec_bits(const struct iov_iter *iter, int *pages)
{
	const struct lab_iovec *iov = iov_iter_iovec(iter);
	size_t left = iter->count, base = iter->iov_offset;
	unsigned long bits = 0;

	for (*pages = 0; left; iov++, base = 0) {
		size_t len = min(iov->len_bytes - base, left);

		if (len) {
			bits |= (iov->base + base) | len;
			*pages += DIV_ROUND_UP(offset_in_page(iov->base + base) + len, PAGE_SIZE);
		}
		left -= len;
	}
	return bits;
}

static unsigned long dio_bvec_bits(const struct iov_iter *iter, int *pages)
{
	const struct bio_vec *bvec = iov_iter_bvec(iter);
	size_t left = iter->count, base = iter->iov_offset;
	unsigned long bits = 0;

	for (*pages = 0; left; bvec++, base = 0) {
		size_t len = min((size_t)bvec->bv_len - base, left);

		bits |= (bvec->bv_offset + base) | len;
		*pages += DIV_ROUND_UP(offset_in_page(bvec->bv_offset + base) + len, PAGE_SIZE);
		left -= len;
	}
	return bits;
}

/* By fs blocks, or, if something is not, by the device's logical blocks: then for all of the IO. */
static int dio_aligned(struct dio *dio, struct dio_submit *sdio, const struct iov_iter *iter, loff_t offset)
{
	unsigned int fs_bits = dio_fs_blkbits(dio);
	unsigned long bits;

	bits = iov_iter_has_iovec(iter) ? dio_iovec_bits(iter, &sdio->pages_in_io) :
					  dio_bvec_bits(iter, &sdio->pages_in_io);
	bits |= offset;
	sdio->blkbits = fs_bits;
	if (bits & ((1ul << fs_bits) - 1)) {
		sdio->blkbits = ilog2(bdev_logical_block_size(dio->bdev));
		if (sdio->blkbits > fs_bits || (bits & ((1ul << sdio->blkbits) - 1)))
			return -EINVAL;
	}
	sdio->blkfactor = fs_bits - sdio->blkbits;
	if (sdio->blkfactor)
		sdio->pages_in_io += 2;		/* of zeros, at both ends */
	return 0;
}

/* ---- entry point ---------------------------------------------------------------------------- */

/* A read with DIO_LOCKING holds the lock while it is submitted; so does a write, of its caller. */
static int dio_lock_and_flush(struct dio *dio, loff_t offset, size_t count)
{
	int ret;

	if (!dio->inode)
		return 0;
	if ((dio->flags & DIO_LOCKING) && dio->rw == RW_READ) {
		down_write(&dio->inode->i_rwsem);
		ret = filemap_write_and_wait_range(dio->inode, offset, count);
		if (ret) {
			up_write(&dio->inode->i_rwsem);
			return ret;
		}
	}
	lab_inode_dio_begin(dio->inode);
	return 0;
}

/* What is held back goes down. */
static int dio_finish_submission(struct dio *dio, struct dio_submit *sdio, struct buffer_head *map_bh, int ret)
{
	int err = 0;

	if (ret == -ENOTBLK)
		ret = 0;	/* the rest of the write goes through the page cache */
	dio_zero_block(dio, sdio, 1, map_bh);
	if (sdio->cur_page)
		err = dio_flush_cur_page(dio, sdio, map_bh);
	if (sdio->bio)
		dio_bio_submit(dio, sdio);
	return ret ?: err;
}

/* All is submitted: leave, or wait. */
static ssize_t dio_post_submission(struct dio *dio, struct dio_submit *sdio, loff_t offset, ssize_t ret)
{
	if (dio->is_async && !ret && dio->result && (dio->rw == RW_READ || dio->result == sdio->size))
		ret = -EIOCBQUEUED;
	else
		dio_await_completion(dio);
	if (!drop_refcount(dio))
		return dio_complete(dio, offset, ret, false);
	BUG_ON(ret != -EIOCBQUEUED);
	return ret;
}

/**
 * __blockdev_direct_IO - direct IO of a file, or of a block device
 * @rw: RW_READ or RW_WRITE
 * @iocb: its position is @offset; asynchronous ones may be queued
 * @inode: NULL: of a block device
 * @bdev: that the blocks are on
 * @iter: memory; stays where it is
 * @offset: bytes
 * @get_block: where the file's blocks are
 * @end_io: NULL, or called when all has been written or read
 * @submit_io: NULL, or takes the bios
 * @flags: DIO_*
 *
 * Context: task, sleeps. A write of a file holds i_rwsem exclusively. Return: -EIOCBQUEUED: aio_complete()
 * will be called; bytes: fewer than asked for at the end of the file, or where a write needs the page cache;
 * -EINVAL (alignment), -EFAULT, -ENOMEM, -EIO for every error of a bio, what get_block says.
 */
ssize_t __blockdev_direct_IO(int rw, struct kiocb *iocb, struct inode *inode, struct block_device *bdev,
			     struct iov_iter *iter, loff_t offset, get_block_t *get_block,
			     dio_iodone_t *end_io, dio_submit_t *submit_io, int flags)
{
	struct dio_submit sdio = { .get_block = get_block, .submit_io = submit_io, .size = iov_iter_count(iter) };
	struct buffer_head map_bh = { .b_bdev = bdev };
	loff_t end = offset + iov_iter_count(iter);
	struct blk_plug plug;
	struct dio *dio;
	ssize_t ret;

	if (rw == RW_READ && !iov_iter_count(iter))
		return 0;
	dio = dio_alloc();
	if (!dio)
		return -ENOMEM;
	dio->flags = flags;
	dio->rw = rw;
	dio->inode = inode;
	dio->bdev = bdev;
	dio->iocb = iocb;
	dio->end_io = end_io;
	dio->pinned = iov_iter_has_iovec(iter);
	dio->should_dirty = rw == RW_READ && dio->pinned;
	ret = dio_aligned(dio, &sdio, iter, offset);
	if (!ret)
		ret = dio_lock_and_flush(dio, offset, iov_iter_count(iter));
	if (ret) {
		dio_free(dio);
		return ret;
	}
	dio->i_size = dio_i_size(dio);
	dio->is_async = !is_sync_kiocb(iocb) && !(flags & DIO_FORCE_WAIT) &&
			!(rw == RW_WRITE && end > dio->i_size);
	if (dio->is_async && rw == RW_WRITE && (iocb->ki_filp->f_flags & O_DSYNC))
		dio->defer_completion = true;
	sdio.block_in_file = offset >> sdio.blkbits;

	blk_start_plug(&plug);
	ret = iov_iter_has_iovec(iter) ? direct_IO_iovec(dio, &sdio, iter, &map_bh) :
					 direct_IO_bvec(dio, &sdio, iter, &map_bh);
	ret = dio_finish_submission(dio, &sdio, &map_bh, ret);
	blk_finish_plug(&plug);
	if (inode && (flags & DIO_LOCKING) && rw == RW_READ)
		up_write(&inode->i_rwsem);
	return dio_post_submission(dio, &sdio, offset, ret);
}
