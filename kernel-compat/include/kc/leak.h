/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * leak.h - the table of what a world still holds at its end: one line a (kind, site), with a count and bytes.
 */
#ifndef _KC_LEAK_H
#define _KC_LEAK_H

#include <linux/types.h>

#define KC_LEAK_MAX_SITES	64	/* distinct lines; what is beyond is counted in a last line */

void kc_leak_begin(void);
/* @what: cache or kind; @site: "file:line" or NULL (release builds). Both must live until kc_leak_print(). */
void kc_leak_add(const char *what, const char *site, u64 bytes);
int kc_leak_print(void);		/* prints, empties the table, returns how many things leaked */

#endif
