// SPDX-License-Identifier: GPL-2.0-only
/*
 * ring.c - transfers: queueing, submitting, waiting, reaping. Method in host.h, registrations in
 * ring-setup.c.
 *
 * System calls are made by ring_submit(), ring_flush() and ring_wait() alone, and counted there. A
 * task that parks with 32 transfers in flight makes one call that submits what is queued, runs the
 * kernel's completion work and waits for as many as the caller wants; reaping then only reads the
 * completion queue. A reap that finds nothing does not ask the kernel either, because its caller
 * usually goes on to park; only a caller that polls IDLE_REAPS times in a row without parking is
 * taken for one that never will.
 *
 * det: the next transfer to complete is drawn among all in flight, in an order that only depends on
 * what the task did (submission, and earlier draws), and is waited for while finished ones are held
 * back.
 */
#include <errno.h>
#include <linux/falloc.h>
#include <sched.h>
#include <string.h>
#include "ring.h"

#define IDLE_REAPS		8
#define SUBMIT_RETRIES		100000	/* of EAGAIN (no kernel memory), with a yield between */
#define SEG_MAX_BYTES		(1ul << 30)

_Static_assert(sizeof(struct host_iovec) == sizeof(struct iovec) &&
	       offsetof(struct host_iovec, base) == offsetof(struct iovec, iov_base) &&
	       offsetof(struct host_iovec, len_bytes) == offsetof(struct iovec, iov_len),
	       "host_iovec is laid out as iovec");

/* --- system calls ----------------------------------------------------------------------------- */

/* After a failed submission: give the kernel a moment, or stop. */
static void ring_retry(struct host_ring *r, int err, unsigned int *tries)
{
	if (err == -EINTR)
		return;
	if ((err != -EAGAIN && err != -EBUSY) || ++*tries > SUBMIT_RETRIES)
		die_errno("io_uring_enter", -err);
	sched_yield();
	io_uring_get_events(&r->u);
	r->enters++;
}

/** ring_submit - hand everything queued to the kernel. NULL: nothing. */
void ring_submit(struct host_ring *r)
{
	unsigned int tries = 0;

	while (r && io_uring_sq_ready(&r->u)) {
		int ret = io_uring_submit(&r->u);

		r->enters++;
		if (ret < 0)
			ring_retry(r, ret, &tries);
	}
}

static bool ring_has_work(const struct host_ring *r)
{
	return __atomic_load_n(r->u.sq.kflags, __ATOMIC_RELAXED) &
	       (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW);
}

/**
 * ring_flush - submit what is queued and run completion work, without waiting; no system call if
 * there is neither
 */
void ring_flush(struct host_ring *r)
{
	unsigned int tries = 0;
	int ret;

	while (io_uring_sq_ready(&r->u) || ring_has_work(r)) {
		ret = io_uring_submit_and_get_events(&r->u);
		r->enters++;
		if (ret >= 0)
			break;
		ring_retry(r, ret, &tries);
	}
	ring_submit(r);
}

/**
 * ring_wait - submit what is queued and wait in the kernel
 * @r: with something in flight
 * @want_ios: completions to wait for, at least one, at most what is in flight
 *
 * May return early (a signal).
 */
void ring_wait(struct host_ring *r, unsigned int want_ios)
{
	unsigned int tries = 0;
	int ret;

	r->idle_reaps = 0;
	if (want_ios > r->inflight)
		want_ios = r->inflight;
	do {
		/* The kernel does not wait when it could not take everything: once more then. */
		ret = io_uring_submit_and_wait(&r->u, want_ios);
		r->enters++;
		if (ret < 0)
			ring_retry(r, ret, &tries);
	} while (io_uring_sq_ready(&r->u));
}

/** ring_inflight - transfers queued or submitted and not yet reaped. NULL: 0. */
unsigned int ring_inflight(const struct host_ring *r)
{
	return r ? r->inflight : 0;
}

/** ring_ready - something to reap now, or kernel work that ring_flush() turns into it */
bool ring_ready(const struct host_ring *r)
{
	return io_uring_cq_ready(&r->u) || ring_has_work(r);
}

/* --- which transfer a completion belongs to --------------------------------------------------- */

#if RING_SLOTS
static __u64 slot_take(struct host_ring *r, enum host_op op, const struct host_iovec *iov, unsigned int nr,
		       void *cookie)
{
	unsigned int i = r->free_slot;
	struct ring_slot *s = &r->slots[i];

	r->free_slot = s->next_free;
	s->cookie = cookie;
	s->op = op;
	s->nr = nr;
	s->iov = iov;
	if (nr == 1) {
		s->one = *iov;
		s->iov = &s->one;
	}
	s->done = false;
	s->at = r->inflight;
	r->order[s->at] = i;
	check_io_begin(op, iov, nr);
	return i;
}

static void slot_finish(struct host_ring *r, unsigned int i, struct host_cqe *out)
{
	struct ring_slot *s = &r->slots[i];
	unsigned int last = r->order[r->inflight - 1];

	out->cookie = s->cookie;
	out->res = s->res;
	r->order[s->at] = last;
	r->slots[last].at = s->at;
	s->next_free = r->free_slot;
	r->free_slot = i;
	r->inflight--;
}

/*
 * Mark what the kernel has finished; at most @max of it. Returns how many, their slots in @which if
 * not NULL.
 */
static unsigned int slots_done(struct host_ring *r, unsigned int *which, unsigned int max)
{
	struct io_uring_cqe *cqe;
	unsigned int head, n = 0;

	io_uring_for_each_cqe(&r->u, head, cqe) {
		struct ring_slot *s = &r->slots[cqe->user_data];

		if (n == max)
			break;
		s->res = cqe->res;
		s->done = true;
		check_io_end(s->op, s->iov, s->nr, s->res);
		if (which)
			which[n] = (unsigned int)cqe->user_data;
		n++;
	}
	io_uring_cq_advance(&r->u, n);
	return n;
}
#endif

#ifdef KC_DET
static unsigned int det_reap(struct host_ring *r, struct host_cqe *out)
{
	unsigned int i = r->order[rand_below(det_rand_state(), r->inflight)];

	while (!r->slots[i].done) {
		if (!slots_done(r, NULL, HOST_RING_MAX_INFLIGHT))
			ring_wait(r, 1);
	}
	det_clock_ns(true);
	slot_finish(r, i, out);
	return 1;
}
#endif

#ifdef KC_DET
/**
 * ring_abandon - before ring_free() in a run that was given up: wait for what the kernel has
 * @r: ring of an abandoned task; NULL: nothing
 *
 * A write that arrives later would be one that the next run finds. What was queued and never
 * submitted is dropped.
 */
void ring_abandon(struct host_ring *r)
{
	unsigned int held = 0, i;
	struct io_uring_cqe *cqe;

	if (!r)
		return;
	for (i = 0; i < r->inflight; i++)
		held += r->slots[r->order[i]].done;
	held += io_uring_sq_ready(&r->u);
	while (held < r->inflight) {
		io_uring_wait_cqe(&r->u, &cqe);
		held += slots_done(r, NULL, HOST_RING_MAX_INFLIGHT);
	}
}
#endif

#define REAP_BATCH	64	/* completions between two looks at the queue, RING_SLOTS builds */

static unsigned int ring_take(struct host_ring *r, struct host_cqe *out, unsigned int max)
{
#if RING_SLOTS
	unsigned int which[REAP_BATCH], n, i;

	n = slots_done(r, which, max < REAP_BATCH ? max : REAP_BATCH);
	for (i = 0; i < n; i++)
		slot_finish(r, which[i], &out[i]);
	return n;
#else
	struct io_uring_cqe *cqe;
	unsigned int head, n = 0;

	io_uring_for_each_cqe(&r->u, head, cqe) {
		if (n == max)
			break;
		out[n].cookie = io_uring_cqe_get_data(cqe);
		out[n].res = cqe->res;
		n++;
	}
	io_uring_cq_advance(&r->u, n);
	r->inflight -= n;
	return n;
#endif
}

/* --- the contract ----------------------------------------------------------------------------- */

/** host_ring - the calling task's ring, made at its first use; NULL: io_uring is forbidden, said once */
struct host_ring *host_ring(void)
{
	struct host_task *self = host_self;

	if (!self->ring)
		self->ring = ring_make();
	return self->ring;
}

/* An entry of the submission queue, the transfer counted; NULL with *@err set when there can be none. */
static struct io_uring_sqe *ring_entry(struct host_ring **rp, int *err)
{
	struct host_ring *r = host_self->ring;
	struct io_uring_sqe *sqe;

	if (!r)
		r = host_ring();
	if (!r) {
		*err = -ENOSYS;
		return NULL;
	}
	if (r->inflight == r->max_inflight) {
		*err = -EAGAIN;
		return NULL;
	}
	sqe = io_uring_get_sqe(&r->u);
	if (!sqe) {
		ring_submit(r);
		sqe = io_uring_get_sqe(&r->u);
	}
	*rp = r;
	return sqe;
}

static void ring_queue(struct host_ring *r, struct io_uring_sqe *sqe, const struct host_disk *d,
		       enum host_op op, const struct host_iovec *iov, unsigned int nr, void *cookie)
{
	int file = ring_fixed_file(r, d);

	if (file >= 0) {
		sqe->fd = file;
		sqe->flags |= IOSQE_FIXED_FILE;
	}
#if RING_SLOTS
	sqe->user_data = slot_take(r, op, iov, nr, cookie);
#else
	io_uring_sqe_set_data(sqe, cookie);
#endif
	r->inflight++;
	r->idle_reaps = 0;
}

/**
 * host_ring_rw - queue one read or write on the calling task's ring
 * @d: disk
 * @op: HOST_OP_READ or HOST_OP_WRITE
 * @flags: HOST_RW_DSYNC (writes)
 * @iov: memory; copied when @nr is 1, else it lives until completion
 * @nr: segments, 1 to HOST_IOV_MAX
 * @off_bytes: place on the disk
 * @cookie: given back with the completion
 *
 * Return: 0; -EAGAIN: HOST_RING_MAX_INFLIGHT in flight; -EINVAL: not such a transfer; -ENOSYS: no io_uring.
 */
int host_ring_rw(struct host_disk *d, enum host_op op, unsigned int flags, const struct host_iovec *iov,
		 unsigned int nr, host_u64 off_bytes, void *cookie)
{
	struct io_uring_sqe *sqe;
	struct host_ring *r;
	bool read = op == HOST_OP_READ;
	int buf, code, err;

	if (nr - 1 >= HOST_IOV_MAX || op > HOST_OP_WRITE || (nr == 1 && iov->len_bytes > SEG_MAX_BYTES))
		return -EINVAL;
	sqe = ring_entry(&r, &err);
	if (!sqe)
		return err;
	buf = nr == 1 ? ring_fixed_buffer(r, iov) : -1;
	if (nr > 1)
		code = read ? IORING_OP_READV : IORING_OP_WRITEV;
	else if (buf >= 0)
		code = read ? IORING_OP_READ_FIXED : IORING_OP_WRITE_FIXED;
	else
		code = read ? IORING_OP_READ : IORING_OP_WRITE;
	if (nr > 1)
		io_uring_prep_rw(code, sqe, d->fd, iov, nr, off_bytes);
	else
		io_uring_prep_rw(code, sqe, d->fd, iov->base, (unsigned int)iov->len_bytes, off_bytes);
	if (buf >= 0)
		sqe->buf_index = (__u16)buf;
	if (flags & HOST_RW_DSYNC)
		sqe->rw_flags = RWF_DSYNC;
	ring_queue(r, sqe, d, op, iov, nr, cookie);
	return 0;
}

/**
 * host_ring_ctl - queue a flush or a change of allocation
 * @d: disk
 * @op: HOST_OP_FLUSH (fdatasync; offset and length unused), HOST_OP_PUNCH, HOST_OP_ZERO
 * @off_bytes: start
 * @len_bytes: length
 * @cookie: given back with the completion
 *
 * Return: as host_ring_rw(). What the file or device cannot do completes with -EOPNOTSUPP.
 */
int host_ring_ctl(struct host_disk *d, enum host_op op, host_u64 off_bytes, host_u64 len_bytes, void *cookie)
{
	struct io_uring_sqe *sqe;
	struct host_ring *r;
	int mode, err;

	if (op <= HOST_OP_WRITE || op > HOST_OP_ZERO)
		return -EINVAL;
	sqe = ring_entry(&r, &err);
	if (!sqe)
		return err;
	if (op == HOST_OP_FLUSH) {
		io_uring_prep_fsync(sqe, d->fd, IORING_FSYNC_DATASYNC);
	} else {
		mode = op == HOST_OP_PUNCH ? FALLOC_FL_PUNCH_HOLE : FALLOC_FL_ZERO_RANGE;
		io_uring_prep_fallocate(sqe, d->fd, mode | FALLOC_FL_KEEP_SIZE, (off_t)off_bytes,
					(off_t)len_bytes);
	}
	ring_queue(r, sqe, d, op, NULL, 0, cookie);
	return 0;
}

/** host_ring_kick - submit what the caller has queued, without waiting; returns 0 */
int host_ring_kick(void)
{
	ring_submit(host_self->ring);
	return 0;
}

/**
 * host_ring_reap - take completions without waiting (det: one, waited for); see host.h
 * @out: completions
 * @max: room in @out
 *
 * Return: how many.
 */
unsigned int host_ring_reap(struct host_cqe *out, unsigned int max)
{
	struct host_ring *r = host_self->ring;
	unsigned int n;

	if (!ring_inflight(r) || !max)
		return 0;
#ifdef KC_DET
	if (run_is_det())
		return det_reap(r, out);
#endif
	n = ring_take(r, out, max);
	if (!n && ++r->idle_reaps >= IDLE_REAPS) {
		r->idle_reaps = 0;
		ring_flush(r);
		n = ring_take(r, out, max);
	}
	return n;
}

/** host_ring_inflight - transfers of the calling task queued or submitted and not yet reaped */
unsigned int host_ring_inflight(void)
{
	return ring_inflight(host_self->ring);
}

/** host_ring_enters - io_uring_enter calls of the calling task so far */
host_u64 host_ring_enters(void)
{
	return host_self->ring ? host_self->ring->enters : 0;
}
