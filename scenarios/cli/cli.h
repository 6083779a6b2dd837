/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cli.h - what the files of the command line share. Host side: libc, lab_run.h, nothing of the kernel.
 *
 * A mistake of the user ends the program through usage(): one line on stderr, "diolab: what, where, what to
 * do", exit status 2. Exit statuses are DESIGN's: 0 ok, 1 a check failed, 2 usage, 77 everything skipped.
 */
#ifndef LAB_CLI_H
#define LAB_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include "lab_run.h"

#define EXIT_OK		0
#define EXIT_CHECK	1
#define EXIT_USAGE	2
#define EXIT_SKIP	77

#define CLI_MAX_DESIGNS	8
#define CLI_WHY_BYTES	LAB_WHY_BYTES

void cli_begin(void);				/* first thing in main: descriptors 0 to 2 are there, lost output is told */
_Noreturn void usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
extern char **cli_argv;				/* the program's own arguments, for running another build of it */

/* ---- words.c: numbers with units, nearest words */
int parse_bytes(const char *s, uint64_t *out);		/* 4096, 0x1000, 4k, 1m, 2g, 4KiB; 0 or -1 */
int parse_number(const char *s, uint64_t *out);		/* decimal or 0x, no unit */
int parse_time_ns(const char *s, uint64_t *out);	/* seconds; us ms s m h */
const char *nearest_word(const char *word, const char *const *list, size_t n);	/* NULL: nothing near */
/* ", did you mean 'x'?" or "" in a static buffer */
const char *did_you_mean(const char *word, const char *const *list, size_t n);
bool same_word(const char *a, const char *b);		/* case-insensitive */

/* ---- setup.c: what a job file or the command line says of the whole run */
#define SETUP_KNOB_UNSAID	(-1)		/* the design's own default, which setup_finish() fills in */
struct setup_knobs { int handoff, alloc, completion, loopq, bio_rule, frames_permuted; };

struct setup_design {
	char name[LAB_NAME_BYTES];
	int variant;				/* NAME@VARIANT */
	struct setup_knobs knobs;
	char label[160];			/* name@variant+knob=value as reports show it */
};

struct setup {
	struct setup_design designs[CLI_MAX_DESIGNS];
	unsigned int nr_designs;
	struct setup_knobs knobs;		/* of '#@ knob.NAME'; a design's own +knob= wins */
	struct lab_target target;
	bool have_target, have_fs, have_limits, have_stack, have_path;
	bool both_paths;
	enum lab_path path;
	enum lab_source source;
	enum host_engine engine;
	uint64_t seed, max_ios, max_runtime_ns;
	unsigned int loops;			/* 0: not said */
	unsigned int threads;			/* 0: the job's numjobs */
	bool verify, quiet, verbose, seed_given;
	const char *json, *md, *html;
};

/* Each writes at most @why_bytes of one line into @why and returns -1 on a mistake. */
int setup_designs(struct setup *s, const char *arg, char *why, size_t why_bytes);
int setup_knob(struct setup_knobs *k, const char *name, const char *value, char *why, size_t why_bytes);
int setup_fs(struct lab_target *t, const char *arg, char *why, size_t why_bytes);
int setup_limits(struct lab_target *t, const char *arg, char *why, size_t why_bytes);
int setup_stack(struct lab_target *t, const char *arg, char *why, size_t why_bytes);
int setup_disk(struct lab_target *t, const char *arg, char *why, size_t why_bytes);
void setup_defaults(struct setup *s);
const char *setup_disk_path(const struct setup *s);	/* of --disk; NULL: another target */
/* After all arguments and pragmas: default designs, engine's binary, combinations that cannot be. */
void setup_finish(struct setup *s, char **argv);
void setup_spec(const struct setup *s, unsigned int design, enum lab_path path, struct lab_run_spec *spec);
extern const char *const setup_knob_names[];
extern const char *const setup_knob_values[];	/* "inline|worker", index as above; NULL ends */

/* ---- jobfile.c: fio job files */
#define JOBFILE_MAX_BYTES	(1u << 20)
#define JOBFILE_MAX_PRAGMAS	64

struct jobfile_pragma { char name[LAB_NAME_BYTES]; char value[256]; char file[128]; int line; };

struct jobset {
	struct lab_job jobs[LAB_MAX_JOBS];
	unsigned int nr_jobs;
	struct jobfile_pragma pragmas[JOBFILE_MAX_PRAGMAS];	/* of the whole run: design, knob.*, fs, limits, stack */
	unsigned int nr_pragmas;
	char ignored[256];			/* keys that were accepted and have no effect here */
};

/* Read @path into @set, after what is already there. 0, or -1 with one line in @why ("FILE:LINE: …"). */
int jobfile_read(const char *path, struct jobset *set, char *why, size_t why_bytes);
int jobfile_parse(const char *name, const char *text, struct jobset *set, char *why, size_t why_bytes);

/* ---- ops*.c: streams of operations */
struct opset { struct lab_op *ops; unsigned int nr, cap; struct lab_seg *segs; size_t nr_segs, cap_segs; };

int opsfile_read(FILE *in, const char *name, struct opset *set, char *why, size_t why_bytes);
void opset_free(struct opset *set);
/* One line: an operation, or a group that is submitted together. */
void opsfile_print_ops(FILE *out, const struct lab_op *op, unsigned int nr);
void opsfile_print_result(FILE *out, const struct lab_op *op, const struct lab_op_result *r);
const char *opsfile_kind_name(enum lab_op_kind kind);

#define OPS_CLASS_VALID		(1u << 0)
#define OPS_CLASS_ZERO		(1u << 1)
#define OPS_CLASS_MANY		(1u << 2)
#define OPS_CLASS_EOF		(1u << 3)
#define OPS_CLASS_EXTEND	(1u << 4)
#define OPS_CLASS_TRUNCATE	(1u << 5)
#define OPS_CLASS_ALLOC		(1u << 6)
#define OPS_CLASS_SYNC		(1u << 7)
#define OPS_CLASS_BUFFERED	(1u << 8)
#define OPS_CLASS_POSITION	(1u << 9)
#define OPS_CLASS_AIO		(1u << 10)
#define OPS_CLASS_SEEK		(1u << 11)
#define OPS_CLASS_MISALIGNED	(1u << 12)
#define OPS_CLASS_FAULT		(1u << 13)
#define OPS_CLASS_MIDFAULT	(1u << 14)
#define OPS_CLASS_NOWAIT	(1u << 15)
#define OPS_CLASS_ALL		0xffffu
#define OPS_CLASS_NO_DEVICE	(OPS_CLASS_EXTEND | OPS_CLASS_TRUNCATE | OPS_CLASS_BUFFERED)

struct opsgen { uint64_t seed; unsigned int count, classes; enum lab_path path; };
int opsgen_classes(const char *arg, unsigned int *out, char *why, size_t why_bytes);
/* @count results or a few more: an operation may bring others with it */
void opsgen_print(FILE *out, const struct opsgen *want);

/*
 * The same stream by real system calls on a real O_DIRECT file, or on a loop device above it. enum
 * lab_run_status.
 */
int opskernel_run(const struct opset *set, const char *path, enum lab_path kind, struct lab_op_result *results,
		  char *why, size_t why_bytes);

/* opsdiff.c: the results of two executors of a stream, with what they may differ in. Exit status. */
struct opsdiff { char *ours, *theirs; const char *table, *judge; enum lab_path path; };	/* table may be NULL */
int opsdiff_run(const struct opset *set, const struct opsdiff *d);

/* ---- outfile.c */
#define OUTFILE_PATH_BYTES	4096
/* Can @path (NULL: none) be written to, or made? Ends the program if not. @option: "--html" wants a folder */
void outfile_check(const char *option, const char *path);
/* A file that is written must be no other that is named. Ends the program if it is. @path NULL: not named */
struct outfile_name { const char *option, *path; bool written; };
void outfile_apart(const struct outfile_name *names, unsigned int nr);
void outfile_write(const char *path, void (*writer)(FILE *out, const void *arg), const void *arg);

/* ---- cmd-trace.c: what run does more to leave a trace. @path: NULL or "-": stdout */
struct report;
struct lab_blktrace *trace_begin(const char *path);
/* Returns 1 if events are missing. */
unsigned int trace_end(struct lab_blktrace *trace, const char *path, const struct report *r);

/* ---- commands: argv after the verb; the exit status */
int cmd_list(int argc, char **argv);
int cmd_run(int argc, char **argv);		/* run and compare */
int cmd_compare(int argc, char **argv);
int cmd_trace(int argc, char **argv);
int cmd_ops(int argc, char **argv);

/* ---- options.c */
struct options {
	struct setup setup;
	const char *files[32];
	unsigned int nr_files;
	/* ops */
	bool kernel, reference, generate;
	unsigned int count, classes;
	bool count_given;
	struct opsdiff diff;			/* ours NULL: not asked for */
	/* trace */
	const char *trace;			/* -o; NULL: not said */
};
enum options_verb { OPT_RUN, OPT_COMPARE, OPT_OPS, OPT_TRACE };
void options_parse(struct options *o, enum options_verb verb, int argc, char **argv);

#endif
