/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * props.h - one operation on bios or limits, for Linux's block layer and for the lab's: what `make upstream-check` compares.
 *
 * Both sides have the same slots, each empty or with a bio in it, and one set of limits; upk_prop() does an operation with
 * Linux's code, our_prop() with ours. What comes out are plain numbers, in the same order on both.
 */
#ifndef KC_UPSTREAM_PROPS_H
#define KC_UPSTREAM_PROPS_H

#define PROP_SLOTS	6
#define PROP_OWNERS	2		/* the first slots: bios with arrays; the others share one */
#define PROP_OUT	2048

enum prop_limit {
	PROP_MAX_HW_SECTORS, PROP_MAX_SECTORS, PROP_MAX_SEGMENTS, PROP_MAX_SEGMENT_BYTES, PROP_VIRT_BOUNDARY, PROP_BLOCK_BYTES,
	PROP_DMA_MASK, PROP_DISCARD_SECTORS, PROP_ZEROES_SECTORS,
	PROP_COMPARED,
	/* Not in sim/block: see our_max_bytes() */
	PROP_PHYSICAL_BYTES = PROP_COMPARED, PROP_CHUNK_SECTORS,
	PROP_LIMITS
};

enum prop_code {
	PROP_BEGIN,	/* everything empty; limits as a new queue has them, or a: as a stacking device */
	PROP_END,	/* bios go, clones first */
	PROP_INIT,	/* slot: a bio of a elements, sector b, operation c; empties all other slots */
	PROP_ADD,	/* slot: len a, offset b, frame c -> what bio_add_page() returns */
	PROP_CLONE,	/* slot -> to */
	PROP_SPLIT,	/* the first a sectors of slot -> to */
	PROP_ADVANCE,	/* slot, a bytes */
	PROP_TRIM,	/* slot, to a sectors from sector b of it on */
	PROP_WALK,	/* slot -> each element, each piece within a page, bio_segments() */
	PROP_STATE,	/* slot -> iterator, array, flags */
	PROP_CUT,	/* slot -> by the limits, as where a bio arrives: each piece. a: REQ_NOWAIT; b: pieces at most */
	PROP_LIMITS_SET, PROP_LIMITS_GET,	/* all; the compared ones */
	PROP_SETTER,	/* limit a: value b, by the function that drivers call */
	PROP_STACK,	/* limits, of a device below, from its sector a on -> what blk_stack_limits() returns */
	PROP_CODES
};

enum { PROP_READ, PROP_WRITE, PROP_DISCARD, PROP_ZEROES };		/* operations of bios */
enum { PROP_ENDED_OK, PROP_ENDED_AGAIN, PROP_ENDED_ERROR };		/* how a cut bio ended */

/**
 * struct prop_op - see enum prop_code for @slot, @to, @a, @b, @c
 * @limits: in
 * @out: out, @nr_out of them; both zeroed before
 */
struct prop_op {
	enum prop_code code;
	unsigned int slot, to;
	unsigned long long a, b, c;
	unsigned long long limits[PROP_LIMITS];
	unsigned int nr_out;
	unsigned long long out[PROP_OUT];
};

static inline void prop_out(struct prop_op *op, unsigned long long value)
{
	if (op->nr_out < PROP_OUT)
		op->out[op->nr_out++] = value;
}

void upk_prop(struct prop_op *op);
void our_prop(struct prop_op *op);

#endif
