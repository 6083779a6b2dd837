#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# mk/setup.sh GOAL - see that the packages GOAL needs are there; install them, saying so first, when we may.
#
# A package counts as there when dpkg says so. Nothing but Debian's packages is ever installed. Exit status:
# 0 all there, 2 missing and no right to install (the one line to run is printed).
set -eu

goal=${1:?usage: mk/setup.sh compare|check|valgrind|tsan|upstream|coverage|lint|bench}
build='gcc libc6-dev binutils liburing-dev'
case $goal in
compare)  want=$build ;;
check)    want="$build pkg-config libcriterion-dev dwarves" ;;
lint)     want="$build dwarves" ;;
valgrind) want="$build valgrind" ;;
tsan|upstream) want="$build" ;;
coverage) want="$build lcov" ;;
bench)    want="$build valgrind" ;;
*) echo "mk/setup.sh: no such goal: $goal" >&2; exit 2 ;;
esac

missing=
for p in $want; do
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null || true)" = installed ] || missing="$missing $p"
done
[ -n "$missing" ] || exit 0

install="apt-get install -y --no-install-recommends$missing"
if [ "$(id -u)" = 0 ]; then
	sudo=
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
	sudo=sudo
else
	echo "diolab: packages are missing and this user may not install them; run as root:" >&2
	echo "  apt-get update && $install" >&2
	exit 2
fi
echo "diolab: installing:$missing"
log=$(mktemp)
export DEBIAN_FRONTEND=noninteractive
if ! { $sudo apt-get update && $sudo $install; } >"$log" 2>&1; then
	tail -15 "$log" >&2
	echo "diolab: the installation failed (log: $log); by hand: apt-get update && $install" >&2
	exit 2
fi
rm -f "$log"
