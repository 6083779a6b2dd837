// SPDX-License-Identifier: GPL-2.0-only
/*
 * leak.c - what a world still holds at its end, by kind and site.
 *
 * A table of fixed size, filled by the audits of slab, pages and address spaces one after the other and
 * printed by each. Sites are string literals of the allocating call, so equal places compare equal as
 * pointers.
 */
#include <linux/kernel.h>
#include <linux/printk.h>
#include <linux/string.h>
#include <kc/leak.h>

static struct leak_line {
	const char *what, *site;
	u64 count, bytes;
} leak_lines[KC_LEAK_MAX_SITES];
static unsigned int leak_nr;
static u64 leak_beyond;

/**
 * kc_leak_begin() - empty the table
 */
void kc_leak_begin(void)
{
	leak_nr = 0;
	leak_beyond = 0;
}

/**
 * kc_leak_add() - one more thing that nobody gave back
 * @what: its kind
 * @site: who took it, "file:line"; NULL where the build does not know
 * @bytes: its size
 *
 * Context: end of a world, one task.
 */
void kc_leak_add(const char *what, const char *site, u64 bytes)
{
	struct leak_line *l;

	for (l = leak_lines; l < leak_lines + leak_nr; l++)
		if (l->site == site && !strcmp(l->what, what))
			break;
	if (l == leak_lines + KC_LEAK_MAX_SITES) {
		leak_beyond++;
		return;
	}
	if (l == leak_lines + leak_nr) {
		leak_nr++;
		*l = (struct leak_line){ .what = what, .site = site };
	}
	l->count++;
	l->bytes += bytes;
}

/**
 * kc_leak_print() - print the table and empty it
 *
 * Return: how many things it held.
 */
int kc_leak_print(void)
{
	u64 total = leak_beyond;
	unsigned int i;

	for (i = 0; i < leak_nr; i++) {
		struct leak_line *l = &leak_lines[i];

		pr_err("leak: %llu x %s, %llu bytes, taken at %s\n", (unsigned long long)l->count, l->what,
		       (unsigned long long)l->bytes, l->site ? l->site : "an unknown place (release build)");
		total += l->count;
	}
	if (leak_beyond)
		pr_err("leak: %llu more at other places\n", (unsigned long long)leak_beyond);
	kc_leak_begin();
	return (int)total;
}
