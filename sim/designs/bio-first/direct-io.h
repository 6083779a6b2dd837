/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * direct-io.h - private to direct-io.c (the way down) and direct-io-end.c (the way up).
 */
#ifndef DIRECT_IO_H
#define DIRECT_IO_H

#include <linux/fs.h>
#include <linux/bio.h>
#include <linux/blkdev.h>

/* dio_piece->flags */
#define DIO_PIECE_CONVERT	1	/* was unwritten: convert when the data is on disk */

/* ---- the count that truncate waits for ------------------------------------------------------ */

#ifdef LAB_PLANT_H7
static inline void dio_hold_bio(struct dio *dio, struct inode *inode)
{
	if (!dio->held)
		lab_inode_dio_begin(inode);
	dio->held = true;
}

static inline void dio_release_bio(struct dio *dio)
{
	if (dio->held)
		lab_inode_dio_end(dio->file->f_inode);
}

static inline void dio_hold_piece(struct inode *inode)
{
}

static inline void dio_release_piece(struct inode *inode)
{
}
#else
static inline void dio_hold_bio(struct dio *dio, struct inode *inode)
{
}

static inline void dio_release_bio(struct dio *dio)
{
}

static inline void dio_hold_piece(struct inode *inode)
{
	lab_inode_dio_begin(inode);
}

static inline void dio_release_piece(struct inode *inode)
{
	lab_inode_dio_end(inode);
}
#endif

/* ---- references and errors ------------------------------------------------------------------ */

/* The first error is the bio's. */
static inline void dio_error(struct dio *dio, blk_status_t status)
{
	if (status)
		cmpxchg(&dio->status, BLK_STS_OK, status);
}

/* Only while @dio is held by the caller. */
static inline void dio_get(struct dio *dio)
{
	if (dio->counted) {
		atomic_inc(&dio->left);
		return;
	}
	dio->counted = true;
	atomic_set(&dio->left, 2);
}

void dio_drop(struct dio *dio);
void dio_end_io(struct bio *bio);

#endif
