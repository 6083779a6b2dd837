# SPDX-License-Identifier: GPL-2.0-only
# mk/lib.sh - what the scripts of this folder share; sourced from the project's root.

jobs=$(nproc)

# build VARIANT GOAL…: quiet, all warnings are shown
build() {
	variant=$1; shift
	make -s -j"$jobs" -f mk/build.mk V="$variant" "$@"
}

# outputs of one variant, as mk/build.mk names them
count_tests() {
	make -s -f mk/build.mk V="$1" count-tests
}

# all_tests VARIANT OPTION…: the tests of a variant, which must be as many as were compiled
all_tests() {
	variant=$1; shift
	"build/$variant/tests-inproc" --expect "$(count_tests "$variant")" "$@"
}

# under_tsan COMMAND…: the one way of this project to run under ThreadSanitizer. Exit status 66: it found something.
# No pause at the exit of each forked child; there is nobody else in it.
under_tsan() {
	TSAN_OPTIONS="exitcode=66 halt_on_error=0 atexit_sleep_ms=0 ${TSAN_OPTIONS:-}" "$@"
}

# beside NAME COMMAND…: run it while the script goes on, what it says in build/NAME.log; one at a time.
beside() {
	beside_log=build/$1.log; shift
	"$@" >"$beside_log" 2>&1 &
	beside_pid=$!
	trap 'kill "$beside_pid" 2>/dev/null || true' EXIT
}

# beside_ends: wait for it; if it failed, print what it said and stop
beside_ends() {
	beside_rc=0
	wait "$beside_pid" || beside_rc=$?
	trap - EXIT
	cat "$beside_log"
	[ "$beside_rc" = 0 ] || die "exit status $beside_rc; the log is $beside_log"
}

die() {
	echo "$0: $*" >&2
	exit 1
}
