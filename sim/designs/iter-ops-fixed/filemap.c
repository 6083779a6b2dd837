// SPDX-License-Identifier: GPL-2.0-only
/*
 * filemap.c - where direct IO meets the page cache.
 *
 * Files here have no page-cache pages yet (lab/fs.h: nrpages is 0), so what is left of the matter is the
 * test that keeps the page cache out of the hot path. A mapping that does have pages stops the process by
 * the name of the kernel's function that would then be needed.
 *
 * Source: the order of calls in fs/iomap/direct-io.c of Linux 6.1.
 */
#include <linux/fs.h>
#include <linux/bug.h>
#include <linux/compiler.h>

/**
 * filemap_dio_read_begin - before a direct read is mapped: dirty pages of the range would have to be written
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
