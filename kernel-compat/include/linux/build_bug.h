/* SPDX-License-Identifier: GPL-2.0-only */
/* build_bug.h - what must hold at compile time. */
#ifndef _LINUX_BUILD_BUG_H
#define _LINUX_BUILD_BUG_H

#define BUILD_BUG_ON_MSG(cond, msg)	_Static_assert(!(cond), msg)
#define BUILD_BUG_ON(cond)		_Static_assert(!(cond), "BUILD_BUG_ON: " #cond)
#define BUILD_BUG_ON_ZERO(e)		((int)sizeof(struct { int:(-!!(e)); }))
#define static_assert(expr, ...)	_Static_assert(expr, "" #expr)

#endif
