// SPDX-License-Identifier: GPL-2.0-only
/*
 * The defects that no job file can show, since they are about what is in flight: D3 and D5. And F1's other half:
 * where the table is used. Each test fails if its defect goes.
 *
 * Below is a disk that keeps bios until it is told to let them go; nothing else stops an IO where it can be looked at.
 */
#include <linux/fs.h>
#include <linux/kthread.h>
#include <kc/fault.h>
#include "burst.h"
#include "loop.h"

#define FILE_BYTES	(4u << 20)

/**
 * struct hold - a disk that keeps what it is given
 * @lower: where it goes in the end
 * @held: until then, under @lock
 * @nr: how many are there
 */
struct hold {
	struct block_device *lower;
	struct gendisk *disk;
	spinlock_t lock;
	struct bio_list held;
	unsigned int nr;
	bool open;
};

static void hold_submit_bio(struct bio *bio)
{
	struct hold *h = bio->bi_bdev->bd_disk->private_data;

	spin_lock(&h->lock);
	if (h->open) {
		spin_unlock(&h->lock);
		bio_set_dev(bio, h->lower);
		submit_bio_noacct(bio);
		return;
	}
	bio_list_add(&h->held, bio);
	WRITE_ONCE(h->nr, h->nr + 1);
	spin_unlock(&h->lock);
}

static const struct block_device_operations hold_fops = { .submit_bio = hold_submit_bio };

static void hold_up(struct hold *h)
{
	*h = (struct hold){ .lower = lab_ram_create(16 << 20, &(struct lab_limits){ 0 }), .open = true };
	lab_expect(!IS_ERR(h->lower));
	spin_lock_init(&h->lock);
	bio_list_init(&h->held);
	h->disk = blk_alloc_disk(NUMA_NO_NODE);
	lab_expect(h->disk);
	h->disk->fops = &hold_fops;
	h->disk->private_data = h;
	set_capacity(h->disk, bdev_nr_sectors(h->lower));
	lab_expect_eq(add_disk(h->disk), 0);
}

static void hold_close(struct hold *h)
{
	spin_lock(&h->lock);
	h->open = false;
	h->nr = 0;
	spin_unlock(&h->lock);
}

static void hold_open(struct hold *h)
{
	struct bio *bio;

	spin_lock(&h->lock);
	h->open = true;
	bio = bio_list_get(&h->held);
	spin_unlock(&h->lock);
	while (bio) {
		struct bio *next = bio->bi_next;

		bio->bi_next = NULL;
		bio_set_dev(bio, h->lower);
		submit_bio_noacct(bio);
		bio = next;
	}
}

static void hold_down(struct hold *h)
{
	del_gendisk(h->disk);
	put_disk(h->disk);
	lab_bdev_destroy(h->lower);
}

/* A filesystem on it, two files, and a loop device on the first. */
struct held {
	struct hold hold;
	struct lab_fs *fs;
	struct lab_file *file[2];
	struct lab_loop *loop;
};

static void held_up(struct held *t, bool read_only)
{
	const struct design *d = rig_design;
	struct lab_loop_opts opts = { .read_only = read_only };
	struct lab_fs_opts fs = { .layout = LAB_LAYOUT_CONTIGUOUS };
	unsigned int i;

	lab_expect_eq(d->init(&d->variants[0].knobs), 0);
	hold_up(&t->hold);
	t->fs = lab_fs_create(t->hold.disk->part0, &fs);
	lab_expect(!IS_ERR(t->fs));
	for (i = 0; i < 2; i++) {
		struct inode *inode = lab_inode_create(t->fs, FILE_BYTES);

		lab_expect(!IS_ERR(inode));
		t->file[i] = d->open_file(inode);
		lab_expect(!IS_ERR(t->file[i]));
	}
	t->loop = d->loop_add(t->file[0], &opts);
	lab_expect(!IS_ERR(t->loop));
	hold_close(&t->hold);
}

static void held_down(struct held *t)
{
	const struct design *d = rig_design;

	d->loop_del(t->loop);
	d->close(t->file[0]);
	d->close(t->file[1]);
	lab_fs_destroy(t->fs);
	hold_down(&t->hold);
	d->exit();
}

/* @nr reads of the loop device are below, and stay there. */
static struct burst *held_reads(struct held *t, unsigned int nr)
{
	struct burst *b = burst_make(rig_design->loop_bdev(t->loop), REQ_OP_READ, nr, 1);

	burst_submit(b, false);
	while (READ_ONCE(t->hold.nr) < nr)
		yield();
	lab_expect_eq(READ_ONCE(b->done), 0);
	return b;
}

/*
 * LOOP_CHANGE_FD returns, and lets go of the file before, while kiocbs are on their way through it that hold no
 * reference. Whoever closed that file now would free it under them; here close() waits, and the count tells. If it
 * waited for them it would wait for ever, as the disk keeps them, and the world says so.
 */
LAB_TEST(iter_ops_defects, D3_change_file_does_not_wait_for_kiocbs)
{
	struct file *before, *after;
	struct held t;
	struct burst *b;

	held_up(&t, true);
	before = &t.file[0]->fd[O_DIRECT];
	after = &t.file[1]->fd[O_DIRECT];
	lab_expect_eq(atomic_read(&before->f_count), 2);
	b = held_reads(&t, 4);
	lab_expect_eq(rig_design->loop_change_file(t.loop, t.file[1]), 0);
	printk("defect: D3 %s", READ_ONCE(b->done) ? "waits" : "overtakes");	/* in the tables: mk/hazards.sh */
	lab_expect_eq(atomic_read(&before->f_count), 1);
	lab_expect_eq(atomic_read(&before->f_lab_kiocbs), 4);
	lab_expect_eq(atomic_read(&after->f_count), 2);
	lab_expect_eq(READ_ONCE(b->done), 0);
	hold_open(&t.hold);
	rig_wait(&b->done);
	burst_end(b, BLK_STS_OK);
	/* what comes later goes through the other file */
	hold_close(&t.hold);
	b = held_reads(&t, 2);
	lab_expect_eq(atomic_read(&before->f_lab_kiocbs), 0);
	lab_expect_eq(atomic_read(&after->f_lab_kiocbs), 2);
	hold_open(&t.hold);
	rig_wait(&b->done);
	burst_end(b, BLK_STS_OK);
	held_down(&t);
}

struct closer {
	struct lab_file *lf;
	struct completion began;
	bool closed;
};

static int close_file(void *arg)
{
	struct closer *c = arg;

	complete(&c->began);
	rig_design->close(c->lf);
	WRITE_ONCE(c->closed, true);
	return 0;
}

/* The laboratory's own, so that D3 does not end in freed memory: who closes the file before waits for the kiocbs. */
LAB_TEST(iter_ops_defects, D3_close_waits_for_kiocbs)
{
	struct task_struct *task;
	struct inode *inode;
	struct closer c;
	struct held t;
	struct burst *b;
	unsigned int i;

	held_up(&t, true);
	inode = t.file[0]->fd[0].f_inode;
	c = (struct closer){ .lf = t.file[0] };
	init_completion(&c.began);
	b = held_reads(&t, 4);
	lab_expect_eq(rig_design->loop_change_file(t.loop, t.file[1]), 0);
	task = kthread_run(close_file, &c, "closer");
	wait_for_completion(&c.began);
	for (i = 0; i < 64; i++)
		yield();
	lab_expect(!READ_ONCE(c.closed));
	hold_open(&t.hold);
	rig_wait(&b->done);
	burst_end(b, BLK_STS_OK);
	lab_expect_eq(kthread_stop(task), 0);
	lab_expect(c.closed);
	t.file[0] = rig_design->open_file(inode);	/* for held_down() */
	lab_expect(!IS_ERR(t.file[0]));
	held_down(&t);
}

/* Its refusals. */
LAB_TEST(iter_ops_defects, change_file_refuses)
{
	struct held t;

	held_up(&t, false);
	lab_expect_eq(rig_design->loop_change_file(t.loop, t.file[1]), -EINVAL);
	held_down(&t);
	held_up(&t, true);
	hold_open(&t.hold);
	lab_expect_eq(lab_truncate(t.file[1]->fd[0].f_inode, FILE_BYTES - PAGE_SIZE), 0);
	lab_expect_eq(rig_design->loop_change_file(t.loop, t.file[1]), -EINVAL);
	lab_expect_eq(atomic_read(&t.file[0]->fd[O_DIRECT].f_count), 2);
	lab_expect_eq(atomic_read(&t.file[1]->fd[O_DIRECT].f_count), 1);
	held_down(&t);
}

/*
 * Five times as many IOs as a queue of 128 would let in flight: the list, which is what submitters wait for, is empty,
 * and each of them holds a kiocb, a dio and a bio. If there were a bound this would never end either.
 */
LAB_TEST(iter_ops_defects, D5_nothing_bounds_what_is_in_flight)
{
	struct held t;
	struct burst *b;

	held_up(&t, false);
	b = held_reads(&t, BURST_MAX);
	lab_expect_eq(READ_ONCE(t.hold.nr), BURST_MAX);
	spin_lock_irq(&t.loop->lo.lo_lock);
	lab_expect_eq(t.loop->lo.lo_bio_count, 0);
	spin_unlock_irq(&t.loop->lo.lo_lock);
	lab_expect_eq(atomic_read(&t.file[0]->fd[O_DIRECT].f_lab_kiocbs), BURST_MAX);
	hold_open(&t.hold);
	rig_wait(&b->done);
	burst_end(b, BLK_STS_OK);
	held_down(&t);
}

/* And when there is no memory for one more, the IO fails, though waiting for one of the others would do. */
LAB_TEST(iter_ops_defects, D5_no_memory_is_an_error)
{
	struct held t;
	struct burst *b, *one;

	held_up(&t, false);
	b = held_reads(&t, 8);
	one = burst_make(rig_design->loop_bdev(t.loop), REQ_OP_READ, 1, 1);
	kc_fault_nth(KC_FAULT_SLAB, 1, ~0ull >> 1);
	burst_submit(one, false);
	rig_wait(&one->done);
	kc_fault_nth(KC_FAULT_SLAB, 0, 0);
	burst_say_no_memory(one);
	burst_end(one, BLK_STS_RESOURCE);
	hold_open(&t.hold);
	rig_wait(&b->done);
	burst_end(b, BLK_STS_OK);
	held_down(&t);
}

/* Calls through the table in scope loop of one write of @pages pages of the loop device. */
static u64 table_calls(enum lab_layout layout, unsigned int pages)
{
	struct rig_opts o = { .file_bytes = 1 << 20, .loop = true, .fs = { .layout = layout } };
	struct rig r;
	u64 calls;

	rig_up(&r, &o);
	rig_set(r.mem, 0x42, pages * PAGE_SIZE);
	kc_probes_reset();
	lab_expect_eq(rig_io(r.bdev, LAB_WRITE, 65536, r.mem, pages * PAGE_SIZE, 0), pages * PAGE_SIZE);
	calls = rig_count(LAB_LOOP, LAB_ITER_OPS);
	rig_expect_written(&r, r.file, 65536, 0x42, pages * PAGE_SIZE);
	rig_down(&r);
	return calls;
}

/*
 * F1: a direct write makes no call. One into a hole inside the file, which goes through the page cache, makes three a
 * page (fault in, copy, advance), and one to pass what direct IO has done.
 */
LAB_TEST(iter_ops_defects, F1_the_table_is_for_the_page_cache)
{
	if (!LAB_WITH_PROBES)
		lab_test_skip("this build counts nothing");
	lab_expect_eq(table_calls(LAB_LAYOUT_CONTIGUOUS, 1), 0);
	lab_expect_eq(table_calls(LAB_LAYOUT_UNWRITTEN, 8), 0);
	lab_expect_eq(table_calls(LAB_LAYOUT_SPARSE, 1), 1 + 3);
	lab_expect_eq(table_calls(LAB_LAYOUT_SPARSE, 8), 1 + 3 * 8);
}
