/* SPDX-License-Identifier: GPL-2.0-only */
/* scatterlist.h - nobody here maps memory for DMA or for crypto; no call of it is declared. */
#ifndef _LINUX_SCATTERLIST_H
#define _LINUX_SCATTERLIST_H

#endif
