/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bug.h - what must not happen. BUG() stops the process with file, line and the task's locks;
 * WARN() prints once a call and makes the world's audit fail, unless it was announced with kc_expect_warn().
 */
#ifndef _LINUX_BUG_H
#define _LINUX_BUG_H

#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/types.h>

void __noreturn __cold kc_bug(const char *file, int line, const char *fmt, ...) __printf(3, 4);
void __cold kc_warn(const char *file, int line, const char *fmt, ...) __printf(3, 4);

/* A kernel call that is not implemented here was called: stop with its name. */
void __noreturn __cold kc_trap(const char *name);

#define BUG()			kc_bug(__FILE__, __LINE__, "BUG()")
#define BUG_ON(cond)									\
	do {										\
		if (unlikely(cond))							\
			kc_bug(__FILE__, __LINE__, "BUG_ON(%s)", #cond);		\
	} while (0)
#define KC_BUG_ON(cond, fmt...)								\
	do {										\
		if (unlikely(cond))							\
			kc_bug(__FILE__, __LINE__, fmt);				\
	} while (0)

#define WARN(cond, fmt...) ({								\
	bool __warn = !!(cond);								\
	if (unlikely(__warn))								\
		kc_warn(__FILE__, __LINE__, fmt);					\
	unlikely(__warn); })
#define WARN_ON(cond)		WARN(cond, "WARN_ON(%s)", #cond)

/* Once a process, as in the kernel: a test that wants to see it a second time cannot. */
#define WARN_ONCE(cond, fmt...) ({							\
	static bool __warned;								\
	bool __warn_once = !!(cond);							\
	if (unlikely(__warn_once) && !__atomic_exchange_n(&__warned, true, __ATOMIC_RELAXED)) \
		kc_warn(__FILE__, __LINE__, fmt);					\
	unlikely(__warn_once); })
#define WARN_ON_ONCE(cond)	WARN_ONCE(cond, "WARN_ON_ONCE(%s)", #cond)

#ifdef KC_DEBUG
#define VM_BUG_ON(cond)		BUG_ON(cond)
#define VM_WARN_ON(cond)	WARN_ON(cond)
#else
#define VM_BUG_ON(cond)		((void)sizeof(!(cond)))
#define VM_WARN_ON(cond)	((void)sizeof(!(cond)))
#endif
#define VM_BUG_ON_PAGE(cond, page) VM_BUG_ON(cond)

#endif
