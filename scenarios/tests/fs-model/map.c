// SPDX-License-Identifier: GPL-2.0-only
/* lab_map, lab_convert, truncate, punch, zero: the answers, against an array of blocks. No data moves. */
#include <linux/sched.h>
#include <kc/fault.h>
#include <kc/probe.h>
#include <kc/world.h>
#include "../../../fs-model/fs-internal.h"
#include "../sim/drivers/devs.h"

#define NR_BLKS		96u	/* of the file that the model follows */
#define DISK_BLKS	200u
#define SECTORS_PER_BLK	(LAB_BLOCK_BYTES / SECTOR_SIZE)
#define FRAGMENTED(bytes) { .layout = LAB_LAYOUT_FRAGMENTED, .fragment_bytes = (bytes), .seed = 3 }

struct world {
	struct block_device *bdev;
	struct lab_fs *fs;
	struct inode *inode;
	u32 type[NR_BLKS];
	sector_t sector[NR_BLKS];	/* of what is no hole */
	loff_t size;
	u64 rand;
};

static struct world *world_new(const struct lab_fs_opts *opts, u32 disk_blks)
{
	struct world *w = kzalloc(sizeof(*w), GFP_KERNEL);

	lab_expect(w);
	w->bdev = lab_null_create((u64)disk_blks * LAB_BLOCK_BYTES, NULL);
	lab_expect(!IS_ERR(w->bdev));
	w->fs = lab_fs_create(w->bdev, opts);
	lab_expect(!IS_ERR(w->fs));
	w->inode = lab_inode_create(w->fs, 0);
	lab_expect(!IS_ERR(w->inode));
	return w;
}

static void world_free(struct world *w)
{
	lab_fs_destroy(w->fs);
	lab_bdev_destroy(w->bdev);
	kfree(w);
}

static int map(struct world *w, loff_t pos, u64 len_bytes, unsigned int flags, struct lab_extent *out)
{
	int err;

	memset(out, 0x5a, sizeof(*out));
	down_read(&w->inode->i_rwsem);
	err = lab_map(w->inode, pos, len_bytes, flags, out);
	up_read(&w->inode->i_rwsem);
	return err;
}

/* Is this answer right for a question about [pos, pos + len), as far as the model knows? */
static void right(struct world *w, loff_t pos, u64 len_bytes, const struct lab_extent *e)
{
	u64 at;

	lab_expect_eq(e->pos, pos);
	lab_expect_ge(e->len_bytes, 1);
	lab_expect_le(e->len_bytes, len_bytes);
	lab_expect(e->bdev == w->bdev);
	for (at = pos; at < pos + e->len_bytes; at = (at / LAB_BLOCK_BYTES + 1) * LAB_BLOCK_BYTES) {
		u32 blk = at / LAB_BLOCK_BYTES;
		sector_t sector = w->sector[blk] + at % LAB_BLOCK_BYTES / SECTOR_SIZE;

		lab_expect_eq(e->type, w->type[blk]);
		if (e->type != LAB_HOLE)
			lab_expect_eq(e->sector + ((at - (pos & ~511ll)) >> SECTOR_SHIFT), sector);
	}
}

/* No disk block belongs to two file blocks, and what is free is what is left. */
static void nothing_twice(struct world *w)
{
	u8 used[DISK_BLKS] = { 0 };
	u32 blk, nr = 0;

	for (blk = 0; blk < NR_BLKS; blk++) {
		u32 disk = w->sector[blk] / SECTORS_PER_BLK;

		if (w->type[blk] == LAB_HOLE)
			continue;
		lab_expect_eq(used[disk], 0);
		used[disk] = 1;
		nr++;
	}
	lab_expect_eq(lab_fs_free_bytes(w->fs), (u64)(DISK_BLKS - nr) * LAB_BLOCK_BYTES);
}

static void do_create(struct world *w, loff_t pos, u64 len_bytes)
{
	struct lab_extent e;
	loff_t end = pos + len_bytes;
	u32 blk;

	for (; pos < end; pos += e.len_bytes) {
		bool hole = w->type[pos / LAB_BLOCK_BYTES] == LAB_HOLE;

		lab_expect_eq(map(w, pos, end - pos, LAB_MAP_CREATE, &e), 0);
		lab_expect_eq(!!(e.flags & LAB_EXT_NEW), hole);
		lab_expect_ne(e.type, LAB_HOLE);
		if (!hole) {
			right(w, pos, end - pos, &e);
			continue;
		}
		lab_expect_eq(e.type, LAB_UNWRITTEN);
		for (blk = pos / LAB_BLOCK_BYTES; blk <= (pos + e.len_bytes - 1) / LAB_BLOCK_BYTES; blk++) {
			lab_expect_eq(w->type[blk], LAB_HOLE);
			w->type[blk] = LAB_UNWRITTEN;
			w->sector[blk] = (e.sector & ~7ull) + (blk - pos / LAB_BLOCK_BYTES) * SECTORS_PER_BLK;
		}
	}
}

static void do_convert(struct world *w, u32 blk, u32 nr)
{
	u32 i;

	for (i = 0; i < nr && w->type[blk + i] != LAB_HOLE; i++)
		;
	if (!i)
		return;
	/* a byte in the first block to a byte in the last: those it touches */
	lab_expect_eq(lab_convert(w->inode, (u64)blk * LAB_BLOCK_BYTES + 100,
				  (u64)i * LAB_BLOCK_BYTES - 200), 0);
	while (i--)
		w->type[blk + i] = LAB_MAPPED;
}

static void do_truncate(struct world *w, loff_t size)
{
	u32 blk;

	lab_expect_eq(lab_truncate(w->inode, size), 0);
	lab_expect_eq(i_size_read(w->inode), size);
	for (blk = (size + LAB_BLOCK_BYTES - 1) / LAB_BLOCK_BYTES; size < w->size && blk < NR_BLKS; blk++)
		w->type[blk] = LAB_HOLE;
	w->size = size;
}

static void do_punch(struct world *w, loff_t pos, u64 len_bytes)
{
	u64 end = pos + len_bytes;
	u32 blk;

	lab_expect_eq(lab_punch(w->inode, pos, len_bytes), 0);
	if (end > w->size)		/* beyond the file: all of the last block goes; one that ends with it keeps it */
		end = max(end, (u64)round_up(w->size, LAB_BLOCK_BYTES));
	blk = (pos + LAB_BLOCK_BYTES - 1) / LAB_BLOCK_BYTES;
	for (; blk < end / LAB_BLOCK_BYTES; blk++)
		w->type[blk] = LAB_HOLE;
	lab_expect_eq(i_size_read(w->inode), w->size);
}

/* Where zero allocated is learnt from the map; that it holds together is nothing_twice()'s to see. */
static void do_zero(struct world *w, loff_t pos, u64 len_bytes)
{
	u32 blk, first = pos / LAB_BLOCK_BYTES, last = (pos + len_bytes - 1) / LAB_BLOCK_BYTES;
	struct lab_extent e;

	lab_expect_eq(lab_zero(w->inode, pos, len_bytes, false), 0);
	for (blk = first; blk <= last; blk++) {
		bool cut = blk * (u64)LAB_BLOCK_BYTES < pos ||
			   (blk + 1) * (u64)LAB_BLOCK_BYTES > pos + len_bytes;

		lab_expect_eq(map(w, (u64)blk * LAB_BLOCK_BYTES, 1, 0, &e), 0);
		if (w->type[blk] == LAB_HOLE)
			w->sector[blk] = e.sector;
		if (!cut || w->type[blk] == LAB_HOLE)
			w->type[blk] = LAB_UNWRITTEN;
		right(w, (u64)blk * LAB_BLOCK_BYTES, 1, &e);
	}
	w->size = max(w->size, (loff_t)(pos + len_bytes));
	lab_expect_eq(i_size_read(w->inode), w->size);
}

static void one_random_step(struct world *w)
{
	const u64 bytes = (u64)NR_BLKS * LAB_BLOCK_BYTES;
	loff_t pos = test_rand(&w->rand, bytes - 1);
	u64 len = 1 + test_rand(&w->rand, min_t(u64, bytes - pos, 20 * LAB_BLOCK_BYTES));
	u64 version = w->inode->i_lab_version;
	struct lab_extent e;

	switch (test_rand(&w->rand, 12)) {
	case 0 ... 4:
		do_create(w, pos, len);
		break;
	case 5 ... 7:
		do_convert(w, pos / LAB_BLOCK_BYTES, min_t(u32, 1 + len / LAB_BLOCK_BYTES,
							    NR_BLKS - pos / LAB_BLOCK_BYTES));
		break;
	case 8:
		do_truncate(w, test_rand(&w->rand, 4) ? pos + len : pos);
		break;
	case 9:
		do_zero(w, pos, len);
		break;
	case 10:
		do_punch(w, pos, len);
		break;
	default:	/* a byte short of the file's end, to it, and a byte beyond */
		if (pos + 1 < w->size)
			do_punch(w, pos, w->size - pos - 1 + test_rand(&w->rand, 3));
	}
	nothing_twice(w);
	lab_expect_ge(w->inode->i_lab_version, version);
	version = w->inode->i_lab_version;
	lab_expect_eq(map(w, pos, len, 0, &e), 0);
	right(w, pos, len, &e);
	lab_expect_eq(w->inode->i_lab_version, version);	/* looking changes nothing */
}

static void random_steps(const struct lab_fs_opts *opts)
{
	struct world *w = world_new(opts, DISK_BLKS);
	u32 round, blk, nr = 0;

	w->rand = test_seed();
	for (round = 0; round < (lab_test_slow() ? 300 : 3000); round++)
		one_random_step(w);
	for (blk = 0; blk < NR_BLKS; blk++)
		nr += w->type[blk] != LAB_HOLE;
	lab_expect_le(lab_inode_nr_extents(w->inode), nr);
	do_truncate(w, 0);
	do_truncate(w, 1);
	do_truncate(w, 0);
	lab_expect_eq(lab_fs_free_bytes(w->fs), DISK_BLKS * (u64)LAB_BLOCK_BYTES);
	world_free(w);
}

LAB_TEST(map, agrees_with_an_array)
{
	struct lab_fs_opts opts = { .layout = LAB_LAYOUT_SPARSE };

	random_steps(&opts);
}

LAB_TEST(map, agrees_with_an_array_fragmented)
{
	struct lab_fs_opts opts = FRAGMENTED(2 * LAB_BLOCK_BYTES);

	random_steps(&opts);
}

LAB_TEST(map, no_space_exactly)
{
	struct lab_fs_opts opts = { .layout = LAB_LAYOUT_SPARSE };
	struct lab_extent e;
	u32 n;

	for (n = 9; n <= 11; n++) {
		struct world *w = world_new(&opts, 10);
		u32 blk;

		for (blk = 0; blk < n; blk++)
			lab_expect_eq(map(w, 2 * blk * (u64)LAB_BLOCK_BYTES, 1, LAB_MAP_CREATE, &e),
				      blk < 10 ? 0 : -ENOSPC);
		lab_expect_eq(lab_fs_free_bytes(w->fs), n < 10 ? LAB_BLOCK_BYTES : 0);
		/* full: what is there can still be mapped, and room comes back */
		lab_expect_eq(map(w, 0, 1, LAB_MAP_CREATE, &e), 0);
		lab_expect_eq(lab_punch(w->inode, 0, LAB_BLOCK_BYTES), 0);
		lab_expect_eq(map(w, 100 * LAB_BLOCK_BYTES, 1, LAB_MAP_CREATE, &e), 0);
		world_free(w);
	}
}

LAB_TEST(map, layouts)
{
	static const struct {
		struct lab_fs_opts opts;
		u32 extents, type;
	} t[] = {
		{ { .layout = LAB_LAYOUT_CONTIGUOUS }, 1, LAB_MAPPED },
		{ FRAGMENTED(4096), 64, LAB_MAPPED },
		{ FRAGMENTED(65536), 4, LAB_MAPPED },
		{ { .layout = LAB_LAYOUT_SPARSE }, 0, LAB_HOLE },
		{ { .layout = LAB_LAYOUT_UNWRITTEN }, 1, LAB_UNWRITTEN },
	};
	u32 i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct world *w = world_new(&t[i].opts, DISK_BLKS);
		struct inode *inode = lab_inode_create(w->fs, 64 * LAB_BLOCK_BYTES - 5);
		struct lab_extent e;
		u64 free_bytes;
		loff_t pos;
		u32 nr = 0;

		lab_expect(!IS_ERR(inode));
		lab_expect_eq(i_size_read(inode), 64 * LAB_BLOCK_BYTES - 5);
		lab_expect_eq(lab_inode_nr_extents(inode), t[i].extents);
		for (pos = 0; pos < 64 * LAB_BLOCK_BYTES; pos += e.len_bytes, nr++) {
			lab_expect_eq(lab_map(inode, pos, 64 * LAB_BLOCK_BYTES - pos, 0, &e), 0);
			lab_expect_eq(e.type, t[i].type);
		}
		lab_expect_eq(nr, t[i].extents ?: 1);
		/* as large as the disk, of which part is in use; what it got on the way is given back */
		free_bytes = lab_fs_free_bytes(w->fs);
		inode = lab_inode_create(w->fs, DISK_BLKS * (u64)LAB_BLOCK_BYTES);
		if (t[i].type == LAB_HOLE)
			lab_expect(!IS_ERR(inode));
		else
			lab_expect_eq(PTR_ERR(inode), -ENOSPC);
		lab_expect_eq(lab_fs_free_bytes(w->fs), free_bytes);
		world_free(w);
	}
}

LAB_TEST(map, nowait_neither_allocates_nor_waits)
{
	struct lab_fs_opts opts = { .layout = LAB_LAYOUT_SPARSE };
	struct world *w = world_new(&opts, DISK_BLKS);
	enum lab_lock lock = LAB_LOCK_NONE;
	struct lab_extent e;
	u64 free_bytes, live_bytes;

	do_create(w, 0, LAB_BLOCK_BYTES);
	lab_expect_eq(lab_truncate(w->inode, 4 * LAB_BLOCK_BYTES), 0);
	free_bytes = lab_fs_free_bytes(w->fs);
	live_bytes = kc_slab_live_bytes();
	kc_nowait_begin();
	lab_expect_eq(map(w, LAB_BLOCK_BYTES, 1, LAB_MAP_CREATE | LAB_MAP_NOWAIT, &e), -EAGAIN);
	lab_expect_eq(map(w, LAB_BLOCK_BYTES, 1, LAB_MAP_NOWAIT, &e), 0);
	lab_expect_eq(e.type, LAB_HOLE);
	lab_expect_eq(map(w, 0, 8192, LAB_MAP_CREATE | LAB_MAP_NOWAIT, &e), 0);
	lab_expect_eq(e.type, LAB_UNWRITTEN);
	lab_expect_eq(e.len_bytes, LAB_BLOCK_BYTES);
	lab_expect_eq(e.flags & LAB_EXT_NEW, 0);

	down_write(&w->inode->i_map->lock);
	lab_expect_eq(lab_map(w->inode, 0, 1, LAB_MAP_NOWAIT, &e), -EAGAIN);
	lab_expect_eq(lab_lock_for_write(w->inode, 512, 512, true, &lock), -EAGAIN);
	lab_expect_eq(lock, LAB_LOCK_NONE);
	up_write(&w->inode->i_map->lock);
	kc_nowait_end();
	lab_expect_eq(lab_fs_free_bytes(w->fs), free_bytes);
	lab_expect_eq(kc_slab_live_bytes(), live_bytes);
	world_free(w);
}

LAB_TEST(map, bad_questions)
{
	struct lab_fs_opts opts = { .layout = LAB_LAYOUT_SPARSE };
	struct world *w = world_new(&opts, 10);
	struct lab_extent e;

	lab_expect_eq(map(w, 0, 0, 0, &e), -EINVAL);
	lab_expect_eq(map(w, -1, 1, 0, &e), -EINVAL);
	lab_expect_eq(map(w, LAB_MAX_FILE_BYTES - 1, 1, LAB_MAP_CREATE, &e), 0);
	lab_expect_eq(map(w, LAB_MAX_FILE_BYTES - 1, 2, 0, &e), -EFBIG);
	lab_expect_eq(map(w, LAB_MAX_FILE_BYTES, 1, 0, &e), -EFBIG);
	lab_expect_eq(map(w, 0, ~0ull, 0, &e), -EFBIG);
	kc_expect_warn("is a hole", 1);
	lab_expect_eq(lab_convert(w->inode, 0, 1), -EIO);
	lab_expect_eq(lab_truncate(w->inode, -1), -EINVAL);
	lab_expect_eq(lab_truncate(w->inode, LAB_MAX_FILE_BYTES + 1), -EFBIG);
	lab_expect_eq(lab_truncate(w->inode, LAB_MAX_FILE_BYTES), 0);
	lab_expect_eq(lab_punch(w->inode, 0, 0), -EINVAL);
	lab_expect_eq(lab_zero(w->inode, LAB_MAX_FILE_BYTES, 1, false), -EFBIG);
	world_free(w);
}

LAB_TEST(map, counts_calls_and_conversions)
{
	struct lab_fs_opts opts = FRAGMENTED(LAB_BLOCK_BYTES);
	struct world *w = world_new(&opts, 64);
	struct kc_probes p;

	kc_probes_reset();
	do_create(w, 0, 3 * LAB_BLOCK_BYTES);
	do_convert(w, 0, 3);
	do_convert(w, 0, 3);
	kc_probes_read(&p);
#if LAB_WITH_PROBES
	lab_expect_eq(p.n[lab_scope()][LAB_MAP_CALLS], 3);
	lab_expect_eq(p.n[lab_scope()][LAB_CONVERTS], 3);
#endif
	world_free(w);
}

/* Metadata is dirty from the change to the next fsync, and while a write would change the size. */
LAB_TEST(map, dirty_metadata)
{
	struct lab_fs_opts opts = { .layout = LAB_LAYOUT_SPARSE };
	struct world *w = world_new(&opts, 64);
	struct lab_extent e;

	lab_expect_eq(lab_truncate(w->inode, 2 * LAB_BLOCK_BYTES), 0);
	do_create(w, 0, LAB_BLOCK_BYTES);
	lab_expect_eq(map(w, 0, 512, LAB_MAP_CREATE, &e), 0);
	lab_expect_eq(e.flags, LAB_EXT_DIRTY_META);
	lab_expect_eq(lab_fsync(w->inode, true), 0);
	lab_expect_eq(map(w, 0, 512, LAB_MAP_CREATE, &e), 0);
	lab_expect_eq(e.flags, 0);
	do_convert(w, 0, 1);
	lab_expect_eq(map(w, 0, 512, LAB_MAP_CREATE, &e), 0);
	lab_expect_eq(e.flags, LAB_EXT_DIRTY_META);
	lab_expect_eq(lab_fsync(w->inode, false), 0);
	lab_expect_eq(map(w, 0, 512, 0, &e), 0);
	lab_expect_eq(e.flags, 0);
	/* up to the size, and one byte beyond it */
	lab_expect_eq(map(w, 0, 2 * LAB_BLOCK_BYTES, 0, &e), 0);
	lab_expect_eq(e.flags, 0);
	lab_expect_eq(map(w, 0, 2 * LAB_BLOCK_BYTES + 1, 0, &e), 0);
	lab_expect_eq(e.flags, LAB_EXT_DIRTY_META);
	world_free(w);
}

LAB_TEST(map, no_memory_takes_no_block)
{
	struct lab_fs_opts opts = { .layout = LAB_LAYOUT_SPARSE };
	struct world *w = world_new(&opts, 64);
	struct lab_extent e;

	kc_fault_nth(KC_FAULT_SLAB, 1, 1000);
	lab_expect_eq(map(w, 0, LAB_BLOCK_BYTES, LAB_MAP_CREATE, &e), -ENOMEM);
	kc_fault_nth(KC_FAULT_SLAB, 0, 0);
	lab_expect_eq(lab_fs_free_bytes(w->fs), 64 * LAB_BLOCK_BYTES);
	lab_expect_eq(lab_inode_nr_extents(w->inode), 0);
	do_create(w, 0, LAB_BLOCK_BYTES);
	world_free(w);
}

/* ---- several writers at once, each with blocks of its own ------------------------------ */

#define NR_WRITERS	3u

struct writer {
	struct test_task task;
	struct world *w;
	u32 first;
	sector_t sector[NR_BLKS];
};

static void writer_main(void *arg)
{
	struct writer *wr = arg;
	struct lab_extent e;
	enum lab_lock lock;
	u32 blk;

	for (blk = wr->first; blk < NR_BLKS; blk += NR_WRITERS) {
		loff_t pos = (loff_t)blk * LAB_BLOCK_BYTES;

		lab_expect_eq(lab_lock_for_write(wr->w->inode, pos, LAB_BLOCK_BYTES, false, &lock), 0);
		lab_expect_eq(lock, LAB_LOCK_SHARED);
		lab_expect_eq(lab_map(wr->w->inode, pos, LAB_BLOCK_BYTES, LAB_MAP_CREATE, &e), 0);
		lab_expect_eq(e.flags & LAB_EXT_NEW, LAB_EXT_NEW);
		lab_inode_dio_begin(wr->w->inode);
		lab_unlock(wr->w->inode, lock);
		cond_resched();
		lab_expect_eq(lab_convert(wr->w->inode, pos, LAB_BLOCK_BYTES), 0);
		lab_inode_dio_end(wr->w->inode);
		wr->sector[blk] = e.sector;
	}
}

LAB_TEST(map, concurrent_writers)
{
	struct lab_fs_opts opts = { .layout = LAB_LAYOUT_SPARSE };
	struct world *w = world_new(&opts, DISK_BLKS);
	struct writer *wr[NR_WRITERS];
	struct lab_extent e;
	u32 i, blk;

	lab_expect_eq(lab_truncate(w->inode, NR_BLKS * LAB_BLOCK_BYTES), 0);
	for (i = 0; i < NR_WRITERS; i++) {
		wr[i] = kzalloc(sizeof(*wr[i]), GFP_KERNEL);
		wr[i]->w = w;
		wr[i]->first = i;
		test_task_start(&wr[i]->task, writer_main, wr[i]);
	}
	/* looking on meanwhile: some valid answer at any time */
	for (blk = 0; blk < NR_BLKS; blk++)
		lab_expect_eq(map(w, blk * (u64)LAB_BLOCK_BYTES, 1, 0, &e), 0);
	for (i = 0; i < NR_WRITERS; i++) {
		test_task_join(&wr[i]->task);
		for (blk = i; blk < NR_BLKS; blk += NR_WRITERS) {
			w->type[blk] = LAB_MAPPED;
			w->sector[blk] = wr[i]->sector[blk];
		}
		kfree(wr[i]);
	}
	nothing_twice(w);
	for (blk = 0; blk < NR_BLKS; blk++) {
		lab_expect_eq(map(w, blk * (u64)LAB_BLOCK_BYTES, 1, 0, &e), 0);
		right(w, blk * (u64)LAB_BLOCK_BYTES, 1, &e);
	}
	lab_expect_eq(atomic_read(&w->inode->i_dio_count), 0);
	world_free(w);
}
