#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# ops-designs.sh PROGRAM [SEED] - every design that the program lists, held against the byte array: 10,000
# operations of all classes on a file, 3,000 through its loop device, and 1,000 of these on the det engine where
# the program has it. A fresh seed each time, printed. What may differ is in scenarios/ops-differences.txt: for
# this judge only what a write whose memory fails has left, and nowait. So designs that pass are
# identical to each other in everything else.
set -eu
prog=${1:?usage: ops-designs.sh PROGRAM [SEED]}
seed=${2:-$(date +%s)}
table=scenarios/ops-differences.txt
tmp=$(mktemp -d "${TMPDIR:-/var/tmp}/diolab-ops.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
designs=$("$prog" list designs | awk '{ print $1 }')
[ -n "$designs" ] || { echo 'ops-designs: the program lists no design' >&2; exit 1; }

# for a loop device; a file has these and more
device=valid,zero,many,eof,alloc,sync,position,aio,seek,misaligned,fault,midfault,nowait

# The designs of the past go by the rules of their time where the table says so.
judge_of() { case $2 in buffered|iter-ops) echo "$1+3.12" ;; *) echo "$1" ;; esac; }

# hold PATH COUNT CLASSES OPTION…: one stream through all
hold() {
	path=$1 count=$2 classes=$3; shift 3
	"$prog" ops --generate --seed "$seed" --count "$count" --classes "$classes" --path "$path" >"$tmp/ops"
	"$prog" ops --reference --path "$path" "$tmp/ops" >"$tmp/reference"
	[ "$(wc -l <"$tmp/reference")" -ge "$count" ] || { echo "ops-designs: seed $seed: fewer than $count results" >&2; exit 1; }
	for d in $designs; do
		"$prog" ops -d "$d" --ram 16m --path "$path" --seed "$seed" "$@" "$tmp/ops" >"$tmp/$d" ||
			{ echo "ops-designs: seed $seed, path $path: $d $* failed" >&2; exit 1; }
		"$prog" ops --path "$path" --differences $table --judge "$(judge_of reference "$d")" --compare "$tmp/$d,$tmp/reference" \
			"$tmp/ops" >"$tmp/said" 2>&1 && continue
		echo "ops-designs: seed $seed, path $path: $d $* differs from the byte array:" >&2
		cat "$tmp/said" >&2
		exit 1
	done
	echo "ops-designs: seed $seed, path $path${*:+ $*}: $count operations as the byte array:" $designs
}

hold file 10000 "$device",extend,truncate,buffered
all=$designs
designs=$(echo "$all" | grep -vxE 'buffered|iter-ops')
hold loop 3000 "$device"
# a loop device of the past does not write zeroes, and so has nothing to punch with
designs=$(echo "$all" | grep -xE 'buffered|iter-ops')
hold loop 1000 "$(echo "$device" | sed 's/,alloc//')"
designs=$(echo "$all" | grep -vxE 'buffered|iter-ops')
if echo fsync | "$prog" ops -d "${designs%%[!a-z0-9-]*}" --ram 16m --engine det >/dev/null 2>&1; then
	hold loop 1000 "$device" --engine det
fi
