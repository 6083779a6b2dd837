#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# mk/upstream-pieces.sh - operations over memory in many pieces, on stdout, for a file or a loop device.
set -eu
awk 'BEGIN {
	print "size 8m"
	# 301 pieces, the first of which is two segments: cut into requests of 128 segments, the first bio of 256 pieces leaves
	# one piece over, which the second bio joins in one request
	for (n = 0; n < 2; n++) {
		printf "pwrite %dm 128k", 4 * n
		for (i = 0; i < 300; i++) printf " 2k+512"
		print ""
	}
	# pieces that end and begin within pages: what a device with a virt boundary cannot take in one request
	for (n = 0; n < 4; n++) {
		printf "pwrite %dk", 1024 + 300 * n
		for (i = 0; i < 20; i++) printf " 512+512 2048 4096+1024"
		print ""
	}
	print "pread 0 1m"; print "pread 1m 2m 4k"
}'
