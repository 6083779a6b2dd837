#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# mk/planted.sh asan|valgrind|tsan - show that a gate can fail: each planted bug is run under the very command the
# tests run under, and must turn it red for the right reason, at the right place.
#
# Objects of the simulated kernel that are lost are found by the world's audit in every gate; the checkers find what
# host code loses.
set -eu
cd "$(dirname "$0")/.."
. mk/lib.sh

gate=${1:?usage: mk/planted.sh asan|valgrind|tsan}
log=build/planted.log

# must_fail TEST WHAT WHERE COMMAND…: the command fails and says WHAT, and names the place
must_fail() {
	test=$1 what=$2 where=$3; shift 3
	if "$@" --filter "planted/$test" >"$log" 2>&1; then
		cat "$log" >&2
		die "the planted $test was not found by $gate"
	fi
	for text in "$what" "$where"; do
		grep -Eq "$text" "$log" ||
			{ cat "$log" >&2; die "the planted $test failed, but not because it was found ('$text')"; }
	done
	echo "planted $test: found by $gate"
}

fn=lab_test_fn__planted__
lost='leak: 1 x kmalloc-[0-9]+, 96 bytes'
case $gate in
asan)
	build check build/check/tests-planted
	run=build/check/tests-planted
	must_fail leak "$lost" 'taken at scenarios/tests/planted/planted.c' $run
	must_fail host_leak 'LeakSanitizer: detected memory leaks' ${fn}host_leak $run
	must_fail use_after_free 'AddressSanitizer: use-after-poison' ${fn}use_after_free $run
	must_fail overrun 'AddressSanitizer: use-after-poison' ${fn}overrun $run
	;;
valgrind)
	build valgrind build/valgrind/tests-planted
	run='sh mk/under-valgrind.sh build/valgrind/tests-planted'
	must_fail leak "$lost" 'taken at scenarios/tests/planted/planted.c' $run
	must_fail host_leak '96 bytes in 1 blocks are definitely lost' ${fn}host_leak $run
	must_fail use_after_free 'Invalid read of size 1' ${fn}use_after_free $run
	must_fail overrun 'Invalid write of size 1' ${fn}overrun $run
	;;
tsan)
	for v in tsan tsan-release; do
		build $v build/$v/tests-planted
		must_fail race 'ThreadSanitizer: data race' add_without_lock under_tsan build/$v/tests-planted --engine thr
	done
	;;
*)
	die "no such gate: $gate"
	;;
esac
