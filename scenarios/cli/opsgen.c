// SPDX-License-Identifier: GPL-2.0-only
/*
 * opsgen.c - seeded streams of operations, by class.
 *
 * The generator keeps the size the file would have, so that each class reaches what it is about:
 *
 *	valid		whole blocks inside the file		zero		segments and calls of no length
 *	many		up to 64 segments			eof		reads that end at, straddle or begin behind the end
 *	extend		writes and appends behind the end	truncate	changes of size
 *	alloc		punch, zero, alloc			sync		fsync, fdatasync, dsync
 *	buffered	reads and writes at any byte through the page cache
 *	position	read, write, seek			aio		2 to 8 together, none of which overlap
 *	seek		data, hole				misaligned	offsets, lengths and bases off the block
 *	fault		a first segment that cannot be used	midfault	a later one, or the second half of the first
 *	nowait		nowait on reads and writes
 *
 * Where kernels and designs may differ in what a call has left in the file (nowait, a misaligned base or length,
 * memory that fails: blocks that hold zeros now, or a part of the data), a write is followed by a plain one of the
 * same range, so that the file is known again.
 *
 * For a loop device the first line gives its capacity, which then stays; eof has writes there too, and extend,
 * truncate and buffered are no classes of it.
 *
 * The stream depends on seed, count, classes and path only. Offsets stay below GEN_FILE_BYTES.
 */
#include <string.h>

#include "cli.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define GEN_FILE_BYTES	(2u << 20)
#define GEN_MAX_SEGS	64
#define GEN_MAX_GROUP	8
#define GEN_BLOCK_BYTES	512u
#define GEN_LEAST_BYTES	(128u << 10)	/* of a file in which faults and groups find their place */

static const char *const class_names[] = {
	"valid", "zero", "many", "eof", "extend", "truncate", "alloc", "sync", "buffered", "position", "aio", "seek",
	"misaligned", "fault", "midfault", "nowait",
};

int opsgen_classes(const char *arg, unsigned int *out, char *why, size_t why_bytes)
{
	char text[256], *save = NULL;

	snprintf(text, sizeof(text), "%s", arg);
	*out = 0;
	for (char *w = strtok_r(text, ", ", &save); w; w = strtok_r(NULL, ", ", &save)) {
		size_t i;

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

/* What is being made: one line, of one operation or a group. */
struct gen {
	uint64_t state, size, pos;
	bool device;
	unsigned int nr;
	struct lab_op op[GEN_MAX_GROUP];
	struct lab_seg segs[GEN_MAX_GROUP][GEN_MAX_SEGS];
};

static uint64_t rnd(struct gen *g, uint64_t below)
{
	uint64_t z = (g->state += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	z ^= z >> 31;
	return below ? z % below : 0;
}

static uint64_t blocks(struct gen *g, uint64_t max_bytes)
{
	return GEN_BLOCK_BYTES * (1 + rnd(g, max_bytes / GEN_BLOCK_BYTES));
}

static uint64_t whole(uint64_t bytes)
{
	return bytes & ~(uint64_t)(GEN_BLOCK_BYTES - 1);
}

static uint64_t total(const struct lab_op *op)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < op->nr_segs; i++)
		n += op->segs[i].len_bytes;
	return n;
}

/* ---- one operation ------------------------------------------------------------------------- */

static struct lab_op *add(struct gen *g, enum lab_op_kind kind, uint64_t off)
{
	struct lab_op *op = &g->op[g->nr];

	memset(op, 0, sizeof(*op));
	op->kind = kind;
	op->off_bytes = off;
	op->segs = g->segs[g->nr++];
	op->seed = 1 + rnd(g, 1u << 30);
	return op;
}

static void segments(struct gen *g, struct lab_op *op, unsigned int nr, uint64_t max_bytes, bool zeros)
{
	op->nr_segs = nr;
	for (unsigned int i = 0; i < nr; i++)
		op->segs[i] = (struct lab_seg){ .len_bytes = zeros && rnd(g, 2) ? 0 : blocks(g, max_bytes) };
}

static struct lab_op *rw(struct gen *g, bool write, unsigned int nr, uint64_t max_bytes, bool zeros)
{
	struct lab_op *op = add(g, write ? LAB_OP_PWRITE : LAB_OP_PREAD, 0);

	segments(g, op, nr, max_bytes, zeros);
	op->off_bytes = g->size < GEN_BLOCK_BYTES ? 0 : whole(rnd(g, g->size));
	return op;
}

/* Move it to where all of it is in the file; where it begins in a block stays. */
static void keep_inside(const struct gen *g, struct lab_op *op)
{
	uint64_t len = total(op), odd = op->off_bytes % GEN_BLOCK_BYTES;

	if (op->off_bytes + len > g->size)
		op->off_bytes = g->size > len ? whole(g->size - len) + odd : odd;
	if (op->off_bytes + len > g->size && op->off_bytes >= GEN_BLOCK_BYTES)
		op->off_bytes -= GEN_BLOCK_BYTES;
}

static void resize(struct gen *g, uint64_t size)
{
	add(g, LAB_OP_SIZE, size);
	g->size = size;
}

static void grown(struct gen *g, uint64_t end)
{
	if (end > g->size && !g->device)
		g->size = end;
}

/* False, and a line that makes the file larger: it was too small for what is wanted. */
static bool roomy(struct gen *g)
{
	if (g->size >= GEN_LEAST_BYTES)
		return true;
	resize(g, GEN_FILE_BYTES / 4 + rnd(g, GEN_FILE_BYTES / 4));
	return false;
}

/* ---- classes ---------------------------------------------------------------------------------- */

static void valid_op(struct gen *g)
{
	keep_inside(g, rw(g, rnd(g, 2), 1 + (unsigned int)rnd(g, 3), 32768, false));
}

static void zero_op(struct gen *g)
{
	struct lab_op *op = rw(g, rnd(g, 2), 1 + (unsigned int)rnd(g, 6), 4096, true);

	if (!rnd(g, 4)) {
		op->nr_segs = 1;
		op->segs[0].len_bytes = 0;
	}
	keep_inside(g, op);
}

static void many_op(struct gen *g)
{
	keep_inside(g, rw(g, rnd(g, 2), 2 + (unsigned int)rnd(g, GEN_MAX_SEGS - 1), 2048, !rnd(g, 3)));
}

static void eof_op(struct gen *g)
{
	struct lab_op *op = rw(g, g->device && rnd(g, 2), 1 + (unsigned int)rnd(g, 4), 8192, false);
	uint64_t end = whole(g->size), back = GEN_BLOCK_BYTES * rnd(g, 16);

	op->off_bytes = rnd(g, 3) ? (end > back ? end - back : 0) : end + GEN_BLOCK_BYTES * rnd(g, 16);
}

static void extend_op(struct gen *g)
{
	struct lab_op *op = rw(g, true, 1 + (unsigned int)rnd(g, 3), 16384, false);

	op->off_bytes = whole(g->size) + (rnd(g, 2) ? 0 : GEN_BLOCK_BYTES * rnd(g, 32));
	/* an append at an odd end is misaligned: another class */
	if (!rnd(g, 3) && !(g->size % GEN_BLOCK_BYTES)) {
		op->kind = LAB_OP_APPEND;
		op->off_bytes = g->size;
	}
	grown(g, op->off_bytes + total(op));
}

static void alloc_op(struct gen *g)
{
	static const enum lab_op_kind kinds[] = { LAB_OP_PUNCH, LAB_OP_ZERO, LAB_OP_ALLOC };
	uint64_t unit = g->device ? GEN_BLOCK_BYTES : rnd(g, 2) ? 4096 : 1;
	struct lab_op *op = add(g, kinds[rnd(g, COUNT(kinds))], unit * rnd(g, (g->size + 32768) / unit));

	op->len_bytes = unit * (1 + rnd(g, 65536 / unit));
	if (!g->device && !rnd(g, 4)) {		/* over the end, or just to it */
		op->off_bytes = g->size - rnd(g, g->size < 32768 ? g->size + 1 : 32768);
		op->off_bytes -= op->off_bytes % unit;
		op->len_bytes = g->size - op->off_bytes + (rnd(g, 2) ? 0 : rnd(g, 8192));
	}
	if (op->kind == LAB_OP_ALLOC && rnd(g, 2))
		op->flags |= LAB_OPF_KEEP;
	else if (op->kind != LAB_OP_PUNCH)
		grown(g, op->off_bytes + op->len_bytes);
}

static void sync_op(struct gen *g)
{
	struct lab_op *op;

	if (rnd(g, 2)) {
		add(g, rnd(g, 2) ? LAB_OP_FSYNC : LAB_OP_FDATASYNC, 0);
		return;
	}
	op = rw(g, true, 1, 8192, false);
	op->flags = LAB_OPF_DSYNC;
	keep_inside(g, op);
}

/* Any byte, any length; one in eight goes beyond the end. */
static void buffered_op(struct gen *g)
{
	struct lab_op *op = add(g, rnd(g, 2) ? LAB_OP_BPWRITE : LAB_OP_BPREAD, 0);
	uint64_t len;

	op->nr_segs = 1 + (unsigned int)rnd(g, 4);
	for (unsigned int i = 0; i < op->nr_segs; i++)
		op->segs[i] = (struct lab_seg){ .len_bytes = rnd(g, rnd(g, 4) ? 5000 : 30000) };
	len = total(op);
	if (!rnd(g, 8))
		op->off_bytes = g->size - (g->size ? rnd(g, g->size < 8192 ? g->size : 8192) : 0) + rnd(g, 16384);
	else
		op->off_bytes = g->size > len ? rnd(g, g->size - len + 1) : 0;
	if (len && op->kind == LAB_OP_BPWRITE)
		grown(g, op->off_bytes + len);
}

/* A read that ends at an odd end of the file leaves an odd position: then it is set anew. */
static void position_op(struct gen *g)
{
	struct lab_op *op;
	bool write;
	uint64_t end;

	if (g->pos % GEN_BLOCK_BYTES || g->pos >= g->size || !rnd(g, 3)) {
		g->pos = whole(rnd(g, g->size));
		add(g, LAB_OP_SEEK, g->pos);
		return;
	}
	write = rnd(g, 2);
	op = add(g, write ? LAB_OP_WRITE : LAB_OP_READ, 0);
	segments(g, op, 1 + (unsigned int)rnd(g, 3), 16384, !rnd(g, 4));
	end = g->pos + total(op);
	if (write)
		grown(g, end);
	g->pos = end < g->size ? end : g->size;
}

/* Parts in ascending order, with or without gaps; then shuffled. */
static void aio_op(struct gen *g)
{
	unsigned int nr = 2 + (unsigned int)rnd(g, GEN_MAX_GROUP - 1);
	uint64_t at, off[GEN_MAX_GROUP];

	if (!roomy(g))
		return;
	at = whole(rnd(g, g->size - GEN_LEAST_BYTES + 1));
	for (unsigned int i = 0; i < nr; i++) {
		struct lab_op *op = rw(g, rnd(g, 2), 1 + (unsigned int)rnd(g, 3), 4096, false);

		off[i] = at + (rnd(g, 2) ? 0 : blocks(g, 4096));
		at = off[i] + total(op);
		op->off_bytes = off[i];
		if (op->kind == LAB_OP_PWRITE && !rnd(g, 4))
			op->flags = LAB_OPF_DSYNC;
	}
	for (unsigned int i = nr; i-- > 1; ) {
		unsigned int k = (unsigned int)rnd(g, i + 1);
		struct lab_op op = g->op[i];

		g->op[i] = g->op[k];
		g->op[k] = op;
	}
	for (unsigned int i = 0; i < nr; i++)
		g->op[i].flags |= LAB_OPF_AIO | (i + 1 < nr ? LAB_OPF_MORE : 0);
}

static void seek_op(struct gen *g)
{
	add(g, rnd(g, 2) ? LAB_OP_DATA : LAB_OP_HOLE, rnd(g, 8) ? rnd(g, g->size) : g->size + rnd(g, 8192));
}

/* A write whose range one kernel leaves as it was and the next does not: say what is there. */
static void heal(struct gen *g, FILE *out, const struct lab_op *op)
{
	uint64_t off = op->off_bytes, len = whole(total(op));
	struct lab_op *plain;

	if (op->kind != LAB_OP_PWRITE || !len)
		return;
	opsfile_print_ops(out, g->op, g->nr);
	g->nr = 0;
	plain = add(g, LAB_OP_PWRITE, off);
	plain->nr_segs = 1;
	plain->segs[0] = (struct lab_seg){ .len_bytes = len };
}

static void misaligned_op(struct gen *g, FILE *out)
{
	uint64_t odd = 1 + rnd(g, GEN_BLOCK_BYTES - 1), what = rnd(g, 3);
	struct lab_op *op;
	struct lab_seg *seg;

	if (!roomy(g))
		return;
	op = rw(g, rnd(g, 2), 1 + (unsigned int)rnd(g, 3), 8192, false);
	seg = &op->segs[rnd(g, op->nr_segs)];
	if (what == 0)
		op->off_bytes += odd;
	else if (what == 1)
		seg->len_bytes += odd;
	else
		seg->misalign_bytes = (uint32_t)odd;
	keep_inside(g, op);
	if (what)
		heal(g, out, op);
}

/* Only a read's half segment is a fault at once: of a write's the first half can be used. */
static void fault_op(struct gen *g, FILE *out)
{
	static const enum lab_seg_fault faults[] = {
		LAB_SEG_NONE, LAB_SEG_RO, LAB_SEG_NULL, LAB_SEG_KERN, LAB_SEG_HALF,
	};
	struct lab_op *op;

	if (!roomy(g))
		return;
	op = rw(g, rnd(g, 2), 1, 16384, false);
	op->segs[0].fault = faults[rnd(g, COUNT(faults) - (op->kind == LAB_OP_PWRITE))];
	if (op->segs[0].fault == LAB_SEG_HALF && op->segs[0].len_bytes < 8192)
		op->segs[0].len_bytes = 8192;
	keep_inside(g, op);
	heal(g, out, op);
}

static void midfault_op(struct gen *g, FILE *out)
{
	static const enum lab_seg_fault faults[] = {
		LAB_SEG_NONE, LAB_SEG_RO, LAB_SEG_NULL, LAB_SEG_KERN, LAB_SEG_HALF,
	};
	struct lab_op *op;
	unsigned int bad;

	if (!roomy(g))
		return;
	op = rw(g, rnd(g, 2), 1 + (unsigned int)rnd(g, 5), 16384, false);
	bad = op->nr_segs == 1 ? 0 : 1 + (unsigned int)rnd(g, op->nr_segs - 1);
	op->segs[bad].fault = bad ? faults[rnd(g, COUNT(faults))] : LAB_SEG_HALF;
	if (op->segs[bad].fault == LAB_SEG_HALF && op->segs[bad].len_bytes < 8192)
		op->segs[bad].len_bytes = 8192;
	keep_inside(g, op);
	heal(g, out, op);
}

static void nowait_op(struct gen *g, FILE *out)
{
	struct lab_op *op;

	if (!roomy(g))
		return;
	op = rw(g, rnd(g, 2), 1, 16384, false);
	op->flags = LAB_OPF_NOWAIT;
	keep_inside(g, op);
	heal(g, out, op);
}

static void one(struct gen *g, unsigned int class, FILE *out)
{
	switch (class) {
	case OPS_CLASS_VALID:	valid_op(g); break;
	case OPS_CLASS_ZERO:	zero_op(g); break;
	case OPS_CLASS_MANY:	many_op(g); break;
	case OPS_CLASS_EOF:	eof_op(g); break;
	case OPS_CLASS_EXTEND:	extend_op(g); break;
	case OPS_CLASS_TRUNCATE:
		resize(g, rnd(g, 2) ? rnd(g, GEN_FILE_BYTES) : GEN_BLOCK_BYTES * rnd(g, GEN_FILE_BYTES / GEN_BLOCK_BYTES));
		break;
	case OPS_CLASS_ALLOC:	alloc_op(g); break;
	case OPS_CLASS_SYNC:	sync_op(g); break;
	case OPS_CLASS_BUFFERED: buffered_op(g); break;
	case OPS_CLASS_POSITION: position_op(g); break;
	case OPS_CLASS_AIO:	aio_op(g); break;
	case OPS_CLASS_SEEK:	seek_op(g); break;
	case OPS_CLASS_MISALIGNED: misaligned_op(g, out); break;
	case OPS_CLASS_FAULT:	fault_op(g, out); break;
	case OPS_CLASS_MIDFAULT: midfault_op(g, out); break;
	case OPS_CLASS_NOWAIT:	nowait_op(g, out); break;
	}
}

/* Sizes that end in a block, and, of a device, where no page ends. */
static uint64_t first_size(struct gen *g)
{
	return g->device ? GEN_FILE_BYTES / 2 + GEN_BLOCK_BYTES * rnd(g, 8) : GEN_FILE_BYTES / 2;
}

void opsgen_print(FILE *out, const struct opsgen *want)
{
	static struct gen g;
	unsigned int list[COUNT(class_names)], n = 0;

	memset(&g, 0, sizeof(g));
	g.state = want->seed;
	g.device = want->path == LAB_PATH_LOOP;
	for (unsigned int i = 0; i < COUNT(class_names); i++)
		if (want->classes & 1u << i)
			list[n++] = 1u << i;
	fprintf(out, "# diolab ops --generate --seed %llu --count %u%s\n", (unsigned long long)want->seed, want->count,
		g.device ? " --path loop" : "");
	for (unsigned int i = 0; i < want->count; i += g.nr) {
		g.nr = 0;
		if (!i)
			resize(&g, first_size(&g));	/* something to read */
		else
			one(&g, list[rnd(&g, n)], out);
		if (g.size > GEN_FILE_BYTES) {		/* bounded: cut it back in the next line */
			opsfile_print_ops(out, g.op, g.nr);
			g.nr = 0;
			resize(&g, GEN_FILE_BYTES / 4);
		}
		opsfile_print_ops(out, g.op, g.nr);
	}
}
