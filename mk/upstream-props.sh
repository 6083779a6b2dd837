#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# mk/upstream-props.sh [--mutants] - random sequences of operations on bios and limits through Linux 6.1's bio.c, blk-merge.c
# and blk-settings.c and through sim/block, under ASan and UBSan: after each operation both must say the same. SEED=N begins
# with that seed, COUNT=N runs as many; a difference names its own.
#
# --mutants: then copies of files of sim/block with one mistake each, which the same sequences must find. A mistake that no
# longer applies, or does not compile, is a failure of this script.
#
# Without linux-source-6.1 one line says so, and the status is 0.
set -eu
cd "$(dirname "$0")/.."
. mk/lib.sh

mutants_option "$@"

unset KSRC NAME KERNEL
or_skip sh kernel-compat/upstream/prepare.sh

out=build/check/upstream-props
mut=build/upstream-props/mutants
seed=${SEED:-$(date +%s)}
count=${COUNT:-4000}

# sequences PROGRAM COUNT LOG: exit status of the program
sequences() {
	rc=0
	timeout -k 5 300 "$1" "$seed" "$2" >"$3" 2>&1 || rc=$?
	return "$rc"
}

build check "$out/tests"
sequences "$out/tests" "$count" "$out/log" || { grep -v 'module loaded' "$out/log" >&2; die "exit status $rc; SEED of the line above, COUNT=1 repeats it"; }
grep '^upstream-props' "$out/log"
[ "$mutants" ] || exit 0

# ---- mistakes ------------------------------------------------------------------------------------
# BASE.NAME, then the sed command that plants it in sim/block/BASE.c. Each changes exactly one line.
mutations() {
	cat <<'END'
bio-split.size-of-front      s/front->bi_iter.bi_size = (unsigned int)sectors << SECTOR_SHIFT;/front->bi_iter.bi_size = ((unsigned int)sectors << SECTOR_SHIFT) - 512;/
bio-split.not-advanced       s/^\tbio_advance(bio, front->bi_iter.bi_size);/\t;/
bio-split.trim-from-start    s/bio_advance(bio, offset << SECTOR_SHIFT);/;/
bio-split.segment-more       s/|| \*nsegs == lim->max_segments)/|| *nsegs > lim->max_segments)/
bio-split.segment-size       s/min(left_bytes, lim->max_segment_size)/left_bytes/
bio-split.max-bytes          s/seg = min(seg, max_bytes - \*bytes);/;/
bio-split.boundary-inside    s/if (left_bytes && (end & lim->virt_boundary_mask))/if (0)/
bio-split.gap-allowed        s/if (nsegs && lab_bvec_gap(lim, &prev, bv.bv_offset))/if (0)/
bio-split.gap-of-first       s/^\t\tprev = bv;/\t\tif (!prev.bv_len) prev = bv;/
bio-split.no-block           s/bytes -= bytes % lim->logical_block_size;/;/
bio-split.nowait-cut         /^struct bio \*bio_split_rw(/,/^}/s/if (bio->bi_opf & REQ_NOWAIT)/if (0 \&\& bio->bi_opf \& REQ_NOWAIT)/
bio-split.zeroes-as-discard  s/bio_op(bio) == REQ_OP_DISCARD ? lim->max_discard_sectors :/lim->max_discard_sectors; 0 ? 0 :/
bio-split.may-merge          s/front->bi_opf |= REQ_NOMERGE;/;/
bio-split.not-chained        s/^\tbio_chain(front, bio);/\tfront->bi_end_io = NULL;/
bio.grows-without-size       /^bool bio_try_merge_page(/,/^}/s/bio->bi_iter.bi_size += len_bytes;/;/
bio.never-merges             s/if (!bio_try_merge_page(bio, page, len_bytes, offset_bytes)) {/if (1) {/
bio.full-ignored             s/^\t\tif (bio_full(bio, len_bytes))$/\t\tif (bio->bi_vcnt >= bio->bi_max_vecs)/
bio.two-ends                 /^static inline bool bio_remaining_done(/,/^}/s/if (!atomic_dec_and_test(&bio->__bi_remaining))/atomic_dec(\&bio->__bi_remaining); if (0)/
blk-settings.stack-segments  s/t->max_segments = min(t->max_segments, b->max_segments);/;/
blk-settings.stack-boundary  s/min(t->virt_boundary_mask, b->virt_boundary_mask) :/max(t->virt_boundary_mask, b->virt_boundary_mask) :/
blk-settings.stack-block     s/t->logical_block_size = max(t->logical_block_size, b->logical_block_size);/;/
blk-settings.stack-dma       s/t->dma_alignment = max(t->dma_alignment, b->dma_alignment);/t->dma_alignment = b->dma_alignment;/
blk-settings.stack-rounding  s/^\tt->max_hw_sectors = stacked_sectors(t->max_hw_sectors, t->logical_block_size);/\t;/
blk-settings.stack-start     s/% b->logical_block_size ? -1 : 0;/% t->logical_block_size ? -1 : 0;/
blk-settings.derived         s/lim->lab_one_segment_bytes = min(max_bytes, lim->max_segment_size);/lim->lab_one_segment_bytes = max_bytes;/
blk-settings.hw-only         s/lim->max_sectors = min(lim->max_hw_sectors, (unsigned int)BLK_DEF_MAX_SECTORS);/lim->max_sectors = lim->max_hw_sectors;/
blk-settings.boundary-size   s/q->limits.max_segment_size = UINT_MAX;/;/
END
}

# Not found, and why.
unseen() {
	cat <<'END'
END
}

mkdir -p "$mut"
goals=
mutations >"$mut/list"
while read -r name cmd; do
	base=${name%%.*}
	echo "$cmd" >"$mut/one.sed"
	sed -f "$mut/one.sed" "sim/block/$base.c" >"$mut/part"
	[ "$(diff "sim/block/$base.c" "$mut/part" | grep -c '^>')" = 1 ] ||
		die "the mistake $name does not change exactly one line of sim/block/$base.c"
	cmp -s "$mut/part" "$mut/$name.c" || cp "$mut/part" "$mut/$name.c"
	goals="$goals $out/tests-$name"
done <"$mut/list"
build check $goals

found=0 bad=0 n=0
while read -r name cmd; do
	n=$((n + 1))
	why=$(unseen | sed -n "s/^$name  *//p")
	if sequences "$out/tests-$name" "$count" "$mut/$name.log"; then
		[ "$why" ] || bad=1
		echo "$name: ${why:+not found: }${why:-NOT FOUND}"
	else
		[ -z "$why" ] || { bad=1; echo "$name: found, and the list says it is not"; }
		found=$((found + 1))
		echo "$name: $(grep -m1 -oE 'seed [0-9]*, operation [0-9]*: [a-z-]*|AddressSanitizer: [a-zA-Z-]*|runtime error: .*|BUG: .*|leak: .*' "$mut/$name.log" | cut -c1-100)"
	fi
	rm -f "$out/tests-$name"
done <"$mut/list"
echo "upstream-props: $n mistakes planted in sim/block, $found found"
exit "$bad"
