/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * aio.h - struct kiocb as of 2013, and the calls with which the kernel itself does asynchronous IO.
 *
 * Whose kiocb it is says ki_ctx: NULL a synchronous caller's, all ones the kernel's, anything else a
 * program's. A kernel caller allocates one, fills it, submits it, and is called back; there is no context, no
 * limit on what is pending, no cancel and no retry. The kiocb takes no reference on its file.
 */
#ifndef _LINUX_AIO_H
#define _LINUX_AIO_H

#include <linux/types.h>
#include <linux/gfp.h>
#include <linux/list.h>

struct eventfd_ctx;
struct file;
struct kioctx;
struct lab_io;
struct task_struct;

/* Above the numbers that a program can pass. */
#define IOCB_CMD_READ_ITER	0x10000
#define IOCB_CMD_WRITE_ITER	0x10001

/**
 * struct kiocb - one read or write in progress
 * @ki_ctx: see above
 * @ki_cancel: nobody's: direct IO cannot be cancelled
 * @private: of a write that is counted: the inode (file_start_write())
 * @ki_obj: @user the struct lab_io, @tsk who waits, @complete the kernel caller's callback
 * @ki_user_data: handed to the callback
 * @ki_pos: where, bytes
 * @ki_nbytes: how much
 */
struct kiocb {
	struct file *ki_filp;
	struct kioctx *ki_ctx;
	int (*ki_cancel)(struct kiocb *iocb);
	void *private;
	union {
		void *user;
		struct task_struct *tsk;
		void (*complete)(u64 user_data, long res);
	} ki_obj;
	u64 ki_user_data;
	loff_t ki_pos;
	size_t ki_nbytes;
	struct list_head ki_list;
	struct eventfd_ctx *ki_eventfd;
};

#define KIOCB_KERNEL_CTX	((struct kioctx *)-1)

static inline bool is_sync_kiocb(const struct kiocb *iocb)
{
	return iocb->ki_ctx == NULL;
}

static inline bool is_kernel_kiocb(const struct kiocb *iocb)
{
	return iocb->ki_ctx == KIOCB_KERNEL_CTX;
}

void file_start_write(struct kiocb *iocb);
void file_end_write(struct kiocb *iocb);
void init_sync_kiocb(struct kiocb *iocb, struct file *file);
void aio_complete(struct kiocb *iocb, long res);
ssize_t aio_submit(struct file *file, struct lab_io *io);

struct kiocb *aio_kernel_alloc(gfp_t gfp);
void aio_kernel_free(struct kiocb *iocb);
void aio_kernel_init_rw(struct kiocb *iocb, struct file *file, size_t nr, loff_t off);
void aio_kernel_init_callback(struct kiocb *iocb, void (*complete)(u64 user_data, long res), u64 user_data);
int aio_kernel_submit(struct kiocb *iocb, unsigned int op, void *ptr);

int aio_init(void);
void aio_exit(void);
void aio_lab_wait_none(struct file *file);

#endif
