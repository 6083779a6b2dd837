// SPDX-License-Identifier: GPL-2.0-only
/*
 * H1, H3-H5: a filesystem on a loop device on a file on a loop device …. The upper ones submit inside the
 * lower ones' plug and bio_list, with as many tags as their disk has, and every level allocates while it is
 * submitted to. And how deep the stack gets, on the way down and on the way up.
 */
#include <linux/slab.h>
#include <kc/fault.h>
#include "rig.h"

#define LEVELS	8
#define HOP_SLACK_BYTES	512	/* by timing, see stack_by_level; a level of its own has three times as much */

struct level {
	struct lab_fs *fs;
	struct inode *inode;
	struct lab_file *file;
	struct lab_loop *loop;
};

struct nest {
	struct rig rig;
	struct level level[LEVELS];
	unsigned int nr;
	struct lab_file *top;
};

/* @nr more levels on the loop device of the rig; a level's fragments are two of the level below. */
static void nest_up(struct nest *n, struct rig_opts *o, unsigned int nr)
{
	const struct design *d = rig_design;
	struct block_device *bdev;
	unsigned int i;

	o->loop = true;
	o->disk_bytes = 4 << 20;
	o->file_bytes = 3 << 20;
	rig_up(&n->rig, o);
	bdev = d->loop_bdev(n->rig.loop);
	n->nr = nr;
	for (i = 0; i < nr; i++) {
		struct level *l = &n->level[i];
		struct lab_fs_opts fs = { .layout = o->fs.layout, .nesting = i + 1,
					  .fragment_bytes = o->fs.fragment_bytes << (i + 1) };
		struct lab_loop_opts opts = { 0 };

		l->fs = lab_fs_create(bdev, &fs);
		lab_expect(!IS_ERR(l->fs));
		l->inode = lab_inode_create(l->fs, (3 << 20) - (i + 1) * 65536);
		lab_expect(!IS_ERR(l->inode));
		l->file = d->open_file(l->inode);
		l->loop = d->loop_add(l->file, &opts);
		lab_expect(!IS_ERR(l->loop));
		bdev = d->loop_bdev(l->loop);
	}
	n->top = d->open_bdev(bdev);
}

static void nest_down(struct nest *n)
{
	const struct design *d = rig_design;

	d->close(n->top);
	while (n->nr--) {
		struct level *l = &n->level[n->nr];

		d->loop_del(l->loop);
		d->close(l->file);
		lab_fs_destroy(l->fs);
	}
	rig_down(&n->rig);
}

/* Deepest stack of a write and a read through @nr more levels: on the way down, on the way up. */
static void stack_of(enum lab_handoff handoff, unsigned int nr, u64 *down, u64 *up)
{
	struct rig_opts o = { .knobs = { .handoff = handoff } };
	struct nest n;
	struct lab_iovec iov;
	enum lab_scope s;

	nest_up(&n, &o, nr);
	iov = (struct lab_iovec){ n.rig.mem, 16384 };
	rig_set(iov.base, 0x42, 16384);
	kc_probes_reset();
	lab_expect_eq(rig_aio(n.top, LAB_WRITE, 65536, &iov, 1, 0), 16384);
	rig_set(iov.base, 0xa5, 16384);
	lab_expect_eq(rig_aio(n.top, LAB_READ, 65536, &iov, 1, 0), 16384);
	lab_expect_eq(rig_find_other(iov.base, 0x42, 16384), -1);
	*down = *up = 0;
	for (s = LAB_UPPER; s < LAB_NR_SCOPES; s++) {
		*down = max(*down, rig_count(s, LAB_STACK_SUBMIT));
		*up = max(*up, rig_count(s, LAB_STACK_END));
	}
	nest_down(&n);
}

/*
 * On the way down current->bio_list keeps the stack flat: a level's bio is sent when the level above has
 * returned. On the way up each level's end_io calls the next one's, so the stack grows by the same amount a
 * level, up to the level at which a design goes on in a worker, if it does (struct rig_costs).
 *
 * Flat means: eight more levels add less than one level adds on the way up. Not equal: which submission is the
 * deepest depends on timing (a tag at once or after a wait), and memcheck and TSan builds have shown 16 and 48
 * bytes for some numbers of levels, with none more for the levels behind.
 *
 * A design that always hops begins each level on a stack of its own; which levels' ends meet on one stack on the
 * way up is chance, so nothing is said of them but what is printed.
 */
DESIGN_TEST_FLAGS(nest, stack_by_level, LAB_TEST_F_THR_ONLY)
{
	bool hops = rig_design->variants[rig_variant].knobs.handoff == LAB_HANDOFF_WORKER;
	u64 down[LEVELS + 1], up[LEVELS + 1];
	unsigned int nr;

	rig_needs_what(RIG_APART, RIG_ONE_LEVEL);
	for (nr = 0; nr <= LEVELS; nr++)
		stack_of(LAB_HANDOFF_INLINE, nr, &down[nr], &up[nr]);
	if (!LAB_WITH_PROBES)
		return;
	printk("stack, bytes, down and up: 1 level %llu %llu, 2 %llu %llu, 3 %llu %llu, 9 %llu %llu",
	       down[0], up[0], down[1], up[1], down[2], up[2], down[LEVELS], up[LEVELS]);
	lab_expect_gt(down[0], 0);
	lab_expect_gt(up[0], 0);
	if (!rig_costs()->nested_ends && !rig_costs()->cached)	/* for mk/hazards.sh; measured by mk/stack.sh */
		printk("hazard: H1 grows with each level on the way up");
	if (hops) {
		for (nr = 1; nr <= LEVELS; nr++)
			lab_expect_le(down[nr], down[1] + HOP_SLACK_BYTES);
		return;
	}
	for (nr = 1; nr <= LEVELS; nr++)
		lab_expect_lt(down[nr], down[1] + (up[3] - up[2]));
	lab_expect_gt(up[LEVELS], up[1]);
	if (!rig_costs()->nested_ends)
		lab_expect_eq(up[LEVELS] - up[LEVELS - 1], up[3] - up[2]);
	for (nr = rig_costs()->nested_ends; nr && nr <= LEVELS; nr++)
		lab_expect_lt(up[nr], up[rig_costs()->nested_ends] + (up[3] - up[2]));
}

DESIGN_TEST(nest, data_through_levels)
{
	u64 down, up;

	rig_needs_what(RIG_APART, RIG_ONE_LEVEL);
	stack_of(LAB_HANDOFF_INLINE, LEVELS, &down, &up);
	stack_of(LAB_HANDOFF_WORKER, 2, &down, &up);
}

/* A flush at the top reaches the disk: each level's fsync is a flush of the level below. */
DESIGN_TEST(nest, flush_reaches_the_disk)
{
	struct rig_opts o = { 0 };
	struct lab_trace_counts c;
	struct nest n;

	rig_needs_what(RIG_APART, RIG_ONE_LEVEL);
	nest_up(&n, &o, 3);
	lab_expect_eq(rig_io(n.top, LAB_WRITE, 0, n.rig.mem, 4096, 0), 4096);
	lab_expect_eq(rig_design->fsync(n.top, true), 0);
	c = rig_seen(&n.rig);
	lab_expect_eq(c.bios[REQ_OP_FLUSH], 1);
	lab_expect_eq(rig_io(n.top, LAB_WRITE, 0, n.rig.mem, 4096, LAB_IO_DSYNC), 4096);
	nest_down(&n);
}

/* Every knob: writes to fresh blocks at the top are fresh blocks on every level. */
DESIGN_TEST(nest, knobs)
{
	unsigned int k, i;

	rig_needs_what(RIG_APART, RIG_ONE_LEVEL);
	for (k = 0; k < RIG_KNOB_SETS; k++) {
		struct rig_opts o = { .fs = { .layout = LAB_LAYOUT_SPARSE } };
		struct nest n;

		if (!rig_knobs(k, &o.knobs))
			continue;
		nest_up(&n, &o, 4);
		for (i = 0; i < 8; i++) {
			rig_set(n.rig.mem, i + 1, 65536);
			lab_expect_eq(rig_io(n.top, LAB_WRITE, i * 98304, n.rig.mem, 65536,
					     i & 1 ? LAB_IO_DSYNC : 0), 65536);
		}
		lab_expect_eq(rig_design->fsync(n.top, true), 0);
		for (i = 0; i < 8; i++)
			rig_expect_written(&n.rig, n.top, i * 98304, i + 1, 65536);
		nest_down(&n);
	}
}

/* ---- no memory ----------------------------------------------------------------------------------- */

#define HUNGRY_IOS	12
#define HUNGRY_BYTES	32768u

struct hungry {
	struct rig_slot slot[HUNGRY_IOS];
	struct lab_iovec iov[HUNGRY_IOS];
};

/* All at once, while every allocation from a slab fails. How many failed, cleanly. */
static unsigned int hungry_ios(struct nest *n, struct hungry *h, enum lab_rw rw, bool may_fail)
{
	unsigned int i, failed = 0;

	kc_fault_nth(KC_FAULT_SLAB, 1, ~0ull);
	for (i = 0; i < HUNGRY_IOS; i++) {
		h->iov[i] = (struct lab_iovec){ n->rig.mem + i * HUNGRY_BYTES, HUNGRY_BYTES };
		rig_start(&h->slot[i], n->top, rw, i * HUNGRY_BYTES, &h->iov[i], 1, 0);
	}
	for (i = 0; i < HUNGRY_IOS; i++) {
		ssize_t ret = rig_finish(&h->slot[i]);

		lab_expect(ret == HUNGRY_BYTES || (may_fail && (ret == -ENOMEM || ret == -EIO || ret == -EAGAIN)));
		failed += ret < 0;
	}
	kc_fault_nth(KC_FAULT_SLAB, 0, 0);
	return failed;
}

/*
 * H5 three deep: every level's reserve serves its own level, so nobody waits for what he holds himself. Who keeps
 * nothing back says so to the caller, and is as good as new when there is memory again.
 */
static void no_memory(const struct lab_knobs *knobs, const struct lab_fs_opts *fs)
{
	struct rig_opts o = { .knobs = *knobs, .fs = *fs };
	struct hungry *h;
	struct nest n;
	unsigned int i, failed;
	bool may_fail;

	nest_up(&n, &o, 2);
	may_fail = n.rig.knobs.alloc == LAB_ALLOC_KMALLOC || rig_costs()->cached;
	h = kmalloc(sizeof(*h), GFP_KERNEL);
	lab_expect(h);
	for (i = 0; i < HUNGRY_IOS; i++)
		rig_set(n.rig.mem + i * HUNGRY_BYTES, i + 1, HUNGRY_BYTES);
	failed = hungry_ios(&n, h, LAB_WRITE, may_fail);
	lab_expect_gt(kc_fault_hits(KC_FAULT_SLAB), 0);
	if (n.rig.knobs.alloc == LAB_ALLOC_KMALLOC && !rig_costs()->cached)
		lab_expect_gt(failed, 0);
	if (!failed)
		for (i = 0; i < HUNGRY_IOS; i++)
			rig_expect_written(&n.rig, n.top, i * HUNGRY_BYTES, i + 1, HUNGRY_BYTES);
	hungry_ios(&n, h, LAB_READ, may_fail);
	/* there is memory again */
	rig_set(n.rig.mem, 0x77, HUNGRY_BYTES);
	lab_expect_eq(rig_io(n.top, LAB_WRITE, 0, n.rig.mem, HUNGRY_BYTES, 0), HUNGRY_BYTES);
	rig_expect_written(&n.rig, n.top, 0, 0x77, HUNGRY_BYTES);
	kfree(h);
	nest_down(&n);
}

DESIGN_TEST(nest, no_memory_at_all)
{
	struct lab_fs_opts fs = { .layout = LAB_LAYOUT_CONTIGUOUS };
	struct lab_knobs knobs;
	unsigned int k;

	rig_needs_what(RIG_APART, RIG_ONE_LEVEL);
	for (k = 0; k < RIG_KNOB_SETS; k++)
		if (rig_knobs(k, &knobs))
			no_memory(&knobs, &fs);
}

/* Two pieces of each IO on each level. */
DESIGN_TEST(nest, no_memory_for_pieces)
{
	struct lab_fs_opts fs = { .layout = LAB_LAYOUT_FRAGMENTED, .fragment_bytes = HUNGRY_BYTES / 8 };
	struct lab_knobs knobs;
	unsigned int k;

	rig_needs_what(RIG_APART, RIG_ONE_LEVEL);
	for (k = 0; k < RIG_KNOB_SETS; k++)
		if (rig_knobs(k, &knobs))
			no_memory(&knobs, &fs);
}

/* ---- no memory, and blocks of which only a part is written --------------------------------------------- */

#define EDGE_IOS	6
#define EDGE_BYTES	512u

/* Where write @i goes: into the middle of a block of its own. */
static loff_t edge_pos(unsigned int i)
{
	return (loff_t)i * 2 * LAB_BLOCK_BYTES + 1536;
}

/*
 * Each write zeroes what it leaves out of its block, before it and behind it, on each level. Those bios wait for the
 * level below, which needs bios of the same kind: if one reserve served all levels, those above would hold it.
 */
static void no_memory_for_edges(const struct lab_knobs *knobs)
{
	struct rig_opts o = { .knobs = *knobs, .fs = { .layout = LAB_LAYOUT_UNWRITTEN } };
	struct rig_slot slot[EDGE_IOS];
	struct lab_iovec iov[EDGE_IOS];
	unsigned int i, failed = 0;
	struct nest n;
	bool may_fail;

	nest_up(&n, &o, 2);
	may_fail = n.rig.knobs.alloc == LAB_ALLOC_KMALLOC || rig_costs()->cached;
	for (i = 0; i < EDGE_IOS; i++) {
		iov[i] = (struct lab_iovec){ n.rig.mem + i * PAGE_SIZE, EDGE_BYTES };
		rig_set(iov[i].base, i + 1, EDGE_BYTES);
	}
	kc_fault_nth(KC_FAULT_SLAB, 1, ~0ull);
	for (i = 0; i < EDGE_IOS; i++)
		rig_start(&slot[i], n.top, LAB_WRITE, edge_pos(i), &iov[i], 1, 0);
	for (i = 0; i < EDGE_IOS; i++) {
		ssize_t ret = rig_finish(&slot[i]);

		lab_expect(ret == EDGE_BYTES || (may_fail && ret < 0));
		failed += ret < 0;
	}
	kc_fault_nth(KC_FAULT_SLAB, 0, 0);
	for (i = 0; i < EDGE_IOS && !failed; i++) {
		rig_expect_written(&n.rig, n.top, edge_pos(i), i + 1, EDGE_BYTES);
		rig_expect_written(&n.rig, n.top, edge_pos(i) - EDGE_BYTES, 0, EDGE_BYTES);
		rig_expect_written(&n.rig, n.top, edge_pos(i) + EDGE_BYTES, 0, EDGE_BYTES);
	}
	nest_down(&n);
}

DESIGN_TEST(nest, no_memory_for_edges)
{
	struct lab_knobs knobs;
	unsigned int k;

	rig_needs_what(RIG_APART, RIG_ONE_LEVEL);
	for (k = 0; k < RIG_KNOB_SETS; k++)
		if (rig_knobs(k, &knobs))
			no_memory_for_edges(&knobs);
}
