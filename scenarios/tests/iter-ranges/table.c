// SPDX-License-Identifier: GPL-2.0-only
/*
 * table.c - the ranges. Offsets are into the arena; of a user arena, pages 6, 8, 12, 13 and 14 are special.
 */
#include <linux/kernel.h>
#include "ranges.h"

#define P		4096u

const enum ir_page iter_range_pages[IR_PAGES] = {
	[6] = IR_RO, [8] = IR_HOLE, [12] = IR_NONE, [13] = IR_LAZY, [14] = IR_LAZY,
};

#define RANGE(what_, nr, ...)	{ .what = what_, .nr_segs = nr, .seg = { __VA_ARGS__ } }
#define USER_RANGE(what_, nr, ...)							\
	{ .what = what_, .kinds = IR_USER_KINDS, .nr_segs = nr, .seg = { __VA_ARGS__ } }
/* The hole is page 8, and page 7 before it is good: a copy from here ends after @k bytes. */
#define FAULT_AT(k)		USER_RANGE("faulting at byte " #k, 1, { 8 * P - (k), (k) + 64 })

const struct iter_range iter_ranges[] = {
	RANGE("no segments", 0),
	RANGE("nothing but an empty segment", 1, { P, 0 }),
	RANGE("one byte", 1, { 0, 1 }),
	RANGE("one byte before a page end", 1, { P - 1, 1 }),
	RANGE("a byte on each side of a page end", 1, { P - 1, 2 }),
	RANGE("a block", 1, { 512, 512 }),
	RANGE("an unaligned address", 1, { 1, 512 }),
	RANGE("an unaligned length", 1, { 512, 511 }),
	RANGE("unaligned, within a page", 1, { 123, 1000 }),
	RANGE("up to a page end", 1, { 100, P - 100 }),
	RANGE("a page", 1, { P, P }),
	RANGE("three pages", 1, { P, 3 * P }),
	RANGE("crossing two page ends", 1, { P - 1, P + 2 }),
	RANGE("unaligned, over four pages", 1, { P + 1, 3 * P + 5 }),
	RANGE("two that touch", 2, { 0, 512 }, { 512, 512 }),
	RANGE("two that touch at a page end", 2, { P - 300, 300 }, { P, 300 }),
	RANGE("three apart", 3, { 100, 50 }, { 2 * P + 7, 300 }, { P, 1 }),
	RANGE("blocks apart", 3, { 0, 512 }, { P + 512, 1024 }, { 2 * P, P }),
	RANGE("pages backwards", 3, { 3 * P, P }, { 2 * P, P }, { P, P }),
	RANGE("last bytes of pages", 3, { P - 1, 1 }, { 2 * P - 1, 1 }, { 3 * P - 1, 1 }),
	RANGE("first bytes of pages", 3, { P, 1 }, { 2 * P, 1 }, { 3 * P, 1 }),
	RANGE("the same page twice", 2, { P, P }, { P, P }),
	RANGE("overlapping", 2, { 10, 100 }, { 60, 100 }),
	RANGE("empty first", 2, { 5 * P, 0 }, { 100, 200 }),
	RANGE("two empty in the middle", 4, { 0, 100 }, { P + 1, 0 }, { 2 * P, 0 }, { P, 300 }),
	RANGE("empty last", 2, { 0, 100 }, { P + 3, 0 }),
	RANGE("empty everywhere", 5, { 0, 0 }, { 700, 9 }, { P, 0 }, { 2 * P - 4, 8 }, { 1, 0 }),
	{ .what = "64 of one byte", .repeat = 64, .seg = { { P - 32, 1 } } },
	{ .what = "1024 of 13 bytes", .repeat = 1024, .seg = { { 5, 13 } } },
	{ .what = "cut within the second", .count = P + 5, .nr_segs = 2, .seg = { { 0, P }, { 2 * P, P } } },
	{ .what = "cut at the first's end", .count = P, .nr_segs = 2, .seg = { { 0, P }, { 2 * P, P } } },
	{ .what = "cut within the only one", .count = 3, .nr_segs = 1, .seg = { { 7, 100 } } },

	FAULT_AT(0), FAULT_AT(1), FAULT_AT(2), FAULT_AT(511), FAULT_AT(512), FAULT_AT(4095), FAULT_AT(4096),
	USER_RANGE("a hole within", 1, { 7 * P + 5, 2 * P }),
	USER_RANGE("a hole in the second", 3, { 0, 100 }, { 8 * P, 50 }, { P, 50 }),
	USER_RANGE("a hole after empty ones", 3, { 0, 100 }, { 8 * P + 3, 0 }, { 8 * P - 30, 60 }),
	USER_RANGE("an empty one in a hole", 3, { 0, 100 }, { 8 * P + 3, 0 }, { P, 30 }),
	USER_RANGE("up to a hole", 2, { 8 * P - 10, 10 }, { 3, 4 }),
	USER_RANGE("read-only", 1, { 6 * P + 9, 300 }),
	USER_RANGE("into a read-only page", 1, { 6 * P - 100, 200 }),
	USER_RANGE("read-only, then a hole", 1, { 6 * P + 100, 2 * P }),
	USER_RANGE("no access", 1, { 12 * P - 9, 20 }),
	USER_RANGE("not touched yet", 1, { 13 * P + 1, P }),
	USER_RANGE("not touched yet, whole pages", 1, { 13 * P, 2 * P }),
	USER_RANGE("touched, not touched, touched", 3, { 0, 60 }, { 14 * P + 100, 77 }, { 15 * P, 60 }),
	USER_RANGE("from a page not touched", 1, { 14 * P + 100, P }),
	USER_RANGE("address 0", 1, { 0, 10, IR_NULL }),
	USER_RANGE("address 0 in the second", 2, { 0, 10 }, { 1, 10, IR_NULL }),
	USER_RANGE("a kernel address", 1, { 2 * P, 64, IR_KERN }),
	USER_RANGE("a kernel address in the second", 3, { 0, 100 }, { 2 * P, 64, IR_KERN }, { P, 50 }),
	USER_RANGE("an empty one at a kernel address", 3, { 0, 100 }, { 0, 0, IR_KERN }, { P, 50 }),
};

const unsigned int nr_iter_ranges = ARRAY_SIZE(iter_ranges);
