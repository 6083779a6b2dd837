# SPDX-License-Identifier: GPL-2.0-only
# mk/lib.sh - what the scripts of this folder share; sourced from the project's root.

jobs=$(nproc)

# build VARIANT GOAL…: quiet, all warnings are shown
build() {
	variant=$1; shift
	make -s -j"$jobs" -f mk/build.mk V="$variant" "$@"
}

# outputs of one variant, as mk/build.mk names them
count_tests() {
	make -s -f mk/build.mk V="$1" count-tests
}

die() {
	echo "$0: $*" >&2
	exit 1
}
