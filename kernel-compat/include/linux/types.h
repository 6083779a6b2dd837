/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * types.h - the kernel's basic types. 64 bit is "long long", as in the kernel, so that %llu fits.
 */
#ifndef _LINUX_TYPES_H
#define _LINUX_TYPES_H

#include <stddef.h>
#include <stdbool.h>

typedef __UINT8_TYPE__ u8, __u8;
typedef __UINT16_TYPE__ u16, __u16;
typedef __UINT32_TYPE__ u32, __u32;
typedef unsigned long long u64, __u64;
typedef __INT8_TYPE__ s8, __s8;
typedef __INT16_TYPE__ s16, __s16;
typedef __INT32_TYPE__ s32, __s32;
typedef long long s64, __s64;

typedef u8 uint8_t;
typedef u16 uint16_t;
typedef u32 uint32_t;
typedef __UINT64_TYPE__ uint64_t;
typedef __INT64_TYPE__ int64_t;
typedef __UINTPTR_TYPE__ uintptr_t;

typedef long ssize_t;
typedef long long loff_t;
typedef long off_t;
typedef int pid_t;

typedef u64 sector_t;			/* units of 512 bytes */
typedef u64 blkcnt_t;
typedef u64 phys_addr_t;
typedef unsigned long pgoff_t;		/* units of pages */
typedef u32 dev_t;
typedef unsigned short umode_t;

#ifdef __CHECKER__
#define __bitwise	__attribute__((bitwise))
#else
#define __bitwise
#endif

typedef unsigned int __bitwise gfp_t;
typedef unsigned int __bitwise slab_flags_t;
typedef unsigned int __bitwise fmode_t;
typedef u16 __bitwise __le16, __be16;
typedef u32 __bitwise __le32, __be32;
typedef u64 __bitwise __le64, __be64;
typedef u32 __bitwise __wsum;		/* an unfolded Internet checksum */

typedef struct {
	int counter;
} atomic_t;

typedef struct {
	s64 counter;
} atomic64_t;

struct list_head {
	struct list_head *next, *prev;
};

struct hlist_head {
	struct hlist_node *first;
};

struct hlist_node {
	struct hlist_node *next, **pprev;
};

#define BITS_PER_BYTE		8
#define BITS_PER_LONG		64
#define BITS_TO_LONGS(nr)	(((nr) + BITS_PER_LONG - 1) / BITS_PER_LONG)
#define DECLARE_BITMAP(name, bits) unsigned long name[BITS_TO_LONGS(bits)]

#endif
