// SPDX-License-Identifier: GPL-2.0-only
/*
 * What Linux's own loop driver does to a device in use, by its ioctls: another file, another size. The tests of loop_ctl.c
 * that keep IO in flight do so by a lock of the file that is ours, and ask from another task; Linux's code runs in one
 * task, with locks of its own. So here the disk holds bios back, and lets them go when that task has nothing left to do
 * but wait for them.
 */
#include <linux/kthread.h>
#include "burst.h"

#define FILE_BYTES	(1u << 20)
#define PART_BYTES	65536u
#define NR_BIOS		(PART_BYTES / PAGE_SIZE)
#define HELD_MAX	64

/* ---- a disk that holds back -------------------------------------------------------------------------- */

/* @waits: how often nothing went on without what is held. */
static struct {
	bool on;
	struct bio *bio[HELD_MAX];
	unsigned int nr, waits;
	bool (*below)(void);
} held;

static void hold_submit_bio(struct bio *bio)
{
	if (!held.on) {
		lab_filter_pass(lab_filter_of(bio), bio);
		return;
	}
	lab_expect_lt(held.nr, HELD_MAX);
	held.bio[held.nr++] = bio;
}

static const struct block_device_operations hold_fops = { .submit_bio = hold_submit_bio };
static const struct lab_filter_type hold = { .name = "hold", .what = "keeps bios", .fops = &hold_fops };

/* Before a task waits: does anything go on? */
static bool let_go(void)
{
	unsigned int i, nr = held.nr;

	if (held.below())
		return true;
	if (!nr)
		return false;
	__set_current_state(TASK_RUNNING);
	held.waits++;
	held.on = false;
	held.nr = 0;
	for (i = 0; i < nr; i++)
		lab_filter_pass(lab_filter_of(held.bio[i]), held.bio[i]);
	return true;
}

static void hold_begin(void)
{
	held.on = true;
	held.nr = held.waits = 0;
	held.below = kc_bottom_half;
	kc_bottom_half = let_go;
}

static void hold_end(void)
{
	lab_expect_eq(held.nr, 0);
	kc_bottom_half = held.below;
}

/* ---- another file -------------------------------------------------------------------------------------- */

static void fill(struct rig *r, struct lab_file *file, u8 byte)
{
	rig_set(r->mem, byte, PART_BYTES);
	lab_expect_eq(rig_io(file, LAB_WRITE, 0, r->mem, PART_BYTES, 0), PART_BYTES);
}

/* Reads in flight are waited for, and are the old file's; what comes after is the new one's. Then the old may close. */
DESIGN_TEST(loop_ioctl, change_file_waits)
{
	struct rig_opts o = {
		.file_bytes = FILE_BYTES, .loop = true, .loop_opts = { .read_only = true }, .spy = &hold,
	};
	struct lab_file *other;
	struct inode *inode;
	struct burst *b;
	unsigned int i;
	struct rig r;

	rig_up(&r, &o);
	inode = lab_inode_create(r.fs, FILE_BYTES);
	other = rig_design->open_file(inode);
	fill(&r, r.file, 0x11);
	fill(&r, other, 0x22);
	rig_expect_written(&r, r.bdev, 0, 0x11, PART_BYTES);
	b = burst_make(rig_design->loop_bdev(r.loop), REQ_OP_READ, NR_BIOS, 1);
	hold_begin();
	burst_submit(b, false);
	lab_expect_eq(b->done, 0);
	lab_expect_eq(held.waits, 0);
	lab_expect_eq(rig_design->loop_change_file(r.loop, other), 0);
	lab_expect_eq(held.waits, 1);
	lab_expect_eq(b->done, 1);
	hold_end();
	for (i = 0; i < NR_BIOS; i++)
		lab_expect(!memchr_inv(page_address(b->page[i]), 0x11, PAGE_SIZE));
	burst_end(b, BLK_STS_OK);
	rig_expect_written(&r, r.bdev, 0, 0x22, PART_BYTES);
	rig_design->close(r.file);	/* stops if the driver still had a reference */
	r.file = rig_design->open_file(r.inode);
	rig_loop_down(&r);
	rig_design->close(other);
	lab_inode_destroy(inode);
	rig_down(&r);
}

/* A file whose disk has larger blocks than the device: Linux takes it, and goes on through the page cache. */
DESIGN_TEST(loop_ioctl, change_file_to_larger_blocks)
{
	struct rig_opts o = { .file_bytes = FILE_BYTES, .loop = true, .loop_opts = { .read_only = true } };
	struct lab_limits large = { .logical_block_bytes = 4096 };
	struct block_device *disk;
	struct lab_file *other;
	struct inode *inode;
	struct lab_fs *fs;
	struct rig r;

	o.limits.logical_block_bytes = 512;
	rig_up(&r, &o);
	disk = lab_ram_create(RIG_DISK_BYTES, &large);
	lab_expect(!IS_ERR(disk));
	fs = lab_fs_create(disk, &o.fs);
	lab_expect(!IS_ERR(fs));
	inode = lab_inode_create(fs, FILE_BYTES);
	other = rig_design->open_file(inode);
	lab_expect(!IS_ERR(other));
	fill(&r, r.file, 0x11);
	fill(&r, other, 0x22);
	lab_expect_eq(rig_design->loop_change_file(r.loop, other), 0);
	rig_expect_written(&r, r.bdev, 0, 0x22, PART_BYTES);
	lab_expect_gt(READ_ONCE(inode->i_mapping->nrpages), 0);
	lab_expect_eq(rig_design->loop_set_direct(r.loop, true), -EINVAL);
	lab_expect_eq(rig_design->loop_change_file(r.loop, r.file), 0);	/* and back: still through the cache, until told */
	rig_expect_written(&r, r.bdev, 0, 0x11, PART_BYTES);
	lab_expect_gt(READ_ONCE(r.inode->i_mapping->nrpages), 0);
	lab_expect_eq(lab_cache_invalidate(r.inode, 0, PART_BYTES), 0);
	lab_expect_eq(rig_design->loop_set_direct(r.loop, true), 0);
	rig_expect_written(&r, r.bdev, 0, 0x11, PART_BYTES);
	lab_expect_eq(READ_ONCE(r.inode->i_mapping->nrpages), 0);
	rig_design->close(other);
	lab_fs_destroy(fs);
	lab_bdev_destroy(disk);
	rig_down(&r);
}

/* Past the page cache or through it: writes in flight are waited for, and are in the file whichever way it goes on. */
DESIGN_TEST(loop_ioctl, set_direct_waits)
{
	struct rig_opts o = { .file_bytes = FILE_BYTES, .loop = true, .spy = &hold };
	struct burst *b;
	struct rig r;

	rig_up(&r, &o);
	b = burst_make(rig_design->loop_bdev(r.loop), REQ_OP_WRITE, NR_BIOS, 1);
	hold_begin();
	burst_submit(b, false);
	lab_expect_eq(b->done, 0);
	lab_expect_eq(rig_design->loop_set_direct(r.loop, false), 0);
	lab_expect_eq(held.waits, 1);
	lab_expect_eq(b->done, 1);
	hold_end();
	burst_end(b, BLK_STS_OK);
	rig_expect_written(&r, r.file, 0, BURST_BYTE, PART_BYTES);
	fill(&r, r.bdev, 0x33);
	lab_expect(lab_cache_is_dirty(r.inode, 0, PART_BYTES));
	hold_begin();		/* what was dirty is written back, and waited for */
	lab_expect_eq(rig_design->loop_set_direct(r.loop, true), 0);
	lab_expect_ge(held.waits, 1);
	hold_end();
	lab_expect(!lab_cache_is_dirty(r.inode, 0, PART_BYTES));
	fill(&r, r.bdev, 0x44);
	lab_expect_eq(READ_ONCE(r.inode->i_mapping->nrpages), 0);
	rig_down(&r);
}

/* The device goes when what is in flight has ended. */
DESIGN_TEST(loop_ioctl, detach_waits)
{
	struct rig_opts o = {
		.file_bytes = FILE_BYTES, .loop = true, .fs = { .layout = LAB_LAYOUT_SPARSE }, .spy = &hold,
	};
	struct burst *b;
	struct rig r;

	rig_up(&r, &o);
	b = burst_make(rig_design->loop_bdev(r.loop), REQ_OP_WRITE, NR_BIOS, 1);
	hold_begin();
	burst_submit(b, false);
	lab_expect_eq(b->done, 0);
	rig_loop_down(&r);
	lab_expect_eq(held.waits, 1);
	lab_expect_eq(b->done, 1);
	hold_end();
	burst_end(b, BLK_STS_OK);
	rig_expect_written(&r, r.file, 0, BURST_BYTE, PART_BYTES);
	rig_down(&r);
}

/* ---- another size ---------------------------------------------------------------------------------------- */

static u64 sectors(struct rig *r)
{
	return bdev_nr_sectors(rig_design->loop_bdev(r->loop));
}

static void expect_end_at(struct rig *r, loff_t end)
{
	lab_expect_eq(rig_design->size(r->bdev), end);
	lab_expect_eq(sectors(r), end >> SECTOR_SHIFT);
	lab_expect_eq(rig_io(r->bdev, LAB_WRITE, end, r->mem, PAGE_SIZE, 0), -ENOSPC);
	lab_expect_eq(rig_io(r->bdev, LAB_READ, end, r->mem, PAGE_SIZE, 0), 0);
	if (end >= PAGE_SIZE)
		lab_expect_eq(rig_io(r->bdev, LAB_READ, end - PAGE_SIZE, r->mem, 2 * PAGE_SIZE, 0), PAGE_SIZE);
}

/* The device has the size that its file had when it was told last. Of nothing, Linux makes a device of no bytes. */
DESIGN_TEST(loop_ioctl, capacity)
{
	struct rig_opts o = { .file_bytes = PART_BYTES / 2, .loop = true };
	struct rig r;

	rig_up(&r, &o);
	expect_end_at(&r, PART_BYTES / 2);
	lab_expect_eq(lab_truncate(r.inode, PART_BYTES), 0);
	expect_end_at(&r, PART_BYTES / 2);
	lab_expect_eq(rig_design->loop_set_capacity(r.loop), 0);
	expect_end_at(&r, PART_BYTES);
	fill(&r, r.bdev, 0x42);
	rig_expect_written(&r, r.file, 0, 0x42, PART_BYTES);
	lab_expect_eq(lab_truncate(r.inode, PART_BYTES - 1000), 0);	/* whole sectors count */
	lab_expect_eq(rig_design->loop_set_capacity(r.loop), 0);
	lab_expect_eq(rig_design->size(r.bdev), PART_BYTES - 1024);
	lab_expect_eq(lab_truncate(r.inode, 3 * PAGE_SIZE), 0);
	lab_expect_eq(rig_design->loop_set_capacity(r.loop), 0);
	expect_end_at(&r, 3 * PAGE_SIZE);
	rig_expect_written(&r, r.bdev, 0, 0x42, 3 * PAGE_SIZE);
	lab_expect_eq(i_size_read(r.inode), 3 * PAGE_SIZE);
	lab_expect_eq(lab_truncate(r.inode, 100), 0);
	lab_expect_eq(rig_design->loop_set_capacity(r.loop), 0);
	expect_end_at(&r, 0);
	lab_expect_eq(lab_truncate(r.inode, PART_BYTES), 0);
	lab_expect_eq(rig_design->loop_set_capacity(r.loop), 0);
	expect_end_at(&r, PART_BYTES);
	rig_down(&r);
}

/* Linux counts sectors, ours blocks: what is behind the last block is there, and no direct IO reaches it. */
DESIGN_TEST(loop_ioctl, sectors_behind_the_last_block)
{
	struct rig_opts o = {
		.file_bytes = FILE_BYTES, .limits = { .logical_block_bytes = 512 }, .loop = true,
		.loop_opts = { .size_bytes = PART_BYTES + 4000, .logical_block_bytes = 4096 },
	};
	struct rig r;

	rig_up(&r, &o);
	lab_expect_eq(rig_design->size(r.bdev), PART_BYTES + 3584);
	lab_expect_eq(rig_io(r.bdev, LAB_READ, PART_BYTES - PAGE_SIZE, r.mem, PAGE_SIZE, 0), PAGE_SIZE);
	lab_expect_eq(rig_io(r.bdev, LAB_WRITE, PART_BYTES, r.mem, PAGE_SIZE, 0), -EINVAL);
	lab_expect_eq(rig_io(r.bdev, LAB_READ, PART_BYTES, r.mem, PAGE_SIZE, 0), -EINVAL);
	rig_down(&r);
}

/* ---- from the wrong task ----------------------------------------------------------------------------------- */

static struct {
	struct rig *r;
	int change, capacity, direct;
	struct task_struct *owner;
	int done;
} asked;

static int ask(void *arg)
{
	asked.change = rig_design->loop_change_file(asked.r->loop, asked.r->file);
	asked.capacity = rig_design->loop_set_capacity(asked.r->loop);
	asked.direct = rig_design->loop_set_direct(asked.r->loop, false);
	smp_store_release(&asked.done, 1);
	wake_up_process(asked.owner);
	return 0;
}

DESIGN_TEST(loop_ioctl, from_another_task)
{
	struct rig_opts o = { .file_bytes = FILE_BYTES, .loop = true, .loop_opts = { .read_only = true } };
	struct task_struct *task;
	struct rig r;

	rig_up(&r, &o);
	asked.r = &r;
	asked.owner = current;
	asked.done = 0;
	task = kthread_run(ask, NULL, "ask");
	rig_wait(&asked.done);
	kthread_stop(task);
	lab_expect_eq(asked.change, -EOPNOTSUPP);
	lab_expect_eq(asked.capacity, -EOPNOTSUPP);
	lab_expect_eq(asked.direct, -EOPNOTSUPP);
	lab_expect_eq(rig_design->loop_change_file(r.loop, r.file), 0);	/* the same file again: as Linux has it */
	rig_down(&r);
}
