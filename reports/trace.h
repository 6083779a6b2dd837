/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * trace.h - what the writers of traces are given, and what they share.
 */
#ifndef LAB_TRACE_H
#define LAB_TRACE_H

#include <stdint.h>
#include <stdio.h>
#include "lab_run.h"

#define TRACE_MAX_DEVICES 64		/* filters, loop devices and a disk */

/**
 * struct trace_report - one run's trace
 * @trace: put in order by trace_order()
 * @jobs: of the run; an event 'm' names one by its index
 * @about: one line: what ran
 */
struct trace_report {
	const struct lab_blktrace *trace;
	const struct lab_job *jobs;
	const char *about;
};

/* How many events each device has had. All zeros to begin with. */
struct trace_devices {
	struct { host_u32 dev, events; } known[TRACE_MAX_DEVICES];
	unsigned int nr;
};

/* Events that were kept. */
host_u64 trace_kept(const struct lab_blktrace *t);
/* By time; those of one instant stay in the order in which they were kept. */
void trace_order(struct lab_blktrace *t);
/* The number of the next event of @dev, from 1: what shows a reader that nothing is missing. */
host_u32 trace_sequence(struct trace_devices *d, host_u32 dev);
/* The device that messages about the whole run go to: the first that anything happened at. */
host_u32 trace_first_device(const struct lab_blktrace *t);

/* The writers. Whether @out took it all is for the caller to ask (ferror). */
void trace_write_text(FILE *out, const struct trace_report *r);
void trace_write_blktrace(FILE *out, const struct trace_report *r);

#endif
