// SPDX-License-Identifier: GPL-2.0-only
/*
 * costs.c - the one table of what each design may spend, and that it runs with the knobs it should.
 *
 * A design that reaches the device with fewer of these is better and changes its line here; one that needs
 * more must say why. What all designs have in common (E extents: E map calls, E bios, no page reference, no
 * copy) is not in the table but asserted in counters.c.
 */
#include <linux/ioprio.h>
#include "rig.h"

#define RIG_UPSTREAM	(RIG_NOWAIT_UNSEEN | RIG_LOOP_NO_FUA | RIG_SHORT_READ_FAILS | RIG_NO_POLL | RIG_LOOP_NO_FREEZE | \
			 RIG_APART | RIG_PART_BLOCK | RIG_PRIO_HINT | RIG_EDGES_APART | RIG_FILLS_BEHIND | \
			 RIG_DEVICE_SHORT | RIG_NOTHING_LEFT | RIG_ANY_BLOCKS | RIG_DEAF_TO_CACHE | RIG_NOWAIT_READS_ON)

#define RIG_UPSTREAM_COSTS	.knob_sets = 1, .dios = 1, .punts = 1, .max_vecs = 128, \
	.task_prio = IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, IOPRIO_NORM)

static const struct rig_costs costs[] = {
	/*
	 * buffered: nothing for a bio but its place on the list and the thread that takes it; pages and copies instead
	 * (counters.c). O_DIRECT is that of 3.12: a dio for each call, three holders for each page.
	 */
	{ "buffered", .knob_sets = 4, .dios = 1, .upper_dios = 1, .punts = 1, .upper_refs = 4, .cached = true, .bdev_cache = true,
	  .lacks = RIG_NO_PRIO | RIG_NO_POLL | RIG_NO_NOWAIT | RIG_NO_FUA | RIG_NO_ZEROES | RIG_BY_BLOCK | RIG_WHOLE_FAULT |
		   RIG_LAST_ERROR | RIG_FIRST_IS_TOLD },
	/*
	 * iter-ops: a kiocb and a dio for each bio, an array for each bio of many pages, and all of it in the
	 * device's thread. What it asks the map and does to pages goes by pages (F2, F3: counters.c). The knobs
	 * that it has are those of its time; what else it lacks came later.
	 */
	{ "iter-ops", .knob_sets = 2, .cmds = 1, .dios = 1, .upper_dios = 1, .tables = 1, .punts = 1, .upper_refs = 4,
	  .lacks = RIG_NO_PRIO | RIG_NO_POLL | RIG_NO_NOWAIT | RIG_NO_FUA | RIG_NO_ZEROES | RIG_BY_BLOCK | RIG_WHOLE_FAULT |
		   RIG_HOLES_CACHED | RIG_EIO_ONLY | RIG_FIRST_IS_TOLD },
	/*
	 * iter-ops-fixed: one command a bio, and a bio that borrows the page table for each extent. Through
	 * the operations: one look at alignment, then for each extent how many pages there are, and fill.
	 */
	{ "iter-ops-fixed", .knob_sets = 16, .cmds = 1, .nested_ends = 4, .iter_ops = 1, .iter_ops_extent = 2,
	  .bdev_cache = true },
	/* iter-bvec: the same; nothing goes through a table. */
	{ "iter-bvec", .knob_sets = 16, .cmds = 1, .nested_ends = 4, .bdev_cache = true },
	/*
	 * iter-bvec@6.1: the command is the request's own, the iomap_dio is not; of all knobs only completion can
	 * be chosen. The rest is what Linux 6.1 does.
	 */
	{ "iter-bvec", .variant = 1, .knob_sets = 2, .dios = 1, .punts = 1, .max_vecs = 128, .bdev_cache = true,
	  .lacks = RIG_NOWAIT_UNSEEN | RIG_LOOP_NO_FUA | RIG_SHORT_READ_FAILS | RIG_NO_POLL |
		   RIG_LOOP_NO_FREEZE | RIG_EDGES_APART },
	/* bio-first: the bio is the command, its clone is cut where an extent ends; nothing is dispatched. */
	{ "bio-first", .knob_sets = 16, .clones = 1, .splits = 1, .nested_ends = 4, .bdev_cache = true },
	/*
	 * upstream, of any tree: Linux's own files, which the line of iter-bvec@6.1 is a model of. No cache of a block
	 * device, no knobs.
	 */
	{ "upstream:6.12", RIG_UPSTREAM_COSTS, .lacks = RIG_UPSTREAM | RIG_SHORT_WRITE_PASSES | RIG_BALANCES_FIRST },
	{ "upstream", RIG_UPSTREAM_COSTS, .lacks = RIG_UPSTREAM },
	/* TEMPLATE: every byte through the page cache, everything waited for. */
	{ "TEMPLATE", .knob_sets = 1, .cmds = 1 },
};

/* Trees of one design are called NAME:TREE. */
static bool is_called(const char *name)
{
	const char *p = rig_design->name;

	while (*name && *name == *p) {
		name++;
		p++;
	}
	return !*name && (!*p || *p == ':');
}

const struct rig_costs *rig_costs(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(costs); i++)
		if (is_called(costs[i].name) && costs[i].variant == rig_variant)
			return &costs[i];
	lab_test_fail(__FILE__, __LINE__, "%s has no line in costs[]", rig_design->name);
}

DESIGN_TEST(costs, knob_sets)
{
	struct lab_knobs knobs, own = rig_design->variants[rig_variant].knobs;
	unsigned int k, nr = 0;

	for (k = 0; k < RIG_KNOB_SETS; k++)
		nr += rig_knobs(k, &knobs);
	lab_expect_eq(nr, rig_costs()->knob_sets);
	own.variant = rig_variant;
	lab_expect(!rig_design->unsupported(&own));
}

unsigned int rig_punts(void)
{
	return lab_test_handoff() == 2 ? 1 : rig_costs()->punts;
}
