/* SPDX-License-Identifier: GPL-2.0-only */
/* wait.h - wait queues, with the kernel's semantics. All waits are uninterruptible: there are no signals. */
#ifndef _LINUX_WAIT_H
#define _LINUX_WAIT_H

#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/sched.h>
#include <linux/spinlock.h>

struct wait_queue_entry;
typedef struct wait_queue_entry wait_queue_entry_t;

/* Called under the head's lock. 0: woke nobody; > 0: woke one; < 0: stop here. */
typedef int (*wait_queue_func_t)(struct wait_queue_entry *entry, unsigned int mode, int flags, void *key);

#define WQ_FLAG_EXCLUSIVE	0x01

struct wait_queue_entry {
	unsigned int flags;
	void *private;			/* the task */
	wait_queue_func_t func;
	struct list_head entry;
};

struct wait_queue_head {
	spinlock_t lock;
	struct list_head head;
};
typedef struct wait_queue_head wait_queue_head_t;

#define __WAIT_QUEUE_HEAD_INITIALIZER(name) {						\
	.lock = __SPIN_LOCK_UNLOCKED(name.lock), .head = LIST_HEAD_INIT(name.head) }
#define DECLARE_WAIT_QUEUE_HEAD(name)							\
	struct wait_queue_head name = __WAIT_QUEUE_HEAD_INITIALIZER(name)

void kc_init_waitqueue_head(struct wait_queue_head *wq, const char *name, const void *key);
#define init_waitqueue_head(wq)								\
	do {										\
		static struct lock_class_key __key;					\
		kc_init_waitqueue_head(wq, #wq, &__key);				\
	} while (0)

/* Its lock's class is that of this place in the source, not of an address on a stack. */
#define DECLARE_WAIT_QUEUE_HEAD_ONSTACK(name)						\
	static struct lock_class_key __PASTE(__key_, name);				\
	struct wait_queue_head name = __WAIT_QUEUE_HEAD_INITIALIZER(name);		\
	kc_init_waitqueue_head(&name, #name, &__PASTE(__key_, name))

int default_wake_function(struct wait_queue_entry *entry, unsigned int mode, int flags, void *key);
int autoremove_wake_function(struct wait_queue_entry *entry, unsigned int mode, int flags, void *key);

void init_wait_entry(struct wait_queue_entry *entry, int flags);
void init_waitqueue_entry(struct wait_queue_entry *entry, struct task_struct *task);
void add_wait_queue(struct wait_queue_head *wq, struct wait_queue_entry *entry);
void add_wait_queue_exclusive(struct wait_queue_head *wq, struct wait_queue_entry *entry);
void remove_wait_queue(struct wait_queue_head *wq, struct wait_queue_entry *entry);
void prepare_to_wait(struct wait_queue_head *wq, struct wait_queue_entry *entry, int state);
bool prepare_to_wait_exclusive(struct wait_queue_head *wq, struct wait_queue_entry *entry, int state);
void finish_wait(struct wait_queue_head *wq, struct wait_queue_entry *entry);

static inline void __add_wait_queue(struct wait_queue_head *wq, struct wait_queue_entry *entry)
{
	list_add(&entry->entry, &wq->head);
}

static inline void __add_wait_queue_entry_tail(struct wait_queue_head *wq, struct wait_queue_entry *entry)
{
	list_add_tail(&entry->entry, &wq->head);
}

static inline void __remove_wait_queue(struct wait_queue_head *wq, struct wait_queue_entry *entry)
{
	list_del(&entry->entry);
}

#define DEFINE_WAIT_FUNC(name, function)						\
	struct wait_queue_entry name = {						\
		.private = current, .func = function, .entry = LIST_HEAD_INIT(name.entry) }
#define DEFINE_WAIT(name)		DEFINE_WAIT_FUNC(name, autoremove_wake_function)
#define DECLARE_WAITQUEUE(name, task)							\
	struct wait_queue_entry name = { .private = task, .func = default_wake_function }

/* Wake everybody who is not exclusive, and @nr_exclusive (0: all) of those who are. Any context. */
int __wake_up(struct wait_queue_head *wq, unsigned int mode, int nr_exclusive, void *key);
/* The same with the lock held. */
int __wake_up_locked(struct wait_queue_head *wq, unsigned int mode, int nr_exclusive, void *key);

#define TASK_NORMAL		(TASK_INTERRUPTIBLE | TASK_UNINTERRUPTIBLE)
#define wake_up(wq)		((void)__wake_up(wq, TASK_NORMAL, 1, NULL))
#define wake_up_nr(wq, nr)	((void)__wake_up(wq, TASK_NORMAL, nr, NULL))
#define wake_up_all(wq)		((void)__wake_up(wq, TASK_NORMAL, 0, NULL))
#define wake_up_locked(wq)	((void)__wake_up_locked(wq, TASK_NORMAL, 1, NULL))
#define wake_up_all_locked(wq)	((void)__wake_up_locked(wq, TASK_NORMAL, 0, NULL))

/* Needs a barrier before it, as in the kernel; wq_has_sleeper() has it. */
static inline int waitqueue_active(struct wait_queue_head *wq)
{
	return !list_empty(&wq->head);
}

static inline bool wq_has_sleeper(struct wait_queue_head *wq)
{
	smp_mb();
	return waitqueue_active(wq);
}

#define ___kc_wait_event(wq, cond, exclusive, cmd)					\
	do {										\
		struct wait_queue_entry __entry;					\
											\
		init_wait_entry(&__entry, (exclusive) ? WQ_FLAG_EXCLUSIVE : 0);		\
		for (;;) {								\
			if (exclusive)							\
				prepare_to_wait_exclusive(&(wq), &__entry, TASK_UNINTERRUPTIBLE); \
			else								\
				prepare_to_wait(&(wq), &__entry, TASK_UNINTERRUPTIBLE);	\
			if (cond)							\
				break;							\
			cmd;								\
		}									\
		finish_wait(&(wq), &__entry);						\
	} while (0)

#define wait_event(wq, cond)								\
	do {										\
		might_sleep();								\
		if (cond)								\
			break;								\
		___kc_wait_event(wq, cond, 0, schedule());				\
	} while (0)
#define io_wait_event(wq, cond)								\
	do {										\
		might_sleep();								\
		if (cond)								\
			break;								\
		___kc_wait_event(wq, cond, 0, io_schedule());				\
	} while (0)
#define wait_event_exclusive_cmd(wq, cond, cmd1, cmd2)					\
	do {										\
		if (cond)								\
			break;								\
		___kc_wait_event(wq, cond, 1, cmd1; schedule(); cmd2);			\
	} while (0)
/* The condition is looked at with @lock held; @lock is dropped around the sleep. */
#define wait_event_lock_irq(wq, cond, lock)						\
	do {										\
		if (cond)								\
			break;								\
		___kc_wait_event(wq, cond, 0, spin_unlock_irq(&(lock)); schedule(); spin_lock_irq(&(lock))); \
	} while (0)

#endif
