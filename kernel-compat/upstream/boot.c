// SPDX-License-Identifier: GPL-2.0-only
/*
 * boot.c - start and end of the kernel's side, and the loop that runs it.
 *
 * All variables of the kernel lie between symbols of the object (kernel.lds). At the first start those that are not
 * zero are copied; every later start begins with that copy, so that a world never sees what an earlier one left. The
 * copy is made byte by byte, unseen by ASan, which has red zones between the variables.
 *
 * What start_kernel() calls by hand is called by hand here, then the initcalls of the files that are linked in.
 */
#include <linux/init.h>
#include <linux/radix-tree.h>
#include <linux/xarray.h>
#include "block/blk.h"
#include "k.h"

extern unsigned char up_vars_begin[], up_vars_end[], up_zeros_begin[], up_zeros_end[];
extern initcall_t up_initcalls_begin[], up_initcalls_end[];

#define UP_FRESH_MAX	(4ul << 20)	/* under ASan, which describes each variable; 20 KiB without */

/* Not among the variables that are put back: in sections of their own. */
static bool have_fresh __section("up_kept");
static unsigned char fresh[UP_FRESH_MAX] __section("up_room,\"aw\",@nobits#");	/* takes no room in the file */

__attribute__((no_sanitize("address"), optimize("no-tree-loop-distribute-patterns")))
static void copy_bytes(volatile unsigned char *to, const volatile unsigned char *from, unsigned long n)
{
	while (n--)
		*to++ = from ? *from++ : 0;
}

static void vars_fresh(void)
{
	unsigned long bytes = up_vars_end - up_vars_begin;

	if (bytes > UP_FRESH_MAX)
		up_bug("the kernel's variables take %lu bytes: raise UP_FRESH_MAX", bytes);
	if (!have_fresh) {
		have_fresh = true;
		copy_bytes(fresh, up_vars_begin, bytes);
		return;
	}
	copy_bytes(up_vars_begin, fresh, bytes);
	copy_bytes(up_zeros_begin, NULL, up_zeros_end - up_zeros_begin);
}

static void boot_task(void *arg)
{
	int *err = arg;
	initcall_t *fn;

	*err = up_work_init();
	if (*err)
		return;
	up_count_init();
	radix_tree_init();
	blk_dev_init();
	for (fn = up_initcalls_begin; fn < up_initcalls_end && !*err; fn++)
		*err = (*fn)();
}

int upk_boot(const struct up_ram *ram)
{
	int err;

	vars_fresh();
	err = up_mm_init(ram);
	if (!err)
		err = up_sched_init();
	if (err)
		return err;
	up_task_call(boot_task, &err, false);
	return err;
}

/* What a running kernel never gives back: two sets of bios, and since 6.11 the zeroes that direct IO writes. */
extern struct bio_set blkdev_dio_pool;
#if UP_SINCE(6, 12)
extern struct page *zero_page;
#endif

static void halt_task(void *arg)
{
	bioset_exit(&blkdev_dio_pool);
	bioset_exit(&fs_bio_set);
#if UP_SINCE(6, 12)
	__free_pages(zero_page, get_order(SZ_64K));
#endif
	up_work_exit();
}

int upk_halt(void)
{
	int bad;

	up_task_call(halt_task, NULL, false);
	up_sched_exit();
	bad = up_slab_exit();
	return bad + up_mm_exit();
}

int upk_pending(void)
{
	if (up_sched_inside())
		return false;			/* a context waits for the laboratory: nothing else can run */
	return up_lower_pending() || up_sched_runnable() || up_work_pending();
}

void upk_run(void)
{
	bool any;

	if (up_sched_inside())
		return;
	do {
		any = false;
		if (up_lower_pending()) {
			up_lower_run();
			any = true;
		}
		if (up_work_run())
			any = true;
		if (up_sched_runnable()) {
			up_sched_run_one();
			any = true;
		}
	} while (any);
}
