// SPDX-License-Identifier: GPL-2.0-only
/*
 * ring-setup.c - making a task's ring, and telling the kernel about RAM and files once instead of
 * in every transfer.
 *
 * DEFER_TASKRUN (Linux 6.1) lets completions pile up until their task asks for them, which is what
 * "completions happen at waits" means; older kernels get a plain ring. Registration is an
 * optimisation and may fail: each kind of failure is reported once a process, and transfers go
 * unregistered from there on.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include "ring.h"

#define SLOT_NONE		~0u
#define SMALL_SQ_ENTRIES	32
#define SMALL_CQ_ENTRIES	256
/*
 * What a closed ring had locked is given back by a worker of the kernel, some time later; until then it
 * counts against RLIMIT_MEMLOCK of the user.
 */
#define LOCKED_TRIES		50
#define LOCKED_WAIT_US		10000

static void say_once(_Atomic int *said, const char *line)
{
	if (!atomic_exchange(said, 1))
		host_puts(line);
}

static void why_forbidden(int err, char *line, size_t line_bytes)
{
	snprintf(line, line_bytes, "io_uring cannot be used here: %s%s", strerror(err),
		 err == EPERM ? " (sysctl kernel.io_uring_disabled, or a container's seccomp rules)" :
		 err == ENOSYS ? " (a kernel without it, or a container's seccomp rules)" :
		 err == ENOMEM ? " (RLIMIT_MEMLOCK; 8 MiB will do)" : "");
}

static void say_forbidden(int err)
{
	static _Atomic int said;
	char line[200];

	why_forbidden(err, line, sizeof(line));
	say_once(&said, line);
}

static int ring_init_as(struct host_ring *r, unsigned int sq_entries, unsigned int cq_entries,
			unsigned int flags)
{
	struct io_uring_params p;

	memset(&p, 0, sizeof(p));
	p.flags = IORING_SETUP_CQSIZE | flags;
	p.cq_entries = cq_entries;
	r->max_inflight = cq_entries;		/* so completions never overflow */
	return io_uring_queue_init_params(sq_entries, &r->u, &p);
}

static int ring_init(struct host_ring *r)
{
	unsigned int flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
			     IORING_SETUP_TASKRUN_FLAG;
	int err = ring_init_as(r, HOST_RING_ENTRIES, HOST_RING_MAX_INFLIGHT, flags);
	unsigned int tries;

	if (err == -EINVAL) {
		flags = 0;
		err = ring_init_as(r, HOST_RING_ENTRIES, HOST_RING_MAX_INFLIGHT, flags);
	}
	/* Newer kernels charge rings to RLIMIT_MEMLOCK: when it is used up, a small one may still fit. */
	for (tries = 0; err == -ENOMEM && tries < LOCKED_TRIES; tries++) {
		if (tries)
			usleep(LOCKED_WAIT_US);
		err = ring_init_as(r, SMALL_SQ_ENTRIES, SMALL_CQ_ENTRIES, flags);
	}
	return err;
}

/**
 * host_ring_check - can a ring be made on this host? See host.h
 * @why: one line when not
 * @why_bytes: room for it
 *
 * Asks for the smallest ring there is. Lack of lockable memory is no answer: it may pass, and the first
 * ring of a task waits for it. Return: 0 or -errno. Nothing is kept.
 */
int host_ring_check(char *why, host_size why_bytes)
{
	struct io_uring u;
	int err = io_uring_queue_init(1, &u, 0);

	if (!err)
		io_uring_queue_exit(&u);
	if (!err || err == -ENOMEM)
		return 0;
	why_forbidden(-err, why, why_bytes);
	return err;
}

/**
 * ring_make - a ring for the calling task
 *
 * Return: the ring, or NULL when io_uring is forbidden; the reason was printed once.
 */
struct host_ring *ring_make(void)
{
	struct host_ring *r;
	int err;

	r = calloc(1, sizeof(*r));
	if (!r)
		die_errno("a ring", ENOMEM);
	err = ring_init(r);
	if (err) {
		say_forbidden(-err);
		free(r);
		return NULL;
	}
	/*
	 * Saves the lookup of the descriptor in every enter; old kernels and the sixteenth ring do
	 * without.
	 */
	if (!check_valgrind())
		io_uring_register_ring_fd(&r->u);
	r->files = !io_uring_register_files_sparse(&r->u, HOST_RING_FILES);
#if RING_SLOTS
	{
		unsigned int i;

		for (i = 0; i < HOST_RING_MAX_INFLIGHT; i++)
			r->slots[i].next_free = i + 1 < HOST_RING_MAX_INFLIGHT ? i + 1 : SLOT_NONE;
	}
#endif
	return r;
}

/** ring_free - close a ring that has nothing in flight. NULL: nothing. */
void ring_free(struct host_ring *r)
{
	if (!r)
		return;
	io_uring_queue_exit(&r->u);
	free(r);
}

static void say_memlock(int err)
{
	static _Atomic int said;
	struct rlimit lim = { 0, 0 };
	char line[240];

	getrlimit(RLIMIT_MEMLOCK, &lim);
	snprintf(line, sizeof(line),
		 "note: memory beyond what is registered with io_uring so far goes unregistered, "
		 "each transfer costs a little more CPU: %s (RLIMIT_MEMLOCK is %llu KiB)",
		 strerror(err), (unsigned long long)(lim.rlim_cur >> 10));
	say_once(&said, line);
}

static int register_chunk(struct host_ring *r, unsigned int chunk)
{
	size_t at_bytes = (size_t)chunk << RING_CHUNK_SHIFT;
	size_t left_bytes = mem_ram.bytes - at_bytes;
	struct iovec v = {
		.iov_base = mem_ram.base + at_bytes,
		.iov_len = left_bytes < RING_CHUNK_BYTES ? left_bytes : RING_CHUNK_BYTES,
	};
	__u64 tag = 0;
	int ret = io_uring_register_buffers_update_tag(&r->u, chunk, &v, &tag, 1);

	if (ret == 1) {
		r->chunk[chunk] = CHUNK_REGISTERED;
		return (int)chunk;
	}
	say_memlock(ret < 0 ? -ret : EINVAL);
	/* One refusal is the end: asking again for each of the others would cost more than it could win. */
	for (chunk = 0; chunk < RING_CHUNKS; chunk++) {
		if (r->chunk[chunk] == CHUNK_NEW)
			r->chunk[chunk] = CHUNK_REFUSED;
	}
	return -1;
}

/* The RAM is another than at the last transfer (or this is the first): forget its registrations. */
static void ring_new_ram(struct host_ring *r)
{
	if (r->buffers)
		io_uring_unregister_buffers(&r->u);
	r->buffers = !io_uring_register_buffers_sparse(&r->u, RING_CHUNKS);
	memset(r->chunk, r->buffers ? CHUNK_NEW : CHUNK_REFUSED, sizeof(r->chunk));
	if (!r->buffers)
		say_memlock(EINVAL);
	r->ram_serial = mem_ram.serial;
}

/**
 * ring_fixed_buffer - index of the registered buffer that holds @seg
 * @r: the caller's ring
 * @seg: memory of a transfer
 *
 * Return: the index, or -1: outside RAM, across the border of two chunks, or not registrable.
 */
int ring_fixed_buffer(struct host_ring *r, const struct host_iovec *seg)
{
	size_t off_bytes = (size_t)((char *)seg->base - mem_ram.base);
	size_t chunk = off_bytes >> RING_CHUNK_SHIFT;

	if (off_bytes >= mem_ram.bytes || seg->len_bytes > mem_ram.bytes - off_bytes || !seg->len_bytes)
		return -1;
	if (chunk >= RING_CHUNKS || (off_bytes + seg->len_bytes - 1) >> RING_CHUNK_SHIFT != chunk)
		return -1;
	if (r->ram_serial != mem_ram.serial)
		ring_new_ram(r);
	if (r->chunk[chunk] == CHUNK_REGISTERED)
		return (int)chunk;
	if (r->chunk[chunk] == CHUNK_REFUSED)
		return -1;
	return register_chunk(r, (unsigned int)chunk);
}

/**
 * ring_fixed_file - index of @d in the ring's file table, registering it if need be
 *
 * Return: the index, or -1: use the descriptor.
 */
int ring_fixed_file(struct host_ring *r, const struct host_disk *d)
{
	int fd = d->fd;

	if (d->slot < 0 || !r->files)
		return -1;
	if (r->file_serial[d->slot] == d->serial)
		return d->slot;
	if (io_uring_register_files_update(&r->u, (unsigned int)d->slot, &fd, 1) != 1) {
		r->files = false;
		return -1;
	}
	r->file_serial[d->slot] = d->serial;
	return d->slot;
}

/**
 * ring_use_eventfd - whether completions are told to the task's eventfd
 * @r: the caller's ring
 * @efd: eventfd of the caller
 * @on: false while nobody reads it, which saves the kernel the telling
 *
 * On return with @on, whatever completed earlier is seen by ring_ready(), whatever completes later
 * by the eventfd.
 */
void ring_use_eventfd(struct host_ring *r, int efd, bool on)
{
	int err;

	if (r->evfd_on == on)
		return;
	if (!r->evfd) {
		err = io_uring_register_eventfd(&r->u, efd);
		if (err)
			die_errno("io_uring_register_eventfd", -err);
		r->evfd = true;
	}
	io_uring_cq_eventfd_toggle(&r->u, on);
	r->evfd_on = on;
	if (on) {
		/* The system call is also the barrier between the switch and the look at the queue. */
		r->enters++;
		io_uring_get_events(&r->u);
	}
}
