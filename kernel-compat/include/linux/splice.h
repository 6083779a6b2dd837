/* SPDX-License-Identifier: GPL-2.0-only */
/* splice.h - there is no splice; pipes as far as they go are in pipe_fs_i.h. */
#ifndef _LINUX_SPLICE_H
#define _LINUX_SPLICE_H

#include <linux/pipe_fs_i.h>

#endif
