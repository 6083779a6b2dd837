// SPDX-License-Identifier: GPL-2.0-only
/*
 * bio-pages.c - the pages behind a bio: unpinned, dirtied, zeroed, copied.
 *
 * Dirtying. A read into user memory makes its pages dirty. The kernel does it under the page lock, so it
 * sleeps, so it cannot be done where reads end. The protocol: bio_set_pages_dirty() before submission, in
 * task context; at the end, bio_check_pages_dirty() looks whether they still are. If so, and it nearly
 * always is so, it unpins and puts; if one was cleaned meanwhile, the bio goes to a worker that dirties
 * and unpins in task context. Never for memory that belongs to the kernel or to the bio above: whose page
 * it is holds its lock.
 *
 * Source: block/bio.c of Linux 6.1 and 6.5 (pins).
 */
#include "blk.h"

static DEFINE_SPINLOCK(bio_dirty_lock);
static struct bio *bio_dirty_list;	/* by bi_private, newest first */
static struct work_struct bio_dirty_work;

static inline struct page *bvec_first_page(const struct bio_vec *bv)
{
	return bv->bv_page + bv->bv_offset / PAGE_SIZE;
}

/* Pages that an element has a part of; elements are not empty. */
static inline unsigned int bvec_nr_pages(const struct bio_vec *bv)
{
	return (bv->bv_offset % PAGE_SIZE + bv->bv_len - 1) / PAGE_SIZE + 1;
}

/* The page of a bio that has one, as most of small IO has; NULL: walk the array. */
static inline struct page *bio_only_page(const struct bio *bio)
{
	const struct bio_vec *bv = bio->bi_io_vec;

	return bio->bi_vcnt == 1 && bv->bv_offset + bv->bv_len <= PAGE_SIZE ? bv->bv_page : NULL;
}

/**
 * __bio_release_pages - unpin every page of the array, and mark it dirty before if @mark_dirty
 *
 * For the owner of array and pins, once; where the iterator stands does not matter. Context: any for
 * !@mark_dirty; else task, may sleep.
 */
void __bio_release_pages(struct bio *bio, bool mark_dirty)
{
	struct bio_vec *bv;
	int i;

	BUG_ON(bio_flagged(bio, BIO_CLONED));
	bio_for_each_bvec_all(bv, bio, i)
		unpin_user_page_range_dirty_lock(bvec_first_page(bv), bvec_nr_pages(bv), mark_dirty);
}

/**
 * bio_trim_pinned - take bytes off the end of a bio that is being filled with pinned pages
 *
 * A page of which an element loses all its bytes is unpinned. For the owner of array and pins, before submission.
 * Context: any.
 */
void bio_trim_pinned(struct bio *bio, unsigned int bytes)
{
	BUG_ON(bio_flagged(bio, BIO_CLONED) || bytes > bio->bi_iter.bi_size);
	bio->bi_iter.bi_size -= bytes;
	while (bytes) {
		struct bio_vec *last = &bio->bi_io_vec[bio->bi_vcnt - 1];
		unsigned int end = last->bv_offset + last->bv_len;
		unsigned int cut = min(bytes, last->bv_len), page;
		unsigned int first = cut == last->bv_len ? last->bv_offset / PAGE_SIZE :
							   DIV_ROUND_UP(end - cut, PAGE_SIZE);

		for (page = first; page < DIV_ROUND_UP(end, PAGE_SIZE); page++)
			unpin_user_page(last->bv_page + page);
		last->bv_len -= cut;
		if (!last->bv_len)
			bio->bi_vcnt--;
		bytes -= cut;
	}
}

/**
 * bio_set_pages_dirty - mark every page of the array dirty
 *
 * Before a read into user memory is submitted, by the owner. Context: task, may sleep.
 */
void bio_set_pages_dirty(struct bio *bio)
{
	struct page *page = bio_only_page(bio);
	struct bio_vec *bv;
	int i;

	if (likely(page)) {
		set_page_dirty_lock(page);
		return;
	}
	bio_for_each_bvec_all(bv, bio, i) {
		unsigned int nr = bvec_nr_pages(bv);

		for (page = bvec_first_page(bv); nr; nr--)
			set_page_dirty_lock(page++);
	}
}

static void bio_dirty_fn(struct work_struct *work)
{
	struct bio *bio, *next;
	unsigned long flags;

	spin_lock_irqsave(&bio_dirty_lock, flags);
	next = bio_dirty_list;
	bio_dirty_list = NULL;
	spin_unlock_irqrestore(&bio_dirty_lock, flags);
	while ((bio = next) != NULL) {
		next = bio->bi_private;
		bio_release_pages(bio, true);
		bio_put(bio);
	}
}

static noinline void bio_dirty_defer(struct bio *bio)
{
	unsigned long flags;

	spin_lock_irqsave(&bio_dirty_lock, flags);
	bio->bi_private = bio_dirty_list;
	bio_dirty_list = bio;
	spin_unlock_irqrestore(&bio_dirty_lock, flags);
	queue_work(kblockd_workqueue, &bio_dirty_work);
}

static noinline bool bio_all_dirty(const struct bio *bio)
{
	const struct bio_vec *bv;
	int i;

	bio_for_each_bvec_all(bv, bio, i) {
		const struct page *page = bvec_first_page(bv);
		unsigned int nr;

		for (nr = bvec_nr_pages(bv); nr; nr--)
			if (!PageDirty(page++))
				return false;
	}
	return true;
}

/* bio_check_pages_dirty() of more than a page. */
static noinline void bio_check_all_dirty(struct bio *bio)
{
	if (unlikely(!bio_all_dirty(bio))) {
		bio_dirty_defer(bio);
		return;
	}
	bio_release_pages(bio, false);
	bio_put(bio);
}

/**
 * bio_check_pages_dirty - the end of a read that began with bio_set_pages_dirty()
 *
 * Takes the bio over: unpins its pages and puts it, at once if they are all still dirty, else from a
 * worker after dirtying them again. Its bi_private is used. Context: any, hard irq included.
 */
void bio_check_pages_dirty(struct bio *bio)
{
	struct page *page = bio_only_page(bio);

	if (unlikely(!page || !PageDirty(page))) {
		bio_check_all_dirty(bio);
		return;
	}
	if (bio_flagged(bio, BIO_PAGE_PINNED))
		unpin_user_page(page);
	bio_put(bio);
}

/** lab_bio_dirty_init - what follows the ends of reads, of this world: nothing waits yet. Context: an initcall. */
void lab_bio_dirty_init(void)
{
	bio_dirty_list = NULL;
	INIT_WORK(&bio_dirty_work, bio_dirty_fn);
}

/**
 * lab_bio_dirty_flush - wait for the bios that bio_check_pages_dirty() has left to the worker until now
 *
 * A bio whose IO has ended may still wait here for its last bio_put(). Context: task, may sleep.
 */
void lab_bio_dirty_flush(void)
{
	flush_work(&bio_dirty_work);
}

/** lab_bio_dirty_exit - the worker is gone: WARNs if something is left for it. Context: task. */
void lab_bio_dirty_exit(void)
{
	WARN_ON(bio_dirty_list);
}

/**
 * zero_fill_bio_iter - zero the memory of @bio from @start on
 *
 * Does not advance the bio. Counts COPY_BYTES. Context: any.
 */
void zero_fill_bio_iter(struct bio *bio, struct bvec_iter start)
{
	struct bio_vec bv;
	struct bvec_iter iter;

	__bio_for_each_bvec(bv, bio, iter, start)
		memzero_bvec(&bv);
}

/**
 * bio_copy_data_iter - copy bytes from where @src_iter stands to where @dst_iter stands, both advance
 *
 * Ends where the shorter one ends. Counts COPY_BYTES. Context: any; the memories do not overlap.
 */
void bio_copy_data_iter(struct bio *dst, struct bvec_iter *dst_iter, struct bio *src,
			struct bvec_iter *src_iter)
{
	while (src_iter->bi_size && dst_iter->bi_size) {
		struct bio_vec from = mp_bvec_iter_bvec(src->bi_io_vec, *src_iter);
		struct bio_vec to = mp_bvec_iter_bvec(dst->bi_io_vec, *dst_iter);

		from.bv_len = to.bv_len = min(from.bv_len, to.bv_len);
		memcpy_to_bvec(&to, bvec_virt(&from));
		bio_advance_iter_single(src, src_iter, from.bv_len);
		bio_advance_iter_single(dst, dst_iter, to.bv_len);
	}
}

/**
 * bio_copy_data - copy what is left of @src to what is left of @dst; neither is advanced
 */
void bio_copy_data(struct bio *dst, struct bio *src)
{
	struct bvec_iter dst_iter = dst->bi_iter, src_iter = src->bi_iter;

	bio_copy_data_iter(dst, &dst_iter, src, &src_iter);
}
