// SPDX-License-Identifier: GPL-2.0-only
/*
 * main.c - random sequences of operations on bios and limits, through Linux 6.1's block layer and through sim/block; after
 * each, both must say the same.
 *
 * A sequence is made by its seed alone: `tests SEED COUNT` runs COUNT of them, SEED and the numbers after it, and stops at
 * the first difference, naming the seed and the operation; `tests SEED 1` repeats it. What is generated is valid: what
 * either side would stop at (BUG, WARN) is not asked for. What is known to differ is compared by what it should be, in
 * known(): the list is in sim/designs/upstream/NOTES.md.
 *
 * Before them, once: who is told of an error of write-back (wb_err.c).
 *
 * Exit status: 0 all the same; 1 a difference, or something left behind; 2 usage.
 */
#include <linux/bio.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <kc/world.h>
#include "design.h"
#include "host.h"
#include "props/props.h"
#include "wb_err.h"

extern const struct design design_upstream_6_1;

#define MAX_OPS		40		/* of a sequence */
#define MAX_PIECES	200		/* of a bio that is cut: then both stop */
#define NR_FRAMES	8192

static struct {
	u64 seed, count;		/* what was asked for */
	u64 rand;
	u64 sequence;			/* seed of the one that runs */
	unsigned int nr_op;
	bool differs;
	bool huge;			/* this sequence: pieces of megabytes, up to where a bio is full */
	u64 block;			/* this sequence: bytes of its logical block */
	u64 limits[PROP_LIMITS];
	bool used[PROP_SLOTS];
	u64 kind[PROP_SLOTS];		/* PROP_READ … */
	u64 next_frame, next_offset;	/* where the last piece ended */
	u64 ops, cuts, pieces, refused, stacked;
} t;

static struct prop_op theirs, ours;

static const char *const names[PROP_CODES] = {
	"begin", "end", "init", "add", "clone", "split", "advance", "trim", "walk", "state", "cut", "limits-set", "limits-get",
	"setter", "stack",
};

/* splitmix64 */
static u64 rnd(u64 below)
{
	u64 z = t.rand += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return below ? (z ^ (z >> 31)) % below : 0;
}

static bool one_in(unsigned int n)
{
	return !rnd(n);
}

/* ---- comparing ------------------------------------------------------------------------------------------------- */

static void say_difference(unsigned int i)
{
	char line[256];

	t.differs = true;
	snprintf(line, sizeof(line),
		 "upstream-props: seed %llu, operation %u: %s(slot %u, to %u, %llu, %llu, %llu): value %u of %u/%u: Linux %llu, sim/block %llu",
		 (unsigned long long)t.sequence, t.nr_op, names[ours.code], ours.slot, ours.to, ours.a, ours.b, ours.c, i,
		 theirs.nr_out, ours.nr_out, theirs.out[i], ours.out[i]);
	host_puts(line);
	snprintf(line, sizeof(line),
		 "  limits: %llu/%llu sectors, %llu segments of %llu bytes, boundary %llu, block %llu, physical %llu, chunk %llu sectors",
		 t.limits[PROP_MAX_SECTORS], t.limits[PROP_MAX_HW_SECTORS], t.limits[PROP_MAX_SEGMENTS],
		 t.limits[PROP_MAX_SEGMENT_BYTES], t.limits[PROP_VIRT_BOUNDARY], t.limits[PROP_BLOCK_BYTES],
		 t.limits[PROP_PHYSICAL_BYTES], t.limits[PROP_CHUNK_SECTORS]);
	host_puts(line);
}

/* What sim/block should say where it is known to say something else than Linux, which says @linux_value. */
static u64 known(unsigned int i, u64 linux_value)
{
	u64 most = BIO_MAX_SIZE_BYTES >> SECTOR_SHIFT, below = UINT_MAX + 1ull - linux_value;

	/* No limit is the size of the largest bio here, not UINT_MAX; both rounded down to blocks, perhaps. */
	if (ours.code == PROP_LIMITS_GET && (i == PROP_MAX_HW_SECTORS || i == PROP_MAX_SECTORS) && below <= 8)
		return round_down(most, below);
	return linux_value;
}

static void compare(void)
{
	unsigned int i, nr = max(theirs.nr_out, ours.nr_out);

	for (i = 0; i < nr && !t.differs; i++)
		if (i >= theirs.nr_out || i >= ours.nr_out || ours.out[i] != known(i, theirs.out[i]))
			say_difference(i);
	if (nr == PROP_OUT && !t.differs)
		say_difference(0);			/* not all of it was kept */
}

/* Do it on both; the results are in @ours and @theirs. */
static void both(enum prop_code code, unsigned int slot, unsigned int to, u64 a, u64 b, u64 c)
{
	unsigned int i;

	if (t.differs)
		return;
	memset(&ours, 0, sizeof(ours));
	ours.code = code;
	ours.slot = slot;
	ours.to = to;
	ours.a = a;
	ours.b = b;
	ours.c = c;
	for (i = 0; i < PROP_LIMITS; i++)
		ours.limits[i] = t.limits[i];
	theirs = ours;
	our_prop(&ours);
	/* Not one block fits: Linux stops there (BUG), sim/block ends the bio. What was cut before is the same. */
	if (code == PROP_CUT && ours.out[ours.nr_out - 1] == PROP_ENDED_ERROR) {
		theirs.b = (ours.nr_out - 2) / 7;
		t.refused++;
		ours.out[ours.nr_out - 1] = PROP_ENDED_OK;
	}
	upk_prop(&theirs);
	t.ops++;
	compare();
}

static void state(unsigned int slot)
{
	both(PROP_STATE, slot, 0, 0, 0, 0);
}

/* Bytes left in @slot, of which the last thing that was compared is the state. */
static u64 size_of(unsigned int slot)
{
	state(slot);
	return theirs.out[1];
}

/* ---- limits ------------------------------------------------------------------------------------------------------ */

static void limits_random(void)
{
	static const u64 boundaries[] = { 0, 0, 0, 4095, 4095, 511, 65535 };
	u64 sectors = t.block >> SECTOR_SHIFT;

	t.limits[PROP_BLOCK_BYTES] = t.block;
	t.limits[PROP_PHYSICAL_BYTES] = t.block << (one_in(3) ? rnd(4) : 0);
	t.limits[PROP_MAX_SECTORS] = one_in(4) ? sectors + rnd(64) : sectors * (1 + rnd(t.huge ? 1 << 16 : 400));
	t.limits[PROP_MAX_HW_SECTORS] = t.limits[PROP_MAX_SECTORS] + rnd(100);
	t.limits[PROP_MAX_SEGMENTS] = one_in(4) ? 1 + rnd(3) : 1 + rnd(128);
	t.limits[PROP_VIRT_BOUNDARY] = boundaries[rnd(7)];
	t.limits[PROP_MAX_SEGMENT_BYTES] = one_in(3) ? UINT_MAX : 4096 + 512 * rnd(t.huge ? 1 << 14 : 200);
	if (t.limits[PROP_VIRT_BOUNDARY] && !one_in(4))
		t.limits[PROP_MAX_SEGMENT_BYTES] = UINT_MAX;	/* both come only of stacking */
	t.limits[PROP_CHUNK_SECTORS] = one_in(3) ? (t.limits[PROP_PHYSICAL_BYTES] >> SECTOR_SHIFT) * (1 + rnd(64)) : 0;
	t.limits[PROP_DMA_MASK] = (4ull << rnd(8)) - 1;
	t.limits[PROP_DISCARD_SECTORS] = one_in(3) ? 0 : sectors * (1 + rnd(1000));
	t.limits[PROP_ZEROES_SECTORS] = one_in(3) ? 0 : sectors * (1 + rnd(1000));
}

static void limits_get(void)
{
	both(PROP_LIMITS_GET, 0, 0, 0, 0, 0);
}

/* A driver says what it takes, in any order; limits that are there are what blk_queue_*() makes of it. */
static void setter(void)
{
	unsigned int limit = rnd(PROP_COMPARED);
	bool virt = theirs.out[PROP_VIRT_BOUNDARY];
	u64 v;

	switch (limit) {
	case PROP_MAX_HW_SECTORS:
		v = 8 + rnd(one_in(2) ? 4000 : 0x7fff00);
		break;
	case PROP_MAX_SECTORS:
		return;				/* follows from the one before */
	case PROP_MAX_SEGMENTS:
		v = 1 + rnd(USHRT_MAX);
		break;
	case PROP_MAX_SEGMENT_BYTES:
		if (virt)
			return;			/* both warn */
		v = 4096 + rnd(1 << 20);
		break;
	case PROP_VIRT_BOUNDARY:
		v = one_in(3) ? 0 : (512ull << rnd(8)) - 1;
		break;
	case PROP_BLOCK_BYTES:
		v = 512ull << rnd(4);
		break;
	case PROP_DMA_MASK:
		v = (1ull << rnd(12)) - 1;
		break;
	default:
		v = rnd(1 << 20);
	}
	both(PROP_SETTER, 0, 0, limit, v, 0);
	limits_get();
}

/* Devices below come in, some of them where they do not fit: that is the end, since in Linux it stays so. */
static void stack(void)
{
	unsigned int i;

	for (i = 1 + rnd(4); i && !t.differs; i--) {
		t.block = 512ull << rnd(4);
		limits_random();
		t.limits[PROP_PHYSICAL_BYTES] = t.block;
		t.limits[PROP_CHUNK_SECTORS] = 0;
		both(PROP_STACK, 0, 0, one_in(2) ? rnd(1 << 20) : 8 * rnd(1 << 20), 0, 0);
		t.stacked++;
		if ((int)theirs.out[0] < 0)
			return;
		limits_get();
	}
}

static void limits_sequence(void)
{
	unsigned int i;

	both(PROP_BEGIN, 0, 0, rnd(2), 0, 0);
	limits_get();
	for (i = rnd(12); i; i--)
		setter();
	stack();
}

/* ---- bios -------------------------------------------------------------------------------------------------------- */

static void init_bio(void)
{
	unsigned int slot = rnd(PROP_OWNERS), i;
	u64 op = one_in(6) ? PROP_DISCARD + rnd(2) : rnd(2);

	if (t.huge)
		op = rnd(2);			/* and room for 4 GiB of pieces */
	for (i = PROP_OWNERS; i < PROP_SLOTS; i++)
		t.used[i] = false;
	t.used[slot] = true;
	t.kind[slot] = op;
	both(PROP_INIT, slot, 0, t.huge ? 64 : one_in(3) ? 1 + rnd(8) : 1 + rnd(256),
	     (t.block >> SECTOR_SHIFT) * rnd(1 << 20), op);
	if (op >= PROP_DISCARD)
		both(PROP_ADVANCE, slot, 0, 0, 0, t.block * (1 + rnd(4000)));
	state(slot);
}

/* A piece of memory behind the last one, or elsewhere; whole blocks, or anything. */
static void add(unsigned int slot)
{
	u64 len, frame = 1 + rnd(NR_FRAMES), offset = 512 * rnd(8);

	if (t.kind[slot] >= PROP_DISCARD)
		return;
	if (one_in(2)) {
		frame = t.next_frame;
		offset = t.next_offset;
	} else if (one_in(8)) {
		offset = rnd(PAGE_SIZE);
	}
	if (one_in(2))
		len = PAGE_SIZE - offset;
	else
		len = one_in(3) ? 512 * (1 + rnd(8)) : t.block * (1 + rnd(40));
	if (one_in(10))
		len = 1 + rnd(5000);
	if (t.huge)
		len = (1 + rnd(1 << 17)) * 4096;
	if (!t.huge && offset + len > PAGE_SIZE && frame + 64 > NR_FRAMES)
		frame = 1;
	both(PROP_ADD, slot, 0, len, offset, frame);
	t.next_frame = frame + (offset + len) / PAGE_SIZE;
	t.next_offset = (offset + len) % PAGE_SIZE;
	if (t.next_frame > NR_FRAMES)
		t.next_frame = 1;
	state(slot);
}

static void split(unsigned int slot, unsigned int to)
{
	u64 sectors = size_of(slot) >> SECTOR_SHIFT;

	if (sectors < 2 || to == slot || t.differs)
		return;
	both(PROP_SPLIT, slot, to, 1 + rnd(sectors - 1), 0, 0);
	t.used[to] = true;
	t.kind[to] = t.kind[slot];
	state(slot);
	state(to);
}

static void clone(unsigned int slot, unsigned int to)
{
	if (to == slot)
		return;
	both(PROP_CLONE, slot, to, 0, 0, 0);
	t.used[to] = true;
	t.kind[to] = t.kind[slot];
	state(to);
}

static void advance(unsigned int slot)
{
	u64 bytes = size_of(slot), n = one_in(12) ? bytes : rnd(bytes + 1);

	if (t.kind[slot] >= PROP_DISCARD)
		n -= n % t.block;
	else if (!one_in(3))
		n -= n % 512;
	both(PROP_ADVANCE, slot, 0, n, 0, 0);
	state(slot);
}

static void trim(unsigned int slot)
{
	u64 sectors = size_of(slot) >> SECTOR_SHIFT, from = rnd(sectors + 1);

	both(PROP_TRIM, slot, 0, rnd(sectors - from + 1), from, 0);
	state(slot);
}

/* What arrives at a device is whole blocks at a whole block. */
static void cut(unsigned int slot)
{
	bool nowait = one_in(8) && t.kind[slot] < PROP_DISCARD;
	u64 bytes = size_of(slot);

	if (!bytes || bytes % t.block || theirs.out[0] % (t.block >> SECTOR_SHIFT))
		return;
	if ((t.kind[slot] == PROP_DISCARD && !t.limits[PROP_DISCARD_SECTORS]) ||
	    (t.kind[slot] == PROP_ZEROES && !t.limits[PROP_ZEROES_SECTORS]))
		return;				/* refused before it gets here */
	both(PROP_CUT, slot, 0, nowait, MAX_PIECES, 0);
	t.cuts++;
	t.pieces += ours.nr_out / 7;
	state(slot);
}

static void bio_op_random(void)
{
	unsigned int slot = rnd(PROP_SLOTS), to = PROP_OWNERS + rnd(PROP_SLOTS - PROP_OWNERS);

	if (one_in(12)) {
		init_bio();
		return;
	}
	while (!t.used[slot])
		slot = rnd(PROP_SLOTS);
	switch (rnd(12)) {
	case 0:
		split(slot, to);
		break;
	case 1:
		clone(slot, to);
		break;
	case 2:
		advance(slot);
		break;
	case 3:
		if (one_in(3))
			trim(slot);
		break;
	case 4:
		if (!t.huge)
			both(PROP_WALK, slot, 0, 0, 0, 0);
		break;
	case 5:
	case 6:
		if (one_in(2)) {
			limits_random();
			both(PROP_LIMITS_SET, 0, 0, 0, 0, 0);
		}
		cut(slot);
		break;
	default:
		if (slot < PROP_OWNERS)
			add(slot);
	}
}

static void bio_sequence(void)
{
	unsigned int i;

	t.block = one_in(3) ? 512ull << rnd(4) : 512;
	memset(t.used, 0, sizeof(t.used));
	t.next_frame = 1;
	t.next_offset = 0;
	both(PROP_BEGIN, 0, 0, 0, 0, 0);
	limits_random();
	both(PROP_LIMITS_SET, 0, 0, 0, 0, 0);
	init_bio();
	for (i = t.huge ? rnd(30) : 0; i; i--)
		add(t.used[0] ? 0 : 1);
	for (i = 0; i < MAX_OPS && !t.differs; i++) {
		t.nr_op = i;
		bio_op_random();
	}
}

/* ---- all of them --------------------------------------------------------------------------------------------------- */

static void run(void *arg)
{
	char line[192];
	u64 i;

	if (design_upstream_6_1.init(&design_upstream_6_1.variants[0].knobs)) {
		host_puts("upstream-props: Linux's files do not start");
		t.differs = true;
		return;
	}
	t.differs = !wb_err_told(&design_upstream_6_1);
	for (i = 0; i < t.count && !t.differs; i++) {
		t.sequence = t.rand = t.seed + i;
		t.nr_op = 0;
		t.huge = one_in(16);
		if (one_in(5))
			limits_sequence();
		else
			bio_sequence();
	}
	i = t.differs;
	t.differs = false;
	both(PROP_END, 0, 0, 0, 0, 0);
	t.differs = i;
	design_upstream_6_1.exit();
	snprintf(line, sizeof(line),
		 "upstream-props: %llu sequences, %llu operations: %llu bios cut into %llu pieces (%llu times not a block fits), %llu limits stacked",
		 (unsigned long long)t.count, (unsigned long long)t.ops, (unsigned long long)t.cuts,
		 (unsigned long long)t.pieces, (unsigned long long)t.refused, (unsigned long long)t.stacked);
	if (!t.differs)
		host_puts(line);
}

static bool number(const char *s, u64 *out)
{
	u64 v = 0;

	if (!*s)
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9' || v > U64_MAX / 10 - 1)
			return false;
		v = v * 10 + (*s - '0');
	}
	*out = v;
	return true;
}

int main(int argc, char **argv)
{
	struct kc_world_opts opts = { .ram_bytes = 48ul << 20 };
	int left = 0;

	if (argc != 3 || !number(argv[1], &t.seed) || !number(argv[2], &t.count) || !t.count) {
		host_puts("usage: tests SEED COUNT");
		return 2;
	}
	if (host_user_reserve()) {
		host_puts("upstream-props: the window for user memory is taken");
		return 1;
	}
	if (kc_run(false, 1, &opts, run, NULL, &left) != KC_RUN_DONE)
		return 1;
	return t.differs || left;
}
