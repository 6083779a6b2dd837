// SPDX-License-Identifier: GPL-2.0-only
/*
 * aio.c - the system-call side of a file: struct lab_io in, ->aio_read or ->aio_write, result out.
 *
 * The kiocb lives in the caller's struct lab_io. A write keeps a filesystem from being frozen from here to its end:
 * 3.12 let go when an asynchronous write was submitted, and a freeze met writes still in flight; that is mended.
 *
 * 3.12 knows neither RWF_NOWAIT nor polling: the first is refused, as a kernel refuses a flag for which the file has
 * no FMODE_NOWAIT, the second is a hint and ignored.
 */
#include <linux/fs.h>
#include <linux/build_bug.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/stddef.h>

static void aio_end_write(struct kiocb *iocb)
{
	if (iocb->ki_write)
		file_end_write(iocb->ki_filp);
}

/**
 * aio_complete - the end of an asynchronous read or write
 * @iocb: gone afterwards
 * @ret: bytes or -errno
 *
 * Context: any.
 */
void aio_complete(struct kiocb *iocb, long ret)
{
	struct lab_io *io = iocb->ki_ctx;

	aio_end_write(iocb);
	io->done(io, ret);
}

/**
 * aio_submit - perform or start one read or write
 * @file: an open file or block device
 * @io: what to do; see struct lab_io
 *
 * Context: task whose mm holds the segments; sleeps, also when asynchronous. Return: bytes, -errno, or
 * -EIOCBQUEUED when io->done() has been or will be called.
 */
ssize_t aio_submit(struct file *file, struct lab_io *io)
{
	const struct iovec *iov = (const struct iovec *)io->iov;
	struct kiocb *iocb = (struct kiocb *)io->priv;
	ssize_t ret;

	BUILD_BUG_ON(sizeof(*iocb) > sizeof(io->priv));
	BUILD_BUG_ON(sizeof(struct iovec) != sizeof(struct lab_iovec));
	BUILD_BUG_ON(offsetof(struct iovec, iov_len) != offsetof(struct lab_iovec, len_bytes));
	if (io->flags & LAB_IO_NOWAIT)
		return -EOPNOTSUPP;
	if (io->pos < 0 && !(io->flags & LAB_IO_APPEND))
		return -EINVAL;
	ret = rw_copy_check_uvector(iov, io->nr_segs);
	if (ret < 0)
		return ret;

	init_sync_kiocb(iocb, file);
	iocb->ki_ctx = io->done ? io : NULL;
	iocb->ki_pos = io->pos;
	iocb->ki_nbytes = ret;
	if (io->rw == LAB_READ)
		return file->f_op->aio_read(iocb, iov, io->nr_segs, io->pos);
	iocb->ki_dsync = io->flags & LAB_IO_DSYNC;
	iocb->ki_append = io->flags & LAB_IO_APPEND;
	iocb->ki_write = true;
	file_start_write(file);
	ret = file->f_op->aio_write(iocb, iov, io->nr_segs, io->pos);
	if (ret != -EIOCBQUEUED)
		aio_end_write(iocb);
	return ret;
}
