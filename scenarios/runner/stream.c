// SPDX-License-Identifier: GPL-2.0-only
/*
 * stream.c - which IO comes next.
 *
 * A stream depends on the job, its seed and the number of the clone, and on nothing that a design
 * does: every design is given the same IOs in the same order. Direction, size and place draw from
 * three generators of their own. As in fio: each direction has its own sequential position; a
 * random job with one block size takes every block of its region once before any comes again; a job
 * ends when io_size bytes have been issued.
 *
 * The walk over all blocks is a full-period congruential generator modulo the next power of two,
 * whose weak low bits are stirred by a bijection; numbers beyond the last block are stepped over
 * (at most every second one).
 */
#include <linux/types.h>
#include <linux/bug.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include "runner.h"

static u64 stream_rand(u64 *state)
{
	return lab_mix64((*state)++);
}

/* In [0, below), by multiplication instead of division; the bias is below/2^64. */
static u64 stream_below(u64 *state, u64 below)
{
	return (u64)(((unsigned __int128)stream_rand(state) * below) >> 64);
}

/**
 * stream_max_bytes - the largest IO that a job can issue
 * @job: the job
 */
u32 stream_max_bytes(const struct lab_job *job)
{
	u32 max = 0, i;
	int d;

	for (d = 0; d < 2; d++) {
		if (d == LAB_READ ? job->rw == LAB_JOB_WRITE : job->rw == LAB_JOB_READ)
			continue;
		for (i = 0; i < job->nr_bssplit[d]; i++)
			max = max(max, job->bssplit[d][i].bytes);
	}
	return max;
}

static void stream_walk_begin(struct stream *s)
{
	s->walk.given = 0;
	s->walk.mult = (stream_rand(&s->rng_off) & ~7ull) | 5;		/* = 1 mod 4: full period */
	s->walk.add = stream_rand(&s->rng_off) | 1;
	s->walk.state = stream_rand(&s->rng_off) & s->walk.mask;
}

static u64 stream_walk(struct stream *s)
{
	u64 y;

	if (s->walk.given == s->walk.nr)
		stream_walk_begin(s);
	do {
		s->walk.state = (s->walk.state * s->walk.mult + s->walk.add) & s->walk.mask;
		y = s->walk.state;
		y ^= y >> s->walk.shift;
		y = (y * 0x9e3779b97f4a7c15ull) & s->walk.mask;
		y ^= y >> s->walk.shift;
	} while (y >= s->walk.nr);
	s->walk.given++;
	return y;
}

/**
 * stream_init - the stream of one clone of a job
 * @s: to be set
 * @job: outlives it; checked by the caller: sizes fit the region
 * @clone: number of the clone, from 0
 * @max_ios: 0: as many as the job wants
 *
 * Context: any.
 */
void stream_init(struct stream *s, const struct lab_job *job, unsigned int clone, u64 max_ios)
{
	u64 seed = lab_mix64(lab_mix64(job->randseed) + clone);
	u32 bs = stream_max_bytes(job);
	int d, first = job->rw == LAB_JOB_WRITE ? LAB_WRITE : LAB_READ;

	s->job = job;
	s->rng_off = lab_mix64(seed + 1);
	s->rng_mix = lab_mix64(seed + 2);
	s->rng_bs = lab_mix64(seed + 3);
	s->next[LAB_READ] = s->next[LAB_WRITE] = job->offset_bytes;
	s->bytes_left = job->io_size_bytes ? job->io_size_bytes : job->size_bytes;
	s->ios_left = ~0ull;
	if (job->number_ios)
		s->ios_left = job->number_ios;
	if (max_ios)
		s->ios_left = min(s->ios_left, max_ios);
	s->permuted = job->random;
	for (d = 0; d < 2; d++)
		if (job->rw == LAB_JOB_RW || d == first)
			s->permuted = s->permuted && job->nr_bssplit[d] == 1 &&
				      job->bssplit[d][0].bytes == bs;
	if (!s->permuted)
		return;
	s->walk.nr = job->size_bytes / bs;
	s->walk.mask = roundup_pow_of_two(max_t(u64, s->walk.nr, 2)) - 1;
	s->walk.shift = (ilog2(s->walk.mask) + 2) / 2;
	stream_walk_begin(s);
}

static u32 stream_size(struct stream *s, enum lab_rw rw)
{
	const struct lab_bssplit *split = s->job->bssplit[rw];
	u32 i, nr = s->job->nr_bssplit[rw], roll;

	if (nr == 1)
		return split->bytes;
	roll = stream_below(&s->rng_bs, 100);
	for (i = 0; i + 1 < nr; i++) {
		if (roll < split[i].percent)
			break;
		roll -= split[i].percent;
	}
	return split[i].bytes;
}

/**
 * stream_next - the next IO
 * @s: the stream
 * @op: set when there is one
 *
 * Context: any. Return: false at the end.
 */
bool stream_next(struct stream *s, struct stream_op *op)
{
	const struct lab_job *job = s->job;

	if (!s->ios_left || !s->bytes_left)
		return false;
	if (job->rw == LAB_JOB_RW)
		op->rw = stream_below(&s->rng_mix, 100) < job->rwmixread ? LAB_READ : LAB_WRITE;
	else
		op->rw = job->rw == LAB_JOB_READ ? LAB_READ : LAB_WRITE;
	op->len_bytes = stream_size(s, op->rw);
	if (s->permuted) {
		op->pos = job->offset_bytes + stream_walk(s) * op->len_bytes;
	} else if (job->random) {
		op->pos = job->offset_bytes +
			  stream_below(&s->rng_off, job->size_bytes / op->len_bytes) * op->len_bytes;
	} else {
		if (s->next[op->rw] + op->len_bytes > job->offset_bytes + job->size_bytes)
			s->next[op->rw] = job->offset_bytes;
		op->pos = s->next[op->rw];
		s->next[op->rw] += op->len_bytes;
	}
	s->ios_left--;
	s->bytes_left -= min_t(u64, s->bytes_left, op->len_bytes);
	return true;
}
