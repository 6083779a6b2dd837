#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# mk/check-variants.sh - every test twice more under ASan and UBSan: with 4 bio_vecs a bio, so that what needs many
# bios happens early, and as release code, which has paths that check builds replace (slab magazines, page
# stocks, no det points).
set -eu
cd "$(dirname "$0")/.."
. mk/lib.sh

build shrunk tests
build check-release tests
beside release-code build/check-release/tests-inproc --expect "$(count_tests check-release)"
all_tests shrunk
beside_ends
echo 'variants: passed'
