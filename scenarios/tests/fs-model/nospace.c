// SPDX-License-Identifier: GPL-2.0-only
/*
 * A disk that fills up in the middle of a write: with one block less than is wanted, as many, and one more. What
 * is left is handed out first, then -ENOSPC is said, and what a failed extension has taken comes back.
 */
#include <kc/fault.h>
#include <kc/world.h>
#include "../../../fs-model/fs-internal.h"
#include "../sim/drivers/devs.h"
#include "cached.h"

#define B	((u64)LAB_BLOCK_BYTES)
#define WANT	6u			/* blocks of the write */
#define HEAD	3u			/* blocks that the file has before it */

struct full {
	struct test_dev dev;
	struct lab_fs *fs;
	struct inode *inode;
};

/* A file of HEAD mapped blocks, and @nr_free blocks more on the disk. */
static void full_open(struct full *f, u32 nr_free, u64 fragment_bytes)
{
	struct lab_fs_opts opts = { .layout = fragment_bytes ? LAB_LAYOUT_FRAGMENTED : LAB_LAYOUT_CONTIGUOUS,
				    .fragment_bytes = fragment_bytes, .seed = 5 };

	test_dev_open(&f->dev, TEST_RAM, (HEAD + nr_free) * B, NULL);
	f->fs = lab_fs_create(f->dev.bdev, &opts);
	lab_expect(!IS_ERR(f->fs));
	f->inode = lab_inode_create(f->fs, HEAD * B);
	lab_expect(!IS_ERR(f->inode));
	lab_expect_eq(lab_fs_free_bytes(f->fs), nr_free * B);
}

static void full_close(struct full *f)
{
	lab_fs_destroy(f->fs);
	test_dev_close(&f->dev);
}

/* Map WANT blocks after the head, piece by piece, as a direct write does. How many there were. */
static u32 map_all(struct full *f, int *err)
{
	struct lab_extent e;
	u32 got = 0;

	*err = 0;
	while (got < WANT) {
		*err = lab_map(f->inode, (HEAD + got) * B, (WANT - got) * B, LAB_MAP_CREATE, &e);
		if (*err)
			break;
		lab_expect_eq(e.type, LAB_UNWRITTEN);
		lab_expect_eq(e.flags & LAB_EXT_NEW, LAB_EXT_NEW);
		lab_expect_ge(e.len_bytes, B);
		got += e.len_bytes / B;
	}
	return got;
}

static void extend_fails(u32 nr_free, u64 fragment_bytes)
{
	struct lab_extent e;
	struct full f;
	int err;

	full_open(&f, nr_free, fragment_bytes);
	down_write(&f.inode->i_rwsem);
	if (!fragment_bytes) {		/* one run: what is left is one shorter extent */
		lab_expect_eq(lab_map(f.inode, HEAD * B, WANT * B, LAB_MAP_CREATE, &e), 0);
		lab_expect_eq(e.len_bytes, min(WANT, nr_free) * B);
		lab_expect_eq(lab_trim_eof(f.inode), 0);
		lab_expect_eq(lab_fs_free_bytes(f.fs), nr_free * B);
	}
	lab_expect_eq(map_all(&f, &err), min(WANT, nr_free));
	lab_expect_eq(err, nr_free < WANT ? -ENOSPC : 0);
	lab_expect_eq(lab_fs_free_bytes(f.fs), (nr_free - min(WANT, nr_free)) * B);
	/* full or not, what the file has can be overwritten; and NOWAIT never takes the last block */
	lab_expect_eq(lab_map(f.inode, 0, B, LAB_MAP_CREATE, &e), 0);
	lab_expect_eq(e.type, LAB_MAPPED);
	lab_expect_eq(lab_map(f.inode, 1000 * B, B, LAB_MAP_CREATE | LAB_MAP_NOWAIT, &e), -EAGAIN);
	lab_expect_eq(lab_trim_eof(f.inode), 0);
	lab_expect_eq(lab_fs_free_bytes(f.fs), nr_free * B);
	lab_expect_eq(i_size_read(f.inode), HEAD * B);
	lab_expect_eq(lab_map(f.inode, 0, HEAD * B, 0, &e), 0);
	lab_expect_eq(e.type, LAB_MAPPED);
	up_write(&f.inode->i_rwsem);
	full_close(&f);
}

LAB_TEST(nospace, extension_that_fails_gives_all_back)
{
	u32 nr_free;

	for (nr_free = WANT - 1; nr_free <= WANT + 1; nr_free++) {
		extend_fails(nr_free, 0);
		extend_fails(nr_free, B);
		extend_fails(nr_free, 2 * B);
	}
}

/* lab_zero() beyond the end leaves blocks there when it fails, as fallocate(2) does; trimming finds them. */
LAB_TEST(nospace, zeroing_that_fails_can_be_trimmed)
{
	u32 nr_free;
	struct full f;

	for (nr_free = WANT - 1; nr_free <= WANT + 1; nr_free++) {
		full_open(&f, nr_free, B);
		lab_expect_eq(lab_zero(f.inode, HEAD * B, WANT * B), nr_free < WANT ? -ENOSPC : 0);
		lab_expect_eq(i_size_read(f.inode), (HEAD + (nr_free < WANT ? 0 : WANT)) * B);
		lab_expect_eq(lab_fs_free_bytes(f.fs), nr_free < WANT ? 0 : (nr_free - WANT) * B);
		down_write(&f.inode->i_rwsem);
		lab_expect_eq(lab_trim_eof(f.inode), 0);
		up_write(&f.inode->i_rwsem);
		lab_expect_eq(lab_fs_free_bytes(f.fs), (nr_free < WANT ? nr_free : nr_free - WANT) * B);
		full_close(&f);
	}
}

/* A hole inside the file: what could be had of it stays, reads as zeros, and the size does not change. */
LAB_TEST(nospace, hole_that_cannot_be_filled)
{
	u32 nr_free;
	struct full f;
	struct lab_extent e;
	int err;

	for (nr_free = WANT - 1; nr_free <= WANT + 1; nr_free++) {
		full_open(&f, nr_free, 0);
		lab_expect_eq(lab_truncate(f.inode, (HEAD + WANT + 2) * B), 0);
		lab_expect_eq(map_all(&f, &err), min(WANT, nr_free));
		lab_expect_eq(err, nr_free < WANT ? -ENOSPC : 0);
		lab_expect_eq(i_size_read(f.inode), (HEAD + WANT + 2) * B);
		lab_expect_eq(lab_map(f.inode, HEAD * B, WANT * B, 0, &e), 0);
		lab_expect_eq(e.type, LAB_UNWRITTEN);
		lab_expect_eq(e.len_bytes, min(WANT, nr_free) * B);
		full_close(&f);
	}
}

/* Through the page cache: the pages that found room count, and reach the disk. */
LAB_TEST(nospace, buffered_write_ends_where_the_disk_does)
{
	u8 *want = test_pages(16 * PAGE_SIZE), *have = test_pages(16 * PAGE_SIZE);
	u32 nr_free, got;
	struct full f;

	test_fill(want, 0, 16 * PAGE_SIZE, 1);
	for (nr_free = WANT - 1; nr_free <= WANT + 1; nr_free++) {
		full_open(&f, nr_free, B);
		got = min(WANT, nr_free);
		lab_expect_eq(cache_pwrite(f.inode, HEAD * B, want, WANT * B), nr_free < WANT ? -ENOSPC : 0);
		lab_expect_eq(i_size_read(f.inode), (HEAD + got) * B);
		lab_expect_eq(lab_fs_free_bytes(f.fs), (nr_free - got) * B);
		lab_expect_eq(cache_sync(f.inode), 0);
		lab_expect_eq(lab_cache_invalidate(f.inode, 0, LAB_MAX_FILE_BYTES), 0);
		lab_expect_eq(cache_pread(f.inode, HEAD * B, have, got * B), 0);
		lab_expect_mem(have, want, got * B);
		full_close(&f);
	}
	test_free_pages(have, 16 * PAGE_SIZE);
	test_free_pages(want, 16 * PAGE_SIZE);
}

/* Blocks that no extent can be made for go back. */
LAB_TEST(nospace, no_memory_for_the_extent)
{
	struct lab_fs_opts opts = { .layout = LAB_LAYOUT_SPARSE };
	struct lab_extent e;
	struct test_dev dev;
	struct inode *inode;
	struct lab_fs *fs;

	test_dev_open(&dev, TEST_RAM, 16 * B, NULL);
	fs = lab_fs_create(dev.bdev, &opts);
	lab_expect(!IS_ERR(fs));
	inode = lab_inode_create(fs, 8 * B);
	lab_expect(!IS_ERR(inode));
	kc_fault_nth(KC_FAULT_SLAB, 1, 2);
	lab_expect_eq(lab_map(inode, 0, B, LAB_MAP_CREATE, &e), -ENOMEM);
	lab_expect_eq(lab_fs_free_bytes(fs), 16 * B);
	lab_expect_eq(lab_inode_nr_extents(inode), 0);
	kc_fault_reset();
	lab_expect_eq(lab_map(inode, 0, B, LAB_MAP_CREATE, &e), 0);
	lab_fs_destroy(fs);
	test_dev_close(&dev);
}
