// SPDX-License-Identifier: GPL-2.0-only
/*
 * workqueue.c - deferred work.
 *
 * One lock a queue. Pending items wait on wq->pending in order; a worker takes the first one that
 * no other worker is running, and leaves one that is to that worker's own list (so an item never
 * runs twice at a time). An item belongs to its function as soon as that has begun: nothing of it
 * is touched afterwards, it may have freed itself.
 *
 * Waiting for one item: a waiter (struct kc_flush with an item) is bound to a worker when that
 * takes the item, and told when the worker is done. Waiting for a queue: items are numbered, and a
 * waiter with number n is told when no older item is left.
 *
 * Counters. A worker is in the scope that queued its item from the moment it is woken, not only once it has the item:
 * a busy worker may have taken that meanwhile, or it was cancelled, and to find nothing costs a lock too.
 *
 * The memory of a queue stays until the run ends: a work item keeps a pointer to the queue it was
 * last on, and flush_work() after destroy_workqueue() is allowed.
 */
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <kc/facility.h>
#include "host.h"

#define KC_WQ_NAME_BYTES	24

/**
 * struct kc_worker - one thread of a queue
 * @idle: on wq->idle while it waits to be told of work
 * @scheduled: items that became pending while it ran them
 * @work: what it runs, or NULL; only the address is used. @func, @seq: copies from the item
 * @was_idle: at least once, that is, it has started
 * @kc_scope: who woke it last; written under wq->lock while it is idle
 */
struct kc_worker {
	struct workqueue_struct *wq;
	struct task_struct *task;
	struct list_head idle;
	struct list_head scheduled;
	struct work_struct *work;
	work_func_t func;
	u64 seq;
	bool was_idle;
	u8 kc_scope;
};

/**
 * struct kc_flush - a waiter, on wq->flushes
 * @work: item waited for, NULL: all up to number @seq
 * @worker: runs @work; NULL: it is still pending
 */
struct kc_flush {
	struct list_head node;
	struct work_struct *work;
	struct kc_worker *worker;
	u64 seq;
	struct completion done;
};

struct workqueue_struct {
	spinlock_t lock;
	struct list_head pending;
	struct list_head idle;
	struct list_head flushes;
	struct completion ready;	/* every worker has been idle */
	unsigned int nr_ready;
	u64 seq;			/* of the newest item */
	bool destroyed;
	char name[KC_WQ_NAME_BYTES];
	unsigned int nr_workers;
	struct kc_worker workers[];
};

/* --- under wq->lock ---------------------------------------------------------------------- */

static struct kc_worker *kc_wq_runs(struct workqueue_struct *wq, struct work_struct *work)
{
	unsigned int i;

	for (i = 0; i < wq->nr_workers; i++) {
		if (wq->workers[i].work == work && wq->workers[i].func == work->func)
			return &wq->workers[i];
	}
	return NULL;
}

static u64 kc_wq_first_seq(struct list_head *list, u64 than)
{
	struct work_struct *work = list_first_entry_or_null(list, struct work_struct, entry);

	return work && work->kc_seq < than ? work->kc_seq : than;
}

/* Number of the oldest item that is pending or running; U64_MAX: none. */
static u64 kc_wq_oldest(struct workqueue_struct *wq)
{
	u64 oldest = kc_wq_first_seq(&wq->pending, U64_MAX);
	unsigned int i;

	for (i = 0; i < wq->nr_workers; i++) {
		struct kc_worker *w = &wq->workers[i];

		oldest = kc_wq_first_seq(&w->scheduled, oldest);
		if (w->work && w->seq < oldest)
			oldest = w->seq;
	}
	return oldest;
}

static void kc_flush_end(struct kc_flush *f)
{
	list_del(&f->node);
	complete(&f->done);
}

/* An item is gone (run by @worker, or cancelled: NULL): tell those who waited for it. */
static void kc_wq_tell(struct workqueue_struct *wq, struct work_struct *work, struct kc_worker *worker)
{
	struct kc_flush *f, *next;
	u64 oldest;

	if (list_empty(&wq->flushes))
		return;
	oldest = kc_wq_oldest(wq);
	list_for_each_entry_safe(f, next, &wq->flushes, node) {
		if (f->work ? f->work == work && f->worker == worker : oldest > f->seq)
			kc_flush_end(f);
	}
}

/* The next item for @me, taken: from here on its function owns it. NULL: nothing to do. */
static struct work_struct *kc_wq_take(struct workqueue_struct *wq, struct kc_worker *me)
{
	struct work_struct *work, *next;
	struct kc_flush *f;

	work = list_first_entry_or_null(&me->scheduled, struct work_struct, entry);
	if (!work) {
		list_for_each_entry_safe(work, next, &wq->pending, entry) {
			struct kc_worker *other = kc_wq_runs(wq, work);

			if (!other)
				break;
			list_move_tail(&work->entry, &other->scheduled);
		}
		if (list_entry_is_head(work, &wq->pending, entry))
			return NULL;
	}
	list_del_init(&work->entry);
	me->work = work;
	me->func = work->func;
	me->seq = work->kc_seq;
	list_for_each_entry(f, &wq->flushes, node) {
		if (f->work == work && !f->worker)
			f->worker = me;
	}
	return work;
}

static void kc_wq_wake_one(struct workqueue_struct *wq)
{
	struct kc_worker *w = list_first_entry_or_null(&wq->idle, struct kc_worker, idle);

	if (!w)
		return;
	list_del_init(&w->idle);
	w->kc_scope = lab_scope();
	wake_up_process(w->task);
}

/* --- workers ------------------------------------------------------------------------------ */

static void kc_worker_run(struct kc_worker *me, struct work_struct *work)
{
	/* It stays in this scope until the next item: looking for that is part of what this one costs. */
	lab_scope_enter((enum lab_scope)work->kc_scope);
	/*
	 * From now on it can be queued again. Release and full order, as
	 * set_work_pool_and_clear_pending().
	 */
	test_and_clear_bit(WORK_STRUCT_PENDING_BIT, &work->data);
	me->func(work);
	kc_task_leftovers("a work function");
}

static int kc_worker_main(void *data)
{
	struct kc_worker *me = data;
	struct workqueue_struct *wq = me->wq;
	struct work_struct *work;

	spin_lock_irq(&wq->lock);
	for (;;) {
		work = kc_wq_take(wq, me);
		if (work) {
			spin_unlock_irq(&wq->lock);
			kc_worker_run(me, work);
			spin_lock_irq(&wq->lock);
			me->work = NULL;
			kc_wq_tell(wq, work, me);
			continue;
		}
		if (kthread_should_stop())
			break;
		set_current_state(TASK_INTERRUPTIBLE);
		list_add(&me->idle, &wq->idle);
		if (!me->was_idle && ++wq->nr_ready == wq->nr_workers)
			complete(&wq->ready);
		me->was_idle = true;
		spin_unlock_irq(&wq->lock);
		if (!kthread_should_stop())
			schedule();
		__set_current_state(TASK_RUNNING);
		lab_scope_enter((enum lab_scope)me->kc_scope);
		spin_lock_irq(&wq->lock);
		list_del_init(&me->idle);
	}
	spin_unlock_irq(&wq->lock);
	return 0;
}

/**
 * alloc_workqueue - make a queue and its workers
 * @fmt: name of the queue, with its arguments behind @max_active
 * @flags: WQ_*; none changes anything here (linux/workqueue.h says why)
 * @max_active: workers; 0: KC_WQ_DEFAULT_ACTIVE; at most KC_WQ_MAX_ACTIVE are made
 *
 * Return: the queue; NULL without memory, or threads. Context: task, may sleep.
 */
struct workqueue_struct *alloc_workqueue(const char *fmt, unsigned int flags, int max_active, ...)
{
	unsigned int n = max_active > 0 ? min(max_active, KC_WQ_MAX_ACTIVE) : KC_WQ_DEFAULT_ACTIVE;
	struct workqueue_struct *wq = host_alloc(sizeof(*wq) + n * sizeof(wq->workers[0]));
	va_list args;
	unsigned int i;

	if (!wq)
		return NULL;
	lab_probe(ALLOC_HOST);
	va_start(args, max_active);
	vsnprintf(wq->name, sizeof(wq->name), fmt, args);
	va_end(args);
	spin_lock_init(&wq->lock);
	INIT_LIST_HEAD(&wq->pending);
	INIT_LIST_HEAD(&wq->idle);
	INIT_LIST_HEAD(&wq->flushes);
	init_completion(&wq->ready);
	wq->nr_workers = n;
	for (i = 0; i < n; i++) {
		struct kc_worker *w = &wq->workers[i];

		w->wq = wq;
		w->kc_scope = lab_scope();
		INIT_LIST_HEAD(&w->idle);
		INIT_LIST_HEAD(&w->scheduled);
		w->task = kthread_create(kc_worker_main, w, "%s/%u", wq->name, i);
		if (IS_ERR(w->task))
			goto no_worker;
	}
	for (i = 0; i < n; i++)
		wake_up_process(wq->workers[i].task);
	/* What starting costs is not counted later, as if it were the first IO's. */
	wait_for_completion(&wq->ready);
	return wq;

no_worker:
	while (i--)
		kthread_stop(wq->workers[i].task);
	return NULL;
}

/**
 * destroy_workqueue - run what is queued, then end the workers
 * @wq: from alloc_workqueue(); nobody queues on it any more. Context: task, may sleep
 */
void destroy_workqueue(struct workqueue_struct *wq)
{
	unsigned int i;

	drain_workqueue(wq);
	spin_lock_irq(&wq->lock);
	wq->destroyed = true;
	spin_unlock_irq(&wq->lock);
	for (i = 0; i < wq->nr_workers; i++)
		kthread_stop(wq->workers[i].task);
}

/**
 * queue_work - run @work on a worker of @wq
 *
 * Return: false if it is pending already. Context: any. Allocates nothing.
 */
bool queue_work(struct workqueue_struct *wq, struct work_struct *work)
{
	unsigned long flags;

	if (test_and_set_bit(WORK_STRUCT_PENDING_BIT, &work->data))
		return false;
	spin_lock_irqsave(&wq->lock, flags);
	KC_BUG_ON(wq->destroyed, "queue_work() on %s, which is destroyed", wq->name);
	WRITE_ONCE(work->kc_wq, wq);
	work->kc_seq = ++wq->seq;
	work->kc_scope = lab_scope();
	list_add_tail(&work->entry, &wq->pending);
	kc_wq_wake_one(wq);
	spin_unlock_irqrestore(&wq->lock, flags);
	return true;
}

/* Under wq->lock: queue @f if @work is pending or running. */
static bool kc_flush_begin(struct workqueue_struct *wq, struct work_struct *work, struct kc_flush *f)
{
	f->worker = list_empty(&work->entry) ? kc_wq_runs(wq, work) : NULL;
	if (!f->worker && list_empty(&work->entry))
		return false;
	f->work = work;
	init_completion(&f->done);
	list_add_tail(&f->node, &wq->flushes);
	return true;
}

/**
 * flush_work - wait until the last queueing of @work so far has run
 *
 * Return: false if it was idle. Context: task, may sleep; not from @work itself.
 */
bool flush_work(struct work_struct *work)
{
	struct workqueue_struct *wq = READ_ONCE(work->kc_wq);
	struct kc_flush f;
	bool busy;

	might_sleep();
	if (!wq)
		return false;
	spin_lock_irq(&wq->lock);
	busy = kc_flush_begin(wq, work, &f);
	spin_unlock_irq(&wq->lock);
	if (busy)
		wait_for_completion(&f.done);
	return busy;
}

/**
 * cancel_work_sync - take @work out of its queue and wait until it does not run
 *
 * While this waits, the item counts as pending, so that a function that queues itself again cannot.
 * Of two that cancel the same item one waits for the other.
 *
 * Return: true if it was pending. Context: task, may sleep; not from @work itself.
 */
bool cancel_work_sync(struct work_struct *work)
{
	struct workqueue_struct *wq = READ_ONCE(work->kc_wq);
	bool pending = false, busy, mine;
	struct kc_flush f;

	might_sleep();
	if (!wq)
		return false;
	do {
		spin_lock_irq(&wq->lock);
		mine = !test_and_set_bit(WORK_STRUCT_PENDING_BIT, &work->data);
		if (!mine && !list_empty(&work->entry)) {
			list_del_init(&work->entry);
			kc_wq_tell(wq, work, NULL);
			pending = mine = true;
		}
		busy = kc_flush_begin(wq, work, &f);
		spin_unlock_irq(&wq->lock);
		if (busy)
			wait_for_completion(&f.done);
		else if (!mine)
			yield();
	} while (!mine);
	clear_bit_unlock(WORK_STRUCT_PENDING_BIT, &work->data);
	return pending;
}

/**
 * flush_workqueue - wait until everything queued before this call has run
 * @wq: queue. Context: task, may sleep; not from one of its items
 */
void flush_workqueue(struct workqueue_struct *wq)
{
	struct kc_flush f = { .work = NULL };
	bool busy;

	might_sleep();
	spin_lock_irq(&wq->lock);
	f.seq = wq->seq;
	busy = kc_wq_oldest(wq) <= f.seq;
	if (busy) {
		init_completion(&f.done);
		list_add_tail(&f.node, &wq->flushes);
	}
	spin_unlock_irq(&wq->lock);
	if (busy)
		wait_for_completion(&f.done);
}

/**
 * drain_workqueue - flush until nothing is queued, by items that queue items either. Context: task,
 * may sleep.
 */
void drain_workqueue(struct workqueue_struct *wq)
{
	bool empty;

	do {
		flush_workqueue(wq);
		spin_lock_irq(&wq->lock);
		empty = kc_wq_oldest(wq) == U64_MAX;
		spin_unlock_irq(&wq->lock);
	} while (!empty);
}
