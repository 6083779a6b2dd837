// SPDX-License-Identifier: GPL-2.0-only
/*
 * genhd.c - disks: what block/genhd.c and block/bdev.c do for a driver, without devices, sysfs or partitions.
 *
 * A gendisk has its block device, whose inode is made by hand; there is one opener at a time and nobody else to
 * notice changes, so events and uevents go nowhere. add_disk() puts a function of ours before the driver's queue_rq,
 * which enters the scope of the disk and counts.
 */
#include <linux/backing-dev.h>
#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/idr.h>
#include <linux/kobject.h>
#include <linux/major.h>
#include <linux/miscdevice.h>
#include <linux/part_stat.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include "block/blk.h"
#include "block/blk-mq-sched.h"
#include "block/blk-rq-qos.h"
#include "k.h"

struct bdev_inode {
	struct block_device bdev;
	struct inode vfs_inode;
};

static struct super_block bdev_sb;
static struct backing_dev_info no_bdi;

struct block_device *I_BDEV(struct inode *inode)
{
	return &container_of(inode, struct bdev_inode, vfs_inode)->bdev;
}

static struct block_device *bdev_new(struct gendisk *disk)
{
	struct bdev_inode *bi = kzalloc(sizeof(*bi), GFP_KERNEL);
	struct inode *inode;

	if (!bi)
		return NULL;
	inode = &bi->vfs_inode;
	bdev_sb.s_bdi = &no_bdi;
	inode->i_mode = S_IFBLK;
	inode->i_sb = &bdev_sb;
	inode->i_blkbits = 12;
	inode->i_mapping = &inode->i_data;
	inode->i_data.host = inode;
	inode->i_data.a_ops = &def_blk_aops;
	xa_init_flags(&inode->i_data.i_pages, XA_FLAGS_LOCK_IRQ);
	init_rwsem(&inode->i_rwsem);
	init_rwsem(&inode->i_data.invalidate_lock);
	mutex_init(&bi->bdev.bd_fsfreeze_mutex);
	spin_lock_init(&bi->bdev.bd_size_lock);
#if UP_SINCE(6, 12)
	mutex_init(&bi->bdev.bd_holder_lock);
	bi->bdev.bd_mapping = &inode->i_data;
#else
	bi->bdev.bd_inode = inode;
#endif
	bi->bdev.bd_queue = disk->queue;
	bi->bdev.bd_disk = disk;
	bi->bdev.bd_stats = alloc_percpu(struct disk_stats);
	if (bi->bdev.bd_stats)
		return &bi->bdev;
	kfree(bi);
	return NULL;
}

static void bdev_free(struct block_device *bdev)
{
	if (up_bdev_inode(bdev)->i_data.nrpages)
		up_bug("a block device ends with pages in its cache");
	free_percpu(bdev->bd_stats);
	kfree(container_of(bdev, struct bdev_inode, bdev));
}

struct gendisk *__alloc_disk_node(struct request_queue *q, int node_id, struct lock_class_key *lkclass)
{
	struct gendisk *disk = kzalloc(sizeof(*disk), GFP_KERNEL);

	if (!disk)
		return NULL;
	if (bioset_init(&disk->bio_split, BIO_POOL_SIZE, 0, 0))
		goto out_disk;
	disk->bdi = &no_bdi;
	disk->queue = q;
	disk->part0 = bdev_new(disk);
	if (!disk->part0)
		goto out_set;
	disk->node_id = node_id;
	mutex_init(&disk->open_mutex);
	xa_init(&disk->part_tbl);
	q->disk = disk;
	return disk;

out_set:
	bioset_exit(&disk->bio_split);
out_disk:
	kfree(disk);
	return NULL;
}

/* ---- registration ------------------------------------------------------------------------------------------ */

/* A driver's operations with our queue_rq before its own. */
struct watched_ops {
	struct blk_mq_ops ops;
	const struct blk_mq_ops *real;
};

static blk_status_t watched_queue_rq(struct blk_mq_hw_ctx *hctx, const struct blk_mq_queue_data *bd)
{
	const struct watched_ops *w = container_of(hctx->queue->mq_ops, struct watched_ops, ops);
	int old = upl_scope_enter(up_disk_scope(hctx->queue->disk));
	blk_status_t status;

	if (hctx->queue->disk->major == LOOP_MAJOR) {
		upl_count(UP_N_REQUESTS, 1);	/* the lab's queue counts those of the disk at the bottom */
		if (req_op(bd->rq) == REQ_OP_FLUSH)
			upl_count(UP_N_FLUSHES, 1);
		upl_count(UP_N_PUNTS, 1);	/* loop_queue_rq() gives every request to a worker */
	}
	status = w->real->queue_rq(hctx, bd);
	upl_scope_enter(old);
	return status;
}

int up_disk_scope(struct gendisk *disk)
{
	return disk->major == LOOP_MAJOR ? UP_LOOP : UP_LOWER;
}

int __must_check device_add_disk(struct device *parent, struct gendisk *disk, const struct attribute_group **groups)
{
	struct watched_ops *w = kzalloc(sizeof(*w), GFP_KERNEL);

	if (!w)
		return -ENOMEM;
	elevator_init_mq(disk->queue);
	w->real = disk->queue->mq_ops;
	w->ops = *w->real;
	w->ops.queue_rq = watched_queue_rq;
	disk->queue->mq_ops = &w->ops;
	disk->part0->bd_dev = MKDEV(disk->major, disk->first_minor);
	up_bdev_inode(disk->part0)->i_rdev = disk->part0->bd_dev;
	blk_queue_flag_set(QUEUE_FLAG_INIT_DONE, disk->queue);
	percpu_ref_switch_to_percpu(&disk->queue->q_usage_counter);
	set_bit(GD_ADDED, &disk->state);
	atomic_set(&disk->part0->bd_openers, 1);	/* ours */
	if (disk->major == LOOP_MAJOR)
		up_loop_seen(disk);
	return 0;
}

/* The order is that of the kernel's. */
void del_gendisk(struct gendisk *disk)
{
	struct request_queue *q = disk->queue;
	struct watched_ops *w = container_of(q->mq_ops, struct watched_ops, ops);

	set_bit(GD_DEAD, &disk->state);
	if (test_bit(GD_OWNS_QUEUE, &disk->state))
		blk_queue_flag_set(QUEUE_FLAG_DYING, q);
	set_capacity(disk, 0);
	blk_queue_start_drain(q);
	blk_mq_freeze_queue_wait(q);
	blk_sync_queue(q);
	blk_mq_cancel_work_sync(q);
	q->mq_ops = w->real;
	kfree(w);
	rq_qos_exit(q);
	if (test_bit(GD_OWNS_QUEUE, &disk->state))
		blk_mq_exit_queue(q);
}

void put_disk(struct gendisk *disk)
{
	struct block_device *bdev;

	if (!disk)
		return;
	bdev = disk->part0;
	bioset_exit(&disk->bio_split);
	xa_destroy(&disk->part_tbl);
	disk->queue->disk = NULL;
	blk_put_queue(disk->queue);
	if (test_bit(GD_ADDED, &disk->state) && disk->fops->free_disk)
		disk->fops->free_disk(disk);
	bdev_free(bdev);
	kfree(disk);
}

void set_capacity(struct gendisk *disk, sector_t sectors)
{
	i_size_write(up_bdev_inode(disk->part0), (loff_t)sectors << SECTOR_SHIFT);
	disk->part0->bd_nr_sectors = sectors;
}

bool set_capacity_and_notify(struct gendisk *disk, sector_t size)
{
	set_capacity(disk, size);
	return false;
}

void set_disk_ro(struct gendisk *disk, bool read_only)
{
	if (read_only)
		set_bit(GD_READ_ONLY, &disk->state);
	else
		clear_bit(GD_READ_ONLY, &disk->state);
}

unsigned int part_in_flight(struct block_device *part)
{
	return part_stat_local_read(part, in_flight[0]) + part_stat_local_read(part, in_flight[1]);
}

/* ---- nobody else looks ------------------------------------------------------------------------------------------ */

#if UP_SINCE(6, 12)
void disk_force_media_change(struct gendisk *disk)
{
}
#else
bool disk_force_media_change(struct gendisk *disk, unsigned int events)
{
	return true;
}
#endif

void invalidate_disk(struct gendisk *disk)
{
	set_capacity(disk, 0);
}

/* There is no cache of a block device: nothing to write back, nothing to forget. */
int sync_blockdev(struct block_device *bdev)
{
	return 0;
}

void invalidate_bdev(struct block_device *bdev)
{
}

int kobject_uevent(struct kobject *kobj, enum kobject_action action)
{
	return 0;
}

int __register_blkdev(unsigned int major, const char *name, void (*probe)(dev_t devt))
{
	return 0;
}

void unregister_blkdev(unsigned int major, const char *name)
{
}
