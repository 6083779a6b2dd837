/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * RAM: the arena, its memmap, and the arithmetic between page, frame number and address. Frame 0 is the zero
 * page. All three variables are written at world begin only.
 */
#ifndef _KC_RAM_H
#define _KC_RAM_H

#include <linux/types.h>
#include <linux/mm_types.h>

extern unsigned char *kc_ram_base;	/* the kernel's linear map */
extern struct page *kc_mem_map;		/* one a frame */
extern unsigned long kc_nr_frames;
extern bool kc_frames_permuted;

unsigned long kc_ram_free_pages(void);		/* free now, magazines of other tasks not counted */
bool kc_ram_has(const void *p);			/* is it an address of the linear map */

#endif
