// SPDX-License-Identifier: GPL-2.0-only
/*
 * ram.c - a disk in memory.
 *
 * Data moves when the request completes, not when it is submitted: that is the later moment at which a real
 * device may still read or write the pages, so pages that are reused, unpinned or freed too early show.
 * Memory comes from the host when the device is made. The copying stands for the device's DMA and is not
 * counted as the CPU's.
 */
#include <linux/blk-mq.h>
#include <linux/bug.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <kc/io.h>
#include <kc/probe.h>
#include "host.h"
#include "dev.h"

struct lab_ram {
	struct lab_mq_dev mq;
	u8 *bytes;
};

struct ram_cmd {
	struct kc_io io;
};

/*
 * One piece from or to the disk's memory. Two tasks may have the same sectors in flight, which on a disk is
 * no race but an order nobody knows; TSan is told so by making the disk's side atomic. The other side stays
 * plain: there a race is a bug of the code above.
 */
static void ram_copy(u8 *disk, void *mem, size_t len_bytes, bool to_disk)
{
#ifdef __SANITIZE_THREAD__
	u64 *d = (u64 *)disk, *m = mem;

	for (; len_bytes; len_bytes -= sizeof(*d), d++, m++) {
		if (to_disk)
			__atomic_store_n(d, *m, __ATOMIC_RELAXED);
		else
			*m = __atomic_load_n(d, __ATOMIC_RELAXED);
	}
#else
	if (to_disk)
		memcpy(disk, mem, len_bytes);
	else
		memcpy(mem, disk, len_bytes);
#endif
}

static void ram_zero(u8 *disk, size_t len_bytes)
{
#ifdef __SANITIZE_THREAD__
	u64 *d = (u64 *)disk;

	for (; len_bytes; len_bytes -= sizeof(*d), d++)
		__atomic_store_n(d, 0, __ATOMIC_RELAXED);
#else
	memset(disk, 0, len_bytes);
#endif
}

static void ram_transfer(struct request *rq)
{
	struct lab_ram *ram = rq->q->queuedata;
	u8 *at = ram->bytes + (blk_rq_pos(rq) << SECTOR_SHIFT);
	struct req_iterator iter;
	struct bio_vec bv;

	switch (req_op(rq)) {
	case REQ_OP_READ:
	case REQ_OP_WRITE:
		rq_for_each_bvec(bv, rq, iter) {
			ram_copy(at, bvec_virt(&bv), bv.bv_len, op_is_write(rq->cmd_flags));
			at += bv.bv_len;
		}
		return;
	case REQ_OP_DISCARD:
	case REQ_OP_WRITE_ZEROES:
		ram_zero(at, blk_rq_bytes(rq));
		return;
	case REQ_OP_FLUSH:
		return;
	}
	BUG();
}

static void ram_done(struct kc_io *io, int res)
{
	struct request *rq = blk_mq_rq_from_pdu(container_of(io, struct ram_cmd, io));

	ram_transfer(rq);
	lab_trace_rq("ram complete", rq, BLK_STS_OK);
	blk_mq_end_request(rq, BLK_STS_OK);
}

static blk_status_t ram_queue_rq(struct blk_mq_hw_ctx *hctx, const struct blk_mq_queue_data *bd)
{
	struct request *rq = bd->rq;
	struct ram_cmd *cmd = blk_mq_rq_to_pdu(rq);

	blk_mq_start_request(rq);
	if (!lab_rq_fits(rq))
		return BLK_STS_IOERR;
	lab_trace_rq("ram issue", rq, BLK_STS_OK);
	kc_io_defer(&cmd->io, 0);
	return BLK_STS_OK;
}

static int ram_init_request(struct blk_mq_tag_set *set, struct request *rq, unsigned int hctx_idx,
			    unsigned int numa_node)
{
	struct ram_cmd *cmd = blk_mq_rq_to_pdu(rq);

	cmd->io.done = ram_done;
	return 0;
}

static const struct blk_mq_ops ram_mq_ops = {
	.queue_rq = ram_queue_rq,
	.init_request = ram_init_request,
};

static void ram_destroy(struct lab_device *dev)
{
	struct lab_ram *ram = container_of(dev, struct lab_ram, mq.dev);

	lab_mq_dev_del(&ram->mq);
	host_free(ram->bytes);
	kfree(ram);
}

struct block_device *lab_ram_create(u64 bytes, const struct lab_limits *limits)
{
	struct lab_ram *ram;
	int err = -ENOMEM;

	if (!lab_sim_size_ok(bytes, limits))
		return ERR_PTR(-EINVAL);
	ram = kzalloc(sizeof(*ram), GFP_KERNEL);
	if (!ram)
		return ERR_PTR(-ENOMEM);
	ram->mq.dev.name = "ram";
	ram->mq.dev.destroy = ram_destroy;
	ram->bytes = host_alloc(bytes);
	if (ram->bytes)
		err = lab_mq_dev_add(&ram->mq, &ram_mq_ops, sizeof(struct ram_cmd), bytes, SECTOR_SIZE,
				     limits);
	if (err) {
		host_free(ram->bytes);
		kfree(ram);
		return ERR_PTR(err);
	}
	return ram->mq.dev.disk->part0;
}
