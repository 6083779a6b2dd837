/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * aio.h - struct kiocb: one read or write of a file, from its caller's side.
 *
 * The caller owns the memory: the loop driver embeds a kiocb in its command, a system call has one in
 * struct lab_io. With ->ki_complete the file may answer -EIOCBQUEUED and call back once, in any context;
 * without, the call waits. There is no allocation, no reference and no magic context pointer.
 */
#ifndef _LINUX_AIO_H
#define _LINUX_AIO_H

#include <linux/types.h>

struct file;
struct kiocb;
struct lab_io;

/* ki_flags */
#define IOCB_APPEND		(1 << 0)	/* write at the end of the file, wherever that is then */
#define IOCB_DSYNC		(1 << 1)	/* durable when it completes */
#define IOCB_NOWAIT		(1 << 2)	/* the caller: all at once or -EAGAIN, nothing done */
#define IOCB_WRITE		(1 << 3)
/*
 * The loop driver's own attempt: never wait, and where going on would mean waiting, stop: what has been
 * submitted stands and the kiocb completes short; -EAGAIN when that is nothing.
 */
#define IOCB_LAB_NOBLOCK	(1 << 4)
#define IOCB_HIPRI		(1 << 5)	/* the caller polls: the devices are told */

/**
 * struct kiocb - one read or write in progress
 * @ki_filp: the file
 * @ki_pos: where, bytes
 * @ki_complete: called once with bytes or -errno if the method answered -EIOCBQUEUED, any context; NULL: wait
 * @ki_flags: IOCB_*
 * @ki_ioprio: of its bios; 0: none
 */
struct kiocb {
	struct file *ki_filp;
	loff_t ki_pos;
	void (*ki_complete)(struct kiocb *iocb, long ret);
	int ki_flags;
	u16 ki_ioprio;
};

static inline bool is_sync_kiocb(const struct kiocb *iocb)
{
	return iocb->ki_complete == NULL;
}

static inline bool iocb_may_block(const struct kiocb *iocb)
{
	return !(iocb->ki_flags & (IOCB_NOWAIT | IOCB_LAB_NOBLOCK));
}

ssize_t aio_submit(struct file *file, struct lab_io *io);

#endif
