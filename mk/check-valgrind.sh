#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# mk/check-valgrind.sh - every test under memcheck, both engines, in two processes; then the planted bugs that it must
# find.
set -eu
cd "$(dirname "$0")/.."
. mk/lib.sh

build valgrind tests build/valgrind/tests-planted
n=$(count_tests valgrind)
beside memcheck sh mk/under-valgrind.sh build/valgrind/tests-inproc --expect "$n" --shard 1/2 "$@"
sh mk/under-valgrind.sh build/valgrind/tests-inproc --expect "$n" --shard 2/2 "$@"
beside_ends
sh mk/planted.sh valgrind
echo 'memcheck: clean'
