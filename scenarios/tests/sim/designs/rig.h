/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rig.h - what the tests of a design stand on: a disk, a trace filter, a filesystem with one file, the
 * file open, and on wish a loop device on it, open too; and user memory to do IO from.
 *
 * The files of this folder know a design by its struct design alone, and which one it is by subject.c, which
 * mk/build.mk compiles for each of them; all others are compiled once and linked once for every design. The suites are
 * called bio_first_errors, iter_ops_fixed_errors, …, so --filter 'bio_first_*' runs one design's tests and
 * --filter '*_errors.*' one file for all. What needs a design's internals is in a folder of its name.
 */
#ifndef LAB_DESIGN_RIG_H
#define LAB_DESIGN_RIG_H

#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <kc/probe.h>
#include <kc/umem.h>
#include <lab/disk.h>
#include <lab/filter.h>
#include <lab/fs.h>
#include <lab/reffs.h>
#include "design.h"
#include "host.h"
#include "lab_test.h"

/* The design, which of its variants, and what its suites begin with: iter_bvec_61. */
extern const struct design *const rig_design;
extern const unsigned int rig_variant;
extern const char rig_suite[];

/* A test of every design. The DESIGN_ in its symbol becomes the design's name where it is linked for it. */
#define DESIGN_TEST_FLAGS(suite, name, flags)	LAB_TEST_OF(rig_suite, DESIGN_##suite, suite, name, flags)
#define DESIGN_TEST(suite, name)		DESIGN_TEST_FLAGS(suite, name, 0)

/* Why some tests are not for Linux itself (RIG_APART). */
#define RIG_ONE_TASK	"it is Linux in one task: IO of another one is refused"
#define RIG_ONE_LEVEL	"no file on one of its loop devices: our filesystem there would wait for Linux while Linux waits for it"
#define RIG_ONE_LOCK	"all of Linux waits for a lock of our filesystem that is taken, and so does the call that submits"

/* What a design of the past has not. A test that wants it says what happens instead. */
#define RIG_NOWAIT_UNSEEN	32u	/* the loop driver does not look at REQ_NOWAIT: its worker waits */
#define RIG_LOOP_NO_FUA		64u	/* the loop device takes no FUA: its queue makes it a flush */
#define RIG_NO_PRIO		256u	/* IO priority stops above the file */
#define RIG_NO_POLL		65536u	/* polling stops above the file, and nobody polls who waits */
#define RIG_LOOP_NO_FREEZE	512u	/* the loop driver's own writes do not count against a freeze of its file */
#define RIG_HOLES_CACHED	1024u	/* a direct write into a hole goes on through the page cache, and may end short */
#define RIG_SHORT_READ_FAILS	128u	/* a read that meets the end of the loop device's file is an error */
#define RIG_NO_NOWAIT	1u	/* IO that may not wait: -EOPNOTSUPP */
#define RIG_NO_FUA	2u	/* a durable write ends with a flush, whatever the device could do */
#define RIG_NO_ZEROES	4u	/* the loop device does not write zeroes: -EOPNOTSUPP */
#define RIG_BY_BLOCK	8u	/* memory must be aligned as blocks are, and holes need it too */
#define RIG_EIO_ONLY	2048u	/* direct IO says EIO, whatever error the device had */
#define RIG_LAST_ERROR	4096u	/* who waits takes the bios of an IO from a stack: of two errors the last one's stays */
#define RIG_WHOLE_FAULT	16u	/* a buffered write of which a page's last byte faults takes nothing of that page */
#define RIG_APART		16384u	/* Linux itself: in one task, the one that called init(), with locks and plugs of its own */
#define RIG_PART_BLOCK	32768u	/* the loop device keeps the sectors behind its last whole block */
#define RIG_PRIO_HINT		131072u	/* what is above the level of a priority is a hint: no level is too large */
#define RIG_EDGES_APART		262144u	/* zeroes around a write of parts of blocks have not the priority of the write */
#define RIG_FIRST_IS_TOLD	524288u	/* an error of write-back is told to whoever asks first, and to nobody else */
#define RIG_FILLS_BEHIND	8192u	/* memory asked for behind the end of a file is filled with zeros, and does not count */
#define RIG_DEVICE_SHORT	1048576u	/* of an IO on a block device that meets bad memory the part before it is done, and counts */
#define RIG_NOTHING_LEFT	2097152u	/* a loop device of which nothing is left has no bytes; it is not refused */
#define RIG_ANY_BLOCKS		4194304u	/* another file may lie in larger blocks: past its cache is over then */
#define RIG_DEAF_TO_CACHE	8388608u	/* direct IO is put on for a loop device though what was dirty is lost */
#define RIG_SHORT_WRITE_PASSES	33554432u	/* with direct IO off, too, loop passes a write that the file took in part, and fails a read behind its end */
#define RIG_BALANCES_FIRST	67108864u	/* who dirties looks whether that is too much before each page, not after it */
#define RIG_NOWAIT_READS_ON	16777216u	/* a read that may not wait may be of several extents */

/**
 * struct rig_costs - where designs rightly differ in what they spend
 * @name, @variant: of the design
 * @knob_sets: how many of the RIG_KNOB_SETS combinations of knobs it runs with
 * @lacks: RIG_*, what it has not; what it has on purpose and should not is in struct design.defects
 * @cmds: command allocations of the loop driver for each bio or request that it gets
 * @clones: clones of each bio that the loop driver gets
 * @splits: splits of a bio for each extent after the first
 * @nested_ends: loop devices whose IO ends inside each other on one stack, at most; 0: no limit
 * @iter_ops: calls through an operations table for each direct IO
 * @iter_ops_extent: and more of them for each extent
 * @dios: states of direct IO that are allocated apart from its bio, for each direct IO of a file; @upper_dios: of a
 *	block device
 * @tables: arrays of elements, for each bio that is made when more pages are to come than have room in the bio itself
 * @punts: hand-offs of each bio to another task though nothing makes it wait
 * @upper_refs: page references, got and put, for a user page beside its pin
 * @max_vecs: elements of a request of the loop device, which splits a bio that has more; 0: as many as there are
 * @cached: the loop device goes through the page cache of its file: a copy in place of an IO, an IO when it must,
 *	and memory for pages, so that an IO may fail for want of it, whatever alloc= says
 * @task_prio: the priority at the disk of bios that nobody gave one: of the task, or none (0)
 * @bdev_cache: LAB_IO_BUFFERED on a block device goes through a page cache of the device; else -EOPNOTSUPP
 */
struct rig_costs {
	const char *name;
	unsigned int variant;
	unsigned int knob_sets;
	unsigned int lacks;
	unsigned int cmds, clones, splits, nested_ends, iter_ops, iter_ops_extent;
	unsigned int dios, upper_dios, tables, punts, upper_refs, max_vecs;
	u16 task_prio;
	bool cached, bdev_cache;
};

/* What this design is expected to spend (costs.c); fails the test if nobody has said. */
const struct rig_costs *rig_costs(void);
/* Its @punts, or with --handoff worker: one. */
unsigned int rig_punts(void);

static inline bool rig_lacks(unsigned int what)
{
	return (rig_costs()->lacks & what) != 0;
}

/* Is this wrong with the design, on purpose? */
static inline bool rig_has(enum lab_defect defect)
{
	return (rig_design->defects & 1u << defect) != 0;
}

/* Skip the test: it is about a call that struct design may leave out (design.h), and this one does. */
#define rig_needs_call(call)							\
	do {									\
		if (!rig_design->call)						\
			lab_test_skip("this design has no " #call "()");		\
	} while (0)

/* Skip the test: the design lacks what it is about, and @why says what that is. */
#define rig_needs_what(what, why)						\
	do {									\
		if (rig_lacks(what))						\
			lab_test_skip(why);					\
	} while (0)

/* Skip the test, with the design's own words, unless the design runs like this, its other knobs being its own. */
void rig_needs_handoff(enum lab_handoff handoff);
void rig_needs_loopq(enum lab_loopq loopq);
void rig_needs_bio_rule(enum lab_bio_rule rule);

#define RIG_KNOB_SETS	16

/* Combination @k of the knobs. False: the design does not run with it (how many: struct rig_costs). */
bool rig_knobs(unsigned int k, struct lab_knobs *knobs);

enum rig_disk { RIG_RAM, RIG_NULL, RIG_REAL };

/**
 * struct rig_opts - zero: a ram disk of 16 MiB, contiguous layout, an empty file, default knobs
 * @knobs: those that the design cannot run with are replaced by its own defaults (struct rig says which)
 * @fault: argument of a fault filter between trace and disk; NULL: none
 * @stripe: argument of a stripe filter on the disk, below the others; NULL: none
 * @spy: a filter between trace and what is below it, which sees bios in the context of who submits them; NULL: none
 * @fill: byte the disk is full of before the filesystem is made; 0: as it is
 * @no_cache: the disk has no volatile cache: what it has written is durable
 * @no_fua: the disk takes no FUA
 */
struct rig_opts {
	enum rig_disk disk;
	u64 disk_bytes;
	struct lab_limits limits;
	const char *fault, *stripe;
	const struct lab_filter_type *spy;
	u8 fill;
	bool no_cache, no_fua;
	struct lab_fs_opts fs;
	loff_t file_bytes;
	struct lab_knobs knobs;
	bool loop;
	struct lab_loop_opts loop_opts;
};

/**
 * struct rig - see above
 * @trace: the device the filesystem is on
 * @file: on the inode; @bdev: on the loop device, NULL without
 * @mem: user memory of RIG_MEM_BYTES, populated when touched
 * @knobs: with which the design runs
 */
struct rig {
	struct host_disk *host;
	struct block_device *disk, *striped, *faulty, *spied, *trace;
	struct lab_fs *fs;
	struct inode *inode;
	struct lab_file *file, *bdev;
	struct lab_loop *loop;
	struct mm_struct *mm;
	unsigned long mem;
	u64 rng;
	struct lab_knobs knobs;
};

#define RIG_DISK_BYTES	(16u << 20)
#define RIG_MEM_BYTES	(4u << 20)

void rig_up(struct rig *r, const struct rig_opts *o);
/* Close and delete the loop device, if there is one. */
void rig_loop_down(struct rig *r);
void rig_down(struct rig *r);

/* One synchronous IO of one segment. */
ssize_t rig_io(struct lab_file *file, enum lab_rw rw, loff_t pos, unsigned long addr, size_t len_bytes,
	       unsigned int flags);
ssize_t rig_iov(struct lab_file *file, enum lab_rw rw, loff_t pos, const struct lab_iovec *iov,
		unsigned int nr_segs, unsigned int flags);

/* An asynchronous IO: rig_start() it, and rig_finish() it, which waits; @slot and @iov live until then. */
struct rig_slot {
	struct lab_io io;
	struct task_struct *task;
	ssize_t res;
	int done;
};

/* Both check that done() comes exactly once if submit() says that it will, and else not at all. */
void rig_start(struct rig_slot *slot, struct lab_file *file, enum lab_rw rw, loff_t pos,
	       const struct lab_iovec *iov, unsigned int nr_segs, unsigned int flags);
ssize_t rig_finish(struct rig_slot *slot);
/* One of them, started and finished. */
ssize_t rig_aio(struct lab_file *file, enum lab_rw rw, loff_t pos, const struct lab_iovec *iov,
		unsigned int nr_segs, unsigned int flags);

/* Bytes of user memory, as the program would see them. */
void rig_poke(unsigned long addr, const void *from, size_t len_bytes);
void rig_peek(unsigned long addr, void *to, size_t len_bytes);
void rig_set(unsigned long addr, u8 byte, size_t len_bytes);
/* Is [addr, addr + len) all @byte? The first that is not, or -1. */
long rig_find_other(unsigned long addr, u8 byte, size_t len_bytes);

/* Read [pos, pos + len) of @file, into the upper half of the user memory, and expect it to be all @byte. */
void rig_expect_written(struct rig *r, struct lab_file *file, loff_t pos, u8 byte, size_t len_bytes);

/* Below @below, which may be 0: any. */
u64 rig_rand(struct rig *r, u64 below);
/* Wait until @word is not 0; this task's completions run meanwhile. */
void rig_wait(const int *word);
u64 rig_count(enum lab_scope scope, enum lab_probe_id id);
/* What has passed the trace filter so far. */
struct lab_trace_counts rig_seen(struct rig *r);

#endif
