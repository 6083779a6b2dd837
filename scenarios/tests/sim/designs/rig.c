// SPDX-License-Identifier: GPL-2.0-only
/*
 * rig.c - see rig.h. Every step is expected to succeed: what fails ends the test.
 */
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "rig.h"

bool rig_knobs(unsigned int k, struct lab_knobs *knobs)
{
	*knobs = (struct lab_knobs){
		.handoff = k & 1 ? LAB_HANDOFF_WORKER : LAB_HANDOFF_INLINE,
		.alloc = k & 2 ? LAB_ALLOC_KMALLOC : LAB_ALLOC_POOL,
		.completion = k & 4 ? LAB_COMPLETION_WQ : LAB_COMPLETION_INLINE,
		.loopq = k & 8 ? LAB_LOOPQ_MQ : LAB_LOOPQ_BIO,
	};
	knobs->variant = rig_variant;
	return !rig_design->unsupported(knobs);
}

/* @wanted, and where the design does not run so, its own defaults: a design that always hops hops. */
static struct lab_knobs rig_adopt(const struct lab_knobs *wanted)
{
	const struct lab_knobs *own = &rig_design->variants[rig_variant].knobs;
	struct lab_knobs k = *wanted;

	k.variant = rig_variant;
	if (lab_test_handoff())
		k.handoff = lab_test_handoff() == 1 ? LAB_HANDOFF_INLINE : LAB_HANDOFF_WORKER;
	if (rig_design->unsupported(&k))
		k.handoff = own->handoff;
	if (rig_design->unsupported(&k))
		k.alloc = own->alloc;
	if (rig_design->unsupported(&k))
		k.loopq = own->loopq;
	if (rig_design->unsupported(&k))
		k.completion = own->completion;
	lab_expect(!rig_design->unsupported(&k));
	return k;
}

static void rig_needs(struct lab_knobs knobs)
{
	const char *why;

	knobs.variant = rig_variant;
	why = rig_design->unsupported(&knobs);
	if (why)
		lab_test_skip(why);
}

void rig_needs_handoff(enum lab_handoff handoff)
{
	struct lab_knobs knobs = rig_design->variants[rig_variant].knobs;

	knobs.handoff = handoff;
	rig_needs(knobs);
	if (handoff == LAB_HANDOFF_INLINE && lab_test_handoff() == 2)
		lab_test_skip("it is about an attempt in the submitter's context, and a worker was asked for");
}

void rig_needs_loopq(enum lab_loopq loopq)
{
	struct lab_knobs knobs = rig_design->variants[rig_variant].knobs;

	knobs.loopq = loopq;
	rig_needs(knobs);
}

void rig_needs_bio_rule(enum lab_bio_rule rule)
{
	struct lab_knobs knobs = rig_design->variants[rig_variant].knobs;

	knobs.bio_rule = rule;
	rig_needs(knobs);
}

static struct block_device *rig_disk(struct rig *r, const struct rig_opts *o)
{
	u64 bytes = o->disk_bytes ? o->disk_bytes : RIG_DISK_BYTES;
	struct host_disk_info info;
	char why[200] = "";

	if (o->disk == RIG_RAM)
		return lab_ram_create(bytes, &o->limits);
	if (o->disk == RIG_NULL)
		return lab_null_create(bytes, &o->limits);
	if (host_disk_open(".", HOST_DISK_TEMP, bytes, &r->host, &info, why, sizeof(why)) < 0)
		lab_test_skip("no O_DIRECT file in the working directory");
	return lab_disk_open(r->host, &info, &o->limits);
}

static struct block_device *rig_filter(struct block_device *lower, const struct lab_filter_type *type, const char *arg)
{
	struct block_device *bdev;
	char why[200] = "";

	bdev = lab_filter_create(type, lower, arg, why, sizeof(why));
	lab_expect(!IS_ERR(bdev));
	return bdev;
}

/* The whole disk, from one page. */
static void rig_fill(struct block_device *bdev, u8 byte)
{
	struct page *page = alloc_page(GFP_KERNEL);
	sector_t sector = 0, end = bdev_nr_sectors(bdev);

	lab_expect(page);
	memset(page_address(page), byte, PAGE_SIZE);
	while (sector < end) {
		struct bio *bio = bio_alloc(bdev, BIO_MAX_VECS, REQ_OP_WRITE, GFP_KERNEL);

		bio->bi_iter.bi_sector = sector;
		while (sector < end && bio_add_page(bio, page, PAGE_SIZE, 0))
			sector += PAGE_SECTORS;
		lab_expect_eq(submit_bio_wait(bio), 0);
		bio_put(bio);
	}
	__free_page(page);
}

void rig_up(struct rig *r, const struct rig_opts *o)
{
	struct lab_knobs knobs = rig_adopt(&o->knobs);
	const struct design *d = rig_design;

	memset(r, 0, sizeof(*r));
	r->knobs = knobs;
	r->rng = lab_test_base_seed();
	lab_test_seed(r->rng);
	lab_set_bio_rule(knobs.bio_rule == LAB_BIO_RULE_OLD);
	lab_expect_eq(d->init(&knobs), 0);
	r->disk = rig_disk(r, o);
	lab_expect(!IS_ERR(r->disk));
	if (o->no_cache || o->no_fua)
		blk_queue_write_cache(bdev_get_queue(r->disk), !o->no_cache, false);
	if (o->fill)
		rig_fill(r->disk, o->fill);
	r->striped = o->stripe ? rig_filter(r->disk, lab_filter_find("stripe"), o->stripe) : NULL;
	r->faulty = o->fault ? rig_filter(r->striped ?: r->disk, lab_filter_find("fault"), o->fault) : NULL;
	r->spied = o->spy ? rig_filter(r->faulty ?: r->striped ?: r->disk, o->spy, "") : NULL;
	r->trace = rig_filter(r->spied ?: r->faulty ?: r->striped ?: r->disk, lab_filter_find("trace"), "");
	r->fs = lab_fs_create(r->trace, &o->fs);
	lab_expect(!IS_ERR(r->fs));
	r->inode = lab_inode_create(r->fs, o->file_bytes);
	lab_expect(!IS_ERR(r->inode));
	r->file = d->open_file(r->inode);
	lab_expect(!IS_ERR(r->file));
	if (o->loop) {
		r->loop = d->loop_add(r->file, &o->loop_opts);
		lab_expect(!IS_ERR(r->loop));
		r->bdev = d->open_bdev(d->loop_bdev(r->loop));
		lab_expect(!IS_ERR(r->bdev));
	}
	r->mm = kc_mm_create();
	lab_expect(r->mm);
	current->mm = r->mm;
	r->mem = kc_mmap(r->mm, RIG_MEM_BYTES, KC_PROT_READ | KC_PROT_WRITE, 0);
	lab_expect(r->mem);
}

void rig_loop_down(struct rig *r)
{
	if (!r->loop)
		return;
	rig_design->close(r->bdev);
	rig_design->loop_del(r->loop);
	r->bdev = NULL;
	r->loop = NULL;
}

void rig_down(struct rig *r)
{
	const struct design *d = rig_design;

	rig_loop_down(r);
	d->close(r->file);
	lab_expect_eq(atomic_read(&r->inode->i_dio_count), 0);
	lab_fs_destroy(r->fs);
	lab_bdev_destroy(r->trace);
	if (r->spied)
		lab_bdev_destroy(r->spied);
	if (r->faulty)
		lab_bdev_destroy(r->faulty);
	if (r->striped)
		lab_bdev_destroy(r->striped);
	lab_bdev_destroy(r->disk);
	if (r->host)
		host_disk_close(r->host);
	d->exit();
	current->mm = NULL;
	kc_mm_destroy(r->mm);
}

ssize_t rig_iov(struct lab_file *file, enum lab_rw rw, loff_t pos, const struct lab_iovec *iov,
		unsigned int nr_segs, unsigned int flags)
{
	struct lab_io io = { .rw = rw, .flags = flags, .pos = pos, .iov = iov, .nr_segs = nr_segs };

	return rig_design->submit(file, &io);
}

ssize_t rig_io(struct lab_file *file, enum lab_rw rw, loff_t pos, unsigned long addr, size_t len_bytes,
	       unsigned int flags)
{
	struct lab_iovec iov = { .base = addr, .len_bytes = len_bytes };

	return rig_iov(file, rw, pos, &iov, 1, flags);
}

static void rig_done(struct lab_io *io, ssize_t res)
{
	struct rig_slot *slot = io->owner;
	struct task_struct *task = slot->task;

	lab_expect_eq(slot->done, 0);
	slot->res = res;
	smp_store_release(&slot->done, 1);	/* @slot may be gone from here on */
	wake_up_process(task);
}

void rig_wait(const int *word)
{
	for (;;) {
		set_current_state(TASK_UNINTERRUPTIBLE);
		if (smp_load_acquire(word))
			break;
		io_schedule();
	}
	__set_current_state(TASK_RUNNING);
}

void rig_start(struct rig_slot *slot, struct lab_file *file, enum lab_rw rw, loff_t pos,
	       const struct lab_iovec *iov, unsigned int nr_segs, unsigned int flags)
{
	ssize_t ret;

	*slot = (struct rig_slot){
		.io = {
			.rw = rw, .flags = flags, .pos = pos, .iov = iov, .nr_segs = nr_segs,
			.done = rig_done, .owner = slot,
		},
		.task = current,
	};
	ret = rig_design->submit(file, &slot->io);
	if (ret == -EIOCBQUEUED)
		return;
	lab_expect_eq(slot->done, 0);
	slot->res = ret;
	slot->done = 1;
}

ssize_t rig_finish(struct rig_slot *slot)
{
	rig_wait(&slot->done);
	return slot->res;
}

ssize_t rig_aio(struct lab_file *file, enum lab_rw rw, loff_t pos, const struct lab_iovec *iov,
		unsigned int nr_segs, unsigned int flags)
{
	struct rig_slot slot;

	rig_start(&slot, file, rw, pos, iov, nr_segs, flags);
	return rig_finish(&slot);
}

void rig_poke(unsigned long addr, const void *from, size_t len_bytes)
{
	lab_expect_eq(copy_to_user((void __user *)addr, from, len_bytes), 0);
}

void rig_peek(unsigned long addr, void *to, size_t len_bytes)
{
	lab_expect_eq(copy_from_user(to, (void __user *)addr, len_bytes), 0);
}

void rig_set(unsigned long addr, u8 byte, size_t len_bytes)
{
	u8 buf[512];

	memset(buf, byte, sizeof(buf));
	while (len_bytes) {
		size_t n = min(len_bytes, sizeof(buf));

		rig_poke(addr, buf, n);
		addr += n;
		len_bytes -= n;
	}
}

long rig_find_other(unsigned long addr, u8 byte, size_t len_bytes)
{
	size_t at, i, n;
	u8 buf[512];

	for (at = 0; at < len_bytes; at += n) {
		n = min(len_bytes - at, sizeof(buf));
		rig_peek(addr + at, buf, n);
		for (i = 0; i < n; i++)
			if (buf[i] != byte)
				return at + i;
	}
	return -1;
}

void rig_expect_written(struct rig *r, struct lab_file *file, loff_t pos, u8 byte, size_t len_bytes)
{
	unsigned long to = r->mem + RIG_MEM_BYTES / 2;

	rig_set(to, 0xa5, len_bytes);
	lab_expect_eq(rig_io(file, LAB_READ, pos, to, len_bytes, 0), len_bytes);
	lab_expect_eq(rig_find_other(to, byte, len_bytes), -1);
}

/* splitmix64 */
u64 rig_rand(struct rig *r, u64 below)
{
	u64 z = r->rng += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	z ^= z >> 31;
	return below ? z % below : 0;
}

u64 rig_count(enum lab_scope scope, enum lab_probe_id id)
{
	struct kc_probes p;

	kc_probes_read(&p);
	return p.n[scope][id];
}

struct lab_trace_counts rig_seen(struct rig *r)
{
	struct lab_trace_counts c;

	lab_trace_read(r->trace, &c);
	return c;
}
