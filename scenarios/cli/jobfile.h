/* SPDX-License-Identifier: GPL-2.0-only */
/* jobfile.h - between jobfile.c (lines, sections) and jobfile-keys.c (what the keys mean). */
#ifndef LAB_JOBFILE_H
#define LAB_JOBFILE_H

#include <stdarg.h>
#include "cli.h"

struct parser {
	const char *name;
	int line;
	struct jobset *set;
	struct lab_job global, job;	/* defaults of the sections behind; the section being read */
	bool in_job;
	char *why;
	size_t why_bytes;
};

/* "FILE:LINE: …" into why; always -1. */
int jobfile_err(const struct parser *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void jobfile_job_defaults(struct lab_job *j, const char *file);
int jobfile_key(struct parser *p, struct lab_job *j, const char *key, const char *value);	/* value NULL: bare */
int jobfile_expect(struct parser *p, struct lab_job *j, const char *what, const char *value);
int jobfile_check_pragma(struct parser *p, const char *name);
/* The section is whole: what is missing, what contradicts. */
int jobfile_finish(struct parser *p, struct lab_job *j);

#endif
