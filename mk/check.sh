#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# mk/check.sh - every test, under ASan and UBSan, by both runners; the command line's own tests; the planted bugs; the structure.
#
# The in-process runner is the gate for memory (Criterion passes a test whose child leaks); Criterion shows
# that each test also stands alone in a process of its own. Both are told, or count, how many tests there are.
set -eu
cd "$(dirname "$0")/.."
. mk/lib.sh

start=$(date +%s)
step() { echo "== $* ($(($(date +%s) - start)) s)"; }

step 'build: check (ASan, UBSan)'
build check all tests build/check/tests-criterion build/check/tests-planted
n=$(count_tests check)
[ "$n" -gt 0 ] || die 'no test symbol found'

step "tests, in one process, both engines ($n)"
build/check/tests-inproc --expect "$n" "$@"

step "tests, a process each (Criterion, $n)"
log=build/check/criterion.log
build/check/tests-criterion --quiet --short-filename >"$log" 2>&1 || { cat "$log"; die 'Criterion: failures'; }
grep -q "Tested: .*$n" "$log" || { cat "$log"; die "Criterion did not run $n tests"; }
tail -1 "$log"

step 'the runners notice what they must'
sh scenarios/tests/harness.sh build/check/tests-planted 1

step 'command line'
sh scenarios/tests/cli.sh build/check/diolab

step 'the running kernel as the judge'
sh scenarios/tests/kernel-ops.sh build/check/diolab || [ $? = 77 ]

step 'planted bugs must be found'
sh mk/planted.sh asan

step 'build: release; structure'
build release all
ln -sf release/diolab build/diolab
sh mk/lint.sh

step 'done'
