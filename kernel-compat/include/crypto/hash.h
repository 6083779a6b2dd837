/* SPDX-License-Identifier: GPL-2.0-only */
/* hash.h - there is no crypto here: CONFIG_CRYPTO_HASH is not set, and no call of it is declared. */
#ifndef _CRYPTO_HASH_H
#define _CRYPTO_HASH_H

#endif
