// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which error an IO ends with when two of its pieces fail, each with an error of its own.
 *
 * Today's rule, of Linux 6.1's iomap (cmpxchg of dio->error), block/fops.c (the dio's bi_status) and bio_chain(): the
 * error that is noted first, by completion, wherever its piece lies. What goes wrong on the way down is noted there,
 * before anything of the same task has ended. On a ram disk pieces end in the order in which they were sent, in thr,
 * which is that of the file where it is that of the disk too (a plug sorts); in det the seed chooses, and each of the
 * two errors is seen; so in Linux itself on either engine (RIG_APART).
 *
 * RIG_EIO_ONLY: in 3.12 a bio had a flag for "failed", and fs/direct-io.c made -EIO of it: there is no choice to make.
 * RIG_LAST_ERROR: 3.12 again, with the device's own errors: a synchronous IO's bios that ended are on a stack, from
 * which the waiter takes the last one first. Memory that faults comes before both, since submission returns that
 * error itself.
 */
#include <kc/facility.h>
#include "rig.h"

#define PIECE_BYTES	4096u
#define NR_PIECES	2u
#define DISK_PIECES	8u
#define IO_BYTES	(NR_PIECES * PIECE_BYTES)
#define TRIES		48

static ssize_t io(struct rig *r, struct lab_file *file, enum lab_rw rw, loff_t pos, size_t len_bytes, bool async)
{
	struct lab_iovec iov = { r->mem, len_bytes };

	return async ? rig_aio(file, rw, pos, &iov, 1, 0) : rig_iov(file, rw, pos, &iov, 1, 0);
}

/* Two pieces of @file that fail: of each alone, then of both. Counts how often which one won, sync and async. */
static void two_errors(struct rig *r, struct lab_file *file, loff_t pos, unsigned int won[2][NR_PIECES])
{
	int error[NR_PIECES];
	unsigned int i;

	for (i = 0; i < NR_PIECES; i++)
		error[i] = io(r, file, LAB_READ, pos + i * PIECE_BYTES, PIECE_BYTES, false);
	if (rig_lacks(RIG_EIO_ONLY)) {
		lab_expect_eq(error[0], -EIO);
		lab_expect_eq(error[1], -EIO);
	} else {
		lab_expect(error[0] == -EIO || error[0] == -ENOSPC);
		lab_expect_eq(error[0] + error[1], -EIO - ENOSPC);
	}
	for (i = 0; i < TRIES; i++) {
		ssize_t ret = io(r, file, i & 2 ? LAB_READ : LAB_WRITE, pos, IO_BYTES, i & 1);

		lab_expect(ret == error[0] || ret == error[1]);
		won[i & 1][ret != error[0]]++;
	}
}

static void expect_first(unsigned int won[2][NR_PIECES])
{
	unsigned int async, first;

	for (async = 0; async < 2; async++) {
		first = !async && rig_lacks(RIG_LAST_ERROR);
		lab_expect_gt(won[async][first], 0);
		if (rig_lacks(RIG_EIO_ONLY) || !(kc_det_on || rig_lacks(RIG_APART)))
			lab_expect_eq(won[async][!first], 0);
		else
			lab_expect_gt(won[async][!first], 0);
	}
}

/* Every block of the disk fails, each with another error than the next; and the other way round. */
static const char *const two[] = {
	"eio@0+4k,enospc@4k+4k,eio@8k+4k,enospc@12k+4k,eio@16k+4k,enospc@20k+4k,eio@24k+4k,enospc@28k+4k",
	"enospc@0+4k,eio@4k+4k,enospc@8k+4k,eio@12k+4k,enospc@16k+4k,eio@20k+4k,enospc@24k+4k,eio@28k+4k",
};

static unsigned int disk_block(struct rig *r, loff_t pos)
{
	struct lab_extent ext;

	lab_expect_eq(lab_map(r->inode, pos, PIECE_BYTES, 0, &ext), 0);
	lab_expect_eq(ext.type, LAB_MAPPED);
	return ext.sector / (PIECE_BYTES >> SECTOR_SHIFT);
}

/* Two pieces that are neighbours in the file, apart and in the same order on the disk, and fail differently; or -1. */
static loff_t find_pieces(struct rig *r)
{
	loff_t pos;

	for (pos = 0; pos + IO_BYTES <= i_size_read(r->inode); pos += PIECE_BYTES) {
		unsigned int a = disk_block(r, pos), b = disk_block(r, pos + PIECE_BYTES);

		if (b > a + 1 && (b - a) % 2)
			return pos;
	}
	return -1;
}

static void two_extents(bool loop)
{
	unsigned int t, seed, found = 0;

	for (t = 0; t < ARRAY_SIZE(two); t++) {
		for (seed = 1; seed <= 16; seed++) {
			struct rig_opts o = {
				.fault = two[t], .disk_bytes = DISK_PIECES * PIECE_BYTES, .loop = loop,
				.file_bytes = DISK_PIECES * PIECE_BYTES,
				.fs = { .layout = LAB_LAYOUT_FRAGMENTED, .fragment_bytes = PIECE_BYTES, .seed = seed },
			};
			unsigned int won[2][NR_PIECES] = { 0 };
			struct rig r;
			loff_t pos;

			rig_up(&r, &o);
			pos = find_pieces(&r);
			if (pos >= 0) {
				two_errors(&r, loop ? r.bdev : r.file, pos, won);
				expect_first(won);
				found |= 1 << t;
			}
			rig_down(&r);
			if (pos >= 0)
				break;
		}
	}
	lab_expect_eq(found, 3);
}

DESIGN_TEST(precedence, of_two_extents)
{
	two_extents(false);
}

/* The loop device has the error of its file's IO, and the IO above it that error; with D4 and in the past, EIO. */
DESIGN_TEST(precedence, of_two_extents_below_loop)
{
	if (rig_costs()->cached)
		lab_test_skip("its loop device writes to the page cache");
	two_extents(true);
}

/*
 * A disk that fails and memory that is not there: the fault is known first, on the way down. Pages that a loop device
 * has left dirty would meet the disk's error before the next IO of the file begins.
 */
DESIGN_TEST(precedence, of_a_fault_over_the_disk)
{
	struct rig_opts o = {
		.fault = "eio@0+4096", .disk_bytes = IO_BYTES, .file_bytes = IO_BYTES, .loop = true,
		.fs = { .layout = LAB_LAYOUT_FRAGMENTED, .fragment_bytes = PIECE_BYTES },
	};
	ssize_t of_device;
	struct rig r;
	unsigned int i;

	rig_up(&r, &o);
	lab_expect_eq(kc_munmap(r.mm, r.mem + PIECE_BYTES, PIECE_BYTES), 0);
	/* RIG_DEVICE_SHORT: a block device does the piece before the fault, and says what became of it */
	of_device = rig_lacks(RIG_DEVICE_SHORT) ? io(&r, r.bdev, LAB_READ, 0, PIECE_BYTES, false) : -EFAULT;
	for (i = 0; i < 8; i++) {
		lab_expect_eq(io(&r, r.file, i & 2 ? LAB_READ : LAB_WRITE, 0, IO_BYTES, i & 1), -EFAULT);
		if (!rig_costs()->cached)
			lab_expect_eq(io(&r, r.bdev, i & 2 ? LAB_READ : LAB_WRITE, 0, IO_BYTES, i & 1), of_device);
	}
	rig_down(&r);
}
