// SPDX-License-Identifier: GPL-2.0-only
/*
 * What makes an IO durable, counted at the disk driver by the trace filter: cache flushes and FUA of each kind of IO,
 * for disks with a volatile cache that take FUA, with one and no FUA, and without one. Every combination of the
 * design's knobs must agree. The counts are printed; mk/hazards.sh makes a table of them.
 *
 * The rule: one FUA and no flush where nothing but the data must reach the disk and the disk has it; a flush where
 * blocks, their state or the size must, too; neither without a cache. What designs of the past do instead is said
 * in expected().
 */
#include "rig.h"

#define FILE_BYTES	(1u << 20)
#define HOLE		65536u		/* two of them, of HOLE_BYTES, in a file that is mapped otherwise */
#define HOLE_BYTES	16384u
#define IO_BYTES	8192u

enum cache { CACHE_FUA, CACHE_ONLY, CACHE_NONE, NR_CACHES };

static const char *const cache_names[] = {
	[CACHE_FUA] = "FUA", [CACHE_ONLY] = "no FUA", [CACHE_NONE] = "no cache",
};

/* What reached the disk. */
struct seen {
	u64 flushes, fua;
};

static struct seen seen(struct rig *r)
{
	struct lab_trace_counts c = rig_seen(r);

	return (struct seen){ c.preflush, c.fua };
}

/* ---- the IOs -------------------------------------------------------------------------------- */

static void write_at(struct lab_file *f, struct rig *r, loff_t pos, unsigned int flags)
{
	lab_expect_eq(rig_io(f, LAB_WRITE, pos, r->mem, IO_BYTES, flags), IO_BYTES);
}

/* A ready bio for the loop device. */
static void bio_at(struct rig *r, loff_t pos, blk_opf_t opf)
{
	struct bio *bio = bio_alloc(rig_design->loop_bdev(r->loop), IO_BYTES / PAGE_SIZE, REQ_OP_WRITE | opf, GFP_KERNEL);
	struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO);

	bio->bi_iter.bi_sector = pos >> SECTOR_SHIFT;
	while (bio->bi_iter.bi_size < IO_BYTES)
		__bio_add_page(bio, page, PAGE_SIZE, 0);
	lab_expect_eq(submit_bio_wait(bio), 0);
	bio_put(bio);
	__free_page(page);
}

static void file_fsync(struct rig *r)
{
	lab_expect_eq(rig_design->fsync(r->file, false), 0);
}

static void file_dsync(struct rig *r)
{
	write_at(r->file, r, 0, LAB_IO_DSYNC);
}

static void file_dsync_hole(struct rig *r)
{
	write_at(r->file, r, HOLE, LAB_IO_DSYNC);
}

static void file_dsync_append(struct rig *r)
{
	write_at(r->file, r, 0, LAB_IO_DSYNC | LAB_IO_APPEND);
}

static void bdev_dsync(struct rig *r)
{
	write_at(r->bdev, r, 0, LAB_IO_DSYNC);
}

static void bio_fua(struct rig *r)
{
	bio_at(r, 0, REQ_FUA);
}

static void bio_fua_hole(struct rig *r)
{
	bio_at(r, HOLE + 2 * HOLE_BYTES, REQ_FUA);
}

static void bio_flush(struct rig *r)
{
	lab_expect_eq(blkdev_issue_flush(rig_design->loop_bdev(r->loop)), 0);
}

static void bio_preflush(struct rig *r)
{
	bio_at(r, 0, REQ_PREFLUSH);
}

static void bio_preflush_fua(struct rig *r)
{
	bio_at(r, 0, REQ_PREFLUSH | REQ_FUA);
}

/**
 * struct io - one kind of IO
 * @what: in the table
 * @fn: does it, from a state in which all is durable
 * @written: some other write has ended before, which is not durable yet
 * @loop: a ready bio for the loop device
 * @flushes: before the data, or for what is not data
 * @data: the data is an overwrite that is to be durable: FUA, or a flush behind it
 * @meta: more than the data must be durable: a flush behind it
 */
static const struct io {
	const char *what;
	void (*fn)(struct rig *r);
	bool written, loop;
	unsigned int flushes;
	bool data, meta;
} ios[] = {
	{ .what = "fsync after a write", .fn = file_fsync, .written = true, .flushes = 1 },
	{ .what = "fsync, nothing written", .fn = file_fsync },
	{ .what = "O_DSYNC overwrite", .fn = file_dsync, .data = true },
	{ .what = "O_DSYNC into a hole", .fn = file_dsync_hole, .meta = true },
	{ .what = "O_DSYNC, file grows", .fn = file_dsync_append, .meta = true },
	{ .what = "O_DSYNC on the loop", .fn = bdev_dsync, .data = true },
	{ .what = "bio: FUA overwrite", .fn = bio_fua, .loop = true, .data = true },
	{ .what = "bio: FUA into a hole", .fn = bio_fua_hole, .loop = true, .meta = true },
	{ .what = "bio: flush", .fn = bio_flush, .loop = true, .written = true, .flushes = 1 },
	{ .what = "bio: flush, then data", .fn = bio_preflush, .loop = true, .written = true, .flushes = 1 },
	{ .what = "bio: flush, data, FUA", .fn = bio_preflush_fua, .loop = true, .written = true, .flushes = 1, .data = true },
};

/* ---- what must be seen ---------------------------------------------------------------------------- */

static bool knows_fua(const struct io *io)
{
	if (rig_lacks(RIG_NO_FUA))
		return false;
	return io->fn != bdev_dsync && !io->loop ? true : !rig_lacks(RIG_LOOP_NO_FUA);
}

static struct seen expected(const struct io *io, enum cache cache)
{
	bool durable = io->data || io->meta;

	if (cache == CACHE_NONE)
		return (struct seen){ 0, 0 };
	if (rig_has(LAB_D2) && io->loop)	/* FUA is not looked at where there is a kiocb */
		durable = false;
	if (durable && !io->meta && cache == CACHE_FUA && knows_fua(io))
		return (struct seen){ io->flushes, 1 };
	return (struct seen){ io->flushes + durable, 0 };
}

static void one_io(struct rig *r, const struct io *io, enum cache cache, bool say)
{
	struct seen want = expected(io, cache), a, b;

	file_fsync(r);
	if (io->written)
		write_at(r->file, r, IO_BYTES, 0);
	a = seen(r);
	io->fn(r);
	b = seen(r);
	if (b.flushes - a.flushes != want.flushes || b.fua - a.fua != want.fua)
		lab_test_fail(__FILE__, __LINE__, "%s, %s: %llu flushes and %llu FUA, want %llu and %llu", io->what,
			      cache_names[cache], b.flushes - a.flushes, b.fua - a.fua, want.flushes, want.fua);
	if (say)
		printk("durable: %s|%s|%llu %llu", io->what, cache_names[cache], b.flushes - a.flushes, b.fua - a.fua);
}

static void one_disk(unsigned int k, enum cache cache, bool say)
{
	struct rig_opts o = { .file_bytes = FILE_BYTES, .loop = true };
	unsigned int i;
	struct rig r;

	if (!rig_knobs(k, &o.knobs))
		return;
	o.no_cache = cache == CACHE_NONE;
	o.no_fua = cache != CACHE_FUA;
	rig_up(&r, &o);
	lab_expect_eq(bdev_fua(r.trace), cache == CACHE_FUA);
	lab_expect_eq(bdev_write_cache(r.trace), cache != CACHE_NONE);
	lab_expect_eq(lab_punch(r.inode, HOLE, HOLE_BYTES), 0);
	lab_expect_eq(lab_punch(r.inode, HOLE + 2 * HOLE_BYTES, HOLE_BYTES), 0);
	for (i = 0; i < ARRAY_SIZE(ios); i++)
		one_io(&r, &ios[i], cache, say);
	rig_down(&r);
}

DESIGN_TEST(durable, counted_at_the_disk)
{
	enum cache cache;
	bool said = false;
	unsigned int k;

	for (k = 0; k < RIG_KNOB_SETS; k++) {
		struct lab_knobs knobs;

		if (!rig_knobs(k, &knobs))
			continue;
		for (cache = 0; cache < NR_CACHES; cache++)
			one_disk(k, cache, !said);
		said = true;
	}
	lab_expect(said);
}
