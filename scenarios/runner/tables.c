// SPDX-License-Identifier: GPL-2.0-only
/*
 * tables.c - what there is: designs, counters, filters, by number and by name, for the command
 * line.
 */
#include <linux/types.h>
#include <linux/build_bug.h>
#include <linux/string.h>
#include <kc/probe.h>
#include <lab/filter.h>
#include "design.h"
#include "lab_run.h"
#include "runner.h"

_Static_assert(LAB_NR_PROBES <= LAB_COUNTERS_MAX, "lab_run.h: LAB_COUNTERS_MAX");
_Static_assert(LAB_NR_SCOPES == LAB_SCOPES, "lab_run.h: LAB_SCOPES");

/** lab_nr_designs - how many designs this program shows; hidden ones are the last of the table */
unsigned int lab_nr_designs(void)
{
	unsigned int n = 0;

	while (lab_designs[n] && !lab_designs[n]->hidden)
		n++;
	return n;
}

/** lab_design_name - of design @i, below lab_nr_designs() */
const char *lab_design_name(unsigned int i)
{
	return lab_designs[i]->name;
}

/** lab_design_summary - one line about design @i */
const char *lab_design_summary(unsigned int i)
{
	return lab_designs[i]->variants[0].summary;
}

/** lab_design_variant_name - of design @i; NULL: it has fewer than @variant + 1 */
const char *lab_design_variant_name(unsigned int i, unsigned int variant)
{
	const struct lab_variant *v = lab_designs[i]->variants;

	while (variant-- && v->name)
		v++;
	return v->name;
}

/**
 * lab_design_find - the design called @name
 * @name: as on the command line, without knobs
 *
 * Return: it, or NULL.
 */
const struct design *lab_design_find(const char *name)
{
	unsigned int i;

	for (i = 0; lab_designs[i]; i++)
		if (!strcmp(lab_designs[i]->name, name))
			return lab_designs[i];
	return NULL;
}

/**
 * lab_design_variant - which variant of a design is called so
 * @design: its name
 * @variant: what follows the @, "" for the plain one
 *
 * Return: its index; -1: no such design, or none of that name.
 */
int lab_design_variant(const char *design, const char *variant)
{
	const struct design *d = lab_design_find(design);
	int i;

	for (i = 0; d && d->variants[i].name; i++)
		if (!strcmp(d->variants[i].name, variant))
			return i;
	return -1;
}

/**
 * lab_design_defaults - the knobs a design runs with where nobody says otherwise
 * @spec: design and variant are looked at, and must exist; the knobs are set
 */
void lab_design_defaults(struct lab_run_spec *spec)
{
	const struct lab_knobs *k = &lab_design_find(spec->design)->variants[spec->variant].knobs;

	spec->handoff = k->handoff;
	spec->alloc = k->alloc;
	spec->completion = k->completion;
	spec->loopq = k->loopq;
	spec->bio_rule = k->bio_rule;
}

/**
 * room_knobs - as the designs take them
 * @spec: of a run
 */
struct lab_knobs room_knobs(const struct lab_run_spec *spec)
{
	return (struct lab_knobs) {
		.handoff = spec->handoff, .alloc = spec->alloc, .completion = spec->completion,
		.loopq = spec->loopq, .bio_rule = spec->bio_rule, .variant = spec->variant,
	};
}

/**
 * lab_design_unsupported - can this design run with these knobs?
 * @spec: of a run whose design exists
 *
 * Return: NULL, or one sentence that says why not.
 */
const char *lab_design_unsupported(const struct lab_run_spec *spec)
{
	const struct design *d = lab_design_find(spec->design);
	struct lab_knobs knobs = room_knobs(spec);

	return d->unsupported ? d->unsupported(&knobs) : NULL;
}

/** lab_nr_counters - how many counters a result has per scope */
unsigned int lab_nr_counters(void)
{
	return LAB_NR_PROBES;
}

/** lab_counter_name - of counter @i, as in reports */
const char *lab_counter_name(unsigned int i)
{
	return lab_probe_name(i);
}

/** lab_counter_what - what one count of counter @i means */
const char *lab_counter_what(unsigned int i)
{
	return lab_probe_what(i);
}

/** lab_counter_is_gauge - 1 when counter @i is a maximum, not a sum */
int lab_counter_is_gauge(unsigned int i)
{
	return lab_probe_is_gauge(i);
}

/** lab_nr_filters - how many kinds of filter devices there are */
unsigned int lab_nr_filters(void)
{
	unsigned int n = 0;

	while (lab_filter_types[n])
		n++;
	return n;
}

/** lab_filter_name - of filter @i, as in --stack */
const char *lab_filter_name(unsigned int i)
{
	return lab_filter_types[i]->name;
}

/** lab_filter_what - one line about filter @i and its arguments */
const char *lab_filter_what(unsigned int i)
{
	return lab_filter_types[i]->what;
}
