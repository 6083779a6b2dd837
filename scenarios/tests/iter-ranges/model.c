// SPDX-License-Identifier: GPL-2.0-only
/*
 * model.c - what a range of the table is, spelled out a byte at a time: where in the arena each of its bytes
 * lies, how far an access may get, and what the arena must look like afterwards. Slow and plain on purpose;
 * nothing is taken from any iterator.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <kc/umem.h>
#include "lab_test.h"
#include "ranges.h"

static const char *const kind_name[IR_NR_KINDS] = { "iovec", "ubuf", "kvec", "bvec" };

static bool is_user(const struct ir_model *m)
{
	return IR_USER_KINDS & 1u << m->kind;
}

/**
 * ir_fail() - the running test has failed: say where in the table
 * @m: the range
 * @file: place
 * @line: place
 * @op: operation
 * @asked: its bytes
 * @what: the value that is wrong
 * @have: it
 * @want: what it should be
 */
void ir_fail(const struct ir_model *m, const char *file, int line, const char *op, size_t asked,
	     const char *what, long long have, long long want)
{
	lab_test_fail(file, line, "range \"%s\" as %s, %s of %zu bytes at %zu of %zu: %s: "
		      "have %lld, want %lld", m->range->what, kind_name[m->kind], op, asked, m->pos, m->total,
		      what, have, want);
}

/* --- the arena ---------------------------------------------------------------------------------- */

static void user_up(struct ir_model *m)
{
	unsigned int i;

	m->mm = kc_mm_create();
	lab_expect(m->mm);
	current->mm = m->mm;
	m->user = kc_mmap(m->mm, IR_BYTES, KC_PROT_READ | KC_PROT_WRITE, 0);
	lab_expect(m->user);
	for (i = 0; i < IR_PAGES; i++) {
		unsigned long addr = m->user + i * PAGE_SIZE;
		enum ir_page page = iter_range_pages[i];

		m->present[i] = page != IR_LAZY && page != IR_HOLE;
		if (m->present[i])
			lab_expect_eq(fault_in_writeable((char __user *)addr, 1), 0);
		if (page == IR_RO)
			lab_expect_eq(kc_mprotect(m->mm, addr, PAGE_SIZE, KC_PROT_READ), 0);
		if (page == IR_NONE)
			lab_expect_eq(kc_mprotect(m->mm, addr, PAGE_SIZE, 0), 0);
		if (page == IR_HOLE)
			lab_expect_eq(kc_munmap(m->mm, addr, PAGE_SIZE), 0);
	}
}

static u8 *kernel_byte(const struct ir_model *m, size_t off)
{
	return (u8 *)page_address(m->kernel) + off;
}

static void add_seg(struct ir_model *m, unsigned int off, unsigned int len, unsigned int flags)
{
	bool nowhere = is_user(m) && flags;
	struct ir_seg *seg = &m->segs[m->nr_segs];
	unsigned int i;

	seg->len = len;
	seg->first = m->total;
	seg->page = m->kernel + off / PAGE_SIZE;
	seg->offset = off % PAGE_SIZE;
	seg->addr = is_user(m) ? m->user + off : (unsigned long)kernel_byte(m, off);
	if (nowhere)
		seg->addr = flags & IR_KERN ? (unsigned long)kernel_byte(m, off) : off;
	for (i = 0; i < len && m->total < IR_BUF_BYTES; i++, m->total++) {
		m->at[m->total] = nowhere ? IR_NOWHERE : off + i;
		m->seg_of[m->total] = m->nr_segs;
	}
	m->nr_segs++;
}

/**
 * ir_up() - make an arena and find @range in it
 * @m: to be set
 * @ops: of the iterator that will walk it
 * @range: line of the table
 * @kind: what the arena is: user memory or the kernel's
 */
void ir_up(struct ir_model *m, const struct iter_range_ops *ops, const struct iter_range *range,
	   enum ir_kind kind)
{
	unsigned int i;

	*m = (struct ir_model){ .range = range, .kind = kind };
	m->kernel = kc_alloc_contig(IR_PAGES, GFP_KERNEL, KC_SITE);
	m->segs = kcalloc(IR_MAX_SEGS, sizeof(*m->segs), GFP_KERNEL);
	m->at = kcalloc(IR_BUF_BYTES, sizeof(*m->at), GFP_KERNEL);
	m->seg_of = kcalloc(IR_BUF_BYTES, sizeof(*m->seg_of), GFP_KERNEL);
	m->want = kcalloc(IR_PAGES, PAGE_SIZE, GFP_KERNEL);
	m->expect = kcalloc(1, IR_BUF_BYTES, GFP_KERNEL);
	m->buf = page_address(alloc_pages(GFP_KERNEL | __GFP_COMP, ilog2(IR_BUF_BYTES / PAGE_SIZE)));
	m->it = kcalloc(1, ops->state_bytes, GFP_KERNEL);
	m->saved = kcalloc(1, ops->state_bytes, GFP_KERNEL);
	lab_expect(m->kernel && m->segs && m->at && m->seg_of && m->want && m->expect && m->it && m->saved);
	user_up(m);
	for (i = 0; i < range->nr_segs; i++)
		add_seg(m, range->seg[i].off, range->seg[i].len, range->seg[i].flags);
	for (i = 0; i < range->repeat; i++)
		add_seg(m, range->seg[0].off + i * range->seg[0].len, range->seg[0].len, range->seg[0].flags);
	lab_expect_lt(m->total, IR_BUF_BYTES);
	if (range->count)
		m->total = range->count;
}

/**
 * ir_down() - the arena, gone
 * @m: from ir_up()
 */
void ir_down(struct ir_model *m)
{
	unsigned int i;

	current->mm = NULL;
	kc_mm_destroy(m->mm);
	for (i = 0; i < IR_PAGES; i++)
		__free_page(m->kernel + i);
	__free_pages(virt_to_page(m->buf), ilog2(IR_BUF_BYTES / PAGE_SIZE));
	kfree(m->segs);
	kfree(m->at);
	kfree(m->seg_of);
	kfree(m->want);
	kfree(m->expect);
	kfree(m->it);
	kfree(m->saved);
}

/* The kernel's view of page @i of the arena; NULL: no frame. */
static u8 *arena_page(const struct ir_model *m, unsigned int i)
{
	return is_user(m) ? kc_user_alias(m->mm, m->user + i * PAGE_SIZE) : kernel_byte(m, i * PAGE_SIZE);
}

/**
 * ir_pattern() - bytes that tell where they are, and when: places that a bug would confuse differ
 * @to: filled
 * @len: bytes, at most IR_BYTES
 * @salt: another one gives other bytes
 */
void ir_pattern(u8 *to, size_t len, unsigned int salt)
{
	static u8 all[IR_BYTES + 256];
	static int made;
	size_t i;

	if (!__atomic_load_n(&made, __ATOMIC_ACQUIRE)) {
		for (i = 0; i < sizeof(all); i++)
			all[i] = (u8)(i * 167 + (i >> 8) * 59);
		__atomic_store_n(&made, 1, __ATOMIC_RELEASE);
	}
	memcpy(to, all + salt % 251, len);
}

/**
 * ir_poison() - fill arena and buffer, each with bytes of its own
 * @m: the model; m->want is then what the arena looks like, m->buf and m->expect are IR_POISON
 * @salt: another one gives other bytes
 */
void ir_poison(struct ir_model *m, unsigned int salt)
{
	unsigned int i;

	ir_pattern(m->want, IR_BYTES, salt);
	for (i = 0; i < IR_PAGES; i++) {
		if (is_user(m) && !m->present[i])
			memset(m->want + i * PAGE_SIZE, 0, PAGE_SIZE);	/* when it comes to be */
		else
			memcpy(arena_page(m, i), m->want + i * PAGE_SIZE, PAGE_SIZE);
	}
	memset(m->buf, IR_POISON, IR_BUF_BYTES);
	memset(m->expect, IR_POISON, IR_BUF_BYTES);
}

/**
 * ir_check_arena() - is every byte of the arena as expected, and every page there that must be?
 * @m: the model
 * @after: operation, for the message
 * @asked: its bytes
 */
void ir_check_arena(const struct ir_model *m, const char *after, size_t asked)
{
	unsigned int i, b;

	for (i = 0; i < IR_PAGES; i++) {
		const u8 *have = arena_page(m, i), *want = m->want + i * PAGE_SIZE;

		if (is_user(m) && !have != !m->present[i])
			ir_fail(m, __FILE__, __LINE__, after, asked, "is the page there", have != NULL,
				m->present[i]);
		if (!have || !memcmp(have, want, PAGE_SIZE))
			continue;
		for (b = 0; have[b] == want[b]; b++)
			;
		lab_test_fail(__FILE__, __LINE__, "range \"%s\" as %s, %s of %zu bytes at %zu of %zu: "
			      "byte %lu of the arena: have 0x%02x, want 0x%02x", m->range->what,
			      kind_name[m->kind], after, asked, m->pos, m->total, i * PAGE_SIZE + b, have[b], want[b]);
	}
}

/* --- what to expect ----------------------------------------------------------------------------- */

/**
 * ir_start() - an iterator over the range, moved forward
 * @m: the model
 * @ops: of the iterator
 * @pos: bytes to go forward
 * @to_memory: the IO is a read
 */
void ir_start(struct ir_model *m, const struct iter_range_ops *ops, size_t pos, bool to_memory)
{
	m->pos = 0;
	ops->init(m->it, m->kind, to_memory, m->segs, m->nr_segs, m->total);
	ir_expect_eq(m, "init", 0, ops->count(m->it), m->total);
	ops->advance(m->it, pos);
	ir_expect_eq(m, "advance", pos, ops->count(m->it), m->total - pos);
	m->pos = pos;
}

static bool may_touch(const struct ir_model *m, unsigned int at, bool write, bool nofault)
{
	if (!is_user(m))
		return true;
	if (at == IR_NOWHERE)
		return false;
	switch (iter_range_pages[at / PAGE_SIZE]) {
	case IR_RW:
		return true;
	case IR_RO:
		return !write;
	case IR_LAZY:
		return !nofault || m->present[at / PAGE_SIZE];
	default:
		return false;
	}
}

/**
 * ir_reach() - how many bytes from m->pos on can be had, one after the other
 * @m: the model
 * @bytes: wanted; what is beyond the end of the range is not there
 * @write: to be written?
 * @nofault: only pages that are there?
 *
 * Return: bytes.
 */
size_t ir_reach(const struct ir_model *m, size_t bytes, bool write, bool nofault)
{
	size_t n = 0;

	while (n < bytes && m->pos + n < m->total && may_touch(m, m->at[m->pos + n], write, nofault))
		n++;
	return n;
}

/**
 * ir_touch() - the pages of the next @bytes have been touched, so they are there now
 * @m: the model
 * @bytes: at most what ir_reach() says
 */
void ir_touch(struct ir_model *m, size_t bytes)
{
	size_t i;

	for (i = 0; is_user(m) && i < bytes; i++)
		m->present[m->at[m->pos + i] / PAGE_SIZE] = true;
}

/**
 * ir_want_single_seg() - bytes left of the segment that the next byte is in
 * @m: the model
 *
 * Return: bytes; 0 at the end.
 */
size_t ir_want_single_seg(const struct ir_model *m)
{
	size_t n = 0;

	while (m->pos + n < m->total && m->seg_of[m->pos + n] == m->seg_of[m->pos])
		n++;
	return n;
}

static unsigned long addr_of(const struct ir_model *m, size_t byte)
{
	const struct ir_seg *seg = &m->segs[m->seg_of[byte]];

	return (m->kind == IR_BVEC ? seg->offset : seg->addr) + (byte - seg->first);
}

/**
 * ir_want_npages() - pages that the rest of the range is in, counted again in each segment
 * @m: the model
 *
 * Return: pages.
 */
unsigned int ir_want_npages(const struct ir_model *m)
{
	unsigned int pages = 0;
	size_t i;

	for (i = m->pos; i < m->total; i++)
		if (i == m->pos || m->seg_of[i] != m->seg_of[i - 1] || PAGE_ALIGNED(addr_of(m, i)))
			pages++;
	return pages;
}

/**
 * ir_want_alignment() - addresses and lengths of what is left of each segment, or-ed
 * @m: the model, not at its end
 *
 * Return: the low bits, those within a page.
 */
unsigned long ir_want_alignment(const struct ir_model *m)
{
	unsigned long bits = 0;
	size_t i, run = 0;

	for (i = m->pos; i < m->total; i++) {
		if (i == m->pos || m->seg_of[i] != m->seg_of[i - 1])
			bits |= addr_of(m, i);
		run++;
		if (i + 1 == m->total || m->seg_of[i + 1] != m->seg_of[i]) {
			bits |= run;
			run = 0;
		}
	}
	return bits & ~PAGE_MASK;
}

/**
 * ir_want_aligned() - is what is left of each segment aligned?
 * @m: the model, not at its end
 * @addr_mask: bits that no address may have
 * @len_mask: bits that no length may have
 * @empty_too: have empty segments between others addresses?
 */
bool ir_want_aligned(const struct ir_model *m, unsigned int addr_mask, unsigned int len_mask, bool empty_too)
{
	unsigned int seg, last = m->seg_of[m->total - 1];
	size_t i, run = 0;

	for (i = m->pos; i < m->total; i++) {
		if ((i == m->pos || m->seg_of[i] != m->seg_of[i - 1]) && addr_of(m, i) & addr_mask)
			return false;
		run++;
		if (i + 1 == m->total || m->seg_of[i + 1] != m->seg_of[i]) {
			if (run & len_mask)
				return false;
			run = 0;
		}
	}
	for (seg = m->seg_of[m->pos]; empty_too && seg < last; seg++)
		if (!m->segs[seg].len && m->segs[seg].addr & addr_mask)
			return false;
	return true;
}

/**
 * ir_page_of() - the frame that a byte of the range is in
 * @m: the model
 * @byte: of the range; it can be had
 * @offset: set to where in the frame
 *
 * Return: the frame.
 */
struct page *ir_page_of(const struct ir_model *m, size_t byte, unsigned int *offset)
{
	const u8 *page = arena_page(m, m->at[byte] / PAGE_SIZE);

	lab_expect(page);
	*offset = m->at[byte] % PAGE_SIZE;
	return virt_to_page(page);
}
