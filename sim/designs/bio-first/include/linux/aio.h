/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * aio.h - the system-call side: from a struct lab_io to ->read_iter and ->write_iter.
 *
 * There is no AIO for callers inside the kernel. Such a caller has its memory pinned, so it has a bio, and
 * submits that with ->dio_submit.
 */
#ifndef _LINUX_AIO_H
#define _LINUX_AIO_H

#include <linux/fs.h>

struct lab_io;

ssize_t aio_submit(struct file *file, struct lab_io *io);

#endif
