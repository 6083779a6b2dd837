// SPDX-License-Identifier: GPL-2.0-only
/*
 * fault.c - a filter that breaks what passes: fault=RULE[,RULE…].
 *
 *   flip@OFF      the byte at OFF of the disk is inverted in what is read, every time
 *   eio@OFF[+LEN] whatever touches [OFF, OFF + LEN) goes down, then ends with an IO error; LEN: by default 1
 *   enospc@OFF[+LEN]  the same with the error of a device that has no space left
 *   eio@flush     whatever asks for a flush of the cache does the same
 *
 * Numbers are decimal or 0x…, with k, m or g. A flip changes the pages that the reader gave, after the data
 * has arrived and before the reader is told: the disk stays as it is, and no writer's buffer is touched.
 */
#include <linux/bug.h>
#include <linux/build_bug.h>
#include <linux/errno.h>
#include <linux/printk.h>
#include <linux/string.h>
#include "filters.h"

#define FAULT_MAX_RULES		8u

enum fault_kind { FAULT_FLIP, FAULT_ENOSPC, FAULT_EIO, FAULT_EIO_FLUSH };

struct fault_rule {
	enum fault_kind kind;
	u64 off_bytes, len_bytes;
};

struct fault_state {
	unsigned int nr;
	struct fault_rule rule[FAULT_MAX_RULES];
};

static const char *const kind_names[] = {
	[FAULT_FLIP] = "flip@",
	[FAULT_ENOSPC] = "enospc@",
	[FAULT_EIO] = "eio@",
	[FAULT_EIO_FLUSH] = "eio@flush",
};

static bool rule_hits(const struct fault_rule *r, u64 pos_bytes, u64 len_bytes)
{
	return len_bytes && pos_bytes < r->off_bytes + r->len_bytes && r->off_bytes < pos_bytes + len_bytes;
}

/* Invert the byte of @bio's memory that is at @off_bytes of the disk. */
static void flip_byte(struct bio *bio, u64 off_bytes)
{
	u64 pos_bytes = (u64)bio->bi_iter.bi_sector << SECTOR_SHIFT;
	struct bvec_iter iter;
	struct bio_vec bv;

	bio_for_each_segment(bv, bio, iter) {
		if (off_bytes < pos_bytes + bv.bv_len) {
			u8 *at = bvec_kmap_local(&bv);

			at[off_bytes - pos_bytes] ^= 0xff;
			kunmap_local(at);
			return;
		}
		pos_bytes += bv.bv_len;
	}
	WARN(1, "fault: byte %llu is not in the bio", (unsigned long long)off_bytes);
}

static void fault_end_io(struct bio *clone)
{
	struct bio *bio = lab_filter_origin(clone);	/* its iterator is still where it was submitted */
	u64 pos_bytes = (u64)bio->bi_iter.bi_sector << SECTOR_SHIFT;
	struct fault_state *s = (struct fault_state *)lab_filter_of(bio)->priv;
	unsigned int i;

	for (i = 0; i < s->nr; i++) {
		struct fault_rule *r = &s->rule[i];

		if (r->kind == FAULT_EIO_FLUSH && (bio->bi_opf & REQ_PREFLUSH))
			clone->bi_status = BLK_STS_IOERR;
		if (!rule_hits(r, pos_bytes, bio->bi_iter.bi_size))
			continue;
		if (r->kind == FAULT_EIO)
			clone->bi_status = BLK_STS_IOERR;
		if (r->kind == FAULT_ENOSPC)
			clone->bi_status = BLK_STS_NOSPC;
		if (r->kind == FAULT_FLIP && bio_op(bio) == REQ_OP_READ && !clone->bi_status)
			flip_byte(bio, r->off_bytes);
	}
	lab_filter_end(clone);
}

static void fault_submit_bio(struct bio *bio)
{
	submit_bio_noacct(lab_filter_clone(lab_filter_of(bio), bio, fault_end_io));
}

/* What follows @word in @s; NULL: @s does not begin with it. */
static const char *after(const char *s, const char *word)
{
	for (; *word; s++, word++)
		if (*s != *word)
			return NULL;
	return s;
}

/* One rule; returns what follows it, NULL: it is none. */
static const char *parse_rule(const char *arg, struct fault_rule *r)
{
	const char *rest = NULL;
	int kind = FAULT_EIO_FLUSH + 1;

	while (!rest && --kind >= 0)	/* the longer word first */
		rest = after(arg, kind_names[kind]);
	if (!rest)
		return NULL;
	r->kind = kind;
	if (kind == FAULT_EIO_FLUSH)
		return rest;
	r->len_bytes = 1;
	arg = lab_parse_bytes(rest, &r->off_bytes);
	if (arg && r->kind != FAULT_FLIP && *arg == '+')
		arg = lab_parse_bytes(arg + 1, &r->len_bytes);
	return r->len_bytes ? arg : NULL;
}

static int fault_parse(void *priv, const char *arg, char *why, size_t why_bytes)
{
	struct fault_state *s = priv;
	const char *at = arg;

	BUILD_BUG_ON(sizeof(*s) > LAB_FILTER_PRIV_MAX);
	for (;;) {
		if (s->nr == FAULT_MAX_RULES) {
			scnprintf(why, why_bytes, "fault takes at most %u rules", FAULT_MAX_RULES);
			return -EINVAL;
		}
		at = parse_rule(at, &s->rule[s->nr++]);
		if (at && !*at)
			return 0;
		if (!at || *at != ',')
			break;
		at++;
	}
	scnprintf(why, why_bytes,
		  "fault takes flip@OFF, eio@OFF[+LEN], enospc@OFF[+LEN] or eio@flush, joined by commas, got \"%s\"", arg);
	return -EINVAL;
}

static void fault_start(struct lab_filter_dev *f)
{
	struct fault_state *s = (struct fault_state *)f->priv;
	u64 disk_bytes = bdev_nr_bytes(f->lower);
	unsigned int i;

	for (i = 0; i < s->nr; i++) {
		const struct fault_rule *r = &s->rule[i];

		if (r->kind != FAULT_EIO_FLUSH && r->off_bytes >= disk_bytes)
			pr_warn("fault: byte %llu is beyond the disk, %llu bytes: nothing will break there\n",
				(unsigned long long)r->off_bytes, (unsigned long long)disk_bytes);
		if (r->kind == FAULT_EIO_FLUSH)
			pr_warn("FAULT INJECTION ACTIVE: %s\n", kind_names[r->kind]);
		else
			pr_warn("FAULT INJECTION ACTIVE: %s%llu+%llu\n", kind_names[r->kind],
				(unsigned long long)r->off_bytes, (unsigned long long)r->len_bytes);
	}
}

static const struct block_device_operations fault_fops = {
	.submit_bio = fault_submit_bio,
};

const struct lab_filter_type lab_filter_fault = {
	.name = "fault",
	.what = "breaks what passes: flip@OFF (a byte that is read), eio@OFF[+LEN], enospc@OFF[+LEN], eio@flush",
	.priv_bytes = sizeof(struct fault_state),
	.fops = &fault_fops,
	.parse = fault_parse,
	.start = fault_start,
};
