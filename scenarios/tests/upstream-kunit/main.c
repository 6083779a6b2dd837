// SPDX-License-Identifier: GPL-2.0-only
/*
 * main.c - the program of `make upstream-kunit`: a world, Linux's files in it as the design starts them, KUnit's suites,
 * and the audit at the end.
 *
 * Nobody has user memory here, so the areas that tests map lie in the window for it.
 * Exit status: 0 every case passed and nothing is left behind; 1 not so.
 */
#include <linux/bug.h>
#include <linux/mm.h>
#include <kc/world.h>
#include "design.h"
#include "host.h"
#include "kunit/kunit-bridge.h"

extern const struct design design_upstream_6_12;

static unsigned long next_addr;		/* addresses are not used twice: what is stale stays without access */

unsigned long upl_vmap(const unsigned long *pfns, unsigned int nr)
{
	unsigned long addr = next_addr;
	unsigned int i;

	if (addr + ((nr + 1ul) << PAGE_SHIFT) > HOST_USER_BASE + HOST_USER_BYTES)
		return 0;
	for (i = 0; i < nr; i++)
		if (host_user_map(addr + ((unsigned long)i << PAGE_SHIFT), pfns[i] << PAGE_SHIFT, PAGE_SIZE,
				  HOST_PROT_READ | HOST_PROT_WRITE))
			return 0;
	next_addr += (nr + 1ul) << PAGE_SHIFT;
	return addr;
}

void upl_vunmap(unsigned long addr, unsigned int nr)
{
	WARN_ON(host_user_unmap(addr, (unsigned long)nr << PAGE_SHIFT));
}

static void run(void *arg)
{
	int *failed = arg;

	next_addr = HOST_USER_BASE + PAGE_SIZE;
	if (design_upstream_6_12.init(&design_upstream_6_12.variants[0].knobs)) {
		host_puts("upstream-kunit: Linux's files do not start");
		return;
	}
	*failed = upk_kunit();
	design_upstream_6_12.exit();
}

int main(void)
{
	struct kc_world_opts opts = { .ram_bytes = 32ul << 20, .frames_permuted = true };
	int failed = -1, left = 0;

	if (host_user_reserve()) {
		host_puts("upstream-kunit: the window for user memory is taken");
		return 1;
	}
	if (kc_run(false, 1, &opts, run, &failed, &left) != KC_RUN_DONE)
		return 1;
	return failed || left;
}
