// SPDX-License-Identifier: GPL-2.0-only
/* Which way i_rwsem is taken, and what nowait does. */
#include <kc/world.h>
#include <lab/fs.h>
#include "../../../fs-model/fs-internal.h"
#include "../sim/drivers/devs.h"

#define B	LAB_BLOCK_BYTES

/* A file of four blocks: mapped, unwritten, hole, mapped; size 4 blocks less 512 bytes. */
struct file {
	struct block_device *bdev;
	struct lab_fs *fs;
	struct inode *inode;
};

static void file_open(struct file *f, bool lock_exclusive)
{
	struct lab_fs_opts opts = { .layout = LAB_LAYOUT_SPARSE, .lock_exclusive = lock_exclusive };
	struct lab_extent e;

	f->bdev = lab_null_create(64 * B, NULL);
	lab_expect(!IS_ERR(f->bdev));
	f->fs = lab_fs_create(f->bdev, &opts);
	lab_expect(!IS_ERR(f->fs));
	f->inode = lab_inode_create(f->fs, 4 * B - 512);
	lab_expect(!IS_ERR(f->inode));
	lab_expect_eq(lab_map(f->inode, 0, 2 * B, LAB_MAP_CREATE, &e), 0);
	lab_expect_eq(lab_map(f->inode, 3 * B, B, LAB_MAP_CREATE, &e), 0);
	lab_expect_eq(lab_convert(f->inode, 0, B), 0);
	lab_expect_eq(lab_convert(f->inode, 3 * B, B), 0);
}

static void file_close(struct file *f)
{
	lab_fs_destroy(f->fs);
	lab_bdev_destroy(f->bdev);
}

static enum lab_lock lock_of(struct file *f, loff_t pos, u64 len)
{
	enum lab_lock lock = 99;

	lab_expect_eq(lab_lock_for_write(f->inode, pos, len, false, &lock), 0);
	lab_unlock(f->inode, lock);
	return lock;
}

LAB_TEST(lock, shared_only_when_nothing_can_collide)
{
	struct file f;

	file_open(&f, false);
	lab_expect_eq(lock_of(&f, 0, B), LAB_LOCK_SHARED);
	lab_expect_eq(lock_of(&f, 512, 512), LAB_LOCK_SHARED);	/* mapped */
	lab_expect_eq(lock_of(&f, B, B), LAB_LOCK_SHARED);	/* unwritten, whole */
	lab_expect_eq(lock_of(&f, 2 * B, B), LAB_LOCK_SHARED);	/* hole, whole */
	lab_expect_eq(lock_of(&f, 512, 3 * B), LAB_LOCK_SHARED);	/* cuts mapped blocks only */
	lab_expect_eq(lock_of(&f, B, 512), LAB_LOCK_EXCL);	/* cuts the unwritten one */
	lab_expect_eq(lock_of(&f, B + 512, B - 512), LAB_LOCK_EXCL);
	lab_expect_eq(lock_of(&f, 2 * B, 512), LAB_LOCK_EXCL);	/* cuts the hole */
	lab_expect_eq(lock_of(&f, 0, B + 512), LAB_LOCK_EXCL);
	lab_expect_eq(lock_of(&f, 3 * B, B - 512), LAB_LOCK_SHARED);	/* to the very end */
	lab_expect_eq(lock_of(&f, 3 * B, B - 511), LAB_LOCK_EXCL);	/* one byte further */
	lab_expect_eq(lock_of(&f, 4 * B, 512), LAB_LOCK_EXCL);
	file_close(&f);
	file_open(&f, true);
	lab_expect_eq(lock_of(&f, 0, B), LAB_LOCK_EXCL);
	file_close(&f);
}

LAB_TEST(lock, nowait_gives_up)
{
	enum lab_lock lock = 99;
	struct file f;

	file_open(&f, false);
	down_write(&f.inode->i_rwsem);
	kc_nowait_begin();
	lab_expect_eq(lab_lock_for_write(f.inode, 0, B, true, &lock), -EAGAIN);
	lab_expect_eq(lock, LAB_LOCK_NONE);
	lab_expect_eq(lab_lock_for_read(f.inode, true, &lock), -EAGAIN);
	lab_expect_eq(lock, LAB_LOCK_NONE);
	kc_nowait_end();
	lab_unlock(f.inode, lock);		/* nothing to undo */
	up_write(&f.inode->i_rwsem);

	lab_expect_eq(lab_lock_for_read(f.inode, true, &lock), 0);
	lab_expect_eq(lock, LAB_LOCK_SHARED);
	lab_expect(!down_write_trylock(&f.inode->i_rwsem));
	lab_unlock(f.inode, lock);
	lab_expect_eq(lab_lock_for_write(f.inode, 4 * B, 1, true, &lock), 0);
	lab_expect_eq(lock, LAB_LOCK_EXCL);
	lab_expect(!down_read_trylock(&f.inode->i_rwsem));
	lab_unlock(f.inode, lock);
	file_close(&f);
}

/* ---- what was true before the lock may not be true under it --------------------------------- */

static void shrinker(void *arg)
{
	lab_expect_eq(lab_truncate(arg, B), 0);
}

static void puncher(void *arg)
{
	lab_expect_eq(lab_punch(arg, 3 * B, B), 0);
}

/* A shared lock means: still inside the size, and no block that is cut is new. */
static void lock_against(void (*other)(void *arg), u64 len)
{
	struct test_task t;
	enum lab_lock lock;
	struct lab_ext ext;
	struct file f;

	file_open(&f, false);
	test_task_start(&t, other, f.inode);
	lab_expect_eq(lab_lock_for_write(f.inode, 3 * B, len, false, &lock), 0);
	if (lock == LAB_LOCK_SHARED) {
		lab_expect_le(3 * B + len, i_size_read(f.inode));
		lab_expect_eq(lab_map_peek(f.inode, 3 * B, false, &ext), 0);
		lab_expect_eq(ext.type, LAB_MAPPED);
	}
	lab_unlock(f.inode, lock);
	test_task_join(&t);
	file_close(&f);
}

static void races(void *arg)
{
	lock_against(shrinker, 512);
	lock_against(puncher, 512);
}

LAB_TEST_BARE(lock, looks_again_under_the_lock)
{
	u64 seed, nr = lab_test_slow() ? 30 : 300;
	int failures;

	if (!host_engine_built(HOST_DET))
		lab_test_skip("this build has no det engine");
	for (seed = 0; seed < nr; seed++) {
		lab_test_seed(seed);
		failures = -1;
		lab_expect_eq(kc_run(true, seed, NULL, races, NULL, &failures), KC_RUN_DONE);
		lab_expect_eq(failures, 0);
	}
}
