// SPDX-License-Identifier: GPL-2.0-only
/*
 * Freeze: nobody writes while it holds, nobody sleeps for ever, and one IO counts once, wherever it began and
 * wherever it ends.
 */
#include <linux/sched.h>
#include <kc/world.h>
#include "../../../fs-model/fs-internal.h"
#include "on_disk.h"

#define WRITERS		4u
#define FILE_BYTES	(8u * LAB_BLOCK_BYTES)

static void frozen_open(struct on_disk *f, enum test_dev_kind kind, const char *fault)
{
	struct lab_fs_opts opts = { .layout = LAB_LAYOUT_SPARSE };

	test_dev_open(&f->dev, kind, TEST_DISK_BYTES, NULL);
	on_disk_fill(f, fault, &opts, FILE_BYTES, 0);
}

/* ---- one after the other ------------------------------------------------------------------- */

LAB_TEST(freeze, keeps_writes_out_until_the_thaw)
{
	struct on_disk f;

	frozen_open(&f, TEST_RAM, NULL);
	lab_expect_eq(lab_fs_thaw(f.fs), -EINVAL);
	lab_expect_eq(lab_sb_start_write(f.inode, false), 0);
	lab_expect_eq(lab_sb_start_write(f.inode, true), 0);
	lab_expect_eq(lab_sb_writers(&f.fs->sb), 2);
	lab_sb_end_write(f.inode);
	lab_sb_end_write(f.inode);
	lab_expect_eq(lab_fs_freeze(f.fs), 0);
	lab_expect_eq(lab_fs_freeze(f.fs), -EBUSY);
	kc_nowait_begin();
	lab_expect_eq(lab_sb_start_write(f.inode, true), -EAGAIN);
	kc_nowait_end();
	lab_expect_eq(lab_sb_writers(&f.fs->sb), 0);	/* what failed left nothing behind */
	lab_expect_eq(lab_fs_thaw(f.fs), 0);
	lab_expect_eq(lab_fs_thaw(f.fs), -EINVAL);
	lab_expect_eq(lab_sb_start_write(f.inode, true), 0);
	lab_sb_end_write(f.inode);
	on_disk_close(&f);
}

static void dirty_block(struct on_disk *f, u32 blk)
{
	struct page *page;

	lab_expect_eq(lab_sb_start_write(f->inode, false), 0);
	down_write(&f->inode->i_rwsem);
	lab_expect_eq(lab_write_begin(f->inode, (u64)blk * PAGE_SIZE, PAGE_SIZE, &page), 0);
	memset(page_address(page), 0x42, PAGE_SIZE);
	lab_expect_eq(lab_write_end(f->inode, page, (u64)blk * PAGE_SIZE, PAGE_SIZE, PAGE_SIZE), PAGE_SIZE);
	up_write(&f->inode->i_rwsem);
	lab_sb_end_write(f->inode);
}

LAB_TEST(freeze, leaves_nothing_dirty)
{
	struct on_disk f;

	frozen_open(&f, TEST_RAM, NULL);
	dirty_block(&f, 2);
	lab_expect(lab_meta_dirty(f.inode));
	lab_expect_eq(lab_fs_freeze(f.fs), 0);
	lab_expect(!lab_cache_is_dirty(f.inode, 0, FILE_BYTES));
	lab_expect(!lab_meta_dirty(f.inode));
	lab_expect_eq(atomic_read(&lab_i(f.inode)->wrote), 0);
	lab_expect_eq(lab_fs_thaw(f.fs), 0);
	on_disk_close(&f);
}

LAB_TEST(freeze, that_cannot_write_back_is_none)
{
	struct on_disk f;

	frozen_open(&f, TEST_RAM, "eio@0+4k");
	dirty_block(&f, 0);
	lab_expect_eq(lab_fs_freeze(f.fs), -EIO);
	lab_expect_eq(lab_fs_thaw(f.fs), -EINVAL);
	lab_expect_eq(lab_sb_start_write(f.inode, true), 0);
	lab_sb_end_write(f.inode);
	lab_expect_eq(lab_cache_sync(f.inode, &f.inode->i_mapping->wb_told), -EIO);	/* still fsync's to tell */
	lab_expect_eq(lab_fs_freeze(f.fs), 0);
	lab_expect_eq(lab_fs_thaw(f.fs), 0);
	on_disk_close(&f);
}

/* ---- writers, their ends elsewhere, and a freezer ------------------------------------------- */

/*
 * @inside: writes that have begun and not ended. @owed: ends that the other task owes. @over: writers that
 * have gone.
 */
struct race {
	struct on_disk f;
	unsigned int rounds;
	bool twice;
	atomic_t inside, owed, over;
	wait_queue_head_t wait;
};

static void begin_writes(void *arg)
{
	struct race *r = arg;
	unsigned int i;

	for (i = 0; i < r->rounds; i++) {
		if (lab_sb_start_write(r->f.inode, i % 3 == 0))
			continue;		/* frozen, and this one does not wait */
		atomic_inc(&r->inside);
		if (i & 1) {			/* another task will end it */
			atomic_inc_return(&r->owed);
			wake_up(&r->wait);
			continue;
		}
		yield();
		atomic_dec(&r->inside);
		lab_sb_end_write(r->f.inode);
	}
	atomic_inc_return(&r->over);
	wake_up(&r->wait);
}

/* The worker that writes are handed to. @twice: it thinks that it must ask, too. */
static void end_writes(void *arg)
{
	struct race *r = arg;

	for (;;) {
		wait_event(r->wait, atomic_read_acquire(&r->owed) || atomic_read_acquire(&r->over) == WRITERS);
		if (!atomic_read_acquire(&r->owed))
			return;
		atomic_dec_return(&r->owed);
		if (r->twice) {
			lab_expect_eq(lab_sb_start_write(r->f.inode, false), 0);
			lab_sb_end_write(r->f.inode);
		}
		atomic_dec(&r->inside);
		lab_sb_end_write(r->f.inode);
	}
}

static void freeze_rounds(struct race *r)
{
	unsigned int i;

	for (i = 0; i < r->rounds; i++) {
		lab_expect_eq(lab_fs_freeze(r->f.fs), 0);
		lab_expect_eq(atomic_read(&r->inside), 0);
		yield();
		lab_expect_eq(atomic_read(&r->inside), 0);
		lab_expect_eq(lab_fs_thaw(r->f.fs), 0);
		yield();
	}
}

static void race_run(struct race *r)
{
	struct test_task writer[WRITERS], ender;
	unsigned int i;

	frozen_open(&r->f, TEST_RAM, NULL);
	init_waitqueue_head(&r->wait);
	atomic_set(&r->inside, 0);
	atomic_set(&r->owed, 0);
	atomic_set(&r->over, 0);
	for (i = 0; i < WRITERS; i++)
		test_task_start(&writer[i], begin_writes, r);
	test_task_start(&ender, end_writes, r);
	freeze_rounds(r);
	for (i = 0; i < WRITERS; i++)
		test_task_join(&writer[i]);
	test_task_join(&ender);
	lab_expect_eq(lab_sb_writers(&r->f.fs->sb), 0);
	on_disk_close(&r->f);
}

LAB_TEST(freeze, nobody_is_inside_while_it_holds)
{
	struct race r = { .rounds = lab_test_slow() ? 200 : 2000 };

	race_run(&r);
}

static void race_once(void *arg)
{
	struct race r = { .rounds = 6 };

	race_run(&r);
}

/* Each seed another order; a wakeup that is missed ends as a deadlock. */
LAB_TEST_BARE(freeze, no_wakeup_is_lost)
{
	struct kc_world_opts opts = { .ram_bytes = 16 << 20 };
	u64 seed, nr = lab_test_slow() ? 20 : 100;
	int failures;

	if (!host_engine_built(HOST_DET))
		lab_test_skip("this build has no det engine");
	for (seed = 0; seed < nr; seed++) {
		lab_test_seed(seed);
		failures = -1;
		lab_expect_eq(kc_run(true, seed, &opts, race_once, NULL, &failures), KC_RUN_DONE);
		lab_expect_eq(failures, 0);
	}
}

/* ---- hazard H6 ------------------------------------------------------------------------------- */

/* A write that is tried, handed to a worker, and goes on there; a freeze comes between. */
static void punt(void *arg)
{
	bool twice = *(bool *)arg;
	struct test_task worker;
	struct race r = { .twice = twice };

	frozen_open(&r.f, TEST_RAM, NULL);
	init_waitqueue_head(&r.wait);
	atomic_set(&r.inside, 1);
	atomic_set(&r.owed, 1);
	atomic_set(&r.over, WRITERS);
	lab_expect_eq(lab_sb_start_write(r.f.inode, true), 0);
	test_task_start(&worker, end_writes, &r);
	lab_expect_eq(lab_fs_freeze(r.f.fs), 0);
	lab_expect_eq(atomic_read(&r.inside), 0);
	lab_expect_eq(lab_fs_thaw(r.f.fs), 0);
	test_task_join(&worker);
	on_disk_close(&r.f);
}

static unsigned int punts_that_hang(bool twice)
{
	unsigned int nr = lab_test_slow() ? 20 : 50, hung = 0;
	struct kc_world_opts opts = { .ram_bytes = 16 << 20 };
	u64 seed;

	if (!host_engine_built(HOST_DET))
		lab_test_skip("this build has no det engine");
	for (seed = 0; seed < nr; seed++) {
		int failures = -1;
		enum kc_run_status status;

		lab_test_seed(seed);
		status = kc_run(true, seed, &opts, punt, &twice, &failures);
		hung += status == KC_RUN_DEADLOCK;
		if (status != KC_RUN_DEADLOCK)
			lab_expect_eq(status, KC_RUN_DONE);
	}
	return hung;
}

LAB_TEST_BARE(freeze, during_a_punt_waits_for_it)
{
	lab_expect_eq(punts_that_hang(false), 0);
}

LAB_TEST_BARE(freeze, worker_that_asks_again_hangs)
{
	lab_expect_gt(punts_that_hang(true), 0);
}

/* ---- the end where the disk says it ------------------------------------------------------------ */

struct one_write {
	struct bio *bio;
	struct on_disk *f;
	atomic_t done;
};

static void write_ended(struct bio *bio)
{
	struct one_write *w = bio->bi_private;

	atomic_set_release(&w->done, 1);
	lab_sb_end_write(w->f->inode);
}

LAB_TEST(freeze, waits_for_the_disk)
{
	void *buf = test_pages(PAGE_SIZE);
	struct one_write w;
	struct on_disk f;
	u32 round;

	frozen_open(&f, TEST_DISK, NULL);
	w.f = &f;
	for (round = 0; round < 50; round++) {
		atomic_set(&w.done, 0);
		w.bio = bio_alloc(f.dev.bdev, 1, REQ_OP_WRITE, GFP_KERNEL);
		__bio_add_page(w.bio, virt_to_page(buf), PAGE_SIZE, 0);
		w.bio->bi_private = &w;
		w.bio->bi_end_io = write_ended;
		lab_expect_eq(lab_sb_start_write(f.inode, false), 0);
		submit_bio(w.bio);
		lab_expect_eq(lab_fs_freeze(f.fs), 0);
		lab_expect_eq(atomic_read_acquire(&w.done), 1);
		lab_expect_eq(lab_fs_thaw(f.fs), 0);
		bio_put(w.bio);
	}
	on_disk_close(&f);
	test_free_pages(buf, PAGE_SIZE);
}
