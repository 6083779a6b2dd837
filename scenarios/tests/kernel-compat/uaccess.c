// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of uaccess.c, the differential test of the soft walk among them.
 */
#include <linux/mm.h>
#include <linux/preempt.h>
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
#define U(addr) ((void __user *)(addr))

static struct mm_struct *mm_here(void)
{
	struct mm_struct *mm = kc_mm_create();

	lab_expect(mm != NULL);
	current->mm = mm;
	return mm;
}

LAB_TEST(uaccess, range_check)
{
	lab_expect(access_ok(NULL, 0) && access_ok(NULL, TASK_SIZE_MAX));
	lab_expect(!access_ok(NULL, TASK_SIZE_MAX + 1));
	lab_expect(access_ok(U(TASK_SIZE_MAX - 1), 1) && !access_ok(U(TASK_SIZE_MAX - 1), 2));
	lab_expect(access_ok(U(TASK_SIZE_MAX), 0) && !access_ok(U(TASK_SIZE_MAX + 1), 0));
	lab_expect(!access_ok(U(-1UL), 1) && !access_ok(U(-1UL), 2) && !access_ok(U(1), -1UL));
	lab_expect(!access_ok((void __user *)kc_ram_base, 0) && !access_ok((void __user *)kc_ram_base, 1));
}

/* A copy ends at the byte at which the page with no access begins. */
LAB_TEST(uaccess, stops_at_the_exact_byte)
{
	static unsigned char buf[3 * 4096], want[3 * 4096];
	struct mm_struct *mm = mm_here();
	unsigned long a = kc_mmap(mm, 2 * PAGE_SIZE, RW, KC_MAP_POPULATE), end = a + 2 * PAGE_SIZE;
	static const unsigned long before[] = { 0, 1, 2, 511, 512, 4095, 4096, 4097, 8191, 8192 };
	unsigned int i, extra;

	lab_expect_ne(a, 0);
	memset(kc_user_alias(mm, a), 0x77, PAGE_SIZE);
	memset(kc_user_alias(mm, a + PAGE_SIZE), 0x77, PAGE_SIZE);
	for (i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
		for (extra = 0; extra < 3; extra++) {
			unsigned long n = before[i] + extra;

			memset(buf, 0xa5, sizeof(buf));
			memset(want, 0xa5, sizeof(want));
			memset(want, 0x77, before[i]);
			lab_expect_eq(copy_from_user_inatomic(buf, U(end - before[i]), n), extra);
			lab_expect_mem(buf, want, sizeof(buf));
			/* This one zeroes what it could not have. */
			memset(want + before[i], 0, extra);
			lab_expect_eq(copy_from_user(buf, U(end - before[i]), n), extra);
			lab_expect_mem(buf, want, sizeof(buf));
			lab_expect_eq(fault_in_readable((char __user *)end - before[i], n), extra);
			lab_expect_eq(fault_in_writeable((char __user *)end - before[i], n), extra);
			lab_expect_eq(copy_to_user(U(end - before[i]), want, n), extra);
			lab_expect_eq(copy_to_user_inatomic(U(end - before[i]), want, n), extra);
		}
	}
	lab_expect_eq(clear_user(U(a + 1), 2 * PAGE_SIZE), 1);
	memset(want, 0, sizeof(want));
	lab_expect_mem((char *)kc_user_alias(mm, a) + 1, want, PAGE_SIZE - 1);
	lab_expect_mem(kc_user_alias(mm, a + PAGE_SIZE), want, PAGE_SIZE);
	lab_expect_eq(*(unsigned char *)kc_user_alias(mm, a), 0x77);
	kc_mm_destroy(mm);
}

LAB_TEST(uaccess, kernel_addresses_are_refused)
{
	struct mm_struct *mm = mm_here();
	unsigned long page = __get_free_page(GFP_KERNEL | __GFP_ZERO);
	unsigned char buf[16], want[16];

	lab_expect_ne(page, 0);
	memset(buf, 1, sizeof(buf));
	memset(want, 0, sizeof(want));
	lab_expect_eq(copy_to_user(U(page), buf, 16), 16);
	lab_expect_eq(copy_to_user_inatomic(U(page), buf, 16), 16);
	lab_expect_eq(clear_user(U(page), 16), 16);
	lab_expect_mem((void *)page, want, 16);
	lab_expect_eq(copy_from_user_inatomic(buf, U(page), 16), 16);
	lab_expect_eq(buf[0], 1);
	lab_expect_eq(copy_from_user(buf, U(page), 16), 16);
	lab_expect_mem(buf, want, 16);
	lab_expect_eq(copy_from_user(buf, U(&buf), 16), 16);
	lab_expect_eq(fault_in_readable((char __user *)page, 16), 16);
	lab_expect_eq(fault_in_writeable((char __user *)page, 16), 16);
	lab_expect_eq(copy_from_user(buf, NULL, 1), 1);
	lab_expect_eq(copy_from_user(buf, U(TASK_SIZE_MAX - 8), 16), 16);
	lab_expect_eq(fault_in_readable(NULL, 0), 0);
	free_page(page);
	kc_mm_destroy(mm);
}

LAB_TEST(uaccess, disabled_faults_populate_nothing)
{
	struct mm_struct *mm = mm_here();
	unsigned long a = kc_mmap(mm, 2 * PAGE_SIZE, RW, 0);
	unsigned char buf[2] = { 1, 1 };

	lab_expect_ne(a, 0);
	pagefault_disable();
	lab_expect(pagefault_disabled());
	lab_expect_eq(copy_from_user(buf, U(a), 2), 2);
	lab_expect_eq(copy_to_user(U(a), buf, 2), 2);
	lab_expect_eq(clear_user(U(a), 2), 2);
	lab_expect(kc_user_alias(mm, a) == NULL);
	pagefault_enable();
	lab_expect(!pagefault_disabled());
	lab_expect_eq(fault_in_readable((char __user *)a, 1), 0);
	pagefault_disable();
	lab_expect_eq(copy_from_user(buf, U(a + PAGE_SIZE - 1), 2), 1);
	pagefault_enable();
	lab_expect_eq(copy_from_user(buf, U(a + PAGE_SIZE - 1), 2), 0);
	kc_mm_destroy(mm);
}

LAB_TEST(uaccess, writes_make_pages_dirty)
{
	struct mm_struct *mm = mm_here();
	unsigned long a = kc_mmap(mm, 5 * PAGE_SIZE, RW, KC_MAP_POPULATE), i;
	unsigned char byte = 3;

	lab_expect_ne(a, 0);
	lab_expect_eq(copy_from_user(&byte, U(a), 1), 0);
	lab_expect_eq(fault_in_readable((char __user *)a, 1), 0);
	lab_expect_eq(copy_to_user(U(a + PAGE_SIZE), &byte, 1), 0);
	lab_expect_eq(clear_user(U(a + 2 * PAGE_SIZE), 1), 0);
	lab_expect_eq(fault_in_writeable((char __user *)a + 3 * PAGE_SIZE, 1), 0);
	for (i = 0; i < 5; i++)
		lab_expect_eq(kc_user_dirty(mm, a + i * PAGE_SIZE), i >= 1 && i <= 3);
	kc_mm_destroy(mm);
}

LAB_TEST(uaccess, ordered_fault_at_every_byte)
{
	struct mm_struct *mm = mm_here();
	unsigned long a = kc_mmap(mm, PAGE_SIZE, RW, KC_MAP_POPULATE), n;
	unsigned char buf[20], user[20];

	lab_expect_ne(a, 0);
	for (n = 0; n <= 20; n++) {
		memset(kc_user_alias(mm, a), 0, 20);
		memset(buf, 0xcc, sizeof(buf));
		memset(user, 0, sizeof(user));
		memset(user, 0xcc, n);
		kc_fault_nth(KC_FAULT_UCOPY, n + 1, 1);
		lab_expect_eq(copy_to_user(U(a), buf, 20), 20 - n);
		lab_expect_mem(kc_user_alias(mm, a), user, 20);
		kc_fault_nth(KC_FAULT_UCOPY, 0, 0);
	}
	kc_mm_destroy(mm);
}

#if LAB_WITH_PROBES
LAB_TEST(uaccess, bytes_are_counted)
{
	struct mm_struct *mm = mm_here();
	unsigned long a = kc_mmap(mm, PAGE_SIZE, RW, KC_MAP_POPULATE);
	static unsigned char buf[8192];
	struct kc_probes before, after;

	lab_expect_ne(a, 0);
	kc_probes_read(&before);
	lab_expect_eq(copy_from_user(buf, U(a + 1), 8192), 4097);
	lab_expect_eq(copy_to_user(U(a), buf, 100), 0);
	lab_expect_eq(clear_user(U(a), 10), 0);
	lab_expect_eq(copy_to_user(NULL, buf, 100), 100);
	lab_expect_eq(fault_in_readable((char __user *)a, 100), 0);
	kc_probes_read(&after);
	lab_expect_eq(after.n[LAB_UPPER][LAB_COPY_BYTES] - before.n[LAB_UPPER][LAB_COPY_BYTES],
		      4095 + 100 + 10);
	lab_expect_eq(after.n[LAB_UPPER][LAB_PAGE_REF] - before.n[LAB_UPPER][LAB_PAGE_REF], 0);
	kc_mm_destroy(mm);
}
#endif

/* --- the soft walk against the real thing ---------------------------------------------------------- */

#define AREAS 6
#define AREA_PAGES 5

struct layout {
	struct mm_struct *mm;
	unsigned long addr[AREAS];
	u64 rnd;
};

static u64 pick(struct layout *l, u64 below)
{
	l->rnd = l->rnd * 6364136223846793005ull + 1442695040888963407ull;
	return (l->rnd >> 33) % below;
}

static void change_layout(struct layout *l)
{
	static const int prots[] = { 0, KC_PROT_READ, KC_PROT_WRITE, RW };
	unsigned int i = pick(l, AREAS);
	unsigned long at = pick(l, AREA_PAGES), len = 1 + pick(l, AREA_PAGES - at), k;
	unsigned long addr = l->addr[i] + at * PAGE_SIZE;
	int prot = prots[pick(l, 4)];

	switch (pick(l, 4)) {
	case 0:
		if (l->addr[i])
			lab_expect_eq(kc_munmap(l->mm, l->addr[i], AREA_PAGES * PAGE_SIZE), 0);
		l->addr[i] = kc_mmap(l->mm, AREA_PAGES * PAGE_SIZE, prot, pick(l, 2) ? KC_MAP_POPULATE : 0);
		lab_expect_ne(l->addr[i], 0);
		for (k = 0; k < AREA_PAGES; k++) {
			void *p = kc_user_alias(l->mm, l->addr[i] + k * PAGE_SIZE);

			if (p)
				memset(p, pick(l, 256), PAGE_SIZE);
		}
		break;
	case 1:
		if (l->addr[i])
			lab_expect_eq(kc_munmap(l->mm, addr, len * PAGE_SIZE), 0);
		break;
	case 2:
		/* Refused where a page of it is gone; the rest must not change then. */
		if (l->addr[i])
			kc_mprotect(l->mm, addr, len * PAGE_SIZE, prot);
		break;
	case 3:
		if (l->addr[i])
			fault_in_readable((char __user *)addr, len * PAGE_SIZE);
		break;
	}
}

static void compare_once(struct layout *l)
{
	static unsigned char soft[8 * 4096], real[8 * 4096];
	unsigned int i = pick(l, AREAS);
	unsigned long from, len;
	size_t got;

	if (!l->addr[i])
		return;
	from = l->addr[i] - PAGE_SIZE + pick(l, (AREA_PAGES + 1) * PAGE_SIZE);
	len = 1 + pick(l, pick(l, 2) ? sizeof(soft) - 1 : 64);
	memset(soft, 0xa5, sizeof(soft));
	memset(real, 0xa5, sizeof(real));
	got = len - copy_from_user_inatomic(soft, U(from), len);
	lab_expect_eq(got, host_user_probe_read(real, from, len));
	lab_expect_mem(soft, real, sizeof(soft));
}

static void differential(void)
{
	struct layout l = { .mm = mm_here(), .rnd = lab_test_base_seed() };
	unsigned int round, rounds = lab_test_slow() ? 150 : 2000;

	lab_test_seed(l.rnd);
	for (round = 0; round < rounds; round++) {
		change_layout(&l);
		compare_once(&l);
		compare_once(&l);
	}
	kc_mm_destroy(l.mm);
}

LAB_TEST(uaccess, soft_walk_reads_what_the_program_reads)
{
	differential();
}

LAB_TEST_FLAGS(uaccess, soft_walk_reads_what_the_program_reads_permuted, LAB_TEST_F_PERMUTED)
{
	differential();
}

/* Populate where a fault may be handled, and only there; check the range; zero nothing. */
LAB_TEST(uaccess, raw_copies_are_what_instructions_do)
{
	struct mm_struct *mm = mm_here();
	unsigned long a = kc_mmap(mm, 4 * PAGE_SIZE, RW, 0);
	unsigned char buf[8];

	lab_expect_ne(a, 0);
	memset(buf, 0xa5, sizeof(buf));
	pagefault_disable();
	lab_expect_eq(raw_copy_from_user(buf, U(a), 8), 8);
	lab_expect_eq(raw_copy_to_user(U(a), buf, 8), 8);
	pagefault_enable();
#ifdef KC_DEBUG
	preempt_disable();
	lab_expect_eq(raw_copy_from_user(buf, U(a), 8), 8);
	preempt_enable();
#endif
	lab_expect(!kc_user_alias(mm, a));
	lab_expect_eq(buf[0], 0xa5);
	lab_expect_eq(raw_copy_to_user(U(a + PAGE_SIZE - 3), buf, 8), 0);
	lab_expect_eq(raw_copy_from_user(buf, U(a + PAGE_SIZE - 6), 8), 0);
	lab_expect_eq(buf[2], 0);
	lab_expect_eq(buf[3], 0xa5);
	lab_expect_eq(kc_munmap(mm, a + PAGE_SIZE, PAGE_SIZE), 0);
	memset(buf, 0x5a, sizeof(buf));
	lab_expect_eq(raw_copy_from_user(buf, U(a + PAGE_SIZE - 2), 8), 6);
	lab_expect_eq(buf[1], 0xa5);
	lab_expect_eq(buf[2], 0x5a);
	lab_expect_eq(__copy_from_user_inatomic_nocache(buf, U(kc_ram_base), 1), 1);
	lab_expect_eq(fault_in_safe_writeable(U(a), 2 * PAGE_SIZE), PAGE_SIZE);
	kc_mm_destroy(mm);
}

static void raw_to_kernel(void *arg)
{
	u8 byte = 0;

	raw_copy_to_user(U(kc_ram_base), &byte, 1);
}

static void raw_from_kernel(void *arg)
{
	u8 byte;

	raw_copy_from_user(&byte, U(kc_ram_base), 1);
}

static void in_a_world(void *fn)
{
	int bad;

	kc_run(false, 1, NULL, (void (*)(void *))fn, NULL, &bad);
}

LAB_TEST_BARE(uaccess, raw_copies_stop_a_caller_that_did_not_check)
{
	lab_expect_eq(lab_test_fork(in_a_world, (void *)raw_to_kernel), LAB_DIED);
	lab_expect(lab_test_fork_said("raw_copy_to_user: the range was not checked"));
	lab_expect_eq(lab_test_fork(in_a_world, (void *)raw_from_kernel), LAB_DIED);
	lab_expect(lab_test_fork_said("raw_copy_from_user: the range was not checked"));
}

LAB_TEST(uaccess, unsafe_get_user_jumps_at_a_fault)
{
	struct mm_struct *mm = mm_here();
	unsigned long a = kc_mmap(mm, PAGE_SIZE, RW, KC_MAP_POPULATE);
	const s32 __user *at;
	s64 val = 0;

	lab_expect_ne(a, 0);
	at = U(a + PAGE_SIZE - sizeof(*at));
	*(s32 *)kc_user_alias(mm, (unsigned long)at) = -5;
	lab_expect(user_access_begin(at, sizeof(*at)));
	unsafe_get_user(val, at, fault);
	lab_expect_eq(val, -5);
	unsafe_get_user(val, at + 1, wanted);
fault:
	lab_expect(false);
wanted:
	user_access_end();
	lab_expect_eq(val, -5);
	lab_expect(!user_access_begin(kc_ram_base, 1));
	kc_mm_destroy(mm);
}
