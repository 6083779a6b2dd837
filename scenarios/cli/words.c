// SPDX-License-Identifier: GPL-2.0-only
/*
 * words.c - numbers with units and the nearest right word.
 *
 * Units follow fio: k, m, g, t are powers of 1024, with an optional "b" or "ib" behind. A
 * number that overflows, or anything left over behind it, is refused rather than guessed at.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli.h"

static int parse_prefix(const char *s, uint64_t *out, const char **rest)
{
	char *end;

	if (!isdigit((unsigned char)*s))
		return -1;		/* strtoull would take "-1" and " 1" */
	errno = 0;
	*out = strtoull(s, &end, s[0] == '0' && (s[1] == 'x' || s[1] == 'X') ? 16 : 10);
	if (errno || end == s)
		return -1;
	*rest = end;
	return 0;
}

int parse_number(const char *s, uint64_t *out)
{
	const char *rest;

	return parse_prefix(s, out, &rest) || *rest ? -1 : 0;
}

int parse_bytes(const char *s, uint64_t *out)
{
	static const char units[] = "kmgt";
	const char *rest, *u;
	unsigned int shift = 0;
	uint64_t v;

	if (parse_prefix(s, &v, &rest))
		return -1;
	u = *rest ? strchr(units, tolower((unsigned char)*rest)) : NULL;
	if (u) {
		shift = 10 * (unsigned int)(u - units + 1);
		rest++;
		if (!strcasecmp(rest, "ib") || !strcasecmp(rest, "b"))
			rest = "";
	}
	if (*rest || (v << shift) >> shift != v)
		return -1;
	*out = v << shift;
	return 0;
}

int parse_time_ns(const char *s, uint64_t *out)
{
	static const struct { const char *name; uint64_t ns; } units[] = {
		{ "", 1000000000 }, { "s", 1000000000 }, { "us", 1000 }, { "ms", 1000000 },
		{ "m", 60000000000 }, { "h", 3600000000000 },
	};
	const char *rest;
	uint64_t v;

	if (parse_prefix(s, &v, &rest))
		return -1;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcasecmp(rest, units[i].name))
			continue;
		return __builtin_mul_overflow(v, units[i].ns, out) ? -1 : 0;
	}
	return -1;
}

bool same_word(const char *a, const char *b)
{
	return !strcasecmp(a, b);
}

#define MAX_WORD 48

/* Edits between two words (insert, delete, replace); words beyond MAX_WORD are infinitely far. */
static unsigned int distance(const char *a, const char *b)
{
	unsigned int row[MAX_WORD + 1];
	size_t n = strlen(a), m = strlen(b);

	if (n > MAX_WORD || m > MAX_WORD)
		return ~0u;
	for (size_t j = 0; j <= m; j++)
		row[j] = (unsigned int)j;
	for (size_t i = 1; i <= n; i++) {
		unsigned int diag = row[0];

		row[0] = (unsigned int)i;
		for (size_t j = 1; j <= m; j++) {
			unsigned int change = diag + (tolower((unsigned char)a[i - 1]) != tolower((unsigned char)b[j - 1]));
			unsigned int best = row[j] < row[j - 1] ? row[j] + 1 : row[j - 1] + 1;

			diag = row[j];
			row[j] = change < best ? change : best;
		}
	}
	return row[m];
}

const char *nearest_word(const char *word, const char *const *list, size_t n)
{
	const char *best = NULL;
	unsigned int at = 1 + (unsigned int)strlen(word) / 2;	/* further than that is no help */

	for (size_t i = 0; i < n && list[i]; i++) {
		unsigned int d = distance(word, list[i]);

		if (d < at) {
			at = d;
			best = list[i];
		}
	}
	return best;
}

const char *did_you_mean(const char *word, const char *const *list, size_t n)
{
	static char text[MAX_WORD + 32];
	const char *best = nearest_word(word, list, n);

	text[0] = 0;
	if (best)
		snprintf(text, sizeof(text), "; did you mean '%.*s'?", MAX_WORD, best);
	return text;
}
