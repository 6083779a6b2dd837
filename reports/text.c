// SPDX-License-Identifier: GPL-2.0-only
/*
 * text.c - the table, in 72 columns, for a terminal or a mail.
 *
 * One block a job: a column for each design and path (four side by side, then the next
 * four), rows for what happened, what it took, and per scope what each IO cost. Rows that
 * are zero everywhere are left out unless every counter is asked for.
 */
#include <string.h>

#include "report.h"

#define COLUMNS		4
#define LABEL_WIDTH	22
#define CELL_WIDTH	12

struct group {
	const struct report *r;
	unsigned int job, first, nr;
};

static const struct lab_job_result *cell(const struct group *g, unsigned int i)
{
	const struct report_run *run = &g->r->runs[g->first + i];

	return run->status == LAB_RUN_OK ? &run->result->job[g->job] : NULL;
}

static void row(FILE *out, const struct group *g, const char *label, double (*value)(const struct lab_job_result *))
{
	char text[32];

	fprintf(out, "%-*s", LABEL_WIDTH, label);
	for (unsigned int i = 0; i < g->nr; i++) {
		const struct lab_job_result *j = cell(g, i);

		if (j)
			report_number(text, sizeof(text), value(j));
		else
			strcpy(text, "-");
		fprintf(out, "%*s", CELL_WIDTH, text);
	}
	fputc('\n', out);
}

static double ios(const struct lab_job_result *j) { return (double)j->ios; }
static double errors(const struct lab_job_result *j) { return (double)j->errors; }
static double in_flight(const struct lab_job_result *j) { return (double)j->bytes_in_flight; }
static double read_p50(const struct lab_job_result *j) { return (double)j->lat[0].p50 / 1e3; }
static double read_p99(const struct lab_job_result *j) { return (double)j->lat[0].p99 / 1e3; }
static double write_p50(const struct lab_job_result *j) { return (double)j->lat[1].p50 / 1e3; }
static double write_p99(const struct lab_job_result *j) { return (double)j->lat[1].p99 / 1e3; }

static bool any(const struct group *g, double (*value)(const struct lab_job_result *))
{
	for (unsigned int i = 0; i < g->nr; i++)
		if (cell(g, i) && value(cell(g, i)) != 0)
			return true;
	return false;
}

/* A design's name over its columns; a long one (with knobs) is cut, the head of the report has it whole. */
static void heads(FILE *out, const struct group *g)
{
	fprintf(out, "%-*s", LABEL_WIDTH, "");
	for (unsigned int i = 0; i < g->nr; i++) {
		const char *label = g->r->runs[g->first + i].label;

		if (i && !strcmp(label, g->r->runs[g->first + i - 1].label))
			label = "";
		else if (i + 1 < g->nr && !strcmp(label, g->r->runs[g->first + i + 1].label)) {
			fprintf(out, "%*.*s", 2 * CELL_WIDTH, 2 * CELL_WIDTH - 1, label);
			i++;
			continue;
		}
		fprintf(out, "%*.*s", CELL_WIDTH, CELL_WIDTH - 1, label);
	}
	fprintf(out, "\n%-*s", LABEL_WIDTH, "");
	for (unsigned int i = 0; i < g->nr; i++)
		fprintf(out, "%*s", CELL_WIDTH, g->r->runs[g->first + i].path);
	fputc('\n', out);
}

static void counter_row(FILE *out, const struct group *g, unsigned int scope, unsigned int counter)
{
	char text[32];

	fprintf(out, "  %-*s", LABEL_WIDTH - 2, lab_counter_name(counter));
	for (unsigned int i = 0; i < g->nr; i++) {
		const struct lab_job_result *j = cell(g, i);

		if (j)
			report_number(text, sizeof(text), report_per_io(j, scope, counter));
		else
			strcpy(text, "-");
		fprintf(out, "%*s", CELL_WIDTH, text);
	}
	fputc('\n', out);
}

static void group(FILE *out, const struct group *g, bool every_counter)
{
	heads(out, g);
	row(out, g, "ios", ios);
	row(out, g, "errors", errors);
	row(out, g, "IO/s", report_iops);
	row(out, g, "cpu ns/IO", report_cpu_ns_per_io);
	if (any(g, in_flight))
		row(out, g, "bytes held/IO", in_flight);
	if (any(g, read_p50)) {
		row(out, g, "read p50 us", read_p50);
		row(out, g, "read p99 us", read_p99);
	}
	if (any(g, write_p50)) {
		row(out, g, "write p50 us", write_p50);
		row(out, g, "write p99 us", write_p99);
	}
	for (unsigned int s = 0; s < LAB_SCOPES; s++) {
		fprintf(out, "%s, per IO: %s\n", report_scopes[s], report_scope_words[s]);
		for (unsigned int c = 0; c < lab_nr_counters(); c++)
			if (every_counter || report_counter_used(g->r, g->job, s, c))
				counter_row(out, g, s, c);
	}
}

static void job_head(FILE *out, const struct lab_job *j)
{
	static const char *const rw[] = { "read", "write", "rw" };

	unsigned int dir = j->rw == LAB_JOB_WRITE;

	fprintf(out, "\n[%s] %s%s bs=%u%s iodepth=%u numjobs=%u\n", j->name, j->random ? "rand" : "", rw[j->rw],
		j->bssplit[dir][0].bytes, j->nr_bssplit[dir] > 1 ? "…" : "", j->iodepth, j->numjobs);
}

void report_text(FILE *out, const struct report *r, bool every_counter)
{
	char line[512];

	snprintf(line, sizeof(line), "disk: %s; engine %s, seed %llu, source %s%s", r->target, r->engine, r->seed,
		 r->source, r->verified ? ", every byte verified" : "");
	report_wrapped(out, line, "", "\n ");
	for (unsigned int i = 0; i < r->nr_runs; i++) {
		if (i && !strcmp(r->runs[i].label, r->runs[i - 1].label))
			continue;
		snprintf(line, sizeof(line), "%s: %s", r->runs[i].label, r->runs[i].knobs);
		report_wrapped(out, line, "", "\n ");
	}
	for (unsigned int k = 0; k < r->nr_jobs; k++) {
		job_head(out, &r->jobs[k]);
		for (unsigned int first = 0; first < r->nr_runs; first += COLUMNS) {
			struct group g = { r, k, first, r->nr_runs - first };

			if (g.nr > COLUMNS)
				g.nr = COLUMNS;
			group(out, &g, every_counter);
		}
	}
	fprintf(out, "\nerrors: %llu\n", report_errors(r));
	if (r->nr_runs > 1)
		report_wrapped(out, report_verdict, "", "\n");
}
