// SPDX-License-Identifier: GPL-2.0-only
/*
 * page-tree.c - the pages of an inode by index: a tree of fixed height with LAB_NODE_SLOTS a node.
 *
 * Nodes come with the first page below them and go with the last. All of it under cache->lock, so memory for
 * a node is taken without waiting. As many nodes as one page may need are kept aside: with them a tree that was
 * emptied can always take a page. What a page is, page.c knows.
 */
#include <linux/bug.h>
#include <linux/errno.h>
#include <linux/slab.h>
#include "fs-internal.h"

#define NODE_MASK	(LAB_NODE_SLOTS - 1)

/**
 * lab_cache_next - the first page in [index, last]
 * @cache: locked
 * @index: where to begin
 * @last: the last that counts; beyond the largest file: as far as there are pages
 *
 * Context: any. Return: NULL: none.
 */
struct page *lab_cache_next(struct lab_page_cache *cache, pgoff_t index, pgoff_t last)
{
	while (index <= last) {
		unsigned int shift = LAB_NODE_SHIFT * LAB_NODE_LEVELS;
		void *entry = cache->root;

		if (index >> shift)
			return NULL;
		while (entry && shift) {
			shift -= LAB_NODE_SHIFT;
			entry = ((struct lab_page_node *)entry)->slot[index >> shift & NODE_MASK];
		}
		if (entry)
			return entry;
		index = (index | ((1ul << shift) - 1)) + 1;	/* over the whole of what is missing */
	}
	return NULL;
}

/**
 * lab_cache_node_alloc - a node with nothing in it
 * @gfp: may it wait
 *
 * Return: NULL: no memory.
 */
struct lab_page_node *lab_cache_node_alloc(gfp_t gfp)
{
	return kzalloc(sizeof(struct lab_page_node), gfp | __GFP_NOWARN);
}

static struct lab_page_node *node_get(struct lab_page_cache *cache)
{
	struct lab_page_node *node = lab_cache_node_alloc(GFP_ATOMIC);

	return node || !cache->nr_spare ? node : cache->spare[--cache->nr_spare];
}

/* @node has nothing in it. */
static void node_free(struct lab_page_cache *cache, struct lab_page_node *node)
{
	if (cache->nr_spare < LAB_NODE_LEVELS)
		cache->spare[cache->nr_spare++] = node;
	else
		kfree(node);
}

/* Take out nodes on the way to @index that have no slot in use, from the bottom. */
static void cache_prune(struct lab_page_cache *cache, pgoff_t index)
{
	struct lab_page_node *path[LAB_NODE_LEVELS], *node = cache->root;
	unsigned int shift = LAB_NODE_SHIFT * LAB_NODE_LEVELS, depth = 0;

	while (node && depth < LAB_NODE_LEVELS) {
		path[depth++] = node;
		shift -= LAB_NODE_SHIFT;
		if (depth < LAB_NODE_LEVELS)
			node = node->slot[index >> shift & NODE_MASK];
	}
	while (depth-- && !path[depth]->nr) {
		node_free(cache, path[depth]);
		if (!depth) {
			cache->root = NULL;
			return;
		}
		shift = LAB_NODE_SHIFT * (LAB_NODE_LEVELS - depth);
		path[depth - 1]->slot[index >> shift & NODE_MASK] = NULL;
		path[depth - 1]->nr--;
	}
}

/**
 * lab_cache_insert - put a page where there is none
 * @cache: locked
 * @index: where, below LAB_MAX_FILE_BYTES
 * @page: the page; no reference is taken here
 *
 * Context: any. Return: 0; -EEXIST; -ENOMEM, with nothing changed.
 */
int lab_cache_insert(struct lab_page_cache *cache, pgoff_t index, struct page *page)
{
	unsigned int shift = LAB_NODE_SHIFT * LAB_NODE_LEVELS;
	struct lab_page_node *node;
	void **slot;

	BUG_ON(index >> shift);
	if (!cache->root)
		cache->root = node_get(cache);
	for (node = cache->root; node; node = *slot) {
		shift -= LAB_NODE_SHIFT;
		slot = &node->slot[index >> shift & NODE_MASK];
		if (*slot && !shift)
			return -EEXIST;
		if (!*slot) {
			*slot = shift ? (void *)node_get(cache) : page;
			node->nr += *slot != NULL;
		}
		if (!shift)
			return 0;
	}
	cache_prune(cache, index);
	return -ENOMEM;
}

/**
 * lab_cache_remove - take a page out
 * @cache: locked
 * @index: where it is
 * @page: what is there
 *
 * Context: any.
 */
void lab_cache_remove(struct lab_page_cache *cache, pgoff_t index, struct page *page)
{
	struct lab_page_node *node = cache->root;
	unsigned int shift;

	for (shift = LAB_NODE_SHIFT * (LAB_NODE_LEVELS - 1); shift; shift -= LAB_NODE_SHIFT)
		node = node->slot[index >> shift & NODE_MASK];
	BUG_ON(node->slot[index & NODE_MASK] != page);
	node->slot[index & NODE_MASK] = NULL;
	node->nr--;
	cache_prune(cache, index);
}
