// SPDX-License-Identifier: GPL-2.0-only
/*
 * fork.c - run something that may not come back: given up from inside (host_try), or in a process of its own.
 *
 * For tests of what stops the process. The child shares the terminal with nobody: its stderr is
 * read by the parent through a pipe, its stdout is dropped. It leaves by _exit(), so nothing that
 * the parent has buffered or registered happens twice.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
#include "host-impl.h"

#define SIGNALLED	128		/* + signal, as shells count it */

static jmp_buf try_env;
static bool try_is_on;
static bool in_child;		/* of host_fork_run() */

/**
 * host_try - call fn(arg) and survive its host_throw()
 * @fn: frees what it has taken by itself, or not at all: nothing is unwound
 * @arg: its argument
 *
 * Return: 0, or 1 if it threw. Context: outside a run; not nested.
 */
int host_try(void (*fn)(void *arg), void *arg)
{
	if (try_is_on || host_cur.running)
		host_die("host_try: nested, or inside a run");
	try_is_on = true;
	if (setjmp(try_env)) {
		try_is_on = false;
		return 1;
	}
	fn(arg);
	try_is_on = false;
	return 0;
}

/**
 * host_throw - leave the function that host_try() called, or a forked child, with 1. Context: its
 * thread, outside a run.
 */
_Noreturn void host_throw(void)
{
	/* What the parent is trying is not the child's to leave. */
	if (in_child)
		host_exit(1);
	if (!try_is_on || host_cur.running)
		host_die("host_throw: no host_try, or inside a run");
	longjmp(try_env, 1);
}

static _Noreturn void fork_child(void (*fn)(void *arg), void *arg, int err_fd)
{
	int null;

	in_child = true;
	words_in_child();
	null = open("/dev/null", O_WRONLY);

	if (null < 0 || dup2(null, 1) < 0 || dup2(err_fd, 2) < 0)
		die_errno("a forked child's files", errno);
	fn(arg);
	host_exit(0);
}

/* All of it is read, so that the child never waits; what fits is kept. */
static void fork_read(int fd, char *err, size_t err_bytes)
{
	char drop[1024];
	size_t have = 0;
	ssize_t n;

	do {
		bool full = have + 1 >= err_bytes;

		n = read(fd, full ? drop : err + have, full ? sizeof(drop) : err_bytes - 1 - have);
		if (n > 0 && !full)
			have += (size_t)n;
	} while (n > 0 || (n < 0 && errno == EINTR));
	if (err_bytes)
		err[have] = 0;
}

/**
 * host_fork_run - run fn(arg) in a forked process; see host.h
 * @fn: may call host_run()
 * @arg: its argument
 * @err: where its stderr goes, zero-terminated; NULL only with @err_bytes 0
 * @err_bytes: size of @err; what does not fit is dropped
 *
 * Return: its exit status, 128 + signal if it was killed. Stops the process inside a run, whose threads a
 * child would lack, and if there is no child to be had.
 */
int host_fork_run(void (*fn)(void *arg), void *arg, char *err, host_size err_bytes)
{
	int fds[2], status;
	pid_t pid;

	if (host_cur.running)
		host_die("host_fork_run: a run is in progress");
	if (pipe2(fds, O_CLOEXEC))
		die_errno("pipe", errno);
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		die_errno("fork", errno);
	if (!pid)
		fork_child(fn, arg, fds[1]);
	close(fds[1]);
	fork_read(fds[0], err, err_bytes);
	close(fds[0]);
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			die_errno("waitpid", errno);
	}
	return WIFSIGNALED(status) ? SIGNALLED + WTERMSIG(status) : WEXITSTATUS(status);
}
