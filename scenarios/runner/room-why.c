// SPDX-License-Identifier: GPL-2.0-only
/*
 * room-why.c - what a run says when something is wrong: the one line of why it ends, and complaints about single IOs.
 */
#include <linux/types.h>
#include <linux/errno.h>
#include <linux/printk.h>
#include <linux/spinlock.h>
#include "runner.h"

/**
 * run_errname - the name of an errno value
 * @err: positive or negative
 *
 * Return: "EIO" …; "error" for one that IO does not give.
 */
const char *run_errname(int err)
{
	switch (err < 0 ? -err : err) {
#define N(e) case e: return #e
	N(EPERM); N(ENOENT); N(EINTR); N(EIO); N(EBADF); N(EAGAIN); N(ENOMEM); N(EACCES); N(EFAULT); N(EBUSY);
	N(EINVAL); N(EFBIG); N(ENOSPC); N(EROFS); N(EOPNOTSUPP); N(EILSEQ); N(ETIMEDOUT);
#undef N
	}
	return "error";
}

/**
 * room_fail - the run ends with @status
 * @r: the room
 * @status: not LAB_RUN_OK
 * @fmt: one line for the user: what, where, what to do
 *
 * The first failure stays. Context: task.
 */
void room_fail(struct room *r, enum lab_run_status status, const char *fmt, ...)
{
	va_list args;

	if (r->status != LAB_RUN_OK)
		return;
	r->status = status;
	va_start(args, fmt);
	vsnprintf(r->out->why, sizeof(r->out->why), fmt, args);
	va_end(args);
}

/**
 * room_complain - tell of one bad IO, in words
 * @r: the room
 * @fmt: one line
 *
 * Silent after LAB_MAX_COMPLAINTS. Context: task of the world.
 */
void room_complain(struct room *r, const char *fmt, ...)
{
	static DEFINE_SPINLOCK(lock);	/* clones of a job fail together: one line at a time */
	char line[LAB_WHY_BYTES];
	va_list args;

	if (!r->spec->complain)
		return;
	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	spin_lock(&lock);
	if (r->nr_complaints < LAB_MAX_COMPLAINTS) {
		r->nr_complaints++;
		r->spec->complain(line);
	}
	spin_unlock(&lock);
}
