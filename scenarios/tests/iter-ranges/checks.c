// SPDX-License-Identifier: GPL-2.0-only
/*
 * checks.c - copies and moves, through all ranges, from many positions and over many lengths. Before each
 * call arena and buffer are filled anew; after it every byte of both is looked at, also those that nothing
 * should have touched.
 */
#include <linux/kernel.h>
#include <linux/string.h>
#include <kc/fault.h>
#include "lab_test.h"
#include "ranges.h"

/* --- one call, everything looked at -------------------------------------------------------------- */

static void check_buf(struct ir_model *m, const char *op, size_t asked)
{
	size_t i;

	if (!memcmp(m->buf, m->expect, IR_BUF_BYTES))
		return;
	for (i = 0; m->buf[i] == m->expect[i]; i++)
		;
	ir_fail(m, __FILE__, __LINE__, op, asked,
		i < asked ? "a byte of the buffer" : "a byte beyond the buffer", m->buf[i], m->expect[i]);
}

static void call_copy_to(struct ir_model *m, const struct iter_range_ops *ops, size_t bytes, size_t reach)
{
	size_t i;

	ir_pattern(m->buf, IR_BUF_BYTES, m->pos + 13);
	memcpy(m->expect, m->buf, IR_BUF_BYTES);
	for (i = 0; i < reach; i++)
		m->want[m->at[m->pos + i]] = m->buf[i];
	ir_touch(m, reach);
	ir_expect_eq(m, "copy_to", bytes, ops->copy_to(m->it, m->buf, bytes), reach);
	ir_after(m, ops, "copy_to", bytes, reach);
	check_buf(m, "copy_to", bytes);
}

static void call_zero(struct ir_model *m, const struct iter_range_ops *ops, size_t bytes, size_t reach)
{
	size_t i;

	for (i = 0; i < reach; i++)
		m->want[m->at[m->pos + i]] = 0;
	ir_touch(m, reach);
	ir_expect_eq(m, "zero", bytes, ops->zero(m->it, bytes), reach);
	ir_after(m, ops, "zero", bytes, reach);
}

static void call_copy_from(struct ir_model *m, const struct iter_range_ops *ops, size_t bytes, size_t reach,
			   bool nofault)
{
	const char *op = nofault ? "copy_from_nofault" : "copy_from";
	size_t i, got;

	memset(m->buf, IR_POISON, IR_BUF_BYTES);
	memset(m->expect, IR_POISON, IR_BUF_BYTES);
	for (i = 0; i < reach; i++)
		m->expect[i] = m->want[m->at[m->pos + i]];
	ir_touch(m, reach);
	got = nofault ? ops->copy_from_nofault(m->it, m->buf, bytes) : ops->copy_from(m->it, m->buf, bytes);
	ir_expect_eq(m, op, bytes, got, reach);
	for (i = reach; ops->traits & IR_PADS && !nofault && i < bytes && !m->buf[i]; i++)
		m->expect[i] = 0;
	check_buf(m, op, bytes);
	ir_after(m, ops, op, bytes, reach);
}

enum call { COPY_TO, COPY_FROM, ZERO, NOFAULT };

static void call(struct ir_model *m, const struct iter_range_ops *ops, enum call what, size_t bytes)
{
	size_t reach = ir_reach(m, bytes, what == COPY_TO || what == ZERO, what == NOFAULT);

	switch (what) {
	case COPY_TO:
		call_copy_to(m, ops, bytes, reach);
		break;
	case ZERO:
		call_zero(m, ops, bytes, reach);
		break;
	case COPY_FROM:
	case NOFAULT:
		call_copy_from(m, ops, bytes, reach, what == NOFAULT);
		break;
	}
}

static void check_call(struct ir_model *m, const struct iter_range_ops *ops, enum call what)
{
	size_t pos[IR_MAX_POINTS], len[IR_MAX_POINTS];
	unsigned int nr_pos = ir_positions(m, pos), nr_len, i, j;

	for (i = 0; i < nr_pos; i++) {
		m->pos = pos[i];
		nr_len = ir_lengths(m, ops, len);
		for (j = 0; j < nr_len; j++) {
			ir_poison(m, i * IR_MAX_POINTS + j);
			ir_start(m, ops, pos[i], what == COPY_TO || what == ZERO);
			call(m, ops, what, len[j]);
		}
	}
}

static void check_copy_to(struct ir_model *m, const struct iter_range_ops *ops)
{
	check_call(m, ops, COPY_TO);
}

static void check_copy_from(struct ir_model *m, const struct iter_range_ops *ops)
{
	check_call(m, ops, COPY_FROM);
}

static void check_zero(struct ir_model *m, const struct iter_range_ops *ops)
{
	check_call(m, ops, ZERO);
}

static void check_nofault(struct ir_model *m, const struct iter_range_ops *ops)
{
	check_call(m, ops, NOFAULT);
}

/** iter_range_check_copy_to() - kernel memory into the range */
void iter_range_check_copy_to(const struct iter_range_ops *ops)
{
	ir_each(ops, IR_ALL_KINDS, check_copy_to);
}

/** iter_range_check_copy_from() - the range into kernel memory */
void iter_range_check_copy_from(const struct iter_range_ops *ops)
{
	ir_each(ops, IR_ALL_KINDS, check_copy_from);
}

/** iter_range_check_zero() - zeros into the range */
void iter_range_check_zero(const struct iter_range_ops *ops)
{
	ir_each(ops, IR_ALL_KINDS, check_zero);
}

/** iter_range_check_nofault() - the range into kernel memory, as far as it is there already */
void iter_range_check_nofault(const struct iter_range_ops *ops)
{
	ir_each(ops, IR_ALL_KINDS, check_nofault);
}

/* --- faults within a page ------------------------------------------------------------------------- */

static void inject(struct ir_model *m, const struct iter_range_ops *ops, enum call what, size_t k)
{
	bool write = what != COPY_FROM;
	size_t left = m->total - k;

	ir_poison(m, k);
	ir_start(m, ops, 0, write);
	kc_fault_nth(KC_FAULT_UCOPY, k + 1, 1);
	if (what == COPY_TO)
		call_copy_to(m, ops, m->total, k);
	else if (what == ZERO)
		call_zero(m, ops, m->total, k);
	else
		call_copy_from(m, ops, m->total, k, false);
	kc_fault_nth(KC_FAULT_UCOPY, 0, 0);
	call(m, ops, what, left);		/* and on from there */
	ir_expect_eq(m, "after an injected fault", left, m->pos, m->total);
}

static void check_injected(struct ir_model *m, const struct iter_range_ops *ops)
{
	size_t pos[IR_MAX_POINTS];
	unsigned int nr, i;

	m->pos = 0;
	if (ir_reach(m, m->total, true, false) < m->total)
		return;
	nr = ir_positions(m, pos);
	for (i = 0; i < nr; i++) {
		if (ops->copy_to)
			inject(m, ops, COPY_TO, pos[i]);
		if (ops->copy_from)
			inject(m, ops, COPY_FROM, pos[i]);
		if (ops->zero)
			inject(m, ops, ZERO, pos[i]);
	}
}

/** iter_range_check_injected() - user copies that stop at byte k, wherever that is in a page */
void iter_range_check_injected(const struct iter_range_ops *ops)
{
	ir_each(ops, IR_USER_KINDS, check_injected);
}

/* --- any order --------------------------------------------------------------------------------- */

static u64 walk_rand(u64 *state, u64 below)
{
	u64 z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return (z ^ (z >> 31)) % below;
}

static size_t walk_len(u64 *rand, size_t max)
{
	static const size_t some[] = { 0, 1, 2, 7, 13, 64, 511, 512, 513, PAGE_SIZE - 1, PAGE_SIZE,
				       PAGE_SIZE + 1 };

	switch (walk_rand(rand, 4)) {
	case 0:
		return min(some[walk_rand(rand, ARRAY_SIZE(some))], max);
	case 1:
		return max;
	default:
		return walk_rand(rand, max + 1);
	}
}

static void walk_advance(struct ir_model *m, const struct iter_range_ops *ops, size_t bytes)
{
	ops->advance(m->it, bytes);
	ir_after(m, ops, "advance", bytes, bytes);
}

static void walk_back(struct ir_model *m, const struct iter_range_ops *ops, u64 *rand, size_t *saved_pos)
{
	size_t bytes = walk_len(rand, m->pos);

	if (ops->revert && walk_rand(rand, 2)) {
		ops->revert(m->it, bytes);
		m->pos -= bytes;
	} else {
		memcpy(m->it, m->saved, ops->state_bytes);
		m->pos = *saved_pos;
	}
	ir_expect_eq(m, "back", bytes, ops->count(m->it), m->total - m->pos);
	memcpy(m->saved, m->it, ops->state_bytes);
	*saved_pos = m->pos;
}

static void walk_step(struct ir_model *m, const struct iter_range_ops *ops, u64 *rand, size_t *saved_pos)
{
	size_t len = walk_len(rand, m->total - m->pos);
	size_t seg;

	switch (walk_rand(rand, 8)) {
	case 0 ... 1:
		if (ops->copy_to)
			call(m, ops, COPY_TO, len);
		break;
	case 2 ... 3:
		if (ops->copy_from)
			call(m, ops, COPY_FROM, len);
		break;
	case 4:
		if (ops->zero)
			call(m, ops, ZERO, len);
		break;
	case 5:
		if (ops->copy_from_nofault)
			call(m, ops, NOFAULT, len);
		break;
	case 6:
		walk_advance(m, ops, len);
		break;
	default:
		walk_back(m, ops, rand, saved_pos);
	}
	if (m->pos == m->total || !ops->single_seg_count || m->kind == IR_UBUF)
		return;
	/* A copy may leave an iterator at an empty segment, of which nothing is left. */
	seg = ops->single_seg_count(m->it);
	if (seg || !ir_has_empty_seg(m))
		ir_expect_eq(m, "single_seg_count", 0, seg, ir_want_single_seg(m));
}

static u64 walk_seed;

static void check_walk(struct ir_model *m, const struct iter_range_ops *ops)
{
	unsigned int step, steps = lab_test_slow() ? 12 : 60;
	size_t saved_pos = 0;

	ir_poison(m, walk_seed);
	ir_start(m, ops, 0, true);
	memcpy(m->saved, m->it, ops->state_bytes);
	for (step = 0; step < steps; step++)
		walk_step(m, ops, &walk_seed, &saved_pos);
}

/** iter_range_check_walk() - all operations that move, in any order, back and forth; seeded */
void iter_range_check_walk(const struct iter_range_ops *ops)
{
	walk_seed = lab_test_base_seed();
	lab_test_seed(walk_seed);
	ir_each(ops, IR_ALL_KINDS, check_walk);
}
