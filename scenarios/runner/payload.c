// SPDX-License-Identifier: GPL-2.0-only
/*
 * payload.c - bytes that can be made again from where they belong, and their checksum.
 *
 * Payload is a counter through splitmix64: byte i of stream s is byte (i mod 8) of splitmix64(s + i
 * / 8), least significant first. Any byte can be computed alone, so a check needs no copy of what
 * was written.
 *
 * crc32c (Castagnoli, reflected 0x82f63b78) goes eight bytes a step through eight tables; they
 * are made from the polynomial at first use.
 */
#include <linux/types.h>
#include <linux/string.h>
#include <linux/compiler.h>
#include <linux/minmax.h>
#include "lab_run.h"
#include "runner.h"

#define CRC32C_POLY	0x82f63b78u

/**
 * lab_mix64 - splitmix64's output function of one counter value
 * @x: any
 *
 * A bijection of 64 bits. Context: any. Source: Steele, Lea, Flood, "Fast splittable pseudorandom
 * number generators", 2014 (constants of Stafford's mix 13).
 */
u64 lab_mix64(u64 x)
{
	x += 0x9e3779b97f4a7c15ull;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
	return x ^ (x >> 31);
}

/**
 * lab_payload - bytes [first_byte, first_byte + len) of stream @seed
 * @dst: where to
 * @seed: the stream
 * @first_byte: of the stream
 * @len_bytes: how many
 *
 * Context: any.
 */
void lab_payload(void *dst, host_u64 seed, host_u64 first_byte, host_size len_bytes)
{
	u64 word = first_byte / 8;
	unsigned int in_word = first_byte % 8;
	u8 *p = dst;

	while (len_bytes) {
		u64 value = lab_mix64(seed + word) >> (8 * in_word);
		size_t n = min_t(size_t, 8 - in_word, len_bytes);

		memcpy(p, &value, n);	/* little endian, as every host this runs on */
		p += n;
		len_bytes -= n;
		in_word = 0;
		word++;
	}
}

static u32 crc_table[8][256];

static void crc_init(void)
{
	unsigned int i, j;

	for (i = 0; i < 256; i++) {
		u32 c = i;

		for (j = 0; j < 8; j++)
			c = (c >> 1) ^ (c & 1 ? CRC32C_POLY : 0);
		crc_table[0][i] = c;
	}
	for (j = 1; j < 8; j++) {
		for (i = 0; i < 256; i++) {
			u32 c = crc_table[j - 1][i];

			crc_table[j][i] = (c >> 8) ^ crc_table[0][c & 0xff];
		}
	}
}

/**
 * lab_crc32c - CRC-32C of @p, continuing @crc
 * @crc: 0, or what an earlier call returned for the bytes before
 * @p: the bytes
 * @len_bytes: how many
 *
 * Context: any; the first call must not race with another one (callers are single threads).
 */
host_u32 lab_crc32c(host_u32 crc, const void *p, host_size len_bytes)
{
	const u8 *b = p;
	u32 c = ~crc;

	if (!crc_table[0][1])
		crc_init();
	while (len_bytes >= 8) {
		u32 lo, hi;

		memcpy(&lo, b, 4);
		memcpy(&hi, b + 4, 4);
		lo ^= c;
		c = crc_table[7][lo & 0xff] ^ crc_table[6][(lo >> 8) & 0xff] ^
		    crc_table[5][(lo >> 16) & 0xff] ^ crc_table[4][lo >> 24] ^
		    crc_table[3][hi & 0xff] ^ crc_table[2][(hi >> 8) & 0xff] ^
		    crc_table[1][(hi >> 16) & 0xff] ^ crc_table[0][hi >> 24];
		b += 8;
		len_bytes -= 8;
	}
	while (len_bytes--)
		c = (c >> 8) ^ crc_table[0][(c ^ *b++) & 0xff];
	return ~c;
}
