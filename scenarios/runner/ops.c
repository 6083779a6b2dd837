// SPDX-License-Identifier: GPL-2.0-only
/*
 * ops.c - lab_ops_run(): single operations on one file, or loop device, of one design, one result each.
 *
 * The rules are written down in lab_run.h, so that real system calls can be held against them line
 * by line. Here: the handle is called synchronously, or, for a group, once for each of its operations before
 * any is waited for; what a write left in the file is read from the page cache and the disk, not through the
 * design. What is not read or written (sizes, blocks, seeks) is asked of the filesystem model: a design has no
 * part in it, but its IO must agree with it.
 */
#include <linux/types.h>
#include <linux/bug.h>
#include <linux/completion.h>
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/string.h>
#include <kc/umem.h>
#include <kc/world.h>
#include "host.h"
#include "ops.h"

/* ---- results ------------------------------------------------------------------------- */

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

static void ops_written(struct ops_run *o, const struct lab_op *op, u64 pos, u64 len_bytes,
			struct lab_op_result *res)
{
	int err = ops_file_crc(o, pos, len_bytes, res);

	if (err)
		room_broken(o->room, "line %d: the image cannot be read at %llu (%s)", op->line, pos,
			    run_errname(err));
}

/* ---- reads and writes ------------------------------------------------------------------- */

static void ops_done(struct lab_io *io, ssize_t res)
{
	struct ops_io *x = io->owner;

	x->res->ret = res;
	complete(&x->done);
}

static void ops_fill_io(struct ops_run *o, struct ops_io *x)
{
	const struct lab_op *op = x->op;
	struct room *r = o->room;

	x->pos = op->kind == LAB_OP_APPEND ? (u64)r->design->size(r->io) :
		 lab_op_at_position(op->kind) ? o->pos : op->off_bytes;
	x->io = (struct lab_io) {
		.rw = lab_op_is_read(op->kind) ? LAB_READ : LAB_WRITE,
		.pos = op->kind == LAB_OP_APPEND ? 0 : x->pos, .iov = x->iov, .nr_segs = op->nr_segs,
		.flags = (op->flags & LAB_OPF_NOWAIT ? LAB_IO_NOWAIT : 0) |
			 (op->flags & LAB_OPF_DSYNC ? LAB_IO_DSYNC : 0) |
			 (op->kind == LAB_OP_APPEND ? LAB_IO_APPEND : 0) |
			 (lab_op_is_buffered(op->kind) ? LAB_IO_BUFFERED : 0),
		.done = op->flags & LAB_OPF_AIO ? ops_done : NULL,
		.owner = x,
	};
	init_completion(&x->done);
}

/* After all of its group are done. */
static void ops_io_end(struct ops_run *o, struct ops_io *x)
{
	struct room *r = o->room;

	x->res->size = r->design->size(r->io);
	if (lab_op_at_position(x->op->kind) && x->res->ret > 0)
		o->pos += x->res->ret;
	if (x->io.rw == LAB_READ)
		ops_read_crc(o, x);
	ops_areas_end(o, x);
	if (x->io.rw == LAB_WRITE)
		ops_written(o, x->op, x->pos, ops_bytes(x->op), x->res);
}

/* One operation, or a group: all are submitted, then all are waited for. */
static void ops_io(struct ops_run *o, const struct lab_op *op, u32 nr, struct lab_op_result *res)
{
	struct room *r = o->room;
	struct area *areas = o->areas;
	struct lab_iovec *iov = o->iov;
	u32 i, made;

	for (made = 0; made < nr; made++) {
		struct ops_io *x = &o->ios[made];

		*x = (struct ops_io) { .op = &op[made], .res = &res[made], .areas = areas, .iov = iov };
		areas += op[made].nr_segs;
		iov += op[made].nr_segs;
		if (!ops_areas_make(o, x)) {
			room_usage(r, "line %d: segments of %llu bytes do not fit the lab's memory", op->line,
				   ops_bytes(x->op));
			ops_areas_end(o, x);
			break;
		}
		ops_fill_io(o, x);
	}
	if (r->status != LAB_RUN_OK) {
		while (made--)
			ops_areas_end(o, &o->ios[made]);
		return;
	}
	for (i = 0; i < nr; i++) {
		ssize_t ret = r->design->submit(r->io, &o->ios[i].io);

		if (!(op[i].flags & LAB_OPF_AIO))
			res[i].ret = ret;
		else if (ret != -EIOCBQUEUED)
			ops_done(&o->ios[i].io, ret);
	}
	for (i = 0; i < nr; i++)
		if (op[i].flags & LAB_OPF_AIO)
			wait_for_completion(&o->ios[i].done);
	for (i = 0; i < nr; i++)
		ops_io_end(o, &o->ios[i]);
}

/* ---- the rest -------------------------------------------------------------------------- */

/* Of a file. */
static long long ops_file(struct ops_run *o, const struct lab_op *op)
{
	struct inode *inode = o->room->inode;

	if (op->off_bytes > LLONG_MAX || op->len_bytes > LLONG_MAX)
		return op->kind == LAB_OP_DATA || op->kind == LAB_OP_HOLE ? -ENXIO : -EINVAL;
	switch (op->kind) {
	case LAB_OP_SIZE:
		return lab_truncate(inode, op->off_bytes);
	case LAB_OP_PUNCH:
		return lab_punch(inode, op->off_bytes, op->len_bytes);
	case LAB_OP_ZERO:
		return lab_zero(inode, op->off_bytes, op->len_bytes, false);
	case LAB_OP_ALLOC:
		return lab_alloc(inode, op->off_bytes, op->len_bytes, op->flags & LAB_OPF_KEEP);
	case LAB_OP_DATA:
		return lab_seek_data(inode, op->off_bytes);
	case LAB_OP_HOLE:
		return lab_seek_hole(inode, op->off_bytes);
	case LAB_OP_SEEK:
		return op->off_bytes > LAB_MAX_FILE_BYTES ? -EINVAL : (long long)op->off_bytes;
	default:
		BUG();
	}
}

/* What fallocate(2) does with a range of a block device. Source: blkdev_fallocate() of Linux 6.1. */
static long long ops_device_range(struct ops_run *o, const struct lab_op *op)
{
	struct block_device *bdev = o->room->loop_bdev;
	u64 size = bdev_nr_bytes(bdev), pos = op->off_bytes, len = op->len_bytes;
	unsigned int flags = op->kind == LAB_OP_PUNCH ? BLKDEV_ZERO_NOFALLBACK : BLKDEV_ZERO_NOUNMAP;

	if (!len)
		return -EINVAL;
	if (pos >= size)
		return -EINVAL;
	if (len > size - pos) {
		if (op->kind == LAB_OP_ZERO || (op->kind == LAB_OP_ALLOC && !(op->flags & LAB_OPF_KEEP)))
			return -EINVAL;
		len = size - pos;
	}
	if ((pos | len) & (bdev_logical_block_size(bdev) - 1))
		return -EINVAL;
	if (op->kind == LAB_OP_ALLOC)
		return -EOPNOTSUPP;
	return blkdev_issue_zeroout(bdev, pos >> SECTOR_SHIFT, len >> SECTOR_SHIFT, GFP_KERNEL, flags);
}

/* Of a block device: its size stays, and it knows no holes. */
static long long ops_device(struct ops_run *o, const struct lab_op *op)
{
	u64 size = bdev_nr_bytes(o->room->loop_bdev);

	switch (op->kind) {
	case LAB_OP_PUNCH:
	case LAB_OP_ZERO:
	case LAB_OP_ALLOC:
		return ops_device_range(o, op);
	case LAB_OP_SEEK:
		return op->off_bytes > size ? -EINVAL : (long long)op->off_bytes;
	default:
		return -EINVAL;
	}
}

static void ops_other(struct ops_run *o, const struct lab_op *op, struct lab_op_result *res)
{
	struct room *r = o->room;

	if (op->kind == LAB_OP_FSYNC || op->kind == LAB_OP_FDATASYNC)
		res->ret = r->design->fsync(r->io, op->kind == LAB_OP_FDATASYNC);
	else
		res->ret = r->bdev_file ? ops_device(o, op) : ops_file(o, op);
	if (op->kind == LAB_OP_SEEK && res->ret >= 0)
		o->pos = res->ret;
	res->size = r->design->size(r->io);
	if (lab_op_is_range(op->kind))
		ops_written(o, op, op->off_bytes, min_t(u64, op->len_bytes, LAB_OP_MAX_BYTES), res);
}

/* ---- the stream ------------------------------------------------------------------------ */

/* The first operation gave the size of the backing file. Return: false after room_fail(). */
static bool ops_add_loop(struct ops_run *o)
{
	struct room *r = o->room;
	long long ret = ops_file(o, r->ops);

	if (ret) {
		room_usage(r, "line %d: no backing file of %llu bytes (%s)", r->ops->line,
			   (u64)r->ops->off_bytes, run_errname(ret));
		return false;
	}
	if (!room_open_device(r))
		return false;
	r->op_results[0] = (struct lab_op_result) { .size = r->design->size(r->io) };
	return true;
}

static void ops_stream(struct ops_run *o)
{
	struct room *r = o->room;
	u32 i = 0, nr;

	if (r->nr_ops && r->spec->path == LAB_PATH_LOOP) {
		if (!ops_add_loop(o))
			return;
		i = 1;
	}
	for (; i < r->nr_ops && r->status == LAB_RUN_OK; i += nr) {
		nr = lab_op_group(&r->ops[i], r->nr_ops - i);
		memset(&r->op_results[i], 0, nr * sizeof(*r->op_results));
		if (lab_op_moves_data(r->ops[i].kind))
			ops_io(o, &r->ops[i], nr, &r->op_results[i]);
		else
			ops_other(o, &r->ops[i], &r->op_results[i]);
		kc_trace("op", r->ops[i].kind, r->ops[i].off_bytes >> SECTOR_SHIFT, ops_bytes(&r->ops[i]),
			 r->op_results[i].ret);
	}
}

static void ops_in_world(void *arg)
{
	struct room *r = arg;
	struct ops_run o = { .room = r };
	u32 i, j, nr, segs, most = 1;

	for (i = 0; i < r->nr_ops; i += nr) {
		nr = lab_op_group(&r->ops[i], r->nr_ops - i);
		for (segs = j = 0; j < nr; j++)
			segs += r->ops[i + j].nr_segs;
		most = max(most, segs);
	}
	if (!room_open(r, 0, true))
		goto out;
	o.mm = kc_mm_create();
	o.ios = host_alloc(LAB_OP_MAX_GROUP * sizeof(*o.ios));
	o.areas = host_alloc(most * sizeof(*o.areas));
	o.iov = host_alloc(most * sizeof(*o.iov));
	o.buf = host_alloc(RUN_CHUNK_BYTES);
	o.kern = (void *)__get_free_page(GFP_KERNEL);
	if (!o.mm || !o.ios || !o.areas || !o.iov || !o.buf || !o.kern) {
		room_broken(r, "no memory for operations in a fresh world");
		goto out;
	}
	memset(o.kern, LAB_GUARD_BYTE, PAGE_SIZE);
	current->mm = o.mm;
	ops_stream(&o);
	r->out->job[0].trace_hash = kc_trace_hash();
out:
	current->mm = NULL;
	if (o.kern)
		free_page((unsigned long)o.kern);
	if (o.mm)
		kc_mm_destroy(o.mm);
	room_close(r);
}

/* ---- limits ------------------------------------------------------------------------------ */

/* Of one group; what its areas need, 0 after room_fail(). */
static u64 ops_check_group(struct room *r, const struct lab_op *op, u32 nr)
{
	u64 sum = 0, bytes = PAGE_SIZE;
	u32 i, j;

	for (i = 0; i < nr; i++) {
		for (j = 0; j < op[i].nr_segs; j++) {
			if (op[i].segs[j].misalign_bytes > LAB_OP_MAX_MISALIGN) {
				room_usage(r, "line %d: segment %u: at most +%u", op->line, j + 1,
					   LAB_OP_MAX_MISALIGN);
				return 0;
			}
			bytes += ops_area_bytes(&op[i].segs[j]);
		}
		sum += ops_bytes(&op[i]);
		if (op[i].nr_segs > LAB_OP_MAX_SEGS || sum > LAB_OP_MAX_BYTES || nr > LAB_OP_MAX_GROUP) {
			room_usage(r, "line %d: at most %u calls, %u segments in one, and %llu bytes together",
				   op->line, LAB_OP_MAX_GROUP, LAB_OP_MAX_SEGS, LAB_OP_MAX_BYTES);
			return 0;
		}
	}
	return bytes;
}

/* Limits of the stream; returns what the world needs, 0 after room_fail(). */
static u64 ops_check(struct room *r)
{
	u64 most = 0, bytes;
	u32 i, nr;

	if (r->nr_ops > LAB_OPS_MAX) {
		room_usage(r, "%u operations; at most %u", r->nr_ops, LAB_OPS_MAX);
		return 0;
	}
	if (r->spec->path == LAB_PATH_LOOP && r->nr_ops && r->ops->kind != LAB_OP_SIZE) {
		room_usage(r, "line %d: for a loop device a stream begins with 'size N', its capacity", r->ops->line);
		return 0;
	}
	for (i = 0; i < r->nr_ops; i += nr) {
		nr = lab_op_group(&r->ops[i], r->nr_ops - i);
		bytes = ops_check_group(r, &r->ops[i], nr);
		if (!bytes)
			return 0;
		most = max(most, bytes);
	}
	return RUN_WORLD_BASE_BYTES + most;
}

/**
 * lab_ops_run - operations, one after the other, on an empty file of one design, or on its loop device
 * @spec: design, knobs, path, target, engine, seed; source and jobs play no part
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
	struct lab_run_spec ops_spec = *spec;
	struct room room;
	u64 ram_bytes;

	ops_spec.source = LAB_SOURCE_USER;
	ops_spec.loops = 0;
	memset(&room, 0, sizeof(room));
	memset(out, 0, sizeof(*out));
	room.spec = &ops_spec;
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
