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

LAB_TEST_BARE(opsfile, positions_ranges_and_seeks)
{
	struct opset s;

	lab_expect_eq(parse("read 4k 512\nwrite 8k seed=3\nseek 4k\npunch 1 2\nzero 3 4k\nalloc 5 6 keep\nalloc 7 8\ndata 9\nhole 0x10\n", &s), 0);
	lab_expect_eq(s.nr, 9);
	lab_expect_eq(s.ops[0].kind, LAB_OP_READ);
	lab_expect_eq(s.ops[0].nr_segs, 2);
	lab_expect_eq(s.ops[1].seed, 3);
	lab_expect_eq(s.ops[2].off_bytes, 4096);
	lab_expect_eq(s.ops[3].kind, LAB_OP_PUNCH);
	lab_expect_eq(s.ops[3].len_bytes, 2);
	lab_expect_eq(s.ops[4].len_bytes, 4096);
	lab_expect_eq(s.ops[5].flags, LAB_OPF_KEEP);
	lab_expect_eq(s.ops[6].flags, 0);
	lab_expect_eq(s.ops[7].kind, LAB_OP_DATA);
	lab_expect_eq(s.ops[8].off_bytes, 16);
	opset_free(&s);
}

/* Each part is an operation of its own, with its own index and the seed of its line. */
LAB_TEST_BARE(opsfile, groups)
{
	struct opset s;

	lab_expect_eq(parse("fsync\naio pread 0 4k 512!ro; pwrite 8k 4k dsync ;pwrite 0 512 seed=9 nowait\naio pread 4k 4k\nfsync\n", &s), 0);
	lab_expect_eq(s.nr, 6);
	lab_expect_eq(s.ops[1].flags, LAB_OPF_AIO | LAB_OPF_MORE);
	lab_expect_eq(s.ops[1].nr_segs, 2);
	lab_expect_eq(s.ops[2].flags, LAB_OPF_AIO | LAB_OPF_MORE | LAB_OPF_DSYNC);
	lab_expect_eq(s.ops[2].index, 2);
	lab_expect_eq(s.ops[2].line, 2);
	lab_expect_eq(s.ops[2].seed, 2);
	lab_expect_eq(s.ops[3].flags, LAB_OPF_AIO | LAB_OPF_NOWAIT);
	lab_expect_eq(s.ops[3].seed, 9);
	lab_expect_eq(s.ops[4].flags, LAB_OPF_AIO);
	lab_expect_eq(lab_op_group(&s.ops[0], s.nr), 1);
	lab_expect_eq(lab_op_group(&s.ops[1], s.nr - 1), 3);
	lab_expect_eq(lab_op_group(&s.ops[4], s.nr - 4), 1);
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
		{ "punch 4k\n", "t:1: punch needs a number of bytes" },
		{ "zero 0 1 keep\n", "t:1: keep: nothing more belongs here" },
		{ "read 0\nseek\n", "t:2: seek needs a number of bytes" },
		{ "aio pread 0 4k;\n", "t:1: aio: want pread or pwrite between the semicolons" },
		{ "aio\n", "t:1: aio: want pread or pwrite between the semicolons" },
		{ "aio fsync\n", "t:1: aio fsync: want pread or pwrite" },
		{ "aio pread 0 40m; pread 0 40m\n", "t:1: aio: at most 67108864 bytes together" },
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
static __attribute__((noinline)) char *generated(uint64_t seed, unsigned int count, unsigned int classes,
						  enum lab_path path)
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);

	lab_expect(f != NULL);
	opsgen_print(f, &(struct opsgen){ .seed = seed, .count = count, .classes = classes, .path = path });
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
	a = generated(seed, 600, OPS_CLASS_ALL, LAB_PATH_FILE);
	b = generated(seed, 600, OPS_CLASS_ALL, LAB_PATH_FILE);
	lab_expect(!strcmp(a, b));
	lab_expect_eq(parse(a, &s), 0);
	lab_expect_ge(s.nr, 600);
	f = open_memstream(&printed, &n);
	for (unsigned int i = 0; i < s.nr; i += lab_op_group(&s.ops[i], s.nr - i))
		opsfile_print_ops(f, &s.ops[i], lab_op_group(&s.ops[i], s.nr - i));
	fclose(f);
	lab_expect(!strcmp(strchr(a, '\n') + 1, printed));	/* behind the comment line */
	opset_free(&s);
	free(a);
	free(b);
	free(printed);
}

/* No two parts of a group overlap unless both read, and a device's stream has its size once, at the start. */
LAB_TEST_BARE(opsfile, generated_groups_and_devices)
{
	uint64_t seed = lab_test_base_seed();
	unsigned int groups = 0;
	struct opset s;
	char *text;

	lab_test_seed(seed);
	text = generated(seed, 600, OPS_CLASS_AIO | OPS_CLASS_EOF | OPS_CLASS_POSITION, LAB_PATH_LOOP);
	lab_expect_eq(parse(text, &s), 0);
	for (unsigned int i = 0, n; i < s.nr; i += n) {
		n = lab_op_group(&s.ops[i], s.nr - i);
		groups += n > 1;
		lab_expect_eq(s.ops[i].kind == LAB_OP_SIZE, i == 0);
		for (unsigned int a = i; a < i + n; a++) {
			for (unsigned int b = a + 1; b < i + n; b++) {
				uint64_t a_end = s.ops[a].off_bytes, b_end = s.ops[b].off_bytes;

				for (unsigned int k = 0; k < s.ops[a].nr_segs; k++)
					a_end += s.ops[a].segs[k].len_bytes;
				for (unsigned int k = 0; k < s.ops[b].nr_segs; k++)
					b_end += s.ops[b].segs[k].len_bytes;
				lab_expect(a_end <= s.ops[b].off_bytes || b_end <= s.ops[a].off_bytes);
			}
		}
	}
	lab_expect_ge(groups, 20);
	opset_free(&s);
	free(text);
}

/* Known answers by the running kernel: sizes, short reads, EFAULT, and the payload's checksum. */
LAB_TEST_BARE(opsfile, real_system_calls)
{
	char path[] = "./diolab-ops-XXXXXX";
	struct lab_op_result r[14];
	uint8_t want[4096];
	struct opset s;
	int fd = mkstemp(path);

	lab_expect_ge(fd, 0);
	close(fd);
	lab_expect_eq(parse("pwrite 0 4k seed=7\npread 0 4k\npread 2k 4k\npread 8k 512\npread 0 512!kern\nsize 100\n"
			    "size 32k\naio pwrite 4k 4k seed=7 ; pread 8k 4k ; pread 1k 512!kern\nseek 4k\nread 4k\ndata 4096\npunch 4k 4k\n", &s), 0);
	memset(r, 0xaa, sizeof(r));
	if (opskernel_run(&s, path, LAB_PATH_FILE, r, why, sizeof(why)) == LAB_RUN_USAGE && strstr(why, "O_DIRECT")) {
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
	lab_expect_eq(r[7].ret, 4096);
	lab_expect_eq(r[7].crc, r[0].crc);
	lab_expect_eq(r[8].ret, 4096);
	lab_expect_eq(r[9].ret, -14);			/* EFAULT, and the others of the group go on */
	lab_expect_eq(r[10].ret, 4096);
	lab_expect_eq(r[11].crc, r[0].crc);		/* at the position */
	lab_expect_eq(r[12].ret, 4096);
	lab_expect_eq(r[13].ret, 0);
	lab_expect_eq(r[13].has_crc, 1);
	for (int i = 0; i < 14; i++)
		lab_expect_eq(r[i].guard, 0);
	opset_free(&s);
}
