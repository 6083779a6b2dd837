// SPDX-License-Identifier: GPL-2.0-only
/*
 * outfile.c - files that a report or a trace goes to.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
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

/* ---- one file, two names ---- */

struct place {
	struct stat st;			/* of the file, else of the folder it would be made in */
	bool exists;
	const char *name;		/* in that folder */
};

static bool find(const char *path, struct place *p)
{
	const char *slash = strrchr(path, '/');
	char folder[OUTFILE_PATH_BYTES];

	p->name = slash ? slash + 1 : path;
	p->exists = !stat(path, &p->st);
	if (p->exists || strlen(path) >= sizeof(folder))
		return p->exists;
	strcpy(folder, slash ? path : ".");
	if (slash)
		folder[slash == path ? 1 : slash - path] = 0;
	return !stat(folder, &p->st);
}

/* What is no regular file (a terminal, a pipe) takes whatever comes, in turn. */
static bool is_one_file(const char *a, const char *b)
{
	struct place pa, pb;

	if (!find(a, &pa) || !find(b, &pb) || pa.exists != pb.exists)
		return false;
	if (pa.st.st_dev != pb.st.st_dev || pa.st.st_ino != pb.st.st_ino)
		return false;
	return pa.exists ? S_ISREG(pa.st.st_mode) : !strcmp(pa.name, pb.name);
}

void outfile_apart(const struct outfile_name *names, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++) {
		for (unsigned int j = 0; j < nr && names[i].path && names[i].written; j++) {
			if (i == j || !names[j].path || !is_one_file(names[i].path, names[j].path))
				continue;
			usage("%s %s: would overwrite %s %s, the same file; name another", names[i].option, names[i].path,
			      names[j].option, names[j].path);
		}
	}
}

/* A file beside @path, of a name that nobody has, with the rights of any new file. NULL: errno. */
static FILE *open_part(const char *path, char *part, size_t part_bytes)
{
	mode_t mask = umask(0);
	int fd;

	umask(mask);
	snprintf(part, part_bytes, "%s.XXXXXX", path);
	fd = mkostemp(part, O_CLOEXEC);
	if (fd < 0)
		return NULL;
	fchmod(fd, 0666 & ~mask);
	return fdopen(fd, "w");
}

/*
 * Written whole or not at all: a reader never finds half a report, a failed run leaves the old one. What is
 * there and no regular file (/dev/stdout, a FIFO, a link) is written to, never replaced.
 */
void outfile_write(const char *path, void (*writer)(FILE *out, const void *arg), const void *arg)
{
	bool in_place;
	struct stat st;
	char part[OUTFILE_PATH_BYTES + 8];
	FILE *f;

	in_place = !lstat(path, &st) && !S_ISREG(st.st_mode);
	f = in_place ? fopen(path, "we") : open_part(path, part, sizeof(part));
	if (!f)
		usage("%s: cannot write (%s)", path, strerror(errno));
	writer(f, arg);
	if (fflush(f) || ferror(f) || fclose(f) || (!in_place && rename(part, path))) {
		int err = errno;

		if (!in_place)
			unlink(part);
		usage("%s: cannot write (%s)", path, strerror(err));
	}
}
