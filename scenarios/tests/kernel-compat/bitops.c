// SPDX-License-Identifier: GPL-2.0-only
/*
 * bitops.c - tests of what the small headers compute: bits, searches, rounding, overflow, lists.
 */
#include <linux/align.h>
#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/math64.h>
#include <linux/overflow.h>
#include <linux/string.h>
#include "lab_test.h"

#define BITS	130

LAB_TEST_BARE(bitops, searches_agree_with_a_plain_loop)
{
	DECLARE_BITMAP(map, BITS);
	u64 x = lab_test_base_seed();
	unsigned int round, from, want, want_zero, i;

	lab_test_seed(x);
	for (round = 0; round < (lab_test_slow() ? 20 : 200); round++) {
		memset(map, round & 1 ? 0xff : 0, sizeof(map));
		for (i = 0; i < round % 7; i++) {
			x = x * 6364136223846793005ull + 1442695040888963407ull;
			if (round & 1)
				__clear_bit((long)(x >> 33) % BITS, map);
			else
				__set_bit((long)(x >> 33) % BITS, map);
		}
		for (from = 0; from <= BITS; from++) {
			for (want = from; want < BITS && !test_bit(want, map); want++)
				;
			for (want_zero = from; want_zero < BITS && test_bit(want_zero, map); want_zero++)
				;
			lab_expect_eq(find_next_bit(map, BITS, from), want);
			lab_expect_eq(find_next_zero_bit(map, BITS, from), want_zero);
		}
	}
}

LAB_TEST(bitops, test_and_set_says_what_was)
{
	unsigned long map[2] = { 0, 0 };

	lab_expect(!test_and_set_bit(64, map));
	lab_expect(test_and_set_bit(64, map));
	lab_expect_eq(map[1], 1);
	lab_expect(test_and_clear_bit(64, map));
	lab_expect(!test_and_clear_bit(64, map));
	set_bit(3, map);
	lab_expect_eq(map[0], 8);
	clear_bit(3, map);
	lab_expect_eq(map[0], 0);
}

LAB_TEST_BARE(bitops, logarithms_and_rounding)
{
	lab_expect_eq(ffs(0), 0);
	lab_expect_eq(fls(0), 0);
	lab_expect_eq(fls(1U << 31), 32);
	lab_expect_eq(fls64(1ULL << 63), 64);
	lab_expect_eq(ilog2(4095), 11);
	lab_expect_eq(ilog2(4096), 12);
	lab_expect_eq(roundup_pow_of_two(4097), 8192);
	lab_expect_eq(roundup_pow_of_two(4096), 4096);
	lab_expect_eq(rounddown_pow_of_two(4097), 4096);
	lab_expect_eq(order_base_2(4097), 13);
	lab_expect(is_power_of_2(1) && !is_power_of_2(0) && !is_power_of_2(6));
	lab_expect_eq(round_up(4097, 4096), 8192);
	lab_expect_eq(round_up(4096, 4096), 4096);
	lab_expect_eq(round_down(4097, 4096), 4096);
	lab_expect_eq(roundup(10, 3), 12);
	lab_expect_eq(DIV_ROUND_UP(10, 3), 4);
	lab_expect(IS_ALIGNED(8192, 4096) && !IS_ALIGNED(8193, 4096));
	lab_expect_eq(min_not_zero(0, 5), 5);
	lab_expect_eq(min_not_zero(3, 5), 3);
	lab_expect_eq(clamp(7, 1, 5), 5);
}

LAB_TEST_BARE(bitops, overflow_is_noticed_and_sizes_saturate)
{
	struct { u64 n; u32 v[]; } *p = NULL;
	size_t sum;
	u64 n = 1000;

	lab_expect(check_add_overflow(SIZE_MAX, (size_t)1, &sum));
	lab_expect(!check_add_overflow(SIZE_MAX - 1, (size_t)1, &sum));
	lab_expect_eq(sum, SIZE_MAX);
	lab_expect_eq(array_size(SIZE_MAX, 2), SIZE_MAX);
	lab_expect_eq(struct_size(p, v, 3), sizeof(*p) + 12);
	lab_expect_eq(struct_size(p, v, SIZE_MAX / 2), SIZE_MAX);
	lab_expect_eq(do_div(n, 7), 1000 % 7);
	lab_expect_eq(n, 1000 / 7);
}

LAB_TEST(atomic, returns_are_new_or_old_as_named)
{
	atomic_t v = ATOMIC_INIT(5);
	atomic64_t w = ATOMIC64_INIT(1ll << 40);
	int old = 5;

	lab_expect_eq(atomic_add_return(2, &v), 7);
	lab_expect_eq(atomic_fetch_add(2, &v), 7);
	lab_expect_eq(atomic_sub_return(4, &v), 5);
	lab_expect_eq(atomic_cmpxchg(&v, 4, 9), 5);
	lab_expect_eq(atomic_cmpxchg(&v, 5, 9), 5);
	lab_expect_eq(atomic_read(&v), 9);
	lab_expect(!atomic_try_cmpxchg(&v, &old, 1));
	lab_expect_eq(old, 9);
	lab_expect(atomic_try_cmpxchg(&v, &old, 1));
	lab_expect(atomic_dec_and_test(&v));
	lab_expect(!atomic_inc_not_zero(&v));
	lab_expect(!atomic_add_unless(&v, 1, 0));
	lab_expect(atomic_add_unless(&v, 3, 1));
	lab_expect(atomic_inc_not_zero(&v));
	lab_expect_eq(atomic_xchg(&v, -1), 4);
	lab_expect(atomic_add_negative(-1, &v));
	lab_expect_eq(atomic64_inc_return(&w), (1ll << 40) + 1);
}

struct node {
	struct list_head list;
	struct llist_node llist;
	int v;
};

LAB_TEST(list, keeps_order_and_is_spliced)
{
	LIST_HEAD(a);
	LIST_HEAD(b);
	struct node n[4], *pos, *next;
	int i, want = 0;

	for (i = 0; i < 4; i++) {
		n[i].v = i;
		list_add_tail(&n[i].list, i < 2 ? &a : &b);
	}
	list_splice_tail_init(&b, &a);
	lab_expect(list_empty(&b));
	list_for_each_entry(pos, &a, list)
		lab_expect_eq(pos->v, want++);
	lab_expect_eq(want, 4);
	list_move(&n[3].list, &a);
	lab_expect_eq(list_first_entry(&a, struct node, list)->v, 3);
	list_for_each_entry_safe(pos, next, &a, list)
		list_del_init(&pos->list);
	lab_expect(list_empty_careful(&a));
	lab_expect(!list_first_entry_or_null(&a, struct node, list));
}

LAB_TEST(llist, newest_first_and_reversed)
{
	LLIST_HEAD(head);
	struct node n[3];
	struct llist_node *at, *next;
	int i, want = 0;

	for (i = 0; i < 3; i++) {
		n[i].v = i;
		lab_expect_eq(llist_add(&n[i].llist, &head), i == 0);
	}
	at = llist_reverse_order(llist_del_all(&head));
	lab_expect(llist_empty(&head));
	llist_for_each_safe(at, next, at)
		lab_expect_eq(llist_entry(at, struct node, llist)->v, want++);
	lab_expect_eq(want, 3);
}

#ifdef KC_DEBUG
static void add_twice(void *arg)
{
	LIST_HEAD(a);
	struct node n;

	list_add(&n.list, &a);
	list_add(&n.list, &a);
}

static void del_twice(void *arg)
{
	LIST_HEAD(a);
	struct node n;

	list_add(&n.list, &a);
	list_del(&n.list);
	list_del(&n.list);
}

LAB_TEST_BARE(list, corruption_is_caught)
{
	lab_expect_eq(lab_test_fork(add_twice, NULL), LAB_DIED);
	lab_expect_eq(lab_test_fork(del_twice, NULL), LAB_DIED);
}
#endif
