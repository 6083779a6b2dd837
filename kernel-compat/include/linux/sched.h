/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sched.h - tasks. A task is a host task plus what kernel code expects of current.
 */
#ifndef _LINUX_SCHED_H
#define _LINUX_SCHED_H

#include <linux/types.h>
#include <linux/list.h>
#include <linux/compiler.h>
#include <linux/bug.h>
#include <kc/probe.h>

struct host_task;
struct mm_struct;
struct blk_plug;
struct bio_list;

#define TASK_COMM_LEN		16

#define TASK_RUNNING		0x0000
#define TASK_INTERRUPTIBLE	0x0001
#define TASK_UNINTERRUPTIBLE	0x0002
#define TASK_DEAD		0x0080	/* its last wake-up is over */

#define PF_KTHREAD		0x00200000
#define PF_MEMALLOC_NOFS	0x00040000
#define PF_MEMALLOC_NOIO	0x00080000
#define PF_LOCAL_THROTTLE	0x00100000

#define KC_MAX_HELD_LOCKS	24
#define KC_WAKE_PINS_WAITED	0x40000000	/* in kc_wake_pins: the end sleeps for the last of them */

struct task_struct {
	unsigned int __state;		/* written by wakers: READ_ONCE/WRITE_ONCE, or set_current_state() */
	unsigned int flags;		/* PF_* */
	int pid;			/* 1, 2, … in order of creation within a world */
	char comm[TASK_COMM_LEN];
	struct host_task *kc_host;
	int kc_wake_pins;		/* wakers at work on this task: its end waits for them */
	struct mm_struct *mm;
	void *journal_info;
	struct blk_plug *plug;
	struct bio_list *bio_list;	/* array of two while under submit_bio_noacct(), else NULL */
	struct lab_flush_frame *kc_flush_frame;	/* sim/block/blk-flush.c: flushes that end where they begin */

	/* contexts, all depths */
	unsigned int kc_preempt_depth;	/* spinlocks held, preempt_disable() */
	unsigned int kc_irq_depth;	/* > 0: running an IO completion ("hard irq") */
	unsigned int kc_irqs_off;	/* local_irq_save() nesting */
	unsigned int kc_nowait_depth;	/* > 0: under a stacking driver's submit: waiting stops */
	const char *kc_nowait_site;	/* of the outermost kc_nowait_begin(); NULL in release */
	unsigned int kc_end_depth;	/* ends of stacked drivers' IO that run inside each other on this stack */
	unsigned int pagefault_disabled;

	/* probes */
	enum lab_scope kc_scope;	/* while it does not run; else lab_scope() */
	struct kc_probes *kc_probes;
	const char *kc_stack_hi;	/* cached for kc_stack_used_bytes() */
	u64 kc_ring_enters;		/* those already counted */

	/* IO completions of this task (kc/io.h) */
	struct list_head kc_deferred;
	unsigned int kc_nr_deferred;
	unsigned int kc_want_ios;

	/* locks held, newest last (check builds) */
	unsigned int kc_nr_held;
	struct kc_held {
		const void *lock;
		unsigned int class_id;
		unsigned int flags;	/* KC_LOCK_* */
		const char *site;
	} kc_held[KC_MAX_HELD_LOCKS];

	struct list_head kc_node;	/* all tasks of the world */
	int kc_exit_code;
	void *kc_kthread;		/* kthread.c's own */
};

extern __thread struct task_struct *kc_current;
#define current kc_current

#define set_current_state(s)		smp_store_mb(current->__state, (s))
#define __set_current_state(s)		WRITE_ONCE(current->__state, (s))
#define task_state(t)			READ_ONCE((t)->__state)

/* Sleep until woken; runs this task's IO completions first. BUGs in atomic context. */
void schedule(void);
/*
 * Called by schedule() when the task is about to sleep with a plug: the block layer sends its
 * requests, which others may be waiting for. It does not sleep. Set by sim/block's initcall; NULL
 * without a block layer.
 */
extern void (*kc_flush_plug_hook)(struct blk_plug *plug);
/*
 * Called by schedule() before the task parks, when its IO completions have run: task context, TASK_RUNNING or not;
 * may sleep in a call of its own if it returns true, which ends the wait. Set by the design `upstream`, whose own tasks
 * and works run there; NULL otherwise.
 */
extern bool (*kc_bottom_half)(void);
/* The same while waiting for IO; stops with a report when kc_nowait_depth > 0. */
void io_schedule(void);
int wake_up_process(struct task_struct *p);
void cond_resched(void);
void yield(void);

void kc_might_sleep_at(const char *file, int line);
#ifdef KC_DEBUG
#define might_sleep()	kc_might_sleep_at(__FILE__, __LINE__)
#else
#define might_sleep()	((void)0)
#endif

/*
 * A stacking driver's submission: no waiting for IO, or for a lock held across IO, until the matching
 * end. det and KC_DEBUG builds stop at the wait and name both sites.
 */
static inline void kc_nowait_begin_at(const char *site)
{
	struct task_struct *me = current;

	if (!me->kc_nowait_depth++)
		me->kc_nowait_site = site;
}
#define kc_nowait_begin()	kc_nowait_begin_at(KC_SITE)

static inline void kc_nowait_end(void)
{
	KC_BUG_ON(!current->kc_nowait_depth, "kc_nowait_end() without kc_nowait_begin()");
	current->kc_nowait_depth--;
}

/*
 * For a wait under a stacking driver's submission that is known to end: for a bio of a set with a rescuer (sim/block). What
 * the lift returns is for the restore.
 */
static inline unsigned int kc_nowait_lift(void)
{
	unsigned int depth = current->kc_nowait_depth;

	current->kc_nowait_depth = 0;
	return depth;
}

static inline void kc_nowait_restore(unsigned int depth)
{
	current->kc_nowait_depth = depth;
}

/* Called by every primitive before it waits (mutex slow path, schedule(), wait_event). */
void kc_assert_may_wait(void);

bool in_atomic(void);			/* spinlock, preempt_disable or irq */
bool in_hardirq(void);

/* Set @flag, one of PF_MEMALLOC_*; returns what the restore needs. They nest. */
static inline unsigned int kc_memalloc_save(unsigned int flag)
{
	struct task_struct *me = current;
	unsigned int old = me->flags & flag;

	me->flags |= flag;
	return old;
}

static inline void kc_memalloc_restore(unsigned int flag, unsigned int old)
{
	struct task_struct *me = current;

	me->flags = (me->flags & ~flag) | old;
}

/* Allocations of this task imply GFP_NOIO (GFP_NOFS) until the restore. */
#define memalloc_noio_save()		kc_memalloc_save(PF_MEMALLOC_NOIO)
#define memalloc_noio_restore(flags)	kc_memalloc_restore(PF_MEMALLOC_NOIO, flags)
#define memalloc_nofs_save()		kc_memalloc_save(PF_MEMALLOC_NOFS)
#define memalloc_nofs_restore(flags)	kc_memalloc_restore(PF_MEMALLOC_NOFS, flags)

#endif
