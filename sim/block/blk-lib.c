// SPDX-License-Identifier: GPL-2.0-only
/*
 * blk-lib.c - whole jobs on a block device, waited for: flush, discard, zero.
 *
 * A long range is as many bios as it takes, each submitted before the next is allocated, so that nobody waits for memory
 * with a bio in hand: all are children of one that is on the stack, is never submitted, and is waited for. (Linux chains
 * each to the next, so that there are two in hand, and fs_bio_set keeps two back for all.)
 *
 * Source: the contracts of block/blk-lib.c and blk-flush.c of Linux 6.1.
 */
#include "blk.h"

/* Sectors of one discard or write-zeroes bio: what bi_size holds, in whole pages. */
#define LAB_MAX_RANGE_SECTORS	(round_down(BIO_MAX_SIZE_BYTES >> SECTOR_SHIFT, PAGE_SECTORS))

/* The same, under the old rule on bios: what the device takes, which has said that it takes some. */
static unsigned int range_sectors(struct block_device *bdev, blk_opf_t opf)
{
	unsigned int most = LAB_MAX_RANGE_SECTORS;

	if (unlikely(lab_bio_old_rule)) {
		most = min(most, (opf & REQ_OP_MASK) == REQ_OP_DISCARD ? bdev_max_discard_sectors(bdev) :
									bdev_write_zeroes_sectors(bdev));
		most = round_down(most, bdev_logical_block_size(bdev) >> SECTOR_SHIFT);
	}
	return most;
}

/**
 * blkdev_issue_flush - what was written before is durable when this returns
 *
 * Returns 0 or -errno; 0 at once on a device without a volatile cache. Context: task, may sleep.
 */
int blkdev_issue_flush(struct block_device *bdev)
{
	struct bio bio;
	int err;

	bio_init(&bio, bdev, NULL, 0, REQ_OP_WRITE | REQ_PREFLUSH);
	err = submit_bio_wait(&bio);
	bio_uninit(&bio);
	return err;
}

/* All bios of a range: their parent, and where it is waited for. On the stack. */
struct lab_range {
	struct bio all;
	struct completion done;
};

static void range_end_io(struct bio *all)
{
	complete(all->bi_private);
}

static void range_begin(struct lab_range *range, struct block_device *bdev, blk_opf_t opf)
{
	bio_init(&range->all, bdev, NULL, 0, opf);
	init_completion(&range->done);
	range->all.bi_private = &range->done;
	range->all.bi_end_io = range_end_io;
}

/* One more, empty, to be submitted. */
static struct bio *range_bio(struct lab_range *range, sector_t sector, unsigned short nr_vecs, gfp_t gfp)
{
	struct bio *bio = bio_alloc(range->all.bi_bdev, nr_vecs, range->all.bi_opf, gfp);

	bio->bi_iter.bi_sector = sector;
	bio_chain(bio, &range->all);
	return bio;
}

/* Wait for all of them. The first error. */
static int range_end(struct lab_range *range)
{
	int err;

	bio_endio(&range->all);
	wait_for_completion_io(&range->done);
	err = blk_status_to_errno(range->all.bi_status);
	bio_uninit(&range->all);
	return err;
}

static int check_range(struct block_device *bdev, sector_t sector, sector_t nr_sects)
{
	sector_t mask = (bdev_logical_block_size(bdev) >> SECTOR_SHIFT) - 1;

	if (bdev_read_only(bdev))
		return -EPERM;
	return (sector | nr_sects) & mask ? -EINVAL : 0;
}

static int issue_range(struct block_device *bdev, sector_t sector, sector_t nr_sects, blk_opf_t opf,
		       gfp_t gfp)
{
	unsigned int most = range_sectors(bdev, opf);
	struct lab_range range;

	if (!most)
		return -EIO;	/* less than one logical block */
	range_begin(&range, bdev, opf | REQ_SYNC);
	while (nr_sects) {
		sector_t len_sect = min_t(sector_t, nr_sects, most);
		struct bio *bio = range_bio(&range, sector, 0, gfp);

		bio->bi_iter.bi_size = len_sect << SECTOR_SHIFT;
		submit_bio(bio);
		sector += len_sect;
		nr_sects -= len_sect;
	}
	return range_end(&range);
}

/**
 * blkdev_issue_discard - the contents of [@sector, @sector + @nr_sects) are not needed any more
 * @sector, @nr_sects: 512-byte units, multiples of the logical block
 * @gfp: must allow blocking
 *
 * Returns 0, -EOPNOTSUPP, -EPERM (read-only), -EINVAL or the device's error. Context: task, may sleep.
 */
int blkdev_issue_discard(struct block_device *bdev, sector_t sector, sector_t nr_sects, gfp_t gfp)
{
	int err = check_range(bdev, sector, nr_sects);

	if (err)
		return err;
	if (!bdev_max_discard_sectors(bdev))
		return -EOPNOTSUPP;
	return issue_range(bdev, sector, nr_sects, REQ_OP_DISCARD, gfp);
}

/* Write the zero page over and over. */
static int write_zero_pages(struct block_device *bdev, sector_t sector, sector_t nr_sects, gfp_t gfp)
{
	struct lab_range range;

	range_begin(&range, bdev, REQ_OP_WRITE | REQ_SYNC);
	while (nr_sects) {
		unsigned int nr_vecs = bio_max_segs(min_t(sector_t, DIV_ROUND_UP_ULL(nr_sects, PAGE_SECTORS),
							  BIO_MAX_VECS));
		struct bio *bio = range_bio(&range, sector, nr_vecs, gfp);

		while (nr_sects && bio->bi_vcnt < nr_vecs) {
			unsigned int len_sect = min_t(sector_t, nr_sects, PAGE_SECTORS);

			if (!bio_add_page(bio, ZERO_PAGE(0), len_sect << SECTOR_SHIFT, 0))
				break;
			sector += len_sect;
			nr_sects -= len_sect;
		}
		submit_bio(bio);
	}
	return range_end(&range);
}

/**
 * blkdev_issue_zeroout - [@sector, @sector + @nr_sects) reads as zeros when this returns
 * @flags: BLKDEV_ZERO_*
 *
 * By REQ_OP_WRITE_ZEROES where the device has it, else by writing the zero page. Arguments, errors and
 * context: blkdev_issue_discard().
 */
int blkdev_issue_zeroout(struct block_device *bdev, sector_t sector, sector_t nr_sects, gfp_t gfp,
			 unsigned int flags)
{
	blk_opf_t opf = REQ_OP_WRITE_ZEROES | (flags & BLKDEV_ZERO_NOUNMAP ? REQ_NOUNMAP : 0);
	int err = check_range(bdev, sector, nr_sects);

	if (err)
		return err;
	if (bdev_write_zeroes_sectors(bdev)) {
		err = issue_range(bdev, sector, nr_sects, opf, gfp);
		if (err != -EOPNOTSUPP)
			return err;
	}
	if (flags & BLKDEV_ZERO_NOFALLBACK)
		return -EOPNOTSUPP;
	return write_zero_pages(bdev, sector, nr_sects, gfp);
}
