#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# mk/lint.sh - the structure of the house, proved on the release objects:
#
#   1. who includes whom: each unit's dependency file names only folders of its own layer and below
#   2. who calls whom: each undefined symbol is defined in its own layer or below, or is one of the few that the
#      compiler itself asks for; so nothing below host/ can reach libc, and no design sees another
#   3. a design exports exactly one symbol
#   4. each type that crosses design.h has one layout in every unit that knows it
#   5. every file names its licence, so nothing lies about that nobody wrote
#   6. functions that two designs share stand in the same order, so that diff -y shows what differs
#   7. every function that other files may call has kernel-doc
set -eu
cd "$(dirname "$0")/.."
. mk/lib.sh

b=build/release tmp=build/release/lint
rm -rf "$tmp"; mkdir -p "$tmp"
bad=0
complain() { echo "lint: $*" >&2; bad=1; }

# ---- 1 ------------------------------------------------------------------------------------------
# may LAYER-FOLDER PATTERN: headers that units below LAYER-FOLDER may depend on (extended regular expression)
may() {
	find "$b/$1" -name '*.d' 2>/dev/null | sort | while read -r d; do
		tr -d '\\' <"$d" | tr ' ' '\n' | grep -E '\.h$|\.c$' | grep -vE "^($2)" | grep -v '^/usr/lib/gcc/' |
			sed "s|^|lint: $d: may not include |" || true
	done
}
compat='kernel-compat/include/|kernel-compat/[a-z_-]*\.[ch]$'
block="$compat|sim/block/"
drivers="$block|sim/drivers/"
fsmodel="$drivers|fs-model/"
{
	# a host unit includes host.h and its private headers; libc's come from /usr/include
	may kernel-compat/host 'kernel-compat/host/|kernel-compat/host\.h|/usr/include/'
	find "$b/kernel-compat" -maxdepth 1 -name '*.d' | sort | while read -r d; do
		tr -d '\\' <"$d" | tr ' ' '\n' | grep -E '\.h$|\.c$' | grep -vE "^($compat)" | grep -v '^/usr/lib/gcc/' |
			sed "s|^|lint: $d: may not include |" || true
	done
	may sim/block "$block"
	may sim/drivers "$drivers"
	may fs-model "$fsmodel"
	for d in sim/designs/*/; do
		d=${d%/}
		may "$d" "$fsmodel|sim/designs/design\.h|$d/"
	done
	may scenarios/runner "$fsmodel|sim/designs/design\.h|scenarios/lab_run\.h|scenarios/runner/"
} >"$tmp/includes"
[ ! -s "$tmp/includes" ] || { cat "$tmp/includes" >&2; bad=1; }

# ---- 2 ------------------------------------------------------------------------------------------
defined() { nm -g --defined-only "$@" | awk 'NF == 3 { print $3 }' | sort -u; }
undefined() { nm -u "$@" | awk '$1 == "U" { print $2 }' | sort -u; }
# what gcc may call on its own in any unit
printf '%s\n' _GLOBAL_OFFSET_TABLE_ __popcountdi2 __stack_chk_fail memcmp memcpy memmove memset strcmp strlen | sort >"$tmp/allowed"

# calls NAME "OBJECTS" : symbols that NAME's objects want and that neither they nor the layers below define
calls() {
	name=$1; shift
	defined "$@" | sort -u - "$tmp/allowed" >"$tmp/allowed.next"
	undefined "$@" | comm -23 - "$tmp/allowed.next" | sed "s|^|lint: $name asks for |" >"$tmp/calls"
	[ ! -s "$tmp/calls" ] || { cat "$tmp/calls" >&2; bad=1; }
}
climb() { mv "$tmp/allowed.next" "$tmp/allowed"; }

defined "$b"/kernel-compat/host/*.o | grep '^host_' | sort -u - "$tmp/allowed" >"$tmp/host"
mv "$tmp/host" "$tmp/allowed"
calls kernel-compat "$b"/kernel-compat/*.o; climb
calls sim/block "$b"/sim/block/*.o; climb
calls sim/drivers "$b"/sim/drivers/*.o; climb
calls fs-model "$b"/fs-model/*.o; climb
for d in "$b"/design/*.o; do
	calls "${d#"$b"/}" "$d"		# each design above the same world: no climb, so none sees another

# ---- 3 ------------------------------------------------------------------------------------------
	want=design_$(basename "$d" .o | tr .- __)
	[ "$(defined "$d")" = "$want" ] || complain "$d exports $(defined "$d" | tr '\n' ' ')instead of $want alone"
done

# ---- 4 ------------------------------------------------------------------------------------------
crossing='design lab_knobs lab_iovec lab_io lab_loop_opts inode address_space rw_semaphore block_device gendisk bio bio_vec bvec_iter request_queue page mm_struct task_struct'
for t in $crossing; do
	: >"$tmp/layout"
	first=
	for obj in "$b"/scenarios/runner/*.o "$b"/fs-model/*.o "$b"/sim/designs/*/*.o; do
		pahole -C "$t" "$obj" >"$tmp/one" 2>/dev/null || true
		[ -s "$tmp/one" ] || continue
		if [ -z "$first" ]; then
			first=$obj; cp "$tmp/one" "$tmp/layout"
		elif ! cmp -s "$tmp/one" "$tmp/layout"; then
			complain "struct $t differs between $first and $obj"
		fi
	done
	[ -n "$first" ] || complain "struct $t: no unit knows it; is the list in mk/lint.sh out of date?"
done

# ---- 5 ------------------------------------------------------------------------------------------
# Every file: what a program has left in the tree has none. One is a list that scripts read as it is.
files '*' | grep -vx kernel-compat/upstream/files >"$tmp/files"
tr '\n' '\0' <"$tmp/files" | xargs -0 -r -n1 sh -c 'head -3 "$0" | grep -q "SPDX-License-Identifier: GPL-2.0-only" || echo "lint: $0: no SPDX line"' >"$tmp/spdx"
[ ! -s "$tmp/spdx" ] || { cat "$tmp/spdx" >&2; bad=1; }

# ---- 6 ------------------------------------------------------------------------------------------
# functions FILE: their names, in order: the last word before a parenthesis at the left margin, then a brace there
functions() {
	awk '/^[a-z_].*\(/ && !/;$/ { name = $0; sub(/\(.*/, "", name); sub(/.*[ *]/, "", name) } /^\{/ && name { print name; name = "" }' "$1"
}
designs=$(files 'sim/designs/*/loop.c' | xargs -n1 dirname | grep -v '/upstream$')
for d in $designs; do
	for f in "$d"/*.c; do
		functions "$f" >"$tmp/functions.$(basename "$d").$(basename "$f")"
	done
done
pairs=0
for f in $(cd "$tmp" && ls -- functions.*.c | cut -d. -f3- | sort -u); do
	for a in "$tmp"/functions.*."$f"; do
		for b in "$tmp"/functions.*."$f"; do
			expr "$a" '<' "$b" >"$tmp/expr" || continue
			pairs=$((pairs + 1))
			grep -xFf "$b" "$a" >"$tmp/a" || true
			grep -xFf "$a" "$b" >"$tmp/b" || true
			cmp -s "$tmp/a" "$tmp/b" || complain "$f: ${a##*functions.} and ${b##*functions.} have functions in another order:" \
				"$(diff "$tmp/a" "$tmp/b" | sed -n 's/^[<>] //p' | sort -u | tr '\n' ' ')"
		done
	done
done
[ "$pairs" -ge 50 ] || complain "only $pairs pairs of files of designs were compared"

# ---- 7 ------------------------------------------------------------------------------------------
# Kernel-doc is a comment that begins with two stars and names the function first: "name - what". It stands where the
# function is defined, or in a header of its layer. A symbol that has a name of its own is looked up by the function's.
rel=build/release
documented=0
for layer in kernel-compat kernel-compat/host sim/block sim/drivers fs-model $designs; do
	nm -A -g --defined-only "$rel/$layer"/*.o | sed -n "s|^$rel/\(.*\)\.o:[^ ]* [TW] |\1.c |p" >"$tmp/functions"
	{ files "$layer/*.h"; cut -d' ' -f1 "$tmp/functions" | sort -u; } >"$tmp/sources"
	# shellcheck disable=SC2046 # names of files, without blanks
	awk '
		FILENAME == list { where[$2] = $1; next }
		FNR == 1 { opens = 0 }
		match($0, /__asm__\("[a-z_0-9]+"\)/) {
			symbol = substr($0, RSTART + 9, RLENGTH - 11)
			name = $0; sub(/\(.*/, "", name); sub(/.*[ *]/, "", name)
			if (symbol in where) { where[name] = where[symbol]; delete where[symbol] }
		}
		/^\/\*\*/ { opens = 1; sub(/^\/\*\*/, " *") }
		opens && NF > 1 {
			sub(/\(\)$/, "", $2)
			if ($3 == "-" && ($2 in where) && (FILENAME ~ /h$/ || FILENAME == where[$2])) delete where[$2]
			opens = 0
		}
		END { for (name in where) print "lint: " where[name] ": " name "() has no kernel-doc" }
	' list="$tmp/functions" "$tmp/functions" $(cat "$tmp/sources") >"$tmp/bare" ||
		complain "$layer: what defines its functions cannot be read; has $rel objects of files that are gone?"
	[ ! -s "$tmp/bare" ] || { sort "$tmp/bare" >&2; bad=1; }
	documented=$((documented + $(wc -l <"$tmp/functions")))
done
[ "$documented" -ge 700 ] || complain "only $documented functions were looked up"

[ "$bad" = 0 ] || exit 1
echo "lint: include order, symbols, exports, layouts of $(echo "$crossing" | wc -w) types, licences, order of functions in $pairs pairs of files, kernel-doc of $documented functions: ok"
