/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lab/reffs.h - the reference: what a file opened with O_DIRECT, and again without, does, as a byte array.
 *
 * It knows no extent, bio, lock or design; it is what the others are compared with. The order of checks is
 * that of Linux 6.1's iomap direct IO: nothing to do → 0; at or after the end of the file → 0; misaligned →
 * -EINVAL. A read looks at alignment only where there is data: whole blocks that were never written (holes)
 * read as zeros at any offset and length.
 */
#ifndef _LAB_REFFS_H
#define _LAB_REFFS_H

#include <linux/types.h>

struct lab_reffs;

#define LAB_REFFS_BLOCK_BYTES	4096u		/* granularity of holes */
#define LAB_REFFS_MAX_BYTES	(1ull << 32)

/**
 * lab_reffs_create - an empty file
 * @align_bytes: of position and length of direct IO: a power of two, 1 .. LAB_REFFS_BLOCK_BYTES
 * @max_bytes: the file cannot grow beyond it (-EFBIG); its memory is taken here, from the host
 *
 * Context: task. Return: the file, or ERR_PTR(-EINVAL | -ENOMEM).
 */
struct lab_reffs *lab_reffs_create(u32 align_bytes, u64 max_bytes);

/**
 * lab_reffs_destroy - end the file and give its memory back
 * @f: from lab_reffs_create()
 *
 * Context: task.
 */
void lab_reffs_destroy(struct lab_reffs *f);

/**
 * lab_reffs_pread - read as pread(2) would
 * @f: the file
 * @buf: the first return value bytes of it are set, the rest is left alone
 * @len_bytes: how much
 * @pos: where from, bytes; negative: -EINVAL
 *
 * Context: any. Return: bytes read, short at the end of the file, 0 behind it; -EINVAL: negative, or misaligned where
 * there is data.
 */
ssize_t lab_reffs_pread(struct lab_reffs *f, void *buf, size_t len_bytes, loff_t pos);

/**
 * lab_reffs_pwrite - write as pwrite(2) would
 * @f: the file
 * @buf: the data
 * @len_bytes: how much
 * @pos: where to, bytes
 *
 * Context: any. Return: @len_bytes; -EINVAL misaligned or negative, -EFBIG beyond the file's limit: nothing was written
 * then.
 */
ssize_t lab_reffs_pwrite(struct lab_reffs *f, const void *buf, size_t len_bytes, loff_t pos);

/**
 * lab_reffs_bpread - read as through the page cache: lab_reffs_pread() at any offset and length
 * @f: the file
 * @buf: the first return value bytes of it are set, the rest is left alone
 * @len_bytes: how much
 * @pos: where from, bytes
 *
 * Context: any. Return: as lab_reffs_pread().
 */
ssize_t lab_reffs_bpread(struct lab_reffs *f, void *buf, size_t len_bytes, loff_t pos);

/**
 * lab_reffs_bpwrite - write as through the page cache: lab_reffs_pwrite() at any offset and length
 * @f: the file
 * @buf: the data
 * @len_bytes: how much
 * @pos: where to, bytes
 *
 * Context: any. Return: as lab_reffs_pwrite().
 */
ssize_t lab_reffs_bpwrite(struct lab_reffs *f, const void *buf, size_t len_bytes, loff_t pos);

/**
 * lab_reffs_append - write at the end of the file, which must be aligned as every position
 * @f: the file
 * @buf: the data
 * @len_bytes: how much
 *
 * Context: any. Return: as lab_reffs_pwrite().
 */
ssize_t lab_reffs_append(struct lab_reffs *f, const void *buf, size_t len_bytes);

/**
 * lab_reffs_truncate - set the size; what grows reads as zeros
 * @f: the file
 * @size: any byte
 *
 * Context: any. Return: 0; -EINVAL negative, -EFBIG beyond the file's limit.
 */
int lab_reffs_truncate(struct lab_reffs *f, loff_t size);

/**
 * lab_reffs_punch - let [pos, pos + len) read as zeros; the size stays; whole blocks inside become holes
 * @f: the file
 * @pos: bytes
 * @len_bytes: may reach beyond the end
 *
 * Context: any. Return: 0; -EINVAL negative @pos or nothing to do.
 */
int lab_reffs_punch(struct lab_reffs *f, loff_t pos, u64 len_bytes);

/**
 * lab_reffs_zero - let [pos, pos + len) read as zeros; the size grows to its end; whole blocks hold no data then
 * @f: the file
 * @pos: bytes
 * @len_bytes: >= 1
 *
 * Context: any. Return: 0; -EINVAL negative @pos or no byte, -EFBIG beyond the file's limit.
 */
int lab_reffs_zero(struct lab_reffs *f, loff_t pos, u64 len_bytes);

/**
 * lab_reffs_alloc - reserve [pos, pos + len): no byte changes, and no block comes to hold data
 * @f: the file
 * @pos: bytes
 * @len_bytes: >= 1
 * @keep_size: else the size grows to the end of the range
 *
 * Context: any. Return: 0; -EINVAL negative @pos or no byte, -EFBIG beyond the file's limit.
 */
int lab_reffs_alloc(struct lab_reffs *f, loff_t pos, u64 len_bytes, bool keep_size);

/**
 * lab_reffs_seek_data - the first byte at or after @pos in a block that was written
 * @f: the file
 * @pos: bytes
 *
 * Context: any. Return: a position below the size, or -ENXIO.
 */
loff_t lab_reffs_seek_data(const struct lab_reffs *f, loff_t pos);

/**
 * lab_reffs_seek_hole - the first byte at or after @pos in a block that was not written, or the size
 * @f: the file
 * @pos: bytes
 *
 * Context: any. Return: a position up to the size; -ENXIO: @pos is not in the file.
 */
loff_t lab_reffs_seek_hole(const struct lab_reffs *f, loff_t pos);

/**
 * lab_reffs_size - the file's size
 * @f: the file
 *
 * Context: any. Return: bytes.
 */
loff_t lab_reffs_size(const struct lab_reffs *f);

#endif
