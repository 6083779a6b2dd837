// SPDX-License-Identifier: GPL-2.0-only
/*
 * The attempt in the submitter's context and its worker: what is punted, what stands, what is held meanwhile
 * (hazards H2 and H7 of the designs' NOTES.md). Each is a scenario that hangs or stops if
 * the rule is broken. H7 in its planted form is in scenarios/tests/scenarios/punt_truncate.c.
 */
#include <linux/kthread.h>
#include <linux/slab.h>
#include <kc/io.h>
#include <kc/world.h>
#include "burst.h"

#define EXTENT_BYTES	16384u

/*
 * First half mapped, second a hole: the first goes at once, the second from the worker, and the bio ends
 * once, whole.
 */
DESIGN_TEST(punt, remainder_goes_to_the_worker)
{
	const struct rig_costs *c = rig_costs();
	struct rig_opts o = { .file_bytes = 1 << 20, .loop = true };
	struct lab_iovec iov;
	struct rig r;
	u64 free_bytes;

	rig_needs_handoff(LAB_HANDOFF_INLINE);
	rig_up(&r, &o);
	lab_expect_eq(lab_punch(r.inode, 65536, 65536), 0);
	free_bytes = lab_fs_free_bytes(r.fs);
	rig_set(r.mem, 0x42, 131072);
	iov = (struct lab_iovec){ r.mem, 131072 };
	kc_probes_reset();
	lab_expect_eq(rig_aio(r.bdev, LAB_WRITE, 0, &iov, 1, 0), 131072);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_PUNTS), 1);
	/* the mapped half, the hole that would have waited, the hole again */
	lab_expect_eq(rig_count(LAB_LOOP, LAB_MAP_CALLS), 3);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_BIOS), 2);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_ALLOC_CMD), c->cmds);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_CLONES), c->clones);
	lab_expect_eq(lab_fs_free_bytes(r.fs), free_bytes - 65536);
	rig_set(r.mem, 0xa5, 131072);
	lab_expect_eq(rig_aio(r.bdev, LAB_READ, 0, &iov, 1, 0), 131072);
	lab_expect_eq(rig_find_other(r.mem, 0x42, 131072), -1);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_PUNTS), 1);
	rig_down(&r);
}

/*
 * A write over mapped, hole, mapped: the first piece goes down from the submitter's context, the rest,
 * which has to allocate, from the worker. Nothing is mapped twice but the place where it stopped.
 */
static void in_the_middle(enum lab_loopq loopq)
{
	struct rig_opts o = {
		.file_bytes = 1 << 20, .fill = 0xee, .loop = true, .knobs = { .loopq = loopq },
	};
	struct lab_iovec iov;
	struct rig r;

	rig_up(&r, &o);
	lab_expect_eq(lab_punch(r.inode, EXTENT_BYTES, EXTENT_BYTES), 0);
	iov = (struct lab_iovec){ r.mem, 3 * EXTENT_BYTES };
	rig_set(r.mem, 0x42, 3 * EXTENT_BYTES);
	kc_probes_reset();
	lab_expect_eq(rig_aio(r.bdev, LAB_WRITE, 0, &iov, 1, 0), 3 * EXTENT_BYTES);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_PUNTS), 1);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_MAP_CALLS), 4);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_SPLITS), 2 * rig_costs()->splits);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_CONVERTS), 1);
	lab_expect_eq(atomic_read(&r.inode->i_dio_count), 0);
	rig_expect_written(&r, r.file, 0, 0x42, 3 * EXTENT_BYTES);
	/* again, now that all is mapped: no punt */
	kc_probes_reset();
	lab_expect_eq(rig_aio(r.bdev, LAB_WRITE, 0, &iov, 1, 0), 3 * EXTENT_BYTES);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_PUNTS), 0);
	rig_down(&r);
}

DESIGN_TEST(punt, in_the_middle)
{
	rig_needs_handoff(LAB_HANDOFF_INLINE);
	in_the_middle(LAB_LOOPQ_BIO);
	in_the_middle(LAB_LOOPQ_MQ);
}

/*
 * H7, the rule: what is punted holds no count. The lock keeps the worker from going on; loop_del() waits
 * for it.
 */
DESIGN_TEST(punt, holds_nothing)
{
	struct rig_opts o = { .file_bytes = 1 << 20, .loop = true, .fs = { .layout = LAB_LAYOUT_SPARSE } };
	struct burst *b;
	struct rig r;

	rig_needs_what(RIG_APART, RIG_ONE_LOCK);
	rig_up(&r, &o);
	b = burst_make(rig_design->loop_bdev(r.loop), REQ_OP_WRITE, 1, 1);
	kc_probes_reset();
	down_write(&r.inode->i_rwsem);
	burst_submit(b, false);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_PUNTS), 1);
	lab_expect_eq(atomic_read(&r.inode->i_dio_count), 0);
	lab_inode_dio_wait(r.inode);
	up_write(&r.inode->i_rwsem);
	rig_loop_down(&r);
	burst_end(b, BLK_STS_OK);
	rig_down(&r);
}

/* The attempt finds the lock taken by another: all of it is punted, nothing before. */
static int hold_lock(void *arg)
{
	struct rig *r = arg;

	down_write(&r->inode->i_rwsem);
	while (!kthread_should_stop())
		yield();
	up_write(&r->inode->i_rwsem);
	return 0;
}

DESIGN_TEST(punt, contended_lock)
{
	struct rig_opts o = { .file_bytes = 1 << 20, .loop = true };
	struct task_struct *holder;
	struct burst *b;
	struct rig r;

	rig_needs_what(RIG_APART, RIG_ONE_LOCK);
	rig_up(&r, &o);
	b = burst_make(rig_design->loop_bdev(r.loop), REQ_OP_WRITE, 8, 1);
	holder = kthread_run(hold_lock, &r, "holder");
	while (!rwsem_is_locked(&r.inode->i_rwsem))
		yield();
	kc_probes_reset();
	burst_submit(b, false);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_PUNTS), 8);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_BIOS), 0);
	lab_expect_eq(atomic_read(&r.inode->i_dio_count), 0);
	kthread_stop(holder);
	rig_wait(&b->done);
	burst_end(b, BLK_STS_OK);
	rig_down(&r);
}

/* H2: what the filesystem above keeps in its task is there again afterwards, and nothing else. */
DESIGN_TEST(punt, task_context_is_put_aside)
{
	struct rig_opts o = { .file_bytes = 1 << 20, .loop = true };
	unsigned int flags = current->flags;
	struct rig r;

	rig_needs_handoff(LAB_HANDOFF_INLINE);
	rig_up(&r, &o);
	current->journal_info = &r;
	burst_run(burst_make(rig_design->loop_bdev(r.loop), REQ_OP_WRITE | REQ_NOWAIT, 2, 1), false);
	lab_expect_eq(rig_io(r.bdev, LAB_WRITE, 0, r.mem, 4096, 0), 4096);
	lab_expect(current->journal_info == &r);
	lab_expect_eq(current->flags, flags);
	lab_expect_eq(current->flags & PF_MEMALLOC_NOIO, 0);
	current->journal_info = NULL;
	rig_down(&r);
}

/*
 * H7: writes to a sparse file through the loop device, which punts them, against truncate and punch of that
 * file.
 */
struct race {
	struct rig rig;
	u64 seed;
};

static int truncater(void *arg)
{
	struct race *race = arg;
	struct rig rand = { .rng = race->seed };
	unsigned int i;

	for (i = 0; i < 6; i++) {
		if (rig_rand(&rand, 2))
			lab_expect_eq(lab_punch(race->rig.inode, 4096 * rig_rand(&rand, 32), 65536), 0);
		else
			lab_expect_eq(lab_truncate(race->rig.inode, 4096 * rig_rand(&rand, 65)), 0);
	}
	while (!kthread_should_stop())
		yield();
	return 0;
}

static void race_fn(void *arg)
{
	struct race *race = arg;
	struct rig_opts o = {
		.disk_bytes = 4 << 20, .file_bytes = 64 * PAGE_SIZE, .loop = true,
		.fs = { .layout = race->seed & 1 ? LAB_LAYOUT_SPARSE : LAB_LAYOUT_UNWRITTEN },
	};
	struct task_struct *t;
	struct burst *b;

	rig_up(&race->rig, &o);
	b = burst_make(rig_design->loop_bdev(race->rig.loop), REQ_OP_WRITE, 24, 1);
	t = kthread_run(truncater, race, "truncater");
	burst_run(b, false);
	kthread_stop(t);
	rig_down(&race->rig);
}

DESIGN_TEST_FLAGS(punt, against_truncate, LAB_TEST_F_BARE)
{
	static struct race race;
	u64 base = lab_test_base_seed();
	int i, failures;

	rig_needs_what(RIG_APART, "our truncate does not wait for its IO: it is counted in another inode");
	for (i = 0; i < (lab_test_slow() ? 10 : 150); i++) {
		race.seed = base + i;
		lab_test_seed(race.seed);
		failures = -1;
#ifdef KC_DET
		lab_expect_eq(kc_run(true, race.seed, NULL, race_fn, &race, &failures), KC_RUN_DONE);
		lab_expect_eq(failures, 0);
#endif
		if (i % 10)
			continue;
		lab_expect_eq(kc_run(false, race.seed, NULL, race_fn, &race, &failures), KC_RUN_DONE);
		lab_expect_eq(failures, 0);
	}
}
