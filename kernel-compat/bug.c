// SPDX-License-Identifier: GPL-2.0-only
/*
 * bug.c - BUG, WARN and traps, and the book of WARNs.
 *
 * A BUG stops the process: state that is known to be wrong is not run further. A WARN goes on, but
 * the world's audit counts it, so a test cannot pass with one it did not announce. Announced WARNs
 * (kc_expect_warn()) are not printed; an announced one that did not come is a failure too.
 */
#include <linux/bug.h>
#include <linux/kernel.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <kc/facility.h>
#include <kc/world.h>
#include "host.h"

#define KC_MAX_EXPECTED_WARNS	16
#define KC_WARN_TEXT_BYTES	80

static struct kc_warn_book {
	int word;
	unsigned int unexpected;
	unsigned int nr_expected;
	struct kc_warn_expected {
		char text[KC_WARN_TEXT_BYTES];
		unsigned int left;
	} expected[KC_MAX_EXPECTED_WARNS];
} book;

#ifdef __SANITIZE_THREAD__
int kc_fence_word;
#endif

/**
 * kc_bug - stop: something is so that it cannot be
 * @file: place
 * @line: place
 * @fmt: what
 */
void kc_bug(const char *file, int line, const char *fmt, ...)
{
	char text[KC_PRINTK_MAX_BYTES];
	va_list args;
	int len;

	len = scnprintf(text, sizeof(text), "BUG: %s:%d: ", file, line);
	va_start(args, fmt);
	len += vscnprintf(text + len, sizeof(text) - len, fmt, args);
	va_end(args);
	if (current) {
		scnprintf(text + len, sizeof(text) - len, " [%s/%d]", current->comm, current->pid);
		kc_lockdep_print_held(current);
	}
	host_die(text);
}

/**
 * kc_trap - stop: a kernel call that is not implemented here was made
 * @name: of the call
 */
void kc_trap(const char *name)
{
	char text[KC_PRINTK_MAX_BYTES];

	scnprintf(text, sizeof(text), "kernel call not implemented here: %s", name);
	host_die(text);
}

static bool kc_warn_was_expected(const char *text)
{
	bool found = false;
	unsigned int i;

	kc_word_lock(&book.word, NULL);
	for (i = 0; i < book.nr_expected && !found; i++) {
		struct kc_warn_expected *e = &book.expected[i];

		if (e->left && kc_strstr(text, e->text)) {
			e->left--;
			found = true;
		}
	}
	if (!found)
		book.unexpected++;
	kc_word_unlock(&book.word);
	return found;
}

/**
 * kc_warn - report and go on
 * @file: place
 * @line: place
 * @fmt: what
 *
 * Context: any.
 */
void kc_warn(const char *file, int line, const char *fmt, ...)
{
	char text[KC_PRINTK_MAX_BYTES];
	va_list args;
	int len;

	len = scnprintf(text, sizeof(text), "WARNING: %s:%d: ", file, line);
	va_start(args, fmt);
	len += vscnprintf(text + len, sizeof(text) - len, fmt, args);
	va_end(args);
	if (kc_warn_was_expected(text))
		return;
	if (current)
		scnprintf(text + len, sizeof(text) - len, " [%s/%d]", current->comm, current->pid);
	host_puts(text);
}

/**
 * kc_expect_warn - announce WARNs
 * @text: part of their text, shorter than KC_WARN_TEXT_BYTES
 * @n: how many
 *
 * At most KC_MAX_EXPECTED_WARNS announcements in a world.
 */
void kc_expect_warn(const char *text, unsigned int n)
{
	kc_word_lock(&book.word, NULL);
	KC_BUG_ON(book.nr_expected == KC_MAX_EXPECTED_WARNS, "kc_expect_warn: too many announcements");
	KC_BUG_ON(strlen(text) >= KC_WARN_TEXT_BYTES, "kc_expect_warn: text too long: %s", text);
	strscpy(book.expected[book.nr_expected].text, text, KC_WARN_TEXT_BYTES);
	book.expected[book.nr_expected++].left = n;
	kc_word_unlock(&book.word);
}

/** kc_warn_count - WARNs in this world that nobody announced */
unsigned int kc_warn_count(void)
{
	unsigned int n;

	kc_word_lock(&book.word, NULL);
	n = book.unexpected;
	kc_word_unlock(&book.word);
	return n;
}

/** kc_warn_reset - a new world: nothing announced, nothing counted */
void kc_warn_reset(void)
{
	memset(&book, 0, sizeof(book));
}

/**
 * kc_warn_audit - number of unexpected WARNs, and of announced ones that did not come (each kind is
 * printed)
 */
int kc_warn_audit(void)
{
	int bad = (int)book.unexpected;
	unsigned int i;

	if (bad)
		printk("audit: %d unexpected warning(s)", bad);
	for (i = 0; i < book.nr_expected; i++) {
		if (!book.expected[i].left)
			continue;
		printk("audit: a warning with \"%s\" was expected %u more time(s)",
		       book.expected[i].text, book.expected[i].left);
		bad += (int)book.expected[i].left;
	}
	return bad;
}
