// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a loop device says of itself, and what stays as it is when it gets another file: see loop_ctl.c for the changes
 * themselves.
 */
#include "rig.h"

#define FILE_BYTES	(1u << 20)
#define PART_BYTES	65536u

DESIGN_TEST(loop_says, what_it_can)
{
	enum lab_loopq q;

	for (q = LAB_LOOPQ_BIO; q <= LAB_LOOPQ_MQ; q++) {
		struct rig_opts o = { .file_bytes = FILE_BYTES, .loop = true, .knobs = { .loopq = q } };
		struct block_device *bdev;
		struct rig r;

		rig_up(&r, &o);
		bdev = rig_design->loop_bdev(r.loop);
		lab_expect(bdev_write_cache(bdev));
		lab_expect_eq(bdev_fua(bdev), !rig_lacks(RIG_LOOP_NO_FUA | RIG_NO_FUA));
		lab_expect_eq(bdev_write_zeroes_sectors(bdev) > 0, !rig_lacks(RIG_NO_ZEROES));
		lab_expect_gt(bdev_max_discard_sectors(bdev), 0);
		lab_expect_eq(bdev_logical_block_size(bdev), bdev_logical_block_size(r.trace));
		lab_expect_eq(bdev_dma_alignment(bdev), bdev_dma_alignment(r.trace));
		rig_down(&r);
	}
}

/*
 * The device shows a part of its file: files that differ only beyond that are the same to it. And what it reads them
 * by stays: past their pages, or through them.
 */
static void change_of_part(bool buffered)
{
	struct rig_opts o = {
		.file_bytes = FILE_BYTES, .loop = true, .loop_opts = {
			.read_only = true, .offset_bytes = PAGE_SIZE, .size_bytes = PART_BYTES / 2, .buffered = buffered,
		},
	};
	bool cached = buffered || rig_costs()->cached;
	struct lab_file *other;
	struct inode *inode;
	struct rig r;

	rig_up(&r, &o);
	rig_set(r.mem, 0x11, PART_BYTES);
	lab_expect_eq(rig_io(r.file, LAB_WRITE, 0, r.mem, PART_BYTES, 0), PART_BYTES);
	rig_expect_written(&r, r.bdev, 0, 0x11, PART_BYTES / 2);
	inode = lab_inode_create(r.fs, PART_BYTES);
	lab_expect(!IS_ERR(inode));
	other = rig_design->open_file(inode);
	lab_expect(!IS_ERR(other));
	rig_set(r.mem, 0x22, PART_BYTES);
	lab_expect_eq(rig_io(other, LAB_WRITE, 0, r.mem, PART_BYTES, 0), PART_BYTES);
	lab_expect_eq(rig_design->loop_change_file(r.loop, other), 0);
	rig_expect_written(&r, r.bdev, 0, 0x22, PART_BYTES / 2);
	lab_expect_eq(READ_ONCE(inode->i_mapping->nrpages) > 0, cached);
	rig_loop_down(&r);
	rig_design->close(other);
	lab_inode_destroy(inode);
	rig_down(&r);
}

DESIGN_TEST(loop_says, a_part_of_another_file)
{
	rig_needs_call(loop_change_file);
	change_of_part(false);
	change_of_part(true);
}

/*
 * A file on a disk whose blocks are larger than the device's: what the device promises it could not do. RIG_ANY_BLOCKS: it
 * could, through the page cache.
 */
DESIGN_TEST(loop_says, no_file_of_larger_blocks)
{
	struct rig_opts o = {
		.file_bytes = FILE_BYTES, .limits = { .logical_block_bytes = 512 }, .loop = true,
		.loop_opts = { .read_only = true },
	};
	struct lab_limits limits = { .logical_block_bytes = 4096 };
	struct lab_fs_opts fs_opts = { .layout = LAB_LAYOUT_CONTIGUOUS };
	struct block_device *disk;
	struct lab_file *other;
	struct inode *inode;
	struct lab_fs *fs;
	struct rig r;

	rig_needs_call(loop_change_file);
	rig_up(&r, &o);
	disk = lab_ram_create(2 * FILE_BYTES, &limits);
	lab_expect(!IS_ERR(disk));
	fs = lab_fs_create(disk, &fs_opts);
	lab_expect(!IS_ERR(fs));
	inode = lab_inode_create(fs, FILE_BYTES);
	lab_expect(!IS_ERR(inode));
	other = rig_design->open_file(inode);
	lab_expect(!IS_ERR(other));
	rig_set(r.mem, 0x22, PAGE_SIZE);
	lab_expect_eq(rig_io(other, LAB_WRITE, 0, r.mem, PAGE_SIZE, 0), PAGE_SIZE);
	lab_expect_eq(rig_design->loop_change_file(r.loop, other), rig_lacks(RIG_ANY_BLOCKS) ? 0 : -EINVAL);
	lab_expect_eq(rig_io(r.bdev, LAB_READ, 512, r.mem, 512, 0), 512);
	lab_expect_eq(rig_find_other(r.mem, 0x22, 512) == -1, rig_lacks(RIG_ANY_BLOCKS));
	lab_expect_eq(READ_ONCE(inode->i_mapping->nrpages) > 0, rig_lacks(RIG_ANY_BLOCKS));
	rig_loop_down(&r);
	rig_design->close(other);
	lab_fs_destroy(fs);
	lab_bdev_destroy(disk);
	rig_down(&r);
}
