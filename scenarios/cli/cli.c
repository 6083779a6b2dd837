// SPDX-License-Identifier: GPL-2.0-only
/*
 * cli.c - how the program ends: a mistake of the user is one line and status 2, and so is output that got lost.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

char **cli_argv;

/*
 * A descriptor of the three that whoever started us has closed would be given to the next file opened, the disk
 * perhaps, and what is meant for the terminal would be written into it. It is taken first, in the wrong direction, so
 * that who uses it still learns that it is not there.
 */
static void take_closed(int fd)
{
	if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
		return;
	if (open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
		_exit(EXIT_USAGE);	/* nobody could be told */
}

static void check_stdout(void)
{
	bool early = ferror(stdout), late = fflush(stdout);

	if (!early && !late)
		return;
	fprintf(stderr, "diolab: standard output: cannot write%s%s%s; what it should have got is not whole\n",
		late ? " (" : "", late ? strerror(errno) : "", late ? ")" : "");
	host_exit(EXIT_USAGE);
}

void cli_begin(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		take_closed(fd);
	atexit(check_stdout);
}

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
