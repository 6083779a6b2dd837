// SPDX-License-Identifier: GPL-2.0-only
/* Every operation on every device: memory, a real file with O_DIRECT, and nothing. */
#include <linux/completion.h>
#include <kc/io.h>
#include <kc/world.h>
#include "devs.h"

#define BUF_BYTES	(512u << 10)

struct bufs {
	u8 *in, *out;
};

static void bufs_get(struct bufs *b)
{
	b->in = test_pages(BUF_BYTES);
	b->out = test_pages(BUF_BYTES);
}

static void bufs_put(struct bufs *b)
{
	test_free_pages(b->in, BUF_BYTES);
	test_free_pages(b->out, BUF_BYTES);
}

static void expect_read(struct block_device *bdev, u64 pos, u8 *out, const u8 *want, u32 len)
{
	memset(out, 0xa5, len);
	lab_expect_eq(test_io(bdev, REQ_OP_READ, pos, out, len), 0);
	lab_expect_mem(out, want, len);
}

static void write_and_read(enum test_dev_kind kind)
{
	static const struct { u64 pos; u32 len; } t[] = {
		{ 0, 512 }, { 512, 512 }, { 4096 - 512, 1024 }, { 8192, 4096 }, { 65536, 65536 },
		{ 1 << 20, BUF_BYTES }, { TEST_DISK_BYTES - 512, 512 },
		{ TEST_DISK_BYTES - BUF_BYTES, BUF_BYTES },
	};
	static const blk_opf_t flags[] = { 0, REQ_SYNC, REQ_FUA, REQ_PREFLUSH, REQ_PREFLUSH | REQ_FUA };
	struct test_dev dev;
	struct bufs b;
	u32 i, f;

	test_dev_open(&dev, kind, TEST_DISK_BYTES, NULL);
	bufs_get(&b);
	for (f = 0; f < sizeof(flags) / sizeof(flags[0]); f++) {
		for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
			blk_opf_t opf = REQ_OP_WRITE | flags[f];

			test_fill(b.in, t[i].pos, t[i].len, f);
			lab_expect_eq(test_io(dev.bdev, opf, t[i].pos, b.in, t[i].len), 0);
			expect_read(dev.bdev, t[i].pos, b.out, b.in, t[i].len);
		}
		lab_expect_eq(blkdev_issue_flush(dev.bdev), 0);
	}
	/* memory at an odd sector of a page */
	test_fill(b.in + 1536, 4096, 8192, 77);
	lab_expect_eq(test_io(dev.bdev, REQ_OP_WRITE, 4096, b.in + 1536, 8192), 0);
	expect_read(dev.bdev, 4096, b.out + 512, b.in + 1536, 8192);
	bufs_put(&b);
	test_dev_close(&dev);
}

LAB_TEST(drivers, write_and_read_ram)
{
	write_and_read(TEST_RAM);
}

LAB_TEST(drivers, write_and_read_disk)
{
	write_and_read(TEST_DISK);
}

static void discard_and_zero(enum test_dev_kind kind)
{
	struct test_dev dev;
	struct bufs b;

	test_dev_open(&dev, kind, TEST_DISK_BYTES, NULL);
	bufs_get(&b);
	test_fill(b.in, 0, 65536, 3);
	lab_expect_eq(test_io(dev.bdev, REQ_OP_WRITE, 0, b.in, 65536), 0);
	lab_expect_eq(test_io(dev.bdev, REQ_OP_DISCARD, 8192, NULL, 4096), 0);
	memset(b.in + 8192, 0, 4096);
	expect_read(dev.bdev, 0, b.out, b.in, 65536);
	lab_expect_eq(test_io(dev.bdev, REQ_OP_WRITE_ZEROES, 16384 + 512, NULL, 1024), 0);
	memset(b.in + 16384 + 512, 0, 1024);
	expect_read(dev.bdev, 0, b.out, b.in, 65536);
	lab_expect_eq(blkdev_issue_zeroout(dev.bdev, 0, 16, GFP_KERNEL, 0), 0);
	memset(b.in, 0, 8192);
	expect_read(dev.bdev, 0, b.out, b.in, 65536);
	bufs_put(&b);
	test_dev_close(&dev);
}

LAB_TEST(drivers, discard_and_zero_ram)
{
	discard_and_zero(TEST_RAM);
}

LAB_TEST(drivers, discard_and_zero_disk)
{
	discard_and_zero(TEST_DISK);
}

/* The last sector, and one beyond: the device is never asked. */
static void end_of_device(enum test_dev_kind kind)
{
	struct test_dev dev;
	struct bufs b;

	test_dev_open(&dev, kind, TEST_DISK_BYTES, NULL);
	bufs_get(&b);
	lab_expect_eq(bdev_nr_bytes(dev.bdev), TEST_DISK_BYTES);
	lab_expect_eq(test_io(dev.bdev, REQ_OP_READ, TEST_DISK_BYTES - 512, b.out, 512), 0);
	lab_expect_eq(test_io(dev.bdev, REQ_OP_READ, TEST_DISK_BYTES - 512, b.out, 1024), -EIO);
	lab_expect_eq(test_io(dev.bdev, REQ_OP_WRITE, TEST_DISK_BYTES, b.in, 512), -EIO);
	bufs_put(&b);
	test_dev_close(&dev);
}

LAB_TEST(drivers, end_of_device)
{
	end_of_device(TEST_RAM);
	end_of_device(TEST_DISK);
}

/* Small limits: the block layer cuts, the strict device would WARN, and the bytes are right. */
static void small_limits(enum test_dev_kind kind, const struct lab_limits *limits)
{
	struct test_dev dev;
	struct bufs b;

	test_dev_open(&dev, kind, TEST_DISK_BYTES, limits);
	bufs_get(&b);
	test_fill(b.in, 4096, BUF_BYTES - 4096, 9);
	lab_expect_eq(test_io(dev.bdev, REQ_OP_WRITE, 4096, b.in, BUF_BYTES - 4096), 0);
	expect_read(dev.bdev, 4096, b.out, b.in, BUF_BYTES - 4096);
	test_fill(b.in + 512, 4096, 20480, 10);
	if (bdev_logical_block_size(dev.bdev) == 512) {
		lab_expect_eq(test_io(dev.bdev, REQ_OP_WRITE, 4096 + 512, b.in + 512, 20480), 0);
		expect_read(dev.bdev, 4096 + 512, b.out + 1024, b.in + 512, 20480);
	}
	bufs_put(&b);
	test_dev_close(&dev);
}

static void all_small_limits(void)
{
	static const struct lab_limits t[] = {
		{ .max_sectors = 8 }, { .max_sectors = 17 }, { .max_segments = 1 }, { .max_segments = 3 },
		{ .max_segment_bytes = 4096 }, { .max_segment_bytes = 4096, .max_segments = 2 },
		{ .virt_boundary_bytes = 4096 }, { .logical_block_bytes = 4096 },
		{ 24, 2, 8192, 512, 4096, 1 },
	};
	u32 i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		small_limits(TEST_RAM, &t[i]);
		small_limits(TEST_DISK, &t[i]);
	}
}

LAB_TEST(drivers, small_limits)
{
	all_small_limits();
}

LAB_TEST_FLAGS(drivers, small_limits_permuted_frames, LAB_TEST_F_PERMUTED)
{
	all_small_limits();
}

static void expect_bad(struct lab_limits limits)
{
	lab_expect(lab_limits_why(&limits));
	lab_expect_eq(PTR_ERR(lab_null_create(1 << 20, &limits)), -EINVAL);
}

LAB_TEST(drivers, limits_at_their_ends)
{
	struct lab_limits good[] = {
		{ .max_sectors = 8 }, { .max_sectors = LAB_DISK_MAX_SECTORS }, { .max_segments = 1 },
		{ .max_segments = LAB_DISK_MAX_SEGMENTS }, { .max_segment_bytes = 4096 },
		{ .max_segment_bytes = LAB_DISK_MAX_SEGMENT_BYTES }, { .logical_block_bytes = 512 },
		{ .logical_block_bytes = 4096 }, { .virt_boundary_bytes = 4096 },
	};
	u32 i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct block_device *bdev = lab_null_create(1 << 20, &good[i]);

		lab_expect(!lab_limits_why(&good[i]));
		lab_expect(!IS_ERR(bdev));
		lab_bdev_destroy(bdev);
	}
	expect_bad((struct lab_limits) { .max_sectors = 7 });
	expect_bad((struct lab_limits) { .max_sectors = LAB_DISK_MAX_SECTORS + 1 });
	expect_bad((struct lab_limits) { .max_segments = LAB_DISK_MAX_SEGMENTS + 1 });
	expect_bad((struct lab_limits) { .max_segment_bytes = 4095 });
	expect_bad((struct lab_limits) { .max_segment_bytes = LAB_DISK_MAX_SEGMENT_BYTES + 512 });
	expect_bad((struct lab_limits) { .max_segment_bytes = 5000 });
	expect_bad((struct lab_limits) { .logical_block_bytes = 256 });
	expect_bad((struct lab_limits) { .logical_block_bytes = 1536 });
	expect_bad((struct lab_limits) { .logical_block_bytes = 8192 });
	expect_bad((struct lab_limits) { .logical_block_bytes = 1024, .max_sectors = 9 });
	expect_bad((struct lab_limits) { .virt_boundary_bytes = 2048 });
	expect_bad((struct lab_limits) { .virt_boundary_bytes = 12288 });
	lab_expect_eq(PTR_ERR(lab_ram_create(LAB_DISK_MIN_BYTES - 512, NULL)), -EINVAL);
	lab_expect_eq(PTR_ERR(lab_ram_create(LAB_DISK_MIN_BYTES + 1, NULL)), -EINVAL);
	lab_expect_eq(PTR_ERR(lab_null_create(LAB_SIM_MAX_BYTES + 512, NULL)), -EINVAL);
}

/* ---- null -------------------------------------------------------------------------------- */

#define NULL_BIOS	40u

struct batch {
	struct completion done;
	u32 left;
};

static void batch_end_io(struct bio *bio)
{
	struct batch *batch = bio->bi_private;

	bio_put(bio);
	if (!--batch->left)
		complete(&batch->done);
}

LAB_TEST(drivers, null_completes_what_has_gathered)
{
	struct block_device *bdev = lab_null_create(1 << 20, NULL);
	struct batch batch = { .left = NULL_BIOS };
	u8 *page = test_pages(4096);
	u32 i;

	lab_expect(!IS_ERR(bdev));
	init_completion(&batch.done);
	memset(page, 0x77, 4096);
	for (i = 0; i < NULL_BIOS; i++) {
		struct bio *bio = bio_alloc(bdev, 1, REQ_OP_READ, GFP_KERNEL);

		bio->bi_iter.bi_sector = 8 * i;
		bio->bi_private = &batch;
		bio->bi_end_io = batch_end_io;
		__bio_add_page(bio, virt_to_page(page), 4096, 0);
		submit_bio(bio);
	}
	lab_expect_eq(batch.left, NULL_BIOS);		/* nothing completes at submission */
	lab_expect_eq(kc_io_inflight(), NULL_BIOS);
	if (host_engine() == HOST_THR) {
		lab_expect_eq(kc_io_poll(NULL_BIOS + 1), NULL_BIOS);
		lab_expect_eq(batch.left, 0);
	}
	wait_for_completion(&batch.done);
	lab_expect_eq(kc_io_inflight(), 0);
	for (i = 0; i < 4096; i++)
		lab_expect_eq(page[i], 0x77);		/* it has no data to give */
	lab_expect_eq(test_io(bdev, REQ_OP_WRITE | REQ_PREFLUSH | REQ_FUA, 0, page, 4096), 0);
	lab_expect_eq(test_io(bdev, REQ_OP_DISCARD, 0, NULL, 4096), 0);
	test_free_pages(page, 4096);
	lab_bdev_destroy(bdev);
}

/* ---- strictness of the simulated devices ------------------------------------------------- */

LAB_TEST(drivers, ram_warns_of_misaligned_memory)
{
	struct block_device *bdev = lab_ram_create(1 << 20, NULL);
	u8 *page = test_pages(4096);

	lab_expect(!IS_ERR(bdev));
	lab_expect_eq(test_io(bdev, REQ_OP_WRITE, 0, page + 512, 512), 0);
	kc_expect_warn("breaks the device's limits", 1);
	lab_expect_ne(test_io(bdev, REQ_OP_WRITE, 0, page + 8, 512), 0);
	test_free_pages(page, 4096);
	lab_bdev_destroy(bdev);
}
