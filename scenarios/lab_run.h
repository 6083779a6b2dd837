/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lab_run.h - between the command line (host side: sees libc) and the runner (kernel side: sees the
 * designs). Both include it, so: built-in types only, plain data, no pointers to kernel types.
 *
 *	jobfile.c, opsfile.c, cli*.c, reports/  →  lab_run()/lab_ops_run()  →  designs, sim, fs-model
 */
#ifndef LAB_RUN_H
#define LAB_RUN_H

#include "host.h"
#include "blkevent.h"

#define LAB_MAX_JOBS		64	/* sections of all job files of one call */
#define LAB_MAX_NUMJOBS		64
#define LAB_MAX_IODEPTH		1024
#define LAB_MAX_BSSPLIT		16
#define LAB_MAX_EXPECT		16
#define LAB_MAX_BS_BYTES	(64u << 20)
#define LAB_NAME_BYTES		64
#define LAB_WHY_BYTES		256
#define LAB_MAX_STACK		8	/* filters */
#ifndef LAB_MAX_LOOPS			/* more: the build deep, for mk/stack.sh */
#define LAB_MAX_LOOPS		8	/* loop devices on one another */
#endif
#define LAB_COUNTERS_MAX	64
#define LAB_SCOPES		3	/* upper, loop, lower */

/* ---- what to run ---------------------------------------------------------------- */

enum lab_job_rw { LAB_JOB_READ, LAB_JOB_WRITE, LAB_JOB_RW };	/* x sequential | random */

struct lab_bssplit { host_u32 bytes, percent; };

struct lab_job {
	char name[LAB_NAME_BYTES];
	char file[128];			/* job file, for messages */
	int line;
	enum lab_job_rw rw;
	int random;
	host_u64 size_bytes, io_size_bytes, offset_bytes;	/* io_size 0: size */
	host_u64 number_ios;		/* 0: as many as io_size needs */
	host_u64 runtime_ns;		/* 0: none */
	struct lab_bssplit bssplit[2][LAB_MAX_BSSPLIT];	/* [read, write]; one entry of 100 % for plain bs */
	host_u32 nr_bssplit[2];
	host_u32 iodepth, numjobs, rwmixread, fsync_every;	/* fsync_every 0: never */
	host_u64 randseed;
	host_u64 iomem_align_bytes;	/* 0: page */
	int direct;			/* 0: through a page cache, on top of what the design does below */
	int end_fsync;			/* fsync(2) when all IOs of a clone that writes have ended */
	int stonewall, verify;
	int sync_calls;			/* each IO is waited for in the call that makes it; not of ready bios */
	int dsync;			/* writes are durable when they end; of ready bios: REQ_FUA */
	/* pragmas */
	int expect_errors;		/* -1: not given (then: 0) */
	int expect_errno;		/* 0: any */
	host_u32 expect_defects;	/* bits by lab_defect(); see runner/defects.c */
	host_u32 nr_expect;
	/* per IO x 1, sum of scopes; "loop.map_calls" for one */
	struct { char counter[LAB_NAME_BYTES]; host_u64 value; } expect[LAB_MAX_EXPECT];
};

enum lab_path { LAB_PATH_LOOP, LAB_PATH_FILE };
enum lab_source { LAB_SOURCE_USER, LAB_SOURCE_PINNED };
enum lab_disk_kind { LAB_DISK_FILE, LAB_DISK_RAM, LAB_DISK_NULL };

struct lab_filter { char name[16]; char arg[64]; };	/* outermost first */

struct lab_target {
	enum lab_disk_kind kind;
	char path[1024];		/* FILE; a directory with temp set */
	int temp, yes_really;
	host_u64 size_bytes;
	/* --fs */
	int layout;			/* enum lab_layout of lab/fs.h */
	host_u64 fragment_bytes;
	int lock_exclusive;
	int cold_map, flusher;
	int frames_permuted;		/* knob frames=permuted */
	/* --limits of the lower device; 0: the driver's own */
	host_u32 max_sectors, max_segments, max_segment_bytes, logical_block_bytes, virt_boundary_bytes;
	struct lab_filter stack[LAB_MAX_STACK];
	host_u32 nr_stack;
};

struct lab_run_spec {
	const char *design;		/* name, without knobs */
	int handoff, alloc, completion, loopq, bio_rule;	/* the enums of design.h */
	int variant;			/* of the design: lab_design_variant() */
	enum lab_path path;
	enum lab_source source;
	host_u32 loops;			/* LAB_PATH_LOOP: devices on one another, at most LAB_MAX_LOOPS; 0: 1 */
	struct lab_target target;
	enum host_engine engine;
	host_u64 seed;
	int verify, latency;		/* latency: a second, timed run of the same stream; clock reads only there */
	host_u64 max_ios, max_runtime_ns;	/* 0: no limit beyond the job's */
	const struct lab_job *jobs;
	host_u32 nr_jobs;
	struct lab_blktrace *trace;		/* NULL, or room for what happens at the block devices while a job is counted */
	/*
	 * Both may be NULL, and are called from inside the run, complain() by one task at a time.
	 * progress(): at most 10 a second, of a job's first clone: IOs when their number is
	 * limited, else bytes. complain(): a verify failure or IO error in words; at most
	 * LAB_MAX_COMPLAINTS a run.
	 */
	void (*progress)(const char *job, host_u64 done, host_u64 total);
	void (*complain)(const char *line);
};
#define LAB_MAX_COMPLAINTS	16

/* ---- what came of it -------------------------------------------------------------- */

struct lab_lat { host_u64 p50, p99, p999, max, count; };	/* ns; count 0: not measured */

/*
 * Counters and CPU time are those of the job's own tasks; what others (workers) did meanwhile is
 * added when the job ran alone, and to the first job of its group when several ran at once, since
 * nobody can say for which they worked. Errors count bad IOs of the job, then bad reads of the
 * read-back and bad stretches of the disk (at most 1 MiB each). bytes_in_flight is what the
 * submitting task holds: 0 with handoff=worker, where workers hold part of it. lat comes from a
 * pass of its own, in which the clock is read once a batch of completions.
 */
struct lab_job_result {
	host_u64 ios, bytes, errors;
	int first_errno;		/* of the first error, positive; EILSEQ for a verify failure */
	host_u64 wall_ns, cpu_ns;	/* cpu: of all lab threads while the job ran */
	struct lab_lat lat[2];		/* [read, write] */
	host_u64 counters[LAB_SCOPES][LAB_COUNTERS_MAX];
	host_u64 bytes_in_flight;	/* slab bytes held per IO when the queue was full */
	host_u64 trace_hash;
};

struct lab_run_result {
	struct lab_job_result job[LAB_MAX_JOBS];
	char why[LAB_WHY_BYTES];	/* when lab_run() is not LAB_RUN_OK: one line for the user */
	host_u64 disk_bytes;
	int audit_failures;		/* of kc_world_end() */
	int traced;			/* a trace filter was in the stack; of the lowest one: */
	host_u64 traced_durable;	/* bios with REQ_PREFLUSH or REQ_FUA that passed it */
};

enum lab_run_status {
	LAB_RUN_OK,		/* ran; errors are in the jobs */
	LAB_RUN_USAGE,		/* cannot run what was asked (exit 2) */
	LAB_RUN_SKIP,		/* this host cannot (exit 77) */
	LAB_RUN_BROKEN,		/* hang, audit failure, lab bug (exit 1) */
};

enum lab_run_status lab_run(const struct lab_run_spec *spec, struct lab_run_result *out);

/* ---- ops: one result line an operation ------------------------------------------------ */

/*
 * The rules, the same for a design (lab_ops_run), for the byte-array reference (lab_ops_reference) and for
 * system calls (--kernel), so that lines can be compared.
 *
 * Path FILE. The file is empty when the stream begins, and is driven through its own O_DIRECT handle. PREAD,
 * PWRITE: preadv2, pwritev2 at off_bytes (RWF_NOWAIT, RWF_DSYNC for the flags), one call an operation.
 * APPEND: the same at the size the file has (RWF_APPEND); off_bytes is 0. READ, WRITE: at the descriptor's
 * position, which is 0 at first and moves by what was transferred; SEEK sets it (ret: off_bytes). SIZE:
 * ftruncate to off_bytes, ret 0 or the error; data that was cut off reads as zeros when the file grows again.
 * PUNCH, ZERO, ALLOC: fallocate of [off_bytes, off_bytes + len_bytes) with FALLOC_FL_PUNCH_HOLE |
 * FALLOC_FL_KEEP_SIZE, FALLOC_FL_ZERO_RANGE, and no mode or (LAB_OPF_KEEP) FALLOC_FL_KEEP_SIZE. FSYNC,
 * FDATASYNC: ret 0 or the error. DATA, HOLE: lseek with SEEK_DATA, SEEK_HOLE, which leaves the position where it
 * is. BPREAD, BPWRITE: as PREAD and PWRITE without flags, through a second descriptor of the file that
 * was opened without O_DIRECT: the page cache. Short where a segment faults.
 *
 * Asynchronous. PREAD and PWRITE with LAB_OPF_AIO are submitted together with those that follow, up to and with
 * the first one without LAB_OPF_MORE; then all are waited for. Each is an operation with an index and a
 * result of its own, in the order of submission; size and crc are taken when all are done.
 *
 * Path LOOP. The stream begins with SIZE: the backing file gets that size, and above it stands a loop device of
 * as many whole logical blocks, which is what all further operations drive, as they would a block device: reads
 * and writes end at its end (a read there gives 0, a write -ENOSPC), SIZE, DATA and HOLE are -EINVAL,
 * ALLOC is -EOPNOTSUPP, PUNCH and ZERO write zeroes. size is the device's.
 *
 * Memory. Every segment has an area of its own, made for the operation: whole pages, an
 * inaccessible page before and after. With P the page size (4096), area = max(P, (misalign + len)
 * rounded up to P) bytes; segment = [area + misalign, area + misalign + len). misalign is at most
 * LAB_OP_MAX_MISALIGN. Then by fault:
 *   NONE   the whole area is PROT_NONE while the operation runs
 *   RO     the whole area is PROT_READ
 *   NULL   no area; the address is misalign itself (0 for plain !null)
 *   KERN   no area; an address + misalign that belongs to the kernel (above the user half)
 *   HALF   the pages from (area + misalign + len / 2) rounded down to P to the end of the area are
 *	    unmapped; so it always faults unless len is 0
 * Before the call every byte of an area is LAB_GUARD_BYTE, except the segment's own:
 * LAB_READ_POISON for a read, payload for a write. Payload: byte i of the operation, counted over
 * all segments in order (those without an area too), is byte i of lab_payload(seed). After the call
 * bytes of areas outside the segments must be LAB_GUARD_BYTE still (mapped pages only), else guard
 * = 1.
 *
 * crc. Reads: crc32c of the first ret bytes of the segments, in order; ret <= 0: has_crc 0. Writes: crc32c of
 * the file's bytes [off, off + sum of len) clipped to its size after the call, read by a path that is not
 * under test (for a design: the page of the cache if there is one, else the disk, so a stale page shows); off
 * is the size before the call for APPEND, the position before it for WRITE. PUNCH, ZERO, ALLOC: the same of
 * their range, at most LAB_OP_MAX_BYTES of it. Empty range (or off beyond LLONG_MAX): has_crc 0. Others:
 * has_crc 0. crc32c starts from ~0 and is inverted at the end: lab_crc32c(0, p, n) is the usual value, and
 * lab_crc32c(lab_crc32c(0, a, m), b, n) that of a followed by b. size is the file's after the call.
 */
#define LAB_GUARD_BYTE		0xc3
#define LAB_OP_MAX_MISALIGN	65536u

enum lab_op_kind {
	LAB_OP_SIZE, LAB_OP_PREAD, LAB_OP_PWRITE, LAB_OP_BPREAD, LAB_OP_BPWRITE, LAB_OP_APPEND, LAB_OP_READ,
	LAB_OP_WRITE, LAB_OP_SEEK, LAB_OP_PUNCH, LAB_OP_ZERO, LAB_OP_ALLOC, LAB_OP_FSYNC, LAB_OP_FDATASYNC,
	LAB_OP_DATA, LAB_OP_HOLE,
	LAB_OP_NR
};

static inline int lab_op_is_read(enum lab_op_kind kind)
{
	return kind == LAB_OP_PREAD || kind == LAB_OP_BPREAD || kind == LAB_OP_READ;
}

static inline int lab_op_is_buffered(enum lab_op_kind kind)
{
	return kind == LAB_OP_BPREAD || kind == LAB_OP_BPWRITE;
}

/* Has it segments? */
static inline int lab_op_moves_data(enum lab_op_kind kind)
{
	return kind >= LAB_OP_PREAD && kind <= LAB_OP_WRITE;
}

/* At the descriptor's position. */
static inline int lab_op_at_position(enum lab_op_kind kind)
{
	return kind == LAB_OP_READ || kind == LAB_OP_WRITE;
}

/* Has it off_bytes and len_bytes? */
static inline int lab_op_is_range(enum lab_op_kind kind)
{
	return kind >= LAB_OP_PUNCH && kind <= LAB_OP_ALLOC;
}

enum lab_seg_fault { LAB_SEG_OK, LAB_SEG_NONE, LAB_SEG_RO, LAB_SEG_NULL, LAB_SEG_KERN, LAB_SEG_HALF };

struct lab_seg { host_u64 len_bytes; host_u32 misalign_bytes; enum lab_seg_fault fault; };
#define LAB_OP_MAX_SEGS		1024
#define LAB_OPS_MAX		100000
#define LAB_OP_MAX_BYTES	(64ull << 20)	/* of an operation, or of a group that is submitted together */
#define LAB_OP_MAX_GROUP	64
#define LAB_OPS_REFERENCE_BYTES	(256ull << 20)	/* of the file that lab_ops_reference() holds in memory */

struct lab_op {
	enum lab_op_kind kind;
	int line;			/* in the stream, from 1 */
	int index;			/* of the operation, from 0 */
	unsigned int flags;		/* LAB_OPF_* */
	host_u64 off_bytes, len_bytes, seed;
	struct lab_seg *segs;
	host_u32 nr_segs;
};
#define LAB_OPF_NOWAIT	1
#define LAB_OPF_DSYNC	2
#define LAB_OPF_KEEP	4	/* ALLOC: the size stays */
#define LAB_OPF_AIO	8	/* asynchronous, one of a group */
#define LAB_OPF_MORE	16	/* the next operation belongs to the same group */

struct lab_op_result {
	long long ret;			/* >= 0, or -errno */
	host_u64 size;			/* of the file afterwards */
	int has_crc, guard;
	host_u32 crc;
};

/* Operations from @op on that are performed together: 1, or the rest of a group. @nr: how many there are. */
static inline host_u32 lab_op_group(const struct lab_op *op, host_u32 nr)
{
	host_u32 n = 1;

	while (n < nr && op[n - 1].flags & LAB_OPF_MORE)
		n++;
	return n;
}

/* Through a design (spec->jobs unused); results[i] for ops[i]. */
enum lab_run_status lab_ops_run(const struct lab_run_spec *spec, const struct lab_op *ops, host_u32 nr_ops,
				struct lab_op_result *results, struct lab_run_result *out);
/* Through the byte array: path and target.logical_block_bytes of @spec count. */
enum lab_run_status lab_ops_reference(const struct lab_run_spec *spec, const struct lab_op *ops, host_u32 nr_ops,
				      struct lab_op_result *results, char *why, host_size why_bytes);

/* ---- what there is -------------------------------------------------------------------- */

unsigned int lab_nr_designs(void);
const char *lab_design_name(unsigned int i);
const char *lab_design_summary(unsigned int i);
/* Variants: 0 is the plain one, named ""; NULL behind the last. -1: no such design, or none of that name. */
const char *lab_design_variant_name(unsigned int i, unsigned int variant);
int lab_design_variant(const char *design, const char *variant);
/* Set the knobs of @spec to those its design and variant have where nobody says otherwise. */
void lab_design_defaults(struct lab_run_spec *spec);
/* NULL, or why @spec's design cannot run with its knobs. */
const char *lab_design_unsupported(const struct lab_run_spec *spec);
/* Defects of designs: by name, such as "D2" (-1: none is called so), and back. */
int lab_defect(const char *name);
const char *lab_defect_name(unsigned int defect);	/* NULL behind the last */
const char *lab_defect_what(unsigned int defect);
int lab_design_has_defect(const char *design, unsigned int defect);
/* NULL, or why a run of @job with @spec could not show @defect. */
const char *lab_defect_lacks(unsigned int defect, const struct lab_run_spec *spec, const struct lab_job *job);
/* Did it? 1 or 0; @res of @job is part of @run. */
int lab_defect_shown(unsigned int defect, const struct lab_run_spec *spec, const struct lab_job *job,
		     const struct lab_run_result *run, const struct lab_job_result *res);
unsigned int lab_nr_counters(void);
const char *lab_counter_name(unsigned int i);
const char *lab_counter_what(unsigned int i);
int lab_counter_is_gauge(unsigned int i);
unsigned int lab_nr_filters(void);
const char *lab_filter_name(unsigned int i);
const char *lab_filter_what(unsigned int i);

/* Neutral payload, the same everywhere (byte i of a stream with seed s: see runner/payload.c), and crc32c. */
void lab_payload(void *dst, host_u64 seed, host_u64 first_byte, host_size len_bytes);
host_u32 lab_crc32c(host_u32 crc, const void *p, host_size len_bytes);
#define LAB_READ_POISON	0xa5

#endif
