/* SPDX-License-Identifier: GPL-2.0-only */
/* wb_err.h - see wb_err.c. @upstream: init() was called. False: a difference, which has been said. */
#ifndef UPSTREAM_WB_ERR_H
#define UPSTREAM_WB_ERR_H

struct design;

bool wb_err_told(const struct design *upstream);

#endif
