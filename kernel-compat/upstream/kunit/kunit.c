// SPDX-License-Identifier: GPL-2.0-only
/*
 * kunit.c - the runner behind kunit/test.h: one case after the other, reported as KTAP version 1.
 *
 * A case that stops the program (a BUG, a sanitizer) has no result line, and the plan says how many there should be:
 * so kunit.py sees it, and so does who looks at the exit status.
 */
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <kunit/test.h>
#include "../k.h"
#include "kunit-bridge.h"
#include "kunit-mem.h"

#define LINE_BYTES	192

struct kunit_undo {
	void (*action)(void *arg);
	void *arg;
	struct kunit_undo *next;
};

static __printf(1, 2) void say(const char *fmt, ...)
{
	char line[LINE_BYTES];
	va_list args;

	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	upl_print(line);
}

/* ---- what a case calls --------------------------------------------------------------------------------------- */

int kunit_add_action_or_reset(struct kunit *test, void (*action)(void *arg), void *arg)
{
	struct kunit_undo *undo = kmalloc(sizeof(*undo), GFP_KERNEL);

	if (!undo) {
		action(arg);
		return -ENOMEM;
	}
	*undo = (struct kunit_undo){ action, arg, test->undo };
	test->undo = undo;
	return 0;
}

static void undo_kfree(void *arg)
{
	kfree(arg);
}

void *kunit_kcalloc(struct kunit *test, size_t n, size_t bytes, gfp_t gfp)
{
	void *p = kcalloc(n, bytes, gfp);

	if (!p || kunit_add_action_or_reset(test, undo_kfree, p))
		return NULL;
	return p;
}

void kunit_failed(struct kunit *test, const struct kunit_check *c, long long left, long long right)
{
	const char *file = strstr(c->file, "/lib/");

	test->status = KUNIT_FAILURE;
	say("    # %s: %s FAILED at %s:%d", test->name, c->assert ? "ASSERTION" : "EXPECTATION", file ? file + 1 : c->file,
	    c->line);
	say("    Expected %s %s %s, but they are", c->left, c->op, c->right);
	say("        %lld (0x%llx) and %lld (0x%llx)", left, left, right, right);
}

void kunit_say(struct kunit *test, const char *fmt, ...)
{
	char line[LINE_BYTES];
	va_list args;

	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	say("    %s", line);
}

void kunit_end_case(struct kunit *test)
{
	__builtin_longjmp(test->end, 1);
}

/* ---- running ----------------------------------------------------------------------------------------------------- */

static noinline void case_body(struct kunit *test, const struct kunit_case *c)
{
	if (!__builtin_setjmp(test->end))
		c->run_case(test);
}

/* True: it passed. A case that looks at nothing has not. @left: pages that it has not freed are added. */
static bool case_run(const struct kunit_case *c, unsigned int nr, unsigned int *left)
{
	struct kunit test = { .name = c->name };
	struct kunit_undo *undo;

	case_body(&test, c);
	while ((undo = test.undo)) {
		test.undo = undo->next;
		undo->action(undo->arg);
		kfree(undo);
	}
	*left += kunit_mem_end_case();
	if (!test.checks)
		test.status = KUNIT_FAILURE;
	say("    %s %u %s", test.status == KUNIT_SUCCESS ? "ok" : "not ok", nr, c->name);
	return test.status == KUNIT_SUCCESS;
}

static unsigned int suite_run(const struct kunit_suite *s)
{
	unsigned int nr = 0, failed = 0, left = 0, i;

	while (s->test_cases[nr].run_case)
		nr++;
	say("    KTAP version 1");
	say("    # Subtest: %s", s->name);
	say("    1..%u", nr);
	for (i = 0; i < nr; i++)
		failed += !case_run(&s->test_cases[i], i + 1, &left);
	say("# %s: pass:%u fail:%u skip:0 total:%u", s->name, nr - failed, failed, nr);
	if (left)
		say("# %s: %u pages were left of areas with VM_MAP_PUT_PAGES: vunmap() does not free them", s->name, left);
	return nr ? failed : 1;
}

static void kunit_task(void *arg)
{
	int *failed = arg;
	unsigned int nr = 0, i, bad;

	while (kunit_suites[nr])
		nr++;
	say("KTAP version 1");
	say("1..%u", nr);
	for (i = 0; i < nr; i++) {
		bad = suite_run(kunit_suites[i]);
		*failed += bad;
		say("%s %u %s", bad ? "not ok" : "ok", i + 1, kunit_suites[i]->name);
	}
	if (!nr)
		*failed = -1;
}

int upk_kunit(void)
{
	int failed = 0;

	up_task_call(kunit_task, &failed, false);
	return failed;
}
