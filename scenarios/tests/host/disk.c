// SPDX-License-Identifier: GPL-2.0-only
/*
 * disk.c - tests of opening files: each refusal has its line, and nothing that existed is changed by one.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "host_test.h"

#define TMPFS_MAGIC	0x01021994

static struct host_disk *d;
static struct host_disk_info info;
static char why[256];

static int try_open(const char *path, unsigned int flags, host_u64 bytes)
{
	int err;

	d = NULL;
	strcpy(why, "untouched");
	err = host_disk_open(path, flags, bytes, &d, &info, why, sizeof(why));
	if (!err)
		host_disk_close(d);
	return err;
}

static void fresh_name(char *name)
{
	int fd;

	strcpy(name, "disk-test-XXXXXX");
	fd = mkstemp(name);
	lab_expect_ge(fd, 0);
	close(fd);
	unlink(name);
}

static long long size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? -1 : (long long)st.st_size;
}

LAB_TEST_BARE(host_disk, sizes)
{
	char name[32];
	int err;

	fresh_name(name);
	lab_expect_eq(try_open(name, 0, 0), -ENOENT);
	lab_expect(strstr(why, "no such file"));
	err = try_open(name, HOST_DISK_CREATE, 1 << 20);
	if (err == -EINVAL)
		lab_test_skip("the current directory has no O_DIRECT");
	lab_expect_eq(err, 0);
	lab_expect_eq(info.size_bytes, 1 << 20);
	lab_expect_eq(info.is_blockdev, 0);
	lab_expect_gt(info.logical_block_bytes, 0);
	lab_expect_eq(size_of(name), 1 << 20);

	/* What exists is taken as it is, or refused when it is too small; it is never made larger. */
	lab_expect_eq(try_open(name, HOST_DISK_CREATE, 1 << 19), 0);
	lab_expect_eq(info.size_bytes, 1 << 20);
	lab_expect_eq(try_open(name, HOST_DISK_CREATE, (1 << 20) + 1), -ENOSPC);
	lab_expect(strstr(why, "1048576 bytes, 1048577 are needed"));
	lab_expect_eq(try_open(name, HOST_DISK_RDONLY, 0), 0);
	lab_expect_eq(size_of(name), 1 << 20);

	/* Empty: refused without a size, new with one. Not a whole number of blocks: the rest is not used. */
	lab_expect_eq(truncate(name, 0), 0);
	lab_expect_eq(try_open(name, 0, 0), -EINVAL);
	lab_expect_eq(try_open(name, HOST_DISK_CREATE, 65536), 0);
	lab_expect_eq(size_of(name), 65536);
	lab_expect_eq(truncate(name, 65536 + 100), 0);
	lab_expect_eq(try_open(name, 0, 0), 0);
	lab_expect_eq(info.size_bytes, 65536);
	unlink(name);
}

LAB_TEST_BARE(host_disk, failed_creation_leaves_no_file)
{
	char name[32];

	fresh_name(name);
	/* More than any filesystem has. */
	lab_expect_lt(try_open(name, HOST_DISK_CREATE, 1ull << 60), 0);
	lab_expect(strstr(why, name));
	lab_expect_eq(size_of(name), -1);
}

LAB_TEST_BARE(host_disk, what_is_no_disk)
{
	struct stat st;

	lab_expect_eq(try_open(".", 0, 0), -EISDIR);
	lab_expect(strstr(why, "is a directory"));
	lab_expect_eq(try_open("/dev/null", 0, 0), -EINVAL);
	lab_expect(strstr(why, "neither a regular file nor a block device"));
	lab_expect_eq(try_open("no-such-dir/file", HOST_DISK_CREATE, 4096), -ENOENT);
	lab_expect(strstr(why, "directory does not exist"));
	lab_expect_eq(try_open("/proc/version", HOST_DISK_RDONLY, 0), -EINVAL);
	lab_expect(strstr(why, "no O_DIRECT"));
	if (!stat("/dev/loop0", &st) && S_ISBLK(st.st_mode)) {
		lab_expect_eq(try_open("/dev/loop0", 0, 0), -EPERM);
		lab_expect(strstr(why, "--yes-really"));
	}
}

LAB_TEST_BARE(host_disk, memory_filesystems_have_no_direct_io)
{
	struct statfs fs;

	if (statfs("/dev/shm", &fs) || fs.f_type != TMPFS_MAGIC || access("/dev/shm", W_OK))
		lab_test_skip("no tmpfs to write to on /dev/shm");
	lab_expect_eq(try_open("/dev/shm/diolab-test", HOST_DISK_CREATE, 4096), -EINVAL);
	lab_expect(strstr(why, "no O_DIRECT on that filesystem (tmpfs)"));
	lab_expect(strstr(why, "; use a file "));
	lab_expect_eq(size_of("/dev/shm/diolab-test"), -1);
	lab_expect_eq(try_open("/dev/shm", HOST_DISK_TEMP, 4096), -EINVAL);
}

LAB_TEST_BARE(host_disk, permission_is_named)
{
	char name[32];
	int fd;

	if (!geteuid())
		lab_test_skip("root may open everything");
	fresh_name(name);
	fd = open(name, O_CREAT | O_RDWR, 0400);
	lab_expect_ge(fd, 0);
	close(fd);
	lab_expect_eq(try_open(name, 0, 0), -EACCES);
	lab_expect(strstr(why, "no permission to open it for writing"));
	unlink(name);
}
