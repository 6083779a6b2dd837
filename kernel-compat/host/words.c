// SPDX-License-Identifier: GPL-2.0-only
/*
 * words.c - lines to stderr, at once or held back; and stdout.
 *
 * What a passing test says (a filter's summary, the dump of a deadlock that was wanted) is noise; what
 * a failing one says is the report. So a runner of tests has lines held back until it knows. They go to
 * a memfd: printing them then takes no more than read() and write(), which a signal handler and a
 * process about to stop may call. The first HELD_MAX_BYTES are kept.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "host-impl.h"

#define HELD_MAX_BYTES	(1u << 20)

static _Atomic bool holding;
static _Atomic size_t held_bytes;	/* said since host_puts_hold(), kept or not */
static int held_fd = -1;

static void write_all(int fd, const char *p, size_t left)
{
	while (left) {
		ssize_t n = write(fd, p, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		p += n;
		left -= (size_t)n;
	}
}

/**
 * words_fd - where the next @bytes of stderr belong
 * @bytes: about how many
 *
 * Return: a file descriptor; -1: nowhere, more is held than is kept.
 */
int words_fd(size_t bytes)
{
	if (!atomic_load_explicit(&holding, memory_order_relaxed))
		return 2;
	return atomic_fetch_add(&held_bytes, bytes) + bytes > HELD_MAX_BYTES ? -1 : held_fd;
}

/**
 * host_puts - one line to stderr (or held back), in one write as far as a line has room for it
 * @line: without its newline
 */
void host_puts(const char *line)
{
	char buf[1024];
	size_t len = strlen(line);
	int fd = words_fd(len + 1);

	if (len < sizeof(buf)) {
		memcpy(buf, line, len);
		buf[len] = '\n';
		write_all(fd, buf, len + 1);
		return;
	}
	write_all(fd, line, len);
	write_all(fd, "\n", 1);
}

/**
 * host_puts_hold - keep lines from now on, until host_puts_release(); they are printed if the process stops
 *
 * Without a file to keep them in they are printed, as if this had not been called. Context: outside a run.
 */
void host_puts_hold(void)
{
	if (held_fd < 0)
		held_fd = memfd_create("diolab-held", MFD_CLOEXEC);
	atomic_store(&holding, held_fd >= 0);
}

/**
 * host_puts_release - keep lines no longer
 * @print: print what was kept; 0: forget it
 *
 * Nothing held: nothing happens. Context: any, signal handlers included.
 */
void host_puts_release(int print)
{
	static const char more[] = "(more was said than is kept)\n";
	char buf[4096];
	ssize_t n;

	if (!atomic_exchange(&holding, false))
		return;
	if (print && !lseek(held_fd, 0, SEEK_SET)) {
		while ((n = read(held_fd, buf, sizeof(buf))) > 0)
			write_all(2, buf, (size_t)n);
		if (atomic_load(&held_bytes) > HELD_MAX_BYTES)
			write_all(2, more, sizeof(more) - 1);
	}
	/* Should this fail, old lines come back with the next that are printed: no harm but confusion. */
	if (!lseek(held_fd, 0, SEEK_SET) && !ftruncate(held_fd, 0))
		atomic_store(&held_bytes, 0);
}

/** words_in_child - after fork(): print from here on; the file with what was held is the parent's */
void words_in_child(void)
{
	atomic_store(&holding, false);
	held_fd = -1;
}

/** host_out - @bytes of @text to stdout, buffered; host_exit() and the end of main flush it */
void host_out(const char *text, host_size bytes)
{
	fwrite(text, 1, bytes, stdout);
}
