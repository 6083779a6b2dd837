// SPDX-License-Identifier: GPL-2.0-only
/*
 * jobfile.c - fio job files: the sections, the keys and the pragmas this laboratory understands.
 *
 * The same file must run in fio unchanged, so the grammar is fio's: [section] lines, key=value or bare key,
 * comments from # or ; at the start of a line, ${VAR} from the environment, [global] as defaults for the
 * sections behind it. What fio takes for a comment but begins with "#@" is a pragma for us:
 *
 *	the whole run:			#@ design = NAME,…   #@ knob.NAME = VALUE   #@ fs = …   #@ limits = …   #@ stack = …
 *	this section (all, in [global]):	#@ expect.errors = N   #@ expect.errno = NAME   #@ expect.COUNTER = N
 *						#@ expect.defect = NAME
 *
 * An unknown key is an error, not a warning: a typo must not quietly measure something else.
 * Keys are a table (jobfile-keys.c); this file reads lines.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "jobfile.h"

int jobfile_err(const struct parser *p, const char *fmt, ...)
{
	va_list ap;
	int n = snprintf(p->why, p->why_bytes, "%s:%d: ", p->name, p->line);

	va_start(ap, fmt);
	if (n >= 0 && (size_t)n < p->why_bytes)
		vsnprintf(p->why + n, p->why_bytes - (size_t)n, fmt, ap);
	va_end(ap);
	return -1;
}

static char *trim(char *s)
{
	char *end;

	while (isspace((unsigned char)*s))
		s++;
	end = s + strlen(s);
	while (end > s && isspace((unsigned char)end[-1]))
		*--end = 0;
	return s;
}

/* ${VAR} → its value, as fio does; an unset variable is an error rather than an empty word. */
static int expand(const struct parser *p, const char *in, char *out, size_t out_bytes)
{
	size_t n = 0;

	while (*in) {
		char name[LAB_NAME_BYTES];
		const char *end, *value;
		size_t len;

		if (in[0] != '$' || in[1] != '{') {
			if (n + 1 >= out_bytes)
				return jobfile_err(p, "line too long; at most %zu bytes", out_bytes - 1);
			out[n++] = *in++;
			continue;
		}
		end = strchr(in, '}');
		len = end ? (size_t)(end - in - 2) : 0;
		if (!end || !len || len >= sizeof(name))
			return jobfile_err(p, "'${' without a variable name and '}'");
		memcpy(name, in + 2, len);
		name[len] = 0;
		value = getenv(name);
		if (!value)
			return jobfile_err(p, "${%s} is not set; set it in the environment", name);
		len = strlen(value);
		if (n + len >= out_bytes)
			return jobfile_err(p, "line too long; at most %zu bytes", out_bytes - 1);
		memcpy(out + n, value, len);
		n += len;
		in = end + 1;
	}
	out[n] = 0;
	return 0;
}

static int end_section(struct parser *p)
{
	struct lab_job *j = &p->job;

	if (!p->in_job)
		return 0;
	p->in_job = false;
	if (jobfile_finish(p, j))
		return -1;
	if (p->set->nr_jobs == LAB_MAX_JOBS)
		return jobfile_err(p, "too many jobs; at most %d", LAB_MAX_JOBS);
	p->set->jobs[p->set->nr_jobs++] = *j;
	return 0;
}

static int begin_section(struct parser *p, char *s)
{
	char *end = strchr(s, ']');

	if (!end || trim(end + 1)[0])
		return jobfile_err(p, "a section is one [name] on a line of its own");
	*end = 0;
	s = trim(s + 1);
	if (!*s || strlen(s) >= LAB_NAME_BYTES)
		return jobfile_err(p, "a section needs a name of 1 to %d bytes", LAB_NAME_BYTES - 1);
	if (end_section(p))
		return -1;
	if (!strcmp(s, "global"))
		return 0;
	p->in_job = true;
	p->job = p->global;
	p->job.line = p->line;
	snprintf(p->job.name, sizeof(p->job.name), "%s", s);
	return 0;
}

static int split_pair(char *s, char **value)
{
	char *eq = strchr(s, '=');

	*value = NULL;
	if (!eq)
		return 0;
	*eq = 0;
	*value = trim(eq + 1);
	trim(s);
	return 1;
}

static int pragma(struct parser *p, char *s)
{
	struct lab_job *j = p->in_job ? &p->job : &p->global;
	struct jobfile_pragma *g;
	char *value;

	if (!split_pair(s, &value) || !*value)
		return jobfile_err(p, "a pragma is '#@ name = value'");
	s = trim(s);
	if (!strncmp(s, "expect.", 7))
		return jobfile_expect(p, j, s + 7, value);
	if (jobfile_check_pragma(p, s))
		return -1;
	if (p->in_job)
		return jobfile_err(p, "'#@ %s' is about the whole run; put it before the first job", s);
	for (unsigned int i = 0; i < p->set->nr_pragmas; i++) {
		g = &p->set->pragmas[i];
		if (!strcmp(g->name, s) && strcmp(g->value, value))
			return jobfile_err(p, "'#@ %s = %s' contradicts %s:%d ('%s')", s, value, g->file, g->line, g->value);
	}
	if (p->set->nr_pragmas == JOBFILE_MAX_PRAGMAS)
		return jobfile_err(p, "too many pragmas; at most %d", JOBFILE_MAX_PRAGMAS);
	g = &p->set->pragmas[p->set->nr_pragmas];
	if (strlen(value) >= sizeof(g->value))
		return jobfile_err(p, "the value is longer than %zu bytes", sizeof(g->value) - 1);
	p->set->nr_pragmas++;
	snprintf(g->name, sizeof(g->name), "%s", s);
	snprintf(g->value, sizeof(g->value), "%s", value);
	snprintf(g->file, sizeof(g->file), "%s", p->name);
	g->line = p->line;
	return 0;
}

static int one_line(struct parser *p, char *raw)
{
	char line[1024], *s, *value;

	s = trim(raw);
	if (s[0] == '#' && s[1] == '@')
		return pragma(p, s + 2);
	if (!*s || *s == '#' || *s == ';')
		return 0;
	if (expand(p, s, line, sizeof(line)))
		return -1;
	s = trim(line);
	if (*s == '[')
		return begin_section(p, s);
	split_pair(s, &value);
	return jobfile_key(p, p->in_job ? &p->job : &p->global, s, value);
}

int jobfile_parse(const char *name, const char *text, struct jobset *set, char *why, size_t why_bytes)
{
	struct parser p = { .name = name, .set = set, .why = why, .why_bytes = why_bytes };
	unsigned int before = set->nr_jobs;
	char raw[1024];

	jobfile_job_defaults(&p.global, name);
	while (*text) {
		size_t len = strcspn(text, "\n");

		p.line++;
		if (len >= sizeof(raw))
			return jobfile_err(&p, "line too long; at most %zu bytes", sizeof(raw) - 1);
		if (memchr(text, 0, len))
			return jobfile_err(&p, "a NUL byte; is this a job file?");
		memcpy(raw, text, len);
		raw[len] = 0;
		text += len + (text[len] == '\n');
		if (one_line(&p, raw))
			return -1;
	}
	if (end_section(&p))
		return -1;
	if (set->nr_jobs == before)
		return jobfile_err(&p, "no job in this file; a job is a [name] section");
	return 0;
}

int jobfile_read(const char *path, struct jobset *set, char *why, size_t why_bytes)
{
	FILE *f = fopen(path, "re");
	char *text = NULL;
	size_t n = 0;
	int rc = -1;

	if (f)
		text = malloc(JOBFILE_MAX_BYTES + 1);
	if (text) {
		errno = 0;
		n = fread(text, 1, JOBFILE_MAX_BYTES + 1, f);
	}
	if (!f || !text || ferror(f)) {
		snprintf(why, why_bytes, "%s: cannot read the job file (%s)", path, strerror(errno));
	} else if (n > JOBFILE_MAX_BYTES) {
		snprintf(why, why_bytes, "%s: longer than %u bytes; is this a job file?", path, JOBFILE_MAX_BYTES);
	} else if (memchr(text, 0, n)) {
		snprintf(why, why_bytes, "%s: contains a NUL byte; is this a job file?", path);
	} else {
		text[n] = 0;
		rc = jobfile_parse(path, text, set, why, why_bytes);
	}
	free(text);
	if (f)
		fclose(f);
	return rc;
}
