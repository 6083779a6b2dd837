// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hazards of calling into a file from a block driver (H1-H8 in NOTES.md), as far as a single design shows
 * them, and the contract of ->dio_submit. Truncate against a punt is in
 * scenarios/tests/scenarios/punt_truncate.c.
 */
#include <linux/slab.h>
#include <kc/fault.h>
#include "rig.h"

#define EXTENT_BYTES	16384u

/* Mapped, hole, mapped, hole …: EXTENT_BYTES each. */
static void make_swiss(struct rig *r, unsigned int extents)
{
	unsigned int i;

	for (i = 1; i < extents; i += 2)
		lab_expect_eq(lab_punch(r->inode, i * EXTENT_BYTES, EXTENT_BYTES), 0);
}

static void expect_written(struct rig *r, struct lab_file *file, loff_t pos, u8 byte, size_t len)
{
	unsigned long to = r->mem + RIG_MEM_BYTES / 2;

	rig_set(to, 0xa5, len);
	lab_expect_eq(rig_io(file, LAB_READ, pos, to, len, 0), len);
	lab_expect_eq(rig_find_other(to, byte, len), -1);
}

/*
 * A write over mapped, hole, mapped: the first piece goes down from the submitter's context, the rest,
 * which has to allocate, from the worker. Nothing is mapped twice but the place where it stopped.
 */
static void punt_in_the_middle(enum lab_loopq loopq)
{
	struct rig_opts o = {
		.file_bytes = 1 << 20, .fill = 0xee, .loop = true, .knobs = { .loopq = loopq },
	};
	struct lab_iovec iov;
	struct rig r;

	rig_up(&r, &o);
	make_swiss(&r, 3);
	iov = (struct lab_iovec){ r.mem, 3 * EXTENT_BYTES };
	rig_set(r.mem, 0x42, 3 * EXTENT_BYTES);
	kc_probes_reset();
	lab_expect_eq(rig_aio(r.bdev, LAB_WRITE, 0, &iov, 1, 0), 3 * EXTENT_BYTES);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_PUNTS), 1);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_MAP_CALLS), 4);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_SPLITS), 2);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_CONVERTS), 1);
	lab_expect_eq(atomic_read(&r.inode->i_dio_count), 0);
	expect_written(&r, r.file, 0, 0x42, 3 * EXTENT_BYTES);
	/* again, now that all is mapped: no punt */
	kc_probes_reset();
	lab_expect_eq(rig_aio(r.bdev, LAB_WRITE, 0, &iov, 1, 0), 3 * EXTENT_BYTES);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_PUNTS), 0);
	rig_down(&r);
}

LAB_TEST(bio_first_hazards, punt_in_the_middle)
{
	punt_in_the_middle(LAB_LOOPQ_BIO);
	punt_in_the_middle(LAB_LOOPQ_MQ);
}

/* H7, the rule: what is punted holds no count. The worker is kept from going on meanwhile. */
LAB_TEST(bio_first_hazards, punted_bio_holds_nothing)
{
	struct rig_opts o = { .file_bytes = 1 << 20, .loop = true, .fs = { .layout = LAB_LAYOUT_SPARSE } };
	struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	struct bio *bio;
	struct rig r;

	rig_up(&r, &o);
	bio = bio_alloc(design_bio_first.loop_bdev(r.loop), 1, REQ_OP_WRITE, GFP_KERNEL);
	__bio_add_page(bio, page, PAGE_SIZE, 0);
	kc_probes_reset();
	down_write(&r.inode->i_rwsem);
	bio_get(bio);
	submit_bio(bio);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_PUNTS), 1);
	lab_expect_eq(atomic_read(&r.inode->i_dio_count), 0);
	lab_inode_dio_wait(r.inode);
	up_write(&r.inode->i_rwsem);
	rig_down(&r);		/* loop_del() waits for it */
	lab_expect_eq(bio->bi_status, BLK_STS_OK);
	bio_put(bio);
	bio_put(bio);
	__free_page(page);
}

/* H8: a bio's own REQ_NOWAIT. One mapping: done. Two, a hole, a lock that is taken: -EAGAIN, and no trace. */
static int nowait_bio(struct rig *r, enum req_op op, loff_t pos, size_t len)
{
	struct block_device *bdev = design_bio_first.loop_bdev(r->loop);
	struct bio *bio = bio_alloc(bdev, BIO_MAX_VECS, op | REQ_NOWAIT, GFP_KERNEL);
	struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	size_t at;
	int err;

	bio->bi_iter.bi_sector = pos >> SECTOR_SHIFT;
	for (at = 0; at < len; at += PAGE_SIZE)
		__bio_add_page(bio, page, PAGE_SIZE, 0);
	err = submit_bio_wait(bio);
	bio_put(bio);
	__free_page(page);
	return err;
}

LAB_TEST(bio_first_hazards, nowait_over_two_extents)
{
	struct rig_opts o = {
		.file_bytes = 1 << 20, .loop = true,
		.fs = { .layout = LAB_LAYOUT_FRAGMENTED, .fragment_bytes = EXTENT_BYTES },
	};
	struct lab_trace_counts before, after;
	struct rig r;
	u64 free_bytes;

	rig_up(&r, &o);
	lab_expect_eq(lab_punch(r.inode, 4 * EXTENT_BYTES, EXTENT_BYTES), 0);
	lab_trace_read(r.trace, &before);
	free_bytes = lab_fs_free_bytes(r.fs);
	kc_probes_reset();
	lab_expect_eq(nowait_bio(&r, REQ_OP_WRITE, EXTENT_BYTES - 8192, EXTENT_BYTES), -EAGAIN);
	lab_expect_eq(nowait_bio(&r, REQ_OP_READ, EXTENT_BYTES - 8192, EXTENT_BYTES), -EAGAIN);
	lab_expect_eq(nowait_bio(&r, REQ_OP_WRITE, 4 * EXTENT_BYTES, 8192), -EAGAIN);
	down_write(&r.inode->i_rwsem);
	lab_expect_eq(nowait_bio(&r, REQ_OP_READ, 0, 8192), -EAGAIN);
	up_write(&r.inode->i_rwsem);
	lab_trace_read(r.trace, &after);
	lab_expect_mem(&after, &before, sizeof(before));
	lab_expect_eq(lab_fs_free_bytes(r.fs), free_bytes);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_PUNTS), 0);
	lab_expect_eq(atomic_read(&r.inode->i_dio_count), 0);
	/* what one mapping spans is done, the hole as zeros */
	lab_expect_eq(nowait_bio(&r, REQ_OP_WRITE, EXTENT_BYTES, EXTENT_BYTES), 0);
	lab_expect_eq(nowait_bio(&r, REQ_OP_READ, 4 * EXTENT_BYTES, EXTENT_BYTES), 0);
	lab_trace_read(r.trace, &after);
	lab_expect_eq(after.bios[REQ_OP_WRITE] - before.bios[REQ_OP_WRITE], 1);
	lab_expect_eq(after.bios[REQ_OP_READ], before.bios[REQ_OP_READ]);
	rig_down(&r);
}

/* H2: what the filesystem above left in current is not seen below, and is there again afterwards. */
LAB_TEST(bio_first_hazards, task_context_is_put_aside)
{
	struct rig_opts o = { .file_bytes = 1 << 20, .loop = true };
	unsigned int flags = current->flags;
	struct rig r;

	rig_up(&r, &o);
	current->journal_info = &r;
	lab_expect_eq(nowait_bio(&r, REQ_OP_WRITE, 0, 8192), 0);
	lab_expect(current->journal_info == &r);
	lab_expect_eq(current->flags, flags);
	current->journal_info = NULL;
	rig_down(&r);
}

/* No memory for clones: bios wait for the worker, which goes on with the reserve, one by one. */
LAB_TEST(bio_first_hazards, clones_from_the_reserve)
{
	enum { NR = 12 };
	struct rig_opts o = { .file_bytes = 1 << 20, .loop = true };
	struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	struct bio *bio[NR];
	enum lab_loopq q;
	unsigned int i;
	struct rig r;

	for (q = LAB_LOOPQ_BIO; q <= LAB_LOOPQ_MQ; q++) {
		o.knobs.loopq = q;
		rig_up(&r, &o);
		for (i = 0; i < NR; i++) {
			bio[i] = bio_alloc(design_bio_first.loop_bdev(r.loop), 1, REQ_OP_WRITE, GFP_KERNEL);
			bio[i]->bi_iter.bi_sector = i * 2 * PAGE_SECTORS;
			__bio_add_page(bio[i], page, PAGE_SIZE, 0);
			bio_get(bio[i]);
		}
		kc_probes_reset();
		kc_fault_nth(KC_FAULT_SLAB, 1, ~0ull >> 1);
		for (i = 0; i < NR; i++)
			submit_bio(bio[i]);
		design_bio_first.close(r.bdev);
		design_bio_first.loop_del(r.loop);
		kc_fault_nth(KC_FAULT_SLAB, 0, 0);
		r.loop = NULL;
		lab_expect_gt(rig_count(LAB_LOOP, LAB_PUNTS), 0);
		for (i = 0; i < NR; i++) {
			lab_expect_eq(bio[i]->bi_status, BLK_STS_OK);
			bio_put(bio[i]);
			bio_put(bio[i]);
		}
		expect_written(&r, r.file, 0, 0, PAGE_SIZE);
		rig_down(&r);
	}
	__free_page(page);
}

/* Eight writes of 512 bytes to one fresh block of a disk full of something else: none zeroes another. */
#define PARTS	(LAB_BLOCK_BYTES / 512)

struct part {
	struct lab_io io;
	struct lab_iovec iov;
	struct task_struct *task;
	ssize_t res;
	int done;
};

static void part_done(struct lab_io *io, ssize_t res)
{
	struct part *p = io->owner;
	struct task_struct *task = p->task;

	p->res = res;
	smp_store_release(&p->done, 1);
	wake_up_process(task);
}

static void write_parts(struct rig *r, struct lab_file *file, loff_t pos)
{
	struct part *parts = kcalloc(PARTS, sizeof(*parts), GFP_KERNEL);
	unsigned int i;
	ssize_t ret;

	lab_expect(parts);
	for (i = 0; i < PARTS; i++) {
		struct part *p = &parts[i];

		rig_set(r->mem + i * 512, i + 1, 512);
		p->iov = (struct lab_iovec){ r->mem + i * 512, 512 };
		p->task = current;
		p->io = (struct lab_io){
			.rw = LAB_WRITE, .pos = pos + (i * 3 % PARTS) * 512, .iov = &p->iov, .nr_segs = 1,
			.done = part_done, .owner = p,
		};
		ret = design_bio_first.submit(file, &p->io);
		if (ret != -EIOCBQUEUED)
			part_done(&p->io, ret);
	}
	for (i = 0; i < PARTS; i++) {
		rig_wait(&parts[i].done);
		lab_expect_eq(parts[i].res, 512);
		expect_written(r, file, parts[i].io.pos, i + 1, 512);
	}
	kfree(parts);
}

LAB_TEST(bio_first_hazards, parts_of_one_fresh_block)
{
	struct rig_opts o = {
		.file_bytes = 1 << 20, .fill = 0xee, .loop = true, .fs = { .layout = LAB_LAYOUT_SPARSE },
	};
	unsigned int k;
	struct rig r;

	for (k = 0; k < 4; k++) {
		o.knobs = (struct lab_knobs){ .handoff = k & 1, .loopq = k >> 1 };
		rig_up(&r, &o);
		write_parts(&r, r.file, 0);
		write_parts(&r, r.bdev, 8192);
		rig_down(&r);
	}
}

/*
 * H1, H3-H5: a filesystem on a loop device on a file on a loop device …. The upper ones submit inside the
 * lower ones' plug and bio_list, with as many tags as their disk has; every level allocates while it is
 * submitted to.
 */
#define LEVELS	4

struct level {
	struct lab_fs *fs;
	struct inode *inode;
	struct lab_file *file;
	struct lab_loop *loop;
};

static void nest(const struct lab_knobs *knobs)
{
	const struct design *d = &design_bio_first;
	struct rig_opts o = {
		.file_bytes = 4 << 20, .loop = true, .knobs = *knobs, .fs = { .layout = LAB_LAYOUT_SPARSE },
	};
	struct lab_loop_opts lo = { };
	struct level level[LEVELS];
	struct block_device *bdev;
	struct lab_file *top;
	unsigned int i;
	struct rig r;

	rig_up(&r, &o);
	bdev = d->loop_bdev(r.loop);
	for (i = 0; i < LEVELS; i++) {
		struct level *l = &level[i];

		l->fs = lab_fs_create(bdev, &o.fs);
		lab_expect(!IS_ERR(l->fs));
		l->inode = lab_inode_create(l->fs, (4 << 20) - (i + 1) * (256 << 10));
		lab_expect(!IS_ERR(l->inode));
		l->file = d->open_file(l->inode);
		l->loop = d->loop_add(l->file, &lo);
		lab_expect(!IS_ERR(l->loop));
		bdev = d->loop_bdev(l->loop);
	}
	top = d->open_bdev(bdev);
	for (i = 0; i < 8; i++) {
		rig_set(r.mem, i + 1, 65536);
		lab_expect_eq(rig_io(top, LAB_WRITE, i * 98304, r.mem, 65536, i & 1 ? LAB_IO_DSYNC : 0),
			      65536);
	}
	lab_expect_eq(d->fsync(top, true), 0);
	for (i = 0; i < 8; i++)
		expect_written(&r, top, i * 98304, i + 1, 65536);
	d->close(top);
	for (i = LEVELS; i-- > 0; ) {
		d->loop_del(level[i].loop);
		d->close(level[i].file);
		lab_fs_destroy(level[i].fs);
	}
	rig_down(&r);
}

LAB_TEST(bio_first_hazards, loop_on_loop)
{
	unsigned int k;

	for (k = 0; k < 16; k++) {
		struct lab_knobs knobs = { k & 1, (k >> 1) & 1, (k >> 2) & 1, (k >> 3) & 1 };

		nest(&knobs);
	}
}

/* A request of several bios (loopq=mq, plug): each is cloned; it ends with the last, and the first error. */
LAB_TEST(bio_first_hazards, request_of_several_bios)
{
	enum { NR = 6 };
	struct rig_opts o = {
		.file_bytes = 1 << 20, .disk_bytes = 1 << 20,
		.loop = true, .knobs = { .loopq = LAB_LOOPQ_MQ },
		.fault = "eio@12288+4096",
	};
	struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	struct bio *bio[NR];
	struct blk_plug plug;
	unsigned int i, failed = 0;
	struct rig r;

	rig_up(&r, &o);
	blk_start_plug(&plug);
	for (i = 0; i < NR; i++) {
		bio[i] = bio_alloc(design_bio_first.loop_bdev(r.loop), 1, REQ_OP_READ, GFP_KERNEL);
		bio[i]->bi_iter.bi_sector = i * PAGE_SECTORS;
		__bio_add_page(bio[i], page, PAGE_SIZE, 0);
		bio_get(bio[i]);
		submit_bio(bio[i]);
	}
	kc_probes_reset();
	blk_finish_plug(&plug);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_REQUESTS), 1);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_CLONES), NR);
	design_bio_first.close(r.bdev);
	design_bio_first.loop_del(r.loop);
	r.loop = NULL;
	for (i = 0; i < NR; i++) {
		failed += bio[i]->bi_status == BLK_STS_IOERR;
		bio_put(bio[i]);
		bio_put(bio[i]);
	}
	lab_expect_eq(failed, NR);
	__free_page(page);
	rig_down(&r);
}
