// SPDX-License-Identifier: GPL-2.0-only
/*
 * disk.c - the real disk: a file or block device of the host, opened O_DIRECT, through the submitting
 * task's ring.
 *
 * A request becomes one transfer: its bvecs, those that follow each other in RAM joined, are written down
 * as iovecs in the request's own driver data, so nothing is allocated. A transfer that comes back short
 * goes on where it stopped, in whole logical blocks, at most LAB_DISK_MAX_RETRIES times; one that makes no
 * progress is an IO error. Whether memory is aligned well enough is the host's to say: only it knows its
 * device.
 *
 * DISCARD punches the file, WRITE_ZEROES zeroes a range of it, FUA is a write with RWF_DSYNC, FLUSH is
 * fdatasync. commit_rqs is not needed: the ring sends what is queued when its task waits (host.h).
 */
#include <linux/blk-mq.h>
#include <linux/bug.h>
#include <linux/build_bug.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <kc/io.h>
#include <kc/probe.h>
#include "host.h"
#include "dev.h"

struct lab_disk {
	struct lab_mq_dev mq;
	struct host_disk *host;
};

/**
 * struct disk_cmd - driver data of a request
 * @io: the transfer in flight
 * @off_bytes: where the rest of it goes on
 * @left_bytes: how much is left; 0 for operations without data
 * @first: first iovec of the rest
 * @nr: one past the last iovec
 * @retries: resubmissions so far
 */
struct disk_cmd {
	struct kc_io io;
	u64 off_bytes;
	u32 left_bytes;
	u16 first, nr;
	u8 retries;
	struct host_iovec iov[LAB_DISK_MAX_SEGMENTS];
};

static struct lab_disk *disk_of(struct request *rq)
{
	return rq->q->queuedata;
}

/* Write down the memory of @rq, joining what is contiguous in the linear map. */
static void collect_iov(struct request *rq, struct disk_cmd *cmd)
{
	struct host_iovec *last = NULL;
	struct req_iterator iter;
	struct bio_vec bv;

	cmd->first = cmd->nr = 0;
	rq_for_each_bvec(bv, rq, iter) {
		void *at = bvec_virt(&bv);

		if (last && last->base + last->len_bytes == at) {
			last->len_bytes += bv.bv_len;
			continue;
		}
		BUG_ON(cmd->nr == LAB_DISK_MAX_SEGMENTS);	/* the advertised limit */
		last = &cmd->iov[cmd->nr++];
		last->base = at;
		last->len_bytes = bv.bv_len;
	}
}

/* Start what is left of the request; -EAGAIN: the ring is full, other -errno: it will not take it. */
static int start_rw(struct request *rq, struct disk_cmd *cmd)
{
	int op = op_is_write(rq->cmd_flags) ? HOST_OP_WRITE : HOST_OP_READ;
	unsigned int flags = op == HOST_OP_WRITE && (rq->cmd_flags & REQ_FUA) ? HOST_RW_DSYNC : 0;

	return kc_io_ring_rw(&cmd->io, disk_of(rq)->host, op, flags, cmd->iov + cmd->first,
			     cmd->nr - cmd->first, cmd->off_bytes);
}

static int start(struct request *rq, struct disk_cmd *cmd)
{
	struct host_disk *host = disk_of(rq)->host;

	switch (req_op(rq)) {
	case REQ_OP_READ:
	case REQ_OP_WRITE:
		collect_iov(rq, cmd);
		cmd->left_bytes = blk_rq_bytes(rq);
		return start_rw(rq, cmd);
	case REQ_OP_FLUSH:
		return kc_io_ring_ctl(&cmd->io, host, HOST_OP_FLUSH, 0, 0);
	case REQ_OP_DISCARD:
		return kc_io_ring_ctl(&cmd->io, host, HOST_OP_PUNCH, cmd->off_bytes, blk_rq_bytes(rq));
	case REQ_OP_WRITE_ZEROES:
		return kc_io_ring_ctl(&cmd->io, host, HOST_OP_ZERO, cmd->off_bytes, blk_rq_bytes(rq));
	}
	return -EOPNOTSUPP;
}

static blk_status_t disk_queue_rq(struct blk_mq_hw_ctx *hctx, const struct blk_mq_queue_data *bd)
{
	struct request *rq = bd->rq;
	struct disk_cmd *cmd = blk_mq_rq_to_pdu(rq);
	int err;

	blk_mq_start_request(rq);
	cmd->off_bytes = blk_rq_pos(rq) << SECTOR_SHIFT;
	cmd->left_bytes = 0;
	cmd->retries = 0;
	err = start(rq, cmd);
	if (err == -EAGAIN)
		return BLK_STS_RESOURCE;	/* the ring's places are freed by completions of this task */
	if (err)
		return errno_to_blk_status(err);
	lab_trace_rq("disk issue", rq, BLK_STS_OK);
	return BLK_STS_OK;
}

/* Move the rest of the transfer past @bytes, fewer than it has. */
static void skip(struct disk_cmd *cmd, u32 bytes)
{
	cmd->off_bytes += bytes;
	cmd->left_bytes -= bytes;
	while (bytes) {
		struct host_iovec *iov = &cmd->iov[cmd->first];
		u32 step = min_t(u64, bytes, iov->len_bytes);

		iov->base += step;
		iov->len_bytes -= step;
		bytes -= step;
		if (!iov->len_bytes)
			cmd->first++;
	}
}

/* What came of a transfer of data: 1: the rest is under way, 0: all done, else -errno. */
static int disk_progress(struct request *rq, struct disk_cmd *cmd, int res)
{
	u32 block_bytes = queue_logical_block_size(rq->q);
	int err;

	if (res > 0 && res >= cmd->left_bytes) {
		WARN_ON(res > cmd->left_bytes);
		return 0;
	}
	if (res >= 0) {
		res = round_down((u32)res, block_bytes);	/* direct IO goes on at a whole block */
		if (!res)
			return -EIO;
		skip(cmd, res);
	} else if (res != -EINTR && res != -EAGAIN) {
		return res;
	}
	if (cmd->retries++ == LAB_DISK_MAX_RETRIES) {
		pr_err("disk: sector %llu: gave up after %u attempts\n",
		       (unsigned long long)(cmd->off_bytes >> SECTOR_SHIFT), LAB_DISK_MAX_RETRIES + 1);
		return -EIO;
	}
	err = start_rw(rq, cmd);
	return err ? -EIO : 1;
}

static void disk_done(struct kc_io *io, int res)
{
	struct disk_cmd *cmd = container_of(io, struct disk_cmd, io);
	struct request *rq = blk_mq_rq_from_pdu(cmd);
	blk_status_t status;

	if (cmd->left_bytes) {
		res = disk_progress(rq, cmd, res);
		if (res > 0)
			return;
	}
	status = res < 0 ? errno_to_blk_status(res) : BLK_STS_OK;
	lab_trace_rq("disk complete", rq, status);
	blk_mq_end_request(rq, status);
}

static int disk_init_request(struct blk_mq_tag_set *set, struct request *rq, unsigned int hctx_idx,
			     unsigned int numa_node)
{
	struct disk_cmd *cmd = blk_mq_rq_to_pdu(rq);

	cmd->io.done = disk_done;
	return 0;
}

static const struct blk_mq_ops disk_mq_ops = {
	.queue_rq = disk_queue_rq,
	.init_request = disk_init_request,
};

static void disk_destroy(struct lab_device *dev)
{
	struct lab_disk *d = container_of(dev, struct lab_disk, mq.dev);

	lab_mq_dev_del(&d->mq);
	kfree(d);
}

struct block_device *lab_disk_open(struct host_disk *host, const struct host_disk_info *info,
				   const struct lab_limits *limits)
{
	struct lab_disk *d;
	int err;

	BUILD_BUG_ON(LAB_DISK_MAX_SEGMENTS > HOST_IOV_MAX);
	BUILD_BUG_ON(LAB_DISK_QUEUE_DEPTH > HOST_RING_MAX_INFLIGHT);
	d = kzalloc(sizeof(*d), GFP_KERNEL);
	if (!d)
		return ERR_PTR(-ENOMEM);
	d->host = host;
	d->mq.dev.name = "disk";
	d->mq.dev.destroy = disk_destroy;
	err = lab_mq_dev_add(&d->mq, &disk_mq_ops, sizeof(struct disk_cmd), info->size_bytes,
			     max(info->logical_block_bytes, (u32)SECTOR_SIZE), limits);
	if (err) {
		kfree(d);
		return ERR_PTR(err);
	}
	return d->mq.dev.disk->part0;
}
