// SPDX-License-Identifier: GPL-2.0-only
/*
 * straight.c - the image itself, past the design.
 *
 * What a design wrote is judged on the disk, and what it is to read is laid out there, by bios of
 * this file on the device at the bottom; where a byte of the file lies, lab_map() says. So a wrong
 * mapping that a design's writes and reads share cannot hide, filters (a fault's flipped byte) do
 * not touch it, and the counters of a design stay its own.
 *
 * Filters that move sectors say where to (lab_filter_bottom()).
 */
#include <linux/types.h>
#include <linux/bug.h>
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <kc/umem.h>
#include <lab/filter.h>
#include "runner.h"

/*
 * Move @len_bytes, a multiple of the logical block, between @sector of @bdev and @at_bytes of the chunk: one bio,
 * or, under the old rule, as many as it takes.
 */
static int straight_bios(struct room *r, struct block_device *bdev, blk_opf_t opf, sector_t sector, u32 at_bytes,
			 u32 len_bytes)
{
	u32 end_bytes = at_bytes + len_bytes;
	int err = 0;

	while (at_bytes < end_bytes && !err) {
		struct bio_vec vec;
		struct bio bio;
		u32 step;

		bio_init(&bio, bdev, &vec, 1, opf);
		bio.bi_iter.bi_sector = sector;
		for (; at_bytes < end_bytes; at_bytes += step) {
			step = min_t(u32, end_bytes - at_bytes, PAGE_SIZE - offset_in_page(at_bytes));
			if (!bio_add_page(&bio, r->chunk + at_bytes / PAGE_SIZE, step, offset_in_page(at_bytes)))
				break;
		}
		sector += bio_sectors(&bio);
		err = submit_bio_wait(&bio);
		bio_uninit(&bio);
	}
	return err;
}

/* The beginning of the chunk, from or to where @sector of the whole stack lies at its bottom. */
static int straight_image(struct room *r, blk_opf_t opf, sector_t sector, u32 len_bytes)
{
	u32 at_bytes, nr_sectors;
	int err = 0;

	for (at_bytes = 0; at_bytes < len_bytes && !err; at_bytes += nr_sectors << SECTOR_SHIFT) {
		sector_t at = sector + (at_bytes >> SECTOR_SHIFT);
		struct block_device *bdev;

		nr_sectors = (len_bytes - at_bytes) >> SECTOR_SHIFT;
		bdev = lab_filter_bottom(r->stack[r->nr_stack - 1], &at, &nr_sectors);
		err = straight_bios(r, bdev, opf, at, at_bytes, nr_sectors << SECTOR_SHIFT);
	}
	return err;
}

/**
 * straight_stale - fill the beginning of the device with RUN_STALE_BYTE
 * @r: its stack stands, the fs does not
 *
 * Context: task, sleeps. Return: false after room_fail().
 */
bool straight_stale(struct room *r)
{
	struct block_device *bdev = r->stack[0];
	u64 pos, end = min_t(u64, bdev_nr_bytes(bdev), RUN_STALE_MAX_BYTES);
	int err;

	memset(page_address(r->chunk), RUN_STALE_BYTE, RUN_CHUNK_BYTES);
	for (pos = 0; pos < end; pos += RUN_CHUNK_BYTES) {
		err = straight_bios(r, bdev, REQ_OP_WRITE, pos >> SECTOR_SHIFT, 0,
				    min_t(u64, RUN_CHUNK_BYTES, end - pos));
		if (err) {
			room_usage(r, "the target cannot be written at %llu (%s)",
				   pos, run_errname(err));
			return false;
		}
	}
	return true;
}

static int straight_map_level(struct inode *inode, u64 pos, u64 len_bytes, struct lab_extent *ext)
{
	enum lab_lock lock;
	int err;

	err = lab_lock_for_read(inode, false, &lock);
	if (err)
		return err;
	err = lab_map(inode, pos, len_bytes, 0, ext);
	lab_unlock(inode, lock);
	BUG_ON(!err && (ext->pos != pos || !ext->len_bytes || ext->len_bytes % LAB_BLOCK_BYTES));
	return err;
}

/*
 * The part of [pos, pos + len) that one extent answers for, chunk-sized at most, on whole fs blocks. A sector of a
 * loop device is a position in the file below it, so the levels' maps are asked one after the other.
 */
static int straight_map(struct room *r, u64 pos, u64 len_bytes, struct lab_extent *ext)
{
	unsigned int level = r->nr_levels;
	u64 at = pos;
	int err;

	BUG_ON(pos % LAB_BLOCK_BYTES || len_bytes % LAB_BLOCK_BYTES || !len_bytes);
	ext->len_bytes = min_t(u64, len_bytes, RUN_CHUNK_BYTES);
	do {
		err = straight_map_level(r->level[--level].inode, at, ext->len_bytes, ext);
		if (err)
			return err;
		at = ext->sector << SECTOR_SHIFT;
	} while (level && ext->type == LAB_MAPPED);
	ext->pos = pos;
	return 0;
}

static bool straight_any_unknown(const struct vmap *map, u64 pos, u64 len_bytes)
{
	u64 i, end = min_t(u64, pos + len_bytes, map->bytes);

	for (i = pos / VMAP_SECTOR_BYTES; i * VMAP_SECTOR_BYTES < end; i++)
		if (map->gen[i] == VMAP_UNKNOWN)
			return true;
	return false;
}

/**
 * straight_lay_out - put data where [pos, pos + len) of the file is mapped
 * @r: opened
 * @pos: bytes, rounded down to an fs block
 * @len_bytes: rounded up to fs blocks, clipped to the file
 *
 * Holes and unwritten extents stay what they are. With a map, only stretches that it does not know
 * are written, with a generation of their own; without one, all is. Context: task, sleeps, no IO in
 * flight. Return: false after room_fail().
 */
bool straight_lay_out(struct room *r, u64 pos, u64 len_bytes)
{
	u64 end = round_up(min_t(u64, pos + len_bytes, r->file_bytes), LAB_BLOCK_BYTES);
	u32 gen = r->map ? vmap_new_gen(r->map) : 0;
	struct lab_extent ext;
	int err;

	for (pos = round_down(pos, LAB_BLOCK_BYTES); pos < end; pos += ext.len_bytes) {
		err = straight_map(r, pos, end - pos, &ext);
		if (err)
			goto bad;
		if (ext.type != LAB_MAPPED || (r->map && !straight_any_unknown(r->map, pos, ext.len_bytes)))
			continue;
		if (r->map) {
			vmap_set(r->map, pos, ext.len_bytes, gen);
			vmap_fill(r->map, pos, page_address(r->chunk), ext.len_bytes);
		} else {
			lab_payload(page_address(r->chunk), r->spec->seed, pos, ext.len_bytes);
		}
		err = straight_image(r, REQ_OP_WRITE, ext.sector, ext.len_bytes);
		if (err)
			goto bad;
	}
	return true;
bad:
	room_usage(r, "laying out the file at %llu failed (%s)", pos, run_errname(err));
	return false;
}

/* Bytes from @pos to the end of its page, at most @len_bytes, if that page is in the cache; else 0. */
static size_t straight_from_cache(struct room *r, u64 pos, u8 *dst, size_t len_bytes)
{
	struct page *page = lab_page_find(r->inode, pos >> PAGE_SHIFT);
	size_t n = min(len_bytes, PAGE_SIZE - offset_in_page(pos));

	if (!page)
		return 0;
	memcpy(dst, page_address(page) + offset_in_page(pos), n);
	put_page(page);
	return n;
}

/* Bytes from @pos on, at most @len_bytes, that one extent answers for. Return: how many, or -errno. */
static ssize_t straight_from_disk(struct room *r, u64 pos, u8 *dst, size_t len_bytes)
{
	u32 first = pos % LAB_BLOCK_BYTES;
	struct lab_extent ext;
	size_t n;
	int err;

	err = straight_map(r, pos - first, round_up(first + len_bytes, LAB_BLOCK_BYTES), &ext);
	if (err)
		return err;
	n = min_t(u64, ext.len_bytes - first, len_bytes);
	if (ext.type != LAB_MAPPED) {
		memset(dst, 0, n);
		return n;
	}
	err = straight_image(r, REQ_OP_READ, ext.sector, ext.len_bytes);
	if (err)
		return err;
	memcpy(dst, page_address(r->chunk) + first, n);
	return n;
}

/**
 * straight_read - bytes of the file, from its page cache and the disk
 * @r: opened
 * @pos: bytes
 * @dst: where to
 * @len_bytes: how many
 *
 * Holes and unwritten extents read as zeros; the size of the file plays no part. Context: task,
 * sleeps; the file is idle. Return: 0 or -errno.
 */
int straight_read(struct room *r, u64 pos, void *dst, size_t len_bytes)
{
	bool cached = r->inode->i_mapping->nrpages;
	u8 *p = dst;

	while (len_bytes) {
		size_t n = cached ? straight_from_cache(r, pos, p, len_bytes) : 0;

		if (!n) {
			size_t most = cached ? min(len_bytes, PAGE_SIZE - offset_in_page(pos)) : len_bytes;
			ssize_t ret = straight_from_disk(r, pos, p, most);

			if (ret < 0)
				return ret;
			n = ret;
		}
		pos += n;
		p += n;
		len_bytes -= n;
	}
	return 0;
}

static void straight_complain(struct room *r, const char *who, const char *what, const struct vmap_diff *d)
{
	room_complain(r, "%s: %s: byte at file offset %llu is 0x%02x, expected 0x%02x (write %u)%s", who,
		      what, d->pos, d->found, d->expected, d->gen, d->hint);
}

/**
 * straight_audit - does the disk hold what was written to [pos, pos + len)?
 * @r: opened, with a map, idle
 * @who: the job, for complaints
 * @pos: bytes, an fs block's beginning
 * @len_bytes: how much; clipped to the file
 *
 * Context: task, sleeps. Return: how many stretches (of at most RUN_CHUNK_BYTES, within an extent)
 * are wrong.
 */
u64 straight_audit(struct room *r, const char *who, u64 pos, u64 len_bytes)
{
	u64 end = round_up(min_t(u64, pos + len_bytes, r->file_bytes), LAB_BLOCK_BYTES), wrong = 0;
	static const char *const where[] = {
		[LAB_HOLE] = "on the disk (a hole)",
		[LAB_MAPPED] = "on the disk",
		[LAB_UNWRITTEN] = "on the disk (unwritten)",
	};
	struct lab_extent ext;
	struct vmap_diff diff;
	int err;

	for (pos = round_down(pos, LAB_BLOCK_BYTES); pos < end; pos += ext.len_bytes) {
		err = straight_map(r, pos, end - pos, &ext);
		if (!err && ext.type == LAB_MAPPED)
			err = straight_image(r, REQ_OP_READ, ext.sector, ext.len_bytes);
		else if (!err)
			memset(page_address(r->chunk), 0, ext.len_bytes);
		if (err) {
			room_complain(r, "%s: the image cannot be read at file offset %llu (%s)", who,
				      pos, run_errname(err));
			return wrong + 1;
		}
		if (vmap_check(r->map, pos, page_address(r->chunk),
			       min_t(u64, ext.len_bytes, r->map->bytes - pos), &diff))
			continue;
		wrong++;
		straight_complain(r, who, where[ext.type], &diff);
	}
	return wrong;
}

static ssize_t read_back_pinned(struct room *r, u64 pos, u32 len_bytes)
{
	int err = straight_bios(r, r->loop_bdev, REQ_OP_READ, pos >> SECTOR_SHIFT, 0, len_bytes);

	return err ? err : (ssize_t)len_bytes;
}

static ssize_t read_back_user(struct room *r, unsigned long base, u64 pos, u32 len_bytes)
{
	struct lab_iovec iov = { .base = base, .len_bytes = len_bytes };
	struct lab_io io = { .rw = LAB_READ, .pos = pos, .iov = &iov, .nr_segs = 1 };

	return r->design->submit(r->io, &io);
}

/* User memory is permuted perhaps: gather it into the chunk, which the check reads. */
static void read_back_gather(struct room *r, unsigned long base, u32 len_bytes)
{
	u32 off;

	for (off = 0; off < len_bytes; off += PAGE_SIZE)
		memcpy(page_address(r->chunk) + off, kc_user_alias(current->mm, base + off),
		       min_t(u32, PAGE_SIZE, len_bytes - off));
}

/**
 * straight_read_back - read [pos, pos + len) through the design and check every byte
 * @r: opened, with a map, idle
 * @who: the job, for complaints
 * @pos: bytes, a logical block's beginning
 * @len_bytes: a multiple of the logical block, inside the file
 *
 * From user memory through the handle that the jobs drove, or by bios to the loop device (--source
 * pinned). Context: the run's first task, sleeps. Return: how many reads (of RUN_CHUNK_BYTES)
 * failed or were wrong.
 */
u64 straight_read_back(struct room *r, const char *who, u64 pos, u64 len_bytes)
{
	bool pinned = r->spec->source == LAB_SOURCE_PINNED;
	struct mm_struct *old_mm = current->mm, *mm = NULL;
	unsigned long base = 0;
	u64 end = min_t(u64, pos + len_bytes, r->file_bytes), wrong = 0;
	struct vmap_diff diff;

	if (!pinned) {
		mm = kc_mm_create();
		base = mm ? kc_mmap(mm, RUN_CHUNK_BYTES, KC_PROT_READ | KC_PROT_WRITE, KC_MAP_POPULATE) : 0;
		if (!base) {
			room_broken(r, "no user memory to read back with");
			goto out;
		}
		current->mm = mm;
	}
	for (; pos < end; pos += RUN_CHUNK_BYTES) {
		u32 n = min_t(u64, RUN_CHUNK_BYTES, end - pos);
		ssize_t ret = pinned ? read_back_pinned(r, pos, n) : read_back_user(r, base, pos, n);

		if (ret != n) {
			wrong++;
			room_complain(r, "%s: reading back %u bytes at file offset %llu gave %lld (%s)", who,
				      n, pos, (s64)ret, ret < 0 ? run_errname(ret) : "short");
			continue;
		}
		if (!pinned)
			read_back_gather(r, base, n);
		if (!vmap_check(r->map, pos, page_address(r->chunk), n, &diff)) {
			wrong++;
			straight_complain(r, who, "read back", &diff);
		}
	}
out:
	current->mm = old_mm;
	if (mm)
		kc_mm_destroy(mm);
	return wrong;
}
