#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# mk/stack.sh - bytes of kernel stack by how many loop devices stand on one another, 1 to 8, at the deepest submission
# (->submit_bio, ->queue_rq) and the deepest completion (end_io) of 1 MiB IOs: a table for a mail.
#
# Each design in each of its variants, with each hand-off it has. The numbers are gauges of the release build, of the
# stack that the IO itself stood on: the submitter's, or the worker's. A combination that a design does not run with
# is named with its reason. Linux has 16 KiB a task.
set -eu
cd "$(dirname "$0")/.."
prog=${1:-build/release/diolab}
max=8
tmp=$(mktemp); trap 'rm -f "$tmp"' EXIT

# gauge NAME: the largest of that line over all scopes and jobs of $tmp
gauge() { awk -v name="$1" '$1 == name && $2 + 0 > most { most = $2 + 0 } END { print most + 0 }' "$tmp"; }

names=$("$prog" list designs | awk '{ print $1; for (i = 2; i <= NF; i++) { w = $i; sub(/,$/, "", w); if (w ~ "^" $1 "@") print w } }')
printf 'stack bytes, 1 MiB IOs, by number of nested loop devices (release build)\n\n'
printf '%-32s %-6s' 'design, hand-off' ''
n=1; while [ $n -le $max ]; do printf '%7d' $n; n=$((n + 1)); done; echo
for d in $names; do
	for handoff in inline worker; do
		down= up=
		n=1
		while [ $n -le $max ]; do
			rc=0
			"$prog" run -d "$d+handoff=$handoff" --path loop --loops $n --ram 32m --verify -v \
				scenarios/nested-loops.fio >"$tmp" 2>&1 || rc=$?
			[ $rc = 0 ] || break
			down="$down $(gauge stack_submit)" up="$up $(gauge stack_end)"
			n=$((n + 1))
		done
		if [ $rc = 2 ] && [ $n = 1 ]; then
			printf '%-32s not run: %s\n' "$d $handoff" "$(sed -n 's/^diolab: //p' "$tmp" | head -1)"
			continue
		fi
		[ $rc = 0 ] || { cat "$tmp" >&2; echo "$0: $d $handoff, $n loops: exit status $rc" >&2; exit 1; }
		printf '%-32s %-6s' "$d $handoff" down; printf '%7d' $down; echo
		printf '%-32s %-6s' '' up; printf '%7d' $up; echo
	done
done
