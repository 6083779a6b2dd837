// SPDX-License-Identifier: GPL-2.0-only
/*
 * disk.c - requests of the kernel's disk at the bottom, as bios on the device of ours that it stands for.
 *
 * A request is one bio, over the same frames, with the same limits: the queue below neither splits nor merges it.
 * The bio is not counted: the kernel's side has counted those that it was made of.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include "lab.h"

static struct low_disk *disks;

struct low_cmd {
	struct up_req *req;
	struct bio_vec vecs[UP_MAX_SEGS];
	struct bio bio;			/* last: it has no inline vecs */
};

void *upl_cmd(struct up_req *req)
{
	struct low_cmd *cmd = host_alloc(sizeof(*cmd));

	if (cmd)
		cmd->req = req;
	return cmd;
}

void upl_cmd_free(void *cmd)
{
	host_free(cmd);
}

static void low_end_bio(struct bio *bio)
{
	struct low_cmd *cmd = bio->bi_private;

	upk_req_done(cmd->req, blk_status_to_errno(bio->bi_status));
}

static blk_opf_t low_opf(const struct up_req *req)
{
	static const blk_opf_t ops[] = {
		[UP_READ] = REQ_OP_READ, [UP_WRITE] = REQ_OP_WRITE, [UP_FLUSH] = REQ_OP_WRITE | REQ_PREFLUSH,
		[UP_DISCARD] = REQ_OP_DISCARD, [UP_ZEROES] = REQ_OP_WRITE_ZEROES,
	};

	return ops[req->op] | (req->flags & UP_FUA ? REQ_FUA : 0) | (req->flags & UP_NOUNMAP ? REQ_NOUNMAP : 0) |
	       (req->flags & UP_SYNC ? REQ_SYNC : 0);
}

/*
 * Does @req keep the limits of the device? One that does not would be split by our queue below, and nobody would hear of
 * it. Pieces that touch are one here, so there are at least as many segments as are counted. NULL, or what is broken.
 */
static const char *low_broken_limit(const struct up_req *req, const struct queue_limits *l)
{
	unsigned int i, segments = 0;

	if (req->bytes > (u64)l->max_sectors << SECTOR_SHIFT && req->nr_segs)
		return "max_sectors";
	for (i = 0; i < req->nr_segs; i++) {
		const struct up_seg *seg = &req->segs[i];

		segments += l->virt_boundary_mask ? 1 : DIV_ROUND_UP(seg->len_bytes, l->max_segment_size);
		if ((i && seg->phys & l->virt_boundary_mask) ||
		    (i + 1 < req->nr_segs && (seg->phys + seg->len_bytes) & l->virt_boundary_mask))
			return "virt_boundary";
	}
	return segments > l->max_segments ? "max_segments" : NULL;
}

void upl_req_submit(struct up_req *req)
{
	struct low_disk *d = req->lab_disk;
	struct low_cmd *cmd = req->lab_cmd;
	const char *broken = low_broken_limit(req, &bdev_get_queue(d->bdev)->limits);
	struct bio *bio = &cmd->bio;
	unsigned int i, noio;

	WARN(broken, "upstream: a request of %llu bytes, %u pieces, breaks the limit %s", (unsigned long long)req->bytes, req->nr_segs, broken);
	bio_init(bio, d->bdev, cmd->vecs, UP_MAX_SEGS, low_opf(req));
	for (i = 0; i < req->nr_segs; i++) {
		cmd->vecs[i].bv_page = pfn_to_page(req->segs[i].phys >> PAGE_SHIFT);
		cmd->vecs[i].bv_offset = offset_in_page(req->segs[i].phys);
		cmd->vecs[i].bv_len = req->segs[i].len_bytes;
	}
	bio->bi_vcnt = req->nr_segs;
	bio->bi_iter.bi_sector = req->op == UP_FLUSH ? 0 : req->sector;
	bio_set_prio(bio, req->ioprio);
	bio->bi_iter.bi_size = req->bytes;
	bio->bi_private = cmd;
	bio->bi_end_io = low_end_bio;
	kc_probe_add(LAB_BIOS, -1);
	noio = noio_as_caller();
	submit_bio(bio);
	memalloc_noio_restore(noio);
}

/* Nothing is left of an earlier run, which may have been abandoned. */
void low_init(void)
{
	disks = NULL;
}

void low_limits(struct block_device *bdev, struct up_limits *out)
{
	const struct queue_limits *l = &bdev_get_queue(bdev)->limits;

	*out = (struct up_limits) {
		.logical_block_bytes = l->logical_block_size,
		.max_sectors = l->max_sectors,
		.max_segment_bytes = l->max_segment_size,
		.dma_mask = l->dma_alignment,
		.virt_boundary_mask = l->virt_boundary_mask,
		.max_segments = l->max_segments,
		.sectors = bdev_nr_sectors(bdev),
		.read_only = bdev_read_only(bdev),
		.write_cache = bdev_write_cache(bdev),
		.fua = bdev_fua(bdev),
		.max_discard_sectors = l->max_discard_sectors,
		.max_write_zeroes_sectors = l->max_write_zeroes_sectors,
	};
}

struct low_disk *low_disk_get(struct block_device *bdev)
{
	struct up_limits limits;
	struct low_disk *d;

	for (d = disks; d; d = d->next) {
		if (d->bdev == bdev) {
			d->users++;
			return d;
		}
	}
	d = kzalloc(sizeof(*d), GFP_KERNEL);
	if (!d)
		return NULL;
	d->bdev = bdev;
	d->users = 1;
	low_limits(bdev, &limits);
	d->kernel = upk_disk_add(d, &limits);
	if (!d->kernel) {
		kfree(d);
		return NULL;
	}
	d->next = disks;
	disks = d;
	return d;
}

void low_disk_put(struct low_disk *d)
{
	struct low_disk **link = &disks;

	if (--d->users)
		return;
	while (*link != d)
		link = &(*link)->next;
	*link = d->next;
	upk_disk_del(d->kernel);
	kfree(d);
}
