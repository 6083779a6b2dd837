#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# mk/upstream-legacy.sh - fs/direct-io.c of Linux, beside its fs/iomap, under ASan and UBSan: the variants
# `upstream@legacy` and `upstream@legacy-locking`. Every byte, both engines, both paths; generated operations line by
# line as the byte array and as the iomap path does them, where scenarios/ops-differences.txt does not say otherwise;
# what each spends on a hole, on a durable write and on unwritten blocks; what a write leaves whose memory fails; and the
# write that gets lost under DIO_LOCKING. Bytes and operations of Linux 6.12 as well, where it is prepared.
#
# A part of make upstream-check. Without a kernel source one line says so, and the status is 0.
set -eu
cd "$(dirname "$0")/.."
. mk/lib.sh

unset KSRC NAME KERNEL
or_skip sh kernel-compat/upstream/prepare.sh
build check build/check/diolab-upstream
lab=build/check/diolab-upstream
out=build/upstream-legacy
rm -rf "$out"
mkdir -p "$out"
said() { grep -v -e 'module loaded' -e 'accepted and ignored' "$1" || true; }
seed=${SEED:-$(date +%s)}
trees=
[ ! -f build/upstream/6.12/source ] || trees=:6.12

# ---- every byte ------------------------------------------------------------------------------------------
for v in legacy legacy-locking; do
	for engine in thr det; do
		"$lab" compare -d "upstream,upstream@$v,iter-bvec" --engine $engine --ram 128m --verify --ios 300 \
			scenarios/first-light.fio >"$out/run" 2>&1 || { said "$out/run"; die "first-light.fio, @$v, engine $engine"; }
	done
	for fs in extent extent:layout=fragmented=4k extent:layout=unwritten extent:layout=sparse; do
		"$lab" compare -d "upstream@$v" --fs $fs --ram 64m --verify scenarios/calibrate.fio >"$out/run" 2>&1 ||
			{ said "$out/run"; die "calibrate.fio, @$v, --fs $fs"; }
	done
	"$lab" run -d "upstream@$v" --source pinned --path loop --ram 64m --verify scenarios/calibrate.fio >"$out/run" 2>&1 ||
		{ said "$out/run"; die "ready bios, @$v"; }
done
"$lab" compare -d upstream@legacy,upstream@legacy-locking --verify --ios 500 scenarios/first-light.fio >"$out/run" 2>&1 ||
	{ said "$out/run"; die 'first-light.fio on a real file'; }
echo 'upstream-legacy: every byte arrives, both engines, both paths, four layouts, ready bios, a real file'

# ---- line by line: the byte array, and iomap ------------------------------------------------------------------
# streams PATH CLASSES FS VARIANT…. What comes through a loop device is a block device's: the byte array, which goes by
# the rules of files, is not asked there.
streams() {
	path=$1 classes=$2 fs=$3; shift 3
	"$lab" ops --generate --seed "$seed" --count 300 --path "$path" --classes "$classes" >"$out/ops"
	"$lab" ops --reference --path "$path" "$out/ops" >"$out/reference"
	for d in upstream "$@"; do
		"$lab" ops -d "$d" --seed "$seed" --ram 64m --fs "$fs" --path "$path" "$out/ops" >"$out/$d" 2>"$out/err" ||
			{ said "$out/err"; die "ops -d $d --fs $fs --path $path, seed $seed, $classes"; }
	done
	against=upstream
	[ "$path" = loop ] || against='upstream reference'
	for d in "$@"; do
		for judge in $against; do
			"$lab" ops --path "$path" --judge reference+legacy --differences scenarios/ops-differences.txt \
				--compare "$out/$d,$out/$judge" "$out/ops" >"$out/diff" 2>&1 ||
				{ head -5 "$out/diff"; die "$d and $judge differ: ops --generate --seed $seed --path $path --classes $classes, --fs $fs"; }
		done
	done
	ran=$((ran + 1))
}
ran=0
# Of DIO_LOCKING without aio: see below.
for tree in '' $trees; do
	for fs in extent extent:layout=sparse extent:layout=unwritten extent:layout=fragmented=16k; do
		streams file valid,zero,many,eof,position,aio $fs upstream@legacy$tree
		streams file valid,misaligned,fault,midfault,nowait,alloc,aio,extend $fs upstream@legacy$tree
		streams file valid,zero,many,eof,extend,truncate,alloc,sync $fs upstream@legacy$tree upstream@legacy-locking$tree
		streams file valid,misaligned,fault,midfault,nowait,alloc,position $fs upstream@legacy$tree upstream@legacy-locking$tree
	done
	streams file valid,extend,truncate,seek extent upstream@legacy$tree upstream@legacy-locking$tree
	streams loop valid,zero,many,eof,sync,position,aio,seek,misaligned,fault,midfault,nowait,alloc extent upstream@legacy$tree
	streams loop valid,zero,eof,sync,position,seek,misaligned,fault,midfault,nowait,alloc extent upstream@legacy-locking$tree
done
echo "upstream-legacy: $ran streams of 300 operations as the byte array and as iomap does them, Linux 6.1${trees:+ and 6.12} (seed $seed)"

# ---- what it spends ----------------------------------------------------------------------------------------------
# cost JOB-LINES DESIGN COUNTER ARG…: of one job on a file, summed over the scopes, in thousandths an IO
cost() {
	printf '[global]\ndirect=1\nsize=8m\nnumber_ios=32\nrandseed=7\n[job]\n%s\n' "$1" >"$out/cost.fio"
	d=$2 counter=$3; shift 3
	"$lab" compare -d "$d" --path file --ram 64m --verify "$@" "$out/cost.fio" >"$out/run" 2>&1 || { said "$out/run"; die "$d: does not run"; }
	awk -v want="$counter" '$1 == want { sum += $2 } END { printf "%.0f\n", sum * 1000 }' "$out/run"
}
# expect WHAT IOMAP LEGACY LOCKING JOB-LINES COUNTER ARG…
expect() {
	what=$1 want="$2 $3 $4" lines=$5; shift 5
	got="$(cost "$lines" upstream "$@") $(cost "$lines" upstream@legacy "$@") $(cost "$lines" upstream@legacy-locking "$@")"
	[ "$got" = "$want" ] || die "$what, in thousandths an IO: iomap, legacy, legacy-locking: $got; expected $want"
}
read64='rw=read
bs=64k'
write4='rw=write
bs=4k'
aio4='rw=write
bs=4k
ioengine=io_uring
iodepth=8'
durable='rw=write
bs=4k
sync=dsync'
expect 'page references of a 4k read' 0 4000 4000 'rw=read' page_refs
expect 'page references of a 64k read' 0 64000 64000 "$read64" page_refs
expect 'map calls of a 64k read' 1000 1000 1000 "$read64" map_calls
expect 'map calls of a 64k read in fragments of 4k' 16000 16000 16000 "$read64" map_calls --fs extent:layout=fragmented=4k
expect 'bios of a 64k read in fragments of 4k' 16000 16000 16000 "$read64" bios --fs extent:layout=fragmented=4k
# iomap takes a hole whole; get_block() is asked block by block, and bytes are cleared block by block
expect 'map calls of a 64k read in a hole' 1000 16000 16000 "$read64" map_calls --fs extent:layout=unwritten
expect 'bytes cleared of a 64k read in a hole' 65536000 65536000 65536000 "$read64" copy_bytes --fs extent:layout=unwritten
# iomap asks for FUA; fs/direct-io.c has fsync called
expect 'flushes of a durable write' 0 1000 1000 "$durable" flushes
# converted in a task, 4k at a time; with DIO_SKIP_HOLES the page cache does it
expect 'conversions of an asynchronous 4k write' 1000 1000 1000 "$aio4" converts --fs extent:layout=unwritten
expect 'bytes copied of a 4k write' 0 0 4096000 "$write4" copy_bytes --fs extent:layout=unwritten
expect 'state of a 4k write' 1000 1000 1000 "$write4" alloc_dio
echo 'upstream-legacy: page references, map calls, bios, zeroes, conversions and flushes are those of NOTES.md'

# ---- memory that fails: what is behind it in the file --------------------------------------------------------------
# iomap leaves it; fs/direct-io.c fills the blocks that it has mapped with zeros, though they had been written.
printf 'size 16k\npwrite 0 16k seed=1\npread 8k 4k\npwrite 0 4k 8k!none\npread 8k 4k\nsize 32k\npread 20k 4k\n' >"$out/ops"
for v in "" @legacy @legacy-locking; do
	"$lab" ops -d "upstream$v" --ram 16m "$out/ops" >"$out/result" 2>"$out/err" || { said "$out/err"; die "a write that faults, upstream$v"; }
	# its data before, after, and that of a hole
	# shellcheck disable=SC2046
	set -- $(awk '$2 == "pread" { sub("crc=", "", $5); print $5 }' "$out/result")
	case $v in
	"") [ "$1" = "$2" ] || die "iomap: what is behind the fault has changed" ;;
	*) [ "$2" = "$3" ] || die "upstream$v: what is behind the fault is not zeros: NOTES.md says that it is" ;;
	esac
done
echo 'upstream-legacy: a write whose memory fails leaves zeros behind the fault; of iomap what was there'

# ---- DIO_LOCKING: a write that is lost -----------------------------------------------------------------------------
# The first asynchronous write goes to sectors of a block directly. The second begins in a hole, so all of it goes through
# the page cache, which reads that block, perhaps before those sectors are there, and writes it back whole. Nothing waits
# for the first: generic_file_write_iter() does not, and DIO_LOCKING lets go of i_rwsem when the bios are submitted.
cat >"$out/ops" <<'END'
size 1m
pwrite 4096 4096 seed=3
aio pwrite 4608 512 seed=1 ; pwrite 0 4608 seed=2
pread 4096 4096
END
"$lab" ops --reference "$out/ops" >"$out/reference"
for v in '' @legacy @legacy-locking; do
	lost=0
	for s in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do
		"$lab" ops -d "upstream$v" --engine det --seed $s --ram 16m "$out/ops" >"$out/result" 2>"$out/err" ||
			{ said "$out/err"; die "the two writes, upstream$v, seed $s"; }
		cmp -s "$out/reference" "$out/result" || lost=$((lost + 1))
	done
	case $v in
	@legacy-locking) [ "$lost" -gt 0 ] || die 'no write is lost under DIO_LOCKING any more: NOTES.md says that it is' ;;
	*) [ "$lost" = 0 ] || die "upstream$v loses a write, $lost times of 16" ;;
	esac
done
echo "upstream-legacy: a direct write is lost to one through the page cache, $lost times of 16, under DIO_LOCKING alone"
rm -rf "$out"
