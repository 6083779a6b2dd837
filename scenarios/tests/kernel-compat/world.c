// SPDX-License-Identifier: GPL-2.0-only
/*
 * world.c - tests of worlds, initcalls and probes.
 */
#include <linux/atomic.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/completion.h>
#include <linux/sched.h>
#include <kc/probe.h>
#include <kc/world.h>
#include "lab_test.h"

/* In every world of the test program: counted, and in the order of their levels. */
static unsigned int inits, exits;
static bool levels_in_order, init_may_sleep, core_was_first;

static int test_core_init(void)
{
	core_was_first = true;
	return 0;
}
core_initcall(test_core_init);

static int test_late_init(void)
{
	inits++;
	levels_in_order = core_was_first;
	core_was_first = false;
	init_may_sleep = !in_atomic();
	return 0;
}
module_init(test_late_init);

static void test_exit(void)
{
	exits++;
}
module_exit(test_exit);

static void nothing(void *arg)
{
	*(bool *)arg = true;
}

LAB_TEST_BARE(world, initcalls_run_in_order_once_a_world)
{
	unsigned int inits_before = inits, exits_before = exits, i;
	bool ran = false;
	int bad = -1;

	for (i = 1; i <= 3; i++) {
		lab_expect_eq(kc_run(false, 1, NULL, nothing, &ran, &bad), KC_RUN_DONE);
		lab_expect_eq(bad, 0);
		lab_expect_eq(inits - inits_before, i);
		lab_expect_eq(exits - exits_before, i);
		lab_expect(levels_in_order);
		lab_expect(init_may_sleep);
	}
	lab_expect(ran);
}

static void begin_impossible(void *arg)
{
	struct kc_world_opts opts = { .ram_bytes = KC_RAM_MAX_BYTES + 4096 };
	bool ran = false;
	int bad = -1;

	lab_expect_eq(kc_run(false, 1, &opts, nothing, &ran, &bad), KC_RUN_DONE);
	lab_expect_eq(bad, 1);
	lab_expect(!ran);
	opts.ram_bytes = (1 << 20) + 1;
	kc_run(false, 1, &opts, nothing, &ran, &bad);
	lab_expect_eq(bad, 1);
	lab_expect(!ran);
	opts.ram_bytes = 16 << 20;
	kc_run(false, 1, &opts, nothing, &ran, &bad);
	lab_expect_eq(bad, 0);
	lab_expect(ran);
}

LAB_TEST_BARE(world, impossible_options_are_refused)
{
	lab_expect_eq(lab_test_fork(begin_impossible, NULL), 0);
	lab_expect(lab_test_fork_said("kc_world_begin: error -22"));
}

/* --- probes ------------------------------------------------------------------------------------- */

#if LAB_WITH_PROBES
static int count_five(void *data)
{
	enum lab_scope old = lab_scope_enter(LAB_LOOP);

	lab_probe_add(BIOS, 5);
	lab_probe_max(STACK_END, 77);
	lab_scope_leave(old);
	complete(data);
	return 0;
}

LAB_TEST(probe, sums_over_tasks_and_scopes)
{
	DECLARE_COMPLETION_ONSTACK(done);
	struct task_struct *task;
	struct kc_probes p;

	kc_probes_reset();
	lab_probe(BIOS);
	lab_probe_max(STACK_END, 50);
	lab_probe_max(STACK_END, 40);
	task = kthread_run(count_five, &done, "five");
	wait_for_completion(&done);
	lab_expect_eq(kthread_stop(task), 0);
	kc_probes_read(&p);
	lab_expect_eq(p.n[LAB_UPPER][LAB_BIOS], 1);
	lab_expect_eq(p.n[LAB_LOOP][LAB_BIOS], 5);
	lab_expect_eq(p.n[LAB_LOWER][LAB_BIOS], 0);
	lab_expect_eq(p.n[LAB_UPPER][LAB_STACK_END], 50);
	lab_expect_eq(p.n[LAB_LOOP][LAB_STACK_END], 77);
	kc_probes_reset();
	kc_probes_read(&p);
	lab_expect_eq(p.n[LAB_LOOP][LAB_BIOS], 0);
}

LAB_TEST(probe, atomics_and_wakeups_are_counted)
{
	DECLARE_COMPLETION_ONSTACK(done);
	struct kc_probes a, b;
	atomic_t v = ATOMIC_INIT(0);

	kc_probes_read(&a);
	atomic_inc(&v);
	atomic_read(&v);
	atomic_set(&v, 3);
	lab_expect(!atomic_dec_and_test(&v));
	kc_probes_read(&b);
	lab_expect_eq(b.n[LAB_UPPER][LAB_ATOMICS] - a.n[LAB_UPPER][LAB_ATOMICS], 2);
	set_current_state(TASK_UNINTERRUPTIBLE);
	wake_up_process(current);
	wake_up_process(current);
	kc_probes_read(&a);
	lab_expect_eq(a.n[LAB_UPPER][LAB_WAKEUPS] - b.n[LAB_UPPER][LAB_WAKEUPS], 1);
}
#endif

static noinline u64 used_below(volatile char *unused)
{
	volatile char pad[2000];
	u64 used;

	pad[0] = pad[1999] = 0;
	used = kc_stack_used_bytes();
	unused[0] = pad[0];		/* not a tail call: the frame is still there */
	return used;
}

LAB_TEST(probe, stack_use_grows_with_depth)
{
	u64 here = kc_stack_used_bytes();
	char c;

	lab_expect_gt(here, 0);
	lab_expect_lt(here, 64 << 10);
	lab_expect_ge(used_below(&c), here + 1000);
}

LAB_TEST(probe, names_are_given)
{
	unsigned int i;

	for (i = 0; i < LAB_NR_PROBES; i++) {
		lab_expect(lab_probe_name(i)[0] != 0);
		lab_expect(lab_probe_what(i)[0] != 0);
	}
	lab_expect(lab_probe_is_gauge(LAB_STACK_SUBMIT));
	lab_expect(!lab_probe_is_gauge(LAB_BIOS));
}
