// SPDX-License-Identifier: GPL-2.0-only
/*
 * blktrace.c - a trace as blktrace(8) leaves it, for blkparse, btt, iowatcher and fio's read_iolog.
 *
 * Records of struct blk_io_trace, in the byte order of this machine, each with what belongs to it behind it: the name of
 * a process when its pid comes up for the first time, the text of a message, where the rest of a split begins. All of
 * it is said of processor 0: a task of ours has no other.
 *
 * Source: linux/blktrace_api.h.
 */
#include <endian.h>
#include <linux/blktrace_api.h>
#include <string.h>

#include "trace.h"

#define MAX_PIDS HOST_MAX_TASKS	/* whose names are remembered: as many as can be alive at once */

struct writer {
	FILE *out;
	struct trace_devices devices;
	host_u32 first_device;
	int pids[MAX_PIDS];
	unsigned int nr_pids;
};

static const struct { char letter; __u32 action; } actions[] = {
	{ 'Q', BLK_TA_QUEUE }, { 'M', BLK_TA_BACKMERGE }, { 'F', BLK_TA_FRONTMERGE }, { 'G', BLK_TA_GETRQ },
	{ 'R', BLK_TA_REQUEUE }, { 'D', BLK_TA_ISSUE }, { 'C', BLK_TA_COMPLETE }, { 'P', BLK_TA_PLUG },
	{ 'U', BLK_TA_UNPLUG_IO }, { 'I', BLK_TA_INSERT }, { 'X', BLK_TA_SPLIT }, { 'A', BLK_TA_REMAP },
};

static const struct { unsigned short flag; __u32 category; } categories[] = {
	{ LAB_BE_SYNC, BLK_TC_SYNC }, { LAB_BE_FLUSH, BLK_TC_FLUSH }, { LAB_BE_FUA, BLK_TC_FUA },
	{ LAB_BE_DISCARD, BLK_TC_DISCARD }, { LAB_BE_AHEAD, BLK_TC_AHEAD }, { LAB_BE_META, BLK_TC_META },
};

static void record(struct writer *w, struct blk_io_trace *t, const void *pdu, size_t pdu_bytes)
{
	t->magic = BLK_IO_TRACE_MAGIC | BLK_IO_TRACE_VERSION;
	t->pdu_len = (__u16)pdu_bytes;
	fwrite(t, sizeof(*t), 1, w->out);
	if (pdu_bytes)
		fwrite(pdu, pdu_bytes, 1, w->out);
}

/* The name of who does it, before the first thing that it does; before each, of those who are too many to remember. */
static void name_process(struct writer *w, const struct lab_blkevent *ev)
{
	struct blk_io_trace t = { .time = ev->at_ns, .action = BLK_TN_PROCESS, .pid = (__u32)ev->pid, .device = w->first_device };

	for (unsigned int i = 0; i < w->nr_pids; i++)
		if (w->pids[i] == ev->pid)
			return;
	if (w->nr_pids < MAX_PIDS)
		w->pids[w->nr_pids++] = ev->pid;
	record(w, &t, ev->comm, sizeof(ev->comm));
}

static void message(struct writer *w, host_u64 at_ns, const char *text)
{
	struct blk_io_trace t = { .time = at_ns, .action = BLK_TN_MESSAGE, .device = w->first_device };

	record(w, &t, text, strlen(text));
}

static __u32 action_of(const struct lab_blkevent *ev)
{
	__u32 action = 0;

	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (actions[i].letter == ev->action)
			action = actions[i].action;
	action |= BLK_TC_ACT(ev->flags & LAB_BE_WRITE ? BLK_TC_WRITE : BLK_TC_READ);
	for (size_t i = 0; i < sizeof(categories) / sizeof(categories[0]); i++)
		if (ev->flags & categories[i].flag)
			action |= BLK_TC_ACT((__u32)categories[i].category);
	return action;
}

static void event(struct writer *w, const struct lab_blkevent *ev)
{
	struct blk_io_trace t = {
		.sequence = trace_sequence(&w->devices, ev->dev), .time = ev->at_ns, .sector = ev->sector,
		.bytes = ev->len_bytes, .action = action_of(ev), .pid = (__u32)ev->pid, .device = ev->dev,
		.error = (__u16)ev->error,
	};
	struct blk_io_trace_remap remap = {
		.device_from = htobe32(ev->other_dev), .device_to = htobe32(ev->dev), .sector_from = htobe64(ev->other),
	};
	__be64 other = htobe64(ev->other);

	name_process(w, ev);
	if (ev->action == 'A')
		record(w, &t, &remap, sizeof(remap));
	else if (ev->action == 'X' || ev->action == 'U')
		record(w, &t, &other, sizeof(other));
	else
		record(w, &t, NULL, 0);
}

void trace_write_blktrace(FILE *out, const struct trace_report *r)
{
	struct writer w = { .out = out, .first_device = trace_first_device(r->trace) };
	host_u64 n = trace_kept(r->trace);

	if (n)
		message(&w, r->trace->events[0].at_ns, r->about);
	for (host_u64 i = 0; i < n; i++) {
		const struct lab_blkevent *ev = &r->trace->events[i];

		if (ev->action == 'm')
			message(&w, ev->at_ns, r->jobs[ev->other].name);
		else
			event(&w, ev);
	}
}
