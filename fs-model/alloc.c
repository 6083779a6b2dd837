// SPDX-License-Identifier: GPL-2.0-only
/*
 * alloc.c - which blocks of the device are free: a bitmap with two ways of looking for a run of clear bits.
 *
 * Contiguous: next fit. The search begins where the last allocation ended and takes the first run it meets,
 * all of it up to what was asked for. A fresh device therefore hands out one run after the other.
 *
 * Fragmented: the device is cut into slots of one fragment each, and the slots are handed out in a shuffled
 * order in which no slot is followed by its neighbour on the device; a run never leaves its slot. So
 * the extents of a file on a fresh device are all one fragment long and no two in a row are contiguous. Once
 * blocks have been freed and handed out again, runs may be shorter.
 *
 * The memory comes from the host when the filesystem is made: no allocation afterwards.
 */
#include <linux/bug.h>
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include "host.h"
#include "fs-internal.h"

#define WORD_BITS	(8u * sizeof(unsigned long))

static bool blk_used(const struct lab_allocator *a, u32 blk)
{
	return a->bitmap[blk / WORD_BITS] >> (blk % WORD_BITS) & 1;
}

/* First block in [@from, @end) that is free; @end: none. */
static u32 next_free(const struct lab_allocator *a, u32 from, u32 end)
{
	while (from < end) {
		unsigned long free = ~a->bitmap[from / WORD_BITS] >> (from % WORD_BITS);

		if (free)
			return min(end, from + (u32)__builtin_ctzl(free));
		from += WORD_BITS - from % WORD_BITS;
	}
	return end;
}

/* Number of free blocks from @from on, at most @most. */
static u32 free_run(const struct lab_allocator *a, u32 from, u32 most)
{
	u32 n = 0;

	while (n < most && !blk_used(a, from + n))
		n++;
	return n;
}

/* splitmix64: the shuffle must be the same on both engines, so it does not draw from the run's stream. */
static u64 next_random(u64 *state)
{
	u64 z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static void swap_slots(u32 *order, u32 i, u32 j)
{
	u32 slot = order[i];

	order[i] = order[j];
	order[j] = slot;
}

/* Is entry @i followed by its neighbour, or does it follow it? */
static bool touches(const u32 *order, u32 nr, u32 i)
{
	return (i + 1 < nr && order[i + 1] == order[i] + 1) || (i && order[i] == order[i - 1] + 1);
}

/*
 * Fisher-Yates, then every pair of neighbours is broken up by a swap that makes no new pair. Fewer than
 * four slots may leave no such swap: then descending order, which has no such pair at all.
 */
static void shuffle(u32 *order, u32 nr, u64 seed)
{
	u32 i, j;

	for (i = nr; i > 1; i--)
		swap_slots(order, i - 1, next_random(&seed) % i);
	for (i = 0; i + 1 < nr; i++) {
		if (order[i + 1] != order[i] + 1)
			continue;
		for (j = 0; j < nr; j++) {
			swap_slots(order, i + 1, j);
			if (!touches(order, nr, i + 1) && !touches(order, nr, j))
				break;
			swap_slots(order, i + 1, j);
		}
		if (j == nr)
			break;
	}
	if (i + 1 >= nr)
		return;
	for (i = 0; i < nr; i++)
		order[i] = nr - 1 - i;
}

/**
 * lab_alloc_init - all blocks free
 * @a: uninitialised memory
 * @nr_blks: 1 .. LAB_FS_MAX_BLOCKS
 * @slot_blks: 0: contiguous; else fragmented, blocks of one fragment
 * @seed: of the fragmented order
 *
 * Context: task, set-up. Return: 0 or -ENOMEM.
 */
int lab_alloc_init(struct lab_allocator *a, u32 nr_blks, u32 slot_blks, u64 seed)
{
	u32 i, whole;

	a->nr_blks = a->nr_free = nr_blks;
	a->cursor = 0;
	a->slot_blks = slot_blks;
	a->nr_slots = 0;
	a->order = NULL;
	mutex_init(&a->lock);
	a->bitmap = host_alloc((nr_blks / WORD_BITS + 1) * sizeof(*a->bitmap));
	if (!a->bitmap)
		return -ENOMEM;
	if (!slot_blks)
		return 0;
	a->nr_slots = nr_blks / slot_blks + !!(nr_blks % slot_blks);
	a->order = host_alloc(a->nr_slots * sizeof(*a->order));
	if (!a->order) {
		host_free(a->bitmap);
		return -ENOMEM;
	}
	for (i = 0; i < a->nr_slots; i++)
		a->order[i] = i;
	whole = nr_blks / slot_blks;	/* a short last slot stays last: it would be a short extent */
	shuffle(a->order, whole, seed);
	return 0;
}

/**
 * lab_alloc_destroy - free the allocator's memory
 * @a: no one else uses it
 */
void lab_alloc_destroy(struct lab_allocator *a)
{
	host_free(a->order);
	host_free(a->bitmap);
	a->order = NULL;
	a->bitmap = NULL;
}

static void mark(struct lab_allocator *a, u32 blk, u32 nr, bool used)
{
	for (; nr; blk++, nr--) {
		BUG_ON(blk >= a->nr_blks);
		BUG_ON(blk_used(a, blk) == used);	/* handed out twice, or freed twice */
		a->bitmap[blk / WORD_BITS] ^= 1ul << (blk % WORD_BITS);
	}
}

static u32 take_contiguous(struct lab_allocator *a, u32 want, u32 *blk)
{
	u32 nr;

	*blk = next_free(a, a->cursor, a->nr_blks);
	if (*blk == a->nr_blks)
		*blk = next_free(a, 0, a->nr_blks);
	nr = free_run(a, *blk, min(want, a->nr_blks - *blk));
	a->cursor = *blk + nr;
	return nr;
}

static u32 take_fragment(struct lab_allocator *a, u32 want, u32 *blk)
{
	u32 tries, first, end, nr;

	for (tries = 0; tries < a->nr_slots; tries++) {
		first = a->order[a->cursor] * a->slot_blks;
		end = min(a->nr_blks, first + a->slot_blks);
		*blk = next_free(a, first, end);
		if (*blk < end) {
			nr = free_run(a, *blk, min(want, end - *blk));
			return nr;
		}
		if (++a->cursor == a->nr_slots)
			a->cursor = 0;
	}
	return 0;
}

/**
 * lab_alloc_blocks - take a run of free blocks
 * @a: the allocator
 * @want_blks: at most this many, >= 1
 * @disk_blk: the first one
 *
 * Context: task, may sleep. Return: how many, at least one while any is free; 0: the device is full.
 */
u32 lab_alloc_blocks(struct lab_allocator *a, u32 want_blks, u32 *disk_blk)
{
	u32 nr = 0;

	BUG_ON(!want_blks);
	mutex_lock(&a->lock);
	if (a->nr_free) {
		nr = a->slot_blks ? take_fragment(a, want_blks, disk_blk)
				  : take_contiguous(a, want_blks, disk_blk);
		BUG_ON(!nr);
		mark(a, *disk_blk, nr, true);
		a->nr_free -= nr;
	}
	mutex_unlock(&a->lock);
	return nr;
}

/**
 * lab_free_blocks - give blocks back
 * @a: the allocator
 * @disk_blk: first of them
 * @nr_blks: how many; each is in use
 *
 * Context: task, may sleep.
 */
void lab_free_blocks(struct lab_allocator *a, u32 disk_blk, u32 nr_blks)
{
	mutex_lock(&a->lock);
	mark(a, disk_blk, nr_blks, false);
	a->nr_free += nr_blks;
	mutex_unlock(&a->lock);
}
