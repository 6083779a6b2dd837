/* SPDX-License-Identifier: GPL-2.0-only */
/* bitops.h - bits in arrays of unsigned long, atomic and (with __) not; searches. */
#ifndef _LINUX_BITOPS_H
#define _LINUX_BITOPS_H

#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/compiler.h>
#include <linux/types.h>

static inline void set_bit(long nr, unsigned long *addr)
{
	__kc_rmw();
	__atomic_fetch_or(addr + BIT_WORD(nr), BIT_MASK(nr), __ATOMIC_RELAXED);
}

static inline void clear_bit(long nr, unsigned long *addr)
{
	__kc_rmw();
	__atomic_fetch_and(addr + BIT_WORD(nr), ~BIT_MASK(nr), __ATOMIC_RELAXED);
}

static inline void clear_bit_unlock(long nr, unsigned long *addr)
{
	__kc_rmw();
	__atomic_fetch_and(addr + BIT_WORD(nr), ~BIT_MASK(nr), __ATOMIC_RELEASE);
}

static inline bool test_and_set_bit(long nr, unsigned long *addr)
{
	__kc_rmw();
	return __atomic_fetch_or(addr + BIT_WORD(nr), BIT_MASK(nr), __ATOMIC_SEQ_CST) & BIT_MASK(nr);
}

static inline bool test_and_set_bit_lock(long nr, unsigned long *addr)
{
	__kc_rmw();
	return __atomic_fetch_or(addr + BIT_WORD(nr), BIT_MASK(nr), __ATOMIC_ACQUIRE) & BIT_MASK(nr);
}

static inline bool test_and_clear_bit(long nr, unsigned long *addr)
{
	__kc_rmw();
	return __atomic_fetch_and(addr + BIT_WORD(nr), ~BIT_MASK(nr), __ATOMIC_SEQ_CST) & BIT_MASK(nr);
}

static inline bool test_bit(long nr, const unsigned long *addr)
{
	return READ_ONCE(addr[BIT_WORD(nr)]) & BIT_MASK(nr);
}

static inline void __set_bit(long nr, unsigned long *addr)
{
	addr[BIT_WORD(nr)] |= BIT_MASK(nr);
}

static inline void __clear_bit(long nr, unsigned long *addr)
{
	addr[BIT_WORD(nr)] &= ~BIT_MASK(nr);
}

static inline bool __test_and_set_bit(long nr, unsigned long *addr)
{
	bool old = addr[BIT_WORD(nr)] & BIT_MASK(nr);

	__set_bit(nr, addr);
	return old;
}

/* Position of the lowest (highest) bit set; word != 0. */
static inline unsigned long __ffs(unsigned long word)
{
	return __builtin_ctzl(word);
}

static inline unsigned long __fls(unsigned long word)
{
	return BITS_PER_LONG - 1 - __builtin_clzl(word);
}

#define ffz(x)		__ffs(~(x))
/* From 1; 0 when no bit is set. */
#define ffs(x)		__builtin_ffs(x)
#define fls(x) ({ unsigned int __x = (x); __x ? 32 - __builtin_clz(__x) : 0; })
#define fls64(x) ({ u64 __x64 = (x); __x64 ? 64 - __builtin_clzll(__x64) : 0; })

#define hweight32(x)	((unsigned int)__builtin_popcount(x))
#define hweight64(x)	((unsigned int)__builtin_popcountll(x))
#define hweight_long(x)	((unsigned int)__builtin_popcountl(x))

/* The first bit from @from that is set after xor with @invert; @bits if there is none. */
static inline unsigned long __kc_find_bit(const unsigned long *addr, unsigned long bits,
					  unsigned long from, unsigned long invert)
{
	unsigned long at = from, word;

	while (at < bits) {
		word = (READ_ONCE(addr[BIT_WORD(at)]) ^ invert) & (~0UL << (at % BITS_PER_LONG));
		at -= at % BITS_PER_LONG;
		if (word) {
			at += __ffs(word);
			return at < bits ? at : bits;
		}
		at += BITS_PER_LONG;
	}
	return bits;
}

#define find_first_bit(addr, bits)		__kc_find_bit(addr, bits, 0, 0)
#define find_next_bit(addr, bits, from)		__kc_find_bit(addr, bits, from, 0)
#define find_first_zero_bit(addr, bits)		__kc_find_bit(addr, bits, 0, ~0UL)
#define find_next_zero_bit(addr, bits, from)	__kc_find_bit(addr, bits, from, ~0UL)
#define for_each_set_bit(bit, addr, bits)						\
	for ((bit) = find_first_bit(addr, bits); (bit) < (bits);			\
	     (bit) = find_next_bit(addr, bits, (bit) + 1))

#endif
