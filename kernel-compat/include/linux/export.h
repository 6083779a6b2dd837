/* SPDX-License-Identifier: GPL-2.0-only */
/* export.h - there are no modules: every symbol of a program is exported to the rest of it. */
#ifndef _LINUX_EXPORT_H
#define _LINUX_EXPORT_H

#define EXPORT_SYMBOL(sym)	_Static_assert(sizeof(&sym), "exported")
#define EXPORT_SYMBOL_GPL(sym)	EXPORT_SYMBOL(sym)

#endif
