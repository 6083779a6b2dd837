// SPDX-License-Identifier: GPL-2.0-only
/*
 * TEMPLATE.c - a filter that passes everything through, seen on its way down and on its way up.
 *
 * To make a filter of your own: copy this file, rename template_* and the name and sentence at its end, add
 * its lab_filter_type to filters.h and to the table in filter.c; `--stack NAME` then works. What you
 * change:
 *  - on the way down, in ->submit_bio: look at bio->bi_opf and bio->bi_iter; answer at once with
 *    bio_io_error() instead of submitting; or use lab_filter_pass(), which is cheaper, when you need not see
 *    the way up. Never wait.
 *  - on the way up, in end_io (hard-irq context: no sleeping): bi_status of the clone is yours to change, and
 *    the data has arrived in the pages of the origin. lab_filter_end() comes last.
 *  - other sectors below than above: .map and .setup, with lab_filter_pass_mapped() as ->submit_bio (linear.c).
 *  - state: a struct of .priv_bytes at lab_filter_dev.priv, filled by .parse from what follows NAME=.
 */
#include "filters.h"

static void template_end_io(struct bio *clone)
{
	lab_filter_end(clone);
}

static void template_submit_bio(struct bio *bio)
{
	struct lab_filter_dev *f = lab_filter_of(bio);

	submit_bio_noacct(lab_filter_clone(f, bio, template_end_io));
}

static const struct block_device_operations template_fops = {
	.submit_bio = template_submit_bio,
};

const struct lab_filter_type lab_filter_template = {
	.name = "pass",
	.what = "passes everything through: what a filter costs, and the template of new ones",
	.fops = &template_fops,
};
