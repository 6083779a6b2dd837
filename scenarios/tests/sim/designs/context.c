// SPDX-License-Identifier: GPL-2.0-only
/*
 * In which context things happen. First, the disk under a loop device's file, as a task of the driver's own reaches it.
 * Whoever writes back for want of memory may wait for that task: what it allocates on the way to the disk must not wait
 * for IO in turn. So it has PF_MEMALLOC_NOIO. (An attempt in the submitter's context is another matter: the file sees
 * the flag, which a design's own task.c looks at; the bio goes on to the disk after the driver has returned, for the
 * submitter, as through any stacking driver.)
 */
#include "rig.h"

static struct {
	unsigned int bios, io_allowed;
} spied;

static void spy_submit_bio(struct bio *bio)
{
	spied.bios++;
	if (!(current->flags & PF_MEMALLOC_NOIO))
		spied.io_allowed++;
	lab_filter_pass(lab_filter_of(bio), bio);
}

static const struct block_device_operations spy_fops = { .submit_bio = spy_submit_bio };
static const struct lab_filter_type spy = { .name = "spy", .what = "looks at who submits", .fops = &spy_fops };

/* At least one bio has come, and none of whose task may do IO for memory. */
static void expect_noio(void)
{
	lab_expect_gt(spied.bios, 0);
	lab_expect_eq(spied.io_allowed, 0);
	spied.bios = 0;
	lab_expect_eq(current->flags & PF_MEMALLOC_NOIO, 0);
}

DESIGN_TEST(context, loop_tasks_do_no_io_for_memory)
{
	bool cached = rig_costs()->cached;
	unsigned int k, i;

	for (k = 0; k < RIG_KNOB_SETS; k++) {
		struct rig_opts o = { .file_bytes = 1 << 20, .loop = true, .spy = &spy };
		struct rig r;

		if (!rig_knobs(k, &o.knobs) || o.knobs.handoff != LAB_HANDOFF_WORKER)
			continue;
		rig_up(&r, &o);
		if (r.knobs.handoff != LAB_HANDOFF_WORKER)
			lab_test_skip("its loop device has no task of its own when asked for an attempt inline");
		spied.bios = spied.io_allowed = 0;
		lab_expect_eq(rig_io(r.bdev, LAB_READ, 0, r.mem, 16384, 0), 16384);
		expect_noio();
		for (i = 0; i < 2; i++) {	/* over data, and into a hole */
			lab_expect_eq(rig_io(r.bdev, LAB_WRITE, 65536, r.mem, 16384, 0), 16384);
			if (!cached)
				expect_noio();
			lab_expect_eq(blkdev_issue_flush(rig_design->loop_bdev(r.loop)), 0);
			expect_noio();
			lab_expect_eq(lab_punch(r.inode, 65536, 16384), 0);
			spied.bios = spied.io_allowed = 0;
		}
		rig_down(&r);
	}
}

/* ---- where an IO of a program ends ---------------------------------------------------------------- */

struct ending {
	struct lab_io io;
	struct task_struct *task;
	bool in_irq;
	int done;
};

static void ending_done(struct lab_io *io, ssize_t res)
{
	struct ending *e = io->owner;
	struct task_struct *task = e->task;

	lab_expect_eq(res, 8192);
	e->in_irq = in_hardirq();
	smp_store_release(&e->done, 1);
	wake_up_process(task);
}

/* Does an asynchronous overwrite or read of @file end in interrupt context? */
static bool ends_in_irq(struct rig *r, struct lab_file *file, enum lab_rw rw)
{
	struct lab_iovec iov = { r->mem, 8192 };
	struct ending e = {
		.io = { .rw = rw, .iov = &iov, .nr_segs = 1, .done = ending_done, .owner = &e }, .task = current,
	};
	ssize_t ret = rig_design->submit(file, &e.io);

	if (ret != -EIOCBQUEUED) {
		lab_expect_eq(ret, 8192);
		return false;
	}
	rig_wait(&e.done);
	return e.in_irq;
}

/* The knob completion=wq: what the disk's interrupt ends goes on in a task, before the program hears of it. */
DESIGN_TEST(context, completion_by_a_worker)
{
	unsigned int k, ran = 0;

	for (k = 0; k < RIG_KNOB_SETS; k++) {
		struct rig_opts o = { .file_bytes = 1 << 20 };
		struct rig r;

		if (!rig_knobs(k, &o.knobs) || o.knobs.completion != LAB_COMPLETION_WQ)
			continue;
		rig_up(&r, &o);
		lab_expect(!ends_in_irq(&r, r.file, LAB_WRITE));
		lab_expect(!ends_in_irq(&r, r.file, LAB_READ));
		rig_down(&r);
		ran++;
	}
	if (!ran)
		lab_test_skip("completion=wq is no knob of it");
}
