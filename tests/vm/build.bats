#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# --build: arrays without metadata, their bitmap file made or found.
#
# vm-kernels: 6.1 (6.12)
# vm-mdbitmap: newest (6.1 6.12)
# vm-cpus: 1
# vm-disks: vdb=16M vdc=16777728 vdd=32M
# shellcheck disable=SC2154 # arrays.bash sets chunk, bats sets stderr

bats_require_minimum_version 1.5.0
load helpers
load arrays

setup() {
	requires root mdadm jq vdb vdc vdd
	make_bitmap_fs vdd /mnt
}

teardown() { end_all; }

# build FILE [ARGUMENT...]: md0, a mirror of two.
build() {
	mdbitmap --build /dev/md0 --level=1 --raid-devices=2 --bitmap="$1" "${@:2}"
}

of_bitmap() { mdbitmap --examine --json "$1" | jq -r ".bitmaps[0].$2"; }

identical() { members_identical vdb vdc 0 $((16 * 2048)); }

@test "a new bitmap: made all dirty, everything is copied once" {
	dd if=/dev/urandom of=/dev/vdb bs=1M count=16 oflag=direct status=none
	no_readahead vdb vdc
	looks vdb build /mnt/bitmap --dry-run /dev/vdb /dev/vdc
	count_start vdb vdc
	run -0 --separate-stderr build /mnt/bitmap --bitmap-chunk=64 --delay=3 /dev/vdb /dev/vdc
	[[ $output == '/dev/md0: built from 2 of 2 members, 16 MiB, new bitmap /mnt/bitmap, 256 chunks (16 MiB) to copy' ]]
	wait_idle md0
	copied $((256 * chunk)) vdb vdc
	[[ $(stat -c '%a %u' /mnt/bitmap) == '600 0' ]]
	[[ $(of_bitmap /mnt/bitmap delay_seconds) == 3 ]]
	[[ $(</sys/block/md0/md/metadata_version) == none ]]
	# an odd sector of vdc is not used
	[[ $(blockdev --getsz /dev/md0) == 32768 ]]
	mdbitmap --stop /dev/md0
	no_bit_in /mnt/bitmap
	identical
}

@test "found again: what is dirty is copied, and nothing else" {
	build /mnt/bitmap --bitmap-chunk=64 --assume-clean /dev/vdb /dev/vdc
	mdbitmap --stop /dev/md0
	mdbitmap --mark /mnt/bitmap 7c..9c
	write_chunk 7 /dev/vdb
	write_chunk 8 /dev/vdb
	no_readahead vdb vdc
	looks vdb build /mnt/bitmap --dry-run /dev/vdb /dev/vdc
	count_start vdb vdc
	run -0 --separate-stderr build /mnt/bitmap /dev/vdb /dev/vdc
	[[ $output == *'existing bitmap /mnt/bitmap, 2 chunks (128 KiB) to copy' ]]
	wait_idle md0
	copied $((2 * chunk)) vdb vdc
	mdbitmap --stop /dev/md0
	identical
}

@test "--assume-clean copies nothing and starts clear" {
	no_readahead vdb vdc
	looks vdb build /mnt/bitmap --dry-run /dev/vdb /dev/vdc
	count_start vdb vdc
	run -0 --separate-stderr build /mnt/bitmap --bitmap-chunk=64 --assume-clean /dev/vdb /dev/vdc
	[[ $output == *'nothing to copy' ]]
	wait_idle md0
	copied 0 vdb vdc
	no_bit_in /mnt/bitmap
	write_chunk 3 /dev/md0
	[[ $(dirty_chunks /mnt/bitmap) == 3..4 ]]
}

@test "--assume-clean over set bits is refused, and nothing is built" {
	mdbitmap --create /mnt/bitmap --size=16M
	refused 6 'may differ' --build /dev/md0 --level=1 --raid-devices=2 --bitmap=/mnt/bitmap \
		--assume-clean /dev/vdb /dev/vdc
	left_nothing
}

@test "missing: it starts degraded, and keeps what the other will need" {
	run -0 --separate-stderr build /mnt/bitmap --bitmap-chunk=64 --assume-clean /dev/vdb missing
	[[ $output == *'built from 1 of 2 members'* ]]
	[[ $(</sys/block/md0/md/degraded) == 1 ]]
	write_chunk 3 /dev/md0
	mdbitmap --stop /dev/md0
	[[ $(dirty_chunks /mnt/bitmap) == 3..4 ]]
	no_readahead vdb vdc
	looks vdb build /mnt/bitmap --dry-run /dev/vdb /dev/vdc
	count_start vdb vdc
	build /mnt/bitmap /dev/vdb /dev/vdc
	wait_idle md0
	copied "$chunk" vdb vdc
	mdbitmap --stop /dev/md0
	identical
}

@test "--size uses less of the members" {
	build /mnt/bitmap --size=10M --bitmap-chunk=64 --assume-clean /dev/vdb /dev/vdc
	[[ $(blockdev --getsz /dev/md0) == 20480 ]]
	[[ $(of_bitmap /mnt/bitmap chunks) == 160 ]]
}

@test "--write-mostly is for the members behind it, --write-behind for the file" {
	run -0 --separate-stderr build /mnt/bitmap --assume-clean --write-behind=300 \
		/dev/vdb --write-mostly /dev/vdc
	[[ ! $stderr ]]
	grep -E 'vdc\[1\]\(W\) vdb\[0\]$' /proc/mdstat
	[[ $(</sys/block/md0/md/bitmap/backlog) == 300 ]]
	[[ $(of_bitmap /mnt/bitmap write_behind_requests) == 300 ]]
	no_readahead vdb vdc
	count_start vdb vdc
	dd if=/dev/md0 of=/dev/null bs=1M count=8 iflag=direct status=none
	(($(count_end vdb read) >= 16384 && $(count_end vdc read) == 0))
}

@test "--write-behind changes a file that is there" {
	mdbitmap --create /mnt/bitmap --size=16M --clean
	build /mnt/bitmap --write-behind /dev/vdb --write-mostly /dev/vdc
	[[ $(</sys/block/md0/md/bitmap/backlog) == 256 ]]
	mdbitmap --stop /dev/md0
	# left out, it stays
	build /mnt/bitmap /dev/vdb --write-mostly /dev/vdc
	[[ $(</sys/block/md0/md/bitmap/backlog) == 256 ]]
}

@test "members of an array with metadata are not built over" {
	make_mirror
	refused 5 'use --assemble' --build /dev/md0 --level=1 --raid-devices=2 --bitmap=/mnt/bitmap \
		/dev/vdb /dev/vdc
	left_nothing
	[[ ! -e /mnt/bitmap ]]
}

@test "a member in use is refused, and the file that was made is gone" {
	mkfs.ext4 -q -F /dev/vdc
	mkdir /run/vdc
	mount -o ro /dev/vdc /run/vdc
	refused 5 'mounted at /run/vdc' --build /dev/md0 --level=1 --raid-devices=2 \
		--bitmap=/mnt/bitmap /dev/vdb /dev/vdc
	umount /run/vdc
	left_nothing
	[[ ! -e /mnt/bitmap ]]
}

@test "a file that another program has open is left as it was" {
	mdbitmap --create /mnt/bitmap --size=16M
	exec 9<>/mnt/bitmap
	refused 5 'open for writing' --build /dev/md_home --level=1 --raid-devices=2 \
		--bitmap=/mnt/bitmap --write-behind=99 /dev/vdb --write-mostly /dev/vdc
	exec 9<&-
	left_nothing
}

@test "--dry-run makes nothing" {
	local before
	before=$(everything)
	run -0 --separate-stderr build /mnt/bitmap --dry-run /dev/vdb /dev/vdc
	[[ $output == 'would build /dev/md0 from 2 of 2 members, 16 MiB, new bitmap /mnt/bitmap, '* ]]
	diff <(echo "$before") <(everything)
}

@test "--dry-run is refused where the file could not be made" {
	stock_only "a file is written through its filesystem"
	mkdir -p /tmp/memory
	mount -t tmpfs none /tmp/memory
	run -7 --separate-stderr build /tmp/memory/bitmap --dry-run /dev/vdb /dev/vdc
	[[ ! $output && $stderr == *'on tmpfs'* ]]
	run -7 --separate-stderr build /tmp/memory/bitmap /dev/vdb /dev/vdc
	[[ $stderr == *'on tmpfs'* && ! -e /tmp/memory/bitmap ]]
	umount /tmp/memory
}
