// SPDX-License-Identifier: GPL-2.0-only
/* opsdiff.c - tests of the comparison of results: a row accepts what it says and nothing beside it. */
#define LAB_HOST_SIDE
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "lab_test.h"

/* One operation, one row of a table, two results. */
struct sample {
	const char *op, *row, *ours, *theirs;
	int want;
};

static const char plain[] = "0 pwrite ret=1024 size=8192 crc=00000001";

static const struct sample samples[] = {
	{ "pwrite 0 1k", "", plain, plain, EXIT_OK },
	{ "pwrite 0 1k", "", plain, "0 pwrite ret=512 size=8192 crc=00000001", EXIT_CHECK },
	{ "pwrite 0 1k", "", plain, "0 pwrite ret=1024 size=8193 crc=00000001", EXIT_CHECK },
	{ "pwrite 0 1k", "", plain, "0 pwrite ret=1024 size=8192 crc=00000002", EXIT_CHECK },
	{ "pwrite 0 1k", "", plain, "0 pwrite ret=1024 size=8192 crc=-", EXIT_CHECK },
	{ "pwrite 0 1k", "", "0 pwrite ret=1024 size=8192 crc=00000001 GUARD",
	  "0 pwrite ret=1024 size=8192 crc=00000001 GUARD", EXIT_CHECK },
	/* a row, and each of its fields wrong once */
	{ "pwrite 0 1k nowait", "r|any|any|pwrite nowait|ret=all|ret=-EAGAIN|any", plain,
	  "0 pwrite ret=-EAGAIN size=8192 crc=00000002", EXIT_OK },
	{ "pwrite 0 1k nowait", "r|kernel|any|pwrite nowait|ret=all|ret=-EAGAIN|any", plain,
	  "0 pwrite ret=-EAGAIN size=8192 crc=00000002", EXIT_CHECK },
	{ "pwrite 0 1k nowait", "r|any|loop|pwrite nowait|ret=all|ret=-EAGAIN|any", plain,
	  "0 pwrite ret=-EAGAIN size=8192 crc=00000002", EXIT_CHECK },
	{ "pwrite 0 1k nowait", "r|any|any|pread nowait|ret=all|ret=-EAGAIN|any", plain,
	  "0 pwrite ret=-EAGAIN size=8192 crc=00000002", EXIT_CHECK },
	{ "pwrite 0 1k", "r|any|any|pwrite nowait|ret=all|ret=-EAGAIN|any", plain,
	  "0 pwrite ret=-EAGAIN size=8192 crc=00000002", EXIT_CHECK },
	{ "pwrite 0 1k nowait", "r|any|any|pwrite nowait|ret=part|ret=-EAGAIN|any", plain,
	  "0 pwrite ret=-EAGAIN size=8192 crc=00000002", EXIT_CHECK },
	{ "pwrite 0 1k nowait", "r|any|any|pwrite nowait|ret=all|ret=-EIO,part|any", plain,
	  "0 pwrite ret=-EAGAIN size=8192 crc=00000002", EXIT_CHECK },
	{ "pwrite 0 1k nowait", "r|any|any|pwrite nowait|ret=all|ret=-EAGAIN|same", plain,
	  "0 pwrite ret=-EAGAIN size=8192 crc=00000002", EXIT_CHECK },
	{ "pwrite 0 1k nowait", "r|any|any|pwrite nowait|ret=all|ret=-EAGAIN|any", plain,
	  "0 pwrite ret=-EAGAIN size=0 crc=00000002", EXIT_CHECK },
	{ "pwrite 0 1k nowait", "r|any|any|pwrite nowait|ret=all|ret=-EAGAIN|any", plain,
	  "0 pwrite ret=-EAGAIN size=8192 crc=00000002 GUARD", EXIT_CHECK },
	/* where the fault is */
	{ "pwrite 0 512 512!none", "r|any|any|pwrite fault=later|ret=all|ret=512|any", plain,
	  "0 pwrite ret=512 size=8192 crc=00000002", EXIT_OK },
	{ "pwrite 0 1k!none", "r|any|any|pwrite fault=later|ret=all|ret=512|any", plain,
	  "0 pwrite ret=512 size=8192 crc=00000002", EXIT_CHECK },
	{ "pwrite 0 1k!none", "r|any|any|pwrite fault=first|ret=all|ret=512|any", plain,
	  "0 pwrite ret=512 size=8192 crc=00000002", EXIT_OK },
	{ "pwrite 0 512 512!ro", "r|any|any|pwrite fault=later|ret=all|ret=512|any", plain,
	  "0 pwrite ret=512 size=8192 crc=00000002", EXIT_CHECK },
	/* what is odd */
	{ "pwrite 0 1k+3", "r|any|any|pwrite base=odd|ret=all|ret=-EINVAL|any", plain,
	  "0 pwrite ret=-EINVAL size=8192 crc=00000002", EXIT_OK },
	{ "pwrite 1 1k+3", "r|any|any|pwrite base=odd|ret=all|ret=-EINVAL|any", plain,
	  "0 pwrite ret=-EINVAL size=8192 crc=00000002", EXIT_CHECK },
	{ "pwrite 0 1000 24", "r|any|any|pwrite base=odd|ret=all|ret=-EINVAL|any", plain,
	  "0 pwrite ret=-EINVAL size=8192 crc=00000002", EXIT_CHECK },
	{ "pwrite 0 1000 24", "r|any|any|pwrite length=odd|ret=all|ret=-EINVAL|any", plain,
	  "0 pwrite ret=-EINVAL size=8192 crc=00000002", EXIT_OK },
};

static void put(const char *name, const char *text)
{
	FILE *f = fopen(name, "we");

	lab_expect(f != NULL);
	fprintf(f, "%s\n", text);
	fclose(f);
}

/* What the comparison prints is for users: it goes where nobody looks. */
static int quietly(const struct opset *set, const struct opsdiff *d)
{
	int out = dup(1), err = dup(2), null = open("/dev/null", O_WRONLY | O_CLOEXEC), rc;

	fflush(NULL);
	dup2(null, 1);
	dup2(null, 2);
	rc = opsdiff_run(set, d);
	fflush(NULL);
	dup2(out, 1);
	dup2(err, 2);
	close(out);
	close(err);
	close(null);
	return rc;
}

LAB_TEST_BARE(opsdiff, a_row_accepts_what_it_says)
{
	char dir[] = "./diolab-opsdiff-XXXXXX", ours[64], theirs[64], table[64], why[CLI_WHY_BYTES];

	lab_expect(mkdtemp(dir) != NULL);
	snprintf(ours, sizeof(ours), "%s/ours", dir);
	snprintf(theirs, sizeof(theirs), "%s/theirs", dir);
	snprintf(table, sizeof(table), "%s/table", dir);
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		const struct sample *s = &samples[i];
		struct opsdiff d = { .ours = ours, .theirs = theirs, .table = table, .judge = "design", .path = LAB_PATH_FILE };
		FILE *in = fmemopen((void *)s->op, strlen(s->op), "r");
		struct opset set;
		int rc;

		lab_expect_eq(opsfile_read(in, "t", &set, why, sizeof(why)), 0);
		fclose(in);
		put(ours, s->ours);
		put(theirs, s->theirs);
		put(table, s->row);
		rc = quietly(&set, &d);
		if (rc != s->want)
			lab_test_fail(__FILE__, __LINE__, "sample %zu (%s, '%s'): %d", i, s->op, s->row, rc);
		opset_free(&set);
	}
	unlink(ours);
	unlink(theirs);
	unlink(table);
	rmdir(dir);
}

/* The table that the checks use can be read, whole. */
LAB_TEST_BARE(opsdiff, the_table_of_the_house)
{
	char name[] = "./diolab-opsdiff-XXXXXX", why[CLI_WHY_BYTES], op[] = "fsync";
	struct opsdiff d = { .ours = name, .theirs = name, .judge = "kernel", .path = LAB_PATH_FILE };
	FILE *in = fmemopen(op, strlen(op), "r");
	struct opset set;

	if (access("scenarios/ops-differences.txt", R_OK))
		lab_test_skip("not started in the project's root");
	d.table = "scenarios/ops-differences.txt";
	lab_expect_ge(mkstemp(name), 0);
	put(name, "0 fsync ret=0 size=0 crc=-");
	lab_expect_eq(opsfile_read(in, "t", &set, why, sizeof(why)), 0);
	lab_expect_eq(quietly(&set, &d), EXIT_OK);
	unlink(name);
	fclose(in);
	opset_free(&set);
}
