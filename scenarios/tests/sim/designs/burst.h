/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * burst.h - bios of one page each, ready to go to a loop device: many of them, ended together.
 */
#ifndef LAB_DESIGN_BURST_H
#define LAB_DESIGN_BURST_H

#include "rig.h"

#define BURST_MAX	600		/* more than the tags of any queue here */
#define BURST_BYTE	0x42		/* what their pages are full of */

struct burst {
	struct page *page[BURST_MAX];
	struct bio *bio[BURST_MAX];
	struct task_struct *task;
	unsigned int nr;
	atomic_t left;
	int done;
};

/* @nr bios of @op, @stride pages from each to the next, not submitted. */
struct burst *burst_make(struct block_device *bdev, blk_opf_t op, unsigned int nr, unsigned int stride);
void burst_submit(struct burst *b, bool plugged);
/* All have ended, each with @status: expect that, and free. */
void burst_end(struct burst *b, blk_status_t status);
/* Submit, wait until they have ended well, and free. */
void burst_run(struct burst *b, bool plugged);
void burst_say_no_memory(const struct burst *b);

#endif
