// SPDX-License-Identifier: GPL-2.0-only
/*
 * linear.c - a filter that shows a part of the device below: linear=OFF[,LEN], in bytes.
 *
 * Sector 0 is where OFF is below. LEN: by default as much as there is. Nothing is ever cut here.
 */
#include <linux/build_bug.h>
#include <linux/errno.h>
#include <linux/printk.h>
#include "filters.h"

/* @len_bytes: 0: to the end of the device below */
struct linear_state {
	u64 off_bytes, len_bytes;
};

static sector_t linear_map(const struct lab_filter_dev *f, sector_t sector, u32 *nr_sectors)
{
	const struct linear_state *s = (const struct linear_state *)f->priv;

	return sector + (s->off_bytes >> SECTOR_SHIFT);
}

static int linear_parse(void *priv, const char *arg, char *why, size_t why_bytes)
{
	struct linear_state *s = priv;
	const char *at = lab_parse_bytes(arg, &s->off_bytes);

	BUILD_BUG_ON(sizeof(*s) > LAB_FILTER_PRIV_MAX);
	if (at && *at == ',') {
		at = lab_parse_bytes(at + 1, &s->len_bytes);
		if (!s->len_bytes)
			at = NULL;
	}
	if (at && !*at && !((s->off_bytes | s->len_bytes) % SECTOR_SIZE))
		return 0;
	scnprintf(why, why_bytes, "linear takes OFF[,LEN], multiples of %u bytes, LEN not 0, got \"%s\"", SECTOR_SIZE,
		  arg);
	return -EINVAL;
}

static int linear_setup(struct lab_filter_dev *f, sector_t *capacity, char *why, size_t why_bytes)
{
	struct linear_state *s = (struct linear_state *)f->priv;
	unsigned int block_bytes = bdev_logical_block_size(f->lower);
	u64 disk_bytes = *capacity << SECTOR_SHIFT;

	if (s->off_bytes >= disk_bytes || s->len_bytes > disk_bytes - s->off_bytes) {
		scnprintf(why, why_bytes, "the device below has %llu bytes: OFF and LEN must lie within",
			  (unsigned long long)disk_bytes);
		return -EINVAL;
	}
	if ((s->off_bytes | s->len_bytes) % block_bytes) {
		scnprintf(why, why_bytes, "OFF and LEN must be multiples of the logical block, %u bytes", block_bytes);
		return -EINVAL;
	}
	*capacity = (s->len_bytes ?: disk_bytes - s->off_bytes) >> SECTOR_SHIFT;
	return 0;
}

static const struct block_device_operations linear_fops = {
	.submit_bio = lab_filter_pass_mapped,
};

const struct lab_filter_type lab_filter_linear = {
	.name = "linear",
	.what = "shows a part of the device below: OFF[,LEN], in bytes",
	.priv_bytes = sizeof(struct linear_state),
	.fops = &linear_fops,
	.parse = linear_parse,
	.map = linear_map,
	.setup = linear_setup,
};
