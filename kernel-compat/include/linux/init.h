/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * init.h - initcalls: run by kc_world_begin(), in the first task, level by level; exitcalls by
 * kc_world_end(), in the opposite order. An initcall runs once a world and must not rely on what an
 * abandoned world has left in its variables.
 */
#ifndef _LINUX_INIT_H
#define _LINUX_INIT_H

#include <linux/compiler.h>

typedef int (*initcall_t)(void);	/* 0 or -errno; an error stops kc_world_begin() */
typedef void (*exitcall_t)(void);

#define __init
#define __exit
#define __initdata

#define __kc_define_initcall(fn, level)							\
	static const initcall_t __UNIQUE_ID(initcall) __used				\
		__section("kc_initcalls_" #level) = fn

#define core_initcall(fn)	__kc_define_initcall(fn, 1)
#define subsys_initcall(fn)	__kc_define_initcall(fn, 4)
#define fs_initcall(fn)		__kc_define_initcall(fn, 5)
#define device_initcall(fn)	__kc_define_initcall(fn, 6)
#define module_init(fn)		device_initcall(fn)

#define module_exit(fn)									\
	static const exitcall_t __UNIQUE_ID(exitcall) __used __section("kc_exitcalls") = fn

#endif
