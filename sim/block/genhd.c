// SPDX-License-Identifier: GPL-2.0-only
/*
 * genhd.c - disks: made, shown, taken away.
 *
 * A gendisk, its queue and its one block device are one piece of memory. Life: blk_alloc_disk() or
 * blk_mq_alloc_disk(), limits and capacity, add_disk(), …, del_gendisk(), put_disk(), and on a blk-mq
 * disk blk_mq_free_tag_set(). del_gendisk() freezes the queue for good: it waits for what is inside, and
 * what comes later fails.
 *
 * Source: the contracts of block/genhd.c and blk-mq.c of Linux 6.1.
 */
#include "blk.h"

/* Each major counts its disks in the order of add_disk(), from 0 in each world. */
static int next_minor[BLOCK_EXT_MAJOR + 1];

/** lab_disk_numbers_init - each major's next minor is 0 again: a world begins. Context: an initcall. */
void lab_disk_numbers_init(void)
{
	memset(next_minor, 0, sizeof(next_minor));
}

static struct gendisk *disk_alloc(void)
{
	struct gendisk *disk = kzalloc(sizeof(*disk), GFP_KERNEL);
	struct request_queue *q;

	if (!disk)
		return NULL;
	if (bioset_init(&disk->bio_split, BIO_POOL_SIZE, 0, 0)) {
		kfree(disk);
		return NULL;
	}
	q = disk->queue = &disk->lab_queue;
	q->disk = disk;
	mutex_init(&q->freeze_lock);
	init_waitqueue_head(&q->freeze_wq);
	spin_lock_init(&q->usage_lock);
	blk_set_default_limits(&q->limits);
	disk->part0 = &disk->lab_part0;
	disk->part0->bd_disk = disk;
	disk->part0->bd_queue = q;
	disk->lab_scope = LAB_LOWER;
	return disk;
}

/**
 * blk_alloc_disk - a disk whose driver has ->submit_bio
 * @node_id: NUMA_NO_NODE
 *
 * The driver sets fops, disk_name, lab_scope, lab_stacking, limits, capacity. Its limits are those of a
 * stacking driver: none. NULL: no memory. Context: task, may sleep.
 */
struct gendisk *blk_alloc_disk(int node_id)
{
	struct gendisk *disk = disk_alloc();

	if (disk)
		blk_set_stacking_limits(&disk->queue->limits);
	return disk;
}

/**
 * blk_mq_alloc_tag_set - the tags and requests of a blk-mq disk
 * @set: ops, nr_hw_queues (1), queue_depth, cmd_size, flags and driver_data filled in
 *
 * Runs ops->init_request() for each request. Returns 0, -EINVAL, -ENOMEM or what init_request() returned.
 * Context: task, may sleep.
 */
int blk_mq_alloc_tag_set(struct blk_mq_tag_set *set)
{
	unsigned int i;
	int err = 0;

	if (!set->ops || !set->ops->queue_rq || set->nr_hw_queues != 1 || !set->queue_depth ||
	    set->queue_depth > BLK_MQ_MAX_DEPTH)
		return -EINVAL;
	set->lab_queue = NULL;
	set->tags = lab_tags_alloc(set->queue_depth, set->cmd_size);
	if (!set->tags)
		return -ENOMEM;
	for (i = 0; i < set->queue_depth && set->ops->init_request; i++) {
		err = set->ops->init_request(set, lab_tag_rq(set->tags, i), 0, NUMA_NO_NODE);
		if (err)
			break;
	}
	if (!err)
		return 0;
	while (i-- > 0)
		if (set->ops->exit_request)
			set->ops->exit_request(set, lab_tag_rq(set->tags, i), 0);
	lab_tags_free(set->tags);
	set->tags = NULL;
	return err;
}

/**
 * blk_mq_free_tag_set - after put_disk() of the disk that used it
 *
 * Nothing to do for a set that was not allocated. Context: task, may sleep.
 */
void blk_mq_free_tag_set(struct blk_mq_tag_set *set)
{
	unsigned int i;

	if (!set->tags)
		return;
	BUG_ON(set->lab_queue);
	for (i = 0; i < set->queue_depth && set->ops->exit_request; i++)
		set->ops->exit_request(set, lab_tag_rq(set->tags, i), 0);
	lab_tags_free(set->tags);
	set->tags = NULL;
}

/**
 * blk_mq_alloc_disk - a disk with a request queue
 * @set: from blk_mq_alloc_tag_set(), used by no other disk; outlives this one
 * @queuedata: the driver's own
 *
 * The driver sets disk_name, lab_scope, lab_stacking, limits, capacity; fops stays NULL.
 * ERR_PTR(-ENOMEM). Context: task, may sleep.
 */
struct gendisk *blk_mq_alloc_disk(struct blk_mq_tag_set *set, void *queuedata)
{
	struct gendisk *disk = disk_alloc();
	struct request_queue *q;
	unsigned int i;

	BUG_ON(set->lab_queue);
	if (!disk)
		return ERR_PTR(-ENOMEM);
	q = disk->queue;
	q->queuedata = queuedata;
	q->tag_set = set;
	q->mq_ops = set->ops;
	q->fq = lab_flush_queue_alloc(q);
	q->hctx = kzalloc(sizeof(*q->hctx), GFP_KERNEL);
	if (!q->fq || !q->hctx) {
		lab_flush_queue_free(q->fq);
		kfree(q->hctx);
		bioset_exit(&disk->bio_split);
		kfree(disk);
		return ERR_PTR(-ENOMEM);
	}
	lab_mq_hctx_init(q->hctx, q);
	set->lab_queue = q;
	for (i = 0; i < set->queue_depth; i++) {
		lab_tag_rq(set->tags, i)->q = q;
		lab_tag_rq(set->tags, i)->mq_hctx = q->hctx;
	}
	return disk;
}

/*
 * A worker for the driver of @hctx, if it sleeps there or submits below: of a few for all, those of the devices above
 * could all wait for a tag whose request waits for a worker. 0 or -ENOMEM.
 */
static int alloc_run_wq(struct blk_mq_hw_ctx *hctx, const char *name)
{
	struct workqueue_struct *wq;

	if (!driver_needs_task(hctx))
		return 0;
	wq = alloc_workqueue("kblockd-%s", WQ_MEM_RECLAIM | WQ_HIGHPRI, 1, name);
	if (wq)
		hctx->run_wq = wq;
	return wq ? 0 : -ENOMEM;
}

/**
 * device_add_disk - the disk is ready; add_disk() for those without a parent device
 *
 * @parent and @groups are the kernel's and not used here. Returns 0; -EINVAL: neither
 *	->submit_bio nor a request queue, or both; -ENOMEM.
 */
int device_add_disk(void *parent, struct gendisk *disk, const void *groups)
{
	bool takes_bios = disk->fops && disk->fops->submit_bio;
	struct blk_mq_hw_ctx *hctx = disk->queue->hctx;
	int err;

	if (takes_bios == (disk->queue->mq_ops != NULL) || disk->lab_added)
		return -EINVAL;
	if (hctx && disk->lab_stacking)
		hctx->flags |= LAB_MQ_F_STACKING;
	if (hctx) {
		err = alloc_run_wq(hctx, disk->disk_name);
		if (err)
			return err;
	}
	if (!disk->major)
		disk->major = BLOCK_EXT_MAJOR;
	BUG_ON(disk->major > BLOCK_EXT_MAJOR);
	disk->first_minor = __atomic_fetch_add(&next_minor[disk->major], 1, __ATOMIC_RELAXED);
	disk->lab_added = true;
	return 0;
}

/**
 * del_gendisk - no bio enters any more; wait for those inside
 *
 * Later ones end with BLK_STS_IOERR. Nothing to do for a disk that was not added. Context: task, may sleep.
 */
void del_gendisk(struct gendisk *disk)
{
	struct request_queue *q = disk->queue;

	if (!disk->lab_added)
		return;
	disk->lab_added = false;
	blk_queue_flag_set(QUEUE_FLAG_DYING, q);
	blk_mq_freeze_queue(q);
	wake_up_all(&q->freeze_wq);
	if (q->hctx)
		cancel_work_sync(&q->hctx->run_work);
}

/**
 * put_disk - free a disk that was deleted, or never added
 *
 * NULL is nothing to do. Context: task, may sleep.
 */
void put_disk(struct gendisk *disk)
{
	struct request_queue *q;

	if (!disk)
		return;
	BUG_ON(disk->lab_added);
	q = disk->queue;
	if (q->mq_ops) {
		if (q->freeze_depth)
			lab_tags_notify(q->hctx->tags, false);
		q->tag_set->lab_queue = NULL;
		if (q->hctx->run_wq != kblockd_workqueue)
			destroy_workqueue(q->hctx->run_wq);
		lab_flush_queue_free(q->fq);
		kfree(q->hctx);
	}
	bioset_exit(&disk->bio_split);
	kfree(disk);
}

/** set_capacity - size in 512-byte units */
void set_capacity(struct gendisk *disk, sector_t sectors)
{
	WRITE_ONCE(disk->part0->bd_nr_sectors, sectors);
}

/** set_disk_ro - may it be written? */
void set_disk_ro(struct gendisk *disk, bool read_only)
{
	WRITE_ONCE(disk->part0->bd_read_only, read_only);
}
