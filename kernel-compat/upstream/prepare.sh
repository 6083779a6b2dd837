#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# kernel-compat/upstream/prepare.sh - the part of a Linux source tree that the design `upstream` is compiled from,
# configured for ARCH=um, in build/upstream/NAME/tree/, which is not part of this tree: nothing of a kernel's source
# is ever committed.
#
# NAME is 6.1, or what KERNEL says (6.12), and the source Debian's package linux-source-NAME: its archive is read once.
# With KSRC=DIR NAME=patched the source is that tree. It is only read: what is wanted of it is copied, uncommitted
# changes with it, its build products without; later runs copy what has changed since. Does nothing when nothing has
# changed.
#
# Exit status: 0 the tree is there; 2 KSRC, NAME or KERNEL will not do, one line says why; 77 there is no source, or no
# tool to prepare it with: the reason is printed.
set -eu
cd "$(dirname "$0")/../.."
. kernel-compat/upstream/source.sh

oldest='6 1'			# version and patchlevel; what is older has another blk-mq and another iomap
tools='flex bison bc perl'

refuse() { echo "prepare.sh: $1" >&2; exit 2; }
bad() { refuse "KSRC=$ksrc: $1"; }

ksrc=${KSRC:-}
if [ -n "$ksrc" ]; then
	[ -z "${KERNEL:-}" ] || refuse "KERNEL=$KERNEL is a package, KSRC=$ksrc a tree: want one of them"
	name=${NAME:-patched}
	case $name in
	*[!a-z0-9_]*|[0-9]*) refuse "NAME=$name: want a word of a-z, 0-9 and _ that begins with a letter" ;;
	mutant) refuse "NAME=$name is taken: make upstream-mutants uses it; want another" ;;
	esac
else
	[ -z "${NAME:-}" ] || refuse "NAME=$NAME names the tree of KSRC=DIR, and there is no KSRC"
	name=${KERNEL:-6.1}
	case " $packaged " in
	*" $name "*) package "$name" ;;
	*) refuse "KERNEL=$name: the packages that are known to fit: $packaged; for a tree of yours: KSRC=DIR NAME=word" ;;
	esac
fi
out=build/upstream/$name
tree=$out/tree
missing=
for t in $tools; do
	command -v "$t" >/dev/null 2>&1 || missing="$missing $t"	# packages of the same names
done
[ -n "$ksrc" ] || [ -f "$tarball" ] || missing="$missing linux-source-$version"

# ---- what is wanted of a source ------------------------------------------------------------------
# Everything that Kconfig reads, everything that `make prepare` needs, and what is compiled. tar patterns; * matches
# slashes. With this selection the configuration is the one that a whole tree gives.
wanted='include arch/um arch/x86 scripts block lib mm kernel init usr fs/iomap fs/direct-io.c
	tools/include tools/build tools/scripts tools/objtool tools/testing/kunit drivers/block/loop.c'
patterns='fs/*.h drivers/block/*.h */Kconfig* */Makefile */Kbuild'
# where files of those patterns are
around='fs drivers arch Documentation certs crypto ipc net rust samples security sound tools virt io_uring'

# The first thing that is wrong with $1 as a kernel tree, in words; nothing if it will do.
tree_why() {
	[ -d "$1" ] || { echo 'no such folder'; return; }
	[ -r "$1" ] && [ -x "$1" ] || { echo 'no right to read it'; return; }
	[ -f "$1/Makefile" ] && [ -f "$1/Kconfig" ] || { echo 'no kernel source: it has no Makefile and Kconfig'; return; }
	[ -r "$1/Makefile" ] || { echo 'no right to read its Makefile'; return; }
	v=$(sed -n 's/^VERSION = \([0-9]*\)$/\1/p' "$1/Makefile")
	p=$(sed -n 's/^PATCHLEVEL = \([0-9]*\)$/\1/p' "$1/Makefile")
	[ -n "$v" ] && [ -n "$p" ] || { echo 'no kernel source: its Makefile names no version'; return; }
	set -- "$1" $oldest "$v" "$p"
	if [ "$4" -lt "$2" ] || { [ "$4" -eq "$2" ] && [ "$5" -lt "$3" ]; }; then
		echo "Linux $4.$5 is too old; $2.$3 is the oldest that fits"; return
	fi
	for f in $(awk 'NF == 1' kernel-compat/upstream/files); do
		[ -e "$1/$f" ] || { echo "Linux $4.$5 does not fit: it has no $f"; return; }
		[ -r "$1/$f" ] || { echo "no right to read $f"; return; }
	done
	f=$(cd "$1" && find $wanted \( ! -readable -o -type d ! -executable \) -print -quit 2>/dev/null || true)
	[ -z "$f" ] || echo "no right to read $f"
}

# One line a wanted file of the folder $1: size, time, path. Build products are left out.
listing() {
	(cd "$1" && find $wanted Kconfig Kbuild Makefile $around -type f \
		! -name '*.o' ! -name '*.a' ! -name '*.cmd' ! -name '.*.d' ! -name '*.ko' ! -name '*.order' \
		! -name 'auto.conf*' ! -path '*/include/generated/*' ! -path 'include/generated/*' ! -path 'include/config/*' \
		-printf '%s %T@ %p\n' 2>/dev/null) |
	awk '{ p = $3 }
	     p ~ /\/(Kconfig[^\/]*|Makefile|Kbuild)$/ || p ~ /^(Kconfig|Kbuild|Makefile)$/ ||
	     p ~ /^(include|arch\/um|arch\/x86|scripts|block|lib|mm|kernel|init|usr|fs\/iomap)\// ||
	     p ~ /^tools\/(include|build|scripts|objtool|testing\/kunit)\// || p ~ /^(fs|drivers\/block)\/[^\/]*\.h$/ ||
	     p == "fs/direct-io.c" || p == "drivers/block/loop.c"' | LC_ALL=C sort -u
}

# What make prepare does not read: after a change of such files alone nothing is configured again. What a file is
# compiled from is in its .d; for that a copy is as new as the copying, not as the file (tar -m).
plain='^(block|fs|lib|mm|drivers|kernel/sched)/.*\.c$'

# ---- bring the tree up to date ---------------------------------------------------------------------
if [ -n "$ksrc" ]; then
	why=$(tree_why "$ksrc")
	[ -z "$why" ] || bad "$why"
	from=$(cd "$ksrc" && pwd -P)
	if [ -f "$out/from" ] && [ "$(cat "$out/from")" != "$from" ]; then
		refuse "NAME=$name is taken, by the tree $(cat "$out/from"): want another, or remove $out"
	fi
	[ -z "$missing" ] || skip_without upstream $missing
	mkdir -p "$out"
	echo "$from" >"$out/from"
	listing "$ksrc" >"$out/listing.new"
	source="$from $(cksum <"$out/listing.new") $(cksum <kernel-compat/upstream/config)"
else
	[ -z "$missing" ] || skip_without upstream $missing
	source="$(tarball_is) $(cksum <kernel-compat/upstream/config)"
fi
if [ -f "$out/has" ] && [ -f "$out/source" ] && [ "$(cat "$out/source")" = "$source" ]; then
	rm -f "$out/listing.new"
	exit 0
fi
rm -f "$out/source"
if [ -n "$ksrc" ]; then
	mkdir -p "$tree"
	touch "$out/listing"
	# gone, or changed: away with it; new, or changed: copied
	LC_ALL=C comm -23 "$out/listing" "$out/listing.new" 2>/dev/null | cut -d' ' -f3- >"$out/gone"
	LC_ALL=C comm -13 "$out/listing" "$out/listing.new" 2>/dev/null | cut -d' ' -f3- >"$out/changed"
	cat "$out/gone" "$out/changed" | grep -qvE "$plain" && rm -f "$out/configured"
	# a header that came or went may stand before another of its name, which no .d knows
	{ cut -d' ' -f3- "$out/listing"; cut -d' ' -f3- "$out/listing.new"; } | LC_ALL=C sort | uniq -u | grep -q '\.h$' && rm -f "$out/has"
	(cd "$tree" && tr '\n' '\0' <"../gone" | xargs -0 -r rm -f)
	echo "upstream: taking $(wc -l <"$out/changed") files from $ksrc"
	tar -C "$ksrc" -cf - -T "$out/changed" 2>"$out/log" | tar -C "$tree" -m -xf - 2>>"$out/log" || true
	[ ! -s "$out/log" ] || bad "copying it failed: $(head -n 1 "$out/log")"
	rm -f "$out/changed" "$out/gone"
	mv "$out/listing.new" "$out/listing"
else
	echo "upstream: taking what is needed from $tarball"
	rm -rf "$tree" "$out/configured"
	mkdir -p "$tree"
	tar -C "$tree" -m -xf "$tarball" --strip-components=1 --wildcards \
		$(for f in $wanted; do echo "linux-source-$version/$f"; done) \
		$(for f in $patterns Kconfig Kbuild Makefile; do echo "linux-source-$version/$f"; done)
fi

# ---- configure -------------------------------------------------------------------------------------
conf() {
	make -C "$tree" -j"$(nproc)" ARCH=um "$@" >"$out/log" 2>&1 ||
		refuse "make ARCH=um $* failed in $tree: $(grep -m1 -e 'rror' -e '\*\*\*' "$out/log" || tail -n 1 "$out/log"); all of it: $out/log"
}
configuration="$(cksum <kernel-compat/upstream/config)"
if [ "$(cat "$out/configured" 2>/dev/null)" != "$configuration" ]; then
	rm -f "$out/configured"
	conf KCONFIG_ALLCONFIG="$PWD/kernel-compat/upstream/config" allnoconfig
	for c in $(sed -n 's/^\(CONFIG_[A-Z0-9_]*=.*\)/\1/p' kernel-compat/upstream/config); do
		grep -qx "$c" "$tree/.config" || refuse "$tree does not know $c"
	done
	conf prepare
	echo "$configuration" >"$out/configured"
fi
# Which of `files` there are: as old as the last time that this changed, for mk/upstream.mk.
(cd "$tree" && ls $(awk '{ print $1 }' ../../../../kernel-compat/upstream/files) 2>/dev/null) >"$out/has.new" || true
cmp -s "$out/has" "$out/has.new" || cp "$out/has.new" "$out/has"
rm -f "$out/has.new"
echo "$source" >"$out/source"
