// SPDX-License-Identifier: GPL-2.0-only
/*
 * A request queue whose driver submits bios below (what a loop device with a blk-mq queue is): in plugs,
 * with few tags on both levels, with flushes, from workers; and freezing of queues with ->submit_bio.
 */
#include <linux/kthread.h>
#include <linux/workqueue.h>
#include "testdev.h"

/**
 * struct relay - sends each request below as bios, in queue_rq() or from a worker
 * @via_worker: every second request
 */
struct relay {
	struct blk_mq_tag_set set;
	struct gendisk *disk;
	struct block_device *lower;
	struct workqueue_struct *wq;
	bool via_worker;
	atomic_t nr;
};

struct relay_cmd {
	struct request *rq;
	struct work_struct work;
	atomic_t left;
	blk_status_t status;
};

static void relay_drop(struct relay_cmd *cmd)
{
	if (atomic_dec_and_test(&cmd->left))
		blk_mq_end_request(cmd->rq, cmd->status);
}

static void relay_end_io(struct bio *clone)
{
	struct relay_cmd *cmd = clone->bi_private;

	if (clone->bi_status)
		WRITE_ONCE(cmd->status, clone->bi_status);
	bio_put(clone);
	relay_drop(cmd);
}

static void relay_send(struct relay *r, struct relay_cmd *cmd)
{
	struct bio *bio, *clone;

	if (req_op(cmd->rq) == REQ_OP_FLUSH) {
		clone = bio_alloc(r->lower, 0, REQ_OP_WRITE | REQ_PREFLUSH, GFP_NOIO);
		clone->bi_private = cmd;
		clone->bi_end_io = relay_end_io;
		atomic_inc(&cmd->left);
		submit_bio_noacct(clone);
	}
	__rq_for_each_bio(bio, cmd->rq) {
		clone = bio_alloc_clone(r->lower, bio, GFP_NOIO, &fs_bio_set);
		clone->bi_private = cmd;
		clone->bi_end_io = relay_end_io;
		atomic_inc(&cmd->left);
		submit_bio_noacct(clone);
	}
	relay_drop(cmd);
}

static void relay_work(struct work_struct *work)
{
	struct relay_cmd *cmd = container_of(work, struct relay_cmd, work);

	relay_send(cmd->rq->q->queuedata, cmd);
}

static blk_status_t relay_queue_rq(struct blk_mq_hw_ctx *hctx, const struct blk_mq_queue_data *bd)
{
	struct relay *r = hctx->queue->queuedata;
	struct relay_cmd *cmd = blk_mq_rq_to_pdu(bd->rq);

	blk_mq_start_request(bd->rq);
	lab_expect_eq(lab_scope(), LAB_LOOP);
	/* Whoever calls: what is submitted from here must be caught. */
	lab_expect(current->bio_list);
	lab_expect_eq(current->kc_nowait_depth, 1);
	lab_expect(!in_hardirq());
	cmd->rq = bd->rq;
	cmd->status = BLK_STS_OK;
	atomic_set(&cmd->left, 1);
	if (r->via_worker && atomic_fetch_inc(&r->nr) % 2) {
		INIT_WORK(&cmd->work, relay_work);
		queue_work(r->wq, &cmd->work);
	} else {
		relay_send(r, cmd);
	}
	return BLK_STS_OK;
}

static const struct blk_mq_ops relay_ops = { .queue_rq = relay_queue_rq };

static void relay_init(struct relay *r, struct block_device *lower, unsigned int tags)
{
	memset(r, 0, sizeof(*r));
	r->lower = lower;
	r->wq = alloc_workqueue("relay", WQ_MEM_RECLAIM, 2);
	r->set = (struct blk_mq_tag_set) {
		.ops = &relay_ops, .nr_hw_queues = 1, .queue_depth = tags, .flags = BLK_MQ_F_SHOULD_MERGE,
		.cmd_size = sizeof(struct relay_cmd),
	};
	lab_expect_eq(blk_mq_alloc_tag_set(&r->set), 0);
	r->disk = blk_mq_alloc_disk(&r->set, r);
	lab_expect(!IS_ERR(r->disk));
	r->disk->lab_scope = LAB_LOOP;
	r->disk->lab_stacking = true;
	blk_queue_write_cache(r->disk->queue, true, false);
	blk_queue_max_hw_sectors(r->disk->queue, 16);
	set_capacity(r->disk, bdev_nr_sectors(lower));
	lab_expect_eq(add_disk(r->disk), 0);
}

static void relay_exit(struct relay *r)
{
	del_gendisk(r->disk);
	put_disk(r->disk);
	blk_mq_free_tag_set(&r->set);
	destroy_workqueue(r->wq);
}

#define RELAY_IOS	60

static void relay_round(unsigned int upper_tags, unsigned int lower_tags, bool plugged, bool via_worker)
{
	struct tdev *dev = tdev_create(lower_tags);
	struct relay *r = kzalloc(sizeof(*r), GFP_KERNEL);
	u8 *buf = (u8 *)__get_free_pages(GFP_KERNEL, 3);
	struct blk_plug plug;
	struct tbatch batch;
	unsigned int i;

	memset(buf, 0x91, 8 * PAGE_SIZE);
	blk_queue_write_cache(dev->disk->queue, true, false);
	relay_init(r, dev->bdev, upper_tags);
	r->via_worker = via_worker;
	tbatch_init(&batch);
	if (plugged)
		blk_start_plug(&plug);
	for (i = 0; i < RELAY_IOS; i++) {
		blk_opf_t flags = i % 10 == 3 ? REQ_PREFLUSH : i % 10 == 7 ? REQ_FUA : 0;

		/* Every fifth is longer than the upper queue takes. */
		tbatch_submit(&batch, tbio(r->disk->part0, REQ_OP_WRITE | flags, i * 24, buf,
					   i % 5 ? 1024 : 20 * 512));
	}
	if (plugged)
		blk_finish_plug(&plug);
	tbatch_wait(&batch);
	lab_expect_eq(batch.nr_ended, RELAY_IOS);
	lab_expect_eq(batch.nr_failed, 0);
	for (i = 0; i < RELAY_IOS; i++)
		lab_expect_mem(dev->data + i * 24 * 512, buf, i % 5 ? 1024 : 20 * 512);
	lab_expect_le(dev->max_in_flight, lower_tags + 1);	/* the queue's own flush needs no tag */
	relay_exit(r);
	free_pages((unsigned long)buf, 3);
	kfree(r);
	tdev_destroy(dev);
}

LAB_TEST(blk_stack, many_tags) { relay_round(64, 64, false, false); }
LAB_TEST(blk_stack, many_tags_plugged) { relay_round(64, 64, true, false); }
LAB_TEST(blk_stack, one_tag_below) { relay_round(16, 1, false, false); }
LAB_TEST(blk_stack, one_tag_below_plugged) { relay_round(64, 1, true, false); }
LAB_TEST(blk_stack, one_tag_each_plugged) { relay_round(1, 1, true, false); }
LAB_TEST(blk_stack, one_tag_above_plugged) { relay_round(1, 8, true, false); }
LAB_TEST(blk_stack, workers) { relay_round(16, 4, true, true); }
LAB_TEST(blk_stack, workers_one_tag_each) { relay_round(1, 1, false, true); }

/* ---- workers that wait for each other ------------------------------------------------------------ */

#define NR_SIBLINGS	6u		/* more than any queue of works has workers */

/*
 * Devices side by side on one that has a single tag. Their requests, and before all others one that holds that tag, go
 * to workers, since the submitter sleeps with all of them in its plug: the workers of the upper ones wait for the tag,
 * and whoever has it must not wait for one of them.
 */
LAB_TEST(blk_stack, siblings_over_one_tag)
{
	struct relay *r = kcalloc(NR_SIBLINGS + 1, sizeof(*r), GFP_KERNEL), *low = r + NR_SIBLINGS;
	struct tdev *dev = tdev_create(4);
	u8 *buf = kzalloc(512, GFP_KERNEL);
	struct blk_plug plug;
	struct tbatch batch;
	unsigned int i;

	relay_init(low, dev->bdev, 1);
	for (i = 0; i < NR_SIBLINGS; i++)
		relay_init(&r[i], low->disk->part0, 4);
	tbatch_init(&batch);
	blk_start_plug(&plug);
	for (i = 0; i <= NR_SIBLINGS; i++)
		tbatch_submit(&batch, tbio(r[i].disk->part0, REQ_OP_WRITE, i * 8, buf, 512));
	tbatch_wait(&batch);
	blk_finish_plug(&plug);
	lab_expect_eq(batch.nr_failed, 0);
	for (i = 0; i <= NR_SIBLINGS; i++)
		relay_exit(&r[i]);
	kfree(buf);
	kfree(r);
	tdev_destroy(dev);
}

/* ---- freezing a queue with ->submit_bio --------------------------------------------------------- */

static unsigned int in_pass, passed;

static void pass_submit_bio(struct bio *bio)
{
	__atomic_fetch_add(&in_pass, 1, __ATOMIC_SEQ_CST);
	kc_sched_point();
	bio_set_dev(bio, bio->bi_bdev->bd_disk->private_data);
	submit_bio_noacct(bio);
	__atomic_fetch_add(&passed, 1, __ATOMIC_SEQ_CST);
	__atomic_fetch_sub(&in_pass, 1, __ATOMIC_SEQ_CST);
}

static const struct block_device_operations pass_fops = { .submit_bio = pass_submit_bio };

struct passer {
	struct task_struct *task;
	struct block_device *bdev;
	unsigned int ios;
	struct completion done;
};

static int passer_fn(void *arg)
{
	struct passer *p = arg;
	u8 *buf = kzalloc(512, GFP_KERNEL);
	unsigned int i;

	for (i = 0; i < p->ios; i++) {
		struct bio *bio = tbio(p->bdev, REQ_OP_READ, i % 64, buf, 512);

		lab_expect_eq(submit_bio_wait(bio), 0);
		bio_put(bio);
	}
	kfree(buf);
	complete(&p->done);
	return 0;
}

LAB_TEST(blk_stack, freeze_waits_for_submitters_and_keeps_others_out)
{
	struct tdev *dev = tdev_create(4);
	struct gendisk *disk = blk_alloc_disk(NUMA_NO_NODE);
	unsigned int i, ios = lab_test_slow() ? 20 : 150, before;
	struct passer p[3];

	passed = in_pass = 0;
	disk->fops = &pass_fops;
	disk->private_data = dev->bdev;
	disk->lab_stacking = true;
	set_capacity(disk, TDEV_SECTORS);
	lab_expect_eq(add_disk(disk), 0);
	for (i = 0; i < 3; i++) {
		p[i] = (struct passer) { .bdev = disk->part0, .ios = ios };
		init_completion(&p[i].done);
		p[i].task = kthread_run(passer_fn, &p[i], "passer/%u", i);
		lab_expect(!IS_ERR(p[i].task));
	}
	for (i = 0; i < 20; i++) {
		blk_mq_freeze_queue(disk->queue);
		before = __atomic_load_n(&passed, __ATOMIC_SEQ_CST);
		lab_expect_eq(__atomic_load_n(&in_pass, __ATOMIC_SEQ_CST), 0);
		yield();
		lab_expect_eq(__atomic_load_n(&passed, __ATOMIC_SEQ_CST), before);
		blk_mq_unfreeze_queue(disk->queue);
		yield();
	}
	for (i = 0; i < 3; i++) {
		wait_for_completion(&p[i].done);
		lab_expect_eq(kthread_stop(p[i].task), 0);
	}
	lab_expect_eq(passed, 3 * ios);
	del_gendisk(disk);
	put_disk(disk);
	tdev_destroy(dev);
}
