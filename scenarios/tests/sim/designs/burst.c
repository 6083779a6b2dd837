// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many bios at once for the loop device: more than there are tags, more than there is memory for, and several
 * in one request.
 */
#include <linux/slab.h>
#include <kc/fault.h>
#include "burst.h"

static void burst_end_io(struct bio *bio)
{
	struct burst *b = bio->bi_private;
	struct task_struct *task = b->task;

	if (atomic_dec_and_test(&b->left)) {
		smp_store_release(&b->done, 1);
		wake_up_process(task);
	}
}

struct burst *burst_make(struct block_device *bdev, blk_opf_t op, unsigned int nr, unsigned int stride)
{
	struct burst *b = kzalloc(sizeof(*b), GFP_KERNEL);
	unsigned int i;

	lab_expect(b);
	lab_expect_le(nr, BURST_MAX);
	b->task = current;
	b->nr = nr;
	atomic_set(&b->left, nr);
	for (i = 0; i < nr; i++) {
		b->page[i] = alloc_page(GFP_KERNEL);
		lab_expect(b->page[i]);
		memset(page_address(b->page[i]), BURST_BYTE, PAGE_SIZE);
		b->bio[i] = bio_alloc(bdev, 1, op, GFP_KERNEL);
		__bio_add_page(b->bio[i], b->page[i], PAGE_SIZE, 0);
		b->bio[i]->bi_iter.bi_sector = (sector_t)i * stride * PAGE_SECTORS;
		b->bio[i]->bi_private = b;
		b->bio[i]->bi_end_io = burst_end_io;
	}
	return b;
}

void burst_submit(struct burst *b, bool plugged)
{
	struct blk_plug plug;
	unsigned int i;

	if (plugged)
		blk_start_plug(&plug);
	for (i = 0; i < b->nr; i++)
		submit_bio(b->bio[i]);
	if (plugged)
		blk_finish_plug(&plug);
}

void burst_end(struct burst *b, blk_status_t status)
{
	unsigned int i;

	lab_expect(smp_load_acquire(&b->done));
	for (i = 0; i < b->nr; i++) {
		lab_expect_eq(b->bio[i]->bi_status, status);
		bio_put(b->bio[i]);
		__free_page(b->page[i]);
	}
	kfree(b);
}

void burst_run(struct burst *b, bool plugged)
{
	burst_submit(b, plugged);
	rig_wait(&b->done);
	burst_end(b, BLK_STS_OK);
}

/*
 * H3, H5: more in flight than there are tags, plugged or not; who waits for a tag is never inside the loop
 * driver. alloc=kmalloc has nothing to wait for: only alloc=pool is run, unless the design has no other (D5).
 */
static void more_than_tags(blk_opf_t op, const struct lab_fs_opts *fs)
{
	enum lab_alloc own = rig_design->variants[rig_variant].knobs.alloc;
	unsigned int nr = lab_test_slow() ? BURST_MAX / 2 : BURST_MAX, k;

	for (k = 0; k < RIG_KNOB_SETS; k++) {
		struct rig_opts o = { .file_bytes = BURST_MAX * PAGE_SIZE, .loop = true, .fs = *fs };
		struct rig r;

		if (!rig_knobs(k, &o.knobs) || o.knobs.alloc != own)
			continue;
		rig_up(&r, &o);
		burst_run(burst_make(rig_design->loop_bdev(r.loop), op, nr, 1),
			  o.knobs.loopq == LAB_LOOPQ_MQ);
		if (op == REQ_OP_WRITE) {
			lab_expect_eq(rig_io(r.file, LAB_READ, 0, r.mem, nr * PAGE_SIZE, 0), nr * PAGE_SIZE);
			lab_expect_eq(rig_find_other(r.mem, BURST_BYTE, nr * PAGE_SIZE), -1);
		}
		rig_down(&r);
	}
}

DESIGN_TEST(burst, of_reads)
{
	struct lab_fs_opts fs = { .layout = LAB_LAYOUT_FRAGMENTED, .fragment_bytes = 8192 };

	more_than_tags(REQ_OP_READ, &fs);
}

DESIGN_TEST(burst, of_writes_to_holes)
{
	struct lab_fs_opts fs = { .layout = LAB_LAYOUT_SPARSE };

	more_than_tags(REQ_OP_WRITE, &fs);
}

DESIGN_TEST(burst, of_writes_exclusive)
{
	struct lab_fs_opts fs = { .layout = LAB_LAYOUT_UNWRITTEN, .lock_exclusive = true };

	more_than_tags(REQ_OP_WRITE, &fs);
}

/*
 * How bios end when there is no memory: alloc=pool goes on from what it kept back, one by one. Who allocates nothing
 * for a bio (buffered) has the page cache's reserve, whatever alloc= says.
 */
static blk_status_t status_without_memory(const struct rig *r)
{
	return r->knobs.alloc == LAB_ALLOC_POOL || rig_costs()->cached ? BLK_STS_OK : BLK_STS_RESOURCE;
}

/* All have ended, and there was no memory: what became of them, for the tables of mk/hazards.sh (D5). */
void burst_say_no_memory(const struct burst *b)
{
	unsigned int i, failed = 0;

	for (i = 0; i < b->nr; i++)
		failed += b->bio[i]->bi_status != BLK_STS_OK;
	printk("defect: D5 %s", failed ? "an error" : "goes on");
}

/* No memory at all, for a design that runs with alloc=pool if it can; with D5 nothing is kept back. */
DESIGN_TEST(burst, no_memory_at_all)
{
	struct rig_opts o = { .file_bytes = 1 << 20, .loop = true, .fs = { .layout = LAB_LAYOUT_UNWRITTEN } };
	struct burst *b;
	struct rig r;

	rig_up(&r, &o);
	b = burst_make(rig_design->loop_bdev(r.loop), REQ_OP_WRITE, 64, 1);
	/* the extent map may need memory: give it all it will want beforehand */
	lab_expect_eq(lab_convert(r.inode, 0, 1 << 20), 0);
	kc_probes_reset();
	kc_fault_nth(KC_FAULT_SLAB, 1, ~0ull);
	burst_submit(b, false);
	rig_wait(&b->done);
	burst_say_no_memory(b);
	burst_end(b, status_without_memory(&r));
	lab_expect_gt(rig_count(LAB_LOOP, LAB_PUNTS) + rig_count(LAB_UPPER, LAB_PUNTS), 0);
	lab_expect_gt(kc_fault_hits(KC_FAULT_SLAB), 0);
	kc_fault_nth(KC_FAULT_SLAB, 0, 0);
	if (!status_without_memory(&r))
		rig_expect_written(&r, r.file, 0, BURST_BYTE, 64 * PAGE_SIZE);
	rig_down(&r);
}

/* The same while the loop device goes away: loop_del() waits for what the worker still has to do. */
DESIGN_TEST(burst, no_memory_and_loop_del)
{
	enum { NR = 12 };
	struct rig_opts o = { .file_bytes = 1 << 20, .loop = true };
	enum lab_loopq q;

	for (q = LAB_LOOPQ_BIO; q <= LAB_LOOPQ_MQ; q++) {
		struct burst *b;
		unsigned int i;
		struct rig r;

		o.knobs.loopq = q;
		rig_up(&r, &o);
		b = burst_make(rig_design->loop_bdev(r.loop), REQ_OP_WRITE, NR, 2);
		kc_probes_reset();
		kc_fault_nth(KC_FAULT_SLAB, 1, ~0ull >> 1);
		burst_submit(b, false);
		rig_loop_down(&r);
		kc_fault_nth(KC_FAULT_SLAB, 0, 0);
		lab_expect_gt(rig_count(LAB_LOOP, LAB_PUNTS), 0);
		burst_end(b, status_without_memory(&r));
		for (i = 0; i < NR && !status_without_memory(&r); i++)
			rig_expect_written(&r, r.file, i * 2 * PAGE_SIZE, BURST_BYTE, PAGE_SIZE);
		rig_down(&r);
	}
}

/*
 * Several bios in one request (loopq=mq, plug), as many as its queue takes: it ends with the last, and with
 * the first error.
 */
DESIGN_TEST(burst, request_of_several_bios)
{
	const struct rig_costs *c = rig_costs();
	struct rig_opts o = {
		.file_bytes = 1 << 20, .disk_bytes = 1 << 20,
		.loop = true, .knobs = { .loopq = LAB_LOOPQ_MQ },
		.fault = "eio@12288+4096",
	};
	struct block_device *bdev;
	unsigned int nr;
	struct burst *b;
	struct rig r;

	rig_needs_loopq(LAB_LOOPQ_MQ);
	rig_needs_what(RIG_APART, "its plug is not ours");
	rig_up(&r, &o);
	bdev = rig_design->loop_bdev(r.loop);
	nr = min_t(unsigned int, 6, queue_max_segments(bdev_get_queue(bdev)));
	lab_expect_ge(nr, 4);		/* the fourth fails */
	b = burst_make(bdev, REQ_OP_READ, nr, 1);
	kc_probes_reset();
	burst_submit(b, true);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_REQUESTS), 1);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_CLONES), nr * c->clones);
	rig_loop_down(&r);
	burst_end(b, BLK_STS_IOERR);
	rig_down(&r);
}
