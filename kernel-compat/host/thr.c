// SPDX-License-Identifier: GPL-2.0-only
/*
 * thr.c - the engine of pthreads.
 *
 * A task has one eventfd. A waker adds to it, and so does the kernel when the task's ring has
 * completions (the ring is told about the eventfd when its task first waits beside others): one
 * blocking read waits for both, then completions are fetched without waiting. Nobody blocks in
 * io_uring_enter() while another task could have something to say to it; memcheck hangs there, and
 * a wake-up would come late.
 *
 * When is nobody else able to speak? @thr_awake counts the tasks that are not asleep for good, that
 * is, neither parked without a transfer in flight nor joining. Only an awake task can wake another,
 * so a task that is the only one awake may wait in the kernel for as many completions as it likes:
 * nothing but its own IO can happen. A waker counts its sleeper awake before it can fall asleep
 * itself; so the count is never too low, and when it reaches 0 with tasks alive, no one will ever
 * run again: a deadlock, found here as exactly as in det.
 *
 * The wake word makes the usual case cheap: waking a task that runs is one exchange, and no system call.
 */
#include <errno.h>
#include <linux/futex.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "host-impl.h"

#define ABORT_WAIT_MS	2000
#define SPIN_ROUNDS	100	/* beyond it a spinner on two cores only burns the holder's time slice */

enum thr_wake {
	THR_RUNS,		/* no token */
	THR_TOKEN,		/* token given, not yet taken */
	THR_SLEEPS,		/* reads its eventfd, nothing in flight: not counted awake */
	THR_SLEEPS_IO,		/* reads its eventfd for a token or a completion: counted awake */
};

enum thr_end {
	THR_ALIVE,
	THR_JOINED,		/* a joiner sleeps; it is not counted awake */
	THR_ENDED,
};

static _Atomic unsigned int thr_awake;
static _Atomic bool thr_aborting;	/* whoever parks leaves */
static enum host_run_status thr_status;
static sem_t thr_all_ended;		/* posted by the last task of the run */

static _Noreturn void thr_deadlock(void)
{
	char line[160];
	unsigned int i;

	host_puts("deadlock: every task waits, and nothing is in flight");
	for (i = 0; i < HOST_MAX_TASKS; i++) {
		struct host_task *t = task_at(i);

		if (!t || atomic_load(&t->end) == THR_ENDED)
			continue;
		snprintf(line, sizeof(line), "  task %u %s: %s", t->index, t->name,
			 atomic_load(&t->wake) == THR_SLEEPS ? "parked" : "joining another task");
		host_puts(line);
	}
	host_die("deadlock (thr)");
}

/* The calling task falls asleep for good, or ends. */
static void thr_awake_dec(void)
{
	if (atomic_fetch_sub(&thr_awake, 1) == 1 && host_nr_tasks())
		thr_deadlock();
}

static void thr_end(struct host_task *t)
{
	bool last = atomic_fetch_sub(&task_alive, 1) == 1;

	if (atomic_exchange(&t->end, THR_ENDED) == THR_JOINED)
		atomic_fetch_add(&thr_awake, 1);
	thr_awake_dec();
	if (last)
		sem_post(&thr_all_ended);
}

static void *thr_start(void *arg)
{
	struct host_task *t = arg;
	pthread_attr_t attr;
	size_t bytes;

	host_self = t;
	if (pthread_getattr_np(pthread_self(), &attr))
		host_die("pthread_getattr_np failed");
	pthread_attr_getstack(&attr, &t->stack_lo, &bytes);
	pthread_attr_destroy(&attr);

	task_run(t);
	thr_end(t);
	return NULL;
}

/* End the calling task where it stands; nothing is unwound, as when det abandons a fiber. */
static _Noreturn void thr_leave(struct host_task *self)
{
	struct host_cqe dropped[16];

	while (ring_inflight(self->ring)) {
		ring_wait(self->ring, 1);
		host_ring_reap(dropped, 16);
	}
	ring_free(self->ring);
	self->ring = NULL;
	thr_end(self);
	pthread_exit(NULL);
}

/**
 * thr_abort - host_run_abort() of this engine
 * @self: the calling task
 *
 * The others leave where they park: those that are parked are woken for it, the rest is waited for.
 * Returns if one of them does not park within ABORT_WAIT_MS; the run is then beyond help.
 */
void thr_abort(struct host_task *self)
{
	unsigned int ms, i;

	atomic_store(&thr_aborting, true);
	for (ms = 0; host_nr_tasks() > 1; ms++) {
		if (ms == ABORT_WAIT_MS)
			return;
		for (i = 0; i < HOST_MAX_TASKS; i++) {
			struct host_task *t = task_at(i);
			int wake = t && t != self ? atomic_load(&t->wake) : THR_RUNS;

			if (wake == THR_SLEEPS || wake == THR_SLEEPS_IO)
				thr_unpark(t);
		}
		usleep(1000);
	}
	thr_status = HOST_RUN_ABORTED;
	thr_leave(self);
}

/** thr_create - start the thread of a task that task_new() made */
void thr_create(struct host_task *t)
{
	char name[16];			/* what a thread's name may have; the rest is cut */
	pthread_attr_t attr;
	int err;

	t->efd = eventfd(0, EFD_CLOEXEC);
	if (t->efd < 0)
		die_errno("eventfd", errno);
	atomic_fetch_add(&thr_awake, 1);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, HOST_STACK_BYTES);
	err = pthread_create(&t->thread, &attr, thr_start, t);
	if (err)
		die_errno("pthread_create", err);
	pthread_attr_destroy(&attr);
	snprintf(name, sizeof(name), "%.15s", t->name);
	pthread_setname_np(t->thread, name);
}

static void thr_reap(struct host_task *t)
{
	pthread_join(t->thread, NULL);
	close(t->efd);
	t->efd = -1;
}

/** thr_join - wait for the end of @t, asleep: the ending task counts its joiner awake again */
void thr_join(struct host_task *t)
{
	int alive = THR_ALIVE;

	if (atomic_compare_exchange_strong(&t->end, &alive, THR_JOINED))
		thr_awake_dec();
	thr_reap(t);
}

/**
 * thr_run - run the first task and wait for it and for every task that nobody joined
 * @first: from task_new()
 *
 * Return: HOST_RUN_DONE or HOST_RUN_ABORTED; a deadlock stops the process, since a sleeping pthread
 * cannot be taken back.
 */
enum host_run_status thr_run(struct host_task *first)
{
	unsigned int i;

	sem_init(&thr_all_ended, 0, 0);
	thr_status = HOST_RUN_DONE;
	atomic_store(&thr_aborting, false);
	thr_create(first);
	while (sem_wait(&thr_all_ended))
		;
	for (i = 0; i < HOST_MAX_TASKS; i++) {
		if (task_at(i))
			thr_reap(task_at(i));
	}
	sem_destroy(&thr_all_ended);
	return thr_status;
}

/* --- waiting ---------------------------------------------------------------------------------- */

static bool thr_take_token(struct host_task *self)
{
	int token = THR_TOKEN;

	return atomic_compare_exchange_strong(&self->wake, &token, THR_RUNS);
}

static void thr_read_eventfd(struct host_task *self)
{
	uint64_t count;

	while (read(self->efd, &count, sizeof(count)) != sizeof(count)) {
		if (errno != EINTR)
			die_errno("read(eventfd)", errno);
	}
}

/* Sleep with nothing in flight: only the token ends it. */
static enum host_wake thr_sleep(struct host_task *self)
{
	int runs = THR_RUNS;

	if (atomic_compare_exchange_strong(&self->wake, &runs, THR_SLEEPS)) {
		thr_awake_dec();
		/* Old completions of the ring may have been counted too: read until it is the token. */
		do {
			thr_read_eventfd(self);
		} while (atomic_load(&self->wake) != THR_TOKEN);
	}
	atomic_store(&self->wake, THR_RUNS);
	if (atomic_load_explicit(&thr_aborting, memory_order_relaxed))
		thr_leave(self);
	return HOST_WAKE_TOKEN;
}

/* Sleep for the token or for a completion of the ring; others are awake. */
static enum host_wake thr_sleep_io(struct host_task *self)
{
	int old = THR_RUNS;

	ring_use_eventfd(self->ring, self->efd, true);
	if (!atomic_compare_exchange_strong(&self->wake, &old, THR_SLEEPS_IO)) {
		atomic_store(&self->wake, THR_RUNS);
		return HOST_WAKE_TOKEN;
	}
	/*
	 * The eventfd tells of what completes from here on; what came before is seen by ring_ready(). A count
	 * left over from earlier only makes one round more.
	 */
	while (!ring_ready(self->ring)) {
		thr_read_eventfd(self);
		if (atomic_load(&self->wake) == THR_TOKEN)
			break;
	}
	if (atomic_exchange(&self->wake, THR_RUNS) == THR_TOKEN)
		return HOST_WAKE_TOKEN;
	ring_flush(self->ring);
	return HOST_WAKE_IO;
}

/**
 * thr_park - host_park() of this engine
 * @self: the calling task
 * @sim_inflight: simulated IOs that can complete
 * @want_ios: hint, taken while nobody else is awake
 *
 * Return: enum host_wake; the token goes before completions.
 */
enum host_wake thr_park(struct host_task *self, unsigned int sim_inflight, unsigned int want_ios)
{
	struct host_ring *r = self->ring;

	if (atomic_load_explicit(&thr_aborting, memory_order_relaxed))
		thr_leave(self);
	if (thr_take_token(self)) {
		ring_submit(r);
		return HOST_WAKE_TOKEN;
	}
	if (sim_inflight) {
		ring_submit(r);
		return HOST_WAKE_IO;
	}
	if (!ring_inflight(r))
		return thr_sleep(self);
	/*
	 * Alone: whoever gave a token since the look above has fallen asleep since, so one more
	 * look finds it, and nobody is left to give one while this task waits in the kernel.
	 */
	if (atomic_load(&thr_awake) == 1) {
		if (thr_take_token(self)) {
			ring_submit(r);
			return HOST_WAKE_TOKEN;
		}
		ring_use_eventfd(r, self->efd, false);
		ring_wait(r, want_ios);
		return HOST_WAKE_IO;
	}
	ring_flush(r);
	if (ring_ready(r))
		return HOST_WAKE_IO;
	return thr_sleep_io(self);
}

/** thr_unpark - host_unpark() of this engine */
void thr_unpark(struct host_task *t)
{
	const uint64_t one = 1;
	int old = atomic_exchange(&t->wake, THR_TOKEN);

	if (old == THR_SLEEPS)
		atomic_fetch_add(&thr_awake, 1);
	if (old == THR_SLEEPS || old == THR_SLEEPS_IO) {
		if (write(t->efd, &one, sizeof(one)) != sizeof(one))
			die_errno("write(eventfd)", errno);
	}
}

/* --- a word that another task changes --------------------------------------------------------- */

/** thr_spin_wait - up to SPIN_ROUNDS looks, then a futex wait while *word == val */
void thr_spin_wait(const int *word, int val)
{
	unsigned int i;

	for (i = 0; i < SPIN_ROUNDS; i++) {
		if (__atomic_load_n(word, __ATOMIC_RELAXED) != val)
			return;
#if defined(__x86_64__) || defined(__i386__)
		__builtin_ia32_pause();
#endif
	}
	syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, val, NULL, NULL, 0);
}

/** thr_spin_wake - wake one task that sleeps in thr_spin_wait() on @word */
void thr_spin_wake(int *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}
