// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading pages in, a page of a buffered write, and which error of write-back is told: what page.c's random streams
 * come to seldom or never.
 */
#include <kc/world.h>
#include <linux/bio.h>
#include "../../../fs-model/fs-internal.h"
#include "on_disk.h"
#include "cached.h"

#define NR_PAGES	8u
#define FILE_BYTES	(NR_PAGES * PAGE_SIZE)
#define BIO_PAGES	2u	/* of a device with limits */

static void small_open(struct on_disk *s, const struct lab_limits *limits, const char *fault)
{
	struct lab_fs_opts opts = { .layout = LAB_LAYOUT_CONTIGUOUS };

	test_dev_open(&s->dev, TEST_RAM, TEST_DISK_BYTES, limits);
	on_disk_fill(s, fault, &opts, FILE_BYTES, FILE_BYTES);
}

/* One extent in several bios: each where it belongs; and one that fails fails them all, whatever comes after it. */
LAB_TEST(page_io, an_extent_in_several_bios)
{
	struct lab_limits limits = { .max_sectors = BIO_PAGES * PAGE_SECTORS };
	struct lab_extent e;
	struct on_disk s;
	u32 i;

	lab_set_bio_rule(true);
	small_open(&s, &limits, NULL);
	for (i = 0; i < NR_PAGES; i++)
		memset(s.want + i * PAGE_SIZE, i + 1, PAGE_SIZE);
	lab_expect_eq(lab_map(s.inode, 0, FILE_BYTES, 0, &e), 0);
	lab_expect_eq(e.len_bytes, FILE_BYTES);
	lab_expect_eq(cache_pwrite(s.inode, 0, s.want, FILE_BYTES), 0);
	lab_expect_eq(cache_sync(s.inode), 0);
	lab_expect_eq(lab_cache_invalidate(s.inode, 0, FILE_BYTES), 0);
	lab_expect_eq(cache_pread(s.inode, 0, s.have, FILE_BYTES), 0);
	lab_expect_mem(s.have, s.want, FILE_BYTES);
	on_disk_close(&s);

	small_open(&s, &limits, "eio@0+4k");
	down_read(&s.inode->i_rwsem);
	lab_expect_eq(lab_cache_read(s.inode, 0, NR_PAGES), -EIO);
	up_read(&s.inode->i_rwsem);
	for (i = 0; i < NR_PAGES; i++)
		lab_expect(!lab_page_find(s.inode, i));
	on_disk_close(&s);
	lab_set_bio_rule(false);
}

/* A page of which all but one byte is written is read in first: that byte is the file's. */
LAB_TEST(page_io, all_but_a_byte)
{
	struct on_disk s;
	u32 at;

	for (at = 0; at <= 1; at++) {
		small_open(&s, NULL, NULL);
		memset(s.want, 0x11, FILE_BYTES);
		lab_expect_eq(cache_pwrite(s.inode, 0, s.want, FILE_BYTES), 0);
		lab_expect_eq(cache_sync(s.inode), 0);
		lab_expect_eq(lab_cache_invalidate(s.inode, 0, FILE_BYTES), 0);
		memset(s.want + at, 0x22, PAGE_SIZE - 1);
		lab_expect_eq(cache_pwrite(s.inode, at, s.want + at, PAGE_SIZE - 1), 0);
		lab_expect_eq(cache_pread(s.inode, 0, s.have, FILE_BYTES), 0);
		lab_expect_mem(s.have, s.want, FILE_BYTES);
		on_disk_close(&s);
	}
}

/* The size is where the copy ended, if that is behind it, whatever was to be copied. */
LAB_TEST(page_io, a_short_copy_over_the_end)
{
	struct page *page;
	struct on_disk s;

	small_open(&s, NULL, NULL);
	lab_expect_eq(lab_truncate(s.inode, FILE_BYTES - 100), 0);
	down_write(&s.inode->i_rwsem);
	lab_expect_eq(lab_write_begin(s.inode, FILE_BYTES - 150, 120, &page), 0);
	lab_expect_eq(lab_write_end(s.inode, page, FILE_BYTES - 150, 120, 10), 10);
	lab_expect_eq(i_size_read(s.inode), FILE_BYTES - 100);
	lab_expect_eq(lab_write_begin(s.inode, FILE_BYTES - 150, 120, &page), 0);
	lab_expect_eq(lab_write_end(s.inode, page, FILE_BYTES - 150, 120, 60), 60);
	lab_expect_eq(i_size_read(s.inode), FILE_BYTES - 90);
	up_write(&s.inode->i_rwsem);
	lab_expect_eq(cache_sync(s.inode), 0);
	on_disk_close(&s);
}

/* Of several errors of write-back the last is kept: who asks is told of one, and of that one since 4.13. */
LAB_TEST(page_io, the_last_error_is_told)
{
	struct on_disk s;

	small_open(&s, NULL, "enospc@0+4k,eio@4k+4k");
	lab_expect_eq(cache_pwrite(s.inode, 0, s.want, 2 * PAGE_SIZE), 0);
	lab_expect_eq(lab_cache_write(s.inode, 0, PAGE_SIZE), -ENOSPC);
	lab_expect_eq(lab_cache_write(s.inode, PAGE_SIZE, PAGE_SIZE), -EIO);
	lab_expect_eq(cache_sync(s.inode), -EIO);
	lab_expect_eq(cache_sync(s.inode), 0);
	on_disk_close(&s);
}
