/* SPDX-License-Identifier: GPL-2.0-only */
/* mm.h - memalloc_noio_save() and friends are in sched.h here. */
#ifndef _LINUX_SCHED_MM_H
#define _LINUX_SCHED_MM_H

#include <linux/sched.h>

#endif
