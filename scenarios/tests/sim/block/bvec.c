// SPDX-License-Identifier: GPL-2.0-only
/*
 * The iterator over bio_vecs, against a reference that knows nothing of iterators: the list of all byte
 * addresses that the array covers.
 */
#include "testdev.h"

#define NR_VECS		6
#define MAX_BYTES	(NR_VECS * 3 * 4096)

struct vecs {
	struct page *pages;
	struct bio_vec bv[NR_VECS + 1];	/* the last one must never be looked at */
	unsigned int nr, bytes;
	u32 addr[MAX_BYTES];		/* of byte i, relative to pages */
};

static struct vecs *vecs_make(struct trand *r, unsigned int unit)
{
	struct vecs *v = kzalloc(sizeof(*v), GFP_KERNEL);
	unsigned int i, j;

	v->pages = alloc_pages(GFP_KERNEL, 4);
	lab_expect(v->pages);
	v->nr = 1 + trand_below(r, NR_VECS);
	for (i = 0; i < v->nr; i++) {
		unsigned int start = trand_below(r, 8 * PAGE_SIZE / unit) * unit;
		unsigned int len = unit * (1 + trand_below(r, 2 * PAGE_SIZE / unit));

		bvec_set_page(&v->bv[i], v->pages + start / PAGE_SIZE, len, start % PAGE_SIZE);
		for (j = 0; j < len; j++)
			v->addr[v->bytes++] = start + j;
	}
	return v;
}

static void vecs_free(struct vecs *v)
{
	__free_pages(v->pages, 4);
	kfree(v);
}

static u32 addr_of(const struct vecs *v, const struct bio_vec *bv)
{
	return (bv->bv_page - v->pages) * PAGE_SIZE + bv->bv_offset;
}

/* Both ways of walking from byte @at show exactly the bytes from there on. */
static void check_walks(struct vecs *v, struct bvec_iter start, unsigned int at)
{
	struct bvec_iter it;
	struct bio_vec bv;
	unsigned int pos = at, j;

	for_each_bvec(bv, v->bv, it, start) {
		lab_expect_le(bv.bv_offset + bv.bv_len, PAGE_SIZE);
		for (j = 0; j < bv.bv_len; j += 4)
			lab_expect_eq(addr_of(v, &bv) + j, v->addr[pos + j]);
		pos += bv.bv_len;
	}
	lab_expect_eq(pos, at + start.bi_size);
	pos = at;
	for_each_mp_bvec(bv, v->bv, it, start) {
		for (j = 0; j < bv.bv_len; j += 4)
			lab_expect_eq(addr_of(v, &bv) + j, v->addr[pos + j]);
		pos += bv.bv_len;
	}
	lab_expect_eq(pos, at + start.bi_size);
}

LAB_TEST(bvec, advance_matches_bytes)
{
	u64 seed = lab_test_base_seed();
	unsigned int rounds = lab_test_slow() ? 5 : 60, round, left, step, at;

	lab_test_seed(seed);
	for (round = 0; round < rounds; round++) {
		struct trand r = { seed + round };
		struct vecs *v = vecs_make(&r, round % 2 ? 512 : 4);
		struct bvec_iter it = { .bi_size = v->bytes };

		for (left = v->bytes, at = 0; left; left -= step, at += step) {
			check_walks(v, it, at);
			step = 1 + trand_below(&r, trand_below(&r, 4) ? min(left, 3000u) : left);
			step = step % 4 ? min(left, (step + 3) & ~3u) : step;
			lab_expect(bvec_iter_advance(v->bv, &it, step));
			lab_expect_eq(it.bi_size, left - step);
		}
		lab_expect_eq(it.bi_idx, v->nr);
		lab_expect_eq(it.bi_bvec_done, 0);
		vecs_free(v);
	}
}

LAB_TEST(bvec, advance_single_is_advance)
{
	u64 seed = lab_test_base_seed();
	struct trand r = { seed };
	struct vecs *v = vecs_make(&r, 4);
	struct bvec_iter a = { .bi_size = v->bytes }, b = a;

	lab_test_seed(seed);
	while (a.bi_size) {
		unsigned int room = v->bv[a.bi_idx].bv_len - a.bi_bvec_done;
		unsigned int step = 1 + trand_below(&r, room);

		lab_expect(bvec_iter_advance(v->bv, &a, step));
		bvec_iter_advance_single(v->bv, &b, step);
		lab_expect_mem(&b, &a, sizeof(a));
	}
	vecs_free(v);
}

LAB_TEST(bvec, advance_past_the_end_warns_and_stops)
{
	struct trand r = { 1 };
	struct vecs *v = vecs_make(&r, 512);
	struct bvec_iter it = { .bi_size = v->bytes };

	kc_expect_warn("past the end", 1);
	lab_expect(bvec_iter_advance(v->bv, &it, v->bytes - 1));
	lab_expect(!bvec_iter_advance(v->bv, &it, 2));
	lab_expect_eq(it.bi_size, 0);
	vecs_free(v);
}

LAB_TEST(bvec, all_pages_of_the_owner)
{
	struct trand r = { 7 };
	struct vecs *v = vecs_make(&r, 512);
	struct bio *bio = bio_alloc(NULL, 4, REQ_OP_READ, GFP_KERNEL);
	struct bvec_iter_all all;
	struct bio_vec *bv;
	unsigned int i, pos = 0;

	for (i = 0; i < 4 && i < v->nr; i++)
		__bio_add_page(bio, v->bv[i].bv_page, v->bv[i].bv_len, v->bv[i].bv_offset);
	/* Wherever the bio is, its owner sees everything. */
	bio_advance(bio, 512);
	bio_for_each_segment_all(bv, bio, all) {
		lab_expect_le(bv->bv_offset + bv->bv_len, PAGE_SIZE);
		lab_expect_eq(addr_of(v, bv), v->addr[pos]);
		lab_expect_eq(addr_of(v, bv) + bv->bv_len - 1, v->addr[pos + bv->bv_len - 1]);
		pos += bv->bv_len;
	}
	lab_expect_eq(pos, bio->bi_iter.bi_size + 512);
	bio_put(bio);
	vecs_free(v);
}
