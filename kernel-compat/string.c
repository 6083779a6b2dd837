// SPDX-License-Identifier: GPL-2.0-only
/*
 * string.c - string functions that the C library does not have, or not under this name.
 */
#include <linux/errno.h>
#include <linux/string.h>

/**
 * strscpy - copy a string into a buffer, always terminated
 * @dst: destination
 * @src: zero-terminated
 * @dst_bytes: size of @dst
 *
 * Return: length copied without the final zero; -E2BIG when it was cut or @dst_bytes is 0.
 */
ssize_t strscpy(char *dst, const char *src, size_t dst_bytes)
{
	size_t i;

	if (!dst_bytes)
		return -E2BIG;
	for (i = 0; i < dst_bytes; i++) {
		dst[i] = src[i];
		if (!src[i])
			return (ssize_t)i;
	}
	dst[dst_bytes - 1] = 0;
	return -E2BIG;
}

/**
 * memchr_inv - first byte that is not @c
 * @start: memory
 * @c: byte
 * @len_bytes: its length
 *
 * Return: the byte's address, NULL if all are @c.
 */
void *memchr_inv(const void *start, int c, size_t len_bytes)
{
	const u8 *p = start;
	size_t i;

	for (i = 0; i < len_bytes; i++) {
		if (p[i] != (u8)c)
			return (void *)(p + i);
	}
	return NULL;
}

/**
 * kc_strstr - first place of @text in @s
 *
 * Return: its address, NULL if there is none. The empty text is at the beginning.
 */
const char *kc_strstr(const char *s, const char *text)
{
	size_t len = strlen(text);

	for (; strlen(s) >= len; s++) {
		if (!memcmp(s, text, len))
			return s;
	}
	return NULL;
}
