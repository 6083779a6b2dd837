// SPDX-License-Identifier: GPL-2.0-only
/*
 * trace.c - what the writers of traces share: the order of events, and their numbers.
 *
 * Events come nearly in order: a task that was held up between taking its slot and looking at the clock is late. So
 * they are sorted by insertion, which is stable, and quick on what is nearly sorted.
 */
#include <stdlib.h>
#include <string.h>

#include "trace.h"

host_u64 trace_kept(const struct lab_blktrace *t)
{
	return t->nr < t->max ? t->nr : t->max;
}

void trace_order(struct lab_blktrace *t)
{
	host_u64 n = trace_kept(t);

	for (host_u64 i = 1; i < n; i++) {
		struct lab_blkevent ev = t->events[i];
		host_u64 at = i;

		while (at && t->events[at - 1].at_ns > ev.at_ns)
			at--;
		if (at == i)
			continue;
		memmove(&t->events[at + 1], &t->events[at], (i - at) * sizeof(ev));
		t->events[at] = ev;
	}
}

host_u32 trace_sequence(struct trace_devices *d, host_u32 dev)
{
	unsigned int i = 0;

	while (i < d->nr && d->known[i].dev != dev)
		i++;
	if (i == TRACE_MAX_DEVICES)
		abort();	/* more devices than a stack may have */
	if (i == d->nr)
		d->known[d->nr++].dev = dev;
	return ++d->known[i].events;
}

host_u32 trace_first_device(const struct lab_blktrace *t)
{
	for (host_u64 i = 0; i < trace_kept(t); i++)
		if (t->events[i].action != 'm')
			return t->events[i].dev;
	return 0;
}
