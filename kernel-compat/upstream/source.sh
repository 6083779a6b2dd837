# SPDX-License-Identifier: GPL-2.0-only
#
# kernel-compat/upstream/source.sh - Debian's packages of Linux's source, for the scripts that take files from them;
# sourced by them.

packaged='6.1 6.12'		# versions that are known to fit, and have a package

# package VERSION: its archive is $tarball from now on
package() {
	version=$1
	tarball=/usr/src/linux-source-$version.tar.xz
}
package 6.1

# which package it is, to see whether anything has changed since
tarball_is() {
	echo "linux-source-$version $(dpkg-query -W -f '${Version}' "linux-source-$version" 2>/dev/null || true) $(stat -c '%s %Y' "$tarball")"
}

# skip VERB PACKAGE…: the reason, and status 77
skip_without() {
	verb=$1; shift
	echo "$verb: skipped: not installed: $*; as root: apt-get install -y --no-install-recommends $*"
	exit 77
}
