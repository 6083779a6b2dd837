// SPDX-License-Identifier: GPL-2.0-only
/*
 * subject.c - which design the tests of an object are about: the one file of this folder that is compiled for each
 * of them, with -DLAB_DESIGN=bio_first and so on.
 */
#include "rig.h"

#ifndef LAB_DESIGN
#error "which design? -DLAB_DESIGN=... (mk/build.mk)"
#endif

#ifndef LAB_VARIANT
#define LAB_VARIANT	0	/* another one is another test object */
#endif

#ifndef LAB_SUITE
#define LAB_SUITE	LAB_DESIGN
#endif

#define JOINED(a, b)	a##b
#define SYMBOL(design)	JOINED(design_, design)
#define TEXT(name)	#name
#define WORD(name)	TEXT(name)

extern const struct design SYMBOL(LAB_DESIGN);

const struct design *const rig_design = &SYMBOL(LAB_DESIGN);
const unsigned int rig_variant = LAB_VARIANT;
const char rig_suite[] = WORD(LAB_SUITE);
