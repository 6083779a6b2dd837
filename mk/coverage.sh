#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# mk/coverage.sh - lines and branches that the tests reach; HTML in reports/out/coverage/, a table by folder.
#
# A baseline of every object comes first, so that a file no test loads counts as not covered. Branches of an
# assertion that holds (BUG_ON, WARN_ON) are not counted: no test of correct code takes them. The build is a fresh one:
# lcov would count what objects of earlier sources say.
set -eu
cd "$(dirname "$0")/.."
. mk/lib.sh

rm -rf build/coverage
build coverage all tests build/coverage/tests-planted
out=reports/out/coverage tmp=build/coverage/info
lc() {
	lcov -q --rc lcov_branch_coverage=1 --rc 'lcov_excl_br_line=LCOV_EXCL_BR_LINE|(BUG|WARN)_ON(_ONCE)?\(' "$@" \
		2>"$tmp/lcov.log" || { cat "$tmp/lcov.log" >&2; die "lcov $1 failed"; }
}
rm -rf "$out" "$tmp"
mkdir -p "$out" "$tmp"
lc -z -d build/coverage
lc -c -i -d build/coverage -o "$tmp/base.info" -t tests
all_tests coverage "$@"
sh scenarios/tests/harness.sh build/coverage/tests-planted 1
sh scenarios/tests/cli.sh build/coverage/diolab
sh scenarios/tests/trace.sh build/coverage/diolab
sh scenarios/tests/kernel-ops.sh build/coverage/diolab || [ $? = 77 ]
lc -c -d build/coverage -o "$tmp/tests.info" -t tests
lc -a "$tmp/base.info" -a "$tmp/tests.info" -o "$tmp/all.info"
lc -r "$tmp/all.info" '/usr/*' '*/scenarios/tests/*' '*/build/*' -o "$tmp/coverage.info"
genhtml -q --branch-coverage --function-coverage --legend -o "$out" "$tmp/coverage.info" 2>"$tmp/genhtml.log" ||
	{ cat "$tmp/genhtml.log" >&2; die 'genhtml failed'; }

# by folder; headers count with the folder above their include/
awk -F: -v root="$PWD/" '
	function row(name, l, L, b, B) {
		return sprintf("%-36s %6d of %6d lines %5.1f %%   %6d of %6d branches %5.1f %%", name, l, L,
			L ? 100 * l / L : 0, b, B, B ? 100 * b / B : 0)
	}
	$1 == "SF" { f = $2; sub(root, "", f); sub(/\/[^\/]*$/, "", f); sub(/\/include.*/, "", f); seen[f] = 1 }
	$1 == "LF" { LF[f] += $2; TLF += $2 } $1 == "LH" { LH[f] += $2; TLH += $2 }
	$1 == "BRF" { BF[f] += $2; TBF += $2 } $1 == "BRH" { BH[f] += $2; TBH += $2 }
	END {
		for (f in seen)
			print row(f, LH[f], LF[f], BH[f], BF[f]) | "sort"
		close("sort")
		print row("all", TLH, TLF, TBH, TBF)
	}' "$tmp/coverage.info"
echo "coverage: $out/index.html"
