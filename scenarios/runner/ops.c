// SPDX-License-Identifier: GPL-2.0-only
/*
 * ops.c - lab_ops_run(): single operations on one file of one design, one result each.
 *
 * The rules are written down in lab_run.h, so that real system calls can be held against them line
 * by line. Here: a segment's area is a mapping of its own in one address space, faults are made by
 * unmapping and protecting parts of it; the file's handle is called synchronously; what a write
 * left in the file is read from the page cache and the disk, not through the design.
 */
#include <linux/types.h>
#include <linux/bug.h>
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/string.h>
#include <kc/umem.h>
#include <kc/world.h>
#include "host.h"
#include "runner.h"

/**
 * struct area - the memory of one segment
 * @addr: 0: none (null, kernel)
 * @mapped_bytes: from @addr; what is beyond was unmapped
 * @base: the segment, as the design sees it
 */
struct area {
	unsigned long addr, base;
	u64 map_bytes, mapped_bytes;
};

/**
 * struct ops_run - what lives over the whole stream
 * @kern: a page of the kernel: its address is what !kern hands out, its bytes must not change
 * @buf: RUN_CHUNK_BYTES of host memory
 */
struct ops_run {
	struct room *room;
	struct mm_struct *mm;
	struct area *areas;
	struct lab_iovec *iov;
	void *kern;
	u8 *buf;
};

static u64 op_bytes(const struct lab_op *op)
{
	u64 sum = 0;
	u32 i;

	for (i = 0; i < op->nr_segs; i++)
		sum += op->segs[i].len_bytes;
	return sum;
}

static u64 area_bytes(const struct lab_seg *seg)
{
	return max_t(u64, PAGE_SIZE, PAGE_ALIGN(seg->misalign_bytes + seg->len_bytes));
}

static bool op_is_io(const struct lab_op *op)
{
	return lab_op_is_read(op->kind) || op->kind == LAB_OP_PWRITE || op->kind == LAB_OP_BPWRITE ||
	       op->kind == LAB_OP_APPEND;
}

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
	a->map_bytes = a->mapped_bytes = area_bytes(seg);
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

static void ops_read_crc(struct ops_run *o, const struct lab_op *op, struct lab_op_result *res)
{
	struct area_crc sum = { 0 };
	u64 left = res->ret > 0 ? res->ret : 0;
	u32 i;

	res->has_crc = left != 0;
	for (i = 0; i < op->nr_segs && left; i++) {
		const struct lab_seg *seg = &op->segs[i];
		u64 n = min_t(u64, left, seg->len_bytes);

		/* Bytes that a read claims to have put where no memory is are missing in the crc. */
		if (o->areas[i].addr)
			area_walk(o, &o->areas[i], seg->misalign_bytes, seg->misalign_bytes + n, area_sum,
				  &sum);
		left -= n;
	}
	res->crc = sum.crc;
}

static int ops_file_crc(struct ops_run *o, u64 pos, u64 len_bytes, struct lab_op_result *res)
{
	u64 end;

	res->has_crc = 0;
	if (pos > LLONG_MAX || pos >= res->size)
		return 0;
	end = pos + min(len_bytes, res->size - pos);
	res->has_crc = pos < end;
	while (pos < end) {
		u32 n = min_t(u64, end - pos, RUN_CHUNK_BYTES);
		int err = straight_read(o->room, pos, o->buf, n);

		if (err)
			return err;
		res->crc = lab_crc32c(res->crc, o->buf, n);
		pos += n;
	}
	return 0;
}

static void ops_io(struct ops_run *o, const struct lab_op *op, struct lab_op_result *res)
{
	struct room *r = o->room;
	struct lab_io io = {
		.rw = lab_op_is_read(op->kind) ? LAB_READ : LAB_WRITE,
		.pos = op->off_bytes, .iov = o->iov, .nr_segs = op->nr_segs,
		.flags = (op->flags & LAB_OPF_NOWAIT ? LAB_IO_NOWAIT : 0) |
			 (op->flags & LAB_OPF_DSYNC ? LAB_IO_DSYNC : 0) |
			 (op->kind == LAB_OP_APPEND ? LAB_IO_APPEND : 0) |
			 (lab_op_is_buffered(op->kind) ? LAB_IO_BUFFERED : 0),
	};
	u64 first = 0, pos = op->kind == LAB_OP_APPEND ? (u64)r->design->size(r->file) : op->off_bytes;
	u32 i;
	int err;

	for (i = 0; i < op->nr_segs; i++) {
		if (!area_make(o, op, &op->segs[i], first, &o->areas[i])) {
			room_usage(r, "line %d: segments of %llu bytes do not fit the lab's memory", op->line,
				   op_bytes(op));
			break;
		}
		o->iov[i].base = o->areas[i].base;
		o->iov[i].len_bytes = op->segs[i].len_bytes;
		first += op->segs[i].len_bytes;
	}
	if (r->status == LAB_RUN_OK)
		res->ret = r->design->submit(r->file, &io);
	res->size = r->design->size(r->file);
	if (io.rw == LAB_READ)
		ops_read_crc(o, op, res);
	while (i--)
		area_end(o, &op->segs[i], &o->areas[i], &res->guard);
	if (!area_guarded(o->kern, 0, PAGE_SIZE, NULL))
		res->guard = 1;
	if (io.rw == LAB_READ || r->status != LAB_RUN_OK)
		return;
	err = ops_file_crc(o, pos, first, res);
	if (err)
		room_broken(r, "line %d: the image cannot be read at %llu (%s)", op->line,
			    pos, run_errname(err));
}

static void ops_one(struct ops_run *o, const struct lab_op *op, struct lab_op_result *res)
{
	struct room *r = o->room;

	memset(res, 0, sizeof(*res));
	switch (op->kind) {
	case LAB_OP_PREAD:
	case LAB_OP_PWRITE:
	case LAB_OP_BPREAD:
	case LAB_OP_BPWRITE:
	case LAB_OP_APPEND:
		ops_io(o, op, res);
		return;
	case LAB_OP_SIZE:
		res->ret = op->off_bytes > LLONG_MAX ? -EINVAL : lab_truncate(r->inode, op->off_bytes);
		break;
	case LAB_OP_FSYNC:
	case LAB_OP_FDATASYNC:
		res->ret = r->design->fsync(r->file, op->kind == LAB_OP_FDATASYNC);
		break;
	case LAB_OP_NR:
		BUG();
	}
	res->size = r->design->size(r->file);
}

static void ops_in_world(void *arg)
{
	struct room *r = arg;
	struct ops_run o = { .room = r };
	u32 i, segs = 1;

	for (i = 0; i < r->nr_ops; i++)
		segs = max(segs, r->ops[i].nr_segs);
	if (!room_open(r, 0, true))
		goto out;
	o.mm = kc_mm_create();
	o.areas = host_alloc(segs * sizeof(*o.areas));
	o.iov = host_alloc(segs * sizeof(*o.iov));
	o.buf = host_alloc(RUN_CHUNK_BYTES);
	o.kern = (void *)__get_free_page(GFP_KERNEL);
	if (!o.mm || !o.areas || !o.iov || !o.buf || !o.kern) {
		room_broken(r, "no memory for operations in a fresh world");
		goto out;
	}
	memset(o.kern, LAB_GUARD_BYTE, PAGE_SIZE);
	current->mm = o.mm;
	for (i = 0; i < r->nr_ops && r->status == LAB_RUN_OK; i++) {
		ops_one(&o, &r->ops[i], &r->op_results[i]);
		kc_trace("op", r->ops[i].kind, r->ops[i].off_bytes >> SECTOR_SHIFT, op_bytes(&r->ops[i]),
			 r->op_results[i].ret);
	}
	r->out->job[0].trace_hash = kc_trace_hash();
out:
	current->mm = NULL;
	if (o.kern)
		free_page((unsigned long)o.kern);
	if (o.mm)
		kc_mm_destroy(o.mm);
	room_close(r);
}

/* Limits of the stream; returns what the world needs, 0 after room_fail(). */
static u64 ops_check(struct room *r)
{
	u64 most = 0;
	u32 i, j;

	if (r->nr_ops > LAB_OPS_MAX) {
		room_usage(r, "%u operations; at most %u", r->nr_ops, LAB_OPS_MAX);
		return 0;
	}
	for (i = 0; i < r->nr_ops; i++) {
		const struct lab_op *op = &r->ops[i];
		u64 bytes = 0;

		if (op->nr_segs > LAB_OP_MAX_SEGS || (op_is_io(op) && op_bytes(op) > LAB_OP_MAX_BYTES)) {
			room_usage(r, "line %d: at most %u segments and %llu bytes in one call", op->line,
				   LAB_OP_MAX_SEGS, LAB_OP_MAX_BYTES);
			return 0;
		}
		for (j = 0; op_is_io(op) && j < op->nr_segs; j++) {
			if (op->segs[j].misalign_bytes > LAB_OP_MAX_MISALIGN) {
				room_usage(r, "line %d: segment %u: at most +%u", op->line, j + 1,
					   LAB_OP_MAX_MISALIGN);
				return 0;
			}
			bytes += area_bytes(&op->segs[j]);
		}
		most = max(most, bytes);
	}
	return RUN_WORLD_BASE_BYTES + most;
}

/**
 * lab_ops_run - operations, one after the other, on an empty file of one design
 * @spec: design, knobs, target, engine, seed; path, source and jobs play no part
 * @ops: the stream
 * @nr_ops: how many
 * @results: set for every operation when the return value is LAB_RUN_OK
 * @out: why, audit, and the trace hash in job[0]
 *
 * Context: no world, not reentrant. Return: LAB_RUN_OK: all were performed; else out->why.
 */
enum lab_run_status lab_ops_run(const struct lab_run_spec *spec, const struct lab_op *ops, host_u32 nr_ops,
				struct lab_op_result *results, struct lab_run_result *out)
{
	struct lab_run_spec file_spec = *spec;
	struct room room;
	u64 ram_bytes;

	file_spec.path = LAB_PATH_FILE;
	file_spec.source = LAB_SOURCE_USER;
	memset(&room, 0, sizeof(room));
	memset(out, 0, sizeof(*out));
	room.spec = &file_spec;
	room.out = out;
	room.ops = ops;
	room.nr_ops = nr_ops;
	room.op_results = results;
	ram_bytes = ops_check(&room);
	if (ram_bytes && spec->target.kind == LAB_DISK_NULL)
		room_fail(&room, LAB_RUN_USAGE, "a null device forgets what is written: use --ram or --disk");
	else if (ram_bytes && room_prepare(&room))
		room_run(&room, ram_bytes, ops_in_world);
	room_finish(&room);
	return room.status;
}
