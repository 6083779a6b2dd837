// SPDX-License-Identifier: GPL-2.0-only
/*
 * gen.c - the generator: one clone of a job, a queue of IOs kept full.
 *
 * It fills until its depth is reached or the stream ends, waits for a completion, reaps what has
 * completed, and fills again. Completions come in any context: those of its own task (the rule on
 * inline paths) go to a plain list, since they run only where the task waits; those of other tasks
 * (workers) to a lock-free list, with a wakeup.
 *
 * It allocates nothing once it runs. The clock is read once a reap batch, and only when a latency
 * or a limit asks for it. How many completions it wants to be woken for is its own choice: half the
 * queue for small IO, one for large.
 *
 * When the job is verified, a write is stamped with its generation before it goes out, a read is
 * checked when it is reaped, and an IO that overlaps one in flight is held back (verify.c).
 */
#include <linux/types.h>
#include <linux/bug.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <kc/io.h>
#include <kc/umem.h>
#include <kc/world.h>
#include "host.h"
#include "runner.h"


/**
 * gen_setup - everything a generator needs while it runs
 * @g: zeroed but for room, job, clone, map, timed, pinned; runs in the task that will run it
 *
 * Context: task, sleeps. Return: 0 or -ENOMEM; gen_teardown() is due in either case.
 */
int gen_setup(struct gen *g)
{
	unsigned int i;

	g->task = current;
	g->depth = g->job->iodepth;
	g->buf_bytes = stream_max_bytes(g->job);
	init_llist_head(&g->remote);
	stream_init(&g->stream, g->job, g->clone, g->room->spec->max_ios);
	g->total_bytes = g->stream.bytes_left;
	g->total_ios = g->stream.ios_left;
	g->slots = host_alloc(g->depth * sizeof(*g->slots));
	g->idle = host_alloc(g->depth * sizeof(*g->idle));
	for (i = 0; i < 2; i++) {
		g->lat[i] = g->timed ? host_alloc(sizeof(struct hist)) : NULL;
		if (g->timed && !g->lat[i])
			return -ENOMEM;
	}
	if (!g->slots || !g->idle)
		return -ENOMEM;
	for (i = 0; i < g->depth; i++) {
		g->slots[i].gen = g;
		g->idle[g->nr_idle++] = &g->slots[i];
	}
	if (!g->pinned) {
		g->mm = kc_mm_create_sized(source_user_bytes(g));
		if (!g->mm)
			return -ENOMEM;
		current->mm = g->mm;
	}
	return source_create(g);
}

/**
 * gen_teardown - undo gen_setup(), in the same task; histograms stay
 * @g: nothing in flight
 *
 * Context: task.
 */
void gen_teardown(struct gen *g)
{
	if (g->slots)
		source_destroy(g);
	if (g->mm) {
		current->mm = NULL;
		kc_mm_destroy(g->mm);
	}
	if (g->idle)
		host_free(g->idle);
	if (g->slots)
		host_free(g->slots);
	g->mm = NULL;
	g->idle = NULL;
	g->slots = NULL;
}

/**
 * gen_done - an IO is over
 * @s: its slot
 * @res: bytes or -errno
 *
 * Called exactly once per IO. Context: any, irq included.
 */
void gen_done(struct slot *s, ssize_t res)
{
	struct gen *g = s->gen;
	struct task_struct *task = g->task;

	s->res = res;
	if (current == task) {
		s->next = g->done;
		g->done = s;
		__set_current_state(TASK_RUNNING);
		return;
	}
	/* Once it is on the list the generator may reap it and be gone; its task stays until all sleep. */
	if (llist_add(&s->remote, &g->remote))
		wake_up_process(task);
}

static void gen_error(struct gen *g, const struct slot *s)
{
	int err = s->res < 0 ? -s->res : EIO;

	g->errors++;
	g->first_errno = g->first_errno ? g->first_errno : err;
	if (s->res < 0)
		room_complain(g->room, "%s: %s of %u bytes at file offset %llu failed: %s (%d)", g->job->name,
			      s->op.rw == LAB_READ ? "read" : "write", s->op.len_bytes,
			      s->op.pos, run_errname(err), err);
	else
		room_complain(g->room, "%s: %s of %u bytes at file offset %llu was short: %lld", g->job->name,
			      s->op.rw == LAB_READ ? "read" : "write", s->op.len_bytes,
			      s->op.pos, (s64)s->res);
}

/* Fill a buffer before its IO: the write's payload, or poison that a read must replace. */
static void gen_stamp(struct gen *g, struct slot *s)
{
	u32 off, n;

	if (s->op.rw == LAB_WRITE)
		vmap_set(g->map, s->op.pos, s->op.len_bytes, vmap_new_gen(g->map));
	for (off = 0; off < s->op.len_bytes; off += n) {
		u8 *p = source_bytes(s, off, &n);

		n = min(n, s->op.len_bytes - off);
		if (s->op.rw == LAB_WRITE)
			vmap_fill(g->map, s->op.pos + off, p, n);
		else
			memset(p, LAB_READ_POISON, n);
	}
}

static void gen_check(struct gen *g, struct slot *s)
{
	struct vmap_diff diff;
	u32 off, n;

	for (off = 0; off < s->res; off += n) {
		u8 *p = source_bytes(s, off, &n);

		n = min_t(u32, n, s->res - off);
		if (vmap_check(g->map, s->op.pos + off, p, n, &diff))
			continue;
		g->errors++;
		g->first_errno = g->first_errno ? g->first_errno : EILSEQ;
		room_complain(g->room, "%s: read of %u bytes at file offset %llu: byte at %llu is 0x%02x, "
			      "expected 0x%02x (write %u)%s", g->job->name, s->op.len_bytes, s->op.pos,
			      diff.pos, diff.found, diff.expected, diff.gen, diff.hint);
		return;
	}
}

static void gen_reap_one(struct gen *g, struct slot *s)
{
	kc_trace("io", s->op.rw, s->op.pos >> SECTOR_SHIFT, s->op.len_bytes, s->res < 0 ? s->res : 0);
	g->ios++;
	if (unlikely(s->res != s->op.len_bytes))
		gen_error(g, s);
	if (s->res > 0)
		g->bytes += s->res;
	if (unlikely(g->map)) {
		if (s->op.rw == LAB_READ && s->res > 0)
			gen_check(g, s);
		else if (s->op.rw == LAB_WRITE && s->res != s->op.len_bytes)
			vmap_set(g->map, s->op.pos, s->op.len_bytes, VMAP_UNKNOWN);
		vmap_release(g->map, &s->claim);
	}
	if (g->timed)
		hist_add(g->lat[s->op.rw], g->batch_ns - s->submit_ns);
	g->idle[g->nr_idle++] = s;
}

/* Tell who wants to know how far the stream is, if it is time. */
static void gen_progress(struct gen *g)
{
	u64 now;

	if (!g->room->spec->progress || g->clone)
		return;
	now = host_clock_ns();
	if (now < g->next_progress_ns)
		return;
	g->next_progress_ns = now + RUN_PROGRESS_NS;
	if (g->total_ios != ~0ull)
		g->room->spec->progress(g->job->name, g->ios, g->total_ios);
	else
		g->room->spec->progress(g->job->name, g->bytes, g->total_bytes);
}

/* Account for all that has completed. True if there was any. */
static bool gen_reap(struct gen *g)
{
	struct slot *s, *next, *list = g->done;
	struct llist_node *node;

	g->done = NULL;
	node = llist_empty(&g->remote) ? NULL : llist_del_all(&g->remote);
	if (!list && !node)
		return false;
	if (g->timed || g->deadline_ns)
		g->batch_ns = host_clock_ns();
	for (s = list; s; s = next) {
		next = s->next;
		gen_reap_one(g, s);
	}
	while (node) {
		s = llist_entry(node, struct slot, remote);
		node = node->next;
		gen_reap_one(g, s);
	}
	return true;
}

/* Sleep until something has completed. Something is in flight. */
static void gen_wait(struct gen *g)
{
	BUG_ON(g->nr_idle == g->depth);
	for (;;) {
		set_current_state(TASK_UNINTERRUPTIBLE);
		if (g->done || !llist_empty(&g->remote))
			break;
		io_schedule();
	}
	__set_current_state(TASK_RUNNING);
}

/* The next IO may go out now. With nothing of its own in flight it waits for other clones here. */
static bool gen_claim(struct gen *g, struct slot *s)
{
	bool write = s->op.rw == LAB_WRITE;

	if (vmap_claim(g->map, &s->claim, s->op.pos, s->op.len_bytes, write))
		return true;
	if (g->nr_idle < g->depth)
		return false;
	wait_event(g->map->released, vmap_claim(g->map, &s->claim, s->op.pos, s->op.len_bytes, write));
	return true;
}

/**
 * gen_flush - what fsync(2) does to what the job drives
 * @g: the generator
 *
 * Context: task, sleeps; IO may be in flight. Return: 0 or -errno.
 */
int gen_flush(struct gen *g)
{
	struct room *r = g->room;

	if (g->pinned)
		return blkdev_issue_flush(r->loop_bdev);
	return r->design->fsync(r->io, false);
}

static void gen_sync(struct gen *g)
{
	int err = gen_flush(g);

	g->writes_unsynced = 0;
	if (!err)
		return;
	g->errors++;
	g->first_errno = g->first_errno ? g->first_errno : -err;
	room_complain(g->room, "%s: fsync failed: %s (%d)", g->job->name, run_errname(err), -err);
}

static bool gen_late(const struct gen *g)
{
	return g->deadline_ns && g->batch_ns >= g->deadline_ns;
}

/* Put IOs in flight until the queue is full, the stream ends (true), or one must wait for another. */
static bool gen_fill(struct gen *g)
{
	while (g->nr_idle) {
		struct slot *s = g->idle[g->nr_idle - 1];

		if (g->have_held)
			s->op = g->held;
		else if (gen_late(g) || !stream_next(&g->stream, &s->op))
			return true;
		if (g->map && !gen_claim(g, s)) {
			g->held = s->op;
			g->have_held = true;
			return false;
		}
		g->have_held = false;
		g->nr_idle--;
		if (g->map)
			gen_stamp(g, s);
		s->submit_ns = g->batch_ns;
		source_submit(s);
		if (s->op.rw == LAB_WRITE && g->job->fsync_every && ++g->writes_unsynced >= g->job->fsync_every)
			gen_sync(g);
	}
	if (unlikely(!g->sampled) && !g->done)
		measure_in_flight(g);
	return false;
}

/**
 * gen_run - the whole stream, measured
 * @g: set up, in its own task
 *
 * Context: task, sleeps.
 */
void gen_run(struct gen *g)
{
	enum lab_scope old = lab_scope_enter(g->room->spec->path == LAB_PATH_FILE ? LAB_LOOP : LAB_UPPER);
	u64 runtime = g->job->runtime_ns, limit = g->room->spec->max_runtime_ns;
	bool end = false;

	if (limit && (!runtime || limit < runtime))
		runtime = limit;
	kc_io_want(g->buf_bytes <= RUN_SMALL_IO_BYTES ? max(g->depth / 2, 1u) : 1);
	measure_begin(g);
	if (runtime)
		g->deadline_ns = g->wall_begin_ns + runtime;
	while (!end) {
		end = gen_fill(g);
		if (!gen_reap(g) && !end) {
			gen_wait(g);
			gen_reap(g);
		}
		gen_progress(g);
	}
	while (g->nr_idle < g->depth) {
		gen_wait(g);
		gen_reap(g);
	}
	if (g->job->end_fsync && g->job->rw != LAB_JOB_READ)
		gen_sync(g);
	measure_end(g);
	kc_io_want(1);
	lab_scope_leave(old);
}
