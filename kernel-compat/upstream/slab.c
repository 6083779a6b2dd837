// SPDX-License-Identifier: GPL-2.0-only
/*
 * slab.c - objects, from the laboratory's slab, which counts, poisons and audits them as everybody's.
 *
 * What an object is for follows from its cache's name, or, for kmalloc(), from the file that asks: the build gives
 * the calls in the direct-IO files and in loop.c names of their own (kmalloc_for_dio, kmalloc_for_cmd; see redirect).
 */
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include "k.h"
#include "alloc.h"

#if UP_SINCE(6, 12)
kmem_buckets kmalloc_caches[NR_KMALLOC_TYPES];	/* looked up, never used */
#else
struct kmem_cache *kmalloc_caches[NR_KMALLOC_TYPES][KMALLOC_SHIFT_HIGH + 1];
#endif

struct up_cache {
	void *lab;
	unsigned int bytes;
	void (*ctor)(void *p);
	long out;			/* objects that live */
	struct up_cache *next;
	char name[32];
};

static struct up_cache *caches;		/* all that were made; memory of the host */
static long kmalloc_out;

static enum up_kind kind_of(const char *name)
{
	if (!strncmp(name, "bio-", 4))
		return UP_KIND_BIO;
	if (!strncmp(name, "biovec-", 7))
		return UP_KIND_BVEC;
	if (!strcmp(name, "dio"))
		return UP_KIND_DIO;
	return UP_KIND_OTHER;
}

#if UP_SINCE(6, 12)
static
#endif
struct kmem_cache *kmem_cache_create(const char *name, unsigned int size, unsigned int align, slab_flags_t flags,
				     void (*ctor)(void *))
{
	struct up_cache *c = host_alloc(sizeof(*c));

	if (!c)
		return NULL;
	c->lab = upl_cache_create(name, size, flags & SLAB_HWCACHE_ALIGN && align < 64 ? 64 : align, kind_of(name));
	c->bytes = size;
	c->ctor = ctor;
	strscpy(c->name, name, sizeof(c->name));
	c->next = caches;
	caches = c;
	return c->lab ? (struct kmem_cache *)c : NULL;
}

#if UP_SINCE(6, 12)
struct kmem_cache *__kmem_cache_create_args(const char *name, unsigned int size, struct kmem_cache_args *args,
					    slab_flags_t flags)
{
	return kmem_cache_create(name, size, args->align, flags, args->ctor);
}

unsigned int kmem_cache_size(struct kmem_cache *s)
{
	return ((struct up_cache *)s)->bytes;
}
#endif

void kmem_cache_destroy(struct kmem_cache *s)
{
	struct up_cache *c = (struct up_cache *)s;

	if (!c)
		return;
	if (c->out)
		up_bug("cache %s is destroyed with %ld objects in use", c->name, c->out);
	upl_cache_destroy(c->lab);
	c->lab = NULL;
}

void *kmem_cache_alloc(struct kmem_cache *s, gfp_t flags)
{
	struct up_cache *c = (struct up_cache *)s;
	void *p = upl_cache_alloc(c->lab);

	if (!p)
		return NULL;
	c->out++;
	if (flags & __GFP_ZERO)
		memset(p, 0, c->bytes);
	if (c->ctor)
		c->ctor(p);
	return p;
}

void *kmem_cache_alloc_node(struct kmem_cache *s, gfp_t flags, int node)
{
	return kmem_cache_alloc(s, flags);
}

void *kmem_cache_alloc_lru(struct kmem_cache *s, struct list_lru *lru, gfp_t flags)
{
	return kmem_cache_alloc(s, flags);
}

void kmem_cache_free(struct kmem_cache *s, void *p)
{
	struct up_cache *c = (struct up_cache *)s;

	c->out--;
	upl_cache_free(c->lab, p);
}

/* Caches that nobody destroys (they are the kernel's for ever) go here. Return: things left behind. */
int up_slab_exit(void)
{
	struct up_cache *c, *next;
	char line[96];
	int bad = 0;

	for (c = caches; c; c = next) {
		next = c->next;
		if (c->lab && c->out) {
			snprintf(line, sizeof(line), "upstream: cache %s: %ld objects were not freed", c->name, c->out);
			upl_print(line);
			bad++;
		} else if (c->lab) {
			upl_cache_destroy(c->lab);
		}
		host_free(c);
	}
	caches = NULL;
	if (kmalloc_out) {
		snprintf(line, sizeof(line), "upstream: kmalloc: %ld objects were not freed", kmalloc_out);
		upl_print(line);
		bad++;
	}
	return bad;
}

/* ---- kmalloc ------------------------------------------------------------------------------------------- */

static void *kmalloc_kind(size_t size, gfp_t flags, enum up_kind kind)
{
	void *p;

	if (!size)
		return ZERO_SIZE_PTR;
	p = upl_kmalloc(size, kind);
	if (!p)
		return NULL;
	kmalloc_out++;
	return flags & __GFP_ZERO ? memset(p, 0, size) : p;
}

void *__kmalloc(size_t size, gfp_t flags)
{
	return kmalloc_kind(size, flags, UP_KIND_OTHER);
}

void *kmalloc_trace(struct kmem_cache *s, gfp_t flags, size_t size)
{
	return kmalloc_kind(size, flags, UP_KIND_OTHER);
}

/* The files that build.mk names ask for these instead. */
void *kmalloc_for_dio(size_t size, gfp_t flags);
void *kmalloc_for_dio(size_t size, gfp_t flags)
{
	return kmalloc_kind(size, flags, UP_KIND_DIO);
}

void *kmalloc_trace_for_dio(struct kmem_cache *s, gfp_t flags, size_t size);
void *kmalloc_trace_for_dio(struct kmem_cache *s, gfp_t flags, size_t size)
{
	return kmalloc_kind(size, flags, UP_KIND_DIO);
}

void *kmalloc_for_cmd(size_t size, gfp_t flags);
void *kmalloc_for_cmd(size_t size, gfp_t flags)
{
	return kmalloc_kind(size, flags, UP_KIND_BVEC);	/* loop's only one on the way of an IO: a bvec array */
}

#if UP_SINCE(6, 12)
void *__kmalloc_node_noprof(DECL_BUCKET_PARAMS(size, b), gfp_t flags, int node)
{
	return kmalloc_kind(size, flags, UP_KIND_OTHER);
}

void *__kmalloc_cache_node_noprof(struct kmem_cache *s, gfp_t flags, int node, size_t size)
{
	return kmalloc_kind(size, flags, UP_KIND_OTHER);
}

void *__kvmalloc_node_noprof(DECL_BUCKET_PARAMS(size, b), gfp_t flags, int node)
{
	return kmalloc_kind(size, flags, UP_KIND_OTHER);
}
#else
void *__kmalloc_node(size_t size, gfp_t flags, int node)
{
	return kmalloc_kind(size, flags, UP_KIND_OTHER);
}

void *kmalloc_node_trace(struct kmem_cache *s, gfp_t flags, int node, size_t size)
{
	return kmalloc_kind(size, flags, UP_KIND_OTHER);
}

void *kvmalloc_node(size_t size, gfp_t flags, int node)
{
	return kmalloc_kind(size, flags, UP_KIND_OTHER);
}
#endif

void *kmalloc_large(size_t size, gfp_t flags)
{
	return kmalloc_kind(size, flags, UP_KIND_OTHER);
}

void *kmalloc_large_node(size_t size, gfp_t flags, int node)
{
	return kmalloc_kind(size, flags, UP_KIND_OTHER);
}

void kfree(const void *p)
{
	if (ZERO_OR_NULL_PTR(p))
		return;
	kmalloc_out--;
	upl_kfree((void *)p);
}

void kvfree(const void *p)
{
	kfree(p);
}

size_t __ksize(const void *p)
{
	return upl_ksize(p);
}

void *kmemdup(const void *src, size_t len, gfp_t gfp)
{
	void *p = __kmalloc(len, gfp);

	return p ? memcpy(p, src, len) : NULL;
}

char *kstrdup(const char *s, gfp_t gfp)
{
	return s ? kmemdup(s, strlen(s) + 1, gfp) : NULL;
}

const char *kstrdup_const(const char *s, gfp_t gfp)
{
	return kstrdup(s, gfp);
}

void kfree_const(const void *p)
{
	kfree(p);
}

/* ---- per-CPU memory: there is one CPU -------------------------------------------------------------------- */

#if UP_SINCE(6, 12)
void __percpu *pcpu_alloc_noprof(size_t size, size_t align, bool reserved, gfp_t gfp)
{
	return (void __percpu *)__kmalloc(size, gfp | __GFP_ZERO);
}
#else
void __percpu *__alloc_percpu_gfp(size_t size, size_t align, gfp_t gfp)
{
	return (void __percpu *)__kmalloc(size, gfp | __GFP_ZERO);
}

void __percpu *__alloc_percpu(size_t size, size_t align)
{
	return __alloc_percpu_gfp(size, align, GFP_KERNEL);
}
#endif

void free_percpu(void __percpu *p)
{
	kfree((void __force *)p);
}
