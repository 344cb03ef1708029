#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# Arrays that run when the machine goes down, as that of the root filesystem does: they
# are left as clean as if they had been stopped.
#
# vm-kernels: 6.1
# vm-mdbitmap: newest (6.1 6.12)
# vm-cpus: 1
# vm-disks: vdb=64M vdc=64M vdd=32M vde=64M vdf=64M
# shellcheck disable=SC2154 # arrays.bash sets chunk, bats sets stderr

bats_require_minimum_version 1.5.0
load helpers
load arrays
load faults

# make_mirrors: md0 of vdb and vdc without a bitmap, md1 of vde and vdf with one; they
# are not called clean while they run.
make_mirrors() {
	make_mirror
	mdadm --create /dev/md1 --quiet --run --level=1 --raid-devices=2 --assume-clean \
		/dev/vde /dev/vdf
	mdadm --quiet --stop /dev/md1
	mdbitmap --create /mnt/bitmap --for=/dev/vde --clean --bitmap-chunk=64 --delay=60
	mdadm --assemble --quiet /dev/md0 /dev/vdb /dev/vdc
	mdbitmap --assemble /dev/md1 --bitmap=/mnt/bitmap /dev/vde /dev/vdf
	echo 0 >/sys/block/md0/md/safe_mode_delay
	echo 0 >/sys/block/md1/md/safe_mode_delay
}

# bats test_tags=boot:1
@test "the machine is rebooted while arrays run that have been written to" {
	requires root mdadm vdb vdc vdd vde vdf
	make_bitmap_fs vdd /mnt
	make_mirrors
	write_chunk 5 /dev/md0
	write_chunk 7 /dev/md1
	[[ $(</sys/block/md0/md/array_state) == active && $(</sys/block/md1/md/array_state) == active ]]
	[[ $(dirty_chunks /mnt/bitmap) == 7..8 ]]
	reboot_machine
}

# bats test_tags=boot:2
@test "without a bitmap, no resync is owed" {
	no_readahead vdb vdc
	count_start vdb vdc
	mdadm --assemble --quiet /dev/md0 /dev/vdb /dev/vdc
	[[ $(</sys/block/md0/md/resync_start) == none ]]
	wait_idle md0
	copied 0 vdb vdc
	mdadm --quiet --stop /dev/md0
	members_identical vdb vdc "$(data_offset vdb)"
}

# bats test_tags=boot:2
@test "with one, nothing is to be copied" {
	mount /dev/vdd /mnt
	run -0 mdbitmap --assemble /dev/md1 --bitmap=/mnt/bitmap --json /dev/vde /dev/vdf
	jq -e '.copy_bytes == 0' <<<"$output"
	wait_idle md1
	mdbitmap --stop /dev/md1
	no_bit_in /mnt/bitmap
	members_identical vde vdf "$(data_offset vde)"
}

waits_for_it() { driver_is mdbitmap || skip "stock md waits for it"; }

in_flight() { [[ $(awk '{ print $9 }' "/sys/block/$(name_of "$1")/stat") -gt 0 ]]; }

# bats test_tags=boot:2
@test "a member that hangs does not keep the machine up" {
	waits_for_it
	lay a vdb
	mdadm --assemble --quiet /dev/md0 /dev/mapper/a /dev/vdc
	stays_dirty
	write_chunk 8 /dev/md0
	hangs a
	write_chunk 9 /dev/md0 3>&- &
	retry 100 0.1 in_flight md0
	reboot_machine
}

# bats test_tags=boot:3
@test "it starts as after a power cut then" {
	waits_for_it
	mdadm --assemble --quiet /dev/md0 /dev/vdb /dev/vdc
	retry 100 0.1 grep resync /sys/block/md0/md/last_sync_action
	wait_idle md0
	mdadm --quiet --stop /dev/md0
	members_identical vdb vdc "$(data_offset vdb)"
}
