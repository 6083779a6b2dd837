// SPDX-License-Identifier: GPL-2.0-only
/*
 * blkparse.c - a trace as text: the lines that blkparse(1) makes of the same trace, so that either can be read by who
 * knows the other. One difference: an error is -5 here, and 65531 there.
 */
#include <string.h>

#include "trace.h"

/* FWFSM: what blkparse calls RWBS */
static const char *rwbs(const struct lab_blkevent *ev, char *out)
{
	char *p = out;

	if (ev->flags & LAB_BE_FLUSH)
		*p++ = 'F';
	if (ev->flags & LAB_BE_DISCARD)
		*p++ = 'D';
	else if (ev->flags & LAB_BE_WRITE)
		*p++ = 'W';
	else
		*p++ = ev->len_bytes ? 'R' : 'N';
	if (ev->flags & LAB_BE_FUA)
		*p++ = 'F';
	if (ev->flags & LAB_BE_AHEAD)
		*p++ = 'A';
	if (ev->flags & LAB_BE_SYNC)
		*p++ = 'S';
	if (ev->flags & LAB_BE_META)
		*p++ = 'M';
	*p = 0;
	return out;
}

static void head(FILE *out, host_u32 dev, host_u32 sequence, host_u64 ns, int pid, const char *action, const char *flags)
{
	fprintf(out, "%3u,%-3u %2d %8u %5llu.%09llu %5d %2s %3s ", dev >> 20, dev & 0xfffff, 0, sequence,
		(unsigned long long)(ns / 1000000000), (unsigned long long)(ns % 1000000000), pid, action, flags);
}

static void event(FILE *out, const struct lab_blkevent *ev, host_u32 sequence, host_u64 ns)
{
	const char action[] = { ev->action, 0 };
	unsigned long long sector = ev->sector, other = ev->other;
	unsigned int sectors = ev->len_bytes >> 9;
	char flags[16];

	head(out, ev->dev, sequence, ns, ev->pid, action, rwbs(ev, flags));
	switch (ev->action) {
	case 'C':
		if (sectors)
			fprintf(out, "%llu + %u [%d]\n", sector, sectors, ev->error);
		else
			fprintf(out, "%llu [%d]\n", sector, ev->error);
		break;
	case 'P':
		fprintf(out, "[%s]\n", ev->comm);
		break;
	case 'U':
		fprintf(out, "[%s] %llu\n", ev->comm, other);
		break;
	case 'X':
		fprintf(out, "%llu / %llu [%s]\n", sector, other, ev->comm);
		break;
	case 'A':
		fprintf(out, "%llu + %u <- (%u,%u) %llu\n", sector, sectors, ev->other_dev >> 20, ev->other_dev & 0xfffff, other);
		break;
	default:
		if (sectors)
			fprintf(out, "%llu + %u [%s]\n", sector, sectors, ev->comm);
		else
			fprintf(out, "[%s]\n", ev->comm);
	}
}

static void message(FILE *out, host_u32 dev, host_u64 ns, const char *text)
{
	head(out, dev, 0, ns, 0, "m", "N");
	fprintf(out, "%s\n", text);
}

void trace_write_text(FILE *out, const struct trace_report *r)
{
	const struct lab_blkevent *events = r->trace->events;
	host_u32 first = trace_first_device(r->trace);
	struct trace_devices devices = { .nr = 0 };
	host_u64 n = trace_kept(r->trace);

	if (n)
		message(out, first, 0, r->about);
	for (host_u64 i = 0; i < n; i++) {
		host_u64 ns = events[i].at_ns - events[0].at_ns;

		if (events[i].action == 'm')
			message(out, first, ns, r->jobs[events[i].other].name);
		else
			event(out, &events[i], trace_sequence(&devices, events[i].dev), ns);
	}
}
