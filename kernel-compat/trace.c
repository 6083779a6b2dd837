// SPDX-License-Identifier: GPL-2.0-only
/*
 * trace.c - the trace hash of a det run: FNV-1a over (site, task, op, sector, length, status) of
 * every event, in the order in which they happened. The site is hashed by its letters, the task by
 * its pid, which counts from 1 in each world; so the hash says the same in every process and at
 * every address.
 */
#include <linux/sched.h>
#include <kc/facility.h>
#include <kc/world.h>

static u64 kc_trace_state;

#ifdef KC_DET
#define FNV_PRIME	0x100000001b3ull
#define FNV_BASIS	0xcbf29ce484222325ull

static u64 fnv(u64 h, u64 v)
{
	unsigned int i;

	for (i = 0; i < 8; i++) {
		h = (h ^ (v & 0xff)) * FNV_PRIME;
		v >>= 8;
	}
	return h;
}

/**
 * kc_trace - one event of the run
 * @site: where, a short name
 * @op: what
 * @sector: 512-byte units
 * @len_bytes: length
 * @status: 0, -errno, or what the site means by it
 *
 * Context: any. Nothing on thr.
 */
void kc_trace(const char *site, unsigned int op, u64 sector, u64 len_bytes, int status)
{
	u64 h = kc_trace_state;

	if (!kc_det_on)
		return;
	while (*site)
		h = (h ^ (u8)*site++) * FNV_PRIME;
	h = fnv(h, current ? (u64)current->pid : 0);
	h = fnv(h, op);
	h = fnv(h, sector);
	h = fnv(h, len_bytes);
	kc_trace_state = fnv(h, (u64)(s64)status);
}

/** kc_trace_reset - a new world */
void kc_trace_reset(void)
{
	kc_trace_state = kc_det_on ? FNV_BASIS : 0;
}
#else
/** kc_trace_reset - a new world; without det there is nothing to reset to but zero */
void kc_trace_reset(void)
{
	kc_trace_state = 0;
}
#endif

/** kc_trace_hash - of all events so far; 0 on thr */
u64 kc_trace_hash(void)
{
	return kc_trace_state;
}
