/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * loop.h - private to loop.c: a loop device, its list and its thread.
 */
#ifndef LOOP_H
#define LOOP_H

#include <linux/fs.h>
#include <linux/bio.h>
#include <linux/completion.h>
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

#define LO_FLAGS_READ_ONLY	1
#define LO_FLAGS_USE_AIO	16	/* set when bound, for good */

/**
 * struct loop_device - a loop device
 * @dev: all that has nothing to do with its file. Its count of what is in flight is the laboratory's: in 2013
 *	nothing waited for a kiocb; of its worker nothing is used
 * @lo_backing_file: the descriptor that it reads and writes
 * @lo_lock: of @lo_bio_list and @lo_bio_count
 * @lo_bio_count: bios on the list: not those that kiocbs are under way for (D5)
 * @lo_event: the thread waits for a bio
 * @lo_req_wait: submitters wait for a shorter list
 */
struct loop_device {
	struct lab_loopdev dev;
	struct file *lo_backing_file;
	unsigned int lo_flags;
	spinlock_t lo_lock;
	struct bio_list lo_bio_list;
	unsigned int lo_bio_count;
	struct task_struct *lo_thread;
	struct wait_queue_head lo_event, lo_req_wait;
};

/* The opaque handle of design.h. */
struct lab_loop {
	struct loop_device lo;
};

/* In the marker bio: from here on @file, or, NULL, only that the thread has come so far. */
struct switch_request {
	struct file *file;
	struct completion wait;
};

#endif
