// SPDX-License-Identifier: GPL-2.0-only
/*
 * O_DIRECT of Linux 3.12: what it asks the map, how it holds pages, what a fault in the middle leaves behind.
 */
#include <linux/fs.h>
#include "rig.h"

#define FILE_BYTES	(1u << 20)

/* One question an extent and segment: none goes beyond the segment's end. */
LAB_TEST(buffered_direct, a_question_for_each_segment)
{
	struct rig_opts o = { .file_bytes = FILE_BYTES };
	struct lab_iovec iov[64];
	struct rig r;
	int i;

	rig_up(&r, &o);
	for (i = 0; i < 64; i++)
		iov[i] = (struct lab_iovec){ r.mem + i * 4096, 4096 };
	lab_scope_enter(LAB_LOOP);
	kc_probes_reset();
	lab_expect_eq(rig_io(r.file, LAB_READ, 0, r.mem, 64 * 4096, 0), 64 * 4096);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_MAP_CALLS), 1);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_ALLOC_DIO), 1);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_PIN_PAGES), 64);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_UNPIN_PAGES), 64);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_PAGE_REF), 64 * 4);
	kc_probes_reset();
	lab_expect_eq(rig_iov(r.file, LAB_READ, 0, iov, 64, 0), 64 * 4096);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_MAP_CALLS), 64);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_PIN_PAGES), 64);
	rig_down(&r);
}

/* The two halves of a page go to two extents, so to two bios: each has it pinned for itself. */
LAB_TEST(buffered_direct, a_page_in_two_bios)
{
	struct rig_opts o = {
		.file_bytes = FILE_BYTES, .fs = { .layout = LAB_LAYOUT_FRAGMENTED, .fragment_bytes = 4096 },
	};
	struct rig r;

	rig_up(&r, &o);
	rig_set(r.mem, 0x42, 16 * 4096);
	lab_scope_enter(LAB_LOOP);
	kc_probes_reset();
	lab_expect_eq(rig_io(r.file, LAB_WRITE, 0, r.mem + 512, 8 * 4096, 0), 8 * 4096);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_BIOS), 8);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_PIN_PAGES), 9);
	/* nine pages, sixteen pieces: those in the middle are in two bios */
	lab_expect_eq(rig_count(LAB_LOOP, LAB_UNPIN_PAGES), 16);
	rig_expect_written(&r, r.file, 0, 0x42, 8 * 4096);
	rig_down(&r);
}

/*
 * A page is missing in the middle of a write over old data: the call is -EFAULT, what was pinned before is written,
 * and blocks up to the end of the segment that were mapped already are zeros; the next segment is untouched.
 */
LAB_TEST(buffered_direct, a_fault_overwrites_what_was_mapped)
{
	enum { BATCH = 64 * 4096 };	/* pinned by one call, so that the fault comes after the mapping */
	struct rig_opts o = { .file_bytes = FILE_BYTES, .fill = 0x11 };
	struct lab_iovec iov[2];
	struct rig r;

	rig_up(&r, &o);
	rig_set(r.mem, 0x42, BATCH + 5 * 4096);
	lab_expect_eq(kc_munmap(r.mm, r.mem + BATCH + 4096, 4096), 0);
	iov[0] = (struct lab_iovec){ r.mem, BATCH + 3 * 4096 };
	iov[1] = (struct lab_iovec){ r.mem + BATCH + 3 * 4096, 4096 };
	lab_expect_eq(rig_iov(r.file, LAB_WRITE, 0, iov, 2, 0), -EFAULT);
	rig_expect_written(&r, r.file, 0, 0x42, BATCH + 4096);
	rig_expect_written(&r, r.file, BATCH + 4096, 0, 2 * 4096);
	rig_expect_written(&r, r.file, BATCH + 3 * 4096, 0x11, 4096);
	/* in the first page nothing is mapped yet */
	lab_expect_eq(rig_io(r.file, LAB_WRITE, FILE_BYTES / 2, r.mem + BATCH + 4096, 8192, 0), -EFAULT);
	rig_expect_written(&r, r.file, FILE_BYTES / 2, 0x11, 8192);
	lab_expect_eq(atomic_read(&r.inode->i_dio_count), 0);
	rig_down(&r);
}
