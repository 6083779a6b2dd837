// SPDX-License-Identifier: GPL-2.0-only
/*
 * cli.c - how a mistake of the user ends the program: one line, status 2.
 */
#include <stdarg.h>
#include <stdlib.h>

#include "cli.h"

char **cli_argv;

void usage(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fputs("diolab: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(EXIT_USAGE);
}
