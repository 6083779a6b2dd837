// SPDX-License-Identifier: GPL-2.0-only
/*
 * aio.c - the two ways to a file's read_iter and write_iter: a program's call (struct lab_io), and the kernel's
 * own (aio_kernel_*), which the loop driver uses.
 *
 * A program's kiocb lives in its struct lab_io, so that the harness's allocation is not charged to the design.
 * Its segments are copied, as the system call copies them from user space: ii_shorten may write to them. The
 * kernel's kiocb is allocated and freed for each IO, from no reserve.
 *
 * Source: fs/aio.c with the series' patch "aio: add aio_kernel_*", by its behaviour.
 */
#include <linux/fs.h>
#include <linux/build_bug.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/wait.h>

static struct kmem_cache *kiocb_cache;
static struct wait_queue_head aio_none_left;	/* a file's f_lab_kiocbs is 0 */

/* ---- completion ----------------------------------------------------------------------------- */

static void file_put_kiocb(struct file *file)
{
	if (atomic_dec_and_test(&file->f_lab_kiocbs))
		wake_up_all(&aio_none_left);
}

/**
 * file_start_write - a write begins: its filesystem cannot be frozen until file_end_write()
 * @iocb: of a file; of a block device nothing is counted
 *
 * In 2013 the count ended when the method returned, queued or not, so that a freeze did not wait for direct writes in
 * flight. Here it lasts until aio_complete(), as in Linux since 4.9: iocb->private says that it is held. Context:
 * task, sleeps while the filesystem is frozen.
 */
void file_start_write(struct kiocb *iocb)
{
	struct inode *inode = iocb->ki_filp->f_inode;

	if (!inode)
		return;
	lab_sb_start_write(inode, false);
	iocb->private = inode;
}

/**
 * file_end_write - it is done, unless it was not counted
 * @iocb: before anybody is told
 *
 * Context: any.
 */
void file_end_write(struct kiocb *iocb)
{
	struct inode *inode = iocb->private;

	if (!inode)
		return;
	iocb->private = NULL;
	lab_sb_end_write(inode);
}

/**
 * aio_complete - a kiocb is done: tell whoever submitted it
 * @iocb: not a synchronous one; the kernel's is gone afterwards
 * @res: bytes or -errno
 *
 * Context: any.
 */
void aio_complete(struct kiocb *iocb, long res)
{
	struct file *file = iocb->ki_filp;
	struct lab_io *io;

	BUG_ON(is_sync_kiocb(iocb));
	file_end_write(iocb);
	if (is_kernel_kiocb(iocb)) {
		iocb->ki_obj.complete(iocb->ki_user_data, res);
		aio_kernel_free(iocb);
		file_put_kiocb(file);
		return;
	}
	io = iocb->ki_obj.user;
	io->done(io, res);
}

/**
 * aio_lab_wait_none - wait until no kernel kiocb is on its way through @file
 * @file: about to be closed
 *
 * In Linux somebody's reference would see to that. Here (D3) nobody's does. Context: task, sleeps.
 */
void aio_lab_wait_none(struct file *file)
{
	wait_event(aio_none_left, !atomic_read(&file->f_lab_kiocbs));
}

/* ---- a program's IO ------------------------------------------------------------------------- */

/**
 * init_sync_kiocb - a kiocb whose IO is waited for
 * @iocb: to be set
 * @file: an open file
 */
void init_sync_kiocb(struct kiocb *iocb, struct file *file)
{
	memset(iocb, 0, sizeof(*iocb));
	iocb->ki_filp = file;
	iocb->ki_obj.tsk = current;
}

static ssize_t aio_run_user(struct kiocb *iocb, struct lab_io *io, const struct lab_iovec *iov, size_t count)
{
	const struct file_operations *f_op = iocb->ki_filp->f_op;
	struct iov_iter iter;
	ssize_t ret;

	iocb->ki_pos = io->pos;
	iocb->ki_nbytes = count;
	if (io->done) {
		iocb->ki_ctx = (struct kioctx *)io;	/* the program's: neither NULL nor the kernel's */
		iocb->ki_obj.user = io;
	}
	iov_iter_init(&iter, iov, io->nr_segs, count, 0);
	if (io->rw == LAB_READ)
		return f_op->read_iter(iocb, &iter, io->pos);
	file_start_write(iocb);
	ret = f_op->write_iter(iocb, &iter, io->pos);
	if (ret != -EIOCBQUEUED)
		file_end_write(iocb);
	return ret;
}

/**
 * aio_submit - perform or start one read or write
 * @file: an open file or block device; its f_flags go with @io's
 * @io: what to do; see struct lab_io
 *
 * Context: task whose mm holds the segments; may sleep, also when asynchronous. Return: bytes, -errno, or
 * -EIOCBQUEUED when io->done() has been or will be called.
 */
ssize_t aio_submit(struct file *file, struct lab_io *io)
{
	struct lab_iovec fast[UIO_FASTIOV], *iov = fast;
	struct kiocb *iocb = (struct kiocb *)io->priv;
	ssize_t ret;

	BUILD_BUG_ON(sizeof(*iocb) != 88);	/* as it was on 64-bit machines */
	BUILD_BUG_ON(sizeof(*iocb) > sizeof(io->priv));
	if ((io->pos < 0 && !(io->flags & LAB_IO_APPEND)) || io->nr_segs > UIO_MAXIOV)
		return -EINVAL;
	if (io->nr_segs > UIO_FASTIOV) {
		iov = kmalloc(io->nr_segs * sizeof(*iov), GFP_KERNEL);
		if (!iov)
			return -ENOMEM;
	}
	ret = iov_copy_check(iov, io->iov, io->nr_segs);
	if (ret >= 0) {
		init_sync_kiocb(iocb, file);
		ret = aio_run_user(iocb, io, iov, ret);
	}
	if (iov != fast)
		kfree(iov);
	return ret;
}

/* ---- the kernel's IO ------------------------------------------------------------------------ */

/**
 * aio_kernel_alloc - a kiocb for an IO of the kernel's own
 * @gfp: may it sleep?
 *
 * From a slab that may be empty: no pool, no limit on how many. (The slab is its own so that it counts as a
 * command; in 2013 it was kmalloc's.) Context: as @gfp says. Return: a kiocb; NULL: no memory.
 */
struct kiocb *aio_kernel_alloc(gfp_t gfp)
{
	struct kiocb *iocb = kmem_cache_zalloc(kiocb_cache, gfp);

	if (iocb)
		iocb->ki_ctx = KIOCB_KERNEL_CTX;
	return iocb;
}

/**
 * aio_kernel_free - of a kiocb that was not submitted
 * @iocb: from aio_kernel_alloc()
 *
 * Context: any.
 */
void aio_kernel_free(struct kiocb *iocb)
{
	kmem_cache_free(kiocb_cache, iocb);
}

/**
 * aio_kernel_init_rw - what to read or write
 * @iocb: from aio_kernel_alloc()
 * @file: no reference is taken
 * @nr: bytes
 * @off: where in @file
 */
void aio_kernel_init_rw(struct kiocb *iocb, struct file *file, size_t nr, loff_t off)
{
	iocb->ki_filp = file;
	iocb->ki_nbytes = nr;
	iocb->ki_pos = off;
}

/**
 * aio_kernel_init_callback - whom to tell
 * @iocb: from aio_kernel_alloc()
 * @complete: called once if aio_kernel_submit() returns 0; any context, perhaps before it returns
 * @user_data: handed to @complete
 */
void aio_kernel_init_callback(struct kiocb *iocb, void (*complete)(u64 user_data, long res), u64 user_data)
{
	iocb->ki_obj.complete = complete;
	iocb->ki_user_data = user_data;
}

static ssize_t aio_read_iter(struct kiocb *iocb, struct iov_iter *iter)
{
	struct file *file = iocb->ki_filp;

	if (!file->f_op->read_iter)
		return -EINVAL;
	return file->f_op->read_iter(iocb, iter, iocb->ki_pos);
}

static ssize_t aio_write_iter(struct kiocb *iocb, struct iov_iter *iter)
{
	struct file *file = iocb->ki_filp;

	if (!file->f_op->write_iter)
		return -EINVAL;
	file_start_write(iocb);
	return file->f_op->write_iter(iocb, iter, iocb->ki_pos);
}

/**
 * aio_kernel_submit - start it
 * @iocb: the kernel's, with file and callback set. Not the caller's any more
 * @op: IOCB_CMD_READ_ITER or IOCB_CMD_WRITE_ITER
 * @ptr: the struct iov_iter; may be on the stack
 *
 * Context: task, may sleep. Return: 0: the callback hears of it, also of an error; -EINVAL: an operation that
 * is not known: freed, no callback.
 */
int aio_kernel_submit(struct kiocb *iocb, unsigned int op, void *ptr)
{
	ssize_t ret;

	BUG_ON(!is_kernel_kiocb(iocb) || !iocb->ki_obj.complete || !iocb->ki_filp);
	if (op != IOCB_CMD_READ_ITER && op != IOCB_CMD_WRITE_ITER) {
		aio_kernel_free(iocb);
		return -EINVAL;
	}
	atomic_inc(&iocb->ki_filp->f_lab_kiocbs);
	ret = op == IOCB_CMD_READ_ITER ? aio_read_iter(iocb, ptr) : aio_write_iter(iocb, ptr);
	if (ret != -EIOCBQUEUED)
		aio_complete(iocb, ret);
	return 0;
}

/* ---- set-up --------------------------------------------------------------------------------- */

/**
 * aio_init - the cache, once
 *
 * Context: task, may sleep. Return: 0 or -ENOMEM.
 */
int aio_init(void)
{
	init_waitqueue_head(&aio_none_left);
	kiocb_cache = KMEM_CACHE(kiocb, 0);
	if (!kiocb_cache)
		return -ENOMEM;
	kmem_cache_set_probe(kiocb_cache, LAB_ALLOC_CMD);
	return 0;
}

/**
 * aio_exit - undo aio_init(); nothing is in flight
 *
 * Context: task, may sleep.
 */
void aio_exit(void)
{
	kmem_cache_destroy(kiocb_cache);
	kiocb_cache = NULL;
}
