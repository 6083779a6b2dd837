/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * aio.h - struct kiocb: one read or write of a file, from its caller's side.
 *
 * In 3.12 only programs have asynchronous ones, and only their ring hears of the end: there is no callback, and
 * nobody inside the kernel can submit one. So the loop driver does not.
 */
#ifndef _LINUX_AIO_H
#define _LINUX_AIO_H

#include <linux/types.h>

struct file;
struct lab_io;

/**
 * struct kiocb - one read or write in progress
 * @ki_filp: the file
 * @ki_ctx: the program's call, whose done() is the ring's event; NULL: synchronous
 * @ki_pos: where, bytes; moves
 * @ki_nbytes: of all segments together, cut at MAX_RW_COUNT and by who knows where the file ends
 * @ki_dsync, @ki_append: O_DSYNC and O_APPEND, which in 3.12 are the file's and here the call's
 * @ki_write: between file_start_write() and file_end_write()
 * @ki_wait: wait for it even if it is asynchronous: the file's lock is held to its end
 */
struct kiocb {
	struct file *ki_filp;
	struct lab_io *ki_ctx;
	loff_t ki_pos;
	size_t ki_nbytes;
	bool ki_dsync, ki_append, ki_write, ki_wait;
};

static inline bool is_sync_kiocb(const struct kiocb *iocb)
{
	return iocb->ki_ctx == NULL;
}

static inline void init_sync_kiocb(struct kiocb *iocb, struct file *file)
{
	*iocb = (struct kiocb){ .ki_filp = file };
}

ssize_t aio_submit(struct file *file, struct lab_io *io);
void aio_complete(struct kiocb *iocb, long ret);

#endif
