#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# mk/upstream-mutants.sh [NAME…] - how strong is what holds the design `upstream` to account? Copies of Linux's files with
# one mistake each (all of them, or those named) run beside the unmodified ones, under ASan, as upstream:mutant. A mistake is
# found when a run fails, hangs, loses a byte, leaves something behind, breaks a limit of the disk, or differs in a result
# line or a counter of cost.
#
# A mistake that no longer applies, or does not compile, is a failure of this script; so is one that is not found, unless
# it stands in the list `unseen` with the reason. Exit status: 0 all found or explained.
set -eu
cd "$(dirname "$0")/.."
. mk/lib.sh

or_skip sh kernel-compat/upstream/prepare.sh

base=build/upstream/6.1/tree
mut=build/upstream/mutant
out=build/upstream-mutants
lab=build/check/diolab-upstream
trap 'rm -rf "$mut" build/check/upstream-mutant build/check/design/upstream-mutant.o* build/check/design-test/upstream-mutant*' EXIT

# ---- mistakes: NAME, file, sed command that changes one line ------------------------------------------
mutations() {
	cat <<'END'
dio-size-short      fs/iomap/direct-io.c s/dio->size += n;/dio->size += n - 512;/
dio-tail-not-zeroed fs/iomap/direct-io.c s/iomap_dio_zero(iter, dio, pos, fs_block_size - pad);/;/
dio-head-misplaced  fs/iomap/direct-io.c s/iomap_dio_zero(iter, dio, pos - pad, pad);/iomap_dio_zero(iter, dio, pos, pad);/
dio-any-alignment   fs/iomap/direct-io.c s/if ((pos | length) & ((1 << blkbits) - 1) ||/if (0 ||/
dio-ref-not-taken   fs/iomap/direct-io.c s/atomic_inc(&dio->ref);/;/
dio-error-lost      fs/iomap/direct-io.c s/iomap_dio_set_error(dio, blk_status_to_errno(bio->bi_status));/;/
dio-eof-not-cut     fs/iomap/direct-io.c s/ret = dio->i_size - offset;/;/
dio-not-converted   fs/iomap/direct-io.c s/dio->flags |= IOMAP_DIO_UNWRITTEN;/;/
dio-pages-kept      fs/iomap/direct-io.c s/bio_release_pages(bio, false);/;/
dio-no-sync         fs/iomap/direct-io.c s/ret = generic_write_sync(iocb, ret);/;/
dio-hole-uncounted  fs/iomap/direct-io.c s/dio->size += length;/;/
bio-trim-kept       block/bio.c s/iov_iter_revert(iter, trim);/;/
bio-bvec-from-start block/bio.c s/bio->bi_iter.bi_bvec_done = iter->iov_offset;/bio->bi_iter.bi_bvec_done = 0;/
bio-bvec-refs       block/bio.c s/bio_set_flag(bio, BIO_NO_PAGE_REF);/;/
bio-split-longer    block/bio.c s/split->bi_iter.bi_size = sectors << 9;/split->bi_iter.bi_size = (sectors + 1) << 9;/
bio-chain-alone     block/bio.c s/bio_inc_remaining(parent);/;/
merge-any-bytes     block/blk-merge.c s/bytes + bv.bv_len <= max_bytes &&/1 \&\&/
merge-one-segment   block/blk-merge.c s/if (nsegs < lim->max_segments &&/if (nsegs <= lim->max_segments \&\&/
merge-gap-allowed   block/blk-merge.c s/if (bvprvp && bvec_gap_to_prev(lim, bvprvp, bv.bv_offset))/if (0)/
loop-bvec-from-0    drivers/block/loop.c s/iter.iov_offset = offset;/iter.iov_offset = 0;/
loop-one-ref        drivers/block/loop.c s/atomic_set(&cmd->ref, 2);/atomic_set(\&cmd->ref, 1);/
loop-flush-nothing  drivers/block/loop.c s/return lo_req_flush(lo, rq);/return 0;/
loop-table-kept     drivers/block/loop.c s/^	kfree(cmd->bvec);/	;/
loop-error-lost     drivers/block/loop.c s/ret = errno_to_blk_status(cmd->ret);/;/
fops-next-sector    block/fops.c s/bi_sector = pos >> SECTOR_SHIFT;/bi_sector = (pos >> SECTOR_SHIFT) + 1;/
dio-prio-lost       fs/iomap/direct-io.c s/bio->bi_ioprio = dio->iocb->ki_ioprio;/;/
loop-prio-lost      drivers/block/loop.c s/cmd->iocb.ki_ioprio = req_get_ioprio(rq);/cmd->iocb.ki_ioprio = 0;/
fops-prio-lost      block/fops.c s/bio\(.*\)bi_ioprio = iocb->ki_ioprio;/;/
split-prio-lost     block/bio.c s/bio->bi_ioprio = bio_src->bi_ioprio;/;/
loop-change-no-wait drivers/block/loop.c /^static int loop_change_fd/,/^}/s/blk_mq_\(un\)*freeze_queue(lo->lo_queue);/;/
loop-change-any-size drivers/block/loop.c s/if (get_loop_size(lo, file) != get_loop_size(lo, old_file))/if (0)/
loop-change-writable drivers/block/loop.c /^static int loop_change_fd/,/^}/s/if (!(lo->lo_flags & LO_FLAGS_READ_ONLY))/if (0)/
loop-file-kept      drivers/block/loop.c s/fput(old_file);/;/
loop-capacity-kept  drivers/block/loop.c /^static int loop_set_capacity/,/^}/s/loop_set_size(lo, size);/;/
legacy-eof-not-cut    fs/direct-io.c s/transferred = dio->i_size - offset;/;/
legacy-error-lost     fs/direct-io.c s/dio->io_error = -EIO;/;/
legacy-not-deferred   fs/direct-io.c s/dio->defer_completion = true;/;/
legacy-end-not-called fs/direct-io.c s/if (dio->end_io) {/if (0) {/
legacy-no-sync        fs/direct-io.c s/ret = generic_write_sync(dio->iocb, ret);/;/
legacy-tail-not-zeroed fs/direct-io.c s/dio_zero_block(dio, &sdio, 1, &map_bh);/;/
legacy-head-not-zeroed fs/direct-io.c s/dio_zero_block(dio, sdio, 0, map_bh);/;/
legacy-block-begin    fs/direct-io.c s/sdio->next_block_for_io += dio_remainder;/;/
legacy-blocks-joined  fs/direct-io.c s/if (sdio->final_block_in_bio != sdio->cur_page_block ||/if (0 ||/
legacy-file-joined    fs/direct-io.c s/cur_offset != bio_next_offset)/0)/
legacy-ref-not-taken  fs/direct-io.c s/get_page(sdio->cur_page);/;/
legacy-page-kept      fs/direct-io.c s/put_page(sdio.cur_page);/;/
legacy-extend-async   fs/direct-io.c s/else if (iov_iter_rw(iter) == WRITE && end > i_size_read(inode))/else if (0)/
legacy-fault-forgotten fs/direct-io.c s/dio->page_errors = ret;/;/
legacy-fault-not-filled fs/direct-io.c s/if (ret < 0 && sdio->blocks_available && dio_op == REQ_OP_WRITE) {/if (0) {/
legacy-hole-uncounted fs/direct-io.c s/dio->result += 1 << blkbits;/;/
legacy-holes-filled   fs/direct-io.c s/if (dio->flags & DIO_SKIP_HOLES) {/if (0) {/
legacy-lock-kept      fs/direct-io.c s/inode_unlock(dio->inode);/;/
legacy-no-wait        fs/direct-io.c s/while (dio->refcount > 1 && dio->bio_list == NULL) {/while (0) {/
END
}

# Not found, and why: NAME, reason, a line each.
unseen() {
	echo 'legacy-file-joined blocks that touch on the disk, not in the file, may be one bio; the bytes are the same'
}

# ---- what each goes through ------------------------------------------------------------------------------
say() { printf '%-20s %s\n' "$1" "$2"; }

# columns FILE: counters and errors of `compare -d upstream,upstream:mutant` that are not the same twice; two paths each
columns() {
	awk '$1 ~ /^(errors|alloc_|copy_bytes|pin_|unpin_|page_refs|bios|clones|splits|map_calls|converts|requests|merges|flushes)/ {
		n = (NF - 1) / 2
		for (i = 2; i <= n + 1; i++) if ($i != $(i + n)) { print; exit }
	}' "$1"
}

# job NAME +KNOB|@VARIANT|- JOBFILE ARG…: both through the same jobs; a line if the mistake shows
job() {
	name=$1 knob=${2#-} variant='' file=$3; shift 3
	case $knob in @*) variant=$knob knob= ;; esac
	rc=0
	timeout -k 5 120 "$lab" compare -d "upstream$variant$knob,upstream$variant:mutant$knob" --engine det --ram 64m "$@" "$file" \
		>"$out/$name" 2>&1 || rc=$?
	case $rc in
	0|1) ;;
	*) echo "$name: exit status $rc: $(grep -m1 -e 'BUG' -e 'ERROR' -e 'audit' "$out/$name" || true)"; return ;;
	esac
	if ! grep -q '^errors' "$out/$name"; then
		echo "$name: $(grep -m1 -e 'BUG' -e 'ERROR' -e 'audit' -e 'hang' "$out/$name" || echo stopped)"
		return
	fi
	diff=$(columns "$out/$name")
	# shellcheck disable=SC2086
	[ -z "$diff" ] || { echo "$name: differs:" $diff; return; }
	# of jobs that meet errors 1 is the status anyway
	[ "$rc" = 0 ] || [ "$name" = eio ] || echo "$name: exit status 1: $(grep -m1 -e audit -e 'diolab:' "$out/$name")"
}

# ops NAME[@VARIANT] OPS ARG…: the same operations through both
ops() {
	name=${1%@*} variant=${1#"${1%@*}"} file=$2; shift 2
	for d in "upstream$variant" "upstream$variant:mutant"; do
		rc=0
		timeout -k 5 120 "$lab" ops -d $d --engine det --ram 64m "$@" "$out/$file" >"$out/$name.$d" 2>"$out/err" || rc=$?
		[ "$rc" != 2 ] || die "$name: not a run: $(tail -n 1 "$out/err")"
		[ "$rc" = 0 ] || { echo "$name: exit status $rc: $(grep -m1 -e WARN -e BUG -e ERROR -e audit -e 'diolab:' "$out/err" || true)"; return; }
	done
	d=$(diff "$out/$name.upstream$variant" "$out/$name.upstream$variant:mutant" | sed -n 2p) || true
	[ -z "$d" ] || echo "$name: $d"
}

# tests NAME GLOB: of the tests of every design, of loop's ioctls and of priorities
tests() {
	if ! build check build/check/tests-upstream >"$out/build" 2>&1; then
		echo "$1: the tests do not link"
		return
	fi
	rc=0
	timeout -k 5 120 build/check/tests-upstream --few-rounds --filter "$2" >"$out/$1" 2>&1 || rc=$?
	[ "$rc" = 0 ] || echo "$1: exit status $rc: $(grep -m1 -e BUG -e ERROR -e '^FAIL ' "$out/$1" | sed 's/ \[.*expected:/ expected:/' || true)"
}

# Runs, a line each, for a mistake in FILE: the variants @legacy… go through fs/direct-io.c, and nothing else does.
# Each is there for what only it goes through:
#	flush		a durable write into an extent that must be converted, which no FUA is enough for; fsync, down to the disk
#	blocks		blocks of 4 KiB and memory that begins in one: a bio that is full ends inside a block
#	long		2 MiB in one piece: the loop device's queue cuts it, and the rest begins within the piece
#	gaps		pieces of memory that a device with a virt boundary cannot take in one request
#	several		more than one bio of a system call in one request of the loop device
#	queued		asynchronous writes that extend the file, into unwritten blocks, durable ones
#	holes		holes under DIO_SKIP_HOLES
#	tests		another file and another size below a loop device; priorities
runs() {
	first=scenarios/first-light.fio
	case $1 in
	fs/direct-io.c) cat <<END ;;
job plain @legacy $first --verify --ios 100
ops short@legacy mixed.ops
ops sparse@legacy mixed.ops --fs extent:layout=unwritten
ops queued@legacy queued.ops --fs extent:layout=fragmented=16k
job flush @legacy $out/flush.fio --verify --fs extent:layout=unwritten
job queued @legacy $out/queued.fio --verify --path file
job pieces @legacy $first --verify --ios 60 --fs extent:layout=fragmented=4k
job eio @legacy $first --ios 200 --stack fault=eio@1m+1m
job holes @legacy-locking $first --verify --ios 60 --fs extent:layout=sparse
ops locking@legacy-locking mixed.ops
END
	*) cat <<END ;;
job plain - $first --verify --ios 100
job flush - $out/flush.fio --verify --fs extent:layout=unwritten
job cut +frames=permuted $first --verify --ios 40 --limits max_sectors=64,max_segments=5
job narrow +frames=permuted $first --ios 40 --limits max_sectors=40
job long - $out/long.fio --verify
job blocks +frames=permuted $out/blocks.fio --path file --verify --limits logical_block_size=4096
ops short mixed.ops
ops sparse mixed.ops --fs extent:layout=unwritten
ops gaps many.ops --limits virt_boundary=4096,max_sectors=2560
ops several many.ops --path loop
job pieces - $first --verify --ios 60 --fs extent:layout=fragmented=4k
job eio - $first --ios 200 --stack fault=eio@1m+1m
job pinned - $first --source pinned --path loop --verify --ios 40
job boundary +frames=permuted $first --verify --ios 40 --limits virt_boundary=4096,max_sectors=2560
tests tests upstream_mutant_*
END
	esac
}

# The first thing that shows of a mistake in FILE.
found() {
	runs "$1" >"$out/runs"
	while read -r run; do
		# shellcheck disable=SC2086
		why=$($run </dev/null)
		[ -z "$why" ] || { echo "$why"; return; }
	done <"$out/runs"
}

# jobs FILE LINE…: a job file of what all have in common and these lines
jobs() {
	file=$1; shift
	printf '[global]\ndirect=1\nsize=32m\nrandseed=4\n' >"$out/$file"
	printf '%s\n' "$@" >>"$out/$file"
}

rm -rf "$out" "$mut"
mkdir -p "$out" "$mut"
cp -al "$base" "$mut/tree"
cp build/upstream/6.1/has "$mut/has"
echo mutant >"$mut/source"
build check "$lab"
"$lab" ops --generate --seed 1 --count 300 --classes valid,zero,many,eof,extend,truncate,sync,misaligned,fault >"$out/mixed.ops"
jobs flush.fio '[durable]' rw=write bs=4k sync=dsync number_ios=20 '[synced]' stonewall rw=randwrite bs=4k fsync=8 number_ios=40
"$lab" ops --generate --seed 2 --count 300 --classes valid,extend,truncate,sync,midfault,aio >"$out/queued.ops"
printf 'size 8k\naio pwrite 8192 4096 seed=1 ; pwrite 16384 8192 seed=2\npread 0 64k\n' >>"$out/queued.ops"
jobs queued.fio '[queued]' rw=write bs=4k sync=dsync ioengine=io_uring iodepth=4 number_ios=20
jobs long.fio '[long]' rw=randrw bs=2m number_ios=20
jobs blocks.fio '[blocks]' rw=randrw bs=1m iomem_align=512 number_ios=20
sh mk/upstream-pieces.sh >"$out/many.ops"
for f in any fs/direct-io.c; do
	why=$(found $f)
	[ -z "$why" ] || die "without a mistake something shows: $why"
done

bad=0 n=0 caught=0
mutations >"$out/list"
unseen >"$out/unseen"
while read -r name file cmd; do
	[ "$#" = 0 ] || case " $* " in *" $name "*) ;; *) continue ;; esac
	n=$((n + 1))
	rm -f "$mut/tree/$file"
	sed "$cmd" "$base/$file" >"$mut/tree/$file"
	if cmp -s "$base/$file" "$mut/tree/$file"; then
		say "$name" 'DOES NOT APPLY'; bad=1
	elif ! build check "$lab" >"$out/build" 2>&1; then
		say "$name" 'DOES NOT COMPILE'; bad=1
	else
		why=$(found "$file")
		if [ -n "$why" ]; then
			caught=$((caught + 1))
			say "$name" "$why" | cut -c1-140
		elif grep -q "^$name " "$out/unseen"; then
			say "$name" "not found: $(sed -n "s/^$name *//p" "$out/unseen")"
		else
			say "$name" 'NOT FOUND'; bad=1
		fi
	fi
	rm -f "$mut/tree/$file"
	ln "$base/$file" "$mut/tree/$file"
	rm -f "build/check/upstream-mutant/t/${file%.c}.o"
done <"$out/list"
echo "upstream-mutants: $caught of $n found"
exit "$bad"
