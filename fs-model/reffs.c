// SPDX-License-Identifier: GPL-2.0-only
/*
 * reffs.c - the reference file: bytes, a size, and which blocks have ever been written.
 *
 * Written to be read, not to be fast: everything is a loop over an array. Bytes at and after the size are
 * always zero.
 */
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <lab/reffs.h>
#include "host.h"

struct lab_reffs {
	u8 *bytes;			/* [max_bytes] */
	u8 *written;			/* [max_bytes / block]: 1: the block holds data, 0: hole or unwritten */
	u64 max_bytes;
	u64 size;
	u32 align_bytes;
};

struct lab_reffs *lab_reffs_create(u32 align_bytes, u64 max_bytes)
{
	struct lab_reffs *f;

	if (!align_bytes || align_bytes > LAB_REFFS_BLOCK_BYTES || (align_bytes & (align_bytes - 1)))
		return ERR_PTR(-EINVAL);
	if (!max_bytes || max_bytes > LAB_REFFS_MAX_BYTES || max_bytes % LAB_REFFS_BLOCK_BYTES)
		return ERR_PTR(-EINVAL);
	f = host_alloc(sizeof(*f));
	if (!f)
		return ERR_PTR(-ENOMEM);
	f->bytes = host_alloc(max_bytes);
	f->written = host_alloc(max_bytes / LAB_REFFS_BLOCK_BYTES);
	f->max_bytes = max_bytes;
	f->align_bytes = align_bytes;
	if (!f->bytes || !f->written) {
		lab_reffs_destroy(f);
		return ERR_PTR(-ENOMEM);
	}
	return f;
}

void lab_reffs_destroy(struct lab_reffs *f)
{
	host_free(f->written);
	host_free(f->bytes);
	host_free(f);
}

loff_t lab_reffs_size(const struct lab_reffs *f)
{
	return f->size;
}

static bool aligned(const struct lab_reffs *f, u64 n)
{
	return n % f->align_bytes == 0;
}

/* Is the byte at @pos in a block that was written? */
static bool in_data(const struct lab_reffs *f, u64 pos)
{
	return pos < f->max_bytes && f->written[pos / LAB_REFFS_BLOCK_BYTES];
}

/*
 * Where [pos, end) meets written blocks, what is left of it there must begin and end on the alignment:
 * Linux looks at all that remains of the caller's memory, not at the extent's share alone.
 */
static bool read_aligned(const struct lab_reffs *f, u64 pos, u64 end)
{
	u64 next;

	for (; pos < end; pos = next) {
		next = min(end, pos - pos % LAB_REFFS_BLOCK_BYTES + LAB_REFFS_BLOCK_BYTES);
		if (in_data(f, pos) && !(aligned(f, pos) && aligned(f, end)))
			return false;
	}
	return true;
}

ssize_t lab_reffs_bpread(struct lab_reffs *f, void *buf, size_t len_bytes, loff_t pos)
{
	u64 got_bytes;

	if (pos < 0)
		return -EINVAL;
	if (!len_bytes || pos >= f->size)
		return 0;
	got_bytes = min((u64)len_bytes, f->size - pos);
	memcpy(buf, f->bytes + pos, got_bytes);
	return got_bytes;
}

ssize_t lab_reffs_pread(struct lab_reffs *f, void *buf, size_t len_bytes, loff_t pos)
{
	if (pos >= 0 && len_bytes && pos < f->size && !read_aligned(f, pos, pos + len_bytes))
		return -EINVAL;
	return lab_reffs_bpread(f, buf, len_bytes, pos);
}

ssize_t lab_reffs_bpwrite(struct lab_reffs *f, const void *buf, size_t len_bytes, loff_t pos)
{
	u64 at;

	if (pos < 0)
		return -EINVAL;
	if (!len_bytes)
		return 0;
	if (len_bytes > f->max_bytes || pos > f->max_bytes - len_bytes)
		return -EFBIG;
	memcpy(f->bytes + pos, buf, len_bytes);
	for (at = pos; at < pos + len_bytes; at++)
		f->written[at / LAB_REFFS_BLOCK_BYTES] = 1;
	f->size = max(f->size, (u64)pos + len_bytes);
	return len_bytes;
}

ssize_t lab_reffs_pwrite(struct lab_reffs *f, const void *buf, size_t len_bytes, loff_t pos)
{
	if (len_bytes && !(aligned(f, pos) && aligned(f, len_bytes)))
		return -EINVAL;
	return lab_reffs_bpwrite(f, buf, len_bytes, pos);
}

ssize_t lab_reffs_append(struct lab_reffs *f, const void *buf, size_t len_bytes)
{
	return lab_reffs_pwrite(f, buf, len_bytes, f->size);
}

/* Make [pos, end) zeros, and its whole blocks holes. */
static void wipe(struct lab_reffs *f, u64 pos, u64 end)
{
	u64 blk;

	if (pos >= end)
		return;
	memset(f->bytes + pos, 0, end - pos);
	for (blk = pos / LAB_REFFS_BLOCK_BYTES; blk * LAB_REFFS_BLOCK_BYTES < end; blk++)
		if (blk * LAB_REFFS_BLOCK_BYTES >= pos && (blk + 1) * LAB_REFFS_BLOCK_BYTES <= end)
			f->written[blk] = 0;
}

/* Where the last block of the file ends: behind it no byte was ever written. */
static u64 last_block_end(const struct lab_reffs *f)
{
	return round_up(f->size, LAB_REFFS_BLOCK_BYTES);
}

int lab_reffs_truncate(struct lab_reffs *f, loff_t size)
{
	if (size < 0)
		return -EINVAL;
	if (size > f->max_bytes)
		return -EFBIG;
	if (size < f->size)
		wipe(f, size, last_block_end(f));
	f->size = size;
	return 0;
}

int lab_reffs_punch(struct lab_reffs *f, loff_t pos, u64 len_bytes)
{
	u64 end = pos + len_bytes;

	if (pos < 0 || !len_bytes)
		return -EINVAL;
	if (len_bytes > f->max_bytes || end > f->size)		/* all of the last block */
		end = last_block_end(f);
	wipe(f, pos, end);
	return 0;
}

int lab_reffs_zero(struct lab_reffs *f, loff_t pos, u64 len_bytes)
{
	int err = lab_reffs_alloc(f, pos, len_bytes, false);

	if (!err)
		wipe(f, pos, pos + len_bytes);
	return err;
}

int lab_reffs_alloc(struct lab_reffs *f, loff_t pos, u64 len_bytes, bool keep_size)
{
	if (pos < 0 || !len_bytes)
		return -EINVAL;
	if (len_bytes > f->max_bytes || pos > f->max_bytes - len_bytes)
		return -EFBIG;
	if (!keep_size)
		f->size = max(f->size, (u64)pos + len_bytes);
	return 0;
}

loff_t lab_reffs_seek_data(const struct lab_reffs *f, loff_t pos)
{
	if (pos < 0)
		return -ENXIO;
	for (; pos < f->size; pos = round_down(pos, LAB_REFFS_BLOCK_BYTES) + LAB_REFFS_BLOCK_BYTES)
		if (in_data(f, pos))
			return pos;
	return -ENXIO;
}

loff_t lab_reffs_seek_hole(const struct lab_reffs *f, loff_t pos)
{
	if (pos < 0 || pos >= f->size)
		return -ENXIO;
	while (pos < f->size && in_data(f, pos))
		pos = round_down(pos, LAB_REFFS_BLOCK_BYTES) + LAB_REFFS_BLOCK_BYTES;
	return min_t(u64, pos, f->size);
}
