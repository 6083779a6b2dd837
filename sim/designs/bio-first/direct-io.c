// SPDX-License-Identifier: GPL-2.0-only
/*
 * direct-io.c - ->dio_submit for filesystems that map: a bio against extents. (User memory comes to it
 * through dio-user.c, a loop device directly.)
 *
 * The whole of what is left of the bio is offered to the map each time, so E extents cost E questions.
 * Where an extent ends the bio is split: the front part is a clone that shares the bio's array, and the bio
 * itself, advanced, is what is left. So the bio's own iterator is the only state of the walk: when going on
 * would have to wait, the caller keeps the bio and submits it again later, from where it is.
 *
 * Pieces are counted, not chained. A chained bio has no end_io of its own, and each piece needs one: it
 * must drop the i_dio_count that was taken for it, and an unwritten one must be converted first. The cost
 * is the same: no atomic for a bio that lies in one extent, one up and one down for each further piece.
 * (Edges of new blocks, which have nothing to do at their end, are chained to their piece.)
 *
 * i_dio_count is taken for a piece, under i_rwsem, when it is submitted, and dropped when that piece is
 * done. A bio that waits to be submitted again holds no lock and no count, so truncate, which holds i_rwsem
 * and waits for the count, never waits for somebody who waits for i_rwsem. With LAB_PLANT_H7 (tests only)
 * the count is held from the first attempt to the end of the whole bio, as a straightforward reading of the
 * old code would have it.
 *
 * Source: dio_send_bio() of Kent Overstreet's rewrite (2013) as far as it is known, completed: see NOTES.md.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <kc/plant.h>
#include "direct-io.h"
#include "design.h"

/**
 * struct dio_walk - one call of ->dio_submit, on its stack
 * @isize: i_size under the lock; reads beyond are zeros
 * @map_flags: LAB_MAP_*
 * @write: the operation
 * @nowait: go no further than one can without waiting
 * @whole: REQ_NOWAIT: one mapping must span the bio, so that there is no side effect when there is none
 * @keep: do not give the submitter's count to the last piece
 * @alone: i_rwsem is held exclusively, and no other IO was in flight when the map was asked
 */
struct dio_walk {
	struct dio *dio;
	struct inode *inode;
	loff_t isize;
	unsigned int map_flags;
	bool write, nowait, whole, keep, alone;
};

/* ---- submit a piece ------------------------------------------------------------------------- */

/* Zero [sector, + bytes), less than an fs block, as part of @piece. May sleep. */
static void piece_zero_edge(struct dio_piece *piece, struct block_device *bdev, sector_t sector,
			    unsigned int bytes)
{
	struct bio *bio = bio_alloc(bdev, 1, REQ_OP_WRITE | REQ_SYNC | REQ_IDLE, GFP_NOIO);

	BUILD_BUG_ON(LAB_BLOCK_BYTES > PAGE_SIZE);
	bio->bi_iter.bi_sector = sector;
	bio_set_prio(bio, bio_prio(&piece->bio));
	__bio_add_page(bio, ZERO_PAGE(0), bytes, 0);
	bio_chain(bio, &piece->bio);
	submit_bio(bio);
}

/* The rest of the blocks that a write begins and ends in must be zeros before they may be read. */
static void piece_zero_edges(struct dio_piece *piece, const struct lab_extent *ext)
{
	unsigned int head = ext->pos & (LAB_BLOCK_BYTES - 1);
	unsigned int tail = -(ext->pos + ext->len_bytes) & (LAB_BLOCK_BYTES - 1);

	if (head)
		piece_zero_edge(piece, ext->bdev, ext->sector - (head >> SECTOR_SHIFT), head);
	if (tail)
		piece_zero_edge(piece, ext->bdev, ext->sector + (ext->len_bytes >> SECTOR_SHIFT), tail);
}

/* May this piece be made durable by FUA alone? */
static bool dio_can_fua(const struct lab_extent *ext)
{
	return ext->type == LAB_MAPPED && !(ext->flags & (LAB_EXT_NEW | LAB_EXT_DIRTY_META)) &&
	       bdev_fua(ext->bdev);
}

/*
 * Split off what lies in @ext and send it there. 0: the bio has been advanced; 1: it was the last piece;
 * -EAGAIN: no memory for the split (only when told not to wait).
 */
static int piece_submit(struct dio_walk *w, const struct lab_extent *ext)
{
	struct dio *dio = w->dio;
	struct bio *bio = &dio->tail.bio;
	bool last = ext->len_bytes >= bio->bi_iter.bi_size;
	struct dio_piece *piece;

	if (unlikely(!last))
		bio = bio_next_split(bio, ext->len_bytes >> SECTOR_SHIFT,
				     w->nowait ? GFP_NOWAIT | __GFP_NOWARN : GFP_NOIO, &dio->file->f_pieces);
	if (unlikely(!bio))
		return -EAGAIN;
	piece = container_of(bio, struct dio_piece, bio);
	piece->dio = dio;
	piece->pos = ext->pos;
	piece->len_bytes = ext->len_bytes;
	piece->flags = ext->type == LAB_UNWRITTEN ? DIO_PIECE_CONVERT : 0;
	bio_set_dev(bio, ext->bdev);
	bio->bi_iter.bi_sector = ext->sector;
	bio->bi_end_io = dio_end_io;
	if (unlikely(bio->bi_opf & REQ_FUA) && !dio_can_fua(ext)) {
		bio->bi_opf &= ~REQ_FUA;
		dio->need_sync = true;
	}
	if (unlikely(!last || w->keep))
		dio_get(dio);
	dio_hold_piece(w->inode);
	if (unlikely(piece->flags & DIO_PIECE_CONVERT))
		piece_zero_edges(piece, ext);
	submit_bio(bio);
	return last;
}

/* ---- one extent ----------------------------------------------------------------------------- */

static noinline void dio_zero_fill(struct bio *bio, unsigned int bytes)
{
	struct bvec_iter front = bio->bi_iter;

	front.bi_size = bytes;
	zero_fill_bio_iter(bio, front);
	bio_advance(bio, bytes);
}

/*
 * @ext holds no data yet. 0: it has been dealt with, or waited for; 1: it is to be written as it is; -errno.
 */
static __always_inline int dio_extent_without_data(struct dio_walk *w, const struct lab_extent *ext)
{
	if (!w->write) {
		dio_zero_fill(&w->dio->tail.bio, ext->len_bytes);
		return 0;
	}
	if (WARN_ON(ext->type == LAB_HOLE))
		return -EIO;
	if (w->alone || !((ext->pos | (ext->pos + ext->len_bytes)) & (LAB_BLOCK_BYTES - 1)))
		return 1;
	/*
	 * A block of which only a part is written: who else writes to it must be done, converted and all,
	 * before the rest is zeroed, and must not begin before that is on disk.
	 */
	if (w->nowait)
		return -EAGAIN;
	lab_inode_dio_wait(w->inode);
	w->alone = true;
	return 0;
}

/*
 * Ask where the rest of the bio is, and deal with the part that the answer covers. 0: go on; 1: that was
 * the last piece, and it is on its way; -errno.
 */
static int dio_extent(struct dio_walk *w)
{
	struct bio *bio = &w->dio->tail.bio;
	loff_t pos = (loff_t)bio->bi_iter.bi_sector << SECTOR_SHIFT;
	u64 len = bio->bi_iter.bi_size;
	struct lab_extent ext;
	int err;

	if (!w->write && unlikely(pos + len > w->isize)) {
		if (pos >= w->isize) {
			dio_zero_fill(bio, len);
			return 0;
		}
		len = min_t(u64, len, round_up(w->isize, LAB_BLOCK_BYTES) - pos);
	}
	err = w->dio->file->f_map_ops->map(w->inode, pos, len, w->map_flags, &ext);
	if (unlikely(err))
		return err;
	if (unlikely(w->whole) && ext.len_bytes < bio->bi_iter.bi_size && !lab_planted(H8))
		return -EAGAIN;
	if (unlikely(ext.type != LAB_MAPPED)) {
		err = dio_extent_without_data(w, &ext);
		if (err != 1)
			return err;
	}
	return piece_submit(w, &ext);
}

/* ---- the walk over extents ------------------------------------------------------------------ */

/* The walk over the extents. 1: the bio was given away, dio may be gone; 0: the caller has it; -errno. */
static int dio_walk_extents(struct dio_walk *w)
{
	struct bio *bio = &w->dio->tail.bio;
	int ret = 0;

	while (!ret && bio->bi_iter.bi_size)
		ret = dio_extent(w);
	if (unlikely(w->alone))
		lab_inode_dio_wait(w->inode);
	return ret == 1 && w->keep ? 0 : ret;
}

/* ---- locks, the page cache ------------------------------------------------------------------ */

/* i_rwsem exclusively: a write beyond i_size is waited for, and then its end becomes the size. */
static __always_inline void dio_extend(struct dio_walk *w, loff_t end, int err)
{
	lab_inode_dio_wait(w->inode);
	if (!err && !READ_ONCE(w->dio->status))
		i_size_write(w->inode, max(end, i_size_read(w->inode)));
	else
		lab_trim_eof(w->inode);
}

/* With i_rwsem as it must be, or with DIO_LOCKED taken by the caller. As dio_walk_extents(). */
static int dio_submit_locked(struct dio_walk *w, unsigned int flags, loff_t pos, u64 len_bytes)
{
	bool extend;
	int ret;

	w->isize = i_size_read(w->inode);
	extend = w->write && !(flags & DIO_LOCKED) && pos + len_bytes > w->isize;
	if (unlikely(extend) && w->nowait)
		return -EAGAIN;
	if (w->write)
		ret = filemap_dio_write_begin(w->inode, pos, len_bytes, w->nowait);
	else
		ret = filemap_dio_read_begin(w->inode, pos, len_bytes, w->nowait);
	if (ret)
		return ret;
	dio_hold_bio(w->dio, w->inode);
	w->keep = extend;
	if (unlikely(extend) && (w->dio->tail.bio.bi_opf & REQ_FUA))
		w->dio->need_sync = true;	/* for the new size */
	ret = dio_walk_extents(w);
	if (unlikely(extend))
		dio_extend(w, pos + len_bytes, ret);
	return ret;
}

static int dio_lock_and_submit(struct dio_walk *w, unsigned int flags)
{
	struct bio *bio = &w->dio->tail.bio;
	loff_t pos = (loff_t)bio->bi_iter.bi_sector << SECTOR_SHIFT;
	u64 len = bio->bi_iter.bi_size;
	enum lab_lock lock = LAB_LOCK_NONE;
	int ret = 0;

	if (unlikely((pos | len) & (bdev_logical_block_size(w->dio->file->f_bdev) - 1)))
		return -EINVAL;
	if (w->write && !(flags & DIO_LOCKED))
		ret = lab_lock_for_write(w->inode, pos, len, w->nowait, &lock);
	else if (!w->write)
		ret = lab_lock_for_read(w->inode, w->nowait, &lock);
	if (unlikely(ret))
		return ret;
	ret = dio_submit_locked(w, flags, pos, len);
	lab_unlock(w->inode, lock);
	return ret;
}

/*
 * A write whose pages could not be forgotten: what is left of the bio through the page cache, and to the disk.
 * No lock is held but, with DIO_LOCKED, the caller's.
 */
static int dio_submit_buffered(struct dio_walk *w, unsigned int flags)
{
	struct bio *bio = &w->dio->tail.bio;
	loff_t pos = (loff_t)bio->bi_iter.bi_sector << SECTOR_SHIFT;
	unsigned int len = bio->bi_iter.bi_size;
	u32 errors;
	int ret;

	if (bio->bi_opf & REQ_FUA)
		w->dio->need_sync = true;
	if (!(flags & DIO_LOCKED))
		down_write(&w->inode->i_rwsem);
	lab_inode_dio_wait(w->inode);
	errors = lab_wb_count(w->inode);
	ret = filemap_write_bio(w->inode, bio);
	if (!ret)
		ret = filemap_write_done(w->inode, pos, len, errors, &w->dio->file->f_wb_err);
	if (!(flags & DIO_LOCKED))
		up_write(&w->inode->i_rwsem);
	return ret;
}

/* ---- entry points --------------------------------------------------------------------------- */

/**
 * dio_submit_mapped - ->dio_submit of a filesystem with an extent map
 * @file: opened on an inode, with f_map_ops
 * @bio: in a struct dio, dio_init() was called; READ or WRITE; position and length multiples of the logical
 *	block
 * @flags: DIO_*
 *
 * The contract is that of ->dio_submit in struct file_operations. Takes i_rwsem as reads and writes of this
 * filesystem need it and drops it before it returns; holds it over a wait only for writes beyond i_size and
 * for parts of blocks that are not written yet, and never with DIO_NOBLOCK.
 * Return: 0: the bio has ended or will; -EAGAIN: DIO_NOBLOCK, and the rest of the bio is still the caller's.
 */
int dio_submit_mapped(struct file *file, struct bio *bio, unsigned int flags)
{
	struct dio *dio = bio_dio(bio);
	bool whole = bio->bi_opf & REQ_NOWAIT, nowait = whole || (flags & DIO_NOBLOCK);
	struct dio_walk w = {
		.dio = dio,
		.inode = file->f_inode,
		.write = op_is_write(bio->bi_opf),
		.nowait = nowait,
		.whole = whole,
	};
	int ret;

	w.map_flags = (w.write ? LAB_MAP_CREATE : 0) | (nowait ? LAB_MAP_NOWAIT : 0);
	ret = dio_lock_and_submit(&w, flags);
	if (likely(ret == 1))
		return 0;
	if (ret == -ENOTBLK)
		ret = dio_submit_buffered(&w, flags);
	if (ret == -EAGAIN && !whole && (flags & DIO_NOBLOCK))
		return -EAGAIN;
	dio_error(dio, errno_to_blk_status(ret));
	dio_drop(dio);
	return 0;
}
