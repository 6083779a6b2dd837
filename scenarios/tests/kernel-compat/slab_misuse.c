// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of slab-debug.c: misuse of objects stops a check build, in words.
 */
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <kc/world.h>
#include "host.h"
#include "lab_test.h"

#ifdef KC_DEBUG
static unsigned char *volatile victim;
static volatile unsigned char sink;

/* memcheck would print the access and go on; these tests are about our own checks. ASan is left to stop. */
static void hide_from_memcheck(const void *p)
{
#ifdef KC_VALGRIND
	host_mem_defined(p, 1);
#endif
}

static void overrun(void *arg)
{
	victim = kmalloc(100, GFP_KERNEL);
	hide_from_memcheck(victim + 100);
	victim[100] = 1;
	kfree(victim);
}

static void underrun(void *arg)
{
	victim = kmalloc(100, GFP_KERNEL);
	hide_from_memcheck(victim - 1);
	victim[-1] = 1;
	kfree(victim);
}

static void write_after_free(void *arg)
{
	victim = kmalloc(100, GFP_KERNEL);
	kfree(victim);
	hide_from_memcheck(victim + 50);
	victim[50] = 1;
}

static void free_twice(void *arg)
{
	victim = kmalloc(100, GFP_KERNEL);
	kfree(victim);
	kfree(victim);
}

static void free_the_middle(void *arg)
{
	victim = kmalloc(100, GFP_KERNEL);
	kfree(victim + 8);
}

static void free_to_another_cache(void *arg)
{
	struct kmem_cache *a = kmem_cache_create("test-a", 64, 0, 0, NULL);
	struct kmem_cache *b = kmem_cache_create("test-b", 64, 0, 0, NULL);

	kmem_cache_free(b, kmem_cache_alloc(a, GFP_KERNEL));
}

static void sleep_in_atomic(void *arg)
{
	static DEFINE_SPINLOCK(lock);

	spin_lock(&lock);
	kfree(kmalloc(8, GFP_KERNEL));
	spin_unlock(&lock);
}

static void run_in_a_world(void *fn)
{
	int bad = 0;

	kc_run(false, 1, NULL, fn, NULL, &bad);
	host_exit(0);
}

static void expect_death(void (*fn)(void *arg), const char *text)
{
	lab_expect_ne(lab_test_fork(run_in_a_world, fn), 0);
#if !defined(__SANITIZE_ADDRESS__)
	lab_expect(lab_test_fork_said(text));
#endif
}

LAB_TEST_BARE(slab, overrun_stops_a_check_build)
{
	expect_death(overrun, "past the end of an object of 100 bytes taken at");
}

LAB_TEST_BARE(slab, underrun_stops_a_check_build)
{
	expect_death(underrun, "written 1 bytes before an object of 100 bytes taken at");
}

/* Without ASan it is the world's audit that finds it. */
LAB_TEST_BARE(slab, write_after_free_stops_a_check_build)
{
	expect_death(write_after_free, "byte 50 of an object written after it was freed");
}

LAB_TEST_BARE(slab, bad_frees_stop_a_check_build)
{
	expect_death(free_twice, "freed twice");
	expect_death(free_the_middle, "not the start of an object");
	expect_death(free_to_another_cache, "freed an object of test-a");
}

LAB_TEST_BARE(slab, sleeping_allocation_in_atomic_stops_a_check_build)
{
	lab_expect_ne(lab_test_fork(run_in_a_world, sleep_in_atomic), 0);
}

#ifdef __SANITIZE_ADDRESS__
static void read_after_free(void *arg)
{
	victim = kmalloc(100, GFP_KERNEL);
	kfree(victim);
	sink = victim[50];
}

LAB_TEST_BARE(slab, read_after_free_stops_under_asan)
{
	lab_expect_ne(lab_test_fork(run_in_a_world, read_after_free), 0);
	lab_expect(lab_test_fork_said("AddressSanitizer"));
}
#endif
#endif
