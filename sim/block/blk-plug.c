// SPDX-License-Identifier: GPL-2.0-only
/*
 * blk-plug.c - a task that is about to submit several bios holds its requests back, so that they can be
 * merged and given to the driver together.
 *
 * The list is the task's alone. It is taken off the plug before it is sent, so what drivers submit while
 * it is being sent joins a fresh list (the one that is being walked stays as it is), and flushing goes on
 * until nothing is left. A task that sleeps flushes first: others may be waiting for its requests.
 *
 * Source: the contract of block/blk-core.c and blk-mq.c of Linux 6.1.
 */
#include <kc/plant.h>
#include <trace/events/block.h>
#include "blk.h"

/**
 * blk_start_plug - hold requests back until blk_finish_plug(@plug)
 *
 * Inside another plug of this task it does nothing: the outer one holds. Context: task.
 */
void blk_start_plug(struct blk_plug *plug)
{
	plug->mq_head = plug->mq_tail = NULL;
	plug->rq_count = 0;
	plug->multiple_queues = false;
	if (!current->plug)
		current->plug = plug;
}

/** lab_plug_add - append @rq, which holds a tag, to @plug, the running task's; never flushes. Context: task. */
void lab_plug_add(struct blk_plug *plug, struct request *rq)
{
	rq->rq_next = NULL;
	if (plug->mq_tail) {
		plug->multiple_queues |= plug->mq_tail->q != rq->q;
		plug->mq_tail->rq_next = rq;
	} else {
		trace_block_plug(rq->q);
		plug->mq_head = rq;
	}
	plug->mq_tail = rq;
	plug->rq_count++;
}

/* Take the requests of the first one's queue off *@list, in order. */
static struct request *take_one_queue(struct request **list)
{
	struct request *head = *list, **keep = list, **taken = &head, *rq, *next;
	struct request_queue *q = head->q;

	for (rq = *list; rq; rq = next) {
		next = rq->rq_next;
		if (rq->q == q) {
			*taken = rq;
			taken = &rq->rq_next;
		} else {
			*keep = rq;
			keep = &rq->rq_next;
		}
	}
	*taken = NULL;
	*keep = NULL;
	return head;
}

/**
 * __blk_flush_plug - send everything @plug holds, queue by queue, each in the order of its making
 * @from_schedule: the task is about to sleep; it may not, then, be asked to sleep for this
 *
 * Context: task.
 */
void __blk_flush_plug(struct blk_plug *plug, bool from_schedule)
{
	struct request *list, *head;

	list = plug->mq_head;
	while (list) {
		if (!lab_planted(H3))
			plug->mq_head = plug->mq_tail = NULL;
		plug->rq_count = 0;
		plug->multiple_queues = false;
		while (list) {
			head = take_one_queue(&list);
			lab_mq_dispatch_list(head->q, head, from_schedule);
		}
		if (lab_planted(H3))
			plug->mq_head = plug->mq_tail = NULL;
		list = plug->mq_head;
		lab_probe_add(REPLUGS, list != NULL);
	}
}

/**
 * blk_finish_plug - send what was held back; the end of blk_start_plug()
 *
 * Context: task.
 */
void blk_finish_plug(struct blk_plug *plug)
{
	if (plug != current->plug)
		return;
	blk_flush_plug(plug, false);
	current->plug = NULL;
}
