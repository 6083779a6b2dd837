#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# mk/upstream-iov.sh [--mutants] - Linux 6.1's own lib/iov_iter.c, unmodified, on kernel-compat, through the
# table of ranges of scenarios/tests/iter-ranges/ and the tests of scenarios/tests/upstream/; under ASan and
# UBSan, both engines.
#
# --mutants: then copies of it with one mistake each, which the same tests must find. A mistake that no longer
# applies, or does not compile, is a failure of this script: it would prove nothing.
#
# Without a kernel source to take the file from, one line says so and the status is 0.
set -eu
cd "$(dirname "$0")/.."
. mk/lib.sh

mutants_option "$@"

or_skip sh kernel-compat/upstream/prepare-iov.sh
src=build/upstream-iov/lib/iov_iter.c
out=build/check/upstream

build check "$out/tests-iov_iter"
n=$(make -s -f mk/build.mk V=check count-upstream-tests)
[ "$n" -gt 0 ] || die 'no test symbol found'
echo "upstream-iov: $(wc -l <"$src") lines of $(cut -d' ' -f1,2 <build/upstream-iov/source), $n tests"
"$out/tests-iov_iter" --expect "$n"
[ "$mutants" ] || exit 0

# ---- mistakes ------------------------------------------------------------------------------------
# NAME, then the sed command that plants it. Each changes exactly one line.
mutations() {
	cat <<'END'
copy-one-less            /^static int copyout(/,/^}/s/raw_copy_to_user(to, from, n)/raw_copy_to_user(to, from, n - 1)/
copy-unchecked           /^static int copyout(/,/^}/s/if (access_ok(to, n))/if (1)/
copyin-says-all          /^static int copyin(/,/^}/s/return res;/return 0;/
iovec-skip-lost          /^#define iterate_iovec/,/^}/s/size_t skip = i->iov_offset;/size_t skip = 0;		/
iovec-no-next            /^#define iterate_iovec/,/^}/s/if (skip < __p->iov_len)/if (skip <= __p->iov_len)/
bvec-first-page          /^#define iterate_bvec/,/^}/s|offset / PAGE_SIZE);|0 * offset);|
bvec-skip-kept           /^#define iterate_bvec/,/^}/s/skip = 0;/skip = 1;/
count-not-moved          /^#define __iterate_and_advance/,/^}/s/i->count -= n;/i->count -= n \& ~1ul;/
zero-one-more            /^size_t iov_iter_zero(/,/^}/s/memset(base, 0, len)/memset(base, 0, len + 1)/
advance-not-from-offset  /^static void iov_iter_iovec_advance(/,/^}/s/size += i->iov_offset;/size += 0 * i->iov_offset;/
advance-stays            /^static void iov_iter_bvec_advance(/,/^}/s/size < bvec->bv_len/size <= bvec->bv_len/
revert-short             /^void iov_iter_revert(/,/^}/s/i->iov_offset -= unroll;/i->iov_offset -= unroll - 1;/
revert-segment           /^void iov_iter_revert(/,/^}/s/size_t n = (--iov)->iov_len;/size_t n = (--iov)->iov_len + 1;/
seg-count-whole          /^size_t iov_iter_single_seg_count(/,/^}/s/i->iov->iov_len - i->iov_offset/i->iov->iov_len/
npages-of-length         /^static int iov_npages(/,/^}/s/DIV_ROUND_UP(offs + len, PAGE_SIZE)/DIV_ROUND_UP(offs * 0 + len, PAGE_SIZE)/
npages-bvec              /^static int bvec_npages(/,/^}/s/(p->bv_offset + skip) % PAGE_SIZE/p->bv_offset % PAGE_SIZE/
alignment-no-length      /^static unsigned long iov_iter_alignment_iovec(/,/^}/s/res |= len;/res |= 0;/
aligned-skip             /^static bool iov_iter_aligned_iovec(/,/^}/s/k++, skip = 0/k++/
fault-in-less            /^size_t fault_in_iov_iter_readable(/,/^}/s/count -= len - ret;/count -= len;/
fault-in-write-as-read   /^size_t fault_in_iov_iter_writeable(/,/^}/s/fault_in_safe_writeable(p->iov_base/fault_in_readable(p->iov_base/
pages-not-written        s/if (iov_iter_rw(i) != WRITE)/if (iov_iter_rw(i) == WRITE)/
pages-start              s/^\t\t\*start = addr % PAGE_SIZE;/\t\t*start = 0;/
pages-no-reference       s/get_page(p\[k\] = page + k);/p[k] = page + k;/
pages-same-page          s/get_page(p\[k\] = page + k);/get_page(p[k] = page);/
import-no-limit          /^ssize_t __import_iovec(/,/^}/s/if (len > MAX_RW_COUNT - total_len)/if (0)/
import-unchecked         /^ssize_t __import_iovec(/,/^}/s/if (!access_ok(iov\[seg\].iov_base, len))/if (0)/
END
}

mkdir -p build/upstream-iov/mutants
goals=
for name in $(mutations | awk '{ print $1 }'); do
	mutations | sed -n "s/^$name  *//p" >build/upstream-iov/mutants/one.sed
	sed -f build/upstream-iov/mutants/one.sed "$src" >build/upstream-iov/mutants/part.c
	[ "$(diff "$src" build/upstream-iov/mutants/part.c | grep -c '^>')" = 1 ] ||
		die "the mistake $name does not change exactly one line of $src"
	cmp -s build/upstream-iov/mutants/part.c "build/upstream-iov/mutants/$name.c" ||
		cp build/upstream-iov/mutants/part.c "build/upstream-iov/mutants/$name.c"
	goals="$goals $out/tests-$name"
done
build check $goals

found=0 missed=
for name in $(mutations | awk '{ print $1 }'); do
	log=build/upstream-iov/mutants/$name.log
	if timeout 120 "$out/tests-$name" --expect "$n" --engine thr --seed 1 >"$log" 2>&1; then
		missed="$missed $name"
		continue
	fi
	found=$((found + 1))
	echo "$name: $(grep -m1 -oE '^FAIL.*|AddressSanitizer: [a-z-]*|runtime error: .*|BUG.*' "$log" | cut -c1-150)"
done
[ -z "$missed" ] || die "not found:$missed"
echo "upstream-iov: $found mistakes planted, $found found"
