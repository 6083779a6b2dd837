/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * host.h - the only contract between the userspace kernel and its host.
 *
 * Above this line: kernel-style C that sees no libc. Below it: kernel-compat/host/,
 * which sees libc and liburing and no kernel header. Both sides include this file, so
 * it uses nothing but the compiler's built-in types, and includes nothing.
 *
 * A *run* is one call of host_run(): an engine, a seed, a first task. Two engines
 * stand behind the same calls:
 *
 *   HOST_THR  a task is a pthread. Real races, real time.
 *   HOST_DET  a task is a fiber on the calling thread. Exactly one runs; it is
 *             left only inside host_park(), host_sched_point(), host_task_join()
 *             and at its end; the next one, and the next IO to complete, are chosen
 *             by the seed. The clock is virtual. The same seed and program give
 *             the same run. Only builds with KC_DET=1 contain it.
 *
 * Waiting. A task has one wake token (binary). host_park() takes it or waits
 * for it; host_unpark() gives it, from any task. A task may own one ring and any
 * number of simulated IOs; both complete only in the task that submitted
 * them, and only where it parks: host_park() also returns when one of its IOs
 * can be completed. So "interrupts" reach a task at its waits, never between two
 * instructions, and no completion ever crosses a thread below this line.
 *
 * Errors are negative errno values of the host (the same numbers as the kernel's).
 */
#ifndef KC_HOST_H
#define KC_HOST_H

typedef __UINT8_TYPE__ host_u8;
typedef __UINT32_TYPE__ host_u32;
typedef __UINT64_TYPE__ host_u64;
typedef __SIZE_TYPE__ host_size;

struct host_task;
struct host_ring;
struct host_disk;

enum host_engine { HOST_THR, HOST_DET };

/* Result of host_run(). */
enum host_run_status {
	HOST_RUN_DONE,		/* the first task returned and every other task had ended */
	HOST_RUN_DEADLOCK,	/* det: every task waits, nothing in flight; was dumped. thr: host_die() */
	HOST_RUN_STUCK,		/* det: HOST_MAX_STEPS scheduling steps without an end */
	HOST_RUN_ABORTED,	/* a task called host_run_abort() */
};

#define HOST_MAX_TASKS		448		/* alive at once in one run; valgrind has 500 threads */
#define HOST_MAX_STEPS		(1ull << 32)	/* det scheduling steps in one run */
#define HOST_NAME_LEN		24
#define HOST_USER_BASE		0x10000000ul	/* the user window: the one address that works */
#define HOST_USER_BYTES		0x20000000ul	/* plain, under ASan, TSan and valgrind (512 MiB) */
#define HOST_RING_ENTRIES	256		/* submission entries of a task's ring */
#define HOST_RING_MAX_INFLIGHT	4096		/* -EAGAIN beyond it (256 if lockable memory is short) */
#define HOST_IOV_MAX		1024		/* segments of one transfer */

/* --- runs and tasks ------------------------------------------------------------- */

/*
 * host_run - run fn(arg) as the first task of a new run and wait for its end.
 * @data: the first task's data pointer, see host_task_create().
 * Not reentrant. On DEADLOCK and STUCK the tasks are abandoned: their stacks are freed, nothing
 * of theirs is run again. Seed 0 is a seed like any other.
 */
enum host_run_status host_run(enum host_engine engine, host_u64 seed,
			      void (*fn)(void *arg), void *arg, void *data);
/*
 * host_det_limits - for tests of hangs: @max_steps before HOST_RUN_STUCK (0: HOST_MAX_STEPS), and whether an
 * abandoned run dumps its tasks (1, the default). Holds for all later runs of the process.
 */
void host_det_limits(host_u64 max_steps, int dump);
/*
 * host_run_abort - end the run from one of its tasks, which does not return. The tasks are abandoned
 * as after a deadlock, without a dump: det at once, thr where each parks. If one of them does not,
 * within two seconds, this returns, and the run is beyond help: leave the process.
 */
void host_run_abort(void);
enum host_engine host_engine(void);
int host_engine_built(enum host_engine engine);	/* 1 if this build has it */

/*
 * host_set_switch_hook - called with the data pointer of the task that runs from now on,
 * in its context, whenever the running task of a thread changes (det: at every switch;
 * thr: once, before a task's function). Set before host_run(). NULL: none.
 */
void host_set_switch_hook(void (*hook)(void *data));

/* Never fails below HOST_MAX_TASKS; stops the process beyond. The task may run at once. */
struct host_task *host_task_create(const char *name, void (*fn)(void *arg), void *arg, void *data);
/* Wait for the end of @t and free it. Each task but the first is joined exactly once. */
void host_task_join(struct host_task *t);
struct host_task *host_task_self(void);
/* The running task's stack: [*lo, *hi). */
void host_task_stack(void **lo, void **hi);
unsigned int host_nr_tasks(void);		/* alive now, the caller included */

/*
 * Stacks of a task's own, for code that finds itself by its stack pointer: @bytes (a power of two) aligned to
 * themselves, with a guard page below; the lowest @reserved bytes are the caller's. fn(arg) begins at the first
 * host_stack_enter() and never returns: it leaves, and goes on where it left at the next. Only the task that made
 * a stack enters it, from its own stack. The task may park while it is on one. NULL: no memory.
 */
struct host_stack;
struct host_stack *host_stack_create(host_size bytes, host_size reserved, void (*fn)(void *arg), void *arg);
void *host_stack_lo(struct host_stack *s);
void host_stack_enter(struct host_stack *s);
void host_stack_leave(struct host_stack *self);
void host_stack_free(struct host_stack *s);	/* not the running one */

enum host_wake { HOST_WAKE_TOKEN, HOST_WAKE_IO };

/*
 * host_park - wait for the wake token or for an IO of this task that can complete.
 * @sim_inflight: number of simulated IOs the caller can complete now.
 * @want_ios: how many completions are worth waking for (a hint, >= 1; honoured only while nobody else
 *            is awake: every other task joins, or is parked with nothing in flight. Never above what
 *            is in flight).
 * Submits everything queued on the caller's ring first. HOST_WAKE_TOKEN: the token was taken.
 * HOST_WAKE_IO: complete one IO (det: exactly one, chosen with host_rand() among the
 * simulated ones and the ring's) or all that are ready (thr: host_ring_reap()).
 * det: with nothing in flight and no token, another task runs; if none can: DEADLOCK.
 */
enum host_wake host_park(unsigned int sim_inflight, unsigned int want_ios);
void host_unpark(struct host_task *t);

/* det: a place where another runnable task may be chosen. thr: nothing. */
void host_sched_point(void);

/* Wait a moment while *word == val (thr: 100 spins, then futex; det: a switch). */
void host_spin_wait(const int *word, int val);
void host_spin_wake(int *word);			/* wake one waiter of host_spin_wait() */

host_u64 host_clock_ns(void);			/* thr: CLOCK_MONOTONIC; det: virtual */
host_u64 host_clock_peek_ns(void);		/* the same; det: as the last event left it */
host_u64 host_thread_cpu_ns(void);		/* CPU time of the calling thread (real, both engines) */
host_u64 host_process_cpu_ns(void);		/* of all threads of the process (real, both engines) */
host_u64 host_rand(host_u64 below);		/* the run's stream; 0 when below <= 1 */

/* --- memory ------------------------------------------------------------------------ */

/* Reserve the user window. First thing in main; -ENOMEM if taken. */
int host_user_reserve(void);

/* RAM of the userspace kernel: a memfd, mapped once, zeroed. One at a time. NULL: no memory. */
void *host_ram_create(host_size bytes);
void host_ram_destroy(void);

enum host_prot { HOST_PROT_NONE = 0, HOST_PROT_READ = 1, HOST_PROT_WRITE = 2 };

/*
 * Alias @bytes of RAM from @ram_off_bytes at user address @va_bytes (page aligned, inside the window).
 * -ENOMEM: the host's limit on mappings. Unmapping puts the reservation (no access) back.
 */
int host_user_map(host_u64 va, host_u64 ram_off_bytes, host_size bytes, int prot);
int host_user_protect(host_u64 va, host_size bytes, int prot);
int host_user_unmap(host_u64 va, host_size bytes);
/* Touch a real user address, as a program would: bytes copied before a fault. For differential tests. */
host_size host_user_probe_read(void *dst, host_u64 va, host_size bytes);

/* Zeroed memory from the host, for set-up only; counted. Freed by host_free() or at host_run()'s end. */
void *host_alloc(host_size bytes);
void host_free(void *p);
host_u64 host_alloc_count(void);		/* calls since the process began, all tasks */

/*
 * What the checkers (ASan, memcheck) should believe of memory that our own allocators hand out.
 * No-ops elsewhere.
 */
void host_mem_noaccess(const void *p, host_size bytes);
void host_mem_undefined(const void *p, host_size bytes);
void host_mem_defined(const void *p, host_size bytes);
void host_mem_born(const void *p, host_size bytes);	/* an allocation begins: leak-tracked by memcheck */
void host_mem_died(const void *p);

/* --- disks and the ring ------------------------------------------------------------- */

struct host_iovec {		/* laid out as struct iovec */
	void *base;
	host_size len_bytes;
};

struct host_disk_info {
	host_u64 size_bytes;
	host_u32 logical_block_bytes;	/* alignment of offset and length */
	host_u32 mem_align_bytes;	/* alignment of memory, as statx reports it (a hint) */
	int is_blockdev;
};

#define HOST_DISK_CREATE	1	/* make the file if it is missing */
#define HOST_DISK_TEMP		2	/* path is a directory: an unnamed file in it */
#define HOST_DISK_RDONLY	4
#define HOST_DISK_BLOCKDEV_OK	8	/* the user said --yes-really */
#define HOST_DISK_FILL		16	/* a new file is written once: reading unwritten blocks is no IO */

/*
 * host_disk_open - open @path with O_DIRECT; a new file gets @size_bytes (allocated, so that the
 * disk cannot run full later), an existing one must have at least that (0: take it as it is). An
 * empty file counts as new with HOST_DISK_CREATE. A block device is opened exclusively: a mounted
 * one is refused. On error: -errno, and @why holds one line for the user: what, where, what to do.
 */
int host_disk_open(const char *path, unsigned int flags, host_u64 size_bytes, struct host_disk **out,
		   struct host_disk_info *info, char *why, host_size why_bytes);
void host_disk_close(struct host_disk *d);
/* The same for a disk that nothing was done with: a file that host_disk_open() made is removed again. */
void host_disk_discard(struct host_disk *d);

enum host_op { HOST_OP_READ, HOST_OP_WRITE, HOST_OP_FLUSH, HOST_OP_PUNCH, HOST_OP_ZERO };
#define HOST_RW_DSYNC	1		/* durable before it completes (FUA) */

struct host_cqe {
	void *cookie;
	int res;			/* bytes, 0 or -errno */
};

/* 0, or -errno: no ring can be made on this host, @why is one line that says why. Needs no task. */
int host_ring_check(char *why, host_size why_bytes);
/* The calling task's ring, made at first use. NULL: io_uring is forbidden; the reason was printed once. */
struct host_ring *host_ring(void);
/*
 * Queue one transfer on the calling task's ring. @iov must live until completion when nr > 1.
 * Uses registered RAM and files where they could be had. -EAGAIN: HOST_RING_MAX_INFLIGHT reached.
 * Nothing reaches the disk before host_park(), host_ring_kick(), or a full submission queue.
 */
int host_ring_rw(struct host_disk *d, enum host_op op, unsigned int flags, const struct host_iovec *iov,
		 unsigned int nr, host_u64 off_bytes, void *cookie);
/* FLUSH: fdatasync. PUNCH, ZERO: fallocate of [off, off + len). */
int host_ring_ctl(struct host_disk *d, enum host_op op, host_u64 off_bytes, host_u64 len_bytes, void *cookie);
int host_ring_kick(void);
/*
 * Take completions without waiting. thr: up to @max that are ready. det: at most one, the one
 * that host_rand() picks among all in flight, waited for if need be.
 */
unsigned int host_ring_reap(struct host_cqe *out, unsigned int max);
unsigned int host_ring_inflight(void);		/* of the calling task */
host_u64 host_ring_enters(void);		/* io_uring_enter calls of the calling task */

/* --- words -------------------------------------------------------------------------- */

void host_puts(const char *line);		/* stderr, one write, newline added */
/*
 * Keep lines instead of printing them, until they are released: printed, or forgotten. host_die()
 * prints them before its own; a forked child holds nothing.
 */
void host_puts_hold(void);
void host_puts_release(int print);
void host_out(const char *text, host_size bytes);	/* stdout, buffered */
_Noreturn void host_die(const char *line);	/* print, backtrace where possible, abort */
/*
 * host_try - fn(arg), outside any run; returns 0, or 1 if it called host_throw(), which does not
 * return. Not nested.
 */
int host_try(void (*fn)(void *arg), void *arg);
_Noreturn void host_throw(void);
/* One line that host_die() prints first: what was being done. Not copied; NULL: none. */
void host_set_context(const char *line);
/*
 * host_fork_run - run fn(arg) in a forked process, outside any run; its stderr goes into @err (at
 * most @err_bytes, zero terminated), its stdout nowhere. Returns its exit status: 0 when fn
 * returns, 128 + signal when killed.
 */
int host_fork_run(void (*fn)(void *arg), void *arg, char *err, host_size err_bytes);
_Noreturn void host_exit(int status);		/* leave at once, counters of coverage flushed */
unsigned int host_backtrace(void **pcs, unsigned int max);
#ifdef LAB_PLANTS
extern int host_plant;	/* which bug is planted: the number in LAB_PLANT of the environment; 0: none (kc/plant.h) */
#endif
#endif
