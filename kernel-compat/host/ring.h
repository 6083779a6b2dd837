/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ring.h - a task's io_uring, as ring.c (transfers) and ring-setup.c (making, registering) share it.
 */
#ifndef KC_HOST_RING_H
#define KC_HOST_RING_H

#include <liburing.h>
#include "host-impl.h"

/*
 * Which transfer a completion belongs to, for those who must know: det, to choose among what is in
 * flight, and memcheck, to be told what was read. Elsewhere the cookie itself travels through the
 * kernel.
 */
#if defined(KC_DET) || defined(KC_VALGRIND)
#define RING_SLOTS	1
#else
#define RING_SLOTS	0
#endif

/*
 * RAM is registered in chunks at first use: the start costs nothing, and a small RLIMIT_MEMLOCK
 * helps as far as it goes.
 */
#define RING_CHUNK_SHIFT	22
#define RING_CHUNK_BYTES	(1ul << RING_CHUNK_SHIFT)
#define RING_CHUNKS		256		/* 1 GiB of RAM; what lies beyond goes unregistered */

enum ring_chunk { CHUNK_NEW, CHUNK_REGISTERED, CHUNK_REFUSED };

/**
 * struct ring_slot - one transfer in flight (RING_SLOTS)
 * @one: copy of the only segment, @iov points there when nr is 1
 * @at: its index in ring.order
 * @next_free: list of free slots
 */
struct ring_slot {
	void *cookie;
	const struct host_iovec *iov;
	struct host_iovec one;
	unsigned int nr;
	enum host_op op;
	int res;
	bool done;
	unsigned int at;
	unsigned int next_free;
};

/**
 * struct host_ring - ring of one task; only that task touches it
 * @inflight: queued or submitted, and not yet reaped
 * @max_inflight: room in the completion queue
 * @idle_reaps: empty reaps since the last wait, see host_ring_reap()
 * @buffers, @files: the sparse tables exist
 * @evfd: the eventfd is registered; @evfd_on: and completions are told to it
 * @chunk: enum ring_chunk of each part of the RAM whose serial is @ram_serial
 * @file_serial: disk registered in each slot, 0: none
 * @order: slots in flight, dense; @slots, @free_slot: all of them
 */
struct host_ring {
	struct io_uring u;
	unsigned int inflight;
	unsigned int max_inflight;
	unsigned int idle_reaps;
	uint64_t enters;
	bool buffers;
	bool files;
	bool evfd;
	bool evfd_on;
	uint64_t ram_serial;
	uint8_t chunk[RING_CHUNKS];
	uint64_t file_serial[HOST_RING_FILES];
#if RING_SLOTS
	unsigned int free_slot;
	unsigned int order[HOST_RING_MAX_INFLIGHT];
	struct ring_slot slots[HOST_RING_MAX_INFLIGHT];
#endif
};

struct host_ring *ring_make(void);		/* NULL: forbidden, said once */
int ring_fixed_buffer(struct host_ring *r, const struct host_iovec *seg);
int ring_fixed_file(struct host_ring *r, const struct host_disk *d);

#endif
