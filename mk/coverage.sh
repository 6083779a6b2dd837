#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# mk/coverage.sh - lines and branches that the tests reach; HTML in reports/out/coverage/.
#
# A baseline of every object comes first, so that a file no test loads counts as not covered.
set -eu
cd "$(dirname "$0")/.."
. mk/lib.sh

build coverage all tests
n=$(count_tests coverage)
out=reports/out/coverage tmp=build/coverage/info
lc() { lcov -q --rc lcov_branch_coverage=1 "$@" 2>"$tmp/lcov.log" || { cat "$tmp/lcov.log" >&2; die "lcov $1 failed"; }; }
rm -rf "$out" "$tmp"
mkdir -p "$out" "$tmp"
lc -z -d build/coverage
lc -c -i -d build/coverage -o "$tmp/base.info"
build/coverage/tests-inproc --expect "$n" "$@"
sh scenarios/tests/cli.sh build/coverage/diolab
lc -c -d build/coverage -o "$tmp/tests.info" -t tests
lc -a "$tmp/base.info" -a "$tmp/tests.info" -o "$tmp/all.info"
lc -r "$tmp/all.info" '/usr/*' '*/scenarios/tests/*' '*/build/*' -o "$tmp/coverage.info"
genhtml -q --branch-coverage --function-coverage --legend -o "$out" "$tmp/coverage.info" 2>"$tmp/genhtml.log" ||
	{ cat "$tmp/genhtml.log" >&2; die 'genhtml failed'; }
lcov --rc lcov_branch_coverage=1 --summary "$tmp/coverage.info" 2>/dev/null
echo "coverage: $out/index.html"
