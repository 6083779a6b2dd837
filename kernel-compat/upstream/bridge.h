/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bridge.h - between the laboratory and a kernel whose types are its own.
 *
 * The design `upstream` is two sets of units. The *kernel's side* (kernel-compat/upstream/) is compiled with the
 * headers of a Linux tree, as are that tree's own files: a struct bio there is Linux's. The *lab's side*
 * (sim/designs/upstream/) is compiled with the laboratory's, as every design is. Both include this file, and host.h,
 * and nothing else is common to them: so it has plain C types only, and pointers that are opaque to one of the two.
 *
 * upk_*() are the kernel's side's, called by the lab's; upl_*() the reverse. Memory is one: the kernel's mem_map
 * describes the frames of the laboratory's arena, frame for frame, at the same addresses, so that neither data nor
 * pages are ever translated but by their frame number.
 *
 * Everything here is called in one task, the one that called upk_boot(). Errors are -errno.
 */
#ifndef KC_UPSTREAM_BRIDGE_H
#define KC_UPSTREAM_BRIDGE_H

#include "host.h"
#include "blkevent.h"

#define UP_MAX_SEGS	256		/* of a request at the lab's disk: LAB_DISK_MAX_SEGMENTS */

/* ---- the kernel, as a whole --------------------------------------------------------------------- */

/* @base: of the arena, the kernel's linear map; @frames: pages in it; frame 0 holds zeros */
struct up_ram {
	unsigned char *base;
	unsigned long frames;
};

/* Start it: memory, its subsystems, its initcalls. Its variables are as in a fresh process each time. */
int upk_boot(const struct up_ram *ram);
/* End it. Return: things left behind, each printed. */
int upk_halt(void);
/* Is there anything that upk_run() could run now: completions, tasks, softirqs? */
int upk_pending(void);
/* Run until nothing can go on without a completion from outside. Not from within (returns at once). */
void upk_run(void);

/* ---- disks, files, loop devices ------------------------------------------------------------------- */

struct up_limits {
	unsigned int logical_block_bytes, max_sectors, max_segment_bytes, dma_mask;
	unsigned long virt_boundary_mask;
	unsigned short max_segments;
	host_u64 sectors;
	int read_only, write_cache, fua;
	unsigned int max_discard_sectors, max_write_zeroes_sectors;
};

struct upk_disk;			/* a gendisk of the kernel */
struct upk_file;			/* an open file or block device of the kernel */

/* A disk of the kernel on the lab's device @lab. NULL: no memory. */
struct upk_disk *upk_disk_add(void *lab, const struct up_limits *limits);
void upk_disk_del(struct upk_disk *disk);
/*
 * Which code of the kernel does the direct IO of a file: fs/iomap; fs/direct-io.c without its own locks, as ocfs2
 * calls it; with them and without filling holes, as ext2 in 6.1.
 */
enum up_dio { UP_DIO_IOMAP, UP_DIO_LEGACY, UP_DIO_LOCKING };
/* The lab's inode @lab, on a filesystem on @disk, O_DIRECT | O_RDWR. NULL: no memory. */
struct upk_file *upk_file_open(void *lab, struct upk_disk *disk, enum up_dio dio);
struct upk_file *upk_bdev_open(struct upk_disk *disk);
void upk_file_close(struct upk_file *file);
host_u64 upk_file_size(struct upk_file *file);

struct up_loop_opts {
	host_u64 offset_bytes, size_bytes;
	unsigned int block_bytes, max_sectors;
	int read_only, buffered;
};
/* 0 and *@out, or -errno. upk_loop_limits(): what its queue says now. */
int upk_loop_add(struct upk_file *file, const struct up_loop_opts *opts, struct upk_disk **out);
int upk_loop_del(struct upk_disk *loop);
/* LOOP_CHANGE_FD, LOOP_SET_CAPACITY, LOOP_SET_DIRECT_IO: what the driver says, 0 or -errno. */
int upk_loop_change_file(struct upk_disk *loop, struct upk_file *file);
int upk_loop_set_capacity(struct upk_disk *loop);
int upk_loop_set_direct(struct upk_disk *loop, int on);
void upk_disk_limits(struct upk_disk *disk, struct up_limits *out);

/* ---- IO from above ---------------------------------------------------------------------------------- */

struct up_iovec {			/* laid out as struct iovec, and as struct lab_iovec */
	unsigned long base;
	host_size len_bytes;
};

enum { UP_IO_WRITE = 1, UP_IO_NOWAIT = 2, UP_IO_DSYNC = 4, UP_IO_APPEND = 8, UP_IO_BUFFERED = 16 };
#define UP_EIOCBQUEUED	529		/* what upk_submit() returns, negated, when done() will be called */

/**
 * struct up_io - one read or write system call
 * @done: NULL: synchronous
 * @priv: the kernel's: its kiocb
 */
struct up_io {
	unsigned int flags;
	unsigned short ioprio;		/* of its bios; 0: the task's */
	long long pos;
	const struct up_iovec *iov;
	unsigned int nr_segs;
	void (*done)(void *owner, long res);
	void *owner;
	void *priv;
	host_size priv_bytes;
};
long upk_submit(struct upk_file *file, const struct up_io *io);
int upk_fsync(struct upk_file *file, int datasync);

/* A piece of memory that is contiguous in RAM. */
struct up_seg {
	host_u64 phys;
	unsigned int len_bytes;
};

enum up_op { UP_READ, UP_WRITE, UP_FLUSH, UP_DISCARD, UP_ZEROES };
enum { UP_FUA = 1, UP_PREFLUSH = 2, UP_NOUNMAP = 4, UP_NOWAIT = 8, UP_SYNC = 16 };

/*
 * A ready bio for @disk: done() exactly once, perhaps before this returns; @status: 0 or -errno. @room: memory for the
 * kernel's bio, so that nothing is allocated for it.
 */
struct up_bio {
	enum up_op op;
	unsigned int flags;
	unsigned short ioprio;
	host_u64 sector, bytes;		/* bytes: for operations without data */
	unsigned int nr_segs;
	const struct up_seg *segs;	/* live until done() */
	void (*done)(struct up_bio *bio, int status);
	void *room;
	host_size room_bytes;
};
void upk_bio_submit(struct upk_disk *disk, struct up_bio *bio);

/* ---- IO to below -------------------------------------------------------------------------------------- */

/* A request of the kernel at the lab's disk; the lab ends it with upk_req_done(), in any context. */
struct up_req {
	void *lab_disk;
	void *lab_cmd;			/* upl_cmd()'s */
	enum up_op op;
	unsigned int flags;
	unsigned short ioprio;
	host_u64 sector;
	host_u64 bytes;
	unsigned int nr_segs;
	struct up_seg segs[UP_MAX_SEGS];
	int status;
	struct up_req *next;		/* of those that are done and not yet looked at */
};
void *upl_cmd(struct up_req *req);	/* room for one transfer of @req; host memory of the run */
void upl_cmd_free(void *cmd);
void upl_req_submit(struct up_req *req);
void upk_req_done(struct up_req *req, int status);

/* ---- the filesystem -------------------------------------------------------------------------------------- */

enum up_extent_type { UP_HOLE, UP_MAPPED, UP_UNWRITTEN };
enum { UP_EXT_NEW = 1, UP_EXT_DIRTY = 2 };
enum { UP_MAP_CREATE = 1, UP_MAP_NOWAIT = 2 };

struct up_extent {
	long long pos;
	host_u64 len_bytes, sector;
	enum up_extent_type type;
	unsigned int flags;
};
int upl_map(void *inode, long long pos, host_u64 len_bytes, unsigned int flags, struct up_extent *out);
int upl_convert(void *inode, long long pos, host_u64 len_bytes);
long long upl_i_size(void *inode);
void upl_i_size_write(void *inode, long long size);
long long upl_max_bytes(void);
/*
 * Write back the cached pages of a range before direct IO, and forget them before a write. -ENOTBLK: one cannot be
 * forgotten.
 */
int upl_cache_before(void *inode, long long pos, host_u64 len_bytes, int write, int nowait);
void upl_cache_after(void *inode, long long pos, host_u64 len_bytes);
/* A page of a write through the cache, by its frame, locked; then bytes that count of @copied. */
int upl_write_begin(void *inode, long long pos, unsigned int len_bytes, unsigned long *pfn);
unsigned int upl_write_end(void *inode, unsigned long pfn, long long pos, unsigned int len_bytes,
			   unsigned int copied_bytes);
/* A page with the contents of the file, by its frame, with a reference; @nr: pages that will be wanted. */
int upl_cache_get(void *inode, unsigned long index, unsigned int nr, int nowait, unsigned long *pfn);
void upl_cache_put(unsigned long pfn);
void upl_cache_balance(void *inode);			/* who dirtied too much writes back */
void upl_wrote(void *inode);
void upl_trim_eof(void *inode);
int upl_needs_exclusive(void *inode, long long pos, host_u64 len_bytes, int nowait, int *out);
/*
 * Bytes @first to @last. @seen: a sample of the errors of write-back; upl_wb_sample() when the inode is opened, as
 * f_wb_err in Linux.
 */
int upl_fsync(void *inode, long long first, long long last, unsigned int *seen, int datasync);
unsigned int upl_wb_sample(void *inode);
int upl_fallocate(void *inode, int punch, long long pos, host_u64 len_bytes);

/* ---- memory -------------------------------------------------------------------------------------------------- */

/* What an allocation is for: a counter of the report each. */
enum up_kind { UP_KIND_OTHER, UP_KIND_BIO, UP_KIND_BVEC, UP_KIND_DIO, UP_KIND_CMD, UP_KIND_NR };

void *upl_pages(unsigned int order);			/* address in the arena; NULL: none */
void upl_pages_free(void *p, unsigned int order);
void *upl_cache_create(const char *name, unsigned int bytes, unsigned int align, enum up_kind kind);
void upl_cache_destroy(void *cache);
void *upl_cache_alloc(void *cache);
void upl_cache_free(void *cache, void *p);
void *upl_kmalloc(host_size bytes, enum up_kind kind);
void upl_kfree(void *p);
host_size upl_ksize(const void *p);

enum up_copy { UP_COPY_FROM, UP_COPY_TO, UP_COPY_ZERO, UP_TOUCH_READ, UP_TOUCH_WRITE };
/* Bytes done before the first page without access. */
host_size upl_user_copy(enum up_copy how, unsigned long uaddr, void *kernel, host_size bytes, int may_fault);
/* Pages pinned, their frame numbers in @pfns; -errno if none. */
int upl_pin(unsigned long uaddr, int nr, int write, int may_fault, unsigned long *pfns);
void upl_unpin(unsigned long pfn);
void upl_set_dirty(unsigned long pfn);

/* ---- the rest ---------------------------------------------------------------------------------------------------- */

enum up_scope { UP_UPPER, UP_LOOP, UP_LOWER };
int upl_scope_enter(int scope);				/* returns the one left; upl_scope_enter(that) leaves */

enum up_count {
	UP_N_PAGE_REF, UP_N_BIOS, UP_N_SPLITS, UP_N_CHAINS, UP_N_MERGES, UP_N_REQUESTS, UP_N_FLUSHES, UP_N_PUNTS,
	UP_N_LOCKS, UP_N_WAKEUPS, UP_N_COPY_BYTES, UP_N_NR
};
void upl_count(enum up_count what, host_u64 n);

/* Tell upl_blkevent() of block events from now on, or no more. Nothing to do if it is so already. */
void upk_trace(int on);
void upl_blkevent(struct lab_blkevent *ev);	/* time and task are filled in */

/* May the running task of the kernel do no IO for memory? What is asked of the laboratory from there may not either. */
int upk_noio(void);

void upl_stack_changed(void);		/* the task goes on on another stack */
void upl_wait(void);			/* for a completion from outside; upk_pending() is false */
void upl_print(const char *line);
/* vsnprintf() without the kernel's extensions of %p: an unknown conversion stops. */
int upl_format(char *buf, host_size bytes, const char *fmt, __builtin_va_list args);
_Noreturn void upl_bug(const char *line);

#endif
