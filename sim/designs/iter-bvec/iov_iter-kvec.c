// SPDX-License-Identifier: GPL-2.0-only
/*
 * iov_iter-kvec.c - kernel memory: the walk, its steps and its methods, as iov_iter.c has them for the other
 * two kinds.
 *
 * Nothing here can fault, and nothing is pinned: whoever gave the memory holds it until the IO is over.
 */
#include <linux/uio.h>
#include <linux/bio.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>

#define assert_kvec(iter)	VM_BUG_ON((iter)->iter_type != ITER_KVEC)

static inline size_t kseg_left(const struct iov_iter *iter)
{
	return min(iter->kvec->iov_len - iter->iov_offset, iter->count);
}

static inline void kseg_advance(struct iov_iter *iter, size_t bytes)
{
	iter->iov_offset += bytes;
	iter->count -= bytes;
	if (iter->count && iter->iov_offset == iter->kvec->iov_len) {
		iter->kvec++;
		iter->iov_offset = 0;
	}
}

/* A step moves @len bytes at @base; nothing can fault. */
typedef void (*kernel_step_t)(void *base, void *kaddr, size_t at, size_t len);

static __always_inline size_t kvec_walk(struct iov_iter *iter, void *kaddr, size_t bytes, kernel_step_t step)
{
	size_t done = 0;

	assert_kvec(iter);
	bytes = min(bytes, iter->count);
	while (done < bytes) {
		size_t len = min(kseg_left(iter), bytes - done);

		lab_probe_add(COPY_BYTES, len);
		if (len)
			step(iter->kvec->iov_base + iter->iov_offset, kaddr, done, len);
		kseg_advance(iter, len);
		done += len;
	}
	return done;
}

static __always_inline void kernel_step_to(void *base, void *kaddr, size_t at, size_t len)
{
	memcpy(base, kaddr + at, len);
}

static __always_inline void kernel_step_from(void *base, void *kaddr, size_t at, size_t len)
{
	memcpy(kaddr + at, base, len);
}

static __always_inline void kernel_step_zero(void *base, void *kaddr, size_t at, size_t len)
{
	memset(base, 0, len);
}

/** kvec_copy_to - copy_to of kernel memory (uio.h): cannot fault. Context: any. Return: bytes. */
size_t kvec_copy_to(struct iov_iter *iter, const void *from, size_t bytes)
{
	return kvec_walk(iter, (void *)from, bytes, kernel_step_to);
}

/** kvec_copy_from - copy_from of kernel memory, and copy_from_nofault: nothing faults. Context: any. Return: bytes. */
size_t kvec_copy_from(struct iov_iter *iter, void *to, size_t bytes)
{
	return kvec_walk(iter, to, bytes, kernel_step_from);
}

/** kvec_zero - zero of kernel memory (uio.h): cannot fault. Context: any. Return: bytes. */
size_t kvec_zero(struct iov_iter *iter, size_t bytes)
{
	return kvec_walk(iter, NULL, bytes, kernel_step_zero);
}

/** kvec_advance - advance over @bytes of kernel memory; BUGs beyond what is left. Context: any. */
void kvec_advance(struct iov_iter *iter, size_t bytes)
{
	assert_kvec(iter);
	BUG_ON(bytes > iter->count);
	while (bytes) {
		size_t len = min(kseg_left(iter), bytes);

		kseg_advance(iter, len);
		bytes -= len;
	}
}

/** kvec_is_aligned - is_aligned of kernel memory: all that is left; no segment, no address. Context: any. */
bool kvec_is_aligned(const struct iov_iter *iter, unsigned int addr_mask, unsigned int len_mask)
{
	struct iov_iter at = *iter;

	assert_kvec(iter);
	while (at.count) {
		size_t len = kseg_left(&at);

		if (len && (((unsigned long)(at.kvec->iov_base + at.iov_offset) & addr_mask) ||
			    (len & len_mask)))
			return false;
		kseg_advance(&at, len);
	}
	return true;
}

/** kvec_npages - npages of the next @bytes of kernel memory (uio.h). Context: any. Return: 0 (no byte) to @max. */
unsigned int kvec_npages(const struct iov_iter *iter, size_t bytes, unsigned int max)
{
	struct iov_iter at = *iter;
	size_t pages = 0;

	assert_kvec(iter);
	bytes = min(bytes, at.count);
	while (bytes && pages < max) {
		size_t len = min(kseg_left(&at), bytes);

		if (len)
			pages += DIV_ROUND_UP(offset_in_page(at.kvec->iov_base + at.iov_offset) + len,
					      PAGE_SIZE);
		kseg_advance(&at, len);
		bytes -= len;
	}
	return min_t(size_t, pages, max);
}

/* Take the last @bytes off @bio; nothing is held for them. */
static void bio_trim_kernel(struct bio *bio, unsigned int bytes)
{
	bio->bi_iter.bi_size -= bytes;
	while (bytes) {
		struct bio_vec *last = &bio->bi_io_vec[bio->bi_vcnt - 1];
		unsigned int cut = min(bytes, last->bv_len);

		last->bv_len -= cut;
		if (!last->bv_len)
			bio->bi_vcnt--;
		bytes -= cut;
	}
}

/**
 * kvec_fill_bio - fill_bio from kernel memory (uio.h)
 *
 * The array is the bio's own, the pages are nobody's to release: who gave the memory keeps it. Context: any.
 * Return: 0; -EINVAL: not @align bytes fit.
 */
int kvec_fill_bio(struct iov_iter *iter, struct bio *bio, size_t bytes, unsigned int align)
{
	struct iov_iter saved = *iter;
	unsigned int over;

	assert_kvec(iter);
	bytes = min(bytes, iter->count);
	while (bytes) {
		void *addr = iter->kvec->iov_base + iter->iov_offset;
		size_t len = min3(kseg_left(iter), bytes, PAGE_SIZE - offset_in_page(addr));

		if (len && !bio_add_page(bio, virt_to_page(addr), len, offset_in_page(addr)))
			break;
		kseg_advance(iter, len);
		bytes -= len;
	}
	over = bio->bi_iter.bi_size & (align - 1);
	if (bytes && over) {
		bio_trim_kernel(bio, over);
		*iter = saved;
		kvec_advance(iter, bio->bi_iter.bi_size);
	}
	return bio->bi_iter.bi_size ? 0 : -EINVAL;
}
