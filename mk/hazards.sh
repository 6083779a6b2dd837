#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# mk/hazards.sh - four tables for a mail, each measured now: the hazards H1-H8 of submitting to a file from a submission, per
# design and hand-off, with the hand-offs to a worker that each costs; bugs planted against each hazard, which must turn
# its scenario red; the defects D1-D5 and F1-F3 of the series of 2013, per design; flushes and FUA at the disk.
#
# Held against scenarios/hazards.md, which is the same tables as they were committed: exit status 1 if a line differs,
# and the difference is printed. What was measured is in build/hazards.md. A cell is what a test or job did, so
# a test that fails shows as FAILS, and a bug that is not found as NOT FOUND.
set -eu
cd "$(dirname "$0")/.."
. mk/lib.sh

committed=scenarios/hazards.md
out=build/hazards.md
tmp=$(mktemp -d "${TMPDIR:-/var/tmp}/diolab-hazards.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
tests=build/check/tests-inproc planted=build/planted/tests-inproc prog=build/release/diolab
seconds=300		# the most that one test may take

# A design as the command line has it, and the suite its tests begin with.
designs='buffered iter-ops iter-ops-fixed iter-bvec iter-bvec@6.1 bio-first'
suite() { echo "$1" | tr -- '-@' '__' | tr -d .; }
# The hand-offs that it has.
handoffs() { case $1 in buffered|iter-ops|iter-bvec@6.1) echo worker ;; *) echo inline worker ;; esac; }
# Those that try in the submitter's context.
tries=$(for d in $designs; do case $(handoffs "$d") in inline*) printf '%s ' "$d" ;; esac; done)

# ---- one test ------------------------------------------------------------------------------------

# ran PROGRAM TEST OPTION…: run it, its words in $tmp/said; ok, skipped or FAILS
ran() {
	run=$1 test=$2; shift 2
	rc=0
	timeout -k 5 "$seconds" "$run" -v --seed 1 "$@" --filter "$test" >"$tmp/said" 2>&1 || rc=$?
	case $rc in 0) echo ok ;; 77) echo skipped ;; *) echo FAILS ;; esac
}

# ---- hazards ------------------------------------------------------------------------------------------

# What guards each: SUITE.TEST, the suite without its design.
scenarios() {
	case $1 in
	H1) echo nest.stack_by_level hazards.H1_ends_of_six_levels ;;
	H2) echo task.clean_for_the_file punt.task_context_is_put_aside ;;
	H3) echo hazards.H3_plug_flushed_into_a_plug ;;
	H4) echo hazards.H4_cold_maps_on_two_levels ;;
	H5) echo hazards.H5_one_tag_two_levels burst.no_memory_at_all ;;
	H6) echo freeze.during_a_punt freeze.waits_for_what_was_punted ;;
	H7) echo punt.against_truncate punt.holds_nothing ;;
	H8) echo nowait.bio_over_two_extents ;;
	esac
}
all='H1 H2 H3 H4 H5 H6 H7 H8'

# outcome HAZARD SUITE HANDOFF: of all its scenarios that this design has
outcome() {
	verdict=-
	for s in $(scenarios "$1"); do
		grep -qx "${2}_$s" "$names" || continue
		case $(ran $tests "${2}_$s" --handoff "$3" --few-rounds) in
		FAILS) echo FAILS; cp "$tmp/said" "build/hazards-$2-$1.log"; return ;;
		ok) [ "$verdict" != - ] || verdict=ok ;;
		esac
		grep -q "^hazard: $1 grows" "$tmp/said" && verdict=grows
		grep -q "^hazard: $1 waits" "$tmp/said" && verdict=waits
	done
	echo "$verdict"
}

# hops HAZARD HANDOFF: hand-offs per bio, from what hops.of_each_hazard has said
hops() { sed -n "s/^hops: $1|$2|//p" "$tmp/hops" | sort -u | awk '{ printf "%s%g", (NR > 1 ? "," : ""), $1 / $3 }'; }

hazards_head() {
	printf '| %-22s |' 'design, hand-off'; for h in $all; do printf ' %-8s |' $h; done; echo
	printf '|---|'; for h in $all; do printf -- '---|'; done; echo
}

# hazards_of DESIGN: its rows
hazards_of() {
	s=$(suite "$1") d=$1
	[ "$(ran $tests "${s}_hops.of_each_hazard")" = ok ] || : >"$tmp/said"
	cp "$tmp/said" "$tmp/hops"
	for handoff in $(handoffs "$d"); do
		printf '| %-22s |' "$d $handoff"
		for h in $all; do printf ' %-8s |' "$(outcome $h "$(suite "$d")" $handoff) $(hops $h $handoff)"; done
		echo
	done
}

# ---- planted bugs -----------------------------------------------------------------------------------------

# plant HAZARD TEST WORDS: the test must be red in these words when the bug is in, and green when it is not
plant() {
	LAB_PLANT=${1#H} && export LAB_PLANT
	bad=$(ran $planted "$2")
	unset LAB_PLANT
	if [ "$bad" != FAILS ] || ! grep -Eq "$3" "$tmp/said"; then
		cp "$tmp/said" "build/hazards-plant-$2.log"
		echo 'NOT FOUND'
	elif [ "$(ran $planted "$2")" != ok ]; then
		cp "$tmp/said" "build/hazards-plant-$2.log"
		echo 'red without it'
	else
		echo red
	fi
}

# A copy of bio-first has H7's, in every test program: it hangs, or this test fails.
plant_of_copy() {
	case $(ran $planted punt_truncate.count_held_across_the_punt_hangs) in
	ok) echo red ;;
	*) cp "$tmp/said" build/hazards-plant-copy.log; echo 'NOT FOUND' ;;
	esac
}

# One row a hazard: HAZARD;SCENARIO;WORDS;WHAT
plants_table() {
	deadlock='deadlock: (no task can run|every task waits)'
	printf '| | planted bug | scenario |'; for d in $tries; do printf ' %s |' "$d"; done; echo
	printf '|---|---|---|'; for d in $tries; do printf -- '---|'; done; echo
	while IFS=';' read -r id scenario words what; do
		printf '| %s | %s | `%s` |' "$id" "$what" "$scenario"
		for d in $tries; do
			case $id,$d in
			H7,bio-first) printf ' %s |' "$(plant_of_copy)" ;;
			*) printf ' %s |' "$(plant "$id" "$(suite "$d")_$scenario" "$words")" ;;
			esac
		done
		echo
	done <<-END
	H1;nest.stack_by_level;expected: up\\[nr\\] <;ends nest without a limit
	H2;task.clean_for_the_file;expected: !seen\\.journal;journal_info is not put aside
	H3;hazards.H3_plug_flushed_into_a_plug;BUG_ON\\(rq->(mq_hctx|state);a plug is flushed where it is
	H4;hazards.H4_cold_maps_on_two_levels;$deadlock;the map is read in the submission: it hangs
	H5;hazards.H5_one_tag_two_levels;$deadlock;a plug is kept while its task waits for a tag: it hangs
	H6;freeze.during_a_punt;$deadlock;a write is counted again after its punt: it hangs
	H7;punt.against_truncate;$deadlock;i_dio_count is held across the punt: it hangs
	H8;nowait.bio_over_two_extents;have 0 and -11;a NOWAIT bio goes on in its second extent
	END
}

# ---- defects -----------------------------------------------------------------------------------------------

# job DESIGN FILE OPTION…: its words in $tmp/said; what it expects is judged where the design is one of its own
job() {
	d=$1 file=$2; shift 2
	rc=0
	"$prog" run -v -d "$d" "$@" "scenarios/$file" >"$tmp/said" 2>&1 || rc=$?
	case $rc,$d in 0,*|1,buffered|1,iter-bvec@6.1) ;; *) echo FAILS; return ;; esac
}

# per IO, scope loop
loop_count() { awk -v name="$1" '/^loop, per IO/ { on = 1 } /^lower, per IO/ { on = 0 } on && $1 == name { printf "%g", $2; exit }' "$tmp/said"; }

# said_by DESIGN DEFECT TEST…: the words in which those of the tests that the design has say what they saw
said_by() {
	s=$(suite "$1") defect=$2; shift 2
	for t in "$@"; do
		grep -qx "${s}_$t" "$names" || continue
		[ "$(ran $tests "${s}_$t" --few-rounds)" != FAILS ] || echo FAILS
		sed -n "s/^defect: $defect //p" "$tmp/said"
	done | sort -u | grep . || echo -
}

# cell DEFECT DESIGN: what was seen
cell() {
	s=$(suite "$2")
	case $1 in
	D1)	job "$2" iter-ops-D1.fio --ram 1056k --verify
		grep -q ENOSPC "$tmp/said" && echo ENOSPC || echo 'not told' ;;
	D2)	job "$2" iter-ops-D2.fio --ram 16m --source pinned
		sed -n 's/^trace: of these \([0-9]*\) preflush, \([0-9]*\) fua.*/\1 \2/p' "$tmp/said" |
			awk '{ n = $1 + $2 } END { printf "%d of 64\n", n }' ;;
	D3)	said_by "$2" D3 loop_ctl.change_file_in_flight defects.D3_change_file_does_not_wait_for_kiocbs ;;
	D4)	job "$2" iter-ops-D4.fio --ram 1m
		sed -n 's/.* failed: \([A-Z]*\) .*/\1/p' "$tmp/said" | sort -u | tr '\n' ' ' ;;
	D5)	said_by "$2" D5 burst.no_memory_at_all defects.D5_no_memory_is_an_error ;;
	F1)	job "$2" iter-ops-F.fio --ram 16m --source pinned; loop_count iter_ops ;;
	F2)	job "$2" iter-ops-F.fio --ram 16m --source pinned; loop_count map_calls ;;
	F3)	job "$2" iter-ops-F.fio --ram 16m --source pinned; loop_count page_refs ;;
	esac
}

defects_table() {
	head_of_designs 'defect, what is shown'
	while IFS='|' read -r id what; do
		printf '| %-34s |' "$id $what"
		for d in $designs; do printf ' %s |' "$(cell "$id" "$d" | tr '\n' ' ' | sed 's/ *$//')"; done
		echo
	done <<-END
	D1|a short write is reported as
	D2|FUA writes that reach the disk
	D3|a change of file, IO in flight
	D4|no room below is, above
	D5|no memory
	F1|table calls a 1 MiB bio
	F2|map calls a 1 MiB bio
	F3|page references a 1 MiB bio
	END
}

head_of_designs() {
	printf '| %s |' "$1"; for d in $designs; do printf ' %s |' "$d"; done; echo
	printf '|---|'; for d in $designs; do printf -- '---|'; done; echo
}

# ---- flushes and FUA ------------------------------------------------------------------------------------------

# Counted by durable.counted_at_the_disk, which has its own opinion of what is right.
flush_table() {
	for d in $designs; do
		s=$(suite "$d")
		echo "$(ran $tests "${s}_durable.counted_at_the_disk" --engine det)" >"$tmp/durable-ok.$s"
		sed -n 's/^durable: //p' "$tmp/said" >"$tmp/durable.$s"
	done
	for disk in FUA 'no FUA' 'no cache'; do
		head_of_designs "disk: $disk"
		cut -d'|' -f1 "$tmp/durable.bio_first" | awk '!seen[$0]++' | while read -r what; do
			printf '| %-22s |' "$what"
			for d in $designs; do
				s=$(suite "$d")
				n=$(grep -F "$what|$disk|" "$tmp/durable.$s" | cut -d'|' -f3 | tr ' ' '+')
				[ "$(cat "$tmp/durable-ok.$s")" = ok ] || n=FAILS
				printf ' %s |' "$n"
			done
			echo
		done
		echo
	done
}

# ---- all of it ------------------------------------------------------------------------------------------------

tables() {
	cat <<-'END'
	<!-- SPDX-License-Identifier: GPL-2.0-only -->
	# Hazards, defects, durability

	Made by `make hazards`, which measures all of it again and fails where a line differs. How each is made is in
	`mk/hazards.sh`; what the names mean, in the `NOTES.md` of the designs.

	## Hazards of submitting to a file from a submission, H1-H8

	A cell: what the hazard's scenarios did with this hand-off, and the hand-offs to a worker per bio that the hazard costs.
	*ok*: they passed. *grows*: passed on the way down; on the way up the stack grows with each level, without a limit. *waits*: a
	bio that may not wait is made to wait. *-*: does not apply: the loop driver of 6.1 takes no part in a freeze (H6).
	So an inline design *needs the hop* in a column where its number is not 0: of the IO that would have had to wait there (H4, H6, H7),
	and of ends too deep in each other (H1). H2 where there is a worker alone: the file is called in a task of its own.
	A worker pays it for each bio and level. The IO counted: H1 an overwrite on six levels, H2 one in a
	transaction of the filesystem above, H3 plugged on two levels, H4 a read on two levels whose maps are on the disk, H5 one tag
	on two levels, H6 a write to a frozen filesystem, H7 a write while i_rwsem is taken, H8 a NOWAIT read that would wait.
	Through `buffered` a bio is not one of the level below: its cache takes it.

	END
	hazards_head
	for d in $designs; do cat "$tmp/hazards-$d.md"; done
	echo
	echo 'Scenarios (before each name stands the design: `bio_first_nest.stack_by_level`):'
	echo
	for h in $all; do printf '%s\n' "- $h: $(for s in $(scenarios $h); do printf '`%s` ' "$s"; done)" | sed 's/ $//'; done
	echo
	cat <<-'END'
	## Planted bugs

	In a build that can break each rule on request (`kernel-compat/include/kc/plant.h`) the scenario must be red with the bug, in the words that
	the bug has there, and green without. The designs are those that try in the submitter's context. bio-first's for H7 is in a copy of it,
	and the test that must find it is `punt_truncate.count_held_across_the_punt_hangs`.

	END
	cat "$tmp/plants.md"
	cat <<-'END'

	## Defects of 2013, D1-D5 and F1-F3

	Scenarios: `scenarios/iter-ops-D1.fio`, `-D2`, `-D4`, `-F` (which fail if the defect goes, or comes elsewhere); `iter_ops_defects.D3_*`, and
	`loop_ctl.change_file_in_flight` elsewhere; `iter_ops_defects.D5_*`, and `burst.no_memory_at_all` elsewhere. F1: only
	iter-ops and iter-ops-fixed have a table. A 1 MiB bio of permuted pages over one extent; `buffered` copies it by pages, 6.1 cuts it in two;
	per IO of 1 MiB.

	END
	cat "$tmp/defects.md"
	cat <<-'END'

	## Flushes and FUA at the disk

	Flushes + FUA that the trace filter above the disk has seen for one IO, the same with every combination of the design's knobs
	(`durable.counted_at_the_disk`).

	END
	cat "$tmp/flushes.md"
}

# part NAME COMMAND…: what it prints into $tmp/NAME.md, beside the others
part() {
	name=$1; shift
	mkdir "$tmp/$name"
	(tmp=$tmp/$name; "$@" >"$tmp.md") &
}

build check build/check/tests-inproc
build planted build/planted/tests-inproc
build release all
names=$tmp/names
$tests --list >"$names"
for d in $designs; do part "hazards-$d" hazards_of "$d"; done
part plants plants_table
part defects defects_table
part flushes flush_table
wait
tables >"$out"
cat "$out"
if grep -Eq 'FAILS|NOT FOUND|red without it' "$out"; then
	die "a scenario failed, or a planted bug was not found; what it said: build/hazards-*.log"
fi
diff -u "$committed" "$out" || die "the tables are not those of $committed; if the new ones are right: cp $out $committed"
