// SPDX-License-Identifier: GPL-2.0-only
/*
 * each.c - every range of the table, as every kind of memory, from every position that is worth it.
 */
#include <linux/kernel.h>
#include "lab_test.h"
#include "ranges.h"

/**
 * ir_has_empty_seg() - has the range a segment of no bytes?
 * @m: the model
 *
 * Copies and moves go over empty bio_vecs too; they have no address, and no page to give.
 */
bool ir_has_empty_seg(const struct ir_model *m)
{
	unsigned int i;

	for (i = 0; i < m->nr_segs; i++)
		if (!m->segs[i].len)
			return true;
	return false;
}

/**
 * ir_each() - run a check on each range, as each kind of memory
 * @ops: iterator
 * @kinds: bits of the kinds, of those that range and iterator know
 * @check: called in an arena of its own
 */
void ir_each(const struct iter_range_ops *ops, unsigned int kinds,
	     void (*check)(struct ir_model *m, const struct iter_range_ops *ops))
{
	unsigned int i, kind, ran = 0;

	for (i = 0; i < nr_iter_ranges; i++) {
		const struct iter_range *range = &iter_ranges[i];
		unsigned int may = kinds & ops->kinds & (range->kinds ? range->kinds : IR_ALL_KINDS);

		for (kind = 0; kind < IR_NR_KINDS; kind++) {
			struct ir_model m;

			if (!(may & 1u << kind) || (kind == IR_UBUF && range->nr_segs != 1))
				continue;
			ir_up(&m, ops, range, kind);
			check(&m, ops);
			ir_down(&m);
			ran++;
		}
	}
	lab_expect_ge(ran, 30);
}

/* --- where to start, how far to go ------------------------------------------------------------- */

static void add_point(size_t *points, unsigned int *nr, size_t point, size_t max)
{
	unsigned int i, most = lab_test_slow() ? IR_MAX_POINTS / 4 : IR_MAX_POINTS;

	for (i = 0; i < *nr && points[i] != point; i++)
		;
	if (point <= max && i == *nr && *nr < most)
		points[(*nr)++] = point;
}

/**
 * ir_positions() - where to start: the end, ends of segments, where pages and blocks may end, and neighbours
 * @m: the model
 * @points: filled, IR_MAX_POINTS at most
 *
 * Return: how many.
 */
unsigned int ir_positions(const struct ir_model *m, size_t *points)
{
	static const size_t some[] = { 0, 1, 511, 512, PAGE_SIZE - 1, PAGE_SIZE, PAGE_SIZE + 1 };
	unsigned int nr = 0, i, ends = 0;
	size_t b;

	add_point(points, &nr, m->total, m->total);
	add_point(points, &nr, m->total - 1, m->total);
	for (i = 0; i < ARRAY_SIZE(some); i++)
		add_point(points, &nr, some[i], m->total);
	for (b = 1; b < m->total && ends < 4; b++) {
		if (m->seg_of[b] == m->seg_of[b - 1])
			continue;
		add_point(points, &nr, b - 1, m->total);
		add_point(points, &nr, b, m->total);
		add_point(points, &nr, b + 1, m->total);
		ends++;
	}
	return nr;
}

/**
 * ir_lengths() - how far to go from m->pos: to the ends of segment, page and range, and neighbours
 * @m: the model
 * @ops: iterator: some may be asked for more than is left
 * @points: filled, IR_MAX_POINTS at most
 *
 * Return: how many.
 */
unsigned int ir_lengths(const struct ir_model *m, const struct iter_range_ops *ops, size_t *points)
{
	size_t left = m->total - m->pos, max = left + (ops->traits & IR_CLAMPS ? 1 : 0);
	size_t seg = ir_want_single_seg(m);
	unsigned int nr = 0;

	add_point(points, &nr, 0, max);
	add_point(points, &nr, 1, max);
	add_point(points, &nr, seg, max);
	add_point(points, &nr, seg + 1, max);
	add_point(points, &nr, PAGE_SIZE, max);
	add_point(points, &nr, left - 1, max);
	add_point(points, &nr, left, max);
	add_point(points, &nr, left + 1, max);
	return nr;
}

/**
 * ir_after() - an operation is over: has the iterator moved as it should, is the arena what it should be?
 * @m: the model; moved too
 * @ops: iterator
 * @op: operation
 * @asked: its bytes
 * @moved: bytes it should have moved by
 */
void ir_after(struct ir_model *m, const struct iter_range_ops *ops, const char *op, size_t asked,
	      size_t moved)
{
	ir_expect_eq(m, op, asked, ops->count(m->it), m->total - m->pos - moved);
	ir_check_arena(m, op, asked);
	m->pos += moved;
}
