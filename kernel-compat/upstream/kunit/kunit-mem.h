/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KC_UPSTREAM_KUNIT_MEM_H
#define KC_UPSTREAM_KUNIT_MEM_H

/* Between two cases: nothing may be mapped. Return: pages that the case left; they are freed. */
unsigned int kunit_mem_end_case(void);

#endif
