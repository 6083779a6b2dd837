// SPDX-License-Identifier: GPL-2.0-only
/*
 * Much at once: many IOs in flight, an IO of as many segments as a call may have, and one whose bios are full
 * in the middle of a block.
 */
#include <linux/slab.h>
#include "rig.h"

#define DEPTH		32
#define SLOT_BYTES	8192u
#define MAX_IOV		1024		/* UIO_MAXIOV of every design: the kernel's */

struct many {
	struct rig_slot slot[DEPTH];
	struct lab_iovec iov[DEPTH];
};

/* DEPTH slots, each at a place of its own, all in flight together, over fresh and written blocks. */
static void run_slots(struct rig *r, struct lab_file *file, enum lab_rw rw, struct many *m, unsigned int step)
{
	unsigned int i;

	for (i = 0; i < DEPTH; i++) {
		m->iov[i] = (struct lab_iovec){ r->mem + i * SLOT_BYTES, SLOT_BYTES };
		rig_start(&m->slot[i], file, rw, (loff_t)(i * step % DEPTH) * SLOT_BYTES, &m->iov[i], 1, 0);
	}
	for (i = 0; i < DEPTH; i++)
		lab_expect_eq(rig_finish(&m->slot[i]), SLOT_BYTES);
}

static void in_flight(struct rig_opts *o)
{
	struct many *m = kmalloc(sizeof(*m), GFP_KERNEL);
	unsigned int i, path;
	struct rig r;

	lab_expect(m);
	rig_up(&r, o);
	for (path = 0; path < 2; path++) {
		struct lab_file *file = path ? r.bdev : r.file;

		for (i = 0; i < DEPTH; i++)
			rig_set(r.mem + i * SLOT_BYTES, i * 5 + path + 1, SLOT_BYTES);
		run_slots(&r, file, LAB_WRITE, m, 7);
		rig_set(r.mem, 0xa5, DEPTH * SLOT_BYTES);
		run_slots(&r, file, LAB_READ, m, 7);
		for (i = 0; i < DEPTH; i++)
			lab_expect_eq(rig_find_other(r.mem + i * SLOT_BYTES, i * 5 + path + 1, SLOT_BYTES),
				      -1);
	}
	kfree(m);
	rig_down(&r);
}

DESIGN_TEST(many, in_flight)
{
	unsigned int k;

	for (k = 0; k < RIG_KNOB_SETS; k++) {
		struct rig_opts o = {
			.file_bytes = DEPTH * SLOT_BYTES, .loop = true, .fs = { .layout = LAB_LAYOUT_SPARSE },
		};

		if (!rig_knobs(k, &o.knobs))
			continue;
		in_flight(&o);
		o.disk = RIG_REAL;
		if (k % 5 == 0)
			in_flight(&o);
	}
}

/* Blocks of 4 KiB, memory on 512: bios that are full in the middle of a block. RIG_BY_BLOCK: that is refused. */
DESIGN_TEST(many, big_blocks_small_alignment)
{
	struct rig_opts o = {
		.limits = { .logical_block_bytes = 4096 }, .fs = { .layout = LAB_LAYOUT_SPARSE },
	};
	const size_t len_bytes = 1200 << 10;
	unsigned int step = rig_lacks(RIG_BY_BLOCK) ? 4096 : 512;
	struct lab_iovec iov;
	struct rig r;
	u64 i, word;

	rig_up(&r, &o);
	if (rig_lacks(RIG_BY_BLOCK))
		lab_expect_eq(rig_io(r.file, LAB_WRITE, 8192, r.mem + 512, 8192, 0), -EINVAL);
	iov = (struct lab_iovec){ r.mem + step, len_bytes };
	for (i = 0; i < len_bytes; i += 4096) {
		word = i ^ r.rng;
		rig_poke(iov.base + i, &word, 8);
	}
	lab_expect_eq(rig_aio(r.file, LAB_WRITE, 8192, &iov, 1, 0), len_bytes);
	lab_expect_eq(i_size_read(r.inode), 8192 + len_bytes);
	rig_set(iov.base, 0xa5, len_bytes);
	iov.base += 2 * step;
	lab_expect_eq(rig_aio(r.file, LAB_READ, 8192, &iov, 1, 0), len_bytes);
	for (i = 0; i < len_bytes; i += 4096) {
		rig_peek(iov.base + i, &word, 8);
		lab_expect_eq(word, i ^ r.rng);
	}
	lab_expect_eq(rig_io(r.file, LAB_READ, 512, r.mem, 4096, 0), step == 512 ? 4096 : -EINVAL);
	lab_expect_eq(rig_io(r.file, LAB_READ, 8192 + 512, r.mem, 4096, 0), -EINVAL);
	rig_down(&r);
}

/* 1024 segments of a sector each, one way or the other, and one more, which is none of a call. */
static void segments(struct rig *r, struct lab_file *file, bool async)
{
	static struct lab_iovec iov[MAX_IOV + 1];
	unsigned long to = r->mem + (2 << 20);
	u64 i, word;

	for (i = 0; i < MAX_IOV; i++) {
		iov[i] = (struct lab_iovec){ r->mem + i * 1024, 512 };
		word = ~i;
		rig_poke(iov[i].base, &word, 8);
	}
	iov[i] = (struct lab_iovec){ r->mem, 512 };
	if (async)
		lab_expect_eq(rig_aio(file, LAB_WRITE, 4096, iov, MAX_IOV, 0), MAX_IOV * 512);
	else
		lab_expect_eq(rig_iov(file, LAB_WRITE, 4096, iov, MAX_IOV, 0), MAX_IOV * 512);
	lab_expect_eq(rig_aio(file, LAB_WRITE, 4096, iov, MAX_IOV + 1, 0), -EINVAL);
	lab_expect_eq(rig_iov(file, LAB_READ, 4096, iov, MAX_IOV + 1, 0), -EINVAL);
	lab_expect_eq(rig_io(file, LAB_READ, 4096, to, MAX_IOV * 512, 0), MAX_IOV * 512);
	for (i = 0; i < MAX_IOV; i++) {
		rig_peek(to + i * 512, &word, 8);
		lab_expect_eq(word, ~i);
	}
	rig_set(r->mem, 0xa5, MAX_IOV * 1024);
	if (async)
		lab_expect_eq(rig_aio(file, LAB_READ, 4096, iov, MAX_IOV, 0), MAX_IOV * 512);
	else
		lab_expect_eq(rig_iov(file, LAB_READ, 4096, iov, MAX_IOV, 0), MAX_IOV * 512);
	for (i = 0; i < MAX_IOV; i++) {
		rig_peek(iov[i].base, &word, 8);
		lab_expect_eq(word, ~i);
		lab_expect_eq(rig_find_other(iov[i].base + 512, 0xa5, 512), -1);
	}
}

DESIGN_TEST(many, segments)
{
	struct rig_opts o = {
		.fs = { .layout = LAB_LAYOUT_FRAGMENTED, .fragment_bytes = 4096, .seed = 7 },
		.file_bytes = 1 << 20, .loop = true,
	};
	struct rig r;

	rig_up(&r, &o);
	segments(&r, r.file, false);
	segments(&r, r.file, true);
	segments(&r, r.bdev, false);
	segments(&r, r.bdev, true);
	rig_down(&r);
}

/* More bytes than a call may have, from the same memory over and over: what is left over is left over. */
#define RW_MAX_BYTES	0x7ffff000ll	/* the kernel's MAX_RW_COUNT with pages of 4 KiB */

DESIGN_TEST_FLAGS(many, more_bytes_than_a_call_may_have, LAB_TEST_F_THR_ONLY)
{
	static struct lab_iovec iov[RW_MAX_BYTES / RIG_MEM_BYTES + 2];
	struct rig_opts o = { .disk = RIG_NULL, .disk_bytes = 4ull << 30, .file_bytes = 3ll << 30 };
	unsigned int i;
	struct rig r;

	if (lab_test_slow())
		lab_test_skip("it pins half a million pages");
	rig_up(&r, &o);
	for (i = 0; i < ARRAY_SIZE(iov); i++)
		iov[i] = (struct lab_iovec){ r.mem, RIG_MEM_BYTES };
	lab_expect_eq(rig_iov(r.file, LAB_WRITE, 4096, iov, ARRAY_SIZE(iov), 0), RW_MAX_BYTES);
	/* what does not fit is looked at all the same */
	iov[ARRAY_SIZE(iov) - 1].base = ~0ul - 4095;
	iov[ARRAY_SIZE(iov) - 1].len_bytes = 4096;
	lab_expect_eq(rig_iov(r.file, LAB_WRITE, 4096, iov, ARRAY_SIZE(iov), 0), -EFAULT);
	rig_down(&r);
}
