// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of gup.c: pins.
 */
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <kc/fault.h>
#include <kc/ram.h>
#include <kc/umem.h>
#include <kc/world.h>
#include "host.h"
#include "lab_test.h"
#include "test_task.h"

#define RW (KC_PROT_READ | KC_PROT_WRITE)

static struct mm_struct *mm_here(void)
{
	struct mm_struct *mm = kc_mm_create();

	lab_expect(mm != NULL);
	current->mm = mm;
	return mm;
}

static int errno_is(int ret, int want)
{
	lab_expect_eq(ret, want);
	return ret;
}

#define EFAULT_ (-14)
#define EINVAL_ (-22)
#define ENOMEM_ (-12)

LAB_TEST(gup, pins_are_counted_exactly)
{
	struct mm_struct *mm = mm_here();
	unsigned long a = kc_mmap(mm, 4 * PAGE_SIZE, RW, KC_MAP_POPULATE);
	struct page *page[4], *again[4];
	unsigned int i;

	lab_expect_ne(a, 0);
	memset(page, 0xa5, sizeof(page));
	lab_expect_eq(pin_user_pages_fast(a, 4, FOLL_WRITE, page), 4);
	lab_expect_eq(pin_user_pages_fast(a + 100, 3, 0, again), 3);
	for (i = 0; i < 4; i++) {
		lab_expect(page_address(page[i]) == kc_user_alias(mm, a + i * PAGE_SIZE));
		lab_expect_eq(kc_page_pins(page[i]), i < 3 ? 2 : 1);
		lab_expect_eq(page_count(page[i]), i < 3 ? 3 : 2);
		lab_expect(page_maybe_dma_pinned(page[i]));
	}
	unpin_user_pages(again, 3);
	unpin_user_page(page[0]);
	unpin_user_pages(page + 1, 2);
	lab_expect_eq(kc_page_pins(page[3]), 1);
	unpin_user_pages_dirty_lock(page + 3, 1, true);
	lab_expect(kc_user_dirty(mm, a + 3 * PAGE_SIZE) && !kc_user_dirty(mm, a));
	for (i = 0; i < 4; i++)
		lab_expect_eq(page_count(page[i]), 1);
	kc_mm_destroy(mm);
}

LAB_TEST(gup, access_is_checked)
{
	struct mm_struct *mm = mm_here();
	unsigned long ro = kc_mmap(mm, PAGE_SIZE, KC_PROT_READ, KC_MAP_POPULATE);
	unsigned long none = kc_mmap(mm, PAGE_SIZE, 0, KC_MAP_POPULATE);
	unsigned long lazy_ro = kc_mmap(mm, PAGE_SIZE, KC_PROT_READ, 0);
	struct page *page;

	lab_expect(ro && none && lazy_ro);
	errno_is(pin_user_pages_fast(ro, 1, FOLL_WRITE, &page), EFAULT_);
	errno_is(pin_user_pages_fast(lazy_ro, 1, FOLL_WRITE, &page), EFAULT_);
	lab_expect(kc_user_alias(mm, lazy_ro) == NULL);
	errno_is(pin_user_pages_fast(none, 1, 0, &page), EFAULT_);
	errno_is(pin_user_pages_fast(0, 1, 0, &page), EFAULT_);
	errno_is(pin_user_pages_fast(ro - PAGE_SIZE, 1, 0, &page), EFAULT_);
	errno_is(pin_user_pages_fast(TASK_SIZE_MAX - PAGE_SIZE, 1, 0, &page), EFAULT_);
	errno_is(pin_user_pages_fast(TASK_SIZE_MAX - PAGE_SIZE, 2, 0, &page), EFAULT_);
	errno_is(pin_user_pages_fast(TASK_SIZE_MAX, 1, 0, &page), EFAULT_);
	errno_is(pin_user_pages_fast((unsigned long)kc_ram_base, 1, 0, &page), EFAULT_);
	errno_is(pin_user_pages_fast(-PAGE_SIZE, 1, 0, &page), EFAULT_);
	lab_expect_eq(pin_user_pages_fast(ro, 0, 0, &page), 0);
	lab_expect_eq(pin_user_pages_fast(ro, 1, 0, &page), 1);
	unpin_user_page(page);
	kc_expect_warn("gup_flags", 3);
	errno_is(pin_user_pages_fast(ro, 1, FOLL_FORCE, &page), EINVAL_);
	errno_is(pin_user_pages_fast(ro, 1, FOLL_GET, &page), EINVAL_);
	errno_is(pin_user_pages_fast(ro, -1, 0, &page), EINVAL_);
	kc_mm_destroy(mm);
}

LAB_TEST(gup, partial_success)
{
	struct mm_struct *mm = mm_here();
	unsigned long a = kc_mmap(mm, 6 * PAGE_SIZE, RW, 0);
	struct page *page[6];
	int k;

	lab_expect_ne(a, 0);
	lab_expect_eq(kc_munmap(mm, a + 4 * PAGE_SIZE, PAGE_SIZE), 0);
	for (k = 0; k < 6; k++) {
		int want = k < 4 ? 4 - k : k == 4 ? EFAULT_ : 1, got;

		got = pin_user_pages_fast(a + k * PAGE_SIZE, 6 - k, FOLL_WRITE, page);
		lab_expect_eq(got, want);
		if (got > 0)
			unpin_user_pages(page, got);
	}
	/* Ordered failures: short, and at the first page an error. */
	for (k = 1; k <= 4; k++) {
		int got;

		kc_fault_nth(KC_FAULT_PIN, k, 1);
		got = pin_user_pages_fast(a, 3, 0, page);
		lab_expect_eq(got, k == 1 ? EFAULT_ : k < 4 ? k - 1 : 3);
		if (got > 0)
			unpin_user_pages(page, got);
		kc_fault_nth(KC_FAULT_PIN, 0, 0);
	}
	kc_mm_destroy(mm);
}

LAB_TEST(gup, only_present_pages_without_faults)
{
	struct mm_struct *mm = mm_here();
	unsigned long a = kc_mmap(mm, 3 * PAGE_SIZE, RW, 0);
	struct page *page[3];

	lab_expect_ne(a, 0);
	errno_is(pin_user_pages_fast(a, 3, FOLL_NOFAULT, page), EFAULT_);
	lab_expect_eq(fault_in_writeable((char __user *)a, PAGE_SIZE + 1), 0);
	lab_expect_eq(pin_user_pages_fast(a, 3, FOLL_FAST_ONLY, page), 2);
	unpin_user_pages(page, 2);
	lab_expect_eq(pin_user_pages_fast(a, 3, FOLL_LONGTERM | FOLL_WRITE, page), 3);
	unpin_user_pages(page, 3);
	kc_fault_nth(KC_FAULT_PAGE, 1, 1);
	lab_expect_eq(kc_munmap(mm, a, 3 * PAGE_SIZE), 0);
	a = kc_mmap(mm, PAGE_SIZE, RW, 0);
	errno_is(pin_user_pages_fast(a, 1, 0, page), ENOMEM_);
	kc_mm_destroy(mm);
}

LAB_TEST(gup, frame_outlives_its_mapping_while_pinned)
{
	struct mm_struct *mm = mm_here();
	unsigned long a = kc_mmap(mm, PAGE_SIZE, RW, KC_MAP_POPULATE), b, before;
	unsigned char *p;
	struct page *page;

	lab_expect_ne(a, 0);
	lab_expect_eq(pin_user_pages_fast(a, 1, FOLL_WRITE, &page), 1);
	p = page_address(page);
	memset(p, 0x11, PAGE_SIZE);
	before = kc_ram_free_pages();
	lab_expect_eq(kc_munmap(mm, a, PAGE_SIZE), 0);
	lab_expect_eq(kc_ram_free_pages(), before);
	b = kc_mmap(mm, 64 * PAGE_SIZE, RW, KC_MAP_POPULATE);
	lab_expect_ne(b, 0);
	memset(p, 0x22, PAGE_SIZE);
	lab_expect_eq(p[PAGE_SIZE - 1], 0x22);
	lab_expect_eq(page_count(page), 1);
	before = kc_ram_free_pages();
	unpin_user_pages_dirty_lock(&page, 1, true);
	lab_expect_eq(kc_ram_free_pages() - before, 1);
	kc_mm_destroy(mm);
}

LAB_TEST(gup, frame_outlives_its_address_space_while_pinned)
{
	struct mm_struct *mm = mm_here();
	unsigned long a = kc_mmap(mm, 2 * PAGE_SIZE, RW, KC_MAP_CONTIG);
	struct page *page[2];

	lab_expect_ne(a, 0);
	lab_expect_eq(pin_user_pages_fast(a, 2, FOLL_WRITE, page), 2);
	lab_expect(page[1] == page[0] + 1);
	kc_expect_warn("address space destroyed with 2 pages pinned", 1);
	kc_mm_destroy(mm);
	memset(page_address(page[0]), 1, 2 * PAGE_SIZE);
	unpin_user_page_range_dirty_lock(page[0], 2, true);
}

LAB_TEST(gup, pins_survive_a_change_of_protection)
{
	struct mm_struct *mm = mm_here();
	unsigned long a = kc_mmap(mm, PAGE_SIZE, RW, KC_MAP_POPULATE);
	struct page *page, *other;

	lab_expect_ne(a, 0);
	lab_expect_eq(pin_user_pages_fast(a, 1, FOLL_WRITE, &page), 1);
	lab_expect_eq(kc_mprotect(mm, a, PAGE_SIZE, KC_PROT_READ), 0);
	errno_is(pin_user_pages_fast(a, 1, FOLL_WRITE, &other), EFAULT_);
	memset(page_address(page), 9, PAGE_SIZE);
	unpin_user_page(page);
	kc_mm_destroy(mm);
}

#if LAB_WITH_PROBES
LAB_TEST(gup, pins_are_not_page_references)
{
	struct mm_struct *mm = mm_here();
	unsigned long a = kc_mmap(mm, 8 * PAGE_SIZE, RW, KC_MAP_POPULATE);
	struct kc_probes before, after;
	struct page *page[8];

	lab_expect_ne(a, 0);
	kc_probes_read(&before);
	lab_expect_eq(pin_user_pages_fast(a, 8, FOLL_WRITE, page), 8);
	unpin_user_page_range_dirty_lock(page[0], 8, true);
	kc_probes_read(&after);
	lab_expect_eq(after.n[LAB_UPPER][LAB_PIN_PAGES] - before.n[LAB_UPPER][LAB_PIN_PAGES], 8);
	lab_expect_eq(after.n[LAB_UPPER][LAB_UNPIN_PAGES] - before.n[LAB_UPPER][LAB_UNPIN_PAGES], 8);
	lab_expect_eq(after.n[LAB_UPPER][LAB_PAGE_REF] - before.n[LAB_UPPER][LAB_PAGE_REF], 0);
	lab_expect_eq(after.n[LAB_UPPER][LAB_LOCKS] - before.n[LAB_UPPER][LAB_LOCKS], 0);
	/* One locked instruction a pin, one an unpin, one to set a page dirty. */
	lab_expect_eq(after.n[LAB_UPPER][LAB_ATOMICS] - before.n[LAB_UPPER][LAB_ATOMICS], 8 * 3);
	kc_mm_destroy(mm);
}
#endif

/* --- against munmap ---------------------------------------------------------------------------- */

#define RACE_PAGES 4

struct race {
	struct mm_struct *mm;
	unsigned long addr;		/* of a mapping that comes and goes */
	int stop;
	u64 pinned;
};

static int pin_and_write(void *data)
{
	struct race *r = data;
	struct page *page[RACE_PAGES];
	int i, got;

	current->mm = r->mm;
	while (!READ_ONCE(r->stop)) {
		unsigned long a = READ_ONCE(r->addr);

		got = pin_user_pages_fast(a, RACE_PAGES, FOLL_WRITE, page);
		for (i = 0; i < got; i++) {
			unsigned int *p = page_address(page[i]);

			/* Pinned, so nobody else's: the unmapper's next frames must not show these words. */
			__atomic_store_n(p, 0xdead, __ATOMIC_RELAXED);
		}
		if (got > 0) {
			unpin_user_pages(page, got);
			r->pinned += got;
		}
		cond_resched();
	}
	current->mm = NULL;
	return 0;
}

/*
 * One task maps, looks and unmaps, another pins what it finds. Other pages, taken and freed all the
 * while, stay as they were written: no pin ever reaches a frame that has gone to somebody else.
 */
LAB_TEST(gup, walk_against_munmap)
{
	static struct race r;
	unsigned int round, rounds = lab_test_slow() ? 100 : 1000, i;
	static struct test_task k;
	struct page *mine[8];

	r = (struct race){ .mm = mm_here() };
	test_task_run(&k, pin_and_write, &r, "pinner");
	for (round = 0; round < rounds; round++) {
		unsigned long a = kc_mmap(r.mm, RACE_PAGES * PAGE_SIZE, RW, round % 2 ? KC_MAP_POPULATE : 0);

		lab_expect_ne(a, 0);
		WRITE_ONCE(r.addr, a);
		cond_resched();
		lab_expect_eq(kc_munmap(r.mm, a, RACE_PAGES * PAGE_SIZE), 0);
		for (i = 0; i < 8; i++) {
			mine[i] = alloc_page(GFP_KERNEL);
			lab_expect(mine[i] != NULL);
			*(unsigned int *)page_address(mine[i]) = round;
		}
		cond_resched();
		for (i = 0; i < 8; i++) {
			lab_expect_eq(*(unsigned int *)page_address(mine[i]), round);
			__free_page(mine[i]);
		}
	}
	WRITE_ONCE(r.stop, 1);
	lab_expect_eq(test_task_join(&k), 0);
	kc_mm_destroy(r.mm);
}

static int populate(void *data)
{
	struct race *r = data;
	unsigned int i;

	current->mm = r->mm;
	for (i = 0; i < 64; i++)
		if (fault_in_writeable((char __user *)r->addr + i * PAGE_SIZE, 1))
			r->stop++;
	current->mm = NULL;
	return 0;
}

/* Tasks that fault on the same pages get the same frames: none is lost, none is there twice. */
LAB_TEST(gup, faults_on_one_page_at_a_time)
{
	static struct race r;
	static struct test_task k[3];
	unsigned long before;
	unsigned int i;

	r = (struct race){ .mm = mm_here() };
	r.addr = kc_mmap(r.mm, 64 * PAGE_SIZE, RW, 0);
	lab_expect_ne(r.addr, 0);
	before = kc_ram_free_pages();
	for (i = 0; i < 3; i++)
		test_task_run(&k[i], populate, &r, "populate");
	for (i = 0; i < 3; i++)
		lab_expect_eq(test_task_join(&k[i]), 0);
	lab_expect_eq(r.stop, 0);
	lab_expect_eq(before - kc_ram_free_pages(), 64);
	kc_mm_destroy(r.mm);
}

/* --- what a world's end finds, and what stops it --------------------------------------------------- */

static void leave_pins(void *arg)
{
	struct mm_struct *mm = mm_here();
	unsigned long a = kc_mmap(mm, 3 * PAGE_SIZE, RW, KC_MAP_POPULATE);
	struct page *page[3];

	lab_expect_eq(pin_user_pages_fast(a, 3, 0, page), 3);
	unpin_user_page(page[1]);
	lab_expect_eq(kc_munmap(mm, a, 3 * PAGE_SIZE), 0);
	kc_mm_destroy(mm);
}

static void leave_pins_in_a_child(void *arg)
{
	int bad = -1;

	kc_run(false, 1, NULL, leave_pins, NULL, &bad);
	host_exit(bad);
}

LAB_TEST_BARE(gup, pins_left_over_are_counted)
{
	lab_expect_eq(lab_test_fork(leave_pins_in_a_child, NULL), 2);
	lab_expect(lab_test_fork_said("2 x pinned user page"));
#ifdef KC_DEBUG
	lab_expect(lab_test_fork_said("tests/kernel-compat/gup.c:"));
#endif
}

#ifdef KC_DEBUG
static void unpin_twice(void *arg)
{
	struct mm_struct *mm = mm_here();
	unsigned long a = kc_mmap(mm, PAGE_SIZE, RW, KC_MAP_POPULATE);
	struct page *page;

	pin_user_pages_fast(a, 1, 0, &page);
	unpin_user_page(page);
	unpin_user_page(page);
}

static void unpin_twice_in_a_child(void *arg)
{
	int bad = 0;

	kc_run(false, 1, NULL, unpin_twice, NULL, &bad);
	host_exit(0);
}

LAB_TEST_BARE(gup, unpinning_twice_stops_a_check_build)
{
	lab_expect_eq(lab_test_fork(unpin_twice_in_a_child, NULL), LAB_DIED);
}
#endif

/* References in place of pins: they count as such, keep the frame, and do not make the page dirty. */
LAB_TEST(gup, references_are_no_pins)
{
	struct mm_struct *mm = mm_here();
	unsigned long a = kc_mmap(mm, 3 * PAGE_SIZE, RW, 0);
	struct kc_probes before, after;
	struct page *page[3];
	int i;

	lab_expect_ne(a, 0);
	lab_expect_eq(kc_munmap(mm, a + 2 * PAGE_SIZE, PAGE_SIZE), 0);
	errno_is(get_user_pages_fast(a, 3, FOLL_WRITE | FOLL_NOFAULT, page), EFAULT_);
	kc_probes_own(&before);
	lab_expect_eq(get_user_pages_fast(a, 3, FOLL_WRITE, page), 2);
	kc_probes_own(&after);
#if LAB_WITH_PROBES
	lab_expect_eq(after.n[lab_scope()][LAB_PAGE_REF] - before.n[lab_scope()][LAB_PAGE_REF], 2);
	lab_expect_eq(after.n[lab_scope()][LAB_PIN_PAGES] - before.n[lab_scope()][LAB_PIN_PAGES], 0);
#endif
	for (i = 0; i < 2; i++) {
		lab_expect(page_address(page[i]) == kc_user_alias(mm, a + i * PAGE_SIZE));
		lab_expect_eq(page_count(page[i]), 2);
		lab_expect_eq(kc_page_pins(page[i]), 0);
		lab_expect(!kc_user_dirty(mm, a + i * PAGE_SIZE));
	}
	lab_expect_eq(kc_munmap(mm, a, PAGE_SIZE), 0);
	lab_expect_eq(page_count(page[0]), 1);
	put_page(page[0]);
	put_page(page[1]);
	errno_is(get_user_pages_fast(TASK_SIZE_MAX, 1, 0, page), EFAULT_);
	kc_expect_warn("gup_flags", 1);
	errno_is(get_user_pages_fast(a, 1, FOLL_PIN, page), EINVAL_);
	kc_mm_destroy(mm);
}
