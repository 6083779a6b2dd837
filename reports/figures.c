// SPDX-License-Identifier: GPL-2.0-only
/*
 * figures.c - the arithmetic that all writers share, so that no two reports can disagree.
 */
#include <math.h>
#include <string.h>

#include "report.h"

const char *const report_scopes[LAB_SCOPES] = { "upper", "loop", "lower" };
const char *const report_scope_words[LAB_SCOPES] = {
	"user memory and O_DIRECT on the loop device",
	"loop driver, file and map",
	"the disk's queue and driver",
};

const char report_verdict[] =
	"No verdict yet: counts only. Times are of this machine and this run; "
	"compare them within one run, never across.";

double report_per_io(const struct lab_job_result *j, unsigned int scope, unsigned int counter)
{
	double n = (double)j->counters[scope][counter];

	if (lab_counter_is_gauge(counter))
		return n;
	return j->ios ? n / (double)j->ios : 0;
}

bool report_counter_used(const struct report *r, unsigned int job, unsigned int scope, unsigned int counter)
{
	for (unsigned int i = 0; i < r->nr_runs; i++)
		if (r->runs[i].status == LAB_RUN_OK && r->runs[i].result->job[job].counters[scope][counter])
			return true;
	return false;
}

void report_number(char *out, size_t bytes, double v)
{
	if (v == 0)
		snprintf(out, bytes, "0");
	else if (fabs(v) >= 1e8)
		snprintf(out, bytes, "%.3g", v);
	else if (fabs(v) >= 1000 || v == floor(v))
		snprintf(out, bytes, "%.0f", v);
	else if (fabs(v) >= 0.01)
		snprintf(out, bytes, "%.2f", v);
	else
		snprintf(out, bytes, "%.1e", v);
}

double report_iops(const struct lab_job_result *j)
{
	return j->wall_ns ? (double)j->ios * 1e9 / (double)j->wall_ns : 0;
}

double report_cpu_ns_per_io(const struct lab_job_result *j)
{
	return j->ios ? (double)j->cpu_ns / (double)j->ios : 0;
}

unsigned long long report_errors(const struct report *r)
{
	unsigned long long n = 0;

	for (unsigned int i = 0; i < r->nr_runs; i++)
		for (unsigned int k = 0; r->runs[i].status == LAB_RUN_OK && k < r->nr_jobs; k++)
			n += r->runs[i].result->job[k].errors;
	return n;
}

/*
 * @text in lines of REPORT_WIDTH: @first before it, @next wherever a line ends. Bytes are counted, so a line with an
 * ellipsis may be shorter. A word longer than a line stays whole.
 */
void report_wrapped(FILE *out, const char *text, const char *first, const char *next)
{
	size_t column = (size_t)fprintf(out, "%s", first), start = column;
	size_t tail = strcspn(next, "\n");	/* what @next puts at the end of the line it ends */

	while (*text) {
		size_t len = strcspn(text, " ");

		if (column > start && column + 1 + len + tail > REPORT_WIDTH) {
			fputs(next, out);
			column = start = strlen(next) - tail - 1;
		} else if (column > start) {
			column += (size_t)fprintf(out, " ");
		}
		column += (size_t)fprintf(out, "%.*s", (int)len, text);
		text += len + (text[len] == ' ');
	}
	fputc('\n', out);
}
