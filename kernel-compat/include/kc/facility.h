/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * facility.h - what kc_world_begin(), kc_world_end() and kc_world_abandon() ask of each facility.
 * Private to kernel-compat.
 *
 * init: called in the first task, from a state that is either untouched or that of an ended or abandoned world. 0 or
 *	-errno.
 * audit: called in the first task when all others have ended, before exit: prints one line for each thing still held
 *	and returns their number.
 * exit: gives everything back. Also called for an abandoned world, outside any task's own context (current is a
 *	stand-in, locks may have been left taken): no lock, no wait, just drop.
 * task_exit: the task gives back what it keeps for itself (magazines). In its own context, before it ends.
 */
#ifndef _KC_FACILITY_H
#define _KC_FACILITY_H

#include <linux/types.h>

struct task_struct;
struct kc_world_opts;

/* ram.c, slab.c, mm.c, fault.c */
int kc_ram_init(size_t bytes, bool permuted);
int kc_ram_audit(void);
void kc_ram_exit(void);
int kc_slab_init(void);
int kc_slab_audit(void);
void kc_slab_exit(void);
void kc_slab_task_exit(struct task_struct *task);
int kc_mm_init(void);
int kc_mm_audit(void);
void kc_mm_exit(void);
void kc_fault_reset(void);

/* task.c */
struct task_struct *kc_tasks_begin(void);
struct task_struct *kc_tasks_nobody(void);
struct task_struct *kc_task_new(const char *comm, unsigned int flags);
void kc_task_bind(void *task);
void kc_tasks_each(void (*fn)(struct task_struct *task, void *arg), void *arg);
unsigned int kc_tasks_audit(void);
unsigned int kc_task_leftovers(const char *who);
void kc_task_finish(void);

/* sched.c, io.c */
int kc_wake_task(struct task_struct *task);
unsigned int kc_io_run_ready(unsigned int budget);
void kc_io_drain(void);
void kc_io_count_enters(void);

/* lockdep.c, bug.c, trace.c, blktrace.c */
void kc_lockdep_reset(void);
void kc_lockdep_print_held(const struct task_struct *task);
void kc_warn_reset(void);
int kc_warn_audit(void);
void kc_trace_reset(void);
void kc_blktrace_reset(void);

extern bool kc_det_on;		/* the run is det's */

#endif
