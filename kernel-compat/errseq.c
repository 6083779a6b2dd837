// SPDX-License-Identifier: GPL-2.0-only
/*
 * errseq.c - sequences of errors: see linux/errseq.h. No locks; any context.
 */
#include <linux/atomic.h>
#include <linux/bug.h>
#include <linux/compiler.h>
#include <linux/err.h>
#include <linux/errseq.h>

#define ERRSEQ_ERRNO	((errseq_t)MAX_ERRNO)
#define ERRSEQ_SEEN	(ERRSEQ_ERRNO + 1)
#define ERRSEQ_ONE	(ERRSEQ_SEEN << 1)

/**
 * errseq_set - there was an error
 * @eseq: where it is noted
 * @err: -errno
 *
 * Context: any. Return: what was there before; of no use as a sample.
 */
errseq_t errseq_set(errseq_t *eseq, int err)
{
	errseq_t old = READ_ONCE(*eseq), new;

	if (WARN(err >= 0 || err < -MAX_ERRNO, "errseq_set: %d is not an error\n", err))
		return old;
	do {
		new = (old & ~(ERRSEQ_ERRNO | ERRSEQ_SEEN)) + (old & ERRSEQ_SEEN ? ERRSEQ_ONE : 0);
		new |= -err;
	} while (new != old && !try_cmpxchg(eseq, &old, new));
	return old;
}

/**
 * errseq_sample - what to ask with later
 * @eseq: of what
 *
 * An error that nobody has been told of is in no sample: who asks with this one is told of it. Context: any.
 */
errseq_t errseq_sample(errseq_t *eseq)
{
	errseq_t now = READ_ONCE(*eseq);

	return now & ERRSEQ_SEEN ? now : 0;
}

/**
 * errseq_check - was there an error?
 * @eseq: of what
 * @since: a sample
 *
 * To ask is not to be told: the next one who samples still gets to hear of it. Context: any. Return: 0; the last error.
 */
int errseq_check(errseq_t *eseq, errseq_t since)
{
	errseq_t now = READ_ONCE(*eseq);

	return likely(now == since) ? 0 : -(int)(now & ERRSEQ_ERRNO);
}

/**
 * errseq_check_and_advance - was there an error? Then this was the time that it was told
 * @eseq: of what
 * @since: a sample, and a new one afterwards; who shares it with others sees to it that one asks at a time
 *
 * Context: any. Return: 0; the last error.
 */
int errseq_check_and_advance(errseq_t *eseq, errseq_t *since)
{
	errseq_t now = READ_ONCE(*eseq);

	if (likely(now == READ_ONCE(*since)))
		return 0;
	/* It fails if somebody else was told, or for another error, which differs from the new sample, too. */
	if (!(now & ERRSEQ_SEEN))
		cmpxchg(eseq, now, now | ERRSEQ_SEEN);
	WRITE_ONCE(*since, now | ERRSEQ_SEEN);
	return -(int)(now & ERRSEQ_ERRNO);
}
