// SPDX-License-Identifier: GPL-2.0-only
/*
 * map.c - the two questions of the IO path: where does this byte lie, and: it is written now.
 *
 * A lookup takes the map's lock shared and nothing else. A hole that a write meets is filled under the
 * exclusive lock, after another look, with one run of blocks, as long as the allocator has one, marked
 * UNWRITTEN. It becomes MAPPED when the writer says that the data is on disk. Reads see zeros until then,
 * and so does whoever comes after a crash or an error.
 *
 * LAB_MAP_NOWAIT tries the lock, never fills and, where maps can be cold (cold.c), never reads: this is what a
 * driver under ->submit_bio may call.
 */
#include <linux/bug.h>
#include <linux/blkdev.h>
#include <linux/errno.h>
#include <linux/minmax.h>
#include <kc/probe.h>
#include "fs-internal.h"

/* Blocks that [pos, pos + len) touches. */
static u32 nr_blks_of(loff_t pos, u64 len_bytes)
{
	return ((pos + len_bytes + LAB_BLOCK_BYTES - 1) >> LAB_BLOCK_SHIFT) - (pos >> LAB_BLOCK_SHIFT);
}

/**
 * lab_map_changed - the map of @inode gives another answer than before
 * @inode: its map locked exclusively
 */
void lab_map_changed(struct inode *inode)
{
	WRITE_ONCE(inode->i_lab_version, inode->i_lab_version + 1);
	atomic64_inc(&lab_i(inode)->meta_seq);
}

static inline int lock_map(struct lab_extent_map *map, bool nowait)
{
	if (!nowait)
		down_read(&map->lock);
	else if (!down_read_trylock(&map->lock))
		return -EAGAIN;
	return 0;
}

/**
 * lab_map_peek - what the block at @pos is: the model's own question, counted as no map call
 * @inode: any
 * @pos: bytes, below LAB_MAX_FILE_BYTES
 * @nowait: do not wait for the map's lock
 * @out: that one block
 *
 * Context: task, may sleep unless @nowait. Return: 0; -EAGAIN (@nowait); with cold_map as lab_map_warm().
 */
int lab_map_peek(struct inode *inode, loff_t pos, bool nowait, struct lab_ext *out)
{
	int err = lock_map(inode->i_map, nowait);

	if (!err && inode->i_lab_fs->opts.cold_map)
		err = lab_map_warm(inode, pos >> LAB_BLOCK_SHIFT, nowait);
	if (err)
		return err;
	lab_extmap_lookup(inode->i_map, pos >> LAB_BLOCK_SHIFT, 1, out);
	up_read(&inode->i_map->lock);
	if (inode->i_lab_fs->is_bdev && pos < i_size_read(inode)) {
		out->disk_blk = out->file_blk;
		out->type = LAB_MAPPED;
	}
	return 0;
}

/**
 * lab_map_blocks - fill the hole at @file_blk, or the beginning of it, with unwritten blocks
 * @inode: i_rwsem held
 * @file_blk: where
 * @nr_blks: how many are wanted, >= 1
 * @out: what lies there now
 *
 * Context: task, may sleep. Return: 1 blocks were allocated, 0 somebody else had filled it; -ENOSPC, -ENOMEM.
 */
int lab_map_blocks(struct inode *inode, u32 file_blk, u32 nr_blks, struct lab_ext *out)
{
	struct lab_allocator *alloc = &inode->i_lab_fs->alloc;
	struct lab_extent_map *map = inode->i_map;
	int ret = 0;

	down_write(&map->lock);
	lab_extmap_lookup(map, file_blk, nr_blks, out);
	if (out->type != LAB_HOLE)
		goto unlock;
	out->nr_blks = lab_alloc_blocks(alloc, out->nr_blks, &out->disk_blk);
	if (!out->nr_blks) {
		ret = -ENOSPC;
		goto unlock;
	}
	out->type = LAB_UNWRITTEN;
	ret = lab_extmap_insert(map, out);
	if (ret) {
		lab_free_blocks(alloc, out->disk_blk, out->nr_blks);
		goto unlock;
	}
	lab_map_changed(inode);
	ret = 1;
unlock:
	up_write(&map->lock);
	return ret;
}

/* @ext holds the block of @pos. */
static inline void answer(struct inode *inode, loff_t pos, u64 len_bytes, const struct lab_ext *ext,
			  unsigned int flags, struct lab_extent *out)
{
	u64 skip_bytes = pos - ((u64)ext->file_blk << LAB_BLOCK_SHIFT);

	out->pos = pos;
	out->len_bytes = min(len_bytes, ((u64)ext->nr_blks << LAB_BLOCK_SHIFT) - skip_bytes);
	out->type = ext->type;
	out->bdev = inode->i_lab_fs->bdev;
	out->sector = (sector_t)ext->disk_blk << (LAB_BLOCK_SHIFT - SECTOR_SHIFT);
	out->sector += skip_bytes >> SECTOR_SHIFT;
	/* as ext4's IOMAP_F_DIRTY: a size that this write would change is not durable either */
	if (lab_meta_dirty(inode) || pos + len_bytes > i_size_read(inode))
		flags |= LAB_EXT_DIRTY_META;
	out->flags = flags;
}

/* lab_map() of what is not in the extent found last. The map is locked, shared; no longer afterwards. */
static noinline int map_slow(struct inode *inode, loff_t pos, u64 len_bytes, unsigned int flags,
			     struct lab_extent *out)
{
	struct lab_extent_map *map = inode->i_map;
	struct lab_ext ext;
	int ret;

	if (inode->i_lab_fs->opts.cold_map) {
		ret = lab_map_warm(inode, pos >> LAB_BLOCK_SHIFT, flags & LAB_MAP_NOWAIT);
		if (ret)
			return ret;
	}
	lab_extmap_lookup(map, pos >> LAB_BLOCK_SHIFT, nr_blks_of(pos, len_bytes), &ext);
	up_read(&map->lock);
	if (inode->i_lab_fs->is_bdev)
		return lab_bdev_map(inode, pos, len_bytes, flags, out);
	if (ext.type != LAB_HOLE || !(flags & LAB_MAP_CREATE)) {
		answer(inode, pos, len_bytes, &ext, 0, out);
		return 0;
	}
	if (flags & LAB_MAP_NOWAIT)
		return -EAGAIN;
	ret = lab_map_blocks(inode, ext.file_blk, ext.nr_blks, &ext);
	if (ret < 0)
		return ret;
	answer(inode, pos, len_bytes, &ext, ret ? LAB_EXT_NEW : 0, out);
	return 0;
}

/**
 * lab_map - what lies at [pos, pos + len)?
 * @inode: i_rwsem held, shared suffices
 * @pos: bytes, any alignment
 * @len_bytes: >= 1, any alignment
 * @flags: LAB_MAP_*
 * @out: begins at @pos, ends at or before pos + len, all of one type
 *
 * Context: task; may sleep unless LAB_MAP_NOWAIT, which under a stacking driver is required.
 * Return: 0; -EINVAL (empty or negative), -EFBIG (beyond LAB_MAX_FILE_BYTES), -EAGAIN (LAB_MAP_NOWAIT: the
 * lock is contended, there is a hole to fill, or a leaf to read), -ENOSPC, -ENOMEM; with cold_map also the error
 * of reading a leaf.
 */
int lab_map(struct inode *inode, loff_t pos, u64 len_bytes, unsigned int flags, struct lab_extent *out)
{
	struct lab_extent_map *map = inode->i_map;
	const struct lab_ext *ext;
	int ret;

	lab_probe(MAP_CALLS);
	if (unlikely(pos < 0 || !len_bytes))
		return -EINVAL;
	if (unlikely(len_bytes > LAB_MAX_FILE_BYTES || pos > LAB_MAX_FILE_BYTES - len_bytes))
		return -EFBIG;
	ret = lock_map(map, flags & LAB_MAP_NOWAIT);
	if (unlikely(ret))
		return ret;
	ext = lab_extmap_hinted(map, pos >> LAB_BLOCK_SHIFT);
	if (unlikely(!ext))
		return map_slow(inode, pos, len_bytes, flags, out);
	answer(inode, pos, len_bytes, ext, 0, out);
	up_read(&map->lock);
	return 0;
}

/**
 * lab_convert - the data of [pos, pos + len) is on disk: let reads see it
 * @inode: the writer holds i_rwsem or a count of lab_inode_dio_begin(), so that no block can be freed
 * @pos: bytes, any alignment
 * @len_bytes: >= 1; every fs block it touches has been written or zeroed to its edges
 *
 * Context: task, may sleep.
 * Return: 0; -EIO: part of the range is a hole (a bug of the caller, warned of); -ENOSPC (LAB_MAX_EXTENTS),
 * -ENOMEM. On error no block has changed.
 */
int lab_convert(struct inode *inode, loff_t pos, u64 len_bytes)
{
	u32 file_blk = pos >> LAB_BLOCK_SHIFT, nr_blks = nr_blks_of(pos, len_bytes), blk, changed;
	struct lab_extent_map *map = inode->i_map;
	struct lab_ext ext;
	int err;

	if (WARN_ON(pos < 0 || !len_bytes || len_bytes > LAB_MAX_FILE_BYTES ||
		    pos > LAB_MAX_FILE_BYTES - len_bytes))
		return -EINVAL;
	down_write(&map->lock);
	for (blk = file_blk; blk < file_blk + nr_blks; blk += ext.nr_blks) {
		lab_extmap_lookup(map, blk, file_blk + nr_blks - blk, &ext);
		if (WARN(ext.type == LAB_HOLE, "lab_convert: block %u is a hole\n", blk)) {
			up_write(&map->lock);
			return -EIO;
		}
		lab_probe_add(CONVERTS, ext.type == LAB_UNWRITTEN);
	}
	err = lab_extmap_set_type(map, file_blk, nr_blks, LAB_MAPPED, &changed);
	if (changed)
		lab_map_changed(inode);
	up_write(&map->lock);
	return err;
}
