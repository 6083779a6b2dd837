#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# kernel-ops.sh PROGRAM [SEED [COUNT]] - the running kernel as the judge: the same operations by real system calls on a
# real O_DIRECT file, and on a real loop device above one (root), and through each design that the program
# lists, line by line, COUNT (300) operations a stream. A fresh seed each time, printed. Exit status 77 where the
# folder has no O_DIRECT; a loop device that cannot be had is named and left out. Set DIOLAB_DIR to a folder of the
# filesystem that should judge.
#
# What may differ is in scenarios/ops-differences.txt, which knows ext4: elsewhere the classes in which
# filesystems differ are left out. On a file seek meets neither buffered nor alloc in a stream: Linux takes a clean page
# over an unwritten block for data (fs-model/seek.c), and such pages come from buffered IO and from the tail that a
# truncate zeroes in a preallocated block.
set -eu
prog=${1:?usage: kernel-ops.sh PROGRAM [SEED [COUNT]]}
seed=${2:-$(date +%s)} count=${3:-300}
table=scenarios/ops-differences.txt
tmp=$(mktemp -d "${DIOLAB_DIR:-.}/diolab-ops.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
designs=$("$prog" list designs | awk '{ print $1 }')
fs=$(stat -f -c %T "$tmp")

# by_kernel PATH: the stream in $tmp/ops by system calls. 77: this host cannot, and why is in $tmp/err
by_kernel() {
	rc=0
	"$prog" ops --kernel --path "$1" --disk "$tmp/file" "$tmp/ops" >"$tmp/kernel" 2>"$tmp/err" || rc=$?
	[ "$rc" != 0 ] || return 0
	[ "$rc" != 77 ] && ! grep -q O_DIRECT "$tmp/err" || return 77
	cat "$tmp/err" >&2
	exit 1
}

# The designs of the past go by the rules of their time where the table says so.
judge_of() { case $2 in buffered|iter-ops) echo "$1+3.12" ;; *) echo "$1" ;; esac; }

# judge PATH CLASSES: one stream
judge() {
	"$prog" ops --generate --seed "$seed" --count "$count" --classes "$2" --path "$1" >"$tmp/ops"
	by_kernel "$1" || return $?
	[ "$(wc -l <"$tmp/kernel")" -ge "$count" ] || { echo "kernel-ops: seed $seed: fewer than $count results" >&2; exit 1; }
	for d in $designs; do
		"$prog" ops -d "$d" --ram 16m --path "$1" "$tmp/ops" >"$tmp/design"
		"$prog" ops --path "$1" --judge "$(judge_of kernel "$d")" --differences $table --compare "$tmp/design,$tmp/kernel" "$tmp/ops" \
			>"$tmp/said" 2>&1 && continue
		echo "kernel-ops: seed $seed, path $1, $2: $d differs from the kernel:" >&2
		cat "$tmp/said" >&2
		exit 1
	done
	echo "kernel-ops: seed $seed, path $1, $2: as the running kernel on $fs: $(cat "$tmp/said")"
}

skipped() {
	echo "kernel-ops: path $1 skipped: $(cat "$tmp/err")"
}

judge file valid,zero,many,eof,position,aio || { skipped file; exit 77; }
judge file valid,extend,truncate,alloc
judge file valid,extend,truncate,seek
judge file valid,extend,truncate,sync,buffered
case $fs in
ext*)	judge file valid,misaligned,fault,midfault,nowait,alloc,buffered,aio ;;
*)	echo "kernel-ops: misaligned, fault, midfault and nowait left out: $fs is not ext4" ;;
esac
device=valid,zero,many,eof,sync,position,aio,seek,misaligned,fault,midfault,nowait
all=$designs
designs=$(echo "$all" | grep -vxE 'buffered|iter-ops')
judge loop $device,alloc || { skipped loop; exit 0; }
# a loop device of the past does not write zeroes, and so has nothing to punch with
designs=$(echo "$all" | grep -xE 'buffered|iter-ops')
judge loop $device
