/* SPDX-License-Identifier: GPL-2.0-only */
/* module.h - there are no modules; what describes one says nothing here. */
#ifndef _LINUX_MODULE_H
#define _LINUX_MODULE_H

#include <linux/export.h>
#include <linux/init.h>

#define MODULE_LICENSE(s)	_Static_assert(sizeof(s), "")
#define MODULE_DESCRIPTION(s)	_Static_assert(sizeof(s), "")
#define MODULE_AUTHOR(s)	_Static_assert(sizeof(s), "")

#endif
