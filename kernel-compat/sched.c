// SPDX-License-Identifier: GPL-2.0-only
/*
 * sched.c - waiting and waking, and the rules of who may.
 *
 * A task waits as in the kernel: it sets its state, looks at its condition, and calls schedule(),
 * which returns when some waker has set the state back to TASK_RUNNING. The host's wake token only
 * says "look again". While it waits, a task completes its own IO: that is where "interrupts" happen
 * here, and the only place.
 */
#include <linux/kernel.h>
#include <linux/preempt.h>
#include <linux/irqflags.h>
#include <linux/sched.h>
#include <kc/det.h>
#include <kc/facility.h>
#include <kc/io.h>
#include <kc/plant.h>
#include "host.h"

bool kc_det_on;
void (*kc_flush_plug_hook)(struct blk_plug *plug);
bool (*kc_bottom_half)(void);

/** in_hardirq - is this an IO completion? */
bool in_hardirq(void)
{
	return current->kc_irq_depth != 0;
}

/**
 * in_atomic - spinlock held, preemption disabled or irq. Release builds know of irq only
 * (linux/preempt.h).
 */
bool in_atomic(void)
{
	return current->kc_irq_depth || preempt_count();
}

#ifdef KC_DET
/** kc_det_point - let another task run, if the seed says so and the context allows it */
void kc_det_point(void)
{
	struct task_struct *me = current;

	if (kc_det_on && me && !me->kc_preempt_depth && !me->kc_irq_depth && !me->kc_irqs_off)
		host_sched_point();
}
#endif

/**
 * kc_might_sleep_at - stop if the caller must not sleep
 * @file: of the call
 * @line: of the call
 *
 * Names the call and, with kc_bug(), the locks held and where they were taken.
 */
void kc_might_sleep_at(const char *file, int line)
{
	struct task_struct *me = current;

	if (likely(!me || (!me->kc_irq_depth && !me->kc_irqs_off && !preempt_count())))
		return;
	kc_bug(file, line,
	       "sleeping function called in atomic context: preempt depth %u, irq depth %u, irqs %s",
	       me->kc_preempt_depth, me->kc_irq_depth, me->kc_irqs_off ? "off" : "on");
}

/**
 * kc_assert_may_wait - stop if the task waits inside a stacking driver's submission
 *
 * Active in check builds and in det; the report names both sites (this one by kc_bug()'s backtrace).
 */
void kc_assert_may_wait(void)
{
#if defined(KC_DEBUG) || defined(KC_DET)
	struct task_struct *me = current;

	KC_BUG_ON(me->kc_nowait_depth && !lab_planted(H4), "waiting under a stacking driver's submission, which began at %s",
		  me->kc_nowait_site ? me->kc_nowait_site : "(release build: no site)");
#endif
}

static void kc_may_wait(void)
{
	struct task_struct *me = current;

	KC_BUG_ON(me->kc_irq_depth || preempt_count() || me->kc_irqs_off,
		  "scheduling while atomic: preempt depth %u, irq depth %u, irqs %s",
		  me->kc_preempt_depth, me->kc_irq_depth, me->kc_irqs_off ? "off" : "on");
	kc_assert_may_wait();
}

static inline bool kc_is_running(const struct task_struct *task)
{
	/* Acquire: what the waker did before it woke us is seen after. */
	return __atomic_load_n(&task->__state, __ATOMIC_ACQUIRE) == TASK_RUNNING;
}

/*
 * What completions have left to do in task context. True: something was done; the wait ends, as by a waker that had
 * nothing to say, and who waits looks at its condition again.
 */
static inline bool kc_bottom_half_ran(void)
{
	return unlikely(kc_bottom_half) && kc_bottom_half();
}

/* det: the host chooses between the token and one completion; both are the seed's. */
static void kc_schedule_det(struct task_struct *me)
{
	while (!kc_is_running(me)) {
		if (kc_bottom_half_ran())
			break;
		lab_probe(PARKS);
		if (host_park(me->kc_nr_deferred, 1) == HOST_WAKE_IO)
			kc_io_run_ready(1);
	}
	kc_sched_point();
}

static void kc_schedule_thr(struct task_struct *me)
{
	while (!kc_is_running(me)) {
		unsigned int done = kc_io_run_ready(-1U);

		if (kc_is_running(me) || kc_bottom_half_ran())
			break;
		if (done)
			continue;
		lab_probe(PARKS);
		host_park(me->kc_nr_deferred, me->kc_want_ios);
	}
}

/**
 * schedule - wait until a waker has set this task running
 *
 * Returns at once in TASK_RUNNING. Runs this task's IO completions first, and again whenever the
 * host says that some are ready. Context: task, may sleep; BUGs in atomic context and under
 * kc_nowait_begin().
 */
void schedule(void)
{
	struct task_struct *me = current;

	if (kc_is_running(me)) {
		kc_sched_point();
		return;
	}
	kc_may_wait();
	if (unlikely(me->plug) && kc_flush_plug_hook && !lab_planted(H5))
		kc_flush_plug_hook(me->plug);
	if (kc_det_on)
		kc_schedule_det(me);
	else
		kc_schedule_thr(me);
}

/** io_schedule - schedule() for IO */
void io_schedule(void)
{
	schedule();
}

/* The waker is done with the task; its end may have been waiting for that, asleep. */
static void kc_wake_unpin(struct task_struct *task)
{
	if (__atomic_sub_fetch(&task->kc_wake_pins, 1, __ATOMIC_RELEASE) == KC_WAKE_PINS_WAITED)
		host_spin_wake(&task->kc_wake_pins);
}

/**
 * kc_wake_task - wake_up_process() without a scheduling point, for callers that hold a bare word lock
 * @task: of this world; may have ended
 *
 * Return: 1 if it was waiting. Full barrier before the state is looked at.
 */
int kc_wake_task(struct task_struct *task)
{
	unsigned int state;

	if (task == current) {
		if (READ_ONCE(task->__state) == TASK_RUNNING)
			return 0;
		WRITE_ONCE(task->__state, TASK_RUNNING);
		lab_probe(WAKEUPS);
		return 1;
	}
	__atomic_fetch_add(&task->kc_wake_pins, 1, __ATOMIC_SEQ_CST);
	state = __atomic_load_n(&task->__state, __ATOMIC_SEQ_CST);
	while (state != TASK_RUNNING && state != TASK_DEAD) {
		if (!__atomic_compare_exchange_n(&task->__state, &state, TASK_RUNNING, false,
						 __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
			continue;
		lab_probe(WAKEUPS);
		host_unpark(READ_ONCE(task->kc_host));
		kc_wake_unpin(task);
		return 1;
	}
	kc_wake_unpin(task);
	return 0;
}

/**
 * wake_up_process - set a waiting task running
 * @p: of this world; may have ended
 *
 * Return: 1 if it was waiting, else 0. Context: any.
 */
int wake_up_process(struct task_struct *p)
{
	kc_sched_point();
	return kc_wake_task(p);
}

/** cond_resched - a place where another task may run. Completions are not run: they wait for a wait. */
void cond_resched(void)
{
	might_sleep();
	kc_sched_point();
}

/** yield - the same; in thr the host's scheduler needs no help */
void yield(void)
{
	kc_sched_point();
}
