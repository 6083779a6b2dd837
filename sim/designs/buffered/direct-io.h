/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * direct-io.h - private to direct-io.c (the way down) and direct-io-end.c (memory of a dio, and the way up).
 */
#ifndef DIRECT_IO_H
#define DIRECT_IO_H

#include <linux/fs.h>
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#define DIO_PAGES	64	/* user pages pinned by one call */

/**
 * struct dio - one direct read or write: what its completion looks at too
 * @pos: in the file, bytes
 * @i_size: at the start
 * @end_io: NULL: the filesystem has nothing to do at the end
 * @private: of the last mapping that had one: @end_io wants a task
 * @bio_lock: @refcount, @bio_list, @waiter
 * @page_errors: the first error of pinning
 * @io_error: the first error of a bio
 * @refcount: the submitter and bios in flight
 * @bio_list: bios that have ended, for the waiter, by bi_private; only if !@is_async
 * @waiter: the task that waits for one of them
 * @result: bytes that the walk covered
 * @is_async: bios end where they end; else the waiter takes them
 * @defer_completion: and the last one's end is a worker's
 * @pages: pinned and not yet used
 * @complete_work: @defer_completion. By then no page is left
 */
struct dio {
	struct kiocb *iocb;
	struct inode *inode;
	loff_t pos, i_size;
	int rw;
	dio_iodone_t *end_io;
	void *private;
	spinlock_t bio_lock;
	int page_errors, io_error;
	unsigned long refcount;
	struct bio *bio_list;
	struct task_struct *waiter;
	size_t result;
	bool is_async, defer_completion;
	union {
		struct page *pages[DIO_PAGES];
		struct work_struct complete_work;
	};
};

/**
 * struct dio_submit - what the submission alone knows; ends with it
 * @bio: under construction
 * @blkbits: of a dio block: the filesystem's, or where the caller is aligned to less the device's
 * @blkfactor: the filesystem's block is that many bits larger
 * @pages_in_io: elements that the rest of the IO may need at most
 * @block_in_file: where the walk is, in dio blocks
 * @blocks_available: of the last mapping, not yet used
 * @final_block_in_request: end of the current segment: no mapping goes beyond it
 * @first_block_in_page: where in its first page the segment begins
 * @reap_counter: bios since the ends of earlier ones were looked at
 * @logical_offset_in_bio: of @bio's first byte in the file
 * @final_block_in_bio: the block on the device after @bio
 * @next_block_for_io: the block on the device for block_in_file
 * @cur_page: the section of a page that waits for what follows it: @cur_page_offset and the rest say which part of the
 *	page, where on the device, where in the file
 * @curr_page, @total_pages, @curr_user_address: of the current segment: pages pinned, pages in all, the next page
 * @head, @tail: of dio->pages, the used part
 */
struct dio_submit {
	struct bio *bio;
	unsigned int blkbits, blkfactor;
	unsigned int pages_in_io;
	bool start_zero_done;
	sector_t block_in_file;
	unsigned int blocks_available;
	sector_t final_block_in_request;
	unsigned int first_block_in_page;
	unsigned int reap_counter;
	get_block_t *get_block;
	loff_t logical_offset_in_bio;
	sector_t final_block_in_bio, next_block_for_io;
	struct page *cur_page;
	unsigned int cur_page_offset, cur_page_len;
	sector_t cur_page_block;
	loff_t cur_page_fs_offset;
	unsigned int curr_page, total_pages;
	unsigned long curr_user_address;
	unsigned int head, tail;
};

/*
 * A page has up to three holders, as in 3.12: the queue of pinned pages, the section that waits, the bio. Each holds it
 * by a pin, so that a page is pinned as long as anybody uses it, but only the queue's, which finds the page, is
 * counted as one; it passes to the bio, whose end is counted as its end. The others are page references on top.
 */
static inline void dio_hold(struct page *page)
{
	lab_probe(PAGE_REF);
	atomic64_add(KC_PIN_ONE, &page->_refpin);
}

static inline void dio_unhold(struct page *page)
{
	lab_probe(PAGE_REF);
	kc_unpin(page);
}

struct dio *dio_alloc(void);
void dio_free(struct dio *dio);
void dio_bio_reap(struct dio *dio, struct dio_submit *sdio);
void dio_await_completion(struct dio *dio);
bool drop_refcount(struct dio *dio);
ssize_t dio_complete(struct dio *dio, ssize_t ret, bool is_async);
void dio_bio_end_aio(struct bio *bio);
void dio_bio_end_io(struct bio *bio);
bool dio_must_defer(const struct dio *dio);

#endif
