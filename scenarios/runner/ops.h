/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ops.h - private to ops.c (a stream through a design) and ops-mem.c (the memory of its operations).
 */
#ifndef LAB_OPS_H
#define LAB_OPS_H

#include "runner.h"

/**
 * struct area - the memory of one segment
 * @addr: 0: none (null, kernel)
 * @mapped_bytes: from @addr; what is beyond was unmapped
 * @base: the segment, as the design sees it
 */
struct area {
	unsigned long addr, base;
	u64 map_bytes, mapped_bytes;
};

/**
 * struct ops_io - one operation of a group while it is performed
 * @areas, @iov: of its segments
 * @made: areas that exist
 * @pos: where it is in the file
 * @io: what the design gets
 * @done: of an asynchronous one
 */
struct ops_io {
	const struct lab_op *op;
	struct lab_op_result *res;
	struct area *areas;
	struct lab_iovec *iov;
	u32 made;
	u64 pos;
	struct lab_io io;
	struct completion done;
};

/**
 * struct ops_run - what lives over the whole stream
 * @pos: of the descriptor
 * @ios: LAB_OP_MAX_GROUP
 * @areas, @iov: for the segments of the largest group
 * @kern: a page of the kernel: its address is what !kern hands out, its bytes must not change
 * @buf: RUN_CHUNK_BYTES of host memory
 */
struct ops_run {
	struct room *room;
	struct mm_struct *mm;
	u64 pos;
	struct ops_io *ios;
	struct area *areas;
	struct lab_iovec *iov;
	void *kern;
	u8 *buf;
};

static inline u64 ops_area_bytes(const struct lab_seg *seg)
{
	return max_t(u64, PAGE_SIZE, PAGE_ALIGN(seg->misalign_bytes + seg->len_bytes));
}

/* Bytes that an operation asks for. */
static inline u64 ops_bytes(const struct lab_op *op)
{
	u64 sum = 0;
	u32 i;

	for (i = 0; i < op->nr_segs; i++)
		sum += op->segs[i].len_bytes;
	return sum;
}

bool ops_areas_make(struct ops_run *o, struct ops_io *x);
void ops_areas_end(struct ops_run *o, struct ops_io *x);
void ops_read_crc(struct ops_run *o, struct ops_io *x);

#endif
