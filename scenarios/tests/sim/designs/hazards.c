// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hazards of submitting to a file from a block driver that need two levels to show: H1, H3 and H5. The others are
 * tested where their subject is: H2 and H7 in punt.c, H4 by every check build (a wait under ->submit_bio stops),
 * H6 in freeze.c, H8 in nowait.c.
 */
#include <kc/world.h>
#include "burst.h"

#define LEVELS		5	/* more than LAB_LOOP_MAX_NESTED_ENDS with the rig's own */
#define NR_BIOS		24
#define LOWEST_BYTES	(2u << 20)
#define LEVEL_BYTES	(128u << 10)	/* what a level takes less than the one below */

struct tower {
	struct rig rig;
	struct lab_fs *fs[LEVELS];
	struct lab_file *file[LEVELS];
	struct lab_loop *loop[LEVELS];
	unsigned int nr;
	u64 seed;
	unsigned int depth;		/* tags of each queue; 0: as many as it has */
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
		struct lab_fs_opts fs = { .layout = o->fs.layout, .nesting = i + 1 };

		t->fs[i] = lab_fs_create(bdev, &fs);
		lab_expect(!IS_ERR(t->fs[i]));
		t->file[i] = d->open_file(lab_inode_create(t->fs[i], LOWEST_BYTES - (i + 1) * LEVEL_BYTES));
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

/* Every combination of what matters to who waits for whom, by the seed's bits. */
static void tower_run(struct tower *t, unsigned int nr)
{
	struct rig_opts o = {
		.disk_bytes = 4 << 20, .file_bytes = LOWEST_BYTES, .loop = true,
		.limits = { .queue_depth = t->depth }, .loop_opts = { .queue_depth = t->depth },
		.knobs = {
			.handoff = t->seed & 1 ? LAB_HANDOFF_WORKER : LAB_HANDOFF_INLINE,
			.loopq = t->seed & 2 ? LAB_LOOPQ_BIO : LAB_LOOPQ_MQ,
			.completion = t->seed & 16 ? LAB_COMPLETION_WQ : LAB_COMPLETION_INLINE,
		},
		.fs = { .layout = t->seed & 4 ? LAB_LAYOUT_SPARSE : LAB_LAYOUT_CONTIGUOUS },
	};
	bool plugged = t->seed & 8;
	struct block_device *top = tower_up(t, &o, nr);
	struct burst *b;
	unsigned int i;

	burst_run(burst_make(top, REQ_OP_WRITE, NR_BIOS, 2), plugged);
	lab_expect_eq(blkdev_issue_flush(top), 0);
	b = burst_make(top, REQ_OP_READ, NR_BIOS, 1);
	for (i = 0; i < NR_BIOS; i++)
		memset(page_address(b->page[i]), 0xa5, PAGE_SIZE);
	burst_submit(b, plugged);
	rig_wait(&b->done);
	for (i = 0; i < NR_BIOS; i += 2)
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
static void all_schedules(void (*fn)(void *), unsigned int depth, unsigned int seeds)
{
	static struct tower t;
	u64 base = lab_test_base_seed();
	unsigned int i;
	int failures;

	for (i = 0; i < (lab_test_slow() ? seeds / 10 : seeds); i++) {
		t.seed = base + i;
		t.depth = depth;
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

/*
 * H5: one tag for the disk and one for each loop queue. Who waits for a tag keeps nothing that the holder of the
 * tag needs: it ends. H3: plugged, the full plug's driver submits below while the plug is flushed.
 */
DESIGN_TEST_FLAGS(hazards, H5_one_tag_two_levels, LAB_TEST_F_BARE)
{
	all_schedules(two_levels, 1, 160);
}

DESIGN_TEST_FLAGS(hazards, H3_plug_flushed_into_a_plug, LAB_TEST_F_BARE)
{
	all_schedules(two_levels, 0, 64);
}

/* H1: six devices deep, ends that go on in a worker, one tag each: nothing is lost and nobody waits for ever. */
DESIGN_TEST_FLAGS(hazards, H1_ends_of_six_levels, LAB_TEST_F_BARE)
{
	all_schedules(six_levels, 1, 64);
}
