// SPDX-License-Identifier: GPL-2.0-only
/*
 * ops-mem.c - the user memory of single operations: an area a segment, its filling, its fault, its guard.
 *
 * The rules are in lab_run.h. An area is a mapping of its own in one address space; faults are made by
 * unmapping and protecting parts of it.
 */
#include <linux/types.h>
#include <linux/bug.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <kc/umem.h>
#include "ops.h"

/*
 * Go over the mapped bytes [from, to) of an area (offsets into it), page by page: fn(kernel
 * address, offset, length). Return: false as soon as fn() does.
 */
static bool area_walk(struct ops_run *o, const struct area *a, u64 from, u64 to,
		      bool (*fn)(u8 *p, u64 off, u32 len, void *arg), void *arg)
{
	to = min(to, a->mapped_bytes);
	while (from < to) {
		u32 n = min_t(u64, PAGE_SIZE - (a->addr + from) % PAGE_SIZE, to - from);
		u8 *p = kc_user_alias(o->mm, a->addr + from);

		BUG_ON(!p);
		if (!fn(p, from, n, arg))
			return false;
		from += n;
	}
	return true;
}

static bool area_set(u8 *p, u64 off, u32 len, void *arg)
{
	memset(p, *(int *)arg, len);
	return true;
}

struct area_payload {
	u64 seed, first;	/* stream byte of the area's offset 0 (may wrap below 0) */
};

static bool area_stamp(u8 *p, u64 off, u32 len, void *arg)
{
	const struct area_payload *pay = arg;

	lab_payload(p, pay->seed, pay->first + off, len);
	return true;
}

static bool area_guarded(u8 *p, u64 off, u32 len, void *arg)
{
	while (len--)
		if (*p++ != LAB_GUARD_BYTE)
			return false;
	return true;
}

struct area_crc {
	u32 crc;
};

static bool area_sum(u8 *p, u64 off, u32 len, void *arg)
{
	struct area_crc *sum = arg;

	sum->crc = lab_crc32c(sum->crc, p, len);
	return true;
}

/* The area of @seg, filled and with its fault; @first: the operation's byte that the segment begins with. */
static bool area_make(struct ops_run *o, const struct lab_op *op, const struct lab_seg *seg, u64 first,
		      struct area *a)
{
	int guard = LAB_GUARD_BYTE, poison = LAB_READ_POISON;
	struct area_payload pay = { .seed = op->seed, .first = first - seg->misalign_bytes };
	u64 end = seg->misalign_bytes + seg->len_bytes, half;

	memset(a, 0, sizeof(*a));
	a->base = seg->misalign_bytes;
	if (seg->fault == LAB_SEG_KERN)
		a->base += (unsigned long)o->kern;
	if (seg->fault == LAB_SEG_KERN || seg->fault == LAB_SEG_NULL)
		return true;
	a->map_bytes = a->mapped_bytes = ops_area_bytes(seg);
	a->addr = kc_mmap(o->mm, a->map_bytes, KC_PROT_READ | KC_PROT_WRITE, KC_MAP_POPULATE);
	if (!a->addr)
		return false;
	a->base += a->addr;
	area_walk(o, a, 0, a->map_bytes, area_set, &guard);
	if (lab_op_is_read(op->kind))
		area_walk(o, a, seg->misalign_bytes, end, area_set, &poison);
	else
		area_walk(o, a, seg->misalign_bytes, end, area_stamp, &pay);
	if (seg->fault == LAB_SEG_NONE)
		BUG_ON(kc_mprotect(o->mm, a->addr, a->map_bytes, 0));
	if (seg->fault == LAB_SEG_RO)
		BUG_ON(kc_mprotect(o->mm, a->addr, a->map_bytes, KC_PROT_READ));
	if (seg->fault == LAB_SEG_HALF) {
		half = round_down(seg->misalign_bytes + seg->len_bytes / 2, PAGE_SIZE);
		BUG_ON(kc_munmap(o->mm, a->addr + half, a->map_bytes - half));
		a->mapped_bytes = half;
	}
	return true;
}

/* Undo; @guard is set when a byte outside the segment has changed. */
static void area_end(struct ops_run *o, const struct lab_seg *seg, struct area *a, int *guard)
{
	u64 end = seg->misalign_bytes + seg->len_bytes;

	if (!a->addr)
		return;
	if (!area_walk(o, a, 0, seg->misalign_bytes, area_guarded, NULL) ||
	    !area_walk(o, a, end, a->map_bytes, area_guarded, NULL))
		*guard = 1;
	if (a->mapped_bytes)
		BUG_ON(kc_munmap(o->mm, a->addr, a->mapped_bytes));
}

/**
 * ops_areas_make - the memory of an operation, filled, with its faults, and the iovec over it
 * @o: the stream
 * @x: op, areas and iov are set
 *
 * Context: task of the world. Return: false: it does not fit; ops_areas_end() is due in either case.
 */
bool ops_areas_make(struct ops_run *o, struct ops_io *x)
{
	const struct lab_op *op = x->op;
	u64 first = 0;

	for (x->made = 0; x->made < op->nr_segs; x->made++) {
		const struct lab_seg *seg = &op->segs[x->made];

		if (!area_make(o, op, seg, first, &x->areas[x->made]))
			return false;
		x->iov[x->made].base = x->areas[x->made].base;
		x->iov[x->made].len_bytes = seg->len_bytes;
		first += seg->len_bytes;
	}
	return true;
}

/**
 * ops_areas_end - look whether anything was changed that should not, and give the memory back
 * @o: the stream
 * @x: performed; the result's guard is set
 *
 * Context: task of the world.
 */
void ops_areas_end(struct ops_run *o, struct ops_io *x)
{
	while (x->made--)
		area_end(o, &x->op->segs[x->made], &x->areas[x->made], &x->res->guard);
	if (!area_guarded(o->kern, 0, PAGE_SIZE, NULL))
		x->res->guard = 1;
}

/**
 * ops_read_crc - the checksum of what a read brought
 * @o: the stream
 * @x: a read; the result has its return value
 *
 * Context: task of the world, before ops_areas_end().
 */
void ops_read_crc(struct ops_run *o, struct ops_io *x)
{
	struct area_crc sum = { 0 };
	u64 left = x->res->ret > 0 ? x->res->ret : 0;
	u32 i;

	x->res->has_crc = left != 0;
	for (i = 0; i < x->op->nr_segs && left; i++) {
		const struct lab_seg *seg = &x->op->segs[i];
		u64 n = min_t(u64, left, seg->len_bytes);

		/* Bytes that a read claims to have put where no memory is are missing in the crc. */
		if (x->areas[i].addr)
			area_walk(o, &x->areas[i], seg->misalign_bytes, seg->misalign_bytes + n, area_sum,
				  &sum);
		left -= n;
	}
	x->res->crc = sum.crc;
}
