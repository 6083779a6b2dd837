// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page cache under this design: buffered IO by the byte, its flags and faults; what direct IO does about
 * pages, from a program and from a loop device, when it may wait and when not; the way through the page cache.
 * Several tasks at once are in scenarios/tests/scenarios/page_cache.c.
 */
#include <linux/completion.h>
#include <linux/kthread.h>
#include "rig.h"

#define FILE_BYTES	(1u << 20)
#define IO_BYTES	(8 * PAGE_SIZE)

static ssize_t buffered(struct rig *r, enum lab_rw rw, loff_t pos, unsigned long addr, size_t len,
			unsigned int flags)
{
	return rig_io(r->file, rw, pos, addr, len, LAB_IO_BUFFERED | flags);
}

/* [pos, pos + len) through @file is all @byte. */
static void expect_bytes(struct rig *r, struct lab_file *file, loff_t pos, u8 byte, size_t len,
			 unsigned int flags)
{
	unsigned long to = r->mem + RIG_MEM_BYTES / 2;

	rig_set(to, 0xa5, len);
	lab_expect_eq(rig_io(file, LAB_READ, pos, to, len, flags), len);
	lab_expect_eq(rig_find_other(to, byte, len), -1);
}

static u64 pages_of(struct rig *r)
{
	return READ_ONCE(r->inode->i_mapping->nrpages);
}

/* ---- buffered IO -------------------------------------------------------------------------- */

DESIGN_TEST(filemap, any_byte_and_the_size_follows)
{
	struct rig_opts o = { .fill = 0xee };
	struct lab_iovec iov[3];
	struct rig r;

	rig_up(&r, &o);
	rig_set(r.mem, 0x42, IO_BYTES);
	iov[0] = (struct lab_iovec){ r.mem + 1, 5000 };
	iov[1] = (struct lab_iovec){ r.mem, 0 };
	iov[2] = (struct lab_iovec){ r.mem + 7, 3 };
	lab_expect_eq(rig_iov(r.file, LAB_WRITE, 4095, iov, 3, LAB_IO_BUFFERED), 5003);
	lab_expect_eq(i_size_read(r.inode), 4095 + 5003);
	lab_expect_eq(pages_of(&r), 3);
	expect_bytes(&r, r.file, 0, 0, 4095, LAB_IO_BUFFERED);
	expect_bytes(&r, r.file, 4095, 0x42, 5003, LAB_IO_BUFFERED);
	rig_set(r.mem, 0x17, 100);
	lab_expect_eq(buffered(&r, LAB_WRITE, 0, r.mem, 2, LAB_IO_APPEND), 2);
	expect_bytes(&r, r.file, 9098, 0x17, 2, LAB_IO_BUFFERED);
	lab_expect_eq(buffered(&r, LAB_READ, 9098, r.mem, 100, 0), 2);
	lab_expect_eq(buffered(&r, LAB_READ, 9100, r.mem, 100, 0), 0);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_WRITEBACKS) + rig_count(LAB_UPPER, LAB_WRITEBACKS), 0);
	rig_down(&r);
}

DESIGN_TEST(filemap, faults_make_it_short)
{
	struct rig_opts o = { .file_bytes = FILE_BYTES, .fill = 0xee };
	ssize_t got = rig_lacks(RIG_WHOLE_FAULT) ? 0 : 10;
	unsigned long hole;
	struct rig r;

	rig_up(&r, &o);
	hole = r.mem + IO_BYTES;
	rig_set(r.mem, 0x42, IO_BYTES);
	lab_expect_eq(kc_munmap(r.mm, hole, PAGE_SIZE), 0);
	lab_expect_eq(buffered(&r, LAB_WRITE, 0, hole, 10, 0), -EFAULT);
	lab_expect_eq(buffered(&r, LAB_READ, 0, hole, 10, 0), -EFAULT);
	/* inside a page; a whole page of which only the beginning can be had */
	lab_expect_eq(buffered(&r, LAB_WRITE, 100, hole - 10, 20, 0), got ?: -EFAULT);
	expect_bytes(&r, r.file, 100, got ? 0x42 : 0xee, 10, LAB_IO_BUFFERED);
	expect_bytes(&r, r.file, 110, 0xee, 100, LAB_IO_BUFFERED);
	lab_expect_eq(buffered(&r, LAB_WRITE, 4 * PAGE_SIZE, hole - 10, PAGE_SIZE, 0), got ?: -EFAULT);
	expect_bytes(&r, r.file, 4 * PAGE_SIZE, got ? 0x42 : 0xee, 10, LAB_IO_BUFFERED);
	expect_bytes(&r, r.file, 4 * PAGE_SIZE + 10, 0xee, PAGE_SIZE - 10, LAB_IO_BUFFERED);
	/* over two pages: the first is written */
	lab_expect_eq(buffered(&r, LAB_WRITE, 7 * PAGE_SIZE, hole - PAGE_SIZE - 10, 2 * PAGE_SIZE, 0),
		      PAGE_SIZE + got);
	expect_bytes(&r, r.file, 7 * PAGE_SIZE, 0x42, PAGE_SIZE + got, LAB_IO_BUFFERED);
	lab_expect_eq(buffered(&r, LAB_READ, 0, hole - 10, 20, 0), 10);
	/* beyond the end: nothing of what failed is found later */
	lab_expect_eq(buffered(&r, LAB_WRITE, FILE_BYTES + PAGE_SIZE, hole, 10, 0), -EFAULT);
	lab_expect_eq(i_size_read(r.inode), FILE_BYTES);
	lab_expect_eq(lab_truncate(r.inode, FILE_BYTES + 2 * PAGE_SIZE), 0);
	expect_bytes(&r, r.file, FILE_BYTES, 0, 2 * PAGE_SIZE, 0);
	rig_down(&r);
}

DESIGN_TEST(filemap, full_disk_makes_it_short)
{
	struct rig_opts o = { .disk_bytes = 16 * PAGE_SIZE };
	struct rig r;

	rig_up(&r, &o);
	rig_set(r.mem, 0x42, 20 * PAGE_SIZE);
	lab_expect_eq(buffered(&r, LAB_WRITE, 0, r.mem, 20 * PAGE_SIZE, 0), 16 * PAGE_SIZE);
	lab_expect_eq(buffered(&r, LAB_WRITE, 16 * PAGE_SIZE, r.mem, 1, 0), -ENOSPC);
	lab_expect_eq(i_size_read(r.inode), 16 * PAGE_SIZE);
	expect_bytes(&r, r.file, 0, 0x42, 16 * PAGE_SIZE, 0);
	rig_down(&r);
}

DESIGN_TEST(filemap, flags_of_buffered_io)
{
	struct rig_opts o = { .file_bytes = FILE_BYTES, .fill = 0xee, .loop = true };
	bool no_nowait = rig_lacks(RIG_NO_NOWAIT);
	struct lab_trace_counts before, after;
	struct rig r;

	rig_up(&r, &o);
	lab_expect_eq(buffered(&r, LAB_WRITE, 0, r.mem, 10, LAB_IO_NOWAIT), -EOPNOTSUPP);
	lab_expect_eq(buffered(&r, LAB_READ, 0, r.mem, 10, LAB_IO_NOWAIT), no_nowait ? -EOPNOTSUPP : -EAGAIN);
	lab_expect_eq(buffered(&r, LAB_READ, 0, r.mem, 10, 0), 10);
	lab_expect_eq(buffered(&r, LAB_READ, 0, r.mem, 10, LAB_IO_NOWAIT), no_nowait ? -EOPNOTSUPP : 10);
	lab_expect_eq(rig_io(r.bdev, LAB_READ, 0, r.mem, 512, LAB_IO_BUFFERED),
		      rig_costs()->bdev_cache ? 512 : -EOPNOTSUPP);
	/* durable: its pages are written, and a flush follows */
	lab_trace_read(r.trace, &before);
	rig_set(r.mem, 0x42, PAGE_SIZE);
	lab_expect_eq(buffered(&r, LAB_WRITE, 10, r.mem, 100, LAB_IO_DSYNC), 100);
	lab_trace_read(r.trace, &after);
	lab_expect_eq(after.bios[REQ_OP_WRITE] - before.bios[REQ_OP_WRITE], 1);
	lab_expect_eq(after.preflush - before.preflush, 1);
	lab_expect(!lab_cache_is_dirty(r.inode, 0, FILE_BYTES));
	/* not durable: neither; then fsync does both */
	lab_expect_eq(buffered(&r, LAB_WRITE, 10, r.mem, 100, 0), 100);
	lab_expect(lab_cache_is_dirty(r.inode, 0, PAGE_SIZE));
	lab_expect_eq(rig_design->fsync(r.file, true), 0);
	lab_trace_read(r.trace, &before);
	lab_expect_eq(before.bios[REQ_OP_WRITE] - after.bios[REQ_OP_WRITE], 1);
	lab_expect_eq(before.preflush - after.preflush, 1);
	lab_expect(!lab_cache_is_dirty(r.inode, 0, FILE_BYTES));
	rig_down(&r);
}

/* Durable is all of what a call wrote, to its last byte in its last page; what others left in pages stays there. */
static void dsync_of_pages(struct rig *r, loff_t pos, size_t len)
{
	loff_t behind = round_up(pos + len, PAGE_SIZE);
	struct lab_trace_counts before = rig_seen(r), after;

	lab_expect_eq(buffered(r, LAB_WRITE, behind, r->mem, 1, 0), 1);
	lab_expect_eq(buffered(r, LAB_WRITE, pos, r->mem, len, LAB_IO_DSYNC), len);
	lab_expect(!lab_cache_is_dirty(r->inode, 0, behind));
	lab_expect(lab_cache_is_dirty(r->inode, behind, 1));
	after = rig_seen(r);
	lab_expect_eq(after.sectors[REQ_OP_WRITE] - before.sectors[REQ_OP_WRITE],
		      (behind - round_down(pos, PAGE_SIZE)) >> SECTOR_SHIFT);
	lab_expect_eq(after.preflush - before.preflush, 1);
	lab_expect_eq(rig_design->fsync(r->file, true), 0);
}

DESIGN_TEST(filemap, dsync_of_every_page)
{
	struct rig_opts o = { .file_bytes = FILE_BYTES };
	struct rig r;

	rig_up(&r, &o);
	dsync_of_pages(&r, 0, 4 * PAGE_SIZE);
	dsync_of_pages(&r, 10, 3 * PAGE_SIZE - 10);
	dsync_of_pages(&r, 5 * PAGE_SIZE - 1, 2);
	dsync_of_pages(&r, PAGE_SIZE, 3 * PAGE_SIZE + 1);
	rig_down(&r);
}

/* Who dirties more than may be writes back, and does not wait for somebody to ask. */
DESIGN_TEST(filemap, who_dirties_too_much_writes_back)
{
	const loff_t last = (4 << 20) - PAGE_SIZE;
	struct rig_opts o = { .file_bytes = 4 << 20 };
	struct rig r;

	rig_up(&r, &o);
	lab_expect_eq(buffered(&r, LAB_WRITE, 0, r.mem, LAB_CACHE_MAX_DIRTY * PAGE_SIZE, 0),
		      LAB_CACHE_MAX_DIRTY * PAGE_SIZE);
	lab_expect_eq(rig_seen(&r).bios[REQ_OP_WRITE], 0);
	lab_expect_eq(buffered(&r, LAB_WRITE, LAB_CACHE_MAX_DIRTY * PAGE_SIZE, r.mem, PAGE_SIZE, 0), PAGE_SIZE);
	if (rig_lacks(RIG_BALANCES_FIRST)) {
		lab_expect_eq(rig_seen(&r).bios[REQ_OP_WRITE], 0);
		lab_expect_eq(buffered(&r, LAB_WRITE, last, r.mem, PAGE_SIZE, 0), PAGE_SIZE);
		lab_expect(lab_cache_is_dirty(r.inode, last, PAGE_SIZE));
	}
	lab_expect_eq(rig_seen(&r).sectors[REQ_OP_WRITE], (LAB_CACHE_MAX_DIRTY + 1) * PAGE_SECTORS);
	lab_expect(!lab_cache_is_dirty(r.inode, 0, rig_lacks(RIG_BALANCES_FIRST) ? last : 4 << 20));
	rig_down(&r);
}

/* ---- direct IO and pages -------------------------------------------------------------------- */

/* Through the file, or through the loop device on it, which may itself go through the pages. */
static void each_sees_the_other(bool loop, enum lab_layout layout)
{
	struct rig_opts o = {
		.file_bytes = FILE_BYTES, .fill = 0xee, .loop = loop, .fs = { .layout = layout },
	};
	bool cached = loop && rig_costs()->cached;
	struct lab_file *direct;
	struct rig r;

	rig_up(&r, &o);
	direct = loop ? r.bdev : r.file;
	rig_set(r.mem, 0x11, IO_BYTES);
	lab_expect_eq(buffered(&r, LAB_WRITE, 0, r.mem, IO_BYTES, 0), IO_BYTES);
	expect_bytes(&r, direct, 0, 0x11, IO_BYTES, 0);
	lab_expect_eq(lab_cache_is_dirty(r.inode, 0, IO_BYTES), cached);
	lab_expect_eq(pages_of(&r), 8);		/* a read leaves them */
	rig_set(r.mem, 0x22, IO_BYTES);
	lab_expect_eq(rig_io(direct, LAB_WRITE, PAGE_SIZE + 512, r.mem, PAGE_SIZE, 0), PAGE_SIZE);
	lab_expect_eq(pages_of(&r), cached ? 8 : 6);	/* a write drops those it touches */
	expect_bytes(&r, r.file, 0, 0x11, PAGE_SIZE + 512, LAB_IO_BUFFERED);
	expect_bytes(&r, r.file, PAGE_SIZE + 512, 0x22, PAGE_SIZE, LAB_IO_BUFFERED);
	/* both in one block: what was written to the page survives the direct write beside it */
	rig_set(r.mem, 0x33, IO_BYTES);
	lab_expect_eq(buffered(&r, LAB_WRITE, 3 * PAGE_SIZE + 1, r.mem, 511, 0), 511);
	lab_expect_eq(rig_io(direct, LAB_WRITE, 3 * PAGE_SIZE + 512, r.mem, 512, 0), 512);
	expect_bytes(&r, r.file, 3 * PAGE_SIZE, 0x11, 1, LAB_IO_BUFFERED);
	expect_bytes(&r, r.file, 3 * PAGE_SIZE + 1, 0x33, 1023, LAB_IO_BUFFERED);
	expect_bytes(&r, r.file, 3 * PAGE_SIZE + 1024, 0x11, PAGE_SIZE - 1024, LAB_IO_BUFFERED);
	lab_expect_eq(atomic_read(&r.inode->i_dio_count), 0);
	rig_down(&r);
}

DESIGN_TEST(filemap, each_descriptor_sees_the_other)
{
	each_sees_the_other(false, LAB_LAYOUT_CONTIGUOUS);
	each_sees_the_other(false, LAB_LAYOUT_SPARSE);
	each_sees_the_other(true, LAB_LAYOUT_CONTIGUOUS);
	each_sees_the_other(true, LAB_LAYOUT_UNWRITTEN);
}

DESIGN_TEST(filemap, direct_nowait_does_not_write_back)
{
	struct rig_opts o = { .file_bytes = FILE_BYTES, .fill = 0xee };
	struct rig r;

	rig_up(&r, &o);
	rig_set(r.mem, 0x42, IO_BYTES);
	lab_expect_eq(buffered(&r, LAB_WRITE, 10, r.mem, 10, 0), 10);
	if (rig_lacks(RIG_NO_NOWAIT)) {
		lab_expect_eq(rig_io(r.file, LAB_READ, 0, r.mem, PAGE_SIZE, LAB_IO_NOWAIT), -EOPNOTSUPP);
		lab_expect_eq(rig_io(r.file, LAB_WRITE, 0, r.mem, PAGE_SIZE, LAB_IO_NOWAIT), -EOPNOTSUPP);
		lab_expect(lab_cache_is_dirty(r.inode, 0, PAGE_SIZE));
		rig_down(&r);
		return;
	}
	lab_expect_eq(rig_io(r.file, LAB_READ, 0, r.mem, PAGE_SIZE, LAB_IO_NOWAIT), -EAGAIN);
	lab_expect_eq(rig_io(r.file, LAB_WRITE, 0, r.mem, PAGE_SIZE, LAB_IO_NOWAIT), -EAGAIN);
	lab_expect(lab_cache_is_dirty(r.inode, 0, PAGE_SIZE));
	lab_expect_eq(rig_io(r.file, LAB_READ, PAGE_SIZE, r.mem, PAGE_SIZE, LAB_IO_NOWAIT), PAGE_SIZE);
	lab_expect_eq(lab_cache_sync(r.inode, &r.inode->i_mapping->wb_told), 0);
	lab_expect_eq(rig_io(r.file, LAB_READ, 0, r.mem, PAGE_SIZE, LAB_IO_NOWAIT), PAGE_SIZE);
	lab_expect_eq(rig_io(r.file, LAB_WRITE, 0, r.mem, PAGE_SIZE, LAB_IO_NOWAIT), PAGE_SIZE);
	lab_expect_eq(pages_of(&r), 0);
	rig_down(&r);
}

/* The loop driver's attempt: dirty pages are the worker's, clean ones are in nobody's way. */
DESIGN_TEST(filemap, loop_punts_what_must_be_written_back)
{
	struct rig_opts o = { .file_bytes = FILE_BYTES, .fill = 0xee, .loop = true };
	struct lab_iovec iov;
	struct rig r;

	rig_needs_handoff(LAB_HANDOFF_INLINE);
	rig_up(&r, &o);
	iov = (struct lab_iovec){ r.mem, PAGE_SIZE };
	rig_set(r.mem, 0x42, PAGE_SIZE);
	lab_expect_eq(buffered(&r, LAB_WRITE, 10, r.mem, 10, 0), 10);
	kc_probes_reset();
	lab_expect_eq(rig_aio(r.bdev, LAB_READ, 0, &iov, 1, 0), PAGE_SIZE);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_PUNTS), 1);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_WRITEBACKS), 1);
	lab_expect_eq(rig_find_other(r.mem + 10, 0x42, 10), -1);
	lab_expect_eq(rig_aio(r.bdev, LAB_READ, 0, &iov, 1, 0), PAGE_SIZE);
	lab_expect_eq(rig_aio(r.bdev, LAB_WRITE, 0, &iov, 1, 0), PAGE_SIZE);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_PUNTS), 1);
	lab_expect_eq(pages_of(&r), 0);
	rig_down(&r);
}

/* A page that is read in while a direct write is on its way to the disk holds what was there before: it goes. */
DESIGN_TEST(filemap, page_read_during_a_direct_write_is_forgotten)
{
	struct rig_opts o = { .disk = RIG_REAL, .file_bytes = FILE_BYTES };
	struct lab_iovec iov;
	struct rig_slot slot;
	unsigned int i;
	struct rig r;

	rig_up(&r, &o);
	iov = (struct lab_iovec){ r.mem, IO_BYTES };
	for (i = 0; i < 16; i++) {
		loff_t pos = i * IO_BYTES;

		lab_expect_eq(buffered(&r, LAB_READ, pos, r.mem, 10, 0), 10);	/* there are pages */
		rig_set(r.mem, i + 1, IO_BYTES);
		rig_start(&slot, r.file, LAB_WRITE, pos, &iov, 1, 0);
		lab_expect_eq(buffered(&r, LAB_READ, pos, r.mem + IO_BYTES, IO_BYTES, 0), IO_BYTES);
		lab_expect_eq(rig_finish(&slot), IO_BYTES);
		expect_bytes(&r, r.file, pos, i + 1, IO_BYTES, LAB_IO_BUFFERED);
	}
	rig_down(&r);
}

/*
 * A page is dirtied while a direct write of the same page is on its way to the disk. What it was filled with may be from
 * before: unless the one waits for the other, what was written directly is lost when the page goes to the disk.
 */
DESIGN_TEST(filemap, dirtied_while_a_direct_write_is_under_way)
{
	struct rig_opts o = { .disk = RIG_REAL, .file_bytes = FILE_BYTES };
	struct lab_iovec iov;
	struct rig_slot slot;
	unsigned int i;
	struct rig r;

	rig_up(&r, &o);
	iov = (struct lab_iovec){ r.mem, IO_BYTES };
	for (i = 0; i < 16; i++) {
		loff_t pos = i * IO_BYTES;

		lab_expect_eq(buffered(&r, LAB_READ, pos, r.mem + IO_BYTES, 10, 0), 10);	/* there are pages */
		rig_set(r.mem, i + 1, IO_BYTES);
		rig_set(r.mem + IO_BYTES, 0x80, 10);
		rig_start(&slot, r.file, LAB_WRITE, pos, &iov, 1, 0);
		lab_expect_eq(buffered(&r, LAB_WRITE, pos + 100, r.mem + IO_BYTES, 10, 0), 10);
		lab_expect_eq(rig_finish(&slot), IO_BYTES);
		expect_bytes(&r, r.file, pos, i + 1, 100, LAB_IO_BUFFERED);
		expect_bytes(&r, r.file, pos + 100, 0x80, 10, LAB_IO_BUFFERED);
		expect_bytes(&r, r.file, pos + 110, i + 1, IO_BYTES - 110, LAB_IO_BUFFERED);
		lab_expect_eq(rig_design->fsync(r.file, true), 0);
		rig_set(r.mem, 0xa5, PAGE_SIZE);
		lab_expect_eq(rig_io(r.file, LAB_READ, pos, r.mem, PAGE_SIZE, 0), PAGE_SIZE);
		lab_expect_eq(rig_find_other(r.mem + 110, i + 1, PAGE_SIZE - 110), -1);
		lab_expect_eq(rig_find_other(r.mem + 100, 0x80, 10), -1);
	}
	rig_down(&r);
}

/* ---- through the page cache ---------------------------------------------------------------- */

/* A direct write of another task. */
struct writer {
	struct rig *r;
	struct lab_file *file;
	unsigned int flags;
	ssize_t ret;
	struct completion began, done;
};

static int write_direct(void *arg)
{
	struct writer *w = arg;

	current->mm = w->r->mm;
	complete(&w->began);
	w->ret = rig_io(w->file, LAB_WRITE, PAGE_SIZE, w->r->mem, 2 * PAGE_SIZE, w->flags);
	current->mm = NULL;
	complete(&w->done);
	return 0;
}

/* A page is locked, as by a reader that is filling it: the write cannot forget it. A loop device may have no wish to. */
static void falls_back(bool loop, unsigned int flags, const char *fault)
{
	struct rig_opts o = { .file_bytes = FILE_BYTES, .fill = fault ? 0 : 0xee, .loop = loop, .fault = fault };
	bool dsync = flags & LAB_IO_DSYNC, cached = loop && rig_costs()->cached;
	struct lab_trace_counts before, after;
	struct task_struct *task;
	struct writer w;
	struct page *page;
	struct rig r;

	rig_up(&r, &o);
	rig_set(r.mem, 0x42, 2 * PAGE_SIZE);
	w = (struct writer){ .r = &r, .file = loop ? r.bdev : r.file, .flags = flags };
	init_completion(&w.began);
	init_completion(&w.done);
	lab_expect_eq(lab_page_get(r.inode, 2, &page), 0);
	lab_trace_read(r.trace, &before);
	kc_probes_reset();
	task = kthread_run(write_direct, &w, "writer");
	wait_for_completion(&w.began);
	while (!rwsem_is_locked(&r.inode->i_rwsem) || atomic_read(&r.inode->i_dio_count) || pages_of(&r) < 2)
		yield();		/* until it has the first page, and waits for the second */
	lab_expect_eq(w.ret, 0);
	lab_page_unlock(page);
	put_page(page);
	wait_for_completion(&w.done);
	lab_expect_eq(kthread_stop(task), 0);
	if (fault) {	/* the disk did not take it: neither did the call, if it was not the page cache's alone */
		lab_expect_eq(w.ret, cached && !dsync ? 2 * PAGE_SIZE : -EIO);
		rig_down(&r);
		return;
	}
	lab_expect_eq(w.ret, 2 * PAGE_SIZE);
	lab_expect_eq(rig_count(LAB_LOOP, LAB_WRITEBACKS) + rig_count(LAB_UPPER, LAB_WRITEBACKS),
		      !cached || dsync ? 2 : 0);
	lab_trace_read(r.trace, &after);
	lab_expect_eq(after.preflush - before.preflush, dsync);
	/* as if it had been direct: on disk, and no page is left */
	lab_expect_eq(pages_of(&r), cached ? 2 : 0);
	expect_bytes(&r, r.file, PAGE_SIZE, 0x42, 2 * PAGE_SIZE, 0);
	expect_bytes(&r, r.file, 3 * PAGE_SIZE, 0xee, PAGE_SIZE, 0);
	rig_down(&r);
}

DESIGN_TEST(filemap, write_that_cannot_forget_a_page)
{
	rig_needs_what(RIG_APART, "it is Linux in one task: cached.direct_write_that_cannot_forget_a_page");
	falls_back(false, 0, NULL);
	falls_back(false, LAB_IO_DSYNC, NULL);
	falls_back(true, 0, NULL);
	falls_back(true, LAB_IO_DSYNC, NULL);
}

DESIGN_TEST(filemap, fallback_that_fails_on_the_disk)
{
	rig_needs_what(RIG_APART, "it is Linux in one task: cached.direct_write_that_cannot_forget_a_page");
	falls_back(false, 0, "eio@4k+4k");
	falls_back(false, LAB_IO_DSYNC, "eio@8k+4k");
	falls_back(true, 0, "eio@4k+4k");
	falls_back(true, LAB_IO_DSYNC, "eio@8k+4k");
}
