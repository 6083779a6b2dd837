// SPDX-License-Identifier: GPL-2.0-only
/*
 * trace.c - tests of the det engine's promise: the seed is the run.
 */
#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/mutex.h>
#include <linux/workqueue.h>
#include <kc/io.h>
#include <kc/world.h>
#include "host.h"
#include "lab_test.h"

#ifdef KC_DET
#define TASKS	4
#define ROUNDS	10
#define SEEDS	20

struct mix {
	struct mutex lock;
	atomic_t n;
	struct workqueue_struct *wq;
	struct completion done;
	u64 hash;
};

struct mix_io {
	struct kc_io io;
	struct task_struct *waiter;
	unsigned int id, *left;
};

static void mix_end(struct kc_io *io, int res)
{
	struct mix_io *m = container_of(io, struct mix_io, io);

	kc_trace("mix_end", m->id, 0, 0, res);
	if (!--*m->left)
		wake_up_process(m->waiter);
}

/* Three transfers whose order of completion is the seed's. */
static void mix_ios(unsigned int base)
{
	unsigned int left = 3, i;
	struct mix_io m[3];

	for (i = 0; i < 3; i++) {
		m[i] = (struct mix_io){ .io.done = mix_end, .waiter = current, .left = &left };
		m[i].id = base + i;
		kc_io_defer(&m[i].io, (int)i);
	}
	for (;;) {
		set_current_state(TASK_UNINTERRUPTIBLE);
		if (!left)
			break;
		schedule();
	}
	__set_current_state(TASK_RUNNING);
}

static int mix_task(void *data)
{
	struct mix *m = data;
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		mutex_lock(&m->lock);
		kc_trace("mix_task", 1, (u64)atomic_inc_return(&m->n), 0, 0);
		mutex_unlock(&m->lock);
		mix_ios(i);
	}
	complete(&m->done);
	return 0;
}

static void mix_run(void *arg)
{
	struct mix *m = arg;
	struct task_struct *task[TASKS];
	unsigned int i;

	mutex_init(&m->lock);
	init_completion(&m->done);
	atomic_set(&m->n, 0);
	for (i = 0; i < TASKS; i++)
		task[i] = kthread_run(mix_task, m, "mix/%u", i);
	for (i = 0; i < TASKS; i++)
		wait_for_completion(&m->done);
	for (i = 0; i < TASKS; i++)
		kthread_stop(task[i]);
	m->hash = kc_trace_hash();
}

static u64 mix_hash(u64 seed)
{
	struct mix m = { .hash = 0 };
	int bad = -1;

	lab_expect_eq(kc_run(true, seed, NULL, mix_run, &m, &bad), KC_RUN_DONE);
	lab_expect_eq(bad, 0);
	return m.hash;
}

LAB_TEST_BARE(trace, same_seed_same_hash_other_seed_other_hash)
{
	u64 hash[SEEDS], base = lab_test_base_seed();
	unsigned int i, j, n = lab_test_slow() ? 4 : SEEDS;

	for (i = 0; i < n; i++) {
		lab_test_seed(base + i);
		hash[i] = mix_hash(base + i);
		lab_expect_ne(hash[i], 0);
		lab_expect_eq(mix_hash(base + i), hash[i]);
		for (j = 0; j < i; j++)
			lab_expect_ne(hash[i], hash[j]);
	}
}

static void one_event(void *arg)
{
	const u64 *v = arg;

	kc_trace("site", (unsigned int)v[0], v[1], v[2], (int)v[3]);
}

static u64 hash_of_event(u64 op, u64 sector, u64 len, u64 status)
{
	u64 v[4] = { op, sector, len, status };
	struct mix m = { .hash = 0 };
	int bad = -1;

	kc_run(true, 1, NULL, one_event, v, &bad);
	m.hash = kc_trace_hash();
	return m.hash;
}

LAB_TEST_BARE(trace, every_field_counts)
{
	u64 same = hash_of_event(1, 2, 3, 4);

	lab_expect_eq(hash_of_event(1, 2, 3, 4), same);
	lab_expect_ne(hash_of_event(2, 2, 3, 4), same);
	lab_expect_ne(hash_of_event(1, 3, 3, 4), same);
	lab_expect_ne(hash_of_event(1, 2, 4, 4), same);
	lab_expect_ne(hash_of_event(1, 2, 3, -5), same);
}

LAB_TEST_THR(trace, thr_has_no_hash)
{
	kc_trace("site", 1, 2, 3, 4);
	lab_expect_eq(kc_trace_hash(), 0);
}
#endif
