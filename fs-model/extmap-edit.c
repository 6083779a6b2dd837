// SPDX-License-Identifier: GPL-2.0-only
/*
 * extmap-edit.c - what can be asked of an extent map, and done to it.
 *
 * A change of type works on whole extents: the range is first given a boundary at each end (an extent that
 * crosses it is split, which changes no answer), then the extents inside are changed, then neighbours that
 * have become continuous in file, on disk and in type are joined. If memory runs out at a boundary, the
 * map still gives the answers it gave before.
 */
#include <linux/bug.h>
#include <linux/errno.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include "fs-internal.h"

static u32 ext_end(const struct lab_ext *ext)
{
	return ext->file_blk + ext->nr_blks;
}

/**
 * lab_extmap_lookup - what begins at @file_blk?
 * @map: locked, shared suffices
 * @file_blk: where
 * @nr_blks: how far to look, >= 1
 * @out: begins at @file_blk, at most @nr_blks long, all of one type; a hole ends where an extent begins
 */
void lab_extmap_lookup(struct lab_extent_map *map, u32 file_blk, u32 nr_blks, struct lab_ext *out)
{
	const struct lab_ext *ext = lab_extmap_at(map, lab_extmap_find(map, file_blk));

	out->file_blk = file_blk;
	if (ext && ext->file_blk <= file_blk) {
		u32 skip = file_blk - ext->file_blk;

		out->nr_blks = min(nr_blks, ext->nr_blks - skip);
		out->disk_blk = ext->disk_blk + skip;
		out->type = ext->type;
		return;
	}
	out->nr_blks = ext ? min(nr_blks, ext->file_blk - file_blk) : nr_blks;
	out->disk_blk = 0;
	out->type = LAB_HOLE;
}

static bool joinable(const struct lab_ext *a, const struct lab_ext *b)
{
	return ext_end(a) == b->file_blk && a->disk_blk + a->nr_blks == b->disk_blk && a->type == b->type;
}

/* Join the extent at @pos with its successor if that continues it; true if so (places are void then). */
static bool join_next(struct lab_extent_map *map, struct lab_map_pos pos)
{
	struct lab_ext *ext = lab_extmap_at(map, pos), *next;
	struct lab_map_pos after = lab_extmap_next(map, pos);

	next = lab_extmap_at(map, after);
	if (!next || !joinable(ext, next))
		return false;
	ext->nr_blks += next->nr_blks;
	lab_extmap_del_at(map, after);
	return true;
}

/* Join what continues its predecessor, from the extent before @file_blk on, up to @end_blk. */
static void join_range(struct lab_extent_map *map, u32 file_blk, u32 end_blk)
{
	struct lab_map_pos pos = lab_extmap_find(map, file_blk);
	struct lab_ext *ext;

	lab_extmap_prev(map, &pos);
	while ((ext = lab_extmap_at(map, pos)) && ext->file_blk < end_blk) {
		u32 first_blk = ext->file_blk;

		if (join_next(map, pos))
			pos = lab_extmap_find(map, first_blk);
		else
			pos = lab_extmap_next(map, pos);
	}
}

/* Let no extent cross @file_blk. */
static int split_at(struct lab_extent_map *map, u32 file_blk)
{
	struct lab_map_pos pos = lab_extmap_find(map, file_blk);
	struct lab_ext *ext = lab_extmap_at(map, pos), tail;
	u32 head_blks;
	int err;

	if (!ext || ext->file_blk >= file_blk)
		return 0;
	head_blks = file_blk - ext->file_blk;
	tail = *ext;
	tail.file_blk += head_blks;
	tail.disk_blk += head_blks;
	tail.nr_blks -= head_blks;
	ext->nr_blks = head_blks;
	err = lab_extmap_add_at(map, lab_extmap_next(map, pos), &tail);
	if (err)
		ext->nr_blks += tail.nr_blks;	/* nothing has moved */
	return err;
}

/**
 * lab_extmap_insert - put an extent where there was a hole
 * @map: locked exclusively
 * @ext: MAPPED or UNWRITTEN, all of it over a hole
 *
 * Joins its neighbours where it continues them. Context: task, may sleep for memory.
 * Return: 0; -ENOSPC, -ENOMEM; the map is then as it was.
 */
int lab_extmap_insert(struct lab_extent_map *map, const struct lab_ext *ext)
{
	struct lab_map_pos pos = lab_extmap_find(map, ext->file_blk), before = pos;
	struct lab_ext *next = lab_extmap_at(map, pos), *prev = NULL;

	BUG_ON(!ext->nr_blks || ext->type == LAB_HOLE);
	BUG_ON(next && next->file_blk < ext_end(ext));
	if (lab_extmap_prev(map, &before))
		prev = lab_extmap_at(map, before);

	if (prev && joinable(prev, ext)) {
		prev->nr_blks += ext->nr_blks;
		join_next(map, before);
		return 0;
	}
	if (next && joinable(ext, next)) {
		next->nr_blks += ext->nr_blks;
		next->disk_blk = ext->disk_blk;
		lab_extmap_set_first(map, pos, ext->file_blk);
		return 0;
	}
	return lab_extmap_add_at(map, pos, ext);
}

/**
 * lab_extmap_set_type - let the extents in a range be of @type
 * @map: locked exclusively
 * @file_blk: first block of the range
 * @nr_blks: its length; holes in it stay holes
 * @type: MAPPED or UNWRITTEN
 * @changed: number of blocks whose type was another
 *
 * Context: task, may sleep for memory. Return: 0; -ENOSPC, -ENOMEM; no answer of the map has changed then.
 */
int lab_extmap_set_type(struct lab_extent_map *map, u32 file_blk, u32 nr_blks,
			enum lab_extent_type type, u32 *changed)
{
	u32 end_blk = file_blk + nr_blks;
	struct lab_map_pos pos;
	struct lab_ext *ext;
	int err;

	BUG_ON(type == LAB_HOLE);
	*changed = 0;
	err = split_at(map, file_blk) ?: split_at(map, end_blk);
	if (!err) {
		pos = lab_extmap_find(map, file_blk);
		while ((ext = lab_extmap_at(map, pos)) && ext->file_blk < end_blk) {
			if (ext->type != type)
				*changed += ext->nr_blks;
			ext->type = type;
			pos = lab_extmap_next(map, pos);
		}
	}
	join_range(map, file_blk, end_blk + 1);
	return err;
}

/**
 * lab_extmap_remove - make a range a hole
 * @map: locked exclusively
 * @file_blk: first block of the range
 * @nr_blks: its length
 * @drop: called for each run of disk blocks that is no longer the file's; must not touch the map
 * @arg: for @drop
 *
 * Only a range in the middle of one extent needs memory, for the second of the two that it leaves.
 * Context: task, may sleep. Return: number of runs dropped; -ENOSPC, -ENOMEM: nothing was removed.
 */
int lab_extmap_remove(struct lab_extent_map *map, u32 file_blk, u32 nr_blks,
		      void (*drop)(void *arg, u32 disk_blk, u32 nr_blks), void *arg)
{
	u32 end_blk = file_blk + nr_blks, cut_blks;
	struct lab_map_pos pos = lab_extmap_find(map, file_blk);
	struct lab_ext *ext = lab_extmap_at(map, pos);
	int err, dropped = 0;

	if (ext && ext->file_blk < file_blk && ext_end(ext) > end_blk) {
		err = split_at(map, end_blk);
		if (err)
			return err;
	}
	for (;; dropped++) {
		pos = lab_extmap_find(map, file_blk);
		ext = lab_extmap_at(map, pos);
		if (!ext || ext->file_blk >= end_blk)
			return dropped;
		if (ext->file_blk < file_blk) {		/* its tail is inside */
			cut_blks = ext_end(ext) - file_blk;
			ext->nr_blks -= cut_blks;
			drop(arg, ext->disk_blk + ext->nr_blks, cut_blks);
		} else if (ext_end(ext) > end_blk) {	/* its head is */
			cut_blks = end_blk - ext->file_blk;
			drop(arg, ext->disk_blk, cut_blks);
			ext->disk_blk += cut_blks;
			ext->nr_blks -= cut_blks;
			lab_extmap_set_first(map, pos, end_blk);
		} else {
			drop(arg, ext->disk_blk, ext->nr_blks);
			lab_extmap_del_at(map, pos);
		}
	}
}
