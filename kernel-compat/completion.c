// SPDX-License-Identifier: GPL-2.0-only
/*
 * completion.c - a counter of things done, under its wait queue's lock.
 *
 * The lock is what lets a completion live on the waiter's stack: the waiter takes it after it was
 * woken, so complete() has let go of the structure, all but the word's own wake-up, before it is
 * gone.
 */
#include <linux/completion.h>
#include <linux/kernel.h>

/** complete - one more is done; wakes one waiter. Context: any. */
void complete(struct completion *x)
{
	unsigned long flags;

	spin_lock_irqsave(&x->wait.lock, flags);
	if (x->done != UINT_MAX)
		x->done++;
	__wake_up_locked(&x->wait, TASK_NORMAL, 1, NULL);
	spin_unlock_irqrestore(&x->wait.lock, flags);
}

/** complete_all - done for all waiters, now and later, until reinit_completion(). Context: any. */
void complete_all(struct completion *x)
{
	unsigned long flags;

	spin_lock_irqsave(&x->wait.lock, flags);
	x->done = UINT_MAX;
	__wake_up_locked(&x->wait, TASK_NORMAL, 0, NULL);
	spin_unlock_irqrestore(&x->wait.lock, flags);
}

static void kc_wait_for_completion(struct completion *x, void (*wait)(void))
{
	DECLARE_WAITQUEUE(entry, current);

	might_sleep();
	spin_lock_irq(&x->wait.lock);
	if (!x->done) {
		entry.flags |= WQ_FLAG_EXCLUSIVE;
		__add_wait_queue_entry_tail(&x->wait, &entry);
		do {
			__set_current_state(TASK_UNINTERRUPTIBLE);
			spin_unlock_irq(&x->wait.lock);
			wait();
			spin_lock_irq(&x->wait.lock);
		} while (!x->done);
		__remove_wait_queue(&x->wait, &entry);
		__set_current_state(TASK_RUNNING);
	}
	if (x->done != UINT_MAX)
		x->done--;
	spin_unlock_irq(&x->wait.lock);
}

/** wait_for_completion - wait for one complete(). Context: task, may sleep. */
void wait_for_completion(struct completion *x)
{
	kc_wait_for_completion(x, schedule);
}

/** wait_for_completion_io - the same for IO. Context: task, may sleep. */
void wait_for_completion_io(struct completion *x)
{
	kc_wait_for_completion(x, io_schedule);
}

/** try_wait_for_completion - take one that is done; false if there is none. Context: any. */
bool try_wait_for_completion(struct completion *x)
{
	unsigned long flags;
	bool done;

	spin_lock_irqsave(&x->wait.lock, flags);
	done = x->done;
	if (done && x->done != UINT_MAX)
		x->done--;
	spin_unlock_irqrestore(&x->wait.lock, flags);
	return done;
}

/** completion_done - is one done that nobody has waited for? Context: any. */
bool completion_done(struct completion *x)
{
	unsigned long flags;
	bool done;

	spin_lock_irqsave(&x->wait.lock, flags);
	done = x->done;
	spin_unlock_irqrestore(&x->wait.lock, flags);
	return done;
}
