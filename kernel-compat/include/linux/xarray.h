/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xarray.h - the names that code which can also walk an xarray needs to compile. Each walk stops with its
 * own name: there is no xarray here.
 */
#ifndef _LINUX_XARRAY_H
#define _LINUX_XARRAY_H

#include <linux/bug.h>
#include <linux/types.h>

struct xarray;

struct xa_state {
	struct xarray *xa;
	unsigned long xa_index;
};

#define XA_STATE(name, array, index)	struct xa_state name = { .xa = (array), .xa_index = (index) }

static inline bool xa_is_value(const void *entry)
{
	kc_trap("xa_is_value");
}

static inline bool xas_retry(struct xa_state *xas, const void *entry)
{
	kc_trap("xas_retry");
}

static inline void xas_reset(struct xa_state *xas)
{
	kc_trap("xas_reset");
}

static inline void *xas_load(struct xa_state *xas)
{
	kc_trap("xas_load");
}

static inline void *xas_reload(struct xa_state *xas)
{
	kc_trap("xas_reload");
}

static inline void *xas_find(struct xa_state *xas, unsigned long max)
{
	kc_trap("xas_find");
}

static inline void *xas_next(struct xa_state *xas)
{
	kc_trap("xas_next");
}

static inline void *xas_next_entry(struct xa_state *xas, unsigned long max)
{
	kc_trap("xas_next_entry");
}

#define xas_for_each(xas, entry, max)							\
	for (entry = xas_find(xas, max); entry; entry = xas_next_entry(xas, max))

#endif
