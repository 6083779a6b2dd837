// SPDX-License-Identifier: GPL-2.0-only
/*
 * opskernel.c - a stream of operations by real system calls on a real O_DIRECT file: the running kernel as the judge.
 *
 * The rules are those of lab_ops_run() (lab_run.h tells them), so that the result lines compare with diff:
 * segments on pages of their own, filled with LAB_READ_POISON around and (for reads) inside; faults by
 * mprotect, by address 0 and by an address of the kernel's; after a write the range it could have touched is read back,
 * through the descriptor that wrote it, so that what the other one holds stays as it is until an operation asks.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "cli.h"

#define PAGE	4096ul
#define ROUND_UP(x) (((x) + PAGE - 1) & ~(PAGE - 1))
#define KERNEL_ADDRESS 0xffff888000000000ul

struct exec {
	int fd, buffered_fd;		/* the same file, with and without O_DIRECT */
	struct iovec iov[LAB_OP_MAX_SEGS];
	uint8_t *area;			/* the pages of all segments, a guard page before, between and behind */
	uint8_t *page[LAB_OP_MAX_SEGS];	/* first page of each segment */
	size_t page_bytes[LAB_OP_MAX_SEGS], area_bytes;
	uint8_t *back;			/* for reading back */
};

static size_t span(const struct lab_seg *s)
{
	return ROUND_UP(s->misalign_bytes + s->len_bytes + 1);	/* one byte at least, for a segment of no length */
}

static int lay_out(struct exec *e, const struct lab_op *op)
{
	uint64_t done = 0;
	uint8_t *at;

	e->area_bytes = PAGE;
	for (unsigned int i = 0; i < op->nr_segs; i++)
		e->area_bytes += span(&op->segs[i]) + PAGE;
	e->area = mmap(NULL, e->area_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (e->area == MAP_FAILED)
		return -ENOMEM;
	memset(e->area, LAB_READ_POISON, e->area_bytes);
	at = e->area + PAGE;
	for (unsigned int i = 0; i < op->nr_segs; i++) {
		const struct lab_seg *s = &op->segs[i];

		e->page[i] = at;
		e->page_bytes[i] = span(s);
		e->iov[i].iov_base = at + s->misalign_bytes;
		e->iov[i].iov_len = s->len_bytes;
		if (!lab_op_is_read(op->kind))
			lab_payload(at + s->misalign_bytes, op->seed, done, s->len_bytes);
		done += s->len_bytes;
		at += span(s) + PAGE;
	}
	return 0;
}

/* Where the absent half of a !half segment begins: the page boundary at or below its middle. */
static uint8_t *half(const struct exec *e, const struct lab_seg *s, unsigned int i)
{
	return e->page[i] + ((s->misalign_bytes + s->len_bytes / 2) & ~(PAGE - 1));
}

static void set_faults(struct exec *e, const struct lab_op *op)
{
	for (unsigned int i = 0; i < op->nr_segs; i++) {
		const struct lab_seg *s = &op->segs[i];

		switch (s->fault) {
		case LAB_SEG_OK:
			break;
		case LAB_SEG_NONE:
			mprotect(e->page[i], e->page_bytes[i], PROT_NONE);
			break;
		case LAB_SEG_RO:
			mprotect(e->page[i], e->page_bytes[i], PROT_READ);
			break;
		case LAB_SEG_NULL:
			e->iov[i].iov_base = NULL;
			break;
		case LAB_SEG_KERN:
			e->iov[i].iov_base = (void *)KERNEL_ADDRESS;
			break;
		case LAB_SEG_HALF:
			mprotect(half(e, s, i), (size_t)(e->page[i] + e->page_bytes[i] - half(e, s, i)), PROT_NONE);
			break;
		}
	}
	for (unsigned int i = 0; i <= op->nr_segs; i++)
		mprotect(i < op->nr_segs ? e->page[i] - PAGE : e->area + e->area_bytes - PAGE, PAGE, PROT_NONE);
}

static bool untouched(const uint8_t *p, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		if (p[i] != LAB_READ_POISON)
			return false;
	return true;
}

/* crc32c over the first ret bytes of a read; were the bytes around the segments left alone? */
static void read_result(struct exec *e, const struct lab_op *op, struct lab_op_result *r)
{
	uint64_t left = r->ret > 0 ? (uint64_t)r->ret : 0;

	mprotect(e->area, e->area_bytes, PROT_READ | PROT_WRITE);
	for (unsigned int i = 0; i < op->nr_segs; i++) {
		const struct lab_seg *s = &op->segs[i];
		uint8_t *base = e->page[i] + s->misalign_bytes;
		uint64_t n = s->len_bytes < left ? s->len_bytes : left;

		if (lab_op_is_read(op->kind) && n && s->fault != LAB_SEG_NULL && s->fault != LAB_SEG_KERN)
			r->crc = lab_crc32c(r->crc, base, n);
		left -= n;
		if (!untouched(e->page[i], s->misalign_bytes) ||
		    !untouched(base + s->len_bytes, e->page_bytes[i] - s->misalign_bytes - s->len_bytes))
			r->guard = 1;
	}
	r->has_crc = lab_op_is_read(op->kind) && r->ret > 0;
}

/* The range a write could have touched, clipped to the file, through whole aligned reads. */
static int read_back(struct exec *e, int fd, uint64_t off, uint64_t len, struct lab_op_result *r)
{
	uint64_t end = off + len < r->size ? off + len : r->size, first = off & ~(PAGE - 1), done = first;

	if (off >= end)
		return 0;
	while (done < end) {
		size_t want = ROUND_UP(end) - done > LAB_OP_MAX_BYTES ? LAB_OP_MAX_BYTES : ROUND_UP(end) - done;
		ssize_t n = pread(fd, e->back, want, (off_t)done);
		uint64_t from = done < off ? off - done : 0, to;

		if (n <= 0)
			return n ? -errno : -EIO;
		to = done + (uint64_t)n > end ? end - done : (uint64_t)n;
		r->crc = lab_crc32c(r->crc, e->back + from, to - from);
		done += to;
		if (done < end && done & (PAGE - 1))
			return -EIO;	/* short inside the file: the kernel does not do that */
	}
	r->has_crc = 1;
	return 0;
}

static int transfer(struct exec *e, const struct lab_op *op, struct lab_op_result *r)
{
	int flags = (op->flags & LAB_OPF_NOWAIT ? RWF_NOWAIT : 0) | (op->flags & LAB_OPF_DSYNC ? RWF_DSYNC : 0);
	uint64_t off = op->off_bytes, len = 0;
	int fd = lab_op_is_buffered(op->kind) ? e->buffered_fd : e->fd;
	struct stat st;
	int rc = lay_out(e, op);

	if (rc)
		return rc;
	set_faults(e, op);
	if (op->kind == LAB_OP_APPEND) {
		if (fstat(e->fd, &st))
			return -errno;
		off = (uint64_t)st.st_size;
		flags |= RWF_APPEND;
	}
	if (lab_op_is_read(op->kind))
		r->ret = preadv2(fd, e->iov, (int)op->nr_segs, (off_t)off, flags);
	else
		r->ret = pwritev2(fd, e->iov, (int)op->nr_segs, (off_t)off, flags);
	if (r->ret < 0)
		r->ret = -errno;
	if (fstat(e->fd, &st))
		return -errno;
	r->size = (uint64_t)st.st_size;
	read_result(e, op, r);
	for (unsigned int i = 0; i < op->nr_segs; i++)
		len += op->segs[i].len_bytes;
	rc = lab_op_is_read(op->kind) ? 0 : read_back(e, fd, off, len, r);
	munmap(e->area, e->area_bytes);
	return rc;
}

static int perform(struct exec *e, const struct lab_op *op, struct lab_op_result *r)
{
	struct stat st;

	memset(r, 0, sizeof(*r));
	switch (op->kind) {
	case LAB_OP_SIZE:
		r->ret = ftruncate(e->fd, (off_t)op->off_bytes) ? -errno : 0;
		break;
	case LAB_OP_FSYNC:
		r->ret = fsync(e->fd) ? -errno : 0;
		break;
	case LAB_OP_FDATASYNC:
		r->ret = fdatasync(e->fd) ? -errno : 0;
		break;
	default:
		return transfer(e, op, r);
	}
	if (fstat(e->fd, &st))
		return -errno;
	r->size = (uint64_t)st.st_size;
	return 0;
}

static int open_target(const char *path, char *why, size_t why_bytes)
{
	struct stat st;
	int fd;

	if (!stat(path, &st) && !S_ISREG(st.st_mode)) {
		snprintf(why, why_bytes, "--disk %s: --kernel needs a regular file", path);
		return -1;
	}
	fd = open(path, O_RDWR | O_CREAT | O_DIRECT | O_CLOEXEC, 0666);
	if (fd < 0)
		snprintf(why, why_bytes, "--disk %s: cannot open O_DIRECT (%s)%s", path, strerror(errno),
			 errno == EINVAL ? "; that filesystem has none, try a file below /var/tmp" : "");
	return fd;
}

int opskernel_run(const struct opset *set, const char *path, struct lab_op_result *results, char *why,
		  size_t why_bytes)
{
	static struct exec e;
	int rc = 0;

	e.fd = open_target(path, why, why_bytes);
	if (e.fd < 0)
		return LAB_RUN_USAGE;
	e.buffered_fd = open(path, O_RDWR | O_CLOEXEC);
	if (e.buffered_fd < 0) {
		snprintf(why, why_bytes, "--disk %s: cannot open it a second time (%s)", path, strerror(errno));
		close(e.fd);
		return LAB_RUN_USAGE;
	}
	e.back = mmap(NULL, LAB_OP_MAX_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (e.back == MAP_FAILED || ftruncate(e.fd, 0))
		rc = -errno;
	for (unsigned int i = 0; !rc && i < set->nr; i++) {
		rc = perform(&e, &set->ops[i], &results[i]);
		if (rc)
			snprintf(why, why_bytes, "%s: operation %u (line %d): %s", path, i, set->ops[i].line, strerror(-rc));
	}
	if (rc && !why[0])
		snprintf(why, why_bytes, "%s: %s", path, strerror(-rc));
	if (e.back != MAP_FAILED)
		munmap(e.back, LAB_OP_MAX_BYTES);
	close(e.buffered_fd);
	close(e.fd);
	return rc ? LAB_RUN_BROKEN : LAB_RUN_OK;
}
