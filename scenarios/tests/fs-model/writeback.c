// SPDX-License-Identifier: GPL-2.0-only
/*
 * Write-back: in which bios, how much may be dirty, who does it, and that it ends: without memory, with several
 * at it at once, and through page cache over loop over page cache.
 */
#include <linux/sched.h>
#include <kc/fault.h>
#include <kc/probe.h>
#include <kc/world.h>
#include "../../../fs-model/fs-internal.h"
#include "on_disk.h"
#include "mini_loop.h"

#define NR_PAGES	200u
#define BYTES		(NR_PAGES * PAGE_SIZE)
#define DISK_BYTES	(16u << 20)
#define FOR_EVER	(~0ull >> 1)

static void cached_open(struct on_disk *c, u64 disk_bytes, const char *fault, const struct lab_fs_opts *opts,
			u64 file_bytes)
{
	test_dev_open(&c->dev, TEST_RAM, disk_bytes, NULL);
	on_disk_fill(c, fault, opts, file_bytes, BYTES);
}

static unsigned long dirty(struct inode *inode)
{
	return READ_ONCE(lab_i(inode)->cache.nr_dirty);
}

static u64 counted(enum lab_probe_id id)
{
	struct kc_probes p;

	kc_probes_own(&p);
	return p.n[lab_scope()][id];
}

/* All pages forgotten, so that what is read comes from the disk. */
static void forget(struct inode *inode)
{
	lab_expect_eq(lab_cache_invalidate(inode, 0, LAB_MAX_FILE_BYTES), 0);
	lab_expect_eq(inode->i_mapping->nrpages, 0);
}

/* ---- bios ------------------------------------------------------------------------------------------ */

LAB_TEST(writeback, neighbours_share_a_bio)
{
	struct lab_fs_opts opts = { .layout = LAB_LAYOUT_CONTIGUOUS };
	u64 bios, maps;
	struct on_disk c;

	cached_open(&c, DISK_BYTES, NULL, &opts, BYTES);
	test_fill(c.want, 0, BYTES, 1);
	lab_expect_eq(cache_pwrite(c.inode, 0, c.want, BYTES), 0);
	lab_expect_eq(dirty(c.inode), NR_PAGES);
	bios = counted(LAB_BIOS);
	maps = counted(LAB_MAP_CALLS);
	lab_expect_eq(cache_sync(c.inode), 0);
	if (LAB_WITH_PROBES) {
		lab_expect_eq(counted(LAB_BIOS) - bios, DIV_ROUND_UP(NR_PAGES, BIO_MAX_VECS));
		lab_expect_eq(counted(LAB_MAP_CALLS) - maps, DIV_ROUND_UP(NR_PAGES, BIO_MAX_VECS));
	}
	forget(c.inode);
	lab_expect_eq(cache_pread(c.inode, 0, c.have, BYTES), 0);
	lab_expect_mem(c.have, c.want, BYTES);
	on_disk_close(&c);
}

/* A gap in the file, a gap on disk, a border between written and unwritten: each ends a bio. */
LAB_TEST(writeback, bios_end_where_extents_do)
{
	struct lab_fs_opts opts = { .layout = LAB_LAYOUT_FRAGMENTED, .fragment_bytes = 2 * LAB_BLOCK_BYTES };
	struct lab_extent e;
	struct on_disk c;
	u64 bios;

	cached_open(&c, DISK_BYTES, NULL, &opts, 8 * PAGE_SIZE);
	test_fill(c.want, 0, 12 * PAGE_SIZE, 1);
	lab_expect_eq(cache_pwrite(c.inode, 0, c.want, 12 * PAGE_SIZE), 0);	/* 4 extents, and 2 new ones */
	bios = counted(LAB_BIOS);
	lab_expect_eq(cache_sync(c.inode), 0);
	if (LAB_WITH_PROBES)
		lab_expect_eq(counted(LAB_BIOS) - bios, 6);
	lab_expect_eq(lab_map(c.inode, 8 * PAGE_SIZE, PAGE_SIZE, 0, &e), 0);
	lab_expect_eq(e.type, LAB_MAPPED);
	lab_expect_eq(cache_pwrite(c.inode, 0, c.want, 1), 0);			/* two pages with one between */
	lab_expect_eq(cache_pwrite(c.inode, 2 * PAGE_SIZE, c.want + 2 * PAGE_SIZE, 1), 0);
	bios = counted(LAB_BIOS);
	lab_expect_eq(cache_sync(c.inode), 0);
	if (LAB_WITH_PROBES)
		lab_expect_eq(counted(LAB_BIOS) - bios, 2);
	forget(c.inode);
	lab_expect_eq(cache_pread(c.inode, 0, c.have, 12 * PAGE_SIZE), 0);
	lab_expect_mem(c.have, c.want, 12 * PAGE_SIZE);
	on_disk_close(&c);
}

/* Of several bios under way one fails: its pages are lost, the others' are not, and it is told once. */
LAB_TEST(writeback, one_of_many_bios_fails)
{
	struct lab_fs_opts opts = { .layout = LAB_LAYOUT_FRAGMENTED, .fragment_bytes = LAB_BLOCK_BYTES };
	struct lab_extent e;
	unsigned int i, lost = 0;
	struct on_disk c;

	cached_open(&c, BYTES, "eio@40k+4k", &opts, 0);		/* a full disk: every block is used */
	lab_expect_eq(cache_pwrite(c.inode, 0, c.want, BYTES), 0);
	for (i = 0; i < NR_PAGES; i++) {
		lab_expect_eq(lab_map(c.inode, (u64)i * PAGE_SIZE, PAGE_SIZE, 0, &e), 0);
		lost |= e.sector == 80 ? i + 1 : 0;
	}
	lab_expect_gt(lost, 0);
	lab_expect_eq(cache_sync(c.inode), -EIO);
	lab_expect_eq(dirty(c.inode), 0);
	lab_expect_eq(cache_sync(c.inode), 0);
	for (i = 0; i < NR_PAGES; i++) {
		lab_expect_eq(lab_map(c.inode, (u64)i * PAGE_SIZE, PAGE_SIZE, 0, &e), 0);
		lab_expect_eq(e.type, i + 1 == lost ? LAB_UNWRITTEN : LAB_MAPPED);
	}
	on_disk_close(&c);
}

/* ---- limits and the flusher ------------------------------------------------------------------------- */

LAB_TEST(writeback, limit_is_each_inodes_own)
{
	struct lab_fs_opts opts = { .layout = LAB_LAYOUT_SPARSE };
	struct inode *other;
	struct on_disk c;
	u32 i;

	cached_open(&c, DISK_BYTES, NULL, &opts, 0);
	other = lab_inode_create(c.fs, 0);
	lab_expect(!IS_ERR(other));
	for (i = 0; i < LAB_CACHE_MAX_DIRTY; i++) {
		lab_expect_eq(cache_pwrite(c.inode, (u64)i * PAGE_SIZE, c.want, 1), 0);
		lab_expect_eq(cache_pwrite(other, (u64)i * PAGE_SIZE, c.want, 1), 0);
	}
	lab_expect_eq(dirty(c.inode), LAB_CACHE_MAX_DIRTY);
	lab_expect_eq(dirty(other), LAB_CACHE_MAX_DIRTY);
	lab_expect(!lab_cache_start_writeback(c.inode));	/* no flusher */
	lab_expect_eq(cache_pwrite(c.inode, (u64)i * PAGE_SIZE, c.want, 1), 0);
	lab_expect_eq(dirty(c.inode), 0);
	lab_expect_eq(dirty(other), LAB_CACHE_MAX_DIRTY);
	on_disk_close(&c);
}

LAB_TEST(writeback, flusher_begins_at_half)
{
	struct lab_fs_opts opts = { .layout = LAB_LAYOUT_SPARSE, .flusher = true };
	struct on_disk c;
	u32 i;

	cached_open(&c, DISK_BYTES, NULL, &opts, 0);
	for (i = 0; i < LAB_CACHE_BACKGROUND_DIRTY; i++)
		lab_expect_eq(cache_pwrite(c.inode, (u64)i * PAGE_SIZE, c.want, 1), 0);
	kc_tasks_settle();
	lab_expect_eq(dirty(c.inode), LAB_CACHE_BACKGROUND_DIRTY);
	lab_expect_eq(cache_pwrite(c.inode, (u64)i * PAGE_SIZE, c.want, 1), 0);
	flush_work(&lab_i(c.inode)->flush_work);
	lab_expect_eq(dirty(c.inode), 0);
	lab_expect_eq(counted(LAB_WRITEBACKS), 0);		/* not by the writer */
	lab_expect_eq(cache_pwrite(c.inode, 0, c.want, 1), 0);
	lab_expect(lab_cache_start_writeback(c.inode));
	flush_work(&lab_i(c.inode)->flush_work);
	lab_expect_eq(dirty(c.inode), 0);
	on_disk_close(&c);
}

/* An inode may go while the flusher is about to look at it, or does. */
LAB_TEST(writeback, inode_goes_under_the_flusher)
{
	struct lab_fs_opts opts = { .layout = LAB_LAYOUT_SPARSE, .flusher = true };
	struct inode *inode;
	struct on_disk c;
	u32 i;

	cached_open(&c, DISK_BYTES, NULL, &opts, 0);
	for (i = 0; i < 30; i++) {
		inode = lab_inode_create(c.fs, 0);
		lab_expect(!IS_ERR(inode));
		lab_expect_eq(cache_pwrite(inode, 0, c.want, 20 * PAGE_SIZE), 0);
		lab_expect(lab_cache_start_writeback(inode));
		if (i & 1)
			yield();
		lab_inode_destroy(inode);
	}
	on_disk_close(&c);
}

/* ---- several at once ---------------------------------------------------------------------------------- */

struct crowd {
	struct on_disk c;
	unsigned int rounds;
	unsigned long most;
};

static void crowd_writes(void *arg)
{
	struct crowd *cr = arg;
	unsigned int i;

	for (i = 0; i < cr->rounds; i++) {
		u32 at = i * 7919 % (NR_PAGES - 8) * PAGE_SIZE;

		lab_expect_eq(cache_pwrite(cr->c.inode, at, cr->c.want + at, 8 * PAGE_SIZE), 0);
		cr->most = max(cr->most, dirty(cr->c.inode));
	}
}

/* From different ends, so that each meets pages that the other has locked. */
static void crowd_syncs(void *arg)
{
	struct crowd *cr = arg;
	unsigned int i;

	for (i = 0; i < cr->rounds; i++) {
		lab_expect_eq(lab_cache_write(cr->c.inode, BYTES / 2, BYTES / 2), 0);
		lab_expect_eq(lab_cache_write(cr->c.inode, 0, BYTES), 0);
	}
}

static void crowd_run(unsigned int rounds, u64 nth)
{
	struct lab_fs_opts opts = { .layout = LAB_LAYOUT_FRAGMENTED, .fragment_bytes = 4 * LAB_BLOCK_BYTES,
				    .flusher = true };
	struct crowd cr = { .rounds = rounds };
	struct test_task task[4];
	unsigned int i;

	cached_open(&cr.c, DISK_BYTES, NULL, &opts, BYTES);
	test_fill(cr.c.want, 0, BYTES, 1);
	lab_expect_eq(cache_pwrite(cr.c.inode, 0, cr.c.want, BYTES), 0);
	kc_fault_nth(KC_FAULT_SLAB, nth, FOR_EVER);
	for (i = 0; i < ARRAY_SIZE(task); i++)
		test_task_start(&task[i], i ? crowd_syncs : crowd_writes, &cr);
	for (i = 0; i < ARRAY_SIZE(task); i++)
		test_task_join(&task[i]);
	kc_fault_reset();
	lab_expect_eq(cache_sync(cr.c.inode), 0);
	lab_expect_le(cr.most, LAB_CACHE_MAX_DIRTY + 1);
	forget(cr.c.inode);
	lab_expect_eq(cache_pread(cr.c.inode, 0, cr.c.have, BYTES), 0);
	lab_expect_mem(cr.c.have, cr.c.want, BYTES);
	on_disk_close(&cr.c);
}

LAB_TEST(writeback, several_at_one_file)
{
	crowd_run(lab_test_slow() ? 10 : 60, 0);
}

static void crowd_once(void *arg)
{
	crowd_run(4, 0);
}

/* Bios come from the pool alone, two for all of them: who has one must not wait for who wants one. */
static void crowd_without_memory(void *arg)
{
	crowd_run(4, 20);
}

static void crowd_seeds(void (*fn)(void *arg))
{
	struct kc_world_opts opts = { .ram_bytes = 32 << 20 };
	u64 seed, nr = lab_test_slow() ? 3 : 12;
	int failures;

	if (!host_engine_built(HOST_DET))
		lab_test_skip("this build has no det engine");
	for (seed = 0; seed < nr; seed++) {
		lab_test_seed(seed);
		failures = -1;
		lab_expect_eq(kc_run(true, seed, &opts, fn, NULL, &failures), KC_RUN_DONE);
		lab_expect_eq(failures, 0);
	}
}

LAB_TEST_BARE(writeback, several_never_hang)
{
	crowd_seeds(crowd_once);
}

LAB_TEST_BARE(writeback, few_bios_are_enough)
{
	crowd_seeds(crowd_without_memory);
}

static void sync_all(void *arg)
{
	struct on_disk *c = arg;

	lab_expect_eq(lab_cache_write(c->inode, 0, BYTES), 0);
}

/* Who waits for a page has seen its own to their end, and holds no bio that another one may need. */
LAB_TEST(writeback, who_waits_for_a_page_has_no_bio)
{
	struct lab_fs_opts opts = { .layout = LAB_LAYOUT_FRAGMENTED, .fragment_bytes = LAB_BLOCK_BYTES };
	struct test_task other;
	struct page *page;
	struct on_disk c;

	cached_open(&c, DISK_BYTES, NULL, &opts, BYTES);
	lab_expect_eq(cache_pwrite(c.inode, 0, c.want, 3 * PAGE_SIZE), 0);
	lab_expect_eq(lab_page_get(c.inode, 2, &page), 0);
	test_task_start(&other, sync_all, &c);
	while (dirty(c.inode) > 1) {	/* however late the other one begins; IO of one's own lets that of others end */
		lab_expect_eq(test_io(c.dev.bdev, REQ_OP_READ, 0, c.have, PAGE_SIZE), 0);
		yield();
	}
	lab_expect_eq(dirty(c.inode), 1);
	lab_page_unlock(page);
	put_page(page);
	test_task_join(&other);
	lab_expect_eq(dirty(c.inode), 0);
	on_disk_close(&c);
}

/* ---- without memory ------------------------------------------------------------------------------------- */

static void no_memory(void)
{
	kc_fault_nth(KC_FAULT_PAGE, 1, FOR_EVER);
	kc_fault_nth(KC_FAULT_SLAB, 1, FOR_EVER);
}

/* Page by page: each is written back before there can be another. */
LAB_TEST(writeback, one_page_is_enough)
{
	struct lab_fs_opts opts = { .layout = LAB_LAYOUT_CONTIGUOUS };
	struct on_disk c;

	cached_open(&c, DISK_BYTES, NULL, &opts, BYTES);
	test_fill(c.want, 0, BYTES, 1);
	no_memory();
	lab_expect_eq(cache_pwrite(c.inode, 3, c.want + 3, BYTES - 3), 0);
	lab_expect_eq(cache_pread(c.inode, 3, c.have + 3, BYTES - 3), 0);
	lab_expect_eq(cache_sync(c.inode), 0);
	lab_expect_gt(kc_fault_hits(KC_FAULT_PAGE), NR_PAGES);
	kc_fault_reset();
	lab_expect_mem(c.have + 3, c.want + 3, BYTES - 3);
	forget(c.inode);
	memset(c.have, 0, BYTES);
	lab_expect_eq(cache_pread(c.inode, 3, c.have + 3, BYTES - 3), 0);
	lab_expect_mem(c.have + 3, c.want + 3, BYTES - 3);
	on_disk_close(&c);
}

/* The reserve is a page like any other to who holds it: without it, and without memory, there is none. */
LAB_TEST(writeback, reserve_in_other_hands)
{
	struct lab_fs_opts opts = { .layout = LAB_LAYOUT_CONTIGUOUS };
	struct page *page, *none;
	struct on_disk c;

	cached_open(&c, DISK_BYTES, NULL, &opts, BYTES);
	no_memory();
	lab_expect_eq(lab_page_get(c.inode, 0, &page), 0);
	lab_page_unlock(page);
	lab_expect_eq(lab_page_get(c.inode, 1, &none), -ENOMEM);	/* page 0 went for it, but is ours */
	put_page(page);
	lab_expect_eq(lab_page_get(c.inode, 1, &none), -ENOMEM);
	kc_fault_reset();
	lab_expect_eq(lab_page_get(c.inode, 1, &page), 0);
	lab_page_unlock(page);
	put_page(page);
	lab_expect_eq(lab_cache_invalidate(c.inode, 0, BYTES), 0);	/* and now there is one again */
	no_memory();
	lab_expect_eq(lab_page_get(c.inode, 2, &page), 0);
	lab_page_unlock(page);
	put_page(page);
	kc_fault_reset();
	on_disk_close(&c);
}

/*
 * Page cache over loop over page cache over loop over page cache. All memory goes when the uppermost has its
 * dirty pages; write-back through all three must end well.
 */
static void loops_run(void *arg)
{
	struct lab_fs_opts opts = { .layout = LAB_LAYOUT_CONTIGUOUS, .flusher = true };
	struct mini_loop loop[2];
	struct block_device *bdev;
	struct lab_fs *upper_fs;
	struct inode *upper, *top;
	struct on_disk c;

	cached_open(&c, DISK_BYTES, NULL, &opts, 2 * BYTES);
	bdev = mini_loop_add(&loop[0], c.inode);
	opts.nesting = 1;
	upper_fs = lab_fs_create(bdev, &opts);
	lab_expect(!IS_ERR(upper_fs));
	upper = lab_inode_create(upper_fs, BYTES);
	lab_expect(!IS_ERR(upper));
	bdev = mini_loop_add(&loop[1], upper);
	top = lab_bdev_inode_create_opts(bdev, &opts);
	lab_expect(!IS_ERR(top));

	test_fill(c.want, 0, BYTES, 1);
	lab_expect_eq(cache_pwrite(top, 0, c.want, BYTES / 2), 0);
	no_memory();
	lab_expect_eq(cache_pwrite(top, BYTES / 2, c.want + BYTES / 2, BYTES / 2), 0);
	lab_expect_eq(cache_sync(top) ?: lab_fsync(top, false), 0);
	kc_fault_reset();
	lab_expect_eq(dirty(upper) + dirty(c.inode), 0);
	forget(top);
	forget(upper);
	forget(c.inode);
	lab_expect_eq(cache_pread(top, 0, c.have, BYTES), 0);
	lab_expect_mem(c.have, c.want, BYTES);

	lab_inode_destroy(top);
	mini_loop_del(&loop[1]);
	lab_fs_destroy(upper_fs);
	mini_loop_del(&loop[0]);
	on_disk_close(&c);
}

LAB_TEST(writeback, through_loops_without_memory)
{
	loops_run(NULL);
}

LAB_TEST_BARE(writeback, through_loops_never_hangs)
{
	struct kc_world_opts opts = { .ram_bytes = 32 << 20 };
	u64 seed, nr = lab_test_slow() ? 2 : 8;
	int failures;

	if (!host_engine_built(HOST_DET))
		lab_test_skip("this build has no det engine");
	for (seed = 0; seed < nr; seed++) {
		lab_test_seed(seed);
		failures = -1;
		lab_expect_eq(kc_run(true, seed, &opts, loops_run, NULL, &failures), KC_RUN_DONE);
		lab_expect_eq(failures, 0);
	}
}
