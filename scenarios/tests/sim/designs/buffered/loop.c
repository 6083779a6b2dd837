// SPDX-License-Identifier: GPL-2.0-only
/*
 * The loop driver's one thread: one bio at the file, in the order of the list; who submits too much waits; three of
 * them on one another without memory; what LOOP_CHANGE_FD and its like do.
 */
#include <linux/completion.h>
#include <linux/fs.h>
#include <linux/kthread.h>
#include <linux/slab.h>
#include <kc/fault.h>
#include "../burst.h"
#include "loop.h"

/* ---- one at a time ------------------------------------------------------------------------ */

static const struct file_operations *real_fops;
static atomic_t at_the_file;
static int most_at_the_file;
static loff_t last_pos;
static bool in_order;

static ssize_t spy_write(struct file *file, const void *buf, size_t len, loff_t *ppos)
{
	ssize_t ret;

	most_at_the_file = max(most_at_the_file, atomic_inc_return(&at_the_file));
	in_order = in_order && *ppos > last_pos;
	last_pos = *ppos;
	yield();
	ret = real_fops->write(file, buf, len, ppos);
	atomic_dec(&at_the_file);
	return ret;
}

LAB_TEST(buffered_loop, one_bio_at_the_file)
{
	struct rig_opts o = { .file_bytes = 1 << 20, .loop = true };
	struct file_operations spy;
	struct burst *b;
	struct rig r;

	rig_up(&r, &o);
	real_fops = r.file->buffered.f_op;
	spy = *real_fops;
	spy.write = spy_write;
	r.file->buffered.f_op = &spy;
	atomic_set(&at_the_file, 0);
	most_at_the_file = 0;
	last_pos = -1;
	in_order = true;
	b = burst_make(rig_design->loop_bdev(r.loop), REQ_OP_WRITE, 64, 1);
	kc_probes_reset();
	burst_run(b, false);
	lab_expect_eq(most_at_the_file, 1);
	lab_expect(in_order);
	lab_expect_eq(last_pos, 63 * PAGE_SIZE);
	/* each hopped, and nothing was allocated for it: pages and the nodes of their tree come from elsewhere */
	lab_expect_eq(rig_count(LAB_LOOP, LAB_PUNTS), 64);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_ALLOC_CMD) + rig_count(LAB_LOOP, LAB_ALLOC_BIO), 0);
	r.file->buffered.f_op = real_fops;
	rig_down(&r);
}

/* ---- congestion ----------------------------------------------------------------------------- */

#define CROWD	300u

static int submit_burst(void *arg)
{
	burst_submit(arg, false);
	return 0;
}

static unsigned int listed(struct rig *r)
{
	return READ_ONCE(r->loop->lo.lo_bio_count);
}

LAB_TEST(buffered_loop, who_submits_too_much_waits)
{
	struct rig_opts o = { .file_bytes = CROWD * PAGE_SIZE, .loop = true };
	struct task_struct *task;
	struct burst *b;
	struct rig r;
	int i;

	rig_up(&r, &o);
	b = burst_make(rig_design->loop_bdev(r.loop), REQ_OP_WRITE, CROWD, 1);
	down_write(&r.inode->i_rwsem);		/* the thread takes one bio, and waits in the file */
	task = kthread_run(submit_burst, b, "crowd");
	while (listed(&r) < LOOP_CONGESTION_ON - 1)
		yield();
	/* the one that the thread takes may be of these: then there are one less, and still nobody goes on */
	for (i = 0; i < 200; i++) {
		yield();
		lab_expect_le(listed(&r), LOOP_CONGESTION_ON);
		lab_expect_ge(listed(&r), LOOP_CONGESTION_ON - 1);
	}
	lab_expect_eq(b->done, 0);
	up_write(&r.inode->i_rwsem);
	rig_wait(&b->done);
	kthread_stop(task);
	lab_expect_eq(listed(&r), 0);
	burst_end(b, BLK_STS_OK);
	rig_down(&r);
}

/* ---- three on one another, without memory ------------------------------------------------------ */

#define LEVELS	3
#define SLOTS	16

struct pile {
	struct rig rig;
	struct {
		struct lab_fs *fs;
		struct inode *inode;
		struct lab_file *file;
		struct lab_loop *loop;
	} level[LEVELS - 1];
	struct lab_file *top;
};

static void pile_up(struct pile *p)
{
	struct rig_opts o = {
		.disk_bytes = 8 << 20, .file_bytes = 6 << 20, .loop = true,
		.fs = { .layout = LAB_LAYOUT_SPARSE },
	};
	struct block_device *bdev;
	unsigned int i;

	rig_up(&p->rig, &o);
	bdev = rig_design->loop_bdev(p->rig.loop);
	for (i = 0; i < LEVELS - 1; i++) {
		struct lab_fs_opts fs = { .layout = LAB_LAYOUT_SPARSE, .nesting = i + 1 };
		struct lab_loop_opts opts = { };

		p->level[i].fs = lab_fs_create(bdev, &fs);
		lab_expect(!IS_ERR(p->level[i].fs));
		p->level[i].inode = lab_inode_create(p->level[i].fs, (5 - i) << 20);
		lab_expect(!IS_ERR(p->level[i].inode));
		p->level[i].file = rig_design->open_file(p->level[i].inode);
		p->level[i].loop = rig_design->loop_add(p->level[i].file, &opts);
		lab_expect(!IS_ERR(p->level[i].loop));
		bdev = rig_design->loop_bdev(p->level[i].loop);
	}
	p->top = rig_design->open_bdev(bdev);
	lab_expect(!IS_ERR(p->top));
}

static void pile_down(struct pile *p)
{
	unsigned int i;

	rig_design->close(p->top);
	for (i = LEVELS - 1; i-- > 0; ) {
		rig_design->loop_del(p->level[i].loop);
		rig_design->close(p->level[i].file);
		lab_fs_destroy(p->level[i].fs);
	}
	rig_down(&p->rig);
}

/* More dirty pages than a level may have: each level's thread writes back through the one below. */
static unsigned int push(struct pile *p, u8 byte, bool must)
{
	struct rig_slot *slots = kcalloc(SLOTS, sizeof(*slots), GFP_KERNEL | __GFP_NOFAIL);
	unsigned int failed = 0, i;
	struct lab_iovec iov[SLOTS];
	size_t len = (2 << 20) / SLOTS;

	for (i = 0; i < SLOTS; i++) {
		iov[i] = (struct lab_iovec){ p->rig.mem + i * len, len };
		rig_start(&slots[i], p->top, LAB_WRITE, i * len, &iov[i], 1, i & 1 ? LAB_IO_BUFFERED : 0);
	}
	for (i = 0; i < SLOTS; i++) {
		ssize_t ret = rig_finish(&slots[i]);

		lab_expect(ret == len || !must);
		failed += ret != len;
	}
	kfree(slots);
	return failed;
}

/*
 * No slab memory, then no page either, then every seventh of both: IO may fail, and nothing hangs. With memory again
 * all is as it should be.
 */
LAB_TEST(buffered_loop, three_levels_without_memory)
{
	static const struct { enum kc_fault_site site; u64 nth, times; } lack[] = {
		{ KC_FAULT_SLAB, 1, ~0ull >> 1 }, { KC_FAULT_PAGE, 1, ~0ull >> 1 }, { KC_FAULT_PAGE, 40, 300 },
	};
	unsigned int failed = 0, i;
	struct pile p;

	pile_up(&p);
	rig_set(p.rig.mem, 0x41, 2 << 20);
	for (i = 0; i < ARRAY_SIZE(lack); i++) {
		kc_fault_nth(lack[i].site, lack[i].nth, lack[i].times);
		failed += push(&p, 0x41, false);
		rig_design->fsync(p.top, true);
		lab_expect_gt(kc_fault_hits(lack[i].site), 0);
		kc_fault_nth(lack[i].site, 0, 0);
	}
	lab_expect_gt(failed, 0);
	rig_design->fsync(p.top, true);		/* what there is to be told of all that */
	rig_set(p.rig.mem, 0x42, 2 << 20);
	push(&p, 0x42, true);
	lab_expect_eq(rig_design->fsync(p.top, true), 0);
	rig_expect_written(&p.rig, p.top, 0, 0x42, 2 << 20);
	for (i = 0; i < LEVELS - 1; i++)
		lab_expect(!lab_cache_is_dirty(p.level[i].inode, 0, LAB_MAX_FILE_BYTES));
	lab_expect(!lab_cache_is_dirty(p.rig.inode, 0, LAB_MAX_FILE_BYTES));
	pile_down(&p);
}

/* ---- control ---------------------------------------------------------------------------------- */

LAB_TEST(buffered_loop, capacity_and_direct)
{
	struct rig_opts o = { .file_bytes = 1 << 20, .loop = true };
	const struct design *d = rig_design;
	struct rig r;

	rig_up(&r, &o);
	lab_expect_eq(d->loop_set_direct(r.loop, true), -EINVAL);
	lab_expect_eq(d->loop_set_direct(r.loop, false), 0);
	lab_expect_eq(rig_io(r.bdev, LAB_WRITE, 1 << 20, r.mem, 512, LAB_IO_BUFFERED), -ENOSPC);
	lab_expect_eq(lab_truncate(r.inode, 2 << 20), 0);
	lab_expect_eq(d->size(r.bdev), 1 << 20);
	lab_expect_eq(d->loop_set_capacity(r.loop), 0);
	lab_expect_eq(d->size(r.bdev), 2 << 20);
	rig_set(r.mem, 0x42, 4096);
	lab_expect_eq(rig_io(r.bdev, LAB_WRITE, 1 << 20, r.mem, 4096, LAB_IO_BUFFERED), 4096);
	rig_expect_written(&r, r.bdev, 1 << 20, 0x42, 4096);
	lab_expect_eq(lab_truncate(r.inode, 8192), 0);
	lab_expect_eq(d->loop_set_capacity(r.loop), 0);
	lab_expect_eq(rig_io(r.bdev, LAB_READ, 0, r.mem, 65536, LAB_IO_BUFFERED), 8192);
	lab_expect_eq(lab_truncate(r.inode, 100), 0);
	lab_expect_eq(d->loop_set_capacity(r.loop), -EINVAL);
	lab_expect_eq(d->size(r.bdev), 8192);
	rig_down(&r);
}

/* The bios before it are the old file's, those after it the new one's. */
LAB_TEST(buffered_loop, change_of_file)
{
	struct rig_opts o = { .file_bytes = 1 << 20, .fill = 0xee, .loop = true, .loop_opts = { .read_only = true } };
	const struct design *d = rig_design;
	struct inode *other, *small;
	struct lab_file *file, *small_file;
	struct burst *b;
	struct rig r;
	int i;

	rig_up(&r, &o);
	other = lab_inode_create(r.fs, 1 << 20);
	small = lab_inode_create(r.fs, 1 << 19);
	lab_expect(!IS_ERR(other) && !IS_ERR(small));
	file = d->open_file(other);
	small_file = d->open_file(small);
	rig_set(r.mem, 0x42, 1 << 20);
	lab_expect_eq(rig_io(file, LAB_WRITE, 0, r.mem, 1 << 20, LAB_IO_BUFFERED), 1 << 20);
	lab_expect_eq(d->loop_change_file(r.loop, small_file), -EINVAL);
	lab_expect_eq(d->loop_change_file(r.loop, r.bdev), -EINVAL);
	b = burst_make(d->loop_bdev(r.loop), REQ_OP_READ, 64, 1);
	burst_submit(b, false);
	lab_expect_eq(d->loop_change_file(r.loop, file), 0);
	lab_expect(smp_load_acquire(&b->done));
	for (i = 0; i < 64; i++)
		lab_expect_eq(*(u8 *)page_address(b->page[i]), 0xee);
	burst_end(b, BLK_STS_OK);
	rig_expect_written(&r, r.bdev, 0, 0x42, 65536);
	rig_loop_down(&r);
	d->close(file);
	d->close(small_file);
	rig_down(&r);
}

/* 3.12 has one word for a flush that fails, whatever the file said. */
LAB_TEST(buffered_loop, flush_fails_with_eio)
{
	struct rig_opts o = { .file_bytes = 256 * PAGE_SIZE, .loop = true, .fault = "enospc@0+4k" };
	struct block_device *bdev;
	struct rig r;

	rig_up(&r, &o);
	bdev = rig_design->loop_bdev(r.loop);
	lab_expect_eq(rig_io(r.bdev, LAB_WRITE, 0, r.mem, PAGE_SIZE, 0), PAGE_SIZE);
	lab_expect_eq(blkdev_issue_flush(bdev), -EIO);
	lab_expect_eq(blkdev_issue_flush(bdev), 0);
	rig_down(&r);
}
