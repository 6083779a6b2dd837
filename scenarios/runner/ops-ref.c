// SPDX-License-Identifier: GPL-2.0-only
/*
 * ops-ref.c - lab_ops_reference(): a stream of operations through the byte array, what every design is held to.
 *
 * fs-model/reffs.c has the bytes, the size and what is a hole. Added here is what a byte array does not know of a
 * call: segments and their alignment, memory that cannot be used, the descriptor's position, and a block device's
 * end. The order of checks is that of Linux 6.1: address range, nothing to do, end of file or device,
 * alignment, memory. A write whose memory fails writes nothing (a real one may leave a prefix on the disk:
 * scenarios/ops-differences.txt); one with nowait never finds a reason to refuse.
 */
#include <linux/types.h>
#include <linux/blkdev.h>
#include <linux/bug.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/printk.h>
#include <linux/string.h>
#include <lab/reffs.h>
#include "host.h"
#include "ops.h"

#define REF_DMA_MASK	511u		/* of addresses, as every device here has it */

/**
 * struct ref - the file of a stream
 * @file: its bytes
 * @buf: LAB_OP_MAX_BYTES
 * @pos: of the descriptor
 * @block: logical block, bytes
 * @device: it is a loop device of that capacity (bytes), not a file
 */
struct ref {
	struct lab_reffs *file;
	u8 *buf;
	u64 pos, capacity;
	u32 block;
	bool device;
};

/* ---- memory ---------------------------------------------------------------------------- */

/* How many of its bytes can be used, from the first on. @into: to be written to, by a read. */
static u64 seg_usable(const struct lab_seg *seg, bool into)
{
	u64 half = round_down(seg->misalign_bytes + seg->len_bytes / 2, PAGE_SIZE);

	switch (seg->fault) {
	case LAB_SEG_OK:
		return seg->len_bytes;
	case LAB_SEG_RO:
		return into ? 0 : seg->len_bytes;
	case LAB_SEG_HALF:
		return half > seg->misalign_bytes ? min(half - seg->misalign_bytes, (u64)seg->len_bytes) : 0;
	case LAB_SEG_NONE:
	case LAB_SEG_NULL:
	case LAB_SEG_KERN:
		break;
	}
	return 0;
}

/* The first byte of the operation whose memory cannot be used; their number if all can. */
static u64 op_fault(const struct lab_op *op)
{
	u64 done = 0;
	u32 i;

	for (i = 0; i < op->nr_segs; i++) {
		u64 usable = seg_usable(&op->segs[i], lab_op_is_read(op->kind));

		done += usable;
		if (usable < op->segs[i].len_bytes)
			break;
	}
	return done;
}

/* Addresses of the kernel are refused before anything else, even of no bytes. */
static bool op_has_kernel_address(const struct lab_op *op)
{
	u32 i;

	for (i = 0; i < op->nr_segs; i++)
		if (op->segs[i].fault == LAB_SEG_KERN)
			return true;
	return false;
}

/* Is the memory of the bytes [from, to) of the operation aligned, piece by piece? */
static bool op_aligned(const struct ref *f, const struct lab_op *op, u64 from, u64 to)
{
	u64 first = 0;
	u32 i;

	for (i = 0; i < op->nr_segs && first < to; i++) {
		u64 end = min(to, first + op->segs[i].len_bytes), begin = max(from, first);

		if (begin < end && (((op->segs[i].misalign_bytes + begin - first) & REF_DMA_MASK) ||
				    (end - begin) % f->block))
			return false;
		first += op->segs[i].len_bytes;
	}
	return true;
}

/* ---- reads and writes ------------------------------------------------------------------- */

static long long read_file(struct ref *f, const struct lab_op *op, u64 pos, u64 bytes)
{
	u64 size = lab_reffs_size(f->file), fault = op_fault(op), zeros;
	loff_t data;

	if (pos >= size)
		return 0;
	data = lab_reffs_seek_data(f->file, pos);
	zeros = data < 0 ? bytes : min(bytes, data - pos);
	if (fault < min(zeros, size - pos))
		return -EFAULT;
	if (zeros < min(bytes, size - pos)) {
		if (!op_aligned(f, op, zeros, bytes))
			return -EINVAL;
		if (fault < min(bytes, size - pos))
			return (pos + zeros) % f->block || (pos + bytes) % f->block ? -EINVAL : -EFAULT;
	}
	return lab_reffs_pread(f->file, f->buf, bytes, pos);
}

static long long write_file(struct ref *f, const struct lab_op *op, u64 pos, u64 bytes)
{
	if (pos % f->block || bytes % f->block || !op_aligned(f, op, 0, bytes))
		return -EINVAL;
	if (op_fault(op) < bytes)
		return -EFAULT;
	return lab_reffs_pwrite(f->file, f->buf, bytes, pos);
}

/* As far as memory goes. */
static long long rw_cached(struct ref *f, const struct lab_op *op, u64 pos, u64 bytes)
{
	u64 size = lab_reffs_size(f->file), fault = op_fault(op);

	if (lab_op_is_read(op->kind)) {
		if (pos >= size)
			return 0;
		bytes = min(bytes, size - pos);
	}
	if (bytes && !fault)
		return -EFAULT;
	bytes = min(bytes, fault);
	return lab_op_is_read(op->kind) ? lab_reffs_bpread(f->file, f->buf, bytes, pos) :
					  lab_reffs_bpwrite(f->file, f->buf, bytes, pos);
}

static long long rw_device(struct ref *f, const struct lab_op *op, u64 pos, u64 bytes)
{
	if (pos >= f->capacity)
		return lab_op_is_read(op->kind) ? 0 : -ENOSPC;
	bytes = min(bytes, f->capacity - pos);
	if (lab_op_is_buffered(op->kind))
		return rw_cached(f, op, pos, bytes);
	if (pos % f->block || bytes % f->block || !op_aligned(f, op, 0, bytes))
		return -EINVAL;
	if (op_fault(op) < bytes)
		return -EFAULT;
	return lab_op_is_read(op->kind) ? lab_reffs_bpread(f->file, f->buf, bytes, pos) :
					  lab_reffs_bpwrite(f->file, f->buf, bytes, pos);
}

static u64 ref_size(const struct ref *f)
{
	return f->device ? f->capacity : (u64)lab_reffs_size(f->file);
}

static void crc_of_range(struct ref *f, u64 pos, u64 len_bytes, struct lab_op_result *res)
{
	u64 size = ref_size(f);

	if (pos >= size || !len_bytes)
		return;
	len_bytes = min3(len_bytes, size - pos, (u64)LAB_OP_MAX_BYTES);
	BUG_ON(lab_reffs_bpread(f->file, f->buf, len_bytes, pos) != len_bytes);
	res->crc = lab_crc32c(0, f->buf, len_bytes);
	res->has_crc = 1;
}

static void ref_io(struct ref *f, const struct lab_op *op, struct lab_op_result *res)
{
	bool read = lab_op_is_read(op->kind);
	u64 bytes = ops_bytes(op), pos = op->off_bytes;

	if (op->kind == LAB_OP_APPEND)
		pos = ref_size(f);
	if (lab_op_at_position(op->kind))
		pos = f->pos;
	if (!read)
		lab_payload(f->buf, op->seed, 0, bytes);
	if (pos > LLONG_MAX)
		res->ret = -EINVAL;
	else if (op_has_kernel_address(op))
		res->ret = -EFAULT;
	else if (!bytes)
		res->ret = 0;
	else if (f->device)
		res->ret = rw_device(f, op, pos, bytes);
	else if (lab_op_is_buffered(op->kind))
		res->ret = rw_cached(f, op, pos, bytes);
	else
		res->ret = read ? read_file(f, op, pos, bytes) : write_file(f, op, pos, bytes);
	if (lab_op_at_position(op->kind) && res->ret > 0)
		f->pos += res->ret;
	if (read && res->ret > 0) {
		res->crc = lab_crc32c(0, f->buf, res->ret);
		res->has_crc = 1;
	}
	if (!read)
		crc_of_range(f, pos, bytes, res);
}

/* ---- the rest -------------------------------------------------------------------------- */

/* Punch, zero, allocate on a block device: all zeroes, or nothing. */
static long long device_range(struct ref *f, const struct lab_op *op)
{
	u64 len = op->len_bytes;
	bool may_cut = op->kind == LAB_OP_PUNCH || (op->flags & LAB_OPF_KEEP);

	if (!len || op->off_bytes >= f->capacity || (!may_cut && len > f->capacity - op->off_bytes))
		return -EINVAL;
	len = min(len, f->capacity - op->off_bytes);
	if (op->off_bytes % f->block || len % f->block)
		return -EINVAL;
	if (op->kind == LAB_OP_ALLOC)
		return -EOPNOTSUPP;
	return lab_reffs_zero(f->file, op->off_bytes, len);
}

static long long device_other(struct ref *f, const struct lab_op *op)
{
	switch (op->kind) {
	case LAB_OP_PUNCH:
	case LAB_OP_ZERO:
	case LAB_OP_ALLOC:
		return device_range(f, op);
	case LAB_OP_SEEK:
		return op->off_bytes <= f->capacity ? (long long)op->off_bytes : -EINVAL;
	default:
		return -EINVAL;
	}
}

static long long file_other(struct ref *f, const struct lab_op *op)
{
	if (op->off_bytes > LLONG_MAX || op->len_bytes > LLONG_MAX)
		return op->kind == LAB_OP_DATA || op->kind == LAB_OP_HOLE ? -ENXIO : -EINVAL;
	switch (op->kind) {
	case LAB_OP_SIZE:
		return lab_reffs_truncate(f->file, op->off_bytes);
	case LAB_OP_PUNCH:
		return lab_reffs_punch(f->file, op->off_bytes, op->len_bytes);
	case LAB_OP_ZERO:
		return lab_reffs_zero(f->file, op->off_bytes, op->len_bytes);
	case LAB_OP_ALLOC:
		return lab_reffs_alloc(f->file, op->off_bytes, op->len_bytes, op->flags & LAB_OPF_KEEP);
	case LAB_OP_DATA:
		return lab_reffs_seek_data(f->file, op->off_bytes);
	case LAB_OP_HOLE:
		return lab_reffs_seek_hole(f->file, op->off_bytes);
	case LAB_OP_SEEK:
		return op->off_bytes <= LAB_MAX_FILE_BYTES ? (long long)op->off_bytes : -EINVAL;
	default:
		BUG();
	}
}

static void ref_one(struct ref *f, const struct lab_op *op, struct lab_op_result *res)
{
	if (lab_op_moves_data(op->kind)) {
		ref_io(f, op, res);
		return;
	}
	if (op->kind != LAB_OP_FSYNC && op->kind != LAB_OP_FDATASYNC)
		res->ret = f->device ? device_other(f, op) : file_other(f, op);
	if (op->kind == LAB_OP_SEEK && res->ret >= 0)
		f->pos = res->ret;
	if (lab_op_is_range(op->kind) && op->off_bytes <= LLONG_MAX)
		crc_of_range(f, op->off_bytes, op->len_bytes, res);
}

/* All of the group first, since size and crc are those of when all are done. */
static void ref_group(struct ref *f, const struct lab_op *op, u32 nr, struct lab_op_result *res)
{
	u32 i;

	memset(res, 0, nr * sizeof(*res));
	for (i = 0; i < nr; i++)
		ref_one(f, &op[i], &res[i]);
	for (i = 0; i < nr; i++) {
		res[i].size = ref_size(f);
		if (nr == 1 || lab_op_is_read(op[i].kind))
			continue;
		res[i].has_crc = res[i].crc = 0;
		crc_of_range(f, op[i].off_bytes, ops_bytes(&op[i]), &res[i]);
	}
}

static bool ref_open(struct ref *f, const struct lab_run_spec *spec)
{
	f->block = spec->target.logical_block_bytes ?: 512;
	f->file = lab_reffs_create(f->block, LAB_OPS_REFERENCE_BYTES);
	f->buf = host_alloc(LAB_OP_MAX_BYTES);
	return !IS_ERR(f->file) && f->buf;
}

/**
 * lab_ops_reference - operations, one after the other, on an empty file that is a byte array
 * @spec: path and target.logical_block_bytes are looked at
 * @ops: the stream
 * @nr_ops: how many
 * @results: set for every operation when the return value is LAB_RUN_OK
 * @why: else one line of text
 * @why_bytes: room for it
 *
 * Context: any, no world is needed.
 */
enum lab_run_status lab_ops_reference(const struct lab_run_spec *spec, const struct lab_op *ops, host_u32 nr_ops,
				      struct lab_op_result *results, char *why, host_size why_bytes)
{
	enum lab_run_status status = LAB_RUN_OK;
	struct ref f = { .pos = 0 };
	u32 i, j, nr;

	if (!ref_open(&f, spec)) {
		snprintf(why, why_bytes, "no memory for the reference, or a logical block of %u bytes", f.block);
		status = LAB_RUN_USAGE;
	} else if (spec->path == LAB_PATH_LOOP && nr_ops && ops->kind != LAB_OP_SIZE) {
		snprintf(why, why_bytes, "line %d: for a loop device a stream begins with 'size N', its capacity",
			 ops->line);
		status = LAB_RUN_USAGE;
	}
	for (i = 0; i < nr_ops && status == LAB_RUN_OK; i += nr) {
		nr = lab_op_group(&ops[i], nr_ops - i);
		ref_group(&f, &ops[i], nr, &results[i]);
		for (j = i; j < i + nr; j++)
			if (results[j].ret == -EFBIG)
				status = LAB_RUN_USAGE;
		if (status != LAB_RUN_OK)
			snprintf(why, why_bytes, "line %d: the reference holds at most %llu bytes", ops[i].line,
				 LAB_OPS_REFERENCE_BYTES);
		if (spec->path == LAB_PATH_LOOP && !i) {
			f.capacity = round_down(lab_reffs_size(f.file), f.block);
			f.device = true;
			results[0].size = f.capacity;
		}
	}
	if (!IS_ERR_OR_NULL(f.file))
		lab_reffs_destroy(f.file);
	host_free(f.buf);
	return status;
}
