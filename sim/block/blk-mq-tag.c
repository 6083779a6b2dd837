// SPDX-License-Identifier: GPL-2.0-only
/*
 * blk-mq-tag.c - tags: what bounds the requests in flight, and what holds a queue open.
 *
 * A set bit is a free tag. Tags are spread over words of one cache line each; a task begins its search in
 * a word chosen by its pid, so that two tasks with room to spare share no line. Taking a tag is one
 * atomic, freeing it is one.
 *
 * Who needs to hear of freed tags (a sleeper, a freezer, requests that the driver would not take) raises
 * LAB_TAG_NOTIFY in every word. From then on tags are freed under tags->lock, with everybody told.
 * Otherwise whoever frees a tag touches nothing of the queue afterwards: it may be gone, since its last
 * tag is what held it.
 */
#include <kc/plant.h>
#include "blk.h"

/**
 * lab_tags_alloc - @nr_tags tags, with a zeroed request and @cmd_size driver bytes for each
 *
 * 0 < @nr_tags <= BLK_MQ_MAX_DEPTH. NULL: no memory. Context: task, may sleep.
 */
struct blk_mq_tags *lab_tags_alloc(unsigned int nr_tags, unsigned int cmd_size)
{
	struct blk_mq_tags *tags = kzalloc(sizeof(*tags), GFP_KERNEL);
	unsigned int i;

	if (!tags)
		return NULL;
	tags->nr_tags = nr_tags;
	tags->nr_words = roundup_pow_of_two(DIV_ROUND_UP(nr_tags, LAB_TAG_WORD_BITS));
	BUG_ON(tags->nr_words > LAB_TAG_WORDS_MAX);
	tags->bits_per_word = DIV_ROUND_UP(nr_tags, tags->nr_words);
	BUG_ON(tags->bits_per_word > LAB_TAG_WORD_BITS);
	tags->rq_bytes = ALIGN(sizeof(struct request) + cmd_size, 64);
	spin_lock_init(&tags->lock);
	init_waitqueue_head(&tags->wait);
	tags->rqs = kcalloc(nr_tags, tags->rq_bytes, GFP_KERNEL);
	if (!tags->rqs) {
		kfree(tags);
		return NULL;
	}
	for (i = 0; i < tags->nr_words; i++)
		tags->word[i].rqs = lab_tag_rq(tags, i * tags->bits_per_word);
	for (i = 0; i < nr_tags; i++) {
		struct request *rq = lab_tag_rq(tags, i);

		rq->tag = i;
		rq->tag_word = &tags->word[i / tags->bits_per_word].free;
		rq->tag_mask = 1UL << (i % tags->bits_per_word);
		*rq->tag_word |= rq->tag_mask;
	}
	return tags;
}

/** lab_tags_free - undo lab_tags_alloc(); all tags are free (BUGs else). Context: task. */
void lab_tags_free(struct blk_mq_tags *tags)
{
	BUG_ON(lab_tags_used(tags));
	kfree(tags->rqs);
	kfree(tags);
}

/**
 * lab_tags_used - tags in use, 0 to nr_tags; exact while nobody takes or frees one
 *
 * Who finds none in use may take apart what they held: an acquire. Context: any.
 */
unsigned int lab_tags_used(struct blk_mq_tags *tags)
{
	unsigned int i, used = tags->nr_tags;

	for (i = 0; i < tags->nr_words; i++)
		used -= hweight_long(smp_load_acquire(&tags->word[i].free) & ~LAB_TAG_NOTIFY);
	return used;
}

/**
 * lab_tag_get_any - the search behind lab_tag_get(): all words, from the task's own
 *
 * A full barrier when it succeeds. Context: any. Return: a free tag's request, or NULL.
 */
struct request *lab_tag_get_any(struct blk_mq_tags *tags)
{
	unsigned int i, bit, mask = tags->nr_words - 1;
	unsigned long map;

	for (i = 0; i <= mask; i++) {
		struct blk_mq_tag_word *w = &tags->word[(current->pid + i) & mask];

		while ((map = READ_ONCE(w->free) & ~LAB_TAG_NOTIFY) != 0) {
			bit = __ffs(map);
			if (likely(test_and_clear_bit(bit, &w->free)))
				return w->rqs + (size_t)bit * tags->rq_bytes;
		}
	}
	return NULL;
}

/**
 * lab_tags_notify - begin (@on) or end to hear of freed tags; calls nest
 *
 * A full barrier. Context: any; takes tags->lock.
 */
void lab_tags_notify(struct blk_mq_tags *tags, bool on)
{
	unsigned long flags;
	unsigned int i;

	spin_lock_irqsave(&tags->lock, flags);
	if (on && tags->nr_notify++ == 0)
		for (i = 0; i < tags->nr_words; i++)
			set_bit(63, &tags->word[i].free);
	if (!on && --tags->nr_notify == 0)
		for (i = 0; i < tags->nr_words; i++)
			clear_bit(63, &tags->word[i].free);
	spin_unlock_irqrestore(&tags->lock, flags);
	smp_mb();
}

/**
 * lab_tag_get_wait - sleep until there is a tag
 *
 * Flushes the task's plug before: the requests in it may be what holds the tags. Sleepers are served in
 * order, except that a tag may be taken by somebody who does not sleep. Context: task; stops under a
 * stacking driver's submission. Return: its request, never NULL.
 */
struct request *lab_tag_get_wait(struct blk_mq_tags *tags)
{
	struct wait_queue_entry wait;
	struct request *rq;

	if (!lab_planted(H5))
		blk_flush_plug(current->plug, true);
	lab_tags_notify(tags, true);
	for (;;) {
		init_wait_entry(&wait, WQ_FLAG_EXCLUSIVE);
		prepare_to_wait_exclusive(&tags->wait, &wait, TASK_UNINTERRUPTIBLE);
		rq = lab_tag_get(tags);
		if (rq)
			break;
		io_schedule();
		finish_wait(&tags->wait, &wait);
	}
	finish_wait(&tags->wait, &wait);
	/* This task may have been woken for a tag and found another: pass the word on. */
	if (lab_tags_used(tags) < tags->nr_tags)
		wake_up(&tags->wait);
	lab_tags_notify(tags, false);
	return rq;
}

/**
 * lab_tag_put_slow - free the tag of @rq while somebody wants to know, and wake who does
 *
 * Context: any; takes tags->lock.
 */
void lab_tag_put_slow(struct request *rq)
{
	struct blk_mq_hw_ctx *hctx = rq->mq_hctx;
	struct blk_mq_tags *tags = hctx->tags;
	struct request_queue *q = rq->q;
	unsigned long flags;

	spin_lock_irqsave(&tags->lock, flags);
	test_and_set_bit(__ffs(rq->tag_mask), rq->tag_word);
	wake_up(&tags->wait);
	if (READ_ONCE(q->gate) & 1)
		wake_up_all(&q->freeze_wq);
	if (READ_ONCE(hctx->nr_dispatch))
		queue_work(hctx->run_wq, &hctx->run_work);
	spin_unlock_irqrestore(&tags->lock, flags);
}

/**
 * lab_mq_tags_used - requests of @q that hold a tag: at the driver, in plugs, waiting for a flush
 *
 * Exact while nobody submits or completes. Context: any.
 */
unsigned int lab_mq_tags_used(const struct request_queue *q)
{
	return lab_tags_used(q->hctx->tags);
}
