/* SPDX-License-Identifier: GPL-2.0-only */
/* on_disk.h - a disk, that fails where it is told to, a filesystem on it and an inode, for the tests of fs-model. */
#ifndef LAB_TEST_ON_DISK_H
#define LAB_TEST_ON_DISK_H

#include <lab/filter.h>
#include <lab/fs.h>
#include "../sim/drivers/devs.h"

/* @faulty: the fault filter above @dev; NULL: none. @have, @want: @buf_bytes each, for who compares; NULL: none */
struct on_disk {
	struct test_dev dev;
	struct block_device *faulty;
	struct lab_fs *fs;
	struct inode *inode;
	u8 *have, *want;
	u32 buf_bytes;
};

/* The device of a test, or a fault filter above it: @fault in the words of --stack fault=…; NULL: none. */
static inline struct block_device *fault_above(struct block_device *below, const char *fault)
{
	struct block_device *faulty;
	char why[200] = "";

	if (!fault)
		return NULL;
	faulty = lab_filter_create(lab_filter_find("fault"), below, fault, why, sizeof(why));
	lab_expect(!IS_ERR(faulty));
	return faulty;
}

/* @o->dev is open, and whatever it should be. */
static inline void on_disk_fill(struct on_disk *o, const char *fault, const struct lab_fs_opts *opts, u64 file_bytes,
				u32 buf_bytes)
{
	o->faulty = fault_above(o->dev.bdev, fault);
	o->fs = lab_fs_create(o->faulty ?: o->dev.bdev, opts);
	lab_expect(!IS_ERR(o->fs));
	o->inode = lab_inode_create(o->fs, file_bytes);
	lab_expect(!IS_ERR(o->inode));
	o->buf_bytes = buf_bytes;
	o->have = buf_bytes ? test_pages(buf_bytes) : NULL;
	o->want = buf_bytes ? test_pages(buf_bytes) : NULL;
}

static inline void on_disk_close(struct on_disk *o)
{
	if (o->buf_bytes) {
		test_free_pages(o->want, o->buf_bytes);
		test_free_pages(o->have, o->buf_bytes);
	}
	lab_fs_destroy(o->fs);
	if (o->faulty)
		lab_bdev_destroy(o->faulty);
	test_dev_close(&o->dev);
}

#endif
