/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * loop.h - private to loop.c: a loop device.
 */
#ifndef LOOP_H
#define LOOP_H

#include <linux/fs.h>
#include <linux/bio.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <lab/loopdev.h>

/*
 * Bios on the list when who submits begins to wait, and when it may go on: those of a queue of 128 requests, which
 * 3.12's loop had and never used. queue_congestion_on_threshold(), queue_congestion_off_threshold().
 */
#define LOOP_NR_REQUESTS	128u
#define LOOP_CONGESTION_ON	(LOOP_NR_REQUESTS - LOOP_NR_REQUESTS / 8 + 1)
#define LOOP_CONGESTION_OFF	(LOOP_NR_REQUESTS - LOOP_NR_REQUESTS / 8 - LOOP_NR_REQUESTS / 16 - 1)

/**
 * struct loop_device - a loop device
 * @dev: all that has nothing to do with its file
 * @lo_backing_file: through its page cache
 * @lo_lock: the list and its length
 * @lo_bio_list: what the thread has not taken yet
 * @lo_bio_count: bios on it
 * @lo_thread: takes them, one by one
 * @lo_event: the thread, for a bio or its end
 * @lo_req_wait: submitters, for LOOP_CONGESTION_OFF
 */
struct loop_device {
	struct lab_loopdev dev;
	struct file *lo_backing_file;
	spinlock_t lo_lock;
	struct bio_list lo_bio_list;
	unsigned int lo_bio_count;
	struct task_struct *lo_thread;
	wait_queue_head_t lo_event, lo_req_wait;
};

/* The opaque handle of design.h. */
struct lab_loop {
	struct loop_device lo;
};

#endif
