#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# mk/bench.sh - what an IO costs, per design, by methods that hold on a noisy machine:
#
#   instructions  callgrind on the measure build (no probes), two run lengths, difference over difference; of each length
#                 the least of two runs (mk/lib.sh says why)
#   indirect      the indirect build's thunks, exact
#   CPU time      release build (probes on), rounds that alternate between the designs, median and spread;
#                 of this machine and this hour: only the ratio between designs, round by round, means anything
#   floor         CPU time per 4 KiB read of a real file against that of io_uring and nothing else (scenarios/bench/floor.c),
#                 in rounds that alternate
#   enters        io_uring_enter calls per IO on a real file, depth 32
#   memory        bytes held per IO in flight; peak RSS of a short and of a ten times longer run
#
# ROUNDS=7 IOS=2000000 can be set.
set -eu
cd "$(dirname "$0")/.."
. mk/lib.sh

rounds=${ROUNDS:-7} ios=${IOS:-2000000}
job=scenarios/bench-4k.fio
tmp=build/bench
mkdir -p "$tmp"
build release all build/release/floor
designs=${DESIGNS:-$(build/release/diolab list designs | cut -d' ' -f1)}
build measure all
build indirect all

value() { grep -o "\"$2\":[0-9.e+-]*" "$1" | head -"${3:-1}" | tail -1 | cut -d: -f2; }
# counter FILE SCOPE NAME: per IO
counter() { sed 's/.*"per_io"://' "$1" | grep -o "\"$2\":{[^}]*}" | head -1 | grep -o "\"$3\":[0-9.e+-]*" | cut -d: -f2; }

# instructions ARG…: per IO, whole process, set-up cancelled out
instructions() {
	short=$(collected 2 build/measure/diolab run -q "$@" --ios 10000 "$job")
	long=$(collected 2 build/measure/diolab run -q "$@" --ios 30000 "$job")
	[ -n "$short" ] && [ -n "$long" ] || die "no count: $*"
	echo $(((long - short) / 20000))
}

median() { sort -n | awk '{ v[NR] = $1 } END { printf "%s %s %s", v[1], v[int((NR + 1) / 2)], v[NR] }'; }

echo "instructions per IO (callgrind, measure build, null disk, 4k random read, depth 32)"
printf '  %-16s %12s %12s %12s\n' design 'loop, user' 'loop, pinned' 'file, user'
for d in $designs; do
	printf '  %-16s %12s %12s %12s\n' "$d" "$(instructions -d "$d" --null 64m --path loop)" \
		"$(instructions -d "$d" --null 64m --path loop --source pinned)" "$(instructions -d "$d" --null 64m --path file)"
done

echo "indirect calls per IO (indirect build, counted): upper, loop, lower"
for d in $designs; do
	build/indirect/diolab run -q -d "$d" --null 64m --ios 100000 --json "$tmp/i.json" "$job"
	printf '  %-16s %12s %12s %12s\n' "$d" "$(counter "$tmp/i.json" upper indirect_calls)" \
		"$(counter "$tmp/i.json" loop indirect_calls)" "$(counter "$tmp/i.json" lower indirect_calls)"
done

echo "CPU ns per IO (release, null disk, user memory through loop, $rounds rounds): min median max; M IO/s of CPU time"
rm -f "$tmp"/cpu.*
i=0
while [ $i -lt "$rounds" ]; do
	for d in $designs; do
		build/release/diolab run -q -d "$d" --null 64m --ios "$ios" --json "$tmp/c.json" "$job"
		value "$tmp/c.json" cpu_ns_per_io >>"$tmp/cpu.$d"
	done
	i=$((i + 1))
done
for d in $designs; do
	set -- $(median <"$tmp/cpu.$d")
	printf '  %-16s %s\n' "$d" "$(echo "$1 $2 $3" | awk '{ printf "%8.1f %8.1f %8.1f %10.2f", $1, $2, $3, 1000 / $2 }')"
done
last=$(printf "%s\n" $designs | tail -1)
for d in $designs; do
	[ "$d" != "$last" ] || continue
	paste "$tmp/cpu.$d" "$tmp/cpu.$last" | awk '{ print $1 / $2 }' | median |
		awk -v a="$d" -v b="$last" '{ printf "  CPU of %-16s over that of %s, round by round: %.3f [%.3f–%.3f]\n", a, b, $2, $1, $3 }'
done

real=$(mktemp "${TMPDIR:-/var/tmp}/diolab-bench.XXXXXX")
trap 'rm -f "$real"' EXIT
echo "CPU per IO of a real file over that of io_uring alone (release, 4k random read, depth 32, $rounds rounds): min median max"
rm -f "$tmp"/floor* "$tmp"/real.*
i=0
while [ $i -lt "$rounds" ]; do
	# the first run makes the file: nothing is read that was never written
	for source in pinned user; do
		for d in $designs; do
			build/release/diolab run -q -d "$d" --source $source --disk "$real:64m" --ios 100000 --json "$tmp/f.json" "$job"
			value "$tmp/f.json" cpu_ns_per_io >>"$tmp/real.$source.$d"
		done
		build/release/floor "$real" 67108864 100000 >>"$tmp/floor.$source"
	done
	i=$((i + 1))
done
printf '  %-16s %26s   %26s\n' design 'loop, from ready bios' 'loop, from user memory'
for d in $designs; do
	printf '  %-16s' "$d"
	for source in pinned user; do
		paste "$tmp/real.$source.$d" "$tmp/floor.$source" | awk '{ print $1 / $2 }' | median |
			awk '{ printf "   %8.3f %8.3f %8.3f", $1, $2, $3 }'
	done
	echo
done

echo "real file (temporary, O_DIRECT), 4k random read, depth 32"
printf '  %-16s %14s %16s %16s\n' design 'enters per IO' 'bytes held per IO' 'host allocs per IO'
for d in $designs; do
	build/release/diolab run -q -d "$d" --ios 100000 --json "$tmp/r.json" "$job"
	printf '  %-16s %14s %16s %16s\n' "$d" "$(counter "$tmp/r.json" lower ring_enters)" "$(value "$tmp/r.json" bytes_held_per_io)" \
		"$(for s in upper loop lower; do counter "$tmp/r.json" $s host_allocs; done | awk '{ n += $1 } END { print n }')"
done

echo "peak RSS in KiB, null disk: $((ios / 10)) IOs, then $ios"
for d in $designs; do
	build/release/diolab run -q -d "$d" --null 64m --ios $((ios / 10)) --json "$tmp/s.json" "$job"
	build/release/diolab run -q -d "$d" --null 64m --ios "$ios" --json "$tmp/l.json" "$job"
	printf '  %-16s %12s %12s\n' "$d" "$(value "$tmp/s.json" max_rss_kib)" "$(value "$tmp/l.json" max_rss_kib)"
done
