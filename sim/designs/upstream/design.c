// SPDX-License-Identifier: GPL-2.0-only
/*
 * design.c - Linux's own files as a design.
 *
 * Everything that the other designs contain - iov_iter, direct IO, loop - is Linux's, unmodified, and so are its bio,
 * its blk-mq and its O_DIRECT on block devices. What is here carries calls across bridge.h.
 *
 * It runs in one task, the one that called init(): an IO from another task is refused (-EOPNOTSUPP). Its own tasks
 * and works run when that task calls in, and when it waits (kc_bottom_half).
 */
#include <linux/blkdev.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <kc/ram.h>
#include <lab/fs.h>
#include "lab.h"

static struct task_struct *owner;	/* the task that the kernel runs in */
static enum up_dio file_dio;		/* of the files that are opened: the variant */

bool is_owner(void)
{
	return current == owner;
}

/* ---- running and waiting ------------------------------------------------------------------------------- */

/* Called by whoever waits, before it does. */
static bool run_pending(void)
{
	if (!is_owner() || !upk_pending())
		return false;
	__set_current_state(TASK_RUNNING);
	upk_run();
	return true;
}

void upl_wait(void)
{
	set_current_state(TASK_UNINTERRUPTIBLE);
	if (upk_pending())
		__set_current_state(TASK_RUNNING);
	else
		io_schedule();
}

/* The depth of the stack is measured from its top, which is cached. */
void upl_stack_changed(void)
{
	current->kc_stack_hi = NULL;
}

void upl_print(const char *line)
{
	host_puts(line);
}

int upl_format(char *buf, host_size bytes, const char *fmt, __builtin_va_list args)
{
	return vsnprintf(buf, bytes, fmt, args);
}

void upl_bug(const char *line)
{
	kc_bug(__FILE__, __LINE__, "%s", line);
}

int upl_scope_enter(int scope)
{
	return lab_scope_enter((enum lab_scope)scope);
}

void upl_count(enum up_count what, host_u64 n)
{
	static const enum lab_probe_id ids[] = {
		[UP_N_PAGE_REF] = LAB_PAGE_REF, [UP_N_BIOS] = LAB_BIOS, [UP_N_SPLITS] = LAB_SPLITS,
		[UP_N_CHAINS] = LAB_CHAINS, [UP_N_MERGES] = LAB_MERGES, [UP_N_REQUESTS] = LAB_REQUESTS,
		[UP_N_FLUSHES] = LAB_FLUSHES, [UP_N_PUNTS] = LAB_PUNTS, [UP_N_LOCKS] = LAB_LOCKS,
		[UP_N_WAKEUPS] = LAB_WAKEUPS, [UP_N_COPY_BYTES] = LAB_COPY_BYTES,
	};

	kc_probe_add(ids[what], n);
}

/* ---- files ------------------------------------------------------------------------------------------------- */

static struct lab_file *open_on(struct inode *inode, struct block_device *bdev)
{
	struct upk_disk *loop = inode ? NULL : loop_behind(bdev);
	struct lab_file *lf = kzalloc(sizeof(*lf), GFP_KERNEL);

	if (inode && loop_behind(bdev)) {
		pr_err("upstream: a file on a loop device: its filesystem, which is ours, would wait for Linux's while Linux runs\n");
		kfree(lf);
		return ERR_PTR(-EOPNOTSUPP);
	}
	if (!lf)
		return ERR_PTR(-ENOMEM);
	lf->inode = inode;
	if (loop) {
		lf->kernel = upk_bdev_open(loop);
	} else {
		lf->disk = low_disk_get(bdev);
		if (lf->disk)
			lf->kernel = inode ? upk_file_open(inode, lf->disk->kernel, file_dio) :
					     upk_bdev_open(lf->disk->kernel);
	}
	if (lf->kernel)
		return lf;
	if (lf->disk)
		low_disk_put(lf->disk);
	kfree(lf);
	return ERR_PTR(-ENOMEM);
}

static struct lab_file *design_open_file(struct inode *inode)
{
	return open_on(inode, lab_inode_bdev(inode));
}

static struct lab_file *design_open_bdev(struct block_device *bdev)
{
	return open_on(NULL, bdev);
}

static void design_close(struct lab_file *lf)
{
	upk_file_close(lf->kernel);
	if (lf->disk)
		low_disk_put(lf->disk);
	kfree(lf);
}

/* ---- IO ---------------------------------------------------------------------------------------------------------- */

static void io_done(void *arg, long res)
{
	struct lab_io *io = arg;

	io->done(io, res);
}

void upl_blkevent(struct lab_blkevent *ev)
{
	kc_blktrace_add(ev);
}

static ssize_t design_submit(struct lab_file *lf, struct lab_io *io)
{
	struct up_io up = {
		.flags = (io->rw == LAB_WRITE ? UP_IO_WRITE : 0) | (io->flags & LAB_IO_NOWAIT ? UP_IO_NOWAIT : 0) |
			 (io->flags & LAB_IO_DSYNC ? UP_IO_DSYNC : 0) | (io->flags & LAB_IO_APPEND ? UP_IO_APPEND : 0) |
			 (io->flags & LAB_IO_BUFFERED ? UP_IO_BUFFERED : 0),
		.ioprio = io->ioprio,
		.pos = io->pos,
		.iov = (const struct up_iovec *)io->iov,
		.nr_segs = io->nr_segs,
		.done = io->done ? io_done : NULL,
		.owner = io,
		.priv = io->priv,
		.priv_bytes = sizeof(io->priv),
	};
	ssize_t ret;

	BUILD_BUG_ON(sizeof(struct up_iovec) != sizeof(struct lab_iovec));
	if (!is_owner() || (io->flags & LAB_IO_BUFFERED && !lf->inode))
		return -EOPNOTSUPP;
	if (io->pos < 0 && !(io->flags & LAB_IO_APPEND))
		return -EINVAL;
	trace_follow();
	ret = upk_submit(lf->kernel, &up);
	return ret == -UP_EIOCBQUEUED ? -EIOCBQUEUED : ret;
}

static int design_fsync(struct lab_file *lf, bool datasync)
{
	return upk_fsync(lf->kernel, datasync);
}

static loff_t design_size(struct lab_file *lf)
{
	return upk_file_size(lf->kernel);
}

/* ---- the design ------------------------------------------------------------------------------------------------------ */

#define UP_KNOBS .handoff = LAB_HANDOFF_WORKER, .alloc = LAB_ALLOC_KMALLOC, .loopq = LAB_LOOPQ_MQ

static const struct lab_variant design_variants[] = {
	[UP_DIO_IOMAP] = {
		"", "Linux's own files, unmodified: iov_iter, iomap direct IO, bio, blk-mq, loop",
		{ UP_KNOBS, .variant = UP_DIO_IOMAP },
	},
	[UP_DIO_LEGACY] = {
		"legacy", "direct IO by fs/direct-io.c over get_block, instead of by fs/iomap; the same locks",
		{ UP_KNOBS, .variant = UP_DIO_LEGACY },
	},
	[UP_DIO_LOCKING] = {
		"legacy-locking", "the same as ext2 used it: DIO_LOCKING | DIO_SKIP_HOLES, holes by the page cache",
		{ UP_KNOBS, .variant = UP_DIO_LOCKING },
	},
	{ }
};

static const char *design_unsupported(const struct lab_knobs *knobs)
{
	const struct lab_knobs *own = &design_variants[0].knobs;

#ifdef UP_NO_LEGACY
	if (knobs->variant != UP_DIO_IOMAP)
		return "this tree has no fs/direct-io.c";
#endif

	if (knobs->handoff != own->handoff || knobs->alloc != own->alloc || knobs->completion != own->completion ||
	    knobs->loopq != own->loopq || knobs->bio_rule != own->bio_rule)
		return "Linux's own code has no knobs; it is handoff=worker, alloc=kmalloc, loopq=mq, completion=inline";
	return NULL;
}

static int design_init(const struct lab_knobs *knobs)
{
	struct up_ram ram = { .base = kc_ram_base, .frames = kc_nr_frames };
	int err;

	owner = current;
	file_dio = (enum up_dio)knobs->variant;
	low_init();
	loop_init();
	err = upk_boot(&ram);
	if (err)
		return err;
	kc_bottom_half = run_pending;
	return 0;
}

static void design_exit(void)
{
	kc_bottom_half = NULL;
	WARN(upk_halt(), "upstream: the kernel left something behind; see above");
	owner = NULL;
}

#define UP_SYM_(tree)	design_upstream_##tree
#define UP_SYM(tree)	UP_SYM_(tree)

/* The tree of the package is the plain `upstream`; others are upstream:NAME. */
extern const struct design UP_SYM(UP_TREE);
const struct design UP_SYM(UP_TREE) = {
#ifdef UP_NAMED
	.name		= "upstream:" UP_NAMED,
#else
	.name		= "upstream",
#endif
	.variants	= design_variants,
	.hidden		= true,
	.init		= design_init,
	.exit		= design_exit,
	.unsupported	= design_unsupported,
	.open_file	= design_open_file,
	.open_bdev	= design_open_bdev,
	.close		= design_close,
	.submit		= design_submit,
	.fsync		= design_fsync,
	.size		= design_size,
	.loop_add	= loop_add,
	.loop_bdev	= loop_bdev,
	.loop_change_file = loop_change_file,
	.loop_set_capacity = loop_set_capacity,
	.loop_set_direct = loop_set_direct,
	.loop_del	= loop_del,
};
