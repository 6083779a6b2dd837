// SPDX-License-Identifier: GPL-2.0-only
/* opsfile.c - tests of the operation language, its generator and the executor by real system calls. */
#define LAB_HOST_SIDE
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "lab_test.h"

static char why[CLI_WHY_BYTES];

static int parse(const char *text, struct opset *set)
{
	FILE *f = fmemopen((void *)text, strlen(text), "r");
	int rc;

	lab_expect(f != NULL);
	why[0] = 0;
	rc = opsfile_read(f, "t", set, why, sizeof(why));
	fclose(f);
	return rc;
}

LAB_TEST_BARE(opsfile, every_form)
{
	struct opset s;

	lab_expect_eq(parse("size 0x1000 # grow\n\npwrite 4k 512 1k+3!ro seed=9 dsync\npread 0 0 4k!half nowait\nappend 1k!null\nfsync\nfdatasync\nbpwrite 3 5 7+1 seed=4\nbpread 1 9\n", &s), 0);
	lab_expect_eq(s.nr, 8);
	lab_expect_eq(s.ops[0].kind, LAB_OP_SIZE);
	lab_expect_eq(s.ops[0].off_bytes, 4096);
	lab_expect_eq(s.ops[1].nr_segs, 2);
	lab_expect_eq(s.ops[1].segs[1].len_bytes, 1024);
	lab_expect_eq(s.ops[1].segs[1].misalign_bytes, 3);
	lab_expect_eq(s.ops[1].segs[1].fault, LAB_SEG_RO);
	lab_expect_eq(s.ops[1].seed, 9);
	lab_expect_eq(s.ops[1].flags, LAB_OPF_DSYNC);
	lab_expect_eq(s.ops[1].line, 3);
	lab_expect_eq(s.ops[2].segs[1].fault, LAB_SEG_HALF);
	lab_expect_eq(s.ops[2].flags, LAB_OPF_NOWAIT);
	lab_expect_eq(s.ops[3].seed, 5);
	lab_expect_eq(s.ops[5].kind, LAB_OP_FDATASYNC);
	lab_expect_eq(s.ops[6].kind, LAB_OP_BPWRITE);
	lab_expect_eq(s.ops[6].off_bytes, 3);
	lab_expect_eq(s.ops[6].segs[1].len_bytes, 7);
	lab_expect_eq(s.ops[6].seed, 4);
	lab_expect_eq(s.ops[7].kind, LAB_OP_BPREAD);
	opset_free(&s);
}

LAB_TEST_BARE(opsfile, mistakes)
{
	static const struct { const char *text, *want; } bad[] = {
		{ "pred 0 4k\n", "t:1: unknown operation 'pred'; did you mean 'pread'?" },
		{ "\npread\n", "t:2: pread needs a number of bytes" },
		{ "pread 0\n", "t:1: pread needs a segment, such as 4k" },
		{ "pread 0 4k!roo\n", "t:1: segment 4k!roo: want !none, !ro, !null, !kern or !half" },
		{ "pread 0 4k+4096\n", "t:1: segment 4k: want LEN[+MIS] with MIS below 4096" },
		{ "fsync now\n", "t:1: now: nothing more belongs here" },
		{ "pread 0 65m\n", "t:1: segment 65m: at most 67108864 bytes" },
		{ "bpread 4k\n", "t:1: bpread needs a segment, such as 4k" },
		{ "bpwrite 0 4k nowait\n", "t:1: segment nowait: want LEN[+MIS] with MIS below 4096" },
		{ "pread 0 4k seed=3\n", "t:1: segment seed=3: want LEN[+MIS] with MIS below 4096" },
	};
	struct opset s;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		lab_expect_eq(parse(bad[i].text, &s), -1);
		lab_expect(!strcmp(why, bad[i].want));
		opset_free(&s);
	}
}

/* Not inlined: gcc 12 then takes what open_memstream() made for the address of @text, and warns. */
static __attribute__((noinline)) char *generated(uint64_t seed, unsigned int count, unsigned int classes)
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);

	lab_expect(f != NULL);
	opsgen_print(f, seed, count, classes);
	fclose(f);
	return text;
}

/* What is printed reads back as the same operations; the same seed prints the same. */
LAB_TEST_BARE(opsfile, generator_round_trip)
{
	uint64_t seed = lab_test_base_seed();
	char *a, *b, *printed = NULL;
	struct opset s;
	size_t n = 0;
	FILE *f;

	lab_test_seed(seed);
	a = generated(seed, 300, 0xfff);
	b = generated(seed, 300, 0xfff);
	lab_expect(!strcmp(a, b));
	lab_expect_eq(parse(a, &s), 0);
	lab_expect_ge(s.nr, 300);
	f = open_memstream(&printed, &n);
	for (unsigned int i = 0; i < s.nr; i++)
		opsfile_print_op(f, &s.ops[i]);
	fclose(f);
	lab_expect(!strcmp(strchr(a, '\n') + 1, printed));	/* behind the comment line */
	opset_free(&s);
	free(a);
	free(b);
	free(printed);
}

/* Known answers by the running kernel: sizes, short reads, EFAULT, and the payload's checksum. */
LAB_TEST_BARE(opsfile, real_system_calls)
{
	char path[] = "./diolab-ops-XXXXXX";
	struct lab_op_result r[6];
	uint8_t want[4096];
	struct opset s;
	int fd = mkstemp(path);

	lab_expect_ge(fd, 0);
	close(fd);
	lab_expect_eq(parse("pwrite 0 4k seed=7\npread 0 4k\npread 2k 4k\npread 8k 512\npread 0 512!kern\nsize 100\n", &s), 0);
	memset(r, 0xaa, sizeof(r));
	if (opskernel_run(&s, path, r, why, sizeof(why)) == LAB_RUN_USAGE && strstr(why, "O_DIRECT")) {
		unlink(path);
		lab_test_skip("no O_DIRECT in this folder");
	}
	unlink(path);
	lab_payload(want, 7, 0, sizeof(want));
	lab_expect_eq(r[0].ret, 4096);
	lab_expect_eq(r[0].size, 4096);
	lab_expect_eq(r[0].crc, lab_crc32c(0, want, 4096));
	lab_expect_eq(r[1].crc, r[0].crc);
	lab_expect_eq(r[2].ret, 2048);
	lab_expect_eq(r[2].crc, lab_crc32c(0, want + 2048, 2048));
	lab_expect_eq(r[3].ret, 0);
	lab_expect_eq(r[3].has_crc, 0);
	lab_expect_lt(r[4].ret, 0);
	lab_expect_eq(r[5].size, 100);
	for (int i = 0; i < 6; i++)
		lab_expect_eq(r[i].guard, 0);
	opset_free(&s);
}
