// SPDX-License-Identifier: GPL-2.0-only
/*
 * filter.c - the table of filters, and what every filter needs: a stacking disk, clones, arguments.
 *
 * A filter's disk has the size and the limits of the disk below, so a bio that fits the one fits the other and
 * is not cut for limits here. A filter that moves sectors (->map) may make the disk smaller, and cuts a bio
 * where the sectors jump; under the old rule on bios it says so beforehand, in merge_bvec_fn, and so does
 * every filter on top of it. Its ->submit_bio runs under sim/block's rule for stacking drivers: it must not wait.
 *
 * A filter can be polled if what is below can: completions come to the task that submitted, whatever lies
 * between.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/bug.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <lab/filter.h>
#include <trace/events/block.h>
#include "filters.h"

#define FILTER_MAJOR	253	/* what device-mapper usually gets */

const struct lab_filter_type *const lab_filter_types[] = {
	&lab_filter_trace,
	&lab_filter_fault,
	&lab_filter_linear,
	&lab_filter_stripe,
	&lab_filter_template,
	NULL
};

const struct lab_filter_type *lab_filter_find(const char *name)
{
	const struct lab_filter_type *const *type;

	for (type = lab_filter_types; *type; type++)
		if (!strcmp((*type)->name, name))
			return *type;
	return NULL;
}

const char *lab_parse_bytes(const char *s, u64 *value)
{
	unsigned int base = 10, digit, shift = 0;
	const char *first;
	u64 n = 0;

	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X')) {
		base = 16;
		s += 2;
	}
	for (first = s; ; s++) {
		if (*s >= '0' && *s <= '9')
			digit = *s - '0';
		else if (base == 16 && (*s | 0x20) >= 'a' && (*s | 0x20) <= 'f')
			digit = (*s | 0x20) - 'a' + 10;
		else
			break;
		if (n > (S64_MAX - digit) / base)
			return NULL;
		n = n * base + digit;
	}
	if (s == first)
		return NULL;
	switch (*s | 0x20) {
	case 'k':
		shift = 10;
		break;
	case 'm':
		shift = 20;
		break;
	case 'g':
		shift = 30;
		break;
	}
	if (n > (u64)S64_MAX >> shift)
		return NULL;
	*value = n << shift;
	return s + !!shift;
}

static int parse(const struct lab_filter_type *type, void *priv, const char *arg, char *why, size_t why_bytes)
{
	BUG_ON(type->priv_bytes > LAB_FILTER_PRIV_MAX);
	if (type->parse)
		return type->parse(priv, arg, why, why_bytes);
	if (!*arg)
		return 0;
	scnprintf(why, why_bytes, "%s takes no argument, got \"%s\"", type->name, arg);
	return -EINVAL;
}

int lab_filter_check(const struct lab_filter_type *type, const char *arg, char *why, size_t why_bytes)
{
	u64 priv[LAB_FILTER_PRIV_MAX / sizeof(u64)] = { 0 };

	return parse(type, priv, arg, why, why_bytes);
}

static void filter_destroy(struct lab_device *dev)
{
	struct lab_filter_dev *f = container_of(dev, struct lab_filter_dev, dev);

	if (f->type->stop)
		f->type->stop(f);
	del_gendisk(dev->disk);
	put_disk(dev->disk);
	bioset_exit(&f->clones);
	kfree(f);
}

static sector_t map(const struct lab_filter_dev *f, sector_t sector, u32 *nr_sectors)
{
	return f->type->map ? f->type->map(f, sector, nr_sectors) : sector;
}

/* The old rule: what this filter and those below say about one more piece. */
static int filter_merge_bvec(struct request_queue *q, struct bvec_merge_data *bvm, struct bio_vec *bvec)
{
	const struct lab_filter_dev *f = container_of((struct lab_device *)q->disk->private_data,
						      struct lab_filter_dev, dev);
	struct request_queue *below = bdev_get_queue(f->lower);
	u32 asked = DIV_ROUND_UP(bvm->bi_size + bvec->bv_len, SECTOR_SIZE), nr = asked;
	struct bvec_merge_data lower = *bvm;
	unsigned int most = bvec->bv_len;

	lower.bi_bdev = f->lower;
	lower.bi_sector = map(f, bvm->bi_sector, &nr);
	if (nr < asked)
		most = max(nr << SECTOR_SHIFT, bvm->bi_size) - bvm->bi_size;
	if (below->merge_bvec_fn)
		most = min_t(unsigned int, most, below->merge_bvec_fn(below, &lower, bvec));
	if (!bvm->bi_size)	/* one page is taken wherever it lies, and cut if need be */
		most = max(most, bvec_iter_len(bvec, ((struct bvec_iter) { .bi_size = bvec->bv_len })));
	return most;
}

static int add_filter_disk(struct lab_filter_dev *f, sector_t capacity)
{
	struct gendisk *disk = blk_alloc_disk(NUMA_NO_NODE);
	int err;

	if (!disk)
		return -ENOMEM;
	f->dev.disk = disk;
	disk->major = FILTER_MAJOR;
	disk->private_data = &f->dev;
	disk->fops = f->type->fops;
	disk->lab_scope = LAB_LOWER;
	disk->lab_stacking = true;
	scnprintf(disk->disk_name, sizeof(disk->disk_name), "%s", f->type->name);
	disk_stack_limits(disk, f->lower, 0);
	blk_queue_write_cache(disk->queue, bdev_write_cache(f->lower), bdev_fua(f->lower));
	if (blk_queue_poll(bdev_get_queue(f->lower)))
		blk_queue_flag_set(QUEUE_FLAG_POLL, disk->queue);
	if (f->type->map || bdev_get_queue(f->lower)->merge_bvec_fn)
		blk_queue_merge_bvec(disk->queue, filter_merge_bvec);
	set_capacity(disk, capacity);
	err = add_disk(disk);
	if (err)
		put_disk(disk);
	return err;
}

struct block_device *lab_filter_create(const struct lab_filter_type *type, struct block_device *lower,
				       const char *arg, char *why, size_t why_bytes)
{
	struct lab_filter_dev *f = kzalloc(sizeof(*f), GFP_KERNEL);
	sector_t capacity = bdev_nr_sectors(lower);
	int err;

	if (!f)
		return ERR_PTR(-ENOMEM);
	f->type = type;
	f->lower = lower;
	f->dev.name = type->name;
	f->dev.destroy = filter_destroy;
	err = parse(type, f->priv, arg, why, why_bytes);
	if (!err && type->setup)
		err = type->setup(f, &capacity, why, why_bytes);
	if (err)
		goto free;
	err = bioset_init(&f->clones, BIO_POOL_SIZE, 0, BIOSET_NEED_RESCUER);
	if (err)
		goto free;
	err = add_filter_disk(f, capacity);
	if (err)
		goto exit_set;
	if (type->start)
		type->start(f);
	return f->dev.disk->part0;

exit_set:
	bioset_exit(&f->clones);
free:
	kfree(f);
	return ERR_PTR(err);
}

struct lab_filter_dev *lab_filter_of(const struct bio *bio)
{
	struct lab_device *dev = bio->bi_bdev->bd_disk->private_data;

	return container_of(dev, struct lab_filter_dev, dev);
}

static void pass_from(struct lab_filter_dev *f, struct bio *bio, sector_t from)
{
	bio_set_dev(bio, f->lower);
	trace_block_bio_remap(bio, disk_devt(f->dev.disk), from);
	submit_bio_noacct(bio);
}

void lab_filter_pass(struct lab_filter_dev *f, struct bio *bio)
{
	pass_from(f, bio, bio->bi_iter.bi_sector);
}

void lab_filter_pass_mapped(struct bio *bio)
{
	struct lab_filter_dev *f = lab_filter_of(bio);
	u32 nr_sectors = bio_sectors(bio);
	sector_t sector, from = bio->bi_iter.bi_sector;

	if (!nr_sectors) {
		lab_filter_pass(f, bio);
		return;
	}
	sector = map(f, bio->bi_iter.bi_sector, &nr_sectors);
	if (nr_sectors < bio_sectors(bio)) {
		if (unlikely(lab_bio_old_rule) && bio_has_data(bio) && bio_segments(bio) > 1) {
			pr_err("%s: bio too big: %u sectors at %llu, which is not in one piece below\n", f->dev.name,
			       bio_sectors(bio), (unsigned long long)bio->bi_iter.bi_sector);
			bio_io_error(bio);
			return;
		}
		bio = lab_split_submit(bio, nr_sectors, &f->clones);
		if (!bio)
			return;
	}
	bio->bi_iter.bi_sector = sector;
	pass_from(f, bio, from);
}

struct block_device *lab_filter_bottom(struct block_device *bdev, sector_t *sector, u32 *nr_sectors)
{
	for (;;) {
		struct lab_device *dev = bdev->bd_disk->private_data;
		const struct lab_filter_dev *f = container_of(dev, struct lab_filter_dev, dev);

		if (dev->destroy != filter_destroy)
			return bdev;
		*sector = map(f, *sector, nr_sectors);
		bdev = f->lower;
	}
}

struct bio *lab_filter_clone(struct lab_filter_dev *f, struct bio *bio, void (*end_io)(struct bio *clone))
{
	struct bio *clone = bio_alloc_clone(f->lower, bio, GFP_NOIO, &f->clones);

	BUG_ON(!clone);		/* GFP_NOIO on a mempool does not fail */
	trace_block_bio_remap(clone, disk_devt(f->dev.disk), bio->bi_iter.bi_sector);
	clone->bi_private = bio;
	clone->bi_end_io = end_io;
	return clone;
}

void lab_filter_end(struct bio *clone)
{
	struct bio *bio = lab_filter_origin(clone);

	if (clone->bi_status)
		bio->bi_status = clone->bi_status;
	bio_put(clone);
	bio_endio(bio);
}
