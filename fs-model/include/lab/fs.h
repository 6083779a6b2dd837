/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lab/fs.h - the filesystem model, neutral: inode, extent, bio and page only. It never sees an iov_iter, a
 * kiocb or a file_operations; get_block, iomap and map-for-bio are adapters inside the designs.
 *
 * Layout. A filesystem owns one block device. An inode has one extent map, sorted by file position:
 * MAPPED (data on disk), UNWRITTEN (allocated, reads as zeros); what is in no extent is a HOLE. The fs
 * block is LAB_BLOCK_BYTES; extents begin and end on fs blocks.
 *
 * Allocating. lab_map(LAB_MAP_CREATE) turns a hole into UNWRITTEN and says LAB_EXT_NEW; the writer zeroes the
 * edges of partial blocks, and converts what it wrote with lab_convert() after the data is on
 * disk. So a crash or an error between leaves zeros, never stale blocks.
 *
 * Locking, the writer's duty (lab_lock_*): i_rwsem shared for reads and for overwrites inside i_size under
 * lock=shared, exclusive for everything else. lab_inode_dio_begin() once a piece, under i_rwsem; its end when
 * that piece is done and converted. Truncate, punch and zero hold i_rwsem exclusively and wait for the count.
 *
 * The page cache (page*.c). A page is one fs block. Reading through it holds i_rwsem shared, writing
 * exclusively, with no direct IO in flight: so pages become dirty only while no direct IO is under way, and
 * a direct write whose range was written back and invalidated under i_rwsem finds no dirty page at its end.
 * Lock order: i_rwsem, page locks, the map's lock. A task that has a page locked tries for further ones and
 * never waits for them.
 */
#ifndef _LAB_FS_H
#define _LAB_FS_H

#include <linux/types.h>
#include <linux/atomic.h>
#include <linux/bug.h>
#include <linux/errno.h>
#include <linux/errseq.h>
#include <linux/lockdep.h>
#include <linux/rwsem.h>
#include <linux/list.h>

struct block_device;
struct lab_extent_map;
struct page;

#define LAB_BLOCK_SHIFT		12
#define LAB_BLOCK_BYTES		(1u << LAB_BLOCK_SHIFT)
#define LAB_MAX_EXTENTS		(1u << 20)	/* an inode's; -ENOSPC beyond */
#define LAB_MAX_FILE_BYTES	(1ull << 40)
#define LAB_CACHE_MAX_PAGES	1024u		/* of one inode: clean ones go when another is wanted */
#define LAB_CACHE_MAX_DIRTY	256u		/* of one inode: who dirties more writes back */
#define LAB_CACHE_BACKGROUND_DIRTY 128u		/* more: the flusher, if there is one, writes back */

/*
 * Where the page cache of an inode begins. nrpages: READ_ONCE() without a lock tells direct IO to pass by. wb_err:
 * errors of write-back. wb_told: the one sample of it that designs have whose time knew no other (lab_wb_check()).
 * wb_untaken: of those since somebody was told, for direct IO (lab_wb_take()).
 */
struct address_space {
	struct inode *host;
	unsigned long nrpages;
	errseq_t wb_err, wb_told;
	int wb_untaken;
};

struct inode {
	loff_t i_size;			/* i_size_read()/i_size_write() */
	unsigned int i_blkbits;
	struct rw_semaphore i_rwsem;
	atomic_t i_dio_count;
	struct address_space i_data, *i_mapping;
	struct lab_fs *i_lab_fs;
	struct lab_extent_map *i_map;
	u64 i_lab_version;		/* of the map: +1 at every change */
	struct list_head i_lab_node;
};

enum lab_extent_type { LAB_HOLE, LAB_MAPPED, LAB_UNWRITTEN };

#define LAB_EXT_NEW		1	/* allocated by this very call */
#define LAB_EXT_DIRTY_META	2	/* mapped, but its metadata is not yet durable: FUA needs a flush */

/* One answer: [pos, pos + len) is all of one type and, unless a hole, contiguous on bdev from sector. */
struct lab_extent {
	loff_t pos;
	u64 len_bytes;
	enum lab_extent_type type;
	unsigned int flags;
	struct block_device *bdev;
	sector_t sector;		/* of byte pos; 512-byte units */
};

#define LAB_MAP_CREATE		1	/* for a write: allocate where there is a hole */
#define LAB_MAP_NOWAIT		2	/* -EAGAIN rather than wait, allocate, read or take a contended lock */

/*
 * lab_map - what lies at [pos, pos + len)? The answer begins at pos and is clipped to len.
 * pos and len need no alignment. Returns 0; -EAGAIN (LAB_MAP_NOWAIT), -ENOSPC, -EFBIG, -EINVAL (empty),
 * -ENOMEM; with cold_map also the error of the disk.
 * Context: task; i_rwsem held (shared suffices; the map has its own lock). May sleep unless NOWAIT.
 */
int lab_map(struct inode *inode, loff_t pos, u64 len_bytes, unsigned int flags, struct lab_extent *out);

/*
 * Unwritten to mapped for the fs blocks that [pos, pos + len) touches. Task context, may sleep. 0, -ENOSPC,
 * -ENOMEM, -EIO (there is a hole).
 */
int lab_convert(struct inode *inode, loff_t pos, u64 len_bytes);

void lab_map_forget(struct inode *inode);	/* with cold_map: as if just mounted. Sleeps */

void lab_inode_dio_none_left(struct inode *inode);
void lab_inode_dio_wait(struct inode *inode);		/* i_rwsem held exclusively */

/* One more piece of direct IO in flight. i_rwsem held, shared or exclusively. Context: task. */
static inline void lab_inode_dio_begin(struct inode *inode)
{
	lockdep_assert_held(&inode->i_rwsem);
	atomic_inc(&inode->i_dio_count);
}

/*
 * One piece less; the last one wakes who waits for none. Context: any. @inode lives until this returns: who
 * closes a file waits for the ends, not for the count alone.
 */
static inline void lab_inode_dio_end(struct inode *inode)
{
	WARN_ON(atomic_read(&inode->i_dio_count) <= 0);
	if (atomic_dec_and_test(&inode->i_dio_count))
		lab_inode_dio_none_left(inode);
}

/* The file's size as of some moment. Context: any. */
static inline loff_t i_size_read(const struct inode *inode)
{
	return READ_ONCE(inode->i_size);
}

void i_size_write(struct inode *inode, loff_t size);	/* i_rwsem exclusive */

enum lab_lock { LAB_LOCK_NONE, LAB_LOCK_SHARED, LAB_LOCK_EXCL };

/*
 * lab_lock_for_write - take i_rwsem the way this filesystem wants it for a write of [pos, pos + len):
 * exclusive when it extends i_size, or is not fs-block aligned over an unwritten extent or hole, or under
 * lock=exclusive; else shared. Rechecks after taking it. @nowait: -EAGAIN instead of waiting. Also the error of
 * lab_settle_eof().
 */
int lab_lock_for_write(struct inode *inode, loff_t pos, u64 len_bytes, bool nowait, enum lab_lock *out);

/*
 * lab_lock_for_read - take i_rwsem for a read: shared. @out: as above; LAB_LOCK_NONE on error. Context:
 * task, may sleep unless @nowait. 0; -EAGAIN (@nowait).
 */
static inline int lab_lock_for_read(struct inode *inode, bool nowait, enum lab_lock *out)
{
	*out = LAB_LOCK_NONE;
	if (!nowait)
		down_read(&inode->i_rwsem);
	else if (!down_read_trylock(&inode->i_rwsem))
		return -EAGAIN;
	*out = LAB_LOCK_SHARED;
	return 0;
}

/* Undo either; LAB_LOCK_NONE: nothing to do. Context: the task that took it. */
static inline void lab_unlock(struct inode *inode, enum lab_lock lock)
{
	if (likely(lock == LAB_LOCK_SHARED))
		up_read(&inode->i_rwsem);
	else if (lock == LAB_LOCK_EXCL)
		up_write(&inode->i_rwsem);
}

/*
 * Change of size and blocks; all four take i_rwsem themselves, exclusively, and wait for IO in flight. Shrinking
 * frees blocks and zeroes the tail of the last one on disk.
 */
int lab_truncate(struct inode *inode, loff_t size);
int lab_punch(struct inode *inode, loff_t pos, u64 len_bytes);	/* hole; edges zeroed on disk */
int lab_zero(struct inode *inode, loff_t pos, u64 len_bytes, bool keep_size);	/* unwritten */
int lab_alloc(struct inode *inode, loff_t pos, u64 len_bytes, bool keep_size);	/* holes become unwritten */
/*
 * Where is data, or a hole, at or after @pos, as lseek(2)? The end of the file is a hole. Sleeps. A position;
 * -ENXIO: behind the end, or no data.
 */
loff_t lab_seek_data(struct inode *inode, loff_t pos);
loff_t lab_seek_hole(struct inode *inode, loff_t pos);
/*
 * After a write beyond i_size that failed: free what lies beyond, zero the tail of the last block on disk.
 * i_rwsem held exclusively. Sleeps: waits for IO in flight.
 */
int lab_trim_eof(struct inode *inode);
/*
 * Before a write beyond i_size, by who holds i_rwsem exclusively and not through lab_lock_for_write(): what an earlier
 * lab_trim_eof() could not do, or the file does not grow. Sleeps. 0 or -errno.
 */
int lab_settle_eof(struct inode *inode);
/* Data and metadata durable: flushes the block device when anything was written since. Sleeps. */
int lab_fsync(struct inode *inode, bool datasync);
void lab_fs_wrote(struct inode *inode);			/* the device's cache holds something of this inode */

/*
 * Pages. What is handed out carries a reference for put_page(). None of this looks at alignment; ranges are
 * bytes and mean all pages they touch.
 */
struct page *lab_page_find(struct inode *inode, pgoff_t index);		/* uptodate, or NULL. Any context */
int lab_page_get(struct inode *inode, pgoff_t index, struct page **out);	/* locked; added if missing */
void lab_page_unlock(struct page *page);
void lab_page_set_uptodate(struct page *page);
void lab_page_set_dirty(struct page *page);

/* Read page @index and those missing after it, @nr in all at most. Sleeps; i_rwsem held. 0 or -errno. */
int lab_cache_read(struct inode *inode, pgoff_t index, unsigned int nr);
/* One page of a buffered write: locked, allocated, and its other bytes the file's. Sleeps. 0 or -errno. */
int lab_write_begin(struct inode *inode, loff_t pos, unsigned int len_bytes, struct page **out);
/* @copied_bytes of them are there. Returns how many count: 0 if the page is not whole without the rest. */
unsigned int lab_write_end(struct inode *inode, struct page *page, loff_t pos, unsigned int len_bytes,
			   unsigned int copied_bytes);
/* Write dirty pages back and wait. 0 or the first error; the pages are clean in either case. */
int lab_cache_write(struct inode *inode, loff_t pos, u64 len_bytes);
/* The same for a write that must know: also an error, of others too, since lab_wb_count() said @errors. */
int lab_cache_write_since(struct inode *inode, loff_t pos, u64 len_bytes, u32 errors, errseq_t *seen);
/* All of them; returns what lab_wb_check() says then. For fsync. */
int lab_cache_sync(struct inode *inode, errseq_t *seen);
/*
 * Above LAB_CACHE_MAX_DIRTY: write back; above LAB_CACHE_BACKGROUND_DIRTY: have the flusher do it. For who
 * dirtied, with no page locked.
 */
void lab_cache_balance(struct inode *inode);
/* Have the flusher write back. Does not wait; any context. False: no flusher, or it is about to anyway. */
bool lab_cache_start_writeback(struct inode *inode);
bool lab_cache_is_dirty(struct inode *inode, loff_t pos, u64 len_bytes);	/* any context */
/*
 * Forget clean pages, without waiting: -EBUSY if one is dirty, and stays, or is locked, and goes when it is
 * unlocked. Any context.
 */
int lab_cache_invalidate(struct inode *inode, loff_t pos, u64 len_bytes);
/* Forget all pages, dirty ones too. i_rwsem exclusive, no direct IO in flight; waits for locked pages. */
void lab_cache_drop(struct inode *inode, loff_t pos, u64 len_bytes);

/*
 * Errors of write-back (wb-err.c): told once to each who has the file open. Who opens it takes a sample.
 * lab_wb_count(): how many there have been, for who is about to write.
 */
errseq_t lab_wb_sample(struct inode *inode);
int lab_wb_tell(struct inode *inode, errseq_t *seen);
int lab_wb_take_untaken(struct inode *inode);
u32 lab_wb_count(struct inode *inode);

/*
 * An error since @seen, which moves on: told once a sample. @seen may be i_mapping->wb_told, which is one for all: then
 * whoever comes first is told, and nobody else. Context: any. 0 or the last error.
 */
static inline int lab_wb_check(struct inode *inode, errseq_t *seen)
{
	if (likely(READ_ONCE(*seen) == READ_ONCE(inode->i_mapping->wb_err)))
		return 0;
	return lab_wb_tell(inode, seen);
}

/* Must direct IO look at the page cache: is there a page, or an error that nobody was told of? Context: any. */
static inline bool lab_cache_concerns_dio(const struct inode *inode)
{
	const struct address_space *mapping = inode->i_mapping;

	return READ_ONCE(mapping->nrpages) || READ_ONCE(mapping->wb_untaken);
}

/*
 * Of errors that nobody was told of, one, and they count as taken, though no sample has moved: AS_EIO and AS_ENOSPC,
 * which direct IO looks at beside what it writes back itself, filemap_check_errors(). Context: any. 0, -EIO or -ENOSPC.
 */
static inline int lab_wb_take(struct inode *inode)
{
	return likely(!READ_ONCE(inode->i_mapping->wb_untaken)) ? 0 : lab_wb_take_untaken(inode);
}

/* What direct IO does then, before it is mapped (dio-cache.c). -ENOTBLK: write through the page cache. */
int lab_cache_dio_read(struct inode *inode, loff_t pos, u64 len_bytes, bool nowait);
int lab_cache_dio_write(struct inode *inode, loff_t pos, u64 len_bytes, bool nowait);

/*
 * Writes in flight, and keeping them out. Whoever writes to a file, directly, through the page cache or by a
 * change of size or map, has lab_sb_start_write() before it takes any lock of the file and before its first
 * side effect, and lab_sb_end_write() when the IO is done, before anybody is told.
 *
 * Once an IO, though it is tried twice: what was tried without waiting and is handed to a worker keeps the one
 * that it has, and the worker must not take another. It would wait for a thaw, and the freezer for the first.
 *
 * lab_sb_start_write: 0; -EAGAIN (@nowait, and frozen). lab_sb_end_write: any context, any task.
 */
int lab_sb_start_write(struct inode *inode, bool nowait);
void lab_sb_end_write(struct inode *inode);
/* Waits for writes in flight, keeps others out, lets nothing be dirty. 0; -EBUSY (frozen); -errno. Sleeps. */
int lab_fs_freeze(struct lab_fs *fs);
int lab_fs_thaw(struct lab_fs *fs);			/* 0; -EINVAL (not frozen) */

enum lab_layout { LAB_LAYOUT_CONTIGUOUS, LAB_LAYOUT_FRAGMENTED, LAB_LAYOUT_SPARSE, LAB_LAYOUT_UNWRITTEN };

struct lab_fs_opts {
	enum lab_layout layout;
	u64 fragment_bytes;		/* FRAGMENTED: of each extent, never contiguous with the next */
	bool lock_exclusive;
	u64 seed;			/* of FRAGMENTED's order */
	bool cold_map;			/* maps are read from the disk, leaf by leaf, when first asked */
	bool flusher;			/* write-back in the background, by a work item */
	unsigned int nesting;		/* 1 on a loop device on a filesystem of nesting 0, …: lock classes */
};

/* The whole of @bdev. ERR_PTR(-ENOMEM | -EINVAL). */
struct lab_fs *lab_fs_create(struct block_device *bdev, const struct lab_fs_opts *opts);
void lab_fs_destroy(struct lab_fs *fs);			/* its inodes too */
/* A file of @size laid out as the options say (size 0: empty). ERR_PTR(-ENOSPC | -ENOMEM). */
struct inode *lab_inode_create(struct lab_fs *fs, loff_t size);
void lab_inode_destroy(struct inode *inode);
u64 lab_fs_free_bytes(struct lab_fs *fs);
unsigned int lab_inode_nr_extents(struct inode *inode);
/*
 * The inode of a block device: lab_map() is the identity up to the device's end (LAB_MAP_CREATE beyond:
 * -ENOSPC), lab_fsync() a flush, and all of the page cache is as for a file. For lab_inode_destroy(). Not for
 * truncate, punch and zero; a write is the caller's to clip at i_size, which is the capacity as it was last
 * read.
 * ERR_PTR(-ENOMEM).
 */
struct inode *lab_bdev_inode_create(struct block_device *bdev);
/* Of @opts, flusher and nesting. The latter is 0 unless the device stands on another block device's inode. */
struct inode *lab_bdev_inode_create_opts(struct block_device *bdev, const struct lab_fs_opts *opts);
void lab_bdev_inode_resize(struct inode *inode);	/* the capacity has changed. Sleeps */
void lab_bdev_inode_follow(struct inode *inode);	/* the same, if it has */
int lab_bdev_inode_sync(struct inode *inode, errseq_t *seen);	/* fsync(2): dirty pages, then a flush. Sleeps */
/* The device that holds the inode's data, for alignment and FUA. Never NULL. Context: any. */
struct block_device *lab_inode_bdev(const struct inode *inode);

#endif
