#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# mk/check-tsan.sh - every test on threads under ThreadSanitizer; then a planted race that it must find.
set -eu
cd "$(dirname "$0")/.."
. mk/lib.sh

build tsan tests build/tsan/tests-planted
n=$(count_tests tsan)
TSAN_OPTIONS="exitcode=66 halt_on_error=0 ${TSAN_OPTIONS:-}" build/tsan/tests-inproc --engine thr --expect "$n" "$@"
sh mk/planted.sh tsan
echo 'ThreadSanitizer: clean'
