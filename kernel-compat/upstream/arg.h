/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * arg.h - user addresses for the arguments of ioctls that this side makes itself; see user.c.
 */
#ifndef KC_UPSTREAM_ARG_H
#define KC_UPSTREAM_ARG_H

#define UP_ARG_VA	0x10000ul	/* below the laboratory's user window */
#define UP_ARG_BYTES	4096ul

extern unsigned char up_arg[UP_ARG_BYTES];

#endif
