// SPDX-License-Identifier: GPL-2.0-only
/*
 * lower.c - the disk at the bottom: a blk-mq driver whose device is one of the laboratory's.
 *
 * It has the limits of that device, so that the kernel's own code splits and merges for it. A request becomes one
 * transfer of the laboratory, whose pieces are those of the request, joined where they touch. Completions come
 * from outside in any context; they are put on a list, and looked at as interrupts, one after the other in an order
 * that the seed draws.
 */
#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/slab.h>
#include "k.h"

#define LOWER_DEPTH	256		/* tags, as many as the laboratory's disk has */

static struct up_req *done_first;
static unsigned int nr_done;

/* ---- requests down ------------------------------------------------------------------------------------------- */

static void add_seg(struct up_req *up, u64 phys, unsigned int len)
{
	struct up_seg *last = up->nr_segs ? &up->segs[up->nr_segs - 1] : NULL;

	if (last && last->phys + last->len_bytes == phys) {
		last->len_bytes += len;
		return;
	}
	if (up->nr_segs == UP_MAX_SEGS)
		up_bug("a request at the disk has more than %d pieces: its limits were not kept", UP_MAX_SEGS);
	up->segs[up->nr_segs].phys = phys;
	up->segs[up->nr_segs++].len_bytes = len;
}

static enum up_op lower_op(struct request *rq)
{
	switch (req_op(rq)) {
	case REQ_OP_READ:
		return UP_READ;
	case REQ_OP_WRITE:
		return UP_WRITE;
	case REQ_OP_FLUSH:
		return UP_FLUSH;
	case REQ_OP_DISCARD:
		return UP_DISCARD;
	case REQ_OP_WRITE_ZEROES:
		return UP_ZEROES;
	default:
		up_bug("the disk at the bottom was given operation %d", req_op(rq));
	}
}

static blk_status_t lower_queue_rq(struct blk_mq_hw_ctx *hctx, const struct blk_mq_queue_data *bd)
{
	struct request *rq = bd->rq;
	struct up_req *up = blk_mq_rq_to_pdu(rq);
	struct req_iterator iter;
	struct bio_vec bv;

	blk_mq_start_request(rq);
	up->op = lower_op(rq);
	up->flags = (rq->cmd_flags & REQ_FUA ? UP_FUA : 0) | (rq->cmd_flags & REQ_NOUNMAP ? UP_NOUNMAP : 0) |
		    (rq->cmd_flags & REQ_SYNC ? UP_SYNC : 0);
	up->ioprio = req_get_ioprio(rq);
	up->sector = blk_rq_pos(rq);
	up->bytes = blk_rq_bytes(rq);
	up->nr_segs = 0;
	if (up->op == UP_READ || up->op == UP_WRITE)
		rq_for_each_bvec(bv, rq, iter)
			add_seg(up, page_to_phys(bv.bv_page) + bv.bv_offset, bv.bv_len);
	upl_req_submit(up);
	return BLK_STS_OK;
}

static int lower_init_request(struct blk_mq_tag_set *set, struct request *rq, unsigned int hctx_idx,
			      unsigned int numa_node)
{
	struct up_req *up = blk_mq_rq_to_pdu(rq);
	struct upk_disk *d = set->driver_data;

	memset(up, 0, sizeof(*up));
	up->lab_disk = d->lab;
	up->lab_cmd = upl_cmd(up);
	return up->lab_cmd ? 0 : -ENOMEM;
}

static void lower_exit_request(struct blk_mq_tag_set *set, struct request *rq, unsigned int hctx_idx)
{
	struct up_req *up = blk_mq_rq_to_pdu(rq);

	upl_cmd_free(up->lab_cmd);
}

static void lower_complete_rq(struct request *rq)
{
	struct up_req *up = blk_mq_rq_to_pdu(rq);

	blk_mq_end_request(rq, errno_to_blk_status(up->status));
}

static const struct blk_mq_ops lower_mq_ops = {
	.queue_rq	= lower_queue_rq,
	.complete	= lower_complete_rq,
	.init_request	= lower_init_request,
	.exit_request	= lower_exit_request,
};

/* ---- completions ------------------------------------------------------------------------------------------------ */

void upk_req_done(struct up_req *req, int status)
{
	req->status = status;
	req->next = done_first;
	done_first = req;
	nr_done++;
}

bool up_lower_pending(void)
{
	return nr_done;
}

static void lower_irq(void *arg)
{
	struct request *rq = blk_mq_rq_from_pdu(arg);

	if (likely(!blk_should_fake_timeout(rq->q)))
		blk_mq_complete_request(rq);
}

void up_lower_run(void)
{
	struct up_req **link = &done_first, *req;
	u64 skip = host_rand(nr_done);

	while (skip--)
		link = &(*link)->next;
	req = *link;
	*link = req->next;
	nr_done--;
	up_irq(lower_irq, req);
}

/* ---- the disk ------------------------------------------------------------------------------------------------------ */

static const struct block_device_operations lower_fops;

#if UP_SINCE(6, 12)
/* Limits are given when the disk is made. */
static struct gendisk *lower_alloc(struct blk_mq_tag_set *set, void *priv, const struct up_limits *l)
{
	struct queue_limits lim = {
		.features = (l->write_cache ? BLK_FEAT_WRITE_CACHE : 0) | (l->fua ? BLK_FEAT_FUA : 0),
		.logical_block_size = l->logical_block_bytes,
		.dma_alignment = l->dma_mask,
		.max_hw_sectors = l->max_sectors,
		.max_dev_sectors = l->max_sectors,
		.max_user_sectors = l->max_sectors,	/* not the kernel's default */
		.max_segments = l->max_segments,
		.virt_boundary_mask = l->virt_boundary_mask,
		.max_segment_size = l->virt_boundary_mask ? 0 : l->max_segment_bytes,
		.max_hw_discard_sectors = l->max_discard_sectors,
		.max_write_zeroes_sectors = l->max_write_zeroes_sectors,
	};

	return blk_mq_alloc_disk(set, &lim, priv);
}

static bool lower_write_cache(struct gendisk *disk)
{
	return disk->queue->limits.features & BLK_FEAT_WRITE_CACHE;
}

static bool lower_fua(struct gendisk *disk)
{
	return disk->queue->limits.features & BLK_FEAT_FUA;
}
#else
static struct gendisk *lower_alloc(struct blk_mq_tag_set *set, void *priv, const struct up_limits *l)
{
	struct gendisk *disk = blk_mq_alloc_disk(set, priv);
	struct request_queue *q;

	if (IS_ERR(disk))
		return disk;
	q = disk->queue;
	blk_queue_logical_block_size(q, l->logical_block_bytes);
	blk_queue_dma_alignment(q, l->dma_mask);
	blk_queue_max_hw_sectors(q, l->max_sectors);
	q->limits.max_sectors = q->limits.max_dev_sectors = l->max_sectors;	/* not the kernel's default */
	blk_queue_max_segments(q, l->max_segments);
	if (l->virt_boundary_mask)
		blk_queue_virt_boundary(q, l->virt_boundary_mask);
	else
		blk_queue_max_segment_size(q, l->max_segment_bytes);
	blk_queue_max_discard_sectors(q, l->max_discard_sectors);
	blk_queue_max_write_zeroes_sectors(q, l->max_write_zeroes_sectors);
	blk_queue_write_cache(q, l->write_cache, l->fua);
	return disk;
}

static bool lower_write_cache(struct gendisk *disk)
{
	return test_bit(QUEUE_FLAG_WC, &disk->queue->queue_flags);
}

static bool lower_fua(struct gendisk *disk)
{
	return test_bit(QUEUE_FLAG_FUA, &disk->queue->queue_flags);
}
#endif

struct add_args {
	void *lab;
	const struct up_limits *limits;
	struct upk_disk *disk;
};

static void disk_add(void *arg)
{
	struct add_args *a = arg;
	struct blk_mq_tag_set *set = kzalloc(sizeof(*set), GFP_KERNEL);
	struct upk_disk *d = kzalloc(sizeof(*d), GFP_KERNEL);

	if (!set || !d)
		goto out;
	d->lab = a->lab;
	d->set = set;
	set->ops = &lower_mq_ops;
	set->nr_hw_queues = 1;
	set->queue_depth = LOWER_DEPTH;
	set->numa_node = NUMA_NO_NODE;
	set->cmd_size = sizeof(struct up_req);
	set->flags = BLK_MQ_F_SHOULD_MERGE | BLK_MQ_F_NO_SCHED_BY_DEFAULT;
	set->driver_data = d;
	if (blk_mq_alloc_tag_set(set))
		goto out;
	d->disk = lower_alloc(set, d, a->limits);
	if (IS_ERR(d->disk))
		goto out_set;
	d->disk->fops = &lower_fops;
	d->disk->private_data = d;
	strcpy(d->disk->disk_name, "lab");
	set_capacity(d->disk, a->limits->sectors);
	set_disk_ro(d->disk, a->limits->read_only);
	if (add_disk(d->disk))
		goto out_disk;
	a->disk = d;
	return;

out_disk:
	put_disk(d->disk);
out_set:
	blk_mq_free_tag_set(set);
out:
	kfree(set);
	kfree(d);
}

struct upk_disk *upk_disk_add(void *lab, const struct up_limits *limits)
{
	struct add_args a = { lab, limits, NULL };

	up_task_call(disk_add, &a, false);
	return a.disk;
}

static void disk_del(void *arg)
{
	struct upk_disk *d = arg;

	del_gendisk(d->disk);
	put_disk(d->disk);
	blk_mq_free_tag_set(d->set);
	kfree(d->set);
	kfree(d);
}

void upk_disk_del(struct upk_disk *disk)
{
	up_task_call(disk_del, disk, false);
}

void upk_disk_limits(struct upk_disk *disk, struct up_limits *out)
{
	const struct queue_limits *l = &disk->disk->queue->limits;

	*out = (struct up_limits) {
		.logical_block_bytes = l->logical_block_size,
		.max_sectors = l->max_sectors,
		.max_segment_bytes = l->max_segment_size,
		.dma_mask = queue_dma_alignment(disk->disk->queue),
		.virt_boundary_mask = l->virt_boundary_mask,
		.max_segments = l->max_segments,
		.sectors = get_capacity(disk->disk),
		.read_only = get_disk_ro(disk->disk),
		.write_cache = lower_write_cache(disk->disk),
		.fua = lower_fua(disk->disk),
		.max_discard_sectors = l->max_discard_sectors,
		.max_write_zeroes_sectors = l->max_write_zeroes_sectors,
	};
}
