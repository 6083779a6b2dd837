// SPDX-License-Identifier: GPL-2.0-only
/*
 * opsdiff.c - the results of two executors of one stream, line by line: equal, or different as a table says.
 *
 * A row of the table is one line of seven fields between bars:
 *
 *	NAME | JUDGE | PATH | OPERATION | OURS | THEIRS | CRC
 *
 * It accepts the two results of an operation when all fields hold: JUDGE is any, or one of the words given with
 * --judge, between pluses (reference+3.12: the byte array is the judge, and OURS goes by the rules of 3.12);
 * PATH is file, loop or any; OPERATION is a list of kinds (pread,pwrite) and of conditions:
 *
 *	nowait		it has that flag		aio		it is one of a group
 *	fault=first	none of its memory can be used	fault=later	some can, then comes what cannot
 *	base=odd	a segment's address is off the 512 bytes that a device wants; offset and lengths are not
 *	length=odd	a segment's length is no multiple of 512 bytes, the offset is
 *	odd		offset, an address or a length is no multiple of 512 bytes
 *
 * OURS and THEIRS: ret=VALUE[,VALUE…], where a value is an error (-EFAULT), a number, all (as many bytes as
 * were asked for) or part (fewer, but some). CRC: same, or any. What a row does not speak of must be equal: the size
 * always, and a GUARD is always wrong. Empty lines, and from # on, are nothing.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define FIELDS		7
#define MAX_ROWS	64
#define MAX_TOLD	8
#define LINE_BYTES	1024
#define PAGE_BYTES	4096u
#define BLOCK_BYTES	512u

enum field { F_NAME, F_JUDGE, F_PATH, F_OPERATION, F_OURS, F_THEIRS, F_CRC };

struct row { char text[LINE_BYTES]; char *field[FIELDS]; unsigned int used; };

struct table { const char *name; unsigned int nr; struct row row[MAX_ROWS]; };

/* ---- the table -------------------------------------------------------------------------------- */

static char *trim(char *s)
{
	size_t n;

	s += strspn(s, " \t");
	n = strlen(s);
	while (n && strchr(" \t\n", s[n - 1]))
		s[--n] = 0;
	return s;
}

static bool one_of(const char *word, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(word, words[i]))
			return true;
	return false;
}

/* A term of OPERATION that is no condition must be a list of kinds. */
static bool known_kinds(const char *term)
{
	char text[LINE_BYTES], *save = NULL;

	snprintf(text, sizeof(text), "%s", term);
	for (char *w = strtok_r(text, ",", &save); w; w = strtok_r(NULL, ",", &save)) {
		unsigned int k;

		for (k = 0; k < LAB_OP_NR && strcmp(w, opsfile_kind_name((enum lab_op_kind)k)); k++)
			;
		if (k == LAB_OP_NR)
			return false;
	}
	return true;
}

static const char *const conditions[] = {
	"nowait", "aio", "fault=first", "fault=later", "base=odd", "length=odd", "odd",
};

static void check_row(const struct table *t, const struct row *r, int line)
{
	static const char *const paths[] = { "file", "loop", "any" }, *const crcs[] = { "same", "any" };
	char text[LINE_BYTES], *save = NULL;

	if (!one_of(r->field[F_PATH], paths, COUNT(paths)))
		usage("%s:%d: path '%s': want file, loop or any", t->name, line, r->field[F_PATH]);
	if (!one_of(r->field[F_CRC], crcs, COUNT(crcs)))
		usage("%s:%d: crc '%s': want same or any", t->name, line, r->field[F_CRC]);
	if (strncmp(r->field[F_OURS], "ret=", 4) || strncmp(r->field[F_THEIRS], "ret=", 4))
		usage("%s:%d: '%s', '%s': want ret=VALUE,… of both", t->name, line, r->field[F_OURS], r->field[F_THEIRS]);
	snprintf(text, sizeof(text), "%s", r->field[F_OPERATION]);
	for (char *w = strtok_r(text, " ", &save); w; w = strtok_r(NULL, " ", &save))
		if (!one_of(w, conditions, COUNT(conditions)) && !known_kinds(w))
			usage("%s:%d: '%s' is neither a condition nor a list of operations", t->name, line, w);
}

static void read_table(struct table *t, const char *name)
{
	FILE *in = fopen(name, "re");
	char line[LINE_BYTES];
	int nr = 0;

	memset(t, 0, sizeof(*t));
	t->name = name;
	if (!in)
		usage("%s: cannot read the table of differences (%s)", name, strerror(errno));
	while (fgets(line, sizeof(line), in)) {
		struct row *r = &t->row[t->nr];
		char *save = NULL, *s;
		int n = 0;

		nr++;
		line[strcspn(line, "#\n")] = 0;
		if (!*trim(line))
			continue;
		if (t->nr == MAX_ROWS)
			usage("%s:%d: more than %d rows", name, nr, MAX_ROWS);
		strcpy(r->text, line);
		for (s = strtok_r(r->text, "|", &save); s && n < FIELDS; s = strtok_r(NULL, "|", &save))
			r->field[n++] = trim(s);
		if (n != FIELDS || s)
			usage("%s:%d: want %d fields between bars", name, nr, FIELDS);
		check_row(t, r, nr);
		t->nr++;
	}
	if (ferror(in))
		usage("%s: cannot read the table of differences (%s)", name, strerror(errno));
	fclose(in);
}

/* ---- conditions ---------------------------------------------------------------------------------- */

static uint64_t total(const struct lab_op *op)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < op->nr_segs; i++)
		n += op->segs[i].len_bytes;
	return n;
}

/* Bytes of the memory that can be used, up to the first that cannot. */
static uint64_t usable(const struct lab_op *op)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < op->nr_segs; i++) {
		const struct lab_seg *s = &op->segs[i];
		uint64_t half = (s->misalign_bytes + s->len_bytes / 2) & ~(uint64_t)(PAGE_BYTES - 1);

		if (s->fault == LAB_SEG_HALF)
			n += half > s->misalign_bytes ? half - s->misalign_bytes : 0;
		if (s->fault != LAB_SEG_OK && !(s->fault == LAB_SEG_RO && !lab_op_is_read(op->kind)))
			return n;
		n += s->len_bytes;
	}
	return n;
}

static bool base_is_odd(const struct lab_seg *s)
{
	return s->len_bytes && s->misalign_bytes % BLOCK_BYTES;
}

static bool some(const struct lab_op *op, bool (*is)(const struct lab_seg *s))
{
	for (unsigned int i = 0; i < op->nr_segs; i++)
		if (is(&op->segs[i]))
			return true;
	return false;
}

static bool length_is_odd(const struct lab_seg *s)
{
	return s->len_bytes % BLOCK_BYTES;
}

static bool has_kind(const struct lab_op *op, const char *kinds)
{
	const char *name = opsfile_kind_name(op->kind);
	size_t n = strlen(name);

	for (const char *s = strstr(kinds, name); s; s = strstr(s + 1, name))
		if ((s == kinds || s[-1] == ',') && (!s[n] || s[n] == ','))
			return true;
	return false;
}

/* Is @word one of @judge's words? */
static bool is_judge(const char *judge, const char *word)
{
	size_t n = strlen(word);

	for (const char *s = judge; s; s = strchr(s, '+') ? strchr(s, '+') + 1 : NULL)
		if (!strncmp(s, word, n) && (!s[n] || s[n] == '+'))
			return true;
	return false;
}

static bool condition(const struct lab_op *op, const char *word)
{
	if (!strcmp(word, "nowait"))
		return op->flags & LAB_OPF_NOWAIT;
	if (!strcmp(word, "aio"))
		return op->flags & LAB_OPF_AIO;
	if (!strcmp(word, "fault=first"))
		return total(op) && !usable(op);
	if (!strcmp(word, "fault=later"))
		return usable(op) && usable(op) < total(op);
	if (!strcmp(word, "odd"))
		return op->off_bytes % BLOCK_BYTES || some(op, base_is_odd) || some(op, length_is_odd);
	if (!strcmp(word, "base=odd"))
		return some(op, base_is_odd) && !some(op, length_is_odd) && op->off_bytes % BLOCK_BYTES == 0;
	if (!strcmp(word, "length=odd"))
		return some(op, length_is_odd) && op->off_bytes % BLOCK_BYTES == 0;
	return has_kind(op, word);
}

static bool value(const struct lab_op *op, const struct lab_op_result *r, const char *word)
{
	uint64_t all = total(op);
	const char *error = r->ret < 0 ? strerrorname_np((int)-r->ret) : NULL;
	uint64_t n;

	if (*word == '-')
		return error && !strcmp(word + 1, error);
	if (!strcmp(word, "all"))
		return r->ret >= 0 && (uint64_t)r->ret == all;
	if (!strcmp(word, "part"))
		return r->ret > 0 && (uint64_t)r->ret < all;
	return r->ret >= 0 && !parse_number(word, &n) && n == (uint64_t)r->ret;
}

static bool any_value(const struct lab_op *op, const struct lab_op_result *r, const char *list)
{
	char text[LINE_BYTES], *save = NULL;

	snprintf(text, sizeof(text), "%s", list + strlen("ret="));
	for (char *w = strtok_r(text, ",", &save); w; w = strtok_r(NULL, ",", &save))
		if (value(op, r, w))
			return true;
	return false;
}

static bool same_crc(const struct lab_op_result *a, const struct lab_op_result *b)
{
	return a->has_crc == b->has_crc && (!a->has_crc || a->crc == b->crc);
}

static bool accepts(const struct row *row, const struct opsdiff *d, const struct lab_op *op,
		    const struct lab_op_result *ours, const struct lab_op_result *theirs)
{
	char text[LINE_BYTES], *save = NULL;

	if (strcmp(row->field[F_JUDGE], "any") && !is_judge(d->judge, row->field[F_JUDGE]))
		return false;
	if (strcmp(row->field[F_PATH], "any") && strcmp(row->field[F_PATH], d->path == LAB_PATH_LOOP ? "loop" : "file"))
		return false;
	snprintf(text, sizeof(text), "%s", row->field[F_OPERATION]);
	for (char *w = strtok_r(text, " ", &save); w; w = strtok_r(NULL, " ", &save))
		if (!condition(op, w))
			return false;
	if (!strcmp(row->field[F_CRC], "same") && !same_crc(ours, theirs))
		return false;
	return any_value(op, ours, row->field[F_OURS]) && any_value(op, theirs, row->field[F_THEIRS]);
}

/* ---- the results ------------------------------------------------------------------------------------ */

static long long parse_ret(const char *word)
{
	char *end;

	if (word[0] == '-' && word[1] == 'E') {
		for (int e = 1; e < 4096; e++) {
			const char *name = strerrorname_np(e);

			if (name && !strcmp(name, word + 1))
				return -e;
		}
		return LLONG_MIN;
	}
	errno = 0;
	return strtoll(word, &end, 10) + (*end || errno ? LLONG_MIN : 0);
}

static bool parse_result(const char *line, const struct lab_op *op, struct lab_op_result *r)
{
	char name[32], ret[32], crc[32], guard[8] = "";
	unsigned long long size;
	int index;

	memset(r, 0, sizeof(*r));
	if (sscanf(line, "%d %31s ret=%31s size=%llu crc=%31s %7s", &index, name, ret, &size, crc, guard) < 5 ||
	    index != op->index || strcmp(name, opsfile_kind_name(op->kind)))
		return false;
	r->ret = parse_ret(ret);
	r->size = size;
	r->has_crc = strcmp(crc, "-") != 0;
	r->crc = r->has_crc ? (uint32_t)strtoul(crc, NULL, 16) : 0;
	r->guard = !strcmp(guard, "GUARD");
	return r->ret != LLONG_MIN && (!*guard || r->guard);
}

static struct lab_op_result *read_results(const struct opset *set, const char *name)
{
	struct lab_op_result *r = calloc(set->nr, sizeof(*r));
	FILE *in = fopen(name, "re");
	char line[LINE_BYTES];
	unsigned int n = 0;

	if (!r || !in)
		usage("%s: cannot read the results (%s)", name, strerror(errno));
	for (; fgets(line, sizeof(line), in); n++)
		if (n == set->nr || !parse_result(line, &set->ops[n], &r[n]))
			usage("%s:%u: no result of operation %u of the stream", name, n + 1, n);
	if (ferror(in))
		usage("%s: cannot read the results (%s)", name, strerror(errno));
	fclose(in);
	if (n != set->nr)
		usage("%s: %u results for %u operations", name, n, set->nr);
	return r;
}

static void tell(const struct opsdiff *d, const struct lab_op *op, const struct lab_op_result *ours,
		 const struct lab_op_result *theirs)
{
	struct lab_op alone = *op;

	alone.flags &= ~(unsigned int)(LAB_OPF_AIO | LAB_OPF_MORE);
	fprintf(stderr, "line %d: %s", op->line, op->flags & LAB_OPF_AIO ? "aio " : "");
	opsfile_print_ops(stderr, &alone, 1);
	fprintf(stderr, "  %s: ", d->ours);
	opsfile_print_result(stderr, op, ours);
	fprintf(stderr, "  %s: ", d->theirs);
	opsfile_print_result(stderr, op, theirs);
}

int opsdiff_run(const struct opset *set, const struct opsdiff *d)
{
	struct lab_op_result *ours = read_results(set, d->ours), *theirs = read_results(set, d->theirs);
	static struct table t;
	unsigned int wrong = 0, documented = 0;

	memset(&t, 0, sizeof(t));
	if (d->table)
		read_table(&t, d->table);
	for (unsigned int i = 0; i < set->nr; i++) {
		const struct lab_op_result *a = &ours[i], *b = &theirs[i];
		bool comparable = a->size == b->size && !a->guard && !b->guard;
		unsigned int k;

		if (comparable && a->ret == b->ret && same_crc(a, b))
			continue;
		for (k = 0; comparable && k < t.nr && !accepts(&t.row[k], d, &set->ops[i], a, b); k++)
			;
		if (comparable && k < t.nr) {
			t.row[k].used++;
			documented++;
		} else if (wrong++ < MAX_TOLD) {
			tell(d, &set->ops[i], a, b);
		}
	}
	free(ours);
	free(theirs);
	printf("%u results, %u differences that are documented, %u that are not", set->nr, documented, wrong);
	for (unsigned int k = 0; k < t.nr; k++)
		if (t.row[k].used)
			printf("%s%s %u", " · ", t.row[k].field[F_NAME], t.row[k].used);
	putchar('\n');
	return wrong ? EXIT_CHECK : EXIT_OK;
}
