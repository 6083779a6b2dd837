// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a trace says of a bio's way, letter by letter: once where it comes in, once where it ends, and what happens
 * between.
 */
#include <kc/blktrace.h>
#include "host.h"
#include "testdev.h"

#define ROOM	64

static struct lab_blkevent kept[ROOM];
static struct lab_blktrace trace;
static char letters[ROOM + 1];

static void listen(void)
{
	memset(kept, 0xa5, sizeof(kept));
	trace = (struct lab_blktrace) { .events = kept, .max = ROOM };
	kc_blktrace_start(&trace);
}

/* The actions since listen(), in order, as a string. */
static const char *heard(void)
{
	unsigned int i;

	kc_blktrace_stop();
	lab_expect_le(trace.nr, ROOM);
	for (i = 0; i < trace.nr; i++)
		letters[i] = kept[i].action;
	letters[i] = 0;
	return letters;
}

#define expect_heard(want)									\
	do {											\
		const char *__have = heard();							\
		if (strcmp(__have, want))							\
			lab_test_fail(__FILE__, __LINE__, "heard %s, expected %s", __have, want);	\
	} while (0)

static const struct lab_blkevent *event(char action, unsigned int nth)
{
	unsigned int i;

	for (i = 0; i < trace.nr; i++)
		if (kept[i].action == action && !nth--)
			return &kept[i];
	lab_test_fail(__FILE__, __LINE__, "no event %c", action);
}

static void one(struct tdev *dev, blk_opf_t opf, sector_t sector, void *buf, unsigned int bytes)
{
	struct tbatch batch;

	tbatch_init(&batch);
	tbatch_submit(&batch, tbio(dev->bdev, opf, sector, buf, bytes));
	tbatch_wait(&batch);
}

LAB_TEST(blk_trace, in_through_and_out)
{
	struct tdev *dev = tdev_create(4);
	u8 *buf = kzalloc(4096, GFP_KERNEL);
	unsigned int i;

	listen();
	one(dev, REQ_OP_WRITE | REQ_SYNC, 24, buf, 4096);
	expect_heard("QGDC");
	for (i = 0; i < 4; i++) {
		lab_expect_eq(kept[i].dev, LAB_BE_DEV(BLOCK_EXT_MAJOR, 0));
		lab_expect_eq(kept[i].sector, 24);
		lab_expect_eq(kept[i].len_bytes, 4096);
		lab_expect_eq(kept[i].flags, LAB_BE_WRITE | LAB_BE_SYNC);
		lab_expect_eq(kept[i].error, 0);
		lab_expect_eq(kept[i].pid, current->pid);
		lab_expect_eq(strcmp(kept[i].comm, current->comm), 0);
		lab_expect(!i || kept[i].at_ns >= kept[i - 1].at_ns + (host_engine() == HOST_DET));
	}
	kfree(buf);
	tdev_destroy(dev);
}

LAB_TEST(blk_trace, nobody_listens)
{
	struct tdev *dev = tdev_create(4);
	u8 *buf = kzalloc(4096, GFP_KERNEL);

	listen();
	kc_blktrace_stop();
	one(dev, REQ_OP_READ, 0, buf, 4096);
	lab_expect_eq(trace.nr, 0);
	kfree(buf);
	tdev_destroy(dev);
}

/* A bio that came in while somebody listened ends after that: nothing of the mark is left for the next listener. */
LAB_TEST(blk_trace, ends_unheard)
{
	struct tdev *dev = tdev_create(4);
	u8 *buf = kzalloc(4096, GFP_KERNEL);
	struct tbatch batch;

	tbatch_init(&batch);
	dev->hold = true;
	listen();
	tbatch_submit(&batch, tbio(dev->bdev, REQ_OP_READ, 0, buf, 4096));
	expect_heard("QGD");
	tdev_release(dev);
	tbatch_wait(&batch);
	lab_expect_eq(batch.nr_ended, 1);
	kfree(buf);
	tdev_destroy(dev);
}

LAB_TEST(blk_trace, plug_and_merges)
{
	struct tdev *dev = tdev_create(4);
	u8 *buf = kzalloc(8192, GFP_KERNEL);
	struct blk_plug plug;
	struct tbatch batch;

	tbatch_init(&batch);
	listen();
	blk_start_plug(&plug);
	tbatch_submit(&batch, tbio(dev->bdev, REQ_OP_WRITE, 8, buf, 4096));
	tbatch_submit(&batch, tbio(dev->bdev, REQ_OP_WRITE, 16, buf, 4096));
	tbatch_submit(&batch, tbio(dev->bdev, REQ_OP_WRITE, 0, buf, 4096));
	tbatch_submit(&batch, tbio(dev->bdev, REQ_OP_WRITE, 64, buf, 4096));
	blk_finish_plug(&plug);
	tbatch_wait(&batch);
	expect_heard("QGPQMQFQGUDDCC");
	lab_expect_eq(event('M', 0)->sector, 16);
	lab_expect_eq(event('F', 0)->sector, 0);
	lab_expect_eq(event('U', 0)->other, 2);
	lab_expect_eq(event('D', 0)->sector, 0);
	lab_expect_eq(event('D', 0)->len_bytes, 3 * 4096);
	kfree(buf);
	tdev_destroy(dev);
}

LAB_TEST(blk_trace, pieces)
{
	struct tdev *dev = tdev_create(4);
	u8 *buf = (u8 *)__get_free_pages(GFP_KERNEL, 2);

	blk_queue_max_hw_sectors(dev->disk->queue, 8);
	listen();
	one(dev, REQ_OP_READ, 32, buf, 3 * 4096);
	lab_expect_eq(strcmp(heard(), "QXGDXGDGDCCC"), 0);
	lab_expect_eq(event('Q', 0)->len_bytes, 3 * 4096);
	lab_expect_eq(event('X', 0)->sector, 32);
	lab_expect_eq(event('X', 0)->other, 40);
	lab_expect_eq(event('X', 1)->sector, 40);
	lab_expect_eq(event('X', 1)->other, 48);
	lab_expect_eq(event('D', 2)->sector, 48);
	lab_expect_eq(event('D', 2)->len_bytes, 4096);
	free_pages((unsigned long)buf, 2);
	tdev_destroy(dev);
}

LAB_TEST(blk_trace, busy_driver)
{
	struct tdev *dev = tdev_create(4);
	u8 *buf = kzalloc(4096, GFP_KERNEL);

	dev->busy = 1;
	dev->busy_status = BLK_STS_RESOURCE;
	listen();
	one(dev, REQ_OP_WRITE, 0, buf, 4096);
	expect_heard("QGRIDC");
	kfree(buf);
	tdev_destroy(dev);
}

LAB_TEST(blk_trace, flush_sequence)
{
	struct tdev *dev = tdev_create(4);
	u8 *buf = kzalloc(4096, GFP_KERNEL);

	blk_queue_write_cache(dev->disk->queue, true, false);
	listen();
	one(dev, REQ_OP_WRITE | REQ_PREFLUSH | REQ_FUA, 8, buf, 4096);
	expect_heard("QGDCDCDC");
	lab_expect_eq(kept[0].flags, LAB_BE_WRITE | LAB_BE_FLUSH | LAB_BE_FUA);
	lab_expect_eq(event('D', 0)->flags, LAB_BE_FLUSH);
	lab_expect_eq(event('D', 0)->len_bytes, 0);
	lab_expect_eq(event('D', 1)->flags, LAB_BE_WRITE);
	lab_expect_eq(event('D', 1)->len_bytes, 4096);
	lab_expect_eq(event('D', 2)->flags, LAB_BE_FLUSH);
	lab_expect_eq(event('C', 1)->sector, 8);
	kfree(buf);
	tdev_destroy(dev);
}

/* The flush request ends, and then the bio that it was for: that had no request of its own at the driver. */
LAB_TEST(blk_trace, empty_flush)
{
	struct tdev *dev = tdev_create(4);
	struct bio *bio = bio_alloc(dev->bdev, 0, REQ_OP_WRITE | REQ_PREFLUSH, GFP_KERNEL);

	blk_queue_write_cache(dev->disk->queue, true, false);
	listen();
	lab_expect_eq(submit_bio_wait(bio), 0);
	expect_heard("QGDCC");
	lab_expect_eq(event('C', 0)->flags, LAB_BE_FLUSH);
	lab_expect_eq(event('C', 1)->flags, LAB_BE_WRITE | LAB_BE_FLUSH | LAB_BE_SYNC);
	/* What has ended may come again. */
	listen();
	lab_expect_eq(submit_bio_wait(bio), 0);
	expect_heard("QGDCC");
	bio_put(bio);
	tdev_destroy(dev);
}

LAB_TEST(blk_trace, errors_have_a_name)
{
	struct tdev *dev = tdev_create(4);
	u8 *buf = kzalloc(4096, GFP_KERNEL);

	dev->fail_sector = 8;
	dev->fail_status = BLK_STS_MEDIUM;
	listen();
	one(dev, REQ_OP_READ, 8, buf, 4096);
	expect_heard("QGDC");
	lab_expect_eq(event('C', 0)->error, -ENODATA);
	/* Turned away before it was anybody's: it was never in. */
	listen();
	one(dev, REQ_OP_READ, TDEV_SECTORS, buf, 4096);
	expect_heard("");
	kfree(buf);
	tdev_destroy(dev);
}

/* A bio in a request of several ends once, and is told of once; part of a request is a part of its length. */
LAB_TEST(blk_trace, done_in_parts)
{
	struct tdev *dev = tdev_create(4);
	u8 *buf = kzalloc(8192, GFP_KERNEL);
	struct blk_plug plug;
	struct tbatch batch;

	tbatch_init(&batch);
	dev->part_bytes = 6144;
	listen();
	blk_start_plug(&plug);
	tbatch_submit(&batch, tbio(dev->bdev, REQ_OP_READ, 0, buf, 4096));
	tbatch_submit(&batch, tbio(dev->bdev, REQ_OP_READ, 8, buf + 4096, 4096));
	blk_finish_plug(&plug);
	tbatch_wait(&batch);
	expect_heard("QGPQMUDCC");
	lab_expect_eq(event('C', 0)->sector, 0);
	lab_expect_eq(event('C', 0)->len_bytes, 6144);
	lab_expect_eq(event('C', 1)->sector, 12);
	lab_expect_eq(event('C', 1)->len_bytes, 2048);
	kfree(buf);
	tdev_destroy(dev);
}

/* Room for N: N-1, N and N+1 events. */
LAB_TEST(blk_trace, room)
{
	struct lab_blkevent ev = { .action = 'Q' };
	unsigned int n, i;

	for (n = 3; n <= 5; n++) {
		memset(kept, 0xa5, sizeof(kept));
		trace = (struct lab_blktrace) { .events = kept, .max = 4 };
		kc_blktrace_start(&trace);
		for (i = 0; i < n; i++) {
			u64 now = host_clock_peek_ns();

			ev.sector = i;
			kc_blktrace_add(&ev);
			/* det's clock stands, and yet no two events have one time */
			if (host_engine() == HOST_DET)
				lab_expect_eq(host_clock_peek_ns(), now);
		}
		kc_blktrace_stop();
		lab_expect_eq(trace.nr, n);
		for (i = 0; i < min(n, 4u); i++)
			lab_expect_eq(kept[i].sector, i);
		for (i = 1; i < 3; i++)
			lab_expect_ge(kept[i].at_ns, kept[i - 1].at_ns + (host_engine() == HOST_DET));
		lab_expect_eq(kept[4].sector, 0xa5a5a5a5a5a5a5a5ull);
	}
}
