#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# mk/upstream-calibrate.sh [DESIGN[+knob=value…]] - what an IO costs in Linux's own code and in a model of it, on the jobs of
# scenarios/calibrate.fio over several layouts, limits, sources and kinds of memory, both paths: every counter per IO that says
# what was done. Prints how many are equal, a line a run, and those that differ, each with its reason. KERNEL=6.12: that
# package's.
#
# Only what both count the same way: not bytes of memory (a struct of ours is not as long as Linux's), locks, atomics,
# wakeups, stacks, times.
#
# iter-bvec@6.1, which is meant when no design is named, is held to account, by 6.1 and by 6.12: a difference that is not in
# the list `explained` is a failure, and so is one of the list that is not found. Of any other design the differences are shown,
# and the status is 0. sim/designs/upstream/NOTES.md explains each reason.
set -eu
cd "$(dirname "$0")/.."
. mk/lib.sh

model=${1:-iter-bvec@6.1}
kernel=${KERNEL:-6.1}
upstream=upstream
[ "$kernel" = 6.1 ] || upstream=upstream:$kernel
or_skip sh kernel-compat/upstream/prepare.sh
build release build/release/diolab-upstream
lab=build/release/diolab-upstream
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# WHY, RUNS (user: those with user memory, all), JOB, PATH, SCOPE, COUNTER, upstream's less the model's per IO. Expected in
# every run that RUNS says.
explained() {
	cat <<'LIST'
stack-bio   user sync-read-4k  loop upper alloc_bio   -1
stack-bio   user sync-write-4k loop upper alloc_bio   -1
stack-bio   user sync-read-1m  loop upper alloc_bio   -1
stack-bio   user sync-write-1m loop upper alloc_bio   -1
stack-bio   user sync-read-1m  loop upper alloc_bvec  -1
stack-bio   user sync-write-1m loop upper alloc_bvec  -1
stack-bio   user sync-read-1m  loop upper alloc_other 1
stack-bio   user sync-write-1m loop upper alloc_other 1
LIST
	case $kernel in
	6.1) cat <<'LIST' ;;
first-write all  sync-write-4k loop loop  alloc_other 0.01
first-write user aio-write-4k  file loop  alloc_other 0.01
LIST
	*) cat <<'LIST' ;;
first-aio   all  sync-read-4k  loop loop  alloc_other 0.01
first-aio   user aio-read-4k   file loop  alloc_other 0.01
LIST
	esac
}

# The report $tmp/run as lines: job, path, scope, counter, upstream's, the model's, per IO.
lines() {
	awk '/^\[/ { job = substr($1, 2, length($1) - 2); scope = "" }
	     /^ +(loop|file)( |$)/ { paths = NF / 2; for (i = 1; i <= paths; i++) path[i] = $i }
	     /^(upper|loop|lower), per IO/ { scope = substr($1, 1, length($1) - 1) }
	     /^  (alloc_bio|alloc_bvec|alloc_dio|alloc_cmd|alloc_other|copy_bytes|pin_pages|unpin_pages|page_refs|bios|clones|splits|chains|map_calls|converts|requests|merges|flushes|punts) / \
		&& scope != "" {
		if (NF != 1 + 2 * paths) { print "a line of the report is not understood: " $0 >"/dev/stderr"; exit 1 }
		for (i = 1; i <= paths; i++) print job, path[i], scope, $1, $(1 + i), $(1 + paths + i)
	     }' "$tmp/run"
}

# run LABEL user|pinned +KNOB|'' ARG…
run() {
	label=$1 source=$2 knob=$3; shift 3
	"$lab" compare -d "$upstream$knob,$model$knob" --ram 64m --verify "$@" scenarios/calibrate.fio >"$tmp/run" 2>&1 ||
		{ grep -v 'module loaded' "$tmp/run" | tail -3 >&2; die "the run '$label' failed"; }
	lines >"$tmp/lines"
	[ "$(wc -l <"$tmp/lines")" -ge 100 ] || die "the run '$label' has hardly any counters"
	awk -v label="$label" -v source="$source" -v out="$tmp/found" '
		function near(a, b) { return a - b < 0.004 && b - a < 0.004 }
		FILENAME ~ /explained$/ { if ($2 == "all" || $2 == source) { want[$3 " " $4 " " $5 " " $6] = $7; why[$3 " " $4 " " $5 " " $6] = $1 } next }
		{ total++; key = $1 " " $2 " " $3 " " $4 }
		near($5, $6) { equal++; next }
		{ reason = (key in want) && near($5 - $6, want[key]) ? why[key] : "NOT EXPLAINED"
		  if (reason == why[key]) { delete want[key]; reasons++ } else other++
		  printf "%-12s %-22s %-20s %-5s %-6s %-12s %9s %9s\n", reason, label, $1, $2, $3, $4, $5, $6 >>out }
		END {
			for (key in want) {
				gone++
				split(key, part, " ")
				printf "%-12s %-22s %-20s %-5s %-6s %-12s %9s %9s\n", "GONE", label, part[1], part[2], part[3], part[4], "", "" >>out
			}
			printf "%-22s %8d %8d %9d %6d %6d\n", label, total, equal, reasons, other, gone
		}' "$tmp/explained" "$tmp/lines"
}

[ "$model" = iter-bvec@6.1 ] && explained >"$tmp/explained" || : >"$tmp/explained"
: >"$tmp/found"
echo "$upstream against $model: counters per IO"
printf '%-22s %8s %8s %9s %6s %6s\n' run counters equal explained other gone
run plain                     user   ''
run permuted                  user   +frames=permuted
run 'ready bios'              pinned '' --source pinned --path loop
run 'ready bios, permuted'    pinned +frames=permuted --source pinned --path loop
run 'fragments of 16k'        user   '' --fs extent:layout=fragmented=16k
run 'fragments of 4k'         user   '' --fs extent:layout=fragmented=4k
run unwritten                 user   '' --fs extent:layout=unwritten
run sparse                    user   '' --fs extent:layout=sparse
run max_sectors=64            user   '' --limits max_sectors=64
run 'permuted, 8 segments'    user   +frames=permuted --limits max_segments=8
run 'permuted, no gaps'       user   +frames=permuted --limits virt_boundary=4096,max_sectors=2560
echo
printf '%-12s %-22s %-20s %-5s %-6s %-12s %9s %9s\n' why run job path scope counter upstream model
sort "$tmp/found"
[ "$model" = iter-bvec@6.1 ] || exit 0
! grep -q -e '^NOT EXPLAINED' "$tmp/found" || die "$model and Linux $kernel differ where nothing explains it"
! grep -q -e '^GONE' "$tmp/found" || die 'a difference that is explained is not there any more: take it off the list'
