#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# A clean stop leaves no bit on a healthy array, and every bit on a degraded one.
#
# vm-kernels: 6.1
# vm-mdbitmap: newest (6.1 6.12)
# vm-cpus: 1
# vm-disks: vdb=64M vdc=64M vdd=32M
# shellcheck disable=SC2154 # arrays.bash sets chunk, bats sets stderr

bats_require_minimum_version 1.5.0
load helpers
load arrays

setup() {
	requires root mdadm vdb vdc vdd
	make_bitmap_fs vdd /mnt
	make_mirror
	mdbitmap --create /mnt/bitmap --for=/dev/vdb --clean --bitmap-chunk=64 --delay=60
}

teardown() { end_all; }

@test "a clean stop leaves no bit" {
	mdbitmap --assemble /dev/md0 --bitmap=/mnt/bitmap /dev/vdb /dev/vdc
	write_chunk 5 /dev/md0
	write_chunk 99 /dev/md0
	[[ $(dirty_chunks /mnt/bitmap) == '5..6 99..100' ]]
	mdbitmap --stop /dev/md0
	no_bit_in /mnt/bitmap
	members_identical vdb vdc "$(data_offset vdb)"
}

@test "stopped degraded, the bits that the missing member needs stay" {
	mdbitmap --assemble /dev/md0 --bitmap=/mnt/bitmap /dev/vdb /dev/vdc
	write_chunk 5 /dev/md0
	mdadm /dev/md0 --fail /dev/vdc --remove /dev/vdc
	write_chunk 99 /dev/md0
	mdbitmap --stop /dev/md0
	[[ $(dirty_chunks /mnt/bitmap) == *99..100* ]]
}

@test "assembled with the member that was missing, it is re-added and gets what it missed" {
	mdbitmap --assemble /dev/md0 --bitmap=/mnt/bitmap /dev/vdb /dev/vdc
	write_chunk 5 /dev/md0
	mdadm /dev/md0 --fail /dev/vdc --remove /dev/vdc
	write_chunk 99 /dev/md0
	mdbitmap --stop /dev/md0
	local dirty
	dirty=$(dirty_sectors /mnt/bitmap)
	((dirty < 4 * chunk))

	no_readahead vdb vdc
	count_start vdb vdc
	run -0 mdbitmap --assemble /dev/md0 --bitmap=/mnt/bitmap /dev/vdb /dev/vdc
	[[ $output == *'started with 1 of 2 members'* ]]
	[[ $output == *'re-added /dev/vdc to /dev/md0, '*' KiB to copy to it'* ]]
	wait_idle md0
	copied "$dirty" vdb vdc
	[[ $(</sys/block/md0/md/degraded) == 0 ]]
	mdbitmap --stop /dev/md0
	no_bit_in /mnt/bitmap
	members_identical vdb vdc "$(data_offset vdb)"
}
