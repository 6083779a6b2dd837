// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of slab.c, slab-cache.c and kmalloc.c; slab_misuse.c has those of slab-debug.c.
 */
#include <linux/bug.h>
#include <linux/completion.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <kc/fault.h>
#include <kc/probe.h>
#include <kc/ram.h>
#include <kc/world.h>
#include "host.h"
#include "lab_test.h"
#include "test_task.h"

static const size_t class_bytes[] = {
	8, 16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536,
};

static void use(unsigned char *p, size_t size, unsigned char tag)
{
	memset(p, tag, size);
	lab_expect_eq(p[0], tag);
	lab_expect_eq(p[size - 1], tag);
}

LAB_TEST(slab, kmemdup_is_a_copy_of_its_own)
{
	char one[300], *two, *none;

	memset(one, 0x3c, sizeof(one));
	two = kmemdup(one, sizeof(one), GFP_KERNEL);
	lab_expect(two);
	memset(one, 0, sizeof(one));
	lab_expect(!memchr_inv(two, 0x3c, sizeof(one)));
	kc_fault_nth(KC_FAULT_SLAB, 1, 1);
	none = kmemdup(one, sizeof(one), GFP_KERNEL | __GFP_NOWARN);
	lab_expect(!none);
	kvfree(two);
	two = kvmalloc_array(3, 100, GFP_KERNEL);
	lab_expect(two && !kvmalloc_array(-1ul, 2, GFP_KERNEL));
	kvfree(two);
}

LAB_TEST(slab, sizes_around_every_class)
{
	unsigned int i, d;

	for (i = 0; i < sizeof(class_bytes) / sizeof(class_bytes[0]); i++) {
		for (d = 0; d < 3; d++) {
			size_t size = class_bytes[i] - 1 + d;
			unsigned char *p = kmalloc(size, GFP_KERNEL);

			lab_expect(p != NULL);
			lab_expect_ge(ksize(p), size);
			lab_expect_eq((unsigned long)p % 8, 0);
			if ((size & (size - 1)) == 0)
				lab_expect_eq((unsigned long)p % (size < PAGE_SIZE ? size : PAGE_SIZE), 0);
			use(p, size, 0x40 + i);
			kfree(p);
		}
	}
}

LAB_TEST(slab, sizes_at_the_limits)
{
	unsigned char *p;

	lab_expect(kmalloc(0, GFP_KERNEL) == ZERO_SIZE_PTR);
	kfree(ZERO_SIZE_PTR);
	kfree(NULL);
	lab_expect_eq(ksize(NULL), 0);
	p = kmalloc(KMALLOC_MAX_SIZE - 1, GFP_KERNEL);
	lab_expect(p != NULL);
	use(p, KMALLOC_MAX_SIZE - 1, 1);
	kfree(p);
	p = kmalloc(KMALLOC_MAX_SIZE, GFP_KERNEL);
	lab_expect(p != NULL);
	use(p, KMALLOC_MAX_SIZE, 2);
	lab_expect_eq(kc_slab_live_bytes() >= KMALLOC_MAX_SIZE, 1);
	kfree(p);
	lab_expect(kmalloc(KMALLOC_MAX_SIZE + 1, GFP_KERNEL) == NULL);
	lab_expect(kmalloc_array((size_t)-1 / 8 + 1, 8, GFP_KERNEL) == NULL);
	lab_expect(kcalloc((size_t)1 << 40, (size_t)1 << 40, GFP_KERNEL) == NULL);
}

LAB_TEST(slab, zeroed_memory_is_zero_after_use)
{
	unsigned char zero[300] = { 0 };
	unsigned int round;

	for (round = 0; round < 200; round++) {
		unsigned char *p = kzalloc(sizeof(zero), GFP_KERNEL), *q = kcalloc(3, 100, GFP_KERNEL);

		lab_expect(p && q);
		lab_expect_mem(p, zero, sizeof(zero));
		lab_expect_mem(q, zero, sizeof(zero));
		memset(p, 0xff, sizeof(zero));
		memset(q, 0xff, sizeof(zero));
		kfree(p);
		kfree(q);
	}
}

#define SLOTS 200

/* Whatever is live keeps its bytes. */
LAB_TEST(slab, objects_do_not_overlap)
{
	static unsigned char *slot[SLOTS];
	static size_t size[SLOTS];
	u64 rnd = lab_test_base_seed();
	unsigned int round, rounds = lab_test_slow() ? 2000 : 20000, i, at;
	u64 live = kc_slab_live_bytes();	/* of initcalls */

	lab_test_seed(rnd);
	memset(slot, 0, sizeof(slot));
	for (round = 0; round < rounds + SLOTS; round++) {
		rnd = rnd * 6364136223846793005ull + 1442695040888963407ull;
		i = round < rounds ? (rnd >> 33) % SLOTS : round - rounds;
		if (slot[i]) {
			for (at = 0; at < size[i]; at++)
				lab_expect_eq(slot[i][at], (unsigned char)(i + 1));
			kfree(slot[i]);
			slot[i] = NULL;
		} else if (round < rounds) {
			size[i] = 1 + (rnd >> 45) % ((rnd >> 40) & 7 ? 200 : 9000);
			slot[i] = kmalloc(size[i], GFP_KERNEL);
			lab_expect(slot[i] != NULL);
			memset(slot[i], i + 1, size[i]);
		}
	}
	lab_expect_eq(kc_slab_live_bytes(), live);
}

#if LAB_WITH_PROBES
LAB_TEST(slab, probes_count_by_type_and_bytes)
{
	struct kmem_cache *cache = kmem_cache_create("test-bio", 200, 0, 0, NULL);
	struct kc_probes before, after;
	u64 live = kc_slab_live_bytes();
	void *p, *q;

	lab_expect(cache != NULL);
	kmem_cache_set_probe(cache, LAB_ALLOC_BIO);
	kc_probes_read(&before);
	p = kmem_cache_alloc(cache, GFP_KERNEL);
	q = kmalloc(100, GFP_KERNEL);
	kmem_cache_free(cache, p);
	kc_probes_read(&after);
	lab_expect_eq(after.n[LAB_UPPER][LAB_ALLOC_BIO] - before.n[LAB_UPPER][LAB_ALLOC_BIO], 1);
	lab_expect_eq(after.n[LAB_UPPER][LAB_ALLOC_OTHER] - before.n[LAB_UPPER][LAB_ALLOC_OTHER], 1);
	lab_expect_eq(after.n[LAB_UPPER][LAB_ALLOC_BYTES] - before.n[LAB_UPPER][LAB_ALLOC_BYTES], 200 + 128);
	lab_expect_eq(after.n[LAB_UPPER][LAB_FREE_BYTES] - before.n[LAB_UPPER][LAB_FREE_BYTES], 200);
	lab_expect_eq(kc_slab_live_bytes(), live + 128);
	kfree(q);
	kmem_cache_destroy(cache);
}
#endif

struct made {
	u64 stamp;
	unsigned char rest[56];
};

static unsigned int nr_constructed;

static void construct(void *p)
{
	struct made *m = p;

	m->stamp = 0x600dcafe;
	nr_constructed++;
}

LAB_TEST(slab, constructed_objects_stay_constructed)
{
	struct kmem_cache *cache;
	struct made *m[100];
	unsigned int round, i;

	nr_constructed = 0;
	cache = kmem_cache_create("test-ctor", sizeof(struct made), 64, 0, construct);
	lab_expect(cache != NULL);
	for (round = 0; round < 20; round++) {
		for (i = 0; i < 100; i++) {
			m[i] = kmem_cache_alloc(cache, GFP_KERNEL);
			lab_expect(m[i] != NULL);
			lab_expect_eq(m[i]->stamp, 0x600dcafe);
			lab_expect_eq((unsigned long)m[i] % 64, 0);
			memset(m[i]->rest, round, sizeof(m[i]->rest));
		}
		for (i = 0; i < 100; i++)
			kmem_cache_free(cache, m[i]);
	}
	/* Once an object, not once an allocation. */
	lab_expect_lt(nr_constructed, 1000);
	kmem_cache_destroy(cache);
}

LAB_TEST(slab, alignment_is_kept)
{
	static const unsigned int align[] = { 0, 8, 16, 64, 512, 4096 };
	unsigned int i, k;

	for (i = 0; i < 6; i++) {
		struct kmem_cache *cache;
		void *p[50];

		cache = kmem_cache_create("test-align", 72, align[i], SLAB_HWCACHE_ALIGN, NULL);
		lab_expect(cache != NULL);
		lab_expect_eq(kmem_cache_size(cache), 72);
		for (k = 0; k < 50; k++) {
			p[k] = kmem_cache_zalloc(cache, GFP_KERNEL);
			lab_expect(p[k] != NULL);
			lab_expect_eq((unsigned long)p[k] % (align[i] > 64 ? align[i] : 64), 0);
			memset(p[k], 0xff, 72);
		}
		for (k = 0; k < 50; k++)
			kmem_cache_free(cache, p[k]);
		kmem_cache_destroy(cache);
	}
	kmem_cache_destroy(NULL);
}

LAB_TEST(slab, caches_end_at_the_limit)
{
	static struct kmem_cache *cache[KC_MAX_CACHES + 1];
	unsigned int nr = 0, i;

	while (nr <= KC_MAX_CACHES) {
		cache[nr] = kmem_cache_create("test-many", 40, 0, 0, NULL);
		if (!cache[nr])
			break;
		nr++;
	}
	lab_expect_lt(nr, KC_MAX_CACHES);
	kmem_cache_destroy(cache[nr - 1]);
	cache[nr - 1] = kmem_cache_create("test-again", 40, 0, 0, NULL);
	lab_expect(cache[nr - 1] != NULL);
	for (i = 0; i < nr; i++)
		kmem_cache_destroy(cache[i]);
}

LAB_TEST(slab, memory_goes_back_to_the_pages)
{
	struct kmem_cache *cache = kmem_cache_create("test-back", 512, 0, 0, NULL);
	static void *p[3000];
	unsigned long before;
	unsigned int i, round;

	lab_expect(cache != NULL);
	kmem_cache_free(cache, kmem_cache_alloc(cache, GFP_KERNEL));
	before = kc_ram_free_pages();
	for (round = 0; round < 3; round++) {
		for (i = 0; i < 3000; i++) {
			p[i] = kmem_cache_alloc(cache, GFP_KERNEL);
			lab_expect(p[i] != NULL);
		}
		lab_expect_eq(kc_cache_live(cache), 3000);
		lab_expect_lt(kc_ram_free_pages(), before - 370);
		for (i = 0; i < 3000; i++)
			kmem_cache_free(cache, p[i]);
		lab_expect_eq(kc_cache_live(cache), 0);
		/* What a magazine, the quarantine and the spare slabs keep. */
		lab_expect_gt(kc_ram_free_pages() + 100, before);
	}
	kmem_cache_destroy(cache);
}

/* --- between tasks ----------------------------------------------------------------------- */

#define HANDED 64

struct handover {
	struct kmem_cache *cache;
	void *p[HANDED];
	struct completion full, empty;
	unsigned int rounds;
};

static int free_what_comes(void *data)
{
	struct handover *h = data;
	unsigned int round, i;

	for (round = 0; round < h->rounds; round++) {
		wait_for_completion(&h->full);
		for (i = 0; i < HANDED; i++)
			kmem_cache_free(h->cache, h->p[i]);
		complete(&h->empty);
	}
	return 0;
}

/* One task allocates, another frees: memory in use does not grow. */
LAB_TEST(slab, objects_travel_between_tasks)
{
	static struct handover h;
	static struct test_task k;
	unsigned long low = 0;
	unsigned int round, i;

	h.rounds = lab_test_slow() ? 20 : 200;
	h.cache = kmem_cache_create("test-travel", 256, 0, 0, NULL);
	lab_expect(h.cache != NULL);
	init_completion(&h.full);
	init_completion(&h.empty);
	test_task_run(&k, free_what_comes, &h, "freer");
	for (round = 0; round < h.rounds; round++) {
		for (i = 0; i < HANDED; i++) {
			h.p[i] = kmem_cache_alloc(h.cache, GFP_KERNEL);
			lab_expect(h.p[i] != NULL);
			memset(h.p[i], round, 256);
		}
		complete(&h.full);
		wait_for_completion(&h.empty);
		if (round == 9)
			low = kc_ram_free_pages();
	}
	lab_expect_gt(kc_ram_free_pages() + 64, low);
	lab_expect_eq(test_task_join(&k), 0);
	lab_expect_eq(kc_cache_live(h.cache), 0);
	kmem_cache_destroy(h.cache);
}

/* --- failure ------------------------------------------------------------------------------- */

LAB_TEST(slab, nth_allocation_fails)
{
	u64 nth;

	for (nth = 1; nth <= 5; nth++) {
		void *p[7];
		u64 i;

		kc_fault_nth(KC_FAULT_SLAB, nth, 1);
		for (i = 1; i <= 6; i++) {
			p[i] = kmalloc(64, GFP_KERNEL);
			lab_expect_eq(p[i] == NULL, i == nth);
		}
		for (i = 1; i <= 6; i++)
			kfree(p[i]);
	}
	kc_fault_nth(KC_FAULT_SLAB, 1, 100);
	lab_expect(kmalloc(KMALLOC_MAX_CACHE_SIZE + 1, GFP_KERNEL) == NULL);
	kfree(kmalloc(8, GFP_KERNEL | __GFP_NOFAIL));
	kc_fault_nth(KC_FAULT_SLAB, 0, 0);
	lab_expect_eq(kc_fault_hits(KC_FAULT_SLAB), 6);
}

static void exhaust(void *arg)
{
	void **first = NULL, **p;
	unsigned int nr = 0, again = 0;

	while ((p = kmalloc(1000, GFP_KERNEL | __GFP_NOWARN))) {
		*p = first;
		first = p;
		nr++;
	}
	while (first) {
		p = *first;
		kfree(first);
		first = p;
	}
	while ((p = kmalloc(1000, GFP_KERNEL | __GFP_NOWARN))) {
		*p = first;
		first = p;
		again++;
	}
	while (first) {
		p = *first;
		kfree(first);
		first = p;
	}
	*(unsigned int *)arg = nr > 100 && again + 70 > nr;
}

LAB_TEST_BARE(slab, arena_can_be_used_up)
{
	struct kc_world_opts opts = { .ram_bytes = 128 * PAGE_SIZE };
	unsigned int ok = 0;
	int bad = -1;

	lab_expect_eq(kc_run(false, 1, &opts, exhaust, &ok, &bad), KC_RUN_DONE);
	lab_expect_eq(bad, 0);
	lab_expect_eq(ok, 1);
}

/* --- what a world's end finds ----------------------------------------------------------------- */

static void *volatile kept[3];

static void leak_two(void *arg)
{
	kept[0] = kmalloc(100, GFP_KERNEL);
	kept[1] = kmalloc(100, GFP_KERNEL);
	kept[2] = kmalloc(100, GFP_KERNEL);
	kfree(kept[1]);
}

static void leak_in_a_child(void *arg)
{
	int bad = -1;

	kc_run(false, 1, NULL, leak_two, NULL, &bad);
	host_exit(bad);
}

LAB_TEST_BARE(slab, leak_is_counted_and_printed_with_its_site)
{
	lab_expect_eq(lab_test_fork(leak_in_a_child, NULL), 2);
	lab_expect(lab_test_fork_said("kmalloc-128"));
#ifdef KC_DEBUG
	lab_expect(lab_test_fork_said("tests/kernel-compat/slab.c:"));
#endif
}
