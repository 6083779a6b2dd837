// SPDX-License-Identifier: GPL-2.0-only
/*
 * slab-cache.c - making and dropping caches, their audit, and what a task gives back at its end.
 *
 * Caches are a table of fixed size; a cache's place in it is also the place of its magazine in each
 * task's stock. So a cache can be dropped by taking its objects out of the magazines of all tasks: none
 * of them may be using it any more, and a task learns that from whoever drops it, which is all the
 * order that is needed.
 */
#include <linux/kernel.h>
#include <linux/bug.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <kc/leak.h>
#include "slab-internal.h"

#define KC_SLAB_OBJECTS		16		/* wanted in a slab … */
#define KC_SLAB_ORDER		3		/* … unless that took a larger one than this */
#define KC_MAG_BYTES		(32u << 10)	/* what a magazine holds at most, of larger objects */
#define CACHE_LINE		64u

struct kmem_cache kc_caches[KC_MAX_CACHES];
static DEFINE_SPINLOCK(caches_lock);		/* which of them are used */

static unsigned int mag_count(const struct kc_obj_mag *mag)
{
	return mag->cap - mag->room;
}

static void mag_empty(struct kmem_cache *cache, struct kc_obj_mag *mag)
{
	if (mag->head)
		kc_slab_return(cache, mag->head);
	*mag = (struct kc_obj_mag){ .head = NULL };
}

static void cache_layout(struct kmem_cache *cache)
{
	size_t linked = cache->object_size;

	/* A constructed object must come back as it was, so the link gets a place behind it. */
	cache->link_off = 0;
	if (cache->ctor) {
		cache->link_off = ALIGN(linked, sizeof(void *));
		linked = cache->link_off + sizeof(void *);
	}
	cache->obj_off = 0;
	cache->stride = ALIGN(max_t(size_t, linked, sizeof(void *)), cache->align);
#ifdef KC_DEBUG
	kc_slab_debug_layout(cache);
#endif
	cache->min_order = 0;
	while (PAGE_SIZE << cache->min_order < cache->stride)
		cache->min_order++;
	cache->order = cache->min_order;
	while (cache->order < KC_SLAB_ORDER && (PAGE_SIZE << cache->order) / cache->stride < KC_SLAB_OBJECTS)
		cache->order++;
	cache->mag_room = clamp_t(unsigned int, KC_MAG_BYTES / cache->stride, 2, KC_OBJ_MAG);
	cache->batch = cache->mag_room / 2;
}

/**
 * kmem_cache_create() - a cache
 * @name: for the leak table; copied, cut at KC_CACHE_NAME - 1
 * @size: of an object, bytes, 1 to KMALLOC_MAX_SIZE / 2
 * @align: of its address: a power of two up to PAGE_SIZE; 0: 8
 * @flags: SLAB_*
 * @ctor: called once for each object when its slab is made; objects are freed in that state. NULL: none
 *
 * Context: task. Return: the cache; NULL beyond KC_MAX_CACHES (SLAB_PANIC: stops).
 */
struct kmem_cache *kmem_cache_create(const char *name, unsigned int size, unsigned int align,
				     unsigned int flags, void (*ctor)(void *))
{
	struct kmem_cache *cache = NULL;
	unsigned long irq_flags;
	unsigned int i;

	BUG_ON(!size || size > KMALLOC_MAX_SIZE / 2 || align > PAGE_SIZE || (align & (align - 1)));
	spin_lock_irqsave(&caches_lock, irq_flags);
	for (i = 0; i < KC_MAX_CACHES && !cache; i++)
		if (!kc_caches[i].used)
			cache = &kc_caches[i];
	if (cache)
		cache->used = true;
	spin_unlock_irqrestore(&caches_lock, irq_flags);
	KC_BUG_ON(!cache && flags & SLAB_PANIC, "cache %s: there are %d already", name, KC_MAX_CACHES);
	if (!cache)
		return NULL;
	*cache = (struct kmem_cache){ .id = cache - kc_caches, .object_size = size, .used = true,
				      .ctor = ctor, .probe = LAB_ALLOC_OTHER };
	cache->align = max_t(unsigned int, align, ARCH_KMALLOC_MINALIGN);
	if (flags & SLAB_HWCACHE_ALIGN && size > CACHE_LINE / 2)
		cache->align = max(cache->align, CACHE_LINE);
	for (i = 0; i < KC_CACHE_NAME - 1 && name[i]; i++)
		cache->name[i] = name[i];
	spin_lock_init(&cache->lock);
	INIT_LIST_HEAD(&cache->partial);
	INIT_LIST_HEAD(&cache->full);
	cache_layout(cache);
	return cache;
}

/**
 * kmem_cache_set_probe() - what the cache's allocations count as
 * @cache: the cache, nothing allocated yet
 * @id: LAB_ALLOC_BIO and its like
 */
void kmem_cache_set_probe(struct kmem_cache *cache, enum lab_probe_id id)
{
	cache->probe = id;
}

/**
 * kmem_cache_size() - bytes of an object
 * @cache: the cache
 *
 * Return: as given to kmem_cache_create().
 */
unsigned int kmem_cache_size(struct kmem_cache *cache)
{
	return cache->object_size;
}

/**
 * kc_cache_live() - objects in callers' hands
 * @cache: the cache
 *
 * Return: their number; exact while no other task allocates.
 */
unsigned long kc_cache_live(struct kmem_cache *cache)
{
	struct kc_task_cache *tc;
	unsigned long flags, nr;

	spin_lock_irqsave(&kc_task_caches_lock, flags);
	spin_lock(&cache->lock);
	nr = cache->nr_inuse;
#ifdef KC_DEBUG
	nr -= cache->nr_quarantine;
#endif
	spin_unlock(&cache->lock);
	list_for_each_entry(tc, &kc_task_caches, node)
		nr -= mag_count(&tc->obj[cache->id]);
	spin_unlock_irqrestore(&kc_task_caches_lock, flags);
	return nr;
}

/**
 * kc_slab_live_bytes() - bytes in callers' hands, all caches
 *
 * Return: the sum of object sizes and large kmallocs.
 */
u64 kc_slab_live_bytes(void)
{
	u64 bytes = kc_kmalloc_large_bytes();
	unsigned int i;

	for (i = 0; i < KC_MAX_CACHES; i++)
		if (kc_caches[i].used)
			bytes += (u64)kc_cache_live(&kc_caches[i]) * kc_caches[i].object_size;
	return bytes;
}

static void cache_audit(struct kmem_cache *cache)
{
#ifdef KC_DEBUG
	kc_slab_debug_audit(cache);
#else
	unsigned long live = kc_cache_live(cache);

	while (live--)
		kc_leak_add(cache->name, NULL, cache->object_size);
#endif
}

/* Bring home what lies in magazines and quarantine. No task may be using the cache. */
static void cache_collect(struct kmem_cache *cache)
{
	struct kc_task_cache *tc;
	unsigned long flags;

	spin_lock_irqsave(&kc_task_caches_lock, flags);
	list_for_each_entry(tc, &kc_task_caches, node)
		mag_empty(cache, &tc->obj[cache->id]);
	spin_unlock_irqrestore(&kc_task_caches_lock, flags);
#ifdef KC_DEBUG
	kc_slab_return(cache, kc_slab_debug_empty(cache));
#endif
}

/**
 * kmem_cache_destroy() - drop a cache and its slabs
 * @cache: no task uses it any more; NULL is nothing
 *
 * Objects that were not freed are printed with the site that took them, WARNed about, and kept (the
 * world's audit counts their cache no more).
 *
 * Context: task.
 */
void kmem_cache_destroy(struct kmem_cache *cache)
{
	unsigned long flags;
	int leaked;

	if (!cache)
		return;
	BUG_ON(!cache->used);
	cache_collect(cache);
	kc_leak_begin();
	cache_audit(cache);
	leaked = kc_leak_print();
	WARN(leaked, "cache %s destroyed with %d objects in use\n", cache->name, leaked);
	kc_slab_free_all(&cache->partial);
	spin_lock_irqsave(&caches_lock, flags);
	cache->used = false;
	spin_unlock_irqrestore(&caches_lock, flags);
}

/* --- begin, end, audit --------------------------------------------------------------------------- */

/**
 * kc_slab_init() - no caches but kmalloc's
 *
 * Return: 0.
 */
int kc_slab_init(void)
{
	kc_slab_exit();
	kc_kmalloc_init();
	return 0;
}

/**
 * kc_slab_exit() - forget all caches; their memory goes with RAM
 */
void kc_slab_exit(void)
{
	memset(kc_caches, 0, sizeof(kc_caches));
	spin_lock_init(&caches_lock);
}

/**
 * kc_slab_audit() - who still holds objects?
 *
 * Check builds also look at everything that was freed and not used again: a write after free shows here
 * at the latest.
 *
 * Context: end of a world; no other task. Return: number of objects, each place printed.
 */
int kc_slab_audit(void)
{
	unsigned int i;

	kc_leak_begin();
	for (i = 0; i < KC_MAX_CACHES; i++) {
		struct kmem_cache *cache = &kc_caches[i];

		if (!cache->used)
			continue;
		cache_collect(cache);
		cache_audit(cache);
	}
	return kc_leak_print();
}

/**
 * kc_slab_task_exit() - the running task gives back its free objects and pages
 * @task: current
 *
 * Context: its last act.
 */
void kc_slab_task_exit(struct task_struct *task)
{
	struct kc_task_cache *tc = kc_task_cache;
	unsigned int i;

	VM_BUG_ON(task != current);
	if (tc == &kc_no_cache)
		return;
	for (i = 0; i < KC_MAX_CACHES; i++)
		if (tc->obj[i].head)
			mag_empty(&kc_caches[i], &tc->obj[i]);
	kc_task_cache_detach();
}
