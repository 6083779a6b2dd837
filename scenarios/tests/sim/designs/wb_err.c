// SPDX-License-Identifier: GPL-2.0-only
/*
 * Errors of write-back under this design: each who has the file open is told once, and so is a loop device on it; a write
 * that is to be durable, or to have gone past the cache, is not called a success when its page is lost, whoever lost it.
 *
 * Designs of 3.12 have one flag for all (RIG_FIRST_IS_TOLD): whoever asks first is told, and a write whose page somebody
 * else's fsync has lost says that all is well. That is what is asserted of them.
 */
#include <linux/completion.h>
#include <linux/kthread.h>
#include <kc/world.h>
#include "rig.h"

#define FILE_BYTES	(2u << 20)
#define BAD		1u			/* the page that the disk does not take */
#define FAULT		"eio@4k+4k"
#define MANY_BYTES	((LAB_CACHE_MAX_DIRTY + 8) * PAGE_SIZE)

static bool first_is_told(void)
{
	return rig_lacks(RIG_FIRST_IS_TOLD);
}

/* As Linux since 4.13: TEMPLATE has no flag, designs of 3.12 nothing else. */
static bool sample_and_flag(void)
{
	return !first_is_told() && strcmp(rig_costs()->name, "TEMPLATE");
}

static struct lab_file *open_again(struct rig *r)
{
	struct lab_file *file = rig_design->open_file(r->inode);

	lab_expect(!IS_ERR(file));
	return file;
}

static ssize_t write_page(struct rig *r, struct lab_file *file, unsigned int page, unsigned int flags)
{
	return rig_io(file, LAB_WRITE, page * PAGE_SIZE, r->mem, PAGE_SIZE, LAB_IO_BUFFERED | flags);
}

/* The bad page is written to, and back, by somebody who tells nobody. */
static void lose(struct rig *r, struct lab_file *file)
{
	lab_expect_eq(write_page(r, file, BAD, 0), PAGE_SIZE);
	lab_expect_eq(lab_cache_write(r->inode, 0, FILE_BYTES), -EIO);
}

static int sync_file(struct lab_file *file)
{
	return rig_design->fsync(file, true);
}

/* ---- fsync ------------------------------------------------------------------------------------- */

DESIGN_TEST(wb_err, each_who_has_it_open_is_told_once)
{
	struct rig_opts o = { .file_bytes = FILE_BYTES, .fault = FAULT };
	struct lab_file *other, *late;
	struct rig r;

	rig_up(&r, &o);
	other = open_again(&r);
	lose(&r, r.file);
	lab_expect_eq(sync_file(r.file), -EIO);
	lab_expect_eq(sync_file(r.file), 0);
	lab_expect_eq(sync_file(other), first_is_told() ? 0 : -EIO);
	lab_expect_eq(sync_file(other), 0);
	late = open_again(&r);
	lab_expect_eq(sync_file(late), 0);
	lose(&r, r.file);				/* and once more */
	lab_expect_eq(sync_file(late), -EIO);
	lab_expect_eq(sync_file(other), first_is_told() ? 0 : -EIO);
	lab_expect_eq(sync_file(r.file), first_is_told() ? 0 : -EIO);
	lab_expect_eq(sync_file(late), 0);
	rig_design->close(late);
	rig_design->close(other);
	rig_down(&r);
}

DESIGN_TEST(wb_err, from_before_it_was_opened_if_nobody_was_told)
{
	struct rig_opts o = { .file_bytes = FILE_BYTES, .fault = FAULT };
	struct lab_file *late, *later;
	struct rig r;

	rig_up(&r, &o);
	lose(&r, r.file);
	late = open_again(&r);
	lab_expect_eq(sync_file(late), -EIO);
	later = open_again(&r);
	lab_expect_eq(sync_file(later), 0);
	lab_expect_eq(sync_file(r.file), first_is_told() ? 0 : -EIO);
	rig_design->close(later);
	rig_design->close(late);
	rig_down(&r);
}

/* A loop device has the file open like anybody else: what it was not told of fails its flush. */
DESIGN_TEST(wb_err, flush_of_a_loop_device)
{
	struct rig_opts o = { .file_bytes = FILE_BYTES, .fault = FAULT, .loop = true };
	struct block_device *loop;
	struct lab_file *other;
	struct rig r;

	rig_up(&r, &o);
	loop = rig_design->loop_bdev(r.loop);
	other = open_again(&r);
	lose(&r, other);
	lab_expect_eq(blkdev_issue_flush(loop), -EIO);
	lab_expect_eq(blkdev_issue_flush(loop), 0);
	lab_expect_eq(sync_file(other), first_is_told() ? 0 : -EIO);
	lose(&r, other);
	lab_expect_eq(sync_file(other), -EIO);
	lab_expect_eq(blkdev_issue_flush(loop), first_is_told() ? 0 : -EIO);
	lab_expect_eq(blkdev_issue_flush(loop), 0);
	rig_design->close(other);
	rig_down(&r);
}

/* ---- durable writes ------------------------------------------------------------------------------- */

/* Of anybody's page, if this descriptor was not told of it yet: as Linux's ends with the file's fsync. */
DESIGN_TEST(wb_err, durable_write_is_told_like_fsync)
{
	struct rig_opts o = { .file_bytes = FILE_BYTES, .fault = FAULT };
	struct lab_file *other;
	struct rig r;

	rig_up(&r, &o);
	other = open_again(&r);
	lose(&r, r.file);
	lab_expect_eq(write_page(&r, other, 0, LAB_IO_DSYNC), -EIO);
	lab_expect_eq(write_page(&r, other, 0, LAB_IO_DSYNC), PAGE_SIZE);
	lab_expect_eq(sync_file(r.file), first_is_told() ? 0 : -EIO);
	lab_expect_eq(write_page(&r, r.file, BAD, LAB_IO_DSYNC), -EIO);
	lab_expect_eq(write_page(&r, other, 0, 0), PAGE_SIZE);		/* and one that is not durable is not */
	rig_design->close(other);
	rig_down(&r);
}

/* The same of a loop device that goes through the page cache of its file. */
DESIGN_TEST(wb_err, durable_write_of_a_loop_device_is_told_like_fsync)
{
	struct rig_opts o = { .file_bytes = FILE_BYTES, .fault = FAULT, .loop = true, .loop_opts.buffered = true };
	struct rig r;

	rig_up(&r, &o);
	lose(&r, r.file);
	lab_expect_eq(rig_io(r.bdev, LAB_WRITE, 0, r.mem, PAGE_SIZE, LAB_IO_DSYNC), -EIO);
	lab_expect_eq(rig_io(r.bdev, LAB_WRITE, 0, r.mem, PAGE_SIZE, LAB_IO_DSYNC), PAGE_SIZE);
	rig_down(&r);
}

/*
 * The same directly, where a flush ends it: the blocks are new. An error that nobody was told of fails a direct IO
 * before it begins (wb_taken.c); who has a sample is told at the end of the next, too.
 */
DESIGN_TEST(wb_err, durable_direct_write_that_ends_with_a_flush)
{
	struct rig_opts o = { .file_bytes = FILE_BYTES, .fault = FAULT };
	struct lab_file *other;
	struct lab_iovec iov;
	struct rig r;

	rig_up(&r, &o);
	iov = (struct lab_iovec){ r.mem, PAGE_SIZE };
	other = open_again(&r);
	lose(&r, r.file);
	if (sample_and_flag())
		lab_expect_eq(rig_io(other, LAB_WRITE, FILE_BYTES, r.mem, PAGE_SIZE, LAB_IO_DSYNC), -EIO);
	lab_expect_eq(rig_io(other, LAB_WRITE, FILE_BYTES, r.mem, PAGE_SIZE, LAB_IO_DSYNC), -EIO);
	lab_expect_eq(rig_io(other, LAB_WRITE, FILE_BYTES, r.mem, PAGE_SIZE, LAB_IO_DSYNC), PAGE_SIZE);
	lose(&r, r.file);
	lab_expect_eq(lab_zero(r.inode, 0, PAGE_SIZE, false), 0);
	if (sample_and_flag())
		lab_expect_eq(rig_aio(other, LAB_WRITE, 0, &iov, 1, LAB_IO_DSYNC), -EIO);
	lab_expect_eq(rig_aio(other, LAB_WRITE, 0, &iov, 1, LAB_IO_DSYNC), -EIO);
	lab_expect_eq(rig_aio(other, LAB_WRITE, 0, &iov, 1, LAB_IO_DSYNC), PAGE_SIZE);
	rig_design->close(other);
	rig_down(&r);
}

/* Pages of its own, that had to go to the disk before it was through, since too many were dirty. */
DESIGN_TEST(wb_err, durable_write_that_wrote_back_on_the_way)
{
	struct rig_opts o = { .file_bytes = FILE_BYTES, .fault = FAULT };
	struct rig r;

	rig_up(&r, &o);
	lab_expect_eq(rig_io(r.file, LAB_WRITE, 0, r.mem, MANY_BYTES, LAB_IO_BUFFERED | LAB_IO_DSYNC), -EIO);
	lab_expect_eq(write_page(&r, r.file, 0, LAB_IO_DSYNC), PAGE_SIZE);
	rig_down(&r);
}

/* On a block device, whose pages are its own. */
DESIGN_TEST(wb_err, block_device_that_wrote_back_on_the_way)
{
	struct rig_opts o = { .file_bytes = FILE_BYTES, .fault = FAULT };
	struct lab_file *bdev;
	struct rig r;

	if (!rig_costs()->bdev_cache)
		lab_test_skip("it has no page cache over a block device");
	rig_up(&r, &o);
	bdev = rig_design->open_bdev(r.trace);
	lab_expect(!IS_ERR(bdev));
	lab_expect_eq(rig_io(bdev, LAB_WRITE, 0, r.mem, MANY_BYTES, LAB_IO_BUFFERED | LAB_IO_DSYNC), -EIO);
	lab_expect_eq(write_page(&r, bdev, 0, LAB_IO_DSYNC), PAGE_SIZE);
	sync_file(bdev);				/* of the other descriptor */
	lab_expect_eq(rig_io(bdev, LAB_WRITE, 0, r.mem, MANY_BYTES, LAB_IO_BUFFERED), MANY_BYTES);
	lab_expect_eq(sync_file(bdev), -EIO);
	lab_expect_eq(sync_file(bdev), 0);
	rig_design->close(bdev);
	rig_down(&r);
}

/* ---- a page that another one's fsync has lost ---------------------------------------------------------- */

/* A write of another task: of the bad page, and of the next one, which it has to wait for. */
struct writer {
	struct rig *r;
	struct lab_file *file;
	unsigned int flags;
	ssize_t ret;
	struct completion done;
};

static int write_two_pages(void *arg)
{
	struct writer *w = arg;

	current->mm = w->r->mm;
	w->ret = rig_io(w->file, LAB_WRITE, BAD * PAGE_SIZE, w->r->mem, 2 * PAGE_SIZE, w->flags);
	current->mm = NULL;
	complete(&w->done);
	return 0;
}

enum through { FILE, LOOP, CACHED_LOOP };

/*
 * The write has its first page in the cache, and waits for the second, which is locked as by a reader. Meanwhile an fsync
 * pushes the first one out, and is told that it is lost. So must be the write, though its page is clean now.
 */
static void lost_by_another(enum through through, unsigned int flags, bool same_descriptor)
{
	struct rig_opts o = {
		.file_bytes = FILE_BYTES, .fault = FAULT,
		.loop = through != FILE, .loop_opts.buffered = through == CACHED_LOOP,
	};
	struct lab_file *other;
	struct task_struct *task;
	struct page *page;
	struct writer w;
	struct rig r;

	rig_up(&r, &o);
	other = open_again(&r);
	w = (struct writer){ .r = &r, .file = through == FILE ? r.file : r.bdev, .flags = flags };
	init_completion(&w.done);
	lab_expect_eq(lab_page_get(r.inode, BAD + 1, &page), 0);
	task = kthread_run(write_two_pages, &w, "writer");
	while (!lab_cache_is_dirty(r.inode, BAD * PAGE_SIZE, PAGE_SIZE))
		yield();
	lab_expect_eq(sync_file(same_descriptor ? r.file : other), -EIO);	/* the page that is locked is not dirty */
	lab_page_unlock(page);
	put_page(page);
	wait_for_completion(&w.done);
	lab_expect_eq(kthread_stop(task), 0);
	lab_expect_eq(w.ret, first_is_told() ? 2 * PAGE_SIZE : -EIO);
	rig_design->close(other);
	rig_down(&r);
}

/* Seen in TEMPLATE first: the fsync heard of the error, and the write said that all was well. */
DESIGN_TEST(wb_err, durable_write_whose_page_anothers_fsync_lost)
{
	rig_needs_what(RIG_APART, RIG_ONE_TASK);
	lost_by_another(FILE, LAB_IO_BUFFERED | LAB_IO_DSYNC, false);
	lost_by_another(FILE, LAB_IO_BUFFERED | LAB_IO_DSYNC, true);
}

/* A direct write that cannot forget a page goes through the cache, and to the disk. */
DESIGN_TEST(wb_err, direct_write_whose_page_anothers_fsync_lost)
{
	rig_needs_what(RIG_APART, RIG_ONE_TASK);
	lost_by_another(FILE, 0, false);
	lost_by_another(FILE, 0, true);
	lost_by_another(FILE, LAB_IO_DSYNC, true);
}

/* The same write comes from a loop device. Through the page cache of its file it is the flush that fails, or FUA. */
DESIGN_TEST(wb_err, write_of_a_loop_device_whose_page_anothers_fsync_lost)
{
	rig_needs_what(RIG_APART, RIG_ONE_TASK);
	if (rig_design->hidden)
		lab_test_skip("its loop device writes page by page, and waits for each");
	lost_by_another(LOOP, LAB_IO_DSYNC, false);
	lost_by_another(LOOP, LAB_IO_DSYNC, true);
	lost_by_another(CACHED_LOOP, LAB_IO_DSYNC, false);
	lost_by_another(CACHED_LOOP, LAB_IO_DSYNC, true);
	if (rig_costs()->cached)
		return;
	lost_by_another(LOOP, 0, false);
	lost_by_another(LOOP, 0, true);
}

/* ---- on every schedule ------------------------------------------------------------------------------------ */

enum target { T_FILE, T_LOOP, T_BDEV };	/* buffered, durably; a loop device through the page cache; a block device's pages */

/* @ret: of the write of the bad page, and more; @good: of the other task's writes beside it, through the same descriptor */
struct race {
	struct rig rig;
	enum target target;
	struct lab_file *file;
	size_t bytes;
	ssize_t ret, good;
	atomic_t writing;
	struct completion began[3];
};

static ssize_t race_write(struct race *race, unsigned int page, size_t bytes)
{
	unsigned int flags = race->target == T_LOOP ? LAB_IO_DSYNC : LAB_IO_DSYNC | LAB_IO_BUFFERED;

	return rig_io(race->file, LAB_WRITE, page * PAGE_SIZE, race->rig.mem, bytes, flags);
}

static int race_writes(void *arg)
{
	struct race *race = arg;

	current->mm = race->rig.mm;
	complete(&race->began[0]);
	race->ret = race_write(race, BAD, race->bytes);
	atomic_dec(&race->writing);
	current->mm = NULL;
	return 0;
}

static int race_writes_good(void *arg)
{
	struct race *race = arg;
	unsigned int i;

	current->mm = race->rig.mm;
	complete(&race->began[1]);
	for (i = 0; i < 3 && race->good != -EIO; i++)
		race->good = race_write(race, BAD + 2 + i, PAGE_SIZE);
	atomic_dec(&race->writing);
	current->mm = NULL;
	return 0;
}

static int race_syncs(void *arg)
{
	struct race *race = arg;
	struct lab_file *other = open_again(&race->rig);

	complete(&race->began[2]);
	while (atomic_read(&race->writing)) {
		sync_file(other);
		sync_file(race->target == T_BDEV ? race->file : race->rig.file);
		lab_cache_start_writeback(race->rig.inode);
		yield();
	}
	rig_design->close(other);
	return 0;
}

static void race_up(struct race *race)
{
	struct rig_opts o = {
		.disk_bytes = 4 << 20, .file_bytes = 64 * PAGE_SIZE, .fault = FAULT, .fs.flusher = true,
		.loop = race->target == T_LOOP, .loop_opts.buffered = true,
	};

	rig_up(&race->rig, &o);
	race->bytes = PAGE_SIZE;
	race->file = race->target == T_LOOP ? race->rig.bdev : race->rig.file;
	if (race->target != T_BDEV)
		return;
	race->bytes = MANY_BYTES;		/* nobody but the write itself pushes its pages out */
	race->file = rig_design->open_bdev(race->rig.trace);
	lab_expect(!IS_ERR(race->file));
}

/* Where FUA is a flush after the write, two of them are two fsyncs of one descriptor, of which one is told: as in 6.1. */
static bool race_is_strict(const struct race *race)
{
	return !first_is_told() && !(race->target == T_LOOP && rig_lacks(RIG_LOOP_NO_FUA));
}

static void race_fn(void *arg)
{
	static int (*const fn[])(void *arg) = { race_writes, race_writes_good, race_syncs };
	struct task_struct *task[ARRAY_SIZE(fn)];
	struct race *race = arg;
	unsigned int i;

	race_up(race);
	race->ret = race->good = 0;
	atomic_set(&race->writing, 2);
	for (i = 0; i < ARRAY_SIZE(fn); i++) {
		init_completion(&race->began[i]);
		task[i] = kthread_run(fn[i], race, "racer");
	}
	for (i = 0; i < ARRAY_SIZE(fn); i++) {
		wait_for_completion(&race->began[i]);
		kthread_stop(task[i]);
	}
	if (race_is_strict(race))
		lab_expect_eq(race->ret, -EIO);
	lab_expect(race->ret == -EIO || race->ret == race->bytes);
	lab_expect(race->good == -EIO || race->good == PAGE_SIZE);
	if (race->target == T_BDEV)
		rig_design->close(race->file);
	rig_down(&race->rig);
}

/* How many of the seeds lost the page without a word. */
static unsigned int race_seeds(enum target target)
{
	static struct race race;
	u64 seed, nr = lab_test_slow() ? 5 : 60;
	unsigned int unsaid = 0;
	int failures;

	race.target = target;
	for (seed = 0; seed < nr; seed++) {
		lab_test_seed(seed);
		failures = -1;
		lab_expect_eq(kc_run(host_engine_built(HOST_DET) && seed % 8, seed, NULL, race_fn, &race, &failures),
			      KC_RUN_DONE);
		lab_expect_eq(failures, 0);
		unsaid += race.ret != -EIO;
	}
	return unsaid;
}

DESIGN_TEST_FLAGS(wb_err, durable_write_knows_on_every_schedule, LAB_TEST_F_BARE)
{
	unsigned int unsaid;

	rig_needs_what(RIG_APART, RIG_ONE_TASK);
	unsaid = race_seeds(T_FILE);
	if (first_is_told() && host_engine_built(HOST_DET) && !lab_test_slow())
		lab_expect_gt(unsaid, 0);
}

DESIGN_TEST_FLAGS(wb_err, loop_device_knows_on_every_schedule, LAB_TEST_F_BARE)
{
	rig_needs_what(RIG_APART, RIG_ONE_TASK);
	race_seeds(T_LOOP);
}

DESIGN_TEST_FLAGS(wb_err, block_device_knows_on_every_schedule, LAB_TEST_F_BARE)
{
	if (!rig_costs()->bdev_cache)
		lab_test_skip("it has no page cache over a block device");
	race_seeds(T_BDEV);
}
