/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bio.h - building, sharing and ending bios.
 *
 * Rules that hold for every function here (docs/block/biovecs.rst in the kernel's tree):
 *  - whoever allocates a bio owns its pages and its array and outlives every clone of it;
 *  - a submitted bio belongs to the device until bi_end_io, which is called exactly once;
 *  - bi_end_io may run in hard-irq context and must not sleep;
 *  - of one bio_set a task holds at most one bio that is not yet submitted, else a blocking allocation
 *    may wait for itself.
 *
 * Prototypes as in Linux 6.1; bio_next_split() (3.14), BIO_PAGE_PINNED (6.5) and bio_get_nr_vecs() (up to 4.2)
 * as in theirs.
 */
#ifndef _LINUX_BIO_H
#define _LINUX_BIO_H

#include <linux/types.h>
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/mempool.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <linux/blk_types.h>

struct kmem_cache;

#ifndef BIO_MAX_VECS
#define BIO_MAX_VECS		256U	/* elements of one allocated array */
#endif
#define BIO_INLINE_VECS		4	/* that fit behind the bio itself */
#ifndef BIO_POOL_SIZE
#define BIO_POOL_SIZE		2	/* reserve of the sets that only need forward progress */
#endif
#define BIO_MAX_SIZE_BYTES	(~0u & ~(SECTOR_SIZE - 1u))	/* bi_size is 32 bits */

static inline unsigned int bio_max_segs(unsigned int nr_segs)
{
	return min(nr_segs, (unsigned int)BIO_MAX_VECS);
}

#define bio_iter_iovec(bio, iter)	bvec_iter_bvec((bio)->bi_io_vec, (iter))
#define bio_iter_page(bio, iter)	bvec_iter_page((bio)->bi_io_vec, (iter))
#define bio_iter_len(bio, iter)		bvec_iter_len((bio)->bi_io_vec, (iter))
#define bio_iter_offset(bio, iter)	bvec_iter_offset((bio)->bi_io_vec, (iter))
#define bio_page(bio)			bio_iter_page((bio), (bio)->bi_iter)
#define bio_offset(bio)			bio_iter_offset((bio), (bio)->bi_iter)
#define bio_iovec(bio)			bio_iter_iovec((bio), (bio)->bi_iter)

#define bvec_iter_sectors(iter)		((iter).bi_size >> SECTOR_SHIFT)
#define bvec_iter_end_sector(iter)	((iter).bi_sector + bvec_iter_sectors((iter)))
#define bio_sectors(bio)		bvec_iter_sectors((bio)->bi_iter)
#define bio_end_sector(bio)		bvec_iter_end_sector((bio)->bi_iter)

#define bio_prio(bio)			((bio)->bi_ioprio)
#define bio_set_prio(bio, prio)		((bio)->bi_ioprio = (prio))

#define bio_data_dir(bio)		(op_is_write((bio)->bi_opf) ? WRITE : READ)

/* Does the bio move bytes of memory? */
static inline bool bio_has_data(const struct bio *bio)
{
	return bio->bi_iter.bi_size && !lab_op_no_data(bio->bi_opf);
}

static inline bool bio_no_advance_iter(const struct bio *bio)
{
	return lab_op_no_data(bio->bi_opf);
}

static inline bool bio_flagged(const struct bio *bio, unsigned int bit)
{
	return (bio->bi_flags & (1U << bit)) != 0;
}

static inline void bio_set_flag(struct bio *bio, unsigned int bit)
{
	bio->bi_flags |= 1U << bit;
}

static inline void bio_clear_flag(struct bio *bio, unsigned int bit)
{
	bio->bi_flags &= ~(1U << bit);
}

/* ---- walking ------------------------------------------------------------------- */

static inline void bio_advance_iter(const struct bio *bio, struct bvec_iter *iter, unsigned int bytes)
{
	iter->bi_sector += bytes >> SECTOR_SHIFT;
	if (bio_no_advance_iter(bio))
		iter->bi_size -= bytes;
	else
		bvec_iter_advance(bio->bi_io_vec, iter, bytes);
}

/* @bytes stays within the current element. */
static inline void bio_advance_iter_single(const struct bio *bio, struct bvec_iter *iter, unsigned int bytes)
{
	iter->bi_sector += bytes >> SECTOR_SHIFT;
	if (bio_no_advance_iter(bio))
		iter->bi_size -= bytes;
	else
		bvec_iter_advance_single(bio->bi_io_vec, iter, bytes);
}

void __bio_advance(struct bio *bio, unsigned int bytes);

/**
 * bio_advance - consume @bytes from the front of @bio
 *
 * Beyond its end: WARNs and consumes all. A bio that is consumed to its end keeps the position it had. Context: any;
 * the bio is not submitted, or the caller is its driver.
 */
static inline void bio_advance(struct bio *bio, unsigned int bytes)
{
	if (bytes == bio->bi_iter.bi_size) {
		bio->bi_iter.bi_size = 0;
		return;
	}
	__bio_advance(bio, bytes);
}

#define __bio_for_each_segment(bvl, bio, iter, start)						\
	for (iter = (start);									\
	     (iter).bi_size && ((bvl = bio_iter_iovec((bio), (iter))), 1);			\
	     bio_advance_iter_single((bio), &(iter), (bvl).bv_len))

/* Pieces of at most one page from where the bio is; @bvl a struct bio_vec, @iter a struct bvec_iter. */
#define bio_for_each_segment(bvl, bio, iter)	__bio_for_each_segment(bvl, bio, iter, (bio)->bi_iter)

#define __bio_for_each_bvec(bvl, bio, iter, start)						\
	for (iter = (start);									\
	     (iter).bi_size && ((bvl = mp_bvec_iter_bvec((bio)->bi_io_vec, (iter))), 1);	\
	     bio_advance_iter_single((bio), &(iter), (bvl).bv_len))

/* Whole elements from where the bio is. */
#define bio_for_each_bvec(bvl, bio, iter)	__bio_for_each_bvec(bvl, bio, iter, (bio)->bi_iter)

/* Every element of the array, wherever the bio is: for its owner. @bvl a struct bio_vec *, @i an int. */
#define bio_for_each_bvec_all(bvl, bio, i)							\
	for (i = 0, bvl = (bio)->bi_io_vec; i < (bio)->bi_vcnt; i++, bvl++)

static inline bool bio_next_segment(const struct bio *bio, struct bvec_iter_all *iter)
{
	if (iter->idx >= bio->bi_vcnt)
		return false;
	bvec_advance(&bio->bi_io_vec[iter->idx], iter);
	return true;
}

/* Every page of the array, wherever the bio is: for its owner. @bvl a struct bio_vec *. */
#define bio_for_each_segment_all(bvl, bio, iter)						\
	for (bvl = bvec_init_iter_all(&iter); bio_next_segment((bio), &iter); )

unsigned int bio_segments(const struct bio *bio);

/* ---- lists of bios, by bi_next ---------------------------------------------------- */

struct bio_list {
	struct bio *head;
	struct bio *tail;
};

static inline bool bio_list_empty(const struct bio_list *bl)
{
	return bl->head == NULL;
}

static inline void bio_list_init(struct bio_list *bl)
{
	bl->head = bl->tail = NULL;
}

#define BIO_EMPTY_LIST	{ NULL, NULL }
#define bio_list_for_each(bio, bl)	for (bio = (bl)->head; bio; bio = bio->bi_next)

static inline void bio_list_add(struct bio_list *bl, struct bio *bio)
{
	bio->bi_next = NULL;
	if (bl->tail)
		bl->tail->bi_next = bio;
	else
		bl->head = bio;
	bl->tail = bio;
}

static inline void bio_list_add_head(struct bio_list *bl, struct bio *bio)
{
	bio->bi_next = bl->head;
	bl->head = bio;
	if (!bl->tail)
		bl->tail = bio;
}

/* Append all of @bl2, which is left as it was. */
static inline void bio_list_merge(struct bio_list *bl, struct bio_list *bl2)
{
	if (!bl2->head)
		return;
	if (bl->tail)
		bl->tail->bi_next = bl2->head;
	else
		bl->head = bl2->head;
	bl->tail = bl2->tail;
}

static inline struct bio *bio_list_peek(struct bio_list *bl)
{
	return bl->head;
}

static inline struct bio *bio_list_pop(struct bio_list *bl)
{
	struct bio *bio = bl->head;

	if (bio) {
		bl->head = bio->bi_next;
		if (!bl->head)
			bl->tail = NULL;
		bio->bi_next = NULL;
	}
	return bio;
}

static inline struct bio *bio_list_get(struct bio_list *bl)
{
	struct bio *bio = bl->head;

	bl->head = bl->tail = NULL;
	return bio;
}

/* ---- bio_set: where bios come from ----------------------------------------------- */

/**
 * struct bio_set - a slab of (front_pad + bio + inline vecs) behind a mempool
 * @front_pad: bytes before each bio, for the caller's own state: container_of(bio, struct mine, bio)
 * @back_pad: bytes of inline vecs after it
 * @rescue_list: bios of this set that were waiting on some task's bio_list while it waited for this set
 *
 * A zeroed one is legal to give to bioset_exit().
 */
struct bio_set {
	struct kmem_cache *bio_slab;
	unsigned int front_pad;
	unsigned int back_pad;
	mempool_t bio_pool;
	mempool_t bvec_pool;
	spinlock_t rescue_lock;
	struct bio_list rescue_list;
	struct work_struct rescue_work;
	struct workqueue_struct *rescue_workqueue;
};

enum {
	BIOSET_NEED_BVECS = 1,		/* arrays beyond the inline ones are guaranteed too */
	BIOSET_NEED_RESCUER = 2,	/* bios are allocated under ->submit_bio (stacking drivers) */
};

int bioset_init(struct bio_set *bs, unsigned int pool_size, unsigned int front_pad, int flags);
void bioset_exit(struct bio_set *bs);
static inline bool bioset_initialized(const struct bio_set *bs)
{
	return bs->bio_slab != NULL;
}

extern struct bio_set fs_bio_set;

struct bio *bio_alloc_bioset(struct block_device *bdev, unsigned short nr_vecs, blk_opf_t opf, gfp_t gfp,
			     struct bio_set *bs);
struct bio *bio_kmalloc(unsigned short nr_vecs, gfp_t gfp);
void bio_put(struct bio *bio);

static inline struct bio *bio_alloc(struct block_device *bdev, unsigned short nr_vecs, blk_opf_t opf,
				    gfp_t gfp)
{
	return bio_alloc_bioset(bdev, nr_vecs, opf, gfp, &fs_bio_set);
}

/**
 * bio_init - make @bio an empty bio
 * @bdev: may be NULL until submission
 * @table: array of @max_vecs elements, the caller's; NULL with 0
 *
 * The memory is the caller's (on a stack, in a structure); undo with bio_uninit(). Context: any.
 */
static inline void bio_init(struct bio *bio, struct block_device *bdev, struct bio_vec *table,
			    unsigned short max_vecs, blk_opf_t opf)
{
	bio->bi_next = NULL;
	bio->bi_bdev = bdev;
	bio->bi_opf = opf;
	bio->bi_flags = 0;
	bio->bi_ioprio = 0;
	bio->bi_lab_segments = 0;
	bio->bi_status = BLK_STS_OK;
	bio->bi_lab_scope = lab_scope();
	bio->bi_lab_traced = 0;
	atomic_set(&bio->__bi_remaining, 1);
	bio->bi_iter = (struct bvec_iter) { };
	bio->bi_end_io = NULL;
	bio->bi_private = NULL;
	bio->bi_vcnt = 0;
	bio->bi_max_vecs = max_vecs;
	atomic_set(&bio->__bi_cnt, 1);
	bio->bi_io_vec = table;
	bio->bi_pool = NULL;
}

/* The end of a bio whose memory is the caller's. It must not be in flight. Context: any. */
static inline void bio_uninit(struct bio *bio)
{
	BUG_ON(bio->bi_next);
}

void bio_reset(struct bio *bio, struct block_device *bdev, blk_opf_t opf);

static inline void bio_cnt_set(struct bio *bio, unsigned int count)
{
	if (count != 1)
		bio->bi_flags |= 1U << BIO_REFFED;
	atomic_set(&bio->__bi_cnt, count);
}

/* One more reference; each needs its bio_put(). Before submission only, or with a reference held. */
static inline void bio_get(struct bio *bio)
{
	bio->bi_flags |= 1U << BIO_REFFED;
	smp_mb__before_atomic();
	atomic_inc(&bio->__bi_cnt);
}

static inline void bio_set_dev(struct bio *bio, struct block_device *bdev)
{
	bio->bi_bdev = bdev;
}

/* ---- building --------------------------------------------------------------------- */

extern bool lab_bio_old_rule;
void lab_set_bio_rule(bool old);
int bio_get_nr_vecs(struct block_device *bdev);
unsigned int lab_old_room_pages(const struct bio *bio, unsigned int offset_bytes, size_t len_bytes);
bool lab_old_add_pinned(struct bio *bio, struct page *page, unsigned int len_bytes, unsigned int offset_bytes);
unsigned int lab_old_lent_bytes(const struct bio *bio);

/* The most elements that a bio for @bdev is given. Context: any. */
static inline unsigned int lab_bio_max_vecs(struct block_device *bdev)
{
	return unlikely(lab_bio_old_rule) ? (unsigned int)bio_get_nr_vecs(bdev) : BIO_MAX_VECS;
}

static inline bool bio_full(const struct bio *bio, unsigned int len_bytes)
{
	return bio->bi_vcnt >= bio->bi_max_vecs || bio->bi_iter.bi_size > BIO_MAX_SIZE_BYTES - len_bytes;
}

int bio_add_page(struct bio *bio, struct page *page, unsigned int len_bytes, unsigned int offset_bytes);
void __bio_add_page(struct bio *bio, struct page *page, unsigned int len_bytes, unsigned int offset_bytes);
bool bio_try_merge_page(struct bio *bio, struct page *page, unsigned int len_bytes,
			unsigned int offset_bytes);
void bio_trim_pinned(struct bio *bio, unsigned int bytes);

/**
 * bio_add_pinned - append a piece of a page that was pinned for it
 *
 * What continues the last element in memory makes that one longer. An element has one pin on each page it is in, so a
 * second pin on the page in which it ended is given back. @bio has room for an element, and for @len_bytes. Context:
 * any.
 */
static inline void bio_add_pinned(struct bio *bio, struct page *page, unsigned int len_bytes,
				  unsigned int offset_bytes)
{
	if (bio->bi_vcnt) {
		struct bio_vec *last = &bio->bi_io_vec[bio->bi_vcnt - 1];
		phys_addr_t end = page_to_phys(last->bv_page) + last->bv_offset + last->bv_len;

		if (end == page_to_phys(page) + offset_bytes) {
			if (offset_bytes)
				unpin_user_page(page);
			last->bv_len += len_bytes;
			bio->bi_iter.bi_size += len_bytes;
			return;
		}
	}
	bvec_set_page(&bio->bi_io_vec[bio->bi_vcnt++], page, len_bytes, offset_bytes);
	bio->bi_iter.bi_size += len_bytes;
}

/* ---- sharing: clone, split, trim, chain ------------------------------------------- */

struct bio *bio_alloc_clone(struct block_device *bdev, struct bio *bio_src, gfp_t gfp, struct bio_set *bs);
int bio_init_clone(struct block_device *bdev, struct bio *bio, struct bio *bio_src, gfp_t gfp);
struct bio *bio_split(struct bio *bio, int sectors, gfp_t gfp, struct bio_set *bs);
void bio_trim(struct bio *bio, sector_t offset, sector_t size);
void bio_chain(struct bio *bio, struct bio *parent);

/**
 * bio_next_split - the next @sectors of @bio: a new bio, or @bio itself when no more is left than that
 *
 * "Until the piece is the bio" is the idiom for walking a bio that is cut in pieces. Context and errors:
 * bio_split().
 */
static inline struct bio *bio_next_split(struct bio *bio, int sectors, gfp_t gfp, struct bio_set *bs)
{
	if (sectors >= bio_sectors(bio))
		return bio;
	return bio_split(bio, sectors, gfp, bs);
}

/* ---- the end ------------------------------------------------------------------------ */

void bio_endio(struct bio *bio);

static inline void bio_io_error(struct bio *bio)
{
	WRITE_ONCE(bio->bi_status, BLK_STS_IOERR);
	bio_endio(bio);
}

static inline void bio_wouldblock_error(struct bio *bio)
{
	WRITE_ONCE(bio->bi_status, BLK_STS_AGAIN);
	bio_endio(bio);
}

int submit_bio_wait(struct bio *bio);

/* ---- pages --------------------------------------------------------------------------- */

void __bio_release_pages(struct bio *bio, bool mark_dirty);
static inline void bio_release_pages(struct bio *bio, bool mark_dirty)
{
	if (bio_flagged(bio, BIO_PAGE_PINNED))
		__bio_release_pages(bio, mark_dirty);
}

void bio_set_pages_dirty(struct bio *bio);
void bio_check_pages_dirty(struct bio *bio);
void zero_fill_bio_iter(struct bio *bio, struct bvec_iter start);
static inline void zero_fill_bio(struct bio *bio)
{
	zero_fill_bio_iter(bio, bio->bi_iter);
}

void bio_copy_data_iter(struct bio *dst, struct bvec_iter *dst_iter, struct bio *src,
			struct bvec_iter *src_iter);
void bio_copy_data(struct bio *dst, struct bio *src);

#endif
