/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * opskernel.h - private to opskernel.c (operations by system calls), opskernel-mem.c (their memory) and
 * opskernel-loop.c (a loop device to perform them on).
 */
#ifndef LAB_OPSKERNEL_H
#define LAB_OPSKERNEL_H

#include <sys/uio.h>

#include "cli.h"

#define PAGE	4096ul
#define ROUND_UP(x) (((x) + PAGE - 1) & ~(PAGE - 1))

/* The memory of one operation: the pages of all its segments, a guard page before, between and behind. */
struct kmem {
	uint8_t *area;
	size_t area_bytes;
	struct iovec *iov;	/* [nr_segs] as the kernel is told */
	uint8_t **page;		/* [nr_segs] first page of each segment */
};

int kmem_make(struct kmem *m, const struct lab_op *op);
void kmem_set_faults(struct kmem *m, const struct lab_op *op);
/* Everything is accessible again: crc of what a read brought, guard. */
void kmem_result(struct kmem *m, const struct lab_op *op, struct lab_op_result *r);
void kmem_free(struct kmem *m);

/* A loop device with direct IO above @file_fd. 0, or -1 with one line in @why: this host cannot. */
struct kloop { int fd; char name[32]; };
int kloop_attach(struct kloop *l, int file_fd, char *why, size_t why_bytes);
void kloop_detach(struct kloop *l);

#endif
