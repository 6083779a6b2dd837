#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# mk/upstream-trace.sh [--mutants] - does kernel-compat/upstream/trace.c carry over what Linux's tracepoints say? Under ASan
# and UBSan.
#
# Two judges. Another design that goes the same way: iter-bvec@6.1 leaves the same events at the disk and, but for the ends
# of what is made durable, at the loop device. And the device of the laboratory below the kernel's disk, which tells of itself: a request is
# issued (D) at the one, and arrives as a bio (Q) at the other at once; it ends (C) at the other first, with the same error.
#
# --mutants: then copies of trace.c with one mistake each, which must be found. A mistake that no longer applies, or does not
# compile, is a failure of this script.
#
# Without linux-source-6.1 one line says so, and the status is 0.
set -eu
cd "$(dirname "$0")/.."
. mk/lib.sh

mutants_option "$@"

unset KSRC NAME KERNEL
or_skip sh kernel-compat/upstream/prepare.sh

lab=build/check/diolab-upstream
out=build/upstream-trace
mut=$out/mutants
mkdir -p "$mut"
build check "$lab"

# ---- jobs ------------------------------------------------------------------------------------------------

cat >"$out/durable.fio" <<'END'
[global]
direct=1
size=8m
randseed=1
iodepth=1
[mixed]
stonewall
rw=randrw
bssplit=4k/40:20k/30:132k/30
[durable]
stonewall
rw=randwrite
bs=8k
sync=dsync
[flushed]
stonewall
rw=randwrite
bs=8k
fsync=4
END
cat >"$out/scattered.fio" <<'END'
[scattered]
direct=1
size=960k
randseed=1
rw=write
bs=960k
iodepth=1
END
cat >"$out/failing.fio" <<'END'
#@ expect.errors = 40
[failing]
direct=1
size=8m
randseed=1
rw=randwrite
bssplit=4k/50:256k/50
iodepth=4
END

cat >"$out/limits.fio" <<'END'
[limits]
direct=1
size=16m
randseed=1
rw=write
bs=1m
iodepth=2
iomem_align=512
END

# ---- what a trace must show ------------------------------------------------------------------------------
# trace DESIGN FILE JOB OPTION...
trace() {
	design=$1 file=$2 job=$3; shift 3
	"$lab" trace -q -d "$design" --ios 40 "$@" -o "$out/$file.txt" "$out/$job.fio" >"$out/run" 2>&1 ||
		{ grep -v 'module loaded' "$out/run"; die "trace -d $design $* $job.fio"; }
}
# of DEVICE LETTERS FILE: its events: letter, flags, sector, length; not who, nor when; and no end of something empty, which comes twice
# from Linux's flush machine, but for a flush's own
of() {
	awk -v dev="$1" -v letters="^[$2]$" '$1 == dev && $6 ~ letters && !($6 == "C" && $9 != "+" && $7 !~ /^F?N/) {
		line = $6
		for (i = 7; i <= NF && $i !~ /^\[[^-0-9]/; i++) line = line " " $i
		print line }' "$out/$3.txt"
}
# same WHAT DEVICE DEVICE LETTERS: of upstream and of the model; each of LETTERS must be there
same() {
	of "$2" "$4" upstream | sort >"$out/a"
	of "$3" "$4" model | sort >"$out/b"
	cmp -s "$out/a" "$out/b" || { diff "$out/a" "$out/b" | head -4; die "$1: upstream and iter-bvec@6.1 leave another trace"; }
	for letter in $(echo "$4" | sed 's/./& /g'); do
		grep -q "^$letter " "$out/a" || die "$1: no event $letter, so that it was not compared"
	done
	total=$((total + $(wc -l <"$out/a")))
}
# below DEVICE: what the kernel's disk, 8,0, and DEVICE right below it say of each request, in the order of one run: got, perhaps
# with bios that joined it, issued, ended
below() {
	awk -v low="$1" '
		function what(   i, line) { line = $7; for (i = 8; i <= NF && $i !~ /^\[/; i++) line = line " " $i; return line }
		function fail(why) { print FILENAME ":" FNR ": " why ": " $0; bad = 1; exit }
		$1 == "8,0" && $6 == "G" { len[$7, $8] = $10; last[$7, $8 + $10] = $8 }
		$1 == "8,0" && $6 == "M" {
			if (!(($7, $8) in last)) fail("no request ends where this bio begins")
			first = last[$7, $8]; len[$7, first] += $10; last[$7, $8 + $10] = first
		}
		$1 == "8,0" && $6 == "F" {
			if (!(($7, $8 + $10) in len)) fail("no request begins where this bio ends")
			len[$7, $8] = len[$7, $8 + $10] + $10; last[$7, $8 + len[$7, $8]] = $8
			delete len[$7, $8 + $10]
		}
		$1 == "8,0" && $6 == "D" {
			if (len[$7, $8] != $10) fail("issued, and no such request was got")
			delete len[$7, $8]; issued[what()]++; due = what(); d++; next
		}
		due != "" {
			if ($1 != low || $6 != "Q" || what() != due) fail("not what was issued, " due)
			due = ""; next
		}
		$1 == low && $6 == "C" { ended[what() " " $NF]++ }
		$1 == "8,0" && $6 == "C" {
			if (!issued[what()]--) fail("ended, and was not issued")
			if (!ended[what() " " $NF]--) fail("ended before it had, or with another error")
			c++
		}
		END { if (!bad && (!d || c != d)) { print FILENAME ": " d " requests issued, " c " ended"; bad = 1 } exit bad }
	' "$out/upstream.txt" || die 'upstream: its disk, and the device right below that'
}

# traces JOB OPTION...: of both designs, with $knob
traces() {
	job=$1; shift
	trace "upstream$knob" upstream "$job" "$@"
	trace "iter-bvec@6.1$knob" model "$job" "$@"
}
check() {
	total=0 knob=
	for path in file loop; do
		traces durable --path $path --ram 64m
		below 259,0
		[ $path = file ] || same 'loop device' 7,0 7,0 QGDCP
		# A flush of a file is ours, and comes to the device below at once.
		awk '!($1 == "259,0" && $7 ~ /^F/)' "$out/model.txt" >"$out/some"
		mv "$out/some" "$out/model.txt"
		same "disk, --path $path" 8,0 259,0 QGDCP
		[ $path = loop ] || grep -q '^D WFS ' "$out/a" || die 'no FUA at the disk, so that it was not compared'
	done
	knob=+frames=permuted
	traces limits --path file --ram 32m --limits max_sectors=600,max_segments=100
	below 259,0
	same limits 8,0 259,0 QXGMDCP
	knob=
	traces scattered --path file --ram 1m --seed 8 --fs extent:layout=fragmented=4k
	below 259,0
	same 'scattered blocks' 8,0 259,0 QGFDCP
	trace upstream upstream failing --path file --ram 64m --stack fault=eio@0+64m
	below 253,0
	grep -q '^  8,0 .* C .*\[-5\]$' "$out/upstream.txt" || die 'no error at the disk, so that it was not looked at'
}

check
echo "upstream-trace: $total block events as iter-bvec@6.1 leaves them, splits, merges, plugs, flushes and FUA among them; each request at the disk issued and ended as the device below says, errors too"
[ "$mutants" ] || exit 0

# ---- mistakes ----------------------------------------------------------------------------------------------
mutations() {
	cat <<'END'
dev-always-disk      s/disk->major ?: SCSI_DISK0_MAJOR/SCSI_DISK0_MAJOR/
dev-minor            s/disk->first_minor)/disk->first_minor + 1)/
dev-of-queue-none    s/\.action = action, .dev = event_dev(q->disk), .other = depth/.action = action, .other = depth/
flag-write           s/op_is_write(opf) ? LAB_BE_WRITE : 0/0/
flag-sync            s/opf & REQ_SYNC ? LAB_BE_SYNC : 0/0/
flag-fua             s/opf & REQ_FUA ? LAB_BE_FUA : 0/0/
flag-preflush        s/opf & REQ_PREFLUSH || //
flag-op-flush        s/ || (opf & REQ_OP_MASK) == REQ_OP_FLUSH ? LAB_BE_FLUSH/ ? LAB_BE_FLUSH/
flag-meta            s/opf & REQ_META ? LAB_BE_META : 0/0/
flag-ahead           s/opf & REQ_RAHEAD ? LAB_BE_AHEAD : 0/0/
flag-discard         s/REQ_OP_DISCARD ? LAB_BE_DISCARD : 0/REQ_OP_DISCARD ? 0 : 0/
bio-sector           s/\.sector = bio->bi_iter.bi_sector,/.sector = bio->bi_iter.bi_sector + 8,/
bio-length           s/\.len_bytes = bio->bi_iter.bi_size,/.len_bytes = bio_iovec(bio).bv_len,/
rq-sector            s/blk_rq_pos(rq),$/rq->bio ? rq->biotail->bi_iter.bi_sector : 0,/
rq-length            s/\.len_bytes = flush ? 0 : nr_bytes/.len_bytes = flush ? 0 : blk_rq_cur_bytes(rq)/
rq-flush-sector      s/\.sector = flush ? 0 : blk_rq_pos(rq)/.sector = blk_rq_pos(rq)/
rq-error             s/\.error = blk_status_to_errno(error)/.error = 0/
bio-error            s/add_bio(bio, 'C', 0, 0, blk_status_to_errno(bio->bi_status))/add_bio(bio, 'C', 0, 0, 0)/
complete-whole       s/add_rq(rq, 'C', error, nr_bytes)/add_rq(rq, 'C', error, blk_rq_bytes(rq))/
split-to             s/add_bio(bio, 'X', new_sector, 0, 0)/add_bio(bio, 'X', bio->bi_iter.bi_sector, 0, 0)/
merge-letter         s/on_frontmerge(void \*data, struct bio \*bio) { add_bio(bio, 'F'/on_frontmerge(void *data, struct bio *bio) { add_bio(bio, 'M'/
issue-as-complete    s/add_rq(rq, 'D', BLK_STS_OK/add_rq(rq, 'C', BLK_STS_OK/
issue-late           s/^static void on_issue(.*/static struct request *late; static void on_issue(void *data, struct request *rq) { if (late) add_rq(late, 'D', BLK_STS_OK, blk_rq_bytes(late)); late = rq; }/
no-queue             s/^\tX(bio_queue, on_bio_queue) /\t/
no-backmerge         s/ X(bio_backmerge, on_backmerge)//
no-frontmerge        s/ X(bio_frontmerge, on_frontmerge)//
no-getrq             s/^\tX(getrq, on_getrq) /\t/
no-split             s/ X(split, on_split)//
no-remap             s/ X(bio_remap, on_remap)//
no-bio-complete      s/ X(bio_complete, on_bio_complete)//
no-insert            s/^\tX(rq_insert, on_insert) /\t/
no-issue             s/ X(rq_issue, on_issue)//
no-requeue           s/ X(rq_requeue, on_requeue)//
no-rq-complete       s/^\tX(rq_complete, on_rq_complete) /\t/
no-plug              s/ X(plug, on_plug)//
no-unplug            s/ X(unplug, on_unplug)/ /
END
}

# Not found, and why.
unseen() {
	cat <<'END'
flag-op-flush    the same: a flush request has REQ_PREFLUSH, too
flag-meta        nothing here sends metadata by itself
flag-ahead       nothing here reads ahead
flag-discard     no job discards
bio-error        nothing fires it: a bio that gets no request ends before it is queued
no-bio-complete  nothing fires it, as above
complete-whole   requests end whole: no file ends under its loop device while a job runs
no-remap         there are no partitions
no-requeue       the drivers here take every request
no-insert        the drivers here take every request, and no plug is left to a worker
no-unplug        6.1 tells of it if the driver has commit_rqs(), which none has here
END
}

mutations >"$mut/list"
found=0 bad=0 n=0
while read -r name cmd; do
	n=$((n + 1))
	echo "$cmd" >"$mut/one.sed"
	sed -f "$mut/one.sed" kernel-compat/upstream/trace.c >"$mut/part"
	[ "$(diff kernel-compat/upstream/trace.c "$mut/part" | grep -c '^>')" = 1 ] ||
		die "the mistake $name does not change exactly one line of trace.c"
	cmp -s "$mut/part" "$mut/$name.c" || cp "$mut/part" "$mut/$name.c"
	lab=build/check/upstream-trace/diolab-$name
	build check "$lab" </dev/null
	why=$(unseen | sed -n "s/^$name  *//p")
	if (check) >"$mut/log" 2>&1 </dev/null; then
		[ "$why" ] || bad=1
		echo "$name: ${why:+not found: }${why:-NOT FOUND}"
	else
		[ -z "$why" ] || { bad=1; echo "$name: found, and the list says it is not"; }
		found=$((found + 1))
		echo "$name: $(grep -m1 -oE 'mk/upstream-trace.sh: .*|AddressSanitizer: .*|BUG: .*' "$mut/log" | sed 's/^[^:]*: //' | cut -c1-110)"
	fi
	rm -f "$lab" "build/check/upstream-trace/$name".*
done <"$mut/list"
echo "upstream-trace: $n mistakes planted in trace.c, $found found"
exit "$bad"
