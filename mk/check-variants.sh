#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# mk/check-variants.sh - every test more often under ASan and UBSan: with 4 bio_vecs a bio, so that what needs many
# bios happens early, and as release code, which has paths that check builds replace (slab magazines, page
# stocks, no det points). And once more each, few rounds on det, with one hand-off forced on every loop device that has it.
set -eu
cd "$(dirname "$0")/.."
. mk/lib.sh

build shrunk tests
build check-release tests
build check tests
beside release-code build/check-release/tests-inproc --expect "$(count_tests check-release)"
all_tests shrunk
beside_ends
for handoff in inline worker; do
	all_tests check --engine det --few-rounds --handoff $handoff
done
echo 'variants: passed'
