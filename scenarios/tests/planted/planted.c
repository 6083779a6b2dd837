// SPDX-License-Identifier: GPL-2.0-only
/*
 * planted.c - bugs on purpose. Linked into a program of their own (tests-planted), which every gate must turn
 * red: mk/planted.sh runs each under the same command as the real tests and fails if the gate stays green.
 */
#include <linux/completion.h>
#include <linux/kthread.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "lab_test.h"

#define PLANT_BYTES 96

static void *volatile lost;
static volatile unsigned char sink;

/* Memory that nothing frees. */
LAB_TEST(planted, leak)
{
	lost = kmalloc(PLANT_BYTES, GFP_KERNEL);
	lab_expect(lost != NULL);
	lost = NULL;
}

/* A read of memory that was freed. */
LAB_TEST(planted, use_after_free)
{
	unsigned char *p = kmalloc(PLANT_BYTES, GFP_KERNEL);

	lab_expect(p != NULL);
	memset(p, 1, PLANT_BYTES);
	kfree(p);
	sink = p[PLANT_BYTES / 2];
}

/* A write one byte behind an allocation. */
LAB_TEST(planted, overrun)
{
	unsigned char *volatile p = kmalloc(PLANT_BYTES, GFP_KERNEL);

	lab_expect(p != NULL);
	p[PLANT_BYTES] = 1;
	kfree(p);
}

static struct race {
	int counter, started;
	struct completion done[2];
} race;

/*
 * Both begin only when both are there, told by relaxed atomics, which order nothing: had one ended before the
 * other began, a lock on the way would have ordered them, and there would be no race to find.
 */
static int add_without_lock(void *done)
{
	__atomic_add_fetch(&race.started, 1, __ATOMIC_RELAXED);
	while (__atomic_load_n(&race.started, __ATOMIC_RELAXED) < 2)
		;
	for (int i = 0; i < 1000; i++)
		race.counter++;
	complete(done);
	return 0;
}

/* Two threads, one plain counter. */
LAB_TEST_THR(planted, race)
{
	struct task_struct *t[2];

	race.started = 0;
	for (int i = 0; i < 2; i++) {
		init_completion(&race.done[i]);
		t[i] = kthread_run(add_without_lock, &race.done[i], "race-%d", i);
	}
	for (int i = 0; i < 2; i++) {
		wait_for_completion(&race.done[i]);
		lab_expect_eq(kthread_stop(t[i]), 0);
	}
	lab_expect_gt(race.counter, 0);
}
