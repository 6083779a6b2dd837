// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an IO costs, in counts: a bio of 1 MiB of 256 permuted pages through the loop device over E extents
 * makes E map calls, E bios, and touches no page's reference count. Commands, clones, splits and dispatches
 * are the design's own (costs.c). A design with F2 asks the map about each page, one with F3 takes and drops three
 * references of each: the numbers predicted for the series of 2013, 256 questions and 1536 operations, are
 * asserted here, for the loop device alone and whatever the extents.
 *
 * A design whose loop device goes through the page cache has other numbers: each byte is copied once; a read asks the
 * map, and the disk, once for each stretch that is read ahead, a write asks the map once for each page and the disk
 * for nothing.
 */
#include <linux/slab.h>
#include "rig.h"

/* In one bio, also where BIO_MAX_VECS is less: the table is not from the block layer. */
#define PAGES	256

static void pinned_bio(struct rig *r, blk_opf_t op, struct page **pages)
{
	struct block_device *bdev = rig_design->loop_bdev(r->loop);
	struct bio_vec *table = kmalloc(PAGES * sizeof(*table), GFP_KERNEL);
	struct bio *bio = bio_kmalloc(0, GFP_KERNEL);
	int i;

	lab_expect(bio && table);
	bio_init(bio, bdev, table, PAGES, op);
	for (i = 0; i < PAGES; i++)
		__bio_add_page(bio, pages[i], PAGE_SIZE, 0);
	lab_expect_eq(bio->bi_vcnt, PAGES);
	kc_probes_reset();
	lab_expect_eq(submit_bio_wait(bio), 0);
	bio_uninit(bio);
	kfree(bio);
	kfree(table);
}

/* Bios for all PAGES, @vecs of them each, that are made while more are to come than have room in the bio itself. */
static unsigned int bios_with_table(unsigned int vecs)
{
	unsigned int at, n = 0;

	for (at = 0; at < PAGES; at += vecs)
		n += min_t(unsigned int, PAGES - at, BIO_MAX_VECS) > BIO_INLINE_VECS;
	return n;
}

#define READ_AHEAD	32	/* pages: of every design that has it */

static void expect_cached(enum req_op op, unsigned int extents)
{
	unsigned int pieces = max_t(unsigned int, extents, PAGES / READ_AHEAD);
	unsigned int of_bio = min_t(unsigned int, PAGES / pieces, BIO_MAX_VECS);

	lab_expect_eq(rig_count(LAB_LOOP, LAB_COPY_BYTES), PAGES * PAGE_SIZE);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_CACHE_ADDS), PAGES);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_WRITEBACKS), 0);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_MAP_CALLS), op == REQ_OP_READ ? pieces : PAGES);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_BIOS), op == REQ_OP_READ ? PAGES / of_bio : 0);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_ALLOC_BIO), 0);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_ALLOC_DIO), 0);
}

static void expect_uncached(unsigned int extents)
{
	const struct rig_costs *c = rig_costs();
	unsigned int reqs = c->max_vecs ? PAGES / c->max_vecs : 1;
	unsigned int vecs = c->tables ? min_t(unsigned int, PAGES / extents, BIO_MAX_VECS) : PAGES / extents;
	unsigned int bios = max(PAGES / vecs, reqs);

	lab_expect_eq(rig_count(LAB_LOOP, LAB_MAP_CALLS), rig_has(LAB_F2) ? PAGES : max(extents, reqs));
	lab_expect_eq(rig_count(LAB_LOOP, LAB_BIOS), bios);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_ALLOC_BIO), bios + reqs - 1);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_ALLOC_DIO), c->dios * reqs);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_ALLOC_BVEC), c->tables * bios_with_table(vecs));
	lab_expect_eq(rig_count(LAB_LOOP, LAB_PAGE_REF), rig_has(LAB_F3) ? 6 * PAGES : 0);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_COPY_BYTES), 0);
}

static void expect_extents(enum req_op op, unsigned int extents)
{
	const struct rig_costs *c = rig_costs();
	unsigned int reqs = c->max_vecs ? PAGES / c->max_vecs : 1;
	struct rig_opts o = {
		.file_bytes = PAGES * PAGE_SIZE, .loop = true,
		.fs = { .layout = LAB_LAYOUT_FRAGMENTED, .fragment_bytes = PAGES * PAGE_SIZE / extents },
	};
	struct page *pages[PAGES];
	struct rig r;
	int i;

	rig_up(&r, &o);
	lab_expect_eq(lab_inode_nr_extents(r.inode), extents);
	for (i = 0; i < PAGES; i++) {
		pages[i] = alloc_page(GFP_KERNEL | __GFP_ZERO);
		lab_expect(pages[i]);
	}
	pinned_bio(&r, op, pages);
	if (c->cached)
		expect_cached(op, extents);
	else
		expect_uncached(extents);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_ALLOC_CMD), c->cmds);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_CLONES), c->clones);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_ALLOC_HOST), 0);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_PIN_PAGES), 0);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_SPLITS), c->splits * (extents - 1) + reqs - 1);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_CHAINS), reqs - 1);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_PUNTS), rig_punts() * reqs);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_ITER_OPS), c->iter_ops + c->iter_ops_extent * extents);
	for (i = 0; i < PAGES; i++)
		__free_page(pages[i]);
	rig_down(&r);
}

DESIGN_TEST_FLAGS(counters, one_mebibyte_read, LAB_TEST_F_PERMUTED)
{
	expect_extents(REQ_OP_READ, 1);
	expect_extents(REQ_OP_READ, 4);
	expect_extents(REQ_OP_READ, PAGES);
}

DESIGN_TEST_FLAGS(counters, one_mebibyte_write, LAB_TEST_F_PERMUTED)
{
	expect_extents(REQ_OP_WRITE, 1);
	expect_extents(REQ_OP_WRITE, 4);
	expect_extents(REQ_OP_WRITE, PAGES);
}

/*
 * 4 KiB from user memory through both halves: what each half allocates and pins. In a page cache it is there already.
 */
DESIGN_TEST(counters, four_kib_from_user_memory)
{
	const struct rig_costs *c = rig_costs();
	struct rig_opts o = { .file_bytes = 1 << 20, .loop = true };
	struct lab_iovec iov;
	struct rig r;

	rig_up(&r, &o);
	iov = (struct lab_iovec){ r.mem, 4096 };
	lab_expect_eq(rig_aio(r.bdev, LAB_READ, 0, &iov, 1, 0), 4096);
	lab_scope_enter(LAB_UPPER);
	kc_probes_reset();
	lab_expect_eq(rig_aio(r.bdev, LAB_READ, 4096, &iov, 1, 0), 4096);
	lab_expect_eq(rig_count(LAB_UPPER, LAB_ALLOC_BIO), 1);
	lab_expect_eq(rig_count(LAB_UPPER, LAB_PIN_PAGES), 1);
	lab_expect_eq(rig_count(LAB_UPPER, LAB_UNPIN_PAGES), 1);
	lab_expect_eq(rig_count(LAB_UPPER, LAB_ITER_OPS), c->iter_ops + c->iter_ops_extent);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_ITER_OPS), c->iter_ops + c->iter_ops_extent);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_CLONES), c->clones);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_SPLITS), 0);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_ALLOC_BIO), !c->cached);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_ALLOC_CMD), c->cmds);
	lab_expect_eq(rig_count(LAB_UPPER, LAB_ALLOC_DIO), c->upper_dios);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_ALLOC_DIO), c->cached ? 0 : c->dios);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_MAP_CALLS), !c->cached);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_PIN_PAGES), 0);
	lab_expect_eq(rig_count(LAB_UPPER, LAB_PAGE_REF), c->upper_refs);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_PAGE_REF), c->cached ? 2 : rig_has(LAB_F3) ? 6 : 0);
	lab_expect_eq(rig_count(LAB_UPPER, LAB_COPY_BYTES), 0);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_COPY_BYTES), c->cached ? 4096 : 0);
	rig_down(&r);
}
