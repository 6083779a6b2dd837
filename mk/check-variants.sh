#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# mk/check-variants.sh - every test twice more: with 4 bio_vecs a bio (ASan, UBSan), so that what needs many
# bios happens early, and as release code, which has paths that check builds replace (slab magazines, page
# stocks, no det points).
set -eu
cd "$(dirname "$0")/.."
. mk/lib.sh

build shrunk tests
build release tests
beside release-tests all_tests release
all_tests shrunk
beside_ends
echo 'variants: passed'
