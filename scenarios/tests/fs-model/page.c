// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page cache of an inode: states and locks of single pages, its limits, what write-back puts on disk and
 * what it does when the disk fails, and long random streams against the reference file.
 */
#include <linux/sched.h>
#include <kc/fault.h>
#include <kc/probe.h>
#include <kc/world.h>
#include <lab/reffs.h>
#include "../../../fs-model/fs-internal.h"
#include "on_disk.h"
#include "cached.h"

#define FILE_BYTES	(24u * LAB_BLOCK_BYTES)
#define FAR_INDEX	((pgoff_t)(LAB_MAX_FILE_BYTES >> PAGE_SHIFT) - 1)

static void cached_open(struct on_disk *c, u64 dev_bytes, const char *fault, const struct lab_fs_opts *opts)
{
	test_dev_open(&c->dev, TEST_RAM, dev_bytes, NULL);
	on_disk_fill(c, fault, opts, 0, FILE_BYTES);
}

/* What is on disk, past the cache. */
static void disk_pread(struct on_disk *c, u8 *to, u32 len)
{
	struct lab_extent e;
	u32 at;

	for (at = 0; at < len; at += LAB_BLOCK_BYTES) {
		lab_expect_eq(lab_map(c->inode, at, LAB_BLOCK_BYTES, 0, &e), 0);
		memset(to + at, 0, LAB_BLOCK_BYTES);
		if (e.type == LAB_MAPPED)
			lab_expect_eq(test_io(e.bdev, REQ_OP_READ, e.sector << SECTOR_SHIFT, to + at,
					      LAB_BLOCK_BYTES), 0);
	}
}

static u64 counted(enum lab_probe_id id)
{
	struct kc_probes p;

	kc_probes_own(&p);
	return p.n[lab_scope()][id];
}

/* ---- the container --------------------------------------------------------------------------- */

LAB_TEST(page, found_where_it_was_added)
{
	static const pgoff_t at[] = { 0, 1, 63, 64, 65, 4095, 4096, 1 << 18, FAR_INDEX };
	struct lab_fs_opts opts = { .layout = LAB_LAYOUT_SPARSE };
	struct on_disk c;
	struct page *page;
	unsigned int i;

	cached_open(&c, TEST_DISK_BYTES, NULL, &opts);
	for (i = 0; i < ARRAY_SIZE(at); i++) {
		lab_expect(!lab_page_find(c.inode, at[i]));
		lab_expect_eq(lab_page_get(c.inode, at[i], &page), 0);
		lab_expect_eq(page->index, at[i]);
		lab_expect(PageLocked(page) && !PageUptodate(page) && !PageDirty(page));
		lab_expect(!lab_page_find(c.inode, at[i]));	/* not uptodate */
		lab_page_set_uptodate(page);
		lab_expect(lab_page_find(c.inode, at[i]) == page);
		put_page(page);
		lab_page_unlock(page);
		put_page(page);
		lab_expect_eq(c.inode->i_mapping->nrpages, i + 1);
	}
	/* ranges are whole pages, both ends included; the neighbours stay */
	lab_expect_eq(lab_cache_invalidate(c.inode, 64 * PAGE_SIZE - 1, 2), 0);
	lab_expect_eq(c.inode->i_mapping->nrpages, ARRAY_SIZE(at) - 2);
	lab_expect(!lab_page_find(c.inode, 63) && !lab_page_find(c.inode, 64));
	lab_expect_eq(lab_cache_invalidate(c.inode, 66 * PAGE_SIZE, 1 << 20), 0);
	lab_expect_eq(c.inode->i_mapping->nrpages, ARRAY_SIZE(at) - 2);
	lab_expect_eq(lab_cache_invalidate(c.inode, 0, LAB_MAX_FILE_BYTES), 0);
	lab_expect_eq(c.inode->i_mapping->nrpages, 0);
	lab_expect(!lab_i(c.inode)->cache.root);
	on_disk_close(&c);
}

LAB_TEST(page, invalidate_leaves_dirty_pages_and_marks_locked_ones)
{
	struct lab_fs_opts opts = { .layout = LAB_LAYOUT_SPARSE };
	struct on_disk c;
	struct page *page, *again;

	cached_open(&c, TEST_DISK_BYTES, NULL, &opts);
	memset(c.want, 0x42, FILE_BYTES);
	lab_expect_eq(cache_pwrite(c.inode, 0, c.want, PAGE_SIZE), 0);
	lab_expect(lab_cache_is_dirty(c.inode, PAGE_SIZE - 1, 1));
	lab_expect(!lab_cache_is_dirty(c.inode, PAGE_SIZE, PAGE_SIZE));
	lab_expect_eq(lab_cache_invalidate(c.inode, 0, PAGE_SIZE), -EBUSY);
	lab_expect(lab_cache_is_dirty(c.inode, 0, 1));
	lab_expect_eq(lab_cache_write(c.inode, 0, 1), 0);
	lab_expect(!lab_cache_is_dirty(c.inode, 0, PAGE_SIZE));
	/* clean, but somebody has it: it goes with the lock, and is not found any more until then */
	lab_expect_eq(lab_page_get(c.inode, 0, &page), 0);
	lab_expect_eq(lab_cache_invalidate(c.inode, 0, PAGE_SIZE), -EBUSY);
	lab_expect(!lab_page_find(c.inode, 0));
	lab_page_set_uptodate(page);			/* a read that was overtaken */
	lab_expect(!lab_page_find(c.inode, 0));
	lab_expect_eq(c.inode->i_mapping->nrpages, 1);
	lab_page_unlock(page);
	lab_expect_eq(c.inode->i_mapping->nrpages, 0);
	lab_expect_eq(lab_page_get(c.inode, 0, &again), 0);
	lab_expect(again != page);
	lab_page_unlock(again);
	put_page(again);
	put_page(page);
	on_disk_close(&c);
}

static void take_page_0(void *arg)
{
	struct on_disk *c = arg;
	struct page *page;

	lab_expect_eq(lab_page_get(c->inode, 0, &page), 0);
	lab_expect(PageUptodate(page));
	lab_page_unlock(page);
	put_page(page);
}

LAB_TEST(page, lock_is_waited_for)
{
	struct lab_fs_opts opts = { .layout = LAB_LAYOUT_SPARSE };
	struct test_task other;
	struct page *page;
	struct on_disk c;

	cached_open(&c, TEST_DISK_BYTES, NULL, &opts);
	lab_expect_eq(lab_page_get(c.inode, 0, &page), 0);
	test_task_start(&other, take_page_0, &c);
	yield();
	lab_page_set_uptodate(page);
	lab_page_unlock(page);
	test_task_join(&other);
	put_page(page);
	on_disk_close(&c);
}

/* ---- limits ------------------------------------------------------------------------------------ */

LAB_TEST(page, limits_hold)
{
	struct lab_fs_opts opts = { .layout = LAB_LAYOUT_SPARSE };
	struct on_disk c;
	u8 byte = 1;
	u32 i;

	cached_open(&c, 8u << 20, NULL, &opts);
	for (i = 0; i <= LAB_CACHE_MAX_DIRTY; i++) {
		lab_expect_eq(lab_i(c.inode)->cache.nr_dirty, i);
		lab_expect_eq(cache_pwrite(c.inode, (u64)i * PAGE_SIZE + 7, &byte, 1), 0);
	}
	lab_expect_eq(lab_i(c.inode)->cache.nr_dirty, 0);	/* one too many: all were written */
	lab_expect_eq(counted(LAB_WRITEBACKS), LAB_CACHE_MAX_DIRTY + 1);
	for (i = 0; i < LAB_CACHE_MAX_PAGES + 100; i++) {
		lab_expect_eq(cache_pread(c.inode, (u64)i * PAGE_SIZE, c.have, 1), 0);
		lab_expect_le(c.inode->i_mapping->nrpages, LAB_CACHE_MAX_PAGES);
	}
	lab_expect_gt(c.inode->i_mapping->nrpages, LAB_CACHE_MAX_PAGES - 64);
	/* and what was dropped for want of room is still there */
	lab_expect_eq(cache_pread(c.inode, 7, c.have, 1), 0);
	lab_expect_eq(c.have[0], 1);
	on_disk_close(&c);
}

/* Room is made of pages that nobody has: not of one that is locked, and not of the same ones each time. */
LAB_TEST(page, room_is_made_of_others)
{
	struct lab_fs_opts opts = { .layout = LAB_LAYOUT_SPARSE };
	struct on_disk c;
	struct page *page;
	u32 i;

	cached_open(&c, 8u << 20, NULL, &opts);
	lab_expect_eq(lab_page_get(c.inode, 5, &page), 0);
	for (i = 6; c.inode->i_mapping->nrpages < LAB_CACHE_MAX_PAGES; i++)
		lab_expect_eq(cache_pread(c.inode, (u64)i * PAGE_SIZE, c.have, 1), 0);
	lab_expect(!lab_page_try_add(c.inode, FAR_INDEX));		/* who may not wait gets none */
	lab_expect_eq(c.inode->i_mapping->nrpages, LAB_CACHE_MAX_PAGES);
	lab_expect_eq(cache_pread(c.inode, (u64)i++ * PAGE_SIZE, c.have, 1), 0);
	lab_expect_lt(c.inode->i_mapping->nrpages, LAB_CACHE_MAX_PAGES);
	lab_expect(page->mapping == c.inode->i_mapping);
	/* the first one after it was dropped; it comes back, and others go the next time */
	lab_expect(!lab_page_find(c.inode, 6));
	while (c.inode->i_mapping->nrpages < LAB_CACHE_MAX_PAGES - 1)
		lab_expect_eq(cache_pread(c.inode, (u64)i++ * PAGE_SIZE, c.have, 1), 0);
	lab_expect_eq(cache_pread(c.inode, 6 * PAGE_SIZE, c.have, 1), 0);
	lab_expect_eq(cache_pread(c.inode, (u64)i * PAGE_SIZE, c.have, 1), 0);
	lab_expect_lt(c.inode->i_mapping->nrpages, LAB_CACHE_MAX_PAGES);
	lab_expect_eq(page->index, 5);
	lab_expect(page->mapping == c.inode->i_mapping);
	lab_page_unlock(page);
	put_page(page);
	page = lab_page_find(c.inode, 6);
	lab_expect(page);
	put_page(page);
	on_disk_close(&c);
}

/* The page in reserve is for who cannot do without: reading ahead can. */
LAB_TEST(page, reading_ahead_leaves_the_reserve)
{
	struct lab_fs_opts opts = { .layout = LAB_LAYOUT_SPARSE };
	struct on_disk c;
	struct page *page;

	cached_open(&c, TEST_DISK_BYTES, NULL, &opts);
	kc_fault_nth(KC_FAULT_PAGE, 1, ~0ull >> 1);
	lab_expect(!lab_page_try_add(c.inode, 0));
	lab_expect_eq(lab_page_get(c.inode, 0, &page), 0);
	kc_fault_nth(KC_FAULT_PAGE, 0, 0);
	lab_page_unlock(page);
	put_page(page);
	on_disk_close(&c);
}

LAB_TEST(page, full_disk_is_the_writers_to_hear)
{
	struct lab_fs_opts opts = { .layout = LAB_LAYOUT_SPARSE };
	struct on_disk c;
	u32 i, blks;

	cached_open(&c, 64u * LAB_BLOCK_BYTES, NULL, &opts);
	blks = lab_fs_free_bytes(c.fs) >> LAB_BLOCK_SHIFT;
	for (i = 0; i < blks; i++)
		lab_expect_eq(cache_pwrite(c.inode, (u64)i * PAGE_SIZE, c.want, PAGE_SIZE), 0);
	lab_expect_eq(cache_pwrite(c.inode, (u64)i * PAGE_SIZE, c.want, 1), -ENOSPC);
	lab_expect_eq(i_size_read(c.inode), blks * PAGE_SIZE);
	lab_expect_eq(cache_sync(c.inode), 0);
	on_disk_close(&c);
}

/* ---- errors ------------------------------------------------------------------------------------ */

LAB_TEST(page, error_of_write_back_is_told_once)
{
	struct lab_fs_opts opts = { .layout = LAB_LAYOUT_SPARSE };
	struct on_disk c;
	struct lab_extent e;

	cached_open(&c, TEST_DISK_BYTES, "eio@0+4k", &opts);
	memset(c.want, 0x42, FILE_BYTES);
	lab_expect_eq(cache_pwrite(c.inode, 0, c.want, 3 * PAGE_SIZE), 0);
	lab_expect_eq(lab_map(c.inode, 0, PAGE_SIZE, 0, &e), 0);
	lab_expect_eq(e.sector, 0);
	lab_expect_eq(lab_cache_write(c.inode, 0, PAGE_SIZE), -EIO);
	lab_expect(!lab_cache_is_dirty(c.inode, 0, PAGE_SIZE));
	lab_expect(lab_cache_is_dirty(c.inode, PAGE_SIZE, PAGE_SIZE));
	lab_expect_eq(cache_sync(c.inode), -EIO);
	lab_expect_eq(cache_sync(c.inode), 0);
	/* what failed stays unwritten: zeros, not what was on the disk */
	lab_expect_eq(lab_map(c.inode, 0, PAGE_SIZE, 0, &e), 0);
	lab_expect_eq(e.type, LAB_UNWRITTEN);
	lab_expect_eq(lab_map(c.inode, PAGE_SIZE, 2 * PAGE_SIZE, 0, &e), 0);
	lab_expect_eq(e.type, LAB_MAPPED);
	lab_expect_eq(e.len_bytes, 2 * PAGE_SIZE);
	on_disk_close(&c);
}

LAB_TEST(page, error_of_a_read_leaves_no_contents)
{
	struct lab_fs_opts opts = { .layout = LAB_LAYOUT_CONTIGUOUS };
	struct on_disk c;
	struct inode *inode;

	cached_open(&c, TEST_DISK_BYTES, "eio@0+4k", &opts);
	inode = lab_inode_create(c.fs, 4 * PAGE_SIZE);
	lab_expect(!IS_ERR(inode));
	down_write(&inode->i_rwsem);
	lab_expect_eq(lab_cache_read(inode, 0, 4), -EIO);
	lab_expect(!lab_page_find(inode, 0));
	lab_expect_eq(lab_cache_read(inode, 1, 3), 0);
	up_write(&inode->i_rwsem);
	on_disk_close(&c);
}

/* ---- against the reference ------------------------------------------------------------------------ */

static void cache_step(struct on_disk *c, struct lab_reffs *ref, u64 *rand, u32 round)
{
	loff_t pos = test_rand(rand, FILE_BYTES - 1), size = lab_reffs_size(ref);
	u32 len = 1 + test_rand(rand, min_t(u32, FILE_BYTES - pos, 5 * LAB_BLOCK_BYTES));

	switch (test_rand(rand, 10)) {
	case 0 ... 3:
		test_fill(c->want, pos, len, round);
		lab_expect_eq(cache_pwrite(c->inode, pos, c->want, len), 0);
		lab_expect_eq(lab_reffs_pwrite(ref, c->want, len, pos), len);
		break;
	case 4:
		size = test_rand(rand, FILE_BYTES + 1);
		lab_expect_eq(lab_truncate(c->inode, size), 0);
		lab_expect_eq(lab_reffs_truncate(ref, size), 0);
		break;
	case 5:
		lab_expect_eq(lab_punch(c->inode, pos, len), 0);
		lab_expect_eq(lab_reffs_punch(ref, pos, len), 0);
		break;
	case 6:
		lab_expect_eq(lab_zero(c->inode, pos, len), 0);
		lab_expect_eq(lab_reffs_punch(ref, pos, len), 0);
		if (pos + len > lab_reffs_size(ref))
			lab_expect_eq(lab_reffs_truncate(ref, pos + len), 0);
		break;
	case 7:
		lab_expect_eq(lab_cache_write(c->inode, pos, len), 0);
		lab_expect_eq(lab_cache_invalidate(c->inode, pos, len), 0);
		break;
	case 8:
		lab_expect_eq(cache_sync(c->inode), 0);
		disk_pread(c, c->have, FILE_BYTES);
		lab_expect_eq(lab_reffs_pread(ref, c->want, FILE_BYTES, 0), size);
		lab_expect_mem(c->have, c->want, size);
		break;
	default:
		lab_expect_eq(lab_reffs_pread(ref, c->want, FILE_BYTES, 0), size);
		if (size)
			lab_expect_eq(cache_pread(c->inode, 0, c->have, size), 0);
		lab_expect_mem(c->have, c->want, size);
	}
	lab_expect_eq(i_size_read(c->inode), lab_reffs_size(ref));
}

static void against_reference(const struct lab_fs_opts *opts)
{
	struct lab_reffs *ref = lab_reffs_create(1, FILE_BYTES);
	u32 rounds = lab_test_slow() ? 60 : 600, round;
	u64 rand = test_seed();
	struct on_disk c;

	lab_expect(!IS_ERR(ref));
	cached_open(&c, TEST_DISK_BYTES, NULL, opts);
	for (round = 0; round < rounds; round++)
		cache_step(&c, ref, &rand, round);
	on_disk_close(&c);
	lab_reffs_destroy(ref);
}

LAB_TEST(page, bytes_as_in_the_reference)
{
	struct lab_fs_opts opts = { .layout = LAB_LAYOUT_SPARSE };

	against_reference(&opts);
	opts = (struct lab_fs_opts){ .layout = LAB_LAYOUT_FRAGMENTED, .fragment_bytes = LAB_BLOCK_BYTES };
	against_reference(&opts);
}
