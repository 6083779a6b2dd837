// SPDX-License-Identifier: GPL-2.0-only
/*
 * What lies behind the end of the file in its last block, and that nobody sees it when the file grows, in whatever way
 * it does, even if it could not be zeroed when it came to be there.
 */
#include <kc/fault.h>
#include "../../../fs-model/fs-internal.h"
#include "cached.h"
#include "on_disk.h"

#define B	LAB_BLOCK_BYTES
#define SIZE	(2 * B + 512)
#define BYTES	(12u * B)
#define STALE	0xaa

/* A file whose last block holds STALE behind its end, and to which a block behind that belongs: a write failed. */
static void eof_open(struct on_disk *o)
{
	struct lab_fs_opts opts = { .layout = LAB_LAYOUT_SPARSE };

	test_dev_open(&o->dev, TEST_RAM, BYTES * 2, NULL);
	on_disk_fill(o, NULL, &opts, 0, BYTES);
	memset(o->want, STALE, BYTES);
	lab_expect_eq(cache_pwrite(o->inode, 0, o->want, 4 * B), 0);
	lab_expect_eq(cache_sync(o->inode), 0);
	lab_expect_eq(lab_cache_invalidate(o->inode, 0, BYTES), 0);
	down_write(&o->inode->i_rwsem);
	i_size_write(o->inode, SIZE);		/* as if it never had been more */
	up_write(&o->inode->i_rwsem);
}

static int trim(struct on_disk *o)
{
	int err;

	down_write(&o->inode->i_rwsem);
	err = lab_trim_eof(o->inode);
	up_write(&o->inode->i_rwsem);
	return err;
}

/* The file is SIZE bytes of STALE and then zeros; what is at [@pos, BYTES) does not matter. */
static void expect_zeros(struct on_disk *o, loff_t pos)
{
	memset(o->want + SIZE, 0, BYTES - SIZE);
	lab_expect_eq(cache_pread(o->inode, 0, o->have, pos), 0);
	lab_expect_mem(o->have, o->want, pos);
}

/* A direct write of one block at @pos, as far as this folder knows one. */
static int direct_write(struct on_disk *o, loff_t pos)
{
	struct lab_extent e;
	enum lab_lock lock;
	int err = lab_lock_for_write(o->inode, pos, B, false, &lock);

	if (err)
		return err;
	lab_expect_eq(lock, LAB_LOCK_EXCL);
	lab_expect_eq(lab_map(o->inode, pos, B, LAB_MAP_CREATE, &e), 0);
	lab_expect_eq(test_io(e.bdev, REQ_OP_WRITE, e.sector << SECTOR_SHIFT, o->have, B), 0);
	lab_fs_wrote(o->inode);
	lab_expect_eq(lab_convert(o->inode, pos, B), 0);
	i_size_write(o->inode, pos + B);
	lab_unlock(o->inode, lock);
	return 0;
}

enum grow { GROW_TRUNCATE, GROW_ALLOC, GROW_ZERO, GROW_BUFFERED, GROW_DIRECT, NR_GROW };

static int grow(struct on_disk *o, enum grow how)
{
	switch (how) {
	case GROW_TRUNCATE:
		return lab_truncate(o->inode, 9 * B);
	case GROW_ALLOC:
		return lab_alloc(o->inode, 8 * B, B, false);
	case GROW_ZERO:
		return lab_zero(o->inode, 8 * B, B, false);
	case GROW_BUFFERED:
		return cache_pwrite(o->inode, 8 * B, o->have, B);
	default:
		return direct_write(o, 8 * B);
	}
}

/* A page is what zeroing needs. Whatever lies in blocks of its own is freed without one. */
LAB_TEST(eof, trim_without_memory)
{
	enum grow how;
	struct on_disk o;

	for (how = 0; how < NR_GROW; how++) {
		eof_open(&o);
		kc_fault_nth(KC_FAULT_PAGE, 1, 1);
		lab_expect_eq(trim(&o), -ENOMEM);
		kc_fault_reset();
		lab_expect_eq(lab_fs_free_bytes(o.fs), BYTES * 2 - 3 * B);
		lab_expect_eq(grow(&o, how), 0);
		lab_expect_eq(i_size_read(o.inode), 9 * B);
		expect_zeros(&o, 8 * B);
		on_disk_close(&o);
	}
}

/* As long as it cannot be zeroed the file does not grow, and what is in it can be written. */
LAB_TEST(eof, no_growth_without_memory)
{
	enum grow how;
	struct on_disk o;
	enum lab_lock lock;

	for (how = 0; how < NR_GROW; how++) {
		eof_open(&o);
		kc_fault_nth(KC_FAULT_PAGE, 1, ~0ull >> 1);
		lab_expect_eq(trim(&o), -ENOMEM);
		lab_expect_eq(grow(&o, how), -ENOMEM);
		lab_expect_eq(i_size_read(o.inode), SIZE);
		lab_expect_eq(lab_lock_for_write(o.inode, SIZE, B, true, &lock), -EAGAIN);
		lab_expect_eq(lock, LAB_LOCK_NONE);
		lab_expect_eq(lab_lock_for_write(o.inode, 0, B, true, &lock), 0);
		lab_unlock(o.inode, lock);
		lab_expect_eq(lab_truncate(o.inode, 2 * B), 0);	/* there is no part of a block any more */
		lab_expect_eq(lab_truncate(o.inode, SIZE), 0);
		kc_fault_reset();
		memset(o.want + 2 * B, 0, 512);
		expect_zeros(&o, SIZE);
		on_disk_close(&o);
	}
}

/*
 * A file that is made with a size has what the device held, up to that size; what follows is zeroed then or, if that
 * fails, later.
 */
LAB_TEST(eof, made_with_part_of_a_block)
{
	struct lab_fs_opts opts = { .layout = LAB_LAYOUT_CONTIGUOUS };
	enum grow how;
	struct on_disk o;

	for (how = 0; how < NR_GROW; how++) {
		u8 *stale = test_pages(BYTES);

		test_dev_open(&o.dev, TEST_RAM, BYTES * 2, NULL);
		memset(stale, STALE, BYTES);
		lab_expect_eq(test_io(o.dev.bdev, REQ_OP_WRITE, 0, stale, BYTES), 0);
		test_free_pages(stale, BYTES);
		kc_fault_nth(KC_FAULT_PAGE, 1, how & 1 ? 0 : 1);
		on_disk_fill(&o, NULL, &opts, SIZE, 0);
		kc_fault_reset();
		o.buf_bytes = BYTES;
		o.have = test_pages(BYTES);
		o.want = test_pages(BYTES);
		memset(o.want, STALE, BYTES);
		lab_expect_eq(grow(&o, how), 0);
		lab_expect_eq(i_size_read(o.inode), 9 * B);
		expect_zeros(&o, 8 * B);
		on_disk_close(&o);
	}
}
