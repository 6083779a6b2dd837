/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * blk.h - what the rooms of sim/block share with each other and with nobody else.
 */
#ifndef LAB_BLK_H
#define LAB_BLK_H

#include <linux/kernel.h>
#include <linux/bug.h>
#include <linux/errno.h>
#include <linux/err.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/completion.h>
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/blk-mq.h>
#include <kc/probe.h>

/* ---- probes ---------------------------------------------------------------------------- */

/*
 * lab_probe_stack() without a call: once per driver entry and once per end_io it is worth it. The first
 * one of a task asks kc_stack_used_bytes(), which notes where its stack begins.
 */
#if LAB_WITH_PROBES
#define blk_probe_stack(id)								\
	do {										\
		const char *__hi = current->kc_stack_hi, *__here = __builtin_frame_address(0); \
											\
		lab_probe_max(id, likely(__hi) ? (u64)(__hi - __here) : kc_stack_used_bytes()); \
	} while (0)
#else
#define blk_probe_stack(id)	((void)0)
#endif

/* ---- a world's block layer (blk-init.c) ---------------------------------------------- */

extern struct workqueue_struct *kblockd_workqueue;

/* ---- bioset.c, bio-slab.c, bio-pages.c -------------------------------------------------------------- */

#define LAB_FS_BIO_POOL	2	/* reserve of fs_bio_set */

int lab_bvec_slabs_init(void);
void lab_bvec_slabs_exit(void);
void lab_bio_slabs_init(void);
struct kmem_cache *lab_bio_slab_get(unsigned int size_bytes);
void lab_bio_slab_put(struct kmem_cache *cache);
void lab_bio_dirty_init(void);
void lab_disk_numbers_init(void);
void lab_bio_dirty_exit(void);
void lab_bio_dirty_flush(void);

/* ---- bio.c ------------------------------------------------------------------------------ */

/* Make @bio, fresh and without an array, a view of what is left of @src. */
static inline void lab_bio_share(struct bio *bio, const struct bio *src)
{
	bio_set_flag(bio, BIO_CLONED);
	bio->bi_ioprio = src->bi_ioprio;
	bio->bi_iter = src->bi_iter;
	bio->bi_io_vec = src->bi_io_vec;
}

/* May a piece at @offset_bytes not follow @prev in one request: a hole that the device cannot skip? */
static inline bool lab_bvec_gap(const struct queue_limits *lim, const struct bio_vec *prev,
				unsigned int offset_bytes)
{
	unsigned long mask = lim->virt_boundary_mask;

	return mask && (((prev->bv_offset + prev->bv_len) & mask) || (offset_bytes & mask));
}

/* Sectors of one read or write: the limit in whole logical blocks. */
static inline unsigned int lab_max_sectors(const struct queue_limits *lim)
{
	return round_down(lim->max_sectors, lim->logical_block_size >> SECTOR_SHIFT);
}

/* Does @page continue @bv, the last element of a bio of @size_bytes, in memory, and may the bio be as long? */
static inline bool lab_bvec_continues(const struct bio_vec *bv, unsigned int size_bytes, struct page *page,
				      unsigned int len_bytes, unsigned int offset_bytes)
{
	return page_to_phys(bv->bv_page) + bv->bv_offset + bv->bv_len == page_to_phys(page) + offset_bytes &&
	       size_bytes <= BIO_MAX_SIZE_BYTES - len_bytes;
}

/* ---- bio-rule.c ------------------------------------------------------------------------- */

int lab_old_add_page(struct bio *bio, struct page *page, unsigned int len_bytes, unsigned int offset_bytes);
void lab_old_too_big(struct bio *bio);

/* Debug builds: a bio is ended once per life; submitting or initialising it starts one. */
static inline void lab_bio_mark_live(struct bio *bio)
{
#ifdef KC_DEBUG
	bio_clear_flag(bio, BIO_LAB_ENDED);
#endif
}

/* ---- blk-core.c --------------------------------------------------------------------------- */

/**
 * struct lab_submit_frame - the list that catches what a driver submits while it is being submitted to
 * @lists: what current->bio_list points to: [0] caught now, [1] waiting from before
 * @outer: current->bio_list as it was
 *
 * On the stack of whoever runs a driver outside of submit_bio_noacct(): plug flush, kblockd.
 */
struct lab_submit_frame {
	struct bio_list lists[2];
	struct bio_list *outer;
};

void lab_submit_frame_begin(struct lab_submit_frame *frame);
void lab_submit_frame_end(struct lab_submit_frame *frame);
void lab_submit_remainder(struct bio *bio);

/* ---- bio-split.c --------------------------------------------------------------------------- */

unsigned int lab_limits_take(const struct bio *bio, const struct queue_limits *lim);
struct bio *lab_split_slow(struct bio *bio, const struct queue_limits *lim, unsigned int *nr_segs, gfp_t gfp);

/*
 * bio_split_to_limits() where it matters: a bio that lies in one segment goes through at the cost of
 * three compares. Returns the bio to go on with, or NULL when it has been ended. @nr_segs: its segments
 * by the rules of @lim.
 */
static inline struct bio *lab_split_fast(struct bio *bio, const struct queue_limits *lim,
					 unsigned int *nr_segs)
{
	if (likely(lab_bio_is_one_segment(bio, lim))) {
		*nr_segs = 1;
		return bio;
	}
	return lab_split_slow(bio, lim, nr_segs, GFP_NOIO);
}

/* ---- blk-merge.c ----------------------------------------------------------------------------- */

struct request *lab_plug_newest(const struct blk_plug *plug, const struct request_queue *q);
bool lab_rq_merge(struct request *rq, struct bio *bio, unsigned int nr_segs);

/* ---- blk-plug.c ------------------------------------------------------------------------------- */

void lab_plug_add(struct blk_plug *plug, struct request *rq);

/* ---- blk-mq-tag.c ------------------------------------------------------------------------------ */

#define LAB_TAG_WORDS_MAX	32	/* so that tasks need not share a cache line to take a tag */
#define LAB_TAG_WORD_BITS	32	/* 32 x 32 == BLK_MQ_MAX_DEPTH */
#define LAB_TAG_NOTIFY		(1UL << 63)	/* of a word: freeing a tag of it takes the slow path */

/**
 * struct blk_mq_tags - the tags of a set and their requests
 * @nr_words: a power of two
 * @lock: of the slow path: nr_notify, and the freeing of tags while it is not 0
 * @nr_notify: how many want to hear of a freed tag: sleepers, freezers, a non-empty hctx->dispatch
 * @wait: the sleepers
 * @word: bit set: free. A cache line each; @rqs: request of its bit 0
 */
struct blk_mq_tags {
	unsigned int nr_tags, nr_words, bits_per_word;
	unsigned int rq_bytes;
	void *rqs;
	spinlock_t lock;
	unsigned int nr_notify;
	wait_queue_head_t wait;
	struct blk_mq_tag_word {
		unsigned long free;
		void *rqs;
		u8 pad[48];
	} word[LAB_TAG_WORDS_MAX];
};

struct blk_mq_tags *lab_tags_alloc(unsigned int nr_tags, unsigned int cmd_size);
void lab_tags_free(struct blk_mq_tags *tags);
struct request *lab_tag_get_any(struct blk_mq_tags *tags);
struct request *lab_tag_get_wait(struct blk_mq_tags *tags);
void lab_tag_put_slow(struct request *rq);
unsigned int lab_tags_used(struct blk_mq_tags *tags);
void lab_tags_notify(struct blk_mq_tags *tags, bool on);

/*
 * lab_tag_try - a free tag's request from where this task looks first, or NULL: lab_tag_get() knows more
 *
 * A full barrier when it succeeds: the caller looks at q->gate afterwards. Context: any.
 */
static inline struct request *lab_tag_try(struct blk_mq_tags *tags)
{
	struct blk_mq_tag_word *w = &tags->word[(unsigned int)current->pid & (tags->nr_words - 1)];
	unsigned long map = READ_ONCE(w->free) & ~LAB_TAG_NOTIFY;

	if (likely(map)) {
		unsigned int bit = __ffs(map);

		if (likely(test_and_clear_bit(bit, &w->free)))
			return w->rqs + (size_t)bit * tags->rq_bytes;
	}
	return NULL;
}

/* A free tag's request, or NULL. Barrier and context as above. */
static inline struct request *lab_tag_get(struct blk_mq_tags *tags)
{
	struct request *rq = lab_tag_try(tags);

	return likely(rq) ? rq : lab_tag_get_any(tags);
}

/*
 * lab_tag_put - free the tag of @rq, which is nobody's from then on
 *
 * Context: any.
 */
static inline void lab_tag_put(struct request *rq)
{
	unsigned long *word = rq->tag_word, mask = rq->tag_mask;
	unsigned long old = READ_ONCE(*word);

	do {
		if (unlikely(old & LAB_TAG_NOTIFY)) {
			lab_tag_put_slow(rq);
			return;
		}
		VM_BUG_ON(old & mask);
	} while (unlikely(!try_cmpxchg(word, &old, old | mask)));
}

static inline struct request *lab_tag_rq(const struct blk_mq_tags *tags, unsigned int tag)
{
	return (struct request *)((char *)tags->rqs + (size_t)tag * tags->rq_bytes);
}

/* ---- blk-mq.c -------------------------------------------------------------------------------- */

#define LAB_MQ_F_STACKING	(1u << 31)	/* hctx->flags: gendisk->lab_stacking at add_disk() */

/* Must queue_rq() of this driver be kept out of completions, and of a task about to sleep? */
static inline bool driver_needs_task(const struct blk_mq_hw_ctx *hctx)
{
	return hctx->flags & (BLK_MQ_F_BLOCKING | LAB_MQ_F_STACKING);
}

void blk_mq_submit_bio(struct bio *bio);
void lab_mq_dispatch_list(struct request_queue *q, struct request *head, bool from_schedule);
void lab_mq_issue(struct request *rq);
void lab_mq_kick(struct blk_mq_hw_ctx *hctx);
void lab_mq_hctx_init(struct blk_mq_hw_ctx *hctx, struct request_queue *q);

/* ---- blk-flush.c -------------------------------------------------------------------------------- */

struct blk_flush_queue *lab_flush_queue_alloc(struct request_queue *q);
void lab_flush_queue_free(struct blk_flush_queue *fq);
bool lab_flush_inflight(const struct blk_flush_queue *fq);
void lab_flush_insert(struct request *rq);
void lab_flush_step_done(struct request *rq, blk_status_t status);

/* ---- blk-freeze.c ------------------------------------------------------------------------------- */

#define LAB_USAGE_FROZEN	(1 << 30)	/* of a shard: entering and leaving take the slow path */

int lab_queue_wait_open(struct request_queue *q, bool nowait);
bool lab_bio_queue_enter_slow(struct bio *bio);
void lab_bio_queue_exit_slow(struct request_queue *q, struct lab_usage_shard *shard);

static inline struct lab_usage_shard *lab_usage(struct request_queue *q)
{
	return &q->usage[(unsigned int)current->pid % BLK_USAGE_SHARDS];
}

/*
 * Hold the queue of a disk with ->submit_bio open. False: the bio has been ended. Context: task, may
 * sleep.
 */
static inline bool lab_bio_queue_enter(struct bio *bio)
{
	if (likely(!(atomic_fetch_inc(&lab_usage(bdev_get_queue(bio->bi_bdev))->count) & LAB_USAGE_FROZEN)))
		return true;
	return lab_bio_queue_enter_slow(bio);
}

/* Let go of it. Unless somebody is freezing it the queue is not touched after the count has gone down. */
static inline void lab_bio_queue_exit(struct request_queue *q)
{
	struct lab_usage_shard *shard = lab_usage(q);
	int count = atomic_read(&shard->count);

	do {
		if (unlikely(count & LAB_USAGE_FROZEN)) {
			lab_bio_queue_exit_slow(q, shard);
			return;
		}
	} while (!atomic_try_cmpxchg(&shard->count, &count, count - 1));
}

#endif
