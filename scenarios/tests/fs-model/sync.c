// SPDX-License-Identifier: GPL-2.0-only
/* fsync flushes when there is something to flush, and not otherwise. */
#include <lab/filter.h>
#include <lab/fs.h>
#include "../sim/drivers/devs.h"

LAB_TEST(sync, flushes_what_is_new)
{
	struct lab_fs_opts opts = { .layout = LAB_LAYOUT_CONTIGUOUS };
	struct block_device *ram = lab_ram_create(TEST_DISK_BYTES, NULL), *trace;
	struct lab_trace_counts c;
	struct inode *inode;
	struct lab_fs *fs;
	char why[80] = "";

	trace = lab_filter_create(lab_filter_find("trace"), ram, "", why, sizeof(why));
	lab_expect(!IS_ERR(trace));
	fs = lab_fs_create(trace, &opts);
	inode = lab_inode_create(fs, 8 * LAB_BLOCK_BYTES);
	lab_expect(!IS_ERR(inode));
	lab_expect_eq(lab_fsync(inode, true), 0);
	lab_trace_read(trace, &c);
	lab_expect_eq(c.bios[REQ_OP_FLUSH], 0);		/* a new file is durable as it is */
	lab_fs_wrote(inode);
	lab_fs_wrote(inode);
	lab_expect_eq(lab_fsync(inode, true), 0);
	lab_expect_eq(lab_fsync(inode, true), 0);
	lab_trace_read(trace, &c);
	lab_expect_eq(c.bios[REQ_OP_FLUSH], 1);
	lab_expect_eq(lab_truncate(inode, 0), 0);	/* metadata alone */
	lab_expect_eq(lab_fsync(inode, true), 0);
	lab_trace_read(trace, &c);
	lab_expect_eq(c.bios[REQ_OP_FLUSH], 2);
	lab_expect_eq(c.preflush, 2);
	lab_fs_destroy(fs);
	lab_bdev_destroy(trace);
	lab_bdev_destroy(ram);
}

/* A flush that fails leaves everything as dirty as it was. */
LAB_TEST(sync, failed_flush_is_no_flush)
{
	struct lab_fs_opts opts = { .layout = LAB_LAYOUT_CONTIGUOUS };
	struct block_device *ram = lab_ram_create(TEST_DISK_BYTES, NULL), *fault;
	struct lab_extent e;
	struct inode *inode;
	struct lab_fs *fs;
	char why[80] = "";

	fault = lab_filter_create(lab_filter_find("fault"), ram, "eio@flush", why, sizeof(why));
	lab_expect(!IS_ERR(fault));
	fs = lab_fs_create(fault, &opts);
	inode = lab_inode_create(fs, 8 * LAB_BLOCK_BYTES);
	lab_expect_eq(lab_fsync(inode, true), 0);	/* nothing to flush */
	lab_fs_wrote(inode);
	lab_expect_eq(lab_fsync(inode, true), -EIO);
	lab_expect_eq(lab_fsync(inode, true), -EIO);
	lab_expect_eq(lab_truncate(inode, LAB_BLOCK_BYTES), 0);
	lab_expect_eq(lab_fsync(inode, true), -EIO);
	lab_expect_eq(lab_map(inode, 0, 512, 0, &e), 0);
	lab_expect_eq(e.flags, LAB_EXT_DIRTY_META);
	lab_fs_destroy(fs);
	lab_bdev_destroy(fault);
	lab_bdev_destroy(ram);
}
