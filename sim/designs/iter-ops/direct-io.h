/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * direct-io.h - private to direct-io.c (segments and blocks), direct-io-bio.c (sections and bios) and direct-io-end.c
 * (memory of a dio, and the way up).
 */
#ifndef DIRECT_IO_H
#define DIRECT_IO_H

#include <linux/fs.h>
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#define DIO_PAGES	64	/* pages pinned by one call */

/**
 * struct dio - one direct read or write, from submission to the end of its last bio
 * @inode: NULL: of a block device
 * @i_size: of a read, when it began
 * @end_io: the filesystem's, with @private
 * @page_errors: a fault of user memory while blocks had to be used up
 * @is_async: aio_complete() tells
 * @defer_completion: the end needs process context
 * @should_dirty: pages of a read are user memory
 * @pinned: sources are pins, not references
 * @io_error: 0 or -EIO
 * @refcount: submitter, and bios in flight; under @bio_lock as @bio_list and @waiter
 * @bio_list: ended ones that the submitter shall look at (synchronous), by bi_private
 * @result: bytes mapped so far
 * @pages: the queue; not cleared, and of no use once all is submitted
 */
struct dio {
	int flags, rw;
	struct inode *inode;
	struct block_device *bdev;
	loff_t i_size;
	dio_iodone_t *end_io;
	void *private;
	spinlock_t bio_lock;
	int page_errors;
	int is_async;
	bool defer_completion, should_dirty, pinned;
	int io_error;
	unsigned long refcount;
	struct bio *bio_list;
	struct task_struct *waiter;
	struct kiocb *iocb;
	ssize_t result;
	union {
		struct page *pages[DIO_PAGES];
		struct work_struct complete_work;
	};
};

/**
 * struct dio_submit - what a submission knows; on its stack, ends with it
 * @bio: being built
 * @blkbits: of a dio block: the filesystem's, or the device's if something is not aligned to that
 * @blkfactor: fs block bits - @blkbits
 * @start_zero_done: the head of the first fs block was looked after
 * @pages_in_io: pages that are still to come, at most; for the size of bios
 * @size: bytes of the whole IO
 * @block_in_file: where it is, dio blocks
 * @blocks_available: mapped from there on and not used
 * @reap_counter: bios since completed ones were looked for
 * @final_block_in_request: end of the current segment
 * @first_block_in_page: where its first page begins
 * @boundary: send at once what there is
 * @logical_offset_in_bio, @final_block_in_bio: where @bio began in the file, and where it ends on disk
 * @next_block_for_io: on disk, of @block_in_file
 * @cur_page: the one page that is held back, in case what follows continues it; @cur_page_offset and the
 *	rest say which part of it, where on disk, where in the file
 * @curr_page, @total_pages, @curr_user_address: of the current segment: pages taken, all, where the next is
 * @head, @tail: of the queue dio->pages
 */
struct dio_submit {
	struct bio *bio;
	unsigned int blkbits, blkfactor;
	unsigned int start_zero_done;
	int pages_in_io;
	size_t size;
	sector_t block_in_file;
	unsigned int blocks_available;
	int reap_counter;
	sector_t final_block_in_request;
	unsigned int first_block_in_page;
	int boundary;
	get_block_t *get_block;
	dio_submit_t *submit_io;
	loff_t logical_offset_in_bio;
	sector_t final_block_in_bio, next_block_for_io;
	struct page *cur_page;
	unsigned int cur_page_offset, cur_page_len;
	sector_t cur_page_block;
	loff_t cur_page_fs_offset;
	int curr_page, total_pages;
	unsigned long curr_user_address;
	unsigned int head, tail;
};

int submit_page_section(struct dio *dio, struct dio_submit *sdio, struct page *page, unsigned int offset,
		       unsigned int len, sector_t blocknr, struct buffer_head *map_bh);
int dio_flush_cur_page(struct dio *dio, struct dio_submit *sdio, struct buffer_head *map_bh);
void dio_bio_submit(struct dio *dio, struct dio_submit *sdio);

struct dio *dio_alloc(void);
void dio_free(struct dio *dio);
ssize_t dio_complete(struct dio *dio, loff_t offset, ssize_t ret, bool is_async);
void dio_bio_end_aio(struct bio *bio);
void dio_bio_end_io(struct bio *bio);
int dio_bio_reap(struct dio *dio, struct dio_submit *sdio);
void dio_await_completion(struct dio *dio);
int drop_refcount(struct dio *dio);

#endif
