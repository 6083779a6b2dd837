// SPDX-License-Identifier: GPL-2.0-only
/*
 * loop.c - a loop device of the kernel, and a block device of ours in front of it.
 *
 * Ready bios (--source pinned) are bios of ours: they go to the device in front, which gives each to the kernel as a
 * bio of its own over the same frames. Direct IO on the loop device does not come this way: open_bdev() sees what is
 * behind and opens that.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include "lab.h"

struct lab_loop {
	struct gendisk *front;
	struct upk_disk *kernel;
};

#define FRONT_ROOM_BYTES	(512 + UP_MAX_SEGS * 16)	/* the kernel's bio and its array */

/* What a ready bio becomes. Of the host's memory, and used again: what a bio costs is the kernel's alone. */
struct front_bio {
	struct up_bio up;
	struct bio *bio;
	struct front_bio *next;
	struct up_seg segs[UP_MAX_SEGS];
	u64 room[FRONT_ROOM_BYTES / 8];
};

static struct front_bio *front_idle;

/* ---- ready bios ----------------------------------------------------------------------------------------- */

static void front_done(struct up_bio *up, int status)
{
	struct front_bio *fb = container_of(up, struct front_bio, up);
	struct bio *bio = fb->bio;

	fb->next = front_idle;
	front_idle = fb;
	bio->bi_status = errno_to_blk_status(status);
	bio_endio(bio);
}

static void front_fill(struct front_bio *fb, struct bio *bio)
{
	struct bvec_iter iter;
	struct bio_vec bv;

	fb->bio = bio;
	fb->up.flags = (bio->bi_opf & REQ_FUA ? UP_FUA : 0) | (bio->bi_opf & REQ_PREFLUSH ? UP_PREFLUSH : 0) |
		       (bio->bi_opf & REQ_NOUNMAP ? UP_NOUNMAP : 0) | (bio->bi_opf & REQ_NOWAIT ? UP_NOWAIT : 0) |
		       (bio->bi_opf & REQ_SYNC ? UP_SYNC : 0);
	fb->up.ioprio = bio_prio(bio);
	fb->up.sector = bio->bi_iter.bi_sector;
	fb->up.bytes = bio->bi_iter.bi_size;
	fb->up.nr_segs = 0;
	fb->up.segs = fb->segs;
	fb->up.room = fb->room;
	fb->up.room_bytes = sizeof(fb->room);
	fb->up.done = front_done;
	switch (bio_op(bio)) {
	case REQ_OP_READ:
		fb->up.op = UP_READ;
		break;
	case REQ_OP_WRITE:
		fb->up.op = bio->bi_iter.bi_size ? UP_WRITE : UP_FLUSH;
		break;
	case REQ_OP_DISCARD:
		fb->up.op = UP_DISCARD;
		return;
	case REQ_OP_WRITE_ZEROES:
		fb->up.op = UP_ZEROES;
		return;
	default:
		BUG();
	}
	bio_for_each_bvec(bv, bio, iter) {
		BUG_ON(fb->up.nr_segs == UP_MAX_SEGS);
		fb->segs[fb->up.nr_segs].phys = ((u64)page_to_pfn(bv.bv_page) << PAGE_SHIFT) + bv.bv_offset;
		fb->segs[fb->up.nr_segs++].len_bytes = bv.bv_len;
	}
}

/*
 * The kernel's tasks run while the bio is handed over, and one that flushes waits for a bio of ours. That is no part of
 * this submission, which must not hold it back: its list of bios is put aside meanwhile.
 */
static void front_submit_bio(struct bio *bio)
{
	struct lab_loop *loop = bio->bi_bdev->bd_disk->private_data;
	struct bio_list *caught = current->bio_list;
	struct front_bio *fb = front_idle;

	if (fb)
		front_idle = fb->next;
	else
		fb = host_alloc(sizeof(*fb));
	if (!fb) {
		bio->bi_status = BLK_STS_RESOURCE;
		bio_endio(bio);
		return;
	}
	front_fill(fb, bio);
	kc_probe_add(LAB_BIOS, -1);		/* the kernel's bio is this one, which was counted */
	current->bio_list = NULL;
	trace_follow();
	upk_bio_submit(loop->kernel, &fb->up);
	current->bio_list = caught;
}

static const struct block_device_operations front_fops = {
	.submit_bio	= front_submit_bio,
};

struct upk_disk *loop_behind(struct block_device *bdev)
{
	struct lab_loop *loop = bdev->bd_disk->private_data;

	return bdev->bd_disk->fops == &front_fops ? loop->kernel : NULL;
}

/** loop_init - nothing is left of an earlier run, whose memory the host has taken back */
void loop_init(void)
{
	front_idle = NULL;
}

/* ---- add, remove ------------------------------------------------------------------------------------------- */

static int front_add(struct lab_loop *loop)
{
	struct up_limits limits;
	struct request_queue *q;
	int err;

	loop->front = blk_alloc_disk(NUMA_NO_NODE);
	if (!loop->front)
		return -ENOMEM;
	upk_disk_limits(loop->kernel, &limits);
	q = loop->front->queue;
	blk_set_stacking_limits(&q->limits);
	blk_queue_logical_block_size(q, limits.logical_block_bytes);
	blk_queue_dma_alignment(q, limits.dma_mask);
	blk_queue_max_discard_sectors(q, limits.max_discard_sectors);
	blk_queue_max_write_zeroes_sectors(q, limits.max_write_zeroes_sectors);
	blk_queue_write_cache(q, limits.write_cache, limits.fua);
	loop->front->fops = &front_fops;
	loop->front->private_data = loop;
	loop->front->lab_scope = LAB_LOOP;
	set_capacity(loop->front, limits.sectors);
	set_disk_ro(loop->front, limits.read_only);
	err = add_disk(loop->front);
	if (err)
		put_disk(loop->front);
	return err;
}

/**
 * loop_add - a loop device of the kernel on @lf
 * @lf: an open file
 * @opts: see struct lab_loop_opts
 *
 * Context: the owner task, sleeps. Return: the device or ERR_PTR(-errno), as the kernel's LOOP_CONFIGURE has it.
 */
struct lab_loop *loop_add(struct lab_file *lf, const struct lab_loop_opts *opts)
{
	struct up_loop_opts up = {
		.offset_bytes = opts->offset_bytes,
		.size_bytes = opts->size_bytes,
		.block_bytes = opts->logical_block_bytes,
		.max_sectors = opts->max_sectors,
		.read_only = opts->read_only,
		.buffered = opts->buffered,
	};
	struct lab_loop *loop;
	int err = -ENOMEM;

	if (!lf->inode)
		return ERR_PTR(-EINVAL);
	loop = kzalloc(sizeof(*loop), GFP_KERNEL);
	if (!loop)
		return ERR_PTR(-ENOMEM);
	err = upk_loop_add(lf->kernel, &up, &loop->kernel);
	if (err)
		goto free_loop;
	err = front_add(loop);
	if (!err)
		return loop;
	upk_loop_del(loop->kernel);
free_loop:
	kfree(loop);
	return ERR_PTR(err);
}

/**
 * loop_bdev - the device in front
 * @loop: from loop_add()
 */
struct block_device *loop_bdev(struct lab_loop *loop)
{
	return loop->front->part0;
}

/**
 * loop_change_file - another file below, of the same size, under a read-only device
 * @loop: from loop_add()
 * @lf: an open file; it must stay open as long as the device has it
 *
 * Context: the owner task, sleeps until what is in flight has ended. Return: what the kernel's LOOP_CHANGE_FD says.
 */
int loop_change_file(struct lab_loop *loop, struct lab_file *lf)
{
	if (!is_owner())
		return -EOPNOTSUPP;
	if (!lf->inode)
		return -EINVAL;		/* as loop_add() */
	return upk_loop_change_file(loop->kernel, lf->kernel);
}

/**
 * loop_set_capacity - the file has another size now
 * @loop: from loop_add()
 *
 * Context: the owner task, sleeps. Return: what the kernel's LOOP_SET_CAPACITY says: 0, also when nothing is left of the
 * device.
 */
int loop_set_capacity(struct lab_loop *loop)
{
	struct up_limits limits;
	int err;

	if (!is_owner())
		return -EOPNOTSUPP;
	err = upk_loop_set_capacity(loop->kernel);
	if (err)
		return err;
	upk_disk_limits(loop->kernel, &limits);
	set_capacity(loop->front, limits.sectors);
	return 0;
}

/**
 * loop_set_direct - past the page cache of the file below, or through it, from now on
 * @loop: from loop_add()
 * @on: past it
 *
 * Dirty pages are written back first; the driver does not look at what becomes of that. Context: the owner task, sleeps
 * until what is in flight has ended. Return: what the kernel's LOOP_SET_DIRECT_IO says.
 */
int loop_set_direct(struct lab_loop *loop, bool on)
{
	return is_owner() ? upk_loop_set_direct(loop->kernel, on) : -EOPNOTSUPP;
}

/**
 * loop_del - detach and remove the device
 * @loop: gone afterwards
 *
 * Context: the owner task, sleeps.
 */
void loop_del(struct lab_loop *loop)
{
	del_gendisk(loop->front);
	put_disk(loop->front);
	WARN(upk_loop_del(loop->kernel), "upstream: LOOP_CLR_FD or LOOP_CTL_REMOVE failed");
	kfree(loop);
}
