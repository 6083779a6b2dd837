/* SPDX-License-Identifier: GPL-2.0-only */
/* filters.h - the filters that filter.c's table names; one line for each. */
#ifndef _LAB_DRIVERS_FILTERS_H
#define _LAB_DRIVERS_FILTERS_H

#include <lab/filter.h>

extern const struct lab_filter_type lab_filter_trace;
extern const struct lab_filter_type lab_filter_fault;
extern const struct lab_filter_type lab_filter_linear;
extern const struct lab_filter_type lab_filter_stripe;
extern const struct lab_filter_type lab_filter_template;

#endif
