// SPDX-License-Identifier: GPL-2.0-only
/*
 * What can be done to a loop device while it is in use: another file, another size, the other descriptor of its
 * file, no device any more; and what it is told when it is made.
 *
 * IO is in flight for certain because its file is locked: what needs i_rwsem waits in the driver's worker until
 * the test lets go.
 */
#include <linux/kthread.h>
#include "burst.h"

#define FILE_BYTES	(1u << 20)
#define PART_BYTES	65536u
#define NR_BIOS		(PART_BYTES / PAGE_SIZE)
#define LONG_ENOUGH	64	/* times that another task may run */

/* ---- a change, and IO that it must wait for ------------------------------------------------- */

/* @fn, from a task of its own. @done: it has returned @ret. @defect: what it is, in the tables, not to wait; or NULL. */
struct change {
	int (*fn)(struct rig *r, struct lab_file *other);
	struct rig *r;
	struct lab_file *other;
	const char *defect;
	struct task_struct *owner;
	int ret, done;
};

static int change_main(void *arg)
{
	struct change *c = arg;
	struct task_struct *owner = c->owner;

	c->ret = c->fn(c->r, c->other);
	smp_store_release(&c->done, 1);
	wake_up_process(owner);
	return 0;
}

/* Submit @b, which cannot end, and change; then it can. All of it has ended when the change is done. */
static void change_in_flight(struct change *c, struct burst *b)
{
	struct inode *inode = c->r->inode;
	struct task_struct *task;
	unsigned int i;

	c->owner = current;
	c->done = 0;
	down_write(&inode->i_rwsem);
	burst_submit(b, false);
	task = kthread_run(change_main, c, "change");
	for (i = 0; i < LONG_ENOUGH; i++)
		yield();
	if (c->defect)
		printk("defect: %s %s", c->defect, READ_ONCE(c->done) ? "overtakes" : "waits");	/* mk/hazards.sh */
	lab_expect_eq(READ_ONCE(c->done), 0);
	lab_expect_eq(READ_ONCE(b->done), 0);
	up_write(&inode->i_rwsem);
	rig_wait(&c->done);
	lab_expect_eq(smp_load_acquire(&b->done), 1);
	lab_expect_eq(c->ret, 0);
	kthread_stop(task);
}

/* Are the @len bytes at @p all @byte? */
static bool is_all(const u8 *p, u8 byte, size_t len)
{
	return p[0] == byte && !memcmp(p, p + 1, len - 1);
}

static int submit_one(struct rig *r, blk_opf_t opf, loff_t pos)
{
	struct bio *bio = bio_alloc(rig_design->loop_bdev(r->loop), 1, opf, GFP_KERNEL);
	struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	int err;

	bio->bi_iter.bi_sector = pos >> SECTOR_SHIFT;
	if (lab_op_no_data(opf))
		bio->bi_iter.bi_size = PAGE_SIZE;
	else
		__bio_add_page(bio, page, PAGE_SIZE, 0);
	err = submit_bio_wait(bio);
	bio_put(bio);
	__free_page(page);
	return err;
}

/* ---- another file ----------------------------------------------------------------------------- */

static int change_file(struct rig *r, struct lab_file *other)
{
	return rig_design->loop_change_file(r->loop, other);
}

/* What was submitted before is the old file's, what comes after the new one's. */
DESIGN_TEST(loop_ctl, change_file_in_flight)
{
	struct rig_opts o = { .file_bytes = FILE_BYTES, .loop = true, .loop_opts = { .read_only = true } };
	unsigned int k, i;

	rig_needs_call(loop_change_file);
	if (rig_has(LAB_D3))
		lab_test_skip("D3: a change of file does not wait (iter_ops_defects.D3_*)");
	rig_needs_what(RIG_APART, "its locks are its own: loop_ioctl.change_file_waits");
	for (k = 0; k < RIG_KNOB_SETS; k++) {
		struct inode *inode;
		struct lab_file *other;
		struct burst *b;
		struct rig r;

		if (!rig_knobs(k, &o.knobs))
			continue;
		rig_up(&r, &o);
		inode = lab_inode_create(r.fs, FILE_BYTES);
		other = rig_design->open_file(inode);
		rig_set(r.mem, 0x11, PART_BYTES);
		lab_expect_eq(rig_io(r.file, LAB_WRITE, 0, r.mem, PART_BYTES, 0), PART_BYTES);
		rig_set(r.mem, 0x22, PART_BYTES);
		lab_expect_eq(rig_io(other, LAB_WRITE, 0, r.mem, PART_BYTES, 0), PART_BYTES);
		rig_expect_written(&r, r.bdev, 0, 0x11, PART_BYTES);
		b = burst_make(rig_design->loop_bdev(r.loop), REQ_OP_READ, NR_BIOS, 1);
		change_in_flight(&(struct change){ .fn = change_file, .r = &r, .other = other, .defect = "D3" }, b);
		for (i = 0; i < NR_BIOS; i++)
			lab_expect(is_all(page_address(b->page[i]), 0x11, PAGE_SIZE));
		burst_end(b, BLK_STS_OK);
		rig_expect_written(&r, r.bdev, 0, 0x22, PART_BYTES);
		rig_loop_down(&r);
		rig_design->close(other);
		lab_inode_destroy(inode);
		rig_down(&r);
	}
}

/* Refused: a device that can be written to, a file of another size. Then it has the file that it had. */
DESIGN_TEST(loop_ctl, change_file_refused)
{
	bool read_only = false;

	rig_needs_call(loop_change_file);
	do {
		struct rig_opts o = {
			.file_bytes = FILE_BYTES, .loop = true, .loop_opts = { .read_only = read_only },
		};
		struct inode *inode;
		struct lab_file *other;
		struct rig r;

		rig_up(&r, &o);
		rig_set(r.mem, 0x11, PART_BYTES);
		lab_expect_eq(rig_io(r.file, LAB_WRITE, 0, r.mem, PART_BYTES, 0), PART_BYTES);
		inode = lab_inode_create(r.fs, read_only ? FILE_BYTES - PAGE_SIZE : FILE_BYTES);
		other = rig_design->open_file(inode);
		lab_expect_eq(rig_design->loop_change_file(r.loop, other), -EINVAL);
		lab_expect_eq(rig_design->loop_change_file(r.loop, r.bdev), -EINVAL);
		rig_design->close(other);
		lab_inode_destroy(inode);
		rig_expect_written(&r, r.bdev, 0, 0x11, PART_BYTES);
		rig_down(&r);
		read_only = !read_only;
	} while (read_only);
}

/* ---- another size ------------------------------------------------------------------------------- */

#define CUT_BYTES	(3 * PART_BYTES / 4)

static int cut_and_tell(struct rig *r, struct lab_file *other)
{
	return lab_truncate(r->inode, CUT_BYTES) ?: rig_design->loop_set_capacity(r->loop);
}

/* Down while reads are in flight: each sees its page as it was, or, behind the new end, zeros. */
static void shrink(struct rig *r)
{
	struct block_device *bdev = rig_design->loop_bdev(r->loop);
	struct change c = { .fn = cut_and_tell, .r = r, .owner = current };
	struct task_struct *task;
	struct burst *b;
	unsigned int i;

	rig_set(r->mem, 0x42, PART_BYTES);
	lab_expect_eq(rig_io(r->bdev, LAB_WRITE, 0, r->mem, PART_BYTES, 0), PART_BYTES);
	b = burst_make(bdev, REQ_OP_READ, NR_BIOS, 1);
	down_write(&r->inode->i_rwsem);
	burst_submit(b, false);
	task = kthread_run(change_main, &c, "change");
	up_write(&r->inode->i_rwsem);
	rig_wait(&c.done);
	rig_wait(&b->done);
	kthread_stop(task);
	lab_expect_eq(c.ret, 0);
	for (i = 0; i < NR_BIOS; i++) {
		const u8 *p = page_address(b->page[i]);

		lab_expect(is_all(p, 0x42, PAGE_SIZE) || (i * PAGE_SIZE >= CUT_BYTES && is_all(p, 0, PAGE_SIZE)));
	}
	burst_end(b, BLK_STS_OK);
	lab_expect_eq(rig_design->size(r->bdev), CUT_BYTES);
	lab_expect_eq(submit_one(r, REQ_OP_READ, CUT_BYTES), -EIO);
	lab_expect_eq(submit_one(r, REQ_OP_WRITE, CUT_BYTES), -EIO);
	lab_expect_eq(rig_io(r->bdev, LAB_READ, CUT_BYTES, r->mem, PAGE_SIZE, 0), 0);
	lab_expect_eq(rig_io(r->bdev, LAB_WRITE, CUT_BYTES, r->mem, PAGE_SIZE, 0), -ENOSPC);
	lab_expect_eq(rig_io(r->bdev, LAB_READ, 0, r->mem, PART_BYTES, 0), CUT_BYTES);
	lab_expect_eq(i_size_read(r->inode), CUT_BYTES);
}

DESIGN_TEST(loop_ctl, capacity_follows_when_told)
{
	struct rig_opts o = { .file_bytes = PART_BYTES / 2, .loop = true };
	unsigned int k;

	rig_needs_call(loop_set_capacity);
	rig_needs_what(RIG_SHORT_READ_FAILS, "a read that meets the end of its file fails");
	for (k = 0; k < RIG_KNOB_SETS; k++) {
		struct rig r;

		if (!rig_knobs(k, &o.knobs))
			continue;
		rig_up(&r, &o);
		lab_expect_eq(lab_truncate(r.inode, PART_BYTES), 0);
		lab_expect_eq(rig_design->size(r.bdev), PART_BYTES / 2);
		lab_expect_eq(rig_io(r.bdev, LAB_WRITE, PART_BYTES / 2, r.mem, PAGE_SIZE, 0), -ENOSPC);
		lab_expect_eq(rig_design->loop_set_capacity(r.loop), 0);
		lab_expect_eq(rig_design->size(r.bdev), PART_BYTES);
		shrink(&r);
		lab_expect_eq(lab_truncate(r.inode, 100), 0);
		lab_expect_eq(rig_design->loop_set_capacity(r.loop), -EINVAL);
		lab_expect_eq(rig_design->size(r.bdev), CUT_BYTES);
		/* D1: memory is left as it was, here as rig_expect_written() made it */
		rig_expect_written(&r, r.bdev, PAGE_SIZE, rig_has(LAB_D1) ? 0xa5 : 0, CUT_BYTES - PAGE_SIZE);
		rig_down(&r);
	}
}

/* ---- none any more -------------------------------------------------------------------------------- */

static int detach(struct rig *r, struct lab_file *other)
{
	rig_loop_down(r);
	return 0;
}

/* loop_del() waits for what is in flight, and all of it is done. */
DESIGN_TEST(loop_ctl, detach_in_flight)
{
	struct rig_opts o = { .file_bytes = FILE_BYTES, .loop = true, .fs = { .layout = LAB_LAYOUT_SPARSE } };
	unsigned int k;

	rig_needs_what(RIG_APART, "its locks are its own: loop_ioctl.detach_waits");
	for (k = 0; k < RIG_KNOB_SETS; k++) {
		struct burst *b;
		struct rig r;

		if (!rig_knobs(k, &o.knobs))
			continue;
		rig_up(&r, &o);
		b = burst_make(rig_design->loop_bdev(r.loop), REQ_OP_WRITE, NR_BIOS, 1);
		change_in_flight(&(struct change){ .fn = detach, .r = &r }, b);
		burst_end(b, BLK_STS_OK);
		rig_expect_written(&r, r.file, 0, BURST_BYTE, PART_BYTES);
		rig_down(&r);
	}
}

/* ---- past the page cache or through it ---------------------------------------------------------------- */

static int direct_on(struct rig *r, struct lab_file *other)
{
	return rig_design->loop_set_direct(r->loop, true);
}

static int direct_off(struct rig *r, struct lab_file *other)
{
	return rig_design->loop_set_direct(r->loop, false);
}

static u64 disk_writes(struct rig *r)
{
	return rig_seen(r).bios[REQ_OP_WRITE];
}

static void write_part(struct rig *r, u8 byte, unsigned int flags)
{
	rig_set(r->mem, byte, PART_BYTES);
	lab_expect_eq(rig_io(r->bdev, LAB_WRITE, 0, r->mem, PART_BYTES, flags), PART_BYTES);
}

/* Direct IO off: data stays in the file's pages until somebody wants it on the disk. */
static void through_the_cache(struct rig *r, u8 byte)
{
	int nowait = rig_lacks(RIG_NO_NOWAIT) ? -EOPNOTSUPP : rig_lacks(RIG_NOWAIT_UNSEEN) ? (int)PAGE_SIZE : -EAGAIN;
	u64 before = disk_writes(r);

	write_part(r, byte, 0);
	lab_expect(lab_cache_is_dirty(r->inode, 0, PART_BYTES));
	lab_expect_eq(disk_writes(r), before);
	rig_expect_written(r, r->bdev, 0, byte, PART_BYTES);
	lab_expect_eq(rig_io(r->bdev, LAB_READ, 0, r->mem, PAGE_SIZE, LAB_IO_NOWAIT), nowait);
	lab_expect_eq(rig_io(r->bdev, LAB_WRITE, 0, r->mem, PAGE_SIZE, LAB_IO_NOWAIT), nowait);
	rig_expect_written(r, r->file, 0, byte, PART_BYTES);		/* which writes them back */
	lab_expect(disk_writes(r) > before);
	write_part(r, byte + 1, LAB_IO_DSYNC);
	lab_expect(!lab_cache_is_dirty(r->inode, 0, PART_BYTES));
	write_part(r, byte + 2, 0);
	lab_expect_eq(rig_design->fsync(r->bdev, true), 0);
	lab_expect(!lab_cache_is_dirty(r->inode, 0, PART_BYTES));
	write_part(r, byte + 3, 0);
	lab_expect_eq(submit_one(r, REQ_OP_DISCARD, 0), 0);
	rig_expect_written(r, r->bdev, 0, 0, PAGE_SIZE);
	rig_expect_written(r, r->bdev, PAGE_SIZE, byte + 3, PART_BYTES - PAGE_SIZE);
}

static void past_the_cache(struct rig *r, u8 byte)
{
	u64 before = disk_writes(r);

	write_part(r, byte, 0);
	lab_expect(disk_writes(r) > before);
	lab_expect(!lab_page_find(r->inode, 0));
	rig_expect_written(r, r->bdev, 0, byte, PART_BYTES);
}

/* Through the cache or past it from now on, with writes in flight (Linux itself: loop_ioctl.set_direct_waits). */
static void switch_in_flight(struct rig *r, int (*fn)(struct rig *r, struct lab_file *other))
{
	struct burst *b = burst_make(rig_design->loop_bdev(r->loop), REQ_OP_WRITE, NR_BIOS, 1);

	if (rig_lacks(RIG_APART)) {
		burst_run(b, false);
		lab_expect_eq(fn(r, NULL), 0);
		return;
	}
	change_in_flight(&(struct change){ .fn = fn, .r = r }, b);
	burst_end(b, BLK_STS_OK);
}

/* Through the cache; past it: dirty pages reach the disk first; and back, each while writes are in flight. */
DESIGN_TEST(loop_ctl, direct_off_and_on)
{
	struct rig_opts o = {
		.file_bytes = FILE_BYTES, .loop = true, .loop_opts = { .buffered = true },
		.fs = { .layout = LAB_LAYOUT_SPARSE },
	};
	unsigned int k;

	if (!rig_design->loop_set_direct || rig_costs()->cached)
		lab_test_skip("this design has one way only");
	for (k = 0; k < RIG_KNOB_SETS; k++) {
		struct rig r;

		if (!rig_knobs(k, &o.knobs))
			continue;
		rig_up(&r, &o);
		through_the_cache(&r, 0x10);
		switch_in_flight(&r, direct_on);
		lab_expect(!lab_cache_is_dirty(r.inode, 0, FILE_BYTES));
		rig_expect_written(&r, r.bdev, 0, BURST_BYTE, PART_BYTES);
		past_the_cache(&r, 0x20);
		switch_in_flight(&r, direct_off);
		rig_expect_written(&r, r.bdev, 0, BURST_BYTE, PART_BYTES);
		through_the_cache(&r, 0x30);
		lab_expect_eq(rig_design->loop_set_direct(r.loop, false), 0);
		lab_expect_eq(rig_design->loop_set_direct(r.loop, true), 0);
		past_the_cache(&r, 0x40);
		rig_down(&r);
	}
}

/*
 * Dirty pages that cannot be written: the device goes on as before. RIG_DEAF_TO_CACHE: it does not look at what became
 * of them, and is past the cache from then on; who asks for a flush is not told either, since it was told.
 */
DESIGN_TEST(loop_ctl, direct_on_that_cannot_write_back)
{
	struct rig_opts o = {
		.file_bytes = FILE_BYTES, .loop = true, .loop_opts = { .buffered = true }, .fault = "eio@0+4k",
	};
	struct rig r;

	if (!rig_design->loop_set_direct || rig_costs()->cached)
		lab_test_skip("this design has one way only");
	rig_up(&r, &o);
	write_part(&r, 0x10, 0);
	if (rig_lacks(RIG_DEAF_TO_CACHE)) {
		lab_expect_eq(rig_design->loop_set_direct(r.loop, true), 0);
		lab_expect(!lab_cache_is_dirty(r.inode, 0, PART_BYTES));
		lab_expect_eq(rig_design->fsync(r.bdev, true), 0);
		rig_set(r.mem, 0x11, PART_BYTES);
		lab_expect_eq(rig_io(r.bdev, LAB_WRITE, 0, r.mem, PART_BYTES, 0), -EIO);
		rig_down(&r);
		return;
	}
	lab_expect_eq(rig_design->loop_set_direct(r.loop, true), -EIO);
	write_part(&r, 0x11, 0);
	lab_expect(lab_cache_is_dirty(r.inode, 0, PART_BYTES));
	rig_down(&r);
}

/* ---- what it is told when it is made ---------------------------------------------------------------- */

/* Nothing that could change a file does. */
DESIGN_TEST(loop_ctl, read_only)
{
	struct rig_opts o = { .file_bytes = FILE_BYTES, .loop = true, .loop_opts = { .read_only = true } };
	enum lab_loopq q;

	for (q = LAB_LOOPQ_BIO; q <= LAB_LOOPQ_MQ; q++) {
		struct rig r;
		u64 version;

		o.knobs.loopq = q;
		rig_up(&r, &o);
		rig_set(r.mem, 0x11, PART_BYTES);
		lab_expect_eq(rig_io(r.file, LAB_WRITE, 0, r.mem, PART_BYTES, 0), PART_BYTES);
		version = r.inode->i_lab_version;
		lab_expect_eq(rig_io(r.bdev, LAB_WRITE, 0, r.mem + PART_BYTES, PAGE_SIZE, 0), -EPERM);
		lab_expect_eq(submit_one(&r, REQ_OP_WRITE, 0), -EIO);
		lab_expect_eq(submit_one(&r, REQ_OP_WRITE | REQ_FUA, 0), -EIO);
		lab_expect_eq(submit_one(&r, REQ_OP_DISCARD, 0), -EIO);
		lab_expect_eq(submit_one(&r, REQ_OP_WRITE_ZEROES, 0), -EIO);
		lab_expect_eq(submit_one(&r, REQ_OP_READ, 0), 0);
		lab_expect_eq(rig_design->fsync(r.bdev, true), 0);
		lab_expect_eq(r.inode->i_lab_version, version);
		rig_expect_written(&r, r.bdev, 0, 0x11, PART_BYTES);
		rig_down(&r);
	}
}

/* An offset that no block of the file begins at, a size limit, and blocks larger than the disk's. */
DESIGN_TEST(loop_ctl, offset_limit_and_large_blocks)
{
	enum { OFFSET = 1536, SIZE = 49152 };
	struct rig_opts o = {
		.file_bytes = FILE_BYTES, .limits = { .logical_block_bytes = 512 }, .loop = true,
		.loop_opts = { .offset_bytes = OFFSET, .size_bytes = SIZE + 4000, .logical_block_bytes = 4096 },
	};
	unsigned int k;

	for (k = 0; k < RIG_KNOB_SETS; k++) {
		struct rig r;

		if (!rig_knobs(k, &o.knobs))
			continue;
		o.loop_opts.buffered = rig_design->loop_set_direct && (k & 1);
		if (rig_lacks(RIG_PART_BLOCK))		/* loop_ioctl.sectors_behind_the_last_block */
			o.loop_opts.size_bytes = SIZE;
		rig_up(&r, &o);
		lab_expect_eq(rig_design->size(r.bdev), SIZE);
		lab_expect_eq(bdev_logical_block_size(rig_design->loop_bdev(r.loop)), 4096);
		rig_set(r.mem, 0x11, PART_BYTES);
		lab_expect_eq(rig_io(r.file, LAB_WRITE, 0, r.mem, PART_BYTES, 0), PART_BYTES);
		lab_expect_eq(rig_io(r.bdev, LAB_READ, 512, r.mem, 4096, 0), -EINVAL);
		lab_expect_eq(rig_io(r.bdev, LAB_WRITE, 0, r.mem, 512, 0), -EINVAL);
		rig_set(r.mem, 0x22, PART_BYTES);
		lab_expect_eq(rig_io(r.bdev, LAB_WRITE, 0, r.mem, PART_BYTES, 0), SIZE);
		rig_expect_written(&r, r.bdev, 0, 0x22, SIZE);
		lab_expect_eq(rig_design->fsync(r.bdev, true), 0);
		rig_expect_written(&r, r.file, 0, 0x11, OFFSET);
		rig_expect_written(&r, r.file, OFFSET, 0x22, SIZE);
		rig_expect_written(&r, r.file, OFFSET + SIZE, 0x11, PART_BYTES - OFFSET - SIZE);
		rig_down(&r);
	}
}

/* An IO was cut into so many pieces, and no more than each of its bios can end with a smaller one. */
static void expect_cuts(unsigned int pieces)
{
	u64 bios = rig_count(LAB_UPPER, LAB_BIOS);
	u64 got = bios + rig_count(LAB_UPPER, LAB_SPLITS) + rig_count(LAB_LOOP, LAB_SPLITS);

	if (!LAB_WITH_PROBES)
		return;
	lab_expect_ge(got, pieces);
	lab_expect_lt(got, pieces + bios);
}

/* max_sectors is the device's own: its driver never sees more, and the data is whole. */
DESIGN_TEST(loop_ctl, max_sectors)
{
	struct rig_opts o = { .file_bytes = FILE_BYTES, .loop = true, .loop_opts = { .max_sectors = 16 } };
	enum lab_loopq q;

	for (q = LAB_LOOPQ_BIO; q <= LAB_LOOPQ_MQ; q++) {
		struct rig r;

		o.knobs.loopq = q;
		rig_up(&r, &o);
		rig_set(r.mem, 0x42, PART_BYTES);
		kc_probes_reset();
		lab_expect_eq(rig_io(r.bdev, LAB_WRITE, 0, r.mem, PART_BYTES, 0), PART_BYTES);
		expect_cuts(PART_BYTES / 8192);
		rig_expect_written(&r, r.bdev, 0, 0x42, PART_BYTES);
		rig_expect_written(&r, r.file, 0, 0x42, PART_BYTES);
		rig_down(&r);
	}
}
