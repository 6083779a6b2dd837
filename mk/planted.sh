#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# mk/planted.sh asan|valgrind|tsan - show that a gate can fail: each planted bug is run under the very command the
# tests run under, and must turn it red for the right reason.
set -eu
cd "$(dirname "$0")/.."
. mk/lib.sh

gate=${1:?usage: mk/planted.sh asan|valgrind|tsan}
log=build/planted.log

# must_fail TEST TEXT COMMAND…: the command fails and says TEXT
must_fail() {
	test=$1 text=$2; shift 2
	if "$@" --filter "planted/$test" >"$log" 2>&1; then
		cat "$log" >&2
		die "the planted $test was not found by $gate"
	fi
	grep -Eq "$text" "$log" || { cat "$log" >&2; die "the planted $test failed, but not because it was found ('$text')"; }
	echo "planted $test: found by $gate"
}

case $gate in
asan)
	build check build/check/tests-planted
	must_fail leak 'leak' build/check/tests-planted
	must_fail use_after_free 'AddressSanitizer: use-after-poison|AddressSanitizer: heap-use-after-free' build/check/tests-planted
	must_fail overrun 'AddressSanitizer: use-after-poison|red zone' build/check/tests-planted
	;;
valgrind)
	build valgrind build/valgrind/tests-planted
	must_fail leak 'leak|definitely lost' sh mk/under-valgrind.sh build/valgrind/tests-planted
	must_fail use_after_free 'Invalid read' sh mk/under-valgrind.sh build/valgrind/tests-planted
	;;
tsan)
	build tsan build/tsan/tests-planted
	must_fail race 'ThreadSanitizer: data race' build/tsan/tests-planted --engine thr
	;;
*)
	die "no such gate: $gate"
	;;
esac
