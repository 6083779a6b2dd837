// SPDX-License-Identifier: GPL-2.0-only
/*
 * bio-slab.c - the slabs of bios: one for each size, whoever asks for it.
 *
 * There are as many bio_sets as there are files and loop devices, each with its reserve, but they differ in few sizes
 * only: what a design keeps before its bios, with inline elements or without. A slab for each set instead had thirteen
 * nested loop devices use up all slabs that a world can have.
 *
 * Source: bio_find_or_create_slab() of Linux 6.1 does this, and for this reason.
 */
#include "blk.h"

#define LAB_MAX_BIO_SLABS	32	/* sizes at a time; a design has five */

static DEFINE_MUTEX(bio_slabs_lock);
static struct bio_slab {
	struct kmem_cache *cache;	/* NULL: free */
	unsigned int users;
} bio_slabs[LAB_MAX_BIO_SLABS];

/**
 * lab_bio_slabs_init - no world has a slab yet: what an abandoned one had is gone with its memory
 *
 * Before the first bioset_init() of a world. Context: an initcall.
 */
void lab_bio_slabs_init(void)
{
	mutex_init(&bio_slabs_lock);
	memset(bio_slabs, 0, sizeof(bio_slabs));
}

/* The slab of @size_bytes, or else a free place, or NULL. Locked. */
static struct bio_slab *find_or_place(unsigned int size_bytes)
{
	struct bio_slab *place = NULL;
	unsigned int i;

	for (i = 0; i < LAB_MAX_BIO_SLABS; i++) {
		if (!bio_slabs[i].cache)
			place = place ?: &bio_slabs[i];
		else if (kmem_cache_size(bio_slabs[i].cache) == size_bytes)
			return &bio_slabs[i];
	}
	return place;
}

/**
 * lab_bio_slab_get - the slab for bios that take @size_bytes with what is before and behind them
 *
 * Context: task, may sleep. Return: the slab, to be put back with lab_bio_slab_put(); NULL without memory or with
 * LAB_MAX_BIO_SLABS other sizes in use.
 */
struct kmem_cache *lab_bio_slab_get(unsigned int size_bytes)
{
	struct kmem_cache *cache = NULL;
	struct bio_slab *slab;

	mutex_lock(&bio_slabs_lock);
	slab = find_or_place(size_bytes);
	if (slab && !slab->cache) {
		slab->cache = kmem_cache_create("bio", size_bytes, __alignof__(struct bio), 0, NULL);
		if (slab->cache)
			kmem_cache_set_probe(slab->cache, LAB_ALLOC_BIO);
	}
	if (slab && slab->cache) {
		slab->users++;
		cache = slab->cache;
	}
	mutex_unlock(&bio_slabs_lock);
	return cache;
}

/**
 * lab_bio_slab_put - undo lab_bio_slab_get(); no bio of the caller's is in use
 *
 * Context: task, may sleep.
 */
void lab_bio_slab_put(struct kmem_cache *cache)
{
	struct bio_slab *slab;

	mutex_lock(&bio_slabs_lock);
	slab = find_or_place(kmem_cache_size(cache));
	BUG_ON(!slab || slab->cache != cache || !slab->users);
	if (!--slab->users) {
		kmem_cache_destroy(cache);
		slab->cache = NULL;
	}
	mutex_unlock(&bio_slabs_lock);
}
