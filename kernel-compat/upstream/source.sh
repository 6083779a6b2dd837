# SPDX-License-Identifier: GPL-2.0-only
#
# kernel-compat/upstream/source.sh - Debian's package of Linux 6.1, for the two scripts that take files from it;
# sourced by them.

tarball=/usr/src/linux-source-6.1.tar.xz

# which package it is, to see whether anything has changed since
tarball_is() {
	echo "linux-source-6.1 $(dpkg-query -W -f '${Version}' linux-source-6.1 2>/dev/null || true) $(stat -c '%s %Y' "$tarball")"
}

# skip VERB PACKAGE…: the reason, and status 77
skip_without() {
	verb=$1; shift
	echo "$verb: skipped: not installed: $*; as root: apt-get install -y --no-install-recommends $*"
	exit 77
}
