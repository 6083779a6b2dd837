// SPDX-License-Identifier: GPL-2.0-only
/*
 * A disk whose power may be cut at any moment: what would be left of a write when its caller is told that it is
 * durable? Flushes are not counted here (durable.c does that) but done: only what had been written when one was sent
 * is safe when it ends, and what was written with FUA.
 *
 * Every write is of one byte that no other has, so the disk knows whose each sector is.
 */
#include <linux/completion.h>
#include <linux/kthread.h>
#include "rig.h"

#define FILE_BYTES	(1u << 20)
#define NR_WRITES	24u
#define MAX_IO_BYTES	16384u
#define DISK_SECTORS	(RIG_DISK_BYTES >> SECTOR_SHIFT)
#define NR_IDS		256u

/* @id: of each sector, 0: none. @when: it was written. @safe: sectors of each id that a cut leaves. */
static struct {
	spinlock_t lock;
	u8 id[DISK_SECTORS];
	bool is_safe[DISK_SECTORS];
	u32 when[DISK_SECTORS];
	u32 now;
	unsigned int safe[NR_IDS];
} platter;

static void make_safe(sector_t s)
{
	if (!platter.is_safe[s] && platter.id[s]) {
		platter.is_safe[s] = true;
		platter.safe[platter.id[s]]++;
	}
}

/* All that the disk had when the flush was sent. */
static void flush_done(u32 sent_at)
{
	sector_t s;

	for (s = 0; s < DISK_SECTORS; s++)
		if (platter.when[s] <= sent_at)
			make_safe(s);
}

static void write_done(struct bio *bio)
{
	sector_t s = bio->bi_iter.bi_sector;
	struct bvec_iter iter;
	struct bio_vec bv;
	unsigned int at;

	platter.now++;
	bio_for_each_segment(bv, bio, iter) {
		for (at = 0; at < bv.bv_len; at += SECTOR_SIZE, s++) {
			platter.id[s] = *((u8 *)bvec_virt(&bv) + at);
			platter.is_safe[s] = false;
			platter.when[s] = platter.now;
			if (bio->bi_opf & REQ_FUA)
				make_safe(s);
		}
	}
}

static void cut_end_io(struct bio *clone)
{
	struct bio *bio = lab_filter_origin(clone);
	unsigned long flags;

	spin_lock_irqsave(&platter.lock, flags);
	if (clone->bi_opf & REQ_PREFLUSH)
		flush_done(clone->bi_ioprio);	/* see cut_submit_bio() */
	if (bio_op(bio) == REQ_OP_WRITE)
		write_done(bio);
	spin_unlock_irqrestore(&platter.lock, flags);
	lab_filter_end(clone);
}

static void cut_submit_bio(struct bio *bio)
{
	struct bio *clone = lab_filter_clone(lab_filter_of(bio), bio, cut_end_io);
	unsigned long flags;

	/* A flush remembers when it was sent, in a field that this disk does not look at. */
	spin_lock_irqsave(&platter.lock, flags);
	bio_set_prio(clone, platter.now);
	spin_unlock_irqrestore(&platter.lock, flags);
	submit_bio_noacct(clone);
}

static const struct block_device_operations cut_fops = { .submit_bio = cut_submit_bio };
static const struct lab_filter_type cut = { .name = "cut", .what = "knows what a cut leaves", .fops = &cut_fops };

static unsigned int safe_bytes(u8 id)
{
	unsigned long flags;
	unsigned int nr;

	spin_lock_irqsave(&platter.lock, flags);
	nr = platter.safe[id];
	spin_unlock_irqrestore(&platter.lock, flags);
	return nr << SECTOR_SHIFT;
}

/* ---- writes ------------------------------------------------------------------------------------- */

struct cut_io {
	struct lab_io io;
	struct lab_iovec iov;
	struct task_struct *task;
	ssize_t res;
	unsigned int safe;	/* when its end was told */
	u8 id;
	int done;
};

static void cut_done(struct lab_io *io, ssize_t res)
{
	struct cut_io *c = io->owner;
	struct task_struct *task = c->task;

	c->res = res;
	c->safe = safe_bytes(c->id);
	smp_store_release(&c->done, 1);
	wake_up_process(task);
}

static void cut_start(struct rig *r, struct cut_io *c, struct lab_file *file, loff_t pos, unsigned int bytes, u8 id,
		      unsigned int flags)
{
	unsigned long addr = r->mem + id * MAX_IO_BYTES % (RIG_MEM_BYTES / 2);
	ssize_t ret;

	rig_set(addr, id, bytes);
	*c = (struct cut_io){
		.io = { .rw = LAB_WRITE, .flags = flags, .pos = pos, .nr_segs = 1, .done = cut_done, .owner = c },
		.iov = { addr, bytes }, .task = current, .id = id,
	};
	c->io.iov = &c->iov;
	ret = rig_design->submit(file, &c->io);
	if (ret == -EIOCBQUEUED)
		return;
	c->res = ret;
	c->safe = safe_bytes(id);
	c->done = 1;
}

/* Durable writes, some at a time, each safe as a whole when its end is told. */
static void durable_writes(struct rig *r, struct lab_file *file, u8 first_id)
{
	struct cut_io c[NR_WRITES];
	unsigned int i;

	for (i = 0; i < NR_WRITES; i++) {
		unsigned int bytes = i % 4 == 3 ? MAX_IO_BYTES : i % 4 == 2 ? 1536 : 4096;

		cut_start(r, &c[i], file, (loff_t)i * MAX_IO_BYTES + (bytes == 1536 ? 512 : 0), bytes, first_id + i,
			  LAB_IO_DSYNC);
		if (i % 8 != 7)
			continue;
		rig_wait(&c[i].done);
		rig_wait(&c[i - 3].done);
	}
	for (i = 0; i < NR_WRITES; i++) {
		rig_wait(&c[i].done);
		lab_expect_eq(c[i].res, c[i].iov.len_bytes);
		lab_expect_eq(c[i].safe, c[i].iov.len_bytes);
	}
}

/* Who calls fsync, and for whom: of @nr writes from @first_id on those that have @ended are safe then. */
struct syncer {
	struct lab_file *file;
	const bool *ended;
	unsigned int unsafe;
	u8 first_id;
	int err;
	struct completion done;
};

static int syncer_main(void *arg)
{
	struct syncer *s = arg;
	unsigned int i;

	s->err = rig_design->fsync(s->file, true);
	for (i = 0; i < NR_WRITES; i++)
		s->unsafe += s->ended[i] && safe_bytes(s->first_id + i) != 4096;
	complete(&s->done);
	return 0;
}

/* Two at a time: who is second does not return before the flush that covers what he asked for has ended. */
static void fsync_twice(struct lab_file *file, const bool *ended, u8 first_id)
{
	struct task_struct *task[2];
	struct syncer s[2];
	unsigned int i;

	for (i = 0; i < 2; i++) {
		s[i] = (struct syncer){ .file = file, .ended = ended, .first_id = first_id };
		init_completion(&s[i].done);
		task[i] = kthread_run(syncer_main, &s[i], "sync");
		lab_expect(!IS_ERR(task[i]));
	}
	for (i = 0; i < 2; i++) {
		wait_for_completion(&s[i].done);
		lab_expect_eq(kthread_stop(task[i]), 0);
		lab_expect_eq(s[i].err, 0);
		lab_expect_eq(s[i].unsafe, 0);
	}
}

/* Writes, and fsync while some of them are under way: those that had ended are safe. */
static void writes_and_fsync(struct rig *r, struct lab_file *file, u8 first_id, unsigned int flags)
{
	loff_t base = NR_WRITES * MAX_IO_BYTES;
	struct cut_io c[NR_WRITES];
	bool ended[NR_WRITES];
	unsigned int i;

	for (i = 0; i < NR_WRITES; i++)
		cut_start(r, &c[i], file, base + i * 8192, 4096, first_id + i, flags);
	rig_wait(&c[NR_WRITES / 2].done);
	for (i = 0; i < NR_WRITES; i++)
		ended[i] = smp_load_acquire(&c[i].done);
	fsync_twice(file, ended, first_id);
	for (i = 0; i < NR_WRITES; i++) {
		rig_wait(&c[i].done);
		lab_expect_eq(c[i].res, 4096);
	}
}

static void cut_run(const struct rig_opts *opts, bool loop)
{
	struct rig_opts o = *opts;
	struct lab_file *file;
	struct rig r;

	memset(&platter, 0, sizeof(platter));
	spin_lock_init(&platter.lock);
	o.spy = &cut;
	o.loop = loop;
	o.file_bytes = FILE_BYTES;
	rig_up(&r, &o);
	file = loop ? r.bdev : r.file;
	durable_writes(&r, file, 1);
	writes_and_fsync(&r, file, 1 + NR_WRITES, 0);
	if (!loop)
		writes_and_fsync(&r, file, 1 + 2 * NR_WRITES, LAB_IO_BUFFERED);
	rig_down(&r);
}

static void cut_runs(bool loop)
{
	static const enum lab_layout layouts[] = { LAB_LAYOUT_CONTIGUOUS, LAB_LAYOUT_FRAGMENTED, LAB_LAYOUT_SPARSE,
						   LAB_LAYOUT_UNWRITTEN };
	unsigned int k, i;

	for (k = 0; k < RIG_KNOB_SETS; k++) {
		for (i = 0; i < ARRAY_SIZE(layouts); i++) {
			struct rig_opts o = { .fs = { .layout = layouts[i], .fragment_bytes = 4096 }, .no_fua = i & 1 };

			if (!rig_knobs(k, &o.knobs) || (lab_test_slow() && k))
				continue;
			cut_run(&o, loop);
		}
	}
}

DESIGN_TEST(cut, leaves_what_is_durable_of_a_file)
{
	cut_runs(false);
}

DESIGN_TEST(cut, leaves_what_is_durable_of_a_loop_device)
{
	if (rig_has(LAB_D2))
		lab_test_skip("D2: its loop device knows no FUA");
	cut_runs(true);
}
