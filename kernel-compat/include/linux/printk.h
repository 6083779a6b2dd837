/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * printk.h - messages, one line each, to the host's stderr; and printing into buffers.
 * Understood: %d %i %u %x %X %o %c %s %p %% with - + space # 0, width, precision, *, and h hh l ll z t.
 */
#ifndef _LINUX_PRINTK_H
#define _LINUX_PRINTK_H

#include <stdarg.h>
#include <linux/compiler.h>
#include <linux/types.h>

#define KC_PRINTK_MAX_BYTES	512	/* of one line; the rest is cut */

#define KERN_EMERG	""
#define KERN_ALERT	""
#define KERN_CRIT	""
#define KERN_ERR	""
#define KERN_WARNING	""
#define KERN_NOTICE	""
#define KERN_INFO	""

#ifndef pr_fmt
#define pr_fmt(fmt) fmt
#endif

int printk(const char *fmt, ...) __printf(1, 2);
int vprintk(const char *fmt, va_list args) __printf(1, 0);

#define pr_emerg(fmt, ...)	printk(pr_fmt(fmt), ##__VA_ARGS__)
#define pr_err(fmt, ...)	printk(pr_fmt(fmt), ##__VA_ARGS__)
#define pr_warn(fmt, ...)	printk(pr_fmt(fmt), ##__VA_ARGS__)
#define pr_notice(fmt, ...)	printk(pr_fmt(fmt), ##__VA_ARGS__)
#define pr_info(fmt, ...)	printk(pr_fmt(fmt), ##__VA_ARGS__)
#define pr_debug(fmt, ...)								\
	do {										\
		if (0)									\
			printk(pr_fmt(fmt), ##__VA_ARGS__);				\
	} while (0)
#define pr_warn_once(fmt, ...)								\
	do {										\
		static bool __said;							\
		if (!__atomic_exchange_n(&__said, true, __ATOMIC_RELAXED))		\
			printk(pr_fmt(fmt), ##__VA_ARGS__);				\
	} while (0)
#define pr_err_ratelimited	pr_err

/* The length it would have had, as in C. */
/* Linked under names of their own: under libc's, host files of the same program would be given these. */
int vsnprintf(char *buf, size_t size, const char *fmt, va_list args) __asm__("kc_vsnprintf") __printf(3, 0);
int snprintf(char *buf, size_t size, const char *fmt, ...) __asm__("kc_snprintf") __printf(3, 4);
/* The length it has in @buf, without the final zero byte. */
int vscnprintf(char *buf, size_t size, const char *fmt, va_list args) __printf(3, 0);
int scnprintf(char *buf, size_t size, const char *fmt, ...) __printf(3, 4);

#endif
