// SPDX-License-Identifier: GPL-2.0-only
/*
 * common.c - runs, clocks, the random stream, and the ways out of the process.
 *
 * The random stream is splitmix64: one add and three multiplications a number, any seed is as good
 * as any other, and neighbouring seeds give unrelated streams. det draws everything from one
 * stream, in the order in which the run asks; thr gives every task a stream of its own, split from
 * the seed by its index, since the order in which threads ask is not reproducible anyway.
 */
#include <errno.h>
#include <execinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "host-impl.h"

#define DIE_STATUS	86		/* tests tell a deliberate stop from a crash by it */
#define DIE_FRAMES	48

struct host_run host_cur;
__thread struct host_task *host_self;

#ifdef KC_COVERAGE
void __gcov_dump(void);		/* libgcov's */
#endif

/* _exit() loses what the coverage build has counted. */
static void coverage_dump(void)
{
#ifdef KC_COVERAGE
	__gcov_dump();
#endif
}

/* --- runs ------------------------------------------------------------------------------------- */

/**
 * host_run - run a first task to the end of its run; see host.h
 * @engine: HOST_DET only when host_engine_built() says so
 * @seed: of host_rand() and, in det, of every choice of the scheduler
 * @fn: the first task's function
 * @arg: its argument
 * @data: its data pointer
 *
 * Return: enum host_run_status.
 */
enum host_run_status host_run(enum host_engine engine, host_u64 seed,
			      void (*fn)(void *arg), void *arg, void *data)
{
	enum host_run_status status;
	struct host_task *first;
	void *warm[1];

	if (host_cur.running)
		host_die("host_run: a run is in progress; runs do not nest");
	if (!host_engine_built(engine))
		host_die("host_run: this build does not contain that engine");
	/* The first call loads libgcc's unwinder, which needs more stack than a task has. */
	backtrace(warm, 1);

	host_cur.engine = engine;
	host_cur.seed = seed;
	host_cur.running = true;
	first = task_new("first", fn, arg, data);
#ifdef KC_DET
	if (run_is_det())
		status = det_run(first);
	else
#endif
		status = thr_run(first);
	task_free_all();
	mem_run_end();
	host_cur.running = false;
	return status;
}

/** host_run_abort - end the run in progress, if its engine can; see host.h. Returns only if it cannot. */
void host_run_abort(void)
{
#ifdef KC_DET
	if (run_is_det())
		det_abort();
#endif
	thr_abort(host_self);
}

/** host_engine - engine of the run in progress, or of the last one */
enum host_engine host_engine(void)
{
	return host_cur.engine;
}

/** host_engine_built - 1 if this build contains @engine */
int host_engine_built(enum host_engine engine)
{
#ifdef KC_DET
	return engine == HOST_THR || engine == HOST_DET;
#else
	return engine == HOST_THR;
#endif
}

/** host_set_switch_hook - @hook(data) whenever a thread's running task changes; before host_run() */
void host_set_switch_hook(void (*hook)(void *data))
{
	host_cur.switch_hook = hook;
}

/* --- random numbers and clocks ---------------------------------------------------------------- */

/**
 * rand_next - next number of a splitmix64 stream
 * @state: of the stream; any value may start one
 */
uint64_t rand_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

/**
 * rand_below - a number in [0, below); 0 (and nothing drawn) when below <= 1
 * @state: of the stream
 * @below: exclusive bound; the bias of the multiply-shift is below / 2^64
 */
uint64_t rand_below(uint64_t *state, uint64_t below)
{
	if (below <= 1)
		return 0;
	return (uint64_t)((unsigned __int128)rand_next(state) * below >> 64);
}

/** host_rand - a number of the run's stream in [0, @below); 0 when @below <= 1. Context: a task. */
host_u64 host_rand(host_u64 below)
{
#ifdef KC_DET
	if (run_is_det())
		return rand_below(det_rand_state(), below);
#endif
	return rand_below(&host_self->rand, below);
}

static uint64_t clock_read_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

/** host_clock_ns - ns since some start; thr: CLOCK_MONOTONIC, det: virtual, and each reading moves it */
host_u64 host_clock_ns(void)
{
#ifdef KC_DET
	if (host_cur.running && run_is_det())
		return det_clock_ns(false);
#endif
	return clock_read_ns(CLOCK_MONOTONIC);
}

/** host_clock_peek_ns - host_clock_ns() that does not move det's clock: for who must not be noticed */
host_u64 host_clock_peek_ns(void)
{
#ifdef KC_DET
	if (host_cur.running && run_is_det())
		return det_clock_peek_ns();
#endif
	return clock_read_ns(CLOCK_MONOTONIC);
}

/** host_thread_cpu_ns - CPU time of the calling thread in ns, real in both engines */
host_u64 host_thread_cpu_ns(void)
{
	return clock_read_ns(CLOCK_THREAD_CPUTIME_ID);
}

/** host_process_cpu_ns - CPU time of all threads of the process in ns, real in both engines */
host_u64 host_process_cpu_ns(void)
{
	return clock_read_ns(CLOCK_PROCESS_CPUTIME_ID);
}

/* --- ways out --------------------------------------------------------------------------------- */

/** host_backtrace - return addresses of the caller's frames, innermost first; returns their number */
unsigned int host_backtrace(void **pcs, unsigned int max)
{
	int n = backtrace(pcs, (int)max);

	return n < 0 ? 0 : (unsigned int)n;
}

static const char *_Atomic die_context;

/** host_set_context - @line is what host_die() says first, until the next call */
void host_set_context(const char *line)
{
	die_context = line;
}

/**
 * host_die - stop the process over a broken invariant
 * @line: what broke
 *
 * Prints the line and a backtrace, writes coverage counters, and leaves with status 86. stdout is
 * not flushed: after a fork its buffer may belong to the parent. Of several threads that die at
 * once the first speaks.
 */
_Noreturn void host_die(const char *line)
{
	static _Atomic int dying;
	void *pcs[DIE_FRAMES];

	if (atomic_exchange(&dying, 1)) {
		for (;;)
			pause();
	}
	host_puts_release(1);
	if (die_context)
		host_puts(die_context);
	host_puts(line);
	backtrace_symbols_fd(pcs, (int)host_backtrace(pcs, DIE_FRAMES), 2);
	coverage_dump();
	_exit(DIE_STATUS);
}

/**
 * die_errno - host_die() with the words for an error number
 * @what: the call that failed
 * @err: errno value, positive
 */
_Noreturn void die_errno(const char *what, int err)
{
	char line[256];

	snprintf(line, sizeof(line), "%s: %s", what, strerror(err));
	host_die(line);
}

/** host_exit - leave at once with @status: stdout flushed, coverage counters written, no exit handlers */
_Noreturn void host_exit(int status)
{
	fflush(stdout);
	coverage_dump();
	_exit(status);
}
