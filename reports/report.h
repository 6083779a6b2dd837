/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * report.h - what the writers of reports are given: jobs, and one column for each (design, path) that ran.
 *
 * Every figure is a count made by a probe, or a clock read in this very run; none is estimated. A writer prints what is
 * there and leaves out what was not measured.
 */
#ifndef LAB_REPORT_H
#define LAB_REPORT_H

#include <stdbool.h>
#include <stdio.h>
#include "lab_run.h"

#define REPORT_MAX_RUNS 16
#define REPORT_WIDTH	72		/* columns, so that a mail quotes it unharmed */

struct report_run {
	const char *label;		/* design with its knobs, as given */
	const char *knobs;		/* every knob, name=value, space separated */
	const char *path;		/* "loop" | "file" */
	enum lab_run_status status;
	const struct lab_run_result *result;
};

struct report {
	const struct lab_job *jobs;
	unsigned int nr_jobs;
	struct report_run runs[REPORT_MAX_RUNS];
	unsigned int nr_runs;
	const char *target, *engine, *source;	/* in words */
	const char *command;		/* what repeats this run */
	unsigned long long seed;
	bool verified;
};

/*
 * The writers: all of @r to @out, each in its form. @every_counter: those too that are 0 everywhere. Whether @out
 * took it all is for the caller to ask (ferror).
 */
void report_text(FILE *out, const struct report *r, bool every_counter);
void report_markdown(FILE *out, const struct report *r);
void report_json(FILE *out, const struct report *r);
void report_html(FILE *out, const struct report *r);

/* ---- figures.c: shared by the writers ------------------------------------------------------ */

/* @counter of @scope, divided by the job's IOs; a gauge is as it is. 0 without IOs. */
double report_per_io(const struct lab_job_result *j, unsigned int scope, unsigned int counter);
/* Is it other than 0 in any run of job @job? */
bool report_counter_used(const struct report *r, unsigned int job, unsigned int scope, unsigned int counter);
/* @v as 12, 0.25, 1.2e+09: at most 9 characters and the end */
void report_number(char *out, size_t bytes, double v);
/* Per second of the job's wall clock; 0 where there was none. */
double report_iops(const struct lab_job_result *j);
double report_cpu_ns_per_io(const struct lab_job_result *j);
/* Of all jobs of all runs that took place. */
unsigned long long report_errors(const struct report *r);
/* @text in lines of REPORT_WIDTH: @first before it, @next wherever a line ends. */
void report_wrapped(FILE *out, const char *text, const char *first, const char *next);
extern const char *const report_scopes[LAB_SCOPES];
extern const char *const report_scope_words[LAB_SCOPES];
/* The sentence that goes under every comparison of this version. */
extern const char report_verdict[];

#endif
