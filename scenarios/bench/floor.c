// SPDX-License-Identifier: GPL-2.0-only
/*
 * floor.c FILE BYTES IOS - the least that a random read of 4 KiB costs here: io_uring and nothing else.
 *
 * What `make bench` holds the designs' CPU time on a real file against. All that makes io_uring cheap is used: one ring of
 * one thread (SINGLE_ISSUER, DEFER_TASKRUN), ring, file and memory registered, 32 reads in flight, and a call that submits
 * and waits for half of them. What it reads is not looked at, beyond that each read is whole.
 *
 * Prints the process's CPU time per IO in ns, user and system, taken as `diolab run` takes it: set-up is left out.
 */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DEPTH		32u
#define BLOCK_BYTES	4096u
#define MAX_IOS		1000000000ull
#define MAX_BYTES	(1ull << 50)

struct floor {
	struct io_uring ring;
	char *memory;
	unsigned int idle[DEPTH], nr_idle;	/* blocks of memory that nobody reads into */
	uint64_t nr_blocks;			/* of the file */
	uint64_t rand;
};

static void die(const char *what, int err)
{
	fprintf(stderr, "floor: %s: %s\n", what, strerror(err));
	exit(1);
}

static uint64_t number(const char *word, uint64_t min, uint64_t max)
{
	char *end;
	unsigned long long n = strtoull(word, &end, 10);

	if (*word < '0' || *word > '9' || *end || n < min || n > max) {
		fprintf(stderr, "floor: %s: a number from %llu to %llu; usage: floor FILE BYTES IOS\n", word,
			(unsigned long long)min, (unsigned long long)max);
		exit(2);
	}
	return n;
}

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* xorshift64: what a generator of offsets costs at the least */
static uint64_t next_block(struct floor *f)
{
	f->rand ^= f->rand << 13;
	f->rand ^= f->rand >> 7;
	f->rand ^= f->rand << 17;
	return (uint64_t)((unsigned __int128)f->rand * f->nr_blocks >> 64);
}

static void open_all(struct floor *f, const char *path)
{
	struct io_uring_params p = {
		.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_COOP_TASKRUN,
	};
	int fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC), err;
	struct iovec iov;
	unsigned int i;

	if (fd < 0)
		die(path, errno);
	f->memory = aligned_alloc(BLOCK_BYTES, DEPTH * BLOCK_BYTES);
	if (!f->memory)
		die("memory", ENOMEM);
	memset(f->memory, 0, DEPTH * BLOCK_BYTES);
	iov = (struct iovec) { f->memory, DEPTH * BLOCK_BYTES };
	err = io_uring_queue_init_params(DEPTH, &f->ring, &p);
	if (!err)
		err = io_uring_register_files(&f->ring, &fd, 1);
	if (!err)
		err = io_uring_register_buffers(&f->ring, &iov, 1);
	if (!err)
		err = io_uring_register_ring_fd(&f->ring) == 1 ? 0 : -EINVAL;
	if (err)
		die("io_uring", -err);
	for (i = 0; i < DEPTH; i++)
		f->idle[f->nr_idle++] = i;
}

static void queue_one(struct floor *f)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&f->ring);
	unsigned int i = f->idle[--f->nr_idle];

	io_uring_prep_read_fixed(sqe, 0, f->memory + (size_t)i * BLOCK_BYTES, BLOCK_BYTES, next_block(f) * BLOCK_BYTES, 0);
	sqe->flags |= IOSQE_FIXED_FILE;
	io_uring_sqe_set_data64(sqe, i);
}

static unsigned int reap(struct floor *f)
{
	struct io_uring_cqe *cqe;
	unsigned int head, nr = 0;

	io_uring_for_each_cqe(&f->ring, head, cqe) {
		if (cqe->res != (int)BLOCK_BYTES)
			die("a read", cqe->res < 0 ? -cqe->res : EIO);
		f->idle[f->nr_idle++] = (unsigned int)cqe->user_data;
		nr++;
	}
	io_uring_cq_advance(&f->ring, nr);
	return nr;
}

int main(int argc, char **argv)
{
	struct floor f = { .rand = 2013 };
	uint64_t ios, left, start_ns;
	unsigned int inflight = 0;

	if (argc != 4) {
		fprintf(stderr, "usage: floor FILE BYTES IOS\n");
		return 2;
	}
	f.nr_blocks = number(argv[2], BLOCK_BYTES, MAX_BYTES) / BLOCK_BYTES;
	left = ios = number(argv[3], 1, MAX_IOS);
	open_all(&f, argv[1]);
	start_ns = cpu_ns();
	while (left || inflight) {
		int ret;

		for (; left && f.nr_idle; left--, inflight++)
			queue_one(&f);
		ret = io_uring_submit_and_wait(&f.ring, inflight > DEPTH / 2 ? DEPTH / 2 : inflight);
		if (ret < 0 && ret != -EINTR)
			die("io_uring_enter", -ret);
		inflight -= reap(&f);
	}
	printf("%.1f\n", (double)(cpu_ns() - start_ns) / (double)ios);
	return 0;
}
