// SPDX-License-Identifier: GPL-2.0-only
/*
 * Without memory a loop device goes on from what it keeps back, and who waits for that must not be in the way of who
 * has it. Here who has it waits for a thaw, and then for a worker; and there are more who wait than workers.
 */
#include <kc/fault.h>
#include <lab/loopdev.h>
#include "burst.h"

#define NR_WRITES	6u				/* requests: more than are kept back for */
#define NR_READS	(2 * LAB_LOOP_MAX_ACTIVE + NR_WRITES)
#define PAIR_PAGES	3u				/* from one request's two pages to the next one's */
#define READS_AT	(NR_WRITES * PAIR_PAGES)
#define FILE_PAGES	(READS_AT + NR_READS * PAIR_PAGES)
#define LONG_ENOUGH	512				/* times that another task may run */

/* Bios that become @nr requests of two each, from page @from of the device on. */
static struct burst *pairs(struct rig *r, blk_opf_t op, unsigned int nr, unsigned int from)
{
	struct burst *b = burst_make(rig_design->loop_bdev(r->loop), op, 2 * nr, 1);
	unsigned int i;

	for (i = 0; i < 2 * nr; i++)
		b->bio[i]->bi_iter.bi_sector = (sector_t)(from + i / 2 * PAIR_PAGES + i % 2) * PAGE_SECTORS;
	return b;
}

static u64 submit_pairs(struct burst *b)
{
	u64 before = rig_count(LAB_LOOP, LAB_REQUESTS);

	burst_submit(b, true);
	return rig_count(LAB_LOOP, LAB_REQUESTS) - before;
}

/* Each page of the file has a byte of its own. */
static void fill_file(struct rig *r)
{
	unsigned int i;

	for (i = 0; i < FILE_PAGES; i++)
		rig_set(r->mem + i * PAGE_SIZE, 1 + i, PAGE_SIZE);
	lab_expect_eq(rig_io(r->file, LAB_WRITE, 0, r->mem, FILE_PAGES * PAGE_SIZE, 0), FILE_PAGES * PAGE_SIZE);
}

static void expect_pages(struct rig *r, struct burst *reads)
{
	unsigned int i, page;

	for (i = 0; i < 2 * NR_READS; i++) {
		const u8 *p = page_address(reads->page[i]);

		page = READS_AT + i / 2 * PAIR_PAGES + i % 2;
		lab_expect_eq(p[0], 1 + page);
		lab_expect(!memcmp(p, p + 1, PAGE_SIZE - 1));
	}
	for (i = 0; i < READS_AT; i++)
		rig_expect_written(r, r->file, (loff_t)i * PAGE_SIZE, i % PAIR_PAGES == 2 ? 1 + i : BURST_BYTE, PAGE_SIZE);
}

static void behind_a_freeze(unsigned int k)
{
	struct rig_opts o = { .file_bytes = FILE_PAGES * PAGE_SIZE, .loop = true };
	struct burst *writes, *reads, *hasty;
	unsigned int i;
	struct rig r;

	if (!rig_knobs(k, &o.knobs) || o.knobs.loopq != LAB_LOOPQ_MQ || o.knobs.alloc != LAB_ALLOC_POOL)
		return;
	rig_up(&r, &o);
	fill_file(&r);
	writes = pairs(&r, REQ_OP_WRITE, NR_WRITES, 0);
	reads = pairs(&r, REQ_OP_READ, NR_READS, READS_AT);
	hasty = pairs(&r, REQ_OP_READ | REQ_NOWAIT, 1, READS_AT);
	lab_expect_eq(lab_fs_freeze(r.fs), 0);
	kc_probes_reset();
	kc_fault_nth(KC_FAULT_SLAB, 1, ~0ull >> 1);
	i = submit_pairs(writes) + submit_pairs(reads);
	if (LAB_WITH_PROBES)
		lab_expect_eq(i, NR_WRITES + NR_READS);
	burst_submit(hasty, true);
	for (i = 0; i < LONG_ENOUGH; i++)
		yield();
	lab_expect_eq(READ_ONCE(writes->done), 0);
	lab_expect_eq(READ_ONCE(hasty->done), 1);	/* who may not wait was told so */
	lab_expect_eq(lab_fs_thaw(r.fs), 0);
	rig_wait(&writes->done);
	rig_wait(&reads->done);
	kc_fault_nth(KC_FAULT_SLAB, 0, 0);
	expect_pages(&r, reads);
	burst_end(writes, BLK_STS_OK);
	burst_end(reads, BLK_STS_OK);
	burst_end(hasty, BLK_STS_AGAIN);
	rig_down(&r);
}

DESIGN_TEST(starved, requests_that_wait_do_not_take_all_workers)
{
	unsigned int k;

	rig_needs_loopq(LAB_LOOPQ_MQ);
	rig_needs_what(RIG_LOOP_NO_FREEZE, "its loop driver, as 6.1's, takes no part in a freeze, and keeps nothing back");
	for (k = 0; k < RIG_KNOB_SETS; k++)
		behind_a_freeze(k);
}

/* ---- one allocation after the other fails, twice in a row --------------------------------------- */

/* The driver asks without waiting, then from its worker. alloc=kmalloc has no more to offer: an error, once. */
DESIGN_TEST(starved, no_command_for_who_waits_either)
{
	unsigned int k;
	u64 n;

	for (k = 0; k < RIG_KNOB_SETS; k++) {
		struct rig_opts o = { .file_bytes = 1 << 20, .loop = true };
		struct lab_iovec iov;
		bool may_fail;
		struct rig r;

		if (!rig_knobs(k, &o.knobs))
			continue;
		rig_up(&r, &o);
		may_fail = r.knobs.alloc == LAB_ALLOC_KMALLOC || rig_costs()->cached;
		iov = (struct lab_iovec){ r.mem, 8192 };
		for (n = 1; n <= 8; n++) {
			ssize_t ret;

			kc_fault_nth(KC_FAULT_SLAB, n, 3);
			ret = rig_aio(r.bdev, n & 1 ? LAB_WRITE : LAB_READ, 4096 * n, &iov, 1, 0);
			kc_fault_nth(KC_FAULT_SLAB, 0, 0);
			lab_expect(ret == 8192 || (may_fail && ret < 0));
			lab_expect_eq(rig_aio(r.bdev, LAB_WRITE, 0, &iov, 1, 0), 8192);
		}
		rig_down(&r);	/* nothing is counted any more that would be waited for */
	}
}

/* Who may not wait hears so when there is no memory, and no worker is troubled. */
static void nowait_without_memory(struct rig *r, enum req_op op)
{
	struct burst *b = burst_make(rig_design->loop_bdev(r->loop), op | REQ_NOWAIT, 1, 1);
	blk_status_t status;
	u64 punts;

	kc_probes_reset();
	kc_fault_nth(KC_FAULT_SLAB, 1, 1);
	burst_submit(b, false);
	rig_wait(&b->done);
	lab_expect_eq(kc_fault_hits(KC_FAULT_SLAB) > 0, true);
	kc_fault_nth(KC_FAULT_SLAB, 0, 0);
	punts = rig_count(LAB_LOOP, LAB_PUNTS) + rig_count(LAB_UPPER, LAB_PUNTS);
	status = b->bio[0]->bi_status;
	lab_expect(status == BLK_STS_OK || status == BLK_STS_AGAIN || status == BLK_STS_RESOURCE);
	if (r->knobs.handoff == LAB_HANDOFF_INLINE)
		lab_expect_eq(punts, 0);
	if (r->knobs.handoff == LAB_HANDOFF_INLINE && r->knobs.alloc == LAB_ALLOC_KMALLOC &&
	    r->knobs.loopq == LAB_LOOPQ_BIO)
		lab_expect_eq(status, BLK_STS_AGAIN);
	burst_end(b, status);
}

DESIGN_TEST(starved, who_may_not_wait)
{
	unsigned int k;

	rig_needs_what(RIG_NO_NOWAIT | RIG_NOWAIT_UNSEEN, "its loop device does not know NOWAIT");
	for (k = 0; k < RIG_KNOB_SETS; k++) {
		struct rig_opts o = { .file_bytes = 1 << 20, .loop = true };
		struct rig r;

		if (!rig_knobs(k, &o.knobs) || o.knobs.alloc != LAB_ALLOC_KMALLOC)
			continue;
		rig_up(&r, &o);
		nowait_without_memory(&r, REQ_OP_WRITE);
		nowait_without_memory(&r, REQ_OP_READ);
		rig_down(&r);
	}
}

/* ---- the loop device's queue cuts bios ----------------------------------------------------------------- */

#define CUT_IOS		6u
#define CUT_BYTES	(8 * PAGE_SIZE)

/* The pieces of a bio come from a reserve of two; who cuts waits until the first have ended, and they do. */
DESIGN_TEST(starved, no_memory_to_cut)
{
	unsigned int k, i;

	for (k = 0; k < RIG_KNOB_SETS; k++) {
		struct rig_opts o = {
			.file_bytes = 1 << 20, .loop = true, .loop_opts = { .max_sectors = PAGE_SECTORS },
		};
		struct rig_slot slot[CUT_IOS];
		struct lab_iovec iov[CUT_IOS];
		bool may_fail;
		struct rig r;

		if (!rig_knobs(k, &o.knobs))
			continue;
		rig_up(&r, &o);
		may_fail = r.knobs.alloc == LAB_ALLOC_KMALLOC || rig_costs()->cached;
		for (i = 0; i < CUT_IOS; i++) {
			iov[i] = (struct lab_iovec){ r.mem + i * CUT_BYTES, CUT_BYTES };
			rig_set(iov[i].base, i + 1, CUT_BYTES);
		}
		kc_fault_nth(KC_FAULT_SLAB, 1, ~0ull >> 1);
		for (i = 0; i < CUT_IOS; i++)
			rig_start(&slot[i], r.bdev, LAB_WRITE, i * CUT_BYTES, &iov[i], 1, 0);
		for (i = 0; i < CUT_IOS; i++) {
			ssize_t ret = rig_finish(&slot[i]);

			lab_expect(ret == CUT_BYTES || (may_fail && ret < 0));
		}
		kc_fault_nth(KC_FAULT_SLAB, 0, 0);
		for (i = 0; i < CUT_IOS && !may_fail; i++)
			rig_expect_written(&r, r.file, i * CUT_BYTES, i + 1, CUT_BYTES);
		rig_down(&r);
	}
}
