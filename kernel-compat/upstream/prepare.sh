#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# kernel-compat/upstream/prepare.sh - the part of a Linux source tree that the design `upstream` is compiled from,
# configured for ARCH=um, in build/upstream/NAME/tree/, which is not part of this tree: nothing of a kernel's source
# is ever committed.
#
# NAME is 6.1, and the source Debian's package linux-source-6.1: its archive is read once. With KSRC=DIR NAME=patched
# the source is that tree. It is only read: what is wanted of it is copied, uncommitted changes with it, its build
# products without; later runs copy what has changed since. Does nothing when nothing has changed.
#
# Exit status: 0 the tree is there; 2 KSRC will not do, one line says why; 77 there is no source, or no tool to
# prepare it with: the reason is printed.
set -eu
cd "$(dirname "$0")/../.."
. kernel-compat/upstream/source.sh

oldest='6 1'			# version and patchlevel; what is older has another blk-mq and another iomap
tools='flex bison bc perl'

bad() { echo "prepare.sh: KSRC=$KSRC: $1" >&2; exit 2; }

ksrc=${KSRC:-}
if [ -n "$ksrc" ]; then
	name=${NAME:-patched}
	case $name in
	*[!a-z0-9_]*|[0-9]*|'') echo "prepare.sh: NAME=$name: want a word of a-z, 0-9 and _" >&2; exit 2 ;;
	esac
else
	name=6.1
fi
out=build/upstream/$name
tree=$out/tree
missing=
for t in $tools; do
	command -v "$t" >/dev/null 2>&1 || missing="$missing $t"	# packages of the same names
done
[ -n "$ksrc" ] || [ -f "$tarball" ] || missing="$missing linux-source-6.1"

# ---- what is wanted of a source ------------------------------------------------------------------
# Everything that Kconfig reads, everything that `make prepare` needs, and what is compiled. tar patterns; * matches
# slashes. With this selection the configuration is the one that a whole tree gives.
wanted='include arch/um arch/x86 scripts block lib mm kernel init usr fs/iomap fs/direct-io.c
	tools/include tools/build tools/scripts tools/objtool drivers/block/loop.c'
patterns='fs/*.h drivers/block/*.h */Kconfig* */Makefile */Kbuild'

# The first thing that is wrong with $1 as a kernel tree, in words; nothing if it will do.
tree_why() {
	[ -d "$1" ] || { echo 'no such folder'; return; }
	[ -r "$1" ] && [ -x "$1" ] || { echo 'no right to read it'; return; }
	[ -f "$1/Makefile" ] && [ -f "$1/Kconfig" ] || { echo 'no kernel source: it has no Makefile and Kconfig'; return; }
	[ -r "$1/Makefile" ] || { echo 'no right to read its Makefile'; return; }
	v=$(sed -n 's/^VERSION = //p' "$1/Makefile")
	p=$(sed -n 's/^PATCHLEVEL = //p' "$1/Makefile")
	[ -n "$v" ] && [ -n "$p" ] || { echo 'no kernel source: its Makefile names no version'; return; }
	set -- "$1" $oldest "$v" "$p"
	if [ "$4" -lt "$2" ] || { [ "$4" -eq "$2" ] && [ "$5" -lt "$3" ]; }; then
		echo "Linux $4.$5 is too old; $2.$3 is the oldest that fits"; return
	fi
	for f in $(cat kernel-compat/upstream/files); do
		[ -e "$1/$f" ] || { echo "Linux $4.$5 does not fit: it has no $f"; return; }
		[ -r "$1/$f" ] || { echo "no right to read $f"; return; }
	done
}

# One line a wanted file of the folder $1: size, time, path. Build products are left out.
listing() {
	(cd "$1" && find $wanted Kconfig Kbuild Makefile fs drivers arch Documentation certs crypto ipc net rust samples \
		security sound tools virt io_uring -type f \
		! -name '*.o' ! -name '*.a' ! -name '*.cmd' ! -name '.*.d' ! -name '*.ko' ! -name '*.order' \
		! -name 'auto.conf*' ! -path '*/include/generated/*' ! -path 'include/config/*' \
		-printf '%s %T@ %p\n' 2>/dev/null) |
	awk '{ p = $3 }
	     p ~ /\/(Kconfig[^\/]*|Makefile|Kbuild)$/ || p ~ /^(Kconfig|Kbuild|Makefile)$/ ||
	     p ~ /^(include|arch\/um|arch\/x86|scripts|block|lib|mm|kernel|init|usr|fs\/iomap)\// ||
	     p ~ /^tools\/(include|build|scripts|objtool)\// || p ~ /^(fs|drivers\/block)\/[^\/]*\.h$/ ||
	     p == "fs/direct-io.c" || p == "drivers/block/loop.c"' | sort -u -k3
}

# ---- bring the tree up to date ---------------------------------------------------------------------
if [ -n "$ksrc" ]; then
	KSRC=$ksrc
	why=$(tree_why "$ksrc")
	[ -z "$why" ] || bad "$why"
	[ -z "$missing" ] || skip_without upstream $missing
	mkdir -p "$out"
	listing "$ksrc" >"$out/listing.new"
	source="$(cd "$ksrc" && pwd) $(cksum <"$out/listing.new") $(cksum <kernel-compat/upstream/config)"
else
	[ -z "$missing" ] || skip_without upstream $missing
	source="$(tarball_is) $(cksum <kernel-compat/upstream/config)"
fi
if [ -f "$out/source" ] && [ "$(cat "$out/source")" = "$source" ]; then
	rm -f "$out/listing.new"
	exit 0
fi
rm -f "$out/source"
if [ -n "$ksrc" ]; then
	mkdir -p "$tree"
	touch "$out/listing"
	# gone, or changed: away with it; new, or changed: copied
	LC_ALL=C comm -23 "$out/listing" "$out/listing.new" 2>/dev/null | cut -d' ' -f3- |
		(cd "$tree" && tr '\n' '\0' | xargs -0 -r rm -f)
	LC_ALL=C comm -13 "$out/listing" "$out/listing.new" 2>/dev/null | cut -d' ' -f3- >"$out/changed"
	echo "upstream: taking $(wc -l <"$out/changed") files from $ksrc"
	tar -C "$ksrc" -cf - -T "$out/changed" | tar -C "$tree" -xf - || bad 'copying it failed'
	rm -f "$out/changed"
	mv "$out/listing.new" "$out/listing"
else
	echo "upstream: taking what is needed from $tarball"
	rm -rf "$tree"
	mkdir -p "$tree"
	tar -C "$tree" -m -xf "$tarball" --strip-components=1 --wildcards \
		$(for f in $wanted; do echo "linux-source-6.1/$f"; done) \
		$(for f in $patterns Kconfig Kbuild Makefile; do echo "linux-source-6.1/$f"; done)
fi

# ---- configure -------------------------------------------------------------------------------------
conf() {
	make -C "$tree" -j"$(nproc)" ARCH=um "$@" >"$out/log" 2>&1 || {
		tail -n 3 "$out/log" >&2
		echo "prepare.sh: make ARCH=um $* failed in $tree; see $out/log" >&2
		exit 2
	}
}
conf KCONFIG_ALLCONFIG="$PWD/kernel-compat/upstream/config" allnoconfig
sed -n 's/^\(CONFIG_[A-Z0-9_]*=.*\)/\1/p' kernel-compat/upstream/config | while read -r c; do
	grep -qx "$c" "$tree/.config" || { echo "prepare.sh: $tree does not know $c" >&2; exit 2; }
done
conf prepare
echo "$source" >"$out/source"
