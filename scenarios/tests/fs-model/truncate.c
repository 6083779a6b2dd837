// SPDX-License-Identifier: GPL-2.0-only
/*
 * What truncate, punch, zero and allocate do to the bytes, and what lseek says then, against the reference file; and
 * that they wait for direct IO. The writer here is the plainest that keeps the rules of lab/fs.h: block by block,
 * waiting for each.
 */
#include <linux/sched.h>
#include <kc/world.h>
#include <lab/reffs.h>
#include "../../../fs-model/fs-internal.h"
#include "../sim/drivers/devs.h"

#define FILE_BYTES	(24u * LAB_BLOCK_BYTES)

struct pair {
	struct test_dev dev;
	struct lab_fs *fs;
	struct inode *inode;
	struct lab_reffs *ref;
	u8 *block, *have, *want;
	u64 rand;
};

static void block_io(const struct lab_extent *e, blk_opf_t opf, u8 *block)
{
	lab_expect_eq(test_io(e->bdev, opf, e->sector << SECTOR_SHIFT, block, LAB_BLOCK_BYTES), 0);
}

/* The whole fs block of @pos as it reads now. */
static void read_block(struct pair *p, loff_t pos, u8 *out)
{
	struct lab_extent e;

	pos &= ~(loff_t)(LAB_BLOCK_BYTES - 1);
	lab_expect_eq(lab_map(p->inode, pos, LAB_BLOCK_BYTES, 0, &e), 0);
	lab_expect_eq(e.len_bytes, LAB_BLOCK_BYTES);
	memset(out, 0, LAB_BLOCK_BYTES);
	if (e.type == LAB_MAPPED)
		block_io(&e, REQ_OP_READ, out);
}

static void write_bytes(struct pair *p, loff_t pos, const u8 *from, u32 len)
{
	struct inode *inode = p->inode;
	struct lab_extent e;
	u32 off, step;

	for (; len; pos += step, from += step, len -= step) {
		off = pos % LAB_BLOCK_BYTES;
		step = min(len, LAB_BLOCK_BYTES - off);
		down_write(&inode->i_rwsem);
		read_block(p, pos, p->block);
		memcpy(p->block + off, from, step);
		lab_expect_eq(lab_map(inode, pos - off, LAB_BLOCK_BYTES, LAB_MAP_CREATE, &e), 0);
		block_io(&e, REQ_OP_WRITE, p->block);
		lab_fs_wrote(inode);
		if (e.type == LAB_UNWRITTEN)
			lab_expect_eq(lab_convert(inode, pos, step), 0);
		if (pos + step > i_size_read(inode))
			i_size_write(inode, pos + step);
		up_write(&inode->i_rwsem);
	}
}

static void compare(struct pair *p)
{
	loff_t size = lab_reffs_size(p->ref), pos;

	lab_expect_eq(i_size_read(p->inode), size);
	lab_expect_eq(lab_reffs_pread(p->ref, p->want, size, 0), size);
	for (pos = 0; pos < size; pos += LAB_BLOCK_BYTES)
		read_block(p, pos, p->have + pos);
	lab_expect_mem(p->have, p->want, size);
	/* and what lies behind the end in the last block is zero, or growing would show it */
	for (; pos > size; size++)
		lab_expect_eq(p->have[size], 0);
}

/* Data and holes, asked from everywhere near the edges of blocks. */
static void compare_seeks(struct pair *p)
{
	loff_t pos;

	for (pos = -1; pos <= (loff_t)FILE_BYTES + 1; pos += pos % LAB_BLOCK_BYTES == 1 ? LAB_BLOCK_BYTES - 2 : 1) {
		lab_expect_eq(lab_seek_data(p->inode, pos), lab_reffs_seek_data(p->ref, pos));
		lab_expect_eq(lab_seek_hole(p->inode, pos), lab_reffs_seek_hole(p->ref, pos));
	}
}

static void pair_open(struct pair *p, enum test_dev_kind kind, const struct lab_fs_opts *opts,
		      u32 block_bytes)
{
	struct lab_limits limits = { .logical_block_bytes = block_bytes };

	test_dev_open(&p->dev, kind, TEST_DISK_BYTES, &limits);
	p->fs = lab_fs_create(p->dev.bdev, opts);
	lab_expect(!IS_ERR(p->fs));
	p->inode = lab_inode_create(p->fs, 0);
	lab_expect(!IS_ERR(p->inode));
	p->ref = lab_reffs_create(1, FILE_BYTES);
	lab_expect(!IS_ERR(p->ref));
	p->block = test_pages(LAB_BLOCK_BYTES);
	p->have = test_pages(FILE_BYTES);
	p->want = test_pages(FILE_BYTES);
	p->rand = test_seed();
}

static void pair_close(struct pair *p)
{
	test_free_pages(p->want, FILE_BYTES);
	test_free_pages(p->have, FILE_BYTES);
	test_free_pages(p->block, LAB_BLOCK_BYTES);
	lab_reffs_destroy(p->ref);
	lab_fs_destroy(p->fs);
	test_dev_close(&p->dev);
}

static void step(struct pair *p, u32 round)
{
	loff_t pos = test_rand(&p->rand, FILE_BYTES - 1), size;
	u32 len = 1 + test_rand(&p->rand, min_t(u32, FILE_BYTES - pos, 5 * LAB_BLOCK_BYTES));

	bool keep;

	switch (test_rand(&p->rand, 10)) {
	case 0 ... 3:
		test_fill(p->want, pos, len, round);
		write_bytes(p, pos, p->want, len);
		lab_expect_eq(lab_reffs_pwrite(p->ref, p->want, len, pos), len);
		break;
	case 4:
		size = test_rand(&p->rand, FILE_BYTES + 1);
		lab_expect_eq(lab_truncate(p->inode, size), 0);
		lab_expect_eq(lab_reffs_truncate(p->ref, size), 0);
		break;
	case 5:
		lab_expect_eq(lab_zero(p->inode, pos, len, false), 0);
		lab_expect_eq(lab_reffs_zero(p->ref, pos, len), 0);
		break;
	case 6 ... 7:
		keep = test_rand(&p->rand, 2);
		lab_expect_eq(lab_alloc(p->inode, pos, len, keep), 0);
		lab_expect_eq(lab_reffs_alloc(p->ref, pos, len, keep), 0);
		break;
	default:
		lab_expect_eq(lab_punch(p->inode, pos, len), 0);
		lab_expect_eq(lab_reffs_punch(p->ref, pos, len), 0);
	}
	compare(p);
	compare_seeks(p);
}

static void against_reference(enum test_dev_kind kind, u32 block_bytes, const struct lab_fs_opts *opts)
{
	u32 rounds = lab_test_slow() || kind == TEST_DISK ? 40 : 300, round;
	struct pair p;

	pair_open(&p, kind, opts, block_bytes);
	for (round = 0; round < rounds; round++)
		step(&p, round);
	pair_close(&p);
}

/* A hole that ends with the file leaves its last block, zeroed; one that goes a byte further takes it (ext4). */
LAB_TEST(truncate, a_hole_to_the_end_keeps_the_last_block)
{
	struct lab_fs_opts opts = { .layout = LAB_LAYOUT_SPARSE };
	loff_t size = LAB_BLOCK_BYTES + 904;
	unsigned int more;
	struct pair p;

	pair_open(&p, TEST_RAM, &opts, 512);
	for (more = 0; more < 2; more++) {
		test_fill(p.want, 0, size, more);
		write_bytes(&p, 0, p.want, size);
		lab_expect_eq(lab_reffs_pwrite(p.ref, p.want, size, 0), size);
		lab_expect_eq(lab_punch(p.inode, 1000, size - 1000 + more), 0);
		lab_expect_eq(lab_reffs_punch(p.ref, 1000, size - 1000 + more), 0);
		lab_expect_eq(lab_seek_data(p.inode, LAB_BLOCK_BYTES), more ? -ENXIO : (loff_t)LAB_BLOCK_BYTES);
		compare(&p);
		compare_seeks(&p);
	}
	pair_close(&p);
}

LAB_TEST(truncate, bytes_as_in_the_reference_ram)
{
	struct lab_fs_opts opts = { .layout = LAB_LAYOUT_SPARSE };

	against_reference(TEST_RAM, 512, &opts);
}

LAB_TEST(truncate, bytes_as_in_the_reference_4k_sectors)
{
	struct lab_fs_opts opts = { .layout = LAB_LAYOUT_FRAGMENTED, .fragment_bytes = LAB_BLOCK_BYTES };

	against_reference(TEST_RAM, 4096, &opts);
}

LAB_TEST(truncate, bytes_as_in_the_reference_disk)
{
	struct lab_fs_opts opts = { .layout = LAB_LAYOUT_SPARSE };

	against_reference(TEST_DISK, 0, &opts);
}

/* A write beyond the end that failed half way: its data is on disk, the size was never moved. */
LAB_TEST(truncate, trim_eof_hides_what_failed)
{
	struct lab_fs_opts opts = { .layout = LAB_LAYOUT_SPARSE };
	struct pair p;
	u64 free_bytes;
	u32 size = 2 * LAB_BLOCK_BYTES + 100;

	pair_open(&p, TEST_RAM, &opts, 0);
	test_fill(p.want, 0, FILE_BYTES, 1);
	write_bytes(&p, 0, p.want, size);
	lab_expect_eq(lab_reffs_pwrite(p.ref, p.want, size, 0), size);
	free_bytes = lab_fs_free_bytes(p.fs);
	test_fill(p.want, 0, FILE_BYTES, 2);
	write_bytes(&p, size, p.want, 3 * LAB_BLOCK_BYTES);
	down_write(&p.inode->i_rwsem);
	i_size_write(p.inode, size);
	lab_expect_eq(lab_trim_eof(p.inode), 0);
	up_write(&p.inode->i_rwsem);
	lab_expect_eq(lab_fs_free_bytes(p.fs), free_bytes);
	lab_expect_eq(lab_truncate(p.inode, FILE_BYTES), 0);
	lab_expect_eq(lab_reffs_truncate(p.ref, FILE_BYTES), 0);
	compare(&p);
	pair_close(&p);
}

/* Allocated blocks are the file's own, are no data, and are given back by a truncate; ENOSPC moves no size. */
LAB_TEST(truncate, allocate_takes_blocks_and_no_more)
{
	struct lab_fs_opts opts = { .layout = LAB_LAYOUT_SPARSE };
	u64 free_bytes, half;
	struct pair p;

	pair_open(&p, TEST_RAM, &opts, 0);
	free_bytes = lab_fs_free_bytes(p.fs);
	lab_expect_eq(lab_alloc(p.inode, 1, LAB_BLOCK_BYTES, true), 0);	/* touches two blocks */
	lab_expect_eq(i_size_read(p.inode), 0);
	lab_expect_eq(lab_fs_free_bytes(p.fs), free_bytes - 2 * LAB_BLOCK_BYTES);
	lab_expect_eq(lab_alloc(p.inode, 1, LAB_BLOCK_BYTES, false), 0);	/* again: they are there */
	lab_expect_eq(i_size_read(p.inode), LAB_BLOCK_BYTES + 1);
	lab_expect_eq(lab_fs_free_bytes(p.fs), free_bytes - 2 * LAB_BLOCK_BYTES);
	lab_expect_eq(lab_seek_data(p.inode, 0), -ENXIO);
	lab_expect_eq(lab_truncate(p.inode, 0), 0);
	lab_expect_eq(lab_fs_free_bytes(p.fs), free_bytes);

	half = round_down(free_bytes / 2, LAB_BLOCK_BYTES);
	lab_expect_eq(lab_alloc(p.inode, 0, half, false), 0);
	lab_expect_eq(lab_alloc(p.inode, half, free_bytes, false), -ENOSPC);
	lab_expect_eq(i_size_read(p.inode), half);
	lab_expect_eq(lab_alloc(p.inode, 0, 0, false), -EINVAL);
	lab_expect_eq(lab_alloc(p.inode, -1, 1, false), -EINVAL);
	lab_expect_eq(lab_alloc(p.inode, LAB_MAX_FILE_BYTES, 1, false), -EFBIG);
	pair_close(&p);
}

/* What is in the page cache alone is data; a clean page over an unwritten block is none. */
LAB_TEST(truncate, a_dirty_page_is_data)
{
	struct lab_fs_opts opts = { .layout = LAB_LAYOUT_SPARSE };
	loff_t pos = 2 * LAB_BLOCK_BYTES;
	struct page *page;
	struct pair p;

	pair_open(&p, TEST_RAM, &opts, 0);
	lab_expect_eq(lab_truncate(p.inode, 8 * LAB_BLOCK_BYTES), 0);
	lab_expect_eq(lab_alloc(p.inode, 0, 8 * LAB_BLOCK_BYTES, true), 0);
	down_write(&p.inode->i_rwsem);
	lab_expect_eq(lab_cache_read(p.inode, 0, 4), 0);
	up_write(&p.inode->i_rwsem);
	lab_expect_gt(p.inode->i_mapping->nrpages, 0);
	lab_expect_eq(lab_seek_data(p.inode, 0), -ENXIO);

	down_write(&p.inode->i_rwsem);
	lab_expect_eq(lab_write_begin(p.inode, pos + 5, 1, &page), 0);
	lab_expect_eq(lab_write_end(p.inode, page, pos + 5, 1, 1), 1);
	up_write(&p.inode->i_rwsem);
	lab_expect_eq(lab_seek_data(p.inode, 0), pos);
	lab_expect_eq(lab_seek_data(p.inode, pos + 7), pos + 7);
	lab_expect_eq(lab_seek_hole(p.inode, pos), pos + LAB_BLOCK_BYTES);
	lab_expect_eq(lab_cache_sync(p.inode, &p.inode->i_mapping->wb_told), 0);
	lab_expect_eq(lab_seek_data(p.inode, 0), pos);
	lab_expect_eq(lab_seek_hole(p.inode, pos), pos + LAB_BLOCK_BYTES);
	pair_close(&p);
}

/* ---- waiting ------------------------------------------------------------------------ */

struct race {
	struct inode *inode;
	int (*op)(struct inode *inode);
	bool begun, ended;
	u32 yields;
};

static void io_main(void *arg)
{
	struct race *r = arg;
	u32 i;

	down_read(&r->inode->i_rwsem);
	lab_inode_dio_begin(r->inode);
	up_read(&r->inode->i_rwsem);
	WRITE_ONCE(r->begun, true);
	for (i = 0; i < r->yields; i++)
		cond_resched();
	WRITE_ONCE(r->ended, true);
	lab_inode_dio_end(r->inode);
}

static void race(struct race *r)
{
	struct test_task t;

	test_task_start(&t, io_main, r);
	while (!READ_ONCE(r->begun))
		cond_resched();
	lab_expect_eq(r->op(r->inode), 0);
	lab_expect(READ_ONCE(r->ended));
	lab_expect_eq(atomic_read(&r->inode->i_dio_count), 0);
	test_task_join(&t);
}

static int op_truncate(struct inode *inode)
{
	return lab_truncate(inode, 0);
}

static int op_punch(struct inode *inode)
{
	return lab_punch(inode, 0, LAB_BLOCK_BYTES);
}

static int op_zero(struct inode *inode)
{
	return lab_zero(inode, 0, LAB_BLOCK_BYTES, false);
}

static int op_alloc(struct inode *inode)
{
	return lab_alloc(inode, 0, LAB_BLOCK_BYTES, true);
}

static int op_trim_eof(struct inode *inode)
{
	int err;

	down_write(&inode->i_rwsem);
	err = lab_trim_eof(inode);
	up_write(&inode->i_rwsem);
	return err;
}

static void wait_for_dio(void *arg)
{
	int (*const ops[])(struct inode *) = { op_truncate, op_punch, op_zero, op_alloc, op_trim_eof };
	struct lab_fs_opts opts = { .layout = LAB_LAYOUT_UNWRITTEN };
	struct block_device *bdev = lab_null_create(64 * LAB_BLOCK_BYTES, NULL);
	u32 i;

	lab_expect(!IS_ERR(bdev));
	for (i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		struct lab_fs *fs = lab_fs_create(bdev, &opts);
		struct race r = { .op = ops[i], .yields = 20 };

		r.inode = lab_inode_create(fs, 4 * LAB_BLOCK_BYTES);
		lab_expect(!IS_ERR(r.inode));
		race(&r);
		lab_fs_destroy(fs);
	}
	lab_bdev_destroy(bdev);
}

LAB_TEST(truncate, waits_for_direct_io)
{
	wait_for_dio(NULL);
}

/* The same under many schedules: neither a wakeup nor the end of the IO may be missed. */
LAB_TEST_BARE(truncate, waits_for_direct_io_in_any_order)
{
	u64 seed, nr = lab_test_slow() ? 20 : 200;
	int failures;

	if (!host_engine_built(HOST_DET))
		lab_test_skip("this build has no det engine");
	for (seed = 0; seed < nr; seed++) {
		lab_test_seed(seed);
		failures = -1;
		lab_expect_eq(kc_run(true, seed, NULL, wait_for_dio, NULL, &failures), KC_RUN_DONE);
		lab_expect_eq(failures, 0);
	}
}
