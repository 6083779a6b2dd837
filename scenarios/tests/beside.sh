#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# beside.sh - what mk/lib.sh gives the scripts of mk/: what one runs beside itself is waited for, its failure is the script's, and
# it does not outlive the script, however that ends; files of the tree are found with and without git.
set -eu
cd "$(dirname "$0")/../.."
tmp=$(mktemp -d "${TMPDIR:-/var/tmp}/diolab-beside.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
mkdir "$tmp/build"
passed=0
die() { echo "beside: $*" >&2; exit 1; }

# script TEXT: a script of its own, in a folder of its own; its status is in $rc, what it says in $tmp/said
script() {
	printf 'set -eu\ncd "%s"\n. "%s/mk/lib.sh"\n%s\n' "$tmp" "$PWD" "$1" >"$tmp/script"
	rc=0
	sh "$tmp/script" >"$tmp/said" 2>&1 || rc=$?
}
# ended FILE WHAT: the process whose number is in it is gone, soon, or waits for nothing but to be looked at
ended() {
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		state=$(sed 's/.*) \(.\).*/\1/' "/proc/$(cat "$1")/stat" 2>/dev/null || echo gone)
		case $state in gone|Z|'') passed=$((passed + 1)); return ;; esac
		sleep .2
	done
	kill "$(cat "$1")" 2>/dev/null || true
	die "$2: it runs on"
}
# shellcheck disable=SC2016
sleeper='sh -c '\''echo $$ >pid; exec sleep 60'\'''
began='until [ -s pid ]; do sleep .05; done'

script "beside one $sleeper; $began; false"
[ "$rc" = 1 ] || die "a failed script: status $rc"
ended "$tmp/pid" 'a script that fails'
rm "$tmp/pid"
script "beside one $sleeper; $began; exit 0"
[ "$rc" = 0 ] || die "a script that ends: status $rc"
ended "$tmp/pid" 'a script that ends without waiting'
rm "$tmp/pid"
script "beside one $sleeper; $began; beside two sh -c 'echo reason; exit 3'; kill \$(cat pid); beside_ends; echo reached"
[ "$rc" = 1 ] || die "one of two was killed: status $rc"
! grep -q reached "$tmp/said" || die 'a failure beside the script did not end it'
rm "$tmp/pid"
script "beside one true; beside two sh -c 'echo reason; exit 3'; beside_ends; echo reached"
[ "$rc" = 1 ] && grep -q reason "$tmp/said" && grep -q 'exit status 3' "$tmp/said" || die 'what failed did not say why'
! grep -q reached "$tmp/said" || die 'a failure beside the script did not end it'
script "beside one sh -c 'echo silent; echo 5 passed, 0 failed'; beside_ends; echo reached"
[ "$rc" = 0 ] && grep -q '^5 passed' "$tmp/said" && grep -q reached "$tmp/said" || die 'sums are not told'
! grep -q silent "$tmp/said" || die 'what went well is told whole'
passed=$((passed + 3))

# files: what git knows, or, in a tree without it (an archive that was unpacked, be it below somebody's own tree), all there is
mkdir -p "$tmp/d/e" "$tmp/build"
for f in a.md d/e/b.md d/c.sh build/d.md; do echo x >"$tmp/$f"; done
all="$(printf 'a.md\nd/e/b.md\n')"
script "files '*.md'"
[ "$rc" = 0 ] && [ "$(cat "$tmp/said")" = "$all" ] || die "files of a tree without git: $(cat "$tmp/said")"
if git -C "$tmp" init -q 2>/dev/null; then
	git -C "$tmp" add a.md
	script "files '*.md'"
	[ "$rc" = 0 ] && [ "$(cat "$tmp/said")" = a.md ] || die "files of a tree of git's: $(cat "$tmp/said")"
fi
passed=$((passed + 1))
echo "beside: $passed passed"
