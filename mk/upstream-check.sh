#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# mk/upstream-check.sh - the design `upstream` under ASan and UBSan: every byte of first-light.fio, both engines, both
# paths, ready bios; generated operations line by line against four designs of ours and the running kernel; splits under
# random limits; and the way a tree of one's own goes: a copy of the prepared source with one allocation more in
# iomap/direct-io.c, which must show as exactly that, is not written to, and what is no kernel is refused with one line.
#
# Without a kernel source one line says so, and the status is 0.
set -eu
cd "$(dirname "$0")/.."
. mk/lib.sh

rc=0
sh kernel-compat/upstream/prepare.sh || rc=$?
[ "$rc" != 77 ] || exit 0
[ "$rc" = 0 ] || exit "$rc"

out=build/upstream-check
rm -rf "$out"
mkdir -p "$out"
said() { grep -v -e 'module loaded' -e 'accepted and ignored' "$1" || true; }

# ---- KSRC that will not do: one line, exit 2 ---------------------------------------------------------
refused() {
	why=$1; shift
	rc=0
	env "$@" sh kernel-compat/upstream/prepare.sh >"$out/refused" 2>&1 || rc=$?
	[ "$rc" = 2 ] || die "$why: exit status $rc, not 2"
	[ "$(wc -l <"$out/refused")" = 1 ] || die "$why: not one line: $(cat "$out/refused")"
	grep -q "$why" "$out/refused" || die "expected '$why', not: $(cat "$out/refused")"
}
mkdir -p "$out/none" "$out/old" "$out/half"
touch "$out/old/Kconfig" "$out/half/Kconfig"
printf 'VERSION = 5\nPATCHLEVEL = 15\n' >"$out/old/Makefile"
printf 'VERSION = 6\nPATCHLEVEL = 1\n' >"$out/half/Makefile"
refused 'no such folder' KSRC="$out/nowhere"
refused 'no kernel source' KSRC="$out/none"
refused 'is too old' KSRC="$out/old"
refused 'it has no lib/iov_iter.c' KSRC="$out/half"
refused 'want a word' KSRC="$out/none" NAME=no-word
if [ "$(id -u)" != 0 ]; then
	chmod 000 "$out/half"
	refused 'no right to read it' KSRC="$out/half"
	chmod 755 "$out/half"
fi
echo 'upstream-check: bad trees are refused'

# ---- a tree of one's own -----------------------------------------------------------------------------
src=$PWD/$out/src
mkdir -p "$src"
tar -C build/upstream/6.1/tree -cf - --exclude='*.o' --exclude='*.cmd' --exclude='include/generated' \
	--exclude='include/config' . | tar -C "$src" -xf -
f=$src/fs/iomap/direct-io.c
# what it allocates is freed at once: one allocation a bio, and nothing else
sed -i '/^static void iomap_dio_submit_bio(/,/^{/s/^{/{\
	kfree(kmalloc(24, GFP_KERNEL));/' "$f"
cmp -s "$f" build/upstream/6.1/tree/fs/iomap/direct-io.c && die 'the change to iomap/direct-io.c did not apply'
(cd "$src" && find . -type f -exec cksum {} + | sort) >"$out/before"
KSRC=$src NAME=plusone sh kernel-compat/upstream/prepare.sh
(cd "$src" && find . -type f -exec cksum {} + | sort) >"$out/after"
cmp -s "$out/before" "$out/after" || die 'the tree that KSRC names was written to'
[ -z "$(KSRC=$src NAME=plusone sh kernel-compat/upstream/prepare.sh)" ] || die 'nothing changed, and prepare.sh did something'

build check build/check/diolab-upstream
lab=build/check/diolab-upstream

# per_io FILE PATH COUNTER: each design's sum over the scopes, of the first job
per_io() {
	awk -v want="$2" '$1 == want { for (i = 2; i <= NF; i++) sum[i] += $i } /^\[/ && seen++ { exit }
			  END { printf "%.0f %.0f\n", sum[2] * 1000, sum[3] * 1000 }' "$1"
}
"$lab" compare -d upstream,upstream:plusone --path file --ram 64m --ios 256 scenarios/first-light.fio >"$out/plusone" 2>&1 ||
	{ said "$out/plusone"; die 'the patched tree does not run'; }
# shellcheck disable=SC2046
set -- $(per_io "$out/plusone" alloc_dio)
[ "$1" = 1000 ] && [ "$2" = 2000 ] || die "alloc_dio per IO of upstream and upstream:plusone, in thousandths: $1 $2, expected 1000 2000"
for c in alloc_bio bios map_calls pin_pages; do
	set -- $(per_io "$out/plusone" $c)
	[ "$1" = "$2" ] || die "$c per IO differs: $1 $2"
done
echo 'upstream-check: one allocation more a bio in a copy of iomap/direct-io.c shows as alloc_dio 1 -> 2, and nothing else'
rm -rf "$src" build/upstream/plusone build/check/upstream-plusone build/check/design/upstream-plusone.o*
build check build/check/diolab-upstream

# ---- every byte -----------------------------------------------------------------------------------------
for engine in thr det; do
	"$lab" compare -d upstream --engine $engine --ram 64m --verify --ios 1000 scenarios/first-light.fio >"$out/run" 2>&1 ||
		{ said "$out/run"; die "first-light.fio, engine $engine"; }
	"$lab" run -d upstream --engine $engine --source pinned --path loop --ram 64m --verify \
		scenarios/calibrate.fio >"$out/run" 2>&1 || { said "$out/run"; die "ready bios, engine $engine"; }
	grep -q '^  flushes' "$out/run" || die 'ready bios: no flush came by'
done
"$lab" compare -d upstream --verify --ios 1000 scenarios/first-light.fio >"$out/run" 2>&1 ||
	{ said "$out/run"; die 'first-light.fio on a real file'; }
echo 'upstream-check: every byte arrives, both engines, both paths, ready bios, a real file'

# ---- line by line: our designs, and the running kernel, against upstream ----------------------------------
# What may differ stands in scenarios/ops-differences.txt: Linux's code is judged by the running kernel, and judges our
# designs, by the rows that are for the kernel. On a host without O_DIRECT, or without loop devices, the kernel is left out.
seed=${SEED:-$(date +%s)}
table=scenarios/ops-differences.txt
compare() { "$lab" ops --path "$1" --judge kernel --differences $table --compare "$2,$3" "$out/ops" >"$out/diff" 2>&1; }
streams() {
	path=$1 classes=$2 fs=$3
	"$lab" ops --generate --seed "$seed" --count 300 --path "$path" --classes "$classes" >"$out/ops"
	for d in upstream iter-ops-fixed bio-first iter-bvec iter-bvec@6.1; do
		"$lab" ops -d $d --ram 64m --fs "$fs" --path "$path" "$out/ops" >"$out/ops.$d" 2>"$out/err" ||
			{ said "$out/err"; die "ops -d $d --fs $fs --path $path, seed $seed, $classes"; }
	done
	for d in iter-ops-fixed bio-first iter-bvec iter-bvec@6.1; do
		compare "$path" "$out/ops.$d" "$out/ops.upstream" ||
			{ head -5 "$out/diff"; die "upstream and $d differ: ops --generate --seed $seed --path $path --classes $classes, --fs $fs"; }
	done
	rc=0
	"$lab" ops --kernel --path "$path" --disk "$out/file" "$out/ops" >"$out/ops.kernel" 2>"$out/err" || rc=$?
	if [ "$rc" = 0 ]; then
		judged=$((judged + 1))
		compare "$path" "$out/ops.upstream" "$out/ops.kernel" ||
			{ head -5 "$out/diff"; die "upstream and the running kernel differ: --seed $seed --path $path --classes $classes, --fs $fs"; }
	elif [ "$rc" != 77 ] && ! grep -q O_DIRECT "$out/err"; then
		said "$out/err"; die 'the running kernel fails'
	fi
	rm -f "$out/file"
	ran=$((ran + 1))
}
ran=0 judged=0
for fs in extent extent:layout=sparse extent:layout=unwritten extent:layout=fragmented=16k; do
	streams file valid,zero,many,eof,position,aio $fs
	streams file valid,extend,truncate,alloc $fs
	streams file valid,extend,truncate,sync $fs
	streams file valid,misaligned,fault,midfault,nowait,alloc,aio $fs
done
streams file valid,extend,truncate,seek extent
for fs in extent extent:layout=fragmented=16k; do
	streams loop valid,zero,many,eof,sync,position,aio,seek,misaligned,fault,midfault,nowait,alloc $fs
done
echo "upstream-check: $ran streams of 300 operations, file and loop device: iter-ops-fixed, bio-first and iter-bvec as upstream does them; $judged by the running kernel, too (seed $seed)"

# ---- splits, under limits drawn at random -----------------------------------------------------------------------
# Linux's blk-merge.c and ours must cut the same bios in the same number of places; and what is left of a split bio, and the
# bio after it, must join the requests that a plug holds as often. For iter-bvec@6.1, which has a plug around each call, as
# Linux has.
cat >"$out/limits.fio" <<'END'
[global]
direct=1
size=32m
randseed=1
[mixed]
stonewall
rw=randrw
bssplit=4k/20:20k/30:132k/30:1m/20
iodepth=4
iomem_align=512
[large]
stonewall
rw=write
bs=1m
iodepth=2
END
awk -v s="$seed" 'BEGIN {
	srand(s)
	for (i = 0; i < 8; i++) {
		l = "max_sectors=" 8 * (1 + int(rand() * 80)) ",max_segments=" 1 + int(rand() * 40)
		l = l (rand() < .5 ? ",virt_boundary=4096" : ",max_segment_size=" 4096 * (1 + int(rand() * 8)))
		print l, rand() < .5 ? "permuted" : "contiguous"
	}
}' >"$out/limits"
while read -r limits frames; do
	"$lab" compare -d "upstream+frames=$frames,iter-bvec@6.1+frames=$frames" --path file --ram 64m --ios 80 --verify \
		--limits "$limits" --json "$out/run.json" "$out/limits.fio" >"$out/run" 2>&1 || { said "$out/run"; die "--limits $limits frames=$frames"; }
	tr '{' '\n' <"$out/run.json" | awk -v out="$out/splits." '
		function value(key) { return match($0, "\"" key "\":[0-9]+") ? substr($0, RSTART + length(key) + 3, RLENGTH - length(key) - 3) : 0 }
		/"knobs":/ { nr++; file = out nr }
		/"target":/ { split($0, part, "\""); job = part[4]; block = 0 }
		/^"upper":/ { block++; scope = 0 }		# counters, then the same per IO
		/^"host_allocs":/ && block == 1 {
			print job, scope++, value("alloc_bio"), value("bios"), value("splits"), value("chains"),
			      value("requests") + value("merges"), value("merges") >file
		}'
	diff "$out/splits.1" "$out/splits.2" >"$out/diff" ||
		{ head -4 "$out/diff"; die "upstream and iter-bvec@6.1 split differently: --limits $limits frames=$frames"; }
	grep -q '^  splits' "$out/run" || die "--limits $limits: nothing was split, so nothing was compared"
done <"$out/limits"
echo "upstream-check: 8 sets of random limits: as many bios, splits, requests, and merges as sim/block makes (seed $seed)"
rm -rf "$out"
