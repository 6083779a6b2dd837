// SPDX-License-Identifier: GPL-2.0-only
/*
 * Edges: arguments that are refused, the end of the file and of the loop device, and blocks without data,
 * read unaligned or written in part.
 */
#include <linux/slab.h>
#include "rig.h"

DESIGN_TEST(edges, arguments)
{
	struct rig_opts o = { .file_bytes = 1 << 20 };
	struct lab_iovec iov[2];
	struct rig r;

	rig_up(&r, &o);
	lab_expect_eq(rig_io(r.file, LAB_READ, 100, r.mem, 4096, 0), -EINVAL);
	lab_expect_eq(rig_io(r.file, LAB_READ, 0, r.mem, 100, 0), -EINVAL);
	lab_expect_eq(rig_io(r.file, LAB_READ, 0, r.mem + 1, 4096, 0), -EINVAL);
	lab_expect_eq(rig_io(r.file, LAB_READ, 0, r.mem + 256, 4096, 0), -EINVAL);
	lab_expect_eq(rig_io(r.file, LAB_READ, 512, r.mem + 512, 512, 0), 512);
	lab_expect_eq(rig_io(r.file, LAB_WRITE, 100, r.mem, 4096, 0), -EINVAL);
	lab_expect_eq(rig_io(r.file, LAB_WRITE, -512, r.mem, 512, 0), -EINVAL);
	lab_expect_eq(rig_io(r.file, LAB_WRITE, LAB_MAX_FILE_BYTES, r.mem, 512, 0), -EFBIG);
	iov[0] = (struct lab_iovec){ r.mem, 512 };
	iov[1] = (struct lab_iovec){ r.mem + 4096, 100 };
	lab_expect_eq(rig_iov(r.file, LAB_READ, 0, iov, 2, 0), -EINVAL);
	/* nothing to do comes before alignment, a kernel address before everything */
	lab_expect_eq(rig_io(r.file, LAB_READ, 100, r.mem + 1, 0, 0), 0);
	lab_expect_eq(rig_io(r.file, LAB_WRITE, 100, r.mem + 1, 0, 0), 0);
	iov[1] = (struct lab_iovec){ ~0ul - 4095, 0 };
	lab_expect_eq(rig_iov(r.file, LAB_READ, 100, iov, 2, 0), -EFAULT);
	lab_expect_eq(i_size_read(r.inode), 1 << 20);
	rig_down(&r);
}

DESIGN_TEST(edges, end_of_file)
{
	struct rig_opts o = { .file_bytes = 10000 };
	struct rig r;

	rig_up(&r, &o);
	rig_set(r.mem, 0xa5, 16384);
	lab_expect_eq(rig_io(r.file, LAB_READ, 8192, r.mem, 8192, 0), 10000 - 8192);
	lab_expect_eq(rig_find_other(r.mem + 4096, rig_lacks(RIG_FILLS_BEHIND) ? 0 : 0xa5, 4096), -1);
	lab_expect_eq(rig_find_other(r.mem + 8192, 0xa5, 8192), -1);
	lab_expect_eq(rig_io(r.file, LAB_READ, 9728, r.mem, 512, 0), 10000 - 9728);
	lab_expect_eq(rig_io(r.file, LAB_READ, 10240, r.mem, 512, 0), 0);
	lab_expect_eq(rig_io(r.file, LAB_READ, 10001, r.mem + 3, 77, 0), 0);
	lab_expect_eq(rig_io(r.file, LAB_READ, 0, r.mem, 16384, 0), 10000);
	lab_expect_eq(rig_io(r.file, LAB_WRITE, 0, r.mem, 512, LAB_IO_APPEND), -EINVAL);
	lab_expect_eq(lab_truncate(r.inode, 10240), 0);
	lab_expect_eq(rig_io(r.file, LAB_WRITE, 0, r.mem, 512, LAB_IO_APPEND), 512);
	lab_expect_eq(i_size_read(r.inode), 10752);
	lab_expect_eq(rig_io(r.file, LAB_WRITE, 0, r.mem, 8192, LAB_IO_APPEND), 8192);
	lab_expect_eq(i_size_read(r.inode), 18944);
	/* appending, the position is nothing */
	lab_expect_eq(rig_io(r.file, LAB_WRITE, -1, r.mem, 8192, LAB_IO_APPEND), 8192);
	lab_expect_eq(i_size_read(r.inode), 18944 + 8192);
	rig_down(&r);
}

/* A file that is a hole ends where it ends, and not with the block. */
DESIGN_TEST(edges, end_of_a_hole)
{
	struct rig_opts o = { .fs = { .layout = LAB_LAYOUT_SPARSE }, .file_bytes = 10000 };
	struct lab_iovec iov;
	struct rig r;

	rig_up(&r, &o);
	iov = (struct lab_iovec){ r.mem, 8192 };
	lab_expect_eq(rig_io(r.file, LAB_READ, 8192, r.mem, 8192, 0), 10000 - 8192);
	lab_expect_eq(rig_aio(r.file, LAB_READ, 8192, &iov, 1, 0), 10000 - 8192);
	lab_expect_eq(rig_io(r.file, LAB_READ, 4096, r.mem, 8192, 0), 10000 - 4096);
	rig_down(&r);
}

/* Up to the largest file and not beyond, whichever way. */
DESIGN_TEST(edges, largest_file)
{
	struct rig_opts o = { .fs = { .layout = LAB_LAYOUT_SPARSE } };
	unsigned int flags;
	struct rig r;

	for (flags = 0; flags <= LAB_IO_BUFFERED; flags += LAB_IO_BUFFERED) {
		rig_up(&r, &o);
		rig_set(r.mem, 0x42, 8192);
		lab_expect_eq(rig_io(r.file, LAB_WRITE, LAB_MAX_FILE_BYTES - 4096, r.mem, 8192, flags), 4096);
		lab_expect_eq(i_size_read(r.inode), LAB_MAX_FILE_BYTES);
		lab_expect_eq(rig_io(r.file, LAB_WRITE, 0, r.mem, 4096, LAB_IO_APPEND | flags), -EFBIG);
		lab_expect_eq(rig_io(r.file, LAB_READ, LAB_MAX_FILE_BYTES - 4096, r.mem + 8192, 8192, flags), 4096);
		lab_expect_eq(rig_find_other(r.mem + 8192, 0x42, 4096), -1);
		lab_expect_eq(rig_io(r.file, LAB_READ, LAB_MAX_FILE_BYTES, r.mem, 4096, flags), 0);
		rig_down(&r);
	}
}

/* A hole needs no alignment: there is no device to be aligned for. RIG_BY_BLOCK: alignment is looked at first. */
DESIGN_TEST(edges, holes_read_unaligned)
{
	struct rig_opts o = { .fs = { .layout = LAB_LAYOUT_SPARSE }, .file_bytes = 65536 };
	struct lab_iovec iov[2];
	struct rig r;

	rig_up(&r, &o);
	rig_set(r.mem, 0xa5, 8192);
	if (rig_lacks(RIG_BY_BLOCK)) {
		lab_expect_eq(rig_io(r.file, LAB_READ, 100, r.mem + 1, 5001, 0), -EINVAL);
		lab_expect_eq(rig_io(r.file, LAB_READ, 0, r.mem + 1, 4096, 0), -EINVAL);
		lab_expect_eq(rig_find_other(r.mem, 0xa5, 8192), -1);
		lab_expect_eq(rig_io(r.file, LAB_READ, 512, r.mem, 8192, 0), 8192);
		lab_expect_eq(rig_find_other(r.mem, 0, 8192), -1);
		rig_down(&r);
		return;
	}
	lab_expect_eq(rig_io(r.file, LAB_READ, 100, r.mem + 1, 5001, 0), 5001);
	lab_expect_eq(rig_find_other(r.mem + 1, 0, 5001), -1);
	rig_peek(r.mem, &r.rng, 1);
	lab_expect_eq((u8)r.rng, 0xa5);
	lab_expect_eq(rig_find_other(r.mem + 5002, 0xa5, 1000), -1);
	lab_expect_eq(rig_io(r.file, LAB_READ, 65000, r.mem, 8192, 0), 536);
	/* zeros up to where there is data, and what is left then must be aligned */
	rig_set(r.mem, 0x42, 4096);
	lab_expect_eq(rig_io(r.file, LAB_WRITE, 8192, r.mem, 4096, 0), 4096);
	iov[0] = (struct lab_iovec){ r.mem + 1, 100 };
	iov[1] = (struct lab_iovec){ r.mem + 4096, 4096 };
	lab_expect_eq(rig_aio(r.file, LAB_READ, 8092, iov, 2, 0), 4196);
	lab_expect_eq(rig_find_other(r.mem + 1, 0, 100), -1);
	lab_expect_eq(rig_find_other(r.mem + 4096, 0x42, 4096), -1);
	lab_expect_eq(rig_iov(r.file, LAB_READ, 8091, iov, 2, 0), -EINVAL);
	lab_expect_eq(rig_iov(r.file, LAB_READ, 8192, iov, 2, 0), -EINVAL);
	rig_down(&r);
}

/* Part of a block without data, on a disk full of something else: what is not written is zeroed. */
DESIGN_TEST(edges, of_fresh_blocks)
{
	static const enum lab_layout layouts[] = { LAB_LAYOUT_SPARSE, LAB_LAYOUT_UNWRITTEN };
	unsigned int l, from, to, end;

	for (l = 0; l < ARRAY_SIZE(layouts); l++) {
		struct rig_opts o = { .fs = { .layout = layouts[l] }, .file_bytes = 8 << 20, .fill = 0xee };
		struct lab_iovec iov;
		struct rig r;
		loff_t base = 0;

		rig_up(&r, &o);
		for (from = 0; from < 4096; from += 1024) {
			for (to = from + 512; to <= 12288; to += 3584) {
				/* memory that begins a page, or ends one */
				end = base & 16384 ? 16384 : to - from;
				rig_set(r.mem + end - (to - from), 0x42, to - from);
				iov = (struct lab_iovec){ r.mem + end - (to - from), to - from };
				lab_expect_eq(rig_aio(r.file, LAB_WRITE, base + from, &iov, 1, 0), to - from);
				rig_set(r.mem, 0xa5, 16384);
				lab_expect_eq(rig_io(r.file, LAB_READ, base, r.mem, 16384, 0), 16384);
				lab_expect_eq(rig_find_other(r.mem, 0, from), -1);
				lab_expect_eq(rig_find_other(r.mem + from, 0x42, to - from), -1);
				lab_expect_eq(rig_find_other(r.mem + to, 0, 16384 - to), -1);
				base += 16384;
			}
		}
		rig_down(&r);
	}
}

/*
 * Memory of which no page follows another: each is an element of its own, between zeros on both sides. The bio is made
 * with room for as many as there are.
 */
DESIGN_TEST_FLAGS(edges, of_fresh_blocks_from_scattered_memory, LAB_TEST_F_PERMUTED)
{
	struct rig_opts o = { .fs = { .layout = LAB_LAYOUT_UNWRITTEN }, .file_bytes = 1 << 20, .fill = 0xee };
	unsigned int pages;
	loff_t base = 0;
	struct rig r;

	rig_up(&r, &o);
	rig_set(r.mem, 0x42, 8 * PAGE_SIZE);
	for (pages = 1; pages <= 8; pages++, base += 65536) {
		struct lab_iovec iov = { r.mem, pages * PAGE_SIZE };

		lab_expect_eq(rig_iov(r.file, LAB_WRITE, base + 512, &iov, 1, 0), iov.len_bytes);
		rig_expect_written(&r, r.file, base, 0, 512);
		rig_expect_written(&r, r.file, base + 512, 0x42, iov.len_bytes);
		rig_expect_written(&r, r.file, base + 512 + iov.len_bytes, 0, PAGE_SIZE - 512);
	}
	rig_down(&r);
}

/*
 * Part of a fresh block and, right after it, all of it, and the other way round: the zeros around the part
 * must not come after the data of the other, whatever order the disk chooses.
 */
DESIGN_TEST(edges, part_and_all_of_a_fresh_block)
{
	struct rig_opts o = { .fs = { .layout = LAB_LAYOUT_UNWRITTEN }, .file_bytes = 1 << 20, .fill = 0xee };
	struct lab_iovec part, all;
	struct rig_slot slot[2];
	struct rig r;
	loff_t pos;

	rig_up(&r, &o);
	part = (struct lab_iovec){ r.mem, 512 };
	all = (struct lab_iovec){ r.mem + 4096, 4096 };
	rig_set(part.base, 0x41, part.len_bytes);
	rig_set(all.base, 0x42, all.len_bytes);
	for (pos = 0; pos < 40 * 4096; pos += 4096) {
		bool part_last = pos & 4096;

		rig_start(&slot[0], r.file, LAB_WRITE, pos, part_last ? &all : &part, 1, 0);
		rig_start(&slot[1], r.file, LAB_WRITE, pos, part_last ? &part : &all, 1, 0);
		lab_expect_eq(rig_finish(&slot[part_last]), 512);
		lab_expect_eq(rig_finish(&slot[!part_last]), 4096);
		lab_expect_eq(rig_io(r.file, LAB_READ, pos, r.mem + 8192, 4096, 0), 4096);
		lab_expect_eq(rig_find_other(r.mem + 8192 + 512, 0x42, 4096 - 512), -1);
	}
	rig_down(&r);
}

/* Eight writes of 512 bytes to one fresh block of a disk full of something else: none zeroes another. */
#define PARTS	(LAB_BLOCK_BYTES / 512)

static void write_parts(struct rig *r, struct lab_file *file, loff_t pos)
{
	struct rig_slot *slots = kcalloc(PARTS, sizeof(*slots), GFP_KERNEL);
	struct lab_iovec iov[PARTS];
	unsigned int i;

	lab_expect(slots);
	for (i = 0; i < PARTS; i++) {
		rig_set(r->mem + i * 512, i + 1, 512);
		iov[i] = (struct lab_iovec){ r->mem + i * 512, 512 };
		rig_start(&slots[i], file, LAB_WRITE, pos + (i * 3 % PARTS) * 512, &iov[i], 1, 0);
	}
	for (i = 0; i < PARTS; i++)
		lab_expect_eq(rig_finish(&slots[i]), 512);
	for (i = 0; i < PARTS; i++)
		rig_expect_written(r, file, slots[i].io.pos, i + 1, 512);
	kfree(slots);
}

DESIGN_TEST(edges, parts_of_one_fresh_block)
{
	struct rig_opts o = {
		.disk_bytes = 2 << 20, .file_bytes = 1 << 20, .fill = 0xee,
		.loop = true, .fs = { .layout = LAB_LAYOUT_SPARSE },
	};
	unsigned int k;
	struct rig r;

	for (k = 0; k < RIG_KNOB_SETS; k++) {
		if (!rig_knobs(k, &o.knobs))
			continue;
		rig_up(&r, &o);
		write_parts(&r, r.file, 0);
		write_parts(&r, r.bdev, 8192);
		rig_down(&r);
	}
}

/*
 * The loop device is longer than its file: what lies beyond reads as zeros, and a write there grows it. With D1
 * memory is left as it was behind the file's last sector, and the read is none the worse for it. Through the page
 * cache all of the bio that the file ends in is zeros (frames are permuted: each page is an element of it).
 * RIG_SHORT_READ_FAILS: zeros they are, but the read says that it failed.
 */
DESIGN_TEST_FLAGS(edges, file_shrinks_under_loop, LAB_TEST_F_PERMUTED)
{
	struct rig_opts o = { .file_bytes = 65536, .loop = true };
	u8 beyond = rig_has(LAB_D1) ? 0xa5 : 0;
	unsigned int kept = rig_costs()->cached ? round_down(20000, BIO_MAX_VECS * PAGE_SIZE) : 20000;
	struct lab_iovec iov;
	struct rig r;

	rig_up(&r, &o);
	rig_set(r.mem, 0x42, 65536);
	lab_expect_eq(rig_io(r.bdev, LAB_WRITE, 0, r.mem, 65536, 0), 65536);
	lab_expect_eq(lab_truncate(r.inode, 20000), 0);
	rig_set(r.mem, 0xa5, 65536);
	iov = (struct lab_iovec){ r.mem, 65536 };
	if (rig_lacks(RIG_SHORT_READ_FAILS)) {
		lab_expect_lt(rig_aio(r.bdev, LAB_READ, 0, &iov, 1, 0), 0);
		rig_set(r.mem, 0xa5, 4096);
		lab_expect_eq(rig_io(r.bdev, LAB_READ, 32768, r.mem, 4096, 0), -EIO);
	} else {
		lab_expect_eq(rig_aio(r.bdev, LAB_READ, 0, &iov, 1, 0), 65536);
		lab_expect_eq(rig_find_other(r.mem, 0x42, kept), -1);
		lab_expect_eq(rig_find_other(r.mem + kept, 0, 20480 - kept), -1);
		lab_expect_eq(rig_find_other(r.mem + 20480, beyond, 65536 - 20480), -1);
		rig_set(r.mem, 0xa5, 4096);
		lab_expect_eq(rig_io(r.bdev, LAB_READ, 32768, r.mem, 4096, 0), 4096);
	}
	lab_expect_eq(rig_find_other(r.mem, beyond, 4096), -1);
	lab_expect_eq(rig_io(r.bdev, LAB_WRITE, 32768, r.mem, 4096, 0), 4096);
	lab_expect_eq(i_size_read(r.inode), 32768 + 4096);
	rig_down(&r);
}

/* Through the page cache of the file, too, zeros are read; with 6.12's loop driver the read fails all the same. */
DESIGN_TEST(edges, file_shrinks_under_buffered_loop)
{
	struct rig_opts o = { .file_bytes = 65536, .loop = true, .loop_opts = { .buffered = true } };
	struct rig r;

	rig_up(&r, &o);
	rig_set(r.mem, 0x42, 65536);
	lab_expect_eq(rig_io(r.bdev, LAB_WRITE, 0, r.mem, 65536, 0), 65536);
	lab_expect_eq(lab_truncate(r.inode, 20480), 0);
	rig_expect_written(&r, r.bdev, 0, 0x42, 20480);
	rig_set(r.mem, 0xa5, 4096);
	lab_expect_eq(rig_io(r.bdev, LAB_READ, 32768, r.mem, 4096, 0), rig_lacks(RIG_SHORT_WRITE_PASSES) ? -EIO : 4096);
	lab_expect_eq(rig_find_other(r.mem, 0, 4096), -1);
	rig_down(&r);
}

DESIGN_TEST(edges, loop_options)
{
	struct rig_opts o = { .file_bytes = 100000, .limits = { .logical_block_bytes = 512 } };
	const struct design *d = rig_design;
	struct lab_loop_opts lo = { .offset_bytes = 1024, .size_bytes = 50000, .read_only = true };
	struct lab_file *bdev;
	struct lab_loop *loop;
	struct rig r;

	rig_up(&r, &o);
	rig_set(r.mem, 0x42, 65536);
	lab_expect_eq(rig_io(r.file, LAB_WRITE, 1024, r.mem, 512, 0), 512);
	loop = d->loop_add(r.file, &lo);
	lab_expect(!IS_ERR(loop));
	bdev = d->open_bdev(d->loop_bdev(loop));
	lab_expect_eq(d->size(bdev), 49664);
	lab_expect_eq(rig_io(bdev, LAB_READ, 0, r.mem + 4096, 512, 0), 512);
	lab_expect_eq(rig_find_other(r.mem + 4096, 0x42, 512), -1);
	lab_expect_eq(rig_io(bdev, LAB_READ, 49152, r.mem, 4096, 0), 512);
	lab_expect_eq(rig_io(bdev, LAB_READ, 49664, r.mem, 4096, 0), 0);
	lab_expect_eq(rig_io(bdev, LAB_WRITE, 0, r.mem, 512, 0), -EPERM);
	d->close(bdev);
	d->loop_del(loop);
	lo = (struct lab_loop_opts){ .offset_bytes = 100 };
	lab_expect_eq(PTR_ERR(d->loop_add(r.file, &lo)), -EINVAL);
	lo = (struct lab_loop_opts){ .offset_bytes = 100352 };
	loop = d->loop_add(r.file, &lo);
	if (rig_lacks(RIG_NOTHING_LEFT)) {
		lab_expect(!IS_ERR(loop));
		lab_expect_eq(bdev_nr_sectors(d->loop_bdev(loop)), 0);
		d->loop_del(loop);
	} else {
		lab_expect_eq(PTR_ERR(loop), -EINVAL);
	}
	lo = (struct lab_loop_opts){ .logical_block_bytes = 256 };
	lab_expect_eq(PTR_ERR(d->loop_add(r.file, &lo)), -EINVAL);
	lo = (struct lab_loop_opts){ .logical_block_bytes = 4096 };
	loop = d->loop_add(r.file, &lo);
	bdev = d->open_bdev(d->loop_bdev(loop));
	if (!rig_lacks(RIG_PART_BLOCK)) {		/* loop_ioctl.sectors_behind_the_last_block */
		lab_expect_eq(d->size(bdev), 98304);
		lab_expect_eq(rig_io(bdev, LAB_WRITE, 98304, r.mem, 4096, 0), -ENOSPC);
	}
	lab_expect_eq(rig_io(bdev, LAB_WRITE, 0, r.mem, 512, 0), -EINVAL);
	d->close(bdev);
	d->loop_del(loop);
	rig_down(&r);
}

/* What a device is asked to zero, or to forget, where its file has ended, does not make the file longer. */
DESIGN_TEST(edges, zeroing_behind_a_file_that_shrank)
{
	struct rig_opts o = { .file_bytes = 1 << 20, .loop = true };
	int err = rig_lacks(RIG_NO_ZEROES) ? -EOPNOTSUPP : 0;
	struct block_device *bdev;
	struct rig r;

	rig_up(&r, &o);
	bdev = rig_design->loop_bdev(r.loop);
	lab_expect_eq(lab_truncate(r.inode, 512 << 10), 0);
	lab_expect_eq(blkdev_issue_zeroout(bdev, 768 << 1, 128, GFP_KERNEL,
					   BLKDEV_ZERO_NOUNMAP | BLKDEV_ZERO_NOFALLBACK), err);
	lab_expect_eq(i_size_read(r.inode), 512 << 10);
	lab_expect_eq(blkdev_issue_zeroout(bdev, 480 << 1, 128, GFP_KERNEL,
					   BLKDEV_ZERO_NOUNMAP | BLKDEV_ZERO_NOFALLBACK), err);
	lab_expect_eq(i_size_read(r.inode), 512 << 10);
	lab_expect_eq(blkdev_issue_discard(bdev, 480 << 1, 128, GFP_KERNEL), 0);
	lab_expect_eq(i_size_read(r.inode), 512 << 10);
	rig_down(&r);
}
