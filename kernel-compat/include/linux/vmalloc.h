/* SPDX-License-Identifier: GPL-2.0-only */
/* vmalloc.h - there is no vmalloc area; kvmalloc() is in slab.h, as in 6.1. */
#ifndef _LINUX_VMALLOC_H
#define _LINUX_VMALLOC_H

#include <linux/slab.h>

#endif
