/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fs.h - an open file, or an open block device.
 */
#ifndef _LINUX_FS_H
#define _LINUX_FS_H

#include <linux/types.h>
#include <linux/uio.h>
#include <lab/fs.h>
#include "design.h"

/**
 * struct file - what an opaque handle of design.h is
 * @f_inode: the file's; NULL: a block device
 * @f_bdev: the device that the bytes are on
 * @f_wb_err: errors of write-back up to which this descriptor has been told: lab_wb_check()
 */
struct file {
	struct inode *f_inode;
	struct block_device *f_bdev;
	errseq_t f_wb_err;
};

struct lab_file {
	struct file file;
};

/* filemap.c */
size_t filemap_read(struct file *file, loff_t pos, struct iov_iter *to, int *err);
size_t filemap_write(struct file *file, loff_t pos, struct iov_iter *from, int *err);
int filemap_push_out(struct file *file, loff_t pos, size_t len_bytes, u32 errors);

/* fs.c */
ssize_t fs_read(struct file *file, loff_t pos, struct iov_iter *to, unsigned int flags);
ssize_t fs_write(struct file *file, loff_t pos, struct iov_iter *from, unsigned int flags);
int vfs_fsync(struct file *file, bool datasync);

/* bdev.c */
ssize_t blkdev_read(struct block_device *bdev, loff_t pos, struct iov_iter *to);
ssize_t blkdev_write(struct block_device *bdev, loff_t pos, struct iov_iter *from, unsigned int flags);

/* loop.c */
int loop_init(void);
void loop_exit(void);
struct lab_loop *loop_add(struct lab_file *file, const struct lab_loop_opts *opts);
struct block_device *loop_bdev(struct lab_loop *loop);
void loop_del(struct lab_loop *loop);

#endif
