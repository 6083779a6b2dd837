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

# beside NAME PROGRAM…: run it while the script goes on, what it says in build/NAME.log. A program, since only that ends
# when it is killed: of a function the shell around it would end, and what it has started would run on.
beside() {
	beside_name=$1; shift
	"$@" >"build/$beside_name.log" 2>&1 &
	beside="${beside-} $beside_name:$!"
	trap beside_stop EXIT
}

# none of them outlives the script
beside_stop() {
	for b in $beside; do kill "${b#*:}" 2>/dev/null || true; done
}

# beside_ends: wait for all of them, in the order of their beginning, and print what was skipped and their sums; one that
# failed says all it has said, and is the end
beside_ends() {
	for b in $beside; do
		beside_rc=0
		wait "${b#*:}" || beside_rc=$?
		if [ "$beside_rc" != 0 ]; then
			cat "build/${b%:*}.log"
			die "exit status $beside_rc; the log is build/${b%:*}.log"
		fi
		grep -aE '^SKIP |^[0-9]+ passed|^Tested: ' "build/${b%:*}.log" || true
	done
	beside=
	trap - EXIT
}

# mutants_option OPTION…: of the scripts that can plant mistakes; $mutants is set or empty
mutants_option() {
	mutants=
	case ${1:-} in
	'') ;;
	--mutants) mutants=1 ;;
	*) echo "usage: $0 [--mutants]" >&2; exit 2 ;;
	esac
}

# or_skip COMMAND…: its status 77 is the end of the script, with 0: it has said what is missing. So is every other, as it is
or_skip() {
	skip_rc=0
	"$@" || skip_rc=$?
	[ "$skip_rc" != 77 ] || exit 0
	[ "$skip_rc" = 0 ] || exit "$skip_rc"
}

# collected RUNS COMMAND…: instructions of the whole process under callgrind, the least of so many runs. One thread runs at
# a time there, and one that waits for another may spin for a whole time slice; so one run alone is not to be believed.
collected() {
	collected_left=$1; shift
	while [ "$collected_left" -gt 0 ]; do
		valgrind --tool=callgrind --callgrind-out-file=/dev/null "$@" >"$tmp/said" 2>&1 ||
			{ cat "$tmp/said" >&2; die "callgrind failed: $*"; }
		grep -o 'Collected : [0-9]*' "$tmp/said" >"$tmp/collected" || die "callgrind gave no count: $*"
		sed 's/.* //' "$tmp/collected"
		collected_left=$((collected_left - 1))
	done | sort -n | head -1
}

# files PATTERN…: the files of this tree that match, as git names them; of a tree that came without git, or on a machine
# that has none, all that nobody has built. Patterns as those of case: * matches any text
files() {
	[ ! -e .git ] || ! git ls-files -- "$@" 2>/dev/null || return 0
	find . \( -path ./build -o -path ./reports/out -o -name .git \) -prune -o -type f -print | sed "s|^\./||" | sort |
		while read -r files_one; do
			for files_pattern; do
				# shellcheck disable=SC2254 # it is a pattern
				case $files_one in $files_pattern) echo "$files_one"; break ;; esac
			done
		done
}

die() {
	echo "$0: $*" >&2
	exit 1
}
