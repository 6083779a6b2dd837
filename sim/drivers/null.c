// SPDX-License-Identifier: GPL-2.0-only
/*
 * null.c - a disk without data, for what everything above it costs.
 *
 * A request is put on the submitting task's list of deferred completions. Where that task waits, all that
 * have gathered complete in one go, as a device's interrupt would find them (det: one at a time, in the
 * seed's order). Requests are checked against the limits in check builds only: the walk over the bvecs
 * would be most of the driver.
 */
#include <linux/blk-mq.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/slab.h>
#include <kc/io.h>
#include <kc/probe.h>
#include "dev.h"

struct null_cmd {
	struct kc_io io;
};

static void null_done(struct kc_io *io, int res)
{
	struct request *rq = blk_mq_rq_from_pdu(container_of(io, struct null_cmd, io));

	lab_trace_rq("null complete", rq, BLK_STS_OK);
	blk_mq_end_request(rq, BLK_STS_OK);
}

static blk_status_t null_queue_rq(struct blk_mq_hw_ctx *hctx, const struct blk_mq_queue_data *bd)
{
	struct request *rq = bd->rq;
	struct null_cmd *cmd = blk_mq_rq_to_pdu(rq);

	blk_mq_start_request(rq);
#ifdef KC_DEBUG
	if (!lab_rq_fits(rq))
		return BLK_STS_IOERR;
#endif
	lab_trace_rq("null issue", rq, BLK_STS_OK);
	kc_io_defer(&cmd->io, 0);
	return BLK_STS_OK;
}

static int null_init_request(struct blk_mq_tag_set *set, struct request *rq, unsigned int hctx_idx,
			     unsigned int numa_node)
{
	struct null_cmd *cmd = blk_mq_rq_to_pdu(rq);

	cmd->io.done = null_done;
	return 0;
}

static const struct blk_mq_ops null_mq_ops = {
	.queue_rq = null_queue_rq,
	.init_request = null_init_request,
};

static void null_destroy(struct lab_device *dev)
{
	struct lab_mq_dev *d = container_of(dev, struct lab_mq_dev, dev);

	lab_mq_dev_del(d);
	kfree(d);
}

struct block_device *lab_null_create(u64 bytes, const struct lab_limits *limits)
{
	struct lab_mq_dev *d;
	int err;

	if (!lab_sim_size_ok(bytes, limits))
		return ERR_PTR(-EINVAL);
	d = kzalloc(sizeof(*d), GFP_KERNEL);
	if (!d)
		return ERR_PTR(-ENOMEM);
	d->dev.name = "null";
	d->dev.destroy = null_destroy;
	err = lab_mq_dev_add(d, &null_mq_ops, sizeof(struct null_cmd), bytes, SECTOR_SIZE, limits);
	if (err) {
		kfree(d);
		return ERR_PTR(err);
	}
	return d->dev.disk->part0;
}
