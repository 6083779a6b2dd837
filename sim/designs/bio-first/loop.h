/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * loop.h - private to loop.c (what becomes of a bio) and loop-ctl.c (devices): a loop device and its commands.
 */
#ifndef LOOP_H
#define LOOP_H

#include <linux/fs.h>
#include <linux/bio.h>
#include <linux/workqueue.h>
#include <lab/loopdev.h>
#include "design.h"

/**
 * struct loop_device - a loop device
 * @dev: all that has nothing to do with its file
 * @lab_file: what loop_add() was given, or loop_change_file()
 * @file: the descriptor of it that is in use
 * @buffered: it is the one through the page cache
 * @clones: of struct loop_cmd (alloc=pool)
 */
struct loop_device {
	struct lab_loopdev dev;
	struct lab_file *lab_file;
	struct file *file;
	bool buffered;
	struct bio_set clones;
};

/* The opaque handle of design.h. */
struct lab_loop {
	struct loop_device lo;
};

/**
 * struct loop_cmd - one bio on its way: what stands before its clone
 * @bio: the bio above
 * @rq: the request it belongs to (loopq=mq), else NULL
 * @shard: of the device's @inflight (loopq=bio)
 * @status: where the worker is to end it
 * @counted: the file's filesystem counts it as a write, until its end
 * @dio: with the clone, which is all that the file gets to see
 */
struct loop_cmd {
	struct loop_device *lo;
	struct bio *bio;
	struct request *rq;
	unsigned int shard;
	blk_status_t status;
	bool counted;
	struct work_struct work;
	struct dio dio;
};

/**
 * struct loop_rq - driver data of a request: its bios are cloned one by one
 * @next: the next one to be cloned
 * @left: clones not done, + 1 for who clones
 * @status: the first error
 */
struct loop_rq {
	struct bio *next;
	atomic_t left;
	blk_status_t status;
	struct work_struct work;
};

const struct lab_loopdev_ops *loop_dev_ops(void);
int loop_alloc_pools(struct loop_device *lo);
void loop_free_pools(struct loop_device *lo);

#endif
