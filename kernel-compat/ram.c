// SPDX-License-Identifier: GPL-2.0-only
/*
 * ram.c - the arena and its memmap.
 *
 * RAM is one memfd, mapped once by the host: the kernel's linear map. Everything that a kernel would
 * take from physical memory comes out of it: slab objects, pages, user memory. The memmap lies beside
 * it, in host memory, one 64-byte struct page a frame, so that page, frame number and address are two
 * additions apart.
 *
 * kc_ram_exit() may run after the run's tasks were abandoned, when the host has already taken back the memory
 * of the memmap. So it resets variables and looks at nothing they point to.
 */
#include <linux/kernel.h>
#include <linux/errno.h>
#include <linux/bug.h>
#include <linux/build_bug.h>
#include <linux/printk.h>
#include <kc/world.h>
#include "host.h"
#include "mm-internal.h"

#define KC_RAM_MIN_BYTES	(64 * PAGE_SIZE)

unsigned char *kc_ram_base;
struct page *kc_mem_map;
unsigned long kc_nr_frames;
bool kc_frames_permuted;

/**
 * kc_ram_init() - make RAM for a world
 * @bytes: its size, a multiple of PAGE_SIZE; 0: KC_RAM_DEFAULT_BYTES
 * @permuted: see buddy.c
 *
 * Context: first task of a run, no RAM there.
 * Return: 0, -EINVAL (size), -ENOMEM.
 */
int kc_ram_init(size_t bytes, bool permuted)
{
	int err;

	if (!bytes)
		bytes = KC_RAM_DEFAULT_BYTES;

	BUILD_BUG_ON(sizeof(struct page) != 64);
	BUG_ON(kc_ram_base);
	if (bytes & ~PAGE_MASK || bytes < KC_RAM_MIN_BYTES || bytes > KC_RAM_MAX_BYTES)
		return -EINVAL;
	kc_ram_base = host_ram_create(bytes);
	if (!kc_ram_base)
		return -ENOMEM;
	BUG_ON((unsigned long)kc_ram_base < HOST_USER_BASE + HOST_USER_BYTES);
	kc_nr_frames = bytes >> PAGE_SHIFT;
	kc_frames_permuted = permuted;
	kc_mem_map = host_alloc(kc_nr_frames * sizeof(struct page));
	err = kc_mem_map ? kc_page_alloc_init() : -ENOMEM;
	if (err)
		kc_ram_exit();
	return err;
}

/**
 * kc_ram_exit() - drop RAM and all that lies in it
 *
 * Context: end of a world, in its first task; or after host_run() has returned, for an abandoned one.
 */
void kc_ram_exit(void)
{
	if (!kc_ram_base)
		return;
	kc_page_alloc_exit();
	/* The checkers remember what was out of bounds; the next arena may lie at the same address. */
	host_mem_defined(kc_ram_base, kc_nr_frames << PAGE_SHIFT);
	host_ram_destroy();
	kc_ram_base = NULL;
	kc_mem_map = NULL;	/* host memory: gone with the run */
	kc_nr_frames = 0;
}

/**
 * kc_ram_has() - is @p an address of the linear map?
 * @p: any address
 *
 * Return: true for every byte of RAM, free or not.
 */
bool kc_ram_has(const void *p)
{
	return kc_ram_base && virt_addr_valid(p);
}
