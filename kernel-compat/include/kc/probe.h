/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Probes: what an IO costs, counted where it happens.
 *
 * Each task counts into the row of the scope it is in (struct kc_probes, one a task, summed
 * when read), so a probe is a load of the row and an add: no lock, no shared line.
 * The scope is the part of the path on whose account work is done:
 *
 *   LAB_UPPER  user memory, the design's O_DIRECT on the loop block device (bdev.c)
 *   LAB_LOOP   the loop driver, the file, the map: everything between bio in and bio out
 *   LAB_LOWER  the disk's queue and driver
 *
 * It changes in four places only: at a disk's entry (gendisk->lab_scope, sim/block), at the
 * completion of a kc_io (LAB_LOWER), at a bio's end_io (the scope in which the bio was
 * initialised), and at a work item (the scope that queued it). With --path file the design's work
 * is counted as LAB_LOOP too, since it is the same work: the file's direct IO; LAB_UPPER is then
 * empty.
 *
 * Gauges (LAB_STACK_*) hold a maximum, not a sum.
 */
#ifndef _KC_PROBE_H
#define _KC_PROBE_H

#include <linux/types.h>

struct task_struct;

enum lab_scope { LAB_UPPER, LAB_LOOP, LAB_LOWER, LAB_NR_SCOPES };

/*
 * Indirect calls are counted by the thunks of the indirect build (indirect.c); no other build has the
 * counter, so none can show a zero that was never measured.
 */
#ifdef KC_COUNT_INDIRECT
#define LAB_PROBE_INDIRECT(X) X(INDIRECT, "indirect_calls", "calls through a pointer")
#else
#define LAB_PROBE_INDIRECT(X)
#endif

/* name in reports, and what one count means */
#define LAB_PROBES(X)									\
	LAB_PROBE_INDIRECT(X)								\
	X(ALLOC_HOST,	 "host_allocs",	  "allocations from the host (malloc, mmap)")		\
	X(ALLOC_BIO,	 "alloc_bio",	  "bios from a slab or mempool")			\
	X(ALLOC_BVEC,	 "alloc_bvec",	  "bio_vec arrays beyond the inline ones")		\
	X(ALLOC_DIO,	 "alloc_dio",	  "direct-IO request state (dio, iomap_dio)")		\
	X(ALLOC_CMD,	 "alloc_cmd",	  "loop commands and kiocbs")				\
	X(ALLOC_OTHER,	 "alloc_other",	  "every other slab or kmalloc allocation")		\
	X(ALLOC_BYTES,	 "alloc_bytes",	  "bytes of slab memory allocated")			\
	X(FREE_BYTES,	 "free_bytes",	  "bytes of slab memory freed")				\
	X(COPY_BYTES,	 "copy_bytes",	  "payload bytes copied or zeroed by the CPU")		\
	X(PIN_PAGES,	 "pin_pages",	  "user pages pinned (FOLL_PIN)")			\
	X(UNPIN_PAGES,	 "unpin_pages",	  "user pages unpinned")				\
	X(PAGE_REF,	 "page_refs",	  "page reference operations, get and put, beyond pins")	\
	X(BIOS,		 "bios",	  "bios submitted")					\
	X(CLONES,	 "clones",	  "bios cloned")					\
	X(SPLITS,	 "splits",	  "bios split")						\
	X(CHAINS,	 "chains",	  "bios chained")					\
	X(MAP_CALLS,	 "map_calls",	  "questions to the file's extent map")			\
	X(CONVERTS,	 "converts",	  "unwritten extents converted")			\
	X(CACHE_ADDS,	 "cache_adds",	  "pages added to the page cache")			\
	X(WRITEBACKS,	 "writebacks",	  "page-cache pages written back")			\
	X(REQUESTS,	 "requests",	  "requests given to a driver's queue_rq")		\
	X(MERGES,	 "merges",	  "bios merged into a request")				\
	X(REPLUGS,	 "replugs",	  "lists that drivers left in a plug while it was sent")	\
	X(FLUSHES,	 "flushes",	  "flush requests at a driver")				\
	X(PUNTS,	 "punts",	  "bios or requests handed to a worker")		\
	X(LOCKS,	 "locks",	  "lock acquisitions (spinlock, mutex, rwsem)")		\
	X(ATOMICS,	 "atomics",	  "atomic read-modify-writes outside locks")		\
	X(WAKEUPS,	 "wakeups",	  "tasks woken")					\
	X(PARKS,	 "parks",	  "times a task stopped running to wait")		\
	X(POLLS,	 "polls",	  "looks for completions by who waits for polled IO")	\
	X(POLL_SLEEPS,	 "poll_sleeps",	  "waits for polled IO that went to sleep: nothing to find")	\
	X(RING_ENTERS,	 "ring_enters",	  "io_uring_enter system calls")			\
	X(ITER_OPS,	 "iter_ops",	  "calls through an iov_iter operations table")		\
	X(STACK_SUBMIT,	 "stack_submit",  "deepest stack at a driver's submission, bytes (gauge)")	\
	X(STACK_END,	 "stack_end",	  "deepest stack at an end_io, bytes (gauge)")

enum lab_probe_id {
#define X(id, name, what) LAB_##id,
	LAB_PROBES(X)
#undef X
	LAB_NR_PROBES
};

struct kc_probes {
	u64 n[LAB_NR_SCOPES][LAB_NR_PROBES];
};

#ifndef LAB_WITH_PROBES
#define LAB_WITH_PROBES 1	/* 0 in the measure build */
#endif

/* The row of the running task's scope; never NULL: before a task has probes it is a sink. */
extern __thread u64 *kc_probe_row;
extern __thread u64 *kc_probe_rows[LAB_NR_SCOPES];
extern __thread enum lab_scope kc_scope;

#if LAB_WITH_PROBES && defined(__SANITIZE_THREAD__)
/* Counters of a task that is about to wait may be read meanwhile; TSan is told that this is meant. */
#define kc_probe_add(id, count)							\
	__atomic_store_n(&kc_probe_row[id],					\
			 __atomic_load_n(&kc_probe_row[id], __ATOMIC_RELAXED) + (count), __ATOMIC_RELAXED)
#define lab_probe_max(id, value)						\
	do {									\
		u64 __v = (value);						\
		if (__atomic_load_n(&kc_probe_row[LAB_##id], __ATOMIC_RELAXED) < __v)	\
			__atomic_store_n(&kc_probe_row[LAB_##id], __v, __ATOMIC_RELAXED); \
	} while (0)
#elif LAB_WITH_PROBES
#define kc_probe_add(id, count)		((void)(kc_probe_row[id] += (count)))
#define lab_probe_max(id, value)						\
	do {									\
		u64 __v = (value);						\
		if (kc_probe_row[LAB_##id] < __v)				\
			kc_probe_row[LAB_##id] = __v;				\
	} while (0)
#else
#define kc_probe_add(id, count)		((void)0)
#define lab_probe_max(id, value)	((void)0)
#endif
/* kc_probe_add(): where the counter is known at run time only */
#define lab_probe_add(id, count)	kc_probe_add(LAB_##id, count)
#define lab_probe(id)			lab_probe_add(id, 1)

/* Bytes of the running task's stack in use here. */
u64 kc_stack_used_bytes(void);
#define lab_probe_stack(id)		lab_probe_max(id, kc_stack_used_bytes())

/*
 * Enter a scope; returns the one left, for lab_scope_leave(). Context: any. Without probes there is
 * nothing to account, and no scope to keep.
 */
#if LAB_WITH_PROBES
static inline enum lab_scope lab_scope(void)
{
	return kc_scope;
}

static inline enum lab_scope lab_scope_enter(enum lab_scope scope)
{
	enum lab_scope old = kc_scope;

	kc_scope = scope;
	kc_probe_row = kc_probe_rows[scope];
	return old;
}
#else
static inline enum lab_scope lab_scope(void)
{
	return LAB_UPPER;
}

static inline enum lab_scope lab_scope_enter(enum lab_scope scope)
{
	return LAB_UPPER;
}
#endif

static inline void lab_scope_leave(enum lab_scope old)
{
	lab_scope_enter(old);
}

/* Sum (gauges: maximum) over all tasks of the world, ended ones included. Call while others are idle. */
void kc_probes_read(struct kc_probes *out);
void kc_probes_reset(void);
/* The same over the tasks that @want names, and those that have ended. */
void kc_probes_read_of(struct kc_probes *out, bool (*want)(const struct task_struct *task, void *arg), void *arg);
/*
 * What the running task alone has counted since the reset, its ring's enters included: for before
 * and after.
 */
void kc_probes_own(struct kc_probes *out);
const char *lab_probe_name(enum lab_probe_id id);
const char *lab_probe_what(enum lab_probe_id id);
bool lab_probe_is_gauge(enum lab_probe_id id);

#endif
