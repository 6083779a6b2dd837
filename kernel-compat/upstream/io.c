// SPDX-License-Identifier: GPL-2.0-only
/*
 * io.c - reads, writes and bios from above: what a system call does around ->read_iter and ->write_iter.
 *
 * A call is a task of its own, and upk_submit() returns when it has: at once when asynchronous, unless it had to
 * wait. The kiocb is in the caller's memory, the iov_iter on the task's stack; the array of segments, which the
 * kernel reads until then, is the caller's.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/ioprio.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include "k.h"

struct up_iocb {
	struct kiocb iocb;
	void (*done)(void *owner, long res);
	void *owner;
};

struct submit_args {
	struct upk_file *file;
	const struct up_io *io;
	long ret;
};

static void io_complete(struct kiocb *iocb, long res)
{
	struct up_iocb *u = container_of(iocb, struct up_iocb, iocb);

	u->done(u->owner, res);
}

static void io_submit(void *arg)
{
	struct submit_args *a = arg;
	const struct up_io *io = a->io;
	struct file *file = &a->file->file;
	bool write = io->flags & UP_IO_WRITE;
	struct up_iocb own, *u = io->done ? io->priv : &own;
	struct iov_iter iter;
	size_t total = 0;
	unsigned int i;

	if (io->nr_segs > UIO_MAXIOV) {		/* as iovec_from_user() */
		a->ret = -EINVAL;
		return;
	}
	for (i = 0; i < io->nr_segs; i++) {
		if ((ssize_t)io->iov[i].len_bytes < 0) {
			a->ret = -EINVAL;
			return;
		}
		if (!access_ok((void __user *)io->iov[i].base, io->iov[i].len_bytes)) {
			a->ret = -EFAULT;
			return;
		}
		total += io->iov[i].len_bytes;
	}
	a->ret = io->ioprio ? ioprio_check_cap(io->ioprio) : 0;
	if (a->ret)
		return;
	if (io->flags & UP_IO_NOWAIT && !(file->f_mode & FMODE_NOWAIT)) {
		a->ret = -EOPNOTSUPP;
		return;
	}
	memset(u, 0, sizeof(*u));
	u->done = io->done;
	u->owner = io->owner;
	u->iocb.ki_filp = file;
	u->iocb.ki_pos = io->pos;
	u->iocb.ki_ioprio = io->ioprio ?: get_current_ioprio();
	u->iocb.ki_complete = io->done ? io_complete : NULL;
	u->iocb.ki_flags = (io->flags & UP_IO_BUFFERED ? 0 : IOCB_DIRECT) | (write ? IOCB_WRITE : 0) |
			   (io->flags & UP_IO_NOWAIT ? IOCB_NOWAIT : 0) | (io->flags & UP_IO_DSYNC ? IOCB_DSYNC : 0) |
			   (io->flags & UP_IO_APPEND ? IOCB_APPEND : 0);
	iov_iter_init(&iter, write ? ITER_SOURCE : ITER_DEST, (const struct iovec *)io->iov, io->nr_segs,
		      min_t(size_t, total, MAX_RW_COUNT));
	a->ret = write ? file->f_op->write_iter(&u->iocb, &iter) : file->f_op->read_iter(&u->iocb, &iter);
}

long upk_submit(struct upk_file *file, const struct up_io *io)
{
	struct submit_args a = { file, io, 0 };

	BUILD_BUG_ON(UP_EIOCBQUEUED != EIOCBQUEUED);
	if (io->done && io->priv_bytes < sizeof(struct up_iocb))
		up_bug("a kiocb needs %zu bytes", sizeof(struct up_iocb));
	up_task_call(io_submit, &a, true);
	return a.ret;
}

struct fsync_args {
	struct upk_file *file;
	int datasync, ret;
};

static void io_fsync(void *arg)
{
	struct fsync_args *a = arg;

	a->ret = vfs_fsync(&a->file->file, a->datasync);
}

int upk_fsync(struct upk_file *file, int datasync)
{
	struct fsync_args a = { file, datasync, 0 };

	up_task_call(io_fsync, &a, true);
	return a.ret;
}

/* ---- ready bios ------------------------------------------------------------------------------------------------- */

struct bio_args {
	struct upk_disk *disk;
	struct up_bio *up;
};

static void bio_done(struct bio *bio)
{
	struct up_bio *up = bio->bi_private;
	int status = blk_status_to_errno(bio->bi_status);

	bio_uninit(bio);
	up->done(up, status);
}

static void bio_submit(void *arg)
{
	static const blk_opf_t ops[] = {
		[UP_READ] = REQ_OP_READ, [UP_WRITE] = REQ_OP_WRITE, [UP_FLUSH] = REQ_OP_WRITE | REQ_PREFLUSH,
		[UP_DISCARD] = REQ_OP_DISCARD, [UP_ZEROES] = REQ_OP_WRITE_ZEROES,
	};
	struct bio_args *a = arg;
	struct up_bio *up = a->up;
	struct bio *bio = up->room;
	unsigned int i;

	if (struct_size(bio, bi_inline_vecs, up->nr_segs) > up->room_bytes)
		up_bug("a bio of %u pieces needs %zu bytes", up->nr_segs, struct_size(bio, bi_inline_vecs, up->nr_segs));
	bio_init(bio, a->disk->disk->part0, bio->bi_inline_vecs, up->nr_segs,
		 ops[up->op] | (up->flags & UP_FUA ? REQ_FUA : 0) | (up->flags & UP_PREFLUSH ? REQ_PREFLUSH : 0) |
		 (up->flags & UP_NOUNMAP ? REQ_NOUNMAP : 0) | (up->flags & UP_NOWAIT ? REQ_NOWAIT : 0) |
		 (up->flags & UP_SYNC ? REQ_SYNC | REQ_IDLE : 0));
	bio->bi_iter.bi_sector = up->sector;
	bio->bi_ioprio = up->ioprio;
	for (i = 0; i < up->nr_segs; i++)
		__bio_add_page(bio, pfn_to_page(up->segs[i].phys >> PAGE_SHIFT), up->segs[i].len_bytes,
			       offset_in_page(up->segs[i].phys));
	if (!up->nr_segs)
		bio->bi_iter.bi_size = up->bytes;
	bio->bi_private = up;
	bio->bi_end_io = bio_done;
	submit_bio(bio);
}

void upk_bio_submit(struct upk_disk *disk, struct up_bio *up)
{
	struct bio_args a = { disk, up };

	up_task_call(bio_submit, &a, false);
}
