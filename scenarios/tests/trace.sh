#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# trace.sh PROGRAM - `diolab trace`: the same det run leaves the same events as text and as blktrace's binary. The binary is
# taken apart here, byte by byte, and where blkparse is installed its output must be our text, line by line.
set -eu
prog=${1:?usage: trace.sh PROGRAM}
tmp=$(mktemp -d "${TMPDIR:-/var/tmp}/diolab-trace.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
checked=0 parsed=0
die() { echo "trace: $*" >&2; exit 1; }

# of each event: device, sequence, time, pid, action, flags, sector, sectors, error; a message's text
decode() {
	od -An -v -tu1 -w1 "$1" | awk '
	function rwbs(cat, bytes) {
		return (has(cat, 4) ? "F" : "") (has(cat, 8192) ? "D" : has(cat, 2) ? "W" : bytes ? "R" : "N") \
			(has(cat, 32768) ? "F" : "") (has(cat, 2048) ? "A" : "") (has(cat, 8) ? "S" : "") (has(cat, 4096) ? "M" : "")
	}
	function has(cat, bit) { return int(cat / bit) % 2 }
	function le(at, n,   v) { v = 0; while (n--) v = v * 256 + b[at + n]; return v }
	{ b[NR - 1] = $1 + 0 }
	END {
		split("Q M F G - R D C P U - I X - A", letter, " ")
		for (at = 0; at < NR; at += 48 + pdu) {
			if (le(at, 4) != 1700885511) { print "no magic at byte " at; exit }
			pdu = le(at + 46, 2); action = le(at + 28, 2); notify = int(le(at + 30, 2) / 1024) % 2
			time = le(at + 8, 8); if (at == 0) first = time
			where = le(at + 36, 4); where = int(where / 1048576) "," where % 1048576
			if (notify && action == 2) {
				text = ""; for (i = 0; i < pdu; i++) text = text sprintf("%c", b[at + 48 + i])
				print where, 0, time - first, 0, "m", text
			} else if (!notify) {
				print where, le(at + 4, 4), time - first, le(at + 32, 4), letter[action], rwbs(le(at + 30, 2), le(at + 24, 4)), le(at + 16, 8), le(at + 24, 4) / 512, le(at + 44, 2)
			}
		}
	}'
}
# the same of our text, as far as its lines say it
fields() {
	awk '{
		split($4, t, "."); at = t[1] * 1000000000 + t[2]
		line = $0; sub(/^ */, "", line)
		if ($6 == "m") { sub(/^[^N]*N /, "", line); print $1, 0, at, 0, "m", line; next }
		error = $6 == "C" ? $NF : 0; gsub(/[][]/, "", error); if (error < 0) error += 65536
		sector = $8 ~ /^[0-9]+$/ ? $8 : "-"; sectors = $9 == "+" ? $10 : $6 == "X" ? "-" : 0
		print $1, $3, at, $5, $6, $7, sector, sectors, error
	}' "$1"
}
# what a line of text does not say (a plug has no sector, a split no length) is not compared
compare() {
	awk 'NR == FNR { want[FNR] = $0; n = FNR; next }
	{
		if (FNR > n) { print "one more: " $0; bad = 1; exit }
		split(want[FNR], w, " ")
		for (i = 1; i <= NF || i in w; i++)
			if (w[i] != "-" && w[i] != $i) { print "text: " want[FNR] "; binary: " $0; bad = 1; exit }
	}
	END { if (!bad && FNR != n) print n - FNR " lines less"; exit bad || FNR != n }' "$1" "$2"
}

# trace OPTION…: both forms of one run
trace() {
	"$prog" trace -q --engine det --seed 3 --ram 16m "$@" -o "$tmp/t.txt" "$tmp/job.fio" 2>"$tmp/said" || { cat "$tmp/said"; die "$*"; }
	"$prog" trace -q --engine det --seed 3 --ram 16m "$@" -o "$tmp/t.blktrace.0" "$tmp/job.fio" 2>"$tmp/said" || die "$*"
	fields "$tmp/t.txt" >"$tmp/text"
	decode "$tmp/t.blktrace.0" >"$tmp/binary"
	compare "$tmp/text" "$tmp/binary" || die "$*: text and binary differ"
	awk '$5 != "m" && $2 != ++seq[$1] { print "event " $2 " of " $1 " is number " seq[$1]; exit 1 }' "$tmp/text" || die "$*: numbers"
	checked=$((checked + $(wc -l <"$tmp/text")))
	for want in $letters; do
		grep -q " $want " "$tmp/text" || die "$*: no event $want"
	done
	command -v blkparse >/dev/null 2>&1 || return 0
	blkparse -q -D "$tmp" -i t 2>/dev/null | grep -v '^Input file ' | sed 's/\[65531\]$/[-5]/' >"$tmp/parsed"
	cmp -s "$tmp/t.txt" "$tmp/parsed" || { diff "$tmp/t.txt" "$tmp/parsed" | head -4; die "$*: blkparse says it otherwise"; }
	parsed=$((parsed + 1))
}

printf '[first]\nrw=randrw\nbs=16k\nsize=4m\nnumber_ios=40\niodepth=4\nfsync=8\n[second]\nstonewall\nrw=write\nbs=256k\nsize=4m\nnumber_ios=4\nsync=dsync\n' >"$tmp/job.fio"
letters='m Q G D C'
for d in $("$prog" list designs | cut -d' ' -f1); do
	for path in loop file; do
		trace -d "$d" --path $path
		cut -d' ' -f5-6 "$tmp/text" >>"$tmp/flags"
	done
done
for want in 'Q R' 'Q WS' 'Q WFS' 'Q FWS' 'D FN' 'C FN' 'C FWS'; do
	grep -qx "$want" "$tmp/flags" || die "no event $want of any design"
done
letters='m Q G D C X A'; trace -d bio-first --stack linear=1m/stripe=2,16k
letters='m Q G D C X'; trace -d iter-bvec --limits max_sectors=16
letters='m Q G D C P U'; trace -d iter-bvec@6.1 --fs extent:layout=fragmented=8k
letters='m Q G D C'; trace -d iter-ops-fixed+loopq=mq --loops 2
printf '[bad]\nrw=read\nbs=16k\nsize=4m\nnumber_ios=40\n#@ expect.errors = 1\n' >"$tmp/job.fio"
trace -d iter-bvec --path file --stack fault=eio@64k+4k
grep -q 'C   R [0-9]* + 32 \[-5\]$' "$tmp/t.txt" || die 'no -5'

[ "$parsed" != 0 ] || echo 'SKIP trace.sh: no blkparse on this machine; its words were not compared (package blktrace)'
echo "trace: $checked events as text and as binary, $parsed runs read by blkparse"
