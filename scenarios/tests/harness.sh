#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# harness.sh PROGRAM DET - does the in-process runner notice what it must? PROGRAM has the tests of
# planted/harness.c; DET is 1 if it was built with the det engine. Each case: exit status, then texts
# that its output must contain.
set -u
prog=${1:?usage: harness.sh PROGRAM DET} det=${2:?usage: harness.sh PROGRAM DET}
dir=$(dirname "$0")
out=$(mktemp "${TMPDIR:-/var/tmp}/diolab-harness.XXXXXX")
trap 'rm -f "$out"' EXIT
passed=0 failed=0 limit_s=60

no() {
	echo "harness: $*"
	sed 's/^/  /' "$out" | head -12
	failed=$((failed + 1))
}

# quiet FILTER TEXT: without -v the runner does not print TEXT; with -v it does
quiet() {
	timeout -k 5 "$limit_s" "$prog" --filter "broken.$1" >"$out" 2>&1
	! grep -qF -- "$2" "$out" || { no "$1: prints '$2'"; return; }
	t 0 "$1" -v "$2"
}

# t STATUS FILTER "OPTIONS" TEXT…: STATUS is a number, or "!" for anything but 0
t() {
	want=$1 filter=$2 options=$3
	shift 3
	# shellcheck disable=SC2086
	timeout -k 5 "$limit_s" "$prog" --filter "broken.$filter" $options >"$out" 2>&1
	rc=$?
	if [ "$want" = '!' ]; then
		[ $rc != 0 ] && [ $rc != 124 ] || { no "$filter: exit status $rc"; return; }
	elif [ $rc != "$want" ]; then
		no "$filter: exit status $rc, want $want"
		return
	fi
	for text; do
		grep -qF -- "$text" "$out" || { no "$filter: no '$text'"; return; }
	done
	passed=$((passed + 1))
}

one_failed='0 passed, 1 failed, 0 skipped'
t 0 c_sound '' '1 passed, 0 failed, 0 skipped'
t 1 a_expectation '--engine thr --seed 42' "$one_failed" 'FAIL broken.a_expectation [thr, --seed 42]' \
	'have 4 and 5' 'seed: 42'
t 1 b_bare_expectation '' "$one_failed" 'harness.c:'
t 1 d_warns '' "$one_failed" 'nobody expects this' 'audit found something'
t 1 e_memory_differs '' "$one_failed" 'differs in 1 of 6 bytes, first at offset 3'
t 1 '[a-e]_*' '' '1 passed, 4 failed, 0 skipped'
t 1 '[cg]_*' '--engine thr' '1 passed, 1 failed, 0 skipped'
t 77 skips '' '0 passed, 0 failed, 1 skipped' 'SKIP broken.skips: it always does'
t 0 '[ch]_*' '--engine thr' 'SKIP broken.h_skips_beside_a_waiting_thread: it need not run' \
	'1 passed, 0 failed, 1 skipped'
quiet i_talks 'said in a sound test'
t 1 '[ij]_*' '' 'said before it failed' '1 passed, 1 failed, 0 skipped'
t 86 bug '' 'said before the BUG' 'broken.bug' 'BUG()'
t '!' crash '' 'said before the crash' 'the process died in test broken.crash'
limit_s=2
t 124 hangs '--engine thr' 'the process died in test broken.hangs'
limit_s=60
t 1 'leaves_*' '--engine thr' 'its threads are still running' '1 tests did not run' \
	'0 passed, 2 failed, 0 skipped'
t 86 waits_for_ever '--engine thr' 'broken.waits_for_ever' 'deadlock'
t 1 '[a-e]_*' '--shard 1/2 --engine thr' '1 passed, 2 failed, 0 skipped' 'FAIL broken.a_' 'FAIL broken.e_'
t 1 '[a-e]_*' '--shard 2/2 --engine thr' '0 passed, 2 failed, 0 skipped' 'FAIL broken.b_' 'FAIL broken.d_'
t 2 c_sound '--shard 3/2' '--shard: K/N'
t 2 no_such_test '' 'no test has such a name'
if [ "$det" = 1 ]; then
	t 1 a_expectation '--engine det --seed 42' "$one_failed" 'FAIL broken.a_expectation [det, --seed 42]'
	t 1 f_keeps_a_lock '' "$one_failed" 'leaves 1 lock(s) held'
	t 1 'leaves_*' '--engine det' '1 passed, 1 failed, 0 skipped'
	t 1 waits_for_ever '--engine det' "$one_failed" 'the run ended in a deadlock'
fi

# A test that was compiled and is not in the program, or the other way round.
have=$("$prog" --list | wc -l)
t 0 c_sound "--expect $have" '1 passed, 0 failed, 0 skipped'
t 1 c_sound "--expect $((have + 1))" "$((have + 1)) tests were compiled, $have are in this program"
t 1 c_sound "--expect $((have - 1))" 'tests were compiled'

# The generator of Criterion's side counts what the sources say, and refuses two tests of one name.
obj=$out.o
trap 'rm -f "$out" "$obj"' EXIT
{
	echo 'extern const int lab_test__one__a, lab_test__two__b__c;'
	echo 'const int lab_test__one__a = 1, lab_test__two__b__c = 2; int lab_test_fn__one__a;'
} | "${CC:-gcc}" -x c -c -o "$obj" -
if [ "$(sh "$dir/../harness/gen-criterion.sh" --count "$obj")" = 2 ] &&
   sh "$dir/../harness/gen-criterion.sh" "$obj" >"$out" && grep -q '^Test(two, b__c)$' "$out"; then
	passed=$((passed + 1))
else
	no 'gen-criterion.sh: two tests'
fi
if sh "$dir/../harness/gen-criterion.sh" "$obj" "$obj" >"$out" 2>&1; then
	no 'gen-criterion.sh: took two tests of one name'
else
	passed=$((passed + 1))
fi

echo "harness: $passed passed, $failed failed"
[ "$failed" = 0 ]
