// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of mempool.c.
 */
#include <linux/completion.h>
#include <linux/mempool.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <kc/fault.h>
#include "lab_test.h"
#include "test_task.h"

/* An allocator that can be told to fail, and counts. */
struct source {
	atomic_t left;			/* allocations that succeed */
	atomic_t live, frees;
};

static void *source_alloc(gfp_t gfp, void *data)
{
	struct source *s = data;

	if (atomic_dec_return(&s->left) < 0)
		return NULL;
	atomic_inc(&s->live);
	return kmalloc(32, gfp);
}

static void source_free(void *element, void *data)
{
	struct source *s = data;

	atomic_dec(&s->live);
	atomic_inc(&s->frees);
	kfree(element);
}

static void source_open(struct source *s, int left)
{
	atomic_set(&s->left, left);
	atomic_set(&s->live, 0);
	atomic_set(&s->frees, 0);
}

LAB_TEST(mempool, reserve_is_used_only_when_the_allocator_fails)
{
	struct source s;
	mempool_t *pool;
	void *e[6];
	int i;

	source_open(&s, 5);
	pool = mempool_create(3, source_alloc, source_free, &s);
	lab_expect(pool != NULL);
	lab_expect_eq(pool->curr_nr, 3);
	for (i = 0; i < 2; i++) {
		e[i] = mempool_alloc(pool, GFP_NOWAIT);
		lab_expect(e[i] != NULL);
		lab_expect_eq(pool->curr_nr, 3);
	}
	for (; i < 5; i++) {
		e[i] = mempool_alloc(pool, GFP_NOWAIT);
		lab_expect(e[i] != NULL);
		lab_expect_eq(pool->curr_nr, 4 - i);
	}
	lab_expect(mempool_alloc(pool, GFP_NOWAIT) == NULL);
	lab_expect(mempool_alloc(pool, GFP_ATOMIC) == NULL);
	/* Frees refill the reserve first. */
	for (i = 0; i < 5; i++) {
		mempool_free(e[i], pool);
		lab_expect_eq(pool->curr_nr, i < 3 ? i + 1 : 3);
		lab_expect_eq(atomic_read(&s.frees), i < 3 ? 0 : i - 2);
	}
	mempool_free(NULL, pool);
	mempool_destroy(pool);
	lab_expect_eq(atomic_read(&s.live), 0);
	mempool_destroy(NULL);
}

LAB_TEST(mempool, init_that_fails_leaves_nothing)
{
	struct source s;
	mempool_t pool;
	int left;

	for (left = 0; left <= 4; left++) {
		source_open(&s, left);
		lab_expect_eq(mempool_init(&pool, 4, source_alloc, source_free, &s), left < 4 ? -12 : 0);
		lab_expect_eq(atomic_read(&s.live), left < 4 ? 0 : 4);
		lab_expect_eq(mempool_initialized(&pool), left == 4);
	}
	mempool_exit(&pool);
	mempool_exit(&pool);
	lab_expect_eq(atomic_read(&s.live), 0);
}

struct waiter {
	mempool_t *pool;
	struct completion begun;
	void *got;
};

static int wait_for_element(void *data)
{
	struct waiter *w = data;

	complete(&w->begun);
	w->got = mempool_alloc(w->pool, GFP_NOIO);
	mempool_free(w->got, w->pool);
	return 0;
}

LAB_TEST(mempool, sleeper_is_woken_by_a_free)
{
	static struct waiter w;
	static struct test_task k;
	struct source s;
	void *e;

	source_open(&s, 1);
	w.pool = mempool_create(1, source_alloc, source_free, &s);
	lab_expect(w.pool != NULL);
	w.got = NULL;
	init_completion(&w.begun);
	e = mempool_alloc(w.pool, GFP_NOIO);
	lab_expect(e != NULL);
	test_task_run(&k, wait_for_element, &w, "waiter");
	wait_for_completion(&w.begun);
	yield();
	mempool_free(e, w.pool);
	lab_expect_eq(test_task_join(&k), 0);
	lab_expect(w.got == e);
	mempool_destroy(w.pool);
}

static int fight(void *data)
{
	unsigned int round;

	for (round = 0; round < (lab_test_slow() ? 20u : 200u); round++) {
		unsigned int *e = mempool_alloc(data, GFP_NOIO);

		lab_expect(e != NULL);
		*e = round;
		cond_resched();
		lab_expect_eq(*e, round);
		mempool_free(e, data);
	}
	return 0;
}

/* Tasks that need one element each and share fewer: all get through. Any wake-up lost is a deadlock. */
LAB_TEST(mempool, tasks_share_a_small_reserve)
{
	static struct test_task k[4];
	unsigned int i;
	int nr;

	for (nr = 1; nr <= 3; nr++) {
		struct source s;
		mempool_t *pool;

		source_open(&s, nr);
		pool = mempool_create(nr, source_alloc, source_free, &s);
		lab_expect(pool != NULL);
		for (i = 0; i < 4; i++)
			test_task_run(&k[i], fight, pool, "fight");
		for (i = 0; i < 4; i++)
			lab_expect_eq(test_task_join(&k[i]), 0);
		lab_expect_eq(pool->curr_nr, nr);
		mempool_destroy(pool);
		lab_expect_eq(atomic_read(&s.live), 0);
	}
}

LAB_TEST(mempool, ready_made_kinds)
{
	struct kmem_cache *cache = kmem_cache_create("test-pool", 100, 0, 0, NULL);
	mempool_t slab, bytes, pages;
	void *a, *b;
	struct page *c;

	lab_expect(cache != NULL);
	lab_expect_eq(mempool_init_slab_pool(&slab, 2, cache), 0);
	lab_expect_eq(mempool_init_kmalloc_pool(&bytes, 2, 5000), 0);
	lab_expect_eq(mempool_init_page_pool(&pages, 2, 1), 0);
	lab_expect_eq(kc_cache_live(cache), 2);
	/* The allocators fail: it is the reserves that answer. */
	kc_fault_nth(KC_FAULT_SLAB, 1, 1000);
	kc_fault_nth(KC_FAULT_PAGE, 1, 1000);
	a = mempool_alloc(&slab, GFP_NOIO);
	b = mempool_alloc(&bytes, GFP_NOIO);
	c = mempool_alloc(&pages, GFP_NOIO);
	lab_expect(a && b && c);
	lab_expect_eq(slab.curr_nr + bytes.curr_nr + pages.curr_nr, 3);
	memset(a, 1, 100);
	memset(b, 2, 5000);
	memset(page_address(c), 3, 2 * PAGE_SIZE);
	kc_fault_nth(KC_FAULT_SLAB, 0, 0);
	kc_fault_nth(KC_FAULT_PAGE, 0, 0);
	mempool_free(a, &slab);
	mempool_free(b, &bytes);
	mempool_free(c, &pages);
	mempool_exit(&slab);
	mempool_exit(&bytes);
	mempool_exit(&pages);
	kmem_cache_destroy(cache);
}
