// SPDX-License-Identifier: GPL-2.0-only
/*
 * The loop command of @6.1, seen through a file that answers as a test wants: what it does with a short write and
 * with a completion that is faster than the submission, and when it allocates an array.
 */
#include <linux/fs.h>
#include <linux/slab.h>
#include "burst.h"

#define IO_BYTES	8192

static struct file_operations spy;
static const struct file_operations *real_fops;
static ssize_t spy_answer;
static bool spy_async;
static unsigned int spy_calls, spy_ended_early;
static struct bio *spy_bio;

/* Takes spy_answer bytes, through the callback or at once; the bytes go nowhere. */
static ssize_t spy_rw_iter(struct kiocb *iocb, struct iov_iter *iter)
{
	spy_calls++;
	iov_iter_advance(iter, spy_answer);
	if (!spy_async)
		return spy_answer;
	iocb->ki_complete(iocb, spy_answer);
	spy_ended_early += spy_bio && spy_bio->bi_end_io == NULL;
	return -EIOCBQUEUED;
}

static void spy_up(struct rig *r, bool async, ssize_t answer)
{
	struct rig_opts o = { .file_bytes = 1 << 20, .loop = true };

	rig_up(r, &o);
	real_fops = r->file->file.f_op;
	spy = *real_fops;
	spy.read_iter = spy.write_iter = spy_rw_iter;
	r->file->file.f_op = &spy;
	spy_async = async;
	spy_answer = answer;
	spy_calls = spy_ended_early = 0;
}

static void spy_down(struct rig *r)
{
	r->file->file.f_op = real_fops;
	rig_down(r);
}

/*
 * The cousin of D1, as it is in 6.1: a write of which the file has taken a part ends well, and is not tried again.
 * A test that fails when the defect is gone; the plain variant's command issues the rest.
 */
LAB_TEST(iter_bvec_61_command, short_write_ends_well)
{
	struct lab_iovec iov;
	struct rig r;
	int async;

	for (async = 0; async < 2; async++) {
		spy_up(&r, async, 4096);
		iov = (struct lab_iovec){ r.mem, IO_BYTES };
		lab_expect_eq(rig_aio(r.bdev, LAB_WRITE, 0, &iov, 1, 0), IO_BYTES);
		lab_expect_eq(spy_calls, 1);
		spy_down(&r);
	}
}

/* A short read advances the request and is issued again, until there is nothing more. */
LAB_TEST(iter_bvec_61_command, short_read_is_issued_again)
{
	struct lab_iovec iov;
	struct rig r;

	spy_up(&r, false, 4096);
	iov = (struct lab_iovec){ r.mem, IO_BYTES };
	lab_expect_eq(rig_aio(r.bdev, LAB_READ, 0, &iov, 1, 0), IO_BYTES);
	lab_expect_eq(spy_calls, 2);
	spy_answer = 0;
	rig_set(r.mem, 0xa5, IO_BYTES);
	lab_expect_eq(rig_aio(r.bdev, LAB_READ, 0, &iov, 1, 0), -EIO);
	lab_expect_eq(spy_calls, 3);
	lab_expect_eq(rig_find_other(r.mem, 0, IO_BYTES), -1);
	spy_down(&r);
}

static void plain_end_io(struct bio *bio)
{
	int *done = bio->bi_private;

	bio->bi_end_io = NULL;
	smp_store_release(done, 1);
}

/* The kiocb ends while it is still being submitted: the request does not, before the submission is through. */
LAB_TEST(iter_bvec_61_command, completion_faster_than_submission)
{
	struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	struct rig r;
	int done = 0;

	spy_up(&r, true, PAGE_SIZE);
	spy_bio = bio_alloc(rig_design->loop_bdev(r.loop), 1, REQ_OP_WRITE, GFP_KERNEL);
	__bio_add_page(spy_bio, page, PAGE_SIZE, 0);
	spy_bio->bi_private = &done;
	spy_bio->bi_end_io = plain_end_io;
	submit_bio(spy_bio);
	while (!smp_load_acquire(&done))
		yield();
	lab_expect_eq(spy_calls, 1);
	lab_expect_eq(spy_ended_early, 0);
	lab_expect_eq(spy_bio->bi_status, BLK_STS_OK);
	bio_put(spy_bio);
	spy_bio = NULL;
	__free_page(page);
	spy_down(&r);
}

/* One bio: its array is borrowed. Several: an array from kmalloc, which may fail, and then nothing was written. */
LAB_TEST(iter_bvec_61_command, array_for_several_bios_only)
{
	struct rig_opts o = { .file_bytes = 1 << 20, .loop = true };
	struct block_device *bdev;
	struct rig r;
	u64 other;

	rig_up(&r, &o);
	bdev = rig_design->loop_bdev(r.loop);
	burst_run(burst_make(bdev, REQ_OP_WRITE, 4, 1), true);	/* slabs are warm */
	kc_probes_reset();
	burst_run(burst_make(bdev, REQ_OP_WRITE, 1, 1), true);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_REQUESTS), 1);
	other = rig_count(LAB_LOOP, LAB_ALLOC_OTHER);
	kc_probes_reset();
	burst_run(burst_make(bdev, REQ_OP_WRITE, 4, 1), true);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_REQUESTS), 1);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_ALLOC_OTHER), other + 1);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_ALLOC_DIO), 1);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_ALLOC_BIO), 1);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_ALLOC_CMD), 0);
	rig_expect_written(&r, r.file, 0, BURST_BYTE, 4 * PAGE_SIZE);
	rig_down(&r);
}
