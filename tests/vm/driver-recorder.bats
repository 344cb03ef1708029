#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# P1 and P2, judged from below the disks: every write and flush of members and
# store has been recorded in one order when this is over, and tracecheck judges
# each instant (see recorder.bash). The bitmap is on a disk of its own, without
# a file system; without metadata the data begin where the members do.
#
# vm-mdbitmap: 6.1 6.12 newest
# vm-timeout: 300
# vm-disks: vdb=64M vdc=64M vdd=4M
# vm-recorder: 65536 vdd vdb vdc

bats_require_minimum_version 1.5.0
load helpers
load arrays
load recorded

setup() { requires root fio vdb vdc vdd; }

# Nothing is wiped: that would be recorded, too.
teardown() {
	mdadm --quiet --stop --scan || true
	umount_tree /mnt
}

@test "P1, P2: whatever is written, no power cut would lose a difference of the members" {
	mdbitmap --create /dev/vdd --size=64M --bitmap-chunk=64K --clean --delay=1 --yes --force
	mdbitmap --build /dev/md0 --level=1 --raid-devices=2 --assume-clean \
		--bitmap=/dev/vdd /dev/vdb /dev/vdc
	write_recorded
	mdbitmap --stop /dev/md0
}
