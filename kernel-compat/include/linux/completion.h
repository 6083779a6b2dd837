/* SPDX-License-Identifier: GPL-2.0-only */
/* completion.h - wait for something that happens once, or n times. */
#ifndef _LINUX_COMPLETION_H
#define _LINUX_COMPLETION_H

#include <linux/limits.h>
#include <linux/wait.h>

struct completion {
	unsigned int done;		/* UINT_MAX: complete_all() */
	struct wait_queue_head wait;
};

#define COMPLETION_INITIALIZER(name)	{ .wait = __WAIT_QUEUE_HEAD_INITIALIZER(name.wait) }
#define COMPLETION_INITIALIZER_ONSTACK(name) ({ init_completion(&name); name; })
#define DECLARE_COMPLETION(name)	struct completion name = COMPLETION_INITIALIZER(name)
/* Of the class of its place in the source, not of its address. */
#define DECLARE_COMPLETION_ONSTACK(name)						\
	static struct lock_class_key __PASTE(__key_, name);				\
	struct completion name = { .done = 0 };						\
	kc_init_completion(&name, #name, &__PASTE(__key_, name))

static inline int kc_init_completion(struct completion *x, const char *name, const void *key)
{
	x->done = 0;
	kc_init_waitqueue_head(&x->wait, name, key);
	return 0;
}

#define init_completion(x)								\
	do {										\
		static struct lock_class_key __key;					\
		kc_init_completion(x, #x, &__key);					\
	} while (0)

static inline void reinit_completion(struct completion *x)
{
	x->done = 0;
}

void complete(struct completion *x);		/* any context; @x may be gone when the waiter runs */
void complete_all(struct completion *x);
void wait_for_completion(struct completion *x);
void wait_for_completion_io(struct completion *x);
bool try_wait_for_completion(struct completion *x);
bool completion_done(struct completion *x);

#endif
