// SPDX-License-Identifier: GPL-2.0-only
/*
 * filemap.c - reading and writing through the filesystem model's page cache, a page at a time.
 *
 * The model does the work: lab_cache_read() maps, allocates, reads; lab_write_begin() and lab_write_end() bracket
 * a change of one page; lab_cache_write() writes back. What is left is to copy.
 */
#include <linux/fs.h>
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/string.h>

/* The page of @pos with the file's contents, referenced; at most @len_bytes will be wanted. */
static int filemap_get_page(struct inode *inode, loff_t pos, size_t len_bytes, struct page **out)
{
	pgoff_t index = pos >> PAGE_SHIFT;
	int err;

	for (;;) {
		*out = lab_page_find(inode, index);
		if (*out)
			return 0;
		err = lab_cache_read(inode, index, PFN_UP(offset_in_page(pos) + len_bytes));
		if (err)
			return err;
	}
}

/**
 * filemap_read - read up to the end of the file
 * @file: the file
 * @pos: from where
 * @to: to where, and how much
 * @err: set to what made it short, if that was not the end of the file: -EFAULT, -ENOMEM, or the device's
 *
 * Context: i_rwsem held; sleeps. Return: bytes.
 */
size_t filemap_read(struct file *file, loff_t pos, struct iov_iter *to, int *err)
{
	loff_t size = i_size_read(file->f_inode);
	size_t done = 0;

	*err = 0;
	while (!*err && iov_iter_count(to) && pos < size) {
		size_t want = min_t(u64, iov_iter_count(to), size - pos), copied;
		size_t bytes = min_t(size_t, want, PAGE_SIZE - offset_in_page(pos));
		struct page *page;

		*err = filemap_get_page(file->f_inode, pos, want, &page);
		if (*err)
			break;
		copied = copy_to_iter(to, page_address(page) + offset_in_page(pos), bytes);
		put_page(page);
		pos += copied;
		done += copied;
		if (copied < bytes)
			*err = -EFAULT;
	}
	return done;
}

/* One page's worth from @buf to the file. */
static int filemap_write_page(struct inode *inode, loff_t pos, const void *buf, size_t bytes)
{
	struct page *page;
	int err = lab_write_begin(inode, pos, bytes, &page);

	if (err)
		return err;
	memcpy(page_address(page) + offset_in_page(pos), buf, bytes);
	lab_write_end(inode, page, pos, bytes, bytes);
	lab_cache_balance(inode);
	return 0;
}

/**
 * filemap_write - write; the file grows if need be
 * @file: the file
 * @pos: to where
 * @from: from where, and how much
 * @err: set to what made it short: -EFAULT, -ENOSPC, -ENOMEM, or the device's
 *
 * By way of a page of our own: a copy from user memory may fault, and a fault must not be waited for with a page of
 * the cache locked. Context: i_rwsem held exclusively; sleeps. Return: bytes.
 */
size_t filemap_write(struct file *file, loff_t pos, struct iov_iter *from, int *err)
{
	struct page *bounce = alloc_page(GFP_KERNEL);
	size_t done = 0;

	*err = bounce ? 0 : -ENOMEM;
	while (!*err && iov_iter_count(from)) {
		size_t bytes = min_t(size_t, iov_iter_count(from), PAGE_SIZE - offset_in_page(pos));
		size_t copied = copy_from_iter(from, page_address(bounce), bytes);

		if (copied)
			*err = filemap_write_page(file->f_inode, pos, page_address(bounce), copied);
		if (!*err) {
			pos += copied;
			done += copied;
			if (copied < bytes)
				*err = -EFAULT;
		}
	}
	if (bounce)
		__free_page(bounce);
	return done;
}

/**
 * filemap_push_out - what was written goes to the device, and the cache forgets it: that is our direct IO
 * @file: the file
 * @pos: of the range
 * @len_bytes: of the range
 * @errors: lab_wb_count() from before it was written
 *
 * Context: i_rwsem held exclusively; sleeps. Return: 0 or the device's -errno, whoever met it.
 */
int filemap_push_out(struct file *file, loff_t pos, size_t len_bytes, u32 errors)
{
	int err = lab_cache_write_since(file->f_inode, pos, len_bytes, errors, &file->f_wb_err);

	lab_cache_invalidate(file->f_inode, pos, len_bytes);
	return err;
}
