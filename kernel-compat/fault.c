// SPDX-License-Identifier: GPL-2.0-only
/*
 * fault.c - failures on order.
 *
 * A site asks before it does its work. Off, that is one test of a read-mostly word (kc_fault_armed in
 * kc/fault.h). Armed, calls are counted under a lock, over all tasks: the nth fails and so do the ones
 * after it, @times in all. The copy site counts bytes, so that a copy can be made to stop at any of
 * them.
 */
#include <linux/kernel.h>
#include <linux/bug.h>
#include <linux/bits.h>
#include <linux/spinlock.h>
#include <kc/fault.h>

struct fault_attr {
	u64 pass;	/* units that still succeed */
	u64 times;	/* failures that follow; 0: off */
	u64 hits;
};

unsigned int kc_fault_armed;
static struct fault_attr fault_attrs[KC_FAULT_NR];
static DEFINE_SPINLOCK(fault_lock);

/**
 * kc_fault_nth() - arm or disarm a site
 * @site: where
 * @nth: first call (KC_FAULT_UCOPY: first byte) that fails, from 1; 0: off
 * @times: how many calls in a row fail
 *
 * Context: any.
 */
void kc_fault_nth(enum kc_fault_site site, u64 nth, u64 times)
{
	struct fault_attr *attr;
	unsigned long flags;

	BUG_ON((unsigned int)site >= KC_FAULT_NR);
	attr = &fault_attrs[site];
	spin_lock_irqsave(&fault_lock, flags);
	attr->pass = nth ? nth - 1 : 0;
	attr->times = nth ? times : 0;
	if (attr->times)
		__atomic_fetch_or(&kc_fault_armed, BIT(site), __ATOMIC_RELAXED);
	else
		__atomic_fetch_and(&kc_fault_armed, ~BIT(site), __ATOMIC_RELAXED);
	spin_unlock_irqrestore(&fault_lock, flags);
}

/**
 * kc_fault_units() - how far may a call at @site get?
 * @site: where
 * @units: what the call wants: 1, or bytes for KC_FAULT_UCOPY
 *
 * Context: any.
 * Return: @units, or fewer if the site fails here.
 */
u64 kc_fault_units(enum kc_fault_site site, u64 units)
{
	struct fault_attr *attr = &fault_attrs[site];
	unsigned long flags;
	u64 may = units;

	spin_lock_irqsave(&fault_lock, flags);
	if (attr->times && attr->pass < units) {
		may = attr->pass;
		attr->pass = 0;
		attr->hits++;
		if (--attr->times == 0)
			__atomic_fetch_and(&kc_fault_armed, ~BIT(site), __ATOMIC_RELAXED);
	} else if (attr->times) {
		attr->pass -= units;
	}
	spin_unlock_irqrestore(&fault_lock, flags);
	return may;
}

/**
 * kc_fault() - does this call fail?
 * @site: where
 *
 * Context: any.
 * Return: true if the caller must behave as if its resource had run out.
 */
bool kc_fault(enum kc_fault_site site)
{
	return kc_fault_is_armed(site) && kc_fault_units(site, 1) == 0;
}

/**
 * kc_fault_hits() - failures of @site so far in this world
 * @site: where
 *
 * Return: their number.
 */
u64 kc_fault_hits(enum kc_fault_site site)
{
	unsigned long flags;
	u64 hits;

	spin_lock_irqsave(&fault_lock, flags);
	hits = fault_attrs[site].hits;
	spin_unlock_irqrestore(&fault_lock, flags);
	return hits;
}

/**
 * kc_fault_reset() - all sites off, nothing counted
 *
 * Context: begin and end of a world, no other task running; the lock may be left from an abandoned one.
 */
void kc_fault_reset(void)
{
	unsigned int i;

	spin_lock_init(&fault_lock);
	for (i = 0; i < KC_FAULT_NR; i++)
		fault_attrs[i] = (struct fault_attr){ 0 };
	kc_fault_armed = 0;
}
