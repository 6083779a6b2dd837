#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# kernel-compat/upstream/prepare-iov.sh - Linux 6.1's own iov_iter.c, uio.h and bvec.h, as they are, in
# build/upstream-iov/, which is not part of the tree: nothing of the kernel's source is ever committed.
#
# From Debian's package linux-source-6.1, in one pass over its archive (15 seconds: what is wanted lies near its
# end), or from the kernel tree that KSRC names. Does nothing when the source is the one of last time.
# Exit status: 0 they are there; 2 KSRC will not do, one line says why; 77 there is no source, the reason is printed.
set -eu
cd "$(dirname "$0")/../.."
. kernel-compat/upstream/source.sh

out=build/upstream-iov
files='lib/iov_iter.c include/linux/uio.h include/linux/bvec.h'

if [ -n "${KSRC:-}" ]; then
	for f in $files; do
		[ -f "$KSRC/$f" ] || { echo "prepare-iov.sh: KSRC=$KSRC: no $f there" >&2; exit 2; }
		[ -r "$KSRC/$f" ] || { echo "prepare-iov.sh: KSRC=$KSRC: no right to read $f" >&2; exit 2; }
	done
	source="$KSRC $(cd "$KSRC" && cat $files | cksum)"
elif [ -f "$tarball" ]; then
	source=$(tarball_is)
else
	skip_without upstream-iov linux-source-6.1
fi

if [ -f "$out/source" ] && [ "$(cat "$out/source")" = "$source" ]; then
	exit 0
fi
rm -rf "$out" "$out.part"
mkdir -p "$out.part"
if [ -n "${KSRC:-}" ]; then
	for f in $files; do
		install -D -m 0644 "$KSRC/$f" "$out.part/$f"
	done
else
	echo "upstream-iov: taking $files from $tarball"
	tar -C "$out.part" -m -xf "$tarball" --strip-components=1 --occurrence=1 \
		$(for f in $files; do echo "linux-source-6.1/$f"; done)
fi
echo "$source" >"$out.part/source"
mv "$out.part" "$out"
