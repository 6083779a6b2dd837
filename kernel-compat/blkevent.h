/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * blkevent.h - what happened at a block device, one event at a time, in terms that both worlds know.
 *
 * The kernel side fills the events (kc/blktrace.h), the host side writes them down (reports/blktrace.c), as
 * host.h is shared: built-in types only. The letters are those of blkparse(1).
 */
#ifndef KC_BLKEVENT_H
#define KC_BLKEVENT_H

#include "host.h"

/* Of an IO; those of the kernel's blktrace that a block device of ours can meet. */
#define LAB_BE_WRITE	1	/* data flows to the device, or would */
#define LAB_BE_SYNC	2
#define LAB_BE_FLUSH	4	/* REQ_PREFLUSH, or a flush request */
#define LAB_BE_FUA	8
#define LAB_BE_DISCARD	16
#define LAB_BE_AHEAD	32
#define LAB_BE_META	64

#define LAB_BE_COMM	16	/* bytes of a task's name, its end included */
#define LAB_BE_DEV(major, minor)	((host_u32)(major) << 20 | (host_u32)(minor))

/**
 * struct lab_blkevent - one event
 * @at_ns: clock of the run; det: virtual, and no two events have the same
 * @sector: 512-byte units
 * @other: X: where the rest begins; U: requests that go; A: the sector on @other_dev; m: index of the job
 * @dev: LAB_BE_DEV
 * @other_dev: A: the device it was for before
 * @error: C: 0 or -errno
 * @flags: LAB_BE_*
 * @action: Q queued, X split, A remapped, M F merged behind or before, G request taken, P U plugged and unplugged, I left
 *	to a worker, D given to the driver, R back from the driver, C done; m: a job begins
 */
struct lab_blkevent {
	host_u64 at_ns, sector, other;
	host_u32 dev, other_dev, len_bytes;
	int pid, error;
	unsigned short flags;
	char action;
	char comm[LAB_BE_COMM];
};

/**
 * struct lab_blktrace - where events go
 * @events: room for @max
 * @nr: how many happened; those beyond @max were not kept
 */
struct lab_blktrace {
	struct lab_blkevent *events;
	host_u64 max, nr;
};

#endif
