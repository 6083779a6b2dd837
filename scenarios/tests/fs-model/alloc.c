// SPDX-License-Identifier: GPL-2.0-only
/* The allocator: no block twice, none lost, the layouts' promises. */
#include <kc/world.h>
#include "../../../fs-model/fs-internal.h"
#include "../sim/drivers/devs.h"

#define NR_BLKS	1000u	/* no multiple of a word, nor of most slots */

/* Random runs are taken and given back; the array says who has what. */
static void take_and_give(u32 slot_blks)
{
	u64 rand = test_seed();
	u32 round, blk, want, got, used = 0, i;
	struct lab_allocator a;
	u8 *owned = kzalloc(NR_BLKS, GFP_KERNEL);

	lab_expect(owned);
	lab_expect_eq(lab_alloc_init(&a, NR_BLKS, slot_blks, rand), 0);
	for (round = 0; round < (lab_test_slow() ? 500 : 5000); round++) {
		if (test_rand(&rand, 100) < 55) {
			want = 1 + test_rand(&rand, 40);
			blk = ~0u;
			got = lab_alloc_blocks(&a, want, &blk);
			lab_expect_eq(got == 0, used == NR_BLKS);
			lab_expect_le(got, want);
			for (i = blk; i < blk + got; i++) {
				lab_expect_lt(i, NR_BLKS);
				lab_expect_eq(owned[i], 0);
				owned[i] = 1;
			}
			if (slot_blks && got)
				lab_expect_eq(blk / slot_blks, (blk + got - 1) / slot_blks);
			used += got;
		} else if (used) {
			blk = test_rand(&rand, NR_BLKS);
			for (got = 0; blk + got < NR_BLKS && got < 30 && owned[blk + got]; got++)
				owned[blk + got] = 0;
			if (got)
				lab_free_blocks(&a, blk, got);
			used -= got;
		}
		lab_expect_eq(a.nr_free, NR_BLKS - used);
	}
	lab_alloc_destroy(&a);
	kfree(owned);
}

LAB_TEST(alloc, contiguous_never_twice)
{
	take_and_give(0);
}

LAB_TEST(alloc, fragmented_never_twice)
{
	take_and_give(1);
	take_and_give(7);
	take_and_give(NR_BLKS);
}

LAB_TEST(alloc, exactly_as_many_as_there_are)
{
	static const u32 slots[] = { 0, 1, 3, 64 };
	struct lab_allocator a;
	u32 i, n, blk;

	for (i = 0; i < sizeof(slots) / sizeof(slots[0]); i++) {
		for (n = 63; n <= 65; n++) {
			u32 left = n;

			lab_expect_eq(lab_alloc_init(&a, n, slots[i], 5), 0);
			while (left) {
				u32 got = lab_alloc_blocks(&a, left, &blk);

				lab_expect_ge(got, 1);
				left -= got;
			}
			lab_expect_eq(lab_alloc_blocks(&a, 1, &blk), 0);
			lab_free_blocks(&a, n - 1, 1);
			lab_expect_eq(lab_alloc_blocks(&a, 2, &blk), 1);
			lab_expect_eq(blk, n - 1);
			lab_alloc_destroy(&a);
		}
	}
}

LAB_TEST(alloc, contiguous_is_one_run)
{
	struct lab_allocator a;
	u32 blk = 9;

	lab_expect_eq(lab_alloc_init(&a, NR_BLKS, 0, 0), 0);
	lab_expect_eq(lab_alloc_blocks(&a, 300, &blk), 300);
	lab_expect_eq(blk, 0);
	lab_expect_eq(lab_alloc_blocks(&a, 700, &blk), 700);
	lab_expect_eq(blk, 300);
	lab_alloc_destroy(&a);
}

/* Next fit: what was freed behind the last allocation waits until the search comes round. */
LAB_TEST(alloc, contiguous_goes_on_where_it_ended)
{
	struct lab_allocator a;
	u32 blk;

	lab_expect_eq(lab_alloc_init(&a, NR_BLKS, 0, 0), 0);
	lab_expect_eq(lab_alloc_blocks(&a, 10, &blk), 10);
	lab_free_blocks(&a, 2, 5);
	lab_expect_eq(lab_alloc_blocks(&a, 3, &blk), 3);
	lab_expect_eq(blk, 10);
	lab_expect_eq(lab_alloc_blocks(&a, NR_BLKS, &blk), NR_BLKS - 13);
	lab_expect_eq(blk, 13);
	lab_expect_eq(lab_alloc_blocks(&a, NR_BLKS, &blk), 5);
	lab_expect_eq(blk, 2);
	lab_expect_eq(lab_alloc_blocks(&a, 1, &blk), 0);
	lab_alloc_destroy(&a);
}

/* For many numbers of slots and seeds: each slot once, whole, and never after its neighbour. */
LAB_TEST(alloc, fragments_are_never_neighbours)
{
	u32 nr_slots, seed, i, blk, got, last, shuffled = 0;
	struct lab_allocator a;

	for (nr_slots = 1; nr_slots <= 40; nr_slots++) {
		for (seed = 0; seed < 20; seed++) {
			lab_expect_eq(lab_alloc_init(&a, 4 * nr_slots + 1, 4, seed), 0);
			for (i = 0, last = ~0u - 4; i < nr_slots; i++, last = blk) {
				got = lab_alloc_blocks(&a, 100, &blk);
				lab_expect_eq(got, 4);
				lab_expect_eq(blk % 4, 0);
				lab_expect_ne(blk, last + 4);
				shuffled += i && blk > last;
			}
			/* the short slot comes last, whatever the order */
			lab_expect_eq(lab_alloc_blocks(&a, 100, &blk), 1);
			lab_expect_eq(blk, 4 * nr_slots);
			lab_alloc_destroy(&a);
		}
	}
	lab_expect_gt(shuffled, 0);	/* not just descending */
}

LAB_TEST(alloc, seed_decides_the_order)
{
	struct lab_allocator a, b, c;
	bool differs = false;
	u32 i;

	lab_expect_eq(lab_alloc_init(&a, NR_BLKS, 8, 1), 0);
	lab_expect_eq(lab_alloc_init(&b, NR_BLKS, 8, 1), 0);
	lab_expect_eq(lab_alloc_init(&c, NR_BLKS, 8, 2), 0);
	for (i = 0; i < a.nr_slots; i++) {
		lab_expect_eq(a.order[i], b.order[i]);
		differs |= a.order[i] != c.order[i];
	}
	lab_expect(differs);
	lab_alloc_destroy(&a);
	lab_alloc_destroy(&b);
	lab_alloc_destroy(&c);
}

static void free_twice(void *arg)
{
	struct lab_allocator a;
	u32 blk;

	lab_expect_eq(lab_alloc_init(&a, 10, 0, 0), 0);
	lab_expect_eq(lab_alloc_blocks(&a, 4, &blk), 4);
	lab_free_blocks(&a, blk, 4);
	lab_free_blocks(&a, blk + 3, 1);
}

static void in_a_world(void *fn)
{
	int failures;

	kc_run(false, 0, NULL, fn, NULL, &failures);
}

LAB_TEST_BARE(alloc, freeing_twice_stops)
{
	lab_expect_eq(lab_test_fork(in_a_world, free_twice), LAB_DIED);
	lab_expect(lab_test_fork_said("BUG_ON"));
}
