// SPDX-License-Identifier: GPL-2.0-only
/*
 * NOWAIT (H8), of the caller's IO and of a bio to the loop device: all of it in one mapping and at once, else
 * -EAGAIN, and then nothing has happened.
 */
#include <linux/slab.h>
#include <kc/fault.h>
#include "rig.h"

#define EXTENT_BYTES	16384u

/* NOWAIT: all of it in one mapping and one bio, else -EAGAIN, and then nothing has happened. */
DESIGN_TEST(nowait, has_no_side_effect)
{
	struct rig_opts o = {
		.file_bytes = 1 << 20, .loop = true,
		.fs = { .layout = LAB_LAYOUT_FRAGMENTED, .fragment_bytes = 8192 },
	};
	struct lab_trace_counts before, after;
	struct lab_iovec iov;
	struct lab_extent ext;
	struct rig r;
	u64 version;

	rig_up(&r, &o);
	iov = (struct lab_iovec){ r.mem, 8192 };
	if (rig_lacks(RIG_NO_NOWAIT)) {
		before = rig_seen(&r);
		lab_expect_eq(rig_aio(r.file, LAB_WRITE, 8192, &iov, 1, LAB_IO_NOWAIT), -EOPNOTSUPP);
		lab_expect_eq(rig_aio(r.file, LAB_READ, 8192, &iov, 1, LAB_IO_NOWAIT), -EOPNOTSUPP);
		lab_expect_eq(rig_aio(r.bdev, LAB_WRITE, 8192, &iov, 1, LAB_IO_NOWAIT), -EOPNOTSUPP);
		lab_expect_eq(rig_aio(r.bdev, LAB_READ, 8192, &iov, 1, LAB_IO_NOWAIT), -EOPNOTSUPP);
		after = rig_seen(&r);
		lab_expect_mem(&after, &before, sizeof(before));
		rig_down(&r);
		return;
	}
	before = rig_seen(&r);
	lab_expect_eq(rig_aio(r.file, LAB_WRITE, 8192, &iov, 1, LAB_IO_NOWAIT), 8192);
	lab_expect_eq(rig_aio(r.file, LAB_READ, 8192, &iov, 1, LAB_IO_NOWAIT), 8192);
	after = rig_seen(&r);		/* nor may the disk wait for a tag; 6.1's iomap does not say so */
	lab_expect_eq(after.nowait - before.nowait, rig_lacks(RIG_NOWAIT_UNSEEN) ? 0 : 2);
	lab_expect_eq(rig_aio(r.bdev, LAB_READ, 8192, &iov, 1, LAB_IO_NOWAIT), 8192);

	lab_expect_eq(lab_punch(r.inode, 65536, 8192), 0);
	if (rig_lacks(RIG_NOWAIT_READS_ON))
		lab_expect_eq(rig_aio(r.file, LAB_READ, 4096, &iov, 1, LAB_IO_NOWAIT), 8192);
	before = rig_seen(&r);
	version = r.inode->i_lab_version;
	lab_expect_eq(rig_aio(r.file, LAB_WRITE, 4096, &iov, 1, LAB_IO_NOWAIT), -EAGAIN);
	if (!rig_lacks(RIG_NOWAIT_READS_ON))
		lab_expect_eq(rig_aio(r.file, LAB_READ, 4096, &iov, 1, LAB_IO_NOWAIT), -EAGAIN);
	lab_expect_eq(rig_aio(r.file, LAB_WRITE, 65536, &iov, 1, LAB_IO_NOWAIT), -EAGAIN);
	if (!rig_lacks(RIG_NOWAIT_UNSEEN)) {
		lab_expect_eq(rig_aio(r.bdev, LAB_WRITE, 4096, &iov, 1, LAB_IO_NOWAIT), -EAGAIN);
		lab_expect_eq(rig_aio(r.bdev, LAB_READ, 4096, &iov, 1, LAB_IO_NOWAIT), -EAGAIN);
		lab_expect_eq(rig_aio(r.bdev, LAB_WRITE, 65536, &iov, 1, LAB_IO_NOWAIT), -EAGAIN);
	}
	lab_expect_eq(rig_aio(r.file, LAB_WRITE, 1 << 20, &iov, 1, LAB_IO_NOWAIT), -EAGAIN);
	down_write(&r.inode->i_rwsem);
	lab_expect_eq(rig_aio(r.file, LAB_READ, 8192, &iov, 1, LAB_IO_NOWAIT), -EAGAIN);
	up_write(&r.inode->i_rwsem);
	after = rig_seen(&r);
	lab_expect_mem(&after, &before, sizeof(before));
	lab_expect_eq(r.inode->i_lab_version, version);
	lab_expect_eq(i_size_read(r.inode), 1 << 20);
	down_read(&r.inode->i_rwsem);
	lab_expect_eq(lab_map(r.inode, 65536, 8192, 0, &ext), 0);
	up_read(&r.inode->i_rwsem);
	lab_expect_eq(ext.type, LAB_HOLE);
	rig_down(&r);
}

/* H8: a bio's own REQ_NOWAIT. One mapping: done. Two, a hole, a lock that is taken: -EAGAIN, and no trace. */
static int nowait_bio(struct rig *r, enum req_op op, loff_t pos, size_t len)
{
	struct block_device *bdev = rig_design->loop_bdev(r->loop);
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

/* RIG_NOWAIT_UNSEEN: it is all done, over two extents and into a hole. */
static void nowait_is_not_seen(struct rig *r)
{
	u64 free_bytes = lab_fs_free_bytes(r->fs);

	kc_probes_reset();
	lab_expect_eq(nowait_bio(r, REQ_OP_WRITE, EXTENT_BYTES - 8192, EXTENT_BYTES), 0);
	lab_expect_eq(nowait_bio(r, REQ_OP_WRITE, 4 * EXTENT_BYTES, 8192), 0);
	lab_expect_eq(lab_fs_free_bytes(r->fs), free_bytes - 8192);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_PUNTS), 2);
	printk("hazard: H8 waits");	/* in the tables: mk/hazards.sh */
}

DESIGN_TEST(nowait, bio_over_two_extents)
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
	if (rig_lacks(RIG_NOWAIT_UNSEEN)) {
		nowait_is_not_seen(&r);
		rig_down(&r);
		return;
	}
	before = rig_seen(&r);
	free_bytes = lab_fs_free_bytes(r.fs);
	kc_probes_reset();
	if (rig_lacks(RIG_NO_NOWAIT)) {
		lab_expect_eq(nowait_bio(&r, REQ_OP_WRITE, EXTENT_BYTES, EXTENT_BYTES), -EOPNOTSUPP);
		lab_expect_eq(nowait_bio(&r, REQ_OP_READ, EXTENT_BYTES, EXTENT_BYTES), -EOPNOTSUPP);
		after = rig_seen(&r);
		lab_expect_mem(&after, &before, sizeof(before));
		rig_down(&r);
		return;
	}
	lab_expect_eq(nowait_bio(&r, REQ_OP_WRITE, EXTENT_BYTES - 8192, EXTENT_BYTES), -EAGAIN);
	lab_expect_eq(nowait_bio(&r, REQ_OP_READ, EXTENT_BYTES - 8192, EXTENT_BYTES), -EAGAIN);
	lab_expect_eq(nowait_bio(&r, REQ_OP_WRITE, 4 * EXTENT_BYTES, 8192), -EAGAIN);
	down_write(&r.inode->i_rwsem);
	lab_expect_eq(nowait_bio(&r, REQ_OP_READ, 0, 8192), -EAGAIN);
	up_write(&r.inode->i_rwsem);
	after = rig_seen(&r);
	lab_expect_mem(&after, &before, sizeof(before));
	lab_expect_eq(lab_fs_free_bytes(r.fs), free_bytes);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_PUNTS), r.knobs.handoff == LAB_HANDOFF_WORKER ? 4 : 0);
	lab_expect_eq(atomic_read(&r.inode->i_dio_count), 0);
	/* what one mapping spans is done, the hole as zeros */
	lab_expect_eq(nowait_bio(&r, REQ_OP_WRITE, EXTENT_BYTES, EXTENT_BYTES), 0);
	lab_expect_eq(nowait_bio(&r, REQ_OP_READ, 4 * EXTENT_BYTES, EXTENT_BYTES), 0);
	after = rig_seen(&r);
	lab_expect_eq(after.bios[REQ_OP_WRITE] - before.bios[REQ_OP_WRITE], 1);
	lab_expect_eq(after.bios[REQ_OP_READ], before.bios[REQ_OP_READ]);
	rig_down(&r);
}

/* ---- one request, of one bio that may wait and one that may not ---------------------------------------- */

struct pair {
	struct bio *bio[2];
	struct page *page;
	struct task_struct *task;
	atomic_t left;
	int done;
};

static void pair_end_io(struct bio *bio)
{
	struct pair *p = bio->bi_private;
	struct task_struct *task = p->task;

	if (atomic_dec_and_test(&p->left)) {
		smp_store_release(&p->done, 1);
		wake_up_process(task);
	}
}

/* Two pages of a hole, written by bios that follow each other, plugged; @hasty of them may not wait. */
static void pair_of_writes(struct rig *r, unsigned int hasty, loff_t pos)
{
	struct block_device *bdev = rig_design->loop_bdev(r->loop);
	struct pair p = { .page = alloc_page(GFP_KERNEL | __GFP_ZERO), .task = current };
	struct blk_plug plug;
	unsigned int i;

	atomic_set(&p.left, 2);
	blk_start_plug(&plug);
	for (i = 0; i < 2; i++) {
		p.bio[i] = bio_alloc(bdev, 1, REQ_OP_WRITE | (i == hasty ? REQ_NOWAIT : 0), GFP_KERNEL);
		p.bio[i]->bi_iter.bi_sector = (pos >> SECTOR_SHIFT) + i * PAGE_SECTORS;
		__bio_add_page(p.bio[i], p.page, PAGE_SIZE, 0);
		p.bio[i]->bi_private = &p;
		p.bio[i]->bi_end_io = pair_end_io;
		submit_bio(p.bio[i]);
	}
	blk_finish_plug(&plug);
	rig_wait(&p.done);
	for (i = 0; i < 2; i++) {
		lab_expect_eq(p.bio[i]->bi_status, (i == hasty ? BLK_STS_AGAIN : BLK_STS_OK));
		bio_put(p.bio[i]);
	}
	__free_page(p.page);
}

/* Who may wait is not refused since another may not, and who may not does not wait since another may. */
DESIGN_TEST(nowait, not_of_one_request_with_who_may_wait)
{
	struct rig_opts o = {
		.file_bytes = 1 << 20, .loop = true, .fs = { .layout = LAB_LAYOUT_SPARSE },
		.knobs = { .loopq = LAB_LOOPQ_MQ },
	};
	struct rig r;

	rig_needs_loopq(LAB_LOOPQ_MQ);
	rig_needs_what(RIG_NO_NOWAIT | RIG_NOWAIT_UNSEEN, "its loop device does not know NOWAIT");
	rig_up(&r, &o);
	pair_of_writes(&r, 0, 0);
	pair_of_writes(&r, 1, 65536);
	rig_down(&r);
}

/* ---- no memory ------------------------------------------------------------------------------------------- */

#define MANY	256u		/* more than a design keeps back, and more than a task has at hand */

static struct bio_list held;

/* A disk that is not done with anything, until all are let go. */
static void hold_submit_bio(struct bio *bio)
{
	bio_list_add(&held, bio);
}

static const struct block_device_operations hold_fops = { .submit_bio = hold_submit_bio };
static const struct lab_filter_type hold = { .name = "hold", .what = "keeps bios", .fops = &hold_fops };

static void let_go(void)
{
	struct bio *bio;

	while ((bio = bio_list_pop(&held))) {
		bio->bi_status = BLK_STS_OK;
		bio_endio(bio);
	}
}

/* Others have what was kept back, and keep it: who may not wait would wait for ever. */
static void nowait_behind_others(struct rig *r, struct lab_file *file, struct rig_slot *slot)
{
	struct lab_iovec iov = { r->mem, 4096 };
	unsigned int i, nr;

	rig_set(r->mem, 0, 4096);
	kc_fault_nth(KC_FAULT_SLAB, 1, ~0ull >> 1);
	for (nr = 0; nr < MANY; nr++) {
		rig_start(&slot[nr], file, LAB_READ, 0, &iov, 1, LAB_IO_NOWAIT);
		if (READ_ONCE(slot[nr].done))
			break;
	}
	lab_expect_lt(nr, MANY);
	lab_expect_eq(slot[nr].res, -EAGAIN);
	let_go();
	for (i = 0; i < nr; i++)
		lab_expect_eq(rig_finish(&slot[i]), 4096);
	kc_fault_nth(KC_FAULT_SLAB, 0, 0);
}

DESIGN_TEST(nowait, without_memory)
{
	struct rig_slot *slot = kcalloc(MANY, sizeof(*slot), GFP_KERNEL);
	unsigned int k;

	rig_needs_what(RIG_NO_NOWAIT | RIG_NOWAIT_UNSEEN, "who may not wait does, for memory");
	lab_expect(slot);
	for (k = 0; k < RIG_KNOB_SETS; k++) {
		struct rig_opts o = { .file_bytes = 1 << 20, .loop = true, .spy = &hold };
		struct rig r;

		/* What a worker is given is out of sight. */
		if (!rig_knobs(k, &o.knobs) || o.knobs.handoff != LAB_HANDOFF_INLINE || lab_test_handoff() == 2)
			continue;
		bio_list_init(&held);
		rig_up(&r, &o);
		nowait_behind_others(&r, r.file, slot);
		nowait_behind_others(&r, r.bdev, slot);
		rig_down(&r);
	}
	kfree(slot);
}
