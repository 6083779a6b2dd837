// SPDX-License-Identifier: GPL-2.0-only
/*
 * Request queues: tags, plugs and merges, busy drivers, freezing; alone and with several tasks.
 */
#include <linux/kthread.h>
#include <kc/fault.h>
#include "testdev.h"

/* ---- one task ---------------------------------------------------------------------------- */

static void write_pages(struct tdev *dev, struct tbatch *batch, u8 *buf, unsigned int nr, unsigned int stride)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		tbatch_submit(batch, tbio(dev->bdev, REQ_OP_WRITE, i * stride, buf + i % 8 * 512, 512));
}

LAB_TEST(blk_mq, tags_bound_what_is_in_flight)
{
	static const unsigned int depths[] = { 1, 2, 7, 8, 9, 33, 64 };
	u8 *buf = kzalloc(4096, GFP_KERNEL);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(depths); i++) {
		struct tdev *dev = tdev_create(depths[i]);
		struct tbatch batch;

		tbatch_init(&batch);
		write_pages(dev, &batch, buf, 200, 2);
		tbatch_wait(&batch);
		lab_expect_eq(batch.nr_ended, 200);
		lab_expect_eq(batch.nr_failed, 0);
		lab_expect_eq(dev->max_in_flight, depths[i]);
		lab_expect_eq(lab_mq_tags_used(dev->disk->queue), 0);
		tdev_destroy(dev);
	}
	kfree(buf);
}

LAB_TEST(blk_mq, tag_set_arguments)
{
	static const struct blk_mq_ops no_ops;
	struct tdev *dev = tdev_create(BLK_MQ_MAX_DEPTH);
	struct blk_mq_tag_set set = {
		.ops = dev->set.ops, .nr_hw_queues = 1, .queue_depth = BLK_MQ_MAX_DEPTH + 1,
	};

	lab_expect_eq(blk_mq_alloc_tag_set(&set), -EINVAL);
	set.queue_depth = 0;
	lab_expect_eq(blk_mq_alloc_tag_set(&set), -EINVAL);
	set.queue_depth = 1;
	set.nr_hw_queues = 2;
	lab_expect_eq(blk_mq_alloc_tag_set(&set), -EINVAL);
	set.nr_hw_queues = 1;
	set.ops = &no_ops;
	lab_expect_eq(blk_mq_alloc_tag_set(&set), -EINVAL);
	blk_mq_free_tag_set(&set);
	tdev_destroy(dev);
}

LAB_TEST(blk_mq, every_allocation_may_fail)
{
	unsigned int nth, failed = 0;

	for (nth = 1; nth <= 8; nth++) {
		struct blk_mq_tag_set set = { .nr_hw_queues = 1, .queue_depth = 4 };
		struct tdev *dev = tdev_create(1);
		struct gendisk *disk;

		set.ops = dev->set.ops;
		kc_fault_nth(KC_FAULT_SLAB, nth, 1);
		if (blk_mq_alloc_tag_set(&set)) {
			failed++;
		} else {
			disk = blk_mq_alloc_disk(&set, NULL);
			if (IS_ERR(disk))
				failed++;
			else
				put_disk(disk);
		}
		kc_fault_nth(KC_FAULT_SLAB, 0, 0);
		blk_mq_free_tag_set(&set);
		tdev_destroy(dev);
	}
	lab_expect_gt(failed, 3);
}

LAB_TEST(blk_mq, nowait_without_a_tag)
{
	struct tdev *dev = tdev_create(2);
	u8 *buf = kzalloc(4096, GFP_KERNEL);
	struct tbatch batch, late;

	dev->hold = true;
	tbatch_init(&batch);
	write_pages(dev, &batch, buf, 2, 4);
	tbatch_init(&late);
	tbatch_submit(&late, tbio(dev->bdev, REQ_OP_READ | REQ_NOWAIT, 0, buf, 512));
	lab_expect_eq(late.nr_ended, 1);
	lab_expect_eq(late.status, BLK_STS_AGAIN);
	tbatch_wait(&late);
	tdev_release(dev);
	tbatch_wait(&batch);
	lab_expect_eq(batch.nr_failed, 0);
	kfree(buf);
	tdev_destroy(dev);
}

LAB_TEST(blk_mq, errors_reach_the_right_bio)
{
	struct tdev *dev = tdev_create(8);
	u8 *buf = kzalloc(4096, GFP_KERNEL);
	unsigned int how;

	for (how = 0; how < 3; how++) {
		struct tbatch good, bad;

		dev->fail_sector = 21;
		dev->fail_status = how ? BLK_STS_NOSPC : BLK_STS_IOERR;
		dev->end_inline = how == 1;
		tbatch_init(&good);
		tbatch_init(&bad);
		tbatch_submit(&good, tbio(dev->bdev, REQ_OP_WRITE, 19, buf, 1024));
		dev->fail_in_queue_rq = how == 2;
		tbatch_submit(&bad, tbio(dev->bdev, REQ_OP_WRITE, 21, buf, 512));
		dev->fail_in_queue_rq = false;
		tbatch_submit(&good, tbio(dev->bdev, REQ_OP_WRITE, 22, buf, 512));
		tbatch_wait(&good);
		tbatch_wait(&bad);
		lab_expect_eq(good.nr_failed, 0);
		lab_expect_eq(bad.nr_failed, 1);
		lab_expect_eq(bad.status, dev->fail_status);
	}
	kfree(buf);
	tdev_destroy(dev);
}

/* ---- plugs and merges ------------------------------------------------------------------------ */

LAB_TEST(blk_mq, plugged_neighbours_merge)
{
	struct tdev *dev = tdev_create(8);
	u8 *buf = kmalloc(8 * 512, GFP_KERNEL);
	struct kc_probes probes;
	struct blk_plug plug;
	struct tbatch batch;
	unsigned int i;

	for (i = 0; i < 8 * 512; i++)
		buf[i] = i / 512 + i;
	kc_probes_reset();
	tbatch_init(&batch);
	blk_start_plug(&plug);
	/* 3 4 5 behind each other, 2 1 before them, 7 apart. */
	for (i = 0; i < 6; i++) {
		static const unsigned int order[] = { 3, 4, 5, 2, 1, 7 };

		tbatch_submit(&batch, tbio(dev->bdev, REQ_OP_WRITE, order[i], buf + order[i] * 512, 512));
	}
	lab_expect_eq(dev->nr_events, 0);
	blk_finish_plug(&plug);
	lab_expect(!current->plug);
	lab_expect_eq(dev->nr_events, 2);
	lab_expect_eq(dev->event[0].sector, 1);
	lab_expect_eq(dev->event[0].bytes, 5 * 512);
	lab_expect(!dev->event[0].last);
	lab_expect(dev->event[1].last);
	tbatch_wait(&batch);
	lab_expect_eq(batch.nr_ended, 6);
	lab_expect_mem(dev->data + 512, buf + 512, 5 * 512);
	lab_expect_mem(dev->data + 7 * 512, buf + 7 * 512, 512);
	lab_expect_eq(dev->data[6 * 512], 0);
	kc_probes_read(&probes);
#if LAB_WITH_PROBES
	lab_expect_eq(probes.n[LAB_LOWER][LAB_MERGES], 4);
	lab_expect_eq(probes.n[LAB_LOWER][LAB_REQUESTS], 2);
	lab_expect_eq(probes.n[LAB_UPPER][LAB_BIOS], 6);
#endif
	kfree(buf);
	tdev_destroy(dev);
}

static unsigned int requests_of_pair(struct tdev *dev, u8 *buf, blk_opf_t first, blk_opf_t second,
				     unsigned int bytes)
{
	struct blk_plug plug;
	struct tbatch batch;

	tdev_reset_log(dev);
	tbatch_init(&batch);
	blk_start_plug(&plug);
	tbatch_submit(&batch, tbio(dev->bdev, first, 8, buf, bytes));
	tbatch_submit(&batch, tbio(dev->bdev, second, 8 + bytes / 512, buf + bytes, bytes));
	blk_finish_plug(&plug);
	tbatch_wait(&batch);
	lab_expect_eq(batch.nr_failed, 0);
	return dev->nr_events;
}

LAB_TEST(blk_mq, what_does_not_merge)
{
	struct tdev *dev = tdev_create(8), *plain = tdev_create_flags(8, 0);
	struct request_queue *q = dev->disk->queue;
	u8 *buf = (u8 *)__get_free_pages(GFP_KERNEL | __GFP_ZERO, 3);

	lab_expect_eq(requests_of_pair(dev, buf, REQ_OP_WRITE, REQ_OP_WRITE, 4096), 1);
	lab_expect_eq(requests_of_pair(dev, buf, REQ_OP_WRITE | REQ_SYNC, REQ_OP_WRITE, 4096), 1);
	lab_expect_eq(requests_of_pair(dev, buf, REQ_OP_WRITE, REQ_OP_READ, 4096), 2);
	lab_expect_eq(requests_of_pair(dev, buf, REQ_OP_WRITE | REQ_NOMERGE, REQ_OP_WRITE, 4096), 2);
	lab_expect_eq(requests_of_pair(dev, buf, REQ_OP_WRITE | REQ_META, REQ_OP_WRITE, 4096), 2);
	lab_expect_eq(requests_of_pair(plain, buf, REQ_OP_WRITE, REQ_OP_WRITE, 4096), 2);
	blk_mq_freeze_queue(q);
	blk_queue_max_hw_sectors(q, 16);
	blk_mq_unfreeze_queue(q);
	lab_expect_eq(requests_of_pair(dev, buf, REQ_OP_WRITE, REQ_OP_WRITE, 4096), 1);
	lab_expect_eq(requests_of_pair(dev, buf, REQ_OP_WRITE, REQ_OP_WRITE, 4608), 2);
	blk_mq_freeze_queue(q);
	blk_queue_max_segments(q, 1);
	blk_mq_unfreeze_queue(q);
	lab_expect_eq(requests_of_pair(dev, buf, REQ_OP_WRITE, REQ_OP_WRITE, 4096), 2);
	blk_mq_freeze_queue(q);
	blk_queue_max_segments(q, 9);
	blk_queue_virt_boundary(q, 4095);
	blk_mq_unfreeze_queue(q);
	lab_expect_eq(requests_of_pair(dev, buf, REQ_OP_WRITE, REQ_OP_WRITE, 4096), 1);
	lab_expect_eq(requests_of_pair(dev, buf, REQ_OP_WRITE, REQ_OP_WRITE, 512), 2);
	/* It begins off the boundary, though they meet on it. */
	lab_expect_eq(requests_of_pair(dev, buf + 512, REQ_OP_WRITE, REQ_OP_WRITE, 3584), 2);
	blk_mq_freeze_queue(q);
	blk_queue_flag_set(QUEUE_FLAG_NOMERGES, q);
	blk_mq_unfreeze_queue(q);
	lab_expect_eq(requests_of_pair(dev, buf, REQ_OP_WRITE, REQ_OP_WRITE, 4096), 2);
	free_pages((unsigned long)buf, 3);
	tdev_destroy(plain);
	tdev_destroy(dev);
}

LAB_TEST(blk_mq, plug_of_two_queues_and_nested_plugs)
{
	struct tdev *a = tdev_create(32), *b = tdev_create(32);
	u8 *buf = kzalloc(512, GFP_KERNEL);
	struct blk_plug outer, inner;
	struct tbatch batch;
	unsigned int i;

	tbatch_init(&batch);
	blk_start_plug(&outer);
	for (i = 0; i < 8; i++) {
		blk_start_plug(&inner);
		tbatch_submit(&batch, tbio(i % 2 ? a->bdev : b->bdev, REQ_OP_WRITE, i / 2 + i / 4 * 8,
					   buf, 512));
		blk_finish_plug(&inner);
	}
	lab_expect_eq(a->nr_events + b->nr_events, 0);
	blk_finish_plug(&outer);
	/* Neighbours were found although the other queue's requests lay between. */
	lab_expect_eq(a->nr_events, 2);
	lab_expect_eq(b->nr_events, 2);
	lab_expect(!a->event[0].last && a->event[1].last && !b->event[0].last && b->event[1].last);
	tbatch_wait(&batch);
	kfree(buf);
	tdev_destroy(a);
	tdev_destroy(b);
}

LAB_TEST(blk_mq, full_plug_is_sent)
{
	struct tdev *dev = tdev_create(64);
	u8 *buf = (u8 *)__get_free_pages(GFP_KERNEL | __GFP_ZERO, 5);
	struct blk_plug plug;
	struct tbatch batch;

	tbatch_init(&batch);
	blk_start_plug(&plug);
	write_pages(dev, &batch, buf, BLK_MAX_REQUEST_COUNT, 2);
	lab_expect_eq(dev->nr_events, 0);
	tbatch_submit(&batch, tbio(dev->bdev, REQ_OP_WRITE, 1000, buf, 512));
	lab_expect_eq(dev->nr_events, BLK_MAX_REQUEST_COUNT);
	blk_mq_freeze_queue(dev->disk->queue);		/* sends what the plug holds */
	blk_queue_max_hw_sectors(dev->disk->queue, 1024);
	blk_queue_max_segment_size(dev->disk->queue, 1 << 20);
	blk_mq_unfreeze_queue(dev->disk->queue);
	/* One request of this size is enough, once it has a successor that does not continue it. */
	tbatch_submit(&batch, tbio(dev->bdev, REQ_OP_WRITE, 1024, buf, BLK_PLUG_FLUSH_SIZE));
	tbatch_submit(&batch, tbio(dev->bdev, REQ_OP_WRITE, 1024 + BLK_PLUG_FLUSH_SIZE / 512, buf, 512));
	lab_expect_eq(dev->nr_events, BLK_MAX_REQUEST_COUNT + 1);
	tbatch_submit(&batch, tbio(dev->bdev, REQ_OP_WRITE, 700, buf, 512));
	lab_expect_eq(dev->nr_events, BLK_MAX_REQUEST_COUNT + 2);
	lab_expect_eq(dev->event[BLK_MAX_REQUEST_COUNT + 1].bytes, BLK_PLUG_FLUSH_SIZE + 512);
	blk_finish_plug(&plug);
	tbatch_wait(&batch);
	free_pages((unsigned long)buf, 5);
	tdev_destroy(dev);
}

LAB_TEST(blk_mq, plug_of_two_queues_holds_twice_as_many)
{
	struct tdev *a = tdev_create(64), *b = tdev_create(64);
	u8 *buf = kzalloc(512, GFP_KERNEL);
	struct blk_plug plug;
	struct tbatch batch;
	unsigned int i;

	tbatch_init(&batch);
	blk_start_plug(&plug);
	for (i = 0; i < 2 * BLK_MAX_REQUEST_COUNT; i++)
		tbatch_submit(&batch, tbio(i & 1 ? b->bdev : a->bdev, REQ_OP_WRITE, 2 * i, buf, 512));
	lab_expect_eq(a->nr_events + b->nr_events, 0);
	tbatch_submit(&batch, tbio(a->bdev, REQ_OP_WRITE, 1000, buf, 512));
	lab_expect_eq(a->nr_events + b->nr_events, 2 * BLK_MAX_REQUEST_COUNT);
	blk_finish_plug(&plug);
	tbatch_wait(&batch);
	kfree(buf);
	tdev_destroy(a);
	tdev_destroy(b);
}

LAB_TEST(blk_mq, sleeping_sends_the_plug)
{
	struct tdev *dev = tdev_create(4);
	u8 *buf = kzalloc(512, GFP_KERNEL);
	struct blk_plug plug;
	struct bio *bio = tbio(dev->bdev, REQ_OP_READ, 0, buf, 512);

	blk_start_plug(&plug);
	lab_expect_eq(submit_bio_wait(bio), 0);
	blk_finish_plug(&plug);
	bio_put(bio);
	kfree(buf);
	tdev_destroy(dev);
}

/* ---- a busy driver ----------------------------------------------------------------------------- */

LAB_TEST(blk_mq, refused_requests_come_again)
{
	static const blk_status_t how[] = { BLK_STS_RESOURCE, BLK_STS_DEV_RESOURCE };
	struct tdev *dev = tdev_create(16);
	u8 *buf = kzalloc(4096, GFP_KERNEL);
	struct blk_plug plug;
	struct tbatch batch;
	unsigned int i;

	for (i = 0; i < 8; i++) {
		tdev_reset_log(dev);
		dev->busy = 1 + i;
		dev->busy_status = how[i % 2];
		tbatch_init(&batch);
		if (i / 2 % 2)
			blk_start_plug(&plug);
		write_pages(dev, &batch, buf, 20, 2);
		if (i / 2 % 2)
			blk_finish_plug(&plug);
		tbatch_wait(&batch);
		lab_expect_eq(batch.nr_ended, 20);
		lab_expect_eq(batch.nr_failed, 0);
		lab_expect_eq(dev->busy, 0);
	}
	kfree(buf);
	tdev_destroy(dev);
}

LAB_TEST(blk_mq, commit_rqs_when_the_last_is_refused)
{
	struct tdev *dev = tdev_create(16);
	u8 *buf = kzalloc(4096, GFP_KERNEL);
	struct blk_plug plug;
	struct tbatch batch;

	tbatch_init(&batch);
	blk_start_plug(&plug);
	write_pages(dev, &batch, buf, 3, 2);
	dev->busy_after = 2;
	dev->busy = 1;
	blk_finish_plug(&plug);
	lab_expect_eq(dev->event[1].what, TDEV_WRITE);
	lab_expect(!dev->event[1].last);
	lab_expect_eq(dev->event[2].what, TDEV_COMMIT);
	tbatch_wait(&batch);
	lab_expect_eq(batch.nr_failed, 0);
	kfree(buf);
	tdev_destroy(dev);
}

/* ---- several tasks ------------------------------------------------------------------------------ */

#define NR_WRITERS	4

struct writer {
	struct task_struct *task;
	struct tdev *dev;
	unsigned int id, ios;
	bool plugged;
	struct completion done;
};

static int writer_fn(void *arg)
{
	struct writer *w = arg;
	u8 *buf = kmalloc(1024, GFP_KERNEL);
	struct blk_plug plug;
	struct tbatch batch;
	unsigned int i;

	memset(buf, 0x40 + w->id, 1024);
	tbatch_init(&batch);
	if (w->plugged)
		blk_start_plug(&plug);
	for (i = 0; i < w->ios; i++)
		tbatch_submit(&batch, tbio(w->dev->bdev, REQ_OP_WRITE, (i * NR_WRITERS + w->id) * 2,
					   buf, 1024));
	if (w->plugged)
		blk_finish_plug(&plug);
	tbatch_wait(&batch);
	lab_expect_eq(batch.nr_ended, w->ios);
	lab_expect_eq(batch.nr_failed, 0);
	kfree(buf);
	complete(&w->done);
	return 0;
}

/* Runs @freezes freezes beside the writers. */
static void writers(unsigned int tags, bool plugged, unsigned int freezes, unsigned int busy)
{
	struct writer *w = kcalloc(NR_WRITERS, sizeof(*w), GFP_KERNEL);
	struct tdev *dev = tdev_create(tags);
	unsigned int i, ios = lab_test_slow() ? 30 : 120;

	dev->busy = busy;
	for (i = 0; i < NR_WRITERS; i++) {
		w[i] = (struct writer) { .dev = dev, .id = i, .ios = ios, .plugged = plugged };
		init_completion(&w[i].done);
		w[i].task = kthread_run(writer_fn, &w[i], "writer/%u", i);
		lab_expect(!IS_ERR(w[i].task));
	}
	for (i = 0; i < freezes; i++) {
		blk_mq_freeze_queue(dev->disk->queue);
		lab_expect_eq(atomic_read(&dev->in_flight), 0);
		/* Limits may change under the writers. */
		blk_queue_max_hw_sectors(dev->disk->queue, 8 + i % 3);
		blk_mq_unfreeze_queue(dev->disk->queue);
		yield();
	}
	for (i = 0; i < NR_WRITERS; i++) {
		wait_for_completion(&w[i].done);
		lab_expect_eq(kthread_stop(w[i].task), 0);
	}
	for (i = 0; i < ios * NR_WRITERS; i++) {
		lab_expect_eq(dev->data[i * 1024], 0x40 + i % NR_WRITERS);
		lab_expect_eq(dev->data[i * 1024 + 1023], 0x40 + i % NR_WRITERS);
	}
	lab_expect_le(dev->max_in_flight, tags);
	kfree(w);
	tdev_destroy(dev);
}

LAB_TEST(blk_mq, four_tasks_one_tag) { writers(1, false, 0, 0); }
LAB_TEST(blk_mq, four_tasks_few_tags) { writers(3, false, 0, 0); }
LAB_TEST(blk_mq, four_tasks_plugged_few_tags) { writers(3, true, 0, 0); }
LAB_TEST(blk_mq, four_tasks_many_tags) { writers(256, true, 0, 0); }
LAB_TEST(blk_mq, four_tasks_and_a_freezer) { writers(5, false, 20, 0); }
LAB_TEST(blk_mq, four_tasks_plugged_and_a_freezer) { writers(40, true, 20, 0); }
LAB_TEST(blk_mq, four_tasks_and_a_busy_driver) { writers(6, true, 3, 50); }

LAB_TEST(blk_mq, frozen_queue_and_nowait)
{
	struct tdev *dev = tdev_create(4);
	u8 *buf = kzalloc(512, GFP_KERNEL);
	struct bio *bio = tbio(dev->bdev, REQ_OP_READ | REQ_NOWAIT, 0, buf, 512);

	blk_mq_freeze_queue(dev->disk->queue);
	blk_mq_freeze_queue(dev->disk->queue);
	blk_mq_unfreeze_queue(dev->disk->queue);
	lab_expect_eq(submit_bio_wait(bio), -EAGAIN);
	blk_mq_unfreeze_queue(dev->disk->queue);
	bio_put(bio);
	bio = tbio(dev->bdev, REQ_OP_READ | REQ_NOWAIT, 0, buf, 512);
	lab_expect_eq(submit_bio_wait(bio), 0);
	bio_put(bio);
	kfree(buf);
	tdev_destroy(dev);
}
