#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# mk/check.sh - every test, under ASan and UBSan in one process, and as release code in a process each; the command
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

# Criterion's own words only if it fails
criterion() {
	build/release/tests-criterion --short-filename >build/release/criterion.out 2>&1 ||
		{ cat build/release/criterion.out; return 1; }
	grep "^Tested: $1:" build/release/criterion.out ||
		{ cat build/release/criterion.out; echo "Criterion did not run $1 tests"; return 1; }
}

step 'build: check (ASan, UBSan), release'
build check all tests build/check/tests-planted
build release all build/release/tests-criterion
ln -sf release/diolab build/diolab
n=$(count_tests check) r=$(count_tests release)
[ "$n" -gt 0 ] && [ "$r" -gt 0 ] || die 'no test symbol found'

step "tests: $n in one process, both engines; beside it $r as release code, a process each (Criterion)"
beside criterion criterion "$r"
all_tests check "$@"

step 'the runners notice what they must'
sh scenarios/tests/harness.sh build/check/tests-planted 1

step 'command line'
sh scenarios/tests/cli.sh build/check/diolab

step 'the byte array as the judge'
sh scenarios/tests/ops-designs.sh build/check/diolab

step 'the running kernel as the judge'
sh scenarios/tests/kernel-ops.sh build/check/diolab || [ $? = 77 ]

step 'planted bugs must be found'
sh mk/planted.sh asan

step 'Criterion'
beside_ends

step 'structure'
sh mk/lint.sh

step 'done'
