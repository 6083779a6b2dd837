// SPDX-License-Identifier: GPL-2.0-only
/* What a bio says beside its operation: the priority, which nobody loses, and that its submitter polls. */
#include <linux/ioprio.h>
#include "testdev.h"

#define RT3	IOPRIO_PRIO_VALUE(IOPRIO_CLASS_RT, 3)
#define BE4	IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 4)

/* ---- priority -------------------------------------------------------------------------------- */

LAB_TEST(bio_hints, priorities_that_users_may_name)
{
	static const struct { int prio, ret; } t[] = {
		{ 0, 0 }, { 1, -EINVAL }, { RT3, 0 }, { IOPRIO_PRIO_VALUE(IOPRIO_CLASS_RT, 7), 0 },
		{ IOPRIO_PRIO_VALUE(IOPRIO_CLASS_RT, 8), -EINVAL }, { BE4, 0 },
		{ IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 0), 0 }, { IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 8), -EINVAL },
		{ IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0), 0 }, { IOPRIO_PRIO_VALUE(4, 0), -EINVAL },
		{ IOPRIO_PRIO_VALUE(7, 0), -EINVAL },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(t); i++)
		lab_expect_eq(ioprio_check_cap(t[i].prio), t[i].ret);
	lab_expect_eq(RT3, 0x2003);
	lab_expect_eq(IOPRIO_PRIO_CLASS(RT3), IOPRIO_CLASS_RT);
	lab_expect_eq(IOPRIO_PRIO_DATA(RT3), 3);
}

LAB_TEST(bio_hints, priority_goes_where_the_bio_goes)
{
	struct tdev *dev = tdev_create(8);
	u8 *buf = kzalloc(4096, GFP_KERNEL);
	struct bio *bio = tbio(dev->bdev, REQ_OP_WRITE, 0, buf, 4096), *clone, *front;
	struct bio own;

	lab_expect_eq(bio_prio(bio), 0);
	bio_set_prio(bio, RT3);
	clone = bio_alloc_clone(dev->bdev, bio, GFP_KERNEL, &fs_bio_set);
	lab_expect_eq(bio_prio(clone), RT3);
	bio_init_clone(dev->bdev, &own, bio, GFP_KERNEL);
	lab_expect_eq(bio_prio(&own), RT3);
	bio_uninit(&own);
	front = bio_split(clone, 2, GFP_KERNEL, &fs_bio_set);
	lab_expect_eq(bio_prio(front), RT3);
	lab_expect_eq(bio_prio(clone), RT3);
	bio_chain(front, clone);
	lab_expect_eq(bio_prio(front), RT3);
	lab_expect_eq(bio_prio(clone), RT3);
	submit_bio(front);
	lab_expect_eq(submit_bio_wait(clone), 0);
	lab_expect_eq(dev->nr_events, 2);
	lab_expect_eq(dev->event[0].ioprio, RT3);
	lab_expect_eq(dev->event[1].ioprio, RT3);
	bio_reset(bio, dev->bdev, REQ_OP_WRITE);
	lab_expect_eq(bio_prio(bio), 0);
	bio_put(clone);
	bio_put(bio);
	kfree(buf);
	tdev_destroy(dev);
}

LAB_TEST(bio_hints, priority_of_every_part_of_a_cut)
{
	struct tdev *dev = tdev_create(8);
	u8 *buf = (u8 *)__get_free_pages(GFP_KERNEL, 3);
	struct bio *bio;
	unsigned int i;

	blk_queue_max_hw_sectors(dev->disk->queue, 16);
	bio = tbio(dev->bdev, REQ_OP_WRITE | REQ_PREFLUSH, 0, buf, 8 * PAGE_SIZE);
	bio_set_prio(bio, BE4);
	blk_queue_write_cache(dev->disk->queue, true, true);
	lab_expect_eq(submit_bio_wait(bio), 0);
	lab_expect_gt(dev->nr_events, 4);
	for (i = 0; i < dev->nr_events; i++)	/* a flush serves many, and has nobody's */
		lab_expect_eq(dev->event[i].ioprio, dev->event[i].what == TDEV_FLUSH ? 0 : BE4);
	bio_put(bio);
	free_pages((unsigned long)buf, 3);
	tdev_destroy(dev);
}

LAB_TEST(bio_hints, different_priorities_do_not_merge)
{
	static const struct { unsigned short a, b; unsigned int requests; } t[] = {
		{ 0, 0, 1 }, { RT3, RT3, 1 }, { RT3, BE4, 2 }, { 0, BE4, 2 }, { BE4, 0, 2 }, { BE4, BE4 + 1, 2 },
	};
	struct tdev *dev = tdev_create(8);
	u8 *buf = kzalloc(1024, GFP_KERNEL);
	unsigned int i, back;

	for (i = 0; i < 2 * ARRAY_SIZE(t); i++) {
		struct bio *first = tbio(dev->bdev, REQ_OP_WRITE, 8, buf, 512), *second;
		struct tbatch batch;
		struct blk_plug plug;

		back = i % 2;
		second = tbio(dev->bdev, REQ_OP_WRITE, back ? 9 : 7, buf + 512, 512);
		bio_set_prio(first, t[i / 2].a);
		bio_set_prio(second, t[i / 2].b);
		tdev_reset_log(dev);
		tbatch_init(&batch);
		blk_start_plug(&plug);
		tbatch_submit(&batch, first);
		tbatch_submit(&batch, second);
		blk_finish_plug(&plug);
		tbatch_wait(&batch);
		lab_expect_eq(batch.nr_failed, 0);
		lab_expect_eq(dev->nr_events, t[i / 2].requests);
		lab_expect_eq(dev->event[0].ioprio, t[i / 2].a);
		lab_expect_eq(dev->event[dev->nr_events - 1].ioprio, t[i / 2].b);
	}
	kfree(buf);
	tdev_destroy(dev);
}

/* ---- polling ---------------------------------------------------------------------------------- */

struct polled {
	bool ended;
	blk_status_t status;
};

static void polled_end_io(struct bio *bio)
{
	struct polled *p = bio->bi_private;

	p->status = bio->bi_status;
	p->ended = true;
}

static struct bio *polled_bio(struct tdev *dev, struct polled *p, u8 *buf, unsigned int bytes)
{
	struct bio *bio = tbio(dev->bdev, REQ_OP_READ | REQ_POLLED, 0, buf, bytes);

	*p = (struct polled) { };
	bio->bi_private = p;
	bio->bi_end_io = polled_end_io;
	return bio;
}

LAB_TEST(bio_hints, a_queue_that_cannot_poll_says_so)
{
	struct tdev *dev = tdev_create(8);
	u8 *buf = kzalloc(512, GFP_KERNEL);
	struct polled p;
	struct bio *bio = polled_bio(dev, &p, buf, 512);

	dev->hold = true;
	submit_bio(bio);
	lab_expect(!(bio->bi_opf & REQ_POLLED));
	lab_expect(!(dev->event[0].opf & REQ_POLLED));
	tdev_release(dev);
	lab_expect_eq(bio_poll(bio, NULL, BLK_POLL_ONESHOT), 0);	/* though it is there */
	lab_expect(!p.ended);
	lab_expect_gt(kc_io_poll(8), 0);
	lab_expect(p.ended);
	bio_put(bio);
	kfree(buf);
	tdev_destroy(dev);
}

LAB_TEST(bio_hints, poll_finds_what_is_done_and_waits_for_nothing)
{
	struct tdev *dev = tdev_create(8);
	u8 *buf = kzalloc(512, GFP_KERNEL);
	struct polled p;
	struct bio *bio = polled_bio(dev, &p, buf, 512);

	blk_queue_flag_set(QUEUE_FLAG_POLL, dev->disk->queue);
	dev->hold = true;
	submit_bio(bio);
	lab_expect(bio->bi_opf & REQ_POLLED);
	lab_expect(dev->event[0].opf & REQ_POLLED);
	lab_expect_eq(bio_poll(bio, NULL, 0), 0);
	lab_expect(!p.ended);
	tdev_release(dev);
	lab_expect(!p.ended);
	lab_expect_eq(bio_poll(bio, NULL, 0), 1);
	lab_expect(p.ended);
	lab_expect_eq(p.status, BLK_STS_OK);
	lab_expect_eq(bio_poll(bio, NULL, 0), 0);
	/* an error comes the same way */
	bio_put(bio);
	dev->fail_sector = 0;
	bio = polled_bio(dev, &p, buf, 512);
	submit_bio(bio);
	lab_expect_eq(bio_poll(bio, NULL, 0), 1);
	lab_expect_eq(p.status, BLK_STS_IOERR);
	bio_put(bio);
	kfree(buf);
	tdev_destroy(dev);
}

LAB_TEST(bio_hints, poll_sends_the_plug)
{
	struct tdev *dev = tdev_create(8);
	u8 *buf = kzalloc(512, GFP_KERNEL);
	struct blk_plug plug;
	struct polled p;
	struct bio *bio = polled_bio(dev, &p, buf, 512);

	blk_queue_flag_set(QUEUE_FLAG_POLL, dev->disk->queue);
	blk_start_plug(&plug);
	submit_bio(bio);
	lab_expect_eq(dev->nr_events, 0);
	lab_expect_eq(bio_poll(bio, NULL, 0), 1);
	lab_expect(p.ended);
	blk_finish_plug(&plug);
	bio_put(bio);
	kfree(buf);
	tdev_destroy(dev);
}

LAB_TEST(bio_hints, what_is_cut_is_not_polled)
{
	struct tdev *dev = tdev_create(8);
	u8 *buf = (u8 *)__get_free_pages(GFP_KERNEL, 2);
	unsigned int sectors, i;
	struct polled p;

	blk_queue_max_hw_sectors(dev->disk->queue, 16);
	blk_queue_flag_set(QUEUE_FLAG_POLL, dev->disk->queue);
	for (sectors = 15; sectors <= 17; sectors++) {
		struct bio *bio = polled_bio(dev, &p, buf, sectors * 512);

		tdev_reset_log(dev);
		submit_bio(bio);
		lab_expect_eq(dev->nr_events, sectors > 16 ? 2 : 1);
		for (i = 0; i < dev->nr_events; i++)
			lab_expect_eq(!(dev->event[i].opf & REQ_POLLED), sectors > 16);
		lab_expect_eq(!(bio->bi_opf & REQ_POLLED), sectors > 16);
		lab_expect_eq(bio_poll(bio, NULL, 0), sectors > 16 ? 0 : 1);
		while (!p.ended)
			kc_io_poll(8);
		bio_put(bio);
	}
	free_pages((unsigned long)buf, 2);
	tdev_destroy(dev);
}
