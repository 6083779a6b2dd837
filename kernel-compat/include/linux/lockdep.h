/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lockdep.h - lock order, ownership and misuse, in check builds (KC_DEBUG). Elsewhere all of it is nothing.
 *
 * A lock belongs to a class: (key, depth). The key is that of the place where the lock is
 * initialised (the lock itself for statically initialised ones); the depth is the nesting depth of
 * the thing it is in, 0 unless kc_lock_set_depth() says otherwise: a filesystem on a loop device on
 * a filesystem has i_rwsem at depth 1 and at depth 0, and taking one inside the other is right in
 * one order and a deadlock in the other. mutex_lock_nested() and the like add their subclass.
 *
 * Each acquisition, try-locks excepted, adds an edge from every class held to the new one; an edge
 * that closes a cycle stops the process and names the sites of both orders.
 *
 * What is not checked: a spinlock taken both in irq context and, with interrupts on, in task
 * context. In the kernel that is a deadlock; here completions run only where their task waits, and
 * no task waits with a spinlock held.
 */
#ifndef _LINUX_LOCKDEP_H
#define _LINUX_LOCKDEP_H

#include <linux/bug.h>
#include <linux/compiler.h>
#include <linux/types.h>

struct lock_class_key {
	char kc_unused;			/* only its address counts */
};

struct lockdep_map {
	const void *key;		/* NULL: the map itself */
	const char *name;
	unsigned int depth;
	unsigned int cached;		/* generation << 16 | class, for subclass 0 */
};

#define KC_LOCK_TRY	1		/* try-lock: no order is implied */
#define KC_LOCK_READ	2		/* shared */
#define KC_LOCK_SLEEPS	4		/* its holder may sleep */

#define KC_LOCK_MAX_CLASSES	256	/* in one world; BUG beyond */

#ifdef KC_DEBUG
void kc_lock_map_init(struct lockdep_map *map, const char *name, const void *key);
void kc_lock_acquire(struct lockdep_map *map, unsigned int subclass, unsigned int flags, const char *site);
void kc_lock_release(struct lockdep_map *map, const char *site);
bool kc_lock_is_held(const struct lockdep_map *map, bool exclusively);

#define __kc_dep_init(lock, name, key)		kc_lock_map_init(&(lock)->dep_map, name, key)
#define __kc_dep_acquire(lock, sub, flags, site) kc_lock_acquire(&(lock)->dep_map, sub, flags, site)
#define __kc_dep_release(lock, site)		kc_lock_release(&(lock)->dep_map, site)
#define __KC_DEP_MAP_INIT(n)			.dep_map = { .name = #n }
#define kc_lock_set_depth(lock, n)						\
	((void)((lock)->dep_map.depth = (n), (lock)->dep_map.cached = 0))
#define lockdep_set_class(lock, k)						\
	((void)((lock)->dep_map.key = (k), (lock)->dep_map.cached = 0))
#define lockdep_is_held(lock)			kc_lock_is_held(&(lock)->dep_map, false)
#define lockdep_assert_held(lock)		WARN_ON(!kc_lock_is_held(&(lock)->dep_map, false))
#define lockdep_assert_held_write(lock)		WARN_ON(!kc_lock_is_held(&(lock)->dep_map, true))
#define lockdep_assert_not_held(lock)		WARN_ON(kc_lock_is_held(&(lock)->dep_map, false))
#else
#define __kc_dep_init(lock, name, key)		((void)(key))
#define __kc_dep_acquire(lock, sub, flags, site) ((void)0)
#define __kc_dep_release(lock, site)		((void)0)
#define __KC_DEP_MAP_INIT(n)
#define kc_lock_set_depth(lock, n)		((void)(lock), (void)(n))
#define lockdep_set_class(lock, k)		((void)(lock), (void)(k))
#define lockdep_is_held(lock)			((void)(lock), 1)
#define lockdep_assert_held(lock)		((void)(lock))
#define lockdep_assert_held_write(lock)		((void)(lock))
#define lockdep_assert_not_held(lock)		((void)(lock))
#endif

#endif
