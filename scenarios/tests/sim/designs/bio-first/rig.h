/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rig.h - what the tests of this design stand on: a disk, a trace filter, a filesystem with one file, the
 * file open, and on wish a loop device on it, open too; and user memory to do IO from.
 */
#ifndef BIO_FIRST_RIG_H
#define BIO_FIRST_RIG_H

#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <kc/probe.h>
#include <kc/umem.h>
#include <lab/disk.h>
#include <lab/filter.h>
#include <lab/reffs.h>
#include "design.h"
#include "host.h"
#include "lab_test.h"

extern const struct design design_bio_first;

enum rig_disk { RIG_RAM, RIG_NULL, RIG_REAL };

/**
 * struct rig_opts - zero: a ram disk of 16 MiB, contiguous layout, an empty file, default knobs
 * @fault: argument of a fault filter between trace and disk; NULL: none
 * @fill: byte the disk is full of before the filesystem is made; 0: as it is
 */
struct rig_opts {
	enum rig_disk disk;
	u64 disk_bytes;
	struct lab_limits limits;
	const char *fault;
	u8 fill;
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
 */
struct rig {
	struct host_disk *host;
	struct block_device *disk, *faulty, *trace;
	struct lab_fs *fs;
	struct inode *inode;
	struct lab_file *file, *bdev;
	struct lab_loop *loop;
	struct mm_struct *mm;
	unsigned long mem;
	u64 rng;
};

#define RIG_DISK_BYTES	(16u << 20)
#define RIG_MEM_BYTES	(4u << 20)

void rig_up(struct rig *r, const struct rig_opts *o);
void rig_down(struct rig *r);

/* One synchronous IO of one segment. */
ssize_t rig_io(struct lab_file *file, enum lab_rw rw, loff_t pos, unsigned long addr, size_t len_bytes,
	       unsigned int flags);
ssize_t rig_iov(struct lab_file *file, enum lab_rw rw, loff_t pos, const struct lab_iovec *iov,
		unsigned int nr_segs, unsigned int flags);
/* The same asynchronously, waited for here; checks that done() comes exactly when it should. */
ssize_t rig_aio(struct lab_file *file, enum lab_rw rw, loff_t pos, const struct lab_iovec *iov,
		unsigned int nr_segs, unsigned int flags);

/* Bytes of user memory, as the program would see them. */
void rig_poke(unsigned long addr, const void *from, size_t len_bytes);
void rig_peek(unsigned long addr, void *to, size_t len_bytes);
void rig_set(unsigned long addr, u8 byte, size_t len_bytes);
/* Is [addr, addr + len) all @byte? The first that is not, or -1. */
long rig_find_other(unsigned long addr, u8 byte, size_t len_bytes);

u64 rig_rand(struct rig *r, u64 below);
/* Wait until @word is not 0; this task's completions run meanwhile. */
void rig_wait(const int *word);
u64 rig_count(enum lab_scope scope, enum lab_probe_id id);

#endif
