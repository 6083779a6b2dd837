/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * workqueue.h - deferred work in process context. A workqueue has as many workers as may be active,
 * all made when it is: so nothing is allocated when work is queued, and forward progress
 * (WQ_MEM_RECLAIM) needs no rescuer. A work item never runs on two workers at once. It runs in the
 * probe scope of whoever queued it.
 */
#ifndef _LINUX_WORKQUEUE_H
#define _LINUX_WORKQUEUE_H

#include <linux/bitops.h>
#include <linux/compiler.h>
#include <linux/list.h>
#include <linux/types.h>

struct work_struct;
struct workqueue_struct;
typedef void (*work_func_t)(struct work_struct *work);

struct work_struct {
	unsigned long data;		/* WORK_STRUCT_PENDING */
	struct list_head entry;
	work_func_t func;
	struct workqueue_struct *kc_wq;	/* the last one it was queued on */
	u64 kc_seq;			/* its number in that queue */
	unsigned int kc_scope;		/* enum lab_scope */
};

#define WORK_STRUCT_PENDING_BIT	0

#define WQ_UNBOUND		(1 << 1)
#define WQ_FREEZABLE		(1 << 2)
#define WQ_MEM_RECLAIM		(1 << 3)
#define WQ_HIGHPRI		(1 << 4)

#define KC_WQ_DEFAULT_ACTIVE	4	/* workers for max_active 0 */
#define KC_WQ_MAX_ACTIVE	64	/* more are not made; they count as tasks of the host */

#define INIT_WORK(work, f)								\
	do {										\
		(work)->data = 0;							\
		INIT_LIST_HEAD(&(work)->entry);						\
		(work)->func = (f);							\
		(work)->kc_wq = NULL;							\
	} while (0)
#define INIT_WORK_ONSTACK(work, f)	INIT_WORK(work, f)
#define destroy_work_on_stack(work)	((void)(work))

struct workqueue_struct *alloc_workqueue(const char *fmt, unsigned int flags, int max_active, ...)
	__printf(1, 4);
#define alloc_ordered_workqueue(fmt, flags, args...) alloc_workqueue(fmt, WQ_UNBOUND | (flags), 1, ##args)
void destroy_workqueue(struct workqueue_struct *wq);

bool queue_work(struct workqueue_struct *wq, struct work_struct *work);
bool flush_work(struct work_struct *work);
bool cancel_work_sync(struct work_struct *work);
void flush_workqueue(struct workqueue_struct *wq);
void drain_workqueue(struct workqueue_struct *wq);

static inline bool work_pending(struct work_struct *work)
{
	return test_bit(WORK_STRUCT_PENDING_BIT, &work->data);
}

#endif
