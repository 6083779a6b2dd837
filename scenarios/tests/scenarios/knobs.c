// SPDX-License-Identifier: GPL-2.0-only
/*
 * knobs.c - every knob value with every other, through every design: the data must be right in all
 * of them, and a knob must do what its name says.
 */
#include "matrix.h"

static unsigned int knobs_now;		/* bit i: the second value of knob i */

static void prepare(struct scen *s)
{
	s->spec.handoff = knobs_now & 1;
	s->spec.alloc = knobs_now >> 1 & 1;
	s->spec.completion = knobs_now >> 2 & 1;
	s->spec.loopq = knobs_now >> 3 & 1;
	s->job[0].number_ios = scen_rounds(120);
	s->spec.target.layout = knobs_now & 1 ? LAB_LAYOUT_SPARSE : LAB_LAYOUT_FRAGMENTED;
	s->spec.target.fragment_bytes = 4096;
	scen_bs(&s->job[0], 16384);
}

static void judge(const struct scen *s)
{
	if (scen_result.job[0].errors)
		lab_test_fail(__FILE__, __LINE__, "%s, engine %d, handoff %d alloc %d completion %d loopq "
			      "%d: %s", s->spec.design, s->spec.engine, s->spec.handoff, s->spec.alloc,
			      s->spec.completion, s->spec.loopq, scen_nr_complaints ? scen_complaint[0] : "");
#if LAB_WITH_PROBES
	if (s->spec.handoff == LAB_HANDOFF_WORKER && s->spec.path == LAB_PATH_LOOP)
		lab_expect_ge(scen_counter(0, LAB_LOOP, LAB_PUNTS), s->spec.loopq == LAB_LOOPQ_BIO ?
			      s->job[0].number_ios : 1);
#endif
}

LAB_TEST_BARE(knobs, every_combination_keeps_the_data)
{
	for (knobs_now = 0; knobs_now < 16; knobs_now++)
		scen_matrix_here(prepare, judge);
}

static void prepare_file(struct scen *s)
{
	prepare(s);
	s->spec.path = LAB_PATH_FILE;
	s->job[0].number_ios = scen_rounds(60);
}

LAB_TEST_BARE(knobs, every_combination_straight_to_the_file)
{
	for (knobs_now = 0; knobs_now < 16; knobs_now++)
		scen_matrix_here(prepare_file, judge);
}

static void prepare_pinned(struct scen *s)
{
	prepare(s);
	s->spec.source = LAB_SOURCE_PINNED;
	s->job[0].number_ios = scen_rounds(60);
}

LAB_TEST_BARE(knobs, every_combination_from_ready_bios)
{
	for (knobs_now = 0; knobs_now < 16; knobs_now++)
		scen_matrix_here(prepare_pinned, judge);
}

static void prepare_disk(struct scen *s)
{
	prepare(s);
	s->job[0].number_ios = scen_rounds(40);
	s->job[0].size_bytes = 256u << 10;
}

/* One at a time on the real disk. */
LAB_TEST_BARE(knobs, each_value_on_a_real_disk)
{
	unsigned int knob;

	for (knob = 0; knob < 4; knob++) {
		knobs_now = 1u << knob;
		scen_matrix(prepare_disk, judge);
	}
}
