// SPDX-License-Identifier: GPL-2.0-only
/*
 * What changes no result and must arrive all the same: a priority, and that the submitter polls. From the system call
 * through the loop device and its file to the disk, whatever way a command takes.
 */
#include <linux/ioprio.h>
#include "rig.h"

#define IO_BYTES	16384u
#define EXTENT_BYTES	4096u
#define PRIO		IOPRIO_PRIO_VALUE(IOPRIO_CLASS_RT, 3)

static ssize_t hinted(struct lab_file *file, enum lab_rw rw, struct rig *r, u16 ioprio, unsigned int flags)
{
	struct lab_iovec iov = { r->mem, IO_BYTES };
	struct lab_io io = { .rw = rw, .flags = flags, .ioprio = ioprio, .iov = &iov, .nr_segs = 1 };

	return rig_design->submit(file, &io);
}

/*
 * The disk sees bios, all of them with what the IO had. A bio that is cut is polled no more (the block layer's rule);
 * a piece of an extent of its own may be such a cut, so that is asked where nothing is cut.
 */
static void expect_hints(struct rig *r, struct lab_file *file, enum lab_rw rw, bool whole)
{
	struct lab_trace_counts before = rig_seen(r), after;
	enum req_op op = rw == LAB_WRITE ? REQ_OP_WRITE : REQ_OP_READ;
	u64 nr;

	lab_expect_eq(hinted(file, rw, r, PRIO, LAB_IO_HIPRI), IO_BYTES);
	after = rig_seen(r);
	nr = after.bios[op] - before.bios[op];
	lab_expect_gt(nr, 0);
	lab_expect_eq(after.prio - before.prio, nr);
	lab_expect_eq(after.last_prio, PRIO);
	if (whole)
		lab_expect_eq(after.polled - before.polled, nr);
	before = after;
	lab_expect_eq(hinted(file, rw, r, 0, 0), IO_BYTES);
	after = rig_seen(r);
	lab_expect_gt(after.bios[op], before.bios[op]);
	lab_expect_eq(after.prio, before.prio);
	lab_expect_eq(after.polled, before.polled);
}

static void hints_arrive(const struct lab_fs_opts *fs, bool whole)
{
	unsigned int k;

	for (k = 0; k < RIG_KNOB_SETS; k++) {
		struct rig_opts o = { .file_bytes = 1 << 20, .loop = true, .fs = *fs };
		struct rig r;

		if (!rig_knobs(k, &o.knobs))
			continue;
		rig_up(&r, &o);
		expect_hints(&r, r.file, LAB_WRITE, whole);
		expect_hints(&r, r.file, LAB_READ, whole);
		expect_hints(&r, r.bdev, LAB_WRITE, whole);
		expect_hints(&r, r.bdev, LAB_READ, whole);
		rig_down(&r);
	}
}

DESIGN_TEST(hints, reach_the_disk)
{
	struct lab_fs_opts fs = { .layout = LAB_LAYOUT_CONTIGUOUS };

	rig_needs_what(RIG_NO_HINTS, "its time, or its loop driver, passes no priority on");
	hints_arrive(&fs, true);
}

/* Of every piece; the first write finds holes, and the loop driver's worker. */
DESIGN_TEST(hints, of_every_piece)
{
	struct lab_fs_opts fragmented = { .layout = LAB_LAYOUT_FRAGMENTED, .fragment_bytes = EXTENT_BYTES };
	struct lab_fs_opts sparse = { .layout = LAB_LAYOUT_SPARSE };

	rig_needs_what(RIG_NO_HINTS, "its time, or its loop driver, passes no priority on");
	hints_arrive(&fragmented, false);
	hints_arrive(&sparse, false);
}

/* Zeroed edges are part of the write that needs them. */
DESIGN_TEST(hints, of_edges)
{
	struct rig_opts o = { .file_bytes = 1 << 20, .fs = { .layout = LAB_LAYOUT_SPARSE } };
	struct lab_iovec iov;
	struct lab_io io = { .rw = LAB_WRITE, .ioprio = PRIO, .pos = 1024, .iov = &iov, .nr_segs = 1 };
	struct lab_trace_counts c;
	struct rig r;

	rig_needs_what(RIG_NO_HINTS, "its time, or its loop driver, passes no priority on");
	rig_up(&r, &o);
	iov = (struct lab_iovec){ r.mem, 1024 };
	lab_expect_eq(rig_design->submit(r.file, &io), 1024);
	c = rig_seen(&r);
	lab_expect_eq(c.prio, c.bios[REQ_OP_WRITE]);
	rig_down(&r);
}

DESIGN_TEST(hints, that_nobody_has)
{
	struct rig_opts o = { .file_bytes = 1 << 20 };
	struct rig r;

	rig_needs_what(RIG_NO_HINTS, "its time, or its loop driver, passes no priority on");
	rig_up(&r, &o);
	lab_expect_eq(hinted(r.file, LAB_WRITE, &r, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_RT, 8), 0), -EINVAL);
	lab_expect_eq(hinted(r.file, LAB_READ, &r, IOPRIO_PRIO_VALUE(5, 0), 0), -EINVAL);
	rig_down(&r);
}
