// SPDX-License-Identifier: GPL-2.0-only
/*
 * H6: a filesystem that is frozen under a design. Each write counts once from before its first attempt to its end,
 * though the loop driver tries it in the submitter's context and then from a worker; whoever counts it
 * again waits for a thaw, and the freezer for what was counted first.
 */
#include <linux/kthread.h>
#include <kc/world.h>
#include "../../../../fs-model/fs-internal.h"
#include "burst.h"

#define PART_BYTES	65536u
#define NR_BIOS		(PART_BYTES / PAGE_SIZE)
#define LONG_ENOUGH	64	/* times that another task may run */

static void let_others_run(void)
{
	unsigned int i;

	for (i = 0; i < LONG_ENOUGH; i++)
		yield();
}

/* Exact while nobody asks: who is told that it is frozen was counted for a moment. */
static unsigned int writers(struct rig *r)
{
	return lab_sb_writers(&r->fs->sb);
}

/* ---- something that another task does ------------------------------------------------------- */

struct side {
	int (*fn)(struct rig *r);
	struct rig *r;
	struct task_struct *owner, *task;
	int ret, done;
};

static int side_main(void *arg)
{
	struct side *s = arg;
	struct task_struct *owner = s->owner;

	current->mm = s->r->mm;
	s->ret = s->fn(s->r);
	current->mm = NULL;
	smp_store_release(&s->done, 1);
	wake_up_process(owner);
	return 0;
}

static void side_start(struct side *s, struct rig *r, int (*fn)(struct rig *r))
{
	*s = (struct side){ .fn = fn, .r = r, .owner = current };
	s->task = kthread_run(side_main, s, "side");
}

static int side_end(struct side *s)
{
	rig_wait(&s->done);
	kthread_stop(s->task);
	return s->ret;
}

static int freeze(struct rig *r)
{
	return lab_fs_freeze(r->fs);
}

static int bio_of_one_page(struct rig *r, blk_opf_t opf)
{
	struct bio *bio = bio_alloc(rig_design->loop_bdev(r->loop), 1, opf, GFP_KERNEL);
	struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	int err;

	bio->bi_iter.bi_sector = PAGE_SECTORS;
	if (lab_op_no_data(opf))
		bio->bi_iter.bi_size = PAGE_SIZE;
	else
		__bio_add_page(bio, page, PAGE_SIZE, 0);
	err = submit_bio_wait(bio);
	bio_put(bio);
	__free_page(page);
	return err;
}

static int write_file(struct rig *r)
{
	return rig_io(r->file, LAB_WRITE, 0, r->mem, PAGE_SIZE, 0);
}

static int append_file(struct rig *r)
{
	return rig_io(r->file, LAB_WRITE, 0, r->mem, PAGE_SIZE, LAB_IO_APPEND);
}

static int write_buffered(struct rig *r)
{
	return rig_io(r->file, LAB_WRITE, 0, r->mem, PAGE_SIZE, LAB_IO_BUFFERED);
}

static int write_aio(struct rig *r)
{
	struct lab_iovec iov = { r->mem, PAGE_SIZE };

	return rig_aio(r->file, LAB_WRITE, 0, &iov, 1, 0);
}

static int write_loop(struct rig *r)
{
	return rig_io(r->bdev, LAB_WRITE, 0, r->mem, PAGE_SIZE, LAB_IO_DSYNC);
}

static int discard_loop(struct rig *r)
{
	return bio_of_one_page(r, REQ_OP_DISCARD) ?: PAGE_SIZE;
}

static int zero_loop(struct rig *r)
{
	return bio_of_one_page(r, REQ_OP_WRITE_ZEROES) ?: PAGE_SIZE;
}

static int (*const changes[])(struct rig *r) = {
	write_file, append_file, write_buffered, write_aio, write_loop, discard_loop, zero_loop,
};

/* ---- frozen ------------------------------------------------------------------------------------ */

/* Every way to change the file waits for the thaw, or says so; to read and to flush is allowed. */
DESIGN_TEST(freeze, keeps_changes_out)
{
	struct rig_opts o = { .file_bytes = PART_BYTES, .loop = true, .fs = { .layout = LAB_LAYOUT_SPARSE } };
	unsigned int k, i;

	rig_needs_what(RIG_NO_NOWAIT | RIG_NOWAIT_UNSEEN, "its loop device does not know NOWAIT");
	for (k = 0; k < RIG_KNOB_SETS; k++) {
		struct side s[ARRAY_SIZE(changes)];
		struct lab_trace_counts before, after;
		struct rig r;

		if (!rig_knobs(k, &o.knobs))
			continue;
		rig_up(&r, &o);
		lab_expect_eq(write_file(&r), PAGE_SIZE);
		lab_expect_eq(lab_fs_freeze(r.fs), 0);
		lab_expect_eq(rig_io(r.file, LAB_WRITE, 0, r.mem, PAGE_SIZE, LAB_IO_NOWAIT), -EAGAIN);
		lab_expect_eq(bio_of_one_page(&r, REQ_OP_WRITE | REQ_NOWAIT), -EAGAIN);
		before = rig_seen(&r);
		for (i = 0; i < ARRAY_SIZE(changes); i++)
			side_start(&s[i], &r, changes[i]);
		let_others_run();
		lab_expect_eq(rig_io(r.bdev, LAB_READ, 0, r.mem, PART_BYTES, 0), PART_BYTES);
		lab_expect_eq(rig_io(r.file, LAB_READ, 0, r.mem, PART_BYTES, 0), PART_BYTES);
		lab_expect_eq(rig_design->fsync(r.bdev, true), 0);
		for (i = 0; i < ARRAY_SIZE(changes); i++)
			lab_expect_eq(READ_ONCE(s[i].done), 0);
		after = rig_seen(&r);
		lab_expect_eq(after.bios[REQ_OP_WRITE], before.bios[REQ_OP_WRITE]);
		lab_expect_eq(lab_fs_thaw(r.fs), 0);
		for (i = 0; i < ARRAY_SIZE(changes); i++)
			lab_expect_eq(side_end(&s[i]), PAGE_SIZE);
		lab_expect_eq(writers(&r), 0);
		rig_down(&r);
	}
}

/*
 * The same of each change alone, for designs too whose one thread stands still with the first that waits, and which do
 * not know NOWAIT: while it waits nothing is written, and files are read.
 */
DESIGN_TEST(freeze, keeps_each_change_out)
{
	struct rig_opts o = { .file_bytes = PART_BYTES, .loop = true, .fs = { .layout = LAB_LAYOUT_SPARSE } };
	unsigned int i, turns;
	struct side s;
	struct rig r;
	u64 seen;

	rig_needs_what(RIG_APART, RIG_ONE_TASK);
	rig_up(&r, &o);
	lab_expect_eq(write_file(&r), PAGE_SIZE);
	for (i = 0; i < ARRAY_SIZE(changes); i++) {
		bool by_loop = changes[i] == write_loop || changes[i] == discard_loop || changes[i] == zero_loop;

		if ((by_loop && rig_lacks(RIG_LOOP_NO_FREEZE)) || (changes[i] == zero_loop && rig_lacks(RIG_NO_ZEROES)))
			continue;
		lab_expect_eq(lab_fs_freeze(r.fs), 0);
		seen = rig_seen(&r).bios[REQ_OP_WRITE];
		side_start(&s, &r, changes[i]);
		for (turns = 0; turns < 8; turns++)	/* a discard goes through two tasks, and comes back */
			let_others_run();
		lab_expect_eq(READ_ONCE(s.done), 0);
		lab_expect_eq(rig_io(r.file, LAB_READ, 0, r.mem, PART_BYTES, 0), PART_BYTES);
		lab_expect_eq(rig_seen(&r).bios[REQ_OP_WRITE], seen);
		lab_expect_eq(lab_fs_thaw(r.fs), 0);
		lab_expect_eq(side_end(&s), PAGE_SIZE);
		lab_expect_eq(writers(&r), 0);
	}
	rig_down(&r);
}

/* Bytes of the file from @pos on that have a block. */
static u64 blocks_from(struct rig *r, loff_t pos)
{
	loff_t size = i_size_read(r->inode);
	struct lab_extent ext;
	u64 bytes = 0;

	for (; pos < size; pos += ext.len_bytes) {
		lab_expect_eq(lab_map(r->inode, pos, size - pos, 0, &ext), 0);
		bytes += ext.type == LAB_HOLE ? 0 : ext.len_bytes;
	}
	return bytes;
}

/*
 * More than there is room for, past the block that fails, from the hole on that the discard left. Who leaves a hole
 * to the page cache goes on there, and says how much that took: every block there is.
 */
static void fill_the_disk(struct rig *r)
{
	u64 room = lab_fs_free_bytes(r->fs) + blocks_from(r, PAGE_SIZE);
	ssize_t ret = rig_io(r->file, LAB_WRITE, PAGE_SIZE, r->mem, 2 << 20, 0);

	lab_expect_gt(room, 0);
	if (!rig_lacks(RIG_HOLES_CACHED)) {
		lab_expect_eq(ret, -ENOSPC);
		return;
	}
	lab_expect_eq(ret, room);
	lab_expect_eq(lab_fs_free_bytes(r->fs), 0);
}

/* Whatever becomes of a write, its count goes with it. */
DESIGN_TEST(freeze, count_goes_with_the_write)
{
	struct rig_opts o = { .file_bytes = PART_BYTES, .disk_bytes = 1 << 20, .loop = true, .fault = "eio@0+4k" };
	unsigned int i;
	struct rig r;

	rig_up(&r, &o);
	for (i = 0; i < ARRAY_SIZE(changes); i++) {
		changes[i](&r);
		lab_expect_eq(writers(&r), 0);
	}
	lab_expect_eq(rig_io(r.file, LAB_WRITE, 0, r.mem, 100, 0), -EINVAL);
	lab_expect_eq(rig_io(r.file, LAB_WRITE, 0, 0, PAGE_SIZE, 0), -EFAULT);
	lab_expect_eq(rig_io(r.file, LAB_WRITE, LAB_MAX_FILE_BYTES, r.mem, PAGE_SIZE, 0), -EFBIG);
	fill_the_disk(&r);
	lab_expect_eq(writers(&r), 0);
	rig_down(&r);
}

/* ---- freeze while writes are under way --------------------------------------------------------- */

/*
 * Writes wait for the file's lock, in the driver's worker: tried once, punted, each counted once at most. The freeze
 * waits for those that have begun; while it holds nothing is written; the rest goes on after the thaw.
 */
DESIGN_TEST(freeze, waits_for_what_was_punted)
{
	struct rig_opts o = { .file_bytes = 1 << 20, .loop = true, .fs = { .layout = LAB_LAYOUT_SPARSE } };
	unsigned int k;

	rig_needs_handoff(LAB_HANDOFF_INLINE);
	for (k = 0; k < RIG_KNOB_SETS; k++) {
		struct side freezer;
		struct burst *b;
		struct rig r;
		u64 seen;

		if (!rig_knobs(k, &o.knobs))
			continue;
		rig_up(&r, &o);
		b = burst_make(rig_design->loop_bdev(r.loop), REQ_OP_WRITE, NR_BIOS, 1);
		down_write(&r.inode->i_rwsem);
		burst_submit(b, false);
		let_others_run();
		lab_expect_gt(writers(&r), 0);
		lab_expect_le(writers(&r), NR_BIOS);
		side_start(&freezer, &r, freeze);
		let_others_run();
		lab_expect_eq(READ_ONCE(freezer.done), 0);
		up_write(&r.inode->i_rwsem);
		lab_expect_eq(side_end(&freezer), 0);
		lab_expect_eq(atomic_read(&r.inode->i_dio_count), 0);
		seen = rig_seen(&r).bios[REQ_OP_WRITE];
		let_others_run();
		lab_expect_eq(rig_seen(&r).bios[REQ_OP_WRITE], seen);
		lab_expect_eq(lab_fs_thaw(r.fs), 0);
		rig_wait(&b->done);
		burst_end(b, BLK_STS_OK);
		lab_expect_eq(writers(&r), 0);
		rig_expect_written(&r, r.file, 0, BURST_BYTE, PART_BYTES);
		rig_down(&r);
	}
}

/* ---- every schedule ------------------------------------------------------------------------------ */

#define BIO_PAGES	2u

struct race {
	struct rig rig;
	u64 seed;
};

static int freeze_and_thaw(void *arg)
{
	struct race *race = arg;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		lab_expect_eq(lab_fs_freeze(race->rig.fs), 0);
		lab_expect_eq(atomic_read(&race->rig.inode->i_dio_count), 0);
		yield();
		lab_expect_eq(atomic_read(&race->rig.inode->i_dio_count), 0);
		lab_expect_eq(lab_fs_thaw(race->rig.fs), 0);
		yield();
	}
	while (!kthread_should_stop())
		yield();
	return 0;
}

/* Each write is half mapped, half a hole: begun in the submitter's context, ended from the worker. */
static void race_writes(struct race *race)
{
	struct lab_iovec iov = { race->rig.mem, BIO_PAGES * PAGE_SIZE };
	struct rig_slot slot[12];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(slot); i++)
		rig_start(&slot[i], race->rig.bdev, LAB_WRITE, i * iov.len_bytes, &iov, 1, 0);
	for (i = 0; i < ARRAY_SIZE(slot); i++)
		lab_expect_eq(rig_finish(&slot[i]), iov.len_bytes);
	lab_expect_eq(discard_loop(&race->rig), PAGE_SIZE);
	lab_expect_eq(append_file(&race->rig), PAGE_SIZE);
}

static void race_fn(void *arg)
{
	struct race *race = arg;
	struct rig_opts o = {
		.disk_bytes = 4 << 20, .file_bytes = 64 * PAGE_SIZE, .loop = true,
		.knobs = { .loopq = race->seed & 1 ? LAB_LOOPQ_MQ : LAB_LOOPQ_BIO },
	};
	struct task_struct *t;
	unsigned int i;

	rig_up(&race->rig, &o);
	for (i = 0; i < 12; i++)
		lab_expect_eq(lab_punch(race->rig.inode, (BIO_PAGES * i + 1) * PAGE_SIZE, PAGE_SIZE), 0);
	t = kthread_run(freeze_and_thaw, race, "freezer");
	race_writes(race);
	kthread_stop(t);
	lab_expect_eq(writers(&race->rig), 0);
	rig_down(&race->rig);
}

/* A kthread that is stopped before it ran does not run: then nothing was frozen, which other seeds make up for. */
DESIGN_TEST_FLAGS(freeze, during_a_punt, LAB_TEST_F_BARE)
{
	static struct race race;
	u64 base = lab_test_base_seed();
	int i, failures;

	rig_needs_what(RIG_LOOP_NO_FREEZE, "its loop driver, as 6.1's, takes no part in a freeze");
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
