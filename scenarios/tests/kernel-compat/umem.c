// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of mm.c and umem.c: address spaces.
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

#define RW (KC_PROT_READ | KC_PROT_WRITE)

/* Bytes that a program could read at @addr, up to @len. */
static size_t touch(unsigned long addr, size_t len)
{
	static unsigned char buf[4 * 4096];

	lab_expect_le(len, sizeof(buf));
	return host_user_probe_read(buf, addr, len);
}

LAB_TEST(umem, mappings_have_guard_pages)
{
	struct mm_struct *mm = kc_mm_create();
	unsigned long a, b;

	lab_expect(mm != NULL);
	a = kc_mmap(mm, PAGE_SIZE, RW, KC_MAP_POPULATE);
	b = kc_mmap(mm, 2 * PAGE_SIZE, RW, KC_MAP_POPULATE);
	lab_expect(a && b);
	lab_expect_ge(a, mm->kc_start + PAGE_SIZE);
	lab_expect_ge(b, a + 2 * PAGE_SIZE);
	lab_expect(kc_user_alias(mm, a) && !kc_user_alias(mm, a - 1) && !kc_user_alias(mm, a + PAGE_SIZE));
	lab_expect_eq(touch(a, PAGE_SIZE + 1), PAGE_SIZE);
	lab_expect_eq(touch(a - 1, 1), 0);
	lab_expect_eq(touch(b, 2 * PAGE_SIZE + 1), 2 * PAGE_SIZE);
	lab_expect_eq(touch(b - 1, 1), 0);
	kc_mm_destroy(mm);
}

LAB_TEST(umem, user_and_kernel_see_one_memory)
{
	struct mm_struct *mm = kc_mm_create();
	unsigned char buf[64], want[64];
	unsigned long a;

	lab_expect(mm != NULL);
	a = kc_mmap(mm, PAGE_SIZE, RW, KC_MAP_POPULATE);
	lab_expect_ne(a, 0);
	memset(want, 0x5c, sizeof(want));
	memset(buf, 0, sizeof(buf));
	memcpy(kc_user_alias(mm, a + 1000), want, sizeof(want));
	lab_expect_eq(host_user_probe_read(buf, a + 1000, sizeof(buf)), sizeof(buf));
	lab_expect_mem(buf, want, sizeof(want));
	kc_mm_destroy(mm);
}

LAB_TEST(umem, bad_arguments)
{
	struct mm_struct *mm = kc_mm_create();
	unsigned long a;

	lab_expect(mm != NULL);
	lab_expect_eq(kc_mmap(mm, 0, RW, 0), 0);
	lab_expect_eq(kc_mmap(mm, PAGE_SIZE - 1, RW, 0), 0);
	lab_expect_eq(kc_mmap(mm, mm->kc_end - mm->kc_start, RW, 0), 0);
	lab_expect_eq(kc_mmap(mm, mm->kc_end - mm->kc_start - PAGE_SIZE, RW, 0), 0);
	a = kc_mmap(mm, mm->kc_end - mm->kc_start - 2 * PAGE_SIZE, RW, 0);
	lab_expect_ne(a, 0);
	lab_expect_eq(kc_mmap(mm, PAGE_SIZE, RW, 0), 0);
	lab_expect_eq(kc_munmap(mm, a + 1, PAGE_SIZE), -22);
	lab_expect_eq(kc_munmap(mm, a, 0), -22);
	lab_expect_eq(kc_munmap(mm, a, PAGE_SIZE + 1), -22);
	lab_expect_eq(kc_munmap(mm, mm->kc_start - PAGE_SIZE, PAGE_SIZE), -22);
	lab_expect_eq(kc_munmap(mm, mm->kc_end, PAGE_SIZE), -22);
	lab_expect_eq(kc_munmap(mm, mm->kc_end - PAGE_SIZE, 2 * PAGE_SIZE), -22);
	lab_expect_eq(kc_mprotect(mm, a - PAGE_SIZE, 2 * PAGE_SIZE, RW), -12);
	lab_expect_eq(kc_munmap(mm, mm->kc_start, mm->kc_end - mm->kc_start), 0);
	lab_expect_eq(mm->kc_nr_vmas, 0);
	kc_mm_destroy(mm);
}

LAB_TEST(umem, addresses_are_reused_late_and_with_guards)
{
	struct mm_struct *mm = kc_mm_create();
	unsigned long a, b, top;
	size_t rest;

	lab_expect(mm != NULL);
	a = kc_mmap(mm, 4 * PAGE_SIZE, RW, 0);
	b = kc_mmap(mm, PAGE_SIZE, RW, 0);
	lab_expect(a && b);
	lab_expect_eq(kc_munmap(mm, a, 4 * PAGE_SIZE), 0);
	/* There is room above: the hole stays a hole. */
	lab_expect_gt(kc_mmap(mm, PAGE_SIZE, RW, 0), b);
	top = b + 3 * PAGE_SIZE;
	rest = mm->kc_end - top - 2 * PAGE_SIZE;
	lab_expect_ne(kc_mmap(mm, rest, RW, 0), 0);
	/* There is none: the hole has room for itself and no more. */
	lab_expect_eq(kc_mmap(mm, 5 * PAGE_SIZE, RW, 0), 0);
	lab_expect_eq(kc_mmap(mm, 4 * PAGE_SIZE, RW, 0), a);
	lab_expect_eq(kc_mmap(mm, PAGE_SIZE, RW, 0), 0);
	lab_expect_eq(kc_munmap(mm, a, 4 * PAGE_SIZE), 0);
	lab_expect_eq(kc_mmap(mm, 2 * PAGE_SIZE, RW, 0), a);
	lab_expect_eq(kc_mmap(mm, PAGE_SIZE, RW, 0), a + 3 * PAGE_SIZE);
	lab_expect_eq(kc_mmap(mm, PAGE_SIZE, RW, 0), 0);
	kc_mm_destroy(mm);
}

LAB_TEST(umem, pages_come_when_they_are_used)
{
	struct mm_struct *mm = kc_mm_create();
	unsigned long a, i, before;
	unsigned char byte = 0xee;

	lab_expect(mm != NULL);
	current->mm = mm;
	a = kc_mmap(mm, 8 * PAGE_SIZE, RW, 0);
	lab_expect_ne(a, 0);
	before = kc_ram_free_pages();
	for (i = 0; i < 8; i++)
		lab_expect(!kc_user_alias(mm, a + i * PAGE_SIZE));
	lab_expect_eq(copy_from_user_inatomic(&byte, (void __user *)(a + 3 * PAGE_SIZE), 1), 1);
	lab_expect_eq(copy_from_user(&byte, (void __user *)(a + 3 * PAGE_SIZE), 1), 0);
	lab_expect_eq(byte, 0);
	lab_expect_eq(before - kc_ram_free_pages(), 1);
	for (i = 0; i < 8; i++)
		lab_expect_eq(kc_user_alias(mm, a + i * PAGE_SIZE) != NULL, i == 3);
	lab_expect_eq(touch(a + 3 * PAGE_SIZE, PAGE_SIZE + 1), PAGE_SIZE);
	lab_expect_eq(fault_in_readable((char __user *)a + PAGE_SIZE - 1, 2), 0);
	lab_expect_eq(before - kc_ram_free_pages(), 3);
	lab_expect_eq(touch(a, 2 * PAGE_SIZE + 1), 2 * PAGE_SIZE);
	kc_mm_destroy(mm);
	lab_expect(current->mm == NULL);
}

LAB_TEST(umem, population_that_fails)
{
	struct mm_struct *mm = kc_mm_create();
	unsigned char byte;
	unsigned long a;
	u64 nth;

	lab_expect(mm != NULL);
	current->mm = mm;
	a = kc_mmap(mm, PAGE_SIZE, RW, 0);
	lab_expect_ne(a, 0);
	kc_fault_nth(KC_FAULT_PAGE, 1, 1);
	lab_expect_eq(copy_from_user(&byte, (void __user *)a, 1), 1);
	lab_expect_eq(copy_from_user(&byte, (void __user *)a, 1), 0);
	for (nth = 1; nth <= 3; nth++) {
		unsigned long before = kc_ram_free_pages();

		/* Three blocks are needed; every attempt at one fails from the nth on. */
		kc_fault_nth(KC_FAULT_PAGE, nth, 100);
		lab_expect_eq(kc_mmap(mm, 2500 * PAGE_SIZE, RW, KC_MAP_POPULATE), 0);
		kc_fault_nth(KC_FAULT_PAGE, 0, 0);
		lab_expect_le(before - kc_ram_free_pages(), 8);
	}
	lab_expect_ne(kc_mmap(mm, 2500 * PAGE_SIZE, RW, KC_MAP_POPULATE), 0);
	kc_fault_nth(KC_FAULT_SLAB, 1, 1);
	lab_expect_eq(kc_mmap(mm, PAGE_SIZE, RW, 0), 0);
	lab_expect_eq(mm->kc_nr_vmas, 2);
	kc_mm_destroy(mm);
}

LAB_TEST(umem, protection_follows_on_both_sides)
{
	struct mm_struct *mm = kc_mm_create();
	unsigned long a, i;
	unsigned char byte = 1;

	lab_expect(mm != NULL);
	current->mm = mm;
	a = kc_mmap(mm, 5 * PAGE_SIZE, RW, KC_MAP_POPULATE);
	lab_expect_ne(a, 0);
	lab_expect_eq(mm->kc_nr_runs, 1);
	lab_expect_eq(kc_mprotect(mm, a + PAGE_SIZE, PAGE_SIZE, KC_PROT_READ), 0);
	lab_expect_eq(kc_mprotect(mm, a + 3 * PAGE_SIZE, PAGE_SIZE, 0), 0);
	lab_expect_eq(mm->kc_nr_vmas, 5);
	lab_expect_eq(mm->kc_nr_runs, 5);
	for (i = 0; i < 5; i++) {
		void __user *u = (void __user *)(a + i * PAGE_SIZE);

		lab_expect_eq(copy_to_user(u, &byte, 1), i == 1 || i == 3);
		lab_expect_eq(copy_from_user(&byte, u, 1), i == 3);
		byte = 1;
		lab_expect_eq(touch(a + i * PAGE_SIZE, 1), i != 3);
	}
	/* The frame was kept: its contents come back with the access. */
	*(unsigned char *)kc_user_alias(mm, a + 3 * PAGE_SIZE) = 77;
	lab_expect_eq(kc_mprotect(mm, a, 5 * PAGE_SIZE, RW), 0);
	/* One host mapping again, since the frames are in a row. */
	lab_expect_eq(mm->kc_nr_runs, 1);
	lab_expect_eq(copy_from_user(&byte, (void __user *)(a + 3 * PAGE_SIZE), 1), 0);
	lab_expect_eq(byte, 77);
	lab_expect_eq(touch(a, 4 * PAGE_SIZE), 4 * PAGE_SIZE);
	kc_mm_destroy(mm);
}

LAB_TEST(umem, unmapping_a_part)
{
	struct mm_struct *mm = kc_mm_create();
	unsigned long a, i, before;

	lab_expect(mm != NULL);
	a = kc_mmap(mm, 7 * PAGE_SIZE, RW, KC_MAP_CONTIG);
	lab_expect_ne(a, 0);
	before = kc_ram_free_pages();
	lab_expect_eq(kc_munmap(mm, a + 2 * PAGE_SIZE, 3 * PAGE_SIZE), 0);
	lab_expect_eq(kc_munmap(mm, a + 2 * PAGE_SIZE, 3 * PAGE_SIZE), 0);
	lab_expect_eq(mm->kc_nr_vmas, 2);
	lab_expect_eq(mm->kc_nr_runs, 2);
	lab_expect_eq(kc_ram_free_pages() - before, 3);
	for (i = 0; i < 7; i++) {
		lab_expect_eq(kc_user_alias(mm, a + i * PAGE_SIZE) != NULL, i < 2 || i > 4);
		lab_expect_eq(touch(a + i * PAGE_SIZE, 1), i < 2 || i > 4);
	}
	lab_expect_eq(kc_munmap(mm, a, 7 * PAGE_SIZE), 0);
	lab_expect_eq(mm->kc_nr_vmas, 0);
	lab_expect_eq(mm->kc_nr_runs, 0);
	kc_mm_destroy(mm);
}

static unsigned int count_contiguous(struct mm_struct *mm, unsigned long a, unsigned long nr)
{
	unsigned int contiguous = 0;
	unsigned long i;

	for (i = 1; i < nr; i++)
		if ((char *)kc_user_alias(mm, a + i * PAGE_SIZE) ==
		    (char *)kc_user_alias(mm, a + (i - 1) * PAGE_SIZE) + PAGE_SIZE)
			contiguous++;
	return contiguous;
}

LAB_TEST(umem, frames_are_contiguous_by_default)
{
	struct mm_struct *mm = kc_mm_create();
	unsigned long a;

	lab_expect(mm != NULL);
	a = kc_mmap(mm, 256 * PAGE_SIZE, RW, KC_MAP_POPULATE);
	lab_expect_ne(a, 0);
	lab_expect_eq(count_contiguous(mm, a, 256), 255);
	lab_expect_eq(mm->kc_nr_runs, 1);
	a = kc_mmap(mm, 1500 * PAGE_SIZE, RW, KC_MAP_CONTIG);
	lab_expect_ne(a, 0);
	lab_expect_eq(count_contiguous(mm, a, 1500), 1499);
	kc_mm_destroy(mm);
}

LAB_TEST_FLAGS(umem, frames_are_never_contiguous_when_permuted, LAB_TEST_F_PERMUTED)
{
	struct mm_struct *mm = kc_mm_create();
	unsigned long a, b, i;

	lab_expect(mm != NULL);
	current->mm = mm;
	a = kc_mmap(mm, 300 * PAGE_SIZE, RW, KC_MAP_POPULATE);
	lab_expect_ne(a, 0);
	lab_expect_eq(count_contiguous(mm, a, 300), 0);
	lab_expect_eq(mm->kc_nr_runs, 300);
	/* Populated one by one, in an order that meets both neighbours. */
	b = kc_mmap(mm, 256 * PAGE_SIZE, RW, 0);
	lab_expect_ne(b, 0);
	for (i = 0; i < 256; i++)
		lab_expect_eq(fault_in_writeable((char __user *)b + (i * 37 % 256) * PAGE_SIZE, 1), 0);
	lab_expect_eq(count_contiguous(mm, b, 256), 0);
	b = kc_mmap(mm, 64 * PAGE_SIZE, RW, KC_MAP_CONTIG);
	lab_expect_ne(b, 0);
	lab_expect_eq(count_contiguous(mm, b, 64), 63);
	kc_mm_destroy(mm);
}

LAB_TEST(umem, address_spaces_end_at_the_limit)
{
	struct mm_struct *mm[KC_MM_MAX];
	unsigned int i;

	for (i = 0; i < KC_MM_MAX; i++) {
		mm[i] = kc_mm_create();
		lab_expect(mm[i] != NULL);
		lab_expect_ge(mm[i]->kc_start, HOST_USER_BASE);
		lab_expect_le(mm[i]->kc_end, HOST_USER_BASE + HOST_USER_BYTES);
		if (i)
			lab_expect_ge(mm[i]->kc_start, mm[i - 1]->kc_end);
	}
	lab_expect(kc_mm_create() == NULL);
	kc_mm_destroy(mm[1]);
	mm[1] = kc_mm_create();
	lab_expect(mm[1] != NULL);
	for (i = 0; i < KC_MM_MAX; i++)
		kc_mm_destroy(mm[i]);
}

LAB_TEST(umem, sized_address_spaces_share_the_window)
{
	static struct mm_struct *mm[KC_MM_MAX_SIZED];
	struct mm_struct *large = kc_mm_create();
	unsigned int i, k;

	lab_expect(large != NULL);
	lab_expect(kc_mm_create_sized(0) == NULL);
	lab_expect(kc_mm_create_sized(HOST_USER_BYTES + 1) == NULL);
	lab_expect(kc_mm_create_sized(HOST_USER_BYTES) == NULL);
	for (i = 0; i < KC_MM_MAX_SIZED; i++) {
		mm[i] = kc_mm_create_sized(3 * PAGE_SIZE - 1);
		lab_expect(mm[i] != NULL);
		lab_expect_eq(mm[i]->kc_end - mm[i]->kc_start, 3 * PAGE_SIZE);
		lab_expect_ge(mm[i]->kc_start, large->kc_end);
		lab_expect_le(mm[i]->kc_end, HOST_USER_BASE + HOST_USER_BYTES);
		for (k = 0; k < i; k++)
			lab_expect(mm[k]->kc_start >= mm[i]->kc_end || mm[k]->kc_end <= mm[i]->kc_start);
		lab_expect_ne(kc_mmap(mm[i], PAGE_SIZE, RW, i % 2 ? KC_MAP_POPULATE : 0), 0);
		lab_expect_eq(kc_mmap(mm[i], PAGE_SIZE, RW, 0), 0);
	}
	lab_expect(kc_mm_create_sized(PAGE_SIZE) == NULL);
	for (i = 0; i < KC_MM_MAX_SIZED; i++)
		kc_mm_destroy(mm[i]);
	kc_mm_destroy(large);
	large = kc_mm_create_sized(HOST_USER_BYTES);
	lab_expect(large != NULL);
	lab_expect(kc_mm_create() == NULL);
	kc_mm_destroy(large);
}

static void map_all_runs(void *arg)
{
	struct mm_struct *mm = kc_mm_create();
	unsigned long a;
	unsigned char byte;

	lab_expect(mm != NULL);
	current->mm = mm;
	a = kc_mmap(mm, (KC_MM_MAX_RUNS - 1) * PAGE_SIZE, RW, KC_MAP_POPULATE);
	lab_expect_ne(a, 0);
	lab_expect_eq(mm->kc_nr_runs, KC_MM_MAX_RUNS - 1);
	lab_expect_eq(kc_mmap(mm, 2 * PAGE_SIZE, RW, KC_MAP_POPULATE), 0);
	a = kc_mmap(mm, 2 * PAGE_SIZE, RW, 0);
	lab_expect_ne(a, 0);
	lab_expect_eq(copy_from_user(&byte, (void __user *)a, 1), 0);
	lab_expect_eq(copy_from_user(&byte, (void __user *)(a + PAGE_SIZE), 1), 1);
	lab_expect_eq(kc_mprotect(mm, a, PAGE_SIZE, KC_PROT_READ), -12);
	lab_expect_eq(kc_munmap(mm, a, 2 * PAGE_SIZE), 0);
	kc_mm_destroy(mm);
	*(unsigned int *)arg = 1;
}

LAB_TEST_BARE(umem, host_mappings_end_at_the_limit)
{
	struct kc_world_opts opts = { .ram_bytes = 128UL << 20, .frames_permuted = true };
	unsigned int done = 0;
	int bad = -1;

	if (lab_test_slow())
		lab_test_skip("15 k mappings are too many for a run of few rounds");
	lab_expect_eq(kc_run(false, 1, &opts, map_all_runs, &done, &bad), KC_RUN_DONE);
	lab_expect_eq(bad, 0);
	lab_expect_eq(done, 1);
}

static void leave_an_mm(void *arg)
{
	struct mm_struct *mm = kc_mm_create();

	kc_mmap(mm, 3 * PAGE_SIZE, RW, KC_MAP_POPULATE);
}

static void leave_in_a_child(void *arg)
{
	int bad = -1;

	kc_run(false, 1, NULL, leave_an_mm, NULL, &bad);
	/* And it does not reach into the next world. */
	if (touch(HOST_USER_BASE + PAGE_SIZE, 1))
		bad = 99;
	host_exit(bad);
}

LAB_TEST_BARE(umem, address_space_left_over_is_counted)
{
	lab_expect_eq(lab_test_fork(leave_in_a_child, NULL), 1);
	lab_expect(lab_test_fork_said("1 x address space"));
}
