#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# mk/under-valgrind.sh PROGRAM ARG… - the one memcheck command of this project. Exit status 9: memcheck found something.
# timeout -k: a program that waits for io_uring under valgrind has been seen to ignore SIGTERM.
set -eu
exec timeout -k 10 "${VALGRIND_SECONDS:-1500}" valgrind -q --error-exitcode=9 --leak-check=full \
	--show-leak-kinds=definite --errors-for-leak-kinds=definite --trace-children=no --num-callers=25 \
	--suppressions=mk/valgrind.supp "$@"
