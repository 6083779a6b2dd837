// SPDX-License-Identifier: GPL-2.0-only
/*
 * rwsem.c - contended reader/writer semaphores.
 *
 * kc_count holds KC_RWSEM_WRITER or a multiple of KC_RWSEM_READER, plus KC_RWSEM_WAITERS while the
 * queue is not empty. With that bit set the fast paths down refuse, so only holders of kc_wait_lock
 * add holders, and the fast paths up call kc_rwsem_wake(): which grants the semaphore to the first
 * waiter, and with a reader to the readers behind it up to the next writer. First come, first
 * served: a stream of readers cannot hold a writer off.
 *
 * As in mutex.c nothing of the semaphore is touched once kc_wait_lock is released.
 */
#include <linux/kernel.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <kc/facility.h>

#define KC_RWSEM_HOLDERS	(~KC_RWSEM_WAITERS)

struct kc_rwsem_waiter {
	struct list_head node;
	struct task_struct *task;
	bool write;
	bool granted;
};

/** kc_rwsem_init - init_rwsem() with the name and class key of its place */
void kc_rwsem_init(struct rw_semaphore *sem, const char *name, const void *key)
{
	sem->kc_count = 0;
	sem->kc_wait_lock = 0;
	INIT_LIST_HEAD(&sem->kc_waiters);
	__kc_dep_init(sem, name, key);
}

/*
 * Under kc_wait_lock: take the semaphore (true), or make sure that its holders will look at the
 * queue (false).
 */
static bool kc_rwsem_take_or_mark(struct rw_semaphore *sem, bool write)
{
	long c = READ_ONCE(sem->kc_count), new;
	bool can;

	while (!(c & KC_RWSEM_WAITERS)) {
		can = write ? !c : !(c & KC_RWSEM_WRITER);
		if (!can)
			new = c | KC_RWSEM_WAITERS;
		else
			new = write ? KC_RWSEM_WRITER : c + KC_RWSEM_READER;
		if (__atomic_compare_exchange_n(&sem->kc_count, &c, new, false,
						__ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return can;
	}
	return false;
}

/**
 * kc_rwsem_down_slow - wait for the semaphore
 * @sem: not to be had when last looked at
 * @write: exclusively
 * @site: of the caller
 *
 * Context: task, may sleep. BUGs under kc_nowait_begin().
 */
void kc_rwsem_down_slow(struct rw_semaphore *sem, bool write, const char *site)
{
	struct kc_rwsem_waiter w = { .task = current, .write = write };
	bool taken;

	kc_assert_may_wait();
	kc_word_lock(&sem->kc_wait_lock, site);
	taken = kc_rwsem_take_or_mark(sem, write);
	if (!taken)
		list_add_tail(&w.node, &sem->kc_waiters);
	kc_word_unlock(&sem->kc_wait_lock);
	if (taken)
		return;
	for (;;) {
		set_current_state(TASK_UNINTERRUPTIBLE);
		if (smp_load_acquire(&w.granted))
			break;
		schedule();
	}
	__set_current_state(TASK_RUNNING);
}

/* Under kc_wait_lock, WAITERS set: move whoever may have the semaphore now from the queue to @granted. */
static void kc_rwsem_grant(struct rw_semaphore *sem, struct list_head *granted)
{
	while (!list_empty(&sem->kc_waiters)) {
		struct kc_rwsem_waiter *w = list_first_entry(&sem->kc_waiters, struct kc_rwsem_waiter, node);
		long holders = __atomic_load_n(&sem->kc_count, __ATOMIC_ACQUIRE) & KC_RWSEM_HOLDERS;

		if (w->write ? holders != 0 : (holders & KC_RWSEM_WRITER) != 0)
			return;
		__atomic_fetch_add(&sem->kc_count, w->write ? KC_RWSEM_WRITER : KC_RWSEM_READER,
				   __ATOMIC_ACQUIRE);
		list_move_tail(&w->node, granted);
	}
	__atomic_fetch_and(&sem->kc_count, ~KC_RWSEM_WAITERS, __ATOMIC_RELAXED);
}

/**
 * kc_rwsem_wake - give the semaphore to the waiters whose turn it is
 * @sem: released or downgraded by the caller just now, with waiters
 *
 * Somebody may have done it meanwhile; then there is nobody to grant it to, or nothing to grant.
 * The semaphore cannot be gone: a waiter was queued when the caller let go of it, and it waits for
 * this or another call.
 */
void kc_rwsem_wake(struct rw_semaphore *sem)
{
	struct kc_rwsem_waiter *w, *next;
	LIST_HEAD(granted);

	kc_word_lock(&sem->kc_wait_lock, NULL);
	if (READ_ONCE(sem->kc_count) & KC_RWSEM_WAITERS)
		kc_rwsem_grant(sem, &granted);
	kc_word_unlock(&sem->kc_wait_lock);
	list_for_each_entry_safe(w, next, &granted, node) {
		struct task_struct *task = w->task;

		smp_store_release(&w->granted, true);
		kc_wake_task(task);
	}
}

/**
 * kc_rwsem_downgrade - from writer to reader, without a moment in between
 * @sem: the caller's, for writing; BUGs else
 * @site: of the caller
 *
 * The lock order checker goes on to see it as exclusive until it is released, which is stricter.
 */
void kc_rwsem_downgrade(struct rw_semaphore *sem, const char *site)
{
	long c = __atomic_fetch_add(&sem->kc_count, KC_RWSEM_READER - KC_RWSEM_WRITER, __ATOMIC_RELEASE);

	KC_BUG_ON(!(c & KC_RWSEM_WRITER), "downgrade_write at %s: no one writes",
		  site ? site : "(release build: no site)");
	if (c & KC_RWSEM_WAITERS)
		kc_rwsem_wake(sem);
	kc_sched_point();
}
