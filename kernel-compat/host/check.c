// SPDX-License-Identifier: GPL-2.0-only
/*
 * check.c - what ASan, TSan and memcheck are told about memory and stacks of our own making.
 *
 * ASan learns which bytes nobody owns (poison), memcheck also which are not yet written and which
 * blocks can leak. Both must know fibers' stacks: ASan by announcing each switch, memcheck by their
 * bounds, TSan by a handle a fiber. The kernel writes read buffers unseen by all of them: memcheck
 * is told at completion, for exactly the bytes that were read and piece by piece; a buffer that is
 * poisoned or unaddressable is reported when the transfer is queued, at the place that queued it.
 * Without a checker every function here is empty.
 */
#include <string.h>
#include "host-impl.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#endif
#ifdef KC_VALGRIND
#include <valgrind/memcheck.h>
#include <valgrind/valgrind.h>
#endif

/* --- memory that our allocators hand out ------------------------------------------------------ */

/** host_mem_noaccess - nobody may touch [@p, @p + @bytes) */
void host_mem_noaccess(const void *p, host_size bytes)
{
#ifdef __SANITIZE_ADDRESS__
	ASAN_POISON_MEMORY_REGION(p, bytes);
#endif
#ifdef KC_VALGRIND
	(void)VALGRIND_MAKE_MEM_NOACCESS(p, bytes);
#endif
}

/** host_mem_undefined - [@p, @p + @bytes) may be written, and read once written */
void host_mem_undefined(const void *p, host_size bytes)
{
#ifdef __SANITIZE_ADDRESS__
	ASAN_UNPOISON_MEMORY_REGION(p, bytes);
#endif
#ifdef KC_VALGRIND
	(void)VALGRIND_MAKE_MEM_UNDEFINED(p, bytes);
#endif
}

/** host_mem_defined - [@p, @p + @bytes) holds values */
void host_mem_defined(const void *p, host_size bytes)
{
#ifdef __SANITIZE_ADDRESS__
	ASAN_UNPOISON_MEMORY_REGION(p, bytes);
#endif
#ifdef KC_VALGRIND
	(void)VALGRIND_MAKE_MEM_DEFINED(p, bytes);
#endif
}

#ifdef KC_VALGRIND
/*
 * All objects of a run are chunks of one memcheck pool: leak-checked like malloc()'s, and forgotten
 * together when a run ends, whose abandoned tasks will never free them.
 */
static char check_pool;
static bool check_pool_made;
#endif

/**
 * host_mem_born - an object begins at @p: as malloc() to memcheck (contents undefined), unpoisoned
 * to ASan
 */
void host_mem_born(const void *p, host_size bytes)
{
#ifdef __SANITIZE_ADDRESS__
	ASAN_UNPOISON_MEMORY_REGION(p, bytes);
#endif
#ifdef KC_VALGRIND
	if (!check_pool_made)
		VALGRIND_CREATE_MEMPOOL(&check_pool, 0, 0);
	check_pool_made = true;
	VALGRIND_MEMPOOL_ALLOC(&check_pool, p, bytes);
#endif
}

/**
 * host_mem_died - the object born at @p ends; memcheck forbids its bytes, for ASan
 * host_mem_noaccess() does
 */
void host_mem_died(const void *p)
{
#ifdef KC_VALGRIND
	VALGRIND_MEMPOOL_FREE(&check_pool, p);
#endif
}

/** check_run_end - what was born in the run and has not died is gone with its RAM */
void check_run_end(void)
{
#ifdef KC_VALGRIND
	if (check_pool_made)
		VALGRIND_DESTROY_MEMPOOL(&check_pool);
	check_pool_made = false;
#endif
}

/** check_valgrind - the process runs under valgrind (known in KC_VALGRIND builds only) */
bool check_valgrind(void)
{
#ifdef KC_VALGRIND
	return RUNNING_ON_VALGRIND;
#else
	return false;
#endif
}

/* --- stacks and fibers ------------------------------------------------------------------------ */

/** check_stack_fresh - forget what an earlier, perhaps abandoned, user of the stack left poisoned */
void check_stack_fresh(void *lo, size_t bytes)
{
#ifdef __SANITIZE_ADDRESS__
	ASAN_UNPOISON_MEMORY_REGION(lo, bytes);
#endif
#ifdef KC_VALGRIND
	(void)VALGRIND_MAKE_MEM_UNDEFINED(lo, bytes);
#endif
}

/** check_stack_register - [@lo, @lo + @bytes) is a stack, for ever; returns memcheck's number for it */
unsigned int check_stack_register(void *lo, size_t bytes)
{
#ifdef KC_VALGRIND
	return VALGRIND_STACK_REGISTER(lo, (char *)lo + bytes);
#else
	return 0;
#endif
}

/** check_fiber_here - @f stands for the stack that is running; ASan tells its bounds at the first switch */
void check_fiber_here(struct check_fiber *f)
{
	memset(f, 0, sizeof(*f));
#ifdef __SANITIZE_THREAD__
	f->tsan = __tsan_get_current_fiber();
#endif
}

/** check_fiber_new - @f stands for a fiber about to start on [@lo, @lo + @bytes) */
void check_fiber_new(struct check_fiber *f, void *lo, size_t bytes)
{
	memset(f, 0, sizeof(*f));
	f->lo = lo;
	f->bytes = bytes;
#ifdef __SANITIZE_THREAD__
	f->tsan = __tsan_create_fiber(0);
#endif
}

/** check_fiber_free - the fiber of @f has ended or was abandoned; not the running one */
void check_fiber_free(struct check_fiber *f)
{
#ifdef __SANITIZE_THREAD__
	__tsan_destroy_fiber(f->tsan);
	f->tsan = NULL;
#endif
}

/**
 * check_fiber_leave - just before the switch
 * @from: the fiber that is left
 * @to: the one that is entered
 * @from_ends: @from is never entered again
 */
void check_fiber_leave(struct check_fiber *from, struct check_fiber *to, bool from_ends)
{
#ifdef __SANITIZE_ADDRESS__
	__sanitizer_start_switch_fiber(from_ends ? NULL : &from->asan_fake_stack, to->lo, to->bytes);
#endif
#ifdef __SANITIZE_THREAD__
	__tsan_switch_to_fiber(to->tsan, 0);
#endif
}

/**
 * check_fiber_enter - just after the switch, on the new stack
 * @self: the fiber that was entered
 * @from: the one that was left; its bounds are learnt if they were not known
 */
void check_fiber_enter(struct check_fiber *self, struct check_fiber *from)
{
#ifdef __SANITIZE_ADDRESS__
	const void *lo;
	size_t bytes;

	__sanitizer_finish_switch_fiber(self->asan_fake_stack, &lo, &bytes);
	if (!from->lo) {
		from->lo = lo;
		from->bytes = bytes;
	}
#endif
}

/* --- transfers -------------------------------------------------------------------------------- */

/**
 * check_io_begin - a transfer is queued: its memory must be addressable
 * @op: HOST_OP_READ or HOST_OP_WRITE; others have no memory
 * @iov: the memory
 * @nr: its segments
 */
void check_io_begin(enum host_op op, const struct host_iovec *iov, unsigned int nr)
{
#if defined(__SANITIZE_ADDRESS__) || defined(KC_VALGRIND)
	unsigned int i;

	for (i = 0; i < nr; i++) {
#ifdef __SANITIZE_ADDRESS__
		if (__asan_region_is_poisoned(iov[i].base, iov[i].len_bytes))
			host_die("a transfer was queued with memory that nobody owns (poisoned)");
#endif
#ifdef KC_VALGRIND
		(void)VALGRIND_CHECK_MEM_IS_ADDRESSABLE(iov[i].base, iov[i].len_bytes);
#endif
	}
#endif
}

/**
 * check_io_end - a transfer ended
 * @op: what it was
 * @iov: its memory
 * @nr: segments
 * @res: bytes done, or -errno; a read has defined exactly its first @res bytes
 */
void check_io_end(enum host_op op, const struct host_iovec *iov, unsigned int nr, int res)
{
#ifdef KC_VALGRIND
	size_t left_bytes = res > 0 ? (size_t)res : 0;
	unsigned int i;

	if (op != HOST_OP_READ)
		return;
	for (i = 0; i < nr && left_bytes; i++) {
		size_t n = iov[i].len_bytes < left_bytes ? iov[i].len_bytes : left_bytes;

		(void)VALGRIND_MAKE_MEM_DEFINED(iov[i].base, n);
		left_bytes -= n;
	}
#endif
}
