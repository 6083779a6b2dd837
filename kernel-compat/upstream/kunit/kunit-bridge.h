/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kunit-bridge.h - what crosses between the two sides for `make upstream-kunit`, besides bridge.h.
 */
#ifndef KC_UPSTREAM_KUNIT_BRIDGE_H
#define KC_UPSTREAM_KUNIT_BRIDGE_H

/* Run every suite that is linked in; the report is KTAP, by upl_print(). Return: cases that failed, or -1: there is none. */
int upk_kunit(void);

/* @nr frames at consecutive addresses, with a page without access behind them. 0: no room. */
unsigned long upl_vmap(const unsigned long *pfns, unsigned int nr);
void upl_vunmap(unsigned long addr, unsigned int nr);

#endif
