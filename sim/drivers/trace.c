// SPDX-License-Identifier: GPL-2.0-only
/*
 * trace.c - a filter that counts what reaches it, and prints it if asked to: trace, trace=print.
 *
 * It passes the very bio on, so that looking costs no clone and changes no count. The totals are
 * printed when the filter ends.
 */
#include <linux/atomic.h>
#include <linux/build_bug.h>
#include <linux/errno.h>
#include <linux/printk.h>
#include <linux/string.h>
#include "filters.h"

struct trace_state {
	atomic64_t bios[LAB_TRACE_NR_OPS];
	atomic64_t sectors[LAB_TRACE_NR_OPS];
	atomic64_t preflush[LAB_TRACE_NR_OPS];
	atomic64_t fua[LAB_TRACE_NR_OPS];
	atomic64_t nowait, polled, prio;
	u16 last_prio;
	bool print;
};

static const char *const op_names[LAB_TRACE_NR_OPS] = {
	[REQ_OP_READ] = "read",
	[REQ_OP_WRITE] = "write",
	[REQ_OP_FLUSH] = "flush",
	[REQ_OP_DISCARD] = "discard",
	[REQ_OP_WRITE_ZEROES] = "write_zeroes",
};

/* A bare flush is a write without data; count it for what it is. */
static unsigned int trace_op(const struct bio *bio)
{
	if (bio_op(bio) == REQ_OP_WRITE && (bio->bi_opf & REQ_PREFLUSH) && !bio->bi_iter.bi_size)
		return REQ_OP_FLUSH;
	return bio_op(bio);
}

static void trace_flags(struct trace_state *s, const struct bio *bio, unsigned int op)
{
	if (bio->bi_opf & REQ_PREFLUSH)
		atomic64_inc(&s->preflush[op]);
	if (bio->bi_opf & REQ_FUA)
		atomic64_inc(&s->fua[op]);
	if (bio->bi_opf & REQ_NOWAIT)
		atomic64_inc(&s->nowait);
	if (bio->bi_opf & REQ_POLLED)
		atomic64_inc(&s->polled);
	if (bio_prio(bio)) {
		atomic64_inc(&s->prio);
		WRITE_ONCE(s->last_prio, bio_prio(bio));
	}
}

static void trace_submit_bio(struct bio *bio)
{
	struct lab_filter_dev *f = lab_filter_of(bio);
	struct trace_state *s = (struct trace_state *)f->priv;
	unsigned int op = trace_op(bio);

	BUG_ON(op >= LAB_TRACE_NR_OPS);
	atomic64_inc(&s->bios[op]);
	atomic64_add(bio_sectors(bio), &s->sectors[op]);
	trace_flags(s, bio, op);
	if (s->print)
		pr_info("trace: %s sector %llu + %u%s%s%s%s%s\n", op_names[op] ?: "?",
			(unsigned long long)bio->bi_iter.bi_sector, bio_sectors(bio),
			bio->bi_opf & REQ_PREFLUSH ? " preflush" : "", bio->bi_opf & REQ_FUA ? " fua" : "",
			bio->bi_opf & REQ_NOWAIT ? " nowait" : "", bio->bi_opf & REQ_POLLED ? " polled" : "",
			bio_prio(bio) ? " prio" : "");
	lab_filter_pass(f, bio);
}

static int trace_parse(void *priv, const char *arg, char *why, size_t why_bytes)
{
	struct trace_state *s = priv;

	BUILD_BUG_ON(sizeof(*s) > LAB_FILTER_PRIV_MAX);
	s->print = !strcmp(arg, "print");
	if (s->print || !*arg)
		return 0;
	scnprintf(why, why_bytes, "trace takes no argument or \"print\", got \"%s\"", arg);
	return -EINVAL;
}

void lab_trace_read(struct block_device *bdev, struct lab_trace_counts *out)
{
	struct lab_device *dev = bdev->bd_disk->private_data;
	struct lab_filter_dev *f = container_of(dev, struct lab_filter_dev, dev);
	struct trace_state *s = (struct trace_state *)f->priv;
	unsigned int op;

	BUG_ON(f->type != &lab_filter_trace);
	*out = (struct lab_trace_counts) { };
	for (op = 0; op < LAB_TRACE_NR_OPS; op++) {
		out->bios[op] = atomic64_read(&s->bios[op]);
		out->sectors[op] = atomic64_read(&s->sectors[op]);
		out->op_preflush[op] = atomic64_read(&s->preflush[op]);
		out->op_fua[op] = atomic64_read(&s->fua[op]);
		out->preflush += out->op_preflush[op];
		out->fua += out->op_fua[op];
	}
	out->nowait = atomic64_read(&s->nowait);
	out->polled = atomic64_read(&s->polled);
	out->prio = atomic64_read(&s->prio);
	out->last_prio = READ_ONCE(s->last_prio);
}

static void trace_stop(struct lab_filter_dev *f)
{
	struct lab_trace_counts c;
	unsigned int op;

	lab_trace_read(f->dev.disk->part0, &c);
	for (op = 0; op < LAB_TRACE_NR_OPS; op++)
		if (c.bios[op])
			pr_info("trace: %llu %s bios, %llu sectors\n", (unsigned long long)c.bios[op],
				op_names[op] ?: "other", (unsigned long long)c.sectors[op]);
	if (c.preflush || c.fua || c.nowait)
		pr_info("trace: of these %llu preflush, %llu fua, %llu nowait\n",
			(unsigned long long)c.preflush, (unsigned long long)c.fua,
			(unsigned long long)c.nowait);
	if (c.polled || c.prio)
		pr_info("trace: and %llu polled, %llu with a priority, 0x%x the last\n",
			(unsigned long long)c.polled, (unsigned long long)c.prio, c.last_prio);
}

static const struct block_device_operations trace_fops = {
	.submit_bio = trace_submit_bio,
};

const struct lab_filter_type lab_filter_trace = {
	.name = "trace",
	.what = "counts what reaches it and prints the totals; trace=print: every bio too",
	.priv_bytes = sizeof(struct trace_state),
	.fops = &trace_fops,
	.parse = trace_parse,
	.stop = trace_stop,
};
