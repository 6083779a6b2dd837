// SPDX-License-Identifier: GPL-2.0-only
/*
 * opskernel.c - a stream of operations by real system calls on a real O_DIRECT file, or on a loop device above
 * it: the running kernel as the judge.
 *
 * The rules are those of lab_ops_run() (lab_run.h tells them), so that the result lines compare with diff.
 * Groups go through the kernel's AIO by its bare system calls. After a write the range it could have touched is
 * read back through the descriptor that wrote it, so that what the other one holds stays as it is until an
 * operation asks. Data and hole are asked of the second descriptor, whose position nothing uses.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/fs.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "opskernel.h"

/* One operation of a group while it is performed. */
struct part {
	const struct lab_op *op;
	struct lab_op_result *res;
	struct kmem mem;
	uint64_t off;
	bool queued;
	struct iocb iocb;
};

struct exec {
	int fd, buffered_fd;		/* of the file or device, with and without O_DIRECT */
	struct kloop loop;
	uint64_t capacity;		/* of the device */
	bool device;
	aio_context_t aio;
	struct part part[LAB_OP_MAX_GROUP];
	uint8_t *back;			/* for reading back */
};

/* ---- size, reading back ------------------------------------------------------------------------ */

static int size_of(struct exec *e, uint64_t *out)
{
	struct stat st;

	*out = e->capacity;
	if (e->device)
		return 0;
	if (fstat(e->fd, &st))
		return -errno;
	*out = (uint64_t)st.st_size;
	return 0;
}

/* The range a write could have touched, clipped to the file, through whole aligned reads. */
static int read_back(struct exec *e, int fd, uint64_t off, uint64_t len, struct lab_op_result *r)
{
	uint64_t end = off + len < r->size ? off + len : r->size, first = off & ~(PAGE - 1), done = first;

	r->crc = 0;
	r->has_crc = 0;
	if (off > LLONG_MAX || off >= end)
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

/* ---- reads and writes --------------------------------------------------------------------------- */

static int rwf(const struct lab_op *op)
{
	return (op->flags & LAB_OPF_NOWAIT ? RWF_NOWAIT : 0) | (op->flags & LAB_OPF_DSYNC ? RWF_DSYNC : 0) |
	       (op->kind == LAB_OP_APPEND ? RWF_APPEND : 0);
}

static int fd_of(const struct exec *e, const struct lab_op *op)
{
	return lab_op_is_buffered(op->kind) ? e->buffered_fd : e->fd;
}

static void call(struct exec *e, struct part *p)
{
	const struct lab_op *op = p->op;
	const struct iovec *iov = p->mem.iov;
	int n = (int)op->nr_segs, fd = fd_of(e, op);

	if (p->off > LLONG_MAX) {
		p->res->ret = -EINVAL;
		return;
	}
	if (op->kind == LAB_OP_READ)
		p->res->ret = readv(fd, iov, n);
	else if (op->kind == LAB_OP_WRITE)
		p->res->ret = writev(fd, iov, n);
	else if (lab_op_is_read(op->kind))
		p->res->ret = preadv2(fd, iov, n, (off_t)p->off, rwf(op));
	else
		p->res->ret = pwritev2(fd, iov, n, (off_t)p->off, rwf(op));
	if (p->res->ret < 0)
		p->res->ret = -errno;
}

/* All at once. What is refused at once is no event, and ends the call: the rest is submitted again. */
static int submit_group(struct exec *e, unsigned int nr)
{
	struct iocb *list[LAB_OP_MAX_GROUP];
	unsigned int i, queued = 0;

	for (i = 0; i < nr; i++) {
		struct part *p = &e->part[i];

		p->iocb = (struct iocb){
			.aio_data = i, .aio_fildes = (uint32_t)e->fd, .aio_offset = (int64_t)p->off,
			.aio_lio_opcode = lab_op_is_read(p->op->kind) ? IOCB_CMD_PREADV : IOCB_CMD_PWRITEV,
			.aio_buf = (uintptr_t)p->mem.iov, .aio_nbytes = p->op->nr_segs, .aio_rw_flags = rwf(p->op),
		};
		list[i] = &p->iocb;
	}
	for (i = 0; i < nr; ) {
		long n = syscall(SYS_io_submit, e->aio, (long)(nr - i), list + i);

		if (n > 0) {
			i += (unsigned int)n;
			queued += (unsigned int)n;
		} else {
			e->part[i++].res->ret = n ? -errno : -EIO;
		}
	}
	while (queued) {
		struct io_event events[LAB_OP_MAX_GROUP];
		long n = syscall(SYS_io_getevents, e->aio, 1L, (long)queued, events, NULL);

		if (n < 0 && errno != EINTR)
			return -errno;
		for (long k = 0; k < n; k++)
			e->part[events[k].data].res->ret = events[k].res;
		queued -= n > 0 ? (unsigned int)n : 0;
	}
	return 0;
}

static int start(struct exec *e, struct part *p)
{
	int rc = 0;

	p->off = p->op->off_bytes;
	if (p->op->kind == LAB_OP_APPEND)
		rc = size_of(e, &p->off);
	if (lab_op_at_position(p->op->kind))
		p->off = (uint64_t)lseek(e->fd, 0, SEEK_CUR);
	if (!rc)
		rc = kmem_make(&p->mem, p->op);
	if (!rc)
		kmem_set_faults(&p->mem, p->op);
	return rc;
}

static int finish(struct exec *e, struct part *p)
{
	uint64_t len = 0;

	kmem_result(&p->mem, p->op, p->res);
	for (unsigned int i = 0; i < p->op->nr_segs; i++)
		len += p->op->segs[i].len_bytes;
	return lab_op_is_read(p->op->kind) ? 0 : read_back(e, fd_of(e, p->op), p->off, len, p->res);
}

/* One operation that moves data, or a group. */
static int transfer(struct exec *e, const struct lab_op *op, unsigned int nr, struct lab_op_result *r)
{
	uint64_t size = 0;
	int rc = 0;

	memset(e->part, 0, nr * sizeof(*e->part));
	for (unsigned int i = 0; i < nr && !rc; i++) {
		e->part[i].op = &op[i];
		e->part[i].res = &r[i];
		rc = start(e, &e->part[i]);
	}
	if (!rc && op->flags & LAB_OPF_AIO)
		rc = submit_group(e, nr);
	else if (!rc)
		call(e, e->part);
	if (!rc)
		rc = size_of(e, &size);
	for (unsigned int i = 0; i < nr; i++) {
		r[i].size = size;
		if (!rc)
			rc = finish(e, &e->part[i]);
		kmem_free(&e->part[i].mem);
	}
	return rc;
}

/* ---- the rest ------------------------------------------------------------------------------------ */

static long long seek(int fd, uint64_t off, int whence)
{
	off_t at = lseek(fd, (off_t)off, whence);

	return at < 0 ? -errno : at;
}

static long long range(struct exec *e, const struct lab_op *op)
{
	int mode = op->flags & LAB_OPF_KEEP ? FALLOC_FL_KEEP_SIZE : 0;

	if (op->kind == LAB_OP_PUNCH)
		mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	if (op->kind == LAB_OP_ZERO)
		mode = FALLOC_FL_ZERO_RANGE;
	return fallocate(e->fd, mode, (off_t)op->off_bytes, (off_t)op->len_bytes) ? -errno : 0;
}

static int other(struct exec *e, const struct lab_op *op, struct lab_op_result *r)
{
	int rc;

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
	case LAB_OP_SEEK:
		r->ret = seek(e->fd, op->off_bytes, SEEK_SET);
		break;
	case LAB_OP_DATA:
		r->ret = seek(e->buffered_fd, op->off_bytes, SEEK_DATA);
		break;
	case LAB_OP_HOLE:
		r->ret = seek(e->buffered_fd, op->off_bytes, SEEK_HOLE);
		break;
	default:
		r->ret = range(e, op);
	}
	rc = size_of(e, &r->size);
	if (rc || !lab_op_is_range(op->kind))
		return rc;
	return read_back(e, e->fd, op->off_bytes,
			 op->len_bytes < LAB_OP_MAX_BYTES ? op->len_bytes : LAB_OP_MAX_BYTES, r);
}

/* ---- the stream ------------------------------------------------------------------------------------ */

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

/* The device instead of the file, of the size that the first operation says. enum lab_run_status. */
static int open_loop(struct exec *e, const struct opset *set, struct lab_op_result *r, char *why, size_t why_bytes)
{
	if (ftruncate(e->fd, (off_t)set->ops->off_bytes)) {
		snprintf(why, why_bytes, "line %d: a file of %llu bytes: %s", set->ops->line,
			 (unsigned long long)set->ops->off_bytes, strerror(errno));
		return LAB_RUN_USAGE;
	}
	if (kloop_attach(&e->loop, e->fd, why, why_bytes))
		return LAB_RUN_SKIP;
	close(e->fd);
	close(e->buffered_fd);
	e->fd = e->loop.fd;
	e->buffered_fd = open(e->loop.name, O_RDWR | O_CLOEXEC);
	if (e->buffered_fd < 0 || ioctl(e->fd, BLKGETSIZE64, &e->capacity)) {
		snprintf(why, why_bytes, "%s: %s", e->loop.name, strerror(errno));
		return LAB_RUN_BROKEN;
	}
	e->device = true;
	*r = (struct lab_op_result){ .size = e->capacity };
	return LAB_RUN_OK;
}

static int open_all(struct exec *e, const struct opset *set, const char *path, enum lab_path kind,
		    struct lab_op_result *r, char *why, size_t why_bytes)
{
	memset(e, 0, sizeof(*e));
	e->fd = -1;
	e->buffered_fd = e->loop.fd = -1;
	if (kind == LAB_PATH_LOOP && set->ops->kind != LAB_OP_SIZE) {	/* said before the file loses what it holds */
		snprintf(why, why_bytes, "line %d: for a loop device a stream begins with 'size N', its capacity",
			 set->ops->line);
		return LAB_RUN_USAGE;
	}
	e->fd = open_target(path, why, why_bytes);
	if (e->fd < 0)
		return LAB_RUN_USAGE;
	e->buffered_fd = open(path, O_RDWR | O_CLOEXEC);
	if (e->buffered_fd < 0) {
		snprintf(why, why_bytes, "--disk %s: cannot open it a second time (%s)", path, strerror(errno));
		return LAB_RUN_USAGE;
	}
	e->back = mmap(NULL, LAB_OP_MAX_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (e->back == MAP_FAILED || ftruncate(e->fd, 0)) {
		snprintf(why, why_bytes, "%s: %s", path, strerror(errno));
		return LAB_RUN_BROKEN;
	}
	if (syscall(SYS_io_setup, LAB_OP_MAX_GROUP, &e->aio)) {
		snprintf(why, why_bytes, "this kernel gives no AIO (%s)", strerror(errno));
		return LAB_RUN_SKIP;
	}
	return kind == LAB_PATH_LOOP ? open_loop(e, set, r, why, why_bytes) : LAB_RUN_OK;
}

static void close_all(struct exec *e)
{
	if (e->aio)
		syscall(SYS_io_destroy, e->aio);
	if (e->back && e->back != MAP_FAILED)
		munmap(e->back, LAB_OP_MAX_BYTES);
	if (e->buffered_fd >= 0)
		close(e->buffered_fd);
	if (e->loop.fd >= 0)
		kloop_detach(&e->loop);
	else if (e->fd >= 0)
		close(e->fd);
}

int opskernel_run(const struct opset *set, const char *path, enum lab_path kind, struct lab_op_result *results,
		  char *why, size_t why_bytes)
{
	static struct exec e;
	int status = open_all(&e, set, path, kind, results, why, why_bytes), rc;
	unsigned int nr;

	for (unsigned int i = e.device; status == LAB_RUN_OK && i < set->nr; i += nr) {
		const struct lab_op *op = &set->ops[i];

		nr = lab_op_group(op, set->nr - i);
		memset(&results[i], 0, nr * sizeof(*results));
		rc = lab_op_moves_data(op->kind) ? transfer(&e, op, nr, &results[i]) : other(&e, op, &results[i]);
		if (rc)
			snprintf(why, why_bytes, "%s: operation %u (line %d): %s", path, i, op->line, strerror(-rc));
		if (rc)
			status = LAB_RUN_BROKEN;
	}
	close_all(&e);
	return status;
}
