// SPDX-License-Identifier: GPL-2.0-only
/*
 * ops.c - streams of operations through every design, against the plain reference and against what
 * Linux says of bad memory. Each stream is made from a seed; the reference performs it first.
 */
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/minmax.h>
#include <lab/reffs.h>
#include "host.h"
#include "matrix.h"

#define OPS_MAX		160u
#define OPS_MAX_SEGS	8u
#define OPS_FILE_BYTES	(1u << 20)
#define OPS_BUF_BYTES	(256u << 10)

static struct lab_op ops[OPS_MAX];
static struct lab_seg segs[OPS_MAX][OPS_MAX_SEGS];
static struct lab_op_result want[OPS_MAX], have[OPS_MAX];
static u8 buf[OPS_BUF_BYTES];
/* By the rule of 3.12: position, lengths and addresses by the device's block, before it is known what lies there. */
static bool aligned_first;
static u64 rng;

static u64 roll(u64 below)
{
	u64 x = rng += 0x9e3779b97f4a7c15ull;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return (x ^ x >> 31) % below;
}

/*
 * Mostly whole blocks, now and then anything; a read's odd length comes last, since the reference
 * sees the sum of lengths alone. Returns that sum.
 */
static u64 make_segs(struct lab_op *op, struct lab_seg *seg, u32 block)
{
	u64 sum = 0;
	u32 i;

	op->segs = seg;
	op->nr_segs = 1 + roll(OPS_MAX_SEGS);
	for (i = 0; i < op->nr_segs; i++) {
		u64 blocks = roll(5) ? 1 + roll(6) : 0;

		seg[i] = (struct lab_seg) { .len_bytes = blocks * block };
		if ((op->kind != LAB_OP_PREAD || i + 1 == op->nr_segs) && !roll(20))
			seg[i].len_bytes += 1 + roll(block - 1);
		if (!roll(3))
			seg[i].misalign_bytes = 512 * roll(16);
		sum += seg[i].len_bytes;
	}
	return sum;
}

static void make_op(struct lab_op *op, struct lab_seg *seg, u32 block)
{
	u64 r = roll(26);

	memset(op, 0, sizeof(*op));
	op->off_bytes = roll(OPS_FILE_BYTES / 2 / block) * block;
	if (r < 7) {
		op->kind = LAB_OP_PREAD;
		op->off_bytes = roll(8) ? op->off_bytes : roll(OPS_FILE_BYTES / 2);
		make_segs(op, seg, block);
	} else if (r < 15) {
		op->kind = LAB_OP_PWRITE;
		op->off_bytes = roll(20) ? op->off_bytes : roll(OPS_FILE_BYTES / 2);
		op->flags = roll(4) ? 0 : LAB_OPF_DSYNC;
		make_segs(op, seg, block);
	} else if (r < 17) {
		op->kind = LAB_OP_APPEND;
		op->off_bytes = 0;
		make_segs(op, seg, block);
	} else if (r < 19) {
		op->kind = LAB_OP_SIZE;
		op->off_bytes = roll(2) ? op->off_bytes : roll(OPS_FILE_BYTES / 2);
	} else if (r < 25) {
		op->kind = roll(2) ? LAB_OP_BPREAD : LAB_OP_BPWRITE;
		op->off_bytes = roll(4) ? roll(OPS_FILE_BYTES / 2) : op->off_bytes;
		make_segs(op, seg, block);
		seg[op->nr_segs - 1].len_bytes += roll(block);
	} else {
		op->kind = roll(2) ? LAB_OP_FSYNC : LAB_OP_FDATASYNC;
		op->off_bytes = 0;
	}
	op->seed = roll(1ull << 40);
}

static u64 sum_of(const struct lab_op *op)
{
	u64 sum = 0;
	u32 i;

	for (i = 0; i < op->nr_segs; i++)
		sum += op->segs[i].len_bytes;
	return sum;
}

/* Each segment's length must be whole blocks too, which a byte array does not know. */
static bool segs_aligned(const struct lab_op *op, u32 block)
{
	u32 i;

	for (i = 0; i < op->nr_segs; i++)
		if (op->segs[i].len_bytes % block)
			return false;
	return true;
}

static u32 crc_of_range(struct lab_reffs *f, u64 pos, u64 len_bytes, int *has)
{
	u64 size = lab_reffs_size(f), first = pos % LAB_REFFS_BLOCK_BYTES;
	ssize_t got;

	*has = 0;
	if (pos >= size || !len_bytes)
		return 0;
	len_bytes = min_t(u64, len_bytes, size - pos);
	*has = 1;
	lab_expect_le(first + len_bytes, OPS_BUF_BYTES - LAB_REFFS_BLOCK_BYTES);
	got = lab_reffs_pread(f, buf, round_up(first + len_bytes, LAB_REFFS_BLOCK_BYTES), pos - first);
	lab_expect_ge(got, first + len_bytes);
	return lab_crc32c(0, buf + first, len_bytes);
}

static bool misaligned(const struct lab_op *op, u64 pos, u32 block)
{
	u64 bits = pos;
	u32 i;

	for (i = 0; i < op->nr_segs; i++)
		if (op->segs[i].len_bytes)
			bits |= op->segs[i].len_bytes | op->segs[i].misalign_bytes;
	return bits % block;
}

/* Does the rule of 3.12 refuse it, though the reference would not? */
static bool refused_first(struct lab_reffs *f, const struct lab_op *op, u64 pos, u32 block)
{
	if (!aligned_first || !sum_of(op) || !misaligned(op, pos, block))
		return false;
	return op->kind == LAB_OP_PWRITE || op->kind == LAB_OP_APPEND ||
	       (op->kind == LAB_OP_PREAD && pos < lab_reffs_size(f));
}

/* What the reference says. */
static void perform(struct lab_reffs *f, const struct lab_op *op, struct lab_op_result *res, u32 block)
{
	u64 len = sum_of(op), pos = op->kind == LAB_OP_APPEND ? lab_reffs_size(f) : op->off_bytes;

	memset(res, 0, sizeof(*res));
	if (refused_first(f, op, pos, block)) {
		res->ret = -EINVAL;
		res->size = lab_reffs_size(f);
		if (op->kind != LAB_OP_PREAD)
			res->crc = crc_of_range(f, pos, len, &res->has_crc);
		return;
	}
	switch (op->kind) {
	case LAB_OP_PREAD:
		res->ret = lab_reffs_pread(f, buf, len, pos);
		res->has_crc = res->ret > 0;
		res->crc = res->ret > 0 ? lab_crc32c(0, buf, res->ret) : 0;
		break;
	case LAB_OP_BPREAD:
		res->ret = lab_reffs_bpread(f, buf, len, pos);
		res->has_crc = res->ret > 0;
		res->crc = res->ret > 0 ? lab_crc32c(0, buf, res->ret) : 0;
		break;
	case LAB_OP_BPWRITE:
		lab_payload(buf, op->seed, 0, len);
		res->ret = lab_reffs_bpwrite(f, buf, len, pos);
		res->crc = crc_of_range(f, pos, len, &res->has_crc);
		break;
	case LAB_OP_PWRITE:
	case LAB_OP_APPEND:
		lab_payload(buf, op->seed, 0, len);
		res->ret = -EINVAL;
		if (segs_aligned(op, block) || !len)
			res->ret = lab_reffs_pwrite(f, buf, len, pos);
		res->crc = crc_of_range(f, pos, len, &res->has_crc);
		break;
	case LAB_OP_SIZE:
		res->ret = lab_reffs_truncate(f, pos);
		break;
	default:
		break;
	}
	res->size = lab_reffs_size(f);
}

static void compare(const struct scen *s, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		const struct lab_op_result *w = &want[i], *h = &have[i];
		const struct lab_op *op = &ops[i];

		if (w->ret != h->ret || w->size != h->size || w->has_crc != h->has_crc ||
		    (w->has_crc && w->crc != h->crc) || h->guard)
			lab_test_fail(__FILE__, __LINE__, "%s engine %d op %u (kind %d off %llu len %llu in "
				      "%u): want ret %lld size %llu crc %d:%08x; have %lld %llu %d:%08x "
				      "guard %d", s->spec.design, s->spec.engine, i, op->kind,
				      (u64)op->off_bytes, sum_of(op), op->nr_segs, w->ret, (u64)w->size,
				      w->has_crc, w->crc, h->ret, (u64)h->size, h->has_crc, h->crc, h->guard);
	}
}

static void ops_spec(struct scen *s, const char *design, int engine, bool disk, u32 block)
{
	scen_default(s);
	s->spec.design = design;
	lab_design_defaults(&s->spec);
	s->spec.engine = engine;
	s->spec.path = LAB_PATH_FILE;
	s->spec.target.logical_block_bytes = block;
	s->spec.target.size_bytes = 8u << 20;
	s->spec.seed = rng;
	if (disk) {
		s->spec.target.kind = LAB_DISK_FILE;
		s->spec.target.temp = 1;
		strscpy(s->spec.target.path, ".", sizeof(s->spec.target.path));
	}
}

static enum lab_path path_of_all = LAB_PATH_FILE;

/* The stream in ops[], through every design and engine. */
static void through_designs(unsigned int nr, bool disk, u32 block,
			    void (*check)(const struct scen *s, unsigned int nr))
{
	static struct scen s;
	enum lab_run_status status;
	unsigned int i;
	int engine;

	for (i = 0; lab_designs[i]; i++) {
		for (engine = HOST_THR; engine <= HOST_DET; engine++) {
			if (!host_engine_built(engine))
				continue;
			ops_spec(&s, lab_designs[i]->name, engine, disk, block);
			if (check == compare && aligned_first != (!strcmp(s.spec.design, "iter-ops") ||
								  !strcmp(s.spec.design, "buffered") ||
								  scen_is_dull(&s)))
				continue;
			s.spec.path = path_of_all;
			memset(have, 0xee, sizeof(have));
			status = lab_ops_run(&s.spec, ops, nr, have, &scen_result);
			if (status == LAB_RUN_SKIP)
				lab_test_skip(scen_result.why);
			if (status != LAB_RUN_OK)
				lab_test_fail(__FILE__, __LINE__, "%s: %s", s.spec.design, scen_result.why);
			check(&s, nr);
		}
	}
}

static void one_against_reference(bool disk, u32 block, unsigned int rounds)
{
	u64 seed = lab_test_base_seed();
	unsigned int i, nr = lab_test_slow() ? OPS_MAX / 4 : OPS_MAX;

	while (rounds--) {
		struct lab_reffs *f = lab_reffs_create(block, OPS_FILE_BYTES * 2);

		lab_expect(!IS_ERR(f));
		lab_test_seed(seed);
		rng = seed++;
		for (i = 0; i < nr; i++) {
			make_op(&ops[i], segs[i], block);
			ops[i].line = i + 1;
			ops[i].index = i;
			perform(f, &ops[i], &want[i], block);
		}
		lab_reffs_destroy(f);
		through_designs(nr, disk, block, compare);
	}
}

static void against_reference(bool disk, u32 block, unsigned int rounds)
{
	aligned_first = false;
	one_against_reference(disk, block, rounds);
	aligned_first = true;
	one_against_reference(disk, block, rounds);
}

LAB_TEST_BARE(ops, random_streams_agree_with_the_reference_on_ram)
{
	against_reference(false, 512, lab_test_slow() ? 1 : 4);
}

LAB_TEST_BARE(ops, large_logical_blocks_agree_with_the_reference)
{
	against_reference(false, 4096, lab_test_slow() ? 1 : 2);
}

LAB_TEST_BARE(ops, random_streams_agree_with_the_reference_on_a_real_disk)
{
	against_reference(true, 4096, 1);
}

/* ---- bad memory: what Linux answers ---------------------------------------------------- */

struct bad {
	enum lab_op_kind kind;
	struct lab_seg seg[3];
	u32 nr_segs;
	long long ret;
};

static const struct bad bads[] = {
	{ LAB_OP_PWRITE, { { 8192, 0, LAB_SEG_OK } }, 1, 8192 },
	{ LAB_OP_PREAD, { { 4096, 0, LAB_SEG_NONE } }, 1, -EFAULT },
	{ LAB_OP_PREAD, { { 4096, 0, LAB_SEG_RO } }, 1, -EFAULT },
	{ LAB_OP_PREAD, { { 4096, 0, LAB_SEG_NULL } }, 1, -EFAULT },
	{ LAB_OP_PREAD, { { 4096, 0, LAB_SEG_KERN } }, 1, -EFAULT },
	{ LAB_OP_PREAD, { { 8192, 0, LAB_SEG_HALF } }, 1, -EFAULT },
	{ LAB_OP_PREAD, { { 4096, 0, LAB_SEG_OK }, { 4096, 0, LAB_SEG_KERN } }, 2, -EFAULT },
	{ LAB_OP_PREAD, { { 4096, 0, LAB_SEG_OK }, { 0, 0, LAB_SEG_KERN } }, 2, -EFAULT },
	{ LAB_OP_PWRITE, { { 4096, 0, LAB_SEG_NONE } }, 1, -EFAULT },
	{ LAB_OP_PWRITE, { { 4096, 0, LAB_SEG_NULL } }, 1, -EFAULT },
	{ LAB_OP_PWRITE, { { 4096, 0, LAB_SEG_KERN } }, 1, -EFAULT },
	{ LAB_OP_PWRITE, { { 8192, 0, LAB_SEG_HALF } }, 1, -EFAULT },
	{ LAB_OP_PWRITE, { { 8192, 0, LAB_SEG_RO } }, 1, 8192 },
	{ LAB_OP_PWRITE, { { 4096, 512, LAB_SEG_OK }, { 4096, 1024, LAB_SEG_RO } }, 2, 8192 },
	{ LAB_OP_PREAD, { { 512, 512, LAB_SEG_OK }, { 7680, 0, LAB_SEG_OK } }, 2, 8192 },
	{ LAB_OP_PREAD, { { 4096, 100, LAB_SEG_OK } }, 1, -EINVAL },
	{ LAB_OP_PWRITE, { { 4096, 100, LAB_SEG_OK } }, 1, -EINVAL },
	{ LAB_OP_PWRITE, { { 0, 0, LAB_SEG_OK } }, 1, 0 },
	{ LAB_OP_PREAD, { { 0, 0, LAB_SEG_OK }, { 4096, 0, LAB_SEG_OK }, { 0, 0, LAB_SEG_OK } }, 3, 4096 },
};

static void check_bad(const struct scen *s, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (have[i].ret != bads[i].ret || have[i].guard || have[i].size != 8192)
			lab_test_fail(__FILE__, __LINE__, "%s engine %d: operation %u: ret %lld, want %lld; "
				      "guard %d, size %llu", s->spec.design, s->spec.engine, i, have[i].ret,
				      bads[i].ret, have[i].guard, (u64)have[i].size);
}

static void make_bad(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bads); i++) {
		memcpy(segs[i], bads[i].seg, sizeof(bads[i].seg));
		ops[i] = (struct lab_op) {
			.kind = bads[i].kind, .line = i + 1, .index = i, .seed = i,
			.segs = segs[i], .nr_segs = bads[i].nr_segs,
		};
	}
}

LAB_TEST_BARE(ops, bad_memory_is_refused_and_nothing_else_is_touched)
{
	make_bad();
	through_designs(ARRAY_SIZE(bads), false, 512, check_bad);
}

/* ---- known answers, of every design and of the reference itself ----------------------------- */

#define AIO	(LAB_OPF_AIO)
#define MORE	(LAB_OPF_AIO | LAB_OPF_MORE)
#define ANY_CRC	0xffffffffu
#define UNPUNCHED	1	/* of_a_device: what is there before the punch */
#define PUNCHED		2	/* and after it: zeros */

/* @same_as: has the crc of that operation's; 0: none at all; else ANY_CRC */
struct known {
	enum lab_op_kind kind;
	unsigned int flags;
	u64 off_bytes, len_bytes;	/* moves data: one segment, else the range */
	long long ret;
	u64 size;
	u32 same_as;
};

/* Seeds are all the same, so that equal lengths have equal bytes. */
static const struct known of_a_file[] = {
	{ LAB_OP_SIZE, 0, 16384, 0, 0, 16384, 0 },
	{ LAB_OP_PWRITE, MORE, 4096, 4096, 4096, 20480, ANY_CRC },	/* the size when all are done */
	{ LAB_OP_PWRITE, MORE, 1, 4096, -EINVAL, 20480, ANY_CRC },
	{ LAB_OP_PREAD, MORE, 8192, 4096, 4096, 20480, ANY_CRC },	/* zeros */
	{ LAB_OP_PWRITE, AIO, 16384, 4096, 4096, 20480, 1 },	/* beyond the end: waited for */
	{ LAB_OP_SEEK, 0, 4096, 0, 4096, 20480, 0 },
	{ LAB_OP_READ, 0, 0, 4096, 4096, 20480, 1 },
	{ LAB_OP_WRITE, 0, 0, 4096, 4096, 20480, 1 },		/* at 8192 */
	{ LAB_OP_PREAD, 0, 8192, 4096, 4096, 20480, 1 },
	{ LAB_OP_DATA, 0, 0, 0, 4096, 20480, 0 },
	{ LAB_OP_HOLE, 0, 4096, 0, 12288, 20480, 0 },
	{ LAB_OP_HOLE, 0, 16384, 0, 20480, 20480, 0 },
	{ LAB_OP_PUNCH, 0, 8192, 4096, 0, 20480, 3 },
	{ LAB_OP_HOLE, 0, 4096, 0, 8192, 20480, 0 },
	{ LAB_OP_ZERO, 0, 16384, 8192, 0, 24576, ANY_CRC },
	{ LAB_OP_DATA, 0, 8192, 0, -ENXIO, 24576, 0 },
	{ LAB_OP_ALLOC, LAB_OPF_KEEP, 24576, 4096, 0, 24576, 0 },
	{ LAB_OP_ALLOC, 0, 24576, 4096, 0, 28672, 3 },
	{ LAB_OP_READ, 0, 0, 4096, 4096, 28672, 3 },		/* at 12288 */
	{ LAB_OP_SEEK, 0, 28672, 0, 28672, 28672, 0 },
	{ LAB_OP_READ, 0, 0, 4096, 0, 28672, 0 },
	{ LAB_OP_WRITE, 0, 0, 4096, 4096, 32768, 1 },
	{ LAB_OP_ALLOC, 0, 0, 0, -EINVAL, 32768, 0 },
};

static const struct known of_a_device[] = {
	{ LAB_OP_SIZE, 0, 16384 + 100, 0, 0, 16384, 0 },
	{ LAB_OP_PWRITE, MORE, 12288, 4096, 4096, 16384, ANY_CRC },
	{ LAB_OP_PREAD, AIO, 0, 4096, 4096, 16384, ANY_CRC },
	{ LAB_OP_PREAD, 0, 12288, 8192, 4096, 16384, 1 },	/* short at the end */
	{ LAB_OP_PWRITE, 0, 12288, 8192, 4096, 16384, 1 },
	{ LAB_OP_PREAD, 0, 16384, 512, 0, 16384, 0 },
	{ LAB_OP_PWRITE, 0, 16384, 512, -ENOSPC, 16384, 0 },
	{ LAB_OP_APPEND, 0, 0, 512, -ENOSPC, 16384, 0 },
	{ LAB_OP_PREAD, 0, 100, 512, -EINVAL, 16384, 0 },	/* a hole below is none here */
	{ LAB_OP_SIZE, 0, 4096, 0, -EINVAL, 16384, 0 },
	{ LAB_OP_DATA, 0, 0, 0, -EINVAL, 16384, 0 },
	{ LAB_OP_SEEK, 0, 16385, 0, -EINVAL, 16384, 0 },
	{ LAB_OP_SEEK, 0, 12288, 0, 12288, 16384, 0 },
	{ LAB_OP_READ, 0, 0, 4096, 4096, 16384, 1 },
	{ LAB_OP_ALLOC, 0, 0, 4096, -EOPNOTSUPP, 16384, ANY_CRC },
	{ LAB_OP_PUNCH, 0, 12288, 8192, 0, 16384, PUNCHED },	/* cut at the end */
	{ LAB_OP_ZERO, 0, 12288, 8192, -EINVAL, 16384, PUNCHED },
	{ LAB_OP_ZERO, 0, 0, 100, -EINVAL, 16384, ANY_CRC },
	{ LAB_OP_FSYNC, 0, 0, 0, 0, 16384, 0 },
};

static const struct known *known;

/* A loop device of the past does not write zeroes, so there is nothing to punch with, and the bytes stay. */
static bool cannot_punch(const struct scen *s)
{
	return s && known == of_a_device &&
	       (!strcmp(s->spec.design, "buffered") || !strcmp(s->spec.design, "iter-ops"));
}

static void check_known(const struct scen *s, unsigned int nr)
{
	const char *who = s ? s->spec.design : "reference";
	unsigned int i;

	for (i = 0; i < nr; i++) {
		const struct known *k = &known[i];
		bool stays = k->same_as == PUNCHED && cannot_punch(s);
		unsigned int same_as = stays ? UNPUNCHED : k->same_as;
		s64 ret = stays && k->kind == LAB_OP_PUNCH ? -EOPNOTSUPP : k->ret;
		bool crc = same_as == ANY_CRC ? true : !same_as ? !have[i].has_crc :
			   have[i].has_crc && have[i].crc == have[same_as].crc;

		if (have[i].ret != ret || have[i].size != k->size || !crc || have[i].guard)
			lab_test_fail(__FILE__, __LINE__, "%s: operation %u: ret %lld size %llu crc %d:%08x guard "
				      "%d; want ret %lld size %llu", who, i, have[i].ret, (u64)have[i].size,
				      have[i].has_crc, have[i].crc, have[i].guard, ret, (u64)k->size);
	}
}

static void known_answers(const struct known *table, unsigned int nr, enum lab_path path)
{
	struct lab_run_spec spec = { .path = path };
	char why[LAB_WHY_BYTES];
	unsigned int i;

	known = table;
	for (i = 0; i < nr; i++) {
		bool data = lab_op_moves_data(table[i].kind);

		segs[i][0] = (struct lab_seg) { .len_bytes = table[i].len_bytes };
		ops[i] = (struct lab_op) {
			.kind = table[i].kind, .flags = table[i].flags, .line = i + 1, .index = i, .seed = 9,
			.off_bytes = table[i].off_bytes, .len_bytes = data ? 0 : table[i].len_bytes,
			.segs = segs[i], .nr_segs = data,
		};
	}
	memset(have, 0xee, sizeof(have));
	lab_expect_eq(lab_ops_reference(&spec, ops, nr, have, why, sizeof(why)), LAB_RUN_OK);
	check_known(NULL, nr);
	path_of_all = path;
	through_designs(nr, false, 512, check_known);
	path_of_all = LAB_PATH_FILE;
}

LAB_TEST_BARE(ops, groups_positions_ranges_and_seeks)
{
	known_answers(of_a_file, ARRAY_SIZE(of_a_file), LAB_PATH_FILE);
}

LAB_TEST_BARE(ops, a_loop_device_ends_where_it_does)
{
	known_answers(of_a_device, ARRAY_SIZE(of_a_device), LAB_PATH_LOOP);
}
