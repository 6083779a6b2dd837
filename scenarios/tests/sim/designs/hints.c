// SPDX-License-Identifier: GPL-2.0-only
/*
 * What changes no result and must arrive all the same: a priority, and that the submitter polls. From the system call
 * through the loop device and its file to the disk, whatever way a command takes.
 */
#include <linux/ioprio.h>
#include <kc/facility.h>
#include <kc/io.h>
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
	if (whole && !rig_lacks(RIG_NO_POLL))
		lab_expect_eq(after.polled - before.polled, nr);
	before = after;
	lab_expect_eq(hinted(file, rw, r, 0, 0), IO_BYTES);
	after = rig_seen(r);
	nr = after.bios[op] - before.bios[op];
	lab_expect_gt(nr, 0);
	lab_expect_eq(after.prio - before.prio, rig_costs()->task_prio ? nr : 0);
	lab_expect_eq(after.last_prio, rig_costs()->task_prio ?: PRIO);
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

	rig_needs_what(RIG_NO_PRIO, "its time passes no priority on");
	hints_arrive(&fs, true);
}

/* Of every piece; the first write finds holes, and the loop driver's worker. */
DESIGN_TEST(hints, of_every_piece)
{
	struct lab_fs_opts fragmented = { .layout = LAB_LAYOUT_FRAGMENTED, .fragment_bytes = EXTENT_BYTES };
	struct lab_fs_opts sparse = { .layout = LAB_LAYOUT_SPARSE };

	rig_needs_what(RIG_NO_PRIO, "its time passes no priority on");
	hints_arrive(&fragmented, false);
	hints_arrive(&sparse, false);
}

/* Zeroed edges are part of the write that needs them; not so in Linux: the data is one bio. */
DESIGN_TEST(hints, of_edges)
{
	struct rig_opts o = { .file_bytes = 1 << 20, .fs = { .layout = LAB_LAYOUT_SPARSE } };
	struct lab_iovec iov;
	struct lab_io io = { .rw = LAB_WRITE, .ioprio = PRIO, .pos = 1024, .iov = &iov, .nr_segs = 1 };
	struct lab_trace_counts c;
	struct rig r;

	rig_needs_what(RIG_NO_PRIO, "its time passes no priority on");
	rig_up(&r, &o);
	iov = (struct lab_iovec){ r.mem, 1024 };
	lab_expect_eq(rig_design->submit(r.file, &io), 1024);
	c = rig_seen(&r);
	lab_expect_eq(c.prio, rig_lacks(RIG_EDGES_APART) && !rig_costs()->task_prio ? 1 : c.bios[REQ_OP_WRITE]);
	rig_down(&r);
}

DESIGN_TEST(hints, that_nobody_has)
{
	struct rig_opts o = { .file_bytes = 1 << 20 };
	struct rig r;

	rig_needs_what(RIG_NO_PRIO, "its time passes no priority on");
	rig_up(&r, &o);
	lab_expect_eq(hinted(r.file, LAB_WRITE, &r, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_RT, 8), 0),
		      rig_lacks(RIG_PRIO_HINT) ? (ssize_t)IO_BYTES : -EINVAL);
	lab_expect_eq(hinted(r.file, LAB_WRITE, &r, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_NONE, 1), 0), -EINVAL);
	lab_expect_eq(hinted(r.file, LAB_READ, &r, IOPRIO_PRIO_VALUE(5, 0), 0), -EINVAL);
	rig_down(&r);
}

/* ---- polling ---------------------------------------------------------------------------------- */

#define POLLED_IOS	16

/* What this task has counted in the scope it is in, that of who submits: nobody else's polls and parks. */
struct looks {
	u64 polls, sleeps, parks;
};

static struct looks looked(void)
{
	return (struct looks){
		kc_probe_row[LAB_POLLS], kc_probe_row[LAB_POLL_SLEEPS], kc_probe_row[LAB_PARKS],
	};
}

/* Writes, then reads of what they wrote, waited for; what that took. */
static struct looks polled_ios(struct rig *r, struct lab_file *file, unsigned int flags)
{
	struct looks before, after;
	unsigned int i;

	for (i = 0; i < POLLED_IOS / 2; i++)
		rig_set(r->mem + i * IO_BYTES, i + 1, IO_BYTES);
	before = looked();
	for (i = 0; i < POLLED_IOS / 2; i++)
		lab_expect_eq(rig_io(file, LAB_WRITE, i * IO_BYTES, r->mem + i * IO_BYTES, IO_BYTES, flags), IO_BYTES);
	for (i = 0; i < POLLED_IOS / 2; i++)
		lab_expect_eq(rig_io(file, LAB_READ, i * IO_BYTES, r->mem + RIG_MEM_BYTES / 2 + i * IO_BYTES,
				     IO_BYTES, flags), IO_BYTES);
	after = looked();
	for (i = 0; i < POLLED_IOS / 2; i++)
		lab_expect_eq(rig_find_other(r->mem + RIG_MEM_BYTES / 2 + i * IO_BYTES, i + 1, IO_BYTES), -1);
	return (struct looks){ after.polls - before.polls, after.sleeps - before.sleeps, after.parks - before.parks };
}

/* Does who waits stop running? In thr a ram disk has all completions ready by then. */
static bool parks(const struct rig *r)
{
	return kc_det_on || r->host;
}

/* Nobody else has a part in it: who waits finds everything by looking, and never sleeps. */
static void expect_polled(struct rig *r, struct lab_file *file)
{
	struct looks l = polled_ios(r, file, LAB_IO_HIPRI);

	lab_expect_ge(l.polls, POLLED_IOS);
	lab_expect_eq(l.sleeps, 0);
	lab_expect_eq(l.parks, 0);
	l = polled_ios(r, file, 0);
	lab_expect_eq(l.polls, 0);
	if (parks(r))
		lab_expect_gt(l.parks, 0);
}

/* A worker ends it: there is something to look for at first, then not. */
static void expect_some_polled(struct rig *r, struct lab_file *file)
{
	struct looks l = polled_ios(r, file, LAB_IO_HIPRI);

	lab_expect_ge(l.polls, POLLED_IOS);
	lab_expect_le(l.sleeps, POLLED_IOS);
}

/*
 * A worker sends it: there is nothing to look for, which one look shows (none, if it has ended by then). How many
 * did.
 */
static u64 expect_slept(struct rig *r, struct lab_file *file)
{
	struct looks l = polled_ios(r, file, LAB_IO_HIPRI);

	lab_expect_le(l.sleeps, POLLED_IOS);
	lab_expect_eq(l.polls, l.sleeps);
	return l.sleeps;
}

static void polls(enum rig_disk disk)
{
	bool inline_end;
	unsigned int k;
	u64 slept = 0;

	rig_needs_what(RIG_NO_POLL, "its kernel does not poll for who waits");
	if (!LAB_WITH_PROBES)
		lab_test_skip("no probes in this build");
	for (k = 0; k < RIG_KNOB_SETS; k++) {
		struct rig_opts o = { .disk = disk, .file_bytes = 1 << 20, .loop = true };
		struct rig r;

		if (!rig_knobs(k, &o.knobs))
			continue;
		rig_up(&r, &o);
		inline_end = r.knobs.completion == LAB_COMPLETION_INLINE;
		(inline_end ? expect_polled : expect_some_polled)(&r, r.file);
		if (r.knobs.handoff == LAB_HANDOFF_WORKER)
			slept += expect_slept(&r, r.bdev);
		else
			(inline_end ? expect_polled : expect_some_polled)(&r, r.bdev);
		rig_down(&r);
	}
	if (kc_det_on && !lab_test_handoff())	/* in thr the worker may be faster each time */
		lab_expect_gt(slept, 0);
}

DESIGN_TEST(hints, who_waits_polls)
{
	polls(RIG_RAM);
}

DESIGN_TEST(hints, who_waits_polls_a_real_disk)
{
	polls(RIG_REAL);
}

/* The queue says no: the flag is gone, below and for who waits. One look, then sleep. */
DESIGN_TEST(hints, queue_that_cannot_poll)
{
	struct rig_opts o = { .file_bytes = 1 << 20 };
	struct looks l;
	struct rig r;

	rig_needs_what(RIG_NO_POLL, "its kernel does not poll for who waits");
	rig_up(&r, &o);
	blk_queue_flag_clear(QUEUE_FLAG_POLL, bdev_get_queue(r.trace));
	l = polled_ios(&r, r.file, LAB_IO_HIPRI);
	lab_expect_eq(rig_seen(&r).polled, 0);
	if (LAB_WITH_PROBES) {
		lab_expect_eq(l.polls, POLLED_IOS);
		lab_expect_eq(l.sleeps, POLLED_IOS);
		if (parks(&r))
			lab_expect_gt(l.parks, 0);
	}
	rig_down(&r);
}

/*
 * Pieces, holes to be filled and converted by a worker, an end that moves: some of it is slept for, all of it is
 * right.
 */
DESIGN_TEST(hints, polled_in_pieces)
{
	static const enum lab_layout layouts[] = { LAB_LAYOUT_FRAGMENTED, LAB_LAYOUT_SPARSE, LAB_LAYOUT_UNWRITTEN };
	unsigned int k, l;

	rig_needs_what(RIG_NO_POLL, "its kernel does not poll for who waits");
	for (k = 0; k < RIG_KNOB_SETS * ARRAY_SIZE(layouts); k++) {
		struct rig_opts o = { .loop = true };
		struct rig r;

		l = k % ARRAY_SIZE(layouts);
		if (!rig_knobs(k / ARRAY_SIZE(layouts), &o.knobs))
			continue;
		o.fs.layout = layouts[l];
		o.fs.fragment_bytes = EXTENT_BYTES;
		o.file_bytes = POLLED_IOS / 2 * IO_BYTES;
		rig_up(&r, &o);
		polled_ios(&r, r.bdev, LAB_IO_HIPRI);
		lab_expect_eq(lab_truncate(r.inode, IO_BYTES), 0);
		polled_ios(&r, r.file, LAB_IO_HIPRI);
		polled_ios(&r, r.bdev, LAB_IO_HIPRI | LAB_IO_DSYNC);
		rig_down(&r);
	}
}

/* What nobody waits for is polled by whoever wants its end: no design looks, and the caller never sleeps. */
DESIGN_TEST(hints, who_reaps_polls)
{
	struct rig_opts o = { .file_bytes = 1 << 20, .loop = true, .knobs = { .handoff = LAB_HANDOFF_INLINE } };
	struct rig_slot slot;
	struct lab_iovec iov;
	struct looks before;
	unsigned int i;
	struct rig r;

	rig_needs_what(RIG_NO_POLL, "its kernel does not poll for who waits");
	rig_needs_handoff(LAB_HANDOFF_INLINE);
	rig_up(&r, &o);
	iov = (struct lab_iovec){ r.mem, IO_BYTES };
	for (i = 0; i < 8; i++) {
		before = looked();
		rig_start(&slot, i & 1 ? r.bdev : r.file, i & 2 ? LAB_READ : LAB_WRITE, 0, &iov, 1, LAB_IO_HIPRI);
		while (!smp_load_acquire(&slot.done))
			lab_expect(kc_io_poll(1) || kc_io_inflight());
		lab_expect_eq(slot.res, IO_BYTES);
		lab_expect_eq(looked().polls, before.polls);
		lab_expect_eq(looked().parks, before.parks);
	}
	rig_down(&r);
}

/* What is to be polled has a reference; if it fails before anything was sent, nobody is left with it. */
DESIGN_TEST(hints, polled_that_fails)
{
	struct rig_opts o = { .file_bytes = 1 << 20, .loop = true };
	struct rig r;

	rig_needs_what(RIG_NO_POLL, "its kernel does not poll for who waits");
	rig_up(&r, &o);
	lab_expect_eq(kc_munmap(r.mm, r.mem, PAGE_SIZE), 0);
	lab_expect_eq(rig_io(r.file, LAB_READ, 0, r.mem, IO_BYTES, LAB_IO_HIPRI), -EFAULT);
	lab_expect_eq(rig_io(r.file, LAB_WRITE, 0, r.mem, IO_BYTES, LAB_IO_HIPRI), -EFAULT);
	lab_expect_eq(rig_io(r.bdev, LAB_READ, 0, r.mem, IO_BYTES, LAB_IO_HIPRI), -EFAULT);
	lab_expect_eq(rig_io(r.bdev, LAB_WRITE, 0, r.mem, IO_BYTES, LAB_IO_HIPRI), -EFAULT);
	rig_down(&r);	/* the world's audit finds a bio that was not put */
}
