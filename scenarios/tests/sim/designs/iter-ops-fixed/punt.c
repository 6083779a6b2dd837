// SPDX-License-Identifier: GPL-2.0-only
/*
 * The attempt in the submitter's context and its worker: what is punted, what stands, and the hazards of
 * submitting into a file from a block device's submission (H2-H5, H7), each as a scenario that hangs or
 * stops if the rule is broken.
 */
#include <linux/kthread.h>
#include <linux/slab.h>
#include <kc/fault.h>
#include <kc/io.h>
#include <kc/world.h>
#include "rig.h"

#define DEPTH	600		/* more than the tags of any queue here */

/* Bios ready to go, one page each, for the loop device. */
struct burst {
	struct page *page[DEPTH];
	struct task_struct *task;
	struct bio *bio[DEPTH];
	unsigned int nr;
	atomic_t left;
	int done, errors;
};

static void burst_end_io(struct bio *bio)
{
	struct burst *b = bio->bi_private;
	struct task_struct *task = b->task;

	if (bio->bi_status)
		WRITE_ONCE(b->errors, 1);
	if (atomic_dec_and_test(&b->left)) {
		smp_store_release(&b->done, 1);
		wake_up_process(task);
	}
}

static void burst_make(struct burst *b, struct block_device *bdev, blk_opf_t op, unsigned int nr)
{
	unsigned int i;

	memset(b, 0, sizeof(*b));
	b->task = current;
	b->nr = nr;
	atomic_set(&b->left, nr);
	for (i = 0; i < nr; i++) {
		b->page[i] = alloc_page(GFP_KERNEL);
		lab_expect(b->page[i]);
		memset(page_address(b->page[i]), 0x42, PAGE_SIZE);
		b->bio[i] = bio_alloc(bdev, 1, op, GFP_KERNEL);
		__bio_add_page(b->bio[i], b->page[i], PAGE_SIZE, 0);
		b->bio[i]->bi_iter.bi_sector = i * PAGE_SECTORS;
		b->bio[i]->bi_private = b;
		b->bio[i]->bi_end_io = burst_end_io;
	}
}

static void burst_wait(struct burst *b)
{
	unsigned int i;

	rig_wait(&b->done);
	lab_expect_eq(b->errors, 0);
	for (i = 0; i < b->nr; i++) {
		bio_put(b->bio[i]);
		__free_page(b->page[i]);
	}
}

static void burst_run(struct burst *b, bool plugged)
{
	struct blk_plug plug;
	unsigned int i;

	if (plugged)
		blk_start_plug(&plug);
	for (i = 0; i < b->nr; i++)
		submit_bio(b->bio[i]);
	if (plugged)
		blk_finish_plug(&plug);
	burst_wait(b);
}

/*
 * First half mapped, second a hole: the first goes at once, the second from the worker, and the bio ends
 * once, whole.
 */
LAB_TEST(iter_ops_fixed_punt, remainder_goes_to_the_worker)
{
	struct rig_opts o = { .file_bytes = 1 << 20, .loop = true };
	struct lab_iovec iov;
	struct rig r;
	u64 free_bytes;

	rig_up(&r, &o);
	lab_expect_eq(lab_punch(r.inode, 65536, 65536), 0);
	free_bytes = lab_fs_free_bytes(r.fs);
	rig_set(r.mem, 0x42, 131072);
	iov = (struct lab_iovec){ r.mem, 131072 };
	kc_probes_reset();
	lab_expect_eq(rig_aio(r.bdev, LAB_WRITE, 0, &iov, 1, 0), 131072);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_PUNTS), 1);
	/* the mapped half, the hole that would have waited, the hole again */
	lab_expect_eq(rig_count(LAB_LOOP, LAB_MAP_CALLS), 3);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_BIOS), 2);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_ALLOC_CMD), 1);
	lab_expect_eq(lab_fs_free_bytes(r.fs), free_bytes - 65536);
	rig_set(r.mem, 0xa5, 131072);
	lab_expect_eq(rig_aio(r.bdev, LAB_READ, 0, &iov, 1, 0), 131072);
	lab_expect_eq(rig_find_other(r.mem, 0x42, 131072), -1);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_PUNTS), 1);
	rig_down(&r);
}

/* The attempt finds the lock taken: all of it is punted, nothing before. */
static int hold_lock(void *arg)
{
	struct rig *r = arg;

	down_write(&r->inode->i_rwsem);
	while (!kthread_should_stop())
		yield();
	up_write(&r->inode->i_rwsem);
	return 0;
}

LAB_TEST(iter_ops_fixed_punt, contended_lock)
{
	struct rig_opts o = { .file_bytes = 1 << 20, .loop = true };
	struct task_struct *holder;
	struct burst *b;
	struct rig r;
	unsigned int i;

	rig_up(&r, &o);
	b = kmalloc(sizeof(*b), GFP_KERNEL);
	burst_make(b, design_iter_ops_fixed.loop_bdev(r.loop), REQ_OP_WRITE, 8);
	holder = kthread_run(hold_lock, &r, "holder");
	while (!rwsem_is_locked(&r.inode->i_rwsem))
		yield();
	kc_probes_reset();
	for (i = 0; i < 8; i++)
		submit_bio(b->bio[i]);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_PUNTS), 8);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_BIOS), 0);
	lab_expect_eq(atomic_read(&r.inode->i_dio_count), 0);
	kthread_stop(holder);
	burst_wait(b);
	kfree(b);
	rig_down(&r);
}

/*
 * H3, H5: more in flight than there are tags, plugged or not; who waits for a tag is never inside the loop
 * driver.
 */
static void burst_all(blk_opf_t op, const struct lab_fs_opts *fs)
{
	unsigned int k;

	for (k = 0; k < 8; k++) {
		struct rig_opts o = {
			.file_bytes = DEPTH * PAGE_SIZE, .loop = true, .fs = *fs,
			.knobs = {
				.handoff = k & 1 ? LAB_HANDOFF_WORKER : LAB_HANDOFF_INLINE,
				.loopq = k & 2 ? LAB_LOOPQ_MQ : LAB_LOOPQ_BIO,
				.completion = k & 4 ? LAB_COMPLETION_WQ : LAB_COMPLETION_INLINE,
			},
		};
		struct burst *b;
		struct rig r;

		rig_up(&r, &o);
		b = kmalloc(sizeof(*b), GFP_KERNEL);
		burst_make(b, design_iter_ops_fixed.loop_bdev(r.loop), op,
			   lab_test_slow() ? DEPTH / 2 : DEPTH);
		burst_run(b, k & 2);
		if (op == REQ_OP_WRITE) {
			size_t bytes = b->nr * PAGE_SIZE;

			lab_expect_eq(rig_io(r.file, LAB_READ, 0, r.mem, bytes, 0), bytes);
			lab_expect_eq(rig_find_other(r.mem, 0x42, bytes), -1);
		}
		kfree(b);
		rig_down(&r);
	}
}

LAB_TEST(iter_ops_fixed_punt, burst_of_reads)
{
	struct lab_fs_opts fs = { .layout = LAB_LAYOUT_FRAGMENTED, .fragment_bytes = 8192 };

	burst_all(REQ_OP_READ, &fs);
}

LAB_TEST(iter_ops_fixed_punt, burst_of_writes_to_holes)
{
	struct lab_fs_opts fs = { .layout = LAB_LAYOUT_SPARSE };

	burst_all(REQ_OP_WRITE, &fs);
}

LAB_TEST(iter_ops_fixed_punt, burst_of_writes_exclusive)
{
	struct lab_fs_opts fs = { .layout = LAB_LAYOUT_UNWRITTEN, .lock_exclusive = true };

	burst_all(REQ_OP_WRITE, &fs);
}

/* No memory at all: alloc=pool goes on from what it kept back, command by command. */
LAB_TEST(iter_ops_fixed_punt, no_memory_at_all)
{
	struct rig_opts o = {
		.file_bytes = 1 << 20, .loop = true, .fs = { .layout = LAB_LAYOUT_UNWRITTEN },
	};
	struct burst *b;
	struct rig r;

	rig_up(&r, &o);
	b = kmalloc(sizeof(*b), GFP_KERNEL);
	burst_make(b, design_iter_ops_fixed.loop_bdev(r.loop), REQ_OP_WRITE, 64);
	/* the extent map may need memory: give it all it will want beforehand */
	lab_expect_eq(lab_convert(r.inode, 0, 1 << 20), 0);
	kc_probes_reset();
	kc_fault_nth(KC_FAULT_SLAB, 1, ~0ull);
	burst_run(b, false);
	lab_expect_gt(rig_count(LAB_LOOP, LAB_PUNTS) + rig_count(LAB_UPPER, LAB_PUNTS), 0);
	lab_expect_gt(kc_fault_hits(KC_FAULT_SLAB), 0);
	kc_fault_nth(KC_FAULT_SLAB, 0, 0);
	kfree(b);
	rig_down(&r);
}

/* H2: the file never sees what the filesystem above keeps in its task. */
static const struct file_operations *real_fops;
static void *seen_journal = (void *)1;

static ssize_t spy_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	seen_journal = current->journal_info;
	return real_fops->write_iter(iocb, from);
}

LAB_TEST(iter_ops_fixed_punt, clean_task_for_the_file)
{
	struct rig_opts o = { .file_bytes = 1 << 20, .loop = true };
	struct file_operations spy;
	int transaction;
	struct rig r;

	rig_up(&r, &o);
	real_fops = r.file->file.f_op;
	spy = *real_fops;
	spy.write_iter = spy_write_iter;
	r.file->file.f_op = &spy;
	seen_journal = &transaction;
	current->journal_info = &transaction;
	lab_expect_eq(rig_io(r.bdev, LAB_WRITE, 0, r.mem, 4096, 0), 4096);
	lab_expect(!seen_journal);
	lab_expect(current->journal_info == &transaction);
	current->journal_info = NULL;
	lab_expect_eq(current->flags & PF_MEMALLOC_NOIO, 0);
	rig_down(&r);
}

/*
 * H7: writes to a sparse file through the loop device, which punts them, against truncate and punch of that
 * file.
 */
struct race {
	struct rig rig;
	u64 seed;
};

static int truncater(void *arg)
{
	struct race *race = arg;
	struct rig rand = { .rng = race->seed };
	unsigned int i;

	for (i = 0; i < 6; i++) {
		if (rig_rand(&rand, 2))
			lab_expect_eq(lab_punch(race->rig.inode, 4096 * rig_rand(&rand, 32), 65536), 0);
		else
			lab_expect_eq(lab_truncate(race->rig.inode, 4096 * rig_rand(&rand, 65)), 0);
	}
	while (!kthread_should_stop())
		yield();
	return 0;
}

static void race_fn(void *arg)
{
	struct race *race = arg;
	struct rig_opts o = {
		.disk_bytes = 4 << 20, .file_bytes = 64 * PAGE_SIZE, .loop = true,
		.fs = { .layout = race->seed & 1 ? LAB_LAYOUT_SPARSE : LAB_LAYOUT_UNWRITTEN },
	};
	struct task_struct *t;
	struct burst *b;

	rig_up(&race->rig, &o);
	b = kmalloc(sizeof(*b), GFP_KERNEL);
	burst_make(b, design_iter_ops_fixed.loop_bdev(race->rig.loop), REQ_OP_WRITE, 24);
	t = kthread_run(truncater, race, "truncater");
	burst_run(b, false);
	kthread_stop(t);
	kfree(b);
	rig_down(&race->rig);
}

LAB_TEST_BARE(iter_ops_fixed_punt, punt_against_truncate)
{
	static struct race race;
	u64 base = lab_test_base_seed();
	int i, failures;

	for (i = 0; i < (lab_test_slow() ? 10 : 150); i++) {
		race.seed = base + i;
		lab_test_seed(race.seed);
		failures = -1;
#ifdef KC_DET
		lab_expect_eq(kc_run(true, race.seed, NULL, race_fn, &race, &failures), KC_RUN_DONE);
		lab_expect_eq(failures, 0);
#endif
		if (i % 10)
			continue;
		lab_expect_eq(kc_run(false, race.seed, NULL, race_fn, &race, &failures), KC_RUN_DONE);
		lab_expect_eq(failures, 0);
	}
}
