// SPDX-License-Identifier: GPL-2.0-only
/*
 * direct-io-bio.c - from sections of pages to bios: one section is held back in case the next one continues it, and
 * goes into the bio when it does not; the bio goes down when a section does not follow it, on disk and in the file, or
 * finds no room.
 *
 * In buffered this is part of direct-io.c, which does less there.
 *
 * Source: as direct-io.c.
 */
#include <linux/kernel.h>
#include "direct-io.h"

/* ---- the bio -------------------------------------------------------------------------------- */

static int dio_new_bio(struct dio *dio, struct dio_submit *sdio, struct buffer_head *map_bh)
{
	blk_opf_t opf = dio->rw == RW_WRITE ? REQ_OP_WRITE | REQ_SYNC | REQ_IDLE : REQ_OP_READ;
	int ret = dio_bio_reap(dio, sdio);

	if (ret)
		return ret;
	BUG_ON(sdio->pages_in_io <= 0);
	sdio->bio = bio_alloc(map_bh->b_bdev, min_t(unsigned int, sdio->pages_in_io, lab_bio_max_vecs(map_bh->b_bdev)),
			      opf, GFP_KERNEL);
	sdio->bio->bi_iter.bi_sector = sdio->cur_page_block << (sdio->blkbits - SECTOR_SHIFT);
	sdio->bio->bi_end_io = dio->is_async ? dio_bio_end_aio : dio_bio_end_io;
	sdio->logical_offset_in_bio = sdio->cur_page_fs_offset;
	sdio->boundary = 0;
	return 0;
}

/**
 * dio_bio_submit - the bio is built: down with it
 * @dio: one more reference
 * @sdio: has a bio; none afterwards
 *
 * Context: task, may sleep.
 */
void dio_bio_submit(struct dio *dio, struct dio_submit *sdio)
{
	struct bio *bio = sdio->bio;
	unsigned long flags;

	bio->bi_private = dio;
	spin_lock_irqsave(&dio->bio_lock, flags);
	dio->refcount++;
	spin_unlock_irqrestore(&dio->bio_lock, flags);
	if (dio->is_async && dio->rw == RW_READ && dio->should_dirty)
		bio_set_pages_dirty(bio);
	if (sdio->submit_io)
		sdio->submit_io(dio->rw, bio, dio->inode, sdio->logical_offset_in_bio);
	else
		submit_bio(bio);
	sdio->bio = NULL;
	sdio->boundary = 0;
	sdio->logical_offset_in_bio = 0;
}

/* 0, or 1: the bio has no room. */
static int dio_bio_add_page(struct dio_submit *sdio)
{
	if (bio_add_page(sdio->bio, sdio->cur_page, sdio->cur_page_len, sdio->cur_page_offset) !=
	    sdio->cur_page_len)
		return 1;
	if (sdio->cur_page_offset + sdio->cur_page_len == PAGE_SIZE)
		sdio->pages_in_io--;
	get_page(sdio->cur_page);
	sdio->final_block_in_bio = sdio->cur_page_block + (sdio->cur_page_len >> sdio->blkbits);
	return 0;
}

/* ---- the section that is held back ---------------------------------------------------------- */

/* Put it into the bio; into a new one if it does not follow what is there, or finds no room. */
static int dio_send_cur_page(struct dio *dio, struct dio_submit *sdio, struct buffer_head *map_bh)
{
	int ret;

	if (sdio->bio && (sdio->final_block_in_bio != sdio->cur_page_block ||
			  sdio->cur_page_fs_offset != sdio->logical_offset_in_bio + sdio->bio->bi_iter.bi_size))
		dio_bio_submit(dio, sdio);
	if (!sdio->bio) {
		ret = dio_new_bio(dio, sdio, map_bh);
		if (ret)
			return ret;
	}
	if (!dio_bio_add_page(sdio))
		return 0;
	dio_bio_submit(dio, sdio);
	ret = dio_new_bio(dio, sdio, map_bh);
	if (!ret)
		BUG_ON(dio_bio_add_page(sdio));
	return ret;
}

/**
 * dio_flush_cur_page - send the section that is held back, and let it go
 * @dio: the IO
 * @sdio: its submission; there is one
 * @map_bh: says on which device
 *
 * Context and result as submit_page_section().
 */
int dio_flush_cur_page(struct dio *dio, struct dio_submit *sdio, struct buffer_head *map_bh)
{
	int ret = dio_send_cur_page(dio, sdio, map_bh);

	put_page(sdio->cur_page);
	sdio->cur_page = NULL;
	return ret;
}

/**
 * submit_page_section - a part of a page belongs to some blocks of the disk
 * @dio: the IO
 * @sdio: its submission
 * @page: referenced by the caller; a reference of its own is taken
 * @offset: of the part in @page
 * @len: of the part, bytes
 * @blocknr: on disk, dio blocks
 * @map_bh: says on which device
 *
 * Context: task, may sleep. Return: 0, -EIO (a bio that was looked at had failed).
 */
int submit_page_section(struct dio *dio, struct dio_submit *sdio, struct page *page, unsigned int offset,
		       unsigned int len, sector_t blocknr, struct buffer_head *map_bh)
{
	int ret = 0;

	if (sdio->cur_page == page && sdio->cur_page_offset + sdio->cur_page_len == offset &&
	    sdio->cur_page_block + (sdio->cur_page_len >> sdio->blkbits) == blocknr) {
		sdio->cur_page_len += len;
	} else {
		if (sdio->cur_page) {
			ret = dio_flush_cur_page(dio, sdio, map_bh);
			if (ret)
				return ret;
		}
		get_page(page);
		sdio->cur_page = page;
		sdio->cur_page_offset = offset;
		sdio->cur_page_len = len;
		sdio->cur_page_block = blocknr;
		sdio->cur_page_fs_offset = (loff_t)sdio->block_in_file << sdio->blkbits;
	}
	if (sdio->boundary) {
		ret = dio_flush_cur_page(dio, sdio, map_bh);
		if (sdio->bio)
			dio_bio_submit(dio, sdio);
	}
	return ret;
}
