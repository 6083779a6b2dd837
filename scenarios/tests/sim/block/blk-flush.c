// SPDX-License-Identifier: GPL-2.0-only
/*
 * Flush sequences: which steps, in which order, shared by whom, and what errors do to them.
 */
#include <linux/kthread.h>
#include "testdev.h"

static int do_write(struct tdev *dev, blk_opf_t flags, sector_t sector, u8 *buf, unsigned int bytes)
{
	struct bio *bio = tbio(dev->bdev, REQ_OP_WRITE | flags, sector, buf, bytes);
	int err;

	tdev_reset_log(dev);
	err = submit_bio_wait(bio);
	bio_put(bio);
	return err;
}

/* @want: F flush, W plain write, U write with FUA. */
static void expect_steps(const struct tdev *dev, const char *want)
{
	unsigned int i;

	lab_expect_eq(dev->nr_events, strlen(want));
	for (i = 0; want[i]; i++) {
		lab_expect_eq(dev->event[i].what, want[i] == 'F' ? TDEV_FLUSH : TDEV_WRITE);
		if (want[i] == 'F')
			continue;
		lab_expect_eq(!!(dev->event[i].opf & REQ_FUA), want[i] == 'U');
		lab_expect(!(dev->event[i].opf & REQ_PREFLUSH));
	}
}

static void set_cache(struct tdev *dev, bool wc, bool fua)
{
	blk_mq_freeze_queue(dev->disk->queue);
	blk_queue_write_cache(dev->disk->queue, wc, fua);
	blk_mq_unfreeze_queue(dev->disk->queue);
}

LAB_TEST(blk_flush, steps_follow_from_flags_and_device)
{
	static const struct { bool wc, fua; const char *none, *pre, *fua_, *both, *empty; } want[] = {
		{ false, false, "W", "W", "W", "W", "" },
		{ true, false, "W", "FW", "WF", "FWF", "F" },
		{ true, true, "W", "FW", "U", "FU", "F" },
		{ false, true, "W", "W", "W", "W", "" },
	};
	u8 *buf = kmalloc(1024, GFP_KERNEL);
	unsigned int i, inline_end;

	memset(buf, 0x6e, 1024);
	for (inline_end = 0; inline_end < 2; inline_end++) {
		for (i = 0; i < ARRAY_SIZE(want); i++) {
			struct tdev *dev = tdev_create(2);

			dev->end_inline = inline_end;
			set_cache(dev, want[i].wc, want[i].fua);
			lab_expect_eq(do_write(dev, 0, 4, buf, 1024), 0);
			expect_steps(dev, want[i].none);
			lab_expect_eq(do_write(dev, REQ_PREFLUSH, 8, buf, 1024), 0);
			expect_steps(dev, want[i].pre);
			lab_expect_eq(do_write(dev, REQ_FUA, 12, buf, 1024), 0);
			expect_steps(dev, want[i].fua_);
			lab_expect_eq(do_write(dev, REQ_PREFLUSH | REQ_FUA, 16, buf, 1024), 0);
			expect_steps(dev, want[i].both);
			lab_expect_mem(dev->data + 16 * 512, buf, 1024);
			lab_expect_eq(do_write(dev, REQ_PREFLUSH, 0, buf, 0), 0);
			expect_steps(dev, want[i].empty);
			tdev_reset_log(dev);
			lab_expect_eq(blkdev_issue_flush(dev->bdev), 0);
			expect_steps(dev, want[i].empty);
			tdev_destroy(dev);
		}
	}
	kfree(buf);
}

LAB_TEST(blk_flush, an_error_ends_the_sequence)
{
	struct tdev *dev = tdev_create(4);
	u8 *buf = kzalloc(512, GFP_KERNEL);

	set_cache(dev, true, false);
	dev->fail_sector = 8;
	dev->fail_status = BLK_STS_NOSPC;
	lab_expect_eq(do_write(dev, REQ_PREFLUSH | REQ_FUA, 8, buf, 512), -ENOSPC);
	expect_steps(dev, "FW");
	dev->fail_sector = (sector_t)-1;
	dev->fail_flush = true;
	lab_expect_eq(do_write(dev, REQ_PREFLUSH | REQ_FUA, 8, buf, 512), -ENOSPC);
	expect_steps(dev, "F");
	lab_expect_eq(do_write(dev, REQ_FUA, 8, buf, 512), -ENOSPC);
	expect_steps(dev, "WF");
	lab_expect_eq(blkdev_issue_flush(dev->bdev), -ENOSPC);
	dev->fail_flush = false;
	lab_expect_eq(do_write(dev, REQ_PREFLUSH | REQ_FUA, 8, buf, 512), 0);
	expect_steps(dev, "FWF");
	kfree(buf);
	tdev_destroy(dev);
}

LAB_TEST(blk_flush, many_share_two_flushes)
{
	struct tdev *dev = tdev_create(32);
	u8 *buf = kzalloc(512, GFP_KERNEL);
	struct tbatch batch;
	unsigned int i;

	set_cache(dev, true, false);
	tdev_reset_log(dev);
	dev->hold = true;
	tbatch_init(&batch);
	for (i = 0; i < 20; i++)
		tbatch_submit(&batch, tbio(dev->bdev, REQ_OP_WRITE | REQ_PREFLUSH, 0, buf, 0));
	/* The first has sent its own; the others came too late for it and wait for the next. */
	lab_expect_eq(dev->nr_events, 1);
	tdev_release(dev);
	tbatch_wait(&batch);
	lab_expect_eq(batch.nr_ended, 20);
	expect_steps(dev, "FF");
	kfree(buf);
	tdev_destroy(dev);
}

LAB_TEST(blk_flush, busy_driver_with_one_tag)
{
	struct tdev *dev = tdev_create(1);
	u8 *buf = kzalloc(512, GFP_KERNEL);
	unsigned int i;

	set_cache(dev, true, false);
	for (i = 0; i < 6; i++) {
		dev->busy_after = i / 2;
		dev->busy = 1 + i % 2;
		lab_expect_eq(do_write(dev, REQ_PREFLUSH | REQ_FUA, 8, buf, 512), 0);
		expect_steps(dev, "FWF");
		lab_expect_eq(dev->busy, 0);
	}
	kfree(buf);
	tdev_destroy(dev);
}

/* ---- what a flush means: what was written before it is durable after it -------------------- */

#define NR_SYNCERS	3

struct syncer {
	struct task_struct *task;
	struct tdev *dev;
	unsigned int id;
	struct completion done;
};

static int syncer_fn(void *arg)
{
	static const blk_opf_t flags[] = { REQ_FUA, REQ_PREFLUSH, 0 };
	struct syncer *s = arg;
	u8 *buf = kmalloc(512, GFP_KERNEL);
	unsigned int i, rounds = lab_test_slow() ? 10 : 50;

	for (i = 0; i < rounds; i++) {
		struct bio *bio;

		memset(buf, i + 1, 512);
		bio = tbio(s->dev->bdev, REQ_OP_WRITE | flags[i % 3], s->id, buf, 512);
		lab_expect_eq(submit_bio_wait(bio), 0);
		bio_put(bio);
		if (i % 3 == 0) {
			/* FUA has returned: a flush was sent and came back after the data was written. */
			lab_expect_ge(READ_ONCE(s->dev->durable[s->id]), i + 1);
		} else if (i % 3 == 2) {
			lab_expect_eq(blkdev_issue_flush(s->dev->bdev), 0);
			lab_expect_ge(READ_ONCE(s->dev->durable[s->id]), i + 1);
		}
	}
	kfree(buf);
	complete(&s->done);
	return 0;
}

static void syncers(unsigned int tags, bool fua)
{
	struct tdev *dev = tdev_create(tags);
	struct syncer s[NR_SYNCERS];
	unsigned int i;

	set_cache(dev, true, fua);
	dev->busy_after = 7;
	dev->busy = 5;
	for (i = 0; i < NR_SYNCERS; i++) {
		s[i] = (struct syncer) { .dev = dev, .id = i };
		init_completion(&s[i].done);
		s[i].task = kthread_run(syncer_fn, &s[i], "syncer/%u", i);
		lab_expect(!IS_ERR(s[i].task));
	}
	for (i = 0; i < NR_SYNCERS; i++) {
		wait_for_completion(&s[i].done);
		lab_expect_eq(kthread_stop(s[i].task), 0);
	}
	tdev_destroy(dev);
}

LAB_TEST(blk_flush, durable_when_it_says_so) { syncers(8, false); }
LAB_TEST(blk_flush, durable_with_fua_below) { syncers(8, true); }
LAB_TEST(blk_flush, durable_with_one_tag) { syncers(1, false); }

/* ---- a driver that ends a flush where it begins ------------------------------------------------- */

#define NR_LATE		1000u

static struct {
	struct tbatch batch;
	unsigned int left;
	u64 least_bytes, most_bytes;	/* of stack, in the driver */
	blk_opf_t flags;
	unsigned int bytes;
	u8 *buf;
} late;

/* While a flush is at the driver another task asks for one: as this task, but outside of its submission. */
static void one_more_comes(struct tdev *dev)
{
	struct bio_list *frame = current->bio_list;
	u64 used_bytes = kc_stack_used_bytes();

	late.least_bytes = min(late.least_bytes, used_bytes);
	late.most_bytes = max(late.most_bytes, used_bytes);
	tdev_reset_log(dev);
	if (!late.left)
		return;
	late.left--;
	current->bio_list = NULL;
	tbatch_submit(&late.batch, tbio(dev->bdev, REQ_OP_WRITE | late.flags, 0, late.buf, late.bytes));
	current->bio_list = frame;
}

static void late_flushes(blk_opf_t flags, unsigned int bytes)
{
	struct tdev *dev = tdev_create(NR_LATE + 2);

	set_cache(dev, true, false);
	late.left = NR_LATE;
	late.least_bytes = ~0ull;
	late.most_bytes = 0;
	late.flags = flags;
	late.bytes = bytes;
	late.buf = kzalloc(512, GFP_KERNEL);
	tbatch_init(&late.batch);
	dev->end_inline = true;
	dev->on_flush = one_more_comes;
	tbatch_submit(&late.batch, tbio(dev->bdev, REQ_OP_WRITE | flags, 0, late.buf, bytes));
	tbatch_wait(&late.batch);
	lab_expect_eq(late.left, 0);
	lab_expect_eq(late.batch.nr_ended, NR_LATE + 1);
	lab_expect_eq(late.batch.nr_failed, 0);
	lab_expect_le(late.most_bytes - late.least_bytes, 4096);
	kfree(late.buf);
	tdev_destroy(dev);
}

/* Each comes while the one before is at the driver, so each needs a flush of its own; they must not nest. */
LAB_TEST(blk_flush, late_ones_do_not_nest)
{
	late_flushes(REQ_PREFLUSH, 0);
	late_flushes(REQ_PREFLUSH, 512);
	late_flushes(REQ_PREFLUSH | REQ_FUA, 512);
	late_flushes(REQ_FUA, 512);
}
