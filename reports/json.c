// SPDX-License-Identifier: GPL-2.0-only
/*
 * json.c - results for programs. Schema 1; keys always in this order; numbers are numbers.
 *
 * A small emitter, not a library: the order of keys is part of the format (two runs can be compared with diff).
 */
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "report.h"

struct json {
	FILE *out;
	bool comma;		/* something stands before on this level */
};

static void text(struct json *j, const char *s)
{
	fputc('"', j->out);
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			fprintf(j->out, "\\%c", *s);
		else if ((unsigned char)*s < 0x20)
			fprintf(j->out, "\\u%04x", *s);
		else
			fputc(*s, j->out);
	}
	fputc('"', j->out);
}

static void key(struct json *j, const char *k)
{
	if (j->comma)
		fputc(',', j->out);
	j->comma = true;
	text(j, k);
	fputc(':', j->out);
}

static void open_(struct json *j, const char *k, char bracket)
{
	if (k)
		key(j, k);
	else if (j->comma)
		fputc(',', j->out);
	fputc(bracket, j->out);
	j->comma = false;
}

static void close_(struct json *j, char bracket)
{
	fputc(bracket, j->out);
	j->comma = true;
}

static void put_text(struct json *j, const char *k, const char *v)
{
	key(j, k);
	text(j, v);
}

static void put_u64(struct json *j, const char *k, unsigned long long v)
{
	key(j, k);
	fprintf(j->out, "%llu", v);
}

static void put_double(struct json *j, const char *k, double v)
{
	key(j, k);
	fprintf(j->out, "%.6g", v);
}

static void latency(struct json *j, const char *name, const struct lab_lat *l)
{
	if (!l->count)
		return;
	open_(j, name, '{');
	put_u64(j, "p50", l->p50);
	put_u64(j, "p99", l->p99);
	put_u64(j, "p999", l->p999);
	put_u64(j, "max", l->max);
	put_u64(j, "count", l->count);
	close_(j, '}');
}

static void counters(struct json *j, const struct lab_job_result *r, bool per_io)
{
	open_(j, per_io ? "per_io" : "counters", '{');
	for (unsigned int s = 0; s < LAB_SCOPES; s++) {
		open_(j, report_scopes[s], '{');
		for (unsigned int c = 0; c < lab_nr_counters(); c++) {
			if (per_io)
				put_double(j, lab_counter_name(c), report_per_io(r, s, c));
			else
				put_u64(j, lab_counter_name(c), r->counters[s][c]);
		}
		close_(j, '}');
	}
	close_(j, '}');
}

static void job(struct json *j, const struct report *r, unsigned int run, unsigned int k)
{
	const struct lab_job_result *res = &r->runs[run].result->job[k];

	open_(j, NULL, '{');
	put_text(j, "name", r->jobs[k].name);
	put_text(j, "path", r->runs[run].path);
	put_text(j, "target", r->target);
	put_text(j, "engine", r->engine);
	put_u64(j, "ios", res->ios);
	put_u64(j, "bytes", res->bytes);
	put_u64(j, "errors", res->errors);
	put_u64(j, "first_errno", (unsigned long long)res->first_errno);
	put_double(j, "iops", report_iops(res));
	open_(j, "lat_ns", '{');
	latency(j, "read", &res->lat[0]);
	latency(j, "write", &res->lat[1]);
	if (res->lat[0].count || res->lat[1].count)
		put_text(j, "method", "second run of the same stream, clock read once a batch of completions");
	close_(j, '}');
	put_double(j, "cpu_ns_per_io", report_cpu_ns_per_io(res));
	put_u64(j, "bytes_held_per_io", res->bytes_in_flight);
	counters(j, res, false);
	counters(j, res, true);
	close_(j, '}');
}

/* All runs of one design (its two paths) are one element. */
static void design(struct json *j, const struct report *r, unsigned int first)
{
	open_(j, NULL, '{');
	put_text(j, "name", r->runs[first].label);
	put_text(j, "knobs", r->runs[first].knobs);
	open_(j, "jobs", '[');
	for (unsigned int i = first; i < r->nr_runs && !strcmp(r->runs[i].label, r->runs[first].label); i++)
		for (unsigned int k = 0; r->runs[i].status == LAB_RUN_OK && k < r->nr_jobs; k++)
			job(j, r, i, k);
	close_(j, ']');
	close_(j, '}');
}

void report_json(FILE *out, const struct report *r)
{
	struct json j = { out, false };
	struct rusage use;
	struct utsname u;

	uname(&u);
	getrusage(RUSAGE_SELF, &use);
	open_(&j, NULL, '{');
	put_u64(&j, "schema", 1);
	open_(&j, "host", '{');
	put_text(&j, "kernel", u.release);
	put_text(&j, "machine", u.machine);
	put_u64(&j, "cpus", (unsigned long long)sysconf(_SC_NPROCESSORS_ONLN));
	close_(&j, '}');
	put_text(&j, "command", r->command);
	put_u64(&j, "max_rss_kib", (unsigned long long)use.ru_maxrss);
	put_u64(&j, "errors", report_errors(r));
	open_(&j, "designs", '[');
	for (unsigned int i = 0; i < r->nr_runs; i++)
		if (!i || strcmp(r->runs[i].label, r->runs[i - 1].label))
			design(&j, r, i);
	close_(&j, ']');
	close_(&j, '}');
	fputc('\n', out);
}
