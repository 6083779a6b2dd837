// SPDX-License-Identifier: GPL-2.0-only
/*
 * The extent map against an array that says for each block what it is.
 */
#include <kc/fault.h>
#include <kc/world.h>
#include "../../../fs-model/fs-internal.h"
#include "../sim/drivers/devs.h"

#define NR_BLKS		700u	/* several leaves when each block is an extent */
#define FAR		100000u

struct model {
	u32 type[NR_BLKS], disk_blk[NR_BLKS];
};

struct both {
	struct lab_extent_map map;
	struct model m;
	u64 rand;
};

static void same_answer(struct both *b, u32 blk, u32 nr)
{
	struct lab_ext ext = { 1, 1, 1, 99 };
	u32 i;

	lab_extmap_lookup(&b->map, blk, nr, &ext);
	lab_expect_eq(ext.file_blk, blk);
	lab_expect_ge(ext.nr_blks, 1);
	lab_expect_le(ext.nr_blks, nr);
	for (i = 0; i < ext.nr_blks; i++) {
		lab_expect_eq(ext.type, b->m.type[blk + i]);
		if (ext.type != LAB_HOLE)
			lab_expect_eq(ext.disk_blk + i, b->m.disk_blk[blk + i]);
	}
	/* no shorter than it must be */
	if (ext.nr_blks < nr) {
		i = blk + ext.nr_blks;
		lab_expect(b->m.type[i] != ext.type ||
			   (ext.type != LAB_HOLE && b->m.disk_blk[i] != ext.disk_blk + ext.nr_blks));
	}
}

/* Sorted, no two that could be one, counts and directory right; and every block as in the model. */
static void map_sound(struct both *b)
{
	struct lab_ext *ext, prev = { 0, 0, 0, LAB_HOLE };
	struct lab_map_pos pos = { 0, 0 };
	u32 nr = 0, blk;

	for (; (ext = lab_extmap_at(&b->map, pos)); pos = lab_extmap_next(&b->map, pos), nr++) {
		lab_expect_gt(ext->nr_blks, 0);
		lab_expect_ge(ext->file_blk, prev.file_blk + prev.nr_blks);
		lab_expect(!(nr && ext->file_blk == prev.file_blk + prev.nr_blks && ext->type == prev.type &&
			     ext->disk_blk == prev.disk_blk + prev.nr_blks));
		if (!pos.idx)
			lab_expect_eq(b->map.dir[pos.leaf].first_blk, ext->file_blk);
		prev = *ext;
	}
	lab_expect_eq(nr, b->map.nr_extents);
	for (blk = 0; blk < NR_BLKS; blk++)
		same_answer(b, blk, 1);
	for (blk = 0; blk < NR_BLKS; blk += 7)
		same_answer(b, blk, NR_BLKS - blk);
}

static void insert(struct both *b, u32 blk, u32 nr)
{
	struct lab_ext ext = { .file_blk = blk, .type = 1 + test_rand(&b->rand, 2) };
	u32 i;

	if (b->m.type[blk] != LAB_HOLE)
		return;
	while (ext.nr_blks < nr && b->m.type[blk + ext.nr_blks] == LAB_HOLE)
		ext.nr_blks++;
	/* two regions of the disk, in each of which what is adjacent in the file is adjacent: joins happen */
	ext.disk_blk = blk + (test_rand(&b->rand, 2) ? FAR : 0);
	lab_expect_eq(lab_extmap_insert(&b->map, &ext), 0);
	for (i = 0; i < ext.nr_blks; i++) {
		b->m.type[blk + i] = ext.type;
		b->m.disk_blk[blk + i] = ext.disk_blk + i;
	}
}

static void set_type(struct both *b, u32 blk, u32 nr)
{
	enum lab_extent_type type = 1 + test_rand(&b->rand, 2);
	u32 changed = 12345, want = 0, i;

	for (i = blk; i < blk + nr; i++) {
		if (b->m.type[i] == LAB_HOLE || b->m.type[i] == type)
			continue;
		b->m.type[i] = type;
		want++;
	}
	lab_expect_eq(lab_extmap_set_type(&b->map, blk, nr, type, &changed), 0);
	lab_expect_eq(changed, want);
}

/* The model's block of a disk block: the inverse of insert()'s choice. */
static void dropped(void *arg, u32 disk_blk, u32 nr_blks)
{
	struct both *b = arg;
	u32 blk = disk_blk >= FAR ? disk_blk - FAR : disk_blk, i;

	for (i = 0; i < nr_blks; i++) {
		lab_expect_ne(b->m.type[blk + i], LAB_HOLE);
		lab_expect_eq(b->m.disk_blk[blk + i], disk_blk + i);
		b->m.type[blk + i] = LAB_HOLE;
	}
}

static void remove(struct both *b, u32 blk, u32 nr)
{
	u32 i;

	lab_expect_ge(lab_extmap_remove(&b->map, blk, nr, dropped, b), 0);
	for (i = blk; i < blk + nr; i++)
		lab_expect_eq(b->m.type[i], LAB_HOLE);
}

static struct both *both_new(u64 seed)
{
	struct both *b = kzalloc(sizeof(*b), GFP_KERNEL);

	lab_expect(b);
	lab_extmap_init(&b->map);
	b->rand = seed;
	return b;
}

static void both_free(struct both *b)
{
	lab_extmap_destroy(&b->map);
	kfree(b);
}

LAB_TEST(extmap, agrees_with_an_array)
{
	struct both *b = both_new(test_seed());
	u32 round, rounds = lab_test_slow() ? 2000 : 12000, most = 0;

	for (round = 0; round < rounds; round++) {
		/* short ranges while it fills up, long ones now and then */
		u32 longest = test_rand(&b->rand, 200) ? 6 : NR_BLKS;
		u32 blk = test_rand(&b->rand, NR_BLKS);
		u32 nr = 1 + test_rand(&b->rand, min(longest, NR_BLKS - blk));

		switch (test_rand(&b->rand, 8)) {
		case 0 ... 4:
			insert(b, blk, nr);
			break;
		case 5 ... 6:
			set_type(b, blk, nr);
			break;
		default:
			remove(b, blk, nr);
		}
		same_answer(b, blk, nr);
		most = max(most, b->map.nr_leaves);
		if (round % 64 == 0)
			map_sound(b);
	}
	map_sound(b);
	lab_expect_gt(most, 1);		/* the directory was used */
	remove(b, 0, NR_BLKS);
	lab_expect_eq(b->map.nr_extents, 0);
	lab_expect_eq(b->map.nr_leaves, 0);
	both_free(b);
}

LAB_TEST(extmap, joins_both_neighbours)
{
	struct lab_extent_map map;
	struct lab_ext left = { 0, 5, 100, LAB_MAPPED }, right = { 6, 5, 106, LAB_MAPPED };
	struct lab_ext middle = { 5, 1, 105, LAB_MAPPED }, out;

	lab_extmap_init(&map);
	lab_expect_eq(lab_extmap_insert(&map, &left), 0);
	lab_expect_eq(lab_extmap_insert(&map, &right), 0);
	lab_expect_eq(map.nr_extents, 2);
	lab_expect_eq(lab_extmap_insert(&map, &middle), 0);
	lab_expect_eq(map.nr_extents, 1);
	lab_extmap_lookup(&map, 0, 100, &out);
	lab_expect_eq(out.nr_blks, 11);
	lab_extmap_destroy(&map);
}

/* There is no memory for a split: the map gives the answers it gave before, and the call can be repeated. */
static void dropped_one(void *arg, u32 disk_blk, u32 nr_blks)
{
	lab_expect_eq(nr_blks, 1);
	*(u32 *)arg = disk_blk;
}

/* The directory says where each leaf begins, also when its first extent is cut at its head, or grows there. */
LAB_TEST(extmap, first_extent_of_a_leaf_moves)
{
	struct lab_extent_map map;
	u32 i, leaf, blk, at = 0;
	struct lab_ext ext;

	lab_extmap_init(&map);
	for (i = 0; i < 3 * LAB_LEAF_EXTENTS; i++) {
		ext = (struct lab_ext){ 3 * i, 2, 10 * i, LAB_MAPPED };
		lab_expect_eq(lab_extmap_insert(&map, &ext), 0);
	}
	lab_expect_ge(map.nr_leaves, 3);
	for (leaf = 0; leaf < map.nr_leaves; leaf++) {
		blk = map.dir[leaf].first_blk;
		lab_expect_eq(lab_extmap_remove(&map, blk, 1, dropped_one, &at), 1);
		lab_expect_eq(at, 10 * (blk / 3));
		lab_expect_eq(map.dir[leaf].first_blk, blk + 1);
		lab_extmap_lookup(&map, blk, 2, &ext);
		lab_expect_eq(ext.type, LAB_HOLE);
		lab_expect_eq(ext.nr_blks, 1);
		ext = (struct lab_ext){ blk, 1, 10 * (blk / 3), LAB_MAPPED };
		lab_expect_eq(lab_extmap_insert(&map, &ext), 0);
		lab_expect_eq(map.dir[leaf].first_blk, blk);
		lab_extmap_lookup(&map, blk, 3, &ext);
		lab_expect_eq(ext.nr_blks, 2);
	}
	lab_extmap_destroy(&map);
}

LAB_TEST(extmap, no_memory_changes_nothing)
{
	struct both *b = both_new(test_seed());
	u32 blk, changed, refused = 0;

	/* leaves filled in order are full, so that the first split in each needs a new leaf */
	for (blk = 0; blk < NR_BLKS; blk += 4) {
		struct lab_ext ext = { blk, 3, blk, LAB_UNWRITTEN };

		if (blk + 3 > NR_BLKS)
			break;
		lab_expect_eq(lab_extmap_insert(&b->map, &ext), 0);
		for (changed = blk; changed < blk + 3; changed++) {
			b->m.type[changed] = LAB_UNWRITTEN;
			b->m.disk_blk[changed] = changed;
		}
	}
	map_sound(b);
	for (blk = 0; blk + 4 <= NR_BLKS; blk += 4) {
		int err;

		kc_fault_nth(KC_FAULT_SLAB, 1, 1000);
		err = lab_extmap_set_type(&b->map, blk + 1, 1, LAB_MAPPED, &changed);
		kc_fault_nth(KC_FAULT_SLAB, 0, 0);
		if (err) {
			lab_expect_eq(err, -ENOMEM);
			refused++;
			map_sound(b);
			lab_expect_eq(lab_extmap_set_type(&b->map, blk + 1, 1, LAB_MAPPED, &changed), 0);
		}
		b->m.type[blk + 1] = LAB_MAPPED;
		lab_expect_eq(changed, 1);
	}
	lab_expect_gt(refused, 0);
	map_sound(b);
	both_free(b);
}

static void ignore(void *arg, u32 disk_blk, u32 nr_blks)
{
}

/* 65536 extents of one block, put in in an order that jumps about: each found, none joined. */
LAB_TEST(extmap, random_65536)
{
	u32 nr = lab_test_slow() ? 4096 : 65536, i;
	struct lab_extent_map map;
	struct lab_ext out;

	lab_extmap_init(&map);
	for (i = 0; i < nr; i++) {
		u32 blk = (u64)i * 40503 % nr;		/* odd, so every block once */
		struct lab_ext ext = { blk, 1, 2 * blk, LAB_MAPPED };

		lab_expect_eq(lab_extmap_insert(&map, &ext), 0);
	}
	lab_expect_eq(map.nr_extents, nr);
	lab_expect_le(map.nr_leaves, nr / (LAB_LEAF_EXTENTS / 4));
	for (i = 0; i < nr; i++) {
		u32 blk = (u64)i * 48271 % nr;

		lab_extmap_lookup(&map, blk, 10, &out);
		lab_expect_eq(out.nr_blks, 1);
		lab_expect_eq(out.disk_blk, 2 * blk);
	}
	lab_extmap_lookup(&map, nr, 10, &out);
	lab_expect_eq(out.type, LAB_HOLE);
	lab_expect_eq(out.nr_blks, 10);
	/* of sixteen extents one stays: the leaves are poured together, not left nearly empty */
	for (i = 0; i < nr; i += 16)
		lab_expect_eq(lab_extmap_remove(&map, i + 1, 15, ignore, NULL), 15);
	lab_expect_eq(map.nr_extents, nr / 16);
	lab_expect_le(map.nr_leaves, nr / 16 / (LAB_LEAF_EXTENTS / 4) + 1);
	for (i = 0; i < nr; i += 16) {
		lab_extmap_lookup(&map, i, 10, &out);
		lab_expect_eq(out.nr_blks, 1);
		lab_expect_eq(out.disk_blk, 2 * i);
	}
	lab_extmap_destroy(&map);
}

static void limit_of_extents(void *arg)
{
	struct lab_extent_map map;
	struct lab_ext ext = { 0, 1, 0, LAB_MAPPED };
	u32 i, changed;

	lab_extmap_init(&map);
	for (i = 0; i < LAB_MAX_EXTENTS - 2; i++) {
		ext.file_blk = 2 * i;
		lab_expect_eq(lab_extmap_insert(&map, &ext), 0);
	}
	ext = (struct lab_ext) { 2 * i, 3, 7, LAB_UNWRITTEN };
	lab_expect_eq(lab_extmap_insert(&map, &ext), 0);
	lab_expect_eq(map.nr_extents, LAB_MAX_EXTENTS - 1);
	/* the middle block would make two more: one fits, two do not */
	lab_expect_eq(lab_extmap_set_type(&map, 2 * i + 1, 1, LAB_MAPPED, &changed), -ENOSPC);
	lab_expect_eq(map.nr_extents, LAB_MAX_EXTENTS - 1);
	lab_expect_eq(lab_extmap_set_type(&map, 2 * i, 1, LAB_MAPPED, &changed), 0);
	lab_expect_eq(map.nr_extents, LAB_MAX_EXTENTS);
	ext = (struct lab_ext) { 2 * i + 10, 1, 900, LAB_MAPPED };
	lab_expect_eq(lab_extmap_insert(&map, &ext), -ENOSPC);
	lab_extmap_destroy(&map);
}

/* One engine suffices: no waiting is involved, and a million extents take their time. */
LAB_TEST_BARE(extmap, limit_of_extents)
{
	int failures = -1;

	if (lab_test_slow())
		lab_test_skip("a million extents are too many for a run of few rounds");
	lab_expect_eq(kc_run(false, 0, NULL, limit_of_extents, NULL, &failures), KC_RUN_DONE);
	lab_expect_eq(failures, 0);
}
