/* SPDX-License-Identifier: GPL-2.0-only */
/* checksum.h - Internet checksums made while copying: for networks, of which there are none; each stops. */
#ifndef _NET_CHECKSUM_H
#define _NET_CHECKSUM_H

#include <linux/bug.h>
#include <linux/compiler.h>
#include <linux/types.h>

static inline __wsum csum_partial_copy_nocheck(const void *src, void *dst, int len)
{
	kc_trap("csum_partial_copy_nocheck");
}

static inline __wsum csum_and_copy_from_user(const void __user *src, void *dst, int len)
{
	kc_trap("csum_and_copy_from_user");
}

static inline __wsum csum_and_copy_to_user(const void *src, void __user *dst, int len)
{
	kc_trap("csum_and_copy_to_user");
}

static inline __wsum csum_shift(__wsum sum, int offset)
{
	kc_trap("csum_shift");
}

static inline __wsum csum_block_add(__wsum csum, __wsum csum2, int offset)
{
	kc_trap("csum_block_add");
}

#endif
