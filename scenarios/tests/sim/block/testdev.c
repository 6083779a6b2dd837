// SPDX-License-Identifier: GPL-2.0-only
/*
 * testdev.c - see testdev.h. Completions are kc_io_defer()red, so that they come in irq context at the
 * task's next wait and, under det, in an order that the seed chooses.
 */
#include "testdev.h"

struct tdev_pdu {
	struct kc_io io;
	struct request *rq;
	struct list_head node;
	u8 cached[4];			/* of a flush: what it will make durable */
};

static void tdev_transfer(struct tdev *dev, struct request *rq)
{
	struct req_iterator iter;
	struct bio_vec bv;
	u8 *at = dev->data + (blk_rq_pos(rq) << SECTOR_SHIFT);

	if (lab_op_no_data(rq->cmd_flags)) {
		memset(at, 0, blk_rq_bytes(rq));
		return;
	}
	rq_for_each_segment(bv, rq, iter) {
		if (rq_data_dir(rq) == WRITE)
			memcpy(at, bvec_virt(&bv), bv.bv_len);
		else
			memcpy(bvec_virt(&bv), at, bv.bv_len);
		at += bv.bv_len;
	}
}

/* Every limit the queue advertises, looked at from the request's end. */
static void tdev_check(struct tdev *dev, struct request *rq)
{
	const struct queue_limits *lim = &rq->q->limits;
	unsigned int bytes = 0, segs = 0;
	struct bio_vec bv, prev = { };
	struct req_iterator iter;

	lab_expect_eq(blk_rq_bytes(rq) % lim->logical_block_size, 0);
	lab_expect_eq((blk_rq_pos(rq) << SECTOR_SHIFT) % lim->logical_block_size, 0);
	lab_expect_le(blk_rq_pos(rq) + blk_rq_sectors(rq), TDEV_SECTORS);
	if (lab_op_no_data(rq->cmd_flags) || req_op(rq) == REQ_OP_FLUSH)
		return;
	lab_expect_le(blk_rq_sectors(rq), lim->max_sectors);
	rq_for_each_bvec(bv, rq, iter) {
		if (bytes && lim->virt_boundary_mask) {
			lab_expect_eq((prev.bv_offset + prev.bv_len) & lim->virt_boundary_mask, 0);
			lab_expect_eq(bv.bv_offset & lim->virt_boundary_mask, 0);
		}
		bytes += bv.bv_len;
		segs += DIV_ROUND_UP(bv.bv_len, lim->max_segment_size);
		prev = bv;
	}
	lab_expect_eq(bytes, blk_rq_bytes(rq));
	lab_expect_le(segs, lim->max_segments);
	lab_expect_le(segs, blk_rq_nr_phys_segments(rq));
}

static void tdev_log(struct tdev *dev, struct tdev_event ev)
{
	unsigned long flags;

	spin_lock_irqsave(&dev->lock, flags);
	BUG_ON(dev->nr_events == TDEV_LOG);
	dev->event[dev->nr_events++] = ev;
	spin_unlock_irqrestore(&dev->lock, flags);
}

static void tdev_log_request(struct tdev *dev, struct request *rq, bool last)
{
	struct tdev_event ev = {
		.opf = rq->cmd_flags, .sector = blk_rq_pos(rq), .bytes = blk_rq_bytes(rq),
		.segments = blk_rq_nr_phys_segments(rq), .ioprio = req_get_ioprio(rq), .last = last,
	};

	ev.what = req_op(rq) == REQ_OP_READ ? TDEV_READ : req_op(rq) == REQ_OP_WRITE ? TDEV_WRITE :
		  req_op(rq) == REQ_OP_FLUSH ? TDEV_FLUSH : TDEV_OTHER;
	tdev_log(dev, ev);
}

static blk_status_t tdev_status(struct tdev *dev, struct request *rq)
{
	if (req_op(rq) == REQ_OP_FLUSH)
		return dev->fail_flush ? dev->fail_status : BLK_STS_OK;
	if (dev->fail_sector - blk_rq_pos(rq) < blk_rq_sectors(rq))
		return dev->fail_status;
	return BLK_STS_OK;
}

/* The volatile cache, as far as a test can see it: one byte of each of the first sectors. */
static void tdev_cache(struct tdev *dev, struct request *rq)
{
	struct tdev_pdu *pdu = blk_mq_rq_to_pdu(rq);
	sector_t sector = blk_rq_pos(rq);
	unsigned long flags;
	unsigned int i;

	spin_lock_irqsave(&dev->lock, flags);
	/* Tests write growing values, so an older snapshot makes nothing less durable. */
	for (i = 0; i < ARRAY_SIZE(dev->durable) && req_op(rq) == REQ_OP_FLUSH; i++)
		WRITE_ONCE(dev->durable[i], max(dev->durable[i], pdu->cached[i]));
	if (req_op(rq) == REQ_OP_WRITE && sector < ARRAY_SIZE(dev->cached))
		dev->cached[sector] = dev->data[sector << SECTOR_SHIFT];
	if (req_op(rq) == REQ_OP_WRITE && sector < ARRAY_SIZE(dev->cached) && (rq->cmd_flags & REQ_FUA))
		WRITE_ONCE(dev->durable[sector], dev->cached[sector]);
	spin_unlock_irqrestore(&dev->lock, flags);
}

static void tdev_end(struct tdev *dev, struct request *rq)
{
	blk_status_t status = tdev_status(dev, rq);

	if (!status && req_op(rq) != REQ_OP_FLUSH)
		tdev_transfer(dev, rq);
	if (!status)
		tdev_cache(dev, rq);
	atomic_dec(&dev->in_flight);
	if (dev->part_bytes)
		lab_expect(blk_update_request(rq, status, dev->part_bytes));
	blk_mq_end_request(rq, status);
}

static void tdev_done(struct kc_io *io, int res)
{
	struct tdev_pdu *pdu = container_of(io, struct tdev_pdu, io);

	tdev_end(pdu->rq->q->queuedata, pdu->rq);
}

static blk_status_t tdev_queue_rq(struct blk_mq_hw_ctx *hctx, const struct blk_mq_queue_data *bd)
{
	struct tdev *dev = hctx->queue->queuedata;
	struct tdev_pdu *pdu = blk_mq_rq_to_pdu(bd->rq);
	unsigned long flags;
	int now;

	lab_expect_eq(lab_scope(), LAB_LOWER);
	spin_lock_irqsave(&dev->lock, flags);
	now = dev->busy && !dev->busy_after;
	dev->busy -= now;
	dev->busy_after -= dev->busy_after != 0;
	spin_unlock_irqrestore(&dev->lock, flags);
	if (now)
		return dev->busy_status;
	blk_mq_start_request(bd->rq);
	tdev_check(dev, bd->rq);
	tdev_log_request(dev, bd->rq, bd->last);
	if (dev->fail_in_queue_rq)
		return dev->fail_status;
	now = atomic_inc_return(&dev->in_flight);
	spin_lock_irqsave(&dev->lock, flags);
	dev->max_in_flight = max(dev->max_in_flight, now);
	pdu->rq = bd->rq;
	memcpy(pdu->cached, dev->cached, sizeof(pdu->cached));
	pdu->io.done = tdev_done;
	if (dev->hold)
		list_add_tail(&pdu->node, &dev->held);
	spin_unlock_irqrestore(&dev->lock, flags);
	if (dev->on_flush && req_op(bd->rq) == REQ_OP_FLUSH)
		dev->on_flush(dev);
	if (dev->end_inline)
		tdev_end(dev, bd->rq);
	else if (!dev->hold)
		kc_io_defer(&pdu->io, 0);
	return BLK_STS_OK;
}

static void tdev_commit_rqs(struct blk_mq_hw_ctx *hctx)
{
	tdev_log(hctx->queue->queuedata, (struct tdev_event) { .what = TDEV_COMMIT });
}

static const struct blk_mq_ops tdev_ops = {
	.queue_rq = tdev_queue_rq,
	.commit_rqs = tdev_commit_rqs,
};

/* A device with @tags tags and default limits. Fails the test when it cannot be made. */
struct tdev *tdev_create(unsigned int tags)
{
	return tdev_create_flags(tags, BLK_MQ_F_SHOULD_MERGE);
}

/* The same with these tag_set->flags. */
struct tdev *tdev_create_flags(unsigned int tags, unsigned int set_flags)
{
	struct tdev *dev = kzalloc(sizeof(*dev), GFP_KERNEL);

	lab_expect(dev);
	dev->data = kzalloc(TDEV_BYTES, GFP_KERNEL);
	lab_expect(dev->data);
	spin_lock_init(&dev->lock);
	INIT_LIST_HEAD(&dev->held);
	dev->fail_sector = (sector_t)-1;
	dev->busy_status = BLK_STS_RESOURCE;
	dev->fail_status = BLK_STS_IOERR;
	dev->set = (struct blk_mq_tag_set) {
		.ops = &tdev_ops, .nr_hw_queues = 1, .queue_depth = tags, .flags = set_flags,
		.cmd_size = sizeof(struct tdev_pdu), .numa_node = NUMA_NO_NODE,
	};
	lab_expect_eq(blk_mq_alloc_tag_set(&dev->set), 0);
	dev->disk = blk_mq_alloc_disk(&dev->set, dev);
	lab_expect(!IS_ERR(dev->disk));
	dev->bdev = dev->disk->part0;
	set_capacity(dev->disk, TDEV_SECTORS);
	lab_expect_eq(add_disk(dev->disk), 0);
	return dev;
}

void tdev_random_limits(struct tdev *dev, struct trand *r, unsigned int kind)
{
	struct request_queue *q = dev->disk->queue;

	blk_mq_freeze_queue(q);
	blk_set_default_limits(&q->limits);
	q->limits.max_segments = USHRT_MAX;
	q->limits.max_segment_size = UINT_MAX;
	blk_queue_max_hw_sectors(q, 2048);
	if (kind & 1)
		blk_queue_logical_block_size(q, 512u << trand_below(r, 4));
	if (kind & 2)
		blk_queue_max_hw_sectors(q, 8 + trand_below(r, 60));
	if (kind & 4)
		blk_queue_max_segments(q, 1 + trand_below(r, 6));
	if (kind & 8)
		blk_queue_max_segment_size(q, PAGE_SIZE + trand_below(r, 4) * 512);
	else if (kind & 16)
		blk_queue_virt_boundary(q, PAGE_SIZE - 1);
	blk_mq_unfreeze_queue(q);
}

void tdev_destroy(struct tdev *dev)
{
	del_gendisk(dev->disk);
	lab_expect_eq(atomic_read(&dev->in_flight), 0);
	put_disk(dev->disk);
	blk_mq_free_tag_set(&dev->set);
	kfree(dev->data);
	kfree(dev);
}

void tdev_release(struct tdev *dev)
{
	struct tdev_pdu *pdu;
	unsigned long flags;

	dev->hold = false;
	for (;;) {
		spin_lock_irqsave(&dev->lock, flags);
		pdu = list_first_entry_or_null(&dev->held, struct tdev_pdu, node);
		if (pdu)
			list_del(&pdu->node);
		spin_unlock_irqrestore(&dev->lock, flags);
		if (!pdu)
			return;
		kc_io_defer(&pdu->io, 0);
	}
}

void tdev_reset_log(struct tdev *dev)
{
	dev->nr_events = 0;
	dev->max_in_flight = 0;
}

/* ---- batches ----------------------------------------------------------------------------- */

void tbatch_init(struct tbatch *b)
{
	atomic_set(&b->left, 1);
	spin_lock_init(&b->lock);
	b->status = BLK_STS_OK;
	b->nr_ended = b->nr_failed = 0;
	init_completion(&b->done);
}

static void tbatch_drop(struct tbatch *b)
{
	if (atomic_dec_and_test(&b->left))
		complete(&b->done);
}

static void tbatch_end_io(struct bio *bio)
{
	struct tbatch *b = bio->bi_private;
	unsigned long flags;

	spin_lock_irqsave(&b->lock, flags);
	b->nr_ended++;
	if (bio->bi_status) {
		b->nr_failed++;
		b->status = bio->bi_status;
	}
	spin_unlock_irqrestore(&b->lock, flags);
	bio_put(bio);
	tbatch_drop(b);
}

void tbatch_add(struct tbatch *b, struct bio *bio)
{
	bio->bi_private = b;
	bio->bi_end_io = tbatch_end_io;
	atomic_inc(&b->left);
}

void tbatch_submit(struct tbatch *b, struct bio *bio)
{
	tbatch_add(b, bio);
	submit_bio(bio);
}

void tbatch_wait(struct tbatch *b)
{
	tbatch_drop(b);
	wait_for_completion_io(&b->done);
}

struct bio *tbio(struct block_device *bdev, blk_opf_t opf, sector_t sector, void *buf, unsigned int bytes)
{
	struct bio *bio = bio_alloc(bdev, 1, opf, GFP_KERNEL);

	bio->bi_iter.bi_sector = sector;
	if (bytes)
		__bio_add_page(bio, virt_to_page(buf), bytes, offset_in_page(buf));
	return bio;
}

struct tfork {
	void (*fn)(void *arg);
	void *arg;
};

static void tfork_child(void *arg)
{
	struct tfork *f = arg;
	int failures;

	kc_run(false, 1, NULL, f->fn, f->arg, &failures);
}

int tfork(void (*fn)(void *arg), void *arg)
{
	struct tfork f = { fn, arg };

	return lab_test_fork(tfork_child, &f);
}

u64 trand(struct trand *r)
{
	u64 z = r->s += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}
