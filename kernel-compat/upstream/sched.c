// SPDX-License-Identifier: GPL-2.0-only
/*
 * sched.c - the kernel's tasks: contexts that may wait, on one thread.
 *
 * A context is a stack of THREAD_SIZE bytes, aligned to its size with a thread_info at its bottom, as the kernel
 * finds `current` by, and a task_struct. Exactly one runs. It is left only in schedule(), for the loop of upk_run(),
 * which stands on the laboratory's own stack; so what runs is a function of the order of completions alone, and
 * those come in an order of the seed.
 *
 * Interrupts have a context of their own: up_irq() enters it, and there schedule() is a bug. An interrupt comes
 * between two contexts, never inside one: interrupts on and off are a matter of assertions here.
 */
#include <linux/kthread.h>
#include <linux/sched/debug.h>
#include <linux/sched/signal.h>
#include <linux/sched/task_stack.h>
#include <linux/sched/wake_q.h>
#include <linux/swait.h>
#include <linux/wait.h>
#include "k.h"

struct up_ctx {
	struct host_stack *stack;
	struct task_struct *task;
	void (*fn)(void *arg);
	void *arg;
	bool *ended;			/* of up_task_call(): set at the end */
	int scope;			/* while it does not run */
	unsigned int locks;
	struct list_head node;		/* run queue or idle list */
	bool queued;
};

static struct up_ctx *ctx_all[UP_MAX_TASKS];
static unsigned int ctx_nr;
static LIST_HEAD(ctx_idle);
static LIST_HEAD(ctx_runnable);
static struct up_ctx *ctx_running;
static struct up_ctx *ctx_irq;
static struct mm_struct up_user_mm;	/* stands for the address space of whoever made a system call */

static struct up_ctx *ctx_of(struct task_struct *task)
{
	return (struct up_ctx *)task->thread_pid;	/* unused by what is compiled here */
}

/* What each context does for ever: one function after the other. */
static void ctx_main(void *arg)
{
	struct up_ctx *c = arg;

	for (;;) {
		c->fn(c->arg);
		if (c->locks)
			up_bug("a task ended with %u spinlocks held", c->locks);
		if (c->task->plug || c->task->bio_list)
			up_bug("a task ended with a plug or a bio_list");
		if (c->ended)
			*c->ended = true;
		c->ended = NULL;
		c->task->mm = NULL;
		if (c != ctx_irq)
			list_add(&c->node, &ctx_idle);
		host_stack_leave(c->stack);
	}
}

static struct up_ctx *ctx_new(void)
{
	struct thread_info *ti;
	struct up_ctx *c;

	if (ctx_nr == UP_MAX_TASKS)
		return NULL;
	c = host_alloc(sizeof(*c));
	if (!c)
		return NULL;
	c->task = host_alloc(sizeof(*c->task));
	c->stack = c->task ? host_stack_create(THREAD_SIZE, sizeof(*ti), ctx_main, c) : NULL;
	if (!c->stack)
		return NULL;
	ti = host_stack_lo(c->stack);
	memset(ti, 0, sizeof(*ti));
	ti->task = c->task;
	c->task->stack = ti;
	c->task->thread_pid = (struct pid *)c;
	c->task->group_leader = c->task;
	c->task->pid = ++ctx_nr;
	c->task->flags = PF_KTHREAD;
	c->task->static_prio = DEFAULT_PRIO;	/* nice 0: what an IO has that nobody gave a priority */
	spin_lock_init(&c->task->alloc_lock);
	raw_spin_lock_init(&c->task->pi_lock);
	strcpy(c->task->comm, "upstream");
	ctx_all[ctx_nr - 1] = c;
	return c;
}

static void ctx_enter(struct up_ctx *c)
{
	struct up_ctx *outer = ctx_running;
	int old = upl_scope_enter(c->scope);

	ctx_running = c;
	upl_stack_changed();
	host_stack_enter(c->stack);
	upl_stack_changed();
	ctx_running = outer;
	c->scope = upl_scope_enter(old);
}

static void ctx_queue(struct up_ctx *c)
{
	if (c->queued)
		return;
	c->queued = true;
	list_add_tail(&c->node, &ctx_runnable);
}

/* The scope that is entered is left as it was found: read, and put back. */
static int scope_now(void)
{
	int scope = upl_scope_enter(UP_LOOP);

	upl_scope_enter(scope);
	return scope;
}

static struct up_ctx *ctx_get(void (*fn)(void *arg), void *arg, bool user)
{
	struct up_ctx *c = list_first_entry_or_null(&ctx_idle, struct up_ctx, node);

	if (c)
		list_del(&c->node);
	else
		c = ctx_new();
	if (!c)
		return NULL;
	c->fn = fn;
	c->arg = arg;
	c->scope = scope_now();
	c->task->mm = user ? &up_user_mm : NULL;
	c->task->flags = user ? 0 : PF_KTHREAD;
	WRITE_ONCE(c->task->__state, TASK_RUNNING);
	return c;
}

bool up_task_start(void (*fn)(void *arg), void *arg, bool user)
{
	struct up_ctx *c = ctx_get(fn, arg, user);

	if (c)
		ctx_queue(c);
	return c;
}

void up_task_call(void (*fn)(void *arg), void *arg, bool user)
{
	struct up_ctx *c = ctx_get(fn, arg, user);
	bool ended = false;

	if (ctx_running)
		up_bug("a system call from within the kernel");
	if (!c)
		up_bug("no task for a system call: UP_MAX_TASKS are busy");
	c->ended = &ended;
	ctx_queue(c);
	for (;;) {
		upk_run();
		if (ended)
			return;
		upl_wait();
	}
}

void up_irq(void (*fn)(void *arg), void *arg)
{
	if (ctx_running)
		up_bug("an interrupt inside a context");
	ctx_irq->fn = fn;
	ctx_irq->arg = arg;
	ctx_irq->scope = UP_LOWER;
	ctx_enter(ctx_irq);
}

bool up_sched_runnable(void)
{
	return !list_empty(&ctx_runnable);
}

bool up_sched_inside(void)
{
	return ctx_running;
}

/* The next context of the queue, until it waits or ends. */
void up_sched_run_one(void)
{
	struct up_ctx *c = list_first_entry(&ctx_runnable, struct up_ctx, node);

	list_del(&c->node);
	c->queued = false;
	ctx_enter(c);
}

unsigned int up_locks_held(int change)
{
	static unsigned int outside;	/* boot, on the laboratory's stack */
	unsigned int *held = ctx_running ? &ctx_running->locks : &outside;

	*held += change;
	return *held;
}

int up_sched_init(void)
{
	ctx_irq = ctx_new();
	if (!ctx_irq)
		return -ENOMEM;
	task_thread_info(ctx_irq->task)->preempt_count = HARDIRQ_OFFSET;
	return 0;
}

/* Stacks go; what the contexts are made of is the host's, and goes with the run. */
void up_sched_exit(void)
{
	unsigned int i;

	for (i = 0; i < ctx_nr; i++) {
		host_stack_free(ctx_all[i]->stack);
		host_free(ctx_all[i]->task);
		host_free(ctx_all[i]);
	}
	ctx_nr = 0;
}

int upk_noio(void)
{
	return ctx_running && current->flags & PF_MEMALLOC_NOIO;
}

/* ---- what the kernel calls ------------------------------------------------------------------------- */

asmlinkage __visible void __sched schedule(void)
{
	struct up_ctx *c = ctx_running;

	if (!c || c == ctx_irq)
		up_bug("schedule() in an interrupt, or outside any task");
	if (c->locks)
		up_bug("schedule() with %u spinlocks held", c->locks);
	if (READ_ONCE(current->__state) == TASK_RUNNING) {
		ctx_queue(c);
	} else if (current->plug) {
		blk_flush_plug(current->plug, true);
		if (READ_ONCE(current->__state) == TASK_RUNNING)
			return;
	}
	host_stack_leave(c->stack);
}

void __sched io_schedule(void)
{
	schedule();
}

/* Nothing here waits with a limit that is ever reached: the IO below always ends. */
long __sched io_schedule_timeout(long timeout)
{
	schedule();
	return timeout;
}

long __sched schedule_timeout(long timeout)
{
	schedule();
	return timeout;
}

int __sched __cond_resched(void)
{
	return 0;
}

int wake_up_state(struct task_struct *p, unsigned int state)
{
	if (!(READ_ONCE(p->__state) & state))
		return 0;
	WRITE_ONCE(p->__state, TASK_RUNNING);
	upl_count(UP_N_WAKEUPS, 1);
	if (ctx_of(p) != ctx_running)
		ctx_queue(ctx_of(p));
	return 1;
}

/* What swait.c calls since 6.5. */
int try_to_wake_up(struct task_struct *p, unsigned int state, int wake_flags);
int try_to_wake_up(struct task_struct *p, unsigned int state, int wake_flags)
{
	return wake_up_state(p, state);
}

int wake_up_process(struct task_struct *p)
{
	return wake_up_state(p, TASK_NORMAL);
}

int default_wake_function(wait_queue_entry_t *curr, unsigned int mode, int wake_flags, void *key)
{
	return wake_up_state(curr->private, mode);
}

bool kthread_should_stop(void)
{
	return false;
}
