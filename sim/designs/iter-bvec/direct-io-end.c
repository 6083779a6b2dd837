// SPDX-License-Identifier: GPL-2.0-only
/*
 * direct-io-end.c - a dio's memory, and its way up: from the end of a bio to the end of the piece, of the
 * dio, of the kiocb. The way down, and what the structures are for, is in direct-io.c.
 *
 * Memory. The bio that holds a piece is released when the piece ends, the one that holds the dio when the
 * dio ends, further bios at once. So no bio needs a second reference. What a completion still needs is read
 * before.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include "direct-io.h"

#define DIO_POOL_SIZE		4	/* bios kept back in each set: progress without memory */
#define DIO_MAX_ACTIVE		4	/* conversions and flushes at work at once */

/*
 * Two of a kind: bios with elements of their own, and those that are lent an array and need no room for
 * them.
 */
enum { DIO_OWN_VECS, DIO_LENT_VECS, DIO_NR_SETS };

/**
 * struct dio_sets - what the bios of a file come from
 * @dio: dio + first piece + bio
 * @piece: piece + bio
 * @extra: further bios of a piece, edges
 *
 * One for each file, since a file may lie on a loop device on another: what is kept back for all of them together
 * would be held by those above, who wait for those below.
 */
struct dio_sets {
	struct bio_set dio[DIO_NR_SETS], piece[DIO_NR_SETS], extra;
};

static struct kmem_cache *dio_cache;
static struct workqueue_struct *dio_wq;
static struct lab_knobs dio_knobs;

/* ---- piece: allocation ---------------------------------------------------------------------- */

static void dio_bio_release(struct bio *bio, bool dirty)
{
	if (dirty) {
		bio_check_pages_dirty(bio);
	} else {
		bio_release_pages(bio, false);
		bio_put(bio);
	}
}

static void dio_free(struct dio *dio)
{
	if (dio->embedded)
		dio_bio_release(&dio->first.bio, dio->dirty);
	else
		kmem_cache_free(dio_cache, dio);
}

static inline void dio_setup(struct dio *dio, struct dio_walk *w, bool embedded)
{
	dio->iocb = w->iocb;
	dio->file = w->file;
	dio->pos = w->start;
	dio->i_size = w->i_size;
	dio->done_bytes = 0;
	dio->waiter = w->wait ? current : NULL;
	dio->error = 0;
	atomic_set(&dio->ref, 1);
	dio->write = w->write;
	dio->wait = w->wait;
	dio->extend = w->extend;
	dio->dirty = !w->write && user_backed_iter(w->iter);
	dio->multi = false;
	dio->embedded = embedded;
	dio->need_sync = false;
	dio->first.dio = dio;
	dio->first.unwritten = false;
	w->dio = dio;
}

/* Who waits looks at the first one, which therefore stays. */
static noinline void dio_bio_polled(struct dio_walk *w, struct bio *bio)
{
	bio->bi_opf |= REQ_POLLED;
	if (w->wait && !w->polled) {
		bio_get(bio);
		w->polled = bio;
	}
}

static inline struct bio *dio_bio_alloc(struct dio_walk *w, struct bio_set *bs, struct block_device *bdev,
					unsigned int nr_vecs)
{
	blk_opf_t opf = w->write ? REQ_OP_WRITE | REQ_SYNC | REQ_IDLE : REQ_OP_READ;
	struct bio *bio;

	if (w->iocb->ki_flags & IOCB_NOWAIT)
		opf |= REQ_NOWAIT;
	bio = bio_alloc_bioset(bdev, nr_vecs, opf, w->gfp, bs);
	if (unlikely(!bio))
		return NULL;
	bio_set_prio(bio, w->iocb->ki_ioprio);
	if (unlikely(w->iocb->ki_flags & IOCB_HIPRI))
		dio_bio_polled(w, bio);
	return bio;
}

/**
 * piece_alloc - a piece for the next @len_bytes of the walk, and the dio if there is none yet
 * @w: the walk; w->dio is set
 * @bdev: where the extent is
 * @len_bytes: of the extent's part
 *
 * Context: w->gfp says. Return: the piece, its bio empty; NULL: no memory (never with alloc=pool and a
 * blocking gfp).
 */
struct dio_piece *piece_alloc(struct dio_walk *w, struct block_device *bdev, u32 len_bytes)
{
	unsigned int nr_vecs = iov_iter_npages(w->iter, len_bytes, lab_bio_max_vecs(bdev));
	unsigned int set = nr_vecs ? DIO_OWN_VECS : DIO_LENT_VECS;
	struct dio_piece *piece;
	struct bio *bio;

	if (!w->dio && dio_knobs.alloc == LAB_ALLOC_POOL) {
		bio = dio_bio_alloc(w, &w->file->f_dio_sets->dio[set], bdev, nr_vecs);
		if (!bio)
			return NULL;
		dio_setup(container_of(bio, struct dio, first.bio), w, true);
	} else {
		if (!w->dio) {
			struct dio *dio = kmem_cache_alloc(dio_cache, w->gfp);

			if (!dio)
				return NULL;
			dio_setup(dio, w, false);
		}
		bio = dio_bio_alloc(w, &w->file->f_dio_sets->piece[set], bdev, nr_vecs);
		if (!bio)
			return NULL;
	}
	piece = container_of(bio, struct dio_piece, bio);
	piece->dio = w->dio;
	piece->pos = w->pos;
	piece->len_bytes = len_bytes;
	piece->error = 0;
	piece->multi = piece->unwritten = piece->wrote = false;
	return piece;
}

/**
 * piece_abort - undo piece_alloc() before anything was submitted for the piece
 * @w: the walk; has no dio any more if the piece held it
 * @piece: gone afterwards, its pins too
 *
 * Context: any.
 */
void piece_abort(struct dio_walk *w, struct dio_piece *piece)
{
	if (piece_holds_dio(piece))
		w->dio = NULL;
	dio_bio_release(&piece->bio, false);
}

/**
 * piece_extra_bio - one more bio for a piece that has one
 * @w: the walk
 * @bdev: where the piece is
 * @nr_vecs: elements of its own
 *
 * From a set of its own: pieces under construction hold theirs while they ask. Context and result as
 * piece_alloc().
 */
struct bio *piece_extra_bio(struct dio_walk *w, struct block_device *bdev, unsigned int nr_vecs)
{
	return dio_bio_alloc(w, &w->file->f_dio_sets->extra, bdev, nr_vecs);
}

/**
 * dio_abort - free a dio that no piece came of (alloc=kmalloc: an embedded one goes with its piece)
 * @dio: gone afterwards
 *
 * Context: any.
 */
void dio_abort(struct dio *dio)
{
	BUG_ON(dio->embedded || dio->multi);
	kmem_cache_free(dio_cache, dio);
}

/* ---- complete, end_io ----------------------------------------------------------------------- */

/* All pieces are done. Publishes the size, makes it durable if asked, frees the dio; bytes or -errno. */
static ssize_t dio_complete(struct dio *dio)
{
	ssize_t ret = dio->error ? dio->error : dio->done_bytes;
	struct inode *inode = dio->file->f_inode;
	struct kiocb *iocb = dio->iocb;

	if (ret > 0 && !dio->write)
		ret = min_t(loff_t, ret, dio->i_size - dio->pos);
	if (ret > 0 && dio->extend)
		i_size_write(inode, dio->pos + ret);
	if (ret > 0 && dio->need_sync) {
		int err = lab_wb_check(inode, &dio->file->f_wb_err) ?: lab_fsync(inode, true);

		if (err)
			ret = err;
	}
	if (ret > 0)
		iocb->ki_pos += ret;
	dio_free(dio);
	return ret;
}

static void dio_complete_async(struct dio *dio)
{
	struct kiocb *iocb = dio->iocb;
	ssize_t ret = dio_complete(dio);

	iocb->ki_complete(iocb, ret);
}

/* Let process context go on with @piece: convert it, or end its dio. Any context. */
static void dio_defer(struct dio_piece *piece)
{
	struct file *file = piece->dio->file;

	if (llist_add(&piece->done_node, &file->f_done))
		queue_work(dio_wq, &file->f_done_work);
}

/**
 * dio_drop - drop a reference; the last one ends the dio
 * @dio: maybe gone afterwards
 *
 * Context: any.
 */
void dio_drop(struct dio *dio)
{
	if (dio->multi && !atomic_dec_and_test(&dio->ref))
		return;
	if (dio->wait) {
		struct task_struct *waiter = dio->waiter;

		smp_store_release(&dio->waiter, NULL);	/* it may free the dio from here on */
		wake_up_process(waiter);
	} else if ((dio->need_sync && !dio->error) || dio_knobs.completion == LAB_COMPLETION_WQ) {
		dio_defer(&dio->first);
	} else {
		dio_complete_async(dio);
	}
}

/* The piece's data is where it belongs, and said to be there. Any context. */
static void piece_end(struct dio_piece *piece)
{
	struct dio *dio = piece->dio;
	struct inode *inode = dio->file->f_inode;

	dio_note_error(&dio->error, piece->error);
	if (piece->wrote)
		lab_fs_wrote(inode);
	if (dio->write)
		filemap_dio_write_end(inode, piece->pos, piece->len_bytes);
	if (!piece_holds_dio(piece))
		dio_bio_release(&piece->bio, dio->dirty);
	lab_inode_dio_end(inode);
	dio_drop(dio);
}

static void piece_convert(struct dio_piece *piece)
{
	struct file *file = piece->dio->file;

	piece->unwritten = false;
	piece->error = file->f_dio_ops->convert(file->f_inode, piece->pos, piece->len_bytes);
	piece_end(piece);
}

/**
 * dio_done_work - what may sleep, or shall not be done where a bio ends: convert pieces, end dios
 * @work: the file's f_done_work
 *
 * Context: worker, sleeps.
 */
void dio_done_work(struct work_struct *work)
{
	struct file *file = container_of(work, struct file, f_done_work);
	struct llist_node *node, *next;

	llist_for_each_safe(node, next, llist_reverse_order(llist_del_all(&file->f_done))) {
		struct dio_piece *piece = llist_entry(node, struct dio_piece, done_node);

		if (piece->unwritten)
			piece_convert(piece);
		else
			dio_complete_async(piece->dio);
	}
}

/*
 * All bios of the piece have ended. A write that failed stays unwritten: zeros, not what was on disk
 * before.
 */
static void piece_done(struct dio_piece *piece)
{
	if (piece->unwritten && !piece->error) {
		dio_defer(piece);
	} else {
		piece->unwritten = false;
		piece_end(piece);
	}
}

/**
 * piece_drop - one bio of the piece has ended, or its builder is through
 * @piece: maybe gone afterwards
 *
 * Context: any.
 */
void piece_drop(struct dio_piece *piece)
{
	if (!piece->multi || atomic_dec_and_test(&piece->bios))
		piece_done(piece);
}

/**
 * dio_end_io - bi_end_io of every bio of a piece
 * @bio: ended
 *
 * Context: any.
 */
void dio_end_io(struct bio *bio)
{
	struct dio_piece *piece = bio->bi_private;

	dio_note_error(&piece->error, blk_status_to_errno(bio->bi_status));
	if (bio != &piece->bio)
		dio_bio_release(bio, piece->dio->dirty);
	piece_drop(piece);
}

/**
 * dio_wait - wait for a dio that dio_submit() gave out
 * @dio: gone afterwards
 *
 * With IOCB_HIPRI it polls as long as there is something to find. Context: the task that called dio_submit(); sleeps.
 * Return: bytes or -errno.
 */
ssize_t dio_wait(struct dio *dio)
{
	struct bio *polled = dio->polled;
	ssize_t ret;

	while (smp_load_acquire(&dio->waiter) && lab_bio_poll_turn(polled))
		;
	for (;;) {
		set_current_state(TASK_UNINTERRUPTIBLE);
		if (!smp_load_acquire(&dio->waiter))
			break;
		io_schedule();
	}
	__set_current_state(TASK_RUNNING);
	ret = dio_complete(dio);
	if (polled)
		bio_put(polled);
	return ret;
}

/**
 * dio_sets_alloc - what a file needs for direct IO
 * @file: being opened
 *
 * Context: task, may sleep. Return: 0 or -ENOMEM, with nothing left behind.
 */
int dio_sets_alloc(struct file *file)
{
	struct dio_sets *sets = kzalloc(sizeof(*sets), GFP_KERNEL);
	unsigned int i;

	if (!sets)
		return -ENOMEM;
	file->f_dio_sets = sets;
	if (bioset_init(&sets->extra, DIO_POOL_SIZE, 0, BIOSET_NEED_BVECS))
		goto bad;
	for (i = 0; i < DIO_NR_SETS; i++) {
		int flags = i == DIO_OWN_VECS ? BIOSET_NEED_BVECS : 0;

		if (bioset_init(&sets->dio[i], DIO_POOL_SIZE, offsetof(struct dio, first.bio), flags) ||
		    bioset_init(&sets->piece[i], DIO_POOL_SIZE, offsetof(struct dio_piece, bio), flags))
			goto bad;
	}
	return 0;
bad:
	dio_sets_free(file);
	return -ENOMEM;
}

/**
 * dio_sets_free - undo dio_sets_alloc(); nothing is in flight
 * @file: may have none
 *
 * Context: task, may sleep.
 */
void dio_sets_free(struct file *file)
{
	struct dio_sets *sets = file->f_dio_sets;
	unsigned int i;

	if (!sets)
		return;
	bioset_exit(&sets->extra);
	for (i = 0; i < DIO_NR_SETS; i++) {
		bioset_exit(&sets->piece[i]);
		bioset_exit(&sets->dio[i]);
	}
	kfree(sets);
	file->f_dio_sets = NULL;
}

/**
 * dio_init - cache and workqueue, once
 * @knobs: alloc and completion are looked at
 *
 * Context: task, may sleep. Return: 0 or -ENOMEM, with nothing left behind.
 */
int dio_init(const struct lab_knobs *knobs)
{
	dio_knobs = *knobs;
	dio_cache = KMEM_CACHE(dio, 0);
	if (!dio_cache)
		return -ENOMEM;
	kmem_cache_set_probe(dio_cache, LAB_ALLOC_DIO);
	dio_wq = alloc_workqueue("dio", WQ_MEM_RECLAIM | WQ_UNBOUND, DIO_MAX_ACTIVE);
	if (!dio_wq) {
		dio_exit();
		return -ENOMEM;
	}
	return 0;
}

/**
 * dio_exit - undo dio_init(); nothing is in flight
 *
 * Context: task, may sleep.
 */
void dio_exit(void)
{
	if (dio_wq)
		destroy_workqueue(dio_wq);
	dio_wq = NULL;
	kmem_cache_destroy(dio_cache);
	dio_cache = NULL;
}
