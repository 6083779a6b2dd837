#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# mk/compare.sh - the first answer: every design, both paths, every byte verified, on a real O_DIRECT file.
set -eu
cd "$(dirname "$0")/.."
out=reports/out
mkdir -p "$out"
build/diolab compare --verify --json "$out/compare.json" --md "$out/compare.md" --html "$out" \
	scenarios/first-light.fio
echo "written: $out/index.html $out/compare.md $out/compare.json"
