// SPDX-License-Identifier: GPL-2.0-only
/*
 * trap.c - names that are there so that code compiles stop when they are used, each saying which it was.
 */
#include <linux/kernel.h>
#include <linux/pagemap.h>
#include <linux/splice.h>
#include <net/checksum.h>
#include <kc/world.h>
#include "lab_test.h"

static void in_a_world(void *fn)
{
	int bad;

	kc_run(false, 1, NULL, (void (*)(void *))fn, NULL, &bad);
}

#define TRAP(name, call)								\
	static void call_##name(void *arg)						\
	{										\
		struct xa_state xas = { NULL };						\
		char byte = 0;								\
											\
		(void)xas;								\
		(void)byte;								\
		call;									\
	}										\
	LAB_TEST_BARE(trap, name)							\
	{										\
		lab_expect_eq(lab_test_fork(in_a_world, (void *)call_##name), LAB_DIED);	\
		lab_expect(lab_test_fork_said("kernel call not implemented here: " #name));	\
	}

TRAP(pipe_full, pipe_full(0, 0, 0))
TRAP(pipe_occupancy, pipe_occupancy(0, 0))
TRAP(pipe_discard_from, pipe_discard_from(NULL, 0))
TRAP(pipe_buf_release, pipe_buf_release(NULL, NULL))
TRAP(xas_load, xas_load(&xas))
TRAP(xas_find, xas_find(&xas, 0))
TRAP(xas_next, xas_next(&xas))
TRAP(find_subpage, find_subpage(NULL, 0))
TRAP(csum_shift, csum_shift(0, 0))
TRAP(csum_block_add, csum_block_add(0, 0, 0))
TRAP(csum_partial_copy_nocheck, csum_partial_copy_nocheck(&byte, &byte, 1))
TRAP(csum_and_copy_to_user, csum_and_copy_to_user(&byte, NULL, 1))
TRAP(csum_and_copy_from_user, csum_and_copy_from_user(NULL, &byte, 1))
