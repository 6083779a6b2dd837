// SPDX-License-Identifier: GPL-2.0-only
/*
 * Data: random reads and writes of a file, through the file and through a loop device on it, against the
 * reference (fs-model/reffs), over layouts, knobs and engines.
 */
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "rig.h"

#define FILE_BYTES	(2u << 20)
#define MAX_IO		(256u << 10)
#define MAX_SEGS	12

struct data {
	struct rig rig;
	struct lab_reffs *ref;
	u8 *want, *have;
};

static void data_up(struct data *d, const struct rig_opts *o)
{
	rig_up(&d->rig, o);
	d->ref = lab_reffs_create(512, FILE_BYTES + MAX_IO);
	lab_expect(!IS_ERR(d->ref));
	lab_expect_eq(lab_reffs_truncate(d->ref, o->file_bytes), 0);
	d->want = kmalloc(MAX_IO, GFP_KERNEL);
	d->have = kmalloc(MAX_IO, GFP_KERNEL);
	lab_expect(d->want && d->have);
}

static void data_down(struct data *d)
{
	kfree(d->have);
	kfree(d->want);
	lab_reffs_destroy(d->ref);
	rig_down(&d->rig);
}

/* Cut [mem + 512 * k, …) of @len_bytes into segments of whole sectors; some are empty. */
static unsigned int data_cut(struct data *d, struct lab_iovec *iov, size_t len_bytes)
{
	unsigned long at = d->rig.mem + 512 * rig_rand(&d->rig, 8);
	unsigned int nr = 0;

	while (len_bytes) {
		size_t len = nr == MAX_SEGS - 1 ? len_bytes : 512 * rig_rand(&d->rig, len_bytes / 512 + 1);

		iov[nr++] = (struct lab_iovec){ at, len };
		at += len + 512 * rig_rand(&d->rig, 3);
		len_bytes -= len;
	}
	return nr;
}

static void data_gather(const struct lab_iovec *iov, unsigned int nr, u8 *to, size_t len_bytes)
{
	for (; nr-- && len_bytes; iov++) {
		size_t len = min(iov->len_bytes, len_bytes);

		rig_peek(iov->base, to, len);
		to += len;
		len_bytes -= len;
	}
}

static void data_write(struct data *d, struct lab_file *file, loff_t pos, size_t len_bytes, bool async)
{
	struct lab_iovec iov[MAX_SEGS];
	unsigned int nr = data_cut(d, iov, len_bytes), i;
	u8 *p = d->want;
	ssize_t ret;

	for (i = 0; i < len_bytes; i += 8)
		*(u64 *)(d->want + i) = rig_rand(&d->rig, 0);
	for (i = 0; i < nr; i++) {
		rig_poke(iov[i].base, p, iov[i].len_bytes);
		p += iov[i].len_bytes;
	}
	ret = (async ? rig_aio : rig_iov)(file, LAB_WRITE, pos, iov, nr,
					  rig_rand(&d->rig, 8) ? 0 : LAB_IO_DSYNC);
	lab_expect_eq(ret, len_bytes);
	lab_expect_eq(lab_reffs_pwrite(d->ref, d->want, len_bytes, pos), len_bytes);
}

static void data_read(struct data *d, struct lab_file *file, loff_t pos, size_t len_bytes, bool async)
{
	struct lab_iovec iov[MAX_SEGS];
	unsigned int nr = data_cut(d, iov, len_bytes);
	ssize_t want = lab_reffs_pread(d->ref, d->want, len_bytes, pos);
	ssize_t ret = (async ? rig_aio : rig_iov)(file, LAB_READ, pos, iov, nr, 0);

	lab_expect_eq(ret, want);
	if (ret > 0) {
		data_gather(iov, nr, d->have, ret);
		lab_expect_mem(d->have, d->want, ret);
	}
}

static void data_one(struct data *d, bool may_extend)
{
	struct lab_file *file = d->rig.bdev && rig_rand(&d->rig, 4) ? d->rig.bdev : d->rig.file;
	size_t len_bytes = 512 * (1 + rig_rand(&d->rig, rig_rand(&d->rig, 2) ? 16 : MAX_IO / 512));
	loff_t size = i_size_read(d->rig.inode);
	loff_t pos = 512 * rig_rand(&d->rig, (may_extend ? FILE_BYTES : size) / 512);
	bool async = rig_rand(&d->rig, 2);

	if (!may_extend || file != d->rig.file)
		len_bytes = min_t(u64, len_bytes, pos < size ? round_down(size - pos, 512) : 0);
	if (!len_bytes)
		return;
	if (rig_rand(&d->rig, 2))
		data_write(d, file, pos, len_bytes, async);
	else
		data_read(d, file, pos, len_bytes, async);
}

static void data_all(struct data *d)
{
	loff_t pos;

	for (pos = 0; pos < i_size_read(d->rig.inode); pos += MAX_IO)
		data_read(d, d->rig.file, pos, MAX_IO, false);
}

static void data_run(struct rig_opts *o, unsigned int rounds, bool may_extend)
{
	struct data d;

	data_up(&d, o);
	if (lab_test_slow())
		rounds = rounds / 10 + 1;
	while (rounds--)
		data_one(&d, may_extend);
	data_all(&d);
	data_down(&d);
}

static const struct lab_fs_opts layouts[] = {
	{ .layout = LAB_LAYOUT_CONTIGUOUS },
	{ .layout = LAB_LAYOUT_FRAGMENTED, .fragment_bytes = 4096, .seed = 7 },
	{ .layout = LAB_LAYOUT_FRAGMENTED, .fragment_bytes = 64 << 10, .seed = 8 },
	{ .layout = LAB_LAYOUT_SPARSE },
	{ .layout = LAB_LAYOUT_UNWRITTEN, .lock_exclusive = true },
};

LAB_TEST_FLAGS(iter_ops_fixed_data, file_against_reffs, LAB_TEST_F_PERMUTED)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(layouts); i++) {
		struct rig_opts o = { .fs = layouts[i] };

		if (layouts[i].layout >= LAB_LAYOUT_SPARSE)
			o.fill = 0xee;
		data_run(&o, 60, true);
	}
}

LAB_TEST(iter_ops_fixed_data, file_on_real_disk)
{
	struct rig_opts o = { .disk = RIG_REAL, .fs = layouts[3] };

	data_run(&o, 60, true);
}

/* Every combination of knobs, the layouts in turn. */
LAB_TEST(iter_ops_fixed_data, loop_knobs_against_reffs)
{
	unsigned int k;

	for (k = 0; k < 16; k++) {
		struct rig_opts o = {
			.fs = layouts[k % ARRAY_SIZE(layouts)],
			.file_bytes = FILE_BYTES,
			.loop = true,
			.knobs = {
				.handoff = k & 1 ? LAB_HANDOFF_WORKER : LAB_HANDOFF_INLINE,
				.alloc = k & 2 ? LAB_ALLOC_KMALLOC : LAB_ALLOC_POOL,
				.completion = k & 4 ? LAB_COMPLETION_WQ : LAB_COMPLETION_INLINE,
				.loopq = k & 8 ? LAB_LOOPQ_MQ : LAB_LOOPQ_BIO,
			},
		};

		data_run(&o, 25, false);
	}
}

LAB_TEST(iter_ops_fixed_data, loop_on_real_disk)
{
	struct rig_opts o = { .disk = RIG_REAL, .fs = layouts[4], .file_bytes = FILE_BYTES, .loop = true };

	data_run(&o, 60, false);
}

/* Small limits below: everything is split on its way down. */
LAB_TEST(iter_ops_fixed_data, loop_over_small_limits)
{
	struct rig_opts o = {
		.limits = { .max_sectors = 16, .max_segments = 2, .virt_boundary_bytes = 4096 },
		.fs = layouts[2], .file_bytes = FILE_BYTES, .loop = true,
	};

	data_run(&o, 40, false);
}

/* Blocks of 4 KiB, memory on 512: bios that are full in the middle of a block. */
LAB_TEST(iter_ops_fixed_data, big_blocks_small_alignment)
{
	struct rig_opts o = { .limits = { .logical_block_bytes = 4096 }, .fs = layouts[3] };
	const size_t len_bytes = 1200 << 10;
	struct lab_iovec iov;
	struct rig r;
	u64 i, word;

	rig_up(&r, &o);
	iov = (struct lab_iovec){ r.mem + 512, len_bytes };
	for (i = 0; i < len_bytes; i += 4096) {
		word = i ^ r.rng;
		rig_poke(iov.base + i, &word, 8);
	}
	lab_expect_eq(rig_aio(r.file, LAB_WRITE, 8192, &iov, 1, 0), len_bytes);
	lab_expect_eq(i_size_read(r.inode), 8192 + len_bytes);
	rig_set(iov.base, 0xa5, len_bytes);
	iov.base += 1024;
	lab_expect_eq(rig_aio(r.file, LAB_READ, 8192, &iov, 1, 0), len_bytes);
	for (i = 0; i < len_bytes; i += 4096) {
		rig_peek(iov.base + i, &word, 8);
		lab_expect_eq(word, i ^ r.rng);
	}
	lab_expect_eq(rig_io(r.file, LAB_READ, 512, r.mem, 4096, 0), 4096);
	lab_expect_eq(rig_io(r.file, LAB_READ, 8192 + 512, r.mem, 4096, 0), -EINVAL);
	rig_down(&r);
}

/* 1024 segments of a sector each, and one more. */
LAB_TEST(iter_ops_fixed_data, many_segments)
{
	static struct lab_iovec iov[UIO_MAXIOV + 1];
	struct rig_opts o = { .fs = layouts[1], .file_bytes = 1 << 20 };
	struct rig r;
	u64 i, word;

	rig_up(&r, &o);
	for (i = 0; i < UIO_MAXIOV; i++) {
		iov[i] = (struct lab_iovec){ r.mem + i * 1024, 512 };
		word = ~i;
		rig_poke(iov[i].base, &word, 8);
	}
	iov[i] = (struct lab_iovec){ r.mem, 512 };
	lab_expect_eq(rig_aio(r.file, LAB_WRITE, 4096, iov, UIO_MAXIOV, 0), UIO_MAXIOV * 512);
	lab_expect_eq(rig_iov(r.file, LAB_WRITE, 4096, iov, UIO_MAXIOV + 1, 0), -EINVAL);
	iov[0] = (struct lab_iovec){ r.mem + (2 << 20), UIO_MAXIOV * 512 };
	lab_expect_eq(rig_aio(r.file, LAB_READ, 4096, iov, 1, 0), UIO_MAXIOV * 512);
	for (i = 0; i < UIO_MAXIOV; i++) {
		rig_peek(iov[0].base + i * 512, &word, 8);
		lab_expect_eq(word, ~i);
	}
	rig_down(&r);
}
