/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * matrix.h - a scenario is one function that writes a spec, and one that judges the result; the
 * matrix runs it for every design × {ram, real disk} × {thr, det}.
 */
#ifndef LAB_TEST_MATRIX_H
#define LAB_TEST_MATRIX_H

#include <linux/types.h>
#include <linux/string.h>
#include <kc/probe.h>
#include <lab/fs.h>
#include "design.h"
#include "lab_run.h"
#include "lab_test.h"

#define SCEN_MAX_JOBS	4

struct scen {
	struct lab_run_spec spec;
	struct lab_job job[SCEN_MAX_JOBS];
};

/* The judge sees this; complaints are kept beside it. */
extern struct lab_run_result scen_result;
extern unsigned int scen_nr_complaints;
extern char scen_complaint[LAB_MAX_COMPLAINTS][LAB_WHY_BYTES];

/* One job, 4k random writes and reads of 1 MiB, depth 8, verified, on 4 MiB of RAM, through the loop. */
void scen_default(struct scen *s);
void scen_bs(struct lab_job *job, u32 bytes);
enum lab_run_status scen_run(struct scen *s);	/* complaints are collected */

/*
 * Every combination; @judge NULL: it ran, without one error. Real disk: a temporary file in the
 * working directory; where that cannot be, the test ends as skipped after the RAM half has passed.
 */
/* The knobs @d runs with by itself, with @loopq where it can. */
struct lab_knobs scen_knobs(const struct design *d, enum lab_loopq loopq);
void scen_matrix(void (*prepare)(struct scen *s), void (*judge)(const struct scen *s));
/* As scen_matrix(), on the target that prepare() names. */
void scen_matrix_here(void (*prepare)(struct scen *s), void (*judge)(const struct scen *s));

/* Does this run's loop device go through the page cache of its file? */
bool scen_cached(const struct scen *s);
/* A hidden design (the template, a copy of it) keeps the data, whatever it costs: its counters are not looked at. */
bool scen_is_dull(const struct scen *s);
/* Is this wrong with the design, on purpose? */
bool scen_has(const struct scen *s, enum lab_defect defect);
u64 scen_counter(unsigned int job, enum lab_scope scope, enum lab_probe_id id);
u64 scen_counter_all(unsigned int job, enum lab_probe_id id);
bool scen_said(const char *text);		/* is it part of a complaint? */
u32 scen_rounds(u32 ios);			/* fewer under valgrind and TSan */

#endif
