// SPDX-License-Identifier: GPL-2.0-only
/*
 * extmap.c - the extent map as a container: sorted, searched, grown and shrunk.
 *
 * The extents of a file are one array sorted by file position, cut into leaves of up to LAB_LEAF_EXTENTS,
 * with a directory of the leaves' first blocks. A search is two binary searches; to insert or to delete
 * moves at most one leaf's worth of extents and the directory's tail, so a file of 65536 random extents is
 * as quick to change as a small one. A full leaf is halved; a leaf that falls to a quarter is poured into a
 * neighbour that has room, which keeps the directory short. The last extent found is remembered: sequential
 * IO and IO within one extent search nothing.
 *
 * Nothing here knows what an extent means: extmap-edit.c does.
 */
#include <linux/bug.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/lockdep.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "fs-internal.h"

#define LEAF_POUR	(LAB_LEAF_EXTENTS / 4)	/* at or below: join a neighbour if both fit */
#define DIR_MIN_ROOM	8u
#define DIR_MAX_ROOM	LAB_MAX_EXTENTS

/**
 * lab_extmap_init - make @map an empty map
 * @map: uninitialised memory
 */
void lab_extmap_init(struct lab_extent_map *map)
{
	memset(map, 0, sizeof(*map));
	init_rwsem(&map->lock);
}

/**
 * lab_extmap_destroy - free the map's memory; blocks are not given back
 * @map: no one else uses it
 */
void lab_extmap_destroy(struct lab_extent_map *map)
{
	u32 i;

	for (i = 0; i < map->nr_leaves; i++)
		kfree(map->dir[i].leaf);
	kfree(map->dir);
	map->dir = NULL;
	map->nr_leaves = map->dir_room = map->nr_extents = 0;
}

/**
 * lab_extmap_at - the extent at a place
 * @map: locked
 * @pos: from lab_extmap_find() or a step from there, no change since
 *
 * Return: the extent, or NULL at the end of the map.
 */
struct lab_ext *lab_extmap_at(struct lab_extent_map *map, struct lab_map_pos pos)
{
	struct lab_leaf *leaf;

	if (pos.leaf >= map->nr_leaves)
		return NULL;
	leaf = map->dir[pos.leaf].leaf;
	WARN_ON(pos.idx >= leaf->nr);
	return &leaf->ext[pos.idx];
}

/**
 * lab_extmap_next - one extent further
 * @map: locked
 * @pos: not the end
 */
struct lab_map_pos lab_extmap_next(struct lab_extent_map *map, struct lab_map_pos pos)
{
	if (++pos.idx >= map->dir[pos.leaf].leaf->nr) {
		pos.leaf++;
		pos.idx = 0;
	}
	return pos;
}

/**
 * lab_extmap_prev - one extent back
 * @map: locked
 * @pos: moved, unless it is the first
 *
 * Return: whether there was one.
 */
bool lab_extmap_prev(struct lab_extent_map *map, struct lab_map_pos *pos)
{
	if (pos->idx) {
		pos->idx--;
		return true;
	}
	if (!pos->leaf)
		return false;
	pos->leaf--;
	pos->idx = map->dir[pos->leaf].leaf->nr - 1;
	return true;
}

static bool ends_after(const struct lab_ext *ext, u32 file_blk)
{
	return ext->file_blk + ext->nr_blks > file_blk;
}

/* Is the hint, or its successor, the answer for @file_blk? */
static bool find_by_hint(struct lab_extent_map *map, u32 file_blk, struct lab_map_pos *pos)
{
	u64 hint = READ_ONCE(map->hint);
	struct lab_ext *ext;
	int step;

	pos->leaf = hint >> 32;
	pos->idx = (u32)hint;
	if (pos->leaf >= map->nr_leaves || pos->idx >= map->dir[pos->leaf].leaf->nr)
		return false;
	for (step = 0; step < 2; step++) {
		ext = lab_extmap_at(map, *pos);
		if (!ext || ext->file_blk > file_blk)
			return false;
		if (ends_after(ext, file_blk))
			return true;
		*pos = lab_extmap_next(map, *pos);
	}
	return false;
}

static void remember(struct lab_extent_map *map, struct lab_map_pos pos)
{
	u64 hint = (u64)pos.leaf << 32 | pos.idx;

	if (READ_ONCE(map->hint) != hint && !READ_ONCE(map->dir[pos.leaf].leaf->cold))
		WRITE_ONCE(map->hint, hint);
}

/* The last leaf that begins at or before @file_blk, or the first leaf. There is one. */
static u32 leaf_of(const struct lab_extent_map *map, u32 file_blk)
{
	u32 lo, hi, mid;

	for (lo = 0, hi = map->nr_leaves; hi - lo > 1; ) {
		mid = lo + (hi - lo) / 2;
		if (map->dir[mid].first_blk <= file_blk)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

/**
 * lab_extmap_leaf - where @file_blk is looked up
 * @map: locked, shared suffices
 * @file_blk: any block
 *
 * Return: the leaf that must be in memory to say what is there; NULL: the map is empty.
 */
struct lab_leaf *lab_extmap_leaf(struct lab_extent_map *map, u32 file_blk)
{
	return map->nr_leaves ? map->dir[leaf_of(map, file_blk)].leaf : NULL;
}

/**
 * lab_extmap_find - the extent that holds @file_blk, else the first one after it
 * @map: locked, shared suffices
 * @file_blk: any block
 *
 * Return: its place; the end of the map when there is neither.
 */
struct lab_map_pos lab_extmap_find(struct lab_extent_map *map, u32 file_blk)
{
	struct lab_map_pos pos = { 0, 0 };
	struct lab_leaf *leaf;
	u32 lo, hi, mid;

	if (!map->nr_leaves)
		return pos;
	if (find_by_hint(map, file_blk, &pos)) {
		remember(map, pos);
		return pos;
	}

	pos.leaf = leaf_of(map, file_blk);
	leaf = map->dir[pos.leaf].leaf;
	/* in it, the first extent that ends after file_blk */
	for (lo = 0, hi = leaf->nr; lo < hi; ) {
		mid = lo + (hi - lo) / 2;
		if (ends_after(&leaf->ext[mid], file_blk))
			hi = mid;
		else
			lo = mid + 1;
	}
	pos.idx = lo;
	if (lo < leaf->nr) {
		remember(map, pos);
		return pos;
	}
	pos.leaf++;
	pos.idx = 0;
	return pos;
}

/* A new, empty entry of the directory at @at; its leaf is the caller's to fill. */
static struct lab_leaf *add_leaf(struct lab_extent_map *map, u32 at)
{
	struct lab_leaf *leaf;

	if (map->nr_leaves == map->dir_room) {
		u32 room = map->dir_room ? map->dir_room * 2 : DIR_MIN_ROOM;
		struct lab_leaf_ref *dir;

		BUG_ON(room > DIR_MAX_ROOM);
		dir = kmalloc_array(room, sizeof(*dir), GFP_NOFS);
		if (!dir)
			return NULL;
		if (map->nr_leaves)
			memcpy(dir, map->dir, map->nr_leaves * sizeof(*dir));
		kfree(map->dir);
		map->dir = dir;
		map->dir_room = room;
	}
	leaf = kmalloc(sizeof(*leaf), GFP_NOFS);
	if (!leaf)
		return NULL;
	leaf->nr = 0;
	leaf->cold = 0;
	map->hint = LAB_NO_HINT;
	memmove(&map->dir[at + 1], &map->dir[at], (map->nr_leaves - at) * sizeof(*map->dir));
	map->dir[at].leaf = leaf;
	map->nr_leaves++;
	return leaf;
}

static void remove_leaf(struct lab_extent_map *map, u32 at)
{
	kfree(map->dir[at].leaf);
	map->hint = LAB_NO_HINT;
	map->nr_leaves--;
	memmove(&map->dir[at], &map->dir[at + 1], (map->nr_leaves - at) * sizeof(*map->dir));
}

/* Move the upper half of a full leaf into a new one after it. */
static int halve_leaf(struct lab_extent_map *map, u32 at)
{
	struct lab_leaf *new = add_leaf(map, at + 1), *old;
	u32 keep = LAB_LEAF_EXTENTS / 2;

	if (!new)
		return -ENOMEM;
	old = map->dir[at].leaf;
	new->nr = old->nr - keep;
	new->cold = old->cold;
	memcpy(new->ext, &old->ext[keep], new->nr * sizeof(new->ext[0]));
	old->nr = keep;
	map->dir[at + 1].first_blk = new->ext[0].file_blk;
	return 0;
}

/**
 * lab_extmap_add_at - put @ext before the extent at @pos
 * @map: locked exclusively
 * @pos: where it belongs in file order (the end of the map: append)
 * @ext: overlaps nothing
 *
 * Context: task, may sleep for memory.
 * Return: 0; -ENOSPC at LAB_MAX_EXTENTS, -ENOMEM; the map is then as it was. All places are void after it.
 */
int lab_extmap_add_at(struct lab_extent_map *map, struct lab_map_pos pos, const struct lab_ext *ext)
{
	struct lab_leaf *leaf;

	if (map->nr_extents >= LAB_MAX_EXTENTS)
		return -ENOSPC;
	if (!map->nr_leaves) {
		if (!add_leaf(map, 0))
			return -ENOMEM;
		pos.leaf = pos.idx = 0;
	} else if (!pos.idx && pos.leaf) {
		/* between two leaves: at the end of the earlier, where appending fills leaves up */
		pos.leaf--;
		pos.idx = map->dir[pos.leaf].leaf->nr;
	}
	leaf = map->dir[pos.leaf].leaf;
	if (leaf->nr == LAB_LEAF_EXTENTS) {
		if (pos.idx == leaf->nr) {
			if (!add_leaf(map, pos.leaf + 1))
				return -ENOMEM;
			pos.leaf++;
			pos.idx = 0;
		} else {
			if (halve_leaf(map, pos.leaf))
				return -ENOMEM;
			if (pos.idx > leaf->nr) {
				pos.idx -= leaf->nr;
				pos.leaf++;
			}
		}
		leaf = map->dir[pos.leaf].leaf;
	}
	memmove(&leaf->ext[pos.idx + 1], &leaf->ext[pos.idx], (leaf->nr - pos.idx) * sizeof(leaf->ext[0]));
	leaf->ext[pos.idx] = *ext;
	leaf->nr++;
	map->dir[pos.leaf].first_blk = leaf->ext[0].file_blk;
	map->nr_extents++;
	return 0;
}

/* Pour the leaf at @at + 1 into the one at @at if they fit into one. */
static bool pour(struct lab_extent_map *map, u32 at)
{
	struct lab_leaf *to, *from;

	if (at + 1 >= map->nr_leaves)
		return false;
	to = map->dir[at].leaf;
	from = map->dir[at + 1].leaf;
	if (to->nr + from->nr > LAB_LEAF_EXTENTS)
		return false;
	memcpy(&to->ext[to->nr], from->ext, from->nr * sizeof(from->ext[0]));
	to->nr += from->nr;
	to->cold |= from->cold;
	remove_leaf(map, at + 1);
	return true;
}

/**
 * lab_extmap_del_at - remove the extent at @pos
 * @map: locked exclusively
 * @pos: an extent; all places are void after it
 */
void lab_extmap_del_at(struct lab_extent_map *map, struct lab_map_pos pos)
{
	struct lab_leaf *leaf = map->dir[pos.leaf].leaf;

	BUG_ON(pos.idx >= leaf->nr);
	leaf->nr--;
	memmove(&leaf->ext[pos.idx], &leaf->ext[pos.idx + 1], (leaf->nr - pos.idx) * sizeof(leaf->ext[0]));
	map->nr_extents--;
	if (!leaf->nr) {
		remove_leaf(map, pos.leaf);
		return;
	}
	map->dir[pos.leaf].first_blk = leaf->ext[0].file_blk;
	if (leaf->nr > LEAF_POUR)
		return;
	if (!pour(map, pos.leaf) && pos.leaf)
		pour(map, pos.leaf - 1);
}

/**
 * lab_extmap_set_first - let the extent at @pos begin at another file block
 * @map: locked exclusively
 * @pos: an extent
 * @file_blk: still between its neighbours; length and disk block are the caller's to adapt
 */
void lab_extmap_set_first(struct lab_extent_map *map, struct lab_map_pos pos, u32 file_blk)
{
	map->dir[pos.leaf].leaf->ext[pos.idx].file_blk = file_blk;
	if (!pos.idx)
		map->dir[pos.leaf].first_blk = file_blk;
}
