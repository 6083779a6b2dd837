// SPDX-License-Identifier: GPL-2.0-only
/*
 * options.c - the options of run, compare, trace and ops: one argp table, the same words everywhere.
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
	{ NULL, 'd', "DESIGN[,...]", 0, "NAME[@VARIANT][+knob=value…], which 'diolab list' shows: one; for compare "
	  "several, or all if none is named", 1 },
	{ NULL, 0, NULL, 0, "Target:", 2 },
	{ "path", O_PATH, "loop|file", 0, "Through the loop driver, or straight to the file. Default: both; of ops: file", 2 },
	{ "source", O_SOURCE, "user|pinned", 0,
	  "User memory, or ready bios of pinned pages put into the loop device", 2 },
	{ "loops", O_LOOPS, "N", 0, "Loop devices on one another, each on a file on the one below (1)", 2 },
	{ "disk", O_DISK, "FILE[:SIZE]", 0,
	  "A real O_DIRECT file or block device; made if missing. Default: a temporary real file", 2 },
	{ "ram", O_RAM, "SIZE", 0, "A disk in memory", 2 },
	{ "null", O_NULL, "SIZE", 0, "A disk that completes and keeps nothing", 2 },
	{ "fs", O_FS, "extent[:...]", 0,
	  "layout=contiguous|fragmented[=4k]|sparse|unwritten, lock=shared|exclusive, map=warm|cold, flusher=on|off", 2 },
	{ "limits", O_LIMITS, "NAME=N[,...]", 0, "Queue limits of the disk: max_sectors, max_segments, max_segment_size, "
	  "logical_block_size, virt_boundary", 2 },
	{ "stack", O_STACK, "FILTER[/...]", 0,
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
	{ "classes", O_CLASSES, "WORD[,...]", 0,
	  "valid zero many eof extend truncate alloc sync buffered position aio seek misaligned fault midfault nowait", 5 },
	{ "compare", O_COMPARE, "OURS,THEIRS", 0,
	  "Compare two files of results of these operations instead of running any", 5 },
	{ "differences", O_DIFFERENCES, "FILE", 0, "What they may differ in (scenarios/ops-differences.txt)", 5 },
	{ "judge", O_JUDGE, "WORD", 0, "Whose results THEIRS are, for the table: reference, kernel, design", 5 },
	{ 0 }
};

static const struct argp_option trace_table[] = {
	{ NULL, 'o', "FILE", 0, "FILE.txt, or - for stdout (default): text as of blkparse. Any other: what blktrace leaves, "
	  "NAME.blktrace.0 for 'blkparse -i NAME'", 5 },
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

static const char *want_name(const char *option, const char *arg)
{
	if (!*arg)
		usage("%s: want a file name", option);
	return arg;
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
	case O_COUNT:
		o->count = (unsigned int)want_number("--count", arg, LAB_OPS_MAX);
		o->count_given = true;
		break;
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

static error_t parse_trace(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	if (key != 'o')
		return ARGP_ERR_UNKNOWN;
	o->trace = want_name("-o", arg);
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
	case O_JSON:	s->json = want_name("--json", arg); break;
	case O_MD:	s->md = want_name("--md", arg); break;
	case O_HTML:	s->html = want_name("--html", arg); break;
	case 'q':	s->quiet = true; break;
	case 'v':	s->verbose = true; break;
	case ARGP_KEY_ARG:
		if (o->nr_files == sizeof(o->files) / sizeof(o->files[0]))
			usage("too many job files; at most %zu", sizeof(o->files) / sizeof(o->files[0]));
		o->files[o->nr_files++] = arg;
		break;
	case ARGP_KEY_INIT:
		if (state->child_inputs)	/* ops and trace have a second table */
			state->child_inputs[0] = o;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* ---- mistakes that argp would tell in two lines, and without a suggestion: they are looked for first ---- */

static const struct argp_option own[] = {	/* argp's */
	{ "help", '?', NULL, 0, NULL, 0 }, { "usage", 'u', NULL, 0, NULL, 0 }, { 0 }
};

/* The options of a verb that have a name. */
struct known {
	const struct argp_option *option[64];
	const char *name[64];
	size_t n;
};

static void know(struct known *k, const struct argp_option *table_of)
{
	for (const struct argp_option *o = table_of; o->name || o->key || o->doc; o++) {
		if (!o->name)
			continue;
		k->option[k->n] = o;
		k->name[k->n++] = o->name;
	}
}

/* --WORD[=VALUE]. Does it take the argument behind it? */
static bool check_long_option(const struct known *k, const char *arg, bool last)
{
	const struct argp_option *o = NULL;
	size_t len = strcspn(arg, "="), hits = 0;
	char word[64];

	if (len >= sizeof(word))
		usage("unknown option --%s", arg);
	memcpy(word, arg, len);
	word[len] = 0;
	for (size_t i = 0; i < k->n; i++) {
		if (strncmp(k->name[i], word, len))
			continue;
		o = k->option[i];
		if (!k->name[i][len]) {
			hits = 1;
			break;
		}
		hits++;			/* argp takes beginnings, if there is one such option */
	}
	if (hits > 1)
		usage("option --%s: several begin so; did you mean '--%s'?", word, o->name);
	if (!o) {
		const char *nearest = nearest_word(word, k->name, k->n);

		usage("unknown option --%s%s%s%s", word, nearest ? "; did you mean '--" : "", nearest ? nearest : "",
		      nearest ? "'?" : "");
	}
	if (!o->arg && arg[len])
		usage("--%s takes no argument", o->name);
	if (o->arg && last && !arg[len])
		usage("--%s: want --%s %s", o->name, o->name, o->arg);
	return o->arg && !arg[len];
}

/* -XYZ, of which d and trace's o take an argument. Does it take the one behind it? */
static bool check_short_options(const char *arg, bool last, bool trace)
{
	for (; *arg; arg++) {
		bool o = trace && *arg == 'o';

		if (*arg == 'd' && !arg[1] && last)
			usage("-d: want -d DESIGN; 'diolab list designs' names them");
		if (o && !arg[1] && last)
			usage("-o: want -o FILE");
		if (*arg == 'd' || o)
			return !arg[1];
		if (!strchr("qv?", *arg))
			usage("unknown option -%c; there are -d, -q%s and -v", *arg, trace ? ", -o" : "");
	}
	return false;
}

static void check_options(int argc, char **argv, enum options_verb verb)
{
	struct known k = { .n = 0 };

	know(&k, own);
	know(&k, table);
	if (verb == OPT_OPS)
		know(&k, ops_table);
	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++) {
		if (!strncmp(argv[i], "--", 2))
			i += check_long_option(&k, argv[i] + 2, i + 1 == argc);
		else if (argv[i][0] == '-' && argv[i][1])
			i += check_short_options(argv[i] + 1, i + 1 == argc, verb == OPT_TRACE);
	}
}

void options_parse(struct options *o, enum options_verb verb, int argc, char **argv)
{
	static const char *const args[] = {
		"-d DESIGN JOB.fio...", "JOB.fio...",
		"-d DESIGN < OPS\n--reference < OPS\n--kernel --disk FILE < OPS\n--generate\n--compare OURS,THEIRS OPS",
		"-d DESIGN [-o FILE] JOB.fio...",
	};
	static const char *const docs[] = {
		"Run fio job files through one design.\vThe same job files run in fio unchanged. Example:\n"
		"  diolab run -d bio-first --ram 64m scenarios/first-light.fio",
		"Run the same stream of IO through each design and show them side by side.\vExample:\n"
		"  diolab compare -d iter-bvec,bio-first --ram 64m scenarios/first-light.fio",
		"Perform operations, one a line, and print one result line for each.\vOperations:\n"
		"  size N\n"
		"  pread OFF SEG... [FLAG...]\n"
		"  pwrite OFF SEG... [seed=N] [FLAG...]      FLAG = nowait|dsync\n"
		"  append SEG... [seed=N]\n"
		"  read SEG...                               at the descriptor's position:\n"
		"  write SEG... [seed=N]                     read, write and seek\n"
		"  seek OFF\n"
		"  bpread OFF SEG...                         through a second descriptor,\n"
		"  bpwrite OFF SEG... [seed=N]               which is buffered\n"
		"  punch OFF LEN\n"
		"  zero OFF LEN\n"
		"  alloc OFF LEN [keep]\n"
		"  fsync\n"
		"  fdatasync\n"
		"  data OFF                                  lseek's SEEK_DATA\n"
		"  hole OFF                                  and SEEK_HOLE\n"
		"  aio (pread|pwrite) OFF SEG... [; ...]     together; results in this order\n"
		"  SEG = LEN[+MIS][!none|!ro|!null|!kern|!half]\n"
		"With --path loop 'size N' comes first and is the capacity. Example:\n"
		"  printf 'pwrite 0 4k seed=7\\npread 0 4k\\n' | diolab ops -d bio-first",
		"Run fio job files through one design and keep what happens at each block device.\v"
		"259,N are disks, 253,N filters, 7,N loop devices. Letters are those of blkparse: Q queued, A remapped, X split, "
		"G request taken, M F merged, P U plugged and unplugged, I left to a worker, D given to the driver, R taken back, "
		"C done. Examples:\n"
		"  diolab trace -d bio-first --ram 64m --ios 4 scenarios/first-light.fio\n"
		"  diolab trace -d bio-first -o t.blktrace.0 scenarios/first-light.fio; blkparse -i t -d t.bin; btt -i t.bin",
	};
	static const struct argp ops = { ops_table, parse_ops, NULL, NULL, NULL, NULL, NULL };
	static const struct argp trace = { trace_table, parse_trace, NULL, NULL, NULL, NULL, NULL };
	static const struct argp_child of_ops[] = { { &ops, 0, NULL, 0 }, { 0 } };
	static const struct argp_child of_trace[] = { { &trace, 0, NULL, 0 }, { 0 } };
	struct argp argp = { table, parse, args[verb], docs[verb],
			     verb == OPT_OPS ? of_ops : verb == OPT_TRACE ? of_trace : NULL, NULL, NULL };

	static char *copy[OPTIONS_MAX_ARGS + 1];
	static char name[32], help_option[] = "--help";

	memset(o, 0, sizeof(*o));
	setup_defaults(&o->setup);
	o->count = 500;
	if (argc > OPTIONS_MAX_ARGS)
		usage("more than %d arguments", OPTIONS_MAX_ARGS);
	/* argp prints argv[0] as the program's name and reorders the rest: give it its own */
	memcpy(copy, argv, sizeof(*copy) * (size_t)argc);
	if (argc > 1 && !strcmp(copy[1], "-h"))
		copy[1] = help_option;
	check_options(argc, copy, verb);
	snprintf(name, sizeof(name), "diolab %s", argv[0]);
	copy[0] = name;
	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, copy, 0, NULL, o);
}
