/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fs-internal.h - what the files of fs-model share with each other and with their tests, and with nobody
 * else.
 *
 * Blocks are LAB_BLOCK_BYTES. A block number inside a file is called file_blk, one on the device disk_blk.
 *
 * Lock order: a write in flight (freeze.c), inode->i_rwsem, page locks, lab_extent_map.lock,
 * lab_allocator.lock; lab_fs.inodes_lock before page locks, lab_inode.sync_lock after i_rwsem and inodes_lock,
 * with none of the others; lab_page_cache.lock innermost.
 */
#ifndef _LAB_FS_INTERNAL_H
#define _LAB_FS_INTERNAL_H

#include <linux/types.h>
#include <linux/atomic.h>
#include <linux/bio.h>
#include <linux/cache.h>
#include <linux/container_of.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <lab/fs.h>

/* ---- the extent map: extmap.c, extmap-edit.c -------------------------------------------- */

/**
 * struct lab_ext - one extent, or a piece of one, or a hole
 * @disk_blk: meaningless for a hole
 * @type: enum lab_extent_type
 */
struct lab_ext {
	u32 file_blk;
	u32 nr_blks;
	u32 disk_blk;
	u32 type;
};

#define LAB_LEAF_EXTENTS	127u	/* a leaf with its header is 2 KiB */

struct lab_leaf {
	u32 nr;
	u32 cold;			/* 1: not in memory (cold.c) */
	u32 pad[2];
	struct lab_ext ext[LAB_LEAF_EXTENTS];
};

struct lab_leaf_ref {
	struct lab_leaf *leaf;
	u32 first_blk;			/* leaf->ext[0].file_blk, so that a search stays in one array */
};

/**
 * struct lab_extent_map - where the blocks of one file lie
 * @lock: the map's own; shared to look, exclusive to change. Never held across IO
 * @dir: the leaves in order of file position, none of them empty
 * @nr_leaves: used entries of @dir
 * @dir_room: entries @dir has memory for
 * @nr_extents: in all leaves
 * @hint: leaf << 32 | index of the extent found last; checked before use, so it may be stale. Never in a leaf
 *	that is cold: LAB_NO_HINT when leaves have moved
 */
struct lab_extent_map {
	struct rw_semaphore lock;
	struct lab_leaf_ref *dir;
	u32 nr_leaves, dir_room;
	u32 nr_extents;
	u64 hint;
};

#define LAB_NO_HINT	(~0ull)

/* A place in a map: an extent, or the end when leaf == nr_leaves. */
struct lab_map_pos {
	u32 leaf, idx;
};

/*
 * The extent found last, if it holds @file_blk, else NULL: the answer to all IO of a file of one extent, and
 * to most of what is sequential. @map locked, shared suffices.
 */
static inline const struct lab_ext *lab_extmap_hinted(const struct lab_extent_map *map, u32 file_blk)
{
	u64 hint = READ_ONCE(map->hint);
	u32 leaf = hint >> 32, idx = (u32)hint;
	const struct lab_ext *ext;

	if (unlikely(leaf >= map->nr_leaves || idx >= map->dir[leaf].leaf->nr))
		return NULL;
	ext = &map->dir[leaf].leaf->ext[idx];
	return file_blk - ext->file_blk < ext->nr_blks ? ext : NULL;
}

void lab_extmap_init(struct lab_extent_map *map);
void lab_extmap_destroy(struct lab_extent_map *map);
struct lab_map_pos lab_extmap_find(struct lab_extent_map *map, u32 file_blk);
struct lab_leaf *lab_extmap_leaf(struct lab_extent_map *map, u32 file_blk);
struct lab_ext *lab_extmap_at(struct lab_extent_map *map, struct lab_map_pos pos);
struct lab_map_pos lab_extmap_next(struct lab_extent_map *map, struct lab_map_pos pos);
bool lab_extmap_prev(struct lab_extent_map *map, struct lab_map_pos *pos);
int lab_extmap_add_at(struct lab_extent_map *map, struct lab_map_pos pos, const struct lab_ext *ext);
void lab_extmap_del_at(struct lab_extent_map *map, struct lab_map_pos pos);
void lab_extmap_set_first(struct lab_extent_map *map, struct lab_map_pos pos, u32 file_blk);

void lab_extmap_lookup(struct lab_extent_map *map, u32 file_blk, u32 nr_blks, struct lab_ext *out);
int lab_extmap_insert(struct lab_extent_map *map, const struct lab_ext *ext);
int lab_extmap_set_type(struct lab_extent_map *map, u32 file_blk, u32 nr_blks,
			enum lab_extent_type type, u32 *changed);
int lab_extmap_remove(struct lab_extent_map *map, u32 file_blk, u32 nr_blks,
		      void (*drop)(void *arg, u32 disk_blk, u32 nr_blks), void *arg);

int lab_map_warm(struct inode *inode, u32 file_blk, bool nowait);

/* ---- the allocator: alloc.c -------------------------------------------------------------- */

#define LAB_FS_MAX_BLOCKS	(1u << 28)	/* 1 TiB: a bitmap of 32 MiB */

/**
 * struct lab_allocator - which blocks of the device are free
 * @lock: all of this
 * @bitmap: one bit a block, 1: in use
 * @nr_blks: of the device
 * @nr_free: clear bits
 * @cursor: contiguous: the block to look at first. fragmented: index in @order of the slot in use
 * @slot_blks: fragmented: blocks in a slot; 0: contiguous
 * @nr_slots: fragmented: the last one may be shorter, and is the last in @order
 * @order: fragmented: the order in which slots are handed out; no slot is followed by its neighbour
 */
struct lab_allocator {
	struct mutex lock;
	unsigned long *bitmap;
	u32 nr_blks, nr_free;
	u32 cursor;
	u32 slot_blks, nr_slots;
	u32 *order;
};

int lab_alloc_init(struct lab_allocator *a, u32 nr_blks, u32 slot_blks, u64 seed);
void lab_alloc_destroy(struct lab_allocator *a);
u32 lab_alloc_blocks(struct lab_allocator *a, u32 want_blks, u32 *disk_blk);
void lab_free_blocks(struct lab_allocator *a, u32 disk_blk, u32 nr_blks);

/* ---- the page cache: page-tree.c, page.c, page-io.c, writeback.c, wb-err.c ------------------------- */

#define LAB_NODE_SHIFT		6u
#define LAB_NODE_SLOTS		(1u << LAB_NODE_SHIFT)
#define LAB_NODE_LEVELS		5u	/* indices of 30 bits; LAB_MAX_FILE_BYTES needs 28 */
#define LAB_PAGE_BATCH		32u	/* pages that are locked at once, and read in one bio */

/* Of the lowest level: pages; else nodes. */
struct lab_page_node {
	u32 nr;				/* slots in use: never 0 in a tree at rest */
	void *slot[LAB_NODE_SLOTS];
};

/**
 * struct lab_page_cache - the pages of an inode, by index
 * @lock: all of this, nrpages, and page->flags, ->mapping and ->index of each page
 * @root: NULL: no page
 * @nr_dirty: pages with PG_dirty; a page stays dirty until its write-back has ended. Read without the lock by
 *	who only wants to know whether they are many
 * @hand: index where the search for a page to drop goes on
 * @unlocks: +1 at every lab_page_unlock()
 * @reserve: a page for when there is no memory; comes back when a page is forgotten that nobody else has
 * @spare: nodes for the same case, @nr_spare of them
 * @nr_errors: of write-back, so far: see lab_cache_write_since()
 * @wait: for @unlocks to change
 */
struct lab_page_cache {
	spinlock_t lock;
	struct lab_page_node *root;
	unsigned long nr_dirty;
	pgoff_t hand;
	u64 unlocks;
	struct page *reserve;
	struct lab_page_node *spare[LAB_NODE_LEVELS];
	unsigned int nr_spare;
	u32 nr_errors;
	wait_queue_head_t wait;
};

int lab_cache_init(struct lab_page_cache *cache);
void lab_cache_exit(struct lab_page_cache *cache);
struct lab_page_node *lab_cache_node_alloc(gfp_t gfp);
struct page *lab_cache_next(struct lab_page_cache *cache, pgoff_t index, pgoff_t last);
int lab_cache_insert(struct lab_page_cache *cache, pgoff_t index, struct page *page);
void lab_cache_remove(struct lab_page_cache *cache, pgoff_t index, struct page *page);
struct page *lab_page_try_add(struct inode *inode, pgoff_t index);
void lab_cache_wait_unlock(struct lab_page_cache *cache, u64 unlocks);
void lab_cache_del(struct lab_page_cache *cache, struct page *page);
void lab_wb_note(struct inode *inode, int err);

/* ---- writes in flight: freeze.c -------------------------------------------------------------------- */

#define LAB_SB_SHARDS		16u	/* tasks seldom share a line */

struct lab_sb_shard {
	atomic_t count;
} ____cacheline_aligned;

enum lab_sb_state { LAB_SB_OPEN, LAB_SB_CHANGING, LAB_SB_FROZEN };

/**
 * struct lab_sb - the writes of a filesystem that are in flight, and whether there may be any
 * @shard: their sum is the number of writes, twice, and a bit that says frozen: see freeze.c
 * @state: enum lab_sb_state. CHANGING: the business of one task
 * @wait: for the sum to be 0, and for @state to be OPEN
 */
struct lab_sb {
	struct lab_sb_shard shard[LAB_SB_SHARDS];
	atomic_t state;
	wait_queue_head_t wait;
};

void lab_sb_init(struct lab_sb *sb);
unsigned int lab_sb_writers(struct lab_sb *sb);

/* ---- inodes ------------------------------------------------------------------------------- */

/**
 * struct lab_fs - a filesystem
 * @bdev: all of it
 * @opts: as created
 * @alloc: the blocks of @bdev
 * @sb: the writes in flight
 * @wb_bios: what write-back allocates
 * @flusher: where the inodes' flush_work is queued; NULL: no flusher
 * @is_bdev: no filesystem, but what stands behind the inode of a block device (bdev-inode.c)
 * @inodes: its files, under @inodes_lock
 */
struct lab_fs {
	struct block_device *bdev;
	struct lab_fs_opts opts;
	struct lab_allocator alloc;
	struct lab_sb sb;
	struct bio_set wb_bios;
	struct workqueue_struct *flusher;
	bool is_bdev;
	struct mutex inodes_lock;
	struct list_head inodes;
};

/**
 * struct lab_inode - an inode and what only the model knows of it
 * @inode: what everybody sees
 * @map: its blocks
 * @cache: its pages
 * @flush_work: the flusher's business with it
 * @dio_wait: who waits for i_dio_count to reach zero
 * @sync_lock: one fsync at a time, so that none returns while the flush that covers it is under way
 * @wrote: 1: the device may hold something of this inode that is not durable
 * @meta_seq: +1 at every change of map or size
 * @meta_durable_seq: @meta_seq as it was before the last flush that succeeded
 * @tail_stale: behind i_size, the last block may hold on disk what is not zero. Under i_rwsem, exclusively
 */
struct lab_inode {
	struct inode inode;
	struct lab_extent_map map;
	struct lab_page_cache cache;
	struct work_struct flush_work;
	wait_queue_head_t dio_wait;
	struct mutex sync_lock;
	atomic_t wrote;
	atomic64_t meta_seq;
	u64 meta_durable_seq;
	bool tail_stale;
};

static inline struct lab_inode *lab_i(const struct inode *inode)
{
	return container_of((struct inode *)inode, struct lab_inode, inode);
}

int lab_writeback_init(struct lab_fs *fs);
void lab_writeback_exit(struct lab_fs *fs);
void lab_flush_work(struct work_struct *work);
int lab_inode_init(struct lab_inode *li, struct lab_fs *fs);
void lab_bdev_inode_free(struct inode *inode);
int lab_bdev_map(struct inode *inode, loff_t pos, u64 len_bytes, unsigned int flags, struct lab_extent *out);
void lab_map_changed(struct inode *inode);

/* Has map or size changed since the last flush? Context: any. */
static inline bool lab_meta_dirty(const struct inode *inode)
{
	const struct lab_inode *li = lab_i(inode);

	return (u64)atomic64_read(&li->meta_seq) != READ_ONCE(li->meta_durable_seq);
}

int lab_map_peek(struct inode *inode, loff_t pos, bool nowait, struct lab_ext *out);
int lab_map_blocks(struct inode *inode, u32 file_blk, u32 nr_blks, struct lab_ext *out);
void lab_unmap_blocks_drop(void *fs, u32 disk_blk, u32 nr_blks);

#endif
