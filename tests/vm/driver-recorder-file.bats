#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# P1 and P2 as in driver-recorder.bats, with the bitmap in a file on ext4, whose
# blocks follow each other on its disk, and with superblocks on the members.
#
# vm-mdbitmap: 6.12 (6.1 newest)
# vm-timeout: 300
# vm-disks: vdb=64M vdc=64M vdd=16M
# vm-recorder: 65536 vdd vdb vdc

bats_require_minimum_version 1.5.0
load helpers
load arrays
load recorded

setup() { requires root fio mdadm filefrag vdb vdc vdd; }

teardown() { end_recorded; }

@test "P1, P2: a file that ext4 writes keeps the promise too" {
	bitmap_on_ext4
	mdbitmap --assemble /dev/md0 --bitmap=/mnt/bitmap /dev/vdb /dev/vdc
	write_recorded
	mdbitmap --stop /dev/md0
}

has_bits() { (($(dirty_sectors /mnt/bitmap))); }
has_many_bits() { (($(dirty_sectors /mnt/bitmap) >= 32 * 128)); }
no_bits() { [[ ! $(dirty_chunks /mnt/bitmap) ]]; }

# What a member has in its cache when it goes is owed to it as much as what it misses.
@test "P2: no bit is cleared while a member is away; when it is back, as ever" {
	mount /dev/vdd /mnt
	mdbitmap --assemble /dev/md0 --bitmap=/mnt/bitmap /dev/vdb /dev/vdc
	echo 0 >/sys/block/md0/md/bitmap/resync_budget
	fio_recorded 12 --size=60M --iodepth=8 --rate_iops=150 3>&- &
	retry 100 0.1 has_many_bits
	mdbitmap --fail /dev/md0 /dev/vdc
	mdbitmap --remove /dev/md0 /dev/vdc
	wait $!
	has_bits
	mdbitmap --re-add /dev/md0 /dev/vdc
	fio_recorded 3 --size=60M --iodepth=4 --rate_iops=100
	wait_idle md0
	retry 100 0.2 no_bits
	mdbitmap --stop /dev/md0
}
