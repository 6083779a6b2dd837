// SPDX-License-Identifier: GPL-2.0-only
/*
 * Data: random operations on a file, straight and through a loop device on it, against the plain byte array
 * of reffs (fs-model/reffs.c), over layouts, knobs, limits, frames and disks. Segments are of whole sectors,
 * some of them empty, with gaps in memory between them; what a read has not been given must not be there.
 */
#include <linux/minmax.h>
#include <linux/slab.h>
#include "rig.h"

#define FILE_MAX	(2u << 20)
#define DISK_BYTES	(4 * FILE_MAX)
#define IO_MAX		(256u << 10)
#define MAX_SEGS	24
#define STALE_MEM	0xa5		/* what memory holds before a read */

struct data {
	struct rig rig;
	struct lab_reffs *ref;
	loff_t loop_at;			/* where in the file the loop device begins */
	u8 *want, *have;		/* IO_MAX bytes each */
	struct lab_iovec iov[MAX_SEGS];
};

static unsigned int rounds(unsigned int n)
{
	return lab_test_slow() ? n / 10 + 1 : n;
}

static void data_up(struct data *d, const struct rig_opts *o)
{
	rig_up(&d->rig, o);
	kc_probes_reset();
	d->loop_at = o->loop_opts.offset_bytes;
	d->want = kmalloc(IO_MAX, GFP_KERNEL);
	d->have = kmalloc(IO_MAX, GFP_KERNEL);
	lab_expect(d->want && d->have);
	d->ref = lab_reffs_create(512, 4 * FILE_MAX);
	lab_expect(!IS_ERR(d->ref));
	lab_expect_eq(lab_reffs_truncate(d->ref, o->file_bytes), 0);
}

static void data_down(struct data *d)
{
	lab_reffs_destroy(d->ref);
	kfree(d->want);
	kfree(d->have);
	rig_down(&d->rig);
}

/* Cut @len_bytes into segments, many of like size or a few big ones and a tail of small ones. */
static unsigned int data_cut(struct data *d, size_t len_bytes)
{
	unsigned long at = d->rig.mem + 512 * rig_rand(&d->rig, 16);
	bool alike = rig_rand(&d->rig, 2);
	unsigned int nr = 0;

	while (len_bytes) {
		size_t len = 512 * (alike ? rig_rand(&d->rig, 9) * (1 + rig_rand(&d->rig, 16)) :
					    rig_rand(&d->rig, len_bytes / 512 + 1));

		len = nr == MAX_SEGS - 1 ? len_bytes : min(len, len_bytes);
		d->iov[nr++] = (struct lab_iovec){ at, len };
		at += len + 512 * rig_rand(&d->rig, 3);
		len_bytes -= len;
	}
	return nr;
}

static ssize_t data_submit(struct data *d, struct lab_file *file, enum lab_rw rw, loff_t pos, unsigned int nr,
			   unsigned int flags)
{
	return (rig_rand(&d->rig, 2) ? rig_iov : rig_aio)(file, rw, pos, d->iov, nr, flags);
}

/* @pos is one of @file: of the loop device, or of the file itself. */
static loff_t in_file(const struct data *d, const struct lab_file *file, loff_t pos)
{
	return file == d->rig.bdev ? d->loop_at + pos : pos;
}

static void data_write(struct data *d, struct lab_file *file, loff_t pos, size_t len_bytes,
		       unsigned int flags)
{
	unsigned int nr = data_cut(d, len_bytes), i;
	u8 *p = d->want;

	for (i = 0; i < len_bytes; i += 8)
		*(u64 *)(d->want + i) = rig_rand(&d->rig, 0);
	for (i = 0; i < nr; i++) {
		rig_poke(d->iov[i].base, p, d->iov[i].len_bytes);
		p += d->iov[i].len_bytes;
	}
	lab_expect_eq(data_submit(d, file, LAB_WRITE, pos, nr, flags), len_bytes);
	if (flags & LAB_IO_APPEND)
		pos = lab_reffs_size(d->ref);
	lab_expect_eq(lab_reffs_pwrite(d->ref, d->want, len_bytes, in_file(d, file, pos)), len_bytes);
}

static void data_read(struct data *d, struct lab_file *file, loff_t pos, size_t len_bytes)
{
	ssize_t want = lab_reffs_pread(d->ref, d->want, len_bytes, in_file(d, file, pos));
	unsigned int nr = data_cut(d, len_bytes), i;
	size_t at = 0, len;

	for (i = 0; i < nr; i++)
		rig_set(d->iov[i].base, STALE_MEM, d->iov[i].len_bytes);
	lab_expect_eq(data_submit(d, file, LAB_READ, pos, nr, 0), want);
	for (i = 0; i < nr && at < want; i++, at += len) {
		len = min_t(size_t, d->iov[i].len_bytes, want - at);
		rig_peek(d->iov[i].base, d->have + at, len);
	}
	if (want)
		lab_expect_mem(d->have, d->want, want);
}

static void data_all(struct data *d, struct lab_file *file)
{
	loff_t pos;

	for (pos = 0; pos < rig_design->size(file); pos += IO_MAX)
		data_read(d, file, pos, IO_MAX);
}

/* Under the old rule on bios nothing was cut on its way down, whatever the limits. */
static void data_old_rule(struct data *d)
{
	if (d->rig.knobs.bio_rule == LAB_BIO_RULE_OLD)
		lab_expect_eq(rig_count(LAB_UPPER, LAB_SPLITS) + rig_count(LAB_LOOP, LAB_SPLITS) +
			      rig_count(LAB_LOWER, LAB_SPLITS), 0);
}

/* ---- the file itself: it grows, shrinks and gets holes ---------------------------------- */

/* Small ones and large ones; now and then nothing. */
static size_t some_bytes(struct data *d)
{
	return 512 * rig_rand(&d->rig, IO_MAX / 512 / (1 + rig_rand(&d->rig, 32)) + 1);
}

static void file_write(struct data *d)
{
	u64 size = lab_reffs_size(d->ref);
	size_t len_bytes = some_bytes(d);
	unsigned int flags = rig_rand(&d->rig, 8) ? 0 : LAB_IO_DSYNC;

	if (!rig_rand(&d->rig, 8) && !(size % 512) && size + len_bytes < FILE_MAX)
		flags |= LAB_IO_APPEND;
	data_write(d, d->rig.file, 512 * rig_rand(&d->rig, (FILE_MAX - len_bytes) / 512), len_bytes, flags);
}

static void file_change(struct data *d)
{
	loff_t a = rig_rand(&d->rig, FILE_MAX), b = 1 + rig_rand(&d->rig, FILE_MAX / 4);

	switch (rig_rand(&d->rig, 3)) {
	case 0:
		a -= rig_rand(&d->rig, 2) ? a % 512 : 0;
		lab_expect_eq(lab_truncate(d->rig.inode, a), 0);
		lab_expect_eq(lab_reffs_truncate(d->ref, a), 0);
		break;
	case 1:
		lab_expect_eq(lab_punch(d->rig.inode, a, b), 0);
		lab_expect_eq(lab_reffs_punch(d->ref, a, b), 0);
		break;
	default:
		lab_expect_eq(rig_design->fsync(d->rig.file, true), 0);
	}
}

static void file_against_reffs(struct rig_opts *o, unsigned int n)
{
	struct data d;

	o->disk_bytes = DISK_BYTES;
	data_up(&d, o);
	while (n--) {
		u64 what = rig_rand(&d.rig, 20);

		if (what < 9)
			file_write(&d);
		else if (what < 18)
			data_read(&d, d.rig.file, 512 * rig_rand(&d.rig, (FILE_MAX + IO_MAX) / 512),
				  some_bytes(&d));
		else
			file_change(&d);
		lab_expect_eq(rig_design->size(d.rig.file), lab_reffs_size(d.ref));
	}
	data_all(&d, d.rig.file);
	data_old_rule(&d);
	data_down(&d);
}

/*
 * A file of a layout without data begins with some size, on a disk that is full of something else, of which
 * nothing may be seen; a file of another layout begins empty there, so that what it grows by is checked too.
 */
static const struct lab_fs_opts layouts[] = {
	{ .layout = LAB_LAYOUT_CONTIGUOUS },
	{ .layout = LAB_LAYOUT_FRAGMENTED, .fragment_bytes = 4096, .seed = 7 },
	{ .layout = LAB_LAYOUT_FRAGMENTED, .fragment_bytes = 64 << 10, .seed = 8 },
	{ .layout = LAB_LAYOUT_SPARSE },
	{ .layout = LAB_LAYOUT_UNWRITTEN, .fragment_bytes = 16384 },
	{ .layout = LAB_LAYOUT_UNWRITTEN, .lock_exclusive = true },
};
#define SPARSE	(&layouts[3])

static void file_layouts(enum rig_disk disk, const struct lab_fs_opts *fs, unsigned int n)
{
	for (; fs < layouts + ARRAY_SIZE(layouts); fs++) {
		struct rig_opts o = { .disk = disk, .fill = 0xee, .fs = *fs };

		if (fs->layout >= LAB_LAYOUT_SPARSE)
			o.file_bytes = FILE_MAX / 2;
		file_against_reffs(&o, n);
	}
}

DESIGN_TEST(data, file_agrees_with_reffs)
{
	file_layouts(RIG_RAM, SPARSE, rounds(400));
}

DESIGN_TEST_FLAGS(data, file_of_permuted_frames_agrees_with_reffs, LAB_TEST_F_PERMUTED)
{
	file_layouts(RIG_RAM, layouts, rounds(100));
}

DESIGN_TEST(data, file_on_a_real_disk_agrees_with_reffs)
{
	file_layouts(RIG_REAL, SPARSE, rounds(60));
}

DESIGN_TEST(data, file_with_exclusive_lock_agrees_with_reffs)
{
	struct rig_opts o = { .fill = 0xee, .fs = { .layout = LAB_LAYOUT_SPARSE, .lock_exclusive = true } };

	file_against_reffs(&o, rounds(200));
}

DESIGN_TEST_FLAGS(data, file_of_permuted_frames_on_a_disk_with_limits, LAB_TEST_F_PERMUTED)
{
	struct rig_opts o = {
		.fill = 0xee, .fs = { .layout = LAB_LAYOUT_SPARSE }, .limits = { .max_sectors = 24 },
	};

	file_against_reffs(&o, rounds(200));
}

/* The same under the old rule: each page is asked about. */
static const struct lab_limits old_rule_limits[] = {
	{ .max_sectors = 24 },
	{ .max_segments = 3, .virt_boundary_bytes = 4096 },
	{ .max_segments = 2, .max_segment_bytes = 8192 },
};

DESIGN_TEST_FLAGS(data, file_under_the_old_rule, LAB_TEST_F_PERMUTED)
{
	const struct lab_fs_opts *fs;
	unsigned int l;

	rig_needs_bio_rule(LAB_BIO_RULE_OLD);
	for (l = 0; l < ARRAY_SIZE(old_rule_limits); l++) {
		for (fs = layouts; fs < layouts + ARRAY_SIZE(layouts); fs++) {
			struct rig_opts o = {
				.fill = 0xee, .fs = *fs, .limits = old_rule_limits[l],
				.knobs.bio_rule = LAB_BIO_RULE_OLD,
			};

			if (fs->layout >= LAB_LAYOUT_SPARSE)
				o.file_bytes = FILE_MAX / 2;
			file_against_reffs(&o, rounds(40));
		}
	}
}

/* ---- through the loop device, and the file beside it -------------------------------------- */

static void loop_one(struct data *d)
{
	struct lab_file *file = rig_rand(&d->rig, 4) ? d->rig.bdev : d->rig.file;
	loff_t size = rig_design->size(file), pos = 512 * rig_rand(&d->rig, size / 512);
	unsigned int flags = rig_rand(&d->rig, 8) ? 0 : LAB_IO_DSYNC;
	size_t len_bytes = some_bytes(d);

	if (!rig_rand(&d->rig, 16))
		lab_expect_eq(rig_design->fsync(file, true), 0);
	if (rig_rand(&d->rig, 2))
		data_read(d, file, pos, len_bytes);
	else
		data_write(d, file, pos, min_t(u64, len_bytes, size - pos), flags);
}

static void loop_against_reffs(struct rig_opts *o, const struct lab_fs_opts *fs, unsigned int n)
{
	struct data d;

	o->loop = true;
	o->disk_bytes = DISK_BYTES;
	o->fs = *fs;
	o->file_bytes = FILE_MAX;
	o->fill = fs->layout >= LAB_LAYOUT_SPARSE ? 0xee : 0;
	data_up(&d, o);
	while (n--)
		loop_one(&d);
	data_all(&d, d.rig.bdev);
	data_all(&d, d.rig.file);
	data_old_rule(&d);
	data_down(&d);
}

/* Every combination of knobs; each with two layouts without data and one with, or where that is slow, one. */
DESIGN_TEST(data, loop_agrees_with_reffs_under_every_knob)
{
	unsigned int k;

	for (k = 0; k < RIG_KNOB_SETS; k++) {
		struct rig_opts o = {
			.loop_opts = { .offset_bytes = k & 2 ? 512 * 3 : 0, .max_sectors = k & 4 ? 64 : 0 },
		};

		if (!rig_knobs(k, &o.knobs))
			continue;
		if (lab_test_slow()) {
			loop_against_reffs(&o, &layouts[k % ARRAY_SIZE(layouts)], 10);
			continue;
		}
		loop_against_reffs(&o, SPARSE, 45);
		loop_against_reffs(&o, SPARSE + 1 + k % 2, 45);
		loop_against_reffs(&o, &layouts[k % 3], 25);
	}
}

DESIGN_TEST(data, loop_on_a_real_disk_agrees_with_reffs)
{
	struct rig_opts o = { .disk = RIG_REAL };

	loop_against_reffs(&o, SPARSE, rounds(60));
	loop_against_reffs(&o, SPARSE + 2, rounds(60));
	o.knobs.handoff = LAB_HANDOFF_WORKER;
	loop_against_reffs(&o, SPARSE, rounds(40));
}

/* Small limits below: everything is split on its way down. */
DESIGN_TEST(data, loop_over_small_limits)
{
	struct rig_opts o = {
		.limits = { .max_sectors = 16, .max_segments = 2, .virt_boundary_bytes = 4096 },
	};

	loop_against_reffs(&o, &layouts[2], rounds(40));
}

DESIGN_TEST(data, loop_under_the_old_rule)
{
	unsigned int k, l;

	rig_needs_bio_rule(LAB_BIO_RULE_OLD);
	for (k = 0; k < RIG_KNOB_SETS; k++) {
		struct rig_opts o = { .loop_opts = { .offset_bytes = k & 1 ? 512 * 3 : 0 } };

		if (!rig_knobs(k, &o.knobs))
			continue;
		o.knobs.bio_rule = LAB_BIO_RULE_OLD;
		for (l = 0; l < ARRAY_SIZE(old_rule_limits); l++) {
			o.limits = old_rule_limits[l];
			loop_against_reffs(&o, &layouts[(k + l) % ARRAY_SIZE(layouts)], rounds(25));
		}
	}
}
