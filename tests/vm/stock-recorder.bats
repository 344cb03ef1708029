#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# What driver-recorder-file.bats asks of our driver, asked of stock md, which
# never flushes a bitmap file: the recorder must see that a power cut can lose
# what the bitmap is for. See docs/MD-RACES.md.
#
# vm-kernels: 6.1
# vm-timeout: 300
# vm-disks: vdb=64M vdc=64M vdd=16M
# vm-recorder: 65536 vdd vdb vdc
# vm-recorder-finds: violations

bats_require_minimum_version 1.5.0
load helpers
load arrays
load recorded

setup() { requires root fio mdadm filefrag vdb vdc vdd; }

teardown() { end_recorded; }

@test "stock md with a bitmap file is written to, and recorded" {
	bitmap_on_ext4
	mdadm --assemble /dev/md0 --bitmap=/mnt/bitmap /dev/vdb /dev/vdc
	fio_recorded 6 --size=60M --iodepth=16 --rate_iops=300
	fio_recorded 8 --size=60M --iodepth=4 --thinktime=300ms --thinktime_blocks=16
	mdadm --stop /dev/md0
}
