// SPDX-License-Identifier: GPL-2.0-only
/*
 * lockdep.c - lock order and ownership, in check builds.
 *
 * A class is (key, depth); its number indexes a matrix of edges: bit [a][b] says that b was once
 * taken with a held, and the two sites of the first time are kept. Almost every acquisition meets
 * only known edges: a relaxed load each, no lock. A new edge is entered under kc_lockdep_word after
 * a search for a path back; if there is one, the order is wrong somewhere, and both places are
 * named. Like the kernel's checker, this needs one run through each order, not the deadlock itself.
 *
 * Everything is of one world: classes are counted anew, and what a lock remembers of its class
 * carries the world's generation.
 */
#include <linux/bitops.h>
#include <linux/kernel.h>
#include <linux/lockdep.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <kc/facility.h>

#ifdef KC_DEBUG
struct kc_lock_class {
	const void *key;
	const char *name;
	unsigned int depth;
};

struct kc_lock_edge {
	const char *held_site, *taken_site;
};

static struct kc_lock_class kc_classes[KC_LOCK_MAX_CLASSES];
static unsigned int kc_nr_classes;
static unsigned long kc_edges[KC_LOCK_MAX_CLASSES][BITS_TO_LONGS(KC_LOCK_MAX_CLASSES)];
static struct kc_lock_edge kc_edge_sites[KC_LOCK_MAX_CLASSES][KC_LOCK_MAX_CLASSES];
static unsigned int kc_lockdep_gen;
static int kc_lockdep_word;		/* guards all of the above but single bits of kc_edges */

static const char *kc_site(const char *site)
{
	return site ? site : "(no site)";
}

/** kc_lock_map_init - a lock of class (@key, depth 0); @key NULL: a class of its own */
void kc_lock_map_init(struct lockdep_map *map, const char *name, const void *key)
{
	map->key = key;
	map->name = name;
	map->depth = 0;
	map->cached = 0;
}

static unsigned int kc_class_find(const void *key, unsigned int depth, const char *name)
{
	unsigned int i;

	kc_word_lock(&kc_lockdep_word, NULL);
	for (i = 0; i < kc_nr_classes; i++) {
		if (kc_classes[i].key == key && kc_classes[i].depth == depth)
			break;
	}
	if (i == kc_nr_classes) {
		KC_BUG_ON(i == KC_LOCK_MAX_CLASSES, "more than %d lock classes", KC_LOCK_MAX_CLASSES);
		kc_classes[i] = (struct kc_lock_class){ .key = key, .name = name, .depth = depth };
		kc_nr_classes++;
	}
	kc_word_unlock(&kc_lockdep_word);
	return i;
}

static unsigned int kc_class_of(struct lockdep_map *map, unsigned int subclass)
{
	unsigned int cached = READ_ONCE(map->cached), id;

	if (!subclass && cached >> 16 == kc_lockdep_gen)
		return cached & 0xffff;
	id = kc_class_find(map->key ? map->key : map, map->depth + subclass, map->name);
	if (!subclass)
		WRITE_ONCE(map->cached, kc_lockdep_gen << 16 | id);
	return id;
}

static bool kc_edge_known(unsigned int from, unsigned int to)
{
	return READ_ONCE(kc_edges[from][BIT_WORD(to)]) & BIT_MASK(to);
}

/* Under kc_lockdep_word: fill @via so that via[x] precedes x on a path from @from, if @to can be reached. */
static bool kc_edge_path(unsigned int from, unsigned int to, u16 *via)
{
	static u16 queue[KC_LOCK_MAX_CLASSES];
	static bool seen[KC_LOCK_MAX_CLASSES];
	unsigned int head = 0, tail = 0, next;

	memset(seen, 0, sizeof(seen));
	queue[tail++] = (u16)from;
	seen[from] = true;
	while (head < tail) {
		unsigned int at = queue[head++];

		for_each_set_bit(next, kc_edges[at], kc_nr_classes) {
			if (seen[next])
				continue;
			seen[next] = true;
			via[next] = (u16)at;
			if (next == to)
				return true;
			queue[tail++] = (u16)next;
		}
	}
	return false;
}

static void kc_print_edge(unsigned int from, unsigned int to)
{
	const struct kc_lock_edge *e = &kc_edge_sites[from][to];

	printk("  %s (depth %u) taken at %s with %s (depth %u) held since %s", kc_classes[to].name,
	       kc_classes[to].depth, kc_site(e->taken_site), kc_classes[from].name, kc_classes[from].depth,
	       kc_site(e->held_site));
}

static void kc_edge_add(const struct kc_held *held, unsigned int to, const char *site)
{
	static u16 via[KC_LOCK_MAX_CLASSES];
	unsigned int from = held->class_id, at;

	kc_word_lock(&kc_lockdep_word, NULL);
	if (kc_edge_path(to, from, via)) {
		printk("lock order cycle: now %s (depth %u) is taken at %s with %s (depth %u) held "
		       "since %s; before:", kc_classes[to].name, kc_classes[to].depth, kc_site(site),
		       kc_classes[from].name, kc_classes[from].depth, kc_site(held->site));
		for (at = from; at != to; at = via[at])
			kc_print_edge(via[at], at);
		kc_bug(__FILE__, __LINE__, "lock order cycle");
	}
	kc_edge_sites[from][to] = (struct kc_lock_edge){ .held_site = held->site, .taken_site = site };
	WRITE_ONCE(kc_edges[from][BIT_WORD(to)], kc_edges[from][BIT_WORD(to)] | BIT_MASK(to));
	kc_word_unlock(&kc_lockdep_word);
}

static void kc_check_order(const struct kc_held *held, const void *lock, unsigned int id, const char *site)
{
	if (held->class_id == id)
		kc_bug(__FILE__, __LINE__,
		       "recursive locking: %s (depth %u) wanted at %s; %s is held since %s",
		       kc_classes[id].name, kc_classes[id].depth, kc_site(site),
		       held->lock == lock ? "this very lock" : "another lock of that class",
		       kc_site(held->site));
	if (!kc_edge_known(held->class_id, id))
		kc_edge_add(held, id, site);
}

/**
 * kc_lock_acquire - current is about to take a lock, or has just got it with a try-lock
 * @map: the lock's
 * @subclass: added to its depth
 * @flags: KC_LOCK_*
 * @site: of the caller
 *
 * BUGs on recursion (shared locks too: a writer may be waiting between the two), on an order that
 * closes a cycle, and on more than KC_MAX_HELD_LOCKS locks. Context: any.
 */
void kc_lock_acquire(struct lockdep_map *map, unsigned int subclass, unsigned int flags, const char *site)
{
	struct task_struct *me = current;
	unsigned int id, i;

	if (!me)
		return;
	id = kc_class_of(map, subclass);
	if (!(flags & KC_LOCK_TRY)) {
		for (i = 0; i < me->kc_nr_held; i++)
			kc_check_order(&me->kc_held[i], map, id, site);
	}
	KC_BUG_ON(me->kc_nr_held == KC_MAX_HELD_LOCKS, "more than %d locks held", KC_MAX_HELD_LOCKS);
	me->kc_held[me->kc_nr_held++] = (struct kc_held){
		.lock = map, .class_id = id, .flags = flags, .site = site,
	};
}

/**
 * kc_lock_release - current is about to release a lock; BUGs if it does not hold it. In any order.
 * Context: any.
 */
void kc_lock_release(struct lockdep_map *map, const char *site)
{
	struct task_struct *me = current;
	unsigned int i;

	if (!me)
		return;
	for (i = me->kc_nr_held; i > 0; i--) {
		if (me->kc_held[i - 1].lock == map)
			break;
	}
	KC_BUG_ON(!i, "%s released at %s by a task that does not hold it", map->name, kc_site(site));
	for (; i < me->kc_nr_held; i++)
		me->kc_held[i - 1] = me->kc_held[i];
	me->kc_nr_held--;
}

/** kc_lock_is_held - does current hold the lock, and (if asked) not shared? */
bool kc_lock_is_held(const struct lockdep_map *map, bool exclusively)
{
	struct task_struct *me = current;
	unsigned int i;

	for (i = 0; i < me->kc_nr_held; i++) {
		if (me->kc_held[i].lock == map)
			return !exclusively || !(me->kc_held[i].flags & KC_LOCK_READ);
	}
	return false;
}

/** kc_lockdep_print_held - the locks that @task holds or waits for, newest first */
void kc_lockdep_print_held(const struct task_struct *task)
{
	unsigned int i;

	for (i = task->kc_nr_held; i > 0; i--) {
		const struct kc_held *h = &task->kc_held[i - 1];

		printk("  %s/%d holds (or, the newest, waits for) %s%s since %s", task->comm, task->pid,
		       kc_classes[h->class_id].name, h->flags & KC_LOCK_READ ? " (shared)" : "",
		       kc_site(h->site));
	}
}

/** kc_lockdep_reset - a new world: no classes, no order */
void kc_lockdep_reset(void)
{
	kc_lockdep_gen = (kc_lockdep_gen + 1) & 0xffff;
	if (!kc_lockdep_gen)
		kc_lockdep_gen = 1;
	kc_nr_classes = 0;
	kc_lockdep_word = 0;
	memset(kc_edges, 0, sizeof(kc_edges));
}
#else
/** kc_lockdep_print_held - release builds do not know */
void kc_lockdep_print_held(const struct task_struct *task)
{
}

/** kc_lockdep_reset - nothing to reset in release builds */
void kc_lockdep_reset(void)
{
}
#endif
