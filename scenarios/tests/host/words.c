// SPDX-License-Identifier: GPL-2.0-only
/* words.c - tests of scenarios/cli/words.c: numbers with units, nearest words. */
#define LAB_HOST_SIDE
#include <string.h>

#include "cli/cli.h"
#include "lab_test.h"

LAB_TEST_BARE(words, sizes)
{
	static const struct { const char *text; uint64_t want; } good[] = {
		{ "0", 0 }, { "1", 1 }, { "4096", 4096 }, { "0x1000", 4096 }, { "4k", 4096 }, { "4K", 4096 }, { "4KiB", 4096 },
		{ "1m", 1 << 20 }, { "3g", 3ull << 30 }, { "16777215t", 16777215ull << 40 }, { "18446744073709551615", ~0ull },
	};
	static const char *const bad[] = { "", "k", "-1", " 1", "4q", "4kk", "1.5m", "0x", "18446744073709551616", "16777216t", "4 k" };
	uint64_t v;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		v = ~good[i].want;
		lab_expect_eq(parse_bytes(good[i].text, &v), 0);
		lab_expect(v == good[i].want);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		lab_expect_eq(parse_bytes(bad[i], &v), -1);
}

LAB_TEST_BARE(words, times)
{
	uint64_t v = 0;

	lab_expect_eq(parse_time_ns("10", &v), 0);
	lab_expect_eq(v, 10000000000);
	lab_expect_eq(parse_time_ns("500ms", &v), 0);
	lab_expect_eq(v, 500000000);
	lab_expect_eq(parse_time_ns("2m", &v), 0);
	lab_expect_eq(v, 120000000000);
	lab_expect_eq(parse_time_ns("7us", &v), 0);
	lab_expect_eq(v, 7000);
	lab_expect_eq(parse_time_ns("1 s", &v), -1);
	lab_expect_eq(parse_time_ns("9223372036854775807h", &v), -1);
}

LAB_TEST_BARE(words, nearest)
{
	static const char *const list[] = { "iodepth", "size", "stonewall" };

	lab_expect(nearest_word("iodpeth", list, 3) == list[0]);
	lab_expect(nearest_word("SIZE", list, 3) == list[1]);
	lab_expect(nearest_word("zzzzzz", list, 3) == NULL);
	lab_expect(strstr(did_you_mean("stonewal", list, 3), "'stonewall'") != NULL);
	lab_expect_eq(did_you_mean("zzzzzz", list, 3)[0], 0);
}
