// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmd-ops.c - diolab ops: perform a stream of operations, print one result line for each; or generate one.
 *
 * There are three executors, whose lines compare with diff: a design (-d), the byte array (--reference) and real system
 * calls (--kernel). --compare does that with a table of what they may differ in.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static void read_stream(const struct options *o, struct opset *set)
{
	const char *name = o->nr_files ? o->files[0] : "standard input";
	FILE *in = stdin;
	char why[CLI_WHY_BYTES];
	const struct outfile_name files[] = {
		{ "--disk", setup_disk_path(&o->setup), true }, { "the operations in", o->nr_files ? name : NULL, false },
	};

	if (o->nr_files > 1)
		usage("ops takes one stream, not %u files", o->nr_files);
	outfile_apart(files, 2);
	if (o->nr_files)
		in = fopen(name, "re");
	if (!in)
		usage("%s: cannot read the operations (%s)", name, strerror(errno));
	if (opsfile_read(in, name, set, why, sizeof(why)))
		usage("%s", why);
	if (in != stdin)
		fclose(in);
	if (!set->nr)
		usage("%s: no operation in the stream; 'diolab ops --help' shows some", name);
}

static enum lab_run_status by_design(struct options *o, const struct opset *set, struct lab_op_result *results,
				     char *why)
{
	struct lab_run_result *out = calloc(1, sizeof(*out));
	struct lab_run_spec spec;
	enum lab_run_status status;

	setup_finish(&o->setup, cli_argv);
	if (o->setup.nr_designs != 1)
		usage("ops needs one design (-d NAME), or --kernel");
	if (!out)
		usage("no memory");
	setup_spec(&o->setup, 0, o->setup.have_path ? o->setup.path : LAB_PATH_FILE, &spec);
	status = lab_ops_run(&spec, set->ops, set->nr, results, out);
	snprintf(why, CLI_WHY_BYTES, "%s", out->why);
	free(out);
	return status;
}

static enum lab_run_status by_kernel(const struct options *o, const struct opset *set,
				     struct lab_op_result *results, char *why)
{
	const struct setup *s = &o->setup;

	if (!s->have_target || s->target.kind != LAB_DISK_FILE)
		usage("--kernel needs --disk FILE: a file that may be overwritten, on a filesystem with O_DIRECT");
	return opskernel_run(set, s->target.path, s->have_path ? s->path : LAB_PATH_FILE, results, why, CLI_WHY_BYTES);
}

static enum lab_run_status by_reference(const struct options *o, const struct opset *set,
					struct lab_op_result *results, char *why)
{
	struct lab_run_spec spec = {
		.path = o->setup.have_path ? o->setup.path : LAB_PATH_FILE, .target = o->setup.target,
	};

	return lab_ops_reference(&spec, set->ops, set->nr, results, why, CLI_WHY_BYTES);
}

static int generate(const struct options *o)
{
	struct opsgen want = {
		.seed = o->setup.seed, .count = o->count, .classes = o->classes,
		.path = o->setup.have_path ? o->setup.path : LAB_PATH_FILE,
	};

	if (!want.classes)
		want.classes = OPS_CLASS_VALID | OPS_CLASS_ZERO | OPS_CLASS_MANY | OPS_CLASS_EOF;
	if (want.path == LAB_PATH_LOOP && want.classes & OPS_CLASS_NO_DEVICE)
		usage("--classes: a loop device has no extend, truncate and buffered");
	opsgen_print(stdout, &want);
	return EXIT_OK;
}

static int compare(struct options *o)
{
	struct opset set;
	int status;

	read_stream(o, &set);
	o->diff.path = o->setup.have_path ? o->setup.path : LAB_PATH_FILE;
	if (!o->diff.judge)
		o->diff.judge = "design";
	status = opsdiff_run(&set, &o->diff);
	opset_free(&set);
	return status;
}

static enum lab_run_status perform(struct options *o, const struct opset *set, struct lab_op_result *results,
				   char *why)
{
	if (o->kernel)
		return by_kernel(o, set, results, why);
	return o->reference ? by_reference(o, set, results, why) : by_design(o, set, results, why);
}

/* The options are one table with run's and compare's: one that would be taken and change nothing is refused. */
static void refuse_what_is_not_ours(const struct setup *s)
{
	const char *idle = s->json ? "--json" : s->md ? "--md" : s->html ? "--html" : s->verify ? "--verify" :
			   s->threads ? "--threads" : s->max_ios ? "--ios" : s->max_runtime_ns ? "--runtime" :
			   s->loops ? "--loops" : s->source == LAB_SOURCE_PINNED ? "--source pinned" : NULL;

	if (idle)
		usage("%s is for run and compare; ops prints one result line for each operation", idle);
}

/* The same among those of ops: one of them says what is to be done, and each of the others belongs to one or another. */
static void refuse_what_does_nothing(const struct options *o)
{
	const struct setup *s = &o->setup;
	const char *mine = o->generate ? "--generate" : o->diff.ours ? "--compare" : o->kernel ? "--kernel" :
			   o->reference ? "--reference" : NULL;
	const char *idle = s->have_fs ? "--fs" : s->have_stack ? "--stack" : s->engine == HOST_DET ? "--engine det" :
			   s->have_limits && !o->reference ? "--limits" : NULL;

	if (o->generate + (o->diff.ours != NULL) + o->kernel + o->reference + (s->nr_designs != 0) > 1)
		usage("only one of -d DESIGN, --reference, --kernel, --generate and --compare");
	if (mine && idle)
		usage("%s is for -d DESIGN; with %s it would change nothing", idle, mine);
	if (!o->diff.ours && (o->diff.table || o->diff.judge))
		usage("%s is for --compare OURS,THEIRS", o->diff.table ? "--differences" : "--judge");
	if (!o->generate && (o->classes || o->count_given))
		usage("%s is for --generate", o->classes ? "--classes" : "--count");
	if (o->generate && o->nr_files)
		usage("--generate prints operations; it reads none (%s)", o->files[0]);
	if (o->kernel && s->target.size_bytes)
		usage("--kernel --disk FILE:SIZE: the operations say what size the file has; name FILE alone");
}

int cmd_ops(int argc, char **argv)
{
	static struct options o;
	struct lab_op_result *results;
	char why[CLI_WHY_BYTES] = "";
	enum lab_run_status status;
	int guards = 0;
	struct opset set;

	options_parse(&o, OPT_OPS, argc, argv);
	refuse_what_is_not_ours(&o.setup);
	refuse_what_does_nothing(&o);
	if (o.generate)
		return generate(&o);
	if (o.diff.ours)
		return compare(&o);
	read_stream(&o, &set);
	results = calloc(set.nr, sizeof(*results));
	if (!results)
		usage("no memory");
	status = perform(&o, &set, results, why);
	if (status == LAB_RUN_USAGE)
		usage("%s", why);
	if (status == LAB_RUN_OK) {
		for (unsigned int i = 0; i < set.nr; i++) {
			opsfile_print_result(stdout, &set.ops[i], &results[i]);
			guards += results[i].guard;
		}
	} else {
		fprintf(stderr, "diolab: %s\n", why);
	}
	free(results);
	opset_free(&set);
	if (status == LAB_RUN_SKIP)
		return EXIT_SKIP;
	return status != LAB_RUN_OK || guards ? EXIT_CHECK : EXIT_OK;
}
