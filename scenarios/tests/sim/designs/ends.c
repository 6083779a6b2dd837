// SPDX-License-Identifier: GPL-2.0-only
/*
 * What comes after IO, conversions and flushes, and that of a file above waits for that of a file below: a loop device
 * with direct IO off between the two has pages to write back when it is asked to flush.
 */
#include "rig.h"

#define NR_FILES	6u		/* more than any queue for such ends has workers */
#define LOWEST_BYTES	(3u << 20)
#define MIDDLE_BYTES	(2u << 20)
#define TOP_BYTES	(64u << 10)

struct upper {
	struct lab_fs *fs;
	struct inode *inode;
	struct lab_file *file;
};

/* A filesystem of fresh blocks on @bdev, and @nr files on it. */
static void upper_up(struct upper *u, unsigned int nr, struct block_device *bdev, unsigned int nesting, loff_t bytes)
{
	struct lab_fs_opts opts = { .layout = LAB_LAYOUT_UNWRITTEN, .nesting = nesting };
	struct lab_fs *fs = lab_fs_create(bdev, &opts);
	unsigned int i;

	lab_expect(!IS_ERR(fs));
	for (i = 0; i < nr; i++) {
		u[i].fs = fs;
		u[i].inode = lab_inode_create(fs, bytes);
		lab_expect(!IS_ERR(u[i].inode));
		u[i].file = rig_design->open_file(u[i].inode);
		lab_expect(!IS_ERR(u[i].file));
	}
}

static void upper_down(struct upper *u, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		rig_design->close(u[i].file);
	lab_fs_destroy(u->fs);
}

/* Durable writes to fresh blocks of all files at once: each ends with a flush, which waits for the ends below. */
static void durable_writes(struct rig *r, struct upper *top)
{
	struct rig_slot slot[NR_FILES];
	struct lab_iovec iov[NR_FILES];
	unsigned int i;

	for (i = 0; i < NR_FILES; i++) {
		iov[i] = (struct lab_iovec){ r->mem + i * PAGE_SIZE, PAGE_SIZE };
		rig_set(iov[i].base, i + 1, PAGE_SIZE);
	}
	for (i = 0; i < NR_FILES; i++)
		rig_start(&slot[i], top[i].file, LAB_WRITE, 0, &iov[i], 1, LAB_IO_DSYNC);
	for (i = 0; i < NR_FILES; i++)
		lab_expect_eq(rig_finish(&slot[i]), PAGE_SIZE);
	for (i = 0; i < NR_FILES; i++)
		rig_expect_written(r, top[i].file, 0, i + 1, PAGE_SIZE);
}

DESIGN_TEST(ends, of_files_above_wait_for_those_below)
{
	struct lab_loop_opts buffered = { .buffered = true };
	struct upper middle, top[NR_FILES];
	struct lab_loop *loop;
	unsigned int k;

	rig_needs_what(RIG_APART, RIG_ONE_LEVEL);
	for (k = 0; k < RIG_KNOB_SETS; k++) {
		struct rig_opts o = { .file_bytes = LOWEST_BYTES, .loop = true, .fs = { .layout = LAB_LAYOUT_UNWRITTEN } };
		struct rig r;

		if (!rig_knobs(k, &o.knobs))
			continue;
		rig_up(&r, &o);
		upper_up(&middle, 1, rig_design->loop_bdev(r.loop), 1, MIDDLE_BYTES);
		loop = rig_design->loop_add(middle.file, &buffered);
		lab_expect(!IS_ERR(loop));
		upper_up(top, NR_FILES, rig_design->loop_bdev(loop), 2, TOP_BYTES);
		durable_writes(&r, top);
		upper_down(top, NR_FILES);
		rig_design->loop_del(loop);
		upper_down(&middle, 1);
		rig_down(&r);
	}
}
