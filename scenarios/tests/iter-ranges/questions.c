// SPDX-License-Identifier: GPL-2.0-only
/*
 * questions.c - what an iterator says of the memory it is over, which frames it finds behind it, and what a
 * system call may pass. None of it may change a byte.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "lab_test.h"
#include "ranges.h"

/* --- questions --------------------------------------------------------------------------------- */

static void shape_here(struct ir_model *m, const struct iter_range_ops *ops)
{
	static const unsigned int masks[] = { 0, 1, 7, 511, 4095 };
	unsigned int pages = ir_want_npages(m), i, j;
	bool empty_too = ops->traits & IR_EMPTY_ADDR;

	if (ops->single_seg_count && (m->kind != IR_UBUF))
		ir_expect_eq(m, "single_seg_count", 0, ops->single_seg_count(m->it), ir_want_single_seg(m));
	if (!(ops->shape_kinds & 1u << m->kind) || (m->kind == IR_BVEC && ir_has_empty_seg(m)))
		return;
	ir_expect_eq(m, "npages", 0, ops->npages(m->it, 1 << 20), pages);
	ir_expect_eq(m, "npages, just enough", 0, ops->npages(m->it, pages), pages);
	ir_expect_eq(m, "npages, at most 1", 0, ops->npages(m->it, 1), 1);
	if (pages > 1)
		ir_expect_eq(m, "npages, one less", 0, ops->npages(m->it, pages - 1), pages - 1);
	if (ops->alignment)
		ir_expect_eq(m, "alignment", 0, ops->alignment(m->it) & ~PAGE_MASK, ir_want_alignment(m));
	for (i = 0; i < ARRAY_SIZE(masks); i++)
		for (j = 0; j < ARRAY_SIZE(masks); j++)
			ir_expect_eq(m, "is_aligned", masks[i] << 16 | masks[j],
				     ops->is_aligned(m->it, masks[i], masks[j]),
				     ir_want_aligned(m, masks[i], masks[j], empty_too));
}

static void check_shape(struct ir_model *m, const struct iter_range_ops *ops)
{
	size_t pos[IR_MAX_POINTS];
	unsigned int nr = ir_positions(m, pos), i;

	ir_poison(m, 0);
	for (i = 0; i < nr; i++) {
		if (pos[i] == m->total)
			continue;
		ir_start(m, ops, pos[i], true);
		shape_here(m, ops);
		ir_after(m, ops, "questions", 0, 0);
	}
}

/** iter_range_check_shape() - what an iterator says of the memory it is over */
void iter_range_check_shape(const struct iter_range_ops *ops)
{
	ir_each(ops, IR_ALL_KINDS, check_shape);
}

static void fault_in(struct ir_model *m, const struct iter_range_ops *ops, bool write, size_t bytes)
{
	size_t reach = ir_reach(m, bytes, write, false), left;

	left = write ? ops->fault_in_writeable(m->it, bytes) : ops->fault_in_readable(m->it, bytes);
	ir_expect_eq(m, write ? "fault_in_writeable" : "fault_in_readable", bytes, left, bytes - reach);
	ir_touch(m, reach);
	ir_after(m, ops, "fault_in", bytes, 0);
}

static void check_fault_in(struct ir_model *m, const struct iter_range_ops *ops, bool write)
{
	size_t pos[IR_MAX_POINTS], len[IR_MAX_POINTS];
	unsigned int nr_pos = ir_positions(m, pos), nr_len, i, j;

	ir_poison(m, 0);
	for (i = 0; i < nr_pos; i++) {
		ir_start(m, ops, pos[i], write);
		nr_len = ir_lengths(m, ops, len);
		for (j = 0; j < nr_len; j++)
			if (len[j] <= m->total - m->pos)
				fault_in(m, ops, write, len[j]);
	}
}

static void check_fault_in_readable(struct ir_model *m, const struct iter_range_ops *ops)
{
	check_fault_in(m, ops, false);
}

static void check_fault_in_writeable(struct ir_model *m, const struct iter_range_ops *ops)
{
	check_fault_in(m, ops, true);
}

/** iter_range_check_fault_in() - making user memory present, and saying how much could not be */
void iter_range_check_fault_in(const struct iter_range_ops *ops)
{
	ir_each(ops, IR_ALL_KINDS, check_fault_in_readable);
	if (ops->fault_in_writeable)
		ir_each(ops, IR_ALL_KINDS, check_fault_in_writeable);
}

/* --- the pages behind it ------------------------------------------------------------------------ */

/* Are the @bytes from m->pos on where @pieces say? */
static void compare_pieces(struct ir_model *m, size_t bytes, const struct ir_piece *pieces, unsigned int nr)
{
	size_t done = 0, b;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		for (b = 0; b < pieces[i].len && done < bytes; b++, done++) {
			size_t off = pieces[i].offset + b;
			unsigned int want_off;
			struct page *want = ir_page_of(m, m->pos + done, &want_off);

			ir_expect_eq(m, "pages", bytes, page_to_pfn(pieces[i].page + off / PAGE_SIZE),
				     page_to_pfn(want));
			ir_expect_eq(m, "pages", bytes, off % PAGE_SIZE, want_off);
		}
		ir_expect_eq(m, "pages", bytes, b, pieces[i].len);
	}
	ir_expect_eq(m, "pages", bytes, done, bytes);
}

static void take_pages(struct ir_model *m, const struct iter_range_ops *ops, bool to_memory,
		       struct ir_piece *pieces, unsigned int max)
{
	size_t reach = ir_reach(m, m->total - m->pos, to_memory, false), end = m->pos + reach;
	unsigned int nr;
	ssize_t got;

	while (m->pos < end) {
		size_t asked = end - m->pos;

		nr = max;
		got = ops->pages(m->it, to_memory, asked, pieces, &nr);
		if (got <= 0 || got > asked)
			ir_fail(m, __FILE__, __LINE__, "pages", asked, "got", got, asked);
		ir_touch(m, got);
		compare_pieces(m, got, pieces, nr);
		ir_after(m, ops, "pages", asked, got);
	}
	if (m->pos == m->total)
		return;
	nr = max;
	ir_expect_eq(m, "pages", m->total - m->pos,
		     ops->pages(m->it, to_memory, m->total - m->pos, pieces, &nr), -EFAULT);
	ir_after(m, ops, "pages that are not there", m->total - m->pos, 0);
}

/* Asked for all of it at once where the end cannot be had: either up to there, or nothing. */
static void take_too_much(struct ir_model *m, const struct iter_range_ops *ops, bool to_memory,
			  struct ir_piece *pieces)
{
	size_t reach = ir_reach(m, m->total, to_memory, false);
	unsigned int nr = IR_MAX_SEGS;
	ssize_t got = ops->pages(m->it, to_memory, m->total, pieces, &nr);

	if (ops->traits & IR_PINS_ALL && got < 0) {
		ir_expect_eq(m, "pages, too many", m->total, got, -EFAULT);
		ir_expect_eq(m, "pages, too many", m->total, ops->count(m->it), m->total);
		return;
	}
	if (got <= 0 || got > reach)
		ir_fail(m, __FILE__, __LINE__, "pages, too many", m->total, "got", got, reach);
	ir_touch(m, got);
	compare_pieces(m, got, pieces, nr);
	ir_after(m, ops, "pages, too many", m->total, got);
}

static void check_pages(struct ir_model *m, const struct iter_range_ops *ops)
{
	static const unsigned int max[] = { 1, 3, IR_MAX_PIECES };
	struct ir_piece *pieces = kcalloc(IR_MAX_SEGS, sizeof(*pieces), GFP_KERNEL);
	unsigned int to_memory, nr, i;
	size_t pos[IR_MAX_POINTS], reach;

	lab_expect(pieces);
	if (m->kind == IR_BVEC && ir_has_empty_seg(m))
		goto out;
	ir_poison(m, 0);
	nr = ir_positions(m, pos);
	for (to_memory = 0; to_memory < 2; to_memory++) {
		for (i = 0; i < nr; i++) {
			ir_start(m, ops, pos[i], to_memory);
			take_pages(m, ops, to_memory, pieces, max[i % ARRAY_SIZE(max)]);
		}
		ir_start(m, ops, 0, to_memory);
		reach = ir_reach(m, m->total, to_memory, false);
		if (reach && reach < m->total)
			take_too_much(m, ops, to_memory, pieces);
	}
out:
	kfree(pieces);
}

/** iter_range_check_pages() - which frames are behind a range; the world's audit sees that all are let go */
void iter_range_check_pages(const struct iter_range_ops *ops)
{
	ir_each(ops, ops->pages_kinds, check_pages);
}

/* --- what a system call passes ------------------------------------------------------------------- */

#define MAX_RW_BYTES	0x7ffff000ul		/* of one call, MAX_RW_COUNT */

static void import_one(struct ir_model *m, const struct iter_range_ops *ops, unsigned int nr, int want,
		       size_t count)
{
	ir_expect_eq(m, "import", nr, ops->import(m->it, m->segs, nr), want);
	if (!want)
		ir_expect_eq(m, "import", nr, ops->count(m->it), count);
}

static void import_two(struct ir_model *m, const struct iter_range_ops *ops, struct ir_seg a, struct ir_seg b,
		       int want, size_t count)
{
	m->segs[0] = a;
	m->segs[1] = b;
	import_one(m, ops, 2, want, count);
}

#define SEG(addr_, len_)	((struct ir_seg){ .addr = (addr_), .len = (len_) })

/** iter_range_check_import() - limits of a call, and which error comes first when there are two */
void iter_range_check_import(const struct iter_range_ops *ops)
{
	unsigned long kernel, end = TASK_SIZE_MAX;
	struct ir_seg *segs, *range_segs, good;
	struct ir_model m;
	unsigned int i;

	ir_up(&m, ops, &iter_ranges[0], IR_IOVEC);
	range_segs = m.segs;
	segs = m.segs = kcalloc(IR_MAX_SEGS + 1, sizeof(*segs), GFP_KERNEL);
	lab_expect(segs);
	kernel = (unsigned long)page_address(m.kernel);
	good = SEG(m.user + 5, 100);
	for (i = 0; i <= IR_MAX_SEGS; i++)
		segs[i] = SEG(m.user + i, 2);
	import_one(&m, ops, 0, 0, 0);
	import_one(&m, ops, 1, 0, 2);
	import_one(&m, ops, IR_MAX_SEGS - 1, 0, 2 * (IR_MAX_SEGS - 1));
	import_one(&m, ops, IR_MAX_SEGS, 0, 2 * IR_MAX_SEGS);
	import_one(&m, ops, IR_MAX_SEGS + 1, -EINVAL, 0);
	import_two(&m, ops, good, SEG(m.user, 0), 0, 100);
	import_two(&m, ops, good, SEG(m.user, -1ul), -EINVAL, 0);
	import_two(&m, ops, good, SEG(m.user, 1ul << 63), -EINVAL, 0);
	import_two(&m, ops, good, SEG(m.user, (1ul << 63) - 1), -EFAULT, 0);
	import_two(&m, ops, good, SEG(kernel, 1), -EFAULT, 0);
	import_two(&m, ops, good, SEG(kernel, 0), -EFAULT, 0);
	import_two(&m, ops, SEG(kernel, 1), good, -EFAULT, 0);
	import_two(&m, ops, SEG(kernel, 1), SEG(m.user, -1ul), -EINVAL, 0);
	import_two(&m, ops, good, SEG(end - 1, 1), 0, 101);
	import_two(&m, ops, good, SEG(end - 1, 2), -EFAULT, 0);
	import_two(&m, ops, good, SEG(end, 0), 0, 100);
	import_two(&m, ops, good, SEG(end + 1, 0), -EFAULT, 0);
	for (i = 0; i < 4; i++)
		segs[i] = SEG(0, end - 1);
	import_one(&m, ops, 2, 0, 2 * (end - 1));
	import_one(&m, ops, 3, 0, min(3 * (end - 1), MAX_RW_BYTES));
	import_one(&m, ops, 4, 0, MAX_RW_BYTES);
	m.segs = range_segs;
	kfree(segs);
	ir_down(&m);
}
