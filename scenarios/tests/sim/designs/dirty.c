// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whose memory a read went to: the page table does not know that the device wrote there, so direct IO says it, of each
 * page and of no other. A page that is not known to be dirty is dropped, with what was read into it, when memory is
 * short.
 */
#include <kc/umem.h>
#include "rig.h"

#define NR_PAGES	16u
#define NR_SEGS		300u	/* more than a bio has elements */

/* A read into memory that nobody has touched. */
static void read_marks(struct rig *r, struct lab_file *file, bool async, unsigned int nr_segs)
{
	static struct lab_iovec iov[NR_SEGS];
	size_t seg_bytes = nr_segs == 1 ? NR_PAGES * PAGE_SIZE : SECTOR_SIZE;
	unsigned int nr_pages = nr_segs == 1 ? NR_PAGES : nr_segs, i;
	unsigned long mem = kc_mmap(r->mm, (nr_pages + 1) * PAGE_SIZE, KC_PROT_READ | KC_PROT_WRITE, 0);

	lab_expect(mem);
	for (i = 0; i < nr_segs; i++)
		iov[i] = (struct lab_iovec){ mem + i * PAGE_SIZE, seg_bytes };
	if (async)
		lab_expect_eq(rig_aio(file, LAB_READ, 0, iov, nr_segs, 0), nr_segs * seg_bytes);
	else
		lab_expect_eq(rig_iov(file, LAB_READ, 0, iov, nr_segs, 0), nr_segs * seg_bytes);
	for (i = 0; i < nr_pages; i++)
		if (!kc_user_dirty(r->mm, mem + i * PAGE_SIZE))
			lab_test_fail(__FILE__, __LINE__, "page %u of %u is not known to be dirty (%s)", i, nr_pages,
				      async ? "asynchronous" : "waited for");
	lab_expect(!kc_user_dirty(r->mm, mem + nr_pages * PAGE_SIZE));
	lab_expect_eq(kc_munmap(r->mm, mem, (nr_pages + 1) * PAGE_SIZE), 0);
}

/* A write from memory that was only looked at leaves it clean. */
static void write_does_not(struct rig *r, struct lab_file *file, bool async)
{
	unsigned long mem = kc_mmap(r->mm, NR_PAGES * PAGE_SIZE, KC_PROT_READ | KC_PROT_WRITE, 0);
	struct lab_iovec iov = { mem, NR_PAGES * PAGE_SIZE };
	unsigned int i;

	lab_expect(mem);
	lab_expect_eq(rig_find_other(mem, 0, NR_PAGES * PAGE_SIZE), -1);
	if (async)
		lab_expect_eq(rig_aio(file, LAB_WRITE, 0, &iov, 1, 0), iov.len_bytes);
	else
		lab_expect_eq(rig_iov(file, LAB_WRITE, 0, &iov, 1, 0), iov.len_bytes);
	for (i = 0; i < NR_PAGES; i++)
		lab_expect(!kc_user_dirty(r->mm, mem + i * PAGE_SIZE));
	lab_expect_eq(kc_munmap(r->mm, mem, NR_PAGES * PAGE_SIZE), 0);
}

DESIGN_TEST(dirty, pages_of_a_read)
{
	unsigned int k;

	for (k = 0; k < RIG_KNOB_SETS; k++) {
		struct rig_opts o = { .file_bytes = 1 << 20, .loop = true };
		unsigned int i;
		struct rig r;

		if (!rig_knobs(k, &o.knobs))
			continue;
		rig_up(&r, &o);
		for (i = 0; i < 4; i++) {
			struct lab_file *file = i & 1 ? r.bdev : r.file;

			read_marks(&r, file, i & 2, 1);
			read_marks(&r, file, i & 2, NR_SEGS);
			write_does_not(&r, file, i & 2);
		}
		rig_down(&r);
	}
}
