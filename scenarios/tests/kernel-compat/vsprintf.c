// SPDX-License-Identifier: GPL-2.0-only
/*
 * vsprintf.c - tests of printing into buffers, and of the string functions.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include "lab_test.h"

static void expect_text(int line, const char *want, const char *fmt, ...) __printf(3, 4);

static void expect_text(int line, const char *want, const char *fmt, ...)
{
	char buf[128];
	va_list args;
	int len;

	memset(buf, 'x', sizeof(buf));
	va_start(args, fmt);
	len = vsnprintf(buf, sizeof(buf), fmt, args);
	va_end(args);
	if (strcmp(buf, want) || len != (int)strlen(want))
		lab_test_fail(__FILE__, line, "\"%s\" gives \"%s\" (%d), want \"%s\"", fmt, buf, len, want);
}
#define expect(want, ...) expect_text(__LINE__, want, __VA_ARGS__)

LAB_TEST_BARE(vsprintf, conversions)
{
	const char *volatile null = NULL;

	expect("plain 100%", "plain %d%%", 100);
	expect("-2147483648 2147483647", "%d %i", INT_MIN, INT_MAX);
	expect("0 4294967295", "%u %u", 0U, UINT_MAX);
	expect("-9223372036854775808", "%lld", LLONG_MIN);
	expect("18446744073709551615", "%llu", ULLONG_MAX);
	expect("-1 18446744073709551615", "%zd %zu", (ssize_t)-1, SIZE_MAX);
	expect("dead BEEF 0xff 777", "%x %X %#x %o", 0xdead, 0xbeef, 0xff, 0777);
	expect("-1 255", "%hhd %hhu", -1, 255);
	expect("[   42] [42   ] [00042]", "[%5d] [%-5d] [%05d]", 42, 42, 42);
	expect("[+42] [ 42] [-0042]", "[%+d] [% d] [%05d]", 42, 42, -42);
	expect("[   042]", "[%6.3d]", 42);
	expect("[abc] [  abc] [abc  ] [ab]", "[%s] [%5s] [%-5s] [%.2s]", "abc", "abc", "abc", "abc");
	expect("[  7] [7  ] [abc]", "[%*d] [%*d] [%.*s]", 3, 7, -3, 7, 3, "abcdef");
	expect("x0x1fp", "%c%pp", 'x', (void *)0x1f);
	expect("(null)", "%s", null);
	expect("", "%s", "");
}

LAB_TEST_BARE(vsprintf, cut_at_the_size)
{
	char buf[8];
	unsigned int size;

	for (size = 0; size <= 8; size++) {
		unsigned int stored = size ? min(size - 1, 6U) : 0, i;

		memset(buf, '#', sizeof(buf));
		lab_expect_eq(snprintf(buf, size, "abcdef"), 6);
		for (i = 0; i < 8; i++) {
			char want = i < stored ? "abcdef"[i] : size && i == stored ? 0 : '#';

			lab_expect_eq(buf[i], want);
		}
		lab_expect_eq(scnprintf(buf, size, "abcdef"), stored);
	}
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static void unknown(void *arg)
{
	char buf[8];
	const char *volatile fmt = "%k";

	snprintf(buf, sizeof(buf), fmt, 1);
}

#pragma GCC diagnostic pop

LAB_TEST_BARE(vsprintf, unknown_conversion_traps)
{
	lab_expect_eq(lab_test_fork(unknown, NULL), LAB_DIED);
	lab_expect(lab_test_fork_said("an unknown conversion"));
}

LAB_TEST_BARE(string, strscpy_always_terminates)
{
	char buf[4];

	memset(buf, '#', sizeof(buf));
	lab_expect_eq(strscpy(buf, "abc", 4), 3);
	lab_expect_eq(strcmp(buf, "abc"), 0);
	lab_expect_eq(strscpy(buf, "abcd", 4), -E2BIG);
	lab_expect_eq(strcmp(buf, "abc"), 0);
	lab_expect_eq(strscpy(buf, "", 4), 0);
	lab_expect_eq(buf[0], 0);
	buf[0] = '#';
	lab_expect_eq(strscpy(buf, "a", 0), -E2BIG);
	lab_expect_eq(buf[0], '#');
}

LAB_TEST_BARE(string, memchr_inv_finds_the_first_other_byte)
{
	u8 buf[64];
	unsigned int i;

	memset(buf, 0xa5, sizeof(buf));
	lab_expect(!memchr_inv(buf, 0xa5, sizeof(buf)));
	lab_expect(!memchr_inv(buf, 0, 0));
	for (i = 0; i < sizeof(buf); i++) {
		buf[i] = 0;
		lab_expect(memchr_inv(buf, 0xa5, sizeof(buf)) == buf + i);
		lab_expect(!memchr_inv(buf, 0xa5, i));
		buf[i] = 0xa5;
	}
}

LAB_TEST_BARE(string, kc_strstr_finds_the_first_place)
{
	const char *s = "one two two";

	lab_expect(kc_strstr(s, "two") == s + 4);
	lab_expect(kc_strstr(s, "") == s);
	lab_expect(kc_strstr(s, s) == s);
	lab_expect(!kc_strstr(s, "three"));
	lab_expect(!kc_strstr("", "x"));
}
