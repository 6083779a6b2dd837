// SPDX-License-Identifier: GPL-2.0-only
/*
 * H2: what the filesystem above keeps in its task does not reach the file, and what the file allocates does no IO: either
 * the driver calls it in another task, or it puts the submitter's context aside. What the task has afterwards is looked
 * at in punt.c too.
 */
#include "burst.h"
#include "task.h"

static struct {
	unsigned int looks;
	const struct task_struct *task;
	void *journal;
	unsigned int flags;
} seen;

void task_look(void)
{
	seen.looks++;
	seen.task = current;
	seen.journal = current->journal_info;
	seen.flags = current->flags;
}

static void one_bio(struct rig *r, enum req_op op)
{
	unsigned int flags = current->flags;
	int transaction;

	seen.looks = 0;
	seen.journal = current->journal_info = &transaction;
	burst_run(burst_make(rig_design->loop_bdev(r->loop), op, 1, 1), false);
	lab_expect_eq(seen.looks, 1);
	lab_expect_eq(seen.task == current, r->knobs.handoff == LAB_HANDOFF_INLINE);
	lab_expect(!seen.journal);
	lab_expect(seen.flags & PF_MEMALLOC_NOIO);
	lab_expect(current->journal_info == &transaction);
	lab_expect_eq(current->flags, flags);
	current->journal_info = NULL;
}

void task_clean_for_the_file(struct rig *r)
{
	one_bio(r, REQ_OP_WRITE);
	one_bio(r, REQ_OP_READ);
}
