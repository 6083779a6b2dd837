// SPDX-License-Identifier: GPL-2.0-only
/*
 * det.c - the engine of fibers: one task runs, the seed chooses the next.
 *
 * A task is a fiber on the thread that called host_run(). It is left in host_park(), in
 * host_task_join(), at its end, and, now and then, at a scheduling point. @ready holds the tasks
 * that can be chosen: those that can run, and those parked that have their token or a transfer in
 * flight, because the disk answers whenever the seed says so (the ring then waits for the transfer
 * that was drawn). Everything is drawn from one stream and nothing depends on addresses or on real
 * time, so (seed, program) is the run.
 *
 * A scheduling point switches with probability 1 / SWITCH_ONE_IN: most bugs of ordering need few
 * switches at the right places, and a task that is left at every point never gets anywhere.
 *
 * When nobody can be chosen the run is deadlocked. Each task is then entered once more to print its own
 * backtrace, and the run is abandoned: stacks go back to the pool without being unwound.
 *
 * The clock is virtual. It moves with every step, reading and completion, so that loops that wait
 * for a time end.
 */
#ifdef KC_DET
#include <errno.h>
#include <execinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "det-switch.h"
#include "host-impl.h"

#define SWITCH_ONE_IN		4
#define STEP_NS			100
#define READ_NS			20
#define IO_NS			10000
#define DUMP_FRAMES		32
#define DUMP_FRAME_BYTES	80	/* a line of the dump, about */
#define GUARD_BYTES		4096u

struct det_stack {
	struct det_stack *next;		/* in the pool */
	char *lo;			/* above the guard page */
};

/**
 * struct det_fiber - engine's part of a task
 * @ready_at: index in det.ready, -1: cannot be chosen
 * @token: the wake token
 * @io: parked with a transfer in flight
 * @joiner: task that waits for this one's end
 */
struct det_fiber {
	struct fiber_regs regs;
	struct check_fiber check;
	struct det_stack *stack;
	int ready_at;
	bool token;
	bool io;
	bool parked;
	bool started;
	bool ended;
	struct host_task *joiner;
};

static struct det_engine {
	struct host_task *cur;		/* NULL: host_run() itself */
	struct host_task *ready[HOST_MAX_TASKS];
	unsigned int nr_ready;
	bool over;			/* no task will run again: leave for host_run() */
	bool dumping;
	enum host_run_status status;
	uint64_t steps;
	uint64_t clock_ns;
	uint64_t rand;
	struct fiber_regs main_regs;
	struct check_fiber main_check;
	struct check_fiber *came_from;	/* the fiber that was left in the switch in progress */
} det;

static uint64_t det_max_steps = HOST_MAX_STEPS;
static bool det_dump = true;
static struct det_fiber det_fibers[HOST_MAX_TASKS];
static struct det_stack *det_stack_pool;

/** det_set_limits - see host_det_limits() */
void det_set_limits(uint64_t max_steps, bool dump)
{
	det_max_steps = max_steps ? max_steps : HOST_MAX_STEPS;
	det_dump = dump;
}

/** det_rand_state - the stream of the run */
uint64_t *det_rand_state(void)
{
	return &det.rand;
}

/** det_clock_ns - read the virtual clock; @io_completed: a completion moves it further than a reading does */
uint64_t det_clock_ns(bool io_completed)
{
	det.clock_ns += io_completed ? IO_NS : READ_NS;
	return det.clock_ns;
}

/** det_clock_peek_ns - the virtual clock, left where it is */
uint64_t det_clock_peek_ns(void)
{
	return det.clock_ns;
}

/* --- stacks: kept between runs, since property tests make thousands of runs ------------------- */

static struct det_stack *stack_get(void)
{
	struct det_stack *s = det_stack_pool;
	char *p;

	if (s) {
		det_stack_pool = s->next;
		check_stack_fresh(s->lo, HOST_STACK_BYTES);
		return s;
	}
	p = mmap(NULL, GUARD_BYTES + HOST_STACK_BYTES, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		die_errno("mmap of a fiber's stack", errno);
	if (mprotect(p, GUARD_BYTES, PROT_NONE))
		die_errno("mprotect of a fiber's guard page", errno);
	s = malloc(sizeof(*s));
	if (!s)
		die_errno("a fiber's stack", ENOMEM);
	s->next = NULL;
	s->lo = p + GUARD_BYTES;
	check_stack_register(s->lo, HOST_STACK_BYTES);
	return s;
}

static void stack_put(struct det_stack *s)
{
	s->next = det_stack_pool;
	det_stack_pool = s;
}

/* --- the set of tasks that can be chosen ------------------------------------------------------ */

static void ready_add(struct host_task *t)
{
	struct det_fiber *f = t->fiber;

	if (f->ready_at >= 0)
		return;
	f->ready_at = (int)det.nr_ready;
	det.ready[det.nr_ready++] = t;
}

static void ready_del(struct host_task *t)
{
	struct det_fiber *f = t->fiber;
	struct host_task *last;

	if (f->ready_at < 0)
		return;
	last = det.ready[--det.nr_ready];
	det.ready[f->ready_at] = last;
	last->fiber->ready_at = f->ready_at;
	f->ready_at = -1;
}

/* --- switching -------------------------------------------------------------------------------- */

static void dump_self(struct host_task *t)
{
	void *pcs[DUMP_FRAMES];
	char line[160];
	int n;

	snprintf(line, sizeof(line), "task %u %s: %s%s%s", t->index, t->name,
		 t->fiber->parked ? "parked" : "runnable or joining",
		 t->fiber->io ? ", transfers in flight" : "", t->fiber->token ? ", has its token" : "");
	host_puts(line);
	n = backtrace(pcs, DUMP_FRAMES);
	backtrace_symbols_fd(pcs, n, words_fd((size_t)n * DUMP_FRAME_BYTES));
}

/* Runs in a task that was just switched to. */
static void det_arrive(struct host_task *self)
{
	check_fiber_enter(&self->fiber->check, det.came_from);
	if (!det.dumping && host_cur.switch_hook)
		host_cur.switch_hook(self->data);
}

/* Leave the running task for @to (NULL: host_run()); returns when it is chosen again. */
static void det_switch(struct host_task *to)
{
	struct host_task *self = det.cur;
	struct det_fiber *f = self->fiber;
	struct check_fiber *to_check = to ? &to->fiber->check : &det.main_check;

	if (to == self)
		return;
	do {
		det.cur = to;
		host_self = to;
		det.came_from = &f->check;
		check_fiber_leave(&f->check, to_check, f->ended);
		fiber_switch(&f->regs, to ? &to->fiber->regs : &det.main_regs);
		det_arrive(self);
		if (det.dumping)
			dump_self(self);
		to = NULL;
		to_check = &det.main_check;
	} while (det.dumping);
}

/* End the run here and now; the running task is abandoned like all others. */
static _Noreturn void det_stop(enum host_run_status status)
{
	det.status = status;
	det.over = true;
	det_switch(NULL);
	host_die("det: an abandoned task was resumed");
}

/** det_abort - host_run_abort() of this engine */
void det_abort(void)
{
	det_stop(HOST_RUN_ABORTED);
}

static struct host_task *det_choose(void)
{
	if (!det.nr_ready)
		det_stop(HOST_RUN_DEADLOCK);
	return det.ready[rand_below(&det.rand, det.nr_ready)];
}

static void det_step(void)
{
	det.clock_ns += STEP_NS;
	if (++det.steps > det_max_steps)
		det_stop(HOST_RUN_STUCK);
}

static void det_start(void)
{
	struct host_task *self = det.cur;
	struct det_fiber *f = self->fiber;

	f->started = true;
	check_fiber_enter(&f->check, det.came_from);
	task_run(self);

	f->ended = true;
	ready_del(self);
	if (f->joiner)
		ready_add(f->joiner);
	if (atomic_fetch_sub(&task_alive, 1) == 1) {
		det.over = true;
		det_switch(NULL);
	} else {
		det_switch(det_choose());
	}
	host_die("det: an ended task was resumed");
}

/** det_create - make the fiber of a task that task_new() made; the seed decides whether it runs at once */
void det_create(struct host_task *t)
{
	struct det_fiber *f;
	unsigned int i;

	for (i = 0; i < HOST_MAX_TASKS; i++) {
		if (!det_fibers[i].stack)
			break;
	}
	f = &det_fibers[i];		/* as many fibers as task slots, so there is one */
	memset(f, 0, sizeof(*f));
	f->ready_at = -1;
	f->stack = stack_get();
	t->fiber = f;
	t->stack_lo = f->stack->lo;
	check_fiber_new(&f->check, f->stack->lo, HOST_STACK_BYTES);
	fiber_prepare(&f->regs, f->stack->lo, HOST_STACK_BYTES, det_start);
	ready_add(t);
	if (det.cur)
		det_sched_point();
}

static void det_free(struct host_task *t)
{
	struct det_fiber *f = t->fiber;

	if (!f)
		return;
	check_fiber_free(&f->check);
	stack_put(f->stack);
	f->stack = NULL;
	t->fiber = NULL;
}

/** det_join - let others run until @t has ended, then free its fiber */
void det_join(struct host_task *t)
{
	struct host_task *self = det.cur;

	if (!t->fiber->ended) {
		t->fiber->joiner = self;
		ready_del(self);
		det_step();
		det_switch(det_choose());
	}
	det_free(t);
}

/** det_sched_point - perhaps run another task that can run */
void det_sched_point(void)
{
	det_step();
	if (det.nr_ready < 2 || rand_below(&det.rand, SWITCH_ONE_IN))
		return;
	det_switch(det_choose());
}

/**
 * det_spin_wait - *word has a value that only another task can change: run one
 * @word: the word
 * @val: what it has
 *
 * With no other task to run it is a deadlock.
 */
void det_spin_wait(const int *word, int val)
{
	struct host_task *self = det.cur;
	struct host_task *next;

	if (__atomic_load_n(word, __ATOMIC_RELAXED) != val)
		return;
	det_step();
	ready_del(self);
	next = det_choose();
	ready_add(self);
	det_switch(next);
}

/**
 * det_park - host_park() of this engine
 * @self: the calling task
 * @sim_inflight: simulated IOs that can complete
 *
 * Return: enum host_wake. With both a token and something in flight the seed decides which is first.
 */
enum host_wake det_park(struct host_task *self, unsigned int sim_inflight)
{
	struct det_fiber *f = self->fiber;

	ring_submit(self->ring);
	f->io = sim_inflight || ring_inflight(self->ring);
	f->parked = true;
	det_step();
	if (!f->token && !f->io)
		ready_del(self);
	det_switch(det_choose());
	f->parked = false;
	if (f->token && !(f->io && rand_below(&det.rand, 2))) {
		f->token = false;
		return HOST_WAKE_TOKEN;
	}
	return HOST_WAKE_IO;
}

/** det_unpark - host_unpark() of this engine; the woken task runs when the seed chooses it */
void det_unpark(struct host_task *t)
{
	t->fiber->token = true;
	if (t->fiber->parked)
		ready_add(t);
}

/* --- runs ------------------------------------------------------------------------------------- */

/* From host_run()'s own stack: enter @t, and come back when the run is over or @t has dumped itself. */
static void det_enter(struct host_task *t)
{
	det.cur = t;
	host_self = t;
	det.came_from = &det.main_check;
	check_fiber_leave(&det.main_check, &t->fiber->check, false);
	fiber_switch(&det.main_regs, &t->fiber->regs);
	check_fiber_enter(&det.main_check, det.came_from);
	det.cur = NULL;
	host_self = NULL;
}

static void det_dump_all(void)
{
	char line[128];
	unsigned int i;

	snprintf(line, sizeof(line), "%s after %llu steps, seed %llu",
		 det.status == HOST_RUN_DEADLOCK ? "deadlock: no task can run, nothing is in flight" :
						   "stuck: the run does not end",
		 (unsigned long long)det.steps, (unsigned long long)host_cur.seed);
	host_puts(line);
	det.dumping = true;
	for (i = 0; i < HOST_MAX_TASKS; i++) {
		struct host_task *t = task_at(i);

		if (!t || t->fiber->ended)
			continue;
		if (t->fiber->started) {
			det_enter(t);
		} else {
			snprintf(line, sizeof(line), "task %u %s: not started", t->index, t->name);
			host_puts(line);
		}
	}
	det.dumping = false;
}

/**
 * det_run - run the first task and all that it makes, until all have ended or none can go on
 * @first: from task_new()
 *
 * Return: enum host_run_status; unless it is HOST_RUN_DONE, the tasks were dumped and abandoned.
 */
enum host_run_status det_run(struct host_task *first)
{
	unsigned int i;

	memset(&det, 0, sizeof(det));
	det.rand = host_cur.seed;
	det.status = HOST_RUN_DONE;
	check_fiber_here(&det.main_check);
	det_create(first);
	det_enter(first);
	if (det.status != HOST_RUN_DONE && det.status != HOST_RUN_ABORTED && det_dump)
		det_dump_all();
	for (i = 0; i < HOST_MAX_TASKS; i++) {
		struct host_task *t = task_at(i);

		if (!t)
			continue;
		ring_abandon(t->ring);
		ring_free(t->ring);
		t->ring = NULL;
		det_free(t);
	}
	return det.status;
}
#endif /* KC_DET */
