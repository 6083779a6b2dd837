/* SPDX-License-Identifier: GPL-2.0-only */
/* llist.h - lock-free stacks: many add, one takes all. */
#ifndef _LINUX_LLIST_H
#define _LINUX_LLIST_H

#include <linux/atomic.h>
#include <linux/container_of.h>

struct llist_node {
	struct llist_node *next;
};

struct llist_head {
	struct llist_node *first;
};

#define LLIST_HEAD_INIT(name)	{ NULL }
#define LLIST_HEAD(name)	struct llist_head name = LLIST_HEAD_INIT(name)

static inline void init_llist_head(struct llist_head *head)
{
	head->first = NULL;
}

static inline bool llist_empty(const struct llist_head *head)
{
	return !READ_ONCE(head->first);
}

/* True if the list was empty. */
static inline bool llist_add(struct llist_node *node, struct llist_head *head)
{
	struct llist_node *first = READ_ONCE(head->first);

	do {
		node->next = first;
	} while (!try_cmpxchg(&head->first, &first, node));
	return !first;
}

/* Newest first. */
static inline struct llist_node *llist_del_all(struct llist_head *head)
{
	return xchg(&head->first, NULL);
}

static inline struct llist_node *llist_reverse_order(struct llist_node *node)
{
	struct llist_node *done = NULL, *next;

	for (; node; node = next) {
		next = node->next;
		node->next = done;
		done = node;
	}
	return done;
}

#define llist_entry(ptr, type, member)	container_of(ptr, type, member)
#define llist_for_each_safe(pos, n, node)						\
	for ((pos) = (node); (pos) && ((n) = (pos)->next, true); (pos) = (n))

#endif
