// SPDX-License-Identifier: GPL-2.0-only
/*
 * lib.c - messages, and what little else the kernel's files ask of everywhere.
 */
#include <linux/cpuhotplug.h>
#include <linux/kernel.h>
#include <linux/panic.h>
#include <linux/printk.h>
#include <linux/random.h>
#include <linux/ratelimit.h>
#include <linux/string.h>
#include <linux/swap.h>
#include "k.h"

#define LINE_BYTES	256

/* ---- messages ---------------------------------------------------------------------------------------------- */

int vsnprintf(char *buf, size_t size, const char *fmt, va_list args)
{
	return upl_format(buf, size, fmt, args);
}

int snprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(buf, size, fmt, args);
	va_end(args);
	return n;
}

int sprintf(char *buf, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(buf, INT_MAX, fmt, args);
	va_end(args);
	return n;
}

int scnprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(buf, size, fmt, args);
	va_end(args);
	return !size ? 0 : n < (int)size ? n : (int)size - 1;
}

/* One line of the kernel's log: its level is dropped. */
int vprintk(const char *fmt, va_list args)
{
	char line[LINE_BYTES];
	size_t n;

	vsnprintf(line, sizeof(line), printk_skip_level(fmt), args);
	n = strlen(line);
	if (n && line[n - 1] == '\n')
		line[n - 1] = 0;
	upl_print(line);
	return n;
}

int _printk(const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vprintk(fmt, args);
	va_end(args);
	return n;
}

void up_bug(const char *fmt, ...)
{
	char line[LINE_BYTES];
	va_list args;

	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	upl_bug(line);
}

void panic(const char *fmt, ...)
{
	char line[LINE_BYTES];
	va_list args;

	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	up_bug("upstream: panic: %s", line);
}

/* A warning is a bug here: nothing in the laboratory may cause one. */
void warn_slowpath_fmt(const char *file, const int line, unsigned int taint, const char *fmt, ...)
{
	char text[LINE_BYTES] = "";
	va_list args;

	if (fmt) {
		va_start(args, fmt);
		vsnprintf(text, sizeof(text), fmt, args);
		va_end(args);
	}
	up_bug("upstream: WARN at %s:%d %s", file, line, text);
}

void __warn_printk(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vprintk(fmt, args);
	va_end(args);
}

/* Where every symbol ends that nothing here has: the stubs jump to it (stubs.sh). */
__visible _Noreturn void up_stub_hit(const char *name);
__visible _Noreturn void up_stub_hit(const char *name)
{
	up_bug("upstream: %s() is not part of the laboratory", name);
}

int ___ratelimit(struct ratelimit_state *rs, const char *func)
{
	return 1;
}

#if UP_SINCE(6, 12)
void dump_page(const struct page *page, const char *reason)
#else
void dump_page(struct page *page, const char *reason)
#endif
{
	up_bug("upstream: page %lu: %s", page_to_pfn(page), reason);
}

void add_taint(unsigned int flag, enum lockdep_ok lockdep_ok)
{
}

/* ---- one processor, no hot plug ----------------------------------------------------------------------------------- */

int __cpuhp_setup_state(enum cpuhp_state state, const char *name, bool invoke, int (*startup)(unsigned int cpu),
			int (*teardown)(unsigned int cpu), bool multi_instance)
{
	return 0;
}

int __cpuhp_state_add_instance(enum cpuhp_state state, struct hlist_node *node, bool invoke)
{
	return 0;
}

int __cpuhp_state_remove_instance(enum cpuhp_state state, struct hlist_node *node, bool invoke)
{
	return 0;
}

bool static_key_initialized = true;
int laptop_mode;			/* off */
struct cpuinfo_um boot_cpu_data = { .cache_alignment = 64 };

struct cpumask __cpu_online_mask = { .bits = { 1 } };
struct cpumask __cpu_possible_mask = { .bits = { 1 } };

u32 __get_random_u32_below(u32 ceil)
{
	return host_rand(ceil);
}
