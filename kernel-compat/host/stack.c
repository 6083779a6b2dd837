// SPDX-License-Identifier: GPL-2.0-only
/*
 * stack.c - stacks that a task makes for itself, beside the one it was given.
 *
 * The kernel of some architectures finds its current task at the bottom of its stack, which is aligned to its
 * size. Code compiled for one of them runs on such stacks here: the task enters one, and comes back when the code on
 * it leaves. The checkers are told of each switch, as of those between fibers.
 */
#include <string.h>
#include <sys/mman.h>
#include "det-switch.h"
#include "host-impl.h"

#define GUARD_BYTES	4096

struct host_stack {
	struct fiber_regs regs, from;
	struct check_fiber check, from_check;
	char *map;
	size_t map_bytes, bytes;
	char *lo;
	void (*fn)(void *arg);
	void *arg;
};

/* The stack that is entered for the first time: fiber_prepare() passes no argument. */
static __thread struct host_stack *stack_starting;

static void stack_main(void)
{
	struct host_stack *s = stack_starting;

	check_fiber_enter(&s->check, &s->from_check);
	s->fn(s->arg);
	host_die("the function of a host_stack returned");
}

/**
 * host_stack_create - a stack of the calling task's own
 * @bytes: a power of two; it is aligned to that
 * @reserved: of the lowest bytes, the caller's
 * @fn: begins at the first host_stack_enter(); never returns
 * @arg: its argument
 *
 * Return: the stack, or NULL.
 */
struct host_stack *host_stack_create(host_size bytes, host_size reserved, void (*fn)(void *arg), void *arg)
{
	struct host_stack *s = host_alloc(sizeof(*s));

	if (!s)
		return NULL;
	s->map_bytes = 2 * bytes + GUARD_BYTES;
	s->map = mmap(NULL, s->map_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (s->map == MAP_FAILED) {
		host_free(s);
		return NULL;
	}
	s->lo = (char *)(((uintptr_t)s->map + GUARD_BYTES + bytes - 1) & ~(uintptr_t)(bytes - 1));
	if (mprotect(s->lo, bytes, PROT_READ | PROT_WRITE)) {
		host_stack_free(s);
		return NULL;
	}
	s->bytes = bytes;
	s->fn = fn;
	s->arg = arg;
	check_stack_fresh(s->lo, bytes);
	check_stack_register(s->lo + reserved, bytes - reserved);
	check_fiber_new(&s->check, s->lo + reserved, bytes - reserved);
	fiber_prepare(&s->regs, s->lo, bytes, stack_main);
	return s;
}

/** host_stack_lo - the lowest byte of @s */
void *host_stack_lo(struct host_stack *s)
{
	return s->lo;
}

/** host_stack_enter - go on with @s; returns when it leaves */
void host_stack_enter(struct host_stack *s)
{
	void *lo = host_self->stack_lo, *hi = host_self->stack_hi;

	stack_starting = s;
	host_self->stack_lo = s->lo;		/* host_task_stack() tells of the stack that runs */
	host_self->stack_hi = s->lo + s->bytes;
	check_fiber_here(&s->from_check);
	check_fiber_leave(&s->from_check, &s->check, false);
	fiber_switch(&s->from, &s->regs);
	check_fiber_enter(&s->from_check, &s->check);
	host_self->stack_lo = lo;
	host_self->stack_hi = hi;
}

/** host_stack_leave - back to who entered @self, the running stack; returns at the next host_stack_enter() */
void host_stack_leave(struct host_stack *self)
{
	check_fiber_leave(&self->check, &self->from_check, false);
	fiber_switch(&self->regs, &self->from);
	check_fiber_enter(&self->check, &self->from_check);
}

/** host_stack_free - the stack is not entered again */
void host_stack_free(struct host_stack *s)
{
	if (s->check.bytes)
		check_fiber_free(&s->check);
	munmap(s->map, s->map_bytes);
	host_free(s);
}
