/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fault-inject-usercopy.h - failing user copies. Never here: KC_FAULT_UCOPY (kc/fault.h) does it inside the
 * copy, where it can stop at a byte; asking for a whole call beside it would count bytes twice.
 */
#ifndef _LINUX_FAULT_INJECT_USERCOPY_H
#define _LINUX_FAULT_INJECT_USERCOPY_H

#include <linux/types.h>

static inline bool should_fail_usercopy(void)
{
	return false;
}

#endif
