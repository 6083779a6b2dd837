// SPDX-License-Identifier: GPL-2.0-only
/*
 * The inode of a block device: its map, its pages down to the last sector of a device that does not end on a
 * page, its size when the device's changes, its place in the order of locks.
 */
#include <linux/sched.h>
#include <kc/world.h>
#include <lab/filter.h>
#include "../../../fs-model/fs-internal.h"
#include "on_disk.h"
#include "cached.h"

#define TAIL_BYTES	1536u
#define DEV_BYTES	(24u * PAGE_SIZE + TAIL_BYTES)
#define BUF_BYTES	(32u * PAGE_SIZE)

struct whole {
	struct test_dev dev;
	struct block_device *faulty;
	struct inode *inode;
	u8 *have, *want;
};

static void whole_open(struct whole *w, enum test_dev_kind kind, u64 bytes, const char *fault)
{
	test_dev_open(&w->dev, kind, BUF_BYTES, NULL);
	set_capacity(w->dev.bdev->bd_disk, bytes >> SECTOR_SHIFT);
	w->faulty = fault_above(w->dev.bdev, fault);
	w->inode = lab_bdev_inode_create(w->faulty ?: w->dev.bdev);
	lab_expect(!IS_ERR(w->inode));
	w->have = test_pages(BUF_BYTES);
	w->want = test_pages(BUF_BYTES);
}

static void whole_close(struct whole *w)
{
	test_free_pages(w->want, BUF_BYTES);
	test_free_pages(w->have, BUF_BYTES);
	lab_inode_destroy(w->inode);
	if (w->faulty)
		lab_bdev_destroy(w->faulty);
	test_dev_close(&w->dev);
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

LAB_TEST(bdev_inode, map_is_the_identity)
{
	static const loff_t at[] = { 0, 1, 511, 512, 4096, 70000, DEV_BYTES - TAIL_BYTES, DEV_BYTES - 1 };
	static const u64 len[] = { 1, 512, 4096, 50000, DEV_BYTES, 1 << 30 };
	static const unsigned int flags[] = { 0, LAB_MAP_CREATE, LAB_MAP_NOWAIT,
					      LAB_MAP_CREATE | LAB_MAP_NOWAIT };
	struct lab_extent e;
	unsigned int i, j, k;
	struct whole w;

	whole_open(&w, TEST_RAM, DEV_BYTES, NULL);
	lab_expect_eq(i_size_read(w.inode), DEV_BYTES);
	lab_expect(lab_inode_bdev(w.inode) == w.dev.bdev);
	for (i = 0; i < ARRAY_SIZE(at); i++)
		for (j = 0; j < ARRAY_SIZE(len); j++)
			for (k = 0; k < ARRAY_SIZE(flags); k++) {
				lab_expect_eq(map(w.inode, at[i], len[j], flags[k], &e), 0);
				lab_expect_eq(e.pos, at[i]);
				lab_expect_eq(e.len_bytes, min_t(u64, len[j], DEV_BYTES - at[i]));
				lab_expect_eq(e.type, LAB_MAPPED);
				lab_expect_eq(e.flags, 0);
				lab_expect_eq(e.sector, at[i] >> SECTOR_SHIFT);
				lab_expect(e.bdev == w.dev.bdev);
			}
	lab_expect_eq(lab_inode_nr_extents(w.inode), 0);
	whole_close(&w);
}

LAB_TEST(bdev_inode, nothing_lies_beyond_the_end)
{
	struct lab_extent e;
	struct page *page;
	struct whole w;

	whole_open(&w, TEST_RAM, DEV_BYTES, NULL);
	lab_expect_eq(map(w.inode, DEV_BYTES, 512, LAB_MAP_CREATE, &e), -ENOSPC);
	lab_expect_eq(map(w.inode, DEV_BYTES, 512, 0, &e), 0);
	lab_expect_eq(e.type, LAB_HOLE);
	lab_expect_eq(e.len_bytes, 512);
	down_write(&w.inode->i_rwsem);
	lab_expect_eq(lab_write_begin(w.inode, DEV_BYTES - 1, 2, &page), -ENOSPC);
	lab_expect_eq(lab_write_begin(w.inode, DEV_BYTES + PAGE_SIZE, 2, &page), -ENOSPC);
	lab_expect_eq(lab_trim_eof(w.inode), 0);	/* what a write does that failed: here, nothing */
	lab_expect_eq(lab_write_begin(w.inode, DEV_BYTES - 1, 1, &page), 0);
	lab_expect_eq(lab_write_end(w.inode, page, DEV_BYTES - 1, 1, 1), 1);
	up_write(&w.inode->i_rwsem);
	lab_expect_eq(i_size_read(w.inode), DEV_BYTES);
	lab_expect_eq(cache_sync(w.inode), 0);
	whole_close(&w);
}

/* A device has no tail to zero: nothing is left to do before it grows, not even where its last page cannot be written. */
LAB_TEST(bdev_inode, trim_has_nothing_to_do)
{
	struct page *page;
	struct whole w;

	whole_open(&w, TEST_RAM, DEV_BYTES, "eio@0+1g");
	down_write(&w.inode->i_rwsem);
	lab_expect_eq(lab_page_get(w.inode, DEV_BYTES >> PAGE_SHIFT, &page), 0);
	lab_page_set_uptodate(page);
	lab_page_set_dirty(page);
	lab_page_unlock(page);
	put_page(page);
	lab_expect_eq(lab_trim_eof(w.inode), 0);
	lab_expect(lab_cache_is_dirty(w.inode, DEV_BYTES - 1, 1));
	lab_expect_eq(lab_settle_eof(w.inode), 0);
	i_size_write(w.inode, DEV_BYTES + PAGE_SIZE);
	i_size_write(w.inode, DEV_BYTES);
	up_write(&w.inode->i_rwsem);
	lab_expect_eq(cache_sync(w.inode), -EIO);
	whole_close(&w);
}

/* ---- pages against an array ------------------------------------------------------------------------ */

/* @w->want is the device as it should be. */
static void whole_step(struct whole *w, u64 *rand, u32 round)
{
	loff_t pos = test_rand(rand, DEV_BYTES - 1);
	u32 len = 1 + test_rand(rand, min_t(u32, DEV_BYTES - pos, 5 * PAGE_SIZE));

	switch (test_rand(rand, 8)) {
	case 0 ... 3:
		test_fill(w->want + pos, pos, len, round);
		lab_expect_eq(cache_pwrite(w->inode, pos, w->want + pos, len), 0);
		break;
	case 4:
		lab_expect_eq(lab_cache_write(w->inode, pos, len), 0);
		lab_expect_eq(lab_cache_invalidate(w->inode, pos, len), 0);
		break;
	case 5:
		lab_expect_eq(cache_sync(w->inode), 0);
		lab_expect_eq(test_io(w->dev.bdev, REQ_OP_READ, 0, w->have, DEV_BYTES), 0);
		lab_expect_mem(w->have, w->want, DEV_BYTES);
		break;
	default:
		lab_expect_eq(cache_pread(w->inode, pos, w->have, len), 0);
		lab_expect_mem(w->have, w->want + pos, len);
	}
	lab_expect_eq(i_size_read(w->inode), DEV_BYTES);
}

static void against_array(enum test_dev_kind kind)
{
	u32 rounds = lab_test_slow() ? 60 : 600, round;
	u64 rand = test_seed();
	struct whole w;

	whole_open(&w, kind, DEV_BYTES, NULL);
	test_fill(w.want, 0, DEV_BYTES, 7);
	lab_expect_eq(test_io(w.dev.bdev, REQ_OP_WRITE, 0, w.want, DEV_BYTES), 0);
	for (round = 0; round < rounds; round++)
		whole_step(&w, &rand, round);
	whole_close(&w);
}

LAB_TEST(bdev_inode, bytes_as_in_an_array)
{
	against_array(TEST_RAM);
}

LAB_TEST(bdev_inode, bytes_as_in_an_array_on_disk)
{
	against_array(TEST_DISK);
}

/* The next pages that are allocated hold what nobody should see. */
static void soil_free_pages(void)
{
	struct page *page[64];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(page); i++) {
		page[i] = alloc_page(GFP_KERNEL);
		lab_expect(page[i]);
		memset(page_address(page[i]), 0x5a, PAGE_SIZE);
	}
	for (i = 0; i < ARRAY_SIZE(page); i++)
		__free_page(page[i]);
}

/* Beyond the end there is memory in the page, but it is nobody's contents. */
LAB_TEST(bdev_inode, last_page_ends_in_zeros)
{
	struct page *page;
	struct whole w;

	whole_open(&w, TEST_RAM, DEV_BYTES, NULL);
	memset(w.want, 0x42, DEV_BYTES);
	soil_free_pages();
	lab_expect_eq(test_io(w.dev.bdev, REQ_OP_WRITE, 0, w.want, DEV_BYTES), 0);
	down_read(&w.inode->i_rwsem);
	lab_expect_eq(lab_cache_read(w.inode, 0, 32), 0);
	lab_expect_eq(w.inode->i_mapping->nrpages, 32);
	page = lab_page_find(w.inode, DEV_BYTES >> PAGE_SHIFT);
	up_read(&w.inode->i_rwsem);
	lab_expect(page);
	memset(w.want + TAIL_BYTES, 0, PAGE_SIZE - TAIL_BYTES);
	lab_expect_mem(page_address(page), w.want, PAGE_SIZE);
	put_page(page);
	whole_close(&w);
}

/* ---- flush ------------------------------------------------------------------------------------------- */

LAB_TEST(bdev_inode, fsync_is_a_flush_whatever_was_written)
{
	struct whole w;

	whole_open(&w, TEST_RAM, DEV_BYTES, "eio@flush");
	lab_expect_eq(lab_fsync(w.inode, true), -EIO);
	lab_expect_eq(lab_fsync(w.inode, false), -EIO);
	whole_close(&w);
	whole_open(&w, TEST_RAM, DEV_BYTES, NULL);
	lab_expect_eq(lab_fsync(w.inode, true), 0);
	whole_close(&w);
}

/* ---- size ---------------------------------------------------------------------------------------------- */

LAB_TEST(bdev_inode, follows_the_capacity)
{
	const u32 small = 8 * PAGE_SIZE + 512, large = 16 * PAGE_SIZE;
	struct whole w;

	whole_open(&w, TEST_RAM, large, NULL);
	test_fill(w.want, 0, large, 1);
	lab_expect_eq(cache_pwrite(w.inode, 0, w.want, large), 0);
	set_capacity(w.dev.bdev->bd_disk, small >> SECTOR_SHIFT);
	lab_bdev_inode_resize(w.inode);
	lab_expect_eq(i_size_read(w.inode), small);
	lab_expect_eq(w.inode->i_mapping->nrpages, 8);
	lab_expect_eq(cache_sync(w.inode), 0);	/* nothing went where there is nothing */
	lab_expect_eq(test_io(w.dev.bdev, REQ_OP_READ, 0, w.have, small), 0);
	lab_expect_mem(w.have, w.want, small);

	/* the page that was cut shows what is on the device, not the zeros that it ended in */
	lab_expect_eq(cache_pread(w.inode, 8 * PAGE_SIZE, w.have, 512), 0);
	set_capacity(w.dev.bdev->bd_disk, large >> SECTOR_SHIFT);
	test_fill(w.want + small, small, large - small, 2);
	lab_expect_eq(test_io(w.dev.bdev, REQ_OP_WRITE, small, w.want + small, large - small), 0);
	lab_expect_eq(cache_pwrite(w.inode, 8 * PAGE_SIZE, w.want + 8 * PAGE_SIZE, 1), 0);
	lab_bdev_inode_resize(w.inode);
	lab_expect_eq(i_size_read(w.inode), large);
	lab_expect_eq(cache_pread(w.inode, 0, w.have, large), 0);
	lab_expect_mem(w.have, w.want, large);
	whole_close(&w);
}

/* What a file of the model can be, a device's inode can: what lies behind is not reached through it. */
LAB_TEST(bdev_inode, no_larger_than_the_largest_file)
{
	struct whole w;

	whole_open(&w, TEST_RAM, DEV_BYTES, NULL);
	set_capacity(w.dev.bdev->bd_disk, 2 * LAB_MAX_FILE_BYTES >> SECTOR_SHIFT);
	lab_bdev_inode_follow(w.inode);
	lab_expect_eq(i_size_read(w.inode), LAB_MAX_FILE_BYTES);
	set_capacity(w.dev.bdev->bd_disk, DEV_BYTES >> SECTOR_SHIFT);
	lab_bdev_inode_follow(w.inode);
	lab_expect_eq(i_size_read(w.inode), DEV_BYTES);
	whole_close(&w);
}

/* ---- lock order ----------------------------------------------------------------------------------------- */

/*
 * What is held when a buffered write to the uppermost of two stacks reaches the lowest disk: the inode of loop
 * device 1, the file under it (of nesting 1), the inode of loop device 0, on which its filesystem's disk is a
 * loop device, and the file under that.
 */
struct stacks {
	struct test_dev dev;
	struct lab_fs *fs[2];
	struct inode *file[2], *loop[2];
};

static void stacks_open(struct stacks *s)
{
	unsigned int i;

	test_dev_open(&s->dev, TEST_RAM, TEST_DISK_BYTES, NULL);
	for (i = 0; i < 2; i++) {
		struct lab_fs_opts opts = { .layout = LAB_LAYOUT_SPARSE, .nesting = i };

		s->fs[i] = lab_fs_create(s->dev.bdev, &opts);
		lab_expect(!IS_ERR(s->fs[i]));
		s->file[i] = lab_inode_create(s->fs[i], 0);
		lab_expect(!IS_ERR(s->file[i]));
		s->loop[i] = i ? lab_bdev_inode_create_opts(s->dev.bdev, &opts)
			       : lab_bdev_inode_create(s->dev.bdev);
		lab_expect(!IS_ERR(s->loop[i]));
	}
}

static void stacks_close(struct stacks *s)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		lab_inode_destroy(s->loop[i]);
		lab_fs_destroy(s->fs[i]);
	}
	test_dev_close(&s->dev);
}

static void lock_downwards(struct stacks *s)
{
	down_write(&s->loop[1]->i_rwsem);
	down_write(&s->file[1]->i_rwsem);
	down_write(&s->loop[0]->i_rwsem);
	down_read(&s->file[0]->i_rwsem);
	up_read(&s->file[0]->i_rwsem);
	up_write(&s->loop[0]->i_rwsem);
	up_write(&s->file[1]->i_rwsem);
	up_write(&s->loop[1]->i_rwsem);
}

LAB_TEST(bdev_inode, locks_of_a_stack_are_in_order)
{
	struct stacks s;

	stacks_open(&s);
	lock_downwards(&s);
	lock_downwards(&s);
	stacks_close(&s);
}

static void lock_upwards(void *arg)
{
	struct stacks s;

	stacks_open(&s);
	lock_downwards(&s);
	down_read(&s.file[0]->i_rwsem);
	down_write(&s.loop[0]->i_rwsem);
	up_write(&s.loop[0]->i_rwsem);
	up_read(&s.file[0]->i_rwsem);
	stacks_close(&s);
}

static void run_upwards(void *arg)
{
	int failures;

	kc_run(false, 0, NULL, lock_upwards, NULL, &failures);
}

LAB_TEST_BARE(bdev_inode, locks_against_the_order_are_found)
{
#ifdef KC_DEBUG
	lab_expect_eq(lab_test_fork(run_upwards, NULL), LAB_DIED);
	lab_expect(lab_test_fork_said("lock order cycle"));
#else
	lab_test_skip("this build does not know the order of locks");
	(void)run_upwards;
#endif
}
