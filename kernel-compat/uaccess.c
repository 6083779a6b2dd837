// SPDX-License-Identifier: GPL-2.0-only
/*
 * uaccess.c - copies to and from user memory.
 *
 * Every copy checks its range, then goes page by page: walk to the frame, hold it, copy through the
 * linear map, let go. So it ends at the exact byte where the first page without the needed access
 * begins, never touches the user address itself, and a kernel address is refused before anything is
 * looked at. The walk's reference is what the running instruction is on real hardware: it is neither a
 * probe's nor an audit's business.
 */
#include <linux/kernel.h>
#include <linux/bug.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include "mm-internal.h"

enum copy { COPY_FROM, COPY_TO, COPY_ZERO, COPY_TOUCH_READ, COPY_TOUCH_WRITE };

static void copy_part(enum copy how, char *frame, char *kernel, size_t len_bytes)
{
	switch (how) {
	case COPY_FROM:
		memcpy(kernel, frame, len_bytes);
		break;
	case COPY_TO:
		memcpy(frame, kernel, len_bytes);
		break;
	case COPY_ZERO:
		memset(frame, 0, len_bytes);
		break;
	case COPY_TOUCH_READ:
	case COPY_TOUCH_WRITE:
		break;
	}
}

/* Bytes done from @uaddr on. */
static size_t user_copy(enum copy how, unsigned long uaddr, char *kernel, size_t len_bytes, bool may_fault)
{
	bool write = how == COPY_TO || how == COPY_ZERO || how == COPY_TOUCH_WRITE;
	struct mm_struct *mm = current->mm;
	size_t done = 0;

	BUG_ON(!mm);
	while (done < len_bytes) {
		unsigned long addr = uaddr + done;
		size_t part = min_t(size_t, len_bytes - done, PAGE_SIZE - offset_in_page(addr));
		struct page *page;
		int err;

		page = kc_user_grab(mm, addr, write, KC_REF_ONE, may_fault, &err);
		if (unlikely(!page))
			break;
		copy_part(how, (char *)page_address(page) + offset_in_page(addr), kernel + done, part);
		kc_user_drop(page, KC_REF_ONE);
		done += part;
	}
	return done;
}

/* The common part of all copies: bytes done. */
static size_t copy_checked(enum copy how, const void __user *uaddr, void *kernel, size_t len_bytes,
			   bool may_fault)
{
	size_t may = len_bytes, done;

	if (unlikely(!access_ok(uaddr, len_bytes)))
		return 0;
	if (may_fault && pagefault_disabled())
		may_fault = false;
	if (may_fault)
		might_sleep();
	if (unlikely(kc_fault_is_armed(KC_FAULT_UCOPY)))
		may = kc_fault_units(KC_FAULT_UCOPY, len_bytes);
	done = user_copy(how, (__force unsigned long)uaddr, kernel, may, may_fault);
	lab_probe_add(COPY_BYTES, done);
	return done;
}

/**
 * copy_from_user() - read user memory
 * @to: kernel memory
 * @from: user address of current
 * @n: bytes
 *
 * What could not be read is zeroed in @to.
 *
 * Context: task, may sleep; under pagefault_disable() any, and then only present pages are read.
 * Return: bytes not copied.
 */
unsigned long copy_from_user(void *to, const void __user *from, unsigned long n)
{
	size_t done = copy_checked(COPY_FROM, from, to, n, true);

	if (unlikely(done < n))
		memset((char *)to + done, 0, n - done);
	return n - done;
}

/**
 * copy_to_user() - write user memory
 * @to: user address of current
 * @from: kernel memory
 * @n: bytes
 *
 * Context: as copy_from_user(). Return: bytes not copied.
 */
unsigned long copy_to_user(void __user *to, const void *from, unsigned long n)
{
	return n - copy_checked(COPY_TO, to, (void *)from, n, true);
}

/**
 * clear_user() - zero user memory
 * @to: user address of current
 * @n: bytes
 *
 * Context: as copy_from_user(). Return: bytes not zeroed.
 */
unsigned long clear_user(void __user *to, unsigned long n)
{
	return n - copy_checked(COPY_ZERO, to, NULL, n, true);
}

/**
 * copy_from_user_inatomic() - read user memory that is present
 * @to: kernel memory; untouched beyond what was copied
 * @from: user address of current
 * @n: bytes
 *
 * Context: any. Return: bytes not copied.
 */
unsigned long copy_from_user_inatomic(void *to, const void __user *from, unsigned long n)
{
	return n - copy_checked(COPY_FROM, from, to, n, false);
}

/**
 * copy_to_user_inatomic() - write user memory that is present
 * @to: user address of current
 * @from: kernel memory
 * @n: bytes
 *
 * Context: any. Return: bytes not copied.
 */
unsigned long copy_to_user_inatomic(void __user *to, const void *from, unsigned long n)
{
	return n - copy_checked(COPY_TO, to, (void *)from, n, false);
}

/* Is a page fault of this context handled, so that the access goes on once the page is there? */
static bool faults_are_handled(void)
{
	return !pagefault_disabled() && !in_atomic();
}

/**
 * raw_copy_from_user() - read user memory, as the instructions in a copy do
 * @to: kernel memory; untouched beyond what was copied
 * @from: user address of current
 * @n: bytes; the caller has checked their range
 *
 * Context: any; may sleep, unless atomic or under pagefault_disable(): then only present pages are read.
 * Return: bytes not copied.
 */
unsigned long raw_copy_from_user(void *to, const void __user *from, unsigned long n)
{
	KC_BUG_ON(!access_ok(from, n), "raw_copy_from_user: the range was not checked");
	return n - copy_checked(COPY_FROM, from, to, n, faults_are_handled());
}

/**
 * raw_copy_to_user() - write user memory, as the instructions in a copy do
 * @to: user address of current
 * @from: kernel memory
 * @n: bytes; the caller has checked their range
 *
 * Context: as raw_copy_from_user(). Return: bytes not copied.
 */
unsigned long raw_copy_to_user(void __user *to, const void *from, unsigned long n)
{
	KC_BUG_ON(!access_ok(to, n), "raw_copy_to_user: the range was not checked");
	return n - copy_checked(COPY_TO, to, (void *)from, n, faults_are_handled());
}

/**
 * __copy_from_user_inatomic_nocache() - raw_copy_from_user() for data that will not be read again soon
 * @to: kernel memory; untouched beyond what was copied
 * @from: user address of current
 * @n: bytes; checked here
 *
 * Context: as raw_copy_from_user(). Return: bytes not copied.
 */
unsigned long __copy_from_user_inatomic_nocache(void *to, const void __user *from, unsigned long n)
{
	return n - copy_checked(COPY_FROM, from, to, n, faults_are_handled());
}

/* Bytes from the first page on that could not be made ready. Nothing is copied, so nothing is counted. */
static size_t fault_in(enum copy how, const void __user *uaddr, size_t size)
{
	if (unlikely(!size))
		return 0;
	if (unlikely(!access_ok(uaddr, size)))
		return size;
	might_sleep();
	return size - user_copy(how, (__force unsigned long)uaddr, NULL, size, true);
}

/**
 * fault_in_readable() - make user memory present for reading
 * @uaddr: user address of current
 * @size: bytes
 *
 * Context: task, may sleep. Return: bytes, from the first failure on, that cannot be read.
 */
size_t fault_in_readable(const char __user *uaddr, size_t size)
{
	return fault_in(COPY_TOUCH_READ, uaddr, size);
}

/**
 * fault_in_writeable() - make user memory present for writing
 * @uaddr: user address of current
 * @size: bytes
 *
 * Marks it dirty, since Linux's version stores to each page.
 *
 * Context: task, may sleep. Return: bytes, from the first failure on, that cannot be written.
 */
size_t fault_in_writeable(char __user *uaddr, size_t size)
{
	return fault_in(COPY_TOUCH_WRITE, uaddr, size);
}

/**
 * fault_in_safe_writeable() - the same, for callers whose own access must not be what faults
 * @uaddr: user address of current
 * @size: bytes
 *
 * Context: task, may sleep. Return: bytes, from the first failure on, that cannot be written.
 */
size_t fault_in_safe_writeable(const char __user *uaddr, size_t size)
{
	return fault_in(COPY_TOUCH_WRITE, uaddr, size);
}

#ifdef KC_DEBUG
/**
 * kc_might_fault_at() - might_fault(): complain where a page fault could not be handled
 * @file: place
 * @line: place
 */
void kc_might_fault_at(const char *file, int line)
{
	if (!pagefault_disabled())
		kc_might_sleep_at(file, line);
}
#endif

/**
 * pagefault_enable() - end of a part that must not populate pages
 */
void pagefault_enable(void)
{
	BUG_ON(!current->pagefault_disabled);
	current->pagefault_disabled--;
}
