#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# cli.sh PROGRAM - the command line from outside: exit statuses, one clear line for each mistake, nothing written.
#
# Each case: the wanted exit status, a text that stderr must contain, then the arguments. stderr of a usage mistake has one line.
set -u
prog=${1:?usage: cli.sh PROGRAM}
tmp=$(mktemp -d "${TMPDIR:-/var/tmp}/diolab-cli.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
passed=0 failed=0

# t STATUS TEXT ARG…
t() {
	want=$1 text=$2; shift 2
	"$prog" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null; rc=$?
	if [ "$rc" != "$want" ]; then
		echo "cli: $*: exit status $rc, expected $want"; sed 's/^/  /' "$tmp/err" | head -5
		failed=$((failed + 1)); return
	fi
	if ! grep -qF -- "$text" "$tmp/err" "$tmp/out"; then
		echo "cli: $*: no '$text' in:"; sed 's/^/  /' "$tmp/err" | head -5
		failed=$((failed + 1)); return
	fi
	if [ "$want" = 2 ] && [ "$(wc -l <"$tmp/err")" != 1 ]; then
		echo "cli: $*: not one line:"; sed 's/^/  /' "$tmp/err" | head -5
		failed=$((failed + 1)); return
	fi
	passed=$((passed + 1))
}
# absent FILE: a refused command must not have made it
absent() {
	if [ -e "$1" ]; then echo "cli: $1 was written"; failed=$((failed + 1)); else passed=$((passed + 1)); fi
}

job=$tmp/job.fio
printf '[j]\nrw=randrw\nbs=4k\nsize=1m\niodepth=4\nverify=crc32c\n' >"$job"
bad() { printf '%b' "$1" >"$tmp/bad.fio"; }

t 0 'side by side' --help
t 0 'iter-ops-fixed' list designs
t 0 'iter-bvec@6.1' list designs
t 0 'bio-first' list designs
t 0 'iter-ops ' list designs
t 0 'map_calls' list counters
t 0 'handoff' list knobs
t 0 'Run the same stream' compare --help
t 2 "did you mean 'compare'" comprae
t 2 'needs a job file' compare
t 2 'cannot read the job file' compare "$tmp/none.fio"
t 2 'cannot read the job file' compare "$tmp"
t 2 "did you mean 'bio-first'" compare -d bio-frist "$job"
# a variant stands before the tree
t 2 "'upstream' is not in this build" compare -d upstream@legacy "$job"
t 2 "'upstream:patched' is not in this build" compare -d upstream@legacy:patched "$job"
t 2 "want NAME@VARIANT:TREE" compare -d upstream:patched@legacy "$job"
t 2 "no design 'bio-first:patched'" compare -d bio-first:patched "$job"
t 2 "has no variant '6.2'" compare -d iter-bvec@6.2 "$job"
t 2 'no knob' compare -d bio-first+handof=inline "$job"
t 2 'want inline|worker' compare -d bio-first+handoff=maybe "$job"
t 2 'which the old rule asks' compare -d bio-first+bio-rule=old "$job"
printf '[j]\nrw=write\nbs=1m\nsize=4m\niodepth=2\nverify=crc32c\n' >"$tmp/big.fio"
t 0 '  bios                           1           0           8           0' \
	compare -d iter-bvec,iter-bvec+bio-rule=old --ram 16m --limits max_sectors=256 --verify "$tmp/big.fio"
t 0 '  splits                         7           7           0           0' \
	compare -d iter-bvec,iter-bvec+bio-rule=old --ram 16m --limits max_sectors=256 --verify "$tmp/big.fio"
t 2 "no variant '6.2'" run -d bio-first@6.2 "$job"
t 2 'what the plain variant tries' run -d iter-bvec@6.1+handoff=inline "$job"
t 2 'loopq=bio has none' run -d iter-bvec@6.1+loopq=bio "$job"
t 2 'alloc=pool is another design' run -d iter-bvec@6.1+alloc=pool "$job"
t 2 'run takes one design' run "$job"
t 2 'handoff=inline cannot be' run -d iter-ops+handoff=inline "$job"
t 2 'loopq=mq came' run -d iter-ops+loopq=mq "$job"
t 2 'null disk keeps no data' compare --null 1m --verify "$job"
t 2 'only one of' compare --null 1m --ram 1m "$job"
t 2 'want a size' compare --ram 12 "$job"
t 2 'want loop or file' compare --path lop "$job"
t 2 'no filter' compare --stack fualt=flip@1m --ram 16m "$job"
t 2 'fault' compare --stack fault=flop@1m --ram 16m "$job"
t 2 'want contiguous' compare --fs extent:layout=sprase --ram 16m "$job"
t 2 'no limit' compare --limits max_secotrs=8 --ram 16m "$job"
t 2 'make it larger' compare --ram 64k "$job"
t 2 'max_sectors is 8 to' compare --limits max_sectors=7 --ram 16m "$job"
t 2 'want 1 or more' compare --ios 0 --ram 16m "$job"

bad '[j]\nrw=read\nsize=1m\nblocksise=4k\n'; t 2 "bad.fio:4: unknown key 'blocksise'; did you mean 'blocksize'?" compare "$tmp/bad.fio"
bad '[j]\nrw=read\nsize=1m\niodepth=0\n'; t 2 'bad.fio:4: iodepth=0: must be 1 to' compare "$tmp/bad.fio"
bad '[j]\nrw=raed\nsize=1m\n'; t 2 "did you mean 'read'" compare "$tmp/bad.fio"
bad '[j]\nrw=read\nsize=1m\nbs=1000\n'; t 2 'multiple of 512' compare "$tmp/bad.fio"
bad '[j]\nrw=read\nsize=1m\ndirect=2\n'; t 2 'want 0 or 1' compare "$tmp/bad.fio"
bad '[j]\nrw=read\nsize=1m\ndirect=0\n'; t 2 'no page cache over its loop device' run -d iter-ops --ram 8m "$tmp/bad.fio"
t 0 'errors: 0' compare -d iter-ops-fixed,bio-first --verify --ram 8m "$tmp/bad.fio"
bad '[j]\nrw=read\n'; t 2 'has no size=' compare "$tmp/bad.fio"
bad '[j]\nrw=read\nsize=1m\nbssplit=4k/60:8k/60\n'; t 2 'add up to 100' compare "$tmp/bad.fio"
bad '[j]\nrw=read\nsize=${NO_SUCH_VARIABLE}\n'; t 2 'is not set' compare "$tmp/bad.fio"
bad '[global]\nrw=read\n'; t 2 'no job in this file' compare "$tmp/bad.fio"
bad '#@ desing = bio-first\n[j]\nsize=1m\n'; t 2 "did you mean 'design'" compare "$tmp/bad.fio"
bad '#@ expect.map_cals = 1\n[j]\nsize=1m\n'; t 2 "did you mean 'map_calls'" compare "$tmp/bad.fio"
bad '[j]\nrw=read\nsize=1m\n#@ expect.errors = 4294967296\n'; t 2 "expect.errors: at most" compare "$tmp/bad.fio"


# options: what is missing, unknown or one too many is said in one line, like everything else
t 2 'a verb is missing'
t 2 "'diolab --help' lists them" explain
t 2 'there are designs, jobs' list bogus
t 0 'for -d NAME+knob=value' list --help
t 0 'Run the same stream' help compare
t 0 'Run the same stream' compare -h
t 2 'want -d DESIGN' run -d
t 2 'want --ram SIZE' run -d bio-first --ram
t 2 'want --json FILE' compare "$job" --json
t 2 'unknown option -x' compare -x "$job"
t 2 "did you mean '--verify'" compare --verfy "$job"
t 2 'several begin so' compare --s 1 "$job"
t 2 '--verify takes no argument' compare --verify=yes "$job"
t 2 'want NAME[@VARIANT]' run -d bio-first+ "$job"
t 2 'want NAME[@VARIANT]' run -d bio-first@ "$job"
t 2 'want NAME[@VARIANT]' run -d bio-first@+handoff=worker "$job"
t 2 'want FILTER' run -d bio-first --stack '' "$job"
t 2 'want a file name' compare --ram 16m --json '' "$job"
t 0 'eio@flush' list faults

# words that are longer than what they are copied to, or are none
long=$(printf 'max_sectors=8,%.0s' 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38)
t 2 'longer than 511 bytes' compare --ram 16m --limits "${long}max_sectors=256" "$job"
t 2 'longer than 511 bytes' compare --ram 16m --fs "extent:$(echo "$long" | sed 's/max_sectors=8/lock=exclusive/g')layout=sparse" "$job"
t 0 'errors: 0' compare -d bio-first --ram 16m --limits "$(echo "$long" | cut -c1-252)max_sectors=256" "$job"
t 2 'want NAME=N' compare --ram 16m --limits , "$job"
t 2 'want FILTER' compare --ram 16m --stack / "$job"
t 2 '--ram: at most 17179869184 bytes' compare --ram 64g "$job"
bad '[j]\nrw=read\nsize=1m\n'; t 2 '--null: at most 17179869184 bytes' compare --null 1t "$tmp/bad.fio"

# disks
t 2 'neither a regular file nor a block device' compare --disk /dev/null "$job"
for dev in /dev/loop0 /dev/vda /dev/sda /dev/nvme0n1; do
	[ -b "$dev" ] || continue
	t 2 '--yes-really' compare --disk "$dev" "$job"
	break
done
mem=$(mktemp -d /dev/shm/diolab-cli.XXXXXX 2>/dev/null) && [ "$(stat -f -c %T "$mem")" = tmpfs ] &&
	{ t 2 'no O_DIRECT on that filesystem (tmpfs); use a file in' compare --disk "$mem/x:16m" "$job"; absent "$mem/x"; }
[ -z "$mem" ] || rm -rf "$mem"
t 2 'such' compare --disk "$tmp/no/such/folder/x:16m" "$job"; absent "$tmp/no"
printf x >"$tmp/small"; t 2 'small' compare --disk "$tmp/small" "$job"
[ "$(cat "$tmp/small")" = x ] && passed=$((passed + 1)) || { echo 'cli: a file that was too small was written'; failed=$((failed + 1)); }
t 2 'null disk' compare --null 1m --verify --json "$tmp/never.json" "$job"; absent "$tmp/never.json"

# a file that a refused run would have made
t 2 'make it larger' compare --disk "$tmp/new:64k" "$job"; absent "$tmp/new"
t 2 'max_sectors is' compare --disk "$tmp/new:16m" --limits max_sectors=7 "$job"; absent "$tmp/new"
t 2 'cannot write' compare --disk "$tmp/new:16m" --json "$tmp/no/o.json" "$job"; absent "$tmp/new"
t 2 'is a folder' compare --disk "$tmp/new:16m" --md "$tmp" "$job"; absent "$tmp/new"

# a report goes into what is no regular file, and never takes its place
ln -s "$tmp/target.json" "$tmp/link.json"; : >"$tmp/target.json"
t 0 'errors: 0' compare --ram 16m --json "$tmp/link.json" "$job"
[ -L "$tmp/link.json" ] && [ -s "$tmp/target.json" ] && passed=$((passed + 1)) || { echo 'cli: a link was replaced'; failed=$((failed + 1)); }
t 2 'cannot write' run -d bio-first --ram 16m -q --json /dev/full "$job"
[ -c /dev/full ] && passed=$((passed + 1)) || { echo 'cli: /dev/full was replaced'; failed=$((failed + 1)); }

# one file with two names: what is written must be nothing else that was named
cp "$job" "$tmp/mine.fio"
t 2 'would overwrite the job file' compare --ram 16m --json "$tmp/mine.fio" "$tmp/mine.fio"
t 2 'would overwrite the job file' trace -d bio-first --ram 16m -o "$tmp/../${tmp##*/}/mine.fio" "$tmp/mine.fio"
t 2 'would overwrite --md' compare --ram 16m --json "$tmp/one" --md "$tmp/./one" "$job"; absent "$tmp/one"
t 2 'would overwrite --disk' compare --disk "$tmp/one:16m" --json "$tmp/one" "$job"; absent "$tmp/one"
cmp -s "$job" "$tmp/mine.fio" && passed=$((passed + 1)) || { echo 'cli: a job file was overwritten'; failed=$((failed + 1)); }
echo precious >"$tmp/p.json.part"
t 0 'errors: 0' compare -d bio-first --ram 16m --json "$tmp/p.json" "$job"
[ "$(cat "$tmp/p.json.part")" = precious ] && passed=$((passed + 1)) || { echo 'cli: the file p.json.part was overwritten'; failed=$((failed + 1)); }

# output that nobody gets is told; a descriptor that was closed is not taken for a file that is opened
lost() {
	what=$1; shift
	sh -c "$what" sh "$prog" "$@" 2>"$tmp/err"; rc=$?
	if [ "$rc" = 2 ] && grep -qF 'standard output: cannot write' "$tmp/err"; then passed=$((passed + 1)); return; fi
	echo "cli: $what: $*: exit status $rc, lost output is not told"; failed=$((failed + 1))
}
# shellcheck disable=SC2016 # for the shell below
for what in '"$@" >/dev/full' '"$@" >&-'; do
	lost "$what" list
	lost "$what" run --help
	lost "$what" run -d bio-first --ram 16m "$job"
	lost "$what" trace -d bio-first --ram 16m --ios 1 "$job"
	lost "$what" ops --generate
done
"$prog" run -q -d bio-first --ram 16m --json /proc/self/fd/1 "$job" >&- 2>"$tmp/err" && passed=$((passed + 1)) ||
	{ echo 'cli: descriptor 1, which was closed, is there for the next file that is opened'; failed=$((failed + 1)); }

# the line about keys that are ignored does not come before a refusal
printf '[j]\nioengine=io_uring\nrw=read\nbs=4k\nsize=1m\n' >"$tmp/ignored.fio"
t 0 'ignored here: ioengine' compare --ram 16m "$tmp/ignored.fio"
t 2 'make it larger' compare --ram 64k "$tmp/ignored.fio"

# what must work
t 0 'errors: 0' compare --ram 16m --verify --json "$tmp/o.json" --md "$tmp/o.md" --html "$tmp/html" "$job"
t 0 'errors: 0' compare --disk "$tmp/disk:16m" --verify "$job"
t 1 'wrong data' compare --ram 16m --stack fault=flip@8k --path file -d bio-first --verify "$job"
grep -q '^{"schema":1,' "$tmp/o.json" && grep -q '"errors":0' "$tmp/o.json" && passed=$((passed + 1)) || { echo 'cli: bad JSON'; failed=$((failed + 1)); }
awk 'length($0) > 72 && !/\/.*\// { bad = 1; print "cli: o.md line longer than 72: " $0 } END { exit bad }' "$tmp/o.md" && passed=$((passed + 1)) || failed=$((failed + 1))
grep -q '<svg' "$tmp/html/index.html" && passed=$((passed + 1)) || { echo 'cli: no picture in the page'; failed=$((failed + 1)); }

# the largest block there is, in one piece of memory
printf '[j]\nrw=randrw\nbs=64m\nsize=128m\niodepth=2\nnumber_ios=2\n' >"$tmp/large.fio"
t 0 'errors: 0' run -d bio-first --ram 160m "$tmp/large.fio"

# defects that a design keeps on purpose: shown where they are, by nobody else, and each job says when that is not so
jobs=$(dirname "$0")/..
for d in iter-ops iter-ops-fixed bio-first; do
	t 0 'errors:' run -d $d --ram 1056k --verify "$jobs/iter-ops-D1.fio"
	t 0 'errors:' run -d $d --ram 16m --source pinned "$jobs/iter-ops-D2.fio"
	t 0 'errors:' run -d $d --ram 1m "$jobs/iter-ops-D4.fio"
	t 0 'errors:' run -d $d --ram 16m --source pinned "$jobs/iter-ops-F.fio"
done
t 1 'D1 does not show' run -d iter-ops --ram 2m --verify "$jobs/iter-ops-D1.fio"
t 1 'D4 does not show' run -d iter-ops --ram 4m "$jobs/iter-ops-D4.fio"
t 1 'D4 shows' run -d bio-first --ram 4m --stack fault=eio@512k+4k "$jobs/iter-ops-D4.fio"
t 2 'and --source pinned' run -d iter-ops --ram 16m "$jobs/iter-ops-D2.fio"
t 2 'want --path loop' run -d iter-ops --ram 1m --path file "$jobs/iter-ops-D4.fio"
t 2 'want a trace filter' run -d iter-ops --ram 16m --source pinned --stack fault=flip@8m "$jobs/iter-ops-D2.fio"
bad '#@ expect.defect = D9\n[j]\nsize=1m\n'; t 2 "no defect is called 'D9'" compare "$tmp/bad.fio"
bad '[j]\nrw=write\nsize=1m\n#@ expect.defect = D3\n'; t 2 "the design's own tests do" run -d iter-ops --ram 16m "$tmp/bad.fio"
bad '[j]\nrw=read\nsize=1m\nsync=dsnyc\n'; t 2 "did you mean 'dsync'" compare "$tmp/bad.fio"

# ops
printf 'pwrite 0 4k seed=7\npread 0 4k\npread 4k 4k\nsize 100\n' >"$tmp/a.ops"
t 0 '3 size ret=0 size=100 crc=-' ops -d bio-first "$tmp/a.ops"
printf 'praed 0 4k\n' >"$tmp/b.ops"; t 2 "did you mean 'pread'" ops -d bio-first "$tmp/b.ops"
printf 'pread 0 4q\n' >"$tmp/b.ops"; t 2 'LEN[+MIS]' ops -d bio-first "$tmp/b.ops"
t 2 "did you mean 'position'" ops --generate --classes postion
t 2 'is for run and compare' ops -d bio-first --ram 16m --json "$tmp/never.json" "$tmp/a.ops"; absent "$tmp/never.json"
t 2 'a loop device has no extend' ops --generate --path loop --classes truncate
t 2 'only one of' ops -d bio-first --reference "$tmp/a.ops"
t 2 "begins with 'size N'" ops -d bio-first --ram 16m --path loop "$tmp/a.ops"
t 2 "begins with 'size N'" ops --reference --path loop "$tmp/a.ops"
printf 'size 8k\naio pwrite 0 4k seed=7 ; pread 4k 8k ; pwrite 8k 4k\nsize 4k\nseek 4k\nread 4k\nhole 0\nalloc 0 4k\npunch 0 4k\n' >"$tmp/l.ops"
"$prog" ops --reference --path loop "$tmp/l.ops" >"$tmp/l.ref"
"$prog" ops -d bio-first --ram 16m --path loop "$tmp/l.ops" >"$tmp/l.own"
t 0 '10 results, 0 differences' ops --path loop --compare "$tmp/l.own,$tmp/l.ref" "$tmp/l.ops"
grep -q '^3 pwrite ret=-ENOSPC size=8192' "$tmp/l.own" && grep -q '^4 size ret=-EINVAL' "$tmp/l.own" && passed=$((passed + 1)) || { echo 'cli: ops on a loop device'; failed=$((failed + 1)); }
sed 's/^5 seek ret=4096/5 seek ret=0/' "$tmp/l.own" >"$tmp/l.bad"; t 1 '1 that are not' ops --path loop --compare "$tmp/l.bad,$tmp/l.ref" "$tmp/l.ops"
t 2 'results for 10 operations' ops --compare "/dev/null,$tmp/l.ref" "$tmp/l.ops"
t 2 'no result of operation 0' ops --compare "$tmp/l.own,$tmp/l.ops" "$tmp/l.ops"
printf 'pread 0 4k\n' >"$tmp/stream"; cp "$tmp/stream" "$tmp/held"
t 2 "begins with 'size N'" ops --kernel --path loop --disk "$tmp/held" "$tmp/stream"
t 2 'would overwrite the operations in' ops --kernel --disk "$tmp/held" "$tmp/held"
t 2 'name FILE alone' ops --kernel --disk "$tmp/held:16m" "$tmp/stream"
cmp -s "$tmp/stream" "$tmp/held" && passed=$((passed + 1)) || { echo 'cli: ops: a refused command wrote to the file'; failed=$((failed + 1)); }
t 2 '--stack is for -d DESIGN' ops --kernel --disk "$tmp/held" --stack fault=eio@0 "$tmp/stream"
t 2 '--engine det is for -d DESIGN' ops --reference --engine det "$tmp/stream"
t 2 '--loops is for run and compare' ops -d bio-first --loops 2 --path loop "$tmp/stream"
t 2 'only one of' ops --generate -d bio-first
t 2 '--differences is for --compare' ops --reference --differences "$tmp/none" "$tmp/stream"
t 2 '--count is for --generate' ops --reference --count 3 "$tmp/stream"
t 2 'it reads none' ops --generate "$tmp/stream"
t 2 'No such file' ops --reference "$tmp/none.ops"
printf 'pread 0 4k\npread \0 4k' >"$tmp/nul.ops"; t 2 'nul.ops:2: a NUL byte' ops --reference "$tmp/nul.ops"
t 2 'cannot read the results (Is a directory)' ops --compare "$tmp,$tmp" "$tmp/stream"

# trace
t 0 'for blkparse and btt' --help
t 0 'what blktrace leaves' trace --help
t 0 ' Q  ' trace -d bio-first --ram 16m --ios 1 "$job"
t 2 'needs a job file' trace -d bio-first
t 2 'trace takes one design' trace -d bio-first,iter-bvec "$job"
t 2 'want -o FILE' trace -d bio-first "$job" -o
t 2 'want a file name' trace -d bio-first -o '' "$job"
t 2 'is a folder' trace -d bio-first -o "$tmp" "$job"
t 2 'cannot write' trace -d bio-first -o "$tmp/none/t.txt" "$job"
t 2 'unknown option -o' run -d bio-first -o "$tmp/t.txt" "$job"
t 2 'unknown option -x' trace -d bio-first -x "$job"
bad '[j]\nrw=read\nbs=4k\nsize=4m\n#@ expect.errors = 1\n'
t 1 '0 errors, 1 expected' trace -d bio-first --ram 16m -o "$tmp/t.txt" "$tmp/bad.fio"
bad '[j]\nrw=randread\nbs=4k\nsize=4m\nio_size=1g\nnumber_ios=180000\n'
t 1 'only the first 1048576 of 1080001 events' trace -q -d bio-first --null 16m -o "$tmp/t.txt" "$tmp/bad.fio"

echo "cli: $passed passed, $failed failed"
[ "$failed" = 0 ]
