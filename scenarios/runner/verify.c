// SPDX-License-Identifier: GPL-2.0-only
/*
 * verify.c - what the file must contain, sector by sector.
 *
 * A verified file has a generation for each 512-byte sector: 0 while nobody has written it (zeros),
 * else the number of the write that did it. The bytes of a sector are payload whose seed is made of
 * the run's seed, the sector and the generation, so a sector that is old, belongs elsewhere, or was
 * never written is told from the right one at its first byte, and nothing that was written needs to
 * be kept.
 *
 * IOs that overlap may finish in any order, so while verifying they are not in flight together,
 * unless both only read: each IO claims its range first. A generator whose next IO meets a claim
 * waits; its stream keeps its order.
 */
#include <linux/types.h>
#include <linux/bug.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include "host.h"
#include "runner.h"

/**
 * vmap_create - a file of which nothing is known to be written
 * @bytes: of the file; beyond it nothing is checked
 * @seed: of the payload
 *
 * Memory comes from the host at once and goes with the run. Context: task. Return: the map, or
 * NULL.
 */
struct vmap *vmap_create(u64 bytes, u64 seed)
{
	struct vmap *map = host_alloc(sizeof(*map));

	if (!map)
		return NULL;
	map->bytes = bytes;
	map->seed = seed;
	map->gen = host_alloc((bytes + VMAP_SECTOR_BYTES - 1) / VMAP_SECTOR_BYTES * sizeof(u32));
	if (!map->gen) {
		host_free(map);
		return NULL;
	}
	spin_lock_init(&map->lock);
	INIT_LIST_HEAD(&map->claims);
	init_waitqueue_head(&map->released);
	return map;
}

/**
 * vmap_claim - try to put [pos, pos + len) in flight
 * @map: the file
 * @c: the caller's until vmap_release()
 * @pos: bytes
 * @len_bytes: how much
 * @write: it changes the range
 *
 * Context: task. Return: false when something in flight overlaps and one of the two writes.
 */
bool vmap_claim(struct vmap *map, struct vmap_claim *c, u64 pos, u64 len_bytes, bool write)
{
	struct vmap_claim *other;
	bool ok = true;

	c->pos = pos;
	c->len_bytes = len_bytes;
	c->write = write;
	spin_lock(&map->lock);
	list_for_each_entry(other, &map->claims, node) {
		if (!write && !other->write)
			continue;
		if (pos < other->pos + other->len_bytes && other->pos < pos + len_bytes) {
			ok = false;
			break;
		}
	}
	if (ok)
		list_add(&c->node, &map->claims);
	spin_unlock(&map->lock);
	return ok;
}

/**
 * vmap_release - the IO is over and its result is in the map
 * @map: the file
 * @c: a claim that was granted
 *
 * Context: task.
 */
void vmap_release(struct vmap *map, struct vmap_claim *c)
{
	spin_lock(&map->lock);
	list_del(&c->node);
	spin_unlock(&map->lock);
	wake_up_all(&map->released);
}

/**
 * vmap_new_gen - the number of one more write
 * @map: the file
 *
 * Context: task. Return: neither VMAP_ZERO nor VMAP_UNKNOWN.
 */
u32 vmap_new_gen(struct vmap *map)
{
	u32 gen;

	spin_lock(&map->lock);
	gen = ++map->last;
	spin_unlock(&map->lock);
	BUG_ON(gen == VMAP_UNKNOWN);
	return gen;
}

/**
 * vmap_set - every sector that [pos, pos + len) touches has generation @gen from now on
 * @map: the file
 * @pos: bytes
 * @len_bytes: how much; what lies beyond the map is ignored
 * @gen: from vmap_new_gen(), VMAP_ZERO or VMAP_UNKNOWN
 *
 * Context: any; the caller has the range claimed, or is alone.
 */
void vmap_set(struct vmap *map, u64 pos, u64 len_bytes, u32 gen)
{
	u64 i, end = min_t(u64, pos + len_bytes, map->bytes);

	for (i = pos / VMAP_SECTOR_BYTES; i * VMAP_SECTOR_BYTES < end; i++)
		map->gen[i] = gen;
}

static u64 vmap_seed(const struct vmap *map, u64 sector, u32 gen)
{
	return lab_mix64(lab_mix64(map->seed + sector) + gen);
}

static void vmap_sector(const struct vmap *map, u64 sector, u32 gen, u32 first, void *dst, u32 len_bytes)
{
	if (gen == VMAP_ZERO)
		memset(dst, 0, len_bytes);
	else
		lab_payload(dst, vmap_seed(map, sector, gen), first, len_bytes);
}

/**
 * vmap_fill - the bytes that [pos, pos + len) must contain
 * @map: the file
 * @pos: bytes
 * @dst: where to; left alone where the map knows nothing
 * @len_bytes: how many; inside the map
 *
 * Context: any.
 */
void vmap_fill(const struct vmap *map, u64 pos, void *dst, size_t len_bytes)
{
	u8 *p = dst;

	BUG_ON(pos + len_bytes > map->bytes);
	while (len_bytes) {
		u64 sector = pos / VMAP_SECTOR_BYTES;
		u32 first = pos % VMAP_SECTOR_BYTES;
		u32 n = min_t(u64, VMAP_SECTOR_BYTES - first, len_bytes);

		if (map->gen[sector] != VMAP_UNKNOWN)
			vmap_sector(map, sector, map->gen[sector], first, p, n);
		pos += n;
		p += n;
		len_bytes -= n;
	}
}

/* What is it that lies here instead? Zeros, blocks nobody wrote, or one of the last generations. */
static const char *vmap_hint(const struct vmap *map, u64 sector, u32 first, const u8 *have, u32 len_bytes)
{
	u8 want[VMAP_SECTOR_BYTES];
	u32 gen = map->gen[sector], back;

	memset(want, 0, len_bytes);
	if (!memcmp(have, want, len_bytes))
		return "; zeros are there";
	memset(want, RUN_STALE_BYTE, len_bytes);
	if (!memcmp(have, want, len_bytes))
		return "; stale blocks show through";
	memset(want, LAB_READ_POISON, len_bytes);
	if (!memcmp(have, want, len_bytes))
		return "; the buffer was not touched";
	for (back = 1; back <= 64 && back < gen; back++) {
		vmap_sector(map, sector, gen - back, first, want, len_bytes);
		if (!memcmp(have, want, len_bytes))
			return "; older data of the same place are there";
	}
	return "";
}

/**
 * vmap_check - compare what was read with what must be there
 * @map: the file
 * @pos: of @have in the file, bytes
 * @have: what was read
 * @len_bytes: of @have; inside the map
 * @diff: set when they differ
 *
 * Context: any; the range is claimed or nobody writes. Return: true when every byte of a known
 * sector is right.
 */
bool vmap_check(const struct vmap *map, u64 pos, const void *have, size_t len_bytes, struct vmap_diff *diff)
{
	u8 want[VMAP_SECTOR_BYTES];
	const u8 *p = have;

	BUG_ON(pos + len_bytes > map->bytes);
	while (len_bytes) {
		u64 sector = pos / VMAP_SECTOR_BYTES;
		u32 first = pos % VMAP_SECTOR_BYTES, i;
		u32 n = min_t(u64, VMAP_SECTOR_BYTES - first, len_bytes);

		if (map->gen[sector] != VMAP_UNKNOWN) {
			vmap_sector(map, sector, map->gen[sector], first, want, n);
			if (memcmp(p, want, n)) {
				for (i = 0; p[i] == want[i]; i++)
					;
				diff->pos = pos + i;
				diff->found = p[i];
				diff->expected = want[i];
				diff->gen = map->gen[sector];
				diff->hint = vmap_hint(map, sector, first, p, n);
				return false;
			}
		}
		pos += n;
		p += n;
		len_bytes -= n;
	}
	return true;
}
