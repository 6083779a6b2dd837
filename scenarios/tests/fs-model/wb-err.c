// SPDX-License-Identifier: GPL-2.0-only
/*
 * Errors of write-back: who is told, how often, and that a write that had to reach the disk knows when it did not,
 * whoever lost its page.
 */
#include <linux/sched.h>
#include <kc/fault.h>
#include <kc/world.h>
#include "../../../fs-model/fs-internal.h"
#include "cached.h"
#include "on_disk.h"

#define NR_PAGES	(LAB_CACHE_MAX_DIRTY + 40)
#define BYTES		(NR_PAGES * PAGE_SIZE)
#define DISK_BYTES	(8u << 20)
#define BAD		1u			/* the page that the disk does not take */
#define FAULT		"eio@4k+4k"

static void wb_open(struct on_disk *c, const char *fault, bool flusher)
{
	struct lab_fs_opts opts = { .layout = LAB_LAYOUT_CONTIGUOUS, .flusher = flusher };

	test_dev_open(&c->dev, TEST_RAM, DISK_BYTES, NULL);
	on_disk_fill(c, fault, &opts, BYTES, BYTES);
}

/* Page @nr is written to, and back, by somebody who tells nobody. */
static void lose(struct on_disk *c, unsigned int nr, int err)
{
	lab_expect_eq(cache_pwrite(c->inode, (loff_t)nr * PAGE_SIZE, c->want, PAGE_SIZE), 0);
	lab_expect_eq(lab_cache_write(c->inode, 0, BYTES), err);
}

LAB_TEST(wb_err, each_who_has_it_open_is_told_once)
{
	errseq_t a, b, late;
	struct on_disk c;

	wb_open(&c, FAULT, false);
	a = lab_wb_sample(c.inode);
	b = lab_wb_sample(c.inode);
	lose(&c, 0, 0);
	lab_expect_eq(lab_cache_sync(c.inode, &a), 0);
	lose(&c, BAD, -EIO);
	lab_expect_eq(lab_cache_sync(c.inode, &a), -EIO);
	lab_expect_eq(lab_cache_sync(c.inode, &a), 0);
	late = lab_wb_sample(c.inode);
	lab_expect_eq(lab_wb_check(c.inode, &late), 0);
	lab_expect_eq(lab_cache_sync(c.inode, &b), -EIO);
	lab_expect_eq(lab_cache_sync(c.inode, &b), 0);
	lose(&c, BAD, -EIO);
	lab_expect_eq(lab_wb_check(c.inode, &late), -EIO);
	lab_expect_eq(lab_wb_check(c.inode, &a), -EIO);
	on_disk_close(&c);
}

LAB_TEST(wb_err, from_before_it_was_opened_if_nobody_was_told)
{
	errseq_t first, late;
	struct on_disk c;

	wb_open(&c, FAULT, false);
	first = lab_wb_sample(c.inode);
	lose(&c, BAD, -EIO);
	late = lab_wb_sample(c.inode);
	lab_expect_eq(lab_cache_sync(c.inode, &late), -EIO);
	late = lab_wb_sample(c.inode);
	lab_expect_eq(lab_cache_sync(c.inode, &late), 0);
	lab_expect_eq(lab_cache_sync(c.inode, &first), -EIO);
	on_disk_close(&c);
}

/* The rule before 4.13: whoever asks first. */
LAB_TEST(wb_err, who_shares_a_sample_shares_the_telling)
{
	errseq_t *told;
	struct on_disk c;

	wb_open(&c, FAULT, false);
	told = &c.inode->i_mapping->wb_told;
	lose(&c, BAD, -EIO);
	lab_expect_eq(lab_wb_check(c.inode, told), -EIO);
	lab_expect_eq(lab_wb_check(c.inode, told), 0);
	lab_expect_eq(lab_cache_sync(c.inode, told), 0);
	on_disk_close(&c);
}

/* Another inode's are another inode's. */
LAB_TEST(wb_err, of_this_inode)
{
	struct inode *other;
	struct on_disk c;
	errseq_t seen;

	wb_open(&c, FAULT, false);
	other = lab_inode_create(c.fs, PAGE_SIZE);
	lab_expect(!IS_ERR(other));
	seen = lab_wb_sample(other);
	lose(&c, BAD, -EIO);
	lab_expect_eq(lab_cache_sync(other, &seen), 0);
	lab_expect_eq(lab_wb_count(other), 0);
	on_disk_close(&c);
}

/* ---- a write that must know ---------------------------------------------------------------------- */

/* Its own page went out on the way, since too many were dirty. */
LAB_TEST(wb_err, write_that_wrote_back_on_the_way)
{
	struct on_disk c;
	errseq_t seen;
	u32 errors;

	wb_open(&c, FAULT, false);
	seen = lab_wb_sample(c.inode);
	errors = lab_wb_count(c.inode);
	lab_expect_eq(cache_pwrite(c.inode, 0, c.want, BYTES), 0);
	lab_expect(!lab_cache_is_dirty(c.inode, BAD * PAGE_SIZE, PAGE_SIZE));
	lab_expect_eq(lab_cache_write_since(c.inode, 0, BYTES, errors, &seen), -EIO);
	lab_expect_eq(lab_wb_check(c.inode, &seen), 0);		/* it has been told by that */
	on_disk_close(&c);
}

/* What was before it began does not concern it, whether somebody was told or not; nor is it told by this. */
LAB_TEST(wb_err, write_that_began_after_the_error)
{
	struct on_disk c;
	errseq_t seen;
	u32 errors;

	wb_open(&c, FAULT, false);
	seen = lab_wb_sample(c.inode);
	lose(&c, BAD, -EIO);
	errors = lab_wb_count(c.inode);
	lab_expect_eq(cache_pwrite(c.inode, 0, c.want, PAGE_SIZE), 0);
	lab_expect_eq(lab_cache_write_since(c.inode, 0, PAGE_SIZE, errors, &seen), 0);
	lab_expect_eq(lab_wb_check(c.inode, &seen), -EIO);
	on_disk_close(&c);
}

/* ---- several at once -------------------------------------------------------------------------------- */

struct crowd {
	struct on_disk c;
	errseq_t shared;		/* the writer's, and of one who syncs */
	atomic_t writing;
	unsigned int told;		/* to the other one who syncs */
};

static void crowd_writes(void *arg)
{
	struct crowd *cr = arg;
	u32 errors = lab_wb_count(cr->c.inode);

	lab_expect_eq(cache_pwrite(cr->c.inode, 0, cr->c.want, 4 * PAGE_SIZE), 0);
	lab_expect_eq(lab_cache_write_since(cr->c.inode, 0, 4 * PAGE_SIZE, errors, &cr->shared), -EIO);
	atomic_set(&cr->writing, 0);
}

static void crowd_syncs(void *arg)
{
	struct crowd *cr = arg;
	errseq_t seen = lab_wb_sample(cr->c.inode);
	bool writing;

	do {
		writing = atomic_read(&cr->writing);
		cr->told += lab_cache_sync(cr->c.inode, &seen) != 0;
		yield();
	} while (writing);
}

static void crowd_syncs_too(void *arg)
{
	struct crowd *cr = arg;

	while (atomic_read(&cr->writing)) {
		lab_cache_sync(cr->c.inode, &cr->shared);
		lab_cache_start_writeback(cr->c.inode);
		yield();
	}
}

static void crowd_run(void *arg)
{
	void (*const fn[])(void *arg) = { crowd_syncs, crowd_writes, crowd_syncs_too };
	struct crowd cr = { .writing = ATOMIC_INIT(1) };
	struct test_task task[ARRAY_SIZE(fn)];
	unsigned int i;

	wb_open(&cr.c, FAULT, true);
	cr.shared = lab_wb_sample(cr.c.inode);
	for (i = 0; i < ARRAY_SIZE(fn); i++)
		test_task_start(&task[i], fn[i], &cr);
	for (i = 0; i < ARRAY_SIZE(fn); i++)
		test_task_join(&task[i]);
	lab_expect_eq(lab_wb_count(cr.c.inode), 1);
	lab_expect_le(cr.told, 1);		/* 0: it was told, and its sample taken, before this one's */
	lab_expect_eq(lab_wb_check(cr.c.inode, &cr.shared), 0);
	on_disk_close(&cr.c);
}

/* Whoever pushes the page out, and whoever is told first: the write hears of it. */
LAB_TEST_BARE(wb_err, write_knows_on_every_schedule)
{
	struct kc_world_opts opts = { .ram_bytes = 32 << 20 };
	u64 seed, nr = lab_test_slow() ? 4 : 60;
	int failures;

	for (seed = 0; seed < nr; seed++) {
		lab_test_seed(seed);
		failures = -1;
		lab_expect_eq(kc_run(host_engine_built(HOST_DET) && seed % 4, seed, &opts, crowd_run, NULL, &failures),
			      KC_RUN_DONE);
		lab_expect_eq(failures, 0);
	}
}

/* ---- written, and no memory to say so -------------------------------------------------------------- */

#define EXTENTS_FULL	(LAB_LEAF_EXTENTS / 2 * 2 + 1)	/* one leaf of the map, which has no room for another extent */

/*
 * The data is on disk, and the map cannot be told: the block stays unwritten and reads as zeros once its page is
 * gone. It is lost, as where a write fails, and told as that: to each who has the file open.
 */
LAB_TEST(wb_err, conversion_without_memory)
{
	struct lab_fs_opts opts = { .layout = LAB_LAYOUT_UNWRITTEN };
	loff_t at = (EXTENTS_FULL + 2) * PAGE_SIZE;
	struct lab_extent e;
	errseq_t a, b;
	struct on_disk c;
	unsigned int i;

	test_dev_open(&c.dev, TEST_RAM, DISK_BYTES, NULL);
	on_disk_fill(&c, NULL, &opts, BYTES, BYTES);
	for (i = 1; lab_inode_nr_extents(c.inode) < EXTENTS_FULL; i += 2)
		lab_expect_eq(lab_convert(c.inode, i * PAGE_SIZE, PAGE_SIZE), 0);
	a = lab_wb_sample(c.inode);
	b = lab_wb_sample(c.inode);
	test_fill(c.want, 0, PAGE_SIZE, 1);
	lab_expect_eq(cache_pwrite(c.inode, at, c.want, PAGE_SIZE), 0);
	kc_fault_nth(KC_FAULT_SLAB, 1, ~0ull >> 1);
	lab_expect_eq(lab_cache_sync(c.inode, &a), -ENOMEM);
	kc_fault_reset();
	lab_expect_eq(lab_cache_sync(c.inode, &a), 0);
	lab_expect_eq(lab_cache_sync(c.inode, &b), -ENOMEM);
	lab_expect_eq(lab_map(c.inode, at, PAGE_SIZE, 0, &e), 0);
	lab_expect_eq(e.type, LAB_UNWRITTEN);
	/* What is written again is not lost again. */
	lab_expect_eq(cache_pwrite(c.inode, at, c.want, PAGE_SIZE), 0);
	lab_expect_eq(lab_cache_sync(c.inode, &a), 0);
	lab_expect_eq(lab_cache_invalidate(c.inode, 0, BYTES), 0);
	lab_expect_eq(cache_pread(c.inode, at, c.have, PAGE_SIZE), 0);
	lab_expect_mem(c.have, c.want, PAGE_SIZE);
	on_disk_close(&c);
}
