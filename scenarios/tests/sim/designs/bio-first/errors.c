// SPDX-License-Identifier: GPL-2.0-only
/*
 * What goes wrong, and the edges: alignment, end of file, EFAULT, IO errors, fresh blocks, NOWAIT.
 */
#include <kc/fault.h>
#include "rig.h"

LAB_TEST(bio_first_errors, arguments)
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

LAB_TEST(bio_first_errors, end_of_file)
{
	struct rig_opts o = { .file_bytes = 10000 };
	struct rig r;

	rig_up(&r, &o);
	rig_set(r.mem, 0xa5, 16384);
	lab_expect_eq(rig_io(r.file, LAB_READ, 8192, r.mem, 8192, 0), 10000 - 8192);
	lab_expect_eq(rig_find_other(r.mem + 4096, 0xa5, 4096), -1);
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
	rig_down(&r);
}

/* A hole needs no alignment: there is no device to be aligned for. */
LAB_TEST(bio_first_errors, holes_read_unaligned)
{
	struct rig_opts o = { .fs = { .layout = LAB_LAYOUT_SPARSE }, .file_bytes = 65536 };
	struct lab_iovec iov[2];
	struct rig r;

	rig_up(&r, &o);
	rig_set(r.mem, 0xa5, 8192);
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

/* -EFAULT wherever it is: whole call, no pin left (the world's audit), no size published. */
LAB_TEST(bio_first_errors, efault_in_the_middle)
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
LAB_TEST(bio_first_errors, pin_fails_at_every_page)
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
		kc_fault_nth(KC_FAULT_PIN, n, 20);	/* and all after it: a short pin alone is no error */
		lab_expect_eq(rig_aio(r.file, n & 1 ? LAB_READ : LAB_WRITE, 0, &iov, 1, 0), -EFAULT);
		kc_fault_nth(KC_FAULT_PIN, 0, 0);
		lab_expect_eq(rig_aio(r.file, LAB_READ, 0, &iov, 1, 0), 20 * PAGE_SIZE);
	}
	rig_down(&r);
}

/* alloc=kmalloc may fail, and says so; alloc=pool goes on from its reserve. */
LAB_TEST(bio_first_errors, allocation_fails)
{
	enum lab_alloc alloc;

	for (alloc = LAB_ALLOC_POOL; alloc <= LAB_ALLOC_KMALLOC; alloc++) {
		struct rig_opts o = { .file_bytes = 1 << 20, .loop = true, .knobs = { .alloc = alloc } };
		bool may_fail = alloc == LAB_ALLOC_KMALLOC;
		struct lab_iovec iov;
		unsigned int failed = 0;
		struct rig r;
		u64 n;

		rig_up(&r, &o);
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
		if (may_fail)
			lab_expect_gt(failed, 0);
		rig_down(&r);
	}
}

/* An error in piece k of 8: the whole call fails with it. */
LAB_TEST(bio_first_errors, io_error_at_piece_k)
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

LAB_TEST(bio_first_errors, failed_fresh_blocks_stay_zero)
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
LAB_TEST(bio_first_errors, failed_extension_leaves_no_trace)
{
	struct rig_opts o = {
		.fault = "eio@65536+4096", .file_bytes = 4096, .fs = { .layout = LAB_LAYOUT_CONTIGUOUS },
	};
	struct rig r;
	u64 before;

	rig_up(&r, &o);
	before = lab_fs_free_bytes(r.fs);
	lab_expect_eq(rig_io(r.file, LAB_WRITE, 4096, r.mem, 1 << 17, 0), -EIO);
	lab_expect_eq(i_size_read(r.inode), 4096);
	lab_expect_eq(lab_fs_free_bytes(r.fs), before);
	rig_down(&r);
}

/* Part of a block without data, on a disk full of something else: what is not written is zeroed. */
LAB_TEST(bio_first_errors, edges_of_fresh_blocks)
{
	static const enum lab_layout layouts[] = { LAB_LAYOUT_SPARSE, LAB_LAYOUT_UNWRITTEN };
	unsigned int l, from, to;

	for (l = 0; l < ARRAY_SIZE(layouts); l++) {
		struct rig_opts o = { .fs = { .layout = layouts[l] }, .file_bytes = 8 << 20, .fill = 0xee };
		struct lab_iovec iov;
		struct rig r;
		loff_t base = 0;

		rig_up(&r, &o);
		for (from = 0; from < 4096; from += 1024) {
			for (to = from + 512; to <= 12288; to += 3584) {
				rig_set(r.mem, 0x42, to - from);
				iov = (struct lab_iovec){ r.mem, to - from };
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

static u64 bios_below(struct rig *r)
{
	struct lab_trace_counts c;

	lab_trace_read(r->trace, &c);
	return c.bios[REQ_OP_READ] + c.bios[REQ_OP_WRITE];
}

/* NOWAIT: all of it in one mapping and one bio, else -EAGAIN, and then nothing has happened. */
LAB_TEST(bio_first_errors, nowait_has_no_side_effect)
{
	struct rig_opts o = {
		.file_bytes = 1 << 20, .loop = true,
		.fs = { .layout = LAB_LAYOUT_FRAGMENTED, .fragment_bytes = 8192 },
	};
	struct lab_iovec iov;
	struct lab_extent ext;
	struct rig r;
	u64 before, version;

	rig_up(&r, &o);
	iov = (struct lab_iovec){ r.mem, 8192 };
	lab_expect_eq(rig_aio(r.file, LAB_WRITE, 8192, &iov, 1, LAB_IO_NOWAIT), 8192);
	lab_expect_eq(rig_aio(r.bdev, LAB_READ, 8192, &iov, 1, LAB_IO_NOWAIT), 8192);

	lab_expect_eq(lab_punch(r.inode, 65536, 8192), 0);
	before = bios_below(&r);
	version = r.inode->i_lab_version;
	lab_expect_eq(rig_aio(r.file, LAB_WRITE, 4096, &iov, 1, LAB_IO_NOWAIT), -EAGAIN);
	lab_expect_eq(rig_aio(r.file, LAB_READ, 4096, &iov, 1, LAB_IO_NOWAIT), -EAGAIN);
	lab_expect_eq(rig_aio(r.bdev, LAB_WRITE, 4096, &iov, 1, LAB_IO_NOWAIT), -EAGAIN);
	lab_expect_eq(rig_aio(r.bdev, LAB_READ, 4096, &iov, 1, LAB_IO_NOWAIT), -EAGAIN);
	lab_expect_eq(rig_aio(r.file, LAB_WRITE, 65536, &iov, 1, LAB_IO_NOWAIT), -EAGAIN);
	lab_expect_eq(rig_aio(r.bdev, LAB_WRITE, 65536, &iov, 1, LAB_IO_NOWAIT), -EAGAIN);
	lab_expect_eq(rig_aio(r.file, LAB_WRITE, 1 << 20, &iov, 1, LAB_IO_NOWAIT), -EAGAIN);
	down_write(&r.inode->i_rwsem);
	lab_expect_eq(rig_aio(r.file, LAB_READ, 8192, &iov, 1, LAB_IO_NOWAIT), -EAGAIN);
	up_write(&r.inode->i_rwsem);
	lab_expect_eq(bios_below(&r), before);
	lab_expect_eq(r.inode->i_lab_version, version);
	lab_expect_eq(i_size_read(r.inode), 1 << 20);
	down_read(&r.inode->i_rwsem);
	lab_expect_eq(lab_map(r.inode, 65536, 8192, 0, &ext), 0);
	up_read(&r.inode->i_rwsem);
	lab_expect_eq(ext.type, LAB_HOLE);
	rig_down(&r);
}

/* The loop device is longer than its file: what lies beyond reads as zeros, and a write there grows it. */
LAB_TEST(bio_first_errors, file_shrinks_under_loop)
{
	struct rig_opts o = { .file_bytes = 65536, .loop = true };
	struct lab_iovec iov;
	struct rig r;

	rig_up(&r, &o);
	rig_set(r.mem, 0x42, 65536);
	lab_expect_eq(rig_io(r.bdev, LAB_WRITE, 0, r.mem, 65536, 0), 65536);
	lab_expect_eq(lab_truncate(r.inode, 20000), 0);
	rig_set(r.mem, 0xa5, 65536);
	iov = (struct lab_iovec){ r.mem, 65536 };
	lab_expect_eq(rig_aio(r.bdev, LAB_READ, 0, &iov, 1, 0), 65536);
	lab_expect_eq(rig_find_other(r.mem, 0x42, 20000), -1);
	lab_expect_eq(rig_find_other(r.mem + 20000, 0, 65536 - 20000), -1);
	lab_expect_eq(rig_io(r.bdev, LAB_READ, 32768, r.mem, 4096, 0), 4096);
	lab_expect_eq(rig_find_other(r.mem, 0, 4096), -1);
	lab_expect_eq(rig_io(r.bdev, LAB_WRITE, 32768, r.mem, 4096, 0), 4096);
	lab_expect_eq(i_size_read(r.inode), 32768 + 4096);
	rig_down(&r);
}

LAB_TEST(bio_first_errors, loop_options)
{
	struct rig_opts o = { .file_bytes = 100000, .limits = { .logical_block_bytes = 512 } };
	const struct design *d = &design_bio_first;
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
	lab_expect_eq(PTR_ERR(d->loop_add(r.file, &lo)), -EINVAL);
	lo = (struct lab_loop_opts){ .logical_block_bytes = 256 };
	lab_expect_eq(PTR_ERR(d->loop_add(r.file, &lo)), -EINVAL);
	lo = (struct lab_loop_opts){ .logical_block_bytes = 4096 };
	loop = d->loop_add(r.file, &lo);
	bdev = d->open_bdev(d->loop_bdev(loop));
	lab_expect_eq(d->size(bdev), 98304);
	lab_expect_eq(rig_io(bdev, LAB_WRITE, 98304, r.mem, 4096, 0), -ENOSPC);
	lab_expect_eq(rig_io(bdev, LAB_WRITE, 0, r.mem, 512, 0), -EINVAL);
	d->close(bdev);
	d->loop_del(loop);
	rig_down(&r);
}
