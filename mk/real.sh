#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# mk/real.sh [SEED [SEEDS [COUNT]]] - every design against the running kernel: 20 seeds, 500 operations a
# stream, on an O_DIRECT file on ext4 and on a real loop device with direct IO (root). Whatever differs and is not
# in scenarios/ops-differences.txt ends it with exit status 1. Where nothing can be compared the reason is printed and
# the exit status is 0.
set -eu
cd "$(dirname "$0")/.."
. mk/lib.sh
seed=${1:-$(date +%s)} seeds=${2:-20} count=${3:-500}
prog=build/release/diolab

# The first folder on ext4, else the first that has O_DIRECT at all.
find_folder() {
	for d in "${DIOLAB_DIR:-build}" build /var/tmp /tmp "$HOME"; do
		[ -d "$d" ] && [ -w "$d" ] || continue
		t=$(mktemp "$d/diolab-real.XXXXXX") || continue
		ok=$(dd if=/dev/zero of="$t" bs=4096 count=1 oflag=direct 2>/dev/null && echo yes || true)
		rm -f "$t"
		[ "$ok" = yes ] || continue
		case $(stat -f -c %T "$d") in ext*) echo "$d"; return ;; esac
		: "${any:=$d}"
	done
	echo "${any:-}"
}

DIOLAB_DIR=$(find_folder)
[ -n "$DIOLAB_DIR" ] || { echo 'make real: skipped: no folder here is on a filesystem with O_DIRECT (set DIOLAB_DIR)'; exit 0; }
export DIOLAB_DIR
[ "$(id -u)" = 0 ] || echo 'make real: not root: the loop device is left out'
echo "make real: $seeds seeds from $seed, $count operations a stream, in $DIOLAB_DIR ($(stat -f -c %T "$DIOLAB_DIR")), kernel $(uname -r)"
i=0
while [ "$i" -lt "$seeds" ]; do
	rc=0
	sh scenarios/tests/kernel-ops.sh $prog $((seed + i)) "$count" || rc=$?
	[ "$rc" != 77 ] || exit 0
	[ "$rc" = 0 ] || die "seed $((seed + i)); again: mk/real.sh $((seed + i)) 1 $count"
	i=$((i + 1))
done
echo "make real: $seeds seeds: no difference that is not documented"
