// SPDX-License-Identifier: GPL-2.0-only
/*
 * The loop device as it was before the series, and still is on a file whose methods do not take pages: through the page
 * cache, a bio_vec at a time. It has neither D1 nor D2.
 */
#include <linux/fs.h>
#include "burst.h"

#define FILE_BYTES	(1u << 20)
#define IO_BYTES	(5 * PAGE_SIZE + 512)

static void cached_up(struct rig *r, enum lab_layout layout)
{
	struct rig_opts o = {
		.file_bytes = FILE_BYTES, .fill = 0xee, .loop = true, .loop_opts = { .buffered = true },
		.fs = { .layout = layout },
	};

	rig_up(r, &o);
}

/* What the device reads and writes is in the file's pages, and on the disk after a flush. */
static void through_pages(enum lab_layout layout)
{
	struct lab_trace_counts before, after;
	struct rig r;

	cached_up(&r, layout);
	rig_set(r.mem, 0x42, IO_BYTES);
	before = rig_seen(&r);
	kc_probes_reset();
	lab_expect_eq(rig_io(r.bdev, LAB_WRITE, 1024, r.mem, IO_BYTES, 0), IO_BYTES);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_ALLOC_CMD), 0);
	lab_expect(lab_cache_is_dirty(r.inode, 1024, IO_BYTES));
	after = rig_seen(&r);
	lab_expect_eq(after.bios[REQ_OP_WRITE], before.bios[REQ_OP_WRITE]);
	rig_expect_written(&r, r.bdev, 1024, 0x42, IO_BYTES);
	rig_expect_written(&r, r.bdev, 512, layout == LAB_LAYOUT_CONTIGUOUS ? 0xee : 0, 512);
	lab_expect_eq(rig_design->fsync(r.bdev, true), 0);
	lab_expect(!lab_cache_is_dirty(r.inode, 0, FILE_BYTES));
	after = rig_seen(&r);
	lab_expect_gt(after.bios[REQ_OP_WRITE], before.bios[REQ_OP_WRITE]);
	lab_expect_eq(after.preflush - before.preflush, 1);
	rig_expect_written(&r, r.file, 1024, 0x42, IO_BYTES);
	rig_down(&r);
}

LAB_TEST(iter_ops_cached, through_the_files_pages)
{
	through_pages(LAB_LAYOUT_CONTIGUOUS);
	through_pages(LAB_LAYOUT_SPARSE);
}

/* D2 is the kiocb's: here FUA is written and flushed before the bio ends. */
LAB_TEST(iter_ops_cached, fua_reaches_the_disk)
{
	struct lab_trace_counts before, after;
	struct rig r;

	cached_up(&r, LAB_LAYOUT_CONTIGUOUS);
	before = rig_seen(&r);
	burst_run(burst_make(rig_design->loop_bdev(r.loop), REQ_OP_WRITE | REQ_FUA, 3, 1), false);
	after = rig_seen(&r);
	lab_expect_eq(after.preflush - before.preflush, 3);
	lab_expect(!lab_cache_is_dirty(r.inode, 0, FILE_BYTES));
	rig_expect_written(&r, r.file, 0, BURST_BYTE, 3 * PAGE_SIZE);
	rig_down(&r);
}

/* D1 too: a bio that begins in the file and ends behind it is zeros, all of it. */
LAB_TEST(iter_ops_cached, a_short_read_is_zeros)
{
	struct rig r;

	cached_up(&r, LAB_LAYOUT_CONTIGUOUS);
	rig_set(r.mem, 0x42, FILE_BYTES);
	lab_expect_eq(rig_io(r.bdev, LAB_WRITE, 0, r.mem, FILE_BYTES, 0), FILE_BYTES);
	lab_expect_eq(lab_truncate(r.inode, 3 * PAGE_SIZE), 0);
	rig_expect_written(&r, r.bdev, 0, 0x42, 3 * PAGE_SIZE);
	rig_expect_written(&r, r.bdev, 0, 0, 4 * PAGE_SIZE);
	rig_expect_written(&r, r.bdev, 8 * PAGE_SIZE, 0, PAGE_SIZE);
	rig_down(&r);
}

/*
 * A write over blocks and then a hole: the first part is direct, the rest goes through the page cache and finds no room.
 * What was written was written: the call is short, not failed.
 */
LAB_TEST(iter_ops_cached, a_write_whose_rest_finds_no_room_is_short)
{
	struct rig_opts o = {
		.disk_bytes = 16 * PAGE_SIZE, .file_bytes = 64 * PAGE_SIZE, .fs = { .layout = LAB_LAYOUT_SPARSE },
	};
	struct rig r;

	rig_up(&r, &o);
	rig_set(r.mem, 0x42, 20 * PAGE_SIZE);
	lab_expect_eq(rig_io(r.file, LAB_WRITE, 0, r.mem, 16 * PAGE_SIZE, 0), 16 * PAGE_SIZE);
	lab_expect_eq(rig_io(r.file, LAB_WRITE, 12 * PAGE_SIZE, r.mem, 8 * PAGE_SIZE, 0), 4 * PAGE_SIZE);
	lab_expect_eq(rig_io(r.file, LAB_WRITE, 16 * PAGE_SIZE, r.mem, PAGE_SIZE, 0), -ENOSPC);
	rig_expect_written(&r, r.file, 0, 0x42, 16 * PAGE_SIZE);
	rig_expect_written(&r, r.file, 16 * PAGE_SIZE, 0, 4 * PAGE_SIZE);
	rig_down(&r);
}
