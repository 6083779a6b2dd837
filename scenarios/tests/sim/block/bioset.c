// SPDX-License-Identifier: GPL-2.0-only
/*
 * bio_sets: layout, arrays by size, progress without memory.
 */
#include <kc/fault.h>
#include "host.h"
#include "testdev.h"

struct mine {
	u64 before[3];
	struct bio bio;
};

LAB_TEST(bioset, front_pad_and_inline_vecs)
{
	struct page *page = alloc_page(GFP_KERNEL);
	struct bio_set bs;
	struct mine *m;
	struct bio *bio;
	unsigned int i;

	lab_expect_eq(bioset_init(&bs, 4, offsetof(struct mine, bio), BIOSET_NEED_BVECS), 0);
	bio = bio_alloc_bioset(NULL, 3, REQ_OP_READ, GFP_KERNEL, &bs);
	m = container_of(bio, struct mine, bio);
	memset(m->before, 0x77, sizeof(m->before));
	lab_expect(bio->bi_io_vec == bio->bi_inline_vecs);
	lab_expect_eq(bio->bi_max_vecs, BIO_INLINE_VECS);
	for (i = 0; i < BIO_INLINE_VECS; i++)
		__bio_add_page(bio, page, 8, i * 16);
	lab_expect(bio_full(bio, 8));
	lab_expect_eq(m->before[2], 0x7777777777777777ull);
	bio_put(bio);
	bioset_exit(&bs);
	__free_page(page);
}

/* As many as there may be loop devices and files on one another, and more than there can be slabs. */
LAB_TEST(bioset, sets_of_one_size_share_a_slab)
{
	enum { NR = 200 };
	struct bio_set *bs = kcalloc(NR, sizeof(*bs), GFP_KERNEL);
	struct bio_set other = { };
	struct bio *bio;
	unsigned int i;

	lab_expect(bs);
	for (i = 0; i < NR; i++)
		lab_expect_eq(bioset_init(&bs[i], 1, offsetof(struct mine, bio), 0), 0);
	lab_expect_eq(bioset_init(&other, 1, 0, 0), 0);
	lab_expect(bs[0].bio_slab == bs[NR - 1].bio_slab);
	lab_expect(bs[0].bio_slab != other.bio_slab);
	bio = bio_alloc_bioset(NULL, 0, REQ_OP_READ, GFP_KERNEL, &bs[NR - 1]);
	for (i = 0; i < NR - 1; i++)
		bioset_exit(&bs[i]);
	bioset_exit(&other);
	lab_expect_eq(kc_cache_live(bs[NR - 1].bio_slab), 2);	/* and the one in reserve */
	bio_put(bio);
	bioset_exit(&bs[NR - 1]);
	kfree(bs);
}

/* A size too many is refused; those there are go on. */
LAB_TEST(bioset, more_sizes_than_slabs)
{
	enum { MAX = 40 };
	struct bio_set bs[MAX] = { };
	unsigned int i, nr;

	for (nr = 0; nr < MAX; nr++)
		if (bioset_init(&bs[nr], 1, (nr + 1) * __alignof__(struct bio), 0))
			break;
	lab_expect_ge(nr, 16);
	lab_expect_lt(nr, MAX);
	lab_expect(!bioset_initialized(&bs[nr]));
	lab_expect_eq(bioset_init(&bs[nr], 1, __alignof__(struct bio), 0), 0);
	for (i = 0; i <= nr; i++)
		bioset_exit(&bs[i]);
}

LAB_TEST(bioset, impossible_arguments)
{
	struct bio_set bs = { };

	lab_expect_eq(bioset_init(&bs, 0, 0, 0), -EINVAL);
	lab_expect_eq(bioset_init(&bs, 1, 4, 0), -EINVAL);
	bioset_exit(&bs);
	lab_expect(!bio_alloc(NULL, BIO_MAX_VECS + 1, REQ_OP_READ, GFP_KERNEL));
	lab_expect(!bioset_initialized(&bs));
}

LAB_TEST(bioset, arrays_of_every_size)
{
	static const unsigned short wanted[] = { 0, 1, 4, 5, 16, 17, 64, 65, 128, 129, 255, 256 };
	struct page *page = alloc_page(GFP_KERNEL);
	unsigned int i, n;

	for (i = 0; i < ARRAY_SIZE(wanted); i++) {
		unsigned short nr = bio_max_segs(wanted[i]);
		struct bio *bio = bio_alloc(NULL, nr, REQ_OP_READ, GFP_KERNEL);

		lab_expect_ge(bio->bi_max_vecs, nr);
		lab_expect_le(bio->bi_max_vecs, max_t(unsigned int, BIO_MAX_VECS, BIO_INLINE_VECS));
		for (n = 0; n < bio->bi_max_vecs; n++)
			__bio_add_page(bio, page, 8, 16 * (n % 8));
		bio_put(bio);
	}
	__free_page(page);
}

LAB_TEST(bioset, reserve_carries_when_memory_is_gone)
{
	struct bio *bio[3];
	struct bio_set bs;

	lab_expect_eq(bioset_init(&bs, 2, 0, BIOSET_NEED_BVECS), 0);
	kc_fault_nth(KC_FAULT_SLAB, 1, ~0ull);
	bio[0] = bio_alloc_bioset(NULL, 0, REQ_OP_READ, GFP_NOIO, &bs);
	bio[1] = bio_alloc_bioset(NULL, BIO_MAX_VECS, REQ_OP_READ, GFP_NOIO, &bs);
	lab_expect(bio[0] && bio[1]);
	lab_expect_ge(bio[1]->bi_max_vecs, BIO_MAX_VECS);
	/* The reserve is used up, and this one may not wait. */
	lab_expect(!bio_alloc_bioset(NULL, 0, REQ_OP_READ, GFP_NOWAIT, &bs));
	bio_put(bio[0]);
	bio[2] = bio_alloc_bioset(NULL, 0, REQ_OP_READ, GFP_NOIO, &bs);
	lab_expect(bio[2]);
	kc_fault_nth(KC_FAULT_SLAB, 0, 0);
	bio_put(bio[1]);
	bio_put(bio[2]);
	bioset_exit(&bs);
}

LAB_TEST(bioset, failed_init_leaves_nothing)
{
	unsigned int nth, failed = 0;
	struct bio_set bs;

	for (nth = 1; nth <= 6; nth++) {
		kc_fault_nth(KC_FAULT_SLAB, nth, 1);
		if (bioset_init(&bs, 2, 0, BIOSET_NEED_BVECS))
			failed++;
		else
			bioset_exit(&bs);
		kc_fault_nth(KC_FAULT_SLAB, 0, 0);
	}
	lab_expect_gt(failed, 0);
}

/* ---- the rescuer ---------------------------------------------------------------------- */

/*
 * A driver that answers each bio with two clones, from a set that has one in reserve. The second one can
 * only be had after the first has ended, and that waits on current->bio_list of the very task that
 * allocates.
 */
struct cloner {
	struct gendisk *disk;
	struct bio_set bs;
	struct block_device *lower;
};

static void cloner_end_io(struct bio *clone)
{
	struct bio *bio = clone->bi_private;

	if (clone->bi_status)
		bio->bi_status = clone->bi_status;
	bio_put(clone);
	bio_endio(bio);
}

static void cloner_submit_bio(struct bio *bio)
{
	struct cloner *c = bio->bi_bdev->bd_disk->private_data;
	unsigned int half = bio_sectors(bio) / 2, i;

	/* Two ends to come. */
	bio_set_flag(bio, BIO_CHAIN);
	atomic_inc(&bio->__bi_remaining);
	for (i = 0; i < 2; i++) {
		struct bio *clone = bio_alloc_clone(c->lower, bio, GFP_NOIO, &c->bs);

		bio_trim(clone, i * half, half);
		clone->bi_private = bio;
		clone->bi_end_io = cloner_end_io;
		submit_bio_noacct(clone);
	}
}

static const struct block_device_operations cloner_fops = { .submit_bio = cloner_submit_bio };

static void cloner_init(struct cloner *c, struct block_device *lower, int set_flags)
{
	c->lower = lower;
	lab_expect_eq(bioset_init(&c->bs, 1, 0, set_flags), 0);
	c->disk = blk_alloc_disk(NUMA_NO_NODE);
	c->disk->fops = &cloner_fops;
	c->disk->private_data = c;
	set_capacity(c->disk, bdev_nr_sectors(lower));
	lab_expect_eq(add_disk(c->disk), 0);
}

static void cloner_exit(struct cloner *c)
{
	del_gendisk(c->disk);
	put_disk(c->disk);
	bioset_exit(&c->bs);
}

static void write_through_cloner(int set_flags)
{
	struct tdev *dev = tdev_create(4);
	struct cloner c;
	u8 *buf = kmalloc(4096, GFP_KERNEL);
	unsigned int round;

	cloner_init(&c, dev->bdev, set_flags);
	for (round = 0; round < 8; round++) {
		struct bio *bio = tbio(c.disk->part0, REQ_OP_WRITE, round * 8, buf, 4096);

		memset(buf, round + 1, 4096);
		kc_fault_nth(KC_FAULT_SLAB, 1, ~0ull);
		lab_expect_eq(submit_bio_wait(bio), 0);
		kc_fault_nth(KC_FAULT_SLAB, 0, 0);
		lab_expect_mem(dev->data + round * 4096, buf, 4096);
		bio_put(bio);
	}
	cloner_exit(&c);
	kfree(buf);
	tdev_destroy(dev);
}

LAB_TEST(bioset, rescuer_makes_progress_with_one_bio)
{
	write_through_cloner(BIOSET_NEED_RESCUER);
}

static void without_rescuer(void *arg)
{
	write_through_cloner(0);
}

/* Exit status 0: the run was given up as deadlocked. */
static void expect_deadlock(void *arg)
{
	int failures;

	host_exit(kc_run(true, lab_test_base_seed(), NULL, without_rescuer, NULL, &failures) !=
		  KC_RUN_DEADLOCK);
}

LAB_TEST_BARE(bioset, without_rescuer_the_same_hangs)
{
	if (!host_engine_built(HOST_DET))
		lab_test_skip("only det sees that nothing can happen any more");
	lab_expect_eq(lab_test_fork(expect_deadlock, NULL), 0);
}
