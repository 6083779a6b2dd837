// SPDX-License-Identifier: GPL-2.0-only
/*
 * outfile.c - files that a report or a trace goes to.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

#include "cli.h"

/* Can @path be written to, or made? Asked before anything runs: a report that has no place costs a run. */
void outfile_check(const char *option, const char *path)
{
	char folder[OUTFILE_PATH_BYTES], *slash;
	struct stat st;

	if (!path)
		return;
	if (strlen(path) >= sizeof(folder))
		usage("%s: a path may have %zu bytes", option, sizeof(folder) - 1);
	if (!stat(path, &st) && S_ISDIR(st.st_mode) != !strcmp(option, "--html"))
		usage("%s %s: is %s", option, path, S_ISDIR(st.st_mode) ? "a folder; name a file in it" : "no folder");
	strcpy(folder, path);
	slash = strrchr(folder, '/');
	if (slash)
		slash[slash == folder] = 0;
	else
		strcpy(folder, ".");
	if (access(path, W_OK) && (errno != ENOENT || access(folder, W_OK | X_OK)))
		usage("%s %s: cannot write (%s); name another place", option, path, strerror(errno));
}

/*
 * Written whole or not at all: a reader never finds half a report, a failed run leaves the old one. What is
 * there and no regular file (/dev/stdout, a FIFO, a link) is written to, never replaced.
 */
void outfile_write(const char *path, void (*writer)(FILE *out, const void *arg), const void *arg)
{
	char part[OUTFILE_PATH_BYTES + 8];
	struct stat st;
	bool in_place = !lstat(path, &st) && !S_ISREG(st.st_mode);
	FILE *f;

	snprintf(part, sizeof(part), in_place ? "%s" : "%s.part", path);
	f = fopen(part, "we");
	if (!f)
		usage("%s: cannot write (%s)", part, strerror(errno));
	writer(f, arg);
	if (fflush(f) || ferror(f) || fclose(f) || (!in_place && rename(part, path)))
		usage("%s: cannot write (%s)", path, strerror(errno));
}
