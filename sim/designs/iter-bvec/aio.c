// SPDX-License-Identifier: GPL-2.0-only
/*
 * aio.c - the system-call side of a file: struct lab_io in, ->read_iter or ->write_iter, result out.
 *
 * The kiocb lives in the caller's struct lab_io, the iov_iter on the stack: a method has taken what it
 * needs from the iterator when it returns. So nothing is allocated here. A caller inside the kernel (the
 * loop driver) does not come this way: it fills a kiocb of its own and calls the method.
 */
#include <linux/fs.h>
#include <linux/build_bug.h>
#include <linux/errno.h>
#include <linux/ioprio.h>
#include <linux/kernel.h>

/*
 * Does the file's filesystem count this write, so that it can be frozen? Of a block device: no; what goes to its pages
 * is counted, but nobody freezes those.
 */
static inline bool aio_is_counted(const struct kiocb *iocb)
{
	return (iocb->ki_flags & IOCB_WRITE) && iocb->ki_filp->f_inode;
}

static void aio_complete(struct kiocb *iocb, long ret)
{
	struct lab_io *io = container_of((u64 *)iocb, struct lab_io, priv[0]);

	if (aio_is_counted(iocb))
		lab_sb_end_write(iocb->ki_filp->f_inode);
	io->done(io, ret);
}

/* One call is one write, counted from before ->write_iter to its end, whoever comes to it. */
static ssize_t aio_write(struct kiocb *iocb, struct iov_iter *iter)
{
	struct file *file = iocb->ki_filp;
	bool counted = aio_is_counted(iocb);
	ssize_t ret;

	if (counted) {
		ret = lab_sb_start_write(file->f_inode, iocb->ki_flags & IOCB_NOWAIT);
		if (ret)
			return ret;
	}
	ret = file->f_op->write_iter(iocb, iter);
	if (counted && ret != -EIOCBQUEUED)
		lab_sb_end_write(file->f_inode);
	return ret;
}

/**
 * aio_submit - perform or start one read or write
 * @file: an open file or block device
 * @io: what to do; see struct lab_io
 *
 * Context: task whose mm holds the segments; may sleep, also when asynchronous (to pin, to allocate, for a
 * thaw, and for a write that extends the file). Return: bytes, -errno, or -EIOCBQUEUED when io->done() has been or
 * will be called.
 */
ssize_t aio_submit(struct file *file, struct lab_io *io)
{
	struct kiocb *iocb = (struct kiocb *)io->priv;
	struct iov_iter iter;
	int ret;

	BUILD_BUG_ON(sizeof(*iocb) > sizeof(io->priv));
	if (io->pos < 0 && !(io->flags & LAB_IO_APPEND))
		return -EINVAL;
	ret = ioprio_check_cap(io->ioprio);
	if (!ret)
		ret = iov_iter_init(&iter, io->iov, io->nr_segs);
	if (ret)
		return ret;

	iocb->ki_filp = file;
	iocb->ki_pos = io->pos;
	iocb->ki_complete = io->done ? aio_complete : NULL;
	iocb->ki_flags = (io->flags & LAB_IO_NOWAIT ? IOCB_NOWAIT : 0) |
			 (io->flags & LAB_IO_DSYNC ? IOCB_DSYNC : 0) |
			 (io->flags & LAB_IO_APPEND ? IOCB_APPEND : 0) |
			 (io->flags & LAB_IO_HIPRI ? IOCB_HIPRI : 0);
	iocb->ki_ioprio = io->ioprio;
	if (io->rw == LAB_READ)
		return file->f_op->read_iter(iocb, &iter);
	iocb->ki_flags |= IOCB_WRITE;
	return aio_write(iocb, &iter);
}
