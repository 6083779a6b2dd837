// SPDX-License-Identifier: GPL-2.0-only
/*
 * opsfile.c - streams of operations: one a line in, one result line out (grammar: DESIGN, `diolab ops --help`).
 *
 *	size N · pread OFF SEG… · pwrite OFF SEG… [seed=N] · append SEG… [seed=N]
 *	read SEG… · write SEG… [seed=N] · seek OFF	at the descriptor's own position
 *	bpread OFF SEG… · bpwrite OFF SEG… [seed=N]	through a second, buffered descriptor of the file
 *	punch OFF LEN · zero OFF LEN · alloc OFF LEN [keep] · fsync · fdatasync · data OFF · hole OFF
 *	aio (pread|pwrite) OFF SEG… [; (pread|pwrite) OFF SEG…]…
 *	flags on pread and pwrite: nowait dsync
 *	SEG = LEN[+MIS][!none|!ro|!null|!kern|!half]
 *
 * Everything from # is a comment. Numbers are decimal or 0x…, with k, m, g behind. The seed of a write
 * without one is its line number, so that two writes never carry the same bytes by accident. What stands
 * between the semicolons of an aio line is an operation each, with an index and a result line of its own, named as
 * it would be alone; they are submitted together and all are waited for.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define OPS_LINE_BYTES 65536

static const char *const kind_names[LAB_OP_NR] = {
	[LAB_OP_SIZE] = "size", [LAB_OP_PREAD] = "pread", [LAB_OP_PWRITE] = "pwrite", [LAB_OP_APPEND] = "append",
	[LAB_OP_BPREAD] = "bpread", [LAB_OP_BPWRITE] = "bpwrite", [LAB_OP_READ] = "read", [LAB_OP_WRITE] = "write",
	[LAB_OP_SEEK] = "seek", [LAB_OP_PUNCH] = "punch", [LAB_OP_ZERO] = "zero", [LAB_OP_ALLOC] = "alloc",
	[LAB_OP_FSYNC] = "fsync", [LAB_OP_FDATASYNC] = "fdatasync", [LAB_OP_DATA] = "data", [LAB_OP_HOLE] = "hole",
};

static const char *const fault_names[] = {
	[LAB_SEG_OK] = "", [LAB_SEG_NONE] = "!none", [LAB_SEG_RO] = "!ro", [LAB_SEG_NULL] = "!null",
	[LAB_SEG_KERN] = "!kern", [LAB_SEG_HALF] = "!half",
};

struct reader {
	const char *name;
	int line;
	struct opset *set;
	char *why;
	size_t why_bytes;
};

const char *opsfile_kind_name(enum lab_op_kind kind)
{
	return kind_names[kind];
}

static int err(const struct reader *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int err(const struct reader *r, const char *fmt, ...)
{
	int n = snprintf(r->why, r->why_bytes, "%s:%d: ", r->name, r->line);
	va_list ap;

	va_start(ap, fmt);
	if (n >= 0 && (size_t)n < r->why_bytes)
		vsnprintf(r->why + n, r->why_bytes - (size_t)n, fmt, ap);
	va_end(ap);
	return -1;
}

static int segment(const struct reader *r, char *word, struct lab_seg *seg)
{
	char *bang = strchr(word, '!'), *plus;
	uint64_t mis = 0;

	memset(seg, 0, sizeof(*seg));
	if (bang) {
		size_t i;

		for (i = 1; i < COUNT(fault_names) && strcmp(bang, fault_names[i]); i++)
			;
		if (i == COUNT(fault_names))
			return err(r, "segment %s: want !none, !ro, !null, !kern or !half", word);
		seg->fault = (enum lab_seg_fault)i;
		*bang = 0;
	}
	plus = strchr(word, '+');
	if (plus)
		*plus++ = 0;
	if (parse_bytes(word, &seg->len_bytes) || (plus && parse_bytes(plus, &mis)) || mis >= 4096)
		return err(r, "segment %s: want LEN[+MIS] with MIS below 4096", word);
	if (seg->len_bytes > LAB_OP_MAX_BYTES)
		return err(r, "segment %s: at most %llu bytes", word, LAB_OP_MAX_BYTES);
	seg->misalign_bytes = (uint32_t)mis;
	return 0;
}

static int grow(const struct reader *r)
{
	struct opset *s = r->set;

	if (s->nr == LAB_OPS_MAX)
		return err(r, "too many operations; at most %d", LAB_OPS_MAX);
	if (s->nr == s->cap) {
		unsigned int cap = s->cap ? 2 * s->cap : 256;
		struct lab_op *ops = realloc(s->ops, cap * sizeof(*ops));

		if (!ops)
			return err(r, "no memory");
		s->ops = ops;
		s->cap = cap;
	}
	return 0;
}

static bool has_offset(enum lab_op_kind kind)
{
	if (lab_op_moves_data(kind))
		return kind != LAB_OP_APPEND && !lab_op_at_position(kind);
	return kind != LAB_OP_FSYNC && kind != LAB_OP_FDATASYNC;
}

static bool has_flags(enum lab_op_kind kind)
{
	return kind == LAB_OP_PREAD || kind == LAB_OP_PWRITE;
}

static bool has_seed(enum lab_op_kind kind)
{
	return lab_op_moves_data(kind) && !lab_op_is_read(kind);
}

/* A flag, the seed, or a segment. */
static int argument(const struct reader *r, struct lab_op *op, char *word)
{
	struct opset *s = r->set;

	if (has_flags(op->kind) && !strcmp(word, "nowait")) {
		op->flags |= LAB_OPF_NOWAIT;
		return 0;
	}
	if (has_flags(op->kind) && !strcmp(word, "dsync")) {
		op->flags |= LAB_OPF_DSYNC;
		return 0;
	}
	if (!strncmp(word, "seed=", 5) && has_seed(op->kind))
		return parse_number(word + 5, &op->seed) ? err(r, "%s: want a number", word) : 0;
	if (op->kind == LAB_OP_ALLOC && !strcmp(word, "keep")) {
		op->flags |= LAB_OPF_KEEP;
		return 0;
	}
	if (!lab_op_moves_data(op->kind))
		return err(r, "%s: nothing more belongs here", word);
	if (op->nr_segs == LAB_OP_MAX_SEGS)
		return err(r, "too many segments; at most %d", LAB_OP_MAX_SEGS);
	if (s->nr_segs == s->cap_segs) {
		size_t cap = s->cap_segs ? 2 * s->cap_segs : 1024;
		struct lab_seg *segs = realloc(s->segs, cap * sizeof(*segs));

		if (!segs)
			return err(r, "no memory");
		s->segs = segs;
		s->cap_segs = cap;
	}
	if (segment(r, word, &s->segs[s->nr_segs]))
		return -1;
	s->nr_segs++;
	op->nr_segs++;
	return 0;
}

static int check_op(const struct reader *r, const struct lab_op *op)
{
	uint64_t total = 0;

	for (unsigned int i = 0; i < op->nr_segs; i++)
		total += r->set->segs[r->set->nr_segs - op->nr_segs + i].len_bytes;
	if (total > LAB_OP_MAX_BYTES)
		return err(r, "%s of %llu bytes; at most %llu", kind_names[op->kind], (unsigned long long)total,
			   LAB_OP_MAX_BYTES);
	if (lab_op_moves_data(op->kind) && !op->nr_segs)
		return err(r, "%s needs a segment, such as 4k", kind_names[op->kind]);
	return 0;
}

/* A number of bytes that an operation cannot do without. */
static int want_bytes(const struct reader *r, const struct lab_op *op, char **save, uint64_t *out)
{
	const char *word = strtok_r(NULL, " \t\r", save);

	if (!word || parse_bytes(word, out))
		return err(r, "%s needs a number of bytes%s%s", kind_names[op->kind], word ? ", not " : "", word ? word : "");
	return 0;
}

/* One operation, all of @text. @flags: LAB_OPF_AIO, LAB_OPF_MORE */
static int one_op(struct reader *r, char *text, unsigned int flags)
{
	struct lab_op op = { .line = r->line, .index = (int)r->set->nr, .seed = (uint64_t)r->line, .flags = flags };
	char *save = NULL, *word = strtok_r(text, " \t\r", &save);
	size_t kind;

	if (!word)
		return err(r, "aio: want pread or pwrite between the semicolons");
	for (kind = 0; kind < LAB_OP_NR && strcmp(word, kind_names[kind]); kind++)
		;
	if (kind == LAB_OP_NR)
		return err(r, "unknown operation '%s'%s", word, did_you_mean(word, kind_names, LAB_OP_NR));
	op.kind = (enum lab_op_kind)kind;
	if (flags && !has_flags(op.kind))
		return err(r, "aio %s: want pread or pwrite", word);
	if (has_offset(op.kind) && want_bytes(r, &op, &save, &op.off_bytes))
		return -1;
	if (lab_op_is_range(op.kind) && want_bytes(r, &op, &save, &op.len_bytes))
		return -1;
	while ((word = strtok_r(NULL, " \t\r", &save)))
		if (argument(r, &op, word))
			return -1;
	if (check_op(r, &op) || grow(r))
		return -1;
	r->set->ops[r->set->nr++] = op;
	return 0;
}

static uint64_t op_bytes(const struct reader *r, size_t first_seg)
{
	uint64_t sum = 0;

	while (first_seg < r->set->nr_segs)
		sum += r->set->segs[first_seg++].len_bytes;
	return sum;
}

/* What follows the word aio: operations between semicolons. */
static int group(struct reader *r, char *text)
{
	size_t first_seg = r->set->nr_segs;
	unsigned int nr = 0;
	char *next;

	for (; text; text = next) {
		next = strchr(text, ';');
		if (next)
			*next++ = 0;
		if (++nr > LAB_OP_MAX_GROUP)
			return err(r, "aio: at most %d operations together", LAB_OP_MAX_GROUP);
		if (one_op(r, text, LAB_OPF_AIO | (next ? LAB_OPF_MORE : 0)))
			return -1;
	}
	if (op_bytes(r, first_seg) > LAB_OP_MAX_BYTES)
		return err(r, "aio: at most %llu bytes together", LAB_OP_MAX_BYTES);
	return 0;
}

static int one_line(struct reader *r, char *line)
{
	line[strcspn(line, "#")] = 0;
	line += strspn(line, " \t\r");
	if (!*line)
		return 0;
	if (!strncmp(line, "aio", 3) && (!line[3] || strchr(" \t\r", line[3])))
		return group(r, line + 3);
	return one_op(r, line, 0);
}

/* The next line into @line, without its end. 1; 0 at the end of the stream; -1 with a word in why. */
static int next_line(struct reader *r, FILE *in, char *line)
{
	size_t n = 0;
	int c;

	r->line++;
	while ((c = getc(in)) != EOF && c != '\n') {
		if (!c)
			return err(r, "a NUL byte; are these operations?");
		if (n == OPS_LINE_BYTES - 1)
			return err(r, "line longer than %d bytes", OPS_LINE_BYTES - 1);
		line[n++] = (char)c;
	}
	line[n] = 0;
	if (ferror(in))
		return err(r, "cannot read (%s)", strerror(errno));
	return c != EOF || n;
}

int opsfile_read(FILE *in, const char *name, struct opset *set, char *why, size_t why_bytes)
{
	struct reader r = { .name = name, .set = set, .why = why, .why_bytes = why_bytes };
	char *line = malloc(OPS_LINE_BYTES);
	struct lab_seg *seg;
	int rc = 0;

	memset(set, 0, sizeof(*set));
	if (!line)
		return err(&r, "no memory");
	while (!rc) {
		int more = next_line(&r, in, line);

		if (more <= 0) {
			rc = more;
			break;
		}
		rc = one_line(&r, line);
	}
	free(line);
	/* the array of segments has stopped moving: hand it out */
	seg = set->segs;
	for (unsigned int i = 0; !rc && i < set->nr; i++) {
		set->ops[i].segs = seg;
		seg += set->ops[i].nr_segs;
	}
	return rc;
}

void opset_free(struct opset *set)
{
	free(set->ops);
	free(set->segs);
	memset(set, 0, sizeof(*set));
}

static void print_op(FILE *out, const struct lab_op *op)
{
	fputs(kind_names[op->kind], out);
	if (has_offset(op->kind))
		fprintf(out, " %llu", (unsigned long long)op->off_bytes);
	if (lab_op_is_range(op->kind))
		fprintf(out, " %llu%s", (unsigned long long)op->len_bytes, op->flags & LAB_OPF_KEEP ? " keep" : "");
	for (unsigned int i = 0; i < op->nr_segs; i++) {
		fprintf(out, " %llu", (unsigned long long)op->segs[i].len_bytes);
		if (op->segs[i].misalign_bytes)
			fprintf(out, "+%u", op->segs[i].misalign_bytes);
		fputs(fault_names[op->segs[i].fault], out);
	}
	if (has_seed(op->kind))
		fprintf(out, " seed=%llu", (unsigned long long)op->seed);
	fprintf(out, "%s%s", op->flags & LAB_OPF_NOWAIT ? " nowait" : "", op->flags & LAB_OPF_DSYNC ? " dsync" : "");
}

void opsfile_print_ops(FILE *out, const struct lab_op *op, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++) {
		fputs(op[i].flags & LAB_OPF_AIO ? (i ? " ; " : "aio ") : "", out);
		print_op(out, &op[i]);
	}
	fputc('\n', out);
}

void opsfile_print_result(FILE *out, const struct lab_op *op, const struct lab_op_result *r)
{
	const char *error = r->ret < 0 ? strerrorname_np((int)-r->ret) : NULL;

	fprintf(out, "%d %s ret=", op->index, kind_names[op->kind]);
	if (error)
		fprintf(out, "-%s", error);
	else
		fprintf(out, "%lld", r->ret);
	fprintf(out, " size=%llu crc=", (unsigned long long)r->size);
	if (r->has_crc)
		fprintf(out, "%08x", r->crc);
	else
		fputc('-', out);
	fprintf(out, "%s\n", r->guard ? " GUARD" : "");
}
