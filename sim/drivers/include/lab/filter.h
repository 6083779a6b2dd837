/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lab/filter.h - filters: block devices that stand on another one and change, delay or watch what
 * passes. They compose: --stack trace/fault=flip@1m puts trace on fault on the disk.
 *
 * A new filter starts from TEMPLATE.c; the table in filter.c names it.
 */
#ifndef _LAB_FILTER_H
#define _LAB_FILTER_H

#include <linux/types.h>
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <lab/disk.h>

struct lab_filter_dev;

/**
 * struct lab_filter_type - one kind of filter
 * @name: as on the command line
 * @what: one line: what it does and its arguments
 * @priv_bytes: of the filter's own state in struct lab_filter_dev
 * @fops: its ->submit_bio; must not wait for IO
 * @parse: fill the (zeroed) state at @priv from @arg ("": none given). Return 0, or -EINVAL with one line
 *	for the user in @why. Pure: called alone to check a command line. NULL: takes no argument
 * @map: where sectors of this device lie on the one below; NULL: where they are. Returns the first, and cuts
 *	*@nr_sectors (> 0, within the device) to as many as follow it there. Pure, once @setup has been called
 * @setup: once, before the device stands, when what is below is known: does @parse's answer fit it? May lower
 *	*@capacity, in sectors, from that of the device below. 0, or -EINVAL with one line in @why. NULL: it does
 * @start: once, when the device stands; NULL: nothing to do
 * @stop: once, before it is taken apart, no IO in flight; NULL: nothing to do
 */
struct lab_filter_type {
	const char *name, *what;
	size_t priv_bytes;
	const struct block_device_operations *fops;
	int (*parse)(void *priv, const char *arg, char *why, size_t why_bytes);
	sector_t (*map)(const struct lab_filter_dev *f, sector_t sector, u32 *nr_sectors);
	int (*setup)(struct lab_filter_dev *f, sector_t *capacity, char *why, size_t why_bytes);
	void (*start)(struct lab_filter_dev *f);
	void (*stop)(struct lab_filter_dev *f);
};

#define LAB_FILTER_PRIV_MAX	1024u	/* bytes of state of one filter */

/**
 * struct lab_filter_dev - one filter at work
 * @dev: what lab_bdev_destroy() needs
 * @type: which
 * @lower: the device below
 * @clones: bios of lab_filter_clone(), from a mempool: cloning makes progress without memory
 * @priv: @type->priv_bytes of state
 */
struct lab_filter_dev {
	struct lab_device dev;
	const struct lab_filter_type *type;
	struct block_device *lower;
	struct bio_set clones;
	u64 priv[LAB_FILTER_PRIV_MAX / sizeof(u64)];
};

/* All filters, NULL at the end. */
extern const struct lab_filter_type *const lab_filter_types[];

/**
 * lab_filter_find - the filter called @name
 * @name: as on the command line
 *
 * Context: any. Return: NULL: there is none.
 */
const struct lab_filter_type *lab_filter_find(const char *name);

/**
 * lab_filter_check - would this argument do?
 * @type: from lab_filter_find()
 * @arg: "": none
 * @why: one line for the user when not; cut to @why_bytes
 * @why_bytes: size of @why
 *
 * Context: any. Return: 0 or -EINVAL.
 */
int lab_filter_check(const struct lab_filter_type *type, const char *arg, char *why, size_t why_bytes);

/**
 * lab_filter_create - put a filter on @lower
 * @type: from lab_filter_find()
 * @lower: outlives the filter; its limits and size become the filter's
 * @arg: "": none
 * @why: one line for the user on -EINVAL
 * @why_bytes: size of @why
 *
 * Context: task, may sleep.
 * Return: the device on top, or ERR_PTR(-EINVAL | -ENOMEM). End it with lab_bdev_destroy().
 */
struct block_device *lab_filter_create(const struct lab_filter_type *type, struct block_device *lower,
				       const char *arg, char *why, size_t why_bytes);

/**
 * lab_filter_bottom - where sectors of a stack lie on the device at its bottom
 * @bdev: its top; a filter or not
 * @sector: in and out: the first
 * @nr_sectors: in and out: how many (> 0, within the device); as many of them follow the first there
 *
 * Context: any. Return: the device below all filters.
 */
struct block_device *lab_filter_bottom(struct block_device *bdev, sector_t *sector, u32 *nr_sectors);

/**
 * lab_parse_bytes - a decimal or 0x… number with an optional k, m or g (powers of 1024)
 * @s: where to read
 * @value: the number of bytes; unchanged on error
 *
 * Context: any. Return: the first character that is not part of it; NULL: no number here, or above 2^63 - 1.
 */
const char *lab_parse_bytes(const char *s, u64 *value);

/* ---- for filters -------------------------------------------------------------------- */

/**
 * lab_filter_of - the filter that a bio was submitted to
 * @bio: its bi_bdev is a filter's; not looked at whether it is
 *
 * Context: any.
 */
struct lab_filter_dev *lab_filter_of(const struct bio *bio);

/**
 * lab_filter_pass - send the very bio on to the device below; nothing is seen of its completion
 * @f: the filter
 * @bio: what came from above; no longer the filter's
 *
 * Context: ->submit_bio.
 */
void lab_filter_pass(struct lab_filter_dev *f, struct bio *bio);

/**
 * lab_filter_pass_mapped - lab_filter_pass() to where the filter's @map says, cut where that jumps
 * @bio: what came from above; no longer the filter's
 *
 * A whole ->submit_bio. A bio with REQ_NOWAIT is not cut, it ends with BLK_STS_AGAIN. Under the old rule on
 * bios who built it has asked: only what lies in one page is cut, which a device must take. Context:
 * ->submit_bio.
 */
void lab_filter_pass_mapped(struct bio *bio);

/**
 * lab_filter_clone - a clone of @bio for the device below, whose completion the filter sees
 * @f: the filter
 * @bio: what came from above; completed by lab_filter_end()
 * @end_io: called when the device below is done, any context; ends with lab_filter_end(clone)
 *
 * Context: ->submit_bio; never fails. Return: the clone, to be submitted with submit_bio_noacct().
 */
struct bio *lab_filter_clone(struct lab_filter_dev *f, struct bio *bio, void (*end_io)(struct bio *clone));

/**
 * lab_filter_origin - the bio that a clone was made from
 * @clone: from lab_filter_clone(); the origin's iterator still says what was submitted
 */
static inline struct bio *lab_filter_origin(struct bio *clone)
{
	return clone->bi_private;
}

/**
 * lab_filter_end - hand the clone's status to its origin, complete that, free the clone
 * @clone: from lab_filter_clone()
 *
 * Context: any.
 */
void lab_filter_end(struct bio *clone);

/* ---- what trace saw ------------------------------------------------------------------ */

#define LAB_TRACE_NR_OPS	16	/* above the REQ_OP_* numbers that reach a driver here */

/**
 * struct lab_trace_counts - bios and sectors that reached a trace filter
 * @bios: by operation (REQ_OP_READ … as index), the bare flushes under REQ_OP_FLUSH
 * @sectors: the same, in 512-byte units
 * @op_preflush: bios with REQ_PREFLUSH, by operation: with data under REQ_OP_WRITE, all bare flushes
 * @op_fua: bios with REQ_FUA, by operation
 * @preflush: bios with REQ_PREFLUSH, with data or without
 * @fua: with REQ_FUA
 * @nowait: with REQ_NOWAIT
 * @polled: with REQ_POLLED
 * @prio: with a priority (bi_ioprio not 0)
 * @last_prio: of the last bio that had one
 */
struct lab_trace_counts {
	u64 bios[LAB_TRACE_NR_OPS];
	u64 sectors[LAB_TRACE_NR_OPS];
	u64 op_preflush[LAB_TRACE_NR_OPS];
	u64 op_fua[LAB_TRACE_NR_OPS];
	u64 preflush, fua, nowait, polled, prio;
	u16 last_prio;
};

/**
 * lab_trace_read - what a trace filter has seen so far
 * @bdev: the trace filter's; BUGs on any other
 * @out: the counts; while IO goes on, each by itself is right
 *
 * Context: any.
 */
void lab_trace_read(struct block_device *bdev, struct lab_trace_counts *out);

#endif
