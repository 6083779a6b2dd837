// SPDX-License-Identifier: GPL-2.0-only
/* Filters: their arguments, what they let through, what they break, what they count. */
#include <linux/ioprio.h>
#include <kc/fault.h>
#include <kc/io.h>
#include <lab/filter.h>
#include "devs.h"

#define DISK_BYTES	(1u << 20)

static const struct lab_filter_type *type(const char *name)
{
	const struct lab_filter_type *t = lab_filter_find(name);

	lab_expect(t);
	return t;
}

static struct block_device *stack(struct block_device *lower, const char *name, const char *arg)
{
	char why[120] = "";
	struct block_device *bdev = lab_filter_create(type(name), lower, arg, why, sizeof(why));

	lab_expect(!IS_ERR(bdev));
	return bdev;
}

LAB_TEST(filters, numbers)
{
	static const struct { const char *s; u64 value; int used; } t[] = {
		{ "0", 0, 1 }, { "1m", 1 << 20, 2 }, { "12k+3", 12288, 3 }, { "0x10", 16, 4 },
		{ "0xFfK", 255 << 10, 5 }, { "2G", 2ull << 30, 2 }, { "5x", 5, 1 },
		{ "9223372036854775807", ~0ull >> 1, 19 },
		{ "9223372036854775808", 0, -1 }, { "8388608g", 1ull << 53, 8 }, { "8589934592g", 0, -1 },
		{ "", 0, -1 }, { "k", 0, -1 }, { "0x", 0, -1 }, { "-1", 0, -1 }, { "+1", 0, -1 },
	};
	u32 i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		u64 value = 0xdead;
		const char *end = lab_parse_bytes(t[i].s, &value);

		if (t[i].used < 0) {
			lab_expect(!end);
			lab_expect_eq(value, 0xdead);
			continue;
		}
		lab_expect(end);
		lab_expect_eq(end - t[i].s, t[i].used);
		lab_expect_eq(value, t[i].value);
	}
}

LAB_TEST(filters, arguments)
{
	static const char *const good[] = {
		"flip@0", "flip@1m", "eio@4k", "eio@4k+8k", "eio@flush", "flip@1,eio@2+3,flip@0x10",
		"flip@1,flip@2,flip@3,flip@4,flip@5,flip@6,flip@7,flip@8",
	};
	static const char *const bad[] = {
		"", "flip", "flip@", "flip@x", "flip@1+2", "eio@1+", "eio@1+0", "eio@flush+1",
		"eio@1,", ",", "flop@1", "flip@1 ", "flip@-1", "eio@99999999999999999999",
		"flip@1,flip@2,flip@3,flip@4,flip@5,flip@6,flip@7,flip@8,flip@9",
	};
	char why[120];
	u32 i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		lab_expect_eq(lab_filter_check(type("fault"), good[i], why, sizeof(why)), 0);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		why[0] = 0;
		lab_expect_eq(lab_filter_check(type("fault"), bad[i], why, sizeof(why)), -EINVAL);
		lab_expect_ne(why[0], 0);
	}
	lab_expect_eq(lab_filter_check(type("trace"), "", why, sizeof(why)), 0);
	lab_expect_eq(lab_filter_check(type("trace"), "print", why, sizeof(why)), 0);
	lab_expect_eq(lab_filter_check(type("trace"), "loud", why, sizeof(why)), -EINVAL);
	lab_expect_eq(lab_filter_check(type("pass"), "x", why, sizeof(why)), -EINVAL);
	lab_expect(!lab_filter_find("trac"));
	lab_expect(!lab_filter_find(""));
}

/* Exactly that byte, in whatever way it is read, and nothing that the writer or the disk has. */
LAB_TEST(filters, flip_is_exactly_one_byte_of_a_read)
{
	static const u32 offs[] = { 0, 511, 512, 4095, 4096, 9999, DISK_BYTES - 1 };
	struct block_device *ram = lab_ram_create(DISK_BYTES, NULL), *bdev;
	u8 *in = test_pages(DISK_BYTES), *out = test_pages(DISK_BYTES);
	char arg[32];
	u32 i, pos, len;

	test_fill(in, 0, DISK_BYTES, 4);
	for (i = 0; i < sizeof(offs) / sizeof(offs[0]); i++) {
		u32 off = offs[i];

		scnprintf(arg, sizeof(arg), "flip@%u", off);
		bdev = stack(ram, "fault", arg);
		lab_expect_eq(test_io(bdev, REQ_OP_WRITE, 0, in, DISK_BYTES), 0);
		lab_expect_eq(test_io(ram, REQ_OP_READ, 0, out, DISK_BYTES), 0);
		lab_expect_mem(out, in, DISK_BYTES);
		for (len = 512; len <= DISK_BYTES; len *= 8) {
			pos = off / len * len;
			memset(out, 0, len);
			lab_expect_eq(test_io(bdev, REQ_OP_READ, pos, out, len), 0);
			lab_expect_eq(out[off - pos], in[off] ^ 0xff);
			out[off - pos] ^= 0xff;
			lab_expect_mem(out, in + pos, len);
			/* the sectors next to it are whole */
			pos = pos ? pos - len : pos + len;
			if (pos + len > DISK_BYTES)
				continue;
			lab_expect_eq(test_io(bdev, REQ_OP_READ, pos, out, len), 0);
			lab_expect_mem(out, in + pos, len);
		}
		lab_bdev_destroy(bdev);
	}
	test_free_pages(in, DISK_BYTES);
	test_free_pages(out, DISK_BYTES);
	lab_bdev_destroy(ram);
}

LAB_TEST(filters, eio_hits_its_range_only)
{
	struct block_device *ram = lab_ram_create(DISK_BYTES, NULL);
	struct block_device *bdev = stack(ram, "fault", "eio@8k+1025,eio@flush,eio@64k+512");
	u8 *p = test_pages(16384);

	/* touched: sectors 16, 17 and, by its first byte, 18 */
	lab_expect_eq(test_io(bdev, REQ_OP_READ, 8192 - 512, p, 512), 0);
	lab_expect_eq(test_io(bdev, REQ_OP_READ, 8192 - 512, p, 1024), -EIO);
	lab_expect_eq(test_io(bdev, REQ_OP_WRITE, 8192, p, 512), -EIO);
	lab_expect_eq(test_io(bdev, REQ_OP_READ, 8192 + 1024, p, 512), -EIO);
	lab_expect_eq(test_io(bdev, REQ_OP_READ, 8192 + 1536, p, 512), 0);
	/* one sector, whole: its neighbours are not touched */
	lab_expect_eq(test_io(bdev, REQ_OP_READ, 65536 - 512, p, 512), 0);
	lab_expect_eq(test_io(bdev, REQ_OP_READ, 65536, p, 512), -EIO);
	lab_expect_eq(test_io(bdev, REQ_OP_READ, 65536 + 512, p, 512), 0);
	lab_expect_eq(test_io(bdev, REQ_OP_DISCARD, 0, NULL, 8192), 0);
	lab_expect_eq(test_io(bdev, REQ_OP_DISCARD, 0, NULL, 16384), -EIO);
	lab_expect_eq(blkdev_issue_flush(bdev), -EIO);
	lab_expect_eq(test_io(bdev, REQ_OP_WRITE | REQ_PREFLUSH, 0, p, 512), -EIO);
	lab_expect_eq(test_io(bdev, REQ_OP_WRITE | REQ_FUA, 0, p, 512), 0);
	test_free_pages(p, 16384);
	lab_bdev_destroy(bdev);
	lab_bdev_destroy(ram);
}

LAB_TEST(filters, trace_counts)
{
	struct block_device *null = lab_null_create(DISK_BYTES, NULL);
	struct block_device *bdev = stack(null, "trace", "");
	struct lab_trace_counts c;
	u8 *p = test_pages(16384);
	u64 sum = 0;
	u32 i;

	memset(&c, 0x5a, sizeof(c));
	lab_trace_read(bdev, &c);
	for (i = 0; i < LAB_TRACE_NR_OPS; i++)
		sum += c.bios[i] + c.sectors[i];
	for (i = 0; i < LAB_TRACE_NR_OPS; i++)
		sum += c.op_preflush[i] + c.op_fua[i];
	lab_expect_eq(sum + c.preflush + c.fua + c.nowait + c.polled + c.prio + c.last_prio, 0);

	lab_expect_eq(test_io(bdev, REQ_OP_READ, 0, p, 16384), 0);
	lab_expect_eq(test_io(bdev, REQ_OP_READ | REQ_NOWAIT, 0, p, 512), 0);
	lab_expect_eq(test_io(bdev, REQ_OP_WRITE, 0, p, 4096), 0);
	lab_expect_eq(test_io(bdev, REQ_OP_WRITE | REQ_FUA, 0, p, 4096), 0);
	lab_expect_eq(test_io(bdev, REQ_OP_WRITE | REQ_PREFLUSH | REQ_FUA, 0, p, 512), 0);
	lab_expect_eq(blkdev_issue_flush(bdev), 0);
	lab_expect_eq(test_io(bdev, REQ_OP_DISCARD, 0, NULL, 8192), 0);
	lab_expect_eq(test_io(bdev, REQ_OP_WRITE_ZEROES, 0, NULL, 512), 0);
	lab_trace_read(bdev, &c);
	lab_expect_eq(c.bios[REQ_OP_READ], 2);
	lab_expect_eq(c.sectors[REQ_OP_READ], 33);
	lab_expect_eq(c.bios[REQ_OP_WRITE], 3);
	lab_expect_eq(c.sectors[REQ_OP_WRITE], 17);
	lab_expect_eq(c.bios[REQ_OP_FLUSH], 1);
	lab_expect_eq(c.sectors[REQ_OP_FLUSH], 0);
	lab_expect_eq(c.bios[REQ_OP_DISCARD], 1);
	lab_expect_eq(c.sectors[REQ_OP_DISCARD], 16);
	lab_expect_eq(c.bios[REQ_OP_WRITE_ZEROES], 1);
	lab_expect_eq(c.preflush, 2);
	lab_expect_eq(c.fua, 2);
	lab_expect_eq(c.nowait, 1);
	/* by operation: a bare flush is no write, FUA without PREFLUSH no flush */
	lab_expect_eq(c.op_preflush[REQ_OP_WRITE], 1);
	lab_expect_eq(c.op_preflush[REQ_OP_FLUSH], 1);
	lab_expect_eq(c.op_fua[REQ_OP_WRITE], 2);
	lab_expect_eq(c.op_fua[REQ_OP_FLUSH], 0);
	for (sum = 0, i = 0; i < LAB_TRACE_NR_OPS; i++)
		sum += c.op_preflush[i] + c.op_fua[i];
	lab_expect_eq(sum, 4);
	test_free_pages(p, 16384);
	lab_bdev_destroy(bdev);
	lab_bdev_destroy(null);
}

/* Without a volatile cache there is nothing to flush: the flags do not get as far, the data does. */
LAB_TEST(filters, trace_sees_no_flush_where_there_is_no_cache)
{
	struct block_device *null = lab_null_create(DISK_BYTES, NULL), *bdev;
	struct lab_trace_counts c;
	u8 *p = test_pages(4096);

	blk_queue_write_cache(bdev_get_queue(null), false, false);
	bdev = stack(null, "trace", "");
	lab_expect_eq(test_io(bdev, REQ_OP_WRITE | REQ_PREFLUSH | REQ_FUA, 0, p, 512), 0);
	lab_expect_eq(blkdev_issue_flush(bdev), 0);
	lab_trace_read(bdev, &c);
	lab_expect_eq(c.bios[REQ_OP_WRITE], 1);
	lab_expect_eq(c.bios[REQ_OP_FLUSH], 0);
	lab_expect_eq(c.preflush + c.fua, 0);
	test_free_pages(p, 4096);
	lab_bdev_destroy(bdev);
	lab_bdev_destroy(null);
}

struct polled {
	struct bio bio;
	struct bio_vec vec;
	bool ended;
};

static void polled_end_io(struct bio *bio)
{
	container_of(bio, struct polled, bio)->ended = true;
}

static void polled_read(struct polled *p, struct block_device *bdev, u8 *buf, u16 prio)
{
	bio_init(&p->bio, bdev, &p->vec, 1, REQ_OP_READ | REQ_POLLED);
	__bio_add_page(&p->bio, virt_to_page(buf), 4096, offset_in_page(buf));
	bio_set_prio(&p->bio, prio);
	p->bio.bi_end_io = polled_end_io;
	p->ended = false;
	submit_bio(&p->bio);
}

/* Every device at the bottom is polled through a stack, by its task, which never waits. */
LAB_TEST(filters, polled_and_counted_over_every_device)
{
	u8 *buf = test_pages(4096);
	struct lab_trace_counts c;
	enum test_dev_kind kind;
	struct polled p;

	for (kind = 0; kind <= TEST_NR_KINDS; kind++) {
		struct block_device *pass, *linear, *trace;
		struct test_dev dev = { };

		if (kind == TEST_NR_KINDS)
			dev.bdev = lab_null_create(TEST_DISK_BYTES, NULL);
		else
			test_dev_open(&dev, kind, TEST_DISK_BYTES, NULL);
		trace = stack(dev.bdev, "trace", "");
		linear = stack(trace, "linear", "4k");
		pass = stack(linear, "pass", "");
		polled_read(&p, pass, buf, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 2));
		lab_expect(p.bio.bi_opf & REQ_POLLED);
		lab_expect(!p.ended);
		while (!p.ended)
			bio_poll(&p.bio, NULL, 0);
		lab_expect_eq(p.bio.bi_status, BLK_STS_OK);
		lab_expect_eq(test_io(pass, REQ_OP_READ, 0, buf, 512), 0);
		lab_trace_read(trace, &c);
		lab_expect_eq(c.bios[REQ_OP_READ], 2);
		lab_expect_eq(c.polled, 1);
		lab_expect_eq(c.prio, 1);
		lab_expect_eq(c.last_prio, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 2));
		/* a queue in the middle that cannot: nothing below sees the flag */
		blk_queue_flag_clear(QUEUE_FLAG_POLL, bdev_get_queue(linear));
		polled_read(&p, pass, buf, 0);
		lab_expect_eq(bio_poll(&p.bio, NULL, 0) > 0, p.ended);
		while (!p.ended)
			kc_io_poll(1);
		lab_trace_read(trace, &c);
		lab_expect_eq(c.polled, 1);
		lab_expect_eq(c.prio, 1);
		lab_bdev_destroy(pass);
		lab_bdev_destroy(linear);
		lab_bdev_destroy(trace);
		test_dev_close(&dev);
	}
	test_free_pages(buf, 4096);
}

/* Three deep, limits of the bottom: they reach the top, and so do the bytes. */
LAB_TEST(filters, compose_over_every_device)
{
	struct lab_limits limits = { .max_sectors = 16, .max_segments = 2 };
	enum test_dev_kind kind;
	u8 *in = test_pages(65536), *out = test_pages(65536);

	test_fill(in, 0, 65536, 6);
	for (kind = 0; kind < TEST_NR_KINDS; kind++) {
		struct block_device *a, *b, *c;
		struct test_dev dev;

		test_dev_open(&dev, kind, TEST_DISK_BYTES, &limits);
		a = stack(dev.bdev, "pass", "");
		b = stack(a, "fault", "flip@2m");
		c = stack(b, "trace", "");
		lab_expect_eq(bdev_nr_sectors(c), bdev_nr_sectors(dev.bdev));
		lab_expect_eq(bdev_max_segments(c), 2);
		lab_expect_eq(queue_max_sectors(bdev_get_queue(c)), 16);
		lab_expect_eq(bdev_logical_block_size(c), bdev_logical_block_size(dev.bdev));
		lab_expect_eq(bdev_dma_alignment(c), bdev_dma_alignment(dev.bdev));
		lab_expect_eq(test_io(c, REQ_OP_WRITE | REQ_PREFLUSH | REQ_FUA, 4096, in, 65536), 0);
		memset(out, 0, 65536);
		lab_expect_eq(test_io(c, REQ_OP_READ, 4096, out, 65536), 0);
		lab_expect_mem(out, in, 65536);
		lab_expect_eq(test_io(c, REQ_OP_READ, 2 << 20, out, 512), 0);
		lab_expect_eq(out[0], 0xff);
		lab_bdev_destroy(c);
		lab_bdev_destroy(b);
		lab_bdev_destroy(a);
		test_dev_close(&dev);
	}
	test_free_pages(in, 65536);
	test_free_pages(out, 65536);
}

/* ---- no memory ------------------------------------------------------------------------------------------ */

#define NR_HUNGRY	8u		/* more than a filter keeps clones back */

struct hungry {
	struct completion done;
	atomic_t left, failed;
};

static void hungry_end_io(struct bio *bio)
{
	struct hungry *h = bio->bi_private;

	if (bio->bi_status)
		atomic_inc(&h->failed);
	if (atomic_dec_and_test(&h->left))
		complete(&h->done);
}

/* As many bios as there are clones, and more: who submits waits for a clone to come back, and gets it. */
static void hungry_run(struct block_device *bdev, u8 *p, u32 step, u32 len)
{
	struct bio *bio[NR_HUNGRY];
	struct hungry h;
	u32 i, at;

	init_completion(&h.done);
	atomic_set(&h.left, NR_HUNGRY);
	atomic_set(&h.failed, 0);
	for (i = 0; i < NR_HUNGRY; i++) {
		bio[i] = bio_alloc(bdev, len / PAGE_SIZE, REQ_OP_WRITE, GFP_KERNEL);
		bio[i]->bi_iter.bi_sector = (u64)i * step >> SECTOR_SHIFT;
		for (at = 0; at < len; at += PAGE_SIZE)
			__bio_add_page(bio[i], virt_to_page(p + i * step + at), PAGE_SIZE, 0);
		bio[i]->bi_private = &h;
		bio[i]->bi_end_io = hungry_end_io;
	}
	kc_fault_nth(KC_FAULT_SLAB, 1, ~0ull);
	for (i = 0; i < NR_HUNGRY; i++)
		submit_bio(bio[i]);
	wait_for_completion_io(&h.done);
	kc_fault_nth(KC_FAULT_SLAB, 0, 0);
	lab_expect_eq(atomic_read(&h.failed), 0);
	for (i = 0; i < NR_HUNGRY; i++)
		bio_put(bio[i]);
}

LAB_TEST(filters, no_memory_for_clones)
{
	struct block_device *ram = lab_ram_create(DISK_BYTES, NULL), *low = stack(ram, "pass", "");
	struct block_device *bdev = stack(low, "pass", "");
	u8 *p = test_pages(NR_HUNGRY * PAGE_SIZE);

	hungry_run(bdev, p, PAGE_SIZE, PAGE_SIZE);
	lab_bdev_destroy(bdev);
	lab_bdev_destroy(low);
	test_free_pages(p, NR_HUNGRY * PAGE_SIZE);
	lab_bdev_destroy(ram);
}

/* Each bio is cut three times on its way through the upper filter, and each piece is cloned by the lower one. */
LAB_TEST(filters, no_memory_for_pieces)
{
	struct block_device *ram = lab_ram_create(DISK_BYTES, NULL), *low = stack(ram, "pass", "");
	struct block_device *bdev = stack(low, "stripe", "2,4k");
	u8 *p = test_pages(NR_HUNGRY * 4 * PAGE_SIZE);

	hungry_run(bdev, p, 4 * PAGE_SIZE, 4 * PAGE_SIZE);
	lab_bdev_destroy(bdev);
	lab_bdev_destroy(low);
	test_free_pages(p, NR_HUNGRY * 4 * PAGE_SIZE);
	lab_bdev_destroy(ram);
}
