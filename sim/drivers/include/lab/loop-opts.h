/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lab/loop-opts.h - what one says of a loop device when it is made. By itself, since it crosses design.h.
 */
#ifndef _LAB_LOOP_OPTS_H
#define _LAB_LOOP_OPTS_H

#include <linux/types.h>

/**
 * struct lab_loop_opts - the loop device
 * @offset_bytes: of the image in the file, a multiple of the lower device's block
 * @size_bytes: 0: to the end of the file
 * @logical_block_bytes: 0: the lower device's
 * @max_sectors: of one bio or request on the loop's own queue (512-byte units); 0: no limit of its own
 * @queue_depth: tags, where the loop has a request queue; 0: LAB_LOOP_QUEUE_DEPTH
 * @read_only: writes fail
 * @buffered: direct IO off: through the file's page cache
 */
struct lab_loop_opts {
	u64 offset_bytes, size_bytes;
	unsigned int logical_block_bytes;
	unsigned int max_sectors;
	unsigned int queue_depth;
	bool read_only;
	bool buffered;
};

#endif
