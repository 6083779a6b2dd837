#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# mk/upstream-calibrate.sh [DESIGN[+knob=value…]] - what an IO costs in Linux's own code and in a model of it (iter-bvec@6.1
# unless one is named), on the jobs of first-light.fio over several layouts, limits and kinds of memory, both paths: every
# counter per IO that says what was done. Prints those that differ, one a line, and how many are equal.
#
# Only what both count the same way: not bytes of memory (a struct of ours is not as long as Linux's), locks, atomics,
# wakeups, stacks, times. Exit status: 0 always, once the runs are good: what is equal, and why the rest is not, stands in
# the model's NOTES.md.
set -eu
cd "$(dirname "$0")/.."
. mk/lib.sh

model=${1:-iter-bvec@6.1}
rc=0
sh kernel-compat/upstream/prepare.sh || rc=$?
[ "$rc" != 77 ] || exit 0
[ "$rc" = 0 ] || exit "$rc"
build release build/release/diolab-upstream
lab=build/release/diolab-upstream
tmp=$(mktemp)
trap 'rm -f "$tmp"' EXIT
total=0 differ=0

# A report's lines: job, scope, counter, then values of upstream (loop, file) and of the model.
lines() {
	awk '/^\[/ { job = substr($1, 2, length($1) - 2); scope = "" }
	     /^(upper|loop|lower), per IO/ { scope = substr($1, 1, length($1) - 1) }
	     /^  (alloc_bio|alloc_bvec|alloc_dio|alloc_cmd|alloc_other|copy_bytes|pin_pages|unpin_pages|page_refs|bios|clones|splits|chains|map_calls|converts|requests|merges|flushes|punts) / \
		&& scope != "" { print job, scope, $1, $2, $3, $4, $5 }' "$tmp"
}

set_of() {
	label=$1 knob=$2; shift 2
	"$lab" compare -d "upstream$knob,$model$knob" --ram 64m --ios 1000 "$@" scenarios/first-light.fio >"$tmp" 2>&1 ||
		{ grep -v 'module loaded' "$tmp" | tail -3 >&2; die "the run '$label' failed"; }
	lines >"$tmp.lines"
	total=$((total + 2 * $(wc -l <"$tmp.lines")))
	awk -v label="$label" '
		function far(a, b) { return a - b > 0.002 || b - a > 0.002 }
		far($4, $6) { printf "%-28s %-13s loop %-6s %-12s %10s %10s\n", label, $1, $2, $3, $4, $6 }
		far($5, $7) { printf "%-28s %-13s file %-6s %-12s %10s %10s\n", label, $1, $2, $3, $5, $7 }' "$tmp.lines" >"$tmp.differ"
	cat "$tmp.differ"
	differ=$((differ + $(wc -l <"$tmp.differ")))
	rm -f "$tmp.lines" "$tmp.differ"
}

printf '%-28s %-13s %-11s %-12s %10s %10s\n' run job 'path scope' counter upstream "$model" | cut -c1-100
set_of 'plain' ''
set_of 'permuted frames' +frames=permuted
set_of 'fragments of 16k' '' --fs extent:layout=fragmented=16k
set_of 'unwritten' '' --fs extent:layout=unwritten
set_of 'sparse' '' --fs extent:layout=sparse
set_of 'max_sectors=64' '' --limits max_sectors=64
set_of 'permuted, max_segments=8' +frames=permuted --limits max_segments=8
echo "$((total - differ)) of $total counters per IO are equal"
