#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# mk/upstream-kunit.sh [--mutants] - lib/kunit_iov_iter.c of Linux 6.12, unmodified, on that kernel's own iov_iter.c, under
# ASan and UBSan, through a KUnit of ours. Prints KTAP; the kernel tree's own kunit.py must find in it what the exit status
# says, where there is a python3.
#
# --mutants: then copies of iov_iter.c, or of iov_iter.h which it includes, with one mistake each, which the same tests must
# find. A mistake that no longer applies, or does not compile, is a failure of this script: it would prove nothing.
#
# Without linux-source-6.12 one line says so and the status is 0.
set -eu
cd "$(dirname "$0")/.."
. mk/lib.sh

mutants_option "$@"

unset KSRC NAME
or_skip env KERNEL=6.12 sh kernel-compat/upstream/prepare.sh

tree=build/upstream/6.12/tree
src=$tree/lib/iov_iter.c
parser=$tree/tools/testing/kunit/kunit.py
out=build/check/upstream-kunit
mut=build/upstream-kunit/mutants
build check "$out/tests-iov_iter"

# ---- the tests -----------------------------------------------------------------------------------
log=$out/ktap
rc=0
timeout -k 5 120 "$out/tests-iov_iter" >"$log" 2>&1 || rc=$?
grep -v 'module loaded' "$log"
want=$(grep -c 'KUNIT_CASE(' "$tree/lib/kunit_iov_iter.c")
[ "$rc" = 0 ] || die "the tests of $tree/lib/kunit_iov_iter.c fail, exit status $rc"
[ "$(grep -c '^    ok ' "$log")" = "$want" ] || die "the file has $want cases, and $(grep -c '^    ok ' "$log") have passed"

# kunit.py says of FILE what the program said: 0, or 1 for a failure
parsed() { python3 -B "$parser" parse "$PWD/$1" >"$out/parsed" 2>&1; }
if ! command -v python3 >/dev/null 2>&1; then
	echo 'upstream-kunit: the parser is skipped: no python3'
elif ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 7))' 2>/dev/null; then
	echo 'upstream-kunit: the parser is skipped: it wants python 3.7'
else
	parsed "$log" || { cat "$out/parsed"; die "$parser does not accept the report"; }
	grep -q "Ran $want tests: passed: $want" "$out/parsed" || { cat "$out/parsed"; die "$parser does not find $want passed cases"; }
	sed 's/^    ok 3 /    not ok 3 /' "$log" >"$out/failed"
	! parsed "$out/failed" || die "$parser accepts a report with a failed case"
	sed '/^    ok 12 /d' "$log" >"$out/failed"
	! parsed "$out/failed" || die "$parser accepts a report with a case missing"
	echo "upstream-kunit: $want cases of $(sed -n 's/^VERSION = //p' $tree/Makefile).$(sed -n 's/^PATCHLEVEL = //p' $tree/Makefile) passed; kunit.py agrees"
fi
[ "$mutants" ] || exit 0

# ---- mistakes ------------------------------------------------------------------------------------
# NAME, the file, then the sed command that plants it. Each changes exactly one line.
mutations() {
	cat <<'END'
copy-to-from-start      lib/iov_iter.c /^size_t memcpy_to_iter(/,/^}/s/from + progress/from/
copy-from-to-start      lib/iov_iter.c /^size_t memcpy_from_iter(/,/^}/s/to + progress/to/
copy-one-less           lib/iov_iter.c /^size_t memcpy_to_iter(/,/^}/s/, len);/, len - 1);/
folioq-advance-stays    lib/iov_iter.c /^static void iov_iter_folioq_advance(/,/^}/s/size < fsize/size <= fsize/
folioq-slot-kept        lib/iov_iter.c /^static void iov_iter_folioq_advance(/,/^}/s/i->folioq_slot = slot;/;/
folioq-count-kept       lib/iov_iter.c /^static void iov_iter_folioq_advance(/,/^}/s/i->count -= size;/;/
bvec-advance-offset     lib/iov_iter.c /^static void iov_iter_bvec_advance(/,/^}/s/size += i->iov_offset;/;/
kvec-segs-kept          lib/iov_iter.c /^static void iov_iter_iovec_advance(/,/^}/s/i->nr_segs -= iov - iter_iov(i);/;/
xarray-count-kept       lib/iov_iter.c /^void iov_iter_advance(/,/iovec and kvec/s/i->count -= size;/;/
xarray-start-lost       lib/iov_iter.c /^void iov_iter_xarray(/,/^}/s/.xarray_start = start,/.xarray_start = 0,/
extract-xarray-offset   lib/iov_iter.c /^static ssize_t iov_iter_extract_xarray_pages(/,/^}/s/i->xarray_start + i->iov_offset;/i->xarray_start;/
extract-xarray-more     lib/iov_iter.c /^static ssize_t iov_iter_extract_xarray_pages(/,/^}/s/nr \* PAGE_SIZE - offset, maxsize/nr * PAGE_SIZE, maxsize/
extract-folioq-page     lib/iov_iter.c /^static ssize_t iov_iter_extract_folioq_pages(/,/^}/s/folio_page(folio, offset \/ PAGE_SIZE)/folio_page(folio, 1)/
extract-folioq-slot     lib/iov_iter.c /^static ssize_t iov_iter_extract_folioq_pages(/,/^}/s/i->folioq_slot = slot;/;/
extract-bvec-skip       lib/iov_iter.c /^static ssize_t iov_iter_extract_bvec_pages(/,/^}/s/offset = skip % PAGE_SIZE;/offset = 0;/
extract-bvec-page       lib/iov_iter.c /^static ssize_t iov_iter_extract_bvec_pages(/,/^}/s/p\[k\] = page + k;/p[k] = page;/
extract-kvec-linear     lib/iov_iter.c /^static ssize_t iov_iter_extract_kvec_pages(/,/^}/s/if (is_vmalloc_or_module_addr(kaddr))/if (0)/
extract-kvec-same-page  lib/iov_iter.c /^static ssize_t iov_iter_extract_kvec_pages(/,/^}/s/kaddr += PAGE_SIZE;/;/
iterate-kvec-no-next    include/linux/iov_iter.h /^size_t iterate_kvec(/,/^}/s/if (skip < p->iov_len)/if (skip <= p->iov_len)/
iterate-bvec-page       include/linux/iov_iter.h /^size_t iterate_bvec(/,/^}/s/kmap_local_page(p->bv_page + offset \/ PAGE_SIZE)/kmap_local_page(p->bv_page + 1)/
iterate-folioq-offset   include/linux/iov_iter.h /^size_t iterate_folioq(/,/^}/s/iter->iov_offset = skip;/;/
iterate-xarray-offset   include/linux/iov_iter.h /^size_t iterate_xarray(/,/^}/s/offset += consumed;/;/
iterate-xarray-first    include/linux/iov_iter.h /^size_t iterate_xarray(/,/^}/s/offset_in_folio(folio, start + progress)/offset_in_folio(folio, start)/
END
}

# Not found, and why.
unseen() {
	cat <<'END'
iterate-xarray-offset   a folio of the tests is a page: the loop inside one never goes round
extract-bvec-page       no bvec of the tests is longer than a page
bvec-advance-offset     nothing advances an iterator over bvecs that stands inside one
END
}

mkdir -p "$mut"
goals=
mutations >"$mut/list"
while read -r name file cmd; do
	mkdir -p "$mut/part"
	echo "$cmd" >"$mut/part/sed"
	sed -f "$mut/part/sed" "$tree/$file" >"$mut/part/file"
	[ "$(diff "$tree/$file" "$mut/part/file" | grep -c '^>')" = 1 ] ||
		die "the mistake $name does not change exactly one line of $file"
	case $file in
	*.h) to=$mut/$name/${file#include/}; cp "$src" "$mut/part/copy" ;;
	*)   to=$mut/$name.c; cp "$mut/part/file" "$mut/part/copy" ;;
	esac
	mkdir -p "${to%/*}"
	cmp -s "$mut/part/copy" "$mut/$name.c" || cp "$mut/part/copy" "$mut/$name.c"
	cmp -s "$mut/part/file" "$to" || cp "$mut/part/file" "$to"
	rm -rf "$mut/part"
	goals="$goals $out/tests-$name"
done <"$mut/list"
build check $goals

found=0 bad=0 n=0
while read -r name file cmd; do
	n=$((n + 1))
	rc=0
	timeout -k 5 120 "$out/tests-$name" >"$mut/$name.log" 2>&1 || rc=$?
	rm -f "$out/tests-$name"
	why=$(unseen | sed -n "s/^$name  *//p")
	if [ "$rc" = 0 ]; then
		[ "$why" ] || bad=1
		echo "$name: ${why:+not found: }${why:-NOT FOUND}"
		continue
	fi
	[ -z "$why" ] || { bad=1; echo "$name: found, and the list says it is not"; }
	found=$((found + 1))
	echo "$name: $(sed -n 's/^    not ok [0-9]* iov_kunit_//p' "$mut/$name.log" | tr '\n' ' ')$(grep -m1 -oE 'AddressSanitizer: [a-zA-Z-]*|runtime error: .*|BUG: .*' "$mut/$name.log" | cut -c1-100)"
done <"$mut/list"
echo "upstream-kunit: $n mistakes planted, $found found"
exit "$bad"
