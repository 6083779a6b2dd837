// SPDX-License-Identifier: GPL-2.0-only
/*
 * options.c - the options of run, compare and ops: one argp table, the same words everywhere.
 *
 * Options are taken in two steps, so that their order does not matter: argp collects and checks each by
 * itself; then the job files are read, their pragmas fill in what no option said, and setup_finish()
 * checks the whole.
 */
#include <argp.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

enum {
	O_PATH = 256, O_SOURCE, O_DISK, O_RAM, O_NULL, O_FS, O_LIMITS, O_STACK, O_ENGINE, O_SEED, O_THREADS, O_RUNTIME,
	O_IOS, O_VERIFY, O_YES, O_LOOPS, O_JSON, O_MD, O_HTML, O_KERNEL, O_REFERENCE, O_GENERATE, O_COUNT, O_CLASSES,
	O_COMPARE, O_DIFFERENCES, O_JUDGE,
};

#define OPTIONS_MAX_ARGS 256

static const struct argp_option table[] = {
	{ NULL, 'd', "DESIGN,…", 0, "Designs, each NAME[+knob=value…]; default: all. 'diolab list' shows both", 1 },
	{ NULL, 0, NULL, 0, "Target:", 2 },
	{ "path", O_PATH, "loop|file", 0, "Through the loop driver, or straight to the file (compare: both)", 2 },
	{ "source", O_SOURCE, "user|pinned", 0,
	  "User memory, or ready bios of pinned pages put into the loop device", 2 },
	{ "loops", O_LOOPS, "N", 0, "Loop devices on one another, each on a file on the one below (1)", 2 },
	{ "disk", O_DISK, "FILE[:SIZE]", 0,
	  "A real O_DIRECT file or block device; made if missing. Default: a temporary real file", 2 },
	{ "ram", O_RAM, "SIZE", 0, "A disk in memory", 2 },
	{ "null", O_NULL, "SIZE", 0, "A disk that completes and keeps nothing", 2 },
	{ "fs", O_FS, "extent[:…]", 0,
	  "layout=contiguous|fragmented[=4k]|sparse|unwritten, lock=shared|exclusive, map=warm|cold, flusher=on|off", 2 },
	{ "limits", O_LIMITS, "NAME=N,…", 0, "Queue limits of the disk: max_sectors, max_segments, …", 2 },
	{ "stack", O_STACK, "FILTER[=ARGS]/…", 0,
	  "Filter devices over the disk, outermost first, e.g. trace/fault=flip@1m", 2 },
	{ "yes-really", O_YES, NULL, 0, "Allow --disk to name a block device", 2 },
	{ NULL, 0, NULL, 0, "Run:", 3 },
	{ "engine", O_ENGINE, "thr|det", 0, "Threads and real time, or one seeded schedule", 3 },
	{ "seed", O_SEED, "N", 0, "Of the det schedule, of layouts and of --generate", 3 },
	{ "threads", O_THREADS, "N", 0, "Overrides numjobs", 3 },
	{ "runtime", O_RUNTIME, "S", 0, "At most this long per job (seconds; 500ms, 2m)", 3 },
	{ "ios", O_IOS, "N", 0, "At most this many IOs per job", 3 },
	{ "verify", O_VERIFY, NULL, 0, "Check every byte, and what really is on the disk at the end", 3 },
	{ NULL, 0, NULL, 0, "Output:", 4 },
	{ "json", O_JSON, "FILE", 0, "Machine-readable results", 4 },
	{ "md", O_MD, "FILE", 0, "A table of 72 columns to paste into a mail", 4 },
	{ "html", O_HTML, "DIR", 0, "A page that needs nothing else: DIR/index.html", 4 },
	{ NULL, 'q', NULL, 0, "Only errors", 4 },
	{ NULL, 'v', NULL, 0, "Every counter, zeros too", 4 },
	{ 0 }
};

static const struct argp_option ops_table[] = {
	{ NULL, 0, NULL, 0, "Operations:", 5 },
	{ "kernel", O_KERNEL, NULL, 0, "The same operations by real system calls on --disk FILE, or (--path loop, root) on a "
	  "real loop device above it", 5 },
	{ "reference", O_REFERENCE, NULL, 0, "The same operations on an array of bytes", 5 },
	{ "generate", O_GENERATE, NULL, 0, "Print operations instead of running any (--path loop: for a loop device)", 5 },
	{ "count", O_COUNT, "N", 0, "How many to generate (500)", 5 },
	{ "classes", O_CLASSES, "WORD,…", 0,
	  "valid zero many eof extend truncate alloc sync buffered position aio seek misaligned fault midfault nowait", 5 },
	{ "compare", O_COMPARE, "OURS,THEIRS", 0, "Compare two files of results of these operations instead of running any", 5 },
	{ "differences", O_DIFFERENCES, "FILE", 0, "What they may differ in (scenarios/ops-differences.txt)", 5 },
	{ "judge", O_JUDGE, "WORD", 0, "Whose results THEIRS are, for the table: reference, kernel, design", 5 },
	{ 0 }
};

/* The option and the mistake in one line. */
#define bad(option, why) usage("%s: %s", option, why)

static uint64_t want_bytes(const char *option, const char *arg)
{
	uint64_t v;

	if (parse_bytes(arg, &v) || v < 65536 || v % 4096 || v > 1ull << 40)
		usage("%s %s: want a size of 64k or more, a multiple of 4k, such as 64m", option, arg);
	return v;
}

static uint64_t want_number(const char *option, const char *arg, uint64_t max)
{
	uint64_t v;

	if (parse_number(arg, &v) || v > max)
		usage("%s %s: want a number up to %llu", option, arg, (unsigned long long)max);
	return v;
}

static int want_choice(const char *option, const char *arg, const char *a, const char *b)
{
	if (!strcmp(arg, a))
		return 0;
	if (!strcmp(arg, b))
		return 1;
	usage("%s %s: want %s or %s", option, arg, a, b);
}

static void parse_target(struct setup *s, int key, const char *arg)
{
	char why[CLI_WHY_BYTES];

	if (s->have_target)
		usage("only one of --disk, --ram and --null");
	s->have_target = true;
	if (key == O_DISK) {
		if (setup_disk(&s->target, arg, why, sizeof(why)))
			bad("--disk", why);
		return;
	}
	s->target.kind = key == O_RAM ? LAB_DISK_RAM : LAB_DISK_NULL;
	s->target.size_bytes = want_bytes(key == O_RAM ? "--ram" : "--null", arg);
}

static void parse_setup(struct setup *s, int key, const char *arg)
{
	char why[CLI_WHY_BYTES];

	switch (key) {
	case 'd':
		if (setup_designs(s, arg, why, sizeof(why)))
			bad("-d", why);
		break;
	case O_PATH:
		s->path = want_choice("--path", arg, "loop", "file") ? LAB_PATH_FILE : LAB_PATH_LOOP;
		s->have_path = true;
		s->both_paths = false;
		break;
	case O_SOURCE:
		s->source = want_choice("--source", arg, "user", "pinned") ? LAB_SOURCE_PINNED : LAB_SOURCE_USER;
		break;
	case O_FS:
		if (setup_fs(&s->target, arg, why, sizeof(why)))
			bad("--fs", why);
		s->have_fs = true;
		break;
	case O_LIMITS:
		if (setup_limits(&s->target, arg, why, sizeof(why)))
			bad("--limits", why);
		s->have_limits = true;
		break;
	case O_STACK:
		if (setup_stack(&s->target, arg, why, sizeof(why)))
			bad("--stack", why);
		s->have_stack = true;
		break;
	}
}

static error_t parse_ops(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;
	char why[CLI_WHY_BYTES];

	switch (key) {
	case O_KERNEL:	o->kernel = true; break;
	case O_REFERENCE: o->reference = true; break;
	case O_GENERATE: o->generate = true; break;
	case O_COUNT:	o->count = (unsigned int)want_number("--count", arg, LAB_OPS_MAX); break;
	case O_CLASSES:
		if (opsgen_classes(arg, &o->classes, why, sizeof(why)))
			bad("--classes", why);
		break;
	case O_COMPARE:
		o->diff.ours = arg;
		o->diff.theirs = strchr(arg, ',');
		if (!o->diff.theirs)
			usage("--compare %s: want two files of results, OURS,THEIRS", arg);
		*o->diff.theirs++ = 0;
		break;
	case O_DIFFERENCES: o->diff.table = arg; break;
	case O_JUDGE:	o->diff.judge = arg; break;
	default:	return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;
	struct setup *s = &o->setup;

	switch (key) {
	case 'd': case O_PATH: case O_SOURCE: case O_FS: case O_LIMITS: case O_STACK:
		parse_setup(s, key, arg);
		break;
	case O_DISK: case O_RAM: case O_NULL:
		parse_target(s, key, arg);
		break;
	case O_ENGINE:
		s->engine = want_choice("--engine", arg, "thr", "det") ? HOST_DET : HOST_THR;
		break;
	case O_SEED:
		s->seed = want_number("--seed", arg, ~0ull);
		s->seed_given = true;
		break;
	case O_THREADS:
		s->threads = (unsigned int)want_number("--threads", arg, LAB_MAX_NUMJOBS);
		if (!s->threads)
			usage("--threads 0: want 1 or more");
		break;
	case O_RUNTIME:
		if (parse_time_ns(arg, &s->max_runtime_ns) || !s->max_runtime_ns)
			usage("--runtime %s: want a time such as 10, 500ms or 2m", arg);
		break;
	case O_IOS:
		s->max_ios = want_number("--ios", arg, 1ull << 40);
		if (!s->max_ios)
			usage("--ios 0: want 1 or more");
		break;
	case O_LOOPS:
		s->loops = (unsigned int)want_number("--loops", arg, LAB_MAX_LOOPS);
		if (!s->loops)
			usage("--loops 0: want 1 to %d; --path file leaves the loop out", LAB_MAX_LOOPS);
		break;
	case O_VERIFY:	s->verify = true; break;
	case O_YES:	s->target.yes_really = 1; break;
	case O_JSON:	s->json = arg; break;
	case O_MD:	s->md = arg; break;
	case O_HTML:	s->html = arg; break;
	case 'q':	s->quiet = true; break;
	case 'v':	s->verbose = true; break;
	case ARGP_KEY_ARG:
		if (o->nr_files == sizeof(o->files) / sizeof(o->files[0]))
			usage("too many job files; at most %zu", sizeof(o->files) / sizeof(o->files[0]));
		o->files[o->nr_files++] = arg;
		break;
	case ARGP_KEY_INIT:
		if (state->child_inputs)	/* only ops has a second table */
			state->child_inputs[0] = o;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* argp's own message for an unknown option has no suggestion: look first. */
static void check_long_options(int argc, char **argv, enum options_verb verb)
{
	const char *names[64] = { "help", "usage" };
	size_t n = 2;

	for (const struct argp_option *o = table; o->name || o->key || o->doc; o++)
		if (o->name)
			names[n++] = o->name;
	for (const struct argp_option *o = ops_table; verb == OPT_OPS && (o->name || o->doc); o++)
		if (o->name)
			names[n++] = o->name;
	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++) {
		char word[64];
		size_t len = strncmp(argv[i], "--", 2) ? 0 : strcspn(argv[i] + 2, "="), hit = 0;

		if (!len || len >= sizeof(word))
			continue;
		memcpy(word, argv[i] + 2, len);
		word[len] = 0;
		for (size_t k = 0; k < n; k++)
			hit += !strncmp(names[k], word, len);	/* argp takes unambiguous beginnings */
		if (!hit)
			usage("unknown option --%s%s", word, did_you_mean(word, names, n));
	}
}

void options_parse(struct options *o, enum options_verb verb, int argc, char **argv)
{
	static const char *const args[] = {
		"-d DESIGN JOB.fio…", "JOB.fio…",
		"-d DESIGN < OPS\n--reference < OPS\n--kernel --disk FILE < OPS\n--generate\n--compare OURS,THEIRS OPS",
	};
	static const char *const docs[] = {
		"Run fio job files through one design.\vThe same job files run in fio unchanged. Example:\n"
		"  diolab run -d bio-first --ram 64m scenarios/first-light.fio",
		"Run the same stream of IO through each design and show them side by side.\vExample:\n"
		"  diolab compare -d iter-ops-fixed,bio-first --disk FILE:256m --verify scenarios/first-light.fio",
		"Perform operations, one a line, and print one result line for each.\vOperations: size N | "
		"pread OFF SEG… | pwrite OFF SEG… [seed=N] | append SEG… [seed=N]\n"
		"read SEG… | write SEG… [seed=N] | seek OFF: at the descriptor's position\n"
		"bpread OFF SEG… | bpwrite OFF SEG… [seed=N]: through a second, buffered descriptor\n"
		"punch OFF LEN | zero OFF LEN | alloc OFF LEN [keep] | fsync | fdatasync | data OFF | hole OFF\n"
		"aio (pread|pwrite) OFF SEG… [; (pread|pwrite) OFF SEG…]…: together; a result line for each, in this order\n"
		"SEG = LEN[+MIS][!none|!ro|!null|!kern|!half]; flags of pread and pwrite: nowait, dsync.\n"
		"With --path loop 'size N' comes first and is the capacity. Example:\n"
		"  printf 'pwrite 0 4k seed=7\\npread 0 4k\\n' | diolab ops -d bio-first",
	};
	static const struct argp ops = { ops_table, parse_ops, NULL, NULL, NULL, NULL, NULL };
	static const struct argp_child children[] = { { &ops, 0, NULL, 0 }, { 0 } };
	struct argp argp = { table, parse, args[verb], docs[verb], verb == OPT_OPS ? children : NULL, NULL, NULL };

	static char *copy[OPTIONS_MAX_ARGS + 1];
	static char name[32];

	memset(o, 0, sizeof(*o));
	setup_defaults(&o->setup);
	o->count = 500;
	if (argc > OPTIONS_MAX_ARGS)
		usage("more than %d arguments", OPTIONS_MAX_ARGS);
	check_long_options(argc, argv, verb);
	/* argp prints argv[0] as the program's name and reorders the rest: give it its own */
	memcpy(copy, argv, sizeof(*copy) * (size_t)argc);
	snprintf(name, sizeof(name), "diolab %s", argv[0]);
	copy[0] = name;
	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, copy, 0, NULL, o);
}
