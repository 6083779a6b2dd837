// SPDX-License-Identifier: GPL-2.0-only
/*
 * source.c - where payload lives and how an IO is handed over.
 *
 *   user     memory mapped in the generator's own address space; the design's O_DIRECT pins it
 *   pinned   kernel pages in bios that are ready, submitted to the loop's block device: what a filesystem or
 *	      another driver above loop would do, and the 2013 question in its pure form
 *
 * Buffers, arrays and bios are made once, before anything is measured: handing an IO over allocates
 * nothing here.
 */
#include <linux/types.h>
#include <linux/bug.h>
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <kc/umem.h>
#include "host.h"
#include "runner.h"

static bool source_permuted(const struct gen *g)
{
	return g->room->spec->target.frames_permuted;
}

/* Bytes of user memory for one buffer, and where in it the buffer begins. */
static unsigned long source_layout(const struct lab_job *job, u32 buf_bytes, unsigned long *offset)
{
	u64 align = job->iomem_align_bytes;

	*offset = align < PAGE_SIZE ? align : 0;
	return PAGE_ALIGN(*offset + buf_bytes + (align > PAGE_SIZE ? align : 0));
}

/**
 * source_user_bytes - how much of the user window the buffers of @g take, guard pages included
 * @g: depth and buf_bytes are set
 */
unsigned long source_user_bytes(const struct gen *g)
{
	unsigned long offset;

	return g->depth * (source_layout(g->job, g->buf_bytes, &offset) + PAGE_SIZE) + PAGE_SIZE;
}

/**
 * source_fits - can this job's IOs be held at all?
 * @r: the room, not opened yet
 * @job: the job
 *
 * Return: false when one bio could not carry its largest IO.
 */
bool source_fits(const struct room *r, const struct lab_job *job)
{
	return r->spec->source != LAB_SOURCE_PINNED || DIV_ROUND_UP(stream_max_bytes(job), PAGE_SIZE) < 65536;
}

static int source_create_user(struct gen *g, struct slot *s)
{
	unsigned int flags = source_permuted(g) ? KC_MAP_POPULATE : KC_MAP_CONTIG;
	unsigned long offset, addr, map_bytes = source_layout(g->job, g->buf_bytes, &offset);
	u32 off, n;

	addr = kc_mmap(g->mm, map_bytes, KC_PROT_READ | KC_PROT_WRITE, flags);
	if (!addr)
		return -ENOMEM;
	s->base = addr + offset;
	if (g->job->iomem_align_bytes > PAGE_SIZE)
		s->base = round_up(s->base, g->job->iomem_align_bytes);
	s->iov.base = s->base;
	for (off = 0; off < g->buf_bytes; off += n) {
		void *p = source_bytes(s, off, &n);

		n = min(n, g->buf_bytes - off);
		lab_payload(p, g->job->randseed + g->clone, off, n);
	}
	return 0;
}

static int source_create_pinned(struct gen *g, struct slot *s)
{
	unsigned int i, nr = DIV_ROUND_UP(g->buf_bytes, PAGE_SIZE);
	struct page *run = NULL;

	s->pages = host_alloc(nr * sizeof(*s->pages));
	s->nr_vecs = source_permuted(g) ? nr : 1;
	s->vecs = host_alloc(s->nr_vecs * sizeof(*s->vecs));
	if (!s->pages || !s->vecs)
		return -ENOMEM;
	if (!source_permuted(g)) {
		run = kc_alloc_contig(nr, GFP_KERNEL, KC_SITE);
		if (!run)
			return -ENOMEM;
	}
	for (i = 0; i < nr; i++) {
		s->pages[i] = run ? run + i : alloc_page(GFP_KERNEL);
		if (!s->pages[i])
			return -ENOMEM;
		lab_payload(page_address(s->pages[i]), g->job->randseed + g->clone, (u64)i << PAGE_SHIFT,
			    PAGE_SIZE);
	}
	return 0;
}

/**
 * source_create - buffers of all slots of @g
 * @g: depth, buf_bytes, slots and (user) mm are set; runs in its task
 *
 * Context: task, sleeps. Return: 0 or -ENOMEM; source_destroy() is due in either case.
 */
int source_create(struct gen *g)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < g->depth && !err; i++)
		err = g->pinned ? source_create_pinned(g, &g->slots[i]) : source_create_user(g, &g->slots[i]);
	return err;
}

/**
 * source_destroy - undo source_create(); user memory goes with the mm
 * @g: nothing in flight
 *
 * Context: task.
 */
void source_destroy(struct gen *g)
{
	unsigned int i, j;

	for (i = 0; g->pinned && i < g->depth; i++) {
		struct slot *s = &g->slots[i];

		for (j = 0; s->pages && j < DIV_ROUND_UP(g->buf_bytes, PAGE_SIZE); j++)
			if (s->pages[j])
				__free_page(s->pages[j]);
		if (s->pages)
			host_free(s->pages);
		if (s->vecs)
			host_free(s->vecs);
		s->pages = NULL;
		s->vecs = NULL;
	}
}

/**
 * source_bytes - the kernel's address of a byte of a slot's buffer
 * @s: the slot
 * @off_bytes: into the buffer
 * @contig_bytes: how far that address is good
 *
 * Context: task.
 */
void *source_bytes(struct slot *s, u32 off_bytes, u32 *contig_bytes)
{
	unsigned long addr = s->base + off_bytes;

	*contig_bytes = PAGE_SIZE - addr % PAGE_SIZE;
	if (s->pages)
		return page_address(s->pages[off_bytes >> PAGE_SHIFT]) + off_bytes % PAGE_SIZE;
	return kc_user_alias(s->gen->mm, addr);
}

static void source_end_bio(struct bio *bio)
{
	struct slot *s = bio->bi_private;
	int err = blk_status_to_errno(bio->bi_status);

	gen_done(s, err ? err : (ssize_t)s->op.len_bytes);
}

/* The array for this length: the last element is cut. Refilled only when the length changes. */
static void source_cut(struct slot *s, u32 len_bytes)
{
	unsigned int i, nr = source_permuted(s->gen) ? DIV_ROUND_UP(len_bytes, PAGE_SIZE) : 1;

	for (i = 0; i < nr; i++) {
		s->vecs[i].bv_page = s->pages[i];
		s->vecs[i].bv_offset = 0;
		s->vecs[i].bv_len = nr == 1 ? len_bytes : min_t(u32, PAGE_SIZE, len_bytes - i * PAGE_SIZE);
	}
	s->vecs_bytes = len_bytes;
}

static void source_submit_pinned(struct slot *s)
{
	blk_opf_t opf = REQ_OP_READ;
	struct bio *bio = &s->bio;

	if (s->vecs_bytes != s->op.len_bytes)
		source_cut(s, s->op.len_bytes);
	if (s->op.rw == LAB_WRITE)
		opf = REQ_OP_WRITE | REQ_SYNC | REQ_IDLE | (s->gen->job->dsync ? REQ_FUA : 0);
	bio_init(bio, s->gen->room->loop_bdev, s->vecs, s->nr_vecs, opf);
	bio->bi_vcnt = s->nr_vecs == 1 ? 1 : DIV_ROUND_UP(s->op.len_bytes, PAGE_SIZE);
	bio->bi_iter.bi_size = s->op.len_bytes;
	bio->bi_iter.bi_sector = s->op.pos >> SECTOR_SHIFT;
	bio->bi_private = s;
	bio->bi_end_io = source_end_bio;
	submit_bio(bio);
}

static void source_io_done(struct lab_io *io, ssize_t res)
{
	gen_done(io->owner, res);
}

/**
 * source_submit - hand the slot's IO over; gen_done() will be called once, perhaps before this
 * returns
 * @s: op is set, the buffer filled
 *
 * Context: the generator's task, may sleep.
 */
void source_submit(struct slot *s)
{
	struct room *r = s->gen->room;
	ssize_t ret;

	if (s->gen->pinned) {
		source_submit_pinned(s);
		return;
	}
	s->iov.len_bytes = s->op.len_bytes;
	s->io.rw = s->op.rw;
	s->io.flags = (s->gen->job->direct ? 0 : LAB_IO_BUFFERED) |
		      (s->op.rw == LAB_WRITE && s->gen->job->dsync ? LAB_IO_DSYNC : 0);
	s->io.ioprio = 0;
	s->io.pos = s->op.pos;
	s->io.iov = &s->iov;
	s->io.nr_segs = 1;
	s->io.done = s->gen->job->sync_calls ? NULL : source_io_done;
	s->io.owner = s;
	ret = r->design->submit(r->io, &s->io);
	if (ret != -EIOCBQUEUED)
		gen_done(s, ret);
}
