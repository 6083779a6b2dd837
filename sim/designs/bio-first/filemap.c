// SPDX-License-Identifier: GPL-2.0-only
/*
 * filemap.c - where direct IO meets the page cache.
 *
 * The filesystem model keeps no page-cache pages yet (lab/fs.h: nrpages is always 0), so all that there is
 * of it is the test that keeps the page cache out of the hot path. A mapping that does have pages stops the
 * process by the name of the kernel's function that would then be needed.
 *
 * Source: the order of calls is that of Linux 6.1's mm/filemap.c and fs/iomap/direct-io.c.
 */
#include <linux/fs.h>
#include <linux/bug.h>

/**
 * filemap_dio_read_begin - before a direct read is mapped: dirty pages of the range would have to reach the
 * disk
 * @mapping: the file's
 * @pos: file position, bytes
 * @len_bytes: of the range
 *
 * Context: i_rwsem held.
 */
void filemap_dio_read_begin(struct address_space *mapping, loff_t pos, size_t len_bytes)
{
	if (READ_ONCE(mapping->nrpages))
		kc_trap("filemap_write_and_wait_range");
}

/**
 * filemap_dio_write_begin - before a direct write is mapped: pages of the range would have to be written
 * and dropped
 * @mapping: the file's
 * @pos: file position, bytes
 * @len_bytes: of the range
 *
 * Context: i_rwsem held.
 */
void filemap_dio_write_begin(struct address_space *mapping, loff_t pos, size_t len_bytes)
{
	if (READ_ONCE(mapping->nrpages))
		kc_trap("invalidate_inode_pages2_range");
}

/**
 * filemap_dio_write_end - after a direct write: pages that came to be meanwhile are stale
 * @mapping: the file's
 * @pos: file position, bytes
 * @len_bytes: of the range
 *
 * Context: any.
 */
void filemap_dio_write_end(struct address_space *mapping, loff_t pos, size_t len_bytes)
{
	if (READ_ONCE(mapping->nrpages))
		kc_trap("kiocb_invalidate_post_direct_write");
}
