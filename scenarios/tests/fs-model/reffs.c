// SPDX-License-Identifier: GPL-2.0-only
/* The reference is what the others are compared with, so its own rules are written out here. */
#include <lab/reffs.h>
#include "../sim/drivers/devs.h"

#define MAX	(64u << 10)

static void all_are(const u8 *p, u8 value, u32 len)
{
	u32 i;

	for (i = 0; i < len; i++)
		lab_expect_eq(p[i], value);
}

LAB_TEST(reffs, reads_what_was_written_and_stops_at_the_end)
{
	struct lab_reffs *f = lab_reffs_create(512, MAX);
	u8 in[1024], out[2048];

	lab_expect(!IS_ERR(f));
	test_fill(in, 0, sizeof(in), 1);
	lab_expect_eq(lab_reffs_pread(f, out, 512, 0), 0);	/* empty */
	lab_expect_eq(lab_reffs_pwrite(f, in, 1024, 512), 1024);
	lab_expect_eq(lab_reffs_size(f), 1536);
	memset(out, 0xa5, sizeof(out));
	lab_expect_eq(lab_reffs_pread(f, out, 2048, 0), 1536);
	all_are(out, 0, 512);
	lab_expect_mem(out + 512, in, 1024);
	all_are(out + 1536, 0xa5, 512);
	lab_expect_eq(lab_reffs_pread(f, out, 512, 1536), 0);
	lab_expect_eq(lab_reffs_pread(f, out, 512, 1024), 512);
	lab_expect_eq(lab_reffs_append(f, in, 512), 512);
	lab_expect_eq(lab_reffs_size(f), 2048);
	lab_reffs_destroy(f);
}

LAB_TEST(reffs, alignment_counts_where_there_is_data)
{
	struct lab_reffs *f = lab_reffs_create(512, MAX);
	u8 in[512] = { 1 }, out[8192];

	lab_expect_eq(lab_reffs_pwrite(f, in, 512, 100), -EINVAL);
	lab_expect_eq(lab_reffs_pwrite(f, in, 100, 0), -EINVAL);
	lab_expect_eq(lab_reffs_pwrite(f, in, 0, 100), 0);
	lab_expect_eq(lab_reffs_size(f), 0);
	lab_expect_eq(lab_reffs_truncate(f, 8192), 0);
	lab_expect_eq(lab_reffs_pread(f, out, 100, 0), 100);	/* a hole: anything goes */
	lab_expect_eq(lab_reffs_pwrite(f, in, 512, 4096), 512);
	lab_expect_eq(lab_reffs_pread(f, out, 100, 4096), -EINVAL);
	lab_expect_eq(lab_reffs_pread(f, out, 100, 8000), -EINVAL);	/* the same block */
	lab_expect_eq(lab_reffs_pread(f, out, 4000, 10), 4000);	/* ends in the hole */
	lab_expect_eq(lab_reffs_pread(f, out, 4096 + 502, 10), 4598);	/* cut only in the hole */
	lab_expect_eq(lab_reffs_pread(f, out, 4096, 10), -EINVAL);
	lab_expect_eq(lab_reffs_pread(f, out, 100, 9000), 0);	/* behind the end nobody looks */
	lab_expect_eq(lab_reffs_pread(f, out, 1, -1), -EINVAL);
	lab_reffs_destroy(f);
}

LAB_TEST(reffs, truncate_and_punch_leave_zeros)
{
	struct lab_reffs *f = lab_reffs_create(1, MAX);
	u8 in[10000], out[10000];

	memset(in, 7, sizeof(in));
	lab_expect_eq(lab_reffs_pwrite(f, in, sizeof(in), 0), sizeof(in));
	lab_expect_eq(lab_reffs_truncate(f, 5001), 0);
	lab_expect_eq(lab_reffs_truncate(f, 9999), 0);
	lab_expect_eq(lab_reffs_pread(f, out, 10000, 0), 9999);
	all_are(out, 7, 5001);
	all_are(out + 5001, 0, 4998);
	lab_expect_eq(lab_reffs_punch(f, 10, 20), 0);
	lab_expect_eq(lab_reffs_pread(f, out, 100, 0), 100);
	all_are(out, 7, 10);
	all_are(out + 10, 0, 20);
	all_are(out + 30, 7, 70);
	lab_expect_eq(lab_reffs_truncate(f, -1), -EINVAL);
	lab_expect_eq(lab_reffs_truncate(f, MAX), 0);
	lab_expect_eq(lab_reffs_truncate(f, MAX + 1), -EFBIG);
	lab_expect_eq(lab_reffs_pwrite(f, in, 1, MAX - 1), 1);
	lab_expect_eq(lab_reffs_pwrite(f, in, 2, MAX - 1), -EFBIG);
	lab_expect_eq(lab_reffs_pwrite(f, in, 1, MAX), -EFBIG);
	lab_expect_eq(lab_reffs_size(f), MAX);
	lab_reffs_destroy(f);
}

LAB_TEST(reffs, zero_allocate_and_what_is_data)
{
	struct lab_reffs *f = lab_reffs_create(1, MAX);
	u8 in[9000], out[9000];

	memset(in, 7, sizeof(in));
	lab_expect_eq(lab_reffs_alloc(f, 0, 5000, true), 0);
	lab_expect_eq(lab_reffs_size(f), 0);
	lab_expect_eq(lab_reffs_alloc(f, 0, 20000, false), 0);
	lab_expect_eq(lab_reffs_size(f), 20000);
	lab_expect_eq(lab_reffs_seek_data(f, 0), -ENXIO);
	lab_expect_eq(lab_reffs_seek_hole(f, 19999), 19999);
	lab_expect_eq(lab_reffs_seek_hole(f, 20000), -ENXIO);
	lab_expect_eq(lab_reffs_pwrite(f, in, 9000, 5000), 9000);	/* blocks 1 to 3 */
	lab_expect_eq(lab_reffs_seek_data(f, 0), 4096);
	lab_expect_eq(lab_reffs_seek_data(f, 4097), 4097);
	lab_expect_eq(lab_reffs_seek_hole(f, 4096), 16384);
	lab_expect_eq(lab_reffs_zero(f, 8000, 5000), 0);		/* all of block 2, parts of 1 and 3 */
	lab_expect_eq(lab_reffs_seek_hole(f, 4096), 8192);
	lab_expect_eq(lab_reffs_seek_data(f, 8192), 12288);
	lab_expect_eq(lab_reffs_pread(f, out, 9000, 5000), 9000);
	all_are(out, 7, 3000);
	all_are(out + 3000, 0, 5000);
	all_are(out + 8000, 7, 1000);
	lab_expect_eq(lab_reffs_zero(f, 19999, 100), 0);
	lab_expect_eq(lab_reffs_size(f), 20099);
	/* a punch that ends with the file leaves the last block, one that goes further takes all of it */
	lab_expect_eq(lab_reffs_pwrite(f, in, 99, 20000), 99);
	lab_expect_eq(lab_reffs_seek_data(f, 16384), 16384);
	lab_expect_eq(lab_reffs_punch(f, 16384, 20099 - 16384), 0);
	lab_expect_eq(lab_reffs_seek_data(f, 16384), 16384);
	lab_expect_eq(lab_reffs_punch(f, 16384, 20100 - 16384), 0);
	lab_expect_eq(lab_reffs_seek_data(f, 16384), -ENXIO);
	lab_expect_eq(lab_reffs_punch(f, 0, 0), -EINVAL);
	lab_expect_eq(lab_reffs_zero(f, 0, MAX + 1), -EFBIG);
	lab_expect_eq(lab_reffs_alloc(f, MAX, 1, true), -EFBIG);
	lab_expect_eq(lab_reffs_alloc(f, -1, 1, true), -EINVAL);
	lab_reffs_destroy(f);
}

LAB_TEST(reffs, refuses_what_it_cannot_be)
{
	lab_expect_eq(PTR_ERR(lab_reffs_create(0, MAX)), -EINVAL);
	lab_expect_eq(PTR_ERR(lab_reffs_create(513, MAX)), -EINVAL);
	lab_expect_eq(PTR_ERR(lab_reffs_create(8192, MAX)), -EINVAL);
	lab_expect_eq(PTR_ERR(lab_reffs_create(512, MAX + 1)), -EINVAL);
	lab_expect_eq(PTR_ERR(lab_reffs_create(512, LAB_REFFS_MAX_BYTES + 4096)), -EINVAL);
}
