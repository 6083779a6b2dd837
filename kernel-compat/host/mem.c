// SPDX-License-Identifier: GPL-2.0-only
/*
 * mem.c - RAM, the user window, and memory from the host.
 *
 * RAM is a memfd mapped once; a user page is a second mapping of the same memfd inside the window,
 * so that both addresses are one memory for the CPU, for the disk, and for checkers alike. The
 * window is reserved without access before anything else can land there; unmapping puts the
 * reservation back, so that a stray access always faults.
 *
 * host_alloc() is for set-up: a list under a mutex, so that a run that is abandoned frees what it held.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>
#include "host-impl.h"

/* The same address in most runs, for debuggers: a wish, never forced. */
#define RAM_HINT	((void *)0x7e9000000000ul)
#define RESERVED	(MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE)

struct mem_ram mem_ram = { .fd = -1 };
static bool user_reserved;

/* --- RAM -------------------------------------------------------------------------------------- */

/**
 * host_ram_create - the RAM of the userspace kernel, zeroed
 * @bytes: multiple of the page size
 *
 * Return: its kernel address, or NULL: no memory, or there is one already.
 */
void *host_ram_create(host_size bytes)
{
	static uint64_t serial;
	void *p;
	int fd;

	if (mem_ram.base || !bytes)
		return NULL;
	fd = memfd_create("diolab-ram", MFD_CLOEXEC);
	if (fd < 0)
		return NULL;
	if (ftruncate(fd, (off_t)bytes)) {
		close(fd);
		return NULL;
	}
	p = mmap(RAM_HINT, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED) {
		close(fd);
		return NULL;
	}
	mem_ram.base = p;
	mem_ram.bytes = bytes;
	mem_ram.fd = fd;
	mem_ram.serial = ++serial;
	return p;
}

/** host_ram_destroy - give the RAM back; its user aliases must be unmapped by then. No RAM: nothing. */
void host_ram_destroy(void)
{
	if (!mem_ram.base)
		return;
	/* What allocators poisoned must not outlive the mapping: the next one may get these addresses. */
	host_mem_defined(mem_ram.base, mem_ram.bytes);
	munmap(mem_ram.base, mem_ram.bytes);
	close(mem_ram.fd);
	mem_ram.base = NULL;
	mem_ram.bytes = 0;
	mem_ram.fd = -1;
}

/* --- the user window -------------------------------------------------------------------------- */

/**
 * host_user_reserve - reserve the user window; returns 0 (also when it is reserved already) or
 * -ENOMEM: taken
 */
int host_user_reserve(void)
{
	void *want = (void *)HOST_USER_BASE;
	void *p;

	if (user_reserved)
		return 0;
	p = mmap(want, HOST_USER_BYTES, PROT_NONE, RESERVED | MAP_FIXED_NOREPLACE, -1, 0);
	if (p == MAP_FAILED)
		return -ENOMEM;
	if (p != want) {		/* a kernel before 4.17 takes the address for a hint */
		munmap(p, HOST_USER_BYTES);
		return -ENOMEM;
	}
	user_reserved = true;
	return 0;
}

static bool in_window(host_u64 va, host_size bytes)
{
	return user_reserved && bytes && va % 4096 == 0 && bytes % 4096 == 0 && va >= HOST_USER_BASE &&
	       bytes <= HOST_USER_BYTES && va - HOST_USER_BASE <= HOST_USER_BYTES - bytes;
}

static int host_prot_bits(int prot)
{
	return (prot & HOST_PROT_READ ? PROT_READ : 0) |
	       (prot & HOST_PROT_WRITE ? PROT_READ | PROT_WRITE : 0);
}

/**
 * host_user_map - alias RAM at a user address
 * @va_bytes: user address, page aligned, in the window
 * @ram_off_bytes: offset in RAM, page aligned
 * @bytes: multiple of the page size
 * @prot: enum host_prot bits; writing implies reading
 *
 * Return: 0; -EINVAL: not in window or RAM; -ENOMEM: the host's limit on mappings (vm.max_map_count).
 */
int host_user_map(host_u64 va_bytes, host_u64 ram_off_bytes, host_size bytes, int prot)
{
	void *p;

	if (!in_window(va_bytes, bytes) || ram_off_bytes % 4096 || bytes > mem_ram.bytes ||
	    ram_off_bytes > mem_ram.bytes - bytes)
		return -EINVAL;
	p = mmap((void *)va_bytes, bytes, host_prot_bits(prot), MAP_SHARED | MAP_FIXED, mem_ram.fd,
		 (off_t)ram_off_bytes);
	return p == MAP_FAILED ? -errno : 0;
}

/**
 * host_user_protect - change the access to mapped user pages; returns 0, -EINVAL or -ENOMEM as
 * host_user_map()
 */
int host_user_protect(host_u64 va_bytes, host_size bytes, int prot)
{
	if (!in_window(va_bytes, bytes))
		return -EINVAL;
	return mprotect((void *)va_bytes, bytes, host_prot_bits(prot)) ? -errno : 0;
}

/** host_user_unmap - put the reservation back; returns 0, -EINVAL or -ENOMEM as host_user_map() */
int host_user_unmap(host_u64 va_bytes, host_size bytes)
{
	void *p;

	if (!in_window(va_bytes, bytes))
		return -EINVAL;
	p = mmap((void *)va_bytes, bytes, PROT_NONE, RESERVED | MAP_FIXED, -1, 0);
	return p == MAP_FAILED ? -errno : 0;
}

/* --- touching user memory as a program does --------------------------------------------------- */

static __thread sigjmp_buf probe_env;
static __thread volatile sig_atomic_t probe_armed;
static __thread uintptr_t volatile probe_fault;
static struct sigaction probe_old;

static void probe_handler(int sig, siginfo_t *info, void *ctx)
{
	uintptr_t at = (uintptr_t)info->si_addr;

	if (probe_armed && at >= HOST_USER_BASE && at < HOST_USER_BASE + HOST_USER_BYTES) {
		probe_fault = at;
		siglongjmp(probe_env, 1);
	}
	/* Not ours: the instruction faults again, under whoever had the signal before. */
	sigaction(sig, &probe_old, NULL);
}

static void probe_install(void)
{
	struct sigaction sa;

	memset(&sa, 0, sizeof(sa));
	sa.sa_sigaction = probe_handler;
	sa.sa_flags = SA_SIGINFO;
	sigemptyset(&sa.sa_mask);
	sigaction(SIGSEGV, &sa, &probe_old);
}

/*
 * The kernel copies for us: for memcheck, which would report the intended fault. Stops at pages, as
 * faults do.
 */
static host_size probe_by_kernel(void *dst, host_u64 va, host_size bytes)
{
	struct iovec to = { dst, bytes }, from = { (void *)va, bytes };
	ssize_t n = process_vm_readv(getpid(), &to, 1, &from, 1, 0);

	if (n <= 0)
		return 0;
	host_mem_defined(dst, (host_size)n);
	return (host_size)n;
}

/**
 * host_user_probe_read - copy from a user address through the CPU's own page tables
 * @dst: destination
 * @va: user address, any
 * @bytes: how many
 *
 * Return: bytes copied before the first fault; @bytes if there was none. For differential tests.
 */
host_size host_user_probe_read(void *dst, host_u64 va, host_size bytes)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	const volatile unsigned char *from = (const volatile unsigned char *)va;
	unsigned char *to = dst;
	host_size i;

	if (check_valgrind())
		return probe_by_kernel(dst, va, bytes);
	pthread_once(&once, probe_install);
	/* With the mask: TSan blocks every signal while a handler runs, and the handler is left by a jump. */
	if (sigsetjmp(probe_env, 1)) {
		probe_armed = 0;
		return probe_fault - va;
	}
	probe_armed = 1;
	for (i = 0; i < bytes; i++)
		to[i] = from[i];
	probe_armed = 0;
	return bytes;
}

/* --- memory from the host --------------------------------------------------------------------- */

/*
 * Small memory comes from calloc(). Large memory (disks in RAM, tables) is a mapping of its own: it need not be
 * cleared, costs what is touched of it, in huge pages where it has some, and ends in an inaccessible page. (From an
 * allocator under ASan each world's tables and disks were cleared or poisoned whole; that was half of the tests'
 * time.)
 */
#define MEM_MAP_MIN_BYTES	(256ul << 10)
#define MEM_HUGE_BYTES		(2ul << 20)
#define MEM_GUARD_BYTES		4096ul

/* Before each allocation, a cache line long, so that what follows is aligned to one. */
struct mem_block {
	struct mem_block *next, **link;
	void *raw;			/* as the host gave it */
	host_size raw_bytes;		/* of a mapping; 0: from calloc() */
	bool of_run;
	char pad[HOST_CACHELINE_BYTES - 5 * sizeof(void *)];
};

_Static_assert(sizeof(struct mem_block) == HOST_CACHELINE_BYTES, "allocations stay aligned to a cache line");

/* calloc() aligns to less than a cache line, hence the room. */
#define MEM_ROOM_BYTES	(sizeof(struct mem_block) + HOST_CACHELINE_BYTES)

static pthread_mutex_t mem_lock = PTHREAD_MUTEX_INITIALIZER;	/* the lists */
static struct mem_block *mem_list;
static struct mem_block *mem_mapped;	/* a list of its own: LeakSanitizer follows no pointer through a mapping */
static _Atomic uint64_t mem_count;

static uintptr_t round_up_to(uintptr_t x, uintptr_t to)
{
	return (x + to - 1) & -to;
}

static struct mem_block *block_calloc(host_size bytes)
{
	void *raw = calloc(1, MEM_ROOM_BYTES + bytes);
	struct mem_block *b;

	if (!raw)
		return NULL;
	b = (struct mem_block *)round_up_to((uintptr_t)raw, HOST_CACHELINE_BYTES);
	b->raw = raw;
	return b;
}

/* The block ends where the guard begins: who writes beyond it is stopped, in every build. */
static struct mem_block *block_map(host_size bytes)
{
	host_size used = round_up_to(sizeof(struct mem_block) + round_up_to(bytes, HOST_CACHELINE_BYTES), MEM_GUARD_BYTES);
	host_size slack = used >= 2 * MEM_HUGE_BYTES ? MEM_HUGE_BYTES : 0;
	host_size raw_bytes = used + slack + MEM_GUARD_BYTES;
	uintptr_t start, end;
	struct mem_block *b;
	void *raw;

	raw = mmap(NULL, raw_bytes, PROT_NONE, RESERVED, -1, 0);
	if (raw == MAP_FAILED)
		return NULL;
	start = slack ? round_up_to((uintptr_t)raw, MEM_HUGE_BYTES) : (uintptr_t)raw;
	end = start + used;
	if (mprotect((void *)start, used, PROT_READ | PROT_WRITE)) {
		munmap(raw, raw_bytes);
		return NULL;
	}
	if (slack)
		(void)madvise((void *)start, used, MADV_HUGEPAGE);	/* a wish */
	b = (struct mem_block *)(end - round_up_to(bytes, HOST_CACHELINE_BYTES)) - 1;
	b->raw = raw;
	b->raw_bytes = raw_bytes;
	return b;
}

/**
 * host_alloc - zeroed memory, aligned to a cache line; for set-up, and counted
 * @bytes: size
 *
 * Return: the memory, or NULL. Allocated during a run, it ends with host_free() or with the run.
 */
void *host_alloc(host_size bytes)
{
	struct mem_block *b, **list;

	atomic_fetch_add_explicit(&mem_count, 1, memory_order_relaxed);
	if (bytes > PTRDIFF_MAX - 2 * MEM_HUGE_BYTES)
		return NULL;
	b = bytes < MEM_MAP_MIN_BYTES ? block_calloc(bytes) : block_map(bytes);
	if (!b)
		return NULL;
	b->of_run = host_cur.running;
	list = b->raw_bytes ? &mem_mapped : &mem_list;
	pthread_mutex_lock(&mem_lock);
	b->next = *list;
	b->link = list;
	if (b->next)
		b->next->link = &b->next;
	*list = b;
	pthread_mutex_unlock(&mem_lock);
	return b + 1;
}

/* mem_lock is held, or nobody else is there */
static void block_unlink(struct mem_block *b)
{
	*b->link = b->next;
	if (b->next)
		b->next->link = b->link;
}

static void block_free(struct mem_block *b)
{
	if (b->raw_bytes)
		munmap(b->raw, b->raw_bytes);
	else
		free(b->raw);
}

/** host_free - end an allocation of host_alloc(); NULL: nothing */
void host_free(void *p)
{
	struct mem_block *b = p;

	if (!p)
		return;
	b--;
	pthread_mutex_lock(&mem_lock);
	block_unlink(b);
	pthread_mutex_unlock(&mem_lock);
	block_free(b);
}

/** host_alloc_count - calls of host_alloc() since the process began, by all tasks */
host_u64 host_alloc_count(void)
{
	return atomic_load_explicit(&mem_count, memory_order_relaxed);
}

static void list_run_end(struct mem_block *b)
{
	struct mem_block *next;

	for (; b; b = next) {
		next = b->next;
		if (!b->of_run)
			continue;
		block_unlink(b);
		block_free(b);
	}
}

/** mem_run_end - free what host_alloc() gave during the run; no task is left */
void mem_run_end(void)
{
	check_run_end();
	list_run_end(mem_list);
	list_run_end(mem_mapped);
}
