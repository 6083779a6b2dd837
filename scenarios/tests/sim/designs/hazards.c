// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hazards of submitting to a file from a block driver that need two levels to show: H1, H3, H4 and H5. The others are
 * tested where their subject is: H2 and H7 in punt.c, H6 in freeze.c, H8 in nowait.c.
 */
#include <kc/world.h>
#include "burst.h"

#define LEVELS		5	/* more than LAB_LOOP_MAX_NESTED_ENDS with the rig's own */
#define NR_BIOS		24
#define NR_PLUGGED	(2 * BLK_MAX_REQUEST_COUNT + 16)	/* a plug fills with them, and one is left that is not full */
#define LOWEST_BYTES	(2u << 20)
#define LEVEL_BYTES	(128u << 10)	/* what a level takes less than the one below */

/**
 * struct plan - what a scenario is about
 * @depth: tags of each queue; 0: as many as it has
 * @cold: no level's map is in memory when bios come
 * @plugged: each level has a request queue, and bios come plugged, more than a plug holds
 */
struct plan {
	unsigned int depth;
	bool cold, plugged;
};

struct tower {
	struct rig rig;
	struct lab_fs *fs[LEVELS];
	struct inode *inode[LEVELS];
	struct lab_file *file[LEVELS];
	struct lab_loop *loop[LEVELS];
	unsigned int nr;
	u64 seed;
	struct plan plan;
};

/* @nr loop devices over that of the rig. The one at the top. */
static struct block_device *tower_up(struct tower *t, struct rig_opts *o, unsigned int nr)
{
	const struct design *d = rig_design;
	struct block_device *bdev;
	unsigned int i;

	rig_up(&t->rig, o);
	t->nr = nr;
	bdev = d->loop_bdev(t->rig.loop);
	for (i = 0; i < nr; i++) {
		struct lab_fs_opts fs = {
			.layout = o->fs.layout, .cold_map = o->fs.cold_map, .nesting = i + 1,
		};

		t->fs[i] = lab_fs_create(bdev, &fs);
		lab_expect(!IS_ERR(t->fs[i]));
		t->inode[i] = lab_inode_create(t->fs[i], LOWEST_BYTES - (i + 1) * LEVEL_BYTES);
		lab_expect(!IS_ERR(t->inode[i]));
		t->file[i] = d->open_file(t->inode[i]);
		t->loop[i] = d->loop_add(t->file[i], &o->loop_opts);
		lab_expect(!IS_ERR(t->loop[i]));
		bdev = d->loop_bdev(t->loop[i]);
	}
	return bdev;
}

static void tower_down(struct tower *t)
{
	while (t->nr--) {
		rig_design->loop_del(t->loop[t->nr]);
		rig_design->close(t->file[t->nr]);
		lab_fs_destroy(t->fs[t->nr]);
	}
	rig_down(&t->rig);
}

/* As if every file had just been opened. */
static void tower_forget(struct tower *t)
{
	unsigned int i;

	if (t->plan.cold) {
		lab_map_forget(t->rig.inode);
		for (i = 0; i < t->nr; i++)
			lab_map_forget(t->inode[i]);
	}
	kc_probes_reset();
}

/* The attempts in the submitter's context found a map that is not there, and left it to a worker to wait for it. */
static void tower_expect_punts(struct tower *t)
{
	if (t->plan.cold && LAB_WITH_PROBES)
		lab_expect_ge(rig_count(LAB_UPPER, LAB_PUNTS) + rig_count(LAB_LOOP, LAB_PUNTS), t->nr + 1);
}

/*
 * The plug was flushed into itself: the drivers of an attempt in the submitter's context left requests of the level below in it
 * while its list was sent, on each level, as often as @lists. A worker has nothing to do with the plug of the submitter.
 */
static void tower_expect_replugs(struct tower *t, unsigned int lists)
{
	u64 replugs = rig_count(LAB_UPPER, LAB_REPLUGS) + rig_count(LAB_LOOP, LAB_REPLUGS) +
		      rig_count(LAB_LOWER, LAB_REPLUGS);

	if (!t->plan.plugged || !LAB_WITH_PROBES)
		return;
	if (t->rig.knobs.handoff == LAB_HANDOFF_WORKER) {
		lab_expect_eq(replugs, 0);
	} else {
		lab_expect_eq(t->rig.knobs.loopq, LAB_LOOPQ_MQ);
		lab_expect_ge(replugs, lists * (t->nr + 1));
	}
}

/* Every combination of what matters to who waits for whom, by the seed's bits. */
static void tower_run(struct tower *t, unsigned int nr)
{
	struct rig_opts o = {
		.disk_bytes = 4 << 20, .file_bytes = LOWEST_BYTES, .loop = true,
		.limits = { .queue_depth = t->plan.depth }, .loop_opts = { .queue_depth = t->plan.depth },
		.knobs = {
			.handoff = t->seed & 1 ? LAB_HANDOFF_WORKER : LAB_HANDOFF_INLINE,
			.loopq = t->seed & 2 && !t->plan.plugged ? LAB_LOOPQ_BIO : LAB_LOOPQ_MQ,
			.completion = t->seed & 16 ? LAB_COMPLETION_WQ : LAB_COMPLETION_INLINE,
		},
		.fs = { .layout = t->seed & 4 ? LAB_LAYOUT_SPARSE : LAB_LAYOUT_CONTIGUOUS, .cold_map = t->plan.cold },
	};
	bool plugged = t->plan.plugged || t->seed & 8;
	unsigned int nr_bios = t->plan.plugged ? NR_PLUGGED : NR_BIOS;
	struct block_device *top = tower_up(t, &o, nr);
	struct burst *b;
	unsigned int i;

	tower_forget(t);
	burst_run(burst_make(top, REQ_OP_WRITE, nr_bios, 2), plugged);
	tower_expect_punts(t);
	/* Where blocks must be found first, a worker does that. */
	tower_expect_replugs(t, o.fs.layout == LAB_LAYOUT_SPARSE ? 0 : DIV_ROUND_UP(nr_bios, BLK_MAX_REQUEST_COUNT));
	lab_expect_eq(blkdev_issue_flush(top), 0);
	b = burst_make(top, REQ_OP_READ, nr_bios, 1);
	for (i = 0; i < nr_bios; i++)
		memset(page_address(b->page[i]), 0xa5, PAGE_SIZE);
	tower_forget(t);
	burst_submit(b, plugged);
	rig_wait(&b->done);
	tower_expect_punts(t);
	tower_expect_replugs(t, 1);		/* one request, if they join it */
	for (i = 0; i < nr_bios; i += 2)
		lab_expect_eq(*(u8 *)page_address(b->page[i]), BURST_BYTE);
	burst_end(b, BLK_STS_OK);
	tower_down(t);
}

static void two_levels(void *arg)
{
	tower_run(arg, 1);
}

static void six_levels(void *arg)
{
	tower_run(arg, LEVELS);
}

/* Each seed another schedule; every tenth on threads, too. */
static void all_schedules(void (*fn)(void *), struct plan plan, unsigned int seeds)
{
	static struct tower t;
	u64 base = lab_test_base_seed();
	unsigned int i;
	int failures;

	for (i = 0; i < (lab_test_slow() ? seeds / 10 : seeds); i++) {
		t.seed = base + i;
		t.plan = plan;
		lab_test_seed(t.seed);
		failures = -1;
#ifdef KC_DET
		lab_expect_eq(kc_run(true, t.seed, NULL, fn, &t, &failures), KC_RUN_DONE);
		lab_expect_eq(failures, 0);
#endif
		if (i % 10)
			continue;
		lab_expect_eq(kc_run(false, t.seed, NULL, fn, &t, &failures), KC_RUN_DONE);
		lab_expect_eq(failures, 0);
	}
}

/* H5: one tag for the disk and one for each loop queue. Who waits for a tag keeps nothing that its holder needs: it ends. */
DESIGN_TEST_FLAGS(hazards, H5_one_tag_two_levels, LAB_TEST_F_BARE)
{
	rig_needs_what(RIG_APART, RIG_ONE_LEVEL);
	all_schedules(two_levels, (struct plan){ .depth = 1 }, 160);
}

/* H3: the driver of a plugged, or full, queue submits below while the plug is flushed, and fills it again. */
DESIGN_TEST_FLAGS(hazards, H3_plug_flushed_into_a_plug, LAB_TEST_F_BARE)
{
	rig_needs_what(RIG_APART, RIG_ONE_LEVEL);
	all_schedules(two_levels, (struct plan){ .plugged = true }, 64);
}

/* H1: six devices deep, ends that go on in a worker, one tag each: nothing is lost and nobody waits for ever. */
DESIGN_TEST_FLAGS(hazards, H1_ends_of_six_levels, LAB_TEST_F_BARE)
{
	rig_needs_what(RIG_APART, RIG_ONE_LEVEL);
	all_schedules(six_levels, (struct plan){ .depth = 1 }, 64);
}

/*
 * H4: each level's map must be read from the device below before a bio can be placed. Read under ->submit_bio it would
 * be queued behind the bio that waits for it; so the attempt gives up, and the worker reads.
 */
DESIGN_TEST_FLAGS(hazards, H4_cold_maps_on_two_levels, LAB_TEST_F_BARE)
{
	rig_needs_what(RIG_APART, RIG_ONE_LEVEL);
	all_schedules(two_levels, (struct plan){ .cold = true }, 100);
}
