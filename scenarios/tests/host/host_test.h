/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * host_test.h - what the tests of kernel-compat/host/ share. They run below the userspace kernel:
 * no world, no current; a task records what it saw, and expectations are checked after host_run()
 * has returned.
 */
#ifndef HOST_TEST_H
#define HOST_TEST_H

#define LAB_HOST_SIDE
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include "host.h"
#include "lab_test.h"

/* Each engine of this build in turn. */
#define for_each_engine(e)							\
	for ((e) = HOST_THR; (e) <= HOST_DET; (e)++)				\
		if (host_engine_built(e))

/* Run as a first task without data, under no switch hook of the kernel's. */
static inline enum host_run_status run_bare(enum host_engine engine, host_u64 seed,
					    void (*fn)(void *arg), void *arg)
{
	return host_run(engine, seed, fn, arg, NULL);
}

/* A temporary file of @bytes with O_DIRECT; skips the test where no directory has it. */
static inline struct host_disk *disk_for_test(host_u64 bytes)
{
	static const char *const dirs[] = { ".", "/var/tmp", "/tmp" };
	struct host_disk_info info;
	struct host_disk *d;
	unsigned int i;
	char why[256];

	for (i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		if (!host_disk_open(dirs[i], HOST_DISK_TEMP, bytes, &d, &info, why, sizeof(why)))
			return d;
	}
	lab_test_skip("no directory here has O_DIRECT");
}

#endif
