// SPDX-License-Identifier: GPL-2.0-only
/*
 * work.c - what runs later: works, timers, softirqs, RCU callbacks.
 *
 * A work item runs as a task, on the account of the scope that queued it; of one queue at most max_active at once,
 * first come, first served, an item never beside itself. A timer runs when jiffies, which follow the host's clock
 * (det: the virtual one), have come to it. RCU callbacks run between two contexts: no context is left inside a
 * reader's section, so that is the end of a grace period.
 */
#include <linux/interrupt.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/srcu.h>
#include <linux/timekeeping.h>
#include <linux/timer.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include "k.h"

#define SCOPE_SHIFT	8		/* in work->data, above the kernel's flags */
#define WQ_DEFAULT_ACTIVE	256	/* max_active 0, as the kernel's */

struct workqueue_struct {
	struct list_head items, all;
	unsigned int active, max_active;
	bool dying;
};

/* One item that runs. */
struct running {
	struct workqueue_struct *wq;
	struct work_struct *work;
	work_func_t func;
	int scope;
	struct list_head node;		/* now_running, or idle_slots */
};

struct workqueue_struct *system_wq, *system_highpri_wq, *system_long_wq, *system_unbound_wq, *system_percpu_wq;
static LIST_HEAD(all_wqs);
static LIST_HEAD(now_running);
static struct running slots[UP_MAX_TASKS];	/* not kmalloc()ed: the kernel allocates nothing for this */
static LIST_HEAD(idle_slots);
static DECLARE_WAIT_QUEUE_HEAD(work_ended);
static unsigned long nr_queued;		/* over all queues */

static struct hlist_head timers;
static u32 softirq_raised;
#if UP_SINCE(6, 12)
#define SOFTIRQ_ARG
typedef void (*softirq_fn)(void);
#else
#define SOFTIRQ_ARG	NULL
typedef void (*softirq_fn)(struct softirq_action *);
#endif
static softirq_fn softirq_action[NR_SOFTIRQS];
static struct rcu_head *rcu_first, **rcu_last = &rcu_first;

unsigned long volatile jiffies = INITIAL_JIFFIES;

/* ---- works ------------------------------------------------------------------------------------------------ */

static bool is_running(struct work_struct *work)
{
	struct running *r;

	list_for_each_entry(r, &now_running, node)
		if (r->work == work)
			return true;
	return false;
}

static void work_main(void *arg)
{
	struct running *r = arg;

	upl_scope_enter(r->scope);
	r->func(r->work);
	r->wq->active--;
	list_move(&r->node, &idle_slots);
	wake_up_all(&work_ended);
}

static bool work_start(struct workqueue_struct *wq, struct work_struct *work)
{
	struct running *r = list_first_entry_or_null(&idle_slots, struct running, node);

	if (!r)
		return false;			/* again when one has ended */
	r->wq = wq;
	r->work = work;
	r->func = work->func;
	r->scope = atomic_long_read(&work->data) >> SCOPE_SHIFT;
	if (!up_task_start(work_main, r, false))
		return false;
	list_del_init(&work->entry);
	nr_queued--;
	atomic_long_set(&work->data, 0);
	wq->active++;
	list_move(&r->node, &now_running);
	return true;
}

static bool works_start(void)
{
	struct workqueue_struct *wq;
	struct work_struct *work, *next;
	bool any = false;

	if (!nr_queued)
		return false;
	list_for_each_entry(wq, &all_wqs, all) {
		list_for_each_entry_safe(work, next, &wq->items, entry) {
			if (wq->active >= wq->max_active)
				break;
			if (!is_running(work) && work_start(wq, work))
				any = true;
		}
	}
	return any;
}

bool queue_work_on(int cpu, struct workqueue_struct *wq, struct work_struct *work)
{
	int scope;

	if (test_and_set_bit(WORK_STRUCT_PENDING_BIT, work_data_bits(work)))
		return false;
	if (wq->dying)
		up_bug("a work is queued on a queue that is being destroyed");
	scope = upl_scope_enter(UP_LOOP);
	upl_scope_enter(scope);
	atomic_long_set(&work->data, WORK_STRUCT_PENDING | (unsigned long)scope << SCOPE_SHIFT);
	list_add_tail(&work->entry, &wq->items);
	nr_queued++;
	return true;
}

__printf(1, 4)
struct workqueue_struct *alloc_workqueue(const char *fmt, unsigned int flags, int max_active, ...)
{
	struct workqueue_struct *wq = kzalloc(sizeof(*wq), GFP_KERNEL);

	if (!wq)
		return NULL;
	INIT_LIST_HEAD(&wq->items);
	wq->max_active = max_active ?: WQ_DEFAULT_ACTIVE;
	list_add_tail(&wq->all, &all_wqs);
	return wq;
}

void __flush_workqueue(struct workqueue_struct *wq)
{
	wait_event(work_ended, list_empty(&wq->items) && !wq->active);
}

void drain_workqueue(struct workqueue_struct *wq)
{
	__flush_workqueue(wq);
}

void destroy_workqueue(struct workqueue_struct *wq)
{
	__flush_workqueue(wq);
	wq->dying = true;
	list_del(&wq->all);
	kfree(wq);
}

static bool work_unqueue(struct work_struct *work)
{
	if (!work_pending(work))
		return false;
	if (!list_empty(&work->entry)) {
		list_del_init(&work->entry);
		nr_queued--;
	}
	atomic_long_set(&work->data, 0);
	return true;
}

bool flush_work(struct work_struct *work)
{
	bool was = work_pending(work) || is_running(work);

	wait_event(work_ended, !work_pending(work) && !is_running(work));
	return was;
}

bool cancel_work_sync(struct work_struct *work)
{
	bool was = work_unqueue(work);

	wait_event(work_ended, !is_running(work));
	return was;
}

void delayed_work_timer_fn(struct timer_list *t)
{
	struct delayed_work *dwork = from_timer(dwork, t, timer);

	atomic_long_set(&dwork->work.data, 0);
	queue_work_on(dwork->cpu, dwork->wq, &dwork->work);
}

bool queue_delayed_work_on(int cpu, struct workqueue_struct *wq, struct delayed_work *dwork, unsigned long delay)
{
	if (work_pending(&dwork->work))
		return false;
	if (!delay)
		return queue_work_on(cpu, wq, &dwork->work);
	dwork->wq = wq;
	dwork->cpu = cpu;
	set_bit(WORK_STRUCT_PENDING_BIT, work_data_bits(&dwork->work));
	mod_timer(&dwork->timer, jiffies + delay);
	return true;
}

bool mod_delayed_work_on(int cpu, struct workqueue_struct *wq, struct delayed_work *dwork, unsigned long delay)
{
	bool was = work_pending(&dwork->work);

	del_timer_sync(&dwork->timer);
	work_unqueue(&dwork->work);
	queue_delayed_work_on(cpu, wq, dwork, delay);
	return was;
}

bool cancel_delayed_work(struct delayed_work *dwork)
{
	del_timer_sync(&dwork->timer);
	return work_unqueue(&dwork->work);
}

bool cancel_delayed_work_sync(struct delayed_work *dwork)
{
	del_timer_sync(&dwork->timer);
	return cancel_work_sync(&dwork->work);
}

/* ---- timers --------------------------------------------------------------------------------------------------- */

static void clock_update(void)
{
	jiffies = INITIAL_JIFFIES + host_clock_ns() / (NSEC_PER_SEC / HZ);
}

void init_timer_key(struct timer_list *timer, void (*func)(struct timer_list *), unsigned int flags, const char *name,
		    struct lock_class_key *key)
{
	timer->entry.pprev = NULL;
	timer->function = func;
	timer->flags = flags;
}

int mod_timer(struct timer_list *timer, unsigned long expires)
{
	int was = timer_pending(timer);

	timer->expires = expires;
	if (!was)
		hlist_add_head(&timer->entry, &timers);
	return was;
}

int timer_reduce(struct timer_list *timer, unsigned long expires)
{
	if (timer_pending(timer) && time_before_eq(timer->expires, expires))
		return 1;
	return mod_timer(timer, expires);
}

void add_timer(struct timer_list *timer)
{
	mod_timer(timer, timer->expires);
}

static int timer_remove(struct timer_list *timer)
{
	if (!timer_pending(timer))
		return 0;
	hlist_del(&timer->entry);
	timer->entry.pprev = NULL;
	return 1;
}

int timer_delete(struct timer_list *timer)
{
	return timer_remove(timer);
}

int timer_delete_sync(struct timer_list *timer)
{
	return timer_remove(timer);
}

#if UP_SINCE(6, 12)
int timer_shutdown_sync(struct timer_list *timer)
{
	return timer_remove(timer);
}
#endif

static struct timer_list *timer_due(void)
{
	struct timer_list *t;

	hlist_for_each_entry(t, &timers, entry)
		if (time_after_eq(jiffies, t->expires))
			return t;
	return NULL;
}

static void timer_run(void *arg)
{
	struct timer_list *t = arg;

	timer_remove(t);
	t->function(t);
}

ktime_t ktime_get(void)
{
	return host_clock_ns();
}

unsigned long __msecs_to_jiffies(const unsigned int m)
{
	return DIV_ROUND_UP((unsigned long)m * HZ, MSEC_PER_SEC);
}

unsigned int jiffies_to_usecs(const unsigned long j)
{
	return j * (USEC_PER_SEC / HZ);
}

unsigned int jiffies_to_msecs(const unsigned long j)
{
	return j * (MSEC_PER_SEC / HZ);
}

/* ---- softirqs, RCU ------------------------------------------------------------------------------------------------ */

void open_softirq(int nr, softirq_fn action)
{
	softirq_action[nr] = action;
}

void raise_softirq(unsigned int nr)
{
	softirq_raised |= 1u << nr;
}

void raise_softirq_irqoff(unsigned int nr)
{
	raise_softirq(nr);
}

void __raise_softirq_irqoff(unsigned int nr)
{
	raise_softirq(nr);
}

static void softirq_run(void *arg)
{
	unsigned int nr = __ffs(softirq_raised);

	softirq_raised &= ~(1u << nr);
	if (!softirq_action[nr])
		up_bug("softirq %u has no action", nr);
	softirq_action[nr](SOFTIRQ_ARG);
}

void call_rcu(struct rcu_head *head, rcu_callback_t func)
{
	head->func = func;
	head->next = NULL;
	*rcu_last = head;
	rcu_last = (struct rcu_head **)&head->next;
}

/* kfree_rcu() gives the offset of the head instead of a function. */
static void rcu_run_all(void *arg)
{
	struct rcu_head *head = rcu_first, *next;

	rcu_first = NULL;
	rcu_last = &rcu_first;
	for (; head; head = next) {
		next = (struct rcu_head *)head->next;
		if ((unsigned long)head->func < 4096)
			kvfree((void *)head - (unsigned long)head->func);
		else
			head->func(head);
	}
}

void synchronize_rcu(void)
{
}

void rcu_barrier(void)
{
	while (rcu_first)
		rcu_run_all(NULL);
}

int init_srcu_struct(struct srcu_struct *ssp)
{
	memset(ssp, 0, sizeof(*ssp));
	return 0;
}

void cleanup_srcu_struct(struct srcu_struct *ssp)
{
	if (ssp->srcu_lock_nesting[0] || ssp->srcu_lock_nesting[1])
		up_bug("an SRCU domain ends with a reader inside");
}

void __srcu_read_unlock(struct srcu_struct *ssp, int idx)
{
	WRITE_ONCE(ssp->srcu_lock_nesting[idx], ssp->srcu_lock_nesting[idx] - 1);
}

void synchronize_srcu(struct srcu_struct *ssp)
{
	while (ssp->srcu_lock_nesting[0] || ssp->srcu_lock_nesting[1])
		schedule();			/* runnable: the others go first */
}

/* ---- start, end, the loop's part -------------------------------------------------------------------------------------- */

int up_work_init(void)
{
	unsigned int i;

	for (i = 0; i < UP_MAX_TASKS; i++)
		list_add(&slots[i].node, &idle_slots);
	clock_update();
	system_wq = alloc_workqueue("events", 0, 0);
	system_highpri_wq = alloc_workqueue("events_highpri", 0, 0);
	system_long_wq = alloc_workqueue("events_long", 0, 0);
	system_unbound_wq = alloc_workqueue("events_unbound", 0, 0);
	system_percpu_wq = system_wq;		/* another name of it, since 6.12.58 */
	return system_wq && system_highpri_wq && system_long_wq && system_unbound_wq ? 0 : -ENOMEM;
}

void up_work_exit(void)
{
	struct workqueue_struct *wq, *next;

	list_for_each_entry_safe(wq, next, &all_wqs, all)
		destroy_workqueue(wq);
}

/*
 * Works are not among it: upk_run() ends when none can be started (their queue is at its limit, or they run already),
 * and only what runs can change that.
 */
bool up_work_pending(void)
{
	return softirq_raised || rcu_first;
}

/* One step of each kind. */
bool up_work_run(void)
{
	struct timer_list *t;
	bool any = false;

	if (softirq_raised) {
		up_irq(softirq_run, NULL);
		any = true;
	}
	if (!hlist_empty(&timers)) {
		clock_update();
		t = timer_due();
		if (t) {
			up_irq(timer_run, t);
			any = true;
		}
	}
	if (rcu_first) {
		up_irq(rcu_run_all, NULL);
		any = true;
	}
	return works_start() || any;
}
