// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two page caches on one another: which of them holds what, what is copied, what is written back and when, who hears
 * of a disk that is full.
 */
#include <linux/fs.h>
#include <linux/slab.h>
#include "rig.h"

#define FILE_BYTES	(2u << 20)
#define PAGES		8u
#define MANY_PAGES	384u		/* more than may be dirty, fewer than a cache holds */

static u64 pages_above(struct rig *r)
{
	return READ_ONCE(r->bdev->file.f_inode->i_mapping->nrpages);
}

static u64 pages_below(struct rig *r)
{
	return READ_ONCE(r->inode->i_mapping->nrpages);
}

static ssize_t above(struct rig *r, enum lab_rw rw, loff_t pos, size_t len)
{
	enum lab_scope old = lab_scope_enter(LAB_UPPER);
	ssize_t ret = rig_io(r->bdev, rw, pos, r->mem, len, LAB_IO_BUFFERED);

	lab_scope_leave(old);
	return ret;
}

static int sync_above(struct rig *r)
{
	enum lab_scope old = lab_scope_enter(LAB_UPPER);
	int err = rig_design->fsync(r->bdev, true);

	lab_scope_leave(old);
	return err;
}

/* What a buffered client of the loop device writes is copied twice, and both caches have it. */
LAB_TEST(buffered_cache, both_hold_the_data)
{
	struct rig_opts o = { .file_bytes = FILE_BYTES, .loop = true };
	struct rig r;

	rig_up(&r, &o);
	rig_set(r.mem, 0x42, PAGES * PAGE_SIZE);
	kc_probes_reset();
	lab_expect_eq(above(&r, LAB_WRITE, 0, PAGES * PAGE_SIZE), PAGES * PAGE_SIZE);
	lab_expect_eq(rig_count(LAB_UPPER, LAB_COPY_BYTES), PAGES * PAGE_SIZE);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_COPY_BYTES), 0);
	lab_expect_eq(pages_above(&r), PAGES);
	lab_expect_eq(pages_below(&r), 0);
	lab_expect_eq(rig_seen(&r).bios[REQ_OP_WRITE], 0);

	lab_expect_eq(sync_above(&r), 0);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_COPY_BYTES), PAGES * PAGE_SIZE);
	lab_expect_eq(rig_count(LAB_UPPER, LAB_WRITEBACKS), PAGES);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_WRITEBACKS), PAGES);
	lab_expect_eq(pages_above(&r), PAGES);
	lab_expect_eq(pages_below(&r), PAGES);
	lab_expect(!lab_cache_is_dirty(r.inode, 0, FILE_BYTES));
	/* read again: the upper one answers; directly: the lower one; neither asks the disk */
	kc_probes_reset();
	rig_set(r.mem, 0xa5, PAGES * PAGE_SIZE);
	lab_expect_eq(above(&r, LAB_READ, 0, PAGES * PAGE_SIZE), PAGES * PAGE_SIZE);
	lab_expect_eq(rig_find_other(r.mem, 0x42, PAGES * PAGE_SIZE), -1);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_COPY_BYTES), 0);
	rig_expect_written(&r, r.bdev, 0, 0x42, PAGES * PAGE_SIZE);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_COPY_BYTES), PAGES * PAGE_SIZE);
	lab_expect_eq(rig_seen(&r).bios[REQ_OP_READ], 0);
	rig_down(&r);
}

/* Both descriptors of the block device: each sees the other, by the byte. */
LAB_TEST(buffered_cache, descriptors_of_a_block_device_see_each_other)
{
	struct rig_opts o = { .file_bytes = FILE_BYTES, .fill = 0xee, .loop = true };
	struct rig r;

	rig_up(&r, &o);
	rig_set(r.mem, 0x11, PAGE_SIZE);
	lab_expect_eq(above(&r, LAB_WRITE, 100, 10), 10);
	rig_expect_written(&r, r.bdev, 0, 0xee, 100 - 100 % 512);
	lab_expect_eq(rig_io(r.bdev, LAB_READ, 0, r.mem + PAGE_SIZE, 512, 0), 512);
	lab_expect_eq(rig_find_other(r.mem + PAGE_SIZE + 100, 0x11, 10), -1);
	lab_expect_eq(rig_find_other(r.mem + PAGE_SIZE, 0xee, 100), -1);
	rig_set(r.mem, 0x22, 512);
	lab_expect_eq(rig_io(r.bdev, LAB_WRITE, 512, r.mem, 512, 0), 512);
	lab_expect_eq(pages_above(&r), 0);
	rig_set(r.mem, 0xa5, 1024);
	lab_expect_eq(above(&r, LAB_READ, 100, 924), 924);
	lab_expect_eq(rig_find_other(r.mem, 0x11, 10), -1);
	lab_expect_eq(rig_find_other(r.mem + 10, 0xee, 402), -1);
	lab_expect_eq(rig_find_other(r.mem + 412, 0x22, 512), -1);
	/* the end of the device ends a buffered IO too */
	lab_expect_eq(above(&r, LAB_WRITE, FILE_BYTES - 10, 100), 10);
	lab_expect_eq(above(&r, LAB_WRITE, FILE_BYTES, 1), -ENOSPC);
	lab_expect_eq(above(&r, LAB_READ, FILE_BYTES - 10, 100), 10);
	lab_expect_eq(above(&r, LAB_READ, FILE_BYTES, 1), 0);
	rig_down(&r);
}

/* Who dirties more than may be writes back: a program above, the loop thread below; each page once. */
LAB_TEST(buffered_cache, dirty_limit_and_counted_write_back)
{
	struct rig_opts o = { .file_bytes = FILE_BYTES, .loop = true };
	u64 over = LAB_CACHE_MAX_DIRTY + 1;
	struct rig r;

	rig_up(&r, &o);
	kc_probes_reset();
	lab_expect_eq(rig_io(r.bdev, LAB_WRITE, 0, r.mem, LAB_CACHE_MAX_DIRTY * PAGE_SIZE, 0),
		      LAB_CACHE_MAX_DIRTY * PAGE_SIZE);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_WRITEBACKS), 0);
	lab_expect_eq(rig_io(r.bdev, LAB_WRITE, LAB_CACHE_MAX_DIRTY * PAGE_SIZE, r.mem,
			     (MANY_PAGES - LAB_CACHE_MAX_DIRTY) * PAGE_SIZE, 0),
		      (MANY_PAGES - LAB_CACHE_MAX_DIRTY) * PAGE_SIZE);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_WRITEBACKS), over);
	lab_expect(!lab_cache_is_dirty(r.inode, 0, over * PAGE_SIZE));
	lab_expect(lab_cache_is_dirty(r.inode, over * PAGE_SIZE, PAGE_SIZE));
	lab_expect_eq(rig_seen(&r).bios[REQ_OP_FLUSH], 0);
	lab_expect_eq(sync_above(&r), 0);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_WRITEBACKS), MANY_PAGES);
	lab_expect_eq(rig_seen(&r).bios[REQ_OP_FLUSH], 1);

	kc_probes_reset();
	lab_expect_eq(above(&r, LAB_WRITE, 0, MANY_PAGES * PAGE_SIZE), MANY_PAGES * PAGE_SIZE);
	lab_expect_eq(rig_count(LAB_UPPER, LAB_WRITEBACKS), over);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_WRITEBACKS), over);
	lab_expect_eq(sync_above(&r), 0);
	lab_expect_eq(rig_count(LAB_UPPER, LAB_WRITEBACKS), MANY_PAGES);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_WRITEBACKS), MANY_PAGES);
	rig_down(&r);
}

/* Nothing is durable that nobody asked for: fsync, FUA and a flush reach the disk, and only they flush it. */
LAB_TEST(buffered_cache, durable_when_asked)
{
	struct rig_opts o = { .file_bytes = FILE_BYTES, .loop = true };
	struct lab_trace_counts c;
	struct rig r;

	rig_up(&r, &o);
	lab_expect_eq(rig_io(r.bdev, LAB_WRITE, 0, r.mem, 65536, 0), 65536);
	lab_expect_eq(above(&r, LAB_WRITE, 65536, 65536), 65536);
	c = rig_seen(&r);
	lab_expect_eq(c.bios[REQ_OP_WRITE], 0);
	lab_expect_eq(c.bios[REQ_OP_FLUSH], 0);
	lab_expect_eq(sync_above(&r), 0);
	c = rig_seen(&r);
	lab_expect_eq(c.sectors[REQ_OP_WRITE], 131072 / 512);
	lab_expect_eq(c.bios[REQ_OP_FLUSH], 1);
	/* closed: written back to the loop device, no more */
	lab_expect_eq(above(&r, LAB_WRITE, 0, 4096), 4096);
	rig_loop_down(&r);
	lab_expect_eq(rig_seen(&r).sectors[REQ_OP_WRITE], 131072 / 512);
	lab_expect(lab_cache_is_dirty(r.inode, 0, 4096));
	lab_expect_eq(rig_design->fsync(r.file, true), 0);
	c = rig_seen(&r);
	lab_expect_eq(c.sectors[REQ_OP_WRITE], 135168 / 512);
	lab_expect_eq(c.bios[REQ_OP_FLUSH], 2);
	rig_down(&r);
}

static int write_page_bio(struct rig *r, sector_t sector)
{
	struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	struct bio *bio = bio_alloc(rig_design->loop_bdev(r->loop), 1, REQ_OP_WRITE, GFP_KERNEL);
	int err;

	bio->bi_iter.bi_sector = sector;
	__bio_add_page(bio, page, PAGE_SIZE, 0);
	err = submit_bio_wait(bio);
	bio_put(bio);
	__free_page(page);
	return err;
}

/* A full disk below is one above: of the bio, of O_DIRECT, and, for who writes to a cache, of fsync. */
LAB_TEST(buffered_cache, full_disk)
{
	struct rig_opts o = {
		.disk_bytes = 16 * PAGE_SIZE, .file_bytes = 64 * PAGE_SIZE, .loop = true,
		.fs = { .layout = LAB_LAYOUT_SPARSE },
	};
	struct rig r;

	rig_up(&r, &o);
	rig_set(r.mem, 0x42, 16 * PAGE_SIZE);
	lab_expect_eq(rig_io(r.bdev, LAB_WRITE, 0, r.mem, 16 * PAGE_SIZE, 0), 16 * PAGE_SIZE);
	lab_expect_eq(rig_io(r.bdev, LAB_WRITE, 20 * PAGE_SIZE, r.mem, PAGE_SIZE, 0), -ENOSPC);
	lab_expect_eq(write_page_bio(&r, 24 * PAGE_SECTORS), -ENOSPC);
	lab_expect_eq(above(&r, LAB_WRITE, 30 * PAGE_SIZE, PAGE_SIZE), PAGE_SIZE);
	lab_expect_eq(sync_above(&r), -ENOSPC);
	lab_expect_eq(sync_above(&r), 0);
	/* what there is stays, and can be written over */
	rig_expect_written(&r, r.bdev, 0, 0x42, 16 * PAGE_SIZE);
	lab_expect_eq(rig_io(r.bdev, LAB_WRITE, 0, r.mem, PAGE_SIZE, 0), PAGE_SIZE);
	lab_expect_eq(sync_above(&r), 0);
	rig_down(&r);
}
