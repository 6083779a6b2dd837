#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# mk/upstream.sh - diolab with Linux's own files as the design `upstream`, with KERNEL=6.12 those of that version's package
# as `upstream:6.12`, with KSRC=DIR NAME=word that tree's as `upstream:word`; build/diolab then links to it. Every
# tree prepared so far is in it. `make all` links back to the diolab without.
#
# BUILD=check: all of it under ASan and UBSan, Linux's files too, for errors in memory and for gdb.
#
# Without a kernel source one line says so, and the status is 0.
set -eu
cd "$(dirname "$0")/.."
. mk/lib.sh

v=${BUILD:-release}
case $v in
release | check) ;;
*)
	echo "upstream: BUILD=$v: release or check" >&2
	exit 2
	;;
esac
rc=0
sh kernel-compat/upstream/prepare.sh || rc=$?
case $rc in
0) ;;
77) exit 0 ;;
*) exit "$rc" ;;
esac

# Does the shim fit the tree's version? If not, the first thing that is not as it should be says so.
name=${KERNEL:-6.1}
[ -z "${KSRC:-}" ] || name=${NAME:-patched}
log=build/upstream/$name/log
if ! build "$v" "up-fits-$name" >"$log" 2>&1; then
	rm -f "build/upstream/$name/source"		# it is none of those that are built
	makefile=build/upstream/$name/tree/Makefile
	echo "upstream: Linux $(sed -n 's/^VERSION = //p' "$makefile").$(sed -n 's/^PATCHLEVEL = //p' "$makefile") does not fit: $(
		grep -m1 -e 'error:' "$log" || tail -n 1 "$log"); all of it: $log" >&2
	exit 2
fi
build "$v" "build/$v/diolab-upstream"
ln -sf "$v/diolab-upstream" build/diolab
designs=
for t in build/upstream/*/source; do
	n=$(basename "$(dirname "$t")")
	[ "$n" = 6.1 ] && designs="$designs upstream" || designs="$designs upstream:$n"
done
echo "upstream: build/diolab runs$designs"
