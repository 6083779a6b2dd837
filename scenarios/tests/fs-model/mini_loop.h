/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mini_loop.h - the least that is a block device on a file, for tests that need one below the designs: every bio
 * goes to one worker, which reads and writes the file's page cache. It allocates nothing.
 */
#ifndef LAB_TEST_MINI_LOOP_H
#define LAB_TEST_MINI_LOOP_H

#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/workqueue.h>
#include "cached.h"

struct mini_loop {
	struct gendisk *disk;
	struct inode *inode;
	struct workqueue_struct *wq;
	struct work_struct work;
	spinlock_t lock;
	struct bio_list bios;
};

static inline int mini_loop_bio(struct mini_loop *l, struct bio *bio)
{
	struct bvec_iter iter;
	struct bio_vec bv;
	int err = 0;

	if (bio->bi_opf & REQ_PREFLUSH)
		err = cache_sync(l->inode) ?: lab_fsync(l->inode, true);
	bio_for_each_segment(bv, bio, iter) {
		loff_t pos = (loff_t)iter.bi_sector << SECTOR_SHIFT;
		u8 *mem = (u8 *)page_address(bv.bv_page) + bv.bv_offset;

		if (err)
			break;
		err = op_is_write(bio_op(bio)) ? cache_pwrite(l->inode, pos, mem, bv.bv_len)
					       : cache_pread(l->inode, pos, mem, bv.bv_len);
	}
	return err;
}

static inline void mini_loop_work(struct work_struct *work)
{
	struct mini_loop *l = container_of(work, struct mini_loop, work);

	for (;;) {
		struct bio *bio;

		spin_lock(&l->lock);
		bio = bio_list_pop(&l->bios);
		spin_unlock(&l->lock);
		if (!bio)
			return;
		bio->bi_status = errno_to_blk_status(mini_loop_bio(l, bio));
		bio_endio(bio);
	}
}

static inline void mini_loop_submit(struct bio *bio)
{
	struct mini_loop *l = bio->bi_bdev->bd_disk->private_data;

	spin_lock(&l->lock);
	bio_list_add(&l->bios, bio);
	spin_unlock(&l->lock);
	queue_work(l->wq, &l->work);
}

static const struct block_device_operations mini_loop_fops = {
	.submit_bio	= mini_loop_submit,
};

static inline struct block_device *mini_loop_add(struct mini_loop *l, struct inode *inode)
{
	l->inode = inode;
	spin_lock_init(&l->lock);
	bio_list_init(&l->bios);
	INIT_WORK(&l->work, mini_loop_work);
	l->wq = alloc_workqueue("mini-loop", WQ_MEM_RECLAIM | WQ_UNBOUND, 1);
	lab_expect(l->wq);
	l->disk = blk_alloc_disk(NUMA_NO_NODE);
	lab_expect(l->disk);
	l->disk->fops = &mini_loop_fops;
	l->disk->private_data = l;
	l->disk->lab_stacking = true;
	blk_set_stacking_limits(&l->disk->queue->limits);
	blk_queue_write_cache(l->disk->queue, true, false);
	set_capacity(l->disk, i_size_read(inode) >> SECTOR_SHIFT);
	lab_expect_eq(add_disk(l->disk), 0);
	return l->disk->part0;
}

static inline void mini_loop_del(struct mini_loop *l)
{
	del_gendisk(l->disk);
	destroy_workqueue(l->wq);
	put_disk(l->disk);
}

#endif
