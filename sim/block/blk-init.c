// SPDX-License-Identifier: GPL-2.0-only
/*
 * blk-init.c - the block layer of a world: array slabs, fs_bio_set, and kblockd, the worker that calls
 * drivers when those who would cannot.
 */
#include <linux/init.h>
#include "blk.h"

struct workqueue_struct *kblockd_workqueue;

static void blk_dev_exit(void)
{
	if (kblockd_workqueue)
		destroy_workqueue(kblockd_workqueue);
	kblockd_workqueue = NULL;
	lab_bio_dirty_exit();
	bioset_exit(&fs_bio_set);
	lab_bvec_slabs_exit();
}
module_exit(blk_dev_exit);

static void flush_plug_before_sleep(struct blk_plug *plug)
{
	blk_flush_plug(plug, true);
}

static int blk_dev_init(void)
{
	/* An abandoned world leaves its pointers behind; nothing of it may be touched. */
	kblockd_workqueue = NULL;
	memset(&fs_bio_set, 0, sizeof(fs_bio_set));
	lab_set_bio_rule(false);
	lab_disk_numbers_init();
	lab_bio_dirty_init();
	lab_bio_slabs_init();
	if (lab_bvec_slabs_init())
		goto bad;
	if (bioset_init(&fs_bio_set, LAB_FS_BIO_POOL, 0, BIOSET_NEED_BVECS))
		goto bad;
	kblockd_workqueue = alloc_workqueue("kblockd", WQ_MEM_RECLAIM | WQ_HIGHPRI, 0);
	if (!kblockd_workqueue)
		goto bad;
	kc_flush_plug_hook = flush_plug_before_sleep;
	return 0;
bad:
	blk_dev_exit();
	return -ENOMEM;
}
subsys_initcall(blk_dev_init);
