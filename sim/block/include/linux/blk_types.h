/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * blk_types.h - struct bio, struct block_device, operation flags, block status.
 *
 * Names, values and field meanings as in Linux 6.1 as far as they are used here. Not in 6.1:
 * BIO_PAGE_PINNED (6.5: pages of a bio are released only when their pins belong to it), what is called
 * bi_lab_ or BIO_LAB_, and struct bvec_merge_data (up to 4.2).
 */
#ifndef _LINUX_BLK_TYPES_H
#define _LINUX_BLK_TYPES_H

#include <linux/types.h>
#include <linux/atomic.h>
#include <linux/bvec.h>

struct bio;
struct bio_set;
struct gendisk;
struct request_queue;

#ifndef SECTOR_SHIFT
#define SECTOR_SHIFT	9
#endif
#ifndef SECTOR_SIZE
#define SECTOR_SIZE	(1 << SECTOR_SHIFT)
#endif
#define PAGE_SECTORS_SHIFT	(PAGE_SHIFT - SECTOR_SHIFT)
#define PAGE_SECTORS		(1 << PAGE_SECTORS_SHIFT)

typedef u8 __bitwise blk_status_t;
#define BLK_STS_OK		0
#define BLK_STS_NOTSUPP		((__force blk_status_t)1)
#define BLK_STS_TIMEOUT		((__force blk_status_t)2)
#define BLK_STS_NOSPC		((__force blk_status_t)3)
#define BLK_STS_MEDIUM		((__force blk_status_t)7)
#define BLK_STS_PROTECTION	((__force blk_status_t)8)
#define BLK_STS_RESOURCE	((__force blk_status_t)9)
#define BLK_STS_IOERR		((__force blk_status_t)10)
/* A REQ_NOWAIT bio would have had to wait: -EAGAIN. */
#define BLK_STS_AGAIN		((__force blk_status_t)12)
/* queue_rq() cannot take the request, and a completion of this queue will make room. */
#define BLK_STS_DEV_RESOURCE	((__force blk_status_t)13)
#define BLK_STS_OFFLINE		((__force blk_status_t)16)
/* 6.9: an argument the device cannot take, such as an unaligned bio. -EINVAL. */
#define BLK_STS_INVAL		((__force blk_status_t)19)

/**
 * struct block_device - what bios are submitted to: the whole of a disk (there are no partitions)
 * @bd_nr_sectors: capacity, 512-byte units; set_capacity(), bdev_nr_sectors()
 * @bd_queue: == bd_disk->queue
 * @bd_read_only: writes fail
 */
struct block_device {
	sector_t bd_nr_sectors;
	struct gendisk *bd_disk;
	struct request_queue *bd_queue;
	bool bd_read_only;
};

typedef __u32 __bitwise blk_opf_t;
typedef unsigned int blk_qc_t;
typedef void (bio_end_io_t)(struct bio *);

/**
 * struct bio - one IO to pinned memory
 * @bi_next: link of a bio_list or of a request
 * @bi_flags: BIO_*
 * @bi_ioprio: linux/ioprio.h; 0: none. A request has that of its bios, which all have the same
 * @bi_lab_segments: under the old rule on bios what bio_add_page() has counted (bio-rule.c)
 * @bi_status: result; of a chain the first error
 * @bi_lab_scope: enum lab_scope in which it was initialised; bi_end_io runs on that scope's account
 * @bi_lab_traced: Linux's BIO_TRACE_COMPLETION, which is a flag there: here it changes while other tasks look at the flags
 * @__bi_remaining: completions still to come, 1 + bio_chain()s; looked at only under BIO_CHAIN
 * @bi_iter: where on the device, what is left
 * @bi_private: belongs to whoever owns bi_end_io
 * @bi_vcnt: elements used, known to who built the bio only: a clone has 0
 * @__bi_cnt: references, looked at only under BIO_REFFED
 * @bi_pool: NULL: memory is the caller's
 *
 * Fields above bi_max_vecs are reset by bio_reset().
 */
struct bio {
	struct bio *bi_next;
	struct block_device *bi_bdev;
	blk_opf_t bi_opf;
	unsigned short bi_flags;
	unsigned short bi_ioprio;
	unsigned short bi_lab_segments;
	blk_status_t bi_status;
	u8 bi_lab_scope : 7;
	u8 bi_lab_traced : 1;
	atomic_t __bi_remaining;
	struct bvec_iter bi_iter;
	bio_end_io_t *bi_end_io;
	void *bi_private;
	unsigned short bi_vcnt;
	unsigned short bi_max_vecs;
	atomic_t __bi_cnt;
	struct bio_vec *bi_io_vec;
	struct bio_set *bi_pool;
	struct bio_vec bi_inline_vecs[];
};

/* bi_flags, bit numbers */
enum {
	BIO_PAGE_PINNED,	/* the pins of its pages are its own: bio_release_pages() unpins */
	BIO_CLONED,		/* bi_io_vec belongs to another bio */
	BIO_CHAIN,		/* __bi_remaining counts */
	BIO_REFFED,		/* __bi_cnt counts */
	BIO_QUIET,		/* no message about its errors */
	BIO_LAB_ENDED,		/* debug builds: bi_end_io has run since bio_init() or submission */
	BIO_FLAG_LAST
};

#define REQ_OP_BITS	8
#define REQ_OP_MASK	((__force blk_opf_t)((1u << REQ_OP_BITS) - 1))

/* Odd: data flows to the device. */
enum req_op {
	REQ_OP_READ		= (__force blk_opf_t)0,
	REQ_OP_WRITE		= (__force blk_opf_t)1,
	REQ_OP_FLUSH		= (__force blk_opf_t)2,	/* requests only; a bio flushes by WRITE|PREFLUSH */
	REQ_OP_DISCARD		= (__force blk_opf_t)3,
	REQ_OP_WRITE_ZEROES	= (__force blk_opf_t)9,
};

enum req_flag_bits {
	__REQ_SYNC = REQ_OP_BITS + 3,
	__REQ_META,
	__REQ_PRIO,
	__REQ_NOMERGE,
	__REQ_IDLE,
	__REQ_INTEGRITY,
	__REQ_FUA,		/* durable before it completes */
	__REQ_PREFLUSH,		/* the device's cache is flushed before the data is written */
	__REQ_RAHEAD,
	__REQ_BACKGROUND,
	__REQ_NOWAIT,		/* BLK_STS_AGAIN rather than wait */
	__REQ_POLLED,		/* the submitter polls; cleared by queues that cannot */
	__REQ_NOUNMAP,		/* WRITE_ZEROES: keep the blocks allocated */
	__REQ_NR_BITS,
};

#define REQ_SYNC	((__force blk_opf_t)(1u << __REQ_SYNC))
#define REQ_META	((__force blk_opf_t)(1u << __REQ_META))
#define REQ_PRIO	((__force blk_opf_t)(1u << __REQ_PRIO))
#define REQ_NOMERGE	((__force blk_opf_t)(1u << __REQ_NOMERGE))
#define REQ_IDLE	((__force blk_opf_t)(1u << __REQ_IDLE))
#define REQ_FUA		((__force blk_opf_t)(1u << __REQ_FUA))
#define REQ_PREFLUSH	((__force blk_opf_t)(1u << __REQ_PREFLUSH))
#define REQ_RAHEAD	((__force blk_opf_t)(1u << __REQ_RAHEAD))
#define REQ_BACKGROUND	((__force blk_opf_t)(1u << __REQ_BACKGROUND))
#define REQ_NOWAIT	((__force blk_opf_t)(1u << __REQ_NOWAIT))
#define REQ_POLLED	((__force blk_opf_t)(1u << __REQ_POLLED))
#define REQ_NOUNMAP	((__force blk_opf_t)(1u << __REQ_NOUNMAP))

/* A request with one of these neither grows nor joins. */
#define REQ_NOMERGE_FLAGS	(REQ_NOMERGE | REQ_PREFLUSH | REQ_FUA)

static inline enum req_op bio_op(const struct bio *bio)
{
	return (enum req_op)(bio->bi_opf & REQ_OP_MASK);
}

static inline bool op_is_write(blk_opf_t op)
{
	return (op & (__force blk_opf_t)1) != 0;
}

/* Does it take part in the flush sequence of blk-flush.c? */
static inline bool op_is_flush(blk_opf_t op)
{
	return (op & (REQ_FUA | REQ_PREFLUSH)) != 0;
}

static inline bool op_is_sync(blk_opf_t op)
{
	return (op & REQ_OP_MASK) == REQ_OP_READ || (op & (REQ_SYNC | REQ_FUA | REQ_PREFLUSH)) != 0;
}

/* Operations that carry a range and no data. */
static inline bool lab_op_no_data(blk_opf_t op)
{
	op &= REQ_OP_MASK;
	return op == REQ_OP_DISCARD || op == REQ_OP_WRITE_ZEROES;
}

int blk_status_to_errno(blk_status_t status);
blk_status_t errno_to_blk_status(int errno);

#endif
