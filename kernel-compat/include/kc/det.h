/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * det.h - scheduling points: where the det engine may let another task run. Builds without KC_DET
 * have none, not even a test.
 */
#ifndef _KC_DET_H
#define _KC_DET_H

#ifdef KC_DET
/* Nothing on thr, outside a world, and in atomic context. */
void kc_det_point(void);
#define kc_sched_point()	kc_det_point()
#else
#define kc_sched_point()	((void)0)
#endif

#endif
