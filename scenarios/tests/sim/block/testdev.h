/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * testdev.h - a blk-mq device for the tests of sim/block: memory that checks every request against its own
 * limits, remembers what it was asked, and can be told to be busy, slow or broken.
 */
#ifndef LAB_TESTDEV_H
#define LAB_TESTDEV_H

#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/blk-mq.h>
#include <linux/completion.h>
#include <linux/kernel.h>
#include <linux/err.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <kc/io.h>
#include <kc/probe.h>
#include <kc/world.h>
#include "lab_test.h"

#define TDEV_BYTES	(1u << 20)
#define TDEV_SECTORS	(TDEV_BYTES >> SECTOR_SHIFT)
#define TDEV_LOG	1024

struct tdev_event {
	enum { TDEV_READ, TDEV_WRITE, TDEV_FLUSH, TDEV_OTHER, TDEV_COMMIT } what;
	blk_opf_t opf;
	sector_t sector;
	unsigned int bytes;
	unsigned short segments, ioprio;
	bool last;
};

/**
 * struct tdev - the device
 * @busy: so many calls of queue_rq() still answer @busy_status, after @busy_after more have been taken
 * @fail_sector: a request that touches it ends with @fail_status; (sector_t)-1: none
 * @fail_in_queue_rq: queue_rq() answers with @fail_status instead
 * @fail_flush: flushes end with @fail_status
 * @cached, @durable: first byte of sector 0 … 3 as last written, and as it was when the last flush
 *	began that has ended (a write with FUA is durable at once)
 * @part_bytes: of a request, which end before the rest; 0: it ends as a whole
 * @end_inline: requests end within queue_rq()
 * @on_flush: called with each flush that has begun, before it ends; NULL: nothing is
 * @hold: started requests are kept until tdev_release()
 * @in_flight, @max_in_flight: data and flush requests at the driver
 */
struct tdev {
	struct blk_mq_tag_set set;
	struct gendisk *disk;
	struct block_device *bdev;
	u8 *data;
	unsigned int busy, busy_after, part_bytes;
	blk_status_t busy_status, fail_status;
	sector_t fail_sector;
	bool fail_in_queue_rq, fail_flush, end_inline, hold;
	u8 cached[4], durable[4];
	void (*on_flush)(struct tdev *dev);
	struct list_head held;
	atomic_t in_flight;
	int max_in_flight;
	spinlock_t lock;		/* log, held, max_in_flight */
	unsigned int nr_events;
	struct tdev_event event[TDEV_LOG];
};

struct tdev *tdev_create(unsigned int tags);
struct tdev *tdev_create_flags(unsigned int tags, unsigned int set_flags);
struct trand;
/*
 * Other limits for an idle device. Bits of @kind, which limits: 1 logical block, 2 max_sectors, 4 max_segments, 8
 * max_segment_size, else 16 virt boundary.
 */
void tdev_random_limits(struct tdev *dev, struct trand *r, unsigned int kind);
void tdev_destroy(struct tdev *dev);
/* End what @hold kept, oldest first. */
void tdev_release(struct tdev *dev);
/* Forget what was logged. */
void tdev_reset_log(struct tdev *dev);

/* Several bios, and a wait for all of them. */
struct tbatch {
	atomic_t left;			/* 1 for the batch itself */
	spinlock_t lock;		/* the rest: bios may end on several tasks */
	blk_status_t status;		/* of the last bio that failed */
	unsigned int nr_ended, nr_failed;
	struct completion done;
};

void tbatch_init(struct tbatch *b);
/* bi_end_io and bi_private of a bio that belongs to @b; put when it ends. */
void tbatch_add(struct tbatch *b, struct bio *bio);
void tbatch_submit(struct tbatch *b, struct bio *bio);
void tbatch_wait(struct tbatch *b);

/* A bio over one kernel buffer (slab or page memory), from fs_bio_set. */
struct bio *tbio(struct block_device *bdev, blk_opf_t opf, sector_t sector, void *buf, unsigned int bytes);

/* lab_test_fork() of fn(arg) in a world of its own: for bare tests. */
int tfork(void (*fn)(void *arg), void *arg);

/* A plain generator: the same seed, the same numbers. */
struct trand { u64 s; };
u64 trand(struct trand *r);
static inline u64 trand_below(struct trand *r, u64 n)
{
	return trand(r) % n;
}

#endif
