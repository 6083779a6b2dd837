// SPDX-License-Identifier: GPL-2.0-only
/*
 * The direct IO of @6.1: where it ends, how many counts it holds, what it converts.
 */
#include <linux/fs.h>
#include <linux/slab.h>
#include <kc/blktrace.h>
#include <kc/fault.h>
#include "rig.h"

#define IO_BYTES	65536

static struct task_struct *ended_in;
static int ended_dio_count;
static struct rig *ended_rig;

struct ended {
	struct lab_io io;
	struct task_struct *task;
	ssize_t res;
	int done;
};

static void on_done(struct lab_io *io, ssize_t res)
{
	struct ended *e = io->owner;
	struct task_struct *task = e->task;

	ended_in = current;
	ended_dio_count = atomic_read(&ended_rig->inode->i_dio_count);
	e->res = res;
	smp_store_release(&e->done, 1);
	wake_up_process(task);
}

static bool ended_on_wq(struct rig *r, enum lab_rw rw, const struct lab_iovec *iov)
{
	struct ended e = {
		.io = { .rw = rw, .iov = iov, .nr_segs = 1, .done = on_done, .owner = &e }, .task = current,
	};

	ended_rig = r;
	ended_in = NULL;
	lab_expect_eq(rig_design->submit(r->file, &e.io), -EIOCBQUEUED);
	rig_wait(&e.done);
	lab_expect_eq(e.res, IO_BYTES);
	lab_expect_eq(ended_dio_count, 0);
	return !memcmp(ended_in->comm, "dio61/", 6);
}

/* An asynchronous write ends in the work queue, a read where its last bio does, unless the knob says otherwise. */
LAB_TEST(iter_bvec_61_dio, writes_end_in_a_work_item)
{
	enum lab_completion c;

	for (c = LAB_COMPLETION_INLINE; c <= LAB_COMPLETION_WQ; c++) {
		struct rig_opts o = {
			.disk = RIG_REAL, .file_bytes = 1 << 20, .knobs = { .completion = c },
		};
		struct lab_iovec iov;
		struct rig r;

		rig_up(&r, &o);
		iov = (struct lab_iovec){ r.mem, IO_BYTES };
		lab_expect(ended_on_wq(&r, LAB_WRITE, &iov));
		lab_expect_eq(ended_on_wq(&r, LAB_READ, &iov), c == LAB_COMPLETION_WQ);
		rig_down(&r);
	}
}

/* Four extents: one iomap_dio, four bios, one conversion of all that is unwritten. */
LAB_TEST(iter_bvec_61_dio, one_state_for_all_extents)
{
	struct rig_opts o = { .file_bytes = 1 << 20, .fs = { .layout = LAB_LAYOUT_FRAGMENTED, .fragment_bytes = 16384 } };
	struct lab_iovec iov;
	struct rig r;

	rig_up(&r, &o);
	lab_expect_eq(lab_punch(r.inode, 16384, 16384), 0);
	rig_set(r.mem, 0x42, IO_BYTES);
	iov = (struct lab_iovec){ r.mem, IO_BYTES };
	kc_probes_reset();
	lab_expect_eq(rig_aio(r.file, LAB_WRITE, 0, &iov, 1, 0), IO_BYTES);
	lab_expect_eq(rig_count(LAB_UPPER, LAB_ALLOC_DIO) + rig_count(LAB_LOOP, LAB_ALLOC_DIO), 1);
	lab_expect_eq(rig_count(LAB_UPPER, LAB_ALLOC_BIO) + rig_count(LAB_LOOP, LAB_ALLOC_BIO), 4);
	lab_expect_eq(rig_count(LAB_UPPER, LAB_MAP_CALLS) + rig_count(LAB_LOOP, LAB_MAP_CALLS), 4);
	lab_expect_eq(rig_count(LAB_UPPER, LAB_CONVERTS) + rig_count(LAB_LOOP, LAB_CONVERTS), 1);
	rig_expect_written(&r, r.file, 0, 0x42, IO_BYTES);
	rig_down(&r);
}

/* No memory for the iomap_dio: -ENOMEM before anything; its bios come from a reserve. */
LAB_TEST(iter_bvec_61_dio, no_memory_for_the_state)
{
	struct rig_opts o = { .file_bytes = 1 << 20 };
	struct lab_trace_counts before, after;
	struct rig r;
	u64 hits;

	rig_up(&r, &o);
	before = rig_seen(&r);
	kc_fault_nth(KC_FAULT_SLAB, 1, 1);
	lab_expect_eq(rig_io(r.file, LAB_WRITE, 0, r.mem, 4096, 0), -ENOMEM);
	hits = kc_fault_hits(KC_FAULT_SLAB);
	kc_fault_nth(KC_FAULT_SLAB, 2, 1);
	lab_expect_eq(rig_io(r.file, LAB_WRITE, 0, r.mem, 4096, 0), 4096);
	lab_expect_eq(kc_fault_hits(KC_FAULT_SLAB), hits + 1);
	kc_fault_nth(KC_FAULT_SLAB, 0, 0);
	after = rig_seen(&r);
	lab_expect_eq(after.bios[REQ_OP_WRITE] - before.bios[REQ_OP_WRITE], 1);
	lab_expect_eq(atomic_read(&r.inode->i_dio_count), 0);
	rig_down(&r);
}

/*
 * A write beyond the end into a block that is mapped: the rest of the block is zeroed too, with a bio more than the
 * plain variant needs, which knows that blocks beyond the end are unwritten.
 */
LAB_TEST(iter_bvec_61_dio, tail_beyond_the_end_is_zeroed)
{
	struct rig_opts o = { .file_bytes = 4096 + 512, .fill = 0xee, .limits = { .logical_block_bytes = 512 } };
	struct lab_trace_counts before, after;
	struct rig r;

	rig_up(&r, &o);
	rig_set(r.mem, 0x42, 512);
	before = rig_seen(&r);
	lab_expect_eq(rig_io(r.file, LAB_WRITE, 4096 + 512, r.mem, 512, 0), 512);
	after = rig_seen(&r);
	lab_expect_eq(after.bios[REQ_OP_WRITE] - before.bios[REQ_OP_WRITE], 2);
	lab_expect_eq(lab_truncate(r.inode, 8192), 0);
	lab_expect_eq(rig_io(r.file, LAB_READ, 4096, r.mem, 4096, 0), 4096);
	lab_expect_eq(rig_find_other(r.mem + 512, 0x42, 512), -1);
	lab_expect_eq(rig_find_other(r.mem + 1024, 0, 3072), -1);
	rig_down(&r);
}

/* How often a loop device's queue was plugged since @trace began. */
static unsigned int plugs(const struct lab_blktrace *trace)
{
	unsigned int i, nr = 0;

	for (i = 0; i < trace->nr; i++)
		nr += trace->events[i].action == 'P' && trace->events[i].dev >> 20 == LOOP_MAJOR;
	return nr;
}

/* Of blkdev_write_iter(), until 6.6: whether it is waited for or not, and though it is of one bio. */
LAB_TEST(iter_bvec_61_dio, plug_around_each_write_to_a_block_device)
{
	struct rig_opts o = { .file_bytes = 1 << 20, .loop = true };
	static struct lab_blkevent kept[256];
	enum lab_rw rw;
	struct rig r;

	rig_up(&r, &o);
	for (rw = LAB_READ; rw <= LAB_WRITE; rw++) {
		struct lab_blktrace trace = { .events = kept, .max = ARRAY_SIZE(kept) };
		struct lab_iovec iov = { r.mem, 4096 };

		kc_blktrace_start(&trace);
		lab_expect_eq(rig_io(r.bdev, rw, 0, r.mem, 4096, 0), 4096);
		lab_expect_eq(rig_aio(r.bdev, rw, 4096, &iov, 1, 0), 4096);
		kc_blktrace_stop();
		lab_expect_le(trace.nr, trace.max);
		lab_expect_gt(trace.nr, 0);
		lab_expect_eq(plugs(&trace), rw == LAB_WRITE ? 2 : 0);
	}
	rig_down(&r);
}
