// SPDX-License-Identifier: GPL-2.0-only
/*
 * Durability, counted by the trace filter under the filesystem: flushes and FUA, and the operations that
 * carry no data.
 */
#include "rig.h"

/* fsync flushes once if something was written since, and not again. */
static void fsync_flushes_once(struct lab_file *f, struct rig *r)
{
	const struct design *d = rig_design;
	u64 before;

	lab_expect_eq(d->fsync(f, false), 0);
	before = rig_seen(r).bios[REQ_OP_FLUSH];
	lab_expect_eq(d->fsync(f, true), 0);
	lab_expect_eq(rig_seen(r).bios[REQ_OP_FLUSH], before);
	lab_expect_eq(rig_io(f, LAB_WRITE, 0, r->mem, 4096, 0), 4096);
	lab_expect_eq(d->fsync(f, true), 0);
	lab_expect_eq(rig_seen(r).bios[REQ_OP_FLUSH], before + 1);
	lab_expect_eq(d->fsync(f, false), 0);
	lab_expect_eq(rig_seen(r).bios[REQ_OP_FLUSH], before + 1);
}

/*
 * A durable overwrite: FUA if the device has it and the design knows of it, a flush if not. Fresh blocks and a new
 * size: always a flush.
 */
static void dsync_is_fua_or_flush(struct lab_file *f, struct rig *r, loff_t fresh)
{
	const struct design *d = rig_design;
	bool fua = bdev_fua(r->trace) && !rig_lacks(RIG_NO_FUA) && (f == r->file || !rig_lacks(RIG_LOOP_NO_FUA));
	struct lab_trace_counts a, b;

	rig_set(r->mem, 1, 8192);
	lab_expect_eq(d->fsync(r->file, false), 0);
	a = rig_seen(r);
	lab_expect_eq(rig_io(f, LAB_WRITE, 0, r->mem, 8192, LAB_IO_DSYNC), 8192);
	b = rig_seen(r);
	lab_expect_eq(b.fua - a.fua, fua);
	lab_expect_eq(b.bios[REQ_OP_FLUSH] - a.bios[REQ_OP_FLUSH], !fua);
	lab_expect_eq(rig_io(f, LAB_WRITE, fresh, r->mem, 8192, LAB_IO_DSYNC), 8192);
	a = rig_seen(r);
	lab_expect_eq(a.fua, b.fua);
	lab_expect_eq(a.bios[REQ_OP_FLUSH] - b.bios[REQ_OP_FLUSH], 1);
}

static void all_devices(bool loop)
{
	enum lab_loopq q;

	for (q = LAB_LOOPQ_BIO; q <= LAB_LOOPQ_MQ; q++) {
		struct rig_opts o = {
			.file_bytes = 1 << 20, .loop = loop, .knobs = { .loopq = q },
		};
		struct lab_file *f;
		struct rig r;

		rig_up(&r, &o);
		f = loop ? r.bdev : r.file;
		fsync_flushes_once(f, &r);
		lab_expect_eq(lab_punch(r.inode, 65536, 16384), 0);
		dsync_is_fua_or_flush(f, &r, 65536);
		if (!loop)
			dsync_is_fua_or_flush(f, &r, 1 << 20);
		rig_down(&r);
		if (!loop)
			break;
	}
}

DESIGN_TEST(flush, file)
{
	all_devices(false);
}

DESIGN_TEST(flush, loop)
{
	all_devices(true);
}

/*
 * Blocks without data: FUA would make the data durable and not that it is data. The asynchronous write
 * flushes from a work item, before it completes. One bio: several may flush each for itself.
 */
DESIGN_TEST(flush, async_dsync_of_fresh_blocks)
{
	static const enum lab_layout layouts[] = { LAB_LAYOUT_SPARSE, LAB_LAYOUT_UNWRITTEN };
	unsigned int l;

	for (l = 0; l < ARRAY_SIZE(layouts); l++) {
		struct rig_opts o = { .file_bytes = 1 << 20, .fs = { .layout = layouts[l] } };
		struct lab_iovec iov;
		struct rig r;

		rig_up(&r, &o);
		iov = (struct lab_iovec){ r.mem, min_t(unsigned int, 16, BIO_MAX_VECS) * PAGE_SIZE };
		lab_expect_eq(rig_aio(r.file, LAB_WRITE, 0, &iov, 1, LAB_IO_DSYNC), iov.len_bytes);
		lab_expect_eq(rig_seen(&r).bios[REQ_OP_FLUSH], 1);
		lab_expect_eq(rig_seen(&r).fua, 0);
		rig_down(&r);
	}
}

/*
 * Data over blocks of which the map on disk does not know yet, since they were allocated and converted without a
 * flush: FUA would leave it where nobody finds it after a crash. So one flush, for data and map; then it is an
 * overwrite like any other.
 */
DESIGN_TEST(flush, dsync_over_blocks_not_yet_in_the_map_on_disk)
{
	static const enum lab_layout layouts[] = { LAB_LAYOUT_SPARSE, LAB_LAYOUT_UNWRITTEN };
	unsigned int l;

	for (l = 0; l < ARRAY_SIZE(layouts); l++) {
		struct rig_opts o = { .file_bytes = 1 << 20, .fs = { .layout = layouts[l] } };
		struct lab_trace_counts a, b;
		struct rig r;
		bool fua;

		rig_up(&r, &o);
		fua = bdev_fua(r.trace) && !rig_lacks(RIG_NO_FUA);
		lab_expect_eq(rig_io(r.file, LAB_WRITE, 0, r.mem, 8192, 0), 8192);
		a = rig_seen(&r);
		lab_expect_eq(rig_io(r.file, LAB_WRITE, 0, r.mem, 8192, LAB_IO_DSYNC), 8192);
		b = rig_seen(&r);
		lab_expect_eq(b.fua, a.fua);
		lab_expect_eq(b.bios[REQ_OP_FLUSH] - a.bios[REQ_OP_FLUSH], 1);
		lab_expect_eq(rig_io(r.file, LAB_WRITE, 0, r.mem, 8192, LAB_IO_DSYNC), 8192);
		a = rig_seen(&r);
		lab_expect_eq(a.fua - b.fua, fua);
		lab_expect_eq(a.bios[REQ_OP_FLUSH] - b.bios[REQ_OP_FLUSH], !fua);
		rig_down(&r);
	}
}

/* A durable write into a block that is there already, but beyond the end: the new end must be durable too. */
DESIGN_TEST(flush, dsync_that_only_moves_the_end)
{
	struct rig_opts o = { };
	struct lab_trace_counts a, b;
	struct rig r;

	rig_up(&r, &o);
	lab_expect_eq(rig_io(r.file, LAB_WRITE, 0, r.mem, 512, 0), 512);
	lab_expect_eq(rig_design->fsync(r.file, false), 0);
	a = rig_seen(&r);
	lab_expect_eq(rig_io(r.file, LAB_WRITE, 512, r.mem, 512, LAB_IO_DSYNC), 512);
	b = rig_seen(&r);
	lab_expect_eq(i_size_read(r.inode), 1024);
	lab_expect_eq(b.bios[REQ_OP_FLUSH] - a.bios[REQ_OP_FLUSH], 1);
	rig_down(&r);
}

/* More pieces of memory than have room in a bio: each of its bios is durable, or a flush makes them so. */
DESIGN_TEST(flush, dsync_of_many_bios)
{
	enum { NR_SEGS = 600 };
	struct rig_opts o = { .file_bytes = 1 << 20 };
	static struct lab_iovec iov[NR_SEGS];
	struct lab_trace_counts a, b;
	u64 writes;
	unsigned int i;
	struct rig r;
	bool fua;

	rig_up(&r, &o);
	fua = bdev_fua(r.trace) && !rig_lacks(RIG_NO_FUA);
	for (i = 0; i < NR_SEGS; i++)
		iov[i] = (struct lab_iovec) { r.mem + i * PAGE_SIZE, 512 };
	a = rig_seen(&r);
	lab_expect_eq(rig_iov(r.file, LAB_WRITE, 0, iov, NR_SEGS, LAB_IO_DSYNC), NR_SEGS * 512);
	b = rig_seen(&r);
	writes = b.bios[REQ_OP_WRITE] - a.bios[REQ_OP_WRITE];
	lab_expect_gt(writes, 1);
	lab_expect_eq(b.fua - a.fua, fua ? writes : 0);
	lab_expect_eq(b.bios[REQ_OP_FLUSH] - a.bios[REQ_OP_FLUSH], !fua);
	rig_down(&r);
}

/*
 * A flush that fails is the failure of who asked for it, whichever way he did: the call that was to make data durable, and
 * fsync, as often as it is asked. The data itself has been written.
 */
static void flush_fails(struct rig *r, struct lab_file *file, unsigned int flags)
{
	struct lab_iovec iov = { r->mem, 8192 };

	lab_expect_eq(rig_iov(file, LAB_WRITE, 0, &iov, 1, flags | LAB_IO_DSYNC), -EIO);
	lab_expect_eq(rig_aio(file, LAB_WRITE, 4096, &iov, 1, flags | LAB_IO_DSYNC), -EIO);
	lab_expect_eq(rig_iov(file, LAB_WRITE, 0, &iov, 1, flags), 8192);
	lab_expect_eq(rig_design->fsync(file, true), -EIO);
	lab_expect_eq(rig_design->fsync(file, false), -EIO);
}

DESIGN_TEST(flush, that_fails)
{
	enum lab_loopq q;

	for (q = LAB_LOOPQ_BIO; q <= LAB_LOOPQ_MQ; q++) {
		struct rig_opts o = {
			.file_bytes = 1 << 20, .fault = "eio@flush", .no_fua = true, .loop = true, .knobs = { .loopq = q },
		};
		struct rig r;

		rig_up(&r, &o);
		rig_set(r.mem, 0x42, 8192);
		flush_fails(&r, r.file, 0);
		flush_fails(&r, r.file, LAB_IO_BUFFERED);
		flush_fails(&r, r.bdev, 0);
		if (rig_costs()->bdev_cache)
			flush_fails(&r, r.bdev, LAB_IO_BUFFERED);
		rig_expect_written(&r, r.file, 0, 0x42, 8192);
		rig_down(&r);
	}
}

/*
 * What was written before is made durable first, then the data, by FUA or one more flush: two steps, each once. No
 * write below carries the flag on, or the disk would flush for each of them.
 */
static void preflush_with_data(struct block_device *bdev, struct rig *r)
{
	bool fua = bdev_fua(r->trace) && !rig_lacks(RIG_NO_FUA) && !rig_lacks(RIG_LOOP_NO_FUA) && !rig_has(LAB_D2);
	bool at_the_end = !fua && !rig_has(LAB_D2);
	struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	struct bio *bio = bio_alloc(bdev, 1, REQ_OP_WRITE | REQ_PREFLUSH | REQ_FUA, GFP_KERNEL);
	struct lab_trace_counts a, b;

	lab_expect_eq(rig_io(r->file, LAB_WRITE, 0, r->mem, 4096, 0), 4096);
	a = rig_seen(r);
	__bio_add_page(bio, page, PAGE_SIZE, 0);
	lab_expect_eq(submit_bio_wait(bio), 0);
	b = rig_seen(r);
	lab_expect_eq(b.op_preflush[REQ_OP_WRITE], a.op_preflush[REQ_OP_WRITE]);
	lab_expect_eq(b.fua - a.fua, fua);
	if (rig_costs()->cached) {	/* what others left in the pages goes before, the data after it */
		lab_expect_eq(b.bios[REQ_OP_FLUSH] - a.bios[REQ_OP_FLUSH], 2);
		lab_expect_ge(b.bios[REQ_OP_WRITE] - a.bios[REQ_OP_WRITE], 1);
		lab_expect(!lab_cache_is_dirty(r->inode, 0, 1 << 20));
	} else {
		lab_expect_eq(b.bios[REQ_OP_FLUSH] - a.bios[REQ_OP_FLUSH], 1 + at_the_end);
		lab_expect_eq(b.bios[REQ_OP_WRITE] - a.bios[REQ_OP_WRITE], 1);
	}
	bio_put(bio);
	__free_page(page);
}

/*
 * A write that is to be preceded by a flush, and of which the file takes a part at first: the rest is not preceded by
 * another one.
 */
DESIGN_TEST(flush, preflush_once_though_the_write_goes_on)
{
	struct rig_opts o = {
		.disk_bytes = 16 * PAGE_SIZE, .file_bytes = 64 * PAGE_SIZE, .loop = true, .loop_opts = { .buffered = true },
		.fs = { .layout = LAB_LAYOUT_SPARSE },
	};
	struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	struct lab_trace_counts a, b;
	struct bio *bio;
	struct rig r;

	rig_up(&r, &o);
	lab_expect_eq(rig_io(r.file, LAB_WRITE, 0, r.mem, 16 * PAGE_SIZE, 0), 16 * PAGE_SIZE);
	bio = bio_alloc(rig_design->loop_bdev(r.loop), 2, REQ_OP_WRITE | REQ_PREFLUSH, GFP_KERNEL);
	bio->bi_iter.bi_sector = 15 * PAGE_SECTORS;
	__bio_add_page(bio, page, PAGE_SIZE, 0);
	__bio_add_page(bio, page, PAGE_SIZE, 0);
	a = rig_seen(&r);
	submit_bio_wait(bio);		/* the second page finds no room */
	b = rig_seen(&r);
	lab_expect_eq(b.preflush - a.preflush, 1);
	lab_expect(lab_cache_is_dirty(r.inode, 15 * PAGE_SIZE, PAGE_SIZE));
	bio_put(bio);
	__free_page(page);
	rig_down(&r);
}

/* Discard makes holes, write-zeroes too or unwritten blocks; a flush with data flushes first. */
DESIGN_TEST(flush, discard_zeroes_preflush)
{
	enum lab_loopq q;

	for (q = LAB_LOOPQ_BIO; q <= LAB_LOOPQ_MQ; q++) {
		struct rig_opts o = { .file_bytes = 1 << 20, .loop = true, .knobs = { .loopq = q } };
		struct block_device *bdev;
		struct rig r;
		bool zeroes = !rig_lacks(RIG_NO_ZEROES);
		int err = zeroes ? 0 : -EOPNOTSUPP;
		u64 free_bytes;

		rig_up(&r, &o);
		bdev = rig_design->loop_bdev(r.loop);
		rig_set(r.mem, 0x42, 65536);
		lab_expect_eq(rig_io(r.bdev, LAB_WRITE, 0, r.mem, 65536, 0), 65536);
		free_bytes = lab_fs_free_bytes(r.fs);
		lab_expect_eq(blkdev_issue_discard(bdev, 8, 16, GFP_KERNEL), 0);
		lab_expect_eq(lab_fs_free_bytes(r.fs), free_bytes + 8192);
		lab_expect_eq(blkdev_issue_zeroout(bdev, 64, 8, GFP_KERNEL,
						   BLKDEV_ZERO_NOUNMAP | BLKDEV_ZERO_NOFALLBACK), err);
		lab_expect_eq(lab_fs_free_bytes(r.fs), free_bytes + 8192);
		lab_expect_eq(blkdev_issue_zeroout(bdev, 96, 8, GFP_KERNEL, BLKDEV_ZERO_NOFALLBACK), err);
		lab_expect_eq(lab_fs_free_bytes(r.fs), free_bytes + (zeroes ? 12288 : 8192));
		lab_expect_eq(rig_io(r.bdev, LAB_READ, 0, r.mem, 65536, 0), 65536);
		lab_expect_eq(rig_find_other(r.mem, 0x42, 4096), -1);
		lab_expect_eq(rig_find_other(r.mem + 4096, 0, 8192), -1);
		lab_expect_eq(rig_find_other(r.mem + 12288, 0x42, 20480), -1);
		lab_expect_eq(rig_find_other(r.mem + 32768, zeroes ? 0 : 0x42, 4096), -1);
		lab_expect_eq(rig_find_other(r.mem + 36864, 0x42, 12288), -1);
		lab_expect_eq(rig_find_other(r.mem + 49152, zeroes ? 0 : 0x42, 4096), -1);
		lab_expect_eq(rig_find_other(r.mem + 53248, 0x42, 12288), -1);
		preflush_with_data(bdev, &r);
		rig_down(&r);
	}
}
