// SPDX-License-Identifier: GPL-2.0-only
/*
 * direct-io-end.c - the way up: from the end of a bio to the end of the piece, of the dio, of the bio that was given to
 * ->dio_submit. The way down, and what the structures are for, is in direct-io.c.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include "direct-io.h"
#include "design.h"

#define DIO_POOL_SIZE		4	/* pieces to be had without memory; any number > 0 makes progress */

static bool dio_ends_in_work;	/* completion=wq */

/* ---- complete, end_io ----------------------------------------------------------------------- */

static void dio_complete(struct dio *dio)
{
	struct bio *bio = &dio->tail.bio;

	dio_release_bio(dio);
	bio->bi_status = READ_ONCE(dio->status);
	dio->end_io(bio);
}

/* Have @piece seen to in process context. Any context. */
static void dio_defer(struct dio_piece *piece)
{
	struct file *file = piece->dio->file;

	if (llist_add(&piece->done_node, &file->f_done))
		queue_work(file->f_done_wq, &file->f_done_work);
}

/**
 * dio_drop - a piece, or who submits, is done with a dio; the last one ends the bio
 * @dio: maybe gone afterwards
 *
 * Context: any.
 */
void dio_drop(struct dio *dio)
{
	if (unlikely(dio->counted) && !atomic_dec_and_test(&dio->left))
		return;
	if (unlikely(dio->need_sync || dio_ends_in_work))
		dio_defer(&dio->tail);
	else
		dio_complete(dio);
}

/* Any context; @piece and what it is part of may be gone afterwards. */
static void piece_end(struct dio_piece *piece, bool write)
{
	struct dio *dio = piece->dio;
	struct inode *inode = dio->file->f_inode;

	if (write)
		filemap_dio_write_end(inode, piece->pos, piece->len_bytes);
	dio_release_piece(inode);
	if (piece != &dio->tail)
		bio_put(&piece->bio);
	dio_drop(dio);
}

/* The data of an unwritten piece is on disk: now it may become visible. */
static void piece_convert(struct dio_piece *piece)
{
	struct file *file = piece->dio->file;
	int err = file->f_map_ops->convert(file->f_inode, piece->pos, piece->len_bytes);

	dio_error(piece->dio, errno_to_blk_status(err));
	piece->flags &= ~DIO_PIECE_CONVERT;
	piece_end(piece, true);
}

/* All pieces are done. Those of a bio that should be durable may not all have been written with FUA. */
static void dio_sync_and_complete(struct dio *dio)
{
	struct file *file = dio->file;
	int err = 0;

	if (dio->need_sync && !READ_ONCE(dio->status))
		err = lab_wb_check(file->f_inode, &file->f_wb_err) ?: lab_fsync(file->f_inode, true);
	dio_error(dio, errno_to_blk_status(err));
	dio_complete(dio);
}

/**
 * dio_done_work - what cannot be done where a bio ends, or shall not be: convert, flush, end
 * @work: the file's
 *
 * Context: process.
 */
void dio_done_work(struct work_struct *work)
{
	struct file *file = container_of(work, struct file, f_done_work);
	struct llist_node *node, *next;

	llist_for_each_safe(node, next, llist_reverse_order(llist_del_all(&file->f_done))) {
		struct dio_piece *piece = llist_entry(node, struct dio_piece, done_node);

		if (piece->flags & DIO_PIECE_CONVERT)
			piece_convert(piece);
		else
			dio_sync_and_complete(piece->dio);
	}
}

/**
 * dio_end_io - bi_end_io of a piece
 * @bio: ended
 *
 * Context: any.
 */
void dio_end_io(struct bio *bio)
{
	struct dio_piece *piece = container_of(bio, struct dio_piece, bio);
	bool write = op_is_write(bio->bi_opf);

	if (unlikely(bio->bi_status)) {
		dio_error(piece->dio, bio->bi_status);
		piece->flags &= ~DIO_PIECE_CONVERT;	/* reads as zeros, not as what was on the disk */
	}
	if (write && !(bio->bi_opf & REQ_FUA))
		lab_fs_wrote(piece->dio->file->f_inode);
	if (piece->flags & DIO_PIECE_CONVERT)
		dio_defer(piece);
	else
		piece_end(piece, write);
}

/* ---- set-up --------------------------------------------------------------------------------- */

/**
 * dio_sets_alloc - what the pieces of a file's bios are allocated from
 * @file: being opened, zeroed
 *
 * Context: task, may sleep. Return: 0 or -ENOMEM.
 */
int dio_sets_alloc(struct file *file)
{
	return bioset_init(&file->f_pieces, DIO_POOL_SIZE, offsetof(struct dio_piece, bio), 0);
}

/**
 * dio_sets_free - undo dio_sets_alloc(); no IO in flight
 * @file: a block device has none
 *
 * Context: task, may sleep.
 */
void dio_sets_free(struct file *file)
{
	bioset_exit(&file->f_pieces);
}

/**
 * dio_end_init - how ends are to be
 * @knobs: completion is looked at
 *
 * Context: any.
 */
void dio_end_init(const struct lab_knobs *knobs)
{
	dio_ends_in_work = knobs->completion == LAB_COMPLETION_WQ;
}
