// SPDX-License-Identifier: GPL-2.0-only
/*
 * rwsem.c - tests of reader/writer semaphores: sharing, exclusion, order, downgrade.
 */
#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/rwsem.h>
#include <linux/sched.h>
#include <kc/world.h>
#include "lab_test.h"

#define TASKS	6

struct shared {
	struct rw_semaphore sem;
	struct completion done;
	atomic_t readers, writers;
	unsigned int rounds, wrong;
	atomic_t most_readers;
	unsigned int written;
	unsigned int seq;
};

static void read_once(struct shared *s)
{
	int n;

	down_read(&s->sem);
	n = atomic_inc_return(&s->readers);
	if (n > atomic_read(&s->most_readers))
		atomic_set(&s->most_readers, n);
	if (atomic_read(&s->writers))
		WRITE_ONCE(s->wrong, 1);
	cond_resched();
	atomic_dec(&s->readers);
	up_read(&s->sem);
}

static void write_once(struct shared *s, bool downgrade)
{
	unsigned int seen;

	down_write(&s->sem);
	if (atomic_inc_return(&s->writers) != 1 || atomic_read(&s->readers))
		WRITE_ONCE(s->wrong, 1);
	seen = s->written;
	cond_resched();
	s->written = seen + 1;
	atomic_dec(&s->writers);
	if (!downgrade) {
		up_write(&s->sem);
		return;
	}
	downgrade_write(&s->sem);
	if (s->written != seen + 1)
		WRITE_ONCE(s->wrong, 1);
	up_read(&s->sem);
}

static int work(void *data)
{
	struct shared *s = data;
	unsigned int i, me = __atomic_fetch_add(&s->seq, 1, __ATOMIC_RELAXED);

	for (i = 0; i < s->rounds; i++) {
		if ((i + me) % 3)
			read_once(s);
		else
			write_once(s, i & 1);
	}
	complete(&s->done);
	return 0;
}

LAB_TEST(rwsem, excludes_and_shares)
{
	struct shared s = { .rounds = lab_test_slow() ? 60 : 600 };
	struct task_struct *task[TASKS];
	unsigned int i;

	init_rwsem(&s.sem);
	init_completion(&s.done);
	for (i = 0; i < TASKS; i++)
		task[i] = kthread_run(work, &s, "rw/%u", i);
	for (i = 0; i < TASKS; i++)
		wait_for_completion(&s.done);
	for (i = 0; i < TASKS; i++)
		lab_expect_eq(kthread_stop(task[i]), 0);
	lab_expect_eq(s.wrong, 0);
	lab_expect_eq(s.written, TASKS * s.rounds / 3);
	lab_expect(!rwsem_is_locked(&s.sem));
	lab_expect(!rwsem_is_contended(&s.sem));
}

LAB_TEST(rwsem, trylocks_know_the_holder)
{
	struct rw_semaphore sem;

	init_rwsem(&sem);
	lab_expect(down_read_trylock(&sem));
	lab_expect(rwsem_is_locked(&sem));
	lab_expect(!down_write_trylock(&sem));
	up_read(&sem);
	lab_expect(down_write_trylock(&sem));
	lab_expect(!down_read_trylock(&sem));
	lab_expect(!down_write_trylock(&sem));
	downgrade_write(&sem);
	lab_expect(!down_write_trylock(&sem));
	up_read(&sem);
	lab_expect(!rwsem_is_locked(&sem));
}

/* --- a waiting writer holds off later readers --------------------------------------------------- */

struct order {
	struct rw_semaphore sem;
	struct completion started;
	unsigned int n;
	char who[4];
};

static int one_writer(void *data)
{
	struct order *o = data;

	complete(&o->started);
	down_write(&o->sem);
	o->who[o->n++] = 'w';
	up_write(&o->sem);
	return 0;
}

static int one_reader(void *data)
{
	struct order *o = data;

	complete(&o->started);
	down_read(&o->sem);
	o->who[o->n++] = 'r';
	up_read(&o->sem);
	return 0;
}

static struct task_struct *start_and_queue(int (*fn)(void *), struct order *o)
{
	struct task_struct *task = kthread_run(fn, o, "order");

	wait_for_completion(&o->started);
	while (task_state(task) == TASK_RUNNING)
		yield();
	return task;
}

LAB_TEST(rwsem, waiting_writer_goes_before_later_reader)
{
	struct order o = { .n = 0 };
	struct task_struct *w, *r;

	init_rwsem(&o.sem);
	init_completion(&o.started);
	down_read(&o.sem);
	w = start_and_queue(one_writer, &o);
	lab_expect(rwsem_is_contended(&o.sem));
	lab_expect(!down_read_trylock(&o.sem));
	r = start_and_queue(one_reader, &o);
	up_read(&o.sem);
	kthread_stop(w);
	kthread_stop(r);
	lab_expect_eq(o.n, 2);
	lab_expect_eq(o.who[0], 'w');
	lab_expect_eq(o.who[1], 'r');
}

static void in_world(void *arg)
{
	int bad = -1;

	kc_run(false, 1, NULL, (void (*)(void *))arg, NULL, &bad);
}

static void up_free(void *arg)
{
	struct rw_semaphore sem;

	init_rwsem(&sem);
	up_read(&sem);
}

static void up_wrong(void *arg)
{
	struct rw_semaphore sem;

	init_rwsem(&sem);
	down_read(&sem);
	up_write(&sem);
}

LAB_TEST_BARE(rwsem, wrong_release_is_caught)
{
	lab_expect_eq(lab_test_fork(in_world, (void *)up_free), LAB_DIED);
	lab_expect_eq(lab_test_fork(in_world, (void *)up_wrong), LAB_DIED);
	lab_expect(lab_test_fork_said("up_write of a semaphore that no one writes"));
}
