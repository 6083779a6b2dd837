// SPDX-License-Identifier: GPL-2.0-only
/*
 * stripe.c - a filter that goes over N equal parts of the device below in turn, CHUNK bytes each: stripe=N,CHUNK.
 *
 * Chunk i is in part i mod N, as chunk i / N of it. What is left over below, less than N chunks, is not used. A bio
 * that reaches beyond a chunk's end is cut there, which is what RAID-0 does and what makes bios small whatever
 * the device's limits are.
 */
#include <linux/build_bug.h>
#include <linux/errno.h>
#include <linux/printk.h>
#include "filters.h"

#define STRIPE_MAX_PARTS	64u
#define STRIPE_MIN_CHUNK	PAGE_SIZE
#define STRIPE_MAX_CHUNK	(1ull << 30)

/* @chunk, @part: sectors of each */
struct stripe_state {
	u64 nr, chunk_bytes;
	sector_t chunk, part;
};

static sector_t stripe_map(const struct lab_filter_dev *f, sector_t sector, u32 *nr_sectors)
{
	const struct stripe_state *s = (const struct stripe_state *)f->priv;
	sector_t index = sector / s->chunk, in_chunk = sector % s->chunk;

	if (*nr_sectors > s->chunk - in_chunk)
		*nr_sectors = s->chunk - in_chunk;
	return index % s->nr * s->part + index / s->nr * s->chunk + in_chunk;
}

static int stripe_parse(void *priv, const char *arg, char *why, size_t why_bytes)
{
	struct stripe_state *s = priv;
	const char *at = lab_parse_bytes(arg, &s->nr);

	BUILD_BUG_ON(sizeof(*s) > LAB_FILTER_PRIV_MAX);
	if (at && *at == ',')
		at = lab_parse_bytes(at + 1, &s->chunk_bytes);
	if (at && !*at && s->nr >= 1 && s->nr <= STRIPE_MAX_PARTS && s->chunk_bytes >= STRIPE_MIN_CHUNK &&
	    s->chunk_bytes <= STRIPE_MAX_CHUNK && s->chunk_bytes % STRIPE_MIN_CHUNK == 0) {
		s->chunk = s->chunk_bytes >> SECTOR_SHIFT;
		return 0;
	}
	scnprintf(why, why_bytes, "stripe takes N,CHUNK: 1 to %u parts, 4k to 1g in steps of 4k, got \"%s\"",
		  STRIPE_MAX_PARTS, arg);
	return -EINVAL;
}

static int stripe_setup(struct lab_filter_dev *f, sector_t *capacity, char *why, size_t why_bytes)
{
	struct stripe_state *s = (struct stripe_state *)f->priv;

	s->part = *capacity / s->nr / s->chunk * s->chunk;
	if (!s->part) {
		scnprintf(why, why_bytes, "the device below has %llu bytes, less than a chunk for each part",
			  (unsigned long long)*capacity << SECTOR_SHIFT);
		return -EINVAL;
	}
	*capacity = s->part * s->nr;
	return 0;
}

static const struct block_device_operations stripe_fops = {
	.submit_bio = lab_filter_pass_mapped,
};

const struct lab_filter_type lab_filter_stripe = {
	.name = "stripe",
	.what = "goes over N equal parts of the device below in turn, CHUNK bytes each: N,CHUNK",
	.priv_bytes = sizeof(struct stripe_state),
	.fops = &stripe_fops,
	.parse = stripe_parse,
	.map = stripe_map,
	.setup = stripe_setup,
};
