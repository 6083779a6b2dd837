// SPDX-License-Identifier: GPL-2.0-only
/*
 * engine.c - tests of tasks, tokens and scheduling on both engines, and of what only det promises:
 * the seed is the run.
 */
#include "host_test.h"

#define NR_TASKS	4
#define NR_STEPS	50

/* --- det: order ------------------------------------------------------------------------------- */

static char order[NR_TASKS * NR_STEPS + 1];
static unsigned int order_len;

static void write_name(void *arg)
{
	unsigned int i;

	for (i = 0; i < NR_STEPS; i++) {
		order[order_len++] = *(const char *)arg;
		host_sched_point();
	}
}

static void four_writers(void *arg)
{
	static const char names[NR_TASKS] = "abcd";
	struct host_task *t[NR_TASKS];
	unsigned int i;

	order_len = 0;
	for (i = 0; i < NR_TASKS; i++)
		t[i] = host_task_create("writer", write_name, (void *)&names[i], NULL);
	for (i = 0; i < NR_TASKS; i++)
		host_task_join(t[i]);
	*(host_u64 *)arg = host_clock_ns();
}

LAB_TEST_BARE(host_engine, det_same_seed_same_order)
{
	char first[sizeof(order)];
	host_u64 clock_first, clock;
	unsigned int differ = 0, seed;

	if (!host_engine_built(HOST_DET))
		lab_test_skip("this build has no det engine");
	for (seed = 0; seed < 16; seed++) {
		lab_expect_eq(run_bare(HOST_DET, seed, four_writers, &clock_first), HOST_RUN_DONE);
		lab_expect_eq(order_len, sizeof(order) - 1);
		memcpy(first, order, sizeof(order));
		memset(order, 0, sizeof(order));
		lab_expect_eq(run_bare(HOST_DET, seed, four_writers, &clock), HOST_RUN_DONE);
		lab_expect_eq(memcmp(first, order, sizeof(order)), 0);
		lab_expect_eq(clock, clock_first);
		lab_expect_eq(run_bare(HOST_DET, seed + 1, four_writers, &clock), HOST_RUN_DONE);
		differ += memcmp(first, order, sizeof(order)) != 0;
	}
	lab_expect_eq(differ, 16);
}

static host_u64 drawn[8];

static void draw(void *arg)
{
	unsigned int i;

	for (i = 0; i < 8; i++)
		drawn[i] = host_rand(1000);
	*(host_u64 *)arg = host_rand(1) + host_rand(0);
}

LAB_TEST_BARE(host_engine, rand_repeats_and_stays_below)
{
	host_u64 before[8], zero;
	enum host_engine e;
	unsigned int i;

	for_each_engine(e) {
		zero = 1;
		run_bare(e, 7, draw, &zero);
		lab_expect_eq(zero, 0);
		memcpy(before, drawn, sizeof(drawn));
		memset(drawn, 0xff, sizeof(drawn));
		run_bare(e, 7, draw, &zero);
		lab_expect_eq(memcmp(before, drawn, sizeof(drawn)), 0);
		run_bare(e, 8, draw, &zero);
		lab_expect_ne(memcmp(before, drawn, sizeof(drawn)), 0);
		for (i = 0; i < 8; i++)
			lab_expect_lt(drawn[i], 1000);
	}
}

/* --- tokens ----------------------------------------------------------------------------------- */

static struct host_task *waiter, *giver;
static unsigned int parks_done, parks_at_second;

static void park_twice(void *arg)
{
	host_park(0, 1);
	__atomic_store_n(&parks_done, 1, __ATOMIC_SEQ_CST);
	host_unpark(giver);
	host_park(0, 1);
	__atomic_store_n(&parks_done, 2, __ATOMIC_SEQ_CST);
}

static void give_two_before_one(void *arg)
{
	giver = host_task_self();
	parks_done = 0;
	waiter = host_task_create("waiter", park_twice, NULL, NULL);
	host_unpark(waiter);
	host_park(0, 1);
	/* The waiter runs on from here; its second park must not end by a token already taken. */
	while (host_nr_tasks() == 2 && __atomic_load_n(&parks_done, __ATOMIC_SEQ_CST) == 0)
		host_sched_point();
	parks_at_second = __atomic_load_n(&parks_done, __ATOMIC_SEQ_CST);
	host_unpark(waiter);
	host_unpark(waiter);
	host_task_join(waiter);
}

LAB_TEST_BARE(host_engine, token_is_binary)
{
	enum host_engine e;
	unsigned int seed;

	for_each_engine(e) {
		for (seed = 0; seed < 20; seed++) {
			parks_at_second = 99;
			lab_expect_eq(run_bare(e, seed, give_two_before_one, NULL), HOST_RUN_DONE);
			lab_expect_eq(parks_at_second, 1);
			lab_expect_eq(parks_done, 2);
		}
	}
}

static unsigned int rounds, rounds_seen;

static void answer(void *arg)
{
	unsigned int i;

	for (i = 0; i < rounds; i++) {
		host_park(0, 1);
		rounds_seen++;
		host_unpark(giver);
	}
}

static void call(void *arg)
{
	struct host_task *t;
	unsigned int i;

	giver = host_task_self();
	t = host_task_create("answer", answer, NULL, NULL);
	for (i = 0; i < rounds; i++) {
		host_unpark(t);
		host_park(0, 1);
	}
	host_task_join(t);
}

LAB_TEST_BARE(host_engine, no_wake_is_lost)
{
	enum host_engine e;

	rounds = lab_test_slow() ? 200 : 5000;
	for_each_engine(e) {
		rounds_seen = 0;
		lab_expect_eq(run_bare(e, 1, call, NULL), HOST_RUN_DONE);
		lab_expect_eq(rounds_seen, rounds);
	}
}

/* --- waiting on a word ------------------------------------------------------------------------ */

static int word;
static unsigned int guarded;

static void add_under_word(void *arg)
{
	unsigned int i;
	int free_;

	for (i = 0; i < rounds; i++) {
		for (;;) {
			free_ = 0;
			if (__atomic_compare_exchange_n(&word, &free_, 1, 0, __ATOMIC_ACQUIRE,
							__ATOMIC_RELAXED))
				break;
			host_spin_wait(&word, 1);
		}
		guarded++;
		host_sched_point();
		__atomic_store_n(&word, 0, __ATOMIC_RELEASE);
		host_spin_wake(&word);
	}
}

static void three_adders(void *arg)
{
	struct host_task *t[3];
	unsigned int i;

	for (i = 0; i < 3; i++)
		t[i] = host_task_create("adder", add_under_word, NULL, NULL);
	for (i = 0; i < 3; i++)
		host_task_join(t[i]);
}

LAB_TEST_BARE(host_engine, spin_wait_wakes)
{
	enum host_engine e;

	rounds = lab_test_slow() ? 50 : 500;
	for_each_engine(e) {
		word = 0;
		guarded = 0;
		lab_expect_eq(run_bare(e, 3, three_adders, NULL), HOST_RUN_DONE);
		lab_expect_eq(guarded, 3 * rounds);
	}
}

/* --- runs that do not end --------------------------------------------------------------------- */

static void park_for_ever(void *arg)
{
	host_park(0, 1);
}

static void join_a_sleeper(void *arg)
{
	host_alloc(100);		/* the run's end frees it */
	host_task_join(host_task_create("sleeper", park_for_ever, NULL, NULL));
}

static void deadlock_on_thr(void *arg)
{
	run_bare(HOST_THR, 1, join_a_sleeper, NULL);
}

LAB_TEST_BARE(host_engine, deadlock_is_found)
{
	host_u64 clock;

	lab_expect_eq(lab_test_fork(deadlock_on_thr, NULL), LAB_DIED);
	lab_expect(lab_test_fork_said("sleeper: parked"));
	if (!host_engine_built(HOST_DET))
		return;
	host_det_limits(0, 0);
	lab_expect_eq(run_bare(HOST_DET, 1, join_a_sleeper, NULL), HOST_RUN_DEADLOCK);
	host_det_limits(0, 1);
	/* Nothing of it is left in the next run. */
	lab_expect_eq(run_bare(HOST_DET, 1, four_writers, &clock), HOST_RUN_DONE);
}

static void deadlock_on_det(void *arg)
{
	host_exit(run_bare(HOST_DET, 1, join_a_sleeper, NULL) == HOST_RUN_DEADLOCK ? 3 : 4);
}

LAB_TEST_BARE(host_engine, deadlock_dumps_every_task)
{
	if (!host_engine_built(HOST_DET))
		lab_test_skip("this build has no det engine");
	lab_expect_eq(lab_test_fork(deadlock_on_det, NULL), 3);
	lab_expect(lab_test_fork_said("task 0 first"));
	lab_expect(lab_test_fork_said("task 1 sleeper: parked"));
	lab_expect(lab_test_fork_said("seed 1"));
}

static void never_end(void *arg)
{
	for (;;)
		host_sched_point();
}

LAB_TEST_BARE(host_engine, stuck_is_found)
{
	if (!host_engine_built(HOST_DET))
		lab_test_skip("this build has no det engine");
	host_det_limits(1000, 0);
	lab_expect_eq(run_bare(HOST_DET, 1, never_end, NULL), HOST_RUN_STUCK);
	host_det_limits(0, 1);
}

static void wait_on_a_word(void *arg)
{
	while (word)
		host_spin_wait(&word, 1);
}

LAB_TEST_BARE(host_engine, spinning_alone_is_a_deadlock)
{
	if (!host_engine_built(HOST_DET))
		lab_test_skip("this build has no det engine");
	word = 1;
	host_det_limits(0, 0);
	lab_expect_eq(run_bare(HOST_DET, 1, wait_on_a_word, NULL), HOST_RUN_DEADLOCK);
	host_det_limits(0, 1);
}

static unsigned int ended, most_alive;

static void count_end(void *arg)
{
	__atomic_fetch_add(&ended, 1, __ATOMIC_SEQ_CST);
}

static void leave_unjoined(void *arg)
{
	host_task_create("unjoined", count_end, NULL, NULL);
	host_task_create("unjoined", count_end, NULL, NULL);
}

static unsigned int after_abort;

static void abort_alone(void *arg)
{
	host_alloc(100);
	host_run_abort();
	after_abort++;
}

static void abort_beside_a_sleeper(void *arg)
{
	host_task_create("sleeper", park_for_ever, NULL, NULL);
	host_run_abort();
	after_abort++;
}

LAB_TEST_BARE(host_engine, abort_ends_the_run)
{
	enum host_engine e;

	for_each_engine(e) {
		after_abort = 0;
		lab_expect_eq(run_bare(e, 1, abort_alone, NULL), HOST_RUN_ABORTED);
		lab_expect_eq(after_abort, 0);
		/* Threads leave where they park; for one that never does, see harness.sh. */
		lab_expect_eq(run_bare(e, 1, abort_beside_a_sleeper, NULL), HOST_RUN_ABORTED);
		lab_expect_eq(after_abort, 0);
		/* Nothing of it is left in the next run. */
		ended = 0;
		lab_expect_eq(run_bare(e, 1, leave_unjoined, NULL), HOST_RUN_DONE);
		lab_expect_eq(ended, 2);
	}
}

/* --- tasks ------------------------------------------------------------------------------------ */

static void create_many(void *arg)
{
	static struct host_task *t[HOST_MAX_TASKS];
	unsigned int n = *(unsigned int *)arg, i;

	for (i = 0; i < n; i++)
		t[i] = host_task_create("one of many", count_end, NULL, NULL);
	most_alive = host_nr_tasks();
	for (i = 0; i < n; i++)
		host_task_join(t[i]);
	most_alive = host_nr_tasks();
}

static void create_one_too_many(void *arg)
{
	run_bare(*(enum host_engine *)arg, 1, create_many, &(unsigned int){ HOST_MAX_TASKS });
}

LAB_TEST_BARE(host_engine, task_table_is_a_limit)
{
	unsigned int n = HOST_MAX_TASKS - 1;
	enum host_engine e;

	for_each_engine(e) {
		ended = 0;
		lab_expect_eq(run_bare(e, 1, create_many, &n), HOST_RUN_DONE);
		lab_expect_eq(ended, HOST_MAX_TASKS - 1);
		lab_expect_eq(most_alive, 1);
		lab_expect_eq(lab_test_fork(create_one_too_many, &e), LAB_DIED);
		lab_expect(lab_test_fork_said("HOST_MAX_TASKS"));
	}
}

LAB_TEST_BARE(host_engine, run_waits_for_unjoined_tasks)
{
	enum host_engine e;

	for_each_engine(e) {
		ended = 0;
		lab_expect_eq(run_bare(e, 1, leave_unjoined, NULL), HOST_RUN_DONE);
		lab_expect_eq(ended, 2);
	}
}

static long stack_used;
static unsigned long stack_size;

static void measure_stack(void *arg)
{
	char here;
	void *lo, *hi;

	host_task_stack(&lo, &hi);
	stack_used = (char *)hi - &here;
	stack_size = (unsigned long)((char *)hi - (char *)lo);
}

LAB_TEST_BARE(host_engine, stack_bounds_hold_the_frame)
{
	enum host_engine e;

	for_each_engine(e) {
		run_bare(e, 1, measure_stack, NULL);
		lab_expect_gt(stack_used, 0);
		lab_expect_lt(stack_used, 4096);
		lab_expect_gt(stack_size, 32 << 10);
	}
}

/* --- the switch hook -------------------------------------------------------------------------- */

static __thread void *hook_says;
static unsigned int hook_wrong;

static void hook(void *data)
{
	hook_says = data;
}

static void check_hook(void *arg)
{
	unsigned int i;

	for (i = 0; i < NR_STEPS; i++) {
		if (hook_says != arg)
			__atomic_fetch_add(&hook_wrong, 1, __ATOMIC_RELAXED);
		host_sched_point();
	}
}

static void three_hooked(void *arg)
{
	static char data[3];
	struct host_task *t[3];
	unsigned int i;

	for (i = 0; i < 3; i++)
		t[i] = host_task_create("hooked", check_hook, &data[i], &data[i]);
	check_hook(arg);
	for (i = 0; i < 3; i++)
		host_task_join(t[i]);
}

static void hooked_runs(void *arg)
{
	enum host_engine e;

	host_set_switch_hook(hook);
	for_each_engine(e)
		host_run(e, 5, three_hooked, &e, &e);
	host_exit(hook_wrong ? 1 : 0);
}

LAB_TEST_BARE(host_engine, switch_hook_names_the_running_task)
{
	/* In a process of its own: the hook is the kernel's everywhere else. */
	lab_expect_eq(lab_test_fork(hooked_runs, NULL), 0);
}
