// SPDX-License-Identifier: GPL-2.0-only
/*
 * markdown.c - the table as a mail wants it: 72 columns, fixed pitch, with the command that repeats it.
 */
#include "report.h"

void report_markdown(FILE *out, const struct report *r)
{
	fprintf(out, "# diolab: %u %s, side by side\n\n", r->nr_runs, r->nr_runs == 1 ? "run" : "runs");
	fprintf(out, "Repeat with:\n\n");
	report_wrapped(out, r->command, "    ", " \\\n        ");
	fprintf(out, "\n```\n");
	report_text(out, r, false);
	fprintf(out, "```\n\n");
	fprintf(out, "How the figures were obtained: counts by probes, during the measured\n"
		     "part only (no set-up, no verification); errors by comparing every byte\n"
		     "where verification was asked for; IO/s and CPU by the clock, once;\n"
		     "latencies, where shown, in a second run of the same stream.\n");
}
