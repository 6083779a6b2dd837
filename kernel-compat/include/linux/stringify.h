/* SPDX-License-Identifier: GPL-2.0-only */
/* stringify.h - __stringify() is in compiler.h here, which needs it. */
#ifndef _LINUX_STRINGIFY_H
#define _LINUX_STRINGIFY_H

#include <linux/compiler.h>

#endif
