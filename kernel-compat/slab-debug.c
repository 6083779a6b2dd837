// SPDX-License-Identifier: GPL-2.0-only
/*
 * slab-debug.c - what check builds know of each object.
 *
 *	slot: | header | red zone | object | red zone … |
 *
 * The header, KC_RED_ZONE bytes before the object, says whether it lives, how many bytes were asked for
 * and by whom. The red zones hold a pattern and are forbidden to the checkers, so ASan and memcheck
 * stop at the very access; without them the pattern is looked at when the object is freed. A freed
 * object is filled with another pattern, forbidden, and queued: it is used again only after
 * KC_QUARANTINE others of its cache, and the pattern is looked at when it leaves the queue, when it is
 * handed out, and at the world's end.
 *
 * Damage stops the process with the site that took the object.
 */
#include <linux/kernel.h>
#include <linux/bug.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <kc/leak.h>
#include "host.h"
#include "slab-internal.h"

#ifdef KC_DEBUG

#define KC_QUARANTINE	64		/* freed objects a cache keeps out of use */
#define POISON_FREED	0x6b		/* a freed object */
#define POISON_RED	0xbb		/* red zones */

enum { OBJ_FREE = 0x46524545, OBJ_LIVE = 0x4c495645, OBJ_QUARANTINE = 0x51554152 };

struct obj_header {
	void *next;			/* the slab's or the quarantine's list */
	const char *site;		/* who took it */
	const void *freed_by;		/* address of the call */
	u32 state;
	u32 size_bytes;			/* asked for */
};

static struct obj_header *header_of(void *p)
{
	return (struct obj_header *)((char *)p - KC_RED_ZONE) - 1;
}

/**
 * kc_slab_debug_layout() - make room for header and red zones
 * @cache: object_size and align are set
 */
void kc_slab_debug_layout(struct kmem_cache *cache)
{
	cache->obj_off = ALIGN(sizeof(struct obj_header) + KC_RED_ZONE, cache->align);
	cache->stride = ALIGN(cache->obj_off + cache->object_size + KC_RED_ZONE, cache->align);
	cache->link_off = (int)offsetof(struct obj_header, next) - (int)sizeof(struct obj_header);
	cache->link_off -= KC_RED_ZONE;
}

static size_t behind_bytes(const struct kmem_cache *cache, size_t size_bytes)
{
	return cache->stride - cache->obj_off - size_bytes;
}

static void zones_set(struct kmem_cache *cache, char *p, size_t size_bytes)
{
	memset(p - KC_RED_ZONE, POISON_RED, KC_RED_ZONE);
	memset(p + size_bytes, POISON_RED, behind_bytes(cache, size_bytes));
	host_mem_noaccess(p - KC_RED_ZONE, KC_RED_ZONE);
	host_mem_noaccess(p + size_bytes, behind_bytes(cache, size_bytes));
}

static void zones_check(struct kmem_cache *cache, char *p, const struct obj_header *h)
{
	size_t behind = behind_bytes(cache, h->size_bytes), at;

	host_mem_defined(p - KC_RED_ZONE, KC_RED_ZONE);
	host_mem_defined(p + h->size_bytes, behind);
	at = kc_first_other((unsigned char *)p - KC_RED_ZONE, POISON_RED, KC_RED_ZONE);
	KC_BUG_ON(at < KC_RED_ZONE, "cache %s: written %zu bytes before an object of %u bytes taken at %s",
		  cache->name, KC_RED_ZONE - at, h->size_bytes, h->site);
	at = kc_first_other((unsigned char *)p + h->size_bytes, POISON_RED, behind);
	KC_BUG_ON(at < behind,
		  "cache %s: written %zu bytes past the end of an object of %u bytes taken at %s",
		  cache->name, at, h->size_bytes, h->site);
}

/* The object must be as it was freed. Leaves it readable. */
static void freed_check(struct kmem_cache *cache, char *p)
{
	const struct obj_header *h = header_of(p);
	size_t at;

	host_mem_defined(p, cache->object_size);
	if (cache->ctor)
		return;
	at = kc_first_other((unsigned char *)p, POISON_FREED, cache->object_size);
	KC_BUG_ON(at < cache->object_size,
		  "cache %s: byte %zu of an object written after it was freed (by %p); had been taken at %s",
		  cache->name, at, h->freed_by, h->site ? h->site : "nowhere");
}

/**
 * kc_slab_debug_new() - an object of a slab just made, constructed
 * @cache: its cache
 * @p: the object
 */
void kc_slab_debug_new(struct kmem_cache *cache, void *p)
{
	*header_of(p) = (struct obj_header){ .state = OBJ_FREE };
	if (!cache->ctor)
		memset(p, POISON_FREED, cache->object_size);
	zones_set(cache, p, cache->object_size);
	host_mem_noaccess(p, cache->object_size);
}

/**
 * kc_slab_debug_alloc() - an object is handed out
 * @cache: its cache
 * @p: the object
 * @size_bytes: how much of it was asked for
 * @site: by whom; NULL: through a pointer to the function
 */
void kc_slab_debug_alloc(struct kmem_cache *cache, void *p, size_t size_bytes, const char *site)
{
	struct obj_header *h = header_of(p);

	KC_BUG_ON(h->state != OBJ_FREE, "cache %s: header of a free object damaged", cache->name);
	freed_check(cache, p);
	h->size_bytes = size_bytes;
	h->site = site;
	h->freed_by = NULL;
	host_mem_defined((char *)p + size_bytes, behind_bytes(cache, size_bytes));
	host_mem_defined((char *)p - KC_RED_ZONE, KC_RED_ZONE);
	zones_set(cache, p, size_bytes);
	host_mem_noaccess(p, size_bytes);
	host_mem_born(p, size_bytes);
	if (cache->ctor)
		host_mem_defined(p, size_bytes);
	WRITE_ONCE(h->state, OBJ_LIVE);
}

static void quarantine_add(struct kmem_cache *cache, struct obj_header *h, void *p)
{
	h->next = NULL;
	if (cache->quarantine)
		header_of(cache->quarantine_last)->next = p;
	else
		cache->quarantine = p;
	cache->quarantine_last = p;
	cache->nr_quarantine++;
}

/* The oldest, checked and free. cache->lock held. */
static void *quarantine_take(struct kmem_cache *cache)
{
	void *p = cache->quarantine;
	struct obj_header *h = header_of(p);

	cache->quarantine = h->next;
	cache->nr_quarantine--;
	KC_BUG_ON(h->state != OBJ_QUARANTINE, "cache %s: header of a freed object damaged", cache->name);
	freed_check(cache, p);
	host_mem_noaccess(p, cache->object_size);
	h->state = OBJ_FREE;
	h->next = NULL;
	return p;
}

/**
 * kc_slab_debug_free() - an object comes back
 * @cache: whose it should be
 * @p: the object
 * @caller: address of the call
 *
 * Return: an object whose time in quarantine is over, or NULL.
 */
void *kc_slab_debug_free(struct kmem_cache *cache, void *p, const void *caller)
{
	struct obj_header *h = header_of(p);
	struct page *slab;
	unsigned long flags;
	void *out = NULL;

	KC_BUG_ON(!kc_ram_has(p), "cache %s: freed %p, which is no memory of ours", cache->name, p);
	slab = virt_to_head_page(p);
	KC_BUG_ON(!PageSlab(slab) || slab->slab_cache != cache, "cache %s: freed an object of %s",
		  cache->name, PageSlab(slab) ? slab->slab_cache->name : "no cache");
	KC_BUG_ON(((char *)p - (char *)page_address(slab)) % cache->stride != cache->obj_off,
		  "cache %s: freed %p, which is not the start of an object", cache->name, p);
	KC_BUG_ON(h->state != OBJ_LIVE,
		  "cache %s: object freed twice (before by %p), or header damaged; had been taken at %s",
		  cache->name, h->freed_by, h->site ? h->site : "?");
	zones_check(cache, p, h);
	host_mem_died(p);
	host_mem_undefined(p, cache->object_size);
	zones_set(cache, p, cache->object_size);
	if (!cache->ctor)
		memset(p, POISON_FREED, cache->object_size);
	host_mem_noaccess(p, cache->object_size);
	h->freed_by = caller;
	h->state = OBJ_QUARANTINE;

	spin_lock_irqsave(&cache->lock, flags);
	quarantine_add(cache, h, p);
	if (cache->nr_quarantine > KC_QUARANTINE)
		out = quarantine_take(cache);
	spin_unlock_irqrestore(&cache->lock, flags);
	return out;
}

/**
 * kc_slab_debug_empty() - end the quarantine
 * @cache: the cache
 *
 * Return: a chain for kc_slab_return().
 */
void *kc_slab_debug_empty(struct kmem_cache *cache)
{
	void *chain = NULL;
	unsigned long flags;

	spin_lock_irqsave(&cache->lock, flags);
	while (cache->nr_quarantine) {
		void *p = quarantine_take(cache);

		*kc_obj_link(cache, p) = chain;
		chain = p;
	}
	spin_unlock_irqrestore(&cache->lock, flags);
	return chain;
}

static void audit_slabs(struct kmem_cache *cache, struct list_head *slabs)
{
	struct page *slab;
	unsigned int i;

	list_for_each_entry(slab, slabs, lru) {
		for (i = 0; i < kc_slab_objects(cache, slab); i++) {
			void *p = kc_slab_object(cache, slab, i);
			struct obj_header *h = header_of(p);

			if (h->state == OBJ_LIVE) {
				kc_leak_add(cache->name, h->site, h->size_bytes);
				/* It was reported here; memcheck need not do so again. */
				host_mem_died(p);
				continue;
			}
			KC_BUG_ON(h->state != OBJ_FREE, "cache %s: header of a free object damaged",
				  cache->name);
			freed_check(cache, p);
			host_mem_noaccess(p, cache->object_size);
		}
	}
}

/**
 * kc_slab_debug_audit() - put live objects into the leak table, look at the free ones
 * @cache: quarantine is empty
 */
void kc_slab_debug_audit(struct kmem_cache *cache)
{
	audit_slabs(cache, &cache->partial);
	audit_slabs(cache, &cache->full);
}

/**
 * kc_slab_debug_size() - bytes that were asked for
 * @p: a live object
 *
 * Return: their number.
 */
size_t kc_slab_debug_size(void *p)
{
	return header_of(p)->size_bytes;
}

#endif
