#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# mk/stack.sh - bytes of kernel stack by how many loop devices stand on one another, 1 to 8, at the deepest submission
# (->submit_bio, ->queue_rq) and the deepest completion (end_io) of 1 MiB IOs; and how many it would take to
# pass the 16 KiB that Linux has for a task. Tables for a mail; reports/stack.md is the one that was committed.
#
# Each design in each of its variants, with each hand-off it has. The numbers are gauges of the release build, of the
# stack that the IO itself stood on: the submitter's, or the worker's. A combination that a design does not run with
# is named with its reason.
#
# Exit status 1 if the stack grows where it must not: at submission, anywhere; at completion, behind the level at which
# a design goes on in a worker (LAB_LOOP_MAX_NESTED_ENDS); or does not grow where it is said to have no limit, which
# would make that wrong. The second table is from the build deep, which may have 32 loop devices (the laboratory has no room for
# more), as it is and with that limit taken out (LAB_PLANT=1): the first must stay flat, the second must grow.
set -eu
cd "$(dirname "$0")/.."
. mk/lib.sh
prog=${1:-build/release/diolab} deep=${2:-build/deep/diolab}
max=8
stack_bytes=16384		# THREAD_SIZE of x86_64
slack_down=256			# which submission is deepest is timing; a level of its own takes four times as much
slack_up=64			# half of what a level takes
far=32				# loop devices that the build deep may have
tmp=$(mktemp); trap 'rm -f "$tmp"' EXIT
bad=0

# gauge NAME: the largest of that line over all scopes and jobs of $tmp
gauge() { awk -v name="$1" '$1 == name && $2 + 0 > most { most = $2 + 0 } END { print most + 0 }' "$tmp"; }

# run PROGRAM DESIGN HANDOFF LEVELS: into $tmp
run() { "$1" run -d "$2+handoff=$3" --path loop --loops "$4" --ram 64m --verify -v scenarios/nested-loops.fio >"$tmp" 2>&1; }

# nth N WORD…
nth() { shift "$1"; echo "$1"; }

wrong() { echo "$0: $*" >&2; bad=1; }

# How ends nest: flat; up to a level, and no further; or without a limit.
ends_of() { case $1 in buffered*) echo 1 ;; iter-ops|iter-bvec@6.1) echo none ;; *) echo 4 ;; esac; }

# judge DESIGN HANDOFF: $down and $up, by level
judge() {
	limit=$(ends_of "$1") n=3
	while [ $n -le $max ]; do
		[ "$(nth $n $down)" -le $(($(nth 2 $down) + slack_down)) ] ||
			wrong "$1 $2: submission takes more stack with $n loop devices than with 2: $down"
		n=$((n + 1))
	done
	if [ "$limit" = none ]; then
		[ "$(nth $max $up)" -gt $(($(nth 4 $up) + slack_up)) ] ||
			wrong "$1 $2: ends are said to nest without a limit, and do not: $up"
		return
	fi
	n=$((limit + 1))
	while [ $n -le $max ]; do
		[ "$(nth $n $up)" -le $(($(nth "$limit" $up) + slack_up)) ] ||
			wrong "$1 $2: completion takes more stack with $n loop devices than with $limit: $up"
		n=$((n + 1))
	done
}

# up_of PROGRAM DESIGN HANDOFF LEVELS
up_of() {
	run "$@" || { cat "$tmp" >&2; die "$2 $3, $4 loops failed"; }
	gauge stack_end
}

# passes DESIGN HANDOFF: the number of loop devices with which an end passes 16 KiB, from what a level takes between 8 and 32
# of them; with 16 it must lie on that line, give or take two levels, since which ends meet on a worker's stack is
# timing. "no" if it does not grow
passes() {
	a=$(up_of "$deep" "$1" "$2" 8) b=$(up_of "$deep" "$1" "$2" 16) c=$(up_of "$deep" "$1" "$2" $far)
	level=$(((c - a) / (far - 8)))
	off=$((b - a - 8 * level))
	if [ ${off#-} -gt $((2 * level + slack_up)) ]; then
		echo "not a line: $a $b $c"
	elif [ $level -le $((slack_up / 8)) ]; then
		echo "no ($c with $far)"
	else
		echo "$((far + 1 + (stack_bytes - c) / level)) ($c with $far)"
	fi
}

build release all
[ "$deep" != build/deep/diolab ] || build deep build/deep/diolab
names=$("$prog" list designs | awk '{ print $1; for (i = 2; i <= NF; i++) { w = $i; sub(/,$/, "", w); if (w ~ "^" $1 "@") print w } }')
printf 'stack bytes, 1 MiB IOs, by number of nested loop devices (release build)\n\n'
printf '%-23s %-4s' 'design, hand-off' ''
n=1; while [ $n -le $max ]; do printf '%6d' $n; n=$((n + 1)); done; echo
ran=
for d in $names; do
	for handoff in inline worker; do
		down= up=
		n=1
		while [ $n -le $max ]; do
			rc=0
			run "$prog" "$d" $handoff $n || rc=$?
			[ $rc = 0 ] || break
			down="$down $(gauge stack_submit)" up="$up $(gauge stack_end)"
			n=$((n + 1))
		done
		if [ $rc = 2 ] && [ $n = 1 ]; then
			why=$(sed -n 's/^diolab: //p' "$tmp" | head -1)
			printf '%-23s not run: %s\n' "$d $handoff" "${why#*: }"
			continue
		fi
		[ $rc = 0 ] || { cat "$tmp" >&2; die "$d $handoff, $n loops: exit status $rc"; }
		ran="$ran $d:$handoff"
		printf '%-23s %-4s' "$d $handoff" down; printf '%6d' $down; echo
		printf '%-23s %-4s' '' up; printf '%6d' $up; echo
		judge "$d" $handoff
	done
done

printf '\nloop devices with which an end would pass %d bytes of stack (bytes with %d; the rest is a straight line)\n\n' $stack_bytes $far
printf '%-23s %-24s %s\n' 'design, hand-off' 'as it is' 'without the limit of nested ends'
for dh in $ran; do
	d=${dh%:*} handoff=${dh#*:}
	is=$(passes "$d" "$handoff")
	export LAB_PLANT=1
	without=$(passes "$d" "$handoff")
	unset LAB_PLANT
	printf '%-23s %-24s %s\n' "$d $handoff" "$is" "$without"
	case $(ends_of "$d"),$is,$without in
	1,no*,no*|none,[0-9]*,[0-9]*|4,no*,[0-9]*) ;;
	*) wrong "$d $handoff: as it is: $is; without the limit: $without" ;;
	esac
done
exit $bad
