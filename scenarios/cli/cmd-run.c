// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmd-run.c - diolab run, compare and trace: the same stream through each design and path, then the reports.
 *
 * One loop: for each design, for each path, lab_run(). run is compare with one design and one path; trace is run with a
 * trace instead of a table.
 * Expectations ("#@ expect.…", else no errors) are judged here; a run that misses one is exit status 1.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

#include "../../reports/report.h"
#include "cli.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct session {
	struct options opt;
	struct jobset jobs;
	struct report report;
	struct lab_run_result *results;
	struct lab_blktrace *trace;	/* NULL: not asked for */
	char knobs[CLI_MAX_DESIGNS][192], target[1200], command[4096];
	int argc;
	char **argv;
	unsigned int failed, ran;
	char skipped[LAB_WHY_BYTES];	/* the last reason, said once: it is the same for every design */
};

static bool progress_on;

static void progress(const char *job, host_u64 done, host_u64 total)
{
	if (progress_on)
		fprintf(stderr, "\r\033[K%s: %llu of %llu", job, (unsigned long long)done, (unsigned long long)total);
}

static void progress_end(void)
{
	if (progress_on)
		fputs("\r\033[K", stderr);
}

static void complain(const char *line)
{
	progress_end();
	fprintf(stderr, "diolab: %s\n", line);
}

static void apply_pragma(struct setup *s, const struct jobfile_pragma *p)
{
	char why[CLI_WHY_BYTES];
	int rc = 0;

	if (!strncmp(p->name, "knob.", 5))
		rc = setup_knob(&s->knobs, p->name + 5, p->value, why, sizeof(why));
	else if (!strcmp(p->name, "fs") && !s->have_fs)
		rc = setup_fs(&s->target, p->value, why, sizeof(why));
	else if (!strcmp(p->name, "limits") && !s->have_limits)
		rc = setup_limits(&s->target, p->value, why, sizeof(why));
	else if (!strcmp(p->name, "stack") && !s->have_stack)
		rc = setup_stack(&s->target, p->value, why, sizeof(why));
	if (rc)
		usage("%s:%d: #@ %s: %s", p->file, p->line, p->name, why);
}

/* Knobs before designs: a design starts from the file's knobs. Options were parsed with none, so redo them. */
static void apply_pragmas(struct session *t)
{
	struct setup *s = &t->opt.setup;
	struct setup_design given[CLI_MAX_DESIGNS];
	unsigned int nr_given = s->nr_designs;
	char why[CLI_WHY_BYTES];

	memcpy(given, s->designs, sizeof(given));
	for (unsigned int i = 0; i < t->jobs.nr_pragmas; i++)
		apply_pragma(s, &t->jobs.pragmas[i]);
	s->nr_designs = 0;
	for (unsigned int i = 0; i < nr_given; i++)
		if (setup_designs(s, given[i].label, why, sizeof(why)))
			usage("-d: %s", why);
	for (unsigned int i = 0; i < t->jobs.nr_pragmas && !nr_given; i++) {
		const struct jobfile_pragma *p = &t->jobs.pragmas[i];

		if (!strcmp(p->name, "design") && setup_designs(s, p->value, why, sizeof(why)))
			usage("%s:%d: #@ design: %s", p->file, p->line, why);
	}
}

static void describe(struct session *t)
{
	static const char *const kinds[] = { "file", "ram", "null" };
	const struct setup *s = &t->opt.setup;
	size_t n = 0;

	if (s->target.kind != LAB_DISK_FILE)
		snprintf(t->target, sizeof(t->target), "%s, %llu MiB", kinds[s->target.kind],
			 (unsigned long long)s->target.size_bytes >> 20);
	else
		snprintf(t->target, sizeof(t->target), "file %s, O_DIRECT", s->target.temp ? "(temporary)" : s->target.path);
	for (unsigned int i = 0; i < s->nr_designs; i++) {
		const struct setup_knobs *k = &s->designs[i].knobs;

		snprintf(t->knobs[i], sizeof(t->knobs[i]),
			 "handoff=%s alloc=%s completion=%s loopq=%s bio-rule=%s frames=%s",
			 k->handoff ? "worker" : "inline", k->alloc ? "kmalloc" : "pool", k->completion ? "wq" : "inline",
			 k->loopq ? "mq" : "bio", k->bio_rule ? "old" : "new", k->frames_permuted ? "permuted" : "contiguous");
	}
	for (int i = 0; i < t->argc && n < sizeof(t->command); i++)
		n += (size_t)snprintf(t->command + n, sizeof(t->command) - n, "%s%s", i ? " " : "build/diolab ", t->argv[i]);
}

/* What is read, and what is written over. */
static void keep_apart(const struct session *t)
{
	const struct setup *s = &t->opt.setup;
	struct outfile_name names[5 + COUNT(t->opt.files)];
	char index[OUTFILE_PATH_BYTES + 16];
	unsigned int nr = 0;

	if (s->html)
		snprintf(index, sizeof(index), "%s/index.html", s->html);
	names[nr++] = (struct outfile_name){ "--json", s->json, true };
	names[nr++] = (struct outfile_name){ "--md", s->md, true };
	names[nr++] = (struct outfile_name){ "--html", s->html ? index : NULL, true };
	names[nr++] = (struct outfile_name){ "-o", t->opt.trace, true };
	names[nr++] = (struct outfile_name){ "--disk", setup_disk_path(s), true };
	for (unsigned int i = 0; i < t->opt.nr_files; i++)
		names[nr++] = (struct outfile_name){ "the job file", t->opt.files[i], false };
	outfile_apart(names, nr);
}

static void load(struct session *t, enum options_verb verb, int argc, char **argv)
{
	struct setup *s = &t->opt.setup;
	char why[CLI_WHY_BYTES];

	t->argc = argc;
	t->argv = argv;
	options_parse(&t->opt, verb, argc, argv);
	if (!t->opt.nr_files)
		usage("%s needs a job file, such as scenarios/first-light.fio", argv[0]);
	for (unsigned int i = 0; i < t->opt.nr_files; i++)
		if (jobfile_read(t->opt.files[i], &t->jobs, why, sizeof(why)))
			usage("%s", why);
	apply_pragmas(t);
	setup_finish(s, cli_argv);
	if (verb != OPT_COMPARE && s->nr_designs != 1)
		usage("%s takes one design: -d NAME; compare takes several", argv[0]);
	if (verb != OPT_COMPARE)
		s->both_paths = false;
	if (s->source == LAB_SOURCE_PINNED)
		s->both_paths = false;
	for (unsigned int i = 0; s->threads && i < t->jobs.nr_jobs; i++)
		t->jobs.jobs[i].numjobs = s->threads;
	outfile_check("--json", s->json);
	outfile_check("--md", s->md);
	outfile_check("--html", s->html);
	keep_apart(t);
	if (verb == OPT_TRACE)
		t->trace = trace_begin(t->opt.trace);
	describe(t);
	progress_on = isatty(STDERR_FILENO) && !s->quiet;
}

static uint64_t counted(const struct lab_job_result *r, const char *what)
{
	static const char *const scopes[] = { "upper.", "loop.", "lower." };
	uint64_t sum = 0;

	for (unsigned int s = 0; s < LAB_SCOPES; s++) {
		const char *name = what;

		if (strchr(what, '.')) {
			if (strncmp(what, scopes[s], strlen(scopes[s])))
				continue;
			name = what + strlen(scopes[s]);
		}
		for (unsigned int c = 0; c < lab_nr_counters(); c++)
			if (!strcmp(name, lab_counter_name(c)))
				sum += r->counters[s][c];
	}
	return sum;
}

/*
 * "#@ expect.defect": shown by a design that has it, by no other. A design whose defect is at work is not held to the
 * errors that the others meet: D1 hides one, D4 renames them. Returns what was missed; @kept: the defects it showed.
 */
static unsigned int judge_defects(const struct report_run *run, const struct lab_run_spec *spec,
				  const struct lab_job *job, const struct lab_job_result *r, unsigned int *kept)
{
	unsigned int missed = 0;
	char line[768];

	for (unsigned int d = 0; lab_defect_name(d); d++) {
		int has = lab_design_has_defect(spec->design, d), shown;

		if (!(job->expect_defects & 1u << d))
			continue;
		shown = lab_defect_shown(d, spec, job, run->result, r);
		*kept |= has && shown ? 1u << d : 0;
		if (has == shown)
			continue;
		snprintf(line, sizeof(line), "%s, path %s, job %s (%s:%d): %s %s: %s", run->label, run->path, job->name, job->file,
			 job->line, lab_defect_name(d), has ? "does not show" : "shows, and is none of this design's",
			 lab_defect_what(d));
		complain(line);
		missed++;
	}
	return missed;
}

static unsigned int judge_errors(const struct report_run *run, const struct lab_job *job,
				 const struct lab_job_result *r, bool renamed)
{
	uint64_t want = job->expect_errors < 0 ? 0 : (uint64_t)job->expect_errors;
	int want_errno = renamed ? EIO : job->expect_errno;
	unsigned int missed = 0;
	char line[512];

	if (r->errors != want) {
		const char *first = r->first_errno == EILSEQ ? "wrong data" : strerror(r->first_errno);

		snprintf(line, sizeof(line), "%s, path %s, job %s: %llu errors, %llu expected%s%s", run->label, run->path,
			 job->name, (unsigned long long)r->errors, (unsigned long long)want,
			 r->first_errno ? "; first: " : "", r->first_errno ? first : "");
		complain(line);
		missed++;
	}
	if (want_errno && r->first_errno != want_errno) {
		snprintf(line, sizeof(line), "%s, path %s, job %s: first error %s, expected %s", run->label, run->path,
			 job->name, strerrorname_np(r->first_errno) ?: "none", strerrorname_np(want_errno));
		complain(line);
		missed++;
	}
	return missed;
}

/* What the job file expected of one job in one run; complaints name both. */
static unsigned int judge(const struct report_run *run, const struct lab_run_spec *spec, const struct lab_job *job,
			  const struct lab_job_result *r)
{
	unsigned int missed, kept = 0;
	char line[512];

	missed = judge_defects(run, spec, job, r, &kept);
	if (!(kept & 1u << lab_defect("D1")))
		missed += judge_errors(run, job, r, kept & 1u << lab_defect("D4"));
	for (host_u32 i = 0; i < job->nr_expect; i++) {
		uint64_t have = counted(r, job->expect[i].counter);

		if (have == job->expect[i].value * r->ios)
			continue;
		snprintf(line, sizeof(line), "%s, path %s, job %s (%s:%d): %s is %.4f per IO, expected %llu", run->label,
			 run->path, job->name, job->file, job->line, job->expect[i].counter,
			 r->ios ? (double)have / (double)r->ios : 0, (unsigned long long)job->expect[i].value);
		complain(line);
		missed++;
	}
	return missed;
}

/* Before anything runs: a job that could not show the defect it names would pass in silence. */
static void want_showable(const struct lab_run_spec *spec, const struct lab_job *job)
{
	for (unsigned int d = 0; lab_defect_name(d); d++) {
		const char *lacks = job->expect_defects & 1u << d ? lab_defect_lacks(d, spec, job) : NULL;

		if (lacks)
			usage("%s:%d: job %s: expect.defect = %s: %s", job->file, job->line, job->name, lab_defect_name(d),
			      lacks);
	}
}

static void one(struct session *t, unsigned int design, enum lab_path path)
{
	struct report_run *run = &t->report.runs[t->report.nr_runs];
	struct lab_run_result *result = &t->results[t->report.nr_runs++];
	struct lab_run_spec spec;

	setup_spec(&t->opt.setup, design, path, &spec);
	spec.jobs = t->jobs.jobs;
	spec.nr_jobs = t->jobs.nr_jobs;
	for (unsigned int i = 0; i < t->jobs.nr_jobs; i++)
		want_showable(&spec, &t->jobs.jobs[i]);
	/* a virtual clock, or a disk that takes no time, has no latency to tell */
	spec.trace = t->trace;
	spec.latency = !t->trace && spec.engine == HOST_THR && spec.source == LAB_SOURCE_USER && spec.target.kind != LAB_DISK_NULL;
	spec.progress = progress;
	spec.complain = complain;
	run->label = t->opt.setup.designs[design].label;
	run->knobs = t->knobs[design];
	run->path = path == LAB_PATH_LOOP ? "loop" : "file";
	run->result = result;
	run->status = lab_run(&spec, result);
	progress_end();
	switch (run->status) {
	case LAB_RUN_OK:
		t->ran++;
		for (unsigned int i = 0; i < t->jobs.nr_jobs; i++)
			t->failed += judge(run, &spec, &t->jobs.jobs[i], &result->job[i]);
		break;
	case LAB_RUN_USAGE:
		usage("%s", result->why);
	case LAB_RUN_SKIP:
		if (strcmp(t->skipped, result->why))
			fprintf(stderr, "diolab: skipped: %s, path %s: %s\n", run->label, run->path, result->why);
		snprintf(t->skipped, sizeof(t->skipped), "%s", result->why);
		break;
	case LAB_RUN_BROKEN:
		t->failed++;
		fprintf(stderr, "diolab: %s, path %s: %s\n", run->label, run->path, result->why);
		break;
	}
}

struct report_file {
	const struct report *r;
	void (*writer)(FILE *out, const struct report *r);
};

static void write_report(FILE *out, const void *arg)
{
	const struct report_file *f = arg;

	f->writer(out, f->r);
}

static void report_to(const char *path, const struct report *r, void (*writer)(FILE *out, const struct report *r))
{
	struct report_file f = { r, writer };

	outfile_write(path, write_report, &f);
}

static void write_reports(const struct session *t)
{
	const struct setup *s = &t->opt.setup;
	char index[OUTFILE_PATH_BYTES + 16];

	if (!s->quiet && !t->trace)
		report_text(stdout, &t->report, s->verbose);
	if (s->json)
		report_to(s->json, &t->report, report_json);
	if (s->md)
		report_to(s->md, &t->report, report_markdown);
	if (s->html) {
		if (mkdir(s->html, 0777) && errno != EEXIST)
			usage("%s: cannot make the folder (%s)", s->html, strerror(errno));
		snprintf(index, sizeof(index), "%s/index.html", s->html);
		report_to(index, &t->report, report_html);
	}
}

static int run_and_report(enum options_verb verb, int argc, char **argv)
{
	static struct session t;	/* too large for a stack */
	struct setup *s = &t.opt.setup;
	unsigned int n;

	load(&t, verb, argc, argv);
	n = s->nr_designs * (s->both_paths ? 2 : 1);
	t.results = calloc(n, sizeof(*t.results));
	if (!t.results)
		usage("no memory for %u results", n);
	for (unsigned int d = 0; d < s->nr_designs; d++) {
		if (s->both_paths || s->path == LAB_PATH_LOOP)
			one(&t, d, LAB_PATH_LOOP);
		if (s->both_paths || s->path == LAB_PATH_FILE)
			one(&t, d, LAB_PATH_FILE);
	}
	t.report.jobs = t.jobs.jobs;
	t.report.nr_jobs = t.jobs.nr_jobs;
	t.report.target = t.target;
	t.report.engine = s->engine == HOST_DET ? "det" : "thr";
	t.report.source = s->source == LAB_SOURCE_PINNED ? "pinned" : "user";
	t.report.command = t.command;
	t.report.seed = s->seed;
	t.report.verified = s->verify;
	/* Only now: a run that was refused says so in one line. */
	if (t.ran && t.jobs.ignored[0] && !s->quiet)
		fprintf(stderr, "diolab: accepted and ignored here: %s\n", t.jobs.ignored);
	if (t.ran)
		write_reports(&t);
	if (t.ran && t.trace)
		t.failed += trace_end(t.trace, t.opt.trace, &t.report);
	free(t.results);
	if (t.failed)
		return EXIT_CHECK;
	return t.ran ? EXIT_OK : EXIT_SKIP;
}

int cmd_run(int argc, char **argv)
{
	return run_and_report(OPT_RUN, argc, argv);
}

int cmd_compare(int argc, char **argv)
{
	return run_and_report(OPT_COMPARE, argc, argv);
}

int cmd_trace(int argc, char **argv)
{
	return run_and_report(OPT_TRACE, argc, argv);
}
