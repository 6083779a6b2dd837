// SPDX-License-Identifier: GPL-2.0-only
/*
 * Set-up without memory: whatever allocation fails, or thread cannot be made, the call says -ENOMEM and leaves nothing
 * behind (the world's audit), and the next one succeeds.
 */
#include <kc/fault.h>
#include "rig.h"

#define MANY	64u	/* allocations: more than any of these makes */

/* @init again and again, each time with another call at @site failing, until none does; @at_least of them. */
#define expect_each_failure_at(site, init, undo, at_least)					\
	do {										\
		unsigned int __n, __failed = 0;						\
		int __err = -ENOMEM;							\
											\
		for (__n = 1; __err && __n < MANY; __n++) {				\
			kc_fault_nth(site, __n, 1);					\
			__err = (init);							\
			kc_fault_nth(site, 0, 0);					\
			if (__err)							\
				lab_expect_eq(__err, -ENOMEM);				\
			else								\
				undo;							\
			__failed += __err != 0;						\
		}									\
		lab_expect_eq(__err, 0);						\
		lab_expect_ge(__failed, at_least);					\
	} while (0)

/* Memory, and then threads: a design may have none. */
#define expect_each_failure(init, undo, at_least)						\
	do {										\
		expect_each_failure_at(KC_FAULT_SLAB, init, undo, at_least);		\
		expect_each_failure_at(KC_FAULT_KTHREAD, init, undo, 0u);		\
	} while (0)

static struct lab_knobs own_knobs(void)
{
	struct lab_knobs knobs = rig_design->variants[rig_variant].knobs;

	knobs.variant = rig_variant;
	return knobs;
}

DESIGN_TEST(setup, init_without_memory)
{
	struct lab_knobs knobs = own_knobs();

	rig_needs_what(RIG_APART, "Linux panics when it boots without memory");
	/* Caches are not made to fail: a design may have nothing else. */
	expect_each_failure(rig_design->init(&knobs), rig_design->exit(), 0);
}

DESIGN_TEST(setup, open_without_memory)
{
	const struct design *d = rig_design;
	struct rig_opts o = { .file_bytes = 1 << 20 };
	struct lab_file *lf;
	struct rig r;

	rig_up(&r, &o);
	expect_each_failure((lf = d->open_file(r.inode), PTR_ERR_OR_ZERO(lf)), d->close(lf), 1);
	expect_each_failure((lf = d->open_bdev(r.trace), PTR_ERR_OR_ZERO(lf)), d->close(lf), 1);
	rig_down(&r);
}

DESIGN_TEST(setup, loop_without_memory)
{
	const struct design *d = rig_design;
	enum lab_loopq q;

	for (q = LAB_LOOPQ_BIO; q <= LAB_LOOPQ_MQ; q++) {
		struct rig_opts o = { .file_bytes = 1 << 20, .knobs = { .loopq = q } };
		struct lab_loop_opts lo = { };
		struct lab_loop *loop;
		struct rig r;

		rig_up(&r, &o);
		expect_each_failure((loop = d->loop_add(r.file, &lo), PTR_ERR_OR_ZERO(loop)), d->loop_del(loop), 1);
		rig_down(&r);
	}
}
