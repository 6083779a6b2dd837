// SPDX-License-Identifier: GPL-2.0-only
/*
 * disk.c over a ring that this file plays: it does what it is told of each transfer and no more, so that
 * the resubmission of short ones is seen byte by byte. The driver's source is compiled into this file, with
 * other names.
 */
#include <kc/io.h>
#include "devs.h"

static int fake_ring_rw(struct kc_io *io, struct host_disk *disk, int op, unsigned int flags,
			const struct host_iovec *iov, unsigned int nr, u64 off_bytes);
static int fake_ring_ctl(struct kc_io *io, struct host_disk *disk, int op, u64 off_bytes, u64 len_bytes);

static struct block_device *faked_disk_open(struct host_disk *host, const struct host_disk_info *info,
					    const struct lab_limits *limits);

#define kc_io_ring_rw	fake_ring_rw
#define kc_io_ring_ctl	fake_ring_ctl
#define lab_disk_open	faked_disk_open
#include "../../../../sim/drivers/disk.c"
#undef lab_disk_open
#undef kc_io_ring_rw
#undef kc_io_ring_ctl

#define FAKE_BYTES	(128u << 10)
#define ALL		(1 << 30)	/* step: the whole rest */
#define REFUSE		(ALL + 1)	/* step: the ring is full, -EAGAIN at submission */
#define MAX_STEPS	16u

/* What the ring does with transfer after transfer, and what it saw. */
static struct {
	u8 *disk;
	int step[MAX_STEPS];		/* bytes to move, or -errno; beyond nr_steps: ALL */
	u32 nr_steps, calls, refused;
	u64 off[MAX_STEPS];		/* of each call */
	u32 len[MAX_STEPS], nr_iov[MAX_STEPS];
	unsigned int flags;
	int op;
	u64 ctl_off, ctl_len;
} fake;

static u32 move(const struct host_iovec *iov, unsigned int nr, u64 off, u32 most, bool write)
{
	u32 done = 0;

	for (; nr && done < most; iov++, nr--) {
		u32 step = min_t(u64, most - done, iov->len_bytes);

		lab_expect_ne(iov->len_bytes, 0);
		lab_expect_le(off + done + step, FAKE_BYTES);
		if (write)
			memcpy(fake.disk + off + done, iov->base, step);
		else
			memcpy(iov->base, fake.disk + off + done, step);
		done += step;
	}
	return done;
}

static int fake_ring_rw(struct kc_io *io, struct host_disk *disk, int op, unsigned int flags,
			const struct host_iovec *iov, unsigned int nr, u64 off_bytes)
{
	int step = fake.calls < fake.nr_steps ? fake.step[fake.calls] : ALL;
	u32 i;

	lab_expect_lt(fake.calls, MAX_STEPS);
	fake.off[fake.calls] = off_bytes;
	fake.nr_iov[fake.calls] = nr;
	fake.len[fake.calls] = 0;
	for (i = 0; i < nr; i++)
		fake.len[fake.calls] += iov[i].len_bytes;
	fake.calls++;
	fake.op = op;
	fake.flags = flags;
	if (step == REFUSE)
		return -EAGAIN;
	if (step > 0)
		step = move(iov, nr, off_bytes, step, op == HOST_OP_WRITE);
	kc_io_defer(io, step);
	return 0;
}

static int fake_ring_ctl(struct kc_io *io, struct host_disk *disk, int op, u64 off_bytes, u64 len_bytes)
{
	fake.calls++;
	fake.op = op;
	fake.ctl_off = off_bytes;
	fake.ctl_len = len_bytes;
	kc_io_defer(io, fake.nr_steps ? fake.step[0] : 0);
	return 0;
}

static struct block_device *fake_open(const struct lab_limits *limits)
{
	struct host_disk_info info = { .size_bytes = FAKE_BYTES, .logical_block_bytes = 512 };
	struct block_device *bdev;

	memset(&fake, 0, sizeof(fake));
	fake.disk = test_pages(FAKE_BYTES);
	bdev = faked_disk_open(NULL, &info, limits);
	lab_expect(!IS_ERR(bdev));
	return bdev;
}

static void fake_close(struct block_device *bdev)
{
	lab_bdev_destroy(bdev);
	test_free_pages(fake.disk, FAKE_BYTES);
}

static void plan(const int *step, u32 nr)
{
	memcpy(fake.step, step, nr * sizeof(*step));
	fake.nr_steps = nr;
	fake.calls = 0;
}

#define PLAN(...)							\
	do {								\
		static const int __step[] = { __VA_ARGS__ };		\
		plan(__step, sizeof(__step) / sizeof(__step[0]));	\
	} while (0)

/* Sectors from all over a page run, so that no two pieces join. */
static int scattered_io(struct block_device *bdev, blk_opf_t opf, u64 pos, u8 *buf, u32 nr)
{
	struct bio_vec vecs[16];
	struct bio bio;
	int err;
	u32 i;

	lab_expect_le(nr, sizeof(vecs) / sizeof(vecs[0]));
	bio_init(&bio, bdev, vecs, nr, opf);
	bio.bi_iter.bi_sector = pos >> SECTOR_SHIFT;
	for (i = 0; i < nr; i++)
		__bio_add_page(&bio, virt_to_page(buf + i * 1024), 512, offset_in_page(buf + i * 1024));
	err = submit_bio_wait(&bio);
	bio_uninit(&bio);
	return err;
}

LAB_TEST(disk, contiguous_memory_is_one_iovec)
{
	struct block_device *bdev = fake_open(NULL);
	u8 *buf = test_pages(65536);

	test_fill(buf, 0, 65536, 1);
	lab_expect_eq(test_io(bdev, REQ_OP_WRITE, 4096, buf, 65536), 0);
	lab_expect_eq(fake.calls, 1);
	lab_expect_eq(fake.nr_iov[0], 1);
	lab_expect_eq(fake.len[0], 65536);
	lab_expect_eq(fake.off[0], 4096);
	lab_expect_mem(fake.disk + 4096, buf, 65536);
	fake.calls = 0;
	lab_expect_eq(scattered_io(bdev, REQ_OP_WRITE, 0, buf, 8), 0);
	lab_expect_eq(fake.nr_iov[0], 8);
	test_free_pages(buf, 65536);
	fake_close(bdev);
}

LAB_TEST(disk, short_transfers_go_on_where_they_stopped)
{
	struct block_device *bdev = fake_open(NULL);
	u8 *buf = test_pages(65536), *back = test_pages(65536);
	u32 i;

	test_fill(buf, 0, 65536, 2);
	/* in the first piece, at its end, in the middle of a later one, and a count that is no whole block */
	PLAN(512, 1024, 1536 + 100, 512);
	lab_expect_eq(scattered_io(bdev, REQ_OP_WRITE, 2048, buf, 16), 0);
	lab_expect_eq(fake.calls, 5);
	lab_expect_eq(fake.off[1], 2048 + 512);
	lab_expect_eq(fake.off[2], 2048 + 1536);
	lab_expect_eq(fake.off[3], 2048 + 3072);	/* rounded down: blocks are written whole */
	lab_expect_eq(fake.off[4], 2048 + 3584);
	lab_expect_eq(fake.len[4], 16 * 512 - 3584);
	for (i = 0; i < 16; i++)
		lab_expect_mem(fake.disk + 2048 + i * 512, buf + i * 1024, 512);

	PLAN(1024, 512, 2560);
	memset(back, 0xa5, 65536);
	lab_expect_eq(scattered_io(bdev, REQ_OP_READ, 2048, back, 16), 0);
	for (i = 0; i < 16; i++) {
		lab_expect_mem(back + i * 1024, buf + i * 1024, 512);
		lab_expect_eq(back[i * 1024 + 512], 0xa5);
	}
	/* one long piece, cut inside */
	PLAN(20480, 512);
	lab_expect_eq(test_io(bdev, REQ_OP_WRITE, 0, buf, 65536), 0);
	lab_expect_eq(fake.off[1], 20480);
	lab_expect_eq(fake.off[2], 20992);
	lab_expect_mem(fake.disk, buf, 65536);
	test_free_pages(back, 65536);
	test_free_pages(buf, 65536);
	fake_close(bdev);
}

LAB_TEST(disk, no_progress_is_an_error)
{
	struct block_device *bdev = fake_open(NULL);
	u8 *buf = test_pages(8192);

	PLAN(0);
	lab_expect_eq(test_io(bdev, REQ_OP_READ, 0, buf, 8192), -EIO);
	lab_expect_eq(fake.calls, 1);
	PLAN(511);
	lab_expect_eq(test_io(bdev, REQ_OP_READ, 0, buf, 8192), -EIO);
	PLAN(4096, 0);
	lab_expect_eq(test_io(bdev, REQ_OP_READ, 0, buf, 8192), -EIO);
	lab_expect_eq(fake.calls, 2);
	test_free_pages(buf, 8192);
	fake_close(bdev);
}

/* As many resubmissions as are allowed, and one more. */
LAB_TEST(disk, retries_are_bounded)
{
	struct block_device *bdev = fake_open(NULL);
	u8 *buf = test_pages(8192);

	PLAN(-EINTR, -EAGAIN, 512, 512, 512, 512, 512, -EINTR);
	lab_expect_eq(test_io(bdev, REQ_OP_WRITE, 0, buf, 8192), 0);
	lab_expect_eq(fake.calls, 1 + LAB_DISK_MAX_RETRIES);
	PLAN(-EINTR, -EAGAIN, 512, 512, 512, 512, 512, -EINTR, 512);
	lab_expect_eq(test_io(bdev, REQ_OP_WRITE, 0, buf, 8192), -EIO);
	lab_expect_eq(fake.calls, 1 + LAB_DISK_MAX_RETRIES);
	test_free_pages(buf, 8192);
	fake_close(bdev);
}

LAB_TEST(disk, errors_keep_their_meaning)
{
	static const int errors[] = { -EIO, -ENOSPC, -EOPNOTSUPP, -ETIMEDOUT };
	struct block_device *bdev = fake_open(NULL);
	u8 *buf = test_pages(4096);
	u32 i;

	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		plan(&errors[i], 1);
		lab_expect_eq(test_io(bdev, REQ_OP_WRITE, 0, buf, 4096), errors[i]);
		plan(&errors[i], 1);
		lab_expect_eq(test_io(bdev, REQ_OP_DISCARD, 0, NULL, 4096), errors[i]);
	}
	PLAN(4096 - 512, -ENOSPC);	/* after part of it */
	lab_expect_eq(test_io(bdev, REQ_OP_WRITE, 0, buf, 4096), -ENOSPC);
	test_free_pages(buf, 4096);
	fake_close(bdev);
}

/* The ring refuses the second of two: the queue keeps it and sends it when the first has completed. */
LAB_TEST(disk, full_ring_is_tried_again)
{
	struct block_device *bdev = fake_open(NULL);
	u8 *buf = test_pages(8192);
	struct blk_plug plug;
	struct bio *bio;

	test_fill(buf, 0, 8192, 5);
	PLAN(ALL, REFUSE, ALL);
	bio = bio_alloc(bdev, 1, REQ_OP_WRITE, GFP_KERNEL);
	bio->bi_iter.bi_sector = 0;
	bio->bi_end_io = bio_put;
	__bio_add_page(bio, virt_to_page(buf), 4096, 0);
	blk_start_plug(&plug);
	submit_bio(bio);
	blk_finish_plug(&plug);
	lab_expect_eq(fake.calls, 1);
	lab_expect_eq(test_io(bdev, REQ_OP_WRITE, 65536, buf + 4096, 4096), 0);
	lab_expect_eq(fake.calls, 3);
	lab_expect_mem(fake.disk, buf, 4096);
	lab_expect_mem(fake.disk + 65536, buf + 4096, 4096);
	test_free_pages(buf, 8192);
	fake_close(bdev);
}

LAB_TEST(disk, operations_and_flags)
{
	struct block_device *bdev = fake_open(NULL);
	u8 *buf = test_pages(4096);

	lab_expect_eq(test_io(bdev, REQ_OP_WRITE, 0, buf, 4096), 0);
	lab_expect_eq(fake.flags, 0);
	lab_expect_eq(test_io(bdev, REQ_OP_WRITE | REQ_FUA, 0, buf, 4096), 0);
	lab_expect_eq(fake.flags, HOST_RW_DSYNC);
	lab_expect_eq(test_io(bdev, REQ_OP_READ, 0, buf, 4096), 0);
	lab_expect_eq(fake.op, HOST_OP_READ);
	lab_expect_eq(fake.flags, 0);
	lab_expect_eq(test_io(bdev, REQ_OP_DISCARD, 8192, NULL, 12288), 0);
	lab_expect_eq(fake.op, HOST_OP_PUNCH);
	lab_expect_eq(fake.ctl_off, 8192);
	lab_expect_eq(fake.ctl_len, 12288);
	lab_expect_eq(test_io(bdev, REQ_OP_WRITE_ZEROES, 512, NULL, 1024), 0);
	lab_expect_eq(fake.op, HOST_OP_ZERO);
	lab_expect_eq(fake.ctl_off, 512);
	lab_expect_eq(blkdev_issue_flush(bdev), 0);
	lab_expect_eq(fake.op, HOST_OP_FLUSH);
	fake.calls = 0;
	lab_expect_eq(test_io(bdev, REQ_OP_WRITE | REQ_PREFLUSH | REQ_FUA, 0, buf, 4096), 0);
	lab_expect_eq(fake.calls, 2);		/* the flush, then the data */
	lab_expect_eq(fake.op, HOST_OP_WRITE);
	lab_expect_eq(fake.flags, HOST_RW_DSYNC);
	test_free_pages(buf, 4096);
	fake_close(bdev);
}
