#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# mk/upstream-coverage.sh - how much of Linux's own files the runs reach that hold the design `upstream` to account: gcov on
# those files, lines by file. Three numbers a file: of the functions that an IO enters; of those that are linked in,
# which is all that anything here could reach (what sets up, takes apart and is asked by ioctl is among them); and of the
# whole file. What is linked in and never entered is listed, with its lines.
#
# The variables of Linux, gcov's counters among them, are put back at each start (boot.c): so each process here runs one
# path once. Exit status: 1 if the functions that an IO enters are reached to less than GOAL percent in one of the files
# that it goes through.
set -eu
cd "$(dirname "$0")/.."
. mk/lib.sh

GOAL=80
goal_files='fs/iomap/direct-io.c fs/direct-io.c block/bio.c block/blk-merge.c drivers/block/loop.c:io'
# Of loop.c, what a request goes through, by name; the rest is ioctls, sysfs, set-up. Without loop_queue_work(), three quarters
# of which find and make the worker of a control group: there are none here.
loop_io='^(loop_queue_rq|loop_rootcg_workfn|loop_process_work|loop_handle_cmd|do_req_filebacked|lo_rw_aio.*|lo_read_simple|lo_write_simple|lo_write_bvec|lo_complete_rq|lo_fallocate|lo_req_flush)$'
also='drivers/block/loop.c lib/iov_iter.c fs/iomap/iter.c block/fops.c block/blk-mq.c block/blk-core.c block/blk-flush.c'

or_skip sh kernel-compat/upstream/prepare.sh
command -v gcov >/dev/null || { echo 'upstream-coverage: skipped: not installed: gcov (package gcc)'; exit 0; }
build coverage build/coverage/diolab-upstream build/coverage/tests-upstream
lab=build/coverage/diolab-upstream objects=build/coverage/upstream-6.1/t out=build/upstream-coverage
find "$objects" -name '*.gcda' -exec rm -f {} +
rm -rf "$out"
mkdir -p "$out"

# ---- what runs: that of upstream-check, upstream-calibrate and upstream-mutants ------------------------------
n=0
lab() {
	n=$((n + 1))
	timeout -k 5 300 "$lab" "$@" >"$out/run" 2>&1 || { tail -n 3 "$out/run" >&2; die "does not run: $*"; }
}
for path in file loop; do
	for fs in extent extent:layout=fragmented=16k extent:layout=unwritten extent:layout=sparse; do
		lab run -d upstream --path $path --ram 64m --verify --fs $fs scenarios/calibrate.fio
	done
	lab run -d upstream --path $path --ram 64m --verify --ios 1000 scenarios/first-light.fio
	for v in legacy legacy-locking; do
		for fs in extent extent:layout=fragmented=4k extent:layout=unwritten; do
			lab run -d upstream@$v --path $path --ram 64m --verify --fs $fs scenarios/calibrate.fio
		done
	done
	for limits in max_sectors=64 max_segments=8 virt_boundary=4096,max_sectors=2560; do
		lab run -d upstream+frames=permuted --path $path --ram 64m --verify --limits $limits scenarios/calibrate.fio
	done
	for v in "" @legacy; do
		timeout -k 5 300 "$lab" run -d "upstream$v" --path $path --ram 64m --ios 200 --stack fault=eio@1m+1m \
			scenarios/first-light.fio >"$out/run" 2>&1 && die 'no error came by'
	done
done
lab run -d upstream --source pinned --path loop --ram 64m --verify scenarios/calibrate.fio
lab run -d upstream+frames=permuted --source pinned --path loop --ram 64m --verify scenarios/calibrate.fio
ops() {
	"$lab" ops --generate --seed 1 --count 300 --path "$1" --classes "$2" >"$out/ops"
	lab ops -d "upstream$4" --ram 64m --path "$1" --fs "$3" "$out/ops"
}
for fs in extent extent:layout=sparse extent:layout=unwritten; do
	for v in "" @legacy; do
		ops file valid,zero,many,eof,position,aio $fs "$v"
		ops file valid,extend,truncate,alloc,sync $fs "$v"
		ops file valid,misaligned,fault,midfault,nowait,alloc,aio $fs "$v"
	done
	ops file valid,misaligned,fault,midfault,extend,truncate,alloc,sync $fs @legacy-locking
done
sh mk/upstream-pieces.sh >"$out/ops"
lab ops -d upstream --ram 64m --path file --limits virt_boundary=4096,max_sectors=2560 "$out/ops"
lab ops -d upstream --ram 64m --path loop "$out/ops"
ops loop valid,zero,many,eof,sync,position,aio,seek,misaligned,fault,midfault,nowait,alloc extent ""

# The tests of every design, each in a process. Of one that starts Linux several times the last is counted.
build/coverage/tests-upstream --list | grep '^upstream_6_1_' >"$out/tests" || die 'no tests of 6.1'
while read -r t; do
	n=$((n + 1)) rc=0
	timeout -k 5 300 build/coverage/tests-upstream --few-rounds --engine thr --filter "$t" </dev/null >"$out/run" 2>&1 || rc=$?
	[ "$rc" = 0 ] || [ "$rc" = 77 ] || { tail -n 3 "$out/run" >&2; die "test $t: exit status $rc"; }
done <"$out/tests"

# ---- what was reached ----------------------------------------------------------------------------------------------
# Functions of Linux that are in the program; the optimizer's copies have a suffix.
nm build/coverage/upstream-6.1/kernel.o | awk '$2 ~ /^[tTwW]$/ { sub(/\..*/, "", $3); print $3 }' | sort -u >"$out/linked"

# gcov's record of $1 as lines: function, line number, count
lines_of() {
	gcov --json-format --stdout "$objects/${1%.c}.gcda" 2>"$out/gcov" | tr '{' '\n' | awk -v name="/$1" '
		function value(key) {
			if (!match($0, "\"" key "\": (\"[^\"]*\"|[0-9]+)")) return ""
			v = substr($0, RSTART + length(key) + 4, RLENGTH - length(key) - 4)
			gsub(/"/, "", v)
			return v
		}
		/"line_number": / { seen[n++] = value("function_name") " " value("line_number") " " value("count") }
		/"file": / {	# its name comes after its lines
			f = value("file")
			if (substr(f, length(f) - length(name) + 1) == name)
				for (i = 0; i < n; i++) print seen[i]
			n = 0
		}'
}

bad=0
printf '%-24s %28s %28s %28s\n' file 'functions entered' 'functions linked in' 'whole file'
for f in $goal_files $also; do
	lines_of "${f%:io}" >"$out/lines"
	[ "$f" = "${f%:io}" ] || { awk -v io="$loop_io" '$1 ~ io' "$out/lines" >"$out/part"; mv "$out/part" "$out/lines"; }
	[ -s "$out/lines" ] || { cat "$out/gcov" >&2; die "gcov knows nothing of $f"; }
	awk -v f="$f" -v never="$out/missed" '
		NR == FNR { linked[$1] = 1; next }
		{	# a line may belong to several blocks and copies of a function
			key = $1 " " $2
			if (!(key in count)) name[key] = $1
			count[key] += $3
			if ($3 > 0) entered[$1] = 1
		}
		function row(hit, all) { return sprintf("%6d of %5d lines %5.1f %%", hit, all, all ? 100 * hit / all : 0) }
		END {
			for (key in count) {
				fn = name[key]
				hit = count[key] > 0
				total++; total_hit += hit
				if (fn in entered) { in_entered++; entered_hit += hit }
				if (fn in linked || fn in entered) { in_linked++; linked_hit += hit }
				if (fn in linked && !(fn in entered)) missed[fn]++
			}
			printf "%-24s %s %s %s\n", f, row(entered_hit, in_entered), row(linked_hit, in_linked), row(total_hit, total)
			for (fn in missed) print f, fn, missed[fn] >>never
		}' "$out/linked" "$out/lines" | tee "$out/row"
	case " $goal_files " in
	*" $f "*) awk -v goal=$GOAL '{ exit !($6 < goal) }' "$out/row" && { bad=1; echo "upstream-coverage: $f is below $GOAL %" >&2; } ;;
	esac
done
echo
echo 'linked in and never entered (lines):'
touch "$out/missed"
for f in $goal_files drivers/block/loop.c; do
	echo "  $f:$(awk -v f="$f" '$1 == f { printf " %s (%d)", $2, $3 }' "$out/missed")"
done
echo "upstream-coverage: $n runs"
exit $bad
