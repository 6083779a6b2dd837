/* SPDX-License-Identifier: GPL-2.0-only */
/* string.h - six of them are the host's (the compiler calls them anyway), the others are written here. */
#ifndef _LINUX_STRING_H
#define _LINUX_STRING_H

#include <linux/compiler.h>
#include <linux/types.h>

void *memcpy(void *dst, const void *src, size_t len_bytes);
void *memmove(void *dst, const void *src, size_t len_bytes);
void *memset(void *dst, int c, size_t len_bytes);
int memcmp(const void *a, const void *b, size_t len_bytes);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);

/* A copy of @len_bytes at @src in memory of its own, to be kfree()d; NULL: none (kmalloc.c). */
void *kmemdup(const void *src, size_t len_bytes, gfp_t gfp);
void *kc_kmemdup_at(const void *src, size_t len_bytes, gfp_t gfp, const char *site);
#ifdef KC_DEBUG
#define kmemdup(src, len, gfp)	kc_kmemdup_at(src, len, gfp, KC_SITE)
#endif

ssize_t strscpy(char *dst, const char *src, size_t dst_bytes);
void *memchr_inv(const void *start, int c, size_t len_bytes);
/* First place of @text in @s, or NULL (strstr, under a name that does not hide the host's). */
const char *kc_strstr(const char *s, const char *text);

#endif
