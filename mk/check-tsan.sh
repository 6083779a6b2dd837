#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# mk/check-tsan.sh - every test on threads under ThreadSanitizer, as debug code and as release code (which has paths
# of its own: slab magazines, page stocks); then a planted race that it must find.
set -eu
cd "$(dirname "$0")/.."
. mk/lib.sh

for v in tsan tsan-release; do
	build "$v" tests "build/$v/tests-planted"
	echo "== every test on threads: $v"
	under_tsan all_tests "$v" --engine thr "$@"
done
sh mk/planted.sh tsan
echo 'ThreadSanitizer: clean'
