// SPDX-License-Identifier: GPL-2.0-only
/*
 * direct-io.c - direct IO of a file, map first: for each extent that the filesystem reports, memory is taken
 * from the iterator into a bio of that extent's part, pinned or borrowed as the kind of memory has it.
 *
 * One call is a struct dio; each extent's part is a struct dio_piece, which holds one i_dio_count, and
 * lives in front of the piece's bio; the dio lives in front of the first piece (one allocation for an IO of
 * one extent). A piece has one bio unless memory needs more elements than a bio has, or the edges of a
 * fresh block must be zeroed: then it counts its bios. The piece that is known to be the last inherits the
 * submitter's reference on the dio, so that an IO of one piece uses no reference count at all.
 *
 *	submitter --> dio --> piece --> bio, bio, edge      completion: bio --> piece --> (convert) --> dio
 *
 * Whoever drops the last reference ends the dio: it wakes the waiter, or calls ki_complete where it is, or
 * from a work item if the end may sleep (a flush) or the knob says so.
 *
 * Source: the shape of fs/iomap/direct-io.c (6.1) with the dio in the bio's front_pad as in block/fops.c.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include "direct-io.h"

/* ---- submit a piece ------------------------------------------------------------------------- */

/* Where @bio, which has its device, begins: known before its first page, which the old rule on bios may ask about. */
static inline void piece_bio_aim(struct bio *bio, const struct lab_extent *ext, loff_t pos)
{
	bio->bi_iter.bi_sector = ext->sector + ((pos - ext->pos) >> SECTOR_SHIFT);
}

static void piece_bio_submit(struct dio_piece *piece, struct bio *bio)
{
	bio->bi_private = piece;
	bio->bi_end_io = dio_end_io;
	if (piece->multi)
		atomic_inc(&piece->bios);
	submit_bio(bio);
}

/* Zeros from @from to @to, inside one fs block of an extent that holds no data yet. */
static int piece_zero_edge(struct dio_walk *w, struct dio_piece *piece, const struct lab_extent *ext,
			   loff_t from, loff_t to)
{
	struct lab_extent block = *ext;
	struct bio *bio;

	if (from == to)
		return 0;
	bio = piece_extra_bio(w, ext->bdev, 1);
	if (!bio)
		return -EAGAIN;
	__bio_add_page(bio, ZERO_PAGE(0), to - from, 0);
	/* The block may begin before what was asked for; on disk it begins that much earlier too. */
	block.pos = round_down(ext->pos, LAB_BLOCK_BYTES);
	block.sector -= (ext->pos - block.pos) >> SECTOR_SHIFT;
	piece_bio_aim(bio, &block, from);
	piece_bio_submit(piece, bio);
	return 0;
}

/* What did not fit in the piece's first bio, [pos, end): further bios of the same piece. */
static int piece_submit_rest(struct dio_walk *w, struct dio_piece *piece, const struct lab_extent *ext,
			     loff_t pos, loff_t end)
{
	unsigned int align = bdev_logical_block_size(ext->bdev), max_vecs = lab_bio_max_vecs(ext->bdev);

	while (pos < end) {
		struct bio *bio = piece_extra_bio(w, ext->bdev, iov_iter_npages(w->iter, end - pos, max_vecs));
		int ret;

		if (!bio)
			return -EAGAIN;
		piece_bio_aim(bio, ext, pos);
		ret = iov_iter_fill_bio(w->iter, bio, end - pos, align);
		if (ret) {
			bio_put(bio);
			return ret;
		}
		if (piece->dio->dirty)
			bio_set_pages_dirty(bio);
		bio->bi_opf |= piece->bio.bi_opf & REQ_FUA;
		pos += bio->bi_iter.bi_size;
		piece_bio_submit(piece, bio);
	}
	return 0;
}

/* Durable writes: FUA where nothing but the data has to reach the disk, else a flush at the end. */
static void piece_set_durability(struct dio_walk *w, struct dio_piece *piece, const struct lab_extent *ext)
{
	if (!w->write)
		return;
	piece->unwritten = ext->type == LAB_UNWRITTEN;
	if ((w->iocb->ki_flags & IOCB_DSYNC) && ext->type == LAB_MAPPED && bdev_fua(ext->bdev) &&
	    !(ext->flags & LAB_EXT_DIRTY_META) && w->pos + piece->len_bytes <= i_size_read(w->inode)) {
		piece->bio.bi_opf |= REQ_FUA;
		return;
	}
	piece->wrote = true;
	if (w->iocb->ki_flags & IOCB_DSYNC)
		w->dio->need_sync = true;
}

/*
 * The piece takes a reference on the dio: the submitter's own if nothing can come after it, so that the dio
 * is not the submitter's any more once the piece is submitted.
 */
static void piece_take_dio(struct dio_walk *w, struct dio_piece *piece)
{
	struct dio *dio = w->dio;

	dio->done_bytes = w->pos + piece->len_bytes - w->start;
	if (likely(w->pos + piece->len_bytes == w->end)) {
		w->handed = true;
		return;
	}
	if (!w->plugged && iocb_may_block(w->iocb)) {
		blk_start_plug(&w->plug);
		w->plugged = true;
	}
	dio->multi = true;
	atomic_inc(&dio->ref);
}

/* Several bios: the builder counts as one until all are submitted. An error ends the piece with it. */
static noinline void piece_submit_multi(struct dio_walk *w, struct dio_piece *piece,
					const struct lab_extent *ext)
{
	u32 len = piece->len_bytes, got = piece->bio.bi_iter.bi_size;
	loff_t pos = piece->pos, end = pos + len;
	int ret = 0;

	piece->multi = true;
	atomic_set(&piece->bios, 1);
	piece_bio_submit(piece, &piece->bio);
	if (piece->unwritten) {
		ret = piece_zero_edge(w, piece, ext, round_down(pos, LAB_BLOCK_BYTES), pos);
		if (!ret)
			ret = piece_zero_edge(w, piece, ext, end, round_up(end, LAB_BLOCK_BYTES));
	}
	if (!ret)
		ret = piece_submit_rest(w, piece, ext, pos + got, end);
	dio_note_error(&piece->error, ret);
	piece_drop(piece);
}

/* ---- one extent ----------------------------------------------------------------------------- */

/* A read where the file has no data. */
static noinline int dio_zero_fill(struct dio_walk *w, u64 len_bytes)
{
	if (iov_iter_zero(w->iter, len_bytes) != len_bytes)
		return -EFAULT;
	w->pos += len_bytes;
	if (w->dio)
		w->dio->done_bytes = w->pos - w->start;
	return 0;
}

static bool dio_is_aligned(struct dio_walk *w, struct block_device *bdev)
{
	unsigned int len_mask = bdev_logical_block_size(bdev) - 1;

	return !((w->pos | iov_iter_count(w->iter)) & len_mask) &&
	       iov_iter_is_aligned(w->iter, bdev_dma_alignment(bdev), len_mask);
}

static int dio_extent(struct dio_walk *w, const struct lab_extent *ext)
{
	u32 len = min_t(u64, ext->len_bytes, w->end - w->pos);
	struct iov_iter saved = *w->iter;
	struct dio_piece *piece;
	bool edges;
	int ret;

	if (unlikely(ext->type != LAB_MAPPED)) {
		if (!w->write)
			return dio_zero_fill(w, len);
		if (WARN_ON_ONCE(ext->type == LAB_HOLE))
			return -EIO;
	}
	if (!w->checked && !dio_is_aligned(w, ext->bdev))
		return -EINVAL;
	w->checked = true;

	piece = piece_alloc(w, ext->bdev, len);
	if (unlikely(!piece))
		return iocb_may_block(w->iocb) ? -ENOMEM : -EAGAIN;
	piece_bio_aim(&piece->bio, ext, ext->pos);
	ret = iov_iter_fill_bio(w->iter, &piece->bio, len, bdev_logical_block_size(ext->bdev));
	edges = ext->type == LAB_UNWRITTEN && ((w->pos | (w->pos + len)) & (LAB_BLOCK_BYTES - 1));
	/* What may not wait is one bio: a second could not be taken back when it fails. */
	if (!ret && !iocb_may_block(w->iocb) && (edges || piece->bio.bi_iter.bi_size < len))
		ret = -EAGAIN;
	if (unlikely(ret)) {
		*w->iter = saved;
		piece_abort(w, piece);
		return ret;
	}
	if (w->dio->dirty)
		bio_set_pages_dirty(&piece->bio);
	piece_set_durability(w, piece, ext);
	piece_take_dio(w, piece);
	lab_inode_dio_begin(w->inode);
	w->pos += len;
	if (unlikely(edges || piece->bio.bi_iter.bi_size < len))
		piece_submit_multi(w, piece, ext);
	else
		piece_bio_submit(piece, &piece->bio);
	return 0;
}

/* ---- the walk over extents ------------------------------------------------------------------ */

static int dio_walk_extents(struct dio_walk *w)
{
	while (w->pos < w->end) {
		struct lab_extent ext;
		int ret = w->file->f_dio_ops->map(w->inode, w->pos, w->end - w->pos, w->map_flags, &ext);

		if (unlikely(ret))
			return ret;
		if (unlikely(w->iocb->ki_flags & IOCB_NOWAIT) && ext.len_bytes < w->end - w->pos)
			return -EAGAIN;
		ret = dio_extent(w, &ext);
		if (ret)
			return ret;
	}
	return 0;
}

/* It is under way: to be waited for, or not seen any more. */
static inline ssize_t dio_give_out(struct dio_walk *w, struct dio **waited)
{
	if (w->wait) {
		w->dio->polled = w->polled;
		*waited = w->dio;
	} else {
		*waited = NULL;
	}
	return -EIOCBQUEUED;
}

/* Where the walk ended, with @ret: what the caller of dio_submit() is told. */
static ssize_t dio_submitted(struct dio_walk *w, int ret, struct dio **waited)
{
	struct dio *dio = w->dio;
	ssize_t done = w->pos - w->start;

	if (likely(w->handed))
		return dio_give_out(w, waited);
	/* The driver's attempt: what is under way stands. */
	if (ret == -EAGAIN && done && (w->iocb->ki_flags & IOCB_LAB_NOBLOCK))
		ret = 0;
	if (!dio || !dio->multi) {
		if (dio)
			dio_abort(dio);
		if (unlikely(w->polled))
			bio_put(w->polled);
		if (ret)
			return ret;
		done = min_t(loff_t, done, w->i_size - w->start);
		w->iocb->ki_pos += done;
		return done;
	}
	dio_note_error(&dio->error, ret);
	dio_give_out(w, waited);
	dio_drop(dio);
	return -EIOCBQUEUED;
}

/* ---- entry points --------------------------------------------------------------------------- */

/**
 * dio_submit - start a direct read or write
 * @iocb: ki_pos is where; ki_complete, ki_flags as aio.h says
 * @iter: memory; moved over what was taken
 * @flags: DIO_FORCE_WAIT
 * @waited: set to what must be given to dio_wait(), without i_rwsem unless the write extends, or to NULL
 *
 * i_rwsem is held, exclusively for a write that extends i_size or writes part of a block without data.
 * Context: task, may sleep unless @iocb may not block. Return: -EIOCBQUEUED: started; else nothing was
 * submitted: bytes (reads of holes, end of file), or -EINVAL (alignment), -EFAULT, -EAGAIN, -ENOMEM
 * (alloc=kmalloc) or what ->map says.
 */
ssize_t dio_submit(struct kiocb *iocb, struct iov_iter *iter, unsigned int flags, struct dio **waited)
{
	struct inode *inode = iocb->ki_filp->f_inode;
	struct dio_walk w;
	int ret;

	w.iocb = iocb;
	w.iter = iter;
	w.file = iocb->ki_filp;
	w.inode = inode;
	w.dio = NULL;
	w.polled = NULL;
	w.start = w.pos = iocb->ki_pos;
	w.end = w.pos + iov_iter_count(iter);
	w.write = (iocb->ki_flags & IOCB_WRITE) != 0;
	w.i_size = w.write ? w.end : i_size_read(inode);
	if (!w.write)
		w.end = min_t(loff_t, w.end, round_up(w.i_size, LAB_BLOCK_BYTES));
	w.map_flags = (w.write ? LAB_MAP_CREATE : 0) | (iocb_may_block(iocb) ? 0 : LAB_MAP_NOWAIT);
	w.gfp = iocb_may_block(iocb) ? GFP_KERNEL : GFP_NOWAIT;
	w.extend = w.write && w.end > i_size_read(inode);
	w.wait = is_sync_kiocb(iocb) || (flags & DIO_FORCE_WAIT);
	BUG_ON(w.extend && !w.wait);
	w.checked = w.handed = w.plugged = false;
	*waited = NULL;
	if (!w.write && w.start >= w.i_size)
		return 0;

	ret = dio_walk_extents(&w);
	if (unlikely(w.plugged))
		blk_finish_plug(&w.plug);
	return dio_submitted(&w, ret, waited);
}
