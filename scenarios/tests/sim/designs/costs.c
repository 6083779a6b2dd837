// SPDX-License-Identifier: GPL-2.0-only
/*
 * costs.c - the one table of what each design may spend, and that it runs with the knobs it should.
 *
 * A design that reaches the device with fewer of these is better and changes its line here; one that needs
 * more must say why. What all designs have in common (E extents: E map calls, E bios, no page reference, no
 * copy) is not in the table but asserted in counters.c.
 */
#include "rig.h"

static const struct rig_costs costs[] = {
	/*
	 * iter-ops-fixed: one command a bio, and a bio that borrows the page table for each extent. Through
	 * the operations: one look at alignment, then for each extent how many pages there are, and fill.
	 */
	{ "iter-ops-fixed", .knob_sets = 16, .cmds = 1, .iter_ops = 1, .iter_ops_extent = 2 },
	/* bio-first: the bio is the command, its clone is cut where an extent ends; nothing is dispatched. */
	{ "bio-first", .knob_sets = 16, .clones = 1, .splits = 1 },
	/* TEMPLATE: every byte through the page cache, everything waited for. */
	{ "TEMPLATE", .knob_sets = 1, .cmds = 1 },
};

const struct rig_costs *rig_costs(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(costs); i++)
		if (!strcmp(costs[i].name, rig_design->name))
			return &costs[i];
	lab_test_fail(__FILE__, __LINE__, "%s has no line in costs[]", rig_design->name);
}

DESIGN_TEST(costs, knob_sets)
{
	struct lab_knobs knobs, own = rig_design->variants[LAB_VARIANT].knobs;
	unsigned int k, nr = 0;

	for (k = 0; k < RIG_KNOB_SETS; k++)
		nr += rig_knobs(k, &knobs);
	lab_expect_eq(nr, rig_costs()->knob_sets);
	own.variant = LAB_VARIANT;
	lab_expect(!rig_design->unsupported(&own));
}
