/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * k.h - what the files of the kernel's side share. Included after the kernel's own headers.
 *
 *	boot.c	 start and end		sched.c	 tasks, waiting, waking		lock.c	locks that assert
 *	mm.c	 pages, references	slab.c	 objects			user.c	user memory
 *	work.c	 works, timers, RCU	genhd.c	 disks and their registration	fs.c	a filesystem over the lab's map
 *	lower.c	 the disk at the bottom	loop.c	 loop devices, by ioctl		io.c	system calls
 *	legacy.c direct IO by fs/direct-io.c			rest.c	what it leaves to the cache
 *	cached.c through the laboratory's page cache
 *	count.c	 what is counted	lib.c	 strings, printk, what is left	alloc.h	names of allocators
 *	trace.c	 block events
 */
#ifndef KC_UPSTREAM_K_H
#define KC_UPSTREAM_K_H

#include <linux/blkdev.h>
#include <linux/fs.h>
#include <linux/sched.h>
#include <linux/version.h>
#include "bridge.h"

/* Is the tree at least this version? What stands under it is what changed there, or not long before. */
#define UP_SINCE(major, minor)	(LINUX_VERSION_CODE >= KERNEL_VERSION(major, minor, 0))

#define UP_MAX_TASKS	512		/* contexts alive at once: calls, and works that wait */

_Noreturn __printf(1, 2) void up_bug(const char *fmt, ...);

/* ---- sched.c ---- */
int up_sched_init(void);
void up_sched_exit(void);
bool up_sched_runnable(void);
bool up_sched_inside(void);		/* a context runs */
void up_sched_run_one(void);
/* Run fn(arg) as a task of its own; it may wait. False: UP_MAX_TASKS are busy. */
bool up_task_start(void (*fn)(void *arg), void *arg, bool user);
/* The same, and wait for its end. */
void up_task_call(void (*fn)(void *arg), void *arg, bool user);
/* Run fn(arg) as an interrupt would, at once. */
void up_irq(void (*fn)(void *arg), void *arg);
unsigned int up_locks_held(int change);	/* spinlocks of the running context */

/* ---- work.c ---- */
int up_work_init(void);
bool up_work_pending(void);
bool up_work_run(void);			/* true: something was done */
void up_work_exit(void);

/* ---- mm.c, slab.c ---- */
int up_mm_init(const struct up_ram *ram);
int up_mm_exit(void);
void up_pin_note(struct page *page);
int up_slab_exit(void);

/* ---- genhd.c, lower.c, count.c ---- */
struct upk_disk {
	struct gendisk *disk;
	struct blk_mq_tag_set *set;	/* of a disk at the bottom */
	void *lab;
	int scope;			/* whose account its requests are on */
	struct upk_file *backing;	/* of a loop device */
};
void up_count_init(void);
int up_disk_scope(struct gendisk *disk);
void up_loop_seen(struct gendisk *disk);
bool up_lower_pending(void);
void up_lower_run(void);		/* one completion, in an order of the seed */

static inline struct inode *up_bdev_inode(struct block_device *bdev)
{
#if UP_SINCE(6, 12)
	return bdev->bd_mapping->host;
#else
	return bdev->bd_inode;
#endif
}

/* ---- fs.c ---- */
struct upk_file {
	struct file file;
	struct inode inode;		/* of a file; a block device has its own */
	void *lab;			/* the lab's inode; NULL: a block device */
	enum up_dio dio;
	unsigned int writers;		/* that a freeze would wait for: nobody freezes here */
	struct super_block sb;
};

static inline struct upk_file *up_file_of(struct inode *inode)
{
	return container_of(inode, struct upk_file, inode);
}

/* ---- cached.c ---- */
ssize_t up_cached_read(struct kiocb *iocb, struct iov_iter *to);
ssize_t up_cached_write(struct kiocb *iocb, struct iov_iter *from);
ssize_t up_cached_fallback(struct kiocb *iocb, struct iov_iter *from);
#if UP_SINCE(6, 12)
typedef struct folio up_cached;
#else
typedef struct page up_cached;
#endif
int up_write_begin(struct file *file, struct address_space *mapping, loff_t pos, unsigned int len, up_cached **out,
		   void **fsdata);
int up_write_end(struct file *file, struct address_space *mapping, loff_t pos, unsigned int len, unsigned int copied,
		 up_cached *cached, void *fsdata);

/* ---- legacy.c ---- */
extern const struct address_space_operations up_legacy_aops;
ssize_t up_legacy_write(struct kiocb *iocb, struct iov_iter *from, bool extend, bool wait);
ssize_t up_locking_write(struct kiocb *iocb, struct iov_iter *from);

#endif
