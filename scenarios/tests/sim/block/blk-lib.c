// SPDX-License-Identifier: GPL-2.0-only
/* Whole jobs on a block device, by several tasks, without memory: a job holds no bio that it has not sent. */
#include <linux/kthread.h>
#include <kc/fault.h>
#include "testdev.h"

#define NR_JOBS		3u		/* with a bio in hand each, more than fs_bio_set keeps back */
#define JOB_BYTES	(TDEV_BYTES / NR_JOBS / 32768 * 32768)

struct job {
	struct tdev *dev;
	unsigned int nr;
	int err;
	struct completion done;
};

static int job_main(void *arg)
{
	struct job *job = arg;
	sector_t sector = (sector_t)job->nr * JOB_BYTES >> SECTOR_SHIFT;

	job->err = blkdev_issue_zeroout(job->dev->bdev, sector, JOB_BYTES >> SECTOR_SHIFT, GFP_KERNEL, 0);
	complete(&job->done);
	return 0;
}

/* Pages of zeros, in many bios: the device does not write zeroes, and the old rule on bios has it take few at a time. */
LAB_TEST(blk_lib, jobs_without_memory)
{
	struct tdev *dev = tdev_create(8);
	struct task_struct *task[NR_JOBS];
	struct job job[NR_JOBS];
	unsigned int i;

	blk_queue_max_write_zeroes_sectors(dev->disk->queue, 0);
	blk_queue_max_hw_sectors(dev->disk->queue, PAGE_SECTORS);
	lab_set_bio_rule(true);
	memset(dev->data, 0xff, TDEV_BYTES);
	for (i = 0; i < NR_JOBS; i++) {
		job[i] = (struct job){ .dev = dev, .nr = i };
		init_completion(&job[i].done);
		task[i] = kthread_create(job_main, &job[i], "job");
		lab_expect(!IS_ERR(task[i]));
	}
	kc_fault_nth(KC_FAULT_SLAB, 1, ~0ull);
	for (i = 0; i < NR_JOBS; i++)
		wake_up_process(task[i]);
	for (i = 0; i < NR_JOBS; i++)
		wait_for_completion(&job[i].done);
	kc_fault_nth(KC_FAULT_SLAB, 0, 0);
	for (i = 0; i < NR_JOBS; i++) {
		lab_expect_eq(job[i].err, 0);
		lab_expect_eq(kthread_stop(task[i]), 0);
	}
	for (i = 0; i < NR_JOBS * JOB_BYTES; i++)
		lab_expect_eq(dev->data[i], 0);
	lab_set_bio_rule(false);
	tdev_destroy(dev);
}
