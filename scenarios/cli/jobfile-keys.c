// SPDX-License-Identifier: GPL-2.0-only
/*
 * jobfile-keys.c - what each key of a job file means, as one table, and the rules between keys.
 *
 * A key's function gets the value as text and answers 0 or a line for the user. Keys that
 * fio needs but that are not ours to obey (ioengine, filename …) are accepted and listed as ignored.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <strings.h>

#include "jobfile.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct key {
	const char *name;
	int (*set)(struct parser *p, struct lab_job *j, const char *key, const char *value);
	size_t offset;			/* of the field, for the plain ones */
	uint64_t min, max;
};

static int bad_value(struct parser *p, const char *key, const char *value, const char *want)
{
	return jobfile_err(p, "%s=%s: %s", key, value ? value : "", want);
}

static const struct key *find_key(const char *name);

static int in_range(struct parser *p, const char *key, const char *value, uint64_t v)
{
	const struct key *k = find_key(key);

	if (v < k->min || v > k->max)
		return jobfile_err(p, "%s=%s: must be %llu to %llu", key, value, (unsigned long long)k->min,
				   (unsigned long long)k->max);
	return 0;
}

static int key_bytes(struct parser *p, struct lab_job *j, const char *key, const char *value)
{
	uint64_t v;

	if (!value || parse_bytes(value, &v))
		return bad_value(p, key, value, "want a size such as 4096, 4k or 1m");
	if (in_range(p, key, value, v))
		return -1;
	memcpy((char *)j + find_key(key)->offset, &v, sizeof(v));
	return 0;
}

static int key_u64(struct parser *p, struct lab_job *j, const char *key, const char *value)
{
	uint64_t v;

	if (!value || parse_number(value, &v))
		return bad_value(p, key, value, "want a number");
	if (in_range(p, key, value, v))
		return -1;
	memcpy((char *)j + find_key(key)->offset, &v, sizeof(v));
	return 0;
}

static int key_u32(struct parser *p, struct lab_job *j, const char *key, const char *value)
{
	uint64_t v;
	uint32_t v32;

	if (!value || parse_number(value, &v))
		return bad_value(p, key, value, "want a number");
	if (in_range(p, key, value, v))
		return -1;
	v32 = (uint32_t)v;
	memcpy((char *)j + find_key(key)->offset, &v32, sizeof(v32));
	return 0;
}

/* fio: a bare key means 1 */
static int key_flag(struct parser *p, struct lab_job *j, const char *key, const char *value)
{
	int v = 1;

	if (value && strcmp(value, "0") && strcmp(value, "1"))
		return bad_value(p, key, value, "want 0 or 1");
	if (value)
		v = value[0] == '1';
	memcpy((char *)j + find_key(key)->offset, &v, sizeof(v));
	return 0;
}

static int key_rw(struct parser *p, struct lab_job *j, const char *key, const char *value)
{
	static const char *const words[] = { "read", "write", "rw", "readwrite", "randread", "randwrite", "randrw" };
	static const enum lab_job_rw kinds[] = { LAB_JOB_READ, LAB_JOB_WRITE, LAB_JOB_RW, LAB_JOB_RW, LAB_JOB_READ,
						 LAB_JOB_WRITE, LAB_JOB_RW };

	for (size_t i = 0; value && i < COUNT(words); i++) {
		if (strcmp(value, words[i]))
			continue;
		j->rw = kinds[i];
		j->random = i >= 4;
		return 0;
	}
	return jobfile_err(p, "%s=%s: want read, write, rw, randread, randwrite or randrw%s", key, value ? value : "",
			   value ? did_you_mean(value, words, COUNT(words)) : "");
}

static int block_size(struct parser *p, const char *key, const char *text, uint32_t *out)
{
	uint64_t v;

	if (parse_bytes(text, &v) || !v || v > LAB_MAX_BS_BYTES || v % 512)
		return jobfile_err(p, "%s=%s: want a multiple of 512 up to %u", key, text, LAB_MAX_BS_BYTES);
	*out = (uint32_t)v;
	return 0;
}

/* bs=READ[,WRITE] */
static int key_bs(struct parser *p, struct lab_job *j, const char *key, const char *value)
{
	char text[256], *next, *word = text;

	if (!value || !*value || strlen(value) >= sizeof(text))
		return bad_value(p, key, value, "want a block size such as 4k, or 4k,8k for reads,writes");
	strcpy(text, value);
	for (int dir = 0; dir < 2; dir++) {
		uint32_t bytes;

		next = strchr(word, ',');
		if (next && dir == 1)
			return bad_value(p, key, value, "want at most two sizes: reads,writes");
		if (next)
			*next = 0;
		if (block_size(p, key, word, &bytes))
			return -1;
		j->bssplit[dir][0] = (struct lab_bssplit){ bytes, 100 };
		j->nr_bssplit[dir] = 1;
		if (next)
			word = next + 1;
	}
	return 0;
}

/* One direction: 4k/60:64k/40; entries without a percentage share what is left, as in fio. */
static int one_split(struct parser *p, const char *key, char *text, struct lab_bssplit *out, uint32_t *nr)
{
	uint32_t sum = 0, open = 0, n = 0;
	char *save = NULL;

	for (char *w = strtok_r(text, ":", &save); w; w = strtok_r(NULL, ":", &save)) {
		char *slash = strchr(w, '/');
		uint64_t percent = ~0ull;

		if (slash)
			*slash++ = 0;
		if (n == LAB_MAX_BSSPLIT)
			return jobfile_err(p, "%s: at most %d sizes", key, LAB_MAX_BSSPLIT);
		if (block_size(p, key, w, &out[n].bytes))
			return -1;
		if (slash && *slash && (parse_number(slash, &percent) || percent > 100))
			return jobfile_err(p, "%s: %s/%s: want a percentage of 0 to 100", key, w, slash);
		if (percent == ~0ull)
			open++;
		else
			sum += (uint32_t)percent;
		out[n++].percent = (uint32_t)percent;
	}
	if (!n || sum > 100 || (!open && sum != 100))
		return jobfile_err(p, "%s: the percentages must add up to 100, not %u", key, sum);
	for (uint32_t i = 0; i < n; i++) {
		if (out[i].percent != ~0u)
			continue;
		out[i].percent = (100 - sum) / open;
		sum += out[i].percent;
		open--;
	}
	*nr = n;
	return 0;
}

static int key_bssplit(struct parser *p, struct lab_job *j, const char *key, const char *value)
{
	char text[512], *comma;

	if (!value || !*value || strlen(value) >= sizeof(text))
		return bad_value(p, key, value, "want sizes and percentages such as 4k/60:64k/40");
	strcpy(text, value);
	comma = strchr(text, ',');
	if (comma)
		*comma++ = 0;
	if (one_split(p, key, text, j->bssplit[0], &j->nr_bssplit[0]))
		return -1;
	if (comma)
		return one_split(p, key, comma, j->bssplit[1], &j->nr_bssplit[1]);
	memcpy(j->bssplit[1], j->bssplit[0], sizeof(j->bssplit[0]));
	j->nr_bssplit[1] = j->nr_bssplit[0];
	return 0;
}

static int key_runtime(struct parser *p, struct lab_job *j, const char *key, const char *value)
{
	uint64_t ns;

	if (!value || parse_time_ns(value, &ns) || !ns)
		return bad_value(p, key, value, "want a time such as 10, 500ms or 2m");
	j->runtime_ns = ns;
	return 0;
}

/* Which checksum fio would use does not matter here: every byte is compared with what was written. */
static int key_verify(struct parser *p, struct lab_job *j, const char *key, const char *value)
{
	static const char *const on[] = {
		"1", "crc32c", "crc32c-intel", "crc32", "crc64", "crc16", "crc7", "md5", "sha1", "sha256", "sha512",
		"sha3-256", "xxhash", "meta", "pattern",
	};

	j->verify = 0;
	if (value && (!strcmp(value, "0") || !strcmp(value, "none")))
		return 0;
	for (size_t i = 0; value && i < COUNT(on); i++)
		j->verify |= !strcmp(value, on[i]);
	if (j->verify)
		return 0;
	return jobfile_err(p, "%s=%s: want crc32c, another checksum of fio's, or 0%s", key, value ? value : "",
			   value ? did_you_mean(value, on, COUNT(on)) : "");
}

/* fio's O_SYNC and O_DSYNC are one here: there are no times that one of them would leave behind. */
static int key_sync(struct parser *p, struct lab_job *j, const char *key, const char *value)
{
	static const char *const words[] = { "0", "none", "1", "sync", "dsync" };

	for (size_t i = 0; value && i < COUNT(words); i++) {
		if (strcmp(value, words[i]))
			continue;
		j->dsync = i >= 2;
		return 0;
	}
	return jobfile_err(p, "%s=%s: want none, sync or dsync%s", key, value ? value : "",
			   value ? did_you_mean(value, words, COUNT(words)) : "");
}

static int key_stonewall(struct parser *p, struct lab_job *j, const char *key, const char *value)
{
	return key_flag(p, j, key, value);
}

static int key_ignored(struct parser *p, struct lab_job *j, const char *key, const char *value)
{
	char *list = p->set->ignored, *at = strstr(list, key);
	size_t len = strlen(key), used = strlen(list);

	if (at && (at == list || at[-1] == ' ') && (!at[len] || at[len] == ' '))
		return 0;
	snprintf(list + used, sizeof(p->set->ignored) - used, "%s%s", used ? " " : "", key);
	return 0;
}

/*
 * fio's engines that read and write as read(2) and write(2) do; of the others only the depth counts, which is another
 * key.
 */
static int key_ioengine(struct parser *p, struct lab_job *j, const char *key, const char *value)
{
	static const char *const waiting[] = { "sync", "psync", "vsync", "pvsync", "pvsync2" };

	j->sync_calls = 0;
	for (size_t i = 0; value && i < COUNT(waiting); i++)
		j->sync_calls |= !strcmp(value, waiting[i]);
	return j->sync_calls ? 0 : key_ignored(p, j, key, value);
}

#define F(field) offsetof(struct lab_job, field)
static const struct key keys[] = {
	{ "rw", key_rw, 0, 0, 0 },
	{ "readwrite", key_rw, 0, 0, 0 },
	{ "bs", key_bs, 0, 0, 0 },
	{ "blocksize", key_bs, 0, 0, 0 },
	{ "bssplit", key_bssplit, 0, 0, 0 },
	{ "size", key_bytes, F(size_bytes), 512, 1ull << 40 },
	{ "io_size", key_bytes, F(io_size_bytes), 512, 1ull << 50 },
	{ "offset", key_bytes, F(offset_bytes), 0, 1ull << 40 },
	{ "iodepth", key_u32, F(iodepth), 1, LAB_MAX_IODEPTH },
	{ "direct", key_flag, F(direct), 0, 1 },
	{ "rwmixread", key_u32, F(rwmixread), 0, 100 },
	{ "fsync", key_u32, F(fsync_every), 0, 1u << 30 },
	{ "sync", key_sync, 0, 0, 0 },
	{ "end_fsync", key_flag, F(end_fsync), 0, 1 },
	{ "numjobs", key_u32, F(numjobs), 1, LAB_MAX_NUMJOBS },
	{ "stonewall", key_stonewall, F(stonewall), 0, 1 },
	{ "verify", key_verify, 0, 0, 0 },
	{ "randseed", key_u64, F(randseed), 0, ~0ull },
	{ "number_ios", key_u64, F(number_ios), 1, 1ull << 40 },
	{ "runtime", key_runtime, 0, 0, 0 },
	{ "iomem_align", key_bytes, F(iomem_align_bytes), 1, 1u << 20 },
	{ "name", key_ignored, 0, 0, 0 },
	{ "filename", key_ignored, 0, 0, 0 },
	{ "directory", key_ignored, 0, 0, 0 },
	{ "ioengine", key_ioengine, 0, 0, 0 },
	{ "thread", key_ignored, 0, 0, 0 },
	{ "group_reporting", key_ignored, 0, 0, 0 },
	{ "verify_state_save", key_ignored, 0, 0, 0 },
};

static const struct key *find_key(const char *name)
{
	for (size_t i = 0; i < COUNT(keys); i++)
		if (!strcmp(keys[i].name, name))
			return &keys[i];
	return NULL;
}

int jobfile_key(struct parser *p, struct lab_job *j, const char *key, const char *value)
{
	const struct key *k = find_key(key);
	const char *names[COUNT(keys)];

	if (k)
		return k->set(p, j, key, value);
	for (size_t i = 0; i < COUNT(keys); i++)
		names[i] = keys[i].name;
	return jobfile_err(p, "unknown key '%s'%s", key, did_you_mean(key, names, COUNT(keys)));
}

void jobfile_job_defaults(struct lab_job *j, const char *file)
{
	memset(j, 0, sizeof(*j));
	snprintf(j->file, sizeof(j->file), "%s", file);
	j->iodepth = 1;
	j->numjobs = 1;
	j->rwmixread = 50;
	j->direct = 1;
	j->randseed = 1;
	j->expect_errors = -1;
	for (int dir = 0; dir < 2; dir++) {
		j->bssplit[dir][0] = (struct lab_bssplit){ 4096, 100 };
		j->nr_bssplit[dir] = 1;
	}
}

int jobfile_finish(struct parser *p, struct lab_job *j)
{
	uint32_t largest = 0;

	if (!j->size_bytes)
		return jobfile_err(p, "job '%s' (line %d) has no size=", j->name, j->line);
	for (int dir = 0; dir < 2; dir++)
		for (uint32_t i = 0; i < j->nr_bssplit[dir]; i++)
			if (j->bssplit[dir][i].bytes > largest)
				largest = j->bssplit[dir][i].bytes;
	if (largest > j->size_bytes)
		return jobfile_err(p, "job '%s' (line %d): a block of %u bytes does not fit size=%llu", j->name, j->line,
				   largest, (unsigned long long)j->size_bytes);
	if (j->offset_bytes % 512 || j->size_bytes % 512)
		return jobfile_err(p, "job '%s' (line %d): size and offset must be multiples of 512", j->name, j->line);
	if (j->iomem_align_bytes & (j->iomem_align_bytes - 1))
		return jobfile_err(p, "job '%s' (line %d): iomem_align must be a power of two", j->name, j->line);
	return 0;
}

static const struct { const char *name; int number; } errnos[] = {
	{ "EIO", EIO }, { "EINVAL", EINVAL }, { "EFAULT", EFAULT }, { "ENOSPC", ENOSPC }, { "EAGAIN", EAGAIN },
	{ "ENOMEM", ENOMEM }, { "EFBIG", EFBIG }, { "EOPNOTSUPP", EOPNOTSUPP }, { "EROFS", EROFS },
	{ "EPERM", EPERM }, { "ENXIO", ENXIO }, { "EBADF", EBADF }, { "EILSEQ", EILSEQ },
};

static int expect_errno(struct parser *p, struct lab_job *j, const char *value)
{
	const char *names[COUNT(errnos)];

	for (size_t i = 0; i < COUNT(errnos); i++) {
		names[i] = errnos[i].name;
		if (!strcmp(value, errnos[i].name)) {
			j->expect_errno = errnos[i].number;
			return 0;
		}
	}
	return jobfile_err(p, "expect.errno: unknown errno '%s'%s", value, did_you_mean(value, names, COUNT(errnos)));
}

static int expect_defect(struct parser *p, struct lab_job *j, const char *value)
{
	int defect = lab_defect(value);

	if (defect < 0)
		return jobfile_err(p, "expect.defect: no defect is called '%s'; NOTES.md of iter-ops names them", value);
	j->expect_defects |= 1u << defect;
	return 0;
}

int jobfile_expect(struct parser *p, struct lab_job *j, const char *what, const char *value)
{
	static const char *const scopes[] = { "upper", "loop", "lower" };
	const char *names[LAB_COUNTERS_MAX], *counter = what;
	unsigned int n = lab_nr_counters();
	uint64_t v;

	if (!strcmp(what, "errno"))
		return expect_errno(p, j, value);
	if (!strcmp(what, "defect"))
		return expect_defect(p, j, value);
	if (parse_number(value, &v) || v > 1ull << 40)
		return jobfile_err(p, "expect.%s: '%s' is no number", what, value);
	if (!strcmp(what, "errors")) {
		if (v > INT_MAX)
			return jobfile_err(p, "expect.errors: at most %d, not %s", INT_MAX, value);
		j->expect_errors = (int)v;
		return 0;
	}
	for (size_t i = 0; i < COUNT(scopes); i++) {
		size_t len = strlen(scopes[i]);

		if (!strncmp(what, scopes[i], len) && what[len] == '.')
			counter = what + len + 1;
	}
	for (unsigned int i = 0; i < n; i++)
		names[i] = lab_counter_name(i);
	for (unsigned int i = 0; i < n; i++) {
		if (strcmp(counter, names[i]))
			continue;
		if (j->nr_expect == LAB_MAX_EXPECT)
			return jobfile_err(p, "too many expectations; at most %d a job", LAB_MAX_EXPECT);
		snprintf(j->expect[j->nr_expect].counter, LAB_NAME_BYTES, "%s", what);
		j->expect[j->nr_expect++].value = v;
		return 0;
	}
	return jobfile_err(p, "expect.%s: no such counter%s", what, did_you_mean(counter, names, n));
}

int jobfile_check_pragma(struct parser *p, const char *name)
{
	static const char *const plain[] = { "design", "fs", "limits", "stack" };
	const char *all[COUNT(plain) + 16];
	size_t n = 0;

	for (size_t i = 0; i < COUNT(plain); i++) {
		if (!strcmp(name, plain[i]))
			return 0;
		all[n++] = plain[i];
	}
	if (!strncmp(name, "knob.", 5)) {
		for (n = 0; setup_knob_names[n]; n++) {
			if (!strcmp(name + 5, setup_knob_names[n]))
				return 0;
		}
		return jobfile_err(p, "#@ %s: no such knob%s", name, did_you_mean(name + 5, setup_knob_names, n));
	}
	all[n++] = "knob.handoff";
	all[n++] = "expect.errors";
	all[n++] = "expect.errno";
	all[n++] = "expect.defect";
	return jobfile_err(p, "unknown pragma '%s'%s", name, did_you_mean(name, all, n));
}
