// SPDX-License-Identifier: GPL-2.0-only
/*
 * What goes wrong below a call that was right: memory that is not there, pins and allocations that fail,
 * errors of the disk. The whole call fails, nothing leaks (the world's audit), and the next one is served.
 */
#include <kc/fault.h>
#include "rig.h"

/* -EFAULT wherever it is: whole call, no pin left (the world's audit), no size published. */
DESIGN_TEST(errors, efault_in_the_middle)
{
	static const enum lab_layout layouts[] = {
		LAB_LAYOUT_FRAGMENTED, LAB_LAYOUT_SPARSE, LAB_LAYOUT_UNWRITTEN,
	};
	unsigned int l, page;

	for (l = 0; l < ARRAY_SIZE(layouts); l++) {
		struct rig_opts o = {
			.fs = { .layout = layouts[l], .fragment_bytes = 16384 }, .file_bytes = 1 << 20,
		};
		struct lab_iovec iov[2];
		struct rig r;

		rig_up(&r, &o);
		for (page = 0; page < 40; page += 13) {
			lab_expect_eq(kc_munmap(r.mm, r.mem + page * PAGE_SIZE, PAGE_SIZE), 0);
			iov[0] = (struct lab_iovec){ r.mem + 512, 16384 - 512 };
			iov[1] = (struct lab_iovec){ r.mem + 16384, 65536 * 4 + 512 };
			lab_expect_eq(rig_aio(r.file, LAB_WRITE, 0, iov, 2, 0), -EFAULT);
			lab_expect_eq(rig_aio(r.file, LAB_READ, 0, iov, 2, 0), -EFAULT);
			lab_expect_eq(rig_iov(r.file, LAB_WRITE, (1 << 20) - 4096, iov, 2, 0), -EFAULT);
			lab_expect_eq(i_size_read(r.inode), 1 << 20);
			lab_expect_eq(atomic_read(&r.inode->i_dio_count), 0);
		}
		lab_expect_eq(kc_mprotect(r.mm, r.mem + (1 << 20), 4096, KC_PROT_READ), 0);
		lab_expect_eq(rig_io(r.file, LAB_READ, 0, r.mem + (1 << 20) - 4096, 8192, 0), -EFAULT);
		lab_expect_eq(rig_io(r.file, LAB_WRITE, 0, r.mem + (1 << 20) - 4096, 8192, 0), 8192);
		rig_down(&r);
	}
}

/* A pin that fails at the n-th page, for every n: nothing leaks, and the next call is served. */
DESIGN_TEST(errors, pin_fails_at_every_page)
{
	struct rig_opts o = {
		.fs = { .layout = LAB_LAYOUT_FRAGMENTED, .fragment_bytes = 8192 }, .file_bytes = 1 << 20,
	};
	struct lab_iovec iov;
	struct rig r;
	u64 n;

	rig_up(&r, &o);
	iov = (struct lab_iovec){ r.mem, 20 * PAGE_SIZE };
	rig_set(r.mem, 1, 20 * PAGE_SIZE);
	for (n = 1; n <= 20; n++) {
		kc_fault_nth(KC_FAULT_PIN, n, 1000);
		lab_expect_eq(rig_aio(r.file, n & 1 ? LAB_READ : LAB_WRITE, 0, &iov, 1, 0), -EFAULT);
		kc_fault_nth(KC_FAULT_PIN, 0, 0);
		lab_expect_eq(rig_aio(r.file, LAB_READ, 0, &iov, 1, 0), 20 * PAGE_SIZE);
	}
	rig_down(&r);
}

/* alloc=kmalloc may fail, and says so; alloc=pool goes on from its reserve, if all memory comes from there. */
DESIGN_TEST(errors, allocation_fails)
{
	enum lab_alloc alloc;

	for (alloc = LAB_ALLOC_POOL; alloc <= LAB_ALLOC_KMALLOC; alloc++) {
		struct rig_opts o = { .file_bytes = 1 << 20, .loop = true, .knobs = { .alloc = alloc } };
		struct lab_iovec iov;
		unsigned int failed = 0;
		bool may_fail;
		struct rig r;
		u64 n;

		rig_up(&r, &o);
		may_fail = r.knobs.alloc == LAB_ALLOC_KMALLOC || rig_costs()->cached;
		iov = (struct lab_iovec){ r.mem, 8192 };
		for (n = 1; n <= 8; n++) {
			ssize_t ret;

			kc_fault_nth(KC_FAULT_SLAB, n, 1);
			ret = rig_aio(r.bdev, LAB_WRITE, 4096 * n, &iov, 1, 0);
			kc_fault_nth(KC_FAULT_SLAB, 0, 0);
			lab_expect(ret == 8192 || (may_fail && ret < 0));
			failed += ret < 0;
			lab_expect_eq(rig_aio(r.bdev, LAB_WRITE, 0, &iov, 1, 0), 8192);
		}
		if (r.knobs.alloc == LAB_ALLOC_KMALLOC)
			lab_expect_gt(failed, 0);
		rig_down(&r);
	}
}

/*
 * An error in piece k of 8: the whole call fails with it, and fresh blocks that failed still read as zeros.
 */
DESIGN_TEST(errors, io_error_at_piece_k)
{
	static const char *const at[] = { "eio@0+4096", "eio@12288+512", "eio@28672+4096", "eio@0+32768" };
	unsigned int k;

	for (k = 0; k < ARRAY_SIZE(at); k++) {
		struct rig_opts o = {
			.fault = at[k], .file_bytes = 32768,
			.fs = { .layout = LAB_LAYOUT_FRAGMENTED, .fragment_bytes = 4096 },
			.disk_bytes = 32768,
		};
		struct lab_iovec iov;
		struct rig r;

		rig_up(&r, &o);
		iov = (struct lab_iovec){ r.mem, 32768 };
		rig_set(r.mem, 0x42, 32768);
		lab_expect_eq(rig_aio(r.file, LAB_WRITE, 0, &iov, 1, 0), -EIO);
		lab_expect_eq(rig_iov(r.file, LAB_WRITE, 0, &iov, 1, 0), -EIO);
		lab_expect_eq(rig_aio(r.file, LAB_READ, 0, &iov, 1, 0), -EIO);
		lab_expect_eq(rig_iov(r.file, LAB_READ, 0, &iov, 1, 0), -EIO);
		lab_expect_eq(atomic_read(&r.inode->i_dio_count), 0);
		rig_down(&r);
	}
}

/*
 * The loop queue splits a bio: an error of any part is the error of the whole, whatever ends last. In the page cache a
 * write is whole before the disk hears of it: then the error is the flush's.
 */
DESIGN_TEST(errors, split_bio_keeps_its_error)
{
	static const char *const at[] = { "eio@0+4096", "eio@12288+4096", "eio@28672+4096" };
	unsigned int k;

	for (k = 0; k < ARRAY_SIZE(at); k++) {
		struct rig_opts o = {
			.fault = at[k], .file_bytes = 32768, .disk_bytes = 32768,
			.loop = true, .loop_opts = { .max_sectors = 8 },
		};
		struct rig r;

		rig_up(&r, &o);
		rig_set(r.mem, 0x42, 32768);
		lab_expect_eq(rig_io(r.bdev, LAB_READ, 0, r.mem, 32768, 0), -EIO);
		if (rig_costs()->cached) {
			lab_expect_eq(rig_io(r.bdev, LAB_WRITE, 0, r.mem, 32768, 0), 32768);
			lab_expect_eq(rig_design->fsync(r.bdev, true), -EIO);
			lab_expect_eq(rig_design->fsync(r.bdev, true), 0);	/* told once */
		} else {
			lab_expect_eq(rig_io(r.bdev, LAB_WRITE, 0, r.mem, 32768, 0), -EIO);
		}
		rig_down(&r);
	}
}

DESIGN_TEST(errors, failed_fresh_blocks_stay_zero)
{
	struct rig_opts o = {
		.fault = "eio@4096+4096", .file_bytes = 32768, .fill = 0xee,
		.fs = { .layout = LAB_LAYOUT_UNWRITTEN },
	};
	struct rig r;

	rig_up(&r, &o);
	rig_set(r.mem, 0x42, 32768);
	lab_expect_eq(rig_io(r.file, LAB_WRITE, 0, r.mem, 32768, 0), -EIO);
	lab_expect_eq(rig_io(r.file, LAB_READ, 0, r.mem, 32768, 0), 32768);
	lab_expect_eq(rig_find_other(r.mem, 0, 32768), -1);
	/* the rest of the device is as good as before */
	rig_set(r.mem, 0x43, 8192);
	lab_expect_eq(rig_io(r.file, LAB_WRITE, 8192, r.mem, 8192, 0), 8192);
	lab_expect_eq(rig_io(r.file, LAB_READ, 8192, r.mem + 8192, 8192, 0), 8192);
	lab_expect_eq(rig_find_other(r.mem + 8192, 0x43, 8192), -1);
	rig_down(&r);
}

/* An extending write that fails: no size, no blocks beyond it. */
DESIGN_TEST(errors, failed_extension_leaves_no_trace)
{
	struct rig_opts o = { .fault = "eio@65536+4096", .file_bytes = 4096 };
	struct rig r;
	u64 before;

	rig_up(&r, &o);
	before = lab_fs_free_bytes(r.fs);
	lab_expect_eq(rig_io(r.file, LAB_WRITE, 4096, r.mem, 1 << 17, 0), -EIO);
	lab_expect_eq(i_size_read(r.inode), 4096);
	lab_expect_eq(lab_fs_free_bytes(r.fs), before);
	rig_down(&r);
}

/* The same through a loop device whose file has become shorter. A page cache between the two takes the write first. */
DESIGN_TEST(errors, failed_extension_by_loop_leaves_no_trace)
{
	struct rig_opts o = { .file_bytes = 1 << 17, .loop = true, .fault = "eio@64k+8m" };
	u64 free_bytes;
	struct rig r;

	if (rig_costs()->cached)
		lab_test_skip("its loop device writes to the page cache");
	rig_up(&r, &o);
	lab_expect_eq(lab_truncate(r.inode, 65536), 0);
	free_bytes = lab_fs_free_bytes(r.fs);
	lab_expect_eq(rig_io(r.bdev, LAB_WRITE, 65536, r.mem, 8192, 0), -EIO);
	lab_expect_eq(i_size_read(r.inode), 65536);
	lab_expect_eq(lab_fs_free_bytes(r.fs), free_bytes);
	rig_down(&r);
}

/* A loop device's PREFLUSH that fails fails the write; what was to be made durable lies in the file's page cache. */
DESIGN_TEST(errors, preflush_that_fails)
{
	struct rig_opts o = { .file_bytes = 65536, .loop = true, .fault = "eio@0+4k" };
	struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	struct bio *bio;
	struct rig r;

	rig_up(&r, &o);
	bio = bio_alloc(rig_design->loop_bdev(r.loop), 1, REQ_OP_WRITE | REQ_PREFLUSH, GFP_KERNEL);
	bio->bi_iter.bi_sector = PAGE_SECTORS;
	__bio_add_page(bio, page, PAGE_SIZE, 0);
	lab_expect_eq(rig_io(r.file, LAB_WRITE, 0, r.mem, PAGE_SIZE, LAB_IO_BUFFERED), PAGE_SIZE);
	lab_expect_eq(submit_bio_wait(bio), -EIO);
	bio_put(bio);
	__free_page(page);
	rig_down(&r);
}

/* A durable write that fails is not flushed into success. The file has a hole there, and the disk is full. */
DESIGN_TEST(errors, fua_that_finds_no_room)
{
	struct rig_opts o = {
		.disk_bytes = 16 * PAGE_SIZE, .file_bytes = 64 * PAGE_SIZE, .loop = true,
		.fs = { .layout = LAB_LAYOUT_SPARSE },
	};
	struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	int error = rig_has(LAB_D4) ? -EIO : -ENOSPC;
	struct rig r;
	unsigned int i;

	rig_up(&r, &o);
	lab_expect_eq(rig_io(r.file, LAB_WRITE, 0, r.mem, 16 * PAGE_SIZE, 0), 16 * PAGE_SIZE);
	for (i = 0; i < 3; i++) {
		blk_opf_t opf = i == 0 ? REQ_FUA : i == 1 ? REQ_PREFLUSH : REQ_PREFLUSH | REQ_FUA;
		struct bio *bio = bio_alloc(rig_design->loop_bdev(r.loop), 1, REQ_OP_WRITE | opf, GFP_KERNEL);

		bio->bi_iter.bi_sector = 20 * PAGE_SECTORS;
		__bio_add_page(bio, page, PAGE_SIZE, 0);
		lab_expect_eq(submit_bio_wait(bio), error);
		bio_put(bio);
	}
	__free_page(page);
	rig_down(&r);
}

/*
 * Through the page cache, one element over two blocks: the second finds no room. What the file took in part, the bio did
 * not: 6.12 says it did (RIG_SHORT_WRITE_PASSES).
 */
DESIGN_TEST(errors, write_that_the_file_takes_in_part)
{
	struct rig_opts o = {
		.disk_bytes = 16 * PAGE_SIZE, .file_bytes = 64 * PAGE_SIZE, .loop = true, .loop_opts = { .buffered = true },
		.fs = { .layout = LAB_LAYOUT_SPARSE },
	};
	struct page *page = alloc_page(GFP_KERNEL);
	struct bio *bio;
	struct rig r;
	int err;

	rig_up(&r, &o);
	lab_expect_eq(rig_io(r.file, LAB_WRITE, 0, r.mem, 16 * PAGE_SIZE, 0), 16 * PAGE_SIZE);
	memset(page_address(page), 0x42, PAGE_SIZE);
	bio = bio_alloc(rig_design->loop_bdev(r.loop), 1, REQ_OP_WRITE, GFP_KERNEL);
	bio->bi_iter.bi_sector = 16 * PAGE_SECTORS - 1;
	__bio_add_page(bio, page, PAGE_SIZE, 0);
	err = submit_bio_wait(bio);
	if (rig_lacks(RIG_SHORT_WRITE_PASSES))
		lab_expect_eq(err, 0);
	else
		lab_expect(err == -ENOSPC || err == -EIO);
	rig_expect_written(&r, r.file, 16 * PAGE_SIZE - 512, 0x42, 512);
	bio_put(bio);
	__free_page(page);
	rig_down(&r);
}

/* ---- memory that is not there, above a loop device ---------------------------------------------- */

#define SEG_BYTES	8192u
#define NR_SEGS		3u

/*
 * One of three segments has a page missing. The write may have reached what lies before that page, sector by sector,
 * and nothing behind it. RIG_BY_BLOCK: blocks of that segment that were mapped already may be zeros (3.12).
 * RIG_DEVICE_SHORT: on a block device that part is done, for certain, and counts.
 */
static void efault_in_segment(struct rig *r, struct lab_file *file, unsigned int bad, bool async)
{
	bool is_short = file == r->bdev && rig_lacks(RIG_DEVICE_SHORT);
	unsigned long to = r->mem + RIG_MEM_BYTES / 2, page = r->mem + bad * 2 * SEG_BYTES + PAGE_SIZE;
	unsigned int i, reached = bad * SEG_BYTES + PAGE_SIZE;
	struct lab_iovec iov[NR_SEGS];
	ssize_t want = is_short ? (ssize_t)reached : -EFAULT;
	u8 byte;

	for (i = 0; i < NR_SEGS; i++)
		iov[i] = (struct lab_iovec){ r->mem + i * 2 * SEG_BYTES, SEG_BYTES };
	rig_set(to, 0x11, NR_SEGS * SEG_BYTES);
	lab_expect_eq(rig_io(file, LAB_WRITE, 0, to, NR_SEGS * SEG_BYTES, 0), NR_SEGS * SEG_BYTES);
	rig_set(r->mem, 0x22, NR_SEGS * 2 * SEG_BYTES);
	lab_expect_eq(kc_mprotect(r->mm, page, PAGE_SIZE, 0), 0);
	if (async) {
		lab_expect_eq(rig_aio(file, LAB_WRITE, 0, iov, NR_SEGS, 0), want);
		lab_expect_eq(rig_aio(file, LAB_READ, 0, iov, NR_SEGS, 0), want);
	} else {
		lab_expect_eq(rig_iov(file, LAB_WRITE, 0, iov, NR_SEGS, 0), want);
		lab_expect_eq(rig_iov(file, LAB_READ, 0, iov, NR_SEGS, 0), want);
	}
	lab_expect_eq(kc_mprotect(r->mm, page, PAGE_SIZE, KC_PROT_READ | KC_PROT_WRITE), 0);
	rig_set(to, 0xa5, NR_SEGS * SEG_BYTES);
	lab_expect_eq(rig_io(file, LAB_READ, 0, to, NR_SEGS * SEG_BYTES, 0), NR_SEGS * SEG_BYTES);
	for (i = 0; i < reached; i += SECTOR_SIZE) {
		rig_peek(to + i, &byte, 1);
		lab_expect(byte == 0x22 || (!is_short && byte == 0x11));
		lab_expect_eq(rig_find_other(to + i, byte, SECTOR_SIZE), -1);
	}
	for (; rig_lacks(RIG_BY_BLOCK) && i < (bad + 1) * SEG_BYTES; i += SECTOR_SIZE) {
		rig_peek(to + i, &byte, 1);
		lab_expect(byte == 0x11 || byte == 0);
		lab_expect_eq(rig_find_other(to + i, byte, SECTOR_SIZE), -1);
	}
	lab_expect_eq(rig_find_other(to + i, 0x11, NR_SEGS * SEG_BYTES - i), -1);
	/* all of it, now that it is there */
	lab_expect_eq(rig_iov(file, LAB_WRITE, 0, iov, NR_SEGS, 0), NR_SEGS * SEG_BYTES);
}

DESIGN_TEST(errors, efault_in_any_segment)
{
	unsigned int k, bad;

	for (k = 0; k < RIG_KNOB_SETS; k++) {
		struct rig_opts o = { .file_bytes = 1 << 20, .loop = true };
		struct rig r;

		if (!rig_knobs(k, &o.knobs))
			continue;
		rig_up(&r, &o);
		for (bad = 0; bad < NR_SEGS; bad++) {
			efault_in_segment(&r, r.file, bad, false);
			efault_in_segment(&r, r.file, bad, true);
			efault_in_segment(&r, r.bdev, bad, false);
			efault_in_segment(&r, r.bdev, bad, true);
		}
		rig_down(&r);
	}
}

/* ---- behind the end of the file -------------------------------------------------------------------- */

/*
 * The file grows by a write further on; what was behind its end in its last block reads as zeros: up to @keep it is the
 * file's.
 */
static void grows_over_zeros(struct rig *r, u32 keep)
{
	u32 size = i_size_read(r->inode);

	rig_set(r->mem, 0x33, PAGE_SIZE);
	lab_expect_eq(rig_io(r->file, LAB_WRITE, 4 * PAGE_SIZE, r->mem, PAGE_SIZE, 0), PAGE_SIZE);
	lab_expect_eq(i_size_read(r->inode), 5 * PAGE_SIZE);
	lab_expect_eq(rig_io(r->file, LAB_READ, 0, r->mem, PAGE_SIZE, 0), PAGE_SIZE);
	lab_expect_eq(rig_find_other(r->mem, 0xaa, keep), -1);
	lab_expect_eq(rig_find_other(r->mem + size, 0, PAGE_SIZE - size), -1);
}

/* A file that is made with a size has what the disk held, up to that. */
DESIGN_TEST(errors, made_with_part_of_a_block)
{
	struct rig_opts o = { .file_bytes = 512, .fill = 0xaa };
	struct rig r;

	rig_up(&r, &o);
	grows_over_zeros(&r, 512);
	rig_down(&r);
}

/*
 * A write over the end of the file reaches the disk in part, and fails since that is full; and there is no page to
 * zero that part with. Through the page cache it may end short instead: what is there then is the file's.
 */
DESIGN_TEST(errors, tail_that_could_not_be_zeroed)
{
	struct rig_opts o = { .file_bytes = 512, .fill = 0xaa, .disk_bytes = 3 * PAGE_SIZE };
	struct rig r;
	ssize_t ret;

	rig_up(&r, &o);
	rig_set(r.mem, 0x55, 8 * PAGE_SIZE);
	kc_fault_nth(KC_FAULT_PAGE, 1, ~0ull >> 1);
	ret = rig_io(r.file, LAB_WRITE, 512, r.mem, 8 * PAGE_SIZE - 512, 0);
	kc_fault_nth(KC_FAULT_PAGE, 0, 0);
	lab_expect_eq(i_size_read(r.inode), 512 + (ret > 0 ? ret : 0));
	if (ret < 0)
		grows_over_zeros(&r, 512);
	rig_down(&r);
}
