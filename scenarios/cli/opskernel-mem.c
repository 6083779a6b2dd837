// SPDX-License-Identifier: GPL-2.0-only
/*
 * opskernel-mem.c - the memory of operations by system calls, as lab_run.h rules it.
 *
 * Segments lie on pages of their own, filled with LAB_GUARD_BYTE around and with LAB_READ_POISON (for reads) or the
 * payload inside; faults are made by mprotect, by address 0 and by an address of the kernel's.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "opskernel.h"

#define KERNEL_ADDRESS 0xffff888000000000ul

static size_t span(const struct lab_seg *s)
{
	return ROUND_UP(s->misalign_bytes + s->len_bytes + 1);	/* one byte at least, for a segment of no length */
}

int kmem_make(struct kmem *m, const struct lab_op *op)
{
	uint64_t done = 0;
	uint8_t *at;

	m->area_bytes = PAGE;
	for (unsigned int i = 0; i < op->nr_segs; i++)
		m->area_bytes += span(&op->segs[i]) + PAGE;
	m->iov = calloc(op->nr_segs + 1, sizeof(*m->iov));
	m->page = calloc(op->nr_segs + 1, sizeof(*m->page));
	m->area = mmap(NULL, m->area_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (m->area == MAP_FAILED)
		m->area = NULL;
	if (!m->iov || !m->page || !m->area) {
		kmem_free(m);
		return -ENOMEM;
	}
	memset(m->area, LAB_GUARD_BYTE, m->area_bytes);
	at = m->area + PAGE;
	for (unsigned int i = 0; i < op->nr_segs; i++) {
		const struct lab_seg *s = &op->segs[i];

		m->page[i] = at;
		m->iov[i].iov_base = at + s->misalign_bytes;
		m->iov[i].iov_len = s->len_bytes;
		if (lab_op_is_read(op->kind))
			memset(at + s->misalign_bytes, LAB_READ_POISON, s->len_bytes);
		else
			lab_payload(at + s->misalign_bytes, op->seed, done, s->len_bytes);
		done += s->len_bytes;
		at += span(s) + PAGE;
	}
	return 0;
}

void kmem_free(struct kmem *m)
{
	if (m->area)
		munmap(m->area, m->area_bytes);
	free(m->iov);
	free(m->page);
	memset(m, 0, sizeof(*m));
}

/* Where the absent half of a !half segment begins: the page boundary at or below its middle. */
static uint8_t *half(const struct kmem *m, const struct lab_seg *s, unsigned int i)
{
	return m->page[i] + ((s->misalign_bytes + s->len_bytes / 2) & ~(PAGE - 1));
}

void kmem_set_faults(struct kmem *m, const struct lab_op *op)
{
	for (unsigned int i = 0; i < op->nr_segs; i++) {
		const struct lab_seg *s = &op->segs[i];

		switch (s->fault) {
		case LAB_SEG_OK:
			break;
		case LAB_SEG_NONE:
			mprotect(m->page[i], span(s), PROT_NONE);
			break;
		case LAB_SEG_RO:
			mprotect(m->page[i], span(s), PROT_READ);
			break;
		case LAB_SEG_NULL:
			m->iov[i].iov_base = (void *)(uintptr_t)s->misalign_bytes;
			break;
		case LAB_SEG_KERN:
			m->iov[i].iov_base = (void *)(KERNEL_ADDRESS + s->misalign_bytes);
			break;
		case LAB_SEG_HALF:
			mprotect(half(m, s, i), (size_t)(m->page[i] + span(s) - half(m, s, i)), PROT_NONE);
			break;
		}
	}
	for (unsigned int i = 0; i <= op->nr_segs; i++)
		mprotect(i < op->nr_segs ? m->page[i] - PAGE : m->area + m->area_bytes - PAGE, PAGE, PROT_NONE);
}

static bool untouched(const uint8_t *p, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		if (p[i] != LAB_GUARD_BYTE)
			return false;
	return true;
}

void kmem_result(struct kmem *m, const struct lab_op *op, struct lab_op_result *r)
{
	uint64_t left = r->ret > 0 ? (uint64_t)r->ret : 0;

	mprotect(m->area, m->area_bytes, PROT_READ | PROT_WRITE);
	for (unsigned int i = 0; i < op->nr_segs; i++) {
		const struct lab_seg *s = &op->segs[i];
		uint8_t *base = m->page[i] + s->misalign_bytes;
		uint64_t n = s->len_bytes < left ? s->len_bytes : left;

		if (lab_op_is_read(op->kind) && n && s->fault != LAB_SEG_NULL && s->fault != LAB_SEG_KERN)
			r->crc = lab_crc32c(r->crc, base, n);
		left -= n;
		if (!untouched(m->page[i], s->misalign_bytes) ||
		    !untouched(base + s->len_bytes, span(s) - s->misalign_bytes - s->len_bytes))
			r->guard = 1;
	}
	r->has_crc = lab_op_is_read(op->kind) && r->ret > 0;
}
