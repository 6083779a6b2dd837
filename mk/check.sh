#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# mk/check.sh - every test, under ASan and UBSan, and as release code in a process each; beside them the command
# line's own tests; the planted bugs; the structure. (mk/check-variants.sh runs the same tests in two more builds.)
#
# The in-process runner is the gate for memory: Criterion passes a test whose child leaks. Criterion shows that each
# test also stands alone, and that it passes as release code, which starts five times faster than ASan's. Both are told,
# or count, how many tests there are.
set -eu
cd "$(dirname "$0")/.."
. mk/lib.sh

start=$(date +%s)
step() { echo "== $* ($(($(date +%s) - start)) s)"; }

step 'build: check (ASan, UBSan), release'
build check all tests build/check/tests-planted
build release all build/release/tests-criterion
ln -sf release/diolab build/diolab
n=$(count_tests check) r=$(count_tests release)
[ "$n" -gt 0 ] && [ "$r" -gt 0 ] || die 'no test symbol found'

# what the two halves ran must be all there is, and what Criterion ran
sums() {
	cat build/tests-1.log build/tests-2.log | awk -v n="$n" '
		/^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$/ { p += $1; f += $3; s += $5 }
		END { printf "%d tests, both engines: %d passed, %d failed, %d skipped\n", p + f + s, p, f, s; exit p + f + s != n }' ||
		die "not the $n tests that were compiled"
	grep -q "^Tested: $r:" build/criterion.log || die "Criterion did not run $r tests; the log is build/criterion.log"
}

step "tests: $n in two processes, both engines; beside them $r as release code, a process each (Criterion)"
beside tests-1 build/check/tests-inproc --expect "$n" --shard 1/2 "$@"
beside tests-2 build/check/tests-inproc --expect "$n" --shard 2/2 "$@"
beside criterion build/release/tests-criterion --short-filename

step 'the runners notice what they must'
sh scenarios/tests/harness.sh build/check/tests-planted 1
sh scenarios/tests/beside.sh

step 'command line'
sh scenarios/tests/cli.sh build/check/diolab

step 'traces'
sh scenarios/tests/trace.sh build/check/diolab

step 'what the documents name is there'
sh scenarios/tests/docs.sh build/check/tests-inproc build/release/diolab

step 'the byte array as the judge'
sh scenarios/tests/ops-designs.sh build/check/diolab

step 'the running kernel as the judge'
sh scenarios/tests/kernel-ops.sh build/check/diolab || [ $? = 77 ]

step 'planted bugs must be found'
sh mk/planted.sh asan

step 'structure'
sh mk/lint.sh

step 'the tests begun above'
beside_ends
sums

step 'done'
