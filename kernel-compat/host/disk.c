// SPDX-License-Identifier: GPL-2.0-only
/*
 * disk.c - files and block devices opened for direct IO, or one line that says why not.
 *
 * O_DIRECT is set after opening, so that a file which the filesystem refuses to do direct IO on is
 * removed again if it was made here. Some filesystems accept the flag and then copy through the
 * page cache (tmpfs since Linux 6.6): statx() knows, and they count as having none. A block device
 * is opened exclusively, so that a mounted one is refused by the kernel, and only when its loss was
 * agreed to.
 *
 * A new file is allocated at once, so that a full disk is an error at the start and not in the
 * middle; on request it is also written once, because reads of allocated but never written blocks
 * do not reach the disk.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "host-impl.h"

#define BLOCK_GUESS_BYTES	4096u	/* where nothing tells: right for every disk sold */
#define FILL_BYTES		(1u << 20)

#define MAGIC_TMPFS		0x01021994
#define MAGIC_RAMFS		0x858458f6

/* statx's direct-IO fields (Linux 6.1), which glibc 2.36 does not name: 32-bit words 38 and 39. */
#define DIOALIGN_MASK		0x2000u
#define DIOALIGN_WORD_MEM	38
#define DIOALIGN_WORD_OFFSET	39

static bool disk_slots[HOST_RING_FILES];
static pthread_mutex_t disk_lock = PTHREAD_MUTEX_INITIALIZER;	/* disk_slots and serials */

/**
 * struct opening - an open in progress
 * @fd: -1 until opened
 * @made: the file did not exist: remove it on failure (@path), unless it has no name
 */
struct opening {
	const char *path;
	unsigned int flags;
	int fd;
	bool made;
	struct stat st;
	struct host_disk_info info;
	char *why;
	size_t why_bytes;
};

static int fail(struct opening *o, int err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static int fail(struct opening *o, int err, const char *fmt, ...)
{
	va_list ap;

	if (o->why_bytes) {
		va_start(ap, fmt);
		vsnprintf(o->why, o->why_bytes, fmt, ap);
		va_end(ap);
	}
	return -err;
}

/* --- does direct IO work there ---------------------------------------------------------------- */

struct dio_align {
	bool known;
	unsigned int mem_bytes, offset_bytes;	/* 0: no direct IO */
};

static struct dio_align dio_align(int fd)
{
	union {
		struct statx stx;
		uint32_t words[64];
	} u;
	struct dio_align a = { false, 0, 0 };

	memset(&u, 0, sizeof(u));
	if (statx(fd, "", AT_EMPTY_PATH, DIOALIGN_MASK, &u.stx) || !(u.stx.stx_mask & DIOALIGN_MASK))
		return a;
	a.known = true;
	a.mem_bytes = u.words[DIOALIGN_WORD_MEM];
	a.offset_bytes = u.words[DIOALIGN_WORD_OFFSET];
	return a;
}

static const char *memory_fs(int fd)
{
	struct statfs fs;

	if (fstatfs(fd, &fs))
		return NULL;
	return fs.f_type == MAGIC_TMPFS ? "tmpfs" : (unsigned int)fs.f_type == MAGIC_RAMFS ? "ramfs" : NULL;
}

/* Turn direct IO on for an open file. False: this filesystem has none. */
static bool dio_enable(int fd)
{
	struct dio_align a;
	int fl = fcntl(fd, F_GETFL);

	if (fcntl(fd, F_SETFL, fl | O_DIRECT))
		return false;
	a = dio_align(fd);
	return a.known ? a.offset_bytes != 0 : !memory_fs(fd);
}

/* A directory where files have direct IO and that the caller may write, or NULL. */
static const char *dio_directory(void)
{
	const char *const dirs[] = { "/var/tmp", getenv("HOME"), "/tmp", "." };
	unsigned int i;

	for (i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		bool works;
		int fd;

		if (!dirs[i] || !*dirs[i])
			continue;
		fd = open(dirs[i], O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
		if (fd < 0)
			continue;
		works = dio_enable(fd);
		close(fd);
		if (works)
			return dirs[i];
	}
	return NULL;
}

static int fail_no_dio(struct opening *o)
{
	const char *fs = memory_fs(o->fd), *dir = dio_directory();

	if (dir)
		return fail(o, EINVAL, "%s: no O_DIRECT on that filesystem%s%s%s; use a file in %s",
			    o->path, fs ? " (" : "", fs ? fs : "", fs ? ")" : "", dir);
	return fail(o, EINVAL, "%s: no O_DIRECT on that filesystem%s%s%s; use a file on ext4, xfs or btrfs",
		    o->path, fs ? " (" : "", fs ? fs : "", fs ? ")" : "");
}

/* --- opening ---------------------------------------------------------------------------------- */

static int fail_open(struct opening *o, int err)
{
	switch (err) {
	case ENOENT:
		if (o->flags & HOST_DISK_CREATE)
			return fail(o, err, "%s: its directory does not exist; make it, or name another file",
				    o->path);
		if (o->flags & HOST_DISK_TEMP)
			return fail(o, err, "%s: no files can be made there; name another directory",
				    o->path);
		return fail(o, err, "%s: no such file or directory; name its size to have it made, "
			    "as in FILE:256m", o->path);
	case EACCES:
	case EPERM:
		return fail(o, err, "%s: no permission to open it for %s; %s", o->path,
			    o->flags & HOST_DISK_RDONLY ? "reading" : "writing",
			    S_ISBLK(o->st.st_mode) ? "run as root or as a member of the device's group" :
						     "run as its owner, or name another file");
	case EBUSY:
		return fail(o, err, "%s: the device is in use (mounted, or part of another device); "
			    "name a free one", o->path);
	case EROFS:
		return fail(o, err, "%s: the filesystem is read-only; name a file elsewhere", o->path);
	case EISDIR:
		return fail(o, err, "%s: is a directory; name a file in it", o->path);
	default:
		return fail(o, err, "%s: cannot be opened: %s", o->path, strerror(err));
	}
}

static int open_temp(struct opening *o)
{
	char name[4096];

	o->fd = open(o->path, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (o->fd >= 0)
		return 0;
	if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)
		return fail_open(o, errno);
	/* A filesystem without unnamed files: a name that lives for a moment. */
	if ((size_t)snprintf(name, sizeof(name), "%s/diolab-XXXXXX", o->path) >= sizeof(name))
		return fail_open(o, ENAMETOOLONG);
	o->fd = mkostemp(name, O_CLOEXEC);
	if (o->fd < 0)
		return fail_open(o, errno);
	unlink(name);
	return 0;
}

static int open_named(struct opening *o)
{
	int mode = o->flags & HOST_DISK_RDONLY ? O_RDONLY : O_RDWR;

	if (stat(o->path, &o->st)) {
		if (errno != ENOENT || !(o->flags & HOST_DISK_CREATE) || o->flags & HOST_DISK_RDONLY)
			return fail_open(o, errno);
		o->fd = open(o->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
		if (o->fd < 0)
			return fail_open(o, errno);
		o->made = true;
		return 0;
	}
	/* Looked at before opening: opening a FIFO waits, and a device may do anything. */
	if (S_ISBLK(o->st.st_mode)) {
		if (!(o->flags & (HOST_DISK_BLOCKDEV_OK | HOST_DISK_RDONLY)))
			return fail(o, EPERM, "%s: is a block device, all data on it would be lost; "
				    "if that is meant, say --yes-really", o->path);
		mode |= o->flags & HOST_DISK_RDONLY ? 0 : O_EXCL;
	} else if (S_ISDIR(o->st.st_mode)) {
		return fail_open(o, EISDIR);
	} else if (!S_ISREG(o->st.st_mode)) {
		return fail(o, EINVAL, "%s: is neither a regular file nor a block device", o->path);
	}
	o->fd = open(o->path, mode | O_CLOEXEC);
	return o->fd < 0 ? fail_open(o, errno) : 0;
}

/* --- size and alignment ----------------------------------------------------------------------- */

static int measure_blockdev(struct opening *o)
{
	int block_bytes = 0;

	if (ioctl(o->fd, BLKGETSIZE64, &o->info.size_bytes) || ioctl(o->fd, BLKSSZGET, &block_bytes) ||
	    block_bytes <= 0)
		return fail(o, EIO, "%s: the device does not tell its size: %s", o->path, strerror(errno));
	o->info.logical_block_bytes = (unsigned int)block_bytes;
	o->info.is_blockdev = 1;
	return 0;
}

static void measure_file(struct opening *o)
{
	struct dio_align a = dio_align(o->fd);

	o->info.logical_block_bytes = a.known ? a.offset_bytes : BLOCK_GUESS_BYTES;
	o->info.mem_align_bytes = a.known ? a.mem_bytes : BLOCK_GUESS_BYTES;
	o->info.size_bytes = (uint64_t)o->st.st_size;
}

/* Write zeros over the whole file, so that every block is one that the disk has to read. */
static int fill(struct opening *o, uint64_t size_bytes)
{
	uint64_t off = 0;
	void *zeros;

	if (posix_memalign(&zeros, BLOCK_GUESS_BYTES, FILL_BYTES))
		return fail(o, ENOMEM, "%s: no memory to fill it", o->path);
	memset(zeros, 0, FILL_BYTES);
	while (off < size_bytes) {
		size_t n = size_bytes - off < FILL_BYTES ? (size_t)(size_bytes - off) : FILL_BYTES;
		ssize_t done = pwrite(o->fd, zeros, n, (off_t)off);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0) {
			int err = done ? errno : EIO;

			free(zeros);
			return fail(o, err, "%s: cannot be filled at byte %llu: %s", o->path,
				    (unsigned long long)off, strerror(err));
		}
		off += (uint64_t)done;
	}
	free(zeros);
	return 0;
}

/* Give a file that was just made (or is empty) its size. */
static int allocate(struct opening *o, uint64_t size_bytes)
{
	int err = 0;

	if (fallocate(o->fd, 0, 0, (off_t)size_bytes))
		err = errno;
	if (err == EOPNOTSUPP && !ftruncate(o->fd, (off_t)size_bytes)) {
		/* Without fallocate() only writing allocates. */
		err = 0;
		o->flags |= HOST_DISK_FILL;
	}
	if (err)
		return fail(o, err, "%s: %llu MiB cannot be allocated: %s; free some space or ask for less",
			    o->path, (unsigned long long)((size_bytes + (1 << 20) - 1) >> 20), strerror(err));
	o->info.size_bytes = size_bytes;
	return o->flags & HOST_DISK_FILL ? fill(o, size_bytes) : 0;
}

static int set_size(struct opening *o, uint64_t size_bytes)
{
	unsigned int block = o->info.logical_block_bytes;
	bool empty = !o->info.is_blockdev && !o->info.size_bytes;
	int err;

	if (empty && size_bytes && !(o->flags & HOST_DISK_RDONLY) &&
	    o->flags & (HOST_DISK_CREATE | HOST_DISK_TEMP)) {
		err = allocate(o, size_bytes);
		if (err)
			return err;
	}
	if (o->info.size_bytes < size_bytes)
		return fail(o, ENOSPC, "%s: has %llu bytes, %llu are needed; name a larger one, "
			    "or one that does not exist", o->path, (unsigned long long)o->info.size_bytes,
			    (unsigned long long)size_bytes);
	o->info.size_bytes -= o->info.size_bytes % block;
	if (!o->info.size_bytes)
		return fail(o, EINVAL, "%s: has not one block of %u bytes; name %s", o->path, block,
			    o->info.is_blockdev ? "another device" : "its size, as in FILE:256m");
	return 0;
}

static int prepare(struct opening *o, uint64_t size_bytes)
{
	int err;

	if (fstat(o->fd, &o->st))
		return fail_open(o, errno);
	if (S_ISBLK(o->st.st_mode)) {
		err = measure_blockdev(o);
		if (err)
			return err;
		if (fcntl(o->fd, F_SETFL, fcntl(o->fd, F_GETFL) | O_DIRECT))
			return fail_no_dio(o);
		/* Only newer kernels report memory alignment of devices; a block is always enough. */
		o->info.mem_align_bytes = dio_align(o->fd).mem_bytes;
		if (!o->info.mem_align_bytes)
			o->info.mem_align_bytes = o->info.logical_block_bytes;
	} else {
		if (!dio_enable(o->fd))
			return fail_no_dio(o);
		measure_file(o);
	}
	return set_size(o, size_bytes);
}

/* --- the contract ----------------------------------------------------------------------------- */

static uint64_t disk_register(int *slot)
{
	static uint64_t serial;
	uint64_t mine;
	int i;

	pthread_mutex_lock(&disk_lock);
	mine = ++serial;
	*slot = -1;
	for (i = 0; i < HOST_RING_FILES && *slot < 0; i++) {
		if (!disk_slots[i]) {
			disk_slots[i] = true;
			*slot = i;
		}
	}
	pthread_mutex_unlock(&disk_lock);
	return mine;
}

/**
 * host_disk_open - open a file or block device for direct IO; see host.h
 * @path: file, device, or (HOST_DISK_TEMP) directory
 * @flags: HOST_DISK_*
 * @size_bytes: of a new file; the least that an existing one must have
 * @out: the disk
 * @info: its size (whole blocks) and alignments
 * @why: on error, one line: what, where, what to do
 * @why_bytes: room for it
 *
 * Return: 0 or -errno. Nothing that existed is changed, but for an empty file with HOST_DISK_CREATE.
 */
int host_disk_open(const char *path, unsigned int flags, host_u64 size_bytes, struct host_disk **out,
		   struct host_disk_info *info, char *why, host_size why_bytes)
{
	struct opening o = { .path = path, .flags = flags, .fd = -1, .why = why, .why_bytes = why_bytes };
	struct host_disk *d;
	int err;

	err = flags & HOST_DISK_TEMP ? open_temp(&o) : open_named(&o);
	if (!err)
		err = prepare(&o, size_bytes);
	if (err) {
		if (o.fd >= 0)
			close(o.fd);
		if (o.made)
			unlink(path);
		return err;
	}
	d = calloc(1, sizeof(*d));
	if (d && o.made)
		d->made = strdup(path);
	if (!d || (o.made && !d->made))
		die_errno("host_disk_open", ENOMEM);
	d->fd = o.fd;
	d->rdonly = flags & HOST_DISK_RDONLY;
	d->serial = disk_register(&d->slot);
	*out = d;
	*info = o.info;
	return 0;
}

/** host_disk_close - close a disk; nothing of it is in flight. NULL: nothing. */
void host_disk_close(struct host_disk *d)
{
	if (!d)
		return;
	close(d->fd);
	if (d->slot >= 0) {
		pthread_mutex_lock(&disk_lock);
		disk_slots[d->slot] = false;
		pthread_mutex_unlock(&disk_lock);
	}
	free(d->made);
	free(d);
}

/**
 * host_disk_discard - close a disk that was not used after all
 * @d: nothing was written to it; NULL: nothing
 *
 * A file that host_disk_open() made is removed again: who is refused finds the folder as it was.
 */
void host_disk_discard(struct host_disk *d)
{
	if (d && d->made)
		unlink(d->made);
	host_disk_close(d);
}
