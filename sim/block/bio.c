// SPDX-License-Identifier: GPL-2.0-only
/*
 * bio.c - a bio's life: initialised, filled, shared, ended.
 *
 * Sharing. A clone has no array of its own: it points at its source's and has its own iterator. Splitting
 * is cloning the front and advancing the original. A chain makes a parent wait for its children: the
 * parent counts one completion more for each.
 *
 * Ending. bio_endio() takes one completion off; the last one runs bi_end_io. A child's end_io is a mark,
 * not a function that calls on: bio_endio() sees it, carries the first error to the parent, and goes
 * round again with the parent. So a chain of any length costs no stack. What an end_io function of a
 * *driver* does, such as a loop device's ending the bio above, does nest: one frame per stacked device.
 *
 * Source: block/bio.c of Linux 6.1; the rules, not the text.
 */
#include <trace/events/block.h>
#include "blk.h"

/**
 * bio_reset - make a bio that has ended, or was never submitted, as good as new
 *
 * Keeps its array, its set and its references; the elements are forgotten. Context: any.
 */
void bio_reset(struct bio *bio, struct block_device *bdev, blk_opf_t opf)
{
	struct bio_set *pool = bio->bi_pool;
	int cnt = atomic_read(&bio->__bi_cnt);
	unsigned short reffed = bio->bi_flags & (1U << BIO_REFFED);

	bio_uninit(bio);
	bio_init(bio, bdev, bio->bi_io_vec, bio->bi_max_vecs, opf);
	bio->bi_pool = pool;
	bio->bi_flags = reffed;
	atomic_set(&bio->__bi_cnt, cnt);
}

/**
 * bio_kmalloc - memory for a bio with @nr_vecs elements behind it
 *
 * Not initialised: bio_init(bio, …, bio->bi_inline_vecs, nr_vecs, …) follows, and bio_uninit() and
 * kfree() at the end. NULL without memory, or beyond BIO_MAX_VECS. Context: as @gfp says.
 */
struct bio *bio_kmalloc(unsigned short nr_vecs, gfp_t gfp)
{
	if (nr_vecs > BIO_MAX_VECS)
		return NULL;
	return kmalloc(sizeof(struct bio) + nr_vecs * sizeof(struct bio_vec), gfp);
}

/* ---- filling --------------------------------------------------------------------------- */

/**
 * bio_try_merge_page - let the last element of @bio grow by a piece that follows it in memory
 *
 * Returns whether it did. It does not when the piece is not physically next, nor when the bio's size
 * would overflow. Pins are counted per element and page: a caller that has pinned the same page once more
 * has one pin too many when this returns true and @offset_bytes is not 0. Context: any.
 */
bool bio_try_merge_page(struct bio *bio, struct page *page, unsigned int len_bytes,
			unsigned int offset_bytes)
{
	struct bio_vec *bv;

	if (WARN_ON_ONCE(bio_flagged(bio, BIO_CLONED)) || !bio->bi_vcnt)
		return false;
	bv = &bio->bi_io_vec[bio->bi_vcnt - 1];
	if (!lab_bvec_continues(bv, bio->bi_iter.bi_size, page, len_bytes, offset_bytes))
		return false;
	bv->bv_len += len_bytes;
	bio->bi_iter.bi_size += len_bytes;
	return true;
}

/**
 * __bio_add_page - append one element
 *
 * There must be room (bio_full()). Never merges. Context: any.
 */
void __bio_add_page(struct bio *bio, struct page *page, unsigned int len_bytes, unsigned int offset_bytes)
{
	WARN_ON_ONCE(bio_flagged(bio, BIO_CLONED));
	BUG_ON(bio_full(bio, len_bytes));
	bvec_set_page(&bio->bi_io_vec[bio->bi_vcnt], page, len_bytes, offset_bytes);
	bio->bi_iter.bi_size += len_bytes;
	bio->bi_vcnt++;
}

/**
 * bio_add_page - append @len_bytes of @page, merging with the last element where memory allows
 *
 * Asks no device about its limits: that is done below, where the bio arrives; except under the old rule
 * (bio-rule.c), and then bi_bdev and bi_sector are set before. Returns @len_bytes, or 0 when the bio is full.
 * Context: any.
 */
int bio_add_page(struct bio *bio, struct page *page, unsigned int len_bytes, unsigned int offset_bytes)
{
	if (unlikely(lab_bio_old_rule))
		return lab_old_add_page(bio, page, len_bytes, offset_bytes);
	if (!bio_try_merge_page(bio, page, len_bytes, offset_bytes)) {
		if (bio_full(bio, len_bytes))
			return 0;
		__bio_add_page(bio, page, len_bytes, offset_bytes);
	}
	return len_bytes;
}

/** __bio_advance - bio_advance() of less than all, @bytes from the front. Context: as there. */
void __bio_advance(struct bio *bio, unsigned int bytes)
{
	bio_advance_iter(bio, &bio->bi_iter, bytes);
}

/** bio_segments - single-page pieces left; 0 for operations without data and for an empty bio. Context: any. */
unsigned int bio_segments(const struct bio *bio)
{
	unsigned int segs = 0;
	struct bio_vec bv;
	struct bvec_iter iter;

	if (lab_op_no_data(bio->bi_opf))
		return 0;
	bio_for_each_segment(bv, bio, iter)
		segs++;
	return segs;
}

/* ---- sharing ----------------------------------------------------------------------------- */

/**
 * bio_init_clone - the same in the caller's own memory
 *
 * Returns 0; @gfp is the kernel's and not used here. Undo with bio_uninit(). Context: any.
 */
int bio_init_clone(struct block_device *bdev, struct bio *bio, struct bio *bio_src, gfp_t gfp)
{
	lab_probe(CLONES);
	bio_init(bio, bdev, NULL, 0, bio_src->bi_opf);
	lab_bio_share(bio, bio_src);
	return 0;
}

/* The mark of a child. bio_endio() handles it; nobody calls it. */
static void bio_chain_endio(struct bio *bio)
{
	BUG();
}

/**
 * bio_chain - let @parent end only after @bio has ended
 * @bio: has no end_io and no private of its own
 * @parent: gets the first error of any child. Its own completion is still needed: it is submitted, or ended by
 *	bio_endio()
 *
 * Context: any; @parent has not ended.
 */
void bio_chain(struct bio *bio, struct bio *parent)
{
	BUG_ON(bio->bi_private || bio->bi_end_io);
	lab_probe(CHAINS);
	bio->bi_private = parent;
	bio->bi_end_io = bio_chain_endio;
	/* Not stored again: earlier children may be ending, and reading it, on another task. */
	if (!bio_flagged(parent, BIO_CHAIN))
		bio_set_flag(parent, BIO_CHAIN);
	smp_mb__before_atomic();
	atomic_inc(&parent->__bi_remaining);
}

/* ---- the end --------------------------------------------------------------------------------- */

/* One completion less; true: that was the last. */
static inline bool bio_remaining_done(struct bio *bio)
{
	if (!bio_flagged(bio, BIO_CHAIN))
		return true;
	BUG_ON(atomic_read(&bio->__bi_remaining) <= 0);
	if (!atomic_dec_and_test(&bio->__bi_remaining))
		return false;
	bio_clear_flag(bio, BIO_CHAIN);
	return true;
}

/* A bio without a device never came in anywhere. */
static inline void bio_end_told(struct bio *bio)
{
	if (kc_blktrace_on() && bio->bi_lab_traced)
		trace_block_bio_complete(bdev_get_queue(bio->bi_bdev), bio);
}

/* @bio, a child, is done: tell its parent, which is returned, and free it. */
static struct bio *bio_end_child(struct bio *bio)
{
	struct bio *parent = bio->bi_private;

	bio_end_told(bio);
	/*
	 * Children of one parent may end at the same time on different tasks: any of their errors will
	 * do, but the byte is written atomically, and a success never hides one.
	 */
	if (bio->bi_status && !READ_ONCE(parent->bi_status))
		WRITE_ONCE(parent->bi_status, bio->bi_status);
	bio_put(bio);
	return parent;
}

/* @bio has children, or is one: whose end is it? NULL: nobody's yet. */
static noinline struct bio *bio_end_chain(struct bio *bio)
{
	for (;;) {
		if (!bio_remaining_done(bio))
			return NULL;
		if (bio->bi_end_io != bio_chain_endio)
			return bio;
		bio = bio_end_child(bio);
	}
}

/**
 * bio_endio - one completion of @bio has happened, with bio->bi_status
 *
 * The last one runs bi_end_io, on the account of the scope in which the bio was initialised. Afterwards
 * the bio belongs to nobody but its owner. Iterates over chains. Context: any, hard irq included.
 */
void bio_endio(struct bio *bio)
{
	enum lab_scope old;

	if (unlikely(bio_flagged(bio, BIO_CHAIN) || bio->bi_end_io == bio_chain_endio)) {
		bio = bio_end_chain(bio);
		if (!bio)
			return;
	}
	bio_end_told(bio);
#ifdef KC_DEBUG
	BUG_ON(bio_flagged(bio, BIO_LAB_ENDED));	/* ended twice */
	bio_set_flag(bio, BIO_LAB_ENDED);
#endif
	if (!bio->bi_end_io)
		return;
	old = lab_scope_enter(bio->bi_lab_scope);
	blk_probe_stack(STACK_END);
	bio->bi_end_io(bio);
	lab_scope_leave(old);
}

static void submit_bio_wait_endio(struct bio *bio)
{
	complete(bio->bi_private);
}

/**
 * submit_bio_wait - submit @bio and wait for its end
 *
 * The bio remains the caller's; its end_io and private are used. Returns 0 or -errno. Context: task, may
 * sleep; never under ->submit_bio, where it would wait for what it has only queued (stops, in check
 * builds).
 */
int submit_bio_wait(struct bio *bio)
{
	DECLARE_COMPLETION_ONSTACK(done);

	bio->bi_private = &done;
	bio->bi_end_io = submit_bio_wait_endio;
	bio->bi_opf |= REQ_SYNC;
	submit_bio(bio);
	wait_for_completion_io(&done);
	return blk_status_to_errno(bio->bi_status);
}
