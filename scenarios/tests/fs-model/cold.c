// SPDX-License-Identifier: GPL-2.0-only
/*
 * Maps that must be read first (cold_map): one read a leaf, the same answers as without, -EAGAIN for who may not
 * wait; and hazard H4, a driver that maps, and so reads, under ->submit_bio.
 */
#include <linux/sched.h>
#include <kc/fault.h>
#include <kc/probe.h>
#include <kc/world.h>
#include "../../../fs-model/fs-internal.h"
#include "on_disk.h"
#include "cached.h"

#define FILE_BLKS	600u		/* each an extent: five leaves */
#define DISK_BLKS	2048u
#define B		((u64)LAB_BLOCK_BYTES)

static void cold_open(struct on_disk *c, bool cold, const char *fault)
{
	struct lab_fs_opts opts = { .layout = LAB_LAYOUT_FRAGMENTED, .fragment_bytes = B, .seed = 3,
				    .cold_map = cold };

	test_dev_open(&c->dev, TEST_RAM, DISK_BLKS * B, NULL);
	on_disk_fill(c, fault, &opts, FILE_BLKS * B, 0);
}

static int map(struct inode *inode, loff_t pos, u64 len_bytes, unsigned int flags, struct lab_extent *e)
{
	int err;

	memset(e, 0x5a, sizeof(*e));
	down_read(&inode->i_rwsem);
	err = lab_map(inode, pos, len_bytes, flags, e);
	up_read(&inode->i_rwsem);
	return err;
}

static u64 bios(void)
{
	struct kc_probes p;

	kc_probes_own(&p);
	return p.n[lab_scope()][LAB_BIOS];
}

/* ---- reads ------------------------------------------------------------------------------------------ */

LAB_TEST(cold, each_leaf_is_read_once)
{
	struct lab_extent e;
	struct on_disk c;
	u64 before;
	u32 blk;

	cold_open(&c, true, NULL);
	lab_expect_ge(c.inode->i_map->nr_leaves, 4);
	before = bios();
	for (blk = 0; blk < FILE_BLKS; blk++)
		lab_expect_eq(map(c.inode, blk * B, 1, 0, &e), 0);
	for (blk = FILE_BLKS; blk-- > 0; )
		lab_expect_eq(map(c.inode, blk * B, 1, LAB_MAP_NOWAIT, &e), 0);
	if (LAB_WITH_PROBES)
		lab_expect_eq(bios() - before, c.inode->i_map->nr_leaves);
	lab_map_forget(c.inode);
	before = bios();
	lab_expect_eq(map(c.inode, 0, 1, 0, &e), 0);
	if (LAB_WITH_PROBES)
		lab_expect_eq(bios() - before, 1);
	on_disk_close(&c);

	cold_open(&c, false, NULL);
	lab_map_forget(c.inode);			/* nothing */
	before = bios();
	for (blk = 0; blk < FILE_BLKS; blk++)
		lab_expect_eq(map(c.inode, blk * B, 1, LAB_MAP_NOWAIT, &e), 0);
	lab_expect_eq(bios(), before);
	on_disk_close(&c);
}

LAB_TEST(cold, who_may_not_wait_does_not_read)
{
	enum lab_lock lock = 99;
	struct lab_extent e;
	struct on_disk c;
	u64 before;

	cold_open(&c, true, NULL);
	before = bios();
	kc_nowait_begin();
	lab_expect_eq(map(c.inode, 0, B, LAB_MAP_NOWAIT, &e), -EAGAIN);
	lab_expect_eq(map(c.inode, 0, B, LAB_MAP_NOWAIT | LAB_MAP_CREATE, &e), -EAGAIN);
	/* an overwrite that cuts a block must know what the block is */
	lab_expect_eq(lab_lock_for_write(c.inode, 512, 512, true, &lock), -EAGAIN);
	lab_expect_eq(lock, LAB_LOCK_NONE);
	kc_nowait_end();
	lab_expect_eq(bios(), before);
	lab_expect(down_write_trylock(&c.inode->i_map->lock));	/* and nothing is held */
	up_write(&c.inode->i_map->lock);
	lab_expect_eq(lab_lock_for_write(c.inode, 512, 512, false, &lock), 0);
	lab_expect_eq(lock, LAB_LOCK_SHARED);
	lab_unlock(c.inode, lock);
	lab_expect_eq(map(c.inode, 0, B, LAB_MAP_NOWAIT, &e), 0);	/* by now it has been read */
	on_disk_close(&c);
}

LAB_TEST(cold, disk_that_fails)
{
	struct lab_extent e;
	struct on_disk c;

	cold_open(&c, true, "eio@0+8m");
	lab_expect_eq(map(c.inode, 0, B, 0, &e), -EIO);
	lab_expect_eq(map(c.inode, 0, B, 0, &e), -EIO);		/* still not read */
	lab_expect_eq(map(c.inode, 0, B, LAB_MAP_NOWAIT, &e), -EAGAIN);
	lab_expect_eq(lab_truncate(c.inode, 100), -EIO);
	lab_expect_eq(i_size_read(c.inode), FILE_BLKS * B);
	on_disk_close(&c);
}

/* A dirty page whose place cannot be read is lost, and that is told: by who wrote back, and by fsync. */
LAB_TEST(cold, write_back_that_cannot_be_placed)
{
	struct on_disk c;
	u8 byte = 1;

	cold_open(&c, true, NULL);
	lab_expect_eq(cache_pwrite(c.inode, 0, &byte, 1), 0);
	lab_map_forget(c.inode);
	kc_fault_nth(KC_FAULT_PAGE, 1, 1);
	lab_expect_eq(lab_cache_write(c.inode, 0, B), -ENOMEM);
	kc_fault_nth(KC_FAULT_PAGE, 0, 0);
	lab_expect(!lab_cache_is_dirty(c.inode, 0, B));
	lab_expect_eq(cache_sync(c.inode), -ENOMEM);
	lab_expect_eq(cache_sync(c.inode), 0);
	on_disk_close(&c);
}

/* ---- the same answers --------------------------------------------------------------------------------- */

/* The quick way of lab_map() must lead to no leaf that is cold. */
static void hint_is_warm(struct inode *inode)
{
	struct lab_extent_map *m = inode->i_map;
	u32 leaf = m->hint >> 32, idx = (u32)m->hint;

	if (leaf < m->nr_leaves && idx < m->dir[leaf].leaf->nr)
		lab_expect_eq(m->dir[leaf].leaf->cold, 0);
}

static void change(struct inode *inode, u32 what, loff_t pos, u64 len)
{
	struct lab_extent e;

	switch (what) {
	case 0 ... 2:
		lab_expect_eq(lab_punch(inode, pos, len), 0);
		break;
	case 3 ... 6:
		if (!map(inode, pos, len, LAB_MAP_CREATE, &e) && e.type == LAB_UNWRITTEN)
			lab_expect_eq(lab_convert(inode, pos, e.len_bytes), 0);
		break;
	case 7:
		lab_expect_eq(lab_zero(inode, pos, len), 0);
		break;
	case 8:
		lab_map_forget(inode);
	}
}

LAB_TEST(cold, answers_are_those_of_a_warm_map)
{
	u32 rounds = lab_test_slow() ? 100 : 800, round, what;
	u64 rand = test_seed();
	struct on_disk cold, warm;
	struct lab_extent a, b;

	cold_open(&cold, true, NULL);
	cold_open(&warm, false, NULL);
	for (round = 0; round < rounds; round++) {
		loff_t pos = test_rand(&rand, FILE_BLKS) * B;
		u64 len = min_t(u64, 1 + test_rand(&rand, 60), FILE_BLKS - pos / B) * B;

		what = test_rand(&rand, 9);
		change(cold.inode, what, pos, len);
		change(warm.inode, what, pos, len);
		hint_is_warm(cold.inode);
		pos = test_rand(&rand, FILE_BLKS * B);
		lab_expect_eq(map(cold.inode, pos, 20 * B, 0, &a), 0);
		lab_expect_eq(map(warm.inode, pos, 20 * B, 0, &b), 0);
		lab_expect_eq(a.type, b.type);
		lab_expect_eq(a.len_bytes, b.len_bytes);
		lab_expect_eq(a.sector, b.sector);
		hint_is_warm(cold.inode);
	}
	on_disk_close(&warm);
	on_disk_close(&cold);
}

/* ---- hazard H4 ------------------------------------------------------------------------------------------ */

enum h4_driver {
	H4_PUNTS,		/* LAB_MAP_NOWAIT, and a worker for the rest */
	H4_NAIVE,		/* maps as if it might wait */
	H4_NAIVE_UNMARKED,	/* the same, and the block layer is not told that it stacks */
};

/* A device on a file, for reads of one block. */
struct h4 {
	struct on_disk c;
	enum h4_driver driver;
	struct gendisk *disk;
	struct workqueue_struct *wq;
	struct work_struct work;
	struct bio *punted;
	unsigned int punts;
};

static int h4_map_and_send(struct h4 *h, struct bio *bio, unsigned int flags)
{
	struct lab_extent e;
	int err = map(h->c.inode, (loff_t)bio->bi_iter.bi_sector << SECTOR_SHIFT, B, flags, &e);

	if (err)
		return err;
	bio_set_dev(bio, e.bdev);
	bio->bi_iter.bi_sector = e.sector;
	submit_bio_noacct(bio);
	return 0;
}

static void h4_work(struct work_struct *work)
{
	struct h4 *h = container_of(work, struct h4, work);

	lab_expect_eq(h4_map_and_send(h, h->punted, 0), 0);
}

static void h4_submit(struct bio *bio)
{
	struct h4 *h = bio->bi_bdev->bd_disk->private_data;

	if (h4_map_and_send(h, bio, h->driver == H4_PUNTS ? LAB_MAP_NOWAIT : 0) != -EAGAIN)
		return;
	h->punts++;
	h->punted = bio;
	queue_work(h->wq, &h->work);
}

static const struct block_device_operations h4_fops = {
	.submit_bio	= h4_submit,
};

static void h4_run(void *arg)
{
	struct h4 h = { .driver = *(enum h4_driver *)arg };
	void *buf;
	u32 blk;

	cold_open(&h.c, true, NULL);
	buf = test_pages(PAGE_SIZE);
	INIT_WORK(&h.work, h4_work);
	h.wq = alloc_workqueue("h4", WQ_MEM_RECLAIM | WQ_UNBOUND, 1);
	h.disk = blk_alloc_disk(NUMA_NO_NODE);
	lab_expect(h.wq && h.disk);
	h.disk->fops = &h4_fops;
	h.disk->private_data = &h;
	h.disk->lab_stacking = h.driver != H4_NAIVE_UNMARKED;
	blk_set_stacking_limits(&h.disk->queue->limits);
	set_capacity(h.disk, FILE_BLKS * B >> SECTOR_SHIFT);
	lab_expect_eq(add_disk(h.disk), 0);
	for (blk = 0; blk < FILE_BLKS; blk += 50)
		lab_expect_eq(test_io(h.disk->part0, REQ_OP_READ, blk * B, buf, PAGE_SIZE), 0);
	lab_expect_eq(h.punts, h.c.inode->i_map->nr_leaves);	/* each leaf once */
	del_gendisk(h.disk);
	destroy_workqueue(h.wq);
	put_disk(h.disk);
	test_free_pages(buf, PAGE_SIZE);
	on_disk_close(&h.c);
}

static enum kc_run_status h4(enum h4_driver driver)
{
	int failures = -1;
	enum kc_run_status status;

	if (!host_engine_built(HOST_DET))
		lab_test_skip("this build has no det engine");
	status = kc_run(true, 1, NULL, h4_run, &driver, &failures);
	if (status == KC_RUN_DONE)
		lab_expect_eq(failures, 0);
	return status;
}

LAB_TEST_BARE(cold, h4_who_punts_gets_on)
{
	lab_expect_eq(h4(H4_PUNTS), KC_RUN_DONE);
}

LAB_TEST_BARE(cold, h4_read_under_submit_bio_hangs)
{
	lab_expect_eq(h4(H4_NAIVE_UNMARKED), KC_RUN_DEADLOCK);
}

static void h4_naive(void *arg)
{
	h4(H4_NAIVE);
}

/* A stacking driver that says what it is is stopped at the wait, whether or not it would have hung. */
LAB_TEST_BARE(cold, h4_read_under_submit_bio_is_stopped)
{
	if (!host_engine_built(HOST_DET))
		lab_test_skip("this build has no det engine");
	lab_expect_eq(lab_test_fork(h4_naive, NULL), LAB_DIED);
	lab_expect(lab_test_fork_said("waiting under a stacking driver's submission"));
}
