// SPDX-License-Identifier: GPL-2.0-only
/*
 * Block status and errno. A status is what crosses the block layer, an errno is what its callers return;
 * the table is the only place where the two meet. An errno that has no status of its own is an IO error.
 */
#include "blk.h"

static const struct {
	blk_status_t status;
	int errno;
} lab_statuses[] = {
	{ BLK_STS_OK,		0 },
	{ BLK_STS_NOTSUPP,	-EOPNOTSUPP },
	{ BLK_STS_TIMEOUT,	-ETIMEDOUT },
	{ BLK_STS_NOSPC,	-ENOSPC },
	{ BLK_STS_MEDIUM,	-ENODATA },
	{ BLK_STS_PROTECTION,	-EILSEQ },
	{ BLK_STS_RESOURCE,	-ENOMEM },
	{ BLK_STS_DEV_RESOURCE,	-EBUSY },
	{ BLK_STS_AGAIN,	-EAGAIN },
	{ BLK_STS_OFFLINE,	-ENODEV },
	{ BLK_STS_INVAL,	-EINVAL },
	{ BLK_STS_IOERR,	-EIO },
};

/**
 * blk_status_to_errno - 0 or a negative errno for @status
 *
 * A status that is not in the table WARNs and is -EIO. Context: any.
 */
int blk_status_to_errno(blk_status_t status)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(lab_statuses); i++)
		if (lab_statuses[i].status == status)
			return lab_statuses[i].errno;
	WARN_ON_ONCE(1);
	return -EIO;
}

/**
 * errno_to_blk_status - the status for @errno, 0 or negative
 *
 * BLK_STS_IOERR for one that has none. Context: any.
 */
blk_status_t errno_to_blk_status(int errno)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(lab_statuses); i++)
		if (lab_statuses[i].errno == errno)
			return lab_statuses[i].status;
	return BLK_STS_IOERR;
}
