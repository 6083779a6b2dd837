// SPDX-License-Identifier: GPL-2.0-only
/*
 * A conversion that fails: the data is on the disk, but the map could not be told for want of memory. Then the write has
 * failed: its blocks read as zeros for ever. A call that says how much it wrote has said that this can be read.
 */
#include <kc/fault.h>
#include "rig.h"

#define NR_BLOCKS	320u	/* every other one of them: more extents than one leaf of the map has room for */
#define MAX_ALLOCS	6u	/* of one write, the map's included, with nothing kept back */

static int write_block(struct rig *r, loff_t pos, bool async)
{
	struct lab_iovec iov = { r->mem, LAB_BLOCK_BYTES };

	return async ? rig_aio(r->file, LAB_WRITE, pos, &iov, 1, 0) : rig_iov(r->file, LAB_WRITE, pos, &iov, 1, 0);
}

/* The @nth allocation of the write fails. Did the write? */
static unsigned int write_without_memory(struct rig *r, loff_t pos, bool async, unsigned int nth)
{
	int ret;

	kc_fault_nth(KC_FAULT_SLAB, nth, 1);
	ret = write_block(r, pos, async);
	kc_fault_nth(KC_FAULT_SLAB, 0, 0);
	if (ret != LAB_BLOCK_BYTES) {
		lab_expect_eq(ret, -ENOMEM);
		rig_expect_written(r, r->file, pos, 0, LAB_BLOCK_BYTES);
		lab_expect_eq(write_block(r, pos, async), LAB_BLOCK_BYTES);
	}
	rig_expect_written(r, r->file, pos, 0x42, LAB_BLOCK_BYTES);
	return ret != LAB_BLOCK_BYTES;
}

/* With a reserve for all but the map: what fails is the conversion. */
static unsigned int write_from_the_reserve(struct rig *r, loff_t pos, bool async)
{
	int ret;

	kc_fault_nth(KC_FAULT_SLAB, 1, ~0ull >> 1);
	ret = write_block(r, pos, async);
	kc_fault_nth(KC_FAULT_SLAB, 0, 0);
	if (ret != LAB_BLOCK_BYTES) {
		lab_expect_eq(ret, -ENOMEM);
		rig_expect_written(r, r->file, pos, 0, LAB_BLOCK_BYTES);
		lab_expect_eq(write_block(r, pos, async), LAB_BLOCK_BYTES);
	}
	rig_expect_written(r, r->file, pos, 0x42, LAB_BLOCK_BYTES);
	return ret != LAB_BLOCK_BYTES;
}

static void without_memory(bool async, unsigned int nth)
{
	struct rig_opts o = {
		.file_bytes = NR_BLOCKS * LAB_BLOCK_BYTES, .fill = 0xee, .fs = { .layout = LAB_LAYOUT_UNWRITTEN },
	};
	unsigned int i, failed = 0;
	struct rig r;
	bool pool;

	rig_up(&r, &o);
	pool = r.knobs.alloc == LAB_ALLOC_POOL;
	rig_set(r.mem, 0x42, LAB_BLOCK_BYTES);
	for (i = 0; i < NR_BLOCKS && !(pool && nth > 1); i += 2) {
		loff_t pos = (loff_t)i * LAB_BLOCK_BYTES;

		failed += pool ? write_from_the_reserve(&r, pos, async) : write_without_memory(&r, pos, async, nth);
	}
	if (nth == 1)
		lab_expect_gt(failed, 0);
	lab_expect_eq(atomic_read(&r.inode->i_dio_count), 0);
	rig_down(&r);
}

DESIGN_TEST(converts, without_memory)
{
	unsigned int nth;

	for (nth = 1; nth <= MAX_ALLOCS; nth++) {
		without_memory(false, nth);
		without_memory(true, nth);
	}
}
