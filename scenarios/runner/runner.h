/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * runner.h - private to scenarios/runner/.
 *
 *	run.c		lab_run(): the world, groups of jobs, what came of them
 *	check.c		what is refused before it
 *	room.c		the target of one run: disk, filters, fs, inode, design, loop; room-why.c: what it says
 *	straight.c	the image itself, past the design: lay out, read back, audit
 *	stream.c	which IO comes next: depends on the job and its seed, on nothing else
 *	gen.c		a queue of IOs in flight: fill, wait, reap
 *	source.c	where payload lives: user memory, or kernel pages in ready bios
 *	verify.c	what every sector must contain
 *	measure.c	counters, CPU time, latencies
 *	ops.c		lab_ops_run(): one operation after the other; ops-mem.c: their memory
 *	ops-ref.c	lab_ops_reference(): the same through the byte array
 *	payload.c, tables.c
 */
#ifndef LAB_RUNNER_H
#define LAB_RUNNER_H

#include <linux/types.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/completion.h>
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/sched.h>
#include <kc/probe.h>
#include <kc/umem.h>
#include <lab/fs.h>
#include <lab/disk.h>
#include "design.h"
#include "lab_run.h"

#define RUN_WORLD_BASE_BYTES	(32ull << 20)	/* RAM of a run beside the buffers of its IOs */
#define RUN_MAX_BUFFER_BYTES	(384ull << 20)	/* of all IOs of a group together */
#define RUN_MAX_CLONES		128		/* generators of a group: leaves room for the workers of all devices and files */
#define RUN_CHUNK_BYTES		(1u << 20)	/* of the straight path and of reading back */
#define RUN_VERIFY_MAX_BYTES	(64ull << 30)	/* of a file that is verified: 4 bytes a sector */
#define RUN_STALE_MAX_BYTES	(256ull << 20)	/* of a device's beginning filled with RUN_STALE_BYTE */
#define RUN_STALE_BYTE		0xee		/* what lies in blocks nobody wrote through the file */
#define RUN_TEMP_BYTES		(64ull << 20)	/* least size of a temporary disk whose size nobody named */
#define RUN_MAX_ALIGN_BYTES	(1u << 20)	/* iomem_align */
#define RUN_LEVEL_BYTES		(256u << 10)	/* by which a file is larger than the one on the loop device on it */
#define RUN_PROGRESS_NS		100000000ull
#define RUN_SMALL_IO_BYTES	16384u		/* up to here waiting for half the queue wins */

/* ---- verify.c ------------------------------------------------------------------------ */

#define VMAP_SECTOR_BYTES	512u
#define VMAP_ZERO		0u		/* never written: reads as zeros */
#define VMAP_UNKNOWN		(~0u)		/* not checked: a write failed here, or nobody laid it out */

/* A range that an IO in flight covers: two that overlap are not in flight together unless both read. */
struct vmap_claim {
	struct list_head node;
	u64 pos, len_bytes;
	bool write;
};

/**
 * struct vmap - what the file must contain: a generation per sector
 * @gen: of each sector; its bytes follow from (seed, sector, generation)
 * @last: newest generation; every write takes a new one
 * @lock: protects @claims and @last
 * @released: woken when a claim ends
 */
struct vmap {
	u64 bytes, seed;
	u32 *gen;
	u32 last;
	spinlock_t lock;
	struct list_head claims;
	wait_queue_head_t released;
};

/* Where found and expected first differ. */
struct vmap_diff {
	u64 pos;
	u8 found, expected;
	u32 gen;			/* expected generation */
	const char *hint;		/* what the sector holds instead, if that is known */
};

struct vmap *vmap_create(u64 bytes, u64 seed);
bool vmap_claim(struct vmap *map, struct vmap_claim *c, u64 pos, u64 len_bytes, bool write);
void vmap_release(struct vmap *map, struct vmap_claim *c);
u32 vmap_new_gen(struct vmap *map);
void vmap_set(struct vmap *map, u64 pos, u64 len_bytes, u32 gen);
void vmap_fill(const struct vmap *map, u64 pos, void *dst, size_t len_bytes);
bool vmap_check(const struct vmap *map, u64 pos, const void *have, size_t len_bytes, struct vmap_diff *diff);

/* ---- room.c -------------------------------------------------------------------------- */

/**
 * struct room_level - a filesystem, one file, and with --path loop a loop device on it
 * @file: the design's handle of the file
 */
struct room_level {
	struct lab_fs *fs;
	struct inode *inode;
	struct lab_file *file;
	struct lab_loop *loop;
};

/**
 * struct room - one run's target, and its verdict
 * @stack: [0] the device at the bottom, [nr_stack - 1] what the fs stands on
 * @level: [0] on @stack, [i] on the loop device of [i - 1]; the jobs drive what is on the last one
 * @inode, @file: of the last level
 * @bdev_file: the design's handle of the last loop device; @io: the one that is driven
 * @loop_bdev: that device; NULL with --path file
 * @file_bytes: size of the last level's file at the start
 * @map: NULL: nothing is verified
 * @chunk: RUN_CHUNK_BYTES of pages for the straight path
 * @host_disk, @info: opened before the world, closed after it
 */
struct room {
	const struct lab_run_spec *spec;
	struct lab_run_result *out;
	const struct design *design;
	struct lab_knobs knobs;
	enum lab_run_status status;
	unsigned int nr_complaints;

	struct host_disk *host_disk;
	struct host_disk_info info;
	struct block_device *stack[LAB_MAX_STACK + 1];
	unsigned int nr_stack;
	struct room_level level[LAB_MAX_LOOPS];
	unsigned int nr_levels;
	struct inode *inode;
	bool design_up;
	struct lab_file *file, *bdev_file, *io;
	struct block_device *loop_bdev;
	u64 file_bytes;
	struct vmap *map;
	struct page *chunk;

	/* ops.c */
	const struct lab_op *ops;
	u32 nr_ops;
	struct lab_op_result *op_results;
};

bool room_prepare(struct room *r);		/* before the world: design, engine, host disk */
void room_finish(struct room *r);		/* after it */
struct lab_limits room_limits(const struct lab_target *t);
bool room_open(struct room *r, u64 file_bytes, bool stale);
bool room_check_buffered(struct room *r);
int room_settle(struct room *r);
bool room_open_device(struct room *r);
void room_close(struct room *r);
bool room_run(struct room *r, u64 ram_bytes, void (*fn)(void *arg));
const struct design *lab_design_find(const char *name);	/* tables.c */

/* ---- room-why.c ---------------------------------------------------------------------- */

/* Set status and the one line of why; the first one stays. */
void room_fail(struct room *r, enum lab_run_status status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
#define room_usage(r, ...)	room_fail(r, LAB_RUN_USAGE, __VA_ARGS__)
#define room_broken(r, ...)	room_fail(r, LAB_RUN_BROKEN, __VA_ARGS__)
void room_complain(struct room *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
const char *run_errname(int err);

/* ---- check.c ------------------------------------------------------------------------- */

static inline bool job_verified(const struct lab_run_spec *s, const struct lab_job *job)
{
	return s->verify || job->verify;
}

static inline bool any_verified(const struct lab_run_spec *s)
{
	u32 i;

	for (i = 0; i < s->nr_jobs; i++)
		if (job_verified(s, &s->jobs[i]))
			return true;
	return false;
}

/* Jobs first … first + n - 1 run together; returns n. */
static inline u32 group_size(const struct lab_run_spec *s, u32 first)
{
	u32 n = 1;

	while (first + n < s->nr_jobs && !s->jobs[first + n].stonewall)
		n++;
	return n;
}

struct lab_knobs room_knobs(const struct lab_run_spec *spec);
u64 check_jobs(struct room *r, u64 *ram_bytes);
bool check_spec(struct room *r, u64 file_bytes);
bool check_target(struct room *r, u64 file_bytes);

/* ---- straight.c ---------------------------------------------------------------------- */

bool straight_stale(struct room *r);
bool straight_lay_out(struct room *r, u64 pos, u64 len_bytes);
int straight_read(struct room *r, u64 pos, void *dst, size_t len_bytes);
u64 straight_audit(struct room *r, const char *who, u64 pos, u64 len_bytes);
u64 straight_read_back(struct room *r, const char *who, u64 pos, u64 len_bytes);

/* ---- stream.c ------------------------------------------------------------------------ */

struct stream_op {
	enum lab_rw rw;
	u32 len_bytes;
	u64 pos;
};

/**
 * struct stream - the IOs of one clone of a job, one after the other
 * @rng_off, @rng_mix, @rng_bs: separate, so that a change of the mix moves no offset
 * @next: sequential: next position of each direction, as fio has it
 * @walk: a permutation of all blocks, when there is one block size: each block once a pass
 */
struct stream {
	const struct lab_job *job;
	u64 rng_off, rng_mix, rng_bs;
	u64 next[2];
	u64 bytes_left, ios_left;
	bool permuted;
	struct {
		u64 nr, mask, state, mult, add, given;
		unsigned int shift;
	} walk;
};

void stream_init(struct stream *s, const struct lab_job *job, unsigned int clone, u64 max_ios);
bool stream_next(struct stream *s, struct stream_op *op);
u32 stream_max_bytes(const struct lab_job *job);
u64 lab_mix64(u64 x);

/* ---- measure.c ----------------------------------------------------------------------- */

#define HIST_GROUPS		64	/* powers of two */
#define HIST_SUB_BITS		4	/* 16 steps in each: 6 % */
struct hist {
	u64 n[HIST_GROUPS << HIST_SUB_BITS];
	u64 count, max;
};

void hist_add(struct hist *h, u64 ns);
void hist_merge(struct hist *into, const struct hist *from);
void hist_read(const struct hist *h, struct lab_lat *out);

struct gen;
void measure_begin(struct gen *g);
void measure_in_flight(struct gen *g);
void measure_end(struct gen *g);
void measure_job(struct lab_job_result *res, const struct gen *gens, unsigned int nr);
void measure_others(struct lab_job_result *res, const struct gen *gens, unsigned int nr, u64 process_cpu_ns);

/* ---- source.c, gen.c ----------------------------------------------------------------- */

/**
 * struct slot - one IO that may be in flight
 * @io: what the design gets (user memory); @bio, @vecs: what the loop device gets (pinned)
 * @next: list of completed slots of the generator's own task; @remote: of those completed elsewhere
 * @base: address of the buffer: the user's, or unused
 */
struct slot {
	struct lab_io io;
	struct lab_iovec iov;
	struct gen *gen;
	struct slot *next;
	struct llist_node remote;
	struct stream_op op;
	ssize_t res;
	u64 submit_ns;
	u32 write_gen;
	unsigned long base;
	struct vmap_claim claim;
	struct page **pages;		/* pinned: of the buffer, in order */
	struct bio_vec *vecs;
	u32 vecs_bytes;			/* what @vecs is filled for */
	unsigned short nr_vecs;
	struct bio bio;			/* last: its inline vecs follow (none are used) */
};

/**
 * struct gen - one clone of a job: a queue of IOs kept full
 * @done, @remote: completed, not yet reaped
 * @timed: latencies are taken; clock read once a batch
 * @before, @after: probe rows of its own task around the measured part
 */
struct gen {
	struct room *room;
	const struct lab_job *job;
	unsigned int clone;
	struct task_struct *task;
	struct mm_struct *mm;
	struct stream stream;
	struct slot *slots;
	struct slot **idle;
	unsigned int nr_idle, depth;
	struct slot *done;
	struct llist_head remote;
	struct vmap *map;		/* NULL: this job is not verified */
	u32 buf_bytes;
	bool timed, pinned, sampled;
	struct stream_op held;		/* overlaps something in flight: next when that is done */
	bool have_held;
	u32 writes_unsynced;
	u64 deadline_ns, next_progress_ns, batch_ns;

	int setup_err;
	u64 ios, bytes, errors, total_bytes, total_ios;
	int first_errno;
	u64 cpu_ns, wall_begin_ns, wall_end_ns, in_flight_bytes;
	struct hist *lat[2];
	struct kc_probes before, after;
	struct completion ready, finished;
	struct completion *start;
	const bool *abort;
};

unsigned long source_user_bytes(const struct gen *g);
int source_create(struct gen *g);
void source_destroy(struct gen *g);
void *source_bytes(struct slot *s, u32 off_bytes, u32 *contig_bytes);
void source_submit(struct slot *s);
bool source_fits(const struct room *r, const struct lab_job *job);
int gen_flush(struct gen *g);

int gen_setup(struct gen *g);
void gen_teardown(struct gen *g);
void gen_run(struct gen *g);
void gen_done(struct slot *s, ssize_t res);

#endif
