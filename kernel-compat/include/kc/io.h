/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * IO completions of a task: how a driver at the bottom waits for nothing.
 *
 * A driver starts a kc_io in the submitting task, either on the task's ring (real disk) or
 * simulated (ram, null). Its done() is called in that same task, in hard-irq context, when
 * the task next waits (schedule()) or polls. A task does not end while it has one in flight.
 */
#ifndef _KC_IO_H
#define _KC_IO_H

#include <linux/types.h>
#include <linux/list.h>

struct host_disk;
struct host_iovec;

/**
 * struct kc_io - one transfer in flight below the block layer
 * @done: called once, hard-irq context, in the task that started it. May start further kc_ios.
 * @res: bytes, 0 or -errno (host numbers, which are the kernel's)
 * @node: private to io.c
 */
struct kc_io {
	void (*done)(struct kc_io *io, int res);
	int res;
	struct list_head node;
};

/*
 * Complete @io with @res at the task's next wait; in det at a moment the seed chooses. Context:
 * task or irq.
 */
void kc_io_defer(struct kc_io *io, int res);

/* Start on the ring; -EAGAIN: too many in flight (host.h), nothing was started. */
int kc_io_ring_rw(struct kc_io *io, struct host_disk *disk, int op, unsigned int flags,
		  const struct host_iovec *iov, unsigned int nr, u64 off_bytes);
int kc_io_ring_ctl(struct kc_io *io, struct host_disk *disk, int op, u64 off_bytes, u64 len_bytes);

/*
 * Complete what is ready without waiting (at most @budget); returns how many. Task context, not
 * under a spinlock.
 */
unsigned int kc_io_poll(unsigned int budget);
unsigned int kc_io_inflight(void);		/* of current */

/*
 * How many completions the running task would like to be woken for (>= 1); a hint the host takes
 * while it runs only one task. Reset to 1 by kc_io_want(1).
 */
void kc_io_want(unsigned int ios);

#endif
