// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sequences of errors: who is told of what, and that nothing is lost between two that ask, or when the count wraps.
 */
#include <linux/atomic.h>
#include <linux/errno.h>
#include <linux/errseq.h>
#include <linux/kernel.h>
#include <linux/sched.h>
#include <kc/world.h>
#include "host.h"
#include "lab_test.h"
#include "test_task.h"

#define SEEN	0x1000u
#define ONE	0x2000u			/* of the count */

LAB_TEST_BARE(errseq, each_of_two_is_told_once)
{
	errseq_t seq = 0, a = errseq_sample(&seq), b = errseq_sample(&seq), c;

	lab_expect_eq(errseq_check_and_advance(&seq, &a), 0);
	lab_expect_eq(errseq_set(&seq, -EIO), 0);
	lab_expect_eq(errseq_check(&seq, a), -EIO);
	lab_expect_eq(errseq_check_and_advance(&seq, &a), -EIO);
	lab_expect_eq(errseq_check_and_advance(&seq, &a), 0);
	c = errseq_sample(&seq);				/* one who comes now has missed nothing */
	lab_expect_eq(errseq_check_and_advance(&seq, &c), 0);
	lab_expect_eq(errseq_check_and_advance(&seq, &b), -EIO);
	lab_expect_eq(errseq_check_and_advance(&seq, &b), 0);
	lab_expect_eq(errseq_check_and_advance(&seq, &a), 0);	/* that b was told is no error */
}

/* To ask is not to be told, and to be told is to be the one. */
LAB_TEST_BARE(errseq, what_nobody_was_told_of_is_for_who_comes_next)
{
	errseq_t seq = 0, a = errseq_sample(&seq), b, c;

	errseq_set(&seq, -ENOSPC);
	lab_expect_eq(errseq_check(&seq, a), -ENOSPC);
	b = errseq_sample(&seq);
	lab_expect_eq(errseq_check(&seq, b), -ENOSPC);
	lab_expect_eq(errseq_check_and_advance(&seq, &b), -ENOSPC);
	c = errseq_sample(&seq);
	lab_expect_eq(errseq_check(&seq, c), 0);
	lab_expect_eq(errseq_check_and_advance(&seq, &a), -ENOSPC);
}

LAB_TEST_BARE(errseq, of_two_errors_between_questions_the_last)
{
	errseq_t seq = 0, a = errseq_sample(&seq), b = errseq_sample(&seq);

	errseq_set(&seq, -EIO);
	errseq_set(&seq, -ENOSPC);
	lab_expect_eq(errseq_check_and_advance(&seq, &a), -ENOSPC);
	errseq_set(&seq, -ENOSPC);				/* the same once more is another one */
	lab_expect_eq(errseq_check_and_advance(&seq, &a), -ENOSPC);
	errseq_set(&seq, -EIO);
	lab_expect_eq(errseq_check_and_advance(&seq, &b), -EIO);
	lab_expect_eq(errseq_check_and_advance(&seq, &b), 0);
	lab_expect_eq(errseq_check_and_advance(&seq, &a), -EIO);
}

/* The count moves where somebody was told, by one, whoever else asks; however many errors nobody was told of. */
LAB_TEST_BARE(errseq, count_moves_with_those_who_ask)
{
	errseq_t seq = 0, a = errseq_sample(&seq), b = errseq_sample(&seq);
	unsigned int i;

	for (i = 0; i < 5; i++)
		errseq_set(&seq, -EIO);
	lab_expect_eq(seq, EIO);
	lab_expect_eq(errseq_check_and_advance(&seq, &a), -EIO);
	lab_expect_eq(errseq_check_and_advance(&seq, &b), -EIO);
	lab_expect_eq(seq, EIO | SEEN);
	for (i = 0; i < 5; i++)
		errseq_set(&seq, -EIO);
	lab_expect_eq(seq, ONE + EIO);
}

/* One before the largest count, the largest, and the one that follows, which is 0. */
LAB_TEST_BARE(errseq, count_wraps)
{
	errseq_t seq = -2 * ONE + (SEEN | EIO), a = errseq_sample(&seq), b, first = a;
	unsigned int i;

	for (i = 0; i < 4; i++) {
		b = errseq_sample(&seq);
		errseq_set(&seq, i & 1 ? -EIO : -ENOSPC);
		lab_expect_eq(errseq_check(&seq, b), i & 1 ? -EIO : -ENOSPC);
		lab_expect_eq(errseq_check_and_advance(&seq, &a), i & 1 ? -EIO : -ENOSPC);
		lab_expect_eq(errseq_check_and_advance(&seq, &a), 0);
		lab_expect_eq(errseq_check(&seq, first), i & 1 ? -EIO : -ENOSPC);
		lab_expect_eq(seq >> 13, (0x7ffff + i) & 0x7ffff);
	}
}

/* After 2^19 errors that another one was told of, not one less and not one more, a sample looks new. */
LAB_TEST_BARE(errseq, a_sample_is_good_for_half_a_million_errors)
{
	errseq_t seq = SEEN | EIO, old = errseq_sample(&seq), a = old;
	unsigned int i, nr = 1u << 19;

	for (i = 1; i <= nr + 1; i++) {
		errseq_set(&seq, -EIO);
		errseq_check_and_advance(&seq, &a);
		if (i < 3 || i + 3 > nr)
			lab_expect_eq(errseq_check(&seq, old), i == nr ? 0 : -EIO);
	}
}

LAB_TEST(errseq, what_is_no_error_changes_nothing)
{
	errseq_t seq = SEEN | EIO;

	kc_expect_warn("is not an error", 3);
	errseq_set(&seq, 0);
	errseq_set(&seq, 1);
	errseq_set(&seq, -4096);
	lab_expect_eq(seq, SEEN | EIO);
	errseq_set(&seq, -4095);
	lab_expect_eq(seq, ONE + 4095);
}

/* ---- against a list of errors and of who was told ------------------------------------------------- */

#define NR_ASKERS	3u

/* @told: errors there had been when this one was told last; ~0: it samples while nobody has been told of the last */
struct asker {
	errseq_t since;
	u64 told;
};

LAB_TEST_BARE(errseq, as_if_each_error_had_a_list_of_who_was_told)
{
	static const int errors[] = { -EIO, -ENOSPC, -1, -4095 };
	u64 x = lab_test_base_seed(), nr = 0, steps;
	struct asker asker[NR_ASKERS] = { };
	bool seen = true;
	errseq_t seq = 0;
	int last = 0;

	lab_test_seed(x);
	for (steps = lab_test_slow() ? 2000 : 100000; steps; steps--) {
		struct asker *a = &asker[(x >> 40) % NR_ASKERS];
		int want = a->told != nr ? last : 0;

		switch ((x >> 50) % 4) {
		case 0:
			last = errors[(x >> 60) % 4];
			errseq_set(&seq, last);
			nr++;
			seen = false;
			break;
		case 1:
			a->since = errseq_sample(&seq);
			a->told = seen ? nr : ~0ull;
			break;
		case 2:
			lab_expect_eq(errseq_check(&seq, a->since), want);
			break;
		default:
			lab_expect_eq(errseq_check_and_advance(&seq, &a->since), want);
			a->told = nr;
			seen |= want != 0;
		}
		x = x * 6364136223846793005ull + 1442695040888963407ull;
	}
}

/* ---- at once --------------------------------------------------------------------------------------- */

#define NR_SETS		4u

struct crowd {
	errseq_t seq;
	atomic_t done;
};

/* Each error is another one, so that it can be seen which was told last. */
static int crowd_sets(void *arg)
{
	struct crowd *c = arg;
	int i;

	for (i = 1; i <= NR_SETS; i++) {
		errseq_set(&c->seq, -i);
		yield();
	}
	atomic_set(&c->done, 1);
	return 0;
}

/* None falls between a question and the new sample: so the last one is told, and after it there is no other. */
static int crowd_asks(void *arg)
{
	struct crowd *c = arg;
	errseq_t since = 0;
	int told = 0, last = 0, err, done;

	do {
		done = atomic_read(&c->done);
		err = errseq_check_and_advance(&c->seq, &since);
		last = err ?: last;
		told += err != 0;
		yield();
	} while (!done);
	lab_expect_eq(last, -(int)NR_SETS);
	lab_expect_le(told, NR_SETS);
	lab_expect_eq(errseq_check(&c->seq, since), 0);
	return 0;
}

static void crowd_run(void *arg)
{
	struct crowd c = { .done = ATOMIC_INIT(0) };
	struct test_task task[4];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(task); i++)
		test_task_run(&task[i], i == 2 ? crowd_sets : crowd_asks, &c, "crowd");
	for (i = 0; i < ARRAY_SIZE(task); i++)
		test_task_join(&task[i]);
	lab_expect_eq(c.seq & 0x1fff, SEEN | NR_SETS);
}

LAB_TEST_BARE(errseq, none_is_lost_on_any_schedule)
{
	struct kc_world_opts opts = { .ram_bytes = 8 << 20 };
	u64 seed, nr = lab_test_slow() ? 10 : 200;
	int failures;

	for (seed = 0; seed < nr; seed++) {
		lab_test_seed(seed);
		failures = -1;
		lab_expect_eq(kc_run(host_engine_built(HOST_DET) && seed % 8, seed, &opts, crowd_run, NULL, &failures),
			      KC_RUN_DONE);
		lab_expect_eq(failures, 0);
	}
}
