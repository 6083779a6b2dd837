// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page cache of a block device: its two descriptors, direct and buffered, on one device. On a loop device and on
 * the disk itself: the device's pages know no difference. What a design has to say of its own cache is in a folder of
 * its name.
 */
#include "rig.h"

#define FILE_BYTES	(1u << 20)
#define ROUNDS		16
#define NO_CACHE	"it has no page cache over a block device"

/* What goes through the device's pages begins at mem. */
static ssize_t above(struct lab_file *bdev, enum lab_rw rw, loff_t pos, unsigned long addr, size_t len,
		     unsigned int flags)
{
	return rig_io(bdev, rw, pos, addr, len, LAB_IO_BUFFERED | flags);
}

static ssize_t direct(struct lab_file *bdev, enum lab_rw rw, loff_t pos, unsigned long addr, size_t len, bool async)
{
	struct lab_iovec iov = { addr, len };

	return async ? rig_aio(bdev, rw, pos, &iov, 1, 0) : rig_io(bdev, rw, pos, addr, len, 0);
}

static void expect_above(struct rig *r, struct lab_file *bdev, loff_t pos, u8 byte, size_t len)
{
	unsigned long to = r->mem + RIG_MEM_BYTES / 2;

	rig_set(to, 0xa5, len);
	lab_expect_eq(above(bdev, LAB_READ, pos, to, len, 0), len);
	lab_expect_eq(rig_find_other(to, byte, len), -1);
}

/* By the byte: a direct read finds what is dirty, a buffered one what was written past the pages. */
static void see_each_other(struct rig *r, struct lab_file *bdev, bool async)
{
	unsigned long to = r->mem + 65536;

	rig_set(r->mem, 0x77, 65536);
	lab_expect_eq(direct(bdev, LAB_WRITE, 0, r->mem, 65536, async), 65536);
	rig_set(r->mem, 0x11, 10);
	lab_expect_eq(above(bdev, LAB_WRITE, 100, r->mem, 10, 0), 10);
	lab_expect_eq(direct(bdev, LAB_READ, 0, to, 512, async), 512);
	lab_expect_eq(rig_find_other(to, 0x77, 100), -1);
	lab_expect_eq(rig_find_other(to + 100, 0x11, 10), -1);
	lab_expect_eq(rig_find_other(to + 110, 0x77, 402), -1);
	/* beside what is dirty in the page, and over it */
	lab_expect_eq(above(bdev, LAB_WRITE, 4096 + 100, r->mem, 10, 0), 10);
	rig_set(r->mem, 0x22, 512);
	lab_expect_eq(direct(bdev, LAB_WRITE, 512, r->mem, 512, async), 512);
	lab_expect_eq(direct(bdev, LAB_WRITE, 4096, r->mem, 512, async), 512);
	expect_above(r, bdev, 100, 0x11, 10);
	expect_above(r, bdev, 110, 0x77, 402);
	expect_above(r, bdev, 512, 0x22, 512);
	expect_above(r, bdev, 4096, 0x22, 512);
	expect_above(r, bdev, 4096 + 512, 0x77, 4096 - 512);
}

static void ends(struct rig *r, struct lab_file *bdev)
{
	loff_t size = rig_design->size(bdev);

	lab_expect_eq(above(bdev, LAB_WRITE, size - 10, r->mem, 100, 0), 10);
	lab_expect_eq(above(bdev, LAB_WRITE, size, r->mem, 1, 0), -ENOSPC);
	lab_expect_eq(above(bdev, LAB_WRITE, 0, r->mem, 1, LAB_IO_APPEND), -ENOSPC);
	lab_expect_eq(above(bdev, LAB_READ, size - 10, r->mem, 100, 0), 10);
	lab_expect_eq(above(bdev, LAB_READ, size, r->mem, 1, 0), 0);
	lab_expect_eq(above(bdev, LAB_WRITE, 0, r->mem, 0, 0), 0);
}

DESIGN_TEST(bdev_cache, descriptors_see_each_other)
{
	struct rig_opts o = { .file_bytes = FILE_BYTES, .fill = 0xee, .loop = true };
	struct lab_file *disk;
	unsigned int k;
	struct rig r;

	if (!rig_costs()->bdev_cache)
		lab_test_skip(NO_CACHE);
	for (k = 0; k < RIG_KNOB_SETS; k++) {
		if (!rig_knobs(k, &o.knobs))
			continue;
		rig_up(&r, &o);
		see_each_other(&r, r.bdev, false);
		see_each_other(&r, r.bdev, true);
		ends(&r, r.bdev);
		rig_loop_down(&r);
		disk = rig_design->open_bdev(r.trace);
		lab_expect(!IS_ERR(disk));
		see_each_other(&r, disk, false);
		see_each_other(&r, disk, true);
		ends(&r, disk);
		rig_design->close(disk);
		rig_down(&r);
	}
}

/* A page that is read in while a direct write is on its way to the disk holds what was there before: it goes. */
DESIGN_TEST(bdev_cache, page_read_during_a_write_is_forgotten)
{
	struct rig_opts o = { .disk = RIG_REAL };
	struct lab_file *disk;
	struct lab_iovec iov;
	struct rig_slot slot;
	unsigned int i;
	struct rig r;

	if (!rig_costs()->bdev_cache)
		lab_test_skip(NO_CACHE);
	rig_up(&r, &o);
	disk = rig_design->open_bdev(r.trace);
	lab_expect(!IS_ERR(disk));
	iov = (struct lab_iovec){ r.mem, 65536 };
	for (i = 0; i < ROUNDS; i++) {
		loff_t pos = 65536 * i;

		lab_expect_eq(above(disk, LAB_READ, pos, r.mem, 10, 0), 10);	/* or no page would be looked for */
		rig_set(r.mem, i + 1, 65536);
		rig_start(&slot, disk, LAB_WRITE, pos, &iov, 1, 0);
		lab_expect_eq(above(disk, LAB_READ, pos, r.mem + 65536, 65536, 0), 65536);
		lab_expect_eq(rig_finish(&slot), 65536);
		expect_above(&r, disk, pos, i + 1, 65536);
	}
	rig_design->close(disk);
	rig_down(&r);
}

/* Durable when asked, and written back by who closes last; counted at the disk. */
DESIGN_TEST(bdev_cache, dirty_pages_reach_the_disk)
{
	struct rig_opts o = { .disk = RIG_RAM };
	struct lab_trace_counts before, after;
	struct lab_file *disk;
	struct rig r;

	if (!rig_costs()->bdev_cache)
		lab_test_skip(NO_CACHE);
	rig_up(&r, &o);
	disk = rig_design->open_bdev(r.trace);
	lab_expect(!IS_ERR(disk));
	rig_set(r.mem, 0x42, PAGE_SIZE);
	before = rig_seen(&r);
	lab_expect_eq(above(disk, LAB_WRITE, 10, r.mem, 100, 0), 100);
	after = rig_seen(&r);
	lab_expect_eq(after.bios[REQ_OP_WRITE], before.bios[REQ_OP_WRITE]);
	lab_expect_eq(rig_design->fsync(disk, true), 0);
	after = rig_seen(&r);
	lab_expect_eq(after.bios[REQ_OP_WRITE] - before.bios[REQ_OP_WRITE], 1);
	lab_expect_eq(after.preflush - before.preflush, 1);
	lab_expect_eq(above(disk, LAB_WRITE, 8192, r.mem, 100, LAB_IO_DSYNC), 100);
	before = rig_seen(&r);
	lab_expect_eq(before.bios[REQ_OP_WRITE] - after.bios[REQ_OP_WRITE], 1);
	lab_expect_eq(before.preflush - after.preflush, 1);
	lab_expect_eq(above(disk, LAB_WRITE, 20, r.mem, 10, 0), 10);
	rig_design->close(disk);
	after = rig_seen(&r);
	lab_expect_eq(after.bios[REQ_OP_WRITE] - before.bios[REQ_OP_WRITE], 1);
	rig_down(&r);
}

/* What the disk did not take is told by fsync, once, and by a write that was to be durable. */
DESIGN_TEST(bdev_cache, write_back_that_fails)
{
	struct rig_opts o = { .disk = RIG_RAM, .fault = "eio@4k+4k" };
	struct lab_file *disk;
	struct rig r;

	if (!rig_costs()->bdev_cache)
		lab_test_skip(NO_CACHE);
	rig_up(&r, &o);
	disk = rig_design->open_bdev(r.trace);
	lab_expect(!IS_ERR(disk));
	lab_expect_eq(above(disk, LAB_WRITE, 0, r.mem, 3 * PAGE_SIZE, 0), 3 * PAGE_SIZE);
	lab_expect_eq(rig_design->fsync(disk, true), -EIO);
	lab_expect_eq(rig_design->fsync(disk, true), 0);
	lab_expect_eq(above(disk, LAB_WRITE, 0, r.mem, 3 * PAGE_SIZE, LAB_IO_DSYNC), -EIO);
	lab_expect_eq(above(disk, LAB_WRITE, 2 * PAGE_SIZE, r.mem, PAGE_SIZE, LAB_IO_DSYNC), PAGE_SIZE);
	rig_design->close(disk);
	rig_down(&r);
}

DESIGN_TEST(bdev_cache, who_may_not_wait)
{
	struct rig_opts o = { .disk = RIG_RAM };
	bool none = rig_lacks(RIG_NO_NOWAIT);
	struct lab_file *disk;
	struct rig r;

	if (!rig_costs()->bdev_cache)
		lab_test_skip(NO_CACHE);
	rig_up(&r, &o);
	disk = rig_design->open_bdev(r.trace);
	lab_expect(!IS_ERR(disk));
	lab_expect_eq(above(disk, LAB_READ, 0, r.mem, 10, LAB_IO_NOWAIT), none ? -EOPNOTSUPP : -EAGAIN);
	lab_expect_eq(above(disk, LAB_WRITE, 0, r.mem, 10, LAB_IO_NOWAIT), -EOPNOTSUPP);
	lab_expect_eq(above(disk, LAB_WRITE, 0, r.mem, 10, 0), 10);
	lab_expect_eq(above(disk, LAB_READ, 0, r.mem, 10, LAB_IO_NOWAIT), none ? -EOPNOTSUPP : 10);
	lab_expect_eq(rig_io(disk, LAB_READ, 0, r.mem, 512, LAB_IO_NOWAIT), none ? -EOPNOTSUPP : -EAGAIN);
	lab_expect_eq(rig_io(disk, LAB_WRITE, 0, r.mem, 512, LAB_IO_NOWAIT), none ? -EOPNOTSUPP : -EAGAIN);
	lab_expect_eq(rig_io(disk, LAB_READ, 8192, r.mem, 512, LAB_IO_NOWAIT), none ? -EOPNOTSUPP : 512);
	lab_expect_eq(rig_design->fsync(disk, true), 0);
	lab_expect_eq(rig_io(disk, LAB_WRITE, 0, r.mem, 512, LAB_IO_NOWAIT), none ? -EOPNOTSUPP : 512);
	rig_design->close(disk);
	rig_down(&r);
}
