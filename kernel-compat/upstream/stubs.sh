#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# kernel-compat/upstream/stubs.sh OBJECT - assembler, on stdout, that defines every symbol OBJECT lacks. A function's
# stub stops with its name (up_stub_hit, lib.c): it jumps, so that the stack is as its caller left it. Data gets an
# address in page 0 (file `data`). What may come from outside is left alone (file `outside`).
set -eu
here=$(dirname "$0")
nm -u "$1" | awk -v data="$here/data" -v outside="$here/outside" '
	BEGIN {
		while ((getline line < data) > 0) if (line !~ /^#/) isdata[line] = 1
		while ((getline line < outside) > 0) if (line !~ /^#/) out[line] = 1
		print "\t.text"
	}
	$2 in out || $2 ~ /^(host_|upl_|__asan_|__ubsan_|__tsan_|__gcov_|_GLOBAL_OFFSET_TABLE_|kc_probe_row)/ { next }
	$2 in isdata { printf "\t.globl %s\n\t.set %s, %d\n", $2, $2, 64 + 16 * ++n; next }
	{ printf "\t.globl %s\n\t.type %s, @function\n%s:\n\tlea 1f(%%rip), %%rdi\n\tjmp up_stub_hit\n1:\t.asciz \"%s\"\n", $2, $2, $2, $2 }
	END { print "\t.section .note.GNU-stack,\"\",@progbits" }'
