// SPDX-License-Identifier: GPL-2.0-only
/*
 * An error of write-back that nobody was told of, and direct IO: it waits for its range to be written back, and that ends
 * with a look at the flags of the mapping (filemap_check_errors()). So the first one fails, wherever it goes, and takes
 * the flag; who asks by a sample is told all the same, and clears it too.
 *
 * With one flag for all (RIG_FIRST_IS_TOLD) what direct IO has taken nobody else is told of. TEMPLATE, which does not
 * look, is not tested with this.
 */
#include "rig.h"

#define FILE_BYTES	(1u << 20)
#define BAD		PAGE_SIZE		/* the page that the disk does not take */
#define FAULT		"eio@4k+4k"
#define ELSEWHERE	(8 * PAGE_SIZE)

/* The bad page is written to, and back, by somebody who tells nobody; of its pages none is left. */
static void lose(struct rig *r)
{
	lab_expect_eq(rig_io(r->file, LAB_WRITE, BAD, r->mem, PAGE_SIZE, LAB_IO_BUFFERED), PAGE_SIZE);
	lab_expect_eq(lab_cache_write(r->inode, 0, FILE_BYTES), -EIO);
	lab_expect_eq(lab_cache_invalidate(r->inode, 0, FILE_BYTES), 0);
}

DESIGN_TEST(wb_taken, by_the_first_direct_io)
{
	struct rig_opts o = { .file_bytes = FILE_BYTES, .fault = FAULT };
	struct lab_file *late;
	enum lab_rw rw;
	struct rig r;

	rig_up(&r, &o);
	for (rw = LAB_READ; rw <= LAB_WRITE; rw++) {
		struct lab_iovec iov = { r.mem, PAGE_SIZE };

		lose(&r);
		lab_expect_eq(rig_io(r.file, rw, ELSEWHERE, r.mem, PAGE_SIZE, 0), -EIO);
		lab_expect_eq(rig_io(r.file, rw, ELSEWHERE, r.mem, PAGE_SIZE, 0), PAGE_SIZE);
		lose(&r);
		lab_expect_eq(rig_aio(r.file, rw, ELSEWHERE, &iov, 1, 0), -EIO);
		lab_expect_eq(rig_aio(r.file, rw, ELSEWHERE, &iov, 1, 0), PAGE_SIZE);
		late = rig_design->open_file(r.inode);
		lab_expect(!IS_ERR(late));
		lab_expect_eq(rig_design->fsync(late, true), rig_lacks(RIG_FIRST_IS_TOLD) ? 0 : -EIO);
		lab_expect_eq(rig_design->fsync(r.file, true), rig_lacks(RIG_FIRST_IS_TOLD) ? 0 : -EIO);
		rig_design->close(late);
	}
	rig_down(&r);
}

/* Once somebody was told, direct IO is not; nor if there was no error. */
DESIGN_TEST(wb_taken, by_fsync)
{
	struct rig_opts o = { .file_bytes = FILE_BYTES, .fault = FAULT };
	struct rig r;

	rig_up(&r, &o);
	lab_expect_eq(rig_io(r.file, LAB_READ, ELSEWHERE, r.mem, PAGE_SIZE, 0), PAGE_SIZE);
	lose(&r);
	lab_expect_eq(rig_design->fsync(r.file, true), -EIO);
	lab_expect_eq(rig_io(r.file, LAB_READ, ELSEWHERE, r.mem, PAGE_SIZE, 0), PAGE_SIZE);
	lab_expect_eq(rig_io(r.file, LAB_WRITE, ELSEWHERE, r.mem, PAGE_SIZE, 0), PAGE_SIZE);
	rig_down(&r);
}

/* An IO of the loop device is direct IO of its file: one fails. */
DESIGN_TEST(wb_taken, by_a_loop_device)
{
	struct rig_opts o = { .file_bytes = FILE_BYTES, .fault = FAULT, .loop = true };
	struct rig r;

	if (rig_costs()->cached)
		lab_test_skip("its loop device goes through the page cache");
	rig_up(&r, &o);
	lose(&r);
	lab_expect_eq(rig_io(r.bdev, LAB_READ, ELSEWHERE, r.mem, PAGE_SIZE, 0), -EIO);
	lab_expect_eq(rig_io(r.bdev, LAB_READ, ELSEWHERE, r.mem, PAGE_SIZE, 0), PAGE_SIZE);
	lose(&r);
	lab_expect_eq(rig_io(r.bdev, LAB_WRITE, ELSEWHERE, r.mem, PAGE_SIZE, 0), -EIO);
	lab_expect_eq(rig_io(r.bdev, LAB_WRITE, ELSEWHERE, r.mem, PAGE_SIZE, 0), PAGE_SIZE);
	rig_down(&r);
}
