// SPDX-License-Identifier: GPL-2.0-only
/*
 * A file through both its descriptors at once: direct and buffered writers, readers, fsync, truncate and
 * punch, on every schedule that the seeds make (det), and on threads.
 *
 * Of each block the direct writer has the first half and the buffered writer the second. Neither may lose
 * what the other wrote, although the page cache deals in whole blocks: at the end each half is of its
 * writer's last round, whichever descriptor one asks. With somebody who truncates or punches meanwhile, it
 * is that or zero. In a second race the direct writer fills whole blocks that were never written, once; its
 * data shows only after a conversion, so that readers have time to bring zeros into the cache, for good if
 * nobody forgets them in the end. Half of the seeds write directly through a loop device on the file: then
 * its driver tries without waiting, and hands over what must wait.
 */
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/kthread.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <kc/umem.h>
#include <kc/world.h>
#include <lab/disk.h>
#include <lab/fs.h>
#include "design.h"
#include "host.h"
#include "lab_test.h"
#include "matrix.h"

#define SEEDS_DET	200u
#define SEEDS_THR	20u
#define SEEDS_SLOW	12u
#define NR_BLOCKS	6u
#define FILE_BYTES	(NR_BLOCKS * LAB_BLOCK_BYTES)
#define HALF_BYTES	(LAB_BLOCK_BYTES / 2)
#define ROUNDS		3u
#define DIRECT_BYTE	0x40	/* + round, 1 .. ROUNDS */
#define BUFFERED_BYTE	0x80

#define OPT_LOOP	1u	/* bits of the seed */
#define OPT_CUT		2u
#define OPT_PUNCH	4u
#define OPT_MQ		8u
#define OPT_SPARSE	16u
#define OPT_FRESH	(1ull << 63)	/* the second race; never with OPT_CUT */

static const struct design *design_now;

enum { DIRECT_WRITER, BUFFERED_WRITER, BUFFERED_READER, DIRECT_READER, SYNCER, CUTTER, NR_TASKS };

struct both {
	struct inode *inode;
	struct lab_file *file, *bdev;	/* @bdev: NULL without OPT_LOOP */
	struct mm_struct *mm;
	unsigned long mem[NR_TASKS];
	u64 opts;
	struct completion began;	/* a kthread that is stopped before it runs never runs */
};

struct both_task {
	struct both *both;
	unsigned int which;
	struct task_struct *task;
};

static ssize_t one_io(struct lab_file *file, enum lab_rw rw, loff_t pos, unsigned long base, size_t len,
		      unsigned int flags)
{
	struct lab_iovec iov = { .base = base, .len_bytes = len };
	struct lab_io io = { .rw = rw, .pos = pos, .iov = &iov, .nr_segs = 1, .flags = flags };

	return design_now->submit(file, &io);
}

static void fill_user(unsigned long to, u8 byte, size_t len)
{
	u8 *buf = kmalloc(len, GFP_KERNEL);

	lab_expect(buf);
	memset(buf, byte, len);
	lab_expect_eq(copy_to_user((void __user *)to, buf, len), 0);
	kfree(buf);
}

/* The second race: every block once, whole; of the buffered writer the half. */
static void write_fresh(struct both_task *t)
{
	bool direct = t->which == DIRECT_WRITER;
	struct lab_file *file = direct && t->both->bdev ? t->both->bdev : t->both->file;
	size_t len = direct ? LAB_BLOCK_BYTES : HALF_BYTES;
	unsigned int i;

	fill_user(t->both->mem[t->which], (direct ? DIRECT_BYTE : BUFFERED_BYTE) + ROUNDS, len);
	for (i = 0; i < NR_BLOCKS; i++)
		lab_expect_eq(one_io(file, LAB_WRITE, (i + 1) * LAB_BLOCK_BYTES - len,
				     t->both->mem[t->which], len, direct ? 0 : LAB_IO_BUFFERED), len);
}

/* Every half block in rounds: through the loop device, or the first descriptor, or the second one. */
static void write_halves(struct both_task *t)
{
	bool direct = t->which == DIRECT_WRITER;
	struct lab_file *file = direct && t->both->bdev ? t->both->bdev : t->both->file;
	unsigned int round, i;

	for (round = 1; round <= ROUNDS; round++) {
		fill_user(t->both->mem[t->which], (direct ? DIRECT_BYTE : BUFFERED_BYTE) + round, HALF_BYTES);
		for (i = 0; i < NR_BLOCKS; i++)
			lab_expect_eq(one_io(file, LAB_WRITE, i * LAB_BLOCK_BYTES + (direct ? 0 : HALF_BYTES),
					     t->both->mem[t->which], HALF_BYTES,
					     direct ? 0 : LAB_IO_BUFFERED), HALF_BYTES);
	}
}

/* May this be at @at of a block? In the second race the direct writer's may be in both halves. */
static bool known_byte(const struct both *b, unsigned int at, u8 byte)
{
	bool direct = byte > DIRECT_BYTE && byte <= DIRECT_BYTE + ROUNDS;
	bool buffered = byte > BUFFERED_BYTE && byte <= BUFFERED_BYTE + ROUNDS;

	if (at % LAB_BLOCK_BYTES < HALF_BYTES)
		return byte == 0 || direct;
	return byte == 0 || buffered || (direct && b->opts & OPT_FRESH);
}

/* Whatever is read is somebody's, and at its place. */
static void read_all(struct both_task *t)
{
	unsigned int flags = t->which == BUFFERED_READER ? LAB_IO_BUFFERED : 0;
	unsigned long to = t->both->mem[t->which];
	u8 *buf = kmalloc(FILE_BYTES, GFP_KERNEL);
	unsigned int round, at;

	lab_expect(buf);
	for (round = 0; round < ROUNDS; round++) {
		ssize_t ret = one_io(t->both->file, LAB_READ, 0, to, FILE_BYTES, flags);

		lab_expect_ge(ret, t->both->opts & OPT_CUT ? 0 : FILE_BYTES);
		lab_expect_eq(copy_from_user(buf, (void __user *)to, FILE_BYTES), 0);
		for (at = 0; at < ret; at++)
			lab_expect(known_byte(t->both, at, buf[at]));
	}
	kfree(buf);
}

/* Block by block: many pages brought in. */
static void read_blocks(struct both_task *t)
{
	unsigned int flags = t->which == BUFFERED_READER ? LAB_IO_BUFFERED : 0, round, i;

	for (round = 0; round < ROUNDS; round++)
		for (i = 0; i < NR_BLOCKS; i++)
			lab_expect_eq(one_io(t->both->file, LAB_READ, i * LAB_BLOCK_BYTES,
					     t->both->mem[t->which], LAB_BLOCK_BYTES, flags),
				      LAB_BLOCK_BYTES);
}

/* Meanwhile the loop device keeps its size: what it reads behind the file's end are zeros. */
static void cut(struct both_task *t)
{
	if (t->both->opts & OPT_PUNCH) {
		lab_expect_eq(lab_punch(t->both->inode, FILE_BYTES / 3, FILE_BYTES / 3), 0);
		return;
	}
	lab_expect_eq(lab_truncate(t->both->inode, FILE_BYTES / 2 + 100), 0);
	lab_expect_eq(lab_truncate(t->both->inode, FILE_BYTES), 0);
}

static int task_main(void *arg)
{
	struct both_task *t = arg;
	bool fresh = t->both->opts & OPT_FRESH;

	complete(&t->both->began);
	current->mm = t->both->mm;
	switch (t->which) {
	case DIRECT_WRITER:
	case BUFFERED_WRITER:
		(fresh ? write_fresh : write_halves)(t);
		break;
	case BUFFERED_READER:
	case DIRECT_READER:
		(fresh ? read_blocks : read_all)(t);
		break;
	case SYNCER:
		lab_expect_eq(design_now->fsync(t->both->file, true), 0);
		break;
	case CUTTER:
		if (t->both->opts & OPT_CUT)
			cut(t);
		break;
	}
	current->mm = NULL;
	return 0;
}

/* All is quiet: both descriptors must tell the same, and nothing may be lost. */
static void judge(struct both *b)
{
	u8 *cached = kmalloc(FILE_BYTES, GFP_KERNEL), *disk = kmalloc(FILE_BYTES, GFP_KERNEL);
	unsigned int at;

	lab_expect(cached && disk);
	lab_expect_eq(i_size_read(b->inode), FILE_BYTES);
	lab_expect_eq(one_io(b->file, LAB_READ, 0, b->mem[0], FILE_BYTES, LAB_IO_BUFFERED), FILE_BYTES);
	lab_expect_eq(copy_from_user(cached, (void __user *)b->mem[0], FILE_BYTES), 0);
	lab_expect_eq(one_io(b->file, LAB_READ, 0, b->mem[0], FILE_BYTES, 0), FILE_BYTES);
	lab_expect_eq(copy_from_user(disk, (void __user *)b->mem[0], FILE_BYTES), 0);
	lab_expect_mem(cached, disk, FILE_BYTES);
	for (at = 0; at < FILE_BYTES; at++) {
		bool direct = at % LAB_BLOCK_BYTES < HALF_BYTES;
		u8 last = (direct ? DIRECT_BYTE : BUFFERED_BYTE) + ROUNDS;

		lab_expect(known_byte(b, at, disk[at]));
		if (b->opts & OPT_FRESH)
			lab_expect(disk[at] == last || disk[at] == DIRECT_BYTE + ROUNDS);
		else if (!(b->opts & OPT_CUT))
			lab_expect_eq(disk[at], last);
	}
	kfree(disk);
	kfree(cached);
}

static void run_tasks(struct both *b)
{
	struct both_task tasks[NR_TASKS];
	unsigned int i;

	init_completion(&b->began);
	for (i = 0; i < NR_TASKS; i++) {
		tasks[i] = (struct both_task){ .both = b, .which = i };
		tasks[i].task = kthread_run(task_main, &tasks[i], "both");
		lab_expect(!IS_ERR(tasks[i].task));
	}
	for (i = 0; i < NR_TASKS; i++)
		wait_for_completion(&b->began);
	for (i = 0; i < NR_TASKS; i++)
		lab_expect_eq(kthread_stop(tasks[i].task), 0);
}

static void both_run(void *arg)
{
	struct both b = { .opts = *(u64 *)arg };
	struct lab_fs_opts fs_opts = {
		.layout = b.opts & OPT_SPARSE ? LAB_LAYOUT_SPARSE : LAB_LAYOUT_UNWRITTEN,
	};
	struct lab_knobs knobs = scen_knobs(design_now, b.opts & OPT_MQ ? LAB_LOOPQ_MQ : LAB_LOOPQ_BIO);
	struct lab_loop_opts loop_opts = { };
	struct lab_loop *loop = NULL;
	struct block_device *bdev;
	struct lab_fs *fs;
	unsigned int i;

	lab_expect_eq(design_now->init(&knobs), 0);
	bdev = lab_ram_create(1 << 20, NULL);
	lab_expect(!IS_ERR(bdev));
	fs = lab_fs_create(bdev, &fs_opts);
	lab_expect(!IS_ERR(fs));
	b.inode = lab_inode_create(fs, FILE_BYTES);
	b.file = design_now->open_file(b.inode);
	lab_expect(!IS_ERR(b.file));
	if (b.opts & OPT_LOOP) {
		loop = design_now->loop_add(b.file, &loop_opts);
		lab_expect(!IS_ERR(loop));
		b.bdev = design_now->open_bdev(design_now->loop_bdev(loop));
		lab_expect(!IS_ERR(b.bdev));
	}
	b.mm = kc_mm_create();
	lab_expect(b.mm);
	for (i = 0; i < NR_TASKS; i++)
		b.mem[i] = kc_mmap(b.mm, FILE_BYTES, KC_PROT_READ | KC_PROT_WRITE, 0);
	run_tasks(&b);
	current->mm = b.mm;
	judge(&b);
	current->mm = NULL;

	kc_mm_destroy(b.mm);
	if (loop) {
		design_now->close(b.bdev);
		design_now->loop_del(loop);
	}
	design_now->close(b.file);
	lab_fs_destroy(fs);
	lab_bdev_destroy(bdev);
	design_now->exit();
}

static void both_seeds(int engine, unsigned int seeds, bool fresh)
{
	struct kc_world_opts opts = { .ram_bytes = 8 << 20 };
	u64 seed = lab_test_base_seed(), end, bits;
	unsigned int i;
	int failures;

	if (!host_engine_built(engine))
		lab_test_skip("no such engine in this build");
	for (end = seed + seeds; seed < end; seed++) {
		for (i = 0; lab_designs[i]; i++) {
			design_now = lab_designs[i];
			lab_test_seed(seed);
			failures = -1;
			bits = fresh ? (seed & ~(u64)OPT_CUT) | OPT_FRESH : seed & ~OPT_FRESH;
			lab_expect_eq(kc_run(engine == HOST_DET, seed, &opts, both_run, &bits, &failures),
				      KC_RUN_DONE);
			lab_expect_eq(failures, 0);
		}
	}
}

LAB_TEST_BARE(page_cache, nothing_is_lost_on_every_schedule)
{
	both_seeds(HOST_DET, lab_test_slow() ? SEEDS_SLOW : SEEDS_DET, false);
}

LAB_TEST_BARE(page_cache, nothing_is_lost_on_threads)
{
	both_seeds(HOST_THR, lab_test_slow() ? SEEDS_SLOW : SEEDS_THR, false);
}

LAB_TEST_BARE(page_cache, fresh_blocks_do_not_stay_zero_on_every_schedule)
{
	both_seeds(HOST_DET, lab_test_slow() ? SEEDS_SLOW : SEEDS_DET, true);
}

LAB_TEST_BARE(page_cache, fresh_blocks_do_not_stay_zero_on_threads)
{
	both_seeds(HOST_THR, lab_test_slow() ? SEEDS_SLOW : SEEDS_THR, true);
}
