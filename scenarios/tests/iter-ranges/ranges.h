/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ranges.h - one table of memory ranges for every iterator over memory there is.
 *
 * The table (table.c) says where the segments of each range lie in an arena of sixteen pages. What an
 * operation on a range must do is worked out byte by byte from the table alone (model.c): which bytes of the
 * arena, in which order, up to which byte they may be touched. checks.c and questions.c run an iterator
 * through all ranges (each.c) and compare: what it returned, what is left of it, and every byte of the arena,
 * which was poisoned before.
 *
 * An iterator takes part by filling in struct iter_range_ops: those of the designs do, and so does upstream's
 * own lib/iov_iter.c (make upstream-iov). No file here knows what an iov_iter is.
 */
#ifndef ITER_RANGES_H
#define ITER_RANGES_H

#include <linux/mm.h>
#include <linux/types.h>

#define IR_PAGES	16			/* of the arena */
#define IR_BYTES	(IR_PAGES * PAGE_SIZE)
#define IR_MAX_SEGS	1024			/* of a range: as many as a call may have */
#define IR_MAX_SEGS_WRITTEN 5			/* in the table; more come from .repeat */
#define IR_BUF_BYTES	(8 * PAGE_SIZE)		/* kernel side of a copy; no range is longer */

enum ir_kind { IR_IOVEC, IR_UBUF, IR_KVEC, IR_BVEC, IR_NR_KINDS };
#define IR_USER_KINDS	(1u << IR_IOVEC | 1u << IR_UBUF)
#define IR_ALL_KINDS	((1u << IR_NR_KINDS) - 1)

/* What the page of a user arena is; kernel arenas have none but good pages. */
enum ir_page { IR_RW, IR_RO, IR_NONE, IR_HOLE, IR_LAZY };

#define IR_KERN		1	/* in user kinds: a kernel address */
#define IR_NULL		2	/* in user kinds: an address counted from 0, where nothing is */

/**
 * struct iter_range - a line of the table
 * @what: name
 * @kinds: bits of the kinds it is meant for; 0: all
 * @nr_segs: how many of @seg
 * @repeat: when not 0: @seg[0] this many times, each time further on by its length
 * @count: bytes of the iterator; 0: all
 */
struct iter_range {
	const char *what;
	unsigned int kinds;
	unsigned int nr_segs;
	unsigned int repeat;
	size_t count;
	struct {
		unsigned int off, len, flags;
	} seg[IR_MAX_SEGS_WRITTEN];
};

extern const struct iter_range iter_ranges[];
extern const unsigned int nr_iter_ranges;
extern const enum ir_page iter_range_pages[IR_PAGES];

/*
 * A segment as an iterator is given it. @addr for all but IR_BVEC, @page and @offset for that. @first is the
 * model's: its first byte's place in the range.
 */
struct ir_seg {
	size_t first;
	unsigned long addr;
	struct page *page;
	unsigned int offset;
	size_t len;
};

/* Memory found behind a range: contiguous, may be longer than a page. */
struct ir_piece {
	struct page *page;
	size_t offset, len;
};

#define IR_MAX_PIECES	64	/* of one call of .pages */

/* What may differ between iterators. */
#define IR_PADS		1	/* copy_from zeroes what it could not have of what was asked for */
#define IR_PINS_ALL	2	/* .pages takes all it was asked for, or nothing and does not move */
#define IR_EMPTY_ADDR	4	/* .is_aligned looks at the addresses of empty segments, as 6.1 (not 6.18) */
#define IR_CLAMPS	8	/* more may be asked for than is left */

/**
 * struct iter_range_ops - an iterator
 * @name: for messages
 * @kinds: bits of the kinds that it can be over
 * @traits: IR_*, above
 * @state_bytes: of what @init fills: the iterator and its vector, copied by value to save a position
 * @init: over @segs, unchecked; @to_memory: the IO writes to the memory (a read)
 * @import: over user segments, checked as for a system call: 0 or -errno
 * @count: bytes left
 * @pages: find what is behind the next @bytes at most, hold and let go of it, move over it. Bytes, or -errno
 * @pages_kinds, @shape_kinds: bits of the kinds for which the iterator has .pages, and .npages,
 *	.is_aligned and .alignment
 *
 * The others as in Linux 6.1, the iterator first. NULL: it has no such operation.
 */
struct iter_range_ops {
	const char *name;
	unsigned int kinds, traits, pages_kinds, shape_kinds;
	size_t state_bytes;
	void (*init)(void *it, enum ir_kind kind, bool to_memory, const struct ir_seg *segs, unsigned int nr,
		     size_t count);
	int (*import)(void *it, const struct ir_seg *segs, unsigned int nr);
	size_t (*count)(void *it);
	size_t (*copy_to)(void *it, const void *from, size_t bytes);
	size_t (*copy_from)(void *it, void *to, size_t bytes);
	size_t (*copy_from_nofault)(void *it, void *to, size_t bytes);
	size_t (*zero)(void *it, size_t bytes);
	void (*advance)(void *it, size_t bytes);
	void (*revert)(void *it, size_t bytes);
	size_t (*single_seg_count)(void *it);
	size_t (*fault_in_readable)(void *it, size_t bytes);
	size_t (*fault_in_writeable)(void *it, size_t bytes);
	unsigned int (*npages)(void *it, unsigned int max);
	unsigned long (*alignment)(void *it);
	bool (*is_aligned)(void *it, unsigned int addr_mask, unsigned int len_mask);
	ssize_t (*pages)(void *it, bool to_memory, size_t bytes, struct ir_piece *pieces, unsigned int *nr);
};

/* checks.c, questions.c: each runs @ops through the whole table; what it needs of @ops must be there. */
void iter_range_check_copy_to(const struct iter_range_ops *ops);
void iter_range_check_copy_from(const struct iter_range_ops *ops);
void iter_range_check_zero(const struct iter_range_ops *ops);
void iter_range_check_nofault(const struct iter_range_ops *ops);
void iter_range_check_injected(const struct iter_range_ops *ops);
void iter_range_check_shape(const struct iter_range_ops *ops);
void iter_range_check_fault_in(const struct iter_range_ops *ops);
void iter_range_check_pages(const struct iter_range_ops *ops);
void iter_range_check_walk(const struct iter_range_ops *ops);
void iter_range_check_import(const struct iter_range_ops *ops);

/* --- model.c: an arena, a range in it, and what is to be expected of it -------------- */

struct mm_struct;

/**
 * struct ir_model - one range, as one kind of memory
 * @total: bytes of the iterator
 * @pos: bytes behind
 * @at: of each byte of the range, its offset in the arena; IR_NOWHERE: not in the arena
 * @seg_of: of each byte, the index of its segment
 * @want: what the arena must look like
 * @present: of each user page, is there a frame
 */
struct ir_model {
	const struct iter_range *range;
	enum ir_kind kind;
	struct mm_struct *mm;
	unsigned long user;
	struct page *kernel;
	size_t total, pos;
	unsigned int nr_segs;
	struct ir_seg *segs;
	unsigned int *at;
	unsigned short *seg_of;
	u8 *want, *buf, *expect;
	void *it, *saved;
	bool present[IR_PAGES];
};

#define IR_NOWHERE	(~0u)
#define IR_POISON	0xa5	/* kernel side of a copy */

void ir_up(struct ir_model *m, const struct iter_range_ops *ops, const struct iter_range *range,
	   enum ir_kind kind);
void ir_down(struct ir_model *m);
void ir_pattern(u8 *to, size_t len, unsigned int salt);
void ir_poison(struct ir_model *m, unsigned int salt);
void ir_start(struct ir_model *m, const struct iter_range_ops *ops, size_t pos, bool to_memory);
size_t ir_reach(const struct ir_model *m, size_t bytes, bool write, bool nofault);
void ir_touch(struct ir_model *m, size_t bytes);
void ir_check_arena(const struct ir_model *m, const char *after, size_t asked);
size_t ir_want_single_seg(const struct ir_model *m);
unsigned int ir_want_npages(const struct ir_model *m);
unsigned long ir_want_alignment(const struct ir_model *m);
bool ir_want_aligned(const struct ir_model *m, unsigned int addr_mask, unsigned int len_mask, bool empty_too);
struct page *ir_page_of(const struct ir_model *m, size_t byte, unsigned int *offset);

/* --- each.c ----------------------------------------------------------------------------- */

#define IR_MAX_POINTS	24	/* positions, or lengths, tried of one range */

void ir_each(const struct iter_range_ops *ops, unsigned int kinds,
	     void (*check)(struct ir_model *m, const struct iter_range_ops *ops));
bool ir_has_empty_seg(const struct ir_model *m);
unsigned int ir_positions(const struct ir_model *m, size_t *points);
unsigned int ir_lengths(const struct ir_model *m, const struct iter_range_ops *ops, size_t *points);
void ir_after(struct ir_model *m, const struct iter_range_ops *ops, const char *op, size_t asked,
	      size_t moved);

_Noreturn void ir_fail(const struct ir_model *m, const char *file, int line, const char *op, size_t asked,
		       const char *what, long long have, long long want);
#define ir_expect_eq(m, op, asked, have, want)						\
	do {										\
		long long __have = (long long)(have), __want = (long long)(want);	\
		if (__have != __want)							\
			ir_fail(m, __FILE__, __LINE__, op, asked, #have, __have, __want);	\
	} while (0)

#endif
