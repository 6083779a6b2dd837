/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pagemap.h - what code that also handles page-cache pages includes to get everything else. The page cache
 * itself is not kernel-compat's: asking for a page of one stops.
 */
#ifndef _LINUX_PAGEMAP_H
#define _LINUX_PAGEMAP_H

#include <linux/bitops.h>
#include <linux/bug.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/hardirq.h>
#include <linux/highmem.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/uaccess.h>
#include <linux/xarray.h>

/* Bytes of one call. Linux gets it from fs.h, which here each design has for itself. */
#ifndef MAX_RW_COUNT
#define MAX_RW_COUNT	(INT_MAX & PAGE_MASK)
#endif

static inline struct page *find_subpage(struct page *head, pgoff_t index)
{
	kc_trap("find_subpage");
}

#endif
