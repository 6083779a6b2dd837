/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lab/disk.h - the devices at the bottom: where an IO leaves the code under study.
 *
 *   disk   a file or block device of the host, opened O_DIRECT, on the submitting task's ring
 *   ram    memory; every IO copies, checks alignment strictly and completes later
 *   null   nothing; every IO completes later, in batches, without touching data
 *
 * All three are blk-mq drivers with LAB_LOWER as their scope, start every transfer in the task that submits
 * it, and complete it in that task in hard-irq context (kc/io.h). They never sleep in ->queue_rq.
 */
#ifndef _LAB_DISK_H
#define _LAB_DISK_H

#include <linux/types.h>

struct block_device;
struct gendisk;
struct host_disk;
struct host_disk_info;

/**
 * struct lab_limits - what the device should say it can do; 0 in a field: the driver's own value
 * @max_sectors: of one request, in 512-byte units: a page .. LAB_DISK_MAX_SECTORS, whole logical blocks
 * @max_segments: of one request: 1 .. LAB_DISK_MAX_SEGMENTS
 * @max_segment_bytes: of one segment: PAGE_SIZE .. LAB_DISK_MAX_SEGMENT_BYTES, whole logical blocks
 * @logical_block_bytes: 512, 1024, 2048 or 4096; a real disk refuses less than its own
 * @virt_boundary_bytes: a power of two >= PAGE_SIZE: segments meet only on multiples of it
 * @queue_depth: tags: 1 .. LAB_DISK_QUEUE_DEPTH
 */
struct lab_limits {
	u32 max_sectors;
	u32 max_segments;
	u32 max_segment_bytes;
	u32 logical_block_bytes;
	u32 virt_boundary_bytes;
	u32 queue_depth;
};

#define LAB_DISK_MAX_SEGMENTS	256u		/* iovecs in a request's driver data: the most advertised */
#define LAB_DISK_MAX_SECTORS	2560u		/* BLK_DEF_MAX_SECTORS of Linux 6.1: 1280 KiB */
#define LAB_DISK_MAX_SEGMENT_BYTES (4u << 20)	/* the largest physically contiguous piece there is */
#define LAB_DISK_QUEUE_DEPTH	256u		/* tags of a device */
#define LAB_DISK_MAX_RETRIES	8u		/* resubmissions of one transfer, short or interrupted */
#define LAB_DISK_MIN_BYTES	4096u
#define LAB_SIM_MAX_BYTES	(16ull << 30)	/* ram and null */

/**
 * lab_limits_why - what is wrong with these limits
 * @limits: the user's
 *
 * Context: any. Return: one sentence without a full stop, or NULL: nothing.
 */
const char *lab_limits_why(const struct lab_limits *limits);

/**
 * lab_disk_open - a block device on an opened file or disk of the host
 * @disk: stays the caller's; closed by it after lab_bdev_destroy()
 * @info: as host_disk_open() filled it; a size that is no multiple of the logical block is rounded down
 * @limits: NULL: the driver's own
 *
 * Context: task, may sleep. Return: the device, or ERR_PTR(-EINVAL | -ENOMEM).
 */
struct block_device *lab_disk_open(struct host_disk *disk, const struct host_disk_info *info,
				   const struct lab_limits *limits);

/**
 * lab_ram_create - a block device in memory, all zeros
 * @bytes: a multiple of the logical block, LAB_DISK_MIN_BYTES .. LAB_SIM_MAX_BYTES
 * @limits: NULL: the driver's own
 *
 * Its memory is the host's, taken here, so that IO allocates nothing. Context: task, may sleep.
 * Return: the device, or ERR_PTR(-EINVAL | -ENOMEM).
 */
struct block_device *lab_ram_create(u64 bytes, const struct lab_limits *limits);

/**
 * lab_null_create - a block device that forgets what is written and leaves read buffers as they are
 * @bytes: as for lab_ram_create(), but costs no memory
 * @limits: NULL: the driver's own
 *
 * Context: task, may sleep. Return: the device, or ERR_PTR(-EINVAL | -ENOMEM).
 */
struct block_device *lab_null_create(u64 bytes, const struct lab_limits *limits);

/**
 * lab_bdev_destroy - end a device made by one of the calls above, or a filter (lab/filter.h)
 * @bdev: no IO in flight, no filter on it. A filter's lower device stays.
 *
 * Context: task, may sleep.
 */
void lab_bdev_destroy(struct block_device *bdev);

/**
 * struct lab_device - what every gendisk of this directory has as its ->private_data
 * @disk: the gendisk
 * @destroy: takes the device apart and frees it; lab_bdev_destroy() calls it
 * @name: driver's name, for messages
 */
struct lab_device {
	struct gendisk *disk;
	void (*destroy)(struct lab_device *dev);
	const char *name;
};

#endif
