// SPDX-License-Identifier: GPL-2.0-only
/*
 * Data: random operations through this design against the plain byte array of reffs, over every layout, on a
 * file and through a loop device; many in flight at once.
 */
#include <linux/slab.h>
#include <linux/minmax.h>
#include "rig.h"

#define FILE_MAX	(2u << 20)
#define IO_MAX		(192u << 10)
#define MAX_SEGS	24

static unsigned int rounds(unsigned int n)
{
	return lab_test_slow() ? n / 10 : n;
}

/* Content that tells where it belongs and who wrote it. */
static void fill_pattern(u8 *p, size_t len, u64 tag)
{
	size_t i;

	for (i = 0; i < len; i++)
		p[i] = (u8)(tag * 31 + (tag >> 8) + i * 7 + (i >> 9));
}

struct plain {
	struct rig *r;
	struct lab_reffs *ref;
	u8 *a, *b;		/* IO_MAX bytes each */
	struct lab_iovec iov[MAX_SEGS];
};

/* Cut [mem + mis, + len) into segments of whole 512-byte blocks, empty ones among them. */
static unsigned int cut(struct plain *p, unsigned long addr, size_t len)
{
	unsigned int nr = 0;

	while (len && nr < MAX_SEGS - 1) {
		size_t n = min_t(size_t, len, rig_rand(p->r, 9) * 512 * (1 + rig_rand(p->r, 16)));

		p->iov[nr++] = (struct lab_iovec){ addr, n };
		addr += n;
		len -= n;
	}
	if (len)
		p->iov[nr++] = (struct lab_iovec){ addr, len };
	return nr;
}

static ssize_t random_io(struct plain *p, struct lab_file *file, enum lab_rw rw, loff_t pos, size_t len,
			 unsigned int flags)
{
	unsigned long addr = p->r->mem + 512 * rig_rand(p->r, 16);
	unsigned int nr = cut(p, addr, len);
	ssize_t ret;

	if (rw == LAB_WRITE)
		rig_poke(addr, p->a, len);
	else
		rig_set(addr, 0xa5, len);
	ret = rig_rand(p->r, 2) ? rig_iov(file, rw, pos, p->iov, nr, flags) :
				  rig_aio(file, rw, pos, p->iov, nr, flags);
	if (rw == LAB_READ && ret > 0)
		rig_peek(addr, p->b, ret);
	return ret;
}

static void one_write(struct plain *p, struct lab_file *file, u64 tag, loff_t limit)
{
	size_t len = 512 * rig_rand(p->r, IO_MAX / 512 / (1 + rig_rand(p->r, 32)));
	loff_t pos = 512 * rig_rand(p->r, (limit - len) / 512);
	unsigned int flags = rig_rand(p->r, 8) ? 0 : LAB_IO_DSYNC;
	ssize_t ret, want;

	if (file == p->r->file && !rig_rand(p->r, 8) && !(lab_reffs_size(p->ref) % 512) &&
	    lab_reffs_size(p->ref) + len < limit) {
		flags |= LAB_IO_APPEND;
		pos = lab_reffs_size(p->ref);
	}
	fill_pattern(p->a, len, tag);
	ret = random_io(p, file, LAB_WRITE, pos, len, flags);
	want = lab_reffs_pwrite(p->ref, p->a, len, pos);
	lab_expect_eq(ret, want);
}

static void one_read(struct plain *p, struct lab_file *file, loff_t limit)
{
	size_t len = 512 * rig_rand(p->r, IO_MAX / 512);
	loff_t pos = 512 * rig_rand(p->r, limit / 512);
	ssize_t want, ret = random_io(p, file, LAB_READ, pos, len, 0);

	memset(p->a, 0x5a, IO_MAX);
	want = lab_reffs_pread(p->ref, p->a, len, pos);
	lab_expect_eq(ret, want);
	if (ret > 0)
		lab_expect_mem(p->b, p->a, ret);
}

static void one_change(struct plain *p)
{
	loff_t a = rig_rand(p->r, FILE_MAX), b = 1 + rig_rand(p->r, FILE_MAX / 4);

	switch (rig_rand(p->r, 3)) {
	case 0:
		a -= rig_rand(p->r, 2) ? a % 512 : 0;
		lab_expect_eq(lab_truncate(p->r->inode, a), 0);
		lab_expect_eq(lab_reffs_truncate(p->ref, a), 0);
		break;
	case 1:
		lab_expect_eq(lab_punch(p->r->inode, a, b), 0);
		lab_expect_eq(lab_reffs_punch(p->ref, a, b), 0);
		break;
	default:
		lab_expect_eq(design_bio_first.fsync(p->r->file, true), 0);
	}
}

static void compare_all(struct plain *p, struct lab_file *file, loff_t size)
{
	loff_t pos;

	for (pos = 0; pos < size; pos += IO_MAX) {
		ssize_t ret = rig_io(file, LAB_READ, pos, p->r->mem, IO_MAX, 0);
		ssize_t want = lab_reffs_pread(p->ref, p->a, IO_MAX, pos);

		lab_expect_eq(ret, want);
		rig_peek(p->r->mem, p->b, ret);
		lab_expect_mem(p->b, p->a, ret);
	}
}

static void plain_up(struct plain *p, struct rig *r, loff_t size)
{
	p->r = r;
	p->a = kmalloc(IO_MAX, GFP_KERNEL);
	p->b = kmalloc(IO_MAX, GFP_KERNEL);
	lab_expect(p->a && p->b);
	p->ref = lab_reffs_create(512, 4 * FILE_MAX);
	lab_expect(!IS_ERR(p->ref));
	lab_expect_eq(lab_reffs_truncate(p->ref, size), 0);
}

static void plain_down(struct plain *p)
{
	lab_reffs_destroy(p->ref);
	kfree(p->a);
	kfree(p->b);
}

static void file_against_reffs(struct rig_opts *o, unsigned int n)
{
	struct plain p;
	struct rig r;
	unsigned int i;

	rig_up(&r, o);
	plain_up(&p, &r, o->file_bytes);
	for (i = 0; i < n; i++) {
		u64 what = rig_rand(&r, 20);

		if (what < 9)
			one_write(&p, r.file, i, FILE_MAX);
		else if (what < 18)
			one_read(&p, r.file, FILE_MAX + IO_MAX);
		else
			one_change(&p);
		lab_expect_eq(design_bio_first.size(r.file), lab_reffs_size(p.ref));
	}
	compare_all(&p, r.file, lab_reffs_size(p.ref));
	plain_down(&p);
	rig_down(&r);
}

/* Files that begin without data, on a disk that is full of something else: nothing of that may be seen. */
static void file_layouts(enum rig_disk disk, unsigned int n)
{
	static const enum lab_layout layouts[] = { LAB_LAYOUT_SPARSE, LAB_LAYOUT_UNWRITTEN };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(layouts); i++) {
		struct rig_opts o = {
			.disk = disk, .fill = 0xee, .file_bytes = FILE_MAX / 2,
			.fs = { .layout = layouts[i], .fragment_bytes = 16384 },
		};

		file_against_reffs(&o, n);
	}
}

LAB_TEST(bio_first_data, file_agrees_with_reffs)
{
	file_layouts(RIG_RAM, rounds(400));
}

LAB_TEST(bio_first_data, file_agrees_with_reffs_on_a_real_disk)
{
	file_layouts(RIG_REAL, rounds(60));
}

LAB_TEST(bio_first_data, file_with_exclusive_lock_agrees_with_reffs)
{
	struct rig_opts o = { .fill = 0xee, .fs = { .layout = LAB_LAYOUT_SPARSE, .lock_exclusive = true } };

	file_against_reffs(&o, rounds(200));
}

LAB_TEST_FLAGS(bio_first_data, file_of_permuted_frames_on_a_disk_with_limits, LAB_TEST_F_PERMUTED)
{
	struct rig_opts o = {
		.fill = 0xee, .fs = { .layout = LAB_LAYOUT_SPARSE }, .limits = { .max_sectors = 24 },
	};

	file_against_reffs(&o, rounds(200));
}

/* ---- through the loop ------------------------------------------------------------------ */

static void loop_against_reffs(struct rig_opts *o, unsigned int n)
{
	struct plain p;
	struct rig r;
	unsigned int i;

	o->loop = true;
	rig_up(&r, o);
	plain_up(&p, &r, design_bio_first.size(r.bdev));
	for (i = 0; i < n; i++) {
		if (rig_rand(&r, 2))
			one_write(&p, r.bdev, i, lab_reffs_size(p.ref));
		else
			one_read(&p, r.bdev, lab_reffs_size(p.ref));
		if (!rig_rand(&r, 16))
			lab_expect_eq(design_bio_first.fsync(r.bdev, true), 0);
	}
	compare_all(&p, r.bdev, lab_reffs_size(p.ref));
	plain_down(&p);
	rig_down(&r);
}

/* Every value of every knob, in every combination. */
LAB_TEST(bio_first_data, loop_agrees_with_reffs_under_every_knob)
{
	unsigned int k;

	for (k = 0; k < 16; k++) {
		struct rig_opts o = {
			.fill = 0xee, .file_bytes = FILE_MAX,
			.fs = { .layout = k & 1 ? LAB_LAYOUT_SPARSE : LAB_LAYOUT_UNWRITTEN },
			.knobs = { k & 1, (k >> 1) & 1, (k >> 2) & 1, (k >> 3) & 1 },
			.loop_opts = { .offset_bytes = k & 2 ? 512 * 3 : 0, .max_sectors = k & 4 ? 64 : 0 },
		};

		loop_against_reffs(&o, rounds(60));
		o.fs.layout = LAB_LAYOUT_SPARSE + LAB_LAYOUT_UNWRITTEN - o.fs.layout;
		loop_against_reffs(&o, rounds(30));
	}
}

LAB_TEST(bio_first_data, loop_agrees_with_reffs_on_a_real_disk)
{
	struct rig_opts o = {
		.disk = RIG_REAL, .file_bytes = FILE_MAX, .fill = 0xee, .fs = { .layout = LAB_LAYOUT_SPARSE },
	};

	loop_against_reffs(&o, rounds(60));
	o.knobs.handoff = LAB_HANDOFF_WORKER;
	loop_against_reffs(&o, rounds(40));
}

/* ---- many at once ------------------------------------------------------------------------ */

#define DEPTH		32
#define SLOT_BYTES	8192u

struct slot {
	struct lab_io io;
	struct lab_iovec iov;
	struct task_struct *task;
	ssize_t res;
	int done;
};

static int slots_done;

static void slot_done(struct lab_io *io, ssize_t res)
{
	struct slot *s = io->owner;
	struct task_struct *task = s->task;

	lab_expect_eq(s->done, 0);
	s->done = 1;
	s->res = res;
	__atomic_add_fetch(&slots_done, 1, __ATOMIC_SEQ_CST);
	wake_up_process(task);
}

static void wait_for_slots(int n)
{
	for (;;) {
		set_current_state(TASK_UNINTERRUPTIBLE);
		if (__atomic_load_n(&slots_done, __ATOMIC_SEQ_CST) == n)
			break;
		io_schedule();
	}
	__set_current_state(TASK_RUNNING);
}

/* DEPTH slots, each at a place of its own, all in flight together, over fresh and written blocks. */
static void run_slots(struct rig *r, struct lab_file *file, enum lab_rw rw, struct slot *slots,
		      unsigned int step)
{
	int i;

	slots_done = 0;
	for (i = 0; i < DEPTH; i++) {
		struct slot *s = &slots[i];
		ssize_t ret;

		*s = (struct slot){ .iov = { r->mem + i * SLOT_BYTES, SLOT_BYTES }, .task = current };
		s->io = (struct lab_io){
			.rw = rw, .pos = (loff_t)((i * step) % DEPTH) * SLOT_BYTES,
			.iov = &s->iov, .nr_segs = 1,
			.done = slot_done, .owner = s,
		};
		ret = design_bio_first.submit(file, &s->io);
		if (ret != -EIOCBQUEUED)
			slot_done(&s->io, ret);
	}
	wait_for_slots(DEPTH);
	for (i = 0; i < DEPTH; i++)
		lab_expect_eq(slots[i].res, SLOT_BYTES);
}

static void many(struct rig_opts *o)
{
	struct slot *slots = kmalloc_array(DEPTH, sizeof(*slots), GFP_KERNEL);
	unsigned int i, path;
	struct rig r;

	lab_expect(slots);
	o->loop = true;
	rig_up(&r, o);
	for (path = 0; path < 2; path++) {
		struct lab_file *file = path ? r.bdev : r.file;

		for (i = 0; i < DEPTH; i++)
			rig_set(r.mem + i * SLOT_BYTES, i * 5 + path + 1, SLOT_BYTES);
		run_slots(&r, file, LAB_WRITE, slots, 7);
		rig_set(r.mem, 0xa5, DEPTH * SLOT_BYTES);
		run_slots(&r, file, LAB_READ, slots, 7);
		for (i = 0; i < DEPTH; i++)
			lab_expect_eq(rig_find_other(r.mem + i * SLOT_BYTES, i * 5 + path + 1, SLOT_BYTES),
				      -1);
	}
	kfree(slots);
	rig_down(&r);
}

LAB_TEST(bio_first_data, many_in_flight)
{
	unsigned int k;

	for (k = 0; k < 16; k++) {
		struct rig_opts o = {
			.file_bytes = DEPTH * SLOT_BYTES, .fs = { .layout = LAB_LAYOUT_SPARSE },
			.knobs = { k & 1, (k >> 1) & 1, (k >> 2) & 1, (k >> 3) & 1 },
		};

		many(&o);
		o.disk = RIG_REAL;
		if (k % 5 == 0)
			many(&o);
	}
}
