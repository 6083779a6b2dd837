// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmd-ops.c - diolab ops: perform a stream of operations, print one result line for each; or generate one.
 *
 * The lines of two executors compare with diff: through a design (-d) or by real system calls (--kernel).
 */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static void read_stream(const struct options *o, struct opset *set)
{
	const char *name = o->nr_files ? o->files[0] : "standard input";
	FILE *in = o->nr_files ? fopen(name, "re") : stdin;
	char why[CLI_WHY_BYTES];

	if (o->nr_files > 1)
		usage("ops takes one stream, not %u files", o->nr_files);
	if (!in)
		usage("%s: cannot read the operations", name);
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

	if (s->nr_designs)
		usage("either -d DESIGN or --kernel");
	if (!s->have_target || s->target.kind != LAB_DISK_FILE)
		usage("--kernel needs --disk FILE: a file that may be overwritten, on a filesystem with O_DIRECT");
	return opskernel_run(set, s->target.path, results, why, CLI_WHY_BYTES);
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
	if (o.generate) {
		if (!o.classes)
			o.classes = OPS_CLASS_VALID | OPS_CLASS_ZERO | OPS_CLASS_MANY | OPS_CLASS_EOF;
		opsgen_print(stdout, o.setup.seed, o.count, o.classes);
		return EXIT_OK;
	}
	read_stream(&o, &set);
	results = calloc(set.nr, sizeof(*results));
	if (!results)
		usage("no memory");
	status = o.kernel ? by_kernel(&o, &set, results, why) : by_design(&o, &set, results, why);
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
