/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pipe_fs_i.h - a pipe's ring, as far as code that can also fill one needs it to compile. There are no pipes
 * here: every question about one stops with its own name, so an iterator over a pipe cannot even be made.
 */
#ifndef _LINUX_PIPE_FS_I_H
#define _LINUX_PIPE_FS_I_H

#include <linux/bug.h>
#include <linux/types.h>

struct page;
struct pipe_inode_info;
struct pipe_buf_operations;

struct pipe_buffer {
	struct page *page;
	unsigned int offset, len;
	const struct pipe_buf_operations *ops;
};

struct pipe_inode_info {
	unsigned int head, tail;
	unsigned int max_usage, ring_size;
	struct pipe_buffer *bufs;
};

/* Only their addresses are ever looked at (pipe.c). */
struct pipe_buf_operations {
	const char *kc_name;
};
extern const struct pipe_buf_operations default_pipe_buf_ops, page_cache_pipe_buf_ops;

static inline unsigned int pipe_occupancy(unsigned int head, unsigned int tail)
{
	kc_trap("pipe_occupancy");
}

static inline bool pipe_full(unsigned int head, unsigned int tail, unsigned int limit)
{
	kc_trap("pipe_full");
}

static inline void pipe_buf_release(struct pipe_inode_info *pipe, struct pipe_buffer *buf)
{
	kc_trap("pipe_buf_release");
}

static inline void pipe_discard_from(struct pipe_inode_info *pipe, unsigned int old_head)
{
	kc_trap("pipe_discard_from");
}

#endif
