/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * host-impl.h - what the files of kernel-compat/host/ share. Nobody above host.h includes it.
 *
 *	common.c  runs, clocks, the random stream, ways out of the process
 *	words.c   lines to stderr, at once or held back
 *	task.c    the table of tasks, and the calls that only choose an engine
 *	thr.c     engine of pthreads		det.c  engine of fibers (KC_DET builds)
 *	mem.c     RAM, the user window, host_alloc()
 *	check.c   what ASan, TSan and memcheck are told
 *	ring.c    io_uring, one ring a task	disk.c files and block devices
 *
 * A function here is named after the file that defines it, without the host_ of the contract.
 */
#ifndef KC_HOST_IMPL_H
#define KC_HOST_IMPL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>
#include "host.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(KC_DEBUG)
#define HOST_STACK_BYTES	(256u << 10)	/* instrumented frames are several times larger */
#else
#define HOST_STACK_BYTES	(64u << 10)
#endif
#define HOST_CACHELINE_BYTES	64

/* --- tasks ------------------------------------------------------------------------------------ */

struct det_fiber;

/**
 * struct host_task - one slot of the task table
 * @fn: with @arg, what the task runs; @data is the caller's, given to the switch hook
 * @index: place in order of creation within the run; seeds @rand
 * @in_use: the slot is taken (from creation to join, or to the end of the run)
 * @stack_lo: lowest usable byte of the stack; @stack_hi: above the frame that called @fn
 * @rand: state of host_rand() (thr: one stream a task)
 * @ring: NULL until the task first asks for it
 * @thread: thr
 * @efd: thr: eventfd, counts wake-ups and (once the ring is told) ring completions
 * @wake: thr: enum thr_wake
 * @end: thr: enum thr_end
 * @fiber: det: engine's own
 */
struct host_task {
	char name[HOST_NAME_LEN];
	void (*fn)(void *arg);
	void *arg;
	void *data;
	unsigned int index;
	bool in_use;
	void *stack_lo;
	void *stack_hi;
	uint64_t rand;
	struct host_ring *ring;

	pthread_t thread;
	int efd;
	_Atomic int wake;
	_Atomic int end;

	struct det_fiber *fiber;
};

/* The run in progress. Written by host_run() before the first task exists, and by nobody after. */
struct host_run {
	enum host_engine engine;
	uint64_t seed;
	bool running;
	void (*switch_hook)(void *data);
};

extern struct host_run host_cur;
extern __thread struct host_task *host_self;
extern _Atomic unsigned int task_alive;	/* created and not yet ended */

#ifdef KC_DET
static inline bool run_is_det(void)
{
	return host_cur.engine == HOST_DET;
}
#else
static inline bool run_is_det(void)
{
	return false;
}
#endif

struct host_task *task_new(const char *name, void (*fn)(void *arg), void *arg, void *data);
void task_free(struct host_task *t);
void task_free_all(void);
struct host_task *task_at(unsigned int slot);	/* NULL: free slot */
void task_run(struct host_task *t);		/* hook, function, ring checked and closed */

enum host_run_status thr_run(struct host_task *first);
void thr_create(struct host_task *t);
void thr_abort(struct host_task *self);
void thr_join(struct host_task *t);
enum host_wake thr_park(struct host_task *self, unsigned int sim_inflight, unsigned int want_ios);
void thr_unpark(struct host_task *t);
void thr_spin_wait(const int *word, int val);
void thr_spin_wake(int *word);

#ifdef KC_DET
enum host_run_status det_run(struct host_task *first);
void det_create(struct host_task *t);
void det_abort(void);
void det_join(struct host_task *t);
enum host_wake det_park(struct host_task *self, unsigned int sim_inflight);
void det_unpark(struct host_task *t);
void det_sched_point(void);
void det_spin_wait(const int *word, int val);
uint64_t det_clock_ns(bool io_completed);
uint64_t det_clock_peek_ns(void);
uint64_t *det_rand_state(void);
void det_set_limits(uint64_t max_steps, bool dump);
#endif

uint64_t rand_next(uint64_t *state);
uint64_t rand_below(uint64_t *state, uint64_t below);
_Noreturn void die_errno(const char *what, int err);
int words_fd(size_t bytes);		/* stderr, or what stands for it while lines are held; -1: nowhere */
void words_in_child(void);

/* --- checkers (check.c) ----------------------------------------------------------------------- */

void check_stack_fresh(void *lo, size_t bytes);	/* forget what an earlier user of this stack left poisoned */
unsigned int check_stack_register(void *lo, size_t bytes);

/* State that a switch of fibers keeps for ASan and TSan. */
struct check_fiber {
	void *asan_fake_stack;
	const void *lo;
	size_t bytes;
	void *tsan;
};

void check_fiber_here(struct check_fiber *f);	/* the stack that calls host_run() */
void check_fiber_new(struct check_fiber *f, void *lo, size_t bytes);
void check_fiber_free(struct check_fiber *f);
void check_fiber_leave(struct check_fiber *from, struct check_fiber *to, bool from_ends);
void check_fiber_enter(struct check_fiber *self, struct check_fiber *from);

bool check_valgrind(void);
void check_run_end(void);
void check_io_begin(enum host_op op, const struct host_iovec *iov, unsigned int nr);
void check_io_end(enum host_op op, const struct host_iovec *iov, unsigned int nr, int res);

/* --- memory (mem.c) --------------------------------------------------------------------------- */

/* @serial: never twice the same, so that a ring sees that its registrations are of an earlier RAM. */
struct mem_ram {
	char *base;
	size_t bytes;
	int fd;
	uint64_t serial;
};

extern struct mem_ram mem_ram;
void mem_run_end(void);				/* frees what host_alloc() gave during the run */

/* --- ring and disks (ring.c, disk.c) ---------------------------------------------------------- */

/* @slot: place in the registered-file tables, -1: none left; @serial as above. */
struct host_disk {
	int fd;
	int slot;
	bool rdonly;
	uint64_t serial;
	char *made;			/* path of a file that host_disk_open() made; else NULL */
};

#define HOST_RING_FILES		16		/* disks that a ring registers */

unsigned int ring_inflight(const struct host_ring *r);	/* r may be NULL: 0 */
bool ring_ready(const struct host_ring *r);	/* completions to reap, or kernel work that will give some */
void ring_flush(struct host_ring *r);		/* submit, run completion work, do not wait */
void ring_submit(struct host_ring *r);		/* submit only */
void ring_wait(struct host_ring *r, unsigned int want_ios);
void ring_use_eventfd(struct host_ring *r, int efd, bool on);
void ring_free(struct host_ring *r);
#ifdef KC_DET
void ring_abandon(struct host_ring *r);
#endif

#endif
