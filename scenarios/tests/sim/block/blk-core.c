// SPDX-License-Identifier: GPL-2.0-only
/*
 * Submission: what a device refuses, order and depth of stacked devices, whose account.
 */
#include <linux/kthread.h>
#include "testdev.h"

/* ---- what is refused ------------------------------------------------------------------ */

static int try_io(struct block_device *bdev, blk_opf_t opf, sector_t sector, void *buf, unsigned int bytes)
{
	struct bio *bio = tbio(bdev, opf, sector, buf, bytes);
	int err = submit_bio_wait(bio);

	bio_put(bio);
	return err;
}

LAB_TEST(blk_core, end_of_device)
{
	struct tdev *dev = tdev_create(4);
	u8 *buf = kzalloc(4096, GFP_KERNEL);

	lab_expect_eq(try_io(dev->bdev, REQ_OP_READ, TDEV_SECTORS - 8, buf, 4096), 0);
	lab_expect_eq(try_io(dev->bdev, REQ_OP_READ, TDEV_SECTORS - 7, buf, 4096), -EIO);
	lab_expect_eq(try_io(dev->bdev, REQ_OP_WRITE, TDEV_SECTORS, buf, 512), -EIO);
	lab_expect_eq(try_io(dev->bdev, REQ_OP_READ, ~0ull, buf, 512), -EIO);
	lab_expect_eq(try_io(dev->bdev, REQ_OP_READ, ~0ull - 7, buf, 4096), -EIO);
	lab_expect_eq(dev->nr_events, 1);
	kfree(buf);
	tdev_destroy(dev);
}

LAB_TEST(blk_core, unaligned_and_unknown)
{
	struct tdev *dev = tdev_create(4);
	u8 *buf = kzalloc(4096, GFP_KERNEL);

	blk_mq_freeze_queue(dev->disk->queue);
	blk_queue_logical_block_size(dev->disk->queue, 4096);
	blk_mq_unfreeze_queue(dev->disk->queue);
	lab_expect_eq(try_io(dev->bdev, REQ_OP_READ, 8, buf, 4096), 0);
	lab_expect_eq(try_io(dev->bdev, REQ_OP_READ, 1, buf, 4096), -EIO);
	lab_expect_eq(try_io(dev->bdev, REQ_OP_READ, 8, buf, 512), -EIO);
	lab_expect_eq(try_io(dev->bdev, REQ_OP_FLUSH, 0, buf, 0), -EOPNOTSUPP);
	lab_expect_eq(try_io(dev->bdev, (blk_opf_t)77, 0, buf, 4096), -EOPNOTSUPP);
	lab_expect_eq(dev->nr_events, 1);
	kfree(buf);
	tdev_destroy(dev);
}

LAB_TEST(blk_core, read_only)
{
	struct tdev *dev = tdev_create(4);
	u8 *buf = kzalloc(4096, GFP_KERNEL);

	set_disk_ro(dev->disk, true);
	lab_expect_eq(try_io(dev->bdev, REQ_OP_WRITE, 0, buf, 4096), -EIO);
	lab_expect_eq(try_io(dev->bdev, REQ_OP_READ, 0, buf, 4096), 0);
	lab_expect_eq(blkdev_issue_zeroout(dev->bdev, 0, 8, GFP_KERNEL, 0), -EPERM);
	set_disk_ro(dev->disk, false);
	lab_expect_eq(try_io(dev->bdev, REQ_OP_WRITE, 0, buf, 4096), 0);
	kfree(buf);
	tdev_destroy(dev);
}

/* ---- stacked devices -------------------------------------------------------------------- */

#define MAX_LEVELS	8

/*
 * Level i cuts what it gets into two halves and sends both to level i - 1. Names of bios are their
 * sectors; what reaches a level is written down.
 */
struct halver {
	struct gendisk *disk[MAX_LEVELS];
	struct block_device *lower;
	unsigned int nr_seen;
	struct { unsigned int level; sector_t sector; unsigned int depth; } seen[256];
	unsigned int depth, max_depth;
};

static struct halver *halver;

static void halver_submit_bio(struct bio *bio)
{
	unsigned int level = (unsigned long)bio->bi_bdev->bd_disk->private_data;
	struct block_device *below = level ? halver->disk[level - 1]->part0 : halver->lower;
	struct bio *front;

	halver->depth++;
	halver->max_depth = max(halver->max_depth, halver->depth);
	halver->seen[halver->nr_seen].level = level;
	halver->seen[halver->nr_seen++].sector = bio->bi_iter.bi_sector;
	lab_expect_eq(lab_scope(), LAB_LOOP);
	lab_expect_eq(current->kc_nowait_depth, 1);
	if (bio_sectors(bio) > 1) {
		front = bio_split(bio, bio_sectors(bio) / 2, GFP_NOIO, &fs_bio_set);
		bio_chain(front, bio);
		bio_set_dev(front, below);
		submit_bio_noacct(front);
	}
	bio_set_dev(bio, below);
	submit_bio_noacct(bio);
	halver->depth--;
}

static const struct block_device_operations halver_fops = { .submit_bio = halver_submit_bio };

static void halver_init(struct halver *h, unsigned int levels, struct block_device *lower)
{
	unsigned int i;

	memset(h, 0, sizeof(*h));
	h->lower = lower;
	halver = h;
	for (i = 0; i < levels; i++) {
		h->disk[i] = blk_alloc_disk(NUMA_NO_NODE);
		h->disk[i]->fops = &halver_fops;
		h->disk[i]->private_data = (void *)(unsigned long)i;
		h->disk[i]->lab_scope = LAB_LOOP;
		h->disk[i]->lab_stacking = true;
		set_capacity(h->disk[i], bdev_nr_sectors(lower));
		lab_expect_eq(add_disk(h->disk[i]), 0);
	}
}

static void halver_exit(struct halver *h, unsigned int levels)
{
	while (levels--) {
		del_gendisk(h->disk[levels]);
		put_disk(h->disk[levels]);
	}
}

LAB_TEST(blk_core, stacked_devices_go_depth_first)
{
	static const struct { unsigned int level; sector_t sector; } want[] = {
		{ 2, 0 }, { 1, 0 }, { 0, 0 }, { 0, 2 }, { 1, 4 }, { 0, 4 }, { 0, 6 },
	};
	struct tdev *dev = tdev_create(16);
	struct halver *h = kzalloc(sizeof(*h), GFP_KERNEL);
	u8 *buf = kmalloc(4096, GFP_KERNEL);
	unsigned int i;

	halver_init(h, 3, dev->bdev);
	memset(buf, 0x3c, 4096);
	lab_expect_eq(try_io(h->disk[2]->part0, REQ_OP_WRITE, 0, buf, 4096), 0);
	lab_expect_eq(h->nr_seen, ARRAY_SIZE(want));
	for (i = 0; i < h->nr_seen; i++) {
		lab_expect_eq(h->seen[i].level, want[i].level);
		lab_expect_eq(h->seen[i].sector, want[i].sector);
	}
	lab_expect_eq(h->max_depth, 1);
	/* At the bottom: all eight sectors, in order of the device. */
	lab_expect_eq(dev->nr_events, 8);
	for (i = 0; i < 8; i++)
		lab_expect_eq(dev->event[i].sector, i);
	lab_expect_mem(dev->data, buf, 4096);
	halver_exit(h, 3);
	kfree(buf);
	kfree(h);
	tdev_destroy(dev);
}

static u64 stack_of_levels(struct halver *h, struct tdev *dev, unsigned int levels, u8 *buf)
{
	struct kc_probes probes;

	halver_init(h, levels, dev->bdev);
	kc_probes_reset();
	lab_expect_eq(try_io(h->disk[levels - 1]->part0, REQ_OP_READ, 0, buf, 512), 0);
	kc_probes_read(&probes);
	halver_exit(h, levels);
	return probes.n[LAB_LOWER][LAB_STACK_SUBMIT];
}

LAB_TEST(blk_core, nesting_costs_no_stack)
{
	struct halver *h = kzalloc(sizeof(*h), GFP_KERNEL);
	struct tdev *dev = tdev_create(4);
	u8 *buf = kmalloc(512, GFP_KERNEL);
	u64 one = stack_of_levels(h, dev, 1, buf);

#if LAB_WITH_PROBES
	lab_expect_gt(one, 0);
#endif
	lab_expect_eq(stack_of_levels(h, dev, MAX_LEVELS, buf), one);
	kfree(buf);
	kfree(h);
	tdev_destroy(dev);
}

/* One tag below, many bios above: the submitter sleeps for the tag outside of the driver, and gets it. */
LAB_TEST(blk_core, one_tag_below_two_levels)
{
	struct tdev *dev = tdev_create(1);
	struct halver *h = kzalloc(sizeof(*h), GFP_KERNEL);
	u8 *buf = kmalloc(8192, GFP_KERNEL);
	struct blk_plug plug;
	struct tbatch batch;

	halver_init(h, 2, dev->bdev);
	memset(buf, 0x19, 8192);
	tbatch_init(&batch);
	blk_start_plug(&plug);
	tbatch_submit(&batch, tbio(h->disk[1]->part0, REQ_OP_WRITE, 8, buf, 8192));
	tbatch_submit(&batch, tbio(h->disk[1]->part0, REQ_OP_WRITE, 100, buf, 8192));
	blk_finish_plug(&plug);
	tbatch_wait(&batch);
	lab_expect_eq(batch.nr_failed, 0);
	lab_expect_eq(dev->max_in_flight, 1);
	lab_expect_mem(dev->data + 8 * 512, buf, 8192);
	lab_expect_mem(dev->data + 100 * 512, buf, 8192);
	halver_exit(h, 2);
	kfree(buf);
	kfree(h);
	tdev_destroy(dev);
}

/* ---- waiting under submission -------------------------------------------------------------- */

static void waiter_submit_bio(struct bio *bio)
{
	struct bio below;

	bio_init(&below, bio->bi_bdev->bd_disk->private_data, NULL, 0, REQ_OP_WRITE | REQ_PREFLUSH);
	submit_bio_wait(&below);
	bio_endio(bio);
}

static const struct block_device_operations waiter_fops = { .submit_bio = waiter_submit_bio };

/* Static, so that what the dead process leaves is not lost to the leak checker. */
static struct tdev *dying_dev;
static struct gendisk *dying_disk;
static struct bio *dying_bio;

static void wait_under_submission(void *arg)
{
	struct tdev *dev = dying_dev = tdev_create(1);
	struct gendisk *disk = dying_disk = blk_alloc_disk(NUMA_NO_NODE);

	blk_queue_write_cache(dev->disk->queue, true, false);
	disk->fops = &waiter_fops;
	disk->private_data = dev->bdev;
	disk->lab_stacking = true;
	set_capacity(disk, 8);
	add_disk(disk);
	dying_bio = tbio(disk->part0, REQ_OP_READ, 0, dev->data, 512);
	submit_bio_wait(dying_bio);
}

LAB_TEST_BARE(blk_core, waiting_under_submission_stops)
{
#ifdef KC_DEBUG
	lab_expect_eq(tfork(wait_under_submission, NULL), LAB_DIED);
	lab_expect(lab_test_fork_said("stacking driver"));
#else
	(void)wait_under_submission;
	lab_test_skip("only check builds notice");
#endif
}

/* ---- disks ------------------------------------------------------------------------------------- */

LAB_TEST(blk_core, add_disk_wants_one_way_in)
{
	struct gendisk *disk = blk_alloc_disk(NUMA_NO_NODE);

	lab_expect_eq(add_disk(disk), -EINVAL);
	disk->fops = &halver_fops;
	lab_expect_eq(add_disk(disk), 0);
	lab_expect_eq(add_disk(disk), -EINVAL);
	del_gendisk(disk);
	put_disk(disk);
	put_disk(NULL);
}

LAB_TEST(blk_core, deleted_disks_fail_bios)
{
	struct tdev *dev = tdev_create(4);
	struct halver *h = kzalloc(sizeof(*h), GFP_KERNEL);
	u8 *buf = kmalloc(512, GFP_KERNEL);

	halver_init(h, 1, dev->bdev);
	del_gendisk(h->disk[0]);
	lab_expect_eq(try_io(h->disk[0]->part0, REQ_OP_READ, 0, buf, 512), -EIO);
	put_disk(h->disk[0]);
	del_gendisk(dev->disk);
	lab_expect_eq(try_io(dev->bdev, REQ_OP_READ, 0, buf, 512), -EIO);
	lab_expect_eq(try_io(dev->bdev, REQ_OP_READ | REQ_NOWAIT, 0, buf, 512), -EIO);
	lab_expect_eq(dev->nr_events, 0);
	kfree(buf);
	kfree(h);
	tdev_destroy(dev);
}

LAB_TEST(blk_core, stacking_limits)
{
	struct tdev *dev = tdev_create(4);
	struct gendisk *disk = blk_alloc_disk(NUMA_NO_NODE);
	struct queue_limits *lim = &disk->queue->limits;

	lab_expect_eq(lim->max_segment_size, UINT_MAX);
	blk_queue_logical_block_size(dev->disk->queue, 4096);
	blk_queue_max_hw_sectors(dev->disk->queue, 64);
	blk_queue_max_segments(dev->disk->queue, 7);
	blk_queue_virt_boundary(dev->disk->queue, 4095);
	disk_stack_limits(disk, dev->bdev, 8192);
	lab_expect_eq(lim->logical_block_size, 4096);
	lab_expect_eq(lim->max_sectors, 64);
	lab_expect_eq(lim->max_segments, 7);
	lab_expect_eq(lim->virt_boundary_mask, 4095);
	lab_expect_eq(blk_stack_limits(lim, &dev->disk->queue->limits, 8), 0);
	lab_expect_eq(blk_stack_limits(lim, &dev->disk->queue->limits, 1), -1);
	put_disk(disk);
	tdev_destroy(dev);
}

/* ---- flags of a queue ----------------------------------------------------------------------------- */

#define NR_FLAGGERS	3u

struct flagger {
	struct request_queue *q;
	unsigned int flag, lost;
	atomic_t *running;		/* of all */
	struct completion done;
};

/* For as long as another one who read before may take to write. */
static bool flag_stays(const struct flagger *f, bool set)
{
	unsigned int look;

	for (look = 0; look < 16; look++)
		if (blk_queue_flag(f->q, f->flag) != set)
			return false;
	return true;
}

static int flagger_fn(void *arg)
{
	struct flagger *f = arg;
	unsigned int i, rounds = lab_test_slow() ? 2000 : 300000;

	atomic_inc(f->running);
	while (atomic_read(f->running) < NR_FLAGGERS)
		yield();
	for (i = 0; i < rounds; i++) {
		blk_queue_flag_set(f->flag, f->q);
		f->lost += !flag_stays(f, true);
		blk_queue_flag_clear(f->flag, f->q);
		f->lost += !flag_stays(f, false);
	}
	complete(&f->done);
	return 0;
}

/* Each has a flag of its own; two that change different flags at once lose neither. */
LAB_TEST_THR(blk_core, flags_of_a_queue_from_several_tasks)
{
	static const unsigned int flags[NR_FLAGGERS] = { QUEUE_FLAG_NOMERGES, QUEUE_FLAG_POLL, QUEUE_FLAG_WC };
	struct tdev *dev = tdev_create(4);
	struct task_struct *task[NR_FLAGGERS];
	struct flagger f[NR_FLAGGERS];
	atomic_t running = ATOMIC_INIT(0);
	unsigned int i;

	for (i = 0; i < NR_FLAGGERS; i++) {
		f[i] = (struct flagger) { .q = dev->disk->queue, .flag = flags[i], .running = &running };
		init_completion(&f[i].done);
		task[i] = kthread_run(flagger_fn, &f[i], "flagger/%u", i);
		lab_expect(!IS_ERR(task[i]));
	}
	for (i = 0; i < NR_FLAGGERS; i++) {
		wait_for_completion(&f[i].done);
		lab_expect_eq(kthread_stop(task[i]), 0);
	}
	for (i = 0; i < NR_FLAGGERS; i++)
		lab_expect_eq(f[i].lost, 0);
	tdev_destroy(dev);
}
