#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# mk/ablation.sh - what the idea costs, and what each knob costs, one at a time; a report in Markdown on stdout, of which
# reports/ablation.md is the one that was committed.
#
# Three designs run with every knob, so they are held against each other with all knobs equal: what differs then is the
# idea. After that each knob is turned alone, for every design that has it; and the way from iter-bvec@6.1 to
# iter-bvec is gone in steps of one knob. A combination that cannot be is named with the program's reason.
#
#   instructions  callgrind on the measure build (no probes), two run lengths, difference over difference; of each length
#                 the least of two runs (mk/lib.sh says why); where a worker takes part, of RUNS runs, since there they
#                 also depend on how many IOs it finds when it wakes
#   indirect      the indirect build's thunks: exact
#   counts        the release build's probes, one run
#   CPU time      release build, rounds that take turns: only the ratio in a round, and its spread, mean anything
#
# ROUNDS=7 RUNS=3 can be set. Progress goes to stderr.
set -eu
cd "$(dirname "$0")/.."
. mk/lib.sh

rounds=${ROUNDS:-7} runs=${RUNS:-3}
tmp=build/ablation
mkdir -p "$tmp"
equal=+handoff=inline+alloc=pool+completion=inline+loopq=bio+bio-rule=new+frames=permuted
ideas='iter-ops-fixed iter-bvec bio-first'
all='buffered iter-ops iter-ops-fixed iter-bvec@6.1 iter-bvec bio-first'

for v in release measure indirect; do build $v all; done

# job NAME: sets what the functions below run
job() {
	case $1 in
	4k) file=scenarios/bench-4k.fio fs=extent few=4000 many=12000 timed=400000
	    says='4 KiB random reads, 32 in flight, one extent' ;;
	1m) file=scenarios/ablation-1m.fio fs=extent:layout=fragmented=64k few=200 many=600 timed=6000
	    says='1 MiB random reads, 4 in flight, 256 pages no two of which are neighbours, an extent every 64 KiB' ;;
	esac
	echo "ablation: $says" >&2
}

# run VARIANT IOS DESIGN OPTION…
run() {
	variant=$1 ios=$2 design=$3; shift 3
	"build/$variant/diolab" run -q -d "$design" --null 64m --fs "$fs" --ios "$ios" "$@" "$file"
}

# whole RUNS IOS DESIGN OPTION…: instructions of the whole process
whole() {
	of=$1 ios=$2 design=$3; shift 3
	collected "$of" build/measure/diolab run -q -d "$design" --null 64m --fs "$fs" --ios "$ios" "$@" "$file"
}

# instructions DESIGN OPTION…: per IO; what is set up once cancels out
instructions() { least_of 2 "$@"; }
several() { least_of "$runs" "$@"; }
least_of() {
	least=$1; shift
	short=$(whole "$least" "$few" "$@")
	long=$(whole "$least" "$many" "$@")
	[ -n "$short" ] && [ -n "$long" ] || die "$1: no count"
	echo $(((long - short) / (many - few)))
}

# per_io FILE NAME…: the sum of these counters, over the scopes upper, loop and lower
per_io() {
	from=$1; shift
	for name; do
		sed 's/.*"per_io"://' "$from" | grep -o "\"$name\":[0-9.e+-]*" | cut -d: -f2
	done | awk '{ s += $1 } END { printf "%.5g\n", s }'
}

# refused DESIGN: does it not run so? The reason is in $why
refused() {
	! "build/release/diolab" run -q -d "$1" --null 64m --ios 1 scenarios/bench-4k.fio >/dev/null 2>"$tmp/why" || return 1
	why=$(sed -n 's/^diolab: //p' "$tmp/why" | head -1)
	[ -n "$why" ] || die "$1 failed and gave no reason"
}

row() { printf '| %s' "$1"; shift; for cell; do printf ' | %s' "$cell"; done; echo ' |'; }
heads() { row "$@"; shift; printf '|---'; for cell; do printf '|---:'; done; echo '|'; }

# rows NAME-OF-ROW VALUE-COMMAND…: of each design in $ideas
across() {
	name=$1; shift
	printf '| %s' "$name"
	for d in $ideas; do
		cell=$("$@" "$d")
		printf ' | %s' "$cell"
	done
	echo ' |'
}
measured() { instructions "$1$equal" $way; }
thunks() { run indirect "$many" "$1$equal" $way --json "$tmp/i.json" >/dev/null; per_io "$tmp/i.json" indirect_calls; }
count() { design=$(eval "echo \${$#}"); per_io "$tmp/$design.json" $counters; }

# One table: the ideas on one way, everything equal
idea_table() {
	way=$1
	for d in $ideas; do run release "$many" "$d$equal" $way --json "$tmp/$d.json" >/dev/null; done
	heads "$2" $ideas
	across instructions measured
	across 'indirect calls' thunks
	while read -r title counters; do across "$(echo "$title" | tr _ ' ')" count; done <<-EOF
		allocations alloc_bio alloc_bvec alloc_dio alloc_cmd alloc_other
		bytes_allocated alloc_bytes
		atomics atomics
		locks locks
		bios bios
		splits splits
		map_calls map_calls
		page_references_beyond_pins page_refs
		calls_through_the_iterator's_table iter_ops
	EOF
	echo
}

knob_table() {
	for d in $ideas; do instructions "$d$equal" --path loop >"$tmp/base.$d"; done
	heads 'instead' $ideas
	across 'nothing: the base' cat_base
	for knob in handoff=worker alloc=kmalloc completion=wq loopq=mq bio-rule=old frames=contiguous; do
		across "$knob" turned "$knob"
	done
	for lock in shared exclusive; do across "fs lock=$lock" locked "$lock"; done
	echo
}
cat_base() { cat "$tmp/base.$1"; }
signed() { echo $(($1 - $2)) | sed 's/^[0-9]/+&/'; }
turned() {
	if refused "$2$equal+$1"; then
		echo no
		return
	fi
	case $1 in handoff=worker|completion=wq) how=several ;; *) how=instructions ;; esac
	now=$($how "$2$equal+$1" --path loop)
	signed "$now" "$(cat "$tmp/base.$2")"
}
locked() {
	was=$fs
	case $fs in *:*) fs=$fs,lock=$1 ;; *) fs=$fs:lock=$1 ;; esac
	now=$(instructions "$2$equal" --path loop)
	fs=$was
	signed "$now" "$(cat "$tmp/base.$2")"
}

# step DESIGN: one line of the way, and what it is less than the line before
step() {
	design=$1
	run release "$many" "$design" --path loop --json "$tmp/s.json" >/dev/null
	now=$(several "$design" --path loop)
	row "\`$design\`" "$now" "${before:+$(signed "$now" "$before")}" "$(per_io "$tmp/s.json" alloc_bio alloc_bvec alloc_dio alloc_cmd alloc_other)" \
		"$(per_io "$tmp/s.json" atomics)" "$(per_io "$tmp/s.json" locks)" "$(per_io "$tmp/s.json" punts)" \
		"$(per_io "$tmp/s.json" wakeups)"
	before=$now
}
step_heads() { heads "$1" instructions step allocations atomics locks hand-offs wakeups; before=; }

median() { sort -n | awk '{ v[NR] = $1 } END { printf "%.3f [%.3f-%.3f]\n", v[int((NR + 1) / 2)], v[1], v[NR] }'; }

# CPU time of each idea over iter-bvec's, round by round
time_table() {
	rm -f "$tmp"/cpu.*
	i=0
	while [ "$i" -lt "$rounds" ]; do
		for d in $ideas; do
			run release "$timed" "$d$equal" --path loop --json "$tmp/c.json" >/dev/null
			grep -o '"cpu_ns_per_io":[0-9.e+-]*' "$tmp/c.json" | head -1 | cut -d: -f2 >>"$tmp/cpu.$d"
		done
		i=$((i + 1))
	done
	heads "$says" 'CPU time over that of iter-bvec: median [least-most]'
	for d in $ideas; do
		[ "$d" != iter-bvec ] || continue
		row "$d" "$(paste "$tmp/cpu.$d" "$tmp/cpu.iter-bvec" | awk '{ print $1 / $2 }' | median)"
	done
	echo
}

cat <<EOF
<!-- SPDX-License-Identifier: GPL-2.0-only -->
# Ablation: the idea, and each knob, alone

What \`make ablation\` printed (gcc $(gcc -dumpfullversion), -O2, $(uname -m)). Per IO, over all scopes; a null disk of 64 MiB.
Instructions: callgrind, build without probes, difference of two run lengths, of each the least of two runs, and of
$runs where a worker takes part. Indirect calls: counted by thunks. Counts: probes
of the release build.

## 1. The idea, all knobs equal

\`$(echo "$equal" | sed 's/^+//; s/+/ /g')\`

EOF
for j in 4k 1m; do
	job $j
	echo "$says:"
	echo
	idea_table '--path loop' 'loop, user memory'
	idea_table '--path loop --source pinned' 'loop alone, ready bios'
	idea_table '--path file' 'file, user memory'
done
cat <<EOF
## 2. One knob at a time

Instructions per IO through the loop device, user memory, as a difference to the base of the same design. no: the design does
not run so (below).

EOF
for j in 4k 1m; do
	job $j
	echo "$says:"
	echo
	knob_table
done
for d in $ideas; do
	for knob in handoff=worker alloc=kmalloc completion=wq loopq=mq bio-rule=old frames=contiguous; do
		! refused "$d$equal+$knob" || echo "- $d, $knob: ${why#*: }"
	done
done
job 4k
cat <<EOF

## 3. From Linux 6.1 to iter-bvec, one knob a step

$says, through the loop device. The first step is what the variant has as code of its own and no knob turns.

EOF
step_heads step
step iter-bvec@6.1
step iter-bvec+handoff=worker+alloc=kmalloc+loopq=mq
step iter-bvec+handoff=worker+alloc=pool+loopq=mq
step iter-bvec+handoff=worker+alloc=pool+loopq=bio
step iter-bvec+handoff=inline+alloc=pool+loopq=bio
cat <<EOF

## 4. Every design as it comes

The same job; no two of these differ in one thing only.

EOF
step_heads design
for d in $all; do step "$d"; before=; done
echo
echo '## 5. CPU time, paired'
echo
for j in 4k 1m; do
	job $j
	time_table
done
