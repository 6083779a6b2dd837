// SPDX-License-Identifier: GPL-2.0-only
/*
 * room.c - the target of one run, built bottom up and taken down top down:
 *
 *	host disk → disk | ram | null → filters → fs → inode → design's file
 *	                                       [→ loop device [→ fs → … → loop device] → its O_DIRECT handle]
 *
 * The host's file is opened before the world begins and closed after it has ended, so that a run
 * that hangs still leaves it closed. Everything else lives and dies inside the world.
 */
#include <linux/types.h>
#include <linux/bug.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/string.h>
#include <kc/world.h>
#include <lab/filter.h>
#include "runner.h"

static bool room_open_host_disk(struct room *r)
{
	const struct lab_target *t = &r->spec->target;
	u64 size_bytes = t->size_bytes;
	unsigned int flags = HOST_DISK_CREATE;
	char why[LAB_WHY_BYTES] = "";
	int err;

	if (host_ring_check(why, sizeof(why))) {
		room_fail(r, LAB_RUN_SKIP, "%s", why);
		return false;
	}
	if (t->temp)
		flags |= HOST_DISK_TEMP;
	if (t->temp && !size_bytes)	/* room for fragments whose last slot is not full */
		size_bytes = max_t(u64, r->file_bytes + t->fragment_bytes + r->spec->loops * RUN_LEVEL_BYTES,
				   RUN_TEMP_BYTES);
	if (t->yes_really)
		flags |= HOST_DISK_BLOCKDEV_OK;
	err = host_disk_open(t->path, flags, size_bytes, &r->host_disk, &r->info, why, sizeof(why));
	if (!err)
		return true;
	/* A file the user named is the user's to mend; a default that does not work is this host's limit. */
	room_fail(r, t->temp ? LAB_RUN_SKIP : LAB_RUN_USAGE, "%s", why[0] ? why : run_errname(err));
	return false;
}

/**
 * room_prepare - what can be known before the world begins
 * @r: zeroed but for @spec, @out and @file_bytes
 *
 * Finds the design, checks the knobs, the engine and the filters' arguments, opens the host's disk.
 * Context: no world. Return: false after room_fail().
 */
bool room_prepare(struct room *r)
{
	const struct lab_run_spec *s = r->spec;
	char why[LAB_WHY_BYTES];
	const char *no;
	u32 i;

	r->design = lab_design_find(s->design);
	if (!r->design) {
		room_usage(r, "no design '%s'; 'diolab list designs' names them", s->design);
		return false;
	}
	r->knobs = room_knobs(s);
	no = lab_design_unsupported(s);
	if (no) {
		room_usage(r, "%s: %s", s->design, no);
		return false;
	}
	if (!host_engine_built(s->engine)) {
		room_usage(r, "engine %s is not in this build; use the check build's diolab",
			   s->engine == HOST_DET ? "det" : "thr");
		return false;
	}
	if (s->target.kind != LAB_DISK_FILE && s->target.size_bytes > LAB_SIM_MAX_BYTES) {
		room_usage(r, "--%s: at most %llu bytes; --disk can be larger",
			   s->target.kind == LAB_DISK_RAM ? "ram" : "null", LAB_SIM_MAX_BYTES);
		return false;
	}
	if (s->loops > LAB_MAX_LOOPS) {
		room_usage(r, "--loops: at most %d", LAB_MAX_LOOPS);
		return false;
	}
	if (s->target.nr_stack > LAB_MAX_STACK) {
		room_usage(r, "--stack: at most %d filters", LAB_MAX_STACK);
		return false;
	}
	for (i = 0; i < s->target.nr_stack; i++) {
		const struct lab_filter *f = &s->target.stack[i];
		const struct lab_filter_type *type = lab_filter_find(f->name);

		if (!type) {
			room_usage(r, "--stack: no filter '%s'; see 'diolab list devices'", f->name);
			return false;
		}
		if (lab_filter_check(type, f->arg, why, sizeof(why))) {
			room_usage(r, "--stack %s: %s", f->name, why);
			return false;
		}
	}
	return s->target.kind != LAB_DISK_FILE || room_open_host_disk(r);
}

/**
 * room_finish - undo room_prepare()
 * @r: the room
 *
 * A run that was refused, or skipped, leaves no file behind that it made. Context: no world.
 */
void room_finish(struct room *r)
{
	if (r->status == LAB_RUN_USAGE || r->status == LAB_RUN_SKIP)
		host_disk_discard(r->host_disk);
	else
		host_disk_close(r->host_disk);
	r->host_disk = NULL;
}

/**
 * room_limits - what --limits asked of the lowest device
 * @t: the target
 *
 * Return: as the drivers take it; 0: the driver's own.
 */
struct lab_limits room_limits(const struct lab_target *t)
{
	return (struct lab_limits) {
		.max_sectors = t->max_sectors,
		.max_segments = t->max_segments,
		.max_segment_bytes = t->max_segment_bytes,
		.logical_block_bytes = t->logical_block_bytes,
		.virt_boundary_bytes = t->virt_boundary_bytes,
	};
}

static struct block_device *room_lowest(struct room *r)
{
	const struct lab_target *t = &r->spec->target;
	struct lab_limits limits = room_limits(t);

	switch (t->kind) {
	case LAB_DISK_FILE:
		return lab_disk_open(r->host_disk, &r->info, &limits);
	case LAB_DISK_RAM:
		return lab_ram_create(t->size_bytes, &limits);
	case LAB_DISK_NULL:
		return lab_null_create(t->size_bytes, &limits);
	}
	BUG();
}

static bool room_open_stack(struct room *r)
{
	const struct lab_target *t = &r->spec->target;
	struct block_device *bdev;
	char why[LAB_WHY_BYTES];
	u32 i;

	lab_set_bio_rule(r->knobs.bio_rule == LAB_BIO_RULE_OLD);
	if (t->kind == LAB_DISK_FILE && !host_ring()) {
		room_fail(r, LAB_RUN_SKIP, "no ring for the first task; see above");
		return false;
	}
	bdev = room_lowest(r);
	if (IS_ERR(bdev)) {
		room_usage(r, "target cannot be made (%s): check --limits and the size, %llu bytes",
			   run_errname(PTR_ERR(bdev)), (u64)t->size_bytes);
		return false;
	}
	r->stack[r->nr_stack++] = bdev;
	r->out->disk_bytes = bdev_nr_bytes(bdev);
	for (i = t->nr_stack; i-- > 0; ) {
		why[0] = 0;
		bdev = lab_filter_create(lab_filter_find(t->stack[i].name), bdev, t->stack[i].arg, why,
					 sizeof(why));
		if (IS_ERR(bdev)) {
			room_usage(r, "--stack %s: %s", t->stack[i].name,
				   why[0] ? why : run_errname(PTR_ERR(bdev)));
			return false;
		}
		r->stack[r->nr_stack++] = bdev;
	}
	return true;
}

/*
 * One more level on @bdev. --fs says how the lowest file is laid out; those above are contiguous on their loop
 * device, so that one extent map is under test, at the depth where it belongs.
 */
static bool room_open_fs(struct room *r, struct block_device *bdev, u64 file_bytes)
{
	const struct lab_target *t = &r->spec->target;
	struct lab_fs_opts opts = {
		.layout = r->nr_levels ? LAB_LAYOUT_CONTIGUOUS : t->layout,
		.fragment_bytes = t->fragment_bytes,
		.lock_exclusive = t->lock_exclusive,
		.cold_map = t->cold_map,
		.flusher = t->flusher,
		.seed = r->spec->seed,
		.nesting = r->nr_levels,
	};
	struct room_level *l = &r->level[r->nr_levels];
	struct lab_fs *fs = lab_fs_create(bdev, &opts);
	struct inode *inode;

	if (IS_ERR(fs)) {
		room_usage(r, "--fs: cannot be made on this target (%s)", run_errname(PTR_ERR(fs)));
		return false;
	}
	l->fs = fs;
	r->nr_levels++;
	inode = lab_inode_create(fs, file_bytes);
	if (IS_ERR(inode)) {
		room_usage(r, "the jobs need a file of %llu bytes, the target has %llu free (%s): "
			   "make it larger", file_bytes,
			   lab_fs_free_bytes(fs), run_errname(PTR_ERR(inode)));
		return false;
	}
	l->inode = r->inode = inode;
	r->file_bytes = file_bytes;
	return true;
}

static bool room_open_file(struct room *r)
{
	struct lab_file *file = r->design->open_file(r->inode);

	if (IS_ERR(file)) {
		room_broken(r, "%s: open_file failed (%s)", r->design->name, run_errname(PTR_ERR(file)));
		return false;
	}
	r->level[r->nr_levels - 1].file = r->file = r->io = file;
	return true;
}

static bool room_open_loop(struct room *r)
{
	struct lab_loop_opts opts = { .size_bytes = 0 };
	struct lab_loop *loop = r->design->loop_add(r->file, &opts);

	if (IS_ERR(loop)) {
		room_broken(r, "%s: loop_add failed (%s)", r->design->name,
			    run_errname(PTR_ERR(loop)));
		return false;
	}
	r->level[r->nr_levels - 1].loop = loop;
	r->loop_bdev = r->design->loop_bdev(loop);
	return true;
}

static bool room_open_bdev(struct room *r)
{
	r->bdev_file = r->design->open_bdev(r->loop_bdev);
	if (IS_ERR(r->bdev_file)) {
		room_broken(r, "%s: open_bdev failed (%s)", r->design->name,
			    run_errname(PTR_ERR(r->bdev_file)));
		r->bdev_file = NULL;
		return false;
	}
	r->io = r->bdev_file;
	return true;
}

/**
 * room_open_device - a loop device above the file, and its handle as what is driven
 * @r: opened for a stream of operations, the file has its size
 *
 * Context: the first task of the world. Return: false after room_fail().
 */
bool room_open_device(struct room *r)
{
	return room_open_loop(r) && room_open_bdev(r);
}

static bool room_open_design(struct room *r)
{
	int err = r->design->init(&r->knobs);

	if (err) {
		room_broken(r, "%s: init failed (%s)", r->design->name, run_errname(err));
		return false;
	}
	r->design_up = true;
	return true;
}

/* The levels, lowest first: each file has room for the one on the loop device on it. */
static bool room_open_levels(struct room *r, u64 file_bytes)
{
	bool loop = r->spec->path == LAB_PATH_LOOP && !r->ops;
	unsigned int nr = loop && r->spec->loops ? r->spec->loops : 1, i;
	struct block_device *bdev = r->stack[r->nr_stack - 1];

	for (i = 0; i < nr; i++) {
		u64 more = (u64)(nr - 1 - i) * RUN_LEVEL_BYTES;

		if (!room_open_fs(r, bdev, file_bytes + more) || !room_open_file(r))
			return false;
		if (!loop)
			return true;
		if (!room_open_loop(r))
			return false;
		bdev = r->loop_bdev;
	}
	return room_open_bdev(r);
}

/**
 * room_open - build the target
 * @r: prepared
 * @file_bytes: of the file, laid out as --fs says; 0: empty
 * @stale: fill the blocks first, so that one that was never written through the file is told from zeros
 *
 * A stream of operations sets up its loop device itself (room_open_device()), when the file has its size.
 *
 * Context: the first task of the world. Return: false after room_fail(); room_close() is due in
 * either case.
 */
bool room_open(struct room *r, u64 file_bytes, bool stale)
{
	r->chunk = kc_alloc_contig(RUN_CHUNK_BYTES >> PAGE_SHIFT, GFP_KERNEL, KC_SITE);
	if (!r->chunk) {
		room_broken(r, "no %u contiguous bytes in a fresh world", RUN_CHUNK_BYTES);
		return false;
	}
	if (!room_open_stack(r))
		return false;
	if (stale && !straight_stale(r))
		return false;
	return room_open_design(r) && room_open_levels(r, file_bytes);
}

/* What the lowest trace filter has seen of durability. stack[0] is the disk, the last of --stack comes on it. */
static void room_read_trace(struct room *r)
{
	const struct lab_target *t = &r->spec->target;
	struct lab_trace_counts c;
	unsigned int i;

	for (i = 1; i < r->nr_stack && !r->out->traced; i++) {
		if (strcmp(t->stack[t->nr_stack - i].name, "trace"))
			continue;
		lab_trace_read(r->stack[i], &c);
		r->out->traced = 1;
		r->out->traced_durable = c.preflush + c.fua;
	}
}

/**
 * room_check_buffered - can what the jobs drive do buffered IO, if one of them wants it?
 * @r: opened
 *
 * Context: the first task. Return: false after room_fail().
 */
bool room_check_buffered(struct room *r)
{
	const struct lab_run_spec *s = r->spec;
	u32 i;

	for (i = 0; i < s->nr_jobs; i++) {
		struct lab_io io = { .rw = LAB_READ, .flags = LAB_IO_BUFFERED };

		if (s->jobs[i].direct || r->design->submit(r->io, &io) != -EOPNOTSUPP)
			continue;
		room_usage(r, "%s:%d: job %s: direct=0: %s has no page cache over its loop device: use direct=1 or "
			   "--path file", s->jobs[i].file, s->jobs[i].line, s->jobs[i].name, r->design->name);
		return false;
	}
	return true;
}

/**
 * room_settle - what is in a page cache, above the loop device or below, reaches the disk and is forgotten
 * @r: opened, idle
 *
 * So every pass begins as with fio's invalidate=1, and the disk can be judged. The block device is closed and opened
 * anew, since its pages are the design's affair. Context: the first task, sleeps. Return: 0 or the first error.
 */
int room_settle(struct room *r)
{
	int err = r->design->fsync(r->io, false), cache_err;
	unsigned int i;

	if (r->bdev_file) {
		r->design->close(r->bdev_file);
		r->io = NULL;
		if (!room_open_bdev(r))
			return -EIO;
	}
	for (i = r->nr_levels; i-- > 0; ) {
		cache_err = lab_cache_write(r->level[i].inode, 0, LAB_MAX_FILE_BYTES);
		err = err ?: cache_err;
		lab_cache_invalidate(r->level[i].inode, 0, LAB_MAX_FILE_BYTES);
	}
	return err;
}

/**
 * room_close - take the target down, as far as it was built
 * @r: no IO in flight
 *
 * Context: the task that opened it.
 */
void room_close(struct room *r)
{
	unsigned int i;

	room_read_trace(r);
	if (r->bdev_file)
		r->design->close(r->bdev_file);
	for (i = r->nr_levels; i-- > 0; ) {
		struct room_level *l = &r->level[i];

		if (l->loop)
			r->design->loop_del(l->loop);
		if (l->file)
			r->design->close(l->file);
		lab_fs_destroy(l->fs);
	}
	if (r->design_up)
		r->design->exit();
	while (r->nr_stack)
		lab_bdev_destroy(r->stack[--r->nr_stack]);
	for (i = 0; r->chunk && i < RUN_CHUNK_BYTES >> PAGE_SHIFT; i++)
		__free_page(r->chunk + i);
	r->chunk = NULL;
}

/**
 * room_run - one world around @fn
 * @r: prepared
 * @ram_bytes: of the world
 * @fn: first task, called with @r
 *
 * Context: no world. Return: false after room_fail(): a hang, or an audit that found something.
 */
bool room_run(struct room *r, u64 ram_bytes, void (*fn)(void *arg))
{
	struct kc_world_opts opts = {
		.ram_bytes = PAGE_ALIGN(ram_bytes),
		.frames_permuted = r->spec->target.frames_permuted,
	};
	int failures = 0;

	switch (kc_run(r->spec->engine == HOST_DET, r->spec->seed, &opts, fn, r, &failures)) {
	case KC_RUN_DONE:
		break;
	case KC_RUN_DEADLOCK:
		room_broken(r, "%s: hang: every task waits and nothing is in flight (seed %llu)",
			    r->design->name, (u64)r->spec->seed);
		break;
	case KC_RUN_STUCK:
		room_broken(r, "%s: no end in sight after %llu steps (seed %llu)", r->design->name,
			    HOST_MAX_STEPS, (u64)r->spec->seed);
		break;
	case KC_RUN_ABORTED:
		room_broken(r, "%s: the run was abandoned; see above", r->design->name);
		break;
	}
	r->out->audit_failures = failures;
	if (failures)
		room_broken(r, "%s: the audit at the end found %d things left behind; see above",
			    r->design->name, failures);
	return r->status == LAB_RUN_OK;
}
