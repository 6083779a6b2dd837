/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lab.h - the lab's side of the design `upstream`: see kernel-compat/upstream/bridge.h.
 *
 *	design.c  struct design, over upk_*()		disk.c	requests of the kernel's disk, as bios of ours
 *	fs.c	  the map, the page cache, the size	mem.c	pages, objects, user memory
 *	loop.c	  loop devices, with a block device of ours in front for ready bios
 */
#ifndef LAB_UPSTREAM_H
#define LAB_UPSTREAM_H

#include <linux/types.h>
#include <linux/blkdev.h>
#include <linux/sched.h>
#include <kc/blktrace.h>
#include "bridge.h"
#include "design.h"

struct inode;

bool is_owner(void);			/* Is this the one task that the kernel runs in? */

/* A device of ours that the kernel has a disk for: one a device, however many files are on it. */
struct low_disk {
	struct block_device *bdev;
	struct upk_disk *kernel;
	unsigned int users;
	struct low_disk *next;
};

void low_init(void);
struct low_disk *low_disk_get(struct block_device *bdev);	/* NULL: no memory */
void low_disk_put(struct low_disk *d);
void low_limits(struct block_device *bdev, struct up_limits *out);

/**
 * struct lab_file - an open file or block device
 * @disk: what it lies on, NULL for a loop device
 */
struct lab_file {
	struct upk_file *kernel;
	struct inode *inode;		/* NULL: a block device */
	struct low_disk *disk;
};

/* The kernel's loop device behind a block device of ours; NULL: it is no such one. */
struct upk_disk *loop_behind(struct block_device *bdev);
void loop_init(void);
struct lab_loop *loop_add(struct lab_file *lf, const struct lab_loop_opts *opts);
struct block_device *loop_bdev(struct lab_loop *loop);
int loop_change_file(struct lab_loop *loop, struct lab_file *lf);
int loop_set_capacity(struct lab_loop *loop);
int loop_set_direct(struct lab_loop *loop, bool on);
void loop_del(struct lab_loop *loop);

/*
 * What the kernel's task may not do for memory (PF_MEMALLOC_NOIO), what it asks for here may not either. For
 * memalloc_noio_restore().
 */
static inline unsigned int noio_as_caller(void)
{
	return upk_noio() ? memalloc_noio_save() : current->flags & PF_MEMALLOC_NOIO;
}

/* Before an IO goes in: is anybody listening? The kernel's tracepoints cost something only then. */
static inline void trace_follow(void)
{
	upk_trace(kc_blktrace_on());
}

#endif
