#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# kernel-ops.sh PROGRAM [SEED] - the running kernel as the judge: the same operations by real system calls on a
# real O_DIRECT file and through each design, line for line, three times 500. A fresh seed each time, printed; exit
# status 77 where the folder has no O_DIRECT. Set DIOLAB_DIR to a folder of the filesystem that should judge.
set -eu
prog=${1:?usage: kernel-ops.sh PROGRAM [SEED]}
seed=${2:-$(date +%s)}
tmp=$(mktemp -d "${DIOLAB_DIR:-.}/diolab-ops.XXXXXX")
trap 'rm -rf "$tmp"' EXIT

# judge CLASSES: one stream
judge() {
	rc=0
	"$prog" ops --generate --seed "$seed" --count 500 --classes "$1" >"$tmp/ops"
	"$prog" ops --kernel --disk "$tmp/file" "$tmp/ops" >"$tmp/kernel" 2>"$tmp/err" || rc=$?
	if [ "$rc" != 0 ]; then
		if grep -q O_DIRECT "$tmp/err"; then
			echo "kernel-ops: skipped: $(cat "$tmp/err")"
			exit 77
		fi
		cat "$tmp/err" >&2
		exit 1
	fi
	[ "$(wc -l <"$tmp/kernel")" -ge 500 ] || { echo "kernel-ops: seed $seed: fewer than 500 results" >&2; exit 1; }
	for design in iter-ops-fixed iter-bvec iter-bvec@6.1 bio-first; do
		for path in file loop; do
			"$prog" ops -d "$design" --path "$path" "$tmp/ops" >"$tmp/design"
			diff "$tmp/kernel" "$tmp/design" >"$tmp/diff" && continue
			echo "kernel-ops: seed $seed, $1: $design, path $path, differs from the kernel (<) in:" >&2
			head -8 "$tmp/diff" >&2
			exit 1
		done
	done
	echo "kernel-ops: seed $seed, $1: each design, both paths: as the running kernel on $(stat -f -c %T "$tmp")"
}

judge valid,zero,many,eof
judge valid,extend,truncate,sync
judge valid,extend,truncate,sync,buffered
