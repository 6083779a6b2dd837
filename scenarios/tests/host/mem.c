// SPDX-License-Identifier: GPL-2.0-only
/*
 * mem.c - tests of RAM, the user window and host_alloc().
 */
#include <errno.h>
#include <sys/uio.h>
#include <unistd.h>
#include "host_test.h"

#define PAGE		4096ul
#define RAM_PAGES	16
#define VA		(HOST_USER_BASE + 64 * PAGE)

LAB_TEST_BARE(host_mem, ram_is_zeroed_and_single)
{
	char *p = host_ram_create(RAM_PAGES * PAGE);
	size_t i, set = 0;

	lab_expect(p);
	for (i = 0; i < RAM_PAGES * PAGE; i++)
		set += p[i] != 0;
	lab_expect_eq(set, 0);
	lab_expect(!host_ram_create(PAGE));
	memset(p, 1, RAM_PAGES * PAGE);
	host_ram_destroy();
	p = host_ram_create(RAM_PAGES * PAGE);
	lab_expect(p);
	lab_expect_eq(p[0], 0);
	lab_expect_eq(p[RAM_PAGES * PAGE - 1], 0);
	host_ram_destroy();
	lab_expect(!host_ram_create(0));
}

LAB_TEST_BARE(host_mem, alias_is_the_same_memory)
{
	volatile char *user = (volatile char *)VA;
	char *p = host_ram_create(RAM_PAGES * PAGE);

	lab_expect(p);
	/* Two pages in exchanged order: an alias need not follow the kernel's order. */
	lab_expect_eq(host_user_map(VA, 3 * PAGE, PAGE, HOST_PROT_READ | HOST_PROT_WRITE), 0);
	lab_expect_eq(host_user_map(VA + PAGE, 2 * PAGE, PAGE, HOST_PROT_READ | HOST_PROT_WRITE), 0);
	p[3 * PAGE + 5] = 'k';
	lab_expect_eq(user[5], 'k');
	user[PAGE] = 'u';
	lab_expect_eq(p[2 * PAGE], 'u');
	lab_expect_eq(host_user_unmap(VA, 2 * PAGE), 0);
	lab_expect_eq(p[2 * PAGE], 'u');
	host_ram_destroy();
}

LAB_TEST_BARE(host_mem, probe_read_stops_at_the_byte)
{
	static char buf[4 * PAGE];
	char *p = host_ram_create(RAM_PAGES * PAGE);
	size_t i, at;

	lab_expect(p);
	for (i = 0; i < RAM_PAGES * PAGE; i++)
		p[i] = (char)(i / PAGE + 1);
	lab_expect_eq(host_user_map(VA, 0, 3 * PAGE, HOST_PROT_READ), 0);
	lab_expect_eq(host_user_probe_read(buf, VA, 3 * PAGE), 3 * PAGE);
	lab_expect_eq(memcmp(buf, p, 3 * PAGE), 0);

	/* Past the end, and into a page without access: each from one byte before, at and after a border. */
	for (at = PAGE - 1; at <= PAGE + 1; at++) {
		memset(buf, 0x5a, sizeof(buf));
		lab_expect_eq(host_user_probe_read(buf, VA + 2 * PAGE - at, at + 2 * PAGE), at + PAGE);
		lab_expect_eq(buf[at + PAGE - 1], 3);
		lab_expect_eq(buf[at + PAGE], 0x5a);
	}
	lab_expect_eq(host_user_protect(VA + PAGE, PAGE, HOST_PROT_NONE), 0);
	lab_expect_eq(host_user_probe_read(buf, VA + 1, 3 * PAGE), PAGE - 1);
	lab_expect_eq(host_user_probe_read(buf, VA + PAGE, 1), 0);
	lab_expect_eq(host_user_probe_read(buf, VA + 2 * PAGE - 1, 2), 0);
	lab_expect_eq(host_user_probe_read(buf, VA + 2 * PAGE, 1), 1);
	lab_expect_eq(host_user_protect(VA + PAGE, PAGE, HOST_PROT_READ), 0);
	lab_expect_eq(host_user_probe_read(buf, VA + 1, 2 * PAGE), 2 * PAGE);
	lab_expect_eq(host_user_unmap(VA, 3 * PAGE), 0);
	lab_expect_eq(host_user_probe_read(buf, VA, 1), 0);
	lab_expect_eq(host_user_probe_read(buf, VA, 0), 0);
	host_ram_destroy();
}

LAB_TEST_BARE(host_mem, mappings_stay_in_window_and_ram)
{
	const host_u64 end = HOST_USER_BASE + HOST_USER_BYTES;
	int rw = HOST_PROT_READ | HOST_PROT_WRITE;

	lab_expect_eq(host_user_map(VA, 0, PAGE, rw), -EINVAL);		/* no RAM */
	lab_expect(host_ram_create(RAM_PAGES * PAGE));
	lab_expect_eq(host_user_map(HOST_USER_BASE - PAGE, 0, PAGE, rw), -EINVAL);
	lab_expect_eq(host_user_map(end, 0, PAGE, rw), -EINVAL);
	lab_expect_eq(host_user_map(end - PAGE, 0, 2 * PAGE, rw), -EINVAL);
	lab_expect_eq(host_user_map(VA + 1, 0, PAGE, rw), -EINVAL);
	lab_expect_eq(host_user_map(VA, 1, PAGE, rw), -EINVAL);
	lab_expect_eq(host_user_map(VA, 0, 0, rw), -EINVAL);
	lab_expect_eq(host_user_map(VA, (RAM_PAGES - 1) * PAGE, 2 * PAGE, rw), -EINVAL);
	lab_expect_eq(host_user_map(VA, RAM_PAGES * PAGE, PAGE, rw), -EINVAL);
	lab_expect_eq(host_user_unmap(end - PAGE, 2 * PAGE), -EINVAL);
	lab_expect_eq(host_user_protect(VA, 1, rw), -EINVAL);
	lab_expect_eq(host_user_map(end - PAGE, (RAM_PAGES - 1) * PAGE, PAGE, rw), 0);
	lab_expect_eq(host_user_unmap(end - PAGE, PAGE), 0);
	lab_expect_eq(host_user_map(HOST_USER_BASE, 0, PAGE, rw), 0);
	lab_expect_eq(host_user_unmap(HOST_USER_BASE, PAGE), 0);
	host_ram_destroy();
}

static void alloc_and_forget(void *arg)
{
	char *p = host_alloc(1000);
	size_t i;

	*(unsigned int *)arg = (unsigned int)((uintptr_t)p % 64);
	for (i = 0; i < 1000; i++)
		*(unsigned int *)arg += p[i] != 0;
	memset(p, 0xff, 1000);
	host_free(host_alloc(1));
	host_alloc(5000);
}

static bool is_forbidden(const void *p)
{
	struct iovec to = { &(char){ 0 }, 1 }, from = { (void *)p, 1 };

	return process_vm_readv(getpid(), &to, 1, &from, 1, 0) < 0 && errno == EFAULT;
}

/* Around the sizes where memory becomes a mapping (256 KiB), and one with huge pages (4 MiB). */
LAB_TEST_BARE(host_mem, large_memory_is_zeroed_and_ends_in_a_guard)
{
	static const size_t kib[] = { 255, 256, 257, 4091, 4092, 4096, 4097, 20000 };
	unsigned int round, i;

	for (round = 0; round < 2; round++) {		/* the second may get what the first gave back */
		for (i = 0; i < sizeof(kib) / sizeof(kib[0]); i++) {
			size_t bytes = kib[i] << 10, at;
			unsigned char *p = host_alloc(bytes), sum = 0;

			lab_expect(p);
			lab_expect_eq((uintptr_t)p % 64, 0);
			for (at = 0; at < bytes; at += 512)
				sum |= p[at] | p[at + 511];
			lab_expect_eq(sum, 0);
			lab_expect(kib[i] < 256 || is_forbidden(p + bytes));
			lab_expect(!is_forbidden(p + bytes - 1));
			memset(p, 0xff, bytes);
			host_free(p);
			lab_expect(kib[i] < 256 || is_forbidden(p + bytes - 1));
		}
	}
}

LAB_TEST_BARE(host_mem, alloc_is_zeroed_counted_and_of_the_run)
{
	host_u64 before = host_alloc_count();
	unsigned int bad = 99;
	char *kept = host_alloc(10);
	enum host_engine e;
	unsigned int runs = 0;

	for_each_engine(e) {
		/* Both allocations it does not free end with the run: the leak checkers are the judges. */
		run_bare(e, 1, alloc_and_forget, &bad);
		lab_expect_eq(bad, 0);
		runs++;
	}
	lab_expect_eq(host_alloc_count() - before, 1 + 3 * runs);
	kept[9] = 1;			/* allocated outside a run: still there */
	host_free(kept);
	host_free(NULL);
	lab_expect(!host_alloc(~(host_size)0 - 10));
}
