// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of fault.c: what the sites promise. How each site behaves is in its own facility's tests.
 */
#include <kc/fault.h>
#include "lab_test.h"
#include "test_task.h"

LAB_TEST(fault, off_until_armed)
{
	unsigned int i;

	for (i = 0; i < 100; i++)
		lab_expect(!kc_fault(KC_FAULT_SLAB));
	lab_expect_eq(kc_fault_hits(KC_FAULT_SLAB), 0);
	lab_expect(!kc_fault_is_armed(KC_FAULT_SLAB));
}

LAB_TEST(fault, nth_and_times)
{
	u64 nth, times, i;

	for (nth = 1; nth <= 4; nth++) {
		for (times = 1; times <= 3; times++) {
			kc_fault_nth(KC_FAULT_PIN, nth, times);
			lab_expect(kc_fault_is_armed(KC_FAULT_PIN) && !kc_fault_is_armed(KC_FAULT_PAGE));
			for (i = 1; i <= 8; i++)
				lab_expect_eq(kc_fault(KC_FAULT_PIN), i >= nth && i < nth + times);
			lab_expect(!kc_fault_is_armed(KC_FAULT_PIN));
		}
	}
	lab_expect_eq(kc_fault_hits(KC_FAULT_PIN), 4 * (1 + 2 + 3));
	lab_expect_eq(kc_fault_hits(KC_FAULT_PAGE), 0);
}

LAB_TEST(fault, units_stop_at_the_exact_one)
{
	u64 at;

	for (at = 99; at <= 101; at++) {
		kc_fault_nth(KC_FAULT_UCOPY, at, 1);
		lab_expect_eq(kc_fault_units(KC_FAULT_UCOPY, 100), at <= 100 ? at - 1 : 100);
		lab_expect_eq(kc_fault_units(KC_FAULT_UCOPY, 100), at == 101 ? 0 : 100);
	}
	/* The call after a failure fails at its first unit, as often as was asked for. */
	kc_fault_nth(KC_FAULT_UCOPY, 50, 2);
	lab_expect_eq(kc_fault_units(KC_FAULT_UCOPY, 40), 40);
	lab_expect_eq(kc_fault_units(KC_FAULT_UCOPY, 40), 9);
	lab_expect_eq(kc_fault_units(KC_FAULT_UCOPY, 40), 0);
	lab_expect_eq(kc_fault_units(KC_FAULT_UCOPY, 40), 40);
	kc_fault_nth(KC_FAULT_UCOPY, 1, 5);
	kc_fault_nth(KC_FAULT_UCOPY, 0, 0);
	lab_expect_eq(kc_fault_units(KC_FAULT_UCOPY, 40), 40);
}

static int ask_often(void *data)
{
	unsigned int i, *failed = data;

	for (i = 0; i < 200; i++)
		*failed += kc_fault(KC_FAULT_SLAB);
	return 0;
}

LAB_TEST(fault, counts_over_all_tasks)
{
	static struct test_task k[3];
	unsigned int failed[3] = { 0 }, i;

	kc_fault_nth(KC_FAULT_SLAB, 300, 50);
	for (i = 0; i < 3; i++)
		test_task_run(&k[i], ask_often, &failed[i], "ask");
	for (i = 0; i < 3; i++)
		lab_expect_eq(test_task_join(&k[i]), 0);
	lab_expect_eq(failed[0] + failed[1] + failed[2], 50);
	lab_expect_eq(kc_fault_hits(KC_FAULT_SLAB), 50);
}
