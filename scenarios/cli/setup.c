// SPDX-License-Identifier: GPL-2.0-only
/*
 * setup.c - the words that say what a run is made of: designs, knobs, target, filesystem, limits, filters.
 *
 * The same words come from the command line and from '#@' pragmas, so each is parsed here once. Parsers answer
 * with a line for the user; who called puts the place (option, or file:line) before it.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define SETUP_WORDS_BYTES	512	/* of --fs, --limits, --stack */

const char *const setup_knob_names[] = { "handoff", "alloc", "completion", "loopq", "bio-rule", "frames", NULL };
const char *const setup_knob_values[] = {
	"inline|worker", "pool|kmalloc", "inline|wq", "bio|mq", "new|old", "contiguous|permuted", NULL,
};

void setup_defaults(struct setup *s)
{
	memset(s, 0, sizeof(*s));
	s->knobs = (struct setup_knobs){
		.handoff = SETUP_KNOB_UNSAID, .alloc = SETUP_KNOB_UNSAID, .completion = SETUP_KNOB_UNSAID,
		.loopq = SETUP_KNOB_UNSAID, .bio_rule = SETUP_KNOB_UNSAID, .frames_permuted = 0,
	};
	s->engine = HOST_THR;
	s->seed = 1;
	s->both_paths = true;
}

/* Which of "a|b|c" is @value: 0, 1, 2, or -1. */
static int choice(const char *choices, const char *value)
{
	size_t len = strlen(value);

	for (int i = 0; *choices; i++) {
		size_t n = strcspn(choices, "|");

		if (n == len && !memcmp(choices, value, n))
			return i;
		choices += n + (choices[n] == '|');
	}
	return -1;
}

int setup_knob(struct setup_knobs *k, const char *name, const char *value, char *why, size_t why_bytes)
{
	int *fields[] = { &k->handoff, &k->alloc, &k->completion, &k->loopq, &k->bio_rule, &k->frames_permuted };

	for (size_t i = 0; setup_knob_names[i]; i++) {
		int v;

		if (strcmp(setup_knob_names[i], name))
			continue;
		v = choice(setup_knob_values[i], value);
		if (v < 0) {
			snprintf(why, why_bytes, "knob %s=%s: want %s", name, value, setup_knob_values[i]);
			return -1;
		}
		*fields[i] = v;
		return 0;
	}
	snprintf(why, why_bytes, "no knob '%s'%s", name, did_you_mean(name, setup_knob_names, COUNT(setup_knob_names)));
	return -1;
}

static int known_design(const char *name, char *why, size_t why_bytes)
{
	const char *names[64];
	unsigned int n = lab_nr_designs();

	if (n > COUNT(names))
		n = COUNT(names);
	for (unsigned int i = 0; i < n; i++) {
		names[i] = lab_design_name(i);
		if (!strcmp(names[i], name))
			return 0;
	}
	if (lab_design_variant(name, "") == 0)	/* hidden, but named */
		return 0;
	snprintf(why, why_bytes, "no design '%s'%s", name, did_you_mean(name, names, n));
	return -1;
}

/* @word is NAME[@VARIANT][:TREE]: the design is NAME[:TREE]. */
static int take_variant(struct setup_design *d, char *word, char *why, size_t why_bytes)
{
	char *at = strchr(word, '@'), *tree = strchr(word, ':');

	if (at && tree && tree < at) {
		snprintf(why, why_bytes, "'%s': want NAME@VARIANT:TREE, in that order", word);
		return -1;
	}
	if (at)
		*at++ = 0;
	if (tree)
		*tree++ = 0;
	snprintf(d->name, sizeof(d->name), "%s%s%s", word, tree ? ":" : "", tree ? tree : "");
	if (!strcmp(word, "upstream") && lab_design_variant(d->name, "") != 0) {
		snprintf(why, why_bytes, "'%s' is not in this build; see 'make upstream'%s", d->name,
			 tree ? " with KSRC=DIR and NAME=" : "");
		return -1;
	}
	if (known_design(d->name, why, why_bytes))
		return -1;
	d->variant = lab_design_variant(d->name, at ? at : "");
	if (d->variant < 0) {
		snprintf(why, why_bytes, "%s has no variant '%s'; 'diolab list designs' names those there are", d->name, at);
		return -1;
	}
	return 0;
}

/* Is there nothing behind a @, : or + of @word? Who typed it meant something. */
static bool ends_in_nothing(const char *word)
{
	for (const char *c = word; *c; c++)
		if (strchr("@:+", *c) && (!c[1] || strchr("@:+", c[1])))
			return true;
	return false;
}

/* NAME[@VARIANT][:TREE][+knob=value…] */
static int one_design(struct setup *s, char *word, char *why, size_t why_bytes)
{
	struct setup_design *d = &s->designs[s->nr_designs];
	char *save = NULL, *knob;

	if (s->nr_designs == CLI_MAX_DESIGNS) {
		snprintf(why, why_bytes, "too many designs; at most %d", CLI_MAX_DESIGNS);
		return -1;
	}
	snprintf(d->label, sizeof(d->label), "%s", word);
	if (strlen(word) >= sizeof(d->label)) {
		snprintf(why, why_bytes, "a design with its knobs may have %zu bytes", sizeof(d->label) - 1);
		return -1;
	}
	if (ends_in_nothing(word)) {
		snprintf(why, why_bytes, "'%s': want NAME[@VARIANT][+knob=value…]", word);
		return -1;
	}
	d->knobs = s->knobs;
	word = strtok_r(word, "+", &save);
	if (!word || strlen(word) >= sizeof(d->name)) {
		snprintf(why, why_bytes, "an empty or overlong design name");
		return -1;
	}
	if (take_variant(d, word, why, why_bytes))
		return -1;
	while ((knob = strtok_r(NULL, "+", &save))) {
		char *eq = strchr(knob, '=');

		if (!eq) {
			snprintf(why, why_bytes, "'+%s': want +knob=value", knob);
			return -1;
		}
		*eq = 0;
		if (setup_knob(&d->knobs, knob, eq + 1, why, why_bytes))
			return -1;
	}
	s->nr_designs++;
	return 0;
}

int setup_designs(struct setup *s, const char *arg, char *why, size_t why_bytes)
{
	char text[1024], *save = NULL;

	if (strlen(arg) >= sizeof(text)) {
		snprintf(why, why_bytes, "list of designs longer than %zu bytes", sizeof(text) - 1);
		return -1;
	}
	strcpy(text, arg);
	for (char *w = strtok_r(text, ",", &save); w; w = strtok_r(NULL, ",", &save))
		if (one_design(s, w, why, why_bytes))
			return -1;
	if (!s->nr_designs) {
		snprintf(why, why_bytes, "no design named");
		return -1;
	}
	return 0;
}

/* Words that are taken apart in a copy: a copy that is cut short would quietly say something else. */
static int copy_words(char text[SETUP_WORDS_BYTES], const char *arg, char *why, size_t why_bytes)
{
	if (strlen(arg) < SETUP_WORDS_BYTES) {
		strcpy(text, arg);
		return 0;
	}
	snprintf(why, why_bytes, "longer than %d bytes", SETUP_WORDS_BYTES - 1);
	return -1;
}

static int fs_layout(struct lab_target *t, char *word, char *why, size_t why_bytes)
{
	static const char *const layouts[] = { "contiguous", "fragmented", "sparse", "unwritten" };
	char *size = strchr(word, '=');
	uint64_t bytes = 4096;

	if (size)
		*size++ = 0;
	for (size_t i = 0; i < COUNT(layouts); i++) {
		if (strcmp(word, layouts[i]))
			continue;
		t->layout = (int)i;
		if (size && (i != 1 || parse_bytes(size, &bytes) || !bytes || bytes % 4096)) {
			snprintf(why, why_bytes, "layout=%s=%s: only fragmented takes a size, a multiple of 4k", word, size);
			return -1;
		}
		t->fragment_bytes = i == 1 ? bytes : 0;
		return 0;
	}
	snprintf(why, why_bytes, "layout=%s: want contiguous, fragmented[=4k], sparse or unwritten%s", word,
		 did_you_mean(word, layouts, COUNT(layouts)));
	return -1;
}

/* extent[:layout=…][,lock=…][,map=…][,flusher=…]; either separator is taken between options */
int setup_fs(struct lab_target *t, const char *arg, char *why, size_t why_bytes)
{
	char text[SETUP_WORDS_BYTES], *save = NULL, *w;

	if (copy_words(text, arg, why, why_bytes))
		return -1;
	w = strtok_r(text, ":,", &save);
	if (!w || strcmp(w, "extent")) {
		snprintf(why, why_bytes, "'%s': want extent, with options such as extent:layout=sparse,lock=shared", arg);
		return -1;
	}
	while ((w = strtok_r(NULL, ":,", &save))) {
		if (!strncmp(w, "layout=", 7)) {
			if (fs_layout(t, w + 7, why, why_bytes))
				return -1;
		} else if (!strcmp(w, "lock=shared") || !strcmp(w, "lock=exclusive")) {
			t->lock_exclusive = w[5] == 'e';
		} else if (!strcmp(w, "map=warm") || !strcmp(w, "map=cold")) {
			t->cold_map = w[4] == 'c';
		} else if (!strcmp(w, "flusher=on") || !strcmp(w, "flusher=off")) {
			t->flusher = w[9] == 'n';
		} else {
			snprintf(why, why_bytes, "'%s': want layout=contiguous|fragmented[=4k]|sparse|unwritten, "
				 "lock=shared|exclusive, map=warm|cold or flusher=on|off", w);
			return -1;
		}
	}
	return 0;
}

int setup_limits(struct lab_target *t, const char *arg, char *why, size_t why_bytes)
{
	static const char *const names[] = {
		"max_sectors", "max_segments", "max_segment_size", "logical_block_size", "virt_boundary",
	};
	uint32_t *fields[] = { &t->max_sectors, &t->max_segments, &t->max_segment_bytes, &t->logical_block_bytes,
			       &t->virt_boundary_bytes };
	char text[SETUP_WORDS_BYTES], *save = NULL;

	if (copy_words(text, arg, why, why_bytes))
		return -1;
	if (!text[strspn(text, ",")]) {
		snprintf(why, why_bytes, "want NAME=N[,…] such as max_sectors=256");
		return -1;
	}
	for (char *w = strtok_r(text, ",", &save); w; w = strtok_r(NULL, ",", &save)) {
		char *eq = strchr(w, '=');
		uint64_t v;
		size_t i;

		if (eq)
			*eq++ = 0;
		for (i = 0; i < COUNT(names) && strcmp(names[i], w); i++)
			;
		if (i == COUNT(names)) {
			snprintf(why, why_bytes, "no limit '%s'%s", w, did_you_mean(w, names, COUNT(names)));
			return -1;
		}
		if (!eq || parse_bytes(eq, &v) || !v || v > 1u << 30) {
			snprintf(why, why_bytes, "limit %s=%s: want a number of 1 to 1g", w, eq ? eq : "");
			return -1;
		}
		if (i >= 3 && (v & (v - 1) || v < 512 || (i == 3 && v > 4096))) {
			snprintf(why, why_bytes, "limit %s=%s: want a power of two from 512%s", w, eq, i == 3 ? " to 4096" : "");
			return -1;
		}
		*fields[i] = (uint32_t)v;
	}
	return 0;
}

/* FILTER[=ARGS][/FILTER…], outermost first */
int setup_stack(struct lab_target *t, const char *arg, char *why, size_t why_bytes)
{
	char text[SETUP_WORDS_BYTES], *save = NULL;

	if (copy_words(text, arg, why, why_bytes))
		return -1;
	if (!text[strspn(text, "/")]) {
		snprintf(why, why_bytes, "want FILTER[=ARGS][/FILTER…]; 'diolab list devices' names them");
		return -1;
	}
	t->nr_stack = 0;
	for (char *w = strtok_r(text, "/", &save); w; w = strtok_r(NULL, "/", &save)) {
		struct lab_filter *f = &t->stack[t->nr_stack];
		const char *names[32];
		unsigned int n = lab_nr_filters(), i;
		char *eq = strchr(w, '=');

		if (eq)
			*eq++ = 0;
		for (i = 0; i < n && i < COUNT(names); i++)
			names[i] = lab_filter_name(i);
		n = i;
		for (i = 0; i < n && strcmp(names[i], w); i++)
			;
		if (i == n) {
			snprintf(why, why_bytes, "no filter '%s'%s", w, did_you_mean(w, names, n));
			return -1;
		}
		if (t->nr_stack == LAB_MAX_STACK || (eq && strlen(eq) >= sizeof(f->arg))) {
			snprintf(why, why_bytes, "at most %d filters, each with arguments of %zu bytes", LAB_MAX_STACK,
				 sizeof(f->arg) - 1);
			return -1;
		}
		snprintf(f->name, sizeof(f->name), "%s", w);
		snprintf(f->arg, sizeof(f->arg), "%s", eq ? eq : "");
		t->nr_stack++;
	}
	return 0;
}

/* FILE[:SIZE]; a colon that is not followed by a size belongs to the name */
int setup_disk(struct lab_target *t, const char *arg, char *why, size_t why_bytes)
{
	const char *colon = strrchr(arg, ':');
	size_t len = strlen(arg);

	t->kind = LAB_DISK_FILE;
	t->temp = 0;
	t->size_bytes = 0;
	if (colon && !parse_bytes(colon + 1, &t->size_bytes))
		len = (size_t)(colon - arg);
	if (!len || len >= sizeof(t->path)) {
		snprintf(why, why_bytes, "want FILE or FILE:SIZE with a name of 1 to %zu bytes", sizeof(t->path) - 1);
		return -1;
	}
	if (t->size_bytes % 4096) {
		snprintf(why, why_bytes, "the size must be a multiple of 4k");
		return -1;
	}
	memcpy(t->path, arg, len);
	t->path[len] = 0;
	return 0;
}

const char *setup_disk_path(const struct setup *s)
{
	return s->have_target && s->target.kind == LAB_DISK_FILE ? s->target.path : NULL;
}

/* det lives in the check build: run that binary with the same arguments. */
static void exec_det(char **argv)
{
	char self[4096], other[4200], name[64] = "", *slash;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n < 0)
		usage("--engine det: cannot find this program's own path (/proc/self/exe)");
	self[n] = 0;
	for (int up = 0; up < 2; up++) {
		slash = strrchr(self, '/');
		if (slash && !up)
			snprintf(name, sizeof(name), "%s", slash + 1);
		if (slash)
			*slash = 0;
	}
	snprintf(other, sizeof(other), "%s/check/%s", self, name);
	execv(other, argv);
	usage("--engine det needs the check build, %s is not there; run: make %s", other,
	      strcmp(name, "diolab") ? "upstream-check" : "all");
}

/* What nobody said is as the design has it. */
static void default_knobs(struct setup_design *d)
{
	struct lab_run_spec spec = { .design = d->name, .variant = d->variant };

	lab_design_defaults(&spec);
	if (d->knobs.handoff == SETUP_KNOB_UNSAID)
		d->knobs.handoff = spec.handoff;
	if (d->knobs.alloc == SETUP_KNOB_UNSAID)
		d->knobs.alloc = spec.alloc;
	if (d->knobs.completion == SETUP_KNOB_UNSAID)
		d->knobs.completion = spec.completion;
	if (d->knobs.loopq == SETUP_KNOB_UNSAID)
		d->knobs.loopq = spec.loopq;
	if (d->knobs.bio_rule == SETUP_KNOB_UNSAID)
		d->knobs.bio_rule = spec.bio_rule;
}

void setup_finish(struct setup *s, char **argv)
{
	if (s->engine == HOST_DET && !host_engine_built(HOST_DET))
		exec_det(argv);
	if (!s->nr_designs) {
		for (unsigned int i = 0; i < lab_nr_designs() && i < CLI_MAX_DESIGNS; i++) {
			struct setup_design *d = &s->designs[s->nr_designs++];

			snprintf(d->name, sizeof(d->name), "%s", lab_design_name(i));
			snprintf(d->label, sizeof(d->label), "%s", lab_design_name(i));
			d->knobs = s->knobs;
		}
	}
	for (unsigned int i = 0; i < s->nr_designs; i++)
		default_knobs(&s->designs[i]);
	if (!s->have_target) {
		s->target.kind = LAB_DISK_FILE;
		s->target.temp = 1;
		snprintf(s->target.path, sizeof(s->target.path), ".");
	}
	if (s->verify && s->target.kind == LAB_DISK_NULL)
		usage("--verify with --null: a null disk keeps no data; use --ram SIZE or --disk FILE");
	if (s->loops > 1 && !s->have_path)
		s->both_paths = false;
	if (s->loops > 1 && s->have_path && s->path == LAB_PATH_FILE)
		usage("--loops %u with --path file: there is no loop device on that path", s->loops);
	if (s->source == LAB_SOURCE_PINNED && s->have_path && s->path == LAB_PATH_FILE)
		usage("--source pinned with --path file: ready bios go to the loop device; use --path loop");
}

void setup_spec(const struct setup *s, unsigned int design, enum lab_path path, struct lab_run_spec *spec)
{
	const struct setup_design *d = &s->designs[design];

	memset(spec, 0, sizeof(*spec));
	spec->design = d->name;
	spec->handoff = d->knobs.handoff;
	spec->alloc = d->knobs.alloc;
	spec->completion = d->knobs.completion;
	spec->loopq = d->knobs.loopq;
	spec->bio_rule = d->knobs.bio_rule;
	spec->variant = d->variant;
	spec->path = path;
	spec->source = s->source;
	spec->loops = s->loops;
	spec->target = s->target;
	spec->target.frames_permuted = d->knobs.frames_permuted;
	spec->engine = s->engine;
	spec->seed = s->seed;
	spec->verify = s->verify;
	spec->max_ios = s->max_ios;
	spec->max_runtime_ns = s->max_runtime_ns;
}
