/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * design.h - the one contract between a design and the rest of the laboratory.
 *
 * A design is one relocatable object that exports one symbol, its struct design (mk/build.mk:
 * ld -r, objcopy). Only opaque handles and neutral structures cross this line: no iov_iter, no kiocb, no
 * file_operations. Every type named here has one layout in every unit (make lint checks with pahole).
 *
 * The life of a run:
 *
 *   ops->init(knobs) → ops->open_file(inode) → [ops->loop_add(file, opts) → ops->open_bdev(bdev)] →
 *   ops->submit / ops->fsync … → close, loop_del, close → ops->exit()
 *
 * --path file drives open_file()'s handle, --path loop the handle of open_bdev() on the loop's block
 * device, and --source pinned submits ready bios to that block device itself.
 */
#ifndef LAB_DESIGN_H
#define LAB_DESIGN_H

#include <linux/types.h>
#include <lab/loop-opts.h>

struct inode;
struct block_device;
struct lab_file;		/* opaque: a design's open file or block device */
struct lab_loop;		/* opaque: a design's loop device */

/*
 * Two designs are compared with all knobs equal, or one design with one knob changed. Every design honours
 * every knob, or its .unsupported says why not.
 */
enum lab_handoff { LAB_HANDOFF_INLINE, LAB_HANDOFF_WORKER };
enum lab_alloc { LAB_ALLOC_POOL, LAB_ALLOC_KMALLOC };
enum lab_completion { LAB_COMPLETION_INLINE, LAB_COMPLETION_WQ };
enum lab_loopq { LAB_LOOPQ_BIO, LAB_LOOPQ_MQ };
enum lab_bio_rule { LAB_BIO_RULE_NEW, LAB_BIO_RULE_OLD };

struct lab_knobs {
	enum lab_handoff handoff;	/* loop: into the file in the submitter's context, or from a worker */
	enum lab_alloc alloc;		/* per-IO state: from mempools and bio_sets, or kmalloc that may fail */
	enum lab_completion completion;	/* end_io work in the completing context, or always from a work item */
	enum lab_loopq loopq;		/* the loop device: ->submit_bio, or a blk-mq queue (plug, tags, merges) */
	enum lab_bio_rule bio_rule;	/* who minds a device's limits: who splits below, or who builds (before 4.3) */
	unsigned int variant;		/* which element of ->variants runs */
};

/**
 * struct lab_variant - one form of a design
 * @name: "" for the plain one; else what follows the @ on the command line; NULL ends the array
 * @summary: one line for `diolab list designs`
 * @knobs: with which it runs where nobody says otherwise: its own best, or its historical, form
 */
struct lab_variant {
	const char *name, *summary;
	struct lab_knobs knobs;
};

/* A segment of user memory. An address the user passed: never dereferenced, only copied or pinned. */
struct lab_iovec {
	unsigned long base;
	size_t len_bytes;
};

enum lab_rw { LAB_READ, LAB_WRITE };

#define LAB_IO_NOWAIT	1	/* RWF_NOWAIT: -EAGAIN before any side effect */
#define LAB_IO_DSYNC	2	/* RWF_DSYNC: durable when it completes */
#define LAB_IO_APPEND	4	/* at i_size, under the lock; pos is ignored */
/*
 * Through a second descriptor of the same file, opened without O_DIRECT: the page cache. Any alignment;
 * waited for even if asynchronous; short where memory or the disk failed. With LAB_IO_NOWAIT a read gives what
 * is in the cache, else -EAGAIN, and a write is -EOPNOTSUPP, as ext4's in 6.1. A design that has no page
 * cache over a block device says -EOPNOTSUPP there.
 */
#define LAB_IO_BUFFERED	8
#define LAB_IO_HIPRI	16	/* RWF_HIPRI: the caller polls; a hint that reaches the device's queue */

/**
 * struct lab_io - one read or write, the caller's until submit(), the design's until done()
 * @done: NULL: synchronous, submit() returns the result. Else called exactly once with bytes or -errno, unless
 *	submit() returned something other than -EIOCBQUEUED, in which case it is not called. May run before submit() returns,
 *	in any context, irq included.
 * @priv: 128 bytes for the design (its kiocb and the like), so that the harness's own allocation is
 *	not charged to a design; undefined on entry
 */
struct lab_io {
	enum lab_rw rw;
	unsigned int flags;
	u16 ioprio;			/* as ioprio_set(2) has it; reaches the device's queue */
	loff_t pos;
	const struct lab_iovec *iov;	/* lives until done() */
	unsigned int nr_segs;
	void (*done)(struct lab_io *io, ssize_t res);
	void *owner;			/* the caller's own */
	u64 priv[16];
};

/*
 * What is wrong with a design of the past, and is kept on purpose (its NOTES.md says which). A job file's
 * "#@ expect.defect = D2" wants to see D2 in a design that has it, and not to see it in any other.
 */
#define LAB_DEFECTS(X)									\
	X(D1, "an IO of the loop device that ended short counts as whole")		\
	X(D2, "FUA to the loop device does not reach the disk")				\
	X(D3, "another file is put below while IO on the file before is in flight")	\
	X(D4, "every error below the loop device is EIO above it")			\
	X(D5, "nothing bounds what is in flight, and it ends with an error when memory is short")	\
	X(F1, "the operations table is not used on the direct path")			\
	X(F2, "the map is asked once a page of the bio")				\
	X(F3, "each page of the bio is referenced three times")

enum lab_defect {
#define X(id, what) LAB_##id,
	LAB_DEFECTS(X)
#undef X
	LAB_NR_DEFECTS
};

/**
 * struct design - what a design exports
 * @name: as on the command line
 * @variants: at least the plain one, which `diolab list designs` shows
 * @hidden: not in lists and not among the default designs; runs when it is named
 * @defects: 1 << enum lab_defect of each that is kept
 * @init: set up caches and sets for @knobs; 0 or -errno. May sleep
 * @submit: see struct lab_io. Context: task, current->mm holds the segments. Errors come as the system call's
 * @fsync: what fsync(2) does with this file, or a flush of the loop's block device for open_bdev() handles
 * @loop_bdev: the block device to submit bios to; lives until loop_del()
 * @loop_change_file: LOOP_CHANGE_FD: another file of the same size under a read-only device; what is in flight is
 *	waited for. 0; -EINVAL (not read-only, another size). NULL, as the next two: the design has no such thing
 * @loop_set_capacity: LOOP_SET_CAPACITY: the file has another size now. 0 or -EINVAL (nothing left; Linux: 0)
 * @loop_set_direct: LOOP_SET_DIRECT_IO: through the file's page cache, or past it, from now on; what is in flight is
 *	waited for, dirty pages are written back. 0; -EINVAL (the file cannot)
 * @unsupported: NULL when it can run with @knobs, else one sentence that says why not
 */
struct design {
	const char *name;
	const struct lab_variant *variants;
	bool hidden;
	unsigned int defects;
	int (*init)(const struct lab_knobs *knobs);
	void (*exit)(void);
	const char *(*unsupported)(const struct lab_knobs *knobs);

	struct lab_file *(*open_file)(struct inode *inode);		/* O_DIRECT | O_RDWR; ERR_PTR */
	struct lab_file *(*open_bdev)(struct block_device *bdev);	/* the same on a block device */
	void (*close)(struct lab_file *file);				/* no IO in flight */
	ssize_t (*submit)(struct lab_file *file, struct lab_io *io);
	int (*fsync)(struct lab_file *file, bool datasync);
	loff_t (*size)(struct lab_file *file);

	struct lab_loop *(*loop_add)(struct lab_file *file, const struct lab_loop_opts *opts);	/* ERR_PTR */
	struct block_device *(*loop_bdev)(struct lab_loop *loop);
	int (*loop_change_file)(struct lab_loop *loop, struct lab_file *file);
	int (*loop_set_capacity)(struct lab_loop *loop);
	int (*loop_set_direct)(struct lab_loop *loop, bool on);
	void (*loop_del)(struct lab_loop *loop);			/* waits for what is in flight */
};

/* All designs of this program, in the order of reports; NULL ends it (made by mk/build.mk). */
extern const struct design *const lab_designs[];

#endif
