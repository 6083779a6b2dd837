/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bvec.h - an array of pieces of pinned memory, and the iterator over it.
 *
 * Once a bio is submitted nobody writes its array. Everything that moves while the IO goes on is in struct
 * bvec_iter, which is small and copied by value: to save a bio's progress is to copy 20 bytes, and any
 * number of bios may share one array and cover any byte ranges of it.
 *
 * A bio_vec may span several physically contiguous pages (multipage bvec). The mp_ accessors and
 * for_each_mp_bvec() see it whole, bvec_iter_page() and for_each_bvec() see it cut at page ends.
 *
 * Source: the rules of Documentation/block/biovecs.rst and include/linux/bvec.h of Linux 6.1.
 */
#ifndef _LINUX_BVEC_H
#define _LINUX_BVEC_H

#include <linux/types.h>
#include <linux/compiler.h>
#include <linux/bug.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/highmem.h>
#include <linux/string.h>
#include <kc/probe.h>

/**
 * struct bio_vec - one physically contiguous piece of memory
 * @bv_page: its first page
 * @bv_len: bytes; never 0 in a submitted bio
 * @bv_offset: of its first byte in @bv_page, bytes; below PAGE_SIZE
 */
struct bio_vec {
	struct page *bv_page;
	unsigned int bv_len;
	unsigned int bv_offset;
};

/**
 * struct bvec_iter - a position in an array of bio_vecs and on a device
 * @bi_sector: device position, 512-byte units
 * @bi_size: bytes left; 0 is the end, and nothing else is
 * @bi_idx: current element
 * @bi_bvec_done: bytes of the current element that are consumed
 */
struct bvec_iter {
	sector_t bi_sector;
	unsigned int bi_size;
	unsigned int bi_idx;
	unsigned int bi_bvec_done;
} __packed __aligned(4);

#define __bvec_iter_bvec(bvec, iter)	(&(bvec)[(iter).bi_idx])

/* The current element, whole. */
#define mp_bvec_iter_page(bvec, iter)	(__bvec_iter_bvec(bvec, iter)->bv_page)
#define mp_bvec_iter_len(bvec, iter)							\
	min((iter).bi_size, __bvec_iter_bvec(bvec, iter)->bv_len - (iter).bi_bvec_done)
#define mp_bvec_iter_offset(bvec, iter)							\
	(__bvec_iter_bvec(bvec, iter)->bv_offset + (iter).bi_bvec_done)
#define mp_bvec_iter_page_idx(bvec, iter)	(mp_bvec_iter_offset(bvec, iter) / PAGE_SIZE)
#define mp_bvec_iter_bvec(bvec, iter)							\
	((struct bio_vec) {								\
		.bv_page = mp_bvec_iter_page(bvec, iter),				\
		.bv_len = mp_bvec_iter_len(bvec, iter),					\
		.bv_offset = mp_bvec_iter_offset(bvec, iter),				\
	})

/* The same, cut at the end of its page. */
#define bvec_iter_offset(bvec, iter)	(mp_bvec_iter_offset(bvec, iter) % PAGE_SIZE)
#define bvec_iter_len(bvec, iter)							\
	min_t(unsigned int, mp_bvec_iter_len(bvec, iter), PAGE_SIZE - bvec_iter_offset(bvec, iter))
#define bvec_iter_page(bvec, iter)							\
	(mp_bvec_iter_page(bvec, iter) + mp_bvec_iter_page_idx(bvec, iter))
#define bvec_iter_bvec(bvec, iter)							\
	((struct bio_vec) {								\
		.bv_page = bvec_iter_page(bvec, iter),					\
		.bv_len = bvec_iter_len(bvec, iter),					\
		.bv_offset = bvec_iter_offset(bvec, iter),				\
	})

/**
 * bvec_iter_advance - move @iter over @bytes
 *
 * Beyond bi_size: WARNs and leaves the iterator at its end. Never looks at the element after the last one
 * used. Returns false when it WARNed. Context: any.
 */
static inline bool bvec_iter_advance(const struct bio_vec *bv, struct bvec_iter *iter, unsigned int bytes)
{
	unsigned int idx = iter->bi_idx;

	if (WARN(bytes > iter->bi_size, "bvec_iter_advance: past the end by %u bytes",
		 bytes - iter->bi_size)) {
		iter->bi_size = 0;
		return false;
	}
	iter->bi_size -= bytes;
	bytes += iter->bi_bvec_done;
	while (bytes && bytes >= bv[idx].bv_len) {
		bytes -= bv[idx].bv_len;
		idx++;
	}
	iter->bi_idx = idx;
	iter->bi_bvec_done = bytes;
	return true;
}

/*
 * bvec_iter_advance() with the caller's word that @bytes does not leave the current element, except to
 * its end.
 */
static inline void bvec_iter_advance_single(const struct bio_vec *bv, struct bvec_iter *iter,
					    unsigned int bytes)
{
	unsigned int done = iter->bi_bvec_done + bytes;

	if (done == bv[iter->bi_idx].bv_len) {
		done = 0;
		iter->bi_idx++;
	}
	iter->bi_bvec_done = done;
	iter->bi_size -= bytes;
}

#define for_each_bvec(bvl, bio_vec, iter, start)						\
	for (iter = (start);									\
	     (iter).bi_size && ((bvl = bvec_iter_bvec((bio_vec), (iter))), 1);			\
	     bvec_iter_advance_single((bio_vec), &(iter), (bvl).bv_len))

#define for_each_mp_bvec(bvl, bio_vec, iter, start)						\
	for (iter = (start);									\
	     (iter).bi_size && ((bvl = mp_bvec_iter_bvec((bio_vec), (iter))), 1);		\
	     bvec_iter_advance_single((bio_vec), &(iter), (bvl).bv_len))


/* An iterator over whole elements, cut at page ends, whatever bi_iter says: for the owner of the array. */
struct bvec_iter_all {
	struct bio_vec bv;
	int idx;
	unsigned int done;
};

static inline struct bio_vec *bvec_init_iter_all(struct bvec_iter_all *iter_all)
{
	iter_all->done = 0;
	iter_all->idx = 0;
	return &iter_all->bv;
}

static inline void bvec_advance(const struct bio_vec *bvec, struct bvec_iter_all *iter_all)
{
	struct bio_vec *bv = &iter_all->bv;
	unsigned int at = bvec->bv_offset + iter_all->done;

	bv->bv_page = bvec->bv_page + at / PAGE_SIZE;
	bv->bv_offset = at % PAGE_SIZE;
	bv->bv_len = min_t(unsigned int, PAGE_SIZE - bv->bv_offset, bvec->bv_len - iter_all->done);
	iter_all->done += bv->bv_len;
	if (iter_all->done == bvec->bv_len) {
		iter_all->idx++;
		iter_all->done = 0;
	}
}

static inline void bvec_set_page(struct bio_vec *bv, struct page *page, unsigned int len_bytes,
				 unsigned int offset_bytes)
{
	bv->bv_page = page;
	bv->bv_len = len_bytes;
	bv->bv_offset = offset_bytes;
}

/* Map a single-page bvec; undo with kunmap_local(). Context: any. */
static inline void *bvec_kmap_local(const struct bio_vec *bvec)
{
	return kmap_local_page(bvec->bv_page) + bvec->bv_offset;
}

/* Address of the bytes in the linear map. RAM here has no high memory, so it always exists. */
static inline void *bvec_virt(const struct bio_vec *bvec)
{
	return page_address(bvec->bv_page) + bvec->bv_offset;
}

/* Whole elements, counted as payload (LAB_COPY_BYTES). Context: any. */
static inline void memcpy_from_bvec(char *to, const struct bio_vec *bvec)
{
	lab_probe_add(COPY_BYTES, bvec->bv_len);
	memcpy(to, bvec_virt(bvec), bvec->bv_len);
}

static inline void memcpy_to_bvec(struct bio_vec *bvec, const char *from)
{
	lab_probe_add(COPY_BYTES, bvec->bv_len);
	memcpy(bvec_virt(bvec), from, bvec->bv_len);
}

static inline void memzero_bvec(struct bio_vec *bvec)
{
	lab_probe_add(COPY_BYTES, bvec->bv_len);
	memset(bvec_virt(bvec), 0, bvec->bv_len);
}

#endif
