/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A world: one userspace kernel, from empty RAM to an audited end. Everything the shims hold
 * belongs to the current world; worlds follow each other, they never overlap.
 */
#ifndef _KC_WORLD_H
#define _KC_WORLD_H

#include <linux/types.h>

struct kc_world_opts {
	size_t ram_bytes;		/* multiple of PAGE_SIZE; 0: KC_RAM_DEFAULT_BYTES */
	bool frames_permuted;		/* alloc_page() and user memory: no two neighbours contiguous */
};

#define KC_RAM_DEFAULT_BYTES	(64UL << 20)
#define KC_RAM_MAX_BYTES	(1UL << 30)

/*
 * kc_world_begin - called by the first task of a host_run(), before any other shim. kc_world_end -
 * stop the shims and audit: slab objects, pages, pins, page references, mappings, tasks and locks
 * still held are printed, one line each with the site that took them. Returns their number plus the
 * number of unexpected WARNs. A world that deadlocked is dropped with kc_world_abandon() (after
 * host_run() returned).
 */
int kc_world_begin(const struct kc_world_opts *opts);
int kc_world_end(void);
void kc_world_abandon(void);

/* Expect @n further WARNs whose text contains @text; kc_world_end() counts those that did not come. */
void kc_expect_warn(const char *text, unsigned int n);
unsigned int kc_warn_count(void);		/* unexpected so far */

/*
 * Let every other task run until all sleep: what they owe is counted then. For a caller that nobody
 * waits for.
 */
void kc_tasks_settle(void);

/*
 * A user task that runs fn(arg) with current == a fresh task_struct: host_run() + world in one.
 * @failures: audit result.
 */
enum kc_run_status { KC_RUN_DONE, KC_RUN_DEADLOCK, KC_RUN_STUCK, KC_RUN_ABORTED /* host_run_abort() */ };
enum kc_run_status kc_run(bool det, u64 seed, const struct kc_world_opts *opts,
			  void (*fn)(void *arg), void *arg, int *failures);

/*
 * Trace hash: what the run did, in which order; never an address or a time. Same (seed, program):
 * same hash. Only a det run has one (0 in thr, where the order is not the program's); builds
 * without det do not even call.
 */
#ifdef KC_DET
void kc_trace(const char *site, unsigned int op, u64 sector, u64 len_bytes, int status);
#else
static inline void kc_trace(const char *site, unsigned int op, u64 sector, u64 len_bytes, int status)
{
}
#endif
u64 kc_trace_hash(void);

#endif
