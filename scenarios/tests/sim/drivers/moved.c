// SPDX-License-Identifier: GPL-2.0-only
/*
 * Filters that move sectors, linear and stripe: where every sector goes, by a reference of one line; where bios are
 * cut, and, under the old rule on bios, that a bio which asked is never cut.
 */
#include <linux/ioprio.h>
#include <lab/filter.h>
#include <kc/blktrace.h>
#include "devs.h"

#define DISK_BYTES	(1u << 20)
#define DISK_SECTORS	(DISK_BYTES >> SECTOR_SHIFT)

static struct block_device *try_stack(struct block_device *lower, const char *name, const char *arg, char *why)
{
	*why = 0;
	return lab_filter_create(lab_filter_find(name), lower, arg, why, 120);
}

static struct block_device *stack(struct block_device *lower, const char *name, const char *arg)
{
	char why[120];
	struct block_device *bdev = try_stack(lower, name, arg, why);

	lab_expect(!IS_ERR(bdev));
	return bdev;
}

/* Where stripe=@nr,@chunk puts sector @s of a device of @total sectors. */
static sector_t ref_stripe(sector_t s, sector_t total, unsigned int nr, unsigned int chunk)
{
	sector_t part = total / nr - total / nr % chunk;

	return (s / chunk % nr) * part + s / (chunk * nr) * chunk + s % chunk;
}

LAB_TEST(moved, arguments)
{
	static const struct { const char *name, *arg; bool good; } t[] = {
		{ "linear", "0", true }, { "linear", "512", true }, { "linear", "1m,4k", true },
		{ "linear", "", false }, { "linear", "511", false }, { "linear", "513", false },
		{ "linear", "0,511", false }, { "linear", "0,0", false }, { "linear", "0,", false },
		{ "linear", "0,512,", false }, { "linear", "x", false }, { "linear", "0 ", false },
		{ "stripe", "1,4k", true }, { "stripe", "2,64k", true }, { "stripe", "64,1g", true },
		{ "stripe", "3,12k", true }, { "stripe", "0,4k", false }, { "stripe", "65,4k", false },
		{ "stripe", "2,0", false }, { "stripe", "2,4095", false }, { "stripe", "2,4097", false },
		{ "stripe", "2,2k", false }, { "stripe", "2,6k", false }, { "stripe", "2,1073745920", false },
		{ "stripe", "", false }, { "stripe", "2", false }, { "stripe", "2,", false },
		{ "stripe", "2,64k,", false }, { "stripe", ",64k", false },
	};
	char why[120];
	u32 i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		why[0] = 0;
		lab_expect_eq(lab_filter_check(lab_filter_find(t[i].name), t[i].arg, why, sizeof(why)),
			      t[i].good ? 0 : -EINVAL);
		lab_expect_eq(why[0] == 0, t[i].good);
	}
}

/* What only the device below can say. Sizes in the arguments: of a disk of 1 MiB with blocks of 4 KiB. */
LAB_TEST(moved, sizes)
{
	static const struct { const char *name, *arg; u32 sectors; } t[] = {
		{ "linear", "0", 2048 }, { "linear", "4k", 2040 }, { "linear", "1044480", 8 },
		{ "linear", "1m", 0 }, { "linear", "1052672", 0 }, { "linear", "512", 0 }, { "linear", "0,512", 0 },
		{ "linear", "0,1044480", 2040 }, { "linear", "0,1m", 2048 }, { "linear", "0,1052672", 0 },
		{ "linear", "4k,1044480", 2040 }, { "linear", "4k,1m", 0 }, { "linear", "4k,4k", 8 },
		{ "stripe", "2,512k", 2048 }, { "stripe", "2,508k", 2032 }, { "stripe", "2,516k", 0 },
		{ "stripe", "3,4k", 85 * 8 * 3 }, { "stripe", "64,16k", 2048 }, { "stripe", "64,20k", 0 },
		{ "stripe", "1,1m", 2048 },
	};
	struct lab_limits limits = { .logical_block_bytes = 4096 };
	struct block_device *ram = lab_ram_create(DISK_BYTES, &limits), *bdev;
	char why[120];
	u32 i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		bdev = try_stack(ram, t[i].name, t[i].arg, why);
		if (!t[i].sectors) {
			lab_expect_eq(PTR_ERR(bdev), -EINVAL);
			lab_expect_ne(why[0], 0);
			continue;
		}
		lab_expect(!IS_ERR(bdev));
		lab_expect_eq(bdev_nr_sectors(bdev), t[i].sectors);
		lab_expect_eq(bdev_logical_block_size(bdev), 4096);
		lab_bdev_destroy(bdev);
	}
	lab_bdev_destroy(ram);
}

/* One sector at a time written through the top; each must lie where the reference says, and nowhere else. */
static void every_sector(const char *name, const char *arg, sector_t off, unsigned int nr, unsigned int chunk)
{
	struct block_device *ram = lab_ram_create(DISK_BYTES, NULL), *bdev = stack(ram, name, arg), *bottom;
	u8 *disk = test_pages(DISK_BYTES), *want = test_pages(DISK_BYTES);
	sector_t s, total = bdev_nr_sectors(bdev), at;
	u8 *one = test_pages(PAGE_SIZE);

	for (s = 0; s < total; s += 1 + (lab_test_slow() ? 6 : 0)) {
		test_fill(one, s << SECTOR_SHIFT, SECTOR_SIZE, 3);
		lab_expect_eq(test_io(bdev, REQ_OP_WRITE, s << SECTOR_SHIFT, one, SECTOR_SIZE), 0);
		at = chunk ? ref_stripe(s, DISK_SECTORS, nr, chunk) : s + off;
		memcpy(want + (at << SECTOR_SHIFT), one, SECTOR_SIZE);
	}
	lab_expect_eq(test_io(bdev, REQ_OP_READ, total << SECTOR_SHIFT, one, SECTOR_SIZE), -EIO);
	lab_expect_eq(test_io(ram, REQ_OP_READ, 0, disk, DISK_BYTES), 0);
	lab_expect_mem(disk, want, DISK_BYTES);
	for (s = 0; s < total; s++) {
		u32 left = total - s, cut = chunk ? min_t(u32, left, chunk - s % chunk) : left;

		at = s;
		bottom = lab_filter_bottom(bdev, &at, &left);
		lab_expect(bottom == ram);
		lab_expect_eq(at, chunk ? ref_stripe(s, DISK_SECTORS, nr, chunk) : s + off);
		lab_expect_eq(left, cut);
	}
	test_free_pages(one, PAGE_SIZE);
	test_free_pages(want, DISK_BYTES);
	test_free_pages(disk, DISK_BYTES);
	lab_bdev_destroy(bdev);
	lab_bdev_destroy(ram);
}

LAB_TEST(moved, every_sector_of_linear) { every_sector("linear", "3584,1000k", 7, 0, 0); }
LAB_TEST(moved, every_sector_of_two_stripes) { every_sector("stripe", "2,64k", 0, 2, 128); }
LAB_TEST(moved, every_sector_of_five_odd_stripes) { every_sector("stripe", "5,12k", 0, 5, 24); }

/* Length N - 1, N, N + 1 of what is left of a chunk: one bio below, one, two. */
LAB_TEST(moved, cut_exactly_at_the_chunk)
{
	struct block_device *ram = lab_ram_create(DISK_BYTES, NULL), *trace = stack(ram, "trace", "");
	struct block_device *bdev = stack(trace, "stripe", "2,8k");
	u8 *in = test_pages(65536), *out = test_pages(65536);
	struct lab_trace_counts was, now;
	u32 start, len, bios;

	for (start = 0; start < 17; start++) {
		for (len = 1; len < 50; len++) {
			u64 pos = (u64)start << SECTOR_SHIFT;
			u32 bytes = len << SECTOR_SHIFT;

			test_fill(in, pos, bytes, len);
			lab_trace_read(trace, &was);
			lab_expect_eq(test_io(bdev, REQ_OP_WRITE, pos, in, bytes), 0);
			lab_trace_read(trace, &now);
			bios = (start + len - 1) / 16 - start / 16 + 1;
			lab_expect_eq(now.bios[REQ_OP_WRITE] - was.bios[REQ_OP_WRITE], bios);
			lab_expect_eq(now.sectors[REQ_OP_WRITE] - was.sectors[REQ_OP_WRITE], len);
			memset(out, 0, bytes);
			lab_expect_eq(test_io(bdev, REQ_OP_READ, pos, out, bytes), 0);
			lab_expect_mem(out, in, bytes);
			lab_expect_eq(test_io(bdev, REQ_OP_READ | REQ_NOWAIT, pos, out, bytes), bios > 1 ? -EAGAIN : 0);
		}
	}
	test_free_pages(in, 65536);
	test_free_pages(out, 65536);
	lab_bdev_destroy(bdev);
	lab_bdev_destroy(trace);
	lab_bdev_destroy(ram);
}

/* What a bio says goes with every part of it; a part's error is the whole's; ranges and flushes go down too. */
LAB_TEST(moved, every_kind_of_bio)
{
	struct block_device *ram = lab_ram_create(DISK_BYTES, NULL), *fault = stack(ram, "fault", "eio@512k+512");
	struct block_device *trace = stack(fault, "trace", ""), *bdev = stack(trace, "stripe", "2,8k");
	u8 *p = test_pages(65536), *zero = test_pages(65536);
	struct bio_vec vec;
	struct lab_trace_counts c;
	struct bio bio;

	bio_init(&bio, bdev, &vec, 1, REQ_OP_WRITE | REQ_POLLED | REQ_FUA);
	__bio_add_page(&bio, virt_to_page(p), 32768, 0);
	bio.bi_iter.bi_sector = 16;
	bio_set_prio(&bio, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_RT, 1));
	lab_expect_eq(submit_bio_wait(&bio), -EIO);	/* chunk 1 is the first of part 1, which is at 512k */
	bio_uninit(&bio);
	lab_trace_read(trace, &c);
	lab_expect_eq(c.bios[REQ_OP_WRITE], 4);
	lab_expect_eq(c.op_fua[REQ_OP_WRITE], 4);
	lab_expect_eq(c.prio, 4);
	lab_expect_eq(c.polled, 0);
	lab_expect_eq(blkdev_issue_flush(bdev), 0);
	lab_trace_read(trace, &c);
	lab_expect_eq(c.bios[REQ_OP_FLUSH], 1);
	memset(p, 0xee, 65536);
	lab_expect_eq(test_io(bdev, REQ_OP_WRITE, 65536, p, 65536), 0);
	lab_expect_eq(test_io(bdev, REQ_OP_DISCARD, 65536 + 4096, NULL, 32768), 0);
	lab_expect_eq(test_io(bdev, REQ_OP_WRITE_ZEROES, 65536 + 36864, NULL, 12288), 0);
	lab_expect_eq(test_io(bdev, REQ_OP_READ, 65536, p, 65536), 0);
	lab_expect_mem(p + 4096, zero, 45056);
	lab_expect_eq(p[4095], 0xee);
	lab_expect_eq(p[49152], 0xee);
	lab_trace_read(trace, &c);
	lab_expect_eq(c.bios[REQ_OP_DISCARD], 5);
	lab_expect_eq(c.bios[REQ_OP_WRITE_ZEROES], 2);
	test_free_pages(p, 65536);
	test_free_pages(zero, 65536);
	lab_bdev_destroy(bdev);
	lab_bdev_destroy(trace);
	lab_bdev_destroy(fault);
	lab_bdev_destroy(ram);
}

/* ---- the rules on bios ------------------------------------------------------------------------ */

#define NR_VECS		32

/* What stands between the top and the disk, and what the bottom has seen. */
struct tower {
	struct block_device *ram, *seen, *level[3], *top;
};

static void tower_build(struct tower *t)
{
	struct lab_limits limits = { .max_sectors = 40, .max_segments = 5 };

	t->ram = lab_ram_create(DISK_BYTES, &limits);
	t->seen = stack(t->ram, "trace", "");
	t->level[0] = stack(t->seen, "linear", "28k");
	t->level[1] = stack(t->level[0], "stripe", "3,16k");
	t->level[2] = stack(t->level[1], "stripe", "2,12k");
	t->top = stack(t->level[2], "pass", "");
}

static void tower_down(struct tower *t)
{
	int i;

	lab_bdev_destroy(t->top);
	for (i = 2; i >= 0; i--)
		lab_bdev_destroy(t->level[i]);
	lab_bdev_destroy(t->seen);
	lab_bdev_destroy(t->ram);
}

static u64 tower_bios(struct tower *t)
{
	struct lab_trace_counts c;

	lab_trace_read(t->seen, &c);
	return c.bios[REQ_OP_WRITE];
}

/* Write @len_bytes, whole pages, in pages of @buf in random order, with bio_add_page(). Returns how many bios. */
static u32 write_pages(struct tower *t, u64 *rnd, u64 pos, u8 *buf, u8 *image, u32 pages)
{
	struct bio_vec vecs[NR_VECS];
	u32 bios = 0, from;
	struct bio bio;

	while (pages) {
		bio_init(&bio, t->top, vecs, NR_VECS, REQ_OP_WRITE);
		bio.bi_iter.bi_sector = pos >> SECTOR_SHIFT;
		for (; pages; pages--, pos += PAGE_SIZE) {
			from = test_rand(rnd, 16) * PAGE_SIZE;
			if (!bio_add_page(&bio, virt_to_page(buf + from), PAGE_SIZE, 0))
				break;
			memcpy(image + pos, buf + from, PAGE_SIZE);
		}
		lab_expect_ne(bio.bi_iter.bi_size, 0);
		lab_expect_eq(submit_bio_wait(&bio), 0);
		bio_uninit(&bio);
		bios++;
	}
	return bios;
}

LAB_TEST(moved, who_asks_is_never_cut)
{
	u8 *buf = test_pages(16 * PAGE_SIZE), *image = test_pages(DISK_BYTES), *out = test_pages(DISK_BYTES);
	u32 rounds = lab_test_slow() ? 10 : 100, i, pages, asked[2] = { 0, 0 };
	u64 rnd = test_seed(), total, pos, was, reached[2] = { 0, 0 };
	struct tower t;

	test_fill(buf, 0, 16 * PAGE_SIZE, 8);
	tower_build(&t);
	total = bdev_nr_bytes(t.top);
	for (i = 0; i < rounds; i++) {
		bool old = i % 2;

		lab_set_bio_rule(old);
		pages = 1 + test_rand(&rnd, 24);
		pos = test_rand(&rnd, (total >> PAGE_SHIFT) - pages + 1) << PAGE_SHIFT;
		was = tower_bios(&t);
		asked[old] += write_pages(&t, &rnd, pos, buf, image, pages);
		reached[old] += tower_bios(&t) - was;
	}
	lab_expect_eq(asked[1], reached[1]);	/* old: asked for, and so never cut */
	lab_expect_eq(asked[0], rounds - rounds / 2);
	lab_expect_gt(reached[0], asked[0]);	/* new: one bio each, cut below */
	lab_set_bio_rule(false);
	lab_expect_eq(test_io(t.top, REQ_OP_READ, 0, out, total), 0);
	lab_expect_mem(out, image, total);
	tower_down(&t);
	test_free_pages(buf, 16 * PAGE_SIZE);
	test_free_pages(image, DISK_BYTES);
	test_free_pages(out, DISK_BYTES);
}

/* The old rule's one exception, and its error. */
LAB_TEST(moved, the_old_rule_cuts_a_page_and_nothing_else)
{
	struct block_device *ram = lab_ram_create(DISK_BYTES, NULL), *trace = stack(ram, "trace", "");
	struct block_device *bdev = stack(trace, "stripe", "2,8k"), *top = stack(bdev, "pass", "");
	u8 *p = test_pages(16384), *out = test_pages(16384);
	struct lab_trace_counts c;
	struct bio_vec vecs[4];
	struct bio bio;

	test_fill(p, 0, 16384, 5);
	lab_set_bio_rule(true);
	bio_init(&bio, top, vecs, 4, REQ_OP_WRITE);
	bio.bi_iter.bi_sector = 9;		/* 7 sectors before the end of chunk 0 */
	lab_expect_eq(bio_add_page(&bio, virt_to_page(p), PAGE_SIZE, 0), PAGE_SIZE);
	lab_expect_eq(bio_add_page(&bio, virt_to_page(p), 512, 0), 0);
	lab_expect_eq(submit_bio_wait(&bio), 0);
	bio_uninit(&bio);
	lab_trace_read(trace, &c);
	lab_expect_eq(c.bios[REQ_OP_WRITE], 2);
	lab_expect_eq(test_io(top, REQ_OP_READ, 9 * 512, out, PAGE_SIZE), 0);
	lab_expect_mem(out, p, PAGE_SIZE);
	/* two pages that nobody asked about: across, an error; up to the edge, none */
	lab_expect_eq(test_io(top, REQ_OP_WRITE, 512, p, 8192), -EIO);
	lab_expect_eq(test_io(top, REQ_OP_WRITE, 0, p, 8192), 0);
	lab_expect_eq(test_io(top, REQ_OP_DISCARD, 0, NULL, 16384), 0);
	lab_set_bio_rule(false);
	lab_expect_eq(test_io(top, REQ_OP_WRITE, 512, p, 8192), 0);
	test_free_pages(p, 16384);
	test_free_pages(out, 16384);
	lab_bdev_destroy(top);
	lab_bdev_destroy(bdev);
	lab_bdev_destroy(trace);
	lab_bdev_destroy(ram);
}

/* A trace says where a bio comes from and where it goes, of each filter; it comes in once, at the top. */
LAB_TEST(moved, a_trace_follows)
{
	struct block_device *ram = lab_ram_create(DISK_BYTES, NULL), *low, *top;
	struct lab_blkevent kept[16];
	struct lab_blktrace trace = { .events = kept, .max = 16 };
	u8 *buf = kzalloc(4096, GFP_KERNEL);
	static const char want[] = "QAAGDC";
	unsigned int i;

	lab_expect(!IS_ERR(ram));
	low = stack(ram, "linear", "64k");
	top = stack(low, "linear", "4k");
	kc_blktrace_start(&trace);
	lab_expect_eq(test_io(top, REQ_OP_READ, 8192, buf, 4096), 0);
	kc_blktrace_stop();
	lab_expect_eq(trace.nr, strlen(want));
	for (i = 0; i < trace.nr; i++)
		lab_expect_eq(kept[i].action, want[i]);
	lab_expect_eq(kept[0].dev, disk_devt(top->bd_disk));
	lab_expect_eq(kept[0].sector, 16);
	lab_expect_eq(kept[1].dev, disk_devt(low->bd_disk));
	lab_expect_eq(kept[1].other_dev, disk_devt(top->bd_disk));
	lab_expect_eq(kept[1].sector, 24);
	lab_expect_eq(kept[1].other, 16);
	lab_expect_eq(kept[2].dev, disk_devt(ram->bd_disk));
	lab_expect_eq(kept[2].other_dev, disk_devt(low->bd_disk));
	lab_expect_eq(kept[2].sector, 24 + 128);
	lab_expect_eq(kept[2].other, 24);
	lab_expect_eq(kept[5].sector, 24 + 128);
	lab_expect_ne(disk_devt(top->bd_disk), disk_devt(low->bd_disk));
	kfree(buf);
	lab_bdev_destroy(top);
	lab_bdev_destroy(low);
	lab_bdev_destroy(ram);
}

/*
 * What is cut off a bio goes its own way below, and ends there: it was queued with the whole of it, above, and its end is
 * told where it ends, by a device without requests as by one with.
 */
LAB_TEST(moved, a_trace_follows_pieces)
{
	struct block_device *ram = lab_ram_create(DISK_BYTES, NULL), *low, *top;
	struct lab_blkevent kept[32];
	struct lab_blktrace trace = { .events = kept, .max = 32 };
	u8 *buf = (u8 *)__get_free_pages(GFP_KERNEL, 1);
	static const char want[] = "QXAAQGDAAQGDCCCC";
	unsigned int i, ended = 0;
	char have[33] = "";

	lab_expect(!IS_ERR(ram));
	low = stack(ram, "pass", "");
	top = stack(low, "stripe", "2,4k");
	kc_blktrace_start(&trace);
	lab_expect_eq(test_io(top, REQ_OP_READ, 8192, buf, 8192), 0);
	kc_blktrace_stop();
	lab_expect_le(trace.nr, 32);
	for (i = 0; i < trace.nr; i++) {
		have[i] = kept[i].action;
		ended += kept[i].action == 'C' && kept[i].dev == disk_devt(low->bd_disk);
	}
	if (strcmp(have, want))
		lab_test_fail(__FILE__, __LINE__, "heard %s, expected %s", have, want);
	lab_expect_eq(ended, 2);
	free_pages((unsigned long)buf, 1);
	lab_bdev_destroy(top);
	lab_bdev_destroy(low);
	lab_bdev_destroy(ram);
}
