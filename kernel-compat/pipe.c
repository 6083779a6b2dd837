// SPDX-License-Identifier: GPL-2.0-only
/*
 * pipe.c - the two kinds of pipe buffer, as identities. There are no pipes (linux/pipe_fs_i.h), so nothing is
 * ever called through them.
 */
#include <linux/pipe_fs_i.h>

const struct pipe_buf_operations default_pipe_buf_ops = { "pages of the pipe's own" };
const struct pipe_buf_operations page_cache_pipe_buf_ops = { "pages of a page cache" };
