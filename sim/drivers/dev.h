/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dev.h - what disk, ram and null share: one blk-mq queue each, made and ended in the same way.
 */
#ifndef _LAB_DRIVERS_DEV_H
#define _LAB_DRIVERS_DEV_H

#include <linux/blk-mq.h>
#include <kc/world.h>
#include <lab/disk.h>

/**
 * struct lab_mq_dev - a device with a request queue
 * @dev: what lab_bdev_destroy() needs; @dev.destroy and @dev.name are the driver's to set
 * @set: its tags
 */
struct lab_mq_dev {
	struct lab_device dev;
	struct blk_mq_tag_set set;
};

int lab_mq_dev_add(struct lab_mq_dev *d, const struct blk_mq_ops *ops, unsigned int cmd_bytes, u64 bytes,
		   unsigned int own_block_bytes, const struct lab_limits *limits);
void lab_mq_dev_del(struct lab_mq_dev *d);
bool lab_sim_size_ok(u64 bytes, const struct lab_limits *limits);
bool lab_rq_fits(struct request *rq);

/* A line of the trace hash: det only, elsewhere the order of events is not the program's. */
static inline void lab_trace_rq(const char *site, struct request *rq, blk_status_t status)
{
#ifdef KC_DET
	kc_trace(site, rq->cmd_flags, blk_rq_pos(rq), blk_rq_bytes(rq), blk_status_to_errno(status));
#endif
}

#endif
