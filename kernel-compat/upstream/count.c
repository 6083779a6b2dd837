// SPDX-License-Identifier: GPL-2.0-only
/*
 * count.c - what an IO costs, counted at the kernel's own tracepoints, and the scopes it is charged to.
 *
 * bios, splits and merges are counted where the kernel traces them: block_bio_queue fires once a bio (not again for
 * what is left of one that was split), block_split once a split, which chains the two. A split is not counted as a clone, here as in
 * sim/block; nothing that runs here clones otherwise.
 *
 * A bio enters the scope of its disk in blk_mq_submit_bio(), and leaves it, at its end, for the one above: bios of
 * the disk at the bottom are the file's (UP_LOOP), bios of a loop device are those of who uses it (UP_UPPER). The
 * calls between block/blk-core.c and block/blk-mq.c, and those of bio_endio() in blk-mq.c and bio.c's callers, are
 * given names of ours by the build (see redirect): up_submit_bio(), up_bio_endio().
 */
#include <linux/bio.h>
#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/string.h>
#include <linux/tracepoint-defs.h>
#include "block/blk-mq.h"
#include "k.h"

/* ---- tracepoints ------------------------------------------------------------------------------------------ */

static void on_bio_queue(void *data, struct bio *bio)
{
	upl_count(UP_N_BIOS, 1);
}

static void on_split(void *data, struct bio *bio, unsigned int new_sector)
{
	upl_count(UP_N_SPLITS, 1);
	upl_count(UP_N_CHAINS, 1);
}

static void on_merge(void *data, struct bio *bio)
{
	upl_count(UP_N_MERGES, 1);
}

extern struct tracepoint __tracepoint_block_bio_queue, __tracepoint_block_split, __tracepoint_block_bio_backmerge,
			 __tracepoint_block_bio_frontmerge;

static void watch(struct tracepoint *tp, struct tracepoint_func *funcs, void *func)
{
	funcs[0].func = func;
	rcu_assign_pointer(tp->funcs, funcs);
	static_key_enable(&tp->key);
}

void up_count_init(void)
{
	static struct tracepoint_func funcs[4][2];

	watch(&__tracepoint_block_bio_queue, funcs[0], on_bio_queue);
	watch(&__tracepoint_block_split, funcs[1], on_split);
	watch(&__tracepoint_block_bio_backmerge, funcs[2], on_merge);
	watch(&__tracepoint_block_bio_frontmerge, funcs[3], on_merge);
}

/* ---- scopes --------------------------------------------------------------------------------------------------- */

void up_submit_bio(struct bio *bio);
void up_submit_bio(struct bio *bio)
{
	int old = upl_scope_enter(up_disk_scope(bio->bi_bdev->bd_disk));

	blk_mq_submit_bio(bio);
	upl_scope_enter(old);
}

void up_bio_endio(struct bio *bio);
void up_bio_endio(struct bio *bio)
{
	int old = upl_scope_enter(up_disk_scope(bio->bi_bdev->bd_disk) == UP_LOOP ? UP_UPPER : UP_LOOP);

	bio_endio(bio);
	upl_scope_enter(old);
}

/* ---- payload that iov_iter.c moves itself ------------------------------------------------------------------------ */

void *up_payload_copy(void *to, const void *from, size_t n);
void *up_payload_copy(void *to, const void *from, size_t n)
{
	upl_count(UP_N_COPY_BYTES, n);
	return memcpy(to, from, n);
}

void *up_payload_set(void *to, int c, size_t n);
void *up_payload_set(void *to, int c, size_t n)
{
	upl_count(UP_N_COPY_BYTES, n);
	return memset(to, c, n);
}

/* What is whole sectors is a hole's zeroes; the rest is fs/direct-io.c's own state, cleared by the same call. */
void *up_dio_set(void *to, int c, size_t n);
void *up_dio_set(void *to, int c, size_t n)
{
	if (n % SECTOR_SIZE == 0)
		upl_count(UP_N_COPY_BYTES, n);
	return memset(to, c, n);
}
