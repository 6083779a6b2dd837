/* SPDX-License-Identifier: GPL-2.0-only */
/* cached.h - reading and writing an inode through its page cache, for the tests of fs-model. */
#ifndef LAB_TEST_CACHED_H
#define LAB_TEST_CACHED_H

#include <linux/mm.h>
#include <linux/string.h>
#include <lab/fs.h>
#include "lab_test.h"

/* Buffered, in the plainest way. */
static inline int cache_pwrite(struct inode *inode, loff_t pos, const u8 *from, u32 len)
{
	int err = 0;

	down_write(&inode->i_rwsem);
	while (len && !err) {
		u32 step = min_t(u32, len, PAGE_SIZE - offset_in_page(pos));
		struct page *page;

		err = lab_write_begin(inode, pos, step, &page);
		if (err)
			break;
		memcpy(page_address(page) + offset_in_page(pos), from, step);
		lab_expect_eq(lab_write_end(inode, page, pos, step, step), step);
		pos += step;
		from += step;
		len -= step;
		lab_cache_balance(inode);
	}
	if (err)
		lab_trim_eof(inode);
	up_write(&inode->i_rwsem);
	return err;
}

/* The same way back. */
static inline int cache_pread(struct inode *inode, loff_t pos, u8 *to, u32 len)
{
	int err = 0;

	down_read(&inode->i_rwsem);
	while (len && !err) {
		u32 step = min_t(u32, len, PAGE_SIZE - offset_in_page(pos));
		struct page *page = lab_page_find(inode, pos >> PAGE_SHIFT);

		if (!page) {
			err = lab_cache_read(inode, pos >> PAGE_SHIFT, PFN_UP(offset_in_page(pos) + len));
			continue;
		}
		memcpy(to, page_address(page) + offset_in_page(pos), step);
		put_page(page);
		pos += step;
		to += step;
		len -= step;
	}
	up_read(&inode->i_rwsem);
	return err;
}

/* fsync of who is told of errors as one of all who ask. */
static inline int cache_sync(struct inode *inode)
{
	return lab_cache_sync(inode, &inode->i_mapping->wb_told);
}

#endif
