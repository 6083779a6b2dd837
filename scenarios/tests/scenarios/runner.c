// SPDX-License-Identifier: GPL-2.0-only
/*
 * runner.c - the parts of the runner by themselves: payload, checksum, streams, the map of
 * generations, the histogram, and the audit of the disk, which must find what a design that reads
 * its own mistakes would hide.
 */
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include "matrix.h"
#include "runner/runner.h"

LAB_TEST(payload, is_splitmix64_and_starts_anywhere)
{
	static const u64 known[] = { 0xe220a8397b1dcdafull, 0x6e789e6aa1b965f4ull };
	u8 all[256], part[256];
	unsigned int first, len;

	/* splitmix64 as published: seed 0, state advanced by the golden ratio before each output. */
	lab_payload(all, 0, 0, 8);
	lab_expect_mem(all, &known[0], 8);
	lab_payload(all, 0x9e3779b97f4a7c15ull, 0, 8);
	lab_expect_mem(all, &known[1], 8);
	lab_payload(all, 42, 0, sizeof(all));
	for (first = 0; first < 24; first++) {
		for (len = 0; len < 40; len++) {
			memset(part, 0xaa, sizeof(part));
			lab_payload(part, 42, first, len);
			lab_expect_mem(part, all + first, len);
			lab_expect_eq(part[len], 0xaa);
		}
	}
}

LAB_TEST(crc32c, known_values)
{
	static const char digits[] = "123456789";
	u8 zeros[32] = { 0 }, ones[32];
	unsigned int cut;

	memset(ones, 0xff, sizeof(ones));
	lab_expect_eq(lab_crc32c(0, "", 0), 0);
	lab_expect_eq(lab_crc32c(0, digits, 9), 0xe3069283u);	/* the check value of CRC-32C */
	lab_expect_eq(lab_crc32c(0, zeros, 32), 0x8a9136aau);	/* RFC 3720 B.4 */
	lab_expect_eq(lab_crc32c(0, ones, 32), 0x62a8ab43u);
	for (cut = 0; cut <= 9; cut++)
		lab_expect_eq(lab_crc32c(lab_crc32c(0, digits, cut), digits + cut, 9 - cut), 0xe3069283u);
}

/* ---- streams ------------------------------------------------------------------------- */

static struct lab_job job;

static void one_job(enum lab_job_rw rw, bool random, u32 bs, u64 size)
{
	static struct scen s;

	scen_default(&s);
	job = s.job[0];
	job.rw = rw;
	job.random = random;
	job.size_bytes = size;
	job.offset_bytes = 8192;
	job.number_ios = 0;
	job.io_size_bytes = 0;
	scen_bs(&job, bs);
}

LAB_TEST(stream, random_takes_every_block_once_a_pass)
{
	static u8 seen[1000];
	static const u32 sizes[] = { 1, 2, 3, 7, 64, 65, 255, 256, 257, 1000 };
	struct stream_op op;
	struct stream s;
	unsigned int i, n, pass;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		one_job(LAB_JOB_WRITE, true, 4096, sizes[i] * 4096ull);
		job.io_size_bytes = 2 * job.size_bytes;
		stream_init(&s, &job, 0, 0);
		for (pass = 0; pass < 2; pass++) {
			memset(seen, 0, sizeof(seen));
			for (n = 0; n < sizes[i]; n++) {
				lab_expect(stream_next(&s, &op));
				lab_expect_eq(op.len_bytes, 4096);
				lab_expect_eq(op.rw, LAB_WRITE);
				lab_expect_eq(op.pos % 4096, 0);
				lab_expect_ge(op.pos, 8192);
				lab_expect_lt((op.pos - 8192) / 4096, sizes[i]);
				lab_expect_eq(seen[(op.pos - 8192) / 4096]++, 0);
			}
		}
		lab_expect(!stream_next(&s, &op));
	}
}

/* Not in order, or nearly: neighbours in time are neighbours in place no more often than chance. */
LAB_TEST(stream, random_is_not_sequential)
{
	struct stream_op op, last = { 0 };
	struct stream s;
	unsigned int n, steps = 0;

	one_job(LAB_JOB_READ, true, 4096, 4096ull * 4096);
	stream_init(&s, &job, 0, 0);
	for (n = 0; stream_next(&s, &op); n++) {
		steps += n && (op.pos == last.pos + 4096 || last.pos == op.pos + 4096);
		last = op;
	}
	lab_expect_eq(n, 4096);
	lab_expect_lt(steps, 20);
}

LAB_TEST(stream, sequential_wraps_and_ends)
{
	struct stream_op op;
	struct stream s;
	unsigned int n;

	one_job(LAB_JOB_READ, false, 4096, 10 * 4096);
	job.io_size_bytes = 25 * 4096 - 1;	/* issued until at least that much is */
	stream_init(&s, &job, 0, 0);
	for (n = 0; n < 25; n++) {
		lab_expect(stream_next(&s, &op));
		lab_expect_eq(op.pos, 8192 + n % 10 * 4096);
	}
	lab_expect(!stream_next(&s, &op));
	job.number_ios = 7;
	stream_init(&s, &job, 0, 5);
	for (n = 0; stream_next(&s, &op); n++)
		;
	lab_expect_eq(n, 5);
	stream_init(&s, &job, 0, 9);
	for (n = 0; stream_next(&s, &op); n++)
		;
	lab_expect_eq(n, 7);
}

LAB_TEST(stream, mix_and_split_keep_their_shares)
{
	struct stream_op op;
	struct stream s;
	unsigned int reads = 0, small = 0, n;

	one_job(LAB_JOB_RW, true, 4096, 1u << 20);
	job.rwmixread = 70;
	job.io_size_bytes = 1ull << 40;
	job.number_ios = 20000;
	for (n = 0; n < 2; n++) {
		job.nr_bssplit[n] = 2;
		job.bssplit[n][0] = (struct lab_bssplit) { 4096, 25 };
		job.bssplit[n][1] = (struct lab_bssplit) { 65536, 75 };
	}
	stream_init(&s, &job, 0, 0);
	for (n = 0; stream_next(&s, &op); n++) {
		reads += op.rw == LAB_READ;
		small += op.len_bytes == 4096;
		lab_expect_eq((op.pos - 8192) % op.len_bytes, 0);
		lab_expect_le(op.pos + op.len_bytes, 8192 + (1u << 20));
	}
	lab_expect_eq(n, 20000);
	lab_expect_ge(reads, 13700);
	lab_expect_le(reads, 14300);
	lab_expect_ge(small, 4700);
	lab_expect_le(small, 5300);
}

/* The same seed and clone: the same IOs; another one: others. The mix moves no offset. */
LAB_TEST(stream, depends_on_seed_and_clone_alone)
{
	struct stream_op a, b, c, d;
	struct stream sa, sb, sc, sd;
	struct lab_job other;
	unsigned int n, same_clone = 0, same_seed = 0;

	one_job(LAB_JOB_WRITE, true, 4096, 1u << 20);
	other = job;
	other.randseed++;
	stream_init(&sa, &job, 0, 0);
	stream_init(&sb, &job, 0, 0);
	stream_init(&sc, &job, 1, 0);
	stream_init(&sd, &other, 0, 0);
	for (n = 0; n < 256; n++) {
		lab_expect(stream_next(&sa, &a) && stream_next(&sb, &b));
		lab_expect(stream_next(&sc, &c) && stream_next(&sd, &d));
		lab_expect_eq(a.pos, b.pos);
		same_clone += a.pos == c.pos;
		same_seed += a.pos == d.pos;
	}
	lab_expect_lt(same_clone, 16);
	lab_expect_lt(same_seed, 16);
}

/* ---- the map of generations ------------------------------------------------------------ */

LAB_TEST(vmap, finds_every_kind_of_wrong_byte)
{
	static u8 p[8192];
	struct vmap *map = vmap_create(sizeof(p), 5);
	struct vmap_diff diff;
	u32 old, gen;

	lab_expect(map);
	memset(p, 0, sizeof(p));
	lab_expect(vmap_check(map, 0, p, sizeof(p), &diff));
	p[4097] = 1;
	lab_expect(!vmap_check(map, 0, p, sizeof(p), &diff));
	lab_expect_eq(diff.pos, 4097);
	lab_expect_eq(diff.found, 1);
	lab_expect_eq(diff.expected, 0);

	old = vmap_new_gen(map);
	vmap_set(map, 512, 1024, old);
	vmap_fill(map, 0, p, sizeof(p));
	lab_expect(vmap_check(map, 0, p, sizeof(p), &diff));
	lab_expect(vmap_check(map, 700, p + 700, 1, &diff));
	gen = vmap_new_gen(map);
	lab_expect_ne(gen, old);
	vmap_set(map, 1024, 512, gen);
	lab_expect(!vmap_check(map, 0, p, sizeof(p), &diff));
	lab_expect_ge(diff.pos, 1024);
	lab_expect_lt(diff.pos, 1536);
	lab_expect_eq(diff.gen, gen);
	lab_expect(kc_strstr(diff.hint, "older"));

	/* the same generation of another sector is wrong too */
	vmap_fill(map, 0, p, sizeof(p));
	memcpy(p + 512, p + 1024, 512);
	lab_expect(!vmap_check(map, 512, p + 512, 512, &diff));
	vmap_set(map, 512, 512, VMAP_UNKNOWN);
	lab_expect(vmap_check(map, 512, p + 512, 512, &diff));
	host_free(map->gen);
	host_free(map);
}

LAB_TEST(vmap, claims_overlap_only_as_readers)
{
	struct vmap *map = vmap_create(1u << 20, 5);
	struct vmap_claim a, b, c;

	lab_expect(map);
	lab_expect(vmap_claim(map, &a, 4096, 4096, false));
	lab_expect(vmap_claim(map, &b, 4096, 8192, false));
	lab_expect(!vmap_claim(map, &c, 8191, 1, true));
	lab_expect(!vmap_claim(map, &c, 4095, 2, true));
	lab_expect(vmap_claim(map, &c, 0, 4096, true));
	vmap_release(map, &c);
	vmap_release(map, &b);
	lab_expect(vmap_claim(map, &c, 8192, 4096, true));
	lab_expect(!vmap_claim(map, &b, 8192, 512, false));
	vmap_release(map, &c);
	vmap_release(map, &a);
	lab_expect(vmap_claim(map, &c, 0, 1u << 20, true));
	vmap_release(map, &c);
	host_free(map->gen);
	host_free(map);
}

LAB_TEST(hist, percentiles_are_within_a_step)
{
	static struct hist h;
	struct lab_lat lat;
	u64 i;

	memset(&h, 0, sizeof(h));
	hist_read(&h, &lat);
	lab_expect_eq(lat.count, 0);
	for (i = 1; i <= 100000; i++)
		hist_add(&h, i * 10);
	hist_read(&h, &lat);
	lab_expect_eq(lat.count, 100000);
	lab_expect_eq(lat.max, 1000000);
	lab_expect_ge(lat.p50, 500000);
	lab_expect_le(lat.p50, 500000 + 500000 / 16);
	lab_expect_ge(lat.p99, 990000);
	lab_expect_le(lat.p99, 1000000);
	lab_expect_ge(lat.p999, 999000);
	hist_add(&h, ~0ull);
	hist_add(&h, 0);
	hist_read(&h, &lat);
	lab_expect_eq(lat.max, ~0ull);
	lab_expect_eq(lat.count, 100002);
}

/* ---- the audit ------------------------------------------------------------------------ */

static char last_complaint[LAB_WHY_BYTES];

static void on_complaint(const char *line)
{
	strscpy(last_complaint, line, sizeof(last_complaint));
}

static int raw(struct room *r, blk_opf_t opf, u64 pos)
{
	struct bio_vec vec;
	struct bio bio;
	int err;

	bio_init(&bio, r->stack[0], &vec, 1, opf);
	bio.bi_iter.bi_sector = pos >> SECTOR_SHIFT;
	__bio_add_page(&bio, r->chunk, LAB_BLOCK_BYTES, 0);
	err = submit_bio_wait(&bio);
	bio_uninit(&bio);
	return err;
}

/*
 * Two blocks of the disk are exchanged: whoever reads through the same wrong mapping that it wrote
 * through would see nothing. The audit, which asks the map and reads the disk, sees both.
 */
LAB_TEST(audit, finds_blocks_in_each_others_place)
{
	static struct lab_run_result out;
	static struct scen s;
	struct lab_fs_opts opts = { .layout = LAB_LAYOUT_FRAGMENTED, .fragment_bytes = LAB_BLOCK_BYTES };
	struct room r = { .spec = &s.spec, .out = &out, .nr_stack = 1 };
	struct lab_extent a, b;
	u8 *copy = (u8 *)__get_free_page(GFP_KERNEL);
	unsigned int i;

	memset(&out, 0, sizeof(out));
	scen_default(&s);
	s.spec.complain = on_complaint;
	r.file_bytes = 64 * LAB_BLOCK_BYTES;
	r.chunk = kc_alloc_contig(RUN_CHUNK_BYTES >> PAGE_SHIFT, GFP_KERNEL, KC_SITE);
	r.stack[0] = lab_ram_create(1u << 20, NULL);
	r.nr_levels = 1;
	r.level[0].fs = lab_fs_create(r.stack[0], &opts);
	r.inode = r.level[0].inode = lab_inode_create(r.level[0].fs, r.file_bytes);
	r.map = vmap_create(r.file_bytes, 3);
	lab_expect(copy && r.chunk && !IS_ERR(r.stack[0]) && !IS_ERR(r.level[0].fs) && !IS_ERR(r.inode) && r.map);
	vmap_set(r.map, 0, r.file_bytes, VMAP_UNKNOWN);
	lab_expect(straight_lay_out(&r, 0, r.file_bytes));
	lab_expect_eq(straight_audit(&r, "test", 0, r.file_bytes), 0);

	lab_expect_eq(lab_map(r.inode, 5 * LAB_BLOCK_BYTES, LAB_BLOCK_BYTES, 0, &a), 0);
	lab_expect_eq(lab_map(r.inode, 9 * LAB_BLOCK_BYTES, LAB_BLOCK_BYTES, 0, &b), 0);
	lab_expect_eq(raw(&r, REQ_OP_READ, a.sector << SECTOR_SHIFT), 0);
	memcpy(copy, page_address(r.chunk), LAB_BLOCK_BYTES);
	lab_expect_eq(raw(&r, REQ_OP_READ, b.sector << SECTOR_SHIFT), 0);
	lab_expect_eq(raw(&r, REQ_OP_WRITE, a.sector << SECTOR_SHIFT), 0);
	memcpy(page_address(r.chunk), copy, LAB_BLOCK_BYTES);
	lab_expect_eq(raw(&r, REQ_OP_WRITE, b.sector << SECTOR_SHIFT), 0);
	lab_expect_eq(straight_audit(&r, "test", 0, r.file_bytes), 2);
	lab_expect(kc_strstr(last_complaint, "on the disk"));
	lab_expect_eq(straight_audit(&r, "test", 0, 5 * LAB_BLOCK_BYTES), 0);
	lab_expect_eq(straight_read(&r, 5 * LAB_BLOCK_BYTES + 100, copy, 1000), 0);

	host_free(r.map->gen);
	host_free(r.map);
	lab_fs_destroy(r.level[0].fs);
	lab_bdev_destroy(r.stack[0]);
	for (i = 0; i < RUN_CHUNK_BYTES >> PAGE_SHIFT; i++)
		__free_page(r.chunk + i);
	free_page((unsigned long)copy);
}
