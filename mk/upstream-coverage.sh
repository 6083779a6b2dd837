#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# mk/upstream-coverage.sh - how much of Linux's files the workloads reach: they are compiled once more, with gcov, as
# upstream:cover, and taken through the runs that mk/upstream-mutants.sh judges by. A table: lines of the functions that
# ran at all, how many of them ran; then the functions of the loop driver's and iomap's IO paths that ran in part.
#
# Without a kernel source one line says so, and the status is 0.
set -eu
cd "$(dirname "$0")/.."
. mk/lib.sh

rc=0
sh kernel-compat/upstream/prepare.sh || rc=$?
[ "$rc" != 77 ] || exit 0
[ "$rc" = 0 ] || exit "$rc"

tree=build/upstream/cover
obj=build/check/upstream-cover
out=build/upstream-coverage
trap 'rm -rf "$tree" "$obj" build/check/design/upstream-cover.o*' EXIT
rm -rf "$out" "$tree" "$obj"
mkdir -p "$out" "$tree"
cp -al build/upstream/6.1/tree "$tree/tree"
echo cover >"$tree/source"
build check build/check/diolab-upstream
lab=build/check/diolab-upstream
job() { timeout -k 5 200 "$lab" "$@" scenarios/first-light.fio >"$out/run" 2>&1 || true; }

job compare -d upstream:cover --ram 64m --verify --ios 200
job compare -d upstream:cover+frames=permuted --ram 64m --ios 40 --limits max_sectors=64,max_segments=5
job compare -d upstream:cover --ram 64m --ios 60 --fs extent:layout=fragmented=4k
job compare -d upstream:cover --ram 64m --ios 200 --stack fault=eio@1m+1m
job compare -d upstream:cover --ram 64m --ios 40 --limits virt_boundary=4096,max_sectors=32
job run -d upstream:cover --source pinned --path loop --ram 64m --ios 40
"$lab" ops --generate --seed 1 --count 300 --classes valid,zero,many,eof,extend,truncate,sync,misaligned,fault,nowait >"$out/ops"
for fs in extent extent:layout=unwritten; do
	timeout -k 5 200 "$lab" ops -d upstream:cover --ram 64m --fs $fs "$out/ops" >"$out/run" 2>&1 || true
done

printf '%-28s %10s %10s %8s\n' file 'lines' 'executed' '%'
for f in fs/iomap/direct-io.c fs/iomap/iter.c block/bio.c block/blk-merge.c block/blk-mq.c block/fops.c drivers/block/loop.c lib/iov_iter.c; do
	gcov -f -n -o "$obj/t/$(dirname $f)" "$obj/t/${f%.c}.o" 2>/dev/null | awk -v file=$f '
		/^Function/ { fn = $2; gsub(/'"'"'/, "", fn); infn = 1 }
		/^File/ { infn = 0 }
		/^Lines executed/ && infn {
			infn = 0; split($2, p, /[:%]/); pct = p[2]; n = $4
			if (pct > 0) { lines += n; done += n * pct / 100 }
		}
		END { printf "%-28s %10d %10d %8.1f\n", file, lines, done, lines ? 100 * done / lines : 0 }'
done
echo 'in part:'
for f in fs/iomap/direct-io.c drivers/block/loop.c; do
	gcov -f -n -o "$obj/t/$(dirname $f)" "$obj/t/${f%.c}.o" 2>/dev/null | awk -v file=$f '
		/^Function/ { fn = $2; gsub(/'"'"'/, "", fn); infn = 1 }
		/^File/ { infn = 0 }
		/^Lines executed/ && infn {
			infn = 0; split($2, p, /[:%]/); pct = p[2]; n = $4
			if ((fn ~ /^(__)?iomap_dio|^lo_rw|^lo_req|^lo_fallocate|^lo_complete|^do_req|^loop_(queue_rq|queue_work|handle_cmd|process_work)/) && pct < 100)
				printf "  %-28s %-34s %5.1f %% of %d\n", file, fn, pct, n
		}'
done
