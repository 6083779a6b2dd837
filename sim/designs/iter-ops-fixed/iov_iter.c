// SPDX-License-Identifier: GPL-2.0-only
/*
 * iov_iter.c - the two kinds of memory and their operations tables.
 *
 * Both kinds are walked by one inline function each, which is given the step (copy there, copy back, zero
 * …) as a constant: the compiler makes one loop a method, with the step inlined and no mode to test inside.
 * The steps for user memory are the uaccess calls, which check the range they are given. So there is one
 * checked way to every byte and one indirect call, the table's, in front of it.
 *
 * fill_bio is where memory that is not pinned becomes memory that is: user pages are pinned straight into the
 * bio's own array, one call a segment, neighbours merged; a bio_vec array is borrowed as it is, with an offset into its
 * first element, and costs nothing a page.
 *
 * Source: the idea of a table is the iov_iter_ops series (Kleikamp, Brown, 2012-2013); the borrowing is
 * commit c42bca92be92 (5.12), the pinning 9cd56d916aa4 (4.10) and the FOLL_PIN rules of 6.5.
 */
#include <linux/uio.h>
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/uaccess.h>

/* ---- user memory ---------------------------------------------------------------------------- */

/* Methods of one kind are not called for the other. */
#define assert_user(iter)	VM_BUG_ON((iter)->ops != &iovec_iter_ops)
#define assert_bvec(iter)	VM_BUG_ON((iter)->ops != &bvec_iter_ops)

static inline void __user *user_addr(const struct lab_iovec *seg, size_t offset)
{
	return (void __user *)(seg->base + offset);
}

/* Bytes of the current segment that are left; may be 0. */
static inline size_t seg_left(const struct iov_iter *iter)
{
	return min(iter->iov->len_bytes - iter->iov_offset, iter->count);
}

/*
 * Move over @bytes of the current segment, and to the next one at its end; never looks at one beyond count.
 */
static inline void seg_advance(struct iov_iter *iter, size_t bytes)
{
	iter->iov_offset += bytes;
	iter->count -= bytes;
	if (iter->count && iter->iov_offset == iter->iov->len_bytes) {
		iter->iov++;
		iter->iov_offset = 0;
	}
}

/* A step: returns how many of @len bytes at @uaddr it could not do; @at counts from the call's first byte. */
typedef size_t (*user_step_t)(void __user *uaddr, void *kaddr, size_t at, size_t len);

static __always_inline size_t user_walk(struct iov_iter *iter, void *kaddr, size_t bytes, user_step_t step)
{
	size_t done = 0;

	assert_user(iter);
	bytes = min(bytes, iter->count);
	while (done < bytes) {
		size_t len = min(seg_left(iter), bytes - done), left = 0;

		if (len)
			left = step(user_addr(iter->iov, iter->iov_offset), kaddr, done, len);
		seg_advance(iter, len - left);
		done += len - left;
		if (left)
			break;
	}
	return done;
}

static __always_inline size_t user_step_to(void __user *uaddr, void *kaddr, size_t at, size_t len)
{
	return copy_to_user(uaddr, kaddr + at, len);
}

static __always_inline size_t user_step_from(void __user *uaddr, void *kaddr, size_t at, size_t len)
{
	return copy_from_user(kaddr + at, uaddr, len);
}

static __always_inline size_t user_step_from_nofault(void __user *uaddr, void *kaddr, size_t at, size_t len)
{
	return copy_from_user_inatomic(kaddr + at, uaddr, len);
}

static __always_inline size_t user_step_zero(void __user *uaddr, void *kaddr, size_t at, size_t len)
{
	return clear_user(uaddr, len);
}

static size_t user_copy_to(struct iov_iter *iter, const void *from, size_t bytes)
{
	return user_walk(iter, (void *)from, bytes, user_step_to);
}

static size_t user_copy_from(struct iov_iter *iter, void *to, size_t bytes)
{
	return user_walk(iter, to, bytes, user_step_from);
}

static size_t user_copy_from_nofault(struct iov_iter *iter, void *to, size_t bytes)
{
	return user_walk(iter, to, bytes, user_step_from_nofault);
}

static size_t user_zero(struct iov_iter *iter, size_t bytes)
{
	return user_walk(iter, NULL, bytes, user_step_zero);
}

static size_t user_fault_in(const struct iov_iter *iter, size_t bytes)
{
	struct iov_iter at = *iter;

	assert_user(iter);
	bytes = min(bytes, at.count);
	while (bytes) {
		size_t len = min(seg_left(&at), bytes), left = 0;

		if (len)
			left = fault_in_readable(user_addr(at.iov, at.iov_offset), len);
		if (left)
			return bytes - len + left;
		seg_advance(&at, len);
		bytes -= len;
	}
	return 0;
}

static void user_advance(struct iov_iter *iter, size_t bytes)
{
	assert_user(iter);
	BUG_ON(bytes > iter->count);
	while (bytes) {
		size_t len = min(seg_left(iter), bytes);

		seg_advance(iter, len);
		bytes -= len;
	}
}

/* Are the next @bytes within one page, and one segment? Most of small IO is. */
static inline bool user_is_page(const struct iov_iter *iter, size_t bytes)
{
	return bytes && bytes <= iter->iov->len_bytes - iter->iov_offset &&
	       offset_in_page(iter->iov->base + iter->iov_offset) + bytes <= PAGE_SIZE;
}

/* A segment of no bytes has no address to be aligned, as in 6.18. */
static bool user_is_aligned(const struct iov_iter *iter, unsigned int addr_mask, unsigned int len_mask)
{
	struct iov_iter at = *iter;

	assert_user(iter);
	if (likely(at.count && at.count <= at.iov->len_bytes - at.iov_offset))
		return !(((at.iov->base + at.iov_offset) & addr_mask) | (at.count & len_mask));
	while (at.count) {
		size_t len = seg_left(&at);

		if (len && (((at.iov->base + at.iov_offset) & addr_mask) || (len & len_mask)))
			return false;
		seg_advance(&at, len);
	}
	return true;
}

static unsigned int user_npages(const struct iov_iter *iter, size_t bytes, unsigned int max)
{
	struct iov_iter at = *iter;
	size_t pages = 0;

	assert_user(iter);
	bytes = min(bytes, at.count);
	if (user_is_page(iter, bytes))
		return min(1u, max);
	while (bytes && pages < max) {
		size_t len = min(seg_left(&at), bytes);

		if (len)
			pages += DIV_ROUND_UP(offset_in_page(at.iov->base + at.iov_offset) + len, PAGE_SIZE);
		seg_advance(&at, len);
		bytes -= len;
	}
	return min_t(size_t, pages, max);
}

/*
 * Pin at most @len bytes of the current segment into @bio: no more pages than the bio has room for, as each may be an
 * element. Their pointers are written into the end of the bio's own array, which has not been filled: an element is two
 * pointers wide, so element k is written after pointer k was read, and ends at most where pointer k + 1 begins. Returns
 * bytes (0: full) or -EFAULT with nothing pinned.
 */
static __always_inline ssize_t user_pin_batch(struct iov_iter *iter, struct bio *bio, size_t len,
					      unsigned int gup_flags, bool old_rule)
{
	unsigned int room = bio->bi_max_vecs - bio->bi_vcnt;
	unsigned long addr = iter->iov->base + iter->iov_offset;
	unsigned int off = offset_in_page(addr);
	struct page **pages;
	ssize_t done = 0;
	int nr, got, i;

	BUILD_BUG_ON(sizeof(struct bio_vec) < 2 * sizeof(struct page *));
	nr = min_t(size_t, DIV_ROUND_UP(off + len, PAGE_SIZE), old_rule ? lab_old_room_pages(bio, off, len) : room);
	if (!nr)
		return 0;
	pages = (struct page **)(bio->bi_io_vec + bio->bi_max_vecs) - nr;
	got = pin_user_pages_fast(addr & PAGE_MASK, nr, gup_flags, pages);
	if (got <= 0)
		return got ? got : -EFAULT;
	for (i = 0; i < got; i++) {
		unsigned int part = min_t(size_t, PAGE_SIZE - off, len - done);

		if (!old_rule) {
			bio_add_pinned(bio, pages[i], part, off);
		} else if (!lab_old_add_pinned(bio, pages[i], part, off)) {
			unpin_user_pages(pages + i, got - i);
			break;
		}
		done += part;
		off = 0;
	}
	return done;
}

/* Pin the next @bytes, user_is_page(), into @bio, which is empty, with room. 0 or -errno. */
static inline int user_pin_page(struct iov_iter *iter, struct bio *bio, size_t bytes, unsigned int gup_flags)
{
	unsigned long addr = iter->iov->base + iter->iov_offset;
	struct page *page;
	int nr;

	nr = pin_user_pages_fast(addr, 1, gup_flags, &page);
	if (unlikely(nr != 1))
		return nr ? nr : -EFAULT;
	bvec_set_page(bio->bi_io_vec, page, bytes, offset_in_page(addr));
	bio->bi_vcnt = 1;
	bio->bi_iter.bi_size = bytes;
	seg_advance(iter, bytes);
	return 0;
}

/* All or nothing up to what the bio holds: a fault anywhere fails the whole call in the end, so it may fail here. */
static noinline int user_fill_batches(struct iov_iter *iter, struct bio *bio, size_t bytes, unsigned int align)
{
	unsigned int gup_flags = op_is_write(bio->bi_opf) ? 0 : FOLL_WRITE, over;
	struct iov_iter saved = *iter;

	while (bytes) {
		size_t len = min(seg_left(iter), bytes);
		ssize_t done = !len ? 0 : likely(!lab_bio_old_rule) ?
			       user_pin_batch(iter, bio, len, gup_flags, false) :
			       user_pin_batch(iter, bio, len, gup_flags, true);

		if (done < 0) {
			bio_trim_pinned(bio, bio->bi_iter.bi_size);
			*iter = saved;
			return done;
		}
		if (len && !done)
			break;
		seg_advance(iter, done);
		bytes -= done;
	}
	over = bio->bi_iter.bi_size & (align - 1);
	if (bytes && over) {
		bio_trim_pinned(bio, over);
		*iter = saved;
		user_advance(iter, bio->bi_iter.bi_size);
	}
	return bio->bi_iter.bi_size ? 0 : -EINVAL;
}

static int user_fill_bio(struct iov_iter *iter, struct bio *bio, size_t bytes, unsigned int align)
{
	assert_user(iter);
	bio_set_flag(bio, BIO_PAGE_PINNED);
	bytes = min(bytes, iter->count);
	if (user_is_page(iter, bytes))
		return user_pin_page(iter, bio, bytes, op_is_write(bio->bi_opf) ? 0 : FOLL_WRITE);
	return user_fill_batches(iter, bio, bytes, align);
}

const struct iov_iter_ops iovec_iter_ops = {
	.copy_to		= user_copy_to,
	.copy_from		= user_copy_from,
	.copy_from_nofault	= user_copy_from_nofault,
	.zero			= user_zero,
	.fault_in		= user_fault_in,
	.advance		= user_advance,
	.is_aligned		= user_is_aligned,
	.npages			= user_npages,
	.fill_bio		= user_fill_bio,
};

/**
 * __iov_iter_init - iov_iter_init() of what is not one segment of the user's
 * @iter: points at the segments already; its count is set here, undefined on error
 * @iov: the segments
 * @nr_segs: how many
 *
 * Ranges, errors and context: iov_iter_init().
 */
int __iov_iter_init(struct iov_iter *iter, const struct lab_iovec *iov, unsigned int nr_segs)
{
	size_t count = 0;
	unsigned int i;
	int err = 0;

	if (nr_segs > UIO_MAXIOV)
		return -EINVAL;
	for (i = 0; i < nr_segs; i++) {
		if ((ssize_t)iov[i].len_bytes < 0)
			return -EINVAL;		/* wherever it is: before any -EFAULT */
		if (!access_ok(user_addr(&iov[i], 0), iov[i].len_bytes))
			err = -EFAULT;
		count += min(iov[i].len_bytes, MAX_RW_COUNT - count);
	}
	iter->count = count;
	return err;
}

/* ---- pages somebody else holds -------------------------------------------------------------- */

static inline size_t elem_left(const struct iov_iter *iter)
{
	return min((size_t)iter->bvec->bv_len - iter->iov_offset, iter->count);
}

static inline void elem_advance(struct iov_iter *iter, size_t bytes)
{
	iter->iov_offset += bytes;
	iter->count -= bytes;
	if (iter->count && iter->iov_offset == iter->bvec->bv_len) {
		iter->bvec++;
		iter->iov_offset = 0;
	}
}

/* A step moves @len bytes at @off of one page; pages that are held cannot fault. */
typedef void (*page_step_t)(struct page *page, size_t off, void *kaddr, size_t at, size_t len);

static __always_inline size_t bvec_walk(struct iov_iter *iter, void *kaddr, size_t bytes, page_step_t step)
{
	size_t done = 0;

	assert_bvec(iter);
	bytes = min(bytes, iter->count);
	while (done < bytes) {
		size_t off = iter->bvec->bv_offset + iter->iov_offset;
		size_t len = min(min(elem_left(iter), bytes - done), PAGE_SIZE - off % PAGE_SIZE);

		step(iter->bvec->bv_page + off / PAGE_SIZE, off % PAGE_SIZE, kaddr, done, len);
		elem_advance(iter, len);
		done += len;
	}
	return done;
}

static __always_inline void page_step_to(struct page *page, size_t off, void *kaddr, size_t at, size_t len)
{
	memcpy_to_page(page, off, kaddr + at, len);
}

static __always_inline void page_step_from(struct page *page, size_t off, void *kaddr, size_t at, size_t len)
{
	memcpy_from_page(kaddr + at, page, off, len);
}

static __always_inline void page_step_zero(struct page *page, size_t off, void *kaddr, size_t at, size_t len)
{
	memzero_page(page, off, len);
}

static size_t bvec_copy_to(struct iov_iter *iter, const void *from, size_t bytes)
{
	return bvec_walk(iter, (void *)from, bytes, page_step_to);
}

/* Serves as copy_from_nofault as well: nothing faults. */
static size_t bvec_copy_from(struct iov_iter *iter, void *to, size_t bytes)
{
	return bvec_walk(iter, to, bytes, page_step_from);
}

static size_t bvec_zero(struct iov_iter *iter, size_t bytes)
{
	return bvec_walk(iter, NULL, bytes, page_step_zero);
}

static size_t bvec_fault_in(const struct iov_iter *iter, size_t bytes)
{
	assert_bvec(iter);
	return 0;
}

static void bvec_advance_iter(struct iov_iter *iter, size_t bytes)
{
	assert_bvec(iter);
	BUG_ON(bytes > iter->count);
	if (bytes == iter->count) {
		iter->count = 0;
		return;
	}
	while (bytes) {
		size_t len = min(elem_left(iter), bytes);

		elem_advance(iter, len);
		bytes -= len;
	}
}

/*
 * The array came in a bio for a device that advertises the alignment of the device below it (loop.c), so
 * its elements need no second look; how many bytes are left may still be odd.
 */
static bool bvec_is_aligned(const struct iov_iter *iter, unsigned int addr_mask, unsigned int len_mask)
{
	assert_bvec(iter);
	return (iter->count & len_mask) == 0;
}

static unsigned int bvec_npages(const struct iov_iter *iter, size_t bytes, unsigned int max)
{
	assert_bvec(iter);
	return 0;
}

/*
 * Lend the array to @bio. Nothing is pinned, referenced or copied, so nothing is released at its end: the bio
 * looks like a clone of the one that owns the array.
 */
static int bvec_fill_bio(struct iov_iter *iter, struct bio *bio, size_t bytes, unsigned int align)
{
	assert_bvec(iter);
	bytes = min(bytes, iter->count);
	BUG_ON(bio->bi_max_vecs);
	if (bytes & (align - 1))
		return -EINVAL;
	bio->bi_io_vec = (struct bio_vec *)iter->bvec;	/* nobody writes the array of a clone */
	bio->bi_iter.bi_idx = 0;
	bio->bi_iter.bi_bvec_done = iter->iov_offset;
	bio->bi_iter.bi_size = bytes;
	bio_set_flag(bio, BIO_CLONED);
	if (unlikely(lab_bio_old_rule))
		bio->bi_iter.bi_size = bytes = lab_old_lent_bytes(bio);
	bvec_advance_iter(iter, bytes);
	return bytes ? 0 : -EINVAL;
}

const struct iov_iter_ops bvec_iter_ops = {
	.copy_to		= bvec_copy_to,
	.copy_from		= bvec_copy_from,
	.copy_from_nofault	= bvec_copy_from,
	.zero			= bvec_zero,
	.fault_in		= bvec_fault_in,
	.advance		= bvec_advance_iter,
	.is_aligned		= bvec_is_aligned,
	.npages			= bvec_npages,
	.fill_bio		= bvec_fill_bio,
};
