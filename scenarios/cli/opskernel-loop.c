// SPDX-License-Identifier: GPL-2.0-only
/*
 * opskernel-loop.c - a real loop device with direct IO above a file.
 *
 * It is set to detach itself when its last descriptor is closed, so that it goes with this process, however
 * that ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "opskernel.h"

#define ATTEMPTS	16	/* somebody else may take the number that was free */

/* 0; -EBUSY: taken meanwhile; -errno */
static int configure(struct kloop *l, int nr, int file_fd)
{
	struct loop_config config = {
		.fd = (uint32_t)file_fd, .block_size = 512,
		.info.lo_flags = LO_FLAGS_DIRECT_IO | LO_FLAGS_AUTOCLEAR,
	};

	snprintf(l->name, sizeof(l->name), "/dev/loop%d", nr);
	l->fd = open(l->name, O_RDWR | O_DIRECT | O_CLOEXEC);
	if (l->fd < 0)
		return -errno;
	if (!ioctl(l->fd, LOOP_CONFIGURE, &config))
		return 0;
	nr = -errno;
	close(l->fd);
	l->fd = -1;
	return nr;
}

int kloop_attach(struct kloop *l, int file_fd, char *why, size_t why_bytes)
{
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC), nr = -1, err = 0;
	struct loop_info64 info;

	l->fd = -1;
	if (control < 0) {
		snprintf(why, why_bytes, "/dev/loop-control: %s; loop devices need root and a kernel that has them",
			 strerror(errno));
		return -1;
	}
	for (int i = 0; i < ATTEMPTS && l->fd < 0; i++) {
		nr = ioctl(control, LOOP_CTL_GET_FREE);
		err = nr < 0 ? -errno : configure(l, nr, file_fd);
		if (err && err != -EBUSY)
			break;
	}
	close(control);
	if (l->fd < 0) {
		snprintf(why, why_bytes, "no loop device can be attached (%s)", strerror(-err));
		return -1;
	}
	if (ioctl(l->fd, LOOP_GET_STATUS64, &info) || !(info.lo_flags & LO_FLAGS_DIRECT_IO)) {
		snprintf(why, why_bytes, "%s: the kernel gives it no direct IO on that file", l->name);
		kloop_detach(l);
		return -1;
	}
	return 0;
}

void kloop_detach(struct kloop *l)
{
	if (l->fd < 0)
		return;
	ioctl(l->fd, LOOP_CLR_FD);
	close(l->fd);
	l->fd = -1;
}
