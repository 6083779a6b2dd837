// SPDX-License-Identifier: GPL-2.0-only
/*
 * The old rule on bios: who fills a bio asks the device about each page, and begins another one where it refuses, so
 * that nothing is cut further down. Permuted frames, so that a page is a segment; a page less than a limit, the
 * limit, a page more, and many: how many bios there are above and below the loop device, how many cuts, and that each
 * page is pinned once and let go once. The same under the new rule, where the bio is whole and the cuts are below.
 *
 * That the bytes are right is data.c's.
 */
#include "rig.h"

#define LIMIT_PAGES	3u	/* of one bio; less than BIO_MAX_VECS in every build */
#define MANY_PAGES	13u
#define FILE_PAGES	64u

static const unsigned int sizes[] = { LIMIT_PAGES - 1, LIMIT_PAGES, LIMIT_PAGES + 1, MANY_PAGES };

/* A counter of all scopes. */
static u64 everywhere(enum lab_probe_id id)
{
	return rig_count(LAB_UPPER, id) + rig_count(LAB_LOOP, id) + rig_count(LAB_LOWER, id);
}

/* What becomes of an IO of so many pages: bios of the filler, and cuts of them. */
struct bios {
	u64 bios, splits;
};

static struct bios expected(bool old, unsigned int pages)
{
	unsigned int vecs = old ? LIMIT_PAGES : min_t(unsigned int, BIO_MAX_VECS, FILE_PAGES), at;
	struct bios want = { };

	for (at = 0; at < pages; at += vecs, want.bios++)
		want.splits += DIV_ROUND_UP(min(vecs, pages - at), LIMIT_PAGES) - 1;
	return want;
}

static u64 seen(struct rig *r, enum lab_rw rw)
{
	return rig_seen(r).bios[rw == LAB_WRITE ? REQ_OP_WRITE : REQ_OP_READ];
}

/* Pages that may be pinned twice in @bios bios: where it is the page that tells that it is a segment too many. */
static u64 twice(const struct rig *r, u64 bios)
{
	bool by_page = queue_max_segments(bdev_get_queue(r->disk)) == LIMIT_PAGES;

	return r->knobs.bio_rule == LAB_BIO_RULE_OLD && by_page ? bios - 1 : 0;
}

/* An IO of @pages, for which @bios are filled; half of them are waited for in the call. */
static void io(struct rig *r, struct lab_file *file, enum lab_rw rw, unsigned int pages, u64 bios)
{
	struct lab_iovec iov = { .base = r->mem, .len_bytes = pages * PAGE_SIZE };
	ssize_t ret;

	kc_probes_reset();
	ret = (pages % 2 ? rig_aio : rig_iov)(file, rw, 0, &iov, 1, 0);
	lab_expect_eq(ret, pages * PAGE_SIZE);
	lab_expect_ge(everywhere(LAB_PIN_PAGES), pages);
	lab_expect_le(everywhere(LAB_PIN_PAGES), pages + twice(r, bios));
	lab_expect_eq(everywhere(LAB_UNPIN_PAGES), everywhere(LAB_PIN_PAGES));
	lab_expect_eq(rig_count(LAB_UPPER, LAB_BIOS), bios);
}

static void file_io(struct rig *r, enum lab_rw rw, unsigned int pages)
{
	struct bios want = expected(r->knobs.bio_rule == LAB_BIO_RULE_OLD, pages);
	u64 before = seen(r, rw);

	io(r, r->file, rw, pages, want.bios);
	lab_expect_eq(seen(r, rw) - before, want.bios);
	lab_expect_eq(everywhere(LAB_SPLITS), want.splits);
}

/* What the loop device gets of @bios: plugged ones may have become one request. */
static u64 arrived(const struct rig *r, u64 bios)
{
	return r->knobs.loopq == LAB_LOOPQ_MQ ? rig_count(LAB_LOOP, LAB_REQUESTS) : bios;
}

/*
 * The loop device says what the disk says, so what is built for it needs no cut in its file either, and nobody
 * has to wait for a worker who would submit the second half.
 */
static void loop_io(struct rig *r, enum lab_rw rw, unsigned int pages)
{
	bool old = r->knobs.bio_rule == LAB_BIO_RULE_OLD;
	struct bios want = expected(old, pages);
	u64 before = seen(r, rw);

	io(r, r->bdev, rw, pages, want.bios);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_PUNTS), rig_punts() * arrived(r, want.bios));
	if (rig_costs()->cached)
		return;
	if (arrived(r, want.bios) != want.bios) {
		lab_expect(!old);		/* they would be too much for the disk */
		lab_expect_lt(arrived(r, want.bios), want.bios);
		return;
	}
	lab_expect_eq(rig_count(LAB_LOOP, LAB_BIOS), want.bios);
	lab_expect_eq(seen(r, rw) - before, want.bios);
	lab_expect_eq(everywhere(LAB_SPLITS), want.splits);
}

/* What the page cache of the loop device's file does: writes back what is dirty, and reads ahead of who reads. */
static void cached_io(struct rig *r, enum lab_rw rw, unsigned int pages)
{
	bool old = r->knobs.bio_rule == LAB_BIO_RULE_OLD;
	struct lab_trace_counts before = rig_seen(r), after;
	unsigned int op = rw == LAB_WRITE ? REQ_OP_WRITE : REQ_OP_READ;
	u64 passed;

	loop_io(r, rw, pages);
	kc_probes_reset();
	if (rw == LAB_READ) {	/* beyond what was read ahead */
		lab_cache_invalidate(r->inode, 0, FILE_PAGES * PAGE_SIZE);
		before = rig_seen(r);
		io(r, r->bdev, rw, 1, 1);
	} else {
		lab_expect_eq(rig_design->fsync(r->bdev, true), 0);
	}
	after = rig_seen(r);
	passed = (after.sectors[op] - before.sectors[op]) / PAGE_SECTORS;
	if (rw == LAB_WRITE)
		lab_expect_eq(passed, pages);
	else
		lab_expect_gt(passed, LIMIT_PAGES);
	if (old) {
		lab_expect_eq(everywhere(LAB_SPLITS), 0);
		lab_expect_eq(after.bios[op] - before.bios[op], DIV_ROUND_UP(passed, LIMIT_PAGES));
	} else if (rw == LAB_WRITE) {
		lab_expect_eq(everywhere(LAB_SPLITS), expected(false, pages).splits);
	} else {
		lab_expect_gt(everywhere(LAB_SPLITS), 0);
	}
}

static void limits(struct lab_limits limits, enum lab_bio_rule rule)
{
	struct rig_opts o = {
		.limits = limits, .file_bytes = FILE_PAGES * PAGE_SIZE, .loop = true, .knobs.bio_rule = rule,
	};
	unsigned int i, rw;
	struct rig r;

	rig_up(&r, &o);
	lab_expect_eq(r.knobs.bio_rule, rule);
	rig_set(r.mem, 0x3c, MANY_PAGES * PAGE_SIZE);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (rw = LAB_READ; rw <= LAB_WRITE; rw++) {
			file_io(&r, rw, sizes[i]);
			if (rig_costs()->cached)
				cached_io(&r, rw, sizes[i]);
			else
				loop_io(&r, rw, sizes[i]);
		}
	}
	rig_down(&r);
}

DESIGN_TEST_FLAGS(bio_rule, segments, LAB_TEST_F_PERMUTED)
{
	rig_needs_bio_rule(LAB_BIO_RULE_OLD);
	limits((struct lab_limits){ .max_segments = LIMIT_PAGES }, LAB_BIO_RULE_OLD);
	limits((struct lab_limits){ .max_segments = LIMIT_PAGES }, LAB_BIO_RULE_NEW);
}

DESIGN_TEST_FLAGS(bio_rule, sectors, LAB_TEST_F_PERMUTED)
{
	rig_needs_bio_rule(LAB_BIO_RULE_OLD);
	limits((struct lab_limits){ .max_sectors = LIMIT_PAGES * PAGE_SECTORS }, LAB_BIO_RULE_OLD);
	limits((struct lab_limits){ .max_sectors = LIMIT_PAGES * PAGE_SECTORS }, LAB_BIO_RULE_NEW);
}

/*
 * What no limit says: a chunk of a stripe, of which merge_bvec_fn tells, through the trace filter on top of it. A loop
 * device does not know where its file lies: its bio is whole, and the file's filler asks.
 */
static void chunks(enum lab_bio_rule rule)
{
	struct rig_opts o = {
		.stripe = "2,12k", .file_bytes = FILE_PAGES * PAGE_SIZE, .loop = true, .knobs.bio_rule = rule,
	};
	bool old = rule == LAB_BIO_RULE_OLD;
	u64 before, whole, by_chunk;
	struct lab_extent ext;
	unsigned int from;
	struct rig r;

	rig_up(&r, &o);
	lab_expect_eq(lab_map(r.inode, 0, FILE_PAGES * PAGE_SIZE, 0, &ext), 0);
	from = ext.sector / PAGE_SECTORS % LIMIT_PAGES;
	by_chunk = DIV_ROUND_UP(from + MANY_PAGES, LIMIT_PAGES);
	whole = DIV_ROUND_UP(MANY_PAGES, min_t(unsigned int, BIO_MAX_VECS, FILE_PAGES));
	before = seen(&r, LAB_READ);
	io(&r, r.file, LAB_READ, MANY_PAGES, old ? by_chunk : whole);
	lab_expect_eq(seen(&r, LAB_READ) - before, old ? by_chunk : whole);
	lab_expect_eq(everywhere(LAB_SPLITS) == 0, old);
	if (!rig_costs()->cached) {
		before = seen(&r, LAB_READ);
		io(&r, r.bdev, LAB_READ, MANY_PAGES, whole);
		lab_expect_eq(everywhere(LAB_SPLITS) == 0, old);
		if (whole == 1)
			lab_expect_eq(seen(&r, LAB_READ) - before, old ? by_chunk : whole);
	}
	rig_down(&r);
}

DESIGN_TEST_FLAGS(bio_rule, chunks, LAB_TEST_F_PERMUTED)
{
	rig_needs_bio_rule(LAB_BIO_RULE_OLD);
	chunks(LAB_BIO_RULE_OLD);
	chunks(LAB_BIO_RULE_NEW);
}
