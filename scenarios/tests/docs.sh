#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# docs.sh TESTS PROGRAM - what README.md and every NOTES.md name is there: tests, paths, verbs of the Makefile; the
# commands of README.md run, with few IOs; and each file of a design, each header of kernel-compat is named in its page.
#
# A test is named `suite.name`; in a design's NOTES.md the suite may stand without the design's name before it, and in the
# template's and in scenarios/hazards.md without anybody's.
set -u
cd "$(dirname "$0")/../.." || exit 1
. mk/lib.sh
tests=${1:?usage: docs.sh TESTS PROGRAM} prog=${2:?usage: docs.sh TESTS PROGRAM}
tmp=$(mktemp -d "${TMPDIR:-/var/tmp}/diolab-docs.XXXXXX")
trap 'rm -rf "$tmp"' EXIT

"$tests" --list >"$tmp/tests" || exit 1
# those of the design upstream are in a program that needs a kernel's source
sed -n 's/^DESIGN_TEST(\([a-z0-9_]*\), \([a-z0-9_]*\)).*/upstream_6_1_\1.\2/p' scenarios/tests/sim/designs/*.c \
	scenarios/tests/sim/designs/upstream/*.c >>"$tmp/tests"
sed -n 's/^\([a-z-]*\):.*/\1/p' Makefile >"$tmp/verbs"
files '*.md' >"$tmp/files"
while read -r f; do
	# FILE, then what stands between backquotes
	awk -v f="$f" '{ n = split($0, w, "`"); for (i = 2; i <= n; i += 2) print f "\t" w[i] }' "$f"
done <"$tmp/files" >"$tmp/quoted"

# ---- tests -------------------------------------------------------------------------------------
awk -F'\t' -v tests="$tmp/tests" '
	BEGIN {
		while ((getline t < tests) > 0)
			all[t]
	}
	$2 !~ /^[A-Za-z0-9_]+\.[A-Za-z0-9_*]+$/ || $2 ~ /\.(c|h|md|sh|mk|fio|json|txt|html|so)$/ { next }
	{
		design = ""
		if (split($1, dir, "/") == 4 && dir[2] == "designs") {
			design = dir[3]
			gsub(/-/, "_", design)
		}
		any = design == "" ? "" : "(" design "_(61_)?)?"
		if ($1 == "scenarios/hazards.md" || design == "TEMPLATE" || design == "upstream")
			any = "([A-Za-z0-9_]+_)?"
		want = $2
		gsub(/\./, "\\.", want)
		gsub(/\*/, "[A-Za-z0-9_]*", want)
		want = "^" any want "$"
		checked++
		for (t in all)
			if (t ~ want)
				next
		print "docs: " $1 ": no test is called " $2
		bad = 1
	}
	END {
		if (checked < 50) {
			print "docs: only " checked " tests are named: are they still looked for?"
			bad = 1
		}
		exit bad
	}' "$tmp/quoted" >"$tmp/bad" || [ -s "$tmp/bad" ] || exit 1

# ---- paths -------------------------------------------------------------------------------------
# Anywhere in the text. Names of files that the kernel has too begin otherwise, or below build/.
while read -r f; do
	grep -oE '(^|[^A-Za-z0-9_./-])(fs-model|kernel-compat|mk|reports|scenarios|sim|specs|docs)/[A-Za-z0-9_./*-]+' "$f" |
		sed 's/^[^a-z]//; s/[.]*$//' | sort -u | while read -r path; do
		case $path in reports/out/* | sim/designs/mine) continue ;; esac	# made, or to be made by the reader
		# shellcheck disable=SC2086 # wildcards are to be expanded
		ls -d $path >"$tmp/ls" 2>&1 || echo "docs: $f: there is no $path"
	done
done <"$tmp/files" >>"$tmp/bad"

# ---- files that a page should name ----------------------------------------------------------------
for f in $(files 'sim/designs/*/*.c' | grep -v /upstream/); do
	grep -qF "\`${f##*/}\`" "${f%/*}/NOTES.md" || echo "docs: ${f%/*}/NOTES.md does not say what ${f##*/} is for"
done >>"$tmp/bad"
for f in kernel-compat/include/linux/*.h; do
	h=${f##*/}
	grep -qF -e "\`${h%.h}\`" -e "$h" kernel-compat/README.md || echo "docs: kernel-compat/README.md does not say what $h is"
done >>"$tmp/bad"

# ---- verbs -------------------------------------------------------------------------------------
{
	sed -n 's/^\([^	]*\)	make \([a-z-]*\).*/\1	\2/p' "$tmp/quoted"
	sed -n 's/^    make \([a-z-]*\).*/README.md	\1/p' README.md
} | sort -u | while IFS="$(printf '\t')" read -r f verb; do
	grep -qx "$verb" "$tmp/verbs" || echo "docs: $f: the Makefile has no $verb"
done >>"$tmp/bad"

# ---- commands ----------------------------------------------------------------------------------
sed -n 's/^    build\/diolab \(\(run\|compare\|list\).*\)/\1/p' README.md | grep -v upstream >"$tmp/commands"
while read -r line; do
	case $line in list*) few= ;; *) few='--ios 8' ;; esac
	# shellcheck disable=SC2046,SC2086 # the words of a line
	"$prog" $(echo "$line" | sed "s|FILE|$tmp/disk|; s|--ios [0-9]*||") $few >"$tmp/out" 2>&1 ||
		{ echo "docs: README.md: exit status $? of: diolab $line"; head -3 "$tmp/out"; }
	rm -f "$tmp/disk"
done <"$tmp/commands" >>"$tmp/bad"

cat "$tmp/bad"
[ ! -s "$tmp/bad" ] || exit 1
echo "docs: tests, paths and verbs that $(wc -l <"$tmp/files") pages name are there; $(wc -l <"$tmp/commands") commands run"
