// SPDX-License-Identifier: GPL-2.0-only
/*
 * wb_err.c - Linux's struct file over our filesystem: an error of write-back is told once to each who has the file open.
 * The lab's own designs go through the same in scenarios/tests/sim/designs/wb_err.c.
 */
#include <linux/blkdev.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <lab/disk.h>
#include <lab/filter.h>
#include <lab/fs.h>
#include "design.h"
#include "host.h"
#include "wb_err.h"

#define FILE_BYTES	(4 * PAGE_SIZE)

static const struct design *design;
static bool well;

static void expect(int have, int want, const char *what)
{
	char line[128];

	if (have == want)
		return;
	snprintf(line, sizeof(line), "upstream-props: errors of write-back: %s: %d, not %d", what, have, want);
	host_puts(line);
	well = false;
}

/* Page 1 is written to through the lab's cache, and lost. */
static void lose(struct inode *inode)
{
	struct page *page;
	int err;

	down_write(&inode->i_rwsem);
	err = lab_write_begin(inode, PAGE_SIZE, PAGE_SIZE, &page);
	if (!err)
		lab_write_end(inode, page, PAGE_SIZE, PAGE_SIZE, PAGE_SIZE);
	up_write(&inode->i_rwsem);
	expect(err ?: lab_cache_write(inode, 0, FILE_BYTES), -EIO, "a page that the disk does not take");
}

static void openers(struct inode *inode)
{
	struct lab_file *a = design->open_file(inode), *b = design->open_file(inode), *late;

	lose(inode);
	late = design->open_file(inode);
	expect(design->fsync(late, true), -EIO, "who opens it before anybody was told");
	design->close(late);
	expect(design->fsync(a, true), -EIO, "the first who had it open");
	expect(design->fsync(a, true), 0, "the first once more");
	expect(design->fsync(b, true), -EIO, "the second who had it open");
	late = design->open_file(inode);
	expect(design->fsync(late, true), 0, "who opens it after that");
	lose(inode);
	expect(design->fsync(late, true), -EIO, "the next error");
	design->close(late);
	design->close(b);
	design->close(a);
}

bool wb_err_told(const struct design *upstream)
{
	struct lab_fs_opts opts = { .layout = LAB_LAYOUT_CONTIGUOUS };
	struct lab_limits limits = { };
	struct block_device *ram = lab_ram_create(1 << 20, &limits), *faulty;
	struct inode *inode;
	struct lab_fs *fs;
	char why[200];

	design = upstream;
	well = true;
	faulty = lab_filter_create(lab_filter_find("fault"), ram, "eio@4k+4k", why, sizeof(why));
	fs = lab_fs_create(faulty, &opts);
	inode = lab_inode_create(fs, FILE_BYTES);
	if (IS_ERR(ram) || IS_ERR(faulty) || IS_ERR(fs) || IS_ERR(inode)) {
		host_puts("upstream-props: no file to open");
		return false;
	}
	openers(inode);
	lab_fs_destroy(fs);
	lab_bdev_destroy(faulty);
	lab_bdev_destroy(ram);
	return well;
}
