// SPDX-License-Identifier: GPL-2.0-only
/*
 * The priority of each bio at the disk, where Linux differs from ours: a bio that has none gets that of the task that submits
 * it (bio_set_ioprio()), and so do the zeroes around a write of parts of blocks, whatever the write itself has.
 */
#include <linux/ioprio.h>
#include "burst.h"

#define PRIO		IOPRIO_PRIO_VALUE(IOPRIO_CLASS_RT, 3)
#define SEEN_MAX	16

/* What came by at the disk, in order. */
static struct {
	u16 prio[SEEN_MAX];
	unsigned int bytes[SEEN_MAX], nr;
} seen;

static void see_submit_bio(struct bio *bio)
{
	if (bio->bi_iter.bi_size && seen.nr < SEEN_MAX) {
		seen.prio[seen.nr] = bio_prio(bio);
		seen.bytes[seen.nr++] = bio->bi_iter.bi_size;
	}
	lab_filter_pass(lab_filter_of(bio), bio);
}

static const struct block_device_operations see_fops = { .submit_bio = see_submit_bio };
static const struct lab_filter_type see = { .name = "see", .what = "notes priorities", .fops = &see_fops };

/* A KiB in the middle of a fresh block of four: the data as it was asked for, the rest as the task has it. */
DESIGN_TEST(prio, of_zeroes_is_the_tasks)
{
	struct rig_opts o = { .file_bytes = 1 << 20, .fs = { .layout = LAB_LAYOUT_SPARSE }, .spy = &see };
	struct lab_iovec iov;
	struct lab_io io = { .rw = LAB_WRITE, .ioprio = PRIO, .pos = 1024, .iov = &iov, .nr_segs = 1 };
	unsigned int i, data = 0, zeroes = 0;
	struct rig r;

	rig_up(&r, &o);
	iov = (struct lab_iovec){ r.mem, 1024 };
	seen.nr = 0;
	lab_expect_eq(rig_design->submit(r.file, &io), 1024);
	for (i = 0; i < seen.nr; i++) {
		if (seen.prio[i] == PRIO)
			data += seen.bytes[i];
		else if (seen.prio[i] == rig_costs()->task_prio)
			zeroes += seen.bytes[i];
		else
			lab_expect_eq(seen.prio[i], PRIO);
	}
	lab_expect_eq(data, 1024);
	lab_expect_eq(zeroes, PAGE_SIZE - 1024);
	rig_down(&r);
}

/* Ready bios: each keeps its own through the loop driver, its worker and the file. */
DESIGN_TEST(prio, of_ready_bios)
{
	struct rig_opts o = { .file_bytes = 1 << 20, .loop = true, .spy = &see };
	static const u16 prios[] = { PRIO, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0), 0, PRIO };
	struct burst *b;
	unsigned int i;
	struct rig r;

	rig_up(&r, &o);
	b = burst_make(rig_design->loop_bdev(r.loop), REQ_OP_WRITE, ARRAY_SIZE(prios), 1);
	for (i = 0; i < ARRAY_SIZE(prios); i++)
		bio_set_prio(b->bio[i], prios[i]);
	seen.nr = 0;
	burst_run(b, false);
	lab_expect_eq(seen.nr, ARRAY_SIZE(prios));
	for (i = 0; i < ARRAY_SIZE(prios); i++)
		lab_expect_eq(seen.prio[i], prios[i] ?: rig_costs()->task_prio);
	rig_down(&r);
}

/* The disk takes 8 KiB at a time. */
DESIGN_TEST(prio, of_split_bios)
{
	struct rig_opts o = { .file_bytes = 1 << 20, .limits = { .max_sectors = 16 }, .loop = true, .spy = &see };
	struct lab_iovec iov;
	struct lab_io io = { .rw = LAB_WRITE, .ioprio = PRIO, .iov = &iov, .nr_segs = 1 };
	unsigned int i;
	struct rig r;

	rig_up(&r, &o);
	iov = (struct lab_iovec){ r.mem, 65536 };
	seen.nr = 0;
	lab_expect_eq(rig_design->submit(r.bdev, &io), 65536);
	lab_expect_eq(seen.nr, 8);
	for (i = 0; i < seen.nr; i++)
		lab_expect_eq(seen.prio[i], PRIO);
	rig_down(&r);
}
