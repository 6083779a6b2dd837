// SPDX-License-Identifier: GPL-2.0-only
/*
 * ring.c - tests of transfers on a real file with O_DIRECT: data, order, limits, system calls, and
 * life with little lockable memory.
 */
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>
#include "host_test.h"

#define DISK_BYTES	(8u << 20)
#define RAM_BYTES	(8u << 20)
#define BLOCK		4096u

static struct host_disk *disk;
static unsigned int wrong;		/* what a task found amiss; checked after the run */
static char *ram;

#define expect_in_task(cond)								\
	do {										\
		if (!(cond)) {								\
			wrong++;							\
			host_puts(__FILE__ ": expected in a task: " #cond);		\
		}									\
	} while (0)

/* Wait for all that is in flight; returns the first result of the completion with @cookie. */
static int drain(const void *cookie)
{
	int res = -EIO;

	while (host_ring_inflight()) {
		struct host_cqe cqe;

		host_park(0, 1);
		while (host_ring_reap(&cqe, 1)) {
			if (cqe.cookie == cookie)
				res = cqe.res;
			if (host_engine() == HOST_DET)
				break;
		}
	}
	return res;
}

static int rw(enum host_op op, unsigned int flags, void *p, size_t bytes, host_u64 off)
{
	struct host_iovec v = { p, bytes };
	int err = host_ring_rw(disk, op, flags, &v, 1, off, p);

	return err ? err : drain(p);
}

static void pattern(char *p, size_t bytes, unsigned int seed)
{
	size_t i;

	for (i = 0; i < bytes; i++)
		p[i] = (char)(i * 7 + i / 251 + seed);
}

/* Run fn as a first task on each engine, against a fresh disk. */
static void on_each_engine(void (*fn)(void *arg))
{
	enum host_engine e;

	for_each_engine(e) {
		disk = disk_for_test(DISK_BYTES);
		wrong = 0;
		lab_expect_eq(run_bare(e, 1, fn, NULL), HOST_RUN_DONE);
		host_disk_close(disk);
		lab_expect_eq(wrong, 0);
	}
}

/* --- data ------------------------------------------------------------------------------------- */

static void round_trip(void *arg)
{
	char *foreign = aligned_alloc(BLOCK, 4 * BLOCK);
	struct host_iovec v[3];

	ram = host_ram_create(RAM_BYTES);
	expect_in_task(ram && foreign);
	pattern(ram, 8 * BLOCK, 1);
	expect_in_task(rw(HOST_OP_WRITE, 0, ram, 8 * BLOCK, 0) == 8 * BLOCK);

	/* Into RAM, into memory that is not RAM, and scattered over both. */
	memset(ram + RAM_BYTES / 2, 0xa5, 8 * BLOCK);
	expect_in_task(rw(HOST_OP_READ, 0, ram + RAM_BYTES / 2, 8 * BLOCK, 0) == 8 * BLOCK);
	expect_in_task(!memcmp(ram, ram + RAM_BYTES / 2, 8 * BLOCK));
	memset(foreign, 0xa5, 4 * BLOCK);
	expect_in_task(rw(HOST_OP_READ, 0, foreign, 3 * BLOCK, 2 * BLOCK) == 3 * BLOCK);
	expect_in_task(!memcmp(ram + 2 * BLOCK, foreign, 3 * BLOCK));
	expect_in_task((unsigned char)foreign[3 * BLOCK] == 0xa5);

	v[0] = (struct host_iovec){ ram + (1 << 20), BLOCK };
	v[1] = (struct host_iovec){ foreign, 2 * BLOCK };
	v[2] = (struct host_iovec){ ram + (2 << 20), 512 };
	memset(foreign, 0, 4 * BLOCK);
	expect_in_task(!host_ring_rw(disk, HOST_OP_READ, 0, v, 3, BLOCK, v));
	expect_in_task(drain(v) == 3 * BLOCK + 512);
	expect_in_task(!memcmp(ram + BLOCK, ram + (1 << 20), BLOCK));
	expect_in_task(!memcmp(ram + 2 * BLOCK, foreign, 2 * BLOCK));
	expect_in_task(!memcmp(ram + 4 * BLOCK, ram + (2 << 20), 512));

	/* Across a border of registered chunks, whatever their size: the middle of RAM is one. */
	pattern(ram + RAM_BYTES / 2 - BLOCK, 2 * BLOCK, 9);
	expect_in_task(rw(HOST_OP_WRITE, HOST_RW_DSYNC, ram + RAM_BYTES / 2 - BLOCK, 2 * BLOCK, 0) ==
		       2 * BLOCK);
	expect_in_task(rw(HOST_OP_READ, 0, foreign, 2 * BLOCK, 0) == 2 * BLOCK);
	expect_in_task(!memcmp(ram + RAM_BYTES / 2 - BLOCK, foreign, 2 * BLOCK));
	host_ram_destroy();
	free(foreign);
}

LAB_TEST_BARE(host_ring, data_round_trip)
{
	on_each_engine(round_trip);
}

static void control(void *arg)
{
	static const char zeros[BLOCK];
	int res;

	ram = host_ram_create(RAM_BYTES);
	pattern(ram, 4 * BLOCK, 3);
	expect_in_task(rw(HOST_OP_WRITE, 0, ram, 4 * BLOCK, 0) == 4 * BLOCK);
	expect_in_task(!host_ring_ctl(disk, HOST_OP_FLUSH, 0, 0, &disk));
	expect_in_task(drain(&disk) == 0);
	expect_in_task(!host_ring_ctl(disk, HOST_OP_PUNCH, BLOCK, BLOCK, &disk));
	res = drain(&disk);
	expect_in_task(res == 0 || res == -EOPNOTSUPP);
	if (!res) {
		expect_in_task(rw(HOST_OP_READ, 0, ram + (1 << 20), 4 * BLOCK, 0) == 4 * BLOCK);
		expect_in_task(!memcmp(ram + (1 << 20), ram, BLOCK));
		expect_in_task(!memcmp(ram + (1 << 20) + BLOCK, zeros, BLOCK));
		expect_in_task(!memcmp(ram + (1 << 20) + 2 * BLOCK, ram + 2 * BLOCK, 2 * BLOCK));
	}
	expect_in_task(!host_ring_ctl(disk, HOST_OP_ZERO, 0, BLOCK, &disk));
	res = drain(&disk);
	expect_in_task(res == 0 || res == -EOPNOTSUPP);
	if (!res) {
		expect_in_task(rw(HOST_OP_READ, 0, ram + (1 << 20), BLOCK, 0) == BLOCK);
		expect_in_task(!memcmp(ram + (1 << 20), zeros, BLOCK));
	}
	host_ram_destroy();
}

LAB_TEST_BARE(host_ring, flush_punch_zero)
{
	on_each_engine(control);
}

static void second_ram(void *arg)
{
	unsigned int i;

	/* The ring outlives the RAM it has registered: nothing of the old one may be used for the new. */
	for (i = 0; i < 3; i++) {
		ram = host_ram_create(RAM_BYTES);
		pattern(ram, BLOCK, i);
		expect_in_task(rw(HOST_OP_WRITE, 0, ram, BLOCK, 0) == BLOCK);
		expect_in_task(rw(HOST_OP_READ, 0, ram + BLOCK, BLOCK, 0) == BLOCK);
		expect_in_task(!memcmp(ram, ram + BLOCK, BLOCK));
		host_ram_destroy();
	}
}

LAB_TEST_BARE(host_ring, ram_may_be_replaced)
{
	on_each_engine(second_ram);
}

static void second_disk(void *arg)
{
	struct host_disk *first = disk;

	/* The same place in the table of registered files, another file: the ring must notice. */
	ram = host_ram_create(RAM_BYTES);
	pattern(ram, BLOCK, 1);
	pattern(ram + BLOCK, BLOCK, 2);
	disk = arg;
	expect_in_task(rw(HOST_OP_WRITE, 0, ram, BLOCK, 0) == BLOCK);
	host_disk_close(disk);
	disk = disk_for_test(DISK_BYTES);
	expect_in_task(rw(HOST_OP_WRITE, 0, ram + BLOCK, BLOCK, 0) == BLOCK);
	expect_in_task(rw(HOST_OP_READ, 0, ram + 2 * BLOCK, BLOCK, 0) == BLOCK);
	expect_in_task(!memcmp(ram + BLOCK, ram + 2 * BLOCK, BLOCK));
	host_disk_close(disk);
	disk = first;
	host_ram_destroy();
}

LAB_TEST_BARE(host_ring, disk_may_be_replaced)
{
	enum host_engine e;

	for_each_engine(e) {
		wrong = 0;
		lab_expect_eq(run_bare(e, 1, second_disk, disk_for_test(DISK_BYTES)), HOST_RUN_DONE);
		lab_expect_eq(wrong, 0);
	}
}

/* --- arguments and limits --------------------------------------------------------------------- */

static void refuse(void *arg)
{
	static struct host_iovec many[HOST_IOV_MAX + 1];
	struct host_iovec v;
	unsigned int i;

	ram = host_ram_create(RAM_BYTES);
	v = (struct host_iovec){ ram, BLOCK };
	expect_in_task(host_ring_rw(disk, HOST_OP_READ, 0, &v, 0, 0, &v) == -EINVAL);
	expect_in_task(host_ring_rw(disk, HOST_OP_FLUSH, 0, &v, 1, 0, &v) == -EINVAL);
	expect_in_task(host_ring_ctl(disk, HOST_OP_READ, 0, 0, &v) == -EINVAL);
	for (i = 0; i <= HOST_IOV_MAX; i++)
		many[i] = (struct host_iovec){ ram + i * BLOCK, 512 };
	expect_in_task(host_ring_rw(disk, HOST_OP_READ, 0, many, HOST_IOV_MAX + 1, 0, &v) == -EINVAL);
	expect_in_task(host_ring_inflight() == 0);
	expect_in_task(host_ring_rw(disk, HOST_OP_READ, 0, many, HOST_IOV_MAX, 0, &v) == 0);
	expect_in_task(drain(&v) == 512 * HOST_IOV_MAX);
	/* The disk's answers come as results: nothing at the end, what there is across it. */
	expect_in_task(rw(HOST_OP_READ, 0, ram, BLOCK, DISK_BYTES) == 0);
	expect_in_task(rw(HOST_OP_READ, 0, ram, 2 * BLOCK, DISK_BYTES - BLOCK) == BLOCK);
	host_ram_destroy();
}

LAB_TEST_BARE(host_ring, arguments_and_ends)
{
	on_each_engine(refuse);
}

static unsigned int queued_most;

static void fill_ring(void *arg)
{
	struct host_iovec v;
	unsigned int n = 0;

	ram = host_ram_create(RAM_BYTES);
	v = (struct host_iovec){ ram, 512 };
	while (!host_ring_rw(disk, HOST_OP_READ, 0, &v, 1, 0, &v))
		n++;
	expect_in_task(host_ring_inflight() == n);
	expect_in_task(host_ring_rw(disk, HOST_OP_READ, 0, &v, 1, 0, &v) == -EAGAIN);
	expect_in_task(drain(&v) == 512);
	expect_in_task(host_ring_rw(disk, HOST_OP_READ, 0, &v, 1, 0, &v) == 0);
	expect_in_task(drain(&v) == 512);
	queued_most = n;
	host_ram_destroy();
}

LAB_TEST_BARE(host_ring, inflight_is_a_limit)
{
	on_each_engine(fill_ring);
	lab_expect(queued_most == HOST_RING_MAX_INFLIGHT || queued_most == 256);
}

/* --- order and wake-ups ----------------------------------------------------------------------- */

#define NR_ORDER	24

static unsigned char seen[NR_ORDER];

static void completion_order(void *arg)
{
	static char cookies[NR_ORDER];
	struct host_iovec v;
	struct host_cqe cqe;
	unsigned int i;

	ram = host_ram_create(RAM_BYTES);
	for (i = 0; i < NR_ORDER; i++) {
		v = (struct host_iovec){ ram + i * BLOCK, BLOCK };
		expect_in_task(!host_ring_rw(disk, HOST_OP_READ, 0, &v, 1, i * BLOCK, &cookies[i]));
	}
	for (i = 0; i < NR_ORDER; i++) {
		expect_in_task(host_park(0, 1) == HOST_WAKE_IO);
		expect_in_task(host_ring_reap(&cqe, 1) == 1);
		seen[i] = (unsigned char)((char *)cqe.cookie - cookies);
	}
	host_ram_destroy();
}

LAB_TEST_BARE(host_ring, det_seed_orders_completions)
{
	unsigned char first[NR_ORDER];
	unsigned int seed, differ = 0;

	if (!host_engine_built(HOST_DET))
		lab_test_skip("this build has no det engine");
	disk = disk_for_test(DISK_BYTES);
	wrong = 0;
	for (seed = 0; seed < 8; seed++) {
		run_bare(HOST_DET, seed, completion_order, NULL);
		memcpy(first, seen, sizeof(seen));
		memset(seen, 0xff, sizeof(seen));
		run_bare(HOST_DET, seed, completion_order, NULL);
		lab_expect_eq(memcmp(first, seen, sizeof(seen)), 0);
		run_bare(HOST_DET, seed + 1, completion_order, NULL);
		differ += memcmp(first, seen, sizeof(seen)) != 0;
	}
	host_disk_close(disk);
	lab_expect_eq(wrong, 0);
	lab_expect_eq(differ, 8);
}

static struct host_task *reader;
static unsigned int tokens, reads;
static int reader_ends;

static void wake_reader(void *arg)
{
	while (!__atomic_load_n(&reader_ends, __ATOMIC_SEQ_CST)) {
		host_unpark(reader);
		host_sched_point();
	}
}

static void read_beside_a_waker(void *arg)
{
	struct host_task *t;
	struct host_iovec v;
	struct host_cqe cqe;
	unsigned int i;

	ram = host_ram_create(RAM_BYTES);
	reader = host_task_self();
	reads = 0;
	tokens = 0;
	reader_ends = 0;
	t = host_task_create("waker", wake_reader, NULL, NULL);
	/* Ends only when both have come often enough. */
	for (i = 0; reads < 200 || tokens < 20;) {
		while (host_ring_inflight() < 4) {
			v = (struct host_iovec){ ram + i % 4 * BLOCK, BLOCK };
			expect_in_task(!host_ring_rw(disk, HOST_OP_READ, 0, &v, 1,
						     i * BLOCK % DISK_BYTES, &v));
			i++;
		}
		if (host_park(0, 4) == HOST_WAKE_TOKEN) {
			tokens++;
			/*
			 * The token goes first: a task that never looks at its completions would be
			 * its own fault.
			 */
			if (host_engine() == HOST_DET)
				continue;
		}
		while (host_ring_reap(&cqe, 1)) {
			expect_in_task(cqe.res == BLOCK);
			reads++;
			if (host_engine() == HOST_DET)
				break;
		}
	}
	__atomic_store_n(&reader_ends, 1, __ATOMIC_SEQ_CST);
	drain(&v);
	host_task_join(t);
	host_ram_destroy();
}

LAB_TEST_BARE(host_ring, tokens_and_completions_do_not_starve_each_other)
{
	on_each_engine(read_beside_a_waker);
	lab_expect_ge(reads, 200);
	lab_expect_ge(tokens, 20);
}

#define NR_ABANDONED	32

static void abandon_writes(void *arg)
{
	struct host_iovec v;
	unsigned int i;

	pattern(ram, NR_ABANDONED * BLOCK, 77);
	for (i = 0; i < NR_ABANDONED; i++) {
		v = (struct host_iovec){ ram + i * BLOCK, BLOCK };
		expect_in_task(!host_ring_rw(disk, HOST_OP_WRITE, 0, &v, 1, i * BLOCK, &v));
	}
	host_ring_kick();
	/* Never submitted: must not be waited for. */
	expect_in_task(!host_ring_rw(disk, HOST_OP_READ, 0, &v, 1, 0, &v));
	host_run_abort();
}

static void read_abandoned(void *arg)
{
	char *copy = ram + NR_ABANDONED * BLOCK;

	expect_in_task(rw(HOST_OP_READ, 0, copy, NR_ABANDONED * BLOCK, 0) == NR_ABANDONED * BLOCK);
	expect_in_task(!memcmp(ram, copy, NR_ABANDONED * BLOCK));
}

LAB_TEST_BARE(host_ring, abandoned_writes_have_landed)
{
	if (!host_engine_built(HOST_DET))
		lab_test_skip("this build has no det engine");
	disk = disk_for_test(DISK_BYTES);
	wrong = 0;
	ram = host_ram_create(RAM_BYTES);
	lab_expect(ram);
	lab_expect_eq(run_bare(HOST_DET, 1, abandon_writes, NULL), HOST_RUN_ABORTED);
	lab_expect_eq(run_bare(HOST_DET, 1, read_abandoned, NULL), HOST_RUN_DONE);
	lab_expect_eq(wrong, 0);
	host_ram_destroy();
	host_disk_close(disk);
}

/* --- system calls ----------------------------------------------------------------------------- */

#define DEPTH		32
#define NR_IOS		(DEPTH * 64)

static host_u64 enters;

static void read_at_depth(void *arg)
{
	struct host_cqe cqe[DEPTH];
	unsigned int started = 0, done = 0, n;
	struct host_iovec v;
	host_u64 before;

	ram = host_ram_create(RAM_BYTES);
	expect_in_task(host_ring() != NULL);
	before = host_ring_enters();
	while (done < NR_IOS) {
		while (started < NR_IOS && started - done < DEPTH) {
			v = (struct host_iovec){ ram + started % DEPTH * BLOCK, BLOCK };
			expect_in_task(!host_ring_rw(disk, HOST_OP_READ, 0, &v, 1,
						     started * BLOCK % DISK_BYTES, &v));
			started++;
		}
		expect_in_task(host_park(0, DEPTH / 2) == HOST_WAKE_IO);
		while ((n = host_ring_reap(cqe, DEPTH)))
			done += n;
	}
	enters = host_ring_enters() - before;
	host_ram_destroy();
}

static void sleep_once(void *arg)
{
	host_park(0, 1);
}

static void read_beside_a_sleeper(void *arg)
{
	struct host_task *t = host_task_create("sleeper", sleep_once, NULL, NULL);

	/* The first transfers may see it awake still; it is asleep long before the end. */
	read_at_depth(NULL);
	host_unpark(t);
	host_task_join(t);
}

LAB_TEST_BARE(host_ring, few_system_calls_at_depth_32)
{
	disk = disk_for_test(DISK_BYTES);
	wrong = 0;
	run_bare(HOST_THR, 1, read_at_depth, NULL);
	lab_expect_eq(wrong, 0);
	lab_expect_lt(enters * 10, NR_IOS);
	run_bare(HOST_THR, 1, read_beside_a_sleeper, NULL);
	lab_expect_eq(wrong, 0);
	lab_expect_lt(enters * 5, NR_IOS);
	host_disk_close(disk);
}

/* --- little lockable memory ------------------------------------------------------------------- */

static void unprivileged(void *arg)
{
	struct rlimit lim = { 1 << 20, 1 << 20 };
	unsigned int i;

	setrlimit(RLIMIT_MEMLOCK, &lim);
	if (!geteuid() && setuid(65534))
		host_exit(77);
	wrong = 0;
	for (i = 0; i < 2; i++)
		run_bare(HOST_THR, 1, round_trip, NULL);
	host_exit(wrong ? 1 : 0);
}

LAB_TEST_BARE(host_ring, works_with_little_lockable_memory)
{
	disk = disk_for_test(DISK_BYTES);
	lab_expect_eq(lab_test_fork(unprivileged, NULL), 0);
	/* Said once a process, and the child is a copy: under a real limit this one may have said it before. */
	lab_expect(geteuid() || lab_test_fork_said("RLIMIT_MEMLOCK is 1024 KiB"));
	host_disk_close(disk);
}
