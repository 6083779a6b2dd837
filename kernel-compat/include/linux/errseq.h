/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * errseq.h - the last error of something and how many there were, in one word that any number of others can hold
 * against a sample of their own.
 *
 * Bits 0 to 11 are the error, bit 12 says that somebody has been told of it, the rest counts. All zeros: there has
 * never been an error. Who is told keeps the word as it is then, with the bit; it differs again as soon as there is
 * another error, also the same once more: an error goes to the next count if the one before it has been told, and takes
 * that one's place if not. So the count moves with those who ask, not with those who fail; it wraps all the same, after
 * 2^19 errors that were told between two questions of one asker.
 *
 * Described in Documentation/core-api/errseq.rst, Linux 4.13 on.
 */
#ifndef _LINUX_ERRSEQ_H
#define _LINUX_ERRSEQ_H

#include <linux/types.h>

typedef u32 errseq_t;

errseq_t errseq_set(errseq_t *eseq, int err);
errseq_t errseq_sample(errseq_t *eseq);
int errseq_check(errseq_t *eseq, errseq_t since);
int errseq_check_and_advance(errseq_t *eseq, errseq_t *since);

#endif
