/* SPDX-License-Identifier: GPL-2.0-only */
/* devs.h - devices and transfers for the tests of sim/drivers and fs-model. */
#ifndef LAB_TEST_DEVS_H
#define LAB_TEST_DEVS_H

#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <lab/disk.h>
#include "host.h"
#include "lab_test.h"

#define TEST_DISK_BYTES	(4u << 20)

enum test_dev_kind { TEST_RAM, TEST_DISK, TEST_NR_KINDS };

/* @host: NULL: simulated */
struct test_dev {
	struct host_disk *host;
	struct block_device *bdev;
};

/* A device of @bytes: in memory, or an unnamed file; skips if neither directory has O_DIRECT. */
static inline void test_dev_open(struct test_dev *dev, enum test_dev_kind kind, u64 bytes,
				 const struct lab_limits *limits)
{
	struct host_disk_info info;
	char why[256] = "";

	dev->host = NULL;
	if (kind == TEST_RAM) {
		dev->bdev = lab_ram_create(bytes, limits);
	} else {
		if (host_disk_open(".", HOST_DISK_TEMP, bytes, &dev->host, &info, why, sizeof(why)) &&
		    host_disk_open("/tmp", HOST_DISK_TEMP, bytes, &dev->host, &info, why, sizeof(why)))
			lab_test_skip(why);
		lab_expect_ge(info.size_bytes, bytes);
		dev->bdev = lab_disk_open(dev->host, &info, limits);
	}
	lab_expect(!IS_ERR(dev->bdev));
}

static inline void test_dev_close(struct test_dev *dev)
{
	lab_bdev_destroy(dev->bdev);
	if (dev->host)
		host_disk_close(dev->host);
}

/*
 * Move @len_bytes of @buf, from slab or page memory and aligned to sectors, in one bio of elements that end
 * at page ends; @buf NULL: an operation without data. Sleeps; returns 0 or -errno.
 */
static inline int test_io(struct block_device *bdev, blk_opf_t opf, u64 pos_bytes, void *buf, u32 len_bytes)
{
	u32 nr = len_bytes / PAGE_SIZE + 2, at, step;
	struct bio_vec *vecs = kmalloc_array(nr, sizeof(*vecs), GFP_KERNEL);
	struct bio bio;
	int err;

	lab_expect(vecs);
	bio_init(&bio, bdev, vecs, nr, opf);
	bio.bi_iter.bi_sector = pos_bytes >> SECTOR_SHIFT;
	for (at = 0; buf && at < len_bytes; at += step) {
		step = min_t(u32, len_bytes - at, PAGE_SIZE - offset_in_page(buf + at));
		__bio_add_page(&bio, virt_to_page(buf + at), step, offset_in_page(buf + at));
	}
	if (!buf)
		bio.bi_iter.bi_size = len_bytes;
	err = submit_bio_wait(&bio);
	bio_uninit(&bio);
	kfree(vecs);
	return err;
}

/* Page memory of @bytes, physically contiguous; zeroed. */
static inline void *test_pages(u32 bytes)
{
	unsigned int order = ilog2(roundup_pow_of_two(bytes) >> PAGE_SHIFT);
	void *p = (void *)__get_free_pages(GFP_KERNEL | __GFP_ZERO, order);

	lab_expect(p);
	return p;
}

static inline void test_free_pages(void *p, u32 bytes)
{
	free_pages((unsigned long)p, ilog2(roundup_pow_of_two(bytes) >> PAGE_SHIFT));
}

/* Bytes that say where they belong: position and a seed. */
static inline void test_fill(u8 *p, u64 pos_bytes, u32 len_bytes, u32 seed)
{
	u32 i;

	for (i = 0; i < len_bytes; i++) {
		u64 x = (pos_bytes + i) * 0x9e3779b97f4a7c15ull + seed * 0xbf58476d1ce4e5b9ull;

		p[i] = (x ^ x >> 29) >> 17;
	}
}

/* Another task that runs fn(arg) to its end, which test_task_join() waits for. */
struct test_task {
	struct task_struct *task;
	struct completion done;
	void (*fn)(void *arg);
	void *arg;
};

static inline int test_task_main(void *arg)
{
	struct test_task *t = arg;

	t->fn(t->arg);
	complete(&t->done);
	return 0;
}

static inline void test_task_start(struct test_task *t, void (*fn)(void *arg), void *arg)
{
	t->fn = fn;
	t->arg = arg;
	init_completion(&t->done);
	t->task = kthread_run(test_task_main, t, "test");
	lab_expect(!IS_ERR(t->task));
}

static inline void test_task_join(struct test_task *t)
{
	wait_for_completion(&t->done);
	lab_expect_eq(kthread_stop(t->task), 0);
}

/* xorshift, for choices of a test: independent of the run's own stream */
static inline u64 test_rand(u64 *state, u64 below)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (*state >> 11) % below;
}

static inline u64 test_seed(void)
{
	u64 seed = lab_test_base_seed();

	lab_test_seed(seed);
	return seed | 1;	/* xorshift stands still at 0 */
}

#endif
