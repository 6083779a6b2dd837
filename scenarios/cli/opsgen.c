// SPDX-License-Identifier: GPL-2.0-only
/*
 * opsgen.c - seeded streams of operations, by class.
 *
 * The generator keeps the size the file would have, so that each class reaches what it is about:
 *
 *	valid		whole blocks inside the file		zero		segments and calls of no length
 *	many		up to 64 segments			eof		reads that end at, straddle or begin behind the end
 *	extend		writes and appends behind the end	truncate	changes of size
 *	sync		fsync, fdatasync, dsync			misaligned	offsets, lengths and bases off the block
 *	fault		a first segment that cannot be used	midfault	a later one
 *	nowait		nowait on reads and writes		buffered	reads and writes at any byte through the page cache
 *
 * The stream depends on seed, count and classes only. Offsets stay below GEN_FILE_BYTES.
 */
#include <string.h>

#include "cli.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define GEN_FILE_BYTES	(2u << 20)
#define GEN_MAX_SEGS	64

static const char *const class_names[] = {
	"valid", "zero", "many", "eof", "extend", "truncate", "sync", "misaligned", "fault", "midfault", "nowait",
	"buffered",
};
/* the rest of DESIGN's words, which later operations will need */
static const char *const later_names[] = { "alloc", "position", "aio", "seek" };

int opsgen_classes(const char *arg, unsigned int *out, char *why, size_t why_bytes)
{
	char text[256], *save = NULL;

	snprintf(text, sizeof(text), "%s", arg);
	*out = 0;
	for (char *w = strtok_r(text, ", ", &save); w; w = strtok_r(NULL, ", ", &save)) {
		size_t i;

		for (i = 0; i < COUNT(later_names); i++) {
			if (!strcmp(w, later_names[i])) {
				snprintf(why, why_bytes, "class '%s' is not built yet", w);
				return -1;
			}
		}
		for (i = 0; i < COUNT(class_names) && strcmp(w, class_names[i]); i++)
			;
		if (i == COUNT(class_names)) {
			snprintf(why, why_bytes, "no class '%s'%s", w, did_you_mean(w, class_names, COUNT(class_names)));
			return -1;
		}
		*out |= 1u << i;
	}
	if (!*out) {
		snprintf(why, why_bytes, "no class named");
		return -1;
	}
	return 0;
}

struct gen {
	uint64_t state, size;
	unsigned int line;
	struct lab_seg segs[GEN_MAX_SEGS];
	struct lab_op op;
};

static uint64_t rnd(struct gen *g, uint64_t below)
{
	uint64_t z = (g->state += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	z ^= z >> 31;
	return below ? z % below : 0;
}

static uint64_t blocks(struct gen *g, uint64_t max_bytes, uint64_t unit)
{
	return unit * (1 + rnd(g, max_bytes / unit));
}

static uint64_t total(const struct gen *g)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < g->op.nr_segs; i++)
		n += g->segs[i].len_bytes;
	return n;
}

static void segments(struct gen *g, unsigned int nr, uint64_t max_bytes, bool zeros)
{
	g->op.nr_segs = nr;
	for (unsigned int i = 0; i < nr; i++)
		g->segs[i] = (struct lab_seg){ .len_bytes = zeros && rnd(g, 2) ? 0 : blocks(g, max_bytes, 512) };
}

static void rw(struct gen *g, bool write, uint64_t off)
{
	g->op.kind = write ? LAB_OP_PWRITE : LAB_OP_PREAD;
	g->op.off_bytes = off;
}

static uint64_t inside(struct gen *g, uint64_t unit)
{
	return g->size < unit ? 0 : unit * rnd(g, g->size / unit);
}

static void eof_op(struct gen *g)
{
	uint64_t end = g->size & ~511ull, back = 512 * rnd(g, 16);

	rw(g, false, rnd(g, 3) ? (end > back ? end - back : 0) : end + 512 * rnd(g, 16));
	segments(g, 1 + (unsigned int)rnd(g, 4), 8192, false);
}

static void extend_op(struct gen *g)
{
	rw(g, true, (g->size & ~511ull) + (rnd(g, 2) ? 0 : 512 * rnd(g, 32)));
	segments(g, 1 + (unsigned int)rnd(g, 3), 16384, false);
	/* an append at an odd end is misaligned: another class */
	if (!rnd(g, 3) && !(g->size & 511))
		g->op.kind = LAB_OP_APPEND;
}

static void misaligned_op(struct gen *g)
{
	rw(g, rnd(g, 2), inside(g, 512));
	segments(g, 1 + (unsigned int)rnd(g, 3), 8192, false);
	switch (rnd(g, 3)) {
	case 0: g->op.off_bytes += 1 + rnd(g, 511); break;
	case 1: g->segs[rnd(g, g->op.nr_segs)].len_bytes += 1 + rnd(g, 511); break;
	default: g->segs[rnd(g, g->op.nr_segs)].misalign_bytes = (uint32_t)(1 + rnd(g, 511));
	}
}

static void fault_op(struct gen *g, bool mid)
{
	static const enum lab_seg_fault faults[] = {
		LAB_SEG_NONE, LAB_SEG_RO, LAB_SEG_NULL, LAB_SEG_KERN, LAB_SEG_HALF,
	};
	struct lab_seg *s;

	rw(g, rnd(g, 2), inside(g, 4096));
	segments(g, mid ? 2 + (unsigned int)rnd(g, 4) : 1, 16384, false);
	s = &g->segs[mid ? 1 + rnd(g, g->op.nr_segs - 1) : 0];
	s->fault = faults[rnd(g, COUNT(faults))];
	if (s->fault == LAB_SEG_HALF && s->len_bytes < 8192)
		s->len_bytes = 8192;
}

/* Any byte, any length; one in eight goes beyond the end. */
static void buffered_op(struct gen *g)
{
	bool write = rnd(g, 2);
	uint64_t len = 0;

	g->op.kind = write ? LAB_OP_BPWRITE : LAB_OP_BPREAD;
	g->op.nr_segs = 1 + (unsigned int)rnd(g, 4);
	for (unsigned int i = 0; i < g->op.nr_segs; i++) {
		g->segs[i] = (struct lab_seg){ .len_bytes = rnd(g, rnd(g, 4) ? 5000 : 30000) };
		len += g->segs[i].len_bytes;
	}
	if (!rnd(g, 8))
		g->op.off_bytes = g->size - (g->size ? rnd(g, g->size < 8192 ? g->size : 8192) : 0) + rnd(g, 16384);
	else
		g->op.off_bytes = g->size > len ? rnd(g, g->size - len + 1) : 0;
}

static void one(struct gen *g, unsigned int class)
{
	bool write = rnd(g, 2);

	switch (class) {
	case OPS_CLASS_VALID:
		rw(g, write, inside(g, 512));
		segments(g, 1 + (unsigned int)rnd(g, 3), 32768, false);
		break;
	case OPS_CLASS_ZERO:
		rw(g, write, inside(g, 512));
		segments(g, 1 + (unsigned int)rnd(g, 6), 4096, true);
		if (!rnd(g, 4))
			g->segs[0].len_bytes = 0, g->op.nr_segs = 1;
		break;
	case OPS_CLASS_MANY:
		rw(g, write, inside(g, 512));
		segments(g, 2 + (unsigned int)rnd(g, GEN_MAX_SEGS - 1), 2048, !rnd(g, 3));
		break;
	case OPS_CLASS_EOF:
		eof_op(g);
		break;
	case OPS_CLASS_EXTEND:
		extend_op(g);
		break;
	case OPS_CLASS_TRUNCATE:
		g->op.kind = LAB_OP_SIZE;
		g->op.off_bytes = rnd(g, 2) ? rnd(g, GEN_FILE_BYTES) : 512 * rnd(g, GEN_FILE_BYTES / 512);
		break;
	case OPS_CLASS_SYNC:
		g->op.kind = rnd(g, 2) ? LAB_OP_FSYNC : LAB_OP_FDATASYNC;
		if (rnd(g, 2))
			break;
		rw(g, true, inside(g, 512));
		segments(g, 1, 8192, false);
		g->op.flags = LAB_OPF_DSYNC;
		break;
	case OPS_CLASS_MISALIGNED:
		misaligned_op(g);
		break;
	case OPS_CLASS_FAULT:
	case OPS_CLASS_MIDFAULT:
		fault_op(g, class == OPS_CLASS_MIDFAULT);
		break;
	case OPS_CLASS_BUFFERED:
		buffered_op(g);
		break;
	case OPS_CLASS_NOWAIT:
		rw(g, write, inside(g, 512));
		segments(g, 1, 16384, false);
		g->op.flags = LAB_OPF_NOWAIT;
		break;
	}
}

/* Writes that stay inside unless their class extends: a write across the end would be of another class. */
static void keep_inside(struct gen *g, unsigned int class)
{
	uint64_t len = total(g);

	if (class == OPS_CLASS_EXTEND || class == OPS_CLASS_EOF || class == OPS_CLASS_BUFFERED || g->op.kind == LAB_OP_SIZE || !g->op.nr_segs)
		return;
	if (g->op.off_bytes + len > g->size)
		g->op.off_bytes = g->size > len ? ((g->size - len) & ~511ull) | (g->op.off_bytes & 511) : 0;
}

/* A write of no bytes does not. */
static bool may_extend(const struct gen *g, unsigned int class)
{
	return total(g) && (g->op.kind == LAB_OP_BPWRITE ||
			    (g->op.kind == LAB_OP_PWRITE && class == OPS_CLASS_EXTEND));
}

void opsgen_print(FILE *out, uint64_t seed, unsigned int count, unsigned int classes)
{
	static struct gen g;
	unsigned int list[COUNT(class_names)], n = 0;

	memset(&g, 0, sizeof(g));
	g.state = seed;
	for (unsigned int i = 0; i < COUNT(class_names); i++)
		if (classes & 1u << i)
			list[n++] = 1u << i;
	fprintf(out, "# diolab ops --generate --seed %llu --count %u\n", (unsigned long long)seed, count);
	for (unsigned int i = 0; i < count; i++) {
		unsigned int class = list[rnd(&g, n)];

		memset(&g.op, 0, sizeof(g.op));
		g.op.segs = g.segs;
		if (i == 0) {		/* something to read */
			g.op.kind = LAB_OP_SIZE;
			g.op.off_bytes = GEN_FILE_BYTES / 2;
		} else {
			one(&g, class);
			keep_inside(&g, class);
		}
		g.op.seed = 1 + rnd(&g, 1u << 30);
		if (g.op.kind == LAB_OP_SIZE)
			g.size = g.op.off_bytes;
		else if (g.op.kind == LAB_OP_APPEND)
			g.size += total(&g);
		else if (may_extend(&g, class) && g.op.off_bytes + total(&g) > g.size)
			g.size = g.op.off_bytes + total(&g);
		if (g.size > GEN_FILE_BYTES) {	/* bounded: cut it back in the next line */
			opsfile_print_op(out, &g.op);
			g.op = (struct lab_op){ .kind = LAB_OP_SIZE, .off_bytes = GEN_FILE_BYTES / 4, .segs = g.segs };
			g.size = GEN_FILE_BYTES / 4;
			i++;
		}
		opsfile_print_op(out, &g.op);
	}
}
