// SPDX-License-Identifier: GPL-2.0-only
/*
 * wait.c - wait queues.
 *
 * Entries that are not exclusive go to the front, exclusive ones to the back, so a wake-up meets
 * all of the former before it counts the latter. Entries are woken under the queue's lock. (Source
 * of the semantics: kernel/sched/wait.c, 6.1.)
 */
#include <linux/kernel.h>
#include <linux/wait.h>
#include <kc/facility.h>

/** kc_init_waitqueue_head - init_waitqueue_head() with the name and class key of its place */
void kc_init_waitqueue_head(struct wait_queue_head *wq, const char *name, const void *key)
{
	kc_spin_lock_init(&wq->lock, name, key);
	INIT_LIST_HEAD(&wq->head);
}

/** init_waitqueue_entry - an entry that wakes @task and stays queued */
void init_waitqueue_entry(struct wait_queue_entry *entry, struct task_struct *task)
{
	entry->flags = 0;
	entry->private = task;
	entry->func = default_wake_function;
	INIT_LIST_HEAD(&entry->entry);
}

/** init_wait_entry - an entry that wakes current and leaves the queue; @flags: WQ_FLAG_EXCLUSIVE or 0 */
void init_wait_entry(struct wait_queue_entry *entry, int flags)
{
	entry->flags = (unsigned int)flags;
	entry->private = current;
	entry->func = autoremove_wake_function;
	INIT_LIST_HEAD(&entry->entry);
}

/** default_wake_function - wake the entry's task; 1 if it was waiting */
int default_wake_function(struct wait_queue_entry *entry, unsigned int mode, int flags, void *key)
{
	return kc_wake_task(entry->private);
}

/** autoremove_wake_function - the same, and a woken entry leaves the queue */
int autoremove_wake_function(struct wait_queue_entry *entry, unsigned int mode, int flags, void *key)
{
	int woke = default_wake_function(entry, mode, flags, key);

	if (woke)
		list_del_init_careful(&entry->entry);
	return woke;
}

/** add_wait_queue - queue at the front, not exclusive. Context: any. */
void add_wait_queue(struct wait_queue_head *wq, struct wait_queue_entry *entry)
{
	unsigned long flags;

	spin_lock_irqsave(&wq->lock, flags);
	entry->flags &= ~WQ_FLAG_EXCLUSIVE;
	__add_wait_queue(wq, entry);
	spin_unlock_irqrestore(&wq->lock, flags);
}

/** add_wait_queue_exclusive - queue at the back, exclusive. Context: any. */
void add_wait_queue_exclusive(struct wait_queue_head *wq, struct wait_queue_entry *entry)
{
	unsigned long flags;

	spin_lock_irqsave(&wq->lock, flags);
	entry->flags |= WQ_FLAG_EXCLUSIVE;
	__add_wait_queue_entry_tail(wq, entry);
	spin_unlock_irqrestore(&wq->lock, flags);
}

/** remove_wait_queue - take a queued entry out. Context: any. */
void remove_wait_queue(struct wait_queue_head *wq, struct wait_queue_entry *entry)
{
	unsigned long flags;

	spin_lock_irqsave(&wq->lock, flags);
	__remove_wait_queue(wq, entry);
	spin_unlock_irqrestore(&wq->lock, flags);
}

/**
 * prepare_to_wait - queue unless queued, then set the task's state
 * @wq: queue
 * @entry: of current
 * @state: TASK_UNINTERRUPTIBLE or TASK_INTERRUPTIBLE
 *
 * The state is set under the lock and with a full barrier: whoever wakes the queue later finds the
 * task there, and a condition that was made true earlier is seen by the caller's next look at it.
 */
void prepare_to_wait(struct wait_queue_head *wq, struct wait_queue_entry *entry, int state)
{
	unsigned long flags;

	spin_lock_irqsave(&wq->lock, flags);
	entry->flags &= ~WQ_FLAG_EXCLUSIVE;
	if (list_empty(&entry->entry))
		__add_wait_queue(wq, entry);
	set_current_state((unsigned int)state);
	spin_unlock_irqrestore(&wq->lock, flags);
}

/** prepare_to_wait_exclusive - the same at the back, exclusive; true if the queue was empty */
bool prepare_to_wait_exclusive(struct wait_queue_head *wq, struct wait_queue_entry *entry, int state)
{
	bool was_empty = false;
	unsigned long flags;

	spin_lock_irqsave(&wq->lock, flags);
	entry->flags |= WQ_FLAG_EXCLUSIVE;
	if (list_empty(&entry->entry)) {
		was_empty = list_empty(&wq->head);
		__add_wait_queue_entry_tail(wq, entry);
	}
	set_current_state((unsigned int)state);
	spin_unlock_irqrestore(&wq->lock, flags);
	return was_empty;
}

/** finish_wait - running again and out of the queue; the lock is taken only if no waker has done it */
void finish_wait(struct wait_queue_head *wq, struct wait_queue_entry *entry)
{
	unsigned long flags;

	__set_current_state(TASK_RUNNING);
	if (list_empty_careful(&entry->entry))
		return;
	spin_lock_irqsave(&wq->lock, flags);
	list_del_init(&entry->entry);
	spin_unlock_irqrestore(&wq->lock, flags);
}

/**
 * __wake_up_locked - wake tasks of a queue whose lock is held
 * @wq: queue
 * @mode: given to the entries' functions
 * @nr_exclusive: how many exclusive entries to wake; 0: all
 * @key: given to the entries' functions
 *
 * Return: number of exclusive wake-ups that were not used.
 */
int __wake_up_locked(struct wait_queue_head *wq, unsigned int mode, int nr_exclusive, void *key)
{
	struct wait_queue_entry *entry, *next;

	list_for_each_entry_safe(entry, next, &wq->head, entry) {
		unsigned int flags = entry->flags;
		int woke = entry->func(entry, mode, 0, key);

		if (woke < 0)
			break;
		if (woke && (flags & WQ_FLAG_EXCLUSIVE) && !--nr_exclusive)
			break;
	}
	return nr_exclusive;
}

/** __wake_up - __wake_up_locked() that takes the lock. Context: any. */
int __wake_up(struct wait_queue_head *wq, unsigned int mode, int nr_exclusive, void *key)
{
	unsigned long flags;
	int left;

	spin_lock_irqsave(&wq->lock, flags);
	left = __wake_up_locked(wq, mode, nr_exclusive, key);
	spin_unlock_irqrestore(&wq->lock, flags);
	return left;
}
