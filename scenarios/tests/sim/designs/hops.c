// SPDX-License-Identifier: GPL-2.0-only
/*
 * What each hazard of submitting from a submission costs a loop device: hand-offs to a worker, counted (PUNTS), for
 * the IO that the hazard is about and for each hand-off that the design has. The counts are asserted and printed;
 * mk/hazards.sh puts them into its table. Whether the hazard is survived is tested elsewhere (hazards.c, punt.c,
 * freeze.c, nowait.c): here every IO has a known fate.
 */
#include "burst.h"

#define NR_BIOS		16u
#define MAX_LEVELS	6u		/* with the rig's own: more than LAB_LOOP_MAX_NESTED_ENDS */
#define FILE_BYTES	(1u << 20)
#define LEVEL_BYTES	(64u << 10)	/* what a level takes less than the one below */

static const char *const handoff_names[] = {
	[LAB_HANDOFF_INLINE] = "inline", [LAB_HANDOFF_WORKER] = "worker",
};

/* A filesystem on the loop device below, with a loop device on its file. */
struct level {
	struct lab_fs *fs;
	struct inode *inode;
	struct lab_file *file;
	struct lab_loop *loop;
};

/* @top: the upper loop device */
struct hops {
	struct rig rig;
	struct level level[MAX_LEVELS - 1];
	unsigned int nr;
	struct block_device *top;
};

static u64 punts(void)
{
	return rig_count(LAB_UPPER, LAB_PUNTS) + rig_count(LAB_LOOP, LAB_PUNTS);
}

static void hops_up(struct hops *h, const struct rig_opts *o, unsigned int levels)
{
	struct lab_fs_opts fs = { .cold_map = o->fs.cold_map };

	rig_up(&h->rig, o);
	h->top = rig_design->loop_bdev(h->rig.loop);
	for (h->nr = 0; h->nr < levels - 1; h->nr++) {
		struct level *l = &h->level[h->nr];

		fs.nesting = h->nr + 1;
		l->fs = lab_fs_create(h->top, &fs);
		lab_expect(!IS_ERR(l->fs));
		l->inode = lab_inode_create(l->fs, FILE_BYTES - fs.nesting * LEVEL_BYTES);
		lab_expect(!IS_ERR(l->inode));
		l->file = rig_design->open_file(l->inode);
		l->loop = rig_design->loop_add(l->file, &o->loop_opts);
		lab_expect(!IS_ERR(l->loop));
		h->top = rig_design->loop_bdev(l->loop);
	}
}

static void hops_down(struct hops *h)
{
	while (h->nr--) {
		struct level *l = &h->level[h->nr];

		rig_design->loop_del(l->loop);
		rig_design->close(l->file);
		lab_fs_destroy(l->fs);
	}
	rig_down(&h->rig);
}

/* No map is in memory. */
static void hops_forget(struct hops *h)
{
	unsigned int i;

	lab_map_forget(h->rig.inode);
	for (i = 0; i < h->nr; i++)
		lab_map_forget(h->level[i].inode);
}

/* ---- the IO of each hazard ---------------------------------------------------------------------- */

static void overwrite(struct hops *h)
{
	burst_run(burst_make(h->top, REQ_OP_WRITE, NR_BIOS, 1), false);
}

/* The task is in a transaction of the filesystem above. */
static void overwrite_in_transaction(struct hops *h)
{
	current->journal_info = h;
	overwrite(h);
	lab_expect(current->journal_info == h);
	current->journal_info = NULL;
}

static void overwrite_plugged(struct hops *h)
{
	burst_run(burst_make(h->top, REQ_OP_WRITE, NR_BIOS, 2), true);
}

/* One bio on two levels whose maps are on the disk. */
static void read_cold(struct hops *h)
{
	hops_forget(h);
	burst_run(burst_make(h->top, REQ_OP_READ, 1, 1), false);
}

static void frozen_then_thawed(struct hops *h)
{
	struct burst *b = burst_make(h->top, REQ_OP_WRITE, 1, 1);

	lab_expect_eq(lab_fs_freeze(h->rig.fs), 0);
	burst_submit(b, false);
	lab_expect_eq(lab_fs_thaw(h->rig.fs), 0);
	rig_wait(&b->done);
	burst_end(b, BLK_STS_OK);
}

/* The lock that truncate holds is taken: the attempt ends at once, and goes on when it is free. */
static void write_locked(struct hops *h)
{
	struct burst *b = burst_make(h->top, REQ_OP_WRITE, 1, 1);

	down_write(&h->rig.inode->i_rwsem);
	burst_submit(b, false);
	lab_expect_eq(atomic_read(&h->rig.inode->i_dio_count), 0);
	up_write(&h->rig.inode->i_rwsem);
	rig_wait(&b->done);
	burst_end(b, BLK_STS_OK);
}

static void nowait_refused(struct hops *h)
{
	struct burst *b = burst_make(h->top, REQ_OP_READ | REQ_NOWAIT, 1, 1);

	hops_forget(h);
	burst_submit(b, false);
	rig_wait(&b->done);
	burst_end(b, rig_lacks(RIG_NOWAIT_UNSEEN) ? BLK_STS_OK :
		     rig_lacks(RIG_NO_NOWAIT) ? BLK_STS_NOTSUPP : BLK_STS_AGAIN);
}

/**
 * struct hazard - one of them
 * @name: as in the table
 * @fn: its IO
 * @nr: bios that it sends to the upper device
 * @levels: loop devices on one another
 * @cold: maps can be on the disk
 * @mq: the loop devices have a request queue, if the design can
 * @depth: tags of each queue; 0: as many as it has
 * @tries: hand-offs of all of them where the design tries in the submitter's context
 * @more: hand-offs beyond one for each bio and level where it does not: reads of a map are bios too
 */
static const struct hazard {
	const char *name;
	void (*fn)(struct hops *h);
	unsigned int nr, levels;
	bool cold, mq;
	unsigned int depth, tries, more;
} hazards[] = {
	{ .name = "H1", .fn = overwrite, .nr = NR_BIOS, .levels = MAX_LEVELS },
	{ .name = "H2", .fn = overwrite_in_transaction, .nr = NR_BIOS, .levels = 1 },
	{ .name = "H3", .fn = overwrite_plugged, .nr = NR_BIOS, .levels = 2, .mq = true },
	{ .name = "H4", .fn = read_cold, .nr = 1, .levels = 2, .cold = true, .tries = 2, .more = 1 },
	{ .name = "H5", .fn = overwrite, .nr = NR_BIOS, .levels = 2, .mq = true, .depth = 1 },
	{ .name = "H6", .fn = frozen_then_thawed, .nr = 1, .levels = 1, .tries = 1 },
	{ .name = "H7", .fn = write_locked, .nr = 1, .levels = 1, .tries = 1 },
	{ .name = "H8", .fn = nowait_refused, .nr = 1, .levels = 1, .cold = true },
};

static u64 expected(const struct hazard *hz, enum lab_handoff handoff)
{
	u64 nested = rig_costs()->nested_ends;
	u64 n = handoff == LAB_HANDOFF_INLINE ? hz->tries : hz->nr * hz->levels + hz->more;

	if (hz->fn == nowait_refused && rig_lacks(RIG_NO_NOWAIT))
		return 0;		/* before it goes anywhere */
	if (nested && hz->levels > nested)
		n += hz->nr;		/* its end goes on in a worker, once */
	return n;
}

static void one_hazard(const struct hazard *hz, enum lab_handoff handoff)
{
	struct rig_opts o = {
		.file_bytes = FILE_BYTES, .loop = true, .fs = { .cold_map = hz->cold },
		.limits = { .queue_depth = hz->depth }, .loop_opts = { .queue_depth = hz->depth },
		.knobs = rig_design->variants[rig_variant].knobs,
	};
	struct hops h;
	u64 n;

	o.knobs.handoff = handoff;
	o.knobs.loopq = hz->mq ? LAB_LOOPQ_MQ : o.knobs.loopq;
	hops_up(&h, &o, hz->levels);
	kc_probes_reset();
	hz->fn(&h);
	n = punts();
	/* Through a page cache a bio of the upper device is none of the lower one, or several. */
	if (!LAB_WITH_PROBES || rig_costs()->cached)
		lab_expect(!LAB_WITH_PROBES || n >= hz->nr || !expected(hz, handoff));
	else if (n != expected(hz, handoff))
		lab_test_fail(__FILE__, __LINE__, "%s, %s: %llu hand-offs of %u bios, want %llu", hz->name,
			      handoff_names[handoff], n, hz->nr, expected(hz, handoff));
	printk("hops: %s|%s|%llu of %u", hz->name, handoff_names[handoff], n, hz->nr);
	hops_down(&h);
}

DESIGN_TEST(hops, of_each_hazard)
{
	enum lab_handoff handoff;
	unsigned int i;

	rig_needs_what(RIG_APART, RIG_ONE_LEVEL);
	for (handoff = LAB_HANDOFF_INLINE; handoff <= LAB_HANDOFF_WORKER; handoff++) {
		struct lab_knobs knobs = rig_design->variants[rig_variant].knobs;

		knobs.handoff = handoff;
		knobs.variant = rig_variant;
		if (lab_test_handoff() && lab_test_handoff() != 1 + (int)handoff)
			continue;
		for (i = 0; i < ARRAY_SIZE(hazards) && !rig_design->unsupported(&knobs); i++)
			one_hazard(&hazards[i], handoff);
	}
}
