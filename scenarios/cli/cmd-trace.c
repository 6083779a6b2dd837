// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmd-trace.c - diolab trace: room for the events, and the file they go to.
 *
 * The form follows from the name: FILE.txt and - (stdout) are text, in blkparse's words; everything else is what
 * blktrace leaves, for blkparse, btt and their like. A trace that is not whole says so and is a failure.
 */
#include <stdlib.h>
#include <string.h>

#include "../../reports/report.h"
#include "../../reports/trace.h"
#include "cli.h"

#define TRACE_MAX_EVENTS	(1u << 20)	/* 64 MiB; some twenty events an IO */

static bool is_stdout(const char *path)
{
	return !path || !strcmp(path, "-");
}

static bool is_text(const char *path)
{
	size_t n = path ? strlen(path) : 0;

	return is_stdout(path) || (n > 4 && !strcmp(path + n - 4, ".txt"));
}

struct lab_blktrace *trace_begin(const char *path)
{
	static struct lab_blktrace trace = { .max = TRACE_MAX_EVENTS };

	if (!is_stdout(path))
		outfile_check("-o", path);
	trace.events = calloc(trace.max, sizeof(*trace.events));
	if (!trace.events)
		usage("no memory for %llu events", (unsigned long long)trace.max);
	return &trace;
}

static void write_text(FILE *out, const void *arg)
{
	trace_write_text(out, arg);
}

static void write_blktrace(FILE *out, const void *arg)
{
	trace_write_blktrace(out, arg);
}

unsigned int trace_end(struct lab_blktrace *trace, const char *path, const struct report *r)
{
	char about[320];
	struct trace_report tr = { .trace = trace, .jobs = r->jobs, .about = about };
	host_u64 kept = trace_kept(trace);

	snprintf(about, sizeof(about), "diolab design=%s path=%s engine=%s seed=%llu", r->runs[0].label, r->runs[0].path,
		 r->engine, r->seed);
	trace_order(trace);
	if (is_stdout(path))
		write_text(stdout, &tr);
	else
		outfile_write(path, is_text(path) ? write_text : write_blktrace, &tr);
	free(trace->events);
	if (kept == trace->nr)
		return 0;
	fprintf(stderr, "diolab: trace: only the first %llu of %llu events were kept: fewer --ios, or a shorter job\n",
		(unsigned long long)kept, (unsigned long long)trace->nr);
	return 1;
}
