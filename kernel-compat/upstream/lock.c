// SPDX-License-Identifier: GPL-2.0-only
/*
 * lock.c - spinlocks that assert, and mutexes and rw-semaphores that hand over.
 *
 * There is one processor, and a context is left only where it waits: so a spinlock that is found taken is taken by
 * its own context, or by one that waits while it holds it. Both are bugs, and stop. A mutex or semaphore that is
 * taken makes its context wait, in order.
 */
#include <linux/bottom_half.h>
#include <linux/mutex.h>
#include <linux/percpu-rwsem.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include "k.h"

int signals_enabled = 1;		/* UML's interrupt flag */

int um_set_signals(int enable)
{
	int old = signals_enabled;

	signals_enabled = enable;
	return old;
}

void block_signals(void)
{
	signals_enabled = 0;
}

void unblock_signals(void)
{
	signals_enabled = 1;
}

/* ---- spinlocks --------------------------------------------------------------------------------------- */

void __raw_spin_lock_init(raw_spinlock_t *lock, const char *name, struct lock_class_key *key, short inner)
{
	lock->raw_lock = (arch_spinlock_t)__ARCH_SPIN_LOCK_UNLOCKED;
	lock->magic = SPINLOCK_MAGIC;
	lock->owner = SPINLOCK_OWNER_INIT;
	lock->owner_cpu = -1;
}

static bool spin_take(raw_spinlock_t *lock)
{
	if (lock->magic != SPINLOCK_MAGIC)
		up_bug("a spinlock that was never initialised (%p)", lock);
	if (!lock->raw_lock.slock)
		return false;
	lock->raw_lock.slock = 0;
	lock->owner = current;
	up_locks_held(1);
	upl_count(UP_N_LOCKS, 1);
	return true;
}

static void spin_take_or_stop(raw_spinlock_t *lock)
{
	if (!spin_take(lock))
		up_bug("a spinlock is taken twice (%p): by this task, or by one that waits with it held", lock);
}

static void spin_give(raw_spinlock_t *lock)
{
	if (lock->raw_lock.slock)
		up_bug("a spinlock is released that is not held (%p)", lock);
	lock->raw_lock.slock = 1;
	lock->owner = SPINLOCK_OWNER_INIT;
	up_locks_held(-1);
}

void __lockfunc _raw_spin_lock(raw_spinlock_t *lock)
{
	spin_take_or_stop(lock);
}

void __lockfunc _raw_spin_lock_nested(raw_spinlock_t *lock, int subclass)
{
	spin_take_or_stop(lock);
}

void __lockfunc _raw_spin_lock_bh(raw_spinlock_t *lock)
{
	spin_take_or_stop(lock);
}

void __lockfunc _raw_spin_lock_irq(raw_spinlock_t *lock)
{
	block_signals();
	spin_take_or_stop(lock);
}

unsigned long __lockfunc _raw_spin_lock_irqsave(raw_spinlock_t *lock)
{
	unsigned long flags = um_set_signals(0);

	spin_take_or_stop(lock);
	return flags;
}

int __lockfunc _raw_spin_trylock(raw_spinlock_t *lock)
{
	return spin_take(lock);
}

void __lockfunc _raw_spin_unlock(raw_spinlock_t *lock)
{
	spin_give(lock);
}

void __lockfunc _raw_spin_unlock_bh(raw_spinlock_t *lock)
{
	spin_give(lock);
}

void __lockfunc _raw_spin_unlock_irq(raw_spinlock_t *lock)
{
	spin_give(lock);
	unblock_signals();
}

void __lockfunc _raw_spin_unlock_irqrestore(raw_spinlock_t *lock, unsigned long flags)
{
	spin_give(lock);
	um_set_signals(flags);
}

/* ---- waiting for a lock -------------------------------------------------------------------------------- */

struct lock_waiter {
	struct list_head node;
	struct task_struct *task;
	bool write, granted;
};

static void lock_wait(struct list_head *waiters, bool write)
{
	struct lock_waiter w = { .task = current, .write = write };

	list_add_tail(&w.node, waiters);
	for (;;) {
		set_current_state(TASK_UNINTERRUPTIBLE);
		if (w.granted)
			break;
		schedule();
	}
	__set_current_state(TASK_RUNNING);
}

static void lock_grant(struct lock_waiter *w)
{
	struct task_struct *task = w->task;

	list_del(&w->node);
	w->granted = true;
	wake_up_process(task);
}

/* ---- mutexes --------------------------------------------------------------------------------------------- */

void __mutex_init(struct mutex *lock, const char *name, struct lock_class_key *key)
{
	atomic_long_set(&lock->owner, 0);
	raw_spin_lock_init(&lock->wait_lock);
	INIT_LIST_HEAD(&lock->wait_list);
}

void mutex_lock(struct mutex *lock)
{
	long owner = atomic_long_read(&lock->owner);

	upl_count(UP_N_LOCKS, 1);
	if (owner == (long)current)
		up_bug("a mutex is taken twice by one task (%p)", lock);
	if (owner)
		lock_wait(&lock->wait_list, true);	/* handed over */
	else
		atomic_long_set(&lock->owner, (long)current);
}

int mutex_lock_killable(struct mutex *lock)
{
	mutex_lock(lock);
	return 0;
}

int mutex_trylock(struct mutex *lock)
{
	if (atomic_long_read(&lock->owner))
		return 0;
	mutex_lock(lock);
	return 1;
}

bool mutex_is_locked(struct mutex *lock)
{
	return atomic_long_read(&lock->owner);
}

void mutex_unlock(struct mutex *lock)
{
	struct lock_waiter *w = list_first_entry_or_null(&lock->wait_list, struct lock_waiter, node);

	if (atomic_long_read(&lock->owner) != (long)current)
		up_bug("a mutex is released by who does not hold it (%p)", lock);
	atomic_long_set(&lock->owner, w ? (long)w->task : 0);
	if (w)
		lock_grant(w);
}

/* ---- rw-semaphores: count is -1 for a writer, else the number of readers ----------------------------------- */

void __init_rwsem(struct rw_semaphore *sem, const char *name, struct lock_class_key *key)
{
	atomic_long_set(&sem->count, 0);
	atomic_long_set(&sem->owner, 0);
	raw_spin_lock_init(&sem->wait_lock);
	INIT_LIST_HEAD(&sem->wait_list);
}

int down_read_trylock(struct rw_semaphore *sem)
{
	upl_count(UP_N_LOCKS, 1);
	if (atomic_long_read(&sem->count) < 0 || !list_empty(&sem->wait_list))
		return 0;
	atomic_long_inc(&sem->count);
	return 1;
}

void down_read(struct rw_semaphore *sem)
{
	if (!down_read_trylock(sem))
		lock_wait(&sem->wait_list, false);
}

int down_write_trylock(struct rw_semaphore *sem)
{
	upl_count(UP_N_LOCKS, 1);
	if (atomic_long_read(&sem->count))
		return 0;
	atomic_long_set(&sem->count, -1);
	atomic_long_set(&sem->owner, (long)current);
	return 1;
}

void down_write(struct rw_semaphore *sem)
{
	if (atomic_long_read(&sem->owner) == (long)current)
		up_bug("a rw-semaphore is taken twice by one task (%p)", sem);
	if (!down_write_trylock(sem))
		lock_wait(&sem->wait_list, true);
}

/* Whoever is next, and every reader up to the next writer. */
static void rwsem_hand_over(struct rw_semaphore *sem)
{
	struct lock_waiter *w;

	while ((w = list_first_entry_or_null(&sem->wait_list, struct lock_waiter, node))) {
		if (atomic_long_read(&sem->count) < 0 || (w->write && atomic_long_read(&sem->count)))
			return;
		if (w->write) {
			atomic_long_set(&sem->count, -1);
			atomic_long_set(&sem->owner, (long)w->task);
		} else {
			atomic_long_inc(&sem->count);
		}
		lock_grant(w);
	}
}

void up_read(struct rw_semaphore *sem)
{
	if (atomic_long_read(&sem->count) <= 0)
		up_bug("up_read() of a rw-semaphore without readers (%p)", sem);
	atomic_long_dec(&sem->count);
	rwsem_hand_over(sem);
}

void up_write(struct rw_semaphore *sem)
{
	if (atomic_long_read(&sem->owner) != (long)current)
		up_bug("up_write() by who does not hold it (%p)", sem);
	atomic_long_set(&sem->count, 0);
	atomic_long_set(&sem->owner, 0);
	rwsem_hand_over(sem);
}

void downgrade_write(struct rw_semaphore *sem)
{
	if (atomic_long_read(&sem->owner) != (long)current)
		up_bug("downgrade_write() by who does not hold it (%p)", sem);
	atomic_long_set(&sem->count, 1);
	atomic_long_set(&sem->owner, 0);
	rwsem_hand_over(sem);
}
