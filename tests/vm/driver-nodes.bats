#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# Our driver beside stock md: its own nodes, status file and names; how it is
# loaded and when it goes.
#
# vm-kernels: 6.12 (6.1 newest)
# vm-timeout: 600
# vm-disks: vdb=16M vdc=16M vdd=32M vde=16M vdf=16M

bats_require_minimum_version 1.5.0
load helpers
load arrays

parameters=/sys/module/mdbitmap/parameters

setup() {
	requires root mdadm vdb vdc vdd vde vdf
	make_bitmap_fs vdd /mnt
}

teardown() {
	end_all
	modprobe -r mdbitmap
}

# A mirror that is stopped and clean, its bitmap file.
prepare() {
	make_mirror
	mdbitmap --quiet --create /mnt/bitmap --for=/dev/vdb --clean --bitmap-chunk=64 --delay=60
}

start() {
	prepare
	mdbitmap --quiet --assemble "${1:-/dev/mdb0}" --bitmap=/mnt/bitmap /dev/vdb /dev/vdc
}

# fails TEXT COMMAND: in a shell of its own, which says so.
fails() {
	run bash -c "$2"
	echo "$output"
	[[ $status != 0 && $output == *"$1"* ]]
}

arrays_of_ours() { find /sys/block -maxdepth 1 -name 'mdb*' | wc -l; }

in_use() { fails 'in use' 'rmmod mdbitmap'; }

@test "assembling a node of ours loads the module and makes it; what is written is recorded" {
	[[ ! -e /sys/module/mdbitmap ]]
	start
	grep -E '^ *[0-9]+ mdbitmap$' /proc/devices
	[[ -b /dev/mdb0 && $(<$parameters/takeover) == N ]]
	grep '^mdb0 : active raid1 ' /proc/mdbstat
	grep 'file: /mnt/bitmap$' /proc/mdbstat
	run ! grep mdb0 /proc/mdstat
	write_chunk 7 /dev/mdb0
	[[ $(dirty_chunks /mnt/bitmap) == 7..8 ]]
	mdbitmap --detail /dev/mdb0 | grep 'Intent Bitmap : /mnt/bitmap'
	mdbitmap --stop /dev/mdb0
	no_bit_in /mnt/bitmap
	retry 50 0.1 test ! -e /sys/block/mdb0
	members_identical vdb vdc "$(data_offset vdb)"
}

@test "stock md and ours side by side, each with its own arrays" {
	start
	mdadm --create /dev/md0 --quiet --run --level=1 --raid-devices=2 --assume-clean \
		--metadata=1.2 /dev/vde /dev/vdf
	grep '^md0 ' /proc/mdstat
	run ! grep '^md0 ' /proc/mdbstat
	write_chunk 3 /dev/md0
	write_chunk 3 /dev/mdb0
	# a member of the one is not to be had for the other
	retry 100 0.1 grep -qx clean /sys/block/md0/md/array_state
	mdbitmap --quiet --create /mnt/other --for=/dev/vde --clean
	run -5 mdbitmap --assemble /dev/mdb1 --bitmap=/mnt/other /dev/vde /dev/vdf
	run ! mdadm --assemble /dev/md1 /dev/vdb /dev/vdc
	mdadm --quiet --stop /dev/md0
	mdbitmap --stop /dev/mdb0
	members_identical vde vdf "$(data_offset vde)"
}

@test "takeover is refused with EBUSY while stock md is there" {
	modprobe md_mod
	fails 'Device or resource busy' 'modprobe mdbitmap takeover=1'
	[[ ! -e /sys/module/mdbitmap ]]
	grep '^ *9 md$' /proc/devices
	[[ -e /proc/mdstat ]]
	modprobe mdbitmap # and it still loads beside it
}

@test "takeover: stock md gone, it serves /dev/md* and /proc/mdstat" {
	modprobe -r raid1 md_mod || true
	modprobe -r md_mod || true
	[[ ! -e /sys/module/md_mod ]]
	modprobe mdbitmap takeover=1
	fails 'Permission denied' "echo 0 >$parameters/takeover"
	grep -x 'unused devices: <none>' /proc/mdstat
	[[ ! -e /proc/mdbstat ]]
	prepare_with_takeover
	mdbitmap --assemble /dev/md0 --bitmap=/mnt/bitmap /dev/vdb /dev/vdc
	grep 'file: /mnt/bitmap$' /proc/mdstat
	mdbitmap --stop /dev/md0
}

prepare_with_takeover() {
	mdadm --create /dev/md0 --quiet --run --level=1 --raid-devices=2 --assume-clean /dev/vdb /dev/vdc
	mdadm --quiet --stop /dev/md0
	mdbitmap --quiet --create /mnt/bitmap --for=/dev/vdb --clean
}

@test "new_array takes mdbN and mdb_NAME, and nothing else" {
	local word
	modprobe mdbitmap
	echo mdb7 >$parameters/new_array
	echo mdb_home >$parameters/new_array
	[[ -e /sys/block/mdb7/md && -e /sys/block/mdb_home/md ]]
	fails 'File exists' "echo mdb7 >$parameters/new_array"
	fails 'File exists' "echo mdb_home >$parameters/new_array"
	for word in md0 md_x mdb mdb- mdbx mdb1x mdb_ sda '' 'mdb_a/b' mdb99999999 mdb-1; do
		run bash -c "printf '%s\n' '$word' >$parameters/new_array"
		[[ $status != 0 ]] || { echo "taken: $word" && return 1; }
	done
	fails 'Invalid argument' "echo sda >$parameters/new_array"
	fails 'Argument list too long' "echo mdb_$(printf 'x%.0s' {1..40}) >$parameters/new_array"
	fails 'Permission denied' "cat $parameters/new_array"
	(($(arrays_of_ours) == 2))
	[[ $(</sys/block/mdb7/md/array_state) == clear && $(</sys/block/mdb_home/md/array_state) == clear ]]
	echo clear >/sys/block/mdb7/md/array_state
	echo clear >/sys/block/mdb_home/md/array_state
	retry 50 0.1 test ! -e /sys/block/mdb_home
}

@test "rmmod is refused while an array runs, or is half assembled; then it goes" {
	start
	in_use
	echo inactive >/sys/block/mdb0/md/array_state
	in_use
	mdbitmap --stop /dev/mdb0
	retry 50 0.1 rmmod mdbitmap
	[[ ! -e /proc/mdbstat && ! -e /sys/block/mdb0 && ! -e /sys/module/mdbitmap ]]
	run ! grep -w mdbitmap /proc/devices
}

@test "loaded and unloaded again and again, with an array each time" {
	prepare
	for _ in 1 2 3 4 5; do
		modprobe mdbitmap
		mdbitmap --quiet --assemble /dev/mdb0 --bitmap=/mnt/bitmap /dev/vdb /dev/vdc
		write_chunk 4 /dev/mdb0
		mdbitmap --quiet --stop /dev/mdb0
		retry 50 0.1 rmmod mdbitmap
	done
	members_identical vdb vdc "$(data_offset vdb)"
}

@test "a named array is reached by /dev/mdb/NAME" {
	start /dev/mdb/home
	[[ $(realpath /dev/mdb/home) == /dev/mdb_home ]]
	write_chunk 1 /dev/mdb/home
	mdbitmap --stop /dev/mdb/home
	retry 50 0.1 test ! -e /sys/block/mdb_home
}

@test "a hundred arrays come and go" {
	local n
	modprobe mdbitmap
	for n in {0..99}; do
		echo "mdb$n" >$parameters/new_array
	done
	(($(arrays_of_ours) == 100))
	for n in {0..99}; do
		echo clear >"/sys/block/mdb$n/md/array_state"
	done
	retry 100 0.1 test ! -e /sys/block/mdb99
	retry 50 0.1 rmmod mdbitmap
}
