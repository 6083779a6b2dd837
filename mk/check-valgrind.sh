#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# mk/check-valgrind.sh - every test under memcheck, both engines; then the planted bugs that it must find.
set -eu
cd "$(dirname "$0")/.."
. mk/lib.sh

build valgrind tests build/valgrind/tests-planted
sh mk/under-valgrind.sh build/valgrind/tests-inproc --expect "$(count_tests valgrind)" "$@"
sh mk/planted.sh valgrind
echo 'memcheck: clean'
