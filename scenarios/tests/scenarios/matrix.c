// SPDX-License-Identifier: GPL-2.0-only
/*
 * matrix.c - runs a scenario in every combination and says which one failed.
 */
#include "matrix.h"

struct lab_run_result scen_result;
unsigned int scen_nr_complaints;
char scen_complaint[LAB_MAX_COMPLAINTS][LAB_WHY_BYTES];

static void scen_complain(const char *line)
{
	lab_expect_lt(scen_nr_complaints, LAB_MAX_COMPLAINTS);
	strscpy(scen_complaint[scen_nr_complaints++], line, LAB_WHY_BYTES);
}

bool scen_said(const char *text)
{
	unsigned int i;

	for (i = 0; i < scen_nr_complaints; i++)
		if (kc_strstr(scen_complaint[i], text))
			return true;
	return false;
}

u32 scen_rounds(u32 ios)
{
	return lab_test_slow() ? (ios + 7) / 8 : ios;
}

void scen_bs(struct lab_job *job, u32 bytes)
{
	int d;

	for (d = 0; d < 2; d++) {
		job->nr_bssplit[d] = 1;
		job->bssplit[d][0] = (struct lab_bssplit) { .bytes = bytes, .percent = 100 };
	}
}

void scen_default(struct scen *s)
{
	struct lab_job *job = &s->job[0];
	int i;

	memset(s, 0, sizeof(*s));
	s->spec.path = LAB_PATH_LOOP;
	s->spec.target.kind = LAB_DISK_RAM;
	s->spec.target.size_bytes = 4u << 20;
	s->spec.verify = 1;
	s->spec.seed = 1;
	s->spec.jobs = s->job;
	s->spec.nr_jobs = 1;
	strscpy(job->name, "job", sizeof(job->name));
	strscpy(job->file, "scenario", sizeof(job->file));
	job->rw = LAB_JOB_RW;
	job->random = 1;
	job->rwmixread = 40;
	job->size_bytes = 1u << 20;
	job->number_ios = scen_rounds(400);
	job->io_size_bytes = 1ull << 30;
	job->iodepth = 8;
	job->numjobs = 1;
	job->randseed = 7;
	job->direct = 1;
	job->expect_errors = -1;
	scen_bs(job, 4096);
	for (i = 1; i < SCEN_MAX_JOBS; i++)
		s->job[i] = *job;
}

enum lab_run_status scen_run(struct scen *s)
{
	scen_nr_complaints = 0;
	s->spec.complain = scen_complain;
	return lab_run(&s->spec, &scen_result);
}

u64 scen_counter(unsigned int job, enum lab_scope scope, enum lab_probe_id id)
{
	return scen_result.job[job].counters[scope][id];
}

u64 scen_counter_all(unsigned int job, enum lab_probe_id id)
{
	u64 sum = 0;
	int s;

	for (s = 0; s < LAB_NR_SCOPES; s++)
		sum += scen_counter(job, s, id);
	return sum;
}

bool scen_is_dull(const struct scen *s)
{
	unsigned int i;

	for (i = 0; lab_designs[i]; i++)
		if (!strcmp(lab_designs[i]->name, s->spec.design))
			return lab_designs[i]->hidden;
	return false;
}

bool scen_cached(const struct scen *s)
{
	return s->spec.path == LAB_PATH_LOOP && !strcmp(s->spec.design, "buffered");
}

bool scen_has(const struct scen *s, enum lab_defect defect)
{
	unsigned int i;

	for (i = 0; lab_designs[i]; i++)
		if (!strcmp(lab_designs[i]->name, s->spec.design))
			return (lab_designs[i]->defects & 1u << defect) != 0;
	return false;
}

static const char *scen_where(const struct scen *s)
{
	static const char *const kind[] = {
		[LAB_DISK_FILE] = "file", [LAB_DISK_RAM] = "ram", [LAB_DISK_NULL] = "null",
	};

	return kind[s->spec.target.kind];
}

static void scen_judge_clean(const struct scen *s)
{
	u32 i;

	for (i = 0; i < s->spec.nr_jobs; i++) {
		const struct lab_job_result *res = &scen_result.job[i];

		if (res->errors || !res->ios)
			lab_test_fail(__FILE__, __LINE__, "%s on %s, engine %d: job %u: %llu errors in %llu "
				      "IOs: %s", s->spec.design, scen_where(s), s->spec.engine, i,
				      (u64)res->errors, (u64)res->ios,
				      scen_nr_complaints ? scen_complaint[0] : "");
	}
}

/* Returns false when this host cannot. */
static bool scen_combination(struct scen *s, void (*judge)(const struct scen *s))
{
	enum lab_run_status status = scen_run(s);

	if (status == LAB_RUN_SKIP)
		return false;
	if (status != LAB_RUN_OK)
		lab_test_fail(__FILE__, __LINE__, "%s on %s, engine %d: status %d: %s", s->spec.design,
			      scen_where(s), s->spec.engine, status, scen_result.why);
	if (judge)
		judge(s);
	else
		scen_judge_clean(s);
	return true;
}

/* One design in one form, on both engines. Knobs that it cannot run with: nothing to run. False: this host cannot. */
static bool scen_engines(struct scen *s, const struct design *d, int variant, bool disk,
			 void (*prepare)(struct scen *s), void (*judge)(const struct scen *s))
{
	bool can = true;
	int engine;

	for (engine = HOST_THR; engine <= HOST_DET; engine++) {
		if (!host_engine_built(engine))
			continue;
		scen_default(s);
		s->spec.design = d->name;
		s->spec.variant = variant;
		s->spec.engine = engine;
		lab_design_defaults(&s->spec);
		prepare(s);
		if (lab_design_unsupported(&s->spec))
			continue;
		if (disk) {
			s->spec.target.kind = LAB_DISK_FILE;
			s->spec.target.temp = 1;
			strscpy(s->spec.target.path, ".", sizeof(s->spec.target.path));
		}
		can = can && scen_combination(s, judge);
	}
	return can;
}

static void scen_each(void (*prepare)(struct scen *s), void (*judge)(const struct scen *s), bool both_targets)
{
	static struct scen s;
	static char why[LAB_WHY_BYTES];
	bool can = true;
	int disk, variant;
	unsigned int i;

	for (disk = 0; disk <= both_targets; disk++) {
		for (i = 0; lab_designs[i]; i++) {
			for (variant = 0; lab_designs[i]->variants[variant].name; variant++) {
				if (!can)
					continue;
				can = scen_engines(&s, lab_designs[i], variant, disk, prepare, judge);
				if (!can)
					strscpy(why, scen_result.why, sizeof(why));
			}
		}
	}
	if (!can)
		lab_test_skip(why);
}

struct lab_knobs scen_knobs(const struct design *d, enum lab_loopq loopq)
{
	struct lab_knobs knobs = d->variants[0].knobs, own = knobs;

	knobs.loopq = loopq;
	return d->unsupported(&knobs) ? own : knobs;
}

void scen_matrix(void (*prepare)(struct scen *s), void (*judge)(const struct scen *s))
{
	scen_each(prepare, judge, true);
}

void scen_matrix_here(void (*prepare)(struct scen *s), void (*judge)(const struct scen *s))
{
	scen_each(prepare, judge, false);
}
