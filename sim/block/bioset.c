// SPDX-License-Identifier: GPL-2.0-only
/*
 * bioset.c - where bios come from.
 *
 * A bio_set is a slab of (front_pad + bio + inline elements), which sets of one size share (bio-slab.c), behind a
 * mempool, and, with BIOSET_NEED_BVECS, a mempool of full-size arrays. So a blocking allocation never fails: if the slab
 * cannot, the reserve can, once somebody's IO has ended.
 *
 * That holds as long as a task does not sit on bios of the same set itself. Under ->submit_bio it does:
 * what a driver submits is only queued on current->bio_list until the driver returns. A set with a
 * rescuer is first asked without blocking; if that fails, those of its bios that wait on the list are
 * handed to a worker, which submits them in the task's place, and only then does the task wait. That is the one wait
 * which a stacking driver's ->submit_bio may come to: for bios that are all under way below (kc_nowait_lift()).
 *
 * Arrays longer than the inline ones come from four slabs by size, shared by all sets.
 *
 * Source: block/bio.c of Linux 6.1, and commit df2cb6daa4cb for the rescuer.
 */
#include "blk.h"

struct bio_set fs_bio_set;

#define LAB_BVEC_POOL		2	/* full-size arrays in reserve, per set */
#define LAB_BVEC_CLASSES	4

static struct {
	unsigned short nr_vecs;
	struct kmem_cache *slab;
} bvec_slabs[LAB_BVEC_CLASSES] = {
	{ .nr_vecs = 16 }, { .nr_vecs = 64 }, { .nr_vecs = 128 }, { .nr_vecs = BIO_MAX_VECS },
};

static const char *const bvec_slab_names[LAB_BVEC_CLASSES] = {
	"biovec-16", "biovec-64", "biovec-128", "biovec-max",
};

/*
 * The smallest class that holds @nr_vecs; classes above BIO_MAX_VECS do not exist in builds that shrink
 * it.
 */
static unsigned int bvec_class(unsigned short nr_vecs)
{
	unsigned int i;

	for (i = 0; i < LAB_BVEC_CLASSES - 1; i++)
		if (nr_vecs <= bvec_slabs[i].nr_vecs && bvec_slabs[i].nr_vecs < BIO_MAX_VECS)
			return i;
	return LAB_BVEC_CLASSES - 1;
}

/**
 * lab_bvec_slabs_init - create the array slabs of this world
 *
 * What an abandoned world had is forgotten. Context: an initcall. Return: 0; -ENOMEM: lab_bvec_slabs_exit() follows.
 */
int lab_bvec_slabs_init(void)
{
	unsigned int i;

	for (i = 0; i < LAB_BVEC_CLASSES; i++)
		bvec_slabs[i].slab = NULL;
	for (i = 0; i < LAB_BVEC_CLASSES; i++) {
		bvec_slabs[i].slab = kmem_cache_create(bvec_slab_names[i],
						       bvec_slabs[i].nr_vecs * sizeof(struct bio_vec),
						       0, 0, NULL);
		if (!bvec_slabs[i].slab)
			return -ENOMEM;
		kmem_cache_set_probe(bvec_slabs[i].slab, LAB_ALLOC_BVEC);
	}
	return 0;
}

/** lab_bvec_slabs_exit - undo lab_bvec_slabs_init(), wherever it stopped; no array is in use. Context: task. */
void lab_bvec_slabs_exit(void)
{
	unsigned int i;

	for (i = 0; i < LAB_BVEC_CLASSES; i++) {
		if (bvec_slabs[i].slab)
			kmem_cache_destroy(bvec_slabs[i].slab);
		bvec_slabs[i].slab = NULL;
	}
}

/*
 * An array for *@nr_vecs elements; *@nr_vecs becomes what it has room for, by which bvec_free() finds its
 * way. Full-size ones come from the set's pool; smaller ones try their slab first and fall back to a
 * full-size one of the pool.
 */
static struct bio_vec *bvec_alloc(mempool_t *pool, unsigned short *nr_vecs, gfp_t gfp)
{
	unsigned int class = bvec_class(*nr_vecs);
	struct bio_vec *bv;

	*nr_vecs = bvec_slabs[class].nr_vecs;
	if (*nr_vecs < BIO_MAX_VECS) {
		bv = kmem_cache_alloc(bvec_slabs[class].slab,
				      (gfp & ~(__GFP_DIRECT_RECLAIM | __GFP_IO)) | __GFP_NOWARN);
		if (bv || !(gfp & __GFP_DIRECT_RECLAIM))
			return bv;
		*nr_vecs = BIO_MAX_VECS;
	}
	return mempool_alloc(pool, gfp);
}

static noinline void bvec_free(mempool_t *pool, struct bio_vec *bv, unsigned short nr_vecs)
{
	if (nr_vecs == BIO_MAX_VECS)
		mempool_free(bv, pool);
	else
		kmem_cache_free(bvec_slabs[bvec_class(nr_vecs)].slab, bv);
}

/* ---- the rescuer ------------------------------------------------------------------------ */

static void bio_alloc_rescue(struct work_struct *work)
{
	struct bio_set *bs = container_of(work, struct bio_set, rescue_work);
	struct bio *bio;

	for (;;) {
		spin_lock(&bs->rescue_lock);
		bio = bio_list_pop(&bs->rescue_list);
		spin_unlock(&bs->rescue_lock);
		if (!bio)
			return;
		lab_submit_remainder(bio);
	}
}

/* Take @bs's bios off @list, keeping the order of the others, and append them to the rescue list. */
static void bio_list_rescue(struct bio_set *bs, struct bio_list *list)
{
	struct bio_list keep = BIO_EMPTY_LIST, punt = BIO_EMPTY_LIST;
	struct bio *bio;

	while ((bio = bio_list_pop(list)))
		bio_list_add(bio->bi_pool == bs ? &punt : &keep, bio);
	*list = keep;
	spin_lock(&bs->rescue_lock);
	bio_list_merge(&bs->rescue_list, &punt);
	spin_unlock(&bs->rescue_lock);
}

/*
 * Only bios of this very set: others may have to come first (depth-first order), and could themselves
 * need the set that ran dry.
 */
static void punt_bios_to_rescuer(struct bio_set *bs)
{
	bio_list_rescue(bs, &current->bio_list[0]);
	bio_list_rescue(bs, &current->bio_list[1]);
	queue_work(bs->rescue_workqueue, &bs->rescue_work);
}

static bool bioset_may_wait_for_itself(struct bio_set *bs)
{
	return current->bio_list && bs->rescue_workqueue &&
	       (!bio_list_empty(&current->bio_list[0]) || !bio_list_empty(&current->bio_list[1]));
}

/* ---- allocation --------------------------------------------------------------------------- */

/*
 * From the mempool: waits for the slab or a reserve element, with the rescuer's help where that could be
 * for itself.
 */
static noinline void *bioset_get_slow(struct bio_set *bs, gfp_t wanted)
{
	unsigned int depth = bs->rescue_workqueue ? kc_nowait_lift() : 0;
	gfp_t gfp = wanted;
	void *p;

	if (bioset_may_wait_for_itself(bs))
		gfp &= ~__GFP_DIRECT_RECLAIM;
	p = mempool_alloc(&bs->bio_pool, gfp);
	if (!p && gfp != wanted) {
		punt_bios_to_rescuer(bs);
		p = mempool_alloc(&bs->bio_pool, wanted);
	}
	if (bs->rescue_workqueue)
		kc_nowait_restore(depth);
	return p;
}

/* The slab first, as the mempool would, but without its indirect call. */
static inline void *bioset_get(struct bio_set *bs, gfp_t gfp)
{
	void *p;

	if (gfp & __GFP_DIRECT_RECLAIM)
		might_sleep();
	p = kmem_cache_alloc(bs->bio_slab, GFP_NOWAIT | __GFP_NOWARN);
	return likely(p) ? p : bioset_get_slow(bs, gfp);
}

static noinline struct bio_vec *bioset_get_vecs(struct bio_set *bs, unsigned short *nr_vecs, gfp_t wanted)
{
	unsigned short asked = *nr_vecs;
	gfp_t gfp = wanted;
	struct bio_vec *bvl;

	if (bioset_may_wait_for_itself(bs))
		gfp &= ~__GFP_DIRECT_RECLAIM;
	bvl = bvec_alloc(&bs->bvec_pool, nr_vecs, gfp);
	if (!bvl && gfp != wanted) {
		punt_bios_to_rescuer(bs);
		*nr_vecs = asked;
		bvl = bvec_alloc(&bs->bvec_pool, nr_vecs, wanted);
	}
	return bvl;
}

/* Make @p, memory of @bs, a bio without an array. */
static __always_inline struct bio *bioset_bio(struct bio_set *bs, void *p, struct block_device *bdev,
					      blk_opf_t opf)
{
	struct bio *bio = p + bs->front_pad;

	bio_init(bio, bdev, NULL, 0, opf);
	bio->bi_pool = bs;
	return bio;
}

/* Give @bio, fresh, room for @nr_vecs elements behind it. */
static __always_inline void bio_use_inline_vecs(struct bio *bio, unsigned short nr_vecs)
{
	if (nr_vecs) {
		bio->bi_io_vec = bio->bi_inline_vecs;
		bio->bi_max_vecs = BIO_INLINE_VECS;
	}
}

/* Not at hand: an array of its own, or memory that the task has no stock of. */
static noinline struct bio *bio_alloc_slow(struct block_device *bdev, unsigned short nr_vecs, blk_opf_t opf,
					   gfp_t gfp, struct bio_set *bs)
{
	struct bio_vec *bvl;
	struct bio *bio;
	void *p;

	if (nr_vecs > BIO_MAX_VECS)
		return NULL;
	p = bioset_get(bs, gfp);
	if (unlikely(!p))
		return NULL;
	bio = bioset_bio(bs, p, bdev, opf);
	if (nr_vecs <= BIO_INLINE_VECS) {
		bio_use_inline_vecs(bio, nr_vecs);
		return bio;
	}
	bvl = bioset_get_vecs(bs, &nr_vecs, gfp);
	if (unlikely(!bvl)) {
		mempool_free(p, &bs->bio_pool);
		return NULL;
	}
	bio->bi_io_vec = bvl;
	bio->bi_max_vecs = nr_vecs;
	return bio;
}

/**
 * bio_alloc_bioset - a bio with room for @nr_vecs elements
 * @bs: with BIOSET_NEED_BVECS, unless @nr_vecs is 0
 *
 * Never NULL when @gfp may block (__GFP_DIRECT_RECLAIM) and @nr_vecs <= BIO_MAX_VECS: it may wait then
 * for a bio of this set to be freed, so the caller holds at most one that is not submitted. Freed by
 * bio_put(). Context: as @gfp says.
 */
struct bio *bio_alloc_bioset(struct block_device *bdev, unsigned short nr_vecs, blk_opf_t opf, gfp_t gfp,
			     struct bio_set *bs)
{
	struct bio *bio;
	void *p;

	if (WARN_ON_ONCE(nr_vecs && !mempool_initialized(&bs->bvec_pool)))
		return NULL;
	p = likely(nr_vecs <= BIO_INLINE_VECS) ? kc_mag_pop(bs->bio_slab) : NULL;
	if (unlikely(!p))
		return bio_alloc_slow(bdev, nr_vecs, opf, gfp, bs);
	bio = bioset_bio(bs, p, bdev, opf);
	bio_use_inline_vecs(bio, nr_vecs);
	return bio;
}

/**
 * bio_alloc_clone - a bio that shows the same memory and range as what is left of @bio_src
 *
 * Operation and flags are copied; status, end_io, private are not; the array is shared and must outlive
 * the clone. NULL only if
 * @gfp may not block and there is no memory. Context: as @gfp says.
 */
struct bio *bio_alloc_clone(struct block_device *bdev, struct bio *bio_src, gfp_t gfp, struct bio_set *bs)
{
	void *p = kc_mag_pop(bs->bio_slab);
	struct bio *bio;

	if (likely(p))
		bio = bioset_bio(bs, p, bdev, bio_src->bi_opf);
	else
		bio = bio_alloc_slow(bdev, 0, bio_src->bi_opf, gfp, bs);
	if (unlikely(!bio))
		return NULL;
	lab_probe(CLONES);
	lab_bio_share(bio, bio_src);
	return bio;
}

/* A bio that has, or had, more than one reference, or an array of its own. */
static noinline void bio_put_slow(struct bio *bio)
{
	struct bio_set *bs = bio->bi_pool;

	if (bio_flagged(bio, BIO_REFFED)) {
		BUG_ON(atomic_read(&bio->__bi_cnt) <= 0);
		if (!atomic_dec_and_test(&bio->__bi_cnt))
			return;
	}
	BUG_ON(!bs);
	bio_uninit(bio);
	if (bio->bi_max_vecs > BIO_INLINE_VECS)
		bvec_free(&bs->bvec_pool, bio->bi_io_vec, bio->bi_max_vecs);
	mempool_free((void *)bio - bs->front_pad, &bs->bio_pool);
}

/**
 * bio_put - drop a reference; the last one frees the bio
 *
 * Only for bios from a bio_set. A bio nobody has bio_get() has one reference and costs no atomic.
 * Context: any.
 */
void bio_put(struct bio *bio)
{
	struct bio_set *bs = bio->bi_pool;

	if (unlikely(bio_flagged(bio, BIO_REFFED) || bio->bi_max_vecs > BIO_INLINE_VECS)) {
		bio_put_slow(bio);
		return;
	}
	BUG_ON(!bs);
	bio_uninit(bio);
	mempool_free((void *)bio - bs->front_pad, &bs->bio_pool);
}

/* ---- sets --------------------------------------------------------------------------------- */

/**
 * bioset_exit - free what bioset_init() made; no bio of the set is in flight
 *
 * What a read left to a worker to make dirty (bio_check_pages_dirty()) is waited for: unlike Linux, where sets of
 * modules and mounts that go away trust that it is done.
 *
 * Also for a set that was zeroed and never initialised, or whose bioset_init() failed. Context: task, may
 * sleep.
 */
void bioset_exit(struct bio_set *bs)
{
	if (bs->bio_slab)
		lab_bio_dirty_flush();
	if (bs->rescue_workqueue)
		destroy_workqueue(bs->rescue_workqueue);
	bs->rescue_workqueue = NULL;
	mempool_exit(&bs->bio_pool);
	mempool_exit(&bs->bvec_pool);
	if (bs->bio_slab)
		lab_bio_slab_put(bs->bio_slab);
	bs->bio_slab = NULL;
}

/**
 * bioset_init - make a set with @pool_size bios in reserve and @front_pad bytes before each
 * @flags: BIOSET_NEED_*
 *
 * @pool_size > 0; @front_pad must keep the bio's alignment. Returns 0, -EINVAL or -ENOMEM. Context:
 *	task, may sleep.
 */
int bioset_init(struct bio_set *bs, unsigned int pool_size, unsigned int front_pad, int flags)
{
	if (!pool_size || front_pad % __alignof__(struct bio))
		return -EINVAL;
	memset(bs, 0, sizeof(*bs));
	bs->front_pad = front_pad;
	if (flags & BIOSET_NEED_BVECS)
		bs->back_pad = BIO_INLINE_VECS * sizeof(struct bio_vec);
	spin_lock_init(&bs->rescue_lock);
	bio_list_init(&bs->rescue_list);
	INIT_WORK(&bs->rescue_work, bio_alloc_rescue);

	bs->bio_slab = lab_bio_slab_get(front_pad + sizeof(struct bio) + bs->back_pad);
	if (!bs->bio_slab)
		return -ENOMEM;
	if (mempool_init_slab_pool(&bs->bio_pool, pool_size, bs->bio_slab))
		goto bad;
	if ((flags & BIOSET_NEED_BVECS) &&
	    mempool_init_slab_pool(&bs->bvec_pool, LAB_BVEC_POOL, bvec_slabs[LAB_BVEC_CLASSES - 1].slab))
		goto bad;
	if (flags & BIOSET_NEED_RESCUER) {
		bs->rescue_workqueue = alloc_workqueue("bioset", WQ_MEM_RECLAIM, 0);
		if (!bs->rescue_workqueue)
			goto bad;
	}
	return 0;
bad:
	bioset_exit(bs);
	return -ENOMEM;
}
