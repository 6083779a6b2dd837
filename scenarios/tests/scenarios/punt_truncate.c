// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hazard H7: a write that the loop driver has handed to its worker, against truncate.
 *
 * Truncate holds i_rwsem exclusively and waits until no direct IO is in flight (i_dio_count). The worker
 * must take i_rwsem to go on with the write. So a punted write that still holds a count waits for truncate,
 * and truncate for it. The design drops counts piece by piece and holds none while it is punted;
 * bio-first-h7 is the same source with LAB_PLANT_H7, which holds one from the first attempt to the end, and
 * must be found to hang.
 *
 * Each seed is a run of its own on the det engine: a file of mapped and missing extents, a writer and a
 * truncater that race, then a look at every byte: it is the writer's, or zero.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/kthread.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <kc/umem.h>
#include <kc/world.h>
#include <lab/disk.h>
#include <lab/fs.h>
#include "design.h"
#include "host.h"
#include "lab_test.h"
#include "matrix.h"

extern const struct design design_bio_first, design_bio_first_h7;

#define SEEDS		1000u
#define SEEDS_SLOW	60u
#define FILE_BYTES	(128u << 10)
#define CUT_BYTES	(56u << 10)	/* in the middle of a bio */
#define BIO_BYTES	(16u << 10)
#define NR_BIOS		(FILE_BYTES / BIO_BYTES)
#define BIO_PAGES	(BIO_BYTES / PAGE_SIZE)
#define WRITTEN		0x42

static const struct design *design_now;

struct race {
	struct inode *inode;
	struct lab_file *file;
	struct lab_loop *loop;
	struct page *page;
	bool punch;
	struct completion began;	/* a kthread that is stopped before it runs never runs */
};

/* Each bio crosses the border between a mapped extent and a hole: a first piece, then a punt. */
static int race_write(void *arg)
{
	struct race *race = arg;
	struct block_device *bdev = design_now->loop_bdev(race->loop);
	unsigned int i, p;

	complete(&race->began);
	for (i = 0; i < NR_BIOS; i++) {
		struct bio *bio = bio_alloc(bdev, BIO_PAGES, REQ_OP_WRITE, GFP_KERNEL);

		bio->bi_iter.bi_sector = i * (BIO_BYTES >> SECTOR_SHIFT);
		for (p = 0; p < BIO_PAGES; p++)
			__bio_add_page(bio, race->page, PAGE_SIZE, 0);
		lab_expect_eq(submit_bio_wait(bio), 0);
		bio_put(bio);
	}
	return 0;
}

static int race_cut(void *arg)
{
	struct race *race = arg;

	complete(&race->began);
	if (race->punch)
		return lab_punch(race->inode, CUT_BYTES, BIO_BYTES);
	return lab_truncate(race->inode, CUT_BYTES) ?: lab_truncate(race->inode, FILE_BYTES);
}

/* Block by block, what is in the file is the writer's or zero; before the cut it is all the writer's. */
static void race_judge(struct race *race)
{
	struct mm_struct *mm = kc_mm_create();
	unsigned long mem = kc_mmap(mm, FILE_BYTES, KC_PROT_READ | KC_PROT_WRITE, 0);
	struct lab_iovec iov = { .base = mem, .len_bytes = FILE_BYTES };
	struct lab_io io = { .rw = LAB_READ, .iov = &iov, .nr_segs = 1 };
	u8 *buf = kmalloc(PAGE_SIZE, GFP_KERNEL);
	unsigned int at, i;

	lab_expect(mem && buf);
	current->mm = mm;
	lab_expect_eq(i_size_read(race->inode), FILE_BYTES);
	lab_expect_eq(design_now->submit(race->file, &io), FILE_BYTES);
	for (at = 0; at < FILE_BYTES; at += PAGE_SIZE) {
		lab_expect_eq(copy_from_user(buf, (void __user *)(mem + at), PAGE_SIZE), 0);
		lab_expect(buf[0] == WRITTEN || (buf[0] == 0 && at >= CUT_BYTES));
		for (i = 1; i < PAGE_SIZE; i++)
			lab_expect_eq(buf[i], buf[0]);
	}
	current->mm = NULL;
	kfree(buf);
	kc_mm_destroy(mm);
}

static void race_run(void *arg)
{
	struct lab_fs_opts fs_opts = { .layout = LAB_LAYOUT_CONTIGUOUS };
	struct lab_knobs knobs = scen_knobs(design_now, *(u64 *)arg & 2 ? LAB_LOOPQ_MQ : LAB_LOOPQ_BIO);
	struct lab_loop_opts loop_opts = { };
	struct race race = { .punch = *(u64 *)arg & 1 };
	struct task_struct *writer, *cutter;
	struct block_device *bdev;
	struct lab_fs *fs;
	unsigned int i;

	lab_expect_eq(design_now->init(&knobs), 0);
	bdev = lab_ram_create(1 << 20, NULL);
	lab_expect(!IS_ERR(bdev));
	fs = lab_fs_create(bdev, &fs_opts);
	lab_expect(!IS_ERR(fs));
	race.inode = lab_inode_create(fs, FILE_BYTES);
	for (i = 0; i < NR_BIOS; i++)
		lab_expect_eq(lab_punch(race.inode, i * BIO_BYTES + BIO_BYTES / 2, BIO_BYTES / 4), 0);
	race.file = design_now->open_file(race.inode);
	race.loop = design_now->loop_add(race.file, &loop_opts);
	lab_expect(!IS_ERR(race.loop));
	race.page = alloc_page(GFP_KERNEL);
	memset(page_address(race.page), WRITTEN, PAGE_SIZE);

	init_completion(&race.began);
	writer = kthread_run(race_write, &race, "writer");
	cutter = kthread_run(race_cut, &race, "cutter");
	wait_for_completion(&race.began);
	wait_for_completion(&race.began);
	lab_expect_eq(kthread_stop(writer), 0);
	lab_expect_eq(kthread_stop(cutter), 0);
	race_judge(&race);

	design_now->loop_del(race.loop);
	design_now->close(race.file);
	__free_page(race.page);
	lab_fs_destroy(fs);
	lab_bdev_destroy(bdev);
	design_now->exit();
}

static enum kc_run_status race_seed(u64 seed)
{
	struct kc_world_opts opts = { .ram_bytes = 8 << 20 };
	enum kc_run_status status;
	int failures = -1;

	lab_test_seed(seed);
	status = kc_run(true, seed, &opts, race_run, &seed, &failures);
	if (status == KC_RUN_DONE)
		lab_expect_eq(failures, 0);
	return status;
}

/* Everybody hangs on everybody, within the first seeds; 0: never. */
static unsigned int first_hang(const struct design *design)
{
	unsigned int seeds = lab_test_slow() ? SEEDS_SLOW : SEEDS, seed;

	if (!host_engine_built(HOST_DET))
		lab_test_skip("no det engine in this build");
	design_now = design;
	for (seed = 1; seed <= seeds; seed++) {
		enum kc_run_status status = race_seed(seed);

		if (status == KC_RUN_DEADLOCK)
			return seed;
		lab_expect_eq(status, KC_RUN_DONE);
	}
	return 0;
}

LAB_TEST_BARE(punt_truncate, never_hangs)
{
	lab_expect_eq(first_hang(&design_bio_first), 0);
}

LAB_TEST_BARE(punt_truncate, count_held_across_the_punt_hangs)
{
	lab_expect_gt(first_hang(&design_bio_first_h7), 0);
}
