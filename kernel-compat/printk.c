// SPDX-License-Identifier: GPL-2.0-only
/*
 * printk.c - kernel messages to the host's stderr, a line each.
 */
#include <linux/printk.h>
#include "host.h"

/**
 * vprintk - print one message
 * @fmt: without a level; a newline at its end is dropped, the host adds one
 * @args: its arguments
 *
 * Return: the length printed. Lines are cut at KC_PRINTK_MAX_BYTES. Context: any.
 */
int vprintk(const char *fmt, va_list args)
{
	char line[KC_PRINTK_MAX_BYTES];
	int len = vscnprintf(line, sizeof(line), fmt, args);

	if (len && line[len - 1] == '\n')
		line[--len] = 0;
	host_puts(line);
	return len;
}

/** printk - vprintk() with its arguments given */
int printk(const char *fmt, ...)
{
	va_list args;
	int len;

	va_start(args, fmt);
	len = vprintk(fmt, args);
	va_end(args);
	return len;
}
