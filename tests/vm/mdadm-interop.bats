#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# Bitmap files go both ways: mdadm examines and uses ours, we its.
#
# vm-kernels: 6.1 (6.12)
# vm-mdbitmap: 6.1 (6.12 newest)
# vm-cpus: 1
# vm-disks: vdb=64M vdc=64M vdd=32M

bats_require_minimum_version 1.5.0
load helpers
load arrays

setup() {
	requires root mdadm jq vdb vdc vdd
	make_bitmap_fs vdd /mnt
}

teardown() { end_all; }

# The lines of mdadm -X of file $1 that do not depend on who made it.
mdadm_says() { mdadm --examine-bitmap "$1" | grep -v Filename; }

@test "mdadm and we read the same in the same file" {
	local key ours
	make_mirror
	mdbitmap --create /mnt/bitmap --for=/dev/vdb --bitmap-chunk=128 --delay=7 --write-behind=99 --clean
	mdbitmap --mark /mnt/bitmap 7c..12c
	ours=$(mdbitmap --examine /mnt/bitmap)
	for key in Magic Version UUID Events 'Events Cleared' State Chunksize Daemon 'Write Mode' Bitmap; do
		diff <(mdadm_says /mnt/bitmap | grep " $key : ") <(grep " $key : " <<<"$ours")
	done
	grep '5 dirty' <<<"$ours"
}

@test "mdadm assembles with a file of ours" {
	make_mirror
	mdbitmap --create /mnt/bitmap --for=/dev/vdb --bitmap-chunk=64 --clean
	mdadm --assemble /dev/md0 --bitmap=/mnt/bitmap /dev/vdb /dev/vdc
	write_chunk 40 /dev/md0
	[[ $(dirty_chunks /mnt/bitmap) == 40..41 ]]
	mdadm --stop /dev/md0
	no_bit_in /mnt/bitmap
}

@test "what mdadm assembled, we assemble, and mdadm again" {
	make_mirror
	mdbitmap --create /mnt/bitmap --for=/dev/vdb --bitmap-chunk=64 --clean
	mdadm --assemble /dev/md0 --bitmap=/mnt/bitmap /dev/vdb /dev/vdc
	write_chunk 40 /dev/md0
	mdadm --stop /dev/md0
	mdbitmap --assemble /dev/md0 --bitmap=/mnt/bitmap /dev/vdb /dev/vdc
	write_chunk 41 /dev/md0
	mdbitmap --stop /dev/md0
	mdadm --assemble /dev/md0 --bitmap=/mnt/bitmap /dev/vdb /dev/vdc
	mdadm --detail /dev/md0 | grep 'Intent Bitmap : /mnt/bitmap'
	members_identical vdb vdc "$(data_offset vdb)"
}

@test "we assemble an array that mdadm created with a bitmap file" {
	mdadm --create /dev/md0 --quiet --run --level=1 --raid-devices=2 --assume-clean \
		--bitmap=/mnt/bitmap --bitmap-chunk=64K /dev/vdb /dev/vdc
	mdadm --stop /dev/md0
	mdbitmap --check /mnt/bitmap --for=/dev/vdb
	mdbitmap --assemble /dev/md0 --bitmap=/mnt/bitmap /dev/vdb /dev/vdc
	write_chunk 12 /dev/md0
	[[ $(dirty_chunks /mnt/bitmap) == *12..13* ]]
	mdbitmap --stop /dev/md0
	no_bit_in /mnt/bitmap
}

@test "we assemble with a file that mdadm gave to the running array" {
	make_mirror
	mdadm --assemble /dev/md0 /dev/vdb /dev/vdc
	mdadm --grow /dev/md0 --bitmap=/mnt/bitmap
	mdadm --stop /dev/md0
	mdbitmap --assemble /dev/md0 --bitmap=/mnt/bitmap /dev/vdb /dev/vdc
	write_chunk 12 /dev/md0
	mdbitmap --stop /dev/md0
	no_bit_in /mnt/bitmap
}

@test "mdadm's --detail and --stop know an array that we started" {
	make_mirror
	mdbitmap --create /mnt/bitmap --for=/dev/vdb --clean
	mdbitmap --assemble /dev/md/home --bitmap=/mnt/bitmap /dev/vdb /dev/vdc
	mdadm --detail --brief /dev/md/home | grep 'bitmap=/mnt/bitmap'
	mdadm --stop /dev/md/home
	retry 20 0.1 test ! -e /sys/block/md_home
}

@test "mdadm builds with a file that we built with, and we with mdadm's" {
	mdbitmap --build /dev/md0 --level=1 --raid-devices=2 --bitmap=/mnt/ours \
		--bitmap-chunk=64 --assume-clean /dev/vdb /dev/vdc
	mdbitmap --stop /dev/md0
	mdadm --build /dev/md0 --level=1 --raid-devices=2 --bitmap=/mnt/ours --assume-clean /dev/vdb /dev/vdc
	mdadm --stop /dev/md0
	mdadm --build /dev/md0 --level=1 --raid-devices=2 --bitmap=/mnt/theirs --assume-clean /dev/vdb /dev/vdc
	mdadm --stop /dev/md0
	mdbitmap --build /dev/md0 --level=1 --raid-devices=2 --bitmap=/mnt/theirs /dev/vdb /dev/vdc
	grep 'file: /mnt/theirs' /proc/mdstat
}
