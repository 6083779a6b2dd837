// SPDX-License-Identifier: GPL-2.0-only
/*
 * world.c - the beginning and the end of a userspace kernel.
 *
 * Bottom up: warnings and locks, faults, RAM, slab, mm, then the initcalls of whoever is linked in.
 * The end goes the other way; it audits first, while everything can still be looked at, and then
 * gives back what there is, whatever the audit found, so that the next world does not suffer for
 * this one.
 */
#include <linux/errno.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/sched.h>
#include <kc/facility.h>
#include <kc/io.h>
#include <kc/world.h>
#include "host.h"

static bool kc_world_is_on;

#define KC_INITCALL_LEVEL(n)								\
	extern const initcall_t __start_kc_initcalls_##n[] __weak, __stop_kc_initcalls_##n[] __weak
KC_INITCALL_LEVEL(1);
KC_INITCALL_LEVEL(4);
KC_INITCALL_LEVEL(5);
KC_INITCALL_LEVEL(6);
extern const exitcall_t __start_kc_exitcalls[] __weak, __stop_kc_exitcalls[] __weak;

static int kc_initcalls_run(const initcall_t *fn, const initcall_t *end)
{
	int err;

	for (; fn < end; fn++) {
		err = (*fn)();
		if (err)
			return err;
	}
	return 0;
}

static int kc_initcalls(void)
{
	int err = kc_initcalls_run(__start_kc_initcalls_1, __stop_kc_initcalls_1);

	if (!err)
		err = kc_initcalls_run(__start_kc_initcalls_4, __stop_kc_initcalls_4);
	if (!err)
		err = kc_initcalls_run(__start_kc_initcalls_5, __stop_kc_initcalls_5);
	if (!err)
		err = kc_initcalls_run(__start_kc_initcalls_6, __stop_kc_initcalls_6);
	return err;
}

static void kc_exitcalls(void)
{
	const exitcall_t *fn = __stop_kc_exitcalls;

	while (fn > __start_kc_exitcalls)
		(*--fn)();
}

static void kc_facilities_exit(void)
{
	kc_mm_exit();
	kc_slab_exit();
	kc_ram_exit();
	kc_fault_reset();
}

/**
 * kc_world_begin - begin a world; see kc/world.h
 * @opts: NULL: the defaults
 *
 * Return: 0; -EINVAL: @opts is impossible; -ENOMEM; what an initcall returned. Nothing is left
 * behind on error.
 */
int kc_world_begin(const struct kc_world_opts *opts)
{
	size_t ram_bytes = opts && opts->ram_bytes ? opts->ram_bytes : KC_RAM_DEFAULT_BYTES;
	int err;

	BUG_ON(kc_world_is_on);
	BUG_ON(!current);
	if (ram_bytes > KC_RAM_MAX_BYTES || ram_bytes & 4095)
		return -EINVAL;
	kc_warn_reset();
	kc_lockdep_reset();
	kc_trace_reset();
	kc_blktrace_reset();
	kc_fault_reset();
	err = kc_ram_init(ram_bytes, opts && opts->frames_permuted);
	if (err)
		return err;
	err = kc_slab_init();
	if (err)
		goto out_ram;
	err = kc_mm_init();
	if (err)
		goto out_slab;
	kc_world_is_on = true;
	err = kc_initcalls();
	if (!err)
		return 0;
	kc_world_is_on = false;
	kc_mm_exit();
out_slab:
	kc_slab_exit();
out_ram:
	kc_ram_exit();
	return err;
}

/**
 * kc_world_end - audit and end the world; see kc/world.h
 *
 * Return: number of things found wrong, each printed. A task that was not stopped cannot be waited
 * for: the run is given up, or the process stopped if that task does not wait anywhere.
 */
int kc_world_end(void)
{
	int bad;

	BUG_ON(!kc_world_is_on);
	kc_exitcalls();
	kc_io_drain();
	bad = (int)kc_tasks_audit();
	if (bad) {
		host_run_abort();
		kc_bug(__FILE__, __LINE__, "%d task(s) not stopped at the end of the world", bad);
	}
	kc_task_leftovers("the first task");
	kc_slab_task_exit(current);
	bad += kc_mm_audit();
	bad += kc_slab_audit();
	bad += kc_ram_audit();
	bad += kc_warn_audit();
	kc_facilities_exit();
	kc_world_is_on = false;
	return bad;
}

/** kc_world_abandon - drop a world whose run was given up; after host_run(). Nothing is audited. */
void kc_world_abandon(void)
{
	if (!kc_world_is_on)
		return;
	kc_task_bind(kc_tasks_nobody());
	kc_facilities_exit();
	kc_task_bind(NULL);
	kc_world_is_on = false;
}

struct kc_run_ctx {
	const struct kc_world_opts *opts;
	void (*fn)(void *arg);
	void *arg;
	int failures;
};

static void kc_run_first(void *arg)
{
	struct kc_run_ctx *ctx = arg;
	int err;

	current->kc_host = host_task_self();
	err = kc_world_begin(ctx->opts);
	if (err) {
		printk("kc_world_begin: error %d", err);
		ctx->failures = 1;
		return;
	}
	ctx->fn(ctx->arg);
	ctx->failures = kc_world_end();
}

/**
 * kc_run - a run with a world in it, from begin to audit
 * @det: engine; det must be built in
 * @seed: of the run
 * @opts: of the world; NULL: the defaults
 * @fn: the first task
 * @arg: its argument
 * @failures: out: what kc_world_end() returned; 1 if the world could not begin or was abandoned
 *
 * Return: how the run ended. Context: outside a run.
 */
enum kc_run_status kc_run(bool det, u64 seed, const struct kc_world_opts *opts,
			  void (*fn)(void *arg), void *arg, int *failures)
{
	struct kc_run_ctx ctx = { .opts = opts, .fn = fn, .arg = arg, .failures = 1 };
	struct task_struct *first = kc_tasks_begin();
	enum host_run_status status;

	kc_det_on = det;
	host_set_switch_hook(kc_task_bind);
	status = host_run(det ? HOST_DET : HOST_THR, seed, kc_run_first, &ctx, first);
	kc_current = NULL;
	kc_task_bind(NULL);
	if (status != HOST_RUN_DONE)
		kc_world_abandon();
	kc_det_on = false;
	*failures = ctx.failures;
	switch (status) {
	case HOST_RUN_DONE:
		return KC_RUN_DONE;
	case HOST_RUN_DEADLOCK:
		return KC_RUN_DEADLOCK;
	case HOST_RUN_STUCK:
		return KC_RUN_STUCK;
	default:
		return KC_RUN_ABORTED;
	}
}
