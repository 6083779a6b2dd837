// SPDX-License-Identifier: GPL-2.0-only
/*
 * html.c - one page that needs nothing else: tables, and bars drawn as inline SVG.
 *
 * For each job: what happened, then per scope one row a counter with a bar for each column, scaled to the
 * largest of its row. Colours follow the design, hatching the path, so a print in grey still reads.
 */
#include <string.h>

#include "report.h"

static const char *const colours[] = {
	"#2b6cb0", "#c05621", "#2f855a", "#6b46c1", "#b83280", "#4a5568", "#975a16", "#285e61",
};
#define NR_COLOURS (sizeof(colours) / sizeof(colours[0]))

static void escaped(FILE *out, const char *s)
{
	for (; *s; s++) {
		switch (*s) {
		case '<': fputs("&lt;", out); break;
		case '>': fputs("&gt;", out); break;
		case '&': fputs("&amp;", out); break;
		case '"': fputs("&quot;", out); break;
		default: fputc(*s, out);
		}
	}
}

static unsigned int design_of(const struct report *r, unsigned int run)
{
	unsigned int d = 0;

	for (unsigned int i = 1; i <= run; i++)
		d += strcmp(r->runs[i].label, r->runs[i - 1].label) != 0;
	return d;
}

static void head(FILE *out, const struct report *r)
{
	fputs("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>diolab</title>\n<style>\n"
	      "body{font:15px/1.5 system-ui,sans-serif;max-width:72em;margin:2em auto;padding:0 1em;color:#1a202c}\n"
	      "table{border-collapse:collapse;margin:.5em 0 1.5em}\n"
	      "td,th{padding:.15em .8em;text-align:right;border-bottom:1px solid #e2e8f0}\n"
	      "td:first-child,th:first-child{text-align:left}\n"
	      "pre{background:#f7fafc;padding:1em;overflow:auto}.note{color:#4a5568}\n"
	      "caption{text-align:left;font-weight:600;padding:.4em 0}svg{vertical-align:middle}\n"
	      "</style></head><body>\n<h1>diolab: the same stream, side by side</h1>\n<p>", out);
	escaped(out, report_verdict);
	fputs("</p>\n<p class=\"note\">Disk: ", out);
	escaped(out, r->target);
	fprintf(out, "; engine %s, seed %llu, source %s%s. Repeat with:</p>\n<pre>", r->engine, r->seed, r->source,
		r->verified ? ", every byte verified" : "");
	escaped(out, r->command);
	fputs("</pre>\n<table><caption>Designs and their knobs</caption>\n", out);
	for (unsigned int i = 0; i < r->nr_runs; i++) {
		if (i && !strcmp(r->runs[i].label, r->runs[i - 1].label))
			continue;
		fprintf(out, "<tr><td><span style=\"color:%s\">&#9632;</span> ", colours[design_of(r, i) % NR_COLOURS]);
		escaped(out, r->runs[i].label);
		fputs("</td><td>", out);
		escaped(out, r->runs[i].knobs);
		fputs("</td></tr>\n", out);
	}
	fputs("</table>\n", out);
}

static void columns(FILE *out, const struct report *r, const char *caption)
{
	fputs("<table><caption>", out);
	escaped(out, caption);
	fputs("</caption>\n<tr><th></th>", out);
	for (unsigned int i = 0; i < r->nr_runs; i++) {
		fputs("<th>", out);
		escaped(out, r->runs[i].label);
		fprintf(out, "<br>%s</th>", r->runs[i].path);
	}
	fputs("<th></th></tr>\n", out);
}

static void bars(FILE *out, const struct report *r, const double *v)
{
	double max = 0;
	int y = 0;

	for (unsigned int i = 0; i < r->nr_runs; i++)
		if (v[i] > max)
			max = v[i];
	fprintf(out, "<td><svg width=\"240\" height=\"%u\">", 7 * r->nr_runs);
	for (unsigned int i = 0; i < r->nr_runs; i++, y += 7)
		fprintf(out, "<rect x=\"0\" y=\"%d\" width=\"%.1f\" height=\"5\" fill=\"%s\" fill-opacity=\"%s\"/>", y,
			max > 0 ? 240 * v[i] / max : 0, colours[design_of(r, i) % NR_COLOURS],
			strcmp(r->runs[i].path, "loop") ? ".45" : "1");
	fputs("</svg></td>", out);
}

static void figures(FILE *out, const struct report *r, const char *name, const char *what, const double *v)
{
	char text[32];

	fputs("<tr><td title=\"", out);
	escaped(out, what);
	fputs("\">", out);
	escaped(out, name);
	fputs("</td>", out);
	for (unsigned int i = 0; i < r->nr_runs; i++) {
		if (r->runs[i].status == LAB_RUN_OK)
			report_number(text, sizeof(text), v[i]);
		else
			strcpy(text, "&ndash;");
		fprintf(out, "<td>%s</td>", text);
	}
	bars(out, r, v);
	fputs("</tr>\n", out);
}

static void outcome(FILE *out, const struct report *r, unsigned int k)
{
	double v[4][REPORT_MAX_RUNS] = { { 0 } };

	for (unsigned int i = 0; i < r->nr_runs; i++) {
		const struct lab_job_result *j = &r->runs[i].result->job[k];

		if (r->runs[i].status != LAB_RUN_OK)
			continue;
		v[0][i] = (double)j->ios;
		v[1][i] = (double)j->errors;
		v[2][i] = report_iops(j);
		v[3][i] = report_cpu_ns_per_io(j);
	}
	columns(out, r, "What happened");
	figures(out, r, "ios", "IOs completed", v[0]);
	figures(out, r, "errors", "IOs that failed or whose data was wrong", v[1]);
	figures(out, r, "IO/s", "by the clock, this run", v[2]);
	figures(out, r, "cpu ns/IO", "CPU time of all lab threads", v[3]);
	fputs("</table>\n", out);
}

static void scope(FILE *out, const struct report *r, unsigned int k, unsigned int s)
{
	char caption[128];

	snprintf(caption, sizeof(caption), "%s, per IO: %s", report_scopes[s], report_scope_words[s]);
	columns(out, r, caption);
	for (unsigned int c = 0; c < lab_nr_counters(); c++) {
		double v[REPORT_MAX_RUNS] = { 0 };

		if (!report_counter_used(r, k, s, c))
			continue;
		for (unsigned int i = 0; i < r->nr_runs; i++)
			if (r->runs[i].status == LAB_RUN_OK)
				v[i] = report_per_io(&r->runs[i].result->job[k], s, c);
		figures(out, r, lab_counter_name(c), lab_counter_what(c), v);
	}
	fputs("</table>\n", out);
}

void report_html(FILE *out, const struct report *r)
{
	head(out, r);
	for (unsigned int k = 0; k < r->nr_jobs; k++) {
		fputs("<h2>", out);
		escaped(out, r->jobs[k].name);
		fputs("</h2>\n", out);
		outcome(out, r, k);
		for (unsigned int s = 0; s < LAB_SCOPES; s++)
			scope(out, r, k, s);
	}
	fputs("<p class=\"note\">Counts come from probes during the measured part only. "
	      "Bars are scaled to the largest of their row; pale bars are the path straight to the file.</p>\n"
	      "</body></html>\n", out);
}
