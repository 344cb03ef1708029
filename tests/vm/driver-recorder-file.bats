#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# P1 and P2 as in driver-recorder.bats, with the bitmap in a file on ext4, whose
# blocks follow each other on its disk, and with superblocks on the members.
#
# vm-mdbitmap: 6.1 6.12 newest
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
