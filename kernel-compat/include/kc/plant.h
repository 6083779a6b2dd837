/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kc/plant.h - bugs on purpose, so that what guards a rule can be seen to fail.
 *
 * A program built with LAB_PLANTS (mk/build.mk: planted, deep) has, on request, one rule of the hazards H1-H8 broken
 * where it is kept: LAB_PLANT=4 in the environment breaks H4's. In every other build lab_planted() is a constant, and
 * nothing is left of it. mk/hazards.sh plants one after the other.
 *
 *	H1  sim/drivers: ends of loop devices nest without a limit
 *	H2  bio-first: the file sees the journal_info of the filesystem above
 *	H3  sim/block: a plug's list is sent without being taken off the plug first
 *	H4  fs-model: who may not wait for a leaf of the map waits; and nobody is stopped who waits under a submission
 *	H5  sim/block: who sleeps for a tag keeps the requests in its plug
 *	H6  bio-first: a write is counted again where it goes on, in the worker
 *	H8  bio-first: a bio that may not wait goes on behind its first mapping
 *
 * H7's is older and a copy of a design: LAB_PLANT_H7, bio-first-h7, in every test program.
 */
#ifndef _KC_PLANT_H
#define _KC_PLANT_H

#include <linux/types.h>
#include "host.h"

enum { LAB_PLANTED_H1 = 1, LAB_PLANTED_H2, LAB_PLANTED_H3, LAB_PLANTED_H4, LAB_PLANTED_H5, LAB_PLANTED_H6,
       LAB_PLANTED_H8 = 8 };

#ifdef LAB_PLANTS
#define lab_planted(which)	(host_plant == LAB_PLANTED_##which)
#else
#define lab_planted(which)	false
#endif

#endif
