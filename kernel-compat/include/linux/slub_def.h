/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * slub_def.h - what is inside a cache, and a task's own stock of its free objects: for linux/slab.h, so that
 * taking an object from the stock and putting it back needs no call. All the rest is slab.c's.
 */
#ifndef _LINUX_SLUB_DEF_H
#define _LINUX_SLUB_DEF_H

#include <linux/types.h>
#include <linux/compiler.h>
#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <kc/fault.h>
#include <kc/probe.h>

struct page;

#define KC_MAX_CACHES	128	/* of a world, kmalloc's included */
#define KC_CACHE_NAME	32

struct kmem_cache {
	/* read by the fast path */
	unsigned int id;
	unsigned int object_size;
	int link_off;			/* where a free object keeps the next one's address, from its start */
	enum lab_probe_id probe;
	unsigned int batch;		/* objects that move between a magazine and the slabs at once */
	unsigned int mag_room;		/* of an empty magazine */

	unsigned int stride;		/* from object to object */
	unsigned int obj_off;		/* of an object in its slot: header and red zone (check builds) */
	unsigned int align;
	unsigned int order, min_order;	/* of a slab: wanted, and the least that holds an object */
	void (*ctor)(void *p);
	char name[KC_CACHE_NAME];
	bool used;

	spinlock_t lock;		/* the rest, and the slabs' own fields */
	struct list_head partial;	/* slabs with a free object */
	struct list_head full;
	unsigned int nr_empty;		/* on partial, with nothing in use */
	unsigned long nr_inuse;		/* objects in use or in magazines */

#ifdef KC_DEBUG
	void *quarantine, *quarantine_last;	/* freed objects, oldest first */
	unsigned int nr_quarantine;
#endif
};

/* --- a task's own stock of free pages and objects (release builds) ------------------ */

#define KC_PAGE_MAG	64	/* free pages a task keeps */
#define KC_OBJ_MAG	64	/* free objects of each cache a task keeps, at most */

struct kc_obj_mag {
	void *head;		/* chained through kc_obj_link() */
	unsigned int room;	/* further objects it takes */
	unsigned int cap;	/* room when empty; 0: not used yet */
};

/*
 * Touched by its task alone, so neither locked nor atomic. kc_no_cache stands in for tasks that have none
 * yet: it never has an object and never has room, so both fast paths fall through to where one is made.
 */
struct kc_task_cache {
	struct list_head node;			/* all of them, for kmem_cache_destroy() */
	unsigned int nr_pages, page_room;
	struct page *page[KC_PAGE_MAG];
	struct kc_obj_mag obj[KC_MAX_CACHES];
};

extern struct kc_task_cache kc_no_cache;
extern __thread struct kc_task_cache *kc_task_cache;

static inline void **kc_obj_link(const struct kmem_cache *cache, void *p)
{
	return (void **)((char *)p + cache->link_off);
}

static inline struct kc_obj_mag *kc_mag_of(struct kmem_cache *cache)
{
	return &kc_task_cache->obj[cache->id];
}

static __always_inline void kc_count_alloc(const struct kmem_cache *cache)
{
	kc_probe_add(cache->probe, 1);
	lab_probe_add(ALLOC_BYTES, cache->object_size);
}

#ifndef KC_DEBUG
/* The newest object of the stock; NULL: there is none, or a fault is ordered, and slab.c must see to it. */
static __always_inline void *kc_mag_pop(struct kmem_cache *cache)
{
	struct kc_obj_mag *mag = kc_mag_of(cache);
	void *p = mag->head;

	if (unlikely(!p || kc_fault_is_armed(KC_FAULT_SLAB)))
		return NULL;
	mag->head = *kc_obj_link(cache, p);
	mag->room++;
	kc_count_alloc(cache);
	return p;
}

/* False: no room, and nothing was done. */
static __always_inline bool kc_mag_push(struct kmem_cache *cache, void *p)
{
	struct kc_obj_mag *mag = kc_mag_of(cache);

	if (unlikely(!mag->room))
		return false;
	*kc_obj_link(cache, p) = mag->head;
	mag->head = p;
	mag->room--;
	lab_probe_add(FREE_BYTES, cache->object_size);
	return true;
}
#else
/* Check builds keep no stock: every object goes through slab.c. */
static inline void *kc_mag_pop(struct kmem_cache *cache)
{
	return NULL;
}
#endif

#endif
