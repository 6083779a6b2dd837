#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# mk/upstream-check.sh - the design `upstream` under ASan and UBSan: every byte of first-light.fio, both engines, both
# paths, ready bios; generated operations line by line against four designs of ours and the running kernel; splits under
# random limits; and the way a tree of one's own goes: a copy of the prepared source with one allocation more in
# iomap/direct-io.c and fs/direct-io.c, which must show as exactly that, is not written to, and what is no kernel is
# refused with one line.
#
# The same bytes and operations through Linux 6.12, where its package is installed.
#
# Without a kernel source one line says so, and the status is 0.
set -eu
cd "$(dirname "$0")/.."
. mk/lib.sh

unset KSRC NAME KERNEL
or_skip sh kernel-compat/upstream/prepare.sh

later=0
KERNEL=6.12 sh kernel-compat/upstream/prepare.sh || later=$?
[ "$later" = 0 ] || [ "$later" = 77 ] || exit "$later"

seed=${SEED:-$(date +%s)}
out=build/upstream-check
rm -rf "$out"
mkdir -p "$out"
said() { grep -v -e 'module loaded' -e 'accepted and ignored' "$1" || true; }

# ---- KSRC that will not do: one line, exit 2 ---------------------------------------------------------
# refused WHY COMMAND…: prepare.sh, with COMMAND (env, or a shell as somebody else) before it
refused() {
	why=$1; shift
	rc=0
	"$@" sh kernel-compat/upstream/prepare.sh >"$out/refused" 2>&1 || rc=$?
	[ "$rc" = 2 ] || { cat "$out/refused"; die "$why: exit status $rc, not 2"; }
	[ "$(wc -l <"$out/refused")" = 1 ] || die "$why: not one line: $(cat "$out/refused")"
	grep -q "$why" "$out/refused" || die "expected '$why', not: $(cat "$out/refused")"
}
# cannot_read WHY PATH KSRC: the same, without the right to read PATH
cannot_read() {
	mode=$(stat -c %a "$2")
	chmod 000 "$2"
	# shellcheck disable=SC2086
	refused "$1" $nobody env KSRC="$3" NAME=plusone
	chmod "$mode" "$2"
}
mkdir -p "$out/none" "$out/old" "$out/half" "$out/nameless" "$out/words"
touch "$out/old/Kconfig" "$out/half/Kconfig" "$out/nameless/Kconfig" "$out/nameless/Makefile" "$out/words/Kconfig"
printf 'VERSION = 5\nPATCHLEVEL = 15\n' >"$out/old/Makefile"
printf 'VERSION = 6\nPATCHLEVEL = 1\n' >"$out/half/Makefile"
printf 'VERSION = six\nPATCHLEVEL = one\n' >"$out/words/Makefile"
refused 'no such folder' env KSRC="$out/nowhere"
refused 'no such folder' env KSRC="$out/half/Makefile"
refused 'no kernel source: it has no Makefile' env KSRC="$out/none"
refused 'its Makefile names no version' env KSRC="$out/nameless"
refused 'its Makefile names no version' env KSRC="$out/words"
refused 'Linux 5.15 is too old; 6.1 is the oldest that fits' env KSRC="$out/old"
refused 'Linux 6.1 does not fit: it has no lib/iov_iter.c' env KSRC="$out/half"
for word in no-word 9lives UPPER 'two words' ../up; do
	refused "NAME=$word: want a word" env KSRC="$out/none" NAME="$word"
done
refused 'NAME=mutant is taken' env KSRC="$out/none" NAME=mutant
refused 'and there is no KSRC' env NAME=patched
refused 'known to fit: 6.1 6.12' env KERNEL=5.10
refused 'want one of them' env KERNEL=6.12 KSRC="$out/none"

# ---- a tree of one's own -----------------------------------------------------------------------------
src=$PWD/$out/src
mkdir -p "$src"
tar -C build/upstream/6.1/tree -cf - --exclude='*.o' --exclude='*.cmd' --exclude='include/generated' \
	--exclude='include/config' . | tar -C "$src" -xf -
mv "$src/block/fops.c" "$out/fops.c"
refused 'it has no block/fops.c' env KSRC="$src" NAME=plusone
mv "$out/fops.c" "$src/block/fops.c"
nobody=
[ "$(id -u)" != 0 ] || nobody='setpriv --reuid=65534 --regid=65534 --clear-groups'
if $nobody test -r kernel-compat/upstream/prepare.sh && $nobody test -r "$src/Makefile"; then
	cannot_read 'src: no right to read it$' "$src" "$src"
	cannot_read 'no right to read its Makefile' "$src/Makefile" "$src"
	cannot_read 'no right to read block/bio.c' "$src/block/bio.c" "$src"
	cannot_read 'no right to read include/linux/bio.h' "$src/include/linux/bio.h" "$src"
	cannot_read 'no right to read scripts/kconfig' "$src/scripts/kconfig" "$src"
	echo 'upstream-check: bad trees are refused, and those without the right to read'
else
	echo 'upstream-check: bad trees are refused; without the right to read: skipped: uid 65534 cannot come here at all'
fi

f=$src/fs/iomap/direct-io.c
# what it allocates is freed at once: one allocation a bio, and nothing else
sed -i '/^static void iomap_dio_submit_bio(/,/^{/s/^{/{\
	kfree(kmalloc(24, GFP_KERNEL));/' "$f"
cmp -s "$f" build/upstream/6.1/tree/fs/iomap/direct-io.c && die 'the change to iomap/direct-io.c did not apply'
# the same in the other direct IO
sed -i '/^static inline int dio_new_bio(/,/^{/s/^{/{\
	kmem_cache_free(dio_cache, kmem_cache_alloc(dio_cache, GFP_KERNEL));/' "$src/fs/direct-io.c"
cmp -s "$src/fs/direct-io.c" build/upstream/6.1/tree/fs/direct-io.c && die 'the change to fs/direct-io.c did not apply'
# what an in-tree build of another configuration leaves: none of it may be believed
for made in include/generated/autoconf.h include/config/auto.conf arch/um/include/generated/asm/bug.h \
	arch/x86/include/generated/asm/bug.h .config lib/iov_iter.o scripts/basic/fixdep scripts/kconfig/conf vmlinux; do
	mkdir -p "$src/$(dirname "$made")"
	printf '#error made by another build\n' >"$src/$made"
	chmod 755 "$src/$made"
done
state_of() { (cd "$1" && find . -type f -exec cksum {} + | sort; find . -printf '%y %m %T@ %p\n' | sort); }
state_of "$src" >"$out/before"
ro=none
if [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
	ro=mount
	KSRC=$src NAME=plusone unshare -m sh -c 'mount --bind "$KSRC" "$KSRC" && mount -o remount,bind,ro "$KSRC" &&
		! touch "$KSRC/Makefile" 2>/dev/null && exec sh kernel-compat/upstream/prepare.sh' ||
		die 'a tree on a read-only mount is not accepted'
elif [ "$(id -u)" != 0 ]; then
	ro=modes
	find "$src" -type d -exec chmod a-w {} +
	KSRC=$src NAME=plusone sh kernel-compat/upstream/prepare.sh
	find "$src" -type d -exec chmod u+w {} +
else
	KSRC=$src NAME=plusone sh kernel-compat/upstream/prepare.sh
fi
if [ "$ro" != modes ]; then
	state_of "$src" >"$out/after"
	cmp -s "$out/before" "$out/after" || { diff "$out/before" "$out/after" | head -3; die 'the tree that KSRC names was written to'; }
fi
[ -z "$(KSRC=$src NAME=plusone sh kernel-compat/upstream/prepare.sh)" ] || die 'nothing changed, and prepare.sh did something'
mkdir -p "$out/other"
cp -al "$src/." "$out/other"
refused "NAME=plusone is taken, by the tree $src" env KSRC="$out/other" NAME=plusone
rm -rf "$out/other"
echo "upstream-check: a tree with what a build leaves in it is taken, and not written to (read-only by: $ro)"

build check build/check/diolab-upstream
lab=build/check/diolab-upstream

# per_io FILE PATH COUNTER: each design's sum over the scopes, of the first job
per_io() {
	awk -v want="$2" '$1 == want { for (i = 2; i <= NF; i++) sum[i] += $i } /^\[/ && seen++ { exit }
			  END { printf "%.0f %.0f\n", sum[2] * 1000, sum[3] * 1000 }' "$1"
}
for v in "" @legacy; do
	"$lab" compare -d "upstream$v,upstream$v:plusone" --path file --ram 64m --ios 256 scenarios/first-light.fio \
		>"$out/plusone" 2>&1 ||
		{ said "$out/plusone"; die "the patched tree does not run, upstream$v"; }
	# shellcheck disable=SC2046
	set -- $(per_io "$out/plusone" alloc_dio)
	[ "$1" = 1000 ] && [ "$2" = 2000 ] ||
		die "alloc_dio per IO of upstream$v and upstream$v:plusone, in thousandths: $1 $2, expected 1000 2000"
	for c in alloc_bio bios map_calls pin_pages; do
		# shellcheck disable=SC2046
		set -- $(per_io "$out/plusone" $c)
		[ "$1" = "$2" ] || die "$c per IO differs: $1 $2"
	done
done
echo 'upstream-check: one allocation more a bio in copies of both direct-io.c shows as alloc_dio 1 -> 2, and nothing else'

# One file changes, and its time is an old one: it is compiled again, and nothing else is.
cp build/upstream/6.1/tree/fs/direct-io.c "$src/fs/direct-io.c"
touch -d 2001-01-01 "$src/fs/direct-io.c"
touch "$out/stamp"
KSRC=$src NAME=plusone sh kernel-compat/upstream/prepare.sh >"$out/refused" || { cat "$out/refused"; die 'a changed tree is not accepted'; }
build check build/check/diolab-upstream
new=$(find build/check/upstream-plusone/[tkl] -name '*.o' -newer "$out/stamp")
[ "$new" = build/check/upstream-plusone/t/fs/direct-io.o ] || die "fs/direct-io.c has changed, and these were compiled: $new"
[ -z "$(find build/upstream/plusone/configured -newer "$out/stamp")" ] || die 'one .c has changed, and the tree was configured again'
"$lab" compare -d upstream@legacy,upstream@legacy:plusone --path file --ram 64m --ios 256 scenarios/first-light.fio >"$out/plusone" 2>&1 ||
	{ said "$out/plusone"; die 'the tree does not run with fs/direct-io.c of the package'; }
# shellcheck disable=SC2046
set -- $(per_io "$out/plusone" alloc_dio)
[ "$1" = 1000 ] && [ "$2" = 1000 ] || die "alloc_dio of fs/direct-io.c that is the package's again, in thousandths: $1 $2"
echo 'upstream-check: of a tree in which one file has changed one file is compiled'

# ASan sees Linux's own use of what Linux has freed, and where.
cp "$src/fs/iomap/direct-io.c" "$out/direct-io.c"
sed -i '/^ssize_t iomap_dio_complete/,/^}/s/^\tkfree(dio);/&\n\tret += dio->error;/' "$src/fs/iomap/direct-io.c"
KSRC=$src NAME=plusone sh kernel-compat/upstream/prepare.sh >"$out/refused" || { cat "$out/refused"; die 'a changed tree is not accepted'; }
build check build/check/diolab-upstream
rc=0
"$lab" run -d upstream:plusone --path file --ram 64m --ios 16 scenarios/first-light.fio >"$out/run" 2>&1 || rc=$?
[ "$rc" != 0 ] && grep -q 'use-after-poison' "$out/run" && grep -q '#0 .*iomap_dio_complete .*/fs/iomap/direct-io\.c:' "$out/run" ||
	{ said "$out/run" | head -20; die 'a use after kfree() in iomap/direct-io.c is not found'; }
cp "$out/direct-io.c" "$src/fs/iomap/direct-io.c"
KSRC=$src NAME=plusone sh kernel-compat/upstream/prepare.sh >"$out/refused" || { cat "$out/refused"; die 'a changed tree is not accepted'; }
echo 'upstream-check: a use after kfree() in a copy of iomap/direct-io.c is found by ASan, with its line'

# A tree may lack fs/direct-io.c: then the variants that want it say so.
rm "$src/fs/direct-io.c"
KSRC=$src NAME=plusone sh kernel-compat/upstream/prepare.sh >"$out/refused" ||
	{ cat "$out/refused"; die 'a tree without fs/direct-io.c is not accepted'; }
build check build/check/diolab-upstream
"$lab" run -d upstream:plusone --path file --ram 64m --ios 16 scenarios/first-light.fio >"$out/run" 2>&1 ||
	{ said "$out/run"; die 'a tree without fs/direct-io.c does not run'; }
rc=0
"$lab" run -d upstream@legacy:plusone --path file --ram 64m --ios 16 scenarios/first-light.fio >"$out/run" 2>&1 || rc=$?
[ "$rc" != 0 ] && grep -q 'this tree has no fs/direct-io.c' "$out/run" ||
	{ said "$out/run"; die 'fs/direct-io.c that is not there is not named'; }
"$lab" run -d upstream@legacy --path file --ram 64m --ios 16 scenarios/first-light.fio >"$out/run" 2>&1 ||
	{ said "$out/run"; die 'another tree lacks fs/direct-io.c, and this one will not run'; }
echo 'upstream-check: a tree without fs/direct-io.c runs; its @legacy says what is missing'

# A tree that is not of the version that it says has other functions than the shim expects of that.
sed -i 's/^PATCHLEVEL = .*/PATCHLEVEL = 12/' "$src/Makefile"
rc=0
KSRC=$src NAME=plusone sh mk/upstream.sh >"$out/refused" 2>&1 || rc=$?
[ "$rc" = 2 ] || { cat "$out/refused"; die "a tree that does not fit: exit status $rc, not 2"; }
grep -v '^upstream: taking' "$out/refused" >"$out/line"
[ "$(wc -l <"$out/line")" = 1 ] && grep -q 'Linux 6.12 does not fit: .*error: ' "$out/line" ||
	{ cat "$out/refused"; die 'a tree that does not fit: not one line that says why'; }
echo "upstream-check: $(cut -c1-150 "$out/line")…"
rm -rf "$src" build/upstream/plusone build/check/upstream-plusone build/release/upstream-plusone build/check/design/upstream-plusone.o*
build check build/check/diolab-upstream

# ---- the tests that every design must pass, and those of loop's ioctls ----------------------------------------------
# Each is of a tree: 6.1, and 6.12 if that is prepared.
build check build/check/tests-upstream
rc=0
build/check/tests-upstream --seed "$seed" --few-rounds --expect "$(make -s -f mk/build.mk V=check count-tests-upstream)" \
	>"$out/tests" 2>&1 || rc=$?
[ "$rc" = 0 ] || { said "$out/tests" | tail -20; die "tests of a design: exit status $rc"; }
echo "upstream-check: $(tail -n 1 "$out/tests") of the tests of every design, and loop's ioctls (seed $seed)"

# ---- every byte -----------------------------------------------------------------------------------------
for engine in thr det; do
	"$lab" compare -d upstream --engine $engine --ram 64m --verify --ios 1000 scenarios/first-light.fio >"$out/run" 2>&1 ||
		{ said "$out/run"; die "first-light.fio, engine $engine"; }
	"$lab" run -d upstream --engine $engine --source pinned --path loop --ram 64m --verify \
		scenarios/calibrate.fio >"$out/run" 2>&1 || { said "$out/run"; die "ready bios, engine $engine"; }
	grep -q '^  flushes' "$out/run" || die 'ready bios: no flush came by'
done
"$lab" compare -d upstream --verify --ios 1000 scenarios/first-light.fio >"$out/run" 2>&1 ||
	{ said "$out/run"; die 'first-light.fio on a real file'; }
echo 'upstream-check: every byte arrives, both engines, both paths, ready bios, a real file'

# ---- Linux's loop driver and iomap under a debugger: their functions, files and lines -----------------------
if command -v gdb >/dev/null; then
	timeout -k 5 300 gdb -q -batch -ex 'set confirm off' -ex 'break iomap_dio_bio_iter' -ex run -ex 'bt 16' -ex 'print dio->size' -ex kill \
		--args "$lab" run -q -d upstream --ram 64m --ios 4 scenarios/first-light.fio >"$out/gdb" 2>&1 || true
	for frame in 'iomap_dio_bio_iter .*/fs/iomap/direct-io\.c:[0-9]' 'iomap_dio_rw .*/fs/iomap/direct-io\.c:[0-9]' \
		'lo_rw_aio .*/drivers/block/loop\.c:[0-9]' 'loop_process_work .*/drivers/block/loop\.c:[0-9]'; do
		grep -q "^#[0-9].*$frame" "$out/gdb" || { tail -25 "$out/gdb"; die "gdb shows no frame $frame"; }
	done
	grep -q '^\$1 = 0$' "$out/gdb" || { tail -25 "$out/gdb"; die 'gdb does not know dio->size'; }
	echo 'upstream-check: gdb stops in iomap, below the loop driver, with lines and variables'
else
	echo 'upstream-check: SKIP gdb: not installed'
fi

# ---- line by line: our designs, and the running kernel, against upstream ----------------------------------
# What may differ stands in scenarios/ops-differences.txt: Linux's code is judged by the running kernel, and judges our
# designs, by the rows that are for the kernel. On a host without O_DIRECT, or without loop devices, the kernel is left out.
table=scenarios/ops-differences.txt
compare() { "$lab" ops --path "$1" --judge kernel --differences $table --compare "$2,$3" "$out/ops" >"$out/diff" 2>&1; }
streams() {
	path=$1 classes=$2 fs=$3
	"$lab" ops --generate --seed "$seed" --count 300 --path "$path" --classes "$classes" >"$out/ops"
	for d in upstream iter-ops-fixed bio-first iter-bvec iter-bvec@6.1; do
		"$lab" ops -d $d --ram 64m --fs "$fs" --path "$path" "$out/ops" >"$out/ops.$d" 2>"$out/err" ||
			{ said "$out/err"; die "ops -d $d --fs $fs --path $path, seed $seed, $classes"; }
	done
	for d in iter-ops-fixed bio-first iter-bvec iter-bvec@6.1; do
		compare "$path" "$out/ops.$d" "$out/ops.upstream" ||
			{ head -5 "$out/diff"; die "upstream and $d differ: ops --generate --seed $seed --path $path --classes $classes, --fs $fs"; }
	done
	rc=0
	"$lab" ops --kernel --path "$path" --disk "$out/file" "$out/ops" >"$out/ops.kernel" 2>"$out/err" || rc=$?
	if [ "$rc" = 0 ]; then
		judged=$((judged + 1))
		compare "$path" "$out/ops.upstream" "$out/ops.kernel" ||
			{ head -5 "$out/diff"; die "upstream and the running kernel differ: --seed $seed --path $path --classes $classes, --fs $fs"; }
	elif [ "$rc" != 77 ] && ! grep -q O_DIRECT "$out/err"; then
		said "$out/err"; die 'the running kernel fails'
	fi
	rm -f "$out/file"
	ran=$((ran + 1))
}
ran=0 judged=0
for fs in extent extent:layout=sparse extent:layout=unwritten extent:layout=fragmented=16k; do
	streams file valid,zero,many,eof,position,aio $fs
	streams file valid,extend,truncate,alloc $fs
	streams file valid,extend,truncate,sync $fs
	streams file valid,extend,truncate,sync,buffered $fs
	streams file valid,misaligned,fault,midfault,nowait,alloc,aio $fs
done
streams file valid,extend,truncate,seek extent
for fs in extent extent:layout=fragmented=16k; do
	streams loop valid,zero,many,eof,sync,position,aio,seek,misaligned,fault,midfault,nowait,alloc $fs
done
echo "upstream-check: $ran streams of 300 operations, file and loop device: iter-ops-fixed, bio-first and iter-bvec as upstream does them; $judged by the running kernel, too (seed $seed)"

# ---- Linux 6.12: the same files, later ----------------------------------------------------------------------
# KERNEL=6.12 prepared it above, or said why not.
if [ "$later" = 0 ]; then
	"$lab" compare -d upstream:6.12 --ram 64m --verify --ios 1000 scenarios/first-light.fio >"$out/run" 2>&1 ||
		{ said "$out/run"; die 'first-light.fio, upstream:6.12'; }
	# shellcheck disable=SC2046
	set -- $(per_io "$out/run" alloc_dio)
	[ "$1" = 1000 ] && [ "$2" = 1000 ] || die "alloc_dio per IO of upstream:6.12, loop and file, in thousandths: $1 $2, expected 1000 1000"
	"$lab" run -d upstream:6.12 --source pinned --path loop --ram 64m --verify --ios 200 scenarios/first-light.fio \
		>"$out/run" 2>&1 || { said "$out/run"; die 'ready bios, upstream:6.12'; }
	for fs in extent extent:layout=sparse extent:layout=unwritten; do
		for d in upstream upstream:6.12; do
			"$lab" ops -d $d --ram 64m --fs $fs "$out/ops" >"$out/ops.$d" 2>"$out/err" ||
				{ said "$out/err"; die "ops -d $d --fs $fs, the last operations of seed $seed"; }
		done
		"$lab" ops --path file --judge 6.12 --differences $table \
			--compare "$out/ops.upstream:6.12,$out/ops.upstream" "$out/ops" >"$out/diff" 2>&1 ||
			{ head -5 "$out/diff"; die "Linux 6.1 and 6.12 differ: seed $seed, the last operations on a file, --fs $fs"; }
	done
	echo 'upstream-check: Linux 6.12: every byte arrives; operations, three layouts, as 6.1 does them'
fi

# ---- splits, under limits drawn at random -----------------------------------------------------------------------
# Linux's blk-merge.c and ours must cut the same bios in the same number of places; and what is left of a split bio, and the
# bio after it, must join the requests that a plug holds as often. For iter-bvec@6.1, which has a plug around each call, as
# Linux has.
cat >"$out/limits.fio" <<'END'
[global]
direct=1
size=32m
randseed=1
[mixed]
stonewall
rw=randrw
bssplit=4k/20:20k/30:132k/30:1m/20
iodepth=4
iomem_align=512
[large]
stonewall
rw=write
bs=1m
iodepth=2
END
awk -v s="$seed" 'BEGIN {
	srand(s)
	for (i = 0; i < 8; i++) {
		l = "max_sectors=" 8 * (1 + int(rand() * 80)) ",max_segments=" 1 + int(rand() * 40)
		l = l (rand() < .5 ? ",virt_boundary=4096" : ",max_segment_size=" 4096 * (1 + int(rand() * 8)))
		print l, rand() < .5 ? "permuted" : "contiguous"
	}
}' >"$out/limits"
# events DESIGN DEVICE LIMITS: what the trace says of that device, but for plugs, for which 6.1 tells of an unplugging only if
# the driver has commit_rqs(), and for requests that a task leaves to a worker as it goes to sleep
events() {
	"$lab" trace -q -d "$1" --path file --ram 64m --ios 80 --limits "$3" -o "$out/trace.txt" "$out/limits.fio" >"$out/run" 2>&1 ||
		{ said "$out/run"; die "trace -d $1 --limits $3"; }
	awk -v dev="$2" '$1 == dev && $6 ~ /^[QXMFGRDC]$/ { print $6, $7, $8, $9, $10 }' "$out/trace.txt" | sort >"$out/events.$2"
	[ -s "$out/events.$2" ] || die "trace -d $1: nothing of $2"
	cat "$out/events.$2" >>"$out/letters"
}
told=0
while read -r limits frames; do
	"$lab" compare -d "upstream+frames=$frames,iter-bvec@6.1+frames=$frames" --path file --ram 64m --ios 80 --verify \
		--limits "$limits" --json "$out/run.json" "$out/limits.fio" >"$out/run" 2>&1 || { said "$out/run"; die "--limits $limits frames=$frames"; }
	tr '{' '\n' <"$out/run.json" | awk -v out="$out/splits." '
		function value(key) { return match($0, "\"" key "\":[0-9]+") ? substr($0, RSTART + length(key) + 3, RLENGTH - length(key) - 3) : 0 }
		/"knobs":/ { nr++; file = out nr }
		/"target":/ { split($0, part, "\""); job = part[4]; block = 0 }
		/^"upper":/ { block++; scope = 0 }		# counters, then the same per IO
		/^"host_allocs":/ && block == 1 {
			print job, scope++, value("alloc_bio"), value("bios"), value("splits"), value("chains"),
			      value("requests") + value("merges"), value("merges") >file
		}'
	diff "$out/splits.1" "$out/splits.2" >"$out/diff" ||
		{ head -4 "$out/diff"; die "upstream and iter-bvec@6.1 split differently: --limits $limits frames=$frames"; }
	grep -q '^  splits' "$out/run" || die "--limits $limits: nothing was split, so nothing was compared"
	events "upstream+frames=$frames" 8,0 "$limits"
	events "iter-bvec@6.1+frames=$frames" 259,0 "$limits"
	cmp -s "$out/events.8,0" "$out/events.259,0" ||
		{ diff "$out/events.8,0" "$out/events.259,0" | head -4; die "upstream and iter-bvec@6.1 leave another trace: --limits $limits frames=$frames"; }
	told=$((told + $(wc -l <"$out/events.8,0")))
done <"$out/limits"
for letter in Q X M G D C; do
	grep -q "^$letter " "$out/letters" || die "no event $letter in any trace: nothing was compared"
done
echo "upstream-check: 8 sets of random limits: as many bios, splits, requests, and merges as sim/block makes; $told block events, at the disk, letter, flags, sector and length as Linux's own tracepoints tell them (seed $seed)"
rm -rf "$out"

# ---- block events --------------------------------------------------------------------------------------------------
sh mk/upstream-trace.sh

# ---- fs/direct-io.c --------------------------------------------------------------------------------------------------
SEED=$seed sh mk/upstream-legacy.sh

# ---- bios and limits, operation by operation ----------------------------------------------------------------------
SEED=$seed sh mk/upstream-props.sh
