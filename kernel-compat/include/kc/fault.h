/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fault injection: one call, named sites. A site fails when its attribute says so.
 */
#ifndef _KC_FAULT_H
#define _KC_FAULT_H

#include <linux/types.h>

enum kc_fault_site {
	KC_FAULT_SLAB,		/* slab, kmalloc without __GFP_NOFAIL; a mempool has its reserve */
	KC_FAULT_PAGE,		/* alloc_page(s) */
	KC_FAULT_PIN,		/* pin_user_pages*: short or -EFAULT at this page */
	KC_FAULT_UCOPY,		/* copy_{to,from}_user: nth counts bytes, the copy stops before that one */
	KC_FAULT_KTHREAD,	/* kthread_create(), so alloc_workqueue() too: -ENOMEM, NULL */
	KC_FAULT_NR
};

/**
 * kc_fault_nth - let the @nth next call at @site fail (1 = the very next), @times in a row; nth 0: off
 * Per world; the count runs over all tasks.
 */
void kc_fault_nth(enum kc_fault_site site, u64 nth, u64 times);
bool kc_fault(enum kc_fault_site site);		/* asked at the site */
/* The same for a call that may get part of the way: how many of its @units (UCOPY: bytes) succeed. */
u64 kc_fault_units(enum kc_fault_site site, u64 units);
u64 kc_fault_hits(enum kc_fault_site site);	/* how often it has failed in this world */
void kc_fault_reset(void);			/* all off: begin and end of a world */

/* One bit a site; what a fast path looks at before it asks. */
extern unsigned int kc_fault_armed;

static inline bool kc_fault_is_armed(enum kc_fault_site site)
{
	return __atomic_load_n(&kc_fault_armed, __ATOMIC_RELAXED) & (1u << site);
}

#endif
